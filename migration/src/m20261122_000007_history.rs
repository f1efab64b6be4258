//! Which changes were made together, and what becomes of lines that a device leaves behind.

pub const STATEMENTS: &[&str] = &[
    r"ALTER TABLE change ADD COLUMN first_seq {int}",
    r"ALTER TABLE organization ADD COLUMN line_delete_preferences TEXT",
];
