//! Debian's compiler for wasm, for machines where rustup downloads nothing.
//!
//! Debian's `rustc-web` comes without a standard library for wasm, but with its sources. The library is built
//! once, into a private toolchain folder: `lib/` holds what was built and links to Debian's own, `bin/` holds
//! wrapper scripts that name this folder as the compiler's root. The folder's name carries a fingerprint of the
//! compiler's version, since a library fits exactly one compiler.
//!
//! **Left out**: Debian releases without `rustc-web`, and Ubuntu, which has none.

use crate::machine::{Wanted, is_executable};
use crate::places::{Cache, emptied, fingerprint, put};
use crate::process::{LongStep, answer, command};
use crate::progress::say;
use crate::toolchain::{UNSET, WASM, has_std, minor_version};
use anyhow::{Context, Result, bail};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// `rust-version` in Cargo.toml.
const OLDEST_MINOR: u32 = 95;

const STD_LIMIT: Duration = Duration::from_secs(30 * 60);

/// Debian's compiler, its sources, its linker for wasm, and the lints and format that go with it.
const DEBIAN_PACKAGES: [&str; 7] = [
    "rustc-web",
    "cargo-web",
    "rust-web-src",
    "rust-web-llvm",
    "lld-22",
    "rust-web-clippy",
    "rustfmt-web",
];

/// A toolchain folder that can build for the browser, installed and built if need be.
pub(crate) fn toolchain(cache: &Cache) -> Result<PathBuf> {
    if !is_complete() {
        Wanted {
            because: "a Rust compiler for wasm, with the sources of its standard library",
            choices: &[&DEBIAN_PACKAGES],
        }
        .install(cache)
        .with_context(|| {
            format!("no compiler for {WASM}: `rustup target add {WASM}` is the usual way")
        })?;
    }
    if let Some(ready) = ready_toolchain(cache) {
        return Ok(ready);
    }
    let version = version().context("/usr/bin/rustc does not say its version")?;
    if minor_version(&version).is_none_or(|it| it < OLDEST_MINOR) {
        bail!(
            "/usr/bin/rustc is older than 1.{OLDEST_MINOR}: upgrade it with apt, or use `rustup target add {WASM}`"
        );
    }
    let place = place(cache, &version);
    build(cache, &version, &place)?;
    Ok(place)
}

/// The toolchain folder, if nothing remains to be done: built earlier, or Debian's own with the library packaged.
pub(crate) fn ready_toolchain(cache: &Cache) -> Option<PathBuf> {
    if !is_complete() || minor_version(&version()?)? < OLDEST_MINOR {
        return None;
    }
    if has_std(&mut command("/usr/bin/rustc")) {
        return Some(PathBuf::from("/usr"));
    }
    let place = place(cache, &version()?);
    place.is_dir().then_some(place)
}

fn version() -> Option<String> {
    answer(command("/usr/bin/rustc").arg("-vV"))
}

fn place(cache: &Cache, version: &str) -> PathBuf {
    cache
        .folder
        .join(format!("toolchain-{}", fingerprint(version)))
}

fn is_complete() -> bool {
    Path::new("/usr/lib/rustlib/src/rust/library/std").is_dir()
        && [
            "rustc",
            "cargo",
            "cargo-clippy",
            "clippy-driver",
            "rustdoc",
            "rust-lld",
        ]
        .iter()
        .all(|it| is_executable(&Path::new("/usr/bin").join(it)))
}

/// Builds the standard library for wasm from Debian's sources and wraps Debian's compiler around it.
fn build(cache: &Cache, version: &str, place: &Path) -> Result<()> {
    let doing = "building the standard library for wasm with Debian's compiler, once";
    say(doing);
    let workshop = cache.workshop("std");
    emptied(&workshop)?;
    let sysroot = answer(command("/usr/bin/rustc").args(["--print", "sysroot"]));
    let sysroot = PathBuf::from(sysroot.context("/usr/bin/rustc has no sysroot")?);
    let built = workshop.join("target");
    let step = LongStep {
        doing,
        log: &cache.log("std"),
        remedy: "if a download failed, run this again; `rustup target add wasm32-unknown-unknown` is the other way",
        limit: STD_LIMIT,
    };
    step.run(&mut cargo_for_std(
        &workshop.join("seed"),
        &built,
        &sysroot,
        version,
    )?)?;
    let folder = workshop.join("toolchain");
    let libraries = folder.join("lib/rustlib").join(WASM).join("lib");
    take_libraries(&built.join(WASM).join("release/deps"), &libraries)?;
    let host = field(version, "host").context("/usr/bin/rustc does not name its host")?;
    wrap_compiler(&folder, &sysroot, host, place)?;
    put(&folder, place)?;
    emptied(&workshop)
}

/// The call that compiles the library: an empty crate, `seed`, that needs all of it.
fn cargo_for_std(seed: &Path, built: &Path, sysroot: &Path, version: &str) -> Result<Command> {
    write(&seed.join("Cargo.toml"), SEED_MANIFEST)?;
    write(&seed.join("src/lib.rs"), "#![no_std]\n")?;
    let mut cargo = command("/usr/bin/cargo");
    cargo
        .current_dir(seed)
        .args(["build", "--release", "--target", WASM]);
    cargo.arg("-Zbuild-std=std,panic_abort,test");
    cargo
        .env("RUSTC_BOOTSTRAP", "1")
        .env("RUSTC", "/usr/bin/rustc")
        .env("CARGO_TARGET_DIR", built);
    // Without bitcode in the libraries they cannot take part in link-time optimisation. The sources are named
    // as in official builds, so that no path of this machine ends up in the page.
    let source = sysroot.join("lib/rustlib/src/rust");
    let commit = field(version, "commit-hash").unwrap_or("unknown");
    let renamed = format!("--remap-path-prefix={}=/rustc/{commit}", source.display());
    cargo.env("RUSTFLAGS", format!("-Cembed-bitcode=yes {renamed}"));
    for name in UNSET
        .iter()
        .chain(&["CARGO_ENCODED_RUSTFLAGS", "CARGO_BUILD_TARGET"])
    {
        cargo.env_remove(name);
    }
    Ok(cargo)
}

const SEED_MANIFEST: &str = "[package]
name = \"stdseed\"
version = \"0.0.0\"
edition = \"2021\"
[workspace]
[profile.release]
opt-level = 3
codegen-units = 1
";

fn take_libraries(built: &Path, libraries: &Path) -> Result<()> {
    fs::create_dir_all(libraries)
        .with_context(|| format!("cannot make {}", libraries.display()))?;
    for entry in fs::read_dir(built).with_context(|| format!("cannot read {}", built.display()))? {
        let entry = entry.with_context(|| format!("cannot read {}", built.display()))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.ends_with(".rlib") && !name.starts_with("libstdseed-") {
            fs::copy(entry.path(), libraries.join(&name))
                .with_context(|| format!("cannot copy {name}"))?;
        }
    }
    Ok(())
}

/// Fills `folder` with programs that behave as a toolchain at `place`.
fn wrap_compiler(folder: &Path, sysroot: &Path, host: &str, place: &Path) -> Result<()> {
    let bin = folder.join("bin");
    fs::create_dir_all(&bin).with_context(|| format!("cannot make {}", bin.display()))?;
    for part in [host, "src", "etc"] {
        let theirs = sysroot.join("lib/rustlib").join(part);
        if theirs.exists() {
            symlink(&theirs, folder.join("lib/rustlib").join(part))
                .with_context(|| format!("cannot link {part}"))?;
        }
    }
    for tool in ["rustc", "rustdoc", "clippy-driver"] {
        let path = bin.join(tool);
        // A link would not do: the compiler finds its libraries from where its file really is. The folder comes
        // last, because cargo-clippy expects its own first argument to stay first.
        write(
            &path,
            &format!(
                "#!/bin/sh\nexec /usr/bin/{tool} \"$@\" --sysroot '{}'\n",
                place.display()
            ),
        )?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755))
            .with_context(|| format!("cannot make {tool} executable"))?;
    }
    for tool in ["cargo", "rustfmt", "cargo-fmt"] {
        let theirs = Path::new("/usr/bin").join(tool);
        if theirs.exists() {
            symlink(&theirs, bin.join(tool)).with_context(|| format!("cannot link {tool}"))?;
        }
    }
    // A copy, not a link: it runs the clippy-driver that lies beside its own real file.
    fs::copy("/usr/bin/cargo-clippy", bin.join("cargo-clippy"))
        .context("cannot copy cargo-clippy")?;
    Ok(())
}

fn field<'a>(version: &'a str, name: &str) -> Option<&'a str> {
    version
        .lines()
        .find_map(|it| it.strip_prefix(name)?.strip_prefix(": "))
}

fn write(path: &Path, text: &str) -> Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_of_the_version_is_found_by_its_whole_name() {
        let version = "rustc 1.96.0\nbinary: rustc\nhost: x86_64-unknown-linux-gnu\n";
        assert_eq!(field(version, "host"), Some("x86_64-unknown-linux-gnu"));
        assert_eq!(field(version, "hos"), None);
    }
}
