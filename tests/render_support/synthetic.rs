//! A made-up person, written as a package: a flat face with eyes, a mouth that opens, and a background in two colours.

use half::f16;
use image::{GrayImage, Luma, Rgb, RgbImage};
use safetensors::Dtype;
use safetensors::tensor::TensorView;
use std::collections::BTreeMap;
use std::path::Path;
use vasa_camera::face::Shape;

const DISTANCE: f32 = 14.0;
const HALF: f32 = 0.2;
const CENTRE_Y: f32 = -0.5;
const ASPECT: f32 = 4.0 / 3.0;
/// Points a row and a column of the body's grid.
const COLUMNS: usize = 65;
const ROWS: usize = 49;
const MOUTH: [f32; 2] = [0.0, -1.1];

pub const SKIN: [u8; 3] = [200, 150, 130];
pub const CLOSED: [u8; 3] = [150, 100, 90];
pub const PLATE: [[u8; 3]; 2] = [[40, 60, 90], [90, 110, 60]];

/// Tensors by name: type, shape, bytes.
#[derive(Clone, Default)]
pub struct Mesh(pub BTreeMap<String, (Dtype, Vec<usize>, Vec<u8>)>);

impl Mesh {
    pub fn floats(&mut self, name: &str, columns: usize, values: &[f32]) {
        let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.put(name, Dtype::F32, columns, values.len(), bytes);
    }

    pub fn put(&mut self, name: &str, dtype: Dtype, columns: usize, values: usize, bytes: Vec<u8>) {
        let shape = if columns == 1 { vec![values] } else { vec![values / columns, columns] };
        self.0.insert(name.into(), (dtype, shape, bytes));
    }

    pub fn triangles(&mut self, name: &str, corners: &[u32]) {
        self.put(name, Dtype::U32, 3, corners.len(), corners.iter().flat_map(|v| v.to_le_bytes()).collect());
    }

    pub fn morphs(&mut self, part: &str, entries: &[(Shape, u16, [f32; 3])]) {
        let n = entries.len();
        self.put(&format!("{part}.morph.target"), Dtype::U8, 1, n, entries.iter().map(|e| e.0 as u8).collect());
        let vertex = entries.iter().flat_map(|e| e.1.to_le_bytes()).collect();
        self.put(&format!("{part}.morph.vertex"), Dtype::U16, 1, n, vertex);
        let delta = entries.iter().flat_map(|e| e.2).flat_map(|v| f16::from_f32(v).to_le_bytes()).collect();
        self.put(&format!("{part}.morph.delta"), Dtype::F16, 3, 3 * n, delta);
    }

    pub fn save(&self, path: &Path) {
        let views: Vec<_> = self
            .0
            .iter()
            .map(|(name, (dtype, shape, bytes))| (name, TensorView::new(*dtype, shape.clone(), bytes).unwrap()))
            .collect();
        std::fs::write(path, safetensors::serialize(views, None).unwrap()).unwrap();
    }
}

pub const MANIFEST: &str = r#"
format = 1
name = "test"
label = "Test"
kind = "model"
licence = "CC0-1.0"
camera = { distance = 14.0, tan_half_height = 0.2, centre = [0.0, -0.5] }
pivot = { neck = [0.0, -1.9, -0.6] }
picture = { aspect = 1.3333333, plate_aspect = 1.7777778 }
light = { key = [-0.5, 0.5, 0.7] }
part = [
    { name = "eye_left", material = "eye", texture = "eye.png", centre = [0.5, 0.0, -0.1] },
    { name = "eye_right", material = "eye", texture = "eye.png", centre = [-0.5, 0.0, -0.1] },
    { name = "body", material = "portrait" },
]
key = [
    { name = "blink_left", picture = "closed.png", weight = "eyeBlinkLeft" },
    { name = "blink_right", picture = "closed.png", weight = "eyeBlinkRight" },
]
"#;

/// Where the person is in the picture: a head and shoulders, in head units.
fn inside(x: f32, y: f32) -> f32 {
    let head = 1.0 - ((x / 1.3).powi(2) + ((y + 0.4) / 1.7).powi(2)).sqrt();
    let shoulders = 1.0 - ((x / 2.6).powi(2) + ((y + 4.6) / 2.2).powi(2)).sqrt();
    head.max(shoulders)
}

fn unproject(u: f32, v: f32, z: f32) -> [f32; 3] {
    let depth = DISTANCE - z;
    [(2.0 * u - 1.0) * HALF * ASPECT * depth, ((1.0 - 2.0 * v) * HALF + CENTRE_Y / DISTANCE) * depth, z]
}

fn smooth(low: f32, high: f32, x: f32) -> f32 {
    let t = ((x - low) / (high - low)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

pub fn mesh() -> Mesh {
    let (mut position, mut uv, mut head, mut triangles) = (Vec::new(), Vec::new(), Vec::new(), Vec::<u32>::new());
    let (mut morphs, mut masks) = (Vec::new(), [Vec::new(), Vec::new()]);
    let at = |c: usize, r: usize| {
        let (u, v) = (c as f32 / (COLUMNS - 1) as f32, r as f32 / (ROWS - 1) as f32);
        let flat = unproject(u, v, 0.0);
        let nose = (-((flat[0] / 0.25).powi(2) + ((flat[1] + 0.5) / 0.3).powi(2))).exp();
        ([u, v], unproject(u, v, 0.3 * nose + 0.3 * (1.0 - (flat[0] / 1.5).powi(2)).max(-1.0)))
    };
    // The row of the grid that the lips meet in stands twice: above and below.
    let lips = (0..ROWS).min_by_key(|r| ((at(0, *r).1[1] - MOUTH[1]).abs() * 1e4) as i64).unwrap();
    let mut add = |c: usize, r: usize, below: bool| {
        let (t, p) = at(c, r);
        let index = head.len() as u16;
        position.extend(p);
        uv.extend(t);
        head.push(smooth(-2.6, -1.9, p[1]));
        let near = (-((p[0] / 0.5).powi(2))).exp();
        if below {
            let open = near * smooth(-2.3, -1.5, p[1]) * if p[0].abs() < 0.42 || r > lips { 1.0 } else { 0.0 };
            morphs.push((Shape::JawOpen, index, [0.0, -0.5 * open, -0.05 * open]));
        }
        for (eye, mask) in [0.5f32, -0.5].into_iter().zip(&mut masks) {
            let d = ((p[0] - eye) / 0.3).hypot(p[1] / 0.25);
            mask.push(smooth(1.2, 0.8, d));
            if p[1] > -0.02 && d < 1.3 {
                let shape = if eye > 0.0 { Shape::EyeBlinkLeft } else { Shape::EyeBlinkRight };
                morphs.push((shape, index, [0.0, -0.2 * smooth(1.3, 0.7, d), 0.02]));
            }
        }
        u32::from(index)
    };
    let mut grid = vec![[0u32; 2]; COLUMNS * ROWS];
    for r in 0..ROWS {
        for c in 0..COLUMNS {
            let slit = r == lips && at(c, r).1[0].abs() < 0.5;
            let upper = add(c, r, r > lips);
            let lower = if slit { add(c, r, true) } else { upper };
            grid[r * COLUMNS + c] = [upper, lower];
        }
    }
    for r in 0..ROWS - 1 {
        for c in 0..COLUMNS - 1 {
            let p = unproject((c as f32 + 0.5) / (COLUMNS - 1) as f32, (r as f32 + 0.5) / (ROWS - 1) as f32, 0.3);
            if [0.5, -0.5].iter().any(|e| ((p[0] - e) / 0.2).hypot(p[1] / 0.1) < 1.0) {
                continue;
            }
            let (a, b) = (grid[r * COLUMNS + c][1], grid[r * COLUMNS + c + 1][1]);
            let (d, e) = (grid[(r + 1) * COLUMNS + c][0], grid[(r + 1) * COLUMNS + c + 1][0]);
            triangles.extend([a, d, e, a, e, b]);
        }
    }
    let mut mesh = Mesh::default();
    mesh.floats("body.position", 3, &position);
    mesh.floats("body.uv", 2, &uv);
    mesh.floats("body.head", 1, &head);
    mesh.triangles("body.triangles", &triangles);
    mesh.morphs("body", &morphs);
    for (name, mask) in ["blink_left", "blink_right"].into_iter().zip(&masks) {
        mesh.floats(&format!("body.key.{name}.uv"), 2, &uv);
        mesh.floats(&format!("body.key.{name}.mask"), 1, mask);
    }
    for (name, x) in [("eye_left", 0.5), ("eye_right", -0.5)] {
        eye(&mut mesh, name, x);
    }
    mesh
}

fn eye(mesh: &mut Mesh, name: &str, x: f32) {
    const N: u32 = 16;
    let (mut position, mut uv) = (Vec::new(), Vec::new());
    for r in 0..=N {
        for c in 0..=N {
            let (h, v) = (c as f32 / N as f32 * 2.0 - 1.0, r as f32 / N as f32 * 2.0 - 1.0);
            let scale = 0.98 / (1.0 + h * h * v * v).sqrt().max(1.0);
            let (h, v) = (h * scale, v * scale);
            let z = (1.0 - (h * h + v * v).min(1.0)).sqrt();
            position.extend([x + 0.35 * h, -0.35 * v, -0.1 + 0.35 * z]);
            uv.extend([0.5 + 0.5 * h, 0.5 + 0.5 * v]);
        }
    }
    let mut triangles = Vec::new();
    for r in 0..N {
        for c in 0..N {
            let a = r * (N + 1) + c;
            triangles.extend([a, a + N + 1, a + N + 2, a, a + N + 2, a + 1]);
        }
    }
    mesh.floats(&format!("{name}.position"), 3, &position);
    mesh.floats(&format!("{name}.uv"), 2, &uv);
    mesh.floats(&format!("{name}.head"), 1, &vec![1.0; position.len() / 3]);
    mesh.triangles(&format!("{name}.triangles"), &triangles);
}

/// Writes the whole package into `dir`.
pub fn write(dir: &Path) {
    let (w, h) = (480u32, 360u32);
    let place = |x: u32, y: u32| {
        let p = unproject((x as f32 + 0.5) / w as f32, (y as f32 + 0.5) / h as f32, 0.0);
        (p[0], p[1])
    };
    let spot = |x: u32, y: u32| ((x / 6 + y / 6) % 2 * 24) as u8;
    let skin = |colour: [u8; 3]| {
        RgbImage::from_fn(w, h, |x, y| {
            let (px, py) = place(x, y);
            let lips = ((px - MOUTH[0]) / 0.45).hypot((py - MOUTH[1]) / 0.12) < 1.0;
            let c = if lips { [180, 70, 70] } else { colour };
            Rgb(c.map(|v| v - spot(x, y)))
        })
    };
    skin(SKIN).save_with_format(dir.join("portrait.jpg"), image::ImageFormat::Png).unwrap();
    skin(CLOSED).save(dir.join("closed.png")).unwrap();
    let matte = GrayImage::from_fn(w, h, |x, y| {
        let (px, py) = place(x, y);
        Luma([(inside(px, py) * 20.0 * 255.0).clamp(0.0, 255.0) as u8])
    });
    matte.save(dir.join("matte.png")).unwrap();
    let plate = RgbImage::from_fn(640, 360, |x, _| Rgb(PLATE[usize::from(x >= 320)]));
    plate.save_with_format(dir.join("plate.jpg"), image::ImageFormat::Png).unwrap();
    let eye = RgbImage::from_fn(128, 128, |x, y| {
        let r = (x as f32 - 63.5).hypot(y as f32 - 63.5) / 64.0;
        if r < 0.35 { Rgb([20, 30, 40]) } else { Rgb([225, 220, 215]) }
    });
    eye.save(dir.join("eye.png")).unwrap();
    mesh().save(&dir.join("mesh.safetensors"));
    std::fs::write(dir.join("avatar.toml"), MANIFEST).unwrap();
}
