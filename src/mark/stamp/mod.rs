//! The invisible mark, written into frames: a faint grain (`carrier.rs`) that says where the frame comes from (`payload.rs`).
//!
//! The grain stands still while the payload is the same: so it does not flicker, a video codec writes it once and keeps it, and the
//! pictures of a moment can be added up to read it. It is stronger where the picture is busy, as the eye is less sensitive there
//! (masking: G. E. Legge and J. M. Foley, "Contrast masking in human vision", J. Opt. Soc. Am. 70, 1980).

mod masking;
mod tile;

use super::carrier::waves;
use super::code::encode;
use super::payload::Payload;
use crate::avatar::AvatarHash;
use crate::identity::Identity;
use crate::render::{Frame, Size};
use masking::{BLOCK, Masking};
pub(super) use tile::tile;

/// The grain is kept in steps of this part of its standard deviation.
const STEP: f32 = 1.0 / 24.0;

/// Writes the invisible mark of one installation and avatar into frames of one size.
pub struct Stamp {
    identity: Identity,
    avatar: AvatarHash,
    size: Size,
    masking: Masking,
    minute: Option<u32>,
    /// The grain of every pixel in [`STEP`]s, for R G B A each; that of A is 0.
    grain: Vec<i8>,
}

impl Stamp {
    pub fn new(identity: &Identity, avatar: AvatarHash, size: Size) -> Self {
        let pixels = size.width as usize * size.height as usize;
        Self {
            identity: identity.clone(),
            avatar,
            size,
            masking: Masking::new(size),
            minute: None,
            grain: vec![0; pixels * 4],
        }
    }

    /// Writes the mark into a frame. `minute`: minutes since 1970; 0 is not told. A frame of another size is marked as well.
    pub fn apply(&mut self, frame: &mut Frame, minute: u32) {
        if frame.size != self.size {
            *self = Self::new(&self.identity, self.avatar, frame.size);
        }
        if self.minute != Some(minute) {
            // Once a minute, about the time of a quarter of a frame.
            let coded = encode(&Payload::new(&self.identity, self.avatar, minute).bits());
            tile::spread(&tile(&waves(), Some(&coded)), self.size, &mut self.grain);
            self.minute = Some(minute);
        }
        self.masking.look(frame);
        let row = self.size.width as usize * 4;
        if row == 0 {
            return;
        }
        let rows = frame.rgba.chunks_exact_mut(row).zip(self.grain.chunks_exact(row));
        for ((pixels, grain), y) in rows.zip(0..) {
            let blocks = pixels.chunks_mut(BLOCK * 4).zip(grain.chunks(BLOCK * 4)).zip(self.masking.row(y));
            for ((pixels, grain), strength) in blocks {
                add(pixels, grain, *strength);
            }
        }
    }
}

/// `pixels + grain * strength`, where `strength` is levels of brightness a [`STEP`], in 1/1024.
fn add(pixels: &mut [u8], grain: &[i8], strength: i16) {
    // 16 bits are enough, and sixteen of them at once: 127 * 94 + 512 is the largest number.
    let one = |p: &mut u8, g: &i8| {
        let added = (i16::from(*g).wrapping_mul(strength).wrapping_add(512)) >> 10;
        *p = i16::from(*p).wrapping_add(added).clamp(0, 255) as u8;
    };
    if let (Some(pixels), Some(grain)) = (pixels.as_mut_array::<{ BLOCK * 4 }>(), grain.as_array::<{ BLOCK * 4 }>()) {
        pixels.iter_mut().zip(grain).for_each(|(p, g)| one(p, g));
    } else {
        pixels.iter_mut().zip(grain).for_each(|(p, g)| one(p, g));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZES: [(u32, u32); 6] = [(1280, 720), (640, 480), (1920, 1080), (512, 512), (64, 64), (360, 640)];

    fn stamp(size: Size) -> Stamp {
        Stamp::new(&Identity::from_secret(&[1; 32]), AvatarHash([2; 32]), size)
    }

    /// A smooth ground with a busy square in its middle.
    fn picture(size: Size) -> Frame {
        let mut frame = Frame::new(size);
        let mut random = fastrand::Rng::with_seed(1);
        let (w, h) = (size.width as usize, size.height as usize);
        for (i, p) in frame.rgba.as_chunks_mut::<4>().0.iter_mut().enumerate() {
            let (x, y) = (i % w, i / w);
            let busy = x.abs_diff(w / 2) < w / 6 && y.abs_diff(h / 2) < h / 6;
            let level = 90 + (60 * x / w) as u8 + if busy { random.u8(0..60) } else { 0 };
            *p = [level, level / 2 + 40, level / 3, 255];
        }
        frame
    }

    fn mean_square(a: &[u8], b: &[u8]) -> f64 {
        let sum: f64 = a.iter().zip(b).map(|(a, b)| f64::from(a.abs_diff(*b)).powi(2)).sum();
        // Of red, green and blue: alpha never differs.
        sum / (a.len() as f64 * 0.75)
    }

    #[test]
    fn the_mark_is_there_and_stays_under_the_limit_in_every_size() {
        for (width, height) in SIZES {
            let size = Size { width, height };
            let plain = picture(size);
            let mut frame = plain.clone();
            stamp(size).apply(&mut frame, 29_000_000);
            let decibels = 10.0 * (255.0f64.powi(2) / mean_square(&plain.rgba, &frame.rgba)).log10();
            assert!((42.0..52.0).contains(&decibels), "{width}x{height}: {decibels:.1} dB");
            assert!(frame.rgba.chunks_exact(4).all(|p| p[3] == 255));
        }
    }

    #[test]
    fn a_busy_place_carries_more_and_black_and_white_do_not_wrap() {
        let plain = picture(Size::HD);
        let mut frame = plain.clone();
        stamp(Size::HD).apply(&mut frame, 5);
        let part = |f: &Frame, x: usize| -> Vec<u8> {
            (320..400).flat_map(|y| f.rgba[(y * 1280 + x) * 4..(y * 1280 + x + 80) * 4].to_vec()).collect()
        };
        let (busy, calm) =
            (mean_square(&part(&plain, 600), &part(&frame, 600)), mean_square(&part(&plain, 40), &part(&frame, 40)));
        assert!(busy > 2.0 * calm && calm > 0.1, "{busy} {calm}");
        for level in [0, 255] {
            let mut flat = Frame::new(Size::HD);
            flat.rgba.fill(level);
            stamp(Size::HD).apply(&mut flat, 5);
            assert!(flat.rgba.chunks_exact(4).all(|p| p[..3].iter().all(|v| v.abs_diff(level) < 12)));
        }
    }

    #[test]
    fn the_same_frame_is_marked_the_same_and_nothing_flickers_while_the_picture_stands() {
        let plain = picture(Size::HD);
        let (mut one, mut other) = (stamp(Size::HD), stamp(Size::HD));
        let (mut a, mut b) = (plain.clone(), plain.clone());
        one.apply(&mut a, 7);
        other.apply(&mut b, 7);
        assert_eq!(a.rgba, b.rgba);
        let mut again = plain.clone();
        one.apply(&mut again, 7);
        assert_eq!(a.rgba, again.rgba);
        let mut later = plain.clone();
        one.apply(&mut later, 8);
        assert_ne!(a.rgba, later.rgba);
    }

    /// Says what a frame costs: `cargo test --release --lib stamp -- --nocapture cost`.
    #[test]
    fn cost_of_a_frame() {
        let mut stamp = stamp(Size::HD);
        let mut frame = picture(Size::HD);
        stamp.apply(&mut frame, 5);
        let batch = |stamp: &mut Stamp, frame: &mut Frame| {
            let clock = std::time::Instant::now();
            (0..50).for_each(|_| stamp.apply(frame, 5));
            clock.elapsed().as_secs_f64() * 20.0
        };
        let least = (0..20).map(|_| batch(&mut stamp, &mut frame)).fold(f64::MAX, f64::min);
        let clock = std::time::Instant::now();
        stamp.apply(&mut frame, 6);
        let new = clock.elapsed().as_secs_f64() * 1000.0;
        println!("the invisible mark: {least:.3} ms a frame at 1280x720, {new:.1} ms for the first one of a minute");
    }
}
