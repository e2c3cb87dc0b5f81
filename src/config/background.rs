//! What the user wants to be seen behind the avatar (`docs/avatars.md`).

use std::fmt;
use std::path::{Path, PathBuf};

/// What is behind the person.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Background {
    /// The avatar's own.
    #[default]
    Plate,
    /// The avatar's own, out of focus.
    Blur,
    /// Red, green, blue; sRGB.
    Colour([u8; 3]),
    /// A file; the whole of the frame is filled with its middle.
    Picture(PathBuf),
}

impl Background {
    /// Reads what people write: `plate`, `blur`, a colour such as `#204060`, or the name of a picture, which is recognised by a
    /// `/` or a `.` in it.
    ///
    /// # Errors
    /// One sentence that names the value and what is accepted.
    pub fn parse(text: &str) -> Result<Self, String> {
        const ACCEPTED: &str = "use plate, blur, a colour such as #204060, or a picture's file";
        let short: String = text.chars().filter(|c| !c.is_control()).take(60).collect();
        match text {
            "plate" => Ok(Self::Plate),
            "blur" => Ok(Self::Blur),
            "transparent" => Err("the background \"transparent\" cannot be sent as a camera's picture; use a colour \
                that the app takes out, such as #00b140, or `vasa render --background transparent`"
                .into()),
            _ if text.starts_with('#') => colour(text).map(Self::Colour).ok_or_else(|| {
                format!("the background \"{short}\" is no colour; write # and six hexadecimal digits, such as #204060")
            }),
            // A zero byte ends the names of files.
            _ if text.contains(['/', '.']) && !text.contains('\0') => Ok(Self::Picture(text.into())),
            _ => Err(format!("there is no background \"{short}\"; {ACCEPTED}")),
        }
    }

    /// The same, where a picture is named from `folder`.
    #[must_use]
    pub fn relative_to(self, folder: &Path) -> Self {
        match self {
            Self::Picture(path) => Self::Picture(folder.join(path)),
            other => other,
        }
    }
}

/// `#rrggbb`.
fn colour(text: &str) -> Option<[u8; 3]> {
    let digits = text.strip_prefix('#').filter(|d| d.len() == 6 && d.bytes().all(|b| b.is_ascii_hexdigit()))?;
    let [_, r, g, b] = u32::from_str_radix(digits, 16).ok()?.to_be_bytes();
    Some([r, g, b])
}

impl fmt::Display for Background {
    /// As [`Background::parse`] reads it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plate => f.write_str("plate"),
            Self::Blur => f.write_str("blur"),
            Self::Colour([r, g, b]) => write!(f, "#{r:02x}{g:02x}{b:02x}"),
            Self::Picture(path) => write!(f, "{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_told_again() {
        for (text, background) in [
            ("plate", Background::Plate),
            ("blur", Background::Blur),
            ("#20a0fF", Background::Colour([0x20, 0xa0, 0xff])),
            ("/home/me/room.jpg", Background::Picture("/home/me/room.jpg".into())),
            ("room.jpg", Background::Picture("room.jpg".into())),
        ] {
            assert_eq!(Background::parse(text).as_ref(), Ok(&background));
            assert_eq!(Background::parse(&background.to_string()), Ok(background));
        }
        let picture = Background::parse("room.jpg").unwrap().relative_to(Path::new("/home/me"));
        assert_eq!(picture, Background::Picture("/home/me/room.jpg".into()));
    }

    #[test]
    fn what_is_none_is_refused_with_what_would_be_one() {
        for (text, part) in [
            ("", "there is no background \"\""),
            ("Plate", "\"Plate\""),
            ("green", "such as #204060"),
            ("#12", "\"#12\" is no colour"),
            ("#12345g", "six hexadecimal digits"),
            ("#1234567", "no colour"),
            ("#äää", "no colour"),
            ("a\0.jpg", "\"a.jpg\""),
            ("transparent", "vasa render"),
            (&"x".repeat(1_000_000), "xxx"),
        ] {
            let e = Background::parse(text).unwrap_err();
            assert!(e.contains(part) && e.len() < 300, "{e}");
        }
    }
}
