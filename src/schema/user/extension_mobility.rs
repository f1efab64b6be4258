//! The user's page: everything of extension mobility that belongs to one user.

use std::sync::Arc;

use async_graphql::{Context, Object, SimpleObject};

use super::super::{
    Ask, Result,
    connection::{Asked, Connection, below, one},
    line::LineAppearance,
    number::Number,
    profile::Profile,
    readiness::Readiness,
    session::Session,
};
use crate::store::{line, number, profile, session, user};

/// Everything of extension mobility that belongs to a user.
pub struct UserExtensionMobility(pub Arc<user::Row>);

/// How many profiles a user has and may have.
#[derive(SimpleObject)]
pub struct Entitlement {
    /// How many the user has, as far as you see them.
    used: i64,
    /// How many the user may have: `maxProfilesPerUser` of the user's organization or of the nearest one above that says;
    /// nothing where none does.
    most: Option<i32>,
    /// How many more the user may have; nothing where there is no limit.
    left: Option<i64>,
}

/// Everything of extension mobility that belongs to a user: profiles, lines, numbers that are kept, and how much more
/// there may be, and what keeps any of it from working.
#[Object]
impl UserExtensionMobility {
    /// The profiles that serve the user, by name, as a phone lists them at login.
    async fn profiles(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Items from the front, up to 200.")] first: Option<i32>,
        #[graphql(desc = "Behind this place.")] after: Option<String>,
        #[graphql(desc = "Items from the back, up to 200.")] last: Option<i32>,
        #[graphql(desc = "Before this place.")] before: Option<String>,
    ) -> Result<Connection<Profile>> {
        let asked = Asked { first, after, last, before };
        below(ctx, profile::OF_USER, self.0.id.get()?.0, asked).await
    }

    /// The profile that is chosen at login unless the user picks another.
    async fn default_profile(&self, ctx: &Context<'_>) -> Result<Option<Profile>> {
        one(ctx, *self.0.default_profile_id.get()?).await
    }

    /// The numbers that belong to the user: lines on the user's profiles and phones, oldest first; one that stands on two
    /// of them is told of each.
    async fn lines(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Items from the front, up to 200.")] first: Option<i32>,
        #[graphql(desc = "Behind this place.")] after: Option<String>,
        #[graphql(desc = "Items from the back, up to 200.")] last: Option<i32>,
        #[graphql(desc = "Before this place.")] before: Option<String>,
    ) -> Result<Connection<LineAppearance>> {
        let asked = Asked { first, after, last, before };
        below(ctx, line::OF_USER, self.0.id.get()?.0, asked).await
    }

    /// The numbers of the inventory that are kept for the user, by number, whether they are in use or not.
    async fn reserved_numbers(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Items from the front, up to 200.")] first: Option<i32>,
        #[graphql(desc = "Behind this place.")] after: Option<String>,
        #[graphql(desc = "Items from the back, up to 200.")] last: Option<i32>,
        #[graphql(desc = "Before this place.")] before: Option<String>,
    ) -> Result<Connection<Number>> {
        let asked = Asked { first, after, last, before };
        below(ctx, number::RESERVED_FOR_USER, self.0.id.get()?.0, asked).await
    }

    /// Where the user is logged in, on phones that you see, oldest login first.
    async fn sessions(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Items from the front, up to 200.")] first: Option<i32>,
        #[graphql(desc = "Behind this place.")] after: Option<String>,
        #[graphql(desc = "Items from the back, up to 200.")] last: Option<i32>,
        #[graphql(desc = "Before this place.")] before: Option<String>,
    ) -> Result<Connection<Session>> {
        let asked = Asked { first, after, last, before };
        below(ctx, session::OF_USER, self.0.id.get()?.0, asked).await
    }

    /// Whether everything works as the user expects: what is found of the user, and of the user's first 200 profiles by name,
    /// the worst first. Of who has no default profile, it tells about this user alone.
    async fn readiness(&self, ctx: &Context<'_>) -> Result<Readiness> {
        Readiness::of_user(ctx, self.0.id.get()?.0).await
    }

    /// How many profiles the user has and may have.
    async fn entitlement(&self, ctx: &Context<'_>) -> Result<Entitlement> {
        let loaders = ctx.loaders()?;
        let used = loaders.profile.count(profile::OF_USER, self.0.id.get()?.0).await?;
        let most = loaders.most_profiles(self.0.organization_id.get()?.0).await?;
        Ok(Entitlement { used, most, left: most.map(|most| (i64::from(most) - used).max(0)) })
    }
}
