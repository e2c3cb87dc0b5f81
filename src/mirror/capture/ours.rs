//! How our own camera is told from others: nobody's face is in it but the avatar's.

use crate::camera::{NAME, NODE};
use std::path::{Path, PathBuf};

/// Whether a V4L2 card is ours. PipeWire lengthens the name of the card when it passes it on: "VASA Camera (V4L2)".
pub(super) fn is_our_card(card: &str) -> bool {
    card.strip_prefix(NAME).is_some_and(|rest| rest.is_empty() || rest.starts_with(" ("))
}

/// Whether a PipeWire node is ours, `property` telling its properties: the outlet itself, or the loopback device as PipeWire sees it.
pub(super) fn is_our_node(property: impl Fn(&str) -> Option<String>) -> bool {
    let named = ["node.description", "node.nick", "api.v4l2.cap.card"];
    property("node.name").is_some_and(|name| name == NODE)
        || named.into_iter().filter_map(&property).any(|name| is_our_card(&name))
        || v4l2_path(property).is_some_and(|path| card(&path).is_some_and(|card| is_our_card(&card)))
}

/// The V4L2 device that a PipeWire node stands for.
pub(super) fn v4l2_path(property: impl Fn(&str) -> Option<String>) -> Option<PathBuf> {
    let of_object = || property("object.path").and_then(|p| p.strip_prefix("v4l2:").map(str::to_owned));
    property("api.v4l2.path").or_else(of_object).map(PathBuf::from)
}

/// The name of the card behind a `/dev/videoN`, as the kernel's list of devices has it. The device is not opened: an app that has
/// our loopback device open is somebody who watches.
pub(super) fn card(path: &Path) -> Option<String> {
    let name = Path::new("/sys/class/video4linux").join(path.file_name()?).join("name");
    Some(std::fs::read_to_string(name).ok()?.trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(properties: &[(&str, &str)]) -> bool {
        is_our_node(|key| properties.iter().find(|(k, _)| *k == key).map(|(_, v)| (*v).to_owned()))
    }

    #[test]
    fn our_card_is_known_by_its_label_alone() {
        assert!(is_our_card("VASA Camera") && is_our_card("VASA Camera (V4L2)"));
        assert!(!is_our_card("VASA Camera Pro") && !is_our_card("Dummy video device (0x0000)") && !is_our_card(""));
    }

    #[test]
    fn our_node_is_known_by_name_description_or_card() {
        assert!(node(&[("node.name", "vasa_camera")]));
        assert!(node(&[
            ("node.name", "v4l2_input.platform-v4l2loopback-010"),
            ("node.description", "VASA Camera (V4L2)")
        ]));
        assert!(node(&[("node.name", "x"), ("api.v4l2.cap.card", "VASA Camera")]));
        assert!(!node(&[("node.name", "v4l2_input.pci-0000"), ("node.description", "HD Webcam (V4L2)")]));
        assert!(!node(&[("node.name", "vasa_camera_2"), ("api.v4l2.path", "/dev/video99")]));
        assert!(!node(&[]));
    }

    #[test]
    fn the_device_behind_a_node_is_told_in_two_ways() {
        let of = |key: &'static str, value: &'static str| v4l2_path(move |k| (k == key).then(|| value.to_owned()));
        assert_eq!(of("api.v4l2.path", "/dev/video3"), Some("/dev/video3".into()));
        assert_eq!(of("object.path", "v4l2:/dev/video3"), Some("/dev/video3".into()));
        assert_eq!(of("object.path", "libcamera:x"), None);
    }
}
