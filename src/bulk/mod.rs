//! Estates as folders of CSV files: import through the same rules and commands as the API, and export of one moment.
//! What the files and columns are stands in `column`, which reading, writing and documentation share.

use std::fmt;

use entity::Moment;

use crate::{
    app::App,
    caller::{Caller, Scope},
    error::Error,
    rule::{Rule, RuleCode},
    store::{organization, page},
};

mod column;
mod earlier;
mod export;
mod import;
pub mod job;
mod names;
mod read;
mod secret;
mod upload;

pub use column::{Column, File, markdown as columns};
pub use export::{Exported, Told, export, stream};
pub use import::import;

/// How an import treats what the rules refuse.
#[derive(Clone, Copy, Debug, Default)]
pub struct Mode {
    /// Whether to keep nothing and only say what would be refused.
    pub dry_run: bool,
    /// Whether every row stands for itself; otherwise it is all rows or none.
    pub each: bool,
}

/// What came of an import.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Rows of each file: how many it has, and how many of them passed.
    pub files: Vec<(File, u64, u64)>,
    /// What was refused and why, in the order of the files and their rows.
    pub refusals: Vec<Refusal>,
    /// Whether the rows that passed are in the database now.
    pub kept: bool,
}

/// A refusal, with the place to mend.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Refusal {
    pub file: String,
    /// As an editor counts the file's lines; none for the file itself.
    pub line: Option<u64>,
    /// None for the row as a whole.
    pub column: Option<String>,
    pub rule: RuleCode,
    pub sentence: String,
    /// Rows that name what was refused here; they were not tried.
    pub dependents: u64,
}

impl Refusal {
    fn new(file: &str, line: Option<u64>, column: Option<&str>, rule: &Rule) -> Self {
        Self {
            file: file.to_owned(),
            line,
            column: column.map(str::to_owned),
            rule: rule.code(),
            sentence: rule.to_string(),
            dependents: 0,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if let Some(column) = &self.column {
            write!(f, " {column}")?;
        }
        write!(f, ": {} [{} {}]", self.sentence, self.rule.as_str(), self.rule.id())?;
        match self.dependents {
            0 => Ok(()),
            1 => write!(f, " 1 row that depends on it was not tried."),
            rows => write!(f, " {rows} rows that depend on it were not tried."),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for refusal in &self.refusals {
            writeln!(f, "{refusal}")?;
        }
        let rows: u64 = self.files.iter().map(|(_, rows, _)| rows).sum();
        let passed: u64 = self.files.iter().map(|(.., passed)| passed).sum();
        match (self.kept, self.refusals.is_empty()) {
            (true, true) => write!(f, "{rows} rows imported."),
            (true, false) => write!(f, "{passed} of {rows} rows imported."),
            (false, true) => write!(f, "{rows} rows would be imported; nothing was kept."),
            (false, false) => write!(f, "{passed} of {rows} rows would pass; nothing was kept."),
        }
    }
}

/// Whether the database holds no estate yet.
pub async fn is_empty(app: &App) -> Result<bool, Error> {
    let reader = app.read(&Caller::administrator("import"));
    let all = page::Filter::All(Vec::new());
    Ok(page::count::<organization::Row>(&reader, Scope::All, &all).await? == 0)
}

/// A moment as a cell.
fn written(moment: Moment) -> Option<String> {
    let time = chrono::DateTime::from_timestamp_micros(moment.0)?;
    Some(time.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true))
}

/// A rule that says what is wrong with something that cannot be read.
fn unreadable(what: impl Into<String>, want: impl Into<String>) -> Rule {
    Rule::ValueInvalid { what: what.into(), want: want.into() }
}
