//! The spine: organizations, clusters, devices, profiles, phones, lines, users, tokens and the outbox.

use sea_orm_migration::{prelude::*, sea_orm::DatabaseBackend};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // A profile names a user and a user names a profile: SQLite takes the forward reference as it is,
        // PostgreSQL gets it once both tables are there.
        let postgres = manager.get_database_backend() == DatabaseBackend::Postgres;
        let reference = if postgres { "" } else { "REFERENCES profile (id)" };
        let user = USER.replace("{profile}", reference);
        crate::run(manager, BEFORE_USER).await?;
        crate::run(manager, &[&user]).await?;
        crate::run(manager, AFTER_USER).await?;
        if postgres {
            crate::run(manager, &[DEFAULT_PROFILE]).await?;
        }
        Ok(())
    }
}

const BEFORE_USER: &[&str] = &[
    r"CREATE TABLE counter (
        name TEXT NOT NULL PRIMARY KEY,
        last {int} NOT NULL
    )",
    r"INSERT INTO counter (name, last) VALUES ('id', 0), ('change', 0)",
    r"CREATE TABLE organization (
        id {int} NOT NULL PRIMARY KEY,
        parent_id {int} REFERENCES organization (id),
        kind TEXT NOT NULL CHECK (kind IN ('PROVIDER', 'RESELLER', 'CUSTOMER', 'INTERMEDIATE', 'SITE')),
        name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 64),
        path TEXT NOT NULL,
        path_key {key} NOT NULL,
        version {int} NOT NULL,
        created_at {int} NOT NULL,
        updated_at {int} NOT NULL
    )",
    r"CREATE UNIQUE INDEX hie_6_organization_path ON organization (path_key)",
    r"CREATE INDEX organization_parent ON organization (parent_id, path_key, id)",
    r"CREATE TABLE organization_closure (
        ancestor_id {int} NOT NULL REFERENCES organization (id),
        descendant_id {int} NOT NULL,
        PRIMARY KEY (ancestor_id, descendant_id)
    )",
    r"CREATE INDEX organization_closure_up ON organization_closure (descendant_id, ancestor_id)",
    r"CREATE TABLE cluster (
        id {int} NOT NULL PRIMARY KEY,
        organization_id {int} NOT NULL REFERENCES organization (id),
        name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 64),
        name_key {key} NOT NULL,
        description TEXT NOT NULL,
        release TEXT,
        multiple_login TEXT NOT NULL CHECK (multiple_login IN ('ALLOWED', 'NOT_ALLOWED', 'AUTO_LOGOUT')),
        max_login_minutes INTEGER CHECK (max_login_minutes BETWEEN 0 AND 10080),
        version {int} NOT NULL,
        created_at {int} NOT NULL,
        updated_at {int} NOT NULL
    )",
    r"CREATE UNIQUE INDEX rml_1_cluster_name ON cluster (organization_id, name_key)",
    r"CREATE INDEX cluster_name ON cluster (name_key, id)",
    r"CREATE TABLE device (
        id {int} NOT NULL PRIMARY KEY,
        cluster_id {int} NOT NULL REFERENCES cluster (id),
        organization_id {int} NOT NULL REFERENCES organization (id),
        kind TEXT NOT NULL CHECK (kind IN ('PROFILE', 'PHONE', 'OTHER')),
        name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 50),
        name_key {key} NOT NULL,
        description TEXT NOT NULL
    )",
    r"CREATE UNIQUE INDEX nam_2_device_name ON device (cluster_id, name_key)",
    r"CREATE INDEX device_organization ON device (organization_id, id)",
];

const USER: &str = r#"CREATE TABLE "user" (
        id {int} NOT NULL PRIMARY KEY,
        cluster_id {int} NOT NULL REFERENCES cluster (id),
        organization_id {int} NOT NULL REFERENCES organization (id),
        user_id {key} NOT NULL CHECK (length(user_id) BETWEEN 1 AND 128),
        first_name TEXT NOT NULL,
        last_name TEXT NOT NULL,
        name_key {key} NOT NULL,
        display_name TEXT,
        email TEXT,
        department TEXT,
        user_locale TEXT,
        max_login_minutes INTEGER CHECK (max_login_minutes BETWEEN 0 AND 10080),
        cross_cluster BOOLEAN NOT NULL,
        home_cluster BOOLEAN NOT NULL,
        primary_pattern TEXT,
        primary_partition TEXT,
        default_profile_id {int} {profile},
        version {int} NOT NULL,
        created_at {int} NOT NULL,
        updated_at {int} NOT NULL
    )"#;

const DEFAULT_PROFILE: &str = r#"ALTER TABLE "user" ADD CONSTRAINT user_default_profile
    FOREIGN KEY (default_profile_id) REFERENCES profile (id)"#;

const AFTER_USER: &[&str] = &[
    r#"CREATE UNIQUE INDEX rml_2_user_id ON "user" (cluster_id, user_id)"#,
    r#"CREATE INDEX user_organization ON "user" (organization_id, name_key, id)"#,
    r#"CREATE INDEX user_organization_user_id ON "user" (organization_id, user_id, id)"#,
    r#"CREATE INDEX user_name ON "user" (name_key, id)"#,
    r#"CREATE INDEX user_user_id ON "user" (user_id, id)"#,
    r#"CREATE INDEX user_default_profile_id ON "user" (default_profile_id)"#,
    r"CREATE TABLE profile (
        id {int} NOT NULL PRIMARY KEY REFERENCES device (id),
        cluster_id {int} NOT NULL REFERENCES cluster (id),
        organization_id {int} NOT NULL REFERENCES organization (id),
        name TEXT NOT NULL,
        name_key {key} NOT NULL,
        description TEXT NOT NULL CHECK (length(description) <= 128),
        product TEXT NOT NULL,
        protocol TEXT NOT NULL CHECK (protocol IN ('SIP', 'SCCP')),
        button_template TEXT NOT NULL,
        softkey_template TEXT,
        login_user_id {int} REFERENCES {user} (id),
        settings TEXT NOT NULL,
        version {int} NOT NULL,
        created_at {int} NOT NULL,
        updated_at {int} NOT NULL
    )",
    r"CREATE INDEX profile_organization ON profile (organization_id, name_key, id)",
    r"CREATE INDEX profile_cluster ON profile (cluster_id, name_key, id)",
    r"CREATE INDEX profile_name ON profile (name_key, id)",
    r"CREATE INDEX profile_login_user ON profile (login_user_id)",
    r"CREATE TABLE phone (
        id {int} NOT NULL PRIMARY KEY REFERENCES device (id),
        cluster_id {int} NOT NULL REFERENCES cluster (id),
        organization_id {int} NOT NULL REFERENCES organization (id),
        name TEXT NOT NULL,
        name_key {key} NOT NULL,
        description TEXT NOT NULL CHECK (length(description) <= 128),
        product TEXT NOT NULL,
        protocol TEXT NOT NULL CHECK (protocol IN ('SIP', 'SCCP')),
        button_template TEXT NOT NULL,
        softkey_template TEXT,
        extension_mobility BOOLEAN NOT NULL,
        logout_profile_id {int} REFERENCES profile (id),
        owner_id {int} REFERENCES {user} (id),
        version {int} NOT NULL,
        created_at {int} NOT NULL,
        updated_at {int} NOT NULL
    )",
    r"CREATE INDEX phone_organization ON phone (organization_id, name_key, id)",
    r"CREATE INDEX phone_cluster ON phone (cluster_id, name_key, id)",
    r"CREATE INDEX phone_name ON phone (name_key, id)",
    r"CREATE INDEX phone_logout_profile ON phone (logout_profile_id)",
    r"CREATE INDEX phone_owner ON phone (owner_id)",
    r"CREATE TABLE line (
        id {int} NOT NULL PRIMARY KEY,
        cluster_id {int} NOT NULL REFERENCES cluster (id),
        organization_id {int} NOT NULL REFERENCES organization (id),
        pattern {key} NOT NULL CHECK (length(pattern) BETWEEN 1 AND 24),
        partition {key} NOT NULL,
        description TEXT NOT NULL,
        settings TEXT NOT NULL,
        version {int} NOT NULL,
        created_at {int} NOT NULL,
        updated_at {int} NOT NULL
    )",
    r"CREATE UNIQUE INDEX lin_1_line ON line (cluster_id, pattern, partition)",
    r"CREATE INDEX line_organization ON line (organization_id, pattern, id)",
    r"CREATE INDEX line_pattern ON line (pattern, id)",
    r"CREATE TABLE line_appearance (
        id {int} NOT NULL PRIMARY KEY,
        line_id {int} NOT NULL REFERENCES line (id),
        device_id {int} NOT NULL REFERENCES device (id),
        position INTEGER NOT NULL CHECK (position >= 1),
        role TEXT NOT NULL CHECK (role IN ('ORIGINAL', 'CLONE')),
        label TEXT,
        settings TEXT NOT NULL,
        created_at {int} NOT NULL
    )",
    r"CREATE UNIQUE INDEX lin_7_position ON line_appearance (device_id, position)",
    r"CREATE UNIQUE INDEX lin_6_line_once ON line_appearance (device_id, line_id)",
    r"CREATE UNIQUE INDEX cln_1_one_original ON line_appearance (line_id) WHERE role = 'ORIGINAL'",
    r"CREATE INDEX line_appearance_age ON line_appearance (line_id, created_at, id)",
    r"CREATE TABLE profile_user (
        profile_id {int} NOT NULL REFERENCES profile (id),
        user_id {int} NOT NULL REFERENCES {user} (id),
        position INTEGER NOT NULL CHECK (position >= 1),
        PRIMARY KEY (profile_id, user_id)
    )",
    r"CREATE UNIQUE INDEX flt_2_user_position ON profile_user (profile_id, position)",
    r"CREATE INDEX profile_user_user ON profile_user (user_id, profile_id)",
    r"CREATE TABLE user_phone (
        user_id {int} NOT NULL REFERENCES {user} (id),
        phone_id {int} NOT NULL REFERENCES phone (id),
        PRIMARY KEY (user_id, phone_id)
    )",
    r"CREATE INDEX user_phone_phone ON user_phone (phone_id)",
    r"CREATE TABLE user_cti_profile (
        user_id {int} NOT NULL REFERENCES {user} (id),
        profile_id {int} NOT NULL REFERENCES profile (id),
        PRIMARY KEY (user_id, profile_id)
    )",
    r"CREATE INDEX user_cti_profile_profile ON user_cti_profile (profile_id)",
    r"CREATE TABLE token (
        id {int} NOT NULL PRIMARY KEY,
        name TEXT NOT NULL,
        hash TEXT NOT NULL,
        role TEXT NOT NULL CHECK (role IN ('VIEWER', 'OPERATOR', 'ADMIN')),
        organization_id {int} REFERENCES organization (id),
        created_at {int} NOT NULL,
        expires_at {int},
        revoked_at {int}
    )",
    r"CREATE UNIQUE INDEX rml_3_token_hash ON token (hash)",
    r"CREATE TABLE change (
        seq {int} NOT NULL PRIMARY KEY,
        at {int} NOT NULL,
        by TEXT NOT NULL,
        reason TEXT,
        organization_id {int},
        left_organization_id {int},
        kind TEXT NOT NULL,
        body TEXT NOT NULL
    )",
    r"CREATE INDEX change_at ON change (at)",
    r"CREATE TABLE change_subject (
        noun TEXT NOT NULL,
        subject_id {int} NOT NULL,
        seq {int} NOT NULL REFERENCES change (seq) ON DELETE CASCADE,
        PRIMARY KEY (noun, subject_id, seq)
    )",
    r"CREATE INDEX change_subject_seq ON change_subject (seq)",
    r"CREATE TABLE idempotency (
        caller TEXT NOT NULL,
        key TEXT NOT NULL,
        input_hash TEXT NOT NULL,
        answer TEXT NOT NULL,
        at {int} NOT NULL,
        PRIMARY KEY (caller, key)
    )",
    r"CREATE INDEX idempotency_at ON idempotency (at)",
];
