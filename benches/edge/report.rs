//! What is printed: a table of medians and of the ratio, with its spread over the rounds.

use std::{fmt, time::Duration};

/// Times of both sides in one round.
#[derive(Default)]
pub struct Round {
    pub plain: Vec<Duration>,
    pub edge: Vec<Duration>,
}

/// Everything that was measured.
#[derive(Default)]
pub struct Table(Vec<String>);

impl Table {
    /// Adds a query.
    pub fn add(&mut self, name: &str, size: usize, rounds: &[Round]) {
        let plain: Vec<_> = rounds.iter().filter_map(|round| median(&round.plain)).collect();
        let edge: Vec<_> = rounds.iter().filter_map(|round| median(&round.edge)).collect();
        let mut ratios: Vec<_> = plain.iter().zip(&edge).map(|(plain, edge)| edge / plain).collect();
        ratios.sort_by(f64::total_cmp);
        let at = |part: usize| ratios.get(ratios.len() * part / 100).copied().unwrap_or(f64::NAN);
        let row = format!(
            "| {name} | {size} | {:.1} | {:.1} | **{:.3}** | {:.3} to {:.3} | {:+.1} | {} |",
            middle(plain.clone()),
            middle(edge.clone()),
            at(50),
            at(10),
            at(90),
            middle(edge) - middle(plain),
            rounds.len(),
        );
        eprintln!("{row}");
        self.0.push(row);
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "| query | bytes | plain, µs | edge, µs | ratio | of 8 in 10 rounds | more, µs | rounds |\n|---|---|---|---|---|---|---|---|"
        )?;
        self.0.iter().try_for_each(|row| writeln!(f, "{row}"))
    }
}

/// The median in microseconds.
fn median(times: &[Duration]) -> Option<f64> {
    let mut times = times.to_vec();
    times.sort_unstable();
    times.get(times.len() / 2).map(|time| time.as_secs_f64() * 1_000_000.0)
}

fn middle(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
