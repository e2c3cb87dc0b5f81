//! The render thread: while somebody watches it draws the face of the moment, marks the picture and hands it to the camera.

use super::avatars::{Dressed, Stage};
use super::motion_thread::{Made, Message as MotionMessage, Source};
use super::problems::Problems;
use super::stats::Stats;
use crate::avatar::{self, Avatar, AvatarHash};
use crate::camera::{Camera, Demand};
use crate::clock::Moment;
use crate::config::{Looks, Paths};
use crate::face::Face;
use crate::mark::Marker;
use crate::mirror::{Blender, Slot};
use crate::render::{Backdrop, Frame, Overlay, Renderer, Size, card};
use anyhow::Result;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// Faces wait here between the two threads: about a second of them.
pub const FACES: usize = 64;

/// Where there is nothing to draw with, try again this often.
const RETRY: f64 = 5.0;

/// Faces older than this mean that motion sleeps.
const STALE: f64 = 0.5;

/// The weight of one frame in how long drawing takes.
const DRAWING_SMOOTH: f64 = 0.1;

/// A still card needs no more.
const CARD_FPS: u32 = 10;

pub enum Message {
    CameraOn(bool),
    /// What is written over the avatar.
    Overlay {
        subtitle: Option<String>,
        composing: bool,
    },
    /// Somebody else is shown from the next frame on.
    Avatar(Box<Dressed>),
}

/// What the thread draws with.
pub struct Drawing {
    pub paths: Paths,
    pub looks: Looks,
    pub size: Size,
    pub fps: u32,
    pub marker: Marker,
    /// From a sound to its picture.
    pub delay: Duration,
    /// Told to whoever prepares another avatar.
    pub stage: Stage,
    /// The user's own face, while the mirror sees it.
    pub seen: Arc<Slot>,
}

/// The running thread; dropping it ends it.
pub struct RenderThread {
    messages: Option<Sender<Message>>,
    thread: Option<JoinHandle<()>>,
    camera: Arc<Camera>,
}

impl RenderThread {
    /// # Errors
    /// The system could not start a thread.
    pub fn start(
        drawing: Drawing,
        camera: Arc<Camera>,
        faces: rtrb::Consumer<Made>,
        wake_motion: Sender<MotionMessage>,
        stats: Arc<Stats>,
        problems: Arc<Problems>,
    ) -> std::io::Result<Self> {
        let (messages, receiver) = channel();
        let theirs = camera.clone();
        let thread = std::thread::Builder::new().name("render".into()).spawn(move || {
            let (frame, overlay) = (Frame::new(drawing.size), Overlay::new(drawing.size));
            Loop {
                artist: Artist::Waiting { retry: Moment(i64::MIN), why: String::new() },
                recent: VecDeque::with_capacity(FACES),
                current: Made { face: Face::default(), source: Source::Silence, voice: 0.0 },
                blender: Blender::default(),
                camera_on: true,
                streaming: false,
                drawing_takes: 0.01,
                stands: 0.0,
                drawing,
                camera: theirs,
                faces,
                wake_motion,
                stats,
                problems,
                receiver,
                frame,
                overlay,
            }
            .run();
        })?;
        Ok(Self { messages: Some(messages), thread: Some(thread), camera })
    }

    pub fn send(&self, message: Message) {
        if let Some(messages) = &self.messages {
            let _ = messages.send(message);
            self.camera.nudge();
        }
    }

    pub fn is_alive(&self) -> bool {
        self.thread.as_ref().is_some_and(|t| !t.is_finished())
    }
}

impl Drop for RenderThread {
    fn drop(&mut self) {
        self.messages = None;
        self.camera.nudge();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The ladder of what can be shown: the avatar, or a card that says why there is none.
enum Artist {
    Ready(Box<Renderer>, AvatarHash),
    Waiting { retry: Moment, why: String },
}

struct Loop {
    drawing: Drawing,
    artist: Artist,
    camera: Arc<Camera>,
    faces: rtrb::Consumer<Made>,
    wake_motion: Sender<MotionMessage>,
    stats: Arc<Stats>,
    problems: Arc<Problems>,
    receiver: Receiver<Message>,
    frame: Frame,
    overlay: Overlay,
    /// Faces around now, oldest first.
    recent: VecDeque<Made>,
    current: Made,
    blender: Blender,
    camera_on: bool,
    /// Whether somebody was seen to watch at the last frame.
    streaming: bool,
    /// How long a frame takes to be drawn, of late; seconds.
    drawing_takes: f64,
    /// How long a frame stands; seconds.
    stands: f64,
}

impl Loop {
    fn run(mut self) {
        // One picture before anybody asks: an app that opens the camera gets it at once.
        self.show(Moment::now());
        let mut due = Moment::now();
        let mut before: Option<Moment> = None;
        loop {
            let mut news = false;
            loop {
                match self.receiver.try_recv() {
                    Ok(message) => self.take(message),
                    Err(TryRecvError::Empty) => break,
                    Err(TryRecvError::Disconnected) => return,
                }
                news = true;
            }
            let demand = self.camera.demand();
            let streamed = std::mem::replace(&mut self.streaming, demand == Demand::Full);
            if self.streaming && !streamed {
                self.drawing.marker.begin_stream(Moment::now());
            }
            let fps = match demand {
                Demand::Full => self.drawing.fps,
                Demand::Idle(fps) => fps.min(self.drawing.fps),
                Demand::None => {
                    before = None;
                    // Whoever opens the camera next gets no picture from before.
                    if news {
                        self.show(Moment::now());
                    }
                    if self.camera.wait_watched(Duration::from_millis(500)) {
                        due = Moment::now();
                        let _ = self.wake_motion.send(MotionMessage::Wake);
                    }
                    continue;
                }
            };
            let moving = self.camera_on && matches!(self.artist, Artist::Ready(..));
            let fps = if moving { fps } else { fps.min(CARD_FPS) };
            self.stands = 1.0 / f64::from(fps.max(1));
            let began = Moment::now();
            let drawn = self.show(began);
            self.drawing_takes += (drawn.seconds_since(began).min(0.1) - self.drawing_takes) * DRAWING_SMOOTH;
            self.stats.frame(ms(drawn, began), before.map(|b| ms(began, b)));
            self.stats.dropped_frames.store(self.camera.dropped(), Relaxed);
            self.measure(Moment::now());
            before = Some(began);
            due = due + Duration::from_micros(1_000_000 / u64::from(fps.max(1)));
            if Moment::now() > due {
                // Too slow for this rate: take the next frame at once, but never run after the lost ones.
                due = Moment::now();
            }
            // Somebody who begins to watch is not kept waiting for a slow frame.
            while self.camera.wait_demand(demand, due.wait()) == demand && !due.wait().is_zero() {}
            if self.camera.demand() != demand {
                due = Moment::now();
            }
            // Motion sleeps until it is told that somebody watches; telling it twice costs nothing.
            if self.recent.back().is_none_or(|newest| Moment::now().seconds_since(newest.face.at) > STALE) {
                let _ = self.wake_motion.send(MotionMessage::Wake);
            }
        }
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::CameraOn(on) => self.camera_on = on,
            Message::Overlay { subtitle, composing } => {
                self.overlay.set_subtitle(subtitle.as_deref());
                self.overlay.set_composing(composing);
            }
            Message::Avatar(dressed) => {
                let Dressed { looks, renderer, hash } = *dressed;
                tracing::info!("drawing \"{}\" on {}", looks.avatar, renderer.adapter());
                self.drawing.looks = looks;
                self.problems.set("background", Vec::new());
                self.take_artist(renderer, hash);
            }
        }
    }

    fn take_artist(&mut self, renderer: Renderer, hash: AvatarHash) {
        let _ = self.stats.renderer.set(renderer.adapter().to_string());
        self.problems.set("render", Vec::new());
        self.drawing.stage.set(Some(renderer.device()));
        self.artist = Artist::Ready(Box::new(renderer), hash);
    }

    /// Draws, marks and publishes one frame; when it was drawn.
    fn show(&mut self, now: Moment) -> Moment {
        self.draw(now);
        let marked = self.drawing.marker.mark(&mut self.frame, now);
        let drawn = Moment::now();
        self.camera.publish(&marked);
        drawn
    }

    fn draw(&mut self, now: Moment) {
        // Half of the time that a frame is seen lies before its middle: the face of that instant is the truest one.
        let seen_at = now + Duration::from_secs_f64(self.drawing_takes + self.stands / 2.0);
        self.choose_face(seen_at);
        let Made { face, voice, .. } = &self.current;
        let face = self.blender.mix(face, *voice, self.drawing.seen.get().as_ref(), now);
        if !self.camera_on {
            card(self.drawing.size, "Camera off", "The camera is switched off and will be back.", &mut self.frame);
            self.frame.at = now;
            self.drawing.marker.set_avatar(AvatarHash::default());
            return;
        }
        if let Artist::Waiting { retry, .. } = self.artist
            && now >= retry
        {
            match self.open_renderer() {
                Ok((renderer, hash)) => {
                    tracing::info!("drawing \"{}\" on {}", self.drawing.looks.avatar, renderer.adapter());
                    self.take_artist(renderer, hash);
                }
                Err(e) => self.artist = self.fall_back(&e, now),
            }
        }
        if let Artist::Ready(renderer, _) = &mut self.artist
            && let Err(e) = renderer.draw(&face, &mut self.frame)
        {
            self.artist = self.fall_back(&e, now);
        }
        let shown = match &self.artist {
            Artist::Ready(_, avatar) => {
                self.stats.face.set(&face);
                self.overlay.draw(&mut self.frame, now, &self.drawing.marker.taken(now));
                *avatar
            }
            // Drawn anew each time: a frame is marked once.
            Artist::Waiting { why, .. } => {
                card(self.drawing.size, "VASA Camera", why, &mut self.frame);
                AvatarHash::default()
            }
        };
        self.drawing.marker.set_avatar(shown);
        self.frame.at = self.current.face.at;
    }

    fn open_renderer(&self) -> Result<(Renderer, AvatarHash)> {
        let Looks { avatar, background } = &self.drawing.looks;
        let folder = avatar::find(&self.drawing.paths, avatar)?;
        let mut avatar = Avatar::load(&folder)?;
        // A picture that has gone costs the background alone.
        let backdrop = Backdrop::open(background);
        let told = backdrop.as_ref().err().map(|e| format!("{e:#} (the avatar's own background is shown)"));
        self.problems.set("background", told.into_iter().collect());
        backdrop.unwrap_or(Backdrop::Plate).put_behind(&mut avatar);
        Ok((Renderer::new(&avatar, self.drawing.size)?, avatar.hash))
    }

    fn fall_back(&self, error: &anyhow::Error, now: Moment) -> Artist {
        let sentence = format!("the avatar cannot be drawn: {error:#}");
        self.problems.set("render", vec![sentence.clone()]);
        self.drawing.stage.set(None);
        Artist::Waiting { retry: now + Duration::from_secs_f64(RETRY), why: sentence }
    }

    /// The face that is seen at `now`, interpolated between the two around it; the latest where motion has not come that far.
    fn choose_face(&mut self, now: Moment) {
        while let Ok(face) = self.faces.pop() {
            // Motion has thought again: what it said of this instant and later is no longer true.
            while self.recent.back().is_some_and(|known| known.face.at >= face.face.at) {
                self.recent.pop_back();
            }
            if self.recent.len() == FACES {
                self.recent.pop_front();
            }
            self.recent.push_back(face);
        }
        while self.recent.get(1).is_some_and(|next| next.face.at <= now) {
            self.recent.pop_front();
        }
        let Some(first) = self.recent.front().copied() else { return };
        let a = first.face;
        let face = match self.recent.get(1) {
            Some(Made { face: b, .. }) if now > a.at => {
                let span = b.at.seconds_since(a.at);
                a.lerp(b, if span > 0.0 { (now.seconds_since(a.at) / span).clamp(0.0, 1.0) as f32 } else { 1.0 })
            }
            _ => a,
        };
        self.current = Made { face, ..first };
    }

    /// A live voice: how old its sound is. The synthetic voice: how far the picture is from what is heard.
    fn measure(&self, out: Moment) {
        let Made { face, source, .. } = &self.current;
        let late = out.seconds_since(face.at) as f32 * 1000.0;
        match source {
            Source::Microphone => self.stats.latency(late + self.drawing.delay.as_secs_f32() * 1000.0),
            Source::Voice => self.stats.skew(late + self.stands as f32 * 500.0),
            Source::Silence => {}
        }
    }
}

fn ms(later: Moment, earlier: Moment) -> f32 {
    later.seconds_since(earlier) as f32 * 1000.0
}
