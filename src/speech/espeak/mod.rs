//! espeak-ng, as a program beside this one: phonemes for the neural voices, and a voice of its own where there is none.

mod languages;

pub use languages::languages;

use super::voice::give_whole;
use super::{Ear, Voice, text};
use anyhow::{Context, Result, ensure};
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;
use std::time::Duration;

const PROGRAM: &str = "espeak-ng";

/// A sentence takes some 30 ms; this much means that the program hangs.
const TIMEOUT: Duration = Duration::from_secs(20);

/// What espeak-ng sees of our environment.
const KEPT: [&str; 3] = ["PATH", "LD_LIBRARY_PATH", "ESPEAK_DATA_PATH"];

/// Words a minute that espeak-ng calls normal.
const WORDS_A_MINUTE: f64 = 165.0;

/// Whether the program can be started.
pub fn is_there() -> bool {
    std::env::var_os("PATH").is_some_and(|path| std::env::split_paths(&path).any(|dir| dir.join(PROGRAM).is_file()))
}

/// A clause between the texts, in espeak-ng's own notation: phonemes that no language has in this order, so that its line is
/// known.
const BETWEEN: &str = "\n\n[[qqq]]\n\n";
const BETWEEN_READ: &str = "qqq";

/// Reads texts in one language. It can hold a process that has started and waits for its text: starting takes some 10 ms,
/// reading 2.
pub struct Reader {
    voice: String,
    waiting: Option<Process>,
}

impl Reader {
    /// `voice` is espeak-ng's name of the language.
    pub fn new(voice: &str) -> Self {
        Self { voice: voice.to_owned(), waiting: None }
    }

    pub fn voice(&self) -> &str {
        &self.voice
    }

    /// Starts the process for the next text.
    pub fn prepare(&mut self) {
        if self.waiting.is_none() {
            // What is wrong is told when it is needed.
            self.waiting = Process::start(&["-q", "--ipa", "-v", &self.voice]).ok();
        }
    }

    /// The International Phonetic Alphabet of each of some short texts, each in one line; one process for them all.
    ///
    /// # Errors
    /// espeak-ng is missing, or fails.
    pub fn ipa(&mut self, texts: &[&str]) -> Result<Vec<String>> {
        let quoted: Vec<String> = texts.iter().map(|t| quote(t)).collect();
        let text = quoted.join(BETWEEN);
        let waiting = self.waiting.take().and_then(|process| process.read(&text).ok());
        let out = match waiting {
            Some(out) => out,
            // None waits, or it died while it did.
            None => Process::start(&["-q", "--ipa", "-v", &self.voice])?.read(&text)?,
        };
        let out = String::from_utf8_lossy(&out);
        let mut all = vec![String::new()];
        for line in out.lines().map(str::trim) {
            match all.last_mut() {
                Some(_) if line == BETWEEN_READ => all.push(String::new()),
                Some(current) => {
                    current.push(' ');
                    current.push_str(line);
                }
                None => {}
            }
        }
        ensure!(
            all.len() == texts.len().max(1),
            "espeak-ng read {} texts as {}; check the version of the package espeak-ng",
            texts.len(),
            all.len()
        );
        Ok(all.iter().map(|l| without_language_marks(l)).collect())
    }
}

/// A text in which nothing begins phonemes in espeak-ng's own notation, and nothing ends a paragraph.
fn quote(text: &str) -> String {
    text.replace("[[", "[ [").replace(['\n', '\r'], " ")
}

/// Takes out the marks "(en)" that espeak-ng sets where it changes the language for a word.
fn without_language_marks(ipa: &str) -> String {
    let mut out = String::with_capacity(ipa.len());
    let mut depth = 0;
    for c in ipa.chars() {
        match c {
            '(' => depth += 1,
            ')' => depth = 0,
            c if depth == 0 => out.push(c),
            _ => {}
        }
    }
    out.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The program, with nothing of our environment but what it needs.
fn command() -> Command {
    let mut command = Command::new(PROGRAM);
    command
        // It would open a stream to the sound server in every mode, which disturbs what is being played and takes 100 ms.
        .env_clear()
        .envs(KEPT.iter().filter_map(|name| Some((name, std::env::var_os(name)?))))
        .env("LC_ALL", "C.UTF-8")
        .env("PULSE_SERVER", "/dev/null")
        .stderr(Stdio::null());
    command
}

/// espeak-ng, started and waiting for its text, which goes through standard input: no shell and no argument ever holds it.
struct Process(Child);

impl Process {
    fn start(args: &[&str]) -> Result<Self> {
        let child =
            command().args(args).args(["-b", "1", "--stdin"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        Ok(Self(child.context("error starting espeak-ng; install the package espeak-ng")?))
    }

    /// Gives it the text, and takes what it makes of it.
    fn read(mut self, text: &str) -> Result<Vec<u8>> {
        let output = exchange(&mut self.0, text)?;
        let status = self.0.wait().context("error waiting for espeak-ng")?;
        ensure!(
            status.success(),
            "espeak-ng failed ({status}); check that espeak-ng-data is installed and the voice's language is known to it"
        );
        Ok(output)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It has ended already, or nobody waits for it any more.
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

fn exchange(child: &mut Child, text: &str) -> Result<Vec<u8>> {
    let mut stdin = child.stdin.take().context("espeak-ng has no standard input")?;
    let mut stdout = child.stdout.take().context("espeak-ng has no standard output")?;
    let (sender, receiver) = channel();
    // The reader ends with the program: at the latest when it is killed.
    std::thread::Builder::new()
        .name("espeak-ng".into())
        .spawn(move || {
            let mut output = Vec::new();
            let read = stdout.read_to_end(&mut output).map(|_| output);
            sender.send(read).ok();
        })
        .context("error starting a thread")?;
    // A sentence (200 characters at most) is smaller than the pipe's buffer, so this cannot block.
    stdin.write_all(text.as_bytes()).context("error writing to espeak-ng")?;
    drop(stdin);
    receiver
        .recv_timeout(TIMEOUT)
        .context("espeak-ng did not answer; check the package espeak-ng")?
        .context("error reading from espeak-ng")
}

/// A voice of espeak-ng's own.
pub struct Espeak {
    voice: String,
}

impl Espeak {
    /// In espeak-ng's language `voice`.
    pub fn new(voice: String) -> Self {
        Self { voice }
    }
}

impl Voice for Espeak {
    fn speak(&mut self, sentence: &str, rate: f64, ear: &mut Ear<'_>) -> Result<()> {
        let speed = (WORDS_A_MINUTE * rate).round().to_string();
        let sentence = quote(&text::spell_out(sentence, &self.voice));
        let wav = Process::start(&["-v", &self.voice, "-s", &speed, "--stdout"])?.read(&sentence)?;
        let (samples, rate) = parse_wav(&wav).context("espeak-ng gave no sound; check the package espeak-ng")?;
        give_whole(&samples, rate, ear);
        Ok(())
    }
}

/// Reads the 16-bit mono WAV that espeak-ng streams. Its header was written before the length was known, so the samples
/// reach to the end of the data, whatever it says.
fn parse_wav(wav: &[u8]) -> Option<(Vec<f32>, u32)> {
    let word = |at: usize| Some(u32::from_le_bytes(wav.get(at..at + 4)?.try_into().ok()?));
    if wav.get(..4)? != b"RIFF" || wav.get(12..16)? != b"fmt " {
        return None;
    }
    let rate = word(24)?;
    let mut at = 12;
    while wav.get(at..at + 4)? != b"data" {
        at = at.checked_add(8)?.checked_add(word(at + 4)? as usize)?;
    }
    let samples: Vec<f32> =
        wav.get(at + 8..)?.chunks_exact(2).map(|b| f32::from(i16::from_le_bytes([b[0], b[1]])) / 32_768.0).collect();
    (!samples.is_empty() && rate > 0).then_some((samples, rate))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_foreign_word_leaves_no_mark_in_the_phonemes() {
        assert_eq!(without_language_marks("sˈɛkənd (fr)bɔ̃ʒˈuʁ(en) nˈaʊ"), "sˈɛkənd bɔ̃ʒˈuʁ nˈaʊ");
    }

    #[test]
    fn text_is_never_taken_as_an_option_or_as_phonemes() {
        let read = |text: &str| Reader::new("en-us").ipa(&[text]).unwrap().remove(0);
        assert_eq!(read("--version"), read("version"));
        assert_ne!(read("[[h@l'oU]]"), "həlˈoʊ");
    }

    #[test]
    fn many_texts_are_read_in_one_go_and_stay_apart() {
        let texts = ["Well", "Dr. Smith: yes. No", "", "[[qqq]]", "a\n\nb", "end"];
        let read = Reader::new("en-us").ipa(&texts).unwrap();
        assert_eq!(read.len(), texts.len());
        assert_eq!((read[0].as_str(), read[2].as_str(), read[5].as_str()), ("wˈɛl", "", "ˈɛnd"));
        // A sample of the languages: the sign between the texts means the same in all.
        for voice in languages().iter().step_by(9).map(|l| l.voice.as_str()) {
            assert_eq!(Reader::new(voice).ipa(&["1", "2"]).unwrap().len(), 2, "{voice}");
        }
    }

    #[test]
    fn a_process_that_waits_reads_the_same_and_its_death_costs_nothing() {
        let mut reader = Reader::new("en-us");
        let fresh = reader.ipa(&["Hello there"]).unwrap();
        reader.prepare();
        assert_eq!(reader.ipa(&["Hello there"]).unwrap(), fresh);
        assert!(reader.waiting.is_none());
        reader.prepare();
        reader.waiting.as_mut().unwrap().0.kill().unwrap();
        assert_eq!(reader.ipa(&["Hello there"]).unwrap(), fresh);
    }

    #[test]
    fn what_is_no_wav_is_no_speech() {
        for bytes in [
            &b""[..],
            b"RIFF",
            b"RIFF....WAVEfmt \x10\0\0\0",
            b"RIFF....WAVEfmt \xff\xff\xff\xff________________________",
        ] {
            assert_eq!(parse_wav(bytes), None);
        }
    }
}
