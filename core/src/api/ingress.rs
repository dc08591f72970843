//! Ingress and IngressClass: host and path to a Service, behind one load balancer.
//!
//! `networking.k8s.io/v1` of Kubernetes 1.36.
//!
//! **Left out**: resource backends.

use super::{LoadBalancerIngress, ObjectMeta};
use serde::{Deserialize, Serialize};

/// An Ingress.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Ingress {
    /// Its metadata.
    pub metadata: ObjectMeta,
    /// What it is to be.
    pub spec: IngressSpec,
    /// What has come of it.
    pub status: IngressStatus,
}

/// What an Ingress is to be.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
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

/// A certificate and its hosts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct IngressTls {
    /// The hosts.
    pub hosts: Vec<String>,
    /// The Secret that holds the certificate.
    pub secret_name: Option<String>,
}

/// A rule for a host; for all hosts where none is named.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct IngressRule {
    /// The host.
    pub host: Option<String>,
    /// Its paths.
    pub http: Option<HttpIngressRule>,
}

/// Paths of a host.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct HttpIngressRule {
    /// The paths.
    pub paths: Vec<HttpIngressPath>,
}

/// A path and who answers it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct HttpIngressPath {
    /// The path; all paths where it is absent.
    pub path: Option<String>,
    /// Exact, Prefix, ImplementationSpecific.
    pub path_type: Option<String>,
    /// Who answers.
    pub backend: IngressBackend,
}

/// Who answers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct IngressBackend {
    /// A Service.
    pub service: Option<IngressServiceBackend>,
}

/// A Service and its port.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct IngressServiceBackend {
    /// Its name.
    pub name: String,
    /// Its port.
    pub port: ServiceBackendPort,
}

/// A port of a Service, by name or number.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ServiceBackendPort {
    /// By name.
    pub name: Option<String>,
    /// By number.
    pub number: Option<i32>,
}

/// What has come of an Ingress.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct IngressStatus {
    /// Where it takes requests.
    pub load_balancer: IngressLoadBalancer,
}

/// Where an Ingress takes requests.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct IngressLoadBalancer {
    /// The addresses and names.
    pub ingress: Vec<LoadBalancerIngress>,
}

/// A kind of Ingress, and who serves it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct IngressClass {
    /// Its metadata; an annotation makes it the default.
    pub metadata: ObjectMeta,
    /// Who serves it.
    pub spec: IngressClassSpec,
}

/// Who serves a kind of Ingress.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct IngressClassSpec {
    /// `k8s.io/ingress-nginx` and the like.
    pub controller: String,
}

impl IngressClass {
    /// The annotation that makes a class the one for Ingresses that name none.
    pub const DEFAULT: &'static str = "ingressclass.kubernetes.io/is-default-class";
}
