//! The outline of an opened eye or mouth on the screen: it tells what lies behind how far it is from lids and lips.

use glam::Vec2;

const BINS: usize = 40;

/// Upper and lower edge of a hole, by columns; pixels, y down.
#[derive(Clone, Debug)]
pub(super) struct Opening {
    left: f32,
    step: f32,
    upper: [f32; BINS],
    lower: [f32; BINS],
}

impl Default for Opening {
    fn default() -> Self {
        Self { left: 0.0, step: 1.0, upper: [f32::NEG_INFINITY; BINS], lower: [f32::INFINITY; BINS] }
    }
}

impl Opening {
    /// Measures the hole that these edges bound; without any, nothing lies near an edge.
    pub fn measure(edges: impl Iterator<Item = (Vec2, Vec2)> + Clone) -> Self {
        let (mut low, mut high) = (f32::INFINITY, f32::NEG_INFINITY);
        for (a, b) in edges.clone() {
            (low, high) = (low.min(a.x.min(b.x)), high.max(a.x.max(b.x)));
        }
        if !(high > low && low.is_finite() && high.is_finite()) {
            return Self::default();
        }
        let step = (high - low) / (BINS - 1) as f32;
        let mut it = Self { left: low, step, upper: [f32::INFINITY; BINS], lower: [f32::NEG_INFINITY; BINS] };
        for (a, b) in edges {
            let (a, b) = if a.x < b.x { (a, b) } else { (b, a) };
            let (from, to) = (((a.x - low) / step).ceil() as usize, ((b.x - low) / step).floor() as usize);
            for bin in from..=to.min(BINS - 1) {
                let x = low + bin as f32 * step;
                let t = if b.x > a.x { ((x - a.x) / (b.x - a.x)).clamp(0.0, 1.0) } else { 0.0 };
                let y = a.y + (b.y - a.y) * t;
                it.upper[bin] = it.upper[bin].min(y);
                it.lower[bin] = it.lower[bin].max(y);
            }
        }
        // Columns without an edge, as a rim that is not closed has them, take their neighbour's.
        for bin in 1..BINS {
            if !it.upper[bin].is_finite() {
                (it.upper[bin], it.lower[bin]) = (it.upper[bin - 1], it.lower[bin - 1]);
            }
        }
        it
    }

    /// Corners of the hole.
    pub fn bounds(&self) -> Option<(Vec2, Vec2)> {
        let (top, bottom) = (
            self.upper.iter().fold(f32::INFINITY, |a, b| a.min(*b)),
            self.lower.iter().fold(f32::NEG_INFINITY, |a, b| a.max(*b)),
        );
        let right = self.left + self.step * (BINS - 1) as f32;
        (top.is_finite() && bottom.is_finite()).then(|| (Vec2::new(self.left, top), Vec2::new(right, bottom)))
    }

    /// How far along the hole `p` is, from 0 on the left to 1 on the right.
    pub fn along(&self, p: Vec2) -> f32 {
        (p.x - self.left) / (self.step * (BINS - 1) as f32)
    }

    /// How far `p` is below the upper edge and above the lower one, in pixels.
    pub fn inside(&self, p: Vec2) -> (f32, f32) {
        let place = ((p.x - self.left) / self.step).clamp(0.0, (BINS - 1) as f32);
        let bin = (place as usize).min(BINS - 2);
        let t = place - bin as f32;
        let mix = |edge: &[f32; BINS]| {
            let (a, b) = (edge[bin], edge[bin + 1]);
            if a.is_finite() && b.is_finite() { a + (b - a) * t } else { a }
        };
        (p.y - mix(&self.upper), mix(&self.lower) - p.y)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_measured_from_the_edges_of_the_hole() {
        let corners = [(0.0, 10.0), (20.0, 0.0), (40.0, 10.0), (20.0, 30.0)].map(|(x, y)| Vec2::new(x, y));
        let edges = (0..4).map(|i| (corners[i], corners[(i + 1) % 4]));
        let (up, down) = Opening::measure(edges).inside(Vec2::new(20.0, 12.0));
        assert!((up - 12.0).abs() < 0.6 && (down - 18.0).abs() < 1.1, "{up} {down}");
    }

    #[test]
    fn without_a_hole_no_edge_is_near() {
        let (up, down) = Opening::measure(std::iter::empty()).inside(Vec2::new(5.0, 5.0));
        assert!(up > 1e9 && down > 1e9);
    }
}
