//! Why a match of an iptables rule did not hold, in a few words.
//!
//! **Left out**: expressions only nft has; they get nft's words.

use super::iptables_modules;
use super::iptables_print::CTSTATUS;
use super::iptables_symbols::{address_type_text, bits_text, protocol_text};
use crate::netfilter::{
    AddressSelector, BitOperation, CtKey, Datum, Expression, FibResult, Field, Meta, Statement,
    StatisticMode, ct_state,
};

/// Why a statement did not hold; none if these are not its words.
pub(super) fn why_skipped(statement: &Statement, found: Option<&Datum>) -> Option<String> {
    match statement {
        Statement::Match { left, .. } => {
            let asked = asked(left)?;
            Some(match found {
                Some(found) => format!("{asked} is {}", value(left, found)),
                None => format!("this packet has no {}", asked.trim_start_matches("the ")),
            })
        }
        Statement::Statistic(statistic) => Some(match statistic.mode {
            StatisticMode::Random(probability) => {
                format!(
                    "the lot fell otherwise: probability {}",
                    probability.written()
                )
            }
            StatisticMode::Nth { every, packet } => {
                format!("it is not packet {packet} of {every}")
            }
        }),
        Statement::Module(module) => Some(iptables_modules::why_skipped(module, found)),
        Statement::Recent(recent) => {
            let address = found.map_or_else(|| "the address".to_owned(), ToString::to_string);
            let list = &recent.list;
            Some(match recent.inverted {
                true => format!("{address} is in {list}"),
                false => format!("{address} was not seen by {list}"),
            })
        }
        Statement::Limit(limit) => Some(match limit.over {
            true => "no more than this come in that time".to_owned(),
            false => "more than this have come in that time".to_owned(),
        }),
        Statement::Quota(_) => Some("the quota says otherwise".to_owned()),
        Statement::Settled { .. } => Some("no packet here is like this".to_owned()),
        _ => None,
    }
}

/// What is asked, as the subject of a sentence.
fn asked(left: &Expression) -> Option<&'static str> {
    Some(match left {
        Expression::Payload(field) => match field {
            Field::IpSaddr | Field::Ip6Saddr => "the source",
            Field::IpDaddr | Field::Ip6Daddr => "the destination",
            Field::TcpSport
            | Field::UdpSport
            | Field::SctpSport
            | Field::ThSport
            | Field::UdpliteSport
            | Field::DccpSport => "the source port",
            Field::TcpDport
            | Field::UdpDport
            | Field::SctpDport
            | Field::ThDport
            | Field::UdpliteDport
            | Field::DccpDport => "the destination port",
            Field::IcmpType | Field::Icmpv6Type => "the ICMP type",
            Field::IcmpCode | Field::Icmpv6Code => "the ICMP code",
            Field::IpProtocol | Field::Ip6Nexthdr => "the protocol",
            Field::TcpFlags => "the TCP flags",
            Field::IpTtl => "the time to live",
            Field::Ip6Hoplimit => "the hop limit",
            Field::IpDscp | Field::Ip6Dscp => "the class of traffic",
            Field::IcmpId
            | Field::Icmpv6Id
            | Field::IpVersion
            | Field::Ip6Version
            | Field::IpEcn
            | Field::Ip6Ecn
            | Field::IpFragOff => return None,
        },
        Expression::Meta(Meta::Mark) => "the mark",
        Expression::Meta(Meta::L4proto) => "the protocol",
        Expression::Meta(Meta::Iifname) => "the interface it came in by",
        Expression::Meta(Meta::Oifname) => "the interface it leaves by",
        Expression::Ct(CtKey::State | CtKey::Ctstate) => "the state of the connection",
        Expression::Ct(CtKey::Status) => "the status of the connection",
        Expression::Ct(CtKey::Mark) => "the mark of the connection",
        Expression::Meta(Meta::Skuid) => "the user who sent it",
        Expression::Meta(Meta::Pkttype) => "the type of the packet",
        Expression::Fib(fib) if fib.result == FibResult::Type => match fib.address {
            AddressSelector::Saddr => "the type of the source",
            AddressSelector::Daddr => "the type of the destination",
        },
        Expression::Bitwise {
            of,
            operation: BitOperation::And,
            ..
        } => match **of {
            Expression::Meta(Meta::Mark) => "this part of the mark",
            Expression::Payload(Field::TcpFlags) => "this part of the TCP flags",
            Expression::Ct(CtKey::Mark) => "this part of the connection's mark",
            _ => return None,
        },
        _ => return None,
    })
}

/// A value, as iptables writes it.
fn value(left: &Expression, found: &Datum) -> String {
    match (left, found) {
        (Expression::Ct(CtKey::Status), Datum::Bits(bits)) => bits_text(&CTSTATUS, *bits),
        (Expression::Ct(_), Datum::Bits(bits)) => bits_text(&ct_state::CTSTATE_NAMES, *bits),
        (Expression::Payload(_) | Expression::Meta(Meta::Skuid), Datum::Number(number)) => {
            number.to_string()
        }
        (_, Datum::Number(bits) | Datum::Bits(bits)) => format!("{bits:#x}"),
        (_, Datum::Protocol(number)) => protocol_text(*number),
        (_, Datum::AddressType(kind)) => address_type_text(*kind).to_owned(),
        (_, Datum::Interface(name)) if name.is_empty() => "none".to_owned(),
        (_, Datum::Interface(name)) => name.to_string(),
        (_, other) => other.to_string(),
    }
}
