//! Steps along lips and lids are smoothed after a CPU adapter has drawn them with one sample a pixel.
//!
//! Lips that press into each other meet along a line that no edge of the mesh follows, so no strip can soften it. Averaging
//! along the edge, never across it, leaves the portrait's own soft edges as they are (after T. Lottes, FXAA, 2009).

use glam::Vec2;

/// How far along an edge is averaged, in pixels.
const REACH: f32 = 4.0;
/// Contrast below this is left alone: of the brightest neighbour, and at all (0..255).
const LEAST_SHARE: f32 = 0.125;
const LEAST: f32 = 10.0;

/// Pixels as they were drawn: R G B A, `stride` bytes a row.
#[derive(Clone, Copy)]
pub(super) struct Drawn<'a> {
    pub bytes: &'a [u8],
    pub stride: usize,
    pub width: usize,
    pub height: usize,
}

impl Drawn<'_> {
    fn rgb(&self, x: usize, y: usize) -> [f32; 3] {
        let at = y * self.stride + x * 4;
        match self.bytes.get(at..at + 3) {
            Some([r, g, b]) => [f32::from(*r), f32::from(*g), f32::from(*b)],
            _ => [0.0; 3],
        }
    }

    fn luma(&self, x: usize, y: usize) -> f32 {
        luma(self.rgb(x, y))
    }

    /// The colour between pixels; `p` counts from the middle of the first.
    fn between(&self, p: Vec2) -> [f32; 3] {
        let p = p.clamp(Vec2::ZERO, Vec2::new((self.width - 2) as f32, (self.height - 2) as f32));
        let (x, y) = (p.x as usize, p.y as usize);
        let (tx, ty) = (p.x.fract(), p.y.fract());
        let corners = [self.rgb(x, y), self.rgb(x + 1, y), self.rgb(x, y + 1), self.rgb(x + 1, y + 1)];
        let shares = [(1.0 - tx) * (1.0 - ty), tx * (1.0 - ty), (1.0 - tx) * ty, tx * ty];
        std::array::from_fn(|c| corners.iter().zip(shares).map(|(corner, share)| corner[c] * share).sum())
    }

    /// The smoothed colour of one pixel, where it lies on a step.
    fn smoothed(&self, x: usize, y: usize) -> Option<[f32; 3]> {
        let (nw, ne) = (self.luma(x - 1, y - 1), self.luma(x + 1, y - 1));
        let (sw, se) = (self.luma(x - 1, y + 1), self.luma(x + 1, y + 1));
        let here = self.luma(x, y);
        let low = here.min(nw).min(ne).min(sw).min(se);
        let high = here.max(nw).max(ne).max(sw).max(se);
        if high - low < LEAST.max(high * LEAST_SHARE) {
            return None;
        }
        let along = Vec2::new((sw + se) - (nw + ne), (nw + sw) - (ne + se));
        let reduce = ((nw + ne + sw + se) / 32.0).max(2.0);
        let along = along / (along.abs().min_element() + reduce);
        let along = along.clamp(Vec2::splat(-REACH), Vec2::splat(REACH));
        let p = Vec2::new(x as f32, y as f32);
        let mean = |a: [f32; 3], b: [f32; 3]| std::array::from_fn(|c| (a[c] + b[c]) * 0.5);
        let near: [f32; 3] = mean(self.between(p - along / 6.0), self.between(p + along / 6.0));
        let far = mean(near, mean(self.between(p - along / 2.0), self.between(p + along / 2.0)));
        Some(if (low..=high).contains(&luma(far)) { far } else { near })
    }

    /// Writes the smoothed pixels of the columns `x` and rows `y` through `put`.
    pub fn smooth(
        &self,
        x: std::ops::Range<usize>,
        y: std::ops::Range<usize>,
        mut put: impl FnMut(usize, usize, [u8; 3]),
    ) {
        if self.width < 4 || self.height < 4 {
            return;
        }
        for y in y.start.max(1)..y.end.min(self.height - 1) {
            for x in x.start.max(1)..x.end.min(self.width - 1) {
                if let Some(rgb) = self.smoothed(x, y) {
                    put(x, y, rgb.map(|v| (v + 0.5) as u8));
                }
            }
        }
    }
}

/// Rec. 601 weights, as they suit display-referred colours.
fn luma([r, g, b]: [f32; 3]) -> f32 {
    0.299 * r + 0.587 * g + 0.114 * b
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(of: impl Fn(usize, usize) -> u8) -> Vec<u8> {
        (0..32 * 32).flat_map(|i| [of(i % 32, i / 32); 3].into_iter().chain([255])).collect()
    }

    fn smoothed(bytes: &[u8]) -> Vec<u8> {
        let mut out = bytes.to_vec();
        let drawn = Drawn { bytes, stride: 128, width: 32, height: 32 };
        drawn.smooth(0..99, 0..99, |x, y, rgb| out[y * 128 + x * 4..][..3].copy_from_slice(&rgb));
        out
    }

    #[test]
    fn a_staircase_gets_steps_between() {
        let stairs = picture(|x, y| if y > x / 4 + 8 { 200 } else { 40 });
        let soft = smoothed(&stairs);
        let between = soft.chunks_exact(4).filter(|p| (60..180).contains(&p[0])).count();
        assert!(between > 20, "{between}");
    }

    #[test]
    fn straight_edges_and_plain_places_stay_as_they_are() {
        for plain in [picture(|_, _| 90), picture(|x, _| if x > 15 { 200 } else { 40 })] {
            assert!(smoothed(&plain) == plain);
        }
    }
}
