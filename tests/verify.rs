//! `vasa verify` as a user has it: the real program on real files, good and bad.

use serde_json::Value;
use std::ffi::OsStr;
use std::io::Write;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

/// Another home for each test that has a key: where none is named there is none.
fn vasa(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vasa"));
    command.env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent/bus");
    command.env("HOME", home).env("XDG_STATE_HOME", home.join("state")).env("XDG_CONFIG_HOME", home.join("config"));
    command.env("LANG", "C");
    command
}

fn verify<S: AsRef<OsStr>>(home: &Path, arguments: impl IntoIterator<Item = S>) -> Output {
    let out = vasa(home).arg("verify").args(arguments).stdin(Stdio::null()).output().expect("vasa starts");
    let text = String::from_utf8_lossy(&out.stderr);
    assert!(!text.contains("panicked"), "{text}");
    out
}

/// The report of each file, and the exit status.
fn reports<S: AsRef<OsStr>>(home: &Path, files: impl IntoIterator<Item = S>) -> (Vec<Value>, i32) {
    let all = ["--json".into()].into_iter().chain(files.into_iter().map(|f| f.as_ref().to_owned()));
    let out = verify(home, all);
    let text = String::from_utf8(out.stdout).expect("JSON is UTF-8");
    let value: Value = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}"));
    (value.as_array().expect("an array").clone(), out.status.code().expect("it ends by itself"))
}

fn report(file: &Path) -> (Value, i32) {
    let (mut all, status) = reports(Path::new("/nonexistent"), [file]);
    assert_eq!(all.len(), 1);
    (all.remove(0), status)
}

fn ffmpeg(arguments: &[&str], to: &Path) -> PathBuf {
    let out = Command::new("ffmpeg").args(["-nostdin", "-v", "error", "-y"]).args(arguments).arg(to).output();
    let out = out.expect("ffmpeg starts");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    to.to_path_buf()
}

/// A clip of nobody: `seconds` of a test picture.
fn unmarked(to: &Path, seconds: &str) -> PathBuf {
    let source = format!("testsrc=size=320x240:rate=15:duration={seconds}");
    ffmpeg(&["-f", "lavfi", "-i", &source, "-c:v", "libx264", "-pix_fmt", "yuv420p", "-movflags", "+faststart"], to)
}

/// A clip that the program made, four seconds of the sheet of faces, and the home of the installation that made it.
fn made() -> &'static (tempfile::TempDir, PathBuf) {
    static MADE: OnceLock<(tempfile::TempDir, PathBuf)> = OnceLock::new();
    MADE.get_or_init(|| {
        let home = tempfile::tempdir().unwrap();
        let clip = home.path().join("made.mp4");
        // The sheet has a face a second; its first rows do.
        let sheet = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/sheet.csv")).unwrap();
        let rows: Vec<_> = sheet.lines().take(6).collect();
        let curves = home.path().join("curves.csv");
        std::fs::write(&curves, rows.join("\n") + "\n").unwrap();
        let out = vasa(home.path())
            .args(["render", "--dated", "--size", "640x360", "--fps", "15", "--curves"])
            .arg(&curves)
            .arg("--out")
            .arg(&clip)
            .output()
            .unwrap();
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        (home, clip)
    })
}

#[test]
fn a_clip_of_this_program_is_told_with_its_payload_and_its_installation() {
    let (home, clip) = made();
    let (all, status) = reports(home.path(), [clip]);
    let report = &all[0];
    assert_eq!((&report["verdict"], status), (&"marked".into(), 0), "{report:#}");
    assert!(report["log10_false_alarm"].as_f64().unwrap() < -6.0, "{report:#}");
    assert_eq!(report["windows"]["looked_at"], report["windows"]["marked"]);
    assert_eq!(report["ranges"].as_array().unwrap().len(), 1);
    let payload = &report["payloads"][0];
    assert_eq!(payload["this_installation"], true, "{report:#}");
    assert_eq!(payload["forged"], false);
    let now = Command::new("date").args(["-u", "+%Y-%m-%d"]).output().unwrap().stdout;
    assert!(payload["first_time"].as_str().unwrap().starts_with(String::from_utf8_lossy(&now).trim()), "{report:#}");
    // The same says so in words.
    let out = verify(home.path(), [clip]);
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    assert!(text.starts_with("Made by this program: ") && text.contains("this one"), "{text}");
    assert_eq!(out.status.code(), Some(0));
}

#[test]
fn another_installation_reads_the_payload_and_is_not_its_maker_and_no_key_is_made_for_it() {
    let (_, clip) = made();
    let stranger = tempfile::tempdir().unwrap();
    let (all, status) = reports(stranger.path(), [clip]);
    assert_eq!((&all[0]["verdict"], status), (&"marked".into(), 0), "{:#}", all[0]);
    assert_eq!(all[0]["payloads"][0]["this_installation"], Value::Null);
    assert_eq!(std::fs::read_dir(stranger.path()).unwrap().count(), 0, "verifying leaves nothing behind");
    let key = stranger.path().join("state/vasa-camera/identity.key");
    std::fs::create_dir_all(key.parent().unwrap()).unwrap();
    std::fs::write(&key, "5".repeat(64)).unwrap();
    let (all, _) = reports(stranger.path(), [clip]);
    assert_eq!(all[0]["payloads"][0]["this_installation"], false, "{:#}", all[0]);
}

#[test]
fn a_marked_still_is_told_by_itself() {
    let (home, clip) = made();
    for name in ["still.png", "still.jpg", "still.webp", "still.bmp"] {
        let quality = if name.ends_with("jpg") { "2" } else { "90" };
        let still = ffmpeg(
            &["-ss", "3.3", "-i", &clip.to_string_lossy(), "-frames:v", "1", "-q:v", quality],
            &home.path().join(name),
        );
        let (all, status) = reports(home.path(), [&still]);
        assert_eq!((&all[0]["verdict"], status), (&"marked".into(), 0), "{:#}", all[0]);
        assert_eq!((&all[0]["kind"], &all[0]["frames"]), (&"image".into(), &1.into()), "{:#}", all[0]);
    }
}

#[test]
fn a_file_that_is_marked_in_part_says_where() {
    let (home, clip) = made();
    let joined = ffmpeg(
        &[
            "-f",
            "lavfi",
            "-i",
            "testsrc=size=640x360:rate=15:duration=6",
            "-i",
            &clip.to_string_lossy(),
            "-filter_complex",
            "[0:v]format=yuv420p,setsar=1[a];[1:v]format=yuv420p,setsar=1[b];[a][b]concat=n=2:v=1",
            "-c:v",
            "libx264",
            "-crf",
            "20",
        ],
        &home.path().join("joined.mp4"),
    );
    let (all, status) = reports(home.path(), [&joined]);
    assert_eq!((&all[0]["verdict"], status), (&"partly".into(), 1), "{:#}", all[0]);
    let range = &all[0]["ranges"][0];
    assert!((5.9..6.1).contains(&range["from_seconds"].as_f64().unwrap()), "{:#}", all[0]);
    assert_eq!(range["from_frame"], 90, "{:#}", all[0]);
}

#[test]
fn a_video_of_something_else_is_not_marked() {
    let dir = tempfile::tempdir().unwrap();
    let clip = unmarked(&dir.path().join("other.mp4"), "5");
    let (report, status) = report(&clip);
    assert_eq!((&report["verdict"], status), (&"not marked".into(), 1), "{report:#}");
    assert_eq!((&report["frames"], &report["width"], &report["height"]), (&75.into(), &320.into(), &240.into()));
    assert_eq!((&report["windows"]["looked_at"], &report["seconds"]), (&3.into(), &5.0.into()), "{report:#}");
    assert_eq!((&report["payloads"], &report["place"]), (&Value::Array(Vec::new()), &Value::Null), "{report:#}");
    let out = verify(dir.path(), [&clip]);
    let text = String::from_utf8_lossy(&out.stdout);
    assert!(text.starts_with("Not marked: ") && text.contains("no proof"), "{text}");
}

#[test]
fn pictures_and_animations_of_every_kind_are_read() {
    let dir = tempfile::tempdir().unwrap();
    let source = ["-f", "lavfi", "-i", "testsrc=size=320x200:rate=10:duration=1"];
    for (name, arguments, kind, frames) in [
        ("a.gif", &[][..], "video", 10),
        ("a.webp", &["-c:v", "libwebp_anim"], "video", 10),
        ("a.apng", &["-f", "apng"], "video", 10),
        ("s.png", &["-frames:v", "1"], "image", 1),
        ("s.jpg", &["-frames:v", "1"], "image", 1),
        ("s.webp", &["-frames:v", "1", "-c:v", "libwebp"], "image", 1),
        ("s.bmp", &["-frames:v", "1"], "image", 1),
        ("s.tiff", &["-frames:v", "1"], "image", 1),
        ("v.webm", &["-c:v", "libvpx"], "video", 10),
        ("v.avi", &["-c:v", "mjpeg"], "video", 10),
        ("v.ts", &["-c:v", "mpeg2video"], "video", 10),
        ("v.y4m", &["-pix_fmt", "yuv420p"], "video", 10),
    ] {
        let file = ffmpeg(&[&source[..], arguments].concat(), &dir.path().join(name));
        let (report, status) = report(&file);
        assert_eq!((&report["verdict"], status), (&"not marked".into(), 1), "{report:#}");
        assert_eq!((&report["kind"], &report["frames"]), (&kind.into(), &frames.into()), "{report:#}");
        assert_eq!((&report["width"], &report["height"]), (&320.into(), &200.into()), "{report:#}");
    }
}

#[test]
fn odd_sizes_turned_pictures_changing_sizes_and_rates_are_read() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    let odd = ffmpeg(
        &["-f", "lavfi", "-i", "testsrc=size=321x181:rate=10:duration=1", "-c:v", "ffv1", "-pix_fmt", "yuv444p"],
        &path("odd.mkv"),
    );
    let (seen, _) = report(&odd);
    assert_eq!((&seen["width"], &seen["height"]), (&321.into(), &181.into()), "{seen:#}");

    let plain = unmarked(&path("plain.mp4"), "1");
    let plain_name = plain.to_string_lossy().into_owned();
    let turned = ffmpeg(&["-i", &plain_name, "-c", "copy", "-metadata:s:v:0", "rotate=90"], &path("turned.mp4"));
    let (seen, _) = report(&turned);
    assert_eq!((&seen["width"], &seen["height"]), (&240.into(), &320.into()), "{seen:#}");

    // Two streams of different sizes, one behind the other, as in a call whose window grows.
    let large = ffmpeg(
        &["-f", "lavfi", "-i", "testsrc=size=640x480:rate=15:duration=1", "-c:v", "mpeg2video", "-f", "mpegts"],
        &path("large.ts"),
    );
    let small = ffmpeg(
        &["-f", "lavfi", "-i", "testsrc=size=320x240:rate=15:duration=1", "-c:v", "mpeg2video", "-f", "mpegts"],
        &path("small.ts"),
    );
    let both = path("both.ts");
    std::fs::write(&both, [std::fs::read(&small).unwrap(), std::fs::read(&large).unwrap()].concat()).unwrap();
    let (seen, _) = report(&both);
    assert_eq!((&seen["width"], &seen["height"]), (&320.into(), &240.into()), "{seen:#}");
    assert!(seen["frames"].as_u64().unwrap() >= 28, "{seen:#}");

    // A frame every half a second at first, then thirty a second: windows go by time.
    let uneven = ffmpeg(
        &[
            "-f",
            "lavfi",
            "-i",
            "testsrc=size=320x240:rate=30:duration=8",
            "-vf",
            "select='gt(t,4)+not(mod(n,15))'",
            "-fps_mode",
            "vfr",
            "-c:v",
            "libx264",
        ],
        &path("uneven.mkv"),
    );
    let (seen, _) = report(&uneven);
    assert_eq!(seen["windows"]["looked_at"], 4, "{seen:#}");
    assert!((7.9..8.1).contains(&seen["seconds"].as_f64().unwrap()), "{seen:#}");
}

/// A name and what is to be said about it.
type Bad = (PathBuf, &'static str);

/// Files that are no pictures, each with what its sentence must hold.
fn bad(dir: &Path) -> Vec<Bad> {
    let path = |name: &str| dir.join(name);
    let write = |name: &str, bytes: &[u8]| {
        std::fs::write(path(name), bytes).unwrap();
        path(name)
    };
    let sound = ffmpeg(&["-f", "lavfi", "-i", "sine=duration=1"], &path("sound.mp3"));
    let wav = ffmpeg(&["-f", "lavfi", "-i", "sine=duration=1"], &path("sound.wav"));
    let jpg = ffmpeg(&["-f", "lavfi", "-i", "testsrc=size=300x300:duration=0.1", "-frames:v", "1"], &path("cover.jpg"));
    // A cover is no film.
    let cover = ffmpeg(
        &[
            "-i",
            &sound.to_string_lossy(),
            "-i",
            &jpg.to_string_lossy(),
            "-map",
            "0",
            "-map",
            "1",
            "-c",
            "copy",
            "-disposition:v",
            "attached_pic",
        ],
        &path("cover.mp3"),
    );
    let png = ffmpeg(&["-f", "lavfi", "-i", "testsrc=size=400x300:duration=0.1", "-frames:v", "1"], &path("whole.png"));
    let png = std::fs::read(png).unwrap();
    let clip = ffmpeg(
        &["-f", "lavfi", "-i", "testsrc=size=320x240:rate=15:duration=3", "-c:v", "libx264", "-g", "300"],
        &path("whole.mp4"),
    );
    let moov_last = std::fs::read(&clip).unwrap();
    let noise = (0..50_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect::<Vec<_>>();
    let mut huge = png.clone();
    // IHDR with 100,000 x 100,000 pixels, its checksum not minded by anybody who refuses before it decodes.
    huge[16..24].copy_from_slice(&[0, 1, 0x86, 0xa0, 0, 1, 0x86, 0xa0]);
    let crc = png_crc(&huge[12..29]);
    huge[29..33].copy_from_slice(&crc.to_be_bytes());
    let fifo = path("pipe");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let tiny = ffmpeg(&["-f", "lavfi", "-i", "testsrc=size=32x32:duration=0.1", "-frames:v", "1"], &path("tiny.png"));
    let heap = path("heap.png");
    write("heap.png", &png);
    std::fs::OpenOptions::new().write(true).open(&heap).unwrap().set_len(5 << 30).unwrap();
    vec![
        (path("missing.mp4"), "no such file"),
        (dir.to_path_buf(), "folder"),
        (fifo, "pipe"),
        ("/dev/zero".into(), "device"),
        (write("empty.mp4", b""), "empty"),
        (write("letter.txt", "Dear all,\nGrüße\n".as_bytes()), "text file"),
        (write("list.m3u8", b"#EXTM3U\n#EXTINF:1,\n/etc/hostname\n"), "text file"),
        (write("noise.bin", &noise), "neither a picture nor a video"),
        (sound, "audio file without pictures"),
        (wav, "audio file without pictures"),
        (cover, "audio file without pictures"),
        (write("cut.png", &png[..png.len() / 2]), "truncated"),
        (write("cut.mp4", &moov_last[..moov_last.len() / 2]), "truncated"),
        (no_key_frame(&clip, &path("keyless.mp4")), "no key frame"),
        (write("huge.png", &huge), "64 megapixels"),
        (heap, "256 MiB"),
        (tiny, "32x32"),
    ]
}

/// Checksum of a PNG chunk (ISO 15948, annex D).
fn png_crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |c, _| c >> 1 ^ if c & 1 == 1 { 0xedb8_8320 } else { 0 })
    })
}

/// A video whose only key frame was taken out.
fn no_key_frame(clip: &Path, to: &Path) -> PathBuf {
    let clip = clip.to_string_lossy();
    ffmpeg(&["-i", &clip, "-c", "copy", "-copyinkf", "-bsf:v", "noise=drop='eq(key,1)'", "-f", "mp4"], to)
}

#[test]
fn bad_input_gets_a_sentence_and_status_2() {
    let dir = tempfile::tempdir().unwrap();
    let all = bad(dir.path());
    let (reports, status) = reports(dir.path(), all.iter().map(|(path, _)| path));
    assert_eq!((reports.len(), status), (all.len(), 2));
    for (report, (path, part)) in reports.iter().zip(&all) {
        assert_eq!(report["verdict"], "unreadable", "{}: {report:#}", path.display());
        let reason = report["reason"].as_str().unwrap();
        assert!(reason.contains(part) && !reason.contains('\n'), "{}: {reason}", path.display());
        assert_eq!(report["file"].as_str(), path.to_str());
        println!("{}: {reason}", path.file_name().unwrap_or_default().display());
    }
    // The same in words, and one bad file among good ones is enough.
    let good = unmarked(&dir.path().join("good.mp4"), "1");
    let out = verify(dir.path(), [&good, &all[0].0]);
    assert_eq!(out.status.code(), Some(2));
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    assert!(
        text.starts_with("Not marked: ") && text.contains("\nUnreadable: ") && text.contains("no such file"),
        "{text}"
    );
    // Wrong usage is 2 as well.
    assert_eq!(verify(dir.path(), [] as [&str; 0]).status.code(), Some(2));
}

#[test]
fn a_file_that_may_not_be_read_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("secret.png");
    std::fs::write(&file, b"\x89PNG").unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o000)).unwrap();
    if std::fs::File::open(&file).is_ok() {
        // root may read everything: another user asks.
        std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let program = dir.path().join("vasa");
        std::fs::copy(env!("CARGO_BIN_EXE_vasa"), &program).unwrap();
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(&program);
        let out = command.args(["verify", "--json"]).arg(&file).output().unwrap();
        let text = String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr);
        assert!(text.contains("no permission to read it"), "{text}");
        assert_eq!(out.status.code(), Some(2));
        return;
    }
    let (report, status) = report(&file);
    assert_eq!(status, 2);
    assert!(report["reason"].as_str().unwrap().contains("no permission to read it"), "{report:#}");
}

#[test]
fn what_can_be_read_of_a_truncated_video_is_judged_and_the_rest_is_remarked() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["cut.mp4", "cut.mkv", "cut.jpg"] {
        let path = dir.path().join(name);
        if name.ends_with("jpg") {
            ffmpeg(&["-f", "lavfi", "-i", "testsrc=size=640x480:duration=0.1", "-frames:v", "1"], &path);
        } else {
            unmarked(&path, "8");
        }
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() * 3 / 5]).unwrap();
        let (report, status) = report(&path);
        assert_eq!((&report["verdict"], status), (&"not marked".into(), 1), "{report:#}");
        assert_eq!(report["truncated"], true, "{report:#}");
        assert!(report["remarks"][0].as_str().unwrap().contains("truncated"), "{report:#}");
        assert!(name.ends_with("jpg") || report["frames"].as_u64().unwrap() < 115, "{report:#}");
    }
    let whole = unmarked(&dir.path().join("whole.mp4"), "8");
    assert_eq!(report(&whole).0["truncated"], false);
}

#[test]
fn names_that_look_like_options_protocols_patterns_or_terminal_commands_are_names() {
    let dir = tempfile::tempdir().unwrap();
    let clip = std::fs::read(unmarked(&dir.path().join("plain.mp4"), "1")).unwrap();
    let names = ["./-i", "http:x.mp4", "concat:a|b", "pipe:0", "a%d.mp4", "\x1b[31m\nred.mp4", "data:,x", "näme .mp4"];
    for name in names {
        std::fs::write(dir.path().join(name), &clip).unwrap();
    }
    std::fs::write(dir.path().join("raw"), &clip).unwrap();
    let run = |json: bool| {
        let mut command = vasa(dir.path());
        command.current_dir(dir.path()).arg("verify").args(json.then_some("--json")).args(names);
        command.output().unwrap()
    };
    let all: Vec<Value> = serde_json::from_slice(&run(true).stdout).unwrap();
    for (report, name) in all.iter().zip(names) {
        assert_eq!((&report["file"], &report["verdict"]), (&name.into(), &"not marked".into()), "{report:#}");
    }
    let text = String::from_utf8_lossy(&run(false).stdout).into_owned();
    assert!(!text.contains('\x1b') && text.matches("Not marked: ").count() == names.len(), "{text}");
}

#[test]
fn many_files_come_one_after_the_other_as_one_array() {
    let dir = tempfile::tempdir().unwrap();
    let picture = ffmpeg(
        &["-f", "lavfi", "-i", "testsrc=size=64x64:duration=0.1", "-frames:v", "1"],
        &dir.path().join("picture.png"),
    );
    let files: Vec<PathBuf> = (0..200)
        .map(|n| {
            let path = dir.path().join(format!("{n}.png"));
            std::fs::copy(&picture, &path).unwrap();
            path
        })
        .collect();
    let (all, status) = reports(dir.path(), &files);
    assert_eq!((all.len(), status), (200, 1));
    assert!(all.iter().zip(&files).all(|(r, f)| r["file"].as_str() == f.to_str() && r["verdict"] == "not marked"));
    // Results are told as they come: the first one while the second, a pipe that nobody feeds, would still be waited for, and
    // here long before the end of a long list.
    let mut child =
        vasa(dir.path()).arg("verify").args(&files).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut first = [0; 12];
    std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut first).unwrap();
    assert_eq!(&first, b"Not marked: ");
    drop(child.stdout.take());
    // Nobody reads on: no complaint, no panic, and the status still tells.
    assert_eq!(child.wait().unwrap().code(), Some(1));
}

/// Runs it on `file`, and gives its report and the most memory that it had resident, in MiB.
fn measured(file: &Path) -> (Value, i32, u64) {
    let mut child = vasa(Path::new("/nonexistent"))
        .args(["verify", "--json", "--quick"])
        .arg(file)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let status_file = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    let status = loop {
        // The kernel keeps the peak itself; the last look before the end has nearly all of it.
        let text = std::fs::read_to_string(&status_file).unwrap_or_default();
        let line = text.lines().find_map(|l| l.strip_prefix("VmHWM:")).unwrap_or_default();
        peak = peak.max(line.trim().trim_end_matches(" kB").parse::<u64>().unwrap_or(0) / 1024);
        match child.try_wait().unwrap() {
            Some(status) => break status,
            None => std::thread::sleep(Duration::from_millis(10)),
        }
    };
    let mut text = String::new();
    std::io::Read::read_to_string(&mut child.stdout.take().unwrap(), &mut text).unwrap();
    let all: Value = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}"));
    (all[0].clone(), status.code().unwrap(), peak)
}

/// A film of more than 4 GB, frame by frame: its frames are holes in the file, which the disk does not keep.
fn large_film(path: &Path) -> u64 {
    let mut file = std::fs::File::create(path).unwrap();
    let head = b"YUV4MPEG2 W1920 H1080 F30:1 Ip A1:1 C420\n";
    file.write_all(head).unwrap();
    let (frame, count) = (6 + 1920 * 1080 * 3 / 2, 1400u64);
    for n in 0..count {
        file.write_all_at(b"FRAME\n", head.len() as u64 + n * frame).unwrap();
    }
    file.set_len(head.len() as u64 + count * frame).unwrap();
    count
}

#[test]
fn four_gigabytes_are_streamed_in_bounded_memory() {
    let dir = tempfile::tempdir().unwrap();
    let small = unmarked(&dir.path().join("small.mp4"), "5");
    let (_, _, least) = measured(&small);
    let film = dir.path().join("film.y4m");
    let count = large_film(&film);
    assert!(std::fs::metadata(&film).unwrap().len() > 4 << 30);
    let (report, status, peak) = measured(&film);
    println!("{peak} MiB at most for a film of 4 GiB, {least} MiB for a small one");
    assert_eq!((&report["verdict"], status), (&"not marked".into(), 1), "{report:#}");
    assert_eq!((&report["frames"], &report["width"]), (&count.into(), &1920.into()), "{report:#}");
    assert!(peak < 400, "{peak} MiB");

    // Four gigabytes of nothing behind a real video.
    let padded = dir.path().join("padded.mp4");
    std::fs::copy(&small, &padded).unwrap();
    std::fs::OpenOptions::new().write(true).open(&padded).unwrap().set_len(4 << 30).unwrap();
    let (report, status, peak) = measured(&padded);
    assert_eq!((&report["verdict"], &report["frames"], status), (&"not marked".into(), &75.into(), 1), "{report:#}");
    assert!(peak < 400, "{peak} MiB");
}

#[test]
fn without_ffmpeg_pictures_are_still_read_and_videos_say_what_is_missing() {
    let dir = tempfile::tempdir().unwrap();
    let clip = unmarked(&dir.path().join("a.mp4"), "1");
    let picture =
        ffmpeg(&["-f", "lavfi", "-i", "testsrc=size=64x64:duration=0.1", "-frames:v", "1"], &dir.path().join("a.png"));
    let out = vasa(dir.path()).env("PATH", dir.path()).args(["verify", "--json"]).arg(&clip).arg(&picture).output();
    let out = out.unwrap();
    let all: Value = serde_json::from_slice(&out.stdout).unwrap();
    assert!(all[0]["reason"].as_str().unwrap().contains("install the package ffmpeg"), "{all:#}");
    assert_eq!(all[1]["verdict"], "not marked");
    assert_eq!(out.status.code(), Some(2));
}
