//! The languages rules are written in.
//!
//! **Left out**: the languages of older tools (`iptables-legacy`, `arptables`, `ebtables`).

pub mod ipset;
pub mod iptables;
mod iptables_extensions;
mod iptables_lex;
mod iptables_modules;
mod iptables_parse;
mod iptables_print;
mod iptables_print_extensions;
mod iptables_symbols;
mod iptables_words;
pub mod ipvsadm;
pub mod nft;
mod nft_canonical;
mod nft_expression;
mod nft_lex;
mod nft_list;
mod nft_parse;
mod nft_print;
mod nft_print_statement;
mod nft_rule;
mod nft_set;
mod nft_statement;
mod nft_symbols;
mod nft_values;

pub use nft::Word;

use super::{Datum, Rule, Statement, TableKey, Transaction};
use serde::Serialize;

/// Whose language rules are shown in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Dialect {
    /// nft's.
    #[default]
    Nft,
    /// iptables', as `iptables-restore` reads and `iptables-save` prints it.
    Iptables,
}

impl Dialect {
    /// A change, as the tool that makes it reads it: `nft -f`, or `iptables-restore`.
    #[must_use]
    pub fn print(self, transaction: &Transaction) -> String {
        match self {
            Dialect::Nft => transaction.to_string(),
            Dialect::Iptables => iptables::restore(transaction),
        }
    }

    /// The words of a rule of this table.
    #[must_use]
    pub fn words(self, rule: &Rule, table: &TableKey) -> Vec<Word> {
        match self {
            Dialect::Nft => nft::words(rule),
            Dialect::Iptables => iptables::words(rule, table.family),
        }
    }

    /// Why a match did not hold, in this language's own words; none where it has none of its own.
    #[must_use]
    pub fn why_skipped(self, statement: &Statement, found: Option<&Datum>) -> Option<String> {
        match self {
            Dialect::Nft => None,
            Dialect::Iptables => iptables_words::why_skipped(statement, found),
        }
    }
}
