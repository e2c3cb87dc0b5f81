//! cli
pub mod models;
