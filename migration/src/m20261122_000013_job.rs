//! What rows of a job make, so that the validation of later rows finds them: a key is a hash of a name. And on which
//! earlier rows a row builds.

pub const STATEMENTS: &[&str] = &[
    r"CREATE TABLE job_key (
        job_id {int} NOT NULL REFERENCES job (id) ON DELETE CASCADE,
        key {int} NOT NULL,
        place {int} NOT NULL,
        PRIMARY KEY (job_id, key, place)
    )",
    r"ALTER TABLE job_row ADD COLUMN builds_on TEXT",
];
