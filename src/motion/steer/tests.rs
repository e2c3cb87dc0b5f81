//! Steering in the whole of motion: over real speech, one control at a time.

use super::*;
use crate::clock::Moment;
use crate::config::{Emotion, Paths, Profile};
use crate::face::Face;
use crate::motion::tests::rested;
use crate::motion::{BLOCK_TIME, Lips, Motion, fixture, shapes};
use crate::sound::{BLOCK, Block};
use std::time::Duration;

const SECONDS: usize = 10;

fn motion() -> Motion {
    let lips = Lips::open(&Paths::find()).unwrap_or_else(|e| {
        eprintln!("PARTLY SKIPPED, by level: {e:#}");
        Lips::level()
    });
    rested(lips, 7)
}

/// Ten seconds of speech.
fn speech() -> Vec<f32> {
    fixture::load().samples.iter().copied().cycle().take(SECONDS * 16_000).collect()
}

fn silence() -> Vec<f32> {
    vec![0.0; SECONDS * 16_000]
}

/// The faces of a sound; `before` is called with each block's number before it is heard.
fn run(mut m: Motion, sound: &[f32], mut before: impl FnMut(usize, &mut Motion)) -> Vec<Face> {
    let blocks = sound.as_chunks::<BLOCK>().0.iter().enumerate();
    blocks
        .map(|(k, samples)| {
            before(k, &mut m);
            m.step(&Block { at: Moment(0) + BLOCK_TIME * k as u32, samples: *samples }, &[])
        })
        .collect()
}

fn feeling(emotion: usize, amount: f64) -> Steering {
    let mut all = Emotions::default();
    all.0[emotion] = amount;
    Steering { emotion: all, ..Steering::default() }
}

fn looking(automatic: bool, yaw: f64, pitch: f64) -> Steering {
    Steering { gaze: Aim { automatic, yaw, pitch }, ..Steering::default() }
}

fn turning(yaw: f64, pitch: f64, roll: f64) -> Steering {
    Steering { head: Turn { yaw, pitch, roll }, ..Steering::default() }
}

fn at(distance: f64) -> Steering {
    Steering { distance, ..Steering::default() }
}

/// Every control at its ends.
fn ends() -> Vec<(String, Steering)> {
    let mut all: Vec<_> = (0..Emotions::COUNT)
        .flat_map(|e| [1.0, -1.0].map(|x| (format!("{} {x}", Emotions::NAMES[e]), feeling(e, x))))
        .collect();
    all.push(("gaze held".into(), looking(false, -30.0, -20.0)));
    all.push(("gaze around".into(), looking(true, 15.0, 10.0)));
    all.push(("head".into(), turning(20.0, -20.0, 20.0)));
    all.extend([0.5, 2.0].map(|d| (format!("distance {d}"), at(d))));
    all
}

#[test]
fn no_steering_changes_how_the_voice_opens_the_mouth() {
    let sound = speech();
    let gaps = |faces: &[Face]| faces.iter().map(|f| shapes::gap(&f.weights)).collect::<Vec<f32>>();
    let plain = gaps(&run(motion(), &sound, |_, _| {}));
    let (low, high) = plain.iter().fold((f32::MAX, f32::MIN), |(l, h), g| (l.min(*g), h.max(*g)));
    let mut worst = 0.0f32;
    let mut compare = |what: &str, faces: &[Face]| {
        let far = gaps(faces).iter().zip(&plain).fold(0.0f32, |m, (a, b)| m.max((a - b).abs())) / (high - low);
        worst = worst.max(far);
        assert!(far < 0.02, "{what} changes the aperture by {} % of its range", far * 100.0);
    };
    for (what, steering) in ends() {
        // There and back, in the midst of speech.
        compare(
            &what,
            &run(motion(), &sound, |k, m| match k {
                100 => m.steer(steering),
                300 => m.steer(Steering::default()),
                _ => {}
            }),
        );
    }
    for (gesture, name) in Gesture::ALL.into_iter().zip(Gesture::NAMES) {
        compare(
            name,
            &run(motion(), &sound, |k, m| {
                if k == 100 {
                    m.gesture(gesture)
                }
            }),
        );
    }
    println!("the aperture changes by at most {:.3} % of its range", worst * 100.0);
}

#[test]
fn moving_the_head_leaves_face_and_held_eyes_where_they_were_and_playing_eyes_on_the_camera() {
    let sound = speech();
    for gaze in [Aim { automatic: false, yaw: 8.0, pitch: -4.0 }, Aim::default()] {
        let still = run(motion(), &sound, |k, m| {
            if k == 0 {
                m.steer(Steering { gaze, ..at(1.0) })
            }
        });
        let turn = Steering { gaze, ..turning(6.0, -4.0, 5.0) };
        let moved = run(motion(), &sound, |k, m| match k {
            0 => m.steer(Steering { gaze, ..at(1.0) }),
            100 => m.steer(turn),
            _ => {}
        });
        for (k, (a, b)) in still.iter().zip(&moved).enumerate() {
            let lids = [Shape::EyeBlinkLeft, Shape::EyeBlinkRight];
            let (mut x, mut y) = (a.weights, b.weights);
            // Lids follow the eyes down.
            lids.iter().for_each(|s| (x[*s], y[*s]) = (0.0, 0.0));
            assert_eq!((x, a.head.x, a.head.y, a.head.z), (y, b.head.x, b.head.y, b.head.z), "block {k}");
            if gaze.automatic {
                let there = |f: &Face| f.gaze.yaw + f.head.yaw;
                // Within reach.
                if a.gaze.yaw.abs() < 14.0 {
                    assert!((there(a) - there(b)).abs() < 1e-3, "block {k}");
                }
            } else {
                assert_eq!(a.gaze, b.gaze, "block {k}");
            }
            if k > 250 {
                assert!((b.head.yaw - a.head.yaw - 6.0).abs() < 1e-3 && (b.head.roll - a.head.roll - 5.0).abs() < 1e-3);
            }
        }
    }
}

#[test]
fn moving_eyes_or_distance_leaves_everything_else_where_it_was() {
    let sound = speech();
    let plain = run(motion(), &sound, |_, _| {});
    let eyes = run(motion(), &sound, |k, m| {
        if k == 100 {
            m.steer(looking(false, 20.0, 10.0))
        }
    });
    let near = run(motion(), &sound, |k, m| {
        if k == 100 {
            m.steer(at(1.1))
        }
    });
    for (k, ((p, e), n)) in plain.iter().zip(&eyes).zip(&near).enumerate() {
        assert_eq!(p.head, e.head, "block {k}");
        assert_eq!((p.weights, p.gaze), (n.weights, n.gaze), "block {k}");
        assert_eq!((p.head.yaw, p.head.pitch, p.head.x), (n.head.yaw, n.head.pitch, n.head.x), "block {k}");
        for (i, (a, b)) in p.weights.0.iter().zip(&e.weights.0).enumerate() {
            let lid = i == Shape::EyeBlinkLeft as usize || i == Shape::EyeBlinkRight as usize;
            assert!(lid || a == b, "block {k}: {} moved with the eyes", crate::face::NAMES[i]);
        }
    }
    let held: Vec<_> = eyes.iter().skip(120).map(|f| (f.gaze.yaw, f.gaze.pitch)).collect();
    assert!(held.iter().all(|g| *g == (20.0, 10.0)), "{:?}", held.iter().find(|g| **g != (20.0, 10.0)));
    assert!(eyes.iter().skip(120).any(|f| f.weights[Shape::EyeBlinkLeft] > 0.95), "blinks go on");
    let z = near.last().unwrap().head.z - plain.last().unwrap().head.z;
    assert!((z + 1.4).abs() < 1e-3, "{z}");
}

#[test]
fn an_emotion_leaves_eyes_head_offset_and_distance_as_they_are_steered() {
    let sound = speech();
    let (mut with, mut without) = (turning(8.0, 5.0, -6.0), Steering::default());
    with.distance = 1.1;
    for s in [&mut with, &mut without] {
        s.gaze = Aim { automatic: false, yaw: 9.0, pitch: 3.0 };
    }
    for e in 1..Emotions::COUNT {
        let emotion = feeling(e, 1.0).emotion;
        let go = |to: Steering| {
            run(motion(), &sound, |k, m| match k {
                0 => m.steer(to),
                100 => m.steer(Steering { emotion, ..to }),
                _ => {}
            })
        };
        for (k, (a, b)) in go(with).iter().zip(&go(without)).enumerate().skip(200) {
            assert_eq!(a.weights, b.weights, "{}: block {k}", Emotions::NAMES[e]);
            assert!((a.gaze.yaw, a.gaze.pitch) == (9.0, 3.0) && b.gaze == a.gaze, "block {k}");
            let offset = [a.head.yaw - b.head.yaw, a.head.pitch - b.head.pitch, a.head.roll - b.head.roll];
            let far = offset.iter().zip([8.0, 5.0, -6.0]).fold(0.0f32, |m, (x, y)| m.max((x - y).abs()));
            assert!(far < 1e-3 && (a.head.z - b.head.z + 1.4).abs() < 1e-3, "block {k}: {offset:?}");
        }
    }
}

#[test]
fn every_control_arrives_without_a_jump_and_without_overshoot() {
    let steps = |to: Steering, of: fn(&Steered) -> f32, end: f32, within: usize| {
        let mut s = Steer::default();
        let values: Vec<f32> = (0..200).map(|_| of(&s.step(&to, 0.0))).collect();
        assert!(values.windows(2).all(|w| w[1] >= w[0] - 1e-6), "it goes back: {values:?}");
        assert!(values.iter().all(|v| *v <= end + 1e-4) && values[within] > 0.9 * end, "{values:?}");
        values[0] / end
    };
    assert!(steps(turning(20.0, 0.0, 0.0), |s| s.head.yaw, 20.0, 40) < 0.02);
    assert!(steps(at(0.9), |s| s.head.z, 1.4, 60) < 0.02);
    assert!(steps(feeling(Emotion::Happy as usize, 1.0), |s| s.face[Shape::MouthSmileLeft], 0.85, 50) < 0.02);
    // A saccade: 60 ms.
    assert!(steps(looking(false, 20.0, 0.0), |s| s.aimed(Gaze::default()).yaw, 20.0, 4) < 0.5);
}

#[test]
fn what_is_steered_stays_in_force_when_blocks_are_taken_back_and_the_way_there_is_the_same() {
    let (mut m, mut fresh) = (motion(), motion());
    let block = |k: u32| Block::silent(Moment(0) + BLOCK_TIME * k);
    let wish = Steering { distance: 0.9, ..looking(false, 10.0, 5.0) };
    for m in [&mut m, &mut fresh] {
        (0..50).for_each(|k| _ = m.step(&block(k), &[]));
        m.steer(wish);
    }
    (50..56).for_each(|k| _ = m.step(&block(k), &[]));
    assert_eq!(m.rewind(6), 6);
    for k in 50..100 {
        assert_eq!(m.step(&block(k), &[]), fresh.step(&block(k), &[]), "block {k}");
    }
    // Asked for, and a gesture begun, while blocks were heard that are taken back.
    (100..104).for_each(|k| _ = m.step(&block(k), &[]));
    m.steer(looking(false, -10.0, 0.0));
    m.gesture(Gesture::RaiseBrows);
    (104..106).for_each(|k| _ = m.step(&block(k), &[]));
    m.rewind(6);
    let faces: Vec<_> = (100..160).map(|k| m.step(&block(k), &[])).collect();
    assert_eq!(faces[59].gaze.yaw, -10.0);
    assert!(faces.iter().any(|f| f.weights[Shape::BrowInnerUp] > 0.5));
}

#[test]
fn a_gesture_leaves_no_trace_once_it_has_ended() {
    for sound in [speech(), silence()] {
        let plain = run(motion(), &sound, |_, _| {});
        for gesture in Gesture::ALL {
            let faces = run(motion(), &sound, |k, m| {
                if k == 50 {
                    m.gesture(gesture)
                }
            });
            assert!(faces.iter().zip(&plain).take(150).any(|(a, b)| a != b), "{gesture:?} shows nothing");
            assert_eq!(faces[210..], plain[210..], "{gesture:?}");
        }
    }
}

#[test]
fn surprise_opens_the_mouth_in_silence_only_and_neutral_takes_a_profile_away() {
    let surprised = feeling(Emotion::Surprised as usize, 1.0);
    let faces = run(motion(), &silence(), |k, m| {
        if k == 0 {
            m.steer(surprised)
        }
    });
    assert!(shapes::gap(&faces[300].weights) > 0.1);
    let smile = Profile { expression: Mood::from(&feeling(1, 1.0).emotion).face, ..Profile::default() };
    for (neutral, wanted) in [(0.0, 0.85), (0.5, 0.425), (1.0, 0.0)] {
        let faces = run(motion(), &silence(), |k, m| {
            if k == 0 {
                m.set_profile(&smile, 1.0, Duration::ZERO);
                m.steer(feeling(0, neutral));
            }
        });
        let smile = faces[300].weights[Shape::MouthSmileLeft];
        assert!((smile - wanted).abs() < 0.01, "neutral {neutral}: {smile}");
    }
}

#[test]
fn a_profile_of_an_emotion_looks_like_the_emotion() {
    let happy = feeling(Emotion::Happy as usize, 0.8);
    let profile = Profile { emotion: happy.emotion, ..Profile::default() };
    let by_profile = run(motion(), &silence(), |k, m| {
        if k == 0 {
            m.set_profile(&profile, 1.0, Duration::ZERO)
        }
    });
    let by_steering = run(motion(), &silence(), |k, m| {
        if k == 0 {
            m.steer(happy);
            m.settle();
        }
    });
    for (a, b) in by_profile.iter().zip(&by_steering) {
        let far = a.weights.0.iter().zip(&b.weights.0).fold(0.0f32, |m, (x, y)| m.max((x - y).abs()));
        assert!(far < 1e-3, "{far}");
    }
}
