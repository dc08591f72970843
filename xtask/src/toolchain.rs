//! Two compilers: the machine's own for everything native, and one with a standard library for wasm.
//!
//! Mostly they are one and the same: `rustup target add wasm32-unknown-unknown` is all it takes. Where rustup's
//! downloads cannot or must not be used (`PACKETWALK_TOOLCHAIN=debian`), Debian's `rustc-web` compiler comes
//! in. It has no wasm standard library either, but its sources: the library is built once, into a private
//! toolchain folder of wrapper scripts. Only wasm is compiled with it; the tools are not, since the machine's
//! own compiler builds them faster.
//!
//! **Left out**: Debian releases without `rustc-web`, and using both compilers in one target folder.

use crate::machine::{Wanted, is_executable, program, search_path};
use crate::places::{Cache, emptied, fingerprint, put, root};
use crate::process::{LongStep, answer, command};
use crate::progress::say;
use anyhow::{Context, Result, bail};
use std::env;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// The target of everything that runs in a browser.
pub(crate) const WASM: &str = "wasm32-unknown-unknown";

const SWITCH: &str = "PACKETWALK_TOOLCHAIN";
const RUSTUP_LIMIT: Duration = Duration::from_secs(300);
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

/// A compiler, as its environment: how to call cargo so that this compiler is used throughout.
#[derive(Clone)]
pub(crate) struct Compiler {
    cargo: PathBuf,
    /// Folders that come first in PATH.
    first_in_path: Vec<PathBuf>,
    /// The private toolchain folder and its target folder; `None` for the machine's own compiler.
    private: Option<Private>,
}

#[derive(Clone)]
struct Private {
    toolchain: PathBuf,
    target: PathBuf,
}

impl Compiler {
    /// The compiler this very program was started by.
    pub(crate) fn of_the_machine(tools: &[PathBuf]) -> Compiler {
        let cargo = env::var_os("CARGO").map_or_else(|| PathBuf::from("cargo"), PathBuf::from);
        Compiler {
            cargo,
            first_in_path: tools.to_vec(),
            private: None,
        }
    }

    /// The same compiler with one more folder of tools in PATH.
    pub(crate) fn with_tools(mut self, bin: Option<PathBuf>) -> Compiler {
        self.first_in_path.extend(bin);
        self
    }

    fn of_folder(toolchain: PathBuf, tools: &[PathBuf]) -> Compiler {
        let bin = toolchain.join("bin");
        let mut first_in_path = vec![bin.clone()];
        first_in_path.extend_from_slice(tools);
        // Debian's compiler and the machine's own would otherwise throw away each other's work.
        let target = env::var_os("CARGO_TARGET_DIR")
            .map_or_else(|| root().join("target"), PathBuf::from)
            .join("web");
        Compiler {
            cargo: bin.join("cargo"),
            first_in_path,
            private: Some(Private { toolchain, target }),
        }
    }

    /// `cargo` with this compiler.
    pub(crate) fn cargo(&self) -> Command {
        self.program(&self.cargo)
    }

    /// Any program that may call cargo in its turn, with this compiler.
    pub(crate) fn program(&self, path: &Path) -> Command {
        let mut it = command(path);
        it.current_dir(root());
        for (name, value) in self.variables() {
            it.env(name, value);
        }
        if self.private.is_some() {
            for name in UNSET {
                it.env_remove(name);
            }
        }
        it
    }

    /// The environment that makes this compiler the one in use.
    fn variables(&self) -> Vec<(&'static str, OsString)> {
        let mut variables = vec![
            ("PATH", search_path(&self.first_in_path)),
            (
                "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS",
                shorter_paths().into(),
            ),
        ];
        if let Some(Private { toolchain, target }) = &self.private {
            variables.push(("RUSTC", toolchain.join("bin/rustc").into()));
            variables.push(("RUSTDOC", toolchain.join("bin/rustdoc").into()));
            variables.push(("CARGO_TARGET_DIR", target.into()));
        }
        variables
    }

    /// The same environment as lines for a shell.
    pub(crate) fn shell_lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if self.private.is_some() {
            lines.push(format!("unset {}", UNSET.join(" ")));
        }
        lines.push(export("RUSTUP_AUTO_INSTALL", "0"));
        for (name, value) in self.variables() {
            lines.push(export(name, &value.to_string_lossy()));
        }
        lines
    }
}

/// Flags that keep the folders of this machine out of what is shipped: a panic names its place in the source, and
/// crates lie in someone's home folder.
fn shorter_paths() -> String {
    let home = env::var_os("HOME").map(PathBuf::from);
    let cargo_home = env::var_os("CARGO_HOME").map(PathBuf::from);
    let Some(cargo_home) = cargo_home.or_else(|| Some(home?.join(".cargo"))) else {
        return String::new();
    };
    let Ok(indexes) = fs::read_dir(cargo_home.join("registry/src")) else {
        return String::new();
    };
    let mut folders: Vec<String> = indexes
        .filter_map(|it| it.ok()?.path().into_os_string().into_string().ok())
        // Flags are separated by spaces, so such a folder has to keep its long name.
        .filter(|it| !it.contains(char::is_whitespace))
        .collect();
    folders.sort();
    let flags: Vec<String> = folders
        .iter()
        .map(|it| format!("--remap-path-prefix={it}=/crates"))
        .collect();
    flags.join(" ")
}

/// What cargo and rustup tell their children about the compiler that is *not* to be used.
const UNSET: [&str; 3] = ["RUSTUP_TOOLCHAIN", "CARGO", "LD_LIBRARY_PATH"];

/// `export NAME='value'`.
pub(crate) fn export(name: &str, value: &str) -> String {
    format!("export {name}='{}'", value.replace('\'', "'\\''"))
}

/// Finds a compiler that can build for the browser, or makes one.
pub(crate) fn for_wasm(cache: &Cache, tools: &[PathBuf]) -> Result<Compiler> {
    let own = Compiler::of_the_machine(tools);
    if has_std(&mut command("rustc")) {
        return Ok(own);
    }
    if may_use_rustup()? && rustup_adds_std(cache) {
        return Ok(own);
    }
    let mine = Path::new("/usr/bin/rustc");
    if !(mine.exists() && debian_is_complete()) {
        Wanted {
            because: "a Rust compiler for wasm, with the sources of its standard library",
            choices: &[&DEBIAN_PACKAGES],
        }
        .install(cache)
        .with_context(|| {
            format!("no compiler for {WASM}: `rustup target add {WASM}` is the usual way")
        })?;
    }
    if has_std(&mut command(mine)) {
        return Ok(Compiler::of_folder(PathBuf::from("/usr"), tools));
    }
    let version =
        answer(command(mine).arg("-vV")).context("/usr/bin/rustc does not say its version")?;
    let place = cache
        .folder
        .join(format!("toolchain-{}", fingerprint(&version)));
    if !place.is_dir() {
        build_std(cache, &version, &place)?;
    }
    Ok(Compiler::of_folder(place, tools))
}

/// Whether rustup may be asked to download something: not where the switch says `debian`.
pub(crate) fn may_use_rustup() -> Result<bool> {
    match env::var(SWITCH).as_deref() {
        Err(env::VarError::NotPresent) | Ok("") => Ok(true),
        Ok("debian") => Ok(false),
        other => bail!(
            "{SWITCH} is {other:?}: leave it unset (rustup first) or set it to `debian` (never rustup)"
        ),
    }
}

fn has_std(rustc: &mut Command) -> bool {
    let Some(sysroot) = answer(rustc.args(["--print", "sysroot"])) else {
        return false;
    };
    let libraries = Path::new(&sysroot)
        .join("lib/rustlib")
        .join(WASM)
        .join("lib");
    fs::read_dir(libraries).is_ok_and(|mut it| {
        it.any(|it| it.is_ok_and(|it| it.file_name().to_string_lossy().starts_with("libstd-")))
    })
}

fn rustup_adds_std(cache: &Cache) -> bool {
    let Some(rustup) = program("rustup") else {
        return false;
    };
    let doing = format!("rustup target add {WASM} (the standard library for the browser)");
    say(&doing);
    let step = LongStep {
        doing: &doing,
        log: &cache.log("rustup"),
        remedy: "trying Debian's compiler next",
        limit: RUSTUP_LIMIT,
    };
    if let Err(error) = step.run(command(rustup).args(["target", "add", WASM])) {
        say(error.to_string());
        return false;
    }
    has_std(&mut command("rustc"))
}

fn debian_is_complete() -> bool {
    Path::new("/usr/lib/rustlib/src/rust/library/std").is_dir()
        && [
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
fn build_std(cache: &Cache, version: &str, place: &Path) -> Result<()> {
    let doing = "building the standard library for wasm with Debian's compiler, once";
    say(doing);
    let workshop = cache.workshop("std");
    emptied(&workshop)?;
    let seed = workshop.join("seed");
    write(&seed.join("Cargo.toml"), SEED_MANIFEST)?;
    write(&seed.join("src/lib.rs"), "#![no_std]\n")?;
    let sysroot = answer(command("/usr/bin/rustc").args(["--print", "sysroot"]))
        .context("/usr/bin/rustc has no sysroot")?;
    let sysroot = PathBuf::from(sysroot);
    let built = workshop.join("target");
    let mut cargo = command("/usr/bin/cargo");
    cargo.current_dir(&seed).args([
        "build",
        "--release",
        "--target",
        WASM,
        "-Zbuild-std=std,panic_abort,test",
    ]);
    cargo
        .env("RUSTC_BOOTSTRAP", "1")
        .env("RUSTC", "/usr/bin/rustc")
        .env("CARGO_TARGET_DIR", &built);
    // Without bitcode in the libraries they cannot take part in link-time optimisation. The sources are named
    // as in official builds, so that no path of this machine ends up in the page.
    let source = sysroot.join("lib/rustlib/src/rust");
    let commit = field(version, "commit-hash").unwrap_or("unknown");
    cargo.env(
        "RUSTFLAGS",
        format!(
            "-Cembed-bitcode=yes --remap-path-prefix={}=/rustc/{commit}",
            source.display()
        ),
    );
    for name in UNSET
        .iter()
        .chain(&["CARGO_ENCODED_RUSTFLAGS", "CARGO_BUILD_TARGET"])
    {
        cargo.env_remove(name);
    }
    LongStep {
        doing,
        log: &cache.log("std"),
        remedy: "if a download failed, run this again; or use rustup: rustup target add wasm32-unknown-unknown",
        limit: STD_LIMIT,
    }
    .run(&mut cargo)?;
    let folder = workshop.join("toolchain");
    take_libraries(
        &built.join(WASM).join("release/deps"),
        &folder.join("lib/rustlib").join(WASM).join("lib"),
    )?;
    let host = field(version, "host").context("/usr/bin/rustc does not name its host")?;
    wrap_compiler(&folder, &sysroot, host, place)?;
    put(&folder, place)?;
    emptied(&workshop)
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
    fn a_value_with_a_quote_survives_the_shell() {
        assert_eq!(export("A", "it's"), "export A='it'\\''s'");
    }

    #[test]
    fn a_field_of_the_version_is_found_by_its_whole_name() {
        let version = "rustc 1.96.0\nbinary: rustc\nhost: x86_64-unknown-linux-gnu\n";
        assert_eq!(field(version, "host"), Some("x86_64-unknown-linux-gnu"));
        assert_eq!(field(version, "hos"), None);
    }
}
