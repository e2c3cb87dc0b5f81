//! Blinks and gaze against what is published of people's.

use super::*;

fn run(voice: f32, seconds: usize, style: &MotionStyle) -> Vec<Look> {
    let mut eyes = Eyes::new(5);
    (0..seconds * 50).map(|_| eyes.step(voice, 0.0, style, &HeadPose::default())).collect()
}

fn blinks(looks: &[Look]) -> usize {
    looks.windows(2).filter(|w| w[0].blink < 0.5 && w[1].blink >= 0.5).count()
}

#[test]
fn people_who_speak_blink_more_than_people_who_listen() {
    let style = MotionStyle::default();
    let (talking, listening) = (blinks(&run(1.0, 1200, &style)) / 20, blinks(&run(0.0, 1200, &style)) / 20);
    eprintln!("{talking} speaking, {listening} listening");
    assert!((22..=32).contains(&talking), "{talking} a minute");
    assert!((14..=21).contains(&listening), "{listening} a minute");
}

#[test]
fn every_blink_shuts_the_eye_and_opens_it_again_within_half_a_second() {
    let looks = run(1.0, 300, &MotionStyle::default());
    let mut shut_for = 0;
    for l in &looks {
        shut_for = if l.blink > 0.5 { shut_for + 1 } else { 0 };
        assert!(shut_for <= 25 && (0.0..=1.0).contains(&l.blink));
    }
    assert!(looks.iter().any(|l| l.blink > 0.98));
}

#[test]
fn the_eyes_rest_on_the_camera_for_the_share_that_the_profile_asks() {
    for wanted in [0.5, 0.75, 0.95] {
        let style = MotionStyle { eye_contact: wanted, ..MotionStyle::default() };
        let looks = run(0.0, 2000, &style);
        let on = looks.iter().filter(|l| l.gaze.yaw.hypot(l.gaze.pitch) < 3.2).count() as f32 / looks.len() as f32;
        assert!((on - wanted).abs() < 0.08, "{on} instead of {wanted}");
    }
}

#[test]
fn the_eyes_stay_on_their_target_while_the_head_turns() {
    let style = MotionStyle::default();
    let (mut a, mut b) = (Eyes::new(9), Eyes::new(9));
    for i in 0..500 {
        let head = HeadPose { yaw: (i as f32 * 0.05).sin() * 8.0, ..HeadPose::default() };
        let (still, turning) = (a.step(0.5, 0.0, &style, &HeadPose::default()), b.step(0.5, 0.0, &style, &head));
        assert!((turning.gaze.yaw + head.yaw - still.gaze.yaw).abs() < 1e-4);
    }
}

#[test]
fn thought_looks_up_and_aside_and_back_at_the_listener_now_and_then() {
    let style = MotionStyle { eye_contact: 0.3, ..MotionStyle::default() };
    let mut eyes = Eyes::new(5);
    let looks: Vec<Look> = (0..50 * 600).map(|_| eyes.step(0.0, 1.0, &style, &HeadPose::default())).collect();
    let share = |of: fn(&Look) -> bool| looks.iter().filter(|l| of(l)).count() as f32 / looks.len() as f32;
    let (up, on) = (share(|l| l.gaze.pitch > 4.0), share(|l| l.gaze.yaw.hypot(l.gaze.pitch) < 3.2));
    assert!((0.55..0.8).contains(&up) && (0.2..0.42).contains(&on), "{up} up and {on} on the listener");
    assert!(share(|l| l.gaze.yaw > 4.0) > 0.1 && share(|l| l.gaze.yaw < -4.0) > 0.1, "to both sides");
}

/// Seconds between the beginnings of blinks.
fn intervals(looks: &[Look]) -> Vec<f32> {
    let begins = looks.windows(2).enumerate().filter(|(_, w)| w[0].blink < 0.5 && w[1].blink >= 0.5).map(|(i, _)| i);
    let begins: Vec<f32> = begins.map(|i| i as f32 * DT).collect();
    begins.windows(2).map(|w| w[1] - w[0]).collect()
}

/// The distribution function of the normal distribution (Abramowitz and Stegun 1964, 26.2.17), good to 1e-7.
fn normal_cdf(x: f32) -> f32 {
    let t = 1.0 / (1.0 + 0.231_641_9 * x.abs());
    let sum = [0.319_381_53, -0.356_563_78, 1.781_477_9, -1.821_256, 1.330_274_4];
    let sum = sum.iter().rev().fold(0.0, |s, a| t * (a + s));
    let above = (-0.5 * x * x).exp() / std::f32::consts::TAU.sqrt() * sum;
    if x > 0.0 { 1.0 - above } else { above }
}

#[test]
fn intervals_between_blinks_are_spread_as_peoples_are() {
    // Log-normal, the standard deviation 0.8 of the mean (see INTERVAL_SPREAD).
    let spread = (1.0f32 + 0.8 * 0.8).ln().sqrt();
    for (voice, minutes, ks_most) in [(0.0, 60, 0.09), (1.0, 60, 0.12), (0.0, 5, 0.2)] {
        let mut found = intervals(&run(voice, 60 * minutes, &MotionStyle::default()));
        let n = found.len() as f32;
        let mean = found.iter().sum::<f32>() / n;
        let moment = |k: i32| found.iter().map(|t| (t - mean).powi(k)).sum::<f32>() / n;
        let (cv, skew) = (moment(2).sqrt() / mean, moment(3) / moment(2).powf(1.5));
        found.sort_by(f32::total_cmp);
        let middle = mean.ln() - 0.5 * spread * spread;
        let far = |(i, t): (usize, &f32)| (normal_cdf((t.ln() - middle) / spread) - (i as f32 + 0.5) / n).abs();
        let ks = found.iter().enumerate().map(far).fold(0.0, f32::max);
        let rate = 60.0 / mean;
        eprintln!(
            "voice {voice}, {minutes} minutes: {rate:.1} blinks a minute, cv {cv:.2}, skew {skew:.2}, KS {ks:.3}"
        );
        assert!(if voice > 0.5 { (24.0..33.0).contains(&rate) } else { (10.0..30.0).contains(&rate) });
        assert!((0.6..1.05).contains(&cv) && ks < ks_most);
        // Garcia et al.: the distribution of every person has a skewness over 1.
        assert!(skew > 1.0 || minutes < 10, "skew {skew}");
    }
}

#[test]
fn glances_away_last_as_long_as_peoples_and_most_blinks_are_single() {
    for (voice, wanted) in [(0.0, 1.14), (1.0, 1.96)] {
        let looks = run(voice, 1800, &MotionStyle::default());
        let away: Vec<bool> = looks.iter().map(|l| l.gaze.yaw.abs() > 3.3).collect();
        let glances: Vec<f32> = away.chunk_by(|a, b| a == b).filter(|c| c[0]).map(|c| c.len() as f32 * DT).collect();
        let mean = glances.iter().sum::<f32>() / glances.len() as f32;
        assert!((mean - wanted).abs() < 0.15, "{mean} s instead of {wanted}");
        let found = intervals(&looks);
        let doubles = found.iter().filter(|t| **t < 0.6).count() as f32 / found.len() as f32;
        assert!((0.04..0.2).contains(&doubles), "{doubles}");
    }
}

#[test]
fn saccades_last_as_long_as_their_size_asks_and_nothing_moves_between_them() {
    let looks = run(0.0, 600, &MotionStyle::default());
    let moves: Vec<f32> =
        looks.windows(2).map(|w| (w[1].gaze.yaw - w[0].gaze.yaw).hypot(w[1].gaze.pitch - w[0].gaze.pitch)).collect();
    let still = moves.iter().filter(|m| **m < 1e-3).count() * 100 / moves.len();
    assert!(still > 90, "the eyes rest {still} % of the time");
    for saccade in moves.chunk_by(|a, b| (*a < 1e-3) == (*b < 1e-3)).filter(|c| c[0] >= 1e-3) {
        // 20 degrees take 65 ms; the clock has steps of 20.
        assert!(saccade.len() <= 5, "{saccade:?}");
    }
}
