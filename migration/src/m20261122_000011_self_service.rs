//! Tokens of users for their own page.

pub const STATEMENTS: &[&str] = &[
    r"ALTER TABLE token ADD COLUMN user_id {int} REFERENCES {user} (id)",
    r"CREATE INDEX token_user ON token (user_id) WHERE user_id IS NOT NULL",
];
