//! Puts the words of matches and targets beyond the everyday ones together.
//!
//! iptables 1.8.9, `extensions/libxt_*.c`.
//!
//! **Left out**: see [`super::iptables_print`].

use super::iptables_extensions::PACKET_TYPES;
use super::iptables_print::{Printer, port_text};
use super::iptables_symbols::protocol_text;
use crate::ip::Cidr;
use crate::netfilter::conntrack::Direction;
use crate::netfilter::{
    BitOperation, ConnMark, ConnMarkKind, CtKey, Datum, Expression, Fib, FibResult, Field,
    FlowPart, Limit, LimitUnit, Meta, Operand, Operator, Statement,
};

impl Printer<'_> {
    /// A match no other function prints; none if it is none of iptables'.
    pub(super) fn beyond(
        &mut self,
        left: &Expression,
        is_negated: bool,
        value: &Datum,
    ) -> Option<()> {
        let numbers = |separator| match value {
            Datum::Number(it) => Some(it.to_string()),
            Datum::Numbers(low, high) => Some(format!("{low}{separator}{high}")),
            _ => None,
        };
        let (module, name, text) = match (left, value) {
            (Expression::Meta(Meta::Skuid), _) => ("owner", "--uid-owner", numbers('-')?),
            (Expression::Meta(Meta::Skgid), _) => ("owner", "--gid-owner", numbers('-')?),
            (Expression::Meta(Meta::Length), _) => ("length", "--length", numbers(':')?),
            (Expression::Meta(Meta::Pkttype), Datum::Number(kind)) => {
                let kind = PACKET_TYPES.iter().find(|it| it.1 == *kind)?.0;
                ("pkttype", "--pkt-type", kind.to_owned())
            }
            (Expression::Payload(field), Datum::Addresses(ends)) => {
                let (low, high) = &**ends;
                let name = match field {
                    Field::IpSaddr | Field::Ip6Saddr => "--src-range",
                    Field::IpDaddr | Field::Ip6Daddr => "--dst-range",
                    _ => return None,
                };
                ("iprange", name, format!("{low}-{high}"))
            }
            (Expression::Payload(Field::IpDscp | Field::Ip6Dscp), Datum::Number(class)) => {
                ("dscp", "--dscp", format!("0x{class:02x}"))
            }
            (
                Expression::Bitwise {
                    of,
                    operation: BitOperation::And,
                    mask,
                },
                Datum::Number(mark),
            ) if **of == Expression::Ct(CtKey::Mark) => {
                let text = format!("{}/{}", self.mark(*mark), self.mark(*mask));
                ("connmark", "--mark", text)
            }
            (Expression::Fib(fib), Datum::Presence(is_there)) if !is_negated => {
                return self.reverse_path(*fib, *is_there);
            }
            _ => return None,
        };
        self.load_anew(module);
        self.option(is_negated, name, text);
        Some(())
    }

    fn reverse_path(&mut self, fib: Fib, is_there: bool) -> Option<()> {
        if fib.result != FibResult::Oif || fib.with.oif {
            return None;
        }
        self.load_anew("rpfilter");
        if !fib.with.iif {
            self.put("--loose");
        }
        if fib.with.mark {
            self.put("--validmark");
        }
        if !is_there {
            self.put("--invert");
        }
        Some(())
    }

    pub(super) fn hops(
        &mut self,
        name: &'static str,
        is_negated: bool,
        value: &Datum,
    ) -> Option<()> {
        let Datum::Number(hops) = value else {
            return None;
        };
        self.load_anew(if name.starts_with("--ttl") {
            "ttl"
        } else {
            "hl"
        });
        self.option(is_negated, name, hops.to_string());
        Some(())
    }

    /// The type of an ICMP message, with the code that the next statement asks for.
    pub(super) fn message(&self, kind: &Datum) -> Option<String> {
        let next = self.rule.statements.get(self.statement + 1);
        let code = match next {
            Some(Statement::Match {
                left: Expression::Payload(Field::IcmpCode | Field::Icmpv6Code),
                operator: Operator::Eq,
                right: Operand::Value(Datum::Number(code)),
            }) => Some(code),
            _ => None,
        };
        match (kind, code) {
            (Datum::Number(kind), None) => Some(kind.to_string()),
            (Datum::Number(kind), Some(code)) => Some(format!("{kind}/{code}")),
            (Datum::Numbers(0, 255), None) => Some("any".to_owned()),
            _ => None,
        }
    }

    pub(super) fn limit(&mut self, limit: &Limit) -> Option<()> {
        let unit = LimitUnit::ALL
            .iter()
            .take(4)
            .find(|it| it.0 == limit.unit)?;
        if limit.over || limit.bytes {
            return None;
        }
        self.load_anew("limit");
        self.option(false, "--limit", format!("{}/{}", limit.rate, unit.2));
        if limit.burst != crate::netfilter::limit::DEFAULT_BURST {
            self.option(false, "--limit-burst", limit.burst.to_string());
        }
        Some(())
    }

    pub(super) fn connection_mark(&mut self, mark: ConnMark) {
        let ConnMark {
            kind,
            ct_mask,
            nf_mask,
        } = mark;
        self.put_all(&["-j", "CONNMARK"]);
        let name = match kind {
            ConnMarkKind::Set(bits) => {
                let text = format!("{bits:#x}/{ct_mask:#x}");
                return self.option(false, "--set-xmark", text);
            }
            ConnMarkKind::Save => "--save-mark",
            ConnMarkKind::Restore => "--restore-mark",
        };
        self.put(name);
        self.option(false, "--nfmask", format!("{nf_mask:#x}"));
        self.option(false, "--ctmask", format!("{ct_mask:#x}"));
    }

    /// `-j CT --zone 5`; none for anything but a zone.
    pub(super) fn conntrack_target(&mut self, key: CtKey, value: &Expression) -> Option<()> {
        let (CtKey::Zone(direction), Expression::Constant(Datum::Number(zone))) = (key, value)
        else {
            return None;
        };
        self.put_all(&["-j", "CT"]);
        let name = match direction {
            None => "--zone",
            Some(Direction::Original) => "--zone-orig",
            Some(Direction::Reply) => "--zone-reply",
        };
        self.option(false, name, zone.to_string());
        Some(())
    }
}

/// The option that asks for the time to live, or the hop limit.
pub(super) fn hops_option(field: Field, operator: Operator) -> Option<&'static str> {
    Some(match (field, operator) {
        (Field::IpTtl, Operator::Eq | Operator::Ne) => "--ttl-eq",
        (Field::IpTtl, Operator::Lt) => "--ttl-lt",
        (Field::IpTtl, Operator::Gt) => "--ttl-gt",
        (Field::Ip6Hoplimit, Operator::Eq | Operator::Ne) => "--hl-eq",
        (Field::Ip6Hoplimit, Operator::Lt) => "--hl-lt",
        (Field::Ip6Hoplimit, Operator::Gt) => "--hl-gt",
        _ => return None,
    })
}

/// The option of `-m conntrack` that asks for a part of a flow, and its value.
pub(super) fn flow_option(
    direction: Direction,
    part: FlowPart,
    value: &Datum,
) -> Option<(&'static str, String)> {
    let is_original = direction == Direction::Original;
    let name = match (part, is_original) {
        (FlowPart::Protocol, true) => "--ctproto",
        (FlowPart::IpSaddr | FlowPart::Ip6Saddr, true) => "--ctorigsrc",
        (FlowPart::IpSaddr | FlowPart::Ip6Saddr, false) => "--ctreplsrc",
        (FlowPart::IpDaddr | FlowPart::Ip6Daddr, true) => "--ctorigdst",
        (FlowPart::IpDaddr | FlowPart::Ip6Daddr, false) => "--ctrepldst",
        (FlowPart::ProtoSrc, true) => "--ctorigsrcport",
        (FlowPart::ProtoSrc, false) => "--ctreplsrcport",
        (FlowPart::ProtoDst, true) => "--ctorigdstport",
        (FlowPart::ProtoDst, false) => "--ctrepldstport",
        _ => return None,
    };
    let text = match value {
        Datum::Protocol(number) => protocol_text(*number),
        Datum::Address(address) => Cidr::from(*address).to_string(),
        Datum::Range(range) => range.to_string(),
        value => port_text(value)?,
    };
    Some((name, text))
}
