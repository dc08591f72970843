//! What a balancer is once it is there: where it listens, whom it sends to and how, what it asks its targets.
//!
//! From the public documentation of MetalLB 0.15, of Amazon's Elastic Load Balancing and its two controllers, of Google's
//! passthrough balancers and of Azure's Standard Load Balancer, as of 2025. What matters for a packet: Google, Azure and
//! MetalLB leave it as it is, so that it arrives at a node still addressed to the balancer; Amazon's send it to the node
//! port (or straight to the pod), and a classic one, being a proxy, speaks for itself.
//!
//! **Left out**: TLS at the balancer; subsetting of nodes; intervals and thresholds of health checks; that MetalLB in
//! layer 2 answers from one node at a time.

use super::{Amazon, Price, Product, Provider, annotation, balanced, cloud, is_behind_balancers};
use crate::api::{Node, Service, ServicePort};
use crate::ip::{IpAddr, family, parse_sloppy};
use crate::store::{Key, Objects, key};

/// Where kube-proxy says whether it is well.
const PROXY_HEALTH: i32 = 10256;

/// A balancer that is there.
#[derive(Clone, Debug, PartialEq)]
pub struct Balancer {
    /// Its Service.
    pub service: Key,
    /// Who provides it.
    pub provider: Provider,
    /// What it is.
    pub product: Product,
    /// Who can reach it.
    pub scheme: Scheme,
    /// Its name, where it has one.
    pub hostname: Option<String>,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
    /// Where it listens.
    pub listeners: Vec<Listener>,
    /// Whom it sends to, for every listener.
    pub targets: Vec<Target>,
    /// How a packet arrives there.
    pub delivery: Delivery,
    /// Whose address the target sees, before kube-proxy has its say.
    pub source: SourceAddress,
    /// Whether nodes of one zone get requests of another.
    pub crosses_zones: bool,
    /// What it asks its targets.
    pub health_check: HealthCheck,
    /// Whether kube-proxy takes its addresses for those of the cluster, so that pods do not leave it (`ipMode: VIP`).
    pub is_vip: bool,
    /// What it costs by itself.
    pub price: Price,
}

/// Who can reach a balancer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Everybody.
    Internet,
    /// The network of the nodes.
    Internal,
}

/// A port of a balancer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// The name of the Service's port.
    pub name: String,
    /// TCP, UDP or SCTP.
    pub protocol: String,
    /// The number.
    pub port: i32,
    /// The port on the nodes, if they open one.
    pub node_port: Option<i32>,
}

/// Someone who gets packets of a listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The listener's port and protocol.
    pub listener: (i32, String),
    /// Who it is.
    pub object: TargetObject,
    /// The address packets are brought to.
    pub address: IpAddr,
    /// The port they are addressed to when they arrive.
    pub port: i32,
    /// What the health check finds.
    pub is_healthy: bool,
}

/// Who a target is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TargetObject {
    /// A node.
    Node(String),
    /// A pod; of an endpoint that is none, its address says who it is.
    Pod(Option<Key>),
}

/// How a packet arrives at a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// As it was: still addressed to the balancer.
    Unchanged,
    /// Addressed to the node and its node port.
    ToNodePort,
    /// Addressed to the pod.
    ToPod,
}

/// Whose address a target sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceAddress {
    /// The client's.
    Kept,
    /// The balancer's.
    Replaced,
    /// The balancer's; the client's is said in front of the data (PROXY protocol), for applications that read it.
    ReplacedAndTold,
}

/// What a balancer asks its targets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HealthCheck {
    /// Nothing.
    None,
    /// Whether the port that gets the traffic accepts connections.
    Traffic,
    /// `GET` at a port of the node: 200 is well.
    Http {
        /// The port.
        port: i32,
        /// The path.
        path: &'static str,
    },
}

/// Every balancer that is there, in the order of Services.
#[must_use]
pub fn balancers(objects: &Objects) -> Vec<Balancer> {
    let provider = Provider::of(objects);
    let names = super::names::addresses(objects);
    let there = balanced(objects).filter(|it| !it.status.load_balancer.ingress.is_empty());
    there
        .map(|service| {
            let mut balancer = balancer(objects, service, provider);
            if let Some((name, ips)) = names.get(&balancer.service) {
                balancer.hostname = Some(name.clone());
                balancer.addresses.extend(ips);
            }
            let deliver = Deliver {
                objects,
                service,
                balancer: &balancer,
            };
            balancer.targets = deliver.targets();
            balancer
        })
        .collect()
}

fn balancer(objects: &Objects, service: &Service, provider: Provider) -> Balancer {
    let product = Product::of(service, provider);
    let ingress = &service.status.load_balancer.ingress;
    let scheme = scheme(service, provider);
    let n_zones = super::names::zones(objects).len().max(1);
    Balancer {
        service: key(&service.metadata),
        provider,
        product,
        scheme,
        hostname: None,
        addresses: ingress
            .iter()
            .filter_map(|it| parse_sloppy(it.ip.as_deref()?))
            .collect(),
        listeners: service.spec.ports.iter().map(listener).collect(),
        targets: Vec::new(),
        delivery: delivery(service, provider),
        source: source(service, provider),
        crosses_zones: provider != Provider::Aws || crosses_zones(service),
        health_check: health_check(service, provider),
        is_vip: ingress
            .iter()
            .any(|it| it.ip.is_some() && it.ip_mode.as_deref() != Some("Proxy")),
        price: product.price(service, scheme, n_zones),
    }
}

fn listener(port: &ServicePort) -> Listener {
    Listener {
        name: port.name().to_owned(),
        protocol: port.protocol().to_owned(),
        port: port.port,
        node_port: port.node_port(),
    }
}

fn scheme(service: &Service, provider: Provider) -> Scheme {
    match provider {
        Provider::Aws => amazon_scheme(service),
        _ if cloud::is_internal(service, provider) => Scheme::Internal,
        Provider::Gcp | Provider::Azure => Scheme::Internet,
        // A pool is of the network the nodes are in, unless somebody routes it.
        Provider::MetalLb | Provider::Nobody => Scheme::Internal,
    }
}

const INTERNAL: &str = "service.beta.kubernetes.io/aws-load-balancer-internal";
const SCHEME: &str = "service.beta.kubernetes.io/aws-load-balancer-scheme";
const TARGET_TYPE: &str = "service.beta.kubernetes.io/aws-load-balancer-nlb-target-type";
const PROXY_PROTOCOL: &str = "service.beta.kubernetes.io/aws-load-balancer-proxy-protocol";
const CROSS_ZONE: &str =
    "service.beta.kubernetes.io/aws-load-balancer-cross-zone-load-balancing-enabled";
const ATTRIBUTES: &str = "service.beta.kubernetes.io/aws-load-balancer-attributes";
const GROUP_ATTRIBUTES: &str =
    "service.beta.kubernetes.io/aws-load-balancer-target-group-attributes";

/// The two controllers differ in what they do when nothing is said: the cloud's own goes to the Internet, the AWS Load
/// Balancer Controller stays inside.
pub(super) fn amazon_scheme(service: &Service) -> Scheme {
    let is_internal = match (
        Amazon::of(service),
        annotation(service, &[SCHEME]),
        annotation(service, &[INTERNAL]),
    ) {
        (Amazon::External, Some(told), _) => told != "internet-facing",
        (Amazon::External, None, told) => told != Some("false"),
        (Amazon::Classic | Amazon::Network, _, told) => told.is_some_and(|it| it != "false"),
    };
    if is_internal {
        Scheme::Internal
    } else {
        Scheme::Internet
    }
}

/// Whether an Amazon balancer sends straight to pods.
fn sends_to_pods(service: &Service) -> bool {
    Amazon::of(service) == Amazon::External
        && (annotation(service, &[TARGET_TYPE]) == Some("ip")
            || annotation(service, &[super::AWS_TYPE]) == Some("nlb-ip"))
}

/// What a list of attributes (`a=1,b=2`) says about one.
fn attribute<'a>(service: &'a Service, list: &str, name: &str) -> Option<&'a str> {
    let all = annotation(service, &[list])?.split(',');
    all.filter_map(|it| it.split_once('='))
        .find(|it| it.0.trim() == name)
        .map(|it| it.1.trim())
}

fn crosses_zones(service: &Service) -> bool {
    let name = "load_balancing.cross_zone.enabled";
    annotation(service, &[CROSS_ZONE]) == Some("true")
        || attribute(service, ATTRIBUTES, name) == Some("true")
}

fn delivery(service: &Service, provider: Provider) -> Delivery {
    match provider {
        Provider::Aws if sends_to_pods(service) => Delivery::ToPod,
        Provider::Aws => Delivery::ToNodePort,
        Provider::Gcp | Provider::Azure | Provider::MetalLb | Provider::Nobody => {
            Delivery::Unchanged
        }
    }
}

/// A network balancer keeps the client's address for nodes, and for pods only where it is told to or for UDP.
fn source(service: &Service, provider: Provider) -> SourceAddress {
    if provider != Provider::Aws {
        return SourceAddress::Kept;
    }
    let keeps = attribute(service, GROUP_ATTRIBUTES, "preserve_client_ip.enabled");
    let is_datagrams = service.spec.ports.iter().all(|it| it.protocol() == "UDP");
    let is_kept = match Amazon::of(service) {
        Amazon::Classic => false,
        Amazon::Network => true,
        Amazon::External if is_datagrams => true,
        Amazon::External => {
            let by_default = !sends_to_pods(service);
            keeps.map_or(by_default, |it| it == "true")
        }
    };
    match is_kept {
        true => SourceAddress::Kept,
        false if annotation(service, &[PROXY_PROTOCOL]) == Some("*") => {
            SourceAddress::ReplacedAndTold
        }
        false => SourceAddress::Replaced,
    }
}

fn health_check(service: &Service, provider: Provider) -> HealthCheck {
    let local = service
        .spec
        .health_check_node_port
        .filter(|it| *it != 0 && service.needs_health_check());
    match (provider, local) {
        (Provider::MetalLb | Provider::Nobody, _) => HealthCheck::None,
        (Provider::Aws, _) if sends_to_pods(service) => HealthCheck::Traffic,
        (_, Some(port)) => HealthCheck::Http {
            port,
            path: "/healthz",
        },
        (Provider::Gcp, None) => HealthCheck::Http {
            port: PROXY_HEALTH,
            path: "/healthz",
        },
        (Provider::Aws | Provider::Azure, None) => HealthCheck::Traffic,
    }
}

/// Whom a balancer sends to.
struct Deliver<'a> {
    objects: &'a Objects,
    service: &'a Service,
    balancer: &'a Balancer,
}

impl Deliver<'_> {
    fn targets(&self) -> Vec<Target> {
        let listeners = self.balancer.listeners.iter();
        listeners
            .flat_map(|it| match self.balancer.delivery {
                Delivery::ToPod => self.pods(it),
                Delivery::Unchanged | Delivery::ToNodePort => self.nodes(it),
            })
            .collect()
    }

    fn nodes(&self, listener: &Listener) -> Vec<Target> {
        let port = match self.balancer.delivery {
            Delivery::ToNodePort => listener.node_port,
            Delivery::Unchanged | Delivery::ToPod => Some(listener.port),
        };
        let Some(port) = port else {
            // Without node ports such a balancer has nowhere to send to.
            return Vec::new();
        };
        let of = super::super::target::families(self.service)[0];
        let nodes = self.objects.nodes.values();
        nodes
            .filter(|it| is_behind_balancers(it))
            .filter_map(|node| {
                let mut ips = node.internal_ips().into_iter();
                Some(Target {
                    listener: (listener.port, listener.protocol.clone()),
                    object: TargetObject::Node(node.metadata.name.clone()),
                    address: ips.find(|it| family(*it) == of)?,
                    port,
                    is_healthy: self.is_healthy(node),
                })
            })
            .collect()
    }

    /// A node is well if it runs and, where only nodes with pods get traffic, has a ready one.
    fn is_healthy(&self, node: &Node) -> bool {
        let is_local = self.service.spec.external_traffic_policy.as_deref() == Some("Local");
        node.is_ready() && (!is_local || self.has_ready_pod(&node.metadata.name))
    }

    fn has_ready_pod(&self, node: &str) -> bool {
        let (namespace, name) = &self.balancer.service;
        let slices = self.objects.slices_of(namespace, name);
        slices
            .flat_map(|it| &it.endpoints)
            .any(|it| it.conditions.is_ready() && it.node_name.as_deref() == Some(node))
    }

    fn pods(&self, listener: &Listener) -> Vec<Target> {
        let (namespace, name) = &self.balancer.service;
        let mut found = Vec::new();
        for slice in self.objects.slices_of(namespace, name) {
            let mut ports = slice.ports.iter();
            let port = ports.find(|it| it.name.as_deref().unwrap_or_default() == listener.name);
            let Some(port) = port.and_then(|it| it.port) else {
                continue;
            };
            for endpoint in &slice.endpoints {
                let address = endpoint.addresses.first().and_then(|it| parse_sloppy(it));
                let Some(address) = address.filter(|_| endpoint.conditions.is_serving()) else {
                    continue;
                };
                let pod = endpoint.target_ref.as_ref().and_then(|it| it.name.clone());
                found.push(Target {
                    listener: (listener.port, listener.protocol.clone()),
                    object: TargetObject::Pod(pod.map(|it| (namespace.clone(), it))),
                    address,
                    port,
                    is_healthy: endpoint.conditions.is_ready(),
                });
            }
        }
        found
    }
}
