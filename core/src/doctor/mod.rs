//! The doctor: what is wrong with the Services of a world, how one knows, and what to do.
//!
//! Nothing is guessed from a list of known mistakes alone: a finding is derived from the objects as controllers left them, and
//! shown by a request whose walk fails. What a walk shows and no check explains is a finding too. Root causes come first: what
//! follows from one is told beneath it. A surprise that nobody suffers from is a note, and does not count as wrong.
//!
//! What is walked: one request to every port of every Service from one pod; every way of it where something looks wrong; from
//! outside where a Service is open to it. Above [`MAX_NAMED`] ports the rest is asked by address, without a look-up.
//!
//! **Left out**: what only time shows: a client that remembers the address of a Service that was made anew; programs that
//! answer with errors; hostPort of pods that are not on a node yet; names that programs ask for, unless one is told.

mod asked;
mod balancer;
mod claims;
mod endpoints;
mod examination;
mod external_name;
mod fields;
mod finding;
mod headless;
mod ingress;
mod network_policy;
mod pods;
mod ports;
mod reach;
mod selector;
mod service;
mod stale;
mod words;

pub use finding::{Consequence, Fact, Finding, Place, Remedy, Severity, Tried};

use crate::api::{Kind, Manifest, ObjectRef, Service};
use crate::sim::{Destination, Source, World};
use examination::Examination;
use serde::Serialize;
use std::sync::Arc;

/// How many ports are asked by name: the look-up takes longer than the request.
pub const MAX_NAMED: usize = 200;

/// Every finding there is, by its id, and what it is about.
pub const FINDINGS: &[(&str, &str)] = &[
    (
        "affinity-behind-ingress",
        "sessionAffinity of a Service that an Ingress controller sends past",
    ),
    (
        "affinity-behind-proxy",
        "sessionAffinity where every client has the load balancer's address",
    ),
    (
        "affinity-headless",
        "sessionAffinity of a Service without a virtual address",
    ),
    (
        "app-on-localhost",
        "a program that only its own pod can reach",
    ),
    (
        "balancer-no-healthy-target",
        "a load balancer with nobody to send to",
    ),
    ("cluster-dns-silent", "cluster DNS does not answer"),
    (
        "cluster-ip-taken",
        "an address and port that another Service claims",
    ),
    (
        "endpoint-address-unreadable",
        "an endpoint whose address is none, or of another family",
    ),
    (
        "endpoint-port-name",
        "endpoints made by hand under another port name than the Service's",
    ),
    (
        "endpoints-beside-selector",
        "endpoints made by hand beside those that the selector finds",
    ),
    (
        "endpoints-not-made",
        "a Service without a selector, and no endpoints",
    ),
    (
        "external-ips",
        "externalIPs: deprecated, and anybody's address",
    ),
    (
        "external-name-changes-host",
        "an alias for a server that serves its own name only",
    ),
    (
        "external-name-is-address",
        "externalName is an address, which DNS takes for a name",
    ),
    ("external-name-loop", "an alias that leads back to itself"),
    ("external-name-ports", "ports of an alias, which maps none"),
    (
        "external-name-selector",
        "a selector of an alias, which selects nothing",
    ),
    (
        "external-name-unknown",
        "an alias for a name that does not exist",
    ),
    (
        "external-policy-local",
        "nodes that drop what comes to their node port",
    ),
    (
        "family-without-endpoints",
        "an address of a family that no endpoint has",
    ),
    (
        "headless-port-mapping",
        "a port of a headless Service that is mapped to nothing",
    ),
    (
        "ingress-class-unserved",
        "an Ingress of a class that nobody serves",
    ),
    (
        "ingress-port-missing",
        "a backend's port that its Service does not have",
    ),
    (
        "ingress-service-missing",
        "a backend whose Service does not exist",
    ),
    (
        "internal-policy-local",
        "pods on nodes that drop what they ask of a Service",
    ),
    ("ipvs-mode", "kube-proxy's ipvs mode is deprecated"),
    (
        "load-balancer-class",
        "a load balancer class that nobody serves",
    ),
    ("load-balancer-ip", "loadBalancerIP is deprecated"),
    (
        "load-balancer-pending",
        "a load balancer that does not come",
    ),
    (
        "long-connections",
        "connections that stay where they are, so that new pods get none",
    ),
    (
        "name-unknown",
        "a name that was asked for and does not exist",
    ),
    (
        "network-policy-closes-port",
        "a pod that no NetworkPolicy lets anybody reach",
    ),
    (
        "network-policy-service-port",
        "a NetworkPolicy that names the Service's port, not the pod's",
    ),
    ("node-not-ready", "a node that has fallen silent"),
    (
        "node-port-hidden",
        "a node port that hides a port of a pod on the node",
    ),
    ("node-port-taken", "a node port of two Services"),
    ("pods-completed", "pods that have run to their end"),
    (
        "pods-crash-looping",
        "pods whose program ends again and again",
    ),
    ("pods-image-pull", "pods whose image cannot be pulled"),
    (
        "pods-in-other-namespace",
        "a Service in another namespace than its pods",
    ),
    (
        "pods-not-ready",
        "pods that are not ready, for no known reason",
    ),
    ("pods-pending", "pods that no node takes"),
    ("pods-probe-failing", "pods whose probe fails"),
    ("pods-starting", "pods that are still starting"),
    ("pods-terminating", "pods that are going"),
    (
        "port-unknown",
        "a port that was asked for and that its Service does not have",
    ),
    ("ports-swapped", "port and targetPort the wrong way round"),
    (
        "publishes-unready",
        "publishNotReadyAddresses sends requests to pods that are not ready",
    ),
    (
        "request-fails",
        "a request that fails for a reason that no check explains",
    ),
    (
        "same-selector",
        "two Services with the same selector and ports",
    ),
    ("scaled-to-zero", "a workload with no replicas"),
    ("selector-matches-nothing", "a selector that matches no pod"),
    (
        "selector-matches-several-apps",
        "a selector that matches pods of several applications",
    ),
    (
        "source-ranges",
        "loadBalancerSourceRanges that leave out who asks",
    ),
    (
        "stale-flow",
        "a flow that goes on to an endpoint that is none any more",
    ),
    (
        "stateful-set-service-missing",
        "a StatefulSet whose Service does not exist",
    ),
    (
        "target-port-name",
        "a named targetPort that pods do not have",
    ),
    (
        "target-port-not-listening",
        "a targetPort where nothing listens",
    ),
    ("target-port-protocol", "a targetPort of another protocol"),
    ("target-port-undeclared", "pods that declare no port at all"),
];

/// What a person asks about in particular.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Asked {
    /// Who asks; somebody suitable where it is not told.
    pub from: Option<Source>,
    /// Whom; every Service where it is not told.
    pub to: Option<Destination>,
}

/// What was looked at, and what was found.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Diagnosis {
    /// What was found: what is worst comes first.
    pub findings: Vec<Finding>,
    /// What was looked at.
    pub checked: Checked,
}

/// What was looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Checked {
    /// How many Services.
    pub services: usize,
    /// How many ports of them.
    pub ports: usize,
    /// How many requests were walked.
    pub requests: usize,
    /// How many of these were asked by address, because there were too many to look up every name.
    pub by_address: usize,
    /// How many requests were left out.
    pub left_out: usize,
}

/// Looks at every Service of a world. `manifest` is what the world was read from, for places in it.
#[must_use]
pub fn examine(world: &World, manifest: Option<&Manifest>, asked: &Asked) -> Diagnosis {
    let mut it = Examination::new(world, manifest, asked);
    // Cluster DNS first: what it does not answer follows from it.
    let is_dns = |it: &Arc<Service>| service::about(it) == dns_service();
    let all = world.objects.services.values();
    let (mut services, mut others): (Vec<_>, Vec<_>) = all.partition(|it| is_dns(it));
    services.append(&mut others);
    headless::stateful_sets(&mut it);
    let mut troubles = pods::Troubles::default();
    for service in &services {
        service::examine(&mut it, service, &mut troubles);
    }
    troubles.report(&mut it);
    ingress::examine(&mut it);
    claims::examine(&mut it);
    fields::settings(&mut it);
    stale::examine(&mut it);
    asked::examine(&mut it);
    it.finish()
}

/// The Service through which cluster DNS is asked.
fn dns_service() -> ObjectRef {
    ObjectRef::new(Kind::Service, "kube-system", "kube-dns")
}

impl Diagnosis {
    /// Whether nothing is wrong: notes are no faults.
    #[must_use]
    pub fn is_well(&self) -> bool {
        self.n_wrong() == 0
    }

    /// How many findings are faults.
    #[must_use]
    pub fn n_wrong(&self) -> usize {
        let wrong = self.findings.iter();
        wrong.filter(|it| it.severity != Severity::Note).count()
    }

    /// What came of it, in a few words.
    #[must_use]
    pub fn verdict(&self) -> String {
        match self.n_wrong() {
            0 => "nothing is wrong".to_owned(),
            1 => "1 thing is wrong".to_owned(),
            n => [&n.to_string(), " things are wrong"].concat(),
        }
    }

    /// What was checked and what came of it, in one sentence.
    #[must_use]
    pub fn sentence(&self) -> String {
        let Checked {
            services,
            ports,
            requests,
            by_address,
            left_out,
        } = &self.checked;
        let end = self.verdict();
        let mut sampled = String::new();
        if *by_address > 0 {
            sampled = [" (", &by_address.to_string(), " by address)"].concat();
        }
        if *left_out > 0 {
            let n = left_out.to_string();
            sampled.push_str(&[" and left out ", &n].concat());
        }
        [
            "checked ",
            &words::count(*services, "Service"),
            ", ",
            &words::count(*ports, "port"),
            ", walked ",
            &words::count(*requests, "request"),
            &sampled,
            ": ",
            &end,
        ]
        .concat()
    }
}
