//! What libFuzzer makes, sent to the whole HTTP entry of a server with the sample estate in this very process: whatever
//! reaches code that nothing reached before is kept and changed further. The random fuzzer in `tests/it/fuzz.rs` knows
//! more shapes and nothing of coverage.
//!
//! A panic, an answer that tells of an internal error, an error without a code and no answer at all each end the run, and
//! libFuzzer's own limits end what takes too long or too much memory (`tests/fuzz/run` sets them).
#![no_main]

use std::{
    fmt::Write as _,
    net::SocketAddr,
    path::Path,
    sync::{LazyLock, Mutex, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};

use data_encoding::HEXUPPER;
use entity::Moment;
use libfuzzer_sys::fuzz_target;
use roamline::{
    app::App,
    bulk::{self, Mode},
    caller::Caller,
    config::{Config, Synchronous},
    http, schema,
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    runtime::{Builder, Runtime},
};

/// A server, which works while a request waits for its answer.
struct Server {
    runtime: Runtime,
    address: SocketAddr,
    _folder: TempDir,
}

static SERVER: LazyLock<Mutex<Server>> = LazyLock::new(|| Mutex::new(Server::start()));

impl Server {
    fn start() -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        let folder = tempfile::tempdir().expect("a folder for the database");
        let mut config = Config { no_auth: true, ..Config::default() };
        config.database.url = format!("sqlite://{}", folder.path().join("fuzz.db").display());
        config.database.synchronous = Synchronous::Off;
        config.http.batch = 4;
        let address = runtime.block_on(async {
            let now = || {
                let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                Moment(i64::try_from(now.as_micros()).unwrap_or(i64::MAX))
            };
            let app = App::open(config, std::sync::Arc::new(now)).await.expect("the database opens");
            let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/acme");
            let report =
                bulk::import(&app, &Caller::administrator("fuzz"), &sample, Mode::default(), |_, _| ()).await;
            assert!(report.expect("the sample is read").refusals.is_empty(), "the sample is taken");
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
            let address = listener.local_addr().expect("an address");
            tokio::spawn(http::serve(app.clone(), schema::build(app), listener, std::future::pending()));
            address
        });
        Self { runtime, address, _folder: folder }
    }

    /// The whole answer to the bytes of a request that asks for the connection to be closed.
    fn answer(&self, request: &[u8]) -> Vec<u8> {
        self.runtime.block_on(async {
            let mut stream = TcpStream::connect(self.address).await.expect("a connection");
            let mut answer = Vec::new();
            // What is refused early is not read to its end: the answer to it is there all the same.
            let (mut reading, mut writing) = stream.split();
            let sent = async { drop(writing.write_all(request).await) };
            let ((), _) = tokio::join!(sent, reading.read_to_end(&mut answer));
            answer
        })
    }
}

/// A request whose head and length are right.
fn request(method: &str, path: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{headers}content-length: {length}\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

fn post(body: &[u8]) -> Vec<u8> {
    let headers = "accept: application/graphql-response+json\r\ncontent-type: application/json\r\n";
    request("POST", "/graphql", headers, body)
}

/// A document and, behind a zero, its variables.
fn asked(text: &str) -> Value {
    let (query, variables) = text.split_once('\0').unwrap_or((text, "{}"));
    let variables: Value = serde_json::from_str(variables).unwrap_or_default();
    json!({"query": query, "variables": variables, "extensions": {"cost": true}})
}

/// The request that the bytes stand for: the first one says what the others are. Mostly a document, as it is in the seeds.
fn made(data: &[u8]) -> Option<Vec<u8>> {
    let (kind, rest) = data.split_first()?;
    let text = String::from_utf8_lossy(rest);
    Some(match kind {
        1 => post(rest),
        2 => {
            let query = rest.iter().fold(String::new(), |mut query, byte| {
                let _infallible = write!(query, "%{}", HEXUPPER.encode(&[*byte]));
                query
            });
            request("GET", &format!("/graphql?query={query}"), "", b"")
        }
        3 => {
            // A path, headers up to an empty line, and a body. What would make HTTP wait for more is left to HTTP's own.
            let (head, body) = text.split_once("\n\n").unwrap_or((&text, ""));
            let mut lines = head.lines();
            let path: String = lines.next()?.chars().filter(char::is_ascii_graphic).collect();
            let framing = ["content-length", "transfer-encoding", "connection", "expect", "upgrade", "host"];
            let name_is_fine = |name: &str| {
                !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            };
            let mut headers = String::new();
            for (name, value) in lines.filter_map(|line| line.split_once(':')) {
                if name_is_fine(name) && !framing.contains(&name.to_ascii_lowercase().as_str()) {
                    let value: String = value.chars().filter(|letter| !letter.is_control()).collect();
                    let _infallible = write!(headers, "{name}: {}\r\n", value.trim());
                }
            }
            let method = if body.is_empty() { "GET" } else { "POST" };
            request(method, &format!("/{path}"), &headers, body.as_bytes())
        }
        4 => {
            let batch: Vec<_> = text.split('\u{1}').map(asked).collect();
            post(Value::from(batch).to_string().as_bytes())
        }
        _ => post(asked(&text).to_string().as_bytes()),
    })
}

/// Ends the run where an answer is wrong.
fn check(answer: &[u8]) {
    let text = String::from_utf8_lossy(answer);
    assert!(text.starts_with("HTTP/1.1 "), "no answer: {text}");
    assert!(!text.starts_with("HTTP/1.1 500") && !text.contains("\"INTERNAL\""), "an internal error: {text}");
    let body = text.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    let json: Value = serde_json::from_str(body).unwrap_or_default();
    let errors = json["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
    for error in errors {
        assert!(error["extensions"]["code"].is_string(), "an error without a code: {error}");
    }
}

fuzz_target!(
    init: {
        LazyLock::force(&SERVER);
    },
    |data: &[u8]| {
        if let Some(request) = made(data) {
            let server = SERVER.lock().unwrap_or_else(PoisonError::into_inner);
            check(&server.answer(&request));
        }
    }
);
