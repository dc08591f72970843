//! Gives every pod without a node one: the node with the fewest pods, by name where they are equal.
//!
//! **Left out**: resources, affinity, taints; only that nothing is put on a control plane while
//! there is another node.

use crate::api::Node;
use crate::chance::Chooser;
use crate::store::Objects;
use std::collections::BTreeMap;
use std::sync::Arc;

const CONTROL_PLANE: &str = "node-role.kubernetes.io/control-plane";

pub(super) fn reconcile(objects: &mut Objects, _: &mut Chooser) {
    let is_worker = |it: &Node| !it.metadata.labels.contains_key(CONTROL_PLANE);
    let has_worker = objects.nodes.values().any(|it| is_worker(it));
    let mut n_pods: BTreeMap<String, usize> = objects
        .nodes
        .values()
        .filter(|it| !has_worker || is_worker(it))
        .map(|it| (it.metadata.name.clone(), 0))
        .collect();
    for pod in objects.pods.values() {
        if let Some(n) = pod
            .spec
            .node_name
            .as_ref()
            .and_then(|it| n_pods.get_mut(it))
        {
            *n += 1;
        }
    }
    for pod in objects.pods.values_mut() {
        if pod.spec.node_name.is_some() {
            continue;
        }
        let Some((node, n)) = n_pods
            .iter_mut()
            .min_by_key(|(name, n)| (**n, (*name).clone()))
        else {
            continue;
        };
        *n += 1;
        Arc::make_mut(pod).spec.node_name = Some(node.clone());
    }
}
