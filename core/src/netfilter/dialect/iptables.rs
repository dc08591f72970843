//! The language of iptables: printing, reading and comparing rules.
//!
//! [`restore`] prints what kube-proxy hands to `iptables-restore --noflush --counters`
//! (Kubernetes 1.36), [`save`] what `iptables-save` of iptables 1.8.9 (nf_tables) answers, and
//! [`parse`] reads both. A rule's header tests (`-s -d -i -o -p`) stand before its other matches,
//! wherever the text has them, because that is the order the kernel asks them in.
//!
//! **Left out**: packet counters, which are printed as zero and not read; the two lines with the
//! date that `iptables-save` prints around a table; several addresses behind one `-s`; inserting
//! rules anywhere but at the end. A match or target outside this subset is kept as text.

use super::iptables_print::{Form, chain_line, rule_words};
use super::iptables_symbols::{builtin_rank, header_rank, is_header};
use super::nft::Word;
use crate::ip::Cidr;
use crate::netfilter::{
    Chain, CtKey, Datum, Expression, Object, Operand, Operator, Rule, Ruleset, Statement,
    TableFamily, TableKey, Transaction, Verb,
};
use crate::sorted::sort_by_key;
use std::collections::BTreeSet;
use std::fmt::Write;

pub use super::iptables_parse::{ParseError, parse, parse_rule};

/// The tables that iptables knows.
pub const TABLES: [&str; 5] = ["raw", "mangle", "nat", "filter", "security"];

/// The words of a rule as `iptables-save` prints it, without `-A` and the chain.
#[must_use]
pub fn words(rule: &Rule, family: TableFamily) -> Vec<Word> {
    rule_words(rule, Form::Listing, family)
}

/// What `iptables-restore --noflush` reads to make this change: table by table, first the chains,
/// then the rules, then the chains to be removed.
#[must_use]
pub fn restore(transaction: &Transaction) -> String {
    let mut tables: Vec<&TableKey> = Vec::new();
    for command in &transaction.commands {
        if !tables.contains(&&command.table) {
            tables.push(&command.table);
        }
    }
    let mut text = String::new();
    for table in tables {
        let (mut chains, mut rules, mut removed) = (String::new(), String::new(), String::new());
        // Declaring a chain makes it, and empties it: once is enough.
        let mut declared: BTreeSet<&str> = BTreeSet::new();
        let commands = transaction.commands.iter();
        for command in commands.filter(|it| it.table == *table) {
            // Writing to a String cannot fail.
            let _ = match (&command.object, command.verb) {
                (Object::Chain(chain), verb) => {
                    if declared.insert(&chain.name) {
                        let _ = writeln!(chains, "{}", chain_line(chain));
                    }
                    match verb {
                        Verb::Delete | Verb::Destroy => writeln!(removed, "-X {}", chain.name),
                        _ => Ok(()),
                    }
                }
                (Object::Rule { chain, rule }, _) => {
                    writeln!(rules, "{}", rule_line(chain, rule, Form::Command, table))
                }
                (Object::Table { .. } | Object::Set(_) | Object::Element { .. }, _) => Ok(()),
            };
        }
        let _ = write!(text, "*{}\n{chains}{rules}{removed}COMMIT\n", table.name);
    }
    text
}

/// What `iptables-save` (or `ip6tables-save`) answers: built-in chains in the order packets meet
/// them, the others by name.
#[must_use]
pub fn save(ruleset: &Ruleset, family: TableFamily) -> String {
    let mut text = String::new();
    let tables = ruleset.tables().iter();
    for table in tables.filter(|it| it.key.family == family) {
        let mut chains: Vec<&Chain> = table.chains.iter().collect();
        sort_by_key(&mut chains, |it| (builtin_rank(&it.name), it.name.clone()));
        // Writing to a String cannot fail.
        let _ = writeln!(text, "*{}", table.key.name);
        for chain in &chains {
            let _ = writeln!(text, "{}", chain_line(chain));
        }
        for chain in &chains {
            for rule in &chain.rules {
                let line = rule_line(&chain.name, rule, Form::Listing, &table.key);
                let _ = writeln!(text, "{line}");
            }
        }
        text.push_str("COMMIT\n");
    }
    text
}

fn rule_line(chain: &str, rule: &Rule, form: Form, table: &TableKey) -> String {
    let mut line = format!("-A {chain}");
    for word in rule_words(rule, form, table.family) {
        line.push(' ');
        line.push_str(&word.text);
    }
    line
}

/// The rule with its header tests in front, in the order the kernel asks them.
#[must_use]
pub fn ordered(mut rule: Rule) -> Rule {
    let last = usize::MAX;
    sort_by_key(&mut rule.statements, |it| header_rank(it).unwrap_or(last));
    rule
}

/// The rule without differences of spelling: a range of one address is the address, a range of
/// all addresses is no match, sixty a minute are one a second.
#[must_use]
pub fn canonical(rule: &Rule) -> Rule {
    let mut rule = rule.clone();
    rule.statements.retain(|it| !matches_everything(it));
    for statement in &mut rule.statements {
        if let Statement::Limit(limit) = statement {
            *limit = limit.in_largest_unit();
        }
        if (is_header(statement) || asks_flow(statement))
            && let Statement::Match {
                right: Operand::Value(value),
                ..
            } = statement
            && let Datum::Range(range) = value
            && range.prefix_len() == range.max_prefix_len()
        {
            *value = Datum::Address(range.addr());
        }
    }
    rule
}

/// Whether a statement asks for a part of the connection's flow.
fn asks_flow(statement: &Statement) -> bool {
    matches!(
        statement,
        Statement::Match {
            left: Expression::Ct(CtKey::Flow(..)),
            ..
        }
    )
}

/// The transaction with every rule as [`canonical`] leaves it, table by table: chains first.
#[must_use]
pub fn canonical_transaction(transaction: &Transaction) -> Transaction {
    let mut commands: Vec<_> = transaction.commands.clone();
    for command in &mut commands {
        if let Object::Rule { rule, .. } = &mut command.object {
            *rule = canonical(rule);
        }
    }
    let mut tables: Vec<TableKey> = Vec::new();
    for command in &commands {
        if !tables.contains(&command.table) {
            tables.push(command.table.clone());
        }
    }
    let place = |it: &TableKey| tables.iter().position(|key| key == it);
    sort_by_key(&mut commands, |it| {
        let is_rule = matches!(it.object, Object::Rule { .. });
        (place(&it.table), is_rule)
    });
    Transaction {
        commands,
        ipvs: transaction.ipvs.clone(),
    }
}

/// `-s 0.0.0.0/0`: it is accepted, and printed nowhere.
pub(super) fn matches_everything(statement: &Statement) -> bool {
    matches!(statement, Statement::Match {
        operator: Operator::Eq,
        right: Operand::Value(Datum::Range(range)),
        ..
    } if is_everything(*range) && is_header(statement))
}

fn is_everything(range: Cidr) -> bool {
    range.prefix_len() == 0
}
