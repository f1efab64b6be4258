//! A bar for work that takes a while, drawn only for people.

use std::io::{IsTerminal, stderr};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar on standard error while it is a terminal, else nothing at all. It goes away when it is dropped.
#[derive(Debug)]
pub struct Progress(ProgressBar);

impl Progress {
    /// A bar for `total` steps of what is named in a word or two.
    #[expect(clippy::missing_panics_doc, reason = "it cannot panic, and a test reads the template")]
    pub fn new(what: &'static str, total: u64) -> Self {
        let target =
            if stderr().is_terminal() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let style = ProgressStyle::with_template("{msg} {wide_bar} {human_pos} of {human_len}, {eta} left")
            .expect("the template is a constant");
        Self(ProgressBar::with_draw_target(Some(total), target).with_style(style).with_message(what))
    }

    /// So many steps more are done.
    pub fn advance(&self, steps: u64) {
        self.0.inc(steps);
    }

    /// Prints a line above the bar, or just prints it when there is none.
    pub fn say(&self, line: &str) {
        self.0.suspend(|| eprintln!("{line}"));
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_counts_steps() {
        let progress = Progress::new("rows", 10);
        progress.advance(3);
        progress.advance(4);
        assert_eq!(progress.0.position(), 7);
    }
}
