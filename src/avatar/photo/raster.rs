//! Pictures and mattes as numbers, and where head units lie in them.

use super::fit::Place;
use glam::{Vec2, Vec3};

/// A field over the canvas: the matte, or a mask. 0..1.
#[derive(Clone, Debug)]
pub struct Raster {
    pub width: usize,
    pub height: usize,
    pub place: Place,
    pub values: Vec<f32>,
}

/// A picture, display-referred sRGB 0..1.
#[derive(Clone, Debug)]
pub struct Picture {
    pub width: usize,
    pub height: usize,
    pub pixels: Vec<Vec3>,
}

impl Raster {
    pub fn new(width: usize, height: usize, place: Place, value: f32) -> Self {
        Self { width, height, place, values: vec![value; width * height] }
    }

    /// Lowest and highest place (plane between the eyes) of the canvas.
    pub fn span(&self) -> (Vec2, Vec2) {
        let size = Vec2::new(self.width as f32, self.height as f32);
        let (a, b) = (self.place.of_pixel(Vec2::ZERO), self.place.of_pixel(size));
        (a.min(b), a.max(b))
    }

    /// The value of the nearest pixel.
    pub fn at(&self, flat: Vec2) -> f32 {
        let p = self.place.pixel(flat);
        let x = (p.x.max(0.0) as usize).min(self.width - 1);
        let y = (p.y.max(0.0) as usize).min(self.height - 1);
        self.values[y * self.width + x]
    }

    /// 0..1 over the canvas, v down.
    pub fn uv(&self, flat: Vec2) -> Vec2 {
        self.place.pixel(flat) / Vec2::new(self.width as f32, self.height as f32)
    }

    /// What hangs together with a pixel by values above 0.004; elsewhere 0. All of it where the pixel itself is 0.
    pub fn only_around(mut self, pixel: Vec2) -> Raster {
        let (w, h) = (self.width, self.height);
        let start = (pixel.y.max(0.0) as usize).min(h - 1) * w + (pixel.x.max(0.0) as usize).min(w - 1);
        let there = |values: &[f32], i: usize| values[i] > 0.004;
        if !there(&self.values, start) {
            return self;
        }
        let mut kept = vec![false; self.values.len()];
        kept[start] = true;
        let mut left = vec![start];
        while let Some(i) = left.pop() {
            let (x, y) = (i % w, i / w);
            let around =
                [(x > 0, i.wrapping_sub(1)), (x + 1 < w, i + 1), (y > 0, i.wrapping_sub(w)), (y + 1 < h, i + w)];
            for (_, next) in around.into_iter().filter(|(within, _)| *within) {
                if !kept[next] && there(&self.values, next) {
                    kept[next] = true;
                    left.push(next);
                }
            }
        }
        self.values.iter_mut().zip(&kept).filter(|(_, kept)| !**kept).for_each(|(v, _)| *v = 0.0);
        self
    }

    /// 1 within `reach` head units (a square's half side) of anything above 0.004, else 0.
    pub fn dilated(&self, reach: f32) -> Raster {
        let mask: Vec<f32> = self.values.iter().map(|v| f32::from(*v > 0.004)).collect();
        let r = (reach * self.place.unit).round().max(1.0) as usize;
        let values = box_mean(&mask, self.width, self.height, r).into_iter().map(|v| f32::from(v > 1e-6)).collect();
        Raster { values, ..*self }
    }
}

/// Mean over squares of side 2r + 1, cut off at the edges.
pub fn box_mean(values: &[f32], width: usize, height: usize, r: usize) -> Vec<f32> {
    let mut across = vec![0.0f32; values.len()];
    for (row, out) in values.chunks_exact(width).zip(across.chunks_exact_mut(width)) {
        sliding(row.iter().copied(), width, r, |x, v| out[x] = v);
    }
    let mut out = vec![0.0f32; values.len()];
    for x in 0..width {
        sliding((0..height).map(|y| across[y * width + x]), height, r, |y, v| out[y * width + x] = v);
    }
    out
}

fn sliding(values: impl Iterator<Item = f32>, n: usize, r: usize, mut put: impl FnMut(usize, f32)) {
    let mut sums = Vec::with_capacity(n + 1);
    let mut sum = 0.0f64;
    sums.push(0.0);
    for v in values {
        sum += f64::from(v);
        sums.push(sum);
    }
    for i in 0..n {
        let (a, b) = (i.saturating_sub(r), (i + r + 1).min(n));
        put(i, ((sums[b] - sums[a]) / (b - a) as f64) as f32);
    }
}

impl Picture {
    /// Bilinear; the edge's colour beyond it. Pixel centres lie at halves.
    pub fn at(&self, p: Vec2) -> Vec3 {
        let x = (p.x - 0.5).clamp(0.0, (self.width - 1) as f32);
        let y = (p.y - 0.5).clamp(0.0, (self.height - 1) as f32);
        let (x0, y0) = (x as usize, y as usize);
        let (x1, y1) = ((x0 + 1).min(self.width - 1), (y0 + 1).min(self.height - 1));
        let pixel = |x: usize, y: usize| self.pixels[y * self.width + x];
        let (fx, fy) = (x - x0 as f32, y - y0 as f32);
        pixel(x0, y0).lerp(pixel(x1, y0), fx).lerp(pixel(x0, y1).lerp(pixel(x1, y1), fx), fy)
    }

    /// The picture where it is known (weight 1), and a smooth continuation where it is not (0): colours are averaged down a pyramid and
    /// brought back up (Gortler et al., "The lumigraph", SIGGRAPH 1996).
    pub fn filled(&self, known: &[f32]) -> Picture {
        let known_pixels: Vec<Vec3> = self.pixels.iter().zip(known).map(|(c, w)| *c * *w).collect();
        let pixels = pull_push(&known_pixels, known, self.width, self.height);
        Picture { pixels, ..*self }
    }

    /// Mean over squares of side 2r + 1, three times: nearly a Gaussian.
    pub fn blurred(&self, r: usize) -> Picture {
        let channel = |k: usize| {
            let mut values: Vec<f32> = self.pixels.iter().map(|p| p[k]).collect();
            (0..3).for_each(|_| values = box_mean(&values, self.width, self.height, r));
            values
        };
        let (r, g, b) = (channel(0), channel(1), channel(2));
        let pixels = r.iter().zip(&g).zip(&b).map(|((r, g), b)| Vec3::new(*r, *g, *b)).collect();
        Picture { pixels, ..*self }
    }

    pub fn to_image(&self) -> image::RgbImage {
        let byte = |v: f32| (v.clamp(0.0, 1.0) * 255.0 + 0.5) as u8;
        image::RgbImage::from_fn(self.width as u32, self.height as u32, |x, y| {
            let p = self.pixels[y as usize * self.width + x as usize];
            image::Rgb([byte(p.x), byte(p.y), byte(p.z)])
        })
    }
}

/// `sums` are colours times `weights`.
fn pull_push(sums: &[Vec3], weights: &[f32], width: usize, height: usize) -> Vec<Vec3> {
    if width <= 1 && height <= 1 || weights.iter().all(|w| *w >= 0.999) {
        return sums.iter().zip(weights).map(|(s, w)| *s / w.max(1e-6)).collect();
    }
    let (w2, h2) = (width.div_ceil(2), height.div_ceil(2));
    let mut coarse = vec![Vec3::ZERO; w2 * h2];
    let mut coarse_weights = vec![0.0f32; w2 * h2];
    for y in 0..height {
        for x in 0..width {
            let (i, j) = (y * width + x, (y / 2) * w2 + x / 2);
            coarse[j] += sums[i];
            coarse_weights[j] += weights[i];
        }
    }
    for (sum, weight) in coarse.iter_mut().zip(&mut coarse_weights) {
        // One known pixel is enough for the coarse one to be known.
        if *weight > 1.0 {
            *sum /= *weight;
            *weight = 1.0;
        }
    }
    let up = Picture { width: w2, height: h2, pixels: pull_push(&coarse, &coarse_weights, w2, h2) };
    let mut out = Vec::with_capacity(sums.len());
    for y in 0..height {
        for x in 0..width {
            let i = y * width + x;
            let weight = weights[i].min(1.0);
            let above = if weight < 0.999 { up.at((Vec2::new(x as f32, y as f32) + 0.5) * 0.5) } else { Vec3::ZERO };
            out.push(sums[i] + above * (1.0 - weight));
        }
    }
    out
}

/// A colour guided filter: `values` follow the edges of `guide` (He, Sun, Tang, "Guided image filtering", PAMI 2013).
pub fn guided(guide: &Picture, values: &[f32], r: usize, softness: f32) -> Vec<f32> {
    let (w, h) = (guide.width, guide.height);
    let mean = |of: &dyn Fn(usize) -> f32| box_mean(&(0..values.len()).map(of).collect::<Vec<f32>>(), w, h, r);
    let channel = |k: usize| mean(&|i| guide.pixels[i][k]);
    let (mr, mg, mb) = (channel(0), channel(1), channel(2));
    let mp = box_mean(values, w, h, r);
    let product = |a: usize, b: usize| mean(&|i| guide.pixels[i][a] * guide.pixels[i][b]);
    let (rr, rg, rb, gg, gb, bb) =
        (product(0, 0), product(0, 1), product(0, 2), product(1, 1), product(1, 2), product(2, 2));
    let with = |k: usize| mean(&|i| guide.pixels[i][k] * values[i]);
    let (pr, pg, pb) = (with(0), with(1), with(2));
    let mut slopes = [vec![0.0; mp.len()], vec![0.0; mp.len()], vec![0.0; mp.len()]];
    let mut constants = vec![0.0; mp.len()];
    for i in 0..mp.len() {
        let m = Vec3::new(mr[i], mg[i], mb[i]);
        let cov = Vec3::new(pr[i], pg[i], pb[i]) - m * mp[i];
        let sigma = glam::Mat3::from_cols(
            Vec3::new(rr[i] - m.x * m.x + softness, rg[i] - m.x * m.y, rb[i] - m.x * m.z),
            Vec3::new(rg[i] - m.x * m.y, gg[i] - m.y * m.y + softness, gb[i] - m.y * m.z),
            Vec3::new(rb[i] - m.x * m.z, gb[i] - m.y * m.z, bb[i] - m.z * m.z + softness),
        );
        let a = sigma.inverse() * cov;
        (slopes[0][i], slopes[1][i], slopes[2][i]) = (a.x, a.y, a.z);
        constants[i] = mp[i] - a.dot(m);
    }
    let a = slopes.map(|s| box_mean(&s, w, h, r));
    let b = box_mean(&constants, w, h, r);
    (0..mp.len()).map(|i| (Vec3::new(a[0][i], a[1][i], a[2][i]).dot(guide.pixels[i]) + b[i]).clamp(0.0, 1.0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn somebody_elses_shoulder_is_no_part_of_the_person() {
        let place = Place { origin: Vec2::new(1.5, 1.5), unit: 1.0 };
        #[rustfmt::skip]
        let values = vec![
            0.0, 0.2, 0.0, 0.0, 0.9,
            0.0, 1.0, 0.0, 0.0, 0.9,
            0.5, 1.0, 0.5, 0.0, 0.0,
        ];
        let seen = Raster { width: 5, height: 3, place, values: values.clone() };
        let mut own = values.clone();
        (own[4], own[9]) = (0.0, 0.0);
        assert_eq!(seen.clone().only_around(place.origin).values, own);
        assert_eq!(seen.only_around(Vec2::new(3.5, 0.5)).values, values);
    }
}
