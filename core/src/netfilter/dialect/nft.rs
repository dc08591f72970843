//! The language of `nft`: printing, reading and comparing rules.
//!
//! `Display` prints what kube-proxy hands to `nft -f -` (knftables v0.0.18, kube-proxy 1.34–1.37):
//! words joined by single spaces, `mark and 0x00004000 != 0`, priorities as numbers.
//! [`list`] prints what `nft list ruleset` of nft 1.0.6 answers. [`parse`] reads both.
//!
//! **Left out**: quotes inside comments, which nft has no way to write; they are printed as
//! apostrophes. kube-proxy joins the ranges of all ServiceCIDRs by a bare comma; here every
//! separator has its spaces.

use super::nft_print::{
    Printer, flags_text, in_braces, kinds_of_set, name_text, quoted, type_text,
};
use crate::netfilter::{
    Chain, Command, Datum, Element, Expression, Object, Policy, Rule, Set, Statement, Transaction,
    Verb, Verdict,
};
use serde::Serialize;
use std::fmt;

pub use super::nft_canonical::{canonical, canonical_ruleset};
pub use super::nft_list::{list, list_table};
pub use super::nft_parse::{Listing, ParseError, parse, parse_listing};

/// A word of a rule's text. A comment is one word, spaces and all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Word {
    /// The word.
    pub text: String,
    /// Which statement of the rule it belongs to; none for the rule's comment.
    pub statement: Option<usize>,
}

/// The words of a rule's text, which is these words joined by spaces.
#[must_use]
pub fn words(rule: &Rule) -> Vec<Word> {
    Printer::command(None).rule(rule)
}

impl fmt::Display for Transaction {
    /// One command a line, each line ended.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for command in &self.commands {
            writeln!(f, "{command}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Verb::Add => "add",
            Verb::Create => "create",
            Verb::Delete => "delete",
            Verb::Destroy => "destroy",
            Verb::Flush => "flush",
        })
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Command {
            verb,
            table,
            object,
        } = self;
        let family = Some(table.family);
        let makes = matches!(verb, Verb::Add | Verb::Create);
        let at = format!("{} {}", table.family.name(), name_text(&table.name));
        match object {
            Object::Table { comment } => {
                write!(f, "{verb} table {at}")?;
                let comment = comment.iter().filter(|_| makes);
                let statements = comment.map(|it| format!("comment {}", quoted(it)));
                in_braces(f, &statements.collect::<Vec<_>>())
            }
            Object::Chain(chain) if makes => write!(f, "{verb} chain {at} {chain}"),
            Object::Chain(chain) => write!(f, "{verb} chain {at} {}", name_text(&chain.name)),
            Object::Set(set) => {
                let noun = if set.is_map() { "map" } else { "set" };
                write!(f, "{verb} {noun} {at} ")?;
                match makes {
                    true => write!(f, "{set}"),
                    false => f.write_str(&name_text(&set.name)),
                }
            }
            Object::Rule { chain, rule } => {
                let words = Printer::command(family).rule(rule);
                write!(f, "{verb} rule {at} {}", name_text(chain))?;
                words.iter().try_for_each(|it| write!(f, " {}", it.text))
            }
            Object::Element { set, element } => {
                let mut printer = Printer::command(family);
                match makes {
                    true => printer.element(element, &[], &[]),
                    false => printer.datum(&element.key, &[]),
                }
                let set = name_text(set);
                write!(f, "{verb} element {at} {set} {{ {} }}", printer.text())
            }
        }
    }
}

impl fmt::Display for Chain {
    /// Its name and, in braces, its hook and comment; its rules are commands of their own.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut statements = Vec::new();
        if let Some(base) = self.base {
            let (kind, hook, priority) = (base.kind.name(), base.hook, base.priority);
            statements.push(format!("type {kind} hook {hook} priority {priority}"));
            if base.policy == Policy::Drop {
                statements.push("policy drop".to_owned());
            }
        }
        let comment = self.comment.iter();
        statements.extend(comment.map(|it| format!("comment {}", quoted(it))));
        f.write_str(&name_text(&self.name))?;
        in_braces(f, &statements)
    }
}

impl fmt::Display for Set {
    /// Its name and, in braces, how it is declared, with the elements it already has.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut statements = vec![type_text(self)];
        if !self.flags.is_empty() {
            statements.push(format!("flags {}", flags_text(&self.flags)));
        }
        if let Some(size) = self.size {
            statements.push(format!("size {size}"));
        }
        if let Some(timeout) = self.timeout {
            let (secs, ms) = (timeout.as_secs(), timeout.as_millis() % 1000);
            statements.push(match ms {
                0 => format!("timeout {secs}s"),
                _ => format!("timeout {secs}s{ms}ms"),
            });
        }
        let comment = self.comment.iter();
        statements.extend(comment.map(|it| format!("comment {}", quoted(it))));
        if !self.is_empty() {
            let (keys, values) = kinds_of_set(self);
            let elements = self.elements().map(|it| {
                let mut printer = Printer::command(None);
                printer.element(it, &keys, &values);
                printer.text()
            });
            let elements: Vec<_> = elements.collect();
            statements.push(format!("elements = {{ {} }}", elements.join(" , ")));
        }
        f.write_str(&name_text(&self.name))?;
        in_braces(f, &statements)
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (idx, word) in words(self).iter().enumerate() {
            let space = if idx > 0 { " " } else { "" };
            write!(f, "{space}{}", word.text)?;
        }
        Ok(())
    }
}

/// Prints by one of the printer's methods.
macro_rules! printed {
    ($($noun:ty: |$printer:ident, $it:ident| $body:expr;)*) => {$(
        impl fmt::Display for $noun {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let mut $printer = Printer::command(None);
                let $it = self;
                $body;
                f.write_str(&$printer.text())
            }
        }
    )*};
}

printed! {
    Statement: |printer, it| printer.statement(it, &[]);
    Expression: |printer, it| printer.expression(it);
    Datum: |printer, it| printer.datum(it, &[]);
    Verdict: |printer, it| printer.verdict(it);
    Element: |printer, it| printer.element(it, &[], &[]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_joined_by_spaces_are_the_text_and_know_their_statement() {
        let text = "ip daddr @cluster-ips ip saddr != 10.0.0.0/8 \
                    mark set mark or 0x00004000 comment \"from outside\"";
        let rule: Rule = text.parse().expect("a rule");
        let words = words(&rule);
        let texts: Vec<_> = words.iter().map(|it| it.text.as_str()).collect();
        assert_eq!(texts.join(" "), text);
        assert_eq!(rule.to_string(), text);
        let of = |idx| {
            let mine = words.iter().filter(|it| it.statement == idx);
            mine.map(|it| it.text.as_str())
                .collect::<Vec<_>>()
                .join(" ")
        };
        assert_eq!(of(Some(0)), "ip daddr @cluster-ips");
        assert_eq!(of(Some(1)), "ip saddr != 10.0.0.0/8");
        assert_eq!(of(Some(2)), "mark set mark or 0x00004000");
        assert_eq!(of(None), "comment \"from outside\"");
    }

    #[test]
    fn removal_names_a_thing_and_nothing_more() {
        let text = "delete chain ip t c\nflush chain ip t c\ndelete map ip t m\n\
                    delete element ip t m { 10.0.0.1 . tcp . 80 }\ndestroy table ip t\n";
        let tx = parse(text).expect("a transaction");
        assert_eq!(tx.to_string(), text);
        let text = "delete element ip t m { 10.0.0.1 . tcp . 80 : drop }\n";
        let tx = parse(text).expect("a transaction");
        assert_eq!(
            tx.to_string(),
            "delete element ip t m { 10.0.0.1 . tcp . 80 }\n"
        );
    }

    #[test]
    fn a_quote_inside_a_comment_becomes_an_apostrophe() {
        let rule = crate::netfilter::rule().because(crate::netfilter::Note::comment("a \"b\""));
        assert_eq!(rule.to_string(), "comment \"a 'b'\"");
    }
}
