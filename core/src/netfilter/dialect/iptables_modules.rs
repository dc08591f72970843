//! iptables' matches that ask something outside the rules, read and printed: `set`, `ipvs`, `physdev`.
//!
//! iptables 1.8.9, `extensions/libxt_set.c`, `libxt_ipvs.c`, `libxt_physdev.c`.
//!
//! **Left out**: what [`ModuleMatch`] leaves out.

use super::iptables_parse::Module;
use crate::ip::{Cidr, IpAddr};
use crate::net::Protocol;
use crate::netfilter::{ModuleMatch, SetSide, Statement};

/// The match a module with its options stands for; none if anything about it is not known.
pub(super) fn parse(module: &Module) -> Option<Vec<Statement>> {
    module_match(module).map(|it| vec![Statement::Module(it)])
}

fn module_match(module: &Module) -> Option<ModuleMatch> {
    match module.name.as_str() {
        "set" => match module.options.as_slice() {
            [given] if given.name == "--match-set" => set(&given.values, given.is_negated),
            _ => None,
        },
        "physdev" => match module.options.as_slice() {
            [given] if given.name == "--physdev-is-in" => Some(ModuleMatch::PhysdevIsIn {
                inverted: given.is_negated,
            }),
            _ => None,
        },
        "ipvs" => ipvs(module),
        _ => None,
    }
}

fn set(values: &[String], inverted: bool) -> Option<ModuleMatch> {
    let [set, sides] = values else {
        return None;
    };
    let sides = sides.split(',').map(|it| match it {
        "src" => Some(SetSide::Source),
        "dst" => Some(SetSide::Destination),
        _ => None,
    });
    Some(ModuleMatch::Set {
        set: set.as_str().into(),
        sides: sides.collect::<Option<_>>()?,
        inverted,
    })
}

fn ipvs(module: &Module) -> Option<ModuleMatch> {
    let (mut address, mut protocol, mut port) = (None, None, None);
    for given in &module.options {
        let [value] = given.values.as_slice() else {
            return None;
        };
        match given.name.as_str() {
            _ if given.is_negated => return None,
            "--vaddr" => {
                let single = value.parse::<IpAddr>().ok().map(Cidr::from);
                address = Some(single.or_else(|| value.parse().ok())?);
            }
            "--vproto" => {
                let number = value.parse().ok().and_then(Protocol::from_number);
                protocol = Some(number.or_else(|| Protocol::from_name(value))?);
            }
            "--vport" => port = Some(value.parse().ok()?),
            _ => return None,
        }
    }
    (!module.options.is_empty()).then_some(ModuleMatch::Ipvs {
        address,
        protocol,
        port,
    })
}

/// The words of a match as `iptables-save` lists it: it puts the options in an order of its own.
pub(super) fn listed(module: &ModuleMatch) -> String {
    let ModuleMatch::Ipvs {
        address,
        protocol,
        port,
    } = module
    else {
        return module.to_string();
    };
    let mut text = "-m ipvs".to_owned();
    if let Some(it) = protocol {
        text.push_str(&format!(" --vproto {}", it.number()));
    }
    if let Some(it) = address {
        match it.prefix_len() == it.max_prefix_len() {
            true => text.push_str(&format!(" --vaddr {}", it.addr())),
            false => text.push_str(&format!(" --vaddr {it}")),
        }
    }
    if let Some(it) = port {
        text.push_str(&format!(" --vport {it}"));
    }
    text
}

/// Why such a match did not hold.
pub(super) fn why_skipped(module: &ModuleMatch, found: Option<&crate::netfilter::Datum>) -> String {
    match (module, found) {
        (ModuleMatch::Set { set, inverted, .. }, Some(found)) => {
            let element = crate::netfilter::ipset::element_text(found);
            match inverted {
                true => format!("{element} is in {set}"),
                false => format!("{element} is not in {set}"),
            }
        }
        (ModuleMatch::Set { set, .. }, None) => {
            format!("this packet has nothing that {set} could hold")
        }
        (ModuleMatch::Ipvs { .. }, _) => "ip_vs did not take it for this virtual server".into(),
        (ModuleMatch::PhysdevIsIn { inverted: true }, _) => "it came in by a bridge".into(),
        (ModuleMatch::PhysdevIsIn { .. }, _) => "it came in by no bridge".into(),
    }
}
