//! The settings of profiles, lines and appearances, each declared once and given out twice: as an object, and
//! as an input whose fields may be left out.
//!
//! The model's settings are plain structs that serde reads and writes, so the two sides meet in JSON: a
//! setting that is missing here is caught by the test below, and a patch is the JSON of the sent fields. That
//! costs one JSON value per settings object read; the alternative, a conversion per field and direction, is
//! what the macro is there to avoid.

use async_graphql::{InputObject, MaybeUndefined, SimpleObject};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::enums::{
    AutoAnswer, Barge, CfaCssPolicy, DndOption, MessageLampPolicy, MlppIndication, PartitionUsage,
    Precedence, Preemption, ProtocolSide, Recording, RecordingSource, Ring, Toggle,
};
use crate::rule::Patch;

/// A key expansion module beside the phone (Cisco: expansion module).
#[derive(Clone, Debug, Deserialize, Eq, InputObject, PartialEq, Serialize, SimpleObject)]
#[graphql(input_name = "AddOnModuleInput")]
pub struct AddOnModule {
    /// Place beside the phone, from 1; each place is taken once.
    pub index: i32,
    /// Unified CM's name of the module; all modules of a profile are of one model.
    pub model: String,
    /// Firmware load; null is the device default.
    pub load: Option<String>,
}

/// Where calls go in one situation; sent as a whole, so what is left out is at its default.
#[derive(Clone, Debug, Deserialize, Eq, InputObject, PartialEq, Serialize, SimpleObject)]
#[graphql(input_name = "ForwardInput")]
pub struct Forward {
    /// Whether they go to the line's voice mail; default false.
    #[graphql(default)]
    pub to_voice_mail: bool,
    /// The number that they go to, up to 50 characters.
    pub destination: Option<String>,
    /// The calling search space that routes them to the destination.
    pub calling_search_space: Option<String>,
    /// The second calling search space, for call forward all.
    pub secondary_calling_search_space: Option<String>,
    /// Seconds of ringing before they go, 1 to 300, where the situation is no answer or the alternate party;
    /// null is the cluster's service parameter.
    pub duration_seconds: Option<i32>,
}

/// A URI by which the line can be called.
#[derive(Clone, Debug, Deserialize, Eq, InputObject, PartialEq, Serialize, SimpleObject)]
#[graphql(input_name = "DirectoryUriInput")]
pub struct DirectoryUri {
    /// user@host, up to 254 characters.
    pub uri: String,
    /// The URI's partition; null is none.
    pub partition: Option<String>,
    /// Whether it is the line's primary URI; at most one is; default false.
    #[graphql(default)]
    pub primary: bool,
}

/// A second number of the line, by which other clusters can reach it; sent as a whole, so what is left out is
/// at its default.
#[derive(Clone, Debug, Deserialize, Eq, InputObject, PartialEq, Serialize, SimpleObject)]
#[graphql(input_name = "AlternateNumberInput")]
pub struct AlternateNumber {
    /// The mask that makes the number out of the line's own digits; null is the line's number as it is.
    pub mask: Option<String>,
    /// The number's partition; null is none.
    pub partition: Option<String>,
    /// Whether the number is routed as soon as it matches, without waiting for further digits; default false.
    #[graphql(default)]
    pub urgent: bool,
    /// Whether other clusters are told of the number (Cisco: advertise globally via ILS); default false.
    #[graphql(default)]
    pub advertise: bool,
}

/// The type of an input field: what the setting holds, or null, or nothing.
macro_rules! sent {
    (Option<$inner:ident>) => { MaybeUndefined<$inner> };
    (Vec<$inner:ident>) => { MaybeUndefined<Vec<$inner>> };
    ($plain:ident) => { MaybeUndefined<$plain> };
}

/// Declares settings once, as an object and as an input, with the same names and documentation.
macro_rules! settings {
    (
        $(#[$doc:meta])* $object:ident
        $(#[$input_doc:meta])* $input:ident
        of $settings:ty {
            $( $(#[$field_doc:meta])* $field:ident: $outer:ident $(<$inner:ident>)?, )*
        }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Deserialize, PartialEq, SimpleObject)]
        pub struct $object {
            $( $(#[$field_doc])* pub $field: $outer $(<$inner>)?, )*
        }

        impl TryFrom<&$settings> for $object {
            type Error = serde_json::Error;

            fn try_from(settings: &$settings) -> Result<Self, Self::Error> {
                serde_json::from_value(serde_json::to_value(settings)?)
            }
        }

        $(#[$input_doc])*
        #[derive(Clone, Debug, Default, InputObject, PartialEq)]
        pub struct $input {
            $( $(#[$field_doc])* pub $field: sent!($outer $(<$inner>)?), )*
        }

        impl $input {
            /// The sent fields, and no others.
            pub fn patch(self) -> Patch<$settings> {
                let mut fields = Map::new();
                $( put(&mut fields, stringify!($field), self.$field); )*
                Patch::new(fields)
            }
        }
    };
}

/// Notes the field, unless it was left out.
fn put<T: Serialize>(fields: &mut Map<String, Value>, name: &str, sent: MaybeUndefined<T>) {
    let value = match sent {
        MaybeUndefined::Undefined => return,
        MaybeUndefined::Null => Value::Null,
        MaybeUndefined::Value(value) => {
            serde_json::to_value(value).expect("texts, numbers, words and lists of them always serialize")
        }
    };
    fields.insert(name.to_owned(), value);
}

settings! {
    /// Everything of a profile that is neither looked up nor counted. A setting that the profile's product
    /// does not support stays at its default.
    ProfileSettings
    /// Settings of a profile to change: what is left out stays as it is, null puts the default back. A
    /// setting other than the default needs a product that supports it.
    ProfileSettingsInput
    of entity::profile::Settings {
        /// The side of the protocol that the device takes; default `USER`.
        protocol_side: ProtocolSide,
        /// Language of the phone's display (Cisco: user locale), up to 64 characters; default null, the
        /// phone's own. Where it differs from the phone's, the phone restarts at login.
        user_locale: Option<String>,
        /// Music-on-hold source for calls that the user holds, 0 to 51; default null, inherited.
        user_hold_moh_audio_source: Option<i32>,
        /// MLPP domain, hexadecimal, 0 to FFFFFF; default null, inherited.
        mlpp_domain: Option<String>,
        /// Whether the phone shows the precedence of a call (Cisco: MLPP indication); default `OFF`.
        mlpp_indication: MlppIndication,
        /// What a call of higher precedence does to one in progress; default `DEFAULT`. `FORCEFUL` needs
        /// `mlppIndication` `ON`.
        preemption: Preemption,
        /// Whether other devices of a shared line are kept from seeing and joining its calls (Cisco: call
        /// information privacy); default `DEFAULT`.
        privacy: Toggle,
        /// How one joins a call on a shared line with one button; default `DEFAULT`.
        single_button_barge: Barge,
        /// Whether calls on different lines can be joined; default `DEFAULT`.
        join_across_lines: Toggle,
        /// Whether the first line answers and dials unless another is chosen; default `DEFAULT`.
        always_use_prime_line: Toggle,
        /// Whether the messages button calls the voice mail of the first line; default `DEFAULT`.
        always_use_prime_line_for_voice_message: Toggle,
        /// What do-not-disturb does to a call; default `RINGER_OFF`.
        dnd_option: DndOption,
        /// How the phone announces a call during do-not-disturb (Cisco: DND incoming call alert); default
        /// null, inherited.
        dnd_ring: Option<Ring>,
        /// Whether do-not-disturb is on; default false. What a user sets while logged in is saved here.
        dnd_status: bool,
        /// Whether a caller's wish not to be shown is ignored for internal calls; default false. It works
        /// only where the phone has it too.
        ignore_presentation_indicators: bool,
        /// The calling search space of a phone of another cluster while this profile is logged in there
        /// (Cisco: EMCC CSS), up to 128 characters; default null.
        emcc_calling_search_space: Option<String>,
        /// The policy that switches features of the phone on and off, up to 128 characters; default null,
        /// inherited.
        feature_control_policy: Option<String>,
        /// Key expansion modules, all of one model, no more than the product takes; default none. Always sent
        /// as a whole.
        add_on_modules: Vec<AddOnModule>,
        /// Product-specific settings as Unified CM's XML, up to 65536 characters; default null.
        vendor_config: Option<String>,
    }
}

settings! {
    /// The settings that all appearances of a line share (Cisco: settings of the directory number).
    LineSettings
    /// Shared settings of a line to change: what is left out stays as it is, null puts the default back. They
    /// are changed through the line or its original, never through a clone.
    LineSettingsInput
    of entity::line::Settings {
        /// Name shown on the caller's phone while a shared line rings, up to 50 characters; default null.
        alerting_name: Option<String>,
        /// The alerting name for phones without Unicode, up to 32 ASCII characters; default null.
        ascii_alerting_name: Option<String>,
        /// What may be called from the line (Cisco: line CSS), up to 128 characters; default null.
        calling_search_space: Option<String>,
        /// The presence group that decides who may watch the line, up to 128 characters; default null, the
        /// standard one.
        presence_group: Option<String>,
        /// The voice mail profile, up to 128 characters; default null, the system's.
        voice_mail_profile: Option<String>,
        /// The group whose members pick up each other's calls, up to 128 characters; default null.
        call_pickup_group: Option<String>,
        /// Where every call goes (Cisco: call forward all, CFA); default null, nowhere else.
        forward_all: Option<Forward>,
        /// Where external calls go while the line is busy (CFB); default null, nowhere else.
        forward_busy: Option<Forward>,
        /// Where internal calls go while the line is busy; default null, nowhere else.
        forward_busy_internal: Option<Forward>,
        /// Where external calls go when nobody answers (CFNA); default null, nowhere else.
        forward_no_answer: Option<Forward>,
        /// Where internal calls go when nobody answers; default null, nowhere else.
        forward_no_answer_internal: Option<Forward>,
        /// Where external calls go when the hunt that the line forwarded them to is exhausted; default null,
        /// nowhere else.
        forward_no_coverage: Option<Forward>,
        /// Where internal calls go when the hunt that the line forwarded them to is exhausted; default null,
        /// nowhere else.
        forward_no_coverage_internal: Option<Forward>,
        /// Where calls go when the CTI device of the line fails; default null, nowhere else.
        forward_on_failure: Option<Forward>,
        /// Where external calls go while no phone of the line is registered (CFUR); default null, nowhere
        /// else.
        forward_not_registered: Option<Forward>,
        /// Where internal calls go while no phone of the line is registered; default null, nowhere else.
        forward_not_registered_internal: Option<Forward>,
        /// Where calls of precedence go when nobody answers them (Cisco: MLPP alternate party); default null,
        /// nowhere else.
        alternate_party: Option<Forward>,
        /// How calls are answered without a hand; default `OFF`. Leave it off on a line with clones.
        auto_answer: AutoAnswer,
        /// Music-on-hold source for calls that the network holds, 0 to 51, where 0 is none; default null,
        /// inherited.
        network_hold_moh_audio_source: Option<i32>,
        /// Music-on-hold source for calls that the user holds, 0 to 51, where 0 is none; default null,
        /// inherited.
        user_hold_moh_audio_source: Option<i32>,
        /// Which calling search space activates call forward all; default `USE_SYSTEM_DEFAULT`.
        cfa_css_policy: CfaCssPolicy,
        /// URIs by which the line can be called, at most one of them primary; default none. Always sent as a
        /// whole.
        directory_uris: Vec<DirectoryUri>,
        /// The line's number within the enterprise; default null.
        enterprise_alternate_number: Option<AlternateNumber>,
        /// The line's number in E.164 form; default null.
        e164_alternate_number: Option<AlternateNumber>,
        /// Where a parked call goes when nobody takes it back; default null, to whoever parked it.
        park_monitor_forward: Option<Forward>,
        /// Seconds before a parked call comes back, 0 to 1200; default null, the cluster's service parameter.
        park_monitor_reversion_seconds: Option<i32>,
        /// Seconds before a held call rings again, 0 to 1200; default null, the cluster's service parameter.
        hold_reversion_seconds: Option<i32>,
        /// Seconds between two rings of a held call, 0 to 1200; default null, the cluster's service
        /// parameter.
        hold_reversion_interval_seconds: Option<i32>,
        /// Mask of the number that is dialled when calls are rerouted for lack of bandwidth (Cisco: automated
        /// alternate routing, AAR), up to 128 characters; default null.
        aar_destination_mask: Option<String>,
        /// The AAR group, up to 128 characters; default null.
        aar_group: Option<String>,
        /// Whether calls go to voice mail for lack of bandwidth; default false.
        aar_voice_mail: bool,
        /// MLPP precedence of the line; default `DEFAULT`.
        pattern_precedence: Precedence,
        /// Whether calls without a caller's number are refused; default false.
        reject_anonymous_calls: bool,
        /// Whether CTI applications may control the line; default true.
        allow_cti_control: bool,
        /// Whether the line can be called; default true.
        active: bool,
    }
}

settings! {
    /// The settings of a line on one device. A change through the original reaches every clone.
    AppearanceSettings
    /// Settings of a line on its devices to change, through its original only: what is left out stays as it
    /// is, null puts the default back. Clones get the sent fields and keep the others.
    AppearanceSettingsInput
    of entity::line_appearance::Settings {
        /// Name that the other party of an internal call sees (Cisco: display), up to 50 characters; default
        /// null, which shows the number.
        display: Option<String>,
        /// The display for phones without Unicode, up to 50 characters; default null.
        ascii_display: Option<String>,
        /// Number that outside parties see (Cisco: external phone number mask), up to 30 characters: an
        /// optional '+', digits, then Xs, which take the line's last digits; default null, the line's number.
        external_mask: Option<String>,
        /// How a call rings while the phone is idle; default `RING`.
        ring: Ring,
        /// How a call rings while the phone is in use; default `USE_SYSTEM_DEFAULT`.
        consecutive_ring: Ring,
        /// How a call for the pickup group is told while the phone is idle; default `USE_SYSTEM_DEFAULT`.
        ring_idle_pickup_alert: Ring,
        /// How a call for the pickup group is told while the phone is in use; default `USE_SYSTEM_DEFAULT`.
        ring_active_pickup_alert: Ring,
        /// Most calls that the line holds at once, 1 to 200; default 4. All lines of a device together hold
        /// no more than its product can.
        max_calls: i32,
        /// Calls at which the line is busy, 1 to `maxCalls`; default 2.
        busy_trigger: i32,
        /// How a waiting message is shown; default `USE_SYSTEM_POLICY`.
        message_lamp_policy: MessageLampPolicy,
        /// Whether a waiting message is told by a tone when the receiver is lifted; default `DEFAULT`.
        audible_message_waiting: Toggle,
        /// Whether a forwarded call shows the caller's name; default true.
        show_caller_name: bool,
        /// Whether a forwarded call shows the caller's number; default false.
        show_caller_number: bool,
        /// Whether a forwarded call shows the number that forwarded it last; default false.
        show_redirected_number: bool,
        /// Whether a forwarded call shows the number that was dialled; default true.
        show_dialed_number: bool,
        /// Whether calls are recorded; default `DISABLED`.
        recording: Recording,
        /// The recording profile, up to 128 characters; default null.
        recording_profile: Option<String>,
        /// Which end supplies the media of a recording; default `GATEWAY_PREFERRED`.
        recording_source: RecordingSource,
        /// Whom the line's monitor may listen to (Cisco: monitoring calling search space), up to 128
        /// characters; default null.
        monitoring_calling_search_space: Option<String>,
        /// Whether the phone lists the calls that the line missed; default true.
        log_missed_calls: bool,
        /// What the partition of the number is used for; default `GENERAL`.
        partition_usage: PartitionUsage,
        /// User ids that are shown as on the phone while the line is in use (Cisco: users associated with
        /// line), each once; default none. Always sent as a whole.
        associated_users: Vec<String>,
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::{
        InputType, ObjectType, Value as GraphqlValue, registry::MetaType, registry::Registry,
    };
    use serde_json::json;

    use super::*;

    fn parse<T: InputType>(json: Value) -> T {
        let value = GraphqlValue::from_json(json).expect("a GraphQL value");
        T::parse(Some(value)).unwrap_or_else(|_| panic!("{} does not take it", <T as InputType>::type_name()))
    }

    fn json<T: Serialize>(value: &T) -> Value {
        serde_json::to_value(value).expect("serializes")
    }

    /// `forward_all` as GraphQL writes it, `forwardAll`, all the way down.
    fn camel(value: Value) -> Value {
        match value {
            Value::Object(map) => {
                map.into_iter().map(|(name, value)| (camel_name(&name), camel(value))).collect()
            }
            Value::Array(items) => items.into_iter().map(camel).collect(),
            other => other,
        }
    }

    fn camel_name(name: &str) -> String {
        let mut words = name.split('_');
        let first = words.next().unwrap_or_default().to_owned();
        words.fold(first, |name, word| name + &word[..1].to_uppercase() + &word[1..])
    }

    fn names(value: &Value) -> Vec<String> {
        value.as_object().expect("an object").keys().cloned().collect()
    }

    /// The fields of an object or input type, in alphabetical order.
    fn fields(registry: &Registry, name: &str) -> Vec<String> {
        let mut names: Vec<_> = match registry.types.get(name).expect("registered") {
            MetaType::Object { fields, .. } => fields.keys().cloned().collect(),
            MetaType::InputObject { input_fields, .. } => input_fields.keys().cloned().collect(),
            _ => panic!("{name} has no fields"),
        };
        names.sort();
        names
    }

    /// Checks that the object and the input have a field for each of the value's, and no others.
    #[track_caller]
    fn complete<O: ObjectType, I: InputType>(whole: &impl Serialize) {
        let mut registry = Registry::default();
        O::create_type_info(&mut registry);
        I::create_type_info(&mut registry);
        let mut want = names(&camel(json(whole)));
        want.sort();
        assert_eq!(fields(&registry, &<O as async_graphql::OutputType>::type_name()), want);
        assert_eq!(fields(&registry, &<I as InputType>::type_name()), want);
    }

    fn profile() -> entity::profile::Settings {
        serde_json::from_value(json!({
            "protocol_side": "NETWORK", "user_locale": "German", "user_hold_moh_audio_source": 3,
            "mlpp_domain": "00AF", "mlpp_indication": "ON", "preemption": "FORCEFUL", "privacy": "ON",
            "single_button_barge": "CBARGE", "join_across_lines": "OFF", "always_use_prime_line": "ON",
            "always_use_prime_line_for_voice_message": "OFF", "dnd_option": "CALL_REJECT",
            "dnd_ring": "BEEP_ONLY", "dnd_status": true, "ignore_presentation_indicators": true,
            "emcc_calling_search_space": "emcc", "feature_control_policy": "plain", "vendor_config": "<a/>",
            "add_on_modules": [
                {"index": 1, "model": "CP-8800", "load": null},
                {"index": 2, "model": "CP-8800", "load": "1.0"},
            ],
        }))
        .expect("settings")
    }

    fn line() -> entity::line::Settings {
        let forward = json!({
            "to_voice_mail": true, "destination": "4711", "calling_search_space": "internal",
            "secondary_calling_search_space": "all", "duration_seconds": 20,
        });
        let number = json!({"mask": "+49301234XXXX", "partition": "e164", "urgent": true, "advertise": true});
        serde_json::from_value(json!({
            "alerting_name": "Änna", "ascii_alerting_name": "Anna", "forward_all": forward,
            "forward_not_registered_internal": {"destination": "1"}, "auto_answer": "HEADSET",
            "network_hold_moh_audio_source": 0, "cfa_css_policy": "WITH_CONFIGURED_CSS",
            "directory_uris": [{"uri": "anna@example.com", "partition": null, "primary": true}],
            "enterprise_alternate_number": number, "e164_alternate_number": number,
            "pattern_precedence": "FLASH_OVERRIDE", "allow_cti_control": false, "active": false,
        }))
        .expect("settings")
    }

    fn appearance() -> entity::line_appearance::Settings {
        serde_json::from_value(json!({
            "display": "Anna", "external_mask": "+49301234XXXX", "ring": "FLASH_ONLY", "max_calls": 8,
            "busy_trigger": 7, "message_lamp_policy": "NONE", "audible_message_waiting": "ON",
            "show_caller_name": false, "recording": "SELECTIVE", "recording_source": "PHONE_PREFERRED",
            "partition_usage": "INTERCOM", "associated_users": ["anna", "ben"],
        }))
        .expect("settings")
    }

    #[test]
    fn no_setting_is_forgotten() {
        complete::<ProfileSettings, ProfileSettingsInput>(&entity::profile::Settings::default());
        complete::<LineSettings, LineSettingsInput>(&entity::line::Settings::default());
        complete::<AppearanceSettings, AppearanceSettingsInput>(&appearance());
        complete::<Forward, Forward>(&entity::line::Forward::default());
        complete::<AlternateNumber, AlternateNumber>(&entity::line::AlternateNumber::default());
        complete::<DirectoryUri, DirectoryUri>(&line().directory_uris[0]);
        complete::<AddOnModule, AddOnModule>(&profile().add_on_modules[0]);
    }

    /// The value after "default" in a field's documentation.
    fn told_default(description: &str) -> Option<Value> {
        let line = description.replace('\n', " ");
        let (_, rest) = line.split_once("; default ")?;
        let word = rest.split([' ', ',', ';', '.']).next().unwrap_or_default();
        Some(match word {
            "none" => json!([]),
            word if word.starts_with('`') => json!(word.trim_matches('`')),
            word => serde_json::from_str(word).expect("null, a number, true or false"),
        })
    }

    /// Checks the defaults that the documentation tells.
    #[track_caller]
    fn true_defaults<I: InputType>(default: &impl Serialize) {
        let (mut registry, default) = (Registry::default(), camel(json(default)));
        I::create_type_info(&mut registry);
        let Some(MetaType::InputObject { input_fields, .. }) = registry.types.get(&*I::type_name()) else {
            panic!("{} is no input", I::type_name())
        };
        for field in input_fields.values() {
            let told = told_default(field.description.as_deref().unwrap_or_default());
            assert_eq!(told.as_ref(), default.get(&field.name), "{}", field.name);
        }
    }

    #[test]
    fn the_documentation_tells_the_defaults() {
        true_defaults::<ProfileSettingsInput>(&entity::profile::Settings::default());
        true_defaults::<LineSettingsInput>(&entity::line::Settings::default());
        true_defaults::<AppearanceSettingsInput>(&entity::line_appearance::Settings::default());
    }

    #[test]
    fn an_empty_input_is_an_empty_patch() {
        assert!(ProfileSettingsInput::default().patch().is_empty());
        assert!(parse::<LineSettingsInput>(json!({})).patch().is_empty());
        assert!(parse::<AppearanceSettingsInput>(json!({})).patch().is_empty());
    }

    #[test]
    fn a_patch_holds_the_sent_fields_only_null_included() {
        let input: ProfileSettingsInput =
            parse(json!({"userLocale": null, "privacy": "ON", "addOnModules": [{"index": 1, "model": "M"}]}));
        assert_eq!(
            json(&input.patch()),
            json!({
                "user_locale": null,
                "privacy": "ON",
                "add_on_modules": [{"index": 1, "model": "M", "load": null}],
            })
        );
        let input: LineSettingsInput = parse(json!({"forwardAll": {"destination": "1"}, "active": null}));
        assert_eq!(
            json(&input.patch()),
            json!({
                "active": null,
                "forward_all": {
                    "to_voice_mail": false,
                    "destination": "1",
                    "calling_search_space": null,
                    "secondary_calling_search_space": null,
                    "duration_seconds": null,
                },
            })
        );
    }

    #[test]
    fn a_patch_changes_what_was_sent_and_null_puts_the_default_back() {
        let input: AppearanceSettingsInput = parse(json!({"maxCalls": null, "busyTrigger": 3}));
        let after = input.patch().apply(&appearance()).expect("fits");
        assert_eq!(
            after,
            entity::line_appearance::Settings { max_calls: 4, busy_trigger: 3, ..appearance() }
        );
    }

    #[test]
    fn whole_settings_come_back_as_they_went() {
        let sent: ProfileSettingsInput = parse(camel(json(&profile())));
        assert_eq!(sent.patch().apply(&entity::profile::Settings::default()), Ok(profile()));
        let sent: LineSettingsInput = parse(camel(json(&line())));
        assert_eq!(sent.patch().apply(&entity::line::Settings::default()), Ok(line()));
        let sent: AppearanceSettingsInput = parse(camel(json(&appearance())));
        assert_eq!(sent.patch().apply(&entity::line_appearance::Settings::default()), Ok(appearance()));
    }

    #[test]
    fn an_object_shows_what_is_kept() {
        let shown = ProfileSettings::try_from(&profile()).expect("shown");
        assert_eq!((shown.dnd_ring, shown.single_button_barge), (Some(Ring::BeepOnly), Barge::Cbarge));
        assert_eq!(json(&shown.add_on_modules), json(&profile().add_on_modules));
        let shown = LineSettings::try_from(&line()).expect("shown");
        assert_eq!(json(&shown.forward_all), json(&line().forward_all));
        assert_eq!(json(&shown.directory_uris), json(&line().directory_uris));
        assert_eq!(json(&shown.e164_alternate_number), json(&line().e164_alternate_number));
        let shown = AppearanceSettings::try_from(&appearance()).expect("shown");
        assert_eq!((shown.max_calls, shown.busy_trigger), (8, 7));
        assert_eq!(shown.associated_users, ["anna", "ben"]);
    }
}
