//! Whether a profile works as its users expect.

use async_graphql::SimpleObject;

use super::value::{enums::ReadinessCode, rule::Severity};
use crate::rule::{self, readiness::Finding};

/// Whether a profile works as its users expect.
#[derive(SimpleObject)]
pub struct Readiness {
    /// Whether nothing was found.
    is_ready: bool,
    /// What was found, the worst first.
    findings: Vec<ReadinessFinding>,
}

/// Something that is not as it should be.
#[derive(SimpleObject)]
pub struct ReadinessFinding {
    /// What was found, to switch on.
    code: ReadinessCode,
    /// `ERROR` where people cannot work with it, `WARNING` where they can, not as well as they might.
    severity: Severity,
    /// What is wrong, for people.
    message: String,
    /// The name of the mutation that mends it.
    fix: String,
}

impl Readiness {
    /// The answer over what was found.
    pub fn of(found: &[Finding]) -> Self {
        let mut findings: Vec<_> = found.to_vec();
        findings.sort_by_key(|finding| finding.severity() != rule::Severity::Error);
        let told = findings.into_iter().map(|finding| ReadinessFinding {
            code: finding.into(),
            severity: finding.severity().into(),
            message: finding.sentence().to_owned(),
            fix: finding.fix().to_owned(),
        });
        Self { is_ready: found.is_empty(), findings: told.collect() }
    }
}
