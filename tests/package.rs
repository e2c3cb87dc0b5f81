//! What is installed: the Debian package, `make install`, and the recipes for other systems. In the virtual machine with systemd
//! the package is installed, used, broken, updated and removed.

mod common;

use common::{VM_NEEDS, alone, installed, root, vasa, vm_boot};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

fn run(command: &mut Command) -> Output {
    command.output().unwrap_or_else(|e| panic!("{command:?} does not start: {e}"))
}

/// The standard output of a command that must succeed.
fn told(command: &mut Command) -> String {
    let output = run(command);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{command:?}: {text}{}", String::from_utf8_lossy(&output.stderr));
    text
}

/// The package of the program under test, made once.
fn deb() -> &'static Path {
    static DEB: OnceLock<PathBuf> = OnceLock::new();
    DEB.get_or_init(|| {
        let text = told(Command::new(root().join("scripts/deb.sh")).arg("--fast"));
        PathBuf::from(text.lines().last().expect("deb.sh prints the package's path"))
    })
}

/// All files and links below `folder`, relative to it.
fn files(folder: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(&next).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
            } else {
                found.insert(entry.path().strip_prefix(folder).unwrap().display().to_string());
            }
        }
    }
    found
}

fn install(order: &str, environment: &[(&str, &str)]) -> Output {
    let mut command = Command::new(root().join("scripts/install.sh"));
    for name in ["PREFIX", "SYSCONFDIR", "DESTDIR", "FOR_USER", "XDG_CONFIG_HOME"] {
        command.env_remove(name);
    }
    run(command.arg(order).env("PROGRAM", vasa()).envs(environment.iter().copied()))
}

#[test]
fn the_package_holds_what_make_install_puts() {
    if !installed(&["dpkg-deb", "strip"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (package, tree) = (folder.path().join("package"), folder.path().join("tree"));
    told(Command::new("dpkg-deb").arg("-x").arg(deb()).arg(&package));
    let tree_path = tree.display().to_string();
    let output = install("install", &[("DESTDIR", &tree_path), ("PREFIX", "/usr")]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // Where Debian has its own ways: man pages are compressed, zsh looks elsewhere, licences have a file of their own.
    let ours = |path: String| path.replace("zsh/site-functions", "zsh/vendor-completions");
    let compare = |all: BTreeSet<String>| -> BTreeSet<String> {
        let all = all.into_iter().filter(|p| !p.starts_with("usr/share/doc/"));
        all.map(|p| ours(if p.contains("/man1/") { p.trim_end_matches(".gz").to_owned() } else { p })).collect()
    };
    let (package_files, tree_files) = (compare(files(&package)), compare(files(&tree)));
    assert_eq!(package_files, tree_files);
    // Every avatar and profile of the checkout is in it.
    for kind in ["models/avatars", "profiles"] {
        for entry in std::fs::read_dir(root().join(kind)).unwrap().map(|e| e.unwrap().path()) {
            let wanted = if entry.is_dir() { entry.join("avatar.toml") } else { entry };
            if wanted.exists() && (kind == "profiles" || wanted.ends_with("avatar.toml")) {
                let path = format!("usr/share/vasa-camera/{}", wanted.strip_prefix(root()).unwrap().display());
                assert!(package_files.contains(&path), "{path} is not in the package");
            }
        }
    }
    let size = std::fs::metadata(package.join("usr/bin/vasa")).unwrap().len();
    println!(
        "the program has {} MB, the package {}",
        size / 1_000_000,
        std::fs::metadata(deb()).unwrap().len() / 1_000_000
    );
    let file = told(Command::new("readelf").arg("-S").arg(package.join("usr/bin/vasa")));
    assert!(!file.contains(".debug_line"), "the program is not stripped");
}

#[test]
fn lintian_finds_no_error() {
    if !installed(&["lintian"]) {
        return;
    }
    let output = run(Command::new("lintian").args(["--fail-on", "error", "--tag-display-limit", "0"]).arg(deb()));
    let text = String::from_utf8_lossy(&output.stdout);
    println!("{text}");
    assert!(output.status.success(), "{text}");
}

#[test]
fn desktop_entries_and_metainfo_are_valid() {
    if !installed(&["desktop-file-validate", "appstreamcli"]) {
        return;
    }
    let folder = root().join("packaging/desktop");
    for entry in ["org.vasacamera.VasaCamera.desktop", "vasa-camera-tray.desktop"] {
        let text = told(Command::new("desktop-file-validate").arg(folder.join(entry)));
        assert_eq!(text, "", "{entry}");
    }
    let metainfo = folder.join("org.vasacamera.VasaCamera.metainfo.xml");
    told(Command::new("appstreamcli").args(["validate", "--no-net"]).arg(&metainfo));
    let version = format!("<release version=\"{}\"", env!("CARGO_PKG_VERSION"));
    assert!(std::fs::read_to_string(&metainfo).unwrap().contains(&version), "the metainfo has no {version}");
    let changelog = std::fs::read_to_string(root().join("packaging/debian/changelog")).unwrap();
    assert!(changelog.starts_with(&format!("vasa-camera ({}-", env!("CARGO_PKG_VERSION"))), "{changelog}");
}

#[test]
fn every_command_has_a_man_page_and_completions() {
    let folder = tempfile::tempdir().unwrap();
    told(Command::new(vasa()).arg("manuals").arg(folder.path()));
    let written = files(folder.path());
    let help = told(Command::new(vasa()).arg("--help"));
    let commands = help.lines().skip_while(|l| *l != "Commands:").skip(1).take_while(|l| !l.is_empty());
    let bash = std::fs::read_to_string(folder.path().join("completions/vasa")).unwrap();
    for name in commands.filter_map(|l| l.split_whitespace().next()).filter(|n| *n != "help") {
        assert!(written.contains(&format!("man1/vasa-{name}.1")), "{name} has no page: {written:?}");
        assert!(bash.contains(name), "{name} is not completed");
    }
    assert!(written.contains("completions/_vasa") && written.contains("completions/vasa.fish"));
    assert!(!written.iter().any(|p| p.contains("manuals") || p.contains("help")), "{written:?}");
    told(Command::new("bash").arg("-n").arg(folder.path().join("completions/vasa")));
    let output = run(Command::new(vasa()).args(["manuals", "/proc/none"]));
    let refusal = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(1) && refusal.contains("/proc/none"), "{refusal}");
}

#[test]
fn uninstall_takes_away_just_what_was_put() {
    if !installed(&["strip"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let at = |path: &str| folder.path().join(path).display().to_string();
    let (prefix, sysconf) = (at("prefix"), at("etc"));
    let environment = [("PREFIX", prefix.as_str()), ("SYSCONFDIR", sysconf.as_str())];
    // Somebody else's files lie where ours go.
    for foreign in ["prefix/bin/other", "prefix/share/man/man1/other.1", "etc/xdg/autostart/other.desktop"] {
        std::fs::create_dir_all(Path::new(&at(foreign)).parent().unwrap()).unwrap();
        std::fs::write(at(foreign), "foreign").unwrap();
    }
    let before = files(folder.path());
    for _ in 0..2 {
        let output = install("install", &environment);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    // What is there runs, and finds its data by itself.
    let mut command = Command::new(at("prefix/bin/vasa"));
    command.env_clear().env("HOME", at("home")).env("XDG_DATA_DIRS", at("prefix/share"));
    assert!(told(command.args(["avatar", "list"])).contains("kofi"));
    let unit = std::fs::read_to_string(at("prefix/lib/systemd/user/vasa-camera.service")).unwrap();
    assert!(unit.contains(&format!("ExecStart={prefix}/bin/vasa daemon")), "{unit}");
    let link = std::fs::read_link(at("etc/systemd/user/graphical-session.target.wants/vasa-camera.service")).unwrap();
    assert!(link.exists(), "{} leads nowhere", link.display());
    // A profile of the user's own making stays.
    std::fs::write(at("prefix/share/vasa-camera/profiles/mine.toml"), "label = \"Mine\"\n").unwrap();
    let output = install("uninstall", &environment);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut expected = before;
    expected.insert("prefix/share/vasa-camera/profiles/mine.toml".to_owned());
    assert_eq!(files(folder.path()), expected);
    assert!(!Path::new(&at("prefix/lib")).exists() && !Path::new(&at("etc/systemd")).exists(), "empty folders stay");
    let again = install("uninstall", &environment);
    let refusal = String::from_utf8_lossy(&again.stderr);
    assert!(again.status.code() == Some(1) && refusal.contains("nothing was installed"), "{refusal}");
}

#[test]
fn a_user_installs_it_for_himself_alone() {
    if !installed(&["systemd-analyze", "strip"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().display().to_string();
    // No service manager of this machine may be spoken to.
    let environment = [("HOME", home.as_str()), ("FOR_USER", "yes"), ("XDG_RUNTIME_DIR", "/nonexistent")];
    let output = install("install", &environment);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let unit = folder.path().join(".local/share/systemd/user/vasa-camera.service");
    let mut verify = Command::new("systemd-analyze");
    let output = run(verify.args(["verify", "--user"]).arg(&unit).env("XDG_RUNTIME_DIR", folder.path()));
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && !text.contains("vasa-camera.service"), "{text}");
    for file in [
        ".local/share/systemd/user/vasa-camera.service",
        ".local/share/dbus-1/services/org.vasacamera.VasaCamera1.service",
        ".local/share/applications/org.vasacamera.VasaCamera.desktop",
        ".config/autostart/vasa-camera-tray.desktop",
    ] {
        let text = std::fs::read_to_string(folder.path().join(file)).unwrap_or_else(|e| panic!("{file}: {e}"));
        assert!(text.contains(&format!("{home}/.local/bin/vasa ")) && !text.contains("/usr/bin"), "{file}: {text}");
    }
    assert!(folder.path().join(".config/systemd/user/graphical-session.target.wants/vasa-camera.service").exists());
    let output = install("uninstall", &environment);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(files(folder.path()), BTreeSet::new());
}

#[test]
fn the_recipes_for_arch_and_fedora_can_be_read() {
    let arch = root().join("packaging/arch");
    for file in ["PKGBUILD", "vasa-camera.install"] {
        told(Command::new("bash").arg("-n").arg(arch.join(file)));
    }
    let script = "source ./PKGBUILD && echo \"$pkgver\" && declare -F build package >/dev/null && [ -e \"$install\" ]";
    let version = told(Command::new("bash").args(["-euc", script]).current_dir(&arch));
    assert_eq!(version.trim(), env!("CARGO_PKG_VERSION"));
    if !installed(&["rpmspec", "rpmlint"]) {
        return;
    }
    let spec = root().join("packaging/fedora/vasa-camera.spec");
    let text = told(Command::new("rpmspec").arg("-P").arg(&spec));
    assert!(text.contains(&format!("Version:        {}", env!("CARGO_PKG_VERSION"))), "{text}");
    told(Command::new("rpmlint").arg(&spec));
    fedora_packs_what_is_installed(&spec);
}

/// rpmbuild with the program under test in place of the compiler's: it fails where %files lacks a file that was installed, or names
/// one that was not. Fedora's own places, which Debian's rpm does not know, are spelt out.
fn fedora_packs_what_is_installed(spec: &Path) {
    if !installed(&["rpmbuild", "git", "strip"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (sources, tools) = (folder.path().join("SOURCES"), folder.path().join("tools"));
    for made in [&sources, &tools] {
        std::fs::create_dir(made).unwrap();
    }
    std::os::unix::fs::symlink("/bin/true", tools.join("cargo")).unwrap();
    let name = concat!("vasa-camera-", env!("CARGO_PKG_VERSION"));
    let archive = sources.join(format!("{name}.tar.gz"));
    let mut git = Command::new("git");
    git.args(["archive", &format!("--prefix={name}/"), "-o"]).arg(archive).arg("HEAD");
    told(git.current_dir(root()));
    let path = format!("{}:{}", tools.display(), std::env::var("PATH").unwrap());
    let mut build = Command::new("rpmbuild");
    build.args(["-bb", "--nodeps", "--nocheck"]).env("PATH", path).env("PROGRAM", vasa());
    build.arg("--define").arg(format!("_topdir {}", folder.path().display()));
    for places in [
        "_userunitdir /usr/lib/systemd/user",
        "_userpresetdir /usr/lib/systemd/user-preset",
        "_systemdusergeneratordir /usr/lib/systemd/user-generators",
        "_modprobedir /usr/lib/modprobe.d",
        "_modulesloaddir /usr/lib/modules-load.d",
        "_metainfodir /usr/share/metainfo",
        "bash_completions_dir /usr/share/bash-completion/completions",
        "zsh_completions_dir /usr/share/zsh/site-functions",
        "fish_completions_dir /usr/share/fish/vendor_completions.d",
        "systemd_user_post() true",
        "systemd_user_preun() true",
        "systemd_user_postun() true",
        // Written fast, and read by nobody.
        "_binary_payload w0.gzdio",
    ] {
        build.args(["--define", places]);
    }
    told(build.arg(spec));
}

/// The value of the guest's line `NAME: VALUE`.
fn value<'a>(log: &'a str, name: &str) -> &'a str {
    let line = log.lines().find_map(|l| l.strip_prefix(name)?.strip_prefix(": "));
    line.unwrap_or_else(|| panic!("the guest never said \"{name}\"")).trim()
}

#[test]
fn the_package_on_a_machine_with_systemd() {
    if !installed(&VM_NEEDS) || !installed(&["v4l2-ctl", "gst-launch-1.0", "busctl", "pipewire", "wireplumber"]) {
        return;
    }
    let _alone = alone();
    let work = tempfile::tempdir().unwrap();
    std::fs::copy(deb(), work.path().join("vasa.deb")).unwrap();
    // GStreamer would look at all its plugins in there, slowly.
    let registry = work.path().join("registry.bin");
    told(Command::new("gst-inspect-1.0").arg("pipewiresrc").env("GST_REGISTRY", &registry));
    let script = std::fs::read_to_string(root().join("tests/kit/vm/package.sh")).unwrap();
    // Five minutes on a quiet machine with two processors; the limit is for one that hangs, not for one that is busy.
    let options = [("VM_GUEST", "systemd"), ("VM_LOOPBACK", "now"), ("VM_CPU", "Nehalem"), ("VM_TIMEOUT", "1200")];
    let guest = vm_boot(work, &format!("WATCHDOG=15\n{script}"), &options);
    println!("{}", guest.log);
    assert_eq!(guest.status, 0);
    let said = |name| value(&guest.log, name);
    assert_eq!(said("enabled"), "/usr/lib/systemd/user/vasa-camera.service");
    // Readiness means that the camera is there.
    assert!(said("outlets when active").contains("\"pipewire\"") || said("outlets when active").contains("\"v4l2\""));
    let frame = 640 * 480 * 2;
    assert_eq!(said("v4l2 bytes"), (5 * frame).to_string());
    assert_eq!(said("pipewire bytes"), (5 * frame).to_string());
    for file in ["v4l2.yuv", "pipewire.yuv"] {
        let bytes = std::fs::read(guest.work.path().join(file)).unwrap();
        // A face before a room, not a single colour: luma varies widely.
        let luma: Vec<u8> = bytes[bytes.len() - frame..].iter().step_by(2).copied().collect();
        let (low, high) = (luma.iter().min().unwrap(), luma.iter().max().unwrap());
        assert!(high - low > 120, "{file}: luma {low}..{high}");
    }
    assert_eq!(said("profile"), "s \"happy\"");
    assert_eq!(said("NoNewPrivs"), "1");
    assert_eq!(said("Seccomp"), "2");
    assert_eq!(said("network devices"), "lo");
    assert_eq!(said("network outside"), "connected");
    assert_eq!(said("network inside"), "Address family not supported by protocol");
    let written: Vec<_> = guest.log.lines().filter_map(|l| l.strip_prefix("written: ")).collect();
    assert_eq!(written, ["/home/vasa/.local/state/vasa-camera/probe"], "the sandbox is open, or shut too tight");
    assert_eq!(said("signals of sleep"), "2", "one before, one after");
    assert_eq!((said("log of going to sleep"), said("log of sleep")), ("1", "1"));
    assert_eq!(said("same process"), "yes");
    // Printed, not judged: the machine is emulated.
    for time in ["active after login", "frames away", "back after kill", "back after stop"] {
        println!("{time}: {}", said(time));
    }
    assert_eq!(said("watchdog"), "Watchdog timeout");
    assert_eq!(said("the apps"), "still read");
    assert_eq!(said("restarted"), "once they were gone");
    assert_eq!(said("version"), format!("s \"{}\"", env!("CARGO_PKG_VERSION")));
    assert_eq!(said("started by D-Bus"), "in the unit");
    assert_eq!(said("without namespaces"), "Seccomp: 2");
    assert_eq!(said("runs on"), "0");
    assert_eq!(said("left"), "");
}
