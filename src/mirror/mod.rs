//! The mirror: a webcam watches the user, and the avatar's face goes as theirs does (`docs/mirror.md`).
//!
//! picture → [`track`](Tracker) → landmarks → solve → smooth → treat → [`Seen`]. No picture is kept and none leaves the process.

mod blend;
mod calibrate;
pub mod capture;
mod covered;
mod live;
mod neutral;
mod person;
mod pose;
mod reader;
mod smooth;
mod solve;
mod still;
mod table;
mod track;
mod treat;

pub use blend::{Blender, Sight};
pub use calibrate::Reply;
pub use live::{Mirror, Slot, Stage, Status, Wish};
pub use neutral::Neutral;
pub use person::{Person, Pose, Ranges};
pub use reader::{Look, Lost, Reader, Seen};
pub use track::Tracker;

/// Landmarks of a face, irises included.
const LANDMARKS: usize = crate::vision::COUNT;
