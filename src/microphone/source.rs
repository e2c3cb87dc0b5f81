//! The PipeWire source and the thread that keeps it offered.

use super::{Mix, NAME, NODE, Shared};
use crate::clock::Moment;
use crate::sound::VOICE_RATE;
use ::pipewire as pw;
use anyhow::{Context, Result, anyhow, bail};
use pw::spa::param::ParamType;
use pw::spa::param::audio::{AudioFormat, AudioInfoRaw};
use pw::spa::pod::serialize::PodSerializer;
use pw::spa::pod::{Object, Pod, Value};
use pw::spa::utils::SpaTypes;
use pw::stream::{Stream, StreamFlags, StreamState};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How long to wait before PipeWire is tried again: at first, and at most.
const RETRY: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));

/// EPIPE: PipeWire has gone.
const BROKEN_PIPE: i32 = -32;

/// Samples that one turn of PipeWire's graph should have, so that sound leaves soon: 11 ms.
const QUANTUM: u32 = 512;

/// Under which WirePlumber tells the default source.
const DEFAULT_SOURCE: &str = "default.audio.source";

/// Offers the source until told to stop.
pub fn run(shared: &Arc<Shared>, mix: Mix, mut stopped: pw::channel::Receiver<()>) {
    pw::init();
    let mix = Arc::new(Mutex::new(mix));
    let mut wait = RETRY.0;
    while !shared.stopping.load(Relaxed) {
        let (outcome, receiver) = session(shared, &mix, stopped);
        stopped = receiver;
        let was_offered = shared.offered.load(Relaxed);
        mix.lock().unwrap_or_else(PoisonError::into_inner).set_live(false);
        for flag in [&shared.in_use, &shared.offered, &shared.is_default] {
            shared.set(flag, false);
        }
        let Err(e) = outcome else { return };
        shared.tell(Some(format!(
            "PipeWire cannot be reached ({e:#}), so apps do not list \"{NAME}\" and others do not hear the voice; start it with \
             `systemctl --user start pipewire wireplumber`"
        )));
        wait = if was_offered { RETRY.0 } else { (wait * 2).min(RETRY.1) };
        let end = std::time::Instant::now() + wait;
        while !shared.stopping.load(Relaxed) && std::time::Instant::now() < end {
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

/// What the callbacks on the outlet's own thread know.
struct Session {
    shared: Arc<Shared>,
    mix: Arc<Mutex<Mix>>,
    main_loop: pw::main_loop::MainLoopRc,
    lost: RefCell<Option<String>>,
    streaming: Cell<bool>,
}

/// One life of the stream: ends when told to stop, errs when PipeWire is gone.
fn session(
    shared: &Arc<Shared>,
    mix: &Arc<Mutex<Mix>>,
    stopped: pw::channel::Receiver<()>,
) -> (Result<()>, pw::channel::Receiver<()>) {
    let main_loop = match pw::main_loop::MainLoopRc::new(None).context("error making PipeWire's loop") {
        Ok(main_loop) => main_loop,
        Err(e) => return (Err(e), stopped),
    };
    let quit = main_loop.clone();
    let attached = stopped.attach(main_loop.loop_(), move |()| quit.quit());
    let outcome = offer(shared, mix, &main_loop);
    (outcome, attached.deattach())
}

fn offer(shared: &Arc<Shared>, mix: &Arc<Mutex<Mix>>, main_loop: &pw::main_loop::MainLoopRc) -> Result<()> {
    let context = pw::context::ContextRc::new(main_loop, None).context("error making PipeWire's context")?;
    let core = context.connect_rc(None).context("error connecting to PipeWire")?;
    let stream = pw::stream::StreamRc::new(
        core.clone(),
        NODE,
        pw::properties::properties! {
            "media.class" => "Audio/Source",
            "media.type" => "Audio",
            "media.category" => "Capture",
            "media.role" => "Communication",
            "node.name" => NODE,
            "node.description" => NAME,
            "node.nick" => NAME,
            "node.virtual" => "true",
            // Beside the driver that every PipeWire has for nodes without a device. Else 0.3.65 gives a node that hangs on no device to
            // the first running driver, and that may be a camera: the sound would run at the pace of the pictures.
            "node.group" => "pipewire.dummy",
            "node.latency" => format!("{QUANTUM}/{VOICE_RATE}"),
            "audio.position" => "MONO",
            // A desktop must never make it the default microphone by itself: the user's own is what it would carry.
            "priority.session" => "1",
            "priority.driver" => "1",
        },
    )
    .context("error creating the stream")?;
    let session = Rc::new(Session {
        shared: shared.clone(),
        mix: mix.clone(),
        main_loop: main_loop.clone(),
        lost: RefCell::default(),
        streaming: Cell::new(false),
    });

    // The listeners stand behind what they listen to, so that they go first.
    let me = session.clone();
    let _core_listener = core
        .add_listener_local()
        .error(move |id, seq, result, message| {
            if id == pw::core::PW_ID_CORE && result == BROKEN_PIPE {
                me.lose("the connection broke");
            } else {
                tracing::debug!("PipeWire reports {message} ({result}) for object {id}, {seq}");
            }
        })
        .register();
    let registry = core.get_registry_rc().context("error asking PipeWire for its objects")?;
    let (theirs, asked) = (shared.clone(), registry.clone());
    let defaults = RefCell::new(None);
    let _registry_listener = registry
        .add_listener_local()
        .global(move |object| follow_defaults(&theirs, &asked, object, &defaults))
        .register();
    // First, and alone: this one runs in PipeWire's real-time thread, so it shares nothing with the others but what is made for
    // threads.
    let _process_listener = stream
        .add_local_listener_with_user_data(mix.clone())
        .process(fill)
        .register()
        .context("error listening to the stream")?;
    let _state_listener = stream
        .add_local_listener_with_user_data(session.clone())
        .state_changed(|_, me, old, new| me.state_changed(old, new))
        .register()
        .context("error listening to the stream")?;

    let format = format()?;
    let mut offers = [Pod::from_bytes(&format).context("a PipeWire parameter came out too short")?];
    stream
        .connect(
            pw::spa::utils::Direction::Output,
            None,
            StreamFlags::AUTOCONNECT | StreamFlags::MAP_BUFFERS | StreamFlags::RT_PROCESS,
            &mut offers,
        )
        .context("error connecting the stream")?;
    if shared.stopping.load(Relaxed) {
        return Ok(());
    }
    main_loop.run();
    match session.lost.take() {
        Some(reason) => bail!(reason),
        None => Ok(()),
    }
}

/// The desktop's defaults, and what listens to them: the listener goes first.
type Defaults = RefCell<Option<(pw::metadata::MetadataListener, pw::metadata::Metadata)>>;

/// Watches which source is the desktop's default one.
fn follow_defaults(
    shared: &Arc<Shared>,
    registry: &pw::registry::RegistryRc,
    object: &pw::registry::GlobalObject<&pw::spa::utils::dict::DictRef>,
    defaults: &Defaults,
) {
    if object.type_ != pw::types::ObjectType::Metadata
        || object.props.and_then(|p| p.get("metadata.name")) != Some("default")
    {
        return;
    }
    let Ok(metadata) = registry.bind::<pw::metadata::Metadata, _>(object) else { return };
    let shared = shared.clone();
    let listener = metadata
        .add_listener_local()
        .property(move |_, key, _, value| {
            if key == Some(DEFAULT_SOURCE) {
                // The value is JSON: { "name": "NODE" }.
                shared.set(&shared.is_default, value.is_some_and(|v| v.contains(&format!("\"{NODE}\""))));
            }
            0
        })
        .register();
    *defaults.borrow_mut() = Some((listener, metadata));
}

/// What is offered: one channel of floats.
fn format() -> Result<Vec<u8>> {
    let mut info = AudioInfoRaw::new();
    info.set_format(AudioFormat::F32LE);
    info.set_rate(VOICE_RATE);
    info.set_channels(1);
    let mut position = [0; pw::spa::param::audio::MAX_CHANNELS];
    if let Some(first) = position.first_mut() {
        *first = pw::spa::sys::SPA_AUDIO_CHANNEL_MONO;
    }
    info.set_position(position);
    let object = Object {
        type_: SpaTypes::ObjectParamFormat.as_raw(),
        id: ParamType::EnumFormat.as_raw(),
        properties: info.into(),
    };
    let written = PodSerializer::serialize(std::io::Cursor::new(Vec::new()), &Value::Object(object));
    Ok(written.map_err(|e| anyhow!("error writing a PipeWire parameter: {e:?}"))?.0.into_inner())
}

impl Session {
    fn lose(&self, reason: &str) {
        self.lost.borrow_mut().get_or_insert_with(|| reason.to_owned());
        self.main_loop.quit();
    }

    fn state_changed(&self, old: StreamState, new: StreamState) {
        tracing::debug!("the virtual microphone went from {old:?} to {new:?}");
        let streaming = new == StreamState::Streaming;
        if self.streaming.replace(streaming) != streaming {
            self.mix.lock().unwrap_or_else(PoisonError::into_inner).set_live(streaming);
            self.shared.set(&self.shared.in_use, streaming);
        }
        match new {
            StreamState::Paused | StreamState::Streaming => {
                if !self.shared.offered.load(Relaxed) {
                    tracing::info!("\"{NAME}\" is offered in PipeWire");
                }
                self.shared.tell(None);
                self.shared.set(&self.shared.offered, true);
            }
            StreamState::Unconnected if old != StreamState::Unconnected => self.lose("the stream was closed"),
            StreamState::Error(e) => self.lose(&e),
            StreamState::Unconnected | StreamState::Connecting => (),
        }
    }
}

/// Fills the buffer that is due. Called in the real-time thread: nothing here waits.
fn fill(stream: &Stream, mix: &mut Arc<Mutex<Mix>>) {
    let Some(mut buffer) = stream.dequeue_buffer() else { return };
    let requested = buffer.requested() as usize;
    let Some(data) = buffer.datas_mut().first_mut() else { return };
    let room = data.as_raw().maxsize as usize / size_of::<f32>();
    let frames = if requested == 0 { room.min(QUANTUM as usize) } else { requested.min(room) };
    // What leaves in this turn of the graph is heard from its beginning on.
    let turn = stream.time().ok().map(|t| t.now()).filter(|now| *now > 0);
    let heard_at = turn.map_or_else(Moment::now, Moment::of_monotonic);
    let bytes = data.data().and_then(|d| d.get_mut(..frames * size_of::<f32>()));
    let Some(samples) = bytes.and_then(|b| bytemuck::try_cast_slice_mut::<u8, f32>(b).ok()) else { return };
    match mix.try_lock() {
        Ok(mut mix) => mix.fill(samples, heard_at),
        Err(_) => samples.fill(0.0),
    }
    let chunk = data.chunk_mut();
    *chunk.offset_mut() = 0;
    *chunk.stride_mut() = size_of::<f32>() as i32;
    *chunk.size_mut() = (frames * size_of::<f32>()) as u32;
}
