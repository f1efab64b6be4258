//! Every setting: its type, its default, its range and the one sentence that explains it.
//!
//! The sections are declared with [`section!`] so that a setting cannot exist without a sentence, a default
//! and an entry in [`settings`], from which the README's table, the environment's names, the ranges and the
//! suggestions for misspelt keys all follow. `load` puts the layers together, `check` refuses what cannot
//! work. Nothing here reads the process's arguments or environment: `main` hands them in.

mod check;
mod load;

use std::{fmt, net::SocketAddr, ops::RangeInclusive};

use serde::{Deserialize, Serialize};

pub use load::{ConfigError, Fault, Origin};

/// Begins the name of every environment variable that sets something.
const PREFIX: &str = "ROAMLINE__";

/// Stands for a password wherever a configuration is shown.
const HIDDEN: &str = "***";

/// Declares a section: its settings first, each `name: type = default, range;`, then the sections inside it.
macro_rules! section {
    (
        $(#[$about:meta])*
        pub struct $Name:ident {
            $( $(#[doc = $sentence:literal])+ pub $key:ident: $Type:ty = $default:expr $(, $range:expr)?; )*
            $( pub $part:ident: $Part:ident; )*
        }
    ) => {
        $(#[$about])*
        #[derive(Clone, Deserialize, PartialEq, Serialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct $Name {
            $( $(#[doc = $sentence])+ pub $key: $Type, )*
            $( pub $part: $Part, )*
        }

        impl Default for $Name {
            fn default() -> Self {
                Self { $( $key: $default, )* $( $part: $Part::default(), )* }
            }
        }

        impl $Name {
            /// Appends this section's settings, in the order of their declaration.
            fn declared(section: &str, settings: &mut Vec<Setting>) {
                $( settings.push(Setting::new(
                    section,
                    stringify!($key),
                    &Self::default().$key,
                    concat!($($sentence),+),
                    section!(@range $($range)?),
                )); )*
                $( $Part::declared(concat!(stringify!($part), "."), settings); )*
            }
        }
    };
    (@range) => { None };
    (@range $range:expr) => { Some($range) };
}

section! {
    /// Everything that can be set.
    #[derive(Debug)]
    pub struct Config {
        /// Address and port that the server listens on.
        pub listen: SocketAddr = SocketAddr::from(([127, 0, 0, 1], 8080));
        /// Serve without tokens, as an administrator of everything; loopback addresses only.
        pub no_auth: bool = false;
        pub database: Database;
        pub admin: Admin;
        pub http: Http;
        pub tls: Tls;
        pub guard: Guard;
        pub subscription: Subscription;
        pub feed: Feed;
        pub bulk: Bulk;
        pub audit: Audit;
        pub session: Session;
        pub page: Page;
        pub log: Log;
        pub trace: Trace;
        pub jwt: Jwt;
    }
}

section! {
    /// Where the estate is kept.
    pub struct Database {
        /// `sqlite://FILE` or `postgres://USER:PASSWORD@HOST/NAME`; the password is never printed.
        pub url: String = "sqlite://roamline.db".to_owned();
        /// Most connections held open.
        pub connections: u32 = 8, 1..=1_000;
        /// Milliseconds to wait for a connection or for another process's SQLite lock.
        pub wait_ms: u64 = 5_000, 1..=600_000;
        /// SQLite's `synchronous` pragma: `full` survives a power cut, `normal` a crash of the process, `off` neither.
        pub synchronous: Synchronous = Synchronous::Full;
    }
}

/// SQLite's `synchronous` pragma.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Synchronous {
    Off,
    Normal,
    Full,
}

section! {
    /// What only those see who run the server.
    #[derive(Debug)]
    pub struct Admin {
        /// Address and port for `/metrics` and health alone, without tokens, such as `127.0.0.1:9090`; empty for none, and then `/metrics` is for administrators' tokens on `listen`.
        pub listen: String = String::new();
    }
}

impl Admin {
    /// The address to listen on; nothing where none is set.
    pub fn address(&self) -> Option<SocketAddr> {
        self.listen.parse().ok()
    }
}

section! {
    /// The HTTP entry.
    #[derive(Debug)]
    pub struct Http {
        /// Largest request body, in bytes.
        pub body_bytes: usize = 1024 * 1024, 1_024..=16 * 1024 * 1024;
        /// Milliseconds that a query may take.
        pub query_ms: u64 = 10_000, 1..=3_600_000;
        /// Milliseconds that a mutation may take; it goes on when its client leaves.
        pub mutation_ms: u64 = 30_000, 1..=3_600_000;
        /// Milliseconds that a stop waits for requests in flight.
        pub drain_ms: u64 = 10_000, 0..=600_000;
        /// Most requests at once; those beyond are turned away with 503, so that the others are answered in time.
        pub requests: usize = 1_000, 1..=100_000;
        /// HTTP statuses of refusals: `classic`, as today's clients expect, or `draft-2026`, which has 422 and 294.
        pub statuses: Statuses = Statuses::Classic;
        /// Most requests in a batch; 0 takes no batches.
        pub batch: usize = 0, 0..=1_000;
        /// Origins whose pages may call from a browser, such as `https://desk.example`, comma-separated, or `*`; empty for none.
        pub origins: String = String::new();
        /// Seconds for which a client may keep the answer to a GET without asking again; with 0 it asks each time, by `ETag`.
        pub cache_secs: u64 = 0, 0..=86_400;
        /// Smallest answer that is compressed for clients that take gzip, br or zstd, in bytes; 0 compresses none.
        pub compress_bytes: u32 = 1_024, 0..=65_535;
        /// Whether answers tell in `Server-Timing` how long the request took, and its statements.
        pub server_timing: bool = false;
        /// Most connections at once, sockets among them; those beyond wait until others end.
        pub connections: usize = 20_000, 1..=1_000_000;
        /// Most connections at once on which no request has come yet; one more is closed.
        pub strangers: usize = 10_000, 1..=1_000_000;
        /// Most such connections at once of one address (of IPv6, one /64); one more is closed. Not counted where `http.proxies` stand before this server.
        pub strangers_per_address: usize = 2_000, 1..=1_000_000;
        /// Milliseconds in which a new connection must have made its TLS handshake, and in which the whole header of its first request must have come.
        pub header_ms: u64 = 10_000, 1..=600_000;
        /// Largest header of a request, its address included, in bytes.
        pub header_bytes: usize = 32 * 1024, 8_192..=1024 * 1024;
        // Longer than the minute after which most balancers let go of a connection, so that they are first to do so.
        /// Milliseconds that a connection waits for the whole header of its next request.
        pub idle_ms: u64 = 75_000, 1..=3_600_000;
        /// Milliseconds for which a client may read nothing of what is sent to it.
        pub stall_ms: u64 = 60_000, 1..=3_600_000;
        /// Milliseconds by which the refusal of an unknown token is delayed, twice as long with each further one from the same address; 0 delays none.
        pub guess_ms: u64 = 100, 0..=60_000;
        /// Longest such delay, in milliseconds.
        pub guess_most_ms: u64 = 5_000, 1..=600_000;
        /// Most refusals that wait at once for one address (of IPv6, one /64); beyond it tokens that were not in use lately are turned away with 429.
        pub guess_waiting: usize = 20, 1..=1_000;
        /// Seconds after its last unknown token at which an address begins anew.
        pub guess_forget_secs: u64 = 300, 1..=86_400;
        /// Proxies of ours before this server, each of which adds to `X-Forwarded-For` whom it saw; with 0 nobody believes that header.
        pub proxies: usize = 0, 0..=10;
    }
}

section! {
    /// TLS on `listen`.
    #[derive(Debug)]
    pub struct Tls {
        /// PEM file of the certificate with which `listen` is served over TLS, followed by those that issued it; empty for none.
        pub certificate: String = String::new();
        /// PEM file of the certificate's private key.
        pub key: String = String::new();
        /// Seconds between looks at both files; once they have changed, new connections get the new certificate.
        pub reload_secs: u64 = 10, 1..=86_400;
        // A day, because it is about every port of the host, and cannot be taken back sooner.
        /// Seconds for which browsers are told to reach this host by TLS only, on whatever port (`Strict-Transport-Security`); 0 tells them nothing.
        pub hsts_secs: u64 = 86_400, 0..=63_072_000;
    }
}

impl Tls {
    /// Whether `listen` is served over TLS.
    pub fn is_on(&self) -> bool {
        !self.certificate.is_empty()
    }
}

/// Which edition of GraphQL over HTTP chooses the status.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Statuses {
    Classic,
    #[serde(rename = "draft-2026")]
    Draft2026,
}

section! {
    /// What a document may ask for.
    #[derive(Debug)]
    pub struct Guard {
        /// Most lexical tokens in a document.
        pub tokens: usize = 10_000, 10..=1_000_000;
        // The parser is recursive: documents nested some 1,500 deep overflow its stack and end the process.
        /// Deepest nesting of brackets of any kind in a document or its variables.
        pub nesting: usize = 64, 4..=200;
        /// Most directives in a document.
        pub directives: usize = 200, 0..=1_000_000;
        /// Deepest selection, fragments followed.
        pub depth: usize = 20, 1..=100;
        /// Most fields after fragments are followed.
        pub fields: usize = 2_000, 1..=1_000_000;
        /// Most fields at the root of an operation, a query's or a mutation's, after fragments are followed.
        pub root_fields: usize = 100, 1..=1_000_000;
        /// Most aliased fields after fragments are followed.
        pub aliases: usize = 100, 0..=1_000_000;
        // Validation compares names that it does not know with those that it does, letter by letter.
        /// Longest name in a document, in bytes.
        pub name: usize = 100, 64..=1_000;
        // SQLite takes no expression that is 1,000 conditions deep, and joined ones are as deep as they are many.
        /// Most conditions in one filter, those within `and`, `or` and `not` counted.
        pub conditions: usize = 200, 10..=500;
        /// Dearest operation: a point a field, more for fields that need statements of their own, lists multiplied by their page size.
        pub cost: u64 = 500_000, 1..=1_000_000_000;
        /// Points that a token may save up on this server, at least `guard.cost`; 0 lets everybody ask as often as they like.
        pub bucket: u64 = 0, 0..=2_000_000_000;
        /// Points that a token gets back each second.
        pub restore: u64 = 100_000, 1..=1_000_000_000;
        /// Most errors told in one answer; more are counted in a last one.
        pub errors: usize = 20, 1..=1_000;
        /// Whose documents may ask about the schema, and who may read `/schema.graphql`: `everyone`, `operators` (whoever may change something), `administrators` or `nobody`.
        pub introspection: Audience = Audience::Everyone;
        /// Most fields in a document at which questions about the schema begin (`__schema`, `__type`).
        pub introspections: usize = 10, 1..=1_000;
        // Tools need two; each further one multiplies the answer by the length of another list.
        /// Most lists of types and fields inside each other in such a question.
        pub introspection_lists: usize = 2, 1..=10;
        /// Whom messages tell names like the one that is unknown: `everyone`, `operators`, `administrators` or `nobody`.
        pub suggestions: Audience = Audience::Everyone;
        /// Parsed documents kept for reuse.
        pub documents: usize = 1_000, 1..=1_000_000;
        /// Words and signs of all parsed documents that are kept, some 300 bytes each; those that were not used longest go first.
        pub document_tokens: usize = 200_000, 0..=100_000_000;
        /// Documents kept that clients sent once and then name by their hash (APQ); 0 takes no hashes.
        pub persisted: usize = 1_000, 0..=1_000_000;
        /// Folder of `*.graphql` files that clients run by `documentId`, the file's name or its hash; empty for none.
        pub trusted: String = String::new();
        /// Run the documents of `guard.trusted` and nothing else.
        pub trusted_only: bool = false;
    }
}

/// Whom something is for.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Audience {
    Everyone,
    Operators,
    Administrators,
    Nobody,
}

section! {
    /// Sockets, event streams and the operations on them.
    #[derive(Debug)]
    pub struct Subscription {
        /// Milliseconds in which a new socket must send `connection_init`.
        pub init_ms: u64 = 10_000, 1..=600_000;
        /// Milliseconds between the server's pings; a peer silent for two of them is closed, and so is an event stream that nobody reads, or a silent HTTP/2 connection.
        pub ping_ms: u64 = 20_000, 1..=600_000;
        /// Most operations at once on one socket, reserved event stream or HTTP/2 connection.
        pub operations: usize = 100, 1..=100_000;
        /// Most sockets and event streams at once on this server.
        pub sockets: usize = 10_000, 1..=1_000_000;
        /// Most sockets at once that have not sent `connection_init`; one more is turned away with 503.
        pub strangers: usize = 5_000, 1..=1_000_000;
        /// Most such sockets at once of one address (of IPv6, one /64); one more is turned away with 429.
        pub strangers_per_address: usize = 1_000, 1..=1_000_000;
        /// Most sockets and event streams at once of one token.
        pub sockets_per_token: usize = 1_000, 1..=1_000_000;
        /// Answers that wait for a peer to read; then its streams pause, and lose nothing.
        pub queue: usize = 8, 1..=10_000;
        /// Events that are made ready at once, for all streams together; others wait for their turn. Each may take `http.query_ms`.
        pub events: usize = 64, 1..=100_000;
        /// Milliseconds in which a reserved event stream must be opened.
        pub reservation_ms: u64 = 10_000, 1..=600_000;
        /// Milliseconds after which clients are asked to come back when their connection ends: at least so many, at most twice.
        pub retry_ms: u64 = 2_000, 1..=600_000;
        /// Largest message from a client, in bytes.
        pub message_bytes: usize = 256 * 1024, 1_024..=16 * 1024 * 1024;
        /// Seconds that a snapshot may take to be read by its subscriber.
        pub snapshot_secs: u64 = 300, 1..=86_400;
    }
}

section! {
    /// The change stream.
    #[derive(Debug)]
    pub struct Feed {
        /// Recent changes held in memory for all subscribers.
        pub ring: usize = 8_192, 1..=1_000_000;
        /// Milliseconds between looks at the table in case a wake-up was lost.
        pub poll_ms: u64 = 2_000, 10..=600_000;
        /// Days that changes and stored answers are kept, and deleted profiles can be restored; 0 keeps them for ever.
        pub keep_days: u32 = 30, 0..=36_500;
        /// Seconds that the stream may be behind the database before this server says that it is not ready.
        pub behind_secs: u64 = 30, 1..=86_400;
    }
}

section! {
    /// Many things at once.
    #[derive(Debug)]
    pub struct Bulk {
        /// Milliseconds that a transaction may take in which many items stand or fall together; others wait for it on SQLite.
        pub whole_ms: u64 = 10_000, 1..=3_600_000;
        /// Milliseconds after which items or rows that stand for themselves are committed, so that others get their turn.
        pub part_ms: u64 = 100, 1..=60_000;
        /// Jobs that this server works on at once; 0 leaves them to other servers.
        pub jobs: usize = 2, 0..=1_000;
        /// Seconds after which another server takes over the job of one that is silent.
        pub lease_secs: u64 = 30, 1..=86_400;
        /// Largest upload for a job, in bytes.
        pub upload_bytes: u64 = 64 * 1024 * 1024, 1_024..=16 * 1024 * 1024 * 1024;
        /// Milliseconds that an upload may be silent.
        pub upload_idle_ms: u64 = 30_000, 1..=3_600_000;
        /// Seconds that an export may take to be read by its client.
        pub export_secs: u64 = 600, 1..=86_400;
        /// Days that jobs which have ended are kept with their rows; 0 keeps them for ever.
        pub keep_days: u32 = 30, 0..=36_500;
    }
}

section! {
    /// What is told of callers.
    #[derive(Debug)]
    pub struct Audit {
        /// Days that entries of the audit are kept; 0 keeps them for ever.
        pub keep_days: u32 = 90, 0..=36_500;
        /// Most entries that this server writes in a minute of strangers, and as many of all others; those beyond are counted.
        pub per_minute: usize = 600, 1..=100_000;
    }
}

section! {
    /// Logging in and out.
    #[derive(Debug)]
    pub struct Session {
        /// Milliseconds for which a login or logout counts as under way on a cluster that takes only so many at once; 0 takes any number.
        pub under_way_ms: u64 = 2_000, 0..=600_000;
    }
}

section! {
    /// Pages of lists.
    #[derive(Debug)]
    pub struct Page {
        /// Items on a page when neither `first` nor `last` is given; no more than `page.most`.
        pub default: u32 = 50, 1..=200;
        /// Most items on a page.
        pub most: u32 = 200, 1..=200;
    }
}

section! {
    /// What is logged and how.
    #[derive(Debug)]
    pub struct Log {
        /// Filter such as `info` or `roamline=debug,info`.
        pub level: String = "info".to_owned();
        /// `text` or `json`.
        pub format: Format = Format::Text;
        /// Milliseconds after which a request has a warning of its own; 0 gives none.
        pub slow_ms: u64 = 1_000, 0..=3_600_000;
    }
}

section! {
    /// Traces for OpenTelemetry.
    #[derive(Debug)]
    pub struct Trace {
        /// Where spans are sent over OTLP (`http/protobuf`), such as `http://127.0.0.1:4318/v1/traces`; empty sends none.
        pub otlp: String = String::new();
        /// Of a hundred requests, how many are traced; those that come with a `traceparent` are as it says.
        pub percent: u32 = 100, 0..=100;
    }
}

section! {
    /// JSON Web Tokens of somebody else's, taken beside our own tokens.
    #[derive(Debug)]
    pub struct Jwt {
        /// Issuer (`iss`) whose JSON Web Tokens are taken; none are while it is empty.
        pub issuer: String = String::new();
        /// Audiences of which a token must name one (`aud`), comma-separated.
        pub audience: String = String::new();
        /// Where the issuer's keys are (JWKS): a file, or an `https://` address (`http://` on this machine only).
        pub keys: String = String::new();
        /// Signature algorithms that are taken, comma-separated, of `RS256`, `ES256`, `EdDSA` and, with keys in a file, `HS256`.
        pub algorithms: String = "RS256, ES256, EdDSA".to_owned();
        /// Seconds after which the keys are read again.
        pub refresh_secs: u64 = 3_600, 1..=604_800;
        /// Least seconds between two reads of the keys, however many tokens name a key that is unknown.
        pub floor_secs: u64 = 30, 1..=86_400;
        /// Seconds that the issuer's clock may differ from ours.
        pub skew_secs: u64 = 60, 0..=3_600;
        /// Claims that a token must have beside `iss`, `aud`, `exp` and the one of `jwt.name_claim`, comma-separated.
        pub required_claims: String = String::new();
        /// Claim that names the bearer; changes carry it. A dot leads into an object, as in `realm_access.roles`.
        pub name_claim: String = "sub".to_owned();
        /// Claim that is the user id of a bearer whose role is `SELF_SERVICE`, who then sees the own page alone.
        pub user_claim: String = "preferred_username".to_owned();
        /// Claim that says the bearer's role, as text or a list.
        pub role_claim: String = "roamline_role".to_owned();
        /// What values of the role claim mean, as `value=ROLE, …`; while it is empty they are the roles' own names.
        pub roles: String = String::new();
        /// Role of a token without the role claim; such tokens are refused while it is empty.
        pub default_role: String = String::new();
        /// Claim that says the organization whose subtree the bearer sees, as a dotted path or, for all, `*`.
        pub organization_claim: String = "roamline_organization".to_owned();
        /// What values of the organization claim mean, as `value=PATH, …`; while it is empty they are the paths themselves.
        pub organizations: String = String::new();
        /// Organization of a token without the organization claim; such tokens are refused while it is empty.
        pub default_organization: String = String::new();
    }
}

impl Jwt {
    /// The words of a comma-separated setting.
    pub fn words(setting: &str) -> impl Iterator<Item = &str> {
        setting.split(',').map(str::trim).filter(|word| !word.is_empty())
    }

    /// The pairs of a setting such as `jwt.roles`; what is no pair is left out, and refused when settings are loaded.
    pub fn pairs(setting: &str) -> impl Iterator<Item = (&str, &str)> {
        Self::words(setting).filter_map(|pair| {
            let (value, meaning) = pair.rsplit_once('=')?;
            Some((value.trim(), meaning.trim()))
        })
    }
}

/// Shape of a log line.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    Text,
    Json,
}

impl Config {
    /// The configuration as the TOML of a configuration file, passwords hidden.
    #[expect(clippy::missing_panics_doc, reason = "it cannot panic, and a test serializes every setting")]
    pub fn printed(&self) -> String {
        let mut shown = self.clone();
        shown.database.url = shown.database.shown_url();
        toml::to_string(&shown).expect("a configuration is made of what TOML can say")
    }
}

impl Database {
    /// The address with its password hidden: the one to log and to print.
    pub fn shown_url(&self) -> String {
        let Some((scheme, rest)) = self.url.split_once("://") else {
            return if self.url.contains('@') { HIDDEN.to_owned() } else { self.url.clone() };
        };
        // A password that was not percent-encoded may hold `@`, `:`, `/` or `?`; rather hide too much than
        // show a piece of it.
        let (person, place) =
            rest.rsplit_once('@').map_or((None, rest), |(person, place)| (Some(person), place));
        let person = person.map_or_else(String::new, |person| match person.split_once(':') {
            _ if person.contains('?') => format!("{HIDDEN}@"),
            Some((name, _)) => format!("{name}:{HIDDEN}@"),
            None => format!("{person}@"),
        });
        let place = match place.split_once('?') {
            Some((place, query)) => {
                let shown: Vec<String> = query.split('&').map(shown_parameter).collect();
                format!("{place}?{}", shown.join("&"))
            }
            None => place.to_owned(),
        };
        format!("{scheme}://{person}{place}")
    }
}

fn shown_parameter(parameter: &str) -> String {
    match parameter.split_once('=') {
        Some((name, _)) if name.eq_ignore_ascii_case("password") => format!("{name}={HIDDEN}"),
        _ => parameter.to_owned(),
    }
}

/// By hand, because a derived one would print the password wherever a configuration is logged.
impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database")
            .field("url", &self.shown_url())
            .field("connections", &self.connections)
            .field("wait_ms", &self.wait_ms)
            .field("synchronous", &self.synchronous)
            .finish()
    }
}

/// One thing that can be set.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting {
    /// Its name with its section's, such as `page.most`.
    pub key: String,
    /// What it is when nobody sets it; displays as TOML.
    pub default: toml::Value,
    /// What it means, as one sentence in Markdown.
    pub sentence: &'static str,
    /// The environment variable that sets it; with `__FILE` after it, the variable names a file that holds the value.
    pub variable: String,
    /// Least and greatest value of a number.
    pub range: Option<RangeInclusive<u64>>,
}

impl Setting {
    fn new(
        section: &str,
        name: &str,
        default: &impl Serialize,
        sentence: &'static str,
        range: Option<RangeInclusive<u64>>,
    ) -> Self {
        let key = format!("{section}{name}");
        Self {
            default: toml::Value::try_from(default).expect("a default is something that TOML can say"),
            sentence: sentence.trim(),
            variable: format!("{PREFIX}{}", key.to_ascii_uppercase().replace('.', "__")),
            range,
            key,
        }
    }
}

/// Every setting, in the order of its declaration.
pub fn settings() -> Vec<Setting> {
    let mut settings = Vec::new();
    Config::declared("", &mut settings);
    settings
}

/// The table of settings for the README, ending in a newline.
pub fn settings_table() -> String {
    let row = |setting: Setting| {
        let range = setting.range.map_or_else(String::new, |range| {
            format!("{} to {}", grouped(*range.start()), grouped(*range.end()))
        });
        format!(
            "| `{}` | `{}` | {range} | {} | `{}` |\n",
            setting.key, setting.default, setting.sentence, setting.variable
        )
    };
    let head = "| setting | default | range | what it is | environment |\n|---|---|---|---|---|\n";
    settings().into_iter().map(row).fold(head.to_owned(), |table, row| table + &row)
}

/// A number with its thousands apart, for people.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(url: &str) -> Config {
        Config { database: Database { url: url.into(), ..Database::default() }, ..Config::default() }
    }

    /// Keys of a table and of the tables in it.
    fn keys(table: &toml::Table, section: &str) -> Vec<(String, toml::Value)> {
        let key = |name: &String| format!("{section}{name}");
        table
            .iter()
            .flat_map(|(name, value)| match value {
                toml::Value::Table(inner) => keys(inner, &format!("{}.", key(name))),
                value => vec![(key(name), value.clone())],
            })
            .collect()
    }

    #[test]
    fn the_list_of_settings_is_what_a_configuration_says() {
        let table = toml::Table::try_from(Config::default()).expect("serializes");
        let mut said = keys(&table, "");
        let mut listed: Vec<_> =
            settings().into_iter().map(|setting| (setting.key, setting.default)).collect();
        said.sort_by(|a, b| a.0.cmp(&b.0));
        listed.sort_by(|a, b| a.0.cmp(&b.0));
        assert_eq!(listed, said);
    }

    #[test]
    fn every_setting_has_a_sentence_and_every_number_a_range_that_holds_its_default() {
        for setting in settings() {
            let sentence = setting.sentence;
            assert!(
                sentence.ends_with('.') && !sentence.contains(['\n', '|']),
                "{}: {sentence}",
                setting.key
            );
            match setting.default {
                toml::Value::Integer(number) => {
                    let number = u64::try_from(number).expect("no default is negative");
                    assert!(
                        setting.range.expect("a number has a range").contains(&number),
                        "{}",
                        setting.key
                    );
                }
                _ => assert_eq!(setting.range, None, "{}", setting.key),
            }
        }
    }

    #[test]
    fn a_variable_is_the_key_in_capitals() {
        let find =
            |key| settings().into_iter().find(|setting| setting.key == key).expect("is a setting").variable;
        assert_eq!(find("no_auth"), "ROAMLINE__NO_AUTH");
        assert_eq!(find("subscription.ping_ms"), "ROAMLINE__SUBSCRIPTION__PING_MS");
    }

    #[test]
    fn the_table_has_a_row_for_every_setting() {
        let table = settings_table();
        assert_eq!(table.lines().count(), settings().len() + 2);
        assert!(table.lines().all(|line| line.matches('|').count() == 6), "{table}");
        let row = "| `http.body_bytes` | `1048576` | 1,024 to 16,777,216 | Largest request body, in bytes. | `ROAMLINE__HTTP__BODY_BYTES` |";
        assert!(table.lines().any(|line| line == row), "{table}");
    }

    #[test]
    fn what_is_printed_reads_back() {
        let printed = Config::default().printed();
        assert!(
            printed.starts_with("listen = \"127.0.0.1:8080\"\nno_auth = false\n\n[database]\n"),
            "{printed}"
        );
        assert_eq!(toml::from_str::<Config>(&printed).expect("reads back"), Config::default());
    }

    #[test]
    fn a_password_is_never_shown() {
        for (url, shown) in [
            ("sqlite://roamline.db", "sqlite://roamline.db"),
            ("postgres://host/name", "postgres://host/name"),
            ("postgres://ann@host:5432/name", "postgres://ann@host:5432/name"),
            ("postgres://ann:s3cret@host:5432/name", "postgres://ann:***@host:5432/name"),
            ("postgres://ann:s3cret@s3cret:s3cret@host/name", "postgres://ann:***@host/name"),
            ("postgres://:s3cret@[::1]/name", "postgres://:***@[::1]/name"),
            ("postgres://ann:/?s3cret@host/name", "postgres://***@host/name"),
            ("postgres://host/name?user=ann&password=s3cret", "postgres://host/name?user=ann&password=***"),
            ("postgres://host/name?password=s3cret@", "postgres://***@"),
            ("postgres:ann:s3cret@host", "***"),
        ] {
            let config = at(url);
            assert_eq!(config.database.shown_url(), shown);
            assert!(!config.printed().contains("s3cret"));
            assert!(!format!("{config:?}").contains("s3cret"));
        }
    }
}
