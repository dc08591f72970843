//! `packetwalk lab exec`: runs a program of this machine in the network of a pod, a node, or the client outside.
//!
//! A pod's own `/etc/resolv.conf` and `/etc/hosts` lie over this machine's, so names are looked up as in the pod.
//!
//! **Left out**: the files and programs of a container: nothing but the network is the pod's. Resolvers that do not read
//! `/etc/resolv.conf` (nscd, systemd-resolved's module of nsswitch).

use super::Which;
use crate::error::Error;
use crate::keeper::Home;
use crate::kernel::inside::{Overlay, become_command};
use crate::kernel::{self, Namespace};
use crate::lab::host_name;
use crate::output;
use packetwalk_core::sim::{HostId, Source};
use std::io::ErrorKind;

/// Run a command in the network of a pod, a node or the client outside
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    #[command(flatten)]
    which: Which,
    /// Where: pod/NAME, pod/NAMESPACE/NAME, node/NAME, or outside
    #[arg(value_name = "WHERE")]
    place: String,
    /// The pod's namespace
    #[arg(short, long, value_name = "NAMESPACE")]
    namespace: Option<String>,
    /// The command and its arguments
    #[arg(last = true, value_name = "COMMAND", required = true)]
    command: Vec<String>,
}

const EXAMPLES: &str = "Examples:
  sudo packetwalk lab exec pod/client -- curl -s http://api
  sudo packetwalk lab exec pod/client -n shop -- dig +search api
  sudo packetwalk lab exec node/node-1 -- nft list ruleset
  sudo packetwalk lab exec outside -- ping -c 1 172.18.0.3

The exit code is the command's own; 127 if there is no such command, 126 if it cannot be run.";

/// As shells have it: there is no such command, or it cannot be run.
const NOT_FOUND: u8 = 127;
const NOT_RUN: u8 = 126;

/// Becomes the command. Comes back only if it cannot be run.
pub(super) fn run(arguments: &Arguments) -> Result<u8, Error> {
    let Arguments {
        which,
        place,
        namespace,
        command,
    } = arguments;
    let host = host(place, namespace.as_deref())?;
    kernel::require_root()?;
    let home = Home::meant(which.name.as_deref())?;
    let files = home.files_of(&host);
    // A pod on its node's network is where its node is.
    let on = std::fs::read_to_string(files.join("place")).unwrap_or_else(|_| host.clone());
    let inside = Namespace::find(home.id(), &on)?.ok_or_else(|| {
        Error::Input(format!(
            "there is no {place} in the lab {}: packetwalk lab kubectl -- get pods,nodes -A shows what there is",
            home.id()
        ))
    })?;
    let overlays =
        [("resolv.conf", "/etc/resolv.conf"), ("hosts", "/etc/hosts")].map(|(name, over)| {
            Overlay {
                file: files.join(name),
                over,
            }
        });
    let error = match become_command(&inside, &overlays, command) {
        Ok(never) => match never {},
        Err(it) => it,
    };
    let kernel::Error::System { said, .. } = &error else {
        return Err(error.into());
    };
    let code = match said.kind() {
        ErrorKind::NotFound => NOT_FOUND,
        _ => NOT_RUN,
    };
    output::remark(&format!("packetwalk: {error}"));
    if code == NOT_FOUND {
        output::remark("a command inside a lab is this machine's own program: install it here");
    }
    Ok(code)
}

/// The host that a person names.
fn host(place: &str, namespace: Option<&str>) -> Result<String, Error> {
    if place == "outside" {
        return Ok(host_name(&HostId::Outside));
    }
    match (Source::parse(place)?, namespace) {
        (Source::Host(HostId::Pod(_, name)), Some(namespace)) if place.split('/').count() == 2 => {
            Ok(host_name(&HostId::Pod(namespace.to_owned(), name)))
        }
        (Source::Host(id), None) => Ok(host_name(&id)),
        (Source::Host(_), Some(_)) => Err(Error::Input(format!(
            "--namespace is for pod/NAME, and {place} is none"
        ))),
        (Source::Address(_), _) => Err(Error::Input(format!(
            "{place:?} is no place to run a command: write pod/NAME, pod/NAMESPACE/NAME, node/NAME or outside"
        ))),
    }
}
