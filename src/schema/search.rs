//! Search over everything that has a name or a number.

use async_graphql::{Context, Object};

use super::{
    Ask, Result,
    change::node_id,
    node::{self, Node},
    value::enums::Noun,
};
use crate::{error::Error, store::search::search};

#[derive(Default)]
pub struct SearchQuery;

#[Object]
impl SearchQuery {
    /// What holds a text in its name, user id, person's name, description or number, whatever the case; what begins
    /// with it comes first.
    async fn search(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The text, 2 to 64 characters.")] text: String,
        #[graphql(desc = "Any of these kinds of thing; all unless given.")] nouns: Option<Vec<Noun>>,
        #[graphql(desc = "How many, up to 200.", default = 20)] first: i32,
    ) -> Result<Vec<Node>> {
        let text = text.trim();
        if !(2..=64).contains(&text.chars().count()) {
            return Err(Error::Input("search for 2 to 64 characters".to_owned()));
        }
        let most = ctx.app()?.config().page.most;
        let limit = u32::try_from(first).ok().filter(|count| *count <= most);
        let limit = limit.ok_or_else(|| Error::Input(format!("`first` is 0 to {most}, not {first}")))?;
        let reader = ctx.reader()?;
        let nouns: Vec<_> = nouns.into_iter().flatten().map(Into::into).collect();
        let hits = search(&reader, reader.scope(), text, (&nouns, reader.unread()), limit.into()).await?;
        let loads = hits.into_iter().map(|hit| node::load(ctx, ctx.field(), node_id(hit.noun, hit.id)));
        Ok(futures_util::future::try_join_all(loads).await?.into_iter().flatten().collect())
    }
}
