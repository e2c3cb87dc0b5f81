//! The record as a file. All of it but its last line is signed, byte by byte; the last line is the signature.

use super::{Answer, Consent, FILE, Whose};
use crate::calendar::{self, Date};
use crate::hex;
use anyhow::{Context, Result, bail};
use serde::Deserialize;
use std::io::{ErrorKind, Read, Write};
use std::path::Path;

/// The version of the format that is written, and the newest that is read.
const FORMAT: i64 = 1;

/// A page of text; more than this is something else.
const MAX_BYTES: u64 = 16 * 1024;

const AGAIN: &str = "bring the file back, or record consent again with `vasa avatar consent NAME`";

/// The lines that are signed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(rename = "format")]
    _format: i64,
    face: String,
    name: Option<String>,
    date: Option<String>,
    title: Option<String>,
    author: Option<String>,
    statement: String,
    recorded: String,
    picture: String,
    files: String,
    key: String,
}

/// The text that is signed.
pub(super) fn spell(consent: &Consent) -> String {
    let mut text = format!("# Whose face this is; signed, so do not edit (docs/consent.md).\nformat = {FORMAT}\n");
    let mut line = |key: &str, value: &str| {
        // The check of the answer leaves no other character that a TOML string must escape.
        let value = value.replace('\\', "\\\\").replace('"', "\\\"");
        text += &format!("{key} = \"{value}\"\n");
    };
    line("face", consent.answer.whose.name());
    match &consent.answer.whose {
        Whose::Own => {}
        Whose::Person { name, agreed } => {
            line("name", name);
            line("date", &agreed.to_string());
        }
        Whose::Artwork { title, author } => {
            title.iter().for_each(|title| line("title", title));
            author.iter().for_each(|author| line("author", author));
        }
    }
    line("statement", &consent.answer.statement);
    line("recorded", &calendar::utc(consent.recorded));
    line("picture", &hex::encode(&consent.picture));
    line("files", &hex::encode(&consent.files));
    line("key", &hex::encode(&consent.key));
    text
}

/// The whole file.
pub(super) fn with_signature(consent: &Consent) -> String {
    format!("{}signature = \"{}\"\n", consent.signed, hex::encode(&consent.signature))
}

/// The whole file becomes a record; nothing is verified yet.
pub(super) fn parse(bytes: &[u8]) -> Result<Consent> {
    let Ok(text) = std::str::from_utf8(bytes) else { bail!("{FILE} is no text; {AGAIN}") };
    let cut = text.strip_suffix('\n').and_then(|t| t.rfind('\n')).map_or(0, |at| at + 1);
    let (signed, last) = text.split_at_checked(cut).unwrap_or_default();
    // The version first: a newer one may have other fields.
    let table: toml::Table = toml::from_str(signed).map_err(|e| broken(&e))?;
    match table.get("format") {
        Some(toml::Value::Integer(FORMAT)) => {}
        Some(toml::Value::Integer(newer)) if *newer > FORMAT => {
            bail!(
                "{FILE} was made by a newer version of this program (its format is {newer}, this one reads {FORMAT}); update VASA Camera"
            )
        }
        Some(other) => bail!("{FILE}: format is {other}; it must be {FORMAT}; {AGAIN}"),
        None => bail!("{FILE} names no format; {AGAIN}"),
    }
    let signature = last.strip_prefix("signature = \"").and_then(|l| l.strip_suffix("\"\n")).and_then(hex::decode);
    let Some(signature) = signature else { bail!("{FILE} does not end with a signature; {AGAIN}") };
    let w: Written = toml::from_str(signed).map_err(|e| broken(&e))?;
    let Some(recorded) = calendar::parse_utc(&w.recorded) else {
        bail!(wrong("recorded", &w.recorded, "a time such as 2026-11-25T08:18:54Z"))
    };
    let hash = |key: &str, value: &str| {
        hex::decode::<32>(value).with_context(|| wrong(key, value, "64 hexadecimal digits in small letters"))
    };
    let answer = Answer { whose: whose(&w)?, statement: w.statement };
    answer.check(recorded).map_err(|e| anyhow::anyhow!("{FILE}: {e}, or {AGAIN}"))?;
    Ok(Consent {
        answer,
        recorded,
        picture: hash("picture", &w.picture)?,
        files: hash("files", &w.files)?,
        key: hash("key", &w.key)?,
        signed: signed.into(),
        signature,
    })
}

fn whose(w: &Written) -> Result<Whose> {
    let fields = [("name", &w.name), ("date", &w.date), ("title", &w.title), ("author", &w.author)];
    let only = |allowed: &[&str]| match fields.iter().find(|(key, value)| value.is_some() && !allowed.contains(key)) {
        Some((key, _)) => bail!("{FILE}: {key} does not belong to face = \"{}\"; {AGAIN}", w.face),
        None => Ok(()),
    };
    let missing = |key: &str| format!("{FILE}: face is \"person\" and there is no {key}; {AGAIN}");
    match w.face.as_str() {
        "self" => only(&[]).map(|()| Whose::Own),
        "artwork" => {
            only(&["title", "author"]).map(|()| Whose::Artwork { title: w.title.clone(), author: w.author.clone() })
        }
        "person" => {
            only(&["name", "date"])?;
            let name = w.name.clone().with_context(|| missing("name"))?;
            let date = w.date.as_deref().with_context(|| missing("date"))?;
            let agreed = Date::parse(date).with_context(|| wrong("date", date, "a day such as 2026-11-25"))?;
            Ok(Whose::Person { name, agreed })
        }
        other => bail!(wrong("face", other, "\"self\", \"person\" or \"artwork\"")),
    }
}

fn wrong(key: &str, value: &str, must: &str) -> String {
    let shown: String = value.chars().take(80).filter(|c| !c.is_control()).collect();
    format!("{FILE}: {key} is \"{shown}\"; it must be {must}; {AGAIN}")
}

fn broken(e: &toml::de::Error) -> anyhow::Error {
    let told: String = e.message().trim().chars().take(200).map(|c| if c.is_control() { ' ' } else { c }).collect();
    anyhow::anyhow!("{FILE} is broken ({told}); {AGAIN}")
}

/// The bytes of an avatar's record.
pub(super) fn read(folder: &Path) -> Result<Vec<u8>> {
    let path = folder.join(FILE);
    let kind = match std::fs::symlink_metadata(&path) {
        Ok(kind) => kind,
        Err(e) if e.kind() == ErrorKind::NotFound => {
            bail!(
                "there is no record of consent ({FILE}) for this photo; say whose face it is with `vasa avatar consent NAME`"
            )
        }
        Err(e) => return Err(e).with_context(|| format!("{FILE} cannot be read; check its permissions")),
    };
    // A pipe or a device would keep us for ever.
    if !kind.is_file() {
        bail!("{FILE} is no plain file; remove it and record consent with `vasa avatar consent NAME`");
    }
    if kind.len() > MAX_BYTES {
        bail!("{FILE} has {} bytes; at most {MAX_BYTES} are accepted; {AGAIN}", kind.len());
    }
    let mut bytes = Vec::new();
    let file = std::fs::File::open(&path).with_context(|| format!("{FILE} cannot be read; check its permissions"))?;
    file.take(MAX_BYTES).read_to_end(&mut bytes).with_context(|| format!("{FILE} cannot be read"))?;
    Ok(bytes)
}

/// Where the record is written before it takes its name.
const PART: &str = ".consent.toml.part";

/// Removes what an interrupted recording left.
pub(super) fn tidy(folder: &Path) -> Result<()> {
    match std::fs::remove_file(folder.join(PART)) {
        Err(e) if e.kind() != ErrorKind::NotFound => Err(e).with_context(|| not_written(folder)),
        _ => Ok(()),
    }
}

/// Puts the record in its place, whole or not at all.
pub(super) fn write(folder: &Path, text: &str) -> Result<()> {
    let part = folder.join(PART);
    let written = std::fs::File::create_new(&part).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&part, folder.join(FILE))
    });
    if let Err(e) = written {
        let _ = std::fs::remove_file(&part);
        return Err(e).with_context(|| not_written(folder));
    }
    // The new name, too, should outlive a power cut; where folders cannot be synchronised, it stands all the same.
    let _ = std::fs::File::open(folder).and_then(|f| f.sync_all());
    Ok(())
}

fn not_written(folder: &Path) -> String {
    format!("error writing {FILE} in {}; make that folder writable for you", folder.display())
}
