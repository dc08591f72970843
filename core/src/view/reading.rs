//! What a rule says, in English, whoever wrote it: what it asks of the packet and what it does, and what chains are for
//! whose names are known: those of kube-proxy, the kubelet, Docker, Calico, Cilium, flannel, ufw and libvirt.
//!
//! **Left out**: statements that are plain in their own words keep them.

use crate::netfilter::dialect::{Dialect, Word};
use crate::netfilter::{
    AddressSelector, CtKey, Datum, Expression, Fib, FibResult, Field, Meta, NatKind, NatTarget,
    NumgenMode, Operand, Operator, RejectWith, Rule, SetReference, Statement, Statistic,
    StatisticMode, TableKey, Verdict, ct_state,
};

/// What a rule asks and does, as one sentence.
pub(super) fn rule(rule: &Rule, table: &TableKey, dialect: Dialect) -> String {
    let words = dialect.words(rule, table);
    let mut asked = Vec::new();
    let mut done = Vec::new();
    let mut remarks = Vec::new();
    for (idx, it) in rule.statements.iter().enumerate() {
        let own = || own_words(&words, idx);
        match it {
            Statement::Match {
                left,
                operator,
                right,
            } => asked.push(condition(left, *operator, right).unwrap_or_else(own)),
            Statement::Statistic(it) => asked.push(lot(it).unwrap_or_else(own)),
            Statement::Comment(text) => remarks.push(text.to_string()),
            Statement::Counter => {}
            Statement::Module(_) | Statement::Limit(_) | Statement::Recent(_) => asked.push(own()),
            Statement::Settled { .. } | Statement::Quota(_) => asked.push(own()),
            other => done.push(action(other).unwrap_or_else(own)),
        }
    }
    remarks.extend(rule.note.comment.as_ref().map(ToString::to_string));
    if done.is_empty() {
        done.push("nothing is done".to_owned());
    }
    let mut sentence = match asked.is_empty() {
        true => format!("always: {}", done.join(", ")),
        false => format!("if {}: {}", asked.join(" and "), done.join(", ")),
    };
    for it in remarks {
        sentence.push_str(&format!(" (its author says: {it})"));
    }
    sentence
}

fn own_words(words: &[Word], statement: usize) -> String {
    let mine = words.iter().filter(|it| it.statement == Some(statement));
    let texts: Vec<&str> = mine.map(|it| it.text.as_str()).collect();
    format!("`{}`", texts.join(" "))
}

fn condition(left: &Expression, operator: Operator, right: &Operand) -> Option<String> {
    if let Expression::Bitwise { of, mask, .. } = left
        && matches!(**of, Expression::Meta(Meta::Mark))
    {
        let Operand::Value(Datum::Number(value) | Datum::Bits(value)) = right else {
            return None;
        };
        let is_marked = (operator == Operator::Eq) == (*value != 0);
        return Some(match is_marked {
            true => format!("the mark has 0x{mask:x}"),
            false => format!("the mark lacks 0x{mask:x}"),
        });
    }
    let asked = noun(left)?;
    let verb = match operator {
        Operator::Eq => "is",
        Operator::Ne => "is not",
        Operator::Lt => "is less than",
        Operator::Gt => "is more than",
        Operator::Le => "is at most",
        Operator::Ge => "is at least",
    };
    Some(match right {
        Operand::Set(SetReference::Named(name)) => format!("{asked} {verb} in {name}"),
        Operand::Set(SetReference::Anonymous(elements)) => {
            let keys: Vec<String> = elements.iter().map(|it| value(left, &it.key)).collect();
            format!("{asked} {verb} one of {}", keys.join(", "))
        }
        Operand::Value(it) => format!("{asked} {verb} {}", value(left, it)),
    })
}

/// A value beside what it is compared with.
fn value(of: &Expression, it: &Datum) -> String {
    match (of, it) {
        (Expression::Ct(CtKey::State | CtKey::Ctstate), Datum::Bits(bits)) => {
            let set = ct_state::NAMES.iter().filter(|(_, bit)| bits & bit != 0);
            let names: Vec<&str> = set.map(|(name, _)| *name).collect();
            names.join(" or ")
        }
        (_, Datum::Range(it)) if it.prefix_len() == it.max_prefix_len() => it.addr().to_string(),
        (Expression::Fib(_), it) => format!("{it}, as the routes have it"),
        (_, it) => it.to_string(),
    }
}

/// What a packet is asked for.
fn noun(of: &Expression) -> Option<String> {
    let plain = match of {
        Expression::Payload(field) => match field {
            Field::IpSaddr | Field::Ip6Saddr => "the source",
            Field::IpDaddr | Field::Ip6Daddr => "the destination",
            Field::TcpDport | Field::UdpDport | Field::SctpDport | Field::ThDport => {
                "the destination port"
            }
            Field::TcpSport | Field::UdpSport | Field::SctpSport | Field::ThSport => {
                "the source port"
            }
            _ => return None,
        },
        Expression::Meta(meta) => match meta {
            Meta::Mark => "the mark",
            Meta::L4proto => "the protocol",
            Meta::Nfproto => "the family",
            Meta::Iif | Meta::Iifname => "the interface it came in by",
            Meta::Oif | Meta::Oifname => "the interface it leaves by",
            Meta::Pkttype => "the kind of packet",
            _ => return None,
        },
        Expression::Ct(key) => match key {
            CtKey::State | CtKey::Ctstate => "its connection",
            CtKey::Status => "the connection's status",
            CtKey::Mark => "the connection's mark",
            _ => return None,
        },
        Expression::Fib(Fib {
            address,
            result: FibResult::Type,
            ..
        }) => match address {
            AddressSelector::Saddr => "the kind of source",
            AddressSelector::Daddr => "the kind of destination",
        },
        Expression::Concatenation(parts) => {
            let parts: Option<Vec<String>> = parts.iter().map(noun).collect();
            return Some(listed(&parts?));
        }
        _ => return None,
    };
    Some(plain.to_owned())
}

fn listed(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

fn lot(it: &Statistic) -> Option<String> {
    match &it.mode {
        StatisticMode::Random(probability) if !it.inverted => Some(format!(
            "the lot falls so (probability {})",
            probability.written()
        )),
        _ => None,
    }
}

fn action(it: &Statement) -> Option<String> {
    Some(match it {
        Statement::Verdict(it) => verdict(it),
        Statement::VerdictMap { key, map } => match (key, map) {
            (Expression::Numgen(it), _) => match it.mode {
                NumgenMode::Random => format!("one of {} is drawn by lot", it.modulus),
                NumgenMode::Inc => format!("one of {} is taken in turn", it.modulus),
            },
            (key, SetReference::Named(name)) => {
                let be = match key {
                    Expression::Concatenation(_) => "are",
                    _ => "is",
                };
                let key = noun(key)?;
                format!("{key} {be} looked up in {name}, which says where it goes on")
            }
            (key, SetReference::Anonymous(_)) => format!("{} decides", noun(key)?),
        },
        Statement::Nat { kind, target, .. } => translation(*kind, target.as_ref())?,
        Statement::Reject(RejectWith::TcpReset) => "the sender is told by a reset".into(),
        Statement::Reject(_) => "the sender is told that it is refused".into(),
        Statement::SetMeta {
            key: Meta::Mark, ..
        } => "the packet's mark is changed".into(),
        Statement::SetCt {
            key: CtKey::Mark, ..
        } => "the connection's mark is changed".into(),
        Statement::Notrack => "its connection is not remembered".into(),
        Statement::Update { set, .. } => format!("{set} remembers it"),
        _ => return None,
    })
}

fn verdict(it: &Verdict) -> String {
    let chain = |verb: &str, name: &str| match chain(name) {
        Some(meaning) => format!("{verb} {name}, {meaning}"),
        None => format!("{verb} {name}"),
    };
    match it {
        Verdict::Accept => "it may pass this hook".into(),
        Verdict::Drop => "it is dropped without a word".into(),
        Verdict::Continue => "the next rule is asked".into(),
        Verdict::Return => "back to where this chain was called".into(),
        Verdict::Jump(name) => chain("ask chain", name),
        Verdict::Goto(name) => chain("go on in chain", name),
    }
}

fn translation(kind: NatKind, target: Option<&NatTarget>) -> Option<String> {
    let whom = match target {
        Some(NatTarget::Fixed { addresses, ports }) => {
            let port = ports.map(|it| format!(" port {}", it.0));
            let address = addresses.map(|it| format!(" {}", it.0));
            address.unwrap_or_default() + &port.unwrap_or_default()
        }
        Some(NatTarget::Mapped(_)) => " what a map says".into(),
        Some(NatTarget::Network(range)) => format!(" the same place in {range}"),
        None => String::new(),
    };
    Some(match kind {
        NatKind::Dnat => format!("the connection's destination becomes{whom}"),
        NatKind::Snat => format!("the connection's source becomes{whom}"),
        NatKind::Masquerade => "the connection's source becomes this node's own address".into(),
        NatKind::Redirect => format!("the connection ends at this node itself{whom}"),
        NatKind::Netmap => return None,
    })
}

/// What a chain is for, if its name tells.
pub(super) fn chain(name: &str) -> Option<String> {
    for (prefix, what) in [
        ("service-", "one port of Service"),
        ("external-", "what comes from outside for Service"),
        ("firewall-", "who may reach the load balancer of Service"),
        ("endpoint-", "one endpoint of Service"),
    ] {
        if let Some(port) = name.strip_prefix(prefix).and_then(service_port) {
            return Some(format!("{what} {port}"));
        }
    }
    let whole = KNOWN.iter().find(|it| it.0 == name);
    let begins = |it: &&(&str, &str)| it.0.ends_with('-') && name.starts_with(it.0);
    let found = whole.or_else(|| KNOWN.iter().find(begins));
    found.map(|it| it.1.to_owned())
}

/// `ULMVA6XW-default/api/tcp/http` and `…__10.244.1.5/8080`, which kube-proxy's nftables mode names chains by.
fn service_port(rest: &str) -> Option<String> {
    let (_, path) = rest.split_once('-')?;
    let (path, endpoint) = match path.split_once("__") {
        Some((path, endpoint)) => (path, Some(endpoint)),
        None => (path, None),
    };
    let mut parts = path.split('/');
    let (namespace, name, protocol) = (parts.next()?, parts.next()?, parts.next()?);
    let port = parts.next().filter(|it| !it.is_empty());
    let port = port.map(|it| format!(" port {it}")).unwrap_or_default();
    let at = endpoint.map(|it| format!(", {}", it.replace('/', ":")));
    let at = at.unwrap_or_default();
    Some(format!("{namespace}/{name}{port} over {protocol}{at}"))
}

/// Chains by their name, or by what it begins with where that ends in a hyphen.
const KNOWN: [(&str, &str); 32] = [
    ("KUBE-SERVICES", "kube-proxy's list of Service addresses"),
    ("KUBE-NODEPORTS", "kube-proxy's list of node ports"),
    (
        "KUBE-EXTERNAL-SERVICES",
        "addresses from outside that have no endpoint",
    ),
    ("KUBE-SVC-", "one Service port: an endpoint is drawn here"),
    (
        "KUBE-SVL-",
        "the endpoints on this node of one Service port",
    ),
    ("KUBE-XLB-", "what comes from outside for one Service port"),
    ("KUBE-EXT-", "what comes from outside for one Service port"),
    ("KUBE-FW-", "who may reach one load balancer"),
    ("KUBE-SEP-", "one endpoint"),
    (
        "KUBE-MARK-MASQ",
        "which marks what is to get this node's address as its source",
    ),
    (
        "KUBE-MARK-DROP",
        "which marks what is to be dropped further on",
    ),
    (
        "KUBE-POSTROUTING",
        "where what is marked gets this node's address as its source",
    ),
    ("KUBE-FORWARD", "what kube-proxy lets be passed on"),
    (
        "KUBE-PROXY-FIREWALL",
        "load balancers with a list of who may reach them",
    ),
    (
        "KUBE-FIREWALL",
        "the kubelet's protection of addresses that are this node's alone",
    ),
    (
        "KUBE-IPTABLES-HINT",
        "by which others know the kubelet's kind of iptables",
    ),
    ("KUBE-", "kube-proxy's or the kubelet's"),
    ("services", "kube-proxy's list of Service addresses"),
    (
        "service-endpoints-check",
        "where addresses without an endpoint are refused",
    ),
    (
        "nodeport-endpoints-check",
        "where node ports without an endpoint are refused",
    ),
    (
        "cluster-ips-check",
        "where ports are refused that no Service has",
    ),
    (
        "firewall-check",
        "load balancers with a list of who may reach them",
    ),
    (
        "masquerading",
        "where what is marked gets this node's address as its source",
    ),
    (
        "mark-for-masquerade",
        "which marks what is to get this node's address as its source",
    ),
    ("reject-chain", "where packets are refused"),
    ("DOCKER", "Docker's"),
    ("DOCKER-", "Docker's"),
    ("cali-", "Calico's"),
    ("CILIUM_", "Cilium's"),
    ("FLANNEL-", "flannel's"),
    ("ufw-", "ufw's"),
    ("LIBVIRT_", "libvirt's"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netfilter::TableFamily;
    use crate::netfilter::dialect::iptables;

    fn nft(text: &str) -> String {
        let table = TableKey::new(TableFamily::Ip, "t");
        rule(&text.parse().expect("a rule"), &table, Dialect::Nft)
    }

    fn of_iptables(text: &str) -> String {
        let parsed = iptables::parse_rule(text, TableFamily::Ip).expect("a rule");
        let table = TableKey::new(TableFamily::Ip, "nat");
        rule(&parsed, &table, Dialect::Iptables)
    }

    #[test]
    fn rules_of_nft_are_read() {
        assert_eq!(
            nft("ip daddr . meta l4proto . th dport vmap @service-ips"),
            "always: the destination, the protocol and the destination port are looked up in service-ips, which says where it goes on"
        );
        assert_eq!(
            nft("ct state new jump service-endpoints-check"),
            "if its connection is new: ask chain service-endpoints-check, where addresses without an endpoint are refused"
        );
        assert_eq!(
            nft("mark and 0x4000 != 0 masquerade fully-random"),
            "if the mark has 0x4000: the connection's source becomes this node's own address"
        );
        assert_eq!(
            nft("iifname \"eth0\" tcp dport 22 drop"),
            "if the interface it came in by is eth0 and the destination port is 22: it is dropped without a word"
        );
    }

    #[test]
    fn rules_of_iptables_are_read_with_their_remarks() {
        assert_eq!(
            of_iptables(
                "-d 10.96.0.10/32 -p tcp -m comment --comment \"default/api cluster IP\" -m tcp --dport 80 -j KUBE-SVC-ABC"
            ),
            "if the destination is 10.96.0.10 and the protocol is tcp and the destination port is 80: ask chain KUBE-SVC-ABC, one Service port: an endpoint is drawn here (its author says: default/api cluster IP)"
        );
        assert_eq!(
            of_iptables("-m statistic --mode random --probability 0.50000000000 -j KUBE-SEP-ABC"),
            "if the lot falls so (probability 0.5000000000): ask chain KUBE-SEP-ABC, one endpoint"
        );
    }

    #[test]
    fn what_has_no_reading_keeps_its_words() {
        assert_eq!(
            nft("ip dscp 4 accept"),
            "if `ip dscp 4`: it may pass this hook"
        );
    }

    #[test]
    fn chains_are_known_by_their_names() {
        assert_eq!(
            chain("endpoint-ABCD2345-default/api/tcp/http__10.244.1.5/8080").as_deref(),
            Some("one endpoint of Service default/api port http over tcp, 10.244.1.5:8080")
        );
        assert_eq!(
            chain("service-ABCD2345-shop/web/udp/").as_deref(),
            Some("one port of Service shop/web over udp")
        );
        assert_eq!(chain("my-own"), None);
        assert_eq!(chain("DOCKER-USER").as_deref(), Some("Docker's"));
    }
}
