//! Roles that are composed, and the tokens that have one.

pub const STATEMENTS: &[&str] = &[
    r"CREATE TABLE role (
        id {int} NOT NULL PRIMARY KEY,
        organization_id {int} NOT NULL REFERENCES organization (id),
        name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 64),
        name_key {key} NOT NULL,
        description TEXT NOT NULL CHECK (length(description) <= 255),
        rights TEXT NOT NULL,
        version {int} NOT NULL,
        created_at {int} NOT NULL,
        updated_at {int} NOT NULL
    )",
    r"CREATE UNIQUE INDEX acc_2_role_name ON role (organization_id, name_key)",
    r"CREATE INDEX role_name ON role (name_key, id)",
    r"ALTER TABLE token ADD COLUMN role_id {int} REFERENCES role (id)",
    r"CREATE INDEX token_role ON token (role_id) WHERE role_id IS NOT NULL",
];
