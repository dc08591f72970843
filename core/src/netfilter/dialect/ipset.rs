//! The language of ipset: what `ipset list` and `ipset save` answer, and what `ipset restore` reads.
//!
//! ipset 7.17 on Linux 6.18, whose numbers of revisions and sizes these are.
//!
//! **Left out**: the seed each set hashes by, which is luck in the kernel and made from the set's name here; the
//! order of hashed elements, which follows from it (here they stand by address and port); what a bucket that two
//! elements share spares in memory; options that no set here has.

use crate::ip::Family;
use crate::netfilter::ipset::{IpSet, IpSetKind, element_text, parse_element};
use crate::netfilter::{ModuleMatch, Ruleset, Statement, TableFamily};
use std::fmt::Write;

/// What `ipset list` answers.
#[must_use]
pub fn list(ruleset: &Ruleset) -> String {
    let mut blocks = Vec::new();
    for set in ruleset.ipvs.sets() {
        let mut block = format!("Name: {}\nType: {}\n", set.name, set.kind.name());
        // Writing to a String cannot fail.
        let _ = writeln!(block, "Revision: {}", revision(set.kind));
        let _ = writeln!(block, "Header: {}", header(set));
        let _ = writeln!(block, "Size in memory: {}", size(set));
        let _ = writeln!(block, "References: {}", n_references(ruleset, set));
        let _ = writeln!(block, "Number of entries: {}", set.elements().len());
        block.push_str("Members:\n");
        for (element, _) in set.elements() {
            let _ = writeln!(block, "{}", element_text(element));
        }
        blocks.push(block);
    }
    blocks.join("\n")
}

/// What `ipset save` answers, and `ipset restore` reads.
#[must_use]
pub fn save<'a>(sets: impl IntoIterator<Item = &'a IpSet>) -> String {
    let mut text = String::new();
    for set in sets {
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "create {} {} {}",
            set.name,
            set.kind.name(),
            header(set)
        );
        for (element, _) in set.elements() {
            let _ = writeln!(text, "add {} {}", set.name, element_text(element));
        }
    }
    text
}

/// Reads what `ipset save` answered.
///
/// # Errors
/// The first line that is none, or is about a set of a type that is not known here.
pub fn parse(text: &str) -> Result<Vec<IpSet>, String> {
    let mut sets: Vec<IpSet> = Vec::new();
    for line in text.lines().map(str::trim).filter(|it| !it.is_empty()) {
        let refuse = || format!("{line:?} is no line of ipset that is read here");
        let words: Vec<&str> = line.split(' ').collect();
        match words.as_slice() {
            ["create", name, kind, options @ ..] => {
                let kind = IpSetKind::of(kind).ok_or_else(refuse)?;
                let family = match options.contains(&"inet6") {
                    true => Family::V6,
                    false => Family::V4,
                };
                sets.push(IpSet::new(name, kind, family));
            }
            ["add", name, element, ..] => {
                let set = sets.iter_mut().find(|it| *it.name == **name);
                let set = set.ok_or_else(refuse)?;
                let element = parse_element(element, set.kind).ok_or_else(refuse)?;
                set.insert(element, None);
            }
            _ => return Err(refuse()),
        }
    }
    Ok(sets)
}

fn header(set: &IpSet) -> String {
    let family = match set.family {
        Family::V4 => "inet",
        Family::V6 => "inet6",
    };
    match set.kind {
        IpSetKind::BitmapPort => "range 0-65535".into(),
        _ => format!(
            "family {family} hashsize 1024 maxelem 65536 bucketsize 12 initval {:#010x}",
            seed(&set.name)
        ),
    }
}

/// FNV-1a of the name.
fn seed(name: &str) -> u32 {
    name.bytes().fold(0x811c_9dc5, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    })
}

const fn revision(kind: IpSetKind) -> u32 {
    match kind {
        IpSetKind::HashIp | IpSetKind::HashIpPortIp => 6,
        IpSetKind::HashIpPort => 7,
        IpSetKind::HashIpPortNet => 8,
        IpSetKind::BitmapPort => 3,
    }
}

/// Bytes: of the empty set, and of each element's bucket.
fn size(set: &IpSet) -> usize {
    let (empty, bucket) = match (set.kind, set.family) {
        (IpSetKind::BitmapPort, _) => (8264, 0),
        (IpSetKind::HashIp, Family::V4) => (216, 40),
        (IpSetKind::HashIp, Family::V6) => (224, 64),
        (IpSetKind::HashIpPort, Family::V4) => (216, 48),
        (IpSetKind::HashIpPort, Family::V6) => (232, 72),
        (IpSetKind::HashIpPortIp, Family::V4) => (208, 56),
        (IpSetKind::HashIpPortIp, Family::V6) => (232, 104),
        (IpSetKind::HashIpPortNet, Family::V4) => (464, 56),
        (IpSetKind::HashIpPortNet, Family::V6) => (1256, 104),
    };
    empty + bucket * set.elements().len()
}

fn n_references(ruleset: &Ruleset, wanted: &IpSet) -> usize {
    let of = match wanted.family {
        Family::V4 => TableFamily::Ip,
        Family::V6 => TableFamily::Ip6,
    };
    let tables = ruleset.tables().iter();
    // A set of ports is of no family.
    let asking = tables.filter(|it| wanted.kind == IpSetKind::BitmapPort || it.key.family == of);
    let rules = asking
        .flat_map(|it| it.chains.iter())
        .flat_map(|it| &it.rules);
    let statements = rules.flat_map(|it| &it.statements);
    statements
        .filter(|it| matches!(it, Statement::Module(ModuleMatch::Set { set, .. }) if *set == wanted.name))
        .count()
}
