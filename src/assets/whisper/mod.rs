//! Whisper's weights as CTranslate2 keeps them, written as the one file that whisper.cpp reads (ggml, half precision). What
//! comes out is the same to the bit on every machine; the manifest pins it.
//!
//! The layout is that of whisper.cpp's `models/convert-pt-to-ggml.py`, the names on the other side are those of CTranslate2's
//! `python/ctranslate2/specs/whisper_spec.py`.

mod ct2;
mod encoder;
mod ggml;
pub mod mel;
mod vocabulary;

pub use encoder::Encoder;
pub(super) use encoder::derive;

use anyhow::{Context, Result, ensure};
use ct2::{Rows, Weights};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

/// "ggml" as a little-endian number.
const MAGIC: u32 = 0x6767_6d6c;

/// Large tensors are in half precision (`GGML_FTYPE_MOSTLY_F16`).
const HALF: u32 = 1;

/// Converts the weights `model` (CTranslate2's `model.bin`) with the tokens of `tokenizer` (Hugging Face's `tokenizer.json`)
/// to `to`. Memory stays small: the tensors pass through one by one, in pieces.
///
/// # Errors
/// A file that cannot be read or written, or is not what it should be.
pub(super) fn convert(model: &Path, tokenizer: &Path, to: &Path) -> Result<()> {
    let mut weights = Weights::open(model).with_context(|| {
        format!("{} holds no Whisper weights of CTranslate2; take them from another place", model.display())
    })?;
    let tokens = vocabulary::read(tokenizer)
        .with_context(|| format!("{} is no tokenizer.json; take it from another place", tokenizer.display()))?;
    let out = File::create(to).with_context(|| format!("error creating {}", to.display()))?;
    let mut out = Writer { out: BufWriter::with_capacity(1 << 20, out), weights: &mut weights };
    out.model(&tokens).with_context(|| format!("error converting {}", model.display()))?;
    out.out.flush().with_context(|| format!("error writing {}", to.display()))
}

struct Writer<'w> {
    out: BufWriter<File>,
    weights: &'w mut Weights,
}

/// One tensor to write: which rows of which variable, and how.
struct Tensor<'n> {
    from: &'n str,
    to: String,
    rows: Rows,
    /// Half precision; else single.
    half: bool,
    /// The convolutions' biases are columns.
    column: bool,
}

impl Writer<'_> {
    fn model(&mut self, tokens: &[Vec<u8>]) -> Result<()> {
        let [vocabulary, width] = self.weights.shape("decoder/embeddings/weight")?;
        let [audio_context, _] = self.weights.shape("encoder/position_encodings/encodings")?;
        let [text_context, _] = self.weights.shape("decoder/position_encodings/encodings")?;
        let [_, mels, _] = self.weights.shape("encoder/conv1/weight")?;
        let heads = width / 64;
        let (audio_layers, text_layers) = (self.weights.layers("encoder"), self.weights.layers("decoder"));
        ensure!(mels == mel::BANDS, "it has {mels} mel bands, not {}", mel::BANDS);
        let sizes =
            [vocabulary, audio_context, width, heads, audio_layers, text_context, width, heads, text_layers, mels];
        self.number(MAGIC)?;
        for size in sizes {
            self.size(size)?;
        }
        self.number(HALF)?;
        self.size(mel::BANDS)?;
        self.size(mel::BINS)?;
        for weight in mel::filters() {
            self.out.write_all(&weight.to_le_bytes())?;
        }
        self.size(tokens.len())?;
        for token in tokens {
            self.size(token.len())?;
            self.out.write_all(token)?;
        }
        self.tensors(audio_layers, text_layers)
    }

    /// All tensors in the order in which the file is pinned.
    fn tensors(&mut self, audio_layers: usize, text_layers: usize) -> Result<()> {
        self.single("encoder/position_encodings/encodings", "encoder.positional_embedding")?;
        self.single("decoder/position_encodings/encodings", "decoder.positional_embedding")?;
        self.half("decoder/embeddings/weight", "decoder.token_embedding.weight")?;
        for convolution in ["conv1", "conv2"] {
            self.half(&format!("encoder/{convolution}/weight"), &format!("encoder.{convolution}.weight"))?;
            self.tensor(Tensor {
                from: &format!("encoder/{convolution}/bias"),
                to: format!("encoder.{convolution}.bias"),
                rows: Rows::ALL,
                half: false,
                column: true,
            })?;
        }
        self.norm("encoder/layer_norm", "encoder.ln_post")?;
        self.norm("decoder/layer_norm", "decoder.ln")?;
        for (side, layers) in [("encoder", audio_layers), ("decoder", text_layers)] {
            for layer in 0..layers {
                self.layer(&format!("{side}/layer_{layer}"), &format!("{side}.blocks.{layer}"), side == "decoder")?;
            }
        }
        Ok(())
    }

    fn layer(&mut self, from: &str, to: &str, decoder: bool) -> Result<()> {
        let attention = format!("{from}/self_attention");
        self.part(&format!("{attention}/linear_0"), &format!("{to}.attn.query"), Rows { part: 0, of: 3 }, true)?;
        self.part(&format!("{attention}/linear_0"), &format!("{to}.attn.key"), Rows { part: 1, of: 3 }, false)?;
        self.part(&format!("{attention}/linear_0"), &format!("{to}.attn.value"), Rows { part: 2, of: 3 }, true)?;
        self.linear(&format!("{attention}/linear_1"), &format!("{to}.attn.out"))?;
        self.norm(&format!("{attention}/layer_norm"), &format!("{to}.attn_ln"))?;
        if decoder {
            let cross = format!("{from}/attention");
            self.linear(&format!("{cross}/linear_0"), &format!("{to}.cross_attn.query"))?;
            self.part(&format!("{cross}/linear_1"), &format!("{to}.cross_attn.key"), Rows { part: 0, of: 2 }, false)?;
            self.part(&format!("{cross}/linear_1"), &format!("{to}.cross_attn.value"), Rows { part: 1, of: 2 }, true)?;
            self.linear(&format!("{cross}/linear_2"), &format!("{to}.cross_attn.out"))?;
            self.norm(&format!("{cross}/layer_norm"), &format!("{to}.cross_attn_ln"))?;
        }
        self.linear(&format!("{from}/ffn/linear_0"), &format!("{to}.mlp.0"))?;
        self.linear(&format!("{from}/ffn/linear_1"), &format!("{to}.mlp.2"))?;
        self.norm(&format!("{from}/ffn/layer_norm"), &format!("{to}.mlp_ln"))
    }

    fn linear(&mut self, from: &str, to: &str) -> Result<()> {
        self.part(from, to, Rows::ALL, true)
    }

    /// CTranslate2 keeps query, key and value in one matrix. Whisper's keys have no bias: there it keeps zeros.
    fn part(&mut self, from: &str, to: &str, rows: Rows, bias: bool) -> Result<()> {
        let weight = format!("{from}/weight");
        self.tensor(Tensor { from: &weight, to: format!("{to}.weight"), rows, half: true, column: false })?;
        if bias {
            let bias = format!("{from}/bias");
            self.tensor(Tensor { from: &bias, to: format!("{to}.bias"), rows, half: false, column: false })?;
        }
        Ok(())
    }

    fn norm(&mut self, from: &str, to: &str) -> Result<()> {
        self.single(&format!("{from}/gamma"), &format!("{to}.weight"))?;
        self.single(&format!("{from}/beta"), &format!("{to}.bias"))
    }

    fn half(&mut self, from: &str, to: &str) -> Result<()> {
        self.tensor(Tensor { from, to: to.into(), rows: Rows::ALL, half: true, column: false })
    }

    fn single(&mut self, from: &str, to: &str) -> Result<()> {
        self.tensor(Tensor { from, to: to.into(), rows: Rows::ALL, half: false, column: false })
    }

    fn tensor(&mut self, tensor: Tensor<'_>) -> Result<()> {
        let mut shape = self.weights.rows(tensor.from, tensor.rows)?;
        if tensor.column {
            shape.push(1);
        }
        self.size(shape.len())?;
        self.size(tensor.to.len())?;
        self.number(u32::from(tensor.half))?;
        // ggml names the fastest side first.
        for side in shape.iter().rev() {
            self.size(*side)?;
        }
        self.out.write_all(tensor.to.as_bytes())?;
        self.weights.copy(tensor.from, tensor.rows, tensor.half, &mut self.out)
    }

    fn size(&mut self, size: usize) -> Result<()> {
        self.number(u32::try_from(size)?)
    }

    fn number(&mut self, number: u32) -> Result<()> {
        Ok(self.out.write_all(&number.to_le_bytes())?)
    }
}
