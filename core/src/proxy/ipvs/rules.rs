//! The iptables rules: what is masqueraded, what is filtered; who gets which endpoint is ip_vs's business.
//!
//! `iptablesJumpChain`, `iptablesChains`, `ipsetWithIptablesChain`, `writeIptablesRules` and `acceptIPVSTraffic` of
//! `pkg/proxy/ipvs/proxier.go`, Kubernetes 1.36, in its order.
//!
//! **Left out**: the built-in chains' other rules.

use super::sets::{
    CLUSTER_IP, EXTERNAL_IP, EXTERNAL_IP_LOCAL, HEALTH_CHECK, IPVS_IPS, LOAD_BALANCER,
    LOAD_BALANCER_FW, LOAD_BALANCER_LOCAL, LOOP_BACK, NODE_PORT_LOCAL_SCTP, NODE_PORT_LOCAL_TCP,
    NODE_PORT_LOCAL_UDP, NODE_PORT_SCTP, NODE_PORT_TCP, NODE_PORT_UDP, SOURCE_CIDR, SOURCE_IP,
    comment as comment_of,
};
use super::{In, IpvsReason, Writer};
use crate::ip::{Cidr, Family};
use crate::net::{AddressType, Protocol};
use crate::netfilter::words::{
    accept, comment, ctstate, daddr_is_local, drop_, is, is_other_than, jump, masquerade, protocol,
    reject, return_, saddr,
};
use crate::netfilter::{
    AddressSelector, Chain, Datum, Expression, Fib, FibResult, FibWith, ModuleMatch, Rule, SetSide,
    Statement, ct_state as state, rule,
};
use crate::proxy::Reason;
use crate::proxy::tables::{FORWARD, MARK_MASQ, POSTROUTING};

const SERVICES: &str = "KUBE-SERVICES";
const NODE_PORT: &str = "KUBE-NODE-PORT";
const LOAD_BALANCER_CHAIN: &str = "KUBE-LOAD-BALANCER";
const PROXY_FIREWALL: &str = "KUBE-PROXY-FIREWALL";
const SOURCE_RANGES: &str = "KUBE-SOURCE-RANGES-FIREWALL";
const IPVS_FILTER: &str = "KUBE-IPVS-FILTER";
const IPVS_OUT_FILTER: &str = "KUBE-IPVS-OUT-FILTER";

const CHAINS: [(In, &str); 11] = [
    (In::Nat, SERVICES),
    (In::Nat, POSTROUTING),
    (In::Nat, NODE_PORT),
    (In::Nat, LOAD_BALANCER_CHAIN),
    (In::Nat, MARK_MASQ),
    (In::Filter, FORWARD),
    (In::Filter, NODE_PORT),
    (In::Filter, PROXY_FIREWALL),
    (In::Filter, SOURCE_RANGES),
    (In::Filter, IPVS_FILTER),
    (In::Filter, IPVS_OUT_FILTER),
];

/// The jumps in the order they are ensured, each in front of its chain: table, chain, target, comment.
const JUMPS: [(In, &str, &str, &str); 9] = {
    use In::{Filter, Nat};
    const PORTALS: &str = "kubernetes service portals";
    const FIREWALL: &str = "kube-proxy firewall rules";
    const ACCESS: &str = "kubernetes ipvs access filter";
    [
        (Nat, "OUTPUT", SERVICES, PORTALS),
        (Nat, "PREROUTING", SERVICES, PORTALS),
        (
            Nat,
            "POSTROUTING",
            POSTROUTING,
            "kubernetes postrouting rules",
        ),
        (Filter, "FORWARD", FORWARD, "kubernetes forwarding rules"),
        (Filter, "INPUT", NODE_PORT, "kubernetes health check rules"),
        (Filter, "INPUT", PROXY_FIREWALL, FIREWALL),
        (Filter, "FORWARD", PROXY_FIREWALL, FIREWALL),
        (Filter, "INPUT", IPVS_FILTER, ACCESS),
        (Filter, "OUTPUT", IPVS_OUT_FILTER, ACCESS),
    ]
};

/// Which sides of a packet a set is asked for.
const DST: &[SetSide] = &[SetSide::Destination];
const DST_DST: &[SetSide] = &[SetSide::Destination, SetSide::Destination];
const SRC_DST: &[SetSide] = &[SetSide::Source, SetSide::Destination];
const DST_DST_SRC: &[SetSide] = &[SetSide::Destination, SetSide::Destination, SetSide::Source];

/// What becomes of a packet that a set holds.
#[derive(Clone, Copy)]
enum Then {
    Masquerade,
    Return,
    Jump(&'static str),
}

/// A rule that is written if its set has elements: set, table, chain, target, sides, protocol, reason.
type SetRule = (
    &'static str,
    In,
    &'static str,
    Then,
    &'static [SetSide],
    Option<Protocol>,
    IpvsReason,
);

const SET_RULES: [SetRule; 12] = {
    use In::{Filter, Nat};
    use IpvsReason as Why;
    use Protocol::{Sctp, Tcp, Udp};
    const MARK: Then = Then::Jump(MARK_MASQ);
    const LB: Then = Then::Jump(LOAD_BALANCER_CHAIN);
    const RANGES: Then = Then::Jump(SOURCE_RANGES);
    [
        (
            LOOP_BACK,
            Nat,
            POSTROUTING,
            Then::Masquerade,
            DST_DST_SRC,
            None,
            Why::Hairpin,
        ),
        (
            LOAD_BALANCER,
            Nat,
            SERVICES,
            LB,
            DST_DST,
            None,
            Why::LoadBalancer,
        ),
        (
            LOAD_BALANCER_LOCAL,
            Nat,
            LOAD_BALANCER_CHAIN,
            Then::Return,
            DST_DST,
            None,
            Why::LoadBalancerLocal,
        ),
        (
            NODE_PORT_LOCAL_TCP,
            Nat,
            NODE_PORT,
            Then::Return,
            DST,
            Some(Tcp),
            Why::NodePortLocal,
        ),
        (
            NODE_PORT_TCP,
            Nat,
            NODE_PORT,
            MARK,
            DST,
            Some(Tcp),
            Why::MarkNodePort,
        ),
        (
            NODE_PORT_LOCAL_UDP,
            Nat,
            NODE_PORT,
            Then::Return,
            DST,
            Some(Udp),
            Why::NodePortLocal,
        ),
        (
            NODE_PORT_UDP,
            Nat,
            NODE_PORT,
            MARK,
            DST,
            Some(Udp),
            Why::MarkNodePort,
        ),
        (
            NODE_PORT_LOCAL_SCTP,
            Nat,
            NODE_PORT,
            Then::Return,
            DST_DST,
            Some(Sctp),
            Why::NodePortLocal,
        ),
        (
            NODE_PORT_SCTP,
            Nat,
            NODE_PORT,
            MARK,
            DST_DST,
            Some(Sctp),
            Why::MarkNodePort,
        ),
        (
            LOAD_BALANCER_FW,
            Filter,
            PROXY_FIREWALL,
            RANGES,
            DST_DST,
            None,
            Why::CheckSourceRanges,
        ),
        (
            SOURCE_CIDR,
            Filter,
            SOURCE_RANGES,
            Then::Return,
            DST_DST_SRC,
            None,
            Why::AllowedRange,
        ),
        (
            SOURCE_IP,
            Filter,
            SOURCE_RANGES,
            Then::Return,
            DST_DST_SRC,
            None,
            Why::AllowedNode,
        ),
    ]
};

/// All chains and rules.
pub(super) fn write(it: &mut Writer<'_>) {
    write_chains(it);
    write_jumps(it);
    leave_loopback(it);
    write_set_rules(it);
    mark_cluster_ips(it);
    write_external_ips(it);
    write_node_ports_and_firewall(it);
    accept_virtual(it);
    write_forwarding(it);
    write_ipvs_filter(it);
    it.masquerading();
}

fn because(it: &mut Writer<'_>, reason: IpvsReason) -> crate::netfilter::Tag {
    it.own(Reason::Ipvs(reason))
}

/// `-m set --match-set name sides`
fn in_set(it: &Writer<'_>, base: &str, sides: &[SetSide]) -> Statement {
    Statement::Module(ModuleMatch::Set {
        set: it.set_name(base).as_str().into(),
        sides: sides.to_vec(),
        inverted: false,
    })
}

fn write_chains(it: &mut Writer<'_>) {
    for table in [In::Nat, In::Filter] {
        it.table(table);
        for (_, name) in CHAINS.into_iter().filter(|it| it.0 == table) {
            it.chain(table, Chain::regular(name));
        }
    }
}

fn write_jumps(it: &mut Writer<'_>) {
    for (table, from, to, remark) in JUMPS.into_iter().rev() {
        let tag = it.own(Reason::HookLeadsTo(to));
        it.rule(
            table,
            from,
            rule().when(comment(remark)).then(jump(to)),
            tag,
        );
    }
}

fn leave_loopback(it: &mut Writer<'_>) {
    let family = it.family();
    let loopback: Cidr = match family {
        Family::V4 => "127.0.0.0/8".parse().expect("a range"),
        Family::V6 => "::1/128".parse().expect("a range"),
    };
    let tag = because(it, IpvsReason::LeaveLoopback);
    let leave = rule()
        .when(is(saddr(family), Datum::Range(loopback)))
        .then(return_());
    it.rule(In::Nat, SERVICES, leave, tag);
}

fn write_set_rules(it: &mut Writer<'_>) {
    for (set, table, chain, then, sides, of, reason) in SET_RULES {
        if !it.has_any(set) {
            continue;
        }
        let tag = because(it, reason);
        let start: Rule = of.into_iter().map(protocol).fold(rule(), Rule::when);
        let asking = start
            .when(comment(comment_of(set)))
            .when(in_set(it, set, sides));
        let target = match then {
            Then::Masquerade => masquerade(),
            Then::Return => return_(),
            Then::Jump(chain) => jump(chain),
        };
        it.rule(table, chain, asking.then(target), tag);
    }
}

fn mark_cluster_ips(it: &mut Writer<'_>) {
    if !it.has_any(CLUSTER_IP) {
        return;
    }
    let settings = &it.snapshot.settings;
    let detector = settings.detector.clone();
    let (sides, from, reason) = match (settings.iptables.masquerade_all, detector) {
        (true, _) => (DST_DST, None, IpvsReason::MarkAllClusterIps),
        (false, Some(detector)) => (
            DST_DST,
            Some(detector.not_local(it.family())),
            IpvsReason::MarkClusterIpFromOutside,
        ),
        (false, None) => (SRC_DST, None, IpvsReason::MarkFromVip),
    };
    let tag = because(it, reason);
    let asking = rule()
        .when(comment(comment_of(CLUSTER_IP)))
        .when(in_set(it, CLUSTER_IP, sides));
    let asking = from.into_iter().fold(asking, Rule::when);
    it.rule(In::Nat, SERVICES, asking.then(jump(MARK_MASQ)), tag);
}

fn write_external_ips(it: &mut Writer<'_>) {
    for set in [EXTERNAL_IP, EXTERNAL_IP_LOCAL] {
        if !it.has_any(set) {
            continue;
        }
        let asking = rule()
            .when(comment(comment_of(set)))
            .when(in_set(it, set, DST_DST));
        if set == EXTERNAL_IP {
            let tag = because(it, IpvsReason::MarkExternalIp);
            let mark = asking.clone().then(jump(MARK_MASQ));
            it.rule(In::Nat, SERVICES, mark, tag);
        }
        let not_by_bridge = Statement::Module(ModuleMatch::PhysdevIsIn { inverted: true });
        let source_type = Expression::Fib(Fib {
            address: AddressSelector::Saddr,
            result: FibResult::Type,
            with: FibWith::default(),
        });
        let from_elsewhere = asking
            .clone()
            .when(not_by_bridge)
            .when(is_other_than(
                source_type,
                Datum::AddressType(AddressType::Local),
            ))
            .then(accept());
        let tag = because(it, IpvsReason::ExternalFromElsewhere);
        it.rule(In::Nat, SERVICES, from_elsewhere, tag);
        let tag = because(it, IpvsReason::ExternalForHere);
        let for_here = asking.when(daddr_is_local()).then(accept());
        it.rule(In::Nat, SERVICES, for_here, tag);
    }
}

fn write_node_ports_and_firewall(it: &mut Writer<'_>) {
    let tag = because(it, IpvsReason::FindNodePort);
    let to_node = rule().when(daddr_is_local()).then(jump(NODE_PORT));
    it.rule(In::Nat, SERVICES, to_node, tag);
    let tag = because(it, IpvsReason::MarkLoadBalancer);
    let mark = rule().then(jump(MARK_MASQ));
    it.rule(In::Nat, LOAD_BALANCER_CHAIN, mark, tag);
    let tag = because(it, IpvsReason::DropOthers);
    it.rule(In::Filter, SOURCE_RANGES, rule().then(drop_()), tag);
    for (at, tag) in std::mem::take(&mut it.state.barred) {
        let family = it.family();
        let asking = ModuleMatch::Ipvs {
            address: Some(Cidr::from(at.address)),
            protocol: Some(at.protocol),
            port: Some(at.port),
        };
        let bar = rule()
            .when(is(saddr(family), at.address.into()))
            .when(Statement::Module(asking))
            .then(drop_());
        it.rule(In::Filter, IPVS_OUT_FILTER, bar, tag);
    }
}

/// These stand at the end of KUBE-SERVICES.
fn accept_virtual(it: &mut Writer<'_>) {
    for set in [CLUSTER_IP, LOAD_BALANCER] {
        if it.has_any(set) {
            let tag = because(it, IpvsReason::AcceptVirtual);
            let pass = rule().when(in_set(it, set, DST_DST)).then(accept());
            it.rule(In::Nat, SERVICES, pass, tag);
        }
    }
}

fn write_forwarding(it: &mut Writer<'_>) {
    it.forwarding();
    let tag = because(it, IpvsReason::AllowHealthChecks);
    let health = rule()
        .when(comment(comment_of(HEALTH_CHECK)))
        .when(in_set(it, HEALTH_CHECK, DST))
        .then(accept());
    it.rule(In::Filter, NODE_PORT, health, tag);
}

/// What the node listens on is not to be reached by a Service's address (kubernetes/kubernetes#72236).
fn write_ipvs_filter(it: &mut Writer<'_>) {
    for (set, sides) in [
        (LOAD_BALANCER, DST_DST),
        (CLUSTER_IP, DST_DST),
        (EXTERNAL_IP, DST_DST),
        (EXTERNAL_IP_LOCAL, DST_DST),
        (HEALTH_CHECK, DST),
    ] {
        let tag = because(it, IpvsReason::PassVirtual);
        let pass = rule().when(in_set(it, set, sides)).then(return_());
        it.rule(In::Filter, IPVS_FILTER, pass, tag);
    }
    let tag = because(it, IpvsReason::RefuseHostPorts);
    let refuse = rule()
        .when(ctstate(state::NEW))
        .when(in_set(it, IPVS_IPS, DST))
        .then(reject());
    it.rule(In::Filter, IPVS_FILTER, refuse, tag);
}
