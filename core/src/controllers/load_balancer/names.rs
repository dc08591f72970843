//! The names of Amazon's balancers, and the addresses behind them.
//!
//! Names are made as `DefaultLoadBalancerName` of `k8s.io/cloud-provider` and the AWS Load Balancer Controller make
//! them; what Amazon adds comes from the seed. A name stands for an address in every zone of the nodes, of the block for
//! measurements (RFC 2544), which nobody on the Internet uses.
//!
//! **Left out**: zones without targets, whose addresses Amazon takes out of the answer.

use super::super::Look;
use super::{Amazon, Scheme, balanced, balancer};
use crate::api::{ObjectRef, Service};
use crate::ip::IpAddr;
use crate::sorted::gathered;
use crate::store::{Key, Objects, key};
use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

/// The first address of the block for measurements, and how many there are.
const BLOCK: (u32, u32) = (0xc612_0000, 1 << 17);

/// The zone of nodes that do not say.
const SOME_ZONE: &str = "us-east-1a";

/// The name of a new balancer.
pub(super) fn hostname(look: &Look<'_>, about: &ObjectRef, service: &Service) -> String {
    let zone = zones(look.objects).into_iter().next();
    let zone = zone.unwrap_or_else(|| SOME_ZONE.into());
    let region = zone.trim_end_matches(|it: char| it.is_ascii_lowercase());
    let mut luck = look.luck(about, "hostname");
    let id = format!("{:016x}", luck.draw(u64::MAX));
    let uid = service.metadata.uid.clone().unwrap_or_default();
    let default: String = format!("a{uid}").replace('-', "");
    let default: String = default.chars().take(32).collect();
    let scheme = balancer::amazon_scheme(service);
    match Amazon::of(service) {
        Amazon::Classic => {
            let prefix = if scheme == Scheme::Internal {
                "internal-"
            } else {
                ""
            };
            let number = luck.draw(1_000_000_000) + 1_000_000_000;
            format!("{prefix}{default}-{number}.{region}.elb.amazonaws.com")
        }
        Amazon::Network => format!("{default}-{id}.elb.{region}.amazonaws.com"),
        Amazon::External => {
            let short = |it: &str| -> String {
                let letters = it.chars().filter(char::is_ascii_alphanumeric);
                letters.take(8).collect()
            };
            let hash = format!("{:016x}", luck.draw(u64::MAX));
            format!(
                "k8s-{}-{}-{}-{id}.elb.{region}.amazonaws.com",
                short(&about.namespace),
                short(&about.name),
                &hash[..10]
            )
        }
    }
}

/// The zones of the nodes, by their labels or by what their cloud calls them.
pub(super) fn zones(objects: &Objects) -> BTreeSet<String> {
    let zone = |it: &crate::api::Node| {
        let label = it.metadata.labels.get("topology.kubernetes.io/zone");
        let id = it.spec.provider_id.as_deref();
        let of_id = id.and_then(|it| it.strip_prefix("aws:///")?.split_once('/'));
        label
            .cloned()
            .or_else(|| of_id.map(|(zone, _)| zone.to_owned()))
    };
    let nodes = objects.nodes.values();
    gathered(
        nodes
            .filter(|it| super::is_behind_balancers(it))
            .filter_map(|it| zone(it))
            .filter(|it| !it.is_empty()),
    )
}

/// Every name of a balancer in the cluster with the addresses it stands for: what the Internet's DNS answers.
#[must_use]
pub fn outside_names(objects: &Objects) -> Vec<(String, Vec<IpAddr>)> {
    addresses(objects).into_values().collect()
}

/// Names and addresses by Service. Addresses follow from the names; of two that would have the same one, the later in
/// the order of Services takes the next.
pub(super) fn addresses(objects: &Objects) -> BTreeMap<Key, (String, Vec<IpAddr>)> {
    let zones = zones(objects);
    let n = zones.len().max(1);
    let mut taken = BTreeSet::new();
    let mut all = BTreeMap::new();
    for service in balanced(objects) {
        let mut told = service.status.load_balancer.ingress.iter();
        let Some(name) = told.find_map(|it| it.hostname.clone()) else {
            continue;
        };
        let mut ips = Vec::new();
        for zone in 0..n {
            let mut at = hash(&name, zone) % BLOCK.1;
            while !taken.insert(at) && taken.len() < BLOCK.1 as usize {
                at = (at + 1) % BLOCK.1;
            }
            ips.push(IpAddr::from(Ipv4Addr::from(BLOCK.0 + at)));
        }
        all.insert(key(&service.metadata), (name, ips));
    }
    all
}

/// FNV-1a of a name in a zone.
fn hash(name: &str, zone: usize) -> u32 {
    let zone = u8::try_from(zone % 256).unwrap_or_default();
    let bytes = name.bytes().chain([zone]);
    bytes.fold(0x811c_9dc5, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    })
}
