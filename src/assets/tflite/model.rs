//! A TensorFlow Lite file: its tensors and its operators, in order. The numbers of the fields are those of TensorFlow's
//! `tensorflow/compiler/mlir/lite/schema/schema.fbs`.

use super::flat::{Buffer, Table};
use crate::assets::onnx::Number;
use anyhow::{Context, Result, bail, ensure};

/// More than any network here has.
const MOST: usize = 1 << 14;

/// The network of a file.
pub struct Model<'b> {
    pub tensors: Vec<Tensor<'b>>,
    pub operators: Vec<Operator<'b>>,
    /// Which tensors go in and come out.
    pub inputs: Vec<usize>,
    pub outputs: Vec<usize>,
}

/// A value that operators take or give.
pub struct Tensor<'b> {
    pub name: &'b str,
    pub shape: Vec<usize>,
    /// None: a kind that no operator here computes with.
    pub kind: Option<Number>,
    /// Its bytes, where it is a constant; else empty.
    pub bytes: &'b [u8],
    pub is_sparse: bool,
}

/// One step of the network.
pub struct Operator<'b> {
    pub name: &'b str,
    /// Tensors; None: an input that may be left out.
    pub inputs: Vec<Option<usize>>,
    pub outputs: Vec<usize>,
    /// The settings of one of TensorFlow's own operators.
    pub options: Option<Table<'b>>,
    /// Those of another.
    pub own_options: &'b [u8],
}

/// The operators that are known, by their number (`BuiltinOperator`).
const BUILTIN: [(usize, &str); 16] = [
    (0, "ADD"),
    (1, "AVERAGE_POOL_2D"),
    (2, "CONCATENATION"),
    (3, "CONV_2D"),
    (4, "DEPTHWISE_CONV_2D"),
    (6, "DEQUANTIZE"),
    (14, "LOGISTIC"),
    (17, "MAX_POOL_2D"),
    (18, "MUL"),
    (19, "RELU"),
    (22, "RESHAPE"),
    (23, "RESIZE_BILINEAR"),
    (34, "PAD"),
    (45, "STRIDED_SLICE"),
    (54, "PRELU"),
    (117, "HARD_SWISH"),
];

/// The number of an operator that is not TensorFlow's own and has a name.
const CUSTOM: usize = 32;

impl<'b> Model<'b> {
    /// Reads a file.
    ///
    /// # Errors
    /// Bytes that are no such file, or a network of more than one part.
    pub fn read(bytes: &'b [u8]) -> Result<Self> {
        ensure!(bytes.get(4..8) == Some(b"TFL3"), "it is no TensorFlow Lite file");
        let model = Buffer(bytes).root()?;
        let (codes, buffers, graphs) = (model.tables(1)?, model.tables(4)?, model.tables(2)?);
        ensure!(graphs.len() == 1, "it has {} networks, not one", graphs.len());
        let graph = graphs.get(0)?;
        let (tensors, operators) = (graph.tables(0)?, graph.tables(3)?);
        ensure!(tensors.len().max(operators.len()) <= MOST, "it has more than {MOST} parts");
        let tensors = (0..tensors.len())
            .map(|i| {
                let tensor = tensors.get(i)?;
                let buffer = buffers.get(tensor.number(2, 0)?)?;
                Tensor::read(&tensor, buffer.data(0)?)
            })
            .collect::<Result<Vec<_>>>()?;
        let all = tensors.len();
        let operators = (0..operators.len())
            .map(|i| {
                let operator = operators.get(i)?;
                let code = codes.get(operator.number(0, 0)?)?;
                Ok(Operator {
                    name: name_of(&code)?,
                    inputs: operator.numbers(1)?.into_iter().map(|i| optional(i, all)).collect::<Result<_>>()?,
                    outputs: places(&operator.numbers(2)?, all)?,
                    options: operator.table(4)?,
                    own_options: operator.data(5)?,
                })
            })
            .collect::<Result<_>>()?;
        let (inputs, outputs) = (places(&graph.numbers(1)?, all)?, places(&graph.numbers(2)?, all)?);
        Ok(Self { tensors, operators, inputs, outputs })
    }
}

impl<'b> Tensor<'b> {
    fn read(table: &Table<'b>, bytes: &'b [u8]) -> Result<Self> {
        let shape = table.numbers(0)?.into_iter().map(|s| usize::try_from(s).ok().filter(|s| (1..=MOST).contains(s)));
        let shape = shape.collect::<Option<Vec<_>>>().context("it has a tensor with a side of no size")?;
        ensure!(shape.len() <= 5, "it has a tensor of {} sides", shape.len());
        let kind = match table.byte(1)? {
            0 => Some(Number::Single),
            1 => Some(Number::Half),
            _ => None,
        };
        let is_sparse = table.table(6)?.is_some();
        let tensor = Self { name: table.text(3)?, shape, kind, bytes, is_sparse };
        if let (Some(kind), false, false) = (kind, bytes.is_empty(), is_sparse) {
            let size = tensor.shape.iter().try_fold(width(kind), |n, side| n.checked_mul(*side));
            ensure!(size == Some(bytes.len()), "its tensor \"{}\" has {} bytes", tensor.name, bytes.len());
        }
        Ok(tensor)
    }

    /// Its whole numbers, where it is a constant of those.
    pub fn wholes(&self) -> Vec<i32> {
        self.bytes.as_chunks::<4>().0.iter().map(|b| i32::from_le_bytes(*b)).collect()
    }
}

/// Bytes of a number.
pub fn width(kind: Number) -> usize {
    match kind {
        Number::Half => 2,
        Number::Single => 4,
        Number::Whole => 8,
    }
}

impl Operator<'_> {
    /// Its options.
    pub fn options(&self) -> Result<&Table<'_>> {
        self.options.as_ref().with_context(|| format!("its operator {} has no settings", self.name))
    }

    pub fn input(&self, index: usize) -> Result<usize> {
        self.inputs
            .get(index)
            .copied()
            .flatten()
            .with_context(|| format!("its operator {} has no input {index}", self.name))
    }

    pub fn output(&self) -> Result<usize> {
        match *self.outputs.as_slice() {
            [output] => Ok(output),
            _ => bail!("its operator {} has {} outputs, not one", self.name, self.outputs.len()),
        }
    }
}

/// An operator's name. Old files have its number in a byte, new ones as a whole number too.
fn name_of<'b>(code: &Table<'b>) -> Result<&'b str> {
    let number = code.number(3, 0)?.max(code.byte(0)?.into());
    if number == CUSTOM {
        return code.text(1);
    }
    let known = BUILTIN.iter().find(|(n, _)| *n == number);
    Ok(known.with_context(|| format!("it has the operator {number}, which is not known here"))?.1)
}

fn optional(index: i32, all: usize) -> Result<Option<usize>> {
    if index == -1 { Ok(None) } else { place(index, all).map(Some) }
}

fn places(indices: &[i32], all: usize) -> Result<Vec<usize>> {
    indices.iter().map(|i| place(*i, all)).collect()
}

fn place(index: i32, all: usize) -> Result<usize> {
    usize::try_from(index).ok().filter(|i| *i < all).with_context(|| format!("it has no tensor {index}"))
}
