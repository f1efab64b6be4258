//! `changeLineSettings` on a line with 50 clones, beside SQL that updates the same rows and keeps the same changes.
//!
//! The hand-written side checks no rule and keeps its changes in tables of its own, which are made like Roamline's:
//! otherwise Roamline's reader of changes would work for both.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI32, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result, ensure};
use sea_orm::sqlx::{self, AssertSqlSafe};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::{
    Args,
    estate::Estate,
    hand::Pool,
    in_turns,
    load::{Client, Random, get, post},
    place::Place,
    report::{Row, say},
    server::Servers,
    shape::id,
};

/// Lines that are changed at once, each by one connection, so that no two requests change the same one.
const LINES: usize = 8;
/// Appearances of each: the original and its clones.
const APPEARANCES: usize = 51;

const ADD: &str = "mutation Add($input: AddLineToDeviceInput!) { addLineToDevice(input: $input) \
                   { appearance { id } errors { message } } }";
const CHANGE: &str = "mutation W1($input: ChangeLineSettingsInput!) { changeLineSettings(input: $input) \
                      { original { settings { maxCalls } } errors { code } } }";

/// A line's original, and the setting that is changed to and fro.
struct Line {
    /// The original's global id.
    id: String,
    original: i64,
    calls: AtomicI32,
}

impl Line {
    /// The other value, which it has from now on.
    fn toggle(&self) -> i32 {
        let calls = if self.calls.load(Ordering::Relaxed) == 4 { 5 } else { 4 };
        self.calls.store(calls, Ordering::Relaxed);
        calls
    }

    fn request(&self, out: &mut Vec<u8>) {
        let (id, calls) = (&self.id, self.toggle());
        let body = format!(
            r#"{{"query":"{CHANGE}","variables":{{"input":{{"appearanceId":"{id}","settings":{{"maxCalls":{calls}}}}}}}}}"#
        );
        post(body.as_bytes(), out);
    }

    fn path(&self, out: &mut Vec<u8>) {
        get(&format!("/W1/{}/{}", self.original, self.toggle()), out);
    }
}

/// Measures the pair.
pub async fn measure(args: &Args, place: &Place, servers: &Servers, estate: &Estate) -> Result<Row> {
    let lines = Arc::new(make(servers, estate).await?);
    if !args.alone {
        tables(&servers.pool).await?;
        compare(servers, &lines[0]).await?;
    }
    // PostgreSQL keeps the plans of its foreign keys, and those of tables that were empty a moment ago read them whole.
    servers.pool.settle().await?;
    let (ours, hand) = (lines.clone(), lines.clone());
    let pair = in_turns(
        args,
        servers,
        args.connections.min(LINES),
        move |number| {
            let lines = ours.clone();
            move |_: &mut Random, out: &mut Vec<u8>| lines[number].request(out)
        },
        move |number| {
            let lines = hand.clone();
            move |_: &mut Random, out: &mut Vec<u8>| lines[number].path(out)
        },
    )
    .await?;
    for line in lines.iter() {
        let calls = line.calls.load(Ordering::Relaxed);
        ensure!(servers.pool.calls(line.original).await? == calls, "a change was not kept");
    }
    Ok(Row::of_requests(place.name, "W1", "changeLineSettings with 50 clones", None, &pair))
}

/// Makes the lines through the API.
async fn make(servers: &Servers, estate: &Estate) -> Result<Vec<Line>> {
    let began = std::time::Instant::now();
    let site = *estate.sites.first().context("an estate without sites")?;
    let devices = servers.pool.profiles_of(site).await?;
    let mut client = Client::connect(&servers.ours).await?;
    let mut lines = Vec::new();
    for (number, devices) in devices.chunks_exact(APPEARANCES).take(LINES).enumerate() {
        let mut original = None;
        for device in devices {
            let input = json!({"deviceId": id("Profile", *device), "pattern": format!("99{number:04}")});
            let mut answer = ask(&mut client, ADD, &input).await?;
            let payload = answer["data"]["addLineToDevice"].take();
            ensure!(payload["errors"] == json!([]), "a clone was refused: {payload} {answer}");
            original.get_or_insert(payload["appearance"]["id"].as_str().context("no id")?.to_owned());
        }
        let id = original.context("a line without devices")?;
        let decoded = data_encoding::BASE64URL_NOPAD.decode(id.as_bytes())?;
        let original = String::from_utf8(decoded)?.rsplit(':').next().context("no id")?.parse()?;
        lines.push(Line { id, original, calls: AtomicI32::new(4) });
    }
    ensure!(lines.len() == LINES, "too few profiles for the lines");
    say(&format!("{LINES} lines with 50 clones each made in {:.1} s", began.elapsed().as_secs_f64()));
    Ok(lines)
}

async fn ask(client: &mut Client, query: &str, input: &Value) -> Result<Value> {
    let mut request = Vec::new();
    post(json!({"query": query, "variables": {"input": input}}).to_string().as_bytes(), &mut request);
    let answer = client.ask(&request).await?;
    ensure!(answer.status == 200, "a mutation was answered {}", answer.told());
    Ok(serde_json::from_slice(answer.body)?)
}

/// Changes a line on both sides in the same way, and compares what each leaves and answers.
async fn compare(servers: &Servers, line: &Line) -> Result<()> {
    let mut ours = Client::connect(&servers.ours).await?;
    let mut hand = Client::connect(&servers.hand).await?;
    let pool = &servers.pool;
    let mut request = Vec::new();

    line.request(&mut request);
    let answer = ours.ask(&request).await?;
    let mut got: Value = serde_json::from_slice(answer.body)?;
    let left = pool.left(line.original, OURS).await?;
    // Back to where both begin.
    request.clear();
    line.request(&mut request);
    ours.ask(&request).await?;

    request.clear();
    line.path(&mut request);
    let answer = hand.ask(&request).await?;
    ensure!(answer.status == 200, "the statements of W1 were answered {}", answer.told());
    let want: Value = serde_json::from_slice(answer.body)?;
    let got = got.get_mut("data").context("an answer without data")?.take();
    ensure!(got == want, "W1 differs:\n{got}\n{want}");
    let by_hand = pool.left(line.original, HAND).await?;
    ensure!(left.settings == by_hand.settings, "the settings differ");
    ensure!(left.changes == by_hand.changes, "changes differ:\n{}\n{}", left.changes[0], by_hand.changes[0]);
    ensure!(left.subjects == by_hand.subjects, "subjects differ");
    ensure!(left.changes.len() == APPEARANCES && left.subjects.len() == 3 * APPEARANCES, "too few changes");
    Ok(())
}

/// What a change left in the database.
struct Left {
    settings: Vec<Value>,
    changes: Vec<Value>,
    subjects: Vec<(String, i64)>,
}

/// Where changes and their subjects are read: the last ones.
type Kept = (&'static str, &'static str);

const OURS: Kept = (
    "SELECT body, seq FROM change ORDER BY seq DESC LIMIT 51",
    "SELECT noun, subject_id FROM change_subject WHERE seq > (SELECT max(seq) - 51 FROM change)
        ORDER BY seq, noun, subject_id",
);
const HAND: Kept = (
    "SELECT body, seq FROM hand_change ORDER BY seq DESC LIMIT 51",
    "SELECT noun, subject_id FROM hand_change_subject WHERE seq > (SELECT max(seq) - 51 FROM hand_change)
        ORDER BY seq, noun, subject_id",
);

impl Pool {
    async fn profiles_of(&self, site: i64) -> Result<Vec<i64>> {
        let sql = "SELECT id FROM profile WHERE organization_id = $1 ORDER BY id";
        Ok(match self {
            Self::Sqlite(pool) => sqlx::query_scalar(sql).bind(site).fetch_all(pool).await?,
            Self::Postgres(pool) => sqlx::query_scalar(sql).bind(site).fetch_all(pool).await?,
        })
    }

    async fn left(&self, original: i64, (changes, subjects): Kept) -> Result<Left> {
        let settings = "SELECT settings, id FROM line_appearance
            WHERE line_id = (SELECT line_id FROM line_appearance WHERE id = $1) ORDER BY id";
        let settings: Vec<(String, i64)> = match self {
            Self::Sqlite(pool) => sqlx::query_as(settings).bind(original).fetch_all(pool).await?,
            Self::Postgres(pool) => sqlx::query_as(settings).bind(original).fetch_all(pool).await?,
        };
        let json = |rows: Vec<(String, i64)>| -> Result<Vec<Value>> {
            rows.iter().map(|(text, _)| Ok(serde_json::from_str(text)?)).collect()
        };
        Ok(Left {
            settings: json(settings)?,
            changes: json(self.named(changes).await?)?,
            subjects: self.named(subjects).await?,
        })
    }

    async fn calls(&self, appearance: i64) -> Result<i32> {
        let sql = "SELECT settings FROM line_appearance WHERE id = $1";
        let text: String = match self {
            Self::Sqlite(pool) => sqlx::query_scalar(sql).bind(appearance).fetch_one(pool).await?,
            Self::Postgres(pool) => sqlx::query_scalar(sql).bind(appearance).fetch_one(pool).await?,
        };
        let settings: Value = serde_json::from_str(&text)?;
        Ok(i32::try_from(settings["max_calls"].as_i64().unwrap_or_default())?)
    }
}

/// Makes the hand-written side's tables, like Roamline's.
async fn tables(pool: &Pool) -> Result<()> {
    let sql = "CREATE TABLE hand_counter (name TEXT NOT NULL PRIMARY KEY, last {int} NOT NULL);
        INSERT INTO hand_counter (name, last) VALUES ('change', 0);
        CREATE TABLE hand_change (seq {int} NOT NULL PRIMARY KEY, at {int} NOT NULL, by TEXT NOT NULL, reason TEXT,
            organization_id {int}, left_organization_id {int}, kind TEXT NOT NULL, body TEXT NOT NULL);
        CREATE INDEX hand_change_at ON hand_change (at);
        CREATE TABLE hand_change_subject (noun TEXT NOT NULL, subject_id {int} NOT NULL,
            seq {int} NOT NULL REFERENCES hand_change (seq) ON DELETE CASCADE,
            PRIMARY KEY (noun, subject_id, seq));
        CREATE INDEX hand_change_subject_seq ON hand_change_subject (seq);";
    match pool {
        Pool::Sqlite(pool) => {
            sqlx::raw_sql(AssertSqlSafe(sql.replace("{int}", "INTEGER"))).execute(pool).await?;
        }
        Pool::Postgres(pool) => {
            sqlx::raw_sql(AssertSqlSafe(sql.replace("{int}", "BIGINT"))).execute(pool).await?;
        }
    }
    Ok(())
}

/// Changes a line, and answers as Roamline does. `writer` is SQLite's turn, a queue as in Roamline.
pub async fn by_hand(
    pool: &Pool,
    writer: &Mutex<()>,
    original: i64,
    calls: i32,
) -> Result<String, sqlx::Error> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now = i64::try_from(since.as_micros()).unwrap_or(i64::MAX);
    match pool {
        Pool::Postgres(pool) => {
            sqlx::query(POSTGRES).bind(original).bind(calls).bind(now).execute(pool).await?;
        }
        Pool::Sqlite(pool) => {
            let _turn = writer.lock().await;
            let mut tx = pool.begin_with("BEGIN IMMEDIATE").await?;
            let (line, count): (i64, i64) =
                sqlx::query_as(SQLITE_LINE).bind(original).fetch_one(&mut *tx).await?;
            let last: i64 = sqlx::query_scalar(SQLITE_COUNTER).bind(count).fetch_one(&mut *tx).await?;
            let before = last - count;
            let change = sqlx::query(SQLITE_CHANGE).bind(before).bind(now).bind(original).bind(calls);
            change.bind(line).execute(&mut *tx).await?;
            sqlx::query(SQLITE_SUBJECT).bind(before).bind(line).execute(&mut *tx).await?;
            sqlx::query(SQLITE_APPEARANCE).bind(calls).bind(line).execute(&mut *tx).await?;
            sqlx::query(SQLITE_VERSION).bind(now).bind(line).execute(&mut *tx).await?;
            tx.commit().await?;
        }
    }
    Ok(format!(
        r#"{{"changeLineSettings":{{"original":{{"settings":{{"maxCalls":{calls}}}}},"errors":[]}}}}"#
    ))
}

/// Everything in one statement, which is one transaction.
const POSTGRES: &str = r"
    WITH changed AS (
        UPDATE line_appearance a SET settings = jsonb_set(b.settings::jsonb, '{max_calls}', to_jsonb($2::int))::text
        FROM line_appearance b JOIN device d ON d.id = b.device_id
        WHERE a.id = b.id AND a.line_id =
            (SELECT line_id FROM line_appearance WHERE id = $1 AND role = 'ORIGINAL')
        RETURNING a.id, a.line_id, a.device_id, a.created_at, b.settings AS before, a.settings AS after,
            d.organization_id, d.kind, d.name
    ), raised AS (
        UPDATE line SET version = version + 1, updated_at = $3 WHERE id = (SELECT line_id FROM changed LIMIT 1)
    ), counted AS (
        UPDATE hand_counter SET last = last + (SELECT count(*) FROM changed) WHERE name = 'change' RETURNING last
    ), numbered AS (
        SELECT c.*, (SELECT last FROM counted) + 1 - row_number() OVER (ORDER BY created_at DESC, id DESC) AS seq
        FROM changed c
    ), kept AS (
        INSERT INTO hand_change (seq, at, by, reason, organization_id, left_organization_id, kind, body)
        SELECT seq, $3, 'no-auth', NULL, organization_id, NULL, 'AppearanceSettingsChanged',
            json_build_object('kind', 'AppearanceSettingsChanged', 'on', json_build_object(
                'organization_id', organization_id, 'kind', kind, 'name', name), 'appearance_id', id,
                'line_id', line_id, 'device_id', device_id, 'through', $1::bigint, 'before', before::json,
                'after', after::json)::text
        FROM numbered
    ), linked AS (
        INSERT INTO hand_change_subject (noun, subject_id, seq)
        SELECT s.noun, s.subject_id, seq FROM numbered CROSS JOIN LATERAL (VALUES ('APPEARANCE', id),
            ('LINE', line_id), (CASE kind WHEN 'OTHER' THEN 'DEVICE' ELSE kind END, device_id)) s (noun, subject_id)
    )
    SELECT pg_notify('hand_change', '')";

const SQLITE_LINE: &str =
    "SELECT line_id, (SELECT count(*) FROM line_appearance a WHERE a.line_id = o.line_id)
    FROM line_appearance o WHERE id = ? AND role = 'ORIGINAL'";
const SQLITE_COUNTER: &str = "UPDATE hand_counter SET last = last + ? WHERE name = 'change' RETURNING last";
const SQLITE_CHANGE: &str = "
    INSERT INTO hand_change (seq, at, by, reason, organization_id, left_organization_id, kind, body)
    SELECT ?1 + row_number() OVER (ORDER BY a.created_at, a.id), ?2, 'no-auth', NULL, d.organization_id, NULL,
        'AppearanceSettingsChanged', json_object('kind', 'AppearanceSettingsChanged', 'on', json_object(
            'organization_id', d.organization_id, 'kind', d.kind, 'name', d.name), 'appearance_id', a.id,
            'line_id', a.line_id, 'device_id', a.device_id, 'through', ?3, 'before', json(a.settings),
            'after', json_set(a.settings, '$.max_calls', ?4))
    FROM line_appearance a JOIN device d ON d.id = a.device_id WHERE a.line_id = ?5";
const SQLITE_SUBJECT: &str = "
    INSERT INTO hand_change_subject (noun, subject_id, seq)
    SELECT s.noun, CASE s.noun WHEN 'APPEARANCE' THEN n.id WHEN 'LINE' THEN n.line_id ELSE n.device_id END, n.seq
    FROM (SELECT a.id, a.line_id, a.device_id, CASE d.kind WHEN 'OTHER' THEN 'DEVICE' ELSE d.kind END AS noun,
            ?1 + row_number() OVER (ORDER BY a.created_at, a.id) AS seq
        FROM line_appearance a JOIN device d ON d.id = a.device_id WHERE a.line_id = ?2) n
    JOIN (SELECT 'APPEARANCE' AS noun UNION ALL SELECT 'LINE' UNION ALL SELECT 'PROFILE'
        UNION ALL SELECT 'PHONE' UNION ALL SELECT 'DEVICE') s
        ON s.noun IN ('APPEARANCE', 'LINE', n.noun)";
const SQLITE_APPEARANCE: &str =
    "UPDATE line_appearance SET settings = json_set(settings, '$.max_calls', ?) WHERE line_id = ?";
const SQLITE_VERSION: &str = "UPDATE line SET version = version + 1, updated_at = ? WHERE id = ?";
