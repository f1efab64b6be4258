//! Which profiles are not ready, and why: one condition per finding, which the list's filter and the profile's own
//! answer share, so that they cannot differ. A condition is a list of things that each profile has, and what is wrong with
//! one of them: a profile has the finding where there is such a thing, and the finding is about those things.

use std::{collections::HashMap, fmt::Write, sync::LazyLock};

use entity::change_subject::Noun;
use sea_orm::{DatabaseBackend, DbErr};

use super::{Source, number, row::Row as _, sql::Sql};
use crate::{
    caller::Scope,
    rule::{
        layout,
        product::{self, ButtonFeature},
        readiness::{Finding, Found, NAMED, UserState},
    },
};

/// Most profiles of a user that are looked at.
const PROFILES: i64 = 200;

/// What a profile has, by the profile (`profile_id`) and the thing's `id`; `{of}` says which profiles.
const ITSELF: &str = "SELECT i.id AS profile_id, i.id FROM profile i WHERE i.id {of}";
const APPEARANCES: &str =
    "SELECT a.device_id AS profile_id, a.id FROM line_appearance a WHERE a.device_id {of}";
const USERS: &str = "SELECT l.profile_id, l.user_id AS id FROM profile_user l WHERE l.profile_id {of}";
const NUMBERS: &str = "SELECT a.device_id AS profile_id, n.id FROM line_appearance a JOIN line l ON l.id = a.line_id \
    JOIN number n ON n.cluster_id = l.cluster_id AND n.pattern = l.pattern AND n.partition = l.partition \
    WHERE a.device_id {of}";
const SUBSCRIPTIONS: &str = "SELECT x.device_id AS profile_id, x.id FROM service_subscription x WHERE x.subscribed \
    AND x.device_id {of}";
/// Phones that show it, while somebody or while nobody is logged in, and phones of its users, theirs or controlled.
const PHONES: &str = "SELECT p.logout_profile_id AS profile_id, p.id FROM phone p WHERE p.logout_profile_id {of} \
    UNION SELECT s.profile_id, s.phone_id FROM session s WHERE s.profile_id {of} \
    UNION SELECT l.profile_id, c.phone_id FROM profile_user l JOIN user_phone c ON c.user_id = l.user_id \
    WHERE l.profile_id {of} \
    UNION SELECT l.profile_id, p.id FROM profile_user l JOIN phone p ON p.owner_id = l.user_id WHERE l.profile_id {of}";

/// Whether a device (`s`) is without the extension mobility service: it has no subscription, and the cluster's devices do
/// not all have it. How its URL begins is SVC-11; case counts.
const WITHOUT_EM: &str = "NOT EXISTS (SELECT 1 FROM service_subscription x JOIN service v ON v.id = x.service_id WHERE \
    x.device_id = s.id AND x.subscribed AND v.enabled AND x.url LIKE '%/emapp/EMAppServlet%') AND NOT EXISTS \
    (SELECT 1 FROM service v WHERE v.cluster_id = s.cluster_id AND v.enterprise AND v.enabled AND \
    v.url LIKE '%/emapp/EMAppServlet%')";

/// When a profile (`t`) has a finding.
struct Condition {
    /// What the profile has.
    things: &'static str,
    /// The table that holds the things.
    table: &'static str,
    /// What people call one of them (`s`).
    name: &'static str,
    /// What is wrong with it.
    wrong: &'static str,
}

fn condition(finding: Finding, backend: DatabaseBackend) -> Option<Condition> {
    let of = |things, wrong| {
        let (table, name) = match things {
            APPEARANCES => ("line_appearance", "(SELECT l.pattern FROM line l WHERE l.id = s.line_id)"),
            USERS => ("\"user\"", "s.user_id"),
            NUMBERS => ("number", "s.pattern"),
            SUBSCRIPTIONS => ("service_subscription", "s.name"),
            PHONES => ("phone", "s.name"),
            _ => ("profile", "s.name"),
        };
        Some(Condition { things, table, name, wrong })
    };
    match finding {
        Finding::EmServiceMissing => of(ITSELF, WITHOUT_EM),
        Finding::PhoneEmServiceMissing => of(PHONES, &PHONE_WITHOUT_EM),
        Finding::LineMissing => {
            of(ITSELF, "NOT EXISTS (SELECT 1 FROM line_appearance a WHERE a.device_id = s.id)")
        }
        Finding::LinesDoNotFit if backend == DatabaseBackend::Postgres => {
            of(APPEARANCES, &NO_KEY_ON_POSTGRESQL)
        }
        Finding::LinesDoNotFit => of(APPEARANCES, &NO_KEY_ON_SQLITE),
        Finding::DefaultProfileMissing => of(USERS, "s.default_profile_id IS NULL"),
        Finding::DefaultDeviceProfileMissing => of(
            PHONES,
            "s.extension_mobility AND (s.product <> t.product OR s.protocol <> t.protocol) AND NOT EXISTS (SELECT 1 \
             FROM default_device_profile f WHERE f.cluster_id = s.cluster_id AND f.product = s.product AND \
             f.protocol = s.protocol)",
        ),
        Finding::NumberWrong => of(NUMBERS, "s.status <> 'USED'"),
        Finding::NumberReservedForOther => of(
            NUMBERS,
            "s.reserved_for IS NOT NULL AND (s.reserved_until IS NULL OR s.reserved_until > {now}) AND NOT EXISTS \
             (SELECT 1 FROM profile_user l JOIN \"user\" u ON u.id = l.user_id WHERE l.profile_id = t.id AND \
             u.user_id = s.reserved_for)",
        ),
        Finding::ServiceUrlStale => of(
            SUBSCRIPTIONS,
            "NOT s.custom AND s.revision <> (SELECT v.revision FROM service v WHERE v.id = s.service_id)",
        ),
        Finding::ServiceDisabled => {
            of(SUBSCRIPTIONS, "NOT (SELECT v.enabled FROM service v WHERE v.id = s.service_id)")
        }
        Finding::ProfileMissing => None,
    }
}

static PHONE_WITHOUT_EM: LazyLock<String> =
    LazyLock::new(|| format!("s.extension_mobility AND {WITHOUT_EM}"));

/// Where the features of a template (`b`) stand that are for lines, among the first keys.
static NO_KEY_ON_POSTGRESQL: LazyLock<String> = LazyLock::new(|| {
    no_key(
        "SELECT count(*) FROM json_array_elements_text(CAST(b.features AS JSON)) WITH ORDINALITY f (feature, place) \
         WHERE f.feature = 'LINE' AND f.place <= ",
        "SELECT coalesce(sum(CAST(substring(m.module ->> 'model' FROM '([0-9]{1,3})-Button') AS BIGINT)), 0) FROM \
         json_array_elements(CAST(t.settings AS JSON) -> 'add_on_modules') m (module)",
    )
});
static NO_KEY_ON_SQLITE: LazyLock<String> = LazyLock::new(|| {
    // Up to three digits before the word, as many as there are.
    let digits = |count: &str, pattern: &str| {
        let text = format!("substr(q.model, instr(q.model, '-Button') - {count}, {count})");
        format!(
            "WHEN instr(q.model, '-Button') > {count} AND {text} GLOB '{pattern}' THEN CAST({text} AS INTEGER)"
        )
    };
    let cases = [digits("3", "[0-9][0-9][0-9]"), digits("2", "[0-9][0-9]"), digits("1", "[0-9]")].join(" ");
    no_key(
        "SELECT count(*) FROM json_each(b.features) f WHERE f.value = 'LINE' AND f.key < ",
        &format!(
            "SELECT coalesce(sum(CASE {cases} ELSE 0 END), 0) FROM (SELECT m.value ->> 'model' AS model FROM \
             json_each(t.settings, '$.add_on_modules') m) q"
        ),
    )
});

/// Whether an appearance (`s`) stands behind the last key for lines of its profile (`t`): the layout hides it then. Keys are
/// those of the product and of its expansion modules, and what they are for is in the cluster's template, or in what is
/// taken for the product's own.
fn no_key(lines_up_to: &str, on_modules: &str) -> String {
    let (mut own, mut stock) = (String::new(), String::new());
    for product in product::all() {
        let name = product.name.replace('\'', "''");
        let lines = layout::stock(product).iter().filter(|f| **f == ButtonFeature::Line).count();
        let _ = write!(own, " WHEN '{name}' THEN {}", product.line_buttons);
        let _ = write!(stock, " WHEN '{name}' THEN {lines}");
    }
    format!(
        "s.position > CASE WHEN t.product IN ({}) THEN coalesce((SELECT ({lines_up_to}(CASE t.product{own} END + \
         ({on_modules}))) FROM template b WHERE b.cluster_id = t.cluster_id AND b.kind = 'BUTTON' AND b.name = \
         t.button_template), CASE t.product{stock} END) ELSE 1000 END",
        product::all()
            .iter()
            .map(|product| format!("'{}'", product.name.replace('\'', "''")))
            .collect::<Vec<_>>()
            .join(", "),
    )
}

/// Adds whether a profile (`t`) has the finding.
pub(super) fn holds(sql: &mut Sql, scope: Scope, finding: Finding) {
    let Some(condition) = condition(finding, sql.backend()) else {
        sql.push("1 = 0");
        return;
    };
    sql.push("EXISTS (SELECT 1 FROM (").push(&condition.things.replace("{of}", "= t.id")).push(") x JOIN ");
    sql.push(condition.table).push(" s ON s.id = x.id WHERE ").timed(condition.wrong);
    seen(sql, condition.table, scope);
    sql.push(")");
}

/// What is not seen is nothing to find (ACC-7).
fn seen(sql: &mut Sql, table: &str, scope: Scope) {
    match table {
        "phone" | "\"user\"" => {
            sql.within("s.organization_id", scope);
        }
        "number" => number::Row::scope(sql, "s", scope),
        _ => {}
    }
}

/// What is found of each of the profiles, in one statement; things of kinds that are not read are not named.
pub async fn findings(
    source: &impl Source,
    scope: Scope,
    unread: &[Noun],
    profiles: &[i64],
) -> Result<HashMap<i64, Vec<Found>>, DbErr> {
    let mut sql = Sql::of(source);
    sql.push("WITH k AS (SELECT t.* FROM profile t WHERE ").among("t.id", profiles.iter().copied());
    sql.within("t.organization_id", scope);
    sql.push(
        ") SELECT profile_id, finding, id, name, total FROM (SELECT q.*, row_number() OVER (PARTITION BY ",
    );
    sql.push("profile_id, finding ORDER BY id) AS place, count(*) OVER (PARTITION BY profile_id, finding) AS total FROM (");
    for (at, finding) in Finding::ALL.into_iter().enumerate() {
        let Some(condition) = condition(finding, sql.backend()) else { continue };
        sql.push(if at == 0 { "" } else { " UNION ALL " });
        sql.push("SELECT t.id AS profile_id, CAST(")
            .push(&at.to_string())
            .push(" AS BIGINT) AS finding, s.id, ");
        sql.push(condition.name).push(" AS name FROM k t JOIN (");
        sql.push(&condition.things.replace("{of}", "IN (SELECT id FROM k)"))
            .push(") x ON x.profile_id = t.id JOIN ");
        sql.push(condition.table).push(" s ON s.id = x.id WHERE ").timed(condition.wrong);
        seen(&mut sql, condition.table, scope);
    }
    sql.push(") q) r WHERE place <= ").bind(i64::try_from(NAMED).unwrap_or(i64::MAX));
    sql.push(" ORDER BY profile_id, finding, id");
    let mut found: HashMap<i64, Vec<Found>> = HashMap::with_capacity(profiles.len());
    for row in source.rows(sql.statement()).await? {
        let at: i64 = row.try_get_by_index(1)?;
        let Some(finding) = usize::try_from(at).ok().and_then(|at| Finding::ALL.get(at)) else { continue };
        let of_profile = found.entry(row.try_get_by_index(0)?).or_default();
        let subject = (row.try_get_by_index(2)?, row.try_get_by_index(3)?);
        let named = !unread.contains(&finding.about());
        match of_profile.last_mut().filter(|found| found.finding == *finding) {
            Some(found) if named => found.subjects.push(subject),
            Some(_) => {}
            None => of_profile.push(Found {
                finding: *finding,
                subjects: named.then_some(subject).into_iter().collect(),
                count: row.try_get_by_index(4)?,
            }),
        }
    }
    Ok(found)
}

/// What is known of each of the users, in one statement; one who is not seen is left out.
pub async fn user_states(
    source: &impl Source,
    scope: Scope,
    users: &[i64],
) -> Result<HashMap<i64, UserState>, DbErr> {
    let mut sql = Sql::new(source.backend());
    sql.push("SELECT u.id, u.user_id, CAST(CASE WHEN u.default_profile_id IS NULL THEN 0 ELSE 1 END AS BIGINT), p.id ");
    sql.push("FROM \"user\" u LEFT JOIN (SELECT l.user_id, t.id, row_number() OVER (PARTITION BY l.user_id ORDER BY ");
    sql.push("t.name_key, t.id) AS place FROM profile_user l JOIN profile t ON t.id = l.profile_id WHERE ");
    sql.among("l.user_id", users.iter().copied()).within("t.organization_id", scope);
    sql.push(") p ON p.user_id = u.id AND p.place <= ").bind(PROFILES).push(" WHERE ");
    sql.among("u.id", users.iter().copied()).within("u.organization_id", scope);
    sql.push(" ORDER BY u.id, p.place");
    let mut states: HashMap<i64, UserState> = HashMap::with_capacity(users.len());
    for row in source.rows(sql.statement()).await? {
        let id = row.try_get_by_index(0)?;
        let has_default: i64 = row.try_get_by_index(2)?;
        let user_id = row.try_get_by_index(1)?;
        let profile: Option<i64> = row.try_get_by_index(3)?;
        let new = UserState { id, user_id, has_default: has_default == 1, profiles: Vec::new() };
        states.entry(id).or_insert(new).profiles.extend(profile);
    }
    Ok(states)
}
