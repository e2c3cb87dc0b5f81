//! What the renderer's tests share.

pub mod synthetic;

use std::path::PathBuf;
use vasa_camera::face::{Face, Shape};

/// The avatar that ships.
pub fn anna() -> Option<PathBuf> {
    let dir = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/models/avatars/anna"));
    dir.join("avatar.toml").is_file().then_some(dir)
}

/// Faces that between them show every fault a portrait can have.
pub fn states() -> Vec<(String, Face)> {
    use Shape::*;
    let mut all = Vec::new();
    let mut add = |name: &str, weights: &[(Shape, f32)], head: [f32; 3], gaze: [f32; 2]| {
        let mut face = Face::default();
        for (s, w) in weights {
            face.weights[*s] = *w;
        }
        (face.head.yaw, face.head.pitch, face.head.roll) = (head[0], head[1], head[2]);
        (face.gaze.yaw, face.gaze.pitch) = (gaze[0], gaze[1]);
        all.push((format!("{:02}-{name}", all.len()), face));
    };
    let still = [0.0; 3];
    let ahead = [0.0; 2];
    add("neutral", &[], still, ahead);
    add("jaw03", &[(JawOpen, 0.3)], still, ahead);
    add("jaw07", &[(JawOpen, 0.7)], still, ahead);
    add(
        "ee",
        &[
            (JawOpen, 0.15),
            (MouthStretchLeft, 0.5),
            (MouthStretchRight, 0.5),
            (MouthUpperUpLeft, 0.35),
            (MouthUpperUpRight, 0.35),
            (MouthLowerDownLeft, 0.4),
            (MouthLowerDownRight, 0.4),
        ],
        still,
        ahead,
    );
    add("funnel", &[(JawOpen, 0.25), (MouthFunnel, 0.8)], still, ahead);
    add("pucker", &[(MouthPucker, 0.8)], still, ahead);
    add(
        "smile",
        &[(MouthSmileLeft, 0.7), (MouthSmileRight, 0.7), (CheekSquintLeft, 0.4), (CheekSquintRight, 0.4)],
        still,
        ahead,
    );
    add(
        "mbp",
        &[(MouthPressLeft, 0.6), (MouthPressRight, 0.6), (MouthRollLower, 0.4), (MouthRollUpper, 0.3)],
        still,
        ahead,
    );
    add("blink", &[(EyeBlinkLeft, 1.0), (EyeBlinkRight, 1.0)], still, ahead);
    add("halfblink", &[(EyeBlinkLeft, 0.5), (EyeBlinkRight, 0.5)], still, ahead);
    add("gazeleft", &[], still, [18.0, 0.0]);
    add("gazedown", &[], still, [-8.0, -16.0]);
    add(
        "browup",
        &[(BrowInnerUp, 0.8), (BrowOuterUpLeft, 0.7), (BrowOuterUpRight, 0.7), (EyeWideLeft, 0.4), (EyeWideRight, 0.4)],
        still,
        [0.0, 6.0],
    );
    add("yaw", &[(JawOpen, 0.2)], [15.0, 0.0, 0.0], ahead);
    add("yawneg", &[(MouthSmileLeft, 0.4), (MouthSmileRight, 0.4)], [-18.0, 4.0, 5.0], ahead);
    add("pitch", &[], [0.0, 12.0, 0.0], ahead);
    add("pitchneg", &[(JawOpen, 0.3)], [0.0, -12.0, 0.0], ahead);
    add("tongue", &[(JawOpen, 0.35), (TongueOut, 1.0)], still, ahead);
    add("roll", &[], [5.0, 0.0, 12.0], ahead);
    all
}
