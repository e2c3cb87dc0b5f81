//! `vasa mirror preview`: what the camera sees, as bars.

use crate::cli::client::{MirrorProxy, connect, explain};
use anyhow::Result;
use std::collections::HashMap;
use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// The camera is asked for anew this often: it closes by itself a minute after the last time.
const AGAIN: Duration = Duration::from_secs(20);
const BAR: usize = 20;

/// What is shown, and of which weights it is the mean.
const LINES: [(&str, &[&str]); 7] = [
    ("jaw", &["jawOpen"]),
    ("smile, left", &["mouthSmileLeft"]),
    ("smile, right", &["mouthSmileRight"]),
    ("brows", &["browInnerUp", "browOuterUpLeft", "browOuterUpRight"]),
    ("frown", &["browDownLeft", "browDownRight"]),
    ("lid, left", &["eyeBlinkLeft"]),
    ("lid, right", &["eyeBlinkRight"]),
];

pub async fn run() -> Result<()> {
    let connection = connect().await?;
    let mirror = MirrorProxy::new(&connection).await.map_err(explain)?;
    let shown = tokio::select! {
        shown = follow(&mirror) => shown,
        _ = tokio::signal::ctrl_c() => Ok(()),
    };
    let _ = mirror.set_preview(false).await;
    shown
}

async fn follow(mirror: &MirrorProxy<'_>) -> Result<()> {
    let terminal = std::io::stdout().is_terminal();
    let mut asked: Option<Instant> = None;
    let mut lines = 0;
    loop {
        if asked.is_none_or(|at| at.elapsed() > AGAIN) {
            mirror.set_preview(true).await.map_err(|e| explain(e.into()))?;
            asked = Some(Instant::now());
        }
        let (state, seen) = (mirror.state().await.map_err(explain)?, mirror.seen().await.map_err(explain)?);
        let text = if terminal { picture(&state, &seen) } else { format!("{state} {}\n", numbers(&seen)) };
        let back = if terminal && lines > 0 { format!("\x1b[{lines}A") } else { String::new() };
        lines = text.matches('\n').count();
        if write!(std::io::stdout(), "{back}{text}").and_then(|()| std::io::stdout().flush()).is_err() {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(if terminal { 66 } else { 500 })).await;
    }
}

fn value(seen: &HashMap<String, f64>, of: &[&str]) -> f64 {
    of.iter().map(|name| seen.get(*name).copied().unwrap_or(0.0)).sum::<f64>() / of.len().max(1) as f64
}

fn picture(state: &str, seen: &HashMap<String, f64>) -> String {
    let line = |label: &str, of: &[&str]| {
        let full = (value(seen, of).clamp(0.0, 1.0) * BAR as f64).round() as usize;
        format!("{label:12} {}{}\x1b[K\n", "█".repeat(full), "·".repeat(BAR - full))
    };
    let angle = |name: &str| value(seen, &[name]);
    let bars: String = LINES.iter().map(|(label, of)| line(label, of)).collect();
    format!(
        "{state}\x1b[K\n{bars}head         {:+4.0}° {:+4.0}° {:+4.0}°   gaze {:+4.0}° {:+4.0}°\x1b[K\n",
        angle("headYaw"),
        angle("headPitch"),
        angle("headRoll"),
        angle("gazeYaw"),
        angle("gazePitch")
    )
}

fn numbers(seen: &HashMap<String, f64>) -> String {
    LINES.iter().map(|(label, of)| format!("{label} {:.2}", value(seen, of))).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_smile_is_a_bar() {
        let seen = HashMap::from([("mouthSmileLeft".to_owned(), 0.5), ("headYaw".to_owned(), -12.0)]);
        let text = picture("following", &seen);
        assert!(text.contains("smile, left  ██████████··········"), "{text}");
        assert!(text.contains("head          -12°   +0°"), "{text}");
    }
}
