//! Puts the words of statements that do something together: translation, refusal, limits, sets; and those
//! of what a connection, the routing table and a hash are asked.
//!
//! nft 1.0.6 (`src/statement.c`, `src/ct.c`, `src/fib.c`, `src/hash.c`).
//!
//! **Left out**: see [`super::nft_print`].

use super::nft_print::{Form, Printer};
use super::nft_statement::{BYTES, REASONS};
use super::nft_symbols::{family_of, family_of_expression};
use crate::ip::{Cidr, IpAddr};
use crate::netfilter::conntrack::Direction;
use crate::netfilter::{
    AddressSelector, CtKey, Datum, Expression, Fib, FibResult, FlowPart, Hash, Limit, MapValue,
    NatFlags, NatKind, NatTarget, Quota, RejectWith, SetReference, Statement, TableFamily,
    UpdateKind,
};

impl Printer<'_> {
    pub(super) fn nat(&mut self, kind: NatKind, target: Option<&NatTarget>, flags: NatFlags) {
        self.push(match kind {
            NatKind::Dnat => "dnat",
            NatKind::Snat => "snat",
            NatKind::Masquerade => "masquerade",
            NatKind::Redirect => "redirect",
            // nft has no words for it.
            NatKind::Netmap => "xt target NETMAP",
        });
        let is_inet = self.family == Some(TableFamily::Inet);
        match target {
            None => {}
            Some(NatTarget::Fixed { addresses, ports }) => {
                if let (true, Some((address, _))) = (is_inet, addresses) {
                    self.push(if address.is_ipv4() { "ip" } else { "ip6" });
                }
                self.push("to");
                self.push(nat_range(*addresses, *ports));
            }
            Some(NatTarget::Network(network)) => {
                let family = match network {
                    Cidr::V4(_) => "ip",
                    Cidr::V6(_) => "ip6",
                };
                self.words
                    .extend([family, "prefix", "to"].map(str::to_owned));
                self.push(network.to_string());
            }
            Some(NatTarget::Mapped(expression)) => {
                self.mapped_family(expression, is_inet);
                self.push("to");
                self.expression(expression);
            }
        }
        let NatFlags {
            fully_random,
            random,
            persistent,
        } = flags;
        let chosen = [
            (random, "random"),
            (fully_random, "fully-random"),
            (persistent, "persistent"),
        ];
        let chosen: Vec<_> = chosen.iter().filter(|it| it.0).map(|it| it.1).collect();
        if !chosen.is_empty() {
            self.push(chosen.join(","));
        }
    }

    /// `ip addr . port` before a map of addresses with ports. What a named map holds only its
    /// table tells; without one `ip` alone is right in either case.
    fn mapped_family(&mut self, expression: &Expression, is_inet: bool) {
        let Expression::Map { key, map } = expression else {
            return;
        };
        let (first, has_port) = match map {
            SetReference::Anonymous(elements) => match elements.first().map(|it| &it.value) {
                Some(Some(MapValue::Data(Datum::Tuple(parts)))) => (parts.first(), Some(true)),
                Some(Some(MapValue::Data(datum))) => (Some(datum), Some(false)),
                _ => (None, Some(false)),
            },
            SetReference::Named(name) => {
                let set = self.table.and_then(|it| it.sets.get(name));
                let value_type = set.and_then(|it| it.value_type.as_ref());
                (None, value_type.map(|it| it.contains(" . ")))
            }
        };
        let family = match (first, self.family) {
            (Some(Datum::Address(it)), _) if it.is_ipv6() => "ip6",
            (Some(_), _) => "ip",
            (None, Some(TableFamily::Ip6)) => "ip6",
            (None, _) if family_of_expression(key) == Some(10) => "ip6",
            (None, _) => "ip",
        };
        if has_port != Some(false) || is_inet {
            self.push(family);
        }
        if has_port == Some(true) && self.form == Form::Command {
            self.words.extend(["addr", ".", "port"].map(str::to_owned));
        }
    }

    pub(super) fn reject(&mut self, with: RejectWith, before: &[Statement]) {
        self.push("reject");
        let only = before.iter().find_map(family_of);
        let protocol = match (self.family, only) {
            (Some(TableFamily::Inet), Some(2)) => "icmp",
            (Some(TableFamily::Inet), Some(10)) => "icmpv6",
            (Some(TableFamily::Inet), _) => "icmpx",
            (Some(TableFamily::Ip6), _) => "icmpv6",
            _ => "icmp",
        };
        let is_one_of_two = self.family == Some(TableFamily::Inet) && protocol != "icmpx";
        if with == RejectWith::TcpReset {
            self.words
                .extend(["with", "tcp", "reset"].map(str::to_owned));
            return;
        }
        let is_default = with == RejectWith::PortUnreachable;
        if is_default && (self.form == Form::Command || !is_one_of_two) {
            return;
        }
        let of = |protocol: &str| {
            let found = REASONS.iter().find(|it| it.0 == protocol && it.2 == with);
            found.map(|it| (it.0, it.1))
        };
        let Some((protocol, reason)) = of(protocol).or_else(|| of("icmp")).or_else(|| of("icmpv6"))
        else {
            return;
        };
        self.push("with");
        self.push(protocol);
        if self.form == Form::Command {
            self.push("type");
        }
        self.push(reason);
    }

    pub(super) fn update(&mut self, statement: &Statement) {
        let Statement::Update {
            kind,
            set,
            key,
            timeout,
            keeps,
            value,
        } = statement
        else {
            return;
        };
        self.push(match kind {
            UpdateKind::Add => "add",
            UpdateKind::Update => "update",
            UpdateKind::Delete => "delete",
        });
        self.push(format!("@{}", self.name(set)));
        self.push("{");
        self.expression(key);
        if let Some(timeout) = timeout {
            self.push("timeout");
            self.push(timeout.to_string());
        }
        if let Some(kept) = keeps {
            self.statement(kept, &[]);
        }
        if let Some(value) = value {
            self.push(":");
            self.expression(value);
        }
        self.push("}");
    }

    pub(super) fn limit(&mut self, limit: &Limit) {
        let Limit {
            over,
            rate,
            unit,
            burst,
            bytes,
        } = *limit;
        self.push("limit rate");
        if over {
            self.push("over");
        }
        let unit = unit.name();
        let (burst_text, default) = match bytes {
            false => (
                format!("burst {burst} packets"),
                crate::netfilter::limit::DEFAULT_BURST,
            ),
            true => (format!("burst {}", bytes_text(burst)), 0),
        };
        self.push(match bytes {
            false => format!("{rate}/{unit}"),
            true => format!("{}/{unit}", bytes_text(rate)),
        });
        // The burst the kernel takes by itself is not said.
        if burst != default {
            self.push(burst_text);
        }
    }

    pub(super) fn quota(&mut self, quota: Quota) {
        let Quota { over, bytes, used } = quota;
        self.push("quota");
        if over {
            self.push("over");
        }
        self.push(bytes_text(bytes));
        if used > 0 {
            self.push(format!("used {}", bytes_text(used)));
        }
    }

    pub(super) fn ct(&mut self, key: CtKey) {
        self.push("ct");
        let (direction, words) = match key {
            CtKey::State | CtKey::Ctstate => (None, "state"),
            CtKey::Status => (None, "status"),
            CtKey::Mark => (None, "mark"),
            CtKey::Direction => (None, "direction"),
            CtKey::Label => (None, "label"),
            CtKey::Helper => (None, "helper"),
            CtKey::Zone(direction) => (direction, "zone"),
            CtKey::Expiration => (None, "expiration"),
            CtKey::Flow(direction, part) => (Some(direction), flow_words(part)),
        };
        // What is the same in both directions is listed without one.
        let is_one = self.form == Form::Listing && matches!(words, "protocol" | "l3proto");
        match direction.filter(|_| !is_one) {
            Some(Direction::Original) => self.push("original"),
            Some(Direction::Reply) => self.push("reply"),
            None => {}
        }
        self.push(words);
    }

    pub(super) fn fib(&mut self, fib: Fib) {
        self.push("fib");
        self.push(match fib.address {
            AddressSelector::Saddr => "saddr",
            AddressSelector::Daddr => "daddr",
        });
        let with = [
            (fib.with.mark, "mark"),
            (fib.with.iif, "iif"),
            (fib.with.oif, "oif"),
        ];
        for (_, word) in with.into_iter().filter(|it| it.0) {
            self.push(".");
            self.push(word);
        }
        self.push(match fib.result {
            FibResult::Type => "type",
            FibResult::Oifname => "oifname",
            FibResult::Oif => "oif",
        });
    }

    pub(super) fn hash(&mut self, hash: &Hash) {
        match &hash.of {
            Some(of) => {
                self.push("jhash");
                self.expression(of);
            }
            None => self.push("symhash"),
        }
        self.push(format!("mod {}", hash.modulus));
        if let Some(seed) = hash.seed {
            self.push(match self.form {
                Form::Command => format!("seed 0x{seed:08x}"),
                Form::Listing => format!("seed 0x{seed:x}"),
            });
        }
        if hash.offset != 0 {
            self.push(format!("offset {}", hash.offset));
        }
    }
}

const fn flow_words(part: FlowPart) -> &'static str {
    match part {
        FlowPart::L3proto => "l3proto",
        FlowPart::Protocol => "protocol",
        FlowPart::IpSaddr => "ip saddr",
        FlowPart::IpDaddr => "ip daddr",
        FlowPart::Ip6Saddr => "ip6 saddr",
        FlowPart::Ip6Daddr => "ip6 daddr",
        FlowPart::ProtoSrc => "proto-src",
        FlowPart::ProtoDst => "proto-dst",
    }
}

/// `10.0.0.1-10.0.0.9:80-90`, `[fd00::1]:80`, `:80`
fn nat_range(addresses: Option<(IpAddr, IpAddr)>, ports: Option<(u16, u16)>) -> String {
    let ports = match ports {
        None => String::new(),
        Some((low, high)) if low == high => format!(":{low}"),
        Some((low, high)) => format!(":{low}-{high}"),
    };
    let Some((low, high)) = addresses else {
        return ports;
    };
    let needs_brackets = low.is_ipv6() && (!ports.is_empty() || low != high);
    let address = |it: IpAddr| match needs_brackets {
        true => format!("[{it}]"),
        false => it.to_string(),
    };
    match low == high {
        true => address(low) + &ports,
        false => format!("{}-{}{ports}", address(low), address(high)),
    }
}

/// So many bytes in the largest unit that divides them.
fn bytes_text(bytes: u64) -> String {
    let whole = BYTES
        .iter()
        .rev()
        .find(|it| bytes >= it.1 && bytes.is_multiple_of(it.1));
    let (unit, size) = whole.copied().unwrap_or(("bytes", 1));
    format!("{} {unit}", bytes / size)
}
