//! Where the mark lies and how large it is, and what it says.

use super::fold::{Fold, Part, Scale};
use super::odds;
use super::place::Place;
use crate::mark::carrier::{LINES, Signs, TILE, Wave, waves};
use crate::mark::code::{CODED, decode};
use crate::mark::payload::Payload;
use crate::mark::transform::Transform;
use rustfft::num_complex::Complex32;

/// Samples of a tile's side: enough for the shortest wave, and for a first look at the long ones.
const SIDE: usize = 128;
const ROUGH: usize = 64;

/// The longest waves alone are looked at first: those of at most this many turns in a tile.
const ROUGH_TURNS: f32 = 16.0;

/// Scales that are searched, in pixels a line, and the step from one to the next: a scale that is wrong by half of it moves the edges
/// of a marked picture of 1500 lines' width, seen from its middle, by a fifth of the shortest of the long waves.
const SCALES: (f32, f32) = (0.22, 2.3);
const SCALE_STEP: f32 = 1.009;

/// Pixels a line that are enough for the long waves.
const SMALL: f32 = 0.5;

/// So many of the best rough scales are looked at with all waves, and of those so many closely.
const CANDIDATES: usize = 10;
const FINALISTS: usize = 3;

/// Where a candidate is looked at, beside its rough scale.
const BESIDE: [f32; 3] = [1.0, 0.997, 1.003];

/// Steps in which a scale is made better, as shares of it.
const STEPS: [f32; 5] = [0.003, 0.0015, 0.0008, 0.0004, 0.0002];

/// A score from which on it is worth while to look closer.
const PROMISING: f32 = 4.5;

/// How many scores a search compares, at most: two ways round, each place in the tile to half a line, scales tried.
const TESTS_AT_A_SCALE: f64 = 2.0 * 512.0 * 512.0;
const TESTS_CLOSER: f64 = TESTS_AT_A_SCALE * 80.0;
const TESTS_ALL: f64 = TESTS_CLOSER * (FINALISTS + 2) as f64;

/// A mark, or the nearest thing to one.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    pub scale: Scale,
    /// Left and right are exchanged.
    pub mirrored: bool,
    /// Where a tile begins, in lines of the mark, from the picture's upper left corner.
    pub begins: [f32; 2],
    pub score: f32,
    pub log10_odds: f64,
}

impl Found {
    /// Whether chance gives so much at most once in two million searches.
    pub fn is_mark(&self) -> bool {
        self.log10_odds <= odds::LIMIT
    }
}

pub struct Search {
    waves: Vec<Wave>,
    fold: Fold,
    tile: Vec<f32>,
    spectrum: Vec<Complex32>,
    surface: Vec<Complex32>,
    fine: Transform,
    rough: Transform,
}

impl Search {
    pub fn new() -> Self {
        Self {
            waves: waves(),
            fold: Fold::default(),
            tile: Vec::new(),
            spectrum: Vec::new(),
            surface: Vec::new(),
            fine: Transform::new(SIDE),
            rough: Transform::new(ROUGH),
        }
    }

    pub fn waves(&self) -> &[Wave] {
        &self.waves
    }

    /// The likeliest mark in the grain of a picture. `known`: where one was before. `thorough`: all scales are tried where the
    /// mark is not found at once.
    pub fn find(
        &mut self,
        grain: &[f32],
        width: usize,
        height: usize,
        known: Option<&Found>,
        thorough: bool,
    ) -> Option<Found> {
        let part = Part { x: 0, y: 0, width, height };
        let straight = width.min(height) as f32 / LINES;
        let first = known.map(|k| k.scale).into_iter().chain([Scale { right: straight, down: straight }]);
        let mut best: Option<Found> = None;
        for scale in first {
            let at_once = self.look(grain, width, part, scale, SIDE);
            let found = if at_once.score >= PROMISING {
                let closer = self.closer(grain, width, part, at_once.clone());
                // What was there at once needs less luck than what was sought.
                let at_once = Found { log10_odds: odds::log10(at_once.score, 2.0 * TESTS_AT_A_SCALE), ..at_once };
                let sought = odds::log10(closer.score, 2.0 * TESTS_CLOSER);
                Found { log10_odds: sought.min(at_once.log10_odds), ..closer }
            } else {
                at_once
            };
            if found.is_mark() {
                return Some(found);
            }
            best = Some(found).into_iter().chain(best).max_by(|a, b| a.score.total_cmp(&b.score));
        }
        if thorough {
            let mut candidates = Vec::new();
            for scale in self.rough_scales(grain, width, height) {
                for beside in BESIDE {
                    let scale = Scale { right: scale.right * beside, down: scale.down * beside };
                    candidates.push(self.look(grain, width, part, scale, SIDE));
                }
            }
            candidates.sort_by(|a, b| b.score.total_cmp(&a.score));
            // Neighbours lead to the same place.
            let near = |a: &Found, b: &Found| (a.scale.right / b.scale.right - 1.0).abs() < 0.005;
            let mut finalists: Vec<Found> = Vec::new();
            for candidate in candidates {
                if finalists.len() < FINALISTS && !finalists.iter().any(|f| near(f, &candidate)) {
                    finalists.push(candidate);
                }
            }
            for found in finalists {
                let found = self.closer(grain, width, part, found);
                best = Some(found).into_iter().chain(best).max_by(|a, b| a.score.total_cmp(&b.score));
            }
            best = best.map(|b| Found { log10_odds: odds::log10(b.score, TESTS_ALL), ..b });
        }
        best
    }

    /// What the coded waves say, where that holds its own check.
    pub fn read(&mut self, grain: &[f32], width: usize, found: &Found) -> Option<Payload> {
        let height = grain.len() / width.max(1);
        self.read_part(grain, width, found, Part { x: 0, y: 0, width, height })
    }

    /// The same of a part of the picture alone.
    pub fn read_within(&mut self, grain: &[f32], width: usize, found: &Found, place: &Place) -> Option<Payload> {
        let part = Part {
            x: place.x as usize,
            y: place.y as usize,
            width: place.width as usize,
            height: place.height as usize,
        };
        self.read_part(grain, width, found, part)
    }

    fn read_part(&mut self, grain: &[f32], width: usize, found: &Found, part: Part) -> Option<Payload> {
        if found.score < PROMISING {
            return None;
        }
        self.transform(grain, width, part, found.scale, SIDE);
        let mut soft = [0.0; CODED];
        for wave in &self.waves {
            let Signs::Coded(two) = wave.signs else { continue };
            let turned = turned(phase(&self.spectrum, SIDE, wave, found.mirrored), wave, found.begins);
            for ((bit, sign), value) in two.into_iter().zip([turned.re, turned.im]) {
                if let Some(s) = soft.get_mut(bit) {
                    *s += sign * value;
                }
            }
        }
        Payload::from_bits(&decode(&soft))
    }

    /// Whether one picture carries the mark that was found in a window, with this payload, by itself.
    pub fn carries(&mut self, grain: &[f32], width: usize, found: &Found, coded: Option<&[bool; CODED]>) -> bool {
        let height = grain.len() / width.max(1);
        self.transform(grain, width, Part { x: 0, y: 0, width, height }, found.scale, SIDE);
        let mut sum = Sum::default();
        for wave in &self.waves {
            let Some(signs) = wave.signs(coded) else { continue };
            sum.add(turned(phase(&self.spectrum, SIDE, wave, found.mirrored), wave, found.begins), signs);
        }
        odds::log10(sum.score(), 1.0) <= odds::LIMIT
    }

    /// The best scales by the long waves alone.
    fn rough_scales(&mut self, grain: &[f32], width: usize, height: usize) -> Vec<Scale> {
        let mut scores = Vec::new();
        let mut scale = SCALES.0;
        // Long waves of a large scale are seen in a small copy too.
        let (mut copy, mut size, mut times) = (Vec::new(), (width, height), 1.0);
        while scale < SCALES.1 {
            if scale / times >= 2.0 * SMALL && size.0.min(size.1) >= 128 {
                copy = halved(if copy.is_empty() { grain } else { &copy }, size.0);
                size = (size.0 / 2, size.1 / 2);
                times *= 2.0;
            }
            let picture = if copy.is_empty() { grain } else { &copy };
            let part = Part { x: 0, y: 0, width: size.0, height: size.1 };
            let here = Scale { right: scale / times, down: scale / times };
            scores.push((self.look(picture, size.0, part, here, ROUGH).score, scale));
            scale *= SCALE_STEP;
        }
        // The top of each hill once.
        let is_top = |i: usize| {
            let score = |i: usize| scores.get(i).map_or(f32::MIN, |s| s.0);
            score(i) >= score(i.wrapping_sub(1)) && score(i) >= score(i + 1)
        };
        let mut tops: Vec<(f32, f32)> =
            (0..scores.len()).filter(|i| is_top(*i)).filter_map(|i| scores.get(i).copied()).collect();
        tops.sort_by(|a, b| b.0.total_cmp(&a.0));
        tops.truncate(CANDIDATES);
        tops.into_iter().map(|(_, s)| Scale { right: s, down: s }).collect()
    }

    /// The best place at and around a scale.
    fn closer(&mut self, grain: &[f32], width: usize, part: Part, mut best: Found) -> Found {
        for step in STEPS {
            loop {
                let ways = [(step, step), (-step, -step), (step, 0.0), (-step, 0.0), (0.0, step), (0.0, -step)];
                let before = best.score;
                for (right, down) in ways {
                    let scale = Scale { right: best.scale.right * (1.0 + right), down: best.scale.down * (1.0 + down) };
                    let found = self.look(grain, width, part, scale, SIDE);
                    if found.score > best.score {
                        best = found;
                        break;
                    }
                }
                // A step that hardly helps is made smaller.
                if best.score < before + 0.02 {
                    break;
                }
            }
        }
        best
    }

    /// The best place, and which way round, at one scale.
    fn look(&mut self, grain: &[f32], width: usize, part: Part, scale: Scale, side: usize) -> Found {
        self.transform(grain, width, part, scale, side);
        let turns = if side == ROUGH { ROUGH_TURNS } else { f32::MAX };
        let mut best = Found { scale, mirrored: false, begins: [0.0; 2], score: 0.0, log10_odds: 0.0 };
        for mirrored in [false, true] {
            self.surface.clear();
            self.surface.resize(side * side, Complex32::default());
            let mut squares = 0.0f32;
            for wave in &self.waves {
                let Signs::Fixed([cosine, sine]) = wave.signs else { continue };
                if (wave.right as f32).hypot(wave.down as f32) > turns {
                    continue;
                }
                let phase = phase(&self.spectrum, side, wave, mirrored);
                squares += phase.norm_sqr();
                if let Some(at) = self.surface.get_mut(index(side, wave.right, wave.down)) {
                    *at = phase * Complex32::new(cosine, -sine);
                }
            }
            if side == ROUGH { &mut self.rough } else { &mut self.fine }.inverse(&mut self.surface);
            let top = self.surface.iter().enumerate().max_by(|a, b| a.1.re.total_cmp(&b.1.re));
            let Some((at, value)) = top else { continue };
            let score = value.re / squares.sqrt().max(1e-6);
            if score > best.score {
                let lines = (TILE / side) as f32;
                best =
                    Found { mirrored, score, begins: [(at % side) as f32 * lines, (at / side) as f32 * lines], ..best };
            }
        }
        if side == SIDE && best.score >= PROMISING {
            self.settle(&mut best);
        }
        best
    }

    /// The place to a quarter of a line.
    fn settle(&self, best: &mut Found) {
        for step in [1.0f32, 0.5] {
            for _ in 0..4 {
                let mut better = best.clone();
                for (dx, dy) in [(step, 0.0), (-step, 0.0), (0.0, step), (0.0, -step)] {
                    let [x, y] = best.begins;
                    let begins = [(x + dx).rem_euclid(TILE as f32), (y + dy).rem_euclid(TILE as f32)];
                    let mut sum = Sum::default();
                    for wave in &self.waves {
                        let Signs::Fixed(signs) = wave.signs else { continue };
                        sum.add(turned(phase(&self.spectrum, SIDE, wave, best.mirrored), wave, begins), signs);
                    }
                    if sum.score() > better.score {
                        (better.score, better.begins) = (sum.score(), begins);
                    }
                }
                if better.score <= best.score {
                    break;
                }
                *best = better;
            }
        }
    }

    /// The spectrum of the folded picture.
    fn transform(&mut self, grain: &[f32], width: usize, part: Part, scale: Scale, side: usize) {
        self.tile.resize(side * side, 0.0);
        self.fold.fold(grain, width, part, scale, side, &mut self.tile);
        self.spectrum.clear();
        self.spectrum.extend(self.tile.iter().map(|v| Complex32::new(*v, 0.0)));
        if side == ROUGH { &mut self.rough } else { &mut self.fine }.forward(&mut self.spectrum);
    }
}

/// `Σ s·x` and `Σ x²` over waves.
#[derive(Default)]
struct Sum {
    sum: f32,
    squares: f32,
}

impl Sum {
    fn add(&mut self, value: Complex32, [cosine, sine]: [f32; 2]) {
        self.sum += value.re * cosine + value.im * sine;
        self.squares += value.norm_sqr();
    }

    fn score(&self) -> f32 {
        self.sum / self.squares.sqrt().max(1e-6)
    }
}

/// A picture of half the size: means of four pixels.
fn halved(picture: &[f32], width: usize) -> Vec<f32> {
    let rows = picture.chunks_exact(width).collect::<Vec<_>>();
    let pairs = rows.chunks_exact(2).flat_map(|pair| {
        let below = pair.get(1).copied().unwrap_or_default().chunks_exact(2);
        pair.first().copied().unwrap_or_default().chunks_exact(2).zip(below)
    });
    pairs.map(|(a, b)| (a.iter().sum::<f32>() + b.iter().sum::<f32>()) / 4.0).collect()
}

fn index(side: usize, right: i32, down: i32) -> usize {
    let wrap = |turns: i32| turns.rem_euclid(side as i32) as usize;
    wrap(down) * side + wrap(right)
}

/// The phase of a wave in a spectrum, with a length of one: a strong wave of the picture says no more than a faint one.
fn phase(spectrum: &[Complex32], side: usize, wave: &Wave, mirrored: bool) -> Complex32 {
    let right = if mirrored { -wave.right } else { wave.right };
    let value = spectrum.get(index(side, right, wave.down)).copied().unwrap_or_default();
    let norm = value.norm();
    if norm > 1e-6 && norm.is_finite() { value / norm } else { Complex32::default() }
}

/// A wave's phase as it would be if the tile began at the origin.
fn turned(phase: Complex32, wave: &Wave, [x, y]: [f32; 2]) -> Complex32 {
    let turn = std::f32::consts::TAU * (wave.right as f32 * x + wave.down as f32 * y) / TILE as f32;
    phase * Complex32::from_polar(1.0, turn)
}
