//! Reads statements that do something: translation, refusal, limits, sets, logs.
//!
//! Imitates the grammar of nft 1.0.6 (`src/parser_bison.y`, `stmt` and below). A statement that changes
//! nothing a walk shows becomes [`Statement::Aside`], in its own words.
//!
//! **Left out**: meters; translation by maps of networks.

use super::nft_lex::{Cursor, Fail, TokenKind};
use super::nft_symbols::{Kind, family_of, is_hardware_address, kind_of};
use crate::ip::{Cidr, Family, IpAddr};
use crate::netfilter::{
    Beyond, CtKey, Datum, Expression, Field, Limit, LimitUnit, Meta, NatFlags, NatKind, NatTarget,
    Operand, Operator, Quota, RejectWith, Statement, TableFamily, UpdateKind,
};

/// The units of bytes nft writes.
pub(super) const BYTES: [(&str, u64); 4] = [
    ("bytes", 1),
    ("kbytes", 1 << 10),
    ("mbytes", 1 << 20),
    ("gbytes", 1 << 30),
];

/// What can be written to without changing anything a walk shows.
const SETTABLE: [&str; 6] = [
    "meta priority",
    "meta secmark",
    "ct event",
    "ct secmark",
    "ct timeout",
    "ct expectation",
];

/// Reasons of a rejection: protocol, nft's word, meaning.
pub(super) const REASONS: [(&str, &str, RejectWith); 17] = [
    ("icmp", "net-unreachable", RejectWith::NetUnreachable),
    ("icmp", "host-unreachable", RejectWith::HostUnreachable),
    ("icmp", "prot-unreachable", RejectWith::ProtocolUnreachable),
    ("icmp", "port-unreachable", RejectWith::PortUnreachable),
    ("icmp", "net-prohibited", RejectWith::NetProhibited),
    ("icmp", "host-prohibited", RejectWith::HostProhibited),
    ("icmp", "admin-prohibited", RejectWith::AdminProhibited),
    ("icmpv6", "no-route", RejectWith::NetUnreachable),
    ("icmpv6", "admin-prohibited", RejectWith::AdminProhibited),
    ("icmpv6", "addr-unreachable", RejectWith::HostUnreachable),
    ("icmpv6", "port-unreachable", RejectWith::PortUnreachable),
    ("icmpv6", "policy-fail", RejectWith::PolicyFail),
    ("icmpv6", "reject-route", RejectWith::RejectRoute),
    ("icmpx", "no-route", RejectWith::NetUnreachable),
    ("icmpx", "admin-prohibited", RejectWith::AdminProhibited),
    ("icmpx", "host-unreachable", RejectWith::HostUnreachable),
    ("icmpx", "port-unreachable", RejectWith::PortUnreachable),
];

/// The number `nft -n` prints for a reason.
fn code_of((protocol, _, with): &(&str, &str, RejectWith)) -> Option<u8> {
    match *protocol {
        "icmp" => Some(with.code()?.number(Family::V4)),
        "icmpv6" => Some(with.code()?.number(Family::V6)),
        // `enum nft_reject_inet_code`
        _ => match with {
            RejectWith::NetUnreachable => Some(0),
            RejectWith::PortUnreachable => Some(1),
            RejectWith::HostUnreachable => Some(2),
            RejectWith::AdminProhibited => Some(3),
            _ => None,
        },
    }
}

impl Cursor<'_> {
    /// `counter`, `counter packets 5 bytes 300`, `counter name "x"`
    pub(super) fn counter(&mut self) -> Result<Statement, Fail> {
        if self.peek_at(1).text == "name" {
            return Ok(Statement::Aside(self.words(3)?.into()));
        }
        self.next();
        self.skip_counter();
        Ok(Statement::Counter)
    }

    /// So many words as they stand; punctuation that ends a statement is none.
    fn words(&mut self, n_words: usize) -> Result<String, Fail> {
        let mut text = String::new();
        for _ in 0..n_words {
            let token = self.next();
            if !text.is_empty() && token.spaced {
                text.push(' ');
            }
            match token.kind {
                TokenKind::Quoted => text.extend(["\"", token.text, "\""]),
                TokenKind::Word => text.push_str(token.text),
                TokenKind::Symbol if [":", "@", "[", "]", "-"].contains(&token.text) => {
                    text.push_str(token.text);
                }
                _ => return Err(Fail::Unknown),
            }
        }
        Ok(text)
    }

    /// `log` and its options.
    pub(super) fn log(&mut self) -> Statement {
        let mut words = vec![self.next().text.to_owned()];
        while self.peek().kind == TokenKind::Word {
            let n_words = match self.peek().text {
                "prefix" | "level" | "group" | "snaplen" | "queue-threshold" => 2,
                "flags" if ["tcp", "ip"].contains(&self.peek_at(1).text) => 3,
                "flags" => 2,
                _ => break,
            };
            for _ in 0..n_words {
                match self.peek().kind {
                    TokenKind::Word => words.push(self.next().text.to_owned()),
                    TokenKind::Quoted => words.push(format!("\"{}\"", self.next().text)),
                    _ => break,
                }
            }
            while self.is_symbol(",") && self.peek_at(1).kind == TokenKind::Word {
                self.next();
                let word = self.next().text;
                if let Some(last) = words.last_mut() {
                    last.extend([",", word]);
                }
            }
        }
        Statement::Aside(words.join(" ").into())
    }

    /// `last used never`, `flow add @f`, `dup to 10.0.0.1`, `reset tcp option sack-permitted`
    pub(super) fn aside(&mut self) -> Result<Statement, Fail> {
        let n_words = match (self.peek().text, self.peek_at(1).text) {
            ("last", "used") => 3,
            ("last", _) => 1,
            ("flow", "add" | "offload") => 4,
            ("dup", "to") if self.peek_at(3).text == "device" => 5,
            ("dup", "to") => 3,
            ("reset", "tcp") => 4,
            _ => return Err(Fail::Unknown),
        };
        Ok(Statement::Aside(self.words(n_words)?.into()))
    }

    /// `tproxy ip to 127.0.0.1:9999`: what becomes of the packet, a socket outside the model knows.
    pub(super) fn tproxy(&mut self) -> Result<Statement, Fail> {
        let start = self.at;
        self.next();
        let _family = self.accept_word("ip") || self.accept_word("ip6");
        if !self.accept_word("to") {
            return Err(self.unexpected("`to`").into());
        }
        self.nat_target()?;
        let n_words = self.at - start;
        self.at = start;
        Ok(Statement::Unknown(self.words(n_words)?.into()))
    }

    /// `ct count over 20`
    pub(super) fn ct_count(&mut self) -> Result<Statement, Fail> {
        let n_words = if self.peek_at(2).text == "over" { 4 } else { 3 };
        Ok(Statement::Unknown(self.words(n_words)?.into()))
    }

    /// `xt match physdev`: iptables put it there, and nft has no words for it.
    pub(super) fn foreign(&mut self) -> Result<Statement, Fail> {
        let changes_nothing = matches!(
            self.peek_at(2).text,
            "LOG" | "NFLOG" | "TCPMSS" | "CHECKSUM" | "CLASSIFY" | "TRACE" | "AUDIT" | "comment"
        );
        if !["match", "target", "watcher"].contains(&self.peek_at(1).text) {
            return Err(Fail::Unknown);
        }
        let text = self.words(3)?.into();
        Ok(match changes_nothing {
            true => Statement::Aside(text),
            false => Statement::Unknown(text),
        })
    }

    /// `limit rate over 10/minute burst 5 packets`, `limit rate 10 mbytes/second`
    pub(super) fn limit(&mut self) -> Result<Statement, Fail> {
        if self.peek_at(1).text == "name" {
            return Ok(Statement::Unknown(self.words(3)?.into()));
        }
        self.next();
        if !self.accept_word("rate") {
            return Err(Fail::Unknown);
        }
        let over = self.accept_word("over");
        let mut rate = self.long_number()?;
        // A slash belongs to the word before it, and stands alone after a number.
        let (scale, word) = match self.peek().text.split_once('/') {
            Some((bytes, word)) if !bytes.is_empty() => {
                self.next();
                let found = BYTES.iter().find(|it| it.0 == bytes);
                (Some(found.ok_or(Fail::Unknown)?.1), word)
            }
            _ => {
                self.expect_symbol("/")?;
                (None, self.name("a unit of time")?)
            }
        };
        rate *= scale.unwrap_or(1);
        let unit = LimitUnit::ALL.iter().find(|it| it.1 == word);
        let unit = unit.ok_or(Fail::Unknown)?.0;
        let mut limit = Limit {
            over,
            rate,
            unit,
            bytes: scale.is_some(),
            ..Limit::packets(rate, unit)
        };
        if limit.bytes {
            limit.burst = 0;
        }
        if self.accept_word("burst") {
            limit.burst = self.long_number()?;
            if !self.accept_word("packets") {
                limit.burst *= self.bytes_unit().unwrap_or(1);
            }
        }
        Ok(Statement::Limit(limit))
    }

    /// `quota over 100 mbytes used 0 bytes`
    pub(super) fn quota(&mut self) -> Result<Statement, Fail> {
        if self.peek_at(1).text == "name" {
            return Ok(Statement::Unknown(self.words(3)?.into()));
        }
        self.next();
        let over = self.accept_word("over");
        let _until = !over && self.accept_word("until");
        let bytes = self.long_number()? * self.bytes_unit().ok_or(Fail::Unknown)?;
        let mut used = 0;
        if self.accept_word("used") {
            used = self.long_number()? * self.bytes_unit().ok_or(Fail::Unknown)?;
        }
        Ok(Statement::Quota(Quota { over, bytes, used }))
    }

    fn bytes_unit(&mut self) -> Option<u64> {
        let found = BYTES.iter().find(|it| self.is_word(it.0))?;
        self.next();
        Some(found.1)
    }

    fn long_number(&mut self) -> Result<u64, Fail> {
        let number = self.peek().text.parse::<u32>();
        let number = number.map_err(|_| Fail::from(self.unexpected("a number")))?;
        self.next();
        Ok(number.into())
    }

    pub(super) fn reject(&mut self, into: &mut Vec<Statement>) -> Result<(), Fail> {
        self.next();
        if !self.accept_word("with") {
            into.push(Statement::Reject(RejectWith::PortUnreachable));
            return Ok(());
        }
        let protocol = self.name("icmp, icmpv6, icmpx or tcp")?;
        if protocol == "tcp" && self.accept_word("reset") {
            into.push(Statement::Reject(RejectWith::TcpReset));
            return Ok(());
        }
        self.accept_word("type");
        let reason = self.peek().text;
        let by_number = || {
            let code = reason.parse::<u8>().ok()?;
            REASONS
                .iter()
                .find(|it| it.0 == protocol && code_of(it) == Some(code))
        };
        let found = REASONS.iter().find(|it| (it.0, it.1) == (protocol, reason));
        let with = found.or_else(by_number).ok_or(Fail::Unknown)?.2;
        self.next();
        // In a table of both families `icmp` also means: only packets of IPv4.
        let only = match protocol {
            "icmp" => Some(2),
            "icmpv6" => Some(10),
            _ => None,
        };
        if let (TableFamily::Inet, Some(number)) = (self.family, only)
            && !into.iter().any(|it| family_of(it) == only)
        {
            into.push(Statement::Match {
                left: Expression::Meta(Meta::Nfproto),
                operator: Operator::Eq,
                right: Operand::Value(Datum::Number(number)),
            });
        }
        into.push(Statement::Reject(with));
        Ok(())
    }

    /// `dnat to 10.0.0.1:80`, `dnat ip addr . port to … map { … }`, `snat ip prefix to 10.0.0.0/8`
    pub(super) fn nat(&mut self) -> Result<Statement, Fail> {
        let kind = match self.next().text {
            "snat" => NatKind::Snat,
            _ => NatKind::Dnat,
        };
        let _family = self.accept_word("ip") || self.accept_word("ip6");
        let is_network = self.accept_word("prefix");
        if self.accept_word("addr") {
            let is_whole = self.accept_symbol(".") && self.accept_word("port");
            if !is_whole {
                return Err(self.unexpected("`addr . port`").into());
            }
        }
        if !self.accept_word("to") {
            return Err(self.unexpected("`to`").into());
        }
        let target = match is_network {
            true => self.network()?,
            false => self.nat_target()?,
        };
        let flags = self.nat_flags();
        Ok(Statement::Nat {
            kind,
            target: Some(target),
            flags,
        })
    }

    fn network(&mut self) -> Result<NatTarget, Fail> {
        match self.value(&[Kind::Guess])?.as_slice() {
            [Datum::Range(network)] => Ok(NatTarget::Network(*network)),
            [Datum::Address(address)] => Ok(NatTarget::Network(Cidr::from(*address))),
            _ => Err(Fail::Unknown),
        }
    }

    fn nat_target(&mut self) -> Result<NatTarget, Fail> {
        let text = self.peek().text;
        let starts_like_address = text.contains(':')
            || self.is_symbol("[")
            || text.starts_with(|it: char| it.is_ascii_digit());
        if !self.is_symbol(":") && !starts_like_address {
            let expression = self.expression(None)?;
            return match expression {
                Expression::Map { .. } => Ok(NatTarget::Mapped(expression)),
                _ => Err(Fail::Unknown),
            };
        }
        let mut addresses = None;
        if !self.is_symbol(":") {
            addresses = Some(self.nat_addresses()?);
        }
        let ports = self
            .accept_symbol(":")
            .then(|| self.nat_ports())
            .transpose()?;
        Ok(NatTarget::Fixed { addresses, ports })
    }

    fn nat_addresses(&mut self) -> Result<(IpAddr, IpAddr), Fail> {
        let low = self.nat_address()?;
        let high = match self.accept_symbol("-") {
            true => self.nat_address()?,
            false => low,
        };
        match low.is_ipv4() == high.is_ipv4() && low <= high {
            true => Ok((low, high)),
            false => Err(Fail::Unknown),
        }
    }

    fn nat_address(&mut self) -> Result<IpAddr, Fail> {
        let is_bracketed = self.accept_symbol("[");
        let kind = match self.peek().text.contains(':') {
            true => Kind::Ipv6,
            false => Kind::Ipv4,
        };
        let address = self.address(kind)?;
        if is_bracketed {
            self.expect_symbol("]")?;
        }
        Ok(address)
    }

    fn nat_ports(&mut self) -> Result<(u16, u16), Fail> {
        match self.value(&[Kind::Port])?.as_slice() {
            [Datum::Port(it)] => Ok((*it, *it)),
            [Datum::Ports(low, high)] => Ok((*low, *high)),
            _ => Err(Fail::Unknown),
        }
    }

    /// `masquerade` and `redirect`, which need no address.
    pub(super) fn nat_here(&mut self) -> Result<Statement, Fail> {
        let kind = match self.next().text {
            "redirect" => NatKind::Redirect,
            _ => NatKind::Masquerade,
        };
        let mut target = None;
        if self.accept_word("to") {
            target = Some(match self.accept_symbol(":") {
                true => NatTarget::Fixed {
                    addresses: None,
                    ports: Some(self.nat_ports()?),
                },
                false => match self.expression(Some(Kind::Port))? {
                    it @ Expression::Map { .. } => NatTarget::Mapped(it),
                    _ => return Err(Fail::Unknown),
                },
            });
        }
        let flags = self.nat_flags();
        Ok(Statement::Nat {
            kind,
            target,
            flags,
        })
    }

    fn nat_flags(&mut self) -> NatFlags {
        let mut flags = NatFlags::default();
        loop {
            match self.peek().text {
                "fully-random" => flags.fully_random = true,
                "random" => flags.random = true,
                "persistent" => flags.persistent = true,
                _ => return flags,
            }
            self.next();
            if !self.accept_symbol(",") {
                return flags;
            }
        }
    }

    /// `update @set { ip saddr timeout 1h limit rate 5/second : tcp dport }`
    pub(super) fn update(&mut self) -> Result<Statement, Fail> {
        let kind = match self.next().text {
            "add" => UpdateKind::Add,
            "delete" => UpdateKind::Delete,
            _ => UpdateKind::Update,
        };
        self.expect_symbol("@")?;
        let set = self.name("the name of a set")?.into();
        self.expect_symbol("{")?;
        let key = self.expression(None)?;
        let (mut timeout, mut keeps, mut value) = (None, None, None);
        loop {
            match self.peek().text {
                "timeout" => {
                    self.next();
                    timeout = Some(self.duration()?);
                }
                "counter" if keeps.is_none() => keeps = Some(Box::new(self.counter()?)),
                "limit" if keeps.is_none() => keeps = Some(Box::new(self.limit()?)),
                "quota" if keeps.is_none() => keeps = Some(Box::new(self.quota()?)),
                "ct" if keeps.is_none() && self.peek_at(1).text == "count" => {
                    keeps = Some(Box::new(self.ct_count()?));
                }
                _ => break,
            }
        }
        if self.accept_symbol(":") {
            value = Some(self.expression(None)?);
        }
        if !self.accept_symbol("}") {
            return Err(Fail::Unknown);
        }
        Ok(Statement::Update {
            kind,
            set,
            key,
            timeout,
            keeps,
            value,
        })
    }

    /// What follows `set`: a mark, a zone, a label; or something that decides nothing.
    pub(super) fn writing(&mut self, left: Expression) -> Result<Statement, Fail> {
        match left {
            Expression::Meta(key @ Meta::Mark) => {
                let value = self.expression(Some(Kind::Mark))?;
                Ok(Statement::SetMeta { key, value })
            }
            Expression::Ct(key @ (CtKey::Mark | CtKey::Zone(_) | CtKey::Label)) => {
                let kind = kind_of(&Expression::Ct(key));
                let value = self.expression(Some(kind))?;
                Ok(Statement::SetCt { key, value })
            }
            Expression::Meta(Meta::Nftrace | Meta::Pkttype)
            | Expression::Ct(CtKey::Helper)
            | Expression::Payload(
                Field::IpTtl
                | Field::IpDscp
                | Field::IpEcn
                | Field::Ip6Hoplimit
                | Field::Ip6Dscp
                | Field::Ip6Ecn,
            ) => self.aside_write(&left.to_string()),
            Expression::Beyond(Beyond { text, .. })
                if SETTABLE.contains(&&*text) || text.starts_with("tcp option ") =>
            {
                self.aside_write(&text)
            }
            _ => Err(Fail::Unknown),
        }
    }

    fn aside_write(&mut self, left: &str) -> Result<Statement, Fail> {
        let n_words = match (self.peek().text, self.peek_at(1).text) {
            ("rt" | "ct" | "meta", _) => 2,
            (text, ":") if !is_hardware_address(text) => 3,
            _ => 1,
        };
        if self.is_at_end() {
            return Err(self.unexpected("a value").into());
        }
        let value = self.words(n_words)?;
        Ok(Statement::Aside(format!("{left} set {value}").into()))
    }
}
