//! Where an Ingress sends a request: from host and path to a Service, and to the endpoints behind it.
//!
//! The rules of `networking.k8s.io/v1` of Kubernetes 1.36 (`pathType`, hosts with a wildcard), and, where those leave it
//! open, what ingress-nginx 1.13 does: a host's paths are searched over all Ingresses of the class, the oldest Ingress
//! wins where two say the same, and the controller sends to endpoints, not to the ClusterIP.
//!
//! **Left out**: certificates, redirects to HTTPS, regular expressions and rewrites, weights, sticky sessions.

use crate::api::{
    EndpointSlice, HttpIngressPath, Ingress, IngressBackend, IngressClass, IngressServiceBackend,
    ObjectMeta, Service, ServicePort,
};
use crate::ip::{IpAddr, parse_sloppy};
use crate::sorted::sort_by_key;
use crate::store::{Key, Objects, key};
use std::cmp::Reverse;
use std::sync::Arc;

/// The annotation that named a class before there was a field for it.
const CLASS: &str = "kubernetes.io/ingress.class";

/// What became of a request at an Ingress controller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Routed {
    /// The rule that was followed; none where the controller answered by itself.
    pub rule: Option<RoutedBy>,
    /// What it did with the request.
    pub answer: Answer,
}

/// The rule that a request followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoutedBy {
    /// The Ingress it stands in.
    pub ingress: Key,
    /// Its host; none for a rule for all hosts, or a default backend.
    pub host: Option<String>,
    /// How the path matched.
    pub matched: PathMatch,
}

/// How a path matched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathMatch {
    /// It is this very path.
    Exact(String),
    /// It begins with the elements of this path.
    Prefix(String),
    /// It begins with the letters of this path: what ingress-nginx makes of `ImplementationSpecific`.
    ImplementationSpecific(String),
    /// No rule matched; the Ingress names who answers then.
    DefaultBackend,
}

/// What a controller does with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It passes it on to one of these endpoints.
    Forwarded {
        /// The Service.
        service: Key,
        /// Its port.
        port: i32,
        /// The ready endpoints, in the order of the slices.
        endpoints: Vec<(IpAddr, i32)>,
    },
    /// 404: no rule and no default backend.
    NotFound,
    /// 503: there is a rule, but nobody to send to.
    Unavailable {
        /// The Service of the rule.
        service: Key,
        /// Why.
        why: Unavailable,
    },
}

/// Why there is nobody to send to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unavailable {
    /// There is no Service of that name.
    NoService,
    /// It has no such port.
    NoPort,
    /// Nothing is ready behind it.
    NoEndpoints,
}

/// A rule that may match, and what it is worth against others.
struct Candidate<'a> {
    ingress: &'a Ingress,
    host: Option<&'a str>,
    path: &'a HttpIngressPath,
}

/// What the controller of a class does with a request for a host (as in the `Host` header) and a path.
#[must_use]
pub fn route(objects: &Objects, class: &str, host: &str, path: &str) -> Routed {
    let host = without_port(host).to_ascii_lowercase();
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let mut ingresses: Vec<&Arc<Ingress>> = objects
        .ingresses
        .values()
        .filter(|it| class_of(objects, it) == Some(class))
        .collect();
    sort_by_key(&mut ingresses, |it| {
        (&it.metadata.creation_timestamp, age_key(&it.metadata))
    });
    let served = best_host(&ingresses, &host);
    let candidates = ingresses.iter().flat_map(|it| candidates(it, served));
    let best = candidates
        .filter_map(|it| Some((worth(it.path, path)?, it)))
        // The first of equals, which is of the oldest Ingress.
        .min_by_key(|(worth, _)| Reverse(*worth));
    if let Some((_, it)) = best {
        let by = RoutedBy {
            ingress: key(&it.ingress.metadata),
            host: it.host.map(str::to_owned),
            matched: matched(it.path),
        };
        return send(objects, by, &it.path.backend);
    }
    let named = |it: &&&Arc<Ingress>| hosts(it).any(|it| it == served);
    let by_default = |it: &&&Arc<Ingress>| it.spec.default_backend.is_some();
    let catches_all = |it: &&&Arc<Ingress>| it.spec.rules.is_empty();
    let default = ingresses
        .iter()
        .filter(by_default)
        .find(|it| served.is_some() && named(it))
        .or_else(|| {
            let mut all = ingresses.iter().filter(by_default);
            all.find(|it| catches_all(it) || (served.is_none() && named(it)))
        });
    match default.and_then(|it| Some((it, it.spec.default_backend.as_ref()?))) {
        Some((ingress, backend)) => {
            let by = RoutedBy {
                ingress: key(&ingress.metadata),
                host: None,
                matched: PathMatch::DefaultBackend,
            };
            send(objects, by, backend)
        }
        None => Routed {
            rule: None,
            answer: Answer::NotFound,
        },
    }
}

/// The class of an Ingress: its own, that of the old annotation, or the one that is the default.
#[must_use]
pub fn class_of<'a>(objects: &'a Objects, ingress: &'a Ingress) -> Option<&'a str> {
    let annotation = ingress.metadata.annotations.get(CLASS);
    ingress
        .spec
        .ingress_class_name
        .as_deref()
        .or_else(|| annotation.map(String::as_str))
        .or_else(|| default_class(objects))
}

/// The class of Ingresses that name none: the newest of those marked as the default, by name among equals
/// (`plugin/pkg/admission/network/defaultingressclass`).
fn default_class(objects: &Objects) -> Option<&str> {
    let is_default = |it: &IngressClass| {
        let told = it.metadata.annotations.get(IngressClass::DEFAULT);
        told.map(String::as_str) == Some("true")
    };
    let classes = objects.ingress_classes.values().filter(|it| is_default(it));
    classes
        .min_by_key(|it| {
            (
                Reverse(it.metadata.creation_timestamp.as_deref()),
                it.metadata.name.as_str(),
            )
        })
        .map(|it| it.metadata.name.as_str())
}

fn age_key(metadata: &ObjectMeta) -> (&str, &str) {
    (&metadata.namespace, &metadata.name)
}

/// A host without the port that a `Host` header may carry.
fn without_port(host: &str) -> &str {
    match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or(rest),
        None => host.split(':').next().unwrap_or(host),
    }
}

fn hosts(ingress: &Ingress) -> impl Iterator<Item = Option<&str>> {
    let hosts = ingress.spec.rules.iter();
    hosts.map(|it| it.host.as_deref().filter(|it| !it.is_empty()))
}

/// The host among all rules that speaks for a request: itself, a wildcard for its parent, or none.
fn best_host<'a>(ingresses: &[&'a Arc<Ingress>], host: &str) -> Option<&'a str> {
    let hosts = ingresses.iter().flat_map(|it| hosts(it));
    let matching = hosts.flatten().filter(|it| speaks_for(it, host));
    // A wildcard stands for one label, so there is at most one of either form.
    matching.min_by_key(|it| it.starts_with('*'))
}

/// Whether a rule's host is this host; `*` stands for exactly one label.
fn speaks_for(rule: &str, host: &str) -> bool {
    let rule = rule.to_ascii_lowercase();
    match rule.strip_prefix("*.") {
        None => rule == host,
        Some(parent) => host
            .split_once('.')
            .is_some_and(|(first, rest)| !first.is_empty() && rest == parent),
    }
}

fn candidates<'a>(
    ingress: &'a Ingress,
    served: Option<&'a str>,
) -> impl Iterator<Item = Candidate<'a>> {
    let rules = ingress.spec.rules.iter();
    let rules = rules.filter(move |it| it.host.as_deref().filter(|it| !it.is_empty()) == served);
    rules.flat_map(move |rule| {
        let paths = rule.http.iter().flat_map(|it| &it.paths);
        paths.map(move |path| Candidate {
            ingress,
            host: served,
            path,
        })
    })
}

fn path_of(it: &HttpIngressPath) -> &str {
    match it.path.as_deref() {
        None | Some("") => "/",
        Some(path) => path,
    }
}

/// How well a rule's path matches: exact before all others, then the longest. None if it does not.
fn worth(rule: &HttpIngressPath, path: &str) -> Option<(u8, usize)> {
    let told = path_of(rule);
    match rule.path_type.as_deref() {
        Some("Exact") => (told == path).then_some((1, told.len())),
        Some("Prefix") => {
            let told = told.trim_end_matches('/');
            let rest = path.strip_prefix(told)?;
            (rest.is_empty() || rest.starts_with('/')).then_some((0, told.len()))
        }
        _ => path.starts_with(told).then_some((0, told.len())),
    }
}

fn matched(rule: &HttpIngressPath) -> PathMatch {
    let told = path_of(rule).to_owned();
    match rule.path_type.as_deref() {
        Some("Exact") => PathMatch::Exact(told),
        Some("Prefix") => PathMatch::Prefix(told),
        _ => PathMatch::ImplementationSpecific(told),
    }
}

/// Sends a request to the Service of a backend, which lives in the namespace of its Ingress.
fn send(objects: &Objects, by: RoutedBy, backend: &IngressBackend) -> Routed {
    let told = backend.service.clone().unwrap_or_default();
    let service = (by.ingress.0.clone(), told.name.clone());
    let answer = match destination(objects, &service, &told) {
        Ok((port, endpoints)) => Answer::Forwarded {
            service,
            port,
            endpoints,
        },
        Err(why) => Answer::Unavailable { service, why },
    };
    Routed {
        rule: Some(by),
        answer,
    }
}

type Destination = (i32, Vec<(IpAddr, i32)>);

fn destination(
    objects: &Objects,
    at: &Key,
    told: &IngressServiceBackend,
) -> Result<Destination, Unavailable> {
    let service = objects.services.get(at).ok_or(Unavailable::NoService)?;
    let port = port_of(service, told).ok_or(Unavailable::NoPort)?;
    let slices: Vec<&Arc<EndpointSlice>> = objects.slices_of(&at.0, &at.1).collect();
    let mut endpoints: Vec<(IpAddr, i32)> = Vec::new();
    for slice in slices {
        let ports = slice.ports.iter();
        let number = ports
            .filter(|it| it.name.as_deref().unwrap_or_default() == port.name())
            .find_map(|it| it.port);
        let Some(number) = number else { continue };
        let ready = slice.endpoints.iter().filter(|it| it.conditions.is_ready());
        for ip in ready.filter_map(|it| parse_sloppy(it.addresses.first()?)) {
            if !endpoints.contains(&(ip, number)) {
                endpoints.push((ip, number));
            }
        }
    }
    if endpoints.is_empty() {
        return Err(Unavailable::NoEndpoints);
    }
    Ok((port.port, endpoints))
}

fn port_of<'a>(service: &'a Service, told: &IngressServiceBackend) -> Option<&'a ServicePort> {
    let ports = &service.spec.ports;
    match (&told.port.name, told.port.number) {
        (Some(name), _) => ports.iter().find(|it| it.name() == name),
        (None, Some(number)) => ports.iter().find(|it| it.port == number),
        (None, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(path_type: &str, path: &str) -> HttpIngressPath {
        HttpIngressPath {
            path: Some(path.into()),
            path_type: Some(path_type.into()),
            ..HttpIngressPath::default()
        }
    }

    #[test]
    fn paths_match_as_the_documentation_of_ingress_says() {
        for (path_type, told, path, matches) in [
            ("Prefix", "/", "/any/path", true),
            ("Exact", "/foo", "/foo", true),
            ("Exact", "/foo", "/bar", false),
            ("Exact", "/foo", "/foo/", false),
            ("Exact", "/foo/", "/foo", false),
            ("Prefix", "/foo", "/foo", true),
            ("Prefix", "/foo", "/foo/", true),
            ("Prefix", "/foo/", "/foo", true),
            ("Prefix", "/foo/", "/foo/", true),
            ("Prefix", "/aaa/bb", "/aaa/bbb", false),
            ("Prefix", "/aaa/bbb", "/aaa/bbb", true),
            ("Prefix", "/aaa/bbb/", "/aaa/bbb", true),
            ("Prefix", "/aaa/bbb", "/aaa/bbb/", true),
            ("Prefix", "/aaa/bbb", "/aaa/bbb/ccc", true),
            ("Prefix", "/aaa/bbb", "/aaa/bbbxyz", false),
            ("Prefix", "/aaa", "/ccc", false),
            ("ImplementationSpecific", "/aaa", "/aaab", true),
        ] {
            let found = worth(&rule(path_type, told), path).is_some();
            assert_eq!(found, matches, "{path_type} {told} {path}");
        }
    }

    #[test]
    fn hosts_match_as_the_documentation_of_ingress_says() {
        for (told, host, matches) in [
            ("*.foo.com", "bar.foo.com", true),
            ("*.foo.com", "baz.bar.foo.com", false),
            ("*.foo.com", "foo.com", false),
            ("foo.com", "foo.com", true),
            ("Foo.com", "foo.com", true),
        ] {
            assert_eq!(speaks_for(told, host), matches, "{told} {host}");
        }
        assert_eq!(without_port("foo.com:8080"), "foo.com");
        assert_eq!(without_port("[2001:db8::1]:80"), "2001:db8::1");
    }
}
