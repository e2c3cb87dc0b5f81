//! `vasa avatar consent`: whose face it is, asked at a terminal or given by flags.

use super::ask::{Terminal, yes_or_no};
use crate::avatar::consent::{Answer, Consent, FILE, Whose, required};
use crate::avatar::{self, hash};
use crate::calendar::{self, Date};
use crate::cli::captions::printable;
use crate::cli::{Usage, print_line};
use crate::config::Paths;
use crate::identity::Identity;
use anyhow::{Context, Result, bail};
use std::io::IsTerminal;
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// As `vasa avatar list` shows it
    name: String,
    #[command(flatten)]
    face: FaceArgs,
    /// The picture that the avatar was made from [default: the portrait in the avatar's folder]
    #[arg(long, value_name = "FILE")]
    picture: Option<PathBuf>,
}

/// Whose face it is.
#[derive(Debug, clap::Args)]
pub struct FaceArgs {
    /// It is your own face
    #[arg(long = "self", conflicts_with_all = ["person", "on", "artwork", "author"])]
    own: bool,
    /// It is the face of this person, who agreed
    #[arg(long, value_name = "NAME", requires = "on", conflicts_with_all = ["artwork", "author"])]
    person: Option<String>,
    /// The day on which the person agreed, such as 2026-11-25
    #[arg(long, value_name = "DATE", requires = "person")]
    on: Option<String>,
    /// It is an artwork of this title, or shows somebody who does not exist
    #[arg(long, value_name = "TITLE", conflicts_with = "on")]
    artwork: Option<String>,
    /// Who made the artwork
    #[arg(long, value_name = "AUTHOR", requires = "artwork")]
    author: Option<String>,
    /// A sentence of yours that you may show this face [default with --yes: one that says what the flags say]
    #[arg(long, value_name = "TEXT")]
    statement: Option<String>,
    /// Record it without asking again
    #[arg(long)]
    yes: bool,
}

/// Records consent for a photo avatar that has none.
///
/// # Errors
/// No such avatar, one that needs no record or has one, an answer or picture that is not usable, a folder that cannot be written;
/// as wrong usage: flags that are missing where there is no terminal, or hold what cannot be recorded.
pub fn run(args: Args, paths: &Paths) -> Result<()> {
    let folder = avatar::find(paths, &args.name)?;
    let info = avatar::describe(&folder)?;
    let name = &info.name;
    if !required(&info.kind) {
        bail!("\"{name}\" shows nobody real (its kind is \"{}\") and needs no consent; name a photo avatar", info.kind);
    }
    if Consent::require(&folder).is_ok() {
        bail!("consent is recorded for \"{name}\" already; `vasa avatar show {name}` prints it");
    }
    let now = calendar::now();
    args.face.check(name)?;
    let answer = args.face.answer(name, &info.label, now)?;
    let picture = args.picture.unwrap_or_else(|| folder.join("portrait.jpg"));
    let picture = hash::file(&picture)
        .context("the picture cannot be used; name the one the avatar was made from with --picture")?;
    Consent::record(&Identity::open(paths)?, &answer, picture, &folder, now)?;
    Consent::require(&folder)?;
    print_line(&format!("recorded in {}; `vasa avatar show {name}` prints it", folder.join(FILE).display()));
    Ok(())
}

impl FaceArgs {
    /// Whether there are answers, or somebody to ask, for the avatar called `name`: before anything long begins.
    ///
    /// # Errors
    /// As wrong usage: flags that are missing where there is no terminal, or hold what cannot be recorded.
    pub fn check(&self, name: &str) -> Result<()> {
        let whose = self.whose()?;
        if !std::io::stdin().is_terminal() && (whose.is_none() || !self.yes) {
            return Err(Usage(format!(
                "standard input is no terminal to ask at; say whose face \"{}\" shows with --self, --person NAME --on DATE or \
                 --artwork TITLE, and confirm it with --yes",
                printable(name)
            ))
            .into());
        }
        Ok(())
    }

    /// What is to be recorded: what the flags say, and for the rest what is answered at the terminal.
    ///
    /// # Errors
    /// The user gives up, or an answer that cannot be recorded, as wrong usage.
    pub fn answer(&self, name: &str, label: &str, now: u64) -> Result<Answer> {
        let answer = match self.whose()? {
            Some(whose) if self.yes => {
                let statement = self.statement.clone().unwrap_or_else(|| whose.plain_statement());
                Answer { whose, statement }
            }
            whose => ask(name, label, whose, self.statement.clone(), self.yes, now)?,
        };
        answer.check(now).map_err(Usage)?;
        Ok(answer)
    }

    /// What the flags say; None where they say nothing.
    fn whose(&self) -> Result<Option<Whose>> {
        let agreed = match &self.on {
            None => None,
            Some(text) => Some(Date::parse(text).ok_or_else(|| {
                Usage(format!("--on was given \"{}\"; give a day such as 2026-11-25", printable(text)))
            })?),
        };
        let whose = match (self.own, &self.person, agreed, &self.artwork) {
            (true, ..) => Whose::Own,
            (_, Some(name), Some(agreed), _) => Whose::Person { name: name.clone(), agreed },
            (_, _, _, Some(title)) => Whose::Artwork { title: Some(title.clone()), author: self.author.clone() },
            _ => return Ok(None),
        };
        // Before anything is asked on top of it.
        whose.check(calendar::now()).map_err(Usage)?;
        Ok(Some(whose))
    }
}

/// Asks for what the flags left open.
fn ask(
    name: &str,
    label: &str,
    whose: Option<Whose>,
    statement: Option<String>,
    yes: bool,
    now: u64,
) -> Result<Answer> {
    let mut terminal = Terminal::open()?;
    print_line(&format!(
        "\"{}\" ({}) was made from a picture of a face. Nobody shall be shown saying what they did not agree to, so VASA Camera\n\
         asks once whose face it is. Your answer is kept in the avatar's folder, signed with this installation's key, and sent nowhere.",
        printable(name),
        printable(label)
    ));
    let whose = match whose {
        Some(whose) => whose,
        None => ask_whose(&mut terminal, now)?,
    };
    let statement = match statement {
        Some(statement) => statement,
        None => {
            let question = format!(
                "\nWrite a sentence of your own that you may show this face, for instance: {}",
                whose.plain_statement()
            );
            let checked = whose.clone();
            terminal.ask(&question, |line| {
                let answer = Answer { whose: checked.clone(), statement: line.into() };
                answer.check(now).map(|()| answer.statement)
            })?
        }
    };
    let answer = Answer { whose, statement };
    print_line("");
    answer.lines().iter().for_each(|(what, text)| print_line(&format!("{what:11} {text}")));
    if !yes && !terminal.ask("\nShall this be recorded? (yes or no)", yes_or_no)? {
        bail!("nothing was recorded; run it again to answer otherwise");
    }
    Ok(answer)
}

fn ask_whose(terminal: &mut Terminal, now: u64) -> Result<Whose> {
    let question = "\nWhose face is it?\n  1  my own\n  2  another person's, who agreed\n  3  an artwork's: a drawing, a painting, \
                    somebody who does not exist";
    let kind = terminal.ask(question, |line| match line {
        "1" | "2" | "3" => Ok(line.to_owned()),
        _ => Err("Type 1, 2 or 3.".into()),
    })?;
    let checked = |whose: Whose| whose.check(now).map(|()| whose);
    let optional = |line: &str| (!line.is_empty()).then(|| line.to_owned());
    match kind.as_str() {
        "1" => Ok(Whose::Own),
        "2" => {
            let today = Date::of(now);
            let person = |name: &str, agreed| checked(Whose::Person { name: name.into(), agreed });
            let named = terminal.ask("\nWhat is their name?", |line| person(line, today).map(|_| line.to_owned()))?;
            terminal.ask(
                &format!("\nOn which day did they agree? Such as {today}; Enter for today."),
                |line| match line {
                    "" => person(&named, today),
                    day => person(&named, Date::parse(day).ok_or(format!("Type a day such as {today}."))?),
                },
            )
        }
        _ => {
            let artwork = |title, author| checked(Whose::Artwork { title, author });
            let title = terminal.ask("\nWhat is its title? Enter if it has none.", |line| {
                artwork(optional(line), None).map(|_| optional(line))
            })?;
            terminal.ask("\nWho made it? Enter if you do not know.", |line| artwork(title.clone(), optional(line)))
        }
    }
}
