//! What follows once a connection stands and a URL was asked for: the Ingress controller that passes the request on, and
//! the server outside that an ExternalName leads to.
//!
//! A controller is found by its Service (`controllers::controller_service`), its choice by `controllers::route`; then it
//! makes a request of its own, from its pod to an endpoint, past every Service. A server outside is taken to serve the
//! name its address was found under and no other: a browser or curl asks it by the name of the Service, and shows it
//! that name when it checks the certificate.
//!
//! **Left out**: TLS at the controller; its keep-alive and retries; servers outside that serve every name.

use super::lookup::Lookup;
use super::network::{HostId, Network};
use super::outcome::{Ending, Verdict, Why};
use super::request::Destination;
use super::travel::{Leg, Step};
use super::walk::{Start, exchange};
use super::world::World;
use crate::api::{Kind, ObjectRef};
use crate::chance::Chooser;
use crate::controllers::{Answer, PathMatch, Routed, controller_service, route};
use crate::dns::{RecordData, RecordType};
use crate::net::Protocol;
use crate::store::Objects;
use crate::time::Instant;
use serde::Serialize;

/// A request that an Ingress controller passed on, or answered itself.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Onward {
    /// The class of Ingresses it serves.
    pub class: String,
    /// The host asked for.
    pub host: String,
    /// The path asked for.
    pub path: String,
    /// The Ingress whose rule it followed.
    pub ingress: Option<ObjectRef>,
    /// The rule, in words: its host and path.
    pub rule: Option<String>,
    /// The Service of the rule.
    pub service: Option<ObjectRef>,
    /// Every step of the controller's own request.
    pub steps: Vec<Step>,
    /// How that ended.
    pub ending: Option<Ending>,
    /// The status the client gets.
    pub status: u16,
    /// Why it is not 200.
    pub why: Option<Why>,
}

/// What the pod that took a request does with it, if it is an Ingress controller's.
pub(super) fn pass_on(
    world: &World,
    network: &mut Network,
    (to, now): (&Destination, Instant),
    pod: &ObjectRef,
    chooser: &mut Chooser,
) -> Option<Onward> {
    let class = class_of_controller(&world.objects, pod)?;
    let (host, path) = asked(to)?;
    let Routed { rule, answer } = route(&world.objects, class, &host, &path);
    let mut onward = Onward {
        class: class.to_owned(),
        host,
        path,
        ingress: rule
            .as_ref()
            .map(|it| ObjectRef::new(Kind::Ingress, &it.ingress.0, &it.ingress.1)),
        rule: rule.as_ref().map(|it| {
            let host = it.host.as_deref().unwrap_or("*");
            match &it.matched {
                PathMatch::Exact(path) => format!("{host} = {path}"),
                PathMatch::Prefix(path) | PathMatch::ImplementationSpecific(path) => {
                    format!("{host}{path}")
                }
                PathMatch::DefaultBackend => "default backend".into(),
            }
        }),
        service: None,
        steps: Vec::new(),
        ending: None,
        status: 200,
        why: None,
    };
    match answer {
        Answer::NotFound => (onward.status, onward.why) = (404, Some(Why::NoIngressRule)),
        Answer::Unavailable { service, .. } => {
            onward.service = Some(ObjectRef::new(Kind::Service, &service.0, &service.1));
            (onward.status, onward.why) = (503, Some(Why::NoIngressBackend));
        }
        Answer::Forwarded {
            service, endpoints, ..
        } => {
            onward.service = Some(ObjectRef::new(Kind::Service, &service.0, &service.1));
            let n = u32::try_from(endpoints.len()).unwrap_or(u32::MAX);
            let (address, port) = endpoints[chooser.choose(n) as usize];
            let to = Destination {
                name: address.to_string(),
                port: u16::try_from(port).ok(),
                protocol: Protocol::Tcp,
                url: None,
            };
            let pod = HostId::Pod(pod.namespace.clone(), pod.name.clone());
            let from = Start::of_host(pod, now);
            let legs = [Leg::Request, Leg::Reply];
            let (steps, ending) = exchange(network, &from, &to, address, legs, chooser);
            (onward.status, onward.why) = match (ending.verdict, &ending.reason) {
                (Verdict::Delivered, Some(Why::ProgramFails)) => (500, Some(Why::ProgramFails)),
                (Verdict::Delivered, None) | (Verdict::Forwarded, _) => (200, None),
                (Verdict::Delivered | Verdict::Dropped, _) => (504, Some(Why::GatewayTimeout)),
                _ => (502, Some(Why::BadGateway)),
            };
            onward.steps = steps;
            onward.ending = Some(ending);
        }
    }
    Some(onward)
}

/// The class whose controller runs in a pod.
fn class_of_controller<'a>(objects: &'a Objects, pod: &ObjectRef) -> Option<&'a str> {
    let pod = objects.pod(&pod.namespace, &pod.name)?;
    let mut classes = objects.ingress_classes.keys();
    let found = classes.find(|class| {
        controller_service(objects, class).is_some_and(|it| {
            it.metadata.namespace == pod.metadata.namespace
                && crate::api::selects(&it.spec.selector, pod.labels())
        })
    });
    found.map(String::as_str)
}

/// The host and path a URL asks for.
fn asked(to: &Destination) -> Option<(String, String)> {
    let (_, rest) = to.url.as_deref()?.split_once("://")?;
    let start = rest.find('/').unwrap_or(rest.len());
    let (_, path) = rest.split_at(start);
    let path = if path.is_empty() { "/" } else { path };
    Some((to.name.clone(), path.to_owned()))
}

/// The name outside the cluster that a look-up ended at.
pub(super) fn outside_server(lookup: &Lookup, domain: &str) -> Option<String> {
    let answers = lookup.resolution.queries.iter().map(|it| &it.answer);
    let mut records = answers.flat_map(|it| &it.answer);
    let last = records.rfind(|it| matches!(it.kind, RecordType::A | RecordType::AAAA))?;
    let inside = format!(".{}.", domain.trim_end_matches('.'));
    (!last.name.ends_with(&inside)).then(|| last.name.clone())
}

/// What a server outside says to the name of a Service that is only an alias for its own; nothing if there is no alias,
/// or if it leads to somewhere inside.
pub(super) fn alias_is_refused(to: &Destination, lookup: &Lookup, domain: &str) -> Option<Why> {
    let url = to.url.as_deref()?;
    let answers = lookup.resolution.queries.iter().map(|it| &it.answer);
    let records = answers.flat_map(|it| &it.answer);
    let last = records
        .filter(|it| it.kind == RecordType::CNAME)
        .filter_map(|it| match &it.data {
            RecordData::Name(name) => Some((it.name.as_str(), name.as_str())),
            _ => None,
        })
        .next_back()?;
    let inside = format!(".{}.", domain.trim_end_matches('.'));
    // Only an alias that leaves the cluster: of a name inside, for one outside.
    if !last.0.ends_with(&inside) || last.1.ends_with(&inside) {
        return None;
    }
    Some(if url.starts_with("https://") {
        Why::WrongCertificate
    } else {
        Why::WrongHost
    })
}
