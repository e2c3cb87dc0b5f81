//! What every frame carries before it leaves: the visible label, a notice when a stream begins, and the invisible mark.
//!
//! The outlets take a [`Marked`] frame only, and [`Marker::mark`] alone makes one: no frame leaves unmarked.

pub mod detect;
mod label;
pub mod payload;
pub mod stamp;
mod words;

use crate::avatar::AvatarHash;
use crate::clock::Moment;
use crate::config::LabelSettings;
use crate::identity::Identity;
use crate::render::{Frame, Region, Size};
use label::Label;
use stamp::Stamp;
use std::time::{SystemTime, UNIX_EPOCH};

/// The time that the invisible mark tells, in whole minutes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dated {
    /// None: the same frames get the same marks.
    Untold,
    /// That of the frame's making.
    Now,
}

impl Dated {
    /// Minutes since 1970 (UTC); 0 is "not told".
    fn minute(self) -> u32 {
        match self {
            Dated::Untold => 0,
            Dated::Now => SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |d| u32::try_from(d.as_secs() / 60).unwrap_or(u32::MAX)),
        }
    }
}

/// A frame that carries its marks. [`Marker::mark`] alone makes one.
#[derive(Clone, Copy, Debug)]
pub struct Marked<'f>(&'f Frame);

impl<'f> Marked<'f> {
    pub fn frame(&self) -> &'f Frame {
        self.0
    }

    /// A picture of known colours for the tests of the outlets, which a mark would change. It is no way around the mark: the
    /// program itself never calls it, and `tests/label.rs` looks for the call in its sources.
    #[doc(hidden)]
    pub fn test_picture(frame: &'f Frame) -> Self {
        Self(frame)
    }
}

/// Marks the frames of one camera or one file.
pub struct Marker {
    identity: Identity,
    size: Size,
    dated: Dated,
    label: Label,
    /// Whose picture is marked.
    avatar: AvatarHash,
    stamp: Stamp,
    /// What was marked before: a camera goes to and fro between its avatar and a card.
    before: Option<(AvatarHash, Stamp)>,
}

impl Marker {
    /// Marks cards at first, until [`Marker::set_avatar`]. The label speaks the language of the environment.
    pub fn new(size: Size, identity: Identity, label: LabelSettings, dated: Dated) -> Self {
        let avatar = AvatarHash::default();
        let stamp = Stamp::new(&identity, avatar, size);
        Self { identity, size, dated, label: Label::new(size, label), avatar, stamp, before: None }
    }

    /// Whose picture the next frames are: an avatar's, or all zero for a card.
    pub fn set_avatar(&mut self, avatar: AvatarHash) {
        if avatar == self.avatar {
            return;
        }
        let stamp = match self.before.take() {
            Some((known, stamp)) if known == avatar => stamp,
            _ => Stamp::new(&self.identity, avatar, self.size),
        };
        self.before = Some((self.avatar, std::mem::replace(&mut self.stamp, stamp)));
        self.avatar = avatar;
    }

    /// Somebody begins to watch at `at`: the notice is shown for three seconds.
    pub fn begin_stream(&mut self, at: Moment) {
        self.label.begin(at);
    }

    /// Where the label is, and the notice while it is shown at `at`: nothing else may be written there.
    pub fn taken(&self, at: Moment) -> [Option<Region>; 2] {
        self.label.taken(at)
    }

    /// Marks a frame that is shown at `at` and is otherwise finished. It may have another size than the one before.
    pub fn mark<'f>(&mut self, frame: &'f mut Frame, at: Moment) -> Marked<'f> {
        if frame.size != self.size {
            self.size = frame.size;
            self.label.resize(self.size);
            self.stamp = Stamp::new(&self.identity, self.avatar, self.size);
            self.before = None;
        }
        self.label.draw(frame, at);
        // Last: nothing is drawn over the invisible mark.
        self.stamp.apply(frame, self.dated.minute());
        Marked(frame)
    }
}
