//! What every kind is checked for: names, labels, metadata, addresses.
//!
//! `k8s.io/apimachinery/pkg/util/validation` and `pkg/api/validation` of Kubernetes 1.31–1.37.
//!
//! **Left out**: what single kinds are checked for stands with them.

mod addresses;
mod metadata;
mod names;

pub use addresses::{
    Strictness, cidr_faults, cidr_warnings, ip_faults, ip_warnings, parse_as_go, special_ip_faults,
};
pub use metadata::{
    NameRule, Scope, validate_labels, validate_object_meta, validate_object_meta_update,
};
pub use names::{
    dns_1035_label, dns_1035_label_faults, dns_1123_label, dns_1123_label_faults,
    dns_1123_subdomain_faults, label_value_faults, port_name_faults, port_number_fault,
    qualified_name_faults,
};
