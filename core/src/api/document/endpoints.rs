//! Endpoints and EndpointSlices that people write by hand.
//!
//! `ValidateEndpoints` in `pkg/apis/core/validation/validation.go`, and `pkg/apis/discovery/validation/validation.go`, of
//! Kubernetes 1.36.
//!
//! **Left out**: the references to objects behind endpoints.

use super::{Errors, items, text};
use crate::api::{
    FieldError, Strictness, ip_faults, parse_as_go, qualified_name_faults, quoted,
    special_ip_faults,
};
use serde_json::Value;
use std::collections::BTreeSet;

const MAX_ENDPOINTS: usize = 1000;
const MAX_ADDRESSES: usize = 100;
const MAX_PORTS: usize = 20_000;
const MAX_ZONES: usize = 8;
const PROTOCOLS: [&str; 3] = ["SCTP", "TCP", "UDP"];

/// What is wrong with Endpoints.
pub(super) fn check_endpoints(document: &Value, errors: &mut Errors) {
    for (n, subset) in items(document, "subsets").iter().enumerate() {
        let path = format!("subsets[{n}]");
        let lists = ["addresses", "notReadyAddresses"];
        if lists.iter().all(|it| items(subset, it).is_empty()) {
            errors.required(
                path.clone(),
                "must specify `addresses` or `notReadyAddresses`",
            );
        }
        for list in lists {
            for (at, it) in items(subset, list).iter().enumerate() {
                check_address(it, &format!("{path}.{list}[{at}]"), errors);
            }
        }
        let ports = items(subset, "ports");
        for (at, port) in ports.iter().enumerate() {
            let path = format!("{path}.ports[{at}]");
            let name = text(port, "name");
            if !name.is_empty() {
                errors.label(&format!("{path}.name"), name);
            } else if ports.len() > 1 {
                errors.required(format!("{path}.name"), "");
            }
            errors.port_number(&format!("{path}.port"), port["port"].as_i64().unwrap_or(0));
            errors.protocol(
                &format!("{path}.protocol"),
                text(port, "protocol"),
                &PROTOCOLS,
            );
            check_app_protocol(port, &path, errors);
        }
    }
}

fn check_address(it: &Value, path: &str, errors: &mut Errors) {
    let ip = text(it, "ip");
    let field = format!("{path}.ip");
    let strictness = Strictness::of(errors.version, ip, &[]);
    errors.found.extend(ip_faults(&field, ip, strictness));
    check_host_and_node(it, path, errors);
    errors.found.extend(special_ip_faults(&field, ip));
}

fn check_host_and_node(it: &Value, path: &str, errors: &mut Errors) {
    if let Some(name) = it["hostname"].as_str().filter(|it| !it.is_empty()) {
        errors.label(&format!("{path}.hostname"), name);
    }
    if let Some(name) = it["nodeName"].as_str() {
        errors.subdomain(&format!("{path}.nodeName"), name);
    }
}

fn check_app_protocol(port: &Value, path: &str, errors: &mut Errors) {
    if let Some(name) = port["appProtocol"].as_str() {
        let faults = qualified_name_faults(name, errors.version);
        errors.text(&format!("{path}.appProtocol"), name, faults);
    }
}

/// What is wrong with an EndpointSlice.
pub(super) fn check_endpoint_slice(document: &Value, errors: &mut Errors) {
    let kind = text(document, "addressType");
    errors.protocol("addressType", kind, &["FQDN", "IPv4", "IPv6"]);
    let endpoints = items(document, "endpoints");
    if endpoints.len() > MAX_ENDPOINTS {
        errors.push(FieldError::too_many(
            "endpoints",
            endpoints.len(),
            MAX_ENDPOINTS,
        ));
    } else {
        for (n, it) in endpoints.iter().enumerate() {
            check_endpoint(it, kind, &format!("endpoints[{n}]"), errors);
        }
    }
    check_slice_ports(items(document, "ports"), errors);
}

fn check_endpoint(it: &Value, kind: &str, path: &str, errors: &mut Errors) {
    let addresses = items(it, "addresses");
    let field = format!("{path}.addresses");
    if addresses.is_empty() {
        errors.required(field.clone(), "must contain at least 1 address");
    } else if addresses.len() > MAX_ADDRESSES {
        errors.push(FieldError::too_many(&field, addresses.len(), MAX_ADDRESSES));
    }
    for (n, address) in addresses.iter().enumerate() {
        let address = address.as_str().unwrap_or_default();
        check_slice_address(address, kind, &format!("{field}[{n}]"), errors);
    }
    check_host_and_node(it, path, errors);
    let zones = items(&it["hints"], "forZones");
    let field = format!("{path}.hints.forZones");
    if zones.len() > MAX_ZONES {
        return errors.push(FieldError::too_many(field, zones.len(), MAX_ZONES));
    }
    let mut names = BTreeSet::new();
    for (n, zone) in zones.iter().enumerate() {
        let name = text(zone, "name");
        if name.is_empty() {
            errors.required(format!("{field}[{n}].name"), "");
        } else if !names.insert(name) {
            errors.push(FieldError::duplicate(
                format!("{field}[{n}].name"),
                quoted(name),
            ));
        }
    }
}

fn check_slice_address(address: &str, kind: &str, field: &str, errors: &mut Errors) {
    match kind {
        "IPv4" | "IPv6" => {
            let is_right = parse_as_go(address).is_some_and(|it| it.is_ipv4() == (kind == "IPv4"));
            if !is_right {
                let why = format!("must be a valid {kind} address");
                errors.push(FieldError::invalid_text(field, address, why));
            }
            errors.found.extend(special_ip_faults(field, address));
        }
        "FQDN" => {
            let name = address.strip_suffix('.').unwrap_or(address);
            errors.subdomain(field, name);
            if name.split('.').count() < 2 {
                let why = "should be a domain with at least two segments separated by dots";
                errors.push(FieldError::invalid_text(field, address, why));
            }
        }
        _ => {}
    }
}

fn check_slice_ports(ports: &[Value], errors: &mut Errors) {
    if ports.len() > MAX_PORTS {
        return errors.push(FieldError::too_many("ports", ports.len(), MAX_PORTS));
    }
    let mut names = BTreeSet::new();
    for (n, port) in ports.iter().enumerate() {
        let path = format!("ports[{n}]");
        let name = text(port, "name");
        if !name.is_empty() {
            errors.label(&format!("{path}.name"), name);
        }
        if !names.insert(name) {
            errors.push(FieldError::duplicate(format!("{path}.name"), quoted(name)));
        }
        errors.protocol(
            &format!("{path}.protocol"),
            text(port, "protocol"),
            &PROTOCOLS,
        );
        check_app_protocol(port, &path, errors);
    }
}
