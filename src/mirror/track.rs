//! One face, from picture to picture.

use crate::vision::{Detection, Landmarks, Reach, Roi, Vision};
use anyhow::Result;
use glam::Vec2;
use image::RgbImage;

/// Less than this and there is no face (MediaPipe's own bound).
const PRESENT: f32 = 0.5;
/// While nobody is found it is looked this often, seconds: detection costs half of what following does.
const SEARCH: f64 = 0.1;
/// And this often for a face far away, which takes some 0.2 s; seconds.
const SEARCH_FAR: f64 = 5.0;
/// How often it is looked whether others are there, seconds.
const OTHERS: f64 = 1.0;
/// Who left this long ago may be succeeded by anybody, seconds; before, only a face near the same place is the same one.
const SUCCESSION: f64 = 3.0;

/// Follows one face: the first that is found, as long as it is there.
pub struct Tracker {
    vision: Vision,
    roi: Option<Roi>,
    /// Where the face was last, and when.
    last: Option<(Roi, f64)>,
    searched: f64,
    searched_far: f64,
    counted: f64,
    others: bool,
}

impl Tracker {
    pub fn new(vision: Vision) -> Self {
        let never = f64::NEG_INFINITY;
        Self { vision, roi: None, last: None, searched: never, searched_far: never, counted: never, others: false }
    }

    /// Whether somebody else was before the camera at the last count.
    pub fn others(&self) -> bool {
        self.others
    }

    /// The landmarks of the face in the picture that was taken at `now`, seconds; None where it is not there.
    ///
    /// # Errors
    /// A network is missing, damaged or does not run.
    pub fn look(&mut self, picture: &RgbImage, now: f64) -> Result<Option<Landmarks>> {
        let found = match self.roi {
            Some(roi) => self.follow(picture, &roi)?,
            None => None,
        };
        let found = match found {
            Some(found) => Some(found),
            None => self.search(picture, now)?,
        };
        self.roi = found.as_ref().map(Roi::of).filter(|roi| lies_in(roi, picture));
        match self.roi {
            Some(roi) => self.last = Some((roi, now)),
            None => return Ok(None),
        }
        if now - self.counted >= OTHERS {
            self.count(picture, now)?;
        }
        Ok(found)
    }

    fn follow(&mut self, picture: &RgbImage, roi: &Roi) -> Result<Option<Landmarks>> {
        let found = self.vision.landmarks(picture, roi)?;
        Ok((found.presence >= PRESENT).then_some(found))
    }

    fn search(&mut self, picture: &RgbImage, now: f64) -> Result<Option<Landmarks>> {
        if now - self.searched < SEARCH {
            return Ok(None);
        }
        self.searched = now;
        let mut faces = self.vision.faces(picture, Reach::Near)?;
        if faces.is_empty() && now - self.searched_far >= SEARCH_FAR {
            self.searched_far = now;
            faces = self.vision.faces(picture, Reach::Far)?;
        }
        let gone = self.last.map_or(f64::INFINITY, |(_, at)| now - at);
        let known = self.last.filter(|_| gone < SUCCESSION).map(|(roi, _)| roi);
        if let Some(known) = known {
            faces.retain(|f| (middle(f) - known.centre).length() < known.side * 0.7);
        }
        // The nearest to the camera is the user.
        faces.sort_by(|a, b| size(b).total_cmp(&size(a)));
        match faces.first() {
            Some(face) => self.follow(picture, &Roi::around(face)),
            None => Ok(None),
        }
    }

    /// Looks whether there are other faces than the one that is followed.
    fn count(&mut self, picture: &RgbImage, now: f64) -> Result<()> {
        self.counted = now;
        let Some(own) = self.roi else { return Ok(()) };
        let faces = self.vision.faces(picture, Reach::Near)?;
        self.others =
            faces.iter().any(|f| (middle(f) - own.centre).length() > own.side * 0.7 && size(f) > own.side * 0.25);
        Ok(())
    }
}

fn middle(face: &Detection) -> Vec2 {
    (face.low + face.high) / 2.0
}

fn size(face: &Detection) -> f32 {
    (face.high - face.low).max_element()
}

/// Whether enough of the square is in the picture for a face to be seen in it.
fn lies_in(roi: &Roi, picture: &RgbImage) -> bool {
    let (width, height) = (picture.width() as f32, picture.height() as f32);
    (0.0..width).contains(&roi.centre.x) && (0.0..height).contains(&roi.centre.y) && roi.side >= 16.0
}
