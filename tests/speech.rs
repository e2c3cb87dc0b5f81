//! The voices, really speaking.

mod common;

use common::{models, models_in};
use std::fs;
use std::time::{Duration, Instant};
use vasa_camera::clock::Moment;
use vasa_camera::sound::{BLOCK, Block, RATE, resample};
use vasa_camera::speech::{self, Event, MonitorSettings, SayError, SayOptions, Speaker, Speech};

/// A monitor that can never be opened.
fn nowhere() -> MonitorSettings {
    MonitorSettings { device: Some("no such output".into()), ..MonitorSettings::default() }
}

const SENTENCE: &str = "Good morning, everybody.";

/// Levels of 20 ms pieces, root mean square.
fn levels(speech: &Speech) -> Vec<f32> {
    let piece = (speech.rate / 50) as usize;
    speech.samples.chunks(piece).map(|c| (c.iter().map(|x| x * x).sum::<f32>() / c.len() as f32).sqrt()).collect()
}

/// Speech is loud, but not always, and never clipped.
fn assert_is_speech(speech: &Speech, seconds: std::ops::Range<f64>) {
    assert!(seconds.contains(&speech.seconds()), "{} s", speech.seconds());
    let levels = levels(speech);
    let peak = speech.samples.iter().fold(0.0f32, |m, x| m.max(x.abs()));
    assert!((0.2..=1.0).contains(&peak), "peak {peak}");
    let loud = levels.iter().filter(|l| **l > 0.05).count() as f64 / levels.len() as f64;
    let quiet = levels.iter().filter(|l| **l < 0.01).count() as f64 / levels.len() as f64;
    assert!(loud > 0.3, "{loud} of it is loud");
    assert!(quiet > 0.02, "{quiet} of it is quiet");
}

#[test]
fn the_neural_voice_speaks_and_the_same_text_gives_the_same_sound() {
    let paths = models();
    let a = speech::synthesize(paths, Some("joe"), SENTENCE, 1.0).unwrap();
    assert_is_speech(&a, 1.0..2.5);
    assert_eq!(a.rate, 22_050);
    assert_eq!(a, speech::synthesize(paths, Some("joe"), SENTENCE, 1.0).unwrap());
    assert_eq!(a, speech::synthesize(paths, None, SENTENCE, 1.0).unwrap(), "joe is the first voice");
}

#[test]
fn the_rate_makes_it_shorter_and_more_text_makes_it_longer() {
    let paths = models();
    let seconds = |text: &str, rate: f64| speech::synthesize(paths, Some("joe"), text, rate).unwrap().seconds();
    let (slow, normal, fast) = (seconds(SENTENCE, 0.5), seconds(SENTENCE, 1.0), seconds(SENTENCE, 2.0));
    assert!(slow > normal * 1.6 && fast < normal * 0.65, "{slow} {normal} {fast}");
    let long = seconds(&SENTENCE.repeat(4), 1.0);
    assert!(long > normal * 3.0, "{long} {normal}");
}

#[test]
fn without_a_neural_voice_espeak_speaks() {
    let empty = tempfile::tempdir().unwrap();
    let paths = models_in(empty.path());
    let voices = speech::voices(&paths);
    assert_eq!(voices.iter().map(|v| v.engine.as_str()).collect::<Vec<_>>(), ["espeak-ng"]);
    let speech = speech::synthesize(&paths, None, SENTENCE, 1.0).unwrap();
    assert_is_speech(&speech, 0.8..3.0);
    let fast = speech::synthesize(&paths, None, SENTENCE, 2.0).unwrap();
    assert!(fast.seconds() < speech.seconds() * 0.75);
}

#[test]
fn any_pair_of_files_in_the_folder_is_a_voice_and_a_broken_pair_costs_only_itself() {
    let folder = tempfile::tempdir().unwrap();
    let paths = models_in(folder.path());
    let voices = folder.path().join("voices");
    let joe = models().models.join("voices/joe.onnx");
    fs::create_dir_all(&voices).unwrap();
    for name in ["anna", "broken"] {
        fs::hard_link(&joe, voices.join(format!("{name}.onnx"))).unwrap();
    }
    fs::copy(joe.with_extension("onnx.json"), voices.join("anna.onnx.json")).unwrap();
    fs::write(voices.join("broken.onnx.json"), "{").unwrap();
    fs::write(voices.join("alone.onnx"), "no description").unwrap();
    let found = speech::voices(&paths);
    let found: Vec<_> = found.iter().map(|v| (v.name.as_str(), v.language.as_str(), v.engine.as_str())).collect();
    assert_eq!(found, [("anna", "en-US", "piper"), ("espeak", "en-US", "espeak-ng")]);
    let e = speech::synthesize(&paths, Some("broken"), "Hello", 1.0).unwrap_err().to_string();
    assert!(e.contains("\"broken\"") && e.contains("anna, espeak"), "{e}");
}

#[test]
fn what_cannot_be_spoken_gets_one_sentence_and_changes_nothing() {
    let (speaker, mut events, _playback) = Speaker::start(models().clone(), MonitorSettings::default()).unwrap();
    let long = "a".repeat(10_001);
    let with = |voice: Option<&str>, rate| SayOptions { voice: voice.map(Into::into), rate, ..SayOptions::default() };
    for (text, options, part) in [
        ("", with(None, 1.0), "the text is empty"),
        (" \n ", with(None, 1.0), "the text is empty"),
        (long.as_str(), with(None, 1.0), "10001 characters"),
        ("😀👍🏽", with(None, 1.0), "no letter"),
        ("Hello", with(Some("bob"), 1.0), "no voice \"bob\"; choose one of: joe"),
        ("Hello", with(None, 3.0), "the rate is 3"),
        ("Hello", with(None, f64::NAN), "the rate is NaN"),
    ] {
        match speaker.say(text, options) {
            Err(SayError::Text(e)) => assert!(e.contains(part) && !e.contains('\n'), "{e}"),
            other => panic!("{part}: {other:?}"),
        }
    }
    assert!(!speaker.speaking());
    assert!(events.try_recv().is_err());
}

/// Hears what the face hears until the utterance is over; the sound from its first block on.
fn listen(speaker: &Speaker, events: &mut tokio::sync::mpsc::UnboundedReceiver<Event>, id: u64) -> Vec<f32> {
    let mut heard = Vec::new();
    let mut at = Moment::now() + Duration::from_millis(30);
    let patience = Instant::now() + Duration::from_secs(60);
    loop {
        assert!(Instant::now() < patience, "the utterance never ended");
        std::thread::sleep((at - Duration::from_millis(30)).wait());
        let mut block = Block::silent(at);
        if speaker.block_at(at, &mut block) || !heard.is_empty() {
            heard.extend(block.samples);
        }
        at = at + Duration::from_millis(20);
        match events.try_recv() {
            Ok(Event::Finished { id: over, completed }) if over == id => {
                assert!(completed);
                return heard;
            }
            Ok(Event::Finished { id: other, .. }) => panic!("utterance {other} ended"),
            _ => {}
        }
    }
}

/// How alike two sounds are at the best shift (in samples, 0..most): the normalised correlation, and the shift.
fn likeness(a: &[f32], b: &[f32], most: usize) -> (f64, usize) {
    (0..most)
        .map(|shift| {
            let pairs = a.iter().skip(shift).zip(b);
            let (mut ab, mut aa, mut bb) = (0.0, 1e-9, 1e-9);
            for (x, y) in pairs {
                let (x, y) = (f64::from(*x), f64::from(*y));
                (ab, aa, bb) = (ab + x * y, aa + x * x, bb + y * y);
            }
            (ab / (aa * bb).sqrt(), shift)
        })
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .unwrap()
}

#[test]
fn the_face_hears_exactly_what_the_voice_says_even_where_nothing_plays_it() {
    let (speaker, mut events, _playback) = Speaker::start(models().clone(), nowhere()).unwrap();
    let options = SayOptions { voice: Some("joe".into()), profile: Some("happy".into()), ..SayOptions::default() };
    let id = speaker.say(SENTENCE, options).unwrap();
    while !speaker.speaking() {
        assert_eq!(events.try_recv().ok(), None);
        std::thread::sleep(Duration::from_millis(5));
    }
    let problems = speaker.problems();
    assert!(
        problems.iter().any(|p| p.contains("cannot be heard here") && p.contains("\"no such output\"")),
        "{problems:?}"
    );
    let (heard, started) = std::thread::scope(|scope| {
        let listener = scope.spawn(|| {
            let mut heard = Vec::new();
            let mut at = Moment::now();
            while speaker.speaking() {
                let mut block = Block::silent(at);
                if speaker.block_at(at, &mut block) || !heard.is_empty() {
                    heard.extend(block.samples);
                }
                at = at + Duration::from_millis(20);
                std::thread::sleep(at.wait());
            }
            heard
        });
        (listener.join().unwrap(), events.blocking_recv())
    });
    assert_eq!(started, Some(Event::Started { id, profile: Some("happy".into()) }));
    assert_eq!(events.blocking_recv(), Some(Event::Finished { id, completed: true }));
    let said = speech::synthesize(models(), Some("joe"), SENTENCE, 1.0).unwrap();
    let said = resample(&said.samples, said.rate, RATE).unwrap();
    let (alike, shift) = likeness(&heard, &said, BLOCK + 1);
    assert!(alike > 0.999, "alike {alike} at {shift}");
}

#[test]
fn stop_silences_the_face_empties_the_queue_and_reports_every_utterance() {
    let (speaker, mut events, _playback) = Speaker::start(models().clone(), nowhere()).unwrap();
    let first = speaker.say(&SENTENCE.repeat(20), SayOptions::default()).unwrap();
    let second = speaker.say(SENTENCE, SayOptions::default()).unwrap();
    assert!(second > first);
    assert_eq!(events.blocking_recv(), Some(Event::Started { id: first, profile: None }));
    speaker.stop();
    let after = Moment::now() + Duration::from_millis(100);
    for step in 0..500 {
        let at = after + Duration::from_millis(20 * step);
        assert!(!speaker.block_at(at, &mut Block::silent(at)), "sound {} ms after the stop", 100 + 20 * step);
    }
    assert_eq!(events.blocking_recv(), Some(Event::Finished { id: first, completed: false }));
    assert_eq!(events.blocking_recv(), Some(Event::Finished { id: second, completed: false }));
    // It still speaks afterwards, and an interruption ends what is being said.
    let third = speaker.say(&SENTENCE.repeat(20), SayOptions::default()).unwrap();
    assert_eq!(events.blocking_recv(), Some(Event::Started { id: third, profile: None }));
    let fourth = speaker.say("Yes.", SayOptions { interrupt: true, ..SayOptions::default() }).unwrap();
    assert_eq!(events.blocking_recv(), Some(Event::Finished { id: third, completed: false }));
    assert_eq!(events.blocking_recv(), Some(Event::Started { id: fourth, profile: None }));
    listen(&speaker, &mut events, fourth);
}

#[test]
fn the_queue_is_bounded() {
    let (speaker, _events, _playback) = Speaker::start(models().clone(), nowhere()).unwrap();
    let refused = (0..120).find_map(|_| speaker.say(&SENTENCE.repeat(30), SayOptions::default()).err());
    assert!(matches!(&refused, Some(SayError::Busy(e)) if e.contains("100 texts")), "{refused:?}");
    speaker.stop();
    speaker.say("Hello.", SayOptions::default()).unwrap();
}
