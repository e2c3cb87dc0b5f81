//! The voices, really speaking.

mod common;

use common::{models, models_in};
use std::fs;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};
use vasa_camera::clock::Moment;
use vasa_camera::sound::{BLOCK, Block, RATE, VOICE_RATE, resample};
use vasa_camera::speech::{self, Event, MonitorSettings, Outline, Piece, SayError, SayOptions, Speaker, Speech, Voice};

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
    assert!(voices.iter().all(|v| v.engine == "espeak-ng"));
    assert_eq!((voices[0].name.as_str(), voices[0].language.as_str()), ("espeak", "en-US"));
    assert!(voices.iter().any(|v| v.name == "espeak-de" && v.language == "de"));
    let german = speech::synthesize(&paths, Some("espeak-de"), "Guten Morgen.", 1.0).unwrap();
    assert_is_speech(&german, 0.5..3.0);
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
    assert_eq!(found[..2], [("anna", "en-US", "piper"), ("espeak", "en-US", "espeak-ng")]);
    assert!(found[2..].iter().all(|v| v.2 == "espeak-ng" && !v.1.starts_with("en")), "{found:?}");
    let e = speech::synthesize(&paths, Some("broken"), "Hello", 1.0).unwrap_err().to_string();
    assert!(e.contains("\"broken\"") && e.contains("anna, espeak"), "{e}");
}

#[test]
fn voices_lie_in_the_data_folders_too_and_several_speakers_are_several_voices() {
    let (data, empty) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut paths = models_in(empty.path());
    paths.data = vec![data.path().into()];
    let (voices, joe) = (data.path().join("voices"), models().models.join("voices/joe.onnx"));
    fs::create_dir_all(&voices).unwrap();
    let json = fs::read_to_string(joe.with_extension("onnx.json")).unwrap();
    let (german, many) = (json.replace("\"en_US\"", "\"de_DE\""), "\"speaker_id_map\": {\"zoe\": 1, \"abe\": 0}");
    let many = german.replace("\"num_speakers\": 1", "\"num_speakers\": 2").replace("\"speaker_id_map\": {}", many);
    assert!(many.contains("\"zoe\"") && many.contains("de_DE"), "{many}");
    fs::write(voices.join("vera.onnx"), "no network").unwrap();
    fs::write(voices.join("vera.onnx.json"), many).unwrap();
    let names: Vec<_> = speech::voices(&paths).into_iter().filter(|v| v.engine == "piper").map(|v| v.name).collect();
    assert_eq!(names, ["vera", "vera:abe", "vera:zoe"]);
    let known = speech::voices(&paths);
    assert!(!known.iter().any(|v| v.name == "espeak-de") && known.iter().any(|v| v.name == "espeak-fr-fr"));
    assert_eq!(speech::default_voice(&known, "de_DE.UTF-8").unwrap().name, "vera");
    assert_eq!(speech::default_voice(&known, "fr_FR.UTF-8").unwrap().name, "espeak-fr-fr");
}

#[test]
fn a_truncated_voice_is_refused_with_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let paths = models_in(folder.path());
    let (voices, joe) = (folder.path().join("voices"), models().models.join("voices/joe.onnx"));
    let runtime = models().models.join("onnxruntime");
    std::os::unix::fs::symlink(runtime, folder.path().join("onnxruntime")).unwrap();
    fs::create_dir_all(&voices).unwrap();
    fs::copy(joe.with_extension("onnx.json"), voices.join("half.onnx.json")).unwrap();
    fs::write(voices.join("half.onnx"), &fs::read(&joe).unwrap()[..30_000_000]).unwrap();
    let e = format!("{:#}", speech::synthesize(&paths, Some("half"), "Hello", 1.0).unwrap_err());
    assert!(e.contains("half.onnx") && e.contains("install it again") && !e.contains('\n'), "{e}");
}

/// What a voice gives of a sentence, piece by piece: the outline and after how long it came, then the sound and when.
struct Pieces {
    outline: Outline,
    outlined: Duration,
    sound: Vec<(Duration, Vec<f32>)>,
}

fn pieces(voice: &mut dyn Voice, sentence: &str) -> Pieces {
    let start = Instant::now();
    let mut all: Option<Pieces> = None;
    voice
        .speak(sentence, 1.0, &mut |piece| {
            match (piece, &mut all) {
                (Piece::Outline(o), all @ None) => {
                    *all = Some(Pieces { outline: o.clone(), outlined: start.elapsed(), sound: Vec::new() });
                }
                (Piece::Sound(s), Some(all)) => all.sound.push((start.elapsed(), s.to_vec())),
                (piece, _) => panic!("{piece:?} at a wrong time"),
            }
            ControlFlow::Continue(())
        })
        .unwrap();
    all.unwrap()
}

/// Ten words.
const TEN_WORDS: &str = "I would like a large coffee with milk and sugar.";

#[test]
fn sound_comes_soon_and_what_was_announced_comes() {
    let mut voice = speech::open(models(), Some("joe")).unwrap();
    let mut first = Vec::new();
    for _ in 0..20 {
        let spoken = pieces(voice.as_mut(), TEN_WORDS);
        let (outline, total) = (&spoken.outline, spoken.sound.last().unwrap().0.as_secs_f64());
        assert_eq!(spoken.sound.iter().map(|(_, s)| s.len()).sum::<usize>(), outline.samples);
        let seconds = outline.samples as f64 / f64::from(outline.rate);
        let pieces: Vec<f64> = spoken.sound.iter().map(|(_, s)| s.len() as f64 / f64::from(outline.rate)).collect();
        assert!(pieces[0] < 0.6 && pieces.len() > 2, "{pieces:?}");
        // Every piece is there before the ones before it have been heard, but for a machine that is busy with other things.
        first.push((spoken.sound[0].0.as_secs_f64(), spoken.outlined.as_secs_f64(), total / seconds));
        // The phonemes, in their order, within the sentence, most of it covered.
        let phones = &outline.phones;
        let said: String = phones.iter().map(|p| p.symbol).collect();
        assert!(said.starts_with("aɪwʊd") && said.contains("kɔfi") && said.ends_with("ʃʊɡɚ"), "{said}");
        assert!(phones.iter().all(|p| p.from < p.to) && phones.windows(2).all(|w| w[0].to <= w[1].from), "{phones:?}");
        let covered: f64 = phones.iter().map(|p| p.to.seconds_since(p.from)).sum();
        assert!(covered > 0.8 * seconds && phones.last().unwrap().to.seconds() <= seconds, "{covered} of {seconds}");
    }
    first.sort_by(|a, b| a.0.total_cmp(&b.0));
    let ms = |x: f64| (x * 1000.0).round();
    let (best, middle, worst) = (first[0], first[first.len() / 2], first[first.len() - 1]);
    println!(
        "first sound after {} ms (best {}, worst {}), outline after {} ms, RTF {:.3}",
        ms(middle.0),
        ms(best.0),
        ms(worst.0),
        ms(middle.1),
        middle.2
    );
    assert!(best.0 < 0.5, "{} s to the first sound", best.0);
}

#[test]
fn a_sentence_that_nobody_wants_any_more_is_not_made_to_its_end() {
    let mut voice = speech::open(models(), Some("joe")).unwrap();
    let mut given = 0;
    let mut stop_at_once = |piece: Piece<'_>| {
        given += usize::from(matches!(piece, Piece::Sound(_)));
        if given > 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    voice.speak(&TEN_WORDS.repeat(3), 1.0, &mut stop_at_once).unwrap();
    assert_eq!(given, 1);
}

#[test]
fn sentences_are_equally_loud_and_never_clipped() {
    const SENTENCES: [&str; 20] = [
        TEN_WORDS,
        "Hello.",
        "Good morning, everybody.",
        "The quick brown fox jumps over the lazy sleeping dog.",
        "No!",
        "Could you please repeat the question?",
        "Thank you very much for your patience today.",
        "This is a considerably longer sentence, which goes on and on about nothing in particular, so that it takes a while.",
        "Stop that right now!",
        "What time is it?",
        "My name is Joe, and I cannot speak.",
        "See you tomorrow at ten thirty.",
        "Yes, that is exactly what I meant.",
        "Let us begin with the first item on the agenda.",
        "I am not sure about that.",
        "Can everybody hear me well?",
        "The weather is fine and the trees are green.",
        "She sells sea shells by the sea shore.",
        "Please send me the document before Friday.",
        "That was a wonderful idea, wasn't it?",
    ];
    let mut voice = speech::open(models(), Some("joe")).unwrap();
    let mut loudness = Vec::new();
    let mut highest = 0.0f32;
    for sentence in SENTENCES {
        let spoken = pieces(voice.as_mut(), sentence);
        let sound: Vec<f32> = spoken.sound.into_iter().flat_map(|(_, s)| s).collect();
        let levels = levels(&Speech { samples: sound.clone(), rate: spoken.outline.rate, phones: Vec::new() });
        let loudest = levels.iter().fold(0.0f32, |m, x| m.max(*x));
        let speech: Vec<f32> = levels.into_iter().filter(|l| *l > loudest * 0.1).map(|l| l * l).collect();
        loudness.push(10.0 * (speech.iter().sum::<f32>() / speech.len() as f32).log10());
        highest = sound.iter().fold(highest, |m, x| m.max(x.abs()));
    }
    let mean = loudness.iter().sum::<f32>() / loudness.len() as f32;
    let spread = (loudness.iter().map(|l| (l - mean).powi(2)).sum::<f32>() / loudness.len() as f32).sqrt();
    let (low, high) = loudness.iter().fold((0.0f32, -99.0f32), |(l, h), x| (l.min(*x), h.max(*x)));
    println!(
        "loudness {mean:.1} dB, spread {spread:.2} dB (standard deviation), {low:.1} to {high:.1} dB; peak {highest:.2}"
    );
    assert!(spread < 1.5 && high - low < 6.0, "{loudness:?}");
    assert!((0.5..=0.9).contains(&highest), "{highest}");
}

#[test]
fn a_word_of_ten_thousand_letters_is_spoken_in_pieces_of_bounded_length() {
    let word = "a".repeat(speech::MAX_CHARS);
    let all = speech::sentences(&word);
    assert!(all.len() >= 50 && all.iter().all(|s| s.chars().count() <= 200));
    let mut voice = speech::open(models(), Some("joe")).unwrap();
    for hard in [all[0].as_str(), &"1".repeat(200), &"$1,234,567.89 ".repeat(14), "кошка 你好 😀 π"] {
        let spoken = pieces(voice.as_mut(), hard);
        let longest = spoken.sound.iter().map(|(_, s)| s.len()).max().unwrap();
        assert!(spoken.outline.samples > 1000 && longest < 40_000, "{longest} samples at once");
    }
}

#[test]
fn kokoro_speaks_english_and_kana_where_it_is_installed() {
    let paths = models();
    let Some(voice) = speech::voices(paths).into_iter().find(|v| v.engine == "kokoro") else {
        eprintln!("SKIPPED: Kokoro is not installed; run vasa models install kokoro");
        return;
    };
    assert_eq!((voice.name.as_str(), voice.language.as_str()), ("kokoro-jf_alpha", "ja"));
    let start = Instant::now();
    let english = speech::synthesize(paths, Some(&voice.name), TEN_WORDS, 1.0).unwrap();
    println!("{:.1} s of speech in {:.1} s, with loading", english.seconds(), start.elapsed().as_secs_f64());
    assert_is_speech(&english, 1.5..5.0);
    assert_eq!(english.rate, 24_000);
    let japanese = speech::synthesize(paths, Some(&voice.name), "こんにちは。", 1.0).unwrap();
    assert_is_speech(&japanese, 0.4..3.0);
    let fast = speech::synthesize(paths, Some(&voice.name), TEN_WORDS, 2.0).unwrap();
    assert!(fast.seconds() < english.seconds() * 0.7);
    let e = speech::synthesize(paths, Some(&voice.name), "今日は", 1.0).unwrap_err().to_string();
    assert!(e.contains("kanji") && e.contains("kana"), "{e}");
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
    // On the listener's way to the face's rate, as the speaker makes it.
    let said = resample(&resample(&said.samples, said.rate, VOICE_RATE).unwrap(), VOICE_RATE, RATE).unwrap();
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
    for n in 0..100 {
        speaker.say(&SENTENCE.repeat(30), SayOptions::default()).unwrap_or_else(|e| panic!("text {n}: {e}"));
    }
    let refused = speaker.say(SENTENCE, SayOptions::default());
    assert!(matches!(&refused, Err(SayError::Busy(e)) if e.contains("100 texts")), "{refused:?}");
    // An interruption makes room at once.
    speaker.say("Hello.", SayOptions { interrupt: true, ..SayOptions::default() }).unwrap();
    speaker.stop();
    speaker.say("Hello.", SayOptions::default()).unwrap();
}
