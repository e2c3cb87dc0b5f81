//! A private session with a daemon in it, and its D-Bus interface from outside.

use super::{LONG, Process, Session, installed, models, vasa};
use std::collections::BTreeMap;
use std::process::Output;

/// The bus name.
pub const NAME: &str = "org.vasacamera.VasaCamera1";
/// The object.
pub const PATH: &str = "/org/vasacamera/VasaCamera1";

/// A session with a daemon in it.
pub struct World {
    pub session: Session,
    pub daemon: Process,
}

impl World {
    pub fn start() -> Self {
        Self::with(Session::start())
    }

    pub fn with(session: Session) -> Self {
        let daemon = session.spawn(vasa(), &["daemon"]);
        daemon.wait_line(0, "ready", LONG);
        Self { session, daemon }
    }

    /// The same, once Anna is drawn and the camera is offered to apps.
    pub fn offered() -> Self {
        let world = Self::start();
        world.daemon.wait_line(0, "drawing \"anna\"", LONG);
        world.daemon.wait_line(0, "is offered in PipeWire", LONG);
        world
    }

    pub fn run(&self, program: &str, args: &[&str]) -> Output {
        self.session.command(program).args(args).output().unwrap_or_else(|e| panic!("{program} does not start: {e}"))
    }

    /// Runs `vasa` and wants it to succeed.
    pub fn vasa(&self, args: &[&str]) -> String {
        let out = self.run(vasa(), args);
        assert!(out.status.success(), "vasa {args:?}: {}\n{}", text(&out.stderr), self.daemon.log());
        text(&out.stdout)
    }

    pub fn status(&self) -> serde_json::Value {
        serde_json::from_str(&self.vasa(&["status", "--json"])).expect("status is JSON")
    }

    /// Calls a method with gdbus; the answer, or the error's text with its name.
    pub fn call(&self, method: &str, args: &[&str]) -> Result<String, String> {
        let mut all = vec!["call", "--session", "--dest", NAME, "--object-path", PATH, "--method", method];
        all.extend(args);
        let out = self.run("gdbus", &all);
        if out.status.success() { Ok(text(&out.stdout)) } else { Err(text(&out.stderr)) }
    }

    pub fn get(&self, interface: &str, property: &str) -> String {
        self.call("org.freedesktop.DBus.Properties.Get", &[interface, property]).expect("the property is there")
    }

    pub fn set(&self, interface: &str, property: &str, value: &str) -> Result<String, String> {
        self.call("org.freedesktop.DBus.Properties.Set", &[interface, property, value])
    }
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

pub fn ready() -> bool {
    installed(&Session::NEEDS) && installed(&["gdbus", "busctl"])
}

/// Members of each interface: "method Say(sa{sv}) -> t", "property Rate d readwrite", "signal X(tb)", with annotations.
pub fn members(xml: &str) -> BTreeMap<String, Vec<String>> {
    let attribute = |tag: &str, name: &str| {
        let key = format!("{name}=\"");
        tag.split(&key).nth(1).and_then(|r| r.split('"').next()).unwrap_or_default().to_string()
    };
    let (mut out, mut interface, mut member): (BTreeMap<String, Vec<String>>, String, Option<String>) =
        Default::default();
    let without_comments: String = xml
        .split("<!--")
        .enumerate()
        .map(|(i, p)| if i == 0 { p } else { p.split_once("-->").map_or("", |x| x.1) })
        .collect();
    let mut push = |interface: &str, m: String| out.entry(interface.to_string()).or_default().push(m);
    for tag in without_comments.split('<').skip(1) {
        let open = tag.split('>').next().unwrap_or_default();
        let closed = open.ends_with('/');
        match open.split([' ', '/', '\n']).next().unwrap_or_default() {
            "interface" => interface = attribute(open, "name"),
            kind @ ("method" | "signal" | "property") => {
                let mut m = format!(
                    "{kind} {} {} {}",
                    attribute(open, "name"),
                    attribute(open, "type"),
                    attribute(open, "access")
                );
                m = m.trim().to_string();
                if closed { push(&interface, m) } else { member = Some(m) }
            }
            "arg" => {
                if let Some(m) = &mut member {
                    m.push_str(&format!(
                        " {}:{}:{}",
                        attribute(open, "name"),
                        attribute(open, "type"),
                        attribute(open, "direction")
                    ));
                }
            }
            "annotation" => {
                if let Some(m) = &mut member {
                    m.push_str(&format!(" {}={}", attribute(open, "name"), attribute(open, "value")));
                }
            }
            // The rest of a closing tag, such as "/method".
            "" => {
                if let Some(m) = member.take_if(|_| ["/method", "/signal", "/property"].contains(&open)) {
                    push(&interface, m);
                }
            }
            _ => {}
        }
    }
    out.values_mut().for_each(|v| v.sort());
    out
}

/// The synthetic voice in a file that can be played into the microphone.
pub fn sound(folder: &std::path::Path, text: &str) -> std::path::PathBuf {
    let speech = vasa_camera::speech::synthesize(models(), Some("joe"), text, 1.0).unwrap();
    let mut samples = vec![0.0; speech.rate as usize / 2];
    samples.extend(speech.samples);
    samples.extend(vec![0.0; speech.rate as usize]);
    let path = folder.join(format!("{}.wav", text.len()));
    vasa_camera::sound::write_wav(&path, &samples, speech.rate).unwrap();
    path
}

/// Resident and proportional memory of a process, in KiB.
pub fn memory(pid: u32) -> (u64, u64) {
    let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap();
    let of = |key: &str| {
        let line = text.lines().find_map(|l| l.strip_prefix(key)).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    };
    (of("Rss:"), of("Pss:"))
}
