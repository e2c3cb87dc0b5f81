//! A seed for a network's random numbers, so that the same text always gives the same sound.

use crate::protobuf::{fields, varint};
use std::ops::Range;

/// Operators that draw random numbers and take a seed.
const RANDOM: [&[u8]; 5] =
    [b"RandomNormal", b"RandomNormalLike", b"RandomUniform", b"RandomUniformLike", b"Multinomial"];

/// Gives every operator that draws random numbers a seed. A file that is no such message stays as it is: the runtime says
/// what is wrong with it.
pub fn seed(model: &mut Vec<u8>, seed: f32) {
    let Some(edits) = edits(model, seed) else { return };
    // From the end to the beginning, so that the places before stay true.
    for (range, bytes) in edits.into_iter().rev() {
        model.splice(range, bytes);
    }
}

/// The replacements, in the order of their places.
fn edits(model: &[u8], seed: f32) -> Option<Vec<(Range<usize>, Vec<u8>)>> {
    let graph = fields(model, 0..model.len()).find(|f| f.number == 7)?;
    let mut edits = Vec::new();
    let mut grown = 0;
    for (index, node) in fields(model, graph.content.clone()).filter(|f| f.number == 1).enumerate() {
        let is_random = fields(model, node.content.clone())
            .any(|f| f.number == 4 && model.get(f.content.clone()).is_some_and(|op| RANDOM.contains(&op)));
        if !is_random {
            continue;
        }
        let mut attribute = vec![0x2a, 14, 0x0a, 4];
        attribute.extend(b"seed");
        attribute.push(0x15);
        // Two operators with one seed would draw the same numbers.
        attribute.extend((seed + index as f32).to_le_bytes());
        attribute.extend([0xa0, 0x01, 0x01]);
        let length = varint(node.content.len() + attribute.len());
        grown += attribute.len() + length.len() - node.length.len();
        edits.push((node.length, length));
        edits.push((node.content.end..node.content.end, attribute));
    }
    if !edits.is_empty() {
        edits.insert(0, (graph.length, varint(graph.content.len() + grown)));
    }
    Some(edits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protobuf::{Field, field as message};

    #[test]
    fn only_random_operators_get_a_seed_and_all_lengths_stay_true() {
        let random = [message(1, &[b'x'; 110]), message(4, b"RandomNormalLike")].concat();
        let other = message(4, b"Add");
        let graph =
            [message(1, &other), message(1, &random), message(1, &other), message(1, &random), message(2, b"name")]
                .concat();
        let mut model = [vec![0x08, 0x08], message(7, &graph), message(8, b"tail")].concat();
        seed(&mut model, 1.0);
        let top: Vec<_> = fields(&model, 0..model.len()).map(|f| (f.number, f.content)).collect();
        assert_eq!(top.iter().map(|t| t.0).collect::<Vec<_>>(), [7, 8]);
        let nodes: Vec<_> = fields(&model, top[0].1.clone()).collect();
        assert_eq!(nodes.iter().map(|n| n.number).collect::<Vec<_>>(), [1, 1, 1, 1, 2]);
        let attributes = |n: &Field| fields(&model, n.content.clone()).filter(|f| f.number == 5).count();
        assert_eq!(nodes[..4].iter().map(attributes).collect::<Vec<_>>(), [0, 1, 0, 1]);
        assert_eq!(&model[top[1].1.clone()], b"tail");
    }

    #[test]
    fn nonsense_stays_as_it_is() {
        let mut rng = fastrand::Rng::with_seed(3);
        for _ in 0..500 {
            let bytes: Vec<u8> = (0..rng.usize(..64)).map(|_| rng.u8(..)).collect();
            let mut copy = bytes.clone();
            seed(&mut copy, 1.0);
            assert!(copy.len() >= bytes.len());
        }
    }
}
