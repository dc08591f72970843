//! A node's virtual servers, sets, rules and addresses as its own tools list them.
//!
//! `ipvsadm -Ln`, `ip -brief address`, `ipset list`, `iptables-save` and `ip6tables-save`, each under its name.
//!
//! **Left out**: the connections a running node has: none are counted here.

use super::DUMMY_INTERFACE;
use crate::netfilter::dialect::{ipset, iptables, ipvsadm};
use crate::netfilter::ipvs::{BoundAddress, Ipvs, State};
use crate::netfilter::{Ruleset, TableFamily};
use std::fmt::Write;

/// All of it, a section a tool.
#[must_use]
pub fn listing(ruleset: &Ruleset) -> String {
    let mut text = format!(
        "# ipvsadm -Ln\n{}",
        ipvsadm::list(&ruleset.ipvs, &State::default())
    );
    // Writing to a String cannot fail.
    let _ = write!(
        text,
        "\n# ip -brief address show {DUMMY_INTERFACE}\n{}",
        dummy_line(&ruleset.ipvs)
    );
    let _ = write!(text, "\n# ipset list\n{}", ipset::list(ruleset));
    for (family, tool) in [
        (TableFamily::Ip, "iptables-save"),
        (TableFamily::Ip6, "ip6tables-save"),
    ] {
        let saved = iptables::save(ruleset, family);
        if !saved.is_empty() {
            let _ = write!(text, "\n# {tool}\n{saved}");
        }
    }
    text
}

/// The dummy is never brought up: its addresses work all the same.
fn dummy_line(ipvs: &Ipvs) -> String {
    let is_on_dummy = |it: &&BoundAddress| &*it.interface == DUMMY_INTERFACE;
    let mut line = format!("{DUMMY_INTERFACE:<16} {:<14} ", "DOWN");
    for it in ipvs.addresses().iter().filter(is_on_dummy) {
        // Writing to a String cannot fail.
        let _ = write!(line, "{} ", crate::ip::Cidr::from(it.address));
    }
    line.push('\n');
    line
}
