//! `vasa render`: the same pipeline offline, faster than real time, repeatable.

mod output;
mod timeline;

use super::Usage;
use super::steering::{self, Steer};
use crate::assets::Provider;
use crate::avatar::{self, Avatar, AvatarHash};
use crate::calendar;
use crate::clock::Moment;
use crate::config::{Background, LabelSettings, Network, Paths, Profiles, Settings};
use crate::face::Face;
use crate::identity::Identity;
use crate::mark::credentials::{Credentials, Made};
use crate::mark::{Dated, Marker};
use crate::motion::{Gesture, Lips};
use crate::render::{Backdrop, Cutout, Frame, Renderer, Size};
use anyhow::{Context, Result, bail};
use output::{Film, Output, Pictures, Signing};
use std::path::PathBuf;
use std::time::Duration;
use timeline::{Steered, Timeline};

#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("source").required(true).args(["audio", "text", "curves"])))]
pub struct Args {
    /// A sound file whose voice moves the face
    #[arg(long, value_name = "FILE")]
    audio: Option<PathBuf>,
    /// A text that the synthetic voice speaks
    #[arg(long, value_name = "TEXT")]
    text: Option<String>,
    /// A curve file that is drawn as it is: no idle motion, no blink, no profile
    #[arg(long, value_name = "FILE.csv")]
    curves: Option<PathBuf>,
    #[arg(long, value_name = "NAME", default_value = "anna")]
    avatar: String,
    /// What is behind the avatar: plate (its own), blur, a colour such as #204060, a picture's file, or transparent
    #[arg(long, value_name = "VALUE", default_value = "plate", value_parser = behind)]
    background: Behind,
    #[arg(long, value_name = "NAME", default_value = "neutral")]
    profile: String,
    /// How strongly the profile colours the face, 0 to 2
    #[arg(long, value_name = "X", default_value_t = 1.0)]
    intensity: f32,
    /// The voice for --text, by its name
    #[arg(long, value_name = "NAME")]
    voice: Option<String>,
    #[command(flatten)]
    steer: Steer,
    /// A gesture and when it begins, in seconds: "nod@1.0"; may be given more than once
    #[arg(long, value_name = "NAME@SECONDS", value_parser = steering::timed_gesture, conflicts_with = "curves")]
    gesture: Vec<(Gesture, Duration)>,
    /// Which motion network runs
    #[arg(long, value_enum, default_value_t = Network::Auto)]
    network: Network,
    /// The same seed gives the same blinks and glances
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Frames, and rows of the curve file, a second: 1 to 120
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=120))]
    fps: u32,
    /// Both even, 64 to 4096
    #[arg(long, value_name = "WxH", default_value = "1280x720", value_parser = parse_size)]
    size: Size,
    /// Where the pictures go: FILE.mp4, FILE.webm, FILE.png (the first frame) or DIR/
    #[arg(long, value_name = "PATH")]
    out: Option<PathBuf>,
    /// Puts the time into the invisible mark of the pictures; without it the same arguments give the same bytes
    #[arg(long)]
    dated: bool,
    /// Where the face's numbers go
    #[arg(long, value_name = "FILE.csv")]
    curves_out: Option<PathBuf>,
}

fn parse_size(text: &str) -> Result<Size, String> {
    let numbers = text.split_once('x').and_then(|(w, h)| Some((w.parse().ok()?, h.parse().ok()?)));
    match numbers {
        Some((width, height))
            if [width, height].iter().all(|n: &u32| n.is_multiple_of(2) && (64..=4096).contains(n)) =>
        {
            Ok(Size { width, height })
        }
        _ => Err("write two even numbers of 64 to 4096, such as 1280x720".into()),
    }
}

/// What `--background` names.
#[derive(Clone, Debug)]
enum Behind {
    Background(Background),
    Nothing,
}

fn behind(text: &str) -> Result<Behind, String> {
    if text == "transparent" { Ok(Behind::Nothing) } else { Background::parse(text).map(Behind::Background) }
}

/// Draws the avatar before what `--background` names.
enum Artist {
    Whole(Box<Renderer>),
    Cut(Box<Cutout>),
}

impl Artist {
    fn draw(&mut self, face: &Face, into: &mut Frame) -> Result<()> {
        match self {
            Artist::Whole(renderer) => renderer.draw(face, into),
            Artist::Cut(cutout) => cutout.draw(face, into),
        }
    }
}

/// What pictures need beside the faces, looked up before anything long begins.
struct Studio {
    avatar: Avatar,
    /// None: nothing.
    backdrop: Option<Backdrop>,
    label: LabelSettings,
    identity: Identity,
    signing: Signing,
}

impl Studio {
    fn open(args: &Args, paths: &Paths) -> Result<Self> {
        let avatar = Avatar::load(&avatar::find(paths, &args.avatar)?)?;
        let backdrop = match &args.background {
            Behind::Background(background) => Some(Backdrop::open(background)?),
            Behind::Nothing => None,
        };
        let (settings, identity) = (Settings::load(&paths.settings)?, identity(paths)?);
        let signing = signing(args, &settings, &identity)?;
        Ok(Self { avatar, backdrop, label: settings.label, identity, signing })
    }
}

/// The artist, and whose picture it draws.
fn artist(mut avatar: Avatar, backdrop: Option<Backdrop>, size: Size) -> Result<(Artist, AvatarHash)> {
    let hash = avatar.hash;
    let artist = match backdrop {
        Some(backdrop) => {
            backdrop.put_behind(&mut avatar);
            Artist::Whole(Box::new(Renderer::new(&avatar, size)?))
        }
        None => Artist::Cut(Box::new(Cutout::new(avatar, size)?)),
    };
    Ok((artist, hash))
}

pub fn run(args: Args) -> Result<()> {
    if args.out.is_none() && args.curves_out.is_none() {
        return Err(Usage("nothing to write; name a file with --out or --curves-out".into()).into());
    }
    if !(0.0..=2.0).contains(&args.intensity) {
        return Err(Usage(format!("--intensity is {}; it must be 0 to 2", args.intensity)).into());
    }
    let asked = args.steer.asked()?;
    if args.curves.is_some() && asked != steering::Asked::default() {
        return Err(
            Usage("--curves is drawn as it is; leave --emotion, --gaze, --head and --distance out".into()).into()
        );
    }
    let mut steered = Steered { steering: asked.whole(), gestures: args.gesture.clone() };
    steered.gestures.sort_by_key(|(_, at)| *at);
    let output = args.out.as_deref().map(Output::parse).transpose()?;
    let paths = Paths::find();
    if matches!(args.background, Behind::Nothing)
        && let Some(output) = &output
    {
        output.check_transparent()?;
    }
    let studio = output.as_ref().map(|_| Studio::open(&args, &paths)).transpose()?;
    let timeline = read_source(&args, &steered, &paths)?;
    if let Some(path) = &args.curves_out {
        output::write_whole(path, |file| timeline.curves.write(file))
            .with_context(|| format!("error writing the curves to {}", path.display()))?;
    }
    let (Some(output), Some(studio)) = (output, studio) else { return Ok(()) };
    let Studio { avatar, backdrop, label, identity, signing } = studio;
    let transparent = backdrop.is_none();
    let (mut artist, hash) = artist(avatar, backdrop, args.size)?;
    let film = Film { size: args.size, fps: args.fps, transparent };
    let mut pictures = Pictures::open(&output, film, timeline.sound.as_ref(), signing)?;
    let dated = if args.dated { Dated::Now } else { Dated::Untold };
    let mut marker = Marker::new(args.size, identity, label, dated);
    marker.set_avatar(hash);
    if output.is_stream() {
        marker.begin_stream(Moment(0));
    }
    let mut frame = Frame::new(args.size);
    for face in &timeline.curves.faces {
        artist.draw(face, &mut frame)?;
        pictures.add(&marker.mark(&mut frame, face.at))?;
        if output.is_still() {
            break;
        }
    }
    pictures.finish()
}

/// The installation's key, or one for this run where it cannot be kept.
fn identity(paths: &Paths) -> Result<Identity> {
    Identity::open(paths).or_else(|e| {
        eprintln!("vasa: warning: the pictures are marked with a key for this run only, so nobody can tell later that they were yours: {e:#}");
        Identity::ephemeral()
    })
}

/// What signs the files, checked before anything long begins.
fn signing(args: &Args, settings: &Settings, identity: &Identity) -> Result<Signing> {
    let made = Made {
        avatar: args.avatar.clone(),
        when: args.dated.then(|| calendar::utc(calendar::now())),
        mark: Some(identity.id()),
    };
    Ok(Signing { credentials: Credentials::open(identity, settings.credentials.as_ref())?, made })
}

fn read_source(args: &Args, steered: &Steered, paths: &Paths) -> Result<Timeline> {
    if let Some(path) = &args.curves {
        return Timeline::of_curves(path, args.fps);
    }
    let (profiles, broken) = Profiles::load(&paths.profiles());
    let Some(profile) = profiles.get(&args.profile) else {
        let why = broken.iter().map(|b| format!("; {b}")).collect::<String>();
        bail!("there is no profile \"{}\"; choose one of {}{why}", args.profile, profiles.names());
    };
    let (sound, phones) = match (&args.audio, &args.text) {
        (Some(path), _) => (crate::sound::read(path)?, Vec::new()),
        (None, Some(text)) => {
            let speech = crate::speech::synthesize(paths, args.voice.as_deref(), text, 1.0)?;
            (crate::sound::Sound { samples: speech.samples, rate: speech.rate }, speech.phones)
        }
        (None, None) => bail!("nothing to render; name --audio, --text or --curves"),
    };
    let lips = Lips::offline(paths, args.network, Provider::Auto)?;
    let manner = timeline::Manner { profile, intensity: args.intensity, seed: args.seed };
    Timeline::of_sound(sound, &phones, lips, &manner, steered, args.fps)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_even_and_bounded() {
        assert_eq!(parse_size("640x480"), Ok(Size { width: 640, height: 480 }));
        for bad in ["641x480", "0x0", "640", "640x", "-2x4", "99999x2", "640X480"] {
            assert!(parse_size(bad).is_err(), "{bad}");
        }
    }
}
