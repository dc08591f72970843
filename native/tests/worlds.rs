//! Worlds by lot, with real packets: the simulation and the kernel must agree about all of them.
//!
//! Linux: needs the rights of root and the tools; without them each test says so and passes. A plain run takes a sample; with
//! `PACKETWALK_LONG` it is the whole of what is promised.
//!
//! **Left out**: ipvs mode, which `verify` does not compare.

use packetwalk::commands::verify::verify_random;
use packetwalk::input::Settings;
use packetwalk::kernel::{iptables, nft, require_root};
use std::env;
use std::io::{self, Write};

fn may_run() -> bool {
    let able = require_root().and_then(|()| nft::version().map(|_| ()));
    match able.and_then(|()| iptables::are_installed()) {
        Ok(()) => true,
        Err(it) => {
            let name = std::thread::current().name().unwrap_or("?").to_owned();
            let _ = writeln!(io::stderr(), "\n*** SKIPPED {name}: {it} ***\n");
            false
        }
    }
}

/// How many worlds, and how many flows there are at least in them.
fn extent() -> (u64, usize) {
    match env::var_os("PACKETWALK_LONG") {
        Some(_) => (300, 10_000),
        None => (6, 200),
    }
}

fn agrees(mode: &str) {
    if !may_run() {
        return;
    }
    let (n_worlds, n_flows) = extent();
    let settings = Settings {
        mode: Some(mode.to_owned()),
        seed: 1,
    };
    let report = verify_random(n_worlds, &settings).unwrap_or_else(|it| panic!("{it}"));
    let told: Vec<String> = report
        .disagreements
        .iter()
        .map(ToString::to_string)
        .collect();
    let small: Vec<String> = report
        .small_worlds
        .iter()
        .map(ToString::to_string)
        .collect();
    assert!(
        told.is_empty(),
        "{}\n\n{}",
        told.join("\n\n"),
        small.join("\n\n")
    );
    assert!(
        report.flows.len() >= n_flows,
        "only {} flows",
        report.flows.len()
    );
    // Every world is compared to some depth, and what was not sent is not counted as sent.
    assert!(
        report.n_steps > 20 * report.flows.len(),
        "only {} steps",
        report.n_steps
    );
    assert!(report.n_left_out > 0, "no flow of SCTP was met");
}

#[test]
fn the_kernel_agrees_about_worlds_by_lot_in_nftables_mode() {
    agrees("nftables");
}

#[test]
fn the_kernel_agrees_about_worlds_by_lot_in_iptables_mode() {
    agrees("iptables");
}
