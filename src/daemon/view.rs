//! What the daemon shows of itself, and what can be asked of it. D-Bus handlers hold a [`Handle`]: they read the latest
//! [`View`] and send a [`Command`]; the main loop alone owns the state, so no handler ever waits for a lock.

use super::mirror::Asked;
use crate::config::{Input, Manner, MannerChange, RevoiceMode};
use crate::motion::Steering;
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot, watch};

/// What the `State` property says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// Nobody watches, nothing is rendered.
    #[default]
    Idle,
    /// At least one app reads the camera.
    Streaming,
    /// Running, but on a fallback.
    Degraded,
    /// No camera could be offered.
    Failed,
}

impl State {
    pub fn name(self) -> &'static str {
        match self {
            State::Idle => "idle",
            State::Streaming => "streaming",
            State::Degraded => "degraded",
            State::Failed => "failed",
        }
    }
}

/// Everything that the D-Bus properties show, as one consistent picture.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct View {
    pub state: State,
    pub input: Input,
    pub muted: bool,
    pub camera_on: bool,
    /// (kind, place, readers).
    pub outlets: Vec<(String, String, u32)>,
    pub microphone_in_use: bool,
    pub problems: Vec<String>,
    /// (name, label, icon).
    pub profiles: Vec<(String, String, String)>,
    pub profile: String,
    pub intensity: f64,
    pub speaking: bool,
    /// (name, language, engine).
    pub voices: Vec<(String, String, String)>,
    pub voice: String,
    pub rate: f64,
    /// (name, label, kind).
    pub avatars: Vec<(String, String, String)>,
    pub avatar: String,
    /// As [`crate::config::Background::parse`] reads it.
    pub background: String,
    /// The user is typing.
    pub composing: bool,
    pub microphone: MicrophoneStatus,
    pub monitor: bool,
    pub monitor_volume: f64,
    pub captions: bool,
    pub subtitles: bool,
    pub language: String,
    pub words: Vec<String>,
    pub revoice: RevoiceMode,
    /// Recognised sentences that wait to be accepted or rejected: (id, text), the oldest first.
    pub pending: Vec<(u64, String)>,
    pub steering: Steering,
    pub mirror: MirrorView,
}

/// How the mirror stands.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MirrorView {
    pub on: bool,
    /// "off", or as [`crate::mirror::Stage::name`] has it.
    pub state: &'static str,
    pub camera_in_use: bool,
    /// The one that is chosen; empty: the first real one.
    pub camera: String,
    pub person: String,
    pub calibrated: Vec<&'static str>,
    pub manner: Manner,
    pub preview: bool,
}

/// How the virtual microphone stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MicrophoneStatus {
    /// Apps can choose it.
    pub offered: bool,
    /// An app records it.
    pub in_use: bool,
}

/// Why a command was refused; each holds one sentence with the thing, the value and what is accepted.
#[derive(Clone, Debug, PartialEq)]
pub enum Refusal {
    InvalidArgument(String),
    NotFound(String),
    NotReady(String),
    NotPermitted(String),
    Failed(String),
}

impl Refusal {
    /// The sentence.
    pub fn sentence(&self) -> &str {
        match self {
            Refusal::InvalidArgument(m)
            | Refusal::NotFound(m)
            | Refusal::NotReady(m)
            | Refusal::NotPermitted(m)
            | Refusal::Failed(m) => m,
        }
    }
}

/// What one utterance may change.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SayRequest {
    pub text: String,
    pub voice: Option<String>,
    pub rate: Option<f64>,
    pub interrupt: bool,
    pub profile: Option<String>,
}

/// What is asked of the main loop.
#[derive(Debug)]
pub enum Request {
    SetInput(String),
    SetMuted(bool),
    SetCameraOn(bool),
    Activate {
        profile: String,
        intensity: f64,
        over_ms: u32,
    },
    SetProfile(String),
    SetIntensity(f64),
    Say(SayRequest),
    StopSpeech,
    SetVoice(String),
    SetRate(f64),
    SetComposing(bool),
    SetMonitor(bool),
    SetMonitorVolume(f64),
    SetCaptions(bool),
    SetSubtitles(bool),
    SetLanguage(String),
    SetWords(Vec<String>),
    SetRevoiceMode(String),
    /// Speaks a pending sentence; an empty text leaves it as it was recognised.
    Accept {
        id: u64,
        text: String,
    },
    Reject(u64),
    /// By the names of the emotions; those that are not named are 0.
    SetEmotion(HashMap<String, f64>),
    SetGaze {
        automatic: bool,
        yaw: f64,
        pitch: f64,
    },
    SetHeadPose {
        yaw: f64,
        pitch: f64,
        roll: f64,
    },
    SetDistance(f64),
    /// By its name.
    Gesture(String),
    /// By its name.
    SetAvatar(String),
    /// As [`crate::config::Background::parse`] reads it.
    SetBackground(String),
    SetMirror(bool),
    SetMirrorCamera(String),
    SetPreview(bool),
    SetPerson(String),
    ChangeManner {
        change: MannerChange,
        of: Asked,
    },
    /// By the name of the pose.
    Calibrate(String),
    ForgetPerson,
    Reload,
    Quit,
}

/// A request and where its answer goes. The answer is 0, or the id of the utterance.
pub type Command = (Request, oneshot::Sender<Result<u64, Refusal>>);

/// What D-Bus handlers hold.
#[derive(Clone)]
pub struct Handle {
    pub view: watch::Receiver<Arc<View>>,
    pub stats: Arc<super::stats::Stats>,
    commands: mpsc::Sender<Command>,
}

/// Requests waiting at once before a client is told to wait; a thousand clumsy calls cost at most this much memory.
const QUEUE: usize = 64;

impl Handle {
    /// The handle, and the end that the main loop reads.
    pub fn new(view: watch::Receiver<Arc<View>>, stats: Arc<super::stats::Stats>) -> (Self, mpsc::Receiver<Command>) {
        let (commands, receiver) = mpsc::channel(QUEUE);
        (Self { view, stats, commands }, receiver)
    }

    /// The latest view.
    pub fn now(&self) -> Arc<View> {
        self.view.borrow().clone()
    }

    /// Sends a request and waits until the main loop has carried it out.
    ///
    /// # Errors
    /// The main loop's refusal; `NotReady` while the daemon is stopping.
    pub async fn ask(&self, request: Request) -> Result<u64, Refusal> {
        let stopping = || Refusal::NotReady("the daemon is stopping; start it again and repeat the call".into());
        let (reply, answer) = oneshot::channel();
        self.commands.send((request, reply)).await.map_err(|_| stopping())?;
        answer.await.map_err(|_| stopping())?
    }
}
