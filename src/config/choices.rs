//! What was chosen while the program ran and holds after a restart: `choices.toml` in the state folder. Settings are never
//! written by the program; what they say from now on counts again.

use super::{Paths, Settings};
use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::DirBuilderExt;

const FILE: &str = "choices.toml";

/// A few words; more than this is something else. Bytes.
const MOST: u64 = 4096;

/// The file as written.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Written {
    avatar: String,
    /// What the settings said then.
    instead_of: String,
}

/// The avatar to show: the last one chosen, unless the settings have named another one since.
///
/// # Errors
/// The file is broken, or cannot be read.
pub fn chosen_avatar(paths: &Paths, settings: &Settings) -> Result<String> {
    let path = paths.state.join(FILE);
    let told = || format!("{} cannot be used; remove it", path.display());
    let text = match std::fs::metadata(&path) {
        Ok(m) if m.is_file() && m.len() <= MOST => std::fs::read_to_string(&path).with_context(told)?,
        Ok(_) => return Err(anyhow::anyhow!("it is no small file")).with_context(told),
        Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(settings.avatar.clone());
        }
        Err(e) => return Err(e).with_context(told),
    };
    let written: Written = toml::from_str(&text).with_context(told)?;
    Ok(if written.instead_of == settings.avatar { written.avatar } else { settings.avatar.clone() })
}

/// Keeps `avatar` as the choice, where the settings say `configured`.
///
/// # Errors
/// The state folder cannot be written.
pub fn keep_avatar(paths: &Paths, configured: &str, avatar: &str) -> Result<()> {
    let path = paths.state.join(FILE);
    let told = || format!("error writing {}", path.display());
    if avatar == configured {
        return match std::fs::remove_file(&path) {
            Err(e) if e.kind() != ErrorKind::NotFound => Err(e).with_context(told),
            _ => Ok(()),
        };
    }
    let written = Written { avatar: avatar.into(), instead_of: configured.into() };
    let write = || -> Result<()> {
        let text = format!("# Chosen while the program ran (docs/settings.md).\n{}", toml::to_string(&written)?);
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&paths.state)?;
        let mut file = tempfile::NamedTempFile::new_in(&paths.state)?;
        file.write_all(text.as_bytes())?;
        file.as_file().sync_data()?;
        file.persist(&path)?;
        Ok(())
    };
    write().with_context(told)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_holds_until_the_settings_name_somebody_else() {
        let dir = tempfile::tempdir().unwrap();
        let paths = Paths { state: dir.path().join("state"), ..Paths::find() };
        let says = |avatar: &str| Settings { avatar: avatar.into(), ..Settings::default() };
        let chosen = |avatar: &str| chosen_avatar(&paths, &says(avatar)).unwrap();
        assert_eq!(chosen("anna"), "anna");
        keep_avatar(&paths, "anna", "kofi").unwrap();
        assert_eq!((chosen("anna"), chosen("mei")), ("kofi".into(), "mei".into()));
        keep_avatar(&paths, "anna", "anna").unwrap();
        assert_eq!(chosen("anna"), "anna");
        assert!(!paths.state.join(FILE).exists());
    }

    #[test]
    fn a_broken_file_is_told_with_its_remedy() {
        let dir = tempfile::tempdir().unwrap();
        let paths = Paths { state: dir.path().into(), ..Paths::find() };
        for text in ["avatar = 3", "avatar = \"kofi\"", &"#".repeat(5000)] {
            std::fs::write(dir.path().join(FILE), text).unwrap();
            let e = format!("{:#}", chosen_avatar(&paths, &Settings::default()).unwrap_err());
            assert!(e.contains("choices.toml") && e.contains("remove it"), "{e}");
        }
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_told() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("state"), "a file").unwrap();
        let paths = Paths { state: dir.path().join("state"), ..Paths::find() };
        assert!(keep_avatar(&paths, "anna", "kofi").unwrap_err().to_string().contains("choices.toml"));
    }
}
