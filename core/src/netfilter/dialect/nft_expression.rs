//! Reads expressions in the text of a rule.
//!
//! Imitates the grammar of nft 1.0.6 (`src/parser_bison.y`, `expr` and below).
//!
//! **Left out**: operations on the bits of two expressions at once; shifts.

use super::nft_lex::{Cursor, Fail, TokenKind};
use super::nft_symbols::{Kind, field_from_words, kind_of, number};
use super::nft_values::Values;
use crate::netfilter::conntrack::Direction;
use crate::netfilter::{
    AddressSelector, Beyond, BeyondAnswer, BitOperation, CtKey, Datum, Expression, Fib, FibResult,
    FibWith, FlowPart, Hash, Meta, Numgen, NumgenMode, TableFamily,
};

/// How many operations on bits are read in a row.
const MAX_OPERATIONS: usize = 64;

/// What `rt` can be asked that is no routing header's.
const ROUTING: [&str; 6] = ["classid", "nexthop", "mtu", "ipsec", "ip", "ip6"];

impl Cursor<'_> {
    /// An expression with bit operations, dots and maps. `wanted` is the kind it is written to.
    pub(super) fn expression(&mut self, wanted: Option<Kind>) -> Result<Expression, Fail> {
        let expression = self.concatenation(wanted)?;
        if !self.accept_word("map") {
            return Ok(expression);
        }
        let values = Values::Data(wanted.into_iter().collect());
        let map = self.set_reference(&expression, &values)?;
        let key = Box::new(expression);
        Ok(Expression::Map { key, map })
    }

    /// Expressions joined by dots.
    fn concatenation(&mut self, wanted: Option<Kind>) -> Result<Expression, Fail> {
        let mut parts = vec![self.bitwise(0, wanted)?];
        while self.accept_symbol(".") {
            parts.push(self.bitwise(0, None)?);
        }
        Ok(match parts.len() {
            1 => parts.remove(0),
            _ => Expression::Concatenation(parts),
        })
    }

    /// Operations on bits, from the loosest (`or`) to the tightest (`and`).
    fn bitwise(&mut self, level: usize, wanted: Option<Kind>) -> Result<Expression, Fail> {
        const LEVELS: [(&str, &str, BitOperation); 3] = [
            ("|", "or", BitOperation::Or),
            ("^", "xor", BitOperation::Xor),
            ("&", "and", BitOperation::And),
        ];
        let Some((symbol, word, operation)) = LEVELS.get(level) else {
            return self.primary(wanted);
        };
        let mut left = self.bitwise(level + 1, wanted)?;
        let mut n_operations = 0;
        while self.accept_symbol(symbol) || self.accept_word(word) {
            let right = self.bitwise(level + 1, Some(wanted.unwrap_or_else(|| kind_of(&left))))?;
            n_operations += 1;
            if n_operations > MAX_OPERATIONS {
                return Err(Fail::Unknown);
            }
            left = combined(left, *operation, right)?;
        }
        Ok(left)
    }

    fn primary(&mut self, wanted: Option<Kind>) -> Result<Expression, Fail> {
        if self.accept_symbol("(") {
            self.deeper()?;
            let inner = self.bitwise(0, wanted)?;
            self.expect_symbol(")")?;
            self.depth -= 1;
            return Ok(inner);
        }
        if self.is_symbol("@") {
            return self.raw_bytes();
        }
        let token = self.peek();
        if token.kind != TokenKind::Word {
            return Err(Fail::Unknown);
        }
        if wanted == Some(Kind::Text) && !["ct", "meta"].contains(&token.text) {
            return Ok(Expression::Constant(Datum::Text(self.next().text.into())));
        }
        if let Some(kind) = wanted {
            let named = kind.names().iter().find(|it| it.0 == token.text);
            if let Some(value) = named.map(|it| it.1).or_else(|| number(token.text)) {
                self.next();
                return Ok(Expression::Constant(Datum::Number(value)));
            }
        }
        self.next();
        Ok(match token.text {
            "meta" => {
                let key = self.next();
                match meta(key.text) {
                    Some(it) => Expression::Meta(it),
                    None => self.beyond_meta(key.text)?,
                }
            }
            "ct" => self.ct()?,
            "fib" => self.fib()?,
            "numgen" => self.numgen()?,
            "jhash" | "symhash" => self.hash(token.text)?,
            "rt" if ROUTING.contains(&self.peek().text) => self.routing()?,
            "mark" | "iifname" | "oifname" | "iif" | "oif" | "iiftype" | "oiftype" | "iifgroup"
            | "oifgroup" | "skuid" | "skgid" | "pkttype" | "nftrace" => {
                Expression::Meta(meta(token.text).ok_or(Fail::Unknown)?)
            }
            "cpu" | "cgroup" | "rtclassid" | "ibrname" | "obrname" => {
                self.beyond_meta(token.text)?
            }
            header => match field_from_words(header, self.peek().text) {
                Some(field) => {
                    self.next();
                    Expression::Payload(field)
                }
                None => self.beyond_header(header)?,
            },
        })
    }

    /// `fib saddr . mark . iif oif`
    fn fib(&mut self) -> Result<Expression, Fail> {
        let mut address = None;
        let mut with = FibWith::default();
        loop {
            match self.next().text {
                "saddr" => address = Some(AddressSelector::Saddr),
                "daddr" => address = Some(AddressSelector::Daddr),
                "mark" => with.mark = true,
                "iif" => with.iif = true,
                "oif" => with.oif = true,
                _ => return Err(Fail::Unknown),
            }
            if !self.accept_symbol(".") {
                break;
            }
        }
        let result = match self.next().text {
            "type" => FibResult::Type,
            "oifname" => FibResult::Oifname,
            "oif" => FibResult::Oif,
            _ => return Err(Fail::Unknown),
        };
        Ok(Expression::Fib(Fib {
            address: address.ok_or(Fail::Unknown)?,
            result,
            with,
        }))
    }

    /// `ct state`, `ct original ip saddr`
    fn ct(&mut self) -> Result<Expression, Fail> {
        let direction = match self.peek().text {
            "original" => Some(Direction::Original),
            "reply" => Some(Direction::Reply),
            _ => None,
        };
        if direction.is_some() {
            self.next();
        }
        let word = self.next().text;
        let Some(direction) = direction else {
            return Ok(Expression::Ct(match word {
                "state" => CtKey::State,
                "status" => CtKey::Status,
                "mark" => CtKey::Mark,
                "direction" => CtKey::Direction,
                "label" => CtKey::Label,
                "helper" => CtKey::Helper,
                "zone" => CtKey::Zone(None),
                "expiration" => CtKey::Expiration,
                "l3proto" => CtKey::Flow(Direction::Original, FlowPart::L3proto),
                "protocol" => CtKey::Flow(Direction::Original, FlowPart::Protocol),
                "id" | "bytes" | "packets" | "avgpkt" | "secmark" | "event" | "timeout"
                | "expectation" => return Ok(beyond(format!("ct {word}"), BeyondAnswer::Unknown)),
                _ => return Err(Fail::Unknown),
            }));
        };
        let is_v6 = word == "ip6" || self.family == TableFamily::Ip6;
        let word = match word {
            "ip" | "ip6" => self.next().text,
            word => word,
        };
        let part = match (word, is_v6) {
            ("saddr", false) => FlowPart::IpSaddr,
            ("daddr", false) => FlowPart::IpDaddr,
            ("saddr", true) => FlowPart::Ip6Saddr,
            ("daddr", true) => FlowPart::Ip6Daddr,
            ("l3proto", _) => FlowPart::L3proto,
            ("protocol", _) => FlowPart::Protocol,
            ("proto-src", _) => FlowPart::ProtoSrc,
            ("proto-dst", _) => FlowPart::ProtoDst,
            ("zone", _) => return Ok(Expression::Ct(CtKey::Zone(Some(direction)))),
            ("bytes" | "packets" | "avgpkt", _) => {
                let direction = match direction {
                    Direction::Original => "original",
                    Direction::Reply => "reply",
                };
                let text = format!("ct {direction} {word}");
                return Ok(beyond(text, BeyondAnswer::Unknown));
            }
            _ => return Err(Fail::Unknown),
        };
        Ok(Expression::Ct(CtKey::Flow(direction, part)))
    }

    /// `jhash ip saddr . tcp sport mod 4 seed 0x1`, `symhash mod 2`
    fn hash(&mut self, word: &str) -> Result<Expression, Fail> {
        let of = match word {
            "jhash" => {
                self.deeper()?;
                let of = self.concatenation(None)?;
                self.depth -= 1;
                Some(Box::new(of))
            }
            _ => None,
        };
        if !self.accept_word("mod") {
            return Err(self.unexpected("`mod`").into());
        }
        let modulus = self.number(Kind::Integer)?;
        let mut seed = None;
        if of.is_some() && self.accept_word("seed") {
            seed = Some(self.number(Kind::Integer)?);
        }
        let mut offset = 0;
        if self.accept_word("offset") {
            offset = self.number(Kind::Integer)?;
        }
        Ok(Expression::Hash(Hash {
            of,
            modulus,
            seed,
            offset,
        }))
    }

    /// `rt nexthop`, `rt ip6 nexthop`, `rt mtu`
    fn routing(&mut self) -> Result<Expression, Fail> {
        let mut text = "rt".to_owned();
        while ["ip", "ip6"].contains(&self.peek().text) {
            text.extend([" ", self.next().text]);
        }
        let word = self.next().text;
        text.extend([" ", word]);
        Ok(match word {
            "nexthop" => Expression::NextHop(text.into()),
            "ipsec" => self.present_or(text, BeyondAnswer::Nothing),
            _ => beyond(text, BeyondAnswer::Unknown),
        })
    }

    /// A question of `meta` the model has no answer to.
    fn beyond_meta(&mut self, key: &str) -> Result<Expression, Fail> {
        let answer = match key {
            "secpath" | "ipsec" | "ibrname" | "obrname" | "sdif" | "sdifname" | "ibrpvid"
            | "ibrvproto" | "ibriport" | "obriport" => BeyondAnswer::Nothing,
            "cpu" | "cgroup" | "priority" | "rtclassid" | "day" | "hour" | "time" | "secmark"
            | "iifkind" | "oifkind" => BeyondAnswer::Unknown,
            _ => return Err(Fail::Unknown),
        };
        Ok(self.present_or(format!("meta {key}"), answer))
    }

    /// A field of a header the model has no value for.
    fn beyond_header(&mut self, header: &str) -> Result<Expression, Fail> {
        let answer = match header {
            "ether" | "ip" | "ip6" | "tcp" | "udp" | "icmp" | "icmpv6" | "sctp" | "osf" => {
                BeyondAnswer::Unknown
            }
            "vlan" | "arp" | "ah" | "esp" | "comp" | "igmp" | "dccp" | "udplite" | "frag"
            | "hbh" | "dst" | "mh" | "rt" | "srh" | "exthdr" | "socket" | "tunnel" | "ipsec" => {
                BeyondAnswer::Nothing
            }
            _ => return Err(Fail::Unknown),
        };
        let token = self.next();
        if token.kind != TokenKind::Word {
            return Err(Fail::Unknown);
        }
        let mut text = format!("{header} {}", token.text);
        let mut answer = answer;
        match (header, token.text) {
            ("exthdr", _) => return Ok(self.present_or(text, answer)),
            ("socket", "mark") => answer = BeyondAnswer::Unknown,
            ("socket", "cgroupv2") => {
                answer = BeyondAnswer::Unknown;
                text.extend([" ", self.next().text, " ", self.next().text]);
            }
            ("ip" | "tcp", "option") | ("sctp", "chunk") => {
                text.extend([" ", self.next().text]);
                if header == "ip" {
                    answer = BeyondAnswer::Nothing;
                }
                let is_field = self.peek().kind == TokenKind::Word
                    && !["exists", "missing", "set"].contains(&self.peek().text);
                if is_field {
                    text.extend([" ", self.next().text]);
                }
            }
            ("osf", "ttl") => text.extend([" ", self.next().text, " ", self.next().text]),
            ("ipsec", _) => {
                while ["reqid", "spi", "ip", "ip6", "saddr", "daddr", "spnum"]
                    .contains(&self.peek().text)
                {
                    text.extend([" ", self.next().text]);
                }
            }
            _ => {}
        }
        Ok(self.present_or(text, answer))
    }

    /// `@th,16,16`
    fn raw_bytes(&mut self) -> Result<Expression, Fail> {
        self.expect_symbol("@")?;
        let base = self.next().text;
        if !["ll", "nh", "th", "ih"].contains(&base) {
            return Err(Fail::Unknown);
        }
        let mut text = format!("@{base}");
        for _ in 0..2 {
            self.expect_symbol(",")?;
            text.push_str(&format!(",{}", self.number(Kind::Integer)?));
        }
        Ok(beyond(text, BeyondAnswer::Unknown))
    }

    /// What is not there is missing, if that is what is asked.
    fn present_or(&self, text: String, answer: BeyondAnswer) -> Expression {
        let word = self.peek().text;
        let asks_presence =
            ["exists", "missing"].contains(&word) || (is_flag(&text) && ["0", "1"].contains(&word));
        match answer {
            BeyondAnswer::Nothing if asks_presence => beyond(text, BeyondAnswer::Missing),
            _ => beyond(text, answer),
        }
    }

    fn numgen(&mut self) -> Result<Expression, Fail> {
        let mode = match self.next().text {
            "random" => NumgenMode::Random,
            "inc" => NumgenMode::Inc,
            _ => return Err(Fail::Unknown),
        };
        if !self.accept_word("mod") {
            return Err(self.unexpected("`mod`").into());
        }
        let place = self.peek();
        let modulus = self.number(Kind::Integer)?;
        if modulus == 0 {
            let hint = Some("how many numbers there are to choose from".to_owned());
            let message = "`mod 0` leaves no number".to_owned();
            return Err(super::nft_lex::error_at(place, message, hint).into());
        }
        let mut offset = 0;
        if self.accept_word("offset") {
            offset = self.number(Kind::Integer)?;
        }
        Ok(Expression::Numgen(Numgen {
            mode,
            modulus,
            offset,
        }))
    }
}

/// Whether a question can only be answered by "it is there" or "it is not".
pub(super) fn is_flag(text: &str) -> bool {
    text.starts_with("exthdr ") || ["meta ipsec", "meta secpath", "rt ipsec"].contains(&text)
}

/// A question beyond the model.
fn beyond(text: String, answer: BeyondAnswer) -> Expression {
    let text = text.into();
    Expression::Beyond(Beyond { text, answer })
}

/// What `meta` is asked by this word.
fn meta(word: &str) -> Option<Meta> {
    Meta::ALL.into_iter().find(|it| it.name() == word)
}

/// Two sides of an operation as one expression; the model knows masks that are written out.
fn combined(
    left: Expression,
    operation: BitOperation,
    right: Expression,
) -> Result<Expression, Fail> {
    let (of, mask) = match (left, right) {
        (Expression::Constant(Datum::Number(left)), Expression::Constant(Datum::Number(right))) => {
            let value = match operation {
                BitOperation::And => left & right,
                BitOperation::Or => left | right,
                BitOperation::Xor => left ^ right,
            };
            return Ok(Expression::Constant(Datum::Number(value)));
        }
        (of, Expression::Constant(Datum::Number(mask)))
        | (Expression::Constant(Datum::Number(mask)), of) => (of, mask),
        _ => return Err(Fail::Unknown),
    };
    if !matches!(kind_of(&of), Kind::Mark | Kind::Integer) && !kind_of(&of).is_bits() {
        return Err(Fail::Unknown);
    }
    let of = Box::new(of);
    Ok(Expression::Bitwise {
        of,
        operation,
        mask,
    })
}
