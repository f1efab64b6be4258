//! Who is logged in where, and default device profiles of clusters.

pub const STATEMENTS: &[&str] = &[
    r"CREATE TABLE default_device_profile (
        id {int} NOT NULL PRIMARY KEY,
        cluster_id {int} NOT NULL REFERENCES cluster (id),
        organization_id {int} NOT NULL REFERENCES organization (id),
        product {key} NOT NULL,
        protocol TEXT NOT NULL CHECK (protocol IN ('SIP', 'SCCP')),
        description TEXT NOT NULL CHECK (length(description) <= 255),
        button_template TEXT NOT NULL,
        softkey_template TEXT,
        settings TEXT NOT NULL,
        version {int} NOT NULL,
        created_at {int} NOT NULL,
        updated_at {int} NOT NULL
    )",
    r"CREATE UNIQUE INDEX rml_40_default_device_profile ON default_device_profile (cluster_id, product, protocol)",
    r"CREATE INDEX default_device_profile_product ON default_device_profile (product, id)",
    r"CREATE INDEX default_device_profile_organization ON default_device_profile (organization_id)",
    r"CREATE TABLE session (
        id {int} NOT NULL PRIMARY KEY,
        cluster_id {int} NOT NULL REFERENCES cluster (id),
        organization_id {int} NOT NULL REFERENCES organization (id),
        phone_id {int} NOT NULL REFERENCES phone (id),
        user_id {int} NOT NULL REFERENCES {user} (id),
        profile_id {int} REFERENCES profile (id),
        default_device_profile_id {int},
        logged_in_at {int} NOT NULL,
        expires_at {int},
        model_mismatch BOOLEAN NOT NULL,
        profile_version {int},
        button_template TEXT NOT NULL,
        softkey_template TEXT,
        settings TEXT NOT NULL
    )",
    r"CREATE UNIQUE INDEX ses_3_one_session ON session (phone_id)",
    r"CREATE INDEX session_of_user ON session (user_id, logged_in_at, id)",
    r"CREATE INDEX session_of_profile ON session (profile_id, logged_in_at, id)",
    r"CREATE INDEX session_organization ON session (organization_id, logged_in_at, id)",
    r"CREATE INDEX session_logged_in ON session (logged_in_at, id)",
    r"CREATE INDEX session_expires ON session (expires_at) WHERE expires_at IS NOT NULL",
];
