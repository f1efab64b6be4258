//! How many logins and logouts a cluster takes at once.

pub const STATEMENTS: &[&str] = &[
    r"ALTER TABLE cluster ADD COLUMN max_concurrent_logins INTEGER CHECK (max_concurrent_logins BETWEEN 1 AND 10000)",
];
