//! The number inventory, and how long an organization lets freed numbers cool.

pub const STATEMENTS: &[&str] = &[
    r"ALTER TABLE organization ADD COLUMN cooling_days INTEGER CHECK (cooling_days BETWEEN 0 AND 999)",
    r"CREATE TABLE number (
        id {int} NOT NULL PRIMARY KEY,
        cluster_id {int} NOT NULL REFERENCES cluster (id),
        organization_id {int} NOT NULL REFERENCES organization (id),
        pattern {key} NOT NULL CHECK (length(pattern) BETWEEN 1 AND 24),
        partition {key} NOT NULL,
        status TEXT NOT NULL CHECK (status IN ('AVAILABLE', 'USED', 'USED_UTILITY', 'RESERVED', 'COOLING')),
        utility TEXT,
        e164_number TEXT,
        description TEXT NOT NULL,
        extra TEXT NOT NULL,
        reserved_for {key},
        reserved_until {int},
        cooling_until {int},
        version {int} NOT NULL,
        created_at {int} NOT NULL,
        updated_at {int} NOT NULL,
        CHECK ((status = 'COOLING') = (cooling_until IS NOT NULL))
    )",
    r"CREATE UNIQUE INDEX inv_13_number ON number (cluster_id, pattern, partition)",
    r"CREATE INDEX number_organization ON number (organization_id, pattern, id)",
    r"CREATE INDEX number_pattern ON number (pattern, id)",
    r"CREATE INDEX number_reserved_for ON number (reserved_for, pattern, id)",
    r"CREATE INDEX number_cooling ON number (cooling_until) WHERE cooling_until IS NOT NULL",
    r"CREATE INDEX number_reserved_until ON number (reserved_until) WHERE reserved_until IS NOT NULL",
];
