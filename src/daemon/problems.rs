//! What is wrong right now, by room: human sentences, each naming its remedy.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// The board on which each room keeps its own problems. Rooms write when something changes, the main loop reads.
#[derive(Default)]
pub struct Problems {
    board: Mutex<BTreeMap<&'static str, Vec<String>>>,
    version: AtomicU64,
}

impl Problems {
    /// Replaces the problems of one room; a change is logged once each way.
    pub fn set(&self, room: &'static str, sentences: Vec<String>) {
        let Ok(mut board) = self.board.lock() else { return };
        let old = board.get(room).map_or(&[][..], Vec::as_slice);
        if old == sentences {
            return;
        }
        for gone in old.iter().filter(|s| !sentences.contains(s)) {
            tracing::info!("over: {gone}");
        }
        for new in sentences.iter().filter(|s| !old.contains(s)) {
            tracing::warn!("{new}");
        }
        board.insert(room, sentences);
        self.version.fetch_add(1, Relaxed);
    }

    /// All problems, by room.
    pub fn all(&self) -> Vec<String> {
        self.board.lock().map(|b| b.values().flatten().cloned().collect()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_replaces_only_its_own_problems() {
        let problems = Problems::default();
        problems.set("a", vec!["one".into()]);
        problems.set("b", vec!["two".into()]);
        problems.set("a", vec![]);
        assert_eq!(problems.all(), ["two"]);
    }
}
