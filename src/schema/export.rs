//! Filters of exports: those of the nouns' lists, as JSON.

use async_graphql::{InputType, Value};

pub use super::job::file;
use super::{
    Result,
    button::ButtonFilter,
    cluster::ClusterFilter,
    default_device_profile::DefaultDeviceProfileFilter,
    device::OtherDeviceFilter,
    filter::bounded,
    line::{AppearanceFilter, LineFilter},
    number::NumberFilter,
    organization::OrganizationFilter,
    phone::PhoneFilter,
    profile::ProfileFilter,
    quick_add::QuickAddGroupFilter,
    service::PhoneServiceFilter,
    service_subscription::ServiceSubscriptionFilter,
    session::SessionFilter,
    template::TemplateFilter,
    user::UserFilter,
};
use crate::{bulk::File, error::Error, store::page::Filter};

/// What is to be exported: the file of the noun, and the filter that is written as JSON, as in a query's variables.
pub fn wanted(noun: &str, filter: Option<&str>, conditions: usize) -> Result<(File, Filter)> {
    let file = file(noun)?;
    if file == File::QuickAdds {
        return Err(Error::Input("quick adds are no part of an estate; export what they made".to_owned()));
    }
    let Some(text) = filter else { return Ok((file, Filter::All(Vec::new()))) };
    let json: serde_json::Value = serde_json::from_str(text)
        .map_err(|error| Error::Input(format!("the filter is not JSON that can be read: {error}")))?;
    let filter = match file {
        File::Organizations => read::<OrganizationFilter>(json)?,
        File::Clusters => read::<ClusterFilter>(json)?,
        File::Devices => read::<OtherDeviceFilter>(json)?,
        File::Users | File::UserPhones | File::UserCtiProfiles => read::<UserFilter>(json)?,
        File::Profiles | File::ProfileUsers => read::<ProfileFilter>(json)?,
        File::Phones => read::<PhoneFilter>(json)?,
        File::Lines => read::<LineFilter>(json)?,
        File::Appearances => read::<AppearanceFilter>(json)?,
        File::Buttons => read::<ButtonFilter>(json)?,
        File::ServiceSubscriptions => read::<ServiceSubscriptionFilter>(json)?,
        File::Sessions => read::<SessionFilter>(json)?,
        File::Templates => read::<TemplateFilter>(json)?,
        File::Numbers => read::<NumberFilter>(json)?,
        File::Services => read::<PhoneServiceFilter>(json)?,
        File::DefaultDeviceProfiles => read::<DefaultDeviceProfileFilter>(json)?,
        File::QuickAddGroups => read::<QuickAddGroupFilter>(json)?,
        File::QuickAdds => Filter::All(Vec::new()),
    };
    Ok((file, bounded(filter, conditions)?))
}

fn read<F: InputType + Into<Filter>>(json: serde_json::Value) -> Result<Filter> {
    let cannot = |why: String| Error::Input(format!("the filter cannot be used: {why}"));
    let given = Value::from_json(json).map_err(|error| cannot(error.to_string()))?;
    let filter = F::parse(Some(given.clone()))
        .map_err(|error| cannot(error.into_server_error(async_graphql::Pos::default()).message))?;
    // What a query's validation would refuse must not be taken for no filter.
    match unknown(&given, &filter.to_value()) {
        Some(name) => Err(cannot(format!("it has no field '{name}'"))),
        None => Ok(filter.into()),
    }
}

/// A field that was given and not read.
fn unknown(given: &Value, read: &Value) -> Option<String> {
    match (given, read) {
        (Value::Object(given), Value::Object(read)) => {
            given.iter().find_map(|(name, value)| match read.get(name) {
                Some(known) => unknown(value, known),
                None => Some(name.to_string()),
            })
        }
        (Value::List(given), Value::List(read)) => {
            given.iter().zip(read).find_map(|(given, read)| unknown(given, read))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(noun: &str, filter: &str) -> String {
        wanted(noun, Some(filter), 200).expect_err("refused").to_string()
    }

    #[test]
    fn a_filter_is_read_whole_or_not_at_all() {
        assert!(wanted("profiles", None, 200).is_ok());
        assert!(
            wanted("profiles", Some(r#"{"name": {"startsWith": "em"}, "protocols": ["SIP"]}"#), 200).is_ok()
        );
        assert!(refused("profiles", r#"{"name": {"beginsWith": "em"}}"#).contains("no field 'beginsWith'"));
        assert!(refused("profiles", r#"{"or": [{"nam": {}}]}"#).contains("no field 'nam'"));
        assert!(refused("profiles", r#"{"protocols": ["SIPP"]}"#).contains("cannot be used"));
        assert!(refused("profiles", "{").contains("not JSON"));
        assert!(refused("things", "{}").contains("there is no noun 'things'"));
        // Each noun's own filter, and not that of what it stands on.
        assert!(wanted("buttons", Some(r#"{"kinds": ["SPEED_DIAL"]}"#), 200).is_ok());
        assert!(wanted("clusters", Some(r#"{"name": {"equals": "emea"}}"#), 200).is_ok());
        assert!(refused("sessions", r#"{"products": ["Cisco 8841"]}"#).contains("no field 'products'"));
    }
}
