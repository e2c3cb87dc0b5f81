//! What was chosen while the program ran and holds after a restart: `choices.toml` in the state folder. Settings are never
//! written by the program; what they say from now on counts again.

use super::{Background, Paths, Settings};
use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::DirBuilderExt;

const FILE: &str = "choices.toml";

/// Two names and two paths; more than this is something else. Bytes.
const MOST: u64 = 32 * 1024;

/// Who is seen, before what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Looks {
    /// By its name.
    pub avatar: String,
    pub background: Background,
}

/// The file as written: each choice beside what the settings said then.
#[derive(Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
struct Written {
    #[serde(skip_serializing_if = "Option::is_none")]
    avatar: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    instead_of: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    background: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    background_instead_of: Option<String>,
}

/// What to show: what was chosen last, unless the settings have said something else since.
///
/// # Errors
/// The file is broken, or cannot be read.
pub fn chosen(paths: &Paths, settings: &Settings) -> Result<Looks> {
    let mut looks = settings.looks();
    let path = paths.state.join(FILE);
    let told = || format!("{} cannot be used; remove it", path.display());
    let text = match std::fs::metadata(&path) {
        Ok(m) if m.is_file() && m.len() <= MOST => std::fs::read_to_string(&path).with_context(told)?,
        Ok(_) => return Err(anyhow::anyhow!("it is no small file")).with_context(told),
        Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(looks),
        Err(e) => return Err(e).with_context(told),
    };
    let written: Written = toml::from_str(&text).with_context(told)?;
    // A choice without its counterpart says nothing that can be trusted.
    let missing = || anyhow::anyhow!("a choice stands without what it was made in place of");
    let pair = |choice: Option<String>, instead_of: Option<String>| match (choice, instead_of) {
        (Some(choice), Some(instead_of)) => Ok(Some((choice, instead_of))),
        (None, None) => Ok(None),
        _ => Err(missing()).with_context(told),
    };
    if let Some((avatar, instead_of)) = pair(written.avatar, written.instead_of)?
        && instead_of == settings.avatar
    {
        looks.avatar = avatar;
    }
    if let Some((background, instead_of)) = pair(written.background, written.background_instead_of)?
        && instead_of == settings.background.to_string()
    {
        looks.background = Background::parse(&background).map_err(anyhow::Error::msg).with_context(told)?;
    }
    Ok(looks)
}

/// Keeps `looks` as the choice, where the settings say `configured`.
///
/// # Errors
/// The state folder cannot be written.
pub fn keep(paths: &Paths, configured: &Looks, looks: &Looks) -> Result<()> {
    let path = paths.state.join(FILE);
    let told = || format!("error writing {}", path.display());
    if looks == configured {
        return match std::fs::remove_file(&path) {
            Err(e) if e.kind() != ErrorKind::NotFound => Err(e).with_context(told),
            _ => Ok(()),
        };
    }
    let mut written = Written::default();
    if looks.avatar != configured.avatar {
        written.avatar = Some(looks.avatar.clone());
        written.instead_of = Some(configured.avatar.clone());
    }
    if looks.background != configured.background {
        written.background = Some(looks.background.to_string());
        written.background_instead_of = Some(configured.background.to_string());
    }
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

    fn looks(avatar: &str, background: &str) -> Looks {
        Looks { avatar: avatar.into(), background: Background::parse(background).unwrap() }
    }

    fn says(looks: &Looks) -> Settings {
        Settings { avatar: looks.avatar.clone(), background: looks.background.clone(), ..Settings::default() }
    }

    #[test]
    fn a_choice_holds_until_the_settings_say_something_else() {
        let dir = tempfile::tempdir().unwrap();
        let paths = Paths { state: dir.path().join("state"), ..Paths::find() };
        let chosen = |avatar: &str, background: &str| chosen(&paths, &says(&looks(avatar, background))).unwrap();
        let keep = |looks: &Looks| keep(&paths, &self::looks("anna", "plate"), looks).unwrap();
        assert_eq!(chosen("anna", "plate"), looks("anna", "plate"));
        keep(&looks("kofi", "plate"));
        assert_eq!(chosen("anna", "plate"), looks("kofi", "plate"));
        assert_eq!(chosen("mei", "blur"), looks("mei", "blur"));
        keep(&looks("kofi", "/a/room.jpg"));
        assert_eq!(chosen("anna", "plate"), looks("kofi", "/a/room.jpg"));
        // Each by itself.
        assert_eq!(chosen("mei", "plate"), looks("mei", "/a/room.jpg"));
        assert_eq!(chosen("anna", "#102030"), looks("kofi", "#102030"));
        keep(&looks("anna", "plate"));
        assert_eq!(chosen("anna", "plate"), looks("anna", "plate"));
        assert!(!paths.state.join(FILE).exists());
    }

    #[test]
    fn a_broken_file_is_told_with_its_remedy() {
        let dir = tempfile::tempdir().unwrap();
        let paths = Paths { state: dir.path().into(), ..Paths::find() };
        for text in [
            "avatar = 3",
            "avatar = \"kofi\"",
            "background = \"beach\"\nbackground_instead_of = \"plate\"",
            &"#".repeat(50_000),
        ] {
            std::fs::write(dir.path().join(FILE), text).unwrap();
            let e = format!("{:#}", chosen(&paths, &Settings::default()).unwrap_err());
            assert!(e.contains("choices.toml") && e.contains("remove it"), "{e}");
        }
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_told() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("state"), "a file").unwrap();
        let paths = Paths { state: dir.path().join("state"), ..Paths::find() };
        let e = keep(&paths, &looks("anna", "plate"), &looks("anna", "blur")).unwrap_err();
        assert!(e.to_string().contains("choices.toml"));
    }
}
