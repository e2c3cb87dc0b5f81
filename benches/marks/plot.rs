//! The distribution of scores as a picture: how often what carries no mark reaches a score, and where marked windows lie.

use super::scores::{self, Score};
use anyhow::Result;
use std::fmt::Write;
use std::path::Path;

/// log10 of the probability at which the detector says "marked" (`src/mark/detect/odds.rs`).
const THRESHOLD: f64 = -6.301;

const WIDTH: f64 = 760.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 20.0;
/// Height of each of the two fields.
const FIELD: f64 = 250.0;
const INK: &str = "#222";
const GREY: &str = "#ccc";

/// Draws `docs/pictures/marks-scores.svg` from what the two programs wrote.
pub fn draw(work: &Path) -> Result<()> {
    let unmarked = scores::read(&work.join("unmarked.csv"))?;
    // What `make marks` wrote, if it was run: for comparison.
    let marked = scores::read(&work.join("marked.csv")).unwrap_or_default();
    let to = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/pictures/marks-scores.svg");
    std::fs::write(&to, svg(&unmarked, &marked)?)?;
    println!("the picture: {}", to.display());
    Ok(())
}

/// A field with an axis below and one at its left, both linear in what they are given.
struct Field {
    top: f64,
    x: (f64, f64),
    y: (f64, f64),
}

impl Field {
    fn at(&self, x: f64, y: f64) -> (f64, f64) {
        let along = |v: f64, (from, to): (f64, f64)| ((v - from) / (to - from)).clamp(0.0, 1.0);
        (LEFT + along(x, self.x) * (WIDTH - LEFT - RIGHT), self.top + FIELD - along(y, self.y) * FIELD)
    }

    fn axes(&self, out: &mut String, xs: &[(f64, String)], ys: &[(f64, String)], x_name: &str) -> std::fmt::Result {
        for (x, name) in xs {
            let (px, py) = self.at(*x, self.y.0);
            let (_, top) = self.at(*x, self.y.1);
            writeln!(out, r#"<path d="M{px:.1} {py:.1}V{top:.1}" stroke="{GREY}" stroke-width="0.5"/>"#)?;
            writeln!(out, r#"<text x="{px:.1}" y="{:.1}" text-anchor="middle">{name}</text>"#, py + 16.0)?;
        }
        for (y, name) in ys {
            let (px, py) = self.at(self.x.0, *y);
            writeln!(out, r#"<path d="M{px:.1} {py:.1}H{:.1}" stroke="{GREY}" stroke-width="0.5"/>"#, WIDTH - RIGHT)?;
            writeln!(out, r#"<text x="{:.1}" y="{:.1}" text-anchor="end">{name}</text>"#, px - 6.0, py + 4.0)?;
        }
        let (_, bottom) = self.at(0.0, self.y.0);
        writeln!(
            out,
            r#"<text x="{:.1}" y="{:.1}" text-anchor="middle">{x_name}</text>"#,
            (LEFT + WIDTH - RIGHT) / 2.0,
            bottom + 34.0
        )
    }

    fn line(&self, out: &mut String, points: impl Iterator<Item = (f64, f64)>, style: &str) -> std::fmt::Result {
        let path: Vec<_> = points.map(|(x, y)| self.at(x, y)).map(|(x, y)| format!("{x:.1} {y:.1}")).collect();
        writeln!(out, r#"<path d="M{}" fill="none" {style}/>"#, path.join("L"))
    }

    fn threshold(&self, out: &mut String, x: f64, name: &str) -> std::fmt::Result {
        let ((px, bottom), (_, top)) = (self.at(x, self.y.0), self.at(x, self.y.1));
        writeln!(out, r##"<path d="M{px:.1} {bottom:.1}V{top:.1}" stroke="#c00" stroke-width="1.5"/>"##)?;
        writeln!(out, r##"<text x="{:.1}" y="{:.1}" fill="#c00">{name}</text>"##, px + 5.0, top + 14.0)
    }
}

fn svg(unmarked: &[Score], marked: &[Score]) -> Result<String> {
    let mut out = String::new();
    let height = 2.0 * FIELD + 200.0;
    writeln!(
        out,
        r#"<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="12" fill="{INK}">"#
    )?;
    writeln!(out, r#"<rect width="100%" height="100%" fill="white"/>"#)?;
    odds(&mut out, unmarked)?;
    histogram(&mut out, unmarked, marked)?;
    writeln!(out, "</svg>")?;
    Ok(out)
}

/// How many unmarked windows and pictures reach a probability, against how many may.
fn odds(out: &mut String, unmarked: &[Score]) -> Result<()> {
    let sorted = |still: bool| {
        let mut all: Vec<f64> =
            unmarked.iter().filter(|s| s.still == still).map(|s| s.log10_false_alarm.min(0.0)).collect();
        all.sort_by(f64::total_cmp);
        all
    };
    let (windows, pictures) = (sorted(false), sorted(true));
    let most = windows.len().max(pictures.len()).max(10) as f64;
    let best = windows.iter().chain(&pictures).copied().fold(0.0, f64::min);
    let field = Field { top: 60.0, x: (0.0, (-best).max(8.0)), y: (0.0, most.log10().ceil()) };
    writeln!(
        out,
        r#"<text x="{LEFT}" y="24" font-size="14" font-weight="bold">Pictures without a mark: how many reach a probability of chance, or less</text>"#
    )?;
    let xs: Vec<_> = (0..=field.x.1 as u32).map(|n| (f64::from(n), format!("1e-{n}"))).collect();
    let ys: Vec<_> = (0..=field.y.1 as u32).map(|n| (f64::from(n), 10u32.pow(n).to_string())).collect();
    field.axes(out, &xs, &ys, "probability that the detector gives (smaller to the right)")?;
    field.threshold(out, -THRESHOLD, "marked from here on")?;
    for (all, colour) in [(&windows, "#06c"), (&pictures, "#e80")] {
        // The k-th smallest is reached by k.
        let points = all.iter().zip(1u32..).map(|(p, k)| (-p, f64::from(k).log10()));
        field.line(out, points, &format!(r#"stroke="{colour}" stroke-width="2""#))?;
        let may = (all.len().max(1) as f64).log10();
        field.line(
            out,
            [(0.0, may), (may.min(field.x.1), may - may.min(field.x.1))].into_iter(),
            &format!(r#"stroke="{colour}" stroke-dasharray="5 4""#),
        )?;
    }
    legend(
        out,
        40.0,
        &[
            ("#06c", &format!("{} windows of two seconds", windows.len())),
            ("#e80", &format!("{} single pictures", pictures.len())),
            ("#888", "dashed: as many as the probability allows"),
        ],
    )
}

/// How the scores are spread.
fn histogram(out: &mut String, unmarked: &[Score], marked: &[Score]) -> Result<()> {
    let of = |all: &[Score], still: bool| -> Vec<f64> {
        all.iter().filter(|s| s.still == still).map(|s| f64::from(s.score)).collect()
    };
    let groups = [
        ("windows without a mark", "#06c", of(unmarked, false)),
        ("single pictures without a mark", "#e80", of(unmarked, true)),
        ("windows with one, after the attacks of make marks", "#080", of(marked, false)),
        ("single pictures with one, after the attacks", "#a0c", of(marked, true)),
    ];
    let most = groups.iter().flat_map(|g| &g.2).copied().fold(12.0, f64::max);
    let step = if most > 60.0 { 1.0 } else { 0.25 };
    let bins = (most / step) as usize + 1;
    let counted = groups.iter().map(|(name, colour, scores)| {
        let mut counts = vec![0u32; bins];
        for score in scores {
            counts.get_mut((score.max(0.0) / step) as usize).into_iter().for_each(|c| *c += 1);
        }
        (*name, *colour, counts, scores.len())
    });
    let counted: Vec<_> = counted.filter(|g| g.3 > 0).collect();
    let top = counted.iter().flat_map(|g| &g.2).copied().max().unwrap_or(1).max(10);
    let field = Field { top: FIELD + 160.0, x: (0.0, most.ceil()), y: (0.0, f64::from(top).log10().ceil()) };
    let title = field.top - 36.0;
    writeln!(
        out,
        r#"<text x="{LEFT}" y="{title}" font-size="14" font-weight="bold">How the scores are spread</text>"#
    )?;
    let tick = if most > 60.0 { 10 } else { 2 };
    let xs: Vec<_> = (0..=most as u32).filter(|n| n % tick == 0).map(|n| (f64::from(n), n.to_string())).collect();
    let ys: Vec<_> = (0..=field.y.1 as u32).map(|n| (f64::from(n), 10u32.pow(n).to_string())).collect();
    field.axes(out, &xs, &ys, "score, in standard deviations of what chance gives")?;
    for (_, colour, counts, _) in &counted {
        let points = counts.iter().enumerate().flat_map(|(i, n)| {
            let height = if *n == 0 { 0.0 } else { f64::from(*n).log10().max(0.04) };
            [(i as f64 * step, height), ((i + 1) as f64 * step, height)]
        });
        field.line(out, points, &format!(r#"stroke="{colour}" stroke-width="1.5""#))?;
    }
    // The search is larger in some pictures, so the score that is asked for is not the same everywhere.
    let asked = marked.iter().chain(unmarked).filter(|s| s.marked).map(|s| f64::from(s.score)).fold(f64::MAX, f64::min);
    if asked < f64::MAX {
        field.threshold(out, asked, "least score that was taken for a mark")?;
    }
    let names: Vec<_> = counted.iter().map(|(name, colour, _, n)| (*colour, format!("{n} {name}"))).collect();
    legend(out, title + 18.0, &names.iter().map(|(c, n)| (*c, n.as_str())).collect::<Vec<_>>())
}

fn legend(out: &mut String, y: f64, entries: &[(&str, &str)]) -> Result<()> {
    let mut x = LEFT;
    for (i, (colour, name)) in entries.iter().enumerate() {
        // Two a line where there are many.
        let (x_here, y_here) =
            if entries.len() > 3 { (LEFT + (i % 2) as f64 * 360.0, y + (i / 2) as f64 * 14.0 - 7.0) } else { (x, y) };
        writeln!(out, r#"<path d="M{x_here:.0} {:.0}h18" stroke="{colour}" stroke-width="3"/>"#, y_here - 4.0)?;
        writeln!(out, r#"<text x="{:.0}" y="{y_here:.0}" font-size="11">{name}</text>"#, x_here + 24.0)?;
        x += 44.0 + 6.2 * name.len() as f64;
    }
    Ok(())
}
