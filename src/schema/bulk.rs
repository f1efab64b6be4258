//! Bulk forms of mutations: many inputs of one kind, each with the payload of its mutation. A noun joins with a line in
//! [`bulk!`]; what an input says is read where its own mutation reads it.

use async_graphql::{Context, Enum, InputObject, Object};

use super::{
    Ask, Result,
    change::Change,
    line::{
        ChangeLineSettingsInput, ChangeLineSettingsPayload, CreateLineInput, CreateLinePayload,
        DeleteLineInput, DeleteLinePayload, UpdateLineInput, UpdateLinePayload,
    },
    mutation::{About, CallInput, Done, Said, Says},
    number::{
        ChangeNumberStatusInput, ChangeNumberStatusPayload, CreateNumberInput, CreateNumberPayload,
        DeleteNumberInput, DeleteNumberPayload, UpdateNumberInput, UpdateNumberPayload,
    },
    profile::{
        CreateProfileInput, CreateProfilePayload, DeleteProfileInput, DeleteProfilePayload,
        UpdateProfileInput, UpdateProfilePayload,
    },
    service::{
        CreateServiceInput, CreateServicePayload, DeleteServiceInput, DeleteServicePayload,
        UpdateServiceInput, UpdateServicePayload,
    },
    service_subscription::{
        SubscribeServiceInput, SubscribeServicePayload, UnsubscribeServiceInput, UnsubscribeServicePayload,
    },
    user::{
        CreateUserInput, CreateUserPayload, DeleteUserInput, DeleteUserPayload, UpdateUserInput,
        UpdateUserPayload,
    },
    value::{rule::UserError, scalar::Cursor},
};
use crate::{
    app::Call,
    command::bulk::{Item, Many, run},
    error::Error,
    rule::{
        self, Broken,
        bulk::{check_calls, check_count},
    },
};

/// What becomes of the others when an item is refused.
#[derive(Clone, Copy, Debug, Default, Enum, Eq, PartialEq)]
#[graphql(remote = "rule::bulk::Policy")]
pub enum BulkPolicy {
    /// Nothing is done unless everything can be: one transaction, in which each item sees what those before it did.
    #[default]
    AllOrNothing,
    /// Each item stands for itself. What was done stays when the call is cut off; with an idempotency key it goes on there
    /// when it is sent again.
    Each,
}

/// What came of many items.
pub struct Bulk {
    /// What came of each, and whether it was done.
    items: Vec<(Done, bool)>,
    /// What is wrong with the call as a whole.
    whole: Broken,
}

impl Bulk {
    /// Nothing was tried.
    pub fn refused(whole: Broken) -> Self {
        Self { items: Vec::new(), whole }
    }

    /// The items' outcomes, each error below its item.
    pub fn of(items: Vec<(About, Item)>, dry_run: bool) -> Self {
        let done = |(at, (about, item)): (usize, (About, Item))| {
            let outcome = match item {
                Item::Ended(Err(broken)) => {
                    let mut nested = Broken::none();
                    nested.nest(broken, &format!("items.{at}"));
                    Err(nested)
                }
                Item::Ended(Ok(committed)) => Ok(committed),
                Item::Left => Err(Broken::none()),
            };
            let is_done = outcome.is_ok();
            (Done::of_item(outcome, dry_run, about), is_done)
        };
        Self { items: items.into_iter().enumerate().map(done).collect(), whole: Broken::none() }
    }

    /// What came of each item, in order.
    pub fn into_items<T>(self, item: impl Fn(i32, bool, Done) -> T) -> (Vec<T>, Counts) {
        let mut counts = Counts {
            done: self.items.iter().filter(|(_, done)| *done).count(),
            refused: self.items.iter().filter(|(done, _)| !done.errors().is_empty()).count(),
            errors: self.whole.0.iter().map(UserError::from).collect::<Vec<_>>(),
            changes: self.items.iter().flat_map(|(done, _)| done.rendered()).collect(),
            cursor: self.items.iter().rev().find_map(|(done, _)| done.cursor()),
        };
        counts.errors.extend(self.items.iter().flat_map(|(done, _)| done.errors()));
        let items = self.items.into_iter().zip(0..).map(|((done, is_done), at)| item(at, is_done, done));
        (items.collect(), counts)
    }
}

/// What is told of all items together.
pub struct Counts {
    pub done: usize,
    pub refused: usize,
    pub errors: Vec<UserError>,
    pub changes: Vec<Change>,
    pub cursor: Option<Cursor>,
}

/// Does what many inputs say.
async fn say_all<I: Says>(
    ctx: &Context<'_>,
    items: Vec<I>,
    policy: BulkPolicy,
    call: CallInput,
) -> Result<Bulk> {
    if let Err(broken) = check_count(items.len()) {
        return Ok(Bulk::refused(broken));
    }
    let (mut calls, mut about, mut commands) = (Vec::new(), Vec::new(), Vec::new());
    for (at, item) in items.into_iter().enumerate() {
        let said = item.said().map_err(|error| match error {
            Error::Input(message) => Error::Input(format!("items.{at}: {message}")),
            other => other,
        })?;
        let Said { call, about: thing, cmd } = said;
        calls.push(call.said());
        about.push(thing);
        commands.push(cmd);
    }
    if let Err(broken) = check_calls(calls) {
        return Ok(Bulk::refused(broken));
    }
    let input = serde_json::to_string(&commands).map_err(Error::internal)?;
    let call = Call::from(call);
    let many = Many { policy: policy.into(), items: commands, targets: Vec::new() };
    let outcomes = Box::pin(run(ctx.app()?, ctx.caller()?, &call, &input, &many)).await;
    ctx.loaders()?.forget().await;
    Ok(Bulk::of(about.into_iter().zip(outcomes?).collect(), call.dry_run))
}

/// Declares the payload of a bulk form: its items, and what is told of all of them.
macro_rules! bulk_payload {
    (
        $(#[$doc:meta])* $name:ident of $item:ident {
            $( $(#[$about:meta])* $field:ident: $type:ty = |$ctx:ident, $kept:ident: $of:ty| $value:expr; )*
        }
    ) => {
        pub struct $name {
            pub items: Vec<$item>,
            pub counts: $crate::schema::bulk::Counts,
            $(pub $field: $of,)*
        }

        $(#[$doc])*
        #[async_graphql::Object]
        impl $name {
            /// What came of each item, in the order of the input; empty where the call as a whole was refused.
            async fn items(&self) -> &[$item] {
                &self.items
            }

            $(
                $(#[$about])*
                async fn $field(&self, ctx: &async_graphql::Context<'_>) -> $crate::schema::Result<$type> {
                    let ($ctx, $kept) = (ctx, &self.$field);
                    $value
                }
            )*

            /// How many items were done; on a dry run, would be.
            async fn done(&self) -> usize {
                self.counts.done
            }

            /// How many items were refused.
            async fn refused(&self) -> usize {
                self.counts.refused
            }

            /// Every rule that the call or any of its items breaks, with the item in the path: `items.3.lines.0.pattern`.
            async fn errors(&self) -> &[UserError] {
                &self.counts.errors
            }

            /// What was done, in order; on a dry run, what would be. Empty when all was so already.
            async fn changes(&self) -> &[$crate::schema::change::Change] {
                &self.counts.changes
            }

            /// Place in the change stream right after what was done last. Nothing when nothing was done.
            async fn cursor(&self) -> Option<&Cursor> {
                self.counts.cursor.as_ref()
            }
        }
    };
}

pub(super) use bulk_payload;

/// Declares bulk forms: the input and the payload of each, over the input and payload of its mutation.
macro_rules! bulk {
    ($(
        $(#[doc = $doc:literal])*
        $field:ident($input:ident of $one:ident) -> $payload:ident of $item:ident: $single:ident;
    )*) => {
        $(
            /// Things of one kind to do at once.
            #[derive(InputObject)]
            pub struct $input {
                /// What to do, up to 1,000 items, as in the mutation of one. `dryRun`, `idempotencyKey` and `reason` are
                /// said once, beside them.
                pub items: Vec<$one>,
                /// What becomes of the others when an item is refused.
                #[graphql(default)]
                pub policy: BulkPolicy,
                #[graphql(flatten)]
                pub call: CallInput,
            }

            pub struct $item {
                index: i32,
                done: bool,
                payload: $single,
            }

            /// What came of an item.
            #[Object]
            impl $item {
                /// Its place in the input, from 0.
                async fn index(&self) -> i32 {
                    self.index
                }

                /// Whether it was done; on a dry run, would be. An item without errors that was not done was left, as
                /// others were refused.
                async fn done(&self) -> bool {
                    self.done
                }

                /// What the mutation of one tells.
                async fn payload(&self) -> &$single {
                    &self.payload
                }
            }

            impl $item {
                /// An item's outcome.
                pub fn of(index: i32, done: bool, came: Done) -> Self {
                    Self { index, done, payload: $single(came) }
                }
            }

            bulk_payload! {
                /// What came of a bulk mutation.
                $payload of $item {}
            }
        )*

        #[derive(Default)]
        pub struct BulkMutation;

        #[Object]
        impl BulkMutation {
            $(
                $(#[doc = $doc])*
                async fn $field(
                    &self,
                    ctx: &Context<'_>,
                    #[graphql(desc = "What to do.")] input: $input,
                ) -> Result<$payload> {
                    let done = say_all(ctx, input.items, input.policy, input.call).await?;
                    let (items, counts) = done.into_items($item::of);
                    Ok($payload { items, counts })
                }
            )*
        }
    };
}

bulk! {
    /// Makes up to 1,000 profiles.
    create_profiles(CreateProfilesInput of CreateProfileInput) -> CreateProfilesPayload of CreateProfilesItem: CreateProfilePayload;
    /// Changes up to 1,000 profiles, each in its own way.
    update_profiles(UpdateProfilesInput of UpdateProfileInput) -> UpdateProfilesPayload of UpdateProfilesItem: UpdateProfilePayload;
    /// Deletes up to 1,000 profiles.
    delete_profiles(DeleteProfilesInput of DeleteProfileInput) -> DeleteProfilesPayload of DeleteProfilesItem: DeleteProfilePayload;
    /// Makes up to 1,000 lines.
    create_lines(CreateLinesInput of CreateLineInput) -> CreateLinesPayload of CreateLinesItem: CreateLinePayload;
    /// Changes what up to 1,000 lines themselves have, each in its own way.
    update_lines(UpdateLinesInput of UpdateLineInput) -> UpdateLinesPayload of UpdateLinesItem: UpdateLinePayload;
    /// Changes the settings of up to 1,000 lines through their originals; every clone follows.
    change_settings_of_lines(ChangeSettingsOfLinesInput of ChangeLineSettingsInput) -> ChangeSettingsOfLinesPayload of ChangeSettingsOfLinesItem: ChangeLineSettingsPayload;
    /// Deletes up to 1,000 lines.
    delete_lines(DeleteLinesInput of DeleteLineInput) -> DeleteLinesPayload of DeleteLinesItem: DeleteLinePayload;
    /// Makes up to 1,000 users, each with profiles where they are given.
    create_users(CreateUsersInput of CreateUserInput) -> CreateUsersPayload of CreateUsersItem: CreateUserPayload;
    /// Changes up to 1,000 users, each in its own way.
    update_users(UpdateUsersInput of UpdateUserInput) -> UpdateUsersPayload of UpdateUsersItem: UpdateUserPayload;
    /// Deletes up to 1,000 users.
    delete_users(DeleteUsersInput of DeleteUserInput) -> DeleteUsersPayload of DeleteUsersItem: DeleteUserPayload;
    /// Adds up to 1,000 numbers, each in its own way; `createNumbers` adds a range alike.
    create_numbers_by_pattern(CreateNumbersByPatternInput of CreateNumberInput) -> CreateNumbersByPatternPayload of CreateNumbersByPatternItem: CreateNumberPayload;
    /// Moves up to 1,000 numbers to other statuses, each in its own way.
    change_statuses_of_numbers(ChangeStatusesOfNumbersInput of ChangeNumberStatusInput) -> ChangeStatusesOfNumbersPayload of ChangeStatusesOfNumbersItem: ChangeNumberStatusPayload;
    /// Changes what is written at up to 1,000 numbers, each in its own way; `updateNumbers` changes a range alike.
    update_numbers_by_id(UpdateNumbersByIdInput of UpdateNumberInput) -> UpdateNumbersByIdPayload of UpdateNumbersByIdItem: UpdateNumberPayload;
    /// Deletes up to 1,000 numbers; `deleteNumbers` deletes what is free of a range.
    delete_numbers_by_id(DeleteNumbersByIdInput of DeleteNumberInput) -> DeleteNumbersByIdPayload of DeleteNumbersByIdItem: DeleteNumberPayload;
    /// Makes up to 1,000 phone services.
    create_services(CreateServicesInput of CreateServiceInput) -> CreateServicesPayload of CreateServicesItem: CreateServicePayload;
    /// Changes up to 1,000 phone services, each in its own way.
    update_services(UpdateServicesInput of UpdateServiceInput) -> UpdateServicesPayload of UpdateServicesItem: UpdateServicePayload;
    /// Deletes up to 1,000 phone services.
    delete_services(DeleteServicesInput of DeleteServiceInput) -> DeleteServicesPayload of DeleteServicesItem: DeleteServicePayload;
    /// Subscribes up to 1,000 profiles or phones to phone services.
    subscribe_services(SubscribeServicesInput of SubscribeServiceInput) -> SubscribeServicesPayload of SubscribeServicesItem: SubscribeServicePayload;
    /// Ends up to 1,000 subscriptions; their values are kept.
    unsubscribe_services(UnsubscribeServicesInput of UnsubscribeServiceInput) -> UnsubscribeServicesPayload of UnsubscribeServicesItem: UnsubscribeServicePayload;
}
