//! Networks of a few operators for tests, written as TensorFlow Lite files.

/// What a table of a FlatBuffers file holds.
pub enum Field {
    Byte(u8),
    Number(i32),
    Bytes(Vec<u8>),
    Numbers(Vec<i32>),
    Table(Fields),
    Tables(Vec<Fields>),
}

/// The fields of a table, by their number in the schema.
pub type Fields = Vec<(usize, Field)>;

use Field::{Byte, Bytes, Number, Numbers, Table, Tables};

/// A file: what a table points to comes after it.
pub fn file(root: &Fields) -> Vec<u8> {
    let mut out = b"\0\0\0\0TFL3".to_vec();
    let at = table(&mut out, root);
    out[..4].copy_from_slice(&(at as u32).to_le_bytes());
    out
}

fn table(out: &mut Vec<u8>, fields: &Fields) -> usize {
    let slots = fields.iter().map(|(number, _)| number + 1).max().unwrap_or(0);
    let listed = out.len();
    let length = 4 + 2 * slots;
    out.extend((length as u16).to_le_bytes());
    out.extend((4 + 4 * fields.len() as u16).to_le_bytes());
    out.resize(listed + length, 0);
    let at = out.len();
    out.extend((length as i32).to_le_bytes());
    for (i, (number, _)) in fields.iter().enumerate() {
        let place = (4 + 4 * i) as u16;
        out[listed + 4 + 2 * number..][..2].copy_from_slice(&place.to_le_bytes());
    }
    out.resize(at + 4 + 4 * fields.len(), 0);
    for (i, (_, field)) in fields.iter().enumerate() {
        let place = at + 4 + 4 * i;
        let value = match field {
            Byte(byte) => u32::from(*byte),
            Number(number) => *number as u32,
            Table(fields) => (table(out, fields) - place) as u32,
            Bytes(bytes) => {
                let from = out.len();
                out.extend((bytes.len() as u32).to_le_bytes());
                out.extend(bytes);
                (from - place) as u32
            }
            Numbers(numbers) => {
                let from = out.len();
                out.extend((numbers.len() as u32).to_le_bytes());
                numbers.iter().for_each(|n| out.extend(n.to_le_bytes()));
                (from - place) as u32
            }
            Tables(tables) => {
                let from = out.len();
                out.extend((tables.len() as u32).to_le_bytes());
                out.resize(from + 4 + 4 * tables.len(), 0);
                for (i, fields) in tables.iter().enumerate() {
                    let place = from + 4 + 4 * i;
                    let offset = (table(out, fields) - place) as u32;
                    out[place..place + 4].copy_from_slice(&offset.to_le_bytes());
                }
                (from - place) as u32
            }
        };
        out[place..place + 4].copy_from_slice(&value.to_le_bytes());
    }
    at
}

/// Kinds of tensors.
pub const SINGLE: u8 = 0;
pub const HALF: u8 = 1;
pub const WHOLE: u8 = 2;

/// A network in the making: buffer 0 is empty, as it is in every file.
#[derive(Default)]
pub struct Tiny {
    tensors: Vec<Fields>,
    buffers: Vec<Fields>,
    codes: Vec<Fields>,
    operators: Vec<Fields>,
}

impl Tiny {
    pub fn tensor(&mut self, name: &str, shape: &[i32], kind: u8, bytes: &[u8]) -> i32 {
        self.buffers.push(vec![(0, Bytes(bytes.to_vec()))]);
        let buffer = Number(self.buffers.len() as i32 - 1);
        let name = Bytes(name.as_bytes().to_vec());
        self.tensors.push(vec![(0, Numbers(shape.to_vec())), (1, Byte(kind)), (2, buffer), (3, name)]);
        self.tensors.len() as i32 - 1
    }

    pub fn singles(&mut self, name: &str, shape: &[i32], numbers: &[f32]) -> i32 {
        let bytes: Vec<u8> = numbers.iter().flat_map(|n| n.to_le_bytes()).collect();
        self.tensor(name, shape, SINGLE, &bytes)
    }

    /// One of TensorFlow's own operators.
    pub fn operator(&mut self, code: u8, inputs: &[i32], output: i32, options: Fields) {
        self.codes.push(vec![(0, Byte(code)), (3, Number(code.into()))]);
        self.push(inputs, output, (4, Table(options)));
    }

    /// Another.
    pub fn own_operator(&mut self, name: &str, inputs: &[i32], output: i32, settings: &[u8]) {
        self.codes.push(vec![(0, Byte(32)), (1, Bytes(name.as_bytes().to_vec())), (3, Number(32))]);
        self.push(inputs, output, (5, Bytes(settings.to_vec())));
    }

    fn push(&mut self, inputs: &[i32], output: i32, options: (usize, Field)) {
        let code = Number(self.codes.len() as i32 - 1);
        self.operators.push(vec![(0, code), (1, Numbers(inputs.to_vec())), (2, Numbers(vec![output])), options]);
    }

    pub fn file(self, inputs: &[i32], outputs: &[i32]) -> Vec<u8> {
        let graph = vec![
            (0, Tables(self.tensors)),
            (1, Numbers(inputs.to_vec())),
            (2, Numbers(outputs.to_vec())),
            (3, Tables(self.operators)),
        ];
        file(&vec![(0, Number(3)), (1, Tables(self.codes)), (2, Tables(vec![graph])), (4, Tables(self.buffers))])
    }
}

/// A picture of 4 by 4 by one, convolved by 3 by 3 in steps of 2 (the mean, and the negative of the middle; the weights in half
/// precision), not below zero and not above six, padded by one channel, and laid flat as "flat".
pub fn network() -> Vec<u8> {
    let mut tiny = Tiny::default();
    let picture = tiny.tensor("picture", &[1, 4, 4, 1], SINGLE, &[]);
    let mut kernel = [0x2f1c_u16; 9].to_vec(); // 1/9
    kernel.extend([0, 0, 0, 0, 0xbc00, 0, 0, 0, 0]); // -1
    let kernel: Vec<u8> = kernel.iter().flat_map(|n| n.to_le_bytes()).collect();
    let half = tiny.tensor("half", &[2, 3, 3, 1], HALF, &kernel);
    let kernel = tiny.tensor("kernel", &[2, 3, 3, 1], SINGLE, &[]);
    let bias = tiny.singles("bias", &[2], &[0.0, 5.0]);
    let convolved = tiny.tensor("convolved", &[1, 2, 2, 2], SINGLE, &[]);
    let pads: Vec<u8> = [0, 0, 0, 0, 0, 0, 0, 1_i32].iter().flat_map(|n| n.to_le_bytes()).collect();
    let pads = tiny.tensor("pads", &[4, 2], WHOLE, &pads);
    let padded = tiny.tensor("padded", &[1, 2, 2, 3], SINGLE, &[]);
    let flat = tiny.tensor("flat", &[1, 12], SINGLE, &[]);
    tiny.operator(6, &[half], kernel, Vec::new());
    // SAME, steps of 2, at most 6.
    tiny.operator(
        3,
        &[picture, kernel, bias],
        convolved,
        vec![(0, Byte(0)), (1, Number(2)), (2, Number(2)), (3, Byte(3))],
    );
    tiny.operator(34, &[convolved, pads], padded, Vec::new());
    tiny.operator(22, &[padded], flat, Vec::new());
    tiny.file(&[picture], &[flat])
}

/// A FlexBuffers map of whole numbers, numbers and, as the last, vectors of bytes. The names must be sorted.
pub fn settings(numbers: &[(&str, Setting)]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut places = Vec::new();
    for (name, value) in numbers {
        let name_at = out.len();
        out.extend(name.as_bytes());
        out.push(0);
        let value_at = if let Setting::Wholes(all) = value {
            out.push(all.len() as u8);
            out.extend(*all);
            out.len() - all.len()
        } else {
            0
        };
        places.push((name_at, value_at));
    }
    out.push(numbers.len() as u8);
    let names = out.len();
    for (name_at, _) in &places {
        out.push((out.len() - name_at) as u8);
    }
    // Where the names are, how wide their offsets are, how many there are; then the values, four bytes each, and their kinds.
    out.extend(((out.len() - names) as u32).to_le_bytes());
    out.extend(1_u32.to_le_bytes());
    out.extend((numbers.len() as u32).to_le_bytes());
    let values = out.len();
    for ((_, value), (_, value_at)) in numbers.iter().zip(&places) {
        out.extend(match value {
            Setting::Whole(number) => number.to_le_bytes(),
            Setting::Number(number) => number.to_le_bytes(),
            Setting::Wholes(_) => ((out.len() - value_at) as u32).to_le_bytes(),
        });
    }
    out.extend(numbers.iter().map(|(_, value)| match value {
        Setting::Whole(_) => 1 << 2 | 2,
        Setting::Number(_) => 3 << 2 | 2,
        Setting::Wholes(_) => 11 << 2,
    }));
    out.push((out.len() - values) as u8);
    out.extend([9 << 2 | 2, 1]);
    out
}

pub enum Setting {
    Whole(u32),
    Number(f32),
    Wholes(&'static [u8]),
}

/// A picture of 8 by 8 by one and four landmarks in it; the crop of 4 by 4 around the last two as "crop", turned so that the first two
/// lie side by side, and where a place of the crop is in the picture as "back".
pub fn attention() -> Vec<u8> {
    let mut tiny = Tiny::default();
    let picture = tiny.tensor("picture", &[1, 8, 8, 1], SINGLE, &[]);
    let points = tiny.tensor("points", &[1, 4, 3], SINGLE, &[]);
    let place = tiny.tensor("place", &[1, 1, 2], SINGLE, &[]);
    let matrix = tiny.tensor("matrix", &[1, 4, 4], SINGLE, &[]);
    let crop = tiny.tensor("crop", &[1, 4, 4, 1], SINGLE, &[]);
    let back = tiny.tensor("back", &[1, 1, 2], SINGLE, &[]);
    let options = settings(&[
        ("left_rotation_idx", Setting::Whole(0)),
        ("output_height", Setting::Whole(4)),
        ("output_width", Setting::Whole(4)),
        ("right_rotation_idx", Setting::Whole(1)),
        ("scale_x", Setting::Number(1.0)),
        ("scale_y", Setting::Number(1.0)),
        ("subset_idxs", Setting::Wholes(&[2, 3])),
        ("target_rotation_radians", Setting::Number(0.0)),
    ]);
    tiny.own_operator("Landmarks2TransformMatrix", &[points], matrix, &options);
    tiny.own_operator("TransformTensorBilinear", &[picture, matrix], crop, &[]);
    tiny.own_operator("TransformLandmarks", &[place, matrix], back, &[]);
    tiny.file(&[picture, points, place], &[crop, back])
}
