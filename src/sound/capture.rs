//! The microphone: any device, any format, as 16 kHz mono blocks stamped with the moment they were captured.

use super::resample::Resampler;
use super::{BLOCK, Block, Direction, RATE, Steady, default_config, find};
use crate::clock::Moment;
use anyhow::{Context, Result, bail};
use cpal::traits::{DeviceTrait, StreamTrait};
use cpal::{ErrorKind, FromSample, InputCallbackInfo, SampleFormat, SizedSample};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Samples a second of the voice as listeners hear it: what nearly every sound server runs at.
pub const VOICE_RATE: u32 = 48_000;

/// How often a device that is not there is looked for.
const RETRY: Duration = Duration::from_secs(1);

/// No sound for this long from an open device means that it has gone without saying so.
const SILENT_DEVICE: Duration = Duration::from_secs(3);

/// How often a named device is looked for while it is open.
const LOOK: Duration = Duration::from_secs(4);

/// The ring between the device's callback and the listener, in seconds.
const RING_SECONDS: usize = 2;

/// More than this waiting to be heard is late beyond use: the oldest is dropped. Seconds.
const MAX_LATE: f64 = 0.4;

/// An open microphone; dropping it closes the device.
pub struct Capture {
    sources: Receiver<Source>,
    current: Option<Listening>,
    shared: Arc<Shared>,
    /// Dropping it ends the thread.
    close: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    problem: Mutex<Option<String>>,
    /// Frames that were dropped because nobody took them in time.
    dropped: AtomicU64,
}

/// What the callback writes and the listener reads.
struct Source {
    samples: rtrb::Consumer<f32>,
    stamps: rtrb::Consumer<Stamp>,
    rate: u32,
}

/// When frame number `frame` of the device was captured.
#[derive(Clone, Copy)]
struct Stamp {
    frame: u64,
    at: Moment,
}

struct Listening {
    source: Source,
    resampler: Resampler,
    /// For those who hear the voice itself, and the number of its next sample since the device was opened.
    voice: Resampler,
    voiced: u64,
    voice_scratch: Vec<f32>,
    /// 16 kHz samples that do not fill a block yet, and the number of the first one since the device was opened.
    ready: Vec<f32>,
    first: u64,
    scratch: Vec<f32>,
    /// The moment of frame zero, in microseconds.
    zero: Steady,
    /// The stamp of the block before.
    last: Option<Moment>,
}

impl Capture {
    /// Opens the named microphone, or the default one. Where it is not there (or goes away), it is waited for, and
    /// [`Capture::problems`] says so.
    pub fn start(device: Option<String>) -> Self {
        let (to_listener, sources) = channel();
        let (close, closed) = channel();
        let shared = Arc::new(Shared::default());
        let keeper = Keeper { device, to_listener, closed, shared: shared.clone() };
        let thread = std::thread::Builder::new().name("microphone".into()).spawn(move || keeper.run());
        if let Err(e) = &thread {
            shared.set(Some(format!("the microphone's thread did not start ({e}); close other programs")));
        }
        Self { sources, current: None, shared, close: Some(close), thread: thread.ok() }
    }

    /// The next block; None where none came within `timeout`. Meanwhile `voice` gets the same sound at [`VOICE_RATE`] as it comes, each
    /// time with the moment at which its first sample was captured. (Not for hot threads: it resamples and it waits.)
    pub fn next(&mut self, timeout: Duration, voice: &mut dyn FnMut(Moment, &[f32])) -> Option<Block> {
        let deadline = Instant::now() + timeout;
        loop {
            while let Ok(source) = self.sources.try_recv() {
                match Listening::new(source) {
                    Ok(listening) => self.current = Some(listening),
                    Err(e) => self.shared.set(Some(format!("the microphone cannot be used: {e:#}"))),
                }
            }
            if let Some(block) = self.current.as_mut().and_then(|c| c.next(&self.shared.dropped, voice)) {
                return Some(block);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            std::thread::sleep(left.min(Duration::from_millis(3)));
        }
    }

    /// What keeps the microphone from being heard, as sentences with their remedy; empty when all is well.
    pub fn problems(&self) -> Vec<String> {
        self.shared.problem.lock().unwrap_or_else(PoisonError::into_inner).clone().into_iter().collect()
    }

    /// Frames of the device that were dropped because nobody took them in time.
    pub fn dropped(&self) -> u64 {
        self.shared.dropped.load(Relaxed)
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        drop(self.close.take());
        if let Some(thread) = self.thread.take() {
            // It ends at once; only a device that hangs in closing holds it.
            thread.join().ok();
        }
    }
}

impl Shared {
    fn set(&self, problem: Option<String>) {
        *self.problem.lock().unwrap_or_else(PoisonError::into_inner) = problem;
    }
}

impl Listening {
    fn new(source: Source) -> Result<Self> {
        Ok(Self {
            resampler: Resampler::new(source.rate, RATE)?,
            voice: Resampler::new(source.rate, VOICE_RATE)?,
            voiced: 0,
            voice_scratch: Vec::with_capacity(VOICE_RATE as usize * RING_SECONDS),
            ready: Vec::with_capacity(RATE as usize),
            first: 0,
            scratch: Vec::with_capacity(source.rate as usize * RING_SECONDS),
            zero: Steady::measured(),
            last: None,
            source,
        })
    }

    fn next(&mut self, dropped: &AtomicU64, voice: &mut dyn FnMut(Moment, &[f32])) -> Option<Block> {
        let rate = f64::from(self.source.rate);
        while let Ok(stamp) = self.source.stamps.pop() {
            let zero = stamp.at.0 as f64 - stamp.frame as f64 * 1e6 / rate;
            self.zero.follow(zero);
        }
        self.drain(voice);
        if self.ready.len() < BLOCK {
            return None;
        }
        let late = (self.ready.len() as f64 / f64::from(RATE)) > MAX_LATE;
        if late {
            let skip = self.ready.len() - BLOCK;
            self.ready.drain(..skip);
            self.first += skip as u64;
            dropped.fetch_add((skip as f64 * rate / f64::from(RATE)) as u64, Relaxed);
        }
        let zero = self.zero.value().unwrap_or(Moment::now().0 as f64);
        let measured = Moment((zero + self.first as f64 * 1e6 / f64::from(RATE)) as i64);
        // A clock that is still settling, or a device that jumps, may go back; blocks never do.
        let at = self.last.map_or(measured, |last| measured.max(last + Duration::from_millis(1)));
        self.last = Some(at);
        let mut block = Block::silent(at);
        for (to, from) in block.samples.iter_mut().zip(self.ready.drain(..BLOCK)) {
            *to = from;
        }
        self.first += BLOCK as u64;
        Some(block)
    }

    /// Moves what the device has captured through the resampler.
    fn drain(&mut self, voice: &mut dyn FnMut(Moment, &[f32])) {
        let waiting = self.source.samples.slots();
        let Ok(chunk) = self.source.samples.read_chunk(waiting) else { return };
        let (a, b) = chunk.as_slices();
        self.scratch.clear();
        self.scratch.extend_from_slice(a);
        self.scratch.extend_from_slice(b);
        chunk.commit_all();
        self.resampler.push(&self.scratch, &mut self.ready);
        self.voice_scratch.clear();
        self.voice.push(&self.scratch, &mut self.voice_scratch);
        if let (Some(zero), false) = (self.zero.value(), self.voice_scratch.is_empty()) {
            voice(Moment((zero + self.voiced as f64 * 1e6 / f64::from(VOICE_RATE)) as i64), &self.voice_scratch);
        }
        self.voiced += self.voice_scratch.len() as u64;
    }
}

/// The thread that owns the device.
struct Keeper {
    device: Option<String>,
    to_listener: Sender<Source>,
    closed: Receiver<()>,
    shared: Arc<Shared>,
}

impl Keeper {
    fn run(self) {
        let mut told = None;
        loop {
            match self.open() {
                Ok(open) => {
                    tracing::info!("microphone open: {}", self.label());
                    self.shared.set(None);
                    told = None;
                    let why = open.wait(&self.closed, self.device.as_deref());
                    drop(open);
                    let Some(why) = why else {
                        tracing::info!("microphone closed");
                        return;
                    };
                    tracing::warn!("the microphone went away: {why}");
                    self.shared.set(Some(format!("the microphone {} went away; connect it again", self.label())));
                }
                Err(e) => {
                    let sentence = format!("{e:#}");
                    if told.as_ref() != Some(&sentence) {
                        tracing::warn!("microphone: {sentence}");
                        told = Some(sentence.clone());
                    }
                    self.shared.set(Some(sentence));
                }
            }
            match self.closed.recv_timeout(RETRY) {
                Err(RecvTimeoutError::Timeout) => {}
                Ok(()) | Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn label(&self) -> String {
        self.device.as_ref().map_or_else(|| "(the default one)".to_owned(), |d| format!("\"{d}\""))
    }

    fn open(&self) -> Result<Open> {
        let device = find(Direction::Input, self.device.as_deref())?;
        let (config, format) = default_config(Direction::Input, &device)?;
        let (rate, channels) = (config.sample_rate, usize::from(config.channels).max(1));
        let (samples, samples_out) = rtrb::RingBuffer::new(rate as usize * RING_SECONDS);
        let (stamps, stamps_out) = rtrb::RingBuffer::new(256);
        let state = Arc::new(DeviceState::default());
        let told = device.id().is_ok_and(|id| id.host() == cpal::HostId::PipeWire);
        let writer =
            Writer { told, samples, stamps, frames: 0, channels, state: state.clone(), shared: self.shared.clone() };
        let stream = match format {
            SampleFormat::F32 => build::<f32>(&device, config, writer, state.clone()),
            SampleFormat::I16 => build::<i16>(&device, config, writer, state.clone()),
            SampleFormat::I32 => build::<i32>(&device, config, writer, state.clone()),
            SampleFormat::U8 => build::<u8>(&device, config, writer, state.clone()),
            other => bail!("the microphone delivers {other} samples, which are not supported; choose another one"),
        }?;
        stream.play().context("the microphone did not start; check the system's sound settings")?;
        // The listener may be gone already: then the channel of closing says so next.
        self.to_listener.send(Source { samples: samples_out, stamps: stamps_out, rate }).ok();
        Ok(Open { _stream: stream, state })
    }
}

/// What the device's callbacks report.
#[derive(Default)]
struct DeviceState {
    gone: AtomicBool,
    callbacks: AtomicU64,
    reason: Mutex<Option<String>>,
}

struct Open {
    _stream: cpal::Stream,
    state: Arc<DeviceState>,
}

impl Open {
    /// Waits until the capture is closed (None) or the device has gone (why).
    fn wait(&self, closed: &Receiver<()>, name: Option<&str>) -> Option<String> {
        let (mut seen, mut since) = (0, Instant::now());
        let mut looked = Instant::now();
        loop {
            match closed.recv_timeout(Duration::from_millis(200)) {
                Err(RecvTimeoutError::Timeout) => {}
                Ok(()) | Err(RecvTimeoutError::Disconnected) => return None,
            }
            if self.state.gone.load(Relaxed) {
                let reason = self.state.reason.lock().unwrap_or_else(PoisonError::into_inner).take();
                return Some(reason.unwrap_or_else(|| "the device has gone".into()));
            }
            if name.is_some() && looked.elapsed() > LOOK {
                looked = Instant::now();
                // Some sound systems lead the stream of a device that has gone to another one, without a word.
                if let Err(e) = find(Direction::Input, name) {
                    return Some(e.to_string());
                }
            }
            let now = self.state.callbacks.load(Relaxed);
            if now != seen {
                (seen, since) = (now, Instant::now());
            } else if since.elapsed() > SILENT_DEVICE {
                return Some(format!("nothing came from it for {} s", SILENT_DEVICE.as_secs()));
            }
        }
    }
}

/// The callback's half: writes the ring, nothing else.
struct Writer {
    /// The stamps are those of PipeWire's graph. A buffer that waited has a later turn's, so they too may be late.
    told: bool,
    samples: rtrb::Producer<f32>,
    stamps: rtrb::Producer<Stamp>,
    /// Frames written.
    frames: u64,
    channels: usize,
    state: Arc<DeviceState>,
    shared: Arc<Shared>,
}

impl Writer {
    fn write<T: Copy>(&mut self, data: &[T], info: &InputCallbackInfo)
    where
        f32: FromSample<T>,
    {
        let stamp = info.timestamp();
        let at = match i64::try_from(stamp.capture.as_nanos()) {
            Ok(nanos) if self.told => Moment::of_monotonic(nanos),
            _ => Moment::now() - stamp.callback.saturating_duration_since(stamp.capture),
        };
        // Where nobody reads, the stamp is lost with its frames.
        let _ = self.stamps.push(Stamp { frame: self.frames, at });
        let wanted = data.len() / self.channels;
        let room = wanted.min(self.samples.slots());
        if let Ok(chunk) = self.samples.write_chunk_uninit(room) {
            let mono = data.chunks_exact(self.channels).map(|frame| {
                let sum: f32 = frame.iter().map(|s| f32::from_sample_(*s)).sum();
                let mean = sum / self.channels as f32;
                if mean.is_finite() { mean.clamp(-1.0, 1.0) } else { 0.0 }
            });
            self.frames += chunk.fill_from_iter(mono) as u64;
        }
        self.shared.dropped.fetch_add((wanted - room) as u64, Relaxed);
        self.state.callbacks.fetch_add(1, Relaxed);
    }
}

fn build<T>(
    device: &cpal::Device,
    config: cpal::StreamConfig,
    mut writer: Writer,
    state: Arc<DeviceState>,
) -> Result<cpal::Stream>
where
    T: SizedSample,
    f32: FromSample<T>,
{
    device
        .build_input_stream::<T, _, _>(
            config,
            move |data, info| writer.write(data, info),
            move |e| {
                // Overruns and refused priorities cost nothing that the listener would not see.
                if !matches!(e.kind(), ErrorKind::Xrun | ErrorKind::RealtimeDenied | ErrorKind::DeviceChanged) {
                    *state.reason.lock().unwrap_or_else(PoisonError::into_inner) = Some(e.to_string());
                    state.gone.store(true, Relaxed);
                }
            },
            Some(Duration::from_secs(5)),
        )
        .context("the microphone cannot be opened; check that no other program holds it")
}
