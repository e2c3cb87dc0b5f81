//! Content credentials (C2PA 2.x): a signed statement in each rendered file about what it is and what made it.
//!
//! The crate `c2pa` builds the manifest and binds it to the bytes of the file; [`settle`] then takes the chance out of it, so that
//! the same file gets the same credentials. Nothing here opens a socket: no time stamps, no revocation lists, no remote manifests.

mod authority;
mod bounds;
mod files;
mod manifest;
mod pss;
mod read;
mod settle;
mod signer;

pub use read::{Report, SignedBy, read, sidecar_of};

use crate::config::CertificateFiles;
use crate::identity::{Identity, KeyId};
use anyhow::{Context, Result};
use sha2::{Digest, Sha256};
use signer::{Placeholder, Seal};
use std::io::{Read, Seek, Write};

/// Bytes of a file that are kept in memory while it is signed; longer ones go through temporary files.
const IN_MEMORY: usize = 16 << 20;

/// How a file carries its credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Mp4,
    Png,
    /// No place in the format for a manifest: it goes into a file beside it ([`sidecar_of`]).
    Webm,
}

impl Format {
    fn mime(self) -> &'static str {
        match self {
            Format::Mp4 => "video/mp4",
            Format::Png => "image/png",
            Format::Webm => "video/webm",
        }
    }
}

/// What a manifest says about one file.
#[derive(Clone, Debug)]
pub struct Made {
    /// The avatar's name.
    pub avatar: String,
    /// When it was rendered, as RFC 3339 writes it; None keeps the bytes repeatable.
    pub when: Option<String>,
    /// The installation whose key authenticates the invisible mark of the frames; None where they carry none.
    pub mark: Option<KeyId>,
}

/// Signs files for this installation.
pub struct Credentials {
    seal: Seal,
    /// Keys the identifiers and salts, so that they repeat here and cannot be guessed elsewhere.
    chance: [u8; 32],
}

impl Credentials {
    /// With the certificate that the settings name, or with the installation's own.
    ///
    /// # Errors
    /// The named files cannot be read, do not belong together, or do not suit content credentials.
    pub fn open(identity: &Identity, named: Option<&CertificateFiles>) -> Result<Self> {
        let seal = match named {
            Some(named) => files::load(named)?,
            None => Seal::own(identity)?,
        };
        Ok(Self { seal, chance: identity.authenticate("credentials chance", &[]) })
    }

    /// Writes `unsigned` with its credentials into the empty `signed`. Memory is bounded, however long the file is.
    ///
    /// # Errors
    /// `unsigned` is no file of this format, the format cannot carry credentials, reading or writing fails.
    pub fn embed<R, W>(&self, made: &Made, format: Format, unsigned: &mut R, signed: &mut W) -> Result<()>
    where
        R: Read + Seek + Send,
        W: Read + Write + Seek + Send,
    {
        let mut draft = tempfile::SpooledTempFile::new(IN_MEMORY);
        let store = self.store(made, format, unsigned, &mut draft)?;
        // The settled manifest is as long as the draft's and takes its place: the hash over everything else still holds.
        draft.rewind().context("error reading the draft of the credentials")?;
        c2pa::jumbf_io::save_jumbf_to_stream(format.mime(), &mut draft, signed, &store)
            .context("error embedding the content credentials")?;
        signed.flush().context("error writing the content credentials")
    }

    /// The credentials of a file whose format cannot carry them.
    ///
    /// # Errors
    /// As [`Credentials::embed`].
    pub fn beside<R: Read + Seek + Send>(&self, made: &Made, format: Format, file: &mut R) -> Result<Vec<u8>> {
        let mut copy = tempfile::SpooledTempFile::new(IN_MEMORY);
        self.store(made, format, file, &mut copy)
    }

    /// The finished manifest store; `draft` gets the file with the unfinished one, where the format has a place for it.
    fn store<R, W>(&self, made: &Made, format: Format, unsigned: &mut R, draft: &mut W) -> Result<Vec<u8>>
    where
        R: Read + Seek + Send,
        W: Read + Write + Seek + Send,
    {
        // The same content said to be the same thing gets the same identifiers, and different ones from any other.
        let hash = digest(unsigned).context("error reading what to sign")?;
        let content = [hash.as_slice(), format!("{made:?}").as_bytes()].concat();
        let id = self.repeatable(&content, "id");

        let mut builder = manifest::builder(made, id)?;
        if format == Format::Webm {
            builder.set_no_embed(true);
        }
        let mut store = builder
            .sign(&Placeholder(&self.seal), format.mime(), unsigned, draft)
            .context("error making the content credentials")?;
        settle::settle(&mut store, |label| self.repeatable(&content, label), |claim| self.seal.claim(claim))?;
        Ok(store)
    }

    /// 16 bytes that look like chance and are the same for the same content and name.
    fn repeatable(&self, content: &[u8], name: &str) -> [u8; 16] {
        let hash = Sha256::new().chain_update(self.chance).chain_update(content).chain_update(name).finalize();
        hash.first_chunk().copied().unwrap_or_default()
    }
}

/// SHA-256 over a whole file, which is left at its beginning.
fn digest<R: Read + Seek>(file: &mut R) -> std::io::Result<Vec<u8>> {
    file.rewind()?;
    let mut hash = Sha256::new();
    let mut block = vec![0; 1 << 16];
    loop {
        match file.read(&mut block)? {
            0 => break,
            n => hash.update(&block[..n]),
        }
    }
    file.rewind()?;
    Ok(hash.finalize().to_vec())
}
