//! Global ids: which type a thing is of and which one it is, in one opaque text.
//!
//! The text is `Type:number` in URL-safe base64. One thing has one text: what decodes to the same number but
//! is written otherwise (`Profile:007`) is no id, so ids can be compared as texts.

use async_graphql::ID;
use data_encoding::BASE64URL_NOPAD;
use entity::{
    AppearanceId, AuditEntryId, ButtonId, ClusterId, DefaultDeviceProfileId, DeviceId, JobId, LineId,
    NumberId, OrganizationId, QuickAddId, RoleId, ServiceId, ServiceSubscriptionId, SessionId, TemplateId,
    TokenId, UserId,
};

macro_rules! nodes {
    ($( $(#[$doc:meta])* $node:ident($key:ident) is $name:literal by $read:ident, )*) => {
        /// What a global id names.
        #[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
        pub enum NodeId {
            $( $(#[$doc])* $node($key), )*
        }

        impl NodeId {
            /// The GraphQL type of what it names.
            pub fn type_name(self) -> &'static str {
                match self { $( Self::$node(_) => $name, )* }
            }

            fn number(self) -> i64 {
                match self { $( Self::$node(key) => key.0, )* }
            }

            fn of(type_name: &str, number: i64) -> Option<Self> {
                match type_name {
                    $( $name => Some(Self::$node($key(number))), )*
                    _ => None,
                }
            }
        }

        $(
            #[doc = concat!("The key in a global id of type `", $name, "`; nothing where it is of another.")]
            pub fn $read(id: &ID) -> Option<$key> {
                match NodeId::decode(id)? { NodeId::$node(key) => Some(key), _ => None }
            }
        )*
    };
}

nodes! {
    /// A node of the organization tree.
    Organization(OrganizationId) is "Organization" by organization,
    /// A Unified CM cluster.
    Cluster(ClusterId) is "Cluster" by cluster,
    /// An extension mobility profile.
    Profile(DeviceId) is "Profile" by profile,
    /// A phone.
    Phone(DeviceId) is "Phone" by phone,
    /// Somebody who is logged in on a phone.
    Session(SessionId) is "Session" by session,
    /// A default device profile of a cluster.
    DefaultDeviceProfile(DefaultDeviceProfileId) is "DefaultDeviceProfile" by default_device_profile,
    /// A device that is neither profile nor phone.
    Device(DeviceId) is "OtherDevice" by other_device,
    /// A line.
    Line(LineId) is "Line" by line,
    /// A line on a device.
    Appearance(AppearanceId) is "LineAppearance" by appearance,
    /// A user.
    User(UserId) is "User" by user,
    /// A Quick Add group.
    QuickAddGroup(QuickAddId) is "QuickAddGroup" by quick_add_group,
    /// A speed dial, busy lamp field, call park or service URL button.
    Button(ButtonId) is "Button" by button,
    /// A phone button or softkey template.
    Template(TemplateId) is "Template" by template,
    /// A role that was composed.
    Role(RoleId) is "ComposedRole" by role,
    /// An IP phone service.
    Service(ServiceId) is "PhoneService" by service,
    /// A subscription of a device to a phone service.
    ServiceSubscription(ServiceSubscriptionId) is "ServiceSubscription" by service_subscription,
    /// A number of the inventory.
    Number(NumberId) is "Number" by number,
    /// A job.
    Job(JobId) is "Job" by job,
    /// A bearer token.
    Token(TokenId) is "Token" by token,
    /// An entry of the audit.
    AuditEntry(AuditEntryId) is "AuditEntry" by audit_entry,
}

impl NodeId {
    /// The global id.
    pub fn encode(self) -> ID {
        let plain = format!("{}:{}", self.type_name(), self.number());
        ID(BASE64URL_NOPAD.encode(plain.as_bytes()))
    }

    /// What the global id names; nothing where the text is no global id.
    pub fn decode(id: &ID) -> Option<Self> {
        let plain = String::from_utf8(BASE64URL_NOPAD.decode(id.as_bytes()).ok()?).ok()?;
        let (type_name, number) = plain.split_once(':')?;
        Self::of(type_name, number.parse().ok()?).filter(|node| node.encode() == *id)
    }
}

/// The key in the global id of a device of any kind: a profile, a phone or another.
pub fn device(id: &ID) -> Option<DeviceId> {
    match NodeId::decode(id)? {
        NodeId::Profile(key) | NodeId::Phone(key) | NodeId::Device(key) => Some(key),
        _ => None,
    }
}

/// A key that can be of nothing.
pub trait Key {
    /// No thing has this key; the database counts from 1.
    const NONE: Self;
}

macro_rules! keys {
    ($($key:ident)*) => { $( impl Key for $key { const NONE: Self = Self(-1); } )* };
}

keys! {
    OrganizationId ClusterId DeviceId SessionId DefaultDeviceProfileId LineId AppearanceId UserId QuickAddId ButtonId TemplateId
    ServiceId ServiceSubscriptionId NumberId JobId TokenId RoleId AuditEntryId
}

/// The key, or one that nothing has, so that a rule answers `NOT_FOUND` at the argument's own path.
pub fn or_none<K: Key>(key: Option<K>) -> K {
    key.unwrap_or(K::NONE)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn node() -> impl Strategy<Value = NodeId> {
        const NAMES: [&str; 20] = [
            "AuditEntry",
            "ComposedRole",
            "QuickAddGroup",
            "Organization",
            "Cluster",
            "Profile",
            "Phone",
            "Session",
            "DefaultDeviceProfile",
            "OtherDevice",
            "Line",
            "LineAppearance",
            "User",
            "Button",
            "Template",
            "PhoneService",
            "ServiceSubscription",
            "Number",
            "Job",
            "Token",
        ];
        (proptest::sample::select(&NAMES[..]), any::<i64>())
            .prop_map(|(name, number)| NodeId::of(name, number).expect("a type with ids"))
    }

    fn id(plain: &str) -> ID {
        ID(BASE64URL_NOPAD.encode(plain.as_bytes()))
    }

    proptest! {
        #[test]
        fn what_was_encoded_decodes(node in node()) {
            prop_assert_eq!(NodeId::decode(&node.encode()), Some(node));
        }

        #[test]
        fn any_text_is_an_id_or_none(text in any::<String>(), plain in "(Profile|Line|x)?:?[-+0-9]{0,20}") {
            for id in [ID(text), id(&plain)] {
                if let Some(node) = NodeId::decode(&id) {
                    prop_assert_eq!(node.encode(), id);
                }
            }
        }
    }

    #[test]
    fn an_id_is_the_type_and_the_number() {
        assert_eq!(NodeId::Profile(DeviceId(123)).encode(), id("Profile:123"));
        assert_eq!(NodeId::decode(&"UHJvZmlsZToxMjM".into()), Some(NodeId::Profile(DeviceId(123))));
    }

    #[test]
    fn one_thing_has_one_id() {
        for other in ["Profile:0123", "Profile:+123", "Profile: 123", "profile:123", "Profile:-0", "Profile"]
        {
            assert_eq!(NodeId::decode(&id(other)), None, "{other}");
        }
        assert_eq!(NodeId::decode(&"UHJvZmlsZToxMjM=".into()), None);
        assert_eq!(NodeId::decode(&"".into()), None);
    }

    #[test]
    fn an_id_of_another_type_is_none() {
        let line = NodeId::Line(LineId(7)).encode();
        assert_eq!((super::line(&line), profile(&line), device(&line)), (Some(LineId(7)), None, None));
    }

    #[test]
    fn a_device_is_of_any_kind() {
        for node in [NodeId::Profile(DeviceId(1)), NodeId::Phone(DeviceId(1)), NodeId::Device(DeviceId(1))] {
            assert_eq!(device(&node.encode()), Some(DeviceId(1)));
        }
        assert_eq!(phone(&NodeId::Profile(DeviceId(1)).encode()), None);
    }

    #[test]
    fn no_id_is_the_key_of_nothing() {
        assert_eq!(or_none(device(&"what".into())), DeviceId(-1));
        assert_eq!(or_none(Some(UserId(4))), UserId(4));
    }
}
