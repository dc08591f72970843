//! What all nodes' kube-proxies have in common: the service ports of a family, and the endpoints of each.
//!
//! Nodes see the same Services and slices, and an edit changes few of them, so they are read once for all nodes, and taken
//! over from before where they are the same.
//!
//! **Left out**: which endpoints a node uses; that is [`super::select`]'s part.

use super::endpoints::{ports_named, read_endpoint};
use super::{Endpoint, NodeFacts, ServicePort, Snapshot, nftables, service_ports};
use crate::api::{EndpointSlice, Kind, ObjectRef, Service};
use crate::ip::{Family, join_host_port};
use crate::sorted::{insert_by, sort_by};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The service ports of a family, with all endpoints.
#[derive(Clone, Debug, Default)]
pub struct Served {
    services: Vec<Arc<ServedService>>,
}

/// A Service's ports, and what they were read from.
#[derive(Debug)]
struct ServedService {
    service: Arc<Service>,
    slices: Vec<Arc<EndpointSlice>>,
    ports: Vec<ServedPort>,
}

/// A service port, with all endpoints.
#[derive(Debug)]
pub struct ServedPort {
    /// The service port.
    pub port: ServicePort,
    /// What the names of its chains are made of in nftables mode.
    pub(super) base: String,
    /// Its endpoints by `ip:port` as text, in the order of their slices where that is the same.
    found: Vec<Found>,
}

/// An endpoint, as its own node sees it and as others do.
#[derive(Debug)]
struct Found {
    key: String,
    node: Option<String>,
    here: Arc<Endpoint>,
    elsewhere: Arc<Endpoint>,
}

type Slices<'a> = BTreeMap<(&'a str, &'a str), Vec<&'a Arc<EndpointSlice>>>;

impl Served {
    /// What a snapshot's Services and slices come to.
    #[must_use]
    pub fn of(snapshot: &Snapshot) -> Served {
        let (services, slices) = (&snapshot.services, &snapshot.endpoint_slices);
        Served::again(services, slices, snapshot.family, None)
    }

    /// The same of Services and slices, some of which may have been there before.
    #[must_use]
    pub fn again<'a>(
        services: impl IntoIterator<Item = &'a Arc<Service>>,
        slices: impl IntoIterator<Item = &'a Arc<EndpointSlice>>,
        family: Family,
        before: Option<&Served>,
    ) -> Served {
        let wanted = family.to_string();
        let mut by_service = Slices::new();
        for slice in slices.into_iter().filter(|it| it.address_type == wanted) {
            if let Some(service) = slice.service_name() {
                let key = (slice.metadata.namespace.as_str(), service);
                by_service.entry(key).or_default().push(slice);
            }
        }
        let mut known = before.map_or(&[][..], |it| &it.services).iter().peekable();
        let mut served = Vec::new();
        for service in services {
            let key = name_of(service);
            while known.next_if(|it| name_of(&it.service) < key).is_some() {}
            let slices = by_service.get(&key).map_or(&[][..], Vec::as_slice);
            let same = known.peek().filter(|it| it.is_of(service, slices));
            served.push(match same {
                Some(same) => Arc::clone(same),
                None => Arc::new(ServedService::read(service, slices, family)),
            });
        }
        if !served.is_sorted_by_key(|it| name_of(&it.service)) {
            sort_by(&mut served, |a, b| {
                name_of(&a.service).cmp(&name_of(&b.service))
            });
        }
        Served { services: served }
    }

    /// All service ports, by namespace, name, and port.
    pub fn ports(&self) -> impl Iterator<Item = &ServedPort> {
        self.services.iter().flat_map(|it| &it.ports)
    }
}

fn name_of(service: &Service) -> (&str, &str) {
    (&service.metadata.namespace, &service.metadata.name)
}

impl ServedService {
    fn read(service: &Arc<Service>, slices: &[&Arc<EndpointSlice>], family: Family) -> Self {
        let ports = service_ports(std::slice::from_ref(service), family).into_iter();
        let ports = ports.map(|port| ServedPort {
            base: nftables::service_base(&port),
            found: found(&port, slices),
            port,
        });
        ServedService {
            service: service.clone(),
            slices: slices.iter().copied().cloned().collect(),
            ports: ports.collect(),
        }
    }

    /// Whether it was read from these very objects.
    fn is_of(&self, service: &Arc<Service>, slices: &[&Arc<EndpointSlice>]) -> bool {
        let mut pairs = self.slices.iter().zip(slices);
        Arc::ptr_eq(&self.service, service)
            && self.slices.len() == slices.len()
            && pairs.all(|(a, b)| Arc::ptr_eq(a, b))
    }
}

fn found(port: &ServicePort, slices: &[&Arc<EndpointSlice>]) -> Vec<Found> {
    let mut all = Vec::new();
    for slice in slices {
        let metadata = &slice.metadata;
        let of_slice = ObjectRef::new(Kind::EndpointSlice, &metadata.namespace, &metadata.name);
        let of_slice = Arc::new(of_slice);
        for number in ports_named(slice, &port.port_name, port.protocol) {
            for (idx, endpoint) in slice.endpoints.iter().enumerate() {
                let Some(read) = read_endpoint((slice, &of_slice), (idx, endpoint), number) else {
                    continue;
                };
                let found = Found {
                    key: join_host_port(read.address, read.port),
                    node: endpoint.node_name.clone(),
                    here: Arc::new(Endpoint {
                        local: true,
                        ..read.clone()
                    }),
                    elsewhere: Arc::new(read),
                };
                insert_by(&mut all, found, |a: &Found, b| a.key.cmp(&b.key));
            }
        }
    }
    all
}

impl ServedPort {
    /// All its endpoints as a node sees them: of two with one address and port its own one, or else the first.
    #[must_use]
    pub fn endpoints(&self, node: &NodeFacts) -> Vec<Arc<Endpoint>> {
        let same_key = |a: &Found, b: &Found| a.key == b.key;
        let is_here = |it: &&Found| it.node.as_deref() == Some(&node.name);
        let chosen = self.found.chunk_by(same_key).filter_map(|same| {
            let here = same.iter().find(is_here).map(|it| &it.here);
            here.or_else(|| Some(&same.first()?.elsewhere))
        });
        chosen.cloned().collect()
    }
}
