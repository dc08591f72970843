//! Any object, and its name among all others.
//!
//! Kinds, groups, plural and short names are those of Kubernetes 1.36's discovery.
//!
//! **Left out**: other versions of a group than the one each kind is listed with here.

use super::{
    ClusterConfiguration, ConfigMap, ControllerRevision, Deployment, EndpointSlice, Endpoints,
    Event, Ingress, IngressClass, IpAddress, IpAddressPool, KubeProxyConfiguration, Lease,
    Namespace, NetworkPolicy, Node, ObjectMeta, Pod, ReplicaSet, Service, ServiceAccount,
    ServiceCidr, StatefulSet,
};
use crate::record::{self, Misread, Record};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt;
use std::sync::Arc;

/// How a kind is known.
struct Facts {
    /// The group and version a manifest must give; without the version for settings that have several.
    api_version: &'static str,
    /// Its plural, as paths and messages have it; empty for settings, which no server serves.
    resource: &'static str,
    /// What kubectl takes for it.
    short_names: &'static [&'static str],
    scope: Scope,
}

enum Scope {
    Cluster,
    Namespaced,
}

/// A type that an [`Object`] can hold.
pub trait Held: Sized {
    /// The typed form of an object, if it is one of this type.
    fn held(object: &Object) -> Option<&Arc<Self>>;
}

/// Writes out what is the same for every kind: the two enums and the matches over them. A list by
/// hand would be the same eleven lines for each of the kinds, and a new kind could miss one.
macro_rules! kinds {
    ($($kind:ident($($metadata:ident)?): $version:literal, $resource:literal, $short:expr, $scope:ident;)*) => {
        /// A kind of object the model knows.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Kind {
            $(
                #[doc = concat!("`", $version, "`")]
                $kind,
            )*
        }

        /// An object: a shared pointer to it, so that a copy costs nothing.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Object {
            $(
                #[doc = concat!("`", $version, "` ", stringify!($kind))]
                $kind(Arc<$kind>),
            )*
        }

        $(
            impl Held for $kind {
                fn held(object: &Object) -> Option<&Arc<Self>> {
                    match object {
                        Object::$kind(it) => Some(it),
                        _ => None,
                    }
                }
            }

            impl From<$kind> for Object {
                fn from(it: $kind) -> Self {
                    Object::$kind(Arc::new(it))
                }
            }

            impl From<Arc<$kind>> for Object {
                fn from(it: Arc<$kind>) -> Self {
                    Object::$kind(it)
                }
            }
        )*

        impl Kind {
            /// All kinds.
            pub const ALL: &[Kind] = &[$(Kind::$kind,)*];

            /// The name a manifest uses.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Kind::$kind => name_of(stringify!($kind)),)* }
            }

            const fn facts(self) -> Facts {
                match self {
                    $(Kind::$kind => Facts {
                        api_version: $version,
                        resource: $resource,
                        short_names: &$short,
                        scope: Scope::$scope,
                    },)*
                }
            }
        }

        impl Object {
            /// Its kind.
            #[must_use]
            pub const fn kind(&self) -> Kind {
                match self { $(Object::$kind(_) => Kind::$kind,)* }
            }

            /// Its metadata, where it has any.
            #[must_use]
            pub fn metadata(&self) -> Option<&ObjectMeta> {
                match self { $(Object::$kind(_it) => kinds!(@metadata _it $($metadata)?),)* }
            }

            /// Its metadata, to be changed.
            pub fn metadata_mut(&mut self) -> Option<&mut ObjectMeta> {
                match self { $(Object::$kind(_it) => kinds!(@metadata_mut _it $($metadata)?),)* }
            }

            fn empty(kind: Kind) -> Self {
                match kind { $(Kind::$kind => Object::$kind(Arc::default()),)* }
            }

            fn record_mut(&mut self) -> Option<&mut dyn Record> {
                Some(match self { $(Object::$kind(it) => Arc::get_mut(it)?,)* })
            }

            fn record(&self) -> &dyn Record {
                match self { $(Object::$kind(it) => &**it,)* }
            }
        }
    };
    (@metadata $it:ident metadata) => { Some(&$it.metadata) };
    (@metadata $it:ident) => { None };
    (@metadata_mut $it:ident metadata) => { Some(&mut Arc::make_mut($it).metadata) };
    (@metadata_mut $it:ident) => { None };
}

kinds! {
    Namespace(metadata): "v1", "namespaces", ["ns"], Cluster;
    Node(metadata): "v1", "nodes", ["no"], Cluster;
    Pod(metadata): "v1", "pods", ["po"], Namespaced;
    Service(metadata): "v1", "services", ["svc"], Namespaced;
    Endpoints(metadata): "v1", "endpoints", ["ep"], Namespaced;
    EndpointSlice(metadata): "discovery.k8s.io/v1", "endpointslices", [], Namespaced;
    ConfigMap(metadata): "v1", "configmaps", ["cm"], Namespaced;
    ServiceAccount(metadata): "v1", "serviceaccounts", ["sa"], Namespaced;
    Event(metadata): "v1", "events", ["ev"], Namespaced;
    Deployment(metadata): "apps/v1", "deployments", ["deploy"], Namespaced;
    ReplicaSet(metadata): "apps/v1", "replicasets", ["rs"], Namespaced;
    StatefulSet(metadata): "apps/v1", "statefulsets", ["sts"], Namespaced;
    ControllerRevision(metadata): "apps/v1", "controllerrevisions", [], Namespaced;
    Ingress(metadata): "networking.k8s.io/v1", "ingresses", ["ing"], Namespaced;
    IngressClass(metadata): "networking.k8s.io/v1", "ingressclasses", [], Cluster;
    NetworkPolicy(metadata): "networking.k8s.io/v1", "networkpolicies", ["netpol"], Namespaced;
    Lease(metadata): "coordination.k8s.io/v1", "leases", [], Namespaced;
    ServiceCidr(metadata): "networking.k8s.io/v1", "servicecidrs", [], Cluster;
    IpAddress(metadata): "networking.k8s.io/v1", "ipaddresses", ["ip"], Cluster;
    IpAddressPool(metadata): "metallb.io/v1beta1", "ipaddresspools", [], Namespaced;
    ClusterConfiguration(): "kubeadm.k8s.io/", "", [], Cluster;
    KubeProxyConfiguration(): "kubeproxy.config.k8s.io/", "", [], Cluster;
}

/// Where Kubernetes writes initials in capitals.
const fn name_of(ours: &'static str) -> &'static str {
    match ours.as_bytes() {
        b"ServiceCidr" => "ServiceCIDR",
        b"IpAddress" => "IPAddress",
        b"IpAddressPool" => "IPAddressPool",
        _ => ours,
    }
}

/// The name of an object among all others. In JSON it is the text `pod/default/api-1`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectRef {
    /// Its kind.
    pub kind: Kind,
    /// Its namespace; empty for objects that have none.
    pub namespace: String,
    /// Its name; empty for the cluster's settings.
    pub name: String,
}

impl Kind {
    /// The kind of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|it| it.name() == name)
    }

    /// The kind whose plural, singular or short name this is, in any case of letters.
    #[must_use]
    pub fn from_resource(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        Self::ALL.iter().copied().find(|it| {
            let facts = it.facts();
            !facts.resource.is_empty()
                && (facts.resource == name
                    || it.singular() == name
                    || facts.short_names.contains(&name.as_str()))
        })
    }

    /// The group and version a manifest must give, without the version for settings that have
    /// several.
    #[must_use]
    pub const fn api_version(self) -> &'static str {
        self.facts().api_version
    }

    /// Its group; empty for the core group.
    #[must_use]
    pub fn group(self) -> &'static str {
        self.api_version()
            .split_once('/')
            .map_or("", |(group, _)| group)
    }

    /// Its plural; empty for settings, which no API server serves.
    #[must_use]
    pub const fn resource(self) -> &'static str {
        self.facts().resource
    }

    /// Its plural with its group: `services`, `deployments.apps`.
    #[must_use]
    pub fn qualified_resource(self) -> String {
        match self.group() {
            "" => self.resource().to_owned(),
            group => format!("{}.{group}", self.resource()),
        }
    }

    /// Its singular: `service`.
    #[must_use]
    pub fn singular(self) -> String {
        self.name().to_ascii_lowercase()
    }

    /// What kubectl takes for it beside its plural and singular.
    #[must_use]
    pub const fn short_names(self) -> &'static [&'static str] {
        self.facts().short_names
    }

    /// Whether its objects live in namespaces.
    #[must_use]
    pub const fn is_namespaced(self) -> bool {
        matches!(self.facts().scope, Scope::Namespaced)
    }

    /// Whether an API server serves it; settings are read from manifests only.
    #[must_use]
    pub const fn is_served(self) -> bool {
        !self.facts().resource.is_empty()
    }
}

impl Object {
    /// The object of a kind that an API document describes, or what it cannot be.
    pub(super) fn read(kind: Kind, document: &Value) -> Result<Self, Misread> {
        let mut object = Self::empty(kind);
        let record = object.record_mut().expect("nobody shares a new object");
        record::read_into(record, document)?;
        Ok(object)
    }

    /// The object of a kind that an API document describes. Fields that the model does not know are passed over.
    ///
    /// # Errors
    /// When a field is of a wrong type.
    pub fn from_document(kind: Kind, document: &Value) -> Result<Self, serde_json::Error> {
        Self::read(kind, document).map_err(serde::de::Error::custom)
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

    /// Whether this is its name among all objects.
    #[must_use]
    pub fn is_called(&self, reference: &ObjectRef) -> bool {
        let metadata = self.metadata();
        self.kind() == reference.kind
            && metadata.map_or("", |it| &it.name) == reference.name
            && metadata.map_or("", |it| &it.namespace) == reference.namespace
    }

    /// The object as an API document: apiVersion and kind told, what is empty left away.
    #[must_use]
    pub fn document(&self) -> Value {
        let mut document = self.record().write();
        let kind = self.kind();
        if let Value::Object(fields) = &mut document {
            fields.insert("apiVersion".into(), kind.api_version().into());
            fields.insert("kind".into(), kind.name().into());
        }
        document
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
        f.write_str(&self.kind.singular())?;
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

impl<'de> Deserialize<'de> for ObjectRef {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let mut parts = text.split('/');
        let singular = parts.next().unwrap_or_default();
        let kind = Kind::ALL.iter().find(|it| it.singular() == singular);
        let kind = *kind.ok_or_else(|| serde::de::Error::custom("no kind the model knows"))?;
        let (first, second) = (parts.next().unwrap_or_default(), parts.next());
        Ok(match second {
            Some(name) => ObjectRef::new(kind, first, name),
            None if kind.is_namespaced() => ObjectRef::new(kind, first, ""),
            None => ObjectRef::new(kind, "", first),
        })
    }
}
