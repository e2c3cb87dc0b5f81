//! The module v4l2loopback and the device files, from /proc, /sys, /lib/modules and /dev.

use super::{output, read};
use crate::doctor::machine::{Device, Devices, Loaded, Module};
use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

const MODULE: &str = "v4l2loopback";

/// UEFI's variable; four bytes of attributes before its one byte.
const SECURE_BOOT: &str = "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c";

pub fn module() -> Module {
    let kernel = read("/proc/sys/kernel/osrelease").unwrap_or_default().trim().to_owned();
    let files = read(format!("/lib/modules/{kernel}/modules.dep")).unwrap_or_default();
    let installed = files.lines().any(|l| l.split(':').next().is_some_and(|f| f.contains("/v4l2loopback.ko")));
    let signer = if installed { output("modinfo", &["-F", "signer", MODULE]).ok() } else { None };
    let sources = std::fs::read_dir("/usr/src").into_iter().flatten().flatten();
    Module {
        loaded: loaded(),
        installed,
        source: sources.into_iter().any(|e| e.file_name().to_string_lossy().starts_with(MODULE)),
        signer: signer.map(|s| s.trim().to_owned()).filter(|s| !s.is_empty()),
        secure_boot: std::fs::read(SECURE_BOOT).is_ok_and(|bytes| bytes.last() == Some(&1)),
        options: lines_of("modprobe.d").into_iter().filter(|l| is_option(l)).collect(),
        at_boot: lines_of("modules-load.d").iter().any(|l| l == MODULE),
        kernel,
    }
}

fn is_option(line: &str) -> bool {
    let mut words = line.split_whitespace();
    words.next() == Some("options") && words.next() == Some(MODULE)
}

fn loaded() -> Option<Loaded> {
    let folder = Path::new("/sys/module").join(MODULE);
    if !folder.is_dir() {
        return None;
    }
    let devices = std::fs::read_dir("/sys/devices/virtual/video4linux").into_iter().flatten().flatten();
    let mut devices: Vec<(PathBuf, String)> = devices
        .map(|e| {
            let name = read(e.path().join("name")).unwrap_or_default();
            (Path::new("/dev").join(e.file_name()), name.trim_end().to_owned())
        })
        .collect();
    devices.sort();
    let caps = read(folder.join("parameters/exclusive_caps")).unwrap_or_default();
    Some(Loaded {
        version: read(folder.join("version")).unwrap_or_default().trim().to_owned(),
        exclusive_caps: caps.trim().split(',').filter(|v| !v.is_empty()).map(|v| v == "Y").collect(),
        devices,
    })
}

/// The lines of all files of a drop-in folder, comments left out.
fn lines_of(folder: &str) -> Vec<String> {
    let mut all = Vec::new();
    for base in ["/etc", "/run", "/usr/local/lib", "/usr/lib", "/lib"] {
        let entries = std::fs::read_dir(Path::new(base).join(folder)).into_iter().flatten().flatten();
        for path in entries.map(|e| e.path()).filter(|p| p.extension().is_some_and(|e| e == "conf")) {
            let text = read(path).unwrap_or_default();
            let lines = text.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#'));
            all.extend(lines.map(str::to_owned));
        }
    }
    all.sort();
    all.dedup();
    all
}

pub fn devices() -> Devices {
    let groups = output("id", &["-nG"]).unwrap_or_default();
    Devices {
        groups: groups.split_whitespace().map(str::to_owned).collect(),
        video: files("/dev", "video"),
        render: files("/dev/dri", "renderD"),
    }
}

/// The device files that are called `prefix` and a number.
fn files(folder: &str, prefix: &str) -> Vec<Device> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let is_ours = |name: &str| name.strip_prefix(prefix).is_some_and(|n| n.parse::<u32>().is_ok());
    let found = entries.filter(|e| e.file_name().to_str().is_some_and(is_ours)).map(|e| e.path());
    let mut found: Vec<_> = found.map(|path| Device { usable: usable(&path), path }).collect();
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

/// Whether this user may read and write the file. It is not opened: that would wake a real webcam.
fn usable(path: &Path) -> bool {
    let Ok(path) = CString::new(path.as_os_str().as_bytes()) else { return false };
    // SAFETY: access(2) reads the string, which ends in a zero and outlives the call.
    unsafe { libc::access(path.as_ptr(), libc::R_OK | libc::W_OK) == 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_told_from_other_lines() {
        assert!(is_option("options v4l2loopback exclusive_caps=1"));
        assert!(!is_option("options v4l2loopback2 exclusive_caps=1") && !is_option("alias v4l2loopback x"));
    }

    #[test]
    fn what_may_be_used_is_known_without_opening_it() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("video3"), "").unwrap();
        std::fs::write(folder.path().join("videoX"), "").unwrap();
        let found = files(folder.path().to_str().unwrap(), "video");
        assert!(found.len() == 1 && found[0].usable && found[0].path.ends_with("video3"), "{found:?}");
        assert!(!usable(&folder.path().join("video4")) && files("/no/such/folder", "video").is_empty());
    }
}
