//! Content credentials: what `vasa render` signs, read again by us and by a reader that is not ours.

mod common;

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;
use tempfile::TempDir;
use vasa_camera::mark::credentials::{Report, read, sidecar_of};

const SOURCE_TYPE: &str = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia";

/// An installation of its own: settings, key, and a folder to render into.
struct Installation {
    dir: TempDir,
}

impl Installation {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("config/vasa-camera")).unwrap();
        std::fs::write(
            dir.path().join("curves.csv"),
            "time,jawOpen,headYaw\n0,0,0\n0.1,0.6,6\n0.2,0.1,-4\n0.3,0.4,2\n",
        )
        .unwrap();
        Self { dir }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn settings(&self, text: &str) {
        std::fs::write(self.path("config/vasa-camera/settings.toml"), text).unwrap();
    }

    fn vasa(&self, out: &str, more: &[&str]) -> Output {
        Command::new(common::vasa())
            .args(["render", "--size", "320x180", "--fps", "10", "--curves"])
            .arg(self.path("curves.csv"))
            .arg("--out")
            .arg(self.path(out))
            .args(more)
            .env("XDG_CONFIG_HOME", self.path("config"))
            .env("XDG_STATE_HOME", self.path("state"))
            .env("VASA_LOG", "info")
            .env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent/bus")
            .output()
            .expect("vasa starts")
    }

    fn render(&self, out: &str) -> PathBuf {
        let done = self.vasa(out, &[]);
        assert!(done.status.success(), "{out}: {}", String::from_utf8_lossy(&done.stderr));
        self.path(out)
    }

    /// One sentence that has every part, and nothing in the place of the file.
    fn refused(&self, parts: &[&str]) {
        let done = self.vasa("refused.png", &[]);
        let text = String::from_utf8_lossy(&done.stderr).into_owned();
        assert_eq!(done.status.code(), Some(1), "{text}");
        for part in parts {
            assert!(text.contains(part), "no {part:?} in: {text}");
        }
        assert_eq!(text.lines().filter(|l| l.starts_with("vasa: ")).count(), 1, "{text}");
        assert!(!self.path("refused.png").exists());
    }

    /// The public key, as the program's own files have it.
    fn public(&self) -> [u8; 32] {
        let text = std::fs::read_to_string(self.path("state/vasa-camera/identity.key")).unwrap();
        let bytes: Vec<u8> = text
            .trim()
            .as_bytes()
            .chunks(2)
            .map(|d| u8::from_str_radix(std::str::from_utf8(d).unwrap(), 16).unwrap())
            .collect();
        vasa_camera::identity::Identity::from_secret(&bytes.try_into().unwrap()).public()
    }
}

/// The folder of PyPI's c2pa-python, installed on first use; None, said loudly, where pip cannot.
fn other_reader() -> Option<&'static Path> {
    static FOLDER: OnceLock<Option<PathBuf>> = OnceLock::new();
    let install = || {
        let folder = common::root().join(".cache/tests/c2pa-python-0.38.1");
        if !folder.join("c2pa/__init__.py").exists() {
            let part = folder.with_extension(format!("part-{}", std::process::id()));
            let pip = Command::new("python3")
                .args([
                    "-m",
                    "pip",
                    "install",
                    "--quiet",
                    "--disable-pip-version-check",
                    "c2pa-python==0.38.1",
                    "--target",
                ])
                .arg(&part)
                .output();
            match pip {
                Ok(done) if done.status.success() => {
                    // Another test may have been first.
                    let _ = std::fs::rename(&part, &folder);
                }
                other => {
                    let why = other.map(|o| String::from_utf8_lossy(&o.stderr).into_owned());
                    eprintln!(
                        "SKIPPED: pip cannot install c2pa-python, so files were NOT read by another reader: {why:?}"
                    );
                    return None;
                }
            }
        }
        Some(folder)
    };
    FOLDER.get_or_init(install).as_deref()
}

/// What c2pa-python says about a file; an object with `error` where it cannot read the credentials.
fn read_elsewhere(folder: &Path, path: &Path, mime: &str, beside: Option<&Path>) -> Value {
    let script = r#"
import json, sys, c2pa
path, mime, beside = sys.argv[1:4]
try:
    with open(path, "rb") as file:
        reader = c2pa.Reader(mime, file, open(beside, "rb").read()) if beside else c2pa.Reader(mime, file)
        store = json.loads(reader.json())
    print(json.dumps({"store": store, "manifest": store["manifests"][store["active_manifest"]]}))
except c2pa.C2paError as error:
    print(json.dumps({"error": str(error)}))
"#;
    let out = Command::new("python3")
        .args(["-c", script])
        .arg(path)
        .arg(mime)
        .arg(beside.unwrap_or(Path::new("")))
        .env("PYTHONPATH", folder)
        .output()
        .expect("python3 starts");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    serde_json::from_slice(&out.stdout).unwrap()
}

/// Whether the other reader finds everything in order but for a signer that nobody vouches for.
fn holds_elsewhere(said: &Value) -> bool {
    let Some(failures) = said["store"]["validation_results"]["activeManifest"]["failure"].as_array() else {
        return false;
    };
    failures.iter().all(|f| f["code"] == "signingCredential.untrusted")
        && said["store"]["validation_state"] != "Invalid"
}

/// The files of one installation: name, type, what lies beside it.
fn rendered(home: &Installation) -> Vec<(PathBuf, &'static str, Option<PathBuf>)> {
    let webm = home.render("o.webm");
    vec![
        (home.render("o.mp4"), "video/mp4", None),
        (home.render("o.png"), "image/png", None),
        (home.render("frames/").join("frame-000002.png"), "image/png", None),
        (webm.clone(), "video/webm", Some(sidecar_of(&webm))),
    ]
}

#[test]
fn every_file_says_what_it_is_to_us_and_to_others() {
    let home = Installation::new();
    for (path, mime, beside) in rendered(&home) {
        let report = read(&path).unwrap().unwrap_or_else(|| panic!("{} has no credentials", path.display()));
        assert!(report.intact && report.problems.is_empty(), "{}: {report:?}", path.display());
        assert_eq!(report.beside, beside);
        assert_eq!(report.claim_generator.as_deref(), Some(concat!("vasa-camera ", env!("CARGO_PKG_VERSION"))));
        assert_eq!(report.source_type.as_deref(), Some(SOURCE_TYPE));
        assert_eq!(report.actions, ["c2pa.created", "c2pa.watermarked.unbound"]);
        assert_eq!(report.avatar.as_deref(), Some("anna"));
        assert!(report.signed_by(&home.public()) && !report.signed_by(&[7; 32]), "{report:?}");
        let signer = report.signer.as_ref().unwrap();
        assert_eq!((signer.installation.as_ref(), signer.trusted), (report.mark.as_ref(), false));

        let Some(folder) = other_reader() else { continue };
        let said = read_elsewhere(folder, &path, mime, beside.as_deref());
        assert!(holds_elsewhere(&said), "{}: {said:#}", path.display());
        let manifest = &said["manifest"];
        let assertions = manifest["assertions"].as_array().unwrap();
        let actions = assertions.iter().find(|a| a["label"] == "c2pa.actions.v2").expect("actions");
        let created = &actions["data"]["actions"][0];
        assert_eq!(created["action"], "c2pa.created");
        assert_eq!(created["digitalSourceType"], SOURCE_TYPE);
        assert_eq!(created["softwareAgent"]["name"], "vasa-camera");
        assert!(created["when"].is_null(), "a date would not repeat");
        assert_eq!(manifest["claim_generator_info"][0]["name"], "vasa-camera");
        assert_eq!(manifest["signature_info"]["alg"], "Ed25519");
        assert!(manifest["signature_info"]["time"].is_null() && manifest["thumbnail"].is_null());
    }
}

#[test]
fn one_changed_byte_of_the_picture_is_seen_by_us_and_by_others() {
    let home = Installation::new();
    for (path, mime, beside) in rendered(&home) {
        let mut bytes = std::fs::read(&path).unwrap();
        // The middle of what compresses the picture: credentials lie at the beginning, indexes at the ends.
        let at = bytes.len() * 3 / 4;
        bytes[at] ^= 0x10;
        std::fs::write(&path, bytes).unwrap();
        let report = read(&path).unwrap().expect("still there");
        assert!(!report.intact && !report.signed_by(&home.public()), "{}: {report:?}", path.display());
        assert!(report.problems.iter().any(|p| p.contains("changed after it was signed")), "{report:?}");
        if let Some(folder) = other_reader() {
            let said = read_elsewhere(folder, &path, mime, beside.as_deref());
            assert!(!holds_elsewhere(&said), "{}: {said:#}", path.display());
        }
    }
}

#[test]
fn the_same_installation_gives_the_same_bytes_and_another_one_others() {
    let (home, other) = (Installation::new(), Installation::new());
    for name in ["a.mp4", "a.png", "a.webm"] {
        let stored = |path: &Path| {
            let beside = sidecar_of(path);
            [std::fs::read(path).unwrap(), std::fs::read(beside).unwrap_or_default()]
        };
        let first = stored(&home.render(name));
        assert_eq!(first, stored(&home.render(name)), "{name}");
        let others = stored(&other.render(name));
        assert_ne!(first, others, "{name}");
        // What is signed beside a file is the same length, whoever signs; the pictures are not, for each carries its own mark.
        assert_eq!(first[1].len(), others[1].len(), "{name}");
    }
}

#[test]
fn nothing_half_written_stays_and_the_place_beside_a_video_is_said() {
    let home = Installation::new();
    let said = home.vasa("o.webm", &[]);
    assert!(String::from_utf8_lossy(&said.stderr).contains("o.webm.c2pa"));
    home.render("o.mp4");
    home.render("o.png");
    let mut names: Vec<_> =
        std::fs::read_dir(home.dir.path()).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names, ["config", "curves.csv", "o.mp4", "o.png", "o.webm", "o.webm.c2pa", "state"]);
}

/// A certificate and key by OpenSSL, as an authority would give them.
fn issue(home: &Installation, name: &str, key: &[&str], days: &str) {
    let config = "[req]\ndistinguished_name=dn\nx509_extensions=v3\nprompt=no\n[dn]\nO=Example Studio\nCN=Example signer\n[v3]\n\
                  basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=emailProtection\n\
                  subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid:always\n";
    let folder = home.path("config/vasa-camera");
    std::fs::write(home.path("config/openssl.cnf"), config).unwrap();
    let out = Command::new("openssl")
        .args(["req", "-x509", "-nodes", "-days", days, "-config"])
        .arg(home.path("config/openssl.cnf"))
        .args(key)
        .arg("-keyout")
        .arg(folder.join(format!("{name}-key.pem")))
        .arg("-out")
        .arg(folder.join(format!("{name}.pem")))
        .output()
        .expect("openssl starts");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
}

fn named(certificate: &str, key: &str, algorithm: &str) -> String {
    format!("[credentials]\ncertificate = \"{certificate}\"\nkey = \"{key}\"\nalgorithm = \"{algorithm}\"\n")
}

const EC: &[&str] = &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"];

#[test]
fn a_certificate_of_ones_own_signs_in_place_of_the_installations() {
    let home = Installation::new();
    for (algorithm, key) in
        [("es256", EC), ("ed25519", &["-newkey", "ed25519"][..]), ("ps256", &["-newkey", "rsa:2048"])]
    {
        issue(&home, algorithm, key, "30");
        home.settings(&named(&format!("{algorithm}.pem"), &format!("{algorithm}-key.pem"), algorithm));
        let path = home.render(&format!("{algorithm}.png"));
        let report = read(&path).unwrap().unwrap();
        assert!(report.intact, "{report:?}");
        let signer = report.signer.clone().unwrap();
        assert_eq!(signer.organisation.as_deref(), Some("Example Studio"));
        assert_eq!(signer.algorithm.map(|a| a.to_lowercase()).as_deref(), Some(algorithm));
        assert!(!report.signed_by(&home.public()));
        let first = std::fs::read(&path).unwrap();
        home.render(&format!("{algorithm}.png"));
        assert!(first == std::fs::read(&path).unwrap(), "{algorithm} does not repeat");
        if let Some(folder) = other_reader() {
            let said = read_elsewhere(folder, &path, "image/png", None);
            assert!(holds_elsewhere(&said), "{said:#}");
        }
    }
}

#[test]
fn certificates_that_do_not_serve_are_refused_by_one_sentence() {
    let home = Installation::new();
    issue(&home, "a", EC, "30");
    issue(&home, "b", EC, "30");
    std::fs::write(home.path("config/vasa-camera/text.pem"), "hello").unwrap();
    std::fs::write(home.path("config/vasa-camera/old.pem"), EXPIRED).unwrap();
    for (settings, parts) in [
        (named("none.pem", "a-key.pem", "es256"), &["none.pem", "credentials.certificate"][..]),
        (named("a.pem", "none.pem", "es256"), &["none.pem", "credentials.key"]),
        (named("text.pem", "a-key.pem", "es256"), &["text.pem", "PEM"]),
        (named("a.pem", "text.pem", "es256"), &["text.pem", "PKCS #8"]),
        (named("a.pem", "b-key.pem", "es256"), &["b-key.pem", "a.pem", "belong"]),
        (named("a.pem", "a-key.pem", "ed25519"), &["a-key.pem", "ed25519"]),
        (named("a.pem", "a-key.pem", "rot13"), &["rot13", "es256"]),
        (named("old.pem", "a-key.pem", "es256"), &["old.pem", "expired"]),
        ("[credentials]\nkey = \"a-key.pem\"\n".into(), &["credentials.certificate is missing"]),
    ] {
        home.settings(&settings);
        home.refused(parts);
    }
}

#[test]
fn hostile_files_are_refused_or_said_to_be_broken() {
    let home = Installation::new();
    let clean = |r: anyhow::Result<Option<Report>>| !r.is_ok_and(|r| r.is_some_and(|r| r.intact));
    for name in ["o.png", "o.mp4"] {
        let path = home.render(name);
        let whole = std::fs::read(&path).unwrap();
        let head = (whole.len() - 64).min(12_000);
        let mut chance = fastrand::Rng::with_seed(7);
        for round in 0..400 {
            let mut bytes = whole.clone();
            match round % 4 {
                0 => bytes.truncate(chance.usize(..whole.len())),
                // Lengths and types are in the words of the first part, where the manifest lies.
                1 => bytes[chance.usize(..head)] ^= 1 << chance.u8(..8),
                2 => {
                    let at = chance.usize(..head);
                    bytes[at..at + 4].fill(0xff);
                }
                _ => {
                    let (from, to) = (chance.usize(..head), chance.usize(..head));
                    bytes.copy_within(from..from + 64, to);
                }
            }
            if bytes != whole {
                std::fs::write(&path, &bytes).unwrap();
                // C2PA binds neither the zeros that pad the signature nor the first box of a video, which names its type.
                let loose = |i: usize| whole[i] == 0 || name.ends_with("mp4") && i < 32;
                let report = read(&path);
                if !clean(report) {
                    let at: Vec<_> = (0..bytes.len()).filter(|i| bytes[*i] != whole[*i]).collect();
                    assert!(at.iter().all(|i| loose(*i)), "{name}, round {round}: a change at {at:?} goes unseen");
                }
            }
        }
    }
    for bytes in [&b""[..], b"GIF89a", b"RIFF\0\0\0\0WAVE", &[0; 4096]] {
        std::fs::write(home.path("x"), bytes).unwrap();
        assert_eq!(read(&home.path("x")).unwrap(), None);
    }
    std::fs::write(home.path("x.c2pa"), b"no store at all").unwrap();
    let report = read(&home.path("x")).unwrap().unwrap();
    assert!(!report.intact && report.problems.len() == 1, "{report:?}");
}

/// Of the year 2024; its key was thrown away.
const EXPIRED: &str = "\
-----BEGIN CERTIFICATE-----
MIIBHzCBxaADAgECAgEHMAoGCCqGSM49BAMCMBkxFzAVBgNVBAMMDkV4YW1wbGUg
c2lnbmVyMB4XDTI0MDEwMTAwMDAwMFoXDTI1MDEwMTAwMDAwMFowGTEXMBUGA1UE
AwwORXhhbXBsZSBzaWduZXIwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAT8SAB/
OMOso44v2FrxmVdSdqRnH1ALpNlI8Z888kBbT30RkpDdR47KSGg2fibIuJ6uDH5+
UykKQ4M0YAJqXUCZMAoGCCqGSM49BAMCA0kAMEYCIQCjZYJ5T8pJpcw/XRG8VLwn
0h1Fb4LQMKcjd4OaiSUsQwIhAOVIpEvVhhFcPpote+YGkRQoGDx2wagDaIcUHnoT
G/vA
-----END CERTIFICATE-----
";
