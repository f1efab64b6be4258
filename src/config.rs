//! Every setting, its default and where it came from. The only reader of the configuration file; the
//! environment and the flags are handed in by `main`.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

/// Everything that can be set.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Address and port that the server listens on.
    pub listen: SocketAddr,
    /// Serve without tokens, as an administrator of everything; loopback addresses only.
    pub no_auth: bool,
    pub database: Database,
    pub http: Http,
    pub guard: Guard,
    pub subscription: Subscription,
    pub feed: Feed,
    pub page: Page,
    pub log: Log,
}

/// Where the estate is kept.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Database {
    /// `sqlite://FILE` or `postgres://USER:PASSWORD@HOST/NAME`; the password is never printed.
    pub url: String,
    /// Most connections held open.
    pub connections: u32,
    /// Milliseconds to wait for a connection or for another process's SQLite lock.
    pub wait_ms: u64,
    /// SQLite's `synchronous` pragma: `full` survives a power cut, `normal` survives a crash of the process.
    pub synchronous: Synchronous,
}

/// SQLite's `synchronous` pragma.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Synchronous {
    Off,
    Normal,
    Full,
}

/// The HTTP entry.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Http {
    /// Largest request body, in bytes.
    pub body_bytes: usize,
    /// Milliseconds that a query may take.
    pub query_ms: u64,
    /// Milliseconds that a mutation may take; it goes on when its client leaves.
    pub mutation_ms: u64,
    /// Milliseconds that a stop waits for requests in flight.
    pub drain_ms: u64,
}

/// What a document may ask for.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Guard {
    /// Most lexical tokens in a document.
    pub tokens: usize,
    /// Deepest nesting of brackets of any kind in a document or its variables.
    pub nesting: usize,
    /// Deepest selection, fragments followed.
    pub depth: usize,
    /// Most fields after fragments are followed.
    pub fields: usize,
    /// Most aliased fields after fragments are followed.
    pub aliases: usize,
    /// Dearest document: one point a field, lists multiplied by their page size.
    pub cost: u64,
    /// Parsed documents kept for reuse.
    pub documents: usize,
}

/// Sockets and the operations on them.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Subscription {
    /// Milliseconds in which a new socket must send `connection_init`.
    pub init_ms: u64,
    /// Milliseconds between the server's pings; a peer silent for two of them is closed.
    pub ping_ms: u64,
    /// Most operations at once on one socket.
    pub operations: usize,
    /// Most sockets at once on this server.
    pub sockets: usize,
    /// Largest message from a client, in bytes.
    pub message_bytes: usize,
    /// Seconds that a snapshot may take to be read by its subscriber.
    pub snapshot_secs: u64,
}

/// The change stream.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Feed {
    /// Recent changes held in memory for all subscribers.
    pub ring: usize,
    /// Milliseconds between looks at the table in case a wake-up was lost.
    pub poll_ms: u64,
    /// Days that changes and stored answers are kept; 0 keeps them for ever.
    pub keep_days: u32,
}

/// Pages of lists.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Page {
    /// Items on a page when neither `first` nor `last` is given.
    pub default: u32,
    /// Most items on a page.
    pub most: u32,
}

/// What is logged and how.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// Filter such as `info` or `roamline=debug,info`.
    pub level: String,
    /// `text` or `json`.
    pub format: Format,
}

/// Shape of a log line.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    Text,
    Json,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            no_auth: false,
            database: Database::default(),
            http: Http::default(),
            guard: Guard::default(),
            subscription: Subscription::default(),
            feed: Feed::default(),
            page: Page::default(),
            log: Log::default(),
        }
    }
}

impl Default for Database {
    fn default() -> Self {
        Self { url: "sqlite://roamline.db".into(), connections: 8, wait_ms: 5_000, synchronous: Synchronous::Full }
    }
}

impl Default for Http {
    fn default() -> Self {
        Self { body_bytes: 256 * 1024, query_ms: 10_000, mutation_ms: 30_000, drain_ms: 10_000 }
    }
}

impl Default for Guard {
    fn default() -> Self {
        Self { tokens: 10_000, nesting: 64, depth: 20, fields: 2_000, aliases: 100, cost: 500_000, documents: 1_000 }
    }
}

impl Default for Subscription {
    fn default() -> Self {
        Self { init_ms: 10_000, ping_ms: 20_000, operations: 100, sockets: 10_000, message_bytes: 256 * 1024, snapshot_secs: 300 }
    }
}

impl Default for Feed {
    fn default() -> Self {
        Self { ring: 8_192, poll_ms: 2_000, keep_days: 30 }
    }
}

impl Default for Page {
    fn default() -> Self {
        Self { default: 50, most: 200 }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self { level: "info".into(), format: Format::Text }
    }
}
