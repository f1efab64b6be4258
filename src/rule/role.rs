//! Roles that administrators compose (ACC-2, ACC-3): rights on kinds of things, given at the role's organization and below.
//! Nobody hands on what is not their own: whoever makes, changes or gives a role has everything that it allows.

use entity::{
    Moment, OrganizationId, RoleId, organization,
    role::{Action, Model, Rights},
};
use serde::{Deserialize, Serialize};

use super::{Broken, Change, Decision, Patch, Rule, check_taken, check_version, patched, value};

/// The names of the roles that are built in, which no other role has.
const BUILT_IN: [&str; 6] = ["viewer", "operator", "admin", "self_service", "self-service", "selfservice"];

/// What may be updated.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct Fields {
    pub name: String,
    pub description: String,
    pub rights: Rights,
}

/// Makes a role.
#[derive(Clone, Debug, Serialize)]
pub struct Create {
    pub organization: OrganizationId,
    pub fields: Patch<Fields>,
    /// What the caller may do.
    #[serde(skip)]
    pub own: Rights,
}

/// What [`create`] must know.
pub struct CreateFacts {
    pub id: RoleId,
    pub now: Moment,
    /// The organization, when the caller sees it.
    pub organization: Option<organization::Model>,
    /// Free names near it, where another one has the name.
    pub taken: Option<Vec<String>>,
}

/// Updates the fields that were sent; whoever has the role may do something else within a second.
#[derive(Clone, Debug, Serialize)]
pub struct Update {
    pub id: RoleId,
    pub expected_version: Option<i64>,
    pub fields: Patch<Fields>,
    /// What the caller may do.
    #[serde(skip)]
    pub own: Rights,
}

/// What [`update`] must know.
pub struct UpdateFacts {
    pub now: Moment,
    pub current: Option<Model>,
    /// Free names near it, where another one has the name.
    pub taken: Option<Vec<String>>,
}

/// Deletes a role that no token has.
#[derive(Clone, Debug, Serialize)]
pub struct Delete {
    pub id: RoleId,
    pub expected_version: Option<i64>,
    /// What the caller may do.
    #[serde(skip)]
    pub own: Rights,
}

/// What [`delete`] must know.
pub struct DeleteFacts {
    pub current: Option<Model>,
    /// Tokens in force that have it.
    pub tokens: i64,
}

/// Decides [`Create`].
pub fn create(cmd: &Create, facts: &CreateFacts) -> Decision {
    let mut broken = Broken::none();
    let missing = || Rule::NotFound { noun: "organization", id: cmd.organization.to_string() };
    broken.when(facts.organization.is_none(), missing, "organizationId");
    // Only rights can be what there is not; of such a role nothing else can be said.
    let mut unread = Broken::none();
    let fields = patched(&mut unread, &cmd.fields, &Fields::default(), "rights");
    if !unread.is_none() {
        return Err(unread);
    }
    check(&mut broken, &fields, facts.taken.as_deref());
    check_own(&mut broken, &fields.rights, &cmd.own, "rights");
    let Some(organization) = &facts.organization else { return Err(broken) };
    broken.or(|| {
        let role = Model {
            id: facts.id,
            organization_id: organization.id,
            name_key: value::key(&fields.name),
            name: fields.name,
            description: fields.description,
            rights: fields.rights,
            version: 1,
            created_at: facts.now,
            updated_at: facts.now,
        };
        vec![Change::RoleCreated { role }]
    })
}

/// Decides [`Update`]. A role that allows more than the caller may is not the caller's to change, be it to less.
pub fn update(cmd: &Update, facts: &UpdateFacts) -> Decision {
    let Some(current) = &facts.current else { return Err(Broken::one(not_found(cmd.id), "id")) };
    let mut broken = Broken::none();
    check_version(&mut broken, cmd.expected_version, current.version);
    let before = Fields {
        name: current.name.clone(),
        description: current.description.clone(),
        rights: current.rights,
    };
    let fields = patched(&mut broken, &cmd.fields, &before, "rights");
    check(&mut broken, &fields, facts.taken.as_deref());
    if cmd.own.hold(&current.rights) {
        check_own(&mut broken, &fields.rights, &cmd.own, "rights");
    } else {
        check_own(&mut broken, &current.rights, &cmd.own, "id");
    }
    broken.or(|| {
        if fields == before {
            return Vec::new();
        }
        let after = Model {
            name_key: value::key(&fields.name),
            name: fields.name,
            description: fields.description,
            rights: fields.rights,
            version: current.version + 1,
            updated_at: facts.now,
            ..current.clone()
        };
        vec![Change::RoleUpdated { before: current.clone(), after }]
    })
}

/// Decides [`Delete`].
pub fn delete(cmd: &Delete, facts: &DeleteFacts) -> Decision {
    let Some(current) = &facts.current else { return Err(Broken::one(not_found(cmd.id), "id")) };
    let mut broken = Broken::none();
    check_version(&mut broken, cmd.expected_version, current.version);
    check_own(&mut broken, &current.rights, &cmd.own, "id");
    let tokens = facts.tokens;
    broken.when(tokens > 0, || Rule::RoleInUse { name: current.name.clone(), tokens }, "id");
    broken.or(|| vec![Change::RoleDeleted { role: current.clone() }])
}

/// Decides whether a role may be given to a token of an organization, `above` being that organization and all above it:
/// downwards only.
pub fn give(role: &Model, above: Option<&[OrganizationId]>) -> Result<(), Rule> {
    if above.is_some_and(|above| above.contains(&role.organization_id)) {
        Ok(())
    } else {
        Err(Rule::RoleOutOfPlace { name: role.name.clone() })
    }
}

fn check(broken: &mut Broken, fields: &Fields, taken: Option<&[String]>) {
    value::required(broken, "The name", &fields.name, 64, "name");
    value::text(broken, "The description", &fields.description, 255, "description");
    let reserved = BUILT_IN.contains(&value::key(&fields.name).as_str());
    let taken = taken.or(reserved.then_some(&[][..]));
    let rule = |suggestions| Rule::RoleNameTaken { name: fields.name.clone(), suggestions };
    check_taken(broken, taken, rule, "name");
    // Words of a claim are parted by commas, and mapped with an equals sign.
    let sound = !fields.name.contains([',', '=', '*']) && fields.name.trim() == fields.name;
    broken.when(
        !sound && !fields.name.trim().is_empty(),
        || Rule::ValueInvalid {
            what: "The name".to_owned(),
            want: "it has no comma, equals sign or asterisk, and no blank at its ends".to_owned(),
        },
        "name",
    );
}

/// Notes that a role allows what the caller may not do.
fn check_own(broken: &mut Broken, rights: &Rights, own: &Rights, path: &str) {
    let more = rights.without(own);
    let mut named: Vec<_> = more.each().map(|(noun, action)| spoken(noun, action)).collect();
    if named.is_empty() {
        return;
    }
    let rest = named.len().saturating_sub(5);
    named.truncate(5);
    if rest > 0 {
        named.push(format!("{rest} more"));
    }
    broken.add(Rule::RoleExceedsYourRights { rights: named.join(", ") }, path);
}

/// A right as its words are written in the graph.
fn spoken(noun: entity::change_subject::Noun, action: Action) -> String {
    let word = |value: serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let action = serde_json::to_value(action).map(word).unwrap_or_default();
    let noun = serde_json::to_value(noun).map(word).unwrap_or_default();
    format!("{action} of {noun}")
}

fn not_found(id: RoleId) -> Rule {
    Rule::NotFound { noun: "role", id: id.to_string() }
}

#[cfg(test)]
mod tests {
    use entity::{change_subject::Noun, token};

    use super::*;
    use crate::rule::{
        organization::tests::organization,
        tests_support::{no, ok, patch},
    };

    const OPERATOR: token::Role = token::Role::Operator;

    fn role(rights: Rights) -> Model {
        Model {
            id: RoleId(7),
            organization_id: OrganizationId(1),
            name: "Help".into(),
            name_key: "help".into(),
            description: String::new(),
            rights,
            version: 3,
            created_at: Moment(1),
            updated_at: Moment(1),
        }
    }

    fn made(json: &str, own: token::Role, taken: bool) -> Decision {
        let taken = taken.then(Vec::new);
        let cmd = Create { organization: OrganizationId(1), fields: patch(json), own: Rights::of(own) };
        let facts = CreateFacts {
            id: RoleId(7),
            now: Moment(9),
            organization: Some(organization(1, entity::organization::Kind::Customer, "acme")),
            taken,
        };
        create(&cmd, &facts)
    }

    #[test]
    fn a_role_has_a_name_of_its_own() {
        let changes = ok(made(r#"{"name": "Help desk", "rights": [["LINE", "UPDATE"]]}"#, OPERATOR, false));
        let [Change::RoleCreated { role }] = &changes[..] else { panic!("{changes:?}") };
        assert!(role.rights.allows(Action::Update, Noun::Line) && role.name_key == "help desk");
        no(made(r#"{"name": "Help"}"#, OPERATOR, true), &[("ROLE_NAME_TAKEN", "name")]);
        no(made(r#"{"name": "Admin"}"#, OPERATOR, false), &[("ROLE_NAME_TAKEN", "name")]);
        no(made(r#"{"name": "a=b"}"#, OPERATOR, false), &[("VALUE_INVALID", "name")]);
        no(made(r#"{"name": ""}"#, OPERATOR, false), &[("VALUE_REQUIRED", "name")]);
    }

    #[test]
    fn nobody_hands_on_what_is_not_their_own() {
        let cluster = r#"{"name": "Help", "rights": [["CLUSTER", "CONFIGURE"]]}"#;
        no(made(cluster, OPERATOR, false), &[("ROLE_EXCEEDS_YOUR_RIGHTS", "rights")]);
        ok(made(cluster, token::Role::Admin, false));

        let changed = |rights: Rights, json: &str| {
            let cmd = Update {
                id: RoleId(7),
                expected_version: None,
                fields: patch(json),
                own: Rights::of(OPERATOR),
            };
            update(&cmd, &UpdateFacts { now: Moment(9), current: Some(role(rights)), taken: None })
        };
        let line = Rights::reading().and(&Rights::from_iter([(Noun::Line, Action::Update)]));
        let beyond = Rights::from_iter([(Noun::Cluster, Action::Configure)]);
        ok(changed(line, r#"{"rights": []}"#));
        assert!(ok(changed(line, r#"{"rights": [["LINE", "UPDATE"]]}"#)).is_empty());
        no(
            changed(line, r#"{"rights": [["CLUSTER", "CONFIGURE"]]}"#),
            &[("ROLE_EXCEEDS_YOUR_RIGHTS", "rights")],
        );
        no(changed(beyond, r#"{"rights": []}"#), &[("ROLE_EXCEEDS_YOUR_RIGHTS", "id")]);

        let deleted = |rights: Rights, tokens: i64| {
            let cmd = Delete { id: RoleId(7), expected_version: Some(3), own: Rights::of(OPERATOR) };
            delete(&cmd, &DeleteFacts { current: Some(role(rights)), tokens })
        };
        ok(deleted(line, 0));
        no(deleted(line, 1), &[("ROLE_IN_USE", "id")]);
        // Nor what is not theirs to read, be it by naming nothing.
        let cmd = Create {
            organization: OrganizationId(1),
            fields: patch(r#"{"name": "Help", "rights": []}"#),
            own: Rights::from_iter([(Noun::Line, Action::Read)]),
        };
        let facts = CreateFacts {
            id: RoleId(7),
            now: Moment(9),
            organization: Some(organization(1, entity::organization::Kind::Customer, "acme")),
            taken: None,
        };
        no(create(&cmd, &facts), &[("ROLE_EXCEEDS_YOUR_RIGHTS", "rights")]);
        no(deleted(beyond, 0), &[("ROLE_EXCEEDS_YOUR_RIGHTS", "id")]);
    }

    #[test]
    fn a_role_is_given_downwards_only() {
        let role = role(Rights::default());
        assert!(give(&role, Some(&[OrganizationId(5), OrganizationId(1)])).is_ok());
        assert!(give(&role, Some(&[OrganizationId(5)])).is_err());
        // Whoever sees everything stands above every role.
        assert!(give(&role, None).is_err());
    }
}
