//! Writing a network as ONNX Runtime reads it: one protobuf message (onnx.proto3). What is used of it:
//! - ModelProto: ir_version = 1, producer_name = 2, graph = 7, opset_import = 8
//! - GraphProto: node = 1, name = 2, initializer = 5, input = 11, output = 12
//! - NodeProto: input = 1, output = 2, name = 3, op_type = 4, attribute = 5
//! - AttributeProto: name = 1, f = 2, i = 3, s = 4, ints = 8, type = 20
//! - TensorProto: dims = 1, data_type = 2, name = 8, raw_data = 9
//! - ValueInfoProto: name = 1, type = 2; TypeProto: tensor_type = 1; Tensor: elem_type = 1, shape = 2

use crate::protobuf::{field, number, varint};

/// The first versions that have `Gelu`.
const IR_VERSION: usize = 9;
const OPSET: usize = 20;

/// The numbers of a tensor, by their code in the format.
#[derive(Clone, Copy)]
pub enum Number {
    Single = 1,
    Whole = 7,
    Half = 10,
}

/// A setting of an operator.
pub enum Setting<'a> {
    Float(f32),
    Int(usize),
    Text(&'a str),
    Ints(&'a [usize]),
}

/// A graph in the making. Values are known by their names, which it chooses.
#[derive(Default)]
pub struct Graph {
    nodes: Vec<u8>,
    weights: Vec<u8>,
    ends: Vec<u8>,
    named: usize,
}

impl Graph {
    /// Adds an input of single precision.
    pub fn input(&mut self, name: &str, shape: &[usize]) {
        self.ends.extend(field(11, &value(name, shape)));
    }

    /// Calls a value an output, by its own name.
    pub fn output(&mut self, name: &str, shape: &[usize]) {
        self.ends.extend(field(12, &value(name, shape)));
    }

    /// Adds an operator of one output; returns that.
    pub fn add(&mut self, operator: &str, inputs: &[&str], settings: &[(&str, Setting<'_>)]) -> String {
        let name = self.name();
        self.node(operator, inputs, settings, &[&name]);
        name
    }

    /// Adds an operator whose outputs have these names.
    pub fn node(&mut self, operator: &str, inputs: &[&str], settings: &[(&str, Setting<'_>)], outputs: &[&str]) {
        let mut node = Vec::new();
        inputs.iter().for_each(|i| node.extend(field(1, i.as_bytes())));
        outputs.iter().for_each(|o| node.extend(field(2, o.as_bytes())));
        node.extend(field(4, operator.as_bytes()));
        settings.iter().for_each(|(name, setting)| node.extend(field(5, &attribute(name, setting))));
        self.nodes.extend(field(1, &node));
    }

    /// Adds weights, little-endian. Those of half precision are kept so and widened when the network is loaded.
    pub fn weights(&mut self, kind: Number, shape: &[usize], bytes: &[u8]) -> String {
        let name = self.name();
        let mut tensor = Vec::with_capacity(bytes.len() + 64);
        shape.iter().for_each(|side| tensor.extend(number(1, *side)));
        tensor.extend(number(2, kind as usize));
        tensor.extend(field(8, name.as_bytes()));
        tensor.extend(field(9, bytes));
        self.weights.extend(field(5, &tensor));
        match kind {
            Number::Half => self.add("Cast", &[&name], &[("to", Setting::Int(Number::Single as usize))]),
            Number::Single | Number::Whole => name,
        }
    }

    /// Adds whole numbers, as operators take shapes and places.
    pub fn sizes(&mut self, sizes: &[usize]) -> String {
        let bytes: Vec<u8> = sizes.iter().flat_map(|s| (*s as u64).to_le_bytes()).collect();
        self.weights(Number::Whole, &[sizes.len()], &bytes)
    }

    /// A name that nothing has yet.
    pub fn name(&mut self) -> String {
        self.named += 1;
        format!("v{}", self.named)
    }

    /// The whole file; the graph's name is for people.
    pub fn finish(self, name: &str) -> Vec<u8> {
        let graph = [self.nodes, field(2, name.as_bytes()), self.weights, self.ends].concat();
        let mut file = [number(1, IR_VERSION), field(2, b"vasa-camera")].concat();
        file.extend(field(7, &graph));
        file.extend(field(8, &number(2, OPSET)));
        file
    }
}

fn value(name: &str, shape: &[usize]) -> Vec<u8> {
    let sides: Vec<u8> = shape.iter().flat_map(|side| field(1, &number(1, *side))).collect();
    let tensor = [number(1, Number::Single as usize), field(2, &sides)].concat();
    [field(1, name.as_bytes()), field(2, &field(1, &tensor))].concat()
}

fn attribute(name: &str, setting: &Setting<'_>) -> Vec<u8> {
    let mut bytes = field(1, name.as_bytes());
    let kind = match setting {
        Setting::Float(v) => {
            // Field 2, four bytes.
            bytes.push(2 << 3 | 5);
            bytes.extend(v.to_le_bytes());
            1
        }
        Setting::Int(v) => {
            bytes.extend(number(3, *v));
            2
        }
        Setting::Text(v) => {
            bytes.extend(field(4, v.as_bytes()));
            3
        }
        Setting::Ints(all) => {
            all.iter().for_each(|v| bytes.extend(number(8, *v)));
            7
        }
    };
    bytes.extend(varint(20 << 3));
    bytes.extend(varint(kind));
    bytes
}
