//! The tray icon in a real panel (xfce4-panel under Xvfb): seen, clicked, and following what others do.

mod common;

use common::{LONG, Process, Session, installed, models, root, vasa};
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::{Duration, Instant};

const NAME: &str = "org.vasacamera.VasaCamera1";
const PATH: &str = "/org/vasacamera/VasaCamera1";
const HOST: &str = "org.kde.StatusNotifierWatcher";

/// A session with a screen, on which nothing is yet.
struct Desktop {
    // Dropped in this order.
    _screen: Process,
    display: String,
    session: Session,
}

fn ready() -> bool {
    models();
    installed(&Session::NEEDS) && installed(&["Xvfb", "xfce4-panel", "xdotool", "import", "gdbus"])
}

impl Desktop {
    fn start() -> Self {
        let session = Session::start();
        let config = Path::new(session.variable("XDG_CONFIG_HOME")).join("xfce4/xfconf/xfce-perchannel-xml");
        std::fs::create_dir_all(&config).unwrap();
        std::fs::copy(root().join("tests/kit/panel/xfce4-panel.xml"), config.join("xfce4-panel.xml")).unwrap();
        let screen = session.spawn("Xvfb", &["-displayfd", "1", "-screen", "0", "640x600x24", "-nolisten", "tcp"]);
        // It complains of displays that are taken before it tells which it has.
        let number =
            |log: &str| log.lines().find(|l| l.trim().parse::<u32>().is_ok()).map(|l| format!(":{}", l.trim()));
        let end = Instant::now() + LONG;
        let display = loop {
            match number(&screen.log()) {
                Some(display) => break display,
                None => assert!(Instant::now() < end, "no screen: {}", screen.log()),
            }
            std::thread::sleep(Duration::from_millis(20));
        };
        Self { _screen: screen, display, session }
    }

    fn spawn(&self, program: &str, args: &[&str]) -> Process {
        let mut command = self.session.command(program);
        command.args(args).env("DISPLAY", &self.display);
        Process::start(command)
    }

    fn run(&self, program: &str, args: &[&str]) -> Output {
        let mut command = self.session.command(program);
        command.args(args).env("DISPLAY", &self.display).output().unwrap_or_else(|e| panic!("{program}: {e}"))
    }

    /// Runs `vasa` and wants it to succeed.
    fn vasa(&self, args: &[&str]) -> String {
        let out = self.run(vasa(), args);
        assert!(out.status.success(), "vasa {args:?}: {}", text(&out.stderr));
        text(&out.stdout)
    }

    fn daemon(&self) -> Process {
        let daemon = self.session.spawn(vasa(), &["daemon"]);
        daemon.wait_line(0, "ready", LONG);
        daemon
    }

    fn panel(&self) -> Process {
        let panel = self.spawn("xfce4-panel", &["--disable-wm-check"]);
        self.until("the panel is there", || self.owner(HOST).is_some());
        panel
    }

    /// A method of whatever object; None: it failed.
    fn call(&self, name: &str, path: &str, method: &str, args: &[&str]) -> Option<String> {
        let all = ["call", "--session", "--dest", name, "--object-path", path, "--method", method, "--"];
        let out = self.run("gdbus", &[&all[..], args].concat());
        out.status.success().then(|| text(&out.stdout))
    }

    fn owner(&self, name: &str) -> Option<String> {
        self.call("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus.GetNameOwner", &[name])
    }

    /// A property of the daemon's.
    fn get(&self, suffix: &str, property: &str) -> String {
        let interface = format!("{NAME}{suffix}");
        self.call(NAME, PATH, "org.freedesktop.DBus.Properties.Get", &[&interface, property]).unwrap_or_default()
    }

    fn until(&self, what: &str, mut is: impl FnMut() -> bool) {
        let end = Instant::now() + LONG;
        while !is() {
            assert!(Instant::now() < end, "waited in vain until {what}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// What is on the screen.
    fn picture(&self, path: &Path) -> image::RgbImage {
        let out = self.run("import", &["-window", "root", &path.display().to_string()]);
        assert!(out.status.success(), "{}", text(&out.stderr));
        image::open(path).unwrap().into_rgb8()
    }

    fn click(&self, x: u32, y: u32) {
        let (x, y) = (x.to_string(), y.to_string());
        assert!(self.run("xdotool", &["mousemove", &x, &y, "click", "1"]).status.success());
    }
}

/// The daemon that D-Bus starts, which is nobody's child here; told to end however the test ends.
struct Activated<'d>(&'d Desktop);

impl Drop for Activated<'_> {
    fn drop(&mut self) {
        if self.0.owner(NAME).is_some() {
            self.0.run(vasa(), &["quit"]);
        }
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The icon as the panel asks for it.
struct Item<'d> {
    desktop: &'d Desktop,
    name: String,
}

impl<'d> Item<'d> {
    fn of(desktop: &'d Desktop, tray: &Process) -> Self {
        let name = format!("org.kde.StatusNotifierItem-{}-1", tray.pid());
        desktop.until("the icon is on the bus", || desktop.owner(&name).is_some());
        Self { desktop, name }
    }

    /// The whole menu as gdbus prints it.
    fn menu(&self) -> String {
        self.desktop
            .call(&self.name, "/MenuBar", "com.canonical.dbusmenu.GetLayout", &["0", "-1", "[]"])
            .unwrap_or_default()
    }

    /// The number and the properties of an entry, found by its label.
    fn entry(&self, label: &str) -> Option<(String, String)> {
        let menu = self.menu();
        let at = menu.find(&format!("'label': <'{label}'>"))?;
        // An entry begins with its number and its properties; these hold no braces.
        let begin = menu[..at].rfind('{')?;
        let end = at + menu[at..].find('}')?;
        let number = menu[..begin].trim_end_matches([',', ' ']).rsplit('(').next()?.trim();
        Some((number.trim_start_matches("int32 ").to_owned(), menu[begin..end].to_owned()))
    }

    fn is_marked(&self, label: &str) -> bool {
        self.entry(label).is_some_and(|(_, properties)| properties.contains("'toggle-state': <1>"))
    }

    fn has(&self, label: &str) -> bool {
        self.entry(label).is_some()
    }

    /// Clicks as a panel does that draws the menu itself.
    fn choose(&self, label: &str) {
        let (number, _) = self.entry(label).unwrap_or_else(|| panic!("no \"{label}\" in {}", self.menu()));
        let args = [number.as_str(), "clicked", "<0>", "0"];
        assert!(self.desktop.call(&self.name, "/MenuBar", "com.canonical.dbusmenu.Event", &args).is_some());
    }

    fn property(&self, name: &str) -> String {
        let args = ["org.kde.StatusNotifierItem", name];
        self.desktop
            .call(&self.name, "/StatusNotifierItem", "org.freedesktop.DBus.Properties.Get", &args)
            .unwrap_or_default()
    }
}

/// Where the icon is: the middle of what has the grey-blue of a face at rest, in the panel's strip.
fn icon_at(picture: &image::RgbImage) -> Option<(u32, u32)> {
    let is_face = |p: &image::Rgb<u8>| p.0.iter().zip([0x6c_u8, 0x82, 0x98]).all(|(a, b)| a.abs_diff(b) < 12);
    let all: Vec<_> = picture.enumerate_pixels().filter(|(_, y, p)| *y < 40 && is_face(p)).collect();
    let count = all.len() as u32;
    let sum = all.iter().fold((0, 0), |(a, b), (x, y, _)| (a + x, b + y));
    (count > 60).then(|| (sum.0 / count, sum.1 / count))
}

#[test]
fn a_click_in_a_real_panel_switches_the_profile_and_the_icon_follows_others() {
    if !ready() {
        return;
    }
    let desktop = Desktop::start();
    let mut daemon = desktop.daemon();
    desktop.vasa(&["profile", "set", "friendly"]);
    let panel = desktop.panel();
    let tray = desktop.spawn(vasa(), &["tray"]);
    let item = Item::of(&desktop, &tray);
    assert!(item.is_marked("Friendly") && item.is_marked("100 %") && item.is_marked("Camera on"), "{}", item.menu());

    // Seen, and opened by a click.
    let shot: PathBuf = root().join("target/tray.png");
    let mut at = None;
    desktop.until("the icon is in the panel", || {
        at = icon_at(&desktop.picture(&shot));
        at.is_some()
    });
    let (x, y) = at.unwrap();
    let closed = desktop.picture(&shot);
    let open = || {
        desktop.click(x, y);
        std::thread::sleep(Duration::from_millis(700));
        desktop.picture(&shot)
    };
    let differs = |a: &image::RgbImage, b: &image::RgbImage| a.pixels().zip(b.pixels()).filter(|(a, b)| a != b).count();
    let mut shown = open();
    assert!(differs(&closed, &shown) > 5000, "no menu opened at {x}, {y}; see {}\n{}", shot.display(), panel.log());

    // Down the menu, until a click has switched the profile.
    let mut row = y + 24;
    while desktop.get(".Profiles", "Active").contains("friendly") {
        assert!(row < 470, "no click switched the profile; see {}", shot.display());
        if differs(&closed, &desktop.picture(&root().join("target/tray-now.png"))) < 5000 {
            shown = open();
        }
        desktop.click(x + 40, row);
        std::thread::sleep(Duration::from_millis(500));
        row += 12;
    }
    drop(shown);
    let _ = std::fs::remove_file(root().join("target/tray-now.png"));
    let active = desktop.get(".Profiles", "Active");
    println!("the click at row {} chose {active}; the screen is in {}", row - 12, shot.display());
    desktop.until("the mark has moved", || !item.is_marked("Friendly"));

    // What others do.
    desktop.vasa(&["profile", "set", "calm"]);
    desktop.until("the profile is marked", || item.is_marked("Calm"));
    desktop.vasa(&["intensity", "1.5"]);
    desktop.until("the intensity is marked", || item.is_marked("150 %"));
    let before = item.property("IconPixmap");
    desktop.vasa(&["mute"]);
    desktop.until("the mute is marked", || item.is_marked("Mute"));
    assert_ne!(item.property("IconPixmap"), before, "the icon shows the mute");
    assert!(item.property("ToolTip").contains("muted"), "{}", item.property("ToolTip"));
    desktop.vasa(&["unmute"]);
    desktop.vasa(&["camera", "off"]);
    desktop.until("the camera is off", || !item.is_marked("Camera on") && item.has("Nobody watches, camera off"));
    assert_eq!(desktop.vasa(&["camera"]).trim(), "off");

    // What the menu asks for.
    item.choose("Camera on");
    desktop.until("the camera is on again", || desktop.get("", "CameraOn").contains("true"));
    item.choose("Mute");
    desktop.until("it is muted", || desktop.get("", "Muted").contains("true"));
    item.choose("50 %");
    desktop.until("the intensity is a half", || desktop.vasa(&["intensity"]).trim() == "0.5");
    if item.has("Avatar") {
        item.choose("Kofi");
        desktop.until("the avatar is another", || desktop.get(".Avatars", "Active").contains("kofi"));
        item.choose("Blurred");
        desktop.until("the background is another", || desktop.get(".Avatars", "Background").contains("blur"));
    }
    item.choose("Quit VASA Camera");
    assert_eq!(daemon.wait(LONG).code(), Some(0), "{}", daemon.log());
    desktop.until("the end is told", || item.has("The camera does not run"));
    assert!(item.has("Start the camera") && !item.has("Mute"), "{}", item.menu());
    assert!(item.property("ToolTip").contains("does not run"));
    let _daemon = desktop.daemon();
    desktop.until("the new daemon is shown", || item.has("Mute") && !item.has("Start the camera"));
}

#[test]
fn it_waits_for_a_panel_and_for_a_daemon_that_dbus_starts() {
    if !ready() {
        return;
    }
    let desktop = Desktop::start();
    let mut tray = desktop.spawn(vasa(), &["tray"]);
    tray.wait_line(0, "on GNOME install the extension AppIndicator", LONG);
    let item = Item::of(&desktop, &tray);
    assert!(desktop.owner(NAME).is_none(), "looking starts nothing");
    // Nothing to start: the sentence stands in the menu.
    item.choose("Start the camera");
    desktop.until("the refusal is told", || item.menu().contains("D-Bus cannot start the daemon"));
    let services = Path::new(desktop.session.variable("XDG_DATA_HOME")).join("dbus-1/services");
    std::fs::create_dir_all(&services).unwrap();
    let service = format!("[D-BUS Service]\nName={NAME}\nExec={} daemon\n", vasa());
    std::fs::write(services.join(format!("{NAME}.service")), service).unwrap();
    desktop.call("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus.ReloadConfig", &[]);
    let _daemon = Activated(&desktop);
    item.choose("Start the camera");
    desktop.until("the daemon is shown", || item.has("Mute") && !item.menu().contains("cannot start"));

    let mut panel = desktop.panel();
    tray.wait_line(0, "a panel shows the icon now", LONG);
    let registered = || {
        let args = [HOST, "RegisteredStatusNotifierItems"];
        desktop.call(HOST, "/StatusNotifierWatcher", "org.freedesktop.DBus.Properties.Get", &args).unwrap_or_default()
    };
    desktop.until("the panel has the icon", || registered().contains("StatusNotifierItem"));
    // The panel comes back, and the icon with it.
    panel.stop();
    desktop.until("the panel is gone", || desktop.owner(HOST).is_none());
    let _panel = desktop.panel();
    desktop.until("the new panel has the icon", || registered().contains("StatusNotifierItem"));

    // One icon is enough.
    let second = desktop.run(vasa(), &["tray"]);
    assert!(second.status.success() && text(&second.stdout).contains("there already"), "{}", text(&second.stderr));
    assert!(tray.runs());
    item.choose("Close this icon");
    assert_eq!(tray.wait(LONG).code(), Some(0), "{}", tray.log());
    assert!(desktop.owner(NAME).is_some(), "the camera stays");
    desktop.vasa(&["quit"]);
    desktop.until("the daemon is gone", || desktop.owner(NAME).is_none());
}

#[test]
fn without_a_session_bus_it_says_so() {
    let mut command = std::process::Command::new(vasa());
    let out = command.arg("tray").env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent/bus").output().unwrap();
    assert!(out.status.code() == Some(1) && text(&out.stderr).contains("desktop session"), "{}", text(&out.stderr));
}

/// The commands that do what the menu does, against a daemon; and without one.
#[test]
fn everything_in_the_menu_is_a_command_too() {
    models();
    if !installed(&Session::NEEDS) || !installed(&["gdbus"]) {
        return;
    }
    let session = Session::start();
    let run = |args: &[&str]| session.command(vasa()).args(args).output().unwrap();
    for args in [&["mute"][..], &["camera", "off"], &["intensity", "1"], &["quit"]] {
        let out = run(args);
        assert_eq!(out.status.code(), Some(1), "{args:?}");
        assert!(text(&out.stderr).contains("the daemon is not running"), "{args:?}: {}", text(&out.stderr));
    }
    let mut daemon = session.spawn(vasa(), &["daemon"]);
    daemon.wait_line(0, "ready", LONG);
    let status = || -> serde_json::Value { serde_json::from_slice(&run(&["status", "--json"]).stdout).unwrap() };
    let done = |args: &[&str]| {
        let out = run(args);
        assert!(out.status.success(), "{args:?}: {}", text(&out.stderr));
        text(&out.stdout).trim().to_owned()
    };
    done(&["mute"]);
    done(&["camera", "off"]);
    done(&["intensity", "0.5"]);
    assert!(status()["muted"] == true && status()["camera_on"] == false && status()["intensity"] == 0.5);
    done(&["unmute"]);
    done(&["camera", "on"]);
    assert!(status()["muted"] == false && done(&["camera"]) == "on" && done(&["intensity"]) == "0.5");
    let out = run(&["intensity", "-1"]);
    assert!(out.status.code() == Some(1) && text(&out.stderr).contains("-1"), "{}", text(&out.stderr));
    assert_eq!(run(&["camera", "maybe"]).status.code(), Some(2));
    done(&["quit"]);
    assert_eq!(daemon.wait(LONG).code(), Some(0), "{}", daemon.log());
}
