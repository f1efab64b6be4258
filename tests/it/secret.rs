//! What the server writes tells no secret, however much it is told to write: secrets are planted wherever one can come
//! in, and everything that the process has written is searched for them.

use std::{
    io::Read,
    process::{Child, Command, Stdio},
    time::Duration,
};

use data_encoding::BASE64URL_NOPAD;
use ring::hmac;
use sea_orm::{ConnectionTrait, Database, Statement};
use serde_json::{Value, json};

use crate::roamline::{Roamline, text};

/// Begins each secret, so that none is overlooked.
const PLANTED: &str = "pl4nted";

/// Ends the process if the story does not.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ended = self.0.kill();
        let _status = self.0.wait();
    }
}

fn coded(text: &str) -> String {
    BASE64URL_NOPAD.encode(text.as_bytes())
}

/// A token of an issuer whose secret is known.
fn jwt(secret: &[u8], claims: &Value) -> String {
    let message = format!("{}.{}", coded(&json!({"alg": "HS256"}).to_string()), coded(&claims.to_string()));
    let signature = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), message.as_bytes());
    format!("{message}.{}", BASE64URL_NOPAD.encode(signature.as_ref()))
}

async fn nothing_is_told(server: Roamline) {
    let (estate, admin) = (server.estate().await, server.admin());
    let profile = admin.profile(&estate, &estate.berlin, "EM-1", &[]).await;
    admin.profile(&estate, &estate.berlin, "EM-2", &[]).await;
    let service = json!({"clusterId": estate.emea, "name": "Mail", "url": "http://m/", "parameters": [{"name": "pin", "password": true}]});
    let service = text(&admin.done("createService", service, "service { id }").await["service"]["id"]);
    // A server that trusts its machine takes any password.
    let database = server.database.replace("roamline@", &format!("roamline:{PLANTED}-password@"));

    let secret = format!("{PLANTED}-hmac-secret-of-more-than-32-bytes").into_bytes();
    let folder = tempfile::tempdir().expect("a folder");
    let keys = folder.path().join("keys.json");
    let set = json!({"keys": [{"kty": "oct", "k": BASE64URL_NOPAD.encode(&secret)}]});
    std::fs::write(&keys, set.to_string()).expect("written");
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let child = Command::new(env!("CARGO_BIN_EXE_roamline"))
        .args(["--log", "trace", "serve", "--listen", &free.to_string()])
        .env("ROAMLINE__DATABASE__URL", &database)
        .env("ROAMLINE__JWT__ISSUER", "idp")
        .env("ROAMLINE__JWT__AUDIENCE", "roamline")
        .env("ROAMLINE__JWT__KEYS", &keys)
        .env("ROAMLINE__JWT__ALGORITHMS", "HS256")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the server starts");
    let mut process = Process(child);
    let written: Vec<_> = [
        process.0.stdout.take().map(|pipe| Box::new(pipe) as Box<dyn Read + Send>),
        process.0.stderr.take().map(|pipe| Box::new(pipe) as Box<dyn Read + Send>),
    ]
    .into_iter()
    .flatten()
    .map(|mut pipe| {
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            pipe.read_to_end(&mut bytes).expect("what it writes");
            String::from_utf8_lossy(&bytes).into_owned()
        })
    })
    .collect();

    let http = reqwest::Client::new();
    let ask = async |authorization: &str, query: &str, variables: Value| {
        let body = json!({"query": query, "variables": variables}).to_string();
        let request = http.post(format!("http://{free}/graphql")).header("content-type", "application/json");
        request.header("authorization", authorization).body(body).send().await.ok()?.text().await.ok()
    };
    let mut tries = 0;
    while ask("Bearer x", "{ __typename }", json!({})).await.is_none() {
        tries += 1;
        assert!(tries < 1_200, "the server does not come up");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }

    let good = format!("Bearer {}", admin.token().expect("a token"));
    let me = "{ me { name } }";
    let claims = json!({"iss": "idp", "aud": "roamline", "exp": 4_000_000_000_i64, "sub": "anna", "nonce": PLANTED, "roamline_role": "ADMIN", "roamline_organization": "*"});
    let bearer = format!("Bearer {}", jwt(&secret, &claims));
    assert!(ask(&good, me, json!({})).await.expect("an answer").contains("administrator"));
    assert!(ask(&bearer, me, json!({})).await.expect("an answer").contains("anna"));
    let forged = jwt(format!("{PLANTED}-another-secret-of-32-bytes-or-so").as_bytes(), &claims);
    for refused in [
        format!("Bearer rml_{PLANTED}-token"),
        format!("Bearer {forged}"),
        format!("Bearer {}.{}.{PLANTED}", coded(PLANTED), coded(PLANTED)),
        format!("Basic {PLANTED}-basic"),
        format!("{PLANTED}-no-scheme"),
    ] {
        let answer = ask(&refused, me, json!({})).await.expect("an answer");
        assert!(answer.contains("UNAUTHENTICATED") && !answer.contains(PLANTED), "{answer}");
    }
    let subscribe =
        "mutation($input: SubscribeServiceInput!) { subscribeService(input: $input) { errors { code } } }";
    let values = json!([{"name": "pin", "value": format!("{PLANTED}-pin")}]);
    let input = json!({"input": {"deviceId": profile, "serviceId": service, "values": values}});
    let answer = ask(&good, subscribe, input).await.expect("an answer");
    assert!(answer.contains(r#""errors":[]"#), "{answer}");
    let row = |device: &str| {
        let values = json!([{"name": "pin", "value": format!("{PLANTED}-pin-of-a-row")}]);
        json!({"cluster": "emea", "device": device, "service": "Mail", "values": values}).to_string()
    };
    let upload = http.post(format!("http://{free}/jobs/import?noun=service_subscriptions&autoRun=true"));
    let upload = upload.header("content-type", "application/jsonl").header("authorization", &good);
    let taken = upload.body(format!("{}\n{}\n", row("EM-2"), row("EM-3"))).send().await.expect("an answer");
    let taken: Value = serde_json::from_str(&taken.text().await.expect("a body")).expect("JSON");
    let job = format!("{{ job(id: {}) {{ state done failed }} }}", taken["id"]);
    let mut ended = String::new();
    for _ in 0..1_200 {
        ended = ask(&good, &job, json!({})).await.expect("an answer");
        if ended.contains("DONE") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(ended.contains(r#""done":1,"failed":1"#), "{ended}");
    for (query, variables) in [
        (format!(r#"{{ profile(by: {{id: "{PLANTED}-literal"}}) {{ id }} }}"#), json!({})),
        (format!("{{ {PLANTED}Field }}"), json!({})),
        (subscribe.to_owned(), json!({"input": {"values": format!("{PLANTED}-of-a-wrong-kind")}})),
        (format!("# {PLANTED}\n{{"), json!({})),
    ] {
        assert!(ask(&good, &query, variables).await.is_some());
    }
    let mut socket =
        server.client(Some(admin.token().expect("a token").to_owned())).at(&free.to_string()).socket().await;
    socket
        .send(json!({"id": "1", "type": "subscribe", "payload": {"query": format!("{{ {PLANTED} }}")}}))
        .await;
    socket.message().await;
    drop(socket);

    let id = process.0.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().expect("told").success());
    let status = process.0.wait().expect("it ends");
    assert!(status.success(), "{status}");
    let told: Vec<_> = written.into_iter().map(|reader| reader.join().expect("read")).collect();
    let told = told.concat();
    assert!(told.contains("refused a JSON Web Token") && told.contains("request"), "{told}");
    let token = admin.token().expect("a token").trim_start_matches("rml_").to_owned();
    let secrets =
        [PLANTED.to_owned(), coded(PLANTED), token, bearer.trim_start_matches("Bearer ").to_owned(), forged];
    for secret in &secrets {
        let line = told.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "a secret is told");
    }
    // The process has written its audit before it ended.
    let audit = admin
        .data("{ auditEntries(first: 200) { nodes { code message by address userAgent requestId operation } } }")
        .await
        .to_string();
    for code in ["TOKEN_UNKNOWN", "TOKEN_REFUSED"] {
        assert!(audit.contains(code), "{audit}");
    }
    for secret in &secrets {
        assert!(!audit.contains(secret), "{secret} is told: {audit}");
    }
    // A row that was refused could have been tried again, and keeps no password for that.
    let db = Database::connect(&server.database).await.expect("connected");
    let kept = format!(
        "SELECT count(*) FROM job_row WHERE body LIKE '%{PLANTED}%' OR secret LIKE '%{PLANTED}%' OR errors LIKE '%{PLANTED}%'"
    );
    let kept = db.query_one_raw(Statement::from_string(db.get_database_backend(), kept)).await;
    let kept = kept.expect("counted").expect("a row").try_get_by_index::<i64>(0).expect("a count");
    assert_eq!(kept, 0);
    db.close().await.expect("closed");
    server.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_is_written_tells_a_secret_on_sqlite() {
    nothing_is_told(Roamline::sqlite().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_is_written_tells_a_secret_on_postgresql() {
    if let Some(server) = Roamline::postgres().await {
        nothing_is_told(server).await;
    }
}
