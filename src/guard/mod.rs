//! What stands between the bytes of a request and the executor. Caps on text and variables come before
//! parsing, because the parser recurses without a limit on list and object literals and a stack overflow
//! ends the process. Caps on shape and cost come after parsing and before validation, because validation
//! follows fragments again at every spread and a chain of them doubles its work at each link.
//!
//! The limits know nothing of the schema: a document is judged by what it says, so that the verdict is cheap; what fields
//! cost beyond a point is handed in, as a function of their names. The rules of the language that async-graphql does not
//! keep are kept here too (`source`, `subscription`, `variable`, `conflict`), before it validates the rest. What does not
//! depend on the request is decided once and kept with the parsed document.
//!
//! A request may name its document instead of sending it: `document` finds the text, for every transport.

mod bucket;
mod conflict;
mod cost;
mod document;
mod hash;
mod kept;
mod null;
mod permission;
mod reach;
mod refusal;
mod selection;
mod source;
mod subscription;
mod text;
mod token;
mod types;
mod variable;
mod walk;

use std::{
    any::TypeId,
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use async_graphql::{
    Name, PathSegment, Request, Response, ServerError, Value, Variables,
    parser::{
        parse_query,
        types::{DocumentOperations, ExecutableDocument, OperationDefinition, OperationType},
    },
};

use self::{
    bucket::{Buckets, Owner, Taken},
    cost::Pricing,
    document::{Documents, Offer},
    kept::Kept,
};
pub use self::{
    bucket::{Micros, Throttle},
    cost::Prices,
    document::{Reference, Unfit},
    hash::Hash,
    permission::Kinds,
    refusal::{RETRY_AFTER, Refusal},
    text::check_text,
    types::Types,
};
use crate::{
    caller::{Caller, is_for},
    config,
};

/// Documents longer than this are parsed each time, and never kept by their hash.
const LONGEST_KEPT: usize = 16 * 1024;

/// The member of a request's extensions that asks what the request costs, and of an answer's that tells it.
pub const COST: &str = "cost";

/// The name of an operation that there cannot be.
pub const NO_OPERATION: &str = "?";

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
    /// What to keep of its document once it has been found valid.
    pub fresh: Fresh,
    /// What it was priced at, to be settled with its answer.
    pub charge: Charge,
}

/// A parsed document and its text.
type Parsed = (String, Arc<Known>);

/// A document that is not kept yet, by its text or by its hash.
#[derive(Debug, Default)]
pub struct Fresh {
    parsed: Option<Parsed>,
    // Rare, and so apart from what every request has.
    persisted: Option<Box<Offer>>,
}

/// What a request was priced at before it ran. One that is dropped before anything began gives its points back.
#[derive(Debug)]
pub struct Charge {
    /// Points that it asks for.
    pub requested: u64,
    /// Whether its answer is to tell its cost.
    asked: bool,
    /// Points that were taken from its caller's bucket.
    taken: Option<Taken>,
    /// The document that runs.
    known: Arc<Known>,
}

impl Charge {
    /// Says that it begins. From here on its points are spent unless its answer is counted: what was stopped at its
    /// deadline, left by its client or broken by a panic was work, and nobody can tell how much.
    pub const fn begin(&mut self) {
        if let Some(taken) = &mut self.taken {
            taken.spend();
        }
    }

    /// Says that a stream opens, which costs a point; each of its events is counted for itself.
    pub fn open(&mut self) {
        if let Some(taken) = self.taken.take() {
            taken.settle(1);
        }
    }
}

/// Judges requests and keeps parsed documents.
#[derive(Debug)]
pub struct Guard {
    limits: config::Guard,
    page: config::Page,
    prices: Prices,
    kinds: Kinds,
    buckets: Option<Arc<Buckets>>,
    documents: Mutex<Kept>,
    /// Texts that clients name instead of sending them.
    texts: Documents,
    types: Arc<Types>,
    /// How many requests were refused, by the reason's word.
    refusals: Mutex<BTreeMap<&'static str, u64>>,
}

/// A document that passed every check that does not depend on variables.
#[derive(Debug)]
struct Known {
    document: ExecutableDocument,
    /// Whether it asks about the schema.
    introspects: bool,
    hash: Hash,
    /// Words and signs of its text, by which what is kept of it has its size.
    tokens: usize,
}

impl Guard {
    /// A guard with these limits. The page sizes tell what a list costs.
    pub fn new(limits: &config::Guard, page: &config::Page) -> Self {
        let began = Instant::now();
        let clock = move || i64::try_from(began.elapsed().as_micros()).unwrap_or(i64::MAX);
        let guard = Self {
            limits: limits.clone(),
            page: page.clone(),
            prices: Prices::default(),
            kinds: Kinds::default(),
            buckets: None,
            documents: Mutex::new(Kept::new(limits)),
            texts: Documents::new(limits.persisted),
            types: Arc::default(),
            refusals: Mutex::default(),
        };
        guard.timed(Arc::new(clock))
    }

    /// The same with what the schema says of its fields.
    #[must_use]
    pub fn priced(self, prices: Prices) -> Self {
        Self { prices, ..self }
    }

    /// The same with what the schema says of the kinds of things behind its names.
    #[must_use]
    pub fn telling(self, kinds: Kinds) -> Self {
        Self { kinds, ..self }
    }

    /// The same for this schema; without one, what depends on types is left to the executor.
    #[must_use]
    pub fn knowing(mut self, types: Arc<Types>) -> Self {
        self.types = types;
        self
    }

    /// The same with the documents of the folder that the settings name, each of which must be one that may run.
    pub fn trusting(mut self) -> Result<Self, Unfit> {
        let folder = Path::new(&self.limits.trusted);
        if !folder.as_os_str().is_empty() {
            let trusted = document::read(folder, |text| self.document(text).map(drop))?;
            self.texts.trust(trusted, self.limits.trusted_only);
        }
        Ok(self)
    }

    /// The documents that are trusted, each with its file, as requests that can be validated and run nothing: they name an
    /// operation that no document can have, [`NO_OPERATION`].
    pub fn trusted(&self) -> Result<Vec<(PathBuf, Request)>, Refusal> {
        let folder = Path::new(&self.limits.trusted);
        let request = |(name, text): (&str, &str)| {
            let (known, _) = self.document(text)?;
            let mut request = Request::new(text).operation_name(NO_OPERATION);
            request.set_parsed_query(known.document.clone());
            Ok((folder.join(name).with_extension("graphql"), request))
        };
        self.texts.trusted().into_iter().map(request).collect()
    }

    /// Keeps a document that was found valid, so that it need not be parsed again, and its hash will do where that was
    /// offered.
    pub fn keep(&self, fresh: Fresh) {
        if let Some((text, known)) = fresh.parsed {
            self.kept().put(text, known);
        }
        if let Some(offer) = fresh.persisted {
            self.texts.keep(*offer);
        }
    }

    /// The same on another clock, by which buckets fill.
    #[must_use]
    pub fn timed(self, clock: Micros) -> Self {
        let (maximum, restore) = (self.limits.bucket, self.limits.restore);
        let buckets = (maximum > 0).then(|| Arc::new(Buckets::new(maximum, restore, clock)));
        Self { buckets, ..self }
    }

    /// Parses and judges a request; the only way to the executor, for every transport. The points that it asks for are
    /// taken from its caller's bucket.
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
        let persisted = self.texts.find(&mut request)?.map(Box::new);
        let (known, parsed) = self.document(&request.query)?;
        let caller =
            request.data.get(&TypeId::of::<Caller>()).and_then(|caller| caller.downcast_ref::<Caller>());
        if known.introspects && !is_for(self.limits.introspection, caller) {
            return Err(Refusal::Closed);
        }

        let chosen = chosen(&known.document, request.operation_name.as_deref());
        if let (Some(caller), Some((_, operation))) = (caller, chosen) {
            let (kinds, variables) = (self.kinds, &request.variables);
            permission::check(kinds, &self.types, &known.document, operation, variables, caller)?;
        }
        let (kind, name) = chosen.map_or((OperationType::Query, None), |(name, operation)| {
            (operation.ty, name.map(str::to_owned))
        });
        let owner = self.buckets.as_ref().and(caller).map(Owner::of);
        let mut requested = 0;
        if let Some((_, operation)) = chosen {
            let mut pricing =
                Pricing::new(self.prices, &known.document, operation, &request.variables, &self.page);
            requested = pricing.whole();
            if requested > self.limits.cost {
                let dearest = pricing.dearest();
                let buckets = self.buckets.as_ref().zip(owner.as_ref());
                let throttle = buckets.map(|(buckets, owner)| buckets.settle(owner, 0, 0));
                return Err(Refusal::Cost { found: requested, most: self.limits.cost, dearest, throttle });
            }
        }
        let mut document = known.document.clone();
        variable::settle(&mut document, name.as_deref(), &mut request.variables)?;
        // Last, so that nothing is refused any more that points were taken for.
        let taken = match (&self.buckets, owner) {
            (Some(buckets), Some(owner)) => Some(Taken::of(buckets, owner, requested)),
            _ => None,
        };
        let taken = taken.transpose().map_err(|throttle| Refusal::Throttled {
            requested,
            most: self.limits.cost,
            throttle,
        })?;

        let asked = matches!(request.extensions.get(COST), Some(Value::Boolean(true)));
        request.set_parsed_query(document);
        let (hash, fresh) = (known.hash, Fresh { parsed, persisted });
        let charge = Charge { requested, asked, taken, known };
        Ok(Prepared { request, kind, name, hash, fresh, charge })
    }

    /// Puts null where fields of an answer failed, counts it, gives back what it did not need, and has it tell its cost
    /// where that was asked for. `name` is that of the operation that ran.
    pub fn settle(&self, charge: Charge, name: Option<&str>, response: &mut Response) {
        let Some(actual) = self.actual(&charge, name, response) else { return };
        let throttle = charge.taken.map(|taken| taken.settle(actual));
        if charge.asked {
            self.tell(charge.requested, actual, throttle, response);
        }
    }

    /// The same for an answer of a stream that this caller follows; its points are taken even where they are not there
    /// yet.
    pub fn settle_event(
        &self,
        charge: &Charge,
        name: Option<&str>,
        caller: impl FnOnce() -> Caller,
        response: &mut Response,
    ) {
        let Some(actual) = self.actual(charge, name, response) else { return };
        let throttle = self.buckets.as_ref().map(|buckets| buckets.settle(&Owner::of(&caller()), 0, actual));
        if charge.asked {
            self.tell(charge.requested, actual, throttle, response);
        }
    }

    /// Whether a caller has no points left, and a stream has to wait for some.
    pub fn is_spent(&self, caller: &Caller) -> bool {
        self.buckets.as_ref().is_some_and(|buckets| buckets.is_empty(&Owner::of(caller)))
    }

    /// Whether what is done costs points at all.
    pub const fn has_buckets(&self) -> bool {
        self.buckets.is_some()
    }

    /// What an answer cost, where it is to be counted, once it is as it should be.
    fn actual(&self, charge: &Charge, name: Option<&str>, response: &mut Response) -> Option<u64> {
        let document = &charge.known.document;
        let counts = charge.asked || self.has_buckets();
        if !counts && response.errors.is_empty() {
            return None;
        }
        let operation = chosen(document, name).map(|(_, operation)| operation);
        if let Some(operation) = operation
            && !response.errors.is_empty()
        {
            null::settle(document, operation, &self.types, response);
        }
        if !counts {
            return None;
        }
        let held =
            operation.map_or(0, |operation| cost::actual(self.prices, document, operation, &response.data));
        // Even an answer without data took looking at; what an error took along was done all the same.
        let least = if is_torn(response) { charge.requested } else { 1 };
        Some(held.max(least))
    }

    fn tell(&self, requested: u64, actual: u64, throttle: Option<Throttle>, response: &mut Response) {
        let told = Told { requested, actual: Some(actual), maximum: self.limits.cost };
        response.extensions.insert(COST.to_owned(), told.value(None, throttle));
    }

    /// The parsed document of a text, and what to keep of it where it is not kept yet. Only a document that passed every
    /// check that does not depend on variables is offered, so one found in the cache needs none of them again.
    fn document(&self, text: &str) -> Result<(Arc<Known>, Option<Parsed>), Refusal> {
        if text.len() <= LONGEST_KEPT
            && let Some(known) = self.kept().get(text)
        {
            return Ok((known, None));
        }
        let tokens = check_text(text, &self.limits)?;
        let mut document = parse_query(source::read(text)?)?;
        let introspects = walk::check(&document, &self.limits)?;
        subscription::one_root(&mut document)?;
        variable::check(&document, &self.types)?;
        conflict::check(&document, &self.types, self.limits.fields)?;
        let known = Arc::new(Known { document, introspects, hash: Hash::of(text), tokens });
        let keep = self.kept().may_keep(text, tokens).then(|| (text.to_owned(), Arc::clone(&known)));
        Ok((known, keep))
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.documents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether an error took more with it than its own field, as a null does where none may be, or came of a deadline: what
/// was done for the rest is not in the answer.
fn is_torn(response: &Response) -> bool {
    let late = |error: &ServerError| {
        let code = error.extensions.as_ref().and_then(|extensions| extensions.get("code"));
        matches!(code, Some(Value::String(code)) if code == "TIMEOUT")
    };
    response.errors.iter().any(|error| late(error) || !holds(&response.data, &error.path))
}

/// Whether an answer has a place, be there a null.
fn holds(data: &Value, path: &[PathSegment]) -> bool {
    let found = path.iter().try_fold(data, |value, segment| match (value, segment) {
        (Value::Object(members), PathSegment::Field(key)) => members.get(key.as_str()),
        (Value::List(items), PathSegment::Index(at)) => items.get(*at),
        _ => None,
    });
    found.is_some()
}

/// What is told of a cost.
struct Told {
    requested: u64,
    actual: Option<u64>,
    maximum: u64,
}

impl Told {
    fn value(&self, dearest: Option<&str>, throttle: Option<Throttle>) -> Value {
        let mut members = vec![(Name::new("requested"), Value::from(self.requested))];
        members.extend(self.actual.map(|actual| (Name::new("actual"), actual.into())));
        members.push((Name::new("maximum"), self.maximum.into()));
        members.extend(dearest.map(|dearest| (Name::new("dearest"), dearest.into())));
        members.extend(throttle.map(|throttle| {
            let status = [
                ("maximum", throttle.maximum),
                ("available", throttle.available),
                ("restoreRate", throttle.restore_rate),
            ];
            let status = status.into_iter().map(|(name, value)| (Name::new(name), value.into()));
            (Name::new("throttle"), Value::Object(status.collect()))
        }));
        Value::Object(members.into_iter().collect())
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
