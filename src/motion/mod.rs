//! Motion: sound to face. The lips come from a network, everything else from small models of how people move; each part is
//! made by one producer, and `Motion::step` puts them together.

mod arousal;
mod articulate;
mod eyes;
mod features;
mod fft;
#[cfg(test)]
mod fixture;
mod head;
mod level;
mod lips;
mod past;
mod phonemes;
mod pitch;
mod shapes;
mod smooth;
mod solve;
mod steer;
mod style;
mod thought;
mod voice;

pub use articulate::{AHEAD as PHONES_AHEAD, BACK as PHONES_BACK};
pub use lips::Lips;
pub use steer::{Aim, DISTANCE, GAZE, Gesture, HEAD, Steering, Turn, check_distance};
pub use style::MAX_INTENSITY;

use crate::config::Profile;
use crate::face::{Face, Shape};
use crate::sound::{BLOCK_TIME, Block};
use crate::speech::Phone;
use std::time::Duration;

/// A block, in seconds: everything here moves in steps of it.
const DT: f32 = 0.02;

/// The same sound, the same profile and the same seed give the same faces, live or offline. A step allocates nothing but what
/// the network's runtime allocates.
pub struct Motion {
    lips: Lips,
    now: State,
    past: past::Past<State>,
    composing: bool,
    steering: Steering,
}

/// All that a step changes.
struct State {
    features: features::Features,
    lips: lips::Memory,
    voice: voice::Voice,
    eyes: eyes::Eyes,
    head: head::Head,
    style: style::Style,
    thought: thought::Thought,
    steer: steer::Steer,
    /// The voice and stress of earlier blocks: what is not looked ahead for is held back to the lips' instant.
    late: [voice::Heed; LATE],
}

impl Clone for State {
    fn clone(&self) -> Self {
        let Self { features, lips, voice, eyes, head, style, thought, steer, late } = self;
        Self {
            features: features.clone(),
            lips: lips.clone(),
            voice: *voice,
            eyes: eyes.clone(),
            head: head.clone(),
            style: *style,
            thought: thought.clone(),
            steer: *steer,
            late: *late,
        }
    }

    /// Reuses the room of the lips' memory, so that remembering a step allocates nothing.
    fn clone_from(&mut self, source: &Self) {
        let Self { features, lips, voice, eyes, head, style, thought, steer, late } = source;
        self.lips.clone_from(lips);
        self.features.clone_from(features);
        self.eyes.clone_from(eyes);
        self.head.clone_from(head);
        self.thought.clone_from(thought);
        (self.voice, self.style, self.steer, self.late) = (*voice, *style, *steer, *late);
    }
}

/// Blocks by which the voice is heard before the lips show it. Whatever the network, it moves the face this long before.
const EARLY: usize = 4;

/// Stresses are heard as early; nods and brows wait for half of that, as they begin slowly.
const HELD: usize = 2;

/// The most that is held back: what the large network looks ahead further, and that half.
const LATE: usize = 8;

impl Motion {
    /// A face at rest with the plain profile. `seed` decides the chance in blinks, glances and the head's wandering.
    pub fn new(lips: Lips, seed: u64) -> Self {
        let now = State {
            features: features::Features::default(),
            lips: lips.rest(),
            voice: voice::Voice::default(),
            eyes: eyes::Eyes::new(seed),
            head: head::Head::new(seed),
            style: style::Style::default(),
            thought: thought::Thought::new(seed),
            steer: steer::Steer::default(),
            late: [voice::Heed::default(); LATE],
        };
        Self { lips, now, past: past::Past::default(), composing: false, steering: Steering::default() }
    }

    /// Turns to `profile` within `over`. `intensity` 0..[`MAX_INTENSITY`], 1 is the profile as written.
    pub fn set_profile(&mut self, profile: &Profile, intensity: f32, over: Duration) {
        self.now.style.set(profile, intensity, over);
    }

    /// Steers the face to `steering`, each part of it by its own smooth motion.
    pub fn steer(&mut self, steering: Steering) {
        self.steering = steering;
    }

    /// Ends the way to what is steered to: the next face is there.
    pub fn settle(&mut self) {
        self.now.steer.settle(&self.steering);
    }

    /// Plays a gesture once, beside whatever else plays.
    pub fn gesture(&mut self, gesture: Gesture) {
        self.now.steer.begin(gesture);
    }

    /// What moves the lips, for status reports.
    pub fn provider(&self) -> String {
        self.lips.provider()
    }

    /// A face belongs to the instant this long before the end of the block that made it: always the same for the same lips.
    pub fn look_ahead(&self) -> Duration {
        self.lips.look_ahead()
    }

    /// Says that the sound waits for the face, and how long it has; lips that take longer than a live picture has then do with
    /// less.
    pub fn behind(&mut self, by: Duration) {
        self.lips.behind(by);
    }

    /// Whether a smaller network leads the lips just now because the larger one did not keep its time.
    pub fn has_stepped_down(&self) -> bool {
        self.lips.has_stepped_down()
    }

    /// What is wrong with the lips just now, as a sentence; none where all is well.
    pub fn problem(&self) -> Option<&str> {
        self.lips.problem()
    }

    /// How far a voice sounds at the instant of the last face, 0..1.
    pub fn voice(&self) -> f32 {
        self.now.late.get(self.lips.blocks_ahead() - EARLY).map_or(0.0, |heed| heed.voice)
    }

    /// Takes back the last `steps` blocks, as far as they are remembered (14), so that others can be heard in their place: the
    /// faces that follow are those of a run that never heard them. What was set in between stays in force. Returns how many
    /// were taken back.
    pub fn rewind(&mut self, steps: usize) -> usize {
        let (style, steer) = (self.now.style, self.now.steer);
        let back = (0..steps).take_while(|_| self.past.back(&mut self.now)).count();
        self.now.style.keep_order(&style);
        self.now.steer.keep_begun(&steer);
        back
    }

    /// Whether the user is composing a text: the face looks thoughtful, within half a second, while no voice sounds.
    pub fn set_composing(&mut self, composing: bool) {
        self.composing = composing;
    }

    /// Hears one block and gives the face of the instant [`Motion::look_ahead`] before the block's end, stamped with it. `phones` are
    /// those that sound from [`PHONES_BACK`] before the *face's* moment to [`PHONES_AHEAD`] after it, as far as they are known, in
    /// their order, on the clock of the blocks; what lies beyond does no harm. Marks and pads may be among them. Without any, the
    /// lips follow the sound alone.
    pub fn step(&mut self, block: &Block, phones: &[Phone]) -> Face {
        self.past.keep(&self.now);
        let State { features, lips, voice, eyes, head, style, thought, steer, late } = &mut self.now;
        let heard = features.push(&block.samples);
        late.rotate_right(1);
        if let Some(newest) = late.first_mut() {
            *newest = voice.step(&heard, &block.samples);
        }
        let further = self.lips.blocks_ahead() - EARLY;
        let before = |blocks: usize| late.get(blocks).copied().unwrap_or_default();
        let (heed, held) = (before(further), before(further + HELD));
        let mut channels = self.lips.step(&heard, &block.samples, lips);
        let at = block.at + BLOCK_TIME - self.lips.look_ahead();
        let bite = articulate::articulate(&mut channels, phones, at) * heed.voice;
        let thinks = thought.step(self.composing, heed.voice, eyes.side());
        let steered = steer.step(&self.steering, heed.voice);
        let own = style.step();
        let manner = thought.carry(&steered.carry(&arousal::driven_by_voice(&own, heed.arousal)), thinks);

        // A lively profile opens the mouth a little more, a dull one a little less; twice as much would be a caricature. Nothing
        // else has a say in it.
        let energy = 0.75 + 0.25 * own.energy;
        let mut weights = shapes::weights(&channels, heed.mouth, energy);
        shapes::bite(&mut weights, bite);
        let emphasis = held.accent * manner.energy + arousal::brows_of_voice(&own, heed.arousal);
        style.colour(&mut weights, heed.voice, emphasis, bite, &steered);
        thought.colour(&mut weights, thinks, heed.voice);
        let head = steered.turned(&head.step(heed.voice, &held, thought.turn(thinks), &manner));
        let look = eyes.step(heed.voice, thinks, &manner, &steered.felt(&head, style.rest()));
        let gaze = steered.aimed(look.gaze);
        // Lids go down with the eyes, and a blink overrides how wide or narrow the expression holds them.
        let lowered = (-gaze.pitch * 0.012).clamp(0.0, 0.2);
        for (blink, wide) in [(Shape::EyeBlinkLeft, Shape::EyeWideLeft), (Shape::EyeBlinkRight, Shape::EyeWideRight)] {
            let held = (weights[blink] + lowered).clamp(0.0, 1.0);
            weights[blink] = held + (1.0 - held) * look.blink;
            weights[wide] *= 1.0 - look.blink;
        }
        weights.0.iter_mut().for_each(|w| *w = w.clamp(0.0, 1.0));
        Face { at, weights, head, gaze }
    }
}

#[cfg(test)]
#[path = "tests/bad_sound.rs"]
mod bad_sound;

#[cfg(test)]
#[path = "tests/people.rs"]
mod people;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Moment;
    use crate::config::Paths;
    use crate::sound::BLOCK;

    /// A face that has been silent for long.
    pub(super) fn motion(seed: u64) -> Motion {
        let lips = Lips::open(&Paths::find()).unwrap_or_else(|e| {
            eprintln!("PARTLY SKIPPED, by level: {e:#}");
            Lips::level()
        });
        rested(lips, seed)
    }

    pub(super) fn rested(lips: Lips, seed: u64) -> Motion {
        let mut motion = Motion::new(lips, seed);
        motion.now.voice = voice::Voice::rested();
        motion
    }

    /// What makes a face by each network that is here, from a seed.
    fn networks() -> Vec<fn(u64) -> Motion> {
        let large = |seed| rested(lips::tests::large(true).unwrap_or_else(Lips::level), seed);
        if lips::tests::large(true).is_some() { vec![motion, large] } else { vec![motion] }
    }

    /// The faces of a whole sound that begins at moment 0, one every 20 ms from its first instant to its end.
    pub(super) fn faces(mut motion: Motion, samples: &[f32]) -> Vec<Face> {
        let blocks = samples.len() / BLOCK + motion.lips.blocks_ahead() - 1;
        let mut sound = samples.to_vec();
        sound.resize(blocks * BLOCK, 0.0);
        let faces = sound
            .as_chunks::<BLOCK>()
            .0
            .iter()
            .zip(0..)
            .map(|(samples, k)| motion.step(&Block { at: Moment(0) + BLOCK_TIME * k, samples: *samples }, &[]));
        faces.filter(|f| f.at >= Moment(0)).collect()
    }

    pub(super) fn voice(seconds: usize) -> Vec<f32> {
        fixture::load().samples.iter().copied().take(24_000).cycle().take(seconds * 16_000).collect()
    }

    pub(super) fn gap(face: &Face) -> f32 {
        shapes::gap(&face.weights)
    }

    #[test]
    fn silence_leaves_the_lips_closed_and_the_head_and_eyes_alive() {
        let faces = faces(motion(1), &vec![0.0; 16_000 * 30]);
        assert_eq!(faces.len(), 1500);
        for f in &faces {
            assert!(gap(f).abs() < 0.01 && f.weights[Shape::JawOpen] < 0.02, "{:?}", f.weights);
        }
        let span = |of: fn(&Face) -> f32| {
            let (low, high) = faces.iter().map(of).fold((f32::MAX, f32::MIN), |(l, h), v| (l.min(v), h.max(v)));
            high - low
        };
        assert!(span(|f| f.head.yaw) > 0.5 && span(|f| f.head.pitch) > 0.5 && span(|f| f.head.y) > 0.005);
        assert!(span(|f| f.gaze.yaw) > 2.0 && span(|f| f.weights[Shape::EyeBlinkLeft]) > 0.9);
    }

    #[test]
    fn lips_are_a_little_apart_at_first_and_after_speech_and_closed_five_seconds_later() {
        let mut fresh = motion(1);
        fresh.now.voice = voice::Voice::default();
        let mut sound = vec![0.0; 16_000 * 8];
        sound.extend(voice(4));
        sound.extend([0.0; 16_000 * 8]);
        let gaps: Vec<f32> = faces(fresh, &sound).iter().map(gap).collect();
        for (apart, shut) in [(&gaps[..100], &gaps[300..395]), (&gaps[650..700], &gaps[900..])] {
            assert!(apart.iter().all(|g| *g > 0.02 && *g < 0.12), "{apart:?}");
            assert!(shut.iter().all(|g| g.abs() < 0.01), "{shut:?}");
        }
        assert!(gaps[100..300].windows(2).all(|w| w[1] <= w[0] + 1e-4), "they come together: {:?}", &gaps[100..300]);
    }

    #[test]
    fn the_mouth_moves_with_the_voice() {
        let faces = faces(motion(1), &voice(6));
        let mean = faces.iter().map(gap).sum::<f32>() / faces.len() as f32;
        let sd = (faces.iter().map(|f| (gap(f) - mean).powi(2)).sum::<f32>() / faces.len() as f32).sqrt();
        assert!(sd > 0.02, "the gap hardly moves: {sd}");
    }

    #[test]
    fn the_same_seed_gives_the_same_faces_and_another_seed_the_same_lips() {
        let sound = voice(4);
        let (a, b, c) = (faces(motion(7), &sound), faces(motion(7), &sound), faces(motion(8), &sound));
        assert_eq!(a, b);
        assert!(a.iter().zip(&c).any(|(x, y)| x.head != y.head));
        assert!(a.iter().zip(&c).all(|(x, y)| gap(x) == gap(y)));
    }

    #[test]
    fn live_blocks_give_the_faces_of_the_offline_run_stamped_with_their_instants() {
        let sound = voice(3);
        for (make, ahead) in networks().into_iter().zip([4, 8]) {
            let offline = faces(make(3), &sound);
            let mut live = make(3);
            assert_eq!(live.look_ahead(), BLOCK_TIME * ahead);
            let start = Moment(123_456_789);
            let mut compared = 0;
            for (samples, k) in sound.as_chunks::<BLOCK>().0.iter().zip(0..) {
                let face = live.step(&Block { at: start + BLOCK_TIME * k, samples: *samples }, &[]);
                // The face of block k is that of (k + 1) * 20 ms less the look-ahead.
                if let Some(o) = (k + 1).checked_sub(ahead).and_then(|k| offline.get(k as usize)) {
                    assert_eq!((face.weights, face.head, face.gaze), (o.weights, o.head, o.gaze));
                    assert_eq!(face.at.0 - start.0, o.at.0);
                    compared += 1;
                }
            }
            assert_eq!(compared, 151 - ahead);
        }
    }

    #[test]
    fn a_voice_twenty_decibels_quieter_moves_the_lips_nearly_the_same() {
        let loud = voice(20);
        let quiet: Vec<f32> = loud.iter().map(|s| s * 0.1).collect();
        let gaps = |sound: &[f32]| faces(motion(1), sound).iter().skip(500).map(gap).collect::<Vec<f32>>();
        let (a, b) = (gaps(&loud), gaps(&quiet));
        let mean = |v: &[f32]| v.iter().sum::<f32>() / v.len() as f32;
        let (ma, mb) = (mean(&a), mean(&b));
        let (mut ab, mut aa, mut bb) = (0.0, 0.0, 0.0);
        for (x, y) in a.iter().zip(&b) {
            ab += (x - ma) * (y - mb);
            aa += (x - ma).powi(2);
            bb += (y - mb).powi(2);
        }
        let r = ab / (aa * bb).sqrt();
        assert!(r > 0.75 && (ma - mb).abs() < 0.09, "r {r}, means {ma} and {mb}");
    }

    #[test]
    fn broken_sound_gives_finite_weights_in_their_range() {
        let mut m = motion(2);
        for bad in [f32::NAN, f32::INFINITY, -1e30, 1e-40, 0.0] {
            for _ in 0..20 {
                let f = m.step(&Block { at: Moment(0), samples: [bad; BLOCK] }, &[]);
                assert!(f.weights.0.iter().all(|w| (0.0..=1.0).contains(w)));
                assert!(f.head.yaw.is_finite() && f.gaze.pitch.is_finite());
            }
        }
        assert!(m.problem().is_none());
    }

    #[test]
    fn a_profile_changes_the_face_and_keeps_the_lips_sealed_where_they_close() {
        let sound = voice(6);
        let plain = faces(motion(1), &sound);
        let mut happy = Profile::default();
        happy.expression[Shape::MouthSmileLeft] = 0.6;
        happy.expression[Shape::JawOpen] = 0.2;
        let mut m = motion(1);
        m.set_profile(&happy, 1.0, Duration::ZERO);
        let smiling = faces(m, &sound);
        for (p, s) in plain.iter().zip(&smiling) {
            assert!(s.weights[Shape::MouthSmileLeft] > 0.2);
            if p.weights[Shape::MouthPressLeft] > 0.2 && gap(p) < 0.01 {
                assert!(gap(s) < 0.06, "{} became {}", gap(p), gap(s));
            }
        }
    }

    #[test]
    fn blocks_that_were_taken_back_leave_no_trace() {
        let sound = voice(3);
        let silence = [0.0; BLOCK];
        let speech = || sound.as_chunks::<BLOCK>().0.iter();
        let at = |k: i64| Moment(0) + BLOCK_TIME * u32::try_from(k).unwrap();
        let cases = [(40, 11), (40, 3), (200, 6), (4, 4)];
        for (make, (before, taken)) in networks().into_iter().flat_map(|n| cases.map(|c| (n, c))) {
            let (mut fresh, mut m) = (make(6), make(6));
            let mut happy = Profile::default();
            happy.expression[Shape::MouthSmileLeft] = 0.6;
            for m in [&mut fresh, &mut m] {
                m.set_profile(&happy, 1.0, Duration::from_secs(1));
                // What is taken back may be speech as well as silence.
                for (samples, k) in speech().take(30).chain(std::iter::repeat_n(&silence, before)).zip(0..) {
                    m.step(&Block { at: at(k), samples: *samples }, &[]);
                }
            }
            for (samples, k) in speech().skip(50).take(taken).zip(0..) {
                m.step(&Block { at: at(k), samples: *samples }, &[]);
            }
            assert_eq!(m.rewind(taken), taken);
            for (samples, k) in speech().skip(30).zip(0..) {
                let block = Block { at: at(k), samples: *samples };
                assert_eq!(m.step(&block, &[]), fresh.step(&block, &[]), "block {k} after {taken} of {before}");
            }
        }
    }

    #[test]
    fn no_more_is_taken_back_than_is_remembered_and_a_new_profile_stays() {
        let mut m = motion(6);
        assert_eq!(m.rewind(3), 0);
        for k in 0..40 {
            m.step(&Block::silent(Moment(0) + BLOCK_TIME * k), &[]);
        }
        let mut happy = Profile::default();
        happy.expression[Shape::MouthSmileLeft] = 0.6;
        m.set_profile(&happy, 1.0, Duration::ZERO);
        assert_eq!((m.rewind(25), m.rewind(1)), (past::DEPTH, 0));
        let face = m.step(&Block::silent(Moment(0)), &[]);
        assert!((face.weights[Shape::MouthSmileLeft] - 0.6).abs() < 1e-5);
    }

    #[test]
    fn phones_close_the_lips_and_bring_them_to_the_teeth_whatever_the_sound_and_the_profile() {
        let sound = voice(6);
        let mut wild = Profile::default();
        (wild.expression[Shape::JawOpen], wild.expression[Shape::MouthSmileLeft]) = (0.3, 0.5);
        for rate in [0.5, 1.0, 2.0] {
            // Syllables of 200 ms at the natural rate.
            let length = |symbol| if symbol == 'ɑ' { 130_000.0 } else { 70_000.0 };
            let (mut from, mut phones) = (0.0, Vec::new());
            for symbol in "pɑbɑmɑfɑvɑ".chars().cycle().take(120) {
                let to = from + length(symbol) / rate;
                phones.push(Phone { symbol, from: Moment(from as i64), to: Moment(to as i64) });
                from = to;
            }
            let mut m = motion(1);
            m.set_profile(&wild, 1.0, Duration::ZERO);
            let (mut sealed, mut bitten) = (0, 0);
            for (samples, k) in sound.as_chunks::<BLOCK>().0.iter().zip(0..) {
                let face = m.step(&Block { at: Moment(0) + BLOCK_TIME * k, samples: *samples }, &phones);
                // The voice of the recording has begun by then.
                let sounding = phones.iter().find(|p| face.at > Moment(500_000) && p.from < face.at && face.at <= p.to);
                let within = |p: &Phone| (p.from.0 + 10_000..p.to.0 - 10_000).contains(&face.at.0);
                match sounding.filter(|p| "bm".contains(p.symbol) || within(p)).map(|p| p.symbol) {
                    Some(c @ ('b' | 'm')) => {
                        assert!(gap(&face) < 0.03, "{c} at {:?} and rate {rate}: {}", face.at, gap(&face));
                        sealed += 1;
                    }
                    Some(c @ ('f' | 'v')) => {
                        let w = &face.weights;
                        // The lower lip: the gap less the share of the upper one.
                        let down = gap(&face) - 0.1 * (w[Shape::MouthUpperUpLeft] + w[Shape::MouthUpperUpRight]);
                        assert!(down < 0.07 && w[Shape::MouthRollLower] > 0.5, "{c} at {:?}, {rate}: {w:?}", face.at);
                        bitten += 1;
                    }
                    _ => {}
                }
            }
            assert!(sealed > 15 && bitten > 15, "{sealed} and {bitten}");
        }
    }

    #[test]
    fn phones_that_sound_at_another_time_change_nothing() {
        let (mut with, mut without) = (motion(1), motion(1));
        let later = Phone { symbol: 'p', from: Moment(9_000_000), to: Moment(9_100_000) };
        for (samples, k) in voice(3).as_chunks::<BLOCK>().0.iter().zip(0..) {
            let block = Block { at: Moment(0) + BLOCK_TIME * k, samples: *samples };
            assert_eq!(with.step(&block, &[later]), without.step(&block, &[]));
        }
    }

    #[test]
    fn whoever_composes_looks_thoughtful_and_never_freezes_and_speech_keeps_its_lips() {
        let silence = [0.0; 16_000 * 20];
        let mut m = motion(5);
        m.set_composing(true);
        let thinking = faces(m, &silence);
        for second in thinking[50..].chunks(50) {
            assert!(second.iter().all(|f| f.weights[Shape::BrowInnerUp] > 0.1 && gap(f) < 0.02));
            // Alive: within every second the face and the head move.
            assert!(second.windows(2).all(|w| w[0].head != w[1].head && w[0].weights != w[1].weights));
        }
        assert!(thinking.iter().filter(|f| f.gaze.pitch + f.head.pitch > 4.0).count() * 2 > thinking.len());

        let sound = voice(4);
        let (mut plain, mut busy) = (motion(5), motion(5));
        busy.set_composing(true);
        for (samples, k) in sound.as_chunks::<BLOCK>().0.iter().zip(0..) {
            let block = Block { at: Moment(0) + BLOCK_TIME * k, samples: *samples };
            let (plain, busy) = (plain.step(&block, &[]), busy.step(&block, &[]));
            // The recording's voice is there after half a second.
            if k > 30 {
                assert!((gap(&plain) - gap(&busy)).abs() < 0.01, "block {k}");
            }
        }
    }

    /// Says what remembering a step costs: `cargo test --release --lib motion -- --nocapture cost`.
    #[test]
    fn cost_of_remembering_a_step() {
        let mut m = motion(1);
        let clock = std::time::Instant::now();
        for _ in 0..10_000 {
            m.past.keep(&m.now);
        }
        println!("remembering a step: {:.2} µs", clock.elapsed().as_secs_f64() * 100.0);
        assert_eq!(m.rewind(99), past::DEPTH);
    }
}
