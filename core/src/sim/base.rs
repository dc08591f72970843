//! The base world: what lies beneath a manifest that names no Node.
//!
//! **Left out**: everything of kubeadm's cluster that no packet of a Service meets.

use crate::api::{Kind, Manifest, Object, ObjectRef, read};
use crate::ip::IpAddr;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

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

/// An object on its way into the store: its kind, and its document.
pub(super) type Item = (Kind, Arc<Value>);

/// The documents of a manifest, with the base world's before them if it names no Node. An object of the same name
/// comes later, and so replaces the base one.
pub(super) fn lay_beneath(manifest: &Manifest) -> (Vec<Item>, Vec<BaseNotice>) {
    let told = |it: &ObjectRef| {
        manifest
            .objects
            .iter()
            .any(|read| read.object.is_called(it))
    };
    let is_whole_cluster = manifest
        .objects
        .iter()
        .any(|it| it.object.kind() == Kind::Node);
    let mut items = Vec::new();
    let mut notices = Vec::new();
    if !is_whole_cluster {
        let moves_aside = is_claimed(manifest) && !told(&dns());
        for read in &base_objects().objects {
            let reference = read.object.reference();
            if told(&reference) {
                continue;
            }
            let mut document = read.document().clone();
            if reference == dns() && moves_aside {
                Arc::make_mut(&mut document)["spec"]["clusterIP"] = DNS_ADDRESS_ASIDE.into();
            }
            items.push((reference.kind, document));
        }
        items.extend(named_nodes(manifest, &items));
        if moves_aside {
            notices.push(BaseNotice::DnsMovedAside);
        }
    }
    items.extend(
        manifest
            .objects
            .iter()
            .map(|it| (it.object.kind(), it.document().clone())),
    );
    (items, notices)
}

/// The nodes that pods say they are on and that nobody gave: a dump of some namespaces holds no Node. Their address is what
/// the pods' statuses say.
fn named_nodes(manifest: &Manifest, base: &[Item]) -> Vec<Item> {
    let is_base = |name: &str| {
        let mut nodes = base.iter().filter(|it| it.0 == Kind::Node);
        nodes.any(|it| it.1["metadata"]["name"] == name)
    };
    let mut found: BTreeMap<&str, Option<&str>> = BTreeMap::new();
    for read in &manifest.objects {
        let Object::Pod(pod) = &read.object else {
            continue;
        };
        let Some(node) = pod.spec.node_name.as_deref() else {
            continue;
        };
        if !node.is_empty() && !is_base(node) {
            let address = found.entry(node).or_default();
            *address = address.or(pod.status.host_ip.as_deref());
        }
    }
    let made = found.into_iter().filter_map(|(name, address)| {
        let address = json!([{"type": "InternalIP", "address": address?}]);
        let document = json!({
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name}},
            "status": {"addresses": address},
        });
        Some((Kind::Node, Arc::new(document)))
    });
    made.collect()
}

fn base_objects() -> &'static Manifest {
    static READ: OnceLock<Manifest> = OnceLock::new();
    READ.get_or_init(|| {
        read(&[crate::api::File {
            name: "base.yaml".into(),
            text: include_str!("base.yaml").into(),
        }])
    })
}

fn dns() -> ObjectRef {
    ObjectRef::new(Kind::Service, "kube-system", "kube-dns")
}

/// Whether a Service of the manifest has cluster DNS's address.
fn is_claimed(manifest: &Manifest) -> bool {
    let address: Option<IpAddr> = DNS_ADDRESS.parse().ok();
    manifest.objects.iter().any(|it| match &it.object {
        Object::Service(service) => {
            !it.object.is_called(&dns()) && service.cluster_ips().first().copied() == address
        }
        _ => false,
    })
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
        assert_eq!(manifest.objects.len(), 14);
    }
}
