//! The Linux side: namespaces, links, rules, probes and what the kernel says about them.
//!
//! Linux: kernel 5.15 or later with nf_tables, veth and bridge; ct fields in traces need 6.17 or later.
//! Nothing here knows the simulation: the modules take and give plain structs and text.
//!
//! **Left out**: IPVS and SCTP probes; user namespaces, so the rights of root are needed.

pub mod conntrack;
mod error;
mod http;
pub mod inside;
pub mod iptables;
pub mod link;
pub mod monitor;
pub mod name_server;
mod netlink;
pub mod netns;
pub mod nft;
pub mod probe;
pub mod routing;
pub mod serve;
pub mod topology;
pub mod trace;

use std::{fs, thread};

use nix::sched::{CloneFlags, unshare};

pub use error::{Error, NftComplaint};
pub use netns::{Lab, LabId, Namespace, Place};

/// What to do when rights are missing.
pub(crate) const ROOT_HINT: &str = "run it as root (sudo), or in a container with --privileged; `render` and `trace` need no rights";

const CAPABILITIES: [(u32, &str); 2] = [(12, "CAP_NET_ADMIN"), (21, "CAP_SYS_ADMIN")];

/// Checks that this process may build labs: the capabilities, and then whether a namespace can really
/// be made, since a container may deny what the capabilities promise.
///
/// # Errors
/// [`Error::NotPermitted`], which says what is missing and what to do.
pub fn require_root() -> Result<(), Error> {
    let status = fs::read_to_string("/proc/thread-self/status")
        .map_err(|it| Error::system("read /proc/thread-self/status", it))?;
    let missing = missing_capabilities(&status);
    if !missing.is_empty() {
        return Err(not_permitted(missing.join(" and ")));
    }
    let attempt = thread::spawn(|| unshare(CloneFlags::CLONE_NEWNET)).join();
    match attempt {
        Ok(Ok(())) => Ok(()),
        Ok(Err(it)) => Err(not_permitted(format!("making a network namespace ({it})"))),
        Err(_) => Err(not_permitted("making a network namespace".to_owned())),
    }
}

fn not_permitted(missing: String) -> Error {
    Error::NotPermitted {
        missing,
        hint: ROOT_HINT,
    }
}

fn missing_capabilities(status: &str) -> Vec<&'static str> {
    let effective = status
        .lines()
        .find_map(|it| it.strip_prefix("CapEff:"))
        .and_then(|it| u64::from_str_radix(it.trim(), 16).ok())
        .unwrap_or(0);
    let is_missing = |(bit, _): &&(u32, &str)| effective >> bit & 1 == 0;
    CAPABILITIES
        .iter()
        .filter(is_missing)
        .map(|it| it.1)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_capabilities_are_named() {
        assert!(missing_capabilities("CapEff:\t000001fffeffffff\n").is_empty());
        assert_eq!(
            missing_capabilities("CapEff:\t0000000000001000\n"),
            ["CAP_SYS_ADMIN"]
        );
        assert_eq!(
            missing_capabilities("CapEff:\t0000000000000000\n"),
            ["CAP_NET_ADMIN", "CAP_SYS_ADMIN"]
        );
    }
}
