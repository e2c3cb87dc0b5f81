//! The operators that are TensorFlow's own, one by one.

use super::model::{Model, Operator, Tensor, width};
use crate::assets::onnx::{Graph, Number, Setting};
use anyhow::{Context, Result, bail, ensure};

/// From channels last to channels first, and back.
pub const INWARD: [usize; 4] = [0, 3, 1, 2];
pub const OUTWARD: [usize; 4] = [0, 2, 3, 1];

/// Writes the network of a TensorFlow Lite file as an ONNX file.
pub fn network(bytes: &[u8]) -> Result<Vec<u8>> {
    let model = Model::read(bytes)?;
    let mut maker = Maker { graph: Graph::default(), known: vec![Known::Nothing; model.tensors.len()], model: &model };
    maker.begin()?;
    for operator in &model.operators {
        maker.step(operator)?;
    }
    maker.end()?;
    Ok(maker.graph.finish("network"))
}

/// What is known of a tensor so far.
#[derive(Clone)]
enum Known {
    /// It is a constant, or nothing gave it yet.
    Nothing,
    /// The same constant as that tensor.
    Same(usize),
    /// The graph has it under this name; channels first where it has four sides.
    Computed(String),
}

pub struct Maker<'m> {
    pub graph: Graph,
    pub model: &'m Model<'m>,
    known: Vec<Known>,
}

/// Settings that convolutions and pools share.
struct Window {
    kernel: [usize; 2],
    strides: [usize; 2],
    dilations: [usize; 2],
    /// Top, left, bottom, right.
    pads: [usize; 4],
}

impl<'m> Maker<'m> {
    fn begin(&mut self) -> Result<()> {
        for &input in &self.model.inputs {
            let Tensor { name, shape, .. } = self.tensor(input)?;
            self.graph.input(name, shape);
            let inside = if shape.len() == 4 { self.turn(name, &INWARD) } else { (*name).to_owned() };
            self.set(input, inside)?;
        }
        Ok(())
    }

    fn end(&mut self) -> Result<()> {
        for &output in &self.model.outputs {
            let Tensor { name, shape, .. } = self.tensor(output)?;
            ensure!(!name.is_empty(), "it has an output without a name");
            let inside = self.value(output)?;
            if shape.len() == 4 {
                self.graph.node("Transpose", &[&inside], &[("perm", Setting::Ints(&OUTWARD))], &[name]);
            } else {
                self.graph.node("Identity", &[&inside], &[], &[name]);
            }
            self.graph.output(name, shape);
        }
        Ok(())
    }

    pub fn tensor(&self, index: usize) -> Result<&'m Tensor<'m>> {
        self.model.tensors.get(index).with_context(|| format!("it has no tensor {index}"))
    }

    pub fn set(&mut self, index: usize, value: String) -> Result<()> {
        *self.known.get_mut(index).with_context(|| format!("it has no tensor {index}"))? = Known::Computed(value);
        Ok(())
    }

    /// A tensor of that many sides.
    pub fn shape<const N: usize>(&self, index: usize) -> Result<[usize; N]> {
        let Tensor { name, shape, .. } = self.tensor(index)?;
        <[usize; N]>::try_from(shape.as_slice())
            .ok()
            .with_context(|| format!("its tensor \"{name}\" has {} sides, not {N}", shape.len()))
    }

    /// A tensor as the graph has it.
    pub fn value(&mut self, index: usize) -> Result<String> {
        match self.known.get(index) {
            Some(Known::Computed(value)) => Ok(value.clone()),
            _ if self.tensor(index)?.shape.len() == 4 => self.weights(index, &INWARD),
            _ => self.weights(index, &[]),
        }
    }

    /// A constant, its sides in that order; as they are where none is given.
    fn weights(&mut self, index: usize, order: &[usize]) -> Result<String> {
        let (tensor, kind) = self.constant(index)?;
        if order.is_empty() {
            return Ok(self.graph.weights(kind, &tensor.shape, tensor.bytes));
        }
        let (shape, bytes) = reorder(tensor, width(kind), order)?;
        Ok(self.graph.weights(kind, &shape, &bytes))
    }

    /// The constant that a tensor is.
    fn constant(&self, index: usize) -> Result<(&'m Tensor<'m>, Number)> {
        let tensor = match self.known.get(index) {
            Some(Known::Same(other)) => self.tensor(*other)?,
            _ => self.tensor(index)?,
        };
        let name = tensor.name;
        ensure!(!tensor.bytes.is_empty(), "its tensor \"{name}\" is needed before it is there");
        ensure!(!tensor.is_sparse, "its tensor \"{name}\" is sparse, which is not known here");
        Ok((tensor, tensor.kind.with_context(|| format!("its tensor \"{name}\" is of a kind that is not known here"))?))
    }

    pub fn turn(&mut self, value: &str, order: &[usize]) -> String {
        self.graph.add("Transpose", &[value], &[("perm", Setting::Ints(order))])
    }

    /// Numbers of single precision, along the last of so many sides.
    pub fn numbers(&mut self, numbers: &[f32], sides: usize) -> String {
        let bytes: Vec<u8> = numbers.iter().flat_map(|n| n.to_le_bytes()).collect();
        let mut shape = vec![1; sides.saturating_sub(1)];
        shape.extend((sides > 0).then_some(numbers.len()));
        self.graph.weights(Number::Single, &shape, &bytes)
    }

    fn step(&mut self, operator: &Operator<'m>) -> Result<()> {
        let output = operator.output()?;
        if operator.name == "DEQUANTIZE" {
            let input = operator.input(0)?;
            self.constant(input)?;
            *self.known.get_mut(output).context("it has no such tensor")? = Known::Same(input);
            return Ok(());
        }
        let value = match operator.name {
            "CONV_2D" => self.convolution(operator, false)?,
            "DEPTHWISE_CONV_2D" => self.convolution(operator, true)?,
            "MAX_POOL_2D" => self.pool(operator, "MaxPool")?,
            "AVERAGE_POOL_2D" => self.pool(operator, "AveragePool")?,
            "ADD" => self.both(operator, "Add")?,
            "MUL" => self.both(operator, "Mul")?,
            "RELU" => self.one(operator, "Relu")?,
            "LOGISTIC" => self.one(operator, "Sigmoid")?,
            "HARD_SWISH" => self.one(operator, "HardSwish")?,
            "PRELU" => self.prelu(operator)?,
            "PAD" => self.pad(operator)?,
            "RESHAPE" => self.reshape(operator)?,
            "CONCATENATION" => self.concatenation(operator)?,
            "RESIZE_BILINEAR" => self.resize(operator)?,
            "STRIDED_SLICE" => self.whole_slice(operator)?,
            "Landmarks2TransformMatrix" => self.landmarks_to_matrix(operator)?,
            "TransformTensorBilinear" => self.crop(operator)?,
            "TransformLandmarks" => self.transform_landmarks(operator)?,
            "Convolution2DTransposeBias" => self.transposed_convolution(operator)?,
            other => bail!("it has the operator \"{other}\", which is not known here"),
        };
        self.set(output, value)
    }

    fn one(&mut self, operator: &Operator<'m>, name: &str) -> Result<String> {
        let x = self.value(operator.input(0)?)?;
        Ok(self.graph.add(name, &[&x], &[]))
    }

    fn both(&mut self, operator: &Operator<'m>, name: &str) -> Result<String> {
        let activation = operator.options()?.byte(0)?;
        let sides = |i| Ok::<_, anyhow::Error>((self.tensor(operator.input(i)?)?.shape.len(), operator.input(i)?));
        let ((a_sides, a), (b_sides, b)) = (sides(0)?, sides(1)?);
        // Along the last side, which is elsewhere inside.
        let fits = a_sides == b_sides || (a_sides.max(b_sides) < 4) || a_sides.min(b_sides) == 0;
        ensure!(fits, "its operator {name} joins {a_sides} and {b_sides} sides");
        let (a, b) = (self.value(a)?, self.value(b)?);
        let x = self.graph.add(name, &[&a, &b], &[]);
        self.activate(x, activation)
    }

    /// The function that an operator ends with (`ActivationFunctionType`).
    fn activate(&mut self, x: String, activation: u8) -> Result<String> {
        Ok(match activation {
            0 => x,
            1 => self.graph.add("Relu", &[&x], &[]),
            3 => {
                let (low, high) = (self.numbers(&[0.0], 0), self.numbers(&[6.0], 0));
                self.graph.add("Clip", &[&x, &low, &high], &[])
            }
            other => bail!("it has the activation {other}, which is not known here"),
        })
    }

    fn convolution(&mut self, operator: &Operator<'m>, is_depthwise: bool) -> Result<String> {
        let (options, input) = (operator.options()?, operator.input(0)?);
        let [_, _, _, channels] = self.shape(input)?;
        let kernel = operator.input(1)?;
        let [_, height, width, _] = self.shape(kernel)?;
        let later = usize::from(is_depthwise);
        let strides = [options.number(2, 0)?, options.number(1, 0)?];
        let dilations = [options.number(5 + later, 1)?, options.number(4 + later, 1)?];
        let window = self.window(input, options.byte(0)?, [height, width], strides, dilations)?;
        let x = self.value(input)?;
        let kernel = self.weights(kernel, if is_depthwise { &[3, 0, 1, 2] } else { &INWARD })?;
        let mut inputs = vec![x, kernel];
        if let Some(Some(bias)) = operator.inputs.get(2) {
            inputs.push(self.weights(*bias, &[])?);
        }
        let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
        let settings = [
            ("dilations", Setting::Ints(&window.dilations)),
            ("group", Setting::Int(if is_depthwise { channels } else { 1 })),
            ("kernel_shape", Setting::Ints(&window.kernel)),
            ("pads", Setting::Ints(&window.pads)),
            ("strides", Setting::Ints(&window.strides)),
        ];
        let x = self.graph.add("Conv", &inputs, &settings);
        self.activate(x, options.byte(3 + later)?)
    }

    fn pool(&mut self, operator: &Operator<'m>, name: &str) -> Result<String> {
        let (options, input) = (operator.options()?, operator.input(0)?);
        let kernel = [options.number(4, 0)?, options.number(3, 0)?];
        let strides = [options.number(2, 0)?, options.number(1, 0)?];
        let window = self.window(input, options.byte(0)?, kernel, strides, [1, 1])?;
        let x = self.value(input)?;
        let settings = [
            ("kernel_shape", Setting::Ints(&window.kernel)),
            ("pads", Setting::Ints(&window.pads)),
            ("strides", Setting::Ints(&window.strides)),
        ];
        let x = self.graph.add(name, &[&x], &settings);
        self.activate(x, options.byte(5)?)
    }

    /// How TensorFlow pads (`Padding`: 0, so that every place of the input is the middle of a window; 1, not at all).
    fn window(
        &self,
        input: usize,
        padding: u8,
        kernel: [usize; 2],
        strides: [usize; 2],
        dilations: [usize; 2],
    ) -> Result<Window> {
        const MOST: usize = 1 << 10;
        let [_, height, width, _] = self.shape(input)?;
        let fits = kernel.iter().chain(&strides).chain(&dilations).all(|n| (1..=MOST).contains(n));
        ensure!(fits && padding <= 1, "it has a window of {kernel:?} by steps of {strides:?}");
        let pad = |size: usize, i: usize| {
            let (kernel, stride, dilation) = (kernel[i], strides[i], dilations[i]);
            let needed = (size.div_ceil(stride) - 1) * stride + (kernel - 1) * dilation + 1;
            let all = if padding == 0 { needed.saturating_sub(size) } else { 0 };
            [all / 2, all - all / 2]
        };
        let ([top, bottom], [left, right]) = (pad(height, 0), pad(width, 1));
        Ok(Window { kernel, strides, dilations, pads: [top, left, bottom, right] })
    }

    fn prelu(&mut self, operator: &Operator<'m>) -> Result<String> {
        let (x, slope) = (self.value(operator.input(0)?)?, operator.input(1)?);
        let [height, width, _] = self.shape(slope)?;
        ensure!((height, width) == (1, 1), "it has a PRELU whose slopes differ from place to place");
        let slope = self.weights(slope, &[2, 0, 1])?;
        Ok(self.graph.add("PRelu", &[&x, &slope], &[]))
    }

    fn pad(&mut self, operator: &Operator<'m>) -> Result<String> {
        let [_, _, _, _] = self.shape(operator.input(0)?)?;
        let pads = self.tensor(operator.input(1)?)?.wholes();
        let pads: Vec<usize> = pads.into_iter().filter_map(|p| usize::try_from(p).ok()).collect();
        ensure!(pads.len() == 8, "it pads {} ends, not 8", pads.len());
        let ends = [0, 1].into_iter().flat_map(|end| INWARD.map(|side| 2 * side + end));
        let order: Vec<usize> = ends.filter_map(|i| pads.get(i).copied()).collect();
        let x = self.value(operator.input(0)?)?;
        let order = self.graph.sizes(&order);
        Ok(self.graph.add("Pad", &[&x, &order], &[]))
    }

    fn reshape(&mut self, operator: &Operator<'m>) -> Result<String> {
        let (input, output) = (operator.input(0)?, operator.output()?);
        let (before, after) = (self.tensor(input)?.shape.len(), &self.tensor(output)?.shape);
        let mut x = self.value(input)?;
        if before == 4 {
            x = self.turn(&x, &OUTWARD);
        }
        let sizes = self.graph.sizes(after);
        x = self.graph.add("Reshape", &[&x, &sizes], &[]);
        Ok(if after.len() == 4 { self.turn(&x, &INWARD) } else { x })
    }

    fn concatenation(&mut self, operator: &Operator<'m>) -> Result<String> {
        let options = operator.options()?;
        let (axis, activation) = (options.number(0, 0)?, options.byte(1)?);
        let mut values = Vec::new();
        let sides = self.tensor(operator.output()?)?.shape.len();
        for i in 0..operator.inputs.len() {
            values.push(self.value(operator.input(i)?)?);
        }
        let axis = if sides == 4 { INWARD.iter().position(|side| *side == axis) } else { Some(axis) };
        let axis = axis.filter(|a| *a < sides).context("it joins tensors along a side that they lack")?;
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        let x = self.graph.add("Concat", &values, &[("axis", Setting::Int(axis))]);
        self.activate(x, activation)
    }

    fn resize(&mut self, operator: &Operator<'m>) -> Result<String> {
        let options = operator.options()?;
        let mode = match (options.byte(2)?, options.byte(3)?) {
            (0, 0) => "asymmetric",
            (0, _) => "half_pixel",
            (_, 0) => "align_corners",
            _ => bail!("it has a RESIZE_BILINEAR of two minds"),
        };
        let [batch, height, width, channels] = self.shape(operator.output()?)?;
        let x = self.value(operator.input(0)?)?;
        let sizes = self.graph.sizes(&[batch, channels, height, width]);
        let settings = [("coordinate_transformation_mode", Setting::Text(mode)), ("mode", Setting::Text("linear"))];
        Ok(self.graph.add("Resize", &[&x, "", "", &sizes], &settings))
    }

    /// A slice that is the whole.
    fn whole_slice(&mut self, operator: &Operator<'m>) -> Result<String> {
        let (input, output) = (operator.input(0)?, operator.output()?);
        let is_whole = self.tensor(input)?.shape == self.tensor(output)?.shape
            && self.tensor(operator.input(1)?)?.wholes().iter().all(|begin| *begin == 0)
            && self.tensor(operator.input(3)?)?.wholes().iter().all(|step| *step == 1);
        ensure!(is_whole, "it takes a slice of a tensor, which is not known here");
        self.value(input)
    }

    /// A convolution that makes its input larger by its stride, each place by itself.
    fn transposed_convolution(&mut self, operator: &Operator<'m>) -> Result<String> {
        let (input, kernel) = (operator.input(0)?, operator.input(1)?);
        let ([_, height, width, _], [_, high, wide, _]) = (self.shape(input)?, self.shape(operator.output()?)?);
        let [_, kernel_height, kernel_width, _] = self.shape(kernel)?;
        let fits = high == height * kernel_height && wide == width * kernel_width;
        ensure!(fits, "it has a transposed convolution whose windows overlap, which is not known here");
        let x = self.value(input)?;
        let (weights, bias) = (self.weights(kernel, &[3, 0, 1, 2])?, self.weights(operator.input(2)?, &[])?);
        let sides = [kernel_height, kernel_width];
        let settings = [("kernel_shape", Setting::Ints(&sides)), ("strides", Setting::Ints(&sides))];
        Ok(self.graph.add("ConvTranspose", &[&x, &weights, &bias], &settings))
    }
}

/// A constant with its sides in another order: its shape and its bytes.
fn reorder(tensor: &Tensor<'_>, width: usize, order: &[usize]) -> Result<(Vec<usize>, Vec<u8>)> {
    let sides = || format!("its tensor \"{}\" has {} sides, not {}", tensor.name, tensor.shape.len(), order.len());
    ensure!(tensor.shape.len() == order.len(), sides());
    // How far apart two neighbours along each side are.
    let mut steps = vec![width; order.len()];
    for i in (0..order.len().saturating_sub(1)).rev() {
        steps[i] = steps[i + 1] * tensor.shape[i + 1];
    }
    let (mut shape, mut strides) = (Vec::new(), Vec::new());
    for &side in order {
        shape.push(*tensor.shape.get(side).with_context(sides)?);
        strides.push(*steps.get(side).with_context(sides)?);
    }
    let mut bytes = Vec::with_capacity(tensor.bytes.len());
    let mut place = vec![0; order.len()];
    for _ in 0..tensor.bytes.len() / width {
        let at: usize = place.iter().zip(&strides).map(|(p, s)| p * s).sum();
        bytes.extend_from_slice(tensor.bytes.get(at..at + width).with_context(sides)?);
        for (p, side) in place.iter_mut().zip(&shape).rev() {
            *p += 1;
            if *p < *side {
                break;
            }
            *p = 0;
        }
    }
    Ok((shape, bytes))
}
