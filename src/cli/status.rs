//! `vasa status`: what the running daemon says of itself.

use super::client::{CameraProxy, ListeningProxy, MicrophoneProxy, ProfilesProxy, SpeechProxy, connect, explain};
use super::print_line;
use anyhow::Result;
use serde_json::{Value, json};
use std::collections::HashMap;
use zbus::zvariant::OwnedValue;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub fn run(args: Args) -> Result<()> {
    super::block_on(async {
        let connection = connect().await?;
        let report = report(&connection).await.map_err(explain)?;
        if args.json {
            print_line(&serde_json::to_string_pretty(&report)?);
        } else {
            print(&report);
        }
        Ok(())
    })
}

async fn report(connection: &zbus::Connection) -> zbus::Result<Value> {
    let camera = CameraProxy::new(connection).await?;
    let profiles = ProfilesProxy::new(connection).await?;
    let speech = SpeechProxy::new(connection).await?;
    let microphone = MicrophoneProxy::new(connection).await?;
    let listening = ListeningProxy::new(connection).await?;
    let outlets: Vec<_> = camera
        .outlets()
        .await?
        .into_iter()
        .map(|(kind, place, readers)| json!({"kind": kind, "where": place, "readers": readers}))
        .collect();
    Ok(json!({
        "version": camera.version().await?,
        "state": camera.state().await?,
        "input": camera.input().await?,
        "muted": camera.muted().await?,
        "camera_on": camera.camera_on().await?,
        "microphone_in_use": camera.microphone_in_use().await?,
        "outlets": outlets,
        "profile": profiles.active().await?,
        "intensity": profiles.intensity().await?,
        "speaking": speech.speaking().await?,
        "voice": speech.voice().await?,
        "composing": speech.composing().await?,
        "virtual_microphone": {
            "offered": microphone.offered().await?,
            "in_use": microphone.in_use().await?,
            "monitor": microphone.monitor().await?,
        },
        "captions": listening.captions().await?,
        "subtitles": listening.subtitles().await?,
        "language": listening.language().await?,
        "revoice_mode": listening.revoice_mode().await?,
        "pending": listening.pending().await?.len(),
        "stats": stats(camera.stats().await?),
        "problems": camera.problems().await?,
    }))
}

fn stats(map: HashMap<String, OwnedValue>) -> Value {
    let value = |v: OwnedValue| {
        f64::try_from(v.clone())
            .map(|x| json!((x * 10.0).round() / 10.0))
            .or_else(|_| u64::try_from(v.clone()).map(|x| json!(x)))
            .or_else(|_| String::try_from(v).map(|x| json!(x)))
            .unwrap_or(Value::Null)
    };
    map.into_iter().map(|(k, v)| (k, value(v))).collect::<serde_json::Map<_, _>>().into()
}

fn print(report: &Value) {
    let text = |key: &str| match &report[key] {
        Value::String(s) => s.clone(),
        other => other.to_string(),
    };
    let switch = |key: &str, on: &str, off: &str| if report[key] == true { on.to_string() } else { off.to_string() };
    print_line(&format!("state       {}", text("state")));
    print_line(&format!("camera      {}", switch("camera_on", "on", "off")));
    for outlet in report["outlets"].as_array().into_iter().flatten() {
        let (kind, place) = (outlet["kind"].as_str().unwrap_or_default(), outlet["where"].as_str().unwrap_or_default());
        print_line(&format!("outlet      {kind} {place}, {} reading", outlet["readers"]));
    }
    let virtual_microphone =
        match (report["virtual_microphone"]["offered"] == true, report["virtual_microphone"]["in_use"] == true) {
            (false, _) => "not offered",
            (true, false) => "offered",
            (true, true) => "offered, recorded by an app",
        };
    print_line(&format!("outlet      VASA Microphone, {virtual_microphone}"));
    print_line(&format!("input       {}{}", text("input"), switch("muted", ", muted", "")));
    print_line(&format!("microphone  {}", switch("microphone_in_use", "open", "closed")));
    print_line(&format!("profile     {} at {}", text("profile"), text("intensity")));
    print_line(&format!("voice       {}{}", text("voice"), switch("speaking", ", speaking", "")));
    print_line(&format!(
        "captions    {}{}, language {}",
        switch("captions", "on", "off"),
        switch("subtitles", ", in the picture", ""),
        text("language")
    ));
    print_line(&format!("revoice     {}, {} waiting", text("revoice_mode"), text("pending")));
    let s = &report["stats"];
    print_line(&format!(
        "picture     {} frames/s, {} ms a frame, {} ms from sound to picture, {} dropped",
        s["fps"], s["frame_ms_p95"], s["latency_ms_p95"], s["dropped_frames"]
    ));
    print_line(&format!("renderer    {}", s["renderer"].as_str().unwrap_or_default()));
    print_line(&format!("motion      {}", s["motion_provider"].as_str().unwrap_or_default()));
    for problem in report["problems"].as_array().into_iter().flatten() {
        print_line(&format!("problem     {}", problem.as_str().unwrap_or_default()));
    }
}
