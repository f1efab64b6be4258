//! What is printed: progress on standard error, one table at the end on standard output.

use std::{fmt, time::Duration};

use crate::{Pair, load::Measured};

/// Tells what goes on.
pub fn say(line: &str) {
    eprintln!("{line}");
}

/// A measured pair.
pub struct Row {
    database: &'static str,
    name: &'static str,
    what: String,
    statements: Option<u64>,
    ours: String,
    hand: String,
    ratio: String,
    /// The ratio of what requests cost in processor time.
    cost: String,
    /// Further figures of both sides.
    more: String,
}

/// All measured pairs.
#[derive(Default)]
pub struct Table(Vec<Row>);

impl Table {
    /// Adds a pair, and tells it.
    pub fn add(&mut self, row: Row) {
        say(&row.to_string());
        self.0.push(row);
    }
}

impl Row {
    /// A pair that was measured in requests per second.
    pub fn of_requests(
        database: &'static str,
        name: &'static str,
        what: &str,
        statements: Option<u64>,
        pair: &Pair,
    ) -> Self {
        let (ours, hand) = (rates(&pair.ours), rates(&pair.hand));
        let (ours_ms, hand_ms) = (latencies(&pair.ours), latencies(&pair.hand));
        Self {
            database,
            name,
            what: what.to_owned(),
            statements,
            ratio: ratio(ours.0, hand.0),
            cost: costs(&pair.ours, &pair.hand),
            ours: rate(ours),
            hand: rate(hand),
            more: format!("{ours_ms}; {hand_ms}"),
        }
    }

    /// A pair that was measured in the time that something takes.
    pub fn of_times(
        database: &'static str,
        name: &'static str,
        what: &str,
        (ours, hand): (&[Duration], &[Duration]),
        more: String,
    ) -> Self {
        let (ours, hand) = (times(ours), times(hand));
        Self {
            database,
            name,
            what: what.to_owned(),
            statements: None,
            // Twice the time is half as good, as with rates.
            ratio: ratio(hand.0, ours.0),
            cost: String::new(),
            ours: time(ours),
            hand: time(hand),
            more,
        }
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { database, name, what, ours, hand, ratio, cost, more, .. } = self;
        let statements = self.statements.map_or_else(String::new, |count| count.to_string());
        write!(
            f,
            "| {database} | {name}: {what} | {ours} | {hand} | **{ratio}** | {cost} | {statements} | {more} |"
        )
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "| database | shape | Roamline | by hand | ratio | processor time per request | statements | median and 99th percentile: Roamline; by hand |"
        )?;
        writeln!(f, "|---|---|---|---|---|---|---|---|")?;
        self.0.iter().try_for_each(|row| writeln!(f, "{row}"))
    }
}

/// Median, least and greatest.
fn spread(mut values: Vec<f64>) -> (f64, f64, f64) {
    values.sort_by(f64::total_cmp);
    let Some((least, greatest)) = values.first().zip(values.last()) else { return (0.0, 0.0, 0.0) };
    (values[values.len() / 2], *least, *greatest)
}

fn rates(turns: &[Measured]) -> (f64, f64, f64) {
    spread(turns.iter().map(|turn| turn.per_second).collect())
}

fn times(times: &[Duration]) -> (f64, f64, f64) {
    spread(times.iter().copied().map(millis).collect())
}

/// Whole milliseconds and parts of them.
pub fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

fn rate((median, least, greatest): (f64, f64, f64)) -> String {
    format!("{median:.0}/s ({least:.0} to {greatest:.0})")
}

fn time((median, least, greatest): (f64, f64, f64)) -> String {
    format!("{median:.2} ms ({least:.2} to {greatest:.2})")
}

fn ratio(ours: f64, hand: f64) -> String {
    if hand > 0.0 { format!("{:.2}", ours / hand) } else { "-".to_owned() }
}

/// Processor time per request of both sides, and its ratio, with Roamline's below: 0.5 is twice as much.
fn costs(ours: &[Measured], hand: &[Measured]) -> String {
    let of = |turns: &[Measured]| -> Option<f64> {
        let each: Option<Vec<_>> = turns.iter().map(|turn| turn.processor.map(millis)).collect();
        each.map(|each| spread(each).0)
    };
    let (Some(ours), Some(hand)) = (of(ours), of(hand)) else { return String::new() };
    format!("{ours:.2} ms; {hand:.2} ms; {}", ratio(hand, ours))
}

/// Of the middle turn.
fn latencies(turns: &[Measured]) -> String {
    let mut turns = turns.to_vec();
    turns.sort_by(|a, b| a.per_second.total_cmp(&b.per_second));
    let Some(turn) = turns.get(turns.len() / 2) else { return "-".to_owned() };
    let kib = turn.bytes.div_ceil(1_024);
    format!("{:.1} and {:.1} ms, {kib} KiB", millis(turn.median), millis(turn.p99))
}
