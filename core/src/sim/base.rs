//! The base world: what lies beneath a manifest that names no Node.
//!
//! **Left out**: everything of kubeadm's cluster that no packet of a Service meets.

use crate::api::{Kind, Manifest, Object, read};
use crate::ip::IpAddr;
use crate::store::{Key, Objects};
use std::sync::Arc;

/// Where cluster DNS answers.
pub const DNS_ADDRESS: &str = "10.96.0.10";

/// Where it answers when another Service claims that address.
pub const DNS_ADDRESS_ASIDE: &str = "10.96.0.53";

/// Something the base world did that a person should be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum BaseNotice {
    /// Cluster DNS made room for a Service that claims its address.
    DnsMovedAside,
}

/// The objects of a manifest, with the base world beneath if it names no Node.
pub(super) fn lay_beneath(manifest: &Manifest) -> (Objects, Vec<BaseNotice>) {
    let mut objects = Objects::default();
    let is_whole_cluster = manifest
        .objects
        .iter()
        .any(|it| it.object.kind() == Kind::Node);
    if !is_whole_cluster {
        for read in base_objects() {
            objects.put(read);
        }
    }
    let base_dns = dns_key();
    let told_dns = manifest.objects.iter().any(|it| {
        let reference = it.object.reference();
        reference.kind == Kind::Service && (reference.namespace, reference.name) == base_dns
    });
    for read in &manifest.objects {
        objects.put(read.object.clone());
    }
    let mut notices = Vec::new();
    if !is_whole_cluster && !told_dns && is_claimed(&objects) {
        move_dns_aside(&mut objects);
        notices.push(BaseNotice::DnsMovedAside);
    }
    (objects, notices)
}

fn base_objects() -> Vec<Object> {
    let manifest = read(&[crate::api::File {
        name: "base.yaml".into(),
        text: include_str!("base.yaml").into(),
    }]);
    manifest.objects.into_iter().map(|it| it.object).collect()
}

fn dns_key() -> Key {
    ("kube-system".into(), "kube-dns".into())
}

fn is_claimed(objects: &Objects) -> bool {
    let address: Option<IpAddr> = DNS_ADDRESS.parse().ok();
    objects
        .services
        .iter()
        .any(|(key, it)| *key != dns_key() && it.cluster_ips().iter().copied().next() == address)
}

fn move_dns_aside(objects: &mut Objects) {
    if let Some(service) = objects.services.get_mut(&dns_key()) {
        Arc::make_mut(service).spec.cluster_ip = Some(DNS_ADDRESS_ASIDE.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_base_world_is_read_without_a_complaint() {
        let manifest = read(&[crate::api::File {
            name: "base.yaml".into(),
            text: include_str!("base.yaml").into(),
        }]);
        assert_eq!(manifest.complaints, Vec::new());
        assert_eq!(manifest.objects.len(), 13);
    }
}
