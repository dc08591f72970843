//! Faults sown on purpose: `verify` must find each of them.
//!
//! A fault is a change of the rules' text on its way to the kernel, which stands for the opposite mistake of the simulation: a rule that
//! was generated wrongly, a rule that is evaluated wrongly, a connection that is tracked wrongly. Each is looked for with the one flow
//! that shows it, and the difference between the listings alone does not count: packets must show it.
//!
//! Linux: needs the rights of root and the tools; without them it says so and passes.
//!
//! **Left out**: faults that need more than one flow to be seen.

use packetwalk::commands::verify::verify_requests_with;
use packetwalk::kernel::{iptables, nft, require_root};
use packetwalk_core::api::{File, read};
use packetwalk_core::net::Protocol;
use packetwalk_core::proxy::mode;
use packetwalk_core::sim::{Destination, HostId, Request, Source, World};
use std::cell::Cell;
use std::env;
use std::io::{self, Write};

/// In which mode, which flow shows it, what is put in place of what; without a `=>` what is added at the end.
const FAULTS: &str = include_str!("faults.txt");

/// Every so many faults are sown in a plain run.
const ONE_IN: usize = 10;

struct Fault<'a> {
    line: &'a str,
    mode: &'a str,
    request: Request,
    change: Change<'a>,
}

enum Change<'a> {
    Replace(&'a str, &'a str),
    Add(&'a str),
}

fn faults() -> Vec<Fault<'static>> {
    let lines = FAULTS
        .lines()
        .filter(|it| !it.is_empty() && !it.starts_with('#'));
    lines.map(fault).collect()
}

fn fault(line: &str) -> Fault<'_> {
    let parts: Vec<&str> = line.splitn(3, " | ").collect();
    let [mode, flow, change] = parts[..] else {
        panic!("{line:?} is no fault");
    };
    let change = match change.split_once(" => ") {
        Some((before, after)) => Change::Replace(before, after),
        None => Change::Add(change),
    };
    Fault {
        line,
        mode,
        request: request(flow),
        change,
    }
}

/// `FROM > TO [udp|icmp] [at NODE]`
fn request(flow: &str) -> Request {
    let (from, rest) = flow.split_once(" > ").expect("somebody and somewhere");
    let mut words = rest.split(' ');
    let to = words.next().expect("somewhere");
    let (mut protocol, mut enter_at) = (Protocol::Tcp, None);
    while let Some(word) = words.next() {
        match word {
            "udp" => protocol = Protocol::Udp,
            "icmp" => protocol = Protocol::Icmp,
            "at" => enter_at = words.next().map(|it| HostId::Node(it.to_owned())),
            other => panic!("{other:?} in {flow:?}"),
        }
    }
    let from = Source::parse(from).expect("a source");
    let to = Destination::parse(to, protocol).expect("a destination");
    Request {
        enter_at,
        ..Request::new(from, to)
    }
}

fn world(mode_name: &str) -> World {
    let file = File {
        name: "world.yaml".into(),
        text: include_str!("world.yaml").into(),
    };
    World::from_manifest(&read(&[file]), mode(mode_name), 1)
}

/// What the packets of a flow show, with a fault or without.
fn differences(fault: &Fault<'_>, is_sown: bool) -> Vec<String> {
    let n_changed = Cell::new(0);
    let tamper = |_: &str, rules: String| match (&fault.change, is_sown) {
        (_, false) => rules,
        (Change::Replace(before, after), true) => {
            n_changed.set(n_changed.get() + rules.matches(before).count());
            rules.replace(before, after)
        }
        (Change::Add(more), true) if rules.contains("table ip kube-proxy") => {
            n_changed.set(n_changed.get() + 1);
            format!("{rules}{more}\n")
        }
        (Change::Add(_), true) => rules,
    };
    let world = world(fault.mode);
    let report = verify_requests_with(&world, std::slice::from_ref(&fault.request), Some(&tamper));
    let report = report.unwrap_or_else(|it| panic!("{}: {it}", fault.line));
    assert!(
        n_changed.get() > 0 || !is_sown,
        "{}: no rule has this",
        fault.line
    );
    let shown = report
        .disagreements
        .iter()
        .filter(|it| it.about != "the listing");
    shown.map(ToString::to_string).collect()
}

fn may_run() -> bool {
    let able = require_root().and_then(|()| nft::version().map(|_| ()));
    match able.and_then(|()| iptables::are_installed()) {
        Ok(()) => true,
        Err(it) => {
            let _ = writeln!(io::stderr(), "\n*** SKIPPED faults: {it} ***\n");
            false
        }
    }
}

#[test]
fn every_fault_that_is_sown_is_found() {
    let all = faults();
    assert!(all.len() >= 30, "only {} faults", all.len());
    if !may_run() {
        return;
    }
    let is_long = env::var_os("PACKETWALK_LONG").is_some();
    let sown = all.iter().enumerate();
    let sown = sown.filter(|it| is_long || it.0 % ONE_IN == 0);
    let mut missed = Vec::new();
    for (_, fault) in sown {
        let without = differences(fault, false);
        assert!(without.is_empty(), "{}: {}", fault.line, without.join("\n"));
        if differences(fault, true).is_empty() {
            missed.push(fault.line);
        }
    }
    assert!(missed.is_empty(), "not found:\n{}", missed.join("\n"));
}
