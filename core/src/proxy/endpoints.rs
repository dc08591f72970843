//! Endpoints of a service port: which there are, and which are used on this node.
//!
//! `pkg/proxy/endpointslicecache.go` and `topology.go` of Kubernetes 1.36.
//!
//! **Left out**: nothing that decides about a rule.

use super::{NodeFacts, ServicePort};
use crate::api::{EndpointSlice, Kind, ObjectRef};
use crate::ip::{Family, IpAddr, join_host_port, parse_sloppy};
use crate::net::Protocol;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

/// An endpoint as kube-proxy sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Its address.
    pub address: IpAddr,
    /// Its port.
    pub port: u16,
    /// It should get traffic.
    pub ready: bool,
    /// It can serve.
    pub serving: bool,
    /// It is going away.
    pub terminating: bool,
    /// It runs on this node.
    pub local: bool,
    /// Zones whose clients had best use it.
    pub zone_hints: Vec<String>,
    /// Nodes whose clients had best use it.
    pub node_hints: Vec<String>,
    /// The slice it stands in.
    pub slice: Arc<ObjectRef>,
    /// Its place in the slice.
    pub idx: usize,
    /// What it is, usually a pod.
    pub target: Option<Arc<ObjectRef>>,
}

impl Endpoint {
    /// Its address and port.
    #[must_use]
    pub const fn to(&self) -> SocketAddr {
        SocketAddr::new(self.address, self.port)
    }
}

/// What becomes of traffic to a destination that has no usable endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Destination {
    /// There are endpoints: the rules lead to them.
    Served,
    /// There are none at all: refuse.
    Reject,
    /// There are some, but the policy is Local and none is on this node: drop.
    Drop,
}

/// The endpoints one node uses for a service port.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selected {
    /// For policy Cluster.
    pub cluster: Vec<Arc<Endpoint>>,
    /// For policy Local.
    pub local: Vec<Arc<Endpoint>>,
    /// All that are used at all.
    pub all: Vec<Arc<Endpoint>>,
    /// Whether there is any endpoint anywhere.
    pub has_endpoints: bool,
}

/// EndpointSlices of one family, by the Service they belong to.
#[derive(Clone, Debug, Default)]
pub struct SlicesByService(BTreeMap<(String, String), Vec<Arc<EndpointSlice>>>);

impl SlicesByService {
    /// Sorts slices by Service; those of the other family are left out.
    #[must_use]
    pub fn new(slices: &[Arc<EndpointSlice>], family: Family) -> Self {
        let wanted = family.to_string();
        let mut by_service: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for slice in slices.iter().filter(|it| it.address_type == wanted) {
            if let Some(service) = slice.service_name() {
                let key = (slice.metadata.namespace.clone(), service.to_owned());
                by_service.entry(key).or_default().push(slice.clone());
            }
        }
        SlicesByService(by_service)
    }
}

/// All endpoints of a service port, in kube-proxy's order: by `ip:port` as text, byte by byte.
#[must_use]
pub fn endpoints_of(
    port: &ServicePort,
    slices: &SlicesByService,
    node: &NodeFacts,
) -> Vec<Arc<Endpoint>> {
    let mut found: BTreeMap<String, Arc<Endpoint>> = BTreeMap::new();
    let metadata = &port.service.metadata;
    let key = (metadata.namespace.clone(), metadata.name.clone());
    for slice in slices.0.get(&key).into_iter().flatten() {
        let metadata = &slice.metadata;
        let of_slice = ObjectRef::new(Kind::EndpointSlice, &metadata.namespace, &metadata.name);
        let of_slice = Arc::new(of_slice);
        for number in ports_named(slice, &port.port_name, port.protocol) {
            for (idx, endpoint) in slice.endpoints.iter().enumerate() {
                let Some(mut read) = read_endpoint((slice, &of_slice), (idx, endpoint), number)
                else {
                    continue;
                };
                read.local = endpoint.node_name.as_deref() == Some(&node.name);
                let key = join_host_port(read.address, read.port);
                let replaces = found.get(&key).is_none_or(|it| !it.local && read.local);
                if replaces {
                    found.insert(key, Arc::new(read));
                }
            }
        }
    }
    found.into_values().collect()
}

pub(super) fn ports_named<'a>(
    slice: &'a EndpointSlice,
    name: &'a str,
    protocol: Protocol,
) -> impl Iterator<Item = u16> + 'a {
    slice.ports.iter().filter_map(move |it| {
        let is_mine = it.name.as_deref() == Some(name)
            && Protocol::from_name(it.protocol.as_deref().unwrap_or("TCP")) == Some(protocol);
        let number = u16::try_from(it.port?).ok().filter(|it| *it != 0)?;
        is_mine.then_some(number)
    })
}

/// An endpoint as it is seen from another node.
pub(super) fn read_endpoint(
    (slice, of_slice): (&EndpointSlice, &Arc<ObjectRef>),
    (idx, endpoint): (usize, &crate::api::Endpoint),
    port: u16,
) -> Option<Endpoint> {
    let hints = endpoint.hints.clone().unwrap_or_default();
    let names = |hints: Vec<crate::api::HintFor>| hints.into_iter().map(|it| it.name).collect();
    let target = endpoint.target_ref.as_ref().and_then(|it| {
        (it.kind.as_deref() == Some("Pod")).then(|| {
            let namespace = it.namespace.as_deref();
            let namespace = namespace.unwrap_or(&slice.metadata.namespace);
            let name = it.name.as_deref().unwrap_or_default();
            Arc::new(ObjectRef::new(Kind::Pod, namespace, name))
        })
    });
    Some(Endpoint {
        address: parse_sloppy(endpoint.addresses.first()?)?,
        port,
        ready: endpoint.conditions.is_ready(),
        serving: endpoint.conditions.is_serving(),
        terminating: endpoint.conditions.is_terminating(),
        local: false,
        zone_hints: names(hints.for_zones),
        node_hints: names(hints.for_nodes),
        slice: of_slice.clone(),
        idx,
        target,
    })
}

/// The endpoints a node uses (`CategorizeEndpoints`).
#[must_use]
pub fn select(port: &ServicePort, endpoints: &[Arc<Endpoint>], node: &NodeFacts) -> Selected {
    if endpoints.is_empty() {
        return Selected::default();
    }
    let accessible = port.is_reachable_from_outside();
    let uses_cluster = !port.internal_policy_is_local || accessible;
    let uses_local = port.internal_policy_is_local || (port.external_policy_is_local && accessible);
    let mut selected = Selected::default();
    if uses_cluster {
        let allowed = topology(endpoints, node);
        selected.cluster = or_else_terminating(endpoints, |it| it.ready && allowed(it), |_| true);
        selected.has_endpoints = !selected.cluster.is_empty();
    }
    if !uses_local {
        selected.all = selected.cluster.clone();
        return selected;
    }
    selected.local = or_else_terminating(endpoints, |it| it.ready && it.local, |it| it.local);
    selected.has_endpoints |= endpoints
        .iter()
        .any(|it| it.ready || (it.serving && it.terminating));
    // Both have the order of all of them.
    let is_next = |list: &mut std::slice::Iter<'_, Arc<Endpoint>>, it: &Arc<Endpoint>| {
        let is = list
            .as_slice()
            .first()
            .is_some_and(|next| Arc::ptr_eq(next, it));
        is && list.next().is_some()
    };
    let (mut local, mut cluster) = (selected.local.iter(), selected.cluster.iter());
    let is_used = |it: &&Arc<Endpoint>| is_next(&mut local, it) | is_next(&mut cluster, it);
    selected.all = endpoints.iter().filter(is_used).cloned().collect();
    selected
}

/// Those that are usable, or, if none is, those that still serve while they terminate.
fn or_else_terminating(
    endpoints: &[Arc<Endpoint>],
    usable: impl Fn(&Endpoint) -> bool,
    fallback: impl Fn(&Endpoint) -> bool,
) -> Vec<Arc<Endpoint>> {
    let chosen: Vec<_> = endpoints.iter().filter(|it| usable(it)).cloned().collect();
    if !chosen.is_empty() {
        return chosen;
    }
    endpoints
        .iter()
        .filter(|it| it.serving && it.terminating && fallback(it))
        .cloned()
        .collect()
}

/// Whether the hints allow an endpoint on this node. Hints are obeyed only if every ready endpoint
/// has one and at least one points here.
fn topology<'a>(
    endpoints: &'a [Arc<Endpoint>],
    node: &'a NodeFacts,
) -> impl Fn(&Endpoint) -> bool + 'a {
    let ready = || endpoints.iter().filter(|it| it.ready);
    let hints_at = |hints: &[String], place: &str| hints.iter().any(|it| it == place);
    let by_node = ready().all(|it| !it.node_hints.is_empty())
        && ready().any(|it| hints_at(&it.node_hints, &node.name));
    let zone = node.zone.clone().filter(|zone| {
        ready().all(|it| !it.zone_hints.is_empty())
            && ready().any(|it| hints_at(&it.zone_hints, zone))
    });
    move |it| match &zone {
        _ if by_node => hints_at(&it.node_hints, &node.name),
        Some(zone) => hints_at(&it.zone_hints, zone),
        None => true,
    }
}

impl Selected {
    /// What becomes of traffic to the ClusterIP.
    #[must_use]
    pub fn internal(&self, port: &ServicePort) -> Destination {
        self.destination(port.internal_policy_is_local)
    }

    /// What becomes of traffic from outside.
    #[must_use]
    pub fn external(&self, port: &ServicePort) -> Destination {
        self.destination(port.external_policy_is_local)
    }

    fn destination(&self, policy_is_local: bool) -> Destination {
        match (self.has_endpoints, policy_is_local && self.local.is_empty()) {
            (false, _) => Destination::Reject,
            (true, true) => Destination::Drop,
            (true, false) => Destination::Served,
        }
    }
}
