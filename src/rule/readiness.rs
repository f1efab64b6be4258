//! What keeps a profile from working as its users expect (SVC-10, P6, P7): each finding with how bad it is, its sentence
//! and the mutation that mends it. Which profiles have one is the database's to tell; the conditions stand in the store.

use super::Severity;

/// Something that is not as it should be.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Finding {
    /// Neither the profile nor the cluster as a whole has the extension mobility service (SVC-10).
    EmServiceMissing,
    /// A phone on which its users log in has no extension mobility service (SVC-10).
    PhoneEmServiceMissing,
    /// It has no line.
    LineMissing,
    /// The phone that it is for has fewer keys for lines than it has lines (P7).
    LinesDoNotFit,
    /// One of its users has no default profile.
    DefaultProfileMissing,
    /// A phone of its users is of another model, for which the cluster has no default device profile (P7, SES-11).
    DefaultDeviceProfileMissing,
    /// The inventory says something else of one of its numbers than that it is used.
    NumberWrong,
    /// A subscription's URL is older than its service (P5).
    ServiceUrlStale,
    /// It is subscribed to a service that is disabled.
    ServiceDisabled,
}

impl Finding {
    /// Every finding.
    pub const ALL: [Self; 9] = [
        Self::EmServiceMissing,
        Self::PhoneEmServiceMissing,
        Self::LineMissing,
        Self::LinesDoNotFit,
        Self::DefaultProfileMissing,
        Self::DefaultDeviceProfileMissing,
        Self::NumberWrong,
        Self::ServiceUrlStale,
        Self::ServiceDisabled,
    ];

    /// Whether people cannot work with it, or only not as well as they might.
    pub fn severity(self) -> Severity {
        match self {
            Self::EmServiceMissing | Self::PhoneEmServiceMissing | Self::LineMissing => Severity::Error,
            _ => Severity::Warning,
        }
    }

    /// What is wrong, for people.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::EmServiceMissing => {
                "It is not subscribed to the extension mobility service, so whoever logs in with it cannot log out."
            }
            Self::PhoneEmServiceMissing => {
                "A phone of its users, or one that shows it, is not subscribed to the extension mobility service, so \
                 nobody can log in there."
            }
            Self::LineMissing => "It has no line, so nobody can be called or call with it.",
            Self::LinesDoNotFit => {
                "It has lines for which the phone has no key; they are stored and not shown."
            }
            Self::DefaultProfileMissing => {
                "One of its users has no default profile and is asked at each login."
            }
            Self::DefaultDeviceProfileMissing => {
                "A phone of its users is of another model, and the cluster has no default device profile for that model, so \
                 nobody can log in there with it."
            }
            Self::NumberWrong => "The number inventory does not say of each of its numbers that it is used.",
            Self::ServiceUrlStale => {
                "The URL of one of its services is older than the service; the phone may fail to open it."
            }
            Self::ServiceDisabled => "It is subscribed to a service that is disabled.",
        }
    }

    /// The mutation that mends it.
    pub fn fix(self) -> &'static str {
        match self {
            Self::EmServiceMissing | Self::PhoneEmServiceMissing => "subscribeService",
            Self::LineMissing => "addLineToDevice",
            Self::LinesDoNotFit => "updateProfile",
            Self::DefaultProfileMissing => "setDefaultProfile",
            Self::DefaultDeviceProfileMissing => "createDefaultDeviceProfile",
            Self::NumberWrong => "auditNumbers",
            Self::ServiceUrlStale => "resyncServiceSubscriptions",
            Self::ServiceDisabled => "unsubscribeService",
        }
    }
}
