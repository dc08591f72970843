//! Addresses and address ranges in the fields of objects.
//!
//! `k8s.io/apimachinery/pkg/util/validation/ip.go`. From 1.36 on (`StrictIPCIDRValidation`,
//! KEP-4858) leading zeros, IPv4 addresses mapped to IPv6 and host bits in a range are refused;
//! before they are taken, with a warning, whose words are those of `pkg/api/service/warnings.go` up to
//! 1.32. A value that the object held already is always taken.
//!
//! **Left out**: leading zeros in the IPv4 part of a mapped address; what servers up to 1.32 warn
//! about in a value that is neither an address nor looks like one, or has spaces around it.

use crate::api::{FieldError, KubernetesVersion, quoted};
use crate::ip::{Cidr, IpAddr, parse_cidr_sloppy, parse_sloppy};

/// How strictly a value is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strictness {
    /// As new values are read from 1.36 on.
    Strict,
    /// As Go read them once.
    Sloppy,
}

impl Strictness {
    /// How a server of this release reads a value, which the object may have held before.
    #[must_use]
    pub fn of(version: KubernetesVersion, value: &str, held_before: &[String]) -> Self {
        if version.minor >= 36 && !held_before.iter().any(|it| it == value) {
            Strictness::Strict
        } else {
            Strictness::Sloppy
        }
    }
}

/// Reads an address as Go's old parser reads it: leading zeros are no error, and an IPv4 address
/// that is mapped to IPv6 is an IPv4 address.
#[must_use]
pub fn parse_as_go(text: &str) -> Option<IpAddr> {
    if text.trim() != text {
        return None;
    }
    parse_sloppy(text).map(|it| it.to_canonical())
}

/// What is wrong with an address.
#[must_use]
pub fn ip_faults(field: &str, text: &str, strictness: Strictness) -> Vec<FieldError> {
    let invalid = |why: &str| vec![FieldError::invalid_text(field, text, why)];
    if parse_as_go(text).is_none() {
        return invalid("must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)");
    }
    match (strictness, text.parse::<IpAddr>()) {
        (Strictness::Sloppy, _) => Vec::new(),
        (Strictness::Strict, Err(_)) => invalid("must not have leading 0s"),
        (Strictness::Strict, Ok(ip)) if is_mapped(ip) => {
            invalid("must not be an IPv4-mapped IPv6 address")
        }
        (Strictness::Strict, Ok(_)) => Vec::new(),
    }
}

/// What a client is warned about in an address.
#[must_use]
pub fn ip_warnings(field: &str, text: &str, version: KubernetesVersion) -> Vec<String> {
    let Some(meant) = parse_as_go(text) else {
        return Vec::new();
    };
    let is_old = version.minor < 33;
    let warning = match text.parse::<IpAddr>() {
        Err(_) if is_old => format!(
            "{field}: IP address was accepted, but will be invalid in a future Kubernetes release: {}",
            leading_zero(text)
        ),
        Ok(ip) if ip.is_ipv4() || ip.to_string() == text && (is_old || !is_mapped(ip)) => {
            return Vec::new();
        }
        Ok(ip) if is_old => format!(
            "{field}: IPv6 address {} is not in RFC 5952 canonical format ({}), which may cause controller apply-loops",
            quoted(text),
            quoted(&ip.to_string())
        ),
        Ok(ip) if !is_mapped(ip) => format!(
            "{field}: IPv6 address {} should be in RFC 5952 canonical format ({})",
            quoted(text),
            quoted(&ip.to_string())
        ),
        _ => format!(
            "{field}: non-standard IP address {} will be considered invalid in a future Kubernetes release: use {}",
            quoted(text),
            quoted(&meant.to_string())
        ),
    };
    vec![warning]
}

/// What is wrong with an address range.
#[must_use]
pub fn cidr_faults(field: &str, text: &str, strictness: Strictness) -> Vec<FieldError> {
    let invalid = |why: &str| vec![FieldError::invalid_text(field, text, why)];
    if parse_range(text).is_none() {
        return invalid("must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)");
    }
    match (strictness, parse_range_strictly(text)) {
        (Strictness::Sloppy, _) => Vec::new(),
        (Strictness::Strict, None) => invalid("must not have leading 0s in IP or prefix length"),
        (Strictness::Strict, Some(range)) if is_mapped(range.addr()) => {
            invalid("must not have an IPv4-mapped IPv6 address")
        }
        (Strictness::Strict, Some(range)) if range.trunc() != range => {
            invalid("must not have bits set beyond the prefix length")
        }
        (Strictness::Strict, Some(_)) => Vec::new(),
    }
}

/// What a client is warned about in an address range.
#[must_use]
pub fn cidr_warnings(field: &str, text: &str, version: KubernetesVersion) -> Vec<String> {
    let Some((address, range)) = parse_range(text) else {
        return Vec::new();
    };
    if version.minor < 33 {
        return old_cidr_warning(field, text).into_iter().collect();
    }
    let mut warnings = Vec::new();
    if address != range.network() {
        warnings.push(format!(
            "{field}: CIDR value {} is ambiguous in this context (should be {} or {}?)",
            quoted(text),
            quoted(&range.to_string()),
            quoted(&format!("{address}/{}", range.max_prefix_len())),
        ));
    }
    match parse_range_strictly(text) {
        Some(strict) if !is_mapped(strict.addr()) => {
            if warnings.is_empty() && address.is_ipv6() && strict.to_string() != text {
                warnings.push(format!(
                    "{field}: IPv6 CIDR value {} should be in RFC 5952 canonical format ({})",
                    quoted(text),
                    quoted(&strict.to_string())
                ));
            }
        }
        _ => warnings.push(format!(
            "{field}: non-standard CIDR value {} will be considered invalid in a future Kubernetes release: use {}",
            quoted(text),
            quoted(&range.to_string())
        )),
    }
    warnings
}

/// The words of servers up to 1.32, with Go's own in them.
fn old_cidr_warning(field: &str, text: &str) -> Option<String> {
    match parse_range_strictly(text) {
        Some(range) if range.addr().is_ipv4() || range.to_string() == text => None,
        Some(range) => Some(format!(
            "{field}: IPv6 prefix {} is not in RFC 5952 canonical format ({}), which may cause controller apply-loops",
            quoted(text),
            quoted(&range.to_string())
        )),
        None => {
            let (address, length) = text.split_once('/')?;
            let why = if length.len() > 1 && length.starts_with('0') {
                format!("bad bits after slash: {}", quoted(length))
            } else {
                leading_zero(address)
            };
            Some(format!(
                "{field}: IP prefix was accepted, but will be invalid in a future Kubernetes release: netip.ParsePrefix({}): {why}",
                quoted(text)
            ))
        }
    }
}

/// What Go says about an address that only its old parser reads.
fn leading_zero(text: &str) -> String {
    format!(
        "ParseAddr({}): IPv4 field has octet with leading zero",
        quoted(text)
    )
}

/// What is wrong with an address where traffic from outside is to arrive.
#[must_use]
pub fn special_ip_faults(field: &str, text: &str) -> Vec<FieldError> {
    let Some(ip) = parse_as_go(text) else {
        let why = "must be a valid IP address";
        return vec![FieldError::invalid_text(field, text, why)];
    };
    let (link_local, link_local_multicast) = match ip {
        IpAddr::V4(it) => (it.is_link_local(), it.octets()[..3] == [224, 0, 0]),
        IpAddr::V6(it) => (
            it.is_unicast_link_local(),
            it.octets()[0] == 0xff && it.octets()[1] & 0x0f == 2,
        ),
    };
    [
        (
            ip.is_unspecified(),
            format!("may not be unspecified ({text})"),
        ),
        (
            ip.is_loopback(),
            "may not be in the loopback range (127.0.0.0/8, ::1/128)".into(),
        ),
        (
            link_local,
            "may not be in the link-local range (169.254.0.0/16, fe80::/10)".into(),
        ),
        (
            link_local_multicast,
            "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)".into(),
        ),
    ]
    .into_iter()
    .filter(|(is_so, _)| *is_so)
    .map(|(_, why)| FieldError::invalid_text(field, text, why))
    .collect()
}

fn is_mapped(ip: IpAddr) -> bool {
    matches!(ip, IpAddr::V6(it) if it.to_ipv4_mapped().is_some())
}

/// The address and the range, as Go's old parser reads them.
fn parse_range(text: &str) -> Option<(IpAddr, Cidr)> {
    let (address, length) = text.split_once('/')?;
    let is_number = !length.is_empty() && length.bytes().all(|it| it.is_ascii_digit());
    let range = is_number.then(|| parse_cidr_sloppy(text)).flatten()?;
    Some((parse_as_go(address)?, range))
}

fn parse_range_strictly(text: &str) -> Option<Cidr> {
    let (address, length) = text.split_once('/')?;
    if length.len() > 1 && length.starts_with('0') {
        return None;
    }
    Cidr::new(address.parse().ok()?, length.parse().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_taken_once_is_refused_from_1_36_on() {
        let faults = |text, strictness| -> Vec<String> {
            ip_faults("ip", text, strictness)
                .into_iter()
                .map(|it| it.detail)
                .collect()
        };
        assert_eq!(
            faults("010.1.2.3", Strictness::Strict),
            ["must not have leading 0s"]
        );
        assert_eq!(
            faults("::ffff:1.2.3.4", Strictness::Strict),
            ["must not be an IPv4-mapped IPv6 address"]
        );
        for text in ["010.1.2.3", "::ffff:1.2.3.4", "10.0.0.1", "FD00::1"] {
            assert!(faults(text, Strictness::Sloppy).is_empty(), "{text}");
        }
        assert_eq!(faults(" 10.0.0.1", Strictness::Sloppy).len(), 1);
        assert_eq!(faults("10.0.0.300", Strictness::Sloppy).len(), 1);
    }

    #[test]
    fn warnings_say_what_to_write_instead() {
        let version = |minor| KubernetesVersion { major: 1, minor };
        let ip = |text, minor| ip_warnings("ip", text, version(minor)).join("");
        let cidr = |text, minor| cidr_warnings("c", text, version(minor)).join("");
        assert_eq!(
            ip("010.1.2.3", 36),
            "ip: non-standard IP address \"010.1.2.3\" will be considered invalid in a future Kubernetes release: use \"10.1.2.3\""
        );
        assert_eq!(
            ip("010.1.2.3", 32),
            "ip: IP address was accepted, but will be invalid in a future Kubernetes release: ParseAddr(\"010.1.2.3\"): IPv4 field has octet with leading zero"
        );
        assert_eq!(
            ip("FD00:0::1", 36),
            "ip: IPv6 address \"FD00:0::1\" should be in RFC 5952 canonical format (\"fd00::1\")"
        );
        assert_eq!(
            ip("FD00:0::1", 32),
            "ip: IPv6 address \"FD00:0::1\" is not in RFC 5952 canonical format (\"fd00::1\"), which may cause controller apply-loops"
        );
        assert_eq!(ip("::ffff:1.2.3.4", 32), "");
        assert_eq!(
            ip("::ffff:1.2.3.4", 36),
            "ip: non-standard IP address \"::ffff:1.2.3.4\" will be considered invalid in a future Kubernetes release: use \"1.2.3.4\""
        );
        assert_eq!(
            cidr("192.168.0.5/24", 36),
            "c: CIDR value \"192.168.0.5/24\" is ambiguous in this context (should be \"192.168.0.0/24\" or \"192.168.0.5/32\"?)"
        );
        assert_eq!(cidr("192.168.0.5/24", 32), "");
        assert_eq!(
            cidr("010.0.0.0/8", 32),
            "c: IP prefix was accepted, but will be invalid in a future Kubernetes release: netip.ParsePrefix(\"010.0.0.0/8\"): ParseAddr(\"010.0.0.0\"): IPv4 field has octet with leading zero"
        );
        for text in ["fd00::/64", "10.0.0.0/8"] {
            assert_eq!(
                (cidr(text, 32), cidr(text, 36)),
                (String::new(), String::new())
            );
        }
        for text in ["fd00::1", "10.0.0.1"] {
            assert_eq!((ip(text, 32), ip(text, 36)), (String::new(), String::new()));
        }
    }
}
