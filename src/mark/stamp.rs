//! Writes the mark into a frame.

use crate::identity::Identity;
use crate::render::{Frame, Size};

#[derive(Debug)]
pub struct Stamp;

impl Stamp {
    pub fn new(_identity: &Identity, _avatar: u16, _size: Size) -> Self {
        Self
    }

    pub fn apply(&mut self, _frame: &mut Frame) {}
}
