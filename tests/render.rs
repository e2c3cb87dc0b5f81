//! The renderer on a real adapter (lavapipe where there is no GPU), with a made-up person and with the one that ships.

mod render_support;

use render_support::anna;
use vasa_camera::avatar::Avatar;
use vasa_camera::render::{AdapterChoice, Frame, Renderer, Size};

/// A sheet of states, for the eye: `cargo test --release --test render -- --ignored sheet`, then look at $SHEET.
#[test]
#[ignore = "draws pictures to look at"]
fn sheet() {
    let dir = std::env::var_os("AVATAR").map(Into::into).or_else(anna).expect("an avatar to look at");
    let avatar = Avatar::load(&dir).unwrap();
    let height = std::env::var("HEIGHT").ok().and_then(|s| s.parse().ok()).unwrap_or(720);
    let size = Size { width: height * 4 / 3, height };
    let only = std::env::var("ONLY").unwrap_or_default();
    let samples = std::env::var("SAMPLES").ok().and_then(|s| s.parse().ok());
    let mut renderer = Renderer::on(&avatar, size, AdapterChoice::Cpu, samples).unwrap();
    println!("{}", renderer.adapter());
    let out = std::path::PathBuf::from(std::env::var_os("SHEET").expect("SHEET: where to put the pictures"));
    std::fs::create_dir_all(&out).unwrap();
    let mut frame = Frame::new(size);
    for (name, face) in render_support::states().into_iter().filter(|s| s.0.contains(&only)) {
        renderer.draw(&face, &mut frame).unwrap();
        let picture = image::RgbaImage::from_raw(size.width, size.height, frame.rgba.clone()).unwrap();
        image::DynamicImage::from(picture).into_rgb8().save(out.join(format!("{name}.png"))).unwrap();
    }
}
