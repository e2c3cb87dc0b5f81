//! `org.vasacamera.VasaCamera1.Listening`: captions, and the user's voice spoken again by the synthetic one.

use super::error::Error;
use crate::daemon::view::{Handle, Request};
use zbus::interface;

pub struct ListeningInterface {
    handle: Handle,
}

impl ListeningInterface {
    pub fn new(handle: Handle) -> Self {
        Self { handle }
    }
}

#[interface(name = "org.vasacamera.VasaCamera1.Listening")]
impl ListeningInterface {
    #[zbus(property)]
    async fn captions(&self) -> bool {
        self.handle.now().captions
    }

    #[zbus(property)]
    pub async fn set_captions(&self, value: bool) -> Result<(), Error> {
        Ok(self.handle.ask(Request::SetCaptions(value)).await.map(drop)?)
    }

    #[zbus(property)]
    async fn subtitles(&self) -> bool {
        self.handle.now().subtitles
    }

    #[zbus(property)]
    pub async fn set_subtitles(&self, value: bool) -> Result<(), Error> {
        Ok(self.handle.ask(Request::SetSubtitles(value)).await.map(drop)?)
    }

    #[zbus(property)]
    async fn language(&self) -> String {
        self.handle.now().language.clone()
    }

    #[zbus(property)]
    pub async fn set_language(&self, value: String) -> Result<(), Error> {
        Ok(self.handle.ask(Request::SetLanguage(value)).await.map(drop)?)
    }

    #[zbus(property)]
    async fn words(&self) -> Vec<String> {
        self.handle.now().words.clone()
    }

    #[zbus(property)]
    pub async fn set_words(&self, value: Vec<String>) -> Result<(), Error> {
        Ok(self.handle.ask(Request::SetWords(value)).await.map(drop)?)
    }

    #[zbus(property)]
    async fn revoice_mode(&self) -> String {
        self.handle.now().revoice.name().into()
    }

    #[zbus(property)]
    pub async fn set_revoice_mode(&self, value: String) -> Result<(), Error> {
        Ok(self.handle.ask(Request::SetRevoiceMode(value)).await.map(drop)?)
    }

    #[zbus(property)]
    async fn pending(&self) -> Vec<(u64, String)> {
        self.handle.now().pending.clone()
    }

    async fn accept(&self, id: u64, text: String) -> Result<(), Error> {
        Ok(self.handle.ask(Request::Accept { id, text }).await.map(drop)?)
    }

    async fn reject(&self, id: u64) -> Result<(), Error> {
        Ok(self.handle.ask(Request::Reject(id)).await.map(drop)?)
    }
}
