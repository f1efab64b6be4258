//! Jobs, their rows, and who works on them.
//!
//! Rows are kept in the database and not in files: servers keep nothing of their own, so any of them can go on with what
//! another one began, and a row's outcome is committed with what the row did.

pub const STATEMENTS: &[&str] = &[
    r"CREATE TABLE job (
        id {int} NOT NULL PRIMARY KEY,
        organization_id {int},
        kind TEXT NOT NULL,
        noun TEXT NOT NULL,
        format TEXT CHECK (format IN ('CSV', 'JSON_LINES')),
        state TEXT NOT NULL CHECK (state IN
            ('WAITING', 'RECEIVING', 'VALIDATING', 'VALIDATED', 'RUNNING', 'DONE', 'CANCELLED', 'FAILED')),
        auto_run BOOLEAN NOT NULL,
        caller TEXT NOT NULL,
        token_id {int},
        reason TEXT,
        task TEXT,
        retry_of {int},
        rows {int} NOT NULL,
        position {int} NOT NULL,
        done {int} NOT NULL,
        failed {int} NOT NULL,
        message TEXT,
        version {int} NOT NULL,
        created_at {int} NOT NULL,
        updated_at {int} NOT NULL,
        ended_at {int}
    )",
    r"CREATE INDEX job_organization ON job (organization_id, created_at, id)",
    r"CREATE INDEX job_age ON job (created_at, id)",
    r"CREATE INDEX job_ended ON job (ended_at) WHERE ended_at IS NOT NULL",
    r"CREATE TABLE job_lease (
        job_id {int} NOT NULL PRIMARY KEY REFERENCES job (id) ON DELETE CASCADE,
        holder TEXT,
        held_until {int} NOT NULL
    )",
    r"CREATE TABLE job_row (
        job_id {int} NOT NULL REFERENCES job (id) ON DELETE CASCADE,
        place {int} NOT NULL,
        line {int} NOT NULL,
        body TEXT NOT NULL,
        outcome TEXT CHECK (outcome IN ('PASSED', 'DONE', 'REFUSED')),
        errors TEXT,
        PRIMARY KEY (job_id, place)
    )",
];
