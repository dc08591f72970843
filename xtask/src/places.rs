//! Where things lie: the source tree, and the cache of tools outside it.
//!
//! The cache is not in `target/`, because a fresh clone and `cargo clean` would otherwise pay for the tools
//! again. Whatever is put in it is made beside its place and moved there when complete, so an interrupted
//! step leaves nothing that looks finished.
//!
//! **Left out**: removing versions that are no longer used.

use crate::progress::say;
use anyhow::{Context, Result, anyhow};
use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// The root of the source tree.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("xtask lies one folder below the root")
}

/// The cache folder, with its parts.
#[derive(Clone)]
pub(crate) struct Cache {
    /// The folder itself.
    pub(crate) folder: PathBuf,
}

impl Cache {
    /// `$PACKETWALK_CACHE`, or `packetwalk` in the user's cache folder; made if absent.
    pub(crate) fn open() -> Result<Cache> {
        let folder = match (
            env::var_os("PACKETWALK_CACHE"),
            env::var_os("XDG_CACHE_HOME"),
            env::var_os("HOME"),
        ) {
            (Some(own), _, _) if !own.is_empty() => PathBuf::from(own),
            (_, Some(xdg), _) if !xdg.is_empty() => PathBuf::from(xdg).join("packetwalk"),
            (_, _, Some(home)) => PathBuf::from(home).join(".cache/packetwalk"),
            _ => {
                return Err(anyhow!(
                    "there is no HOME to keep tools in: set PACKETWALK_CACHE to a folder"
                ));
            }
        };
        let folder =
            std::path::absolute(&folder).context("the cache folder has no absolute path")?;
        let cache = Cache { folder };
        for part in [cache.tools(), cache.logs()] {
            fs::create_dir_all(&part).with_context(|| {
                format!(
                    "cannot make {}: set PACKETWALK_CACHE to a folder you may write",
                    part.display()
                )
            })?;
        }
        Ok(cache)
    }

    /// Finished tools, a folder each.
    pub(crate) fn tools(&self) -> PathBuf {
        self.folder.join("tools")
    }

    /// The output of long steps.
    pub(crate) fn logs(&self) -> PathBuf {
        self.folder.join("logs")
    }

    /// A log by name.
    pub(crate) fn log(&self, name: &str) -> PathBuf {
        self.logs().join(format!("{name}.log"))
    }

    /// Where something is built before it is moved to its place; emptied when it is done.
    pub(crate) fn workshop(&self, name: &str) -> PathBuf {
        self.folder.join("build").join(name)
    }

    /// A folder of its own that is kept from run to run, made if it is not there.
    pub(crate) fn folder(&self, name: &str) -> Result<PathBuf> {
        let folder = self.folder.join(name);
        fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
        Ok(folder)
    }

    /// Waits until no other run changes the cache. The lock ends with the value, or with the process.
    pub(crate) fn lock(&self) -> Result<File> {
        let path = self.folder.join("lock");
        let file =
            File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
        if file.try_lock().is_err() {
            say(format!(
                "waiting for another `cargo xtask` that is setting up (it holds {})",
                path.display()
            ));
            file.lock()
                .with_context(|| format!("cannot lock {}", path.display()))?;
        }
        Ok(file)
    }
}

/// Moves a finished folder to its place in one step, replacing what is there.
pub(crate) fn put(finished: &Path, place: &Path) -> Result<()> {
    if place.exists() {
        fs::remove_dir_all(place).with_context(|| format!("cannot remove {}", place.display()))?;
    }
    fs::rename(finished, place)
        .with_context(|| format!("cannot move {} to {}", finished.display(), place.display()))
}

/// An empty folder, whatever was there before.
pub(crate) fn emptied(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)
            .with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))
}

/// A short name for some text, the same on every machine (FNV-1a): for keys of folders, not for safety.
pub(crate) fn fingerprint(text: &str) -> String {
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    format!("{hash:016x}")
}

/// The path as a person writes it, with `~` for the home folder.
pub(crate) fn friendly(path: &Path) -> String {
    let home = env::var_os("HOME").map(PathBuf::from);
    match home.as_deref().and_then(|it| path.strip_prefix(it).ok()) {
        Some(rest) => format!("~/{}", rest.display()),
        None => path.display().to_string(),
    }
}

/// The version of a package in `Cargo.lock`.
pub(crate) fn locked_version(package: &str) -> Result<String> {
    let path = root().join("Cargo.lock");
    let text =
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    version_in_lock(&text, package)
        .ok_or_else(|| anyhow!("{} has no package `{package}`", path.display()))
}

fn version_in_lock(lock: &str, package: &str) -> Option<String> {
    let name = format!("name = \"{package}\"");
    let mut lines = lock.lines().skip_while(|it| *it != name);
    let version = lines.nth(1)?.strip_prefix("version = \"")?;
    Some(version.trim_end_matches('"').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_locked_version_is_that_of_the_very_package() {
        let lock = "[[package]]\nname = \"ab-c\"\nversion = \"9.0.0\"\n\n[[package]]\nname = \"ab\"\nversion = \"1.2.3\"\n";
        assert_eq!(version_in_lock(lock, "ab").as_deref(), Some("1.2.3"));
        assert_eq!(version_in_lock(lock, "b"), None);
    }

    #[test]
    fn a_fingerprint_is_the_published_fnv() {
        assert_eq!(fingerprint(""), "cbf29ce484222325");
        assert_eq!(fingerprint("a"), "af63dc4c8601ec8c");
    }
}
