//! Values in nft text: addresses, ports, states, elements, verdicts, lengths of time.
//!
//! nft 1.0.6 (`src/datatype.c`, `src/datatype.c:time_parse`, `src/parser_bison.y`).
//!
//! **Left out**: host names, which nft would look up; values of types no rule here asks for; what an
//! element keeps for itself (counters, limits), which is read and not kept.

use super::nft_lex::{Cursor, Fail, ParseError, TokenKind, error_at};
use super::nft_symbols::{
    Kind, address_type, is_hardware_address, number, port_number, protocol_number,
};
use crate::ip::{Cidr, IpAddr};
use crate::netfilter::{Datum, Element, MapValue, Verdict};
use crate::time::Duration;
use ipnet::{Ipv4Subnets, Ipv6Subnets};

/// How many elements one written element may stand for.
const MAX_EXPANSION: usize = 1024;

/// What the elements of a map hold.
#[derive(Clone, Debug)]
pub(super) enum Values {
    /// Nothing: it is a set.
    None,
    /// Verdicts.
    Verdicts,
    /// Data of these kinds.
    Data(Vec<Kind>),
}

/// An element and, if a packet made it, the time it has left.
pub(super) struct ReadElement {
    pub(super) element: Element,
    pub(super) expires: Option<Duration>,
}

impl Cursor<'_> {
    /// A value whose parts are of these kinds; a range may come as several.
    pub(super) fn value(&mut self, kinds: &[Kind]) -> Result<Vec<Datum>, Fail> {
        let mut parts = vec![self.part(kinds.first().copied().unwrap_or(Kind::Guess))?];
        while self.accept_symbol(".") {
            let kind = kinds.get(parts.len()).copied().unwrap_or(Kind::Guess);
            parts.push(self.part(kind)?);
        }
        if parts.len() == 1 {
            return Ok(parts.remove(0));
        }
        let mut tuples = vec![Vec::new()];
        for part in parts {
            if tuples.len() * part.len() > MAX_EXPANSION {
                return Err(Fail::Unknown);
            }
            let longer = |it: &Vec<Datum>| {
                let it = it.clone();
                part.iter()
                    .map(move |datum| [it.clone(), vec![datum.clone()]].concat())
            };
            tuples = tuples.iter().flat_map(longer).collect();
        }
        Ok(tuples.into_iter().map(Datum::tuple).collect())
    }

    fn part(&mut self, kind: Kind) -> Result<Vec<Datum>, Fail> {
        let token = self.peek();
        if self.accept_symbol("*") {
            return Ok(vec![Datum::Any]);
        }
        if kind == Kind::Text && matches!(token.kind, TokenKind::Quoted | TokenKind::Word) {
            return Ok(vec![Datum::Text(self.next().text.into())]);
        }
        if token.kind == TokenKind::Quoted && matches!(kind, Kind::Interface | Kind::Guess) {
            return Ok(vec![Datum::Interface(self.next().text.into())]);
        }
        if kind.is_bits() {
            return Ok(vec![Datum::Bits(self.bits(kind)?)]);
        }
        if token.kind == TokenKind::Quoted && kind == Kind::Group {
            return self.named(kind, |text| {
                let known = kind.names().iter().find(|it| it.0 == text)?;
                Some(Datum::Number(known.1))
            });
        }
        if token.kind != TokenKind::Word {
            if self.is_symbol("$") || self.is_symbol("@") {
                return Err(Fail::Unknown);
            }
            return Err(self.unexpected(kind.noun()).into());
        }
        match kind {
            Kind::Ipv4 | Kind::Ipv6 => self.addresses(kind),
            Kind::Protocol => {
                self.named(kind, |text| Some(Datum::Protocol(protocol_number(text)?)))
            }
            Kind::Port => self.ports(),
            Kind::Mark | Kind::Integer => self.numbers(kind),
            Kind::Interface => Ok(vec![Datum::Interface(self.next().text.into())]),
            Kind::AddressType => {
                self.named(kind, |text| address_type(text).map(Datum::AddressType))
            }
            Kind::HardwareAddress => self.named(kind, |text| {
                is_hardware_address(text).then(|| Datum::Text(text.into()))
            }),
            Kind::Time => self.times(),
            Kind::Guess => self.guess(),
            _ => self.named(kind, |text| {
                let known = kind.names().iter().find(|it| it.0 == text);
                let value = known.map(|it| it.1).or_else(|| number(text))?;
                Some(Datum::Number(value))
            }),
        }
    }

    /// Seconds, or from some to others.
    fn times(&mut self) -> Result<Vec<Datum>, Fail> {
        let secs = |it: Duration| u32::try_from(it.as_secs()).unwrap_or(u32::MAX);
        let low = secs(self.duration()?);
        if !self.is_symbol("-") {
            return Ok(vec![Datum::Number(low)]);
        }
        let dash = self.next();
        let high = secs(self.duration()?);
        match low <= high {
            true => Ok(vec![Datum::Numbers(low, high)]),
            false => Err(backwards(dash)),
        }
    }

    fn named(
        &mut self,
        kind: Kind,
        read: impl Fn(&str) -> Option<Datum>,
    ) -> Result<Vec<Datum>, Fail> {
        let datum = read(self.peek().text).ok_or_else(|| self.not_a(kind))?;
        self.next();
        Ok(vec![datum])
    }

    fn not_a(&self, kind: Kind) -> Fail {
        let message = format!("`{}` is not {}", self.peek().text, kind.noun());
        Fail::Wrong(self.error(message, Some(kind.hint())))
    }

    fn guess(&mut self) -> Result<Vec<Datum>, Fail> {
        let text = self.peek().text;
        if is_hardware_address(text) {
            return self.part(Kind::HardwareAddress);
        }
        let looks_like_address = text.contains(':')
            || (text.contains('.') && text.starts_with(|it: char| it.is_ascii_digit()));
        if looks_like_address {
            let kind = if text.contains(':') {
                Kind::Ipv6
            } else {
                Kind::Ipv4
            };
            return self.addresses(kind);
        }
        if text.starts_with("0x") {
            return self.numbers(Kind::Mark);
        }
        if text.parse::<u16>().is_ok() {
            return self.ports();
        }
        let datum = number(text)
            .map(Datum::Number)
            .or_else(|| protocol_number(text).map(Datum::Protocol))
            .or_else(|| port_number(text).map(Datum::Port));
        self.next();
        Ok(vec![datum.unwrap_or_else(|| Datum::Interface(text.into()))])
    }

    pub(super) fn address(&mut self, kind: Kind) -> Result<IpAddr, Fail> {
        let address = self.peek().text.parse::<IpAddr>();
        match (address, kind) {
            (Ok(it @ IpAddr::V4(_)), Kind::Ipv4) | (Ok(it @ IpAddr::V6(_)), Kind::Ipv6) => {
                self.next();
                Ok(it)
            }
            _ => Err(self.not_a(kind)),
        }
    }

    /// An address, a prefix, or the prefixes of a range.
    fn addresses(&mut self, kind: Kind) -> Result<Vec<Datum>, Fail> {
        let start = self.address(kind)?;
        if self.accept_symbol("/") {
            let longest = if start.is_ipv4() { 32 } else { 128 };
            let token = self.peek();
            let length = token.text.parse::<u8>().ok();
            let range = length.and_then(|it| Cidr::new(start, it).ok());
            let Some(range) = range else {
                let message = format!("`{}` is not the length of a prefix", token.text);
                let hint = Some(format!("a number from 0 to {longest}"));
                return Err(self.error(message, hint).into());
            };
            self.next();
            return Ok(vec![Datum::Range(range.trunc())]);
        }
        if !self.is_symbol("-") {
            return Ok(vec![Datum::Address(start)]);
        }
        let dash = self.next();
        let end = self.address(kind)?;
        span(start, end)
            .map(|it| vec![it])
            .ok_or_else(|| backwards(dash))
    }

    fn port(&mut self) -> Result<u16, Fail> {
        let port = port_number(self.peek().text).ok_or_else(|| self.not_a(Kind::Port))?;
        self.next();
        Ok(port)
    }

    fn ports(&mut self) -> Result<Vec<Datum>, Fail> {
        let low = self.port()?;
        if !self.is_symbol("-") {
            return Ok(vec![Datum::Port(low)]);
        }
        let dash = self.next();
        let high = self.port()?;
        if low > high {
            return Err(backwards(dash));
        }
        Ok(vec![Datum::Ports(low, high)])
    }

    pub(super) fn number(&mut self, kind: Kind) -> Result<u32, Fail> {
        let value = number(self.peek().text).ok_or_else(|| self.not_a(kind))?;
        self.next();
        Ok(value)
    }

    fn numbers(&mut self, kind: Kind) -> Result<Vec<Datum>, Fail> {
        let low = self.number(kind)?;
        if !self.is_symbol("-") {
            return Ok(vec![Datum::Number(low)]);
        }
        let dash = self.next();
        let high = self.number(kind)?;
        match low <= high {
            true => Ok(vec![Datum::Numbers(low, high)]),
            false => Err(backwards(dash)),
        }
    }

    /// Named bits: one, or several joined by bars.
    pub(super) fn bits(&mut self, kind: Kind) -> Result<u32, Fail> {
        let mut bits = 0;
        loop {
            if self.accept_symbol("(") {
                self.deeper()?;
                bits |= self.bits(kind)?;
                self.expect_symbol(")")?;
                self.depth -= 1;
            } else {
                let text = self.peek().text;
                if self.peek().kind != TokenKind::Word {
                    return Err(self.unexpected(kind.noun()).into());
                }
                let known = kind.names().iter().find(|it| it.0 == text);
                let value = known.map(|it| it.1).or_else(|| number(text));
                bits |= value.ok_or_else(|| self.not_a(kind))?;
                self.next();
            }
            if !self.accept_symbol("|") && !self.accept_word("or") {
                return Ok(bits);
            }
        }
    }

    /// The elements between braces, the opening one read already.
    pub(super) fn elements(
        &mut self,
        keys: &[Kind],
        values: &Values,
    ) -> Result<Vec<ReadElement>, Fail> {
        let opening = self.previous();
        self.deeper()?;
        let mut elements = Vec::new();
        loop {
            self.skip_newlines();
            if self.accept_symbol("}") {
                break;
            }
            if self.peek().kind == TokenKind::End {
                return Err(super::nft_lex::unclosed(opening).into());
            }
            elements.append(&mut self.element(keys, values)?);
            self.skip_newlines();
            if !self.is_symbol("}") && self.peek().kind != TokenKind::End {
                self.expect_symbol(",")?;
            }
        }
        self.depth -= 1;
        Ok(elements)
    }

    /// One element, or the several that a range stands for.
    pub(super) fn element(
        &mut self,
        keys: &[Kind],
        values: &Values,
    ) -> Result<Vec<ReadElement>, Fail> {
        let keys = self.value(keys)?;
        let mut comment = None;
        let mut timeout = None;
        let mut expires = None;
        loop {
            self.skip_newlines();
            if self.accept_word("comment") {
                comment = Some(self.name("a comment")?.into());
            } else if self.accept_word("timeout") {
                timeout = Some(self.duration()?);
            } else if self.accept_word("expires") {
                expires = Some(self.duration()?);
            } else if self.accept_word("counter") {
                self.skip_counter();
            } else if ["limit", "quota", "last", "ct"].contains(&self.peek().text) {
                self.skip_kept();
            } else {
                break;
            }
        }
        let mut value = None;
        if self.is_symbol(":") {
            if matches!(values, Values::None) {
                let hint = Some("only a map has values".to_owned());
                return Err(self
                    .error("an element of a set has no value".into(), hint)
                    .into());
            }
            self.next();
            self.skip_newlines();
            value = Some(self.map_value(values)?);
        }
        let elements = keys.into_iter().map(|key| ReadElement {
            element: Element {
                key,
                value: value.clone(),
                comment: comment.clone(),
                timeout: timeout.filter(|_| expires.is_none()),
                tag: None,
            },
            expires,
        });
        Ok(elements.collect())
    }

    fn map_value(&mut self, values: &Values) -> Result<MapValue, Fail> {
        if let Values::Data(kinds) = values {
            let mut data = self.value(kinds)?;
            return match data.len() {
                1 => Ok(MapValue::Data(data.remove(0))),
                _ => Err(Fail::Unknown),
            };
        }
        match self.verdict()? {
            Some(it) => Ok(MapValue::Verdict(it)),
            None => {
                let hint = "accept, drop, continue, return, jump CHAIN or goto CHAIN".to_owned();
                let message = format!("`{}` is not a verdict", self.peek().text);
                Err(self.error(message, Some(hint)).into())
            }
        }
    }

    /// A verdict, if one comes next.
    pub(super) fn verdict(&mut self) -> Result<Option<Verdict>, Fail> {
        let token = self.peek();
        if token.kind != TokenKind::Word {
            return Ok(None);
        }
        let verdict = match token.text {
            "accept" => Verdict::Accept,
            "drop" => Verdict::Drop,
            "continue" => Verdict::Continue,
            "return" => Verdict::Return,
            "jump" | "goto" => {
                if self.peek_at(1).kind == TokenKind::Symbol && self.peek_at(1).text == "{" {
                    return Err(Fail::Unknown);
                }
                self.next();
                let chain = self.name("the name of a chain")?.into();
                return Ok(Some(match token.text {
                    "jump" => Verdict::Jump(chain),
                    _ => Verdict::Goto(chain),
                }));
            }
            _ => return Ok(None),
        };
        self.next();
        Ok(Some(verdict))
    }

    /// What follows the word `counter`, if it has counted.
    pub(super) fn skip_counter(&mut self) {
        for word in ["packets", "bytes"] {
            if self.is_word(word) && number_follows(self) {
                self.at += 2;
            }
        }
    }

    /// What an element keeps beside a counter, up to what may follow it.
    fn skip_kept(&mut self) {
        let ends = ["timeout", "expires", "comment", "counter"];
        loop {
            self.next();
            let token = self.peek();
            let is_end = match token.kind {
                TokenKind::Symbol => [",", "}", ":"].contains(&token.text),
                TokenKind::End => true,
                _ => ends.contains(&token.text),
            };
            if is_end {
                return;
            }
        }
    }

    /// A length of time: `3h`, `10800s`, `1d2h3m4s5ms`, or seconds without a unit.
    pub(super) fn duration(&mut self) -> Result<Duration, ParseError> {
        let text = self.peek().text;
        let ms = match text.parse::<u64>() {
            Ok(secs) => secs.checked_mul(1000),
            Err(_) => duration_ms(text),
        };
        match ms {
            Some(ms) if self.peek().kind == TokenKind::Word => {
                self.next();
                Ok(Duration::from_millis(ms))
            }
            _ => {
                let hint = Some("as in 3h, 1m30s or 10800s".to_owned());
                Err(self.error(format!("`{text}` is not a length of time"), hint))
            }
        }
    }
}

/// The prefixes a range of addresses is made of; none if it goes backwards.
pub(super) fn prefixes(start: IpAddr, end: IpAddr) -> Vec<Cidr> {
    match (start, end) {
        (IpAddr::V4(start), IpAddr::V4(end)) if start <= end => {
            Ipv4Subnets::new(start, end, 0).map(Cidr::V4).collect()
        }
        (IpAddr::V6(start), IpAddr::V6(end)) if start <= end => {
            Ipv6Subnets::new(start, end, 0).map(Cidr::V6).collect()
        }
        _ => Vec::new(),
    }
}

/// A range as one value: an address, a prefix, or what is neither; none if it goes backwards.
pub(super) fn span(start: IpAddr, end: IpAddr) -> Option<Datum> {
    match prefixes(start, end).as_slice() {
        [] => None,
        [prefix] => Some(whole_or_one(*prefix)),
        _ => Some(Datum::Addresses(Box::new((start, end)))),
    }
}

/// A prefix, or the address it is if it holds only one.
pub(super) fn whole_or_one(range: Cidr) -> Datum {
    if range.prefix_len() == range.max_prefix_len() {
        Datum::Address(range.addr())
    } else {
        Datum::Range(range)
    }
}

fn number_follows(cursor: &Cursor<'_>) -> bool {
    let next = cursor.peek_at(1);
    next.kind == TokenKind::Word && next.text.bytes().all(|it| it.is_ascii_digit())
}

fn backwards(dash: super::nft_lex::Token<'_>) -> Fail {
    let hint = Some("the smaller end comes first".to_owned());
    error_at(dash, "this range goes backwards".to_owned(), hint).into()
}

fn duration_ms(text: &str) -> Option<u64> {
    let mut rest = text;
    let mut total = 0u64;
    while !rest.is_empty() {
        let digits = rest.find(|it: char| !it.is_ascii_digit())?;
        let count: u64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let letters = rest
            .find(|it: char| it.is_ascii_digit())
            .unwrap_or(rest.len());
        let unit = match &rest[..letters] {
            "d" => 86_400_000,
            "h" => 3_600_000,
            "m" => 60_000,
            "s" => 1000,
            "ms" => 1,
            _ => return None,
        };
        rest = &rest[letters..];
        total = total.checked_add(count.checked_mul(unit)?)?;
    }
    (!text.is_empty()).then_some(total)
}
