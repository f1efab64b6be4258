//! Reads data as it comes: whole rows out of pieces of any size, in memory that does not grow with their number. What is
//! wrong with the data as a whole is told at once; what is wrong with a row stays with the row.

use csv::StringRecord;
use entity::job::{Format, Mode};
use serde_json::Value;

use super::{
    Refusal,
    column::File,
    read::{Header, delimiter, unread},
    unreadable,
};
use crate::{rule::Rule, store::job::Kept};

/// Bytes of one row. A quote that is never closed would make one of all that follows.
const LONGEST: usize = 256 * 1024;

/// Data on its way.
pub struct Upload {
    file: File,
    format: Format,
    mode: Mode,
    /// What came and is no whole row yet.
    rest: Vec<u8>,
    scan: Scan,
    /// Bytes of `rest` that were looked at.
    seen: usize,
    /// The line on which `rest` begins, from 1.
    line: u64,
    begun: bool,
    /// What separates cells, and the header, once they are known.
    header: Option<(u8, Header)>,
    place: i64,
}

/// Where in a row of CSV a byte stands.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Scan {
    Begin,
    Plain,
    Quoted,
    /// Behind a quote within quotes: the end of them, or the first of two.
    Quote,
}

type Refusals = Vec<Refusal>;

impl Upload {
    /// Nothing came yet.
    pub fn new(file: File, format: Format, mode: Mode) -> Self {
        Self {
            file,
            format,
            mode,
            rest: Vec::new(),
            scan: Scan::Begin,
            seen: 0,
            line: 1,
            begun: false,
            header: None,
            place: 0,
        }
    }

    /// How many rows came.
    pub fn rows(&self) -> i64 {
        self.place
    }

    /// Takes a piece; answers the rows that it completes.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Vec<Kept>, Refusals> {
        self.rest.extend_from_slice(bytes);
        if !self.begun && self.rest.len() >= 3 {
            self.begin();
        }
        if !self.begun {
            return Ok(Vec::new());
        }
        let whole = match self.format {
            Format::Csv => self.whole_records(),
            Format::JsonLines => self.rest.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1),
        };
        let rows = self.take(whole)?;
        if self.rest.len() > LONGEST {
            let want = format!("it is longer than {LONGEST} bytes; a quote or an end of line may be missing");
            return Err(vec![self.refuse(self.line, &unreadable("The row", want))]);
        }
        Ok(rows)
    }

    /// Nothing more comes; answers the last rows.
    pub fn end(&mut self) -> Result<Vec<Kept>, Refusals> {
        if !self.begun {
            self.begin();
        }
        if self.format == Format::Csv {
            let whole = self.whole_records();
            let mut rows = self.take(whole)?;
            if self.scan == Scan::Quoted {
                let want = "it ends within quotes; a quote is missing, or the data was cut off";
                return Err(vec![self.refuse(self.line, &unreadable("The row", want))]);
            }
            rows.extend(self.take(self.rest.len())?);
            if self.header.is_none() {
                // Tells which columns are missing.
                Header::of(self.file, &StringRecord::new(), self.mode)?;
            }
            return Ok(rows);
        }
        self.take(self.rest.len())
    }

    /// Leaves out a byte order mark.
    fn begin(&mut self) {
        self.begun = true;
        if self.rest.starts_with(b"\xEF\xBB\xBF") {
            self.rest.drain(..3);
        }
    }

    fn refuse(&self, line: u64, rule: &Rule) -> Refusal {
        Refusal::new(self.file.name(), Some(line), None, rule)
    }

    /// Where the last whole record ends.
    fn whole_records(&mut self) -> usize {
        if self.header.is_none()
            && let Some(end) = self.rest.iter().position(|&byte| byte == b'\n')
        {
            // A header has no line ends within quotes.
            let cells = delimiter(&String::from_utf8_lossy(&self.rest[..end]));
            return self.records(cells);
        }
        match &self.header {
            Some((cells, _)) => self.records(*cells),
            None => 0,
        }
    }

    fn records(&mut self, cells: u8) -> usize {
        let mut whole = 0;
        for at in self.seen..self.rest.len() {
            let byte = self.rest[at];
            let ends = matches!(byte, b'\n' | b'\r');
            self.scan = match (self.scan, byte) {
                (Scan::Quoted, b'"') => Scan::Quote,
                (Scan::Quoted, _) | (Scan::Begin | Scan::Quote, b'"') => Scan::Quoted,
                (_, byte) if ends || byte == cells => Scan::Begin,
                _ => Scan::Plain,
            };
            if ends && self.scan == Scan::Begin {
                whole = at + 1;
            }
        }
        self.seen = self.rest.len();
        whole
    }

    /// Takes so many bytes of whole rows.
    fn take(&mut self, whole: usize) -> Result<Vec<Kept>, Refusals> {
        let bytes: Vec<u8> = self.rest.drain(..whole).collect();
        self.seen = self.seen.saturating_sub(whole);
        let text = std::str::from_utf8(&bytes).map_err(|error| {
            let line = self.line + newlines(&bytes[..error.valid_up_to()]);
            vec![self.refuse(line, &unreadable("The text", "it is not UTF-8; save the file as UTF-8"))]
        })?;
        let rows = match self.format {
            Format::Csv => self.csv(text)?,
            Format::JsonLines => self.json_lines(text),
        };
        self.line += newlines(&bytes);
        Ok(rows)
    }

    fn csv(&mut self, text: &str) -> Result<Vec<Kept>, Refusals> {
        let cells = self.header.as_ref().map_or_else(|| delimiter(text), |(cells, _)| *cells);
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(cells)
            .has_headers(false)
            .flexible(true)
            .from_reader(text.as_bytes());
        let (file, first) = (self.file, self.line);
        let broken = |error: csv::Error| {
            let rule = unreadable("The data", error.to_string());
            vec![Refusal::new(file.name(), Some(first), None, &rule)]
        };
        let mut record = StringRecord::new();
        let mut rows = Vec::new();
        let (mut line, mut counted) = (self.line, 0);
        let (mut header, mut place) = (self.header.take(), self.place);
        while reader.read_record(&mut record).map_err(broken)? {
            // A record begins behind the blank lines before it.
            let start = record.position().and_then(|at| usize::try_from(at.byte()).ok()).unwrap_or(counted);
            let rest = &text.as_bytes()[start..];
            let blank = rest.iter().take_while(|&&byte| byte == b'\r' || byte == b'\n').count();
            line += newlines(&text.as_bytes()[counted..start + blank]);
            counted = start + blank;
            match &header {
                None => header = Some((cells, Header::of(self.file, &record, self.mode)?)),
                Some((_, header)) if record.iter().any(|cell| !cell.trim().is_empty()) => {
                    place += 1;
                    rows.push(kept(place, line, &header.body(&record)));
                }
                Some(_) => {}
            }
        }
        (self.header, self.place) = (header, place);
        Ok(rows)
    }

    fn json_lines(&mut self, text: &str) -> Vec<Kept> {
        let mut rows = Vec::new();
        for (text, line) in text.split('\n').zip(self.line..) {
            if text.trim().is_empty() {
                continue;
            }
            let body = match serde_json::from_str(text) {
                Ok(body @ Value::Object(_)) => body,
                Ok(_) => unread(&unreadable("The row", "it is no JSON object")),
                Err(error) => unread(&unreadable("The row", format!("it is not JSON: {error}"))),
            };
            self.place += 1;
            rows.push(kept(self.place, line, &body));
        }
        rows
    }
}

fn kept(place: i64, line: u64, body: &Value) -> Kept {
    Kept { place, line: i64::try_from(line).unwrap_or(i64::MAX), body: body.to_string(), secret: None }
}

fn newlines(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |count, &byte| count + u64::from(byte == b'\n'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(format: Format, pieces: &[&[u8]]) -> Result<Vec<(i64, i64, String)>, Vec<String>> {
        let told = |refusals: Refusals| refusals.iter().map(ToString::to_string).collect::<Vec<_>>();
        let mut upload = Upload::new(File::Devices, format, Mode::Create);
        let mut rows = Vec::new();
        for piece in pieces {
            rows.extend(upload.push(piece).map_err(told)?);
        }
        rows.extend(upload.end().map_err(told)?);
        assert_eq!(rows.len(), usize::try_from(upload.rows()).expect("few"));
        Ok(rows.into_iter().map(|row| (row.place, row.line, row.body)).collect())
    }

    const TEXT: &str = "\u{feff}cluster;name;organization;description\r\nc;a;o;\"two\r\nlines; \"\"so\"\"\"\r\n\r\nc;b;o;ü\r\n;;;\r\nc;d;o;";

    #[test]
    fn rows_are_told_with_the_lines_on_which_they_begin() {
        let rows = read(Format::Csv, &[TEXT.as_bytes()]).expect("rows");
        let places: Vec<_> = rows.iter().map(|(place, line, _)| (*place, *line)).collect();
        assert_eq!(places, [(1, 2), (2, 5), (3, 7)]);
        let body: Value = serde_json::from_str(&rows[0].2).expect("JSON");
        assert_eq!(body["description"], "two\r\nlines; \"so\"");
        let rows = read(Format::JsonLines, &[b"{\"name\":\"a\"}\n\n[1]\n{\"name\":\"b\"}"]).expect("rows");
        assert_eq!(rows.iter().map(|(_, line, _)| *line).collect::<Vec<_>>(), [1, 3, 4]);
        assert!(rows[1].2.contains("it is no JSON object"));
    }

    #[test]
    fn what_is_wrong_with_the_whole_is_told() {
        let csv = |bytes: &[u8]| read(Format::Csv, &[bytes]).expect_err("refused").remove(0);
        assert!(csv(b"cluster,name,organization\nc,a,\"o\nc,b,o\n").contains("devices.csv:2: The row"));
        assert!(csv(b"cluster,name,organization\nc,\xfcber,o\n").contains("devices.csv:2: The text"));
        assert!(csv(b"cluster,nam,organization\n").contains("perhaps 'name' is meant"));
        assert_eq!(
            read(Format::Csv, &[b""]).expect_err("refused").len(),
            3,
            "every column that must be there"
        );
        let long = [b"cluster,name,organization\nc,\"".to_vec(), vec![b'x'; LONGEST]].concat();
        assert!(csv(&long).contains("is longer than"));
        let not_utf8 = read(Format::JsonLines, &[b"{}\n{\"name\":\"\xfc\"}\n"]).expect_err("refused");
        assert!(not_utf8[0].starts_with("devices.csv:2: The text"));
    }

    proptest! {
        #[test]
        fn pieces_of_any_size_are_one_text(cuts in proptest::collection::vec(0..TEXT.len(), 0..12)) {
            let mut cuts = cuts;
            cuts.extend([0, TEXT.len()]);
            cuts.sort_unstable();
            let pieces: Vec<_> = cuts.windows(2).map(|cut| &TEXT.as_bytes()[cut[0]..cut[1]]).collect();
            prop_assert_eq!(read(Format::Csv, &pieces), read(Format::Csv, &[TEXT.as_bytes()]));
        }
    }
}
