//! Where faces are: MediaPipe's short-range detector (BlazeFace, Bazarevsky et al., 2019), run on the whole picture and, where faces may
//! be small in it, on pieces.

use super::crop::{Beyond, sample};
use super::{Network, Roi, Vision, sigmoid};
use anyhow::Result;
use glam::Vec2;
use image::RgbImage;

/// Pixels on a side of what the network is shown.
pub(super) const SIDE: usize = 128;

/// Anchors: two a place of a grid of 16 by 16, then six a place of one of 8 by 8 (`SsdAnchorsCalculator`, strides 8, 16, 16, 16).
const GRIDS: [(usize, usize); 2] = [(16, 2), (8, 6)];
const ANCHORS: usize = 16 * 16 * 2 + 8 * 8 * 6;

/// What the network says of each: its box's middle and size, and six points.
const NUMBERS: usize = 16;

/// The score from which on a face is one (MediaPipe's).
const MIN_SCORE: f32 = 0.5;

/// That of a face in a piece: there are many pieces, and in texture some look like faces. Seen from near, false ones stayed below 0.71
/// and true ones above 0.85.
const MIN_SURE: f32 = 0.75;

/// The presence that the landmark network must see. True faces have more than 0.99.
const MIN_PRESENCE: f32 = 0.9;

/// So much of a piece's side the face fills then.
const BEST: f32 = 0.4;

/// Boxes that share more of their union are of one face (`min_suppression_threshold`).
const SAME: f32 = 0.3;

/// A box of another piece, that lies in one that was found before by more than this part, is of the same face.
const WITHIN: f32 = 0.4;

/// A face that was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Detection {
    /// From 0 to 1.
    pub score: f32,
    /// The corners of its box: from the brows to the chin.
    pub low: Vec2,
    pub high: Vec2,
    /// The left eye, the right eye, the tip of the nose, the middle of the mouth, the left ear, the right ear.
    pub points: [Vec2; 6],
}

/// How small faces may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// A tenth of the picture and more: as in front of a webcam. One run of the network.
    Near,
    /// A twenty-fifth and more. Up to some sixty runs of the network, and a few of that for landmarks.
    Far,
}

pub(super) fn faces(vision: &mut Vision, picture: &RgbImage, reach: Reach) -> Result<Vec<Detection>> {
    if reach == Reach::Near {
        return look(vision.detection_network()?, picture, &whole(picture));
    }
    let mut faces: Vec<Detection> = Vec::new();
    let is_whole = |piece: &Roi| piece.side >= whole(picture).side;
    for piece in pieces(picture) {
        for seen in look(vision.detection_network()?, picture, &piece)? {
            if faces.iter().any(|other| seen.is_part_of(other)) {
                continue;
            }
            // Once more, at the size at which the network sees best.
            let nearer = look(vision.detection_network()?, picture, &seen.nearby())?;
            let Some(nearer) = nearer.into_iter().find(|face| face.is_part_of(&seen)) else { continue };
            let face = if nearer.score > seen.score { nearer } else { seen };
            if (is_whole(&piece) || face.score >= MIN_SURE)
                && !faces.iter().any(|other| face.is_part_of(other))
                && vision.landmarks(picture, &Roi::around(&face))?.presence >= MIN_PRESENCE
            {
                faces.push(face);
            }
        }
    }
    faces.sort_by(|a, b| b.score.total_cmp(&a.score));
    Ok(faces)
}

/// The whole picture and, if it is no square, black beside it.
fn whole(picture: &RgbImage) -> Roi {
    let size = Vec2::new(picture.width() as f32, picture.height() as f32);
    Roi { centre: size / 2.0, side: size.max_element(), angle: 0.0 }
}

/// The whole picture, the picture from farther away (a face may fill it), then smaller and smaller pieces that overlap by half.
fn pieces(picture: &RgbImage) -> Vec<Roi> {
    let whole = whole(picture);
    let size = whole.centre * 2.0;
    let mut all = vec![whole, Roi { side: whole.side * 1.6, ..whole }];
    let mut side = whole.side;
    for _ in 0..LEVELS {
        side /= 2.0;
        if side < SIDE as f32 / 2.0 {
            break;
        }
        // As many as it takes for the last to end where the picture does.
        let along = |length: f32| -> Vec<f32> {
            let steps = ((length - side) / (side / 2.0)).ceil().max(0.0);
            let step = (length - side) / steps.max(1.0);
            (0..=steps as usize)
                .map(|i| if steps == 0.0 { length / 2.0 } else { side / 2.0 + step * i as f32 })
                .collect()
        };
        for y in along(size.y) {
            all.extend(along(size.x).into_iter().map(|x| Roi { centre: Vec2::new(x, y), side, angle: 0.0 }));
        }
    }
    all
}

/// How often pieces are halved.
const LEVELS: usize = 2;

/// The faces that the network sees in a piece of a picture, the best first.
fn look(network: &mut Network, picture: &RgbImage, piece: &Roi) -> Result<Vec<Detection>> {
    let grid = piece.grid(SIDE);
    sample(picture, &grid, Beyond::Black, [-1.0, 1.0], SIDE, &mut network.pixels);
    let seen = network.run([("regressors", ANCHORS * NUMBERS), ("classificators", ANCHORS)], |[boxes, scores]| {
        let boxes = boxes.as_chunks::<NUMBERS>().0;
        Ok(anchors()
            .zip(boxes)
            .zip(scores)
            .filter_map(|((anchor, numbers), score)| decode(anchor, numbers, *score))
            .collect())
    })?;
    let mut faces = merge(seen);
    for face in &mut faces {
        let points = [&mut face.low, &mut face.high].into_iter().chain(&mut face.points);
        points.for_each(|point| *point = grid.place(*point));
    }
    Ok(faces)
}

/// The middles of the anchors, in pixels of what the network is shown.
fn anchors() -> impl Iterator<Item = Vec2> {
    GRIDS.into_iter().flat_map(|(side, each)| {
        let place = move |i: usize| (i as f32 + 0.5) * (SIDE / side) as f32;
        (0..side * side * each).map(move |i| Vec2::new(place(i / each % side), place(i / each / side)))
    })
}

/// What the network says of an anchor.
fn decode(anchor: Vec2, numbers: &[f32; NUMBERS], score: f32) -> Option<Detection> {
    let score = sigmoid(score);
    if score < MIN_SCORE {
        return None;
    }
    let [middle, size, points @ ..] = numbers.as_chunks::<2>().0 else { return None };
    let (middle, size) = (anchor + Vec2::from(*middle), Vec2::from(*size));
    let mut face = Detection { score, low: middle - size / 2.0, high: middle + size / 2.0, points: [Vec2::ZERO; 6] };
    for (place, point) in face.points.iter_mut().zip(points) {
        *place = anchor + Vec2::from(*point);
    }
    (size.min_element() > 0.0).then_some(face)
}

/// Detections of one face become their mean, weighted by their scores (`NonMaxSuppressionCalculator`, WEIGHTED).
fn merge(mut seen: Vec<Detection>) -> Vec<Detection> {
    seen.sort_by(|a, b| b.score.total_cmp(&a.score));
    let mut faces = Vec::new();
    while let Some(best) = seen.first().cloned() {
        let (same, others): (Vec<_>, Vec<_>) = seen.into_iter().partition(|other| overlap(&best, other) > SAME);
        seen = others;
        let total: f32 = same.iter().map(|d| d.score).sum();
        let mut face = Detection { low: Vec2::ZERO, high: Vec2::ZERO, points: [Vec2::ZERO; 6], ..best };
        for one in &same {
            let share = one.score / total;
            face.low += one.low * share;
            face.high += one.high * share;
            face.points.iter_mut().zip(one.points).for_each(|(sum, point)| *sum += point * share);
        }
        faces.push(face);
        // A box that is not even like itself.
        if same.is_empty() {
            break;
        }
    }
    faces
}

/// The part of their union that two boxes share.
fn overlap(a: &Detection, b: &Detection) -> f32 {
    let shared = a.shared(b);
    let union = a.area() + b.area() - shared;
    if union > 0.0 { shared / union } else { 0.0 }
}

impl Detection {
    /// A piece of the picture with the face in its middle.
    fn nearby(&self) -> Roi {
        Roi { centre: (self.low + self.high) / 2.0, side: (self.high - self.low).max_element() / BEST, angle: 0.0 }
    }

    fn area(&self) -> f32 {
        (self.high - self.low).max(Vec2::ZERO).element_product()
    }

    fn shared(&self, other: &Detection) -> f32 {
        (self.high.min(other.high) - self.low.max(other.low)).max(Vec2::ZERO).element_product()
    }

    fn is_part_of(&self, other: &Detection) -> bool {
        self.shared(other) > WITHIN * self.area().min(other.area())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn face(score: f32, x: f32, size: f32) -> Detection {
        let low = Vec2::new(x, 0.0);
        Detection { score, low, high: low + size, points: [low; 6] }
    }

    #[test]
    fn there_is_an_anchor_for_each_box_of_the_network() {
        let all: Vec<Vec2> = anchors().collect();
        assert_eq!(all.len(), ANCHORS);
        // As `SsdAnchorsCalculator` makes them.
        assert_eq!(
            [all[0], all[1], all[2], all[32]],
            [Vec2::splat(4.0), Vec2::splat(4.0), Vec2::new(12.0, 4.0), Vec2::new(4.0, 12.0)]
        );
        assert_eq!(
            [all[512], all[517], all[518], all[895]],
            [Vec2::splat(8.0), Vec2::splat(8.0), Vec2::new(24.0, 8.0), Vec2::splat(120.0)]
        );
    }

    #[test]
    fn boxes_of_one_face_become_their_weighted_mean_and_others_stay() {
        let faces = merge(vec![face(0.6, 2.0, 10.0), face(0.9, 0.0, 10.0), face(0.7, 100.0, 10.0)]);
        assert_eq!(faces.len(), 2);
        assert!((faces[0].score, faces[1].score) == (0.9, 0.7) && faces[1].low.x == 100.0);
        assert!((faces[0].low.x - 0.8).abs() < 1e-6 && (faces[0].points[3].x - 0.8).abs() < 1e-6, "{faces:?}");
        assert!(merge(Vec::new()).is_empty());
        // A box of no size shares nothing with itself.
        assert_eq!(merge(vec![face(0.9, 0.0, 0.0), face(0.8, 0.0, 0.0)]).len(), 1);
    }

    #[test]
    fn what_lies_in_a_face_is_no_other_one() {
        assert!(
            face(0.5, 10.0, 30.0).is_part_of(&face(0.9, 0.0, 100.0))
                && !face(0.5, 95.0, 30.0).is_part_of(&face(0.9, 0.0, 100.0))
        );
    }

    #[test]
    fn the_pieces_cover_the_picture_to_its_edges() {
        for (width, height) in [(4000, 3000), (600, 600), (1920, 400), (50, 70)] {
            let pieces = pieces(&RgbImage::new(width, height));
            assert!(pieces.len() < 64, "{}", pieces.len());
            let smallest = pieces.iter().map(|p| p.side).fold(f32::MAX, f32::min);
            let last = pieces.iter().filter(|p| p.side == smallest);
            let far = last.fold(Vec2::ZERO, |far, p| far.max(p.centre + p.side / 2.0));
            assert!(far.x >= width as f32 - 0.01 && far.y >= height as f32 - 0.01, "{width}×{height}: {far}");
        }
    }
}
