//! The command line: the only reader of arguments, environment and the real clock.

use std::{
    fmt::Display,
    io::Write as _,
    path::Path,
    pin::Pin,
    process::ExitCode,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use entity::{Moment, TokenId, token};
use roamline::{
    app::{App, Call},
    bulk::{self, Mode},
    caller::Caller,
    cli::{Args, Command, Exit, Role, Token, progress::Progress},
    command,
    config::{Config, Format},
    error::Error,
    http,
    rule::number::{Audit, mended, name_of},
    schema, store,
    telemetry::Traces,
};
use tokio::{net::TcpListener, task::JoinSet};
use tracing_subscriber::{EnvFilter, Layer as _, layer::SubscriberExt as _, util::SubscriberInitExt as _};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The name under which the command line makes changes.
const CALLER: &str = "command line";

fn main() -> ExitCode {
    let args = match Args::read(std::env::args_os()) {
        Ok(args) => args,
        Err(error) => error.exit(),
    };
    let environment = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let config = match Config::load(args.file.as_deref(), environment, args.flags) {
        Ok(config) => config,
        Err(error) => {
            eprintln!("{error}");
            return Exit::Usage.into();
        }
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("cannot start: {error}");
            return Exit::Failed.into();
        }
    };
    let traces = match Traces::start(&config.trace, runtime.handle()) {
        Ok(traces) => traces,
        Err(error) => {
            eprintln!("cannot send traces: {error:#}");
            return Exit::Usage.into();
        }
    };
    log_to_stderr(&config, traces.as_ref());
    let exit = match runtime.block_on(run(config, args.command)) {
        Ok(exit) => exit.into(),
        Err(error) => {
            eprintln!("{}", told(&error));
            Exit::Failed.into()
        }
    };
    if let Some(traces) = traces {
        traces.close();
    }
    exit
}

async fn run(config: Config, command: Command) -> Result<Exit, Error> {
    match command {
        Command::Serve(options) => serve(config, options.sample.as_deref()).await,
        Command::Migrate => {
            App::migrate(&config).await?;
            say("The database is up to date.");
            Ok(Exit::Ok)
        }
        Command::Schema => {
            say(schema::sdl().trim_end());
            Ok(Exit::Ok)
        }
        Command::Import { folder: None, .. } | Command::Import { columns: true, .. } => {
            say(bulk::columns().trim_end());
            Ok(Exit::Ok)
        }
        Command::Import { folder: Some(folder), dry_run, each, columns: false } => {
            import(&App::open(unhurried(config), clock()).await?, &folder, Mode { dry_run, each }).await
        }
        Command::Export { folder } => export(config, &folder).await,
        Command::Generate { profiles, seed } => generate(config, store::Estate { profiles, seed }).await,
        Command::Fsck { mend, add_missing } => check(config, mend, add_missing).await,
        Command::Token(token) => tokens(config, token).await,
        Command::Config => {
            say(config.printed().trim_end());
            Ok(Exit::Ok)
        }
    }
}

/// The settings for work that somebody does by hand: nobody waits for it who could ask again, and a statement over a whole
/// estate may take long.
fn unhurried(mut config: Config) -> Config {
    let hour = 3_600_000;
    (config.http.query_ms, config.http.mutation_ms) = (hour, hour);
    config
}

async fn serve(config: Config, sample: Option<&Path>) -> Result<Exit, Error> {
    // A socket is an open file, and what a process may open is mostly set for programs with few.
    if let Err(error) = rlimit::increase_nofile_limit(u64::MAX) {
        tracing::warn!(%error, "the limit of open files stays as it is");
    }
    http::check(&config).map_err(Error::Input)?;
    let (address, no_auth) = (config.listen, config.no_auth);
    let scheme = if config.tls.is_on() { "https" } else { "http" };
    let database = config.database.shown_url();
    let app = App::open(config, clock()).await?;
    if let Some(folder) = sample
        && bulk::is_empty(&app).await?
    {
        let exit = import(&app, folder, Mode::default()).await?;
        if exit != Exit::Ok {
            return Ok(exit);
        }
    }
    let listener = bound(address).await?;
    let address = listener.local_addr().map_err(Error::internal)?;
    let admin = match app.config().admin.address() {
        Some(address) => Some(bound(address).await?),
        None => None,
    };
    tracing::info!(%address, database, "serving");
    say(&format!("Roamline serves {scheme}://{address}/ (GraphQL at {scheme}://{address}/graphql)."));
    if no_auth {
        tracing::warn!(
            "NO TOKENS ARE ASKED FOR: whoever reaches {address} is an administrator of everything"
        );
        say("WARNING: --no-auth is on. Whoever reaches this address is an administrator of everything.");
    } else if let Some(secret) = app.first_token().await? {
        say(&format!("An administrator's token, shown this once: {secret}"));
        say("Send it as `Authorization: Bearer <token>`; make others with `roamline token create`.");
    }
    app.read_keys().await;
    let mut chores = chores(&app);
    if let Some(address) = admin.as_ref().and_then(|admin| admin.local_addr().ok()) {
        say(&format!("Metrics and health are at http://{address}/metrics, without tokens."));
    }
    let listeners = http::Listeners { public: listener, admin };
    let served = http::serve(app.clone(), schema::build(app), listeners, stopped()).await;
    chores.abort_all();
    served.map_err(Error::internal)?;
    Ok(Exit::Ok)
}

/// Listens on an address.
async fn bound(address: std::net::SocketAddr) -> Result<TcpListener, Error> {
    TcpListener::bind(address)
        .await
        .map_err(|error| Error::Input(format!("cannot listen on {address}: {error}")))
}

/// How often something was done.
type Count<'a, N> = Pin<Box<dyn Future<Output = Result<N, Error>> + Send + 'a>>;

/// Does a chore now and after each period, and tells where anything was done.
async fn every<N: Display + Default + PartialEq>(
    period: Duration,
    app: App,
    chore: fn(&App) -> Count<'_, N>,
    told: &str,
) {
    let mut periods = tokio::time::interval(period);
    loop {
        periods.tick().await;
        match chore(&app).await {
            Ok(count) if count == N::default() => {}
            Ok(count) => tracing::info!(%count, "{told}"),
            Err(error) => tracing::error!(%error, "not done: {told}"),
        }
    }
}

/// What a serving process does by itself, whoever asks for what.
fn chores(app: &App) -> JoinSet<()> {
    let (hour, minute) = (Duration::from_hours(1), Duration::from_mins(1));
    let own = || app.clone();
    let mut chores = JoinSet::new();
    chores.spawn(every(
        hour,
        own(),
        |app| Box::pin(app.trim()),
        "forgot changes older than the setting says",
    ));
    let told = "forgot jobs that ended longer ago than the setting says";
    chores.spawn(every(hour, own(), |app| Box::pin(app.forget_jobs()), told));
    let told = "forgot entries of the audit older than the setting says";
    chores.spawn(every(hour, own(), |app| Box::pin(app.trim_audit()), told));
    let told = "released what was due in the inventory";
    chores.spawn(every(minute, own(), |app| Box::pin(command::number::release_due(app)), told));
    let told = "logged out users whose time was up";
    chores.spawn(every(minute, own(), |app| Box::pin(command::session::expire_due(app)), told));
    chores.spawn(bulk::job::work(own()));
    chores
}

/// Waits until the process is told to stop.
async fn stopped() {
    let interrupt = async { tokio::signal::ctrl_c().await.is_ok() };
    let terminate = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => signal.recv().await.is_some(),
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = interrupt => {}
        _ = terminate => {}
    }
    tracing::info!("stopping");
}

/// A bar of rows, drawn from the first one on.
fn bar() -> impl FnMut(u64, u64) + Send {
    let mut bar: Option<Progress> = None;
    move |rows, all| bar.get_or_insert_with(|| Progress::new("rows", all)).advance(rows)
}

/// Imports a folder and tells what was refused.
async fn import(app: &App, folder: &Path, mode: Mode) -> Result<Exit, Error> {
    let report = bulk::import(app, &Caller::administrator(CALLER), folder, mode, bar()).await?;
    say(report.to_string().trim_end());
    Ok(if report.refusals.is_empty() { Exit::Ok } else { Exit::Refused })
}

async fn export(config: Config, folder: &Path) -> Result<Exit, Error> {
    let app = App::open(unhurried(config), clock()).await?;
    let exported = bulk::export(&app, &Caller::administrator(CALLER), folder, bar()).await?;
    for (file, rows) in &exported.files {
        say(&format!("{rows:>8}  {}", file.name()));
    }
    for note in &exported.notes {
        eprintln!("note: {note}");
    }
    Ok(Exit::Ok)
}

async fn generate(config: Config, estate: store::Estate) -> Result<Exit, Error> {
    let app = App::open(unhurried(config), clock()).await?;
    let bar = Progress::new("profiles", estate.profiles.into());
    let made = app.generate(&Caller::administrator(CALLER), estate, |count| bar.advance(count)).await?;
    drop(bar);
    say(&format!("Generated {} profiles; the newest cursor is s{}.", estate.profiles, made.cursor));
    Ok(Exit::Ok)
}

/// Compares the inventory with the lines that stand on devices and, where told, puts it right.
async fn check(config: Config, mend: bool, add_missing: bool) -> Result<Exit, Error> {
    let app = App::open(unhurried(config), clock()).await?;
    let caller = Caller::administrator(CALLER);
    let found = store::number::compare(&app.read(&caller), caller.scope, None, app.now(), false).await?;
    for (number, standing, days) in &found.differing {
        let expected = mended(number, *standing, *days, app.now()).status;
        let (is, should) = (name_of(number.status), name_of(expected));
        say(&format!(
            "{} in partition '{}' is {is} and should be {should}",
            number.pattern, number.partition
        ));
    }
    for (.., partition, absent) in found.missing.iter().filter(|_| add_missing || !mend) {
        say(&format!("{} in partition '{partition}' stands on a device and has no entry", absent.pattern));
    }
    if found.more {
        say("There are more.");
    }
    if !mend {
        let sound = found.differing.is_empty();
        say(if !sound {
            "Mend it with `roamline fsck --mend`."
        } else if !found.missing.is_empty() {
            "That is allowed; `roamline fsck --mend --add-missing` makes entries of them."
        } else {
            "The inventory agrees with the lines."
        });
        return Ok(if sound { Exit::Ok } else { Exit::Refused });
    }
    let call = Call { reason: Some("fsck".to_owned()), ..Call::default() };
    let mut numbers = 0;
    loop {
        let cmd = Audit { organization: None, add_missing };
        match command::run(&app, &caller, &call, &cmd).await? {
            Ok(done) if !done.changes.is_empty() => numbers += done.changes.len(),
            _ => break,
        }
    }
    say(&match numbers {
        1 => "1 number was put right.".to_owned(),
        numbers => format!("{numbers} numbers were put right."),
    });
    Ok(Exit::Ok)
}

/// Shows a new token, this once.
fn made((token, secret): (token::Model, String)) {
    say(&secret);
    eprintln!("Token {} is made; its secret above is shown this once.", token.id);
}

async fn tokens(config: Config, token: Token) -> Result<Exit, Error> {
    let app = App::open(unhurried(config), clock()).await?;
    match token {
        Token::Create { role: None, user: Some(user), organization: Some(path), name, days, .. } => {
            let id = app.user(&path, &user).await?;
            made(app.create_token_of(&name.unwrap_or(user), id, days).await?);
        }
        Token::Create { role, composed, organization, name, days, user: _ } => {
            let organization = match organization {
                Some(path) => Some(app.organization(&Caller::administrator(CALLER), &path).await?),
                None => None,
            };
            let role = match role {
                Some(Role::Admin) => token::Role::Admin,
                Some(Role::Operator) => token::Role::Operator,
                Some(Role::Viewer) | None => token::Role::Viewer,
            };
            made(if let Some(composed) = composed {
                let name = name.unwrap_or_else(|| composed.to_lowercase());
                app.create_token_with(&name, &composed, organization, days).await?
            } else {
                let name = name.unwrap_or_else(|| format!("{role:?}").to_lowercase());
                app.create_token(&name, role, organization, days).await?
            });
        }
        Token::List => {
            for token in app.tokens().await? {
                let state = if token.revoked_at.is_some() { "revoked" } else { "valid" };
                let place = match (token.organization_id, token.user_id) {
                    (Some(id), _) => format!("organization {id}"),
                    (None, Some(_)) => "own page".to_owned(),
                    (None, None) => "everything".to_owned(),
                };
                let role = match (token.role_id, token.user_id) {
                    (Some(id), _) => format!("role {id}"),
                    (None, Some(id)) => format!("user {id}"),
                    (None, None) => format!("{:?}", token.role),
                };
                say(&format!("{}\t{}\t{role}\t{place}\t{state}", token.id, token.name));
            }
        }
        Token::Revoke { id } => {
            let known = match id.parse() {
                Ok(id) => app.revoke_token(TokenId(id)).await?,
                Err(_) => false,
            };
            if !known {
                eprintln!(
                    "There is no token {id} that is not revoked yet; `roamline token list` shows them."
                );
                return Ok(Exit::Failed);
            }
            say(&format!("Token {id} is revoked; it is refused within a second."));
        }
    }
    Ok(Exit::Ok)
}

/// The real time.
fn clock() -> roamline::app::Clock {
    Arc::new(|| {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Moment(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    })
}

fn log_to_stderr(config: &Config, traces: Option<&Traces>) {
    // The libraries below are quiet unless the setting names them.
    let level = format!("sea_orm_migration=warn,sqlx=warn,{}", config.log.level);
    let filter = EnvFilter::try_new(level).unwrap_or_else(|_| EnvFilter::new("info"));
    let Some(traces) = traces else {
        let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
        match config.log.format {
            Format::Text => lines.init(),
            Format::Json => lines.json().init(),
        }
        return;
    };
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let lines = match config.log.format {
        Format::Text => lines.boxed(),
        Format::Json => lines.json().boxed(),
    };
    // Each with a filter of its own: spans that are traced need not be logged.
    tracing_subscriber::registry().with(lines.with_filter(filter)).with(traces.layer()).init();
}

/// Prints a line; a reader that has gone away is no reason to fail.
fn say(line: &str) {
    let _gone = writeln!(std::io::stdout(), "{line}");
}

/// What the user of the command line is told: everything, as it is the user's own machine.
fn told(error: &Error) -> String {
    match error {
        Error::Internal(chain) => format!("error: {chain:#}"),
        Error::Rules(broken) => {
            let told = broken.0.iter().map(|breach| format!("error: {}", breach.rule));
            told.collect::<Vec<_>>().join("\n")
        }
        other => format!("error: {other}"),
    }
}
