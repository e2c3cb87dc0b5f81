//! A discrete Fourier transform of 512 points: radix 2, in place, tables made once.

use std::f64::consts::TAU;

/// Points of the transform.
pub const SIZE: usize = 512;

/// Bins of a real signal's spectrum.
pub const BINS: usize = SIZE / 2 + 1;

pub struct Fft {
    cosine: [f32; SIZE / 2],
    sine: [f32; SIZE / 2],
}

impl Default for Fft {
    fn default() -> Self {
        let mut fft = Self { cosine: [0.0; SIZE / 2], sine: [0.0; SIZE / 2] };
        for (i, (c, s)) in fft.cosine.iter_mut().zip(&mut fft.sine).enumerate() {
            let turn = TAU * i as f64 / SIZE as f64;
            (*c, *s) = (turn.cos() as f32, -turn.sin() as f32);
        }
        fft
    }
}

impl Fft {
    /// The power of each bin of a real signal.
    pub fn power(&self, signal: &[f32; SIZE]) -> [f32; BINS] {
        let (mut re, mut im) = ([0.0; SIZE], [0.0; SIZE]);
        for (i, &v) in signal.iter().enumerate() {
            re[i.reverse_bits() >> (usize::BITS - SIZE.trailing_zeros())] = v;
        }
        let mut half = 1;
        while half < SIZE {
            let stride = SIZE / (2 * half);
            for start in (0..SIZE).step_by(2 * half) {
                for k in 0..half {
                    let (c, s) = (self.cosine[k * stride], self.sine[k * stride]);
                    let (a, b) = (start + k, start + k + half);
                    let (x, y) = (re[b] * c - im[b] * s, re[b] * s + im[b] * c);
                    (re[b], im[b]) = (re[a] - x, im[a] - y);
                    (re[a], im[a]) = (re[a] + x, im[a] + y);
                }
            }
            half *= 2;
        }
        let mut power = [0.0; BINS];
        for ((p, re), im) in power.iter_mut().zip(&re).zip(&im) {
            *p = re * re + im * im;
        }
        power
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_power_equals_that_of_the_definition() {
        let mut signal = [0.0; SIZE];
        let mut rng = fastrand::Rng::with_seed(1);
        signal.iter_mut().take(400).for_each(|v| *v = rng.f32() - 0.5);
        let power = Fft::default().power(&signal);
        for bin in [0, 1, 7, 100, 255, 256] {
            let (mut re, mut im) = (0.0f64, 0.0f64);
            for (i, &v) in signal.iter().enumerate() {
                let turn = TAU * (i * bin) as f64 / SIZE as f64;
                re += f64::from(v) * turn.cos();
                im -= f64::from(v) * turn.sin();
            }
            let expected = re * re + im * im;
            assert!((f64::from(power[bin]) - expected).abs() < 1e-4 * expected.max(1.0), "bin {bin}");
        }
    }
}
