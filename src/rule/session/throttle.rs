//! How many logins and logouts a cluster takes at once (SES-6). Unified CM's extension mobility takes a few at a time on
//! each of its nodes and answers the rest with error 26, so whoever moves many phones has to keep to that.
//!
//! A login or logout is under way for a while after it was committed: the phone has yet to take it. The change log tells
//! which those are, so every node sees the same and nothing is kept beside it. What the clock ends is no request and is
//! neither held back nor counted.

use std::collections::{BTreeSet, HashMap};

use entity::{
    ClusterId, DeviceId,
    session::{End, Model},
};

use crate::rule::{Broken, Change, Decision, Rule};

/// What becomes of a command that would log in or out on more phones than the cluster takes now.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Pace {
    /// It is refused as a whole. One that is more than the cluster ever takes waits until nothing else is under way.
    Whole,
    /// It does as much as there is room for.
    Part,
    /// Nothing: it is no request.
    Free,
}

/// A cluster that takes so many at once.
#[derive(Clone, Debug)]
pub struct Taking {
    pub cluster: ClusterId,
    pub name: String,
    pub most: usize,
    /// How many it has under way.
    pub under_way: usize,
    /// Milliseconds until the first of them is over.
    pub wait_ms: i64,
}

impl Taking {
    fn busy(&self) -> Rule {
        Rule::EmBusy { cluster: self.name.clone(), most: self.most, wait_ms: self.wait_ms }
    }
}

/// The session that a request began or ended.
fn session(change: &Change) -> Option<&Model> {
    match change {
        Change::SessionStarted { session, .. } => Some(session),
        Change::SessionEnded { session, why, .. } if *why != End::Expired => Some(session),
        _ => None,
    }
}

/// The phone on which a change logs in or out. One that goes from one user to the next, or takes its profile anew, is
/// named by both changes and counts once.
pub fn phone(change: &Change) -> Option<(ClusterId, DeviceId)> {
    session(change).map(|session| (session.cluster_id, session.phone_id))
}

/// The phones on which changes log in or out.
pub fn phones(changes: &[Change]) -> BTreeSet<(ClusterId, DeviceId)> {
    changes.iter().filter_map(phone).collect()
}

/// The changes that the clusters take now, or why they take none.
pub fn keep(changes: Vec<Change>, clusters: &[Taking], pace: Pace) -> Decision {
    let phones = phones(&changes);
    let mut broken = Broken::none();
    let mut left = HashMap::new();
    for taking in clusters {
        let wanted = phones.iter().filter(|(cluster, _)| *cluster == taking.cluster).count();
        let room = taking.most.saturating_sub(taking.under_way);
        if pace == Pace::Whole && taking.under_way > 0 && wanted > room {
            broken.add(taking.busy(), "");
        }
        left.insert(taking.cluster, room);
    }
    if pace != Pace::Part {
        return broken.or(|| changes);
    }
    // The first ones, in the order in which they were to be done.
    let mut begun = BTreeSet::new();
    for phone in changes.iter().filter_map(phone) {
        let fits = match left.get_mut(&phone.0) {
            _ if begun.contains(&phone) => continue,
            Some(0) => false,
            Some(room) => {
                *room -= 1;
                true
            }
            None => true,
        };
        if fits {
            begun.insert(phone);
        }
    }
    if begun.is_empty() && !phones.is_empty() {
        let busy =
            clusters.iter().filter(|taking| phones.iter().any(|(cluster, _)| *cluster == taking.cluster));
        return Err(Broken(busy.flat_map(|taking| Broken::one(taking.busy(), "").0).collect()));
    }
    Ok(changes
        .into_iter()
        .filter(|change| phone(change).is_none_or(|phone| begun.contains(&phone)))
        .collect())
}

#[cfg(test)]
mod tests {
    use entity::{Moment, OrganizationId, SessionId, UserId, device::Kind};

    use super::*;
    use crate::rule::{
        change::On,
        tests_support::{no, ok},
    };

    fn ended(cluster: i64, phone: i64, why: End) -> Change {
        let session = Model {
            id: SessionId(phone),
            cluster_id: ClusterId(cluster),
            organization_id: OrganizationId(4),
            phone_id: DeviceId(phone),
            user_id: UserId(3),
            profile_id: None,
            default_device_profile_id: None,
            logged_in_at: Moment(1),
            expires_at: None,
            model_mismatch: false,
            profile_version: None,
            button_template: "Standard".to_owned(),
            softkey_template: None,
            settings: entity::profile::Settings::default(),
        };
        let on = On { organization_id: OrganizationId(4), kind: Kind::Phone, name: "SEP1".to_owned() };
        Change::SessionEnded { on, session, why }
    }

    fn logouts(phones: std::ops::Range<i64>) -> Vec<Change> {
        phones.map(|phone| ended(1, phone, End::Administrator)).collect()
    }

    fn taking(most: usize, under_way: usize) -> [Taking; 1] {
        [Taking { cluster: ClusterId(1), name: "emea".to_owned(), most, under_way, wait_ms: 40 }]
    }

    /// SES-6: up to the limit, and one that is above it by itself when nothing else is under way.
    #[test]
    fn a_cluster_takes_so_many_at_once() {
        for (most, under_way, wanted, fits) in [
            (5, 0, 5, true),
            (5, 4, 1, true),
            (5, 5, 1, false),
            (5, 4, 2, false),
            (5, 0, 9, true),
            (5, 1, 9, false),
            (1, 1, 0, true),
        ] {
            let decision = keep(logouts(0..wanted), &taking(most, under_way), Pace::Whole);
            if fits {
                assert_eq!(i64::try_from(ok(decision).len()), Ok(wanted));
            } else {
                no(decision, &[("EM_BUSY", "")]);
            }
        }
    }

    /// SES-6: what may be done in parts is, the first ones first; other clusters are no matter.
    #[test]
    fn what_may_be_done_in_parts_is() {
        let kept = ok(keep(logouts(0..9), &taking(5, 2), Pace::Part));
        assert_eq!(kept, logouts(0..3));
        no(keep(logouts(0..9), &taking(5, 5), Pace::Part), &[("EM_BUSY", "")]);
        let elsewhere = vec![ended(2, 7, End::Administrator)];
        assert_eq!(ok(keep(elsewhere.clone(), &taking(5, 5), Pace::Part)), elsewhere);
        assert_eq!(ok(keep(elsewhere.clone(), &taking(5, 5), Pace::Whole)), elsewhere);
        assert_eq!(ok(keep(Vec::new(), &taking(5, 5), Pace::Part)), []);
    }

    /// SES-6: a phone counts once, and what the clock ends is no request.
    #[test]
    fn a_phone_counts_once_and_the_clock_not_at_all() {
        let again = [ended(1, 7, End::Relogin), ended(1, 7, End::Relogin)];
        assert_eq!(phones(&again).len(), 1);
        assert_eq!(phones(&[ended(1, 7, End::Expired)]).len(), 0);
    }
}
