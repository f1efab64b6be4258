//! Phone services of clusters, and the subscriptions of devices to them.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        crate::run(manager, SERVICES).await
    }
}

const SERVICES: &[&str] = &[
    r"CREATE TABLE service (
        id {int} NOT NULL PRIMARY KEY,
        cluster_id {int} NOT NULL REFERENCES cluster (id),
        organization_id {int} NOT NULL REFERENCES organization (id),
        name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 128),
        name_key {key} NOT NULL,
        ascii_name TEXT NOT NULL CHECK (length(ascii_name) BETWEEN 1 AND 128),
        description TEXT NOT NULL CHECK (length(description) <= 128),
        url TEXT NOT NULL,
        secure_url TEXT,
        category TEXT NOT NULL,
        kind TEXT NOT NULL CHECK (kind IN ('STANDARD', 'DIRECTORIES', 'MESSAGES')),
        vendor TEXT NOT NULL,
        release TEXT NOT NULL,
        enabled BOOLEAN NOT NULL,
        enterprise BOOLEAN NOT NULL,
        parameters TEXT NOT NULL,
        revision {int} NOT NULL,
        version {int} NOT NULL,
        created_at {int} NOT NULL,
        updated_at {int} NOT NULL
    )",
    r"CREATE UNIQUE INDEX rml_30_service_name ON service (cluster_id, name_key)",
    r"CREATE INDEX service_name ON service (name_key, id)",
    r"CREATE INDEX service_organization ON service (organization_id)",
    r"CREATE TABLE service_subscription (
        id {int} NOT NULL PRIMARY KEY,
        device_id {int} NOT NULL REFERENCES device (id),
        service_id {int} NOT NULL REFERENCES service (id),
        name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
        url TEXT NOT NULL,
        custom BOOLEAN NOT NULL,
        revision {int} NOT NULL,
        subscribed BOOLEAN NOT NULL,
        button_id {int},
        position INTEGER,
        label TEXT,
        given TEXT NOT NULL,
        secrets TEXT NOT NULL,
        created_at {int} NOT NULL,
        updated_at {int} NOT NULL
    )",
    r"CREATE UNIQUE INDEX svc_15_subscription ON service_subscription (device_id, service_id)",
    r"CREATE INDEX service_subscription_service ON service_subscription (service_id, id)",
    r"CREATE INDEX service_subscription_age ON service_subscription (created_at, id)",
];
