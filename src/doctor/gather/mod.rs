//! Looks at the machine. Each probe runs in a thread of its own and has so long; one that hangs is left behind and told.

mod bus;
mod engine;
mod kernel;
mod pipewire;
mod unit;

use super::machine::{Machine, Probed};
use super::remedy::Distribution;
use crate::config::{Paths, Settings};
use crate::sound::{Direction, devices};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// Ample for what answers at all.
const LIMIT: Duration = Duration::from_secs(5);

/// What reads hundreds of megabytes from a slow disk, or starts a driver.
const LONG: Duration = Duration::from_secs(60);

/// A probe under way.
struct Probe<T> {
    what: &'static str,
    answer: Receiver<T>,
    end: Instant,
    limit: Duration,
}

impl<T: Send + 'static> Probe<T> {
    fn start(what: &'static str, limit: Duration, look: impl FnOnce() -> T + Send + 'static) -> Self {
        let (sender, answer) = channel();
        let started = std::thread::Builder::new().name(format!("probe {what}")).spawn(move || {
            let _ = sender.send(look());
        });
        if let Err(e) = started {
            tracing::debug!("error starting a thread: {e}");
        }
        Self { what, answer, end: Instant::now() + limit, limit }
    }

    fn wait(self) -> Probed<T> {
        self.answer.recv_timeout(self.end.saturating_duration_since(Instant::now())).map_err(|e| match e {
            RecvTimeoutError::Timeout => format!("{} did not answer within {} s", self.what, self.limit.as_secs()),
            RecvTimeoutError::Disconnected => format!("{} could not be looked at", self.what),
        })
    }
}

impl<T: Send + 'static> Probe<Probed<T>> {
    fn flat(self) -> Probed<T> {
        self.wait().and_then(|found| found)
    }
}

/// Looks at everything at once; takes as long as the slowest probe, a minute at the very most.
pub fn gather(paths: &Paths) -> Machine {
    let settings = Settings::load(&paths.settings).map_err(|e| format!("{e:#}"));
    let wanted = settings.clone().unwrap_or_default();
    let module = Probe::start("the kernel module", LIMIT, kernel::module);
    let files = Probe::start("the device files", LIMIT, kernel::devices);
    let server = Probe::start("PipeWire", LIMIT, pipewire::ask);
    let bus = Probe::start("the session bus", LIMIT * 2, bus::ask);
    let microphones = Probe::start("the sound system", LIMIT, || {
        let ours = |name: &String| name != crate::microphone::NAME;
        devices(Direction::Input).map(|all| all.into_iter().filter(ours).collect()).map_err(|e| format!("{e:#}"))
    });
    let cameras = Probe::start("the cameras", LIMIT, || {
        crate::mirror::capture::list().into_iter().map(|c| c.name).collect::<Vec<_>>()
    });
    let adapters = Probe::start("the GPU driver", LONG, engine::adapters);
    let (p, provider) = (paths.clone(), wanted.provider);
    let providers = Probe::start("ONNX Runtime", LONG, move || engine::providers(&p, provider));
    let p = paths.clone();
    let models = Probe::start("the models folder", LONG, move || engine::models(&p));
    let (p, avatar) = (paths.clone(), wanted.avatar);
    let avatar = Probe::start("the avatar", LONG, move || engine::avatar(&p, &avatar));
    let unit = Probe::start("systemd", LIMIT * 2, unit::ask);
    Machine {
        distribution: distribution(),
        settings,
        module: module.wait(),
        devices: files.wait(),
        pipewire: server.wait(),
        bus: bus.flat(),
        microphones: microphones.flat(),
        cameras: cameras.wait(),
        adapters: adapters.flat(),
        providers: providers.flat(),
        models: models.wait(),
        espeak: program("espeak-ng").is_some(),
        avatar: avatar.flat(),
        unit: unit.flat(),
    }
}

fn distribution() -> Option<Distribution> {
    let text = read("/etc/os-release").or_else(|| read("/usr/lib/os-release"));
    text.and_then(|t| Distribution::of(&t))
}

/// A small file of the system's, whatever bytes are in it.
fn read(path: impl AsRef<Path>) -> Option<String> {
    const MOST: u64 = 1 << 22;
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).ok()?;
    file.take(MOST).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// Where a program lies. Those of the administrator are not in every user's PATH.
fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    folders.extend(["/usr/sbin", "/sbin", "/usr/bin", "/bin"].map(PathBuf::from));
    folders.into_iter().map(|f| f.join(name)).find(|p| p.is_file())
}

/// What a program prints, little as it is. Err: it is not installed, fails, or takes too long.
fn output(name: &str, arguments: &[&str]) -> Probed<String> {
    let path = program(name).ok_or_else(|| format!("{name} is not installed"))?;
    let mut command = Command::new(path);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.env("LC_ALL", "C").spawn().map_err(|e| format!("{name} does not start: {e}"))?;
    let end = Instant::now() + LIMIT;
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if Instant::now() < end => std::thread::sleep(Duration::from_millis(10)),
            _ => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(format!("{name} did not answer within {} s", LIMIT.as_secs()));
            }
        }
    };
    let told = |pipe: Option<&mut dyn Read>| {
        let mut bytes = Vec::new();
        let _ = pipe.map(|p| p.take(1 << 16).read_to_end(&mut bytes));
        String::from_utf8_lossy(&bytes).into_owned()
    };
    let out = told(child.stdout.as_mut().map(|p| p as &mut dyn Read));
    if status.success() {
        return Ok(out);
    }
    let err = told(child.stderr.as_mut().map(|p| p as &mut dyn Read));
    Err(err.lines().map(str::trim).find(|l| !l.is_empty()).map_or_else(|| format!("{name} failed"), str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probe_that_hangs_or_dies_is_told_and_left_behind() {
        let hangs = Probe::start("the test", Duration::from_millis(50), || std::thread::sleep(LIMIT));
        assert!(hangs.wait().unwrap_err().contains("the test did not answer"));
        let answers = Probe::start("the test", LIMIT, || 7);
        assert_eq!(answers.wait(), Ok(7));
    }

    #[test]
    fn a_program_that_is_missing_or_fails_is_a_sentence() {
        assert_eq!(output("echo", &["a"]).as_deref(), Ok("a\n"));
        assert!(output("no-such-program", &[]).unwrap_err().contains("not installed"));
        assert!(output("ls", &["/no/such/folder"]).unwrap_err().contains("/no/such/folder"));
    }
}
