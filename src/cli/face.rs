//! `vasa face`: shows how the face is steered and how it looks; steers it.

use super::client::{FaceProxy, connect, explain};
use super::print_line;
use super::steering::{Asked, Steer};
use crate::motion::Steering;
use anyhow::Result;
use serde_json::{Value, json};
use std::collections::BTreeMap;

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    steer: Steer,
    /// Takes all steering back first
    #[arg(long)]
    reset: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub fn run(args: Args) -> Result<()> {
    // Everything is checked before anything is changed.
    let mut asked = args.steer.asked()?;
    if args.reset {
        let Steering { emotion, gaze, head, distance } = asked.whole();
        asked = Asked { emotion: Some(emotion), gaze: Some(gaze), head: Some(head), distance: Some(distance) };
    }
    super::block_on(async {
        let connection = connect().await?;
        let face = FaceProxy::new(&connection).await.map_err(explain)?;
        set(&face, &asked).await.map_err(|e| explain(e.into()))?;
        if args.json {
            print_line(&serde_json::to_string_pretty(&report(&face).await.map_err(explain)?)?);
        } else if asked == Asked::default() {
            print(&face).await.map_err(explain)?;
        }
        Ok(())
    })
}

async fn set(face: &FaceProxy<'_>, asked: &Asked) -> zbus::fdo::Result<()> {
    if let Some(emotion) = &asked.emotion {
        face.set_emotion(emotion.named().collect()).await?;
    }
    if let Some(gaze) = asked.gaze {
        face.set_gaze((gaze.automatic, gaze.yaw, gaze.pitch)).await?;
    }
    if let Some(head) = asked.head {
        face.set_head_pose((head.yaw, head.pitch, head.roll)).await?;
    }
    if let Some(distance) = asked.distance {
        face.set_distance(distance).await?;
    }
    Ok(())
}

async fn report(face: &FaceProxy<'_>) -> zbus::Result<Value> {
    let (automatic, yaw, pitch) = face.gaze().await?;
    let (turn, lift, tilt) = face.head_pose().await?;
    let current: BTreeMap<_, _> = face.current().await?.into_iter().collect();
    Ok(json!({
        "emotion": face.emotion().await?,
        "gaze": {"automatic": automatic, "yaw": yaw, "pitch": pitch},
        "head": {"yaw": turn, "pitch": lift, "roll": tilt},
        "distance": face.distance().await?,
        "current": current,
    }))
}

async fn print(face: &FaceProxy<'_>) -> zbus::Result<()> {
    let emotion: BTreeMap<_, _> = face.emotion().await?.into_iter().collect();
    let emotion: Vec<_> = emotion.iter().map(|(name, x)| format!("{name} {x}")).collect();
    print_line(&format!("emotion   {}", if emotion.is_empty() { "none".into() } else { emotion.join(", ") }));
    let (automatic, yaw, pitch) = face.gaze().await?;
    let how = if automatic { "by itself, around" } else { "held at" };
    print_line(&format!("gaze      {how} {yaw}° yaw, {pitch}° pitch"));
    let (yaw, pitch, roll) = face.head_pose().await?;
    print_line(&format!("head      {yaw}° yaw, {pitch}° pitch, {roll}° roll added"));
    print_line(&format!("distance  {}", face.distance().await?));
    let current: BTreeMap<_, _> = face.current().await?.into_iter().collect();
    let seen: Vec<_> = current.iter().filter(|(_, v)| v.abs() >= 0.05).map(|(n, v)| format!("{n} {v:.2}")).collect();
    print_line(&format!("drawn     {}", if seen.is_empty() { "a neutral face".into() } else { seen.join(", ") }));
    Ok(())
}
