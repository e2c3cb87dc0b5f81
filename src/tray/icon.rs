//! The icons, drawn here: a face on a disc that is legible on light and dark panels from 22 pixels up. Shape tells as much as
//! colour: a ring while somebody watches, an open mouth while it speaks, a slash while muted, a triangle with a problem, and an empty
//! circle while there is no camera.

use super::view::Glance;
use ksni::Icon;

/// The sides that panels ask for, in pixels.
const SIDES: [u32; 5] = [22, 24, 32, 48, 64];

/// The side that the shapes are written for.
const GRID: f32 = 22.0;

/// Samples along each side of a pixel.
const SAMPLES: u32 = 4;

type Colour = [u8; 3];
// Mid-tones stand out from black and from white; what is drawn on them is white.
const SLATE: Colour = [0x6c, 0x82, 0x98];
const GREEN: Colour = [0x1f, 0x9d, 0x55];
const RED: Colour = [0xe0, 0x31, 0x31];
const ORANGE: Colour = [0xf2, 0x8c, 0x00];
const WHITE: Colour = [0xff, 0xff, 0xff];
const DARK: Colour = [0x26, 0x1a, 0x00];

/// What covers a point, on the grid.
#[derive(Clone, Copy)]
enum Shape {
    Disc {
        x: f32,
        y: f32,
        r: f32,
    },
    Ring {
        x: f32,
        y: f32,
        r: f32,
        width: f32,
    },
    Ellipse {
        x: f32,
        y: f32,
        rx: f32,
        ry: f32,
    },
    /// A line with round ends.
    Stroke {
        from: (f32, f32),
        to: (f32, f32),
        width: f32,
    },
    /// The lower part of a ring, to `below` and downwards.
    Smile {
        x: f32,
        y: f32,
        r: f32,
        width: f32,
        below: f32,
    },
    /// Rounded corners.
    Triangle {
        top: (f32, f32),
        left: (f32, f32),
        right: (f32, f32),
        round: f32,
    },
}

impl Shape {
    fn has(self, px: f32, py: f32) -> bool {
        match self {
            Shape::Disc { x, y, r } => (px - x).hypot(py - y) <= r,
            Shape::Ring { x, y, r, width } => ((px - x).hypot(py - y) - r).abs() <= width / 2.0,
            Shape::Ellipse { x, y, rx, ry } => ((px - x) / rx).hypot((py - y) / ry) <= 1.0,
            Shape::Stroke { from, to, width } => distance((px, py), from, to) <= width / 2.0,
            Shape::Smile { x, y, r, width, below } => py >= below && ((px - x).hypot(py - y) - r).abs() <= width / 2.0,
            Shape::Triangle { top, left, right, round } => {
                let side = |a: (f32, f32), b: (f32, f32)| (b.0 - a.0) * (py - a.1) - (b.1 - a.1) * (px - a.0);
                let inside = side(top, right) >= 0.0 && side(right, left) >= 0.0 && side(left, top) >= 0.0;
                let edges = [(top, right), (right, left), (left, top)];
                inside || edges.iter().any(|(a, b)| distance((px, py), *a, *b) <= round)
            }
        }
    }
}

/// How far a point is from a line between two others.
fn distance(p: (f32, f32), a: (f32, f32), b: (f32, f32)) -> f32 {
    let (dx, dy) = (b.0 - a.0, b.1 - a.1);
    let along = (((p.0 - a.0) * dx + (p.1 - a.1) * dy) / (dx * dx + dy * dy).max(1e-6)).clamp(0.0, 1.0);
    (p.0 - a.0 - along * dx).hypot(p.1 - a.1 - along * dy)
}

/// The shapes of an icon, the foremost first; None: the panel shows through.
fn shapes(glance: Glance) -> Vec<(Shape, Option<Colour>)> {
    const CENTRE: f32 = 11.0;
    let mut all = Vec::new();
    if glance.problem {
        let triangle = |round| Shape::Triangle { top: (16.5, 12.8), left: (12.6, 20.2), right: (20.4, 20.2), round };
        all.push((Shape::Stroke { from: (16.5, 14.6), to: (16.5, 17.4), width: 1.5 }, Some(DARK)));
        all.push((Shape::Disc { x: 16.5, y: 19.5, r: 0.9 }, Some(DARK)));
        all.push((triangle(1.2), Some(ORANGE)));
        all.push((triangle(2.3), None));
    }
    if glance.muted {
        let slash = |width| Shape::Stroke { from: (3.4, 18.6), to: (18.6, 3.4), width };
        all.push((slash(2.4), Some(RED)));
        all.push((slash(4.6), None));
    }
    let (body, features) = match (glance.on, glance.watched) {
        (false, _) => (SLATE, SLATE),
        (true, false) => (SLATE, WHITE),
        (true, true) => (GREEN, WHITE),
    };
    for x in [7.9, 14.1] {
        let eye = if glance.on {
            Shape::Disc { x, y: 9.0, r: 1.5 }
        } else {
            // Closed.
            Shape::Stroke { from: (x - 1.2, 9.4), to: (x + 1.2, 9.4), width: 1.4 }
        };
        all.push((eye, Some(features)));
    }
    let mouth = match (glance.on, glance.speaking) {
        (true, true) => Shape::Ellipse { x: CENTRE, y: 14.4, rx: 3.0, ry: 2.4 },
        (true, false) => Shape::Smile { x: CENTRE, y: 10.0, r: 5.0, width: 1.6, below: 13.0 },
        (false, _) => Shape::Stroke { from: (8.8, 14.2), to: (13.2, 14.2), width: 1.4 },
    };
    all.push((mouth, Some(features)));
    let ring = |r, width| Shape::Ring { x: CENTRE, y: CENTRE, r, width };
    match (glance.on, glance.watched) {
        (false, _) => all.push((ring(8.6, 1.6), Some(body))),
        (true, false) => all.push((Shape::Disc { x: CENTRE, y: CENTRE, r: 9.2 }, Some(body))),
        (true, true) => {
            all.push((Shape::Disc { x: CENTRE, y: CENTRE, r: 7.9 }, Some(body)));
            all.push((ring(10.1, 1.5), Some(body)));
        }
    }
    all
}

/// The icon in all sizes.
pub fn icons(glance: Glance) -> Vec<Icon> {
    SIDES.iter().map(|side| icon(glance, *side)).collect()
}

fn icon(glance: Glance, side: u32) -> Icon {
    let shapes = shapes(glance);
    let step = GRID / (side * SAMPLES) as f32;
    let mut data = Vec::with_capacity((side * side * 4) as usize);
    for (row, column) in (0..side).flat_map(|y| (0..side).map(move |x| (y, x))) {
        let (mut sum, mut covered) = ([0_u32; 3], 0_u32);
        for (i, j) in (0..SAMPLES).flat_map(|i| (0..SAMPLES).map(move |j| (i, j))) {
            let at = |pixel: u32, sample: u32| (pixel * SAMPLES + sample) as f32 * step + step / 2.0;
            let hit = shapes.iter().find(|(shape, _)| shape.has(at(column, j), at(row, i)));
            if let Some((_, Some(colour))) = hit {
                covered += 1;
                sum.iter_mut().zip(colour).for_each(|(s, c)| *s += u32::from(*c));
            }
        }
        // ARGB, most significant byte first, the colour not multiplied by the coverage.
        data.push((covered * 255 / (SAMPLES * SAMPLES)) as u8);
        data.extend(sum.map(|s| s.checked_div(covered).unwrap_or(0) as u8));
    }
    Icon { width: side as i32, height: side as i32, data }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Vec<Glance> {
        let bit = |n: u32, i: u32| n & (1 << i) != 0;
        (0..32)
            .map(|n| Glance {
                on: bit(n, 0),
                watched: bit(n, 1),
                speaking: bit(n, 2),
                muted: bit(n, 3),
                problem: bit(n, 4),
            })
            .collect()
    }

    /// Pixels that look different on a panel of this grey.
    fn difference(a: &Icon, b: &Icon, panel: i32) -> usize {
        let on = |p: &[u8], c: usize| (i32::from(p[c]) * i32::from(p[0]) + panel * (255 - i32::from(p[0]))) / 255;
        let far = |(a, b): (&[u8], &[u8])| (1..4).map(|c| (on(a, c) - on(b, c)).abs()).max().unwrap() > 40;
        a.data.chunks_exact(4).zip(b.data.chunks_exact(4)).filter(|(a, b)| far((a, b))).count()
    }

    #[test]
    fn what_differs_looks_different_in_the_smallest_size_on_light_and_on_dark() {
        // While it is off, nobody sees it speak.
        let shown: Vec<_> = all().into_iter().filter(|g| g.on || !(g.watched || g.speaking)).collect();
        for (i, a) in shown.iter().enumerate() {
            for b in &shown[i + 1..] {
                // The slash and the triangle together cover the mouth.
                if *a == (Glance { speaking: a.speaking, ..*b }) && a.muted && a.problem {
                    continue;
                }
                for panel in [30, 235] {
                    let different = difference(&icon(*a, 22), &icon(*b, 22), panel);
                    assert!(different >= 10, "{a:?} and {b:?} differ in {different} pixels on {panel}");
                }
            }
        }
    }

    #[test]
    fn every_icon_stands_out_from_the_panel_and_has_the_right_size() {
        let nothing = Icon { width: 22, height: 22, data: vec![0; 22 * 22 * 4] };
        for glance in all() {
            for icon in icons(glance) {
                assert_eq!(icon.data.len() as i32, icon.width * icon.height * 4);
            }
            for panel in [0, 48, 230, 255] {
                assert!(difference(&icon(glance, 22), &nothing, panel) > 60, "{glance:?} on {panel}");
            }
        }
    }

    /// Draws the icons for people to look at: `cargo test --release --lib tray::icon -- --ignored`, then target/tray-icons.png.
    #[test]
    #[ignore = "draws a picture for people to look at"]
    fn a_sheet_of_all_icons() {
        let named = [
            Glance { on: true, ..Glance::default() },
            Glance { on: true, watched: true, ..Glance::default() },
            Glance { on: true, watched: true, speaking: true, ..Glance::default() },
            Glance { on: true, muted: true, ..Glance::default() },
            Glance { on: true, watched: true, muted: true, ..Glance::default() },
            Glance { on: true, problem: true, ..Glance::default() },
            Glance { on: true, watched: true, muted: true, problem: true, ..Glance::default() },
            Glance::default(),
        ];
        const CELL: u32 = 80;
        let mut sheet = image::RgbImage::new(CELL * named.len() as u32, CELL * 4);
        for (i, glance) in named.iter().enumerate() {
            for (row, (side, panel)) in [(22, 32_u8), (22, 240), (64, 32), (64, 240)].into_iter().enumerate() {
                let icon = icon(*glance, side);
                let (x0, y0) = (i as u32 * CELL, row as u32 * CELL);
                for (x, y) in (0..CELL).flat_map(|y| (0..CELL).map(move |x| (x, y))) {
                    sheet.put_pixel(x0 + x, y0 + y, image::Rgb([panel; 3]));
                }
                for (p, argb) in (0_u32..).zip(icon.data.chunks_exact(4)) {
                    let mix = |c: u8| {
                        ((u32::from(c) * u32::from(argb[0]) + u32::from(panel) * (255 - u32::from(argb[0]))) / 255)
                            as u8
                    };
                    let (x, y) = (x0 + 8 + p % side, y0 + 8 + p / side);
                    sheet.put_pixel(x, y, image::Rgb([mix(argb[1]), mix(argb[2]), mix(argb[3])]));
                }
            }
        }
        sheet.save(concat!(env!("CARGO_MANIFEST_DIR"), "/target/tray-icons.png")).unwrap();
    }
}
