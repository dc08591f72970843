//! The names Kubernetes allows, and what it says about the others.
//!
//! `k8s.io/apimachinery/pkg/util/validation/validation.go` of Kubernetes 1.31–1.37. The regular
//! expressions it quotes are read here by hand.
//!
//! **Left out**: names that no kind modelled here has (environment variables, HTTP headers, …).

use crate::api::KubernetesVersion;

/// What is wrong with a DNS-1035 label, in one message, name missing included.
#[must_use]
pub fn dns_1035_label(name: &str) -> Option<String> {
    first_fault(name, dns_1035_label_faults(name))
}

/// What is wrong with a DNS-1123 label, in one message, name missing included.
#[must_use]
pub fn dns_1123_label(name: &str) -> Option<String> {
    first_fault(name, dns_1123_label_faults(name))
}

/// What is wrong with a DNS-1035 label, such as a Service's name up to 1.35.
#[must_use]
pub fn dns_1035_label_faults(name: &str) -> Vec<String> {
    let is_good = name.starts_with(|it: char| it.is_ascii_lowercase()) && is_label(name);
    faults([
        too_long(name, 63),
        (!is_good).then(|| {
            "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')".into()
        }),
    ])
}

/// What is wrong with a DNS-1123 label, such as a namespace's name or a port's.
#[must_use]
pub fn dns_1123_label_faults(name: &str) -> Vec<String> {
    let fault = if is_label(name) {
        None
    } else if is_subdomain(name) {
        // Labels in a row, so it is the dots.
        Some("must not contain dots".to_owned())
    } else {
        Some("a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')".into())
    };
    faults([too_long(name, 63), fault])
}

/// What is wrong with a DNS-1123 subdomain, such as the name of most objects.
#[must_use]
pub fn dns_1123_subdomain_faults(name: &str) -> Vec<String> {
    faults([
        too_long(name, 253),
        (!is_subdomain(name)).then(|| {
            "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')".into()
        }),
    ])
}

/// What is wrong with the key of a label, or another name of the form `example.com/name`.
#[must_use]
pub fn qualified_name_faults(name: &str, version: KubernetesVersion) -> Vec<String> {
    const NAME: &str = "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
    let (prefix, last) = match name.split_once('/') {
        None => (None, name),
        Some((_, rest)) if rest.contains('/') => {
            let what = if version.minor < 35 {
                "a qualified name"
            } else {
                "a valid label key"
            };
            return vec![format!(
                "{what} {NAME} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
            )];
        }
        Some((prefix, rest)) => (Some(prefix), rest),
    };
    let mut found = Vec::new();
    match prefix {
        None => {}
        Some("") => found.push("prefix part must be non-empty".to_owned()),
        Some(prefix) => {
            for fault in dns_1123_subdomain_faults(prefix) {
                found.push(format!("prefix part {fault}"));
            }
        }
    }
    if last.is_empty() {
        found.push("name part must be non-empty".into());
    } else if let Some(fault) = too_long(last, 63) {
        found.push(format!("name part {fault}"));
    }
    if last.is_empty() || !is_label_text(last) {
        found.push(format!("name part {NAME}"));
    }
    found
}

/// What is wrong with the value of a label.
#[must_use]
pub fn label_value_faults(value: &str) -> Vec<String> {
    faults([
        too_long(value, 63),
        (!is_label_text(value)).then(|| {
            "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')".into()
        }),
    ])
}

/// What is wrong with the name of a container's port, as a target port names it.
#[must_use]
pub fn port_name_faults(name: &str) -> Vec<&'static str> {
    let allowed = |it: u8| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'-';
    let mut found = Vec::new();
    if name.len() > 15 {
        found.push("must be no more than 15 characters");
    }
    if name.is_empty() || !name.bytes().all(allowed) {
        found.push("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)");
    }
    if !name.bytes().any(|it| it.is_ascii_lowercase()) {
        found.push("must contain at least one letter (a-z)");
    }
    if name.contains("--") {
        found.push("must not contain consecutive hyphens");
    }
    if name.starts_with('-') || name.ends_with('-') {
        found.push("must not begin or end with a hyphen");
    }
    found
}

/// What is wrong with the number of a port.
#[must_use]
pub fn port_number_fault(number: i32) -> Option<&'static str> {
    (!(1..=65535).contains(&number)).then_some("must be between 1 and 65535, inclusive")
}

fn first_fault(name: &str, faults: Vec<String>) -> Option<String> {
    if name.is_empty() {
        return Some("Required value: name or generateName is required".into());
    }
    let fault = faults.into_iter().next()?;
    Some(format!("Invalid value: {name:?}: {fault}"))
}

fn faults<const N: usize>(found: [Option<String>; N]) -> Vec<String> {
    found.into_iter().flatten().collect()
}

fn too_long(text: &str, max: usize) -> Option<String> {
    (text.len() > max).then(|| format!("must be no more than {max} characters"))
}

fn is_label(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with('-')
        && !name.ends_with('-')
        && name
            .bytes()
            .all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'-')
}

fn is_subdomain(name: &str) -> bool {
    name.split('.').all(is_label)
}

/// Empty, or alphanumeric at both ends and with `-`, `_` and `.` between them.
fn is_label_text(text: &str) -> bool {
    let ends = |it: Option<u8>| it.is_none_or(|it| it.is_ascii_alphanumeric());
    ends(text.bytes().next())
        && ends(text.bytes().last())
        && text
            .bytes()
            .all(|it| it.is_ascii_alphanumeric() || matches!(it, b'-' | b'_' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_and_subdomains_are_told_apart() {
        assert!(dns_1035_label_faults("api").is_empty());
        assert_eq!(dns_1035_label_faults("1api").len(), 1);
        assert!(dns_1123_label_faults("1api").is_empty());
        assert_eq!(dns_1123_label_faults("a.b"), ["must not contain dots"]);
        assert!(dns_1123_subdomain_faults("a.b-c.1").is_empty());
        assert_eq!(dns_1123_subdomain_faults("a..b").len(), 1);
        assert_eq!(dns_1123_label_faults(&"a".repeat(64)).len(), 1);
    }

    #[test]
    fn qualified_names_have_at_most_one_prefix() {
        let faults = |name| qualified_name_faults(name, KubernetesVersion::default()).len();
        assert_eq!(faults("kubernetes.io/name"), 0);
        assert_eq!(faults("name_1.x"), 0);
        assert_eq!(faults("/name"), 1);
        assert_eq!(faults("a/"), 2);
        assert_eq!(faults("a/b/c"), 1);
        assert_eq!(faults("A.b/c"), 1);
        assert_eq!(faults("-a"), 1);
    }
}
