//! The names Kubernetes allows, and what it says about the others.
//!
//! `k8s.io/apimachinery/pkg/util/validation` of Kubernetes 1.36.

/// What is wrong with a DNS-1035 label, such as a Service's name.
#[must_use]
pub fn dns_1035_label(name: &str) -> Option<String> {
    let is_good = name.starts_with(|it: char| it.is_ascii_lowercase()) && is_label(name);
    fault(
        name,
        is_good,
        "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')",
    )
}

/// What is wrong with a DNS-1123 label, such as a namespace's name or a port's.
#[must_use]
pub fn dns_1123_label(name: &str) -> Option<String> {
    let starts_well = name.starts_with(|it: char| it.is_ascii_lowercase() || it.is_ascii_digit());
    fault(
        name,
        starts_well && is_label(name),
        "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
    )
}

fn is_label(name: &str) -> bool {
    !name.ends_with('-')
        && name
            .bytes()
            .all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'-')
}

fn fault(name: &str, is_good: bool, why: &str) -> Option<String> {
    if name.is_empty() {
        return Some("Required value: name or generateName is required".into());
    }
    if name.len() > 63 {
        return Some(format!(
            "Invalid value: {name:?}: must be no more than 63 characters"
        ));
    }
    (!is_good).then(|| format!("Invalid value: {name:?}: {why}"))
}
