//! Where things lie, after the XDG base directory specification.

use std::path::{Path, PathBuf};

const NAME: &str = "vasa-camera";

/// The folders of this installation.
///
/// Read-only parts (avatars, profiles, our networks) come from, in this order: `$VASA_DATA_DIR`, the checkout that the
/// program was built in, the user's data folder, the system's. Models that were installed lie in the first writable one.
#[derive(Clone, Debug)]
pub struct Paths {
    /// Folders that may hold `profiles/` and `models/`, the first wins.
    pub data: Vec<PathBuf>,
    /// The settings file.
    pub settings: PathBuf,
    /// The folder with the user's own `profiles/`.
    pub config: PathBuf,
    /// Where `vasa models install` puts files.
    pub models: PathBuf,
    /// What the program keeps for itself: the installation's key, the session log.
    pub state: PathBuf,
    /// The one of `data` that takes the user's own avatars: `$VASA_DATA_DIR`, or the user's data folder.
    pub own: PathBuf,
}

impl Paths {
    /// Finds the folders from the environment and from where the program itself lies.
    pub fn find() -> Self {
        let env = |key: &str| std::env::var_os(key).filter(|v| !v.is_empty()).map(PathBuf::from);
        let checkout = std::env::current_exe()
            .ok()
            .and_then(|exe| exe.ancestors().find(|d| d.join("models/manifest.toml").is_file()).map(Path::to_path_buf));
        let base = xdg::BaseDirectories::with_prefix(NAME);
        let user_data = base.get_data_home().unwrap_or_else(|| std::env::temp_dir().join(NAME));
        let own = env("VASA_DATA_DIR").unwrap_or_else(|| user_data.clone());
        let mut data: Vec<PathBuf> = env("VASA_DATA_DIR").into_iter().chain(checkout.clone()).collect();
        data.push(user_data.clone());
        data.extend(base.get_data_dirs());
        let models = env("VASA_MODELS_DIR")
            .or_else(|| checkout.map(|c| c.join(".cache/models")))
            .unwrap_or_else(|| user_data.join("models"));
        let config = base.get_config_home().unwrap_or_else(|| std::env::temp_dir().join(NAME));
        let state = base.get_state_home().unwrap_or_else(|| std::env::temp_dir().join(NAME));
        Self { data, settings: config.join("settings.toml"), config, models, state, own }
    }

    /// The first data folder that has `relative`.
    pub fn locate(&self, relative: impl AsRef<Path>) -> Option<PathBuf> {
        self.data.iter().map(|d| d.join(relative.as_ref())).find(|p| p.exists())
    }

    /// The folders of profiles, the ones that came with the program first and the user's own last.
    pub fn profiles(&self) -> Vec<PathBuf> {
        let mut all: Vec<_> = self.data.iter().rev().map(|d| d.join("profiles")).collect();
        all.push(self.config.join("profiles"));
        all
    }
}
