//! The harness of packetwalk's tests: text in, text out.
//!
//! A case is a manifest and a request; what comes back is one line a way. Tests speak only to
//! these few functions, so that the interface of the core can change without touching them.

pub mod browser;

pub mod one_node;

pub mod evaluator_bench;

pub mod kubectl_bench;

pub mod evaluator_trace;

pub mod cluster;
pub mod walks;

pub mod kube_proxy;

pub mod large;

pub mod random;

use packetwalk_core::api::{File, Manifest, read};
use packetwalk_core::net::Protocol;
use packetwalk_core::sim::{Destination, Request, Source, World, outcomes};
use std::path::{Path, PathBuf};

/// The root of the repository.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .map(Path::to_path_buf)
        .unwrap_or_default()
}

/// The text of a file of the repository.
///
/// # Panics
/// If there is no such file.
#[must_use]
pub fn text(path: &str) -> String {
    let path = root().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|it| panic!("{}: {it}", path.display()))
}

/// Command lines and what they printed, from a file of cases: a line after `$ `, then its output up to the next; `#` at the
/// beginning says what the file is.
///
/// # Panics
/// If there is no such file.
#[must_use]
pub fn recorded(path: &str) -> Vec<(String, String)> {
    let text = text(path);
    let text = format!("\n{}", text.strip_suffix('\n').unwrap_or(&text));
    let cases = text.split("\n$ ").skip(1);
    let cases = cases.map(|it| match it.split_once('\n') {
        Some((line, output)) => (line.to_owned(), format!("{output}\n")),
        None => (it.to_owned(), String::new()),
    });
    cases.collect()
}

/// The manifest a text reads as.
#[must_use]
pub fn manifest(text: &str) -> Manifest {
    read(&[File {
        name: "test.yaml".into(),
        text: text.into(),
    }])
}

/// The world a text describes.
#[must_use]
pub fn world(text: &str) -> World {
    World::from_manifest(&manifest(text), None, 1)
}

/// The request as the command line would read it.
///
/// # Panics
/// If it cannot be read.
#[must_use]
pub fn request(from: &str, to: &str, protocol: Protocol) -> Request {
    Request::new(
        Source::parse(from).unwrap_or_else(|it| panic!("{from}: {it}")),
        Destination::parse(to, protocol).unwrap_or_else(|it| panic!("{to}: {it}")),
    )
}

/// Every way a request can go, a line each: probability, verdict, destination, what was rewritten.
///
/// # Panics
/// If the request cannot begin.
#[must_use]
pub fn ways(world: &World, from: &str, to: &str, protocol: Protocol) -> Vec<String> {
    let request = request(from, to, protocol);
    let outcomes = outcomes(world, &request, 256).unwrap_or_else(|it| panic!("{it}"));
    assert!(outcomes.ways.complete, "more than 256 ways");
    outcomes
        .ways
        .branches
        .iter()
        .map(|it| {
            let ending = &it.result.ending;
            let mut line = format!("{:.3} {}", it.probability, ending.verdict.name());
            if let Some(by) = ending.by {
                line.push_str(&format!(" by {by:?}").to_lowercase());
            }
            if let Some(object) = &ending.object {
                line.push_str(&format!(" {object}"));
            }
            if let Some(destination) = &ending.destination {
                line.push_str(&format!(" {destination}"));
            }
            if ending.rewritten {
                line.push_str(" rewritten");
            }
            if ending.masqueraded {
                line.push_str(" masqueraded");
            }
            line
        })
        .collect()
}

/// Whether iptables' own tools are here; says loudly where not.
#[must_use]
#[expect(clippy::print_stderr, reason = "a skipped test must say so")]
pub fn iptables_is_there(test: &str) -> bool {
    match packetwalk::kernel::iptables::are_installed() {
        Ok(()) => true,
        Err(error) => {
            eprintln!("\n*** SKIPPED {test}: {error}\n");
            false
        }
    }
}

/// Whether a kernel test can run here; says loudly why not.
#[must_use]
#[expect(clippy::print_stderr, reason = "a skipped test must say so")]
pub fn kernel_is_ours(test: &str) -> bool {
    match packetwalk::kernel::require_root() {
        Ok(()) => true,
        Err(error) => {
            eprintln!("\n*** SKIPPED {test}: {error}\n");
            false
        }
    }
}
