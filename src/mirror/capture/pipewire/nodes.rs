//! Which cameras PipeWire has.

use crate::mirror::capture::ours::{is_our_node, v4l2_path};
use ::pipewire as pw;
use anyhow::{Context, Result, ensure};
use pw::types::ObjectType;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// PipeWire answers within this, or is taken not to.
const LIMIT: Duration = Duration::from_secs(2);

/// A camera in PipeWire.
#[derive(Clone, Debug)]
pub struct Node {
    /// Its number as long as it is there.
    pub id: u32,
    /// A number that no other node ever has; the name where PipeWire tells none.
    pub serial: String,
    pub name: String,
    /// The name that people see.
    pub label: String,
    /// The device of the kernel that it stands for.
    pub v4l2_path: Option<PathBuf>,
    /// It is the one that this program offers.
    pub ours: bool,
    /// There is a device behind it, not a program.
    real: bool,
}

/// What a node says about itself, by its number.
type Told = Rc<RefCell<BTreeMap<u32, BTreeMap<String, String>>>>;

/// The cameras of the user's PipeWire, devices first; none where it does not run.
pub fn list() -> Vec<Node> {
    pw::init();
    let asked = || {
        let main_loop = pw::main_loop::MainLoopRc::new(None).context("error making a loop")?;
        let context = pw::context::ContextRc::new(&main_loop, None).context("error making a context")?;
        let core = context.connect_rc(None).context("error connecting")?;
        nodes(&main_loop, &core)
    };
    asked().unwrap_or_else(|e| {
        tracing::debug!("PipeWire does not tell its cameras: {e:#}");
        Vec::new()
    })
}

/// The cameras of a PipeWire that is connected.
///
/// # Errors
/// It does not answer.
pub fn nodes(main_loop: &pw::main_loop::MainLoopRc, core: &pw::core::CoreRc) -> Result<Vec<Node>> {
    let (told, done) = (Told::default(), Rc::new(Cell::new(0)));
    let over = done.clone();
    let _core_listener = core.add_listener_local().done(move |_, _| over.set(over.get() + 1)).register();
    let registry = core.get_registry_rc().context("error asking for its objects")?;
    // A node tells the half of it to those only who ask it itself.
    let asked = Rc::new(RefCell::new(Vec::new()));
    let (theirs, asks, binder) = (told.clone(), asked.clone(), registry.clone());
    let _registry_listener = registry
        .add_listener_local()
        .global(move |object| {
            let Some(props) = object.props.filter(|p| p.get("media.class") == Some("Video/Source")) else { return };
            if object.type_ != ObjectType::Node {
                return;
            }
            note(&theirs, object.id, props);
            if let Ok(node) = binder.bind::<pw::node::Node, _>(object) {
                let (theirs, id) = (theirs.clone(), object.id);
                let more = move |info: &pw::node::NodeInfoRef| {
                    info.props().into_iter().for_each(|props| note(&theirs, id, props));
                };
                // The listener goes before what it listens to.
                asks.borrow_mut().push((node.add_listener_local().info(more).register(), node));
            }
        })
        .register();
    // First what there is, then what each of it says.
    for round in 1..=2 {
        core.sync(0).context("error talking to it")?;
        let end = Instant::now() + LIMIT;
        while done.get() < round {
            let left = end.saturating_duration_since(Instant::now());
            ensure!(!left.is_zero(), "it took the connection and did not answer within {} s", LIMIT.as_secs());
            main_loop.loop_().iterate(pw::loop_::Timeout::Finite(left));
        }
    }
    drop(_registry_listener);
    asked.borrow_mut().clear();
    let mut all: Vec<_> = told.borrow().iter().filter_map(|(id, props)| node(*id, props)).collect();
    all.sort_by_key(|n| (!n.real, n.id));
    Ok(all)
}

fn note(told: &Told, id: u32, props: &pw::spa::utils::dict::DictRef) {
    let pairs = props.iter().map(|(key, value)| (key.to_owned(), value.to_owned()));
    told.borrow_mut().entry(id).or_default().extend(pairs);
}

fn node(id: u32, props: &BTreeMap<String, String>) -> Option<Node> {
    let of = |key: &str| props.get(key).filter(|v| !v.is_empty()).cloned();
    let name = of("node.name")?;
    Some(Node {
        id,
        serial: of("object.serial").unwrap_or_else(|| name.clone()),
        label: of("node.description").or_else(|| of("node.nick")).unwrap_or_else(|| name.clone()),
        v4l2_path: v4l2_path(of),
        ours: is_our_node(of),
        real: of("device.api").is_some(),
        name,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_read_with_what_it_lacks() {
        let props = |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        assert!(node(3, &props(&[("media.class", "Video/Source")])).is_none(), "without a name it cannot be chosen");
        let bare = node(3, &props(&[("node.name", "cam")])).unwrap();
        assert_eq!((bare.serial.as_str(), bare.label.as_str(), bare.ours, bare.real), ("cam", "cam", false, false));
        let whole = [
            ("node.name", "v4l2_input.usb-1"),
            ("node.description", "HD Webcam (V4L2)"),
            ("object.serial", "77"),
            ("device.api", "v4l2"),
            ("api.v4l2.path", "/dev/video0"),
        ];
        let whole = node(3, &props(&whole)).unwrap();
        assert_eq!((whole.serial.as_str(), whole.label.as_str(), whole.real), ("77", "HD Webcam (V4L2)", true));
        assert_eq!(whole.v4l2_path, Some("/dev/video0".into()));
        assert!(node(3, &props(&[("node.name", "vasa_camera")])).unwrap().ours);
    }
}
