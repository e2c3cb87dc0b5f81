//! What is asked of the face: checked values, as they were given.

use crate::config::Emotions;

/// How far the eyes can be aimed, degrees of yaw and pitch: as far as the renderer turns them.
pub const GAZE: [f64; 2] = [30.0, 20.0];

/// How far the head can be turned beside its own motion, degrees of yaw, pitch and roll: farther the picture of a still person no
/// longer convinces.
pub const HEAD: [f64; 3] = [20.0; 3];

/// Distances from the camera; 1 is that of the picture.
pub const DISTANCE: [f64; 2] = [0.5, 2.0];

/// Where the eyes aim, degrees: around which direction they play by themselves (relative to the camera), or where they hold
/// (relative to the head).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Aim {
    pub automatic: bool,
    pub yaw: f64,
    pub pitch: f64,
}

impl Default for Aim {
    fn default() -> Self {
        Self { automatic: true, yaw: 0.0, pitch: 0.0 }
    }
}

impl Aim {
    /// # Errors
    /// An angle beyond [`GAZE`], or none: one sentence.
    pub fn new(automatic: bool, yaw: f64, pitch: f64) -> Result<Self, String> {
        let yaw = within("the yaw of Gaze", yaw, GAZE[0])?;
        Ok(Self { automatic, yaw, pitch: within("the pitch of Gaze", pitch, GAZE[1])? })
    }
}

/// Added to the head's own motion, degrees.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Turn {
    pub yaw: f64,
    pub pitch: f64,
    pub roll: f64,
}

impl Turn {
    /// # Errors
    /// An angle beyond [`HEAD`], or none: one sentence.
    pub fn new(yaw: f64, pitch: f64, roll: f64) -> Result<Self, String> {
        Ok(Self {
            yaw: within("the yaw of HeadPose", yaw, HEAD[0])?,
            pitch: within("the pitch of HeadPose", pitch, HEAD[1])?,
            roll: within("the roll of HeadPose", roll, HEAD[2])?,
        })
    }
}

/// Everything that steers the face.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Steering {
    pub emotion: Emotions,
    pub gaze: Aim,
    pub head: Turn,
    pub distance: f64,
}

impl Default for Steering {
    fn default() -> Self {
        Self { emotion: Emotions::default(), gaze: Aim::default(), head: Turn::default(), distance: 1.0 }
    }
}

/// # Errors
/// A distance beyond [`DISTANCE`], or none: one sentence.
pub fn check_distance(distance: f64) -> Result<f64, String> {
    let [low, high] = DISTANCE;
    if (low..=high).contains(&distance) {
        return Ok(distance);
    }
    Err(format!("Distance is {distance}; it must be {low} to {high}"))
}

fn within(what: &str, value: f64, limit: f64) -> Result<f64, String> {
    if value.abs() <= limit {
        return Ok(value);
    }
    Err(format!("{what} is {value}; it must be -{limit} to {limit} degrees"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_out_of_range_is_refused_by_name_and_value() {
        assert!(Aim::new(false, -30.0, 20.0).is_ok() && Turn::new(20.0, -20.0, 20.0).is_ok());
        assert!(check_distance(0.5).is_ok() && check_distance(2.0).is_ok());
        for (told, part) in [
            (Aim::new(true, 30.5, 0.0).map(drop), "yaw of Gaze is 30.5; it must be -30 to 30"),
            (Aim::new(true, 0.0, f64::NAN).map(drop), "pitch of Gaze is NaN"),
            (Turn::new(0.0, 0.0, f64::NEG_INFINITY).map(drop), "roll of HeadPose is -inf"),
            (Turn::new(-21.0, 0.0, 0.0).map(drop), "-21; it must be -20 to 20 degrees"),
            (check_distance(f64::NAN).map(drop), "Distance is NaN; it must be 0.5 to 2"),
            (check_distance(0.4).map(drop), "0.4"),
        ] {
            assert!(told.as_ref().is_err_and(|t| t.contains(part)), "{part}: {told:?}");
        }
    }
}
