//! Puts the explorer into the binary: the files that Vite makes of `explorer/`, as a list that `src/http/explorer.rs`
//! includes. Without them the list is empty and the server has its plain front page.
//!
//! Node is needed for it, so it is done where it is worth it: in optimised builds on a machine with npm. The variable
//! `ROAMLINE_EXPLORER` decides otherwise: `1` builds it in any profile and fails where it cannot, `0` never does.
//! Besides `OUT_DIR` nothing is written but `explorer/node_modules` (and npm's own cache), and it is done again only
//! when something in `explorer/` was changed.

use std::{
    env,
    error::Error,
    fmt::Write as _,
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    io::{self, ErrorKind},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

const VARIABLE: &str = "ROAMLINE_EXPLORER";

/// What the explorer is made of, besides what the lockfile names.
const SOURCES: &[&str] =
    &[".npmrc", "index.html", "package-lock.json", "package.json", "src", "vite.config.js"];

/// How long npm and Vite may take each. A registry that cannot be reached is given up on sooner, by npm.
const PATIENCE: Duration = Duration::from_mins(10);

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed={VARIABLE}");
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?);
    let wanted = env::var(VARIABLE).ok().filter(|value| !value.is_empty());
    let demanded = match wanted.as_deref() {
        Some("1") => true,
        Some("0") => return embed(None, &out),
        Some(other) => return Err(format!("{VARIABLE} is 1 or 0, not {other:?}").into()),
        None if env::var("PROFILE").as_deref() == Ok("release") => false,
        None => return embed(None, &out),
    };

    let folder = Path::new("explorer");
    for source in SOURCES {
        println!("cargo::rerun-if-changed={}", folder.join(source).display());
    }
    let built = out.join("explorer");
    match build(folder, &built) {
        Ok(()) => embed(Some(&built), &out),
        Err(failure) if demanded => Err(failure.to_string().into()),
        Err(Failure::NoNode) => embed(None, &out),
        Err(failure) => {
            println!("cargo::warning=the plain front page is built in: {failure}");
            println!("cargo::warning={VARIABLE}=1 tries again, {VARIABLE}=0 leaves the explorer out");
            embed(None, &out)
        }
    }
}

/// Why there is no explorer.
#[derive(Debug)]
enum Failure {
    /// There is no npm on this machine.
    NoNode,
    /// A step could not be begun.
    Begin(&'static str, io::Error),
    /// A step failed, with the beginning of what it said.
    Step(&'static str, String),
    /// A step did not end.
    Late(&'static str),
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NoNode => write!(f, "npm, which comes with Node.js, is not on the path"),
            Self::Begin(step, error) => write!(f, "`npm {step}` cannot be run: {error}"),
            Self::Step(step, said) => write!(f, "`npm {step}` failed: {said}"),
            Self::Late(step) => write!(f, "`npm {step}` took longer than {} s", PATIENCE.as_secs()),
        }
    }
}

/// Installs what is missing and builds the explorer into `into`.
fn build(folder: &Path, into: &Path) -> Result<(), Failure> {
    let log = into.with_extension("log");
    if !is_installed(folder) {
        let quiet =
            ["--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1", "--fetch-timeout=30000"];
        npm(folder, "ci", Command::new(NPM).arg("ci").args(quiet), &log)?;
    }
    let out = ["--emptyOutDir", "--logLevel=warn", "--outDir"];
    npm(folder, "run build", Command::new(NPM).args(["run", "build", "--"]).args(out).arg(into), &log)
}

const NPM: &str = if cfg!(windows) { "npm.cmd" } else { "npm" };

/// Whether the packages of the lockfile are there: npm notes what it installed, later than the lockfile was written.
fn is_installed(folder: &Path) -> bool {
    let written = |path: &str| fs::metadata(folder.join(path)).and_then(|metadata| metadata.modified());
    match (written("node_modules/.package-lock.json"), written("package-lock.json")) {
        (Ok(installed), Ok(locked)) => installed >= locked,
        _ => false,
    }
}

/// Runs a step of npm, for no longer than is sensible.
fn npm(folder: &Path, step: &'static str, command: &mut Command, log: &Path) -> Result<(), Failure> {
    // What it says goes to a file, which no one has to read for it to go on.
    let begun = fs::File::create(log).and_then(|said| {
        command.current_dir(folder).stdin(Stdio::null()).stdout(said.try_clone()?).stderr(said).spawn()
    });
    let child = begun.map_err(|error| match error.kind() {
        ErrorKind::NotFound => Failure::NoNode,
        _ => Failure::Begin(step, error),
    })?;
    match ended(child).map_err(|error| Failure::Begin(step, error))? {
        Some(true) => Ok(()),
        Some(false) => {
            let said = fs::read_to_string(log).unwrap_or_default();
            let telling = |line: &&str| !line.trim().is_empty() && !line.starts_with("npm warn");
            Err(Failure::Step(step, said.lines().filter(telling).take(5).collect::<Vec<_>>().join(" | ")))
        }
        None => Err(Failure::Late(step)),
    }
}

/// Whether it succeeded; nothing when it took too long and was ended.
fn ended(mut child: Child) -> io::Result<Option<bool>> {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status.success()));
        }
        thread::sleep(Duration::from_millis(50));
    }
    child.kill()?;
    child.wait()?;
    Ok(None)
}

/// Writes the list of the built files, or an empty one.
fn embed(built: Option<&Path>, out: &Path) -> Result<(), Box<dyn Error>> {
    let mut paths = Vec::new();
    if let Some(built) = built {
        paths.extend(["index.html", "index.html.gz"].map(str::to_owned));
        for entry in fs::read_dir(built.join("explorer"))? {
            let name = entry?
                .file_name()
                .into_string()
                .map_err(|name| format!("{} is not UTF-8", name.display()))?;
            paths.push(format!("explorer/{name}"));
        }
    }
    paths.sort();
    let mut list = "/// What Vite made.\nstatic BUILT: &[File] = &[\n".to_owned();
    for path in paths.iter().filter(|path| path.strip_suffix(".gz").is_none()) {
        let bytes = |path: &str| {
            let file = built.unwrap_or(out).join(path);
            format!("include_bytes!({:?})", file.display().to_string())
        };
        let compressed = format!("{path}.gz");
        let gzip = if paths.contains(&compressed) {
            format!("Some({})", bytes(&compressed))
        } else {
            "None".to_owned()
        };
        let tag = tag(&built.unwrap_or(out).join(path))?;
        writeln!(list, "    File {{ path: {path:?}, tag: {tag:?}, plain: {}, gzip: {gzip} }},", bytes(path))?;
    }
    list.push_str("];\n");
    fs::write(out.join("explorer.rs"), list)?;
    Ok(())
}

/// An entity tag of what a file holds, weak since the file is sent plain and compressed. It only has to differ from the
/// one of another build.
fn tag(file: &Path) -> io::Result<String> {
    let mut hasher = DefaultHasher::new();
    fs::read(file)?.hash(&mut hasher);
    Ok(format!("W/\"{:016x}\"", hasher.finish()))
}
