//! A sheet of what a new avatar looks like when it moves.

use crate::avatar::Avatar;
use crate::clock::Moment;
use crate::config::{Paths, Settings};
use crate::face::{Face, Shape};
use crate::identity::Identity;
use crate::mark::{Dated, Marker};
use crate::render::{Frame, Renderer, Size};
use anyhow::{Context, Result};
use image::{ImageEncoder, RgbImage};
use std::path::{Path, PathBuf};

const SIZE: Size = Size { width: 480, height: 480 };
const COLUMNS: u32 = 4;

/// Beside the avatar's folder: what is inside of it is signed.
pub fn path(folder: &Path) -> PathBuf {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    folder.with_file_name(format!("{name}-preview.jpg"))
}

/// Rest, talking, smiling, brows, a blink, a glance and two turns of the head.
fn faces() -> Vec<Face> {
    use Shape::*;
    let face = |weights: &[(Shape, f32)]| {
        let mut face = Face::default();
        weights.iter().for_each(|(shape, w)| face.weights.0[*shape as usize] = *w);
        face
    };
    let turned = |yaw: f32, pitch: f32, weights: &[(Shape, f32)]| {
        let mut face = face(weights);
        (face.head.yaw, face.head.pitch) = (yaw, pitch);
        face
    };
    let mut glance = face(&[]);
    glance.gaze.yaw = 14.0;
    vec![
        face(&[]),
        face(&[(JawOpen, 0.45), (MouthLowerDownLeft, 0.15), (MouthLowerDownRight, 0.15)]),
        face(&[(MouthPucker, 0.7), (JawOpen, 0.08)]),
        face(&[(MouthSmileLeft, 0.7), (MouthSmileRight, 0.7), (CheekSquintLeft, 0.3), (CheekSquintRight, 0.3)]),
        face(&[(EyeBlinkLeft, 1.0), (EyeBlinkRight, 1.0)]),
        glance,
        turned(13.0, 0.0, &[(JawOpen, 0.2)]),
        turned(-10.0, 8.0, &[(BrowInnerUp, 0.7), (BrowOuterUpLeft, 0.5), (BrowOuterUpRight, 0.5)]),
    ]
}

/// Draws the sheet to a JPEG. Its pictures are marked as every other.
///
/// # Errors
/// The avatar cannot be drawn, or the file cannot be written.
pub fn draw(avatar: &Avatar, identity: Identity, paths: &Paths, into: &Path) -> Result<()> {
    let faces = faces();
    let rows = (faces.len() as u32).div_ceil(COLUMNS);
    let mut sheet = RgbImage::new(SIZE.width * COLUMNS, SIZE.height * rows);
    let mut renderer = Renderer::new(avatar, SIZE)?;
    let mut marker = Marker::new(SIZE, identity, Settings::load(&paths.settings)?.label, Dated::Untold);
    marker.set_avatar(avatar.hash);
    let mut frame = Frame::new(SIZE);
    for (i, face) in (0u32..).zip(&faces) {
        renderer.draw(face, &mut frame)?;
        let marked = marker.mark(&mut frame, Moment(0));
        let (x0, y0) = ((i % COLUMNS) * SIZE.width, (i / COLUMNS) * SIZE.height);
        let pixels = marked.frame().rgba.as_chunks::<4>().0.chunks(SIZE.width as usize);
        for (y, row) in (y0..).zip(pixels) {
            for (x, [r, g, b, _]) in (x0..).zip(row) {
                sheet.put_pixel(x, y, image::Rgb([*r, *g, *b]));
            }
        }
    }
    let mut bytes = Vec::new();
    image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, 90)
        .write_image(&sheet, sheet.width(), sheet.height(), image::ExtendedColorType::Rgb8)
        .and_then(|()| Ok(std::fs::write(into, bytes)?))
        .with_context(|| format!("error writing {}", into.display()))
}
