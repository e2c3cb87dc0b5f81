//! Pictures are brought to the scale of the frame once, with a good filter, so that drawing samples them about one to one.

/// Where a picture lies on a row of the target, in target pixels: `start` may be negative, `length` is never rounded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Span {
    pub start: f32,
    pub length: f32,
}

/// Pixels that nobody sees: a manifest's aspect has six digits after the point.
const SAME: f32 = 1.0 / 512.0;

impl Span {
    /// A span of `length` centred on `of` pixels.
    pub fn centred(of: u32, length: f32) -> Self {
        Self { start: (of as f32 - length) * 0.5, length }
    }

    /// The same picture in a target that begins `by` pixels later.
    pub fn from(self, by: u32) -> Self {
        Self { start: self.start - by as f32, ..self }
    }

    /// How many whole pixels a picture of `source` pixels is moved by, where it keeps its scale.
    fn shift(self, source: usize) -> Option<isize> {
        let whole = self.start.round();
        let off = (self.length - source as f32).abs().max((self.start - whole).abs());
        (off < SAME).then_some(whole as isize)
    }
}

/// Rows of texels of `C` values each.
#[derive(Clone, Copy, Debug)]
pub(super) struct Picture<'a, const C: usize> {
    pub width: usize,
    pub height: usize,
    pub texels: &'a [[u8; C]],
}

impl<'a, const C: usize> Picture<'a, C> {
    /// A picture whose rows of bytes are `bytes`.
    pub fn new(width: u32, height: u32, bytes: &'a [u8]) -> Self {
        Self { width: width as usize, height: height as usize, texels: bytes.as_chunks().0 }
    }

    fn row(&self, y: usize) -> &'a [[u8; C]] {
        &self.texels[y * self.width..][..self.width]
    }
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

/// Draws `source` into a picture of `width` × `height`, where it lies on the spans `x` and `y`; its texels, each through `finish`.
pub(super) fn place<const C: usize, T>(
    source: Picture<'_, C>,
    width: u32,
    height: u32,
    x: Span,
    y: Span,
    mut finish: impl FnMut([u8; C]) -> T,
) -> Vec<T> {
    let (width, height) = (width as usize, height as usize);
    let mut out = Vec::with_capacity(width * height);
    // An avatar is mostly drawn at the size that it was made at.
    if let (Some(right), Some(down)) = (x.shift(source.width), y.shift(source.height)) {
        let from = |i: usize, shift: isize, of: usize| (i as isize - shift).clamp(0, of as isize - 1) as usize;
        for i in 0..height {
            let row = source.row(from(i, down, source.height));
            out.extend((0..width).map(|i| finish(row[from(i, right, source.width)])));
        }
        return out;
    }
    let (kx, ky) = (Kernel::new(source.width, width, x), Kernel::new(source.height, height, y));
    // The rows of the source that are in use, as wide as the target: row r lies at r modulo their number.
    let mut wide = vec![[0.0f32; C]; ky.taps * width];
    let mut row = vec![[0.0f32; C]; width];
    let mut next = 0;
    for i in 0..height {
        let (first, weights) = ky.row(i);
        for r in next.max(first)..first + ky.taps {
            let (from, to) = (source.row(r), &mut wide[r % ky.taps * width..][..width]);
            for (i, texel) in to.iter_mut().enumerate() {
                let (first, weights) = kx.row(i);
                let mut sum = [0.0; C];
                for (s, w) in from[first..].iter().zip(weights) {
                    add(&mut sum, s.map(f32::from), *w);
                }
                *texel = sum;
            }
        }
        next = next.max(first + ky.taps);
        row.fill([0.0; C]);
        for (t, w) in weights.iter().enumerate().filter(|(_, w)| **w != 0.0) {
            let from = &wide[(first + t) % ky.taps * width..][..width];
            row.iter_mut().zip(from).for_each(|(r, f)| add(r, *f, *w));
        }
        out.extend(row.iter().map(|texel| finish(texel.map(|v| (v + 0.5).clamp(0.0, 255.0) as u8))));
    }
    out
}

fn add<const C: usize>(sum: &mut [f32; C], of: [f32; C], weight: f32) {
    sum.iter_mut().zip(of).for_each(|(s, v)| *s += v * weight);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(width: usize, height: usize) -> Vec<[u8; 3]> {
        let mut rng = fastrand::Rng::with_seed(1);
        (0..width * height).map(|_| [(); 3].map(|()| rng.u8(..))).collect()
    }

    fn placed(a: &[[u8; 3]], from: [usize; 2], to: [u32; 2], x: Span, y: Span) -> Vec<[u8; 3]> {
        place(Picture { width: from[0], height: from[1], texels: a }, to[0], to[1], x, y, |t| t)
    }

    fn alike(a: &[[u8; 3]], b: &[[u8; 3]]) -> bool {
        a.len() == b.len() && a.as_flattened().iter().zip(b.as_flattened()).all(|(a, b)| a.abs_diff(*b) <= 1)
    }

    #[test]
    fn a_picture_at_its_own_scale_is_unchanged() {
        let a = noise(31, 17);
        let whole = (Span::centred(31, 31.0), Span::centred(17, 17.0));
        assert_eq!(a, placed(&a, [31, 17], [31, 17], whole.0, whole.1));
        // Through the filter, which must not be told from the copy.
        let nearly = Span { start: 1.5 * SAME, length: 31.0 };
        assert_eq!((nearly.shift(31), whole.0.shift(31)), (None, Some(0)));
        assert!(alike(&a, &placed(&a, [31, 17], [31, 17], nearly, whole.1)));
    }

    #[test]
    fn a_picture_moves_by_whole_pixels_and_its_border_goes_on() {
        let a = noise(8, 8);
        for nudge in [0.0, 1.5 * SAME] {
            let (x, y) = (Span { start: 2.0 + nudge, length: 8.0 }, Span { start: nudge - 1.0, length: 8.0 });
            let b = placed(&a, [8, 8], [12, 8], x, y);
            for y in 0..8usize {
                for x in 0..12usize {
                    let (from, row) = (x.saturating_sub(2).min(7), (y + 1).min(7));
                    assert!(alike(&[b[y * 12 + x]], &[a[row * 8 + from]]), "{x} {y}");
                }
            }
        }
    }

    #[test]
    fn a_part_of_a_picture_is_what_the_whole_has_there() {
        let a = noise(40, 30);
        let (x, y) = (Span { start: 0.5, length: 52.0 }, Span { start: 0.0, length: 41.0 });
        let whole = placed(&a, [40, 30], [53, 41], x, y);
        let part = placed(&a, [40, 30], [10, 12], x.from(20), y.from(7));
        for (i, texel) in part.iter().enumerate() {
            let same = whole[(7 + i / 10) * 53 + 20 + i % 10];
            assert!(alike(&[*texel], &[same]), "{i}: {texel:?} {same:?}");
        }
    }

    #[test]
    fn shrinking_keeps_the_mean() {
        let a = noise(300, 200);
        let b = placed(&a, [300, 200], [30, 20], Span::centred(30, 30.0), Span::centred(20, 20.0));
        let mean =
            |p: &[[u8; 3]]| p.as_flattened().iter().map(|v| f64::from(*v)).sum::<f64>() / p.as_flattened().len() as f64;
        assert!((mean(&a) - mean(&b)).abs() < 1.0, "{} {}", mean(&a), mean(&b));
    }
}
