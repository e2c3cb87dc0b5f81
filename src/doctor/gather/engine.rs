//! What draws and computes: adapters, execution providers, models, the avatar.

use crate::assets::{self, Manifest, Provider, State};
use crate::avatar::{self, Avatar};
use crate::config::Paths;
use crate::doctor::machine::{Adapter, FileState, ModelState, Probed, Providers};
use crate::render;

pub fn adapters() -> Probed<Vec<Adapter>> {
    let all = render::adapters().map_err(|e| format!("{e:#}"))?;
    Ok(all.into_iter().map(|(name, is_cpu)| Adapter { name, is_cpu }).collect())
}

/// Starts the small lip network, which comes with the program, the way the settings say.
pub fn providers(paths: &Paths, wanted: Provider) -> Probed<Providers> {
    let start = || -> anyhow::Result<Providers> {
        let has = assets::providers(paths)?.into_iter().map(Provider::name).collect();
        let network = Manifest::shipped().model("lips-small")?.file(".onnx")?.place(paths);
        let (running, problem) =
            assets::accelerate(paths, wanted, &assets::read_checked(paths, &network)?, |_| Ok(()))?;
        Ok(Providers { has, used: running.provider.name(), problem })
    };
    start().map_err(|e| format!("{e:#}"))
}

pub fn models(paths: &Paths) -> Vec<ModelState> {
    let state = |file: &assets::ModelFile| match assets::state(paths, file) {
        Ok(State::Installed) => FileState::Installed,
        Ok(_) if file.shipped => FileState::ProgramDamaged,
        Ok(State::Missing) => FileState::Missing,
        Ok(State::Damaged(_)) => FileState::Damaged,
        Err(e) => FileState::Unreadable(format!("{e:#}")),
    };
    let all = Manifest::shipped().iter().map(|model| ModelState {
        name: model.name.clone(),
        kind: model.kind,
        optional: model.optional,
        files: model.files().map(|f| (f.place(paths), state(f))).collect(),
    });
    all.collect()
}

pub fn avatar(paths: &Paths, name: &str) -> Probed<String> {
    let load = || avatar::find(paths, name).and_then(|dir| Avatar::load(&dir));
    load().map(|_| name.to_owned()).map_err(|e| format!("{e:#}"))
}
