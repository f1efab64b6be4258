//! Entries of the audit: rows of their list, and how they are written and forgotten.

use entity::{
    AuditEntryId, Moment, OrganizationId, RoleId, TokenId, UserId,
    audit_entry::{Column, Entity, Kind, Model, Subject},
    token::Role,
};
use sea_orm::{ActiveEnum, ColumnTrait, DbErr, EntityTrait, QueryFilter};

use super::{
    Reader, Source, Store, Tx,
    row::row,
    sql::{Rows, Sql},
};
use crate::caller::Scope;

row! {
    /// An entry of the audit.
    Row of "audit_entry", Model, always ["id"] {
        id: AuditEntryId,
        at: Moment,
        last_at: Moment,
        count: i64,
        kind: Kind,
        code: Option<String>,
        cisco_code: Option<i64>,
        message: String,
        by: Option<String>,
        token_id: Option<TokenId>,
        role: Option<Role>,
        composed_role_id: Option<RoleId>,
        organization_id: Option<OrganizationId>,
        address: Option<String>,
        user_agent: Option<String>,
        request_id: Option<String>,
        operation: Option<String>,
        subject_kind: Option<Subject>,
        subject_id: Option<i64>,
        subject_organization_id: Option<OrganizationId>,
        user_id: Option<UserId>,
    }

    /// Who sees the token's organization, and who sees what it was about.
    fn scope(sql: &mut Sql, alias: &str, scope: Scope) {
        if let Scope::Below(_) = scope {
            sql.push(" AND ((1 = 1").within(&format!("{alias}.organization_id"), scope);
            sql.push(") OR (1 = 1").within(&format!("{alias}.subject_organization_id"), scope).push("))");
        }
    }
}

/// Entries of one insert; well below what a statement takes.
const CHUNK: usize = 500;

/// Keeps entries, with ids in their order; answers the first one's.
pub async fn insert(tx: &Tx, entries: &[Model]) -> Result<i64, DbErr> {
    let count = i64::try_from(entries.len()).map_err(|error| DbErr::Custom(error.to_string()))?;
    if count == 0 {
        return Ok(0);
    }
    // The row is locked until the commit, so that ids are in the order of commits.
    let mut sql = Sql::new(tx.backend());
    sql.push("UPDATE counter SET last = last + ").bind(count);
    sql.push(" WHERE name = 'audit_entry' RETURNING last");
    let rows = tx.rows(sql.statement()).await?;
    let row = rows.first().ok_or_else(|| DbErr::Custom("the audit's counter is missing".to_owned()))?;
    let first = row.try_get_by_index::<i64>(0)? - count + 1;
    let mut id = first;
    for chunk in entries.chunks(CHUNK) {
        let mut rows = Rows::new([
            "bigint", "bigint", "bigint", "bigint", "text", "text", "bigint", "text", "text", "bigint",
            "text", "bigint", "bigint", "text", "text", "text", "text", "text", "bigint", "bigint", "bigint",
        ]);
        for entry in chunk {
            rows.add([
                id.into(),
                entry.at.0.into(),
                entry.last_at.0.into(),
                entry.count.into(),
                entry.kind.to_value().into(),
                entry.code.clone().into(),
                entry.cisco_code.into(),
                entry.message.as_str().into(),
                entry.by.clone().into(),
                entry.token_id.map(i64::from).into(),
                entry.role.map(|role| role.to_value()).into(),
                entry.composed_role_id.map(i64::from).into(),
                entry.organization_id.map(i64::from).into(),
                entry.address.clone().into(),
                entry.user_agent.clone().into(),
                entry.request_id.clone().into(),
                entry.operation.clone().into(),
                entry.subject_kind.map(|kind| kind.to_value()).into(),
                entry.subject_id.into(),
                entry.subject_organization_id.map(i64::from).into(),
                entry.user_id.map(i64::from).into(),
            ]);
            id += 1;
        }
        let mut sql = Sql::new(tx.backend());
        sql.push(
            "INSERT INTO audit_entry (id, at, last_at, count, kind, code, cisco_code, message, by, token_id, \
             role, composed_role_id, organization_id, address, user_agent, request_id, operation, \
             subject_kind, subject_id, subject_organization_id, user_id) \
             SELECT r.a, r.b, r.c, r.d, r.e, r.f, r.g, r.h, r.i, r.j, r.k, r.l, r.m, r.n, r.o, r.p, r.q, \
             r.r, r.s, r.t, r.u FROM ",
        );
        sql.rows(rows, "r");
        tx.run(sql.statement()).await?;
    }
    Ok(first)
}

/// Counts more of the same with entries that are kept: their ids, how many, and when the last was.
pub async fn raise(tx: &Tx, more: &[(i64, i64, Moment)]) -> Result<(), DbErr> {
    for chunk in more.chunks(CHUNK) {
        let mut rows = Rows::new(["bigint", "bigint", "bigint"]);
        for (id, count, at) in chunk {
            rows.add([(*id).into(), (*count).into(), at.0.into()]);
        }
        let mut sql = Sql::new(tx.backend());
        sql.push("UPDATE audit_entry SET count = count + r.b, last_at = r.c FROM ").rows(rows, "r");
        sql.push(" WHERE audit_entry.id = r.a");
        tx.run(sql.statement()).await?;
    }
    Ok(())
}

/// The organization of what somebody has named, where they see it; nothing of what is not there for them.
pub async fn organization_of(
    reader: &Reader,
    subject: Subject,
    id: i64,
) -> Result<Option<OrganizationId>, DbErr> {
    let table = match subject {
        Subject::Token => return Ok(None),
        Subject::Phone => "phone",
        Subject::Session => "session",
    };
    seen(reader, table, id).await
}

/// The same of a user.
pub async fn organization_of_user(reader: &Reader, user: UserId) -> Result<Option<OrganizationId>, DbErr> {
    seen(reader, "\"user\"", user.0).await
}

async fn seen(reader: &Reader, table: &str, id: i64) -> Result<Option<OrganizationId>, DbErr> {
    let mut sql = Sql::new(reader.backend());
    sql.push("SELECT t.organization_id FROM ").push(table).push(" t WHERE t.id = ").bind(id);
    sql.within("t.organization_id", reader.scope());
    let rows = reader.rows(sql.statement()).await?;
    rows.first().map(|row| row.try_get_by_index(0)).transpose()
}

/// Forgets entries from before a moment; tells how many.
pub async fn trim(store: &Store, before: Moment) -> Result<u64, DbErr> {
    let _turn = match &store.writer {
        Some(writer) => Some(writer.lock().await),
        None => None,
    };
    let tx = store.unhurried().await?;
    let gone = Entity::delete_many().filter(Column::LastAt.lt(before)).exec(&tx).await?;
    tx.commit().await?;
    Ok(gone.rows_affected)
}
