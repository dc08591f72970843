//! What stands in every cluster: base chains, jumps, checks, sets and maps.

use super::names::NAMES;
use super::{Form, Writer, comment};
use crate::ip::Family;
use crate::netfilter::words::{
    all_of, ct_state, ct_status, daddr, daddr_is_local, drop_, flip_mark_bits, is_in, is_one_of,
    is_other_than, jump, l4proto, mark_has, mark_lacks, masquerade_fully_random, reject, return_,
    saddr, set_mark_bits, th_dport, vmap,
};
use crate::netfilter::{
    Chain, ChainType, Datum, Element, Expression, Hook, Note, Object, Priority, Rule, Set,
    Statement, Tag, ct_state as state, ct_status as status, rule,
};
use crate::proxy::Reason;

/// The base chains, in the order they are made (from 1.34).
const BASE_CHAINS: [(&str, ChainType, Hook, Priority); 8] = {
    use ChainType::{Filter, Nat};
    use Hook::{Forward, Input, Output, Postrouting, Prerouting};
    let pre_dnat = Priority::DSTNAT.before(10);
    [
        ("filter-prerouting-pre-dnat", Filter, Prerouting, pre_dnat),
        ("filter-output-pre-dnat", Filter, Output, pre_dnat),
        ("filter-input", Filter, Input, Priority::FILTER),
        ("filter-forward", Filter, Forward, Priority::FILTER),
        ("filter-output", Filter, Output, Priority::FILTER),
        ("nat-prerouting", Nat, Prerouting, Priority::DSTNAT),
        ("nat-output", Nat, Output, Priority::DSTNAT),
        ("nat-postrouting", Nat, Postrouting, Priority::SRCNAT),
    ]
};

/// Which packets a jump takes along.
#[derive(Clone, Copy, PartialEq)]
enum Of {
    NewConnections,
    All,
}

/// The jumps out of the base chains, in their order.
const JUMPS: [(&str, &str, Of); 11] = [
    (
        "filter-input",
        NAMES.nodeport_endpoints_check,
        Of::NewConnections,
    ),
    (
        "filter-input",
        NAMES.service_endpoints_check,
        Of::NewConnections,
    ),
    (
        "filter-forward",
        NAMES.service_endpoints_check,
        Of::NewConnections,
    ),
    (
        "filter-output",
        NAMES.service_endpoints_check,
        Of::NewConnections,
    ),
    (
        "filter-prerouting-pre-dnat",
        NAMES.firewall_check,
        Of::NewConnections,
    ),
    (
        "filter-output-pre-dnat",
        NAMES.firewall_check,
        Of::NewConnections,
    ),
    ("nat-output", NAMES.services, Of::All),
    ("nat-prerouting", NAMES.services, Of::All),
    ("nat-postrouting", NAMES.masquerading, Of::All),
    (
        "filter-forward",
        NAMES.cluster_ips_check,
        Of::NewConnections,
    ),
    ("filter-output", NAMES.cluster_ips_check, Of::NewConnections),
];

pub(super) fn write(it: &mut Writer<'_>) {
    let comment = Some("rules for kube-proxy".into());
    it.add(Object::Table { comment });
    for (name, kind, hook, priority) in BASE_CHAINS {
        it.chain(Chain::base(name, kind, hook, priority));
    }
    write_jumps(it);
    write_sets(it);
    write_masquerading(it);
    write_cluster_ips_check(it);
    write_endpoint_checks(it);
    write_services(it);
    write_node_port_ips(it);
}

fn write_jumps(it: &mut Writer<'_>) {
    let mut made: Vec<&str> = Vec::new();
    for (from, to, of) in JUMPS {
        if !made.contains(&to) {
            it.chain(Chain::regular(to));
            made.push(to);
        }
        let tag = it.own(Reason::HookLeadsTo(to));
        let empty = rule();
        let start = match of {
            Of::NewConnections => empty.when(ct_state(state::NEW)),
            Of::All => empty,
        };
        it.rule(from, start.then(jump(to)), tag);
    }
}

fn write_sets(it: &mut Writer<'_>) {
    let address = address_type(it.family());
    let by_address = format!("{address} . inet_proto . inet_service");
    let by_port = "inet_proto . inet_service";
    it.set(Set::new(NAMES.cluster_ips, address).commented("Active ClusterIPs"));
    if it.snapshot.node_port_ips().is_some() {
        it.set(node_port_ips(it.family()));
    }
    if it.form() >= Form::G3 {
        let key = format!("{address} . {address} . inet_proto . inet_service");
        it.set(Set::new(NAMES.hairpin_connections, &key).commented("service hairpin connections"));
    }
    for (name, key, comment) in [
        (
            NAMES.no_endpoint_services,
            by_address.as_str(),
            "vmap to drop or reject packets to services with no endpoints",
        ),
        (
            NAMES.no_endpoint_nodeports,
            by_port,
            "vmap to drop or reject packets to service nodeports with no endpoints",
        ),
        (
            NAMES.firewall_ips,
            &by_address,
            "destinations that are subject to LoadBalancerSourceRanges",
        ),
        (
            NAMES.service_ips,
            &by_address,
            "ClusterIP, ExternalIP and LoadBalancer IP traffic",
        ),
        (NAMES.service_nodeports, by_port, "NodePort traffic"),
    ] {
        it.set(Set::map(name, key, "verdict").commented(comment));
    }
}

/// The set of the node's addresses that take NodePorts.
pub(super) fn node_port_ips(family: Family) -> Set {
    let set = Set::new(NAMES.nodeport_ips, address_type(family));
    set.commented("IPs that accept NodePort traffic")
}

pub(super) const fn address_type(family: Family) -> &'static str {
    match family {
        Family::V4 => "ipv4_addr",
        Family::V6 => "ipv6_addr",
    }
}

fn write_masquerading(it: &mut Writer<'_>) {
    let mark = it.snapshot.settings.masquerade_mark;
    let chain = NAMES.masquerading;
    let marked = it.own(Reason::MasqueradeMarked);
    if it.form() == Form::G2 {
        it.chain(Chain::regular(NAMES.mark_for_masquerade));
        let set = it.own(Reason::Mark);
        it.rule(
            NAMES.mark_for_masquerade,
            rule().then(set_mark_bits(mark)),
            set,
        );
        let unmarked = it.own(Reason::LeaveUnmarked);
        it.rule(
            chain,
            rule().when(mark_lacks(mark)).then(return_()),
            unmarked,
        );
        let clear = it.own(Reason::ClearMark);
        it.rule(chain, rule().then(flip_mark_bits(mark)), clear);
        it.rule(chain, rule().then(masquerade_fully_random()), marked);
        return;
    }
    it.rule(
        chain,
        rule()
            .when(mark_has(mark))
            .then(flip_mark_bits(mark))
            .then(masquerade_fully_random()),
        marked,
    );
    let family = it.family();
    let hairpin = it.own(Reason::MasqueradeHairpin);
    let pair = all_of(vec![saddr(family), daddr(family), l4proto(), th_dport()]);
    it.rule(
        chain,
        rule()
            .when(ct_status(status::DNAT))
            .when(is_in(pair, NAMES.hairpin_connections))
            .then(masquerade_fully_random()),
        hairpin,
    );
}

fn write_cluster_ips_check(it: &mut Writer<'_>) {
    let family = it.family();
    let unknown = it.own(Reason::RejectUnknownPort);
    it.rule(
        NAMES.cluster_ips_check,
        rule()
            .when(is_in(daddr(family), NAMES.cluster_ips))
            .then(reject())
            .because(comment("Reject traffic to invalid ports of ClusterIPs")),
        unknown,
    );
    let ranges = it.snapshot.settings.service_cidrs.clone();
    if !ranges.is_empty() {
        let unallocated = it.own(Reason::DropUnallocated);
        it.rule(
            NAMES.cluster_ips_check,
            rule()
                .when(is_one_of(
                    daddr(family),
                    ranges.into_iter().map(Datum::Range),
                ))
                .then(drop_())
                .because(comment("Drop traffic to unallocated ClusterIPs")),
            unallocated,
        );
    }
}

fn write_endpoint_checks(it: &mut Writer<'_>) {
    let helper = it.own(Reason::RejectHelper);
    it.chain(
        Chain::regular(NAMES.reject_chain)
            .commented("helper for @no-endpoint-services / @no-endpoint-nodeports"),
    );
    it.rule(NAMES.reject_chain, rule().then(reject()), helper);
    let by_address = address_key(it.family());
    let endpoints = it.own(Reason::CheckEndpoints);
    it.rule(
        NAMES.service_endpoints_check,
        rule().then(vmap(by_address.clone(), NAMES.no_endpoint_services)),
        endpoints,
    );
    let node_ports = it.own(Reason::CheckNodePortEndpoints);
    let to_node = match it.snapshot.node_port_ips() {
        Some(_) => rule().when(is_in(daddr(it.family()), NAMES.nodeport_ips)),
        None => rule().when(not_loopback(it.family())),
    };
    it.rule(
        NAMES.nodeport_endpoints_check,
        to_node.then(vmap(port_key(), NAMES.no_endpoint_nodeports)),
        node_ports,
    );
    let firewall = it.own(Reason::CheckFirewall);
    it.rule(
        NAMES.firewall_check,
        rule().then(vmap(by_address, NAMES.firewall_ips)),
        firewall,
    );
}

fn write_services(it: &mut Writer<'_>) {
    let family = it.family();
    let chain = NAMES.services;
    if it.form() >= Form::G3
        && let Some((rule, tag)) = mark_cluster_ip_traffic(it)
    {
        it.rule(chain, rule, tag);
    }
    let find = it.own(Reason::FindService);
    it.rule(
        chain,
        rule().then(vmap(address_key(family), NAMES.service_ips)),
        find,
    );
    let to_node = match it.snapshot.node_port_ips() {
        Some(_) => rule().when(is_in(daddr(family), NAMES.nodeport_ips)),
        None => rule().when(daddr_is_local()).when(not_loopback(family)),
    };
    let find = it.own(Reason::FindNodePort);
    it.rule(
        chain,
        to_node.then(vmap(port_key(), NAMES.service_nodeports)),
        find,
    );
}

/// The one rule that marks ClusterIP traffic for masquerade, from 1.36.
fn mark_cluster_ip_traffic(it: &mut Writer<'_>) -> Option<(Rule, Tag)> {
    let settings = &it.snapshot.settings;
    let mark = settings.masquerade_mark;
    let start = rule().when(is_in(daddr(it.family()), NAMES.cluster_ips));
    if settings.masquerade_all {
        let tag = it.own(Reason::MarkAll);
        let rule = start
            .then(set_mark_bits(mark))
            .because(comment("masquerade all clusterIP traffic"));
        return Some((rule, tag));
    }
    let from_elsewhere = settings.detector.as_ref()?.not_local(it.family());
    let tag = it.own(Reason::MarkFromOutside);
    let rule = start
        .when(from_elsewhere)
        .then(set_mark_bits(mark))
        .because(comment("masquerade clusterIP traffic from outside cluster"));
    Some((rule, tag))
}

fn write_node_port_ips(it: &mut Writer<'_>) {
    for address in it.snapshot.node_port_ips().unwrap_or_default() {
        let tag = it.own(Reason::NodePortIp);
        it.element(NAMES.nodeport_ips, Element::key(address.into()), tag);
    }
}

fn address_key(family: Family) -> Expression {
    all_of(vec![daddr(family), l4proto(), th_dport()])
}

fn port_key() -> Expression {
    all_of(vec![l4proto(), th_dport()])
}

fn not_loopback(family: Family) -> Statement {
    let loopback = match family {
        Family::V4 => Datum::Range("127.0.0.0/8".parse().expect("a range")),
        Family::V6 => Datum::Address("::1".parse().expect("an address")),
    };
    is_other_than(daddr(family), loopback)
}

/// The note of a rule with a comment and no reason of its own.
pub(super) fn noted(text: &str) -> Note {
    comment(text)
}
