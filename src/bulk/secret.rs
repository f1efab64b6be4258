//! What may be a password in the rows of a job. The rest of a row is kept as long as its job; a cell that holds a value of
//! which it is not known to be none stands apart, so that it goes when the row is done or the job ends. Which parameters
//! of a phone service are passwords is looked up when the data comes; a name that nothing has then may be one.

use std::collections::{HashMap, HashSet};

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{column::File, read::APART};
use crate::{
    caller::Caller,
    error::Error,
    rule::value,
    store::{
        Source,
        job::Kept,
        page::{Filter, Slice, page},
        row::{Columns, all},
        service,
    },
};

/// What becomes of a row whose cell went.
pub const GONE: &str = "values that may be passwords are not kept once a job has ended, so it cannot be tried again; send the row again";

/// Services of one name that are looked at; there is one on a cluster.
const MOST: u32 = 1_000;

/// The column of a file in which passwords may stand.
pub fn column(file: File) -> Option<&'static str> {
    match file {
        File::ServiceSubscriptions => Some("values"),
        // Refused there, and no more kept than anywhere.
        File::Services => Some("parameters"),
        File::QuickAdds | File::QuickAddGroups => Some("services"),
        _ => None,
    }
}

/// Rows on their way into a job.
pub struct Apart {
    file: File,
    /// Services by name: which of their parameters are no passwords, and which are.
    known: HashMap<String, (HashSet<String>, HashSet<String>)>,
}

/// A value as any of these columns has it.
#[derive(Deserialize)]
struct Said {
    #[serde(default)]
    name: String,
    #[serde(default)]
    service: String,
    #[serde(default)]
    values: Map<String, Value>,
    #[serde(default)]
    password: bool,
    #[serde(default)]
    default: Option<Value>,
}

impl Apart {
    /// For rows of a file.
    pub fn new(file: File) -> Self {
        Self { file, known: HashMap::new() }
    }

    /// Takes what may be a password out of the rows.
    pub async fn part(
        &mut self,
        source: &impl Source,
        caller: &Caller,
        rows: &mut [Kept],
    ) -> Result<(), Error> {
        let Some(column) = column(self.file) else { return Ok(()) };
        for row in rows {
            let mut body: Map<String, Value> = serde_json::from_str(&row.body).map_err(Error::internal)?;
            if self.hides(source, caller, &body, column).await?
                && let Some(cell) = body.remove(column)
            {
                body.insert(APART.to_owned(), Value::Bool(true));
                row.body = Value::Object(body).to_string();
                row.secret = Some(cell.to_string());
            }
        }
        Ok(())
    }

    /// Whether a password may stand in the cell. One that cannot be read may hold anything.
    async fn hides(
        &mut self,
        source: &impl Source,
        caller: &Caller,
        body: &Map<String, Value>,
        column: &str,
    ) -> Result<bool, Error> {
        let said: Result<Vec<Said>, _> = match body.get(column) {
            None | Some(Value::Null) => return Ok(false),
            Some(Value::String(cell)) if cell.trim().is_empty() => return Ok(false),
            Some(Value::String(cell)) => serde_json::from_str(cell),
            Some(value) => serde_json::from_value(value.clone()),
        };
        let Ok(said) = said else { return Ok(true) };
        let mut pairs = Vec::new();
        for one in &said {
            match self.file {
                File::Services if one.password && one.default.is_some() => return Ok(true),
                File::ServiceSubscriptions => {
                    let service = body.get("service").and_then(Value::as_str).unwrap_or_default();
                    pairs.push((service, one.name.as_str()));
                }
                _ => pairs.extend(one.values.keys().map(|name| (one.service.as_str(), name.as_str()))),
            }
        }
        for (service, name) in pairs {
            let (plain, passwords) = self.parameters(source, caller, service).await?;
            if !plain.contains(name) || passwords.contains(name) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The parameters of every service of a name that the caller sees.
    async fn parameters(
        &mut self,
        source: &impl Source,
        caller: &Caller,
        service: &str,
    ) -> Result<&(HashSet<String>, HashSet<String>), Error> {
        let key = value::key(service);
        if !self.known.contains_key(&key) {
            let named = Filter::Is("t.name_key", key.clone());
            let columns = Columns::own(all::<service::Row>());
            let (order, slice) = (service::BY_NAME, Slice::front(MOST));
            let found = page::<service::Row>(source, caller.scope, &named, order, &slice, columns).await?;
            let (mut plain, mut passwords) = (HashSet::new(), HashSet::new());
            for (row, _) in found.rows {
                for parameter in &row.parameters.get()?.0 {
                    let names = if parameter.password { &mut passwords } else { &mut plain };
                    names.insert(parameter.name.clone());
                }
            }
            self.known.insert(key.clone(), (plain, passwords));
        }
        Ok(self.known.entry(key).or_default())
    }
}

/// The body of a row with what stood apart from it.
pub fn whole(file: File, row: &Kept) -> Result<Map<String, Value>, Error> {
    let mut body: Map<String, Value> = serde_json::from_str(&row.body).map_err(Error::internal)?;
    if let (Some(secret), Some(column)) = (&row.secret, column(file)) {
        body.remove(APART);
        body.insert(column.to_owned(), serde_json::from_str(secret).map_err(Error::internal)?);
    }
    Ok(body)
}
