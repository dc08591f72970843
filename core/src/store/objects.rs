//! All objects in their typed form, by kind and name, and the look-ups that would otherwise go through all of them.
//!
//! The maps are read by everybody and changed through [`Objects::put`] and [`Objects::remove`] only, so that the
//! look-ups stay true. Objects are shared pointers: a copy of the whole costs one pointer an object.
//!
//! **Left out**: documents, revisions and watches, which [`super::Store`] keeps.

use super::index::Index;
use crate::api::{
    ClusterConfiguration, ConfigMap, ControllerRevision, Deployment, EndpointSlice, Endpoints,
    Event, Ingress, IngressClass, IpAddress, IpAddressPool, Kind, KubeProxyConfiguration, Labels,
    Lease, Namespace, NetworkPolicy, Node, Object, ObjectMeta, ObjectRef, Pod, ReplicaSet, Service,
    ServiceAccount, ServiceCidr, StatefulSet,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Namespace and name.
pub type Key = (String, String);

/// Objects of a kind that live in namespaces.
pub type Namespaced<T> = BTreeMap<Key, Arc<T>>;

/// Objects of a kind that do not.
pub type Named<T> = BTreeMap<String, Arc<T>>;

/// All objects of a cluster.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Objects {
    /// Namespaces by name.
    pub namespaces: Named<Namespace>,
    /// Nodes by name.
    pub nodes: Named<Node>,
    /// Pods.
    pub pods: Namespaced<Pod>,
    /// Services.
    pub services: Namespaced<Service>,
    /// Endpoints.
    pub endpoints: Namespaced<Endpoints>,
    /// EndpointSlices.
    pub endpoint_slices: Namespaced<EndpointSlice>,
    /// ConfigMaps.
    pub config_maps: Namespaced<ConfigMap>,
    /// ServiceAccounts.
    pub service_accounts: Namespaced<ServiceAccount>,
    /// Events.
    pub events: Namespaced<Event>,
    /// Deployments.
    pub deployments: Namespaced<Deployment>,
    /// ReplicaSets.
    pub replica_sets: Namespaced<ReplicaSet>,
    /// StatefulSets.
    pub stateful_sets: Namespaced<StatefulSet>,
    /// ControllerRevisions.
    pub controller_revisions: Namespaced<ControllerRevision>,
    /// Ingresses.
    pub ingresses: Namespaced<Ingress>,
    /// IngressClasses by name.
    pub ingress_classes: Named<IngressClass>,
    /// NetworkPolicies.
    pub network_policies: Namespaced<NetworkPolicy>,
    /// Leases.
    pub leases: Namespaced<Lease>,
    /// ServiceCIDRs by name.
    pub service_cidrs: Named<ServiceCidr>,
    /// IPAddresses by name.
    pub ip_addresses: Named<IpAddress>,
    /// MetalLB's pools.
    pub ip_address_pools: Namespaced<IpAddressPool>,
    /// The cluster's settings.
    pub cluster: Arc<ClusterConfiguration>,
    /// kube-proxy's settings, if any were given.
    pub kube_proxy: Option<Arc<KubeProxyConfiguration>>,
    index: Index,
}

/// The key of an object with this metadata.
#[must_use]
pub fn key(metadata: &ObjectMeta) -> Key {
    (metadata.namespace.clone(), metadata.name.clone())
}

impl Objects {
    /// Adds an object; one of the same name is replaced and handed back.
    pub fn put(&mut self, object: Object) -> Option<Object> {
        self.index.note(&object);
        let before = self.swap(&object.reference(), Some(object))?;
        self.index
            .replace(&before, self.find(&before.reference()).as_ref());
        Some(before)
    }

    /// Takes an object away, and hands it back if there was one.
    pub fn remove(&mut self, object: &ObjectRef) -> Option<Object> {
        let before = self.swap(object, None)?;
        self.index.forget(&before);
        Some(before)
    }

    /// The object of this name.
    #[must_use]
    pub fn find(&self, object: &ObjectRef) -> Option<Object> {
        let name = &object.name;
        let key = || (object.namespace.clone(), object.name.clone());
        Some(match object.kind {
            Kind::Namespace => self.namespaces.get(name)?.clone().into(),
            Kind::Node => self.nodes.get(name)?.clone().into(),
            Kind::Pod => self.pods.get(&key())?.clone().into(),
            Kind::Service => self.services.get(&key())?.clone().into(),
            Kind::Endpoints => self.endpoints.get(&key())?.clone().into(),
            Kind::EndpointSlice => self.endpoint_slices.get(&key())?.clone().into(),
            Kind::ConfigMap => self.config_maps.get(&key())?.clone().into(),
            Kind::ServiceAccount => self.service_accounts.get(&key())?.clone().into(),
            Kind::ControllerRevision => self.controller_revisions.get(&key())?.clone().into(),
            Kind::Event => self.events.get(&key())?.clone().into(),
            Kind::Deployment => self.deployments.get(&key())?.clone().into(),
            Kind::ReplicaSet => self.replica_sets.get(&key())?.clone().into(),
            Kind::StatefulSet => self.stateful_sets.get(&key())?.clone().into(),
            Kind::Ingress => self.ingresses.get(&key())?.clone().into(),
            Kind::IngressClass => self.ingress_classes.get(name)?.clone().into(),
            Kind::NetworkPolicy => self.network_policies.get(&key())?.clone().into(),
            Kind::Lease => self.leases.get(&key())?.clone().into(),
            Kind::ServiceCidr => self.service_cidrs.get(name)?.clone().into(),
            Kind::IpAddress => self.ip_addresses.get(name)?.clone().into(),
            Kind::IpAddressPool => self.ip_address_pools.get(&key())?.clone().into(),
            Kind::ClusterConfiguration => self.cluster.clone().into(),
            Kind::KubeProxyConfiguration => self.kube_proxy.clone()?.into(),
        })
    }

    /// Puts an object in the place of the one of its name, or nothing.
    fn swap(&mut self, at: &ObjectRef, object: Option<Object>) -> Option<Object> {
        macro_rules! swap {
            ($map:ident, $kind:ident, $key:expr) => {
                match object {
                    Some(Object::$kind(it)) => self.$map.insert($key, it),
                    _ => self.$map.remove(&$key),
                }
                .map(Object::$kind)
            };
        }
        let name = at.name.clone();
        let key = (at.namespace.clone(), at.name.clone());
        match at.kind {
            Kind::Namespace => swap!(namespaces, Namespace, name),
            Kind::Node => swap!(nodes, Node, name),
            Kind::Pod => swap!(pods, Pod, key),
            Kind::Service => swap!(services, Service, key),
            Kind::Endpoints => swap!(endpoints, Endpoints, key),
            Kind::EndpointSlice => swap!(endpoint_slices, EndpointSlice, key),
            Kind::ConfigMap => swap!(config_maps, ConfigMap, key),
            Kind::ServiceAccount => swap!(service_accounts, ServiceAccount, key),
            Kind::ControllerRevision => swap!(controller_revisions, ControllerRevision, key),
            Kind::Event => swap!(events, Event, key),
            Kind::Deployment => swap!(deployments, Deployment, key),
            Kind::ReplicaSet => swap!(replica_sets, ReplicaSet, key),
            Kind::StatefulSet => swap!(stateful_sets, StatefulSet, key),
            Kind::Ingress => swap!(ingresses, Ingress, key),
            Kind::IngressClass => swap!(ingress_classes, IngressClass, name),
            Kind::NetworkPolicy => swap!(network_policies, NetworkPolicy, key),
            Kind::Lease => swap!(leases, Lease, key),
            Kind::ServiceCidr => swap!(service_cidrs, ServiceCidr, name),
            Kind::IpAddress => swap!(ip_addresses, IpAddress, name),
            Kind::IpAddressPool => swap!(ip_address_pools, IpAddressPool, key),
            Kind::ClusterConfiguration => {
                let told = match object {
                    Some(Object::ClusterConfiguration(it)) => it,
                    _ => Arc::default(),
                };
                let before = std::mem::replace(&mut self.cluster, told);
                Some(Object::ClusterConfiguration(before))
            }
            Kind::KubeProxyConfiguration => {
                let told = match object {
                    Some(Object::KubeProxyConfiguration(it)) => Some(it),
                    _ => None,
                };
                let before = std::mem::replace(&mut self.kube_proxy, told);
                before.map(Object::KubeProxyConfiguration)
            }
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
        self.index
            .slices_of(namespace, service)
            .filter_map(move |name| {
                let key = (namespace.to_owned(), name.to_owned());
                self.endpoint_slices.get(&key)
            })
    }

    /// The pods of a namespace that have all of these labels, by name. No labels, no pods.
    pub fn pods_selected<'a>(
        &'a self,
        namespace: &'a str,
        selector: &'a Labels,
    ) -> impl Iterator<Item = &'a Arc<Pod>> {
        self.index
            .pods_with(namespace, selector)
            .filter_map(move |name| self.pod(namespace, name))
            .filter(move |it| crate::api::selects(selector, it.labels()))
    }

    /// The Services whose selector chooses these labels, by name.
    pub fn services_selecting<'a>(
        &'a self,
        namespace: &'a str,
        labels: &'a Labels,
    ) -> impl Iterator<Item = &'a Arc<Service>> {
        self.index
            .services_asking(namespace, labels)
            .filter_map(move |name| self.service(namespace, name))
            .filter(move |it| crate::api::selects(&it.spec.selector, labels))
    }

    /// The keys of the pods on a node; of those on none under the empty name.
    #[must_use]
    pub fn pods_on(&self, node: &str) -> &BTreeSet<Key> {
        self.index.pods_on(node)
    }

    /// Everything in a namespace.
    #[must_use]
    pub fn in_namespace(&self, namespace: &str) -> Vec<ObjectRef> {
        let first = (namespace.to_owned(), String::new());
        let mut found = Vec::new();
        macro_rules! collect {
            ($($map:ident: $kind:ident),*) => {$(
                for (key, _) in self.$map.range(first.clone()..) {
                    if key.0 != namespace {
                        break;
                    }
                    found.push(ObjectRef::new(Kind::$kind, namespace, &key.1));
                }
            )*};
        }
        collect!(
            services: Service, endpoints: Endpoints, endpoint_slices: EndpointSlice, config_maps: ConfigMap,
            service_accounts: ServiceAccount, controller_revisions: ControllerRevision, deployments: Deployment, replica_sets: ReplicaSet, stateful_sets: StatefulSet, pods: Pod,
            ingresses: Ingress, network_policies: NetworkPolicy, leases: Lease, events: Event
        );
        found
    }

    /// The objects that name the one of this uid as an owner.
    pub fn owned_by<'a>(&'a self, uid: &'a str) -> impl Iterator<Item = &'a ObjectRef> {
        self.index.owned_by(uid)
    }
}
