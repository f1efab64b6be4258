//! Organizations: the tree and what may stand where (HIE-1, HIE-4, HIE-6).

use std::collections::BTreeSet;

use entity::{
    ClusterId, Moment, OrganizationId, QuickAddId,
    organization::{Kind, LinePreferences, Model},
};
use serde::{Deserialize, Serialize};

use super::{
    Broken, Change, Decision, Patch, Rule, check_taken, check_version,
    line_preference::check_template,
    number::LONGEST,
    quick_add::{self, Sent},
    value,
};

/// Most Quick Add groups that an organization may have from the beginning.
pub const MOST_GROUPS: usize = 50;

/// Makes an organization below a parent, or a root.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Create {
    pub parent: Option<OrganizationId>,
    pub kind: Kind,
    pub name: String,
    pub cooling_days: Option<i32>,
    /// Most profiles of a user (USR-11).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_profiles_per_user: Option<i32>,
    /// Whether numbers may be added (INV-12).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number_management: Option<bool>,
    /// Whether a customer's numbers are its sites' as well (INV-4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unique_numbers: Option<bool>,
    /// What becomes of lines that devices leave behind (DEL-5).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line_delete_preferences: Option<LinePreferences>,
    /// Quick Add groups that it has from the beginning, copied from those above it (HIE-5).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<CopiedGroup>,
}

/// A Quick Add group that a new organization gets: a copy that inherits nothing later (HIE-5).
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct CopiedGroup {
    pub from: QuickAddId,
    /// That of the group which is copied when left out.
    pub cluster: Option<ClusterId>,
    /// The same when left out.
    pub name: Option<String>,
}

/// What [`create`] must know.
pub struct CreateFacts {
    pub id: OrganizationId,
    pub now: Moment,
    pub parent: Option<Model>,
    /// Free names near it, where another one has the name.
    pub taken: Option<Vec<String>>,
    /// About the groups that it gets, in the order of the command; none where its place is not known.
    pub groups: Vec<quick_add::CreateFacts>,
}

/// Updates what is set at an organization.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Update {
    pub id: OrganizationId,
    pub expected_version: Option<i64>,
    /// `Some(None)` leaves it to the organization above.
    pub cooling_days: Option<Option<i32>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_profiles_per_user: Option<Option<i32>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number_management: Option<Option<bool>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unique_numbers: Option<Option<bool>>,
    /// `Some(None)` leaves it to the organization above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line_delete_preferences: Option<Option<LinePreferences>>,
}

/// What [`update`] must know.
pub struct UpdateFacts {
    pub now: Moment,
    pub current: Option<Model>,
}

/// Gives an organization another name.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Rename {
    pub id: OrganizationId,
    pub expected_version: Option<i64>,
    pub name: String,
}

/// What [`rename`] must know.
pub struct RenameFacts {
    pub now: Moment,
    pub current: Option<Model>,
    /// Free names near it, where another one has the name.
    pub taken: Option<Vec<String>>,
}

/// Moves an organization, with everything below it, below another parent.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Move {
    pub id: OrganizationId,
    pub expected_version: Option<i64>,
    pub parent: OrganizationId,
}

/// What [`relocate`] must know.
pub struct MoveFacts {
    pub now: Moment,
    pub current: Option<Model>,
    pub parent: Option<Model>,
    /// Free names near it, where another one has the name.
    pub taken: Option<Vec<String>>,
    /// Whether the new parent is the organization itself or stands below it.
    pub inside: bool,
    /// Clusters in use below it that would no longer serve it.
    pub left: Vec<String>,
}

/// Deletes an organization that holds nothing.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Delete {
    pub id: OrganizationId,
    pub expected_version: Option<i64>,
}

/// What [`delete`] must know.
pub struct DeleteFacts {
    pub current: Option<Model>,
    /// What it holds, such as `2 profiles`.
    pub holds: Vec<String>,
}

/// Decides [`Create`].
pub fn create(cmd: &Create, facts: &CreateFacts) -> Decision {
    let mut broken = Broken::none();
    broken.take(value::organization_name(&cmd.name), "name");
    if let Some(parent) = cmd.parent {
        broken.when(facts.parent.is_none(), || not_found(parent), "parentId");
    }
    if cmd.parent.is_none() || facts.parent.is_some() {
        check_place(&mut broken, cmd.kind, facts.parent.as_ref(), "kind");
    }
    value::range(&mut broken, "coolingDays", cmd.cooling_days, 0, LONGEST, "coolingDays");
    check_profiles(&mut broken, cmd.max_profiles_per_user);
    check_preferences(&mut broken, cmd.line_delete_preferences.as_ref());
    let path = path(facts.parent.as_ref(), &cmd.name);
    let rule = |suggestions| Rule::OrganizationNameTaken { path: path.clone(), suggestions };
    check_taken(&mut broken, facts.taken.as_deref(), rule, "name");
    let groups = groups(&mut broken, cmd, facts);
    broken.or(|| {
        let organization = made(cmd, facts.id, facts.parent.as_ref(), facts.now);
        std::iter::once(Change::OrganizationCreated { organization }).chain(groups).collect()
    })
}

/// The organization that a command makes below a parent.
pub fn made(cmd: &Create, id: OrganizationId, parent: Option<&Model>, now: Moment) -> Model {
    let path = path(parent, &cmd.name);
    Model {
        id,
        parent_id: cmd.parent,
        kind: cmd.kind,
        name: cmd.name.clone(),
        path_key: value::key(&path),
        path,
        cooling_days: cmd.cooling_days,
        max_profiles_per_user: cmd.max_profiles_per_user,
        number_management: cmd.number_management,
        unique_numbers: cmd.unique_numbers,
        line_delete_preferences: cmd.line_delete_preferences.clone(),
        version: 1,
        created_at: now,
        updated_at: now,
    }
}

/// The command that copies a group to an organization.
pub fn copied(group: &CopiedGroup, organization: OrganizationId) -> quick_add::Create {
    let name = group.name.iter().map(|name| ("name".to_owned(), name.as_str().into())).collect();
    quick_add::Create {
        organization,
        cluster: group.cluster,
        copy_from: Some(group.from),
        sent: Sent { fields: Patch::new(name), ..Sent::default() },
    }
}

/// The Quick Add groups that a new organization has, each by the rules of a copy that is made by itself.
fn groups(broken: &mut Broken, cmd: &Create, facts: &CreateFacts) -> Vec<Change> {
    broken.when(
        cmd.groups.len() > MOST_GROUPS,
        || Rule::TooManyItems { most: MOST_GROUPS },
        "quickAddGroups",
    );
    let (mut groups, mut names) = (Vec::new(), BTreeSet::new());
    for (at, (group, known)) in cmd.groups.iter().zip(&facts.groups).enumerate() {
        let Some(from) = &known.from else {
            broken.add(quick_add::not_found(group.from), format!("quickAddGroups.{at}.copyFromId"));
            continue;
        };
        let name = group.name.as_ref().unwrap_or(&from.name);
        let repeated = || Rule::ValueRepeated { what: name.clone() };
        broken.when(!names.insert(value::key(name)), repeated, &format!("quickAddGroups.{at}"));
        match quick_add::create(&copied(group, facts.id), known) {
            Ok(made) => groups.extend(made),
            Err(part) => broken.nest(part, &format!("quickAddGroups.{at}")),
        }
    }
    groups
}

/// Decides [`Update`].
pub fn update(cmd: &Update, facts: &UpdateFacts) -> Decision {
    let Some(current) = &facts.current else { return Err(Broken::one(not_found(cmd.id), "id")) };
    let mut broken = Broken::none();
    check_version(&mut broken, cmd.expected_version, current.version);
    let set = Model {
        cooling_days: cmd.cooling_days.unwrap_or(current.cooling_days),
        max_profiles_per_user: cmd.max_profiles_per_user.unwrap_or(current.max_profiles_per_user),
        number_management: cmd.number_management.unwrap_or(current.number_management),
        unique_numbers: cmd.unique_numbers.unwrap_or(current.unique_numbers),
        line_delete_preferences: cmd
            .line_delete_preferences
            .clone()
            .unwrap_or_else(|| current.line_delete_preferences.clone()),
        ..current.clone()
    };
    value::range(&mut broken, "coolingDays", set.cooling_days, 0, LONGEST, "coolingDays");
    check_profiles(&mut broken, set.max_profiles_per_user);
    check_preferences(&mut broken, set.line_delete_preferences.as_ref());
    broken.or(|| {
        if set == *current {
            return Vec::new();
        }
        let after = Model { version: current.version + 1, updated_at: facts.now, ..set };
        vec![Change::OrganizationUpdated { before: current.clone(), after }]
    })
}

fn check_preferences(broken: &mut Broken, preferences: Option<&LinePreferences>) {
    if let Some(template) = preferences.and_then(|preferences| preferences.template.as_ref()) {
        check_template(broken, template, "lineDeletePreferences.template");
    }
}

fn check_profiles(broken: &mut Broken, most: Option<i32>) {
    value::range(broken, "maxProfilesPerUser", most, 0, 10_000, "maxProfilesPerUser");
}

/// Decides [`Rename`].
pub fn rename(cmd: &Rename, facts: &RenameFacts) -> Decision {
    let Some(current) = &facts.current else { return Err(Broken::one(not_found(cmd.id), "id")) };
    let mut broken = Broken::none();
    check_version(&mut broken, cmd.expected_version, current.version);
    broken.take(value::organization_name(&cmd.name), "name");
    let above = current.path.strip_suffix(&current.name).unwrap_or_default();
    let path = format!("{above}{}", cmd.name);
    let rule = |suggestions| Rule::OrganizationNameTaken { path: path.clone(), suggestions };
    check_taken(&mut broken, facts.taken.as_deref(), rule, "name");
    broken.or(|| {
        if cmd.name == current.name {
            return Vec::new();
        }
        let after = Model {
            name: cmd.name.clone(),
            path_key: value::key(&path),
            path: path.clone(),
            version: current.version + 1,
            updated_at: facts.now,
            ..current.clone()
        };
        vec![Change::OrganizationRenamed { before: current.clone(), after }]
    })
}

/// Decides [`Move`].
pub fn relocate(cmd: &Move, facts: &MoveFacts) -> Decision {
    let mut broken = Broken::none();
    broken.when(facts.current.is_none(), || not_found(cmd.id), "id");
    broken.when(facts.parent.is_none(), || not_found(cmd.parent), "parentId");
    let (Some(current), Some(parent)) = (&facts.current, &facts.parent) else { return Err(broken) };
    check_version(&mut broken, cmd.expected_version, current.version);
    broken.when(facts.inside, || Rule::OrganizationInsideItself, "parentId");
    if !facts.inside {
        check_place(&mut broken, current.kind, Some(parent), "parentId");
    }
    for cluster in &facts.left {
        broken.add(Rule::OrganizationLeavesCluster { cluster: cluster.clone() }, "parentId");
    }
    let path = path(Some(parent), &current.name);
    let rule = |suggestions| Rule::OrganizationNameTaken { path: path.clone(), suggestions };
    check_taken(&mut broken, facts.taken.as_deref(), rule, "parentId");
    broken.or(|| {
        if current.parent_id == Some(parent.id) {
            return Vec::new();
        }
        let after = Model {
            parent_id: Some(parent.id),
            path_key: value::key(&path),
            path: path.clone(),
            version: current.version + 1,
            updated_at: facts.now,
            ..current.clone()
        };
        vec![Change::OrganizationMoved { before: current.clone(), after }]
    })
}

/// Decides [`Delete`].
pub fn delete(cmd: &Delete, facts: &DeleteFacts) -> Decision {
    let Some(current) = &facts.current else { return Err(Broken::one(not_found(cmd.id), "id")) };
    let mut broken = Broken::none();
    check_version(&mut broken, cmd.expected_version, current.version);
    broken.when(
        !facts.holds.is_empty(),
        || Rule::OrganizationNotEmpty { holds: facts.holds.join(", ") },
        "id",
    );
    broken.or(|| vec![Change::OrganizationDeleted { organization: current.clone() }])
}

/// The dotted path of a name below a parent.
pub fn path(parent: Option<&Model>, name: &str) -> String {
    parent.map_or_else(|| name.to_owned(), |parent| format!("{}.{name}", parent.path))
}

fn not_found(id: OrganizationId) -> Rule {
    Rule::NotFound { noun: "organization", id: id.to_string() }
}

fn check_place(broken: &mut Broken, kind: Kind, parent: Option<&Model>, path: &str) {
    let fits = match (kind, parent.map(|parent| parent.kind)) {
        (Kind::Provider, None)
        | (Kind::Reseller, Some(Kind::Provider))
        | (Kind::Customer, Some(Kind::Provider | Kind::Reseller))
        | (Kind::Intermediate | Kind::Site, Some(Kind::Customer | Kind::Intermediate)) => true,
        (Kind::Provider | Kind::Reseller | Kind::Customer | Kind::Intermediate | Kind::Site, _) => false,
    };
    let parent = parent.map_or_else(|| "nothing".to_owned(), |parent| kind_name(parent.kind).to_owned());
    broken.when(!fits, || Rule::OrganizationKindMisplaced { kind: kind_name(kind).to_owned(), parent }, path);
}

fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Provider => "PROVIDER",
        Kind::Reseller => "RESELLER",
        Kind::Customer => "CUSTOMER",
        Kind::Intermediate => "INTERMEDIATE",
        Kind::Site => "SITE",
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::rule::tests_support::{no, ok};

    pub fn organization(id: i64, kind: Kind, path: &str) -> Model {
        Model {
            id: OrganizationId(id),
            parent_id: None,
            kind,
            name: path.rsplit('.').next().unwrap_or(path).to_owned(),
            path: path.to_owned(),
            path_key: value::key(path),
            cooling_days: None,
            max_profiles_per_user: None,
            number_management: None,
            unique_numbers: None,
            line_delete_preferences: None,
            version: 1,
            created_at: Moment(0),
            updated_at: Moment(0),
        }
    }

    fn create_below(parent: Option<Kind>, kind: Kind, name: &str, taken: bool) -> Decision {
        let parent = parent.map(|kind| organization(1, kind, "acme"));
        let cmd = Create {
            parent: parent.as_ref().map(|p| p.id),
            kind,
            name: name.into(),
            cooling_days: None,
            max_profiles_per_user: None,
            number_management: None,
            unique_numbers: None,
            line_delete_preferences: None,
            groups: Vec::new(),
        };
        let (now, taken) = (Moment(5), taken.then(Vec::new));
        create(&cmd, &CreateFacts { id: OrganizationId(9), now, parent, taken, groups: Vec::new() })
    }

    #[test]
    fn each_kind_has_its_place() {
        use Kind::{Customer, Intermediate, Provider, Reseller, Site};
        ok(create_below(None, Provider, "acme", false));
        for (parent, kind) in [
            (Provider, Reseller),
            (Provider, Customer),
            (Reseller, Customer),
            (Customer, Intermediate),
            (Intermediate, Intermediate),
            (Intermediate, Site),
            (Customer, Site),
        ] {
            ok(create_below(Some(parent), kind, "x", false));
        }
        for (parent, kind) in
            [(Site, Site), (Customer, Customer), (Provider, Site), (Provider, Provider), (Site, Intermediate)]
        {
            no(create_below(Some(parent), kind, "x", false), &[("ORGANIZATION_KIND_MISPLACED", "kind")]);
        }
        no(create_below(None, Kind::Site, "x", false), &[("ORGANIZATION_KIND_MISPLACED", "kind")]);
    }

    #[test]
    fn every_fault_is_told_at_once() {
        no(
            create_below(Some(Kind::Site), Kind::Site, "a.b", true),
            &[
                ("ORGANIZATION_NAME_INVALID", "name"),
                ("ORGANIZATION_KIND_MISPLACED", "kind"),
                ("ORGANIZATION_NAME_TAKEN", "name"),
            ],
        );
    }

    #[test]
    fn a_rename_rewrites_the_path_and_the_same_name_is_no_change() {
        let rename = |name: &str, version| {
            rename(
                &Rename { id: OrganizationId(2), expected_version: Some(version), name: name.into() },
                &RenameFacts {
                    now: Moment(7),
                    current: Some(organization(2, Kind::Site, "acme.Berlin")),
                    taken: None,
                },
            )
        };
        let changes = ok(rename("Bonn", 1));
        assert!(
            matches!(&changes[0], Change::OrganizationRenamed { after, .. } if after.path == "acme.Bonn" && after.version == 2)
        );
        assert!(ok(rename("Berlin", 1)).is_empty());
        no(rename("Bonn", 4), &[("VERSION_CONFLICT", "expectedVersion")]);
    }

    fn nothing() -> Update {
        Update {
            id: OrganizationId(2),
            expected_version: Some(1),
            cooling_days: None,
            max_profiles_per_user: None,
            number_management: None,
            unique_numbers: None,
            line_delete_preferences: None,
        }
    }

    fn updated(cmd: Update) -> Decision {
        let current = Some(organization(2, Kind::Site, "acme.Berlin"));
        update(&cmd, &UpdateFacts { now: Moment(7), current })
    }

    #[test]
    fn a_user_may_have_none_to_ten_thousand_profiles() {
        let profiles = |most| updated(Update { max_profiles_per_user: Some(most), ..nothing() });
        for most in [Some(0), Some(10_000)] {
            assert_eq!(ok(profiles(most)).len(), 1);
        }
        assert!(ok(profiles(None)).is_empty());
        no(profiles(Some(10_001)), &[("VALUE_OUT_OF_RANGE", "maxProfilesPerUser")]);
        assert_eq!(ok(updated(Update { number_management: Some(Some(false)), ..nothing() })).len(), 1);
    }

    #[test]
    fn numbers_cool_for_up_to_999_days() {
        let update = |days| updated(Update { cooling_days: Some(days), ..nothing() });
        for days in [Some(0), Some(999)] {
            assert_eq!(ok(update(days)).len(), 1);
        }
        assert!(ok(update(None)).is_empty());
        no(update(Some(1_000)), &[("VALUE_OUT_OF_RANGE", "coolingDays")]);
        no(update(Some(-1)), &[("VALUE_OUT_OF_RANGE", "coolingDays")]);
    }

    #[test]
    fn a_move_stays_outside_itself_and_within_reach_of_its_clusters() {
        let relocate = |inside, left: &[&str]| {
            relocate(
                &Move { id: OrganizationId(2), expected_version: None, parent: OrganizationId(3) },
                &MoveFacts {
                    now: Moment(7),
                    current: Some(organization(2, Kind::Site, "acme.Berlin")),
                    parent: Some(organization(3, Kind::Customer, "other")),
                    taken: None,
                    inside,
                    left: left.iter().map(|&s| s.to_owned()).collect(),
                },
            )
        };
        let changes = ok(relocate(false, &[]));
        assert!(
            matches!(&changes[0], Change::OrganizationMoved { after, .. } if after.path == "other.Berlin")
        );
        no(
            relocate(true, &["emea"]),
            &[("ORGANIZATION_INSIDE_ITSELF", "parentId"), ("ORGANIZATION_LEAVES_CLUSTER", "parentId")],
        );
    }

    #[test]
    fn only_an_empty_one_is_deleted() {
        let delete = |current: Option<Model>, holds: &[&str]| {
            let holds = holds.iter().map(|&s| s.to_owned()).collect();
            delete(&Delete { id: OrganizationId(2), expected_version: None }, &DeleteFacts { current, holds })
        };
        let site = organization(2, Kind::Site, "acme.Berlin");
        ok(delete(Some(site.clone()), &[]));
        no(delete(Some(site), &["2 profiles"]), &[("ORGANIZATION_NOT_EMPTY", "id")]);
        no(delete(None, &[]), &[("NOT_FOUND", "id")]);
    }
}
