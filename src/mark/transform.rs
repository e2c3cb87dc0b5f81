//! The Fourier transform of a square, in both directions; not normalised.

use rustfft::num_complex::Complex32;
use rustfft::{Fft, FftPlanner};
use std::sync::Arc;

pub struct Transform {
    side: usize,
    forward: Arc<dyn Fft<f32>>,
    inverse: Arc<dyn Fft<f32>>,
    turned: Vec<Complex32>,
    scratch: Vec<Complex32>,
}

impl Transform {
    /// Of squares of `side` samples.
    pub fn new(side: usize) -> Self {
        let mut planner = FftPlanner::new();
        let (forward, inverse) = (planner.plan_fft_forward(side), planner.plan_fft_inverse(side));
        let scratch = forward.get_inplace_scratch_len().max(inverse.get_inplace_scratch_len());
        Self {
            side,
            forward,
            inverse,
            turned: vec![Complex32::default(); side * side],
            scratch: vec![Complex32::default(); scratch],
        }
    }

    pub fn forward(&mut self, square: &mut [Complex32]) {
        let fft = self.forward.clone();
        self.both(fft.as_ref(), square);
    }

    pub fn inverse(&mut self, square: &mut [Complex32]) {
        let fft = self.inverse.clone();
        self.both(fft.as_ref(), square);
    }

    /// Rows, then columns. A square of another size is left as it is.
    fn both(&mut self, fft: &dyn Fft<f32>, square: &mut [Complex32]) {
        if square.len() != self.turned.len() {
            return;
        }
        fft.process_with_scratch(square, &mut self.scratch);
        turn(self.side, square, &mut self.turned);
        fft.process_with_scratch(&mut self.turned, &mut self.scratch);
        turn(self.side, &self.turned, square);
    }
}

/// Rows become columns.
fn turn(side: usize, from: &[Complex32], to: &mut [Complex32]) {
    for (x, column) in to.chunks_exact_mut(side).enumerate() {
        for (value, row) in column.iter_mut().zip(from.chunks_exact(side)) {
            *value = row.get(x).copied().unwrap_or_default();
        }
    }
}
