//! Reads the text of a rule: its statements, and the expressions in them.
//!
//! Imitates the grammar of nft 1.0.6 (`src/parser_bison.y`, `rule` and below). What nft may know
//! and the model does not becomes [`Statement::Unknown`]: the whole of a `log` or `limit`
//! statement, otherwise the rest of the rule.
//!
//! **Left out**: checks of meaning that nft makes later, such as a port without a transport
//! protocol before it.

use super::nft_lex::{Cursor, Fail, ParseError, TokenKind};
use super::nft_symbols::{Kind, family_of, field_from_words, kind_of, kinds_of, number};
use super::nft_values::Values;
use crate::netfilter::{
    AddressSelector, BitOperation, CtKey, Datum, Expression, Fib, FibResult, Meta, NatFlags,
    NatKind, NatTarget, Note, Numgen, NumgenMode, Operand, Operator, RejectWith, Rule,
    SetReference, Statement, TableFamily, UpdateKind,
};

/// How many operations on bits are read in a row.
const MAX_OPERATIONS: usize = 64;

/// How a match compares; an operator left out is not always the same as `==`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Implied,
    /// `!`: none of these bits.
    Lacks,
    Written(Operator),
}

impl Cursor<'_> {
    /// A rule, up to where its statement ends.
    pub(super) fn rule(&mut self) -> Result<Rule, ParseError> {
        let mut rule = Rule::default();
        while !self.is_at_end() {
            if self.is_at_comment() {
                self.next();
                let text = self.name("a comment")?;
                rule.note = Note::comment(text);
                if !self.is_at_end() {
                    return Err(self.unexpected("the end of the rule"));
                }
                break;
            }
            let start = (self.at, self.depth);
            match self.statement(&mut rule.statements) {
                Ok(()) => {}
                Err(Fail::Wrong(error)) if !self.is_listing => return Err(error),
                Err(_) => {
                    (self.at, self.depth) = start;
                    let text = self.unknown()?;
                    rule.statements.push(Statement::Unknown(text.into()));
                }
            }
        }
        Ok(rule)
    }

    /// A statement of which only the extent is known, or the rest of the rule.
    fn unknown(&mut self) -> Result<String, ParseError> {
        let text = self.rest_of_rule()?;
        if text.is_empty() {
            return Err(self.unexpected("a statement"));
        }
        Ok(text)
    }

    fn statement(&mut self, into: &mut Vec<Statement>) -> Result<(), Fail> {
        let token = self.peek();
        if token.kind != TokenKind::Word && !self.is_symbol("(") {
            return Err(self.unexpected("a statement").into());
        }
        if let Some(verdict) = self.verdict()? {
            into.push(Statement::Verdict(verdict));
            return Ok(());
        }
        let statement = match token.text {
            "counter" if !self.peek_at(1).text.eq("name") => {
                self.next();
                self.skip_counter();
                Statement::Counter
            }
            "log" => self.log(),
            "limit" => self.limit()?,
            "notrack" => Statement::Unknown(self.next().text.into()),
            "reject" => return self.reject(into),
            "dnat" | "snat" => self.nat()?,
            "masquerade" | "redirect" => self.nat_here()?,
            "update" | "add" => self.update()?,
            _ => return self.matching(into),
        };
        into.push(statement);
        Ok(())
    }

    /// `log` and its options.
    fn log(&mut self) -> Statement {
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
        Statement::Unknown(words.join(" ").into())
    }

    /// `limit rate 10/minute burst 5 packets`.
    fn limit(&mut self) -> Result<Statement, Fail> {
        let mut words = vec![self.next().text];
        if !self.is_word("rate") {
            return Err(Fail::Unknown);
        }
        words.push(self.next().text);
        if self.is_word("over") {
            words.push(self.next().text);
        }
        let mut rate = self.number(Kind::Integer)?.to_string();
        if self.accept_symbol("/") {
            rate = format!("{rate}/{}", self.name("a unit of time")?);
        } else {
            rate = format!("{rate} {}", self.name("a unit")?);
        }
        let mut text = format!("{} {rate}", words.join(" "));
        if self.accept_word("burst") {
            let burst = self.number(Kind::Integer)?;
            text.push_str(&format!(" burst {burst}"));
            let units = ["packets", "bytes", "kbytes", "mbytes"];
            if units.contains(&self.peek().text) {
                text.push_str(&format!(" {}", self.next().text));
            }
        }
        Ok(Statement::Unknown(text.into()))
    }

    fn reject(&mut self, into: &mut Vec<Statement>) -> Result<(), Fail> {
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
        let with = match (protocol, self.peek().text) {
            ("icmp" | "icmpv6" | "icmpx", "port-unreachable") => RejectWith::PortUnreachable,
            ("icmp" | "icmpv6" | "icmpx", "admin-prohibited") => RejectWith::AdminProhibited,
            ("icmp" | "icmpx", "host-unreachable") | ("icmpv6", "addr-unreachable") => {
                RejectWith::HostUnreachable
            }
            _ => return Err(Fail::Unknown),
        };
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

    /// `dnat to 10.0.0.1:80`, `dnat ip addr . port to … map { … }`.
    fn nat(&mut self) -> Result<Statement, Fail> {
        let kind = match self.next().text {
            "snat" => NatKind::Snat,
            _ => NatKind::Dnat,
        };
        let _family = self.accept_word("ip") || self.accept_word("ip6");
        if self.accept_word("addr") {
            let is_whole = self.accept_symbol(".") && self.accept_word("port");
            if !is_whole {
                return Err(self.unexpected("`addr . port`").into());
            }
        }
        if !self.accept_word("to") {
            return Err(self.unexpected("`to`").into());
        }
        let target = self.nat_target()?;
        let flags = self.nat_flags();
        Ok(Statement::Nat {
            kind,
            target: Some(target),
            flags,
        })
    }

    fn nat_target(&mut self) -> Result<NatTarget, Fail> {
        let is_bracketed = self.accept_symbol("[");
        let text = self.peek().text;
        let starts_like_address =
            text.contains(':') || is_bracketed || text.starts_with(|it: char| it.is_ascii_digit());
        if !self.is_symbol(":") && !starts_like_address {
            let expression = self.expression(None)?;
            return match expression {
                Expression::Map { .. } => Ok(NatTarget::Mapped(expression)),
                _ => Err(Fail::Unknown),
            };
        }
        let mut address = None;
        if !self.is_symbol(":") {
            let kind = if text.contains(':') {
                Kind::Ipv6
            } else {
                Kind::Ipv4
            };
            match self.value(&[kind])?.as_slice() {
                [Datum::Address(it)] => address = Some(*it),
                _ => return Err(Fail::Unknown),
            }
        }
        if is_bracketed {
            self.expect_symbol("]")?;
        }
        let port = self
            .accept_symbol(":")
            .then(|| self.nat_port())
            .transpose()?;
        Ok(NatTarget::Fixed { address, port })
    }

    fn nat_port(&mut self) -> Result<u16, Fail> {
        match self.value(&[Kind::Port])?.as_slice() {
            [Datum::Port(it)] => Ok(*it),
            _ => Err(Fail::Unknown),
        }
    }

    /// `masquerade` and `redirect`, which need no address.
    fn nat_here(&mut self) -> Result<Statement, Fail> {
        let kind = match self.next().text {
            "redirect" => NatKind::Redirect,
            _ => NatKind::Masquerade,
        };
        let mut target = None;
        if self.accept_word("to") {
            self.expect_symbol(":")?;
            let (address, port) = (None, Some(self.nat_port()?));
            target = Some(NatTarget::Fixed { address, port });
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

    /// `update @set { ip saddr }`.
    fn update(&mut self) -> Result<Statement, Fail> {
        let kind = match self.next().text {
            "add" => UpdateKind::Add,
            _ => UpdateKind::Update,
        };
        self.expect_symbol("@")?;
        let set = self.name("the name of a set")?.into();
        self.expect_symbol("{")?;
        let key = self.expression(None)?;
        if !self.accept_symbol("}") {
            return Err(Fail::Unknown);
        }
        Ok(Statement::Update { kind, set, key })
    }

    /// A match, a verdict map or a write: all begin with an expression.
    fn matching(&mut self, into: &mut Vec<Statement>) -> Result<(), Fail> {
        let left = self.expression(None)?;
        let statement = if self.accept_word("vmap") {
            let map = self.set_reference(&left, &Values::Verdicts)?;
            Statement::VerdictMap { key: left, map }
        } else if self.accept_word("set") {
            match left {
                Expression::Meta(key @ Meta::Mark) => {
                    let value = self.expression(Some(Kind::Mark))?;
                    Statement::SetMeta { key, value }
                }
                _ => return Err(Fail::Unknown),
            }
        } else {
            self.comparison(left)?
        };
        into.push(statement);
        Ok(())
    }

    fn comparison(&mut self, left: Expression) -> Result<Statement, Fail> {
        if matches!(left, Expression::Constant(_) | Expression::Map { .. }) {
            return Err(Fail::Unknown);
        }
        let comparison = self.operator();
        let operator = match comparison {
            Comparison::Implied => Operator::Eq,
            Comparison::Lacks => Operator::Ne,
            Comparison::Written(it) => it,
        };
        if self.is_symbol("@") || self.is_symbol("{") {
            if comparison == Comparison::Lacks || !matches!(operator, Operator::Eq | Operator::Ne) {
                return Err(Fail::Unknown);
            }
            let right = Operand::Set(self.set_reference(&left, &Values::None)?);
            return Ok(Statement::Match {
                left,
                operator,
                right,
            });
        }
        let kinds = kinds_of(&left);
        if let [kind] = kinds.as_slice()
            && kind.is_bits()
        {
            return self.bits_comparison(left, *kind, comparison, operator);
        }
        if comparison == Comparison::Lacks {
            return Err(Fail::Unknown);
        }
        let mut values = self.value(&kinds)?;
        let left = match (kinds.as_slice(), values.as_slice()) {
            ([Kind::Mark | Kind::Integer], [Datum::Number(_)]) => self.masked(left),
            _ => left,
        };
        let right = match values.len() {
            1 => Operand::Value(values.remove(0)),
            _ => Operand::Set(SetReference::Anonymous(
                values
                    .into_iter()
                    .map(crate::netfilter::Element::key)
                    .collect(),
            )),
        };
        Ok(Statement::Match {
            left,
            operator,
            right,
        })
    }

    /// `meta mark 0x40000000/2`: nft lists a mask of leading bits as the length of a prefix.
    fn masked(&mut self, left: Expression) -> Expression {
        let length = self.peek_at(1).text.parse::<u32>().ok();
        let Some(length @ 1..=32) = length.filter(|_| self.is_symbol("/")) else {
            return left;
        };
        self.next();
        self.next();
        Expression::Bitwise {
            of: Box::new(left),
            operation: BitOperation::And,
            mask: u32::MAX << (32 - length),
        }
    }

    /// Named bits are compared in three ways: any of them, exactly these, or these under a mask.
    fn bits_comparison(
        &mut self,
        left: Expression,
        kind: Kind,
        comparison: Comparison,
        operator: Operator,
    ) -> Result<Statement, Fail> {
        let mut bits = self.bits(kind)?;
        while self.accept_symbol(",") {
            bits |= self.bits(kind)?;
        }
        let is_masked = matches!(left, Expression::Bitwise { .. });
        let (left, right) = if !is_masked && self.accept_symbol("/") {
            let mut mask = self.bits(kind)?;
            while self.accept_symbol(",") {
                mask |= self.bits(kind)?;
            }
            let of = Box::new(left);
            let operation = BitOperation::And;
            let masked = Expression::Bitwise {
                of,
                operation,
                mask,
            };
            (masked, Datum::Bits(bits))
        } else if is_masked || !matches!(comparison, Comparison::Written(_)) {
            (left, Datum::Bits(bits))
        } else {
            (left, Datum::Number(bits))
        };
        if is_masked && comparison == Comparison::Lacks {
            return Err(Fail::Unknown);
        }
        Ok(Statement::Match {
            left,
            operator,
            right: Operand::Value(right),
        })
    }

    fn operator(&mut self) -> Comparison {
        let operator = match self.peek().text {
            _ if self.peek().kind == TokenKind::Quoted => return Comparison::Implied,
            "==" | "eq" => Operator::Eq,
            "!=" | "ne" => Operator::Ne,
            "<" | "lt" => Operator::Lt,
            ">" | "gt" => Operator::Gt,
            "<=" | "le" => Operator::Le,
            ">=" | "ge" => Operator::Ge,
            "!" => {
                self.next();
                return Comparison::Lacks;
            }
            _ => return Comparison::Implied,
        };
        self.next();
        Comparison::Written(operator)
    }

    /// `@name` or `{ … }`, whose keys are values of an expression.
    fn set_reference(&mut self, key: &Expression, values: &Values) -> Result<SetReference, Fail> {
        if self.accept_symbol("@") {
            let name = self.name("the name of a set")?;
            return Ok(SetReference::Named(name.into()));
        }
        self.expect_symbol("{")?;
        let opening = self.previous();
        let elements = self.elements(&kinds_of(key), values)?;
        if elements.is_empty() {
            let message = "a set inside a rule has at least one element".to_owned();
            return Err(super::nft_lex::error_at(opening, message, None).into());
        }
        let elements = elements.into_iter().map(|it| it.element);
        Ok(SetReference::Anonymous(elements.collect()))
    }

    /// An expression with bit operations, dots and maps. `wanted` is the kind it is written to.
    pub(super) fn expression(&mut self, wanted: Option<Kind>) -> Result<Expression, Fail> {
        let first = self.bitwise(0, wanted)?;
        let mut parts = vec![first];
        while self.accept_symbol(".") {
            parts.push(self.bitwise(0, None)?);
        }
        let expression = match parts.len() {
            1 => parts.remove(0),
            _ => Expression::Concatenation(parts),
        };
        if !self.accept_word("map") {
            return Ok(expression);
        }
        let values = Values::Data(wanted.into_iter().collect());
        let map = self.set_reference(&expression, &values)?;
        let key = Box::new(expression);
        Ok(Expression::Map { key, map })
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
        let token = self.peek();
        if token.kind != TokenKind::Word {
            return Err(Fail::Unknown);
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
            "mark" => Expression::Meta(Meta::Mark),
            "iifname" => Expression::Meta(Meta::Iifname),
            "oifname" => Expression::Meta(Meta::Oifname),
            "meta" => Expression::Meta(match self.next().text {
                "mark" => Meta::Mark,
                "l4proto" => Meta::L4proto,
                "nfproto" => Meta::Nfproto,
                "iifname" => Meta::Iifname,
                "oifname" => Meta::Oifname,
                _ => return Err(Fail::Unknown),
            }),
            "ct" => Expression::Ct(match self.next().text {
                "state" => CtKey::State,
                "status" => CtKey::Status,
                "mark" => CtKey::Mark,
                "direction" => CtKey::Direction,
                _ => return Err(Fail::Unknown),
            }),
            "fib" => self.fib()?,
            "numgen" => self.numgen()?,
            header => {
                let name = self.next().text;
                let field = field_from_words(header, name).ok_or(Fail::Unknown)?;
                Expression::Payload(field)
            }
        })
    }

    fn fib(&mut self) -> Result<Expression, Fail> {
        let address = match self.next().text {
            "saddr" => AddressSelector::Saddr,
            "daddr" => AddressSelector::Daddr,
            _ => return Err(Fail::Unknown),
        };
        let result = match self.next().text {
            "type" => FibResult::Type,
            "oifname" => FibResult::Oifname,
            _ => return Err(Fail::Unknown),
        };
        Ok(Expression::Fib(Fib { address, result }))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Rule {
        text.parse()
            .unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[track_caller]
    fn same(spellings: &[&str]) {
        for pair in spellings.windows(2) {
            assert_eq!(read(pair[0]), read(pair[1]), "{pair:?}");
        }
        let printed = read(spellings[0]).to_string();
        assert_eq!(printed, spellings[0]);
    }

    #[test]
    fn both_spellings_of_a_thing_give_the_same_rule() {
        same(&[
            "mark and 0x00004000 != 0 return",
            "meta mark & 0x4000 != 0x00000000 return",
        ]);
        same(&[
            "mark set mark or 0x00004000",
            "meta mark set meta mark | 0x4000",
        ]);
        same(&["mark set mark xor 0x00004000", "mark set meta mark ^ 16384"]);
        same(&[
            "dnat ip addr . port to numgen random mod 2 map { 0 : 10.0.0.4 . 80 , 1 : 10.0.0.5 . 80 }",
            "dnat ip to numgen random mod 2 map { 0 : 10.0.0.4 . 80, 1 : 10.0.0.5 . 80 }",
        ]);
        same(&["dnat to 1.2.3.4:80", "dnat ip to 1.2.3.4:http"]);
        same(&["dnat to [fd00::1]:80", "dnat ip6 to [fd00::1]:80"]);
        same(&[
            "ct state established,related accept",
            "ct state related,established accept",
        ]);
        same(&[
            "tcp dport { 80 , 443 }",
            "tcp dport { http, https }",
            "tcp dport {80,443,}",
        ]);
        same(&[
            "tcp flags & (syn|ack) == syn",
            "tcp flags syn / syn,ack",
            "tcp flags and (syn | ack) == syn",
        ]);
        same(&["meta l4proto { tcp , udp }", "meta l4proto { 6, 17 }"]);
        same(&[
            "iifname lo accept",
            "meta iifname \"lo\" accept",
            "iifname == \"lo\" accept",
        ]);
        same(&[
            "reject with icmp type host-unreachable",
            "reject with icmp host-unreachable",
        ]);
        same(&["counter accept", "counter packets 7 bytes 420 accept"]);
        same(&[
            "ip saddr 10.0.0.0/24",
            "ip saddr 10.0.0.0-10.0.0.255",
            "ip saddr 10.0.0.9/24",
        ]);
        same(&[
            "masquerade random,fully-random",
            "masquerade fully-random,random",
        ]);
        same(&["fib saddr type local", "fib saddr type == local"]);
    }

    #[test]
    fn operations_on_bits_bind_as_in_nft() {
        assert_eq!(
            read("mark set mark or 0x1 and 0x3"),
            read("mark set mark or 0x1")
        );
        let text = "mark set (mark or 0x00000001) and 0x000000ff";
        assert_eq!(read(text).to_string(), text);
    }

    #[test]
    fn the_three_ways_to_compare_bits_stay_apart() {
        let texts = [
            "ct status dnat",
            "ct status == dnat",
            "ct status != dnat",
            "ct status ! dnat",
        ];
        for text in texts {
            assert_eq!(read(text).to_string(), text);
        }
        assert_ne!(read(texts[0]), read(texts[1]));
        assert_ne!(read(texts[2]), read(texts[3]));
    }

    #[test]
    fn what_is_not_known_is_kept_as_text_up_to_where_it_ends() {
        let unknown = |text: &str| Statement::Unknown(text.into());
        let rule = read("log prefix \"a, b\" level info flags tcp sequence,options drop");
        let log = unknown("log prefix \"a, b\" level info flags tcp sequence,options");
        assert_eq!(rule.statements[0], log);
        assert_eq!(rule.statements.len(), 2);
        let rule = read("limit rate over 10/minute  burst 5 packets counter accept");
        assert_eq!(
            rule.statements[0],
            unknown("limit rate over 10/minute burst 5 packets")
        );
        assert_eq!(rule.statements.len(), 3);
        let rule = read("ip daddr 1.2.3.4 ip ttl 5 \\\n accept comment \"why\"");
        assert_eq!(rule.statements[1], unknown("ip ttl 5 accept"));
        assert_eq!(rule.note, Note::comment("why"));
        for text in [
            "update @s { ip saddr timeout 1h }",
            "dnat to 1.2.3.4-1.2.3.9",
            "queue num 1",
        ] {
            assert_eq!(read(text).statements, [unknown(text)]);
        }
    }

    #[test]
    fn a_mistake_has_its_place_and_a_hint() {
        let wrong = |text: &str| text.parse::<Rule>().expect_err(text);
        let error = wrong("ip saddr 1.1.1.1 ip daddr 10.0.0.300 drop");
        assert_eq!((error.line, error.column), (1, 27));
        assert_eq!(error.message, "`10.0.0.300` is not an IPv4 address");
        assert!(error.hint.is_some());
        assert_eq!(wrong("ip daddr { 1.1.1.1, 2.2.2.2").column, 10);
        assert_eq!(wrong("ct state established,nwe accept").column, 22);
        assert_eq!(wrong("tcp dport 90-80").column, 13);
        assert_eq!(wrong("numgen random mod 0 vmap { 0 : drop }").column, 19);
        assert_eq!(wrong("ip saddr 10.0.0.0/33").column, 19);
        assert_eq!(wrong("accept comment \"open").column, 16);
        assert_eq!(wrong("accept }").column, 8);
    }

    #[test]
    fn depth_is_bounded() {
        let text = format!("mark set {}mark{} or 1", "(".repeat(5000), ")".repeat(5000));
        assert!(text.parse::<Rule>().is_err());
        let text = format!("mark {}!= 0", "and 1 ".repeat(5000));
        assert!(matches!(
            read(&text).statements[..],
            [Statement::Unknown(_)]
        ));
    }
}
