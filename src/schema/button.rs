//! Speed dials, busy lamp fields, call park and service URL buttons in the graph.

use std::{collections::BTreeMap, sync::Arc};

use async_graphql::{
    Context, ContextSelectionSet, Enum, ID, InputObject, Interface, MaybeUndefined, Object, OneofObject,
};
use entity::{
    button::{Kind, Model},
    change_subject::Noun,
};

use futures_util::{future::BoxFuture, join};

use super::{
    Result,
    change::{ChangeEvent, history},
    connection::{Asked, Connection, Direction, Rendered, first_below, one, root},
    device::{self, Device},
    filter::{OrganizationScope, Parts, StringFilter, numbers},
    level::{Answers, Thing, fill_some, in_place, rendered},
    line::Line,
    loader::{Loaders, Of},
    mutation::{CallInput, Done, Sent, make, payload, perform, run},
    organization::sea_name,
    value::{
        enums::ButtonKind,
        id::{self, NodeId, or_none},
    },
};
use crate::{
    rule::{
        Change as RuleChange,
        button::{Add, Fields, Move, NewButton, Remove, Replace, Update},
        patch,
    },
    store::{
        button,
        page::{Filter, Order},
    },
};

/// A button of one kind: what all buttons have, and what follows.
macro_rules! button_type {
    ($(#[doc = $doc:literal])* $name:ident as $object:ident $text:literal { $($own:tt)* }) => {
        $(#[doc = $doc])*
        pub type $name = Thing<$object>;

        $(#[doc = $doc])*
        #[derive(Clone)]
        pub struct $object(pub Arc<button::Row>);

        rendered!($object over button::Row, in button {});

        $(#[doc = $doc])*
        #[Object(name = $text)]
        impl $object {
            /// Global id.
            pub async fn id(&self) -> Result<ID> {
                Ok(NodeId::Button(*self.0.id.get()?).encode())
            }

            /// Which of the device's lists it is in.
            pub async fn kind(&self) -> Result<ButtonKind> {
                Ok((*self.0.kind.get()?).into())
            }

            /// The position in its list, from 1; positions before it may be empty.
            pub async fn index(&self) -> Result<i32> {
                Ok(*self.0.position.get()?)
            }

            /// The text beside the button, up to 50 characters.
            pub async fn label(&self) -> Result<Option<&str>> {
                Ok(self.0.label.get()?.as_deref())
            }

            /// The profile or phone that it stands on.
            pub async fn device(&self, ctx: &Context<'_>) -> Result<Option<Device>> {
                device::load(ctx, ctx.field(), *self.0.device_id.get()?).await
            }

            /// What happened to it, newest first.
            pub async fn history(
                &self,
                ctx: &Context<'_>,
                #[graphql(desc = "Changes from the newest on, up to 200.")] first: Option<i32>,
                #[graphql(desc = "Behind this place.")] after: Option<String>,
            ) -> Result<Connection<ChangeEvent>> {
                history(ctx, Noun::Button, self.0.id.get()?.0, first, after).await
            }

            $($own)*
        }
    };
}

button_type! {
    /// A number to dial with one button, or with its position where no button is left (Cisco: speed dial, abbreviated
    /// dial).
    SpeedDial as SpeedDialObject "SpeedDial" {
        /// What it dials: digits, '*', '#' and '+', then codes and tones behind commas. A comma is a pause of two
        /// seconds, or what separates the number, a forced authorization code, a client matter code and tones.
        async fn number(&self) -> Result<&str> {
            Ok(self.0.destination.get()?.as_deref().unwrap_or_default())
        }
    }
}

button_type! {
    /// A number to dial that shows whether it is busy (Cisco: BLF speed dial). It watches a number or SIP URI, or else a
    /// number in a partition.
    BusyLampField as BusyLampFieldObject "BusyLampField" {
        /// The number or SIP URI that it watches; nothing where it watches a number in a partition.
        async fn destination(&self) -> Result<Option<&str>> {
            Ok(self.0.destination.get()?.as_deref())
        }

        /// The number that it watches in a partition; nothing where it watches a destination.
        async fn pattern(&self) -> Result<Option<&str>> {
            Ok(self.0.pattern.get()?.as_deref())
        }

        /// The partition of `pattern`; nothing is Unified CM's none.
        async fn partition(&self) -> Result<Option<&str>> {
            Ok(Some(self.0.partition.get()?.as_str()).filter(|partition| !partition.is_empty()))
        }

        /// Whether it also picks up the call that it shows.
        async fn pickup(&self) -> Result<bool> {
            Ok(*self.0.pickup.get()?)
        }

        /// The line that has `pattern` and `partition` on the device's cluster; nothing where there is none, or not for
        /// you to see.
        async fn line(&self, ctx: &Context<'_>) -> Result<Option<Line>> {
            first_below(ctx, button::LINE_OF_BUTTON, self.0.id.get()?.0).await
        }
    }
}

button_type! {
    /// A number at which calls are parked, with a lamp that shows whether one is there (Cisco: BLF directed call park).
    CallParkButton as CallParkButtonObject "CallParkButton" {
        /// The directed call park number.
        async fn pattern(&self) -> Result<&str> {
            Ok(self.0.pattern.get()?.as_deref().unwrap_or_default())
        }

        /// Its partition; nothing is Unified CM's none.
        async fn partition(&self) -> Result<Option<&str>> {
            Ok(Some(self.0.partition.get()?.as_str()).filter(|partition| !partition.is_empty()))
        }
    }
}

button_type! {
    /// A phone service that opens with one button (Cisco: service URL).
    ServiceUrlButton as ServiceUrlButtonObject "ServiceUrlButton" {
        /// The name of the phone service, up to 128 characters.
        async fn service(&self) -> Result<&str> {
            Ok(self.0.service.get()?.as_deref().unwrap_or_default())
        }

        /// What the phone opens.
        async fn url(&self) -> Result<&str> {
            Ok(self.0.url.get()?.as_deref().unwrap_or_default())
        }
    }
}

/// What stands on a button besides lines: one of four kinds, each a list of positions on its device.
#[derive(Clone, Interface)]
#[graphql(
    field(name = "id", ty = "ID", desc = "Global id."),
    field(name = "kind", ty = "ButtonKind", desc = "Which of the device's lists it is in."),
    field(
        name = "index",
        ty = "i32",
        desc = "The position in its list, from 1; positions before it may be empty."
    ),
    field(name = "label", ty = "Option<&str>", desc = "The text beside the button, up to 50 characters."),
    field(name = "device", ty = "Option<Device>", desc = "The profile or phone that it stands on."),
    field(
        name = "history",
        ty = "Connection<ChangeEvent>",
        desc = "What happened to it, newest first.",
        arg(name = "first", ty = "Option<i32>", desc = "Changes from the newest on, up to 200."),
        arg(name = "after", ty = "Option<String>", desc = "Behind this place.")
    )
)]
pub enum Button {
    SpeedDial(SpeedDial),
    BusyLampField(BusyLampField),
    CallParkButton(CallParkButton),
    ServiceUrlButton(ServiceUrlButton),
}

impl Rendered for Button {
    type Row = button::Row;

    fn of(row: Arc<Self::Row>) -> Self {
        // The kind is always read.
        match row.kind.get().copied().unwrap_or(Kind::SpeedDial) {
            Kind::SpeedDial => Self::SpeedDial(SpeedDial::of(row)),
            Kind::BusyLampField => Self::BusyLampField(BusyLampField::of(row)),
            Kind::CallPark => Self::CallParkButton(CallParkButton::of(row)),
            Kind::ServiceUrl => Self::ServiceUrlButton(ServiceUrlButton::of(row)),
        }
    }

    fn row(&self) -> &Arc<Self::Row> {
        match self {
            Self::SpeedDial(button) => button.row(),
            Self::BusyLampField(button) => button.row(),
            Self::CallParkButton(button) => button.row(),
            Self::ServiceUrlButton(button) => button.row(),
        }
    }

    fn loaders(loaders: &Loaders) -> &Of<Self::Row> {
        &loaders.button
    }

    fn fill<'a>(at: &'a [ContextSelectionSet<'a>], rows: &'a [Arc<Self::Row>]) -> BoxFuture<'a, Answers> {
        let is = |kind| move |row: &button::Row| row.kind.get().is_ok_and(|known| *known == kind);
        Box::pin(async move {
            let kinds = join!(
                fill_some::<SpeedDialObject>(at, rows, is(Kind::SpeedDial)),
                fill_some::<BusyLampFieldObject>(at, rows, is(Kind::BusyLampField)),
                fill_some::<CallParkButtonObject>(at, rows, is(Kind::CallPark)),
                fill_some::<ServiceUrlButtonObject>(at, rows, is(Kind::ServiceUrl)),
            );
            in_place([kinds.0, kinds.1, kinds.2, kinds.3])
        })
    }
}

/// The GraphQL names of the fields in which two states of a button differ.
pub fn differing(before: &Model, after: &Model) -> Vec<String> {
    let named = |name: String| match (name.as_str(), after.kind) {
        ("position", _) => "index".to_owned(),
        ("destination", Kind::SpeedDial) => "number".to_owned(),
        _ => name,
    };
    patch::differing(before, after).into_iter().map(named).collect()
}

/// The buttons that went, as they were.
pub fn removed(done: &Done) -> Vec<Button> {
    done.collect(|change| match change {
        RuleChange::ButtonRemoved { button, .. } => Some(Button::of(Arc::new(button.clone().into()))),
        _ => None,
    })
}

/// Which buttons a list holds. All that is given must hold.
#[derive(Default, InputObject)]
pub struct ButtonFilter {
    /// All of these must hold.
    pub and: Option<Vec<ButtonFilter>>,
    /// At least one of these must hold.
    pub or: Option<Vec<ButtonFilter>>,
    /// This must not hold.
    pub not: Option<Box<ButtonFilter>>,
    /// Any of these buttons.
    pub ids: Option<Vec<ID>>,
    /// Any of these kinds.
    pub kinds: Option<Vec<ButtonKind>>,
    /// On any of these profiles or phones.
    pub devices: Option<Vec<ID>>,
    /// On devices in these organizations.
    pub organization: Option<OrganizationScope>,
    /// On devices of any of these clusters.
    pub clusters: Option<Vec<ID>>,
    /// The label.
    pub label: Option<StringFilter>,
    /// What a speed dial dials, or the destination that a busy lamp field watches.
    pub destination: Option<StringFilter>,
    /// The number of a busy lamp field or call park button.
    pub pattern: Option<StringFilter>,
    /// The partition of that number.
    pub partition: Option<StringFilter>,
    /// The phone service of a service URL button.
    pub service: Option<StringFilter>,
}

impl From<ButtonFilter> for Filter {
    fn from(filter: ButtonFilter) -> Self {
        let mut parts = Parts::default();
        parts
            .combine(filter.and, filter.or, filter.not)
            .add(filter.ids, |ids| Filter::Numbers("t.id", numbers(&ids, id::button)))
            .add(filter.kinds, |kinds| Filter::Texts("t.kind", kinds.iter().map(sea_name).collect()))
            .add(filter.devices, |ids| Filter::Numbers("t.device_id", numbers(&ids, id::device)))
            .add(filter.organization, |scope| {
                scope.on("(SELECT d.organization_id FROM device d WHERE d.id = t.device_id)")
            })
            .add(filter.clusters, |ids| {
                let column = "(SELECT d.cluster_id FROM device d WHERE d.id = t.device_id)";
                Filter::Numbers(column, numbers(&ids, id::cluster))
            })
            .add(filter.label, |text| text.exact("t.label"))
            .add(filter.destination, |text| text.exact("t.destination"))
            .add(filter.pattern, |text| text.exact("t.pattern"))
            .add(filter.partition, |text| text.exact("t.partition"))
            .add(filter.service, |text| text.exact("t.service"));
        parts.all()
    }
}

/// What buttons are ordered by.
#[derive(Clone, Copy, Default, Enum, Eq, PartialEq)]
pub enum ButtonOrderField {
    /// When they were put on their devices.
    #[default]
    CreatedAt,
    /// The position in its list.
    Index,
}

/// The order of buttons.
#[derive(Default, InputObject)]
pub struct ButtonOrder {
    /// What they are ordered by.
    #[graphql(default)]
    pub field: ButtonOrderField,
    /// Which way.
    #[graphql(default)]
    pub direction: Direction,
}

impl From<ButtonOrder> for Order {
    fn from(order: ButtonOrder) -> Self {
        let column = match order.field {
            ButtonOrderField::CreatedAt => "t.created_at",
            ButtonOrderField::Index => "t.position",
        };
        Self { column, number: true, descending: order.direction == Direction::Descending }
    }
}

#[derive(Default)]
pub struct ButtonQuery;

#[Object]
impl ButtonQuery {
    /// Speed dials, busy lamp fields, call park and service URL buttons of all devices, oldest first unless told
    /// otherwise: who dials a number, and who watches it.
    async fn buttons(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Items from the front, up to 200.")] first: Option<i32>,
        #[graphql(desc = "Behind this place.")] after: Option<String>,
        #[graphql(desc = "Items from the back, up to 200.")] last: Option<i32>,
        #[graphql(desc = "Before this place.")] before: Option<String>,
        #[graphql(desc = "Which ones.")] filter: Option<ButtonFilter>,
        #[graphql(desc = "In which order.")] order_by: Option<ButtonOrder>,
    ) -> Result<Connection<Button>> {
        let asked = Asked { first, after, last, before };
        let order = order_by.unwrap_or_default().into();
        root(ctx, "buttons", filter.unwrap_or_default().into(), order, asked).await
    }
}

/// A speed dial to put on a device.
#[derive(InputObject)]
pub struct SpeedDialInput {
    /// The position among the device's speed dials, 1 to 199; the first free one unless given.
    pub index: Option<i32>,
    /// What it dials, up to 255 characters: digits, '*', '#', a '+' in front, and codes or tones behind commas.
    pub number: String,
    /// The text beside the button, 1 to 50 characters; it does not show the codes behind the number.
    pub label: String,
}

/// A busy lamp field to put on a device: either with a destination, or with a pattern.
#[derive(InputObject)]
pub struct BusyLampFieldInput {
    /// The position among the device's busy lamp fields, 1 to 199; the first free one unless given.
    pub index: Option<i32>,
    /// A number to watch or, on a device that speaks SIP, a SIP URI; give this or `pattern`.
    pub destination: Option<String>,
    /// The number of a line to watch; give this or `destination`.
    pub pattern: Option<String>,
    /// The pattern's route partition; none unless given.
    #[graphql(default)]
    pub partition: String,
    /// The text beside the button, up to 50 characters.
    pub label: Option<String>,
    /// Whether it also picks up the call that it shows.
    #[graphql(default)]
    pub pickup: bool,
}

/// A call park button to put on a device.
#[derive(InputObject)]
pub struct CallParkInput {
    /// The position among the device's call park buttons, 1 to 199; the first free one unless given.
    pub index: Option<i32>,
    /// The directed call park number.
    pub pattern: String,
    /// Its route partition; none unless given.
    #[graphql(default)]
    pub partition: String,
    /// The text beside the button, up to 50 characters.
    pub label: Option<String>,
}

/// A service URL button to put on a device.
#[derive(InputObject)]
pub struct ServiceUrlInput {
    /// The position among the device's service URL buttons, 1 to 199; the first free one unless given.
    pub index: Option<i32>,
    /// The name of the phone service, up to 128 characters.
    pub service: String,
    /// What the phone opens, up to 2048 characters.
    pub url: String,
    /// The text beside the button, up to 50 characters.
    pub label: Option<String>,
}

/// A button to put on a device, of one of four kinds.
#[derive(OneofObject)]
pub enum ButtonInput {
    /// A speed dial.
    SpeedDial(SpeedDialInput),
    /// A busy lamp field.
    BusyLampField(BusyLampFieldInput),
    /// A call park button.
    CallPark(CallParkInput),
    /// A service URL button.
    ServiceUrl(ServiceUrlInput),
}

impl From<SpeedDialInput> for NewButton {
    fn from(input: SpeedDialInput) -> Self {
        let SpeedDialInput { index, number, label } = input;
        let fields = Fields { label: Some(label), number: Some(number), ..Fields::default() };
        Self { kind: Kind::SpeedDial, index, fields }
    }
}

impl From<BusyLampFieldInput> for NewButton {
    fn from(input: BusyLampFieldInput) -> Self {
        let BusyLampFieldInput { index, destination, pattern, partition, label, pickup } = input;
        let fields = Fields { label, destination, pattern, partition, pickup, ..Fields::default() };
        Self { kind: Kind::BusyLampField, index, fields }
    }
}

impl From<CallParkInput> for NewButton {
    fn from(input: CallParkInput) -> Self {
        let CallParkInput { index, pattern, partition, label } = input;
        let fields = Fields { label, pattern: Some(pattern), partition, ..Fields::default() };
        Self { kind: Kind::CallPark, index, fields }
    }
}

impl From<ServiceUrlInput> for NewButton {
    fn from(input: ServiceUrlInput) -> Self {
        let ServiceUrlInput { index, service, url, label } = input;
        let fields = Fields { label, service: Some(service), url: Some(url), ..Fields::default() };
        Self { kind: Kind::ServiceUrl, index, fields }
    }
}

impl From<ButtonInput> for NewButton {
    fn from(input: ButtonInput) -> Self {
        match input {
            ButtonInput::SpeedDial(input) => input.into(),
            ButtonInput::BusyLampField(input) => input.into(),
            ButtonInput::CallPark(input) => input.into(),
            ButtonInput::ServiceUrl(input) => input.into(),
        }
    }
}

/// A button to put on a device.
#[derive(InputObject)]
pub struct AddButtonInput {
    /// The profile or phone.
    pub device_id: ID,
    /// Version of the profile or phone, to change that one only.
    pub expected_version: Option<i64>,
    /// What to put there.
    pub button: ButtonInput,
    #[graphql(flatten)]
    pub call: CallInput,
}

/// What to change of a button: what is left out stays, null takes it away. A field that its kind does not have is
/// refused.
#[derive(InputObject)]
pub struct UpdateButtonInput {
    /// The button.
    pub button_id: ID,
    /// Version of the profile or phone that it stands on, to change that one only.
    pub expected_version: Option<i64>,
    /// The text beside the button.
    pub label: MaybeUndefined<String>,
    /// What a speed dial dials.
    pub number: Option<String>,
    /// The number or SIP URI that a busy lamp field watches; null when it is to watch a pattern instead.
    pub destination: MaybeUndefined<String>,
    /// The number of a busy lamp field or call park button; null when it is to watch a destination instead.
    pub pattern: MaybeUndefined<String>,
    /// The pattern's route partition.
    pub partition: MaybeUndefined<String>,
    /// Whether a busy lamp field also picks up the call that it shows.
    pub pickup: Option<bool>,
    /// The phone service of a service URL button.
    pub service: Option<String>,
    /// What a service URL button opens.
    pub url: Option<String>,
    #[graphql(flatten)]
    pub call: CallInput,
}

/// Another position for a button.
#[derive(InputObject)]
pub struct MoveButtonInput {
    /// The button.
    pub button_id: ID,
    /// Version of the profile or phone that it stands on, to change that one only.
    pub expected_version: Option<i64>,
    /// The new position in its list, 1 to 199. Where that is taken, what stands between the old and the new one moves
    /// by one, as in a list that is dragged into order.
    pub index: i32,
    #[graphql(flatten)]
    pub call: CallInput,
}

/// A button to take off a device.
#[derive(InputObject)]
pub struct RemoveButtonInput {
    /// The button.
    pub button_id: ID,
    /// Version of the profile or phone that it stands on, to change that one only.
    pub expected_version: Option<i64>,
    #[graphql(flatten)]
    pub call: CallInput,
}

/// The buttons that a device is to have. A list that is left out stays as it is; one that is given is the whole list.
#[derive(InputObject)]
pub struct ReplaceButtonsInput {
    /// The profile or phone.
    pub device_id: ID,
    /// Version of the profile or phone: a whole list replaces only what you have seen.
    pub expected_version: i64,
    /// The speed dials.
    pub speed_dials: Option<Vec<SpeedDialInput>>,
    /// The busy lamp fields.
    pub busy_lamp_fields: Option<Vec<BusyLampFieldInput>>,
    /// The call park buttons.
    pub call_parks: Option<Vec<CallParkInput>>,
    /// The service URL buttons.
    pub service_urls: Option<Vec<ServiceUrlInput>>,
    #[graphql(flatten)]
    pub call: CallInput,
}

payload! {
    /// What came of `addButton`.
    AddButtonPayload {
        /// The new button; nothing on a dry run.
        button: Option<Button> = |ctx, done| one(ctx, done.subject).await;
    }
}

payload! {
    /// What came of `updateButton`.
    UpdateButtonPayload {
        /// The button as it is now.
        button: Option<Button> = |ctx, done| one(ctx, done.subject).await;
    }
}

payload! {
    /// What came of `moveButton`.
    MoveButtonPayload {
        /// The button as it is now.
        button: Option<Button> = |ctx, done| one(ctx, done.subject).await;
    }
}

payload! {
    /// What came of `removeButton`.
    RemoveButtonPayload {
        /// The button as it was.
        removed: Option<Button> = |_ctx, done| Ok(removed(done).pop());
    }
}

payload! {
    /// What came of `replaceButtons`.
    ReplaceButtonsPayload {
        /// The device as it is now.
        device: Option<Device> = |ctx, done| match done.subject {
            Some(id) => device::load(ctx, ctx.field(), entity::DeviceId(id)).await,
            None => Ok(None),
        };
        /// The buttons that went, as they were.
        removed: Vec<Button> = |_ctx, done| Ok(removed(done));
    }
}

#[derive(Default)]
pub struct ButtonMutation;

#[Object]
impl ButtonMutation {
    /// Puts a speed dial, busy lamp field, call park or service URL button on a profile or phone.
    async fn add_button(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which device, and what to put there.")] input: AddButtonInput,
    ) -> Result<AddButtonPayload> {
        let cmd = Add {
            device: or_none(id::device(&input.device_id)),
            expected_version: input.expected_version,
            button: input.button.into(),
        };
        let made = |change: &RuleChange| match change {
            RuleChange::ButtonAdded { button, .. } => Some(button.id.0),
            _ => None,
        };
        Ok(AddButtonPayload(make(ctx, input.call, cmd, made).await?))
    }

    /// Changes what a button does or says.
    async fn update_button(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which one, and what to change.")] input: UpdateButtonInput,
    ) -> Result<UpdateButtonPayload> {
        let id = or_none(id::button(&input.button_id));
        let mut fields = Sent::default();
        fields
            .maybe("label", input.label)
            .given("number", input.number)
            .maybe("destination", input.destination)
            .maybe("pattern", input.pattern)
            .maybe("partition", input.partition)
            .given("pickup", input.pickup)
            .given("service", input.service)
            .given("url", input.url);
        let cmd = Update { button: id, expected_version: input.expected_version, fields: fields.patch() };
        Ok(UpdateButtonPayload(run(ctx, input.call, id.0, cmd).await?))
    }

    /// Gives a button another position in its list; where that is taken, what stands between moves by one.
    async fn move_button(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which one, and where to.")] input: MoveButtonInput,
    ) -> Result<MoveButtonPayload> {
        let id = or_none(id::button(&input.button_id));
        let cmd = Move { button: id, expected_version: input.expected_version, index: input.index };
        Ok(MoveButtonPayload(run(ctx, input.call, id.0, cmd).await?))
    }

    /// Takes a button off its profile or phone; the others keep their positions.
    async fn remove_button(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which one.")] input: RemoveButtonInput,
    ) -> Result<RemoveButtonPayload> {
        let cmd = Remove {
            button: or_none(id::button(&input.button_id)),
            expected_version: input.expected_version,
        };
        Ok(RemoveButtonPayload(perform(ctx, input.call, cmd).await?))
    }

    /// Gives a profile or phone exactly these buttons of each kind that is given, in one step.
    async fn replace_buttons(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which device, and its buttons.")] input: ReplaceButtonsInput,
    ) -> Result<ReplaceButtonsPayload> {
        let id = or_none(id::device(&input.device_id));
        let lists = [
            (Kind::SpeedDial, all(input.speed_dials)),
            (Kind::BusyLampField, all(input.busy_lamp_fields)),
            (Kind::CallPark, all(input.call_parks)),
            (Kind::ServiceUrl, all(input.service_urls)),
        ];
        let lists: BTreeMap<_, _> =
            lists.into_iter().filter_map(|(kind, list)| Some((kind, list?))).collect();
        let cmd = Replace { device: id, expected_version: Some(input.expected_version), lists };
        Ok(ReplaceButtonsPayload(run(ctx, input.call, id.0, cmd).await?))
    }
}

fn all<T: Into<NewButton>>(list: Option<Vec<T>>) -> Option<Vec<NewButton>> {
    Some(list?.into_iter().map(Into::into).collect())
}
