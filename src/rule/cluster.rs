//! Clusters: who is served by which Unified CM.

use entity::{
    ClusterId, Moment, OrganizationId,
    cluster::{Model, MultipleLogin},
    organization,
};
use serde::{Deserialize, Serialize};

use super::{Broken, Change, Decision, Patch, Rule, check_taken, check_version, value};

/// What is given at creation and may be updated.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct Fields {
    pub name: String,
    pub description: String,
    pub release: Option<String>,
    pub multiple_login: MultipleLogin,
    pub max_login_minutes: Option<i32>,
    pub max_concurrent_logins: Option<i32>,
}

/// Makes a cluster that serves an organization and everything below it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Create {
    pub organization: OrganizationId,
    pub fields: Patch<Fields>,
}

/// What [`create`] must know.
pub struct CreateFacts {
    pub id: ClusterId,
    pub now: Moment,
    pub organization: Option<organization::Model>,
    /// Free names near it, where another one has the name.
    pub taken: Option<Vec<String>>,
}

/// Updates the fields that were sent.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Update {
    pub id: ClusterId,
    pub expected_version: Option<i64>,
    pub fields: Patch<Fields>,
}

/// What [`update`] must know.
pub struct UpdateFacts {
    pub now: Moment,
    pub current: Option<Model>,
    /// Free names near it, where another one has the name.
    pub taken: Option<Vec<String>>,
}

/// Deletes a cluster that holds nothing.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Delete {
    pub id: ClusterId,
    pub expected_version: Option<i64>,
}

/// What [`delete`] must know.
pub struct DeleteFacts {
    pub current: Option<Model>,
    pub holds: Vec<String>,
}

/// Where a device, line or user is to be kept, and on which cluster.
#[derive(Clone, Debug)]
pub struct Place {
    pub organization: Option<organization::Model>,
    pub cluster: Option<Model>,
    /// Whether the organization is the cluster's or stands below it.
    pub serves: bool,
}

impl Place {
    /// The cluster, when the caller sees it: what is taken on another one is not for the caller to know (ACC-7).
    pub fn seen(&self) -> Option<ClusterId> {
        self.cluster.as_ref().map(|cluster| cluster.id)
    }

    /// Notes what keeps a thing from being kept there.
    pub fn check(&self, broken: &mut Broken, organization: OrganizationId, cluster: ClusterId) {
        self.check_served(broken, organization, cluster);
        if let (Some(organization), Some(_)) = (&self.organization, &self.cluster) {
            broken.when(organization.parent_id.is_none(), || Rule::OrganizationIsRoot, "organizationId");
        }
    }

    /// The same for what may also be kept at the root.
    pub fn check_served(&self, broken: &mut Broken, organization: OrganizationId, cluster: ClusterId) {
        let noun = "organization";
        broken.when(
            self.organization.is_none(),
            || Rule::NotFound { noun, id: organization.to_string() },
            "organizationId",
        );
        broken.when(self.cluster.is_none(), || not_found(cluster), "clusterId");
        let (Some(organization), Some(cluster)) = (&self.organization, &self.cluster) else { return };
        broken.when(
            !self.serves,
            || Rule::ClusterDoesNotServe {
                cluster: cluster.name.clone(),
                organization: organization.path.clone(),
            },
            "clusterId",
        );
    }
}

/// Decides [`Create`].
pub fn create(cmd: &Create, facts: &CreateFacts) -> Decision {
    let mut broken = Broken::none();
    let id = cmd.organization;
    broken.when(
        facts.organization.is_none(),
        || Rule::NotFound { noun: "organization", id: id.to_string() },
        "organizationId",
    );
    let fields = checked(&mut broken, &cmd.fields, &Fields::default(), facts.taken.as_deref());
    broken.or(|| {
        let cluster = Model {
            id: facts.id,
            organization_id: cmd.organization,
            name_key: value::key(&fields.name),
            name: fields.name,
            description: fields.description,
            release: fields.release,
            multiple_login: fields.multiple_login,
            max_login_minutes: fields.max_login_minutes,
            max_concurrent_logins: fields.max_concurrent_logins,
            version: 1,
            created_at: facts.now,
            updated_at: facts.now,
        };
        vec![Change::ClusterCreated { cluster }]
    })
}

/// Decides [`Update`].
pub fn update(cmd: &Update, facts: &UpdateFacts) -> Decision {
    let Some(current) = &facts.current else { return Err(Broken::one(not_found(cmd.id), "id")) };
    let mut broken = Broken::none();
    check_version(&mut broken, cmd.expected_version, current.version);
    let before = Fields {
        name: current.name.clone(),
        description: current.description.clone(),
        release: current.release.clone(),
        multiple_login: current.multiple_login,
        max_login_minutes: current.max_login_minutes,
        max_concurrent_logins: current.max_concurrent_logins,
    };
    let fields = checked(&mut broken, &cmd.fields, &before, facts.taken.as_deref());
    broken.or(|| {
        if fields == before {
            return Vec::new();
        }
        let after = Model {
            name_key: value::key(&fields.name),
            name: fields.name,
            description: fields.description,
            release: fields.release,
            multiple_login: fields.multiple_login,
            max_login_minutes: fields.max_login_minutes,
            max_concurrent_logins: fields.max_concurrent_logins,
            version: current.version + 1,
            updated_at: facts.now,
            ..current.clone()
        };
        vec![Change::ClusterUpdated { before: current.clone(), after }]
    })
}

/// Decides [`Delete`].
pub fn delete(cmd: &Delete, facts: &DeleteFacts) -> Decision {
    let Some(current) = &facts.current else { return Err(Broken::one(not_found(cmd.id), "id")) };
    let mut broken = Broken::none();
    check_version(&mut broken, cmd.expected_version, current.version);
    broken.when(!facts.holds.is_empty(), || Rule::ClusterNotEmpty { holds: facts.holds.join(", ") }, "id");
    broken.or(|| vec![Change::ClusterDeleted { cluster: current.clone() }])
}

fn checked(broken: &mut Broken, patch: &Patch<Fields>, before: &Fields, taken: Option<&[String]>) -> Fields {
    let fields = super::patched(broken, patch, before, "");
    broken.take(value::organization_name(&fields.name), "name");
    value::text(broken, "The description", &fields.description, 128, "description");
    value::text_or_none(broken, "The release", fields.release.as_deref(), 32, "release");
    value::range(broken, "maxLoginMinutes", fields.max_login_minutes, 0, 10_080, "maxLoginMinutes");
    let at_once = fields.max_concurrent_logins;
    value::range(broken, "maxConcurrentLogins", at_once, 1, 10_000, "maxConcurrentLogins");
    let rule = |suggestions| Rule::ClusterNameTaken { name: fields.name.clone(), suggestions };
    check_taken(broken, taken, rule, "name");
    fields
}

fn not_found(id: ClusterId) -> Rule {
    Rule::NotFound { noun: "cluster", id: id.to_string() }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::rule::{
        organization::tests::organization,
        tests_support::{no, ok, patch},
    };

    pub fn cluster(id: i64) -> Model {
        Model {
            id: ClusterId(id),
            organization_id: OrganizationId(1),
            name: "emea".into(),
            name_key: "emea".into(),
            description: String::new(),
            release: None,
            multiple_login: MultipleLogin::NotAllowed,
            max_login_minutes: None,
            max_concurrent_logins: None,
            version: 1,
            created_at: Moment(0),
            updated_at: Moment(0),
        }
    }

    #[test]
    fn a_cluster_needs_a_free_name_and_a_login_time_in_range() {
        let create = |fields: &str, taken: bool| {
            create(
                &Create { organization: OrganizationId(1), fields: patch(fields) },
                &CreateFacts {
                    id: ClusterId(2),
                    now: Moment(3),
                    organization: Some(organization(1, organization::Kind::Provider, "acme")),
                    taken: taken.then(Vec::new),
                },
            )
        };
        ok(create(r#"{"name":"emea","max_login_minutes":10080,"max_concurrent_logins":1}"#, false));
        no(
            create(r#"{"name":"a.b","max_login_minutes":10081}"#, true),
            &[
                ("ORGANIZATION_NAME_INVALID", "name"),
                ("VALUE_OUT_OF_RANGE", "maxLoginMinutes"),
                ("CLUSTER_NAME_TAKEN", "name"),
            ],
        );
    }

    #[test]
    fn an_update_changes_what_was_sent_only() {
        let update = |fields: &str| {
            update(
                &Update { id: ClusterId(2), expected_version: Some(1), fields: patch(fields) },
                &UpdateFacts { now: Moment(3), current: Some(cluster(2)), taken: None },
            )
        };
        let changes = ok(update(r#"{"multiple_login":"ALLOWED"}"#));
        assert!(
            matches!(&changes[0], Change::ClusterUpdated { after, .. } if after.name == "emea" && after.multiple_login == MultipleLogin::Allowed)
        );
        assert!(ok(update(r#"{"name":"emea"}"#)).is_empty());
    }

    #[test]
    fn a_place_must_be_served_and_must_not_be_the_root() {
        let mut site = organization(4, organization::Kind::Site, "acme.Berlin");
        site.parent_id = Some(OrganizationId(1));
        let check = |organization, serves| {
            let mut broken = Broken::none();
            Place { organization, cluster: Some(cluster(2)), serves }.check(
                &mut broken,
                OrganizationId(4),
                ClusterId(2),
            );
            broken.or(Vec::new)
        };
        ok(check(Some(site.clone()), true));
        no(check(Some(site), false), &[("CLUSTER_DOES_NOT_SERVE", "clusterId")]);
        no(check(None, false), &[("NOT_FOUND", "organizationId")]);
        let root = organization(1, organization::Kind::Provider, "acme");
        no(check(Some(root), true), &[("ORGANIZATION_IS_ROOT", "organizationId")]);
    }
}
