//! Single keys from the terminal, for questions that one key answers.

use anyhow::{Context, Result};
use std::fs::File;
use std::io::Read;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, RawFd};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// A key that means something to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    Enter,
    Escape,
    Delete,
    Letter(char),
    /// Ctrl-D, or the terminal has gone.
    End,
}

const STDIN: RawFd = libc::STDIN_FILENO;

/// How the terminal was; so it is again once this is dropped.
pub struct Before(libc::termios);

/// Remembers how the terminal is; None where standard input is none.
pub fn remember() -> Option<Before> {
    let mut before = MaybeUninit::uninit();
    // SAFETY: tcgetattr fills the whole struct when it returns 0, and it is not read otherwise.
    unsafe { (libc::tcgetattr(STDIN, before.as_mut_ptr()) == 0).then(|| Before(before.assume_init())) }
}

impl Drop for Before {
    fn drop(&mut self) {
        set(&self.0);
    }
}

/// The terminal, giving each key as it is pressed and showing none.
pub struct Keys {
    input: AsyncFd<File>,
    _before: Before,
}

impl Keys {
    /// # Errors
    /// Standard input is no terminal.
    pub fn open() -> Result<Self> {
        let before = remember().context("standard input is no terminal; run this in one")?;
        let mut keys = before.0;
        // Ctrl-C stays what it is.
        keys.c_lflag &= !(libc::ICANON | libc::ECHO);
        let input = std::io::stdin().as_fd().try_clone_to_owned().context("error opening the terminal")?;
        // SAFETY: the file is ours, owned by what waits for it, and always the same one.
        let input = unsafe { AsyncFd::register_with_interest(File::from(input), Interest::READABLE) };
        let input = input.map_err(std::io::Error::from).context("error waiting for keys")?;
        set(&keys);
        Ok(Self { input, _before: before })
    }

    /// Waits for the next key.
    ///
    /// # Errors
    /// The terminal cannot be read.
    pub async fn next(&self) -> Result<Key> {
        loop {
            let mut ready = self.input.readable().await?;
            let mut bytes = [0_u8; 16];
            let read = self.input.get_ref().read(&mut bytes).context("error reading the terminal")?;
            ready.clear_ready();
            if let Some(key) = key(bytes.get(..read).unwrap_or_default()) {
                return Ok(key);
            }
        }
    }
}

fn set(how: &libc::termios) {
    // SAFETY: the struct is a valid one that tcgetattr gave. A terminal that has gone needs no setting.
    unsafe { libc::tcsetattr(STDIN, libc::TCSADRAIN, how) };
}

/// What one read gave: an escape sequence comes whole, a lone escape is the key.
fn key(bytes: &[u8]) -> Option<Key> {
    match bytes {
        [] | [4, ..] => Some(Key::End),
        b"\x1b[3~" | [0x7f, ..] | [8, ..] => Some(Key::Delete),
        [0x1b] => Some(Key::Escape),
        [b'\r' | b'\n', ..] => Some(Key::Enter),
        [c, ..] if c.is_ascii_alphabetic() => Some(Key::Letter(char::from(c.to_ascii_lowercase()))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_told_from_the_bytes_of_a_terminal() {
        for (bytes, want) in [
            (&b"\n"[..], Some(Key::Enter)),
            (b"\x1b", Some(Key::Escape)),
            (b"\x1b[3~", Some(Key::Delete)),
            (b"\x7f", Some(Key::Delete)),
            (b"\x1b[A", None),
            (b"E", Some(Key::Letter('e'))),
            (b"\x04", Some(Key::End)),
            (b"", Some(Key::End)),
            ("é".as_bytes(), None),
        ] {
            assert_eq!(key(bytes), want, "{bytes:?}");
        }
    }
}
