//! The networks that look at pictures, installed and run: on a picture of Anna, on many faces in one, on what is no face.
//! `tests/kit/vision/anna.csv` has what MediaPipe 0.10.21 for Python (`face_mesh`, refined) sees in `anna.webp`: the landmarks found from
//! its detector, and those that it finds in the next picture, which is the same.

mod common;

use common::{models, models_in, root};
use glam::{Vec2, Vec3};
use image::{Rgb, RgbImage, imageops};
use std::fs;
use std::time::Instant;
use vasa_camera::vision::{COUNT, Detection, Landmarks, Reach, Roi, Vision};

fn vision() -> Vision {
    Vision::open(models(), 1).unwrap()
}

/// Anna's head and shoulders, 320 by 320.
fn anna() -> RgbImage {
    image::open(root().join("tests/kit/vision/anna.webp")).unwrap().to_rgb8()
}

/// MediaPipe's landmarks, and those of the next picture.
fn expected() -> [Landmarks; 2] {
    let text = fs::read_to_string(root().join("tests/kit/vision/anna.csv")).unwrap();
    let rows: Vec<Vec<f32>> =
        text.lines().skip(1).map(|l| l.split(',').map(|n| n.parse().unwrap()).collect()).collect();
    assert_eq!(rows.len(), COUNT);
    [0, 3].map(|from| {
        let points = std::array::from_fn(|i| Vec3::from_slice(&rows[i][from..]));
        Landmarks { points: Box::new(points), presence: 1.0 }
    })
}

/// The distance in the picture, the mean and the largest.
fn distance(a: &Landmarks, b: &Landmarks) -> (f32, f32) {
    let all = a.points.iter().zip(&b.points[..]).map(|(a, b)| a.truncate().distance(b.truncate()));
    (all.clone().sum::<f32>() / COUNT as f32, all.fold(0.0, f32::max))
}

/// A wall of some structure.
fn wall(width: u32, height: u32) -> RgbImage {
    let shade = |x: u32, y: u32| 90 + ((x / 7 * 31 + y / 9 * 17) % 40) as u8;
    RgbImage::from_fn(width, height, |x, y| Rgb([shade(x, y), shade(x, y) - 20, shade(y, x)]))
}

/// Anna, of so many pixels, at a place of a picture.
fn put(picture: &mut RgbImage, side: u32, x: i64, y: i64) {
    imageops::overlay(picture, &imageops::resize(&anna(), side, side, imageops::FilterType::Triangle), x, y);
}

fn middle(face: &Detection) -> Vec2 {
    (face.low + face.high) / 2.0
}

#[test]
fn landmarks_are_those_of_mediapipe() {
    let (mut vision, picture, [first, next]) = (vision(), anna(), expected());
    let faces = vision.faces(&picture, Reach::Near).unwrap();
    assert_eq!(faces.len(), 1, "{faces:?}");
    let found = vision.landmarks(&picture, &Roi::around(&faces[0])).unwrap();
    let followed = vision.landmarks(&picture, &Roi::of(&found)).unwrap();
    // MediaPipe's own landmarks say where it looked.
    let again = vision.landmarks(&picture, &Roi::of(&first)).unwrap();
    for (name, ours, theirs) in [("found", &found, &first), ("followed", &followed, &next), ("alone", &again, &next)] {
        let (mean, largest) = distance(ours, theirs);
        let depth = ours.points.iter().zip(&theirs.points[..]).map(|(a, b)| (a.z - b.z).abs()).fold(0.0, f32::max);
        println!("{name}: {mean:.3} pixels from MediaPipe's in the mean, {largest:.3} at most, {depth:.3} in depth");
        assert!(mean < 0.1 && largest < 0.5 && depth < 0.5 && ours.presence > 0.99, "{name}: {}", ours.presence);
    }
}

#[test]
fn a_face_that_is_turned_has_the_same_landmarks_turned() {
    let (mut vision, picture) = (vision(), anna());
    let mut of = |picture: &RgbImage| {
        let face = vision.faces(picture, Reach::Near).unwrap().remove(0);
        let mut found = vision.landmarks(picture, &Roi::around(&face)).unwrap();
        for _ in 0..3 {
            found = vision.landmarks(picture, &Roi::of(&found)).unwrap();
        }
        found
    };
    let upright = of(&picture);
    let mut turned = of(&imageops::rotate90(&picture));
    assert!((Roi::of(&turned).angle - Roi::of(&upright).angle - std::f32::consts::FRAC_PI_2).abs() < 0.05);
    for point in turned.points.iter_mut() {
        *point = Vec3::new(point.y, 319.0 - point.x, point.z);
    }
    let (mean, largest) = distance(&upright, &turned);
    assert!(mean < 1.0 && largest < 4.0, "{mean} {largest}");
}

#[test]
fn small_and_large_faces_are_found_where_they_are() {
    let mut vision = vision();
    // The face is some 95 of the 320 pixels wide: 120 and 500 here, of 2400.
    let mut picture = wall(2400, 1600);
    put(&mut picture, 400, 1900, 1100);
    assert!(vision.faces(&picture, Reach::Near).unwrap().is_empty());
    let faces = vision.faces(&picture, Reach::Far).unwrap();
    let place = |x: f32, y: f32, side: f32| Vec2::new(x, y) + Vec2::new(160.0, 165.0) / 320.0 * side;
    assert!(faces.len() == 1 && middle(&faces[0]).distance(place(1900.0, 1100.0, 400.0)) < 30.0, "{faces:?}");
    put(&mut picture, 1500, 100, 50);
    let faces = vision.faces(&picture, Reach::Far).unwrap();
    assert_eq!(faces.len(), 2, "{faces:?}");
    let near = |x: f32, y: f32, side: f32| faces.iter().any(|f| middle(f).distance(place(x, y, side)) < side / 12.0);
    assert!(near(1900.0, 1100.0, 400.0) && near(100.0, 50.0, 1500.0), "{faces:?}");
    assert!(faces.is_sorted_by(|a, b| a.score >= b.score));
    // A face that fills the picture, and more than that.
    let close = imageops::crop_imm(&anna(), 105, 95, 115, 130).to_image();
    let faces = vision.faces(&close, Reach::Far).unwrap();
    assert_eq!(faces.len(), 1, "{faces:?}");
}

#[test]
fn where_there_is_no_face_none_is_found() {
    let mut vision = vision();
    let mut random = fastrand::Rng::with_seed(1);
    let noise = RgbImage::from_fn(640, 480, |_, _| Rgb([random.u8(..), random.u8(..), random.u8(..)]));
    // Her jumper.
    let jumper = imageops::crop_imm(&anna(), 60, 240, 200, 80).to_image();
    let pictures =
        [wall(1280, 720), noise, RgbImage::new(640, 480), RgbImage::new(1, 1), RgbImage::new(1, 3000), jumper];
    for (i, picture) in pictures.iter().enumerate() {
        let faces = vision.faces(picture, Reach::Far).unwrap();
        assert!(faces.is_empty(), "picture {i}: {faces:?}");
    }
    let roi = Roi { centre: Vec2::new(640.0, 360.0), side: 300.0, angle: 0.1 };
    let found = vision.landmarks(&pictures[0], &roi).unwrap();
    assert!(found.presence < 0.5, "{}", found.presence);
}

#[test]
fn the_matte_is_the_person() {
    let (mut vision, picture) = (vision(), anna());
    let matte = vision.matte(&picture).unwrap();
    assert_eq!(matte.dimensions(), picture.dimensions());
    let at = |x, y| matte.get_pixel(x, y).0[0];
    assert!(
        at(160, 160) > 0.95 && at(160, 300) > 0.95 && at(10, 10) < 0.05 && at(310, 10) < 0.05 && at(20, 150) < 0.05
    );
    let person = matte.pixels().map(|p| p.0[0]).sum::<f32>() / (320.0 * 320.0);
    assert!((0.3..0.6).contains(&person), "{person}");
    assert_eq!(vision.matte(&RgbImage::new(3, 1)).unwrap().dimensions(), (3, 1));
}

#[test]
fn what_cannot_be_looked_at_is_told() {
    let mut vision = vision();
    let e = vision.faces(&RgbImage::new(0, 0), Reach::Near).unwrap_err().to_string();
    assert!(e.contains("0×0"), "{e}");
    for side in [0.0, -5.0, f32::NAN, f32::INFINITY] {
        let roi = Roi { centre: Vec2::ZERO, side, angle: 0.0 };
        let e = vision.landmarks(&anna(), &roi).unwrap_err().to_string();
        assert!(e.contains("cannot be looked at"), "{e}");
    }
    // A part beside the picture is black or its edge: no face.
    let roi = Roi { centre: Vec2::splat(1e8), side: 200.0, angle: 9.0 };
    assert!(vision.landmarks(&anna(), &roi).unwrap().presence < 0.5);
}

#[test]
fn without_the_model_the_command_that_installs_it_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let paths = models_in(folder.path());
    let e = Vision::open(&paths, 1).err().unwrap().to_string();
    assert!(e.contains("vasa models install vision"), "{e}");
    // Other bytes than the pinned ones do not run.
    fs::create_dir(folder.path().join("vision")).unwrap();
    for name in ["face-detection.onnx", "face-landmarks.onnx", "matte.onnx"] {
        fs::write(folder.path().join("vision").join(name), "evil").unwrap();
    }
    let e = Vision::open(&paths, 1).unwrap().faces(&anna(), Reach::Near).unwrap_err().to_string();
    assert!(e.contains("SHA-256") && e.contains("vasa models install vision"), "{e}");
}

#[test]
fn what_a_picture_costs() {
    let mut vision = vision();
    let mut picture = wall(1280, 720);
    put(&mut picture, 720, 280, 0);
    let roi = Roi::around(&vision.faces(&picture, Reach::Near).unwrap()[0]);
    let mut measure = |name: &str, times: u32, run: &mut dyn FnMut(&mut Vision)| {
        run(&mut vision);
        let begin = Instant::now();
        (0..times).for_each(|_| run(&mut vision));
        println!("{name}: {:.1} ms on one thread", begin.elapsed().as_secs_f64() * 1e3 / f64::from(times));
    };
    measure("detection, near", 30, &mut |v| drop(v.faces(&picture, Reach::Near).unwrap()));
    measure("detection, far", 2, &mut |v| drop(v.faces(&picture, Reach::Far).unwrap()));
    measure("landmarks", 30, &mut |v| drop(v.landmarks(&picture, &roi).unwrap()));
    measure("matte", 10, &mut |v| drop(v.matte(&picture).unwrap()));
}
