//! From defaults, file, environment and flags to one configuration, and what can be wrong on the way.
//!
//! Each value is checked by itself as it arrives, while its origin is still known, so that every fault names
//! the key and the place to mend it, and all faults are told at once. No fault repeats a value that could be
//! a secret.

use std::{
    collections::BTreeMap,
    fmt, fs, io,
    path::{Path, PathBuf},
};

use serde::Deserialize;
use toml::{Table, Value};

use super::{Config, PREFIX, Setting, check, settings};

/// The file that is read when none is named and this one is there.
const USUAL_FILE: &str = "roamline.toml";

/// After a variable's name: the variable holds the name of a file that holds the value.
const IN_FILE: &str = "__FILE";

/// Where a value came from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Origin {
    Default,
    File(PathBuf),
    Variable(String),
    Flag,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => write!(f, "by default"),
            Self::File(path) => write!(f, "in {}", path.display()),
            Self::Variable(name) => write!(f, "in the environment variable {name}"),
            Self::Flag => write!(f, "on the command line"),
        }
    }
}

/// One thing that is wrong with a configuration.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    #[error("cannot read {}: {source}", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("cannot read {}, named by the environment variable {variable}: {source}", path.display())]
    UnreadableValue { variable: String, path: PathBuf, source: io::Error },
    #[error("{} is not TOML at line {line}, column {column}: {message}", path.display())]
    NotToml { path: PathBuf, line: usize, column: usize, message: String },
    #[error("`{key}` {origin} is no setting; {}", hint(suggestion.as_deref()))]
    Unknown { key: String, origin: Origin, suggestion: Option<String> },
    #[error("`{key}` {origin} is a section and takes no value; set one of its settings, such as `{example}`")]
    Section { key: String, origin: Origin, example: String },
    #[error("`{key}` {origin} cannot be read: {message}")]
    Unfit { key: String, origin: Origin, message: String },
    #[error("the environment sets both {variable} and {variable}{IN_FILE}; keep one")]
    Twice { variable: String },
    #[error("`{key}`, set {origin}, {message}")]
    Refused { key: &'static str, origin: Origin, message: String },
    #[error("`{key}`, set {origin}, must be {least} to {most}, and is {value}")]
    OutOfRange { key: String, origin: Origin, least: u64, most: u64, value: u64 },
}

fn hint(suggestion: Option<&str>) -> String {
    match suggestion {
        Some(key) => format!("did you mean `{key}`?"),
        None => "`roamline config` prints all there are".to_owned(),
    }
}

/// Everything that is wrong with a configuration, a line each.
#[derive(Debug)]
pub struct ConfigError(pub Vec<Fault>);

impl std::error::Error for ConfigError {}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}

impl Config {
    /// Puts the layers together, the later over the earlier: defaults, the file (or `roamline.toml` in the
    /// working directory when it is there), the `ROAMLINE__` variables of `env`, `flags`.
    pub fn load(
        file: Option<&Path>,
        env: impl IntoIterator<Item = (String, String)>,
        flags: Table,
    ) -> Result<Self, ConfigError> {
        let usual = Path::new(USUAL_FILE);
        layered(file.or_else(|| usual.exists().then_some(usual)), env, flags)
    }
}

/// [`Config::load`] without the file that is usual.
fn layered(
    file: Option<&Path>,
    env: impl IntoIterator<Item = (String, String)>,
    flags: Table,
) -> Result<Config, ConfigError> {
    let mut layers = Layers::new();
    if let Some(path) = file {
        layers.add_file(path);
    }
    layers.add_environment(env);
    layers.add_table("", flags, &Origin::Flag);
    let Layers { values, origins, mut faults, .. } = layers;
    if faults.is_empty() {
        let config: Config = values.try_into().expect("every value was read by itself when it was added");
        faults = check::faults(&config, |key| origins.get(key).cloned().unwrap_or(Origin::Default));
        if faults.is_empty() {
            return Ok(config);
        }
    }
    Err(ConfigError(faults))
}

/// What was set so far.
struct Layers {
    known: Vec<Setting>,
    values: Table,
    origins: BTreeMap<String, Origin>,
    faults: Vec<Fault>,
}

impl Layers {
    fn new() -> Self {
        Self { known: settings(), values: Table::new(), origins: BTreeMap::new(), faults: Vec::new() }
    }

    fn add_file(&mut self, path: &Path) {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(source) => return self.faults.push(Fault::Unreadable { path: path.to_owned(), source }),
        };
        match text.parse::<Table>() {
            Ok(table) => self.add_table("", table, &Origin::File(path.to_owned())),
            // The error's own text quotes the line, which may hold a password.
            Err(error) => {
                let before = text.get(..error.span().map_or(0, |span| span.start)).unwrap_or_default();
                self.faults.push(Fault::NotToml {
                    path: path.to_owned(),
                    line: before.matches('\n').count() + 1,
                    column: before.chars().rev().take_while(|c| *c != '\n').count() + 1,
                    message: error.message().to_owned(),
                });
            }
        }
    }

    fn add_environment(&mut self, env: impl IntoIterator<Item = (String, String)>) {
        let set: BTreeMap<String, String> =
            env.into_iter().filter(|(name, _)| name.starts_with(PREFIX)).collect();
        for (name, value) in &set {
            let (variable, text) = match name.strip_suffix(IN_FILE) {
                Some(variable) if set.contains_key(variable) => {
                    self.faults.push(Fault::Twice { variable: variable.to_owned() });
                    continue;
                }
                Some(variable) => match fs::read_to_string(value) {
                    Ok(text) => (variable, text.trim_end_matches(['\r', '\n']).to_owned()),
                    Err(source) => {
                        let (variable, path) = (name.clone(), PathBuf::from(value));
                        self.faults.push(Fault::UnreadableValue { variable, path, source });
                        continue;
                    }
                },
                None => (name.as_str(), value.clone()),
            };
            let key = variable[PREFIX.len()..].to_ascii_lowercase().replace("__", ".");
            let value = self.of_kind(&key, text);
            self.add(key, value, Origin::Variable(name.clone()));
        }
    }

    /// The variable's text as the kind of value that the setting has. What cannot be one stays text, and
    /// [`Layers::add`] says so.
    fn of_kind(&self, key: &str, text: String) -> Value {
        let parsed =
            match self.known.iter().find(|setting| setting.key == key).map(|setting| &setting.default) {
                Some(Value::Integer(_)) => text.parse().ok().map(Value::Integer),
                Some(Value::Boolean(_)) => text.parse().ok().map(Value::Boolean),
                _ => None,
            };
        parsed.unwrap_or(Value::String(text))
    }

    fn add_table(&mut self, section: &str, table: Table, origin: &Origin) {
        for (name, value) in table {
            let key = format!("{section}{name}");
            match value {
                // Anything with settings in it is looked into, so that the key told is the whole one.
                Value::Table(inner)
                    if !self.is_setting(&key) && (self.is_section(&key) || !inner.is_empty()) =>
                {
                    self.add_table(&format!("{key}."), inner, origin);
                }
                value => self.add(key, value, origin.clone()),
            }
        }
    }

    fn add(&mut self, key: String, value: Value, origin: Origin) {
        if self.is_section(&key) {
            let inside = self.known.iter().find(|setting| setting.key.starts_with(&format!("{key}.")));
            let example = inside.map(|setting| setting.key.clone()).unwrap_or_default();
            return self.faults.push(Fault::Section { key, origin, example });
        }
        if !self.is_setting(&key) {
            let suggestion = self.suggestion(&key);
            return self.faults.push(Fault::Unknown { key, origin, suggestion });
        }
        let mut alone = Table::new();
        put(&mut alone, &key, value.clone());
        match Config::deserialize(alone) {
            Ok(_) => {
                put(&mut self.values, &key, value);
                self.origins.insert(key, origin);
            }
            Err(error) => {
                let message = error.message().to_owned();
                self.faults.push(Fault::Unfit { key, origin, message });
            }
        }
    }

    fn is_setting(&self, key: &str) -> bool {
        self.known.iter().any(|setting| setting.key == key)
    }

    fn is_section(&self, key: &str) -> bool {
        let inside = format!("{key}.");
        self.known.iter().any(|setting| setting.key.starts_with(&inside))
    }

    /// The setting that was most likely meant: near as a whole, or of the same or nearly the same name in
    /// another section.
    fn suggestion(&self, key: &str) -> Option<String> {
        let name = |key: &str| key.rsplit('.').next().unwrap_or_default().to_owned();
        let nearness = |known: &str| {
            let whole = strsim::normalized_damerau_levenshtein(key, known);
            // A little less, so that the right section wins over the same name elsewhere.
            let last = 0.95 * strsim::normalized_damerau_levenshtein(&name(key), &name(known));
            (whole.max(last), whole)
        };
        let scored = self.known.iter().map(|setting| (nearness(&setting.key), &setting.key));
        let best = scored
            .max_by(|((a, a_whole), _), ((b, b_whole), _)| a.total_cmp(b).then(a_whole.total_cmp(b_whole)));
        best.filter(|((nearness, _), _)| *nearness >= 0.65).map(|(_, key)| key.clone())
    }
}

/// Sets a dotted key in a table of tables.
fn put(table: &mut Table, key: &str, value: Value) {
    match key.split_once('.') {
        None => {
            table.insert(key.to_owned(), value);
        }
        Some((section, rest)) => {
            if let Value::Table(inner) = table.entry(section).or_insert_with(|| Value::Table(Table::new())) {
                put(inner, rest, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use tempfile::NamedTempFile;

    use super::*;

    fn file(text: &str) -> NamedTempFile {
        let mut file = NamedTempFile::new().expect("a temporary file");
        file.write_all(text.as_bytes()).expect("is written");
        file
    }

    fn env<const N: usize>(set: [(&str, &str); N]) -> Vec<(String, String)> {
        set.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
    }

    fn from_file(text: &str) -> Result<Config, String> {
        let file = file(text);
        let name = file.path().display().to_string();
        layered(Some(file.path()), env([]), Table::new())
            .map_err(|error| error.to_string().replace(&name, "FILE"))
    }

    fn from_env<const N: usize>(set: [(&str, &str); N]) -> Result<Config, String> {
        layered(None, env(set), Table::new()).map_err(|error| error.to_string())
    }

    #[test]
    fn nothing_set_gives_the_defaults() {
        assert_eq!(from_env([]), Ok(Config::default()));
        assert_eq!(from_file(""), Ok(Config::default()));
        assert_eq!(from_file("[database]"), Ok(Config::default()));
    }

    #[test]
    fn a_later_layer_wins_key_by_key() {
        let file = file("[page]\nmost = 100\ndefault = 10\n[guard]\ndepth = 5\n[feed]\nring = 64");
        let set = env([("ROAMLINE__PAGE__MOST", "90"), ("ROAMLINE__PAGE__DEFAULT", "9"), ("HOME", "/")]);
        let flags = toml::toml! { page.default = 8 };
        let config = layered(Some(file.path()), set, flags).expect("is in order");
        assert_eq!((config.guard.depth, config.feed.ring), (5, 64));
        assert_eq!((config.page.most, config.page.default), (90, 8));
        assert_eq!(config.http, super::super::Http::default());
    }

    #[test]
    fn the_environment_sets_every_kind_of_value() {
        let config = from_env([
            ("ROAMLINE__LISTEN", "127.0.0.1:9"),
            ("ROAMLINE__NO_AUTH", "true"),
            ("ROAMLINE__DATABASE__SYNCHRONOUS", "normal"),
            ("ROAMLINE__LOG__FORMAT", "json"),
            ("ROAMLINE__SUBSCRIPTION__PING_MS", "50"),
        ])
        .expect("is in order");
        assert_eq!((config.listen.port(), config.no_auth, config.subscription.ping_ms), (9, true, 50));
        assert_eq!(config.database.synchronous, super::super::Synchronous::Normal);
        assert_eq!(config.log.format, super::super::Format::Json);
    }

    #[test]
    fn every_setting_can_be_set_by_its_variable() {
        for setting in settings() {
            let text =
                setting.default.as_str().map_or_else(|| setting.default.to_string(), ToOwned::to_owned);
            assert_eq!(from_env([(&setting.variable, &text)]), Ok(Config::default()), "{}", setting.variable);
        }
    }

    #[test]
    fn a_secret_is_read_from_the_file_that_the_variable_names() {
        let secret = file("postgres://ann:s3cret@host/name\n");
        let path = secret.path().display().to_string();
        let config = from_env([("ROAMLINE__DATABASE__URL__FILE", &path)]).expect("is in order");
        assert_eq!(config.database.url, "postgres://ann:s3cret@host/name");

        let both =
            [("ROAMLINE__DATABASE__URL__FILE", path.as_str()), ("ROAMLINE__DATABASE__URL", "sqlite://a")];
        assert_eq!(
            from_env(both),
            Err("the environment sets both ROAMLINE__DATABASE__URL and ROAMLINE__DATABASE__URL__FILE; keep one".into())
        );
        let missing = from_env([("ROAMLINE__DATABASE__URL__FILE", "/no/such")]).expect_err("is not there");
        let said = "cannot read /no/such, named by the environment variable ROAMLINE__DATABASE__URL__FILE: ";
        assert!(missing.starts_with(said), "{missing}");
    }

    #[test]
    fn an_unknown_key_is_refused_with_the_nearest_one() {
        for (text, said) in [
            ("[guard]\ndeph = 3", "`guard.deph` in FILE is no setting; did you mean `guard.depth`?"),
            ("[databse]\nurl = 'x'", "`databse.url` in FILE is no setting; did you mean `database.url`?"),
            ("depth = 3", "`depth` in FILE is no setting; did you mean `guard.depth`?"),
            (
                "[http]\nmessage_bytes = 3",
                "`http.message_bytes` in FILE is no setting; did you mean `subscription.message_bytes`?",
            ),
            ("colour = 'red'", "`colour` in FILE is no setting; `roamline config` prints all there are"),
            ("[colour]", "`colour` in FILE is no setting; `roamline config` prints all there are"),
            (
                "page = 3",
                "`page` in FILE is a section and takes no value; set one of its settings, such as `page.default`",
            ),
        ] {
            assert_eq!(from_file(text), Err(said.to_owned()), "{text}");
        }
        assert_eq!(
            from_env([("ROAMLINE__NOAUTH", "true")]),
            Err("`noauth` in the environment variable ROAMLINE__NOAUTH is no setting; did you mean `no_auth`?".into())
        );
    }

    #[test]
    fn a_value_of_another_kind_is_told_with_its_key_and_origin() {
        for (text, said) in [
            (
                "[page]\nmost = 'x'",
                "`page.most` in FILE cannot be read: invalid type: string \"x\", expected u32",
            ),
            (
                "[page]\nmost = -1",
                "`page.most` in FILE cannot be read: invalid value: integer `-1`, expected u32",
            ),
            ("listen = 'here'", "`listen` in FILE cannot be read: invalid socket address syntax"),
            ("[listen]", "`listen` in FILE cannot be read: invalid type: map, expected socket address"),
            (
                "log.format = 'xml'",
                "`log.format` in FILE cannot be read: unknown variant `xml`, expected `text` or `json`",
            ),
        ] {
            assert_eq!(from_file(text), Err(said.to_owned()), "{text}");
        }
        assert_eq!(
            from_env([("ROAMLINE__NO_AUTH", "yes")]),
            Err("`no_auth` in the environment variable ROAMLINE__NO_AUTH cannot be read: invalid type: string \"yes\", expected a boolean".into())
        );
        let flag =
            layered(None, env([]), toml::toml! { no_auth = 1 }).expect_err("is no boolean").to_string();
        assert_eq!(
            flag,
            "`no_auth` on the command line cannot be read: invalid type: integer `1`, expected a boolean"
        );
    }

    #[test]
    fn all_faults_are_told_at_once() {
        let said = from_file("colour = 1\nlisten = 2\n[page]\nmost = 'x'").expect_err("three faults");
        assert_eq!(said.lines().count(), 3, "{said}");
    }

    #[test]
    fn a_file_that_is_not_there_or_not_toml_is_told_without_its_lines() {
        let gone =
            layered(Some(Path::new("/no/such.toml")), env([]), Table::new()).expect_err("is not there");
        assert!(gone.to_string().starts_with("cannot read /no/such.toml: "), "{gone}");
        let said =
            from_file("[database]\nurl = postgres://ann:s3cret@host/name\n").expect_err("lacks quotes");
        assert!(said.starts_with("FILE is not TOML at line 2, column "), "{said}");
        assert!(!said.contains("s3cret"), "{said}");
    }

    #[test]
    fn what_cannot_work_is_refused_with_its_origin() {
        assert_eq!(
            from_env([("ROAMLINE__PAGE__MOST", "500")]),
            Err("`page.most`, set in the environment variable ROAMLINE__PAGE__MOST, must be 1 to 200, and is 500".into())
        );
    }
}
