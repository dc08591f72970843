//! The only place that starts iptables' tools: loading, checking and listing rules.
//!
//! Linux: iptables 1.8 with nf_tables beneath (`iptables-nft-restore(8)`, `iptables-nft-save(8)`), written
//! against 1.8.9. Its tables `filter`, `nat` and `mangle` are tables of nf_tables like any other: they are
//! traced, and listed with handles by `kernel::nft`.
//!
//! Rules of the older kernel interface (`iptables-legacy`) are listed, since a node may have them.
//!
//! **Left out**: loading rules by that interface, which no trace names.

use super::{
    error::Error,
    netns::Place,
    nft::{communicate, find},
};
use std::{fs, io, process::Output};

const HINT: &str = "install the package iptables (Debian, Ubuntu, Alpine and Arch call it so; Fedora iptables-nft)";

/// Which family's tools.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tools {
    /// `iptables-nft-restore` and `iptables-nft-save`.
    V4,
    /// `ip6tables-nft-restore` and `ip6tables-nft-save`.
    V6,
}

impl Tools {
    const fn restore(self) -> &'static str {
        match self {
            Self::V4 => "iptables-nft-restore",
            Self::V6 => "ip6tables-nft-restore",
        }
    }

    const fn save(self) -> &'static str {
        match self {
            Self::V4 => "iptables-nft-save",
            Self::V6 => "ip6tables-nft-save",
        }
    }

    const fn save_legacy(self) -> &'static str {
        match self {
            Self::V4 => "iptables-legacy-save",
            Self::V6 => "ip6tables-legacy-save",
        }
    }

    /// Where Linux names the tables of the older interface.
    const fn legacy_tables(self) -> &'static str {
        match self {
            Self::V4 => "/proc/thread-self/net/ip_tables_names",
            Self::V6 => "/proc/thread-self/net/ip6_tables_names",
        }
    }
}

/// Whether the tools are installed.
///
/// # Errors
/// When one is not.
pub fn are_installed() -> Result<(), Error> {
    for tools in [Tools::V4, Tools::V6] {
        find(tools.restore(), HINT)?;
        find(tools.save(), HINT)?;
    }
    Ok(())
}

/// Loads a text, table by table.
///
/// # Errors
/// When the tool is missing or refuses the text.
pub fn load<'a>(place: impl Into<Place<'a>>, tools: Tools, text: &str) -> Result<(), Error> {
    let place = place.into();
    let output = run(place, tools.restore(), &["--noflush"], text)?;
    succeeded(output, || format!("load the rules {place}")).map(|_| ())
}

/// Loads a text in place of all that its tables hold.
///
/// # Errors
/// When the tool is missing or refuses the text.
pub fn replace<'a>(place: impl Into<Place<'a>>, tools: Tools, text: &str) -> Result<(), Error> {
    let place = place.into();
    let output = run(place, tools.restore(), &[], text)?;
    succeeded(output, || format!("replace the rules {place}")).map(|_| ())
}

/// Checks a text without loading it.
///
/// # Errors
/// When the tool is missing or refuses the text.
pub fn check<'a>(place: impl Into<Place<'a>>, tools: Tools, text: &str) -> Result<(), Error> {
    let place = place.into();
    let output = run(place, tools.restore(), &["--noflush", "--test"], text)?;
    succeeded(output, || format!("check the rules {place}")).map(|_| ())
}

/// Everything that is loaded, as `iptables-save` prints it.
///
/// # Errors
/// When the tool is missing or fails.
pub fn save<'a>(place: impl Into<Place<'a>>, tools: Tools) -> Result<String, Error> {
    let place = place.into();
    let output = run(place, tools.save(), &[], "")?;
    succeeded(output, || format!("list the rules {place}"))
}

/// What the older kernel interface holds, as `iptables-legacy-save` prints it; nothing where it holds no table. It is not
/// asked otherwise, since the tool makes the tables it looks for.
///
/// # Errors
/// When there are tables and the tool is missing or fails.
pub fn save_legacy<'a>(place: impl Into<Place<'a>>, tools: Tools) -> Result<Option<String>, Error> {
    let place = place.into();
    let tables = place.run(|| fs::read_to_string(tools.legacy_tables()))?;
    // The file is not there where the module is not loaded.
    if tables.unwrap_or_default().trim().is_empty() {
        return Ok(None);
    }
    let output = run(place, tools.save_legacy(), &[], "")?;
    succeeded(output, || format!("list the rules {place}")).map(Some)
}

/// Empties every list of addresses that `-m recent` keeps.
///
/// # Errors
/// When the kernel refuses.
pub fn forget_addresses<'a>(place: impl Into<Place<'a>>) -> Result<(), Error> {
    const LISTS: &str = "/proc/thread-self/net/xt_recent";
    let empty = || -> io::Result<()> {
        let lists = match fs::read_dir(LISTS) {
            Ok(lists) => lists,
            // No rule asks for any.
            Err(it) if it.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(it) => return Err(it),
        };
        for list in lists {
            // A slash is the module's own word for "all of them".
            fs::write(list?.path(), "/\n")?;
        }
        Ok(())
    };
    place
        .into()
        .run(empty)?
        .map_err(|it| Error::system(format!("empty the lists in {LISTS}"), it))
}

fn run(
    place: Place<'_>,
    tool: &'static str,
    arguments: &[&str],
    input: &str,
) -> Result<Output, Error> {
    let program = find(tool, HINT)?;
    let start = || communicate(&program, arguments, input);
    place
        .run(start)?
        .map_err(|it| Error::system(format!("run {}", program.display()), it))
}

fn succeeded(output: Output, tried: impl Fn() -> String) -> Result<String, Error> {
    if output.status.success() {
        return String::from_utf8(output.stdout).map_err(|it| Error::Malformed {
            what: "the output of iptables",
            why: it.to_string(),
        });
    }
    let stderr = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    if stderr.contains("Permission denied") {
        return Err(Error::NotPermitted {
            missing: "CAP_NET_ADMIN".to_owned(),
            hint: super::ROOT_HINT,
        });
    }
    Err(Error::Iptables {
        tried: tried(),
        stderr: match stderr.is_empty() {
            true => format!("it ended with {} and said nothing", output.status),
            false => stderr,
        },
    })
}
