//! Taking changes of subscriptions to phone services back. Passwords are in no change: what had another one is not taken
//! back, and what comes back comes without.

use entity::{
    ButtonId, DeviceId, ServiceSubscriptionId, button, service,
    service_subscription::{Model, Secrets, Values},
};
use serde_json::{Map, Value};

use crate::rule::{
    Broken, Change, Decision, Patch, Rule,
    service_subscription::{
        Facts, Given, NewSubscription, Place, Resubscribe, Subscribe, SubscribeFacts, Unsubscribe, Update,
        fill, found, resubscribe, subscribe, unsubscribe, update,
    },
};

use super::revert::impossible;

/// What a subscription gets again as a change of it is taken back; what is left out stays.
#[derive(Clone, Debug, PartialEq)]
pub struct Back {
    pub subscription: ServiceSubscriptionId,
    pub from: State,
    pub to: State,
    pub name: Option<String>,
    /// A URL that was set by hand; none within where it was derived.
    pub url: Option<Option<String>>,
    /// By the ids of their parameters, as these may have other names by now; none takes a value away.
    pub values: Vec<(i64, Option<String>)>,
    pub button: Key,
}

/// What becomes of the button of a subscription.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Key {
    #[default]
    Stays,
    Off,
    At(Place),
}

/// Whether a subscription is in use.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum State {
    Subscribed,
    /// Unsubscribed: its values are kept.
    Waiting,
}

impl State {
    fn of(subscription: &Model) -> Self {
        if subscription.subscribed { Self::Subscribed } else { Self::Waiting }
    }
}

/// What takes an update of a subscription back; `beside` is what was done together with it.
pub fn back(before: &Model, after: &Model, beside: &[Change]) -> Result<Back, Rule> {
    let own = |it: &Model| it.custom.then(|| it.url.clone());
    let (from, to) = (State::of(after), State::of(before));
    let back = Back {
        subscription: after.id,
        from,
        to,
        name: (before.name != after.name).then(|| before.name.clone()),
        url: (own(before) != own(after)).then(|| own(before)),
        values: values_back(&before.given, &after.given)?,
        button: if from == to { button_back(before, after, beside)? } else { Key::Stays },
    };
    let nothing =
        back.name.is_none() && back.url.is_none() && back.values.is_empty() && back.button == Key::Stays;
    if from == to && nothing {
        return Err(if before.url == after.url && before.revision == after.revision {
            impossible(PASSWORD)
        } else {
            impossible("it followed its service; change that, then use resyncServiceSubscriptions")
        });
    }
    Ok(back)
}

const PASSWORD: &str =
    "a password's value was changed, and no change tells passwords; give it with updateServiceSubscription";

fn values_back(before: &Values, after: &Values) -> Result<Vec<(i64, Option<String>)>, Rule> {
    let mut back = Vec::new();
    for is in &after.0 {
        match before.0.iter().find(|was| was.parameter == is.parameter) {
            None => back.push((is.parameter, None)),
            Some(was) if was.value.is_none() || is.value.is_none() => {
                if was.set_at != is.set_at {
                    return Err(impossible(PASSWORD));
                }
            }
            Some(was) if was.value != is.value => back.push((is.parameter, was.value.clone())),
            Some(_) => {}
        }
    }
    for was in before.0.iter().filter(|was| !after.0.iter().any(|is| is.parameter == was.parameter)) {
        match &was.value {
            Some(value) => back.push((was.parameter, Some(value.clone()))),
            None => return Err(impossible(PASSWORD)),
        }
    }
    Ok(back)
}

fn button_back(before: &Model, after: &Model, beside: &[Change]) -> Result<Key, Rule> {
    let new = |id| beside.iter().any(|c| matches!(c, Change::ButtonAdded { button, .. } if button.id == id));
    match (before.button_id, after.button_id) {
        (None, Some(is)) if new(is) => Ok(Key::Off),
        (Some(was), Some(is)) if was == is => Ok(moved_from(was, beside).map_or(Key::Stays, Key::At)),
        (_, Some(_)) => {
            Err(impossible("the subscription took over a button that stood there; use updateButton"))
        }
        (Some(was), None) => Ok(stood(was, beside).map_or(Key::Stays, Key::At)),
        (None, None) => Ok(Key::Stays),
    }
}

/// Where a button was moved from, or what else it said.
fn moved_from(id: ButtonId, beside: &[Change]) -> Option<Place> {
    beside.iter().find_map(|change| match change {
        Change::ButtonUpdated { before, after, .. }
            if before.id == id && (before.position, &before.label) != (after.position, &after.label) =>
        {
            Some(place(before))
        }
        _ => None,
    })
}

/// Where a button stood that was taken off.
pub fn stood(id: ButtonId, beside: &[Change]) -> Option<Place> {
    beside.iter().find_map(|change| match change {
        Change::ButtonRemoved { button, .. } if button.id == id => Some(place(button)),
        _ => None,
    })
}

fn place(button: &button::Model) -> Place {
    Place { index: Some(button.position), label: button.label.clone() }
}

/// Decides [`Back`] as the mutation would that somebody gives by hand.
pub fn take_back(cmd: &Back, facts: &Facts) -> Decision {
    let (_, current, service) = found(facts, cmd.subscription)?;
    let name = |id: i64| service.parameters.0.iter().find(|p| p.id == id).map(|p| p.name.clone());
    // A parameter that is there no more has no value.
    let given = |(id, value): &(i64, Option<String>)| Some(Given { name: name(*id)?, value: value.clone() });
    let values: Vec<_> = cmd.values.iter().filter_map(given).collect();
    let (subscription, expected_version) = (cmd.subscription, None);
    match (cmd.from, cmd.to) {
        (State::Subscribed, State::Waiting) => {
            let mut changes = unsubscribe(&Unsubscribe { subscription, expected_version }, facts)?;
            for change in &mut changes {
                let Change::ServiceSubscriptionUpdated { after, .. } = change else { continue };
                after.name = cmd.name.clone().unwrap_or_else(|| after.name.clone());
                if !values.is_empty() || cmd.url.is_some() {
                    let own = current.custom.then(|| current.url.clone());
                    let url = cmd.url.clone().unwrap_or(own);
                    // What waits need not have all that its service asks for.
                    fill(&mut Broken::none(), after, service, &values, url, facts.now);
                }
            }
            Ok(changes)
        }
        (State::Waiting, State::Subscribed) => {
            resubscribe(&Resubscribe { subscription, expected_version, values }, facts)
        }
        _ => {
            let mut fields = Map::new();
            fields.extend(cmd.name.clone().map(|name| ("name".to_owned(), Value::from(name))));
            fields.extend(cmd.url.clone().map(|url| ("url".to_owned(), Value::from(url))));
            let button = match &cmd.button {
                Key::Stays => None,
                Key::Off => Some(None),
                Key::At(place) => Some(Some(place.clone())),
            };
            let fields = Patch::new(fields);
            update(&Update { subscription, expected_version, fields, values, button }, facts)
        }
    }
}

/// A subscription that went with its device or its service, made again with its id.
#[derive(Clone, Debug)]
pub struct Again {
    pub was: Model,
    /// The button that it took.
    pub place: Option<Place>,
}

/// What makes a subscription again that went.
pub fn again(was: &Model, beside: &[Change]) -> Result<Again, Rule> {
    if was.given.0.iter().any(|value| value.value.is_none()) {
        return Err(impossible("it had a password, and no change tells passwords; use subscribeService"));
    }
    let place = was.button_id.and_then(|id| stood(id, beside));
    Ok(Again { was: was.clone(), place })
}

impl Again {
    /// The command that subscribes the device again; the values follow where the service is known.
    pub fn subscribe(&self) -> Subscribe {
        let subscription = resubscribed(&self.was, self.place.clone());
        Subscribe { device: self.was.device_id, expected_version: None, subscription }
    }

    /// Decides it. What waited for another subscription waits again.
    pub fn decide(&self, mut cmd: Subscribe, facts: &SubscribeFacts) -> Decision {
        if self.was.subscribed {
            let service = facts.new.service.as_ref();
            cmd.subscription.values = service.map(|it| told(&self.was, it).0).unwrap_or_default();
            return subscribe(&cmd, facts);
        }
        let Some(device) = &facts.device else { return Err(no_device(self.was.device_id)) };
        let Some(service) = &facts.new.service else {
            return Err(Broken::one(no_service(&self.was), "serviceId"));
        };
        let there = device.subscriptions.iter().any(|known| known.service_id == service.id);
        let mut broken = Broken::none();
        broken.when(there, || Rule::ServiceAlreadySubscribed { service: service.name.clone() }, "serviceId");
        let on = device.with.on.clone();
        broken.or(|| vec![Change::ServiceSubscribed { on, subscription: waiting(&self.was) }])
    }
}

fn no_device(id: DeviceId) -> Broken {
    Broken::one(Rule::NotFound { noun: "device", id: id.to_string() }, "deviceId")
}

/// That the service of a subscription is there no more.
pub fn no_service(was: &Model) -> Rule {
    Rule::NotFound { noun: "phone service", id: was.service_id.to_string() }
}

/// A subscription to the same service; its values follow where the service is known.
pub fn resubscribed(was: &Model, button: Option<Place>) -> NewSubscription {
    NewSubscription {
        service: was.service_id,
        name: Some(was.name.clone()),
        values: Vec::new(),
        url: was.custom.then(|| was.url.clone()),
        button,
    }
}

/// The values of a subscription for its service as that is now, and the parameters whose passwords are lost. A parameter
/// that is there no more needs no value.
pub fn told(was: &Model, service: &service::Model) -> (Vec<Given>, Vec<String>) {
    let (mut values, mut lost) = (Vec::new(), Vec::new());
    for parameter in &service.parameters.0 {
        match was.given.0.iter().find(|given| given.parameter == parameter.id) {
            Some(given) if given.value.is_some() => {
                values.push(Given { name: parameter.name.clone(), value: given.value.clone() });
            }
            Some(_) => lost.push(parameter.name.clone()),
            None => {}
        }
    }
    (values, lost)
}

/// A subscription that waits, as far as changes tell it.
pub fn waiting(was: &Model) -> Model {
    let given = was.given.0.iter().filter(|value| value.value.is_some()).cloned().collect();
    Model { button_id: None, given: Values(given), secrets: Secrets::default(), ..was.clone() }
}

#[cfg(test)]
pub(super) mod tests {
    use entity::{ClusterId, Moment, OrganizationId, ServiceId, device, service_subscription as entity_of};

    use super::*;
    use crate::rule::{
        button::{self as button_rule, tests::button as key},
        change::On,
        service::tests::service,
        service_subscription::Device,
    };

    /// A subscription to the service whose parameters are an extension and a PIN, with this extension.
    pub fn subscription(ext: &str) -> Model {
        let mut it = Model {
            id: ServiceSubscriptionId(70),
            device_id: DeviceId(10),
            service_id: ServiceId(0),
            name: "Calls".into(),
            url: String::new(),
            custom: false,
            revision: 1,
            subscribed: true,
            button_id: None,
            position: None,
            label: None,
            given: Values::default(),
            secrets: Secrets::default(),
            created_at: Moment(0),
            updated_at: Moment(0),
        };
        let values = [("ext", ext), ("pin", "1234")]
            .map(|(name, value)| Given { name: name.into(), value: Some(value.into()) });
        let service = calls();
        it.service_id = service.id;
        fill(&mut Broken::none(), &mut it, &service, &values, None, Moment(1));
        it
    }

    fn calls() -> service::Model {
        service("http://x/", &["ext", "pin!"])
    }

    fn facts(subscription: &Model) -> Facts {
        let on = On { organization_id: OrganizationId(2), kind: device::Kind::Profile, name: "EM-1".into() };
        let with =
            button_rule::Device { id: DeviceId(10), protocol: None, version: 1, on, buttons: Vec::new() };
        let subscriptions = vec![subscription.clone()];
        Facts {
            now: Moment(9),
            device: Some(Device { cluster_id: ClusterId(2), with, subscriptions }),
            service: Some(calls()),
            button: ButtonId(90),
        }
    }

    fn on() -> On {
        On { organization_id: OrganizationId(2), kind: device::Kind::Profile, name: "EM-1".into() }
    }

    /// The subscription once the change between the two is taken back.
    fn taken_back(before: &Model, after: &Model) -> Model {
        let back = back(before, after, &[]).unwrap_or_else(|rule| panic!("{rule}"));
        let changes = take_back(&back, &facts(after)).unwrap_or_else(|broken| panic!("{broken:?}"));
        match changes.into_iter().next() {
            Some(Change::ServiceSubscriptionUpdated { after, .. }) => after,
            other => panic!("{other:?}"),
        }
    }

    fn with(from: &Model, set: impl FnOnce(&mut Model)) -> Model {
        let mut it = from.clone();
        set(&mut it);
        it
    }

    #[test]
    fn what_shows_is_taken_back_and_passwords_stay() {
        let was = subscription("4001");
        let shown = |it: &Model| (it.name.clone(), it.url.clone(), it.custom, it.subscribed);
        for after in [
            with(&was, |it| it.name = "News".into()),
            with(&was, |it| (it.url, it.custom) = ("http://y/".into(), true)),
            subscription("4002"),
            with(&was, |it| it.subscribed = false),
        ] {
            let again = taken_back(&was, &after);
            assert_eq!(shown(&again), shown(&was));
            assert_eq!(again.secrets.0.len(), 1);
            let values = |it: &Model| it.given.0.iter().map(|v| v.value.clone()).collect::<Vec<_>>();
            assert_eq!(values(&again), values(&was));
        }
        // Subscribed anew with other values, it waits with the old ones again.
        let waited = with(&was, |it| it.subscribed = false);
        let again = taken_back(&waited, &subscription("4002"));
        assert_eq!((again.subscribed, again.given.0[0].value.as_deref()), (false, Some("4001")));
    }

    #[test]
    fn a_password_that_was_changed_is_not_taken_back() {
        let was = subscription("4001");
        let pin = |set: fn(&mut Vec<entity_of::Value>)| with(&was, |it| set(&mut it.given.0));
        for (before, after) in [
            (&was, &pin(|values| values[1].set_at = Moment(5))),
            (&was, &pin(|values| drop(values.pop()))),
            (&was, &with(&was, |it| it.updated_at = Moment(5))),
        ] {
            let Err(Rule::RevertNotPossible { why }) = back(before, after, &[]) else {
                panic!("not refused")
            };
            assert!(why.contains("password"), "{why}");
        }
        // One that was given first is taken away.
        let back = back(&pin(|values| drop(values.pop())), &was, &[]).expect("without");
        assert_eq!(back.values, [(was.given.0[1].parameter, None)]);
        let Err(Rule::RevertNotPossible { why }) = super::back(&was, &with(&was, |it| it.revision = 2), &[])
        else {
            panic!("not refused")
        };
        assert!(why.contains("resync"), "{why}");
    }

    #[test]
    fn a_button_goes_back_where_it_stood() {
        let was = with(&subscription("4001"), |it| it.button_id = Some(ButtonId(5)));
        let off = with(&was, |it| it.button_id = None);
        let stood = key(5, button::Kind::ServiceUrl, 3);
        let removed = Change::ButtonRemoved { on: on(), button: stood.clone() };
        let place = Place { index: Some(3), label: stood.label.clone() };
        assert_eq!(back(&was, &off, &[removed]).map(|back| back.button), Ok(Key::At(place.clone())));
        let after = button::Model { position: 4, ..stood.clone() };
        let moved = Change::ButtonUpdated { on: on(), before: stood.clone(), after };
        let renamed = with(&was, |it| it.name = "News".into());
        assert_eq!(back(&was, &renamed, &[moved]).map(|back| back.button), Ok(Key::At(place)));
        let added = Change::ButtonAdded { on: on(), button: stood };
        assert_eq!(back(&off, &was, &[added]).map(|back| back.button), Ok(Key::Off));
        assert!(back(&off, &was, &[]).is_err(), "it took over one that was there");
    }
}
