use super::convert::network;
use super::{convert, tiny};
use crate::assets;
use crate::config::Paths;
use ort::value::Tensor;
use std::fs;

/// What a converted network gives; None, told, where there is no runtime.
fn run(file: &[u8], inputs: &[(&str, Vec<i64>, Vec<f32>)], output: &str) -> Option<Vec<f32>> {
    let onnx = network(file).unwrap();
    let builder = assets::builder(&Paths::find(), 1);
    let mut builder = builder.map_err(|e| eprintln!("SKIPPED: {e:#}")).ok()?;
    let mut session = builder.commit_from_memory(&onnx).unwrap();
    let inputs: Vec<_> = inputs
        .iter()
        .map(|(name, shape, numbers)| (*name, Tensor::from_array((shape.clone(), numbers.clone())).unwrap()))
        .collect();
    let given = session.run(inputs).unwrap();
    Some(given[output].try_extract_tensor::<f32>().unwrap().1.to_vec())
}

#[test]
fn a_converted_network_computes_what_the_operators_say() {
    let picture: Vec<f32> = (0..16).map(|i| i as f32).collect();
    let Some(flat) = run(&tiny::network(), &[("picture", vec![1, 4, 4, 1], picture)], "flat") else { return };
    // Of 4 places by steps of 2 with windows of 3: one place is padded, at the end. The middles are 5, 7, 13 and 15.
    let expected = [(45.0 / 9.0, 0.0), (39.0 / 9.0, 0.0), (6.0, 0.0), (50.0 / 9.0, 0.0)];
    for (i, (found, (mean, middle))) in flat.as_chunks::<3>().0.iter().zip(expected).enumerate() {
        assert!((found[0] - mean).abs() < 4e-3 && found[1] == middle && found[2] == 0.0, "{i}: {found:?}");
    }
    let dark = vec![0.0; 16];
    let flat = run(&tiny::network(), &[("picture", vec![1, 4, 4, 1], dark)], "flat").unwrap();
    assert_eq!(flat, [0.0, 5.0, 0.0].repeat(4));
}

#[test]
fn a_crop_follows_landmarks_and_its_places_are_carried_back() {
    // The picture's colour is x + 10 y at the middle of each place; those are at halves.
    let picture: Vec<f32> = (0..64).map(|i| (i % 8) as f32 + 10.0 * (i / 8) as f32).collect();
    let run = |points: [[f32; 2]; 4], output: &str| {
        let points: Vec<f32> = points.iter().flat_map(|p| [p[0], p[1], 9.0]).collect();
        let inputs = [
            ("picture", vec![1, 8, 8, 1], picture.clone()),
            ("points", vec![1, 4, 3], points),
            ("place", vec![1, 1, 2], vec![1.0, 2.0]),
        ];
        run(&tiny::attention(), &inputs, output)
    };
    let close = |found: &[f32], expected: &[f32]| found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-3);
    // Level: the crop is the square from (2, 3) to (6, 7).
    let level = [[0.0, 0.0], [4.0, 0.0], [2.0, 3.0], [6.0, 7.0]];
    let Some(crop) = run(level, "crop") else { return };
    assert!(close(&crop[..5], &[32.0, 33.0, 34.0, 35.0, 42.0]), "{crop:?}");
    assert!(close(&run(level, "back").unwrap(), &[3.0, 5.0]));
    // A quarter turn clockwise: a step to the right in the crop is one down in the picture.
    let turned = [[0.0, 0.0], [0.0, 4.0], [2.0, 3.0], [6.0, 7.0]];
    let crop = run(turned, "crop").unwrap();
    assert!(close(&crop[..5], &[35.0, 45.0, 55.0, 65.0, 34.0]), "{crop:?}");
    assert!(close(&run(turned, "back").unwrap(), &[4.0, 4.0]));
}

#[test]
fn a_file_that_is_cut_or_changed_gives_a_sentence_or_a_network_and_never_a_panic() {
    for whole in [tiny::network(), tiny::attention()] {
        assert!(network(&whole).is_ok());
        for length in 0..whole.len() {
            let _ = network(&whole[..length]);
        }
        assert!(network(&whole[..whole.len() / 2]).is_err());
        // Every byte as it may do harm: nothing, everything, the sign, one more, one less.
        for at in 0..whole.len() {
            for change in [0x00, 0xff, whole[at] ^ 0x80, whole[at].wrapping_add(1), whole[at].wrapping_sub(1)] {
                let mut bytes = whole.clone();
                bytes[at] = change;
                let _ = network(&bytes);
            }
        }
        let mut random = fastrand::Rng::with_seed(4);
        for _ in 0..20_000 {
            let mut bytes = whole.clone();
            for _ in 0..random.usize(1..8) {
                let at = random.usize(..bytes.len() - 4);
                bytes[at..at + 4].copy_from_slice(&random.u32(..).to_le_bytes()[..]);
            }
            let _ = network(&bytes);
        }
    }
}

#[test]
fn what_is_no_network_that_is_known_is_refused_in_a_sentence() {
    let told = |bytes: &[u8]| format!("{:#}", network(bytes).unwrap_err());
    assert!(told(b"").contains("no TensorFlow Lite file") && told(&[0xff; 300]).contains("no TensorFlow Lite file"));
    let mut tiny = tiny::Tiny::default();
    let (x, y) = (tiny.tensor("x", &[1, 2], tiny::SINGLE, &[]), tiny.tensor("y", &[1, 2], tiny::SINGLE, &[]));
    tiny.operator(77, &[x], y, Vec::new());
    assert!(told(&tiny.file(&[x], &[y])).contains("operator 77"));
    let mut tiny = tiny::Tiny::default();
    let (x, y) = (tiny.tensor("x", &[1, 2], tiny::SINGLE, &[]), tiny.tensor("y", &[1, 2], tiny::SINGLE, &[]));
    tiny.own_operator("Telepathy", &[x], y, &[]);
    assert!(told(&tiny.file(&[x], &[y])).contains("\"Telepathy\""));
    // Nothing computes what comes out.
    let mut tiny = tiny::Tiny::default();
    let (x, y) = (tiny.tensor("x", &[1, 2], tiny::SINGLE, &[]), tiny.tensor("y", &[1, 2], tiny::SINGLE, &[]));
    assert!(told(&tiny.file(&[x], &[y])).contains("\"y\" is needed before it is there"));

    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (folder.path().join("a.tflite"), folder.path().join("b.onnx"));
    fs::write(&from, "nothing").unwrap();
    let e = format!("{:#}", convert(&from, &to).unwrap_err());
    assert!(e.contains("a.tflite") && e.contains("take it from another place") && !to.exists(), "{e}");
    fs::write(&from, tiny::network()).unwrap();
    convert(&from, &to).unwrap();
    assert!(fs::metadata(&to).unwrap().len() > 300);
}
