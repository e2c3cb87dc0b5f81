//! `vasa avatar create`: a photo becomes an avatar.

use super::consent::FaceArgs;
use super::preview;
use crate::avatar::consent::Consent;
use crate::avatar::photo::{Draft, Photo};
use crate::avatar::{self, Avatar, hash, package};
use crate::calendar;
use crate::cli::captions::printable;
use crate::cli::print_line;
use crate::config::Paths;
use crate::identity::Identity;
use crate::vision::Vision;
use anyhow::{Context, Result};
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// A JPEG, PNG or WebP with one face
    photo: PathBuf,
    /// What the avatar shall be called: small letters, digits and hyphens
    #[arg(long)]
    name: String,
    /// What people read [default: the name]
    #[arg(long, value_name = "TEXT")]
    label: Option<String>,
    #[command(flatten)]
    face: FaceArgs,
}

/// Makes the avatar, with its consent and a preview.
///
/// # Errors
/// A name or photo that cannot be used, no face or several, no consent, a folder that cannot be written: nothing stays of it then.
pub fn run(args: Args, paths: &Paths) -> Result<()> {
    let people = avatar::own_folder(paths);
    let folder = super::files::free(paths, &args.name)?;
    args.face.check(&args.name)?;
    let label = args.label.as_deref().unwrap_or(&args.name);
    let label: String = label.chars().filter(|c| !c.is_control()).take(64).collect();
    let template = avatar::template_folder(paths)?;
    let photo = Photo::open(&args.photo)?;
    let threads = std::thread::available_parallelism().map_or(2, usize::from).min(4);
    let mut vision = Vision::open(paths, threads)?;
    let draft = Draft::of(&mut vision, &template, &photo)
        .with_context(|| format!("no avatar can be made from {}", args.photo.display()))?;
    draft.doubts().iter().for_each(|d| print_line(&format!("note: {d}")));
    let now = calendar::now();
    let answer = args.face.answer(&args.name, &label, now)?;
    let picture = hash::file(&args.photo)?;
    let rough = draft.person(&mut vision, &photo)?;

    let part = package::new_folder(&people)?;
    draft.write(&rough, &template.join("mouth.jpg"), part.path(), &args.name, &label)?;
    let identity = Identity::open(paths)?;
    Consent::record(&identity, &answer, picture, part.path(), now)?;
    let made = Avatar::load(part.path())?;
    let sheet = preview::path(&folder);
    preview::draw(&made, identity, paths, &sheet)?;
    package::keep(part, &folder)?;
    print_line(&format!("\"{}\" is made; look at {}", printable(&args.name), sheet.display()));
    print_line(&format!("`vasa avatar use {0}` shows it, `vasa avatar remove {0}` removes it", args.name));
    Ok(())
}
