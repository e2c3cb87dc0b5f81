//! Why a camera gives no pictures.

use std::fmt;

/// What a user does about each of these.
pub(super) const CHOOSE: &str = "choose another with `vasa mirror camera`";

/// Why there are no pictures: each holds one sentence with its remedy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CaptureError {
    /// The camera chosen is the one that this program offers.
    Ours(String),
    /// No camera was chosen and there is none.
    NoCamera(String),
    /// The camera chosen is not there.
    Absent(String),
    /// Another program has it.
    Busy(String),
    /// The system does not let us.
    Refused(String),
    /// It has no format, or sends no picture, that can be read.
    Format(String),
    /// It was there and went away in mid-stream.
    Gone(String),
    /// The system failed in another way.
    System(String),
}

impl fmt::Display for CaptureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use CaptureError::{Absent, Busy, Format, Gone, NoCamera, Ours, Refused, System};
        let (Ours(m) | NoCamera(m) | Absent(m) | Busy(m) | Refused(m) | Format(m) | Gone(m) | System(m)) = self;
        f.write_str(m)
    }
}

impl std::error::Error for CaptureError {}

impl CaptureError {
    pub(super) fn ours(id: &str) -> Self {
        Self::Ours(format!("{id} is VASA Camera itself, and the avatar would mirror the avatar; {CHOOSE}"))
    }

    pub(super) fn none() -> Self {
        Self::NoCamera("there is no camera; connect one".into())
    }

    pub(super) fn absent(id: &str) -> Self {
        Self::Absent(format!("the camera \"{id}\" is not there; connect it, or {CHOOSE}"))
    }

    pub(super) fn busy(id: &str) -> Self {
        Self::Busy(format!("the camera {id} is used by another program; close that program, or {CHOOSE}"))
    }

    pub(super) fn format(id: &str, offered: &str) -> Self {
        Self::Format(format!("the camera {id} offers no format that can be read (it has {offered}); {CHOOSE}"))
    }

    pub(super) fn broken(id: &str, why: &str) -> Self {
        Self::Format(format!(
            "the camera {id} sends only pictures that cannot be read ({why}); plug it in anew, or {CHOOSE}"
        ))
    }

    pub(super) fn gone(id: &str) -> Self {
        Self::Gone(format!("the camera {id} went away; plug it in again, or {CHOOSE}"))
    }

    pub(super) fn system(id: &str, what: &str, why: impl fmt::Display) -> Self {
        Self::System(format!("the camera {id} does not {what} ({why}); plug it in anew, or {CHOOSE}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_a_sentence_that_names_the_camera_and_what_to_do() {
        let all = [
            CaptureError::ours("/dev/video7"),
            CaptureError::absent("/dev/video7"),
            CaptureError::busy("/dev/video7"),
            CaptureError::format("/dev/video7", "H264"),
            CaptureError::broken("/dev/video7", "too short"),
            CaptureError::gone("/dev/video7"),
            CaptureError::system("/dev/video7", "start", "Cannot allocate memory"),
        ];
        for sentence in all.map(|e| e.to_string()) {
            assert!(sentence.contains("/dev/video7") && sentence.contains("vasa mirror camera"), "{sentence}");
        }
    }
}
