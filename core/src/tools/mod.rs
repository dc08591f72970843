//! The tools that people run inside pods and on nodes: curl and dig, ip and ss, nft and tcpdump.
//!
//! Each is a [`crate::shell::Program`] and prints in its real counterpart's format what it finds in the world: packets
//! really travel ([`crate::sim::visit`]), names are asked of the cluster's name server, rules are those of the node.
//! [`Workplace`] is what a shell runs in here: its clock is the cluster's, its places are workstation, pods and nodes.
//!
//! Versions: curl 7.88, BusyBox 1.36 wget and nslookup, BIND 9.18 dig, host and nslookup, iproute2 6.1, nft 1.0.6,
//! iptables 1.8.9, conntrack 1.4.7, tcpdump 4.99, OpenBSD nc, iputils ping.
//!
//! **Left out**: which tools an image has: every pod and node has all of them. Payloads: an HTTP server answers every
//! path with its pod's name, or with the text of the annotation `packetwalk.dev/response`. TLS is never spoken.

mod addresses;
mod attempt;
mod capture;
mod host;
mod http;
mod names;
mod probes;
mod rules;
mod served;
mod site;
mod sockets;
mod wget;
mod workplace;

pub use site::{Forward, Site, Stage};
pub use workplace::{Files, Workplace};

use crate::shell::{Process, Program, Running};
use std::rc::Rc;

/// A tool: its name, and how it runs.
type Tool = (&'static str, fn(Process, Rc<Site>) -> Running);

/// A line of a table: the name, and the tool as a future of its own.
macro_rules! table {
    ($table:ident: $($name:literal => $run:path,)*) => {
        const $table: &[Tool] = &[$(($name, |process, site| Box::pin($run(process, site)))),*];
    };
}

table! { EVERYWHERE:
    "curl" => http::curl,
    "wget" => wget::wget,
    "nslookup" => names::nslookup,
    "dig" => names::dig,
    "host" => host::host,
    "nc" => probes::nc,
    "ping" => probes::ping,
    "ss" => sockets::ss,
    "netstat" => sockets::netstat,
    "ip" => addresses::ip,
    "hostname" => addresses::hostname,
    "sysctl" => sockets::sysctl,
    "getent" => host::getent,
    "tcpdump" => capture::tcpdump,
}

table! { NODES:
    "nft" => rules::nft,
    "iptables-save" => rules::iptables_save,
    "ip6tables-save" => rules::iptables_save,
    "iptables" => rules::iptables,
    "ip6tables" => rules::iptables,
    "ipvsadm" => rules::ipvsadm,
    "ipset" => rules::ipset,
    "conntrack" => sockets::conntrack,
}

/// A tool that has got its site.
struct Placed {
    run: fn(Process, Rc<Site>) -> Running,
    site: Rc<Site>,
}

impl Program for Placed {
    fn run(&self, process: Process) -> Running {
        (self.run)(process, self.site.clone())
    }
}
