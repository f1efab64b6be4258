//! Anything with a global id.

use async_graphql::{Context, ID, Interface, Object, SelectionField};

use super::{
    Ask, Result,
    audit_entry::{AuditEntry, is_for},
    button::{BusyLampField, Button, CallParkButton, ServiceUrlButton, SpeedDial},
    cluster::Cluster,
    connection::one_of,
    default_device_profile::DefaultDeviceProfile,
    device::OtherDevice,
    job::Job,
    line::{Line, LineAppearance},
    number::Number,
    organization::Organization,
    phone::Phone,
    profile::Profile,
    quick_add::QuickAddGroup,
    role::Role,
    service::PhoneService,
    service_subscription::ServiceSubscription,
    session::Session,
    template::{ButtonTemplate, SoftkeyTemplate, Template},
    user::User,
    value::id::NodeId,
};
use crate::error::Error;

/// Anything that has a global id.
#[derive(Clone, Interface)]
#[graphql(field(name = "id", ty = "ID", desc = "Global id: names this thing for ever, to every query."))]
pub enum Node {
    Organization(Organization),
    Cluster(Cluster),
    Profile(Profile),
    Phone(Phone),
    Session(Session),
    DefaultDeviceProfile(DefaultDeviceProfile),
    OtherDevice(OtherDevice),
    Line(Line),
    LineAppearance(LineAppearance),
    User(User),
    QuickAddGroup(QuickAddGroup),
    SpeedDial(SpeedDial),
    BusyLampField(BusyLampField),
    CallParkButton(CallParkButton),
    ServiceUrlButton(ServiceUrlButton),
    ButtonTemplate(ButtonTemplate),
    SoftkeyTemplate(SoftkeyTemplate),
    PhoneService(PhoneService),
    ServiceSubscription(ServiceSubscription),
    Number(Number),
    Job(Job),
    ComposedRole(Role),
    AuditEntry(AuditEntry),
}

/// The thing with this id, with what the field asks of it.
pub async fn load(ctx: &Context<'_>, field: SelectionField<'_>, id: NodeId) -> Result<Option<Node>> {
    Ok(match id {
        NodeId::Organization(id) => one_of(ctx, field, Some(id)).await?.map(Node::Organization),
        NodeId::Cluster(id) => one_of(ctx, field, Some(id)).await?.map(Node::Cluster),
        NodeId::Profile(id) => one_of(ctx, field, Some(id)).await?.map(Node::Profile),
        NodeId::Phone(id) => one_of(ctx, field, Some(id)).await?.map(Node::Phone),
        NodeId::Session(id) => one_of(ctx, field, Some(id)).await?.map(Node::Session),
        NodeId::DefaultDeviceProfile(id) => {
            one_of(ctx, field, Some(id)).await?.map(Node::DefaultDeviceProfile)
        }
        NodeId::Device(id) => {
            let device: Option<OtherDevice> = one_of(ctx, field, Some(id)).await?;
            match device {
                Some(device) if device.is_other()? => Some(Node::OtherDevice(device)),
                _ => None,
            }
        }
        NodeId::Line(id) => one_of(ctx, field, Some(id)).await?.map(Node::Line),
        NodeId::Appearance(id) => one_of(ctx, field, Some(id)).await?.map(Node::LineAppearance),
        NodeId::User(id) => one_of(ctx, field, Some(id)).await?.map(Node::User),
        NodeId::QuickAddGroup(id) => one_of(ctx, field, Some(id)).await?.map(Node::QuickAddGroup),
        NodeId::Button(id) => one_of(ctx, field, Some(id)).await?.map(|button| match button {
            Button::SpeedDial(button) => Node::SpeedDial(button),
            Button::BusyLampField(button) => Node::BusyLampField(button),
            Button::CallParkButton(button) => Node::CallParkButton(button),
            Button::ServiceUrlButton(button) => Node::ServiceUrlButton(button),
        }),
        NodeId::Template(id) => one_of(ctx, field, Some(id)).await?.map(of_template),
        NodeId::Service(id) => one_of(ctx, field, Some(id)).await?.map(Node::PhoneService),
        NodeId::ServiceSubscription(id) => one_of(ctx, field, Some(id)).await?.map(Node::ServiceSubscription),
        NodeId::Number(id) => one_of(ctx, field, Some(id)).await?.map(Node::Number),
        NodeId::Job(id) => one_of(ctx, field, Some(id)).await?.map(Node::Job),
        NodeId::Role(id) => one_of(ctx, field, Some(id)).await?.map(Node::ComposedRole),
        NodeId::AuditEntry(id) if is_for(ctx.caller()?) => {
            one_of(ctx, field, Some(id)).await?.map(Node::AuditEntry)
        }
        NodeId::AuditEntry(_) | NodeId::Token(_) => None,
    })
}

/// The node that a template of either kind is.
pub fn of_template(template: Template) -> Node {
    match template {
        Template::ButtonTemplate(template) => Node::ButtonTemplate(template),
        Template::SoftkeyTemplate(template) => Node::SoftkeyTemplate(template),
    }
}

#[derive(Default)]
pub struct NodeQuery;

#[Object]
impl NodeQuery {
    /// The thing with this global id; nothing when it is not there, or not for you to see.
    async fn node(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "A global id.")] id: ID,
    ) -> Result<Option<Node>> {
        ctx.caller()?;
        match NodeId::decode(&id) {
            Some(id) => load(ctx, ctx.field(), id).await,
            None => Err(Error::Input("this is not a global id; pass one as you got it".to_owned())),
        }
    }

    /// The things with these global ids, in their order; nothing where one is not there. At most 200.
    async fn nodes(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Global ids.")] ids: Vec<ID>,
    ) -> Result<Vec<Option<Node>>> {
        ctx.caller()?;
        let most = ctx.app()?.config().page.most as usize;
        if ids.len() > most {
            return Err(Error::Input(format!("pass at most {most} ids, not {}", ids.len())));
        }
        let loads = ids.iter().map(|id| async {
            match NodeId::decode(id) {
                Some(id) => load(ctx, ctx.field(), id).await,
                None => Err(Error::Input(format!("'{}' is not a global id", id.as_str()))),
            }
        });
        futures_util::future::try_join_all(loads).await
    }
}
