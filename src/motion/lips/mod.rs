//! The lips: sound in, eight lip channels out. The large network hears the last 1.2 s through Whisper's encoder, the small one
//! streams; where neither runs, the loudness leads. Whichever leads, the look-ahead stays that with which the lips were opened.

mod large;
mod pace;
mod small;
mod window;

use super::features::Heard;
use super::level::Level;
use super::shapes::CHANNELS;
use crate::assets::{self, Provider};
use crate::config::{Network, Paths};
use crate::sound::{BLOCK, BLOCK_TIME};
use anyhow::{Context, Result, anyhow};
use large::Large;
use ort::session::Session;
use pace::Pace;
use small::Small;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// A file of a lip network that comes with the program, by its name under the data folders.
fn shipped(paths: &Paths, name: &str) -> Result<PathBuf> {
    paths
        .locate(name)
        .with_context(|| format!("the lip network {name} is missing; restore the file that came with the program"))
}

/// A lip network out of its file.
fn load(paths: &Paths, file: &Path) -> Result<Session> {
    let bytes = assets::read_checked(paths, file)?;
    // One thread: a step takes under a millisecond, and waking a second one would cost more.
    assets::builder(paths, 1)?.commit_from_memory(&bytes).map_err(|e| {
        anyhow!("the lip network {} does not load: {e}; restore the file that came with the program", file.display())
    })
}

/// The channels of one instant.
type Channels = [f32; CHANNELS];

/// How long before the end of the newest block the instant of the channels lies, in blocks: for the small network and the level,
/// and for the large one (80 ms of look-ahead, 80 ms from one run to the next).
const NEAR: usize = 4;
const FAR: usize = 8;

/// What the channels of the small network wait for where the large one leads.
const WAIT: usize = FAR - NEAR;

/// After a failure a network is tried again every so many blocks (10 s); a run of the large one is due then, as it was when it failed.
const RETRY: u32 = 500;

/// From one network to the other in 200 ms.
const TURN: f32 = 0.1;

/// `auto` takes the large network from so many hardware threads on: it keeps one of them busy for a third of the time, and drawing on
/// the CPU wants two.
const THREADS: usize = 4;

fn has_threads() -> bool {
    std::thread::available_parallelism().is_ok_and(|threads| threads.get() >= THREADS)
}

/// Whether `auto` is to open the large network: opening takes half a second, for nothing where it is dropped again.
fn may_suit(paths: &Paths, provider: Provider) -> bool {
    large::is_installed(paths) && (has_threads() || assets::may_use_gpu(paths, provider))
}

/// A source of lip channels.
pub struct Lips {
    small: Option<Small>,
    large: Option<Large>,
    small_trouble: Trouble,
    large_trouble: Trouble,
    /// Live, the large network has to keep its time. Offline it has as much as it wants.
    pace: Option<Pace>,
    /// What a run of the large network is said to take: tests must not hang on what else the machine does.
    takes: Option<Duration>,
}

/// What the lips remember of the sound before; whoever steps them keeps it, and may go back to an earlier one.
#[derive(Default)]
pub struct Memory {
    level: Level,
    small: small::Memory,
    large: large::Memory,
    /// What the small network said last, the newest first.
    waiting: [Channels; WAIT],
    /// What the large one said last, and its share in what is shown.
    last: Channels,
    share: f32,
}

impl Clone for Memory {
    fn clone(&self) -> Self {
        Self { small: self.small.clone(), large: self.large.clone(), ..*self }
    }

    /// Allocates nothing where the networks are the same.
    fn clone_from(&mut self, source: &Self) {
        let Self { level, small, large, waiting, last, share } = source;
        self.small.clone_from(small);
        self.large.clone_from(large);
        (self.level, self.waiting, self.last, self.share) = (*level, *waiting, *last, *share);
    }
}

/// A network that fails is left alone for a while.
#[derive(Default)]
struct Trouble {
    problem: Option<String>,
    failed_for: u32,
}

impl Trouble {
    /// Once a block: whether the network is to be asked.
    fn may_try(&mut self) -> bool {
        if self.problem.is_none() {
            return true;
        }
        self.failed_for += 1;
        self.failed_for.is_multiple_of(RETRY)
    }

    /// Notes how it went. `otherwise` says what is done without the network.
    fn note<T>(&mut self, outcome: Result<T>, otherwise: &str) -> Option<T> {
        match outcome {
            Ok(value) => {
                if self.problem.take().is_some() {
                    tracing::info!("the lip network answers again");
                }
                Some(value)
            }
            Err(e) => {
                if self.problem.is_none() {
                    let sentence = format!("{otherwise}: {e:#}");
                    tracing::warn!("{sentence}");
                    (self.problem, self.failed_for) = (Some(sentence), 0);
                }
                None
            }
        }
    }
}

impl Lips {
    /// Opens the small network.
    ///
    /// # Errors
    /// The network's file or the runtime is missing, damaged, or not what this program knows.
    pub fn open(paths: &Paths) -> Result<Self> {
        Ok(Self { small: Some(Small::open(paths)?), ..Self::level() })
    }

    /// Lips that follow the loudness only.
    pub fn level() -> Self {
        Self {
            small: None,
            large: None,
            small_trouble: Trouble::default(),
            large_trouble: Trouble::default(),
            pace: None,
            takes: None,
        }
    }

    /// Opens the large network, with the small one beside it for what the large one cannot do. Also what the provider did not do, as
    /// a sentence.
    ///
    /// # Errors
    /// As [`Lips::open`]; its encoder is not installed, or damaged.
    fn open_large(paths: &Paths, provider: Provider) -> Result<(Self, Option<String>)> {
        let (large, problem) = Large::open(paths, provider)?;
        Ok((Self { large: Some(large), ..Self::open(paths)? }, problem))
    }

    /// Opens what `network` names, to run in its own time: the same arguments on the same machine give the same lips.
    ///
    /// # Errors
    /// As [`Lips::open`]; the large network is named and cannot run.
    pub fn offline(paths: &Paths, network: Network, provider: Provider) -> Result<Self> {
        match network {
            Network::Small => Self::open(paths),
            Network::Large => Ok(Self::open_large(paths, provider)?.0),
            Network::Auto if may_suit(paths, provider) => {
                let (lips, _) = Self::open_large(paths, provider)?;
                if lips.suits() { Ok(lips) } else { Self::open(paths) }
            }
            Network::Auto => Self::open(paths),
        }
    }

    /// Opens what `network` names to run beside the picture: where that cannot be, the next smaller. Also what is wrong, in
    /// sentences.
    pub fn live(paths: &Paths, network: Network, provider: Provider) -> (Self, Vec<String>) {
        let mut problems = Vec::new();
        if network == Network::Large || network == Network::Auto && may_suit(paths, provider) {
            match Self::open_large(paths, provider) {
                Ok((lips, problem)) if network == Network::Large || lips.suits() => {
                    problems.extend(problem);
                    return (Self { pace: Some(Pace::default()), ..lips }, problems);
                }
                Ok(_) => {}
                Err(e) => problems.push(format!("the small lip network runs in place of the large one: {e:#}")),
            }
        }
        match Self::open(paths) {
            Ok(lips) => (lips, problems),
            Err(e) => {
                // It says all: what fails for the small network fails for the large one, too.
                (Self::level(), vec![format!("the lips follow the loudness only: {e:#}")])
            }
        }
    }

    /// Whether this machine has room for the large network.
    fn suits(&self) -> bool {
        has_threads() || self.large.as_ref().is_some_and(|l| l.provider().is_gpu())
    }

    /// What moves the lips, for status reports: "large (CPU)".
    pub fn provider(&self) -> String {
        match (&self.large, &self.small) {
            (Some(large), _) => format!("large ({})", large.provider().name()),
            (None, Some(_)) => "small (CPU)".into(),
            (None, None) => "level".into(),
        }
    }

    /// Whether the small network leads just now because the large one did not keep its time.
    pub fn has_stepped_down(&self) -> bool {
        self.pace.as_ref().is_some_and(Pace::is_down)
    }

    /// Why the network does not answer just now; none where all is well or there is no network.
    pub fn problem(&self) -> Option<&str> {
        self.small_trouble.problem.as_deref().or(self.large_trouble.problem.as_deref())
    }

    /// How long before the end of the newest block the instant of the channels lies. It never changes.
    pub fn look_ahead(&self) -> Duration {
        BLOCK_TIME * self.blocks_ahead() as u32
    }

    /// The same, in blocks.
    pub fn blocks_ahead(&self) -> usize {
        if self.large.is_some() { FAR } else { NEAR }
    }

    /// Says that the sound waits for the face, and how long it has.
    pub fn behind(&mut self, by: Duration) {
        if let Some(pace) = &mut self.pace {
            pace.behind(by);
        }
    }

    /// The memory of a long silence.
    pub fn rest(&self) -> Memory {
        let small = self.small.as_ref().map_or_else(small::Memory::default, Small::rest);
        let large = self.large.as_ref().map_or_else(large::Memory::default, Large::rest);
        let share = if self.large.is_some() { 1.0 } else { 0.0 };
        Memory { waiting: [small.last(); WAIT], last: large.last(), small, large, share, level: Level::default() }
    }

    /// The lip channels of the instant [`Lips::look_ahead`] before the end of the block that was heard.
    pub fn step(&mut self, heard: &Heard, samples: &[f32; BLOCK], memory: &mut Memory) -> Channels {
        let by_large = self.step_large(heard, samples, memory);
        if self.large.is_some() {
            memory.share = (memory.share + if by_large.is_some() { TURN } else { -TURN }).clamp(0.0, 1.0);
            memory.last = by_large.unwrap_or(memory.last);
        }
        let by_level = memory.level.step(heard);
        // Live, the small network is kept warm, so that it knows what came before when it has to take over.
        if self.large.is_some() && self.pace.is_none() && memory.share >= 1.0 {
            return memory.last;
        }
        let mut channels = self.step_small(heard, memory).unwrap_or(by_level);
        if self.large.is_some() {
            memory.waiting.rotate_right(1);
            if let Some(oldest) = memory.waiting.first_mut() {
                std::mem::swap(oldest, &mut channels);
            }
        }
        if memory.share >= 1.0 {
            return memory.last;
        }
        for (channel, large) in channels.iter_mut().zip(&memory.last) {
            *channel += memory.share * (large - *channel);
        }
        channels
    }

    fn step_small(&mut self, heard: &Heard, memory: &mut Memory) -> Option<Channels> {
        let small = self.small.as_mut()?;
        if !self.small_trouble.may_try() {
            return None;
        }
        let outcome = small.step(heard, &mut memory.small);
        if outcome.is_err() {
            small.forget(&mut memory.small);
        }
        self.small_trouble.note(outcome, "the lips follow the loudness only")
    }

    /// None where the large network does not say anything of this instant.
    fn step_large(&mut self, heard: &Heard, samples: &[f32; BLOCK], memory: &mut Memory) -> Option<Channels> {
        let large = self.large.as_mut()?;
        let may_run = self.pace.as_mut().is_none_or(Pace::block) & self.large_trouble.may_try();
        let is_due = memory.large.hear(heard, samples);
        if is_due && may_run {
            let clock = Instant::now();
            let outcome = large.run(heard.level, &mut memory.large);
            if let (Some(pace), Ok(true)) = (&mut self.pace, &outcome) {
                pace.hop(self.takes.unwrap_or_else(|| clock.elapsed()));
            }
            self.large_trouble.note(outcome, "the small lip network runs in place of the large one");
        }
        memory.large.take()
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::motion::features::Features;
    use crate::motion::fixture;

    /// Lips that the large network leads; None where it is not installed.
    pub fn large(is_live: bool) -> Option<Lips> {
        let small = Lips::open(&Paths::find()).map_err(|e| eprintln!("SKIPPED: {e:#}")).ok()?;
        Some(Lips {
            large: Some(large::tests::open()?),
            pace: is_live.then(Pace::default),
            takes: Some(Duration::ZERO),
            ..small
        })
    }

    fn run(lips: &mut Lips, blocks: impl Iterator<Item = [f32; BLOCK]>) -> Vec<Channels> {
        let (mut features, mut memory) = (Features::default(), lips.rest());
        blocks.map(|b| lips.step(&features.push(&b), &b, &mut memory)).collect()
    }

    #[test]
    fn the_lips_follow_the_loudness_where_there_is_no_network() {
        let open: Vec<f32> = run(&mut Lips::level(), fixture::load().blocks()).iter().map(|c| c[0]).collect();
        assert!(open.iter().any(|&v| v > 0.5));
        assert!(open.last().is_some_and(|&v| v < 0.05), "silence shuts the mouth: {:?}", open.last());
    }

    #[test]
    fn the_large_network_says_the_same_live_as_offline_and_moves_with_the_voice() {
        let (Some(mut live), Some(mut offline)) = (large(true), large(false)) else { return };
        let fixture = fixture::load();
        let (a, b) = (run(&mut live, fixture.blocks()), run(&mut offline, fixture.blocks()));
        assert_eq!(a, b);
        assert!(a.windows(2).filter(|w| w[0] != w[1]).count() > a.len() / 2);
        assert_eq!((live.look_ahead(), Lips::level().look_ahead()), (BLOCK_TIME * 8, BLOCK_TIME * 4));
        assert!(live.problem().is_none() && offline.problem().is_none());
        assert_eq!(live.provider(), "large (CPU)");
    }

    #[test]
    fn each_run_says_what_comes_in_the_four_blocks_from_it() {
        let Some(mut lips) = large(false) else { return };
        let blocks: Vec<[f32; BLOCK]> = fixture::load().blocks().take(80).collect();
        let said = run(&mut lips, blocks.iter().copied());
        let mut features = Features::default();
        let heard: Vec<Heard> = blocks.iter().map(|b| features.push(b)).collect();
        let network = lips.large.as_mut().unwrap();
        for end in [4, 40, 76] {
            let mut memory = network.rest();
            for (heard, block) in heard.iter().zip(&blocks).take(end) {
                memory.hear(heard, block);
            }
            network.run(heard[end - 1].level, &mut memory).unwrap();
            // The run is due with the block `end`, counted from one.
            let four: Vec<Channels> = std::iter::from_fn(|| memory.take()).collect();
            assert_eq!(four, said[end - 1..end + 3]);
        }
    }

    #[test]
    fn silence_broken_sound_and_clipping_leave_the_large_network_in_order() {
        let Some(mut lips) = large(false) else { return };
        let (mut features, mut memory) = (Features::default(), lips.rest());
        let mut rng = fastrand::Rng::with_seed(1);
        let mut noise = || rng.f32() * 2.0 - 1.0;
        for k in 0..600 {
            let block = match k / 100 {
                0 => [0.0; BLOCK],
                1 => [f32::NAN; BLOCK],
                2 => std::array::from_fn(|_| 100.0 * noise()),
                3 => [f32::INFINITY; BLOCK],
                4 => std::array::from_fn(|_| noise().signum()),
                _ => [1e-40; BLOCK],
            };
            let channels = lips.step(&features.push(&block), &block, &mut memory);
            assert!(channels.iter().all(|c| c.is_finite()), "{channels:?} at {k}");
        }
        assert!(lips.problem().is_none());
    }

    #[test]
    fn a_long_silence_costs_no_run() {
        let Some(mut lips) = large(true) else { return };
        // Every run would be too slow, and the lips would step down.
        lips.takes = Some(Duration::from_secs(1));
        run(&mut lips, std::iter::repeat_n([0.0; BLOCK], 1_000));
        assert!(!lips.has_stepped_down());
    }

    #[test]
    fn a_slow_machine_steps_down_smoothly_to_the_small_network_at_its_instant_and_climbs_back() {
        let (Some(mut lips), Some(mut quick)) = (large(true), large(true)) else { return };
        let Ok(mut small) = Lips::open(&Paths::find()) else { return };
        let fixture = fixture::load();
        let sound: Vec<[f32; BLOCK]> = fixture.blocks().take(75).collect();
        let sound: Vec<[f32; BLOCK]> = sound.into_iter().cycle().take(1_400).collect();
        let by_small = run(&mut small, sound.iter().copied());
        let by_large = run(&mut quick, sound.iter().copied());
        let (mut features, mut memory) = (Features::default(), lips.rest());
        let mut down = Vec::new();
        for (k, block) in sound.iter().enumerate() {
            lips.takes = Some(if k < 400 { Duration::from_secs(1) } else { Duration::ZERO });
            let channels = lips.step(&features.push(block), block, &mut memory);
            down.push(lips.has_stepped_down());
            // What each network says, and how far the lips are from one to the other.
            let (near, far) = (by_small[k.saturating_sub(WAIT)], by_large[k]);
            if memory.share >= 1.0 {
                assert_eq!(channels, far, "block {k}");
            } else if memory.share <= 0.0 && k >= WAIT {
                assert_eq!(channels, near, "block {k}");
            }
        }
        let first = down.iter().position(|d| *d).unwrap();
        assert!(first < 60, "it stepped down after {first} blocks");
        let rest = down.iter().skip(first).take_while(|d| **d).count();
        assert!((495..=505).contains(&rest), "it rested {rest} blocks");
        assert!(down.iter().skip(first + rest).all(|d| !d) && memory.share >= 1.0);
    }

    #[test]
    fn what_is_named_and_not_installed_is_told_live_and_refused_offline() {
        let models = tempfile::tempdir().unwrap();
        let mut paths = Paths::find();
        if Lips::open(&paths).is_err() {
            return eprintln!("SKIPPED: the runtime is not installed");
        }
        // The runtime is loaded already.
        paths.models = models.path().into();
        let e = format!("{:#}", Lips::offline(&paths, Network::Large, Provider::Auto).err().unwrap());
        assert!(e.contains("vasa models install lips-large"), "{e}");
        let (lips, problems) = Lips::live(&paths, Network::Large, Provider::Auto);
        assert_eq!((lips.provider().as_str(), problems.len()), ("small (CPU)", 1));
        assert!(problems[0].contains("vasa models install lips-large"), "{problems:?}");
        let (lips, problems) = Lips::live(&paths, Network::Auto, Provider::Auto);
        assert_eq!((lips.provider().as_str(), problems.len()), ("small (CPU)", 0));
        assert_eq!(Lips::offline(&paths, Network::Auto, Provider::Auto).unwrap().provider(), "small (CPU)");
    }
}
