//! What each service port adds: elements, chains and rules.
//!
//! `syncProxyRules`, `writeServiceToEndpointRules` of `pkg/proxy/nftables/proxier.go`.

use super::names::{NAMES, endpoint_base};
use super::structure::{address_type, noted};
use super::{Form, Writer, address_key, node_port_key};
use crate::api::{Kind, ObjectRef};
use crate::ip::{Cidr, IpAddr};
use crate::netfilter::words::{
    daddr, dnat, dnat_by_chance, drop_, goto, is, is_in, is_none_of, jump, protocol, saddr,
    saddr_is_local, set_mark_bits, update, vmap_by_chance,
};
use crate::netfilter::{Chain, Datum, Element, Name, Rule, Set, SetFlag, Tag, Verdict, rule};
use crate::proxy::{Destination, Endpoint, Path, Reason, Selected, ServicePort};
use std::sync::Arc;

/// One service port being written.
struct Port<'a> {
    port: &'a ServicePort,
    selected: &'a Selected,
    object: Arc<ObjectRef>,
    label: Name,
    cluster_chain: String,
    local_chain: String,
    external_chain: String,
    firewall_chain: String,
}

/// Writes a service port, whose chains have names that are made of `base`.
pub(super) fn write(it: &mut Writer<'_>, port: &ServicePort, base: &str, selected: &Selected) {
    let metadata = &port.service.metadata;
    let of_service = ObjectRef::new(Kind::Service, &metadata.namespace, &metadata.name);
    let port = Port {
        port,
        selected,
        object: Arc::new(of_service),
        label: port.to_string().into(),
        cluster_chain: format!("service-{base}"),
        local_chain: format!("local-{base}"),
        external_chain: format!("external-{base}"),
        firewall_chain: format!("firewall-{base}"),
    };
    write_affinity_sets(it, &port);
    write_chains(it, &port);
    write_cluster_ip(it, &port);
    write_external_addresses(it, &port);
    write_node_port(it, &port);
    write_firewall(it, &port);
    write_external_chain(it, &port);
    write_choices(it, &port);
    write_endpoint_chains(it, &port);
    write_hairpin_pairs(it, &port);
}

impl Port<'_> {
    fn tag(&self, it: &mut Writer<'_>, path: impl Into<Path>, reason: Reason) -> Tag {
        it.origins.because_of(&self.object, path, reason)
    }

    fn has_firewall(&self) -> bool {
        !self.port.source_ranges.is_empty() && !self.port.load_balancer_vips.is_empty()
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

    fn internal_chain(&self) -> &str {
        if self.port.internal_policy_is_local {
            &self.local_chain
        } else {
            &self.cluster_chain
        }
    }

    /// Whether every endpoint that is used has a chain of its own.
    fn has_endpoint_chains(&self, form: Form) -> bool {
        form == Form::G2 || self.port.affinity.is_some()
    }
}

fn write_affinity_sets(it: &mut Writer<'_>, port: &Port<'_>) {
    let Some(timeout) = port.port.affinity else {
        return;
    };
    let address = address_type(it.family());
    for endpoint in &port.selected.all {
        let mut set = Set::new(&affinity_set(port, endpoint), address);
        set.flags = vec![SetFlag::Dynamic, SetFlag::Timeout];
        set.timeout = Some(timeout);
        it.set(set);
    }
}

fn write_chains(it: &mut Writer<'_>, port: &Port<'_>) {
    if port.has_firewall() {
        it.chain(Chain::regular(&port.firewall_chain));
    }
    if port.uses_cluster_chain() {
        it.chain(Chain::regular(&port.cluster_chain));
    }
    if port.uses_local_chain() {
        it.chain(Chain::regular(&port.local_chain));
    }
    if port.uses_external_chain() {
        it.chain(Chain::regular(&port.external_chain));
    }
    if port.has_endpoint_chains(it.form()) {
        for endpoint in &port.selected.all {
            it.chain(Chain::regular(&endpoint_chain(port, endpoint)));
        }
    }
}

fn write_cluster_ip(it: &mut Writer<'_>, port: &Port<'_>) {
    let address = port.port.cluster_ip;
    let tag = port.tag(it, "spec.clusterIP", Reason::ClusterIp(port.label.clone()));
    it.element(NAMES.cluster_ips, Element::key(address.into()), tag);
    let key = address_key(address, port.port);
    match port.selected.internal(port.port) {
        Destination::Served => {
            let path = port.port.port_path("port");
            let tag = port.tag(it, path, Reason::Address(port.label.clone()));
            let verdict = Verdict::Goto(port.internal_chain().into());
            it.element(NAMES.service_ips, Element::verdict(key, verdict), tag);
        }
        other => {
            let policy = "spec.internalTrafficPolicy";
            without_endpoints(it, port, NAMES.no_endpoint_services, key, other, policy);
        }
    }
}

/// Nobody to send it to: because there is no endpoint at all, or because of the policy named.
fn without_endpoints(
    it: &mut Writer<'_>,
    port: &Port<'_>,
    map: &str,
    key: Datum,
    destination: Destination,
    policy: &'static str,
) {
    let drops = destination == Destination::Drop;
    let path = if drops { policy } else { "spec.selector" };
    let tag = port.tag(it, path, Reason::WithoutEndpoints(port.label.clone()));
    let verdict = if drops {
        Verdict::Drop
    } else {
        Verdict::Goto(NAMES.reject_chain.into())
    };
    it.element(
        map,
        Element::verdict(key, verdict).commented(&port.label),
        tag,
    );
}

fn write_external_addresses(it: &mut Writer<'_>, port: &Port<'_>) {
    let external = port
        .port
        .external_ips
        .iter()
        .enumerate()
        .map(|(idx, ip)| (*ip, Path::ExternalIp(idx)));
    let vips = port
        .port
        .load_balancer_vips
        .iter()
        .enumerate()
        .map(|(idx, ip)| (*ip, Path::IngressIp(idx)));
    for (address, path) in external.chain(vips) {
        let key = address_key(address, port.port);
        if port.selected.has_endpoints {
            let tag = port.tag(it, path, Reason::Address(port.label.clone()));
            let verdict = Verdict::Goto(port.external_chain.as_str().into());
            it.element(
                NAMES.service_ips,
                Element::verdict(key.clone(), verdict),
                tag,
            );
        }
        match port.selected.external(port.port) {
            Destination::Served => {}
            other => without_endpoints(
                it,
                port,
                NAMES.no_endpoint_services,
                key,
                other,
                "spec.externalTrafficPolicy",
            ),
        }
    }
}

fn write_node_port(it: &mut Writer<'_>, port: &Port<'_>) {
    let Some(number) = port.port.node_port else {
        return;
    };
    let key = node_port_key(number, port.port);
    if port.selected.has_endpoints {
        let path = port.port.port_path("nodePort");
        let tag = port.tag(it, path, Reason::Address(port.label.clone()));
        let verdict = Verdict::Goto(port.external_chain.as_str().into());
        it.element(
            NAMES.service_nodeports,
            Element::verdict(key.clone(), verdict),
            tag,
        );
    }
    match port.selected.external(port.port) {
        Destination::Served => {}
        other => without_endpoints(
            it,
            port,
            NAMES.no_endpoint_nodeports,
            key,
            other,
            "spec.externalTrafficPolicy",
        ),
    }
}

fn write_firewall(it: &mut Writer<'_>, port: &Port<'_>) {
    if !port.has_firewall() {
        return;
    }
    let reason = Reason::SourceRanges(port.label.clone());
    let tag = port.tag(it, "spec.loadBalancerSourceRanges", reason);
    for address in &port.port.load_balancer_vips {
        let verdict = Verdict::Goto(port.firewall_chain.as_str().into());
        it.element(
            NAMES.firewall_ips,
            Element::verdict(address_key(*address, port.port), verdict),
            tag,
        );
    }
    let sources = allowed_sources(it, port);
    it.rule(
        &port.firewall_chain,
        rule()
            .when(is_none_of(saddr(it.family()), sources))
            .then(drop_()),
        tag,
    );
}

/// The source ranges; and, if the node itself may use the load balancer, the load balancer's own
/// addresses, since some send traffic back with such a source.
fn allowed_sources(it: &Writer<'_>, port: &Port<'_>) -> Vec<Datum> {
    let ranges: &[Cidr] = &port.port.source_ranges;
    let mut sources: Vec<Datum> = ranges.iter().map(|it| Datum::Range(*it)).collect();
    let allows_node = |ip: &IpAddr| ranges.iter().any(|it| it.contains(ip));
    if it.snapshot.node.primary_ips.iter().any(allows_node) {
        let vips = port.port.load_balancer_vips.iter();
        sources.extend(vips.map(|it| Datum::Address(*it)));
    }
    sources
}

/// Setting the masquerade mark: a jump up to 1.35, in place since.
fn marking(it: &Writer<'_>, start: Rule) -> Rule {
    if it.form() == Form::G2 {
        start.then(jump(NAMES.mark_for_masquerade))
    } else {
        start.then(set_mark_bits(it.snapshot.settings.masquerade_mark))
    }
}

fn write_external_chain(it: &mut Writer<'_>, port: &Port<'_>) {
    if !port.uses_external_chain() {
        return;
    }
    let chain = &port.external_chain;
    let policy = "spec.externalTrafficPolicy";
    if !port.port.external_policy_is_local {
        let tag = port.tag(it, policy, Reason::External(port.label.clone()));
        let mut mark = marking(it, rule());
        if it.form() >= Form::G3 {
            mark = mark.because(noted("masquerade"));
        }
        it.rule(chain, mark, tag);
        let tag = port.tag(it, policy, Reason::ExternalGoesOn);
        it.rule(chain, rule().then(goto(&port.cluster_chain)), tag);
        return;
    }
    let tag = port.tag(it, policy, Reason::ShortCircuit(port.label.clone()));
    let family = it.family();
    if port.uses_cluster_chain() {
        if let Some(detector) = &it.snapshot.settings.detector {
            let from_pod = rule()
                .when(detector.local(family))
                .then(goto(&port.cluster_chain))
                .because(noted("short-circuit pod traffic"));
            it.rule(chain, from_pod, tag);
        }
        let mark = marking(it, rule().when(saddr_is_local()));
        it.rule(chain, mark.because(noted("masquerade local traffic")), tag);
        let from_node = rule()
            .when(saddr_is_local())
            .then(goto(&port.cluster_chain))
            .because(noted("short-circuit local traffic"));
        it.rule(chain, from_node, tag);
    }
    if port.uses_local_chain() {
        let tag = port.tag(it, policy, Reason::LocalOnly);
        it.rule(chain, rule().then(goto(&port.local_chain)), tag);
    }
}

/// The chains that choose an endpoint.
fn write_choices(it: &mut Writer<'_>, port: &Port<'_>) {
    if port.uses_cluster_chain() {
        write_choice(it, port, &port.cluster_chain, &port.selected.cluster);
    }
    if port.uses_local_chain() {
        write_choice(it, port, &port.local_chain, &port.selected.local);
    }
}

fn write_choice(it: &mut Writer<'_>, port: &Port<'_>, chain: &str, endpoints: &[Arc<Endpoint>]) {
    if it.form() == Form::G2 && chain == port.internal_chain() {
        write_cluster_ip_mark(it, port, chain);
    }
    if port.port.affinity.is_some() {
        for endpoint in endpoints {
            let reason = Reason::KeepAffinity(endpoint.to());
            let tag = port.tag(it, "spec.sessionAffinity", reason);
            let back = rule()
                .when(is_in(saddr(it.family()), &affinity_set(port, endpoint)))
                .then(goto(&endpoint_chain(port, endpoint)));
            it.rule(chain, back, tag);
        }
    }
    let reason = Reason::ChooseEndpoint {
        service_port: port.label.clone(),
        n_endpoints: endpoints.len(),
    };
    let tag = port.tag(it, "spec.selector", reason);
    let number = |idx: usize| Datum::Number(u32::try_from(idx).unwrap_or(u32::MAX));
    if port.has_endpoint_chains(it.form()) {
        let mut branches = Vec::new();
        for (idx, endpoint) in endpoints.iter().enumerate() {
            let verdict = Verdict::Goto(endpoint_chain(port, endpoint).into());
            let tag = endpoint_tag(it, endpoint);
            branches.push(Element::verdict(number(idx), verdict).tagged(tag));
        }
        it.rule(chain, rule().then(vmap_by_chance(branches)), tag);
        return;
    }
    let of_protocol = rule().when(protocol(port.port.protocol));
    if let (Form::G4, [only]) = (it.form(), endpoints) {
        it.rule(chain, of_protocol.then(dnat(only.address, only.port)), tag);
        return;
    }
    let mut branches = Vec::new();
    for (idx, endpoint) in endpoints.iter().enumerate() {
        let to = Datum::joined([endpoint.address.into(), Datum::Port(endpoint.port)]);
        let tag = endpoint_tag(it, endpoint);
        branches.push(Element::data(number(idx), to).tagged(tag));
    }
    it.rule(chain, of_protocol.then(dnat_by_chance(branches)), tag);
}

/// Up to 1.35 every Service's own chain marks its ClusterIP traffic from outside the pod range.
fn write_cluster_ip_mark(it: &mut Writer<'_>, port: &Port<'_>, chain: &str) {
    let settings = &it.snapshot.settings;
    let to_cluster_ip = is(daddr(it.family()), port.port.cluster_ip.into());
    let (start, reason) = match (&settings.detector, settings.masquerade_all) {
        (_, true) => (rule().when(to_cluster_ip), Reason::MarkAll),
        (Some(detector), false) => (
            rule()
                .when(to_cluster_ip)
                .when(detector.not_local(it.family())),
            Reason::MarkFromOutside,
        ),
        (None, false) => return,
    };
    let tag = port.tag(it, "spec.clusterIP", reason);
    it.rule(chain, start.then(jump(NAMES.mark_for_masquerade)), tag);
}

fn write_endpoint_chains(it: &mut Writer<'_>, port: &Port<'_>) {
    if !port.has_endpoint_chains(it.form()) {
        return;
    }
    for endpoint in &port.selected.all {
        let chain = endpoint_chain(port, endpoint);
        let tag = endpoint_tag(it, endpoint);
        if it.form() == Form::G2 {
            let from_itself = is(saddr(it.family()), endpoint.address.into());
            let hairpin = rule()
                .when(from_itself)
                .then(jump(NAMES.mark_for_masquerade));
            it.rule(&chain, hairpin, tag);
        }
        if port.port.affinity.is_some() {
            let tag = port.tag(it, "spec.sessionAffinity", Reason::RememberClient);
            let remember = update(&affinity_set(port, endpoint), saddr(it.family()));
            it.rule(&chain, rule().then(remember), tag);
        }
        let reason = Reason::RewriteTo(endpoint.to());
        let path = port.port.port_path("targetPort");
        let tag = port.tag(it, path, reason);
        let rewrite = rule()
            .when(protocol(port.port.protocol))
            .then(dnat(endpoint.address, endpoint.port));
        it.rule(&chain, rewrite, tag);
    }
}

/// From 1.36, pods of this node that can reach themselves stand in one set.
fn write_hairpin_pairs(it: &mut Writer<'_>, port: &Port<'_>) {
    if it.form() == Form::G2 {
        return;
    }
    for endpoint in port.selected.all.iter().filter(|it| it.local) {
        let tag = it
            .origins
            .of_endpoint(endpoint, Reason::HairpinPair(endpoint.to()));
        let key = Datum::joined([
            endpoint.address.into(),
            endpoint.address.into(),
            port.port.protocol.into(),
            Datum::Port(endpoint.port),
        ]);
        it.element(NAMES.hairpin_connections, Element::key(key), tag);
    }
}

fn endpoint_tag(it: &mut Writer<'_>, endpoint: &Endpoint) -> Tag {
    it.origins
        .of_endpoint(endpoint, Reason::Endpoint(endpoint.to()))
}

fn endpoint_chain(port: &Port<'_>, endpoint: &Endpoint) -> String {
    format!("endpoint-{}", endpoint_base(port.port, endpoint))
}

fn affinity_set(port: &Port<'_>, endpoint: &Endpoint) -> String {
    format!("affinity-{}", endpoint_base(port.port, endpoint))
}
