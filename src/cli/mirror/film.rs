//! `vasa mirror film`: the face in a film as a curve file.

use crate::cli::print_line;
use crate::cli::verify::ffmpeg::{self, INPUT, MOST_PIXELS};
use crate::cli::verify::probe;
use crate::clock::Moment;
use crate::config::{Manner, MannerChange, Paths, Settings};
use crate::face::{Curves, Face};
use crate::mirror::{Look, Person, Reader, Tracker};
use crate::vision::{COUNT, Vision};
use anyhow::{Context, Result, bail, ensure};
use image::RgbImage;
use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ChildStdout;

#[derive(Debug, clap::Args)]
pub struct Args {
    film: PathBuf,
    /// The curve file to write, which vasa render --curves draws
    #[arg(long, value_name = "FILE.csv", required_unless_present = "landmarks")]
    out: Option<PathBuf>,
    /// Whose calibration counts; left out, the face at rest is learned from the film
    #[arg(long, value_name = "NAME")]
    person: Option<String>,
    /// The side that shall go as the other one does
    #[arg(long, value_name = "SIDE", value_parser = ["left", "right", "none"])]
    weak_side: Option<String>,
    /// The face as it is solved: neither smoothed nor treated
    #[arg(long)]
    raw: bool,
    /// The 478 landmarks of each frame and how probable a face is, as single precision, for models/mirror/recipe
    #[arg(long, value_name = "FILE", hide = true)]
    landmarks: Option<PathBuf>,
}

/// The longer side of what is looked at; a larger film is made smaller.
const SIDE: u32 = 960;

pub fn run(args: &Args, paths: &Paths) -> Result<()> {
    let told = || format!("{} cannot be read", args.film.display());
    let file = File::open(&args.film).with_context(told)?;
    let stream = probe::stream(&file).with_context(told)?;
    ensure!(stream.rate > 0.0, "{}: its frames have no rate", told());
    let mut frames = Frames::start(&file, stream.index).with_context(told)?;
    if let Some(out) = &args.landmarks {
        return landmarks(&mut frames, stream.rate, paths, out);
    }
    let settings = Settings::load(&paths.settings)?;
    let own = MannerChange { weak_side: args.weak_side.clone(), ..MannerChange::default() };
    let manner = settings.mirror.change.and(&own).apply(Manner::default()).map_err(anyhow::Error::msg)?;
    let person = args.person.as_ref().map(|name| {
        Person::load(paths, name)?
            .with_context(|| format!("nobody is calibrated as \"{name}\"; run vasa mirror calibrate --person {name}"))
    });
    let mut reader = Reader::open(paths, person.transpose()?)?;
    reader.set_manner(manner);
    let mut curves = Curves::default();
    let (mut count, mut others) = (0u64, false);
    while let Some(picture) = frames.next()? {
        let now = count as f64 / stream.rate;
        count += 1;
        if let Look::Seen(seen) = reader.look(&picture, now)? {
            let face = if args.raw { seen.raw } else { seen.face };
            curves.faces.push(Face { at: Moment((now * 1e6) as i64), ..face });
        }
        others |= reader.others();
    }
    ensure!(count > 0, "{}: none of its frames can be decoded", told());
    ensure!(
        !curves.faces.is_empty(),
        "no face is seen in {}; take a film in which one fills a tenth of the picture",
        args.film.display()
    );
    let Some(out) = &args.out else { bail!("--out is missing") };
    write(out, |to| curves.write(to).context("error writing it"))?;
    print_line(&format!("{} of {count} frames show a face: {}", curves.faces.len(), out.display()));
    if others {
        print_line("There is more than one face; the first one was followed.");
    }
    Ok(())
}

fn landmarks(frames: &mut Frames, rate: f64, paths: &Paths, out: &Path) -> Result<()> {
    let mut tracker = Tracker::new(Vision::open(paths, 1)?);
    write(out, |to| {
        let mut count = 0u64;
        while let Some(picture) = frames.next()? {
            let found = tracker.look(&picture, count as f64 / rate)?;
            count += 1;
            let mut row = vec![0.0; COUNT * 3];
            if let Some(found) = &found {
                row = found.points.iter().flat_map(|p| p.to_array()).collect();
            }
            row.push(found.map_or(0.0, |f| f.presence));
            row.iter().try_for_each(|v| to.write_all(&v.to_le_bytes())).context("error writing it")?;
        }
        Ok(())
    })
}

/// Writes a file whole, or none.
fn write(path: &Path, fill: impl FnOnce(&mut BufWriter<File>) -> Result<()>) -> Result<()> {
    let told = || format!("error writing {}", path.display());
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let part =
        tempfile::Builder::new().permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644)).tempfile_in(folder);
    let part = part.with_context(told)?;
    let mut to = BufWriter::new(part.as_file().try_clone().with_context(told)?);
    fill(&mut to).with_context(told)?;
    to.flush().with_context(told)?;
    part.persist(path).with_context(told)?;
    Ok(())
}

/// A running ffmpeg that gives frames as PPM, which tells their size.
struct Frames {
    child: std::process::Child,
    out: BufReader<ChildStdout>,
}

impl Frames {
    fn start(file: &File, stream: u32) -> Result<Self> {
        let map = format!("0:{stream}");
        let fit = format!("scale='min({SIDE},iw)':'min({SIDE},ih)':force_original_aspect_ratio=decrease");
        #[rustfmt::skip]
        let arguments = [
            "-nostdin", "-hide_banner", "-nostats", "-loglevel", "fatal", "-protocol_whitelist", "file,pipe", "-max_pixels", MOST_PIXELS,
            "-i", INPUT, "-map", &map, "-vf", &fit, "-fps_mode", "passthrough", "-pix_fmt", "rgb24", "-c:v", "ppm", "-f", "image2pipe", "pipe:1",
        ];
        let mut child = ffmpeg::start("ffmpeg", file, &arguments)?;
        let err = child.stderr.take().context("ffmpeg has no log")?;
        // What it complains about shows in the frames that do not come.
        std::thread::spawn(move || ffmpeg::lines(err, |line| tracing::debug!("ffmpeg: {line}")));
        let out = BufReader::new(child.stdout.take().context("ffmpeg has no output")?);
        Ok(Self { child, out })
    }

    /// The next frame; None at the end.
    fn next(&mut self) -> Result<Option<RgbImage>> {
        let mut words = Vec::new();
        while words.len() < 4 {
            let mut word = String::new();
            loop {
                let mut byte = [0];
                if self.out.read(&mut byte).context("error reading what ffmpeg decodes")? == 0 {
                    return Ok(None);
                }
                match byte[0] {
                    b if b.is_ascii_whitespace() && word.is_empty() => {}
                    b if b.is_ascii_whitespace() => break,
                    b if word.len() < 12 => word.push(char::from(b)),
                    _ => bail!("ffmpeg writes no PPM"),
                }
            }
            words.push(word);
        }
        let side = |k: usize| words.get(k).and_then(|w| w.parse::<u32>().ok()).filter(|n| (1..=SIDE).contains(n));
        let (Some(width), Some(height)) = (side(1), side(2)) else { bail!("ffmpeg writes frames of {words:?}") };
        let mut pixels = vec![0; width as usize * height as usize * 3];
        if self.out.read_exact(&mut pixels).is_err() {
            return Ok(None);
        }
        Ok(RgbImage::from_raw(width, height, pixels))
    }
}

impl Drop for Frames {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
