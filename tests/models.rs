//! The models, really installed: fetched, placed, verified, refused where their bytes differ, and loaded.

mod common;
#[allow(dead_code)]
#[path = "../src/assets/tflite/tiny.rs"]
mod tiny;

use common::{installed, models, models_in, root, vasa};
use sha2::{Digest, Sha256};
use std::cell::RefCell;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use vasa_camera::assets::{self, Installer, Manifest, Progress, State};

/// A manifest of one file whose bytes are "fine".
fn small_manifest() -> Manifest {
    let hash: String = Sha256::digest(b"fine").iter().map(|b| format!("{b:02x}")).collect();
    Manifest::parse(&format!(
        "[[model]]\nname='small'\nkind='voice'\nlabel='x'\nlicence='MIT'\nattribution='x'\n[[model.file]]\npath='voices/small.onnx'\n\
         size=4\nsha256='{hash}'\n[[model.file.source]]\npypi='none==1'\ninside='a/original-name.onnx'\n"
    ))
    .unwrap()
}

/// Every file and folder below `folder`, hidden ones too.
fn everything(folder: &Path) -> Vec<String> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        all.push(entry.file_name().to_string_lossy().into_owned());
        all.extend(everything(&entry.path()));
    }
    all.sort();
    all
}

#[test]
fn every_model_of_the_manifest_installs_and_a_second_run_changes_nothing() {
    let paths = models();
    for file in Manifest::shipped().iter().filter(|m| !m.optional).flat_map(|m| m.files()) {
        assert_eq!(assets::state(paths, file).unwrap(), State::Installed, "{}", file.path.display());
    }
    let mut lines = Vec::new();
    Installer::new(paths, Manifest::shipped()).install(&[], &mut |line| lines.push(line.to_owned())).unwrap();
    assert!(!lines.is_empty() && lines.iter().all(|l| l.ends_with(": installed")), "{lines:?}");
}

#[test]
fn the_runtime_loads_once_and_gives_session_builders() {
    let paths = models();
    assets::builder(paths, 2).unwrap();
    assets::builder(paths, 1).unwrap();
}

#[test]
fn files_come_from_a_folder_by_the_name_at_their_source() {
    let (folder, models) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (paths, manifest) = (models_in(models.path()), small_manifest());
    fs::write(folder.path().join("original-name.onnx"), "fine").unwrap();
    Installer::new(&paths, &manifest).from_folder(Some(folder.path().into())).install(&[], &mut |_| ()).unwrap();
    assert_eq!(fs::read(models.path().join("voices/small.onnx")).unwrap(), b"fine");
    assert_eq!(everything(models.path()), ["small.onnx", "voices"]);
}

#[test]
fn a_file_in_parts_is_put_together_and_an_optional_model_comes_only_when_named() {
    let hash: String = Sha256::digest(b"fine").iter().map(|b| format!("{b:02x}")).collect();
    let manifest = Manifest::parse(&format!(
        "[[model]]\nname='small'\nkind='voice'\nlabel='x'\nlicence='MIT'\nattribution='x'\noptional=true\n[[model.file]]\n\
         path='small.bin'\nsize=4\nsha256='{hash}'\n[[model.file.source]]\n\
         parts=[{{pypi='a==1',inside='one/part.bin'}},{{pypi='b==1',inside='two/part.bin'}}]\n"
    ))
    .unwrap();
    let (folder, models) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let paths = models_in(models.path());
    let installer = Installer::new(&paths, &manifest).from_folder(Some(folder.path().into()));
    installer.install(&[], &mut |_| ()).unwrap();
    assert!(everything(models.path()).is_empty());
    // One name for two parts: which is which cannot be known.
    fs::write(folder.path().join("part.bin"), "fi").unwrap();
    assert!(installer.install(&["small".into()], &mut |_| ()).is_err());
    for (part, bytes) in [("one", "fi"), ("two", "ne")] {
        fs::create_dir(folder.path().join(part)).unwrap();
        fs::write(folder.path().join(part).join("part.bin"), bytes).unwrap();
    }
    installer.install(&["small".into()], &mut |_| ()).unwrap();
    assert_eq!(fs::read(models.path().join("small.bin")).unwrap(), b"fine");
    assert_eq!(everything(models.path()), ["small.bin"]);
}

#[test]
fn a_tensorflow_lite_network_is_converted_when_it_is_installed() {
    let manifest = Manifest::parse(
        "[[model]]\nname='small'\nkind='network'\nlabel='x'\nlicence='MIT'\nattribution='x'\n[[model.file]]\npath='small.onnx'\n\
         size=622\nsha256='a075bcbaf524f6638d410670993769e9d64f10c3225a877cb2e76164fc54cc9b'\n[[model.file.source]]\n\
         tflite={pypi='a==1',inside='one/small.tflite'}\n",
    )
    .unwrap();
    let (folder, models) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let paths = models_in(models.path());
    let install =
        || Installer::new(&paths, &manifest).from_folder(Some(folder.path().into())).install(&[], &mut |_| ());
    let e = format!("{:#}", install().unwrap_err());
    assert!(e.contains("has no file small.onnx (or one/small.tflite, small.tflite)"), "{e}");
    fs::write(folder.path().join("small.tflite"), &tiny::network()[..400]).unwrap();
    let e = format!("{:#}", install().unwrap_err());
    assert!(e.contains("no network that can be converted"), "{e}");
    // The same to the bit on every machine.
    fs::write(folder.path().join("small.tflite"), tiny::network()).unwrap();
    install().unwrap();
    assert_eq!(everything(models.path()), ["small.onnx"]);
}

#[test]
fn a_file_of_other_bytes_is_refused_with_both_hashes_and_leaves_nothing_behind() {
    let (folder, models) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (paths, manifest) = (models_in(models.path()), small_manifest());
    fs::write(folder.path().join("small.onnx"), "evil").unwrap();
    let e = Installer::new(&paths, &manifest)
        .from_folder(Some(folder.path().into()))
        .install(&[], &mut |_| ())
        .unwrap_err();
    let (e, file) = (format!("{e:#}"), manifest.model("small").unwrap().files().next().unwrap());
    let evil: String = Sha256::digest(b"evil").iter().map(|b| format!("{b:02x}")).collect();
    assert!(e.contains("small.onnx") && e.contains(&evil) && e.contains(&file.sha256), "{e}");
    assert!(everything(models.path()).is_empty(), "{:?}", everything(models.path()));
}

#[test]
fn a_source_that_cannot_be_had_leaves_what_was_installed_as_it_was() {
    let (folder, models) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (paths, manifest) = (models_in(models.path()), small_manifest());
    fs::create_dir(models.path().join("voices")).unwrap();
    fs::write(models.path().join("voices/small.onnx"), "half").unwrap();
    let e = Installer::new(&paths, &manifest)
        .from_folder(Some(folder.path().into()))
        .install(&[], &mut |_| ())
        .unwrap_err();
    assert!(format!("{e:#}").contains("has no file small.onnx"), "{e:#}");
    assert_eq!(fs::read(models.path().join("voices/small.onnx")).unwrap(), b"half");
    let e = Installer::new(&paths, &manifest).install(&["bob".into()], &mut |_| ()).unwrap_err();
    assert!(e.to_string().contains("\"bob\"") && e.to_string().contains("small"), "{e}");
}

#[test]
fn a_model_whose_bytes_differ_from_the_manifest_does_not_run() {
    let models = tempfile::tempdir().unwrap();
    let paths = models_in(models.path());
    let voice = models.path().join("voices/joe.onnx");
    fs::create_dir(models.path().join("voices")).unwrap();
    fs::write(&voice, "evil").unwrap();
    let e = assets::read_checked(&paths, &voice).unwrap_err().to_string();
    assert!(e.contains("joe.onnx") && e.contains("SHA-256") && e.contains("vasa models install joe"), "{e}");
}

/// What a server of one file does with a request: sends this much of these bytes, from where it is asked to begin, and hangs up.
type Answer = (Vec<u8>, usize);

/// A server of one file on this machine; answers the requests one by one, the last answer for ever.
struct Server {
    address: String,
    /// Where each request asked to begin.
    asked: Arc<Mutex<Vec<usize>>>,
}

impl Server {
    fn start(answers: Vec<Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/file.bin", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let told = asked.clone();
        std::thread::spawn(move || {
            for (i, client) in listener.incoming().map_while(Result::ok).enumerate() {
                let mut lines = BufReader::new(&client).lines().map_while(Result::ok).take_while(|l| !l.is_empty());
                let range =
                    lines.by_ref().find_map(|l| l.to_lowercase().strip_prefix("range: bytes=").map(str::to_owned));
                let begin = range.and_then(|r| r.trim_end_matches('-').parse().ok());
                lines.for_each(drop);
                let from = begin.unwrap_or(0);
                told.lock().unwrap().push(from);
                let (bytes, much) = &answers[i.min(answers.len() - 1)];
                let head = if from == 0 {
                    format!("200 OK\r\nContent-Length: {}", bytes.len())
                } else {
                    let range = format!("{from}-{}/{}", bytes.len() - 1, bytes.len());
                    format!(
                        "206 Partial Content\r\nContent-Length: {}\r\nContent-Range: bytes {range}",
                        bytes.len() - from
                    )
                };
                let mut out = &client;
                let _ = write!(out, "HTTP/1.1 {head}\r\nConnection: close\r\n\r\n");
                let _ = out.write_all(&bytes[from..(from + much).min(bytes.len())]);
            }
        });
        Self { address, asked }
    }

    fn asked(&self) -> Vec<usize> {
        self.asked.lock().unwrap().clone()
    }
}

/// A manifest of one file of these bytes, at this address.
fn manifest_at(address: &str, bytes: &[u8]) -> Manifest {
    let hash: String = Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect();
    Manifest::parse(&format!(
        "[[model]]\nname='big'\nkind='voice'\nlabel='x'\nlicence='CC0-1.0'\nattribution='Somebody'\n[[model.file]]\npath='voices/big.bin'\n\
         size={}\nsha256='{hash}'\n[[model.file.source]]\nurl='{address}'\n",
        bytes.len()
    ))
    .unwrap()
}

fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed;
    std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 56) as u8
    })
    .take(length)
    .collect()
}

const SIZE: usize = 400_000;

#[test]
fn a_download_that_breaks_off_goes_on_where_it_stopped() {
    if !installed(&["curl"]) {
        return;
    }
    let bytes = noise(1, SIZE);
    let server = Server::start(vec![(bytes.clone(), SIZE / 3), (bytes.clone(), SIZE / 3), (bytes.clone(), SIZE)]);
    let (manifest, models) = (manifest_at(&server.address, &bytes), tempfile::tempdir().unwrap());
    let paths = models_in(models.path());
    let (mut lines, seen) = (Vec::new(), RefCell::new(Vec::new()));
    let watch = |p: Progress<'_>| match p {
        Progress::Begin(label, bytes) => seen.borrow_mut().push(format!("{label} {bytes}")),
        Progress::At(_) => (),
        Progress::End => seen.borrow_mut().push("end".into()),
    };
    Installer::new(&paths, &manifest).watched(&watch).install(&[], &mut |l| lines.push(l.to_owned())).unwrap();
    assert_eq!(fs::read(models.path().join("voices/big.bin")).unwrap(), bytes);
    let asked = server.asked();
    assert!(asked.len() == 3 && asked[0] == 0 && asked[1] > 0 && asked[2] > asked[1], "{asked:?}");
    assert!(lines[0].contains("licence CC0-1.0, Somebody"), "{lines:?}");
    assert_eq!(seen.into_inner(), [format!("big voices/big.bin {SIZE}"), "end".into()]);
    assert_eq!(everything(models.path()), ["big.bin", "voices"]);
}

#[test]
fn a_later_run_goes_on_from_what_an_earlier_one_left() {
    if !installed(&["curl"]) {
        return;
    }
    let bytes = noise(2, SIZE);
    // The second request gets nothing: the network is gone.
    let server = Server::start(vec![(bytes.clone(), SIZE / 2), (bytes.clone(), 0), (bytes.clone(), SIZE)]);
    let (manifest, models) = (manifest_at(&server.address, &bytes), tempfile::tempdir().unwrap());
    let paths = models_in(models.path());
    let e = Installer::new(&paths, &manifest).install(&[], &mut |_| ()).unwrap_err();
    assert!(format!("{e:#}").contains("goes on where it stopped"), "{e:#}");
    assert!(!models.path().join("voices/big.bin").exists() && models.path().join(".fetch").is_dir());
    // What a killed run leaves beside it goes.
    fs::write(models.path().join(".fetch/file-7"), "half").unwrap();
    Installer::new(&paths, &manifest).install(&[], &mut |_| ()).unwrap();
    assert_eq!(fs::read(models.path().join("voices/big.bin")).unwrap(), bytes);
    let asked = server.asked();
    assert!(asked.len() == 3 && asked[2] > 0, "{asked:?}");
    assert_eq!(everything(models.path()), ["big.bin", "voices"]);
}

#[test]
fn a_beginning_of_other_bytes_is_thrown_away_and_the_file_fetched_whole() {
    if !installed(&["curl"]) {
        return;
    }
    let (bytes, other) = (noise(3, SIZE), noise(4, SIZE));
    let server = Server::start(vec![(other.clone(), SIZE / 2), (bytes.clone(), SIZE)]);
    let (manifest, models) = (manifest_at(&server.address, &bytes), tempfile::tempdir().unwrap());
    let paths = models_in(models.path());
    Installer::new(&paths, &manifest).install(&[], &mut |_| ()).unwrap();
    assert_eq!(fs::read(models.path().join("voices/big.bin")).unwrap(), bytes);
    let asked = server.asked();
    assert!(asked.len() == 3 && asked[1] > 0 && asked[2] == 0, "{asked:?}");
    // A server of wrong bytes is not asked for ever.
    let server = Server::start(vec![(other, SIZE)]);
    let (manifest, models) = (manifest_at(&server.address, &bytes), tempfile::tempdir().unwrap());
    let e = Installer::new(&models_in(models.path()), &manifest).install(&[], &mut |_| ()).unwrap_err();
    assert!(format!("{e:#}").contains("take the file from another place") && server.asked() == [0], "{e:#}");
    assert!(everything(models.path()).is_empty(), "{:?}", everything(models.path()));
}

#[test]
fn where_there_is_no_space_nothing_is_fetched_and_the_sentence_says_how_much_is_needed() {
    let hash = "0".repeat(64);
    let manifest = Manifest::parse(&format!(
        "[[model]]\nname='huge'\nkind='voice'\nlabel='x'\nlicence='MIT'\nattribution='x'\n[[model.file]]\npath='huge.bin'\n\
         size={}\nsha256='{hash}'\n[[model.file.source]]\nurl='https://127.0.0.1:1/huge.bin'\n",
        1_u64 << 60
    ))
    .unwrap();
    let models = tempfile::tempdir().unwrap();
    let e = Installer::new(&models_in(models.path()), &manifest).install(&[], &mut |_| ()).unwrap_err();
    let e = format!("{e:#}");
    assert!(e.contains("huge.bin needs 2305843009230 MB") && e.contains("free some space"), "{e}");
    assert!(everything(models.path()).is_empty());
}

#[test]
fn two_installations_into_one_folder_take_turns() {
    if !installed(&["curl"]) {
        return;
    }
    let bytes = noise(5, SIZE);
    let server = Server::start(vec![(bytes.clone(), SIZE)]);
    let (manifest, models) = (manifest_at(&server.address, &bytes), tempfile::tempdir().unwrap());
    let paths = models_in(models.path());
    std::thread::scope(|scope| {
        let install = || Installer::new(&paths, &manifest).install(&[], &mut |_| ());
        let all: Vec<_> = (0..4).map(|_| scope.spawn(install)).collect();
        all.into_iter().for_each(|t| t.join().unwrap().unwrap());
    });
    assert_eq!(everything(models.path()), ["big.bin", "voices"]);
}

/// `vasa models` with these models, offline.
fn run(folder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(vasa());
    command.arg("models").args(args).env("VASA_MODELS_DIR", folder).stdin(Stdio::null());
    // A network is used by nothing in here.
    command.env("https_proxy", "http://127.0.0.1:1").env("PIP_INDEX_URL", "http://127.0.0.1:1").output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn models_are_installed_from_a_folder_listed_verified_and_removed_without_a_network() {
    let installed_ones = models().models.clone();
    let (from, models) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for name in ["joe.onnx", "joe.onnx.json"] {
        fs::copy(installed_ones.join("voices").join(name), from.path().join(name)).unwrap();
    }
    let folder = from.path().to_str().unwrap();
    let out = run(models.path(), &["install", "joe", "--from", folder, "--json"]);
    let (shown, told) = (text(&out.stdout), text(&out.stderr));
    assert!(out.status.success(), "{told}");
    let list: serde_json::Value = serde_json::from_str(&shown).unwrap_or_else(|e| panic!("{e}: {shown}"));
    assert!(
        list.as_array().unwrap().len() == 1 && list[0]["installed"] == true && list[0]["licence"] == "CC0-1.0",
        "{list}"
    );
    assert!(told.contains("joe: licence CC0-1.0") && !told.contains('\x1b'), "{told}");

    let list = run(models.path(), &["list"]);
    assert!(
        text(&list.stdout).contains("joe (installed)") && text(&list.stdout).contains("onnxruntime (not installed)")
    );

    // A folder that lacks a file is told by the names under which it would have been taken.
    let out = run(models.path(), &["install", "onnxruntime", "--from", folder]);
    let told = text(&out.stderr);
    assert!(out.status.code() == Some(1) && told.contains("has no file libonnxruntime.so (or "), "{told}");
    let out = run(models.path(), &["install", "--from", "/nonexistent"]);
    assert!(out.status.code() == Some(1) && text(&out.stderr).contains("/nonexistent"));

    // One byte is another.
    let voice = models.path().join("voices/joe.onnx");
    let verify = |args: &[&str]| run(models.path(), &[&["verify"], args].concat());
    assert!(verify(&[]).status.success());
    let mut bytes = fs::read(&voice).unwrap();
    bytes[1000] ^= 1;
    fs::write(&voice, &bytes).unwrap();
    let out = verify(&[]);
    let told = text(&out.stderr);
    assert!(out.status.code() == Some(1) && told.contains("run vasa models install joe"), "{told}");
    let out = verify(&["--json"]);
    let report: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    let files = report["files"].as_array().unwrap();
    let damaged: Vec<_> = files.iter().filter(|f| f["state"] == "damaged").collect();
    assert!(out.status.code() == Some(1) && report["intact"] == false && damaged.len() == 1, "{report:#}");
    assert!(damaged[0]["model"] == "joe" && damaged[0]["found"] != damaged[0]["sha256"]);
    assert!(run(models.path(), &["install", "joe", "--from", folder]).status.success());
    assert!(verify(&[]).status.success());

    // Nobody to ask, then a yes; the halves that the program made of the voice go too.
    let out = run(models.path(), &["remove", "joe"]);
    assert!(
        out.status.code() == Some(2) && text(&out.stderr).contains("--yes") && voice.exists(),
        "{}",
        text(&out.stderr)
    );
    fs::write(models.path().join("voices/joe.onnx.encoder"), "half").unwrap();
    let out = run(models.path(), &["remove", "joe", "--yes", "--json"]);
    let removed: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    assert!(out.status.success() && removed["bytes"].as_u64().unwrap() > 60_000_000, "{removed}");
    assert!(everything(models.path()).is_empty(), "{:?}", everything(models.path()));
    let out = run(models.path(), &["remove", "joe", "--yes"]);
    assert!(out.status.success() && text(&out.stderr).contains("nothing is installed"));
    let out = run(models.path(), &["remove", "bob", "--yes"]);
    assert!(out.status.code() == Some(1) && text(&out.stderr).contains("\"bob\""));
    // What came with the program is not the user's to remove.
    let out = run(models.path(), &["remove", "lips-small", "--yes"]);
    assert!(out.status.success() && root().join("models/motion/lips-small.onnx").exists());
}

#[test]
fn at_a_terminal_there_is_a_question_and_a_bar() {
    if !installed(&["script"]) {
        return;
    }
    let (from, models) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for name in ["joe.onnx", "joe.onnx.json"] {
        fs::copy(common::models().models.join("voices").join(name), from.path().join(name)).unwrap();
    }
    let at_terminal = |keys: &str, args: &str| {
        let line = format!("sleep 1; printf '{keys}'; sleep 1");
        let script = format!("({line}) | TERM=xterm script -qec '{} models {args}' /dev/null", vasa());
        let out = Command::new("bash").args(["-c", &script]).env("VASA_MODELS_DIR", models.path()).output().unwrap();
        (text(&out.stdout), out.status.code())
    };
    let (shown, status) = at_terminal("", &format!("install joe --from {}", from.path().display()));
    assert!(
        status == Some(0) && shown.contains("joe voices/joe.onnx [") && shown.contains("licence CC0-1.0"),
        "{shown}"
    );
    let (shown, status) = at_terminal("no\\r", "remove joe");
    assert!(status == Some(1) && shown.contains("Remove ") && shown.contains("nothing was removed"), "{shown}");
    let (shown, status) = at_terminal("yes\\r", "remove joe");
    assert!(status == Some(0) && shown.contains("joe.onnx: removed"), "{shown}");
    assert!(everything(models.path()).is_empty());
}
