//! Changing who is shown, before what: another avatar or background is read and brought onto the adapter by a thread of its own, while the one before is
//! drawn on; the render thread only swaps the two. One at a time.

use super::view::Refusal;
use crate::avatar::consent::{Consent, required};
use crate::avatar::{self, Avatar, AvatarHash};
use crate::config::{Looks, Paths};
use crate::render::{Backdrop, Device, Renderer, Size};
use anyhow::Result;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use tokio::sync::{mpsc, oneshot};

/// Where the answer to a request goes.
pub type Reply = oneshot::Sender<Result<u64, Refusal>>;

/// The adapter that is drawn on now, if there is one.
#[derive(Clone, Default)]
pub struct Stage(Arc<Mutex<Option<Device>>>);

impl Stage {
    pub fn set(&self, device: Option<Device>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = device;
    }

    fn get(&self) -> Option<Device> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// An avatar that is ready to be drawn.
pub struct Dressed {
    pub looks: Looks,
    pub renderer: Renderer,
    pub hash: AvatarHash,
}

/// How bringing an avatar on ended.
pub struct Brought {
    pub looks: Looks,
    pub dressed: Result<Dressed, Refusal>,
    /// None where no client waits for it.
    pub reply: Option<Reply>,
}

/// Brings avatars on.
pub struct Avatars {
    paths: Paths,
    size: Size,
    stage: Stage,
    brought: mpsc::UnboundedSender<Brought>,
    /// What is being brought on.
    coming: Option<Looks>,
    next: Option<Wish>,
}

struct Wish {
    looks: Looks,
    folder: PathBuf,
    reply: Option<Reply>,
}

impl Avatars {
    /// The second value gets what was brought on.
    pub fn new(paths: Paths, size: Size, stage: Stage) -> (Self, mpsc::UnboundedReceiver<Brought>) {
        let (brought, receiver) = mpsc::unbounded_channel();
        (Self { paths, size, stage, brought, coming: None, next: None }, receiver)
    }

    /// Begins to bring `looks` on. Of those that are asked for meanwhile only the last is brought on; the others are refused.
    pub fn bring(&mut self, looks: Looks, reply: Option<Reply>) {
        let folder = match avatar::find(&self.paths, &looks.avatar) {
            Ok(folder) => folder,
            Err(e) => return self.answer(&looks.avatar, Refusal::NotFound(format!("{e:#}")), reply),
        };
        let wish = Wish { looks, folder, reply };
        if self.coming.is_none() {
            self.start(wish);
        } else if let Some(before) = self.next.replace(wish) {
            let avatar = before.looks.avatar;
            let sentence =
                format!("\"{avatar}\" is not shown, because another avatar or background was asked for after it");
            self.answer(&avatar, Refusal::NotReady(sentence), before.reply);
        }
    }

    /// What was asked for last and is not there yet.
    pub fn asked(&self) -> Option<&Looks> {
        self.next.as_ref().map(|wish| &wish.looks).or(self.coming.as_ref())
    }

    /// Something was brought on: the next one's turn, where one waits.
    pub fn go_on(&mut self) {
        self.coming = None;
        if let Some(wish) = self.next.take() {
            self.start(wish);
        }
    }

    /// Whether the avatar that was brought on last is drawn, and no other is on its way.
    pub fn stands(&self) -> bool {
        self.coming.is_none() && self.stage.get().is_some()
    }

    fn start(&mut self, wish: Wish) {
        let (device, size, brought) = (self.stage.get(), self.size, self.brought.clone());
        let Wish { looks, folder, reply } = wish;
        // Kept by the thread, and taken back where there is none.
        let reply = Arc::new(Mutex::new(reply));
        let (theirs, called) = (reply.clone(), looks.clone());
        let take = |reply: &Mutex<Option<Reply>>| reply.lock().unwrap_or_else(PoisonError::into_inner).take();
        let thread = std::thread::Builder::new().name("avatar".into()).spawn(move || {
            let dressed = dress(&looks, &folder, device, size);
            let _ = brought.send(Brought { looks, dressed, reply: take(&theirs) });
        });
        match thread {
            Ok(_) => self.coming = Some(called),
            Err(e) => {
                let refusal = Refusal::Failed(format!("no thread to load an avatar ({e}); close other programs"));
                self.answer(&called.avatar, refusal, take(&reply));
            }
        }
    }

    /// A refusal without a thread; it takes the same way, but nothing waits for it.
    fn answer(&self, name: &str, refusal: Refusal, reply: Option<Reply>) {
        match reply {
            Some(reply) => drop(reply.send(Err(refusal))),
            None => tracing::warn!("the avatar \"{name}\" is not shown: {}", refusal.sentence()),
        }
    }
}

fn dress(looks: &Looks, folder: &Path, device: Option<Device>, size: Size) -> Result<Dressed, Refusal> {
    let name = &looks.avatar;
    let failed = |e: anyhow::Error| Refusal::Failed(format!("the avatar \"{name}\" cannot be drawn: {e:#}"));
    let begin = Instant::now();
    // Looked at again when it is loaded; here, so that the answer says which of the two it was.
    if required(&avatar::describe(folder).map_err(failed)?.kind) {
        Consent::require(folder)
            .map_err(|e| Refusal::NotPermitted(format!("the avatar \"{name}\" may not be shown: {e:#}")))?;
    }
    let backdrop = Backdrop::open(&looks.background).map_err(|e| Refusal::InvalidArgument(format!("{e:#}")))?;
    let mut avatar = Avatar::load(folder).map_err(failed)?;
    backdrop.put_behind(&mut avatar);
    let read = begin.elapsed();
    let renderer = match device {
        Some(device) => device.renderer(&avatar, size),
        None => Renderer::new(&avatar, size),
    };
    tracing::debug!(
        "the avatar \"{name}\" was read in {read:.0?}, and ready to be drawn after {:.0?}",
        begin.elapsed()
    );
    Ok(Dressed { looks: looks.clone(), renderer: renderer.map_err(failed)?, hash: avatar.hash })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Background;

    fn avatars() -> (Avatars, mpsc::UnboundedReceiver<Brought>) {
        Avatars::new(Paths::find(), Size { width: 64, height: 36 }, Stage::default())
    }

    fn looks(avatar: &str) -> Looks {
        Looks { avatar: avatar.into(), background: Background::Plate }
    }

    #[test]
    fn of_many_that_are_asked_for_at_once_the_first_and_the_last_are_brought_on() {
        let (mut avatars, mut brought) = avatars();
        let mut answers = Vec::new();
        for name in ["anna", "kofi", "nobody", "mei", "kofi", "mei"] {
            let (reply, answer) = oneshot::channel();
            avatars.bring(looks(name), Some(reply));
            answers.push(answer);
        }
        let mut said = |i: usize| answers[i].try_recv().ok().map(|a| a.unwrap_err());
        assert!(matches!(said(2), Some(Refusal::NotFound(m)) if m.contains("\"nobody\"") && m.contains("anna")));
        for superseded in [1, 3, 4] {
            assert!(matches!(said(superseded), Some(Refusal::NotReady(_))), "{superseded}");
        }
        for name in ["anna", "mei"] {
            let next = brought.blocking_recv().unwrap();
            let dressed = next.dressed.as_ref().map(|d| d.looks.clone()).map_err(Refusal::sentence);
            assert_eq!((&next.looks, dressed), (&looks(name), Ok(looks(name))));
            avatars.go_on();
        }
        assert!(avatars.coming.is_none());
    }
}
