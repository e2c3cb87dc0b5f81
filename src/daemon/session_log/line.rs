//! One line of the log: what happened, its place in the chain, and the signature over both.

use crate::calendar;
use crate::hex;
use crate::identity::{self, Identity};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Longer lines are not ours.
pub const LONGEST: usize = 1024;

/// The longest name of an avatar that is written, in characters (as the avatars' names themselves).
const LONGEST_NAME: usize = 64;

/// What the signatures are for, in [`Identity::sign`].
const LINE: &str = "session log line";
const END: &str = "session log end";

/// What happened. Nothing in here says what was spoken, heard or typed, or which app it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// The daemon began to run.
    Started {
        version: String,
    },
    /// The daemon ended as it should.
    Stopped,
    /// Somebody began to watch the camera, with this avatar chosen.
    StreamStarted {
        avatar: String,
    },
    /// Nobody watches any more.
    StreamStopped,
    /// Another avatar was chosen while somebody watched.
    AvatarShown {
        avatar: String,
    },
    /// The user switched the camera off or on: a card, or the avatar.
    CameraOff,
    CameraOn,
    /// The setting `session_log` was changed while the daemon ran.
    LogOff,
    LogOn,
    /// The log was found in another state than it was left in, and mended: bytes of a torn last line that were cut off, whole lines that
    /// the end file knew and the log has not, and whether the end file itself was missing or wrong.
    LogMended {
        torn: u64,
        missing: u64,
        end_lost: bool,
    },
    /// So many events could not be written before this line.
    EventsLost {
        events: u64,
    },
}

impl Event {
    /// As people read it.
    pub fn sentence(&self) -> String {
        match self {
            Event::Started { version } => format!("the camera was started (version {version})"),
            Event::Stopped => "the camera was stopped".into(),
            Event::StreamStarted { avatar } => format!("somebody began to watch \"{avatar}\""),
            Event::StreamStopped => "nobody watches any more".into(),
            Event::AvatarShown { avatar } => format!("\"{avatar}\" is shown"),
            Event::CameraOff => "the camera was switched off".into(),
            Event::CameraOn => "the camera was switched on".into(),
            Event::LogOff => "the log was switched off by the settings".into(),
            Event::LogOn => "the log was switched on by the settings".into(),
            Event::LogMended { torn, missing, end_lost } => {
                let end = if *end_lost { ", and its end was not where it was noted" } else { "" };
                format!("the log was mended: {torn} bytes of a torn line cut off, {missing} lines missing{end}")
            }
            Event::EventsLost { events } => format!("{events} events could not be written"),
        }
    }
}

/// A line that was read. Whether it holds says [`Line::signed_by`], and its place in the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// 1 for the first line of the log.
    pub number: u64,
    /// Seconds since 1970.
    pub time: u64,
    pub event: Event,
    /// SHA-256 of the line before, without its line feed; zeros for the first one.
    pub before: [u8; 32],
    /// The public key that it names.
    pub key: [u8; 32],
    /// SHA-256 of this line, without its line feed.
    pub hash: [u8; 32],
    signed: String,
    signature: [u8; 64],
}

/// The fields of a line but its signature.
#[derive(Deserialize)]
struct Written {
    n: u64,
    time: u64,
    #[serde(flatten)]
    event: Event,
    before: String,
    key: String,
}

impl Line {
    /// The text of a line, without its line feed.
    pub fn spell(identity: &Identity, number: u64, time: u64, event: &Event, before: &[u8; 32]) -> String {
        // The event is an object; its fields stand in the midst of ours.
        let event = serde_json::to_string(&shortened(event)).unwrap_or_default();
        let event = event.trim_start_matches('{').trim_end_matches('}');
        let head = format!(
            "{{\"n\":{number},\"time\":{time},\"utc\":\"{}\",{event},\"before\":\"{}\",\"key\":\"{}\"",
            calendar::utc(time),
            hex::encode(before),
            hex::encode(&identity.public()),
        );
        sealed(identity, LINE, head)
    }

    /// Reads a line; None: it is none.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let (signed, signature) = unsealed(bytes)?;
        let w: Written = serde_json::from_str(&format!("{signed}}}")).ok()?;
        Some(Self {
            number: w.n,
            time: w.time,
            event: w.event,
            before: hex::decode(&w.before)?,
            key: hex::decode(&w.key)?,
            hash: Sha256::digest(bytes).into(),
            signed: signed.into(),
            signature,
        })
    }

    /// Whether the owner of this public key signed the line.
    pub fn signed_by(&self, key: &[u8; 32]) -> bool {
        self.key == *key && identity::verify(key, LINE, self.signed.as_bytes(), &self.signature)
    }
}

/// Where the log ends: kept beside it, so that lines that are cut off are missed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct End {
    /// The number of the last line.
    pub number: u64,
    /// Its SHA-256.
    pub hash: [u8; 32],
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenEnd {
    n: u64,
    hash: String,
}

impl End {
    /// The text of the end file, without a line feed.
    pub fn spell(&self, identity: &Identity) -> String {
        sealed(identity, END, format!("{{\"n\":{},\"hash\":\"{}\"", self.number, hex::encode(&self.hash)))
    }

    /// Reads the end file; None where it is broken, or was not signed by the owner of `key`.
    pub fn parse(bytes: &[u8], key: &[u8; 32]) -> Option<Self> {
        let (signed, signature) = unsealed(bytes)?;
        let w: WrittenEnd = serde_json::from_str(&format!("{signed}}}")).ok()?;
        let end = Self { number: w.n, hash: hex::decode(&w.hash)? };
        identity::verify(key, END, signed.as_bytes(), &signature).then_some(end)
    }
}

/// An object without its closing brace gets its signature, and the brace.
fn sealed(identity: &Identity, purpose: &str, head: String) -> String {
    let signature = identity.sign(purpose, head.as_bytes());
    format!("{head},\"signature\":\"{}\"}}", hex::encode(&signature))
}

/// What [`sealed`] was given, and the signature. Every byte is in the one or the other, or must be as it is.
fn unsealed(bytes: &[u8]) -> Option<(&str, [u8; 64])> {
    let text = std::str::from_utf8(bytes).ok().filter(|t| t.len() <= LONGEST)?;
    let (head, signature) = text.strip_suffix("\"}")?.rsplit_once(",\"signature\":\"")?;
    Some((head, hex::decode(signature)?))
}

/// The settings may name anything; a line stays a line.
fn shortened(event: &Event) -> Event {
    let short = |name: &str| name.chars().take(LONGEST_NAME).filter(|c| !c.is_control()).collect();
    match event {
        Event::StreamStarted { avatar } => Event::StreamStarted { avatar: short(avatar) },
        Event::AvatarShown { avatar } => Event::AvatarShown { avatar: short(avatar) },
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn me() -> Identity {
        Identity::from_secret(&[7; 32])
    }

    fn events() -> Vec<Event> {
        vec![
            Event::Started { version: "0.1.0".into() },
            Event::Stopped,
            Event::StreamStarted { avatar: "anna".into() },
            Event::StreamStopped,
            Event::AvatarShown { avatar: "a\"}{\\ü\n,\"signature\":\"".into() },
            Event::CameraOff,
            Event::CameraOn,
            Event::LogOff,
            Event::LogOn,
            Event::LogMended { torn: 3, missing: 1, end_lost: true },
            Event::EventsLost { events: 9 },
        ]
    }

    #[test]
    fn a_line_is_json_and_is_read_back() {
        for event in events() {
            let text = Line::spell(&me(), 17, 1_795_594_734, &event, &[5; 32]);
            let json: serde_json::Value = serde_json::from_str(&text).unwrap();
            assert_eq!((&json["n"], &json["utc"]), (&17.into(), &"2026-11-25T08:18:54Z".into()), "{text}");
            let line = Line::parse(text.as_bytes()).unwrap();
            assert_eq!((line.number, line.time, line.before), (17, 1_795_594_734, [5; 32]));
            assert_eq!(line.event, shortened(&event));
            assert!(line.signed_by(&me().public()) && !text.contains('\n'));
            assert!(!line.signed_by(&Identity::from_secret(&[8; 32]).public()));
        }
        let long = Event::AvatarShown { avatar: "\u{1f600}".repeat(5000) };
        assert!(Line::spell(&me(), u64::MAX, u64::MAX, &long, &[255; 32]).len() <= LONGEST);
    }

    #[test]
    fn every_changed_byte_of_a_line_or_of_the_end_is_found() {
        let text = Line::spell(&me(), 17, 1_795_594_734, &events()[2], &[5; 32]);
        let end = End { number: 17, hash: [9; 32] };
        let end_text = end.spell(&me());
        assert_eq!(End::parse(end_text.as_bytes(), &me().public()), Some(end));
        assert_eq!(End::parse(end_text.as_bytes(), &Identity::from_secret(&[8; 32]).public()), None);
        let changed = |text: &str, holds: &dyn Fn(&[u8]) -> bool| {
            for at in 0..text.len() {
                for to in [text.as_bytes()[at] ^ 1, text.as_bytes()[at] ^ 0x20, b' ', 0, 0xff] {
                    let mut bytes = text.as_bytes().to_vec();
                    bytes[at] = to;
                    assert_eq!(holds(&bytes), bytes == text.as_bytes(), "byte {at} became {to}");
                }
                assert!(!holds(&text.as_bytes()[..at]));
            }
            assert!(!holds(format!("{text} ").as_bytes()));
        };
        changed(&text, &|bytes| Line::parse(bytes).is_some_and(|l| l.signed_by(&me().public())));
        changed(&end_text, &|bytes| End::parse(bytes, &me().public()).is_some());
    }

    #[test]
    fn what_is_no_line_is_none() {
        let huge = format!("{{\"n\":1,\"x\":\"{}\",\"signature\":\"{}\"}}", "a".repeat(1 << 20), "0".repeat(128));
        for bad in ["", "{}", "null", "\"}", ",\"signature\":\"\"}", &"[".repeat(900), &huge] {
            assert_eq!(Line::parse(bad.as_bytes()), None);
            assert_eq!(End::parse(bad.as_bytes(), &[0; 32]), None);
        }
        assert_eq!(Line::parse(&[0xff; 40]), None);
    }
}
