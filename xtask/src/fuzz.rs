//! Arbitrary bytes, guided by coverage, for a bounded time: the targets of `tests/fuzz`.
//!
//! libFuzzer's coverage is switched on by flags that every stable compiler knows, so neither nightly nor cargo-fuzz
//! is needed. What it finds interesting is kept in the cache, so that the next run goes on from there; what breaks
//! a target is left in `target/fuzz/found` and named.
//!
//! **Left out**: sanitizers, which need nightly, and find little in code without `unsafe`; other machines than x86-64
//! and arm64 with Linux.

use crate::places::root;
use crate::process::run;
use crate::setup::ForTests;
use anyhow::{Context, Result};
use std::fs;
use std::path::Path;
use std::process::Command;

/// A target, and the folders that hold examples of what it takes.
struct Target {
    name: &'static str,
    seeds: &'static [&'static str],
}

const TARGETS: [Target; 7] = [
    Target {
        name: "manifest",
        seeds: &[
            "tests/fuzz/corpus/manifest",
            "static/manifests",
            "tests/scenarios",
        ],
    },
    Target {
        name: "link",
        seeds: &["tests/fuzz/corpus/link"],
    },
    Target {
        name: "name",
        seeds: &["tests/fuzz/corpus/name"],
    },
    Target {
        name: "line",
        seeds: &["tests/fuzz/corpus/line"],
    },
    Target {
        name: "template",
        seeds: &["tests/fuzz/corpus/template"],
    },
    Target {
        name: "selector",
        seeds: &["tests/fuzz/corpus/selector"],
    },
    Target {
        name: "patch",
        seeds: &["tests/fuzz/corpus/patch"],
    },
];

/// What makes the compiler count which branches were taken.
const COVERAGE: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Ccodegen-units=1 --cfg fuzzing";

/// Builds the targets, and runs each for so many seconds.
pub(crate) fn run_all(ready: &ForTests, secs: u32) -> Result<()> {
    let machine = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let out = root().join("target/fuzz");
    run(ready
        .page
        .host
        .cargo()
        .env("RUSTFLAGS", COVERAGE)
        // Named, so that the flags reach our crates and not the build scripts.
        .args(["build", "--locked", "--profile", "tools", "--package"])
        .args(["packetwalk-fuzz", "--target", &machine, "--target-dir"])
        .arg(&out))?;
    let found = out.join("found");
    fs::create_dir_all(&found).with_context(|| format!("making {}", found.display()))?;
    for target in &TARGETS {
        let program = out
            .join(&machine)
            .join("tools")
            .join(format!("fuzz-{}", target.name));
        let kept = ready.page.cache.folder(&format!("fuzz/{}", target.name))?;
        run_one(target, &program, &kept, &found, secs)?;
    }
    Ok(())
}

fn run_one(target: &Target, program: &Path, kept: &Path, found: &Path, secs: u32) -> Result<()> {
    let mut fuzzer = Command::new(program);
    fuzzer
        .arg(format!("-max_total_time={secs}"))
        .arg(format!(
            "-artifact_prefix={}/{}-",
            found.display(),
            target.name
        ))
        // An input that takes longer than this is a finding of its own.
        .args(["-max_len=8192", "-timeout=20", "-rss_limit_mb=4096"])
        .args(["-verbosity=0", "-print_final_stats=1"])
        .arg(kept)
        .args(target.seeds.iter().map(|it| root().join(it)))
        .current_dir(root());
    run(&mut fuzzer).with_context(|| {
        format!(
            "the fuzz target \"{}\" broke; what broke it is in {}",
            target.name,
            found.display()
        )
    })
}
