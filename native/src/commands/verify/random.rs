//! `packetwalk verify --random N --seed S`: worlds by lot, the seeds S, S + 1 and so on, and some flows of each.
//!
//! **Left out**: what happens to a world while packets are on their way: each stands still.

use super::flows::some_flows;
use super::frequency::test_together;
use super::interrupt;
use super::rounds::Thoroughness;
use super::shrink::{Case, shrunk};
use super::{Found, Report, arms};
use crate::compare::Disagreement;
use crate::error::Error;
use crate::input::{Settings, modelled};
use crate::output;
use crate::random::{Dice, RandomWorld};
use packetwalk_core::api::{File, read};
use packetwalk_core::proxy::Mode;
use packetwalk_core::sim::World;
use std::time::{Duration, Instant};

/// How many flows of a world are sent.
const N_FLOWS: usize = 40;
/// The most differences that are made small: each takes a while.
const N_SHRUNK: usize = 4;
/// How often it is said how far the run has come.
const PROGRESS: Duration = Duration::from_secs(5);

/// Verifies the worlds of `n_worlds` seeds from `settings.seed` on.
///
/// # Errors
/// When this machine cannot, or somebody asked to end.
pub fn verify_random(n_worlds: u64, settings: &Settings) -> Result<Report, Error> {
    let mode = modelled(settings.mode.as_deref().unwrap_or("nftables"))?;
    let mut report = Report::default();
    let (began, mut told) = (Instant::now(), Instant::now());
    for n in 0..n_worlds {
        interrupt::check()?;
        let seed = settings.seed.wrapping_add(n);
        verify_one(seed, mode, &mut report)?;
        report.n_worlds += 1;
        if told.elapsed() > PROGRESS {
            told = Instant::now();
            output::remark(&progress(&report, n_worlds, began.elapsed()));
        }
    }
    let together = test_together(&report.samples);
    report.n_steps += together.n_steps;
    report.disagreements.extend(together.disagreements);
    Ok(report)
}

fn progress(report: &Report, n_worlds: u64, passed: Duration) -> String {
    format!(
        "{} of {n_worlds} worlds, {} flows, {} disagreements, {} s",
        report.n_worlds,
        report.flows.len(),
        report.disagreements.len(),
        passed.as_secs()
    )
}

/// The world of a manifest's text.
pub(super) fn world_of(text: &str, mode: &'static Mode, seed: u64) -> World {
    World::from_manifest(&read(&[file(text)]), Some(mode), seed)
}

pub(super) fn file(text: &str) -> File {
    File {
        name: "random.yaml".into(),
        text: text.into(),
    }
}

fn verify_one(seed: u64, mode: &'static Mode, report: &mut Report) -> Result<(), Error> {
    let documents = RandomWorld::new(seed).documents;
    let world = world_of(&crate::random::text_of(&documents), mode, seed);
    // Luck of its own, so that a world does not depend on how many flows are sent in it.
    let plans = some_flows(&world, &mut Dice::new(!seed), N_FLOWS);
    let Found {
        report: mut told,
        causes,
    } = found(&world, plans)?;
    for flow in &mut told.flows {
        flow.from.insert_str(0, &format!("seed {seed}: "));
    }
    report.take_in(told);
    let Some((plan, disagreement)) = causes.into_iter().next() else {
        return Ok(());
    };
    let row = plan.as_ref().map(super::shrink::row).unwrap_or_default();
    output::remark(&format!("seed {seed}: {row}: {disagreement}"));
    if report.small_worlds.len() < N_SHRUNK {
        let case = Case {
            documents,
            plan,
            disagreement,
            mode,
            seed,
        };
        let small = shrunk(case)?;
        output::remark(&small.to_string());
        report.small_worlds.push(small);
    }
    Ok(())
}

/// What both arms say; a kernel that refuses the rules disagrees as well.
pub(super) fn found(world: &World, plans: Vec<super::flows::FlowPlan>) -> Result<Found, Error> {
    match arms(world, None, plans, Thoroughness::OneWay) {
        Err(Error::Kernel(refusal)) if !refusal.is_about_the_machine() => {
            let disagreement = Disagreement {
                place: "the lab".to_owned(),
                about: "whether it can be built".to_owned(),
                simulated: "it can".to_owned(),
                kernel: refusal.to_string(),
            };
            Ok(Found {
                report: Report {
                    disagreements: vec![disagreement.clone()],
                    ..Report::default()
                },
                causes: vec![(None, disagreement)],
            })
        }
        other => other,
    }
}
