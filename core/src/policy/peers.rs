//! The other side of a policy's rule: pods by their labels and their namespace's, or a range of addresses.
//!
//! `networking.k8s.io/v1` of Kubernetes 1.36: a pod selector alone means the policy's own namespace, a namespace selector
//! alone every pod of those namespaces, both together what meets both.
//!
//! **Left out**: pods on the host's network, as whom no plugin can know them.

use crate::api::{Labels, NetworkPolicyPeer};
use crate::ip::{Cidr, Family, IpAddr, cidr_family, family, parse_cidr_sloppy};
use crate::store::{Key, Objects};

/// The label every namespace has, which the API server sees to.
const NAME_LABEL: &str = "kubernetes.io/metadata.name";

/// A pod that may be meant, with its address.
pub(super) type Receiver = (Key, IpAddr);

/// Whom a rule is about.
#[derive(Clone, Debug)]
pub(super) enum Whom {
    /// Everybody.
    Everybody,
    /// These pods.
    Pods(Vec<Receiver>),
    /// A range with holes.
    Range {
        /// The range.
        range: Cidr,
        /// The holes.
        except: Vec<Cidr>,
    },
}

/// Whom a peer means; nobody of this family, if none.
pub(super) fn whom(
    objects: &Objects,
    namespace: &str,
    peer: &NetworkPolicyPeer,
    of: Family,
) -> Option<Whom> {
    if let Some(block) = &peer.ip_block {
        let range = parse_cidr_sloppy(&block.cidr).filter(|it| cidr_family(*it) == of)?;
        let except = block.except.iter().filter_map(|it| parse_cidr_sloppy(it));
        return Some(Whom::Range {
            range,
            except: except.filter(|it| cidr_family(*it) == of).collect(),
        });
    }
    let is_meant = |key: &Key| match &peer.namespace_selector {
        None => key.0 == namespace,
        Some(selector) => selector.selects(&namespace_labels(objects, &key.0)),
    };
    let mut pods = all_pods(objects, of);
    pods.retain(|(key, _)| {
        let pod = objects.pods.get(key);
        let by_label = |labels: &Labels| {
            peer.pod_selector
                .as_ref()
                .is_none_or(|it| it.selects(labels))
        };
        is_meant(key) && pod.is_some_and(|it| by_label(it.labels()))
    });
    (!pods.is_empty()).then_some(Whom::Pods(pods))
}

/// Every pod that has an address of its own.
pub(super) fn all_pods(objects: &Objects, of: Family) -> Vec<Receiver> {
    let mut all = Vec::new();
    for (key, pod) in &objects.pods {
        if pod.is_over() || pod.spec.host_network {
            continue;
        }
        let addresses = pod.ips().into_iter().filter(|it| family(*it) == of);
        all.extend(addresses.map(|it| (key.clone(), it)));
    }
    all
}

fn namespace_labels(objects: &Objects, name: &str) -> Labels {
    let found = objects.namespaces.get(name);
    let mut labels = found
        .map(|it| it.metadata.labels.clone())
        .unwrap_or_default();
    labels
        .entry(NAME_LABEL.to_owned())
        .or_insert_with(|| name.to_owned());
    labels
}

impl Whom {
    /// In few words, for a sentence.
    pub(super) fn in_words(&self) -> String {
        match self {
            Whom::Everybody => "everybody".into(),
            Whom::Pods(pods) => match pods.as_slice() {
                [(key, _)] => format!("{}/{}", key.0, key.1),
                [(a, _), (b, _)] => format!("{}/{} and {}/{}", a.0, a.1, b.0, b.1),
                more => format!("{} pods", more.len()),
            },
            Whom::Range { range, except } if except.is_empty() => range.to_string(),
            Whom::Range { range, except } => {
                let holes: Vec<String> = except.iter().map(ToString::to_string).collect();
                format!("{range} without {}", holes.join(" and "))
            }
        }
    }
}
