//! The parameters of a GraphQL request as JSON, read by hand so that each mistake has its own sentence.
//! `null` stands for absent; unknown members are ignored, as the GraphQL-over-HTTP draft asks.
//! `{"extensions": {"cost": true}}` asks what the request costs.

use async_graphql::{Request, Value, Variables};
use serde_json::Value as Json;

use crate::guard::COST;

/// Reads `query`, `operationName` and `variables`.
pub(super) fn request(body: Json) -> Result<Request, &'static str> {
    let mut members = match body {
        Json::Object(members) => members,
        Json::Array(_) => return Err("batches are not accepted; send one request at a time"),
        _ => return Err("a request is a JSON object with the member `query`"),
    };
    let mut take = |name: &str| members.remove(name).filter(|value| !value.is_null());

    let mut request = match take("query") {
        Some(Json::String(query)) => Request::new(query),
        Some(_) => return Err("`query` is not a string"),
        None => return Err("`query` is missing"),
    };
    request.operation_name = match take("operationName") {
        None => None,
        // Some clients send an empty name for an anonymous operation.
        Some(Json::String(name)) => Some(name).filter(|name| !name.is_empty()),
        Some(_) => return Err("`operationName` is not a string"),
    };
    if let Some(variables) = take("variables") {
        request.variables = self::variables(variables)?;
    }
    match take("extensions") {
        None => {}
        Some(Json::Object(extensions)) => {
            if let Some(Json::Bool(asked)) = extensions.get(COST) {
                request.extensions.insert(COST.to_owned(), Value::Boolean(*asked));
            }
        }
        Some(_) => return Err("`extensions` is not an object"),
    }
    Ok(request)
}

/// Reads the variables.
pub(super) fn variables(json: Json) -> Result<Variables, &'static str> {
    match json {
        Json::Object(_) => {
            Value::from_json(json).map(Variables::from_value).map_err(|_| "`variables` cannot be read")
        }
        _ => Err("`variables` is not an object"),
    }
}
