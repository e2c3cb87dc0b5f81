//! The key of this installation, as far as there is one: none is ever made here.

use crate::config::Paths;
use crate::identity::Identity;
use crate::mark::payload::Payload;

/// Whose mark it is, seen from here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Maker {
    ThisInstallation,
    AnotherInstallation,
    /// It names this installation, but was not made with its key.
    Forged,
    /// There is no key here to compare with.
    NotTold,
}

pub struct Key {
    identity: Option<Identity>,
    /// Why nothing can be told; None where there is a key.
    pub why_not: Option<String>,
}

impl Key {
    /// Looks for the installation's key; never makes one.
    pub fn find(paths: &Paths) -> Self {
        match Identity::existing(paths) {
            Ok(Some(identity)) => Self { identity: Some(identity), why_not: None },
            Ok(None) => Self { identity: None, why_not: Some("no key here to tell".into()) },
            Err(e) => Self { identity: None, why_not: Some(super::text::clean(&format!("{e:#}"))) },
        }
    }

    pub fn maker(&self, payload: &Payload) -> Maker {
        match &self.identity {
            None => Maker::NotTold,
            Some(identity) if payload.is_by(identity) => Maker::ThisInstallation,
            Some(identity) if payload.key == identity.id() => Maker::Forged,
            Some(_) => Maker::AnotherInstallation,
        }
    }
}
