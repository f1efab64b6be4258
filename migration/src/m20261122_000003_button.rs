//! Buttons: speed dials, busy lamp fields, directed call parks and service URLs of devices; and templates of clusters.

pub const STATEMENTS: &[&str] = &[
    r"CREATE TABLE button (
        id {int} NOT NULL PRIMARY KEY,
        device_id {int} NOT NULL REFERENCES device (id),
        kind TEXT NOT NULL CHECK (kind IN ('SPEED_DIAL', 'BUSY_LAMP_FIELD', 'CALL_PARK', 'SERVICE_URL')),
        position INTEGER NOT NULL CHECK (position >= 1),
        label TEXT,
        destination {key},
        pattern {key},
        partition {key} NOT NULL,
        pickup BOOLEAN NOT NULL,
        service TEXT,
        url TEXT,
        created_at {int} NOT NULL
    )",
    r"CREATE UNIQUE INDEX btn_2_position ON button (device_id, kind, position)",
    r"CREATE INDEX button_age ON button (created_at, id)",
    r"CREATE INDEX button_destination ON button (destination)",
    r"CREATE INDEX button_number ON button (pattern, partition)",
    r"CREATE TABLE template (
        id {int} NOT NULL PRIMARY KEY,
        cluster_id {int} NOT NULL REFERENCES cluster (id),
        organization_id {int} NOT NULL REFERENCES organization (id),
        kind TEXT NOT NULL CHECK (kind IN ('BUTTON', 'SOFTKEY')),
        name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 128),
        name_key {key} NOT NULL,
        description TEXT NOT NULL CHECK (length(description) <= 128),
        product TEXT,
        protocol TEXT CHECK (protocol IN ('SIP', 'SCCP')),
        features TEXT NOT NULL,
        version {int} NOT NULL,
        created_at {int} NOT NULL,
        updated_at {int} NOT NULL
    )",
    r"CREATE UNIQUE INDEX rml_20_template_name ON template (cluster_id, kind, name_key)",
    r"CREATE INDEX template_name ON template (name_key, id)",
    r"CREATE INDEX template_organization ON template (organization_id)",
];
