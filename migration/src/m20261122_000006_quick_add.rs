//! Quick Add groups, and what an organization sets for profiles of a user and for numbers.

pub const STATEMENTS: &[&str] = &[
    r"ALTER TABLE organization ADD COLUMN max_profiles_per_user INTEGER CHECK (max_profiles_per_user BETWEEN 0 AND 10000)",
    r"ALTER TABLE organization ADD COLUMN number_management BOOLEAN",
    r"ALTER TABLE organization ADD COLUMN unique_numbers BOOLEAN",
    r"CREATE TABLE quick_add (
        id {int} NOT NULL PRIMARY KEY,
        organization_id {int} NOT NULL REFERENCES organization (id),
        cluster_id {int} REFERENCES cluster (id),
        name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 64),
        name_key {key} NOT NULL,
        description TEXT NOT NULL CHECK (length(description) <= 128),
        product TEXT NOT NULL,
        protocol TEXT NOT NULL CHECK (protocol IN ('SIP', 'SCCP')),
        button_template TEXT,
        softkey_template TEXT,
        name_pattern TEXT NOT NULL,
        description_pattern TEXT NOT NULL,
        place_id {int} REFERENCES organization (id),
        defaults TEXT NOT NULL,
        version {int} NOT NULL,
        created_at {int} NOT NULL,
        updated_at {int} NOT NULL
    )",
    r"CREATE UNIQUE INDEX rml_60_quick_add_name ON quick_add (organization_id, name_key)",
    r"CREATE INDEX quick_add_name ON quick_add (name_key, id)",
    r"CREATE INDEX quick_add_cluster ON quick_add (cluster_id)",
    r"CREATE INDEX quick_add_place ON quick_add (place_id)",
];
