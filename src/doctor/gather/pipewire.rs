//! PipeWire: whether it answers, its version, who else is connected.

use super::program;
use crate::camera::NODE;
use crate::doctor::machine::{PipeWire, Server};
use ::pipewire as pw;
use anyhow::{Context, Result, ensure};
use pw::types::ObjectType;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

/// Shorter than the probe's own limit: what hangs here still gets a sentence of its own.
const LIMIT: Duration = Duration::from_secs(3);

pub fn ask() -> PipeWire {
    PipeWire { installed: program("pipewire").is_some(), server: server().map_err(|e| format!("{e:#}")) }
}

fn server() -> Result<Server> {
    pw::init();
    let main_loop = pw::main_loop::MainLoopRc::new(None).context("error making PipeWire's loop")?;
    let context = pw::context::ContextRc::new(&main_loop, None).context("error making PipeWire's context")?;
    let core = context.connect_rc(None).context("error connecting")?;
    let (found, done) = (Rc::new(RefCell::new(Server::default())), Rc::new(Cell::new(0)));
    let (told, over) = (found.clone(), done.clone());
    let _core_listener = core
        .add_listener_local()
        .info(move |info| told.borrow_mut().version = info.version().to_owned())
        .done(move |_, _| over.set(over.get() + 1))
        .register();
    let registry = core.get_registry_rc().context("error asking for its objects")?;
    let told = found.clone();
    let _registry_listener = registry
        .add_listener_local()
        .global(move |object| {
            let of = |key: &str| object.props.and_then(|p| p.get(key)).map(str::to_owned);
            let mut found = told.borrow_mut();
            match object.type_ {
                ObjectType::Client => found.clients.extend(of("application.name")),
                ObjectType::Node => found.camera |= of("node.name").as_deref() == Some(NODE),
                _ => (),
            }
        })
        .register();
    core.sync(0).context("error talking to it")?;
    let end = Instant::now() + LIMIT;
    while done.get() == 0 {
        let left = end.saturating_duration_since(Instant::now());
        ensure!(!left.is_zero(), "it took the connection and did not answer within {} s", LIMIT.as_secs());
        main_loop.loop_().iterate(pw::loop_::Timeout::Finite(left));
    }
    let found = found.borrow().clone();
    Ok(found)
}
