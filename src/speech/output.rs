//! The sound output: plays the sentences at the moments the timeline has for them, and tells it when they are truly heard.

use super::Speech;
use super::timeline::Clip;
use crate::clock::Moment;
use crate::sound::{Direction, Steady, default_config, find, resample};
use anyhow::{Context, Result, bail};
use cpal::traits::{DeviceTrait, StreamTrait};
use cpal::{ErrorKind, FromSample, OutputCallbackInfo, SampleFormat, SizedSample};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Sentences that can wait in the device's queue.
const QUEUE: usize = 256;

/// A stopped sentence fades over this share of a second (5 ms): soon enough, and without a click.
const FADE: u32 = 200;

/// A sentence at the device's rate.
#[derive(Clone)]
struct Queued {
    clip: Arc<Clip>,
    samples: Arc<Vec<f32>>,
}

/// An open output device.
pub struct Output {
    _stream: cpal::Stream,
    queue: rtrb::Producer<Queued>,
    rate: u32,
    state: Arc<State>,
    /// Everything in the queue once more, so that the callback never frees memory.
    kept: Vec<Queued>,
}

#[derive(Default)]
struct State {
    callbacks: AtomicU64,
    gone: AtomicBool,
    reason: Mutex<Option<String>>,
}

impl Output {
    /// Opens the named device, or the default one. It plays silence until there is something to play.
    ///
    /// # Errors
    /// There is no such device, or it does not open.
    pub fn open(name: Option<&str>) -> Result<Self> {
        let device = find(Direction::Output, name)?;
        let (config, format) = default_config(Direction::Output, &device)?;
        let (queue, queued) = rtrb::RingBuffer::new(QUEUE);
        let state = Arc::new(State::default());
        let (rate, channels) = (config.sample_rate, usize::from(config.channels).max(1));
        let mixer = Mixer::new(queued, rate, channels);
        let stream = match format {
            SampleFormat::F32 => build::<f32>(&device, config, mixer, &state),
            SampleFormat::I16 => build::<i16>(&device, config, mixer, &state),
            SampleFormat::I32 => build::<i32>(&device, config, mixer, &state),
            SampleFormat::U8 => build::<u8>(&device, config, mixer, &state),
            other => bail!("the sound output takes {other} samples, which are not supported; choose another one"),
        }?;
        stream.play().context("the sound output did not start; check the system's sound settings")?;
        Ok(Self { _stream: stream, queue, rate, state, kept: Vec::new() })
    }

    /// How often the device has asked for sound: zero until it runs.
    pub fn callbacks(&self) -> u64 {
        self.state.callbacks.load(Relaxed)
    }

    /// Why the device has gone, if it has.
    pub fn gone(&self) -> Option<String> {
        self.state.gone.load(Relaxed).then(|| {
            let reason = self.state.reason.lock().unwrap_or_else(PoisonError::into_inner).clone();
            reason.unwrap_or_else(|| "the device has gone".into())
        })
    }

    /// The sound at the rate of the device.
    ///
    /// # Errors
    /// One of the rates is none.
    pub fn fit(&self, speech: &Speech) -> Result<Vec<f32>> {
        resample(&speech.samples, speech.rate, self.rate)
    }

    /// Queues a sentence whose sound was made to [`Output::fit`]; it begins at the clip's start.
    pub fn play(&mut self, clip: &Arc<Clip>, samples: Vec<f32>) {
        // What only this list holds has been played.
        self.kept.retain(|k| Arc::strong_count(&k.samples) > 1);
        let queued = Queued { clip: clip.clone(), samples: Arc::new(samples) };
        self.kept.push(queued.clone());
        if self.queue.push(queued).is_err() {
            tracing::error!("the sound output's queue is full; a sentence is not heard");
        }
    }
}

fn build<T>(
    device: &cpal::Device,
    config: cpal::StreamConfig,
    mut mixer: Mixer,
    state: &Arc<State>,
) -> Result<cpal::Stream>
where
    T: SizedSample + FromSample<f32>,
{
    let (of_callback, of_error) = (state.clone(), state.clone());
    // PipeWire takes what is given in one cycle of its graph in the next one, and does not count that in its delay (the stream is
    // not processed in its real-time thread); measured with an output whose sound was recorded.
    let cycles = u32::from(device.id().is_ok_and(|id| id.host() == cpal::HostId::PipeWire));
    device
        .build_output_stream::<T, _, _>(
            config,
            move |data: &mut [T], info: &OutputCallbackInfo| {
                let stamp = info.timestamp();
                let delay = stamp.playback.saturating_duration_since(stamp.callback);
                let queued = mixer.duration(data.len()) * cycles;
                mixer.fill(data, Moment::now() + delay + queued);
                of_callback.callbacks.fetch_add(1, Relaxed);
            },
            move |e| {
                if !matches!(e.kind(), ErrorKind::Xrun | ErrorKind::RealtimeDenied | ErrorKind::DeviceChanged) {
                    *of_error.reason.lock().unwrap_or_else(PoisonError::into_inner) = Some(e.to_string());
                    of_error.gone.store(true, Relaxed);
                }
            },
            Some(Duration::from_secs(5)),
        )
        .context("the sound output cannot be opened; check that no other program holds it")
}

/// The callback's half.
struct Mixer {
    queue: rtrb::Consumer<Queued>,
    playing: Option<Playing>,
    rate: u32,
    channels: usize,
    /// Frames given to the device so far.
    frames: u64,
    /// The moment at which frame zero was heard, in microseconds.
    zero: Steady,
}

struct Playing {
    queued: Queued,
    /// The next sample; None before the sentence has begun.
    cursor: Option<usize>,
    /// Loudness, which falls to nothing when the sentence is stopped.
    gain: f32,
}

impl Mixer {
    fn new(queue: rtrb::Consumer<Queued>, rate: u32, channels: usize) -> Self {
        Self { queue, playing: None, rate, channels, frames: 0, zero: Steady::default() }
    }

    fn micros(&self, frames: f64) -> f64 {
        frames * 1e6 / f64::from(self.rate)
    }

    /// How long `samples` of all channels last.
    fn duration(&self, samples: usize) -> Duration {
        Duration::from_secs_f64(self.micros((samples / self.channels) as f64) / 1e6)
    }

    /// Fills the device's buffer, whose first frame is heard at `heard_at`. Neither allocates, nor locks, nor frees.
    fn fill<T: SizedSample + FromSample<f32>>(&mut self, data: &mut [T], heard_at: Moment) {
        let measured = heard_at.0 as f64 - self.micros(self.frames as f64);
        let zero = self.zero.follow(measured);
        let buffer_at = zero + self.micros(self.frames as f64);
        let frames = data.len() / self.channels;
        data.fill(T::from_sample(0.0));
        let mut at = 0;
        while at < frames {
            if self.playing.is_none() {
                self.playing = self.queue.pop().ok().map(|queued| Playing { queued, cursor: None, gain: 1.0 });
            }
            let now = buffer_at + self.micros(at as f64);
            let micros_a_frame = self.micros(1.0);
            let Some(playing) = &mut self.playing else { break };
            let clip = &playing.queued.clip;
            let cursor = match playing.cursor {
                Some(cursor) => cursor,
                None if clip.stopping() => {
                    self.playing = None;
                    continue;
                }
                None => {
                    let wait = ((clip.start().0 as f64 - now) / micros_a_frame).round();
                    if wait >= (frames - at) as f64 {
                        break;
                    }
                    if wait > 0.0 {
                        at += wait as usize;
                        playing.cursor = Some(0);
                    } else if clip.begun() {
                        // It was being heard on another device, or by nobody: go on where it is.
                        playing.cursor = Some((-wait) as usize);
                    } else {
                        clip.set_start(Moment(now as i64));
                        playing.cursor = Some(0);
                    }
                    clip.begin();
                    continue;
                }
            };
            clip.set_start(Moment((now - cursor as f64 * micros_a_frame) as i64));
            let rest = playing.queued.samples.get(cursor..).unwrap_or_default();
            let count = rest.len().min(frames - at);
            let step = if clip.stopping() { 1.0 / (self.rate / FADE).max(1) as f32 } else { 0.0 };
            let slots = data.chunks_exact_mut(self.channels).skip(at);
            let mut done = 0;
            for (slot, sample) in slots.zip(rest.iter().take(count)) {
                playing.gain = (playing.gain - step).max(0.0);
                if playing.gain == 0.0 {
                    break;
                }
                slot.fill(T::from_sample(sample * playing.gain));
                done += 1;
            }
            playing.cursor = Some(cursor + done);
            at += done;
            if playing.gain == 0.0 {
                clip.cut(Moment((now + done as f64 * micros_a_frame) as i64));
            }
            if playing.gain == 0.0 || cursor + done >= playing.queued.samples.len() {
                self.playing = None;
            }
        }
        self.frames += frames as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: u32 = 48_000;

    fn queue(clips: &[(&Arc<Clip>, Vec<f32>)]) -> (Mixer, Vec<Queued>) {
        let (mut to, from) = rtrb::RingBuffer::new(8);
        let mut kept = Vec::new();
        for (clip, samples) in clips {
            let queued = Queued { clip: (*clip).clone(), samples: Arc::new(samples.clone()) };
            kept.push(queued.clone());
            to.push(queued).ok().unwrap();
        }
        (Mixer::new(from, RATE, 2), kept)
    }

    /// Plays `n` buffers of 10 ms, the first heard at moment zero; one side of the stereo.
    fn run(mixer: &mut Mixer, buffers: i64, mut each: impl FnMut(i64)) -> Vec<f32> {
        let mut all = Vec::new();
        for i in 0..buffers {
            each(i);
            let mut data = vec![9.0f32; 960];
            mixer.fill(&mut data, Moment(i * 10_000));
            assert!(data.chunks(2).all(|f| f[0] == f[1]));
            all.extend(data.chunks(2).map(|f| f[0]));
        }
        all
    }

    #[test]
    fn sentences_begin_on_their_sample_and_there_is_silence_between_them() {
        let (a, b) = (
            Arc::new(Clip::new(1, vec![0.0; 160], Moment(13_000))),
            Arc::new(Clip::new(1, vec![0.0; 160], Moment(33_000))),
        );
        let (mut mixer, _kept) = queue(&[(&a, vec![0.5; 480]), (&b, vec![0.25; 480])]);
        let out = run(&mut mixer, 6, |_| ());
        let mut want = vec![0.0; 6 * 480];
        want[624..1104].fill(0.5);
        want[1584..2064].fill(0.25);
        assert_eq!(out, want);
        assert!(a.begun() && b.begun() && (a.start(), b.start()) == (Moment(13_000), Moment(33_000)));
    }

    #[test]
    fn a_sentence_that_comes_too_late_moves_and_says_so() {
        let a = Arc::new(Clip::new(1, vec![0.0; 160], Moment(-500_000)));
        let (mut mixer, _kept) = queue(&[(&a, vec![0.5; 480])]);
        assert_eq!(run(&mut mixer, 1, |_| ())[..], [0.5; 480]);
        assert_eq!(a.start(), Moment(0));
        // But one that was being heard already goes on where it would be.
        let b = Arc::new(Clip::new(1, vec![0.0; 320], Moment(-10_000)));
        b.begin();
        let (mut mixer, _kept) = queue(&[(&b, [vec![0.1; 480], vec![0.2; 480]].concat())]);
        assert_eq!(run(&mut mixer, 1, |_| ())[..], [0.2; 480]);
        assert_eq!(b.start(), Moment(-10_000));
    }

    #[test]
    fn a_stopped_sentence_fades_within_5_ms_and_the_rest_is_not_played() {
        let timeline = super::super::timeline::Timeline::default();
        let (a, b) = (
            Arc::new(Clip::new(1, vec![0.0; 16_000], Moment(0))),
            Arc::new(Clip::new(1, vec![0.0; 160], Moment(2_000_000))),
        );
        timeline.push(a.clone());
        timeline.push(b.clone());
        let (mut mixer, _kept) = queue(&[(&a, vec![0.5; 48_000]), (&b, vec![0.5; 480])]);
        let out = run(&mut mixer, 300, |i| {
            if i == 3 {
                timeline.stop(2);
            }
        });
        assert_eq!(out[1439], 0.5);
        assert!(out[1440..1680].windows(2).all(|w| w[1] <= w[0] && w[0] - w[1] < 0.01), "the fade has no step");
        assert!(out[1680..].iter().all(|s| *s == 0.0));
        assert!((a.end().0 - 35_000).abs() < 100, "{:?}", a.end());
        assert!(!b.begun());
    }

    #[test]
    fn late_callbacks_do_not_shake_the_clock() {
        let a = Arc::new(Clip::new(1, vec![0.0; 160_000], Moment(0)));
        let (mut mixer, _kept) = queue(&[(&a, vec![0.1; 480_000])]);
        let mut rng = fastrand::Rng::with_seed(5);
        for i in 0..900 {
            let mut data = vec![0.0f32; 960];
            mixer.fill(&mut data, Moment(i * 10_000 + if i > 0 { rng.i64(0..2000) } else { 0 }));
            if i > 200 {
                assert!((0..500).contains(&a.start().0), "callback {i}: {:?}", a.start());
            }
        }
    }
}
