//! Pictures are brought to the scale of the frame once, with a good filter, so that drawing samples them about one to one.

/// Where a picture lies on a row of the target, in target pixels: `start` may be negative, `length` is never rounded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Span {
    pub start: f32,
    pub length: f32,
}

impl Span {
    /// A span of `length` centred on `of` pixels.
    pub fn centred(of: u32, length: f32) -> Self {
        Self { start: (of as f32 - length) * 0.5, length }
    }
}

/// Planar rows of `channels` interleaved values.
#[derive(Clone, Debug)]
pub(super) struct Picture {
    pub width: usize,
    pub height: usize,
    pub channels: usize,
    pub data: Vec<u8>,
}

/// For each target pixel: the first source pixel and the weights from there on.
struct Kernel {
    first: Vec<usize>,
    weights: Vec<f32>,
    taps: usize,
}

/// Catmull-Rom (Mitchell and Netravali 1988 with B = 0, C = 1/2): sharp, reproduces the source at scale 1.
fn catmull_rom(x: f32) -> f32 {
    let x = x.abs();
    if x < 1.0 {
        (1.5 * x - 2.5) * x * x + 1.0
    } else if x < 2.0 {
        ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0
    } else {
        0.0
    }
}

impl Kernel {
    fn new(source: usize, target: usize, span: Span) -> Self {
        let step = source as f32 / span.length.max(1e-3);
        let stretch = step.max(1.0);
        let taps = ((4.0 * stretch).ceil() as usize + 1).min(source);
        let (mut first, mut weights) = (Vec::with_capacity(target), Vec::with_capacity(target * taps));
        for i in 0..target {
            let middle = (i as f32 + 0.5 - span.start) * step - 0.5;
            let begin = ((middle - 2.0 * stretch).ceil().max(0.0) as usize).min(source - taps);
            first.push(begin);
            let row = weights.len();
            // Beyond the picture its last pixel goes on.
            let middle = middle.clamp(0.0, source as f32 - 1.0);
            weights.extend((0..taps).map(|t| catmull_rom(((begin + t) as f32 - middle) / stretch)));
            let sum: f32 = weights.iter().skip(row).sum();
            weights.iter_mut().skip(row).for_each(|w| *w /= sum);
        }
        Self { first, weights, taps }
    }

    fn row(&self, i: usize) -> (usize, &[f32]) {
        (self.first[i], &self.weights[i * self.taps..][..self.taps])
    }
}

/// Draws `source` into a picture of `width` × `height`, where it lies on the spans `x` and `y`.
pub(super) fn place(source: &Picture, width: u32, height: u32, x: Span, y: Span) -> Picture {
    let (width, height, c) = (width as usize, height as usize, source.channels);
    let (kx, ky) = (Kernel::new(source.width, width, x), Kernel::new(source.height, height, y));
    let mut wide = vec![0.0f32; width * source.height * c];
    for (from, to) in source.data.chunks_exact(source.width * c).zip(wide.chunks_exact_mut(width * c)) {
        for (i, pixel) in to.chunks_exact_mut(c).enumerate() {
            let (first, weights) = kx.row(i);
            for (s, w) in from[first * c..].chunks_exact(c).zip(weights) {
                pixel.iter_mut().zip(s).for_each(|(p, s)| *p += f32::from(*s) * w);
            }
        }
    }
    let mut data = Vec::with_capacity(width * height * c);
    let mut row = vec![0.0f32; width * c];
    for i in 0..height {
        let (first, weights) = ky.row(i);
        row.fill(0.0);
        for (from, w) in wide[first * width * c..].chunks_exact(width * c).zip(weights) {
            row.iter_mut().zip(from).for_each(|(r, f)| *r += f * w);
        }
        data.extend(row.iter().map(|v| (v + 0.5).clamp(0.0, 255.0) as u8));
    }
    Picture { width, height, channels: c, data }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(width: usize, height: usize) -> Picture {
        let mut rng = fastrand::Rng::with_seed(1);
        Picture { width, height, channels: 3, data: (0..width * height * 3).map(|_| rng.u8(..)).collect() }
    }

    #[test]
    fn a_picture_at_its_own_scale_is_unchanged() {
        let a = noise(31, 17);
        let b = place(&a, 31, 17, Span::centred(31, 31.0), Span::centred(17, 17.0));
        assert_eq!(a.data, b.data);
    }

    #[test]
    fn a_picture_moves_by_whole_pixels_and_its_border_goes_on() {
        let a = noise(8, 8);
        let b = place(&a, 12, 8, Span { start: 2.0, length: 8.0 }, Span { start: 0.0, length: 8.0 });
        for y in 0..8 {
            for x in 0..12usize {
                let from = x.saturating_sub(2).min(7);
                assert_eq!(b.data[(y * 12 + x) * 3..][..3], a.data[(y * 8 + from) * 3..][..3], "{x} {y}");
            }
        }
    }

    #[test]
    fn shrinking_keeps_the_mean() {
        let a = noise(300, 200);
        let b = place(&a, 30, 20, Span::centred(30, 30.0), Span::centred(20, 20.0));
        let mean = |p: &Picture| p.data.iter().map(|v| f64::from(*v)).sum::<f64>() / p.data.len() as f64;
        assert!((mean(&a) - mean(&b)).abs() < 1.0, "{} {}", mean(&a), mean(&b));
    }
}
