//! ONNX Runtime, loaded once a process from the pinned library, and model bytes that are checked before they run.

use super::install::{State, sha256, state};
use super::manifest::Manifest;
use crate::config::Paths;
use anyhow::{Context, Result, anyhow, bail};
use ort::environment::Environment;
use ort::ep::ExecutionProviderDispatch;
use ort::session::Session;
use ort::session::builder::SessionBuilder;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// The runtime's environment. The first call loads the library; a failure is not kept, so that the models can be installed
/// while the program runs.
///
/// # Errors
/// The library is missing, is not the pinned one, or does not load.
pub fn runtime(paths: &Paths) -> Result<Environment> {
    static LOADED: Mutex<Option<Environment>> = Mutex::new(None);
    let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(environment) = &*loaded {
        return Ok(environment.clone());
    }
    let path = library(paths)?;
    give_memory_back();
    let environment = ort::init_from(&path)
        .map_err(|e| anyhow!("{e}"))
        .and_then(|builder| builder.with_name("vasa").build().map_err(|e| anyhow!("{e}")))
        .with_context(|| format!("error loading ONNX Runtime from {}; run vasa models verify", path.display()))?;
    tracing::info!("ONNX Runtime loaded from {}", path.display());
    Ok(loaded.insert(environment).clone())
}

/// The library to load: the pinned one, checked; or another that the user names, for one that runs on a GPU.
fn library(paths: &Paths) -> Result<PathBuf> {
    if let Some(own) = std::env::var_os("VASA_ONNXRUNTIME") {
        return Ok(own.into());
    }
    let file = Manifest::shipped().model("onnxruntime")?.file("libonnxruntime.so")?;
    let path = file.place(paths);
    match state(paths, file)? {
        State::Installed => Ok(path),
        State::Missing => {
            bail!("ONNX Runtime is not installed ({} is missing); run vasa models install", path.display())
        }
        State::Damaged(found) => bail!(
            "the ONNX Runtime library {} has SHA-256 {found}, the manifest says {}; run vasa models install",
            path.display(),
            file.sha256
        ),
    }
}

/// Tells the C library to hand large blocks back to the system when they are freed. By default it learns from the runtime's
/// buffers to keep ever larger ones: after a 5 s sentence some 80 MB more, and a peak of 270 MB where 190 MB do.
fn give_memory_back() {
    #[cfg(target_env = "gnu")]
    // SAFETY: mallopt(3) only sets numbers of the allocator, which locks itself; the numbers are within its bounds.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, 256 << 10);
        libc::mallopt(libc::M_TRIM_THRESHOLD, 128 << 10);
        libc::mallopt(libc::M_ARENA_MAX, 2);
    }
}

/// A session builder for a network that runs beside a live picture: `threads` threads, none of which spins while it waits,
/// and no arena, so that between two calls nothing is burnt and memory that one long sentence took is given back.
///
/// # Errors
/// As [`runtime`].
pub fn builder(paths: &Paths, threads: usize) -> Result<SessionBuilder> {
    prepare(paths, threads, false, None)
}

/// As [`builder`], for a network that takes its input in pieces of bounded size: it keeps the memory of one for the next, which
/// makes it three times as fast.
///
/// # Errors
/// As [`runtime`].
pub fn keeping_builder(paths: &Paths, threads: usize) -> Result<SessionBuilder> {
    prepare(paths, threads, true, None)
}

/// `first`: what runs all that it can, before the CPU.
pub(super) fn prepare(
    paths: &Paths,
    threads: usize,
    keeps_memory: bool,
    first: Option<ExecutionProviderDispatch>,
) -> Result<SessionBuilder> {
    let environment = runtime(paths)?;
    let cpu = ort::ep::CPU::default().with_arena_allocator(keeps_memory).build();
    let providers: Vec<_> = first.into_iter().chain([cpu]).collect();
    let build = || -> Result<SessionBuilder, String> {
        Session::builder(&environment)
            .map_err(|e| e.to_string())?
            .with_intra_threads(threads)
            .map_err(|e| e.to_string())?
            .with_inter_threads(1)
            .map_err(|e| e.to_string())?
            .with_intra_op_spinning(false)
            .map_err(|e| e.to_string())?
            .with_memory_pattern(keeps_memory)
            .map_err(|e| e.to_string())?
            .with_execution_providers(providers)
            .map_err(|e| e.to_string())
    };
    build().map_err(|e| anyhow!("error preparing ONNX Runtime: {e}"))
}

/// The largest model file that is read: a network that is larger cannot run beside a live picture.
const MAX_BYTES: u64 = 2 << 30;

/// Reads a model file whole. Where the manifest pins the path the bytes must be the pinned ones; another file (a voice that
/// the user put there) is taken as it is. The bytes that were checked are the bytes to run: nothing is read twice.
///
/// # Errors
/// The file is missing, unreadable, too large, or has other bytes than the manifest says.
pub fn read_checked(paths: &Paths, path: &Path) -> Result<Vec<u8>> {
    let pinned = Manifest::shipped().pinned(paths, path);
    let remedy = pinned.map_or("check the file".to_owned(), |(m, f)| {
        if f.shipped {
            "restore the file that came with the program".to_owned()
        } else {
            format!("run vasa models install {}", m.name)
        }
    });
    let reading = || format!("error reading the model file {}; {remedy}", path.display());
    let size = fs::metadata(path).with_context(reading)?.len();
    if size > MAX_BYTES {
        bail!("the model file {} has {size} bytes, at most {MAX_BYTES} are read; {remedy}", path.display());
    }
    let bytes = fs::read(path).with_context(reading)?;
    if let Some((_, file)) = pinned {
        let found = sha256(&bytes);
        if found != file.sha256 {
            bail!("the model file {} has SHA-256 {found}, the manifest says {}; {remedy}", path.display(), file.sha256);
        }
    }
    Ok(bytes)
}
