//! What the server serves: names of resources, and what they stand for.
//!
//! Discovery of Kubernetes 1.32, as far as our server has it. A resource without a [`Kind`] can be asked for and is never there.
//!
//! **Left out**: several versions of a group; resources of extensions, but for MetalLB's pools.

use super::failure::Failure;
use crate::api::{Kind, Status, StatusReason};

/// A resource.
#[derive(Debug, PartialEq, Eq)]
pub struct Resource {
    /// Its plural.
    pub name: &'static str,
    /// Its short names.
    pub short: &'static [&'static str],
    /// Group and version.
    pub version: &'static str,
    /// Whether its objects live in namespaces.
    pub namespaced: bool,
    /// Its kind.
    pub kind: &'static str,
    /// Whether it belongs to `all`.
    pub in_all: bool,
    /// What the model has of it.
    pub model: Option<Kind>,
}

/// Writes the table: it is read column by column.
macro_rules! resources {
    ($($name:literal $short:expr, $version:literal $scope:ident $kind:literal $all:ident $model:expr;)*) => {
        /// All resources, in the order of discovery.
        pub const RESOURCES: &[Resource] = &[$(Resource {
            name: $name,
            short: &$short,
            version: $version,
            namespaced: resources!(@scope $scope),
            kind: $kind,
            in_all: resources!(@all $all),
            model: $model,
        },)*];
    };
    (@scope namespaced) => { true };
    (@scope cluster) => { false };
    (@all all) => { true };
    (@all none) => { false };
}

resources! {
    "bindings" [], "v1" namespaced "Binding" none None;
    "componentstatuses" ["cs"], "v1" cluster "ComponentStatus" none None;
    "configmaps" ["cm"], "v1" namespaced "ConfigMap" none Some(Kind::ConfigMap);
    "endpoints" ["ep"], "v1" namespaced "Endpoints" none Some(Kind::Endpoints);
    "events" ["ev"], "v1" namespaced "Event" none Some(Kind::Event);
    "limitranges" ["limits"], "v1" namespaced "LimitRange" none None;
    "namespaces" ["ns"], "v1" cluster "Namespace" none Some(Kind::Namespace);
    "nodes" ["no"], "v1" cluster "Node" none Some(Kind::Node);
    "persistentvolumeclaims" ["pvc"], "v1" namespaced "PersistentVolumeClaim" none None;
    "persistentvolumes" ["pv"], "v1" cluster "PersistentVolume" none None;
    "pods" ["po"], "v1" namespaced "Pod" all Some(Kind::Pod);
    "podtemplates" [], "v1" namespaced "PodTemplate" none None;
    "replicationcontrollers" ["rc"], "v1" namespaced "ReplicationController" all None;
    "resourcequotas" ["quota"], "v1" namespaced "ResourceQuota" none None;
    "secrets" [], "v1" namespaced "Secret" none None;
    "serviceaccounts" ["sa"], "v1" namespaced "ServiceAccount" none None;
    "services" ["svc"], "v1" namespaced "Service" all Some(Kind::Service);
    "controllerrevisions" [], "apps/v1" namespaced "ControllerRevision" none None;
    "daemonsets" ["ds"], "apps/v1" namespaced "DaemonSet" all None;
    "deployments" ["deploy"], "apps/v1" namespaced "Deployment" all Some(Kind::Deployment);
    "replicasets" ["rs"], "apps/v1" namespaced "ReplicaSet" all Some(Kind::ReplicaSet);
    "statefulsets" ["sts"], "apps/v1" namespaced "StatefulSet" all Some(Kind::StatefulSet);
    "selfsubjectreviews" [], "authentication.k8s.io/v1" cluster "SelfSubjectReview" none None;
    "selfsubjectaccessreviews" [], "authorization.k8s.io/v1" cluster "SelfSubjectAccessReview" none None;
    "selfsubjectrulesreviews" [], "authorization.k8s.io/v1" cluster "SelfSubjectRulesReview" none None;
    "horizontalpodautoscalers" ["hpa"], "autoscaling/v2" namespaced "HorizontalPodAutoscaler" all None;
    "cronjobs" ["cj"], "batch/v1" namespaced "CronJob" all None;
    "jobs" [], "batch/v1" namespaced "Job" all None;
    "leases" [], "coordination.k8s.io/v1" namespaced "Lease" none Some(Kind::Lease);
    "endpointslices" [], "discovery.k8s.io/v1" namespaced "EndpointSlice" none Some(Kind::EndpointSlice);
    "events" ["ev"], "events.k8s.io/v1" namespaced "Event" none None;
    "ipaddresspools" [], "metallb.io/v1beta1" namespaced "IPAddressPool" none Some(Kind::IpAddressPool);
    "ingressclasses" [], "networking.k8s.io/v1" cluster "IngressClass" none Some(Kind::IngressClass);
    "ingresses" ["ing"], "networking.k8s.io/v1" namespaced "Ingress" none Some(Kind::Ingress);
    "ipaddresses" ["ip"], "networking.k8s.io/v1" cluster "IPAddress" none Some(Kind::IpAddress);
    "networkpolicies" ["netpol"], "networking.k8s.io/v1" namespaced "NetworkPolicy" none Some(Kind::NetworkPolicy);
    "servicecidrs" [], "networking.k8s.io/v1" cluster "ServiceCIDR" none Some(Kind::ServiceCidr);
}

impl Resource {
    /// Its group; empty for the core.
    #[must_use]
    pub fn group(&self) -> &'static str {
        self.version.split_once('/').map_or("", |it| it.0)
    }

    /// The version within its group.
    #[must_use]
    pub fn bare_version(&self) -> &'static str {
        self.version.rsplit('/').next().unwrap_or_default()
    }

    /// Its singular.
    #[must_use]
    pub fn singular(&self) -> String {
        self.kind.to_ascii_lowercase()
    }

    /// `service`, `deployment.apps`.
    #[must_use]
    pub fn qualified_singular(&self) -> String {
        dotted(&self.singular(), self.group())
    }

    /// `services`, `deployments.apps`.
    #[must_use]
    pub fn qualified(&self) -> String {
        dotted(self.name, self.group())
    }

    /// As errors name it: `/v1, Resource=services`.
    #[must_use]
    pub fn mapping(&self) -> (String, String) {
        let version = match self.group() {
            "" => format!("/{}", self.bare_version()),
            _ => self.version.to_owned(),
        };
        (
            format!("{version}, Resource={}", self.name),
            format!("{version}, Kind={}", self.kind),
        )
    }

    /// What the model has of it, or what the server says where it has nothing.
    ///
    /// # Errors
    /// When the model has nothing of it.
    pub fn modelled(&self) -> Result<Kind, Failure> {
        self.model.ok_or_else(|| {
            let message = "the server could not find the requested resource";
            Status::failure(StatusReason::NotFound, message).into()
        })
    }

    /// That there is no such object.
    #[must_use]
    pub fn not_found(&self, name: &str) -> Failure {
        Status::not_found((self.group(), self.name), name).into()
    }
}

fn dotted(name: &str, group: &str) -> String {
    match group {
        "" => name.to_owned(),
        group => format!("{name}.{group}"),
    }
}

/// Whether a server of a minor version serves a resource.
#[must_use]
pub fn is_served(resource: &Resource, minor: u16) -> bool {
    minor >= 33 || !matches!(resource.name, "ipaddresses" | "servicecidrs")
}

/// The resource of a word: plural, singular, short, with a group or a version and a group behind it.
#[must_use]
pub fn find(word: &str) -> Option<&'static Resource> {
    let word = word.to_ascii_lowercase();
    let by_name = |name: &str, fits: &dyn Fn(&Resource) -> bool| {
        RESOURCES.iter().find(|it| {
            (it.name == name || it.singular() == name || it.short.contains(&name)) && fits(it)
        })
    };
    let (name, rest) = match word.split_once('.') {
        None => return by_name(&word, &|_| true),
        Some(parts) => parts,
    };
    by_name(name, &|it| {
        it.group() == rest || format!("{}.{}", it.bare_version(), it.group()) == rest
    })
    .or_else(|| by_name(name, &|it| it.group().starts_with(&format!("{rest}."))))
}

/// The resource of a kind in a manifest.
#[must_use]
pub fn of_kind(version: &str, kind: &str) -> Option<&'static Resource> {
    RESOURCES
        .iter()
        .find(|it| it.version == version && it.kind == kind)
}

/// The resource of a kind of the model.
#[must_use]
pub fn of_model(kind: Kind) -> Option<&'static Resource> {
    RESOURCES.iter().find(|it| it.model == Some(kind))
}
