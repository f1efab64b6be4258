//! Search over names, user ids, people's names, descriptions and numbers: one statement for all nouns.

use entity::change_subject::Noun;
use sea_orm::DbErr;

use super::{
    Source, cluster,
    row::Row as _,
    sql::{Sql, like},
};
use crate::{caller::Scope, rule::value::key};

/// A thing that was found.
#[derive(Clone, Copy, Debug)]
pub struct Hit {
    pub noun: Noun,
    pub id: i64,
}

/// Nouns, where they are, and the columns in which they are searched; the first column orders them.
const PLACES: &[(Noun, &str, &str, &[&str])] = &[
    (Noun::Profile, "profile", "name_key", &["name_key", "lower(description)"]),
    (Noun::User, "\"user\"", "user_id", &["user_id", "name_key"]),
    (Noun::Phone, "phone", "name_key", &["name_key", "lower(description)"]),
    (Noun::Line, "line", "pattern", &["pattern", "lower(description)"]),
    (Noun::Organization, "organization", "path_key", &["path_key"]),
    (Noun::Cluster, "cluster", "name_key", &["name_key", "lower(description)"]),
    (Noun::QuickAddGroup, "quick_add", "name_key", &["name_key", "lower(description)"]),
    (Noun::Template, "template", "name_key", &["name_key", "lower(description)"]),
    (Noun::Service, "service", "name_key", &["name_key", "lower(description)"]),
    (Noun::Number, "number", "pattern", &["pattern", "lower(description)"]),
    (Noun::Device, "device", "name_key", &["name_key", "lower(description)"]),
];

/// The best hits: what begins with the text before what holds it. Of the given kinds of things, all where none is given,
/// less those that are not read.
pub async fn search(
    source: &impl Source,
    scope: Scope,
    text: &str,
    (nouns, unread): (&[Noun], &[Noun]),
    limit: i64,
) -> Result<Vec<Hit>, DbErr> {
    let text = key(text);
    let mut hits = Vec::new();
    let mut sql = Sql::new(source.backend());
    sql.push("SELECT place, id FROM (");
    let mut first = true;
    for (at, (noun, table, order, columns)) in PLACES.iter().enumerate() {
        if !nouns.is_empty() && !nouns.contains(noun) || unread.contains(noun) {
            continue;
        }
        sql.push(if first { "" } else { " UNION ALL " });
        first = false;
        sql.push("SELECT * FROM (SELECT ")
            .push(&at.to_string())
            .push(" AS place, t.id AS id, t.")
            .push(order);
        sql.push(" AS sort, CASE WHEN t.").push(order).push(" LIKE ").bind(like("", &text, "%"));
        sql.push(" ESCAPE '\\' THEN 0 ELSE 1 END AS rank FROM ").push(table).push(" t WHERE (");
        for (at, column) in columns.iter().enumerate() {
            sql.push(if at == 0 { "" } else { " OR " }).push(column).push(" LIKE ");
            sql.bind(like("%", &text, "%")).push(" ESCAPE '\\'");
        }
        sql.push(")");
        match noun {
            Noun::Organization => sql.within("t.id", scope),
            Noun::Device => sql.push(" AND t.kind = 'OTHER'").within("t.organization_id", scope),
            // Those whom it serves see it.
            Noun::Cluster | Noun::Template | Noun::Service | Noun::QuickAddGroup | Noun::Number => {
                cluster::Row::scope(&mut sql, "t", scope);
                &mut sql
            }
            _ => sql.within("t.organization_id", scope),
        };
        sql.push(" ORDER BY 4, 3, 2 LIMIT ").bind(limit).push(") part").push(&at.to_string());
    }
    if first {
        return Ok(hits);
    }
    sql.push(") hits ORDER BY rank, place, sort, id LIMIT ").bind(limit);
    for row in source.rows(sql.statement()).await? {
        let place: i32 = match row.try_get_by_index::<i32>(0) {
            Ok(place) => place,
            Err(_) => i32::try_from(row.try_get_by_index::<i64>(0)?).unwrap_or(-1),
        };
        if let Some((noun, ..)) = usize::try_from(place).ok().and_then(|place| PLACES.get(place)) {
            hits.push(Hit { noun: *noun, id: row.try_get_by_index(1)? });
        }
    }
    Ok(hits)
}
