//! The rules of the field, pure: no async, SQL, GraphQL or clock. A command and a few facts go in; changes, or
//! every broken rule, come out. One file per noun holds its commands, facts, deciding functions and their tests.
//!
//! `entity`'s models are used as the state of a noun (plain data, the same shape in facts, changes and tables), so
//! that no layer copies thirty fields from one struct into another.

use std::{collections::BTreeSet, fmt};

pub mod bulk;
pub mod button;
pub mod change;
pub mod cluster;
pub mod default_device_profile;
pub mod device;
pub mod history;
pub mod job;
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
pub mod quick_add;
pub mod readiness;
pub mod role;
pub mod service;
pub mod service_subscription;
pub mod session;
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
        $name:ident $({ $($field:ident : $ty:ty),* })? : $code:literal $id:literal $message:literal
            $($example:literal)? $([$made:expr])? $(after $setup:literal)?
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

            /// A GraphQL document that breaks it, and nothing else, on the sample estate; `# as an operator of …` in front
            /// says who asks. A comment alone tells when a rule breaks that no request on the sample can break.
            pub fn example(self) -> &'static str {
                match self { $( Self::$name => $($example)? $($made)? ),* }
            }

            /// A document that is sent before the example, where that needs something which the sample has not got. A variable
            /// of the example is what stands under its name in the answer.
            pub fn setup(self) -> Option<&'static str> {
                match self { $( Self::$name => { let setup: &[&str] = &[$($setup)?]; setup.first().copied() } ),* }
            }
        }
    };
}

/// A text ten times over, for examples of what is too many.
macro_rules! ten {
    ($text:expr) => {
        concat!($text, $text, $text, $text, $text, $text, $text, $text, $text, $text)
    };
}

rules! {
    /// What a mutation names must exist where the caller can see it.
    NotFound { noun: &'static str, id: String }: "NOT_FOUND" "ACC-7"
        "There is no such {noun}. Look it up again: it may be gone, or kept outside your organization."
        r#"mutation { deleteProfile(input: {id: "an id that is not there"}) { errors { code message } } }"#
    /// A change that names a version is made to that version only.
    VersionConflict { expected: i64, current: i64 }: "VERSION_CONFLICT" "LIN-21"
        "It was changed meanwhile: you expected version {expected}, it is at {current}. Read it again, then repeat."
        r#"mutation { updateProfile(input: {id: "UHJvZmlsZToxNDU", expectedVersion: 99, description: "Anna"}) { errors { code message } } }"#
    /// A value that is needed must be given.
    ValueRequired { what: String }: "VALUE_REQUIRED" "RML-4"
        "{what} is required. Give a value that is not blank."
        r#"mutation { createUser(input: {organizationId: "T3JnYW5pemF0aW9uOjk", clusterId: "Q2x1c3RlcjoxMw", userId: "nobody", lastName: ""}) { errors { code message } } }"#
    /// A text fits the field's limit.
    ValueTooLong { what: String, most: usize, got: usize }: "VALUE_TOO_LONG" "RML-4"
        "{what} has {got} characters and may have {most}. Shorten it."
        r#"mutation { updateProfile(input: {id: "UHJvZmlsZToxNDU", description: "A text of more than 128 characters. A text of more than 128 characters. A text of more than 128 characters. A text of more than 128 characters. "}) { errors { code message } } }"#
    /// A number lies in the field's range.
    ValueOutOfRange { what: String, least: i64, most: i64, got: i64 }: "VALUE_OUT_OF_RANGE" "RML-4"
        "{what} is {got} and must be from {least} to {most}."
        r#"mutation { updateOrganization(input: {id: "T3JnYW5pemF0aW9uOjI", coolingDays: 1000}) { errors { code message } } }"#
    /// A text holds only what the field can carry.
    ValueInvalid { what: String, want: String }: "VALUE_INVALID" "RML-4"
        "{what} cannot be used as it is: {want}."
        r#"mutation { updateProfile(input: {id: "UHJvZmlsZToxNDU", settings: {mlppDomain: "xyz"}}) { errors { code message } } }"#
    /// A list names each thing once.
    ValueRepeated { what: String }: "VALUE_REPEATED" "RML-4"
        "{what} is named twice. Name it once."
        r#"mutation { associateUsers(input: {profileId: "UHJvZmlsZToxNDU", userIds: ["VXNlcjoyNQ", "VXNlcjoyNQ"]}) { errors { code message } } }"#

    /// A device has a name.
    NameRequired: "NAME_REQUIRED" "NAM-5"
        "A name is required: 1 to 50 characters."
        r#"mutation { createProfile(input: {organizationId: "T3JnYW5pemF0aW9uOjk", clusterId: "Q2x1c3RlcjoxMw", product: "Cisco 8841", protocol: SIP, name: ""}) { errors { code message } } }"#
    /// A device name has at most 50 characters.
    NameTooLong { got: usize }: "NAME_TOO_LONG" "NAM-5"
        "The name has {got} characters and may have 50. Shorten it."
        r#"mutation { createProfile(input: {organizationId: "T3JnYW5pemF0aW9uOjk", clusterId: "Q2x1c3RlcjoxMw", product: "Cisco 8841", protocol: SIP, name: "EM_a_name_that_is_too_long_a_name_that_is_too_long_a_name_that_is_too_long_"}) { errors { code message } } }"#
    /// A device name holds letters, digits, dots, dashes and underscores, and single spaces between them.
    NameInvalidCharacter { name: String }: "NAME_INVALID_CHARACTER" "NAM-8"
        "The name '{name}' may hold only letters, digits, '.', '-' and '_', and single spaces between them."
        r#"mutation { createProfile(input: {organizationId: "T3JnYW5pemF0aW9uOjk", clusterId: "Q2x1c3RlcjoxMw", product: "Cisco 8841", protocol: SIP, name: "Anna/Home"}) { errors { code message } } }"#
    /// A profile does not take the name of a phone to come: a phone prefix with twelve hexadecimal digits.
    NameReserved { name: String }: "NAME_RESERVED" "NAM-8"
        "The name '{name}' is kept for a phone. Choose one that is not a phone prefix with 12 hexadecimal digits."
        r#"mutation { createProfile(input: {organizationId: "T3JnYW5pemF0aW9uOjk", clusterId: "Q2x1c3RlcjoxMw", product: "Cisco 8841", protocol: SIP, name: "SEP001122334455"}) { errors { code message } } }"#
    /// A profile's name differs from every other profile's on its cluster, whatever the case.
    NameTakenByProfile { name: String, suggestions: Vec<String> }: "NAME_TAKEN_BY_PROFILE" "NAM-1"
        "A profile of this cluster is already called '{name}'. Choose another name, or copy that profile."
        r#"mutation { createProfile(input: {organizationId: "T3JnYW5pemF0aW9uOjk", clusterId: "Q2x1c3RlcjoxMw", product: "Cisco 8841", protocol: SIP, name: "em_ANNA.berg"}) { errors { code message } } }"#
    /// A profile's name differs from every device's on its cluster, whatever the case.
    NameTakenByDevice { name: String, suggestions: Vec<String> }: "NAME_TAKEN_BY_DEVICE" "NAM-2"
        "A phone or another device of this cluster is already called '{name}'. Choose another name."
        r#"mutation { createProfile(input: {organizationId: "T3JnYW5pemF0aW9uOjk", clusterId: "Q2x1c3RlcjoxMw", product: "Cisco 8841", protocol: SIP, name: "gw-ber-1"}) { errors { code message } } }"#
    /// A name is also taken when the caller may not see by what.
    NameTaken { name: String, suggestions: Vec<String> }: "NAME_TAKEN" "NAM-3"
        "The name '{name}' is taken on this cluster. Choose another name."
        r#"# as an operator of acme.Nordwind.Nordics.Stockholm
mutation { createProfile(input: {organizationId: "T3JnYW5pemF0aW9uOjEx", clusterId: "Q2x1c3RlcjoxMw", product: "Cisco 8841", protocol: SIP, name: "EM_anna.berg"}) { errors { code message } } }"#

    /// Each kind of organization stands below the kinds that may hold it.
    OrganizationKindMisplaced { kind: String, parent: String }: "ORGANIZATION_KIND_MISPLACED" "HIE-1"
        "A {kind} cannot stand below {parent}. The order is PROVIDER, RESELLER, CUSTOMER, INTERMEDIATE, SITE."
        r#"mutation { createOrganization(input: {parentId: "T3JnYW5pemF0aW9uOjk", kind: CUSTOMER, name: "Inside"}) { errors { code message } } }"#
    /// An organization's name has no dots, as dots join names to a path.
    OrganizationNameInvalid { name: String }: "ORGANIZATION_NAME_INVALID" "HIE-6"
        "'{name}' cannot name an organization: 1 to 64 characters, no dot, no blank at either end."
        r#"mutation { createOrganization(input: {parentId: "T3JnYW5pemF0aW9uOjI", kind: SITE, name: "a.b"}) { errors { code message } } }"#
    /// Organizations below one parent have different names, whatever the case.
    OrganizationNameTaken { path: String, suggestions: Vec<String> }: "ORGANIZATION_NAME_TAKEN" "HIE-6"
        "'{path}' exists already. Choose another name."
        r#"mutation { createOrganization(input: {parentId: "T3JnYW5pemF0aW9uOjQ", kind: SITE, name: "BERLIN"}) { errors { code message } } }"#
    /// An organization that holds anything is not deleted.
    OrganizationNotEmpty { holds: String }: "ORGANIZATION_NOT_EMPTY" "RML-5"
        "It still holds {holds}. Move or delete what it holds first."
        r#"mutation { deleteOrganization(input: {id: "T3JnYW5pemF0aW9uOjk"}) { errors { code message } } }"#
    /// An organization does not move below itself.
    OrganizationInsideItself: "ORGANIZATION_INSIDE_ITSELF" "HIE-1"
        "An organization cannot be moved below itself. Choose a parent outside it."
        r#"mutation { moveOrganization(input: {id: "T3JnYW5pemF0aW9uOjQ", parentId: "T3JnYW5pemF0aW9uOjQ"}) { errors { code message } } }"#
    /// What an organization holds stays within reach of its clusters.
    OrganizationLeavesCluster { cluster: String }: "ORGANIZATION_LEAVES_CLUSTER" "RML-6"
        "What it holds is on cluster '{cluster}', which does not serve the new place. Choose a place below the cluster's organization."
        r#"mutation { moveOrganization(input: {id: "T3JnYW5pemF0aW9uOjk", parentId: "T3JnYW5pemF0aW9uOjM"}) { errors { code message } } }"#
    /// Profiles, phones, lines and users are kept below the root of the tree.
    OrganizationIsRoot: "ORGANIZATION_IS_ROOT" "HIE-4"
        "The root of the tree holds organizations and clusters only. Choose an organization below it."
        r#"mutation($cluster: ID!) { createLine(input: {organizationId: "T3JnYW5pemF0aW9uOjE", clusterId: $cluster, pattern: "7001"}) { errors { code message } } }"#
        after r#"mutation { createCluster(input: {organizationId: "T3JnYW5pemF0aW9uOjE", name: "Root"}) { errors { code } cluster { cluster: id } } }"#

    /// Clusters of one organization have different names.
    ClusterNameTaken { name: String, suggestions: Vec<String> }: "CLUSTER_NAME_TAKEN" "RML-1"
        "The organization already has a cluster called '{name}'. Choose another name."
        r#"mutation { createCluster(input: {organizationId: "T3JnYW5pemF0aW9uOjI", name: "EMEA"}) { errors { code message } } }"#
    /// A cluster that holds anything is not deleted.
    ClusterNotEmpty { holds: String }: "CLUSTER_NOT_EMPTY" "RML-5"
        "It still holds {holds}. Delete what it holds first."
        r#"mutation { deleteCluster(input: {id: "Q2x1c3RlcjoxNA"}) { errors { code message } } }"#
    /// A cluster serves its organization and everything below it.
    ClusterDoesNotServe { cluster: String, organization: String }: "CLUSTER_DOES_NOT_SERVE" "RML-6"
        "Cluster '{cluster}' does not serve organization '{organization}'. Choose a cluster of that organization or of one above it."
        r#"mutation { createProfile(input: {organizationId: "T3JnYW5pemF0aW9uOjk", clusterId: "Q2x1c3RlcjoxNA", product: "Cisco 8841", protocol: SIP, name: "EM_far"}) { errors { code message } } }"#

    /// A product is one that the catalogue lists.
    ProductUnknown { product: String, near: String }: "PRODUCT_UNKNOWN" "RML-7"
        "'{product}' is not in the product catalogue. {near}"
        r#"mutation { createProfile(input: {organizationId: "T3JnYW5pemF0aW9uOjk", clusterId: "Q2x1c3RlcjoxMw", product: "Cisco 8842", protocol: SIP, name: "EM_new"}) { errors { code message } } }"#
    /// A device speaks a protocol of its product.
    ProtocolNotSupported { product: String, protocol: String }: "PROTOCOL_NOT_SUPPORTED" "RI-69"
        "{product} does not speak {protocol}. Choose one of the product's protocols."
        r#"mutation { createProfile(input: {organizationId: "T3JnYW5pemF0aW9uOjk", clusterId: "Q2x1c3RlcjoxMw", product: "Cisco 8841", protocol: SCCP, name: "EM_new"}) { errors { code message } } }"#
    /// A setting needs a product that has the feature.
    FeatureNotSupportedByModel { product: String, feature: String }: "FEATURE_NOT_SUPPORTED_BY_MODEL" "RI-61"
        "{product} does not support {feature}. Leave the setting at its default."
        r#"mutation { createProfile(input: {organizationId: "T3JnYW5pemF0aW9uOjk", clusterId: "Q2x1c3RlcjoxMw", product: "Cisco 7942", protocol: SCCP, name: "EM_new", settings: {featureControlPolicy: "FCP_Crisis"}}) { errors { code message } } }"#
    /// MLPP preemption is not forceful while precedence is not shown.
    MlppCombinationInvalid: "MLPP_COMBINATION_INVALID" "RI-72"
        "Preemption FORCEFUL needs MLPP indication ON. Switch the indication on, or choose another preemption."
        r#"mutation { createProfile(input: {organizationId: "T3JnYW5pemF0aW9uOjk", clusterId: "Q2x1c3RlcjoxMw", product: "Cisco 8841", protocol: SIP, name: "EM_new", settings: {mlppIndication: OFF, preemption: FORCEFUL}}) { errors { code message } } }"#
    /// Expansion modules stand at different places, are of one model, and are no more than the product carries.
    AddOnModulesInvalid { why: String }: "ADD_ON_MODULES_INVALID" "RI-77"
        "The expansion modules do not fit: {why}."
        r#"mutation { createProfile(input: {organizationId: "T3JnYW5pemF0aW9uOjk", clusterId: "Q2x1c3RlcjoxMw", product: "Cisco 8851", protocol: SIP, name: "EM_new", settings: {addOnModules: [{index: 1, model: "CP-8800-A-KEM"}, {index: 1, model: "CP-8800-A-KEM"}]}}) { errors { code message } } }"#
    /// A profile that a phone shows while nobody is logged in is not deleted.
    ProfileIsLogoutProfile { phones: String }: "PROFILE_IS_LOGOUT_PROFILE" "DEL-4"
        "It is the logout profile of {phones}. Give these phones another logout profile first."
        r#"mutation { deleteProfile(input: {id: "UHJvZmlsZToxNjY"}) { errors { code message } } }"#
    /// A profile that is there is not restored.
    ProfileNotDeleted { name: String }: "PROFILE_NOT_DELETED" "RML-72"
        "'{name}' is there. Only a deleted profile is restored; revert the changes of one that is there."
        r#"mutation { restoreProfile(input: {profileId: "UHJvZmlsZToxNDU"}) { errors { code message } } }"#
    /// A line that stood on a restored profile alone, and stands elsewhere now, stays with whom it was given to.
    LineGivenAway { pattern: String }: "LINE_GIVEN_AWAY" "RML-73"
        "Number {pattern} stood on this profile alone and was given to somebody else since. Add it with addLineToDevice to share it."
        r#"# It refuses nothing and tells it in leftOut.
mutation($profile: ID!) {
  first: deleteProfile(input: {id: $profile}) { errors { code } }
  second: addLineToDevice(input: {deviceId: "UHJvZmlsZToxNDU", pattern: "7001"}) { errors { code } }
  third: restoreProfile(input: {profileId: $profile}) { errors { code } leftOut { code why } }
}"#
        after r#"mutation { createProfile(input: {organizationId: "T3JnYW5pemF0aW9uOjk", clusterId: "Q2x1c3RlcjoxMw", product: "Cisco 8841", protocol: SIP, name: "EM_new", lines: [{pattern: "7001"}]}) { errors { code } profile { profile: id } } }"#
    /// A clean-up takes away only what is still an orphan.
    NotOrphaned { what: String }: "NOT_ORPHANED" "RML-74"
        "{what} is in use. Look at the list of orphans again."
        r#"mutation { cleanUpOrphans(input: {profileIds: ["UHJvZmlsZToxNDU"]}) { errors { code message } } }"#
    /// A change is taken back only while nothing later changed the same.
    RevertSuperseded { fields: String }: "REVERT_SUPERSEDED" "RML-70"
        "Something later changed the same: {fields}. Take the later change back first, or make the change that you want."
        r#"mutation {
  first: setDefaultProfile(input: {userId: "VXNlcjoyNA", profileId: null}) { errors { code } }
  revertChange(input: {change: "s1493"}) { errors { code message } }
}"#
    /// A change is taken back only where its opposite is something that can be done.
    RevertNotPossible { why: String }: "REVERT_NOT_POSSIBLE" "RML-71"
        "This cannot be taken back: {why}."
        "mutation($change: Cursor!) { revertChange(input: {change: $change}) { errors { code message } } }"
        after "mutation { startImport(input: {noun: \"users\"}) { errors { code } change: cursor } }"

    /// A directory number has 1 to 24 of the characters that Unified CM dials and matches.
    PatternInvalid { pattern: String }: "PATTERN_INVALID" "LIN-1"
        "'{pattern}' is not a directory number: 1 to 24 digits, '+', '*', '#' and the wildcards X ! ? [ ] - ^ . @"
        r#"mutation { createLine(input: {organizationId: "T3JnYW5pemF0aW9uOjk", clusterId: "Q2x1c3RlcjoxMw", pattern: "call me"}) { errors { code message } } }"#
    /// A cluster has one line of each pattern and partition.
    LineTaken { pattern: String, partition: String }: "LINE_TAKEN" "LIN-1"
        "The cluster already has line {pattern} in partition '{partition}'. Add that line instead, which makes a clone."
        r#"mutation { createLine(input: {organizationId: "T3JnYW5pemF0aW9uOjk", clusterId: "Q2x1c3RlcjoxMw", pattern: "5101", partition: "PT_BERLIN"}) { errors { code message } } }"#
    /// A line that stands on devices is deleted only when told to take it off them.
    LineHasAppearances { count: usize }: "LINE_HAS_APPEARANCES" "LIN-4"
        "The line still stands on {count} devices. Take it off them first, or pass removeAppearances: true."
        r#"mutation { deleteLine(input: {id: "TGluZTozNDA"}) { errors { code message } } }"#
    /// Line settings are changed through the original, never through a clone.
    LineIsClone { original: i64, device: String, index: i32 }: "LINE_IS_CLONE" "CLN-3"
        "This is a clone. Change the line through its original, {device}."
        r#"mutation { changeLineSettings(input: {appearanceId: "TGluZUFwcGVhcmFuY2U6OTYy", settings: {display: "Berg"}}) { errors { code message } } }"#
    /// A line stands on a device once.
    LineAlreadyOnDevice { device: String }: "LINE_ALREADY_ON_DEVICE" "LIN-6"
        "The line is already on {device}. Use that appearance."
        r#"mutation { addLineToDevice(input: {deviceId: "UHJvZmlsZToxNDU", pattern: "5101", partition: "PT_BERLIN"}) { errors { code message } } }"#
    /// Two lines of a device stand at different places.
    LineIndexTaken { index: i32, free: i32 }: "LINE_INDEX_TAKEN" "LIN-7"
        "Place {index} is taken. Place {free} is free; or move the other line first."
        r#"mutation { addLineToDevice(input: {deviceId: "UHJvZmlsZToxNDU", pattern: "5161", partition: "PT_BERLIN", index: 1}) { errors { code message } } }"#
    /// A line on a device stands at place 1 to 100.
    LineIndexInvalid { index: i32 }: "LINE_INDEX_INVALID" "LIN-7"
        "Place {index} does not exist: places are 1 to 100."
        r#"mutation { addLineToDevice(input: {deviceId: "UHJvZmlsZToxNDU", pattern: "5161", partition: "PT_BERLIN", index: 0}) { errors { code message } } }"#
    /// A line is put on devices of its own cluster.
    LineOnOtherCluster: "LINE_ON_OTHER_CLUSTER" "LIN-1"
        "The line and the device are on different clusters. Use a line of the device's cluster."
        r#"mutation { addLineToDevice(input: {deviceId: "UHJvZmlsZToxNDU", lineId: "TGluZTo0NjY"}) { errors { code message } } }"#
    /// Lines are put on profiles and phones only.
    DeviceHasNoLines { device: String }: "DEVICE_HAS_NO_LINES" "LIN-3"
        "{device} is neither a profile nor a phone and has no lines here."
        r#"mutation { addLineToDevice(input: {deviceId: "T3RoZXJEZXZpY2U6MTY", pattern: "5161", partition: "PT_BERLIN"}) { errors { code message } } }"#
    /// A clone needs a product that supports shared lines.
    SharedLineNotSupported { product: String }: "SHARED_LINE_NOT_SUPPORTED" "LIN-9"
        "{product} does not support shared lines. Use a line that stands on no other device."
        "# Every product of the catalogue shares lines today; one that does not would refuse a clone."
    /// A line is busy at no more calls than it can hold.
    BusyTriggerExceedsMaxCalls { trigger: i32, max: i32 }: "BUSY_TRIGGER_EXCEEDS_MAX_CALLS" "LIN-12"
        "The busy trigger {trigger} exceeds the {max} calls that the line can hold. Lower it, or raise maxCalls."
        r#"mutation { changeLineSettings(input: {appearanceId: "TGluZUFwcGVhcmFuY2U6NTMw", settings: {maxCalls: 2, busyTrigger: 3}}) { errors { code message } } }"#
    /// The lines of a device hold no more calls together than the product can.
    MaxCallsExceedsDevice { device: String, total: i64, most: i64 }: "MAX_CALLS_EXCEEDS_DEVICE" "LIN-12"
        "The lines of {device} would hold {total} calls together and the product can hold {most}. Lower maxCalls of some."
        r#"mutation { createProfile(input: {organizationId: "T3JnYW5pemF0aW9uOjk", clusterId: "Q2x1c3RlcjoxMw", product: "Cisco 8841", protocol: SIP, name: "EM_calls", lines: [{pattern: "7001", settings: {maxCalls: 200}}, {pattern: "7002", settings: {maxCalls: 200}}]}) { errors { code message } } }"#
    /// An external mask is up to 30 digits followed by Xs.
    MaskInvalid { mask: String }: "MASK_INVALID" "RML-10"
        "'{mask}' is not an external mask: up to 30 characters, an optional '+', digits, then Xs."
        r#"mutation { changeLineSettings(input: {appearanceId: "TGluZUFwcGVhcmFuY2U6NTMw", settings: {externalMask: "X12"}}) { errors { code message } } }"#

    /// A user id can be typed on a phone's keypad and is lower case.
    UserIdInvalid { user_id: String }: "USER_ID_INVALID" "RML-9"
        "'{user_id}' is not a user id: 1 to 128 of a-z, 0-9, '.', '_', '-' and '@'."
        r#"mutation { createUser(input: {organizationId: "T3JnYW5pemF0aW9uOjk", clusterId: "Q2x1c3RlcjoxMw", userId: "Anna B", lastName: "Berg"}) { errors { code message } } }"#
    /// A user id is unique on its cluster.
    UserIdTaken { user_id: String, suggestions: Vec<String> }: "USER_ID_TAKEN" "RML-2"
        "The user id '{user_id}' is taken on this cluster. Choose another."
        r#"mutation { createUser(input: {organizationId: "T3JnYW5pemF0aW9uOjk", clusterId: "Q2x1c3RlcjoxMw", userId: "anna.berg", lastName: "Berg"}) { errors { code message } } }"#
    /// A user is associated with a profile once.
    UserAlreadyAssociated { user_id: String }: "USER_ALREADY_ASSOCIATED" "USR-2"
        "'{user_id}' is already a user of this profile."
        r#"mutation { associateUsers(input: {profileId: "UHJvZmlsZToxNDU", userIds: ["VXNlcjoyNA"]}) { errors { code message } } }"#
    /// Only a user of a profile is disassociated or ordered there.
    UserNotAssociated { user_id: String }: "USER_NOT_ASSOCIATED" "USR-3"
        "'{user_id}' is not a user of this profile."
        r#"mutation { disassociateUser(input: {profileId: "UHJvZmlsZToxNDU", userId: "VXNlcjoyNQ"}) { errors { code message } } }"#
    /// A new order names every user of the profile.
    UserOrderIncomplete { missing: usize }: "USER_ORDER_INCOMPLETE" "FLT-2"
        "The order leaves out {missing} users of the profile. Name each of them once."
        r#"mutation { reorderUsers(input: {profileId: "UHJvZmlsZToxNjU", userIds: ["VXNlcjo0Mg"]}) { errors { code message } } }"#
    /// A user and the profiles and phones of that user are on one cluster.
    UserOnOtherCluster { user_id: String }: "USER_ON_OTHER_CLUSTER" "RML-8"
        "'{user_id}' and the device are on different clusters. Use a user of the device's cluster."
        r#"mutation { associateUsers(input: {profileId: "UHJvZmlsZToxNDU", userIds: ["VXNlcjoxMDQ"]}) { errors { code message } } }"#
    /// A default profile is one of the user's profiles.
    DefaultProfileNotAssociated { profile: String }: "DEFAULT_PROFILE_NOT_ASSOCIATED" "USR-8"
        "'{profile}' is not one of the user's profiles. Associate it first."
        r#"mutation { setDefaultProfile(input: {userId: "VXNlcjoyNQ", profileId: "UHJvZmlsZToxNDU"}) { errors { code message } } }"#
    /// Whoever deletes a user says what becomes of profiles that nobody else uses.
    UserProfilesUndecided { profiles: String }: "USER_PROFILES_UNDECIDED" "USR-14"
        "Nobody else uses {profiles}. Pass soleProfiles: DELETE or KEEP_UNASSIGNED."
        r#"mutation { deleteUser(input: {id: "VXNlcjoyNA"}) { errors { code message } } }"#
    /// A primary extension is a number of the user's devices.
    PrimaryExtensionNotOwn { pattern: String }: "PRIMARY_EXTENSION_NOT_OWN" "USR-9"
        "{pattern} stands on no phone or profile of the user. Put the line there first."
        r#"mutation { updateUser(input: {id: "VXNlcjoyNA", primaryExtension: {pattern: "9999"}}) { errors { code message } } }"#

    /// A user has no more profiles than the organization, or the nearest one above that says, allows.
    EntitlementExceeded { user_id: String, most: i32 }: "ENTITLEMENT_EXCEEDED" "USR-11"
        "'{user_id}' may have {most} profiles and would have more. Take one away first, or raise maxProfilesPerUser."
        r#"mutation { first: updateOrganization(input: {id: "T3JnYW5pemF0aW9uOjk", maxProfilesPerUser: 1}) { errors { code message } } then: quickAddUser(input: {groupId: "UXVpY2tBZGRHcm91cDoxNzcx", userId: "VXNlcjoyNA", profileName: "EM_anna.berg_2"}) { errors { code message } } }"#
    /// Quick Add groups of one organization have different names, whatever the case.
    QuickAddNameTaken { name: String, suggestions: Vec<String> }: "QUICK_ADD_NAME_TAKEN" "RML-60"
        "The organization already has a Quick Add group called '{name}'. Choose another name."
        r#"mutation { createQuickAddGroup(input: {organizationId: "T3JnYW5pemF0aW9uOjk", name: "berlin USER", product: "Cisco 8841"}) { errors { code message } } }"#
    /// A user is added by a group that has a cluster; one without is there to be copied.
    QuickAddGroupHasNoCluster { name: String }: "QUICK_ADD_GROUP_HAS_NO_CLUSTER" "HIE-5"
        "'{name}' has no cluster and is there to be copied. Make a group from it with createQuickAddGroup and copyFromId, and use that one."
        r#"mutation { quickAddUser(input: {groupId: "UXVpY2tBZGRHcm91cDoxNzY5", organizationId: "T3JnYW5pemF0aW9uOjk", userId: "VXNlcjoyNA", number: "5161"}) { errors { code message } } }"#
    /// A group, which everybody below it reads, keeps no password, and no more does the file of a job.
    QuickAddPassword { service: String, parameter: String }: "QUICK_ADD_PASSWORD" "RML-62"
        "'{parameter}' of '{service}' is a password, which is not kept here. Leave it out and give it to quickAddUser in services."
        r#"mutation { updateQuickAddGroup(input: {id: "UXVpY2tBZGRHcm91cDoxNzcx", services: [{serviceId: "UGhvbmVTZXJ2aWNlOjE0MDM", values: [{name: "pin", value: "1234"}]}]}) { errors { code message } } }"#
    /// A name pattern has a token, known tokens only, and otherwise what a name can hold, so that it gives legal names.
    NamePatternInvalid { pattern: String, why: String }: "NAME_PATTERN_INVALID" "NAM-9"
        "'{pattern}' gives no name: {why}."
        r#"mutation { createQuickAddGroup(input: {organizationId: "T3JnYW5pemF0aW9uOjk", name: "Guests", product: "Cisco 8841", namePattern: "EM_{userid}"}) { errors { code message } } }"#
    /// A pattern of a text has known tokens only.
    TextPatternInvalid { pattern: String, why: String }: "TEXT_PATTERN_INVALID" "RML-61"
        "'{pattern}' cannot be filled in: {why}."
        r#"mutation { createQuickAddGroup(input: {organizationId: "T3JnYW5pemF0aW9uOjk", name: "Guests", product: "Cisco 8841", descriptionPattern: "{dn}"}) { errors { code message } } }"#
    /// The next available number is one that the inventory has.
    NoNumberAvailable { partition: String }: "NO_NUMBER_AVAILABLE" "RSV-4"
        "No number of partition '{partition}' is available here to this user. Add numbers, free some, or name one."
        r#"mutation { first: updateQuickAddGroup(input: {id: "UXVpY2tBZGRHcm91cDoxNzcx", line: {partition: "PT_EMPTY"}}) { errors { code message } } then: quickAddUser(input: {groupId: "UXVpY2tBZGRHcm91cDoxNzcx", newUser: {userId: "mona.lang", lastName: "Lang"}}) { errors { code message } } }"#

    /// A phone's name is its product's prefix and hardware address, or a name that such devices may have.
    PhoneNameInvalid { name: String }: "PHONE_NAME_INVALID" "NAM-6"
        "'{name}' is not a phone's name: 1 to 50 letters, digits, '.', '-' and '_'."
        r#"mutation { createPhone(input: {organizationId: "T3JnYW5pemF0aW9uOjk", clusterId: "Q2x1c3RlcjoxMw", product: "Cisco 8841", protocol: SIP, name: "SEP 00"}) { errors { code message } } }"#
    /// A logout profile has its phone's product and protocol.
    LogoutProfileMismatch { profile: String, product: String, protocol: String }: "LOGOUT_PROFILE_MISMATCH" "SES-14"
        "'{profile}' is not for {product} with {protocol}. Choose a profile of the phone's product and protocol."
        r#"mutation { updatePhone(input: {id: "UGhvbmU6Mjc5", logoutProfileId: "UHJvZmlsZToxNjY"}) { errors { code message } } }"#
    /// Extension mobility needs a product that supports it.
    ExtensionMobilityNotSupported { product: String }: "EXTENSION_MOBILITY_NOT_SUPPORTED" "SES-1"
        "{product} does not support extension mobility."
        r#"mutation { createPhone(input: {organizationId: "T3JnYW5pemF0aW9uOjk", clusterId: "Q2x1c3RlcjoxMw", product: "Cisco 6901", protocol: SCCP, name: "SEP001122334455", extensionMobility: true}) { errors { code message } } }"#

    /// People log in only on phones whose extension mobility is on.
    EmNotEnabledOnPhone { phone: String }: "EM_NOT_ENABLED_ON_PHONE" "SES-1"
        "Extension mobility is off on {phone}. Switch it on with updatePhone, or choose another phone."
        "mutation { first: updatePhone(input: {id: \"UGhvbmU6Mjgz\", extensionMobility: false}) { errors { code } } second: login(input: {phoneId: \"UGhvbmU6Mjgz\", userId: \"VXNlcjoyNQ\"}) { errors { code } } }"
    /// One user is logged in on a phone at a time.
    PhoneOccupied { phone: String, user: String }: "PHONE_OCCUPIED" "SES-3"
        "{phone} is in use by {user}. Log out there first, or pass ifOccupied: FORCE."
        "mutation { login(input: {phoneId: \"UGhvbmU6Mjgw\", userId: \"VXNlcjoyNQ\"}) { errors { code } } }"
    /// Only where a user is logged in there is somebody to log out.
    NoUserLoggedIn { phone: String }: "NO_USER_LOGGED_IN" "SES-1"
        "Nobody is logged in on {phone}, or not this user. Look at the phone's session."
        "mutation { logout(input: {phoneId: \"UGhvbmU6Mjgx\"}) { errors { code } } }"
    /// A user logs in on a second phone only where the cluster allows it.
    MultiLoginNotAllowed { user: String, phones: session::Phones }: "MULTI_LOGIN_NOT_ALLOWED" "SES-2"
        "{user} is logged in on {phones}, and the cluster allows one login. Use logoutUser first, or change the cluster's multipleLogin."
        "mutation { login(input: {phoneId: \"UGhvbmU6MzIx\", userId: \"VXNlcjoxMDU\"}) { errors { code } } }"
    /// A user logs in with a profile of that user.
    ProfileNotAssociatedWithUser { profile: String, user: String }: "PROFILE_NOT_ASSOCIATED_WITH_USER" "SES-1"
        "'{profile}' is not one of the profiles of {user}. Associate it with associateUsers, or choose another one."
        "mutation { login(input: {phoneId: \"UGhvbmU6Mjgx\", userId: \"VXNlcjoyNQ\", profileId: \"UHJvZmlsZToxNTY\"}) { errors { code } } }"
    /// A user without any profile logs in only where a default device profile fits the phone.
    UserHasNoProfile { user: String }: "USER_HAS_NO_PROFILE" "USR-6"
        "{user} has no profile, and no default device profile fits the phone. Make one of the two."
        "mutation { disassociateUser(input: {profileId: \"UHJvZmlsZToyNTg\", userId: \"VXNlcjoxMjY\"}) { errors { code } } login(input: {phoneId: \"UGhvbmU6MzMx\", userId: \"VXNlcjoxMjY\"}) { errors { code } } }"
    /// A profile that is logged in by itself has a user.
    ProfileHasNoUser { profile: String }: "PROFILE_HAS_NO_USER" "SES-1"
        "'{profile}' serves nobody. Name the user, or associate one with associateUsers."
        "mutation { login(input: {phoneId: \"UGhvbmU6Mjgx\", profileId: \"UHJvZmlsZToxNjY\"}) { errors { code } } }"
    /// On a phone of another model than the profile's, a default device profile gives the templates.
    DefaultDeviceProfileMissing { product: String, protocol: String }: "DEFAULT_DEVICE_PROFILE_MISSING" "SES-11"
        "The profile is for another model, and the cluster has no default device profile for {product} with {protocol}. Make one with createDefaultDeviceProfile."
        "mutation { login(input: {phoneId: \"UGhvbmU6MzMw\", userId: \"VXNlcjoxMDY\"}) { errors { code } } }"
    /// A login lasts no longer than the user, or else the cluster, allows.
    LoginTooLong { asked: String, most: i32 }: "LOGIN_TOO_LONG" "SES-4"
        "{asked} is longer than the {most} minutes that are allowed. Ask for less, or leave the duration out."
        "mutation { login(input: {phoneId: \"UGhvbmU6Mjgx\", userId: \"VXNlcjozMQ\", duration: {minutes: 601}}) { errors { code } } }"
    /// A session that is restored has time left.
    SessionOver: "SESSION_OVER" "SES-5"
        "The time of this session is up. Leave it out, or use login to begin another one."
        "mutation { restoreSessions(input: {items: [{phoneId: \"UGhvbmU6Mjgx\", userId: \"VXNlcjoyNQ\", expiresAt: \"2020-01-01T00:00:00Z\"}]}) { errors { code } } }"
    /// A cluster that says how many logins and logouts it takes at once takes no more until some are over.
    EmBusy { cluster: String, most: usize, wait_ms: i64 }: "EM_BUSY" "SES-6"
        "'{cluster}' takes {most} logins and logouts at once and has as many under way. Repeat it in {wait_ms} milliseconds."
        "mutation { first: updateCluster(input: {id: \"Q2x1c3RlcjoxMw\", maxConcurrentLogins: 1}) { errors { code } } second: logout(input: {phoneId: \"UGhvbmU6Mjgw\"}) { errors { code } } third: login(input: {phoneId: \"UGhvbmU6Mjgx\", userId: \"VXNlcjoyNQ\"}) { errors { code ciscoCode } } }"
    /// What many logins may hang on is said in a filter, not left open.
    SessionFilterEmpty: "SESSION_FILTER_EMPTY" "RML-41"
        "An empty filter would log everybody out. Say which sessions, such as those of an organization."
        "mutation { logoutMany(input: {filter: {}}) { errors { code } } }"
    /// What many profiles may hang on is said in a filter, not left open.
    ProfileFilterEmpty: "PROFILE_FILTER_EMPTY" "RML-41"
        "An empty filter would change every profile. Say which ones; organization with the topmost one that you see means all of them."
        "mutation { bulkUpdateProfiles(input: {filter: {}, set: {description: \"Moved\"}}) { errors { code } } }"
    /// A profile that a phone shows because somebody is logged in is not taken away unless told to log out.
    ProfileInUse { profile: String, phones: session::Phones }: "PROFILE_IN_USE" "DEL-10"
        "'{profile}' is in use on {phones}. Log out there first, or pass onActiveSession: LOGOUT."
        "mutation { deleteProfile(input: {id: \"UHJvZmlsZToxNTY\"}) { errors { code } } }"
    /// A phone on which somebody is logged in stays, and stays open to logins, unless told to log out.
    PhoneInUse { phone: String }: "PHONE_IN_USE" "DEL-10"
        "Somebody is logged in on {phone}. Log out there first, or pass onActiveSession: LOGOUT."
        "mutation { deletePhone(input: {id: \"UGhvbmU6Mjgw\"}) { errors { code } } }"
    /// A user who is logged in is not deleted unless told to log out.
    UserLoggedIn { user: String, phones: session::Phones }: "USER_LOGGED_IN" "DEL-10"
        "{user} is logged in on {phones}. Log out there first, or pass onActiveSession: LOGOUT."
        "mutation { deleteUser(input: {id: \"VXNlcjozNQ\", soleProfiles: KEEP_UNASSIGNED}) { errors { code } } }"
    /// A cluster has one default device profile for each product and protocol.
    DefaultDeviceProfileTaken { product: String, protocol: String }: "DEFAULT_DEVICE_PROFILE_TAKEN" "RML-40"
        "The cluster has a default device profile for {product} with {protocol}. Update that one."
        "mutation { createDefaultDeviceProfile(input: {clusterId: \"Q2x1c3RlcjoxMw\", product: \"Cisco 7841\", protocol: SIP}) { errors { code } } }"

    /// A device has at most 199 speed dials, abbreviated ones included, and as many buttons of each other kind.
    ButtonLimit { what: String, most: i32 }: "BUTTON_LIMIT" "SPD-1"
        "A device has at most {most} {what}, and this one has them. Remove one first."
        [concat!(
            r#"mutation { createProfile(input: {organizationId: "T3JnYW5pemF0aW9uOjk", clusterId: "Q2x1c3RlcjoxMw", product: "Cisco 8841", protocol: SIP, name: "EM_new", buttons: ["#,
            ten!(ten!(r#"{speedDial: {number: "1", label: "A"}} {speedDial: {number: "1", label: "A"}} "#)),
            "]}) { errors { code message } } }"
        )]
    /// Two buttons of one kind on a device stand at different positions.
    ButtonIndexTaken { index: i32, free: i32 }: "BUTTON_INDEX_TAKEN" "BTN-2"
        "Position {index} is taken. Position {free} is free; or use moveButton, which makes room."
        r#"mutation { addButton(input: {deviceId: "UHJvZmlsZToxNTU", button: {speedDial: {index: 1, number: "5101", label: "Anna"}}}) { errors { code message } } }"#
    /// A button stands at position 1 to 199 of its list.
    ButtonIndexInvalid { index: i32 }: "BUTTON_INDEX_INVALID" "BTN-2"
        "Position {index} does not exist: positions are 1 to 199."
        r#"mutation { moveButton(input: {buttonId: "QnV0dG9uOjEwNzU", index: 200}) { errors { code message } } }"#
    /// Buttons are put on profiles and phones only.
    DeviceHasNoButtons { device: String }: "DEVICE_HAS_NO_BUTTONS" "BTN-1"
        "{device} is neither a profile nor a phone and has no buttons here."
        r#"mutation { addButton(input: {deviceId: "T3RoZXJEZXZpY2U6MTY", button: {speedDial: {number: "5101", label: "Anna"}}}) { errors { code message } } }"#
    /// A speed dial dials 1 to 255 digits, '*', '#', a plus in front, and commas behind the number.
    SpeedDialNumberInvalid { number: String }: "SPEED_DIAL_NUMBER_INVALID" "SPD-3"
        "'{number}' cannot be dialled: 1 to 255 digits, '*' and '#', a '+' in front, and commas for pauses and codes behind the number."
        r#"mutation { addButton(input: {deviceId: "UHJvZmlsZToxNDU", button: {speedDial: {number: "call me", label: "Anna"}}}) { errors { code message } } }"#
    /// A speed dial with codes behind its number does not show them in its label.
    SpeedDialShowsCodes: "SPEED_DIAL_SHOWS_CODES" "SPD-4"
        "The label shows a code that stands behind the number. Choose a label without it."
        r#"mutation { addButton(input: {deviceId: "UHJvZmlsZToxNDU", button: {speedDial: {number: "4001,98765", label: "Room 98765"}}}) { errors { code message } } }"#
    /// A speed dial has a label.
    SpeedDialLabelRequired: "SPEED_DIAL_LABEL_REQUIRED" "SPD-5"
        "A speed dial needs a label; without one the phone would show the number with its codes."
        r#"mutation { addButton(input: {deviceId: "UHJvZmlsZToxNDU", button: {speedDial: {number: "5101", label: ""}}}) { errors { code message } } }"#
    /// A busy lamp field watches either a number or SIP URI, or a number in a partition.
    BlfDestinationAmbiguous: "BLF_DESTINATION_AMBIGUOUS" "BLF-1"
        "Give either a destination or a pattern, with its partition where it has one; one of them, not both."
        r#"mutation { addButton(input: {deviceId: "UHJvZmlsZToxNDU", button: {busyLampField: {destination: "5102", pattern: "5102"}}}) { errors { code message } } }"#
    /// Only devices that speak SIP watch SIP URIs.
    BlfUriNeedsSip: "BLF_URI_NEEDS_SIP" "BLF-2"
        "The device speaks SCCP and watches numbers only. Give a number, not a SIP URI."
        r#"mutation { createProfile(input: {organizationId: "T3JnYW5pemF0aW9uOjk", clusterId: "Q2x1c3RlcjoxMw", product: "Cisco 7945", protocol: SCCP, name: "EM_sccp", buttons: [{busyLampField: {destination: "anna@nordwind.example"}}]}) { errors { code message } } }"#
    /// A busy lamp field watches one line, not the number of a hunt or a group.
    BlfTargetNotAllowed { pattern: String }: "BLF_TARGET_NOT_ALLOWED" "BLF-3"
        "'{pattern}' stands for more than one number and has no state to show. Watch one line's number."
        r#"mutation { addButton(input: {deviceId: "UHJvZmlsZToxNDU", button: {busyLampField: {pattern: "51XX", partition: "PT_BERLIN"}}}) { errors { code message } } }"#

    /// Templates of one kind on a cluster have different names, whatever the case.
    TemplateNameTaken { name: String, suggestions: Vec<String> }: "TEMPLATE_NAME_TAKEN" "RML-20"
        "The cluster already has a template called '{name}'. Choose another name."
        r#"mutation { createButtonTemplate(input: {clusterId: "Q2x1c3RlcjoxMw", product: "Cisco 8841", protocol: SIP, name: "standard 8841 sip", features: [LINE]}) { errors { code message } } }"#
    /// A template is not made under a name by which devices of other products name theirs.
    TemplateNamedByOthers { name: String, count: i64 }: "TEMPLATE_NAMED_BY_OTHERS" "RML-21"
        "{count} devices of another product or protocol name a template '{name}'. Choose another name, or change theirs first."
        r#"mutation { createButtonTemplate(input: {clusterId: "Q2x1c3RlcjoxNA", product: "Cisco 7841", protocol: SIP, name: "Standard 8861 SIP", features: [LINE]}) { errors { code message } } }"#
    /// A template that devices name is not deleted.
    TemplateInUse { name: String, count: i64 }: "TEMPLATE_IN_USE" "RML-5"
        "{count} devices name '{name}'. Give them another template first."
        r#"mutation { deleteTemplate(input: {id: "VGVtcGxhdGU6MTMzMg"}) { errors { code message } } }"#
    /// A device's button template, where the cluster has it, is for the device's product and protocol.
    TemplateMismatch { template: String, product: String }: "TEMPLATE_MISMATCH" "RML-22"
        "'{template}' is for {product} and its protocol. Choose a template of the device's product and protocol."
        r#"mutation { updateProfile(input: {id: "UHJvZmlsZToxNDU", buttonTemplate: "Nordwind Reception 8851"}) { errors { code message } } }"#
    /// The first button of a template is a line.
    TemplateButtonOneIsLine: "TEMPLATE_BUTTON_ONE_IS_LINE" "BTN-1"
        "Button 1 is a line and cannot be anything else. Begin the features with LINE."
        r#"mutation { createButtonTemplate(input: {clusterId: "Q2x1c3RlcjoxMw", product: "Cisco 8841", protocol: SIP, name: "Dials", features: [SPEED_DIAL, LINE]}) { errors { code message } } }"#
    /// A template has no more buttons than its product with expansion modules.
    TemplateTooLong { product: String, most: usize, got: usize }: "TEMPLATE_TOO_LONG" "BTN-1"
        "The template has {got} buttons, and {product} has {most} with its expansion modules."
        r#"mutation { createButtonTemplate(input: {clusterId: "Q2x1c3RlcjoxMw", product: "Cisco 6901", protocol: SCCP, name: "Two", features: [LINE, LINE]}) { errors { code message } } }"#
    /// A template gives buttons only what its product can put there.
    ButtonNotSupported { product: String, feature: String }: "BUTTON_NOT_SUPPORTED" "BTN-1"
        "{product} has no buttons for {feature}. Query products for what it has."
        r#"mutation { createButtonTemplate(input: {clusterId: "Q2x1c3RlcjoxMw", product: "Cisco Unified Client Services Framework", protocol: SIP, name: "Soft", features: [LINE, SERVICE_URL]}) { errors { code message } } }"#

    /// Phone services of a cluster have different names, whatever the case.
    ServiceNameTaken { name: String, suggestions: Vec<String> }: "SERVICE_NAME_TAKEN" "RML-30"
        "The cluster already has a phone service called '{name}'. Choose another name."
        r#"mutation { createService(input: {clusterId: "Q2x1c3RlcjoxMw", name: "intercom calls", url: "http://x.example/"}) { errors { code message } } }"#
    /// Parameters of a phone service have different names.
    ServiceParameterTaken { name: String }: "SERVICE_PARAMETER_TAKEN" "SVC-3"
        "The service already has a parameter called '{name}'. Choose another name, or change that one."
        r#"mutation { addServiceParameter(input: {serviceId: "UGhvbmVTZXJ2aWNlOjE0MDA", parameter: {name: "Ext1"}}) { errors { code message } } }"#
    /// Values are given to parameters that the service has.
    ServiceParameterUnknown { name: String, service: String, known: String }: "SERVICE_PARAMETER_UNKNOWN" "SVC-15"
        "'{service}' has no parameter '{name}'; it has {known}. Leave the value out, or add the parameter to the service."
        r#"mutation { subscribeService(input: {deviceId: "UHJvZmlsZToxNDc", serviceId: "UGhvbmVTZXJ2aWNlOjE0MDA", values: [{name: "Ext1", value: "5101"}, {name: "Ext3", value: "1"}]}) { errors { code message } } }"#
    /// A parameter that is required has a value or a default.
    ServiceParameterRequired { service: String, parameters: String }: "SERVICE_PARAMETER_REQUIRED" "SVC-15"
        "'{service}' needs a value for {parameters}. Give it in values."
        r#"mutation { subscribeService(input: {deviceId: "UHJvZmlsZToxNDc", serviceId: "UGhvbmVTZXJ2aWNlOjE0MDA"}) { errors { code message } } }"#
    /// Nobody is newly subscribed to a service that is disabled.
    ServiceDisabled { service: String }: "SERVICE_DISABLED" "SVC-15"
        "'{service}' is disabled. Enable it with updateService, or choose another service."
        r#"mutation { subscribeService(input: {deviceId: "UHJvZmlsZToxNDc", serviceId: "UGhvbmVTZXJ2aWNlOjE0MDQ"}) { errors { code message } } }"#
    /// An enterprise service is on every device of its cluster, without a subscription.
    ServiceIsEnterprise { service: String }: "SERVICE_IS_ENTERPRISE" "SVC-6"
        "'{service}' is on every device of the cluster already. There is nothing to subscribe."
        r#"mutation { subscribeService(input: {deviceId: "UHJvZmlsZToxNDc", serviceId: "UGhvbmVTZXJ2aWNlOjEzOTU"}) { errors { code message } } }"#
    /// A device is subscribed to a service once.
    ServiceAlreadySubscribed { service: String }: "SERVICE_ALREADY_SUBSCRIBED" "SVC-15"
        "The device is subscribed to '{service}' already. Change that with updateServiceSubscription."
        r#"mutation { subscribeService(input: {deviceId: "UHJvZmlsZToxNDU", serviceId: "UGhvbmVTZXJ2aWNlOjEzOTQ"}) { errors { code message } } }"#
    /// What is unsubscribed is not changed until it is taken up again.
    ServiceNotSubscribed { service: String }: "SERVICE_NOT_SUBSCRIBED" "RML-31"
        "The device is not subscribed to '{service}' now. Use resubscribeService, which takes values as well."
        r#"mutation { unsubscribeService(input: {subscriptionId: "U2VydmljZVN1YnNjcmlwdGlvbjoxNzU1"}) { errors { code message } } updateServiceSubscription(input: {subscriptionId: "U2VydmljZVN1YnNjcmlwdGlvbjoxNzU1", name: "Intercom"}) { errors { code message } } }"#
    /// A device uses the services of its own cluster.
    ServiceOnOtherCluster: "SERVICE_ON_OTHER_CLUSTER" "RML-32"
        "The service and the device are on different clusters. Choose a service of the device's cluster."
        r#"mutation { subscribeService(input: {deviceId: "UHJvZmlsZToyMzQ", serviceId: "UGhvbmVTZXJ2aWNlOjE0MDM"}) { errors { code message } } }"#
    /// Profiles and phones are subscribed to services, and no other devices.
    DeviceHasNoServices { device: String }: "DEVICE_HAS_NO_SERVICES" "SVC-1"
        "{device} is neither a profile nor a phone and has no services here."
        r#"mutation { subscribeService(input: {deviceId: "T3RoZXJEZXZpY2U6MTU", serviceId: "UGhvbmVTZXJ2aWNlOjEzOTQ"}) { errors { code message } } }"#
    /// A service that devices are subscribed to is deleted only when told to unsubscribe them.
    ServiceInUse { name: String, count: usize }: "SERVICE_IN_USE" "RML-5"
        "{count} devices are subscribed to '{name}'. Pass unsubscribe: true, or disable it with updateService."
        r#"mutation { deleteService(input: {id: "UGhvbmVTZXJ2aWNlOjE0MDA"}) { errors { code message } } }"#
    /// The services that Unified CM brings along are not deleted, and keep a URL that tells them.
    ServiceIsDefault { name: String }: "SERVICE_IS_DEFAULT" "SVC-7"
        "'{name}' is one of Unified CM's own services and stays, with a URL that begins with Application:Cisco/. Disable it with updateService."
        r#"mutation { deleteService(input: {id: "UGhvbmVTZXJ2aWNlOjEzOTU"}) { errors { code message } } }"#

    /// A number that is reserved, or a neighbour's, is not put on a device.
    NumberNotAvailable { pattern: String, why: number::Why }: "NUMBER_NOT_AVAILABLE" "INV-8"
        "Number {pattern} cannot be used: {why}. Choose another one, or have it made available."
        r#"mutation { addLineToDevice(input: {deviceId: "UHJvZmlsZToxNDY", pattern: "5168", partition: "PT_BERLIN"}) { errors { code message } } }"#
    /// A number that was in use a short while ago cools before somebody else gets it.
    NumberCooling { pattern: String, until: number::Until }: "NUMBER_COOLING" "INV-10"
        "Number {pattern} is cooling until {until}. Choose another one, or wait until then."
        r#"mutation { addLineToDevice(input: {deviceId: "UHJvZmlsZToxNDY", pattern: "5169", partition: "PT_BERLIN"}) { errors { code message } } }"#
    /// A number that is kept for a user goes to nobody else, until that is cleared.
    NumberReservedForOtherUser { pattern: String, holder: number::Holder }: "NUMBER_RESERVED_FOR_OTHER_USER" "RSV-4"
        "Number {pattern} is reserved for {holder}. Clear that with reserveNumbersFor, or choose another number."
        r#"mutation { addLineToDevice(input: {deviceId: "UHJvZmlsZToxNDY", pattern: "5165", partition: "PT_BERLIN"}) { errors { code message } } }"#
    /// A line that is chosen from the inventory is one that the choice offers.
    NumberOutsideInventoryFilter { pattern: String }: "NUMBER_OUTSIDE_INVENTORY_FILTER" "FLT-5"
        "Number {pattern} is not among those that the inventory filter offers. Choose one of selectableNumbers."
        r#"mutation { addLineToDevice(input: {deviceId: "UHJvZmlsZToxNDY", pattern: "5103", partition: "PT_BERLIN", inventoryFilter: {choice: AVAILABLE}}) { errors { code message } } }"#
    /// A number's status moves by hand only where nothing uses it: between available, reserved, cooling and another use.
    NumberStatusIllegal { from: String, to: String }: "NUMBER_STATUS_ILLEGAL" "INV-8"
        "A number that is {from} does not become {to} by hand. Take its line off its devices, or make it AVAILABLE first."
        r#"mutation { changeNumberStatus(input: {numberId: "TnVtYmVyOjEzMzQ", to: RESERVED}) { errors { code message } } }"#
    /// A number that something uses, or that is kept for somebody, is not deleted.
    NumberNotFree { pattern: String, why: String }: "NUMBER_NOT_FREE" "INV-7"
        "Number {pattern} stays: {why}. Take its line off its devices, make it AVAILABLE, or clear whom it is kept for first."
        r#"mutation { deleteNumber(input: {id: "TnVtYmVyOjEzMzQ"}) { errors { code message } } }"#
    /// Numbers are kept at a provider, a customer or a site.
    NumberLevelInvalid { organization: String }: "NUMBER_LEVEL_INVALID" "INV-2"
        "'{organization}' keeps no numbers. Choose a provider, a customer or a site."
        r#"mutation { createNumbers(input: {organizationId: "T3JnYW5pemF0aW9uOjQ", clusterId: "Q2x1c3RlcjoxMw", first: "7001"}) { errors { code message } } }"#
    /// A range of numbers counts up in its last digits.
    NumberRangeInvalid { first: String, last: String, why: String }: "NUMBER_RANGE_INVALID" "INV-6"
        "{first} to {last} is no range: {why}."
        r#"mutation { createNumbers(input: {organizationId: "T3JnYW5pemF0aW9uOjk", clusterId: "Q2x1c3RlcjoxMw", first: "7009", last: "7001"}) { errors { code message } } }"#
    /// A range has at most 1,000 numbers.
    NumberRangeTooLong { got: u64, most: u64 }: "NUMBER_RANGE_TOO_LONG" "INV-6"
        "These are {got} numbers, and {most} go at once. Take them in parts."
        r#"mutation { createNumbers(input: {organizationId: "T3JnYW5pemF0aW9uOjk", clusterId: "Q2x1c3RlcjoxMw", first: "7000", last: "8999"}) { errors { code message } } }"#
    /// Numbers are added only where number management is on.
    NumberManagementOff { organization: String }: "NUMBER_MANAGEMENT_OFF" "INV-12"
        "Number management is off for '{organization}'. Switch it on with updateOrganization(numberManagement: true) first."
        r#"mutation { first: updateOrganization(input: {id: "T3JnYW5pemF0aW9uOjk", numberManagement: false}) { errors { code message } } then: createNumbers(input: {organizationId: "T3JnYW5pemF0aW9uOjk", clusterId: "Q2x1c3RlcjoxMw", first: "7000"}) { errors { code message } } }"#
    /// A number that a customer keeps is kept by none of its sites, in no other partition and on no other cluster.
    NumberNotUnique { pattern: String, customer: String }: "NUMBER_NOT_UNIQUE" "INV-4"
        "Number {pattern} is kept a second time within '{customer}', which keeps numbers once. Choose another number, or set uniqueNumbers: false there."
        r#"mutation { createNumbers(input: {organizationId: "T3JnYW5pemF0aW9uOjI", clusterId: "Q2x1c3RlcjoxMw", partition: "PT_NORDWIND", first: "5101"}) { errors { code message } } }"#
    /// A number of a partition of a cluster has one entry.
    NumberTaken { pattern: String }: "NUMBER_TAKEN" "INV-13"
        "Number {pattern} is in the inventory already. Look it up again."
        "# An import of numbers.csv with a number that the inventory has; createNumbers leaves such a number alone and tells it."
    /// One call does at most 1,000 things.
    TooManyItems { most: usize }: "TOO_MANY_ITEMS" "BLK-6"
        "At most {most} go at once. Send them in parts, or start a job."
        [concat!("mutation { deleteProfiles(input: {items: [{id: 1} ", ten!(ten!(ten!("{id: 1} "))), "]}) { errors { code message } } }")]
    /// A job does what its state allows.
    JobNotReady { state: String, want: String }: "JOB_NOT_READY" "TXN-2"
        "The job is {state}; {want}."
        "mutation($job: ID!) { runJob(input: {id: $job}) { errors { code message } } }"
        after "mutation { startImport(input: {noun: \"users\"}) { errors { code } job { job: id } } }"
    /// What is tried again was not done before.
    JobNothingToRetry: "JOB_NOTHING_TO_RETRY" "BLK-6"
        "Every row of the job was done. There is nothing to try again."
        "mutation($job: ID!) { first: cancelJob(input: {id: $job}) { errors { code } } then: retryJob(input: {id: $job}) { errors { code message } } }"
        after "mutation { startImport(input: {noun: \"users\"}) { errors { code } job { job: id } } }"
    /// Nobody makes, changes or gives a role that allows what they may not do themselves.
    RoleExceedsYourRights { rights: String }: "ROLE_EXCEEDS_YOUR_RIGHTS" "ACC-3"
        "The role allows what you may not do yourself: {rights}. Leave it out, or ask somebody who may."
        r#"# as a Keeper of acme.Nordwind
mutation { createRole(input: {organizationId: "T3JnYW5pemF0aW9uOjI", name: "Builder", rights: [{noun: CLUSTER, actions: [CONFIGURE]}]}) { errors { code message } } }"#
        after r#"mutation { createRole(input: {organizationId: "T3JnYW5pemF0aW9uOjI", name: "Keeper", rights: [{noun: ROLE, actions: [CONFIGURE]}]}) { errors { code } role { role: id } } }"#
    /// A role's name is its own among the roles of its organization, and none of the roles that are built in has it.
    RoleNameTaken { name: String, suggestions: Vec<String> }: "ROLE_NAME_TAKEN" "ACC-2"
        "There is a role '{name}' already. Choose another name, or update that role."
        "mutation { createRole(input: {organizationId: \"T3JnYW5pemF0aW9uOjE\", name: \"Admin\", rights: []}) { errors { code } } }"
    /// A role that tokens have is not deleted.
    RoleInUse { name: String, tokens: i64 }: "ROLE_IN_USE" "RML-5"
        "{tokens} tokens have the role '{name}'. Revoke them first."
        "# as a Keeper of acme.Nordwind
mutation($role: ID!) { deleteRole(input: {id: $role}) { errors { code message } } }"
        after r#"mutation { createRole(input: {organizationId: "T3JnYW5pemF0aW9uOjI", name: "Keeper", rights: [{noun: ROLE, actions: [CONFIGURE]}]}) { errors { code } role { role: id } } }"#
    /// A role is given at its organization and below, and nowhere else.
    RoleOutOfPlace { name: String }: "ROLE_OUT_OF_PLACE" "ACC-2"
        "The role '{name}' is given at its own organization and below only. Compose one there, or choose another organization."
        "# `roamline token create --composed` for an organization beside or above the one that composed the role; no request makes tokens."
    /// What is said of a whole call is not said in one of its items.
    SaidInItem { what: String }: "SAID_IN_ITEM" "RML-80"
        "`{what}` is said once, for all items together. Take it out of the item."
        "mutation { deleteProfiles(input: {items: [{id: \"a profile\", dryRun: true}]}) { errors { code } } }"
}

impl Rule {
    /// The code that Unified CM's extension mobility gives for it; none where it has none of its own (12.1 of the rule
    /// book: codes below 200 are the service's, those above are shown on the phone).
    pub fn cisco_code(&self) -> Option<i32> {
        match self {
            Self::NotFound { noun: "phone", .. } => Some(11),
            Self::NotFound { noun: "profile", .. }
            | Self::ProfileNotAssociatedWithUser { .. }
            | Self::DefaultDeviceProfileMissing { .. } => Some(12),
            Self::PhoneOccupied { .. } => Some(18),
            Self::NoUserLoggedIn { .. } => Some(19),
            Self::EmNotEnabledOnPhone { .. } => Some(22),
            Self::NotFound { noun: "user", .. } | Self::ProfileHasNoUser { .. } => Some(23),
            Self::MultiLoginNotAllowed { .. } => Some(25),
            Self::EmBusy { .. } => Some(26),
            Self::UserHasNoProfile { .. } => Some(205),
            _ => None,
        }
    }
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

/// Notes that a name is taken, where it is: `taken` holds free ones near it then.
pub fn check_taken(
    broken: &mut Broken,
    taken: Option<&[String]>,
    rule: impl FnOnce(Vec<String>) -> Rule,
    path: &str,
) {
    if let Some(suggestions) = taken {
        broken.add(rule(suggestions.to_vec()), path);
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
