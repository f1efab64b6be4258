//! Stories through the real server, on SQLite always and on PostgreSQL when `ROAMLINE_TEST_DATABASE_URL` names a
//! server on which databases may be made. One binary, one file of stories per noun.

mod roamline;

mod access;
mod architecture;
mod bulk;
mod button;
mod cluster;
mod crash;
mod device;
mod history;
mod items;
mod job;
mod jwt;
mod line;
mod line_preference;
mod model;
mod mutation;
mod number;
mod organization;
mod orphan;
mod phone;
mod preview;
mod profile;
mod property;
mod query;
mod quick_add;
mod readme;
mod role;
mod rules;
mod schema;
mod secret;
mod service;
mod session;
mod statements;
mod store;
mod subscription;
mod template;
mod user;
