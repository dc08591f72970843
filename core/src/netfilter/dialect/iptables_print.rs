//! Puts the words of an iptables rule together, in kube-proxy's way of writing or in that of
//! `iptables-save`.
//!
//! kube-proxy 1.36 (`pkg/proxy/iptables/proxier.go`) writes `-m tcp -p tcp -d 10.96.0.10 --dport 80`;
//! iptables 1.8.9 prints `-d 10.96.0.10/32 -p tcp … -m tcp --dport 80`.
//!
//! **Left out**: expressions only nft has (maps, concatenations, sets by name): they are printed in
//! brackets, as nft writes them, and no tool would read them.

use super::iptables::matches_everything;
use super::iptables_lex;
use super::iptables_modules;
use super::iptables_print_extensions::{flow_option, hops_option};
use super::iptables_symbols::{
    TCP_FLAGS, address_type_text, asked_type, bits_text, header_rank, is_header, is_source_port,
    module_of, multiport, protocol_text, rejection_text, transport_field,
};
use super::nft::Word;
use crate::netfilter::{
    AddressSelector, BitOperation, Chain, CtKey, Datum, Expression, Meta, ModuleMatch, NatFlags,
    NatKind, NatTarget, Operand, Operator, Policy, Recent, RecentCommand, RecentSide, RejectWith,
    Rule, SetReference, Statement, Statistic, StatisticMode, TableFamily, Verdict, ct_state,
    ct_status,
};
use crate::sorted::sort_by_key;

/// Whose way of writing is followed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// kube-proxy's.
    Command,
    /// That of `iptables-save`.
    Listing,
}

/// `:KUBE-SERVICES - [0:0]`
pub(super) fn chain_line(chain: &Chain) -> String {
    let policy = match chain.base.map(|it| it.policy) {
        None => "-",
        Some(Policy::Accept) => "ACCEPT",
        Some(Policy::Drop) => "DROP",
    };
    format!(":{} {policy} [0:0]", chain.name)
}

/// The words of a rule, without `-A` and the chain.
pub(super) fn rule_words(rule: &Rule, form: Form, family: TableFamily) -> Vec<Word> {
    let mut printer = Printer {
        form,
        family,
        rule,
        words: Vec::new(),
        statement: 0,
        loaded: None,
    };
    for idx in order(rule, form) {
        printer.statement = idx;
        printer.print(&rule.statements[idx]);
    }
    printer.words
}

/// The order statements are printed in.
fn order(rule: &Rule, form: Form) -> Vec<usize> {
    let all = 0..rule.statements.len();
    let (mut header, rest): (Vec<usize>, Vec<usize>) =
        all.partition(|it| is_header(&rule.statements[*it]));
    sort_by_key(&mut header, |it| header_rank(&rule.statements[*it]));
    if form == Form::Listing || header.is_empty() {
        return header.into_iter().chain(rest).collect();
    }
    if let Some(order) = order_with_modules(rule, &header, &rest) {
        return order;
    }
    // kube-proxy: comment, type of address and list first, then protocol, destination, port,
    // source, then everything else.
    let leads = |it: &&usize| {
        let statement = &rule.statements[**it];
        matches!(statement, Statement::Comment(_) | Statement::Recent(_))
            || asked_type(statement).is_some()
    };
    let n_lead = rest.iter().take_while(leads).count();
    let (lead, rest) = rest.split_at(n_lead);
    let (ports, rest): (Vec<usize>, Vec<usize>) = rest
        .iter()
        .partition(|it| transport_field(&rule.statements[**it]).is_some());
    let of_rank = |wanted: usize| {
        let found = header.iter();
        found.filter(move |it| header_rank(&rule.statements[**it]) == Some(wanted))
    };
    lead.iter()
        .chain(of_rank(4))
        .chain(of_rank(1))
        .chain(&ports)
        .chain(of_rank(0))
        .chain(of_rank(2))
        .chain(of_rank(3))
        .chain(&rest)
        .copied()
        .collect()
}

/// kube-proxy's ipvs mode writes its rules otherwise: protocol, comment and set first, then the source; but the
/// source before what it asks of ip_vs.
fn order_with_modules(rule: &Rule, header: &[usize], rest: &[usize]) -> Option<Vec<usize>> {
    let is_module = |it: &usize| matches!(rule.statements[*it], Statement::Module(_));
    let last = rest.iter().rposition(is_module)?;
    let (lead, rest) = match &rule.statements[rest[last]] {
        Statement::Module(ModuleMatch::Ipvs { .. }) => rest.split_at(0),
        _ => rest.split_at(last + 1),
    };
    let (protocol, header): (Vec<usize>, Vec<usize>) = header
        .iter()
        .partition(|it| header_rank(&rule.statements[**it]) == Some(4));
    let order = protocol.iter().chain(lead).chain(&header).chain(rest);
    Some(order.copied().collect())
}

pub(super) struct Printer<'a> {
    pub(super) form: Form,
    family: TableFamily,
    pub(super) rule: &'a Rule,
    words: Vec<Word>,
    /// Which statement is being printed.
    pub(super) statement: usize,
    /// The match that was loaded last: its options may follow.
    loaded: Option<&'static str>,
}

impl Printer<'_> {
    pub(super) fn put(&mut self, text: impl Into<String>) {
        self.words.push(Word {
            text: text.into(),
            statement: Some(self.statement),
        });
    }

    pub(super) fn put_all(&mut self, texts: &[&str]) {
        texts.iter().for_each(|it| self.put(*it));
    }

    /// `-m module`, unless its options may simply go on.
    pub(super) fn load(&mut self, module: &'static str) {
        if self.loaded != Some(module) {
            self.put_all(&["-m", module]);
            self.loaded = Some(module);
        }
    }

    /// `-m module`, also if it was loaded just before: each has its own options.
    pub(super) fn load_anew(&mut self, module: &'static str) {
        self.loaded = None;
        self.load(module);
        self.loaded = None;
    }

    pub(super) fn option(&mut self, is_negated: bool, name: &str, value: impl Into<String>) {
        if is_negated {
            self.put("!");
        }
        self.put(name);
        self.put(value);
    }

    pub(super) fn text(&self, text: &str) -> String {
        match self.form {
            Form::Command => iptables_lex::written(text),
            Form::Listing => iptables_lex::listed(text),
        }
    }

    /// A mark: kube-proxy writes eight digits (Go's `%#08x`).
    pub(super) fn mark(&self, mark: u32) -> String {
        match self.form {
            Form::Command => format!("{mark:#010x}"),
            Form::Listing => format!("{mark:#x}"),
        }
    }

    fn print(&mut self, statement: &Statement) {
        match statement {
            Statement::Match {
                left,
                operator,
                right,
            } => {
                let is_printed = match header_rank(statement) {
                    Some(_) => self.header(statement, *operator == Operator::Ne),
                    None => self.comparison(statement, left, *operator, right),
                };
                if is_printed.is_none() {
                    self.foreign(statement);
                }
            }
            Statement::Verdict(verdict) => self.verdict(verdict),
            Statement::SetMeta {
                key: Meta::Mark,
                value,
            } => {
                if self.set_mark(value).is_none() {
                    self.foreign(statement);
                }
            }
            Statement::Nat {
                kind,
                target,
                flags,
            } => {
                if self.nat(*kind, target.as_ref(), *flags).is_none() {
                    self.foreign(statement);
                }
            }
            Statement::Reject(with) => {
                self.put_all(&["-j", "REJECT"]);
                if self.form == Form::Listing || *with != RejectWith::PortUnreachable {
                    self.put_all(&["--reject-with", rejection_text(*with, self.family)]);
                }
            }
            Statement::Comment(_)
            | Statement::Statistic(_)
            | Statement::Recent(_)
            | Statement::Account(_)
            | Statement::Unknown(_)
            | Statement::Aside(_)
            | Statement::Settled { .. }
            | Statement::Limit(_)
            | Statement::Quota(_)
            | Statement::Notrack
            | Statement::ConnMark(_)
            | Statement::SetCt { .. }
            | Statement::Module(_) => self.extension(statement),
            Statement::Counter => {}
            Statement::SetMeta { .. } | Statement::VerdictMap { .. } | Statement::Update { .. } => {
                self.foreign(statement);
            }
        }
    }

    /// A statement that an extension stands for.
    fn extension(&mut self, statement: &Statement) {
        match statement {
            Statement::Comment(text) => {
                self.load_anew("comment");
                let text = self.text(text);
                self.option(false, "--comment", text);
            }
            Statement::Statistic(statistic) => self.statistic(*statistic),
            Statement::Recent(recent) => self.recent(recent),
            Statement::Account(name) => {
                self.load_anew("nfacct");
                let name = self.text(name);
                self.option(false, "--nfacct-name", name);
            }
            Statement::Module(module) => self.module(module),
            Statement::Unknown(text) | Statement::Aside(text) | Statement::Settled { text, .. } => {
                self.loaded = None;
                self.put(&**text);
            }
            Statement::Limit(limit) => {
                if self.limit(limit).is_none() {
                    self.foreign(statement);
                }
            }
            Statement::Quota(quota) => {
                self.load_anew("quota");
                self.option(quota.over, "--quota", quota.bytes.to_string());
            }
            Statement::Notrack => self.put_all(&["-j", "CT", "--notrack"]),
            Statement::ConnMark(mark) => self.connection_mark(*mark),
            Statement::SetCt { key, value } => {
                if self.conntrack_target(*key, value).is_none() {
                    self.foreign(statement);
                }
            }
            _ => self.foreign(statement),
        }
    }

    fn module(&mut self, module: &ModuleMatch) {
        let text = match self.form {
            Form::Command => module.to_string(),
            Form::Listing => iptables_modules::listed(module),
        };
        text.split(' ').for_each(|it| self.put(it));
        self.loaded = None;
    }

    fn verdict(&mut self, verdict: &Verdict) {
        match verdict {
            Verdict::Accept => self.put_all(&["-j", "ACCEPT"]),
            Verdict::Drop => self.put_all(&["-j", "DROP"]),
            Verdict::Return => self.put_all(&["-j", "RETURN"]),
            Verdict::Jump(chain) => self.put_all(&["-j", chain]),
            Verdict::Goto(chain) => self.put_all(&["-g", chain]),
            Verdict::Continue => {}
        }
    }

    fn foreign(&mut self, statement: &Statement) {
        self.put(format!("[{statement}]"));
    }

    /// `-s -d -i -o -p`; none if the value is none of iptables'.
    fn header(&mut self, statement: &Statement, is_negated: bool) -> Option<()> {
        let Statement::Match {
            right: Operand::Value(value),
            ..
        } = statement
        else {
            return None;
        };
        if self.form == Form::Listing && matches_everything(statement) {
            return Some(());
        }
        let rank = header_rank(statement)?;
        let value = match value {
            Datum::Address(address) if self.form == Form::Command => address.to_string(),
            Datum::Address(address) => crate::ip::Cidr::from(*address).to_string(),
            Datum::Range(range) => range.to_string(),
            Datum::Interface(name) => match name.strip_suffix('*') {
                Some(start) => format!("{start}+"),
                None => name.to_string(),
            },
            Datum::Protocol(number) => {
                let name = protocol_text(*number);
                if self.form == Form::Command {
                    self.load_transport(*number);
                }
                name
            }
            _ => return None,
        };
        let name = ["-s", "-d", "-i", "-o", "-p"][rank];
        self.option(is_negated, name, value);
        Some(())
    }

    /// kube-proxy's `-m tcp` before `-p tcp`, where the rule asks that match for anything.
    fn load_transport(&mut self, protocol: u8) {
        let fields = self.rule.statements.iter().filter_map(transport_field);
        let mut modules = fields.filter_map(module_of);
        let name = protocol_text(protocol);
        if let Some(module) = modules.find(|it| *it == name) {
            self.load(module);
        }
    }

    /// Any match but a header test; none if it is none of iptables'.
    fn comparison(
        &mut self,
        statement: &Statement,
        left: &Expression,
        operator: Operator,
        right: &Operand,
    ) -> Option<()> {
        if let (Expression::Payload(field), Operand::Value(value)) = (left, right)
            && let Some(name) = hops_option(*field, operator)
        {
            return self.hops(name, operator == Operator::Ne, value);
        }
        let is_negated = match operator {
            Operator::Eq => false,
            Operator::Ne => true,
            _ => return None,
        };
        if let Some(address) = asked_type(statement) {
            return self.address_type(left, address, is_negated, right);
        }
        if let Some((field, elements)) = multiport(statement) {
            let ports = elements.iter().map(|it| port_text(&it.key));
            let ports: Vec<String> = ports.collect::<Option<_>>()?;
            self.load_anew("multiport");
            let name = match is_source_port(field) {
                true => "--sports",
                false => "--dports",
            };
            self.option(is_negated, name, ports.join(","));
            return Some(());
        }
        let Operand::Value(value) = right else {
            return None;
        };
        if let Some(field) = transport_field(statement) {
            return self.transport(field, left, is_negated, value);
        }
        match (left, value) {
            (Expression::Meta(Meta::Mark), Datum::Number(mark)) => {
                self.load_anew("mark");
                let mark = self.mark(*mark);
                self.option(is_negated, "--mark", mark);
            }
            (
                Expression::Bitwise {
                    of,
                    operation: BitOperation::And,
                    mask,
                },
                Datum::Number(mark),
            ) if **of == Expression::Meta(Meta::Mark) => {
                self.load_anew("mark");
                let text = format!("{}/{}", self.mark(*mark), self.mark(*mask));
                self.option(is_negated, "--mark", text);
            }
            (Expression::Ct(key), value) => return self.conntrack(*key, is_negated, value),
            _ => return self.beyond(left, is_negated, value),
        }
        Some(())
    }

    fn transport(
        &mut self,
        field: crate::netfilter::Field,
        left: &Expression,
        is_negated: bool,
        value: &Datum,
    ) -> Option<()> {
        use crate::netfilter::Field;
        self.load(module_of(field)?);
        match (field, left, value) {
            (Field::TcpFlags, Expression::Bitwise { mask, .. }, Datum::Number(set)) => {
                self.option(is_negated, "--tcp-flags", bits_text(&TCP_FLAGS, *mask));
                self.put(bits_text(&TCP_FLAGS, *set));
            }
            (Field::IcmpType | Field::Icmpv6Type, ..) => {
                let name = match field {
                    Field::IcmpType => "--icmp-type",
                    _ => "--icmpv6-type",
                };
                let kind = self.message(value)?;
                self.option(is_negated, name, kind);
            }
            // It stands behind its type.
            (Field::IcmpCode | Field::Icmpv6Code, ..) => {}
            // Any port at all: the match is loaded and asked for nothing.
            (_, _, Datum::Ports(0, u16::MAX)) if !is_negated => {}
            (_, _, value) => {
                let name = match is_source_port(field) {
                    true => "--sport",
                    false => "--dport",
                };
                self.option(is_negated, name, port_text(value)?);
            }
        }
        Some(())
    }

    fn address_type(
        &mut self,
        left: &Expression,
        address: AddressSelector,
        is_negated: bool,
        right: &Operand,
    ) -> Option<()> {
        let values: Vec<&Datum> = match right {
            Operand::Value(value) => vec![value],
            Operand::Set(SetReference::Anonymous(it)) => it.iter().map(|it| &it.key).collect(),
            Operand::Set(SetReference::Named(_)) => return None,
        };
        let names = values.into_iter().map(|it| match it {
            Datum::AddressType(kind) => Some(address_type_text(*kind)),
            _ => None,
        });
        let names: Vec<&str> = names.collect::<Option<_>>()?;
        self.load_anew("addrtype");
        let name = match address {
            AddressSelector::Saddr => "--src-type",
            AddressSelector::Daddr => "--dst-type",
        };
        self.option(is_negated, name, names.join(","));
        if let Expression::Fib(fib) = left {
            if fib.with.iif {
                self.put("--limit-iface-in");
            }
            if fib.with.oif {
                self.put("--limit-iface-out");
            }
        }
        Some(())
    }

    fn conntrack(&mut self, key: CtKey, is_negated: bool, value: &Datum) -> Option<()> {
        let (name, text) = match (key, value) {
            (CtKey::State | CtKey::Ctstate, Datum::Bits(bits)) => {
                ("--ctstate", bits_text(&ct_state::CTSTATE_NAMES, *bits))
            }
            (CtKey::Status, Datum::Bits(bits)) => ("--ctstatus", ctstatus_text(*bits)?),
            (CtKey::Direction, Datum::Number(0)) => ("--ctdir", "ORIGINAL".to_owned()),
            (CtKey::Direction, Datum::Number(1)) => ("--ctdir", "REPLY".to_owned()),
            (CtKey::Status, Datum::Number(0)) => ("--ctstatus", "NONE".to_owned()),
            (CtKey::Flow(direction, part), value) => flow_option(direction, part, value)?,
            (CtKey::Expiration, Datum::Number(secs)) => ("--ctexpire", secs.to_string()),
            (CtKey::Expiration, Datum::Numbers(low, high)) => {
                ("--ctexpire", format!("{low}:{high}"))
            }
            (CtKey::Mark, Datum::Number(mark)) => {
                self.load_anew("connmark");
                let mark = self.mark(*mark);
                self.option(is_negated, "--mark", mark);
                return Some(());
            }
            _ => return None,
        };
        self.load_anew("conntrack");
        self.option(is_negated, name, text);
        Some(())
    }

    fn statistic(&mut self, statistic: Statistic) {
        self.load_anew("statistic");
        self.put("--mode");
        match statistic.mode {
            StatisticMode::Random(probability) => {
                self.put("random");
                let text = match self.form {
                    Form::Command => probability.written(),
                    Form::Listing => probability.listed(),
                };
                self.option(statistic.inverted, "--probability", text);
            }
            StatisticMode::Nth { every, packet } => {
                self.put("nth");
                self.option(statistic.inverted, "--every", every.to_string());
                self.option(false, "--packet", packet.to_string());
            }
        }
    }

    fn recent(&mut self, recent: &Recent) {
        self.load_anew("recent");
        let name = self.text(&recent.list);
        if self.form == Form::Command {
            self.option(false, "--name", name.clone());
        }
        if recent.inverted {
            self.put("!");
        }
        self.put(match recent.command {
            RecentCommand::Set => "--set",
            RecentCommand::Check => "--rcheck",
            RecentCommand::Update => "--update",
            RecentCommand::Remove => "--remove",
        });
        if let Some(seconds) = recent.seconds {
            self.option(false, "--seconds", seconds.to_string());
        }
        if recent.reaps {
            self.put("--reap");
        }
        if let Some(count) = recent.hit_count {
            self.option(false, "--hitcount", count.to_string());
        }
        if self.form == Form::Listing {
            self.option(false, "--name", name);
        }
        if self.form == Form::Listing || !recent.counts_whole_address() {
            self.option(false, "--mask", recent.mask.to_string());
        }
        match recent.side {
            RecentSide::Source if self.form == Form::Command => {}
            RecentSide::Source => self.put("--rsource"),
            RecentSide::Destination => self.put("--rdest"),
        }
    }

    /// The target MARK; none for a value it cannot write.
    fn set_mark(&mut self, value: &Expression) -> Option<()> {
        let mark = Expression::Meta(Meta::Mark);
        let (bits, mask) = match value {
            Expression::Constant(Datum::Number(bits)) => (*bits, u32::MAX),
            Expression::Bitwise {
                of,
                operation,
                mask,
            } if **of == mark => match operation {
                BitOperation::Or => (*mask, *mask),
                BitOperation::Xor => (*mask, 0),
                BitOperation::And => (0, !*mask),
            },
            Expression::Bitwise {
                of,
                operation: BitOperation::Xor,
                mask: bits,
            } => match &**of {
                Expression::Bitwise {
                    of,
                    operation: BitOperation::And,
                    mask,
                } if **of == mark => (*bits, !*mask),
                _ => return None,
            },
            _ => return None,
        };
        self.put_all(&["-j", "MARK"]);
        let short = match value {
            Expression::Bitwise { of, operation, .. } if **of == mark => match operation {
                BitOperation::Or => Some("--or-mark"),
                BitOperation::Xor => Some("--xor-mark"),
                BitOperation::And => None,
            },
            _ => None,
        };
        match short {
            Some(name) if self.form == Form::Command => {
                let bits = self.mark(bits);
                self.option(false, name, bits);
            }
            _ => {
                let text = format!("{}/{}", self.mark(bits), self.mark(mask));
                self.option(false, "--set-xmark", text);
            }
        }
        Some(())
    }

    /// The targets of address translation; none for a destination out of a map.
    fn nat(&mut self, kind: NatKind, target: Option<&NatTarget>, flags: NatFlags) -> Option<()> {
        let (address, port) = match target {
            None => (None, None),
            Some(NatTarget::Fixed { addresses, ports }) => (*addresses, *ports),
            Some(NatTarget::Network(network)) if kind == NatKind::Netmap => {
                self.put_all(&["-j", "NETMAP", "--to", &network.to_string()]);
                return Some(());
            }
            Some(NatTarget::Mapped(_) | NatTarget::Network(_)) => return None,
        };
        let ports = port.map(|(low, high)| match low == high {
            true => low.to_string(),
            false => format!("{low}-{high}"),
        });
        let addresses = address.map(|(low, high)| {
            let needs_brackets = low.is_ipv6() && ports.is_some();
            let text = match (low == high, needs_brackets) {
                (true, _) => low.to_string(),
                (false, true) => format!("{low}]-[{high}"),
                (false, false) => format!("{low}-{high}"),
            };
            match needs_brackets {
                true => format!("[{text}]"),
                false => text,
            }
        });
        let to = match (addresses, ports) {
            (None, None) => None,
            (Some(address), None) => Some(address),
            (Some(address), Some(port)) => Some(format!("{address}:{port}")),
            (None, Some(port)) if matches!(kind, NatKind::Masquerade | NatKind::Redirect) => {
                Some(port)
            }
            (None, Some(port)) => Some(format!(":{port}")),
        };
        let (name, option) = match kind {
            NatKind::Dnat => ("DNAT", "--to-destination"),
            NatKind::Snat => ("SNAT", "--to-source"),
            NatKind::Masquerade => ("MASQUERADE", "--to-ports"),
            NatKind::Redirect => ("REDIRECT", "--to-ports"),
            NatKind::Netmap => return None,
        };
        self.put_all(&["-j", name]);
        if let Some(to) = to {
            self.option(false, option, to);
        }
        for (is_set, word) in [
            (flags.random, "--random"),
            (flags.fully_random, "--random-fully"),
            (flags.persistent, "--persistent"),
        ] {
            if is_set {
                self.put(word);
            }
        }
        Some(())
    }
}

/// `80` or `8000:8010`
pub(super) fn port_text(value: &Datum) -> Option<String> {
    match value {
        Datum::Port(port) => Some(port.to_string()),
        Datum::Ports(low, high) => Some(format!("{low}:{high}")),
        _ => None,
    }
}

/// Names of `--ctstatus`.
pub(super) const CTSTATUS: [(&str, u32); 4] = [
    ("EXPECTED", 1),
    ("SEEN_REPLY", ct_status::SEEN_REPLY),
    ("ASSURED", ct_status::ASSURED),
    ("CONFIRMED", ct_status::CONFIRMED),
];

fn ctstatus_text(bits: u32) -> Option<String> {
    let known = CTSTATUS.iter().fold(0, |all, it| all | it.1);
    (bits & !known == 0).then(|| bits_text(&CTSTATUS, bits))
}
