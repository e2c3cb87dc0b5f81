//! What steers the face, as the command line writes it.

use super::Usage;
use crate::config::Emotions;
use crate::motion::{Aim, Gesture, Steering, Turn, check_distance};
use anyhow::Result;
use std::time::Duration;

/// The options of `vasa face` and `vasa render` that steer; what is left out stays as it is.
#[derive(Debug, Default, clap::Args)]
pub struct Steer {
    /// Emotions on top of the profile, -1 to 1 each: "happy=0.6,surprised=0.2", or "none"
    #[arg(long, value_name = "NAME=X,…", allow_hyphen_values = true)]
    emotion: Option<String>,
    /// Where the eyes hold, degrees to the avatar's left and up: "10,-5"; "auto" lets them play around the camera,
    /// "auto,10,-5" around another direction
    #[arg(long, value_name = "YAW,PITCH|auto", allow_hyphen_values = true)]
    gaze: Option<String>,
    /// Turns the head on top of its own motion, degrees: "5,0,0" is yaw, pitch and roll
    #[arg(long, value_name = "YAW,PITCH,ROLL", allow_hyphen_values = true)]
    head: Option<String>,
    /// How far the head is from the camera: 1 as framed, 0.5 to 2
    #[arg(long, value_name = "D", allow_hyphen_values = true)]
    distance: Option<f64>,
}

/// What the options say, checked.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Asked {
    pub emotion: Option<Emotions>,
    pub gaze: Option<Aim>,
    pub head: Option<Turn>,
    pub distance: Option<f64>,
}

impl Steer {
    /// # Errors
    /// Wrong usage: something that is not written as it should be, or that is out of its range.
    pub fn asked(&self) -> Result<Asked> {
        let usage = |told: String| Usage(told);
        Ok(Asked {
            emotion: self.emotion.as_deref().map(emotions).transpose().map_err(usage)?,
            gaze: self.gaze.as_deref().map(gaze).transpose().map_err(usage)?,
            head: self.head.as_deref().map(head).transpose().map_err(usage)?,
            distance: self.distance.map(check_distance).transpose().map_err(usage)?,
        })
    }
}

impl Asked {
    /// Everything, the rest as it is by itself.
    pub fn whole(self) -> Steering {
        let plain = Steering::default();
        Steering {
            emotion: self.emotion.unwrap_or(plain.emotion),
            gaze: self.gaze.unwrap_or(plain.gaze),
            head: self.head.unwrap_or(plain.head),
            distance: self.distance.unwrap_or(plain.distance),
        }
    }
}

fn emotions(text: &str) -> Result<Emotions, String> {
    if text == "none" {
        return Ok(Emotions::default());
    }
    let wrong = || format!("--emotion is \"{text}\"; write it as happy=0.6,surprised=0.2, or none");
    let pairs = text.split(',').map(|pair| {
        let (name, value) = pair.split_once('=').ok_or_else(wrong)?;
        Ok((name.trim(), value.trim().parse::<f64>().map_err(|_| wrong())?))
    });
    Emotions::of(pairs.collect::<Result<Vec<_>, String>>()?)
}

fn numbers<const N: usize>(text: &str) -> Option<[f64; N]> {
    let all: Option<Vec<f64>> = text.split(',').map(|n| n.trim().parse().ok()).collect();
    all?.try_into().ok()
}

fn gaze(text: &str) -> Result<Aim, String> {
    let (automatic, angles) = match text.strip_prefix("auto") {
        Some("") => return Ok(Aim::default()),
        Some(rest) => (true, rest.strip_prefix(',')),
        None => (false, Some(text)),
    };
    let [yaw, pitch] = angles.and_then(numbers).ok_or_else(|| {
        format!("--gaze is \"{text}\"; write two numbers such as 10,-5 (yaw, pitch), auto, or auto,10,-5")
    })?;
    Aim::new(automatic, yaw, pitch)
}

fn head(text: &str) -> Result<Turn, String> {
    let [yaw, pitch, roll] = numbers(text)
        .ok_or_else(|| format!("--head is \"{text}\"; write three numbers such as 5,0,-3 (yaw, pitch, roll)"))?;
    Turn::new(yaw, pitch, roll)
}

/// A gesture and when it begins: "nod@1.5", or "nod" for the beginning.
pub fn timed_gesture(text: &str) -> Result<(Gesture, Duration), String> {
    let (name, at) = text.split_once('@').unwrap_or((text, "0"));
    let seconds = at.parse::<f64>().ok().filter(|s| (0.0..=36_000.0).contains(s));
    let seconds = seconds.ok_or_else(|| format!("\"{at}\" is no time in seconds; write it as {name}@1.5"))?;
    Ok((Gesture::of(name)?, Duration::from_secs_f64(seconds)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Emotion;

    #[test]
    fn steering_is_read_as_it_is_written() {
        let e = emotions("happy=0.6,sad=-.2").unwrap();
        assert_eq!((e[Emotion::Happy], e[Emotion::Sad]), (0.6, -0.2));
        assert_eq!(emotions("none"), Ok(Emotions::default()));
        assert_eq!(gaze("-10,5"), Ok(Aim { automatic: false, yaw: -10.0, pitch: 5.0 }));
        assert_eq!(gaze("auto"), Ok(Aim::default()));
        assert_eq!(gaze("auto,10,-5"), Ok(Aim { automatic: true, yaw: 10.0, pitch: -5.0 }));
        assert_eq!(head("5, 0, -3"), Ok(Turn { yaw: 5.0, pitch: 0.0, roll: -3.0 }));
        assert_eq!(timed_gesture("nod@1.5"), Ok((Gesture::Nod, Duration::from_millis(1500))));
        assert_eq!(timed_gesture("wink"), Ok((Gesture::Wink, Duration::ZERO)));
    }

    #[test]
    fn what_is_written_wrong_is_named() {
        for (told, part) in [
            (emotions("happy").map(drop), "happy=0.6"),
            (emotions("").map(drop), "\"\""),
            (emotions("happy=2").map(drop), "-1 to 1"),
            (emotions("glad=1").map(drop), "contempt"),
            (gaze("10").map(drop), "two numbers"),
            (gaze("automatic").map(drop), "auto,10,-5"),
            (gaze("40,0").map(drop), "-30 to 30"),
            (gaze("nan,0").map(drop), "NaN"),
            (head("5,0").map(drop), "three numbers"),
            (timed_gesture("bow").map(drop), "raise-brows"),
            (timed_gesture("nod@later").map(drop), "nod@1.5"),
            (timed_gesture("nod@-1").map(drop), "\"-1\""),
        ] {
            assert!(told.as_ref().is_err_and(|t| t.contains(part)), "{part}: {told:?}");
        }
    }
}
