//! `vasa avatar`: who can be shown, before what, and whose face that is.

mod ask;
mod background;
mod consent;
mod create;
mod files;
mod preview;

use super::captions::printable;
use super::client::{AvatarsProxy, connect, explain, is_running};
use super::print_line;
use crate::avatar::consent::{Consent, Whose, required};
use crate::avatar::{self, Avatar, AvatarInfo};
use crate::config::{Background, Looks, Paths, Settings, chosen};
use crate::hex;
use crate::identity::Identity;
use anyhow::{Result, ensure};
use serde_json::{Value, json};

#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// List the avatars; the one that is shown is marked
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Show another avatar, from now on and after a restart
    Use {
        /// As `vasa avatar list` shows it
        name: String,
    },
    /// Show what is behind the avatar, or put something else there, from now on and after a restart
    Background {
        /// plate (the avatar's own), blur, a colour such as #204060, or a picture's file
        value: Option<String>,
    },
    /// Show an avatar's licence, its hash, and for a photo whose face it is
    Show {
        /// As `vasa avatar list` shows it
        name: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Make an avatar from a photo: one face, JPEG, PNG or WebP. Asks whose face it is
    Create(create::Args),
    /// Remove an avatar of yours
    Remove(files::Remove),
    /// Write an avatar to one file, to keep or to give on
    Export(files::Export),
    /// Take an avatar from such a file
    Import(files::Import),
    /// Record whose face a photo avatar shows; without that it is not drawn
    Consent(consent::Args),
}

/// Runs the command.
///
/// # Errors
/// An unknown name, an avatar that cannot be read, no daemon to show it; for consent as [`consent::run`].
pub fn run(command: Command, paths: &Paths) -> Result<()> {
    match command {
        Command::List { json } => list(paths, json),
        Command::Use { name } => super::block_on(async {
            let avatars = AvatarsProxy::new(&connect().await?).await.map_err(explain)?;
            avatars.set_active(&name).await.map_err(|e| explain(e.into()))
        }),
        Command::Background { value } => background::run(value, paths),
        Command::Show { name, json } => show(paths, &name, json),
        Command::Create(args) => create::run(args, paths),
        Command::Remove(args) => files::remove(args, paths),
        Command::Export(args) => files::export(args, paths),
        Command::Import(args) => files::import(args, paths),
        Command::Consent(args) => consent::run(args, paths),
    }
}

fn list(paths: &Paths, json: bool) -> Result<()> {
    let all = avatar::list(paths);
    let active = shown(paths).map(|looks| looks.avatar);
    let is_active = |a: &AvatarInfo| active.as_ref() == Some(&a.name);
    if json {
        let all: Vec<_> = all
            .iter()
            .map(|a| json!({"name": a.name, "label": a.label, "kind": a.kind, "licence": a.licence, "active": is_active(a)}))
            .collect();
        print_line(&serde_json::to_string_pretty(&all)?);
        return Ok(());
    }
    let width = |of: fn(&AvatarInfo) -> &str| all.iter().map(|a| printable(of(a)).chars().count()).max().unwrap_or(0);
    let (names, labels, kinds) = (width(|a| &a.name), width(|a| &a.label), width(|a| &a.kind));
    for a in &all {
        let (label, licence) = (printable(&a.label), printable(&a.licence));
        let mark = if is_active(a) { "*" } else { " " };
        print_line(&format!("{mark} {:names$}  {label:labels$}  {:kinds$}  {licence}", a.name, a.kind));
    }
    Ok(())
}

/// Who is shown, before what: the running daemon says it; without one, what would be at its next start.
fn shown(paths: &Paths) -> Option<Looks> {
    let told = super::block_on(async {
        let connection = connect().await?;
        ensure!(is_running(&connection).await, "no daemon");
        let avatars = AvatarsProxy::new(&connection).await?;
        let background = Background::parse(&avatars.background().await?).map_err(anyhow::Error::msg)?;
        Ok(Looks { avatar: avatars.active().await?, background })
    });
    told.or_else(|_| chosen(paths, &Settings::load(&paths.settings)?)).ok()
}

fn show(paths: &Paths, name: &str, json: bool) -> Result<()> {
    let dir = avatar::find(paths, name)?;
    let info = avatar::describe(&dir)?;
    // The hash whose first digits the invisible mark carries: over what is drawn. What cannot be drawn has none.
    let files = Avatar::load(&dir).ok().map(|a| hex::encode(&a.hash.0));
    let consent = required(&info.kind).then(|| Consent::read(&dir));
    let verdict = consent.as_ref().map(|c| match c {
        Ok(consent) => consent.verify(&dir).map_err(|e| format!("{e:#}")),
        Err(e) => Err(format!("{e:#}")),
    });
    let consent = consent.and_then(Result::ok);
    let ours = match &consent {
        Some(_) => Identity::existing(paths)?.map(|i| i.public()),
        None => None,
    };
    if json {
        let record = verdict.map(|v| {
            let mut record = consent.as_ref().map_or_else(|| json!({}), |c| fields(c, ours));
            record["valid"] = v.is_ok().into();
            record["problem"] = v.err().into();
            record
        });
        print_line(&serde_json::to_string_pretty(&json!({
            "name": info.name, "label": info.label, "kind": info.kind, "licence": info.licence,
            "attribution": info.attribution, "folder": dir.to_string_lossy(), "sha256": files, "consent": record,
        }))?);
        return Ok(());
    }
    let line = |what: &str, text: &str| print_line(&format!("{what:11} {}", printable(text)));
    line("avatar", &info.name);
    line("label", &info.label);
    line("kind", &info.kind);
    line("licence", &info.licence);
    line("attribution", &info.attribution);
    line("folder", &dir.to_string_lossy());
    line("sha256", files.as_deref().unwrap_or("none: it cannot be drawn"));
    match &verdict {
        None => line("consent", "needs none: nobody real is shown"),
        Some(Ok(())) => line("consent", "valid"),
        Some(Err(e)) => line("consent", &format!("not valid: {e}")),
    }
    if let Some(consent) = &consent {
        consent.lines().iter().for_each(|(what, text)| line(what, text));
        let whose = if ours == Some(consent.key) { "this installation" } else { "another installation" };
        line("signed by", &format!("{} ({whose})", consent.signer()));
    }
    Ok(())
}

/// The record for programs.
fn fields(consent: &Consent, ours: Option<[u8; 32]>) -> Value {
    let (name, date, title, author) = match &consent.answer.whose {
        Whose::Own => (None, None, None, None),
        Whose::Person { name, agreed } => (Some(name), Some(agreed.to_string()), None, None),
        Whose::Artwork { title, author } => (None, None, title.as_ref(), author.as_ref()),
    };
    json!({
        "face": consent.answer.whose.name(),
        "person": name,
        "date": date,
        "title": title,
        "author": author,
        "statement": consent.answer.statement,
        "recorded": crate::calendar::utc(consent.recorded),
        "picture_sha256": hex::encode(&consent.picture),
        "signed_by": consent.signer().to_string(),
        "this_installation": ours == Some(consent.key),
    })
}
