//! The renderer on a real adapter (lavapipe where there is no GPU), with a made-up person and with the one that ships.

mod render_support;

use image::RgbImage;
use image::imageops::{FilterType, resize};
use render_support::{anna, synthetic};
use vasa_camera::avatar::Avatar;
use vasa_camera::face::{Face, Shape, Weights};
use vasa_camera::render::{AdapterChoice, Frame, Renderer, Size};

/// The size at which the made-up portrait is drawn pixel for pixel.
const NATIVE: Size = Size { width: 480, height: 360 };
/// Where its parts are at that size: x and y from, to.
const MOUTH: [usize; 4] = [130, 350, 195, 310];
const EYES: [usize; 4] = [180, 300, 115, 180];

fn made_up() -> Avatar {
    let dir = tempfile::tempdir().unwrap();
    synthetic::write(dir.path());
    Avatar::load(dir.path()).unwrap()
}

fn renderer(avatar: &Avatar, size: Size) -> Renderer {
    Renderer::on(avatar, size, AdapterChoice::Cpu, None).unwrap()
}

fn draw(renderer: &mut Renderer, face: &Face) -> Frame {
    let mut frame = Frame::new(renderer.size());
    renderer.draw(face, &mut frame).unwrap();
    frame
}

fn face(weights: &[(Shape, f32)]) -> Face {
    let mut face = Face::default();
    for (shape, weight) in weights {
        face.weights[*shape] = *weight;
    }
    face
}

fn pixel(frame: &Frame, x: usize, y: usize) -> [u8; 3] {
    let at = (y * frame.size.width as usize + x) * 4;
    [frame.rgba[at], frame.rgba[at + 1], frame.rgba[at + 2]]
}

/// The pixels in which two frames differ clearly.
fn changed(a: &Frame, b: &Frame) -> Vec<(usize, usize)> {
    let width = a.size.width as usize;
    let pairs = a.rgba.chunks_exact(4).zip(b.rgba.chunks_exact(4)).enumerate();
    pairs
        .filter(|(_, (p, q))| p.iter().zip(*q).any(|(p, q)| p.abs_diff(*q) > 6))
        .map(|(i, _)| (i % width, i / width))
        .collect()
}

fn share_within(pixels: &[(usize, usize)], [x0, x1, y0, y1]: [usize; 4]) -> f32 {
    let within = pixels.iter().filter(|(x, y)| (x0..x1).contains(x) && (y0..y1).contains(y)).count();
    within as f32 / pixels.len().max(1) as f32
}

/// What the pictures say a neutral frame is, and where the person is in it: plate, portrait and matte, composed here.
fn composed(avatar: &Avatar, size: Size) -> (RgbImage, Vec<bool>) {
    let (w, h) = (size.width as f32, size.height as f32);
    let scaled =
        |p: &RgbImage, aspect: f32| resize(p, (h * aspect).round() as u32, size.height, FilterType::CatmullRom);
    let plate = scaled(&avatar.plate, avatar.plate_aspect.max(w / h));
    let portrait = scaled(&avatar.portrait, avatar.aspect);
    let matte = resize(&avatar.matte, portrait.width(), size.height, FilterType::CatmullRom);
    let mut person = Vec::new();
    let at = |p: &RgbImage, x: u32| i64::from(x) + (i64::from(p.width()) - i64::from(size.width)) / 2;
    let picture = RgbImage::from_fn(size.width, size.height, |x, y| {
        let behind = *plate.get_pixel(at(&plate, x) as u32, y);
        let px = at(&portrait, x);
        if !(0..i64::from(portrait.width())).contains(&px) {
            return behind;
        }
        let (front, a) = (portrait.get_pixel(px as u32, y), f32::from(matte.get_pixel(px as u32, y).0[0]) / 255.0);
        let mix = |i: usize| (f32::from(front.0[i]) * a + f32::from(behind.0[i]) * (1.0 - a) + 0.5) as u8;
        image::Rgb([mix(0), mix(1), mix(2)])
    });
    for y in 0..size.height {
        for x in 0..size.width {
            let px = at(&portrait, x);
            let inside = (0..i64::from(portrait.width())).contains(&px);
            person.push(inside && matte.get_pixel(px as u32, y).0[0] > 0);
        }
    }
    (picture, person)
}

/// Peak signal to noise in dB over the chosen pixels.
fn psnr(frame: &Frame, picture: &RgbImage, chosen: impl Fn(usize) -> bool) -> f64 {
    let (mut sum, mut n) = (0.0, 0.0);
    for (i, (p, q)) in frame.rgba.chunks_exact(4).zip(picture.pixels()).enumerate().filter(|(i, _)| chosen(*i)) {
        let _ = i;
        sum += p.iter().zip(q.0).map(|(p, q)| (f64::from(*p) - f64::from(q)).powi(2)).sum::<f64>();
        n += 3.0;
    }
    assert!(n > 1000.0, "the person is in the picture");
    10.0 * (255.0f64.powi(2) * n / sum.max(1e-9)).log10()
}

/// The mean column of what is nearly black: the pupils of the made-up person.
fn pupils(frame: &Frame) -> f32 {
    let (mut sum, mut n) = (0.0, 0.0);
    for y in 0..frame.size.height as usize {
        for x in 0..frame.size.width as usize {
            let p = pixel(frame, x, y);
            if p.iter().all(|v| *v < 75) && p[0].abs_diff(p[2]) < 40 && p[1] < 55 && p[2] < 85 {
                (sum, n) = (sum + x as f32, n + 1.0);
            }
        }
    }
    assert!(n > 20.0, "there are pupils: {n}");
    sum / n
}

#[test]
fn a_neutral_face_is_the_portrait_over_the_plate() {
    let avatar = made_up();
    let frame = draw(&mut renderer(&avatar, NATIVE), &Face::default());
    let (picture, person) = composed(&avatar, NATIVE);
    let eyes = |i: usize| {
        let (x, y) = (i % 480, i / 480);
        (EYES[0]..EYES[1]).contains(&x) && (EYES[2]..EYES[3]).contains(&y)
    };
    let on_person = psnr(&frame, &picture, |i| person[i] && !eyes(i));
    assert!(on_person > 35.0, "{on_person:.1} dB");
    let behind = psnr(&frame, &picture, |i| !person[i]);
    assert!(behind > 40.0, "{behind:.1} dB");
}

#[test]
fn the_avatar_that_ships_is_its_portrait_when_neutral() {
    let Some(dir) = anna() else { return eprintln!("SKIPPED: there is no models/avatars/anna") };
    let avatar = Avatar::load(&dir).unwrap();
    for size in [Size::HD, Size { width: 640, height: 480 }] {
        let frame = draw(&mut renderer(&avatar, size), &Face::default());
        let (picture, person) = composed(&avatar, size);
        let db = psnr(&frame, &picture, |i| person[i]);
        assert!(db > 30.0, "{size:?}: {db:.1} dB");
    }
}

#[test]
fn an_opening_jaw_changes_the_mouth_and_darkens_it() {
    let avatar = made_up();
    let mut renderer = renderer(&avatar, NATIVE);
    let (shut, open) = (draw(&mut renderer, &Face::default()), draw(&mut renderer, &face(&[(Shape::JawOpen, 0.7)])));
    let pixels = changed(&shut, &open);
    assert!(pixels.len() > 300, "{}", pixels.len());
    let (x, y) = (pixels.iter().map(|p| p.0), pixels.iter().map(|p| p.1));
    let around = [x.clone().min(), x.max(), y.clone().min(), y.max()];
    assert!(share_within(&pixels, MOUTH) > 0.98, "{} {around:?}", share_within(&pixels, MOUTH));
    let dark =
        |f: &Frame| (195..310).flat_map(|y| (160..320).map(move |x| pixel(f, x, y))).filter(|p| p[0] < 90).count();
    assert!(dark(&open) > dark(&shut) + 100, "{} {}", dark(&open), dark(&shut));
}

#[test]
fn a_blink_changes_the_eyes_and_shows_the_closed_lids() {
    let avatar = made_up();
    let mut renderer = renderer(&avatar, NATIVE);
    let open = draw(&mut renderer, &Face::default());
    let left = draw(&mut renderer, &face(&[(Shape::EyeBlinkLeft, 1.0)]));
    let pixels = changed(&open, &left);
    // The avatar's own left eye is on the viewer's right.
    assert!(pixels.len() > 200 && share_within(&pixels, [240, 300, 115, 180]) > 0.98, "{}", pixels.len());
    let [r, ..] = pixel(&left, 272, 146);
    assert!(r < 175, "the lid has the colour of the closed picture: {r}");
}

#[test]
fn the_head_turns_and_the_eyes_look_to_the_side_they_are_told() {
    let avatar = made_up();
    let mut renderer = renderer(&avatar, NATIVE);
    let still = pupils(&draw(&mut renderer, &Face::default()));
    let mut turned = Face::default();
    turned.head.yaw = 10.0;
    assert!(pupils(&draw(&mut renderer, &turned)) > still + 3.0, "positive yaw: to the viewer's right");
    let mut looking = Face::default();
    looking.gaze.yaw = 12.0;
    assert!(pupils(&draw(&mut renderer, &looking)) > still + 2.0, "positive gaze: to the viewer's right");
    looking.gaze.yaw = -12.0;
    assert!(pupils(&draw(&mut renderer, &looking)) < still - 2.0, "negative gaze: to the viewer's left");
}

#[test]
fn every_frame_shape_shows_the_same_person_unstretched() {
    let avatar = made_up();
    let wide = draw(&mut renderer(&avatar, Size { width: 640, height: 360 }), &Face::default());
    let tall = draw(&mut renderer(&avatar, Size { width: 360, height: 360 }), &Face::default());
    let native = draw(&mut renderer(&avatar, NATIVE), &Face::default());
    let same = |other: &Frame, shift: i64| {
        let (mut bad, mut all) = (0, 0);
        for y in 0..360 {
            for x in 70..410i64 {
                let Ok(there) = usize::try_from(x + shift) else { continue };
                if there < other.size.width as usize {
                    all += 1;
                    let (p, q) = (pixel(&native, x as usize, y), pixel(other, there, y));
                    bad += usize::from(p.iter().zip(q).any(|(p, q)| p.abs_diff(q) > 3));
                }
            }
        }
        assert!(all > 90_000);
        bad as f32 / all as f32
    };
    assert!(same(&wide, 80) < 0.002, "{}", same(&wide, 80));
    assert!(same(&tall, -60) < 0.002, "{}", same(&tall, -60));
}

#[test]
fn soft_edges_have_no_halo() {
    let avatar = made_up();
    let mut renderer = renderer(&avatar, Size { width: 640, height: 480 });
    let mut turned = Face::default();
    (turned.head.yaw, turned.head.roll) = (9.0, 5.0);
    for face in [Face::default(), turned] {
        let frame = draw(&mut renderer, &face);
        // Outside the face everything is the plate, the skin, or between: brighter or darker than both is a fringe.
        let most = *synthetic::SKIN.iter().max().unwrap() + 26;
        let least = synthetic::PLATE.iter().flatten().min().unwrap() - 6;
        for y in 0..480 {
            for x in (0..640).filter(|x| !(230..430).contains(x)) {
                let p = pixel(&frame, x, y);
                assert!(p.iter().all(|v| (least..=most).contains(v)), "{x},{y}: {p:?}");
            }
        }
    }
}

#[test]
fn the_same_face_gives_the_same_bytes() {
    let avatar = made_up();
    let mut renderer = renderer(&avatar, NATIVE);
    let smile = face(&[(Shape::JawOpen, 0.4), (Shape::EyeBlinkLeft, 0.6)]);
    let first = draw(&mut renderer, &smile);
    let other = draw(&mut renderer, &Face::default());
    assert!(first.rgba != other.rgba);
    assert!(first.rgba == draw(&mut renderer, &smile).rgba);
    assert!(other.rgba.chunks_exact(4).all(|p| p[3] == 255), "every pixel is opaque");
}

#[test]
fn a_renderer_can_move_to_its_thread() {
    fn moves<T: Send>() {}
    moves::<Renderer>();
}

#[test]
fn a_frame_takes_the_moment_and_the_size() {
    let avatar = made_up();
    let mut renderer = renderer(&avatar, NATIVE);
    let mut frame = Frame::new(Size { width: 16, height: 16 });
    renderer.draw(&Face { at: vasa_camera::clock::Moment(40), ..Face::default() }, &mut frame).unwrap();
    assert_eq!((frame.at.0, frame.size, frame.rgba.len()), (40, NATIVE, 480 * 360 * 4));
}

#[test]
fn a_face_of_not_numbers_or_beyond_all_bounds_is_drawn_all_the_same() {
    let avatar = made_up();
    let mut renderer = renderer(&avatar, NATIVE);
    let neutral = draw(&mut renderer, &Face::default());
    let mut broken = Face { weights: Weights([f32::NAN; 52]), ..Face::default() };
    (broken.head.yaw, broken.head.z, broken.gaze.pitch) = (f32::NAN, f32::INFINITY, f32::NEG_INFINITY);
    assert!(draw(&mut renderer, &broken).rgba == neutral.rgba);
    let mut wild = Face { weights: Weights([1e30; 52]), ..Face::default() };
    (wild.head.yaw, wild.head.x, wild.head.z, wild.gaze.yaw) = (1e30, -1e30, 1e30, 400.0);
    draw(&mut renderer, &wild);
}

#[test]
fn several_samples_a_pixel_draw_the_same_person() {
    let avatar = made_up();
    let smile = face(&[(Shape::JawOpen, 0.5)]);
    let one = draw(&mut renderer(&avatar, NATIVE), &smile);
    let four = draw(&mut Renderer::on(&avatar, NATIVE, AdapterChoice::Cpu, Some(4)).unwrap(), &smile);
    let pixels = four.rgba.chunks_exact(4).flat_map(|p| [p[0], p[1], p[2]]).collect();
    let db = psnr(&one, &RgbImage::from_raw(480, 360, pixels).unwrap(), |_| true);
    assert!(db > 30.0, "{db:.1} dB");
}

#[test]
fn sizes_that_cannot_be_drawn_are_refused() {
    let avatar = made_up();
    for (width, height) in [(0, 0), (641, 480), (640, 8), (8192, 720)] {
        let Err(e) = Renderer::on(&avatar, Size { width, height }, AdapterChoice::Cpu, None) else { panic!("{width}") };
        assert!(e.to_string().contains(&format!("{width}x{height}")), "{e}");
    }
}

#[test]
fn an_avatar_can_be_exchanged_and_may_lack_eyes_and_keys() {
    let avatar = made_up();
    let mut bare = avatar.clone();
    bare.parts.retain(|p| p.material == vasa_camera::avatar::Material::Portrait);
    (bare.keys, bare.key_pictures) = (Vec::new(), Vec::new());
    let mut renderer = renderer(&avatar, NATIVE);
    let whole = draw(&mut renderer, &face(&[(Shape::JawOpen, 0.5)]));
    renderer.set_avatar(&bare).unwrap();
    let without = draw(&mut renderer, &face(&[(Shape::JawOpen, 0.5)]));
    let pixels = changed(&whole, &without);
    assert!(!pixels.is_empty() && share_within(&pixels, EYES) > 0.98);
    renderer.set_avatar(&avatar).unwrap();
    assert!(draw(&mut renderer, &face(&[(Shape::JawOpen, 0.5)])).rgba == whole.rgba);
}

/// A sheet of states, for the eye: `cargo test --release --test render -- --ignored sheet`, then look at $SHEET.
#[test]
#[ignore = "draws pictures to look at"]
fn sheet() {
    let dir = std::env::var_os("AVATAR").map(Into::into).or_else(anna).expect("an avatar to look at");
    let clock = std::time::Instant::now();
    let avatar = Avatar::load(&dir).unwrap();
    println!("read in {:?}", clock.elapsed());
    let height = std::env::var("HEIGHT").ok().and_then(|s| s.parse().ok()).unwrap_or(720);
    let size = Size { width: height * 4 / 3, height };
    let only = std::env::var("ONLY").unwrap_or_default();
    let samples = std::env::var("SAMPLES").ok().and_then(|s| s.parse().ok());
    let mut renderer = Renderer::on(&avatar, size, AdapterChoice::Cpu, samples).unwrap();
    println!("{}, prepared after {:?}", renderer.adapter(), clock.elapsed());
    let out = std::path::PathBuf::from(std::env::var_os("SHEET").expect("SHEET: where to put the pictures"));
    std::fs::create_dir_all(&out).unwrap();
    let mut frame = Frame::new(size);
    for (name, face) in render_support::states().into_iter().filter(|s| s.0.contains(&only)) {
        renderer.draw(&face, &mut frame).unwrap();
        let picture = image::RgbaImage::from_raw(size.width, size.height, frame.rgba.clone()).unwrap();
        image::DynamicImage::from(picture).into_rgb8().save(out.join(format!("{name}.png"))).unwrap();
    }
}

/// The cards, for the eye: `cargo test --release --test render -- --ignored cards`, then look at $SHEET.
#[test]
#[ignore = "draws pictures to look at"]
fn cards() {
    let out = std::path::PathBuf::from(std::env::var_os("SHEET").expect("SHEET: where to put the pictures"));
    std::fs::create_dir_all(&out).unwrap();
    let long = "error loading the avatar in /home/somebody/.local/share/vasa-camera/models/avatars/anna: mesh.safetensors: \
                \"body.uv\" has 12 rows where the part has 3668 vertices; bake the avatar again";
    for (name, title, sentence) in [
        ("off", "Camera off", "VASA Camera is running; nothing is shown until it is switched on."),
        ("error", "No avatar could be loaded", long),
        ("odd", "Kamera aus · Камера 🙂", "Zażółć gęślą jaźń, ñandú, ελληνικά, 日本語"),
    ] {
        for (width, height) in [(1280, 720), (640, 480)] {
            let mut frame = Frame::new(Size { width, height });
            vasa_camera::render::card(Size { width, height }, title, sentence, &mut frame);
            let picture = image::RgbaImage::from_raw(width, height, frame.rgba).unwrap();
            image::DynamicImage::from(picture).into_rgb8().save(out.join(format!("{name}-{width}.png"))).unwrap();
        }
    }
}

/// The mouth while it says a sentence, one picture a phoneme that the lips show, for the eye:
/// `cargo test --release --test render -- --ignored --nocapture lips_of`, then look at $SHEET. $SAY may hold other words; $PHONES,
/// with $WAV, a table of sign, from and to in microseconds, in place of the voice's own.
#[test]
#[ignore = "draws pictures to look at"]
fn lips_of_a_sentence() {
    use vasa_camera::{clock::Moment, config::Paths, motion, sound, speech};
    let out = std::path::PathBuf::from(std::env::var_os("SHEET").expect("SHEET: where to put the pictures"));
    std::fs::create_dir_all(&out).unwrap();
    let paths = Paths::find();
    vasa_camera::assets::runtime(&paths).unwrap();
    let words = std::env::var("SAY").unwrap_or_else(|_| "Bob may buy a very big fan.".into());
    let speech = match std::env::var_os("WAV") {
        Some(wav) => {
            let sound = sound::read(std::path::Path::new(&wav)).unwrap();
            let table = std::fs::read_to_string(std::env::var_os("PHONES").expect("PHONES")).unwrap();
            let phones = table.lines().map(|line| {
                let fields: Vec<&str> = line.split('\t').collect();
                let moment = |i: usize| Moment(fields[i].parse().unwrap());
                speech::Phone { symbol: fields[0].chars().next().unwrap(), from: moment(1), to: moment(2) }
            });
            speech::Speech { samples: sound.samples, rate: sound.rate, phones: phones.collect() }
        }
        None => speech::synthesize(&paths, None, &words, 1.0).unwrap(),
    };
    assert!(!speech.phones.is_empty(), "the voice does not tell its phonemes");
    let mut motion = motion::Motion::new(motion::Lips::open(&paths).unwrap(), 1);
    let heard = sound::resample(&speech.samples, speech.rate, sound::RATE).unwrap();
    let mut curves = vasa_camera::face::Curves::default();
    for (samples, k) in heard.as_chunks::<{ sound::BLOCK }>().0.iter().chain([&[0.0; sound::BLOCK]; 6]).zip(0..) {
        let block = sound::Block { at: Moment(k * 20_000), samples: *samples };
        curves.faces.push(motion.step(&block, &speech.phones));
    }
    let avatar = Avatar::load(&anna().unwrap()).unwrap();
    let mut renderer = renderer(&avatar, Size { width: 960, height: 720 });
    let (mut count, mut before) = (0, Moment(0));
    for phone in speech.phones.iter().filter(|p| p.symbol.is_alphabetic() && !"ˈˌː".contains(p.symbol)) {
        // A closure is best seen just before it is released.
        let at = Moment(if "pbm".contains(phone.symbol) { phone.to.0 - 20_000 } else { (before.0 + phone.to.0) / 2 });
        before = phone.to;
        let face = curves.at(at);
        let w = &face.weights;
        let both = |left: Shape, right: Shape| (w[left] + w[right]) / 2.0;
        println!(
            "{count:02} {} {:5} ms  jaw {:.2} close {:.2} pucker {:.2} funnel {:.2} press {:.2} roll {:.2} upper {:.2} lower {:.2}",
            phone.symbol,
            at.0 / 1000,
            w[Shape::JawOpen],
            w[Shape::MouthClose],
            w[Shape::MouthPucker],
            w[Shape::MouthFunnel],
            both(Shape::MouthPressLeft, Shape::MouthPressRight),
            w[Shape::MouthRollLower],
            both(Shape::MouthUpperUpLeft, Shape::MouthUpperUpRight),
            both(Shape::MouthLowerDownLeft, Shape::MouthLowerDownRight),
        );
        let picture = draw(&mut renderer, &face);
        let picture = image::RgbaImage::from_raw(960, 720, picture.rgba).unwrap();
        let mouth = image::imageops::crop_imm(&picture, 380, 370, 200, 120).to_image();
        image::DynamicImage::from(mouth)
            .into_rgb8()
            .save(out.join(format!("{count:02}-{}.png", phone.symbol)))
            .unwrap();
        count += 1;
    }
}

/// Somebody who composes a text and then is heard, five pictures a second, for the eye:
/// `cargo test --release --test render -- --ignored composing`, then look at $SHEET.
#[test]
#[ignore = "draws pictures to look at"]
fn composing() {
    use vasa_camera::{clock::Moment, motion, sound::Block};
    let out = std::path::PathBuf::from(std::env::var_os("SHEET").expect("SHEET: where to put the pictures"));
    std::fs::create_dir_all(&out).unwrap();
    let seed = std::env::var("SEED").ok().and_then(|s| s.parse().ok()).unwrap_or(1);
    let mut motion = motion::Motion::new(motion::Lips::level(), seed);
    let avatar = Avatar::load(&anna().unwrap()).unwrap();
    let mut renderer = renderer(&avatar, Size { width: 960, height: 720 });
    for k in 0..500 {
        motion.set_composing((50..400).contains(&k));
        let face = motion.step(&Block::silent(Moment(k * 20_000)), &[]);
        if k % 10 == 0 && k >= 30 {
            let picture = image::RgbaImage::from_raw(960, 720, draw(&mut renderer, &face).rgba).unwrap();
            let picture = image::imageops::crop_imm(&picture, 250, 60, 460, 480).to_image();
            image::DynamicImage::from(picture).into_rgb8().save(out.join(format!("{k:03}.png"))).unwrap();
        }
    }
}

/// What is written over the picture, and its label, for the eye: `cargo test --release --test render -- --ignored overlays`, then
/// look at $SHEET. The label and the notice (with the short text only) speak the language of $LANG.
#[test]
#[ignore = "draws pictures to look at"]
fn overlays() {
    use vasa_camera::config::{Corner, LabelSettings, LabelStyle};
    use vasa_camera::identity::Identity;
    use vasa_camera::mark::{Dated, Marker};
    use vasa_camera::{clock::Moment, render::Overlay};
    let out = std::path::PathBuf::from(std::env::var_os("SHEET").expect("SHEET: where to put the pictures"));
    std::fs::create_dir_all(&out).unwrap();
    let avatar = Avatar::load(&anna().unwrap()).unwrap();
    let long = "This is what I have been meaning to say for quite some time: when the voice is slow, the picture has to wait, \
                and when the words are many, only the newest of them can be seen, here at the very end.";
    let texts = [
        ("short", "Yes, I am here. Can you hear me?".to_owned()),
        ("long", long.into()),
        ("word", "Llanfairpwllgwyngyll".repeat(10)),
        ("russian", "Здравствуйте! Я сейчас напечатаю ответ, подождите, пожалуйста, одну минуту.".into()),
        ("nothing", String::new()),
        ("mixed", "Emoji 🙂👍🏽 among words, 你好 too, שלום and Zażółć gęślą jaźń; Ελληνικά, ñandú, Việt Nam.".into()),
    ];
    for (width, height) in [(1280, 720), (640, 480), (640, 360), (1920, 1080)] {
        let size = Size { width, height };
        let mut renderer = renderer(&avatar, size);
        let mut open = face(&[(Shape::JawOpen, 0.8)]);
        open.head.pitch = -8.0;
        for ((name, text), i) in texts.iter().zip(0usize..) {
            let corner = Corner::ALL[i % 4];
            let style = LabelStyle::ALL[i % 3];
            let label = LabelSettings { corner, style };
            let mut marker = Marker::new(size, Identity::from_secret(&[7; 32]), label, Dated::Untold);
            if ["short", "nothing"].contains(name) {
                marker.begin_stream(Moment(0));
            }
            let mut overlay = Overlay::new(size);
            overlay.set_subtitle(Some(text));
            overlay.set_composing(*name != "word");
            let mut frame = draw(&mut renderer, &open);
            overlay.draw(&mut frame.clone(), Moment(0), &[]);
            overlay.draw(&mut frame, Moment(400_000), &marker.taken(Moment(400_000)));
            marker.mark(&mut frame, Moment(400_000));
            let picture = image::RgbaImage::from_raw(width, height, frame.rgba).unwrap();
            image::DynamicImage::from(picture)
                .into_rgb8()
                .save(out.join(format!("{name}-{width}x{height}.png")))
                .unwrap();
        }
    }
}
