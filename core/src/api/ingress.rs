//! Ingress and IngressClass: host and path to a Service, behind one load balancer.
//!
//! `networking.k8s.io/v1` of Kubernetes 1.36.
//!
//! **Left out**: resource backends.

use super::{LoadBalancerIngress, ObjectMeta};
use crate::record::record;

/// An Ingress.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ingress {
    /// Its metadata.
    pub metadata: ObjectMeta,
    /// What it is to be.
    pub spec: IngressSpec,
    /// What has come of it.
    pub status: IngressStatus,
}

record!(Ingress: metadata, spec, status);

/// What an Ingress is to be.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct IngressSpec {
    /// Which controller serves it.
    pub ingress_class_name: Option<String>,
    /// Who gets what no rule names.
    pub default_backend: Option<IngressBackend>,
    /// For which hosts it has certificates.
    pub tls: Vec<IngressTls>,
    /// Its rules.
    pub rules: Vec<IngressRule>,
}

record!(IngressSpec: ingress_class_name, default_backend, tls, rules);

/// A certificate and its hosts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct IngressTls {
    /// The hosts.
    pub hosts: Vec<String>,
    /// The Secret that holds the certificate.
    pub secret_name: Option<String>,
}

record!(IngressTls: hosts, secret_name);

/// A rule for a host; for all hosts where none is named.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct IngressRule {
    /// The host.
    pub host: Option<String>,
    /// Its paths.
    pub http: Option<HttpIngressRule>,
}

record!(IngressRule: host, http);

/// Paths of a host.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HttpIngressRule {
    /// The paths.
    pub paths: Vec<HttpIngressPath>,
}

record!(HttpIngressRule: paths);

/// A path and who answers it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HttpIngressPath {
    /// The path; all paths where it is absent.
    pub path: Option<String>,
    /// Exact, Prefix, ImplementationSpecific.
    pub path_type: Option<String>,
    /// Who answers.
    pub backend: IngressBackend,
}

record!(HttpIngressPath: path, path_type, backend);

/// Who answers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct IngressBackend {
    /// A Service.
    pub service: Option<IngressServiceBackend>,
}

record!(IngressBackend: service);

/// A Service and its port.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct IngressServiceBackend {
    /// Its name.
    pub name: String,
    /// Its port.
    pub port: ServiceBackendPort,
}

record!(IngressServiceBackend: name, port);

/// A port of a Service, by name or number.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ServiceBackendPort {
    /// By name.
    pub name: Option<String>,
    /// By number.
    pub number: Option<i32>,
}

record!(ServiceBackendPort: name, number);

/// What has come of an Ingress.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct IngressStatus {
    /// Where it takes requests.
    pub load_balancer: IngressLoadBalancer,
}

record!(IngressStatus: load_balancer);

/// Where an Ingress takes requests.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct IngressLoadBalancer {
    /// The addresses and names.
    pub ingress: Vec<LoadBalancerIngress>,
}

record!(IngressLoadBalancer: ingress);

/// A kind of Ingress, and who serves it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct IngressClass {
    /// Its metadata; an annotation makes it the default.
    pub metadata: ObjectMeta,
    /// Who serves it.
    pub spec: IngressClassSpec,
}

record!(IngressClass: metadata, spec);

/// Who serves a kind of Ingress.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct IngressClassSpec {
    /// `k8s.io/ingress-nginx` and the like.
    pub controller: String,
}

record!(IngressClassSpec: controller);

impl IngressClass {
    /// The annotation that makes a class the one for Ingresses that name none.
    pub const DEFAULT: &'static str = "ingressclass.kubernetes.io/is-default-class";
}
