//! What the rest of the face hears of the voice: whether somebody speaks, which syllables are stressed, the melody, and how excited
//! the voice is.

use super::DT;
use super::features::Heard;
use super::pitch::Pitch;
use super::smooth::{Spring, ease};
use crate::sound::BLOCK;

/// Loudness over the running level where silence ends and speech is certain, nats of power (-39 and -30 dB).
const SILENT: f32 = -9.0;
const SPEAKING: f32 = -7.0;

/// Loudness over steady noise where noise ends and a voice is certain, nats of power (6 and 10 dB): the peaks of noise itself reach 1.5.
const NOISE: f32 = 1.4;
const CLEAR: f32 = 2.3;

/// A sound without pitch whose loudness hardly changes is noise, however loud it is and however lately it began: whispers have no
/// pitch, but syllables. The time over which loudness is watched, seconds; changes that are none and that are speech's, nats; how
/// long speech has no pitch, seconds: a long sibilant has none for a third of a second.
const STEADY: f32 = 0.15;
const CHANGES: (f32, f32) = (0.28, 0.5);
const UNVOICED: (f32, f32) = (0.4, 0.55);

/// Speech goes on through gaps shorter than this, seconds: the closure of a p is silent too.
const HOLD: f32 = 0.3;

/// How fast the voice rises and falls, seconds.
const RISE: f32 = 0.04;
const FALL: f32 = 0.10;

/// The mouth comes to rest more slowly than the rest of the face is told that the voice has ended, seconds; and in a pause it stays as
/// the network says, lips a little apart as people leave them, until silence has lasted from the first to the second of these times,
/// seconds. Chosen by the contrast of speech and pauses on the development clips: filmed lips are not shut in pauses.
const REST: f32 = 0.6;
const PAUSE: (f32, f32) = (2.0, 5.0);

/// The slow envelope that a stressed syllable rises over, its time in seconds, and what counts as a full stress, nats.
const SLOW: f32 = 0.7;
const STRESS: f32 = 2.2;

/// Stresses nearer than this to the last one are one.
const APART: f32 = 0.28;

/// A stress fades within this time, seconds.
const FADE: f32 = 0.16;

/// A pitch accent: from how far and to how far the pitch rises over the melody of the last half second, semitones. Listeners
/// hear an accent from 1.5 semitones on ('t Hart 1981, JASA 69:811).
const ACCENT: (f32, f32) = (1.5, 5.0);
const MELODY: f32 = 0.5;

/// Brows stay up longer than a syllable: 0.4 to 0.7 s in film (Flecha-García 2010, Speech Communication 52:542).
const ACCENT_FADE: f32 = 0.30;

/// The median of the pitch moves by at most this for each voiced block, semitones, after the first seconds.
const MEDIAN_STEP: f32 = 0.002;

/// What is farther from the median than this, semitones, is an error of an octave.
const OCTAVE: f32 = 14.0;

/// Arousal looks at the last seconds of speech and compares them with the last minute of it.
const LATELY: f32 = 2.5;
const USUALLY: f32 = 60.0;

/// So much speech must have been heard before it is trusted, seconds; in silence it is forgotten within so long.
const TRUST: f32 = 4.0;
const FORGET: f32 = 6.0;

/// Excited voices are louder, higher, wider in pitch and faster (Scherer 2003, Speech Communication 40:227; Juslin and Laukka 2003,
/// Psychological Bulletin 129:770). How much of each makes one unit of arousal: nats of power (6 dB), semitones, ratios as natural
/// logarithms (by ear).
const LOUDER: f32 = 1.4;
const HIGHER: f32 = 3.0;
const WIDER: f32 = 0.7;
const FASTER: f32 = 0.5;

/// Syllables begin at least so far apart, seconds, and rise by so much, nats.
const SYLLABLE: f32 = 0.10;
const ONSET: f32 = 0.7;

/// What has passed stops being counted here, seconds.
const LONG_AGO: f32 = 10.0;

/// The voice of the moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Heed {
    /// 0 silence .. 1 speech.
    pub voice: f32,
    /// How much of what the network says the mouth does, 0 at rest .. 1: rises with the voice and falls more slowly.
    pub mouth: f32,
    /// Emphasis, 0..1: jumps up at a stressed syllable and fades.
    pub stress: f32,
    /// Pitch accents and emphasis, 0..1: what lifts the brows.
    pub accent: f32,
    /// Loudness, 0 as in silence .. 1 as in the loudest syllables.
    pub loud: f32,
    /// Semitones over the running median of the speaker, 0 where nothing is voiced.
    pub pitch: f32,
    /// How excited the voice sounds, 0 flat, quiet and slow .. 1 loud, wide in pitch and fast; 0.5 is the speaker's usual.
    pub arousal: f32,
}

impl Default for Heed {
    fn default() -> Self {
        Self { voice: 0.0, mouth: 0.0, stress: 0.0, accent: 0.0, loud: 0.0, pitch: 0.0, arousal: 0.5 }
    }
}

#[derive(Clone, Copy, Debug)]
pub struct Voice {
    held: f32,
    gate: f32,
    mouth: f32,
    /// Seconds since the voice was heard. Who has just come may have spoken before: it begins as a pause does.
    quiet: f32,
    slow: f32,
    since: f32,
    stress: f32,
    pitch: Pitch,
    /// Seconds since a pitch was heard, the loudness lately and how much it changes.
    unvoiced: f32,
    lately: f32,
    changes: f32,
    melody: Melody,
    arousal: Arousal,
}

impl Default for Voice {
    fn default() -> Self {
        Self {
            held: 0.0,
            gate: 0.0,
            mouth: 0.0,
            quiet: 0.0,
            slow: SILENT,
            since: 1.0,
            stress: 0.0,
            pitch: Pitch::default(),
            unvoiced: 0.0,
            lately: SILENT,
            changes: 0.0,
            melody: Melody::default(),
            arousal: Arousal::default(),
        }
    }
}

impl Voice {
    pub fn step(&mut self, heard: &Heard, samples: &[f32; BLOCK]) -> Heed {
        let loud = ease((heard.over - SILENT) / (SPEAKING - SILENT));
        let semitones = self.pitch.step(samples);
        let noise = self.noise(heard, semitones.is_some());
        let now = loud * ease((heard.over_noise - NOISE) / (CLEAR - NOISE)) * (1.0 - noise);
        self.held = if now > 0.5 { HOLD } else { (self.held - DT).max(0.0) };
        let target = if self.held > 0.0 { 1.0 } else { now };
        let time = if target > self.gate { RISE } else { FALL };
        self.gate += (target - self.gate) * (1.0 - (-DT / time).exp());
        self.quiet = if self.gate > 0.5 { 0.0 } else { (self.quiet + DT).min(LONG_AGO) };
        // Noise is no pause, and shuts the mouth at once where it was taken for a voice.
        let pause = (1.0 - ease((self.quiet - PAUSE.0) / (PAUSE.1 - PAUSE.0))) * (1.0 - loud);
        let target = self.gate.max(pause);
        let time = REST + (FALL - REST) * noise;
        self.mouth = target.max(self.mouth + (target - self.mouth) * (1.0 - (-DT / time).exp()));

        let over = heard.over.max(SILENT);
        let rise = over - self.slow;
        self.slow += rise * (1.0 - (-DT / SLOW).exp());
        (self.since, self.stress) = ((self.since + DT).min(LONG_AGO), self.stress * (-DT / FADE).exp());
        let size = ((rise - 0.6) / STRESS).clamp(0.0, 1.0);
        if over > -2.0 && size > self.stress && (self.since > APART || self.since < 0.07) {
            if self.since > APART {
                self.since = 0.0;
            }
            self.stress = size;
        }
        let still = |gate: f32| if gate < 1e-3 { 0.0 } else { gate };
        let (voice, mouth) = (still(self.gate), still(self.mouth));
        let semitones = semitones.filter(|_| self.gate > 0.5);
        let (pitch, accent) = self.melody.step(semitones);
        let arousal = self.arousal.step(semitones.map(|_| pitch), over, samples, self.gate > 0.5);
        Heed {
            voice,
            mouth,
            stress: self.stress,
            // A loud syllable that does not rise lifts the brows a little.
            accent: (accent.max(0.45 * self.stress) * voice).min(1.0),
            loud: ease((over - SPEAKING) / -SPEAKING) * voice,
            pitch,
            arousal,
        }
    }
}

impl Voice {
    /// As after a long silence.
    #[cfg(test)]
    pub fn rested() -> Self {
        Self { quiet: LONG_AGO, ..Self::default() }
    }

    /// How sure it is that the sound is noise, 0..1.
    fn noise(&mut self, heard: &Heard, is_voiced: bool) -> f32 {
        self.unvoiced = if is_voiced { 0.0 } else { (self.unvoiced + DT).min(LONG_AGO) };
        let (share, over) = (1.0 - (-DT / STEADY).exp(), heard.over.max(SILENT));
        self.lately += (over - self.lately) * share;
        self.changes += ((over - self.lately).abs() - self.changes) * share;
        let above = |value: f32, (from, to): (f32, f32)| ease((value - from) / (to - from));
        above(self.unvoiced, UNVOICED) * (1.0 - above(self.changes, CHANGES))
    }
}

/// The pitch against what is usual for the speaker and for the moment.
#[derive(Clone, Copy, Debug, Default)]
struct Melody {
    /// Voiced blocks heard, as far as they matter.
    heard: f32,
    median: f32,
    around: f32,
    accent: f32,
    lift: Spring,
}

impl Melody {
    /// Semitones over 1 Hz to semitones over the median, and the accent, 0..1.
    fn step(&mut self, semitones: Option<f32>) -> (f32, f32) {
        let mut pitch = 0.0;
        self.accent *= (-DT / ACCENT_FADE).exp();
        if let Some(s) = semitones {
            if self.heard < 1.0 {
                (self.median, self.around) = (s, s);
            }
            self.heard = (self.heard + 1.0).min(1e4);
            // A stochastic median: one step up or down, whatever the distance, so that errors hardly move it.
            self.median += (s - self.median).clamp(-1.0, 1.0) * (2.0 / self.heard).max(MEDIAN_STEP);
            pitch = s - self.median;
            if pitch.abs() > OCTAVE {
                pitch = 0.0;
            } else {
                let rise = s - self.around;
                self.around += rise * (1.0 - (-DT / MELODY).exp());
                self.accent = self.accent.max(((rise - ACCENT.0) / (ACCENT.1 - ACCENT.0)).clamp(0.0, 1.0));
            }
        } else {
            // Between phrases the melody is forgotten: the next one begins where the speaker usually does.
            self.around += (self.median - self.around) * (1.0 - (-DT / (4.0 * MELODY)).exp());
        }
        (pitch, self.lift.step(self.accent, 22.0).clamp(0.0, 1.0))
    }
}

/// A mean over the last seconds and one over the last minute; both are the plain mean as long as less has been heard.
#[derive(Clone, Copy, Debug, Default)]
struct Means {
    heard: f32,
    lately: f32,
    usually: f32,
}

impl Means {
    fn hear(&mut self, value: f32) {
        self.heard = (self.heard + DT).min(2.0 * USUALLY);
        self.lately += (value - self.lately) * (DT / self.heard.min(LATELY));
        self.usually += (value - self.usually) * (DT / self.heard.min(USUALLY));
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Arousal {
    level: Means,
    pitch: Means,
    span: Means,
    syllables: Means,
    /// The last dip of the loudness, or its last peak.
    turn: f32,
    has_fallen: bool,
    since: f32,
    /// How far the last block of speech was off the usual, in units.
    off: f32,
    smooth: Spring,
}

impl Arousal {
    /// `pitch` over the median where voiced, `over` the loudness over the running level, nats.
    fn step(&mut self, pitch: Option<f32>, over: f32, samples: &[f32; BLOCK], is_speech: bool) -> f32 {
        // A syllable begins where the loudness rises out of a dip, and the next one not before it has fallen again.
        self.since = (self.since + DT).min(LONG_AGO);
        self.turn = if self.has_fallen { self.turn.min(over) } else { self.turn.max(over) };
        let begins = self.has_fallen && over - self.turn > ONSET && self.since > SYLLABLE && is_speech;
        if begins {
            (self.since, self.turn, self.has_fallen) = (0.0, over, false);
        } else if !self.has_fallen && self.turn - over > ONSET {
            (self.turn, self.has_fallen) = (over, true);
        }
        if is_speech {
            let power = samples.iter().filter(|s| s.is_finite()).map(|s| s.clamp(-4.0, 4.0).powi(2)).sum::<f32>();
            if let Some(pitch) = pitch {
                self.level.hear((power / BLOCK as f32 + 1e-9).ln());
                self.pitch.hear(pitch);
                self.span.hear((pitch - self.pitch.lately).abs());
            }
            self.syllables.hear(if begins { 1.0 / DT } else { 0.0 });
            let ratio = |m: &Means, least: f32| ((m.lately + least) / (m.usually + least)).ln();
            let sum = (self.level.lately - self.level.usually) / LOUDER
                + (self.pitch.lately - self.pitch.usually) / HIGHER
                + ratio(&self.span, 0.5) / WIDER
                + ratio(&self.syllables, 1.0) / FASTER;
            self.off = 0.5 * sum * (self.syllables.heard / TRUST - 0.5).clamp(0.0, 1.0);
        } else {
            self.off *= (-DT / FORGET).exp();
        }
        0.5 + 0.5 * self.smooth.step(self.off, 3.0).tanh()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::motion::features::{BANDS, FRAMES, Features};

    fn heard(over: f32) -> Heard {
        Heard { mel: [[0.0; BANDS]; FRAMES], over, over_noise: 8.0, is_floor: false, ..Heard::SILENCE }
    }

    fn hear(v: &mut Voice, over: f32, blocks: usize) {
        for _ in 0..blocks {
            v.step(&heard(over), &[0.0; BLOCK]);
        }
    }

    #[test]
    fn the_closure_of_a_p_does_not_end_the_voice_but_a_pause_does() {
        let mut v = Voice::default();
        for _ in 0..6 {
            hear(&mut v, -0.5, 5);
            hear(&mut v, -2.5, 4);
        }
        hear(&mut v, -12.0, 7);
        assert!(v.step(&heard(-12.0), &[0.0; BLOCK]).voice > 0.95);
        hear(&mut v, -12.0, 50);
        assert!(v.step(&heard(-12.0), &[0.0; BLOCK]).voice == 0.0);
    }

    #[test]
    fn a_loud_syllable_after_soft_ones_is_stressed_and_a_steady_sound_is_not() {
        let mut v = Voice::default();
        hear(&mut v, -3.0, 200);
        let loud = v.step(&heard(0.5), &[0.0; BLOCK]).stress;
        assert!(loud > 0.5, "{loud}");
        let steady = (0..200).map(|_| v.step(&heard(0.5), &[0.0; BLOCK]).stress).last().unwrap_or(1.0);
        assert!(steady < 0.01, "{steady}");
    }

    /// A voice that hums syllables of 5 harmonics, for as many seconds as asked.
    struct Hummer {
        ears: Features,
        voice: Voice,
        turn: f32,
        time: f32,
    }

    impl Hummer {
        fn new() -> Self {
            Self { ears: Features::default(), voice: Voice::default(), turn: 0.0, time: 0.0 }
        }

        /// `hz` the pitch, `span` how far it sways, semitones, `rate` the syllables a second.
        fn hum(&mut self, seconds: f32, hz: f32, gain: f32, span: f32, rate: f32) -> Vec<Heed> {
            let mut heeds = Vec::new();
            for _ in 0..(seconds / DT) as usize {
                let mut block = [0.0; BLOCK];
                for slot in &mut block {
                    self.time += 1.0 / 16_000.0;
                    let sway = span * (std::f32::consts::TAU * 0.7 * self.time).sin();
                    self.turn = (self.turn + hz * (sway / 12.0).exp2() / 16_000.0).fract();
                    let beat = 0.5 - 0.5 * (std::f32::consts::TAU * (rate * self.time).fract()).cos();
                    let tone = |k: f32| (std::f32::consts::TAU * k * self.turn).sin() / k;
                    *slot = gain * (0.04 + beat) * (1..6).map(|k| tone(k as f32)).sum::<f32>();
                }
                heeds.push(self.voice.step(&self.ears.push(&block), &block));
            }
            heeds
        }
    }

    #[test]
    fn pitch_is_told_over_the_speakers_median_and_an_accent_where_it_rises() {
        for hz in [100.0, 210.0] {
            let mut h = Hummer::new();
            let usual = h.hum(6.0, hz, 0.1, 0.0, 4.0);
            assert!(usual.iter().skip(20).all(|h| h.pitch.abs() < 0.6 && h.accent < 0.6));
            let before = usual.iter().skip(100).map(|h| h.accent).sum::<f32>() / 200.0;
            let high = h.hum(0.3, hz * 1.4, 0.1, 0.0, 4.0);
            let most = |of: fn(&Heed) -> f32| high.iter().map(of).fold(0.0, f32::max);
            assert!((4.5..7.0).contains(&most(|h| h.pitch)), "{}", most(|h| h.pitch));
            assert!(most(|h| h.accent) > before + 0.4, "{} after {before}", most(|h| h.accent));
        }
    }

    #[test]
    fn a_louder_higher_wider_faster_voice_is_aroused_and_the_usual_one_is_not() {
        let at_end = |heeds: Vec<Heed>| heeds.iter().rev().take(50).map(|h| h.arousal).sum::<f32>() / 50.0;
        for gain in [0.02, 0.1] {
            let mut h = Hummer::new();
            let usual = at_end(h.hum(30.0, 120.0, gain, 1.0, 4.0));
            let mut low = Hummer { ears: h.ears.clone(), voice: h.voice, ..h };
            let excited = at_end(h.hum(5.0, 150.0, gain * 2.0, 3.0, 6.0));
            let dull = at_end(low.hum(5.0, 110.0, gain * 0.5, 0.3, 2.5));
            assert!((usual - 0.5).abs() < 0.06, "usual {usual}");
            assert!(excited > 0.75 && dull < 0.3, "excited {excited}, dull {dull}");
            // What goes on becomes the usual, and silence calms.
            let later = at_end(h.hum(240.0, 150.0, gain * 2.0, 3.0, 6.0));
            assert!(later < excited - 0.15, "{later} four minutes after {excited}");
            let silent = at_end(h.hum(40.0, 150.0, 0.0, 3.0, 6.0));
            assert!((silent - 0.5).abs() < 0.05, "silent {silent}");
        }
    }

    #[test]
    fn noise_and_hum_are_no_voice_a_second_after_they_began_and_a_whisper_is_one() {
        let mut rng = fastrand::Rng::with_seed(1);
        let mut voices = |of: &mut dyn FnMut(f32, f32) -> f32| -> Vec<f32> {
            let (mut ears, mut voice) = (Features::default(), Voice::default());
            let block = |k: usize| {
                let mut block = [0.0; BLOCK];
                for (i, slot) in block.iter_mut().enumerate() {
                    *slot = of((k * BLOCK + i) as f32 / 16_000.0, 2.0 * (rng.f32() - 0.5));
                }
                voice.step(&ears.push(&block), &block).voice
            };
            (0..500).map(block).collect()
        };
        let turn = |hz: f32, t: f32| (std::f32::consts::TAU * (hz * t).fract()).sin();
        for gain in [0.003, 0.03, 0.1, 0.5] {
            let noise = voices(&mut |_, r| gain * r);
            assert!(noise.iter().skip(70).all(|v| *v < 0.05), "noise of {gain}: {noise:?}");
            let hum = voices(&mut |t, _| gain * turn(30.0, t));
            assert!(hum.iter().skip(70).all(|v| *v < 0.05), "hum of {gain}: {hum:?}");
            let whisper = voices(&mut |t, r| gain * r * (0.03 + (0.5 - 0.5 * turn(3.5, t)).powi(2)));
            assert!(whisper.iter().skip(50).all(|v| *v > 0.8), "a whisper of {gain}: {whisper:?}");
        }
    }

    #[test]
    fn no_sound_makes_the_voice_leave_its_range() {
        let (mut ears, mut voice, mut rng) = (Features::default(), Voice::default(), fastrand::Rng::with_seed(1));
        for k in 0..5_000 {
            let mut block = [0.0; BLOCK];
            let gain = [0.0, 1e-4, 0.1, 1.0, 1e6, f32::NAN, f32::INFINITY][k / 50 % 7];
            block.iter_mut().for_each(|s| *s = gain * (rng.f32() - 0.5));
            let h = voice.step(&ears.push(&block), &block);
            for v in [h.voice, h.stress, h.accent, h.loud, h.arousal] {
                assert!((0.0..=1.0).contains(&v), "{h:?} at {k}");
            }
            assert!(h.pitch.abs() <= OCTAVE);
        }
    }
}
