//! Which kinds of things the schema's names tell of, for the guard, which does not know the schema: a caller whose role reads
//! some kinds of things asks for those alone (ACC-3), and a user for what is on the own page. A test sees to it that every
//! name is there, and that nothing with an id is left out.

use entity::change_subject::Noun;

/// The kinds of things of which an object of this type tells; of an interface, those that may stand behind it. What is only
/// reached through a thing that is named here needs no name of its own.
pub fn of_type(name: &str) -> &'static [Noun] {
    let name = name.strip_suffix("Connection").or_else(|| name.strip_suffix("Edge")).unwrap_or(name);
    match name {
        "Organization" => &[Noun::Organization],
        "Cluster" => &[Noun::Cluster],
        "ComposedRole" => &[Noun::Role],
        "ButtonTemplate" | "SoftkeyTemplate" | "Template" => &[Noun::Template],
        "PhoneService" => &[Noun::Service],
        "DefaultDeviceProfile" => &[Noun::DefaultDeviceProfile],
        "QuickAddGroup" => &[Noun::QuickAddGroup],
        "Profile" | "ProfileAt" | "ProfileDiff" => &[Noun::Profile],
        "Phone" => &[Noun::Phone],
        "OtherDevice" => &[Noun::Device],
        "Device" | "NameAvailability" => &[Noun::Profile, Noun::Phone, Noun::Device],
        "EffectiveProfile" => &[Noun::Profile, Noun::Session],
        "Line" | "LineAppearance" | "LineAt" | "LineDifference" | "LineImpact" | "LineOutcome"
        | "EffectiveLine" | "PrimaryExtension" => &[Noun::Line],
        "User" | "UserExtensionMobility" | "UserAt" | "UserDifference" | "UserLoss" => &[Noun::User],
        "Button" | "SpeedDial" | "BusyLampField" | "CallParkButton" | "ServiceUrlButton"
        | "ButtonDifference" => &[Noun::Button],
        "Layout" => &[Noun::Line, Noun::Button],
        "ServiceSubscription" | "ServiceSubscriptionAt" | "ServiceSubscriptionDifference" => {
            &[Noun::ServiceSubscription]
        }
        "Number" | "NumberAudit" | "NumberDifference" | "NumberNext" | "SelectableNumber" => &[Noun::Number],
        "Session" | "SessionSnapshot" => &[Noun::Session],
        "Job" => &[Noun::Job],
        // It tells what goes with a thing, and whose it was.
        "DeletePreview" => &[Noun::Profile, Noun::Phone, Noun::Line, Noun::User, Noun::Number],
        _ => &[],
    }
}

/// The kinds of things that a condition of a filter looks at beside those that are listed. Where something is, its
/// organization and cluster, may always be asked.
pub fn of_condition(name: &str) -> &'static [Noun] {
    match name {
        "users" | "hasUsers" => &[Noun::User],
        "lines" | "hasLines" | "hasClones" | "appearances" => &[Noun::Line],
        "phones" => &[Noun::Phone],
        "profiles" | "hasProfiles" | "hasDefaultProfile" | "logoutProfiles" | "isLogoutProfile" => {
            &[Noun::Profile]
        }
        "devices" | "isAssigned" => &[Noun::Profile, Noun::Phone, Noun::Device],
        "inUse" | "loggedIn" | "sessions" => &[Noun::Session],
        "services" => &[Noun::Service],
        "serviceSubscriptions" => &[Noun::ServiceSubscription],
        "jobs" => &[Noun::Job],
        "buttons" => &[Noun::Button],
        "templates" => &[Noun::Template],
        "quickAddGroups" => &[Noun::QuickAddGroup],
        "defaultDeviceProfiles" => &[Noun::DefaultDeviceProfile],
        "roles" => &[Noun::Role],
        _ => &[],
    }
}

/// Whether a field that leads to more fields is on a user's own page, or changes what is the user's own. Nothing here leads
/// to somebody else's: no clones, no users, no organizations.
pub fn is_own(parent: &str, field: &str) -> bool {
    match (parent, field) {
        ("Query", "me" | "service" | "rules")
        | ("Mutation", "addButton" | "updateButton" | "moveButton" | "removeButton" | "replaceButtons")
        | ("Me", "user" | "rights")
        | ("Service", "limits")
        | ("User", "extensionMobility" | "defaultProfile" | "primaryExtension")
        | (
            "UserExtensionMobility",
            "defaultProfile" | "entitlement" | "lines" | "profiles" | "reservedNumbers" | "sessions",
        )
        | (
            "Profile",
            "lines"
            | "speedDials"
            | "busyLampFields"
            | "callParks"
            | "serviceUrls"
            | "serviceSubscriptions"
            | "layout",
        )
        | ("Layout", "keys" | "hidden")
        | ("LayoutKey" | "LayoutHidden", "button" | "line")
        | ("LineAppearance", "line")
        | ("Session", "phone" | "profile")
        | ("UserError", "details") => true,
        (payload, "errors" | "button" | "device" | "removed" | "changes") => {
            payload.ends_with("ButtonPayload") || payload == "ReplaceButtonsPayload"
        }
        (list, "nodes" | "edges" | "pageInfo") => list.ends_with("Connection"),
        (edge, "node") => edge.ends_with("Edge"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::{
        parse_schema,
        types::{TypeKind, TypeSystemDefinition},
    };

    use super::*;

    /// Every type of the schema with its interfaces and the names of its fields.
    fn declared() -> Vec<(String, Vec<String>, Vec<String>)> {
        let definitions = parse_schema(crate::schema::sdl()).expect("the schema").definitions;
        let declared = definitions.into_iter().filter_map(|definition| match definition {
            TypeSystemDefinition::Type(ty) => Some(ty.node),
            _ => None,
        });
        declared
            .map(|ty| {
                let (interfaces, fields) = match ty.kind {
                    TypeKind::Object(object) => (object.implements, names(object.fields, |f| &f.name.node)),
                    TypeKind::Interface(interface) => {
                        (interface.implements, names(interface.fields, |f| &f.name.node))
                    }
                    TypeKind::InputObject(input) => (Vec::new(), names(input.fields, |f| &f.name.node)),
                    _ => (Vec::new(), Vec::new()),
                };
                let interfaces = interfaces.into_iter().map(|name| name.node.to_string()).collect();
                (ty.name.node.to_string(), interfaces, fields)
            })
            .collect()
    }

    fn names<T>(
        fields: Vec<async_graphql::Positioned<T>>,
        name: impl Fn(&T) -> &async_graphql::Name,
    ) -> Vec<String> {
        fields.iter().map(|field| name(&field.node).to_string()).collect()
    }

    /// The quoted words of a function of this file.
    fn words(from: &str, to: &str) -> Vec<&'static str> {
        let source = include_str!("reading.rs");
        let body = source.split_once(from).and_then(|(_, rest)| rest.split_once(to)).expect("the function");
        body.0.split('"').skip(1).step_by(2).collect()
    }

    #[test]
    fn everything_with_an_id_is_of_a_kind() {
        for (name, interfaces, _) in declared() {
            // What callers did is for administrators alone.
            if name != "AuditEntry" && interfaces.iter().any(|interface| interface == "Node")
                || name == "Device"
            {
                assert!(!of_type(&name).is_empty(), "{name}");
            }
            if let Some(listed) = name.strip_suffix("Connection")
                && !["ChangeEvent", "AuditEntry"].contains(&listed)
            {
                assert!(!of_type(listed).is_empty() && of_type(&name) == of_type(listed), "{name}");
            }
        }
    }

    #[test]
    fn every_name_is_the_schemas() {
        let declared = declared();
        for word in words("pub fn of_type", "pub fn of_condition") {
            let known = declared.iter().any(|(name, ..)| name == word);
            assert!(known || ["Connection", "Edge"].contains(&word), "{word}");
        }
        let filters = || declared.iter().filter(|(name, ..)| name.ends_with("Filter"));
        for word in words("pub fn of_condition", "pub fn is_own") {
            assert!(filters().any(|(_, _, fields)| fields.iter().any(|field| field == word)), "{word}");
        }
        let own = words("pub fn is_own", "#[cfg(test)]");
        assert!(own.len() > 40, "{own:?}");
        for word in own {
            let is_type = declared.iter().any(|(name, ..)| name.ends_with(word));
            let is_field = declared.iter().any(|(_, _, fields)| fields.iter().any(|field| field == word));
            assert!(is_type || is_field, "{word}");
        }
    }
}
