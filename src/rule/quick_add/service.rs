//! The phone services of a Quick Add group: what a group may say of them, and what a profile is subscribed to by it.
//!
//! A group is seen by everybody below it and is in the change stream with all that it says, so it keeps no passwords:
//! those are given to each quick add, and go from there where those of any subscription go.

use entity::{
    ClusterId,
    quick_add::{Model, Service, ServiceButton},
    service,
};

use super::{
    AddService,
    pattern::{self, Tokens},
};
use crate::rule::{
    Broken, Rule, check_repeats,
    service::{check_url, unknown},
    service_subscription::{Given, MOST, NewSubscription, Place, check_offered},
    value,
};

/// The services as a group keeps them, with everything that is wrong noted.
pub fn checked(
    broken: &mut Broken,
    sent: &[NewSubscription],
    known: &[Option<service::Model>],
    cluster: Option<ClusterId>,
) -> Vec<Service> {
    let (most, got) = (MOST, sent.len());
    let many = || Rule::ValueTooLong { what: "The list of services".to_owned(), most, got };
    broken.when(got > most, many, "services");
    let mut services: Vec<Service> = Vec::new();
    for (at, (new, known)) in sent.iter().zip(known).enumerate() {
        let mut part = Broken::none();
        match known {
            None => {
                let rule = Rule::NotFound { noun: "phone service", id: new.service.to_string() };
                part.add(rule, "serviceId");
            }
            Some(known) => {
                check_offered(&mut part, known, "serviceId");
                let other = Some(known.cluster_id) != cluster;
                part.when(other, || Rule::ServiceOnOtherCluster, "serviceId");
                let twice = services.iter().any(|service| service.service == new.service);
                let name = known.name.clone();
                part.when(twice, || Rule::ServiceAlreadySubscribed { service: name }, "serviceId");
                check_values(&mut part, known, &new.values);
            }
        }
        value::text_or_none(&mut part, "The name", new.name.as_deref(), 100, "name");
        if let Some(url) = &new.url {
            check_url(&mut part, "The URL", url, "url");
        }
        let label = new.button.as_ref().and_then(|button| button.label.as_deref());
        value::text_or_none(&mut part, "The label", label, 50, "button.label");
        broken.nest(part, &format!("services.{at}"));
        services.push(kept(new));
    }
    services
}

/// Values that a group may keep.
fn check_values(broken: &mut Broken, service: &service::Model, values: &[Given]) {
    let names: Vec<_> = values.iter().map(|given| given.name.as_str()).collect();
    check_repeats(broken, &names, "values");
    for (at, given) in values.iter().enumerate() {
        let path = format!("values.{at}.value");
        match service.parameters.0.iter().find(|parameter| parameter.name == given.name) {
            None => broken.add(unknown(service, &given.name), format!("values.{at}.name")),
            Some(parameter) if parameter.password => {
                let (service, parameter) = (service.name.clone(), parameter.name.clone());
                broken.add(Rule::QuickAddPassword { service, parameter }, path);
            }
            Some(_) => {
                value::text_or_none(broken, "The value", given.value.as_deref(), 255, &path);
                pattern::check_tokens(broken, given.value.as_deref(), &path);
            }
        }
    }
}

/// What is wrong with passwords in the row of a file: a job keeps its rows, so they hold none, as a group holds none.
pub fn passwords(service: &service::Model, values: &[Given]) -> impl Iterator<Item = Rule> {
    let known = service.parameters.0.iter().filter(|parameter| parameter.password);
    let given = known.filter(move |parameter| values.iter().any(|value| value.name == parameter.name));
    given.map(move |parameter| {
        let (service, parameter) = (service.name.clone(), parameter.name.clone());
        Rule::QuickAddPassword { service, parameter }
    })
}

fn kept(new: &NewSubscription) -> Service {
    let values = new.values.iter().filter_map(|given| Some((given.name.clone(), given.value.clone()?)));
    Service {
        service: new.service,
        name: new.name.clone(),
        values: values.collect(),
        url: new.url.clone(),
        button: new
            .button
            .as_ref()
            .map(|button| ServiceButton { index: button.index, label: button.label.clone() }),
    }
}

/// What a group was told, to be told again.
pub fn again(service: &Service) -> NewSubscription {
    let given = |(name, value): (&String, &String)| Given { name: name.clone(), value: Some(value.clone()) };
    NewSubscription {
        service: service.service,
        name: service.name.clone(),
        values: service.values.iter().map(given).collect(),
        url: service.url.clone(),
        button: service
            .button
            .as_ref()
            .map(|button| Place { index: button.index, label: button.label.clone() }),
    }
}

/// What a profile is subscribed to: the group's services with their tokens filled in and the values of the quick add
/// over them, then those that only the quick add names.
pub fn subscriptions(group: &Model, given: &[AddService], tokens: &Tokens<'_>) -> Vec<NewSubscription> {
    let mut all: Vec<_> = group.defaults.services.iter().map(again).collect();
    for value in all.iter_mut().flat_map(|new| &mut new.values) {
        value.value = value.value.as_ref().map(|text| pattern::text(text, tokens, 255));
    }
    for more in given {
        match all.iter_mut().find(|new| new.service == more.service) {
            Some(new) => {
                new.values.retain(|known| !more.values.iter().any(|value| value.name == known.name));
                new.values.extend(more.values.iter().cloned());
            }
            None => all.push(NewSubscription {
                service: more.service,
                name: None,
                values: more.values.clone(),
                url: None,
                button: None,
            }),
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use entity::ServiceId;

    use super::*;

    fn service() -> service::Model {
        serde_json::from_str(
            r#"{"id":3,"cluster_id":1,"organization_id":1,"name":"News","name_key":"news","ascii_name":"News",
            "description":"","url":"http://news/","secure_url":null,"category":"XML_SERVICE","kind":"STANDARD","vendor":"",
            "release":"","enabled":true,"enterprise":false,"revision":1,"version":1,"created_at":0,"updated_at":0,
            "parameters":[
                {"id":1,"name":"ext","display_name":"ext","default":null,"description":"","required":true,"password":false},
                {"id":2,"name":"pin","display_name":"pin","default":null,"description":"","required":true,"password":true}
            ]}"#,
        )
        .expect("a service")
    }

    fn told(values: &[(&str, &str)]) -> NewSubscription {
        let given = |(name, value): &(&str, &str)| Given {
            name: (*name).to_owned(),
            value: Some((*value).to_owned()),
        };
        NewSubscription {
            service: ServiceId(3),
            name: None,
            values: values.iter().map(given).collect(),
            url: None,
            button: None,
        }
    }

    /// SVC-15: a group says what a subscription may say, but for passwords.
    #[test]
    fn a_group_keeps_what_a_subscription_may_say_but_no_password() {
        for (sent, cluster, want) in [
            (vec![told(&[("ext", "{number}")])], 1, vec![]),
            (vec![told(&[("pin", "1234")])], 1, vec!["QUICK_ADD_PASSWORD at services.0.values.0.value"]),
            (vec![told(&[("fax", "1")])], 1, vec!["SERVICE_PARAMETER_UNKNOWN at services.0.values.0.name"]),
            (vec![told(&[("ext", "{dn}")])], 1, vec!["TEXT_PATTERN_INVALID at services.0.values.0.value"]),
            (vec![told(&[]), told(&[])], 1, vec!["SERVICE_ALREADY_SUBSCRIBED at services.1.serviceId"]),
            (vec![told(&[])], 2, vec!["SERVICE_ON_OTHER_CLUSTER at services.0.serviceId"]),
        ] {
            let mut broken = Broken::none();
            let known = vec![Some(service()); sent.len()];
            checked(&mut broken, &sent, &known, Some(ClusterId(cluster)));
            let got: Vec<_> =
                broken.0.iter().map(|it| format!("{} at {}", it.rule.code().as_str(), it.path)).collect();
            assert_eq!(got, want);
        }
        let mut broken = Broken::none();
        checked(&mut broken, &[told(&[])], &[None], Some(ClusterId(1)));
        assert_eq!(broken.0[0].rule.code().as_str(), "NOT_FOUND");
    }

    /// SVC-15: a row of a file says values, and no password.
    #[test]
    fn a_row_holds_no_password() {
        let given = |name: &str| Given { name: name.to_owned(), value: Some("1".to_owned()) };
        let refused: Vec<_> = passwords(&service(), &[given("ext"), given("pin")]).collect();
        assert_eq!(
            refused,
            [Rule::QuickAddPassword { service: "News".to_owned(), parameter: "pin".to_owned() }]
        );
        assert_eq!(passwords(&service(), &[given("ext")]).count(), 0);
    }

    #[test]
    fn values_of_the_quick_add_stand_over_those_of_the_group() {
        let mut group = super::super::tests::group(|_| {});
        group.defaults.services = vec![kept(&told(&[("ext", "{number}")]))];
        let tokens = Tokens { username: "anna", first_name: "", last_name: "Berg", number: "4001" };
        let plain = subscriptions(&group, &[], &tokens);
        assert_eq!(plain[0].values[0].value.as_deref(), Some("4001"));
        let pin = Given { name: "pin".into(), value: Some("1234".into()) };
        let more = |service| AddService { service: ServiceId(service), values: vec![pin.clone()] };
        let all = subscriptions(&group, &[more(3), more(4)], &tokens);
        let names: Vec<_> = all
            .iter()
            .map(|new| {
                (new.service.0, new.values.iter().map(|given| given.name.as_str()).collect::<Vec<_>>())
            })
            .collect();
        assert_eq!(names, [(3, vec!["ext", "pin"]), (4, vec!["pin"])]);
    }
}
