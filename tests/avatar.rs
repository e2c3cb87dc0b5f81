//! Packages of avatars as a stranger might write them: each fault is one sentence, none a panic.

#[allow(dead_code)]
mod render_support;

use render_support::synthetic::{self, MANIFEST, Mesh};
use safetensors::Dtype;
use std::path::Path;
use vasa_camera::avatar::Avatar;

fn with(change: impl FnOnce(&Path)) -> Result<Avatar, String> {
    let dir = tempfile::tempdir().unwrap();
    synthetic::write(dir.path());
    change(dir.path());
    Avatar::load(dir.path()).map_err(|e| format!("{e:#}"))
}

fn with_mesh(change: impl FnOnce(&mut Mesh)) -> Result<Avatar, String> {
    with(|dir| {
        let mut mesh = synthetic::mesh();
        change(&mut mesh);
        mesh.save(&dir.join("mesh.safetensors"));
    })
}

fn with_manifest(from: &str, to: &str) -> Result<Avatar, String> {
    assert!(MANIFEST.contains(from));
    with(|dir| std::fs::write(dir.join("avatar.toml"), MANIFEST.replace(from, to)).unwrap())
}

#[track_caller]
fn refused(result: Result<Avatar, String>, part: &str) {
    match result {
        Ok(_) => panic!("accepted, though {part}"),
        Err(e) => assert!(e.contains(part) && !e.contains('\n'), "{part}: {e}"),
    }
}

#[test]
fn a_whole_package_is_read() {
    let avatar = with(|_| ()).unwrap();
    assert_eq!(
        (avatar.label.as_str(), avatar.parts.len(), avatar.keys.len(), avatar.key_pictures.len()),
        ("Test", 3, 2, 1)
    );
}

#[test]
fn broken_manifests_are_told_by_name_and_value() {
    refused(with_manifest("eyeBlinkLeft", "eyeBlink"), "\"eyeBlink\"");
    refused(with_manifest("\"body\"", "\"nose\""), "\"nose\"");
    refused(with_manifest("material = \"portrait\"", "material = \"gold\""), "\"gold\"");
    refused(with_manifest("licence", "license"), "license");
    refused(with_manifest("distance = 14.0", "distance = inf"), "camera.distance is inf");
    refused(with_manifest("\"closed.png\"", "\"../closed.png\""), "../closed.png");
    refused(with_manifest("\"closed.png\"", "\"none.png\""), "none.png");
    refused(with_manifest("name = \"eye_right\"", "name = \"eye_left\""), "\"eye_left\" twice");
    refused(with_manifest(", centre = [0.5, 0.0, -0.1]", ""), "no centre");
    refused(with_manifest("{ name = \"body\", material = \"portrait\" },", ""), "\"body\"");
    refused(with_manifest("name = \"blink_left\"", "name = \"wink\""), "body.key.wink");
    refused(with(|d| std::fs::write(d.join("avatar.toml"), [0xff, 0xfe, 0]).unwrap()), "avatar.toml");
    refused(with(|d| std::fs::write(d.join("avatar.toml"), "x".repeat(1 << 20)).unwrap()), "1048576");
    refused(with(|d| std::fs::remove_file(d.join("avatar.toml")).unwrap()), "avatar.toml");
}

#[test]
fn broken_meshes_are_told_by_tensor_and_value() {
    refused(with_mesh(|m| m.triangles("body.triangles", &[0, 1, 4_000_000_000])), "names the vertex 4000000000");
    refused(with_mesh(|m| m.triangles("body.triangles", &[])), "body.triangles");
    refused(with_mesh(|m| m.floats("body.position", 3, &[])), "body");
    refused(with_mesh(|m| m.floats("body.uv", 2, &[0.0, 0.0])), "body.uv");
    refused(with_mesh(|m| m.floats("body.uv", 3, &[0.0; 3])), "body.uv");
    refused(with_mesh(|m| drop(m.0.remove("eye_left.head"))), "eye_left.head");
    refused(with_mesh(|m| drop(m.0.remove("body.morph.vertex"))), "body.morph.vertex");
    let poison = |name: &'static str, value: f32| {
        with_mesh(move |m| {
            let bytes = &mut m.0.get_mut(name).unwrap().2;
            bytes[..4].copy_from_slice(&value.to_le_bytes());
        })
    };
    refused(poison("body.position", f32::NAN), "NaN");
    refused(poison("body.position", 1e9), "1000000000");
    refused(poison("body.head", 1.5), "1.5");
    refused(poison("body.key.blink_left.mask", -1.0), "-1");
    refused(poison("body.uv", f32::INFINITY), "inf");
    refused(with_mesh(|m| m.0.get_mut("body.morph.target").unwrap().2[0] = 52), "52");
    refused(with_mesh(|m| m.0.get_mut("body.morph.vertex").unwrap().2[..2].fill(0xff)), "65535");
    refused(with_mesh(|m| m.0.get_mut("body.morph.delta").unwrap().2[..2].copy_from_slice(&[0, 0x7e])), "delta");
    refused(with_mesh(|m| m.put("body.head", Dtype::U8, 1, 4, vec![0; 4])), "body.head");
}

#[test]
fn broken_pictures_are_told_by_file() {
    refused(with(|d| std::fs::write(d.join("portrait.jpg"), b"GIF89a").unwrap()), "portrait.jpg");
    refused(with(|d| std::fs::remove_file(d.join("plate.jpg")).unwrap()), "plate.jpg");
    refused(with(|d| image::GrayImage::new(48, 36).save(d.join("matte.png")).unwrap()), "matte.png is 48x36");
    refused(with(|d| image::RgbImage::new(100, 300).save(d.join("closed.png")).unwrap()), "closed.png is 100x300");
    refused(with(|d| image::RgbImage::new(1, 1).save(d.join("eye.png")).unwrap()), "eye.png is 1x1");
}

#[test]
fn no_damage_to_the_mesh_file_is_a_panic() {
    let dir = tempfile::tempdir().unwrap();
    synthetic::write(dir.path());
    let path = dir.path().join("mesh.safetensors");
    let whole = std::fs::read(&path).unwrap();
    let header = u64::from_le_bytes(whole[..8].try_into().unwrap()) as usize + 8;
    let mut rng = fastrand::Rng::with_seed(3);
    let mut refused = 0;
    for round in 0..150 {
        let mut bytes = whole.clone();
        match round % 3 {
            0 => bytes.truncate(rng.usize(..bytes.len())),
            // The header is where lies about shapes and places would stand.
            1 => (0..3).for_each(|_| bytes[rng.usize(..header)] = rng.u8(b' '..b'~')),
            _ => (0..40).for_each(|_| bytes[rng.usize(header..whole.len())] = rng.u8(..)),
        }
        std::fs::write(&path, bytes).unwrap();
        refused += usize::from(Avatar::load(dir.path()).is_err());
    }
    assert!(refused > 50, "{refused}");
}
