//! The sound device on which the user hears the voice.

use super::playback::Playback;
use crate::clock::Moment;
use crate::sound::{Direction, VOICE_RATE, default_config, find};
use anyhow::{Context, Result, bail, ensure};
use cpal::traits::{DeviceTrait, StreamTrait};
use cpal::{BufferSize, ErrorKind, FromSample, OutputCallbackInfo, SampleFormat, SizedSample, StreamConfig};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Frames of one buffer that the callback can serve at once; longer ones are served in pieces.
const PIECE: usize = 4096;

/// An open output device.
pub struct Output {
    _stream: cpal::Stream,
    state: Arc<State>,
}

/// How loud the voice is heard, 0..1; shared with the callback.
#[derive(Debug)]
pub struct Volume(AtomicU32);

impl Volume {
    pub fn new(volume: f32) -> Self {
        Self(AtomicU32::new(volume.to_bits()))
    }

    pub fn set(&self, volume: f32) {
        self.0.store(volume.clamp(0.0, 1.0).to_bits(), Relaxed);
    }

    pub fn get(&self) -> f32 {
        f32::from_bits(self.0.load(Relaxed))
    }
}

#[derive(Default)]
struct State {
    callbacks: AtomicU64,
    gone: AtomicBool,
    reason: Mutex<Option<String>>,
}

impl Output {
    /// Opens the named device, or the default one; it plays what the playback has, silence else.
    ///
    /// # Errors
    /// There is no such device, or it does not open.
    pub fn open(name: Option<&str>, playback: Arc<Mutex<Playback>>, volume: Arc<Volume>) -> Result<Self> {
        let device = find(Direction::Output, name)?;
        let (mut config, format) = default_config(Direction::Output, &device)?;
        if config.sample_rate != VOICE_RATE {
            let mut all = device.supported_output_configs().context("the sound output does not tell its formats")?;
            let fits = |c: &cpal::SupportedStreamConfigRange| {
                (c.min_sample_rate()..=c.max_sample_rate()).contains(&VOICE_RATE) && c.sample_format() == format
            };
            ensure!(
                all.any(|c| fits(&c)),
                "the sound output does not take {VOICE_RATE} samples a second; choose another one"
            );
            config.sample_rate = VOICE_RATE;
            config.buffer_size = BufferSize::Default;
        }
        let state = Arc::new(State::default());
        let callback = Callback { playback, volume, channels: usize::from(config.channels).max(1), mono: [0.0; PIECE] };
        let stream = match format {
            SampleFormat::F32 => build::<f32>(&device, config, callback, &state),
            SampleFormat::I16 => build::<i16>(&device, config, callback, &state),
            SampleFormat::I32 => build::<i32>(&device, config, callback, &state),
            SampleFormat::U8 => build::<u8>(&device, config, callback, &state),
            other => bail!("the sound output takes {other} samples, which are not supported; choose another one"),
        }?;
        stream.play().context("the sound output did not start; check the system's sound settings")?;
        Ok(Self { _stream: stream, state })
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
}

/// What the device's thread calls.
struct Callback {
    playback: Arc<Mutex<Playback>>,
    volume: Arc<Volume>,
    channels: usize,
    mono: [f32; PIECE],
}

impl Callback {
    /// The time that `samples` of all channels take.
    fn duration(&self, samples: usize) -> Duration {
        Duration::from_secs_f64((samples / self.channels) as f64 / f64::from(VOICE_RATE))
    }

    fn fill<T: SizedSample + FromSample<f32>>(&mut self, data: &mut [T], mut heard_at: Moment) {
        // Held by nobody else while the device runs; where it is, a silent buffer is better than a late one.
        let Ok(mut playback) = self.playback.try_lock() else {
            data.fill(T::from_sample(0.0));
            return;
        };
        let volume = self.volume.get();
        for part in data.chunks_mut(PIECE * self.channels) {
            let frames = part.len() / self.channels;
            let Some(mono) = self.mono.get_mut(..frames) else { break };
            playback.fill(mono, heard_at);
            for (slot, sample) in part.chunks_mut(self.channels).zip(mono) {
                slot.fill(T::from_sample(*sample * volume));
            }
            heard_at = heard_at + Duration::from_secs_f64(frames as f64 / f64::from(VOICE_RATE));
        }
    }
}

fn build<T>(
    device: &cpal::Device,
    config: StreamConfig,
    mut callback: Callback,
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
                let queued = callback.duration(data.len()) * cycles;
                callback.fill(data, Moment::now() + delay + queued);
                of_callback.callbacks.fetch_add(1, Relaxed);
            },
            move |e| {
                if !matches!(e.kind(), ErrorKind::Xrun | ErrorKind::RealtimeDenied | ErrorKind::DeviceChanged) {
                    *lock(&of_error.reason) = Some(e.to_string());
                    of_error.gone.store(true, Relaxed);
                }
            },
            Some(Duration::from_secs(5)),
        )
        .context("the sound output cannot be opened; check that no other program holds it")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
