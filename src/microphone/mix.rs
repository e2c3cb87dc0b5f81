//! What the face says, as samples: the synthetic voice; the user's own where that is silent.

use super::Live;
use crate::clock::Moment;
use crate::speech::Playback;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// The sound of "VASA Microphone". Nothing here allocates, locks or frees.
pub struct Mix {
    voice: Playback,
    live: Live,
    /// Whether the user's own voice is to be heard.
    open: Arc<AtomicBool>,
}

impl Mix {
    /// `open` says whether the user's own voice goes through; it may change at any time.
    pub fn new(voice: Playback, live: Live, open: Arc<AtomicBool>) -> Self {
        Self { voice, live, open }
    }

    /// Says whether an app takes the sound now.
    pub(super) fn set_live(&mut self, live: bool) {
        self.voice.set_live(live);
    }

    /// Fills `out`, mono at [`crate::sound::VOICE_RATE`], whose first sample is heard at `heard_at`.
    pub(super) fn fill(&mut self, out: &mut [f32], heard_at: Moment) {
        self.voice.fill(out, heard_at);
        // The face says one thing at a time.
        let open = self.open.load(Relaxed) && !self.voice.playing();
        self.live.add(out, heard_at, open);
    }
}
