//! Logging in and out (SES-1..SES-6, SES-11, SES-12, USR-4, USR-6): who may log in where, for how long, what the phone
//! copies then, and what ends a session.
//!
//! A login through the API is an administrator's act: no PIN is asked for and none is kept here.

use std::fmt;

use entity::{
    DefaultDeviceProfileId, DeviceId, Moment, SessionId, UserId, cluster,
    cluster::MultipleLogin,
    default_device_profile, device, phone, profile,
    profile::{Protocol, Settings},
    session::{End, Model},
    user,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Broken, Change, Decision, Rule, change::On, patch::differing, profile::spoken, value};

pub mod throttle;

/// The longest login, in minutes: 168 hours (SES-4).
const LONGEST: i32 = 10_080;

/// What a login does about somebody who is logged in on the phone.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum IfOccupied {
    #[default]
    Fail,
    Force,
}

/// What a change does about sessions that it would pull the ground from under (DEL-10).
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OnActiveSession {
    #[default]
    Fail,
    Logout,
}

impl OnActiveSession {
    /// Whether it is what is done when nothing is said; such a command reads as one from before there were sessions.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// What an update of a profile does with the sessions that show it.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ApplyPolicy {
    #[default]
    Leave,
    ReloginIdle,
    Logout,
}

impl ApplyPolicy {
    /// Whether it is what is done when nothing is said.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// How long a login lasts.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum Lasting {
    Minutes(i32),
    Indefinite,
    /// As long as a session that is restored would have; limits were kept when that began.
    Until(Moment),
}

/// Logs a user in on a phone.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Login {
    pub phone: DeviceId,
    /// The profile's first user unless given.
    pub user: Option<UserId>,
    /// The user's default profile unless given, else the only one, else the first (USR-4).
    pub profile: Option<DeviceId>,
    /// As long as the user or the cluster allows unless given.
    pub lasting: Option<Lasting>,
    pub if_occupied: IfOccupied,
}

/// What [`login`] must know.
pub struct LoginFacts {
    pub id: SessionId,
    pub now: Moment,
    pub phone: Option<phone::Model>,
    /// The phone's.
    pub cluster: Option<cluster::Model>,
    /// The user that is named, or the first of the named profile whom the caller sees.
    pub user: Option<user::Model>,
    /// The profile that is named.
    pub profile: Option<profile::Model>,
    /// The user's, by name.
    pub profiles: Vec<profile::Model>,
    /// The default device profile for the phone.
    pub fallback: Option<default_device_profile::Model>,
    /// Who is logged in on the phone.
    pub here: Option<Held>,
    /// Where else the user is logged in.
    pub elsewhere: Vec<Held>,
}

/// A session with the names that are told of it.
#[derive(Clone, Debug)]
pub struct Held {
    pub session: Model,
    /// The phone's name.
    pub phone: String,
    /// Whether the caller sees the phone.
    pub seen: bool,
    /// What the user types to log in, when the caller sees the user.
    pub user: Option<String>,
}

/// Phones on which people are logged in, as far as the caller sees them (ACC-7).
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Phones {
    pub seen: Vec<(DeviceId, String)>,
    /// Whether there are others.
    pub others: bool,
}

impl Phones {
    fn of(sessions: &[Held]) -> Self {
        let seen = sessions.iter().filter(|held| held.seen);
        let seen: Vec<_> = seen.map(|held| (held.session.phone_id, held.phone.clone())).collect();
        Self { others: seen.len() < sessions.len(), seen }
    }
}

impl fmt::Display for Phones {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.seen.iter().map(|(_, name)| name.as_str()).collect();
        match (names.is_empty(), self.others) {
            (true, _) => f.write_str("phones that you do not see"),
            (false, false) => f.write_str(&names.join(", ")),
            (false, true) => write!(f, "{} and phones that you do not see", names.join(", ")),
        }
    }
}

impl Held {
    /// The end of the session.
    pub fn ended(&self, why: End) -> Change {
        let on = On {
            organization_id: self.session.organization_id,
            kind: device::Kind::Phone,
            name: self.phone.clone(),
        };
        Change::SessionEnded { on, session: self.session.clone(), why }
    }
}

/// Logs out whoever is logged in on a phone.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Logout {
    pub phone: DeviceId,
}

/// What [`logout`] must know.
pub struct LogoutFacts {
    pub phone: Option<phone::Model>,
    pub here: Option<Held>,
}

/// Logs a user out everywhere, or on these phones.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct LogoutUser {
    pub user: UserId,
    pub phones: Option<Vec<DeviceId>>,
}

/// What [`logout_user`] must know.
pub struct LogoutUserFacts {
    pub user: Option<user::Model>,
    /// On phones that the caller sees.
    pub sessions: Vec<Held>,
    /// The phones that the command names, in its order.
    pub phones: Vec<Option<phone::Model>>,
}

/// Logs a user out and in again, so that the phone takes the profile as it is now (SES-12).
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Relogin {
    pub session: SessionId,
}

/// What [`relogin`] must know.
pub struct ReloginFacts {
    pub now: Moment,
    pub running: Option<Running>,
}

/// A session with all that a new login in its place is made of.
#[derive(Clone, Debug)]
pub struct Running {
    pub held: Held,
    /// The id of the session that would follow it.
    pub next: SessionId,
    pub phone: phone::Model,
    pub profile: Option<profile::Model>,
    pub fallback: Option<default_device_profile::Model>,
}

/// The device-wide part of a profile or of a default device profile.
#[derive(Clone, Copy, Debug)]
pub struct Wide<'a> {
    pub product: &'a str,
    pub protocol: Protocol,
    pub button_template: &'a str,
    pub softkey_template: Option<&'a str>,
    pub settings: &'a Settings,
}

impl<'a> From<&'a profile::Model> for Wide<'a> {
    fn from(profile: &'a profile::Model) -> Self {
        Self {
            product: &profile.product,
            protocol: profile.protocol,
            button_template: &profile.button_template,
            softkey_template: profile.softkey_template.as_deref(),
            settings: &profile.settings,
        }
    }
}

impl<'a> From<&'a default_device_profile::Model> for Wide<'a> {
    fn from(fallback: &'a default_device_profile::Model) -> Self {
        Self {
            product: &fallback.product,
            protocol: fallback.protocol,
            button_template: &fallback.button_template,
            softkey_template: fallback.softkey_template.as_deref(),
            settings: &fallback.settings,
        }
    }
}

/// What a phone copies at a login (SES-12).
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Copied {
    pub button_template: String,
    pub softkey_template: Option<String>,
    pub settings: Settings,
    #[serde(skip)]
    pub model_mismatch: bool,
}

impl From<&Model> for Copied {
    fn from(session: &Model) -> Self {
        Self {
            button_template: session.button_template.clone(),
            softkey_template: session.softkey_template.clone(),
            settings: session.settings.clone(),
            model_mismatch: session.model_mismatch,
        }
    }
}

/// A setting that a phone would take at a new login.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Pending {
    /// As the model names it, such as `button_template` or `settings.user_locale`.
    pub field: String,
    pub in_session: Value,
    pub in_profile: Value,
}

/// What a phone of this product copies from a profile, with the phone's default device profile where the profile is for
/// another model (SES-11); nothing where that is needed and not there. The default device profile gives the templates,
/// the expansion modules and the device-wide settings, the profile its language and music on hold.
pub fn copied(
    profile: Option<Wide<'_>>,
    product: &str,
    protocol: Protocol,
    fallback: Option<Wide<'_>>,
) -> Option<Copied> {
    let whole = |wide: Wide<'_>| Copied {
        button_template: wide.button_template.to_owned(),
        softkey_template: wide.softkey_template.map(str::to_owned),
        settings: wide.settings.clone(),
        model_mismatch: false,
    };
    match profile {
        Some(profile) if profile.product == product && profile.protocol == protocol => Some(whole(profile)),
        Some(profile) => {
            let copied = whole(fallback?);
            let settings = Settings {
                user_locale: profile.settings.user_locale.clone(),
                user_hold_moh_audio_source: profile.settings.user_hold_moh_audio_source,
                ..copied.settings
            };
            Some(Copied { settings, model_mismatch: true, ..copied })
        }
        None => fallback.map(whole),
    }
}

/// In what two copies differ. Do-not-disturb is left out where it is only switched on or off: what a user does on the phone
/// is kept in the profile at once.
pub fn pending(session: &Copied, now: &Copied) -> Vec<Pending> {
    let (Ok(before), Ok(after)) = (serde_json::to_value(session), serde_json::to_value(now)) else {
        return Vec::new();
    };
    let at = |value: &Value, field: &str| {
        field.split('.').try_fold(value, |value, step| value.get(step)).cloned().unwrap_or(Value::Null)
    };
    differing(session, now)
        .into_iter()
        .filter(|field| field != "settings.dnd_status")
        .map(|field| Pending { in_session: at(&before, &field), in_profile: at(&after, &field), field })
        .collect()
}

/// Decides [`Login`].
pub fn login(cmd: &Login, facts: &LoginFacts) -> Decision {
    let mut broken = Broken::none();
    let phone = check_phone(&mut broken, cmd.phone, facts.phone.as_ref());
    let user = check_user(&mut broken, cmd, facts);
    let mut copy = None;
    if let (Some(phone), Some(user)) = (phone, user) {
        broken.when(
            user.cluster_id != phone.cluster_id,
            || Rule::UserOnOtherCluster { user_id: user.user_id.clone() },
            "userId",
        );
        copy = check_profile(&mut broken, cmd, facts, phone, user);
        check_policy(&mut broken, facts, user);
    }
    if let (Some(here), IfOccupied::Fail) = (&facts.here, cmd.if_occupied) {
        let user = here.user.clone().unwrap_or_else(|| "somebody whom you do not see".to_owned());
        broken.add(Rule::PhoneOccupied { phone: here.phone.clone(), user }, "phoneId");
    }
    let expires_at = check_lasting(&mut broken, cmd, facts, user);
    let (Some(phone), Some(user), Some((profile, copy))) = (phone, user, copy) else { return Err(broken) };
    broken.or(|| {
        let auto = facts.cluster.as_ref().map(|cluster| cluster.multiple_login);
        let forced = facts.here.iter().map(|held| held.ended(End::Forced));
        let left = facts.elsewhere.iter().filter(|_| auto == Some(MultipleLogin::AutoLogout));
        let mut changes: Vec<_> = forced.chain(left.map(|held| held.ended(End::AutoLogout))).collect();
        let fallback = facts.fallback.as_ref().map(|fallback| fallback.id);
        let span = (facts.now, expires_at);
        changes.push(started(facts.id, phone, user.id, profile, fallback, copy, span));
        changes
    })
}

/// Decides [`Logout`].
pub fn logout(cmd: &Logout, facts: &LogoutFacts) -> Decision {
    let Some(phone) = &facts.phone else {
        return Err(Broken::one(Rule::NotFound { noun: "phone", id: cmd.phone.to_string() }, "phoneId"));
    };
    match &facts.here {
        Some(held) => Ok(vec![held.ended(End::Administrator)]),
        None => Err(Broken::one(Rule::NoUserLoggedIn { phone: phone.name.clone() }, "phoneId")),
    }
}

/// Decides [`LogoutUser`]: a user who is logged in nowhere is logged out already.
pub fn logout_user(cmd: &LogoutUser, facts: &LogoutUserFacts) -> Decision {
    let mut broken = Broken::none();
    let missing = || Rule::NotFound { noun: "user", id: cmd.user.to_string() };
    broken.when(facts.user.is_none(), missing, "userId");
    let Some(ids) = &cmd.phones else {
        return broken.or(|| facts.sessions.iter().map(|held| held.ended(End::Administrator)).collect());
    };
    super::check_repeats(&mut broken, ids, "phoneIds");
    let mut changes = Vec::new();
    for (at, (id, phone)) in ids.iter().zip(&facts.phones).enumerate() {
        let path = format!("phoneIds.{at}");
        let held = facts.sessions.iter().find(|held| held.session.phone_id == *id);
        match (phone, held) {
            (None, _) => broken.add(Rule::NotFound { noun: "phone", id: id.to_string() }, path),
            (Some(phone), None) => broken.add(Rule::NoUserLoggedIn { phone: phone.name.clone() }, path),
            (Some(_), Some(held)) => changes.push(held.ended(End::Administrator)),
        }
    }
    broken.or(|| changes)
}

/// Decides [`Relogin`]. The new session ends when the old one would have.
pub fn relogin(cmd: &Relogin, facts: &ReloginFacts) -> Decision {
    let Some(running) = &facts.running else {
        let rule = Rule::NotFound { noun: "session", id: cmd.session.to_string() };
        return Err(Broken::one(rule, "sessionId"));
    };
    again(running, running.profile.as_ref(), facts.now).map_err(|rule| Broken::one(rule, "sessionId"))
}

/// Ends what a filter found.
pub fn logout_all(sessions: &[Held]) -> Vec<Change> {
    end(sessions, End::Administrator)
}

/// Ends what is over.
pub fn expire(sessions: &[Held]) -> Vec<Change> {
    end(sessions, End::Expired)
}

fn end(sessions: &[Held], why: End) -> Vec<Change> {
    sessions.iter().map(|held| held.ended(why)).collect()
}

/// What an update of a profile does with its sessions: those to whom nothing would change stay as they are. Whether a phone
/// is in a call is not known without a connection to Unified CM, so every phone is taken for idle.
pub fn apply(
    policy: ApplyPolicy,
    sessions: &[Running],
    profile: &profile::Model,
    now: Moment,
) -> Result<Vec<Change>, Rule> {
    let mut changes = Vec::new();
    for running in sessions {
        let phone = &running.phone;
        let fallback = running.fallback.as_ref().map(Wide::from);
        let next = copied(Some(profile.into()), &phone.product, phone.protocol, fallback);
        let same = next.is_some_and(|next| pending(&(&running.held.session).into(), &next).is_empty());
        match policy {
            _ if same => {}
            ApplyPolicy::Leave => {}
            ApplyPolicy::ReloginIdle => changes.extend(again(running, Some(profile), now)?),
            ApplyPolicy::Logout => changes.push(running.held.ended(End::ProfileChanged)),
        }
    }
    Ok(changes)
}

/// Ends the sessions that stand in the way where the caller says so, else notes the rule (DEL-10).
pub fn clear(
    broken: &mut Broken,
    sessions: &[Held],
    policy: OnActiveSession,
    why: End,
    rule: impl FnOnce(Phones) -> Rule,
    path: &str,
) -> Vec<Change> {
    match policy {
        OnActiveSession::Logout => end(sessions, why),
        OnActiveSession::Fail => {
            broken.when(!sessions.is_empty(), || rule(Phones::of(sessions)), path);
            Vec::new()
        }
    }
}

/// The end of a session and the one that takes its place, with the profile as it is given.
fn again(running: &Running, profile: Option<&profile::Model>, now: Moment) -> Result<Vec<Change>, Rule> {
    let (phone, session) = (&running.phone, &running.held.session);
    let fallback = running.fallback.as_ref().map(Wide::from);
    let copy = copied(profile.map(Wide::from), &phone.product, phone.protocol, fallback);
    let copy = copy.ok_or_else(|| missing(phone))?;
    let fallback = running.fallback.as_ref().map(|fallback| fallback.id);
    let span = (now, session.expires_at);
    let next = started(running.next, phone, session.user_id, profile, fallback, copy, span);
    Ok(vec![running.held.ended(End::Relogin), next])
}

fn started(
    id: SessionId,
    phone: &phone::Model,
    user_id: UserId,
    profile: Option<&profile::Model>,
    fallback: Option<DefaultDeviceProfileId>,
    copy: Copied,
    (logged_in_at, expires_at): (Moment, Option<Moment>),
) -> Change {
    let session = Model {
        id,
        cluster_id: phone.cluster_id,
        organization_id: phone.organization_id,
        phone_id: phone.id,
        user_id,
        profile_id: profile.map(|profile| profile.id),
        default_device_profile_id: fallback.filter(|_| copy.model_mismatch || profile.is_none()),
        logged_in_at,
        expires_at,
        model_mismatch: copy.model_mismatch,
        profile_version: profile.map(|profile| profile.version),
        button_template: copy.button_template,
        softkey_template: copy.softkey_template,
        settings: copy.settings,
    };
    let on =
        On { organization_id: phone.organization_id, kind: device::Kind::Phone, name: phone.name.clone() };
    Change::SessionStarted { on, session }
}

fn check_phone<'a>(
    broken: &mut Broken,
    id: DeviceId,
    phone: Option<&'a phone::Model>,
) -> Option<&'a phone::Model> {
    match phone {
        None => broken.add(Rule::NotFound { noun: "phone", id: id.to_string() }, "phoneId"),
        Some(phone) => broken.when(
            !phone.extension_mobility,
            || Rule::EmNotEnabledOnPhone { phone: phone.name.clone() },
            "phoneId",
        ),
    }
    phone
}

fn check_user<'a>(broken: &mut Broken, cmd: &Login, facts: &'a LoginFacts) -> Option<&'a user::Model> {
    if let (Some(id), None) = (cmd.profile, &facts.profile) {
        broken.add(Rule::NotFound { noun: "profile", id: id.to_string() }, "profileId");
    }
    match (cmd.user, &facts.profile, &facts.user) {
        (Some(id), _, None) => broken.add(Rule::NotFound { noun: "user", id: id.to_string() }, "userId"),
        (None, Some(profile), None) => {
            broken.add(Rule::ProfileHasNoUser { profile: profile.name.clone() }, "profileId");
        }
        (None, None, _) if cmd.profile.is_none() => {
            broken.add(Rule::ValueRequired { what: "The user or the profile".to_owned() }, "userId");
        }
        _ => {}
    }
    facts.user.as_ref()
}

/// Which profile the phone takes, and what it copies from it.
fn check_profile<'a>(
    broken: &mut Broken,
    cmd: &Login,
    facts: &'a LoginFacts,
    phone: &phone::Model,
    user: &user::Model,
) -> Option<(Option<&'a profile::Model>, Copied)> {
    let own = |id| facts.profiles.iter().find(|profile| profile.id == id);
    let profile = match (cmd.profile, &facts.profile) {
        (Some(id), Some(named)) => {
            broken.when(
                own(id).is_none(),
                || Rule::ProfileNotAssociatedWithUser {
                    profile: named.name.clone(),
                    user: user.user_id.clone(),
                },
                "profileId",
            );
            Some(named)
        }
        (Some(_), None) => return None,
        (None, _) => user.default_profile_id.and_then(own).or_else(|| facts.profiles.first()),
    };
    let fallback = facts.fallback.as_ref().map(Wide::from);
    let copy = copied(profile.map(Wide::from), &phone.product, phone.protocol, fallback);
    match (profile, &copy) {
        (None, None) => broken.add(Rule::UserHasNoProfile { user: user.user_id.clone() }, "userId"),
        (Some(_), None) => broken.add(missing(phone), "phoneId"),
        _ => {}
    }
    Some((profile, copy?))
}

fn missing(phone: &phone::Model) -> Rule {
    Rule::DefaultDeviceProfileMissing {
        product: phone.product.clone(),
        protocol: spoken(phone.protocol).to_owned(),
    }
}

/// What the cluster says to a second login (SES-2); to be forced out of the phone itself is none.
fn check_policy(broken: &mut Broken, facts: &LoginFacts, user: &user::Model) {
    let refuses =
        facts.cluster.as_ref().is_some_and(|cluster| cluster.multiple_login == MultipleLogin::NotAllowed);
    broken.when(
        refuses && !facts.elsewhere.is_empty(),
        || Rule::MultiLoginNotAllowed { user: user.user_id.clone(), phones: Phones::of(&facts.elsewhere) },
        "userId",
    );
}

/// When the login ends. A user's own limit goes before the cluster's, and a limit of 0 is none (SES-4, SES-5).
fn check_lasting(
    broken: &mut Broken,
    cmd: &Login,
    facts: &LoginFacts,
    user: Option<&user::Model>,
) -> Option<Moment> {
    let cluster = facts.cluster.as_ref().and_then(|cluster| cluster.max_login_minutes);
    let limit = user.and_then(|user| user.max_login_minutes).or(cluster).filter(|minutes| *minutes > 0);
    let after = |minutes: i32| facts.now.plus_minutes(minutes.into());
    match (cmd.lasting, limit) {
        (None, limit) => limit.map(after),
        (Some(Lasting::Minutes(minutes)), limit) => {
            value::range(broken, "minutes", Some(minutes), 1, LONGEST, "duration.minutes");
            if let Some(most) = limit.filter(|most| minutes > *most) {
                let asked = format!("{minutes} minutes");
                broken.add(Rule::LoginTooLong { asked, most }, "duration.minutes");
            }
            Some(after(minutes))
        }
        (Some(Lasting::Indefinite), Some(most)) => {
            let asked = "no end".to_owned();
            broken.add(Rule::LoginTooLong { asked, most }, "duration.indefinite");
            None
        }
        (Some(Lasting::Indefinite), None) => None,
        (Some(Lasting::Until(end)), _) => {
            broken.when(end <= facts.now, || Rule::SessionOver, "expiresAt");
            Some(end)
        }
    }
}

#[cfg(test)]
mod tests {
    use entity::{ClusterId, OrganizationId};

    use super::*;
    use crate::rule::{
        cluster::tests::cluster,
        default_device_profile::tests::fallback,
        phone::tests::phone,
        profile::tests::{profile, user},
        tests_support::{no, ok},
    };

    const NOW: Moment = Moment(1_000);

    fn held(id: i64, phone: i64, user: i64) -> Held {
        Held {
            session: Model {
                id: SessionId(id),
                cluster_id: ClusterId(2),
                organization_id: OrganizationId(4),
                phone_id: DeviceId(phone),
                user_id: UserId(user),
                profile_id: Some(DeviceId(10)),
                default_device_profile_id: None,
                logged_in_at: Moment(1),
                expires_at: None,
                model_mismatch: false,
                profile_version: Some(1),
                button_template: "Standard 8841 SIP".into(),
                softkey_template: None,
                settings: Settings::default(),
            },
            phone: format!("SEP{phone}"),
            seen: true,
            user: Some(format!("user{user}")),
        }
    }

    fn facts() -> LoginFacts {
        LoginFacts {
            id: SessionId(90),
            now: NOW,
            phone: Some(phone(20)),
            cluster: Some(cluster(2)),
            user: Some(user(1)),
            profile: None,
            profiles: vec![profile("{}")],
            fallback: None,
            here: None,
            elsewhere: Vec::new(),
        }
    }

    fn command() -> Login {
        Login {
            phone: DeviceId(20),
            user: Some(UserId(1)),
            profile: None,
            lasting: None,
            if_occupied: IfOccupied::Fail,
        }
    }

    fn kinds(changes: &[Change]) -> Vec<String> {
        let kind = |change: &Change| match change {
            Change::SessionEnded { session, why, .. } => format!("{} {why:?}", session.id),
            Change::SessionStarted { session, .. } => format!("{} on {}", session.id, session.phone_id),
            other => format!("{other:?}"),
        };
        changes.iter().map(kind).collect()
    }

    fn started(decision: Decision) -> Model {
        match ok(decision).pop() {
            Some(Change::SessionStarted { session, .. }) => session,
            other => panic!("{other:?}"),
        }
    }

    /// SES-2, SES-3: the three policies, by a free phone, the same user elsewhere and another user on the phone, with and
    /// without force.
    #[test]
    fn policies_and_force_decide_about_a_second_login() {
        use MultipleLogin::{Allowed, AutoLogout, NotAllowed};
        let here = || Some(held(7, 20, 2));
        let elsewhere = || vec![held(8, 21, 1)];
        let fresh = "90 on 20";
        let second = ("MULTI_LOGIN_NOT_ALLOWED", "userId");
        let occupied = ("PHONE_OCCUPIED", "phoneId");
        for (policy, on_phone, other, force, want) in [
            (Allowed, None, vec![], false, Ok(vec![fresh])),
            (Allowed, None, vec![], true, Ok(vec![fresh])),
            (Allowed, None, elsewhere(), false, Ok(vec![fresh])),
            (Allowed, None, elsewhere(), true, Ok(vec![fresh])),
            (Allowed, here(), vec![], false, Err(vec![occupied])),
            (Allowed, here(), vec![], true, Ok(vec!["7 Forced", fresh])),
            (NotAllowed, None, vec![], false, Ok(vec![fresh])),
            (NotAllowed, None, vec![], true, Ok(vec![fresh])),
            (NotAllowed, None, elsewhere(), false, Err(vec![second])),
            (NotAllowed, None, elsewhere(), true, Err(vec![second])),
            (NotAllowed, here(), vec![], false, Err(vec![occupied])),
            (NotAllowed, here(), vec![], true, Ok(vec!["7 Forced", fresh])),
            (NotAllowed, here(), elsewhere(), false, Err(vec![second, occupied])),
            (AutoLogout, None, vec![], false, Ok(vec![fresh])),
            (AutoLogout, None, vec![], true, Ok(vec![fresh])),
            (AutoLogout, None, elsewhere(), false, Ok(vec!["8 AutoLogout", fresh])),
            (AutoLogout, None, elsewhere(), true, Ok(vec!["8 AutoLogout", fresh])),
            (AutoLogout, here(), vec![], false, Err(vec![occupied])),
            (AutoLogout, here(), vec![], true, Ok(vec!["7 Forced", fresh])),
            (AutoLogout, here(), elsewhere(), true, Ok(vec!["7 Forced", "8 AutoLogout", fresh])),
        ] {
            let cluster = cluster::Model { multiple_login: policy, ..cluster(2) };
            let facts = LoginFacts { cluster: Some(cluster), here: on_phone, elsewhere: other, ..facts() };
            let if_occupied = if force { IfOccupied::Force } else { IfOccupied::Fail };
            let decision = login(&Login { if_occupied, ..command() }, &facts);
            match want {
                Ok(changes) => assert_eq!(kinds(&ok(decision)), changes, "{policy:?} {force}"),
                Err(rules) => no(decision, &rules),
            }
        }
    }

    /// SES-4, SES-5: the user's own limit goes before the cluster's, 0 is none, and what is asked for fits.
    #[test]
    fn a_login_lasts_as_long_as_is_asked_and_allowed() {
        use Lasting::{Indefinite, Minutes, Until};
        let after = |minutes| Ok(Some(NOW.plus_minutes(minutes)));
        let long = ("LOGIN_TOO_LONG", "duration.minutes");
        for (own, clusters, lasting, want) in [
            (None, None, None, Ok(None)),
            (None, Some(600), None, after(600)),
            (Some(30), Some(600), None, after(30)),
            (Some(0), Some(600), None, Ok(None)),
            (None, Some(0), None, Ok(None)),
            (None, None, Some(Minutes(1)), after(1)),
            (None, None, Some(Minutes(10_080)), after(10_080)),
            (None, None, Some(Minutes(0)), Err(vec![("VALUE_OUT_OF_RANGE", "duration.minutes")])),
            (None, None, Some(Minutes(10_081)), Err(vec![("VALUE_OUT_OF_RANGE", "duration.minutes")])),
            (None, Some(600), Some(Minutes(600)), after(600)),
            (None, Some(600), Some(Minutes(601)), Err(vec![long])),
            (Some(30), Some(600), Some(Minutes(31)), Err(vec![long])),
            (Some(700), Some(600), Some(Minutes(601)), after(601)),
            (None, None, Some(Indefinite), Ok(None)),
            (None, Some(600), Some(Indefinite), Err(vec![("LOGIN_TOO_LONG", "duration.indefinite")])),
            (Some(30), None, Some(Until(NOW.plus_minutes(90))), after(90)),
            (None, None, Some(Until(NOW)), Err(vec![("SESSION_OVER", "expiresAt")])),
        ] {
            let facts = LoginFacts {
                user: Some(user::Model { max_login_minutes: own, ..user(1) }),
                cluster: Some(cluster::Model { max_login_minutes: clusters, ..cluster(2) }),
                ..facts()
            };
            let decision = login(&Login { lasting, ..command() }, &facts);
            match want {
                Ok(end) => assert_eq!(started(decision).expires_at, end, "{own:?} {clusters:?} {lasting:?}"),
                Err(rules) => no(decision, &rules),
            }
        }
    }

    /// USR-4, USR-6, SES-1: which profile the phone takes.
    #[test]
    fn the_default_profile_is_taken_else_the_first_else_what_the_model_has() {
        let named = |id: i64| profile::Model { id: DeviceId(id), ..profile("{}") };
        let mut with = facts();
        with.profiles = vec![named(10), named(11)];
        let taken = |facts: &LoginFacts, id: Option<i64>| {
            let facts = LoginFacts {
                profile: id.map(named),
                profiles: facts.profiles.clone(),
                user: facts.user.clone(),
                fallback: facts.fallback.clone(),
                ..self::facts()
            };
            login(&Login { profile: id.map(DeviceId), ..command() }, &facts)
        };
        assert_eq!(started(taken(&with, None)).profile_id, Some(DeviceId(10)));
        assert_eq!(started(taken(&with, Some(11))).profile_id, Some(DeviceId(11)));
        no(taken(&with, Some(12)), &[("PROFILE_NOT_ASSOCIATED_WITH_USER", "profileId")]);
        with.user = Some(user::Model { default_profile_id: Some(DeviceId(11)), ..user(1) });
        assert_eq!(started(taken(&with, None)).profile_id, Some(DeviceId(11)));
        with.profiles.clear();
        no(taken(&with, None), &[("USER_HAS_NO_PROFILE", "userId")]);
        with.fallback = Some(fallback("Cisco 8841", r#"{"privacy":"ON"}"#));
        let bare = started(taken(&with, None));
        assert_eq!((bare.profile_id, bare.model_mismatch), (None, false));
        assert_eq!(bare.default_device_profile_id, Some(DefaultDeviceProfileId(70)));
    }

    /// SES-1: every guard that does not hold is told at once.
    #[test]
    fn every_guard_is_told_at_once() {
        let off = phone::Model { extension_mobility: false, ..phone(20) };
        let abroad = user::Model { cluster_id: ClusterId(9), ..user(1) };
        let facts = LoginFacts {
            phone: Some(off),
            user: Some(abroad),
            profiles: Vec::new(),
            here: Some(held(7, 20, 2)),
            ..facts()
        };
        let cmd = Login { lasting: Some(Lasting::Minutes(-1)), ..command() };
        no(
            login(&cmd, &facts),
            &[
                ("EM_NOT_ENABLED_ON_PHONE", "phoneId"),
                ("USER_ON_OTHER_CLUSTER", "userId"),
                ("USER_HAS_NO_PROFILE", "userId"),
                ("PHONE_OCCUPIED", "phoneId"),
                ("VALUE_OUT_OF_RANGE", "duration.minutes"),
            ],
        );
        let nothing = LoginFacts { phone: None, user: None, ..self::facts() };
        let cmd = Login { profile: Some(DeviceId(10)), ..command() };
        no(
            login(&cmd, &nothing),
            &[("NOT_FOUND", "phoneId"), ("NOT_FOUND", "profileId"), ("NOT_FOUND", "userId")],
        );
        no(login(&Login { user: None, ..command() }, &self::facts()), &[("VALUE_REQUIRED", "userId")]);
        let served = LoginFacts { profile: Some(profile("{}")), user: None, ..self::facts() };
        let cmd = Login { user: None, profile: Some(DeviceId(10)), ..command() };
        no(login(&cmd, &served), &[("PROFILE_HAS_NO_USER", "profileId")]);
    }

    /// SES-11: what a phone of the profile's model copies, and one of another model.
    #[test]
    fn on_another_model_the_default_device_profile_gives_what_is_device_wide() {
        let own = profile(r#"{"user_locale":"German","user_hold_moh_audio_source":3,"privacy":"OFF"}"#);
        let other = fallback("Cisco 7841", r#"{"privacy":"ON","user_locale":"French"}"#);
        let copy = |product: &str, protocol, fallback: Option<&default_device_profile::Model>| {
            copied(Some((&own).into()), product, protocol, fallback.map(Wide::from))
        };
        let same = copy("Cisco 8841", Protocol::Sip, Some(&other)).expect("fits");
        assert!(!same.model_mismatch);
        assert_eq!(same.settings, own.settings);
        let mixed = copy("Cisco 7841", Protocol::Sip, Some(&other)).expect("falls back");
        assert!(mixed.model_mismatch);
        assert_eq!(mixed.button_template, "Standard 7841 SIP");
        assert_eq!(mixed.settings.privacy, entity::profile::Toggle::On);
        assert_eq!(mixed.settings.user_locale.as_deref(), Some("German"));
        assert_eq!(mixed.settings.user_hold_moh_audio_source, Some(3));
        assert_eq!(copy("Cisco 7841", Protocol::Sip, None), None);
        assert!(copy("Cisco 8841", Protocol::Sccp, Some(&other)).expect("falls back").model_mismatch);
    }

    /// SES-12: what is pending is what a new login would take and the session has not.
    #[test]
    fn what_differs_since_the_login_is_pending() {
        let copy = |settings: &str, template: &str| Copied {
            button_template: template.to_owned(),
            settings: profile(settings).settings,
            ..Copied::from(&held(7, 20, 1).session)
        };
        let then = copy("{}", "A");
        assert_eq!(pending(&then, &copy(r#"{"dnd_status":true}"#, "A")), []);
        let fields = pending(&then, &copy(r#"{"user_locale":"German"}"#, "B"));
        let told: Vec<_> = fields.iter().map(|p| (p.field.as_str(), &p.in_session, &p.in_profile)).collect();
        assert_eq!(
            told,
            [
                ("button_template", &Value::from("A"), &Value::from("B")),
                ("settings.user_locale", &Value::Null, &Value::from("German")),
            ]
        );
    }

    /// The update's policy touches only phones that would show something else.
    #[test]
    fn a_policy_is_applied_where_something_would_change() {
        let session = held(7, 20, 1);
        let running = |profile: &profile::Model| Running {
            held: session.clone(),
            next: SessionId(91),
            phone: phone(20),
            profile: Some(profile.clone()),
            fallback: None,
        };
        let stock = profile("{}");
        let same = profile::Model {
            button_template: session.session.button_template.clone(),
            softkey_template: None,
            ..stock
        };
        let other = profile::Model { button_template: "Other".into(), ..same.clone() };
        let told = |policy, profile: &profile::Model| {
            kinds(&apply(policy, &[running(profile)], profile, NOW).expect("fits"))
        };
        for policy in [ApplyPolicy::Leave, ApplyPolicy::ReloginIdle, ApplyPolicy::Logout] {
            assert_eq!(told(policy, &same), [""; 0], "{policy:?}");
        }
        assert_eq!(told(ApplyPolicy::Leave, &other), [""; 0]);
        assert_eq!(told(ApplyPolicy::ReloginIdle, &other), ["7 Relogin", "91 on 20"]);
        assert_eq!(told(ApplyPolicy::Logout, &other), ["7 ProfileChanged"]);
        let moved = phone::Model { product: "Cisco 7841".into(), ..phone(20) };
        let stranded = Running { phone: moved, ..running(&other) };
        assert_eq!(
            apply(ApplyPolicy::ReloginIdle, &[stranded], &other, NOW)
                .expect_err("no fallback")
                .code()
                .as_str(),
            "DEFAULT_DEVICE_PROFILE_MISSING"
        );
    }

    #[test]
    fn logging_out_needs_somebody_who_is_logged_in() {
        let cmd = Logout { phone: DeviceId(20) };
        let out = |phone, here| logout(&cmd, &LogoutFacts { phone, here });
        assert_eq!(kinds(&ok(out(Some(phone(20)), Some(held(7, 20, 1))))), ["7 Administrator"]);
        no(out(Some(phone(20)), None), &[("NO_USER_LOGGED_IN", "phoneId")]);
        no(out(None, None), &[("NOT_FOUND", "phoneId")]);
        let user_out = |ids: Option<Vec<i64>>, known: Vec<Option<phone::Model>>| {
            let phones = ids.map(|ids| ids.into_iter().map(DeviceId).collect());
            let sessions = vec![held(7, 20, 1), held(8, 21, 1)];
            let facts = LogoutUserFacts { user: Some(user(1)), sessions, phones: known };
            logout_user(&LogoutUser { user: UserId(1), phones }, &facts)
        };
        assert_eq!(ok(user_out(None, vec![])).len(), 2);
        assert_eq!(kinds(&ok(user_out(Some(vec![21]), vec![Some(phone(21))]))), ["8 Administrator"]);
        no(
            user_out(Some(vec![22, 23]), vec![Some(phone(22)), None]),
            &[("NO_USER_LOGGED_IN", "phoneIds.0"), ("NOT_FOUND", "phoneIds.1")],
        );
    }

    #[test]
    fn phones_are_named_as_far_as_they_are_seen() {
        let hidden = || Held { seen: false, ..held(9, 22, 1) };
        for (sessions, want) in [
            (vec![held(7, 20, 1)], "SEP20"),
            (vec![hidden()], "phones that you do not see"),
            (vec![held(7, 20, 1), hidden()], "SEP20 and phones that you do not see"),
        ] {
            assert_eq!(Phones::of(&sessions).to_string(), want);
        }
    }
}
