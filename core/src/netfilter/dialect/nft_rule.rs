//! Reads the text of a rule, statement by statement.
//!
//! Imitates the grammar of nft 1.0.6 (`src/parser_bison.y`, `rule` and below). What nft may know
//! and the model does not becomes [`Statement::Unknown`]: the statement, if its end is known, otherwise
//! the rest of the rule.
//!
//! **Left out**: checks of meaning that nft makes later, such as a port without a transport
//! protocol before it.

use super::nft_expression::is_flag;
use super::nft_lex::{Cursor, Fail, ParseError, TokenKind};
use super::nft_symbols::{Kind, kinds_of};
use super::nft_values::Values;
use crate::netfilter::{
    BitOperation, Datum, Expression, FibResult, Note, Operand, Operator, Rule, SetReference,
    Statement,
};

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
            "counter" => self.counter()?,
            "log" => self.log(),
            "limit" => self.limit()?,
            "quota" => self.quota()?,
            "notrack" => {
                self.next();
                Statement::Notrack
            }
            "reject" => return self.reject(into),
            "dnat" | "snat" => self.nat()?,
            "masquerade" | "redirect" => self.nat_here()?,
            "update" | "add" => self.update()?,
            "delete" if self.peek_at(1).text == "@" => self.update()?,
            "last" | "flow" | "dup" | "reset" => self.aside()?,
            "tproxy" => self.tproxy()?,
            "xt" => self.foreign()?,
            "ct" if self.peek_at(1).text == "count" => self.ct_count()?,
            _ => return self.matching(into),
        };
        into.push(statement);
        Ok(())
    }

    /// A match, a verdict map or a write: all begin with an expression.
    fn matching(&mut self, into: &mut Vec<Statement>) -> Result<(), Fail> {
        let left = self.expression(None)?;
        let statement = if self.accept_word("vmap") {
            let map = self.set_reference(&left, &Values::Verdicts)?;
            Statement::VerdictMap { key: left, map }
        } else if self.accept_word("set") {
            self.writing(left)?
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
        if let Some(datum) = self.presence(&left) {
            return Ok(Statement::Match {
                left,
                operator,
                right: Operand::Value(datum),
            });
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

    /// `exists`, `missing`, or the number of no interface.
    fn presence(&mut self, left: &Expression) -> Option<Datum> {
        let asks_way = matches!(left, Expression::Fib(it) if it.result != FibResult::Type);
        if self.peek().kind != TokenKind::Word
            || !(asks_way || matches!(left, Expression::Beyond(_)))
        {
            return None;
        }
        // `nft -n` prints presence as a number.
        let is_flag = matches!(left, Expression::Beyond(it) if is_flag(&it.text));
        let found = match self.peek().text {
            "exists" => Datum::Presence(true),
            "missing" => Datum::Presence(false),
            "0" if asks_way => Datum::Number(0),
            "1" if asks_way || is_flag => Datum::Presence(true),
            "0" if is_flag => Datum::Presence(false),
            _ => return None,
        };
        self.next();
        Some(found)
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
    pub(super) fn set_reference(
        &mut self,
        key: &Expression,
        values: &Values,
    ) -> Result<SetReference, Fail> {
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
        let log =
            Statement::Aside("log prefix \"a, b\" level info flags tcp sequence,options".into());
        assert_eq!(rule.statements[0], log);
        assert_eq!(rule.statements.len(), 2);
        let rule = read("limit rate over 10/minute  burst 7 packets counter accept");
        let text = "limit rate over 10/minute burst 7 packets counter accept";
        assert_eq!(rule.to_string(), text);
        assert_eq!(rule.statements.len(), 3);
        let rule = read("ip daddr 1.2.3.4 mystery 5 \\\n accept comment \"why\"");
        assert_eq!(rule.statements[1], unknown("mystery 5 accept"));
        assert_eq!(rule.note, Note::comment("why"));
        for text in [
            "queue num 1",
            "tproxy to :1234",
            "xt match physdev",
            "ct count over 20",
            "limit name \"x\"",
        ] {
            assert_eq!(read(text).statements, [unknown(text)]);
        }
    }

    #[test]
    fn what_changes_nothing_is_known_to() {
        for text in [
            "xt target \"LOG\"",
            "meta nftrace set 1",
            "meta priority set 1:2",
            "tcp option maxseg size set rt mtu",
            "ip dscp set cs1",
            "ct helper set \"ftp\"",
            "counter name \"x\"",
            "flow add @f",
            "last used never",
        ] {
            let rule = read(&format!("{text} accept"));
            assert_eq!(rule.statements[0], Statement::Aside(text.into()));
            assert_eq!(rule.statements.len(), 2, "{text}");
        }
    }

    #[test]
    fn every_expression_is_printed_as_it_is_read() {
        let rows = include_str!("nft_expressions.txt").lines();
        for text in rows.filter(|it| !it.is_empty()) {
            let rule = read(text);
            let is_known = |it: &Statement| !matches!(it, Statement::Unknown(_));
            assert!(rule.statements.iter().all(is_known), "{rule:?}");
            assert_eq!(rule.to_string(), text);
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
