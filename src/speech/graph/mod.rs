//! Small changes to a network's file, without a library for it: a seed for its random numbers, and its cut in two.
//!
//! An ONNX file is one protobuf message (onnx.proto3). What is used of it:
//! - ModelProto: graph = 7
//! - GraphProto: node = 1, name = 2, initializer = 5, input = 11, output = 12, value_info = 13
//! - NodeProto: input = 1, output = 2, name = 3, op_type = 4, attribute = 5
//! - AttributeProto: name = 1, f = 2, g = 6, graphs = 11, type = 20 (FLOAT = 1)
//! - TensorProto: name = 8, external_data = 13
//! - ValueInfoProto: name = 1, type = 2; TypeProto: tensor_type = 1; Tensor: elem_type = 1 (FLOAT = 1)

mod seed;
mod split;

pub use seed::seed;
#[cfg(test)]
pub use split::tests::small_voice;
pub use split::{Halves, split};
