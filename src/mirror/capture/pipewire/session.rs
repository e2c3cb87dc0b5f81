//! A node that is read: the thread that PipeWire's callbacks run on.
//!
//! The stream hangs on its node alone. A session manager that would lead it elsewhere once the node is gone finds it closed, and what
//! would come by a link from any other node ends it: that could be our own picture.

use super::buffer::Raw;
use super::nodes::{Node, nodes};
use super::params;
use super::stream::Shared;
use crate::mirror::capture::CaptureError;
use crate::mirror::capture::pixels::Layout;
use ::pipewire as pw;
use anyhow::{Context, Result};
use pw::spa::param::ParamType;
use pw::spa::pod::Pod;
use pw::spa::utils::dict::DictRef;
use pw::stream::{Stream, StreamFlags, StreamState};
use pw::types::ObjectType;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

/// EPIPE, as `pw_core`'s error event has it.
const BROKEN_PIPE: i32 = -32;

/// Reads the node called `name` until told to stop or until it is gone; [`Shared`] says why.
pub fn run(shared: &Arc<Shared>, name: &str, stopped: pw::channel::Receiver<()>) {
    pw::init();
    if let Err(e) = read(shared, name, stopped) {
        shared.end(CaptureError::system(name, "come through PipeWire", format!("{e:#}")));
    }
}

/// What the callbacks know. They run on this thread, inside the loop.
struct Session {
    shared: Arc<Shared>,
    node: Node,
    main_loop: pw::main_loop::MainLoopRc,
    layout: Cell<Option<Layout>>,
    /// Our end of the stream in PipeWire's graph.
    own: Cell<Option<u32>>,
    /// The links of the graph: from which node to which.
    links: RefCell<Vec<(u32, u32)>>,
}

fn read(shared: &Arc<Shared>, name: &str, stopped: pw::channel::Receiver<()>) -> Result<()> {
    let main_loop = pw::main_loop::MainLoopRc::new(None).context("error making PipeWire's loop")?;
    let context = pw::context::ContextRc::new(&main_loop, None).context("error making PipeWire's context")?;
    let core = context.connect_rc(None).context("error connecting to PipeWire")?;
    let Some(node) = nodes(&main_loop, &core)?.into_iter().find(|n| n.name == name) else {
        shared.end(CaptureError::absent(name));
        return Ok(());
    };
    if node.ours {
        shared.end(CaptureError::ours(name));
        return Ok(());
    }
    let stream = pw::stream::StreamRc::new(
        core.clone(),
        "vasa_mirror",
        pw::properties::properties! {
            "media.type" => "Video",
            "media.category" => "Capture",
            "media.role" => "Camera",
            "node.name" => "vasa_mirror",
            "node.description" => "VASA Camera's mirror",
            "target.object" => node.serial.as_str(),
            "node.dont-reconnect" => "true",
            "node.dont-fallback" => "true",
            "node.dont-move" => "true",
        },
    )
    .context("error creating the stream")?;
    let session = Rc::new(Session {
        shared: shared.clone(),
        node,
        main_loop: main_loop.clone(),
        layout: Cell::new(None),
        own: Cell::new(None),
        links: RefCell::default(),
    });

    // The listeners stand behind what they listen to, so that they go first.
    let me = session.clone();
    let _core_listener = core
        .add_listener_local()
        .error(move |id, seq, result, message| {
            if id == pw::core::PW_ID_CORE && result == BROKEN_PIPE {
                me.end(CaptureError::gone(&me.node.name));
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
        .global_remove(move |id| {
            if id == also.node.id {
                also.end(CaptureError::gone(&also.node.name));
            }
        })
        .register();
    let _stream_listener = stream
        .add_local_listener_with_user_data(session.clone())
        .state_changed(|stream, me, old, new| me.state_changed(stream, &old, &new))
        .param_changed(|stream, me, id, param| me.param_changed(stream, id, param))
        .process(|stream, me| me.take(stream))
        .register()
        .context("error listening to the stream")?;

    let wanted = params::wanted()?;
    let flags = StreamFlags::AUTOCONNECT | StreamFlags::MAP_BUFFERS | StreamFlags::DONT_RECONNECT;
    stream
        .connect(pw::spa::utils::Direction::Input, None, flags, &mut params::pods(&wanted)?)
        .context("error connecting the stream")?;
    // Behind all that turns the loop: an order to stop that came before waits here.
    let quit = main_loop.clone();
    let _stopped = stopped.attach(main_loop.loop_(), move |()| quit.quit());
    if !shared.ended() {
        main_loop.run();
    }
    Ok(())
}

impl Session {
    fn end(&self, why: CaptureError) {
        self.shared.end(why);
        self.main_loop.quit();
    }

    fn appeared(&self, object: &pw::registry::GlobalObject<&DictRef>) {
        let of = |key: &str| object.props.and_then(|p| p.get(key)).and_then(|id| id.parse().ok());
        if object.type_ == ObjectType::Link
            && let (Some(from), Some(to)) = (of("link.output.node"), of("link.input.node"))
        {
            self.links.borrow_mut().push((from, to));
            self.check_links();
        }
    }

    /// Ends the stream where a node other than the one that was asked for is led to it.
    fn check_links(&self) {
        let strange = |(from, to): &(u32, u32)| Some(*to) == self.own.get() && *from != self.node.id;
        if self.links.borrow().iter().any(strange) {
            tracing::warn!("the mirror's camera was linked to another one than \"{}\"; it is closed", self.node.name);
            self.end(CaptureError::gone(&self.node.name));
        }
    }

    fn state_changed(&self, stream: &Stream, old: &StreamState, new: &StreamState) {
        tracing::debug!("the camera's stream went from {old:?} to {new:?}");
        let name = &self.node.name;
        match new {
            StreamState::Paused | StreamState::Streaming => {
                self.own.set(Some(stream.node_id()));
                self.check_links();
                if *new == StreamState::Streaming {
                    self.shared.start();
                }
            }
            StreamState::Unconnected if *old != StreamState::Unconnected => self.end(CaptureError::gone(name)),
            // The session manager says so when the node is gone before the registry does.
            StreamState::Error(_) if *old == StreamState::Streaming => self.end(CaptureError::gone(name)),
            StreamState::Error(e) if e.to_lowercase().contains("busy") => self.end(CaptureError::busy(name)),
            StreamState::Error(e) if e.contains("no more input formats") => {
                self.end(CaptureError::format(name, "others"))
            }
            StreamState::Error(e) => self.end(CaptureError::system(name, "start", e)),
            StreamState::Unconnected | StreamState::Connecting => (),
        }
    }

    fn param_changed(&self, stream: &Stream, id: u32, param: Option<&Pod>) {
        if id != ParamType::Format.as_raw() {
            return;
        }
        self.layout.set(None);
        let Some(param) = param else { return };
        let agreed = params::agreed(param).and_then(|layout| {
            let told = params::buffers(layout.format)?;
            stream.update_params(&mut params::pods(&told)?)?;
            Ok(layout)
        });
        match agreed {
            Ok(layout) => {
                tracing::debug!("the camera \"{}\" sends {layout:?}", self.node.name);
                self.layout.set(Some(layout));
            }
            Err(e) => {
                self.end(CaptureError::system(&self.node.name, "come in a format that was asked for", format!("{e:#}")))
            }
        }
    }

    /// Called by PipeWire when there are pictures; keeps the newest.
    fn take(&self, stream: &Stream) {
        let mut newest = None;
        while let Some(buffer) = stream.dequeue_buffer() {
            newest = Some(buffer);
        }
        let (Some(mut buffer), Some(layout)) = (newest, self.layout.get()) else { return };
        match Raw::copy(&mut buffer, layout, self.shared.room()) {
            Ok(raw) => self.shared.put(raw),
            Err(room) => self.shared.give_back(room),
        }
    }
}
