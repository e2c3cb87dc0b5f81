//! From a picture to the face that is to be shown of whoever is in it.

use super::covered::Covered;
use super::neutral::Learner;
use super::smooth::Smoother;
use super::solve::Solver;
use super::still::Still;
use super::table::Table;
use super::track::Tracker;
use super::treat::Treatment;
use super::{Neutral, Person, Ranges};
use crate::avatar::photo::Template;
use crate::config::{Manner, Part, Paths};
use crate::face::Face;
use crate::vision::Vision;
use anyhow::{Context, Result};
use image::RgbImage;

/// Fainter than this a picture shows nothing, of 255.
const DARK: f32 = 10.0;
/// Why no face is seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lost {
    /// There is none.
    Nobody,
    Dark,
    /// It does not move at all: a picture of a face.
    Still,
}

/// What a picture shows.
#[derive(Clone, Debug)]
pub enum Look {
    Lost(Lost),
    /// A face, whose rest is not known yet.
    Learning,
    Seen(Box<Seen>),
}

/// A face that was seen.
#[derive(Clone, Debug)]
pub struct Seen {
    /// As it is to be shown.
    pub face: Face,
    /// As it was solved: neither smoothed nor treated.
    pub raw: Face,
    /// By [`Part`]: how far it can be believed, 0 or 1.
    pub trust: [f32; 5],
}

/// Watches one person.
pub struct Reader {
    tracker: Tracker,
    solver: Solver,
    learner: Learner,
    person: Option<Person>,
    smoother: Smoother,
    treatment: Treatment,
    still: Still,
    covered: Covered,
    manner: Manner,
}

impl Reader {
    /// # Errors
    /// The model "vision" is not installed, or the template is broken.
    pub fn open(paths: &Paths, person: Option<Person>) -> Result<Self> {
        let vision = Vision::open(paths, 1)?;
        let find =
            |what: &str| paths.locate(what).with_context(|| format!("{what} is missing; install the program again"));
        let template = Template::load(&find("models/avatars/template")?)?;
        let table = Table::load(&find("models/mirror/seen.safetensors")?)?;
        Ok(Self {
            tracker: Tracker::new(vision),
            solver: Solver::new(&template, table),
            learner: Learner::default(),
            person,
            smoother: Smoother::default(),
            treatment: Treatment::default(),
            still: Still::default(),
            covered: Covered::default(),
            manner: Manner::default(),
        })
    }

    /// How the face is treated from the next picture on.
    pub fn set_manner(&mut self, manner: Manner) {
        self.manner = manner;
    }

    /// Who is calibrated; None: their rest is learned.
    pub fn set_person(&mut self, person: Option<Person>) {
        self.person = person;
        self.learner = Learner::default();
    }

    /// Whether somebody else is before the camera, too.
    pub fn others(&self) -> bool {
        self.tracker.others()
    }

    /// The face at rest as it is known now.
    pub fn neutral(&self) -> Option<&Neutral> {
        self.person.as_ref().map(|p| &p.neutral).or(self.learner.found())
    }

    /// Looks at the picture that was taken at `now`, seconds, which never go back.
    ///
    /// # Errors
    /// A network is missing, damaged or does not run.
    pub fn look(&mut self, picture: &RgbImage, now: f64) -> Result<Look> {
        let Some(found) = self.tracker.look(picture, now)? else {
            self.forget();
            return Ok(Look::Lost(if is_dark(picture) { Lost::Dark } else { Lost::Nobody }));
        };
        let landmarks = &found.points[..];
        if self.person.is_none()
            && let Some(aligned) = self.solver.align(landmarks, None)
        {
            self.learner.look(aligned, now);
        }
        let Some(neutral) = self.person.as_ref().map(|p| &p.neutral).or(self.learner.found()) else {
            return Ok(Look::Learning);
        };
        let Some(reading) = self.solver.solve(landmarks, neutral, self.manner.weak) else {
            self.smoother.forget();
            return Ok(Look::Lost(Lost::Nobody));
        };
        if self.still.look(landmarks, now) {
            return Ok(Look::Lost(Lost::Still));
        }
        let mut trust = [1.0; 5];
        if self.covered.look(picture, landmarks, now) {
            trust[Part::Mouth as usize] = 0.0;
        }
        let mut face = self.smoother.step(&reading, &self.manner, now);
        let ranges = self.person.as_ref().map_or_else(Ranges::default, |p| p.ranges);
        self.treatment.apply(&mut face, &self.manner, &ranges);
        Ok(Look::Seen(Box::new(Seen { face, raw: reading, trust })))
    }

    /// Who is calibrated.
    pub fn person(&self) -> Option<&Person> {
        self.person.as_ref()
    }

    /// Begins to learn the face at rest anew, from every picture; see [`Self::neutral`].
    pub fn relearn(&mut self) {
        self.person = None;
        self.learner = Learner::of_every_picture();
    }

    /// What comes next has nothing to do with what was seen before.
    pub fn forget(&mut self) {
        self.smoother.forget();
        self.still.forget();
    }
}

fn is_dark(picture: &RgbImage) -> bool {
    let bytes = picture.as_raw();
    let some = bytes.iter().step_by(97);
    let n = some.len().max(1) as f32;
    some.map(|b| f32::from(*b)).sum::<f32>() / n < DARK
}
