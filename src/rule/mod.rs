//! The rules of the field, pure: no async, SQL, GraphQL or clock. A command and a few facts go in; changes, or
//! every broken rule, come out. One file per noun holds its commands, facts, deciding functions and their tests.
//!
//! `entity`'s models are used as the state of a noun (plain data, the same shape in facts, changes and tables), so
//! that no layer copies thirty fields from one struct into another.

use std::{collections::BTreeSet, fmt};

pub mod button;
pub mod change;
pub mod cluster;
pub mod device;
pub mod history;
pub mod layout;
pub mod line;
pub mod line_preference;
pub mod number;
pub mod organization;
pub mod orphan;
pub mod patch;
pub mod phone;
pub mod product;
pub mod profile;
pub mod template;
pub mod user;
pub mod value;

pub use change::Change;
pub use patch::Patch;

/// What a deciding function answers: the changes to make (none means "already so"), or every broken rule.
pub type Decision = Result<Vec<Change>, Broken>;

/// One broken rule and where in the input.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Breach {
    pub rule: Rule,
    /// Path into the input, joined by dots; empty for the input as a whole.
    pub path: String,
}

/// Every rule that one command broke.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Broken(pub Vec<Breach>);

impl Broken {
    /// Nothing broken yet.
    pub fn none() -> Self {
        Self::default()
    }

    /// One broken rule.
    pub fn one(rule: Rule, path: impl Into<String>) -> Self {
        Self(vec![Breach { rule, path: path.into() }])
    }

    /// Notes a broken rule.
    pub fn add(&mut self, rule: Rule, path: impl Into<String>) {
        self.0.push(Breach { rule, path: path.into() });
    }

    /// Notes the rule where the fault is there.
    pub fn when(&mut self, fault: bool, rule: impl FnOnce() -> Rule, path: &str) {
        if fault {
            self.add(rule(), path);
        }
    }

    /// Takes the value, or notes what is wrong with it.
    pub fn take<T>(&mut self, value: Result<T, Rule>, path: &str) -> Option<T> {
        value.map_err(|rule| self.add(rule, path)).ok()
    }

    /// Takes over what a part of the command broke, below that part's path.
    pub fn nest(&mut self, part: Self, prefix: &str) {
        self.0.extend(part.0.into_iter().map(|breach| {
            let path = match (prefix.is_empty(), breach.path.is_empty()) {
                (true, _) => breach.path,
                (_, true) => prefix.to_owned(),
                _ => format!("{prefix}.{}", breach.path),
            };
            Breach { rule: breach.rule, path }
        }));
    }

    /// Whether no rule is broken.
    pub fn is_none(&self) -> bool {
        self.0.is_empty()
    }

    /// The changes, unless a rule is broken.
    pub fn or(self, changes: impl FnOnce() -> Vec<Change>) -> Decision {
        if self.is_none() { Ok(changes()) } else { Err(self) }
    }
}

/// How bad it is when a rule does not hold.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Severity {
    /// The mutation is refused.
    Error,
    /// The mutation is done and the finding reported.
    Warning,
}

macro_rules! rules {
    ($(
        #[doc = $sentence:literal]
        $name:ident $({ $($field:ident : $ty:ty),* })? : $code:literal $id:literal $message:literal $example:literal
    )*) => {
        /// A broken rule with what is needed to mend it.
        #[derive(Clone, Debug, Eq, PartialEq)]
        pub enum Rule {
            $( #[doc = $sentence] $name $({ $($field: $ty),* })? ),*
        }

        /// A rule's stable name.
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub enum RuleCode {
            $( #[doc = $sentence] $name ),*
        }

        impl Rule {
            /// The rule's stable name.
            pub fn code(&self) -> RuleCode {
                match self { $( Self::$name $({ $($field: _),* })? => RuleCode::$name ),* }
            }
        }

        impl fmt::Display for Rule {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $( Self::$name $({ $($field),* })? => {
                        $( $( let _ = $field; )* )?
                        write!(f, $message)
                    } )*
                }
            }
        }

        impl RuleCode {
            /// Every rule.
            pub const ALL: &'static [Self] = &[ $( Self::$name ),* ];

            /// The name that clients switch on.
            pub fn as_str(self) -> &'static str {
                match self { $( Self::$name => $code ),* }
            }

            /// The id in the field's rule book; `RML` marks Roamline's own.
            pub fn id(self) -> &'static str {
                match self { $( Self::$name => $id ),* }
            }

            /// The rule in one sentence.
            pub fn sentence(self) -> &'static str {
                match self { $( Self::$name => $sentence.trim_ascii() ),* }
            }

            /// Something that breaks it.
            pub fn example(self) -> &'static str {
                match self { $( Self::$name => $example ),* }
            }
        }
    };
}

rules! {
    /// What a mutation names must exist where the caller can see it.
    NotFound { noun: &'static str, id: String }: "NOT_FOUND" "ACC-7"
        "There is no such {noun}. Look it up again: it may be gone, or kept outside your organization."
        "deleteProfile(input: {id: \"an id that is not there\"})"
    /// A change that names a version is made to that version only.
    VersionConflict { expected: i64, current: i64 }: "VERSION_CONFLICT" "LIN-21"
        "It was changed meanwhile: you expected version {expected}, it is at {current}. Read it again, then repeat."
        "updateProfile(input: {id: …, expectedVersion: 1, …}) after somebody else's update"
    /// A value that is needed must be given.
    ValueRequired { what: String }: "VALUE_REQUIRED" "RML-4"
        "{what} is required. Give a value that is not blank."
        "createUser(input: {lastName: \"\", …})"
    /// A text fits the field's limit.
    ValueTooLong { what: String, most: usize, got: usize }: "VALUE_TOO_LONG" "RML-4"
        "{what} has {got} characters and may have {most}. Shorten it."
        "updateProfile(input: {description: \"129 characters …\", …})"
    /// A number lies in the field's range.
    ValueOutOfRange { what: String, least: i64, most: i64, got: i64 }: "VALUE_OUT_OF_RANGE" "RML-4"
        "{what} is {got} and must be from {least} to {most}."
        "changeLineSettings(input: {settings: {maxCalls: 201}, …})"
    /// A text holds only what the field can carry.
    ValueInvalid { what: String, want: String }: "VALUE_INVALID" "RML-4"
        "{what} cannot be used as it is: {want}."
        "updateProfile(input: {settings: {mlppDomain: \"xyz\"}, …})"
    /// A list names each thing once.
    ValueRepeated { what: String }: "VALUE_REPEATED" "RML-4"
        "{what} is named twice. Name it once."
        "reorderUsers(input: {userIds: [\"a\", \"a\"], …})"

    /// A device has a name.
    NameRequired: "NAME_REQUIRED" "NAM-5"
        "A name is required: 1 to 50 characters."
        "createProfile(input: {name: \"\", …})"
    /// A device name has at most 50 characters.
    NameTooLong { got: usize }: "NAME_TOO_LONG" "NAM-5"
        "The name has {got} characters and may have 50. Shorten it."
        "createProfile(input: {name: \"51 characters …\", …})"
    /// A device name holds letters, digits, dots, dashes and underscores, and single spaces between them.
    NameInvalidCharacter { name: String }: "NAME_INVALID_CHARACTER" "NAM-8"
        "The name '{name}' may hold only letters, digits, '.', '-' and '_', and single spaces between them."
        "createProfile(input: {name: \"Anna/Home\", …})"
    /// A profile does not take the name of a phone to come: a phone prefix with twelve hexadecimal digits.
    NameReserved { name: String }: "NAME_RESERVED" "NAM-8"
        "The name '{name}' is kept for a phone. Choose one that is not a phone prefix with 12 hexadecimal digits."
        "createProfile(input: {name: \"SEP001122334455\", …})"
    /// A profile's name differs from every other profile's on its cluster, whatever the case.
    NameTakenByProfile { name: String }: "NAME_TAKEN_BY_PROFILE" "NAM-1"
        "A profile of this cluster is already called '{name}'. Choose another name, or copy that profile."
        "createProfile(input: {name: \"EM-Anna\", …}) twice"
    /// A profile's name differs from every device's on its cluster, whatever the case.
    NameTakenByDevice { name: String }: "NAME_TAKEN_BY_DEVICE" "NAM-2"
        "A phone or another device of this cluster is already called '{name}'. Choose another name."
        "createProfile(input: {name: \"gateway-1\", …}) where a gateway has that name"
    /// A name is also taken when the caller may not see by what.
    NameTaken { name: String }: "NAME_TAKEN" "NAM-3"
        "The name '{name}' is taken on this cluster. Choose another name."
        "createProfile(input: {name: …}) with the name of another customer's profile on a shared cluster"

    /// Each kind of organization stands below the kinds that may hold it.
    OrganizationKindMisplaced { kind: String, parent: String }: "ORGANIZATION_KIND_MISPLACED" "HIE-1"
        "A {kind} cannot stand below {parent}. The order is PROVIDER, RESELLER, CUSTOMER, INTERMEDIATE, SITE."
        "createOrganization(input: {kind: CUSTOMER, parentId: a site, …})"
    /// An organization's name has no dots, as dots join names to a path.
    OrganizationNameInvalid { name: String }: "ORGANIZATION_NAME_INVALID" "HIE-6"
        "'{name}' cannot name an organization: 1 to 64 characters, no dot, no blank at either end."
        "createOrganization(input: {name: \"a.b\", …})"
    /// Organizations below one parent have different names, whatever the case.
    OrganizationNameTaken { path: String }: "ORGANIZATION_NAME_TAKEN" "HIE-6"
        "'{path}' exists already. Choose another name."
        "createOrganization(input: {name: \"Berlin\", …}) twice"
    /// An organization that holds anything is not deleted.
    OrganizationNotEmpty { holds: String }: "ORGANIZATION_NOT_EMPTY" "RML-5"
        "It still holds {holds}. Move or delete what it holds first."
        "deleteOrganization(input: {id: a site with profiles})"
    /// An organization does not move below itself.
    OrganizationInsideItself: "ORGANIZATION_INSIDE_ITSELF" "HIE-1"
        "An organization cannot be moved below itself. Choose a parent outside it."
        "moveOrganization(input: {id: a customer, parentId: one of its sites})"
    /// What an organization holds stays within reach of its clusters.
    OrganizationLeavesCluster { cluster: String }: "ORGANIZATION_LEAVES_CLUSTER" "RML-6"
        "What it holds is on cluster '{cluster}', which does not serve the new place. Choose a place below the cluster's organization."
        "moveOrganization(input: {…}) to another customer while its profiles are on the first one's cluster"
    /// Profiles, phones, lines and users are kept below the root of the tree.
    OrganizationIsRoot: "ORGANIZATION_IS_ROOT" "HIE-4"
        "The root of the tree holds organizations and clusters only. Choose an organization below it."
        "createProfile(input: {organizationId: the provider, …})"

    /// Clusters of one organization have different names.
    ClusterNameTaken { name: String }: "CLUSTER_NAME_TAKEN" "RML-1"
        "The organization already has a cluster called '{name}'. Choose another name."
        "createCluster(input: {name: \"emea\", …}) twice"
    /// A cluster that holds anything is not deleted.
    ClusterNotEmpty { holds: String }: "CLUSTER_NOT_EMPTY" "RML-5"
        "It still holds {holds}. Delete what it holds first."
        "deleteCluster(input: {id: a cluster with profiles})"
    /// A cluster serves its organization and everything below it.
    ClusterDoesNotServe { cluster: String, organization: String }: "CLUSTER_DOES_NOT_SERVE" "RML-6"
        "Cluster '{cluster}' does not serve organization '{organization}'. Choose a cluster of that organization or of one above it."
        "createProfile(input: {clusterId: another customer's cluster, …})"

    /// A product is one that the catalogue lists.
    ProductUnknown { product: String, near: String }: "PRODUCT_UNKNOWN" "RML-7"
        "'{product}' is not in the product catalogue. {near}"
        "createProfile(input: {product: \"Cisco 8842\", …})"
    /// A device speaks a protocol of its product.
    ProtocolNotSupported { product: String, protocol: String }: "PROTOCOL_NOT_SUPPORTED" "RI-69"
        "{product} does not speak {protocol}. Choose one of the product's protocols."
        "createProfile(input: {product: \"Cisco 8841\", protocol: SCCP, …})"
    /// A setting needs a product that has the feature.
    FeatureNotSupportedByModel { product: String, feature: String }: "FEATURE_NOT_SUPPORTED_BY_MODEL" "RI-61"
        "{product} does not support {feature}. Leave the setting at its default."
        "createProfile(input: {product: \"Cisco 6901\", settings: {userLocale: \"German\"}, …})"
    /// MLPP preemption is not forceful while precedence is not shown.
    MlppCombinationInvalid: "MLPP_COMBINATION_INVALID" "RI-72"
        "Preemption FORCEFUL needs MLPP indication ON. Switch the indication on, or choose another preemption."
        "createProfile(input: {settings: {mlppIndication: OFF, preemption: FORCEFUL}, …})"
    /// Expansion modules stand at different places, are of one model, and are no more than the product carries.
    AddOnModulesInvalid { why: String }: "ADD_ON_MODULES_INVALID" "RI-77"
        "The expansion modules do not fit: {why}."
        "createProfile(input: {settings: {addOnModules: [{index: 1, …}, {index: 1, …}]}, …})"
    /// A profile that a phone shows while nobody is logged in is not deleted.
    ProfileIsLogoutProfile { phones: String }: "PROFILE_IS_LOGOUT_PROFILE" "DEL-4"
        "It is the logout profile of {phones}. Give these phones another logout profile first."
        "deleteProfile(input: {id: a phone's logout profile})"
    /// A profile that is there is not restored.
    ProfileNotDeleted { name: String }: "PROFILE_NOT_DELETED" "RML-72"
        "'{name}' is there. Only a deleted profile is restored; revert the changes of one that is there."
        "mutation { restoreProfile(input: {profileId: \"UHJvZmlsZToxNTc\"}) { errors { code } } }"
    /// A line that stood on a restored profile alone, and stands elsewhere now, stays with whom it was given to.
    LineGivenAway { pattern: String }: "LINE_GIVEN_AWAY" "RML-73"
        "Number {pattern} stood on this profile alone and was given to somebody else since. Add it with addLineToDevice to share it."
        "restoreProfile(input: {…}) after the profile's number was put on another device; told in `leftOut`"
    /// A clean-up takes away only what is still an orphan.
    NotOrphaned { what: String }: "NOT_ORPHANED" "RML-74"
        "{what} is in use again. Look at the list of orphans again."
        "cleanUpOrphans(input: {…}) while somebody associates a user with the profile; told in `outcomes`"
    /// A change is taken back only while nothing later changed the same.
    RevertSuperseded { fields: String }: "REVERT_SUPERSEDED" "RML-70"
        "Something later changed the same: {fields}. Take the later change back first, or make the change that you want."
        "mutation { a: updateProfile(input: {id: \"UHJvZmlsZToxNTc\", description: \"first\"}) { cursor } b: updateProfile(input: {id: \"UHJvZmlsZToxNTc\", description: \"second\"}) { cursor } c: revertChange(input: {change: \"the cursor of a\"}) { errors { code } } }"
    /// A change is taken back only where its opposite is something that can be done.
    RevertNotPossible { why: String }: "REVERT_NOT_POSSIBLE" "RML-71"
        "This cannot be taken back: {why}."
        "mutation { revertChange(input: {change: \"s1\"}) { errors { code } } }"

    /// A directory number has 1 to 24 of the characters that Unified CM dials and matches.
    PatternInvalid { pattern: String }: "PATTERN_INVALID" "LIN-1"
        "'{pattern}' is not a directory number: 1 to 24 digits, '+', '*', '#' and the wildcards X ! ? [ ] - ^ . @"
        "createLine(input: {pattern: \"call me\", …})"
    /// A cluster has one line of each pattern and partition.
    LineTaken { pattern: String, partition: String }: "LINE_TAKEN" "LIN-1"
        "The cluster already has line {pattern} in partition '{partition}'. Add that line instead, which makes a clone."
        "createLine(input: {pattern: \"4001\", …}) twice"
    /// A line that stands on devices is deleted only when told to take it off them.
    LineHasAppearances { count: usize }: "LINE_HAS_APPEARANCES" "LIN-4"
        "The line still stands on {count} devices. Take it off them first, or pass removeAppearances: true."
        "deleteLine(input: {id: a line on a profile})"
    /// Line settings are changed through the original, never through a clone.
    LineIsClone { original: i64, device: String, index: i32 }: "LINE_IS_CLONE" "CLN-3"
        "This is a clone. Change the line through its original, {device}."
        "changeLineSettings(input: {appearanceId: a clone, …})"
    /// A line stands on a device once.
    LineAlreadyOnDevice { device: String }: "LINE_ALREADY_ON_DEVICE" "LIN-6"
        "The line is already on {device}. Use that appearance."
        "addLineToDevice(input: {…}) twice"
    /// Two lines of a device stand at different places.
    LineIndexTaken { index: i32, free: i32 }: "LINE_INDEX_TAKEN" "LIN-7"
        "Place {index} is taken. Place {free} is free; or move the other line first."
        "addLineToDevice(input: {index: 1, …}) where line 1 is taken"
    /// A line on a device stands at place 1 to 100.
    LineIndexInvalid { index: i32 }: "LINE_INDEX_INVALID" "LIN-7"
        "Place {index} does not exist: places are 1 to 100."
        "addLineToDevice(input: {index: 0, …})"
    /// A line is put on devices of its own cluster.
    LineOnOtherCluster: "LINE_ON_OTHER_CLUSTER" "LIN-1"
        "The line and the device are on different clusters. Use a line of the device's cluster."
        "addLineToDevice(input: {lineId: a line of another cluster, …})"
    /// Lines are put on profiles and phones only.
    DeviceHasNoLines { device: String }: "DEVICE_HAS_NO_LINES" "LIN-3"
        "{device} is neither a profile nor a phone and has no lines here."
        "addLineToDevice(input: {deviceId: a gateway, …})"
    /// A clone needs a product that supports shared lines.
    SharedLineNotSupported { product: String }: "SHARED_LINE_NOT_SUPPORTED" "LIN-9"
        "{product} does not support shared lines. Use a line that stands on no other device."
        "addLineToDevice(input: {…}) with a shared line and a product without them"
    /// A line is busy at no more calls than it can hold.
    BusyTriggerExceedsMaxCalls { trigger: i32, max: i32 }: "BUSY_TRIGGER_EXCEEDS_MAX_CALLS" "LIN-12"
        "The busy trigger {trigger} exceeds the {max} calls that the line can hold. Lower it, or raise maxCalls."
        "changeLineSettings(input: {settings: {maxCalls: 2, busyTrigger: 3}, …})"
    /// The lines of a device hold no more calls together than the product can.
    MaxCallsExceedsDevice { device: String, total: i64, most: i64 }: "MAX_CALLS_EXCEEDS_DEVICE" "LIN-12"
        "The lines of {device} would hold {total} calls together and the product can hold {most}. Lower maxCalls of some."
        "changeLineSettings(input: {settings: {maxCalls: 200}, …}) on a product that holds 24 calls"
    /// An external mask is up to 30 digits followed by Xs.
    MaskInvalid { mask: String }: "MASK_INVALID" "RML-10"
        "'{mask}' is not an external mask: up to 30 characters, an optional '+', digits, then Xs."
        "changeLineSettings(input: {settings: {externalMask: \"X12\"}, …})"

    /// A user id can be typed on a phone's keypad and is lower case.
    UserIdInvalid { user_id: String }: "USER_ID_INVALID" "RML-9"
        "'{user_id}' is not a user id: 1 to 128 of a-z, 0-9, '.', '_', '-' and '@'."
        "createUser(input: {userId: \"Anna B\", …})"
    /// A user id is unique on its cluster.
    UserIdTaken { user_id: String }: "USER_ID_TAKEN" "RML-2"
        "The user id '{user_id}' is taken on this cluster. Choose another."
        "createUser(input: {userId: \"anna\", …}) twice"
    /// A user is associated with a profile once.
    UserAlreadyAssociated { user_id: String }: "USER_ALREADY_ASSOCIATED" "USR-2"
        "'{user_id}' is already a user of this profile."
        "associateUsers(input: {…}) twice"
    /// Only a user of a profile is disassociated or ordered there.
    UserNotAssociated { user_id: String }: "USER_NOT_ASSOCIATED" "USR-3"
        "'{user_id}' is not a user of this profile."
        "disassociateUser(input: {…}) twice"
    /// A new order names every user of the profile.
    UserOrderIncomplete { missing: usize }: "USER_ORDER_INCOMPLETE" "FLT-2"
        "The order leaves out {missing} users of the profile. Name each of them once."
        "reorderUsers(input: {userIds: [one of two]})"
    /// A user and the profiles and phones of that user are on one cluster.
    UserOnOtherCluster { user_id: String }: "USER_ON_OTHER_CLUSTER" "RML-8"
        "'{user_id}' and the device are on different clusters. Use a user of the device's cluster."
        "associateUsers(input: {userIds: [a user of another cluster], …})"
    /// A default profile is one of the user's profiles.
    DefaultProfileNotAssociated { profile: String }: "DEFAULT_PROFILE_NOT_ASSOCIATED" "USR-8"
        "'{profile}' is not one of the user's profiles. Associate it first."
        "setDefaultProfile(input: {profileId: somebody else's, …})"
    /// Whoever deletes a user says what becomes of profiles that nobody else uses.
    UserProfilesUndecided { profiles: String }: "USER_PROFILES_UNDECIDED" "USR-14"
        "Nobody else uses {profiles}. Pass soleProfiles: DELETE or KEEP_UNASSIGNED."
        "deleteUser(input: {id: the only user of a profile})"
    /// A primary extension is a number of the user's devices.
    PrimaryExtensionNotOwn { pattern: String }: "PRIMARY_EXTENSION_NOT_OWN" "USR-9"
        "{pattern} stands on no phone or profile of the user. Put the line there first."
        "updateUser(input: {primaryExtension: {pattern: \"9999\"}, …})"

    /// A phone's name is its product's prefix and hardware address, or a name that such devices may have.
    PhoneNameInvalid { name: String }: "PHONE_NAME_INVALID" "NAM-6"
        "'{name}' is not a phone's name: 1 to 50 letters, digits, '.', '-' and '_'."
        "createPhone(input: {name: \"SEP 00\", …})"
    /// A logout profile has its phone's product and protocol.
    LogoutProfileMismatch { profile: String, product: String, protocol: String }: "LOGOUT_PROFILE_MISMATCH" "SES-14"
        "'{profile}' is not for {product} with {protocol}. Choose a profile of the phone's product and protocol."
        "updatePhone(input: {logoutProfileId: a profile of another product, …})"
    /// Extension mobility needs a product that supports it.
    ExtensionMobilityNotSupported { product: String }: "EXTENSION_MOBILITY_NOT_SUPPORTED" "SES-1"
        "{product} does not support extension mobility."
        "createPhone(input: {product: \"Cisco 6901\", extensionMobility: true, …})"

    /// A device has at most 199 speed dials, abbreviated ones included, and as many buttons of each other kind.
    ButtonLimit { what: String, most: i32 }: "BUTTON_LIMIT" "SPD-1"
        "A device has at most {most} {what}, and this one has them. Remove one first."
        "addButton(input: {button: {speedDial: …}, …}) to a device with 199 speed dials"
    /// Two buttons of one kind on a device stand at different positions.
    ButtonIndexTaken { index: i32, free: i32 }: "BUTTON_INDEX_TAKEN" "BTN-2"
        "Position {index} is taken. Position {free} is free; or use moveButton, which makes room."
        "addButton(input: {button: {speedDial: {index: 1, …}}, …}) where speed dial 1 is taken"
    /// A button stands at position 1 to 199 of its list.
    ButtonIndexInvalid { index: i32 }: "BUTTON_INDEX_INVALID" "BTN-2"
        "Position {index} does not exist: positions are 1 to 199."
        "moveButton(input: {index: 200, …})"
    /// Buttons are put on profiles and phones only.
    DeviceHasNoButtons { device: String }: "DEVICE_HAS_NO_BUTTONS" "BTN-1"
        "{device} is neither a profile nor a phone and has no buttons here."
        "addButton(input: {deviceId: a gateway, …})"
    /// A speed dial dials 1 to 255 digits, '*', '#', a plus in front, and commas behind the number.
    SpeedDialNumberInvalid { number: String }: "SPEED_DIAL_NUMBER_INVALID" "SPD-3"
        "'{number}' cannot be dialled: 1 to 255 digits, '*' and '#', a '+' in front, and commas for pauses and codes behind the number."
        "addButton(input: {button: {speedDial: {number: \"call me\", …}}, …})"
    /// A speed dial with codes behind its number does not show them in its label.
    SpeedDialShowsCodes: "SPEED_DIAL_SHOWS_CODES" "SPD-4"
        "The label shows a code that stands behind the number. Choose a label without it."
        "addButton(input: {button: {speedDial: {number: \"4001,98765\", label: \"Room 98765\"}}, …})"
    /// A speed dial has a label.
    SpeedDialLabelRequired: "SPEED_DIAL_LABEL_REQUIRED" "SPD-5"
        "A speed dial needs a label; without one the phone would show the number with its codes."
        "addButton(input: {button: {speedDial: {label: \"\", …}}, …})"
    /// A busy lamp field watches either a number or SIP URI, or a number in a partition.
    BlfDestinationAmbiguous: "BLF_DESTINATION_AMBIGUOUS" "BLF-1"
        "Give either a destination or a pattern, with its partition where it has one; one of them, not both."
        "addButton(input: {button: {busyLampField: {destination: \"4001\", pattern: \"4001\"}}, …})"
    /// Only devices that speak SIP watch SIP URIs.
    BlfUriNeedsSip: "BLF_URI_NEEDS_SIP" "BLF-2"
        "The device speaks SCCP and watches numbers only. Give a number, not a SIP URI."
        "addButton(input: {button: {busyLampField: {destination: \"anna@acme.example\"}}, …}) to an SCCP device"
    /// A busy lamp field watches one line, not the number of a hunt or a group.
    BlfTargetNotAllowed { pattern: String }: "BLF_TARGET_NOT_ALLOWED" "BLF-3"
        "'{pattern}' stands for more than one number and has no state to show. Watch one line's number."
        "addButton(input: {button: {busyLampField: {pattern: \"40XX\"}}, …})"

    /// Templates of one kind on a cluster have different names, whatever the case.
    TemplateNameTaken { name: String }: "TEMPLATE_NAME_TAKEN" "RML-20"
        "The cluster already has a template called '{name}'. Choose another name."
        "createButtonTemplate(input: {name: \"Sales\", …}) twice"
    /// A template is not made under a name by which devices of other products name theirs.
    TemplateNamedByOthers { name: String, count: i64 }: "TEMPLATE_NAMED_BY_OTHERS" "RML-21"
        "{count} devices of another product or protocol name a template '{name}'. Choose another name, or change theirs first."
        "createButtonTemplate(input: {name: \"Standard 8841 SIP\", product: \"Cisco 7841\", …})"
    /// A template that devices name is not deleted.
    TemplateInUse { name: String, count: i64 }: "TEMPLATE_IN_USE" "RML-5"
        "{count} devices name '{name}'. Give them another template first."
        "deleteTemplate(input: {id: a profile's button template})"
    /// A device's button template, where the cluster has it, is for the device's product and protocol.
    TemplateMismatch { template: String, product: String }: "TEMPLATE_MISMATCH" "RML-22"
        "'{template}' is for {product} and its protocol. Choose a template of the device's product and protocol."
        "updateProfile(input: {buttonTemplate: a template of another product, …})"
    /// The first button of a template is a line.
    TemplateButtonOneIsLine: "TEMPLATE_BUTTON_ONE_IS_LINE" "BTN-1"
        "Button 1 is a line and cannot be anything else. Begin the features with LINE."
        "createButtonTemplate(input: {features: [SPEED_DIAL, LINE], …})"
    /// A template has no more buttons than its product with expansion modules.
    TemplateTooLong { product: String, most: usize, got: usize }: "TEMPLATE_TOO_LONG" "BTN-1"
        "The template has {got} buttons, and {product} has {most} with its expansion modules."
        "createButtonTemplate(input: {product: \"Cisco 6901\", features: [LINE, SPEED_DIAL], …})"
    /// A template gives buttons only what its product can put there.
    ButtonNotSupported { product: String, feature: String }: "BUTTON_NOT_SUPPORTED" "BTN-1"
        "{product} has no buttons for {feature}. Query products for what it has."
        "createButtonTemplate(input: {product: \"Cisco 6901\", features: [LINE, BLF], …})"
    /// A number that is reserved, or a neighbour's, is not put on a device.
    NumberNotAvailable { pattern: String, why: String }: "NUMBER_NOT_AVAILABLE" "INV-8"
        "Number {pattern} cannot be used: {why}. Choose another one, or have it made available."
        "addLineToDevice(input: {pattern: a number whose status is RESERVED, …})"
    /// A number that was in use a short while ago cools before somebody else gets it.
    NumberCooling { pattern: String, until: String }: "NUMBER_COOLING" "INV-10"
        "Number {pattern} is cooling until {until}. Choose another one, or wait until then."
        "addLineToDevice(input: {pattern: a number that was freed yesterday, …})"
    /// A number that is kept for a user goes to nobody else, until that is cleared.
    NumberReservedForOtherUser { pattern: String, holder: String }: "NUMBER_RESERVED_FOR_OTHER_USER" "RSV-4"
        "Number {pattern} is reserved for {holder}. Clear that with reserveNumbersFor, or choose another number."
        "addLineToDevice(input: {pattern: a number reserved for somebody who is no user of the profile, …})"
    /// A line that is chosen from the inventory is one that the choice offers.
    NumberOutsideInventoryFilter { pattern: String }: "NUMBER_OUTSIDE_INVENTORY_FILTER" "FLT-5"
        "Number {pattern} is not among those that the inventory filter offers. Choose one of selectableNumbers."
        "addLineToDevice(input: {pattern: a used number, inventoryFilter: {choice: AVAILABLE}, …})"
    /// A number's status moves by hand only where nothing uses it: between available, reserved, cooling and another use.
    NumberStatusIllegal { from: String, to: String }: "NUMBER_STATUS_ILLEGAL" "INV-8"
        "A number that is {from} does not become {to} by hand. Take its line off its devices, or make it AVAILABLE first."
        "changeNumberStatus(input: {numberId: a number on a phone, to: RESERVED})"
    /// Numbers are kept at a provider, a customer or a site.
    NumberLevelInvalid { organization: String }: "NUMBER_LEVEL_INVALID" "INV-2"
        "'{organization}' keeps no numbers. Choose a provider, a customer or a site."
        "createNumbers(input: {organizationId: an intermediate node, …})"
    /// A range of numbers counts up in its last digits.
    NumberRangeInvalid { first: String, last: String, why: String }: "NUMBER_RANGE_INVALID" "INV-6"
        "{first} to {last} is no range: {why}."
        "createNumbers(input: {first: \"4000\", last: \"399\", …})"
    /// A range has at most 1,000 numbers.
    NumberRangeTooLong { got: u64, most: u64 }: "NUMBER_RANGE_TOO_LONG" "INV-6"
        "These are {got} numbers, and {most} go at once. Take them in parts."
        "createNumbers(input: {first: \"4000\", last: \"5999\", …})"
    /// A number of a partition of a cluster has one entry.
    NumberTaken { pattern: String }: "NUMBER_TAKEN" "INV-13"
        "Number {pattern} is in the inventory already. Look it up again."
        "createNumbers(input: {…}) twice at the same moment"
}

impl RuleCode {
    /// How bad it is when the rule does not hold.
    pub fn severity(self) -> Severity {
        Severity::Error
    }
}

/// Refuses a change to a version that is no longer the current one (LIN-21).
pub fn check_version(broken: &mut Broken, expected: Option<i64>, current: i64) {
    if let Some(expected) = expected {
        broken.when(expected != current, || Rule::VersionConflict { expected, current }, "expectedVersion");
    }
}

/// Notes every thing that a list names twice.
pub fn check_repeats<T: Ord + fmt::Display>(broken: &mut Broken, items: &[T], path: &str) {
    let mut seen = BTreeSet::new();
    for (at, item) in items.iter().enumerate() {
        broken.when(
            !seen.insert(item),
            || Rule::ValueRepeated { what: item.to_string() },
            &format!("{path}.{at}"),
        );
    }
}

/// The value with the patch applied; what does not fit is noted and leaves the value as it was.
pub fn patched<T>(broken: &mut Broken, patch: &Patch<T>, value: &T, path: &str) -> T
where
    T: Clone + Default + serde::Serialize + serde::de::DeserializeOwned,
{
    patch.apply(value).unwrap_or_else(|want| {
        broken.add(Rule::ValueInvalid { what: "The input".to_owned(), want }, path);
        value.clone()
    })
}

#[cfg(test)]
pub(crate) mod tests_support {
    use super::{Broken, Change, Decision, Patch};

    /// The changes of a decision that must not be refused.
    #[track_caller]
    pub fn ok(decision: Decision) -> Vec<Change> {
        match decision {
            Ok(changes) => changes,
            Err(Broken(breaches)) => panic!("refused: {breaches:?}"),
        }
    }

    /// Checks that exactly these rules are broken at these places.
    #[track_caller]
    pub fn no(decision: Decision, want: &[(&str, &str)]) {
        let Err(Broken(breaches)) = decision else { panic!("was not refused: {decision:?}") };
        let got: Vec<_> = breaches.iter().map(|b| (b.rule.code().as_str(), b.path.as_str())).collect();
        assert_eq!(got, want);
    }

    /// A patch from JSON.
    #[track_caller]
    pub fn patch<T>(json: &str) -> Patch<T> {
        serde_json::from_str(json).expect("a JSON object")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_has_its_own_code_an_id_a_sentence_and_an_example() {
        let mut codes = BTreeSet::new();
        for rule in RuleCode::ALL {
            assert!(codes.insert(rule.as_str()), "{} twice", rule.as_str());
            assert!(
                rule.id().split_once('-').is_some_and(|(_, n)| n.parse::<u16>().is_ok()),
                "{}",
                rule.id()
            );
            assert!(rule.sentence().ends_with('.'), "{}", rule.sentence());
            assert!(!rule.example().is_empty());
        }
    }

    #[test]
    fn a_part_reports_below_its_own_path() {
        let mut whole = Broken::none();
        whole.nest(Broken::one(Rule::NameRequired, "name"), "lines.0");
        whole.nest(Broken::one(Rule::NameRequired, ""), "lines.1");
        whole.nest(Broken::one(Rule::NameRequired, "name"), "");
        let paths: Vec<_> = whole.0.iter().map(|b| b.path.as_str()).collect();
        assert_eq!(paths, ["lines.0.name", "lines.1", "name"]);
    }
}
