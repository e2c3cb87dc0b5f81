//! The filters of Whisper's 80 mel bands: `librosa.filters.mel(sr=16000, n_fft=400, n_mels=80)`, which OpenAI's
//! `mel_filters.npz` was made with. (Slaney's scale: M. Slaney, Auditory Toolbox, 1998.)

/// Bands, and bins of the spectrum that each weighs.
pub const BANDS: usize = 80;
pub const BINS: usize = 201;

const RATE: f64 = 16_000.0;
const FFT: f64 = 400.0;

/// Below 1000 Hz the scale is linear, 200/3 Hz a mel; above, 27 mels are a factor of 6.4.
const HZ_A_MEL: f64 = 200.0 / 3.0;
const BREAK_HZ: f64 = 1000.0;
const BREAK_MEL: f64 = BREAK_HZ / HZ_A_MEL;

fn step() -> f64 {
    6.4_f64.ln() / 27.0
}

fn to_hz(mel: f64) -> f64 {
    if mel < BREAK_MEL { HZ_A_MEL * mel } else { BREAK_HZ * (step() * (mel - BREAK_MEL)).exp() }
}

/// All weights, band by band.
pub fn filters() -> Vec<f32> {
    let top = BREAK_MEL + (RATE / 2.0 / BREAK_HZ).ln() / step();
    let last = BANDS + 1;
    let edge = |i: usize| to_hz(if i == last { top } else { top / last as f64 * i as f64 });
    let mut weights = Vec::with_capacity(BANDS * BINS);
    for band in 0..BANDS {
        let (low, middle, high) = (edge(band), edge(band + 1), edge(band + 2));
        let norm = 2.0 / (high - low);
        for bin in 0..BINS {
            let hz = bin as f64 * (RATE / FFT);
            // Written and rounded as librosa does, down to its one zero that is negative: the file is pinned to the bit.
            let (rising, falling) = (-(low - hz) / (middle - low), (high - hz) / (high - middle));
            let lower = rising.min(falling);
            let triangle = if lower < 0.0 { 0.0 } else { lower } as f32;
            weights.push((f64::from(triangle) * norm) as f32);
        }
    }
    weights
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_band_is_a_triangle_of_the_same_area() {
        let all = filters();
        assert_eq!(all.len(), BANDS * BINS);
        for (i, band) in all.chunks(BINS).enumerate() {
            let peak = band.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).unwrap().0;
            assert!(band[..peak].is_sorted() && band[peak..].iter().rev().is_sorted(), "band {i}");
            // The narrow low bands fall between the bins; that makes their areas rough.
            let area: f32 = band.iter().sum::<f32>() * (RATE / FFT) as f32;
            assert!(i < 40 || (area - 1.0).abs() < 0.1, "band {i} has the area {area}");
        }
    }
}
