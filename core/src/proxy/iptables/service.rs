//! What each service port adds: lines in the chains of all, and chains of its own.
//!
//! `syncProxyRules` and `writeServiceToEndpointRules` of `pkg/proxy/iptables/proxier.go`.

use super::names::{
    EXTERNAL_SERVICES, NODE_PORTS, PROXY_FIREWALL, SERVICES, ServiceChains, endpoint_chain,
};
use super::structure::{ACCEPTED_ON_LOCALHOST, localnet};
use super::{In, Remarks, Writer};
use crate::api::{Kind, ObjectRef};
use crate::ip::{Family, IpAddr};
use crate::net::Protocol;
use crate::netfilter::words::{
    accept, account, any_dport, comment, daddr, daddr_is_local, dnat, dport, drop_, is, jump,
    one_in, protocol, recent_check, recent_set, reject, saddr, saddr_is_local,
};
use crate::netfilter::{Chain, Datum, Name, Rule, Statement, Tag, rule};
use crate::proxy::tables::MARK_MASQ;
use crate::proxy::{Destination, Endpoint, Path, Reason, Selected, ServicePort};
use std::sync::Arc;

/// One service port being written.
struct Port<'a> {
    port: &'a ServicePort,
    selected: &'a Selected,
    object: Arc<ObjectRef>,
    label: Name,
    chains: ServiceChains,
}

pub(super) fn write(it: &mut Writer<'_>, port: &ServicePort, selected: &Selected) {
    let metadata = &port.service.metadata;
    let of_service = ObjectRef::new(Kind::Service, &metadata.namespace, &metadata.name);
    let port = Port {
        port,
        selected,
        object: Arc::new(of_service),
        label: port.to_string().into(),
        chains: ServiceChains::of(port),
    };
    write_chains(it, &port);
    write_cluster_ip(it, &port);
    write_external_ips(it, &port);
    write_load_balancer(it, &port);
    write_node_port(it, &port);
    write_health_check(it, &port);
    write_internal_mark(it, &port);
    write_external_chain(it, &port);
    write_firewall_chain(it, &port);
    write_choices(it, &port);
    write_endpoint_chains(it, &port);
}

impl Port<'_> {
    fn tag(&self, it: &mut Writer<'_>, path: impl Into<Path>, reason: Reason) -> Tag {
        it.origins.because_of(&self.object, path, reason)
    }

    fn protocol(&self) -> Protocol {
        self.port.protocol
    }

    fn uses_cluster_chain(&self) -> bool {
        let uses_cluster =
            !self.port.internal_policy_is_local || self.port.is_reachable_from_outside();
        uses_cluster && !self.selected.cluster.is_empty()
    }

    fn uses_local_chain(&self) -> bool {
        !self.selected.local.is_empty()
    }

    fn uses_external_chain(&self) -> bool {
        self.selected.has_endpoints && self.port.is_reachable_from_outside()
    }

    /// Source ranges do nothing while there are no endpoints.
    fn uses_firewall_chain(&self) -> bool {
        self.selected.has_endpoints
            && !self.port.load_balancer_vips.is_empty()
            && !self.port.source_ranges.is_empty()
    }

    fn internal_chain(&self) -> &str {
        match self.port.internal_policy_is_local {
            true => &self.chains.local,
            false => &self.chains.cluster,
        }
    }

    /// `-d address -p tcp -m comment --comment "label …" -m tcp --dport port`
    fn to(&self, family: Family, address: Datum, remark: &str) -> Rule {
        rule()
            .when(is(daddr(family), address))
            .when(protocol(self.protocol()))
            .when(comment(&format!("{} {remark}", self.label)))
            .when(dport(self.protocol(), self.port.port))
    }

    fn claim(&self, it: &mut Writer<'_>, address: IpAddr, tag: Tag) {
        let key = Datum::joined([
            Datum::Address(address),
            self.protocol().into(),
            Datum::Port(self.port.port),
        ]);
        it.claim(key, &self.label, tag);
    }
}

fn write_chains(it: &mut Writer<'_>, port: &Port<'_>) {
    let chains = &port.chains;
    for (is_used, name) in [
        (port.uses_external_chain(), &chains.external),
        (port.uses_firewall_chain(), &chains.firewall),
        (port.uses_cluster_chain(), &chains.cluster),
        (port.uses_local_chain(), &chains.local),
    ] {
        if is_used {
            it.chain(In::Nat, Chain::regular(name));
        }
    }
    for endpoint in &port.selected.all {
        let name = endpoint_chain(port.port, endpoint);
        it.chain(In::Nat, Chain::regular(&name));
    }
}

fn write_cluster_ip(it: &mut Writer<'_>, port: &Port<'_>) {
    let address = port.port.cluster_ip;
    let family = it.family();
    let path = port.port.port_path("port");
    let tag = port.tag(it, path, Reason::Address(port.label.clone()));
    port.claim(it, address, tag);
    match port.selected.internal(port.port) {
        Destination::Served => {
            let found = port.to(family, address.into(), "cluster IP");
            let found = found.then(jump(port.internal_chain()));
            it.rule(In::Nat, SERVICES, found, tag);
        }
        nowhere => {
            let policy = "spec.internalTrafficPolicy";
            let start = |remark: &str| port.to(family, address.into(), remark);
            turn_away(it, port, SERVICES, nowhere, policy, start);
        }
    }
}

/// Nobody to send it to: because there is no endpoint at all, or because of the policy named.
fn turn_away(
    it: &mut Writer<'_>,
    port: &Port<'_>,
    chain: &str,
    destination: Destination,
    policy: &'static str,
    start: impl Fn(&str) -> Rule,
) {
    let (path, remark, end) = match destination {
        Destination::Served => return,
        Destination::Reject => ("spec.selector", "has no endpoints", reject()),
        Destination::Drop => (policy, "has no local endpoints", drop_()),
    };
    let tag = port.tag(it, path, Reason::WithoutEndpoints(port.label.clone()));
    it.rule(In::Filter, chain, start(remark).then(end), tag);
}

fn write_external_ips(it: &mut Writer<'_>, port: &Port<'_>) {
    let family = it.family();
    for (idx, address) in port.port.external_ips.iter().enumerate() {
        let path = Path::ExternalIp(idx);
        let tag = port.tag(it, path, Reason::Address(port.label.clone()));
        port.claim(it, *address, tag);
        if port.uses_external_chain() {
            let found = port.to(family, (*address).into(), "external IP");
            let found = found.then(jump(&port.chains.external));
            it.rule(In::Nat, SERVICES, found, tag);
        }
        write_outside_without_endpoints(it, port, *address);
    }
}

fn write_outside_without_endpoints(it: &mut Writer<'_>, port: &Port<'_>, address: IpAddr) {
    let family = it.family();
    let policy = "spec.externalTrafficPolicy";
    let start = |remark: &str| port.to(family, address.into(), remark);
    let destination = port.selected.external(port.port);
    turn_away(it, port, EXTERNAL_SERVICES, destination, policy, start);
}

fn write_load_balancer(it: &mut Writer<'_>, port: &Port<'_>) {
    let family = it.family();
    let chain = match port.uses_firewall_chain() {
        true => &port.chains.firewall,
        false => &port.chains.external,
    };
    for (idx, address) in port.port.load_balancer_vips.iter().enumerate() {
        let path = Path::IngressIp(idx);
        let tag = port.tag(it, path, Reason::Address(port.label.clone()));
        port.claim(it, *address, tag);
        if port.uses_external_chain() {
            let found = port.to(family, (*address).into(), "loadbalancer IP");
            it.rule(In::Nat, SERVICES, found.then(jump(chain)), tag);
        }
        if port.uses_firewall_chain() {
            let reason = Reason::DropUnlisted(port.label.clone());
            let tag = port.tag(it, "spec.loadBalancerSourceRanges", reason);
            let remark = format!("traffic not accepted by {}", port.chains.firewall);
            let left = port.to(family, (*address).into(), &remark).then(drop_());
            it.rule(In::Filter, PROXY_FIREWALL, left, tag);
        }
        write_outside_without_endpoints(it, port, *address);
    }
}

fn write_node_port(it: &mut Writer<'_>, port: &Port<'_>) {
    let Some(number) = port.port.node_port else {
        return;
    };
    let of = port.protocol();
    let path = port.port.port_path("nodePort");
    let tag = port.tag(it, path, Reason::Address(port.label.clone()));
    let key = Datum::joined([of.into(), Datum::Port(number)]);
    it.claim(key, &port.label, tag);
    if port.uses_external_chain() {
        if it.has_localhost_node_ports() && it.settings().accounting {
            let counted = rule()
                .when(is(daddr(Family::V4), Datum::Range(localnet())))
                .when(protocol(of))
                .when(comment(&port.label))
                .when(dport(of, number))
                .when(account(ACCEPTED_ON_LOCALHOST))
                .then(jump(&port.chains.external));
            it.rule(In::Nat, NODE_PORTS, counted, tag);
        }
        let found = rule()
            .when(protocol(of))
            .when(comment(&port.label))
            .when(dport(of, number))
            .then(jump(&port.chains.external));
        it.rule(In::Nat, NODE_PORTS, found, tag);
    }
    let policy = "spec.externalTrafficPolicy";
    let destination = port.selected.external(port.port);
    turn_away(it, port, EXTERNAL_SERVICES, destination, policy, |remark| {
        rule()
            .when(protocol(of))
            .when(comment(&format!("{} {remark}", port.label)))
            .when(daddr_is_local())
            .when(dport(of, number))
    });
}

/// The port where the load balancer asks whether this node has endpoints must not be closed.
fn write_health_check(it: &mut Writer<'_>, port: &Port<'_>) {
    let Some(number) = port.port.health_check_node_port() else {
        return;
    };
    let reason = Reason::HealthCheck(port.label.clone());
    let tag = port.tag(it, "spec.healthCheckNodePort", reason);
    let open = rule()
        .when(protocol(Protocol::Tcp))
        .when(comment(&format!("{} health check node port", port.label)))
        .when(dport(Protocol::Tcp, number))
        .then(accept());
    it.rule(In::Filter, NODE_PORTS, open, tag);
}

/// ClusterIP traffic that does not come from a local pod is marked for masquerade.
fn write_internal_mark(it: &mut Writer<'_>, port: &Port<'_>) {
    if port.selected.internal(port.port) != Destination::Served {
        return;
    }
    let family = it.family();
    let to_cluster_ip = port.to(family, port.port.cluster_ip.into(), "cluster IP");
    let (marked, reason) = if it.settings().masquerade_all {
        (to_cluster_ip, Reason::MarkAll)
    } else if let Some(detector) = &it.snapshot.settings.detector {
        let from_elsewhere = to_cluster_ip.when(detector.not_local(family));
        (from_elsewhere, Reason::MarkFromOutside)
    } else {
        return;
    };
    let tag = port.tag(it, "spec.clusterIP", reason);
    let chain = port.internal_chain();
    it.rule(In::Nat, chain, marked.then(jump(MARK_MASQ)), tag);
}

fn write_external_chain(it: &mut Writer<'_>, port: &Port<'_>) {
    if !port.uses_external_chain() {
        return;
    }
    let chain = &port.chains.external;
    let policy = "spec.externalTrafficPolicy";
    let remark = |before: &str| {
        let label = &port.label;
        comment(&format!(
            "{before} traffic for {label} external destinations"
        ))
    };
    if !port.port.external_policy_is_local {
        let tag = port.tag(it, policy, Reason::External(port.label.clone()));
        let mark = rule().when(remark("masquerade")).then(jump(MARK_MASQ));
        it.rule(In::Nat, chain, mark, tag);
        let tag = port.tag(it, policy, Reason::ExternalGoesOn);
        let on = rule().then(jump(&port.chains.cluster));
        it.rule(In::Nat, chain, on, tag);
        return;
    }
    if port.uses_cluster_chain() {
        let tag = port.tag(it, policy, Reason::ShortCircuit(port.label.clone()));
        if let Some(detector) = &it.snapshot.settings.detector {
            let from_pod = rule()
                .when(detector.local(it.family()))
                .when(remark("pod"))
                .then(jump(&port.chains.cluster));
            it.rule(In::Nat, chain, from_pod, tag);
        }
        for (before, target) in [
            ("masquerade LOCAL", MARK_MASQ),
            ("route LOCAL", &*port.chains.cluster),
        ] {
            let from_node = rule()
                .when(remark(before))
                .when(saddr_is_local())
                .then(jump(target));
            it.rule(In::Nat, chain, from_node, tag);
        }
    }
    if port.uses_local_chain() {
        let tag = port.tag(it, policy, Reason::LocalOnly);
        let on = rule().then(jump(&port.chains.local));
        it.rule(In::Nat, chain, on, tag);
    }
}

fn write_firewall_chain(it: &mut Writer<'_>, port: &Port<'_>) {
    if !port.uses_firewall_chain() {
        return;
    }
    let family = it.family();
    let chain = &port.chains.firewall;
    let ranges = &port.port.source_ranges;
    let path = "spec.loadBalancerSourceRanges";
    let tag = port.tag(it, path, Reason::SourceRanges(port.label.clone()));
    let allows = |ip: &IpAddr| ranges.iter().any(|it| it.contains(ip));
    let mut sources: Vec<Datum> = ranges.iter().map(|it| Datum::Range(*it)).collect();
    // Some load balancers send the node's own traffic back with their address as its source.
    if it.snapshot.node.primary_ips.iter().any(allows) {
        let vips = port.port.load_balancer_vips.iter();
        sources.extend(vips.map(|it| Datum::Address(*it)));
    }
    for source in sources {
        let allowed = rule()
            .when(is(saddr(family), source))
            .when(comment(&format!("{} loadbalancer IP", port.label)))
            .then(jump(&port.chains.external));
        it.rule(In::Nat, chain, allowed, tag);
    }
    let tag = port.tag(it, path, Reason::DropUnlisted(port.label.clone()));
    let rest = format!(
        "other traffic to {} will be dropped by {PROXY_FIREWALL}",
        port.label
    );
    it.rule(In::Nat, chain, rule().when(comment(&rest)), tag);
}

/// The chains that choose an endpoint.
fn write_choices(it: &mut Writer<'_>, port: &Port<'_>) {
    if port.uses_cluster_chain() {
        write_choice(it, port, &port.chains.cluster, &port.selected.cluster);
    }
    if port.uses_local_chain() {
        write_choice(it, port, &port.chains.local, &port.selected.local);
    }
}

fn write_choice(it: &mut Writer<'_>, port: &Port<'_>, chain: &str, endpoints: &[Arc<Endpoint>]) {
    let remark = |it: &Writer<'_>, endpoint: &Endpoint| {
        let text = format!("{} -> {}", port.label, endpoint.to());
        (it.state.remarks == Remarks::Everywhere).then(|| comment(&text))
    };
    if let Some(timeout) = port.port.affinity {
        for endpoint in endpoints {
            let reason = Reason::KeepAffinity(endpoint.to());
            let tag = port.tag(it, "spec.sessionAffinity", reason);
            let name = endpoint_chain(port.port, endpoint);
            let back = starting_with(remark(it, endpoint))
                .when(recent_check(&name, timeout, it.family()))
                .then(jump(&name));
            it.rule(In::Nat, chain, back, tag);
        }
    }
    for (idx, endpoint) in endpoints.iter().enumerate() {
        let n_left = endpoints.len() - idx;
        let drawn = Reason::Draw {
            target: endpoint.to(),
            one_in: n_left,
        };
        let tag = it.origins.of_endpoint(endpoint, drawn);
        let mut drawn = starting_with(remark(it, endpoint));
        if n_left > 1 {
            drawn = drawn.when(one_in(n_left));
        }
        let name = endpoint_chain(port.port, endpoint);
        it.rule(In::Nat, chain, drawn.then(jump(&name)), tag);
    }
}

fn starting_with(remark: Option<Statement>) -> Rule {
    remark.into_iter().fold(rule(), Rule::when)
}

fn write_endpoint_chains(it: &mut Writer<'_>, port: &Port<'_>) {
    let family = it.family();
    let remark = (it.state.remarks == Remarks::Everywhere).then(|| comment(&port.label));
    for endpoint in &port.selected.all {
        let chain = endpoint_chain(port.port, endpoint);
        let tag = it.origins.of_endpoint(endpoint, Reason::MarkHairpin);
        let from_itself = rule().when(is(saddr(family), endpoint.address.into()));
        let hairpin = remark.clone().into_iter().fold(from_itself, Rule::when);
        it.rule(In::Nat, &chain, hairpin.then(jump(MARK_MASQ)), tag);
        let path = port.port.port_path("targetPort");
        let tag = port.tag(it, path, Reason::RewriteTo(endpoint.to()));
        let of_protocol = rule().when(protocol(port.protocol()));
        let mut rewrite = remark.clone().into_iter().fold(of_protocol, Rule::when);
        if port.port.affinity.is_some() {
            rewrite = rewrite.when(recent_set(&chain, family));
        }
        let rewrite = rewrite
            .when(any_dport(port.protocol()))
            .then(dnat(endpoint.address, endpoint.port));
        it.rule(In::Nat, &chain, rewrite, tag);
    }
}
