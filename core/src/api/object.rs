//! Any object, and its name among all others.

use super::{
    ClusterConfiguration, ConfigMap, EndpointSlice, KubeProxyConfiguration, Namespace, Node,
    ObjectMeta, Pod, Service,
};
use serde::Serialize;
use std::fmt;

/// A kind of object the model knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Kind {
    /// `v1`
    Namespace,
    /// `v1`
    Node,
    /// `v1`
    Pod,
    /// `v1`
    Service,
    /// `discovery.k8s.io/v1`
    EndpointSlice,
    /// `v1`
    ConfigMap,
    /// `kubeadm.k8s.io/v1beta4`
    ClusterConfiguration,
    /// `kubeproxy.config.k8s.io/v1alpha1`
    KubeProxyConfiguration,
}

/// An object.
#[derive(Clone, Debug, PartialEq)]
#[allow(
    clippy::large_enum_variant,
    reason = "it lives for a moment, between the manifest and the store"
)]
pub enum Object {
    /// A Namespace.
    Namespace(Namespace),
    /// A Node.
    Node(Node),
    /// A Pod.
    Pod(Pod),
    /// A Service.
    Service(Service),
    /// An EndpointSlice.
    EndpointSlice(EndpointSlice),
    /// A ConfigMap.
    ConfigMap(ConfigMap),
    /// The cluster's settings.
    ClusterConfiguration(ClusterConfiguration),
    /// kube-proxy's settings.
    KubeProxyConfiguration(KubeProxyConfiguration),
}

/// The name of an object among all others. In JSON it is the text `pod/default/api-1`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ObjectRef {
    /// Its kind.
    pub kind: Kind,
    /// Its namespace; empty for objects that have none.
    pub namespace: String,
    /// Its name; empty for the cluster's settings.
    pub name: String,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Kind; 8] = [
        Kind::Namespace,
        Kind::Node,
        Kind::Pod,
        Kind::Service,
        Kind::EndpointSlice,
        Kind::ConfigMap,
        Kind::ClusterConfiguration,
        Kind::KubeProxyConfiguration,
    ];

    /// The name a manifest uses.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Namespace => "Namespace",
            Kind::Node => "Node",
            Kind::Pod => "Pod",
            Kind::Service => "Service",
            Kind::EndpointSlice => "EndpointSlice",
            Kind::ConfigMap => "ConfigMap",
            Kind::ClusterConfiguration => "ClusterConfiguration",
            Kind::KubeProxyConfiguration => "KubeProxyConfiguration",
        }
    }

    /// The kind of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.name() == name)
    }

    /// The group and version a manifest must give, without the version for settings that have
    /// several.
    #[must_use]
    pub const fn api_version(self) -> &'static str {
        match self {
            Kind::Namespace | Kind::Node | Kind::Pod | Kind::Service | Kind::ConfigMap => "v1",
            Kind::EndpointSlice => "discovery.k8s.io/v1",
            Kind::ClusterConfiguration => "kubeadm.k8s.io/",
            Kind::KubeProxyConfiguration => "kubeproxy.config.k8s.io/",
        }
    }

    /// Whether its objects live in namespaces.
    #[must_use]
    pub const fn is_namespaced(self) -> bool {
        matches!(
            self,
            Kind::Pod | Kind::Service | Kind::EndpointSlice | Kind::ConfigMap
        )
    }

    /// Whether the model knows every field of it.
    #[must_use]
    pub const fn is_whole(self) -> bool {
        matches!(self, Kind::Service | Kind::EndpointSlice | Kind::Namespace)
    }
}

impl Object {
    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Object::Namespace(_) => Kind::Namespace,
            Object::Node(_) => Kind::Node,
            Object::Pod(_) => Kind::Pod,
            Object::Service(_) => Kind::Service,
            Object::EndpointSlice(_) => Kind::EndpointSlice,
            Object::ConfigMap(_) => Kind::ConfigMap,
            Object::ClusterConfiguration(_) => Kind::ClusterConfiguration,
            Object::KubeProxyConfiguration(_) => Kind::KubeProxyConfiguration,
        }
    }

    /// Its metadata, where it has any.
    #[must_use]
    pub fn metadata(&self) -> Option<&ObjectMeta> {
        Some(match self {
            Object::Namespace(it) => &it.metadata,
            Object::Node(it) => &it.metadata,
            Object::Pod(it) => &it.metadata,
            Object::Service(it) => &it.metadata,
            Object::EndpointSlice(it) => &it.metadata,
            Object::ConfigMap(it) => &it.metadata,
            Object::ClusterConfiguration(_) | Object::KubeProxyConfiguration(_) => return None,
        })
    }

    pub(super) fn metadata_mut(&mut self) -> Option<&mut ObjectMeta> {
        Some(match self {
            Object::Namespace(it) => &mut it.metadata,
            Object::Node(it) => &mut it.metadata,
            Object::Pod(it) => &mut it.metadata,
            Object::Service(it) => &mut it.metadata,
            Object::EndpointSlice(it) => &mut it.metadata,
            Object::ConfigMap(it) => &mut it.metadata,
            Object::ClusterConfiguration(_) | Object::KubeProxyConfiguration(_) => return None,
        })
    }

    /// Its name among all objects.
    #[must_use]
    pub fn reference(&self) -> ObjectRef {
        let metadata = self.metadata();
        ObjectRef {
            kind: self.kind(),
            namespace: metadata.map(|it| it.namespace.clone()).unwrap_or_default(),
            name: metadata.map(|it| it.name.clone()).unwrap_or_default(),
        }
    }
}

impl ObjectRef {
    /// A reference to an object of a namespace.
    #[must_use]
    pub fn new(kind: Kind, namespace: &str, name: &str) -> Self {
        ObjectRef {
            kind,
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        }
    }
}

impl fmt::Display for ObjectRef {
    /// `pod/default/api-1`, `node/node-1`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.kind.name().to_ascii_lowercase())?;
        for part in [&self.namespace, &self.name] {
            if !part.is_empty() {
                write!(f, "/{part}")?;
            }
        }
        Ok(())
    }
}

impl Serialize for ObjectRef {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
