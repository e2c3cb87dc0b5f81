//! Lips that know what is being said: where the synthetic voice tells its phonemes, they pull at the network's channels.
//!
//! Each sound dominates the lips while it lasts, less and less before and after it, and every channel is the mean of all that
//! pull at it, the network among them with the weight 1 (Cohen and Massaro 1993, Modeling coarticulation in synthetic visual
//! speech). So neighbours mix as they do in a mouth, a p closes fully whatever stands beside it, and the network leads the rest.

use super::phonemes::{Gesture, gesture, prolongs};
use super::shapes::{APERTURE, CHANNELS, PROTRUDE, THICK, WIDTH};
use crate::clock::Moment;
use crate::speech::Phone;
use std::time::Duration;

/// Sounds that end earlier or begin later than this around the face's moment do not matter.
pub const BACK: Duration = Duration::from_millis(200);
pub const AHEAD: Duration = Duration::from_millis(300);

/// The dominance of a sound: `edge` where it begins and ends, at most `most` within; it falls to 37 % within `lead` seconds
/// before it and `trail` after it.
struct Reach {
    edge: f32,
    most: f32,
    lead: f32,
    trail: f32,
}

/// Lips begin to close about 60 ms before they meet and part faster. Where they meet, they outweigh the widest vowel.
const SEAL: Reach = Reach { edge: 8.0, most: 40.0, lead: 0.013, trail: 0.008 };
const BITE: Reach = Reach { edge: 4.0, most: 14.0, lead: 0.020, trail: 0.016 };
/// Opening, to be multiplied by the target's weight; rounding is prepared earlier.
const OPEN: Reach = Reach { edge: 1.0, most: 1.0, lead: 0.030, trail: 0.030 };
const ROUND: Reach = Reach { edge: 1.0, most: 1.0, lead: 0.065, trail: 0.045 };

/// Lips that meet: they aim beyond touching, as real ones do, and what is pressed shut is thin.
const SHUT: f32 = -0.45;
const PRESSED: f32 = 0.10;

/// How far the lips are apart while the lower one touches the teeth.
const BITTEN: f32 = 0.0;

/// A closure lasts at most so long before the release and at least so long, seconds. Measured in the sound of Piper's voice joe:
/// 60 to 70 ms of closure until the end of a b or m, and the release of a p about where its own time begins.
const HELD: f32 = 0.070;
const AT_LEAST: f32 = 0.032;

/// The same for a lip at the teeth.
const TOUCHED: f32 = 0.060;

/// The share of a sound's own time in which the lips do not yet go to the consonant after it.
const KEEPS: f32 = 0.6;

/// Piper puts signs that are no sound between the sounds. What is heard in their time belongs to the sound that follows, up to so
/// much: measured likewise, each sound ends where its own time ends.
const BEFORE: f32 = 0.080;

impl Reach {
    /// At `t` for a sound that lasts from `from` to `to`, seconds.
    fn at(&self, t: f32, from: f32, to: f32) -> f32 {
        let away = ((from - t) / self.lead).max((t - to) / self.trail);
        (self.edge * (-away).exp()).min(self.most)
    }
}

/// A weighted mean that begins with the network's own value.
#[derive(Clone, Copy)]
struct Mean {
    weight: f32,
    sum: f32,
}

impl Mean {
    fn of(value: f32) -> Self {
        Self { weight: 1.0, sum: value }
    }

    fn pull(&mut self, target: f32, weight: f32) {
        self.weight += weight;
        self.sum += weight * target;
    }

    fn value(self) -> f32 {
        self.sum / self.weight
    }
}

/// Moves the network's `channels` toward what the sounds around `at` ask for. Returns how far the lower lip is at the teeth,
/// 0..1. Without phones nothing changes.
pub fn articulate(channels: &mut [f32; CHANNELS], phones: &[Phone], at: Moment) -> f32 {
    let by_network = channels[APERTURE];
    let [mut aperture, mut width, mut protrude, mut thick] =
        [APERTURE, WIDTH, PROTRUDE, THICK].map(|c| Mean::of(channels[c]));
    let (mut bite, mut seal) = (Mean::of(0.0), Mean::of(0.0));
    for sound in Sounds::new(phones, at) {
        let Sound { gesture, from, to, before, yields } = sound;
        match gesture {
            Gesture::Seal { parts_at } => {
                let release = from + (to - from) * parts_at;
                let meet = yields.max(release - HELD).min(from).min(release - AT_LEAST);
                let weight = SEAL.at(0.0, meet, release);
                aperture.pull(SHUT, weight);
                thick.pull(PRESSED, weight);
                seal.pull(1.0, weight);
            }
            Gesture::Bite => {
                let weight = BITE.at(0.0, yields.max(to - TOUCHED).min(from).min(to - AT_LEAST), to);
                aperture.pull(BITTEN, weight);
                bite.pull(1.0, weight);
            }
            Gesture::Shape(target) => {
                let from = before.max(from - BEFORE);
                let least = if target.opens { target.aperture.max(by_network) } else { target.aperture };
                aperture.pull(least, target.aperture_weight * OPEN.at(0.0, from, to));
                let weight = target.round_weight * ROUND.at(0.0, from, to);
                width.pull(target.width, weight);
                protrude.pull(target.protrude, weight);
            }
        }
    }
    for (channel, mean) in [(APERTURE, aperture), (WIDTH, width), (PROTRUDE, protrude), (THICK, thick)] {
        channels[channel] = mean.value();
    }
    bite.value() * (1.0 - seal.value())
}

/// A sound that matters; times in seconds from the face's moment.
struct Sound {
    gesture: Gesture,
    from: f32,
    to: f32,
    /// Where the sound before it ends, and from where on it lets the lips go to a consonant.
    before: f32,
    yields: f32,
}

/// The sounds around a moment, in their order; what is no sound belongs to its neighbours.
struct Sounds<'a> {
    rest: &'a [Phone],
    at: Moment,
    /// Where the last sound ended, and from where on it yields.
    before: f32,
    yields: f32,
}

impl<'a> Sounds<'a> {
    fn new(phones: &'a [Phone], at: Moment) -> Self {
        Self { rest: phones, at, before: f32::NEG_INFINITY, yields: f32::NEG_INFINITY }
    }

    fn seconds(&self, moment: Moment) -> f32 {
        moment.0.saturating_sub(self.at.0) as f32 / 1e6
    }
}

impl Iterator for Sounds<'_> {
    type Item = Sound;

    fn next(&mut self) -> Option<Sound> {
        while let Some((phone, rest)) = self.rest.split_first() {
            self.rest = rest;
            let (from, to) = (self.seconds(phone.from), self.seconds(phone.to.max(phone.from)));
            if from > AHEAD.as_secs_f32() {
                return None;
            }
            let Some(gesture) = gesture(phone.symbol) else { continue };
            // Marks of length behind a sound, and the pads between, are part of it.
            let marks = rest.iter().take_while(|p| super::phonemes::gesture(p.symbol).is_none());
            let to = marks.filter(|p| prolongs(p.symbol)).map(|p| self.seconds(p.to)).fold(to, f32::max);
            let before = std::mem::replace(&mut self.before, to).min(from);
            let yields = std::mem::replace(&mut self.yields, from + KEEPS * (to - from)).min(from);
            if to < -BACK.as_secs_f32() {
                continue;
            }
            return Some(Sound { gesture, from, to, before, yields });
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::motion::shapes;

    /// Phones of equal length, in milliseconds, beginning at moment 0.
    fn phones(symbols: &str, each: i64) -> Vec<Phone> {
        let phone = |(i, symbol): (i64, char)| Phone {
            symbol,
            from: Moment(i * each * 1000),
            to: Moment((i + 1) * each * 1000),
        };
        (0..).zip(symbols.chars()).map(phone).collect()
    }

    fn at(ms: i64) -> Moment {
        Moment(ms * 1000)
    }

    /// The gap between the lips at each millisecond, and how far the lower lip is at the teeth, with a network that says `network`.
    fn mouth(network: &[f32; CHANNELS], phones: &[Phone], ms: i64) -> (f32, f32) {
        let mut channels = *network;
        let bite = articulate(&mut channels, phones, at(ms));
        (shapes::gap(&shapes::weights(&channels, 1.0, 1.0)), bite)
    }

    const WIDE: [f32; CHANNELS] = [1.1, 0.6, 0.4, 0.7, 1.0, 1.0, 0.5, 0.6];
    const CLOSED: [f32; CHANNELS] = [-0.05, 0.4, 0.5, 0.1, 0.1, 0.2, 0.4, 0.1];

    #[test]
    fn without_sounds_nearby_the_network_speaks_alone() {
        let far = phones("pˈaː_f", 50);
        for (phones, ms) in [(&[][..], 0), (&far[..], 5_000), (&far[..], -5_000), (&phones("ˈ_ ː^$", 50)[..], 60)] {
            let mut channels = WIDE;
            assert_eq!(articulate(&mut channels, phones, at(ms)), 0.0);
            assert_eq!(channels, WIDE);
        }
    }

    #[test]
    fn lips_meet_for_p_b_and_m_at_every_speed_and_part_before_and_after() {
        for each in [25, 50, 100, 200] {
            for closing in ['p', 'b', 'm'] {
                let spoken = phones(&format!("ɑɑ{closing}ɑɑ"), each);
                let release = if closing == 'p' { 2 * each } else { 3 * each };
                let gaps: Vec<f32> = (0..5 * each).map(|ms| mouth(&WIDE, &spoken, ms).0).collect();
                for ms in release - 30..release {
                    let gap = gaps[ms as usize];
                    assert!(gap < 0.03, "{closing} of {each} ms: {gap} at {ms} ms");
                }
                assert!(gaps[0] > 0.1 && gaps[5 * each as usize - each as usize / 2] > 0.25);
                // The lips take their time: under 5 % of the widest gap a millisecond.
                assert!(gaps.windows(2).all(|w| (w[1] - w[0]).abs() < 0.03));
            }
        }
    }

    #[test]
    fn the_lower_lip_goes_to_the_teeth_for_f_and_v_and_leaves_them_for_a_vowel() {
        for each in [25, 50, 100] {
            for touching in ['f', 'v'] {
                let spoken = phones(&format!("ɑɑ{touching}ɑɑɑ"), each);
                let bites: Vec<f32> = (0..6 * each).map(|ms| mouth(&WIDE, &spoken, ms).1).collect();
                assert!(bites[2 * each as usize..3 * each as usize].iter().all(|b| *b > 0.75), "{each}");
                assert!(bites[5 * each as usize] < 0.3, "{each}: {}", bites[5 * each as usize]);
            }
        }
    }

    #[test]
    fn an_open_vowel_stays_open_where_the_network_closes_the_lips() {
        let spoken = phones("tɑːt", 80);
        assert!(mouth(&CLOSED, &[], 160).0 < 0.02);
        for ms in 110..210 {
            assert!(mouth(&CLOSED, &spoken, ms).0 > 0.06, "{} at {ms} ms", mouth(&CLOSED, &spoken, ms).0);
        }
    }

    #[test]
    fn rounding_begins_before_the_sound_and_is_strongest_in_it() {
        let round = |ms: i64| {
            let mut channels = WIDE;
            articulate(&mut channels, &phones("ttuːtt", 80), at(ms));
            let w = shapes::weights(&channels, 1.0, 1.0);
            w[crate::face::Shape::MouthPucker] + w[crate::face::Shape::MouthFunnel]
        };
        assert!(
            round(0) < 0.15 && round(130) > 0.25 && round(240) > 0.33,
            "{} {} {}",
            round(0),
            round(130),
            round(240)
        );
        assert!(round(440) < 0.15);
    }

    #[test]
    fn marks_and_pads_between_the_sounds_change_little() {
        // Piper's own row of signs: a pad after each, and the b is hardly there.
        let (mut from, mut spoken) = (0, Vec::new());
        for (symbol, ms) in [('ɑ', 60), ('ː', 12), ('_', 34), ('b', 12), ('_', 24), ('ˈ', 12), ('_', 24), ('ɑ', 80)]
        {
            spoken.push(Phone { symbol, from: at(from), to: at(from + ms) });
            from += ms;
        }
        // The b is released at 118 ms.
        assert!((86..118).all(|ms| mouth(&WIDE, &spoken, ms).0 < 0.03));
        assert!(mouth(&WIDE, &spoken, 10).0 > 0.25 && mouth(&WIDE, &spoken, 165).0 > 0.25);
    }

    #[test]
    fn phones_that_make_no_sense_give_numbers() {
        let mad = |from: i64, to: i64| Phone { symbol: 'p', from: Moment(from), to: Moment(to) };
        for phone in [mad(i64::MIN, i64::MAX), mad(10, -10), mad(0, 0), mad(i64::MAX, i64::MIN)] {
            let mut channels = WIDE;
            assert!(articulate(&mut channels, &[phone; 3], at(0)).is_finite());
            assert!(channels.iter().all(|c| c.is_finite()));
        }
    }
}
