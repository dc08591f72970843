//! Everything that must be there before the page can be built, and before the tests can run.
//!
//! Each step first looks whether there is anything to do, so that a second run costs a blink. The cache is
//! locked meanwhile: two terminals may start at once.
//!
//! **Left out**: checking the network beforehand. A download that fails says so in its own words.

use crate::browser::{self, Browser};
use crate::machine::{Wanted, is_root, program};
use crate::npm;
use crate::places::{Cache, root};
use crate::process::{LongStep, answer, command};
use crate::progress::say;
use crate::toolchain::{self, Compiler};
use crate::tools::{CARGO_DENY, TRUNK, WASM_BINDGEN};
use anyhow::{Result, bail};
use std::path::PathBuf;
use std::time::Duration;

const FETCH_LIMIT: Duration = Duration::from_secs(20 * 60);

/// What building the page needs.
pub(crate) struct ForPage {
    /// Compiles everything native.
    pub(crate) host: Compiler,
    /// Compiles for the browser.
    pub(crate) web: Compiler,
    /// trunk itself.
    pub(crate) trunk: PathBuf,
    /// Where the tools and logs are.
    pub(crate) cache: Cache,
}

/// What the tests need beyond that.
pub(crate) struct ForTests {
    /// The page's needs.
    pub(crate) page: ForPage,
    /// The browser.
    pub(crate) browser: Browser,
}

/// Finds or installs what building the page needs.
pub(crate) fn for_page() -> Result<ForPage> {
    let cache = Cache::open()?;
    let _lock = cache.lock()?;
    page_locked(cache)
}

/// Finds or installs what the tests need, the page included.
pub(crate) fn for_tests() -> Result<ForTests> {
    let cache = Cache::open()?;
    let _lock = cache.lock()?;
    let mut page = page_locked(cache)?;
    lints_and_format(&page.cache)?;
    kernel_tools(&page.cache)?;
    cpp_compiler(&page.cache)?;
    let browser = browser::ready(&page.cache)?;
    page.host = page.host.with_tools(CARGO_DENY.ready(&page.cache)?);
    Ok(ForTests { page, browser })
}

fn page_locked(cache: Cache) -> Result<ForPage> {
    let mut tools = Vec::new();
    tools.extend(WASM_BINDGEN.ready(&cache)?);
    let trunk = TRUNK.ready(&cache)?;
    let trunk_program = trunk
        .as_ref()
        .map_or_else(|| PathBuf::from("trunk"), |it| it.join("trunk"));
    tools.extend(trunk);
    let web = toolchain::for_wasm(&cache, &tools)?;
    let host = Compiler::of_the_machine(&tools);
    fetch(&cache, &web)?;
    npm::editor_packages(&cache)?;
    Ok(ForPage {
        host,
        web,
        trunk: trunk_program,
        cache,
    })
}

/// Downloads the crates of `Cargo.lock`, for all targets, since trunk and cargo-deny are called with `--offline`.
fn fetch(cache: &Cache, web: &Compiler) -> Result<()> {
    let all_there = web
        .cargo()
        .args(["fetch", "--locked", "--offline", "--quiet"])
        .output();
    if all_there.is_ok_and(|it| it.status.success()) {
        return Ok(());
    }
    let doing = "downloading the crates of Cargo.lock";
    say(doing);
    let remedy = "if Cargo.lock does not fit Cargo.toml, `cargo check` brings it up to date";
    LongStep {
        doing,
        log: &cache.log("fetch"),
        remedy,
        limit: FETCH_LIMIT,
    }
    .run(web.cargo().args(["fetch", "--locked"]))
}

/// clippy and rustfmt come with rustup's usual profile, but not with its minimal one.
fn lints_and_format(cache: &Cache) -> Result<()> {
    let missing: Vec<&str> = [("clippy", "clippy"), ("rustfmt", "fmt")]
        .into_iter()
        .filter(|(_, subcommand)| {
            answer(command("cargo").args([subcommand, "--version"])).is_none()
        })
        .map(|(component, _)| component)
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let list = missing.join(" ");
    let type_this = format!("rustup component add {list}");
    if !toolchain::may_use_rustup()? || program("rustup").is_none() {
        bail!(
            "missing: {list} (every change is linted and formatted); install it beside your compiler, with rustup: {type_this}"
        );
    }
    say(format!(
        "{type_this} (every change is linted and formatted)"
    ));
    let mut rustup = command("rustup");
    rustup.args(["component", "add"]).args(&missing);
    LongStep {
        doing: &type_this,
        log: &cache.log("rustup-components"),
        remedy: "install it by hand",
        limit: FETCH_LIMIT,
    }
    .run(&mut rustup)
}

/// nft, iptables and ip, with which the kernel is asked for its opinion. Only root can ask it.
fn kernel_tools(cache: &Cache) -> Result<()> {
    let missing: Vec<&str> = [
        ("nft", "nftables"),
        ("iptables-restore", "iptables"),
        ("ip", "iproute2"),
        // What ipvs mode keeps its addresses in.
        ("ipset", "ipset"),
        // Reads the captures that `trace -o pcapng` writes.
        ("tshark", "tshark"),
        // What people type in a lab, and its tests with them.
        ("curl", "curl"),
        ("dig", "bind9-dnsutils"),
        ("ping", "iputils-ping"),
    ]
    .into_iter()
    .filter(|(name, _)| program(name).is_none())
    .map(|(_, package)| package)
    .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let wanted = Wanted {
        because: "the simulation is compared with this machine's kernel",
        choices: &[&missing],
    };
    match wanted.install(cache) {
        Err(error) if !is_root() => {
            say(format!("{error:#}"));
            say(
                "going on without: the kernel tests need root anyway and will say that they were skipped",
            );
            Ok(())
        }
        outcome => outcome,
    }
}

/// The fuzzer is C++.
fn cpp_compiler(cache: &Cache) -> Result<()> {
    if ["c++", "g++", "clang++"]
        .iter()
        .any(|it| program(it).is_some())
    {
        return Ok(());
    }
    let wanted = Wanted {
        because: "the fuzzer that invents inputs is written in C++",
        choices: &[&["g++"]],
    };
    wanted.install(cache)
}

/// The root of the source tree, as the first line of `cargo xtask env` names it.
pub(crate) fn headline() -> String {
    format!(
        "# the environment in which wasm is built for {}",
        root().display()
    )
}
