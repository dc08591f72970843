//! A world: the objects of a cluster and the network they come to.
//!
//! **Left out**: events after the start; a changed manifest is a new world.

use super::base::{BaseNotice, lay_beneath};
use super::network::{HostId, Network};
use crate::api::{Complaint, Manifest, Severity};
use crate::chance::Chooser;
use crate::controllers;
use crate::dns::ResolvConf;
use crate::ip::Family;
use crate::proxy::{self, MODES, Mode, NodeFacts, Programme, Settings, Snapshot};
use crate::store::Objects;
use std::sync::Arc;

/// A cluster at an instant.
#[derive(Clone, Debug)]
pub struct World {
    /// Its objects, with what controllers filled in.
    pub objects: Arc<Objects>,
    /// Its hosts, links and rules.
    pub network: Network,
    /// How its rules are written.
    pub mode: &'static Mode,
    /// Where its luck comes from.
    pub seed: u64,
    /// What the base world did that a person should be told.
    pub notices: Vec<BaseNotice>,
    /// What is doubtful about it.
    pub complaints: Vec<Complaint>,
}

impl World {
    /// The world a manifest describes. `mode` overrides what it says about kube-proxy.
    #[must_use]
    pub fn from_manifest(manifest: &Manifest, mode: Option<&'static Mode>, seed: u64) -> World {
        let (mut objects, notices) = lay_beneath(manifest);
        controllers::settle(&mut objects, &mut Chooser::seeded(seed));
        let mut complaints = Vec::new();
        let mode = mode.unwrap_or_else(|| told_mode(&objects, &mut complaints));
        let network = Network::build(&objects, mode);
        complaints.extend(conflicts(manifest, &objects, mode));
        World {
            objects: Arc::new(objects),
            network,
            mode,
            seed,
            notices,
            complaints,
        }
    }

    /// What the resolver of a host is told. Only pods ask cluster DNS, and of them neither those with
    /// dnsPolicy Default nor those on their node's network; the others' own name servers are not
    /// part of this world.
    #[must_use]
    pub fn resolv_conf(&self, host: &HostId) -> ResolvConf {
        let HostId::Pod(namespace, name) = host else {
            return ResolvConf::outside();
        };
        let pod = self.objects.pod(namespace, name);
        let policy = pod.and_then(|it| it.spec.dns_policy.as_deref());
        if matches!(policy, Some("Default" | "None")) {
            return ResolvConf::outside();
        }
        let dns = self
            .objects
            .service("kube-system", "kube-dns")
            .map(|it| it.cluster_ips())
            .unwrap_or_default();
        ResolvConf::cluster_first(namespace, self.objects.cluster.dns_domain(), dns)
    }

    /// The rules of one node.
    #[must_use]
    pub fn programme(&self, node: &str, family: Family) -> Option<Programme> {
        snapshot(&self.objects, node, family).map(|it| (self.mode.sync)(&it))
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

/// Every address and port that two Services claim, at the line of the claim that is left out.
fn conflicts(manifest: &Manifest, objects: &Objects, mode: &Mode) -> Vec<Complaint> {
    let mut complaints: Vec<Complaint> = Vec::new();
    for of in Family::ALL {
        // Every node has the same Services: the first one's rules tell.
        let first = objects.nodes.keys().next();
        let Some(snapshot) = first.and_then(|it| snapshot(objects, it, of)) else {
            continue;
        };
        let programme = (mode.sync)(&snapshot);
        for conflict in &programme.conflicts {
            let claim = |tag| {
                let origin = programme.origins.origin(tag)?;
                Some((origin.object.clone()?, origin.path.clone()))
            };
            let (Some((kept, _)), Some((object, path))) =
                (claim(conflict.first), claim(conflict.second))
            else {
                continue;
            };
            let complaint = Complaint::warning(format!(
                "{} is claimed by {kept} already: no packet will follow this claim",
                conflict.key
            ))
            .about(path.clone())
            .try_this("kube-proxy's whole update would be refused: give one of them another address or port");
            let complaint = match manifest.source(&object) {
                Some(source) => complaint.at(&source.file, source.span(&path).start),
                None => complaint,
            };
            if !complaints.contains(&complaint) {
                complaints.push(complaint);
            }
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
        ),
    })
}
