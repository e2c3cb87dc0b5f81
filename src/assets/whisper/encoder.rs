//! Whisper's encoder as an ONNX network over a short window, made from the weights that whisper.cpp reads. The large lip
//! network hears through it. What comes out is the same to the bit on every machine; the manifest pins it.
//!
//! The network is that of OpenAI's `whisper/model.py` (`AudioEncoder`). Only what the lips read is in it: the blocks up to the
//! last that they ask for, and of that block only the last tokens.

use super::ggml::{self, Tensor};
use crate::assets::onnx::{Graph, Number, Setting};
use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

/// What Whisper adds under the root of a variance (PyTorch's default).
const EPSILON: f32 = 1e-5;

/// The width of a head.
const HEAD: usize = 64;

/// Which part of the encoder, and over how long a window.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Encoder {
    /// The weights: a ggml file of the manifest, below the models folder.
    pub encoder_of: PathBuf,
    /// Mel frames of the window, 10 ms each; two make a token.
    pub frames: usize,
    /// How many of the last tokens are given.
    pub kept: usize,
    /// `layerN`, the residual stream after block N; `states`, after the last block and the last normalisation.
    pub outputs: Vec<String>,
}

/// Writes the network of `plan`, from the weights in `weights`, to `to`.
///
/// # Errors
/// A file that cannot be read or written, weights that are none of Whisper's, an output that the encoder does not have.
pub fn derive(plan: &Encoder, weights: &Path, to: &Path) -> Result<()> {
    let network = network(plan, weights)
        .with_context(|| format!("error making the encoder from {}; run vasa models verify", weights.display()))?;
    fs::write(to, network).with_context(|| format!("error writing {}", to.display()))
}

fn network(plan: &Encoder, weights: &Path) -> Result<Vec<u8>> {
    let tensors = ggml::read(weights, "encoder.")?;
    let blocks = (0..).take_while(|b| tensors.contains_key(&format!("blocks.{b}.mlp.0.weight"))).count();
    let (mut asked, mut ends_in_states) = (Vec::new(), false);
    for name in &plan.outputs {
        let block = if name == "states" {
            ends_in_states = true;
            Some(blocks)
        } else {
            name.strip_prefix("layer").and_then(|n| n.parse().ok()).filter(|n| (1..=blocks).contains(n))
        };
        asked.push((block.with_context(|| format!("it has no output \"{name}\""))?, name.as_str()));
    }
    let last = asked.iter().map(|(block, _)| *block).max().context("no output is asked for")?;
    let tokens = plan.frames / 2;
    ensure!((1..=tokens).contains(&plan.kept), "{} of {tokens} tokens cannot be kept", plan.kept);

    let mut maker = Maker { graph: Graph::default(), tensors, tokens };
    let mut x = maker.begin(plan.frames)?;
    for block in 1..=last {
        // Nothing after the last block looks at the tokens before.
        let kept = if block == last { plan.kept } else { tokens };
        x = maker.block(&format!("blocks.{}", block - 1), &x, kept)?;
        for (_, name) in asked.iter().filter(|(b, name)| *b == block && *name != "states") {
            maker.give(&x, kept, plan.kept, name)?;
        }
    }
    if ends_in_states {
        let states = maker.norm("ln_post", &x)?;
        maker.give(&states, plan.kept, plan.kept, "states")?;
    }
    Ok(maker.graph.finish("encoder"))
}

struct Maker {
    graph: Graph,
    tensors: HashMap<String, Tensor>,
    tokens: usize,
}

impl Maker {
    fn tensor(&self, name: &str) -> Result<&Tensor> {
        self.tensors.get(name).with_context(|| format!("it has no \"encoder.{name}\""))
    }

    fn width(&self) -> Result<usize> {
        self.tensor("positional_embedding")?.shape.get(1).copied().context("its embedding has no width")
    }

    /// A tensor as it is.
    fn weights(&mut self, name: &str) -> Result<String> {
        let tensor = self.tensors.get(name).with_context(|| format!("it has no \"encoder.{name}\""))?;
        Ok(self.graph.weights(kind(tensor), &tensor.shape, &tensor.bytes))
    }

    /// The convolutions and the places: `mel` to tokens.
    fn begin(&mut self, frames: usize) -> Result<String> {
        let width = self.width()?;
        let bands = self.tensor("conv1.weight")?.shape.get(1).copied().context("its convolution has no bands")?;
        self.graph.input("mel", &[1, bands, frames]);
        let mut x = "mel".to_owned();
        for (name, stride) in [("conv1", 1), ("conv2", 2)] {
            let kernel = self.weights(&format!("{name}.weight"))?;
            let bias = self.tensor(&format!("{name}.bias"))?.bytes.clone();
            let bias = self.graph.weights(Number::Single, &[width], &bias);
            let settings = [
                ("kernel_shape", Setting::Ints(&[3])),
                ("pads", Setting::Ints(&[1, 1])),
                ("strides", Setting::Ints(&[stride])),
            ];
            x = self.graph.add("Conv", &[&x, &kernel, &bias], &settings);
            x = self.graph.add("Gelu", &[&x], &[]);
        }
        let shape = self.graph.sizes(&[width, self.tokens]);
        x = self.graph.add("Reshape", &[&x, &shape], &[]);
        x = self.graph.add("Transpose", &[&x], &[("perm", Setting::Ints(&[1, 0]))]);
        let (tokens, places) = (self.tokens, self.tensor("positional_embedding")?);
        let places = places.bytes.get(..tokens * width * 4).context("its embedding is short")?.to_vec();
        let places = self.graph.weights(Number::Single, &[tokens, width], &places);
        Ok(self.graph.add("Add", &[&x, &places], &[]))
    }

    /// A block of the transformer over all tokens, of which it gives the last `kept`.
    fn block(&mut self, name: &str, x: &str, kept: usize) -> Result<String> {
        let (width, tokens) = (self.width()?, self.tokens);
        let heads = width / HEAD;
        let normed = self.norm(&format!("{name}.attn_ln"), x)?;
        let (late, x) = (self.last(&normed, tokens, kept), self.last(x, tokens, kept));
        let query = self.linear(&[&format!("{name}.attn.query")], &late)?;
        let both = self.linear(&[&format!("{name}.attn.key"), &format!("{name}.attn.value")], &normed)?;
        let (key, value) = (self.graph.name(), self.graph.name());
        self.graph.node(
            "Split",
            &[&both],
            &[("axis", Setting::Int(1)), ("num_outputs", Setting::Int(2))],
            &[&key, &value],
        );
        let query = self.heads(&query, kept, &[1, 0, 2]);
        let key = self.heads(&key, tokens, &[1, 2, 0]);
        let value = self.heads(&value, tokens, &[1, 0, 2]);
        let scale = self.graph.weights(Number::Single, &[1], &(1.0 / (HEAD as f32).sqrt()).to_le_bytes());
        let query = self.graph.add("Mul", &[&query, &scale], &[]);
        let scores = self.graph.add("MatMul", &[&query, &key], &[]);
        let shares = self.graph.add("Softmax", &[&scores], &[("axis", Setting::Int(2))]);
        let seen = self.graph.add("MatMul", &[&shares, &value], &[]);
        let seen = self.graph.add("Transpose", &[&seen], &[("perm", Setting::Ints(&[1, 0, 2]))]);
        let shape = self.graph.sizes(&[kept, heads * HEAD]);
        let seen = self.graph.add("Reshape", &[&seen, &shape], &[]);
        let seen = self.linear(&[&format!("{name}.attn.out")], &seen)?;
        let x = self.graph.add("Add", &[&x, &seen], &[]);
        let y = self.norm(&format!("{name}.mlp_ln"), &x)?;
        let y = self.linear(&[&format!("{name}.mlp.0")], &y)?;
        let y = self.graph.add("Gelu", &[&y], &[]);
        let y = self.linear(&[&format!("{name}.mlp.2")], &y)?;
        Ok(self.graph.add("Add", &[&x, &y], &[]))
    }

    fn norm(&mut self, name: &str, x: &str) -> Result<String> {
        let (weight, bias) = (self.weights(&format!("{name}.weight"))?, self.weights(&format!("{name}.bias"))?);
        let settings = [("axis", Setting::Int(1)), ("epsilon", Setting::Float(EPSILON))];
        Ok(self.graph.add("LayerNormalization", &[x, &weight, &bias], &settings))
    }

    /// Linear layers with one input, their outputs side by side. Where one has no bias it is zero.
    fn linear(&mut self, names: &[&str], x: &str) -> Result<String> {
        let (mut weights, mut bias, mut rows, mut columns) = (Vec::new(), Vec::new(), 0, 0);
        for name in names {
            let tensor = self.tensor(&format!("{name}.weight"))?;
            let [outputs, inputs] = *tensor.shape.as_slice() else { anyhow::bail!("\"{name}\" is no matrix") };
            ensure!(tensor.is_half, "\"{name}\" is not in half precision");
            weights.extend_from_slice(&tensor.bytes);
            (rows, columns) = (rows + outputs, inputs);
            match self.tensors.get(&format!("{name}.bias")) {
                Some(b) => bias.extend_from_slice(&b.bytes),
                None => bias.resize(bias.len() + 4 * outputs, 0),
            }
        }
        let weights = self.graph.weights(Number::Half, &[rows, columns], &weights);
        let bias = self.graph.weights(Number::Single, &[rows], &bias);
        Ok(self.graph.add("Gemm", &[x, &weights, &bias], &[("transB", Setting::Int(1))]))
    }

    /// Tokens by width, cut into heads.
    fn heads(&mut self, x: &str, tokens: usize, order: &[usize]) -> String {
        // -1: as many heads as there are.
        let shape = self.graph.sizes(&[tokens, usize::MAX, HEAD]);
        let x = self.graph.add("Reshape", &[x, &shape], &[]);
        self.graph.add("Transpose", &[&x], &[("perm", Setting::Ints(order))])
    }

    /// The last `kept` of `tokens`.
    fn last(&mut self, x: &str, tokens: usize, kept: usize) -> String {
        if kept == tokens {
            return x.to_owned();
        }
        let (from, to, axis) =
            (self.graph.sizes(&[tokens - kept]), self.graph.sizes(&[tokens]), self.graph.sizes(&[0]));
        self.graph.add("Slice", &[x, &from, &to, &axis], &[])
    }

    /// Makes the last `kept` of the `tokens` in `x` an output.
    fn give(&mut self, x: &str, tokens: usize, kept: usize, name: &str) -> Result<()> {
        let shape = [1, kept, self.width()?];
        let x = self.last(x, tokens, kept);
        let sizes = self.graph.sizes(&shape);
        self.graph.node("Reshape", &[&x, &sizes], &[], &[name]);
        self.graph.output(name, &shape);
        Ok(())
    }
}

fn kind(tensor: &Tensor) -> Number {
    if tensor.is_half { Number::Half } else { Number::Single }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assets::{self, Manifest, Source};
    use crate::config::Paths;

    fn plan() -> (Encoder, &'static str) {
        let file = Manifest::shipped().model("lips-large").unwrap().file("encoder.onnx").unwrap();
        let plan = file.sources.iter().find_map(|s| match s {
            Source::Encoder(encoder) => Some(encoder.clone()),
            _ => None,
        });
        (plan.unwrap(), &file.sha256)
    }

    #[test]
    fn the_pinned_bytes_come_out_of_the_installed_weights() {
        let (plan, pinned) = plan();
        let weights = Paths::find().models.join(&plan.encoder_of);
        if !weights.exists() {
            return eprintln!("SKIPPED: {} is not installed", weights.display());
        }
        let bytes = network(&plan, &weights).unwrap();
        if let Some(to) = std::env::var_os("VASA_KEEP_ENCODER") {
            fs::write(to, &bytes).unwrap();
        }
        assert_eq!((bytes.len(), assets::sha256(&bytes).as_str()), (plan_size(), pinned));
        let wrong = Encoder { outputs: vec!["layer9".into()], ..plan.clone() };
        assert!(format!("{:#}", network(&wrong, &weights).unwrap_err()).contains("no output \"layer9\""));
        assert!(network(&Encoder { kept: 61, ..plan }, &weights).is_err());
    }

    fn plan_size() -> usize {
        Manifest::shipped().model("lips-large").unwrap().file("encoder.onnx").unwrap().size as usize
    }

    #[test]
    fn what_holds_no_weights_is_refused() {
        let (plan, _) = plan();
        let file = tempfile::NamedTempFile::new().unwrap();
        for bytes in [&b""[..], b"ggml", b"lmgg\x01\x00", &[0xff; 200]] {
            fs::write(file.path(), bytes).unwrap();
            assert!(network(&plan, file.path()).is_err());
        }
        let e = derive(&plan, Path::new("/nowhere"), Path::new("/nowhere/else")).unwrap_err().to_string();
        assert!(e.contains("/nowhere") && e.contains("vasa models verify"), "{e}");
    }
}
