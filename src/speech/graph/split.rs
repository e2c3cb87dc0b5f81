//! Cuts a VITS network before its decoder: phonemes to frames on one side, frames to sound on the other. Then the sound can
//! be made a few frames at a time, and how long it will be is known before.
//!
//! Where to cut is read from the graph's own structure: the decoder is what is named `/dec/…` and all that follows from it;
//! the frames are what it takes from outside (voices of several speakers give it the speaker, too); and the durations of the
//! phonemes are what the only `Ceil` gives.

use crate::protobuf::{Field, field, fields};
use std::collections::{HashMap, HashSet};

const DECODER: &str = "/dec/";

/// Values that may cross the cut. A network of another kind would need many.
const MOST_CROSSING: usize = 4;

/// A network in two; each half is a whole ONNX file.
pub struct Halves {
    /// Has the network's inputs; gives the values that the decoder takes, and one more: each phoneme's frames.
    pub encoder: Vec<u8>,
    /// Takes those values under the same names; gives the network's output.
    pub decoder: Vec<u8>,
}

/// Cuts the network. None where it is not built as a VITS network is.
pub fn split(model: &[u8]) -> Option<Halves> {
    let graph = Graph::read(model)?;
    let durations = graph.durations()?;
    let decoder = graph.decoder();
    let crossing = graph.crossing(&decoder)?;
    let mut wanted = crossing.clone();
    wanted.push(durations);
    let encoder = graph.ancestors(&wanted);
    if graph.outputs.is_empty() || !graph.outputs.iter().all(|o| graph.made_in(o, &decoder)) {
        return None;
    }
    let inputs: Vec<&str> = graph.inputs.clone();
    Some(Halves {
        encoder: graph.part(&encoder, &inputs, &wanted)?,
        decoder: graph.part(&decoder, &crossing, &graph.outputs)?,
    })
}

struct Node<'m> {
    field: Field,
    name: &'m str,
    op: &'m str,
    inputs: Vec<&'m str>,
    outputs: Vec<&'m str>,
}

struct Graph<'m> {
    model: &'m [u8],
    field: Field,
    /// In the order of their computation, as the format demands.
    nodes: Vec<Node<'m>>,
    /// The number of the node that makes a value.
    maker: HashMap<&'m str, usize>,
    initializers: HashMap<&'m str, Field>,
    inputs: Vec<&'m str>,
    outputs: Vec<&'m str>,
    /// What is said of values: inputs, outputs and those between.
    infos: HashMap<&'m str, Field>,
}

impl<'m> Graph<'m> {
    fn read(model: &'m [u8]) -> Option<Self> {
        let field = fields(model, 0..model.len()).find(|f| f.number == 7)?;
        let mut graph = Graph {
            model,
            field: field.clone(),
            nodes: Vec::new(),
            maker: HashMap::new(),
            initializers: HashMap::new(),
            inputs: Vec::new(),
            outputs: Vec::new(),
            infos: HashMap::new(),
        };
        for f in fields(model, field.content) {
            match f.number {
                1 => graph.add_node(f)?,
                5 => {
                    let all: Vec<_> = fields(model, f.content.clone()).collect();
                    // Weights in a file beside the network's: the halves would have to point there.
                    if all.iter().any(|f| f.number == 13) {
                        return None;
                    }
                    let name = all.iter().find(|f| f.number == 8)?;
                    graph.initializers.insert(text(model, name)?, f);
                }
                11..=13 => {
                    let name = fields(model, f.content.clone()).find(|f| f.number == 1)?;
                    let name = text(model, &name)?;
                    match f.number {
                        11 => graph.inputs.push(name),
                        12 => graph.outputs.push(name),
                        _ => {}
                    }
                    graph.infos.insert(name, f);
                }
                _ => {}
            }
        }
        Some(graph)
    }

    fn add_node(&mut self, field: Field) -> Option<()> {
        let mut node = Node { field, name: "", op: "", inputs: Vec::new(), outputs: Vec::new() };
        for f in fields(self.model, node.field.content.clone()) {
            match f.number {
                1 => node.inputs.push(text(self.model, &f)?),
                2 => node.outputs.push(text(self.model, &f)?),
                3 => node.name = text(self.model, &f)?,
                4 => node.op = text(self.model, &f)?,
                // A graph in an attribute may use any value of this one without saying so.
                5 if fields(self.model, f.content).any(|a| matches!(a.number, 6 | 11)) => return None,
                _ => {}
            }
        }
        for output in &node.outputs {
            self.maker.insert(output, self.nodes.len());
        }
        self.nodes.push(node);
        Some(())
    }

    /// What the only `Ceil` gives: the network rounds durations up, and nothing else.
    fn durations(&self) -> Option<&'m str> {
        let mut all = self.nodes.iter().filter(|n| n.op == "Ceil");
        let one = all.next()?;
        if all.next().is_some() {
            return None;
        }
        one.outputs.first().copied()
    }

    /// The nodes of the decoder and all that depend on them, with the constants that they use.
    fn decoder(&self) -> HashSet<usize> {
        let mut all = HashSet::new();
        for (i, node) in self.nodes.iter().enumerate() {
            if node.name.starts_with(DECODER) || node.inputs.iter().any(|v| self.made_in(v, &all)) {
                all.insert(i);
            }
        }
        let is_constant = |i: &usize| self.nodes.get(*i).is_some_and(|n| n.op == "Constant");
        let constants: Vec<_> =
            self.taken_by(&all).iter().filter_map(|v| self.maker.get(v).copied()).filter(is_constant).collect();
        all.extend(constants);
        all
    }

    /// All values that the nodes take, each once, in a fixed order.
    fn taken_by(&self, nodes: &HashSet<usize>) -> Vec<&'m str> {
        let mut seen = HashSet::new();
        let taken = self.in_order(nodes).flat_map(|n| n.inputs.iter().copied());
        taken.filter(|v| !v.is_empty() && seen.insert(*v)).collect()
    }

    fn in_order<'s>(&'s self, nodes: &'s HashSet<usize>) -> impl Iterator<Item = &'s Node<'m>> {
        self.nodes.iter().enumerate().filter(|(i, _)| nodes.contains(i)).map(|(_, n)| n)
    }

    fn made_in(&self, value: &str, nodes: &HashSet<usize>) -> bool {
        self.maker.get(value).is_some_and(|i| nodes.contains(i))
    }

    /// The values that the decoder takes from the other half.
    fn crossing(&self, decoder: &HashSet<usize>) -> Option<Vec<&'m str>> {
        let mut all = self.taken_by(decoder);
        all.retain(|v| !self.initializers.contains_key(v) && !self.made_in(v, decoder));
        let is_made = all.iter().all(|v| self.maker.contains_key(v));
        (is_made && (1..=MOST_CROSSING).contains(&all.len())).then_some(all)
    }

    /// The nodes that the values need.
    fn ancestors(&self, values: &[&'m str]) -> HashSet<usize> {
        let mut all = HashSet::new();
        let mut open: Vec<&str> = values.to_vec();
        while let Some(value) = open.pop() {
            if let Some(&i) = self.maker.get(value)
                && all.insert(i)
                && let Some(node) = self.nodes.get(i)
            {
                open.extend(&node.inputs);
            }
        }
        all
    }

    /// A file with only these nodes. Of the inputs those that no node takes are left out.
    fn part(&self, nodes: &HashSet<usize>, inputs: &[&str], outputs: &[&str]) -> Option<Vec<u8>> {
        let taken = self.taken_by(nodes);
        let mut graph = Vec::new();
        for node in self.in_order(nodes) {
            graph.extend_from_slice(self.model.get(node.field.whole.clone())?);
        }
        graph.extend(field(2, b"part"));
        for value in &taken {
            if let Some(f) = self.initializers.get(value) {
                graph.extend_from_slice(self.model.get(f.whole.clone())?);
            }
        }
        let is_taken: HashSet<_> = taken.into_iter().collect();
        for value in inputs.iter().filter(|v| is_taken.contains(*v)) {
            graph.extend(field(11, &self.info(value)?));
        }
        for value in outputs {
            graph.extend(field(12, &self.info(value)?));
        }
        // All that the model says beside its graph (versions of the operators) is true of both halves.
        let before = self.model.get(..self.field.whole.start)?;
        let after = self.model.get(self.field.whole.end..)?;
        Some([before, &field(7, &graph), after].concat())
    }

    /// What is known of a value; where nothing is, that it holds floats.
    fn info(&self, value: &str) -> Option<Vec<u8>> {
        match self.infos.get(value) {
            Some(f) => Some(self.model.get(f.content.clone())?.to_vec()),
            None => Some([field(1, value.as_bytes()), field(2, &field(1, &[0x08, 1]))].concat()),
        }
    }
}

fn text<'m>(model: &'m [u8], field: &Field) -> Option<&'m str> {
    std::str::from_utf8(model.get(field.content.clone())?).ok()
}

#[cfg(test)]
pub mod tests {
    use super::*;

    fn node(name: &str, op: &str, inputs: &[&str], outputs: &[&str]) -> Vec<u8> {
        let inputs = inputs.iter().flat_map(|v| field(1, v.as_bytes()));
        let outputs = outputs.iter().flat_map(|v| field(2, v.as_bytes()));
        let content: Vec<u8> =
            inputs.chain(outputs).chain(field(3, name.as_bytes())).chain(field(4, op.as_bytes())).collect();
        field(1, &content)
    }

    /// A whole file that can be cut, with any bytes in it.
    pub fn small_voice(bytes: &[u8]) -> Vec<u8> {
        [model(&voice()), field(2, bytes)].concat()
    }

    fn model(nodes: &[Vec<u8>]) -> Vec<u8> {
        let value = |number, name: &str| field(number, &field(1, name.as_bytes()));
        let weight = |name: &str| field(5, &field(8, name.as_bytes()));
        let graph = [
            nodes.concat(),
            weight("dec.w"),
            weight("enc.w"),
            value(11, "input"),
            value(11, "sid"),
            value(12, "output"),
        ];
        [vec![0x08, 8], field(7, &graph.concat()), field(8, b"opset")].concat()
    }

    /// A voice of several speakers, in small.
    fn voice() -> Vec<Vec<u8>> {
        vec![
            node("/Constant", "Constant", &[], &["half"]),
            node("/enc_p/Conv", "Conv", &["input", "enc.w"], &["m"]),
            node("/emb_g/Gather", "Gather", &["sid", "enc.w"], &["g"]),
            node("/Ceil", "Ceil", &["m"], &["w"]),
            node("/Mul", "Mul", &["m", "w", "half"], &["z"]),
            node("/dec/conv_pre/Conv", "Conv", &["z", "dec.w"], &["d0"]),
            node("/dec/cond/Conv", "Conv", &["g", "dec.w"], &["d1"]),
            node("/dec/Add", "Mul", &["d0", "d1", "half"], &["d2"]),
            node("/Unsqueeze", "Unsqueeze", &["d2"], &["output"]),
        ]
    }

    fn names(part: &[u8]) -> (Vec<&str>, Vec<&str>, Vec<&str>, usize) {
        let graph = Graph::read(part).unwrap();
        (graph.nodes.iter().map(|n| n.name).collect(), graph.inputs, graph.outputs, graph.initializers.len())
    }

    #[test]
    fn the_halves_have_what_each_needs_and_meet_at_the_same_values() {
        let halves = split(&model(&voice())).unwrap();
        let encoder = ["/Constant", "/enc_p/Conv", "/emb_g/Gather", "/Ceil", "/Mul"];
        assert_eq!(names(&halves.encoder), (encoder.to_vec(), vec!["input", "sid"], vec!["z", "g", "w"], 1));
        let decoder = ["/Constant", "/dec/conv_pre/Conv", "/dec/cond/Conv", "/dec/Add", "/Unsqueeze"];
        assert_eq!(names(&halves.decoder), (decoder.to_vec(), vec!["z", "g"], vec!["output"], 1));
        for half in [&halves.encoder, &halves.decoder] {
            assert!(half.starts_with(&[0x08, 8]) && half.ends_with(&field(8, b"opset")));
        }
    }

    #[test]
    fn a_network_of_another_kind_stays_whole() {
        let without = |name: &str| {
            let nodes = voice().into_iter().filter(|n| !n.windows(name.len()).any(|w| w == name.as_bytes()));
            model(&nodes.collect::<Vec<_>>())
        };
        assert!(split(&without("/Ceil")).is_none(), "no durations");
        assert!(split(&without("/dec/")).is_none(), "no decoder");
        assert!(split(&without("/Mul")).is_none(), "frames from nowhere");
        let two = [voice(), vec![node("/Ceil_1", "Ceil", &["m"], &["w1"])]].concat();
        assert!(split(&model(&two)).is_none(), "two of what may be the durations");
        let mut inner = voice();
        inner[3] = field(1, &[field(4, b"If"), field(5, &field(6, b""))].concat());
        assert!(split(&model(&inner)).is_none(), "a graph in the graph");
    }

    #[test]
    fn nonsense_is_no_network() {
        let mut rng = fastrand::Rng::with_seed(4);
        let good = model(&voice());
        for _ in 0..2000 {
            let mut bytes = good.clone();
            for _ in 0..rng.usize(1..8) {
                let at = rng.usize(..bytes.len());
                bytes[at] = rng.u8(..);
            }
            bytes.truncate(rng.usize(..=bytes.len()));
            // Whatever comes of it, it is no panic, and no more than twice the bytes.
            assert!(split(&bytes).is_none_or(|h| h.encoder.len() + h.decoder.len() < 4 * good.len()));
        }
    }
}
