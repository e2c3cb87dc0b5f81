//! The invisible mark. Nothing is written yet.

use crate::avatar::AvatarHash;
use crate::identity::Identity;
use crate::render::{Frame, Size};

/// Writes the invisible mark of one installation and avatar into frames of one size.
pub struct Stamp {}

impl Stamp {
    pub fn new(_identity: &Identity, _avatar: AvatarHash, _size: Size) -> Self {
        Self {}
    }

    /// `minute`: minutes since 1970; 0 is not told.
    pub fn apply(&mut self, _frame: &mut Frame, _minute: u32) {}
}
