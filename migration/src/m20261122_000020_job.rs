//! What a job does with its rows; and what may be a password in a row, apart from the rest of it, so that it goes when
//! the row is done or the job ends.

pub const STATEMENTS: &[&str] = &[
    r"ALTER TABLE job ADD COLUMN mode TEXT NOT NULL DEFAULT 'CREATE' CHECK (mode IN ('CREATE', 'UPDATE', 'DELETE'))",
    r"UPDATE job SET mode = 'UPDATE' WHERE kind = 'UPDATE_PROFILES'",
    r"ALTER TABLE job_row ADD COLUMN secret TEXT",
    // Rows from before, in which a password may stand in the clear.
    r#"UPDATE job_row SET body = '{"?": ["The row", "what it said is not kept any more; send it again"]}'
        WHERE job_id IN (SELECT id FROM job WHERE ended_at IS NOT NULL AND noun IN
            ('service_subscriptions', 'services', 'quick_add_groups', 'quick_adds'))"#,
];
