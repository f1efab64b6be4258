//! Whether a profile, and all that a user has, works as people expect.

use async_graphql::{Context, Object, SimpleObject};
use futures_util::future::try_join_all;

use super::{
    Ask, Result,
    change::node_id,
    connection::one,
    node::{self, Node},
    profile::Profile,
    value::{enums::ReadinessCode, rule::Severity},
};
use crate::rule::{
    self,
    readiness::{Finding, Found},
};

/// Whether it works as people expect.
#[derive(SimpleObject)]
pub struct Readiness {
    /// Whether nothing was found.
    is_ready: bool,
    /// What was found, the worst first.
    findings: Vec<ReadinessFinding>,
}

/// Something that is not as it should be.
pub struct ReadinessFinding {
    /// The profile of which it was found; nothing for what was found of a user.
    profile: Option<i64>,
    found: Found,
}

/// Something that is not as it should be.
#[Object]
impl ReadinessFinding {
    /// What was found, to switch on.
    async fn code(&self) -> ReadinessCode {
        self.found.finding.into()
    }

    /// `ERROR` where people cannot work with it, `WARNING` where they can, not as well as they might.
    async fn severity(&self) -> Severity {
        self.found.finding.severity().into()
    }

    /// What is wrong and with what, for people.
    async fn message(&self) -> String {
        self.found.message()
    }

    /// The name of the mutation that mends it; `subjects` is what it takes, or leads to that.
    async fn fix(&self) -> &str {
        self.found.finding.fix()
    }

    /// The profile of which it was found; nothing for what was found of a user.
    async fn profile(&self, ctx: &Context<'_>) -> Result<Option<Profile>> {
        one(ctx, self.profile).await
    }

    /// What it is about, the oldest 20, as far as you see them: the profile, phone or user that lacks something, the line that
    /// has no key, the number, or the subscription to a service.
    async fn subjects(&self, ctx: &Context<'_>) -> Result<Vec<Node>> {
        let about = self.found.finding.about();
        let ids = self.found.subjects.iter().map(|(id, _)| node_id(about, *id));
        let loads = ids.map(|id| node::load(ctx, ctx.field(), id));
        Ok(try_join_all(loads).await?.into_iter().flatten().collect())
    }

    /// How many things it is about, as far as you see them.
    async fn subject_count(&self) -> i64 {
        self.found.count
    }
}

impl Readiness {
    /// The answer over what was found, each with its profile where it is of one.
    pub fn of(mut found: Vec<(Option<i64>, Found)>) -> Self {
        found.sort_by_key(|(_, found)| found.finding.severity() != rule::Severity::Error);
        let findings: Vec<_> =
            found.into_iter().map(|(profile, found)| ReadinessFinding { profile, found }).collect();
        Self { is_ready: findings.is_empty(), findings }
    }

    /// What is found of a user and of the user's profiles; of many users, in as many statements.
    pub async fn of_user(ctx: &Context<'_>, user: i64) -> Result<Self> {
        let loaders = ctx.loaders()?;
        let Some(state) = loaders.user_state(user).await? else { return Ok(Self::of(Vec::new())) };
        let mut found: Vec<_> = state.found().map(|found| (None, found)).into_iter().collect();
        for (profile, findings) in loaders.findings_of(&state.profiles).await? {
            // Who else has no default profile is no matter of this user.
            let matters = findings.iter().filter(|found| found.finding != Finding::DefaultProfileMissing);
            found.extend(matters.map(|found| (Some(profile), found.clone())));
        }
        Ok(Self::of(found))
    }
}
