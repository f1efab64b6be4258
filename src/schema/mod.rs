//! The GraphQL schema.

pub mod value;
