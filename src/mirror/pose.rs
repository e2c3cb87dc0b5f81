//! Where a head is that is seen from afar.

use glam::{EulerRot, Mat3, Quat, Vec3};
use nalgebra::Matrix3;

/// Scale, turn and shift of a head: the affine map that carries the model's places nearest to where they are seen in the picture, brought to
/// the nearest turn. The depths of `seen` are used for the shift alone. None where the places do not span a head.
pub fn pose(model: &[Vec3], seen: &[Vec3]) -> Option<(f32, Mat3, Vec3)> {
    let n = model.len().min(seen.len()) as f32;
    let (m0, s0) = (model.iter().sum::<Vec3>() / n, seen.iter().sum::<Vec3>() / n);
    let outer = |a: Vec3, b: Vec3| Mat3::from_cols(a * b.x, a * b.y, a * b.z);
    let (mut square, mut cross) = (Mat3::ZERO, Mat3::ZERO);
    for (m, s) in model.iter().zip(seen) {
        square += outer(*m - m0, *m - m0);
        cross += outer(*s - s0, *m - m0);
    }
    if square.determinant().abs() < 1e-6 {
        return None;
    }
    let affine = cross * square.inverse();
    let (a, b) = (affine.transpose().x_axis, affine.transpose().y_axis);
    let unit = (a.length() + b.length()) / 2.0;
    // The two rows, made perpendicular, each half of the way.
    let (a, b) = (a.normalize_or_zero(), b.normalize_or_zero());
    let lean = a.dot(b) / 2.0;
    let (a, b) = ((a - b * lean).normalize_or_zero(), (b - a * lean).normalize_or_zero());
    let turn = Mat3::from_cols(a, b, a.cross(b)).transpose();
    (unit > 0.0 && turn.is_finite()).then(|| (unit, turn, s0 - turn * m0 * unit))
}

/// The turn between two sets of places in space, whatever their scales (Kabsch 1976). None where they do not span a head.
pub fn rotation(model: &[Vec3], seen: &[Vec3]) -> Option<Mat3> {
    let n = model.len().min(seen.len()) as f32;
    let (m0, s0) = (model.iter().sum::<Vec3>() / n, seen.iter().sum::<Vec3>() / n);
    let mut cross = Matrix3::<f32>::zeros();
    for (m, s) in model.iter().zip(seen) {
        let (m, s) = ((*m - m0).to_array(), (*s - s0).to_array());
        cross += Matrix3::from_fn(|row, column| s[row] * m[column]);
    }
    let svd = cross.svd(true, true);
    let (u, vt) = (svd.u?, svd.v_t?);
    let mut flip = Matrix3::<f32>::identity();
    flip[(2, 2)] = (u * vt).determinant().signum();
    let turn = u * flip * vt;
    let column = |k: usize| Vec3::new(turn[(0, k)], turn[(1, k)], turn[(2, k)]);
    let turn = Mat3::from_cols(column(0), column(1), column(2));
    turn.is_finite().then_some(turn)
}

/// A turn as yaw, pitch and roll in degrees, with the signs of [`crate::face::HeadPose`].
pub fn angles(turn: &Mat3) -> [f32; 3] {
    let (yaw, pitch, roll) = Quat::from_mat3(turn).to_euler(EulerRot::YXZ);
    [yaw, -pitch, roll].map(f32::to_degrees)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turned_head_is_found_whatever_its_depths_are_said_to_be() {
        let model: Vec<Vec3> = (0..40)
            .map(|i| Vec3::new((i % 5) as f32 * 0.3 - 0.6, (i / 5) as f32 * 0.2 - 0.7, ((i * 7) % 11) as f32 * 0.05))
            .collect();
        let turn = Mat3::from_euler(glam::EulerRot::YXZ, 0.3, -0.2, 0.1);
        let seen: Vec<Vec3> =
            model.iter().map(|p| (turn * *p * 80.0 + Vec3::new(320.0, -240.0, 0.0)).with_z(p.x)).collect();
        let (unit, found, _) = pose(&model, &seen).unwrap();
        assert!((unit - 80.0).abs() < 0.1, "{unit}");
        assert!((found - turn).abs_diff_eq(Mat3::ZERO, 1e-3), "{found} {turn}");
        assert!(pose(&model[..2], &seen[..2]).is_none());
        let space: Vec<Vec3> = model.iter().map(|p| turn * *p * 3.0 + Vec3::ONE).collect();
        let found = rotation(&model, &space).unwrap();
        assert!((found - turn).abs_diff_eq(Mat3::ZERO, 1e-3), "{found} {turn}");
        let degrees = angles(&turn);
        assert!(
            (degrees[0] - 0.3f32.to_degrees()).abs() < 0.01 && (degrees[1] - 0.2f32.to_degrees()).abs() < 0.01,
            "{degrees:?}"
        );
    }
}
