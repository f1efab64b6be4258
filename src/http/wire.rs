//! The parameters of a GraphQL request as JSON, read by hand so that each mistake has its own sentence.
//! `null` stands for absent; unknown members are ignored, as the GraphQL-over-HTTP draft asks. A document may be named
//! instead of sent, by `documentId` or by the hash of `extensions.persistedQuery`; the guard finds it.
//! `{"extensions": {"cost": true}}` asks what the request costs.

use async_graphql::{Request, Value, Variables};
use serde_json::Value as Json;

use crate::guard::{COST, Reference};

/// Reads `query`, `operationName`, `variables`, `documentId` and what is known of `extensions`.
pub(super) fn request(body: Json) -> Result<Request, &'static str> {
    let mut members = match body {
        Json::Object(members) => members,
        Json::Array(_) => return Err("batches are not accepted; send one request at a time"),
        _ => return Err("a request is a JSON object with the member `query`"),
    };
    let mut take = |name: &str| members.remove(name).filter(|value| !value.is_null());

    let mut extensions = match take("extensions") {
        None => serde_json::Map::new(),
        Some(Json::Object(extensions)) => extensions,
        Some(_) => return Err("`extensions` is not an object"),
    };
    let asks_for_cost = extensions.get(COST) == Some(&Json::Bool(true));
    let hash = extensions.remove("persistedQuery");
    let reference = match (take("documentId"), hash.filter(|hash| !hash.is_null())) {
        (None, None) => None,
        (Some(Json::String(id)), None) => Some(Reference::Id(id)),
        (Some(Json::String(_)), Some(_)) => return Err("send `documentId` or `persistedQuery`, not both"),
        (Some(_), _) => return Err("`documentId` is not a string"),
        (None, Some(hash)) => Some(persisted(hash)?),
    };
    let mut request = match take("query") {
        Some(Json::String(query)) => Request::new(query),
        Some(_) => return Err("`query` is not a string"),
        None if reference.is_some() => Request::new(""),
        None => return Err("`query` is missing"),
    };
    if let Some(reference) = reference {
        request = request.data(reference);
    }
    request.operation_name = match take("operationName") {
        None => None,
        // Some clients send an empty name for an anonymous operation.
        Some(Json::String(name)) => Some(name).filter(|name| !name.is_empty()),
        Some(_) => return Err("`operationName` is not a string"),
    };
    if let Some(variables) = take("variables") {
        request.variables = self::variables(variables)?;
    }
    if asks_for_cost {
        request.extensions.insert(COST.to_owned(), Value::Boolean(true));
    }
    Ok(request)
}

/// Reads `persistedQuery`, of which there is one version.
fn persisted(hash: Json) -> Result<Reference, &'static str> {
    match (hash["version"].as_u64(), &hash["sha256Hash"]) {
        (Some(1), Json::String(hash)) => Ok(Reference::Hash(hash.clone())),
        (Some(1), _) => Err("`persistedQuery.sha256Hash` is not a string"),
        _ => Err("`persistedQuery.version` is not 1, which is the only one that is known"),
    }
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
