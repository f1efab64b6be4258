//! Reads a folder: finds its files, takes what spreadsheets write, and turns cells into values. Everything that
//! cannot be read is told at once.

use std::{borrow::Cow, fs, io::ErrorKind, path::Path};

use csv::StringRecord;
use entity::job::Mode;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::{
    Refusal,
    column::{Column, Empty, File, Kind},
    names::{camel, nearest, snake},
    secret, unreadable,
};
use crate::{
    error::Error,
    rule::{Patch, Rule},
};

/// What is wrong with cells of a row, each with its column.
pub type Faults = Vec<(Option<&'static str>, Rule)>;

/// A file that was read.
pub struct Table {
    pub file: File,
    pub rows: Vec<Row>,
    header: Header,
}

/// What the first row of a file says.
pub struct Header {
    file: File,
    /// For each of the file's columns, the place of its cell.
    places: Vec<Option<usize>>,
    /// For each of the file's columns, whether it is there.
    there: Vec<bool>,
    /// How many cells the header has.
    width: usize,
}

/// A row of a file.
pub struct Row {
    /// The line on which it begins, as an editor counts.
    pub line: u64,
    cells: StringRecord,
}

/// The values of a row.
pub struct Values<'a> {
    file: File,
    /// For each of the file's columns, whether something was said of it.
    there: Cow<'a, [bool]>,
    fields: Map<String, Value>,
}

/// Reads every file of the folder, or tells what keeps it from being read.
pub fn folder(folder: &Path) -> Result<(Vec<Table>, Vec<Refusal>), Error> {
    let cannot = |error: std::io::Error| Error::Input(format!("cannot read {}: {error}", folder.display()));
    let mut refusals = Vec::new();
    let mut found: Vec<String> = fs::read_dir(folder)
        .map_err(cannot)?
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect::<Result<_, _>>()
        .map_err(cannot)?;
    found.retain(|name| Path::new(name).extension().is_some_and(|end| end.eq_ignore_ascii_case("csv")));
    found.sort();
    let known = File::ALL.map(File::name);
    for name in found.iter().filter(|name| !known.contains(&name.as_str())) {
        let free = known.into_iter().filter(|known| !found.iter().any(|name| name == known));
        let hint = nearest(name, free).map_or_else(
            || format!("the files are {}", known.join(", ")),
            |near| format!("rename it to {near}, if that is what it is"),
        );
        let rule = unreadable(format!("'{name}'"), format!("no file of an estate is called that; {hint}"));
        refusals.push(Refusal::new(name, None, None, &rule));
    }
    let mut tables = Vec::with_capacity(known.len());
    for file in File::ALL {
        match fs::read(folder.join(file.name())) {
            Ok(bytes) => match table(file, &bytes) {
                Ok(table) => tables.push(table),
                Err(faults) => refusals.extend(faults),
            },
            Err(error) if error.kind() == ErrorKind::NotFound && file.may_be_missing() => {}
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let want = "it is missing; a file that holds only its header holds nothing";
                refusals.push(Refusal::new(file.name(), None, None, &unreadable("The folder", want)));
            }
            Err(error) => return Err(Error::Input(format!("cannot read {}: {error}", file.name()))),
        }
    }
    Ok((tables, refusals))
}

/// Reads a file; the refusals are about its text or its header.
pub fn table(file: File, bytes: &[u8]) -> Result<Table, Vec<Refusal>> {
    let refuse = |line: usize, column: Option<&str>, rule: &Rule| {
        Refusal::new(file.name(), u64::try_from(line).ok(), column, rule)
    };
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let line = newlines(&bytes[..error.valid_up_to()]) + 1;
        vec![refuse(line, None, &unreadable("The text", "it is not UTF-8; save the file as \"CSV UTF-8\""))]
    })?;
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter(text))
        .has_headers(false)
        .flexible(true)
        .from_reader(text.as_bytes());
    let broken = |error: csv::Error| vec![refuse(1, None, &unreadable("The file", error.to_string()))];

    let mut header = StringRecord::new();
    reader.read_record(&mut header).map_err(broken)?;
    let header = Header::of(file, &header, Mode::Create)?;
    let mut table = Table { file, rows: Vec::new(), header };
    let (mut line, mut counted) = (1, 0);
    let mut cells = StringRecord::new();
    while reader.read_record(&mut cells).map_err(broken)? {
        // A record begins behind the blank lines before it.
        let start = cells.position().and_then(|at| usize::try_from(at.byte()).ok()).unwrap_or(counted);
        let blank = bytes[start..].iter().take_while(|&&byte| byte == b'\r' || byte == b'\n').count();
        line += newlines(&bytes[counted..start + blank]);
        counted = start + blank;
        if cells.iter().any(|cell| !cell.trim().is_empty()) {
            table.rows.push(Row { line: u64::try_from(line).unwrap_or(0), cells: cells.clone() });
        }
    }
    Ok(table)
}

fn newlines(bytes: &[u8]) -> usize {
    bytes.split(|&byte| byte == b'\n').count() - 1
}

/// What separates the cells: the one of three that stands most often in the header.
pub fn delimiter(text: &str) -> u8 {
    let header = text.trim_start_matches(['\r', '\n']).lines().next().unwrap_or_default();
    let count = |delimiter: u8| header.bytes().filter(|&byte| byte == delimiter).count();
    // The last of equals wins, which is the comma.
    [b'\t', b';', b','].into_iter().max_by_key(|&delimiter| count(delimiter)).unwrap_or(b',')
}

fn no_column(file: File, name: &str) -> Rule {
    let hint = nearest(name, file.columns().iter().map(|column| column.name)).map_or_else(
        || "`roamline import --columns` lists what there is".to_owned(),
        |near| format!("perhaps '{near}' is meant"),
    );
    unreadable(format!("'{name}'"), format!("{} has no such column; {hint}", file.name()))
}

/// For each of the file's columns, the place of its cell.
fn places(file: File, header: &StringRecord, mode: Mode) -> Result<Vec<Option<usize>>, Vec<(String, Rule)>> {
    let columns = file.columns();
    let mut places = vec![None; columns.len()];
    let mut faults = Vec::new();
    for (at, name) in header.iter().map(str::trim).enumerate() {
        let found = columns.iter().position(|column| column.name.eq_ignore_ascii_case(name));
        match found {
            // A column without a name is what spreadsheets leave behind; its cells must be empty.
            None if name.is_empty() => {}
            None => faults.push((name.to_owned(), no_column(file, name))),
            Some(column) if places[column].is_some() => {
                faults.push((name.to_owned(), Rule::ValueRepeated { what: format!("The column '{name}'") }));
            }
            Some(column) => places[column] = Some(at),
        }
    }
    for (column, place) in columns.iter().zip(&places) {
        if place.is_none() && wanted(file, column, mode, false) {
            let rule = Rule::ValueRequired { what: format!("The column '{}'", column.name) };
            faults.push((column.name.to_owned(), rule));
        }
    }
    if faults.is_empty() { Ok(places) } else { Err(faults) }
}

impl Table {
    /// The text of a cell as it stands there; empty where the file has no such column.
    pub fn raw<'a>(&self, row: &'a Row, column: &str) -> &'a str {
        self.header.raw(&row.cells, column)
    }

    /// The row's values, or everything that cannot be read.
    pub fn values(&self, row: &Row) -> Result<Values<'_>, Faults> {
        self.header.values(&row.cells)
    }
}

impl Header {
    /// Reads the names of the columns.
    pub fn of(file: File, cells: &StringRecord, mode: Mode) -> Result<Self, Vec<Refusal>> {
        let places = places(file, cells, mode).map_err(|faults| {
            let refuse =
                |(column, rule): &(String, Rule)| Refusal::new(file.name(), Some(1), Some(column), rule);
            faults.iter().map(refuse).collect::<Vec<_>>()
        })?;
        let there = places.iter().map(Option::is_some).collect();
        Ok(Self { file, places, there, width: cells.len() })
    }

    fn raw<'a>(&self, cells: &'a StringRecord, column: &str) -> &'a str {
        let at = self.file.columns().iter().position(|known| known.name == column);
        at.and_then(|at| self.places[at]).and_then(|place| cells.get(place)).unwrap_or_default()
    }

    /// What keeps the row as a whole from being read.
    fn misfit(&self, cells: &StringRecord) -> Option<Rule> {
        if cells.len() != self.width {
            let (got, want) = (cells.len(), self.width);
            let want = format!(
                "it has {got} cells and the header has {want}; a quote or a separator may be missing"
            );
            return Some(unreadable("The row", want));
        }
        let stray = (0..self.width).find(|at| {
            !self.places.contains(&Some(*at)) && cells.get(*at).is_some_and(|cell| !cell.trim().is_empty())
        });
        stray
            .and_then(|at| cells.get(at))
            .map(|cell| unreadable(format!("'{cell}'"), "its column has no name"))
    }

    fn values(&self, cells: &StringRecord) -> Result<Values<'_>, Faults> {
        let mut faults = Faults::new();
        if let Some(rule) = self.misfit(cells) {
            faults.push((None, rule));
            if cells.len() != self.width {
                return Err(faults);
            }
        }
        let mut fields = Map::new();
        for (column, place) in self.file.columns().iter().zip(&self.places) {
            let cell = place.and_then(|place| cells.get(place)).unwrap_or_default();
            let wanted = wanted(self.file, column, Mode::Create, place.is_some());
            take(self.file, column, cell, wanted, &mut fields, &mut faults);
        }
        let there = Cow::Borrowed(&*self.there);
        if faults.is_empty() { Ok(Values { file: self.file, there, fields }) } else { Err(faults) }
    }

    /// The row as a job keeps it: its cells by their columns, or what is wrong with it as a whole.
    pub fn body(&self, cells: &StringRecord) -> Value {
        if let Some(rule) = self.misfit(cells) {
            return unread(&rule);
        }
        let columns = self.file.columns().iter().zip(&self.places);
        let cells = columns.filter_map(|(column, place)| {
            let cell = cells.get((*place)?).unwrap_or_default();
            Some((column.name.to_owned(), Value::from(cell)))
        });
        Value::Object(cells.collect())
    }
}

/// Under this name, which no column has, a job keeps what is wrong with a row as a whole.
const UNREAD: &str = "?";
/// Under this name a row says that its column of secrets is kept apart.
pub const APART: &str = "!";

/// A row that cannot be read, as a job keeps it.
pub fn unread(rule: &Rule) -> Value {
    let want = match rule {
        Rule::ValueInvalid { what, want } => serde_json::json!([what, want]),
        other => serde_json::json!(["The row", other.to_string()]),
    };
    Value::Object(Map::from_iter([(UNREAD.to_owned(), want)]))
}

/// Whether a row must have a value in the column. One that changes or deletes must name what is there, and cannot empty what
/// always has a value.
fn wanted(file: File, column: &Column, mode: Mode, said: bool) -> bool {
    let named = || file.named_by().contains(&column.name);
    column.empty == Empty::Refused
        && match mode {
            Mode::Create => true,
            Mode::Update => said || named(),
            Mode::Delete => named(),
        }
}

/// The values of a row as a job keeps it: each a cell, or JSON of the column's own type. Of what a row deletes, only how it
/// is named is read.
pub fn kept(file: File, body: &Map<String, Value>, mode: Mode) -> Result<Values<'static>, Faults> {
    let mut faults = Faults::new();
    if let Some(Value::Array(wrong)) = body.get(UNREAD) {
        let text = |at: usize| wrong.get(at).and_then(Value::as_str).unwrap_or_default().to_owned();
        return Err(vec![(None, unreadable(text(0), text(1)))]);
    }
    for name in body.keys() {
        if name == APART {
            let rule = unreadable("What was apart from the row", secret::GONE);
            faults.push((secret::column(file), rule));
        } else if !file.columns().iter().any(|column| column.name == name) {
            faults.push((None, no_column(file, name)));
        }
    }
    let mut fields = Map::new();
    let mut there = Vec::with_capacity(file.columns().len());
    for column in file.columns() {
        let said =
            body.get(column.name).filter(|_| mode != Mode::Delete || file.named_by().contains(&column.name));
        there.push(said.is_some());
        let cell = match (said, column.kind) {
            (None | Some(Value::Null), _) => Ok(String::new()),
            (Some(Value::String(cell)), _) => Ok(cell.clone()),
            (Some(Value::Number(number)), Kind::Number) => Ok(number.to_string()),
            (Some(Value::Bool(truth)), Kind::Truth) => Ok(truth.to_string()),
            (Some(value), Kind::Object(_) | Kind::Objects(_) | Kind::Texts) => Ok(value.to_string()),
            (Some(value), _) => Err(value),
        };
        match cell {
            Ok(cell) => {
                let wanted = wanted(file, column, mode, said.is_some());
                take(file, column, &cell, wanted, &mut fields, &mut faults);
            }
            Err(value) => {
                let want = format!("{} is {}", column.name, column.kind.wanted());
                faults.push((Some(column.name), unreadable(format!("'{value}'"), want)));
            }
        }
    }
    if faults.is_empty() { Ok(Values { file, there: Cow::Owned(there), fields }) } else { Err(faults) }
}

/// Takes the value of a cell, or notes what is wrong with it.
fn take(
    file: File,
    column: &Column,
    cell: &str,
    wanted: bool,
    fields: &mut Map<String, Value>,
    faults: &mut Faults,
) {
    if cell.is_empty() {
        if wanted {
            let rule = Rule::ValueRequired { what: format!("The {}", spoken(column.name)) };
            faults.push((Some(column.name), rule));
        }
        return;
    }
    match value(file, column, cell) {
        Ok(value) => drop(fields.insert(column.name.to_owned(), value)),
        Err(want) => {
            // A cell in which a password may stand is not repeated.
            let what = if secret::column(file) == Some(column.name) {
                format!("The {}", spoken(column.name))
            } else {
                let shown: String = cell.chars().take(60).collect();
                format!("'{shown}'")
            };
            faults.push((Some(column.name), unreadable(what, want)));
        }
    }
}

fn value(file: File, column: &Column, cell: &str) -> Result<Value, String> {
    let trimmed = cell.trim();
    match column.kind {
        Kind::Text => Ok(cell.into()),
        Kind::Number => {
            trimmed.parse::<i32>().map(Value::from).map_err(|_| format!("{} is a whole number", column.name))
        }
        Kind::Truth => match trimmed.to_ascii_lowercase().as_str() {
            "true" | "1" => Ok(true.into()),
            "false" | "0" => Ok(false.into()),
            _ => Err(format!("{} is true or false", column.name)),
        },
        Kind::Word(words) => words()
            .iter()
            .find(|word| word.eq_ignore_ascii_case(trimmed))
            .map(|&word| word.into())
            .ok_or_else(|| format!("{} is one of {}", column.name, words().join(", "))),
        Kind::Object(fields) | Kind::Objects(fields) => json(file, column, cell, fields()),
        Kind::Texts => json(file, column, cell, &[]),
    }
}

/// A cell of JSON, with its names as they are stored.
fn json(file: File, column: &Column, cell: &str, fields: &[&str]) -> Result<Value, String> {
    let value = serde_json::from_str(cell).map_err(|error| format!("it is not JSON: {error}"))?;
    let value = stored(value, fields)?;
    let patch = Map::from_iter([(snake(column.name), value.clone())]);
    let fits = match file {
        File::Profiles => fits::<entity::profile::Settings>(patch),
        File::Lines => fits::<entity::line::Settings>(patch),
        File::Appearances => fits::<entity::line_appearance::Settings>(patch),
        _ => Ok(()),
    };
    fits.map(|()| value)
}

fn fits<T: Default + DeserializeOwned + serde::Serialize>(patch: Map<String, Value>) -> Result<(), String> {
    Patch::<T>::new(patch).apply(&T::default()).map(drop)
}

/// `to_voice_mail` for `toVoiceMail`, in every object; a name that is none of the fields is an error.
fn stored(value: Value, fields: &[&str]) -> Result<Value, String> {
    match value {
        Value::Array(items) => items.into_iter().map(|item| stored(item, fields)).collect(),
        Value::Object(map) => {
            let mut out = Map::new();
            for (name, value) in map {
                let known: Vec<_> = fields.iter().map(|field| camel(field)).collect();
                if !known.contains(&name) {
                    let hint = nearest(&name, known.iter().map(String::as_str)).map_or_else(
                        || format!("there are {}", known.join(", ")),
                        |near| format!("perhaps '{near}' is meant"),
                    );
                    return Err(format!("it has no field '{name}'; {hint}"));
                }
                out.insert(snake(&name), value);
            }
            Ok(Value::Object(out))
        }
        other => Ok(other),
    }
}

/// `user id` for `userId`.
fn spoken(name: &str) -> String {
    snake(name).replace('_', " ")
}

impl Values<'_> {
    /// The text of a column that must have one; the row would not have values without.
    pub fn must(&self, column: &str) -> &str {
        self.text(column).unwrap_or_default()
    }

    /// The text of a column.
    pub fn text(&self, column: &str) -> Option<&str> {
        self.fields.get(column).and_then(Value::as_str)
    }

    /// The number of a column.
    pub fn number(&self, column: &str) -> Option<i32> {
        self.fields.get(column).and_then(Value::as_i64).and_then(|number| i32::try_from(number).ok())
    }

    /// The word of a column.
    pub fn word<T: DeserializeOwned>(&self, column: &str) -> Option<T> {
        serde_json::from_value(self.fields.get(column)?.clone()).ok()
    }

    /// What the row says of these columns, by their names in the model.
    pub fn fields(&self, columns: &[&str]) -> Map<String, Value> {
        let said = |name: &&str| self.fields.get(*name).map(|value| (snake(name), value.clone()));
        columns.iter().filter_map(said).collect()
    }

    /// The fields of the object in a column, by their names in the model.
    pub fn object(&self, column: &str) -> Map<String, Value> {
        match self.fields.get(column) {
            Some(Value::Object(fields)) => fields.clone(),
            _ => Map::new(),
        }
    }

    /// What the row changes in these columns, by their names in the model: an empty cell puts the default back.
    pub fn changes(&self, columns: &[&str]) -> Map<String, Value> {
        let said = columns.iter().filter(|name| self.has(name));
        let value = |name: &&str| self.fields.get(*name).cloned().unwrap_or(Value::Null);
        said.map(|name| (snake(name), value(name))).collect()
    }

    /// The settings that the row changes.
    pub fn changed_settings<T: Default + DeserializeOwned + serde::Serialize>(&self) -> Patch<T> {
        let settings = self.file.columns().iter().filter(|column| column.empty == Empty::Default);
        let names: Vec<_> = settings.map(|column| column.name).collect();
        Patch::new(self.changes(&names))
    }

    /// The value of a column; null where the cell is empty.
    pub fn value(&self, column: &str) -> &Value {
        self.fields.get(column).unwrap_or(&Value::Null)
    }

    /// The settings that the row gives.
    pub fn settings<T: Default + DeserializeOwned + serde::Serialize>(&self) -> Patch<T> {
        let settings = self.file.columns().iter().filter(|column| column.empty == Empty::Default);
        let names: Vec<_> = settings.map(|column| column.name).collect();
        Patch::new(self.fields(&names))
    }

    /// Whether the file has the column, with or without a value in this row.
    pub fn has(&self, column: &str) -> bool {
        let known = self.file.columns().iter().position(|known| known.name == column);
        known.is_some_and(|at| self.there[at])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(file: File, text: &str) -> Table {
        table(file, text.as_bytes()).unwrap_or_else(|refusals| panic!("{refusals:?}"))
    }

    fn faults(file: File, text: &str) -> Vec<String> {
        let table = read(file, text);
        let told = |row: &Row| table.values(row).err().unwrap_or_default();
        let faults = table.rows.iter().flat_map(|row| told(row).into_iter().map(|fault| (row.line, fault)));
        faults
            .map(|(line, (column, rule))| format!("{line} {}: {rule}", column.unwrap_or_default()))
            .collect()
    }

    fn refused(bytes: &[u8]) -> Vec<String> {
        let refusals = table(File::Devices, bytes).err().unwrap_or_default();
        refusals.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn lines_are_counted_as_an_editor_counts_them() {
        for end in ["\n", "\r\n"] {
            let text = [
                "cluster,name,organization,description",
                "c,a,o,\"two",
                "lines\"",
                "",
                "c,b,o,",
                ",,,",
                "c,d,o,",
                "",
            ]
            .join(end);
            let table = read(File::Devices, &text);
            let lines: Vec<_> = table.rows.iter().map(|row| (row.line, table.raw(row, "name"))).collect();
            assert_eq!(lines, [(2, "a"), (5, "b"), (7, "d")], "{end:?}");
        }
    }

    #[test]
    fn the_header_decides_what_separates_cells() {
        for separator in [",", ";", "\t"] {
            let text = ["NAME", "cluster", "organization", "", ""].join(separator) + "\n";
            let text =
                text + &["a, b; c", "c", "o", "", ""].map(|cell| format!("\"{cell}\"")).join(separator);
            let table = read(File::Devices, &text);
            assert_eq!(table.raw(&table.rows[0], "name"), "a, b; c", "{separator:?}");
            assert!(table.values(&table.rows[0]).is_ok());
        }
    }

    #[test]
    fn a_text_that_is_no_table_is_told() {
        let not_utf8 = refused(b"cluster,name,organization\nc,\xfcber,o\n");
        assert!(not_utf8[0].starts_with("devices.csv:2: The text cannot be used as it is: it is not UTF-8;"));
        assert_eq!(refused(b"").len(), 3, "every column that must be there");
        assert!(refused(b"cluster,name,name,organization\n")[0].contains("The column 'name' is named twice"));
    }

    #[test]
    fn rows_have_as_many_cells_as_the_header() {
        assert_eq!(
            faults(File::Devices, "cluster,name,organization,\nc,a\nc,a,o,\nc,a,o,x\n"),
            [
                "2 : The row cannot be used as it is: it has 2 cells and the header has 4; a quote or a separator may \
                 be missing.",
                "4 : 'x' cannot be used as it is: its column has no name.",
            ]
        );
    }

    #[test]
    fn every_cell_that_cannot_be_read_is_told() {
        let text = "cluster,pattern,organization,active,autoAnswer,holdReversionSeconds,forwardAll,directoryUris\n\
                    c,,o,yes,loud,4.5,\"{\"\"toVoicemail\"\":true}\",[{}]\n\
                    c,1,o,TRUE,headset, 4 ,\"{\"\"toVoiceMail\"\":1}\",{}\n";
        assert_eq!(
            faults(File::Lines, text),
            [
                "2 pattern: The pattern is required. Give a value that is not blank.",
                "2 forwardAll: '{\"toVoicemail\":true}' cannot be used as it is: it has no field 'toVoicemail'; perhaps \
                 'toVoiceMail' is meant.",
                "2 autoAnswer: 'loud' cannot be used as it is: autoAnswer is one of OFF, HEADSET, SPEAKERPHONE.",
                "2 directoryUris: '[{}]' cannot be used as it is: missing field `uri`.",
                "2 holdReversionSeconds: '4.5' cannot be used as it is: holdReversionSeconds is a whole number.",
                "2 active: 'yes' cannot be used as it is: active is true or false.",
                "3 forwardAll: '{\"toVoiceMail\":1}' cannot be used as it is: invalid type: integer `1`, expected a \
                 boolean.",
                "3 directoryUris: '{}' cannot be used as it is: invalid type: map, expected a sequence.",
            ]
        );
    }

    #[test]
    fn values_are_those_of_the_model() {
        let text = "cluster,pattern,organization,active,autoAnswer,forwardAll\n\
                    c,1,o,0,headset,\"{\"\"toVoiceMail\"\":true}\"\n";
        let table = read(File::Lines, text);
        let values = table.values(&table.rows[0]).unwrap_or_else(|faults| panic!("{faults:?}"));
        let settings = values.settings::<entity::line::Settings>().apply(&entity::line::Settings::default());
        let settings = settings.expect("fits");
        assert!(!settings.active && settings.forward_all.is_some_and(|forward| forward.to_voice_mail));
        assert!(values.has("autoAnswer") && !values.has("aarGroup"));
    }
}
