//! The queries, each beside the one statement that a person would write for its answer.

use anyhow::{Context, Result, ensure};
use data_encoding::BASE64URL_NOPAD;
use serde_json::Value;

use crate::{
    estate::Estate,
    load::{Client, Random, get, post},
    server::Servers,
};

/// A query and its statement.
pub struct Shape {
    pub name: &'static str,
    pub what: &'static str,
    /// In one line and without quotes, as it is put into JSON as it stands.
    query: &'static str,
    /// The type of which the variable `of` is an id.
    noun: &'static str,
    pick: for<'a> fn(&'a Keys, &mut Random) -> Picked<'a>,
    pub sqlite: &'static str,
    pub postgres: &'static str,
}

type Keys = crate::estate::Keys;
/// The number in the variable `of`, and the variable `name` where the query has it.
type Picked<'a> = (i64, Option<&'a str>);

impl Shape {
    /// Writes a request to Roamline.
    pub fn request(&self, estate: &Estate, random: &mut Random, out: &mut Vec<u8>) {
        let (number, name) = (self.pick)(estate, random);
        let of = id(self.noun, number);
        let query = self.query;
        let body = match name {
            Some(name) => {
                format!(r#"{{"query":"{query}","variables":{{"of":"{of}","name":"{name}"}}}}"#)
            }
            None => format!(r#"{{"query":"{query}","variables":{{"of":"{of}"}}}}"#),
        };
        post(body.as_bytes(), out);
    }

    /// Writes the same request to the hand-written side.
    pub fn path(&self, estate: &Estate, random: &mut Random, out: &mut Vec<u8>) {
        let (number, name) = (self.pick)(estate, random);
        get(&format!("/{}/{number}/{}", self.name, name.unwrap_or("-")), out);
    }
}

/// A global id.
pub fn id(noun: &str, number: i64) -> String {
    BASE64URL_NOPAD.encode(format!("{noun}:{number}").as_bytes())
}

/// Compares the answers of both sides to the same requests, and tells how many statements Roamline's takes.
pub async fn compare(
    servers: &Servers,
    estate: &Estate,
    shape: &Shape,
    times: usize,
    seed: u64,
    alone: bool,
) -> Result<u64> {
    let (mut ours, mut hand) = (Client::connect(&servers.ours).await?, Client::connect(&servers.hand).await?);
    let (mut random, mut again) = (Random::new(seed), Random::new(seed));
    let mut least = u64::MAX;
    for _ in 0..times {
        let (mut request, mut path) = (Vec::new(), Vec::new());
        shape.request(estate, &mut random, &mut request);
        shape.path(estate, &mut again, &mut path);
        let before = servers.app.statements();
        let answer = ours.ask(&request).await?;
        ensure!(answer.status == 200, "{} was answered {}", shape.name, answer.told());
        let mut got: Value = serde_json::from_slice(answer.body)?;
        // The least, as the reader of changes looks into the database now and then.
        least = least.min(servers.app.statements() - before);
        if alone {
            continue;
        }
        let answer = hand.ask(&path).await?;
        ensure!(answer.status == 200, "the statement of {} was answered {}", shape.name, answer.told());
        let want: Value = serde_json::from_slice(answer.body)?;
        let got = got.get_mut("data").context("an answer without data")?.take();
        ensure!(got == want, "{} differs:\n{got}\n{want}", shape.name);
        ensure!(answer.body.len() > 200, "{} finds nothing: {want}", shape.name);
    }
    Ok(least)
}

fn site<'a>(keys: &'a Keys, random: &mut Random) -> Picked<'a> {
    (*random.one_of(&keys.sites), None)
}

fn customer<'a>(keys: &'a Keys, random: &mut Random) -> Picked<'a> {
    (*random.one_of(&keys.customers), None)
}

fn profile<'a>(keys: &'a Keys, random: &mut Random) -> Picked<'a> {
    let (name, cluster) = random.one_of(&keys.profiles);
    (*cluster, Some(name))
}

/// What Q1 asks of a profile, as SQL for SQLite and for PostgreSQL.
macro_rules! profiles_sqlite {
    ($which:literal) => {
        concat!(
            "SELECT json_object('profiles', json_object('nodes', json_group_array(json_object(
                'name', p.name,
                'lines', json_object('nodes', (
                    SELECT json_group_array(json_object('index', a.position, 'role', a.role, 'line',
                        json_object('pattern', l.pattern, 'partition', nullif(l.partition, '')))
                        ORDER BY a.position)
                    FROM line_appearance a JOIN line l ON l.id = a.line_id WHERE a.device_id = p.id)),
                'users', json_object('nodes', (
                    SELECT json_group_array(json_object('userId', u.user_id, 'firstName', u.first_name,
                        'lastName', u.last_name) ORDER BY r.position)
                    FROM profile_user r JOIN \"user\" u ON u.id = r.user_id WHERE r.profile_id = p.id)))
                ORDER BY p.name_key, p.id)))
            FROM (SELECT id, name, name_key FROM profile WHERE organization_id ",
            $which,
            " ORDER BY name_key, id LIMIT 50) p"
        )
    };
}

macro_rules! profiles_postgres {
    ($which:literal) => {
        concat!(
            "SELECT json_build_object('profiles', json_build_object('nodes', coalesce(json_agg(json_build_object(
                'name', p.name,
                'lines', json_build_object('nodes', (
                    SELECT coalesce(json_agg(json_build_object('index', a.position, 'role', a.role, 'line',
                        json_build_object('pattern', l.pattern, 'partition', nullif(l.partition, '')))
                        ORDER BY a.position), '[]'::json)
                    FROM line_appearance a JOIN line l ON l.id = a.line_id WHERE a.device_id = p.id)),
                'users', json_build_object('nodes', (
                    SELECT coalesce(json_agg(json_build_object('userId', u.user_id, 'firstName', u.first_name,
                        'lastName', u.last_name) ORDER BY r.position), '[]'::json)
                    FROM profile_user r JOIN \"user\" u ON u.id = r.user_id WHERE r.profile_id = p.id)))
                ORDER BY p.name_key, p.id), '[]'::json)))::text
            FROM (",
            $which,
            " ORDER BY name_key, id LIMIT 50) p"
        )
    };
}

/// Every query.
pub const SHAPES: &[Shape] = &[
    Shape {
        name: "Q1",
        what: "50 profiles of a site with lines and users",
        query: "query Q1($of: ID!) { profiles(first: 50, filter: {organization: {ids: [$of], includeBelow: false}}) \
                { nodes { name lines { nodes { index role line { pattern partition } } } \
                users { nodes { userId firstName lastName } } } } }",
        noun: "Organization",
        pick: site,
        sqlite: profiles_sqlite!("= ?"),
        postgres: profiles_postgres!("SELECT id, name, name_key FROM profile WHERE organization_id = $1"),
    },
    Shape {
        name: "Q1-tree",
        what: "the same of a customer and its ten sites",
        query: "query Q1Tree($of: ID!) { profiles(first: 50, filter: {organization: {ids: [$of]}}) \
                { nodes { name lines { nodes { index role line { pattern partition } } } \
                users { nodes { userId firstName lastName } } } } }",
        noun: "Organization",
        pick: customer,
        sqlite: profiles_sqlite!(
            "IN (SELECT descendant_id FROM organization_closure WHERE ancestor_id = ?)"
        ),
        // From each organization's index as much as is needed: sorting all that is below takes a hundred times as long.
        postgres: profiles_postgres!(
            "SELECT f.id, f.name, f.name_key FROM organization_closure o CROSS JOIN LATERAL (
                SELECT id, name, name_key FROM profile WHERE organization_id = o.descendant_id
                ORDER BY name_key, id LIMIT 50) f WHERE o.ancestor_id = $1"
        ),
    },
    Shape {
        name: "Q2",
        what: "one profile whole, with its lines' clones",
        query: "query Q2($of: ID!, $name: String!) { profile(by: {name: {name: $name, clusterId: $of}}) { \
                name description product protocol buttonTemplate softkeyTemplate version \
                lines { nodes { index role label line { pattern partition description version \
                clones { nodes { index device { name } } } } } } \
                users { nodes { userId firstName lastName displayName email version } } \
                organization { path } cluster { name } } }",
        noun: "Cluster",
        pick: profile,
        sqlite: "SELECT json_object('profile', json_object(
                'name', p.name, 'description', p.description, 'product', p.product, 'protocol', p.protocol,
                'buttonTemplate', p.button_template, 'softkeyTemplate', p.softkey_template, 'version', p.version,
                'lines', json_object('nodes', (
                    SELECT json_group_array(json_object('index', a.position, 'role', a.role, 'label', a.label,
                        'line', json_object('pattern', l.pattern, 'partition', nullif(l.partition, ''),
                            'description', l.description, 'version', l.version,
                            'clones', json_object('nodes', (
                                SELECT json_group_array(json_object('index', c.position,
                                    'device', json_object('name', d.name)) ORDER BY c.created_at, c.id)
                                FROM line_appearance c JOIN device d ON d.id = c.device_id
                                WHERE c.line_id = l.id AND c.role = 'CLONE'))))
                        ORDER BY a.position)
                    FROM line_appearance a JOIN line l ON l.id = a.line_id WHERE a.device_id = p.id)),
                'users', json_object('nodes', (
                    SELECT json_group_array(json_object('userId', u.user_id, 'firstName', u.first_name,
                        'lastName', u.last_name, 'displayName', u.display_name, 'email', u.email,
                        'version', u.version) ORDER BY r.position)
                    FROM profile_user r JOIN \"user\" u ON u.id = r.user_id WHERE r.profile_id = p.id)),
                'organization', json_object('path', o.path), 'cluster', json_object('name', k.name)))
            FROM profile p JOIN organization o ON o.id = p.organization_id JOIN cluster k ON k.id = p.cluster_id
            WHERE p.name_key = lower(?) AND p.cluster_id = ?",
        postgres: "SELECT json_build_object('profile', json_build_object(
                'name', p.name, 'description', p.description, 'product', p.product, 'protocol', p.protocol,
                'buttonTemplate', p.button_template, 'softkeyTemplate', p.softkey_template, 'version', p.version,
                'lines', json_build_object('nodes', (
                    SELECT coalesce(json_agg(json_build_object('index', a.position, 'role', a.role,
                        'label', a.label, 'line', json_build_object('pattern', l.pattern,
                            'partition', nullif(l.partition, ''), 'description', l.description,
                            'version', l.version, 'clones', json_build_object('nodes', (
                                SELECT coalesce(json_agg(json_build_object('index', c.position,
                                    'device', json_build_object('name', d.name))
                                    ORDER BY c.created_at, c.id), '[]'::json)
                                FROM line_appearance c JOIN device d ON d.id = c.device_id
                                WHERE c.line_id = l.id AND c.role = 'CLONE'))))
                        ORDER BY a.position), '[]'::json)
                    FROM line_appearance a JOIN line l ON l.id = a.line_id WHERE a.device_id = p.id)),
                'users', json_build_object('nodes', (
                    SELECT coalesce(json_agg(json_build_object('userId', u.user_id, 'firstName', u.first_name,
                        'lastName', u.last_name, 'displayName', u.display_name, 'email', u.email,
                        'version', u.version) ORDER BY r.position), '[]'::json)
                    FROM profile_user r JOIN \"user\" u ON u.id = r.user_id WHERE r.profile_id = p.id)),
                'organization', json_build_object('path', o.path),
                'cluster', json_build_object('name', k.name)))::text
            FROM profile p JOIN organization o ON o.id = p.organization_id JOIN cluster k ON k.id = p.cluster_id
            WHERE p.name_key = lower($1) AND p.cluster_id = $2",
    },
    Shape {
        name: "Q3",
        what: "20 users of a site with profiles with lines",
        query: "query Q3($of: ID!) { users(first: 20, filter: {organization: {ids: [$of], includeBelow: false}}) \
                { nodes { userId firstName lastName profiles { nodes { name product \
                lines { nodes { index role label line { pattern partition } } } } } } } }",
        noun: "Organization",
        pick: site,
        sqlite: "SELECT json_object('users', json_object('nodes', json_group_array(json_object(
                'userId', u.user_id, 'firstName', u.first_name, 'lastName', u.last_name,
                'profiles', json_object('nodes', (
                    SELECT json_group_array(json_object('name', p.name, 'product', p.product,
                        'lines', json_object('nodes', (
                            SELECT json_group_array(json_object('index', a.position, 'role', a.role,
                                'label', a.label, 'line', json_object('pattern', l.pattern,
                                    'partition', nullif(l.partition, ''))) ORDER BY a.position)
                            FROM line_appearance a JOIN line l ON l.id = a.line_id WHERE a.device_id = p.id)))
                        ORDER BY p.name_key, p.id)
                    FROM profile_user r JOIN profile p ON p.id = r.profile_id WHERE r.user_id = u.id)))
                ORDER BY u.name_key, u.id)))
            FROM (SELECT id, user_id, first_name, last_name, name_key FROM \"user\" WHERE organization_id = ?
                ORDER BY name_key, id LIMIT 20) u",
        postgres: "SELECT json_build_object('users', json_build_object('nodes', coalesce(json_agg(json_build_object(
                'userId', u.user_id, 'firstName', u.first_name, 'lastName', u.last_name,
                'profiles', json_build_object('nodes', (
                    SELECT coalesce(json_agg(json_build_object('name', p.name, 'product', p.product,
                        'lines', json_build_object('nodes', (
                            SELECT coalesce(json_agg(json_build_object('index', a.position, 'role', a.role,
                                'label', a.label, 'line', json_build_object('pattern', l.pattern,
                                    'partition', nullif(l.partition, ''))) ORDER BY a.position), '[]'::json)
                            FROM line_appearance a JOIN line l ON l.id = a.line_id WHERE a.device_id = p.id)))
                        ORDER BY p.name_key, p.id), '[]'::json)
                    FROM profile_user r JOIN profile p ON p.id = r.profile_id WHERE r.user_id = u.id)))
                ORDER BY u.name_key, u.id), '[]'::json)))::text
            FROM (SELECT id, user_id, first_name, last_name, name_key FROM \"user\" WHERE organization_id = $1
                ORDER BY name_key, id LIMIT 20) u",
    },
];
