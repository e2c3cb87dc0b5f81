//! How heads move, against film.

use super::*;

/// Loudness and stresses as in speech: phrases of some seconds, if `voice` is 1, without pauses.
fn speech(voice: f32) -> impl FnMut() -> Heed {
    let mut rng = fastrand::Rng::with_seed(2);
    let (mut stress, mut since, mut loud) = (0.0f32, 0.0, Drift::default());
    move || {
        (stress, since) = (stress * (-DT / 0.16).exp(), since + DT);
        if since > 0.28 && rng.f32() < 0.05 {
            (stress, since) = (stress.max(0.8 * rng.f32()), 0.0);
        }
        let loud = (0.55 + 0.25 * loud.step(&mut rng, 0.15)).clamp(0.0, 1.0);
        Heed { voice, stress: voice * stress, loud: voice * loud, ..Heed::default() }
    }
}

/// Standard deviations within windows of 6 s, as the evaluation's clips are, and the 10th, 50th and 90th percentile of angular speed.
fn statistics(voice: f32, seed: u64) -> ([f32; 3], [f32; 3]) {
    let (mut head, mut speech) = (Head::new(seed), speech(voice));
    let poses: Vec<[f32; 3]> = (0..60_000)
        .map(|_| {
            let p = head.step(voice, &speech(), 0.0, &MotionStyle::default());
            [p.yaw, p.pitch, p.roll]
        })
        .collect();
    let mut sd = [0.0; 3];
    let windows: Vec<_> = poses.chunks(300).collect();
    for w in &windows {
        for (axis, sd) in sd.iter_mut().enumerate() {
            let mean = w.iter().map(|p| p[axis]).sum::<f32>() / w.len() as f32;
            *sd += (w.iter().map(|p| (p[axis] - mean).powi(2)).sum::<f32>() / w.len() as f32).sqrt();
        }
    }
    // Over 80 ms, as the evaluation smooths.
    let mut speed: Vec<f32> = poses
        .windows(5)
        .map(|w| (0..3).map(|i| (w[4][i] - w[0][i]).powi(2)).sum::<f32>().sqrt() / (4.0 * DT))
        .collect();
    speed.sort_by(f32::total_cmp);
    (sd.map(|s| s / windows.len() as f32), [1, 5, 9].map(|tenth| speed[speed.len() * tenth / 10]))
}

#[test]
fn a_speaking_head_moves_about_as_much_as_filmed_ones_do() {
    for seed in [11, 12] {
        let ([yaw, pitch, roll], [slow, median, fast]) = statistics(1.0, seed);
        eprintln!("speaking: yaw {yaw:.2} pitch {pitch:.2} roll {roll:.2}, speed {slow:.1} {median:.1} {fast:.1}");
        assert!((2.7..5.0).contains(&yaw) && (2.2..4.0).contains(&pitch) && (1.8..3.3).contains(&roll));
        // Film: 2.9, 10.2 and 34.
        assert!((1.9..4.4).contains(&slow) && (7.5..14.0).contains(&median) && (24.0..46.0).contains(&fast));
    }
}

#[test]
fn a_resting_head_is_quiet_but_never_still() {
    let ([yaw, pitch, roll], [slow, median, fast]) = statistics(0.0, 11);
    eprintln!("resting: yaw {yaw:.2} pitch {pitch:.2} roll {roll:.2}, speed {slow:.1} {median:.1} {fast:.1}");
    assert!((0.5..2.4).contains(&yaw) && (0.4..1.8).contains(&pitch) && (0.3..1.6).contains(&roll));
    assert!(slow > 0.3 && (0.8..5.0).contains(&median) && fast < 17.0);
}

#[test]
fn the_head_never_jumps() {
    let (mut head, mut speech) = (Head::new(4), speech(1.0));
    let mut last = head.step(0.0, &Heed::default(), 0.0, &MotionStyle::default());
    let mut most = 0.0f32;
    for i in 0..60_000 {
        let voice = if i % 300 < 150 { 1.0 } else { 0.0 };
        let p = head.step(voice, &speech(), 0.0, &MotionStyle::default());
        let d = (p.yaw - last.yaw).abs().max((p.pitch - last.pitch).abs()).max((p.roll - last.roll).abs());
        most = most.max(d);
        assert!(d < 3.5, "{d} degrees in a block");
        last = p;
    }
    eprintln!("at most {most:.2} degrees in a block");
}

#[test]
fn the_head_settles_where_the_voice_pauses_and_is_never_frozen() {
    let (mut during, mut after) = (0.0, 0.0);
    for seed in 0..40 {
        let (mut head, mut speech) = (Head::new(seed), speech(1.0));
        let mut poses = Vec::new();
        for k in 0..300 {
            let voice = if k < 200 { 1.0 } else { 0.0 };
            let heed = if k < 200 { speech() } else { Heed::default() };
            let p = head.step(voice, &heed, 0.0, &MotionStyle::default());
            poses.push([p.yaw, p.pitch, p.roll]);
        }
        let speed = |range: std::ops::Range<usize>| {
            let moves = poses[range].windows(2).map(|w| (0..3).map(|i| (w[1][i] - w[0][i]).abs()).sum::<f32>());
            moves.sum::<f32>()
        };
        (during, after) = (during + speed(120..200), after + speed(220..300));
        assert!(speed(240..300) > 0.05, "seed {seed} froze");
    }
    eprintln!("{:.2} of the speed is left in pauses", after / during);
    assert!(after < 0.45 * during, "{during} before and {after} after");
}

#[test]
fn a_stress_brings_the_chin_down_and_it_comes_up_again() {
    // A stress also decides what chance does next: the mean of many heads shows what it does itself.
    let mut pitch = [0.0f32; 60];
    for seed in 0..600 {
        let (mut with, mut without) = (Head::new(seed), Head::new(seed));
        for (k, sum) in pitch.iter_mut().enumerate() {
            let stress = if k < 20 { 0.0 } else { (-((k - 20) as f32) * DT / 0.16).exp() };
            let plain = Heed { voice: 1.0, loud: 0.5, ..Heed::default() };
            let stressed = with.step(1.0, &Heed { stress, ..plain }, 0.0, &MotionStyle::default());
            *sum += (stressed.pitch - without.step(1.0, &plain, 0.0, &MotionStyle::default()).pitch) / 600.0;
        }
    }
    let lowest = pitch.iter().copied().fold(0.0, f32::min);
    assert!((-4.0..-0.8).contains(&lowest) && pitch[59].abs() < 0.7, "{pitch:?}");
}

#[test]
fn who_listens_nods_now_and_then_and_shifts_the_posture() {
    let mut attend = Attend::new(&mut fastrand::Rng::with_seed(5));
    let mut rng = fastrand::Rng::with_seed(6);
    let dips: Vec<f32> = (0..50 * 600).map(|_| attend.step(&mut rng, 0.0)).collect();
    let nods = dips.windows(2).filter(|w| w[0] == 0.0 && w[1] < 0.0).count();
    assert!((8..35).contains(&nods), "{nods} in ten minutes");
    assert!(dips.iter().all(|d| (-4.0..=0.0).contains(d)) && dips.windows(2).all(|w| (w[1] - w[0]).abs() < 0.35));

    let mut head = Head::new(8);
    let yaw: Vec<f32> =
        (0..50 * 600).map(|_| head.step(0.0, &Heed::default(), 0.0, &MotionStyle::default()).yaw).collect();
    // The mean of one half minute is another than that of the next.
    let means: Vec<f32> = yaw.chunks(1500).map(|c| c.iter().sum::<f32>() / 1500.0).collect();
    let spread = means.iter().fold(f32::MIN, |a, b| a.max(*b)) - means.iter().fold(f32::MAX, |a, b| a.min(*b));
    assert!(spread > 0.8, "{spread}");
}
