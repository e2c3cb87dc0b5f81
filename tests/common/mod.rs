//! What the tests that start real things have in common: a private desktop session, programs in it, readers of the camera,
//! browsers, a virtual machine. Everything a test starts is taken down with it, by pid.

// Each test file uses a part of this.
#![allow(dead_code)]

pub mod recording;
pub mod words;
pub mod world;

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};
use vasa_camera::assets::{Installer, Manifest};
use vasa_camera::config::Paths;

/// Long enough for anything on a busy machine.
pub const LONG: Duration = Duration::from_secs(60);

/// The checkout.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The program itself.
pub fn vasa() -> &'static str {
    env!("CARGO_BIN_EXE_vasa")
}

/// The folders of this checkout with the models installed; fetched if this is the first run here.
pub fn models() -> &'static Paths {
    static PATHS: OnceLock<Paths> = OnceLock::new();
    PATHS.get_or_init(|| {
        let paths = Paths::find();
        Installer::new(&paths, Manifest::shipped()).install(&[], &mut |line| eprintln!("{line}")).unwrap();
        paths
    })
}

/// The same with another models folder.
pub fn models_in(folder: &Path) -> Paths {
    Paths { models: folder.to_path_buf(), ..models().clone() }
}

/// An example of this crate; `cargo test` builds them.
pub fn example(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("the test has a path");
    let path = test.ancestors().nth(2).expect("tests lie in deps/").join("examples").join(name);
    assert!(path.exists(), "{} is not built; run `cargo build --release --examples`", path.display());
    path
}

/// Tests of one file that measure, or fill the machine, hold this while they run.
pub fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// True where all `programs` are installed. Else says so loudly, and fails where everything must be there (`CI` is set).
pub fn installed(programs: &[&str]) -> bool {
    let path = std::env::var("PATH").unwrap_or_default() + ":/usr/sbin:/sbin";
    let missing: Vec<_> = programs.iter().filter(|p| !path.split(':').any(|d| Path::new(d).join(p).exists())).collect();
    if missing.is_empty() {
        return true;
    }
    let sentence = format!("not installed: {missing:?}; install the packages of tests/kit/packages.txt");
    assert!(std::env::var_os("CI").is_none(), "{sentence}");
    eprintln!("SKIPPED: {sentence}");
    false
}

/// Lines and when each came; the second half wakes who waits for one.
type Lines = (Mutex<Vec<(Instant, String)>>, Condvar);

/// A program that runs until it is told to end, its lines collected as they come.
pub struct Process {
    child: Child,
    lines: Arc<Lines>,
    name: String,
}

impl Process {
    /// Starts `command` with its standard output and error collected.
    pub fn start(mut command: Command) -> Self {
        let name = format!("{command:?}");
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut child = child.unwrap_or_else(|e| panic!("{name} does not start: {e}"));
        let lines = Arc::new(Lines::default());
        let (out, err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let sources: [Box<dyn Read + Send>; 2] = [Box::new(out), Box::new(err)];
        for source in sources {
            let lines = lines.clone();
            std::thread::spawn(move || {
                for line in BufReader::new(source).split(b'\n').map_while(Result::ok) {
                    let line = String::from_utf8_lossy(&line).into_owned();
                    lines.0.lock().unwrap().push((Instant::now(), line));
                    lines.1.notify_all();
                }
            });
        }
        Self { child, lines, name }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// How many lines it has printed.
    pub fn printed(&self) -> usize {
        self.lines.0.lock().unwrap().len()
    }

    /// All it has printed, for a failure's message.
    pub fn log(&self) -> String {
        self.lines.0.lock().unwrap().iter().map(|(_, l)| l.as_str()).collect::<Vec<_>>().join("\n")
    }

    /// Waits for a line that has `part`, from line number `from` on; returns when it came and its number.
    pub fn wait_line(&self, from: usize, part: &str, timeout: Duration) -> (Instant, usize) {
        let end = Instant::now() + timeout;
        let mut lines = self.lines.0.lock().unwrap();
        loop {
            if let Some(i) = lines.iter().skip(from).position(|(_, l)| l.contains(part)) {
                return (lines[from + i].0, from + i);
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let all = lines.iter().map(|(_, l)| l.as_str()).collect::<Vec<_>>().join("\n");
                panic!("no line with \"{part}\" after line {from} within {timeout:?} from {}:\n{all}", self.name);
            }
            lines = self.lines.1.wait_timeout(lines, left).unwrap().0;
        }
    }

    /// Sends a signal by its name.
    pub fn signal(&self, signal: &str) {
        let _ = Command::new("kill").arg(format!("-{signal}")).arg(self.pid().to_string()).status();
    }

    /// Whether it still runs.
    pub fn runs(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Waits for its end by itself.
    pub fn wait(&mut self, timeout: Duration) -> ExitStatus {
        let end = Instant::now() + timeout;
        while Instant::now() < end {
            if let Ok(Some(status)) = self.child.try_wait() {
                return status;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("{} did not end within {timeout:?}:\n{}", self.name, self.log());
    }

    /// Asks it to end (SIGTERM) and waits until it has.
    pub fn stop(&mut self) -> ExitStatus {
        self.signal("TERM");
        self.wait(LONG)
    }

    /// Kills it as a crash would.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.runs() {
            self.signal("TERM");
            for _ in 0..100 {
                if !self.runs() {
                    return;
                }
                std::thread::sleep(Duration::from_millis(50));
            }
            self.kill();
        }
    }
}

/// A private desktop session: `scripts/session.sh`, held open for as long as this lives.
pub struct Session {
    holder: Child,
    environment: Vec<(String, String)>,
}

impl Session {
    /// The programs that a session needs.
    pub const NEEDS: [&'static str; 5] = ["dbus-daemon", "pipewire", "wireplumber", "pipewire-pulse", "pw-cli"];

    /// D-Bus, PipeWire, WirePlumber and the PulseAudio server.
    pub fn start() -> Self {
        Self::with(&[])
    }

    /// The same without PipeWire, until [`Session::start_pipewire`].
    pub fn without_pipewire() -> Self {
        Self::with(&[("SESSION_PIPEWIRE", "later")])
    }

    fn with(options: &[(&str, &str)]) -> Self {
        let mut command = Command::new(root().join("scripts/session.sh"));
        // It ends when its standard input does: with us, however we end.
        command.args(["bash", "-c", "env -0; printf 'READY\\0'; exec cat"]).envs(options.iter().copied());
        let mut holder = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("session.sh starts");
        let mut environment = Vec::new();
        for entry in BufReader::new(holder.stdout.as_mut().unwrap()).split(0) {
            let entry = String::from_utf8_lossy(&entry.unwrap()).into_owned();
            if entry == "READY" {
                return Self { holder, environment };
            }
            environment.extend(entry.split_once('=').map(|(k, v)| (k.to_owned(), v.to_owned())));
        }
        panic!("session.sh did not come up: {:?}", holder.wait());
    }

    /// A command that will run in the session.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.env_clear().envs(self.environment.iter().cloned()).current_dir(root());
        // GStreamer looks at all its plugins anew in each new home; once is enough.
        let _ = std::fs::create_dir_all(root().join(".cache"));
        command.env("GST_REGISTRY", root().join(".cache/gstreamer-registry.bin"));
        command
    }

    /// Starts a program in the session.
    pub fn spawn(&self, program: impl AsRef<std::ffi::OsStr>, arguments: &[&str]) -> Process {
        let mut command = self.command(program);
        command.args(arguments);
        Process::start(command)
    }

    /// A variable of the session's environment.
    pub fn variable(&self, name: &str) -> &str {
        self.environment.iter().find(|(k, _)| k == name).map_or("", |(_, v)| v)
    }

    fn pipewire(&self, order: &str) {
        let status = self.command(root().join("scripts/session.sh")).arg(order).status().expect("session.sh starts");
        assert!(status.success(), "session.sh {order}: {status}");
    }

    /// Takes PipeWire and what hangs on it down as a crash would.
    pub fn stop_pipewire(&self) {
        self.pipewire("--stop-pipewire");
    }

    /// Brings PipeWire up, again or for the first time.
    pub fn start_pipewire(&self) {
        self.pipewire("--start-pipewire");
    }

    /// Starts a GStreamer program that reads `node` and writes raw frames of `format` (GStreamer's name).
    pub fn reader(&self, node: &str, format: &str, width: usize, height: usize) -> Reader {
        let bytes = match format {
            "YUY2" => width * height * 2,
            _ => width * height * 3 / 2,
        };
        let caps = format!("video/x-raw,format={format},width={width},height={height}");
        self.raw(&format!("pipewiresrc target-object={node} ! {caps} ! fdsink fd=1 sync=false"), bytes)
    }

    /// Starts a GStreamer program that writes raw frames of `bytes` each.
    pub fn raw(&self, pipeline: &str, bytes: usize) -> Reader {
        let mut command = self.command("gst-launch-1.0");
        command.arg("-q").args(pipeline.split_whitespace());
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        Reader { child: child.expect("gst-launch-1.0 starts"), frame: vec![0; bytes] }
    }

    /// Makes a microphone the default source, and plays `sound` (a WAV file) into it once; returns when a recorder would
    /// hear its first sample.
    pub fn microphone(&self, sound: &Path) -> Process {
        let feeder = self.spawn(root().join("tests/kit/microphone.sh"), &[&sound.display().to_string()]);
        feeder.wait_line(0, "ready", LONG);
        feeder
    }

    /// Opens the camera called `camera` in `browser` (`chromium`, `firefox`), leaves what it saw in `picture`, and returns
    /// the page's report.
    pub fn browser_report(&self, browser: &str, camera: &str, picture: &Path) -> serde_json::Value {
        let mut told = String::new();
        // Firefox's own PipeWire code now and then ends it by a race that it finds in itself: that says nothing of the camera.
        for _ in 0..3 {
            let mut command = self.command(root().join("tests/kit/browser.sh"));
            let output = command.arg(browser).arg(picture).env("CAMERA", camera).output().expect("browser.sh starts");
            let text = String::from_utf8_lossy(&output.stdout);
            if let Some(report) = text.lines().rev().find_map(|l| serde_json::from_str(l).ok()) {
                return report;
            }
            told = format!("{text}{}", String::from_utf8_lossy(&output.stderr));
            if !told.contains("RaceDetected") {
                break;
            }
            eprintln!("{browser} ended itself; once more");
        }
        panic!("no report from {browser}: {told}");
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        drop(self.holder.stdin.take());
        let _ = self.holder.wait();
    }
}

/// An app that reads the camera.
pub struct Reader {
    child: Child,
    frame: Vec<u8>,
}

impl Reader {
    /// Waits for the next frame: when it came, and its bytes.
    pub fn next(&mut self) -> (Instant, &[u8]) {
        if let Err(e) = self.child.stdout.as_mut().unwrap().read_exact(&mut self.frame) {
            let mut told = String::new();
            let _ = self.child.kill();
            let _ = self.child.stderr.as_mut().unwrap().read_to_string(&mut told);
            panic!("the reader got no frame ({e}): {told}");
        }
        (Instant::now(), &self.frame)
    }

    /// Waits for `count` frames and forgets them.
    pub fn skip(&mut self, count: u32) {
        for _ in 0..count {
            self.next();
        }
    }

    /// Reads `count` frames and returns how many came a second, from the first to the last.
    pub fn rate(&mut self, count: u32) -> f64 {
        let first = self.next().0;
        let last = (1..count).map(|_| self.next().0).last().unwrap_or(first);
        f64::from(count - 1) / last.duration_since(first).as_secs_f64()
    }

    /// Whether it fails by itself: what it was offered is nothing that it reads.
    pub fn fails(&mut self, timeout: Duration) -> bool {
        let end = Instant::now() + timeout;
        while Instant::now() < end {
            if let Ok(Some(status)) = self.child.try_wait() {
                return !status.success();
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        false
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Puts a copy of Anna into the folder `zoe`, as an avatar made from a photo and called "Zoë".
pub fn photo_of_anna(zoe: &Path) {
    std::fs::create_dir_all(zoe).unwrap();
    for file in std::fs::read_dir(root().join("models/avatars/anna")).unwrap() {
        let path = file.unwrap().path();
        std::fs::copy(&path, zoe.join(path.file_name().unwrap())).unwrap();
    }
    let manifest = std::fs::read_to_string(zoe.join("avatar.toml")).unwrap();
    let manifest = manifest.replace("kind = \"model\"", "kind = \"photo\"").replace("\"Anna\"", "\"Zoë\"");
    assert!(manifest.contains("photo"));
    std::fs::write(zoe.join("avatar.toml"), manifest).unwrap();
}

/// What a guest of the virtual machine left behind.
pub struct Guest {
    pub status: i32,
    pub log: String,
    /// The folder that the guest knows as /mnt/work.
    pub work: tempfile::TempDir,
}

/// The programs that the virtual machine needs.
pub const VM_NEEDS: [&str; 7] = ["qemu-system-x86_64", "cpio", "modprobe", "depmod", "make", "gcc", "apt-get"];

/// Runs `script` (bash, as root) in the virtual machine that has the loopback device /dev/video10 "VASA Camera"; where
/// `loopback` is false, only once the script calls `load-loopback`. `processor` is one of QEMU's models.
pub fn vm_run(script: &str, loopback: bool, processor: &str) -> Guest {
    let work = tempfile::tempdir().expect("a temporary folder");
    let loopback = if loopback { "now" } else { "later" };
    vm_boot(work, script, &[("VM_LOOPBACK", loopback), ("VM_CPU", processor)])
}

/// The same with a folder of the caller's as /mnt/work, and with the options of `tests/kit/vm/run.sh`.
pub fn vm_boot(work: tempfile::TempDir, script: &str, options: &[(&str, &str)]) -> Guest {
    std::fs::write(work.path().join("guest.sh"), script).unwrap();
    let mut command = Command::new(root().join("tests/kit/vm/run.sh"));
    let output = command.arg(work.path()).envs(options.iter().copied()).output().expect("run.sh starts");
    let log = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    Guest { status: output.status.code().unwrap_or(-1), log, work }
}

/// The fields of `examples/camera_pattern.rs`: their colours, and BT.601 limited-range Y, U, V of each.
pub const FIELDS: [([u8; 3], [u8; 3]); 8] = [
    ([255, 0, 0], [81, 90, 240]),
    ([0, 255, 0], [145, 54, 34]),
    ([0, 0, 255], [41, 240, 110]),
    ([255, 255, 0], [210, 16, 146]),
    ([255, 255, 255], [235, 128, 128]),
    ([16, 16, 16], [30, 128, 128]),
    ([128, 128, 128], [126, 128, 128]),
    ([200, 150, 120], [155, 107, 152]),
];

/// Y, U and V in the middle of each field of the pattern, from a raw frame.
pub fn fields(frame: &[u8], format: &str, width: usize, height: usize) -> Vec<[u8; 3]> {
    let pixels = width * height;
    let middle = |i: usize| (width / 8 + (i % 4) * width / 4, height / 4 + (i / 4) * height * 2 / 5);
    let at = |(x, y): (usize, usize)| match format {
        "I420" => {
            let c = (y / 2) * (width / 2) + x / 2;
            [frame[y * width + x], frame[pixels + c], frame[pixels + pixels / 4 + c]]
        }
        "NV12" => {
            let c = pixels + (y / 2) * width + (x & !1);
            [frame[y * width + x], frame[c], frame[c + 1]]
        }
        "YUY2" => {
            let c = y * width * 2 + (x & !1) * 2;
            [frame[y * width * 2 + x * 2], frame[c + 1], frame[c + 3]]
        }
        _ => panic!("no such format here: {format}"),
    };
    (0..8).map(|i| at(middle(i))).collect()
}

/// Panics unless each field of the pattern has its colour within `tolerance`.
pub fn assert_fields(got: &[[u8; 3]], want: impl Fn(usize) -> [u8; 3], tolerance: u8) {
    assert_eq!(got.len(), FIELDS.len());
    for (i, field) in got.iter().enumerate() {
        let off = field.iter().zip(want(i)).map(|(a, b)| a.abs_diff(b)).max().unwrap();
        assert!(off <= tolerance, "field {i} is {field:?}, not {:?}; all: {got:?}", want(i));
    }
}
