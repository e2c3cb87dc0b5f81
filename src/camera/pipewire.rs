//! The camera as a PipeWire node: what portals, browsers, GStreamer and OBS read.
//!
//! The life of the stream follows niri's `pw_utils.rs`: the listener goes before the stream, a broken pipe means that
//! PipeWire is gone, and gone means: try again.

mod buffer;
mod params;

use super::board::{Demand, Kind, Report, Shared};
use super::formats::{Converter, PixelFormat};
use super::wait::{Bell, sleep_until};
use super::{CameraSettings, NAME, NODE};
use ::pipewire as pw;
use anyhow::{Context, Result, bail};
use pw::spa::support::system::IoFlags;
use pw::stream::{Stream, StreamFlags, StreamState};
use pw::types::ObjectType;
use std::cell::{Cell, RefCell};
use std::os::fd::{AsFd, AsRawFd};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// PipeWire is looked for this often at first, and at most this seldom.
const RETRY: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(1));

/// A watched camera whose renderer is silent repeats the last frame this often: apps take silence for a broken camera.
const REPEAT: Duration = Duration::from_millis(200);

/// EPIPE, as `pw_core`'s error event has it.
const BROKEN_PIPE: i32 = -32;

/// Offers the camera until told to stop.
pub(super) fn run(shared: &Arc<Shared>, bell: &Bell, settings: CameraSettings) {
    pw::init();
    let (mut wait, mut told) = (RETRY.0, false);
    while !shared.stopping() {
        let mut offered = false;
        let ended = Session::run(shared, bell, settings, &mut offered);
        bell.wants_frames.store(false, Ordering::Release);
        if let Err(e) = ended {
            if offered {
                (wait, told) = (RETRY.0, false);
            }
            shared.report(Kind::PipeWire, Report::Missing(remedy(&e)));
            if !told {
                tracing::warn!("the camera is not in PipeWire: {e:#}; trying again until it is");
                told = true;
            }
            pause(shared, bell, wait);
            wait = (wait * 2).min(RETRY.1);
        }
    }
    shared.report(Kind::PipeWire, Report::Off);
}

fn remedy(e: &anyhow::Error) -> String {
    format!(
        "PipeWire cannot be reached ({e:#}), so apps that find cameras through it do not list \"{NAME}\"; start it with \
         `systemctl --user start pipewire wireplumber`"
    )
}

/// Sleeps, but not past the order to stop.
fn pause(shared: &Shared, bell: &Bell, time: Duration) {
    let end = Instant::now() + time;
    while !shared.stopping() && sleep_until(bell, None, end) {}
}

/// What the callbacks know of one life of the stream. They run on the outlet's own thread, inside `iterate`.
struct Session {
    shared: Arc<Shared>,
    settings: CameraSettings,
    converter: RefCell<Converter>,
    format: Cell<Option<PixelFormat>>,
    /// The stream has been seen by PipeWire.
    offered: Cell<bool>,
    streaming: Cell<bool>,
    /// Buffers sent since the start.
    sent: Cell<u64>,
    /// The number of the frame sent last; zero where this reader has had none.
    seen: Cell<u64>,
    node: Cell<Option<u32>>,
    /// Links in the graph: their id and the node they come from.
    links: RefCell<Vec<(u32, u32)>>,
    lost: RefCell<Option<String>>,
}

impl Session {
    /// One life of the stream: returns when told to stop, errs when PipeWire is gone.
    fn run(shared: &Arc<Shared>, bell: &Bell, settings: CameraSettings, offered: &mut bool) -> Result<()> {
        let main_loop = pw::main_loop::MainLoopRc::new(None).context("error making PipeWire's loop")?;
        let context = pw::context::ContextRc::new(&main_loop, None).context("error making PipeWire's context")?;
        let core = context.connect_rc(None).context("error connecting to PipeWire")?;
        let stream = pw::stream::StreamRc::new(
            core.clone(),
            NODE,
            pw::properties::properties! {
                "media.class" => "Video/Source",
                "media.type" => "Video",
                "media.category" => "Capture",
                "media.role" => "Camera",
                "node.name" => NODE,
                "node.description" => NAME,
                "node.nick" => NAME,
                "node.virtual" => "true",
            },
        )
        .context("error creating the stream")?;
        let session = Rc::new(Session {
            shared: shared.clone(),
            settings,
            converter: RefCell::default(),
            format: Cell::new(None),
            offered: Cell::new(false),
            streaming: Cell::new(false),
            sent: Cell::new(0),
            seen: Cell::new(0),
            node: Cell::new(None),
            links: RefCell::default(),
            lost: RefCell::default(),
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
        let (me, also) = (session.clone(), session.clone());
        let _registry_listener = registry
            .add_listener_local()
            .global(move |object| me.appeared(object))
            .global_remove(move |id| also.links.borrow_mut().retain(|(link, _)| *link != id))
            .register();
        let _stream_listener = stream
            .add_local_listener_with_user_data(session.clone())
            .state_changed(|stream, me, old, new| me.state_changed(stream, old, new))
            .param_changed(|stream, me, id, param| me.param_changed(stream, id, param))
            .process(|stream, me| me.fill(stream))
            .register()
            .context("error listening to the stream")?;

        let offers = PixelFormat::ALL.map(|f| params::format(f, settings.size, settings.fps));
        let mut offers = offers.iter().map(|o| params::pod(o)).collect::<Result<Vec<_>>>()?;
        stream
            .connect(
                pw::spa::utils::Direction::Output,
                None,
                StreamFlags::DRIVER | StreamFlags::MAP_BUFFERS,
                &mut offers,
            )
            .context("error connecting the stream")?;
        // The ring itself is looked at after each turn of the loop; this only ends the turn.
        let _bell = main_loop.loop_().add_io(bell.as_fd().as_raw_fd(), IoFlags::IN, |_| ());

        let mut last = Instant::now();
        while !shared.stopping() {
            let timeout = if session.streaming.get() { REPEAT / 2 } else { Duration::from_secs(3600) };
            main_loop.loop_().iterate(pw::loop_::Timeout::Finite(timeout));
            bell.quiet();
            if let Some(reason) = session.lost.take() {
                bail!(reason);
            }
            if session.offered.get() && !*offered {
                *offered = true;
                tracing::info!("\"{NAME}\" is offered in PipeWire");
            }
            let streaming = session.streaming.get();
            if *offered {
                bell.wants_frames.store(streaming, Ordering::Release);
                shared.report(Kind::PipeWire, session.report());
            }
            if !streaming {
                session.seen.set(0);
                continue;
            }
            // The first frame for a new reader is whatever there is, at once.
            let (seen, newest) = (session.seen.get(), shared.slot.newest().number);
            if newest != seen || last.elapsed() >= REPEAT {
                last = Instant::now();
                // Calls `fill` before it returns.
                if let Err(e) = stream.trigger_process() {
                    tracing::debug!("the stream could not be triggered: {e}");
                }
            }
        }
        Ok(())
    }

    fn lose(&self, reason: &str) {
        self.lost.borrow_mut().get_or_insert_with(|| reason.to_owned());
    }

    fn report(&self) -> Report {
        let node = self.node.get();
        let linked = self.links.borrow().iter().filter(|(_, from)| Some(*from) == node).count() as u32;
        // A link may be announced after the stream runs already, and stay a while after it stopped.
        let (readers, demand) = if self.streaming.get() { (linked.max(1), Demand::Full) } else { (0, Demand::None) };
        Report::Offered { place: NODE.into(), readers, demand, advice: None }
    }

    fn appeared(&self, object: &pw::registry::GlobalObject<&pw::spa::utils::dict::DictRef>) {
        if object.type_ == ObjectType::Link
            && let Some(from) = object.props.and_then(|p| p.get("link.output.node")).and_then(|id| id.parse().ok())
        {
            self.links.borrow_mut().push((object.id, from));
        }
    }

    fn state_changed(&self, stream: &Stream, old: StreamState, new: StreamState) {
        tracing::debug!("the stream went from {old:?} to {new:?}");
        self.streaming.set(new == StreamState::Streaming);
        match new {
            StreamState::Paused | StreamState::Streaming => {
                self.node.set(Some(stream.node_id()));
                self.offered.set(true);
            }
            StreamState::Unconnected if old != StreamState::Unconnected => self.lose("the stream was closed"),
            StreamState::Error(e) => self.lose(&e),
            StreamState::Unconnected | StreamState::Connecting => (),
        }
    }

    fn param_changed(&self, stream: &Stream, id: u32, param: Option<&pw::spa::pod::Pod>) {
        if id != pw::spa::param::ParamType::Format.as_raw() {
            return;
        }
        let Some(param) = param else {
            self.format.set(None);
            return;
        };
        match params::chosen(param) {
            Ok(format) => {
                tracing::debug!("an app reads {format:?}");
                self.format.set(Some(format));
                let told = [params::buffers(format, self.settings.size), params::header()];
                let told = told.iter().map(|t| params::pod(t)).collect::<Result<Vec<_>>>();
                if let Err(e) = told.and_then(|mut t| Ok(stream.update_params(&mut t)?)) {
                    self.lose(&format!("the buffers were not agreed on: {e:#}"));
                }
            }
            Err(e) => tracing::warn!("an app asked the camera for something else than it offers: {e:#}"),
        }
    }

    /// Called by PipeWire when a buffer is due; converts the newest frame straight into it.
    fn fill(&self, stream: &Stream) {
        let Some(format) = self.format.get() else { return };
        let picture = self.shared.slot.newest();
        let seen = self.seen.replace(picture.number);
        if seen != 0 && picture.number > seen + 1 {
            self.shared.dropped.fetch_add(picture.number - seen - 1, Ordering::Relaxed);
        }
        let Some(mut buffer) = buffer::Lent::take(stream) else {
            self.shared.dropped.fetch_add(u64::from(picture.number != seen), Ordering::Relaxed);
            return;
        };
        let sent = self.sent.replace(self.sent.get() + 1);
        buffer.stamp(sent);
        let size = self.settings.size;
        let converter = &mut *self.converter.borrow_mut();
        buffer.write(format.stride(size), |bytes| {
            converter.convert(&picture.frame.rgba, size, format, bytes).unwrap_or(0)
        });
    }
}
