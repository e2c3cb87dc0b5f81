//! What to do, on each of the distributions that we know.

use serde::Serialize;

/// A family of distributions that shares its packages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Distribution {
    Debian,
    Ubuntu,
    Fedora,
    Arch,
}

impl Distribution {
    pub const ALL: [Distribution; 4] =
        [Distribution::Debian, Distribution::Ubuntu, Distribution::Fedora, Distribution::Arch];

    /// The one that an `os-release(5)` file is of: by `ID`, then by `ID_LIKE`, the nearest first. None: none that we know.
    pub fn of(os_release: &str) -> Option<Self> {
        let value = |key: &str| {
            let line = os_release.lines().find_map(|l| l.trim().strip_prefix(key)?.strip_prefix('='));
            line.unwrap_or_default().trim_matches(['"', '\'']).to_lowercase()
        };
        let ids = format!("{} {}", value("ID"), value("ID_LIKE"));
        ids.split_whitespace().find_map(|id| Self::ALL.into_iter().find(|d| d.name().to_lowercase() == id))
    }

    pub fn name(self) -> &'static str {
        match self {
            Distribution::Debian => "Debian",
            Distribution::Ubuntu => "Ubuntu",
            Distribution::Fedora => "Fedora",
            Distribution::Arch => "Arch",
        }
    }
}

/// The way out, as one would type it, for each family.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Remedy {
    pub debian: String,
    pub ubuntu: String,
    pub fedora: String,
    pub arch: String,
}

impl Remedy {
    /// The same everywhere.
    pub fn everywhere(text: impl Into<String>) -> Self {
        let text = text.into();
        Self { debian: text.clone(), ubuntu: text.clone(), fedora: text.clone(), arch: text }
    }

    /// Installs packages: Debian and Ubuntu, Fedora, Arch.
    pub fn install(debian: &str, fedora: &str, arch: &str) -> Self {
        Self {
            debian: format!("sudo apt install {debian}"),
            ubuntu: format!("sudo apt install {debian}"),
            fedora: format!("sudo dnf install {fedora}"),
            arch: format!("sudo pacman -S {arch}"),
        }
    }

    /// And once that has worked.
    pub fn then(self, next: &str) -> Self {
        let both = |first: String| format!("{first} && {next}");
        Self { debian: both(self.debian), ubuntu: both(self.ubuntu), fedora: both(self.fedora), arch: both(self.arch) }
    }

    /// With a word on when it applies, or on what comes after it.
    pub fn note(self, words: &str) -> Self {
        let both = |first: String| format!("{first}  ({words})");
        Self { debian: both(self.debian), ubuntu: both(self.ubuntu), fedora: both(self.fedora), arch: both(self.arch) }
    }

    /// With a word for Fedora alone.
    pub fn on_fedora(mut self, words: &str) -> Self {
        self.fedora = format!("{}  ({words})", self.fedora);
        self
    }

    pub fn on(&self, distribution: Distribution) -> &str {
        match distribution {
            Distribution::Debian => &self.debian,
            Distribution::Ubuntu => &self.ubuntu,
            Distribution::Fedora => &self.fedora,
            Distribution::Arch => &self.arch,
        }
    }

    /// Whether it is one and the same on all.
    pub fn is_everywhere(&self) -> bool {
        Distribution::ALL.iter().all(|d| self.on(*d) == self.debian)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_distribution_is_known_by_its_name_or_by_those_it_is_like() {
        for (text, want) in [
            ("PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nID=debian\n", Some(Distribution::Debian)),
            ("ID=ubuntu\nID_LIKE=debian\n", Some(Distribution::Ubuntu)),
            ("ID=linuxmint\nID_LIKE=\"ubuntu debian\"\n", Some(Distribution::Ubuntu)),
            ("ID=raspbian\nID_LIKE=debian\n", Some(Distribution::Debian)),
            ("ID=\"fedora\"\n", Some(Distribution::Fedora)),
            ("ID='rhel'\nID_LIKE='centos fedora'\n", Some(Distribution::Fedora)),
            ("ID=manjaro\nID_LIKE=arch\n", Some(Distribution::Arch)),
            ("ID=nixos\n", None),
            ("VARIANT_ID=debian\n", None),
            ("", None),
            ("\u{0}\nID", None),
        ] {
            assert_eq!(Distribution::of(text), want, "{text:?}");
        }
    }

    #[test]
    fn a_remedy_is_written_for_all_four() {
        let remedy = Remedy::install("a-dkms", "akmod-a", "a").then("sudo modprobe a");
        assert_eq!(remedy.on(Distribution::Ubuntu), "sudo apt install a-dkms && sudo modprobe a");
        assert_eq!(remedy.on(Distribution::Fedora), "sudo dnf install akmod-a && sudo modprobe a");
        assert_eq!(remedy.on(Distribution::Arch), "sudo pacman -S a && sudo modprobe a");
        assert!(!remedy.is_everywhere() && Remedy::everywhere("x").is_everywhere());
    }
}
