//! Requests that mean harm, over HTTP, over WebSocket and in frames of HTTP/2, against a server in a process of its own. Each
//! gets the refusal that it deserves, or the answer that it may have; a plain request is answered after each; and at the end
//! the process is the same and its memory has not grown beyond what it may.

use std::{
    fs,
    process::{Child, Command, Stdio},
    time::Duration,
};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{
        Message,
        client::IntoClientRequest,
        protocol::frame::{
            Frame, FrameHeader,
            coding::{Control, Data, OpCode},
        },
    },
};

use crate::{frames, roamline::Roamline, told};

/// How long anything may take that must come.
const PATIENCE: Duration = Duration::from_mins(2);

/// How long the process lets a query run, and how much of the processor's time a request may have.
pub const DEADLINE: Duration = Duration::from_secs(5);

/// How long chance waits for what may never come, and for a socket that says no more.
const GIVEN_UP: Duration = Duration::from_secs(20);
const SILENT: Duration = Duration::from_millis(200);

/// Megabytes that the process may take while it is attacked; a debug build's own needs are some 100 of them.
pub const MOST_MEMORY: u64 = 700;

/// A server in a process of its own, ended with it.
pub struct Process {
    child: Child,
    port: u16,
}

impl Drop for Process {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
        told::check();
    }
}

impl Process {
    pub async fn start(database: &str) -> Self {
        let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/acme");
        Self::start_with(database, &["--no-auth", "--sample", sample], &[]).await
    }

    /// The same with other arguments and settings.
    pub async fn start_with(database: &str, arguments: &[&str], settings: &[(&str, &str)]) -> Self {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = socket.local_addr().expect("an address").port();
        drop(socket);
        let mut child = Command::new(env!("CARGO_BIN_EXE_roamline"))
            .args(["--database", database, "--log", "info", "serve", "--listen"])
            .arg(format!("127.0.0.1:{port}"))
            .args(arguments)
            // What never ends is given up after this; what takes long does not look at it.
            .env("ROAMLINE__HTTP__QUERY_MS", DEADLINE.as_millis().to_string())
            .env("ROAMLINE__HTTP__STALL_MS", DEADLINE.as_millis().to_string())
            .env("ROAMLINE__GUARD__COST", "20000")
            .envs(settings.iter().copied())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the server starts");
        told::listen(&mut child);
        let process = Self { child, port };
        for _ in 0..1_200 {
            if TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
                return process;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the server does not come up");
    }

    /// Bytes in, bytes out: until the answer is whole or the server ends the connection.
    pub async fn raw(&self, bytes: &[u8]) -> Answer {
        Answer::read(&timeout(PATIENCE, self.exchange(bytes)).await.expect("an answer in time"))
    }

    /// The same for bytes that may be no request: nothing where no answer comes for a while. What is a whole request is
    /// waited for as long as it takes.
    pub async fn talked(&self, bytes: &[u8], whole: bool) -> Option<Vec<u8>> {
        timeout(if whole { PATIENCE } else { GIVEN_UP }, self.exchange(bytes)).await.ok()
    }

    /// What comes back to these bytes until nothing more does for a while.
    pub async fn glimpse(&self, bytes: &[u8]) -> Vec<u8> {
        let mut answer = Vec::new();
        let Ok(stream) = TcpStream::connect(("127.0.0.1", self.port)).await else { return answer };
        let (mut reading, mut writing) = stream.into_split();
        let bytes = bytes.to_vec();
        let sending = tokio::spawn(async move {
            let _rest = writing.write_all(&bytes).await;
            writing
        });
        let mut piece = vec![0; 65_536];
        while let Ok(Ok(count @ 1..)) = timeout(SILENT, reading.read(&mut piece)).await {
            answer.extend_from_slice(&piece[..count]);
            if Answer::is_whole(&answer) || answer.len() > 4_000_000 {
                break;
            }
        }
        sending.abort();
        answer
    }

    async fn exchange(&self, bytes: &[u8]) -> Vec<u8> {
        let Ok(mut stream) = TcpStream::connect(("127.0.0.1", self.port)).await else { return Vec::new() };
        let (mut reading, mut writing) = stream.split();
        let mut answer = Vec::new();
        let sent = async {
            // A server that has heard enough need not hear the rest.
            let _rest = writing.write_all(bytes).await;
            std::future::pending::<()>().await;
        };
        let heard = async {
            let mut piece = vec![0; 65_536];
            while !Answer::is_whole(&answer) {
                match reading.read(&mut piece).await {
                    Ok(0) | Err(_) => break,
                    Ok(count) => answer.extend_from_slice(&piece[..count]),
                }
            }
        };
        tokio::select! { () = sent => {}, () = heard => {} }
        answer
    }

    /// Whether the process is still the one that was started.
    pub fn is_alive(&mut self) -> bool {
        self.child.try_wait().is_ok_and(|ended| ended.is_none())
    }

    /// What a socket tells after these frames, until it ends or is silent for a while.
    pub async fn heard_of(&self, frames: Vec<Message>) -> Vec<String> {
        let mut socket = self.opened().await;
        for frame in frames {
            if socket.send(frame).await.is_err() {
                break;
            }
        }
        let mut told = Vec::new();
        while let Ok(Some(Ok(message))) = timeout(SILENT, socket.next()).await {
            if let Message::Text(text) = message {
                told.push(text.to_string());
            }
            if told.len() > 100 {
                break;
            }
        }
        told
    }

    /// What the server tells a socket after these frames.
    async fn socket(&self, frames: Vec<Message>) -> Told {
        let mut socket = self.opened().await;
        for frame in frames {
            if socket.send(frame).await.is_err() {
                break;
            }
        }
        timeout(PATIENCE, heard(&mut socket)).await.expect("an answer in time")
    }

    async fn opened(&self) -> WebSocketStream<MaybeTlsStream<TcpStream>> {
        let mut request =
            format!("ws://127.0.0.1:{}/graphql", self.port).into_client_request().expect("a request");
        let protocol = "graphql-transport-ws".parse().expect("a header");
        request.headers_mut().insert("sec-websocket-protocol", protocol);
        timeout(PATIENCE, connect_async(request)).await.expect("a socket in time").expect("a socket").0
    }

    /// How much of the processor's time the process has had, on all cores: whatever else the machine does, it is the same.
    pub fn worked(&self) -> Duration {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).expect("it lives");
        // Behind the name, which may hold anything, the 12th and 13th are the ticks in user and in system mode.
        let (_, figures) = stat.rsplit_once(')').expect("a name");
        let ticks =
            figures.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<u64>().expect("a number"));
        // Linux tells them in hundredths of a second to everybody.
        Duration::from_millis(10 * ticks.sum::<u64>())
    }

    /// Megabytes that the process has.
    pub fn memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("it lives");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a figure");
        line.trim().trim_end_matches("kB").trim().parse::<u64>().expect("a number") / 1024
    }
}

/// What a socket was told: a close code, the code of an operation's error, or that the operation is complete.
#[derive(Debug, Eq, PartialEq)]
enum Told {
    Closed(u16),
    Error(String),
    Complete,
    /// Closed with whatever code: the frames themselves were broken.
    Gone,
}

/// The end of the socket, or of its operation `1`.
async fn heard(socket: &mut WebSocketStream<MaybeTlsStream<TcpStream>>) -> Told {
    loop {
        match socket.next().await {
            Some(Ok(Message::Close(close))) => {
                return Told::Closed(close.map_or(1005, |close| close.code.into()));
            }
            Some(Ok(Message::Text(text))) => {
                let message: Value = serde_json::from_str(&text).expect("JSON");
                match (message["type"].as_str(), message["id"].as_str()) {
                    (Some("error"), Some("1")) => {
                        let code = message["payload"][0]["extensions"]["code"].as_str().unwrap_or_default();
                        return Told::Error(code.to_owned());
                    }
                    (Some("complete"), Some("1")) => return Told::Complete,
                    _ => {}
                }
            }
            Some(Ok(_)) => {}
            Some(Err(_)) | None => return Told::Closed(1006),
        }
    }
}

/// What came back: the status, the code of the first error, and how long it was.
#[derive(Debug, Eq, PartialEq)]
pub struct Answer {
    pub status: u16,
    pub code: String,
    pub length: usize,
}

impl Answer {
    fn body_at(answer: &[u8]) -> Option<usize> {
        answer.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4)
    }

    fn is_whole(answer: &[u8]) -> bool {
        let Some(at) = Self::body_at(answer) else { return false };
        let head = String::from_utf8_lossy(&answer[..at]).to_ascii_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.trim().parse().ok());
        match length {
            Some(length) => answer.len() - at >= length,
            None => answer.ends_with(b"0\r\n\r\n"),
        }
    }

    fn read(answer: &[u8]) -> Self {
        let text = String::from_utf8_lossy(answer);
        let status = text.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        let body = Self::body_at(answer).map_or("", |at| text.get(at..).unwrap_or_default());
        // What was left of the request may have been answered too.
        let mut bodies = serde_json::Deserializer::from_str(body).into_iter::<Value>();
        let json = bodies.next().and_then(Result::ok).unwrap_or_default();
        let code = json["errors"][0]["extensions"]["code"].as_str().unwrap_or_default().to_owned();
        Self { status, code, length: answer.len() }
    }
}

/// A request as HTTP/1.1 has it.
pub fn http(method: &str, path: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: localhost\r\naccept: application/graphql-response+json\r\n\
         content-type: application/json\r\n{headers}content-length: {length}\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

pub fn body(bytes: impl AsRef<[u8]>) -> Vec<u8> {
    http("POST", "/graphql", "", bytes.as_ref())
}

fn document(document: impl Into<String>) -> Vec<u8> {
    with(document, json!({}))
}

fn with(document: impl Into<String>, variables: Value) -> Vec<u8> {
    body(json!({"query": document.into(), "variables": variables}).to_string())
}

fn get(path: impl AsRef<str>) -> Vec<u8> {
    http("GET", path.as_ref(), "", b"")
}

/// A body in chunks, as they are given.
fn chunked(chunks: impl AsRef<[u8]>) -> Vec<u8> {
    let head = "POST /graphql HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
                transfer-encoding: chunked\r\n\r\n";
    [head.as_bytes(), chunks.as_ref()].concat()
}

fn sized(length: &str, bytes: &str) -> Vec<u8> {
    let head = format!(
        "POST /graphql HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
    );
    (head + bytes).into_bytes()
}

fn numbered(count: usize, each: impl Fn(usize) -> String) -> String {
    (0..count).map(each).collect()
}

/// Something nested in itself.
fn nested(levels: usize, open: &str, inside: &str, close: &str) -> String {
    open.repeat(levels) + inside + &close.repeat(levels)
}

const PROFILES: &str = "query($f: ProfileFilter) { profiles(filter: $f) { totalCount nodes { id } } }";

fn filtered(filter: Value) -> Vec<u8> {
    with(PROFILES, json!({"f": filter}))
}

/// A request that harms nobody.
pub const FINE: &[u8] = b"{\"query\":\"{me{name}}\"}";

/// The table: what is sent, the status and the code that it gets.
fn table() -> Vec<(&'static str, Vec<u8>, u16, &'static str)> {
    const LARGE: &str = "QUERY_TOO_LARGE";
    const SYNTAX: &str = "GRAPHQL_PARSE_FAILED";
    const INVALID: &str = "GRAPHQL_VALIDATION_FAILED";
    const INPUT: &str = "BAD_USER_INPUT";
    const BAD: &str = "BAD_REQUEST";
    let any = |n: usize| json!({"name": {"contains": format!("x{n}")}});
    let not = |levels: usize| (0..levels).fold(json!({"hasUsers": true}), |inner, _| json!({"not": inner}));
    vec![
        // Brackets of every kind, in documents and variables.
        ("lists in a document", document(nested(5_000, "{a(b:", "1", ")}")), 400, LARGE),
        ("list literals", document(format!("{{a(b:{})}}", nested(5_000, "[", "", "]"))), 400, LARGE),
        ("list literals without an end", document(format!("{{a(b:{})}}", "[".repeat(5_000))), 400, LARGE),
        ("object literals", document(format!("{{a(b:{})}}", nested(5_000, "{a:", "1", "}"))), 400, LARGE),
        ("selections", document(nested(3_000, "{a", "", "}")), 400, LARGE),
        ("list types", document(format!("query($a:{}){{me{{name}}}}", nested(5_000, "[", "Int", "]"))), 400, LARGE),
        ("inline fragments", document(nested(1_000, "{...", "{me{name}}", "}")), 400, LARGE),
        ("objects in variables", filtered(not(70)), 400, LARGE),
        ("lists in variables", body(format!("{{\"query\":\"{{me{{name}}}}\",\"variables\":{{\"a\":{}}}}}", nested(100, "[", "", "]"))), 400, LARGE),
        ("a body of brackets", body("[".repeat(500_000)), 400, BAD),
        ("objects in extensions", body(format!("{{\"query\":\"{{me{{name}}}}\",\"extensions\":{}}}", nested(1_000, "{\"a\":", "1", "}"))), 400, BAD),
        // Fragments.
        ("a chain that doubles 26 times", document(doubling(26)), 400, LARGE),
        ("a chain that doubles 60 times", document(doubling(60)), 400, LARGE),
        ("a cycle", document("{...a}fragment a on Query{...b}fragment b on Query{...a}"), 400, INVALID),
        ("a cycle of its own", document("{...a}fragment a on Query{...a}"), 400, INVALID),
        ("unused fragments", document("{me{name}}".to_owned() + &numbered(400, |n| format!("fragment f{n} on Query{{me{{name}}}}"))), 400, INVALID),
        ("a fragment a thousand times", document("{...f}".to_owned() + &"fragment f on Query{me{name}}".repeat(900)), 400, SYNTAX),
        // Floods.
        ("aliases", document(format!("{{{}}}", numbered(1_000, |n| format!("a{n}:__typename ")))), 400, LARGE),
        ("fields", document(format!("{{{}}}", "__typename ".repeat(5_000))), 400, LARGE),
        ("tokens", document(format!("{{{}}}", "a ".repeat(20_000))), 400, LARGE),
        ("directives", document(format!("{{me{{name {}}}}}", "@include(if:true)".repeat(1_000))), 400, LARGE),
        ("unknown directives", document(format!("{{me{{name {}}}}}", "@a".repeat(3_000))), 400, LARGE),
        ("arguments", document(format!("{{profiles({}){{nodes{{id}}}}}}", numbered(2_000, |n| format!("a{n}:1 ")))), 400, INVALID),
        ("operations", document(numbered(1_800, |n| format!("query Q{n}{{me{{name}}}}"))), 400, LARGE),
        ("operations of one name", document("query A{me{name}}".repeat(500)), 400, SYNTAX),
        ("variables", document(format!("query({}){{me{{name}}}}", numbered(2_000, |n| format!("$v{n}:Int ")))), 400, INVALID),
        ("variables of one name", document(format!("query({}){{me{{name}}}}", "$v:Int ".repeat(2_000))), 400, INVALID),
        ("unknown fields, each with a long name", document(format!("{{me{{{}}}}}", numbered(1_900, |n| format!("{}{n} ", "a".repeat(90))))), 400, INVALID),
        ("the same field with a page", document(format!("{{{}}}", "profiles(first:1){nodes{id name}}".repeat(90))), 200, ""),
        ("fields at the root", document(format!("{{{}}}", "profiles(first:1){nodes{id name}}".repeat(300))), 400, LARGE),
        ("commas", document("{me{name}}".to_owned() + &",".repeat(900_000)), 200, ""),
        ("a comment", document("{me{name}}#".to_owned() + &"a".repeat(900_000)), 200, ""),
        // Names, numbers and strings.
        ("a name", document(format!("{{{}}}", "a".repeat(900_000))), 400, LARGE),
        ("a type's name", document(format!("{{...on {}{{me{{name}}}}}}", "a".repeat(900_000))), 400, LARGE),
        ("a number beyond all", document(format!("{{profiles(first:{}){{nodes{{id}}}}}}", "9".repeat(100_000))), 400, SYNTAX),
        ("a number with an exponent", document("{profiles(first:1e400){nodes{id}}}"), 400, SYNTAX),
        ("a fraction", document("{profiles(first:1.5){nodes{id}}}"), 400, INVALID),
        ("an integer beyond 64 bits", with("query($n:Int){profiles(first:$n){nodes{id}}}", json!({"n": 1.0e300})), 400, INVALID),
        ("a variable beyond all", body(r#"{"query":"query($n:Int){profiles(first:$n){nodes{id}}}","variables":{"n":1e999}}"#), 400, BAD),
        ("U+0000 in a document", document("{me{name}}\0"), 400, INPUT),
        ("U+0000 escaped", document(r#"{profiles(after:"\u0000"){nodes{id}}}"#), 400, INPUT),
        ("U+0000 in a variable", filtered(json!({"name": {"equals": "a\0"}})), 400, INPUT),
        ("a control character", document("{me{name}}\u{1}"), 400, SYNTAX),
        ("letters of another direction", document("{\u{202e}me{name}}"), 400, SYNTAX),
        ("half of a pair in a body", body(r#"{"query":"{me{name}}","operationName":"\ud800"}"#), 400, BAD),
        ("half of a pair in a document", document(r#"{profiles(after:"\uD800"){nodes{id}}}"#), 400, SYNTAX),
        ("bytes that are no text", body(b"{\"query\":\"{me{name}}\xff\"}"), 400, BAD),
        ("a body in UTF-16", body("{\"query\":\"{me{name}}\"}".encode_utf16().flat_map(u16::to_be_bytes).collect::<Vec<u8>>()), 400, BAD),
        ("a byte order mark before a body", body("\u{feff}{\"query\":\"{me{name}}\"}"), 400, BAD),
        ("a byte order mark before a document", document("\u{feff}{me{name}}"), 200, ""),
        ("a string over lines", document("{profiles(after:\"a\nb\"){nodes{id}}}"), 400, SYNTAX),
        ("a block string without an end", document(format!("{{profiles(after:\"\"\"{}", "[".repeat(10_000))), 400, SYNTAX),
        ("no selection", document("{}"), 400, SYNTAX),
        // Bodies.
        ("nothing", body(""), 400, BAD),
        ("null", body("null"), 400, BAD),
        ("a batch", body(format!("[{}]", vec!["{\"query\":\"{me{name}}\"}"; 2_000].join(","))), 400, BAD),
        ("an empty batch", body("[]"), 400, BAD),
        ("blanks", body(" ".repeat(1_000_000)), 400, BAD),
        ("the same member twice", body(r#"{"query":"{nothing}","query":"{me{name}}"}"#), 200, ""),
        ("unknown variables", with("{me{name}}", Value::Object((0..40_000).map(|n| (format!("v{n}"), json!(n))).collect())), 200, ""),
        ("a long name of an operation", body(json!({"query": "{me{name}}", "operationName": "a".repeat(900_000)}).to_string()), 400, INVALID),
        ("a body beyond the limit", body("x".repeat(2_000_000)), 413, "PAYLOAD_TOO_LARGE"),
        ("a length beyond the limit", sized("1000000000000000000", "{"), 413, "PAYLOAD_TOO_LARGE"),
        ("a length beyond all", sized(&"9".repeat(40), "{"), 400, ""),
        ("a length below nothing", sized("-1", "{}"), 400, ""),
        ("a length too short", sized("5", "{\"query\":\"{me{name}}\"}"), 400, BAD),
        ("a length too long", sized("500", "{\"query\":\"{me{name}}\"}"), 408, "TIMEOUT"),
        ("two lengths", http("POST", "/graphql", "content-length: 3\r\n", FINE), 400, ""),
        ("a length and chunks", http("POST", "/graphql", "transfer-encoding: chunked\r\n", FINE), 400, BAD),
        ("a chunk that never ends", chunked("5\r\n{\"que\r\n"), 408, "TIMEOUT"),
        ("chunks that never end", chunked(format!("8000\r\n{}\r\n", "x".repeat(0x8000)).repeat(64)), 413, "PAYLOAD_TOO_LARGE"),
        ("a chunk of no size", chunked("zz\r\n{}\r\n0\r\n\r\n"), 400, BAD),
        ("a chunk beyond all", chunked("ffffffffffffffffff\r\n{}\r\n"), 400, BAD),
        ("a chunk with much to say", chunked(format!("1;{}\r\n{{\r\n0\r\n\r\n", "a".repeat(100_000))), 400, BAD),
        ("trailers", chunked(format!("0\r\n{}\r\n", "a: b\r\n".repeat(20_000))), 400, BAD),
        // Heads.
        ("headers", http("POST", "/graphql", &numbered(200, |n| format!("x-{n}: y\r\n")), FINE), 431, ""),
        ("a header", http("POST", "/graphql", &format!("x: {}\r\n", "y".repeat(1_000_000)), FINE), 431, ""),
        ("a header of no text", http("POST", "/graphql", "x: \0\r\n", FINE), 400, ""),
        ("a folded header", http("POST", "/graphql", "x: y\r\n z\r\n", FINE), 400, ""),
        ("accepted types", http("POST", "/graphql", &format!("accept: {}\r\n", "a/b;q=0.1,".repeat(2_500)), FINE), 200, ""),
        ("a token of no text", [&b"POST /graphql HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\nauthorization: Bearer \xff\r\ncontent-length: 22\r\n\r\n"[..], FINE].concat(), 401, "UNAUTHENTICATED"),
        ("a method that is none", http("BREW", "/graphql", "", FINE), 405, "METHOD_NOT_ALLOWED"),
        ("a method in lower case", http("post", "/graphql", "", FINE), 405, "METHOD_NOT_ALLOWED"),
        ("a long method", http(&"A".repeat(9_000), "/graphql", "", FINE), 405, "METHOD_NOT_ALLOWED"),
        ("TRACE", http("TRACE", "/graphql", "", b""), 405, "METHOD_NOT_ALLOWED"),
        ("CONNECT", http("CONNECT", "/graphql", "", b""), 405, "METHOD_NOT_ALLOWED"),
        ("a long address", get("/".to_owned() + &"a".repeat(100_000)), 414, ""),
        ("an address that is too long", get("/".to_owned() + &"a".repeat(40_000)), 414, "URI_TOO_LONG"),
        ("an address that is almost too long", get("/".to_owned() + &"a".repeat(30_000)), 404, "NOT_FOUND"),
        ("a header that is a little too long", http("POST", "/graphql", &format!("x: {}\r\n", "y".repeat(33_000)), FINE), 431, "HEADERS_TOO_LARGE"),
        ("a version that is none", b"GET / HTTP/3.0\r\nhost: localhost\r\n\r\n".to_vec(), 400, ""),
        ("no HTTP", (0..=u8::MAX).cycle().take(20_000).collect(), 400, ""),
        ("a greeting in TLS", [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(), vec![0_u8; 500]].concat(), 400, ""),
        ("a mutation in an address", get("/graphql?query=mutation%7BdeleteProfile(input:%7Bid:%22a%22%7D)%7Bcursor%7D%7D"), 405, "METHOD_NOT_ALLOWED"),
        ("an address that is no text", get("/graphql?query=%ff%fe"), 400, SYNTAX),
        ("a socket of another version", http("GET", "/graphql", "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 99\r\nsec-websocket-key: x\r\n", b""), 400, BAD),
        // Paths.
        ("out of the folder", get("/../../etc/passwd"), 404, "NOT_FOUND"),
        ("out of the folder, escaped", get("/%2e%2e/%2e%2e/etc/passwd"), 404, "NOT_FOUND"),
        ("a job's result elsewhere", get("/jobs/..%2f..%2fetc%2fpasswd/result"), 404, "NOT_FOUND"),
        ("a job's result of no text", get("/jobs/%ff/result"), 404, "NOT_FOUND"),
        ("a job's result of U+0000", get("/jobs/%00/result"), 404, "NOT_FOUND"),
        ("a long job", get(format!("/jobs/{}/result", "a".repeat(30_000))), 404, "NOT_FOUND"),
        ("an export from elsewhere", get("/export/..%2f..%2fetc%2fpasswd"), 422, INPUT),
        ("an export of no text", get("/export/%ff"), 404, "NOT_FOUND"),
        ("an export in no format", get("/export/profiles?format=..%2fx"), 400, BAD),
        ("an export with a deep filter", get(format!("/export/profiles?filter={}", nested(200, "%7B%22not%22:", "%7B%7D", "%7D"))), 422, INPUT),
        ("an export with a wide filter", get(format!("/export/profiles?filter=%7B%22or%22:%5B{}%7B%7D%5D%7D", "%7B%22hasUsers%22:true%7D,".repeat(1_000))), 422, INPUT),
        ("an upload of nothing known", http("POST", "/jobs/import?noun=users", "", b"{}"), 415, "UNSUPPORTED_MEDIA_TYPE"),
        // Lists and filters.
        ("ids by the hundred thousand", with("query($i:[ID!]!){nodes(ids:$i){id}}", json!({"i": vec!["a"; 100_000]})), 400, LARGE),
        ("ids beyond a page", with("query($i:[ID!]!){nodes(ids:$i){id}}", json!({"i": vec!["a"; 5_000]})), 200, INPUT),
        ("a filter of a hundred thousand ids", filtered(json!({"ids": vec!["a"; 100_000]})), 200, ""),
        ("a filter of many texts", filtered(json!({"name": {"in": vec!["a"; 40_000]}})), 200, ""),
        ("a filter of many conditions", filtered(json!({"or": (0..20_000).map(any).collect::<Vec<_>>()})), 200, INPUT),
        ("a filter of conditions in conditions", filtered(json!({"and": [{"or": (0..150).map(any).collect::<Vec<_>>()}, {"not": {"or": (0..150).map(any).collect::<Vec<_>>()}}]})), 200, INPUT),
        ("a filter of as many as it may", filtered(json!({"or": (0..200).map(any).collect::<Vec<_>>()})), 200, ""),
        ("a deep filter", filtered(not(55)), 200, ""),
        ("a pattern of wildcards", filtered(json!({"name": {"contains": "%_".repeat(200_000)}})), 200, ""),
        ("a pattern beyond all", filtered(json!({"name": {"startsWith": "a".repeat(900_000)}})), 200, ""),
        ("the greatest page", document("{profiles(first:2147483647){nodes{id}}}"), 200, INPUT),
        ("a page below nothing", document("{profiles(first:-1){nodes{id}}}"), 200, INPUT),
        ("pages of pages of pages", document("{profiles(first:200){nodes{lines(first:200){nodes{line{clones(first:200){nodes{id}}}}}}}}"), 400, LARGE),
        ("pages by a default", document("query($n:Int=200){profiles(first:$n){nodes{lines(first:$n){nodes{id index label}}}}}"), 400, LARGE),
        ("counts of counts", document("{profiles(first:200){nodes{lines{totalCount}users{totalCount}sessions{totalCount}history{totalCount}speedDials{totalCount}serviceUrls{totalCount}callParks{totalCount}busyLampFields{totalCount}logoutPhones{totalCount}}}}"), 400, LARGE),
        ("a cursor that lies", document(r#"{profiles(after:"bm90aGluZw"){nodes{id}}}"#), 200, INPUT),
        ("a cursor of another list", document(r#"{profiles(after:"bGluZXM6WzFd"){nodes{id}}}"#), 200, INPUT),
        ("a cursor beyond all", with("query($a:String){profiles(after:$a){nodes{id}}}", json!({"a": "A".repeat(500_000)})), 200, INPUT),
        ("a place in the stream beyond all", document(r#"{changes(since:"s99999999999999999999999"){nodes{cursor}}}"#), 200, INPUT),
        ("an id beyond all", document(r#"{node(id:"UHJvZmlsZTo5OTk5OTk5OTk5OTk5OTk5OTk5OTk5"){id}}"#), 200, INPUT),
        ("an enum that is long", document(format!("{{profiles(orderBy:{}){{nodes{{id}}}}}}", "a".repeat(500_000))), 400, LARGE),
        ("a value of the wrong kind", with("query($f:ProfileFilter){profiles(filter:$f){nodes{id}}}", json!({"f": "x".repeat(500_000)})), 200, INPUT),
        // Introspection, mutations, subscriptions.
        ("introspection of itself", document("{__schema{types{fields{type{fields{type{fields{name}}}}}}}}"), 400, LARGE),
        ("introspection through types", document("{__schema{types{possibleTypes{interfaces{possibleTypes{name}}}}}}"), 400, LARGE),
        ("introspection again and again", document(format!("{{{}}}", numbered(20, |n| format!("a{n}:__schema{{types{{name}}}}")))), 400, LARGE),
        ("mutations", document(format!("mutation{{{}}}", numbered(99, |n| format!("m{n}:deleteProfile(input:{{id:\"a\"}}){{errors{{code}}}}")))), 200, ""),
        ("mutations beyond the limit", document(format!("mutation{{{}}}", numbered(150, |n| format!("m{n}:deleteProfile(input:{{id:\"a\"}}){{errors{{code}}}}")))), 400, LARGE),
        ("two streams", document("subscription{changes{cursor}more:changes{cursor}}"), 400, INVALID),
        ("two streams behind fragments", document("subscription{...a}fragment a on Subscription{changes{cursor}...{more:changes{cursor}}}"), 400, INVALID),
    ]
}

/// A chain of fragments in which each spreads the next twice.
fn doubling(links: usize) -> String {
    let link = |n: usize| format!("fragment f{n} on Query{{...f{} ...f{}}}", n + 1, n + 1);
    format!("{{...f0}}{}fragment f{links} on Query{{me{{name}}}}", numbered(links, link))
}

pub fn say(message: Value) -> Message {
    Message::text(message.to_string())
}

pub fn begin() -> Message {
    say(json!({"type": "connection_init"}))
}

fn subscribe(id: &str, query: &str) -> Message {
    say(json!({"id": id, "type": "subscribe", "payload": {"query": query}}))
}

/// Frames of one message, in pieces.
fn pieces(text: &str, size: usize) -> Vec<Message> {
    let chunks: Vec<_> = text.as_bytes().chunks(size).collect();
    let count = chunks.len();
    let frame = |(at, chunk): (usize, &[u8])| {
        let code = OpCode::Data(if at == 0 { Data::Text } else { Data::Continue });
        Message::Frame(Frame::message(chunk.to_vec(), code, at + 1 == count))
    };
    chunks.into_iter().enumerate().map(frame).collect()
}

/// The same for sockets: the frames that are sent, and what is told.
fn sockets() -> Vec<(&'static str, Vec<Message>, Told)> {
    let error = |code: &str| Told::Error(code.to_owned());
    let fine = json!({"id": "1", "type": "subscribe", "payload": {"query": "{me{name}}"}}).to_string();
    vec![
        ("no JSON", vec![Message::text("{")], Told::Closed(4400)),
        ("deep JSON", vec![Message::text("[".repeat(100_000))], Told::Closed(4400)),
        ("no type", vec![say(json!({"id": "1"}))], Told::Closed(4400)),
        ("an unknown type", vec![say(json!({"type": "a".repeat(100_000)}))], Told::Closed(4400)),
        ("binary", vec![begin(), Message::binary(vec![0_u8; 1_000])], Told::Closed(4400)),
        ("a message too long", vec![begin(), Message::text("a".repeat(300_000))], Told::Closed(1009)),
        ("an operation before the beginning", vec![subscribe("1", "{me{name}}")], Told::Closed(4401)),
        ("two beginnings", vec![begin(), begin()], Told::Closed(4429)),
        (
            "a token of another kind",
            vec![say(json!({"type": "connection_init", "payload": {"authorization": ["x"]}}))],
            Told::Closed(4403),
        ),
        (
            "an operation without an id",
            vec![begin(), say(json!({"type": "subscribe", "payload": {"query": "{me{name}}"}}))],
            Told::Closed(4400),
        ),
        (
            "an operation with a long id",
            vec![begin(), subscribe(&"a".repeat(10_000), "{me{name}}")],
            Told::Closed(4400),
        ),
        (
            "an id twice",
            vec![
                begin(),
                subscribe("2", "subscription{changes{cursor}}"),
                subscribe("2", "subscription{changes{cursor}}"),
            ],
            Told::Closed(4409),
        ),
        (
            "an operation without a document",
            vec![begin(), say(json!({"id": "1", "type": "subscribe", "payload": {}}))],
            Told::Closed(4400),
        ),
        (
            "brackets",
            vec![begin(), subscribe("1", &format!("{{a(b:{})}}", "[".repeat(5_000)))],
            error("QUERY_TOO_LARGE"),
        ),
        ("a chain that doubles", vec![begin(), subscribe("1", &doubling(30))], error("QUERY_TOO_LARGE")),
        (
            "two streams in one",
            vec![begin(), subscribe("1", "subscription{changes{cursor}b:changes{cursor}}")],
            error("GRAPHQL_VALIDATION_FAILED"),
        ),
        (
            "a stream from nowhere",
            vec![begin(), subscribe("1", "subscription{changes(after:\"s99999999999999999999\"){cursor}}")],
            error("BAD_USER_INPUT"),
        ),
        (
            "more streams than a socket may have",
            std::iter::once(begin())
                .chain((2..102).map(|n| subscribe(&n.to_string(), "subscription{changes{cursor}}")))
                .chain([subscribe("1", "subscription{changes{cursor}}")])
                .collect(),
            error("TOO_MANY_OPERATIONS"),
        ),
        (
            "a message in pieces of a byte",
            std::iter::once(begin()).chain(pieces(&fine, 1)).collect(),
            Told::Complete,
        ),
        (
            "pings between",
            vec![
                begin(),
                Message::Ping(vec![0_u8; 125].into()),
                Message::Pong(vec![0_u8; 125].into()),
                subscribe("1", "{me{name}}"),
            ],
            Told::Complete,
        ),
        (
            "a control frame too long",
            vec![
                begin(),
                Message::Frame(Frame::from_payload(
                    FrameHeader { opcode: OpCode::Control(Control::Ping), ..FrameHeader::default() },
                    vec![0_u8; 300].into(),
                )),
            ],
            Told::Gone,
        ),
        (
            "text that is none",
            vec![begin(), Message::Frame(Frame::message(vec![0xff_u8; 10], OpCode::Data(Data::Text), true))],
            Told::Gone,
        ),
        (
            "the rest of nothing",
            vec![begin(), Message::Frame(Frame::message(vec![b'a'; 10], OpCode::Data(Data::Continue), true))],
            Told::Gone,
        ),
    ]
}

/// Issue 4, "must hold" 2.
async fn attacked(database: &str) {
    let mut process = Process::start(database).await;
    let fine = Answer { status: 200, code: String::new(), length: 0 };
    let mut wrong = Vec::new();
    let (requests, sockets) = (table(), sockets());
    assert!(requests.len() >= 60, "{}", requests.len());
    let mut hardest = (Duration::ZERO, "");
    for (name, request, status, code) in requests {
        let before = process.worked();
        let answer = process.raw(&request).await;
        let worked = process.worked().saturating_sub(before);
        hardest = hardest.max((worked, name));
        if worked > DEADLINE {
            wrong.push(format!("{name}: {worked:?} of work"));
        }
        if (answer.status, answer.code.as_str()) != (status, code) {
            wrong.push(format!("{name}: {answer:?}, not {status} {code}"));
        }
        // No refusal is larger than what a few mistakes need.
        if status >= 400 && answer.length > 30_000 {
            wrong.push(format!("{name}: an answer of {} bytes", answer.length));
        }
        let after = process.raw(&body(FINE)).await;
        assert_eq!((after.status, &after.code), (fine.status, &fine.code), "after {name}");
        if process.memory() > MOST_MEMORY {
            wrong.push(format!("{name}: the process has {} MB", process.memory()));
        }
    }
    for (name, frames, expected) in sockets {
        let before = process.worked();
        let told = process.socket(frames).await;
        let worked = process.worked().saturating_sub(before);
        hardest = hardest.max((worked, name));
        if worked > DEADLINE {
            wrong.push(format!("socket, {name}: {worked:?} of work"));
        }
        let gone = expected == Told::Gone && matches!(told, Told::Closed(_));
        if told != expected && !gone {
            wrong.push(format!("socket, {name}: {told:?}, not {expected:?}"));
        }
        let after = process.raw(&body(FINE)).await;
        assert_eq!((after.status, &after.code), (fine.status, &fine.code), "after socket, {name}");
    }
    for (name, bytes, expected) in frames::table() {
        let before = process.worked();
        let seen = frames::answered(process.port, &bytes, expected, PATIENCE).await;
        let worked = process.worked().saturating_sub(before);
        hardest = hardest.max((worked, name));
        if worked > DEADLINE {
            wrong.push(format!("HTTP/2, {name}: {worked:?} of work"));
        }
        if !expected(&seen) {
            wrong.push(format!("HTTP/2, {name}: {seen:?}"));
        }
        let after = process.raw(&body(FINE)).await;
        assert_eq!((after.status, &after.code), (fine.status, &fine.code), "after HTTP/2, {name}");
        if process.memory() > MOST_MEMORY {
            wrong.push(format!("HTTP/2, {name}: the process has {} MB", process.memory()));
        }
    }
    println!("the hardest: {}, {:?}", hardest.1, hardest.0);
    assert!(process.child.try_wait().expect("it can be asked").is_none(), "the process ended");
    assert!(process.memory() <= MOST_MEMORY, "{} MB", process.memory());
    assert!(wrong.is_empty(), "{} are not as they should be:\n{}", wrong.len(), wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite() {
    let folder = tempfile::tempdir().expect("a folder for the database");
    attacked(&format!("sqlite://{}", folder.path().join("hostile.db").display())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres() {
    let Some(server) = Roamline::postgres().await else { return };
    attacked(&server.database).await;
    server.close().await;
}
