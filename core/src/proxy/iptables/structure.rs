//! What stands in every cluster: jumps out of the built-in chains, marks, masquerade, forwarding.

use super::names::{CANARY, EXTERNAL_SERVICES, FIREWALL, NODE_PORTS, PROXY_FIREWALL, SERVICES};
use super::{In, Writer};
use crate::ip::{Cidr, Family};
use crate::netfilter::words::{
    account, comment, ctstate, ctstate_is_none_of, daddr, daddr_is_local, drop_, is, is_other_than,
    jump, saddr,
};
use crate::netfilter::{Chain, Datum, Rule, Table, ct_state as state, rule};
use crate::proxy::Reason;
use crate::proxy::tables::{FORWARD, MARK_MASQ, POSTROUTING};

/// Which packets a jump takes along.
#[derive(Clone, Copy, PartialEq)]
enum Of {
    NewConnections,
    All,
}

/// A jump out of a built-in chain: table, chain, target, which packets, comment.
type Jump = (In, &'static str, &'static str, Of, &'static str);

/// The jumps in the order they are ensured. Each is put in front of its chain, so that a chain has
/// them the other way round.
const JUMPS: [Jump; 14] = {
    use In::{Filter, Nat};
    use Of::{All, NewConnections};
    const OUTSIDE: &str = "kubernetes externally-visible service portals";
    const HEALTH: &str = "kubernetes health check service ports";
    const PORTALS: &str = "kubernetes service portals";
    const FORWARDING: &str = "kubernetes forwarding rules";
    const BALANCER: &str = "kubernetes load balancer firewall";
    const LEAVING: &str = "kubernetes postrouting rules";
    [
        (Filter, "INPUT", EXTERNAL_SERVICES, NewConnections, OUTSIDE),
        (
            Filter,
            "FORWARD",
            EXTERNAL_SERVICES,
            NewConnections,
            OUTSIDE,
        ),
        (Filter, "INPUT", NODE_PORTS, All, HEALTH),
        (Filter, "FORWARD", SERVICES, NewConnections, PORTALS),
        (Filter, "OUTPUT", SERVICES, NewConnections, PORTALS),
        (Filter, "FORWARD", FORWARD, All, FORWARDING),
        (Filter, "INPUT", PROXY_FIREWALL, NewConnections, BALANCER),
        (Filter, "OUTPUT", PROXY_FIREWALL, NewConnections, BALANCER),
        (Filter, "FORWARD", PROXY_FIREWALL, NewConnections, BALANCER),
        (Nat, "OUTPUT", SERVICES, All, PORTALS),
        (Nat, "PREROUTING", SERVICES, All, PORTALS),
        (Nat, "POSTROUTING", POSTROUTING, All, LEAVING),
        (Filter, "INPUT", FIREWALL, All, ""),
        (Filter, "OUTPUT", FIREWALL, All, ""),
    ]
};

/// The last rule of KUBE-SERVICES, by the comment kube-proxy warns with.
const LAST_RULE: &str =
    "kubernetes service nodeports; NOTE: this must be the last rule in this chain";

/// Counted where the kernel can: invalid packets dropped, and packets to localhost's NodePorts.
const DROPPED_INVALID: &str = "ct_state_invalid_dropped_pkts";
pub(super) const ACCEPTED_ON_LOCALHOST: &str = "localhost_nps_accepted_pkts";

/// Whether the built-in chains lead to kube-proxy's own.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Jumps {
    Missing,
    AreThere,
}

/// Whether every jump of a table is there; KUBE-FIREWALL is the kubelet's business too.
pub(super) fn has_jumps(of: In, table: &Table) -> bool {
    let wanted = JUMPS.iter().filter(|it| it.0 == of && it.2 != FIREWALL);
    let is_there = |chain: &Chain, to: &str| {
        let mut targets = chain.rules.iter().filter_map(Rule::leads_to);
        targets.any(|it| **it == *to)
    };
    wanted.copied().all(|(_, from, to, ..)| {
        let chain = table.chains.get(from);
        chain.is_some_and(|it| is_there(it, to))
    })
}

/// Tables, chains and jumps, and what comes before any Service.
pub(super) fn write_beginning(it: &mut Writer<'_>, jumps: Jumps) {
    let firewall = it.has_localhost_node_ports().then_some(FIREWALL);
    let filter = [
        SERVICES,
        EXTERNAL_SERVICES,
        FORWARD,
        NODE_PORTS,
        PROXY_FIREWALL,
    ];
    let filter: Vec<&str> = filter.into_iter().chain(firewall).collect();
    for (table, chains) in [
        (In::Filter, filter),
        (In::Nat, vec![SERVICES, NODE_PORTS, POSTROUTING, MARK_MASQ]),
        (In::Mangle, Vec::new()),
    ] {
        if jumps == Jumps::Missing {
            it.table(table);
            it.chain(table, Chain::regular(CANARY));
        }
        for name in chains {
            it.chain(table, Chain::regular(name));
        }
    }
    if jumps == Jumps::Missing {
        write_jumps(it);
    }
    it.masquerading();
    write_localnet_block(it);
}

fn write_jumps(it: &mut Writer<'_>) {
    let has_firewall = it.has_localhost_node_ports();
    for (table, from, to, of, remark) in JUMPS.into_iter().rev() {
        if to == FIREWALL && !has_firewall {
            continue;
        }
        let mut start = rule();
        if of == Of::NewConnections {
            start = start.when(ctstate(state::NEW));
        }
        if !remark.is_empty() {
            start = start.when(comment(remark));
        }
        let tag = it.own(Reason::HookLeadsTo(to));
        it.rule(table, from, start.then(jump(to)), tag);
    }
}

/// NodePorts on 127.0.0.1 need `route_localnet`, which would let neighbours reach 127.0.0.1 too.
fn write_localnet_block(it: &mut Writer<'_>) {
    if !it.has_localhost_node_ports() {
        return;
    }
    let localnet = Datum::Range(localnet());
    let answers = state::RELATED | state::ESTABLISHED | state::DNAT;
    let tag = it.own(Reason::BlockLocalnet);
    let block = rule()
        .when(is_other_than(saddr(Family::V4), localnet.clone()))
        .when(is(daddr(Family::V4), localnet))
        .when(comment("block incoming localnet connections"))
        .when(ctstate_is_none_of(answers))
        .then(drop_());
    it.rule(In::Filter, FIREWALL, block, tag);
}

/// What comes after all Services.
pub(super) fn write_end(it: &mut Writer<'_>) {
    write_node_ports(it);
    write_forwarding(it);
}

fn write_node_ports(it: &mut Writer<'_>) {
    let family = it.family();
    let tag = it.own(Reason::FindNodePort);
    let Some(addresses) = it.node_port_ips() else {
        let loopback = match family {
            Family::V6 => Some(Datum::Range("::1/128".parse().expect("a range"))),
            Family::V4 if it.settings().localhost_node_ports => None,
            Family::V4 => Some(Datum::Range(localnet())),
        };
        let other = loopback.map(|it| is_other_than(daddr(family), it));
        let mut any: Rule = other.into_iter().fold(rule(), Rule::when);
        any = any.when(comment(LAST_RULE)).when(daddr_is_local());
        it.rule(In::Nat, SERVICES, any.then(jump(NODE_PORTS)), tag);
        return;
    };
    for address in addresses {
        let to_node = rule()
            .when(is(daddr(family), address.into()))
            .when(comment(LAST_RULE))
            .then(jump(NODE_PORTS));
        it.rule(In::Nat, SERVICES, to_node, tag);
    }
}

fn write_forwarding(it: &mut Writer<'_>) {
    let settings = it.settings();
    if !settings.tcp_be_liberal {
        let tag = it.own(Reason::DropInvalid);
        let mut invalid = rule().when(ctstate(state::INVALID));
        if settings.accounting {
            invalid = invalid.when(account(DROPPED_INVALID));
        }
        it.rule(In::Filter, FORWARD, invalid.then(drop_()), tag);
    }
    it.forwarding();
}

pub(super) fn localnet() -> Cidr {
    "127.0.0.0/8".parse().expect("a range")
}
