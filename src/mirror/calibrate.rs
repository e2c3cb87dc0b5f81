//! Learning a person: they show something for some seconds, and the strongest of it is kept.

use super::reader::{Look, Reader};
use super::{Person, Pose};
use crate::config::Paths;
use crate::face::{COUNT, Weights};
use std::ops::ControlFlow;

/// How long a pose is watched, seconds.
const LONG: f64 = 2.0;
/// How long a face is waited for, seconds.
const PATIENCE: f64 = 8.0;
/// A pose is held for some of the time that it is watched: this share of it is at least as strong.
const HELD: f32 = 0.75;
/// Fewer frames than this are not enough to know a face by.
const FEWEST: usize = 15;

/// Answers whoever asked: done, or a sentence why not.
pub type Reply = Box<dyn FnOnce(Result<(), String>) + Send>;

/// One that runs.
pub struct Calibration {
    pose: Pose,
    /// Under whose name it is kept.
    pub person: String,
    reply: Reply,
    began: Option<f64>,
    /// When the face was first seen.
    seen: Option<f64>,
    weights: Vec<Weights>,
}

/// One that has ended.
pub struct Done {
    pub person: Option<Person>,
    outcome: Result<(), String>,
    reply: Reply,
}

impl Calibration {
    pub fn new(pose: Pose, person: String, reply: Reply) -> Self {
        Self { pose, person, reply, began: None, seen: None, weights: Vec::new() }
    }

    pub fn answer(self, with: Result<(), String>) {
        (self.reply)(with);
    }

    /// Looks on at `now`, seconds, until it has ended; `known` is what was calibrated before.
    pub fn look(
        mut self,
        reader: &mut Reader,
        known: Option<Person>,
        look: &Look,
        now: f64,
    ) -> ControlFlow<Done, Self> {
        let began = *self.began.get_or_insert_with(|| {
            if self.pose == Pose::Neutral {
                reader.relearn();
            }
            now
        });
        match look {
            Look::Seen(seen) => {
                self.seen.get_or_insert(now);
                self.weights.push(seen.raw.weights);
            }
            Look::Learning if self.pose == Pose::Neutral => {
                self.seen.get_or_insert(now);
            }
            _ => {}
        }
        let over = self.seen.is_some_and(|seen| now - seen >= LONG);
        if !over && now - began < PATIENCE {
            return ControlFlow::Continue(self);
        }
        let outcome = if self.weights.len() < FEWEST {
            let told = "no face was seen for long enough; sit before the camera, turn to the light, and try again";
            Err(told.to_owned())
        } else {
            self.learn(reader, known.clone())
        };
        match outcome {
            Ok(person) => ControlFlow::Break(Done { person: Some(person), outcome: Ok(()), reply: self.reply }),
            Err(why) => ControlFlow::Break(Done { person: known, outcome: Err(why), reply: self.reply }),
        }
    }

    fn learn(&self, reader: &Reader, known: Option<Person>) -> Result<Person, String> {
        let neutral = reader.neutral().cloned().ok_or("no face was seen at rest; run vasa mirror calibrate first")?;
        if self.pose == Pose::Neutral {
            let mut person = Person::new(neutral);
            person.ranges = known.map(|p| p.ranges).unwrap_or_default();
            return Ok(person);
        }
        let mut person = known.unwrap_or_else(|| Person::new(neutral));
        person.learn(self.pose, &held(&self.weights)).map_err(|e| e.to_string())?;
        Ok(person)
    }
}

impl Done {
    /// Writes it to the disk.
    pub fn keep(mut self, paths: &Paths, name: &str) -> Self {
        if self.outcome.is_ok()
            && let Some(person) = &self.person
        {
            self.outcome = person.save(paths, name).map_err(|e| format!("{e:#}"));
        }
        self
    }

    pub fn answer(self) {
        (self.reply)(self.outcome);
    }
}

/// How strong each weight was while a pose was held.
fn held(frames: &[Weights]) -> Weights {
    let mut out = Weights::default();
    for k in 0..COUNT {
        let mut all: Vec<f32> = frames.iter().map(|f| f.0[k]).collect();
        all.sort_by(f32::total_cmp);
        out.0[k] = all.get((all.len() as f32 * HELD) as usize).copied().unwrap_or(0.0);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::face::Shape;

    #[test]
    fn a_pose_counts_that_was_held_for_half_of_the_time_and_a_twitch_does_not() {
        let mut frames = vec![Weights::default(); 60];
        frames[20..50].iter_mut().for_each(|w| w[Shape::MouthSmileLeft] = 0.6);
        frames[30].0[Shape::JawOpen as usize] = 0.9;
        let held = held(&frames);
        assert_eq!((held[Shape::MouthSmileLeft], held[Shape::JawOpen]), (0.6, 0.0));
    }
}
