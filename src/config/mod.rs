//! Files as written, checked into settings and profiles; and where things lie.

mod background;
mod certificate;
mod choices;
mod emotion;
mod label;
mod locale;
mod mirror;
mod paths;
mod profile;
mod settings;

pub use background::Background;
pub use certificate::{CertificateFiles, SignatureAlgorithm};
pub use choices::{Looks, chosen, keep};
pub use emotion::{Emotion, Emotions};
pub use label::{Corner, LabelSettings, LabelStyle};
pub use locale::{language, locale};
pub use mirror::{Lead, MOST_GAIN, Manner, MannerChange, MirrorSettings, Part, Side, check_person};
pub use paths::Paths;
pub use profile::{MotionStyle, Profile, ProfileError, Profiles};
pub use settings::{Input, LONGEST_WORD, MOST_WORDS, Network, RevoiceMode, Settings, check_words};
