//! The command line, one file a subcommand. Errors are one sentence on standard error; the exit status is 0 done,
//! 1 failed, 2 wrong usage.

mod avatar;
mod captions;
mod client;
mod compose;
mod daemon;
mod doctor;
mod face;
mod gesture;
mod input;
mod log;
mod manuals;
mod mirror;
mod models;
mod profile;
mod render;
mod revoice;
mod say;
mod status;
mod steering;
mod switches;
mod terminal;
mod verify;
mod words;

use crate::config::Paths;
use clap::{CommandFactory, Parser, Subcommand};
use std::process::ExitCode;
use tracing_subscriber::EnvFilter;

/// A talking face for people whose speech or face does not obey them, as a webcam.
#[derive(Debug, Parser)]
#[command(name = "vasa", version, propagate_version = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the camera in the foreground
    Daemon(daemon::Args),
    /// Show state, outlets, profile, latency and problems
    Status(status::Args),
    /// Speak text through the running daemon; "-" reads lines from standard input and speaks each
    Say(say::Args),
    /// Stop speaking and empty the queue
    Stop,
    /// Show or choose what drives the face: "text", "microphone" or "revoice"
    Input(input::Args),
    /// Close the microphone: nothing of your own voice is heard or seen
    Mute,
    /// Open the microphone again
    Unmute,
    /// Show whether the camera is on; switch it off (apps see a card) and on
    Camera(switches::Camera),
    /// Show or set how strongly the profile colours the face
    Intensity(switches::Intensity),
    /// Follow what the recogniser hears; switch it on and off
    Captions(captions::Args),
    /// Decide on the recognised sentences that wait to be spoken by the synthetic voice
    Revoice(revoice::Args),
    /// List, add and remove the names and terms that the recogniser shall know
    Words(words::Args),
    /// List and choose expression profiles
    #[command(subcommand)]
    Profile(profile::Command),
    /// Play a gesture of the face once
    Gesture(gesture::Args),
    /// Show how the face is steered and how it looks; steer emotion, gaze, head and distance
    Face(face::Args),
    /// Let your own expression move the avatar's face, seen by a camera
    Mirror(mirror::Args),
    /// List and show avatars, and record whose face a photo is
    #[command(subcommand)]
    Avatar(avatar::Command),
    /// Show, check or clear the session log: when the camera ran, was watched, and who was shown
    Log(log::Args),
    /// List, install, verify and remove models
    Models(models::Models),
    /// Check this machine, and print the remedy for each thing that is missing
    Doctor(doctor::Args),
    /// Show the camera in the panel: who watches, profiles, mute, camera on and off
    Tray,
    /// End the daemon
    Quit,
    /// Run the same pipeline offline, faster than real time, repeatable
    Render(render::Args),
    /// Tell whether pictures and videos were made by this program
    Verify(verify::Args),
    /// Write the man pages and the shell completions, for packagers
    #[command(hide = true)]
    Manuals(manuals::Args),
}

/// Wrong usage that only shows once the command runs: exit status 2.
#[derive(Debug)]
pub struct Usage(pub String);

impl std::fmt::Display for Usage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

/// Parses the command line and runs it.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let default = if matches!(cli.command, Command::Daemon(_)) { "info" } else { "error" };
    // The GPU stack explains itself at length at INFO; its warnings are kept. The sound server's client calls every end an error, and
    // what an end means for a stream is told by the stream.
    let filter = std::env::var("VASA_LOG").unwrap_or_else(|_| {
        format!("{default},wgpu_core=warn,wgpu_hal=error,naga=warn,ort=warn,zbus=warn,symphonia=error,whisper_rs=warn,pulseaudio=off")
    });
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::try_new(&filter).unwrap_or_else(|_| EnvFilter::new(default)))
        .with_writer(std::io::stderr)
        .with_target(false)
        // Where the log cannot be written (a full disk), a complaint about it cannot either, and would end the program.
        .log_internal_errors(false)
        .init();
    let result = match cli.command {
        Command::Daemon(args) => daemon::run(args),
        Command::Status(args) => status::run(args),
        Command::Say(args) => say::run(args),
        Command::Stop => say::stop(),
        Command::Input(args) => input::run(args),
        Command::Mute => switches::mute(true),
        Command::Unmute => switches::mute(false),
        Command::Camera(args) => switches::camera(args),
        Command::Intensity(args) => switches::intensity(args),
        Command::Captions(args) => captions::run(args),
        Command::Revoice(args) => revoice::run(args),
        Command::Words(args) => words::run(args),
        Command::Profile(command) => profile::run(command),
        Command::Gesture(args) => gesture::run(args),
        Command::Face(args) => face::run(args),
        Command::Mirror(args) => mirror::run(args, &Paths::find()),
        Command::Avatar(command) => avatar::run(command, &Paths::find()),
        Command::Log(args) => log::run(args, &Paths::find()),
        Command::Models(args) => models::run(args, &Paths::find()),
        Command::Tray => block_on(crate::tray::run()),
        Command::Quit => switches::quit(),
        Command::Render(args) => render::run(args),
        Command::Doctor(args) => return doctor::run(&args, &Paths::find()),
        Command::Manuals(args) => manuals::run(&args, Cli::command()),
        // Its exit status says more than done or failed.
        Command::Verify(args) => return verify::run(&args, &Paths::find()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("vasa: {e:#}");
            ExitCode::from(if e.is::<Usage>() { 2 } else { 1 })
        }
    }
}

/// Prints a line; where nobody reads on (`| head`), that is no error.
fn print_line(line: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// A small runtime for commands that talk to the daemon.
fn block_on<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(work)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }
}
