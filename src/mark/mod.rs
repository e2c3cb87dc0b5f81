//! Marks: what tells everybody that the picture was generated.

pub mod credentials;
