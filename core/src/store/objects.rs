//! All objects, by kind and name.

use crate::api::{
    ClusterConfiguration, ConfigMap, EndpointSlice, KubeProxyConfiguration, Namespace, Node,
    Object, ObjectMeta, Pod, Service,
};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Namespace and name.
pub type Key = (String, String);

/// All objects of a cluster.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Objects {
    /// Namespaces by name.
    pub namespaces: BTreeMap<String, Arc<Namespace>>,
    /// Nodes by name.
    pub nodes: BTreeMap<String, Arc<Node>>,
    /// Pods.
    pub pods: BTreeMap<Key, Arc<Pod>>,
    /// Services.
    pub services: BTreeMap<Key, Arc<Service>>,
    /// EndpointSlices.
    pub endpoint_slices: BTreeMap<Key, Arc<EndpointSlice>>,
    /// ConfigMaps.
    pub config_maps: BTreeMap<Key, Arc<ConfigMap>>,
    /// The cluster's settings.
    pub cluster: Arc<ClusterConfiguration>,
    /// kube-proxy's settings, if any were given.
    pub kube_proxy: Option<Arc<KubeProxyConfiguration>>,
}

/// The key of an object with this metadata.
#[must_use]
pub(crate) fn key(metadata: &ObjectMeta) -> Key {
    (metadata.namespace.clone(), metadata.name.clone())
}

impl Objects {
    /// Adds an object; one of the same name is replaced.
    pub fn put(&mut self, object: Object) {
        match object {
            Object::Namespace(it) => {
                self.namespaces
                    .insert(it.metadata.name.clone(), Arc::new(it));
            }
            Object::Node(it) => {
                self.nodes.insert(it.metadata.name.clone(), Arc::new(it));
            }
            Object::Pod(it) => {
                self.pods.insert(key(&it.metadata), Arc::new(it));
            }
            Object::Service(it) => {
                self.services.insert(key(&it.metadata), Arc::new(it));
            }
            Object::EndpointSlice(it) => {
                self.endpoint_slices.insert(key(&it.metadata), Arc::new(it));
            }
            Object::ConfigMap(it) => {
                self.config_maps.insert(key(&it.metadata), Arc::new(it));
            }
            Object::ClusterConfiguration(it) => self.cluster = Arc::new(it),
            Object::KubeProxyConfiguration(it) => self.kube_proxy = Some(Arc::new(it)),
        }
    }

    /// The Service of this namespace and name.
    #[must_use]
    pub fn service(&self, namespace: &str, name: &str) -> Option<&Arc<Service>> {
        self.services.get(&(namespace.to_owned(), name.to_owned()))
    }

    /// The pod of this namespace and name.
    #[must_use]
    pub fn pod(&self, namespace: &str, name: &str) -> Option<&Arc<Pod>> {
        self.pods.get(&(namespace.to_owned(), name.to_owned()))
    }

    /// The slices of a Service, by name.
    pub fn slices_of<'a>(
        &'a self,
        namespace: &'a str,
        service: &'a str,
    ) -> impl Iterator<Item = &'a Arc<EndpointSlice>> {
        self.endpoint_slices.values().filter(move |it| {
            it.metadata.namespace == namespace && it.service_name() == Some(service)
        })
    }
}
