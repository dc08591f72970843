//! Puts the words of a rule together, in kube-proxy's way of writing or in that of `nft list`.
//!
//! knftables v0.0.18 with kube-proxy 1.34–1.37, and nft 1.0.6 (`src/expression.c`,
//! `src/statement.c`).
//!
//! **Left out**: service names for ports, which nft prints only when asked to; the notation
//! `::1.2.3.4` for an IPv6 address.

use super::nft::Word;
use super::nft_symbols::{
    Kind, address_type_name, family_of, family_of_expression, field_words, is_hardware_address,
    is_word, kind_of, kinds_of, kinds_of_type, protocol_listed, protocol_written,
};
use crate::netfilter::{
    BitOperation, Datum, Element, Expression, MapValue, Meta, NumgenMode, Operand, Operator, Rule,
    Set, SetFlag, SetReference, Statement, Table, TableFamily, Verdict,
};
use crate::time::Duration;
use std::fmt;

/// Whose way of writing is followed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// kube-proxy's.
    Command,
    /// That of `nft list`.
    Listing,
}

/// Words being put together.
pub(super) struct Printer<'a> {
    pub(super) form: Form,
    pub(super) family: Option<TableFamily>,
    /// The table the rule stands in, where it is known.
    pub(super) table: Option<&'a Table>,
    pub(super) words: Vec<String>,
}

impl<'a> Printer<'a> {
    pub(super) fn command(family: Option<TableFamily>) -> Self {
        Printer {
            form: Form::Command,
            family,
            table: None,
            words: Vec::new(),
        }
    }

    pub(super) fn listing(table: &'a Table) -> Self {
        Printer {
            form: Form::Listing,
            family: Some(table.key.family),
            table: Some(table),
            words: Vec::new(),
        }
    }

    pub(super) fn text(self) -> String {
        self.words.join(" ")
    }

    pub(super) fn push(&mut self, word: impl Into<String>) {
        self.words.push(word.into());
    }

    pub(super) fn rule(mut self, rule: &Rule) -> Vec<Word> {
        if self.form == Form::Command && self.family.is_none() {
            self.family = guessed_family(rule);
        }
        let mut words = Vec::new();
        for (idx, statement) in rule.statements.iter().enumerate() {
            self.statement(statement, &rule.statements[..idx]);
            words.extend(self.words.drain(..).map(|text| Word {
                text,
                statement: Some(idx),
            }));
        }
        if let Some(comment) = &rule.note.comment {
            for text in ["comment".to_owned(), quoted(comment)] {
                let statement = None;
                words.push(Word { text, statement });
            }
        }
        words
    }

    pub(super) fn statement(&mut self, statement: &Statement, before: &[Statement]) {
        match statement {
            Statement::Match {
                left,
                operator,
                right,
            } => self.comparison(left, *operator, right),
            Statement::Verdict(verdict) => self.verdict(verdict),
            Statement::VerdictMap { key, map } => {
                self.expression(key);
                self.push("vmap");
                self.set_reference(map, &kinds_of(key), &[]);
            }
            Statement::SetMeta { key, value } => {
                self.expression(&Expression::Meta(*key));
                self.push("set");
                self.written(value, kind_of(&Expression::Meta(*key)));
            }
            Statement::Nat {
                kind,
                target,
                flags,
            } => self.nat(*kind, target.as_ref(), *flags),
            Statement::Reject(with) => self.reject(*with, before),
            Statement::Update { .. } => self.update(statement),
            Statement::SetCt { key, value } => {
                self.expression(&Expression::Ct(*key));
                self.push("set");
                self.written(value, kind_of(&Expression::Ct(*key)));
            }
            Statement::Notrack => self.push("notrack"),
            Statement::Limit(limit) => self.limit(limit),
            Statement::Quota(quota) => self.quota(*quota),
            Statement::Aside(text) | Statement::Settled { text, .. } => self.push(&**text),
            Statement::Counter => {
                self.push("counter");
                if self.form == Form::Listing {
                    self.words
                        .extend(["packets", "0", "bytes", "0"].map(str::to_owned));
                }
            }
            // What iptables writes has no words in nft: `nft list` names the module.
            Statement::Comment(_) => self.push("xt match comment"),
            Statement::Statistic(_) => self.push("xt match statistic"),
            Statement::Recent(_) => self.push("xt match recent"),
            Statement::Account(_) => self.push("xt match nfacct"),
            Statement::Module(module) => {
                let name = module.to_string();
                let name = name.split(' ').nth(1).unwrap_or_default();
                self.push(format!("xt match {name}"));
            }
            Statement::ConnMark(_) => self.push("xt target CONNMARK"),
            Statement::Unknown(text) => self.push(&**text),
        }
    }

    fn comparison(&mut self, left: &Expression, operator: Operator, right: &Operand) {
        let kinds = kinds_of(left);
        let kind = kinds.first().copied().unwrap_or(Kind::Guess);
        match right {
            Operand::Value(Datum::Bits(bits)) if kind.is_bits() => {
                self.bits_comparison(left, operator, *bits, false);
            }
            Operand::Value(Datum::Number(bits)) if kind.is_bits() => {
                self.bits_comparison(left, operator, *bits, true);
            }
            Operand::Value(value) => {
                self.expression(left);
                let is_masked = matches!(left, Expression::Bitwise { .. });
                if operator != Operator::Eq || is_masked {
                    self.push(operator_text(operator));
                }
                match value {
                    // nft takes a value of several parts only inside braces.
                    Datum::Tuple(_) => {
                        let elements = vec![Element::key(value.clone())];
                        self.set_reference(&SetReference::Anonymous(elements), &kinds, &[]);
                    }
                    Datum::Number(0) if self.form == Form::Command => self.push("0"),
                    _ => self.datum(value, &kinds),
                }
            }
            Operand::Set(set) => {
                self.expression(left);
                let is_masked = matches!(left, Expression::Bitwise { .. });
                if operator != Operator::Eq || is_masked {
                    self.push(operator_text(operator));
                }
                self.set_reference(set, &kinds, &[]);
            }
        }
    }

    /// Any of these bits, exactly these, or these under a mask.
    fn bits_comparison(
        &mut self,
        left: &Expression,
        operator: Operator,
        bits: u32,
        is_exact: bool,
    ) {
        let kind = kind_of(left);
        let is_equality = matches!(operator, Operator::Eq | Operator::Ne);
        let bar = self.bar();
        match left {
            Expression::Bitwise {
                of,
                operation: BitOperation::And,
                mask,
            } if self.form == Form::Listing && mask.count_ones() > 1 && is_equality => {
                self.expression(of);
                if operator == Operator::Ne {
                    self.push("!=");
                }
                self.push(bits_text(kind, bits, ","));
                self.push("/");
                self.push(bits_text(kind, *mask, ","));
            }
            Expression::Bitwise { .. } => {
                self.expression(left);
                self.push(operator_text(operator));
                self.push(bits_text(kind, bits, bar));
            }
            _ if is_exact || !is_equality => {
                self.expression(left);
                self.push(operator_text(operator));
                self.push(bits_text(kind, bits, bar));
            }
            _ => {
                self.expression(left);
                if operator == Operator::Ne {
                    self.push("!");
                }
                self.push(bits_text(kind, bits, ","));
            }
        }
    }

    const fn bar(&self) -> &'static str {
        match self.form {
            Form::Command => "|",
            Form::Listing => " | ",
        }
    }

    /// A value that is written to something of a kind.
    fn written(&mut self, value: &Expression, kind: Kind) {
        match value {
            Expression::Constant(datum) => self.datum(datum, &[kind]),
            Expression::Map { key, map } => self.map(key, map, &[kind]),
            other => self.expression(other),
        }
    }

    pub(super) fn expression(&mut self, expression: &Expression) {
        match expression {
            Expression::Payload(field) => {
                let (header, name) = field_words(*field);
                self.push(header);
                self.push(name);
            }
            Expression::Meta(meta) => self.meta(*meta),
            Expression::Ct(key) => self.ct(*key),
            Expression::Fib(fib) => self.fib(*fib),
            Expression::Hash(hash) => self.hash(hash),
            Expression::NextHop(text) => self.push(&**text),
            Expression::Beyond(beyond) => self.push(&*beyond.text),
            Expression::Numgen(numgen) => {
                self.push("numgen");
                self.push(match numgen.mode {
                    NumgenMode::Random => "random",
                    NumgenMode::Inc => "inc",
                });
                self.push("mod");
                self.push(numgen.modulus.to_string());
                if numgen.offset != 0 {
                    self.push("offset");
                    self.push(numgen.offset.to_string());
                }
            }
            Expression::Concatenation(parts) => {
                for (idx, part) in parts.iter().enumerate() {
                    if idx > 0 {
                        self.push(".");
                    }
                    self.expression(part);
                }
            }
            Expression::Bitwise {
                of,
                operation,
                mask,
            } => self.bitwise(of, *operation, *mask),
            Expression::Map { key, map } => self.map(key, map, &[]),
            Expression::Constant(datum) => self.datum(datum, &[Kind::Mark]),
        }
    }

    fn meta(&mut self, meta: Meta) {
        let is_short = match meta {
            Meta::Mark => self.form == Form::Command,
            Meta::Iifname
            | Meta::Oifname
            | Meta::Iif
            | Meta::Oif
            | Meta::Iifgroup
            | Meta::Oifgroup => true,
            _ => false,
        };
        if !is_short {
            self.push("meta");
        }
        self.push(meta.name());
    }

    fn bitwise(&mut self, of: &Expression, operation: BitOperation, mask: u32) {
        let tightness = |it: BitOperation| match it {
            BitOperation::Or => 0,
            BitOperation::Xor => 1,
            BitOperation::And => 2,
        };
        let is_looser = matches!(of, Expression::Bitwise { operation: inner, .. }
            if tightness(*inner) < tightness(operation));
        let start = self.words.len();
        self.expression(of);
        if is_looser {
            if let Some(first) = self.words.get_mut(start) {
                first.insert(0, '(');
            }
            if let Some(last) = self.words.last_mut() {
                last.push(')');
            }
        }
        let kind = kind_of(of);
        let is_word = self.form == Form::Command && !kind.is_bits();
        self.push(match (operation, is_word) {
            (BitOperation::And, true) => "and",
            (BitOperation::And, false) => "&",
            (BitOperation::Or, true) => "or",
            (BitOperation::Or, false) => "|",
            (BitOperation::Xor, true) => "xor",
            (BitOperation::Xor, false) => "^",
        });
        if kind.is_bits() {
            let text = bits_text(kind, mask, self.bar());
            self.push(match text.contains('|') {
                true => format!("({text})"),
                false => text,
            });
        } else if self.form == Form::Listing && kind == Kind::Integer {
            self.push(mask.to_string());
        } else {
            self.push(format!("0x{mask:08x}"));
        }
    }

    fn map(&mut self, key: &Expression, map: &SetReference, values: &[Kind]) {
        self.expression(key);
        self.push("map");
        self.set_reference(map, &kinds_of(key), values);
    }

    fn set_reference(&mut self, set: &SetReference, keys: &[Kind], values: &[Kind]) {
        let elements = match set {
            SetReference::Named(name) => {
                let name = self.name(name);
                self.push(format!("@{name}"));
                return;
            }
            SetReference::Anonymous(elements) => elements,
        };
        self.push("{");
        if self.form == Form::Listing {
            if let Some(ranges) = super::nft_list::ranges(elements) {
                self.push(ranges.join(", "));
            } else {
                for element in super::nft_list::in_order(elements, keys) {
                    self.element(element, keys, values);
                    if let Some(last) = self.words.last_mut() {
                        last.push(',');
                    }
                }
                if let Some(last) = self.words.last_mut() {
                    last.pop();
                }
            }
        } else {
            for (idx, element) in elements.iter().enumerate() {
                if idx > 0 {
                    self.push(",");
                }
                self.element(element, keys, values);
            }
        }
        self.push("}");
    }

    pub(super) fn element(&mut self, element: &Element, keys: &[Kind], values: &[Kind]) {
        self.datum(&element.key, keys);
        if let Some(timeout) = element.timeout {
            self.push("timeout");
            self.push(timeout.to_string());
        }
        if let Some(comment) = &element.comment {
            self.push("comment");
            self.push(quoted(comment));
        }
        match &element.value {
            None => {}
            Some(MapValue::Verdict(verdict)) => {
                self.push(":");
                self.verdict(verdict);
            }
            Some(MapValue::Data(datum)) => {
                self.push(":");
                self.datum(datum, values);
            }
        }
    }

    pub(super) fn datum(&mut self, datum: &Datum, kinds: &[Kind]) {
        let kind = |idx: usize| kinds.get(idx).copied().unwrap_or(Kind::Guess);
        let Datum::Tuple(parts) = datum else {
            return self.push(self.atom(datum, kind(0)));
        };
        for (idx, part) in parts.iter().enumerate() {
            if idx > 0 {
                self.push(".");
            }
            self.push(self.atom(part, kind(idx)));
        }
    }

    fn atom(&self, datum: &Datum, kind: Kind) -> String {
        match datum {
            Datum::Address(address) => address.to_string(),
            Datum::Range(range) => range.to_string(),
            Datum::Protocol(number) => match self.form {
                Form::Command => protocol_written(*number),
                Form::Listing => protocol_listed(*number),
            },
            Datum::Port(port) => port.to_string(),
            Datum::Ports(low, high) => format!("{low}-{high}"),
            Datum::Number(number) | Datum::Bits(number) if kind.is_bits() => {
                bits_text(kind, *number, self.bar())
            }
            Datum::Number(number) if kind == Kind::Mark => format!("0x{number:08x}"),
            Datum::Number(secs) if kind == Kind::Time => {
                Duration::from_secs((*secs).into()).to_string()
            }
            Datum::Number(number) => {
                let named = kind.names().iter().find(|it| it.1 == *number);
                match named {
                    Some(it) if kind == Kind::Group && self.form == Form::Listing => quoted(it.0),
                    Some(it) => it.0.to_owned(),
                    None => number.to_string(),
                }
            }
            Datum::Bits(bits) => format!("{bits:#x}"),
            Datum::Addresses(ends) => format!("{}-{}", ends.0, ends.1),
            Datum::Numbers(low, high) if kind == Kind::Mark => format!("0x{low:08x}-0x{high:08x}"),
            Datum::Numbers(low, high) if kind == Kind::Time => format!("{low}s-{high}s"),
            Datum::Numbers(low, high) => format!("{low}-{high}"),
            Datum::Presence(true) => "exists".to_owned(),
            Datum::Presence(false) => "missing".to_owned(),
            Datum::Any => "*".to_owned(),
            Datum::Text(text) if is_word(text) && self.form == Form::Command => text.to_string(),
            Datum::Text(text) if text.bytes().all(|it| it.is_ascii_digit()) => text.to_string(),
            Datum::Text(text) if is_hardware_address(text) => text.to_string(),
            Datum::Text(text) => quoted(text),
            Datum::Interface(name) => match self.form {
                Form::Command if is_word(name.strip_suffix('*').unwrap_or(name)) => {
                    name.to_string()
                }
                _ => quoted(name),
            },
            Datum::AddressType(it) => address_type_name(*it).to_owned(),
            Datum::Tuple(parts) => {
                let parts: Vec<_> = parts.iter().map(|it| self.atom(it, Kind::Guess)).collect();
                parts.join(" . ")
            }
        }
    }

    /// The name of a chain or set; `nft list` never puts one in quotes.
    pub(super) fn name(&self, name: &str) -> String {
        match self.form {
            Form::Command => name_text(name),
            Form::Listing => name.to_owned(),
        }
    }

    pub(super) fn verdict(&mut self, verdict: &Verdict) {
        let (word, chain) = match verdict {
            Verdict::Accept => ("accept", None),
            Verdict::Drop => ("drop", None),
            Verdict::Continue => ("continue", None),
            Verdict::Return => ("return", None),
            Verdict::Jump(chain) => ("jump", Some(chain)),
            Verdict::Goto(chain) => ("goto", Some(chain)),
        };
        self.push(word);
        if let Some(chain) = chain {
            self.push(self.name(chain));
        }
    }
}

/// The family a rule shows to be for; it only chooses between `icmp` and `icmpv6`.
fn guessed_family(rule: &Rule) -> Option<TableFamily> {
    let family = rule.statements.iter().find_map(|it| match it {
        Statement::VerdictMap { key, .. } | Statement::Update { key, .. } => {
            family_of_expression(key)
        }
        other => family_of(other),
    });
    (family == Some(10)).then_some(TableFamily::Ip6)
}

const fn operator_text(operator: Operator) -> &'static str {
    match operator {
        Operator::Eq => "==",
        Operator::Ne => "!=",
        Operator::Lt => "<",
        Operator::Gt => ">",
        Operator::Le => "<=",
        Operator::Ge => ">=",
    }
}

/// The names of bits, or their number if one has no name.
fn bits_text(kind: Kind, bits: u32, separator: &str) -> String {
    let names: Vec<_> = kind.names().iter().filter(|it| bits & it.1 != 0).collect();
    let named = names.iter().fold(0, |sum, it| sum | it.1);
    if bits == 0 || named != bits {
        return format!("{bits:#x}");
    }
    let names: Vec<_> = names.iter().map(|it| it.0).collect();
    names.join(separator)
}

/// A text in quotes.
pub(super) fn quoted(text: &str) -> String {
    let clean: String = text
        .chars()
        .map(|it| match it {
            '"' => '\'',
            it if it.is_control() => ' ',
            it => it,
        })
        .collect();
    format!("\"{clean}\"")
}

/// A name, in quotes where nft would not read it as one word.
pub(super) fn name_text(name: &str) -> String {
    if is_word(name) {
        name.to_owned()
    } else {
        quoted(name)
    }
}

impl SetFlag {
    /// The word nft uses.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            SetFlag::Constant => "constant",
            SetFlag::Dynamic => "dynamic",
            SetFlag::Interval => "interval",
            SetFlag::Timeout => "timeout",
        }
    }
}

/// The flags of a set, joined by commas.
pub(super) fn flags_text(flags: &[SetFlag]) -> String {
    let names: Vec<_> = flags.iter().map(|it| it.name()).collect();
    names.join(",")
}

/// The type of a set's keys and values, behind its word.
pub(super) fn type_text(set: &Set) -> String {
    let word = match set.key_type.starts_with("typeof ") {
        true => "",
        false => "type ",
    };
    let values = set
        .value_type
        .iter()
        .map(|it| format!(" : {}", bare_type(it)));
    format!("{word}{}{}", set.key_type, values.collect::<String>())
}

fn bare_type(text: &str) -> &str {
    text.strip_prefix("typeof ").unwrap_or(text)
}

/// The kinds of a set's keys and of its values.
pub(super) fn kinds_of_set(set: &Set) -> (Vec<Kind>, Vec<Kind>) {
    let values = set.value_type.as_deref().map(kinds_of_type);
    (kinds_of_type(&set.key_type), values.unwrap_or_default())
}

/// Words between braces, each statement followed by ` ;`; nothing for none.
pub(super) fn in_braces(f: &mut fmt::Formatter<'_>, statements: &[String]) -> fmt::Result {
    if statements.is_empty() {
        return Ok(());
    }
    f.write_str(" {")?;
    for statement in statements {
        write!(f, " {statement} ;")?;
    }
    f.write_str(" }")
}
