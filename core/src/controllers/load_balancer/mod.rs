//! Load balancers: who gives a LoadBalancer Service its address, and when.
//!
//! A MetalLB pool answers at once; a cloud, told by the nodes' `providerID`, takes 30 to 90 seconds by seed; without
//! either the address stays pending for ever. A Service with a class that nobody here serves is left alone. What has
//! come of it is data: [`balancers`] says for every balancer where it listens, whom it sends to, and what it costs.
//!
//! **Left out**: two providers in one cluster: a cloud goes before pools.

mod balancer;
mod cloud;
mod names;
mod pool;
mod price;

pub use balancer::{
    Balancer, Delivery, HealthCheck, Listener, Scheme, SourceAddress, Target, TargetObject,
    balancers,
};
pub use cloud::CloudMemory;
pub use names::outside_names;
pub use price::{Cost, CostLine, Price, Product, hourly_cost};

use super::{Controller, Look, Outcome, Remembered};
use crate::api::{Kind, LoadBalancerIngress, Node, Object, ObjectRef, Service};
use crate::store::{Change, Note, NoteKind, Objects, Part, Write};
use crate::time::Duration;
use serde_json::{Value, json};
use std::sync::Arc;

const NAME: &str = "service-lb-controller";

/// The label that keeps a node out of load balancers.
const EXCLUDED: &str = "node.kubernetes.io/exclude-from-external-load-balancers";

/// The taint of a node that is about to be taken away.
const TO_BE_DELETED: &str = "ToBeDeletedByClusterAutoscaler";

pub(super) const CONTROLLER: Controller = Controller {
    name: NAME,
    delay: Duration::from_millis(100),
    watches,
    reconcile,
};

/// Who provides load balancers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Provider {
    /// Nobody: a Service waits for ever.
    Nobody,
    /// MetalLB, with the pools of the cluster.
    MetalLb,
    /// Amazon.
    Aws,
    /// Google.
    Gcp,
    /// Microsoft.
    Azure,
}

impl Provider {
    /// The provider of a cluster: a cloud by its nodes, or MetalLB by its pools.
    #[must_use]
    pub fn of(objects: &Objects) -> Provider {
        let ids = objects
            .nodes
            .values()
            .filter_map(|it| it.spec.provider_id.as_deref());
        let cloud = ids
            .filter_map(|it| match it.split("://").next()? {
                "aws" => Some(Provider::Aws),
                "gce" => Some(Provider::Gcp),
                "azure" => Some(Provider::Azure),
                _ => None,
            })
            .next();
        cloud.unwrap_or(if objects.ip_address_pools.is_empty() {
            Provider::Nobody
        } else {
            Provider::MetalLb
        })
    }

    /// Whether it serves a Service as far as its class decides. The clouds' own controllers serve those without one;
    /// the AWS Load Balancer Controller also serves its own class, and MetalLB one that is called after it.
    #[must_use]
    pub fn serves_class(self, service: &Service) -> bool {
        match service.spec.load_balancer_class.as_deref() {
            None => true,
            Some(class) => match self {
                Provider::MetalLb => class.starts_with("metallb"),
                Provider::Aws => class == AWS_CLASS,
                Provider::Nobody | Provider::Gcp | Provider::Azure => false,
            },
        }
    }
}

const AWS_TYPE: &str = "service.beta.kubernetes.io/aws-load-balancer-type";
const AWS_CLASS: &str = "service.k8s.aws/nlb";
const AZURE_INTERNAL: &str = "service.beta.kubernetes.io/azure-load-balancer-internal";
const GCP_TYPES: [&str; 2] = [
    "networking.gke.io/load-balancer-type",
    "cloud.google.com/load-balancer-type",
];

/// The first of these annotations that a Service has.
fn annotation<'a>(service: &'a Service, names: &[&str]) -> Option<&'a str> {
    let annotations = &service.metadata.annotations;
    names
        .iter()
        .find_map(|it| annotations.get(*it).map(String::as_str))
}

/// Who builds an Amazon balancer, and of what sort.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Amazon {
    /// A classic one, by the cloud's own controller.
    Classic,
    /// A network one, by the cloud's own controller.
    Network,
    /// A network one, by the AWS Load Balancer Controller.
    External,
}

impl Amazon {
    fn of(service: &Service) -> Amazon {
        let class = service.spec.load_balancer_class.as_deref();
        match annotation(service, &[AWS_TYPE]) {
            _ if class == Some(AWS_CLASS) => Amazon::External,
            Some("external" | "nlb-ip") => Amazon::External,
            Some("nlb") => Amazon::Network,
            _ => Amazon::Classic,
        }
    }
}

/// Whether a node takes traffic of load balancers (`stableNodeSetPredicates`): whether it is ready does not count.
fn is_behind_balancers(node: &Node) -> bool {
    node.metadata.deletion_timestamp.is_none()
        && !node.metadata.labels.contains_key(EXCLUDED)
        && node.spec.taints.iter().all(|it| it.key != TO_BE_DELETED)
}

fn watches(change: &Change, objects: &Objects) -> Vec<ObjectRef> {
    let every = || -> Vec<ObjectRef> {
        let balanced = objects
            .services
            .values()
            .filter(|it| it.kind() == "LoadBalancer");
        balanced
            .map(|it| Object::from(it.clone()).reference())
            .collect()
    };
    match change.object.kind {
        Kind::Service => {
            let concerns = |it: &Object| match it {
                Object::Service(it) => it.kind() == "LoadBalancer" || cloud::has_finalizer(it),
                _ => false,
            };
            if !change.sides().any(concerns) {
                return Vec::new();
            }
            if Provider::of(objects) == Provider::MetalLb && gives_back(change) {
                // An address is free again: those that wait for one may have it.
                let mut all = every();
                all.push(change.object.clone());
                return all;
            }
            vec![change.object.clone()]
        }
        Kind::IpAddressPool => every(),
        Kind::Node if concerns_balancers(change) => every(),
        _ => Vec::new(),
    }
}

fn gives_back(change: &Change) -> bool {
    let addresses = |it: &Option<Object>| match it {
        Some(Object::Service(it)) => it.status.load_balancer.ingress.clone(),
        _ => Vec::new(),
    };
    let (before, after) = (addresses(&change.before), addresses(&change.after));
    before.iter().any(|it| !after.contains(it))
}

/// Whether a change of a node may change which nodes are behind balancers, or whose the cluster is.
fn concerns_balancers(change: &Change) -> bool {
    let seen = |it: &Option<Object>| match it {
        Some(Object::Node(it)) => Some((is_behind_balancers(it), it.spec.provider_id.clone())),
        _ => None,
    };
    seen(&change.before) != seen(&change.after)
}

fn reconcile(look: &Look<'_>, about: &ObjectRef) -> Outcome {
    let Some(service) = look.objects.service(&about.namespace, &about.name) else {
        let knew = look.memory.of(NAME, about).is_some();
        return Outcome {
            remember: knew.then_some(Remembered::Nothing),
            ..Outcome::default()
        };
    };
    let provider = Provider::of(look.objects);
    let wants = service.kind() == "LoadBalancer"
        && service.metadata.deletion_timestamp.is_none()
        && provider.serves_class(service);
    match (wants, provider) {
        (true, Provider::Nobody) => Outcome::nothing(),
        (true, Provider::MetalLb) => pool::assign(look, about, service),
        (false, Provider::MetalLb | Provider::Nobody) => pool::release(about, service),
        (true, Provider::Aws | Provider::Gcp | Provider::Azure) => {
            cloud::ensure(look, about, service, provider)
        }
        (false, Provider::Aws | Provider::Gcp | Provider::Azure) => {
            cloud::release(look, about, service)
        }
    }
}

fn note(
    about: &ObjectRef,
    kind: NoteKind,
    reason: &str,
    message: impl Into<String>,
    component: &'static str,
) -> Write {
    Write::Record(Note {
        about: about.clone(),
        kind,
        reason: reason.to_owned(),
        message: message.into(),
        component,
        host: None,
        field_path: None,
    })
}

/// Writes where a balancer takes traffic; nowhere clears it.
fn status(about: &ObjectRef, ingress: &[LoadBalancerIngress]) -> Write {
    let value: Value = if ingress.is_empty() {
        Value::Null
    } else {
        json!(ingress)
    };
    Write::Patch {
        object: about.clone(),
        part: Part::Status,
        patch: json!({"status": {"loadBalancer": {"ingress": value}}}),
    }
}

/// A Service whose address nobody else looks after: a class of its own, or another provider.
fn is_elsewhere(service: &Service) -> bool {
    service.kind() == "LoadBalancer" && service.metadata.deletion_timestamp.is_none()
}

/// All Services that are balanced or wait to be.
fn balanced(objects: &Objects) -> impl Iterator<Item = &Arc<Service>> {
    let all = objects.services.values();
    all.filter(|it| it.kind() == "LoadBalancer")
}
