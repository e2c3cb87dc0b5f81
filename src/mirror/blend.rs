//! The user's own face and the one that the voice makes, as one face without a jump.

use super::Seen;
use super::table::READ;
use super::treat::part_of;
use crate::clock::Moment;
use crate::config::{Lead, Part};
use crate::face::{COUNT, Face, Gaze, HeadPose, NAMES};

/// A face that was seen this long ago is still shown; seconds. Longer, and the way back to generated motion begins.
const HELD: f64 = 0.15;
/// The way to the camera's face and back; seconds.
const FADE: f32 = 0.3;
/// The way of the lips from the camera to the voice, which begins to lead before it is heard; and back, when it has ended.
const TO_VOICE: f32 = 0.08;
const FROM_VOICE: f32 = 0.25;
/// Frames come unevenly: the shown face follows the seen one within this time, seconds.
const FOLLOW: f32 = 0.018;
/// How much of the generated head and gaze plays on top of the user's own where both lead.
const ON_TOP: f32 = 0.35;

/// What the camera has of the user, and when it saw it.
#[derive(Clone, Debug)]
pub struct Sight {
    pub seen: Seen,
    /// By [`Part`]: what leads it.
    pub leads: [Lead; 5],
    /// When the light of it fell into the camera.
    pub at: Moment,
    /// When it was there to be shown.
    pub ready: Moment,
}

/// Puts the two faces together, frame by frame.
#[derive(Clone, Debug)]
pub struct Blender {
    /// By [`Part`]: how far the camera leads, 0..1, before easing.
    shares: [f32; 5],
    /// How far the voice leads the lips where both do, 0..1, before easing.
    voice: f32,
    leads: [Lead; 5],
    /// The user's face, as it is shown.
    own: Option<Face>,
    last: Moment,
    /// Which weights the camera tells of.
    read: [bool; COUNT],
}

impl Default for Blender {
    fn default() -> Self {
        let mut read = [false; COUNT];
        READ.iter().for_each(|shape| read[*shape as usize] = true);
        Self { shares: [0.0; 5], voice: 0.0, leads: [Lead::Camera; 5], own: None, last: Moment(i64::MIN), read }
    }
}

impl Blender {
    /// Whether the generated face is shown as it is.
    pub fn is_idle(&self) -> bool {
        self.shares.iter().all(|s| *s == 0.0)
    }

    /// The face that is shown at `now`. `sounds`: how far a voice is heard then, 0..1.
    pub fn mix(&mut self, generated: &Face, sounds: f32, sight: Option<&Sight>, now: Moment) -> Face {
        let dt = if self.last.0 == i64::MIN { 0.0 } else { now.seconds_since(self.last).clamp(0.0, 0.2) as f32 };
        self.last = now;
        let fresh = sight.filter(|s| now.seconds_since(s.ready) < HELD);
        if fresh.is_none() && self.is_idle() {
            self.own = None;
            return *generated;
        }
        if let Some(fresh) = fresh {
            // A change of what leads is a fade like any other, as the shares follow it.
            self.leads = fresh.leads;
            let target = &fresh.seen.face;
            let share = 1.0 - (-dt / FOLLOW).exp();
            self.own = Some(self.own.map_or(*target, |own| own.lerp(target, share)));
        }
        let step = dt / FADE;
        for (k, share) in self.shares.iter_mut().enumerate() {
            let leads = fresh.is_some_and(|s| s.leads[k] != Lead::Voice);
            let trust = fresh.map_or(0.0, |s| s.seen.trust[k]);
            let goal = if leads { trust } else { 0.0 };
            *share += (goal - *share).clamp(-step, step);
        }
        let speaks = if sounds > 0.3 { dt / TO_VOICE } else { -dt / FROM_VOICE };
        self.voice = (self.voice + speaks).clamp(0.0, 1.0);
        match self.own {
            Some(own) => self.join(generated, &own),
            None => *generated,
        }
    }

    fn join(&self, made: &Face, own: &Face) -> Face {
        let share = |part: Part| ease(self.shares[part as usize]);
        let both = |part: Part| self.leads[part as usize] == Lead::Both;
        let voice = ease(self.voice);
        let mut face = *made;
        for k in 0..COUNT {
            let part = part_of(k);
            let (m, o) = (made.weights.0[k], own.weights.0[k]);
            let led = match part {
                // Lips say what is heard; a smile is the user's own whatever is said.
                // What is not read of the camera's pictures stays as it is made.
                _ if !self.read[k] => m,
                Part::Mouth if both(part) && speaks(k) => o + (m - o) * voice,
                _ if both(part) => o.max(m),
                _ => o,
            };
            face.weights.0[k] = m + (led - m) * share(part);
        }
        let top = |part: Part| if both(part) { ON_TOP } else { 0.0 };
        let towards = |m: f32, o: f32, part: Part| m + (o + m * top(part) - m) * share(part);
        let turned = |m: f32, o: f32| towards(m, o, Part::Head);
        face.head = HeadPose {
            yaw: turned(made.head.yaw, own.head.yaw),
            pitch: turned(made.head.pitch, own.head.pitch),
            roll: turned(made.head.roll, own.head.roll),
            ..made.head
        };
        face.gaze = Gaze {
            yaw: towards(made.gaze.yaw, own.gaze.yaw, Part::Gaze),
            pitch: towards(made.gaze.pitch, own.gaze.pitch, Part::Gaze),
        };
        face
    }
}

/// Whether a weight of the mouth forms sounds, rather than an expression.
fn speaks(weight: usize) -> bool {
    let felt = ["mouthSmile", "mouthFrown", "mouthDimple", "cheekSquint", "noseSneer"];
    NAMES.get(weight).is_some_and(|name| !felt.iter().any(|f| name.starts_with(f)))
}

/// From 0 to 1 with a soft start and a soft end.
fn ease(t: f32) -> f32 {
    t * t * (3.0 - 2.0 * t)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::face::Shape;
    use std::time::Duration;

    const FRAME: Duration = Duration::from_millis(33);

    fn generated() -> Face {
        let mut face = Face::default();
        face.head.yaw = -4.0;
        face.weights[Shape::JawOpen] = 0.3;
        face
    }

    fn sight(now: Moment, leads: [Lead; 5], trust: [f32; 5]) -> Sight {
        let mut face = Face::default();
        (face.head.yaw, face.gaze.yaw) = (12.0, 8.0);
        face.weights[Shape::MouthSmileLeft] = 0.9;
        face.weights[Shape::EyeBlinkLeft] = 0.6;
        Sight { seen: Seen { face, raw: face, trust }, leads, at: now, ready: now }
    }

    /// What is shown while `when` says what is seen and whether a voice sounds.
    fn shown(when: impl Fn(f64) -> (Option<([Lead; 5], [f32; 5])>, f32)) -> Vec<Face> {
        let mut blender = Blender::default();
        (0..120u32)
            .map(|i| {
                let now = Moment(0) + FRAME * i;
                let (seen, voice) = when(now.seconds());
                let sight = seen.map(|(leads, trust)| sight(now, leads, trust));
                blender.mix(&generated(), voice, sight.as_ref(), now)
            })
            .collect()
    }

    fn biggest_step(faces: &[Face], of: impl Fn(&Face) -> f32) -> f32 {
        faces.windows(2).map(|w| (of(&w[1]) - of(&w[0])).abs()).fold(0.0, f32::max)
    }

    #[test]
    fn found_and_lost_within_half_a_second_and_never_by_a_jump() {
        let camera = [Lead::Camera; 5];
        let faces = shown(|t| (((1.0..2.0).contains(&t)).then_some((camera, [1.0; 5])), 0.0));
        let yaw = |t: f64| faces[(t / 0.033) as usize].head.yaw;
        assert_eq!((yaw(0.9), yaw(3.9)), (-4.0, -4.0));
        assert!((yaw(1.5) - 12.0).abs() < 0.01 && (yaw(2.5) + 4.0).abs() < 0.01, "{} {}", yaw(1.5), yaw(2.5));
        // Sixteen degrees in 0.3 s, eased.
        assert!(biggest_step(&faces, |f| f.head.yaw) < 3.0, "{}", biggest_step(&faces, |f| f.head.yaw));
        assert!(biggest_step(&faces, |f| f.weights[Shape::MouthSmileLeft]) < 0.2);
    }

    #[test]
    fn the_voice_leads_the_lips_while_it_sounds_and_the_smile_stays() {
        let mut leads = [Lead::Camera; 5];
        leads[Part::Mouth as usize] = Lead::Both;
        let faces = shown(|t| (Some((leads, [1.0; 5])), f32::from((1.5..2.5).contains(&t))));
        let jaw = |t: f64| faces[(t / 0.033) as usize].weights[Shape::JawOpen];
        assert!(
            jaw(1.4) < 0.01 && (jaw(1.8) - 0.3).abs() < 1e-3 && jaw(3.0) < 0.01,
            "{} {} {}",
            jaw(1.4),
            jaw(1.8),
            jaw(3.0)
        );
        assert!(faces[30..].iter().all(|f| f.weights[Shape::MouthSmileLeft] > 0.85));
    }

    #[test]
    fn what_is_not_trusted_or_not_led_stays_generated() {
        let mut leads = [Lead::Camera; 5];
        leads[Part::Head as usize] = Lead::Voice;
        let mut trust = [1.0; 5];
        trust[Part::Mouth as usize] = 0.0;
        let last = shown(|_| (Some((leads, trust)), 0.0))[119];
        assert_eq!(
            (last.head.yaw, last.weights[Shape::JawOpen], last.weights[Shape::MouthSmileLeft]),
            (-4.0, 0.3, 0.0)
        );
        assert!((last.gaze.yaw - 8.0).abs() < 0.01 && (last.weights[Shape::EyeBlinkLeft] - 0.6).abs() < 0.01);
    }

    #[test]
    fn a_camera_that_stops_leaves_no_grimace() {
        let mut blender = Blender::default();
        let (camera, mut now) = ([Lead::Camera; 5], Moment(0));
        for _ in 0..60 {
            now = now + FRAME;
            blender.mix(&generated(), 0.0, Some(&sight(now, camera, [1.0; 5])), now);
        }
        // The last sight stays where it was, and grows old.
        let last = sight(now, camera, [1.0; 5]);
        let smile = |after: u64| {
            let (mut blender, mut face) = (blender.clone(), generated());
            for ms in (0..after).step_by(20) {
                face = blender.mix(&generated(), 0.0, Some(&last), now + Duration::from_millis(ms));
            }
            face.weights[Shape::MouthSmileLeft]
        };
        assert!(smile(120) > 0.8 && smile(520) == 0.0, "{} {}", smile(120), smile(520));
    }
}
