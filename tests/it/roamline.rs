//! The test language: a server of its own for every story, clients with tokens, an estate to start from, and the
//! change stream. The clock stands still and ids are counted, so answers are the same every time.

use std::{
    process::{Command, Output, Stdio},
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use entity::{Moment, OrganizationId, token::Role};
use futures_util::{SinkExt, StreamExt};
use roamline::{
    app::App,
    caller::Caller,
    config::{Config, Synchronous},
    http, schema,
};
use sea_orm::{ConnectionTrait, Database};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Message, client::IntoClientRequest},
};

use crate::told;

/// Where the clock stands when a story begins: 2026-01-01T00:00:00Z.
const START: i64 = 1_767_225_600_000_000;
/// How long a story waits for something that must come.
const PATIENCE: Duration = Duration::from_secs(20);

/// A server on a database of its own.
pub struct Roamline {
    pub app: App,
    pub address: String,
    pub database: String,
    clock: Arc<AtomicI64>,
    admin: String,
    stop: Option<oneshot::Sender<()>>,
    served: Option<JoinHandle<()>>,
    drop_database: Option<(String, String)>,
    folder: Option<tempfile::TempDir>,
}

/// Somebody who asks.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    address: String,
    token: Option<String>,
}

/// A small estate: provider `acme`, customer `north` with the sites `berlin` and `paris`, customer `south` with the
/// site `rome`, and cluster `emea` at the provider.
#[derive(Clone, Debug)]
pub struct Estate {
    pub acme: String,
    pub north: String,
    pub berlin: String,
    pub paris: String,
    pub south: String,
    pub rome: String,
    pub emea: String,
}

/// Runs a story on both databases.
#[macro_export]
macro_rules! story {
    ($(#[$about:meta])* async fn $name:ident($server:ident) $body:block) => {
        mod $name {
            use super::*;

            $(#[$about])*
            async fn story($server: std::sync::Arc<$crate::roamline::Roamline>) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                $crate::roamline::tell($crate::roamline::Roamline::sqlite().await, story).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                if let Some(server) = $crate::roamline::Roamline::postgres().await {
                    $crate::roamline::tell(server, story).await;
                }
            }
        }
    };
}

/// Tells a story and clears up behind it, however it ends.
pub async fn tell<F: Future<Output = ()> + Send + 'static>(
    server: Roamline,
    story: impl FnOnce(Arc<Roamline>) -> F,
) {
    let server = Arc::new(server);
    let told = tokio::spawn(story(server.clone())).await;
    if let Some(server) = Arc::into_inner(server) {
        server.close().await;
    }
    if let Err(error) = told {
        std::panic::resume_unwind(error.into_panic());
    }
}

impl Roamline {
    /// A server on an empty SQLite database.
    pub async fn sqlite() -> Self {
        Self::sqlite_with(|_| {}).await
    }

    /// The same with other settings.
    pub async fn sqlite_with(set: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().expect("a folder for the database");
        let url = format!("sqlite://{}", folder.path().join("test.db").display());
        let mut server = Self::start(url, None, set).await;
        server.folder = Some(folder);
        server
    }

    /// A server on an empty PostgreSQL database, where one is to be had.
    pub async fn postgres() -> Option<Self> {
        Self::postgres_with(|_| {}).await
    }

    /// The same with other settings.
    pub async fn postgres_with(set: impl FnOnce(&mut Config)) -> Option<Self> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let base = std::env::var("ROAMLINE_TEST_DATABASE_URL").ok()?;
        let name = format!("roamline_test_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let db = Database::connect(&base).await.expect("the test database's server");
        db.execute_unprepared(&format!("CREATE DATABASE {name}")).await.expect("a database of its own");
        db.close().await.expect("closed");
        let (server, _) = base.rsplit_once('/').expect("a URL with a database");
        let url = format!("{server}/{name}");
        Some(Self::start(url, Some((base, name)), set).await)
    }

    async fn start(
        database: String,
        drop_database: Option<(String, String)>,
        set: impl FnOnce(&mut Config),
    ) -> Self {
        told::begin();
        let mut config = Config::default();
        config.database.url.clone_from(&database);
        config.database.synchronous = Synchronous::Off;
        config.database.connections = 4;
        config.http.drain_ms = 2_000;
        // Stories send many a token that is nobody's.
        config.http.guess_ms = 0;
        set(&mut config);
        let clock = Arc::new(AtomicI64::new(START));
        let time = clock.clone();
        let app = App::open(config, Arc::new(move || Moment(time.load(Ordering::SeqCst))))
            .await
            .expect("the database opens");
        // Without tokens none is made, so that ids are those of a first start.
        let admin = if app.config().no_auth {
            String::new()
        } else {
            app.first_token().await.expect("a first token").unwrap_or_default()
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address").to_string();
        let (stop, stopped) = oneshot::channel::<()>();
        let (served_app, schema) = (app.clone(), schema::build(app.clone()));
        let served = tokio::spawn(async move {
            let stopped = async move { drop(stopped.await) };
            http::serve(served_app, schema, listener, stopped).await.expect("served");
        });
        Self {
            app,
            address,
            database,
            clock,
            admin,
            stop: Some(stop),
            served: Some(served),
            drop_database,
            folder: None,
        }
    }

    /// Another node on the same database, with a clock of its own.
    pub async fn beside(&self) -> Self {
        self.beside_with(|_| {}).await
    }

    /// The same with other settings.
    pub async fn beside_with(&self, set: impl FnOnce(&mut Config)) -> Self {
        Self::start(self.database.clone(), None, set).await
    }

    /// Stops the server and drops its database.
    pub async fn close(mut self) {
        let _folder = self.folder.take();
        drop(self.stop.take());
        if let Some(served) = self.served.take() {
            let _late = tokio::time::timeout(PATIENCE, served).await;
        }
        if let Some((base, name)) = self.drop_database.take() {
            let db = Database::connect(&base).await.expect("the test database's server");
            let sql = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
            db.execute_unprepared(&sql).await.expect("dropped");
        }
    }

    /// Lets time pass.
    pub fn pass(&self, time: Duration) {
        let micros = i64::try_from(time.as_micros()).expect("not for ever");
        self.clock.fetch_add(micros, Ordering::SeqCst);
    }

    /// An administrator of everything.
    pub fn admin(&self) -> Client {
        self.client(Some(self.admin.clone()))
    }

    /// Somebody without a token.
    pub fn stranger(&self) -> Client {
        self.client(None)
    }

    /// Somebody with a role in an organization's subtree.
    pub async fn somebody(&self, role: Role, organization: &str) -> Client {
        let id = OrganizationId(number(organization));
        let (_, secret) = self.app.create_token("somebody", role, Some(id), None).await.expect("a token");
        self.client(Some(secret))
    }

    /// A client with this token.
    pub fn client(&self, token: Option<String>) -> Client {
        if let Some(token) = &token {
            told::plant(token);
        }
        Client { http: reqwest::Client::new(), address: self.address.clone(), token }
    }

    /// The caller that the application itself is.
    pub fn caller() -> Caller {
        Caller::administrator("test")
    }

    /// The estate that most stories start from.
    pub async fn estate(&self) -> Estate {
        let admin = self.admin();
        let organization = async |parent: Option<&str>, kind: &str, name: &str| {
            let input = json!({"parentId": parent, "kind": kind, "name": name});
            let done = admin.done("createOrganization", input, "organization { id }").await;
            text(&done["organization"]["id"])
        };
        let acme = organization(None, "PROVIDER", "acme").await;
        let north = organization(Some(&acme), "CUSTOMER", "north").await;
        let berlin = organization(Some(&north), "SITE", "berlin").await;
        let paris = organization(Some(&north), "SITE", "paris").await;
        let south = organization(Some(&acme), "CUSTOMER", "south").await;
        let rome = organization(Some(&south), "SITE", "rome").await;
        let input = json!({"organizationId": acme, "name": "emea"});
        let done = admin.done("createCluster", input, "cluster { id }").await;
        let emea = text(&done["cluster"]["id"]);
        Estate { acme, north, berlin, paris, south, rome, emea }
    }
}

/// However a story ends, no secret may have been told.
impl Drop for Roamline {
    fn drop(&mut self) {
        told::check();
    }
}

impl Client {
    /// The token that it sends.
    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// The same at another address.
    pub fn at(&self, address: &str) -> Self {
        Self { address: address.to_owned(), ..self.clone() }
    }

    /// The address of a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The whole answer to a query with variables.
    pub async fn ask(&self, query: &str, variables: Value) -> Value {
        let answer = self.text(query, variables).await;
        let answer: Value = serde_json::from_str(&answer).unwrap_or_else(|_| panic!("not JSON: {answer}"));
        sound(&answer["errors"]);
        answer
    }

    /// The answer as it came.
    pub async fn text(&self, query: &str, variables: Value) -> String {
        let body = json!({"query": query, "variables": variables}).to_string();
        let mut request = self
            .http
            .post(format!("http://{}/graphql", self.address))
            .header("content-type", "application/json")
            .body(body);
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        request.send().await.expect("an answer").text().await.expect("a body")
    }

    /// The data of a query that must succeed.
    #[track_caller]
    pub fn data(&self, query: &str) -> impl Future<Output = Value> + use<> {
        let (client, query) = (self.clone(), query.to_owned());
        async move {
            let mut answer = client.ask(&query, json!({})).await;
            assert!(answer["errors"].is_null(), "{query}\n{answer:#}");
            answer["data"].take()
        }
    }

    /// The code of the first error of a request that must fail.
    pub async fn code(&self, query: &str) -> String {
        let answer = self.ask(query, json!({})).await;
        text(&answer["errors"][0]["extensions"]["code"])
    }

    /// The payload of a mutation, whether it was done or refused; `select` stands beside `errors`.
    pub async fn mutate(&self, name: &str, input: Value, select: &str) -> Value {
        let kind = name[..1].to_uppercase() + &name[1..];
        let query = format!(
            "mutation($input: {kind}Input!) {{ {name}(input: $input) {{ {select} cursor \
             errors {{ code path message rule currentVersion originalId }} }} }}"
        );
        let mut answer = self.ask(&query, json!({"input": input})).await;
        assert!(answer["errors"].is_null(), "{name}: {answer:#}");
        answer["data"][name].take()
    }

    /// The payload of a mutation that must be done.
    pub async fn done(&self, name: &str, input: Value, select: &str) -> Value {
        let payload = self.mutate(name, input, select).await;
        assert_eq!(payload["errors"], json!([]), "{name} was refused: {payload:#}");
        payload
    }

    /// The broken rules of a mutation that must be refused, as `CODE at path`.
    pub async fn refused(&self, name: &str, input: Value) -> Vec<String> {
        let payload = self.mutate(name, input, "changes { kind }").await;
        let errors = payload["errors"].as_array().expect("a list");
        assert!(!errors.is_empty(), "{name} was done");
        assert_eq!(payload["changes"], json!([]), "{name} was refused and yet did something");
        let told = |error: &Value| {
            let path: Vec<_> = error["path"].as_array().expect("a path").iter().map(text).collect();
            format!("{} at {}", text(&error["code"]), path.join("."))
        };
        errors.iter().map(told).collect()
    }

    /// A profile with these numbers as lines; answers its id.
    pub async fn profile(&self, estate: &Estate, site: &str, name: &str, numbers: &[&str]) -> String {
        let lines: Vec<_> = numbers.iter().map(|pattern| json!({"pattern": pattern})).collect();
        let input = json!({
            "organizationId": site, "clusterId": estate.emea, "name": name,
            "product": "Cisco 8841", "protocol": "SIP", "lines": lines,
        });
        text(&self.done("createProfile", input, "profile { id }").await["profile"]["id"])
    }

    /// A user; answers the id.
    pub async fn user(&self, estate: &Estate, site: &str, user_id: &str) -> String {
        let input = json!({
            "organizationId": site, "clusterId": estate.emea, "userId": user_id, "lastName": user_id,
        });
        text(&self.done("createUser", input, "user { id }").await["user"]["id"])
    }

    /// A phone; answers the id.
    pub async fn phone(&self, estate: &Estate, site: &str, name: &str) -> String {
        let input = json!({
            "organizationId": site, "clusterId": estate.emea, "name": name,
            "product": "Cisco 8841", "protocol": "SIP", "extensionMobility": true,
        });
        text(&self.done("createPhone", input, "phone { id }").await["phone"]["id"])
    }

    /// The ids of the appearances on a profile, in the order of their places.
    pub async fn appearances(&self, profile: &str) -> Vec<String> {
        let query = format!(r#"{{ profile(by: {{id: "{profile}"}}) {{ lines {{ nodes {{ id }} }} }} }}"#);
        let data = self.data(&query).await;
        let nodes = data["profile"]["lines"]["nodes"].as_array().expect("lines").clone();
        nodes.iter().map(|node| text(&node["id"])).collect()
    }

    /// Opens a socket that speaks graphql-transport-ws and is acknowledged.
    pub async fn socket(&self) -> Socket {
        let mut request = format!("ws://{}/graphql", self.address).into_client_request().expect("a request");
        let protocol = "graphql-transport-ws".parse().expect("a header");
        request.headers_mut().insert("sec-websocket-protocol", protocol);
        let (stream, _) = connect_async(request).await.expect("a socket");
        let mut socket = Socket { stream };
        socket.send(json!({"type": "connection_init", "payload": {"token": self.token}})).await;
        assert_eq!(socket.message().await["type"], "connection_ack");
        socket
    }

    /// Follows the stream from where it is now: a plain subscription may begin a moment after it was asked for.
    pub async fn follow_on(&self, select: &str) -> Following {
        let newest = self.data("{ service { newestCursor } }").await;
        self.follow(&format!("(after: {})", newest["service"]["newestCursor"]), select).await
    }

    /// Follows the change stream: `arguments` such as `(after: "s3")`, or nothing.
    pub async fn follow(&self, arguments: &str, select: &str) -> Following {
        let mut socket = self.socket().await;
        let query = format!("subscription {{ changes{arguments} {{ cursor {select} }} }}");
        socket.send(json!({"id": "1", "type": "subscribe", "payload": {"query": query}})).await;
        Following { socket }
    }
}

/// A socket to the server.
pub struct Socket {
    stream: WebSocketStream<MaybeTlsStream<tokio::net::TcpStream>>,
}

impl Socket {
    /// Sends a message.
    pub async fn send(&mut self, message: Value) {
        self.stream.send(Message::text(message.to_string())).await.expect("sent");
    }

    /// The next message that is no ping.
    pub async fn message(&mut self) -> Value {
        // Pings come for ever.
        let until = tokio::time::Instant::now() + PATIENCE;
        loop {
            let next = tokio::time::timeout_at(until, self.stream.next()).await;
            let next = next.expect("a message in time").expect("an open socket").expect("a message");
            let Message::Text(text) = next else { continue };
            let message: Value = serde_json::from_str(&text).expect("JSON");
            let payload = &message["payload"];
            sound(if message["type"] == "error" { payload } else { &payload["errors"] });
            if message["type"] != "ping" && message["type"] != "pong" {
                return message;
            }
        }
    }
}

/// The change stream as a client follows it.
pub struct Following {
    socket: Socket,
}

impl Following {
    /// The next event.
    pub async fn next(&mut self) -> Value {
        let mut message = self.socket.message().await;
        assert_eq!(message["type"], "next", "{message:#}");
        assert!(message["payload"]["errors"].is_null(), "{message:#}");
        message["payload"]["data"]["changes"].take()
    }

    /// The next events.
    pub async fn take(&mut self, count: usize) -> Vec<Value> {
        let mut events = Vec::with_capacity(count);
        for _ in 0..count {
            events.push(self.next().await);
        }
        events
    }

    /// Shows another token on the living socket; answers what the server says to it. For streams on which nothing
    /// happens meanwhile.
    pub async fn show(&mut self, token: &str) -> Value {
        self.socket
            .send(json!({"type": "ping", "payload": {"authorization": format!("Bearer {token}")}}))
            .await;
        let until = tokio::time::Instant::now() + PATIENCE;
        loop {
            let next = tokio::time::timeout_at(until, self.socket.stream.next()).await;
            let next = next.expect("a message in time").expect("an open socket").expect("a message");
            let Message::Text(text) = next else { continue };
            let mut message: Value = serde_json::from_str(&text).expect("JSON");
            match message["type"].as_str() {
                Some("pong") => return message["payload"].take(),
                Some("ping") => {}
                _ => panic!("something happened: {message}"),
            }
        }
    }

    /// The code of the error that ends the stream.
    pub async fn ends_with(&mut self) -> String {
        loop {
            let message = self.socket.message().await;
            if message["type"] == "error" {
                return text(&message["payload"][0]["extensions"]["code"]);
            }
            let code = &message["payload"]["errors"][0]["extensions"]["code"];
            if !code.is_null() {
                return text(code);
            }
        }
    }
}

/// The first error without a code, or at a place that is none in a document, whose lines and columns count from 1.
pub fn unsound(errors: &Value) -> Option<&Value> {
    errors.as_array()?.iter().find(|error| {
        let mut places = error["locations"].as_array().into_iter().flatten();
        let counted = |at: &Value| at["line"].as_u64() > Some(0) && at["column"].as_u64() > Some(0);
        !error["extensions"]["code"].is_string() || !places.all(counted)
    })
}

/// Every error has a code, and whatever place it names is one in a document.
#[track_caller]
pub fn sound(errors: &Value) {
    assert!(unsound(errors).is_none(), "{errors:#}");
}

/// What a program says that ends by itself; one that runs on is ended and told.
#[track_caller]
pub fn ended(program: &mut Command) -> Output {
    let mut child = program.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let end = Instant::now() + PATIENCE;
    while child.try_wait().expect("its state").is_none() {
        if Instant::now() > end {
            child.kill().expect("it is ended");
            let said = child.wait_with_output().expect("what it said");
            panic!("it runs on: {}", String::from_utf8_lossy(&said.stderr));
        }
        thread::sleep(Duration::from_millis(20));
    }
    child.wait_with_output().expect("what it said")
}

/// The text in a JSON value.
#[track_caller]
pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("not a text: {value}")).to_owned()
}

/// A text as it stands in an address.
pub fn percent(text: &str) -> String {
    let hexadecimal = data_encoding::HEXUPPER.encode(text.as_bytes());
    hexadecimal.as_bytes().chunks(2).fold(String::new(), |mut address, byte| {
        address.push('%');
        address.extend(byte.iter().copied().map(char::from));
        address
    })
}

/// The number in a global id.
pub fn number(id: &str) -> i64 {
    let plain = data_encoding::BASE64URL_NOPAD.decode(id.as_bytes()).expect("a global id");
    let plain = String::from_utf8(plain).expect("text");
    plain.split_once(':').and_then(|(_, number)| number.parse().ok()).expect("a number")
}
