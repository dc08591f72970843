//! A world: the objects of a cluster and the network they come to.
//!
//! **Left out**: the moments in which some nodes have new rules and others old ones: kube-proxies are all as far.

use super::base::BaseNotice;
use super::cluster::Cluster;
use super::network::{HostId, Network};
use super::start::{Started, begin};
use super::timeline::Timeline;
use crate::api::{Complaint, Kind, Manifest, ObjectRef, Pod, Severity};
use crate::controllers::outside_names;
use crate::dns::{COREFILE, NodeDns, OUTSIDE_ZONE, ResolvConf, SearchLimits, Server};
use crate::ip::Family;
use crate::proxy::{self, MODES, Mode, NodeFacts, Programme, Settings, Snapshot};
use crate::store::Objects;
use crate::yaml::Position;
use std::sync::Arc;

/// A cluster at an instant.
#[derive(Clone, Debug)]
pub struct World {
    /// The cluster: objects, controllers, clock.
    pub cluster: Arc<Cluster>,
    /// Its objects, as they are now.
    pub objects: Arc<Objects>,
    /// Its hosts, links and rules.
    pub network: Network,
    /// How its rules are written.
    pub mode: &'static Mode,
    /// How they are to be written, whatever its kube-proxy is told.
    pub(super) asked_mode: Option<&'static Mode>,
    /// Where its luck comes from.
    pub seed: u64,
    /// What the base world did that a person should be told.
    pub notices: Vec<BaseNotice>,
    /// What is doubtful about it.
    pub complaints: Vec<Complaint>,
    /// What is doubtful about the cluster, wherever that was written.
    doubts: Vec<Complaint>,
    /// Its name server.
    dns: Arc<Server>,
}

impl World {
    /// The world a manifest describes. `mode` overrides what it says about kube-proxy.
    #[must_use]
    pub fn from_manifest(manifest: &Manifest, mode: Option<&'static Mode>, seed: u64) -> World {
        let begun = begin(manifest.clone(), seed);
        let world = World::of_cluster(begun.cluster.clone(), mode);
        world.with_words_of(&begun)
    }

    /// The world of a timeline, at the moment one stands at.
    #[must_use]
    pub fn of_timeline(timeline: &Timeline) -> World {
        World::of_timeline_again(timeline, None)
    }

    /// The same, where another world has some of the same objects: what is the same is not made anew.
    #[must_use]
    pub fn of_timeline_again(timeline: &Timeline, before: Option<&World>) -> World {
        let cluster = timeline.cluster();
        let is_same = |it: &&World| Arc::ptr_eq(&it.cluster, cluster) && it.asked_mode.is_none();
        let world = match before.filter(is_same) {
            Some(same) => same.clone(),
            None => World::of_cluster_again(cluster.clone(), None, before.map(|it| &it.network)),
        };
        world.with_words_of(timeline.begun())
    }

    /// The same with what is to be said about how it began.
    fn with_words_of(self, begun: &Started) -> World {
        let mut world = self;
        let manifest = &begun.manifest;
        world.notices.clone_from(&begun.notices);
        let told = world.doubts.iter().cloned();
        let mut complaints = begun.complaints.clone();
        complaints.extend(told.map(|it| in_manifest(manifest, it)));
        complaints.extend(conflicts(manifest, &world.network));
        world.complaints = complaints;
        world
    }

    /// The world of a cluster as it is now.
    #[must_use]
    pub fn of_cluster(cluster: Arc<Cluster>, asked_mode: Option<&'static Mode>) -> World {
        World::of_cluster_again(cluster, asked_mode, None)
    }

    fn of_cluster_again(
        cluster: Arc<Cluster>,
        asked_mode: Option<&'static Mode>,
        before: Option<&Network>,
    ) -> World {
        let objects = cluster.store().shared_objects();
        let mut complaints = Vec::new();
        let mode = asked_mode.unwrap_or_else(|| told_mode(&objects, &mut complaints));
        complaints.extend(doubts_about_ipvs(&objects, mode));
        if let Some(told) = &objects.kube_proxy {
            complaints.extend(proxy::configuration_complaints(told));
        }
        let mut network = Network::build_again(&objects, mode, before);
        network.suffer(&objects, cluster.machines());
        let dns = Server::knowing(&objects, &outside_names(&objects));
        complaints.extend_from_slice(dns.complaints());
        World {
            network,
            seed: cluster.seed(),
            cluster,
            objects,
            mode,
            asked_mode,
            notices: Vec::new(),
            doubts: complaints.clone(),
            complaints,
            dns: Arc::new(dns),
        }
    }

    /// The cluster's name server. It also knows the names that clouds gave their load balancers.
    #[must_use]
    pub fn dns_server(&self) -> &Server {
        &self.dns
    }

    /// What the resolver of a host is told: a pod what its kubelet writes, a node what its network's router hands
    /// out. Somebody outside is told nothing of this world.
    #[must_use]
    pub fn resolv_conf(&self, host: &HostId) -> ResolvConf {
        let (pod, node) = match host {
            HostId::Pod(namespace, name) => {
                // A pod that is not there stands for any plain pod of its namespace.
                let pod = self.objects.pod(namespace, name).cloned();
                let pod = pod.unwrap_or_else(|| {
                    let mut plain = Pod::default();
                    plain.metadata.namespace.clone_from(namespace);
                    Arc::new(plain)
                });
                let node = pod.spec.node_name.clone();
                (Some(pod), node)
            }
            HostId::Node(name) => (None, Some(name.clone())),
            HostId::Router | HostId::Outside => return ResolvConf::outside(),
        };
        let node_conf = self.node_resolv_conf(node.as_deref().unwrap_or_default());
        let Some(pod) = pod else {
            return ResolvConf::read(&node_conf);
        };
        let node_ips = node
            .and_then(|it| self.objects.nodes.get(&it))
            .map(|it| it.internal_ips())
            .unwrap_or_default();
        let cluster_dns = self
            .objects
            .service("kube-system", "kube-dns")
            .map(|it| it.cluster_ips())
            .unwrap_or_default();
        let node = NodeDns {
            cluster_dns: &cluster_dns,
            cluster_domain: self.objects.cluster.dns_domain(),
            resolv_conf: Some(&node_conf),
            node_ips: &node_ips,
            limits: SearchLimits::EXPANDED,
        };
        ResolvConf::of_pod(&pod, &node).0
    }

    /// A node's own file: the router of its network is its name server.
    fn node_resolv_conf(&self, node: &str) -> String {
        let ips = self.objects.nodes.get(node).map(|it| it.internal_ips());
        super::network::gateways_of(&ips.unwrap_or_default())
            .into_iter()
            .map(|it| format!("nameserver {it}\n"))
            .collect()
    }

    /// What kube-proxy on a node knows.
    #[must_use]
    pub fn snapshot(&self, node: &str, family: Family) -> Option<Snapshot> {
        snapshot(&self.objects, node, family)
    }

    /// The rules of one node.
    #[must_use]
    pub fn programme(&self, node: &str, family: Family) -> Option<Programme> {
        self.programme_in(self.mode, node, family)
    }

    /// The same in whatever mode.
    #[must_use]
    pub fn programme_in(
        &self,
        mode: &'static Mode,
        node: &str,
        family: Family,
    ) -> Option<Programme> {
        snapshot(&self.objects, node, family).map(|it| (mode.sync)(&it))
    }
}

/// The mode the manifest asks for. Without a KubeProxyConfiguration that is nftables.
fn told_mode(objects: &Objects, complaints: &mut Vec<Complaint>) -> &'static Mode {
    let told = match &objects.kube_proxy {
        None => "nftables",
        Some(config) if config.mode.is_empty() => "iptables",
        Some(config) => config.mode.as_str(),
    };
    proxy::mode(told).unwrap_or_else(|| {
        complaints.push(
            Complaint {
                severity: Severity::Warning,
                ..Complaint::error(format!(
                    "kube-proxy mode {told:?} is not modelled yet: the rules shown are those of nftables mode"
                ))
            }
            .about("mode")
            .try_this("write mode: nftables to see the rules your cluster would have in that mode"),
        );
        &MODES[0]
    })
}

/// What is doubtful about ipvs mode itself, and about the scheduler it is told to use.
fn doubts_about_ipvs(objects: &Objects, mode: &Mode) -> Vec<Complaint> {
    let mut doubts = Vec::new();
    if mode.name != "ipvs" {
        return doubts;
    }
    if proxy::is_deprecated(mode, objects.cluster.version()) {
        doubts.push(
            Complaint::warning(
                "kube-proxy mode ipvs is deprecated since Kubernetes 1.35".to_owned(),
            )
            .about("mode")
            .try_this("nftables mode does the same with rules alone"),
        );
    }
    let told = objects
        .kube_proxy
        .as_deref()
        .map(|it| it.ipvs.scheduler.as_str());
    if let Some(told) = told.filter(|it| !proxy::IpvsSettings::knows(it)) {
        doubts.push(
            Complaint::warning(format!(
                "the scheduler {told:?} is not modelled: rr is used instead"
            ))
            .about("ipvs.scheduler")
            .try_this("rr, wrr, lc, wlc, dh, sh, sed and nq are modelled"),
        );
    }
    doubts
}

/// A complaint about kube-proxy's settings, a Corefile or a zone of outside names, at the line of the manifest that
/// holds it.
fn in_manifest(manifest: &Manifest, complaint: Complaint) -> Complaint {
    let (name, key) = match complaint.file.as_deref() {
        Some(COREFILE) => ("coredns", "Corefile"),
        Some(OUTSIDE_ZONE) => ("outside", "zone"),
        _ => return about_settings(manifest, complaint),
    };
    let map = ObjectRef::new(Kind::ConfigMap, "kube-system", name);
    let Some(source) = manifest.source(&map) else {
        return complaint;
    };
    let path = format!("data.{key}");
    let span = source.span(&path);
    let text = source.text(&path).unwrap_or_default();
    let n_lines = u32::try_from(text.trim_end().lines().count()).unwrap_or(u32::MAX);
    // A block of text stands line by line in the manifest, below its indicator or without it; other forms do not.
    let position = match (complaint.position, span.end.line - span.start.line + 1) {
        (Some(at), n_here) if n_here >= n_lines && n_here - n_lines < 2 => Position {
            line: span.start.line + (n_here - n_lines) + at.line - 1,
            column: 1,
        },
        _ => span.start,
    };
    complaint.at(&source.file, position).about(path)
}

fn about_settings(manifest: &Manifest, complaint: Complaint) -> Complaint {
    let settings = ObjectRef::new(Kind::KubeProxyConfiguration, "", "");
    match (manifest.source(&settings), complaint.path.clone()) {
        (Some(source), Some(path)) => complaint.at(&source.file, source.span(&path).start),
        _ => complaint,
    }
}

/// Every address and port that two Services claim, at the line of the claim that is left out.
fn conflicts(manifest: &Manifest, network: &Network) -> Vec<Complaint> {
    let mut complaints: Vec<Complaint> = Vec::new();
    for it in network.contested() {
        let complaint = Complaint::warning(format!(
            "{} is claimed by {} already: no packet will follow this claim",
            it.key, it.kept
        ))
        .about(it.path.clone())
        .try_this("which of the two a real kube-proxy lets stand is luck: give one of them another address or port");
        let complaint = match manifest.source(&it.lost) {
            Some(source) => complaint.at(&source.file, source.span(&it.path).start),
            None => complaint,
        };
        if !complaints.contains(&complaint) {
            complaints.push(complaint);
        }
    }
    complaints
}

/// What kube-proxy on a node knows.
#[must_use]
pub(crate) fn snapshot(objects: &Objects, node: &str, family: Family) -> Option<Snapshot> {
    let it = objects.nodes.get(node)?;
    let ips = it.internal_ips();
    let bridge = it
        .pod_ranges()
        .into_iter()
        .filter_map(super::network::bridge_address);
    let ranges = objects.service_cidrs.values();
    let ranges = ranges.flat_map(|it| &it.spec.cidrs);
    Some(Snapshot {
        family,
        node: NodeFacts {
            name: node.to_owned(),
            primary_ips: ips.clone(),
            all_ips: ips.into_iter().chain(bridge.map(|it| it.addr())).collect(),
            zone: it
                .metadata
                .labels
                .get("topology.kubernetes.io/zone")
                .cloned(),
        },
        services: objects.services.values().cloned().collect(),
        endpoint_slices: objects.endpoint_slices.values().cloned().collect(),
        settings: Settings::read(
            &objects.cluster,
            objects.kube_proxy.as_deref(),
            family,
            &it.pod_ranges(),
        )
        .with_service_cidrs(ranges, family),
    })
}
