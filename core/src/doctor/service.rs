//! One Service: who stands behind it, and which checks concern it.
//!
//! **Left out**: Services that are being deleted, and those of another proxy than kube-proxy.

use super::examination::Examination;
use super::pods::Troubles;
use super::{balancer, endpoints, external_name, fields, headless, ports, reach, selector};
use crate::api::{Endpoint, EndpointSlice, IntOrString, Kind, ObjectRef, Pod, Service};
use crate::store::Objects;
use serde_json::{Value, json};
use std::sync::Arc;

/// A Service, and who stands behind it.
pub(super) struct Case<'a> {
    pub(super) service: &'a Arc<Service>,
    pub(super) about: ObjectRef,
    /// The pods that its selector finds and that have not run to their end.
    pub(super) pods: Vec<&'a Arc<Pod>>,
    pub(super) slices: Vec<&'a Arc<EndpointSlice>>,
}

/// The label by which a Service is another proxy's.
const OTHER_PROXY: &str = "service.kubernetes.io/service-proxy-name";

impl<'a> Case<'a> {
    pub(super) fn of(objects: &'a Objects, service: &'a Arc<Service>) -> Case<'a> {
        let metadata = &service.metadata;
        let pods = objects.pods_selected(&metadata.namespace, &service.spec.selector);
        Case {
            service,
            about: about(service),
            pods: pods.filter(|it| !it.is_over()).collect(),
            slices: objects
                .slices_of(&metadata.namespace, &metadata.name)
                .collect(),
        }
    }

    /// Its endpoints, ready or not.
    pub(super) fn endpoints(&self) -> impl Iterator<Item = &'a Endpoint> + '_ {
        self.slices.iter().flat_map(|it| &it.endpoints)
    }

    /// How many of them are ready.
    pub(super) fn n_ready(&self) -> usize {
        let ready = self.endpoints().filter(|it| it.conditions.is_ready());
        ready.count()
    }
}

/// The name of a Service among all objects.
pub(super) fn about(service: &Service) -> ObjectRef {
    let metadata = &service.metadata;
    ObjectRef::new(Kind::Service, &metadata.namespace, &metadata.name)
}

/// `namespace/name`, or only the name in the default namespace.
pub(super) fn short(about: &ObjectRef) -> String {
    if about.namespace.is_empty() || about.namespace == "default" {
        about.name.clone()
    } else {
        [&about.namespace, "/", &about.name].concat()
    }
}

/// A Service as one would make it anew in a namespace: without what a server gives it.
pub(super) fn copy(service: &Service, namespace: &str) -> Value {
    let spec = &service.spec;
    let mut ports = Vec::new();
    for it in &spec.ports {
        let target: Value = match &it.target_port {
            Some(IntOrString::Int(number)) => (*number).into(),
            Some(IntOrString::String(name)) => name.as_str().into(),
            None => it.port.into(),
        };
        let mut port = json!({"port": it.port, "targetPort": target, "protocol": it.protocol()});
        if !it.name().is_empty() {
            port["name"] = it.name().into();
        }
        ports.push(port);
    }
    let mut made = json!({"type": service.kind(), "ports": ports});
    if !spec.selector.is_empty() {
        made["selector"] = json!(spec.selector);
    }
    if service.is_headless() {
        made["clusterIP"] = "None".into();
    }
    json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": service.metadata.name,
            "namespace": namespace,
            "labels": service.metadata.labels,
        },
        "spec": made,
    })
}

/// Looks at one Service.
pub(super) fn examine<'a>(
    it: &mut Examination<'a>,
    service: &'a Arc<Service>,
    troubles: &mut Troubles<'a>,
) {
    let labels = &service.metadata.labels;
    if service.metadata.deletion_timestamp.is_some() || labels.contains_key(OTHER_PROXY) {
        return;
    }
    it.checked.services += 1;
    it.checked.ports += service.spec.ports.len();
    let case = Case::of(it.objects, service);
    fields::of_service(it, &case);
    if service.kind() == "ExternalName" {
        external_name::examine(it, &case);
        return;
    }
    let is_empty = if service.spec.selector.is_empty() {
        endpoints::by_hand(it, &case)
    } else {
        endpoints::beside_selector(it, &case);
        selector::examine(it, &case)
    };
    let is_unready = troubles.note(it, &case);
    let mut explained = ports::examine(it, &case);
    if is_empty || (is_unready && case.n_ready() == 0) {
        explained.iter_mut().for_each(|it| *it = true);
    }
    headless::examine(it, &case, &mut explained);
    endpoints::families(it, &case);
    reach::examine(it, &case, &explained);
    balancer::examine(it, &case, explained.iter().any(|it| *it));
}
