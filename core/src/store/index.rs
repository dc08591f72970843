//! Look-ups beside the maps of objects: who selects whom, what belongs to what.
//!
//! What client-go's informers call indexers. Without them every change of a pod would go through all Services.
//!
//! **Left out**: look-ups nobody asks for.

use crate::api::{Labels, Object, ObjectRef};
use crate::store::Key;
use std::collections::{BTreeMap, BTreeSet};

/// Namespace, label, value.
type LabelKey = (String, String, String);

/// All look-ups.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Index {
    slices: BTreeMap<Key, BTreeSet<String>>,
    pods_by_label: BTreeMap<LabelKey, BTreeSet<String>>,
    pods_by_node: BTreeMap<String, BTreeSet<Key>>,
    /// Services by the first label of their selector: whoever has all of them has that one.
    services: BTreeMap<LabelKey, BTreeSet<String>>,
    owned: BTreeMap<String, BTreeSet<ObjectRef>>,
}

#[derive(Clone, Copy)]
enum Entry {
    Note,
    Forget,
}

impl Index {
    pub(super) fn note(&mut self, object: &Object) {
        self.change(object, Entry::Note);
    }

    /// Has an object stand where it belongs instead of where it was. Most changes are of a status, and move nothing.
    pub(super) fn replace(&mut self, before: &Object, after: &Object) {
        if !stand_alike(before, after) {
            self.forget(before);
            self.note(after);
        }
    }

    pub(super) fn forget(&mut self, object: &Object) {
        self.change(object, Entry::Forget);
    }

    /// Notes or forgets an object: the same places either way.
    fn change(&mut self, object: &Object, entry: Entry) {
        let Some(metadata) = object.metadata() else {
            return;
        };
        let namespace = &metadata.namespace;
        let name = &metadata.name;
        for owner in &metadata.owner_references {
            at(
                &mut self.owned,
                owner.uid.clone(),
                object.reference(),
                entry,
            );
        }
        match object {
            Object::Pod(pod) => {
                for (label, value) in pod.labels() {
                    let key = (namespace.clone(), label.clone(), value.clone());
                    at(&mut self.pods_by_label, key, name.clone(), entry);
                }
                // Those that are on none stand under the empty name.
                let node = pod.spec.node_name.clone().unwrap_or_default();
                let key = (namespace.clone(), name.clone());
                at(&mut self.pods_by_node, node, key, entry);
            }
            Object::Service(service) => {
                if let Some((label, value)) = service.spec.selector.iter().next() {
                    let key = (namespace.clone(), label.clone(), value.clone());
                    at(&mut self.services, key, name.clone(), entry);
                }
            }
            Object::EndpointSlice(slice) => {
                if let Some(service) = slice.service_name() {
                    let key = (namespace.clone(), service.to_owned());
                    at(&mut self.slices, key, name.clone(), entry);
                }
            }
            _ => {}
        }
    }

    pub(super) fn slices_of(&self, namespace: &str, service: &str) -> impl Iterator<Item = &str> {
        let key = (namespace.to_owned(), service.to_owned());
        names(self.slices.get(&key))
    }

    /// Pods that have the label of the selector that the fewest pods have.
    pub(super) fn pods_with(
        &self,
        namespace: &str,
        selector: &Labels,
    ) -> impl Iterator<Item = &str> {
        static NONE: BTreeSet<String> = BTreeSet::new();
        let sets = selector.iter().map(|(label, value)| {
            let key = (namespace.to_owned(), label.clone(), value.clone());
            self.pods_by_label.get(&key).unwrap_or(&NONE)
        });
        names(sets.min_by_key(|it| it.len()))
    }

    pub(super) fn services_asking<'a>(
        &'a self,
        namespace: &'a str,
        labels: &'a Labels,
    ) -> impl Iterator<Item = &'a str> {
        labels.iter().flat_map(move |(label, value)| {
            let key = (namespace.to_owned(), label.clone(), value.clone());
            names(self.services.get(&key))
        })
    }

    pub(super) fn pods_on(&self, node: &str) -> &BTreeSet<Key> {
        static NONE: BTreeSet<Key> = BTreeSet::new();
        self.pods_by_node.get(node).unwrap_or(&NONE)
    }

    pub(super) fn owned_by(&self, uid: &str) -> impl Iterator<Item = &ObjectRef> {
        self.owned.get(uid).into_iter().flatten()
    }
}

/// Whether two states of an object stand in the same places.
fn stand_alike(before: &Object, after: &Object) -> bool {
    let (was, is) = (before.metadata(), after.metadata());
    if was.map(|it| &it.owner_references) != is.map(|it| &it.owner_references) {
        return false;
    }
    match (before, after) {
        (Object::Pod(before), Object::Pod(after)) => {
            before.labels() == after.labels() && before.spec.node_name == after.spec.node_name
        }
        (Object::Service(before), Object::Service(after)) => {
            before.spec.selector == after.spec.selector
        }
        (Object::EndpointSlice(before), Object::EndpointSlice(after)) => {
            before.service_name() == after.service_name()
        }
        _ => true,
    }
}

fn names(set: Option<&BTreeSet<String>>) -> impl Iterator<Item = &str> {
    set.into_iter().flatten().map(String::as_str)
}

/// Changes one place, which is not kept once nothing is in it.
fn at<K: Ord, V: Ord>(map: &mut BTreeMap<K, BTreeSet<V>>, key: K, value: V, entry: Entry) {
    match entry {
        Entry::Note => {
            map.entry(key).or_default().insert(value);
        }
        Entry::Forget => {
            if let Some(set) = map.get_mut(&key) {
                set.remove(&value);
                if set.is_empty() {
                    map.remove(&key);
                }
            }
        }
    }
}
