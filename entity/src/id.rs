//! Typed ids, so that a line's id is never taken for a user's.

use std::fmt;

use sea_orm::DeriveValueType;
use serde::{Deserialize, Serialize};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, DeriveValueType, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize,
        )]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl From<$name> for i64 {
            fn from(id: $name) -> Self {
                id.0
            }
        }
    };
}

id! {
    /// A node of the organization tree.
    OrganizationId
}
id! {
    /// A Unified CM cluster.
    ClusterId
}
id! {
    /// A device: a profile, a phone or another name that the cluster knows.
    DeviceId
}
id! {
    /// Somebody who is logged in on a phone.
    SessionId
}
id! {
    /// A default device profile of a cluster.
    DefaultDeviceProfileId
}
id! {
    /// A line (directory number).
    LineId
}
id! {
    /// A line on a device.
    AppearanceId
}
id! {
    /// A speed dial, busy lamp field, call park or service URL button of a device.
    ButtonId
}
id! {
    /// A phone button or softkey template.
    TemplateId
}
id! {
    /// A role that was composed.
    RoleId
}
id! {
    /// An IP phone service.
    ServiceId
}
id! {
    /// A device's subscription to a phone service.
    ServiceSubscriptionId
}
id! {
    /// A Quick Add group.
    QuickAddId
}

id! {
    /// A user.
    UserId
}
id! {
    /// A number of the inventory.
    NumberId
}
id! {
    /// A job.
    JobId
}
id! {
    /// A bearer token.
    TokenId
}
id! {
    /// An entry of the audit.
    AuditEntryId
}
