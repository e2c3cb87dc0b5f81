//! The pictures of a photo avatar: person, matte, what is behind, closed eyes, eyeballs.

use super::fit::{Fit, Place};
use super::raster::{Picture, Raster, guided};
use super::surface::smoothstep;
use super::template::Template;
use glam::{Mat3, Vec2, Vec3};

/// Head units past the matte that are not trusted to be background.
const HALO: f32 = 0.22;

/// The matte that the network sees, brought to the hair's edges. `inside` is 1 where the canvas shows the photograph.
pub fn matte(seen: &Picture, rough: &Raster, inside: &[f32]) -> Raster {
    let r = (0.07 * rough.place.unit).round().max(2.0) as usize;
    let fine = guided(seen, &rough.values, r, 4e-4);
    // Half-seen pixels at the edge belong to the background more often than not.
    let values = fine.iter().zip(inside).map(|(v, i)| smoothstep(0.30, 0.95, *v) * i).collect();
    Raster { values, ..*rough }.only_around(rough.place.origin)
}

/// What is behind the person: the background that is seen, continued smoothly behind them.
pub fn plate(seen: &Picture, matte: &Raster, inside: &[f32]) -> Picture {
    let person = matte.dilated(HALO);
    let known: Vec<f32> = person.values.iter().zip(inside).map(|(p, i)| if *p > 0.5 { 0.0 } else { *i }).collect();
    let filled = seen.filled(&known);
    let r = (0.12 * matte.place.unit).round().max(2.0) as usize;
    let smooth = filled.blurred(r);
    let soft = super::raster::box_mean(&known, seen.width, seen.height, r);
    let pixels = filled.pixels.iter().zip(&smooth.pixels).zip(known.iter().zip(&soft));
    let pixels =
        pixels.map(|((sharp, smooth), (known, soft))| smooth.lerp(*sharp, known * smoothstep(0.5, 1.0, *soft)));
    Picture { pixels: pixels.collect(), ..*seen }
}

/// The person's own colours, free of the background's and bled past the matte's edge.
pub fn portrait(seen: &Picture, matte: &Raster, plate: &Picture) -> Picture {
    let sure: Vec<f32> = matte.values.iter().map(|a| f32::from(*a > 0.97)).collect();
    let bled = seen.filled(&sure);
    let pixels = seen.pixels.iter().zip(&plate.pixels).zip(bled.pixels.iter().zip(&matte.values));
    let own = |((seen, behind), (bled, alpha)): ((&Vec3, &Vec3), (&Vec3, &f32))| {
        if *alpha > 0.97 {
            return *seen;
        }
        // seen = alpha · own + (1 - alpha) · behind
        let unmixed = ((*seen - *behind * (1.0 - alpha)) / alpha.max(0.2)).clamp(Vec3::ZERO, Vec3::ONE);
        bled.lerp(unmixed, smoothstep(0.5, 1.0, *alpha))
    };
    Picture { pixels: pixels.map(own).collect(), ..*seen }
}

/// The outline of an eye's opening on the canvas, pixels: the upper lid's edge, then the lower one's back.
fn opening(template: &Template, fit: &Fit, place: Place, eye: usize) -> [Vec<Vec2>; 2] {
    let lids = &template.lids[eye];
    let at = |v: &usize| place.pixel(Place::project(fit.photographed[*v]));
    [lids.upper.iter().map(at).collect(), lids.lower.iter().map(at).collect()]
}

/// Height of a line of points at `x`.
fn along(line: &[Vec2], x: f32) -> f32 {
    let i = line.partition_point(|p| p.x <= x);
    match (i.checked_sub(1).and_then(|k| line.get(k)), line.get(i)) {
        (Some(a), Some(b)) => a.y + (b.y - a.y) * (x - a.x) / (b.x - a.x).max(1e-3),
        (Some(p), None) | (None, Some(p)) => p.y,
        (None, None) => 0.0,
    }
}

/// The portrait with closed eyes: the lid's skin continued over the eye, and the lashes where the lids meet.
pub fn closed(portrait: &Picture, template: &Template, fit: &Fit, place: Place) -> Picture {
    let mut out = portrait.clone();
    let unit = place.unit;
    for eye in 0..2 {
        let [mut upper, mut lower] = opening(template, fit, place, eye);
        upper.sort_by(|a, b| a.x.total_cmp(&b.x));
        lower.sort_by(|a, b| a.x.total_cmp(&b.x));
        let (Some(left), Some(right)) = (upper.first().copied(), upper.last().copied()) else { continue };
        let reach = 0.35 * unit;
        let (x0, x1) = ((left.x - reach).max(0.0) as usize, ((right.x + reach).max(0.0) as usize).min(out.width));
        let low = lower.iter().map(|p| p.y).fold(0.0, f32::max);
        let high = upper.iter().map(|p| p.y).fold(f32::INFINITY, f32::min);
        let (y0, y1) = ((high - reach).max(0.0) as usize, ((low + reach).max(0.0) as usize).min(out.height));
        if x0 >= x1 || y0 >= y1 {
            continue;
        }
        let (w, h) = (x1 - x0, y1 - y0);
        let inside = |x: f32, y: f32| {
            let ends = smoothstep(left.x - 0.07 * unit, left.x - 0.02 * unit, x)
                * smoothstep(right.x + 0.07 * unit, right.x + 0.02 * unit, x);
            let (top, bottom) = (along(&upper, x), along(&lower, x));
            // Lashes and the shadow of the lid's fold are no skin to go on from.
            ends * smoothstep(top - 0.18 * unit, top - 0.115 * unit, y)
                * smoothstep(bottom + 0.07 * unit, bottom + 0.03 * unit, y)
        };
        let mut patch = Picture { width: w, height: h, pixels: Vec::with_capacity(w * h) };
        let mut known = Vec::with_capacity(w * h);
        for y in y0..y1 {
            for x in x0..x1 {
                patch.pixels.push(portrait.pixels[y * out.width + x]);
                known.push(1.0 - inside(x as f32 + 0.5, y as f32 + 0.5));
            }
        }
        let skin = patch.filled(&known);
        let line = lash_line(&upper, &lower);
        for y in 0..h {
            for x in 0..w {
                let (px, py) = ((x0 + x) as f32 + 0.5, (y0 + y) as f32 + 0.5);
                let i = y * w + x;
                let mut c = skin.pixels[i];
                let ends = smoothstep(left.x - 0.01 * unit, left.x + 0.08 * unit, px)
                    * smoothstep(right.x + 0.01 * unit, right.x - 0.08 * unit, px);
                let d = (py - along(&line, px)) / unit;
                // The lid is round: a little darker toward the lashes; the lashes end in points below their roots.
                let round = smoothstep(-0.20, 0.0, d) * smoothstep(0.03, 0.0, d);
                let lash = smoothstep(-0.018, 0.0, d) * smoothstep(0.036, 0.006, d);
                c *= 1.0 - ends * (0.08 * round + 0.50 * lash);
                out.pixels[(y0 + y) * out.width + x0 + x] = c;
            }
        }
    }
    out
}

/// Where the lids meet, on the canvas: nearly the lower lid's edge, smoothed.
fn lash_line(upper: &[Vec2], lower: &[Vec2]) -> Vec<Vec2> {
    let mut line = lower.to_vec();
    if let (Some(first), Some(last)) = (upper.first(), upper.last()) {
        line.insert(0, *first);
        line.push(*last);
    }
    line.sort_by(|a, b| a.x.total_cmp(&b.x));
    for _ in 0..2 {
        for i in 1..line.len().saturating_sub(1) {
            line[i].y = 0.25 * line[i - 1].y + 0.5 * line[i].y + 0.25 * line[i + 1].y;
        }
    }
    line
}

/// Side of an eyeball's picture.
const BALL_SIDE: usize = 256;
/// Iris radius over that of the ball, as the renderer shades it.
pub const IRIS: f32 = 0.48;
/// The room that the renderer mirrors in the cornea, and how much of it (`render/shader.wgsl`).
const ROOM: Vec3 = Vec3::new(0.76, 0.71, 0.63);
const VEIL: f32 = 0.15;

/// An eyeball in the fitted head, head units.
#[derive(Clone, Copy, Debug)]
pub struct Ball {
    /// 0: the avatar's own left.
    pub side: usize,
    pub centre: Vec3,
    pub radius: f32,
}

/// An eyeball's front as the renderer wants it, without light: what the photograph shows of it, and what its lids hide made up from
/// the rest.
pub fn eyeball(seen: &Picture, place: Place, template: &Template, fit: &Fit, ball: Ball, light: Vec3) -> Picture {
    let Ball { side, centre, radius } = ball;
    let [mut upper, mut lower] = opening(template, fit, place, side);
    upper.sort_by(|a, b| a.x.total_cmp(&b.x));
    lower.sort_by(|a, b| a.x.total_cmp(&b.x));
    let to_camera = facing(centre);
    let margin = 0.035 * place.unit;
    let (left, right) = (upper.first().map_or(0.0, |p| p.x), upper.last().map_or(0.0, |p| p.x));
    let mut colours = vec![Vec3::ZERO; BALL_SIDE * BALL_SIDE];
    let mut visible = vec![false; BALL_SIDE * BALL_SIDE];
    let mut radii = vec![0.0f32; BALL_SIDE * BALL_SIDE];
    for y in 0..BALL_SIDE {
        for x in 0..BALL_SIDE {
            let i = y * BALL_SIDE + x;
            let q = Vec2::new(x as f32 + 0.5, BALL_SIDE as f32 - y as f32 - 0.5) / (BALL_SIDE as f32 / 2.0) - 1.0;
            radii[i] = q.length();
            let n = q.extend((1.0 - q.length_squared()).max(0.0).sqrt());
            let p = place.pixel(Place::project(centre + to_camera * n * radius));
            let c = seen.at(p);
            visible[i] = radii[i] < 0.9
                && p.x > left + margin
                && p.x < right - margin
                && p.y > along(&upper, p.x) + margin
                && p.y < along(&lower, p.x) - margin * 0.6;
            // What the renderer will do to it, undone.
            let cornea = VEIL * smoothstep(0.52, 0.42, radii[i]);
            let wrap = (n.dot(light) * 0.5 + 0.5).clamp(0.0, 1.0);
            let shade = (0.79 + 0.25 * wrap) * 0.96;
            colours[i] = ((c - ROOM * cornea) / (1.0 - cornea) / shade).clamp(Vec3::splat(0.01), Vec3::splat(0.97));
        }
    }
    // The iris ring by ring: the median of what is seen; the window's mirror image is much lighter than it and left out.
    const RINGS: usize = 24;
    let ring_of = |r: f32| (r / IRIS * RINGS as f32) as usize;
    let mut rings: Vec<Option<Vec3>> = Vec::new();
    for k in 0..RINGS {
        let mut seen: Vec<Vec3> =
            (0..BALL_SIDE * BALL_SIDE).filter(|i| visible[*i] && ring_of(radii[*i]) == k).map(|i| colours[i]).collect();
        seen.sort_by(|a, b| a.element_sum().total_cmp(&b.element_sum()));
        // The lower half: shadows of lashes are rarer in an iris than mirrored windows.
        rings.push((seen.len() >= 6).then(|| seen[seen.len() * 2 / 5]));
    }
    let fallback = rings.iter().flatten().next_back().copied().unwrap_or(Vec3::new(0.22, 0.15, 0.10));
    let mut last = rings.iter().flatten().next().copied().unwrap_or(fallback);
    let rings: Vec<Vec3> = rings
        .iter()
        .map(|r| {
            last = r.unwrap_or(last);
            last
        })
        .collect();
    // The white: what is seen of it, continued; darker ones are lashes and shadow.
    let mut whites: Vec<Vec3> =
        (0..BALL_SIDE * BALL_SIDE).filter(|i| visible[*i] && radii[*i] > IRIS * 1.12).map(|i| colours[i]).collect();
    whites.sort_by(|a, b| a.element_sum().total_cmp(&b.element_sum()));
    let white = whites.get(whites.len() * 7 / 10).copied().unwrap_or(Vec3::new(0.82, 0.79, 0.77));
    let white = white.max(Vec3::splat(white.element_sum() / 3.0 * 0.9));
    let mut ball = Picture { width: BALL_SIDE, height: BALL_SIDE, pixels: colours.clone() };
    let known: Vec<f32> = (0..BALL_SIDE * BALL_SIDE)
        .map(|i| {
            f32::from(visible[i] && radii[i] > IRIS * 1.15 && colours[i].element_sum() > 0.75 * white.element_sum())
        })
        .collect();
    let anchored: Vec<f32> =
        known.iter().enumerate().map(|(i, k)| if *k == 0.0 && i % 64 == 0 { 0.3 } else { *k }).collect();
    for (i, c) in ball.pixels.iter_mut().enumerate() {
        if known[i] == 0.0 {
            *c = white;
        }
    }
    let sclera = ball.filled(&anchored).blurred(2);
    for i in 0..BALL_SIDE * BALL_SIDE {
        let r = radii[i];
        let ring = rings[ring_of(r).min(RINGS - 1)];
        let own = colours[i];
        let bright = own.element_sum() - ring.element_sum();
        let keep = f32::from(visible[i]) * smoothstep(0.35, 0.12, bright.abs());
        let iris = ring.lerp(own, 0.8 * keep);
        // A pupil is black in any light.
        let iris = iris * (1.0 - 0.75 * smoothstep(0.42 * IRIS, 0.34 * IRIS, r));
        ball.pixels[i] = sclera.pixels[i].lerp(iris, smoothstep(1.10 * IRIS, 0.98 * IRIS, r));
    }
    ball
}

/// The turn of an eyeball at `centre` that looks at the camera.
pub fn facing(centre: Vec3) -> Mat3 {
    Mat3::from_rotation_y(-(centre.x).atan2(super::fit::DISTANCE - centre.z))
}
