//! What every mutation has: how it is called, how it is answered.

use async_graphql::{Context, InputObject, InputType, MaybeUndefined};
use serde::{Serialize, de::DeserializeOwned};

use super::{
    Ask, Result,
    change::Change,
    value::{rule::UserError, scalar::Cursor},
};
use crate::{
    app::Call,
    command::{self, Command, Outcome},
    rule::{self, Patch},
};

/// What may be said with every mutation.
#[derive(Default, InputObject)]
pub struct CallInput {
    /// Only see what would happen: every rule is checked and `changes` tells what would be done, but nothing is.
    #[graphql(default)]
    pub dry_run: bool,
    /// A text of your choice, 1 to 200 bytes. The same key with the same input is answered and not done again.
    pub idempotency_key: Option<String>,
    /// Why, for the history; up to 500 characters.
    pub reason: Option<String>,
}

impl CallInput {
    /// The names of what is said.
    pub fn said(&self) -> Vec<&'static str> {
        let said = [
            ("dryRun", self.dry_run),
            ("idempotencyKey", self.idempotency_key.is_some()),
            ("reason", self.reason.is_some()),
        ];
        said.into_iter().filter(|(_, said)| *said).map(|(name, _)| name).collect()
    }
}

impl From<CallInput> for Call {
    fn from(call: CallInput) -> Self {
        Self { dry_run: call.dry_run, reason: call.reason, idempotency_key: call.idempotency_key }
    }
}

/// What came of a mutation.
pub struct Done {
    outcome: Outcome,
    dry_run: bool,
    /// The thing that the mutation was about, where it is there now.
    pub subject: Option<i64>,
}

impl Done {
    /// What came of one of many.
    pub fn of_item(outcome: Outcome, dry_run: bool, about: About) -> Self {
        Self { outcome, dry_run, subject: None }.about(about)
    }

    /// The same, with the thing that it was about.
    fn about(mut self, about: About) -> Self {
        self.subject = match about {
            About::There(id) => self.is_done().then_some(id),
            About::Made(find) if !self.dry_run => self.changes().iter().find_map(find),
            About::Found(find) => self.changes().iter().find_map(find),
            About::Made(_) | About::Gone => None,
        };
        self
    }

    /// The changes, when no rule was broken.
    pub fn changes(&self) -> &[rule::Change] {
        self.outcome.as_ref().map(|committed| committed.changes.as_slice()).unwrap_or_default()
    }

    /// What a change of the answer yields, for each that yields something.
    pub fn collect<T>(&self, of: impl Fn(&rule::Change) -> Option<T>) -> Vec<T> {
        self.changes().iter().filter_map(of).collect()
    }

    /// Whether no rule was broken.
    pub fn is_done(&self) -> bool {
        self.outcome.is_ok()
    }

    /// Whether it was only tried.
    pub fn is_dry_run(&self) -> bool {
        self.dry_run
    }

    pub fn errors(&self) -> Vec<UserError> {
        self.outcome
            .as_ref()
            .err()
            .map(|broken| broken.0.iter().map(UserError::from).collect())
            .unwrap_or_default()
    }

    pub fn rendered(&self) -> Vec<Change> {
        self.changes().iter().cloned().map(Change::of).collect()
    }

    pub fn cursor(&self) -> Option<Cursor> {
        self.outcome.as_ref().ok().map(|committed| Cursor::Change(committed.cursor))
    }
}

/// What a mutation is about.
#[derive(Clone, Copy)]
pub enum About {
    /// Nothing that is there afterwards.
    Gone,
    /// A thing that is there.
    There(i64),
    /// A thing that it makes, which this finds among the changes. Of a dry run nothing is there.
    Made(fn(&rule::Change) -> Option<i64>),
    /// A thing that it changes, which this finds among the changes.
    Found(fn(&rule::Change) -> Option<i64>),
}

/// What an input says.
pub struct Said<C> {
    pub call: CallInput,
    pub about: About,
    pub cmd: C,
}

/// An input that says one command. Its mutation and the bulk form of that read it here, both.
pub trait Says: InputType {
    type Command: Command;

    /// What it says.
    fn said(self) -> Result<Said<Self::Command>>;
}

/// Does what an input says.
pub async fn say<I: Says>(ctx: &Context<'_>, input: I) -> Result<Done> {
    let Said { call, about, cmd } = input.said()?;
    Ok(perform(ctx, call, cmd).await?.about(about))
}

/// Does the command on a thing that is there.
pub async fn run<C: Command>(ctx: &Context<'_>, call: CallInput, subject: i64, cmd: C) -> Result<Done> {
    let mut done = perform(ctx, call, cmd).await?;
    done.subject = done.outcome.is_ok().then_some(subject);
    Ok(done)
}

/// Does the command that makes a thing, which `made` finds among the changes. Of a dry run nothing is there.
pub async fn make<C: Command>(
    ctx: &Context<'_>,
    call: CallInput,
    cmd: C,
    made: impl Fn(&rule::Change) -> Option<i64>,
) -> Result<Done> {
    let mut done = perform(ctx, call, cmd).await?;
    if !done.dry_run {
        done.subject = done.changes().iter().find_map(made);
    }
    Ok(done)
}

/// Does the command that takes a thing away.
pub async fn perform<C: Command>(ctx: &Context<'_>, call: CallInput, cmd: C) -> Result<Done> {
    let call = Call::from(call);
    // Boxed, as every resolver around it would hold its future once more.
    let outcome = Box::pin(command::run(ctx.app()?, ctx.caller()?, &call, &cmd)).await;
    ctx.loaders()?.forget().await;
    Ok(Done { outcome: outcome?, dry_run: call.dry_run, subject: None })
}

/// The fields that an input sent, by their stored names.
#[derive(Default)]
pub struct Sent(serde_json::Map<String, serde_json::Value>);

impl Sent {
    /// Adds a field where it was given.
    pub fn given(&mut self, name: &str, value: Option<impl Serialize>) -> &mut Self {
        if let Some(value) = value {
            self.0.insert(name.to_owned(), serde_json::to_value(value).unwrap_or_default());
        }
        self
    }

    /// Adds a field where it was sent; null puts the default back.
    pub fn maybe(&mut self, name: &str, value: MaybeUndefined<impl Serialize>) -> &mut Self {
        match value {
            MaybeUndefined::Undefined => self,
            MaybeUndefined::Null => {
                self.0.insert(name.to_owned(), serde_json::Value::Null);
                self
            }
            MaybeUndefined::Value(value) => self.given(name, Some(value)),
        }
    }

    /// The patch.
    pub fn patch<T: Default + DeserializeOwned + Serialize>(self) -> Patch<T> {
        Patch::new(self.0)
    }
}

/// Declares a payload: its own fields, and those that every payload has.
macro_rules! payload {
    (
        $(#[$doc:meta])* $name:ident {
            $( $(#[$about:meta])* $field:ident: $type:ty = |$ctx:ident, $done:ident| $value:expr; )*
        }
    ) => {
        pub struct $name(pub $crate::schema::mutation::Done);

        $(#[$doc])*
        #[async_graphql::Object]
        impl $name {
            $(
                $(#[$about])*
                async fn $field(&self, ctx: &async_graphql::Context<'_>) -> $crate::schema::Result<$type> {
                    let ($ctx, $done) = (ctx, &self.0);
                    $value
                }
            )*

            /// Every rule that the input breaks; empty when it was done.
            async fn errors(&self) -> Vec<$crate::schema::value::rule::UserError> {
                self.0.errors()
            }

            /// What was done, in order; on a dry run, what would be. Empty when all was so already.
            async fn changes(&self) -> Vec<$crate::schema::change::Change> {
                self.0.rendered()
            }

            /// Place in the change stream right after what was done: follow from here to see what comes next.
            /// Nothing when a rule was broken.
            async fn cursor(&self) -> Option<$crate::schema::value::scalar::Cursor> {
                self.0.cursor()
            }
        }
    };
}

pub(crate) use payload;
