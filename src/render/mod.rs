//! A face and an avatar become a picture, composed into the camera's frame.

mod frame;

pub use frame::{Frame, Size};
