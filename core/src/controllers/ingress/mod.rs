//! Ingress: one load balancer in front of many Services, told apart by host and path.
//!
//! Kubernetes has no controller for Ingresses; whoever wants them installs one. Here the controller of an IngressClass
//! is the Service that its controller's name and the label `app.kubernetes.io/name` name alike: for
//! `k8s.io/ingress-nginx` the Service labelled `ingress-nginx`, as the charts make it, a LoadBalancer before others. It
//! acts while a pod behind that Service is ready; without one an Ingress is text and no more. Its address becomes the
//! Ingress's (`--publish-service`), and an event says when an Ingress was read, as ingress-nginx 1.13 says it.
//!
//! **Left out**: the minute that ingress-nginx lets pass between two writes of addresses; an event for every replica.

mod route;

pub use route::{Answer, PathMatch, Routed, RoutedBy, Unavailable, class_of, route};

use super::{Controller, Look, Outcome, Remembered};
use crate::api::{Ingress, IngressClass, Kind, LoadBalancerIngress, Object, ObjectRef, Service};
use crate::store::{Change, Note, NoteKind, Objects, Part, Write};
use crate::time::Duration;
use serde_json::{Value, json};
use std::sync::Arc;

const NAME: &str = "ingress-controller";

/// The label that says what a Service is part of.
const APP: &str = "app.kubernetes.io/name";

/// The label that tells the controller's own Service from those of its helpers.
const COMPONENT: &str = "app.kubernetes.io/component";

pub(super) const CONTROLLER: Controller = Controller {
    name: NAME,
    delay: Duration::from_millis(160),
    watches,
    reconcile,
};

fn watches(change: &Change, objects: &Objects) -> Vec<ObjectRef> {
    if objects.ingresses.is_empty() {
        return Vec::new();
    }
    let all = || -> Vec<ObjectRef> {
        let all = objects.ingresses.values();
        all.map(|it| Object::from(it.clone()).reference()).collect()
    };
    match change.object.kind {
        Kind::Ingress => vec![change.object.clone()],
        Kind::IngressClass => all(),
        Kind::Service | Kind::EndpointSlice => {
            let concerns = |it: &Object| {
                let label = it.metadata().and_then(|it| it.labels.get(APP));
                label.is_some_and(|it| is_a_controller(objects, it))
            };
            if change.sides().any(concerns) {
                all()
            } else {
                Vec::new()
            }
        }
        _ => Vec::new(),
    }
}

fn is_a_controller(objects: &Objects, app: &str) -> bool {
    let mut classes = objects.ingress_classes.values();
    classes.any(|it| names(it, app))
}

/// Whether the controller of a class is of this name.
fn names(class: &IngressClass, app: &str) -> bool {
    class.spec.controller.split(['/', '.']).any(|it| it == app)
}

/// The Service through which the controller of a class takes requests.
#[must_use]
pub fn controller_service<'a>(objects: &'a Objects, class: &str) -> Option<&'a Arc<Service>> {
    let class = objects.ingress_classes.get(class)?;
    let is_its = |it: &Service| {
        let labels = &it.metadata.labels;
        let component = labels.get(COMPONENT).map(String::as_str);
        labels.get(APP).is_some_and(|it| names(class, it))
            && component.is_none_or(|it| it == "controller")
            // The webhook of the chart is of the same application.
            && !it.metadata.name.ends_with("-admission")
    };
    let found = objects.services.values().filter(|it| is_its(it));
    found.min_by_key(|it| it.kind() != "LoadBalancer")
}

/// Whether a pod of the controller runs.
fn runs(objects: &Objects, service: &Service) -> bool {
    let metadata = &service.metadata;
    let slices = objects.slices_of(&metadata.namespace, &metadata.name);
    slices
        .flat_map(|it| &it.endpoints)
        .any(|it| it.conditions.is_ready())
}

fn reconcile(look: &Look<'_>, about: &ObjectRef) -> Outcome {
    let Some(Object::Ingress(ingress)) = look.objects.find(about) else {
        return Outcome {
            remember: Some(Remembered::Nothing),
            ..Outcome::default()
        };
    };
    let controller = class_of(look.objects, &ingress)
        .and_then(|it| controller_service(look.objects, it))
        .filter(|it| runs(look.objects, it));
    let Some(controller) = controller else {
        // Nobody reads it; what an earlier controller wrote stays.
        return Outcome::nothing();
    };
    let mut writes = Vec::new();
    let has_read = match look.memory.of(NAME, about) {
        Some(Remembered::Ingress(it)) => reads_alike(it, &ingress),
        _ => false,
    };
    if !has_read {
        writes.push(Write::Record(Note {
            about: about.clone(),
            kind: NoteKind::Normal,
            reason: "Sync".into(),
            message: "Scheduled for sync".into(),
            component: "nginx-ingress-controller",
            host: None,
            field_path: None,
        }));
    }
    let addresses = addresses(controller);
    if addresses != ingress.status.load_balancer.ingress {
        writes.push(Write::Patch {
            object: about.clone(),
            part: Part::Status,
            patch: json!({"status": {"loadBalancer": {"ingress": value(&addresses)}}}),
        });
    }
    Outcome {
        writes,
        wake: None,
        remember: (!has_read).then_some(Remembered::Ingress(ingress)),
    }
}

/// Whether a controller need not read an Ingress again.
fn reads_alike(before: &Ingress, now: &Ingress) -> bool {
    before.spec == now.spec
        && before.metadata.uid == now.metadata.uid
        && before.metadata.annotations == now.metadata.annotations
}

/// Where the controller takes requests: its balancer's addresses, or what there is without one.
fn addresses(service: &Service) -> Vec<LoadBalancerIngress> {
    let of_ip = |ip: &String| LoadBalancerIngress {
        ip: Some(ip.clone()),
        ..LoadBalancerIngress::default()
    };
    let told = service.status.load_balancer.ingress.iter();
    let balanced = told.map(|it| LoadBalancerIngress {
        ip: it.ip.clone(),
        hostname: it.hostname.clone(),
        ..LoadBalancerIngress::default()
    });
    let inside = service
        .spec
        .cluster_ip
        .iter()
        .filter(|_| service.kind() != "LoadBalancer" && service.spec.external_ips.is_empty());
    balanced
        .chain(service.spec.external_ips.iter().map(of_ip))
        .chain(inside.filter(|it| *it != "None").map(of_ip))
        .collect()
}

fn value(addresses: &[LoadBalancerIngress]) -> Value {
    if addresses.is_empty() {
        return Value::Null;
    }
    let one = |it: &LoadBalancerIngress| match (&it.hostname, &it.ip) {
        (Some(name), _) => json!({"hostname": name}),
        (None, ip) => json!({"ip": ip}),
    };
    addresses.iter().map(one).collect()
}
