//! `vasa avatar create`: a photo becomes an avatar that is drawn, given on and removed; what is no usable photo leaves nothing behind.
//! The photos are portraits of the built-in people before a wall: pictures of our own.

mod common;

use common::{models, root, vasa};
use image::{DynamicImage, GrayImage, ImageEncoder, ImageFormat, RgbImage, imageops};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Instant;

/// A data folder without avatars, and the state folder of an installation.
struct World {
    dir: tempfile::TempDir,
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

impl World {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn people(&self) -> PathBuf {
        self.path("models/avatars")
    }

    /// What lies among the avatars, hidden or not.
    fn left(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.people()).into_iter().flatten().flatten();
        let mut names: Vec<_> = entries.map(|e| e.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    fn run(&self, args: &[&str]) -> Output {
        let mut command = Command::new(vasa());
        command.args(args).env("VASA_DATA_DIR", self.dir.path()).env("VASA_MODELS_DIR", &models().models);
        command.env("XDG_STATE_HOME", self.path("state")).env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent/bus");
        command.stdin(std::process::Stdio::null()).output().expect("vasa starts")
    }

    #[track_caller]
    fn done(&self, args: &[&str]) -> String {
        let out = self.run(args);
        assert!(out.status.success(), "{args:?}: {}", text(&out.stderr));
        text(&out.stdout)
    }

    /// One sentence on standard error that has every part.
    #[track_caller]
    fn refused(&self, args: &[&str], parts: &[&str]) {
        let out = self.run(args);
        let told = text(&out.stderr);
        assert_eq!(out.status.code(), Some(1), "{args:?}: {told}");
        parts.iter().for_each(|p| assert!(told.contains(p), "{args:?} does not name {p:?}: {told}"));
        assert_eq!(told.trim().lines().count(), 1, "{args:?} is not one sentence: {told}");
    }

    fn save(&self, name: &str, picture: &DynamicImage) -> String {
        let path = self.path(name);
        picture.save(&path).unwrap();
        path.display().to_string()
    }

    #[track_caller]
    fn create(&self, photo: &str, name: &str) -> String {
        self.done(&["avatar", "create", photo, "--name", name, "--self", "--yes"])
    }

    /// The avatar's face at rest, as it is drawn.
    fn drawn(&self, name: &str, width: u32, height: u32) -> RgbImage {
        let (curves, out) = (self.path("c.csv"), self.path("drawn.png"));
        std::fs::write(&curves, "time,jawOpen\n0,0\n").unwrap();
        let (size, curves, out) =
            (format!("{width}x{height}"), curves.display().to_string(), out.display().to_string());
        self.done(&["render", "--avatar", name, "--size", &size, "--curves", &curves, "--out", &out]);
        image::open(out).unwrap().into_rgb8()
    }
}

/// A built-in person before a wall, as a camera would see them: 960 × 720.
fn photo(person: &str) -> RgbImage {
    let file = |name: &str| image::open(root().join("models/avatars").join(person).join(name)).unwrap();
    let (portrait, matte) = (file("portrait.jpg").into_rgb8(), file("matte.png").into_luma8());
    RgbImage::from_fn(portrait.width(), portrait.height(), |x, y| {
        let share = f32::from(matte.get_pixel(x, y).0[0]) / 255.0;
        let wall = [150.0 + 30.0 * x as f32 / 960.0, 160.0, 140.0 + 20.0 * y as f32 / 720.0];
        let person = portrait.get_pixel(x, y).0;
        image::Rgb([0, 1, 2].map(|k| (f32::from(person[k]) * share + wall[k] * (1.0 - share)) as u8))
    })
}

/// Mean structural similarity of the luma (Wang et al., 2004), over windows of 8 × 8 pixels in a rectangle.
fn ssim(a: &RgbImage, b: &RgbImage, x0: u32, y0: u32, x1: u32, y1: u32) -> f64 {
    let luma = |p: &image::Rgb<u8>| 0.299 * f64::from(p.0[0]) + 0.587 * f64::from(p.0[1]) + 0.114 * f64::from(p.0[2]);
    let (mut sum, mut count) = (0.0, 0.0);
    for y in (y0..y1 - 8).step_by(4) {
        for x in (x0..x1 - 8).step_by(4) {
            let [mut ma, mut mb, mut aa, mut bb, mut ab] = [0.0; 5];
            for (dx, dy) in (0..64).map(|i| (i % 8, i / 8)) {
                let (p, q) = (luma(a.get_pixel(x + dx, y + dy)), luma(b.get_pixel(x + dx, y + dy)));
                (ma, mb, aa, bb, ab) = (ma + p, mb + q, aa + p * p, bb + q * q, ab + p * q);
            }
            let [ma, mb, aa, bb, ab] = [ma, mb, aa, bb, ab].map(|v| v / 64.0);
            let (va, vb, cov) = (aa - ma * ma, bb - mb * mb, ab - ma * mb);
            let (c1, c2) = (6.5025, 58.5225);
            sum += (2.0 * ma * mb + c1) * (2.0 * cov + c2) / ((ma * ma + mb * mb + c1) * (va + vb + c2));
            count += 1.0;
        }
    }
    sum / count
}

#[test]
fn a_photo_becomes_an_avatar_that_is_drawn_and_looks_like_it() {
    let world = World::new();
    let file = world.save("me.png", &photo("anna").into());
    let begun = Instant::now();
    let told = world.create(&file, "me");
    println!("made in {:.1} s", begun.elapsed().as_secs_f32());
    assert!(told.contains("me-preview.jpg") && told.contains("vasa avatar use me"), "{told}");
    assert_eq!(world.left(), ["me", "me-preview.jpg"]);
    let sheet = image::open(world.people().join("me-preview.jpg")).unwrap();
    assert_eq!((sheet.width(), sheet.height()), (1920, 960));
    let shown: serde_json::Value = serde_json::from_str(&world.done(&["avatar", "show", "me", "--json"])).unwrap();
    assert_eq!(
        (&shown["kind"], &shown["consent"]["valid"], &shown["consent"]["face"]),
        (&"photo".into(), &true.into(), &"self".into())
    );
    // The record names the photo itself.
    use sha2::Digest;
    let sum: String = sha2::Sha256::digest(std::fs::read(&file).unwrap()).iter().map(|b| format!("{b:02x}")).collect();
    assert_eq!(shown["consent"]["picture_sha256"], sum);

    // At rest it is the photo: inside the face, between brows and chin.
    let portrait = image::open(world.people().join("me/portrait.jpg")).unwrap().into_rgb8();
    let drawn = world.drawn("me", portrait.width(), portrait.height());
    let (cx, cy) = (portrait.width() / 2, portrait.height() * 41 / 100);
    let unit = portrait.height() * 100 / 686;
    let score = ssim(&drawn, &portrait, cx - unit * 9 / 10, cy - unit * 6 / 10, cx + unit * 9 / 10, cy + unit * 3 / 2);
    println!("SSIM to the photo inside the face: {score:.3}");
    // The irises are drawn, not copied.
    assert!(score > 0.965, "{score}");
}

#[test]
fn photos_of_all_kinds_are_taken() {
    let world = World::new();
    let kofi = photo("kofi");
    // A phone's picture: a JPEG on its side, with a note of that.
    let mut bytes = Vec::new();
    let mut encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, 90);
    encoder.set_exif_metadata(b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0".to_vec()).unwrap();
    encoder.encode_image(&imageops::rotate270(&kofi)).unwrap();
    std::fs::write(world.path("side.jpg"), bytes).unwrap();
    world.create(&world.path("side.jpg").display().to_string(), "side");
    let upright = image::open(world.people().join("side/portrait.jpg")).unwrap();
    assert!(upright.width() > upright.height());

    // A cut-out: the file itself says where the person is.
    let matte: GrayImage = image::open(root().join("models/avatars/mei/matte.png")).unwrap().into_luma8();
    let mei = photo("mei");
    let cut = image::RgbaImage::from_fn(960, 720, |x, y| {
        let [r, g, b] = mei.get_pixel(x, y).0;
        image::Rgba([r, g, b, matte.get_pixel(x, y).0[0]])
    });
    world.create(&world.save("cut.png", &cut.into()), "cut");
    let kept = image::open(world.people().join("cut/matte.png")).unwrap().into_luma8();
    assert!(kept.get_pixel(2, 2).0[0] == 0 && kept.pixels().any(|p| p.0[0] == 255));

    // Lossless WebP, the face some 200 pixels wide; and one of thousands.
    let small = DynamicImage::ImageRgb8(imageops::resize(&kofi, 640, 480, imageops::FilterType::Triangle));
    small.save_with_format(world.path("small.webp"), ImageFormat::WebP).unwrap();
    world.create(&world.path("small.webp").display().to_string(), "small");
    let large = imageops::resize(&photo("anna"), 7680, 5760, imageops::FilterType::Triangle);
    let mut bytes = Vec::new();
    image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, 85).encode_image(&large).unwrap();
    std::fs::write(world.path("large.jpg"), bytes).unwrap();
    let begun = Instant::now();
    world.create(&world.path("large.jpg").display().to_string(), "large");
    println!("from 44 megapixels in {:.1} s", begun.elapsed().as_secs_f32());
    let listed = world.done(&["avatar", "list"]);
    for name in ["side", "cut", "small", "large"] {
        assert!(listed.contains(name), "{listed}");
        world.drawn(name, 320, 240);
    }
}

#[test]
fn what_cannot_become_an_avatar_is_told_and_leaves_nothing() {
    let world = World::new();
    let anna = world.save("anna.png", &photo("anna").into());
    let create = |photo: &str, name: &str, parts: &[&str]| {
        world.refused(&["avatar", "create", photo, "--name", name, "--self", "--yes"], parts);
        assert_eq!(world.left(), [""; 0], "{photo}");
    };
    let write = |name: &str, bytes: &[u8]| {
        std::fs::write(world.path(name), bytes).unwrap();
        world.path(name).display().to_string()
    };
    let wall = RgbImage::from_fn(800, 600, |x, y| image::Rgb([(x / 4) as u8, (y / 3) as u8, 120]));
    create(&world.save("wall.png", &wall.into()), "me", &["wall.png", "no face", "from the front"]);
    let mut two = RgbImage::new(1920, 720);
    imageops::replace(&mut two, &photo("anna"), 0, 0);
    imageops::replace(&mut two, &photo("mei"), 960, 0);
    create(&world.save("two.png", &two.into()), "me", &["2 faces", "cut it"]);
    create(&world.save("dot.png", &RgbImage::new(1, 1).into()), "me", &["1x1", "larger"]);
    let whole = std::fs::read(&anna).unwrap();
    create(&write("half.png", &whole[..whole.len() / 2]), "me", &["half.png", "not whole"]);
    create(&write("a.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>"), "me", &["SVG", "JPEG"]);
    create(&world.path("none.png").display().to_string(), "me", &["none.png"]);
    for name in ["a/b", "../me", "", "Me", "template"] {
        create(&anna, name, &["cannot be called"]);
    }
    create(&anna, "kofi", &["\"kofi\" already"]);
    // Without an answer whose face it is there is no avatar.
    let out = world.run(&["avatar", "create", &anna, "--name", "me"]);
    assert_eq!(out.status.code(), Some(2), "{}", text(&out.stderr));
    assert!(text(&out.stderr).contains("--self") && world.left().is_empty());
}

#[test]
fn an_avatar_is_given_on_as_one_file_and_removed() {
    let world = World::new();
    world.create(&world.save("me.png", &photo("mei").into()), "me");
    let file = world.path("me.avatar").display().to_string();
    world.done(&["avatar", "export", "me", &file]);
    world.refused(&["avatar", "export", "me", &file], &["me.avatar", "already"]);
    world.refused(&["avatar", "import", &file], &["\"me\" already"]);
    world.done(&["avatar", "import", &file, "--name", "other"]);
    for name in std::fs::read_dir(world.people().join("me")).unwrap().map(|e| e.unwrap().file_name()) {
        let read = |avatar: &str| std::fs::read(world.people().join(avatar).join(&name)).unwrap();
        assert_eq!(read("me"), read("other"), "{name:?}");
    }
    world.refused(&["avatar", "remove", "anna"], &["came with the program"]);
    world.refused(&["avatar", "remove", "nobody", "--yes"], &["\"nobody\""]);
    world.done(&["avatar", "remove", "me", "--yes"]);
    assert_eq!(world.left(), ["other"]);

    // One byte of its picture changed, cut off, by a newer program, or something else: nothing is taken.
    let whole = std::fs::read(&file).unwrap();
    let refuse = |bytes: &[u8], part: &str| {
        std::fs::write(world.path("bad.avatar"), bytes).unwrap();
        let bad = world.path("bad.avatar").display().to_string();
        world.refused(&["avatar", "import", &bad], &["bad.avatar", part]);
        assert_eq!(world.left(), ["other"]);
    };
    let place = |needle: &[u8]| whole.windows(needle.len()).position(|w| w == needle).expect("it is stored as it is");
    let mut changed = whole.clone();
    changed[place(b"portrait.jpg") + 5000] ^= 1;
    refuse(&changed, "no avatar");
    refuse(&whole[..whole.len() / 2], "no avatar");
    refuse(b"", "no avatar");
    let unpacked = world.people().join("other");
    let manifest = std::fs::read_to_string(unpacked.join("avatar.toml")).unwrap();
    std::fs::write(unpacked.join("avatar.toml"), manifest.replace("format = 1", "format = 7")).unwrap();
    world.refused(&["avatar", "export", "other", &world.path("o.avatar").display().to_string()], &["format is 7"]);
    assert!(!Path::new(&world.path("o.avatar")).exists());
}
