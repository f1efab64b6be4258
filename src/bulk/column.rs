//! The files of an estate and their columns. This table is what is read, what is written and what is documented.

use std::{collections::BTreeMap, fmt::Write, sync::LazyLock};

use entity::{
    ServiceId, button,
    cluster::MultipleLogin,
    job::Mode,
    line::{self, AlternateNumber, AutoAnswer, CfaCssPolicy, DirectoryUri, Forward, Precedence},
    line_appearance::{self, MessageLampPolicy, PartitionUsage, Recording, RecordingSource, Role},
    number::{Status, Utility},
    organization,
    profile::{
        self, AddOnModule, Barge, DndOption, MlppIndication, Preemption, Protocol, ProtocolSide, Ring, Toggle,
    },
    service, template,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::names::{camel, names, snake};
use crate::rule::{
    service::ParameterFields,
    service_subscription::{Given, NewSubscription, Place},
};

/// A file of an estate, in the order in which they are read: what is named stands before what names it.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum File {
    Organizations,
    Clusters,
    Devices,
    Users,
    Profiles,
    ProfileUsers,
    Phones,
    Lines,
    Appearances,
    UserPhones,
    UserCtiProfiles,
    Buttons,
    Templates,
    Numbers,
    DefaultDeviceProfiles,
    Sessions,
    Services,
    ServiceSubscriptions,
    QuickAddGroups,
    /// No part of an estate: users whom a job adds by Quick Add groups.
    QuickAdds,
}

/// A column of a file.
#[derive(Debug)]
pub struct Column {
    pub name: &'static str,
    pub kind: Kind,
    pub empty: Empty,
    meaning: &'static str,
}

/// What a cell holds.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    Text,
    Number,
    /// `true` or `false`.
    Truth,
    /// One of these words.
    Word(fn() -> &'static [&'static str]),
    /// A JSON object with these fields.
    Object(fn() -> &'static [&'static str]),
    /// A JSON list of such objects.
    Objects(fn() -> &'static [&'static str]),
    /// A JSON list of texts.
    Texts,
}

/// What an empty cell, or a missing column, stands for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Empty {
    /// Nothing: there must be a value.
    Refused,
    /// What this says.
    Is(&'static str),
    /// The default of the setting.
    Default,
}

const CLUSTER: &str = "The cluster's name; `organization.path.name` where several clusters have the name.";
const ORGANIZATION: &str = "Dotted path of the organization that keeps it.";
const PRODUCT: &str = "The product, as the catalogue names it, such as `Cisco 8841`.";
const PROTOCOL: &str = "What it speaks.";
const BUTTONS: &str = "The phone button template.";
const SOFTKEYS: &str = "The softkey template.";
const STOCK: &str = "the product's stock template";
const STOCK_OR_NONE: &str = "none; without the column, the product's stock template";

const ORGANIZATIONS: &[Column] = &[
    key("path", "Names from the root down, joined by dots; the last one is its own."),
    Column { name: "kind", kind: Kind::Word(names::<organization::Kind>), ..key("", "What it is.") },
    number(
        "coolingDays",
        "as the organization above says",
        "Days for which a freed number of the inventory cools, 0 to 999.",
    ),
    number("maxProfilesPerUser", "as the organization above says", "Most profiles of one user, 0 to 10000."),
    truth(
        "numberManagement",
        "as the organization above says",
        "Whether numbers may be added here and below.",
    ),
    truth(
        "uniqueNumbers",
        "as the organization above says",
        "Whether a number that a customer keeps is kept by none of its sites.",
    ),
    truth(
        "deleteUnusedLines",
        "as the organization above says",
        "Whether a line that a device leaves, and that stands on no other, is deleted.",
    ),
    text("leftLineDescription", "it stays", "The text that other lines get which a device leaves."),
    Column {
        kind: Kind::Object(line_names),
        ..text("leftLineSettings", "they stay", "Settings that other lines get which a device leaves.")
    },
];

const CLUSTERS: &[Column] = &[
    key("organization", "Dotted path of the organization that it serves, with everything below."),
    key("name", "Its name, without dots."),
    text("description", "none", "Up to 128 characters."),
    text("release", "none", "The Unified CM release, such as `14.0`."),
    Column {
        kind: Kind::Word(names::<MultipleLogin>),
        ..text("multipleLogin", "`NOT_ALLOWED`", "What happens at a second login of one user.")
    },
    number("maxLoginMinutes", "for ever", "Minutes after which a login ends."),
    number("maxConcurrentLogins", "any number", "Logins and logouts that it takes at once, 1 to 10000."),
];

const DEVICES: &[Column] = &[
    key("cluster", CLUSTER),
    key("name", "Its name; one namespace with profiles and phones."),
    key("organization", ORGANIZATION),
    text("description", "none", "Up to 128 characters."),
];

const USERS: &[Column] = &[
    key("cluster", CLUSTER),
    key("userId", "What the user types to log in."),
    key("organization", ORGANIZATION),
    text("firstName", "none", "Up to 64 characters."),
    key("lastName", "Up to 64 characters."),
    text("displayName", "none", "Up to 64 characters."),
    text("email", "none", "name@host."),
    text("department", "none", "Up to 64 characters."),
    text("userLocale", "none", "Language of the user."),
    number("maxLoginMinutes", "the cluster's", "Own limit of a login in minutes."),
    truth("crossCluster", "false", "Whether the user may log in on phones of other clusters."),
    truth("homeCluster", "true", "Whether this cluster is the user's home."),
    text("primaryPattern", "none", "The primary extension: a line of the user's phones or profiles."),
    text("primaryPartition", "none", "The primary extension's partition."),
    text("defaultProfile", "none", "Name of the profile that is offered first; one of the user's."),
];

/// Columns of what has device-wide settings, with those of the settings behind its own.
macro_rules! with_settings {
    ($($own:expr),* $(,)?) => {
        &[
            $($own,)*
            word("protocolSide", names::<ProtocolSide>, "The side of the protocol that it takes."),
            setting("userLocale", Kind::Text, "Language of the phone's display."),
            setting("userHoldMohAudioSource", Kind::Number, "Music on hold that the user gives, 0 to 51."),
            setting("mlppDomain", Kind::Text, "MLPP domain, hexadecimal, 0 to FFFFFF."),
            word("mlppIndication", names::<MlppIndication>, "Whether the precedence of a call is shown."),
            word("preemption", names::<Preemption>, "What a call of higher precedence does to one in progress."),
            word("privacy", names::<Toggle>, "Whether others on a shared line are kept from its calls."),
            word("singleButtonBarge", names::<Barge>, "How one joins a call on a shared line with one button."),
            word("joinAcrossLines", names::<Toggle>, "Whether calls on different lines can be joined."),
            word("alwaysUsePrimeLine", names::<Toggle>, "Whether the first line answers and dials."),
            word(
                "alwaysUsePrimeLineForVoiceMessage",
                names::<Toggle>,
                "Whether the messages button calls the voice mail of the first line.",
            ),
            word("dndOption", names::<DndOption>, "What do-not-disturb does to a call."),
            word("dndRing", names::<Ring>, "How a call is announced during do-not-disturb."),
            setting("dndStatus", Kind::Truth, "Whether do-not-disturb is on."),
            setting(
                "ignorePresentationIndicators",
                Kind::Truth,
                "Whether a caller's wish not to be shown is ignored for internal calls.",
            ),
            setting("emccCallingSearchSpace", Kind::Text, "Calling search space while logged in on another cluster."),
            setting("featureControlPolicy", Kind::Text, "The policy that switches features on and off."),
            setting("addOnModules", Kind::Objects(names::<AddOnModule>), "Key expansion modules, all of one model."),
            setting("vendorConfig", Kind::Text, "Product-specific settings, as Unified CM's XML."),
        ]
    };
}

const PROFILES: &[Column] = with_settings![
    key("cluster", CLUSTER),
    key("name", "Its name, up to 50 characters; unique among the devices of the cluster, whatever the case."),
    key("organization", ORGANIZATION),
    text("description", "none", "Up to 128 characters."),
    key("product", PRODUCT),
    Column { kind: Kind::Word(names::<Protocol>), ..key("protocol", PROTOCOL) },
    text("buttonTemplate", STOCK, BUTTONS),
    text("softkeyTemplate", STOCK_OR_NONE, SOFTKEYS),
    text("loginUser", "none", "User id of the user that is logged in where it is a logout profile."),
];

const DEFAULT_DEVICE_PROFILES: &[Column] = with_settings![
    key("cluster", CLUSTER),
    key("product", PRODUCT),
    Column { kind: Kind::Word(names::<Protocol>), ..key("protocol", PROTOCOL) },
    text("description", "none", "Up to 255 characters."),
    text("buttonTemplate", STOCK, BUTTONS),
    text("softkeyTemplate", STOCK_OR_NONE, SOFTKEYS),
];

const SESSIONS: &[Column] = &[
    key("cluster", CLUSTER),
    key("phone", "Name of the phone."),
    key("user", "The user id."),
    text(
        "profile",
        "the user's default profile, or only one, or first",
        "Name of the profile that the phone shows.",
    ),
    number("minutes", "as long as the user and the cluster allow", "How long it lasts from the import on."),
];

const PROFILE_USERS: &[Column] = &[
    key("cluster", CLUSTER),
    key("profile", "The profile's name."),
    key("user", "The user id."),
    number("position", "behind the ones above", "The user's place on the profile, from 1 and without gaps."),
];

const PHONES: &[Column] = &[
    key("cluster", CLUSTER),
    key("name", "Its name, such as `SEP001122334455`."),
    key("organization", ORGANIZATION),
    text("description", "none", "Up to 128 characters."),
    key("product", PRODUCT),
    Column { kind: Kind::Word(names::<Protocol>), ..key("protocol", PROTOCOL) },
    text("buttonTemplate", STOCK, BUTTONS),
    text("softkeyTemplate", STOCK_OR_NONE, SOFTKEYS),
    truth("extensionMobility", "false", "Whether people may log in on it."),
    text("logoutProfile", "its own settings", "Name of the profile that it shows while nobody is logged in."),
    text("owner", "none", "User id of its owner."),
];

const LINES: &[Column] = &[
    key("cluster", CLUSTER),
    key("pattern", "The directory number."),
    text("partition", "`<None>`", "The route partition."),
    key("organization", ORGANIZATION),
    text("description", "none", "Up to 128 characters."),
    setting("alertingName", Kind::Text, "Name shown to the caller while a shared line rings."),
    setting("asciiAlertingName", Kind::Text, "The same for phones without Unicode."),
    setting("callingSearchSpace", Kind::Text, "What may be called from the line."),
    setting("presenceGroup", Kind::Text, "The group that decides who may watch the line."),
    setting("voiceMailProfile", Kind::Text, "The voice mail profile."),
    setting("callPickupGroup", Kind::Text, "The group whose members pick up each other's calls."),
    forward("forwardAll", "Where every call goes."),
    forward("forwardBusy", "Where external calls go while the line is busy."),
    forward("forwardBusyInternal", "Where internal calls go while the line is busy."),
    forward("forwardNoAnswer", "Where external calls go when nobody answers."),
    forward("forwardNoAnswerInternal", "Where internal calls go when nobody answers."),
    forward("forwardNoCoverage", "Where external calls go when a hunt is exhausted."),
    forward("forwardNoCoverageInternal", "Where internal calls go when a hunt is exhausted."),
    forward("forwardOnFailure", "Where calls go when the CTI device of the line fails."),
    forward("forwardNotRegistered", "Where external calls go while no phone of the line is registered."),
    forward("forwardNotRegisteredInternal", "Where internal calls go while no phone is registered."),
    forward("alternateParty", "Where calls of precedence go when nobody answers them."),
    word("autoAnswer", names::<AutoAnswer>, "How calls are answered without a hand."),
    setting("networkHoldMohAudioSource", Kind::Number, "Music on hold that the network gives, 0 to 51."),
    setting("userHoldMohAudioSource", Kind::Number, "Music on hold that the user gives, 0 to 51."),
    word("cfaCssPolicy", names::<CfaCssPolicy>, "Which calling search space activates call forward all."),
    setting("directoryUris", Kind::Objects(names::<DirectoryUri>), "URIs by which the line can be called."),
    setting(
        "enterpriseAlternateNumber",
        Kind::Object(names::<AlternateNumber>),
        "The line's number within the enterprise.",
    ),
    setting(
        "e164AlternateNumber",
        Kind::Object(names::<AlternateNumber>),
        "The line's number in E.164 form.",
    ),
    forward("parkMonitorForward", "Where a parked call goes when nobody takes it back."),
    setting("parkMonitorReversionSeconds", Kind::Number, "Seconds before a parked call comes back."),
    setting("holdReversionSeconds", Kind::Number, "Seconds before a held call rings again."),
    setting("holdReversionIntervalSeconds", Kind::Number, "Seconds between two such rings."),
    setting("aarDestinationMask", Kind::Text, "Mask of the number that is dialled for lack of bandwidth."),
    setting("aarGroup", Kind::Text, "The group for rerouting for lack of bandwidth."),
    setting("aarVoiceMail", Kind::Truth, "Whether calls go to voice mail for lack of bandwidth."),
    word("patternPrecedence", names::<Precedence>, "MLPP precedence of the line."),
    setting("rejectAnonymousCalls", Kind::Truth, "Whether calls without a caller's number are refused."),
    setting("allowCtiControl", Kind::Truth, "Whether CTI applications may control the line."),
    setting("active", Kind::Truth, "Whether the line can be called."),
];

const APPEARANCES: &[Column] = &[
    key("cluster", CLUSTER),
    key("pattern", "The line's number."),
    text("partition", "`<None>`", "The line's partition."),
    key("device", "Name of the profile or phone that the line stands on."),
    number("index", "the first free place", "Its place among the device's lines, 1 to 100."),
    Column {
        kind: Kind::Word(names::<Role>),
        ..text(
            "role",
            "as it comes: the first is the original",
            "Original or clone; a line has one original.",
        )
    },
    number(
        "created",
        "behind those that say when",
        "The order in which a line's clones were made; the oldest takes over from the original.",
    ),
    text("label", "none", "Text beside the button, on this device only."),
    setting("display", Kind::Text, "Name that the other party of an internal call sees."),
    setting("asciiDisplay", Kind::Text, "The same for phones without Unicode."),
    setting("externalMask", Kind::Text, "Number that outside parties see: +, digits, then Xs."),
    word("ring", names::<Ring>, "How a call rings while the phone is idle."),
    word("consecutiveRing", names::<Ring>, "How a call rings while the phone is in use."),
    word("ringIdlePickupAlert", names::<Ring>, "How a call for the pickup group is told to an idle phone."),
    word(
        "ringActivePickupAlert",
        names::<Ring>,
        "How a call for the pickup group is told to a phone in use.",
    ),
    setting("maxCalls", Kind::Number, "Most calls that the line holds at once, 1 to 200."),
    setting("busyTrigger", Kind::Number, "Calls at which the line is busy, up to maxCalls."),
    word("messageLampPolicy", names::<MessageLampPolicy>, "How a waiting message is shown."),
    word("audibleMessageWaiting", names::<Toggle>, "Whether a waiting message is told by a tone."),
    setting("showCallerName", Kind::Truth, "Whether a forwarded call shows the caller's name."),
    setting("showCallerNumber", Kind::Truth, "Whether a forwarded call shows the caller's number."),
    setting("showRedirectedNumber", Kind::Truth, "Whether a forwarded call shows who forwarded it."),
    setting("showDialedNumber", Kind::Truth, "Whether a forwarded call shows the dialled number."),
    word("recording", names::<Recording>, "Whether calls are recorded."),
    setting("recordingProfile", Kind::Text, "The recording profile."),
    word("recordingSource", names::<RecordingSource>, "Which end supplies the media of a recording."),
    setting("monitoringCallingSearchSpace", Kind::Text, "Whom the line's monitor may listen to."),
    setting("logMissedCalls", Kind::Truth, "Whether missed calls are listed."),
    word("partitionUsage", names::<PartitionUsage>, "What the partition of the number is used for."),
    setting("associatedUsers", Kind::Texts, "User ids shown as on the phone while the line is in use."),
];

const USER_PHONES: &[Column] = &[
    key("cluster", CLUSTER),
    key("user", "The user id."),
    key("phone", "Name of a phone that the user controls."),
];

const USER_CTI_PROFILES: &[Column] = &[
    key("cluster", CLUSTER),
    key("user", "The user id."),
    key("profile", "Name of a profile that applications may control for the user."),
];

const TEMPLATES: &[Column] = &[
    key("cluster", CLUSTER),
    Column { kind: Kind::Word(names::<template::Kind>), ..key("kind", "What it lays out.") },
    key("name", "Its name, by which profiles and phones name it."),
    text("description", "none", "Up to 128 characters."),
    text("product", "none", "The product of a button template, which needs one."),
    Column {
        kind: Kind::Word(names::<Protocol>),
        ..text("protocol", "`SIP` for a button template", PROTOCOL)
    },
    Column {
        kind: Kind::Texts,
        ..text("features", "none", "What each button of a button template is for, from the first, a `LINE`.")
    },
];

const BUTTON_LISTS: &[Column] = &[
    key("cluster", CLUSTER),
    key("device", "Name of the profile or phone that it stands on."),
    Column {
        kind: Kind::Word(names::<button::Kind>),
        ..key("kind", "Which of the device's lists it is in.")
    },
    number("index", "the first free position", "Its position in that list, 1 to 199."),
    text("label", "none", "Text beside the button, up to 50 characters; a speed dial needs one."),
    text("number", "none", "What a speed dial dials."),
    text("destination", "none", "Number or SIP URI that a busy lamp field watches, where it has no pattern."),
    text("pattern", "none", "Number of a busy lamp field or call park button."),
    text("partition", "`<None>`", "The partition of that number."),
    truth("pickup", "false", "Whether a busy lamp field also picks up the call that it shows."),
    text("service", "none", "The phone service of a service URL button."),
    text("url", "none", "What a service URL button opens."),
];

/// The names in a profile's settings, those of its modules behind them.
fn profile_names() -> &'static [&'static str] {
    static NAMES: LazyLock<Vec<&str>> =
        LazyLock::new(|| [names::<profile::Settings>(), names::<AddOnModule>()].concat());
    &NAMES
}

/// The names in a line's settings, those of what they hold behind them.
fn line_names() -> &'static [&'static str] {
    static NAMES: LazyLock<Vec<&str>> = LazyLock::new(|| {
        let held = [names::<Forward>(), names::<DirectoryUri>(), names::<AlternateNumber>()];
        std::iter::once(names::<line::Settings>()).chain(held).flatten().copied().collect()
    });
    &NAMES
}

const QUICK_ADDS: &[Column] = &[
    key("group", "The Quick Add group's name."),
    text(
        "groupOrganization",
        "none, where one group has the name",
        "Dotted path of the organization that keeps the group.",
    ),
    text("organization", "as the group says", "Dotted path of where what is made is kept."),
    key(
        "userId",
        "What the user types to log in: a user who is there, or a new one where any of the names is given.",
    ),
    text("firstName", "none", "A new user's first name."),
    text("lastName", "none", "A new user's last name; every new user needs one."),
    text("displayName", "none", "A new user's name, as it is shown."),
    text("email", "none", "A new user's address."),
    text("department", "none", "A new user's department."),
    text("userLocale", "none", "A new user's language."),
    text("number", "the next available one", "The directory number, in the group's partition."),
    text("profileName", "as the group's pattern says", "The profile's name."),
    Column {
        kind: Kind::Objects(names::<AddedService>),
        ..text(
            "services",
            "as the group says",
            "Phone services by name, each with an object of values: for those of the group, or to subscribe the profile to \
             as well. Passwords are refused, as the rows of a job are kept.",
        )
    },
];

/// A phone service of a quick add, as it stands in a cell.
#[derive(Deserialize)]
pub struct AddedService {
    /// The phone service's name on the group's cluster.
    pub service: String,
    /// Values by the names of parameters; they stand over the group's.
    #[serde(default)]
    pub values: BTreeMap<String, String>,
}

impl AddedService {
    /// The values as a command takes them.
    pub fn given(self) -> Vec<Given> {
        self.values.into_iter().map(|(name, value)| Given { name, value: Some(value) }).collect()
    }
}

const QUICK_ADD_GROUPS: &[Column] = &[
    key("organization", ORGANIZATION),
    key("name", "Its name, unlike that of the organization's other groups."),
    text("cluster", "none; the group is there to be copied", CLUSTER),
    text("description", "none", "Up to 128 characters."),
    key("product", PRODUCT),
    Column { kind: Kind::Word(names::<Protocol>), ..text("protocol", "`SIP`", PROTOCOL) },
    text("buttonTemplate", STOCK, BUTTONS),
    text("softkeyTemplate", STOCK, SOFTKEYS),
    text("namePattern", "`EM_{username}`", "What profiles are called."),
    text(
        "descriptionPattern",
        "none",
        "The text about a profile, such as `{firstName} {lastName} - {number}`.",
    ),
    text("place", "the group's organization", "Dotted path of where new users, profiles and lines are kept."),
    text("partition", "`<None>`", "The line's route partition."),
    text("label", "none", "The text beside the line's button."),
    text("lineDescription", "none", "A text about the line, such as `{firstName} {lastName}`."),
    Column {
        kind: Kind::Object(profile_names),
        ..text("settings", "the defaults", "The profile's settings that are not at their defaults.")
    },
    Column {
        kind: Kind::Object(names::<line_appearance::Settings>),
        ..text("appearance", "the defaults", "The appearance's settings that are not at their defaults.")
    },
    Column {
        kind: Kind::Object(line_names),
        ..text("lineSettings", "the defaults", "The line's own settings that are not at their defaults.")
    },
    Column {
        kind: Kind::Objects(names::<GroupService>),
        ..text(
            "services",
            "none",
            "Phone services by name, each with an object of values and the index and label of its button.",
        )
    },
];

/// A phone service of a Quick Add group, as it stands in a cell.
#[derive(Deserialize, Serialize)]
pub struct GroupService {
    /// The phone service's name on the cluster.
    pub service: String,
    /// What the subscriber calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Values by the names of parameters.
    #[serde(default)]
    pub values: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Whether it has a service URL button.
    #[serde(default)]
    pub button: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<i32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
}

impl GroupService {
    /// What a group is told of the service.
    pub fn subscription(self, service: ServiceId) -> NewSubscription {
        let given = |(name, value)| Given { name, value: Some(value) };
        NewSubscription {
            service,
            name: self.name,
            values: self.values.into_iter().map(given).collect(),
            url: self.url,
            button: (self.button || self.index.is_some())
                .then_some(Place { index: self.index, label: self.label }),
        }
    }
}

/// A free field of a number, as it stands in a cell.
#[derive(Deserialize)]
pub struct Field {
    pub name: String,
    pub value: String,
}

const NUMBERS: &[Column] = &[
    key("cluster", CLUSTER),
    key("pattern", "The directory number."),
    text("partition", "`<None>`", "The route partition."),
    Column {
        name: "organization",
        ..key("", "Dotted path of the provider, customer or site that keeps it.")
    },
    Column {
        kind: Kind::Word(names::<Status>),
        ..text("status", "as its line and its utility say", "Whether it can be given out.")
    },
    Column {
        kind: Kind::Word(names::<Utility>),
        ..text("utility", "nothing", "What uses it besides devices.")
    },
    text("e164Number", "none", "The same number as the outside world dials it."),
    text("description", "none", "A note, up to 128 characters."),
    Column { kind: Kind::Objects(names::<Field>), ..text("extra", "none", "Free fields.") },
    text("reservedFor", "nobody", "User id of whom it is kept for, who need not exist."),
    text("reservedUntil", "for ever", "When that ends, such as `2026-12-31T00:00:00Z`."),
    text(
        "coolingUntil",
        "none",
        "While it cools, when it is available again, such as `2026-12-31T00:00:00Z`.",
    ),
];

const SERVICES: &[Column] = &[
    key("cluster", CLUSTER),
    key("name", "Its name, unlike that of the cluster's other services."),
    text("asciiName", "the name", "The name for phones without Unicode."),
    text("description", "none", "Up to 128 characters."),
    key("url", "What the URLs of subscriptions begin with."),
    text("secureUrl", "none", "The same over TLS."),
    Column {
        kind: Kind::Word(names::<service::Category>),
        ..text("category", "`XML_SERVICE`", "What it is made of.")
    },
    Column {
        kind: Kind::Word(names::<service::Kind>),
        ..text("type", "`STANDARD`", "Under which button of the phone it is found.")
    },
    text("vendor", "none", "Who delivers it."),
    text("vendorVersion", "none", "The version of what the vendor delivers."),
    truth("enabled", "true", "Whether devices can be subscribed to it."),
    truth("enterprise", "false", "Whether every device has it without a subscription."),
    Column {
        kind: Kind::Objects(names::<ParameterFields>),
        ..text("parameters", "none", "Its parameters, in the order of the URL.")
    },
];

/// A value of a parameter, as it stands in a cell.
#[derive(Deserialize)]
pub struct ParameterValue {
    pub name: String,
    pub value: String,
}

const SERVICE_SUBSCRIPTIONS: &[Column] = &[
    key("cluster", CLUSTER),
    key("device", "Name of the profile or phone."),
    key("service", "Name of the phone service."),
    text("name", "the service's", "What the subscriber calls it."),
    Column {
        kind: Kind::Objects(names::<ParameterValue>),
        ..text(
            "values",
            "the defaults",
            "Values of its parameters. Passwords are read, kept no longer than needed, and never written.",
        )
    },
    text("url", "what follows from the service and the values", "A URL that is set by hand."),
    number(
        "index",
        "no button",
        "Position of its service URL button; one of the same service there is taken over.",
    ),
    text("label", "none", "Text beside that button."),
];

const fn key(name: &'static str, meaning: &'static str) -> Column {
    Column { name, kind: Kind::Text, empty: Empty::Refused, meaning }
}

const fn text(name: &'static str, empty: &'static str, meaning: &'static str) -> Column {
    Column { name, kind: Kind::Text, empty: Empty::Is(empty), meaning }
}

const fn number(name: &'static str, empty: &'static str, meaning: &'static str) -> Column {
    Column { kind: Kind::Number, ..text(name, empty, meaning) }
}

const fn truth(name: &'static str, empty: &'static str, meaning: &'static str) -> Column {
    Column { kind: Kind::Truth, ..text(name, empty, meaning) }
}

const fn setting(name: &'static str, kind: Kind, meaning: &'static str) -> Column {
    Column { name, kind, empty: Empty::Default, meaning }
}

const fn word(name: &'static str, words: fn() -> &'static [&'static str], meaning: &'static str) -> Column {
    setting(name, Kind::Word(words), meaning)
}

const fn forward(name: &'static str, meaning: &'static str) -> Column {
    setting(name, Kind::Object(names::<Forward>), meaning)
}

impl File {
    /// Every file, in the order in which they are read.
    pub const ALL: [Self; 19] = [
        Self::Organizations,
        Self::Clusters,
        Self::Devices,
        Self::Users,
        Self::Profiles,
        Self::ProfileUsers,
        Self::Phones,
        Self::Lines,
        Self::Appearances,
        Self::UserPhones,
        Self::UserCtiProfiles,
        Self::Buttons,
        Self::Templates,
        Self::Numbers,
        Self::Services,
        Self::ServiceSubscriptions,
        Self::DefaultDeviceProfiles,
        Self::Sessions,
        Self::QuickAddGroups,
    ];

    /// What a job can import: rows of every file, and others that are no part of an estate.
    pub fn imported() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().chain([Self::QuickAdds])
    }

    /// Whether a folder may lack the file, as folders from before there was such a noun do.
    pub fn may_be_missing(self) -> bool {
        matches!(
            self,
            Self::Buttons
                | Self::Templates
                | Self::Numbers
                | Self::DefaultDeviceProfiles
                | Self::Sessions
                | Self::Services
                | Self::ServiceSubscriptions
                | Self::QuickAddGroups
        )
    }

    /// The file's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Organizations => "organizations.csv",
            Self::Clusters => "clusters.csv",
            Self::Devices => "devices.csv",
            Self::Users => "users.csv",
            Self::Profiles => "profiles.csv",
            Self::ProfileUsers => "profile_users.csv",
            Self::Phones => "phones.csv",
            Self::Lines => "lines.csv",
            Self::Appearances => "appearances.csv",
            Self::UserPhones => "user_phones.csv",
            Self::UserCtiProfiles => "user_cti_profiles.csv",
            Self::Buttons => "buttons.csv",
            Self::Templates => "templates.csv",
            Self::Numbers => "numbers.csv",
            Self::DefaultDeviceProfiles => "default_device_profiles.csv",
            Self::Sessions => "sessions.csv",
            Self::Services => "services.csv",
            Self::ServiceSubscriptions => "service_subscriptions.csv",
            Self::QuickAddGroups => "quick_add_groups.csv",
            Self::QuickAdds => "quick_adds.csv",
        }
    }

    /// The noun whose rows it holds, as addresses and jobs name it.
    pub fn noun(self) -> &'static str {
        self.name().trim_end_matches(".csv")
    }

    /// The file of a noun.
    pub fn of_noun(noun: &str) -> Option<Self> {
        Self::imported().find(|file| file.noun() == noun)
    }

    /// The file's columns, in the order in which they are written.
    pub fn columns(self) -> &'static [Column] {
        match self {
            Self::Organizations => ORGANIZATIONS,
            Self::Clusters => CLUSTERS,
            Self::Devices => DEVICES,
            Self::Users => USERS,
            Self::Profiles => PROFILES,
            Self::ProfileUsers => PROFILE_USERS,
            Self::Phones => PHONES,
            Self::Lines => LINES,
            Self::Appearances => APPEARANCES,
            Self::UserPhones => USER_PHONES,
            Self::UserCtiProfiles => USER_CTI_PROFILES,
            Self::Buttons => BUTTON_LISTS,
            Self::Templates => TEMPLATES,
            Self::Numbers => NUMBERS,
            Self::DefaultDeviceProfiles => DEFAULT_DEVICE_PROFILES,
            Self::Sessions => SESSIONS,
            Self::Services => SERVICES,
            Self::ServiceSubscriptions => SERVICE_SUBSCRIPTIONS,
            Self::QuickAddGroups => QUICK_ADD_GROUPS,
            Self::QuickAdds => QUICK_ADDS,
        }
    }

    /// The settings as they are when nothing is said, for the files whose nouns have settings.
    pub fn defaults(self) -> Map<String, Value> {
        match self {
            Self::Profiles | Self::DefaultDeviceProfiles => fields(&profile::Settings::default()),
            Self::Lines => fields(&line::Settings::default()),
            Self::Appearances => fields(&line_appearance::Settings::default()),
            _ => Map::new(),
        }
    }

    /// The columns that name what a row is about, where it is there already.
    pub fn named_by(self) -> &'static [&'static str] {
        match self {
            Self::Profiles | Self::Services => &["cluster", "name"],
            Self::Users => &["cluster", "userId"],
            Self::Lines | Self::Numbers => &["cluster", "pattern", "partition"],
            _ => &[],
        }
    }

    /// Whether rows may do this to what they name.
    pub fn takes(self, mode: Mode) -> bool {
        mode == Mode::Create || !self.named_by().is_empty()
    }

    /// The column in which a rule's path into the input stands.
    pub fn column_of(self, path: &str) -> Option<&'static str> {
        let path = path.strip_prefix("settings.").unwrap_or(path);
        // A button's fields stand below its kind.
        let path = match (self, path.strip_prefix("button.")) {
            (Self::Buttons, Some(rest)) => rest.split_once('.').map_or("kind", |(_, field)| field),
            (Self::QuickAdds, _) => path.strip_prefix("newUser.").unwrap_or(path),
            _ => path,
        };
        let field = path.split('.').next().unwrap_or_default();
        let other = match (self, field) {
            (Self::Organizations, "name" | "parentId") => "path",
            (Self::ProfileUsers, "userIds") | (Self::Sessions, "userId") => "user",
            (Self::UserPhones, "phoneIds") | (Self::Sessions, "phoneId") => "phone",
            (Self::UserCtiProfiles, "ctiProfileIds") | (_, "profileId") if self != Self::Users => "profile",
            (Self::Users, "primaryExtension") => "primaryPattern",
            (Self::Users, "profileId") => "defaultProfile",
            (Self::Sessions, "expiresAt") => "minutes",
            (Self::Numbers, "until") => "reservedUntil",
            (Self::QuickAddGroups, "placeId") => "place",
            (Self::QuickAdds, "groupId") => "group",
            (Self::QuickAdds, "newUser") | (Self::Users, "id") => "userId",
            (Self::QuickAddGroups, "line") => match path.split('.').nth(1).unwrap_or_default() {
                "description" => "lineDescription",
                "settings" => "appearance",
                other => other,
            },
            (Self::Profiles | Self::Services, "id") => "name",
            (_, "organizationId") => "organization",
            (_, "clusterId") => "cluster",
            (_, "deviceId") => "device",
            (_, "serviceId") => "service",
            (Self::ServiceSubscriptions, "button") => {
                if path.ends_with("label") {
                    "label"
                } else {
                    "index"
                }
            }
            (Self::Numbers, "first" | "last" | "id") | (Self::Lines, "id" | "line") | (_, "lineId") => {
                "pattern"
            }
            (_, "loginUserId") => "loginUser",
            (_, "logoutProfileId") => "logoutProfile",
            (_, "ownerId") => "owner",
            (_, field) => field,
        };
        self.columns().iter().map(|column| column.name).find(|name| *name == other)
    }

    fn about(self) -> &'static str {
        match self {
            Self::Organizations => "The tree.",
            Self::Clusters => "Unified CM clusters, each at the organization that it serves.",
            Self::Devices => {
                "Names of a cluster that are neither profiles nor phones: gateways, CTI ports, route points."
            }
            Self::Users => "Users.",
            Self::Profiles => "Extension mobility profiles (Cisco: user device profiles).",
            Self::ProfileUsers => "Which users a profile serves, in order.",
            Self::Phones => "Phones.",
            Self::Lines => "Lines (directory numbers), with the settings that all their appearances share.",
            Self::Appearances => {
                "Lines on devices. A clone has the settings of its original: leave them empty, or repeat them."
            }
            Self::UserPhones => "Which phones a user controls (Cisco: controlled devices).",
            Self::UserCtiProfiles => "Which profiles applications may control for a user.",
            Self::Buttons => {
                "Speed dials, busy lamp fields, call park and service URL buttons of profiles and phones. The folder may lack this file."
            }
            Self::Templates => {
                "Phone button and softkey templates. Profiles and phones may name others, which are taken for their products' own. The folder may lack this file."
            }
            Self::Services => {
                "Phone services of clusters, with their parameters. The folder may lack this file."
            }
            Self::ServiceSubscriptions => {
                "Which profiles and phones are subscribed to which phone services. Those that are unsubscribed and keep \
                 their values are not written. The folder may lack this file."
            }
            Self::Numbers => {
                "The number inventory. A line without an entry here is used freely; with one, the status is `USED` exactly \
                 while the line stands on a device."
            }
            Self::DefaultDeviceProfiles => {
                "What phones of a product show for users whose profile is for another model. The folder may lack this file."
            }
            Self::Sessions => {
                "Who is logged in where. An import logs them in anew, each as the profile is then. The folder may lack this file."
            }
            Self::QuickAddGroups => {
                "Quick Add groups: templates for a user's profile with one line. Patterns hold {username}, {firstName}, \
                 {lastName} and {number}. The folder may lack this file."
            }
            Self::QuickAdds => {
                "Users to add by Quick Add groups, each with a profile and a line, as `quickAddUser` does. Rows of a job only: \
                 a folder has no such file, and there is nothing to export."
            }
        }
    }
}

fn fields(settings: &impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(settings) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    }
}

/// The files and their columns, as Markdown.
pub fn markdown() -> String {
    let mut text = String::from(FORMAT);
    for file in File::imported() {
        let defaults = file.defaults();
        let _ = write!(
            text,
            "\n## {}\n\n{}\n\n| column | empty is | meaning |\n|---|---|---|\n",
            file.name(),
            file.about()
        );
        for column in file.columns() {
            let empty = match column.empty {
                Empty::Refused => "refused".to_owned(),
                Empty::Is(what) => what.to_owned(),
                Empty::Default => shown(defaults.get(&snake(column.name))),
            };
            let _ =
                writeln!(text, "| {} | {empty} | {}{} |", column.name, column.meaning, column.kind.said());
        }
    }
    text
}

const FORMAT: &str = "\
# The files of an estate

One CSV file per noun, all of them in one folder; a file that holds only its header holds nothing, and
numbers.csv may be missing. UTF-8, with or without a byte order mark, as RFC 4180 says. Commas, semicolons or tabs
separate cells: the header decides.
Columns stand in any order, by name; those that need a value must be there. True is `true` or `1`, false is
`false` or `0`, words are upper case or not. Lists and objects are JSON. An empty text and none are the same.

Things are named by what people call them, never by ids. Names of organizations, clusters and devices are matched
whatever the case. A row may name what another row makes, or what the database holds already.

An upload for a job holds one of these files, as CSV or as JSON Lines: an object a line, with the columns as names and
values as they are, texts in quotes, a null or a missing name for an empty cell.

Such a job may also change or delete profiles, lines, users, numbers and services. Rows then name what is there by
`cluster` and `name`, `userId`, or `pattern` and `partition`; all other columns may be missing and stay as they are. An
empty cell puts the default back.

Cells are data: nothing is added to or taken from them, on either way. A cell that begins with `=`, `+`, `-` or
`@` is written as it is, so tell a spreadsheet to import columns as text; it would compute, and it would drop the
plus of a number and the zeros before it.
";

fn shown(default: Option<&Value>) -> String {
    match default {
        None | Some(Value::Null) => "none".to_owned(),
        Some(Value::Array(list)) if list.is_empty() => "none".to_owned(),
        Some(Value::String(word)) => format!("`{word}`"),
        Some(other) => other.to_string(),
    }
}

impl Kind {
    /// What a value of it is.
    pub fn wanted(self) -> &'static str {
        match self {
            Self::Text => "a text; put it in quotes",
            Self::Number => "a whole number",
            Self::Truth => "true or false",
            Self::Word(_) => "a word, in quotes",
            Self::Object(_) => "an object",
            Self::Objects(_) | Self::Texts => "a list",
        }
    }

    /// What can be said of a cell beyond its meaning.
    fn said(self) -> String {
        let listed = |names: &[&str], form: fn(&str) -> String| {
            names.iter().map(|name| format!("`{}`", form(name))).collect::<Vec<_>>().join(", ")
        };
        match self {
            Self::Text | Self::Number | Self::Truth => String::new(),
            Self::Word(words) => format!(" One of {}.", listed(words(), str::to_owned)),
            Self::Object(fields) => format!(" A JSON object with {}.", listed(fields(), camel)),
            Self::Objects(fields) => format!(" A JSON list of objects with {}.", listed(fields(), camel)),
            Self::Texts => " A JSON list of texts.".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_setting_is_a_column_and_every_column_of_settings_is_one() {
        for file in File::ALL {
            let settings: BTreeSet<_> = file.defaults().keys().map(|name| camel(name)).collect();
            let columns: BTreeSet<_> = file
                .columns()
                .iter()
                .filter(|column| column.empty == Empty::Default)
                .map(|column| column.name.to_owned())
                .collect();
            assert_eq!(settings, columns, "{}", file.name());
        }
    }

    #[test]
    fn columns_have_their_own_names_and_a_sentence() {
        for file in File::imported() {
            let mut seen = BTreeSet::new();
            for column in file.columns() {
                assert!(seen.insert(column.name.to_lowercase()), "{} {}", file.name(), column.name);
                assert!(column.meaning.ends_with('.'), "{} {}", file.name(), column.name);
                if let Kind::Word(names) | Kind::Object(names) | Kind::Objects(names) = column.kind {
                    assert!(!names().is_empty(), "{} {}", file.name(), column.name);
                }
            }
        }
    }

    #[test]
    fn paths_of_rules_lead_to_columns() {
        for (file, path, column) in [
            (File::Organizations, "name", "path"),
            (File::Profiles, "settings.preemption", "preemption"),
            (File::Lines, "settings.forwardAll.destination", "forwardAll"),
            (File::Lines, "settings.directoryUris.1.uri", "directoryUris"),
            (File::ProfileUsers, "userIds.0", "user"),
            (File::ProfileUsers, "profileId", "profile"),
            (File::UserPhones, "phoneIds.3", "phone"),
            (File::UserCtiProfiles, "ctiProfileIds.0", "profile"),
            (File::Users, "primaryExtension", "primaryPattern"),
            (File::Users, "profileId", "defaultProfile"),
            (File::Phones, "logoutProfileId", "logoutProfile"),
            (File::Appearances, "lineId", "pattern"),
            (File::Buttons, "button.speedDial.number", "number"),
            (File::Buttons, "button.callPark", "kind"),
            (File::Buttons, "deviceId", "device"),
            (File::QuickAdds, "newUser.lastName", "lastName"),
            (File::QuickAdds, "newUser", "userId"),
            (File::QuickAdds, "groupId", "group"),
            (File::Lines, "id", "pattern"),
            (File::Services, "id", "name"),
        ] {
            assert_eq!(file.column_of(path), Some(column), "{} {path}", file.name());
        }
        assert_eq!(File::Appearances.column_of("settings"), None);
    }

    #[test]
    fn the_documentation_names_every_file_and_its_defaults() {
        let text = markdown();
        for file in File::imported() {
            assert!(text.contains(&format!("\n## {}\n", file.name())));
        }
        assert!(text.contains("| maxCalls | 4 | "));
        assert!(text.contains(
            "| ring | `RING` | How a call rings while the phone is idle. One of `USE_SYSTEM_DEFAULT`, "
        ));
        assert!(text.contains("A JSON object with `toVoiceMail`, "));
    }
}
