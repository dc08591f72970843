//! NetworkPolicies: from the policies of a cluster to rules, for the pods of one node and one family.
//!
//! `networking.k8s.io/v1` of Kubernetes 1.36 says what a policy means: pods that no policy chooses for a direction are
//! open; pods that one chooses are closed but for what any of their policies allows. How it is done is the network
//! plugin's business; done here as most do it: on the pod's own node, at the forward hook, so after kube-proxy has
//! rewritten the destination, for first packets only, and by dropping. The rules are a table of their own beside
//! kube-proxy's, in nft's language whatever the mode, and the kernel gets the very same.
//!
//! What a node's own stack sends to its pods does not pass the forward hook, so it is always allowed, as Kubernetes
//! demands for probes. A pod may always speak to itself.
//!
//! **Left out**: plugins that refuse instead of dropping, or that look before the destination is rewritten; pods on the
//! host's network, which no plugin can tell from their node; named ports for addresses that are no pods'.

mod origin;
mod peers;

pub use origin::{Origin, Origins, Reason};

use crate::api::{Kind, NetworkPolicy, NetworkPolicyPort, ObjectRef, Pod};
use crate::ip::{Cidr, Family, IpAddr, family};
use crate::net::Protocol;
use crate::netfilter::words::{
    ct_state, daddr, drop_, is, is_one_of, is_other_than, protocol as of_protocol, return_, saddr,
    vmap,
};
use crate::netfilter::{
    Chain, ChainType, Datum, Element, Expression, Field, Hook, Object, Priority, Rule, Set,
    Statement, TableKey, Tag, Transaction, Verb, Verdict, ct_state as state, rule,
};
use crate::sorted::sort;
use crate::store::Objects;
use peers::{Whom, whom};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The name of the table.
pub const TABLE: &str = "packetwalk-netpol";

const FORWARD: &str = "forward";

/// The rules of a node's pods, and where each came from.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// The commands that make them from nothing; none if no policy chooses a pod of the node.
    pub transaction: Transaction,
    /// Where they came from.
    pub origins: Origins,
}

/// Which way a policy looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Direction {
    /// What the pod receives.
    Ingress,
    /// What the pod sends.
    Egress,
}

/// A pod that policies choose for a direction.
struct Guarded<'a> {
    pod: &'a Arc<Pod>,
    addresses: Vec<IpAddr>,
    direction: Direction,
    policies: Vec<&'a Arc<NetworkPolicy>>,
}

/// The rules for the pods of one node, of one family.
#[must_use]
pub fn sync(objects: &Objects, node: &str, family: Family) -> Rules {
    let guarded = guarded(objects, node, family);
    if guarded.is_empty() {
        return Rules::default();
    }
    let mut writer = Writer {
        objects,
        family,
        table: TableKey::new(family.into(), TABLE),
        rules: Rules::default(),
    };
    writer.write(&guarded);
    writer.rules
}

/// Whether a policy looks that way: as it says, or ingress always and egress where it has such rules.
#[must_use]
pub fn looks(policy: &NetworkPolicy, direction: Direction) -> bool {
    let spec = &policy.spec;
    match direction {
        Direction::Ingress if spec.policy_types.is_empty() => true,
        Direction::Egress if spec.policy_types.is_empty() => !spec.egress.is_empty(),
        Direction::Ingress => spec.policy_types.iter().any(|it| it == "Ingress"),
        Direction::Egress => spec.policy_types.iter().any(|it| it == "Egress"),
    }
}

fn guarded<'a>(objects: &'a Objects, node: &str, of: Family) -> Vec<Guarded<'a>> {
    if objects.network_policies.is_empty() {
        return Vec::new();
    }
    let mut all = Vec::new();
    for direction in [Direction::Egress, Direction::Ingress] {
        for key in objects.pods_on(node) {
            let Some(pod) = objects.pods.get(key) else {
                continue;
            };
            let addresses: Vec<IpAddr> = pod
                .ips()
                .into_iter()
                .filter(|it| family(*it) == of)
                .collect();
            if pod.is_over() || pod.spec.host_network || addresses.is_empty() {
                continue;
            }
            let policies = objects.network_policies.values().filter(|it| {
                it.metadata.namespace == pod.metadata.namespace
                    && it.spec.pod_selector.selects(pod.labels())
                    && looks(it, direction)
            });
            let policies: Vec<&Arc<NetworkPolicy>> = policies.collect();
            if !policies.is_empty() {
                all.push(Guarded {
                    pod,
                    addresses,
                    direction,
                    policies,
                });
            }
        }
    }
    all
}

/// A demand on a packet's port.
enum PortMatch {
    Any,
    Protocol(Protocol),
    Ports(Protocol, u16, u16),
}

struct Writer<'a> {
    objects: &'a Objects,
    family: Family,
    table: TableKey,
    rules: Rules,
}

impl Writer<'_> {
    fn write(&mut self, guarded: &[Guarded<'_>]) {
        let comment = Some("NetworkPolicies of the pods on this node".into());
        self.add(Object::Table { comment });
        // After kube-proxy's own filters, which refuse what no endpoint gets anyway.
        let priority = Priority::FILTER.before(-10);
        let base = Chain::base(FORWARD, ChainType::Filter, Hook::Forward, priority);
        self.add(Object::Chain(base));
        for it in guarded {
            self.add(Object::Chain(Chain::regular(&chain_name(it))));
        }
        let known = self.tag(None, String::new(), Reason::Known);
        let bits = state::ESTABLISHED | state::RELATED;
        self.rule(
            FORWARD,
            rule()
                .when(ct_state(bits))
                .then(Statement::Verdict(Verdict::Accept)),
            known,
        );
        for direction in [Direction::Egress, Direction::Ingress] {
            let of_it: Vec<&Guarded<'_>> = guarded
                .iter()
                .filter(|it| it.direction == direction)
                .collect();
            if !of_it.is_empty() {
                self.write_way_in(direction, &of_it);
            }
        }
        for it in guarded {
            self.write_chain(it);
        }
    }

    /// The map of the pods that are guarded, and the rule that asks it.
    fn write_way_in(&mut self, direction: Direction, guarded: &[&Guarded<'_>]) {
        let key_type = match self.family {
            Family::V4 => "ipv4_addr",
            Family::V6 => "ipv6_addr",
        };
        let (name, key) = match direction {
            Direction::Egress => ("senders", saddr(self.family)),
            Direction::Ingress => ("receivers", daddr(self.family)),
        };
        self.add(Object::Set(Set::map(name, key_type, "verdict")));
        let tag = self.tag(None, String::new(), Reason::Ask(direction));
        self.rule(FORWARD, rule().then(vmap(key, name)), tag);
        for it in guarded {
            let policy = reference(it.policies[0]);
            let pod = pod_name(it.pod);
            let tag = self.tag(
                Some(policy),
                "spec.podSelector".into(),
                Reason::Chosen { pod, direction },
            );
            for address in &it.addresses {
                let verdict = Verdict::Jump(chain_name(it).as_str().into());
                let element = Element::verdict((*address).into(), verdict).tagged(tag);
                let set = name.into();
                self.add(Object::Element { set, element });
            }
        }
    }

    fn write_chain(&mut self, it: &Guarded<'_>) {
        let chain = chain_name(it);
        let pod = pod_name(it.pod);
        let other = match it.direction {
            Direction::Egress => daddr(self.family),
            Direction::Ingress => saddr(self.family),
        };
        let own = it.addresses.iter().copied().map(Datum::from);
        let itself = self.tag(None, String::new(), Reason::Itself(pod.clone()));
        self.rule(
            &chain,
            rule().when(one_of(other, own.collect())).then(return_()),
            itself,
        );
        for policy in &it.policies {
            self.write_policy(&chain, it, policy);
        }
        let denied = self.tag(
            Some(reference(it.policies[0])),
            "spec.podSelector".into(),
            Reason::Denied {
                pod,
                direction: it.direction,
            },
        );
        self.rule(&chain, rule().then(drop_()), denied);
    }

    fn write_policy(&mut self, chain: &str, it: &Guarded<'_>, policy: &NetworkPolicy) {
        let spec = &policy.spec;
        let (field, peer_field) = match it.direction {
            Direction::Ingress => ("ingress", "from"),
            Direction::Egress => ("egress", "to"),
        };
        let rules: Vec<_> = match it.direction {
            Direction::Ingress => spec
                .ingress
                .iter()
                .map(|it| (&it.from, &it.ports))
                .collect(),
            Direction::Egress => spec.egress.iter().map(|it| (&it.to, &it.ports)).collect(),
        };
        for (n, (peers, ports)) in rules.into_iter().enumerate() {
            let path = format!("spec.{field}[{n}]");
            if peers.is_empty() {
                self.allow(chain, it, policy, &Whom::Everybody, ports, &path);
            }
            for (n, peer) in peers.iter().enumerate() {
                let path = format!("{path}.{peer_field}[{n}]");
                let namespace = &policy.metadata.namespace;
                if let Some(it_is) = whom(self.objects, namespace, peer, self.family) {
                    self.allow(chain, it, policy, &it_is, ports, &path);
                }
            }
        }
    }

    /// The rules for one peer: one for each port.
    fn allow(
        &mut self,
        chain: &str,
        it: &Guarded<'_>,
        policy: &NetworkPolicy,
        peer: &Whom,
        ports: &[NetworkPolicyPort],
        path: &str,
    ) {
        if ports.is_empty() {
            return self.allow_one(chain, it, policy, peer, &PortMatch::Any, path);
        }
        for port in ports {
            for (peer, port) in self.matches(it, peer, port) {
                self.allow_one(chain, it, policy, &peer, &port, path);
            }
        }
    }

    fn allow_one(
        &mut self,
        chain: &str,
        it: &Guarded<'_>,
        policy: &NetworkPolicy,
        peer: &Whom,
        port: &PortMatch,
        path: &str,
    ) {
        let other = match it.direction {
            Direction::Egress => daddr(self.family),
            Direction::Ingress => saddr(self.family),
        };
        let mut allowing = rule();
        match peer {
            Whom::Everybody => {}
            Whom::Pods(pods) => {
                let addresses = pods.iter().map(|it| Datum::from(it.1)).collect();
                allowing = allowing.when(one_of(other, addresses));
            }
            Whom::Range { range, except } => {
                if range.prefix_len() > 0 {
                    allowing = allowing.when(is(other.clone(), whole(*range)));
                }
                for hole in except {
                    allowing = allowing.when(is_other_than(other.clone(), whole(*hole)));
                }
            }
        }
        match *port {
            PortMatch::Any => {}
            PortMatch::Protocol(it) => allowing = allowing.when(of_protocol(it)),
            PortMatch::Ports(protocol, low, high) => {
                let ports = if low == high {
                    Datum::Port(low)
                } else {
                    Datum::Ports(low, high)
                };
                allowing = allowing.when(is(dport(protocol), ports));
            }
        }
        let reason = Reason::Allowed {
            policy: reference(policy).to_string(),
            pod: pod_name(it.pod),
            whom: peer.in_words(),
            ports: in_words(port),
            direction: it.direction,
        };
        let tag = self.tag(Some(reference(policy)), path.to_owned(), reason);
        self.rule(chain, allowing.then(return_()), tag);
    }

    /// What a port of a policy comes to. A name is that of the receiving container's port, so where pods differ in
    /// what they call so, each number comes with its own pods.
    fn matches(
        &self,
        it: &Guarded<'_>,
        peer: &Whom,
        port: &NetworkPolicyPort,
    ) -> Vec<(Whom, PortMatch)> {
        use crate::api::IntOrString::{Int, String as Name};
        let word = port.protocol.as_deref().unwrap_or("TCP");
        let Some(protocol) = Protocol::from_name(word) else {
            return Vec::new();
        };
        let number = |it: i32| u16::try_from(it).ok();
        match (&port.port, it.direction) {
            (None, _) => vec![(peer.clone(), PortMatch::Protocol(protocol))],
            (Some(Int(first)), _) => {
                let last = port.end_port.unwrap_or(*first);
                let range = number(*first).zip(number(last));
                range
                    .map(|(low, high)| (peer.clone(), PortMatch::Ports(protocol, low, high)))
                    .into_iter()
                    .collect()
            }
            (Some(Name(name)), Direction::Ingress) => {
                let port = it.pod.named_port(name, word).and_then(number);
                port.map(|it| (peer.clone(), PortMatch::Ports(protocol, it, it)))
                    .into_iter()
                    .collect()
            }
            (Some(Name(name)), Direction::Egress) => {
                let receivers = match peer {
                    Whom::Everybody => peers::all_pods(self.objects, self.family),
                    Whom::Pods(pods) => pods.clone(),
                    Whom::Range { .. } => Vec::new(),
                };
                let mut by_port: BTreeMap<u16, Vec<peers::Receiver>> = BTreeMap::new();
                for (key, address) in receivers {
                    let pod = self.objects.pods.get(&key);
                    let port = pod
                        .and_then(|it| it.named_port(name, word))
                        .and_then(number);
                    if let Some(port) = port {
                        by_port.entry(port).or_default().push((key, address));
                    }
                }
                by_port
                    .into_iter()
                    .map(|(port, pods)| (Whom::Pods(pods), PortMatch::Ports(protocol, port, port)))
                    .collect()
            }
        }
    }

    fn tag(&mut self, object: Option<ObjectRef>, path: String, reason: Reason) -> Tag {
        self.rules.origins.tag(Origin {
            object,
            path,
            reason,
        })
    }

    fn rule(&mut self, chain: &str, rule: Rule, tag: Tag) {
        let chain = chain.into();
        let rule = rule.because(tag);
        self.add(Object::Rule { chain, rule });
    }

    fn add(&mut self, object: Object) {
        self.rules.transaction.push(Verb::Add, &self.table, object);
    }
}

/// `ingress-default/api-1`, cut where the kernel would find it too long.
fn chain_name(it: &Guarded<'_>) -> String {
    /// `NFT_NAME_MAXLEN` is 256, and a pod's name may have 253 letters.
    const LONGEST: usize = 200;
    let direction = match it.direction {
        Direction::Ingress => "ingress",
        Direction::Egress => "egress",
    };
    let full = format!("{direction}-{}", pod_name(it.pod));
    if full.len() <= LONGEST {
        return full;
    }
    // FNV-1a: two long names that begin alike stay apart.
    let hash = full.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let start: String = full.chars().take(LONGEST).collect();
    format!("{start}-{hash:016x}")
}

fn pod_name(pod: &Pod) -> String {
    format!("{}/{}", pod.metadata.namespace, pod.metadata.name)
}

fn reference(policy: &NetworkPolicy) -> ObjectRef {
    let metadata = &policy.metadata;
    ObjectRef::new(Kind::NetworkPolicy, &metadata.namespace, &metadata.name)
}

/// A range as nft names it: one of a single address is that address.
fn whole(range: Cidr) -> Datum {
    if range.prefix_len() == range.max_prefix_len() {
        Datum::Address(range.addr())
    } else {
        Datum::Range(range.trunc())
    }
}

/// nft makes a plain comparison of a set with one element.
fn one_of(of: Expression, mut values: Vec<Datum>) -> Statement {
    sort(&mut values);
    values.dedup();
    match values.len() {
        1 => is(of, values.remove(0)),
        _ => is_one_of(of, values),
    }
}

fn dport(protocol: Protocol) -> Expression {
    Expression::Payload(match protocol {
        Protocol::Tcp => Field::TcpDport,
        Protocol::Udp => Field::UdpDport,
        Protocol::Sctp => Field::SctpDport,
        Protocol::Icmp | Protocol::Icmpv6 => Field::ThDport,
    })
}

fn in_words(port: &PortMatch) -> String {
    match *port {
        PortMatch::Any => String::new(),
        PortMatch::Protocol(it) => format!(" by {}", it.name()),
        PortMatch::Ports(it, low, high) if low == high => format!(" on {} {low}", it.name()),
        PortMatch::Ports(it, low, high) => format!(" on {} {low} to {high}", it.name()),
    }
}

#[cfg(test)]
mod tests;
