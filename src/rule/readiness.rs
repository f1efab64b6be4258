//! What keeps a profile, and a user, from working as people expect (SVC-10, P6, P7): each finding with how bad it is, its
//! sentence, what it is about, and the mutation that mends it. Which profiles have one is the database's to tell; the
//! conditions stand in the store.

use std::fmt::Write;

use entity::change_subject::Noun;

use super::Severity;

/// Most things that a finding names.
pub const NAMED: usize = 20;
/// Most things that its sentence names.
const SPOKEN: usize = 3;

/// Something that is not as it should be.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Finding {
    /// Neither the profile nor the cluster as a whole has the extension mobility service (SVC-10).
    EmServiceMissing,
    /// A phone on which its users log in, or that shows it, has no extension mobility service (SVC-10).
    PhoneEmServiceMissing,
    /// It has no line.
    LineMissing,
    /// The phone that it is for has fewer keys for lines than it has lines (P7).
    LinesDoNotFit,
    /// One of its users has no default profile.
    DefaultProfileMissing,
    /// A phone of its users, or one that shows it, is of another model, for which the cluster has no default device profile
    /// (P7, SES-11).
    DefaultDeviceProfileMissing,
    /// The inventory says something else of one of its numbers than that it is used.
    NumberWrong,
    /// One of its numbers is kept for somebody who is not one of its users (RSV-4).
    NumberReservedForOther,
    /// A subscription's URL is older than its service (P5).
    ServiceUrlStale,
    /// It is subscribed to a service that is disabled.
    ServiceDisabled,
    /// A user has no profile at all; it is told of users alone (USR-6).
    ProfileMissing,
}

/// A finding with what it is about.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Found {
    pub finding: Finding,
    /// The first [`NAMED`] of the things, of the finding's noun, each with its name.
    pub subjects: Vec<(i64, String)>,
    /// How many there are.
    pub count: i64,
}

/// What is known of a user beside the findings of the user's profiles.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct UserState {
    pub id: i64,
    /// What the user types to log in.
    pub user_id: String,
    pub has_default: bool,
    /// The user's profiles, by name.
    pub profiles: Vec<i64>,
}

impl UserState {
    /// What is found of the user alone.
    pub fn found(&self) -> Option<Found> {
        let finding = match (self.profiles.is_empty(), self.has_default) {
            (true, _) => Finding::ProfileMissing,
            (false, false) => Finding::DefaultProfileMissing,
            (false, true) => return None,
        };
        Some(Found { finding, subjects: vec![(self.id, self.user_id.clone())], count: 1 })
    }
}

impl Found {
    /// What is wrong, and with what, for people.
    pub fn message(&self) -> String {
        let mut message = self.finding.sentence().to_owned();
        let named: Vec<_> = self.subjects.iter().take(SPOKEN).map(|(_, name)| name.as_str()).collect();
        if named.is_empty() {
            return message;
        }
        let _ = write!(message, " Look at {}", named.join(", "));
        let more = self.count - i64::try_from(named.len()).unwrap_or(i64::MAX);
        if more > 0 {
            let _ = write!(message, " and {more} more");
        }
        message.push('.');
        message
    }
}

impl Finding {
    /// Every finding of profiles.
    pub const ALL: [Self; 10] = [
        Self::EmServiceMissing,
        Self::PhoneEmServiceMissing,
        Self::LineMissing,
        Self::LinesDoNotFit,
        Self::DefaultProfileMissing,
        Self::DefaultDeviceProfileMissing,
        Self::NumberWrong,
        Self::NumberReservedForOther,
        Self::ServiceUrlStale,
        Self::ServiceDisabled,
    ];

    /// Whether people cannot work with it, or only not as well as they might.
    pub fn severity(self) -> Severity {
        match self {
            Self::EmServiceMissing
            | Self::PhoneEmServiceMissing
            | Self::LineMissing
            | Self::DefaultDeviceProfileMissing
            | Self::ProfileMissing => Severity::Error,
            _ => Severity::Warning,
        }
    }

    /// Of what kind the things are that it is about: those that the mutation takes, or that lead to what it takes.
    pub fn about(self) -> Noun {
        match self {
            Self::EmServiceMissing | Self::LineMissing => Noun::Profile,
            Self::PhoneEmServiceMissing | Self::DefaultDeviceProfileMissing => Noun::Phone,
            Self::LinesDoNotFit => Noun::Appearance,
            Self::DefaultProfileMissing | Self::ProfileMissing => Noun::User,
            Self::NumberWrong | Self::NumberReservedForOther => Noun::Number,
            Self::ServiceUrlStale | Self::ServiceDisabled => Noun::ServiceSubscription,
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
                "A user has no default profile, and is asked at each login who has more than one."
            }
            Self::DefaultDeviceProfileMissing => {
                "A phone of its users, or one that shows it, is of another model, and the cluster has no default device \
                 profile for that model, so nobody can log in there with it."
            }
            Self::NumberWrong => "The number inventory does not say of each of its numbers that it is used.",
            Self::NumberReservedForOther => {
                "One of its numbers is kept for somebody who is not one of its users."
            }
            Self::ServiceUrlStale => {
                "The URL of one of its services is older than the service; the phone may fail to open it."
            }
            Self::ServiceDisabled => "It is subscribed to a service that is disabled.",
            Self::ProfileMissing => "The user has no profile, so no phone becomes theirs at a login.",
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
            Self::NumberReservedForOther => "reserveNumbersFor",
            Self::ServiceUrlStale => "resyncServiceSubscriptions",
            Self::ServiceDisabled => "unsubscribeService",
            Self::ProfileMissing => "createProfile",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_names_a_few_and_counts_the_others() {
        let message = |names: &[&str], count: i64| {
            let subjects = (1..).zip(names).map(|(id, name)| (id, (*name).to_owned())).collect();
            Found { finding: Finding::LineMissing, subjects, count }.message()
        };
        let sentence = Finding::LineMissing.sentence();
        for (names, count, want) in [
            (vec![], 0, String::new()),
            (vec!["A"], 1, " Look at A.".to_owned()),
            (vec!["A", "B", "C", "D"], 25, " Look at A, B, C and 22 more.".to_owned()),
        ] {
            assert_eq!(message(&names, count), format!("{sentence}{want}"));
        }
    }

    #[test]
    fn a_user_needs_a_profile_and_a_default_one() {
        for (profiles, has_default, want) in [
            (vec![], false, Some(Finding::ProfileMissing)),
            // A default profile elsewhere, which is not seen, is none here.
            (vec![], true, Some(Finding::ProfileMissing)),
            (vec![1], false, Some(Finding::DefaultProfileMissing)),
            (vec![1], true, None),
        ] {
            let state = UserState { id: 7, user_id: "anna".to_owned(), has_default, profiles };
            assert_eq!(state.found().map(|found| found.finding), want, "{state:?}");
        }
    }
}
