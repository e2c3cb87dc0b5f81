//! Faces and people in pictures: where a face is, its 478 landmarks, which pixels are the person. The networks are MediaPipe's
//! (the model "vision"), and what is around them is done as MediaPipe's graphs do it (`mediapipe/modules` of its version 0.10).
//!
//! Places are in pixels of the picture, x to the right, y down; the middle of the first pixel is at 0. "Left" and "right" are those
//! of the picture.

mod crop;
mod detect;
mod landmarks;
mod matte;

pub use crop::Roi;
pub use detect::{Detection, Reach};
pub use landmarks::{COUNT, Landmarks};
pub use matte::Matte;

use crate::assets;
use crate::config::Paths;
use anyhow::{Context, Result, anyhow, ensure};
use image::RgbImage;
use ort::session::Session;
use ort::value::TensorRef;

/// The networks, below the models folder.
const DETECTION: &str = "vision/face-detection.onnx";
const LANDMARKS: &str = "vision/face-landmarks.onnx";
const MATTE: &str = "vision/matte.onnx";

/// The larger side of a picture that is looked at.
const MAX_SIDE: u32 = 1 << 15;

/// The networks that look at pictures. Each is loaded when it is first asked.
pub struct Vision {
    paths: Paths,
    threads: usize,
    detection: Option<Network>,
    landmarks: Option<Network>,
    matte: Option<Network>,
}

/// Whether all the networks are there.
pub fn is_installed(paths: &Paths) -> bool {
    [DETECTION, LANDMARKS, MATTE].iter().all(|file| paths.models.join(file).is_file())
}

impl Vision {
    /// Readies the networks, each of which is to run on so many threads.
    ///
    /// # Errors
    /// The model "vision" is not installed.
    pub fn open(paths: &Paths, threads: usize) -> Result<Self> {
        ensure!(
            is_installed(paths),
            "the networks that look at pictures are not installed; run vasa models install vision"
        );
        Ok(Self { paths: paths.clone(), threads, detection: None, landmarks: None, matte: None })
    }

    /// The faces in a picture, the best first. With [`Reach::Far`] each has been seen by the landmark network, too.
    ///
    /// # Errors
    /// An empty or huge picture; a network that is missing, damaged or does not run.
    pub fn faces(&mut self, picture: &RgbImage, reach: Reach) -> Result<Vec<Detection>> {
        check(picture)?;
        detect::faces(self, picture, reach)
    }

    /// The landmarks of the face in a part of the picture. Where there is none they mean nothing: see [`Landmarks::presence`].
    ///
    /// # Errors
    /// As for [`Self::faces`], and a part of no size.
    pub fn landmarks(&mut self, picture: &RgbImage, roi: &Roi) -> Result<Landmarks> {
        check(picture)?;
        roi.check()?;
        landmarks::run(self.landmark_network()?, picture, roi)
    }

    /// How much of each pixel is a person, from 0 to 1.
    ///
    /// # Errors
    /// As for [`Self::faces`].
    pub fn matte(&mut self, picture: &RgbImage) -> Result<Matte> {
        check(picture)?;
        matte::run(ready(&mut self.matte, &self.paths, self.threads, MATTE, matte::SIDE)?, picture)
    }

    fn detection_network(&mut self) -> Result<&mut Network> {
        ready(&mut self.detection, &self.paths, self.threads, DETECTION, detect::SIDE)
    }

    fn landmark_network(&mut self) -> Result<&mut Network> {
        ready(&mut self.landmarks, &self.paths, self.threads, LANDMARKS, landmarks::SIDE)
    }
}

fn check(picture: &RgbImage) -> Result<()> {
    let (width, height) = picture.dimensions();
    ensure!(
        (1..=MAX_SIDE).contains(&width) && (1..=MAX_SIDE).contains(&height),
        "a picture of {width}×{height} pixels cannot be looked at; take one of 1 to {MAX_SIDE} on a side"
    );
    Ok(())
}

fn ready<'n>(
    network: &'n mut Option<Network>,
    paths: &Paths,
    threads: usize,
    file: &str,
    side: usize,
) -> Result<&'n mut Network> {
    Ok(match network {
        Some(network) => network,
        None => network.insert(Network::load(paths, threads, file, side)?),
    })
}

/// A network that takes a square picture.
struct Network {
    session: Session,
    /// What its input is called.
    input: String,
    side: usize,
    /// What it is shown: rows of pixels of red, green and blue.
    pixels: Vec<f32>,
}

impl Network {
    fn load(paths: &Paths, threads: usize, file: &str, side: usize) -> Result<Self> {
        let place = paths.models.join(file);
        let bytes = assets::read_checked(paths, &place)?;
        let session = assets::keeping_builder(paths, threads)?.commit_from_memory(&bytes).map_err(|e| {
            anyhow!("the network {} does not load: {e}; run vasa models install vision", place.display())
        })?;
        let input = session.inputs().first().map(|i| i.name().to_owned());
        let input = input.with_context(|| format!("the network {} takes nothing", place.display()))?;
        Ok(Self { session, input, side, pixels: vec![0.0; side * side * 3] })
    }

    /// Shows it what is in [`Self::pixels`]; `read` gets the outputs of these names, each of so many numbers.
    fn run<const N: usize, T>(
        &mut self,
        outputs: [(&str, usize); N],
        read: impl FnOnce([&[f32]; N]) -> Result<T>,
    ) -> Result<T> {
        let shape = [1, self.side, self.side, 3];
        let view = TensorRef::from_array_view((shape, &self.pixels[..])).map_err(|e| anyhow!("{e}"))?;
        let given = self
            .session
            .run(ort::inputs![self.input.as_str() => view])
            .map_err(|e| anyhow!("a network that looks at pictures failed: {e}"))?;
        let mut values: [&[f32]; N] = [&[]; N];
        for (value, (name, length)) in values.iter_mut().zip(outputs) {
            let tensor = given.get(name).with_context(|| format!("the network gives no \"{name}\""))?;
            *value = tensor.try_extract_tensor::<f32>().map_err(|e| anyhow!("{e}"))?.1;
            ensure!(
                value.len() == length && value.iter().all(|v| v.is_finite()),
                "the network gives {} numbers as \"{name}\", or such that are none; {length} were expected",
                value.len()
            );
        }
        read(values)
    }
}

/// From a network's score to a probability.
fn sigmoid(score: f32) -> f32 {
    1.0 / (1.0 + (-score.clamp(-100.0, 100.0)).exp())
}
