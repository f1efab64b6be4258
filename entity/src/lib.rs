//! Roamline's tables, one file each: data only, no rules. Ids are typed, moments are whole microseconds, and
//! values that are always read and written as one (settings) are one column of JSON text.

pub mod audit_entry;
pub mod button;
pub mod change;
pub mod change_subject;
pub mod cluster;
pub mod counter;
pub mod default_device_profile;
pub mod device;
mod id;
pub mod idempotency;
pub mod job;
mod json;
pub mod line;
pub mod line_appearance;
mod moment;
pub mod number;
pub mod organization;
pub mod organization_closure;
pub mod phone;
pub mod profile;
pub mod profile_user;
pub mod quick_add;
pub mod role;
pub mod service;
pub mod service_subscription;
pub mod session;
pub mod template;
pub mod token;
pub mod user;
pub mod user_cti_profile;
pub mod user_phone;

pub use id::{
    AppearanceId, AuditEntryId, ButtonId, ClusterId, DefaultDeviceProfileId, DeviceId, JobId, LineId,
    NumberId, OrganizationId, QuickAddId, RoleId, ServiceId, ServiceSubscriptionId, SessionId, TemplateId,
    TokenId, UserId,
};
pub use moment::Moment;
