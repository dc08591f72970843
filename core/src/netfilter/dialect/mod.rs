//! The languages rules are written in.
//!
//! **Left out**: iptables' language, which comes with iptables mode.

pub mod nft;
mod nft_canonical;
mod nft_lex;
mod nft_list;
mod nft_parse;
mod nft_print;
mod nft_rule;
mod nft_set;
mod nft_symbols;
mod nft_values;
