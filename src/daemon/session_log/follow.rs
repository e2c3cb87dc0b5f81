//! What of the daemon's state is an event.

use super::line::Event;
use std::time::{Duration, Instant};

/// Apps close and open the camera again while they set themselves up; that is one stream.
const PAUSE: Duration = Duration::from_secs(2);

/// What the log follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Whether the log is wanted (the setting `session_log`).
    pub wanted: bool,
    /// Whether somebody is known to watch the camera.
    pub watched: bool,
    /// The name of the avatar that is chosen.
    pub avatar: String,
    pub camera_on: bool,
}

/// The state as the log knows it.
pub struct Follower {
    wanted: bool,
    /// The avatar of the stream, while there is one.
    shown: Option<String>,
    camera_on: bool,
    /// Since when nobody watches what is still one stream.
    unwatched: Option<Instant>,
}

impl Follower {
    /// The daemon begins; the first event tells so, where the log is wanted.
    pub fn new(wanted: bool) -> (Self, Option<Event>) {
        let started = wanted.then(|| Event::Started { version: env!("CARGO_PKG_VERSION").into() });
        (Self { wanted, shown: None, camera_on: true, unwatched: None }, started)
    }

    /// What happened since the last call.
    pub fn follow(&mut self, session: &Session, now: Instant) -> Vec<Event> {
        let mut events = Vec::new();
        if session.wanted != self.wanted {
            events.push(if session.wanted { Event::LogOn } else { Event::LogOff });
            *self = Self { wanted: session.wanted, shown: None, camera_on: true, unwatched: None };
        }
        if !session.wanted {
            return events;
        }
        if session.camera_on != self.camera_on {
            self.camera_on = session.camera_on;
            events.push(if session.camera_on { Event::CameraOn } else { Event::CameraOff });
        }
        if session.watched {
            self.unwatched = None;
            let avatar = session.avatar.clone();
            match &self.shown {
                None => events.push(Event::StreamStarted { avatar: avatar.clone() }),
                Some(shown) if *shown != avatar => events.push(Event::AvatarShown { avatar: avatar.clone() }),
                Some(_) => return events,
            }
            self.shown = Some(avatar);
        } else if self.shown.is_some() && now.duration_since(*self.unwatched.get_or_insert(now)) >= PAUSE {
            (self.shown, self.unwatched) = (None, None);
            events.push(Event::StreamStopped);
        }
        events
    }

    /// The daemon ends.
    pub fn end(&mut self) -> Vec<Event> {
        if !self.wanted {
            return Vec::new();
        }
        let stream = self.shown.take().map(|_| Event::StreamStopped);
        stream.into_iter().chain([Event::Stopped]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(watched: bool) -> Session {
        Session { wanted: true, watched, avatar: "anna".into(), camera_on: true }
    }

    fn stream() -> Event {
        Event::StreamStarted { avatar: "anna".into() }
    }

    #[test]
    fn a_stream_begins_at_once_and_ends_after_a_pause() {
        let (mut follower, started) = Follower::new(true);
        assert!(matches!(started, Some(Event::Started { .. })));
        let begin = Instant::now();
        let at = |ms: u64| begin + Duration::from_millis(ms);
        assert_eq!(follower.follow(&session(false), at(0)), []);
        assert_eq!(follower.follow(&session(true), at(1000)), [stream()]);
        assert_eq!(follower.follow(&session(true), at(1100)), []);
        assert_eq!(follower.follow(&session(false), at(1200)), []);
        assert_eq!(follower.follow(&session(false), at(3100)), []);
        assert_eq!(follower.follow(&session(true), at(3150)), [], "it went on");
        assert_eq!(follower.follow(&session(false), at(4000)), []);
        assert_eq!(follower.follow(&session(false), at(6000)), [Event::StreamStopped]);
        assert_eq!(follower.follow(&session(false), at(9000)), []);
        assert_eq!(follower.end(), [Event::Stopped]);
        assert_eq!(follower.follow(&session(true), at(9001)), [stream()]);
        assert_eq!(follower.end(), [Event::StreamStopped, Event::Stopped]);
    }

    #[test]
    fn the_avatar_the_switch_and_the_setting_are_followed() {
        let (mut follower, _) = Follower::new(true);
        let now = Instant::now();
        follower.follow(&session(true), now);
        let other = Session { avatar: "ben".into(), ..session(true) };
        assert_eq!(follower.follow(&other, now), [Event::AvatarShown { avatar: "ben".into() }]);
        let off = Session { camera_on: false, ..other.clone() };
        assert_eq!(follower.follow(&off, now), [Event::CameraOff]);
        assert_eq!(follower.follow(&other, now), [Event::CameraOn]);
        let unwanted = Session { wanted: false, ..session(true) };
        assert_eq!(follower.follow(&unwanted, now), [Event::LogOff]);
        assert_eq!(follower.follow(&Session { camera_on: false, ..unwanted.clone() }, now), []);
        assert_eq!(follower.end(), []);
        let again = Session { camera_on: false, ..session(true) };
        assert_eq!(follower.follow(&again, now), [Event::LogOn, Event::CameraOff, stream()]);
        let (mut follower, started) = Follower::new(false);
        assert_eq!((started, follower.follow(&unwanted, now), follower.end()), (None, vec![], vec![]));
    }
}
