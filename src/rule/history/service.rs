//! Taking changes of phone services back. A parameter comes back with its id, under which values are kept.

use entity::service::{Model, Parameter};

use super::revert::{Configure, back, impossible, several, whole};
use crate::rule::{
    Patch, Rule,
    service::{
        AddParameter, ChangeParameter, Create, Fields, ParameterFields, RemoveParameter, Update, of_parameter,
    },
};

/// What takes an update of a service, or of one of its parameters, back.
pub fn update_back(before: &Model, after: &Model) -> Result<Configure, Rule> {
    let expected_version = None;
    let fields: Patch<Fields> = back(before, after);
    let (was, is) = (&before.parameters.0, &after.parameters.0);
    if was == is {
        return Ok(Configure::UpdateService(Update { id: after.id, expected_version, fields }));
    }
    if !fields.is_empty() {
        return Err(several("updateService and changeServiceParameter"));
    }
    let within = |list: &[Parameter], id| list.iter().any(|parameter| parameter.id == id);
    if let Some(new) = is.iter().find(|parameter| !within(was, parameter.id)) {
        let (service, name) = (after.id, new.name.clone());
        return Ok(Configure::RemoveParameter(RemoveParameter { service, expected_version, name }));
    }
    let without = |list: &[Parameter], id| -> Vec<Parameter> {
        list.iter().filter(|parameter| parameter.id != id).cloned().collect()
    };
    for (old, place) in was.iter().zip(1..) {
        if without(was, old.id) != without(is, old.id) {
            continue;
        }
        let (service, index) = (after.id, Some(place));
        return Ok(match is.iter().find(|parameter| parameter.id == old.id) {
            None => {
                let parameter = of_parameter(old);
                Configure::AddParameter(AddParameter { service, expected_version, index, parameter }, old.id)
            }
            Some(new) => Configure::ChangeParameter(ChangeParameter {
                service,
                expected_version,
                name: new.name.clone(),
                index,
                fields: back::<ParameterFields, _>(&of_parameter(old), &of_parameter(new)),
            }),
        });
    }
    Err(impossible("several parameters were changed at once; use changeServiceParameter"))
}

/// What makes a service again.
pub fn again(service: &Model) -> Create {
    Create {
        cluster: service.cluster_id,
        enterprise: service.enterprise,
        fields: whole(service),
        parameters: service.parameters.0.iter().map(of_parameter).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::service::tests::service;

    fn with(set: impl FnOnce(&mut Vec<Parameter>)) -> Model {
        let mut service = calls();
        set(&mut service.parameters.0);
        service
    }

    fn calls() -> Model {
        service("http://x/", &["a", "b", "c"])
    }

    fn back(before: &Model, after: &Model) -> Configure {
        update_back(before, after).unwrap_or_else(|rule| panic!("{rule}"))
    }

    #[test]
    fn a_parameter_comes_goes_and_changes_back() {
        let (all, two) = (calls(), with(|parameters| drop(parameters.remove(1))));
        assert!(matches!(back(&two, &all), Configure::RemoveParameter(cmd) if cmd.name == "b"));
        let b = all.parameters.0[1].id;
        assert!(
            matches!(back(&all, &two), Configure::AddParameter(cmd, id) if (cmd.index, id) == (Some(2), b))
        );
        let moved = with(|parameters| {
            let mut a = parameters.remove(0);
            a.name = "z".into();
            parameters.push(a);
        });
        assert!(matches!(back(&all, &moved), Configure::ChangeParameter(cmd)
                if (cmd.name.as_str(), cmd.index, cmd.fields.has("name")) == ("z", Some(1), true)));
    }

    #[test]
    fn fields_go_back_one_by_one_and_not_beside_parameters() {
        let other = Model { url: "http://y/".into(), ..calls() };
        assert!(matches!(back(&calls(), &other), Configure::UpdateService(cmd)
            if cmd.fields.fields().collect::<Vec<_>>() == ["url"]));
        let both = Model { url: "http://y/".into(), ..with(|parameters| drop(parameters.pop())) };
        assert!(matches!(update_back(&calls(), &both), Err(Rule::RevertNotPossible { .. })));
    }
}
