//! What every frame carries before it leaves: the visible label, a notice when a stream begins, and the invisible mark.
//!
//! The outlets take a [`Marked`] frame only, and [`Marker::mark`] alone makes one: no frame leaves unmarked.

mod carrier;
mod code;
pub mod credentials;
pub mod detect;
mod label;
pub mod payload;
pub mod stamp;
mod transform;
mod words;

use crate::avatar::AvatarHash;
use crate::calendar;
use crate::clock::Moment;
use crate::config::LabelSettings;
use crate::identity::Identity;
use crate::render::{Frame, Region, Size};
use label::Label;
use stamp::Stamp;

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
            Dated::Now => u32::try_from(calendar::now() / 60).unwrap_or(u32::MAX),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Corner;
    use crate::render::card;

    const CORNER: LabelSettings = LabelSettings { corner: Corner::TopLeft, style: crate::config::LabelStyle::Dark };

    fn marker(size: Size) -> Marker {
        Marker::new(size, Identity::from_secret(&[7; 32]), CORNER, Dated::Untold)
    }

    /// How much a frame differs from another inside a region, and outside of it: the mean over the pixels, 0..255.
    fn differences(a: &Frame, b: &Frame, region: Region) -> (f64, f64) {
        let width = a.size.width;
        let (mut inside, mut outside) = ((0.0, 0.0), (0.0, 0.0));
        for ((p, q), i) in a.rgba.chunks_exact(4).zip(b.rgba.chunks_exact(4)).zip(0u32..) {
            let (x, y) = (i % width, i / width);
            let within =
                (region.x..region.x + region.width).contains(&x) && (region.y..region.y + region.height).contains(&y);
            let sum = if within { &mut inside } else { &mut outside };
            *sum = (sum.0 + f64::from(p[0].abs_diff(q[0])), sum.1 + 1.0);
        }
        (inside.0 / inside.1, outside.0 / outside.1)
    }

    #[test]
    fn a_card_carries_the_label_too_and_hardly_anything_else_is_seen() {
        for size in [Size::HD, Size { width: 640, height: 480 }] {
            let mut plain = Frame::new(size);
            card(size, "Camera off", "Nobody is shown.", &mut plain);
            let mut frame = plain.clone();
            let mut marker = marker(size);
            let label = marker.taken(Moment(0))[0].unwrap();
            let marked = marker.mark(&mut frame, Moment(0));
            let (inside, outside) = differences(marked.frame(), &plain, label);
            assert!(inside > 20.0 && outside < 3.0, "{inside} {outside}");
        }
    }

    #[test]
    fn frames_of_another_size_are_marked_at_theirs() {
        let mut marker = marker(Size::HD);
        let size = Size { width: 320, height: 240 };
        let mut frame = Frame::new(size);
        marker.mark(&mut frame, Moment(0));
        let label = marker.taken(Moment(0))[0].unwrap();
        assert!(label.x + label.width <= 320 && label.y + label.height <= 240);
        assert!(differences(&frame, &Frame::new(size), label).0 > 20.0);
    }

    #[test]
    fn the_same_frame_gets_the_same_marks_also_after_another_avatar_was_shown() {
        let (one, other) = (AvatarHash([1; 32]), AvatarHash([2; 32]));
        let mut marker = marker(Size::HD);
        let mut marked = |avatar| {
            marker.set_avatar(avatar);
            let mut frame = Frame::new(Size::HD);
            frame.rgba.fill(100);
            marker.mark(&mut frame, Moment(0));
            frame.rgba
        };
        let first = marked(one);
        for avatar in [AvatarHash::default(), one, other, AvatarHash::default()] {
            marked(avatar);
        }
        assert!(marked(one) == first);
    }
}
