//! Whose face a photo avatar shows, and that this was agreed to: the signed record in its folder (`docs/consent.md`).

mod answer;
mod file;

pub use answer::{Answer, Whose};

use super::hash;
use crate::calendar;
use crate::hex;
use crate::identity::{self, Identity, KeyId};
use anyhow::{Context, Result, bail};
use std::path::Path;

/// The record's file in the avatar's folder.
pub const FILE: &str = "consent.toml";

/// What the signature is for, in [`Identity::sign`].
const PURPOSE: &str = "consent";

/// A record as it was read: its text is whole and its values are in their ranges. Whether it holds says [`Consent::verify`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consent {
    pub answer: Answer,
    /// When, in seconds since 1970.
    pub recorded: u64,
    /// SHA-256 of the picture that the avatar was made from.
    pub picture: [u8; 32],
    /// SHA-256 over the avatar's other files, as [`hash::files`] says.
    pub files: [u8; 32],
    /// The public key of the installation that recorded it.
    pub key: [u8; 32],
    /// The bytes that are signed.
    signed: String,
    signature: [u8; 64],
}

/// Whether an avatar of this kind (as in its manifest) must have a record. Only people who do not exist need none.
pub fn required(kind: &str) -> bool {
    kind != "model"
}

impl Consent {
    /// Writes the record into the avatar's folder, whole or not at all, over an earlier one. `picture` is the SHA-256 of the picture
    /// that the avatar was made from; `now` is in seconds since 1970. All other files of the avatar must be there already.
    ///
    /// # Errors
    /// An answer that is not usable ([`Answer::check`]), a folder that cannot be read or written.
    pub fn record(identity: &Identity, answer: &Answer, picture: [u8; 32], folder: &Path, now: u64) -> Result<()> {
        answer.check(now).map_err(|e| anyhow::anyhow!(e))?;
        file::tidy(folder)?;
        let mut consent = Self {
            answer: answer.clone(),
            recorded: now,
            picture,
            files: hash::files(folder, &[FILE])?,
            key: identity.public(),
            signed: String::new(),
            signature: [0; 64],
        };
        consent.signed = file::spell(&consent);
        consent.signature = identity.sign(PURPOSE, consent.signed.as_bytes());
        let text = file::with_signature(&consent);
        // What we could not read again must never be written.
        if file::parse(text.as_bytes())? != consent {
            bail!("the record would not be read back as it was given; use plain letters in names and statement");
        }
        file::write(folder, &text)
    }

    /// Reads the record of an avatar.
    ///
    /// # Errors
    /// There is none, it cannot be read, is broken, or was made by a newer version: one sentence with the remedy.
    pub fn read(folder: &Path) -> Result<Self> {
        file::parse(&file::read(folder)?)
    }

    /// Whether the record was signed by whom it names, and the avatar's files are those that it was made for.
    ///
    /// # Errors
    /// It was not, or they are not: one sentence with the remedy.
    pub fn verify(&self, folder: &Path) -> Result<()> {
        if !identity::verify(&self.key, PURPOSE, self.signed.as_bytes(), &self.signature) {
            bail!(
                "{FILE} was changed after it was signed; bring the file back, or record consent again with `vasa avatar consent NAME`"
            );
        }
        if hash::files(folder, &[FILE]).context("the files that consent was given for cannot be compared")?
            != self.files
        {
            bail!(
                "the avatar's files are not those that consent was recorded for; bring them back, or record consent again with \
                 `vasa avatar consent NAME`"
            );
        }
        Ok(())
    }

    /// Reads and verifies the record of an avatar: what [`super::Avatar::load`] wants of a photo.
    ///
    /// # Errors
    /// As [`Consent::read`] and [`Consent::verify`].
    pub fn require(folder: &Path) -> Result<Self> {
        let consent = Self::read(folder)?;
        consent.verify(folder)?;
        Ok(consent)
    }

    /// The installation that recorded it.
    pub fn signer(&self) -> KeyId {
        KeyId::of(&self.key)
    }

    /// The record as people read it: what is said, and how.
    pub fn lines(&self) -> Vec<(&'static str, String)> {
        let mut lines = self.answer.lines();
        lines.push(("recorded", calendar::utc(self.recorded)));
        lines.push(("picture", hex::encode(&self.picture)));
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::Date;

    const NOW: u64 = 1_795_594_734;

    fn me() -> Identity {
        Identity::from_secret(&[7; 32])
    }

    fn avatar() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("portrait.jpg"), "a picture").unwrap();
        std::fs::write(dir.path().join("avatar.toml"), "kind = \"photo\"").unwrap();
        dir
    }

    fn answers() -> Vec<Answer> {
        let text = |s: &str| Some(s.to_owned());
        [
            Whose::Own,
            Whose::Person { name: "Zoë \"Zo\" O'Hara \\ 雪".into(), agreed: Date::parse("2026-11-20").unwrap() },
            Whose::Artwork { title: text("La Gioconda"), author: text("Leonardo") },
            Whose::Artwork { title: None, author: None },
        ]
        .map(|whose| Answer { whose, statement: "Yes: \"this\" is right. # not a comment \\n".into() })
        .into()
    }

    fn told<T: std::fmt::Debug>(result: Result<T>) -> String {
        let e = format!("{:#}", result.unwrap_err());
        assert!(!e.contains('\n'), "{e}");
        e
    }

    #[test]
    fn what_was_recorded_is_read_back_and_holds() {
        for answer in answers() {
            let dir = avatar();
            Consent::record(&me(), &answer, [3; 32], dir.path(), NOW).unwrap();
            let consent = Consent::require(dir.path()).unwrap();
            assert_eq!((&consent.answer, consent.recorded, consent.picture), (&answer, NOW, [3; 32]));
            assert_eq!(consent.signer(), me().id());
            assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 3, "nothing else is left in the folder");
        }
    }

    #[test]
    fn every_changed_byte_is_found() {
        for answer in answers() {
            let dir = avatar();
            Consent::record(&me(), &answer, [3; 32], dir.path(), NOW).unwrap();
            let path = dir.path().join(FILE);
            let whole = std::fs::read(&path).unwrap();
            for at in 0..whole.len() {
                for to in [whole[at] ^ 1, whole[at] ^ 0x20, 0, b'\n', b'"', 0xff] {
                    let mut bytes = whole.clone();
                    bytes[at] = to;
                    std::fs::write(&path, &bytes).unwrap();
                    assert_eq!(Consent::require(dir.path()).is_ok(), bytes == whole, "byte {at} became {to}");
                }
            }
            for at in 0..whole.len() {
                std::fs::write(&path, &whole[..at]).unwrap();
                told(Consent::require(dir.path()));
                std::fs::write(&path, [&whole[..at], b" ", &whole[at..]].concat()).unwrap();
                told(Consent::require(dir.path()));
            }
        }
    }

    #[test]
    fn other_files_and_another_avatar_have_no_consent() {
        let answer = &answers()[0];
        let changes: [fn(&Path); 4] = [
            |dir| std::fs::write(dir.join("portrait.jpg"), "b picture").unwrap(),
            |dir| std::fs::write(dir.join("more.jpg"), "").unwrap(),
            |dir| std::fs::remove_file(dir.join("portrait.jpg")).unwrap(),
            |dir| std::fs::rename(dir.join("portrait.jpg"), dir.join("plate.jpg")).unwrap(),
        ];
        for change in changes {
            let dir = avatar();
            Consent::record(&me(), answer, [3; 32], dir.path(), NOW).unwrap();
            change(dir.path());
            let e = told(Consent::require(dir.path()));
            assert!(e.contains("not those that consent was recorded for"), "{e}");
            // Given anew, it holds again.
            Consent::record(&me(), answer, [3; 32], dir.path(), NOW).unwrap();
            Consent::require(dir.path()).unwrap();
        }
    }

    #[test]
    fn somebody_elses_record_holds_but_not_under_another_name() {
        let (dir, other) = (avatar(), Identity::from_secret(&[8; 32]));
        Consent::record(&other, &answers()[0], [3; 32], dir.path(), NOW).unwrap();
        assert_eq!(Consent::require(dir.path()).unwrap().signer(), other.id());
        let path = dir.path().join(FILE);
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text.replace(&hex::encode(&other.public()), &hex::encode(&me().public()))).unwrap();
        assert!(told(Consent::require(dir.path())).contains("changed after it was signed"));
    }

    #[test]
    fn hostile_files_are_refused_by_a_sentence() {
        let dir = avatar();
        let path = dir.path().join(FILE);
        assert!(told(Consent::require(dir.path())).contains("no record of consent"));
        Consent::record(&me(), &answers()[1], [3; 32], dir.path(), NOW).unwrap();
        let good = std::fs::read_to_string(&path).unwrap();
        // Signed anew after each change, so that the values themselves are what is wrong.
        let signed = |text: &str| {
            let head = &text[..text.rfind("signature = ").unwrap()];
            format!("{head}signature = \"{}\"\n", hex::encode(&me().sign(PURPOSE, head.as_bytes())))
        };
        for (from, to, part) in [
            ("format = 1", "format = 2", "newer version"),
            ("format = 1", "format = 0", "format is 0"),
            ("format = 1", "format = \"1\"", "format"),
            ("format = 1\n", "", "format"),
            ("format = 1", "format = 1\nextra = true", "extra"),
            ("face = \"person\"", "face = \"cat\"", "\"cat\""),
            ("face = \"person\"", "face = \"self\"", "name"),
            ("face = \"person\"", "face = \"artwork\"", "name"),
            ("date = \"2026-11-20\"", "date = \"2026-11-31\"", "2026-11-31"),
            ("date = \"2026-11-20\"", "date = \"2027-11-20\"", "future"),
            ("date = \"2026-11-20\"\n", "", "date"),
            ("Zoë", "Zoë\\u0007", "control"),
            ("Zoë", "Zoë\\u202e", "control"),
            ("recorded = \"2026", "recorded = \"26", "recorded"),
            ("picture = \"0303", "picture = \"03", "picture"),
            ("picture = \"0303", "picture = \"0G03", "picture"),
        ] {
            assert!(good.contains(from), "{from}");
            std::fs::write(&path, signed(&good.replacen(from, to, 1))).unwrap();
            let e = told(Consent::require(dir.path()));
            assert!(e.contains(part) && e.contains(FILE), "{to}: {e}");
        }
        for bytes in [
            &b""[..],
            b"\0\0\0\0",
            b"\xff\xfe",
            b"signature = \"\"\n",
            "[".repeat(9000).as_bytes(),
            &good.as_bytes()[..90],
        ] {
            std::fs::write(&path, bytes).unwrap();
            told(Consent::require(dir.path()));
        }
        std::fs::File::create(&path).unwrap().set_len(8 << 30).unwrap();
        assert!(told(Consent::require(dir.path())).contains("at most"));
        std::fs::remove_file(&path).unwrap();
        std::fs::create_dir(&path).unwrap();
        told(Consent::require(dir.path()));
        std::fs::remove_dir(&path).unwrap();
        std::os::unix::fs::symlink("/dev/zero", &path).unwrap();
        assert!(told(Consent::require(dir.path())).contains("plain file"));
    }

    #[test]
    fn what_cannot_be_recorded_leaves_the_folder_as_it_was() {
        let dir = avatar();
        let mut answer = answers()[0].clone();
        answer.statement = String::new();
        assert!(told(Consent::record(&me(), &answer, [3; 32], dir.path(), NOW)).contains("statement"));
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2);
        // A leftover of a crash neither counts nor stays.
        std::fs::write(dir.path().join(".consent.toml.part"), "half").unwrap();
        Consent::record(&me(), &answers()[0], [3; 32], dir.path(), NOW).unwrap();
        Consent::require(dir.path()).unwrap();
        let nowhere = dir.path().join("nowhere");
        told(Consent::record(&me(), &answers()[0], [3; 32], &nowhere, NOW));
        assert!(!nowhere.exists());
    }
}
