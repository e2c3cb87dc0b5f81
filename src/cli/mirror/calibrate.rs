//! `vasa mirror calibrate`: guides by text, never by speech, and waits for a key between the poses.

use crate::cli::client::{MirrorProxy, connect, explain};
use crate::cli::print_line;
use anyhow::{Result, bail};
use std::io::{BufRead, IsTerminal, Write};
use std::time::Duration;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only these: "neutral", "smile", "brows", "eyes"; left out, each is asked for
    #[arg(value_name = "POSE", value_parser = ["neutral", "smile", "brows", "eyes"])]
    poses: Vec<String>,
    /// Whose face it is, for more than one person at one machine [default: as it is]
    #[arg(long, value_name = "NAME")]
    person: Option<String>,
    /// Seconds to get ready in, in place of a key
    #[arg(long, value_name = "SECONDS")]
    after: Option<u64>,
    /// Forget what was learned
    #[arg(long, conflicts_with_all = ["poses", "after"])]
    forget: bool,
}

/// What to do, in words, and how to tell that it could not be done.
const POSES: [(&str, &str); 4] = [
    ("neutral", "Look at the screen, face relaxed, lips together."),
    ("smile", "Smile as widely as you like, and hold it."),
    ("brows", "Raise your brows, and hold them."),
    ("eyes", "Close your eyes; open them when the bell rings, or after three seconds."),
];

pub async fn run(args: Args) -> Result<()> {
    let connection = connect().await?;
    let mirror = MirrorProxy::new(&connection).await.map_err(explain)?;
    if let Some(person) = &args.person {
        mirror.set_person(person).await.map_err(|e| explain(e.into()))?;
    }
    if args.forget {
        return mirror.forget().await.map_err(explain);
    }
    let asked = |name: &str| args.poses.is_empty() || args.poses.iter().any(|p| p == name);
    let person = mirror.person().await.map_err(explain)?;
    print_line(&format!(
        "This learns the face of \"{person}\". Nothing of the picture is kept, only how your face moves."
    ));
    // The camera needs a moment, and lives on between the poses.
    mirror.set_preview(true).await.map_err(|e| explain(e.into()))?;
    let outcome = poses(&mirror, &args, asked).await;
    let _ = mirror.set_preview(false).await;
    outcome
}

async fn poses(mirror: &MirrorProxy<'_>, args: &Args, asked: impl Fn(&str) -> bool) -> Result<()> {
    let optional = args.poses.is_empty();
    let mut learned = 0;
    for (name, words) in POSES.into_iter().filter(|(name, _)| asked(name)) {
        print_line("");
        print_line(words);
        if !ready(name, optional && name != "neutral", args.after).await? {
            continue;
        }
        mirror.set_preview(true).await.map_err(|e| explain(e.into()))?;
        match mirror.calibrate(name).await {
            Ok(()) => {
                learned += 1;
                // The bell for closed eyes.
                print_line(if std::io::stdout().is_terminal() { "\x07Learned." } else { "Learned." });
            }
            // Without a face at rest the others mean nothing; of those, some cannot be done by everybody.
            Err(e) if optional && name != "neutral" => print_line(&format!("Left as it is: {:#}.", explain(e))),
            Err(e) => return Err(explain(e)),
        }
    }
    if learned == 0 {
        bail!("nothing was learned; run vasa mirror calibrate again");
    }
    Ok(())
}

/// Waits until the user is ready. False: the pose is left out.
async fn ready(name: &str, optional: bool, after: Option<u64>) -> Result<bool> {
    if let Some(seconds) = after {
        for left in (1..=seconds.min(60)).rev() {
            print_line(&format!("{left} …"));
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        return Ok(true);
    }
    let hint = if optional {
        "Enter when you are there, s and Enter to leave this out: "
    } else {
        "Enter when you are there: "
    };
    let _ = write!(std::io::stdout(), "{hint}").and_then(|()| std::io::stdout().flush());
    let mut line = String::new();
    let read = tokio::task::spawn_blocking(move || std::io::stdin().lock().read_line(&mut line).map(|n| (n, line)));
    let (n, line) = read.await??;
    if n == 0 {
        bail!("there is no keyboard to wait for; run vasa mirror calibrate {name} --after 3");
    }
    Ok(!optional || line.trim() != "s")
}
