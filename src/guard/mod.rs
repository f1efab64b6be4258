//! What stands between the bytes of a request and the executor. Caps on text and variables come before
//! parsing, because the parser recurses without a limit on list and object literals and a stack overflow
//! ends the process. Caps on shape and cost come after parsing and before validation, because validation
//! follows fragments again at every spread and a chain of them doubles its work at each link.
//!
//! Nothing here knows the schema: a document is judged by what it says, so that the verdict is cheap and
//! can be kept with the parsed document.

mod hash;
mod refusal;
mod text;
mod walk;

use std::{
    collections::BTreeMap,
    num::NonZeroUsize,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_graphql::{
    Request, Value, Variables,
    parser::{
        parse_query,
        types::{DocumentOperations, ExecutableDocument, OperationDefinition, OperationType},
    },
};
use lru::LruCache;

pub use self::{hash::Hash, refusal::Refusal, text::check_text};
use crate::config;

/// Documents longer than this are parsed each time, so that the cache's memory stays in proportion to the
/// number of documents that it may hold.
const LONGEST_KEPT: usize = 16 * 1024;

/// A request that may be executed, its document already parsed.
#[derive(Debug)]
pub struct Prepared {
    /// The request with its parsed document.
    pub request: Request,
    /// What kind of operation will run. A query when the request does not say which one to run, which
    /// validation then refuses.
    pub kind: OperationType,
    /// The name of the operation that will run.
    pub name: Option<String>,
    /// The hash of the document.
    pub hash: Hash,
    /// What it was reckoned to cost.
    pub cost: Option<u64>,
}

/// Judges requests and keeps parsed documents.
#[derive(Debug)]
pub struct Guard {
    limits: config::Guard,
    page: config::Page,
    documents: Mutex<LruCache<String, Arc<Known>>>,
    /// How many requests were refused, by the reason's word.
    refusals: Mutex<BTreeMap<&'static str, u64>>,
}

/// A document that passed every check that does not depend on variables.
#[derive(Debug)]
struct Known {
    document: ExecutableDocument,
    hash: Hash,
}

impl Guard {
    /// A guard with these limits. The page sizes tell what a list costs.
    pub fn new(limits: &config::Guard, page: &config::Page) -> Self {
        let room = NonZeroUsize::new(limits.documents).unwrap_or(NonZeroUsize::MIN);
        Self {
            limits: limits.clone(),
            page: page.clone(),
            documents: Mutex::new(LruCache::new(room)),
            refusals: Mutex::default(),
        }
    }

    /// Parses and judges a request; the only way to the executor, for every transport.
    pub fn prepare(&self, request: Request) -> Result<Prepared, Refusal> {
        self.judge(request).inspect_err(|why| *self.refused().entry(why.reason()).or_default() += 1)
    }

    /// How many requests were refused so far, by why.
    pub fn refusals(&self) -> Vec<(&'static str, u64)> {
        self.refused().iter().map(|(reason, count)| (*reason, *count)).collect()
    }

    fn refused(&self) -> MutexGuard<'_, BTreeMap<&'static str, u64>> {
        self.refusals.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn judge(&self, mut request: Request) -> Result<Prepared, Refusal> {
        check_variables(&request.variables, self.limits.nesting)?;
        let known = self.document(&request.query)?;
        let document = &known.document;

        let chosen = chosen(document, request.operation_name.as_deref());
        let (kind, name) = chosen.map_or((OperationType::Query, None), |(name, operation)| {
            (operation.ty, name.map(str::to_owned))
        });
        let cost =
            chosen.map(|(_, operation)| walk::cost(document, operation, &request.variables, &self.page));
        if let Some(found) = cost.filter(|cost| *cost > self.limits.cost) {
            return Err(Refusal::Cost { found, most: self.limits.cost });
        }

        request.set_parsed_query(document.clone());
        Ok(Prepared { request, kind, name, hash: known.hash, cost })
    }

    /// The parsed document of a text. Only a document that passed every check that does not depend on
    /// variables is kept, so one found in the cache needs none of them again.
    fn document(&self, text: &str) -> Result<Arc<Known>, Refusal> {
        let keep = text.len() <= LONGEST_KEPT;
        if keep && let Some(known) = self.kept().get(text) {
            return Ok(Arc::clone(known));
        }
        check_text(text, &self.limits)?;
        let document = parse_query(text)?;
        walk::check(&document, &self.limits)?;
        let known = Arc::new(Known { document, hash: Hash::of(text) });
        if keep {
            self.kept().put(text.to_owned(), Arc::clone(&known));
        }
        Ok(known)
    }

    fn kept(&self) -> MutexGuard<'_, LruCache<String, Arc<Known>>> {
        self.documents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The operation that the executor will choose, by its own rules.
fn chosen<'a>(
    document: &'a ExecutableDocument,
    name: Option<&'a str>,
) -> Option<(Option<&'a str>, &'a OperationDefinition)> {
    match (&document.operations, name) {
        (DocumentOperations::Single(operation), None) => Some((None, &operation.node)),
        (DocumentOperations::Single(_), Some(_)) => None,
        (DocumentOperations::Multiple(operations), Some(name)) => {
            operations.get(name).map(|operation| (Some(name), &operation.node))
        }
        (DocumentOperations::Multiple(operations), None) => {
            let mut all = operations.iter();
            let (name, operation) = all.next()?;
            all.next().is_none().then_some((Some(name.as_str()), &operation.node))
        }
    }
}

/// The reader of JSON stops at 128 levels; the executor's own recursion is held to the configured ones.
fn check_variables(variables: &Variables, most: usize) -> Result<(), Refusal> {
    fn check(value: &Value, left: usize, most: usize) -> Result<(), Refusal> {
        let below = || left.checked_sub(1).ok_or(Refusal::Variables { most });
        match value {
            Value::List(items) => {
                let left = below()?;
                items.iter().try_for_each(|item| check(item, left, most))
            }
            Value::Object(fields) => {
                let left = below()?;
                fields.values().try_for_each(|field| check(field, left, most))
            }
            Value::String(text) if text.contains('\0') => Err(Refusal::Nul),
            _ => Ok(()),
        }
    }
    variables.values().try_for_each(|value| check(value, most, most))
}

#[cfg(test)]
mod tests;
