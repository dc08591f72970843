//! What an API server fills into a document and checks of it, for every kind but Service.
//!
//! `pkg/apis/{core,apps,networking,discovery}/{v1/defaults.go,validation/validation.go}` of Kubernetes 1.31–1.37, on whole
//! documents: a typed form keeps only what the model decides by, and a learner's mistake may stand in any field.
//! Service has functions of its own, since its rules touch its typed form.
//!
//! **Left out**: fields that no name, address or packet depends on: volumes, resources, affinity, security contexts,
//! environment variables. They are checked by their types only.

mod cluster;
mod defaults;
mod endpoints;
mod networking;
mod pod;
mod pod_update;
mod printed;
mod workload;

pub use defaults::set_defaults;
pub use pod::qos_class;

use super::{FieldError, Kind, KubernetesVersion};
use serde_json::Value;

/// What is wrong with a new document beside its metadata.
#[must_use]
pub fn validate(kind: Kind, document: &Value, version: KubernetesVersion) -> Vec<FieldError> {
    let mut errors = Errors::new(version);
    check(kind, document, &mut errors);
    errors.found
}

/// What is wrong with a changed document beside its metadata.
#[must_use]
pub fn validate_update(
    kind: Kind,
    new: &Value,
    old: &Value,
    version: KubernetesVersion,
) -> Vec<FieldError> {
    let mut errors = Errors::new(version);
    match kind {
        Kind::Pod => pod_update::check(new, old, &mut errors),
        Kind::StatefulSet => workload::check_stateful_set_update(new, old, &mut errors),
        Kind::Endpoints if new["subsets"] == old["subsets"] => {}
        _ => check(kind, new, &mut errors),
    }
    match kind {
        Kind::Deployment | Kind::ReplicaSet => workload::check_selector_kept(new, old, &mut errors),
        Kind::EndpointSlice => {
            errors.immutable("addressType", &new["addressType"], &old["addressType"]);
        }
        Kind::IngressClass => {
            let controller = |it: &Value| it["spec"]["controller"].clone();
            errors.immutable("spec.controller", &controller(new), &controller(old));
        }
        Kind::ServiceCidr => networking::check_ranges_kept(new, old, &mut errors),
        Kind::ConfigMap => cluster::check_config_map_kept(new, old, &mut errors),
        _ => {}
    }
    errors.found
}

fn check(kind: Kind, document: &Value, errors: &mut Errors) {
    match kind {
        Kind::Pod => pod::check_spec(&document["spec"], "spec", errors),
        Kind::Deployment => workload::check_deployment(&document["spec"], errors),
        Kind::ReplicaSet => workload::check_replica_set(&document["spec"], errors),
        Kind::StatefulSet => workload::check_stateful_set(&document["spec"], errors),
        Kind::Ingress => networking::check_ingress(document, errors),
        Kind::IngressClass => networking::check_ingress_class(&document["spec"], errors),
        Kind::NetworkPolicy => networking::check_network_policy(&document["spec"], errors),
        Kind::ServiceCidr => networking::check_service_cidr(&document["spec"], errors),
        Kind::Endpoints => endpoints::check_endpoints(document, errors),
        Kind::EndpointSlice => endpoints::check_endpoint_slice(document, errors),
        Kind::ConfigMap => cluster::check_config_map(document, errors),
        Kind::Node => cluster::check_node(&document["spec"], errors),
        _ => {}
    }
}

/// What was found so far, with the words for what is found again and again.
struct Errors {
    version: KubernetesVersion,
    found: Vec<FieldError>,
}

impl Errors {
    fn new(version: KubernetesVersion) -> Self {
        Errors {
            version,
            found: Vec::new(),
        }
    }

    fn push(&mut self, error: FieldError) {
        self.found.push(error);
    }

    fn required(&mut self, field: String, detail: &str) {
        self.push(FieldError::required(field, detail));
    }

    fn forbidden(&mut self, field: String, detail: &str) {
        self.push(FieldError::forbidden(field, detail));
    }

    fn invalid(&mut self, field: String, value: impl std::fmt::Display, detail: &str) {
        self.push(FieldError::invalid(field, value, detail));
    }

    /// A text and each of its faults.
    fn text<S: AsRef<str>>(&mut self, field: &str, value: &str, faults: Vec<S>) {
        for it in faults {
            self.push(FieldError::invalid_text(field, value, it.as_ref()));
        }
    }

    /// A name of one label.
    fn label(&mut self, field: &str, value: &str) {
        self.text(field, value, super::dns_1123_label_faults(value));
    }

    /// A name of several labels.
    fn subdomain(&mut self, field: &str, value: &str) {
        self.text(field, value, super::dns_1123_subdomain_faults(value));
    }

    fn port_name(&mut self, field: &str, value: &str) {
        self.text(field, value, super::port_name_faults(value));
    }

    fn port_number(&mut self, field: &str, number: i64) {
        let narrow = i32::try_from(number).unwrap_or(0);
        if let Some(fault) = super::port_number_fault(narrow) {
            self.invalid(field.to_owned(), number, fault);
        }
    }

    fn protocol(&mut self, field: &str, value: &str, supported: &[&str]) {
        if value.is_empty() {
            self.required(field.to_owned(), "");
        } else if !supported.contains(&value) {
            self.push(FieldError::not_supported(field, value, supported));
        }
    }

    /// A number that may be absent, but not below nothing.
    fn natural(&mut self, of: &Value, name: &str, path: &str) {
        if let Some(number) = of[name].as_i64().filter(|it| *it < 0) {
            let field = format!("{path}.{name}");
            self.invalid(field, number, "must be greater than or equal to 0");
        }
    }

    fn labels(&mut self, labels: &Value, field: &str) {
        let labels = printed::texts(labels);
        self.found
            .extend(super::validate_labels(&labels, field, self.version));
    }

    fn immutable(&mut self, field: &str, new: &Value, old: &Value) {
        if new == old {
            return;
        }
        let printed = match new {
            Value::String(it) => super::quoted(it),
            other => other.to_string(),
        };
        self.invalid(field.to_owned(), printed, "field is immutable");
    }
}

/// The texts of a field; the empty text where it is absent.
fn text<'a>(of: &'a Value, name: &str) -> &'a str {
    of[name].as_str().unwrap_or_default()
}

/// The items of a list; none where it is absent.
fn items<'a>(of: &'a Value, name: &str) -> &'a [Value] {
    of[name].as_array().map(Vec::as_slice).unwrap_or_default()
}

#[cfg(test)]
mod tests;
