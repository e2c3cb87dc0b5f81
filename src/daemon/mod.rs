//! The life of the program: wiring, the main loop, shutdown, readiness and watchdog.

mod avatars;
mod dbus;
mod ear;
mod files;
mod last_face;
mod mirror;
mod motion_thread;
mod overlay;
mod pending;
mod problems;
mod render_thread;
pub mod session_log;
mod sleep;
mod state;
mod stats;
mod view;

use crate::avatar;
use crate::camera::{Camera, CameraSettings};
use crate::clock::Moment;
use crate::config::{self, Looks, Paths, Settings};
use crate::identity::Identity;
use crate::listen::{self, Listener};
use crate::mark::{Dated, Marker};
use crate::microphone::{Live, Microphone, Mix};
use crate::mirror::Mirror;
use crate::motion::{Lips, Motion};
use crate::render::{Frame, card};
use crate::speech::{Event, Speaker};
use anyhow::{Context, Result};
use avatars::{Avatars, Stage};
use ear::{Ear, Listeners};
use files::Watch;
use motion_thread::{MotionThread, sound_to_picture};
use problems::Problems;
use render_thread::{Drawing, FACES, RenderThread};
use session_log::SessionLog;
use sleep::Sleep;
use state::{FacePath, SoundPath, State};
use stats::Stats;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::sync_channel;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval};
use view::{Handle, Request};

/// Blocks of 20 ms that can wait for the face.
const BLOCKS: usize = 16;

/// How often the view is compared with the world where nothing tells of a change.
const REFRESH: Duration = Duration::from_millis(250);

/// How long systemd is kept waiting for the first outlet; one is there within a tenth of it where PipeWire runs.
const OFFERED: Duration = Duration::from_secs(5);

/// How long a bus that is silent keeps the end waiting, and a thread that is busy: a second in all, also on a loaded machine.
const LEAVING: Duration = Duration::from_millis(250);
const CLOSING: Duration = Duration::from_millis(750);

/// Runs the daemon until it is told to quit.
///
/// # Errors
/// No session bus, another daemon on it, or a thread that could not be started or that died. Everything else (no
/// camera, no microphone, no voice, no model) is a problem that is shown and mended while running.
pub async fn run(mut settings: Settings, paths: Paths) -> Result<()> {
    let bus = dbus::connect().await?;
    tracing::info!("vasa {} starts", env!("CARGO_PKG_VERSION"));
    let stats = Arc::new(Stats::default());
    let problems = Arc::new(Problems::default());
    let (view_sender, view) = watch::channel(Arc::default());
    let (handle, mut commands) = Handle::new(view, stats.clone());

    let configured = settings.looks();
    let looks = chosen_looks(&paths, &settings);
    (settings.avatar, settings.background) = (looks.avatar.clone(), looks.background.clone());
    let mut marker = Marker::new(settings.size, identity(&paths, &problems)?, settings.label, Dated::Now);
    let offered =
        CameraSettings { size: settings.size, fps: settings.fps, pipewire: settings.pipewire, v4l2: settings.v4l2 };
    // An app may open the camera before the avatar is drawn.
    let mut first = Frame::new(settings.size);
    card(settings.size, "VASA Camera", "The picture is about to come.", &mut first);
    let camera = Arc::new(Camera::start(offered, &marker.mark(&mut first, Moment::now())));
    let (speaker, mut speech_events, playback) = Speaker::start(paths.clone(), state::monitor(&settings))?;
    let speaker = Arc::new(speaker);
    let motion = Motion::new(open_lips(&settings, &paths, &stats, &problems), seed());
    let delay = sound_to_picture(&motion);
    speaker.read_ahead(delay);
    let (throat, live) = Live::new(delay);
    let own_voice = Arc::new(AtomicBool::new(false));
    let mix = Mix::new(playback, live, own_voice.clone());
    let microphone = settings.virtual_microphone.then(|| Microphone::start(mix).map(Arc::new)).transpose();
    let microphone = microphone.context("error starting the virtual microphone's thread")?;
    // It must not recognise the synthetic voice, which the microphone hears from the loudspeakers.
    let voice = speaker.clone();
    let (listener, mut recognised) =
        Listener::start(paths.clone(), listen::Options::default(), move || voice.speaking())?;
    let (face, heard) = sync_channel(BLOCKS);
    let feed = listener.feed();
    let listeners = Listeners { face, throat, recogniser: Box::new(move |block| feed.hear(block)) };
    let ear = Ear::start(listeners, problems.clone()).context("error starting the ear's thread")?;
    let (faces_in, faces_out) = rtrb::RingBuffer::new(FACES);
    let motion =
        MotionThread::start(motion, camera.clone(), speaker.clone(), heard, faces_in, stats.clone(), problems.clone())
            .context("error starting the motion thread")?;
    let (size, fps) = (settings.size, settings.fps);
    let stage = Stage::default();
    let (avatars, mut brought) = Avatars::new(paths.clone(), size, stage.clone());
    let mirror = Mirror::start(paths.clone()).context("error starting the mirror's thread")?;
    let _ = stats.mirrored.set(mirror.slot());
    let mut mirror_changes = mirror.changes();
    let seen = mirror.slot();
    let drawing = Drawing { paths: paths.clone(), looks, size, fps, marker, delay, stage, seen };
    let waker = motion.waker().context("the motion thread ended at once")?;
    let render = RenderThread::start(drawing, camera.clone(), faces_out, waker, stats.clone(), problems.clone())
        .context("error starting the render thread")?;

    let mut microphone_changes = microphone.as_ref().map_or_else(|| watch::channel(0).1, |m| m.changes());
    let sound = SoundPath { microphone, ear, own_voice, listener };
    let keep_log = settings.session_log;
    let face = FacePath { motion, render, avatars, configured, mirror };
    let mut state = State::new(settings, paths.clone(), camera.clone(), speaker.clone(), sound, face, problems.clone());
    let mut shown = Arc::new(state.view());
    view_sender.send_replace(shown.clone());
    let service = dbus::Service::start(bus, handle).await?;
    // The name is ours: no other daemon writes the log.
    let (_watch, mut files) = Watch::start(paths.clone(), problems.clone());
    let mut log = SessionLog::start(keep_log, paths, problems).context("error starting the session log's thread")?;
    tokio::spawn(tell_ready(camera.clone()));
    tokio::spawn(sleep::announce());
    tracing::info!("ready");

    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let mut refresh = interval(REFRESH);
    refresh.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut sleep = Sleep::new();
    let mut watchdog = Watchdog::new(&stats);
    let mut camera_changes = camera.changes();
    let outcome = loop {
        tokio::select! {
            // A client asks for something.
            Some((request, reply)) = commands.recv() => {
                let quit = matches!(request, Request::Quit);
                let answer = match request {
                    Request::SetAvatar(name) => {
                        state.ask_avatar(name, Some(reply));
                        continue;
                    }
                    Request::SetBackground(text) => {
                        state.ask_background(&text, Some(reply));
                        continue;
                    }
                    Request::Calibrate(pose) => {
                        state.mirror.calibrate(&pose, reply);
                        continue;
                    }
                    request => state.carry_out(request),
                };
                update(&mut state, &mut shown, &mut log, &view_sender, &service).await;
                let _ = reply.send(answer);
                if quit {
                    // The answer must be on the bus before the connection closes.
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    break Ok(());
                }
            }
            // An avatar that was asked for is there, or is not.
            Some(brought) = brought.recv() => {
                let (reply, answer) = state.avatar_brought(brought);
                update(&mut state, &mut shown, &mut log, &view_sender, &service).await;
                if let Some(reply) = reply {
                    let _ = reply.send(answer);
                }
            }
            // A profile or an avatar was made, changed or removed.
            Some(()) = files.recv() => {
                state.files_changed();
                update(&mut state, &mut shown, &mut log, &view_sender, &service).await;
            }
            // The voice begins or ends an utterance.
            Some(event) = speech_events.recv() => {
                state.speech_event(&event);
                update(&mut state, &mut shown, &mut log, &view_sender, &service).await;
                let sent = match event {
                    Event::Started { id, .. } => service.utterance_started(id).await,
                    Event::Finished { id, completed } => service.utterance_finished(id, completed).await,
                };
                if let Err(e) = sent {
                    tracing::warn!("error signalling an utterance: {e:?}");
                }
            }
            // The user said something.
            Some(event) = recognised.recv() => {
                let caption = state.heard(event);
                update(&mut state, &mut shown, &mut log, &view_sender, &service).await;
                if let Some((text, is_final)) = caption
                    && let Err(e) = service.caption(&text, is_final).await
                {
                    tracing::warn!("error signalling a caption: {e:?}");
                }
            }
            // An outlet came, went, or is watched by somebody else than before.
            Ok(()) = camera_changes.changed() => update(&mut state, &mut shown, &mut log, &view_sender, &service).await,
            // The same of the virtual microphone.
            Ok(()) = microphone_changes.changed() => update(&mut state, &mut shown, &mut log, &view_sender, &service).await,
            // The user's camera was opened or closed, or their face was found or lost.
            Ok(()) = mirror_changes.changed() => update(&mut state, &mut shown, &mut log, &view_sender, &service).await,
            // What tells nobody of its changes is looked at now and then.
            _ = refresh.tick() => {
                if let Err(e) = state.check_threads() {
                    break Err(e);
                }
                if let Some(slept) = sleep.woke() {
                    tracing::info!("the machine slept for {} s; the camera goes on", slept.as_secs());
                    state.open_microphone_again();
                }
                update(&mut state, &mut shown, &mut log, &view_sender, &service).await;
                watchdog.feed(&stats, camera.watched());
            }
            _ = hangup.recv() => {
                if let Err(refusal) = state.carry_out(Request::Reload) {
                    tracing::warn!("the settings were not read again: {refusal:?}");
                }
            }
            _ = terminate.recv() => break Ok(()),
            _ = interrupt.recv() => break Ok(()),
        }
    };
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
    // Its last line is written while the name is still ours.
    drop(log);
    // Each room closes its own doors when it is dropped; one that hangs must not keep the program, nor may a bus that is silent.
    let _ = tokio::time::timeout(LEAVING, service.leave()).await;
    let closing = tokio::task::spawn_blocking(move || drop((state, speaker, camera)));
    if tokio::time::timeout(CLOSING, closing).await.is_err() {
        // The voice may be in the midst of loading a network, which nothing can interrupt.
        tracing::warn!("a thread did not end within {} ms; the program ends without it", CLOSING.as_millis());
        if let Err(e) = &outcome {
            eprintln!("vasa: {e:#}");
        }
        // SAFETY: nothing is left to be written. An ordinary exit would take the libraries down under the thread that uses them.
        unsafe { libc::_exit(i32::from(outcome.is_err())) };
    }
    tracing::info!("vasa ends");
    outcome
}

/// Publishes what changed: to later readers, and as signals.
async fn update(
    state: &mut State,
    shown: &mut Arc<view::View>,
    log: &mut SessionLog,
    sender: &watch::Sender<Arc<view::View>>,
    service: &dbus::Service,
) {
    state.follow_listeners();
    state.follow_mirror();
    state.follow_overlay();
    log.follow(&state.session());
    let new = state.view();
    if **shown == new {
        return;
    }
    let old = std::mem::replace(shown, Arc::new(new));
    sender.send_replace(shown.clone());
    if let Err(e) = service.signal_changes(&old, shown).await {
        tracing::warn!("error signalling a change: {e:?}");
    }
}

/// What was chosen last. An avatar that is gone, or a file that is broken, costs only the choice.
fn chosen_looks(paths: &Paths, settings: &Settings) -> Looks {
    let forgotten = |e: anyhow::Error| {
        tracing::warn!("the avatar that was chosen last is forgotten (\"{}\" is shown): {e:#}", settings.avatar);
    };
    let mut looks = config::chosen(paths, settings).unwrap_or_else(|e| {
        forgotten(e);
        settings.looks()
    });
    if looks.avatar != settings.avatar
        && let Err(e) = avatar::find(paths, &looks.avatar)
    {
        forgotten(e);
        looks.avatar.clone_from(&settings.avatar);
    }
    looks
}

/// The installation's key, or one for this run where it cannot be kept.
///
/// # Errors
/// The system gives no random numbers for a key.
fn identity(paths: &Paths, problems: &Problems) -> Result<Identity> {
    Identity::open(paths).or_else(|e| {
        let sentence = format!(
            "the picture is marked with a key for this run only, so nobody can tell later that it was yours: {e:#}"
        );
        problems.set("identity", vec![sentence]);
        Identity::ephemeral()
    })
}

/// The lip network of the settings, the next smaller where it cannot run, the level of the sound where none can.
fn open_lips(settings: &Settings, paths: &Paths, stats: &Stats, problems: &Problems) -> Lips {
    let (lips, wrong) = Lips::live(paths, settings.network, settings.provider);
    problems.set("motion", wrong);
    let _ = stats.motion_provider.set(lips.provider());
    lips
}

/// Every start is another day for blinks and glances.
fn seed() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(1, |d| d.as_nanos() as u64)
}

/// Tells systemd that the camera can be opened, or that it has been waited for long enough: what it lacks may come at any time.
async fn tell_ready(camera: Arc<Camera>) {
    let mut changes = camera.changes();
    let offered = async { while camera.outlets().is_empty() && changes.changed().await.is_ok() {} };
    let _ = tokio::time::timeout(OFFERED, offered).await;
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
}

/// Feeds systemd's watchdog as long as frames are drawn whenever somebody watches.
struct Watchdog {
    every: Option<Duration>,
    fed: Instant,
    frames: u64,
}

impl Watchdog {
    fn new(stats: &Stats) -> Self {
        let every = sd_notify::watchdog_enabled().map(|timeout| timeout / 3);
        Self { every, fed: Instant::now(), frames: stats.frames.load(Relaxed) }
    }

    fn feed(&mut self, stats: &Stats, watched: bool) {
        let Some(every) = self.every else { return };
        let frames = stats.frames.load(Relaxed);
        if self.fed.elapsed() >= every && (!watched || frames != self.frames) {
            let _ = sd_notify::notify(&[sd_notify::NotifyState::Watchdog]);
            (self.fed, self.frames) = (Instant::now(), frames);
        }
    }
}
