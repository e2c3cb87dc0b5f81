//! Where a network runs: the execution providers of the ONNX Runtime library that is installed. CUDA and
//! WebGPU were measured (`docs/measured.md`); the others follow its documentation and were not.

use super::runtime::{self, runtime};
use crate::config::Paths;
use anyhow::{Result, anyhow};
use ort::ep::{self, ExecutionProvider, ExecutionProviderDispatch};
use ort::session::Session;
use serde::Deserialize;

/// An execution provider, as the settings name it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Provider {
    /// The best that the library has and that starts.
    #[default]
    Auto,
    Cpu,
    Cuda,
    Tensorrt,
    Migraphx,
    Openvino,
    Webgpu,
}

/// All but the CPU, the best first. TensorRT, which is the fastest, comes after CUDA: it builds for minutes before it starts.
const ORDER: [Provider; 5] =
    [Provider::Cuda, Provider::Tensorrt, Provider::Migraphx, Provider::Openvino, Provider::Webgpu];

impl Provider {
    /// The name for people.
    pub fn name(self) -> &'static str {
        match self {
            Provider::Auto => "auto",
            Provider::Cpu => "CPU",
            Provider::Cuda => "CUDA",
            Provider::Tensorrt => "TensorRT",
            Provider::Migraphx => "MIGraphX",
            Provider::Openvino => "OpenVINO",
            Provider::Webgpu => "WebGPU",
        }
    }

    /// Whether it leaves the CPU to others. (OpenVINO runs on the CPU unless it is built otherwise.)
    pub fn is_gpu(self) -> bool {
        matches!(self, Provider::Cuda | Provider::Tensorrt | Provider::Migraphx | Provider::Webgpu)
    }

    /// Whether the loaded library was built with it.
    fn is_available(self) -> bool {
        match self {
            Provider::Auto | Provider::Cpu => Ok(true),
            Provider::Cuda => ep::CUDA::is_available(),
            Provider::Tensorrt => ep::TensorRT::is_available(),
            Provider::Migraphx => ep::MIGraphX::is_available(),
            Provider::Openvino => ep::OpenVINO::is_available(),
            Provider::Webgpu => ep::WebGPU::is_available(),
        }
        .unwrap_or(false)
    }

    /// What starts it; None: the CPU needs nothing.
    fn dispatch(self) -> Option<ExecutionProviderDispatch> {
        let dispatch = match self {
            Provider::Auto | Provider::Cpu => return None,
            Provider::Cuda => ep::CUDA::default().build(),
            Provider::Tensorrt => ep::TensorRT::default().build(),
            Provider::Migraphx => ep::MIGraphX::default().build(),
            Provider::Openvino => ep::OpenVINO::default().build(),
            Provider::Webgpu => ep::WebGPU::default().build(),
        };
        // Without this the runtime goes on with the CPU and says nothing.
        Some(dispatch.error_on_failure())
    }
}

/// The providers that the installed library has, the best first; the CPU is the last.
///
/// # Errors
/// The library is missing, damaged, or does not load.
pub fn providers(paths: &Paths) -> Result<Vec<Provider>> {
    runtime(paths)?;
    Ok(ORDER.into_iter().filter(|p| p.is_available()).chain([Provider::Cpu]).collect())
}

/// Whether a network that is to run on `wanted` may find a GPU: whether it starts shows only then. No where the library is missing.
pub fn may_use_gpu(paths: &Paths, wanted: Provider) -> bool {
    let available = providers(paths).unwrap_or_default();
    candidates(wanted, &available).iter().any(|p| p.is_gpu() && available.contains(p))
}

/// A network, and where it runs.
pub struct Running {
    pub session: Session,
    pub provider: Provider,
}

/// Starts the network `bytes` on `wanted`, and on the CPU where that fails: then the sentence says what failed. `try_it` runs it
/// once, because much fails only then.
///
/// # Errors
/// The library is missing, or the network does not run on the CPU either.
pub fn accelerate(
    paths: &Paths,
    wanted: Provider,
    bytes: &[u8],
    try_it: impl Fn(&mut Session) -> Result<()>,
) -> Result<(Running, Option<String>)> {
    let available = providers(paths)?;
    let start = |provider: Provider| -> Result<Running> {
        let mut builder = runtime::prepare(paths, 1, true, provider.dispatch())?;
        let mut session = builder.commit_from_memory(bytes).map_err(|e| anyhow!("{e}"))?;
        try_it(&mut session)?;
        Ok(Running { session, provider })
    };
    let mut failures = Vec::new();
    for provider in candidates(wanted, &available) {
        if !available.contains(&provider) {
            failures.push(format!("the installed ONNX Runtime has no {}", provider.name()));
            continue;
        }
        match start(provider) {
            Ok(running) => return Ok((running, told(&failures))),
            Err(e) => failures.push(format!("{} does not start: {e:#}", provider.name())),
        }
    }
    Ok((start(Provider::Cpu)?, told(&failures)))
}

/// What is tried before the CPU.
fn candidates(wanted: Provider, available: &[Provider]) -> Vec<Provider> {
    match wanted {
        Provider::Cpu => Vec::new(),
        Provider::Auto => available.iter().copied().filter(|p| *p != Provider::Cpu).collect(),
        named => vec![named],
    }
}

fn told(failures: &[String]) -> Option<String> {
    let all = failures.join("; ");
    (!all.is_empty())
        .then(|| format!("the lip network does not run where it could: {all}; choose provider = \"cpu\" to be at rest"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auto_takes_what_the_library_has_and_a_name_only_that() {
        let has = [Provider::Cuda, Provider::Openvino, Provider::Cpu];
        assert_eq!(candidates(Provider::Auto, &has), [Provider::Cuda, Provider::Openvino]);
        assert_eq!(candidates(Provider::Auto, &[Provider::Cpu]), []);
        assert_eq!(candidates(Provider::Cpu, &has), []);
        assert_eq!(candidates(Provider::Webgpu, &has), [Provider::Webgpu]);
    }

    #[test]
    fn a_provider_that_the_library_lacks_or_that_does_not_start_falls_back_to_the_cpu_and_is_told() {
        let paths = Paths::find();
        let Some(network) = paths.locate("models/motion/lips-small.onnx") else { return };
        let available = match providers(&paths) {
            Ok(all) => all,
            Err(e) => return eprintln!("SKIPPED: {e:#}"),
        };
        println!("the installed library has: {available:?}");
        assert_eq!(available.last(), Some(&Provider::Cpu));
        let bytes = std::fs::read(network).unwrap();
        for named in ORDER {
            let (running, problem) = accelerate(&paths, named, &bytes, |_| Ok(())).unwrap();
            if running.provider != named {
                assert_eq!(running.provider, Provider::Cpu);
                assert!(problem.unwrap().contains(named.name()));
            }
        }
        for quiet in [Provider::Auto, Provider::Cpu] {
            let (running, problem) = accelerate(&paths, quiet, &bytes, |_| Ok(())).unwrap();
            assert!(problem.is_none() || available.len() > 1, "{problem:?} on {}", running.provider.name());
        }
        // The library is there, the device is not.
        let failing = accelerate(&paths, Provider::Cpu, &bytes, |_| Err(anyhow!("no such device")));
        assert!(failing.is_err());
    }
}
