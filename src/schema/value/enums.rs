//! The closed sets of words: one enum for each of the model's, with the same variants (a missing one does not
//! compile) and the same JSON, so that settings pass between the two through serde.

use async_graphql::Enum;
use serde::{Deserialize, Serialize};

/// What a node of the organization tree is; the order from the root down is `PROVIDER`, `RESELLER`,
/// `CUSTOMER`, `INTERMEDIATE`, `SITE`.
#[derive(Clone, Copy, Debug, Deserialize, Enum, Eq, PartialEq, Serialize)]
#[graphql(remote = "entity::organization::Kind")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OrganizationKind {
    /// The root of the tree: whoever runs the service; it holds organizations and clusters only.
    Provider,
    /// Sells the provider's service to customers; may be left out.
    Reseller,
    /// One company.
    Customer,
    /// A grouping between a customer and its sites, such as a region; may be left out or repeated.
    Intermediate,
    /// A place where people work; the lowest level.
    Site,
}

/// What happens when a user who is logged in on one phone logs in on another (Cisco: multiple login
/// behavior).
#[derive(Clone, Copy, Debug, Deserialize, Enum, Eq, PartialEq, Serialize)]
#[graphql(remote = "entity::cluster::MultipleLogin")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum MultipleLogin {
    /// The user is logged in on both phones.
    Allowed,
    /// The second login is refused; the default.
    NotAllowed,
    /// The first phone is logged out.
    AutoLogout,
}

/// What a name in a cluster's device namespace belongs to.
#[derive(Clone, Copy, Debug, Deserialize, Enum, Eq, PartialEq, Serialize)]
#[graphql(remote = "entity::device::Kind")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum DeviceKind {
    /// An extension mobility profile (Cisco: user device profile).
    Profile,
    /// A phone.
    Phone,
    /// Anything else that the cluster knows, such as a gateway or a CTI port; it only occupies its name.
    Other,
}

/// How a phone talks to Unified CM (Cisco: device protocol).
#[derive(Clone, Copy, Debug, Deserialize, Enum, Eq, PartialEq, Serialize)]
#[graphql(remote = "entity::profile::Protocol")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Protocol {
    /// Session Initiation Protocol.
    Sip,
    /// Skinny Client Control Protocol.
    Sccp,
}

/// The side of the protocol that the device takes.
#[derive(Clone, Copy, Debug, Deserialize, Enum, Eq, PartialEq, Serialize)]
#[graphql(remote = "entity::profile::ProtocolSide")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ProtocolSide {
    /// The network's side.
    Network,
    /// The user's side, which is that of every phone; the default.
    User,
}

/// A switch that may be left to the system.
#[derive(Clone, Copy, Debug, Deserialize, Enum, Eq, PartialEq, Serialize)]
#[graphql(remote = "entity::profile::Toggle")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Toggle {
    /// Off, whatever the cluster's service parameter says.
    Off,
    /// On, whatever the cluster's service parameter says.
    On,
    /// As the cluster's service parameter says; the default.
    Default,
}

/// What a call of higher precedence does to a call in progress (Cisco: MLPP preemption).
#[derive(Clone, Copy, Debug, Deserialize, Enum, Eq, PartialEq, Serialize)]
#[graphql(remote = "entity::profile::Preemption")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Preemption {
    /// It waits like any other call.
    Disabled,
    /// It ends the call in progress; needs MLPP indication `ON`.
    Forceful,
    /// As the cluster's enterprise parameter says; the default.
    Default,
}

/// How one joins a call on a shared line by pressing one button (Cisco: single button barge).
#[derive(Clone, Copy, Debug, Deserialize, Enum, Eq, PartialEq, Serialize)]
#[graphql(remote = "entity::profile::Barge")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Barge {
    /// One button does not join.
    Off,
    /// Joins through the phone's built-in bridge.
    Barge,
    /// Joins through a conference bridge, which opens the call to further people.
    Cbarge,
    /// As the cluster's service parameter says; the default.
    Default,
}

/// What do-not-disturb does to a call that comes in (Cisco: DND option).
#[derive(Clone, Copy, Debug, Deserialize, Enum, Eq, PartialEq, Serialize)]
#[graphql(remote = "entity::profile::DndOption")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum DndOption {
    /// The call is shown and does not ring; the default.
    RingerOff,
    /// The call is refused.
    CallReject,
    /// As the phone's common phone profile says.
    UseCommonPhoneProfileSetting,
}

/// How a phone rings.
#[derive(Clone, Copy, Debug, Deserialize, Enum, Eq, PartialEq, Serialize)]
#[graphql(remote = "entity::profile::Ring")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Ring {
    /// As the cluster's service parameter says.
    UseSystemDefault,
    /// Not at all.
    Disable,
    /// With the lamp only.
    FlashOnly,
    /// Once.
    RingOnce,
    /// Until it is answered or goes elsewhere.
    Ring,
    /// With one beep.
    BeepOnly,
}

/// Whether the phone shows the precedence of a call (Cisco: MLPP indication).
#[derive(Clone, Copy, Debug, Deserialize, Enum, Eq, PartialEq, Serialize)]
#[graphql(remote = "entity::profile::MlppIndication")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum MlppIndication {
    /// Not shown; the default.
    Off,
    /// Shown.
    On,
    /// As the phone's device pool says.
    Default,
}

/// How a call is answered without a hand (Cisco: auto answer).
#[derive(Clone, Copy, Debug, Deserialize, Enum, Eq, PartialEq, Serialize)]
#[graphql(remote = "entity::line::AutoAnswer")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AutoAnswer {
    /// It is not; the default.
    Off,
    /// On the headset.
    Headset,
    /// On the speakerphone.
    Speakerphone,
}

/// Which calling search space activates call forward all (Cisco: calling search space activation policy).
#[derive(Clone, Copy, Debug, Deserialize, Enum, Eq, PartialEq, Serialize)]
#[graphql(remote = "entity::line::CfaCssPolicy")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CfaCssPolicy {
    /// As the cluster's service parameter says; the default.
    UseSystemDefault,
    /// The one configured on the forward.
    WithConfiguredCss,
    /// Those of the line and of the phone where it is activated.
    WithActivatingDeviceLineCss,
}

/// MLPP precedence of a line's pattern, the highest first.
#[derive(Clone, Copy, Debug, Deserialize, Enum, Eq, PartialEq, Serialize)]
#[graphql(remote = "entity::line::Precedence")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Precedence {
    /// Above everything.
    ExecutiveOverride,
    /// Above flash.
    FlashOverride,
    /// Above immediate.
    Flash,
    /// Above priority.
    Immediate,
    /// Above routine.
    Priority,
    /// The lowest.
    Routine,
    /// The precedence that the call came with; the default.
    Default,
}

/// Whether a line on a device is the one through which the line is changed.
#[derive(Clone, Copy, Debug, Deserialize, Enum, Eq, PartialEq, Serialize)]
#[graphql(remote = "entity::line_appearance::Role")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AppearanceRole {
    /// Line settings are changed here and reach every clone; a line has at most one original.
    Original,
    /// Follows the original; only its place and label are its own.
    Clone,
}

/// How a waiting message is shown (Cisco: message waiting lamp policy).
#[derive(Clone, Copy, Debug, Deserialize, Enum, Eq, PartialEq, Serialize)]
#[graphql(remote = "entity::line_appearance::MessageLampPolicy")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum MessageLampPolicy {
    /// As the cluster's service parameter says; the default.
    UseSystemPolicy,
    /// With the lamp and the prompt.
    LightAndPrompt,
    /// With the prompt.
    PromptOnly,
    /// With the lamp.
    LightOnly,
    /// Not at all.
    None,
}

/// Whether calls are recorded (Cisco: recording option).
#[derive(Clone, Copy, Debug, Deserialize, Enum, Eq, PartialEq, Serialize)]
#[graphql(remote = "entity::line_appearance::Recording")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Recording {
    /// No call; the default.
    Disabled,
    /// Every call.
    Automatic,
    /// The calls that somebody chooses.
    Selective,
}

/// Which end supplies the media of a recording (Cisco: recording media source).
#[derive(Clone, Copy, Debug, Deserialize, Enum, Eq, PartialEq, Serialize)]
#[graphql(remote = "entity::line_appearance::RecordingSource")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RecordingSource {
    /// The gateway where it can, else the phone; the default.
    GatewayPreferred,
    /// The phone where it can, else the gateway.
    PhonePreferred,
}

/// What the partition of the number is used for.
#[derive(Clone, Copy, Debug, Deserialize, Enum, Eq, PartialEq, Serialize)]
#[graphql(remote = "entity::line_appearance::PartitionUsage")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PartitionUsage {
    /// Calls of every kind; the default.
    General,
    /// Intercom.
    Intercom,
}

/// What the holder of a token may do; each role may do what the ones before it may.
#[derive(Clone, Copy, Debug, Deserialize, Enum, Eq, PartialEq, Serialize)]
#[graphql(remote = "entity::token::Role")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Role {
    /// Sees the own page as a user, and changes the own speed dials.
    SelfService,
    /// Reads.
    Viewer,
    /// Reads, and changes users, profiles, lines and phones.
    Operator,
    /// Does everything, organizations, clusters and tokens included.
    Admin,
}

/// An ability of a product that some products lack.
#[derive(Clone, Copy, Debug, Deserialize, Enum, Eq, PartialEq, Serialize)]
#[graphql(remote = "crate::rule::product::Feature")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ProductFeature {
    /// People can log in on it.
    ExtensionMobility,
    /// Its lines can be shared with other devices, that is be clones or have clones.
    SharedLines,
    /// Multilevel precedence and preemption.
    Mlpp,
    /// A music-on-hold source of its own for calls that its user holds.
    Moh,
    /// A language of its own (Cisco: user locale).
    Locale,
    /// Do not disturb.
    Dnd,
    /// Barging into a call on a shared line.
    Barge,
    /// Joining calls across lines.
    Join,
    /// Keeping the information of calls on a shared line private.
    Privacy,
    /// A message lamp policy per line.
    MessageLampPolicy,
    /// Subscriptions to IP phone services.
    Services,
    /// The first line answers and dials unless another is chosen.
    AlwaysUsePrimeLine,
    /// A feature control policy.
    FeatureControlPolicy,
}

/// What a phone button template can put on a button.
#[derive(Clone, Copy, Debug, Deserialize, Enum, Eq, PartialEq, Serialize)]
#[graphql(remote = "crate::rule::product::ButtonFeature")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ButtonFeature {
    /// A line.
    Line,
    /// A speed dial.
    SpeedDial,
    /// A speed dial with a busy lamp (Cisco: speed dial BLF).
    Blf,
    /// A directed call park number with a busy lamp (Cisco: call park BLF).
    CallParkBlf,
    /// An IP phone service (Cisco: service URL).
    ServiceUrl,
}

/// What becomes of the profiles that nobody but the deleted user uses.
#[derive(Clone, Copy, Debug, Deserialize, Enum, Eq, PartialEq, Serialize)]
#[graphql(remote = "crate::rule::user::SoleProfiles")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum SoleProfiles {
    /// They are deleted with the user.
    Delete,
    /// They stay, without a user.
    KeepUnassigned,
}

/// What a login does about somebody who is logged in on the phone.
#[derive(Clone, Copy, Debug, Default, Deserialize, Enum, Eq, PartialEq, Serialize)]
#[graphql(remote = "crate::rule::session::IfOccupied")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum IfOccupied {
    /// The login is refused; the default.
    #[default]
    Fail,
    /// Whoever is logged in there is logged out first.
    Force,
}

/// What a change does about people who are logged in with what it takes away.
#[derive(Clone, Copy, Debug, Default, Deserialize, Enum, Eq, PartialEq, Serialize)]
#[graphql(remote = "crate::rule::session::OnActiveSession")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OnActiveSession {
    /// The change is refused; the default.
    #[default]
    Fail,
    /// They are logged out first, on phones that you do not see as well.
    Logout,
}

/// What an update of a profile does with the phones that show it. Phones for which the device-wide settings stay the same are
/// left alone whatever is chosen.
#[derive(Clone, Copy, Debug, Default, Deserialize, Enum, Eq, PartialEq, Serialize)]
#[graphql(remote = "crate::rule::session::ApplyPolicy")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ApplyPolicy {
    /// They keep what they copied at login; `Session.pendingRelogin` tells what differs. The default.
    #[default]
    Leave,
    /// Their users are logged out and in again. Whether a phone is in a call is not known here, as Unified CM is not
    /// connected: every phone is taken for idle.
    ReloginIdle,
    /// Their users are logged out.
    Logout,
}

/// Why a session ended.
#[derive(Clone, Copy, Debug, Deserialize, Enum, Eq, PartialEq, Serialize)]
#[graphql(remote = "entity::session::End")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum SessionEnd {
    /// An administrator logged the user out.
    Administrator,
    /// Somebody else was logged in on the phone, by force.
    Forced,
    /// The user was logged in on another phone, and the cluster allows one login.
    AutoLogout,
    /// Its time was up.
    Expired,
    /// The user was logged in again at the same moment, so that the phone takes the profile as it is.
    Relogin,
    /// The profile was updated with `applyPolicy: LOGOUT`.
    ProfileChanged,
    /// The profile was deleted.
    ProfileDeleted,
    /// Extension mobility was switched off on the phone.
    PhoneChanged,
    /// The phone was deleted.
    PhoneDeleted,
    /// The user was disassociated from the profile.
    UserDisassociated,
    /// The user was deleted.
    UserDeleted,
}

/// What a phone shows.
#[derive(Clone, Copy, Debug, Enum, Eq, PartialEq)]
pub enum ShownBy {
    /// Somebody is logged in: the profile of that user.
    Session,
    /// Nobody is logged in: its logout profile.
    LogoutProfile,
    /// Nobody is logged in, and it has no logout profile: its own settings.
    Phone,
}

/// The kinds of thing that a change can be about.
#[derive(Clone, Copy, Debug, Deserialize, Enum, Eq, PartialEq, Serialize)]
#[graphql(remote = "entity::change_subject::Noun")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Noun {
    /// A node of the organization tree.
    Organization,
    /// A Unified CM cluster.
    Cluster,
    /// A device that is neither profile nor phone.
    Device,
    /// An extension mobility profile.
    Profile,
    /// A phone.
    Phone,
    /// Somebody who is logged in on a phone.
    Session,
    /// What a phone model shows for users whose profile is for another model.
    DefaultDeviceProfile,
    /// A line (Cisco: directory number).
    Line,
    /// A line on a device: an original or a clone.
    Appearance,
    /// A user.
    User,
    /// A Quick Add group.
    QuickAddGroup,
    /// A speed dial, busy lamp field, call park or service URL button.
    Button,
    /// A phone button or softkey template.
    Template,
    /// An IP phone service.
    Service,
    /// A subscription of a profile or phone to a phone service.
    ServiceSubscription,
    /// A role that was composed.
    Role,
    /// A number of the inventory.
    Number,
    /// A job.
    Job,
}

/// What a phone service is made of (Cisco: service category).
#[derive(Clone, Copy, Debug, Deserialize, Enum, Eq, PartialEq, Serialize)]
#[graphql(remote = "entity::service::Category")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ServiceCategory {
    /// Pages in the phones' XML; the default.
    XmlService,
    /// A Java program for phones.
    JavaMidlet,
    /// A widget.
    WebWidget,
    /// A link that the phone's browser opens.
    WebLink,
    /// An Android program.
    AndroidApk,
}

/// Under which button of the phone a phone service is found (Cisco: service type).
#[derive(Clone, Copy, Debug, Deserialize, Enum, Eq, PartialEq, Serialize)]
#[graphql(remote = "entity::service::Kind")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ServiceType {
    /// The services button; the default.
    Standard,
    /// The directories button.
    Directories,
    /// The messages button.
    Messages,
}

/// What keeps a profile, or a user, from working as people expect.
#[derive(Clone, Copy, Debug, Enum, Eq, PartialEq)]
#[graphql(remote = "crate::rule::readiness::Finding")]
pub enum ReadinessCode {
    /// Neither the profile nor the cluster as a whole has the extension mobility service: nobody can log out.
    EmServiceMissing,
    /// A phone of its users, or one that shows it, has no extension mobility service: nobody can log in there.
    PhoneEmServiceMissing,
    /// It has no line.
    LineMissing,
    /// The phone that it is for has fewer keys for lines than it has lines.
    LinesDoNotFit,
    /// One of its users has no default profile.
    DefaultProfileMissing,
    /// A phone of its users, or one that shows it, is of another model, for which the cluster has no default device profile:
    /// nobody can log in there with it.
    DefaultDeviceProfileMissing,
    /// The number inventory does not say of each of its numbers that it is used.
    NumberWrong,
    /// One of its numbers is kept for somebody who is not one of its users.
    NumberReservedForOther,
    /// The URL of one of its services is older than the service.
    ServiceUrlStale,
    /// It is subscribed to a service that is disabled.
    ServiceDisabled,
    /// A user has no profile. It is told on the user's page only.
    ProfileMissing,
}

/// Which of a device's four lists of buttons.
#[derive(Clone, Copy, Debug, Deserialize, Enum, Eq, PartialEq, Serialize)]
#[graphql(remote = "entity::button::Kind")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ButtonKind {
    /// Dials a number (Cisco: speed dial, with the abbreviated ones).
    SpeedDial,
    /// Dials a number and shows whether it is busy (Cisco: BLF speed dial).
    BusyLampField,
    /// Parks a call at a number and shows whether one is there (Cisco: BLF directed call park).
    CallPark,
    /// Opens a phone service (Cisco: service URL).
    ServiceUrl,
}

/// Whether a number of the inventory can be given out.
#[derive(Clone, Copy, Debug, Deserialize, Enum, Eq, PartialEq, Serialize)]
#[graphql(remote = "entity::number::Status")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum NumberStatus {
    /// Nothing uses it.
    Available,
    /// Its line stands on a device.
    Used,
    /// Something that is no device uses it.
    UsedUtility,
    /// Held back by hand; its line is put on no device.
    Reserved,
    /// It was in use a short while ago; its line is put on no device until it is available again.
    Cooling,
}

/// What uses a number and is no device.
#[derive(Clone, Copy, Debug, Deserialize, Enum, Eq, PartialEq, Serialize)]
#[graphql(remote = "entity::number::Utility")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum NumberUtility {
    /// The pilot of a hunt list.
    HuntPilot,
    /// The pilot of a pickup group.
    PickupGroupPilot,
    /// A system call handler.
    CallHandlerPilot,
    /// The pilot of voice mail.
    VoicemailPilot,
    /// A meet-me conference.
    MeetMe,
    /// A CTI route point.
    CtiRoutePoint,
    /// A call park.
    CallPark,
    /// A directed call park.
    DirectedCallPark,
}

/// What uses a number.
#[derive(Clone, Copy, Debug, Enum, Eq, PartialEq)]
pub enum NumberUsage {
    /// A profile or phone that its line stands on.
    Device,
    /// The pilot of a hunt list.
    HuntPilot,
    /// The pilot of a pickup group.
    PickupGroupPilot,
    /// A system call handler.
    CallHandlerPilot,
    /// The pilot of voice mail.
    VoicemailPilot,
    /// A meet-me conference.
    MeetMe,
    /// A CTI route point.
    CtiRoutePoint,
    /// A call park.
    CallPark,
    /// A directed call park.
    DirectedCallPark,
}

impl NumberUsage {
    /// The usage by something that is no device.
    pub fn of(utility: entity::number::Utility) -> Self {
        use entity::number::Utility;
        match utility {
            Utility::HuntPilot => Self::HuntPilot,
            Utility::PickupGroupPilot => Self::PickupGroupPilot,
            Utility::CallHandlerPilot => Self::CallHandlerPilot,
            Utility::VoicemailPilot => Self::VoicemailPilot,
            Utility::MeetMe => Self::MeetMe,
            Utility::CtiRoutePoint => Self::CtiRoutePoint,
            Utility::CallPark => Self::CallPark,
            Utility::DirectedCallPark => Self::DirectedCallPark,
        }
    }
}

/// Which numbers of the inventory are offered.
#[derive(Clone, Copy, Debug, Deserialize, Enum, Eq, PartialEq, Serialize)]
#[graphql(remote = "crate::rule::number::Choice")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum InventoryChoice {
    /// Those that are available and kept for nobody else.
    Available,
    /// Those of the first user of the profile, whoever else uses it: on a phone or profile of that user, the user's
    /// primary extension, or kept for that user. Without users, none.
    BelongingToFirstUser,
    /// The same of the user in `userId`.
    BelongingToUser,
    /// Those that are kept for the user in `userId`; without it, for any user of the profile.
    ReservedForUser,
    /// Those on devices, to share on purpose.
    Used,
    /// All of them.
    All,
}

#[cfg(test)]
mod tests {
    use std::fmt::Debug;

    use async_graphql::EnumType;

    use super::*;

    /// Checks that each word of `L`, its JSON and the JSON of its counterpart are the same.
    #[track_caller]
    fn same<L, R>()
    where
        L: EnumType + Into<R> + Serialize + Debug,
        R: Copy + Into<L> + Serialize,
    {
        for item in L::items() {
            let theirs: R = item.value.into();
            let json = serde_json::to_value(item.value).expect("a word");
            assert_eq!(json, item.name);
            assert_eq!(json, serde_json::to_value(theirs).expect("a word"));
            let back: L = theirs.into();
            assert!(back == item.value, "{back:?}");
        }
    }

    #[test]
    fn the_words_are_those_of_the_tables() {
        same::<OrganizationKind, entity::organization::Kind>();
        same::<MultipleLogin, entity::cluster::MultipleLogin>();
        same::<DeviceKind, entity::device::Kind>();
        same::<Protocol, entity::profile::Protocol>();
        same::<ProtocolSide, entity::profile::ProtocolSide>();
        same::<Toggle, entity::profile::Toggle>();
        same::<Preemption, entity::profile::Preemption>();
        same::<Barge, entity::profile::Barge>();
        same::<DndOption, entity::profile::DndOption>();
        same::<Ring, entity::profile::Ring>();
        same::<MlppIndication, entity::profile::MlppIndication>();
        same::<AutoAnswer, entity::line::AutoAnswer>();
        same::<CfaCssPolicy, entity::line::CfaCssPolicy>();
        same::<Precedence, entity::line::Precedence>();
        same::<AppearanceRole, entity::line_appearance::Role>();
        same::<MessageLampPolicy, entity::line_appearance::MessageLampPolicy>();
        same::<Recording, entity::line_appearance::Recording>();
        same::<RecordingSource, entity::line_appearance::RecordingSource>();
        same::<PartitionUsage, entity::line_appearance::PartitionUsage>();
        same::<Role, entity::token::Role>();
        same::<ProductFeature, crate::rule::product::Feature>();
        same::<ButtonFeature, crate::rule::product::ButtonFeature>();
        same::<Noun, entity::change_subject::Noun>();
        same::<IfOccupied, crate::rule::session::IfOccupied>();
        same::<OnActiveSession, crate::rule::session::OnActiveSession>();
        same::<ApplyPolicy, crate::rule::session::ApplyPolicy>();
        same::<SessionEnd, entity::session::End>();
        same::<ServiceCategory, entity::service::Category>();
        same::<ServiceType, entity::service::Kind>();
        same::<ButtonKind, entity::button::Kind>();
        same::<NumberStatus, entity::number::Status>();
        same::<NumberUtility, entity::number::Utility>();
        same::<InventoryChoice, crate::rule::number::Choice>();
    }
}
