//! What draws, computes and speaks.

use super::{unknown, wanted};
use crate::assets::Kind;
use crate::config::Input;
use crate::doctor::Finding;
use crate::doctor::machine::{FileState, Machine, ModelState};
use crate::doctor::remedy::Remedy;

pub fn check(machine: &Machine) -> Vec<Finding> {
    let mut all = vec![gpu(machine), avatar(machine)];
    all.extend(models(machine));
    all.extend([providers(machine), voice(machine), microphone(machine)]);
    all
}

fn gpu(machine: &Machine) -> Finding {
    const NAME: &str = "gpu";
    let drivers = || {
        Remedy::install(
            "libvulkan1 mesa-vulkan-drivers",
            "vulkan-loader mesa-vulkan-drivers",
            "vulkan-icd-loader vulkan-swrast",
        )
    };
    let adapters = match &machine.adapters {
        Ok(adapters) => adapters,
        Err(why) => return unknown(NAME, why),
    };
    match adapters.as_slice() {
        [] => Finding::error(
            NAME,
            "no Vulkan adapter was found, not even that of the CPU, so the camera shows a card instead of the face",
            drivers(),
        ),
        [first, ..] if first.is_cpu => Finding::note(
            NAME,
            format!(
                "the picture is drawn on the CPU: {}; it works, and takes a core while somebody watches",
                first.name
            ),
            drivers().note("where the machine has a GPU; some need their maker's Vulkan driver"),
        ),
        [first, ..] => Finding::ok(NAME, format!("the picture is drawn on {}", first.name)),
    }
}

fn avatar(machine: &Machine) -> Finding {
    const NAME: &str = "avatar";
    match &machine.avatar {
        Ok(name) => Finding::ok(NAME, format!("the avatar \"{name}\" can be drawn")),
        Err(why) => Finding::warning(
            NAME,
            format!("the camera shows a card instead of a face: {why}"),
            Remedy::everywhere("choose another: vasa avatar list, and avatar = \"anna\" in the settings"),
        ),
    }
}

/// One finding for each model that is not as it should be; one for all where all are.
fn models(machine: &Machine) -> Vec<Finding> {
    const NAME: &str = "models";
    let models = match &machine.models {
        Ok(models) => models,
        Err(why) => return vec![unknown(NAME, why)],
    };
    let wrong: Vec<_> = models.iter().filter_map(|model| faulty(NAME, model)).collect();
    if !wrong.is_empty() {
        return wrong;
    }
    let whole = |m: &&ModelState| m.files.iter().all(|(_, state)| *state == FileState::Installed);
    let names: Vec<_> = models.iter().filter(whole).map(|m| m.name.as_str()).collect();
    vec![Finding::ok(NAME, format!("installed, and every byte as it was published: {}", names.join(", ")))]
}

fn faulty(check: &'static str, model: &ModelState) -> Option<Finding> {
    let wrong: Vec<_> = model.files.iter().filter(|(_, state)| *state != FileState::Installed).collect();
    // One that nobody asked for is no fault; half of one is.
    let absent = model.files.iter().all(|(_, state)| *state == FileState::Missing);
    let (path, state) = wrong.first().filter(|_| !(model.optional && absent))?;
    let (name, costs) = (&model.name, costs(model.kind));
    let path = path.display();
    let install = || Remedy::everywhere(format!("vasa models install {name}"));
    let program = || Remedy::everywhere("install the program again: a file that came with it was changed or is gone");
    Some(match state {
        FileState::Missing => {
            Finding::warning(check, format!("the model \"{name}\" is not installed, so {costs}"), install())
        }
        FileState::Unreadable(why) => Finding::warning(
            check,
            format!("the model \"{name}\" cannot be read ({why}), so {costs}"),
            Remedy::everywhere(format!("chmod u+r {path}")),
        ),
        FileState::ProgramDamaged => {
            Finding::warning(check, format!("{path} is not what came with the program, so {costs}"), program())
        }
        _ => Finding::warning(
            check,
            format!("{path} is not what was published: damaged or tampered with; it is not run, so {costs}"),
            install(),
        ),
    })
}

fn costs(kind: Kind) -> &'static str {
    match kind {
        Kind::Runtime => "no network runs: espeak-ng speaks, and the lips only follow how loud it is",
        Kind::Voice => "this voice does not speak; espeak-ng stands in",
        Kind::Network => "the lips are less exact",
        Kind::Recogniser => "there are no captions, and your own voice cannot be spoken again clearly",
    }
}

fn providers(machine: &Machine) -> Finding {
    const NAME: &str = "providers";
    match &machine.providers {
        Ok(p) => {
            let has = p.has.join(", ");
            let used = format!("networks run on {} (the installed ONNX Runtime has {has})", p.used);
            match &p.problem {
                None => Finding::ok(NAME, used),
                Some(why) => Finding::note(
                    NAME,
                    format!("{used}: {why}"),
                    Remedy::everywhere("set provider = \"cpu\" in the settings, or install that GPU's libraries"),
                ),
            }
        }
        Err(why) => Finding::warning(
            NAME,
            format!("no network runs ({why}), so the lips only follow how loud it is"),
            Remedy::everywhere("vasa models install"),
        ),
    }
}

fn voice(machine: &Machine) -> Finding {
    const NAME: &str = "espeak-ng";
    if machine.espeak {
        return Finding::ok(
            NAME,
            "espeak-ng is installed: it reads text for the voices, and speaks where there is none",
        );
    }
    Finding::warning(
        NAME,
        "espeak-ng is not installed, so no text can be spoken",
        Remedy::install("espeak-ng", "espeak-ng", "espeak-ng"),
    )
}

fn microphone(machine: &Machine) -> Finding {
    const NAME: &str = "microphone";
    let settings = wanted(machine);
    let all = match &machine.microphones {
        Ok(all) => all,
        Err(why) => return unknown(NAME, why),
    };
    let needed = settings.input != Input::Text || settings.captions;
    let wrong = |sentence: String, remedy: &str| {
        let make = if needed { Finding::warning } else { Finding::note };
        make(NAME, sentence, Remedy::everywhere(remedy))
    };
    match &settings.microphone {
        Some(name) if !all.iter().any(|m| m.eq_ignore_ascii_case(name)) && !all.is_empty() => wrong(
            format!("the microphone \"{name}\" of the settings is not there; there is {}", all.join(", ")),
            "connect it, or set microphone to another in the settings",
        ),
        _ if all.is_empty() => wrong(
            format!(
                "there is no microphone, so {}",
                if needed { "your own voice is not heard" } else { "only typed text moves the face" }
            ),
            "connect a microphone, and look whether the desktop's sound settings list it",
        ),
        _ => Finding::ok(NAME, format!("there is a microphone: {}", all.join(", "))),
    }
}
