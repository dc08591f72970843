//! nft, iptables-save, iptables -L, ipvsadm and ipset: the rules of a node.
//!
//! nft 1.0.6, iptables 1.8.9 (nf_tables) `iptables/nft-shared.c` and `iptables/nft-ipv4.c`, ipvsadm 1.31, ipset 7.17. The
//! rules are the very ones that packets of this node meet.
//!
//! **Left out**: changing rules; handles; what counters counted: they show zero; names in place of numbers in ipvsadm's list.

use super::site::{Site, host_of};
use crate::ip::Family;
use crate::netfilter::dialect::{ipset, iptables, ipvsadm, nft};
use crate::netfilter::{Chain, Policy, Ruleset, Table, TableFamily};
use crate::shell::Process;
use std::rc::Rc;
use std::sync::Arc;

fn ruleset(process: &Process, site: &Site) -> Arc<Ruleset> {
    site.with_network(|network| {
        let host = network.host(&host_of(process.place()));
        host.map(|it| it.ruleset.clone()).unwrap_or_default()
    })
}

/// Whether a node's rules are spoken of in nft's language.
fn is_nftables(site: &Site) -> bool {
    site.world().mode.name == "nftables"
}

pub(super) async fn nft(process: Process, site: Rc<Site>) -> u8 {
    // The forms of the command line, each with what it lists.
    let words: Vec<&str> = process
        .arguments()
        .iter()
        .map(String::as_str)
        .filter(|it| !it.starts_with('-'))
        .collect();
    let [verb, rest @ ..] = words.as_slice() else {
        process.complain("Usage: nft [ options ] [ cmds... ]\n");
        return 1;
    };
    if *verb != "list" {
        process.complain("netlink: Error: cache initialization failed: Operation not permitted\n");
        return 1;
    }
    let ruleset = ruleset(&process, &site);
    let found = match rest {
        ["ruleset"] => Some(nft::list(&ruleset)),
        ["ruleset", family] => {
            let of = ruleset
                .tables()
                .iter()
                .filter(|it| it.key.family.name() == *family);
            Some(of.map(nft::list_table).collect())
        }
        ["tables"] => Some(
            ruleset
                .tables()
                .iter()
                .map(|it| format!("table {}\n", it.key))
                .collect(),
        ),
        ["chains"] => Some(ruleset.tables().iter().map(chains_of).collect()),
        ["table", table @ ..] => named(&ruleset, table).map(nft::list_table),
        ["chain" | "map" | "set", place @ ..] => match place {
            [table @ .., name] => named(&ruleset, table).and_then(|it| part(it, rest[0], name)),
            [] => None,
        },
        ["maps" | "sets"] => Some(
            ruleset
                .tables()
                .iter()
                .map(|it| declarations(it, rest[0]))
                .collect(),
        ),
        _ => {
            process.complain(&format!(
                "Error: syntax error, unexpected {}\n",
                rest.first().unwrap_or(&"end of file")
            ));
            return 1;
        }
    };
    match found {
        Some(text) => {
            process.print(&text);
            0
        }
        None => {
            let command = words.join(" ");
            let last = rest.last().map_or(0, |it| it.len());
            let marks = format!("{}{}", " ".repeat(command.len() - last), "^".repeat(last));
            process.complain(&format!(
                "Error: No such file or directory\n{command}\n{marks}\n"
            ));
            1
        }
    }
}

/// `ip kube-proxy`, or a name alone, which is of the family ip.
fn named<'a>(ruleset: &'a Ruleset, words: &[&str]) -> Option<&'a Table> {
    let (family, name) = match words {
        [family, name] => (*family, *name),
        [name] => ("ip", *name),
        _ => return None,
    };
    ruleset
        .tables()
        .iter()
        .find(|it| it.key.family.name() == family && *it.key.name == *name)
}

/// One chain, map or set in the braces of its table, cut out of the table's own listing.
fn part(table: &Table, noun: &str, name: &str) -> Option<String> {
    let listing = nft::list_table(table);
    let head = format!("\t{noun} {name} {{");
    let mut inside = false;
    let mut lines = Vec::new();
    for line in listing.lines() {
        inside |= line == head;
        if inside {
            lines.push(line);
        }
        if inside && line == "\t}" {
            break;
        }
    }
    (!lines.is_empty()).then(|| format!("table {} {{\n{}\n}}\n", table.key, lines.join("\n")))
}

/// The chains of a table without their rules.
fn chains_of(table: &Table) -> String {
    let mut text = format!("table {} {{\n", table.key);
    for chain in table.chains.iter() {
        text.push_str(&format!("\tchain {} {{\n", chain.name));
        if chain.base.is_some() {
            let listing = nft::list_table(table);
            let head = format!("\tchain {} {{", chain.name);
            let mut lines = listing.lines().skip_while(|it| *it != head);
            if let Some(line) = lines.nth(1) {
                text.push_str(&format!("{line}\n"));
            }
        }
        text.push_str("\t}\n");
    }
    text.push_str("}\n");
    text
}

/// The sets or maps of a table without their elements.
fn declarations(table: &Table, nouns: &str) -> String {
    let maps = nouns == "maps";
    let mut text = format!("table {} {{\n", table.key);
    for set in table.sets.iter().filter(|it| it.is_map() == maps) {
        let noun = if maps { "map" } else { "set" };
        let Some(whole) = part(table, noun, &set.name) else {
            continue;
        };
        let mut in_elements = false;
        for line in whole.lines().skip(1).take_while(|it| *it != "}") {
            in_elements |= line.trim_start().starts_with("elements = {");
            if !in_elements {
                text.push_str(&format!("{line}\n"));
            }
            if in_elements && line.ends_with('}') {
                in_elements = false;
            }
        }
    }
    text.push_str("}\n");
    text
}

fn family_of(process: &Process) -> TableFamily {
    TableFamily::from(if process.name().starts_with("ip6") {
        Family::V6
    } else {
        Family::V4
    })
}

pub(super) async fn iptables_save(process: Process, site: Rc<Site>) -> u8 {
    if is_nftables(&site) {
        // kube-proxy's own tables are none of iptables'.
        return 0;
    }
    let ruleset = ruleset(&process, &site);
    let words = process.arguments();
    let table = words.iter().skip_while(|it| *it != "-t").nth(1);
    let name = process.name().to_owned();
    let date = {
        let stamp = process.clock().stamp();
        let (_, text) = process
            .capture(
                &[
                    "date".into(),
                    "-d".into(),
                    stamp,
                    "+%a %b %e %H:%M:%S %Y".into(),
                ],
                "",
            )
            .await;
        text.trim_end().to_owned()
    };
    for block in iptables::save(&ruleset, family_of(&process)).split_inclusive("COMMIT\n") {
        let is_asked = table.is_none_or(|it| block.starts_with(&format!("*{it}\n")));
        if is_asked && !block.is_empty() {
            process.print(&format!(
                "# Generated by {name} v1.8.9 (nf_tables) on {date}\n{block}# Completed on {date}\n"
            ));
        }
    }
    0
}

/// What `iptables` was told.
#[derive(Default)]
struct Listed {
    table: Option<String>,
    chain: Option<String>,
    letters: String,
}

pub(super) async fn iptables(process: Process, site: Rc<Site>) -> u8 {
    // A table: one arm for each flag, then what they ask for together.
    let mut told = Listed::default();
    let mut words = process.arguments().iter().peekable();
    while let Some(word) = words.next() {
        match word.as_str() {
            "-t" | "--table" => told.table = words.next().cloned(),
            "--line-numbers" => told.letters.push('#'),
            "-w" => {
                if words
                    .peek()
                    .is_some_and(|it| it.bytes().all(|it| it.is_ascii_digit()))
                {
                    words.next();
                }
            }
            it if it.starts_with('-') && !it.starts_with("--") => {
                told.letters.push_str(&it[1..]);
                if it.ends_with(['L', 'S']) && words.peek().is_some_and(|it| !it.starts_with('-')) {
                    told.chain = words.next().cloned();
                }
            }
            "--list" => told.letters.push('L'),
            "--list-rules" => told.letters.push('S'),
            "--numeric" => told.letters.push('n'),
            "--verbose" => told.letters.push('v'),
            other => told.chain = Some(other.to_owned()),
        }
    }
    let name = process.name().to_owned();
    if let Some(letter) = told.letters.chars().find(|it| !"LSnvx#".contains(*it)) {
        let known = "ADIRFNXPEZ".contains(letter);
        process.complain(&match known {
            true => format!("{name} v1.8.9 (nf_tables): Could not fetch rule set generation id: Permission denied (you must be root)\n"),
            false => format!("{name} v1.8.9 (nf_tables): unknown option \"-{letter}\"\nTry `{name} -h' or '{name} --help' for more information.\n"),
        });
        return if known { 4 } else { 2 };
    }
    if !told.letters.contains(['L', 'S']) {
        process.complain(&format!("{name} v1.8.9 (nf_tables): no command specified\nTry `{name} -h' or '{name} --help' for more information.\n"));
        return 2;
    }
    let ruleset = if is_nftables(&site) {
        Arc::default()
    } else {
        ruleset(&process, &site)
    };
    let table_name = told.table.clone().unwrap_or_else(|| "filter".into());
    let family = family_of(&process);
    let table = ruleset
        .tables()
        .iter()
        .find(|it| it.key.family == family && *it.key.name == *table_name);
    let built_in: &[&str] = match table_name.as_str() {
        "filter" => &["INPUT", "FORWARD", "OUTPUT"],
        "nat" => &["PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"],
        "mangle" => &["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"],
        "raw" => &["PREROUTING", "OUTPUT"],
        _ => {
            process.complain(&format!("{name} v1.8.9 (nf_tables): table '{table_name}' does not exist\nPerhaps {name} or your kernel needs to be upgraded.\n"));
            return 3;
        }
    };
    let mut names: Vec<String> = built_in.iter().map(|it| (*it).to_owned()).collect();
    let others = table
        .iter()
        .flat_map(|it| it.chains.iter())
        .map(|it| it.name.to_string());
    let mut others: Vec<String> = others
        .filter(|it| !built_in.contains(&it.as_str()))
        .collect();
    others.sort();
    names.extend(others);
    if let Some(chain) = &told.chain {
        names.retain(|it| it == chain);
        if names.is_empty() {
            process.complain(&format!("{name}: No chain/target/match by that name.\n"));
            return 1;
        }
    }
    let chain = |it: &str| table.and_then(|table| table.chains.get(it));
    let text = match told.letters.contains('S') {
        true => specifications(&names, built_in, &chain, family),
        false => {
            let listings: Vec<String> = names
                .iter()
                .map(|it| listing(it, built_in.contains(&it.as_str()), table, &told, family))
                .collect();
            listings.join("\n")
        }
    };
    process.print(&text);
    0
}

/// `-S`: the rules as they are given.
fn specifications<'a>(
    names: &[String],
    built_in: &[&str],
    chain: &dyn Fn(&str) -> Option<&'a Chain>,
    family: TableFamily,
) -> String {
    let mut text = String::new();
    for name in names {
        text.push_str(&match built_in.contains(&name.as_str()) {
            true => format!("-P {name} {}\n", policy(chain(name))),
            false => format!("-N {name}\n"),
        });
    }
    for name in names {
        for rule in chain(name).map_or(&[][..], |it| &it.rules) {
            let words: Vec<String> = iptables::words(rule, family)
                .into_iter()
                .map(|it| it.text)
                .collect();
            text.push_str(&format!("-A {name} {}\n", words.join(" ")));
        }
    }
    text
}

fn policy(chain: Option<&Chain>) -> &'static str {
    match chain.and_then(|it| it.base) {
        Some(base) if base.policy == Policy::Drop => "DROP",
        _ => "ACCEPT",
    }
}

/// `-L`: a chain as a table.
fn listing(
    name: &str,
    is_built_in: bool,
    table: Option<&Table>,
    told: &Listed,
    family: TableFamily,
) -> String {
    let chain = table.and_then(|it| it.chains.get(name));
    let (verbose, numbered) = (told.letters.contains('v'), told.letters.contains('#'));
    let mut text = if is_built_in {
        let packets = if verbose { " 0 packets, 0 bytes" } else { "" };
        format!("Chain {name} (policy {}{packets})\n", policy(chain))
    } else {
        let calls = |it: &Chain| {
            it.rules
                .iter()
                .filter(|it| Columns::of(it, family).target == name)
                .count()
        };
        let n_references: usize = table
            .into_iter()
            .flat_map(|it| it.chains.iter())
            .map(calls)
            .sum();
        format!("Chain {name} ({n_references} references)\n")
    };
    let number = if numbered { "num  " } else { "" };
    text.push_str(&match verbose {
        true => format!("{number} pkts bytes target     prot opt in     out     source               destination         \n"),
        false => format!("{number}target     prot opt source               destination         \n"),
    });
    for (idx, rule) in chain.map_or(&[][..], |it| &it.rules).iter().enumerate() {
        let it = Columns::of(rule, family);
        if numbered {
            text.push_str(&format!("{:<4} ", idx + 1));
        }
        let opt = if family == TableFamily::Ip6 {
            "  "
        } else {
            "--"
        };
        let head = match verbose {
            true => format!(
                "{:>5} {:>5} {:<10} {:<4} {opt:<3} {:<6} {:<7} ",
                0, 0, it.target, it.protocol, it.input, it.output
            ),
            false => format!("{:<10} {:<4} {opt:<3} ", it.target, it.protocol),
        };
        text.push_str(
            &format!(
                "{head}{:<20} {:<20} {}\n",
                it.source, it.destination, it.rest
            )
            .replace("   \n", "   \n"),
        );
    }
    text
}

/// A rule in the columns of `-L`.
struct Columns {
    target: String,
    protocol: String,
    input: String,
    output: String,
    source: String,
    destination: String,
    rest: String,
}

impl Columns {
    /// Takes the words of a rule apart. What the columns do not hold is told as each match prints itself.
    fn of(rule: &crate::netfilter::Rule, family: TableFamily) -> Columns {
        // One pass over the words of a rule: one arm for each that has a column.
        let words: Vec<String> = iptables::words(rule, family)
            .into_iter()
            .map(|it| it.text)
            .collect();
        let words: Vec<String> = words.iter().flat_map(|it| tokens(it)).collect();
        let anywhere = if family == TableFamily::Ip6 {
            "::/0"
        } else {
            "0.0.0.0/0"
        };
        let mut it = Columns {
            target: String::new(),
            protocol: "0".into(),
            input: "*".into(),
            output: "*".into(),
            source: anywhere.into(),
            destination: anywhere.into(),
            rest: String::new(),
        };
        let mut rest: Vec<String> = Vec::new();
        let mut negation = "";
        let mut words = words.iter().map(String::as_str);
        let number = |name: &str| match name {
            "tcp" => "6".to_owned(),
            "udp" => "17".to_owned(),
            "icmp" => "1".to_owned(),
            "sctp" => "132".to_owned(),
            "ipv6-icmp" | "icmpv6" => "58".to_owned(),
            other => other.to_owned(),
        };
        let bare = |text: &str| {
            text.strip_suffix("/32")
                .or(text.strip_suffix("/128"))
                .unwrap_or(text)
                .to_owned()
        };
        while let Some(word) = words.next() {
            let mut value = || words.next().unwrap_or_default().to_owned();
            match word {
                "!" => {
                    negation = "!";
                    continue;
                }
                "-s" => it.source = format!("{negation}{}", bare(&value())),
                "-d" => it.destination = format!("{negation}{}", bare(&value())),
                "-i" => it.input = format!("{negation}{}", value()),
                "-o" => it.output = format!("{negation}{}", value()),
                "-p" => it.protocol = format!("{negation}{}", number(&value())),
                "-j" => it.target = value(),
                "-g" => {
                    it.target = value();
                    rest.push("[goto] ".into());
                }
                "-m" => match value().as_str() {
                    module @ ("tcp" | "udp" | "sctp") => rest.push(module.to_owned()),
                    "addrtype" => rest.push("ADDRTYPE match".into()),
                    "statistic" => rest.push("statistic".into()),
                    _ => {}
                },
                "--comment" => rest.push(format!("/* {} */", value().trim_matches('"'))),
                "--dport" => rest.push(format!("dpt:{negation}{}", value())),
                "--sport" => rest.push(format!("spt:{negation}{}", value())),
                "--dports" => rest.push(format!("multiport dports {negation}{}", value())),
                "--ctstate" => rest.push(format!(
                    "{}ctstate {}",
                    if negation.is_empty() { "" } else { "! " },
                    value()
                )),
                "--dst-type" => rest.push(format!("dst-type {negation}{}", value())),
                "--src-type" => rest.push(format!("src-type {negation}{}", value())),
                "--mode" => rest.push(format!("mode {}", value())),
                "--probability" => rest.push(format!("probability {}", value())),
                "--mark" => rest.push(format!("mark match {negation}{}", value())),
                "--to-destination" => rest.push(format!("to:{}", value())),
                "--reject-with" => rest.push(format!("reject-with {}", value())),
                "--set-xmark" | "--xor-mark" | "--or-mark" => {
                    let mark = value();
                    rest.push(marked(&mark));
                }
                "--random-fully" => rest.push("random-fully".into()),
                other => rest.push(other.trim_start_matches("--").to_owned()),
            }
            negation = "";
        }
        it.rest = rest.join(" ");
        it
    }
}

/// A mark that is only or-ed or xor-ed in is told so.
fn marked(text: &str) -> String {
    let number = |it: &str| u32::from_str_radix(it.trim_start_matches("0x"), 16).ok();
    match text.split_once('/').map(|it| (number(it.0), number(it.1))) {
        Some((Some(value), Some(mask))) if value == mask => format!("MARK or {value:#x}"),
        Some((Some(value), Some(0))) => format!("MARK xor {value:#x}"),
        _ => format!("MARK xset {text}"),
    }
}

/// The tokens of a word of a rule: quoted text is one.
fn tokens(word: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut open = String::new();
    let mut is_quoted = false;
    for it in word.chars() {
        match it {
            '"' => is_quoted = !is_quoted,
            ' ' if !is_quoted => {
                tokens.extend((!open.is_empty()).then(|| std::mem::take(&mut open)));
            }
            it => open.push(it),
        }
    }
    tokens.extend((!open.is_empty()).then_some(open));
    tokens
}

pub(super) async fn ipvsadm(process: Process, site: Rc<Site>) -> u8 {
    let told = process.arguments();
    let has = |letter: char, long: &str| {
        told.iter().any(|it| match it.strip_prefix("--") {
            Some(word) => word == long,
            None => it.starts_with('-') && it.contains(letter),
        })
    };
    let changes = |it: &&String| {
        let word = it.trim_start_matches('-');
        !matches!(word, "list" | "save" | "numeric" | "exact" | "sort")
            && !word.chars().all(|it| "LlSn".contains(it))
    };
    if let Some(it) = told.iter().find(changes) {
        process.complain(&format!(
            "ipvsadm: {it}: only -L and -S, with -n, are known here: kube-proxy changes this table\n"
        ));
        return 2;
    }
    let text = site.with_network(|network| {
        let host = network.host(&host_of(process.place()))?;
        let ipvs = &host.ruleset.ipvs;
        Some(match has('S', "save") {
            true => ipvsadm::save(ipvs),
            false => ipvsadm::list(ipvs, &host.dynamic.ipvs),
        })
    });
    process.print(&text.unwrap_or_default());
    0
}

pub(super) async fn ipset(process: Process, site: Rc<Site>) -> u8 {
    let words: Vec<&str> = process.arguments().iter().map(String::as_str).collect();
    let ruleset = ruleset(&process, &site);
    let (verb, names) = match words.as_slice() {
        [verb @ ("list" | "-L" | "save" | "-S"), names @ ..] => (*verb, names),
        [] => {
            process.complain(
                "ipset v7.17: No command specified\nTry `ipset help' for more information.\n",
            );
            return 1;
        }
        [verb, ..] => {
            process.complain(&format!(
                "ipset v7.17: {verb}: only list and save are known here: kube-proxy changes these sets\n"
            ));
            return 1;
        }
    };
    let name = names.iter().find(|it| !it.starts_with('-'));
    if let Some(name) = name
        && ruleset.ipvs.set(name).is_none()
    {
        process.complain("ipset v7.17: The set with the given name does not exist\n");
        return 1;
    }
    let is_wanted = |it: &str| name.is_none_or(|name| *name == it);
    if matches!(verb, "save" | "-S") {
        let sets = ruleset.ipvs.sets().iter();
        process.print(&ipset::save(sets.filter(|it| is_wanted(&it.name))));
        return 0;
    }
    if names.iter().any(|it| matches!(*it, "-n" | "-name")) {
        let sets = ruleset.ipvs.sets().iter().filter(|it| is_wanted(&it.name));
        process.print(&sets.map(|it| format!("{}\n", it.name)).collect::<String>());
        return 0;
    }
    let listing = ipset::list(&ruleset);
    let blocks: Vec<&str> = listing
        .split("\n\n")
        .filter(|it| {
            let title = it.lines().next().and_then(|it| it.strip_prefix("Name: "));
            title.is_some_and(is_wanted)
        })
        .map(str::trim_end)
        .collect();
    if !blocks.is_empty() {
        process.print(&format!("{}\n", blocks.join("\n\n")));
    }
    0
}
