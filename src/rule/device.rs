//! Device names: one namespace per cluster for profiles, phones and everything else (NAM-1 to NAM-9).

use entity::{
    ClusterId, DeviceId, OrganizationId,
    device::{Kind, Model},
};
use serde::{Deserialize, Serialize};

use super::{Broken, Change, Decision, Rule, cluster::Place, value};

/// Who has a name on the cluster.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Owner {
    pub kind: Kind,
    /// Whether the caller may know (ACC-7).
    pub visible: bool,
    /// Free names near it.
    pub suggestions: Vec<String>,
}

impl Owner {
    /// The rule that a second use of the name breaks.
    pub fn clash(&self, name: &str) -> Rule {
        let (name, suggestions) = (name.to_owned(), self.suggestions.clone());
        match (self.visible, self.kind) {
            (false, _) => Rule::NameTaken { name, suggestions },
            (true, Kind::Profile) => Rule::NameTakenByProfile { name, suggestions },
            (true, Kind::Phone | Kind::Other) => Rule::NameTakenByDevice { name, suggestions },
        }
    }
}

/// Registers a name that is neither a profile's nor a phone's: a gateway, a CTI port, …
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Register {
    pub organization: OrganizationId,
    pub cluster: ClusterId,
    pub name: String,
    pub description: String,
}

/// What [`register`] must know.
pub struct RegisterFacts {
    pub id: DeviceId,
    pub place: Place,
    pub owner: Option<Owner>,
}

/// Releases such a name.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Release {
    pub id: DeviceId,
}

/// Decides [`Register`].
pub fn register(cmd: &Register, facts: &RegisterFacts) -> Decision {
    let mut broken = Broken::none();
    facts.place.check(&mut broken, cmd.organization, cmd.cluster);
    broken.take(value::device_name(&cmd.name), "name");
    value::text(&mut broken, "The description", &cmd.description, 128, "description");
    if let Some(owner) = &facts.owner {
        broken.add(owner.clash(&cmd.name), "name");
    }
    broken.or(|| {
        let device = Model {
            id: facts.id,
            cluster_id: cmd.cluster,
            organization_id: cmd.organization,
            kind: Kind::Other,
            name: cmd.name.clone(),
            name_key: value::key(&cmd.name),
            description: cmd.description.clone(),
        };
        vec![Change::DeviceRegistered { device }]
    })
}

/// Decides [`Release`]; the fact is the device, when it is there and neither a profile nor a phone.
pub fn release(cmd: &Release, current: Option<&Model>) -> Decision {
    match current {
        Some(device) if device.kind == Kind::Other => {
            Ok(vec![Change::DeviceReleased { device: device.clone() }])
        }
        _ => Err(Broken::one(Rule::NotFound { noun: "device", id: cmd.id.to_string() }, "id")),
    }
}

/// Names near a taken one, as far as one looks for free ones (NAM-9).
pub fn near(name: &str) -> Vec<String> {
    near_within(name, 50)
}

/// The same where names have at most so many characters.
pub fn near_within(name: &str, most: usize) -> Vec<String> {
    let stem: String = name.chars().take(most - 4).collect();
    (2..=200).map(|n| format!("{stem}-{n}")).collect()
}

/// Up to three of the names that are free. `taken` tells it of the form in which they are compared.
pub fn suggestions(near: Vec<String>, taken: impl Fn(&str) -> bool) -> Vec<String> {
    near.into_iter().filter(|candidate| !taken(&value::key(candidate))).take(3).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clash_says_no_more_than_the_caller_may_know() {
        let owner = |kind, visible| Owner { kind, visible, suggestions: vec!["x-2".to_owned()] };
        let code = |kind, visible| owner(kind, visible).clash("x").code().as_str();
        assert_eq!(code(Kind::Profile, true), "NAME_TAKEN_BY_PROFILE");
        assert_eq!(code(Kind::Phone, true), "NAME_TAKEN_BY_DEVICE");
        assert_eq!(code(Kind::Other, true), "NAME_TAKEN_BY_DEVICE");
        assert_eq!(code(Kind::Profile, false), "NAME_TAKEN");
    }

    #[test]
    fn three_free_names_are_suggested() {
        assert_eq!(suggestions(near("EM"), |key| key == "em-3"), ["EM-2", "EM-4", "EM-5"]);
        assert!(near(&"x".repeat(50)).iter().all(|name| value::profile_name(name) == Ok(())));
    }
}
