//! From head units to pixels of the frame.

use super::Size;
use super::resample::Span;
use crate::avatar::Camera;
use glam::{Vec2, Vec3, Vec4};

/// The avatar's camera over a frame of one size: the frame's height is the picture's height, whatever the width.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lens {
    camera: Camera,
    size: Vec2,
    /// Nearest and farthest depth that is told apart.
    near: f32,
    far: f32,
    /// How large the person is drawn, 1 as framed, and the point of the frame that stays, in clip units.
    zoom: f32,
    anchor: Vec2,
}

/// Who goes away keeps the lower edge of the frame, where the body is cut; who comes nearer keeps the eyes.
const FAR_ANCHOR: f32 = -1.0;

/// How far from the origin, in head units, depth is told apart.
const DEEP: f32 = 6.0;

impl Lens {
    pub fn new(camera: Camera, size: Size) -> Self {
        let near = (camera.distance - DEEP).max(0.5);
        Self {
            camera,
            size: Vec2::new(size.width as f32, size.height as f32),
            near,
            far: camera.distance + DEEP,
            zoom: 1.0,
            anchor: Vec2::ZERO,
        }
    }

    pub fn zoom(&self) -> f32 {
        self.zoom
    }

    /// Draws the person `zoom` times as large from now on.
    pub fn set_zoom(&mut self, zoom: f32) {
        self.zoom = zoom;
        let eyes = -self.camera.centre / (self.camera.distance * self.camera.tan_half_height);
        let eyes = Vec2::new(eyes.x * self.size.y / self.size.x, eyes.y);
        self.anchor = if zoom < 1.0 { Vec2::new(eyes.x, FAR_ANCHOR) } else { eyes };
    }

    /// Clip coordinates of a point: perspective that meets the portrait exactly in neutral.
    pub fn clip(&self, p: Vec3) -> Vec4 {
        let depth = (self.camera.distance - p.z).max(0.5);
        let axis = self.camera.centre * (depth / self.camera.distance);
        let half = self.camera.tan_half_height;
        let z = ((depth - self.near) / (self.far - self.near)).clamp(0.0, 1.0);
        let at = Vec2::new((p.x - axis.x) / (half * self.size.x / self.size.y), (p.y - axis.y) / half);
        let at = at * self.zoom + self.anchor * (1.0 - self.zoom) * depth;
        Vec4::new(at.x, at.y, z * depth, depth)
    }

    /// Pixels of the frame, from its upper left corner.
    pub fn pixel(&self, clip: Vec4) -> Vec2 {
        let scale = 0.5 / clip.w;
        Vec2::new(0.5 + clip.x * scale, 0.5 - clip.y * scale) * self.size
    }

    /// The clip coordinates of `clip` moved by `by` pixels.
    pub fn moved(&self, clip: Vec4, by: Vec2) -> Vec4 {
        let by = by * 2.0 / self.size * clip.w;
        Vec4::new(clip.x + by.x, clip.y - by.y, clip.z, clip.w)
    }

    /// Pixels a head unit measures at z = 0.
    pub fn pixels_per_unit(&self) -> f32 {
        self.zoom * self.size.y / (2.0 * self.camera.tan_half_height * self.camera.distance)
    }
}

/// The whole pixels of the frame that a picture covers which is centred and as high as the frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cover {
    pub width: u32,
    pub height: u32,
    /// Where the picture lies in those pixels.
    pub span: Span,
}

impl Cover {
    pub fn new(size: Size, aspect: f32) -> Self {
        let exact = Span::centred(size.width, size.height as f32 * aspect);
        let left = exact.start.floor();
        let width = ((exact.start + exact.length).ceil() - left).max(1.0);
        let span = Span { start: exact.start - left, length: exact.length };
        Self { width: width as u32, height: size.height, span }
    }

    /// From places in the picture (0..1) to places in the covered pixels (0..1).
    pub fn uv(&self, uv: Vec2) -> Vec2 {
        Vec2::new((self.span.start + uv.x * self.span.length) / self.width as f32, uv.y)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAMERA: Camera = Camera { distance: 14.0, tan_half_height: 0.2, centre: Vec2::new(0.0, -0.5) };

    #[test]
    fn the_middle_of_the_frame_shows_the_centre_and_units_are_as_high_as_wide() {
        for (width, height) in [(1280, 720), (640, 480), (512, 512), (300, 600)] {
            let lens = Lens::new(CAMERA, Size { width, height });
            let at = |x, y| lens.pixel(lens.clip(Vec3::new(x, y, 0.0)));
            let middle = at(0.0, -0.5);
            assert!((middle - Vec2::new(width as f32, height as f32) / 2.0).length() < 1e-2, "{middle}");
            let (right, up) = (at(1.0, -0.5) - middle, at(0.0, 0.5) - middle);
            assert!((right.x + up.y).abs() < 1e-2 && (right.x - lens.pixels_per_unit()).abs() < 1e-2, "{right} {up}");
        }
    }

    #[test]
    fn a_zoomed_person_keeps_the_eyes_or_the_lower_edge_and_is_as_much_larger() {
        let size = Size { width: 1280, height: 720 };
        let mut lens = Lens::new(CAMERA, size);
        let eyes = lens.pixel(lens.clip(Vec3::ZERO));
        let low = lens.pixel(lens.clip(Vec3::new(0.0, -0.5 - 14.0 * 0.2, 0.0)));
        for (zoom, point, stays) in [(2.0, Vec3::ZERO, eyes), (0.5, Vec3::new(0.0, -3.3, 0.0), low)] {
            lens.set_zoom(1.0);
            let unit = lens.pixels_per_unit();
            lens.set_zoom(zoom);
            assert!((lens.pixel(lens.clip(point)) - stays).length() < 0.1);
            let wide = lens.pixel(lens.clip(point + Vec3::X)) - lens.pixel(lens.clip(point));
            assert!((wide.x - unit * zoom).abs() < 0.1 && (lens.pixels_per_unit() - unit * zoom).abs() < 0.1);
        }
    }

    #[test]
    fn a_picture_covers_whole_pixels_at_its_exact_place() {
        let c = Cover::new(Size { width: 512, height: 512 }, 4.0 / 3.0);
        // From pixel -86 on, 86 before the frame's left edge.
        assert_eq!(c.width, 684);
        let middle = c.uv(Vec2::splat(0.5)).x * c.width as f32 - 86.0;
        assert!((middle - 256.0).abs() < 1e-3, "{middle}");
        let c = Cover::new(Size { width: 1280, height: 720 }, 4.0 / 3.0);
        assert_eq!((c.span.start, c.width), (0.0, 960));
    }
}
