//! Two compilers: the machine's own for everything native, and one with a standard library for wasm.
//!
//! Mostly they are one and the same: `rustup target add wasm32-unknown-unknown` is all it takes. Where rustup's
//! downloads cannot or must not be used (`PACKETWALK_TOOLCHAIN=debian`), Debian's compiler comes in, for wasm
//! only: the machine's own builds native code and tools faster.
//!
//! **Left out**: using both compilers in one target folder; they would throw away each other's work.

use crate::debian;
use crate::machine::{program, search_path};
use crate::places::{Cache, root};
use crate::process::{LongStep, answer, command};
use crate::progress::say;
use anyhow::{Result, bail};
use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// The target of everything that runs in a browser.
pub(crate) const WASM: &str = "wasm32-unknown-unknown";

const SWITCH: &str = "PACKETWALK_TOOLCHAIN";
const RUSTUP_LIMIT: Duration = Duration::from_secs(300);

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
pub(crate) const UNSET: [&str; 3] = ["RUSTUP_TOOLCHAIN", "CARGO", "LD_LIBRARY_PATH"];

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
    // What is there already comes before rustup, which may wait long for a network that does not answer.
    let ready = debian::ready_toolchain(cache);
    if ready.is_none() && may_use_rustup()? && rustup_adds_std(cache) {
        return Ok(own);
    }
    let toolchain = ready.map_or_else(|| debian::toolchain(cache), Ok)?;
    Ok(Compiler::of_folder(toolchain, tools))
}

/// Whether rustup may be asked to download something: not where the switch says `debian`.
pub(crate) fn may_use_rustup() -> Result<bool> {
    let value = env::var(SWITCH).unwrap_or_default();
    match value.as_str() {
        "" => Ok(true),
        "debian" => Ok(false),
        _ => bail!(
            "{SWITCH} is `{value}`: leave it unset (rustup first) or set it to `debian` (never rustup)"
        ),
    }
}

/// 95 for "rustc 1.95.0 (59807616e 2026-04-14)".
pub(crate) fn minor_version(rustc_says: &str) -> Option<u32> {
    rustc_says
        .split_whitespace()
        .nth(1)?
        .split('.')
        .nth(1)?
        .parse()
        .ok()
}

/// Whether that compiler has a standard library for the browser.
pub(crate) fn has_std(rustc: &mut Command) -> bool {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_with_a_quote_survives_the_shell() {
        assert_eq!(export("A", "it's"), "export A='it'\\''s'");
    }

    #[test]
    fn the_minor_version_is_read_from_what_the_compiler_says() {
        assert_eq!(
            minor_version("rustc 1.95.0 (59807616e 2026-04-14)"),
            Some(95)
        );
        assert_eq!(minor_version("rustc 1.100.0-nightly"), Some(100));
        assert_eq!(minor_version("clang"), None);
    }
}
