//! `vasa mirror`: the user's own expression, by a camera.

mod calibrate;
mod film;
mod preview;

use super::captions::Switch;
use super::client::{MirrorProxy, connect, explain};
use super::print_line;
use crate::config::{MannerChange, Paths};
use anyhow::Result;
use serde_json::json;
use std::collections::{BTreeMap, HashMap};

#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Args {
    /// Whether the avatar's face goes as yours does; left out, it is shown how the mirror stands
    switch: Option<Switch>,
    /// Print JSON
    #[arg(long, conflicts_with = "switch")]
    json: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// List the real cameras, or choose one by its id or name; "auto" is the first one
    Camera { camera: Option<String> },
    /// What leads each part of the face: "camera", "voice" or "both"; "none" takes back what was chosen here
    Parts {
        /// head=, gaze=, brows=, lids= or mouth=
        #[arg(value_name = "PART=LEAD", required = true)]
        parts: Vec<String>,
    },
    /// Amplify weak expressions, 0 to 4, 1 as seen; "none" takes back what was chosen here
    Gains {
        /// A part, or one side of it: "mouth=1.5", "brows-left=2"
        #[arg(value_name = "PART=GAIN", required = true)]
        gains: Vec<String>,
    },
    /// The side of your face that shall go as the other one does
    WeakSide {
        #[arg(value_parser = ["left", "right", "none"])]
        side: String,
    },
    /// Still a tremor or a tic: 0 follows at once, 1 stills most; "none" takes back what was chosen here
    Steady {
        /// head=, gaze=, brows=, lids= or mouth=
        #[arg(value_name = "PART=X", required = true)]
        steady: Vec<String>,
    },
    /// Learn your face: at rest, and what you choose of smile, raised brows and closed eyes
    Calibrate(calibrate::Args),
    /// Show what the camera sees of your face, until Ctrl-C
    Preview,
    /// Write the face in a film as a curve file, treated as the settings say
    Film(film::Args),
}

pub fn run(args: Args, paths: &Paths) -> Result<()> {
    let Args { switch, json, command } = args;
    match command {
        Some(Command::Film(args)) => return film::run(&args, paths),
        Some(Command::Calibrate(args)) => return super::block_on(calibrate::run(args)),
        Some(Command::Preview) => return super::block_on(preview::run()),
        _ => {}
    }
    // Everything is checked before anything is changed.
    let change = command.as_ref().map(change).transpose()?.flatten();
    super::block_on(async {
        let connection = connect().await?;
        let mirror = MirrorProxy::new(&connection).await.map_err(explain)?;
        match (command, change) {
            (Some(Command::Camera { camera: Some(camera) }), _) => {
                let id = if camera == "auto" { "" } else { &camera };
                mirror.set_camera(id).await.map_err(|e| explain(e.into()))
            }
            (Some(Command::Camera { camera: None }), _) => cameras(&mirror).await,
            (Some(_), Some(change)) => apply(&mirror, &change).await.map_err(|e| explain(e.into())),
            _ => match switch {
                Some(switch) => mirror.set_on(switch == Switch::On).await.map_err(|e| explain(e.into())),
                None => show(&mirror, json).await,
            },
        }
    })
}

/// What a subcommand changes, and which property it is of.
fn change(command: &Command) -> Result<Option<(Property, MannerChange)>> {
    let mut change = MannerChange::default();
    let property = match command {
        Command::Parts { parts } => {
            change.parts = pairs(parts, "head=camera")?.unwrap_or_default();
            Property::Parts
        }
        Command::Gains { gains } => {
            change.gains = numbers(gains, "mouth=1.5")?;
            Property::Gains
        }
        Command::Steady { steady } => {
            change.steady = numbers(steady, "head=0.6")?;
            Property::Steady
        }
        Command::WeakSide { side } => {
            change.weak_side = Some(side.clone());
            Property::WeakSide
        }
        _ => return Ok(None),
    };
    change.apply(crate::config::Manner::default()).map_err(super::Usage)?;
    Ok(Some((property, change)))
}

#[derive(Clone, Copy, Debug)]
enum Property {
    Parts,
    Gains,
    WeakSide,
    Steady,
}

async fn apply(mirror: &MirrorProxy<'_>, (property, change): &(Property, MannerChange)) -> zbus::fdo::Result<()> {
    let numbers = |of: &BTreeMap<String, f64>| of.iter().map(|(k, v)| (k.clone(), *v)).collect::<HashMap<_, _>>();
    match property {
        Property::Parts => {
            let parts = change.parts.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
            mirror.set_parts(parts).await
        }
        Property::Gains => mirror.set_gains(numbers(&change.gains)).await,
        Property::Steady => mirror.set_steady(numbers(&change.steady)).await,
        Property::WeakSide => mirror.set_weak_side(change.weak_side.as_deref().unwrap_or("none")).await,
    }
}

/// "head=camera mouth=both"; "none" alone is None.
fn pairs(words: &[String], example: &str) -> Result<Option<BTreeMap<String, String>>> {
    if words == ["none"] {
        return Ok(None);
    }
    let pair = |word: &String| {
        let split = word.split_once('=').map(|(k, v)| (k.to_owned(), v.to_owned()));
        split.ok_or_else(|| super::Usage(format!("\"{word}\" is no part with its value; write it as {example}")).into())
    };
    words.iter().map(pair).collect::<Result<_>>().map(Some)
}

fn numbers(words: &[String], example: &str) -> Result<BTreeMap<String, f64>> {
    let number = |(key, value): (String, String)| match value.parse::<f64>() {
        Ok(number) => Ok((key, number)),
        Err(_) => Err(super::Usage(format!("\"{value}\" of \"{key}\" is no number; write it as {example}")).into()),
    };
    pairs(words, example)?.unwrap_or_default().into_iter().map(number).collect()
}

async fn cameras(mirror: &MirrorProxy<'_>) -> Result<()> {
    let chosen = mirror.camera().await.map_err(explain)?;
    let all = mirror.list_cameras().await.map_err(explain)?;
    if all.is_empty() {
        print_line("There is no real camera; connect one.");
    }
    let width = all.iter().map(|(id, ..)| id.chars().count()).max().unwrap_or(0);
    for (k, (id, name, _)) in all.iter().enumerate() {
        let active = if chosen.is_empty() { k == 0 } else { chosen == *id || chosen == *name };
        print_line(&format!("{} {id:width$}  {name}", if active { "*" } else { " " }));
    }
    Ok(())
}

async fn show(mirror: &MirrorProxy<'_>, json: bool) -> Result<()> {
    let seen = async {
        zbus::Result::Ok((
            mirror.state().await?,
            mirror.camera().await?,
            mirror.camera_in_use().await?,
            mirror.person().await?,
            mirror.calibrated().await?,
            mirror.parts().await?.into_iter().collect::<BTreeMap<_, _>>(),
            mirror.gains().await?.into_iter().collect::<BTreeMap<_, _>>(),
            mirror.weak_side().await?,
            mirror.steady().await?.into_iter().collect::<BTreeMap<_, _>>(),
        ))
    };
    let (state, camera, in_use, person, calibrated, parts, gains, weak, steady) = seen.await.map_err(explain)?;
    if json {
        let all = json!({
            "on": mirror.on().await.map_err(explain)?, "state": state, "camera": camera, "camera_in_use": in_use, "person": person,
            "calibrated": calibrated, "parts": parts, "gains": gains, "weak_side": weak, "steady": steady,
        });
        print_line(&serde_json::to_string_pretty(&all)?);
        return Ok(());
    }
    let camera = if camera.is_empty() { "the first one".to_owned() } else { camera };
    print_line(&format!("state       {state}"));
    print_line(&format!("camera      {camera}, {}", if in_use { "open" } else { "closed" }));
    let calibrated = if calibrated.is_empty() {
        "not calibrated".to_owned()
    } else {
        format!("calibrated for {}", calibrated.join(", "))
    };
    print_line(&format!("person      {person}, {calibrated}"));
    let list = |of: Vec<String>| if of.is_empty() { "as seen".to_owned() } else { of.join(", ") };
    print_line(&format!("parts       {}", list(parts.iter().map(|(k, v)| format!("{k} by {v}")).collect())));
    print_line(&format!(
        "gains       {}",
        list(gains.iter().filter(|(_, g)| **g != 1.0).map(|(k, g)| format!("{k} {g}")).collect())
    ));
    print_line(&format!("weak side   {weak}"));
    let steadied: Vec<_> = steady.iter().filter(|(_, s)| **s != 0.0).map(|(k, s)| format!("{k} {s}")).collect();
    print_line(&format!(
        "steadied    {}",
        if steadied.is_empty() { "nothing".to_owned() } else { steadied.join(", ") }
    ));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(all: &[&str]) -> Vec<String> {
        all.iter().map(|w| (*w).to_owned()).collect()
    }

    #[test]
    fn parts_and_numbers_are_read_and_what_is_none_is_told() {
        assert_eq!(numbers(&words(&["mouth=1.5", "brows-left=2"]), "x").unwrap().len(), 2);
        assert!(numbers(&words(&["none"]), "x").unwrap().is_empty());
        for (given, part) in
            [(&["mouth"][..], "is no part with its value"), (&["mouth=much"], "\"much\" of \"mouth\" is no number")]
        {
            let e = numbers(&words(given), "mouth=1.5").unwrap_err().to_string();
            assert!(e.contains(part) && e.contains("mouth=1.5"), "{e}");
        }
        let e = change(&Command::Parts { parts: words(&["ears=camera"]) }).unwrap_err();
        assert!(e.is::<super::super::Usage>() && e.to_string().contains("no part \"ears\""), "{e}");
    }
}
