//! Rules as data: the code that clients switch on, what query `rules` lists, and what a mutation broke.

use std::{borrow::Cow, sync::LazyLock};

use async_graphql::{
    ContextSelectionSet, Enum, EnumType, ID, InputType, InputValueResult, Object, OutputType, Positioned,
    ServerResult, SimpleObject, Value,
    indexmap::IndexMap,
    parser::types::Field,
    registry::{Deprecation, MetaEnumValue, MetaType, MetaTypeId, Registry},
    resolver_utils::{EnumItem, enum_value, parse_enum},
};
use chrono::{DateTime, Utc};
use entity::{AppearanceId, DeviceId};

use super::{enums::NumberStatus, id::NodeId, scalar::date_time};
use crate::rule::{self, Breach, Rule, number::Why};

/// A rule by its stable name. Written by hand and not derived, because the rules are already listed once,
/// with their names and sentences, in [`rule::RuleCode`].
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct RuleCode(pub rule::RuleCode);

static CODES: LazyLock<Vec<EnumItem<RuleCode>>> = LazyLock::new(|| {
    rule::RuleCode::ALL.iter().map(|code| EnumItem { name: code.as_str(), value: RuleCode(*code) }).collect()
});

impl EnumType for RuleCode {
    fn items() -> &'static [EnumItem<Self>] {
        &CODES
    }
}

impl RuleCode {
    fn register(registry: &mut Registry) -> String {
        registry.create_input_type::<Self, _>(MetaTypeId::Enum, |_| MetaType::Enum {
            name: "RuleCode".to_owned(),
            description: Some(
                "A rule by its stable name; query `rules` lists each with an example.".to_owned(),
            ),
            enum_values: rule::RuleCode::ALL.iter().map(|code| described(*code)).collect::<IndexMap<_, _>>(),
            visible: None,
            inaccessible: false,
            tags: Vec::new(),
            rust_typename: Some(std::any::type_name::<Self>()),
            directive_invocations: Vec::new(),
            requires_scopes: Vec::new(),
        })
    }
}

fn described(code: rule::RuleCode) -> (String, MetaEnumValue) {
    let value = MetaEnumValue {
        name: code.as_str().to_owned(),
        description: Some(code.sentence().to_owned()),
        deprecation: Deprecation::NoDeprecated,
        visible: None,
        inaccessible: false,
        tags: Vec::new(),
        directive_invocations: Vec::new(),
    };
    (code.as_str().to_owned(), value)
}

impl InputType for RuleCode {
    type RawValueType = Self;

    fn type_name() -> Cow<'static, str> {
        "RuleCode".into()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        Self::register(registry)
    }

    fn parse(value: Option<Value>) -> InputValueResult<Self> {
        parse_enum(value.unwrap_or_default())
    }

    fn to_value(&self) -> Value {
        enum_value(*self)
    }

    fn as_raw_value(&self) -> Option<&Self> {
        Some(self)
    }
}

impl OutputType for RuleCode {
    fn type_name() -> Cow<'static, str> {
        "RuleCode".into()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        Self::register(registry)
    }

    async fn resolve(&self, _: &ContextSelectionSet<'_>, _: &Positioned<Field>) -> ServerResult<Value> {
        Ok(enum_value(*self))
    }
}

/// What follows when a rule does not hold.
#[derive(Clone, Copy, Debug, Enum, Eq, PartialEq)]
#[graphql(remote = "rule::Severity")]
pub enum Severity {
    /// The mutation is refused.
    Error,
    /// The mutation is done and the finding reported.
    Warning,
}

/// A rule, for query `rules`.
pub struct RuleInfo(rule::RuleCode);

impl RuleInfo {
    /// Every rule, in the order of the rule book.
    pub fn all() -> impl Iterator<Item = Self> {
        rule::RuleCode::ALL.iter().copied().map(Self)
    }
}

/// A rule that mutations keep.
#[Object(name = "Rule")]
impl RuleInfo {
    /// The stable name, as in `UserError.code`.
    async fn code(&self) -> RuleCode {
        RuleCode(self.0)
    }

    /// The id in the rule book, such as CLN-3, as in `UserError.rule`; RML marks Roamline's own. Rules of one
    /// origin share an id.
    async fn id(&self) -> &str {
        self.0.id()
    }

    /// The rule in one sentence.
    async fn sentence(&self) -> &str {
        self.0.sentence()
    }

    /// What follows when it does not hold.
    async fn severity(&self) -> Severity {
        self.0.severity().into()
    }

    /// A document that breaks it, and nothing else, on the sample estate: run it as it is, behind `setup`, and nothing is
    /// changed but what these prepare. Its first line may say as whom. Where no request can break it, a line says when it breaks.
    async fn example(&self) -> &str {
        self.0.example()
    }

    /// A document that an administrator sends first, where the example needs what the sample has not got. Each variable of the
    /// example is what stands under its name in the answer. Nothing where the example runs by itself.
    async fn setup(&self) -> Option<&str> {
        self.0.setup()
    }
}

/// A rule that the input broke. A mutation reports all of them at once and changes nothing.
#[derive(Clone, Debug, PartialEq, SimpleObject)]
pub struct UserError {
    /// The rule, to switch on.
    pub code: RuleCode,
    /// What is wrong and what to do about it, for people.
    pub message: String,
    /// Where in the input: the names of fields and the positions in lists, from 0, down to the value at
    /// fault; empty for the input as a whole.
    pub path: Vec<String>,
    /// The rule's id in the rule book, such as CLN-3.
    pub rule: String,
    /// For `VERSION_CONFLICT`, the version that it is at now; else null.
    pub current_version: Option<i64>,
    /// The code that Unified CM's extension mobility gives for it, as a phone or the help desk's lists show it, such as 18 for
    /// a phone that is in use; null where it has none.
    pub cisco_code: Option<i32>,
    /// For `LINE_IS_CLONE`, the appearance through which the line is changed, where the caller can see it;
    /// else null.
    pub original_id: Option<ID>,
    /// For a name or user id that is taken, up to three free ones near it; else empty.
    pub suggestions: Vec<String>,
    /// What the message says of a number or of phones, to act on; null for other rules.
    pub details: Option<UserErrorDetails>,
}

/// What a rule says of a number that cannot be used, or of phones that are in use. What does not belong to the rule is null or
/// empty.
#[derive(Clone, Debug, Default, PartialEq, SimpleObject)]
pub struct UserErrorDetails {
    /// The status that keeps the number from being used, for `NUMBER_NOT_AVAILABLE` and `NUMBER_COOLING`; null where the number
    /// is kept outside your organization.
    pub number_status: Option<NumberStatus>,
    /// When the number is available again, for `NUMBER_COOLING`.
    pub until: Option<DateTime<Utc>>,
    /// User id of whom the number is kept for, for `NUMBER_RESERVED_FOR_OTHER_USER`, where you may know.
    pub reserved_for: Option<String>,
    /// The phones on which people are logged in, for `PROFILE_IN_USE`, `USER_LOGGED_IN` and `MULTI_LOGIN_NOT_ALLOWED`; those that
    /// are not for you to see are left out.
    pub phones: Vec<PhoneInUse>,
}

/// A phone on which somebody is logged in.
#[derive(Clone, Debug, PartialEq, SimpleObject)]
pub struct PhoneInUse {
    /// Its global id, such as for `logout`.
    pub id: ID,
    /// Its name.
    pub name: String,
}

impl UserErrorDetails {
    fn of(rule: &Rule) -> Option<Self> {
        let nothing = Self::default();
        Some(match rule {
            Rule::NumberNotAvailable { why: Why::Status(status), .. } => {
                Self { number_status: Some((*status).into()), ..nothing }
            }
            Rule::NumberNotAvailable { why: Why::Elsewhere, .. } => nothing,
            Rule::NumberCooling { until, .. } => {
                Self { number_status: Some(NumberStatus::Cooling), until: until.0.map(date_time), ..nothing }
            }
            Rule::NumberReservedForOtherUser { holder, .. } => {
                Self { reserved_for: holder.0.clone(), ..nothing }
            }
            Rule::ProfileInUse { phones, .. }
            | Rule::UserLoggedIn { phones, .. }
            | Rule::MultiLoginNotAllowed { phones, .. } => {
                let named = |(id, name): &(DeviceId, String)| PhoneInUse {
                    id: NodeId::Phone(*id).encode(),
                    name: name.clone(),
                };
                Self { phones: phones.seen.iter().map(named).collect(), ..nothing }
            }
            _ => return None,
        })
    }
}

impl From<&Breach> for UserError {
    fn from(breach: &Breach) -> Self {
        let code = breach.rule.code();
        let (current_version, original_id) = match breach.rule {
            Rule::VersionConflict { current, .. } => (Some(current), None),
            // 0 stands for an original that the caller may not see.
            Rule::LineIsClone { original, .. } if original != 0 => {
                (None, Some(NodeId::Appearance(AppearanceId(original)).encode()))
            }
            _ => (None, None),
        };
        let suggestions = match &breach.rule {
            Rule::NameTaken { suggestions, .. }
            | Rule::NameTakenByProfile { suggestions, .. }
            | Rule::NameTakenByDevice { suggestions, .. }
            | Rule::UserIdTaken { suggestions, .. }
            | Rule::OrganizationNameTaken { suggestions, .. }
            | Rule::ClusterNameTaken { suggestions, .. }
            | Rule::TemplateNameTaken { suggestions, .. }
            | Rule::ServiceNameTaken { suggestions, .. }
            | Rule::QuickAddNameTaken { suggestions, .. }
            | Rule::RoleNameTaken { suggestions, .. } => suggestions.clone(),
            _ => Vec::new(),
        };
        Self {
            code: RuleCode(code),
            message: breach.rule.to_string(),
            path: breach.path.split('.').filter(|step| !step.is_empty()).map(str::to_owned).collect(),
            rule: code.id().to_owned(),
            current_version,
            cisco_code: breach.rule.cisco_code(),
            original_id,
            suggestions,
            details: UserErrorDetails::of(&breach.rule),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::value::id;

    fn error(rule: Rule, path: &str) -> UserError {
        UserError::from(&Breach { rule, path: path.to_owned() })
    }

    #[test]
    fn every_code_is_read_and_written() {
        assert_eq!(RuleCode::items().len(), rule::RuleCode::ALL.len());
        for code in rule::RuleCode::ALL {
            let written = RuleCode(*code).to_value();
            assert_eq!(written.to_string(), code.as_str());
            let read = <RuleCode as InputType>::parse(Some(written)).map_err(|_| ());
            assert_eq!(read, Ok(RuleCode(*code)));
        }
        assert!(<RuleCode as InputType>::parse(Some(Value::from("NO_SUCH_RULE"))).is_err());
    }

    #[test]
    fn a_breach_is_told_with_code_sentence_path_and_rule() {
        let told = error(Rule::NameRequired, "lines.0.name");
        assert_eq!(told.code.0, rule::RuleCode::NameRequired);
        assert_eq!(told.message, "A name is required: 1 to 50 characters.");
        assert_eq!(
            (told.path, told.rule.as_str()),
            (vec!["lines".into(), "0".into(), "name".into()], "NAM-5")
        );
        assert_eq!((told.current_version, told.original_id), (None, None));
    }

    #[test]
    fn the_input_as_a_whole_has_an_empty_path() {
        assert!(error(Rule::NameRequired, "").path.is_empty());
    }

    #[test]
    fn a_version_conflict_tells_the_current_version() {
        let told = error(Rule::VersionConflict { expected: 1, current: 5 }, "expectedVersion");
        assert_eq!((told.current_version, told.original_id), (Some(5), None));
    }

    #[test]
    fn what_unified_cm_has_a_code_for_carries_it() {
        let held = |user: &str| Rule::PhoneOccupied { phone: "SEP1".into(), user: user.into() };
        assert_eq!(error(held("anna"), "phoneId").cisco_code, Some(18));
        assert_eq!(error(Rule::NotFound { noun: "phone", id: "1".into() }, "phoneId").cisco_code, Some(11));
        assert_eq!(error(Rule::NameRequired, "name").cisco_code, None);
    }

    #[test]
    fn what_is_said_of_numbers_and_phones_is_told_apart_from_the_message() {
        use crate::rule::{
            number::{Holder, Until},
            session::Phones,
        };
        use entity::{Moment, number::Status};
        let pattern = || "4001".to_owned();
        let details = |rule| error(rule, "pattern").details;
        let nothing = UserErrorDetails::default();
        let reserved = Rule::NumberNotAvailable { pattern: pattern(), why: Why::Status(Status::Reserved) };
        let want = UserErrorDetails { number_status: Some(NumberStatus::Reserved), ..nothing.clone() };
        assert_eq!(details(reserved), Some(want));
        // A neighbour's number: that is all there is to know.
        let elsewhere = Rule::NumberNotAvailable { pattern: pattern(), why: Why::Elsewhere };
        assert_eq!(details(elsewhere), Some(nothing.clone()));
        let cooling = Rule::NumberCooling { pattern: pattern(), until: Until(Some(Moment(0))) };
        assert_eq!(details(cooling).and_then(|details| details.until), Some(date_time(Moment(0))));
        for (holder, said) in [(Some("anna"), "'anna'"), (None, "somebody else")] {
            let holder = Holder(holder.map(str::to_owned));
            let rule = Rule::NumberReservedForOtherUser { pattern: pattern(), holder: holder.clone() };
            assert!(rule.to_string().contains(said));
            assert_eq!(details(rule).map(|details| details.reserved_for), Some(holder.0));
        }
        let phones = Phones { seen: vec![(DeviceId(7), "SEP1".to_owned())], others: true };
        let told = error(Rule::ProfileInUse { profile: "EM".to_owned(), phones }, "id");
        let phone = PhoneInUse { id: NodeId::Phone(DeviceId(7)).encode(), name: "SEP1".to_owned() };
        assert_eq!(told.details, Some(UserErrorDetails { phones: vec![phone], ..nothing }));
        assert!(told.message.contains("in use on SEP1 and phones that you do not see."), "{}", told.message);
        assert_eq!(details(Rule::NameRequired), None);
    }

    #[test]
    fn a_clone_tells_its_original_where_it_may() {
        let clone = |original| Rule::LineIsClone { original, device: "EM-Anna".into(), index: 1 };
        let original = error(clone(9), "appearanceId").original_id;
        assert_eq!(original.as_ref().and_then(id::appearance), Some(AppearanceId(9)));
        assert_eq!(error(clone(0), "appearanceId").original_id, None);
    }
}
