//! All objects in their typed form, by kind and name, and the look-ups that would otherwise go through all of them.
//!
//! The maps are read by everybody and changed through [`Objects::put`] and [`Objects::remove`] only, so that the
//! look-ups stay true. Objects are shared pointers: a copy of the whole costs one pointer an object.
//!
//! **Left out**: documents, revisions and watches, which [`super::Store`] keeps.

use super::index::Index;
use super::kept::Kept;
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
pub type Namespaced<T> = Kept<Key, T>;

/// Objects of a kind that do not.
pub type Named<T> = Kept<String, T>;

/// The map of a kind, whichever it is.
enum Shelf<N, S> {
    Named(N),
    Namespaced(S),
}

type SharedShelf<'a> = Shelf<&'a BTreeMap<String, Object>, &'a BTreeMap<Key, Object>>;
type OpenShelf<'a> = Shelf<&'a mut BTreeMap<String, Object>, &'a mut BTreeMap<Key, Object>>;

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

/// What goes with a namespace, in the order in which it goes.
const IN_NAMESPACES: [Kind; 14] = [
    Kind::Service,
    Kind::Endpoints,
    Kind::EndpointSlice,
    Kind::ConfigMap,
    Kind::ServiceAccount,
    Kind::ControllerRevision,
    Kind::Deployment,
    Kind::ReplicaSet,
    Kind::StatefulSet,
    Kind::Pod,
    Kind::Ingress,
    Kind::NetworkPolicy,
    Kind::Lease,
    Kind::Event,
];

/// The key of an object with this metadata.
#[must_use]
pub fn key(metadata: &ObjectMeta) -> Key {
    (metadata.namespace.clone(), metadata.name.clone())
}

impl Objects {
    /// Adds an object; one of the same name is replaced and handed back.
    pub fn put(&mut self, object: Object) -> Option<Object> {
        let reference = object.reference();
        self.put_at(&reference, object)
    }

    /// The same where its name is known.
    pub(super) fn put_at(&mut self, reference: &ObjectRef, object: Object) -> Option<Object> {
        let after = object.clone();
        let before = self.swap(reference, Some(object));
        match &before {
            Some(before) => self.index.replace(before, &after),
            None => self.index.note(&after),
        }
        before
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
        match self.shelf(object.kind) {
            Some(Shelf::Named(map)) => map.get(&object.name).cloned(),
            Some(Shelf::Namespaced(map)) => {
                let key = (object.namespace.clone(), object.name.clone());
                map.get(&key).cloned()
            }
            None if object.kind == Kind::ClusterConfiguration => Some(self.cluster.clone().into()),
            None => self.kube_proxy.clone().map(Into::into),
        }
    }

    /// Puts an object in the place of the one of its name, or nothing.
    fn swap(&mut self, at: &ObjectRef, object: Option<Object>) -> Option<Object> {
        match (self.shelf_mut(at.kind), object) {
            (Some(Shelf::Named(map)), Some(it)) => map.insert(at.name.clone(), it),
            (Some(Shelf::Named(map)), None) => map.remove(&at.name),
            (Some(Shelf::Namespaced(map)), object) => {
                let key = (at.namespace.clone(), at.name.clone());
                match object {
                    Some(it) => map.insert(key, it),
                    None => map.remove(&key),
                }
            }
            (None, object) => self.swap_settings(at.kind, object),
        }
    }

    fn swap_settings(&mut self, kind: Kind, object: Option<Object>) -> Option<Object> {
        if kind == Kind::ClusterConfiguration {
            let told = match object {
                Some(Object::ClusterConfiguration(it)) => it,
                _ => Arc::default(),
            };
            let before = std::mem::replace(&mut self.cluster, told);
            return Some(Object::ClusterConfiguration(before));
        }
        let told = match object {
            Some(Object::KubeProxyConfiguration(it)) => Some(it),
            _ => None,
        };
        let before = std::mem::replace(&mut self.kube_proxy, told);
        before.map(Object::KubeProxyConfiguration)
    }

    /// The map of a kind; none for settings.
    fn shelf(&self, kind: Kind) -> Option<SharedShelf<'_>> {
        Some(match kind {
            Kind::Namespace => Shelf::Named(&self.namespaces.objects),
            Kind::Node => Shelf::Named(&self.nodes.objects),
            Kind::Pod => Shelf::Namespaced(&self.pods.objects),
            Kind::Service => Shelf::Namespaced(&self.services.objects),
            Kind::Endpoints => Shelf::Namespaced(&self.endpoints.objects),
            Kind::EndpointSlice => Shelf::Namespaced(&self.endpoint_slices.objects),
            Kind::ConfigMap => Shelf::Namespaced(&self.config_maps.objects),
            Kind::ServiceAccount => Shelf::Namespaced(&self.service_accounts.objects),
            Kind::ControllerRevision => Shelf::Namespaced(&self.controller_revisions.objects),
            Kind::Event => Shelf::Namespaced(&self.events.objects),
            Kind::Deployment => Shelf::Namespaced(&self.deployments.objects),
            Kind::ReplicaSet => Shelf::Namespaced(&self.replica_sets.objects),
            Kind::StatefulSet => Shelf::Namespaced(&self.stateful_sets.objects),
            Kind::Ingress => Shelf::Namespaced(&self.ingresses.objects),
            Kind::IngressClass => Shelf::Named(&self.ingress_classes.objects),
            Kind::NetworkPolicy => Shelf::Namespaced(&self.network_policies.objects),
            Kind::Lease => Shelf::Namespaced(&self.leases.objects),
            Kind::ServiceCidr => Shelf::Named(&self.service_cidrs.objects),
            Kind::IpAddress => Shelf::Named(&self.ip_addresses.objects),
            Kind::IpAddressPool => Shelf::Namespaced(&self.ip_address_pools.objects),
            Kind::ClusterConfiguration | Kind::KubeProxyConfiguration => return None,
        })
    }

    fn shelf_mut(&mut self, kind: Kind) -> Option<OpenShelf<'_>> {
        Some(match kind {
            Kind::Namespace => Shelf::Named(&mut self.namespaces.objects),
            Kind::Node => Shelf::Named(&mut self.nodes.objects),
            Kind::Pod => Shelf::Namespaced(&mut self.pods.objects),
            Kind::Service => Shelf::Namespaced(&mut self.services.objects),
            Kind::Endpoints => Shelf::Namespaced(&mut self.endpoints.objects),
            Kind::EndpointSlice => Shelf::Namespaced(&mut self.endpoint_slices.objects),
            Kind::ConfigMap => Shelf::Namespaced(&mut self.config_maps.objects),
            Kind::ServiceAccount => Shelf::Namespaced(&mut self.service_accounts.objects),
            Kind::ControllerRevision => Shelf::Namespaced(&mut self.controller_revisions.objects),
            Kind::Event => Shelf::Namespaced(&mut self.events.objects),
            Kind::Deployment => Shelf::Namespaced(&mut self.deployments.objects),
            Kind::ReplicaSet => Shelf::Namespaced(&mut self.replica_sets.objects),
            Kind::StatefulSet => Shelf::Namespaced(&mut self.stateful_sets.objects),
            Kind::Ingress => Shelf::Namespaced(&mut self.ingresses.objects),
            Kind::IngressClass => Shelf::Named(&mut self.ingress_classes.objects),
            Kind::NetworkPolicy => Shelf::Namespaced(&mut self.network_policies.objects),
            Kind::Lease => Shelf::Namespaced(&mut self.leases.objects),
            Kind::ServiceCidr => Shelf::Named(&mut self.service_cidrs.objects),
            Kind::IpAddress => Shelf::Named(&mut self.ip_addresses.objects),
            Kind::IpAddressPool => Shelf::Namespaced(&mut self.ip_address_pools.objects),
            Kind::ClusterConfiguration | Kind::KubeProxyConfiguration => return None,
        })
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
        for kind in IN_NAMESPACES {
            let Some(Shelf::Namespaced(map)) = self.shelf(kind) else {
                continue;
            };
            let inside = map.range(first.clone()..).map(|it| it.0);
            let inside = inside.take_while(|it| it.0 == namespace);
            found.extend(inside.map(|it| ObjectRef::new(kind, namespace, &it.1)));
        }
        found
    }

    /// The objects that name the one of this uid as an owner.
    pub fn owned_by<'a>(&'a self, uid: &'a str) -> impl Iterator<Item = &'a ObjectRef> {
        self.index.owned_by(uid)
    }
}
