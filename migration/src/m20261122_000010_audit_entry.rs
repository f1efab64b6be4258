//! What is told of callers. Nothing is referred to: an entry outlives what it is about.
//!
//! Entries have a counter of their own, which gives ids in the order of commits, and leaves the ids of things as they
//! would be without any audit.

pub const STATEMENTS: &[&str] = &[
    r"CREATE TABLE audit_entry (
        id {int} NOT NULL PRIMARY KEY,
        at {int} NOT NULL,
        last_at {int} NOT NULL,
        count {int} NOT NULL,
        kind TEXT NOT NULL,
        code TEXT,
        cisco_code {int},
        message TEXT NOT NULL,
        by TEXT,
        token_id {int},
        role TEXT,
        composed_role_id {int},
        organization_id {int},
        address TEXT,
        user_agent TEXT,
        request_id TEXT,
        operation TEXT,
        subject_kind TEXT,
        subject_id {int},
        subject_organization_id {int},
        user_id {int}
    )",
    r"CREATE INDEX audit_entry_at ON audit_entry (at, id)",
    r"CREATE INDEX audit_entry_last ON audit_entry (last_at, id)",
    r"CREATE INDEX audit_entry_organization ON audit_entry (organization_id, at, id)
        WHERE organization_id IS NOT NULL",
    r"CREATE INDEX audit_entry_subject_organization ON audit_entry (subject_organization_id, at, id)
        WHERE subject_organization_id IS NOT NULL",
    r"CREATE INDEX audit_entry_subject ON audit_entry (subject_id) WHERE subject_id IS NOT NULL",
    r"INSERT INTO counter (name, last) VALUES ('audit_entry', 0)",
];
