//! Gives every Service that wants one a ClusterIP, as the API server does on creation.
//!
//! **Left out**: dual stack: an address nobody asked for is of the cluster's first family.

use crate::chance::Chooser;
use crate::ip::IpAddr;
use crate::store::{Objects, allocate};
use std::collections::BTreeSet;
use std::sync::Arc;

pub(super) fn reconcile(objects: &mut Objects, chooser: &mut Chooser) {
    let mut used: BTreeSet<IpAddr> = BTreeSet::new();
    for ip in objects.services.values().flat_map(|it| it.cluster_ips()) {
        used.insert(ip);
    }
    let Some(range) = objects.cluster.service_ranges().first().copied() else {
        return;
    };
    for service in objects.services.values_mut() {
        let wants_one = service.kind() != "ExternalName" && !service.is_headless();
        if !wants_one || !service.cluster_ips().is_empty() {
            continue;
        }
        let Some(ip) = allocate(range, &used, chooser) else {
            continue;
        };
        used.insert(ip);
        let service = Arc::make_mut(service);
        service.spec.cluster_ip = Some(ip.to_string());
        service.spec.cluster_ips = vec![ip.to_string()];
    }
}
