//! The invisible mark that every frame carries, and its detection.

pub mod detect;
pub mod payload;
pub mod stamp;

pub use detect::{Detector, Finding, Place};
pub use payload::Payload;
pub use stamp::Stamp;
