//! What the metadata of every object is checked for.
//!
//! `k8s.io/apimachinery/pkg/api/validation/objectmeta.go` and `ValidateObjectMeta` of
//! `pkg/apis/core/validation` of Kubernetes 1.31–1.37.
//!
//! **Left out**: managed fields; two controllers among the owners; the times of creation and deletion, and a missing version, which
//! the store fills in before an update is checked.

use super::names::{
    dns_1035_label_faults, dns_1123_label_faults, dns_1123_subdomain_faults, label_value_faults,
    qualified_name_faults,
};
use crate::api::{FieldError, KubernetesVersion, Labels, ObjectMeta, OwnerReference};

/// Which names a kind allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameRule {
    /// A label that starts with a letter.
    Dns1035Label,
    /// A label.
    Dns1123Label,
    /// Labels with dots between them.
    Dns1123Subdomain,
}

/// Where the objects of a kind live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// In namespaces.
    Namespaced,
    /// In the cluster.
    Cluster,
}

const MAX_ANNOTATION_BYTES: usize = 256 * 1024;
const STANDARD_FINALIZERS: [&str; 3] = ["foregroundDeletion", "kubernetes", "orphan"];

impl NameRule {
    /// What is wrong with a name.
    #[must_use]
    pub fn faults(self, name: &str) -> Vec<String> {
        match self {
            NameRule::Dns1035Label => dns_1035_label_faults(name),
            NameRule::Dns1123Label => dns_1123_label_faults(name),
            NameRule::Dns1123Subdomain => dns_1123_subdomain_faults(name),
        }
    }

    /// What is wrong with the beginning of a name: a hyphen at its end is fine, since more follows.
    fn prefix_faults(self, prefix: &str) -> Vec<String> {
        match prefix.strip_suffix('-') {
            Some(start) if !start.is_empty() => self.faults(&format!("{start}a")),
            _ => self.faults(prefix),
        }
    }
}

/// What is wrong with the metadata of a new object.
#[must_use]
pub fn validate_object_meta(
    metadata: &ObjectMeta,
    scope: Scope,
    rule: NameRule,
    version: KubernetesVersion,
) -> Vec<FieldError> {
    let mut errors = validate_name(metadata, rule);
    match (scope, metadata.namespace.as_str()) {
        (Scope::Namespaced, "") => errors.push(FieldError::required("metadata.namespace", "")),
        (Scope::Namespaced, namespace) => {
            for fault in dns_1123_label_faults(namespace) {
                errors.push(FieldError::invalid_text(
                    "metadata.namespace",
                    namespace,
                    fault,
                ));
            }
        }
        (Scope::Cluster, "") => {}
        (Scope::Cluster, _) => errors.push(FieldError::forbidden(
            "metadata.namespace",
            "not allowed on this type",
        )),
    }
    if let Some(number) = metadata.generation.filter(|it| *it < 0) {
        errors.push(FieldError::invalid(
            "metadata.generation",
            number,
            "must be greater than or equal to 0",
        ));
    }
    errors.extend(what_may_change(metadata, version));
    errors
}

/// What is wrong with the metadata of a changed object, apart from what is wrong with it anyway.
#[must_use]
pub fn validate_object_meta_update(
    new: &ObjectMeta,
    old: &ObjectMeta,
    version: KubernetesVersion,
) -> Vec<FieldError> {
    let mut errors = Vec::new();
    if old.deletion_timestamp.is_some() {
        let extra: Vec<_> = new
            .finalizers
            .iter()
            .filter(|it| !old.finalizers.contains(it))
            .cloned()
            .collect();
        if !extra.is_empty() {
            let list: Vec<_> = extra.iter().map(|it| crate::api::quoted(it)).collect();
            errors.push(FieldError::forbidden(
                "metadata.finalizers",
                format!(
                    "no new finalizers can be added if the object is being deleted, found new finalizers []string{{{}}}",
                    list.join(", ")
                ),
            ));
        }
    }
    if let (Some(number), Some(before)) = (new.generation, old.generation)
        && number < before
    {
        errors.push(FieldError::invalid(
            "metadata.generation",
            number,
            "must not be decremented",
        ));
    }
    let uid = |it: &ObjectMeta| it.uid.clone().unwrap_or_default();
    let uid_now = if uid(new).is_empty() {
        uid(old)
    } else {
        uid(new)
    };
    for (field, now, before) in [
        ("metadata.name", &new.name, &old.name),
        ("metadata.namespace", &new.namespace, &old.namespace),
        ("metadata.uid", &uid_now, &uid(old)),
    ] {
        if now != before {
            errors.push(FieldError::invalid_text(field, now, "field is immutable"));
        }
    }
    errors.extend(what_may_change(new, version));
    errors
}

/// What is wrong with labels, or with a selector of labels.
#[must_use]
pub fn validate_labels(
    labels: &Labels,
    field: &str,
    version: KubernetesVersion,
) -> Vec<FieldError> {
    let mut errors = Vec::new();
    for (key, value) in labels {
        for fault in qualified_name_faults(key, version) {
            errors.push(FieldError::invalid_text(field, key, fault));
        }
        for fault in label_value_faults(value) {
            errors.push(FieldError::invalid_text(field, value, fault));
        }
    }
    errors
}

fn validate_name(metadata: &ObjectMeta, rule: NameRule) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let prefix = metadata.generate_name.as_deref().unwrap_or_default();
    if !prefix.is_empty() {
        for fault in rule.prefix_faults(prefix) {
            let field = "metadata.generateName";
            errors.push(FieldError::invalid_text(field, prefix, fault));
        }
    }
    let name = metadata.name.as_str();
    if name.is_empty() {
        let why = "name or generateName is required";
        errors.push(FieldError::required("metadata.name", why));
    } else {
        for fault in rule.faults(name) {
            errors.push(FieldError::invalid_text("metadata.name", name, fault));
        }
    }
    errors
}

/// Labels, annotations, owners and finalizers are checked at every write.
fn what_may_change(metadata: &ObjectMeta, version: KubernetesVersion) -> Vec<FieldError> {
    let mut errors = validate_labels(&metadata.labels, "metadata.labels", version);
    for key in metadata.annotations.keys() {
        for fault in qualified_name_faults(&key.to_lowercase(), version) {
            errors.push(FieldError::invalid_text("metadata.annotations", key, fault));
        }
    }
    let n_bytes: usize = metadata
        .annotations
        .iter()
        .map(|(key, value)| key.len() + value.len())
        .sum();
    if n_bytes > MAX_ANNOTATION_BYTES {
        errors.push(FieldError::too_long(
            "metadata.annotations",
            MAX_ANNOTATION_BYTES,
            version,
        ));
    }
    errors.extend(validate_owners(&metadata.owner_references));
    for finalizer in &metadata.finalizers {
        for fault in qualified_name_faults(finalizer, version) {
            errors.push(FieldError::invalid_text(
                "metadata.finalizers",
                finalizer,
                fault,
            ));
        }
    }
    for (idx, finalizer) in metadata.finalizers.iter().enumerate() {
        if !finalizer.contains('/') && !STANDARD_FINALIZERS.contains(&finalizer.as_str()) {
            errors.push(FieldError::invalid_text(
                format!("metadata.finalizers[{idx}]"),
                finalizer,
                "name is neither a standard finalizer name nor is it fully qualified",
            ));
        }
    }
    errors
}

fn validate_owners(owners: &[OwnerReference]) -> Vec<FieldError> {
    let mut errors = Vec::new();
    for owner in owners {
        for (part, text, why) in [
            (
                "apiVersion",
                &owner.api_version,
                "version must not be empty",
            ),
            ("kind", &owner.kind, "must not be empty"),
            ("name", &owner.name, "must not be empty"),
            ("uid", &owner.uid, "must not be empty"),
        ] {
            if text.is_empty() {
                let field = format!("metadata.ownerReferences.{part}");
                errors.push(FieldError::invalid_text(field, text, why));
            }
        }
    }
    errors
}
