//! The camera as a v4l2loopback device: what programs read that know nothing of PipeWire.

mod device;
mod watch;

use super::board::{Demand, Kind, Report, Shared};
use super::formats::{Converter, PixelFormat};
use super::wait::{Bell, sleep_until};
use super::{CameraSettings, NAME};
use anyhow::Result;
use device::Device;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use watch::Watch;

/// How often a device that is not there, or refuses, is looked for.
const RETRY: Duration = Duration::from_secs(1);

/// How often the picture is shown again where nothing new comes, and how often readers are looked for: an app takes a
/// device without pictures for broken, and one that opens the device gets its first picture within this.
const TICK: Duration = Duration::from_millis(100);

/// How often a module that tells is asked anew.
const ASK: Duration = Duration::from_secs(2);

/// Offers the camera until told to stop.
pub(super) fn run(shared: &Arc<Shared>, bell: &Bell, settings: CameraSettings) {
    let mut told = String::new();
    while !shared.stopping() {
        if let Some(path) = device::find(NAME) {
            if let Err(e) = feed(shared, bell, settings, path, &mut told) {
                let sentence = format!("{e:#}");
                if told != sentence {
                    tracing::warn!("the camera is not in V4L2: {sentence}; trying again until it is");
                    told.clone_from(&sentence);
                }
                shared.report(Kind::V4l2, Report::Broken(sentence));
            }
        } else {
            shared.report(Kind::V4l2, Report::Missing(remedy()));
        }
        bell.wants_frames.store(false, Ordering::Release);
        let end = Instant::now() + RETRY;
        while !shared.stopping() && sleep_until(bell, None, end) {}
    }
    shared.report(Kind::V4l2, Report::Off);
}

fn remedy() -> String {
    format!(
        "there is no v4l2loopback device called \"{NAME}\"; install the package v4l2loopback-dkms and run \
         `sudo modprobe v4l2loopback exclusive_caps=1 card_label=\"{NAME}\"` (where the kernel says \"Key was rejected by \
         service\", Secure Boot wants the module signed)"
    )
}

/// Feeds one device: returns when told to stop, errs when the device goes away or refuses.
fn feed(shared: &Shared, bell: &Bell, settings: CameraSettings, path: PathBuf, told: &mut String) -> Result<()> {
    let place = path.display().to_string();
    let mut device = Device::start(path, NAME, settings.size, settings.fps)?;
    let mut converter = Converter::default();
    let mut show = |device: &mut Device| -> Result<u64> {
        let newest = shared.slot.newest();
        device.show(newest.number, |bytes| {
            converter.convert(&newest.frame.rgba, settings.size, PixelFormat::Yuy2, bytes)?;
            Ok(())
        })?;
        Ok(newest.number)
    };
    let mut shown = show(&mut device)?;
    tracing::info!(
        "\"{NAME}\" is offered as {place}; the module {} who reads",
        if device.tells() { "tells" } else { "does not tell" }
    );
    told.clear();
    let advice = device.advice();
    let (mut watch, mut state) = (Watch::new(), device.ask());
    let (mut next_look, mut next_ask, mut last) = (Instant::now(), Instant::now() + ASK, Instant::now());
    bell.wants_frames.store(true, Ordering::Release);

    while !shared.stopping() {
        let now = Instant::now();
        let news = device.news();
        if now >= next_ask {
            state = device.ask();
            next_ask = now + ASK;
        }
        if let Some(news) = news {
            state = Some(news);
        }
        if now >= next_look || news.is_some() {
            next_look = now + TICK;
            // The first descriptor is ours.
            let demand = watch.look(now, state, device::users().map(|n| n.saturating_sub(1)));
            let readers = u32::from(demand == Demand::Full);
            shared
                .report(Kind::V4l2, Report::Offered { place: place.clone(), readers, demand, advice: advice.clone() });
        }
        let newest = shared.slot.newest().number;
        let repeat = now.duration_since(last) >= TICK;
        if newest != shown || repeat {
            if watch.demand() == Demand::Full && newest > shown + 1 {
                shared.dropped.fetch_add(newest - shown - 1, Ordering::Relaxed);
            }
            shown = show(&mut device)?;
            last = now;
        }
        sleep_until(bell, Some(device.as_fd()), next_look.min(last + TICK));
    }
    Ok(())
}
