//! Cells of Services, their endpoints, and what leads to them.
//!
//! `pkg/printers/internalversion/printers.go` of Kubernetes 1.32.
//!
//! **Left out**: nothing.

use super::super::object::{at, items, name, or_none, text};
use super::rows::{age, first_three, labels, scalar, selector};
use crate::time::Clock;
use serde_json::Value;
use std::collections::BTreeSet;

pub(super) fn service(it: &Value, clock: &Clock) -> Vec<String> {
    let spec = &it["spec"];
    let ports: Vec<String> = items(&spec["ports"]).iter().map(port).collect();
    let ip = match text(it, &["spec", "type"]) {
        "ExternalName" => "",
        _ => items(&spec["clusterIPs"])
            .first()
            .and_then(Value::as_str)
            .unwrap_or_else(|| text(spec, &["clusterIP"])),
    };
    vec![
        name(it).to_owned(),
        text(spec, &["type"]).to_owned(),
        or_none(ip),
        external_ip(it),
        or_none(&ports.join(",")),
        age(it, clock),
        labels(&spec["selector"]),
    ]
}

fn port(it: &Value) -> String {
    let protocol = text(it, &["protocol"]);
    let port = scalar(&it["port"]);
    match it["nodePort"].as_i64() {
        Some(node_port) if node_port > 0 => format!("{port}:{node_port}/{protocol}"),
        _ => format!("{port}/{protocol}"),
    }
}

fn external_ip(it: &Value) -> String {
    let spec = &it["spec"];
    let external: Vec<&str> = items(&spec["externalIPs"])
        .iter()
        .filter_map(Value::as_str)
        .collect();
    match text(spec, &["type"]) {
        "ClusterIP" | "NodePort" => or_none(&external.join(",")),
        "LoadBalancer" => {
            let ingress: BTreeSet<&str> = items(at(it, &["status", "loadBalancer", "ingress"]))
                .iter()
                .map(|it| match text(it, &["ip"]) {
                    "" => text(it, &["hostname"]),
                    ip => ip,
                })
                .filter(|it| !it.is_empty())
                .collect();
            let all: Vec<&str> = ingress.into_iter().chain(external).collect();
            if all.is_empty() {
                "<pending>".to_owned()
            } else {
                all.join(",")
            }
        }
        "ExternalName" => text(spec, &["externalName"]).to_owned(),
        _ => "<unknown>".to_owned(),
    }
}

pub(super) fn endpoints(it: &Value, clock: &Clock) -> Vec<String> {
    let subsets = items(&it["subsets"]);
    let mut all = Vec::new();
    for subset in subsets {
        let addresses = items(&subset["addresses"])
            .iter()
            .map(|it| text(it, &["ip"]));
        let ports = items(&subset["ports"]);
        if ports.is_empty() {
            all.extend(addresses.map(str::to_owned));
            continue;
        }
        for port in ports {
            all.extend(
                addresses
                    .clone()
                    .map(|ip| joined(ip, &scalar(&port["port"]))),
            );
        }
    }
    let cell = if subsets.is_empty() {
        "<none>".to_owned()
    } else {
        first_three(&all)
    };
    vec![name(it).to_owned(), cell, age(it, clock)]
}

/// `ip:port`, with brackets around IPv6.
pub(crate) fn joined(ip: &str, port: &str) -> String {
    if ip.contains(':') {
        format!("[{ip}]:{port}")
    } else {
        format!("{ip}:{port}")
    }
}

pub(super) fn endpoint_slice(it: &Value, clock: &Clock) -> Vec<String> {
    let ports: Vec<String> = items(&it["ports"])
        .iter()
        .map(|it| match (it["port"].as_i64(), text(it, &["name"])) {
            (Some(port), _) => port.to_string(),
            (None, "") => "*".to_owned(),
            (None, name) => name.to_owned(),
        })
        .collect();
    let addresses: Vec<String> = items(&it["endpoints"])
        .iter()
        .flat_map(|it| items(&it["addresses"]))
        .map(scalar)
        .collect();
    let shown = |all: &[String]| {
        if all.is_empty() {
            "<unset>".to_owned()
        } else {
            first_three(all)
        }
    };
    vec![
        name(it).to_owned(),
        text(it, &["addressType"]).to_owned(),
        shown(&ports),
        shown(&addresses),
        age(it, clock),
    ]
}

pub(super) fn ingress(it: &Value, clock: &Clock) -> Vec<String> {
    let hosts: Vec<String> = items(at(it, &["spec", "rules"]))
        .iter()
        .map(|it| text(it, &["host"]).to_owned())
        .filter(|it| !it.is_empty())
        .collect();
    let addresses: Vec<&str> = items(at(it, &["status", "loadBalancer", "ingress"]))
        .iter()
        .map(|it| match text(it, &["ip"]) {
            "" => text(it, &["hostname"]),
            ip => ip,
        })
        .collect();
    let has_tls = !items(at(it, &["spec", "tls"])).is_empty();
    vec![
        name(it).to_owned(),
        or_none(text(it, &["spec", "ingressClassName"])),
        if hosts.is_empty() {
            "*".to_owned()
        } else {
            first_three(&hosts)
        },
        addresses.join(","),
        if has_tls { "80, 443" } else { "80" }.to_owned(),
        age(it, clock),
    ]
}

pub(super) fn ingress_class(it: &Value, clock: &Clock) -> Vec<String> {
    let parameters = &it["spec"]["parameters"];
    let shown = match (text(parameters, &["apiGroup"]), text(parameters, &["kind"])) {
        (_, "") => "<none>".to_owned(),
        ("", kind) => format!("{kind}/{}", text(parameters, &["name"])),
        (group, kind) => format!("{kind}.{group}/{}", text(parameters, &["name"])),
    };
    vec![
        name(it).to_owned(),
        text(it, &["spec", "controller"]).to_owned(),
        shown,
        age(it, clock),
    ]
}

pub(super) fn network_policy(it: &Value, clock: &Clock) -> Vec<String> {
    vec![
        name(it).to_owned(),
        selector(&it["spec"]["podSelector"]),
        age(it, clock),
    ]
}

pub(super) fn service_cidr(it: &Value, clock: &Clock) -> Vec<String> {
    let all: Vec<String> = items(at(it, &["spec", "cidrs"]))
        .iter()
        .map(scalar)
        .collect();
    vec![name(it).to_owned(), all.join(","), age(it, clock)]
}

pub(super) fn ip_address(it: &Value, clock: &Clock) -> Vec<String> {
    let parent = &it["spec"]["parentRef"];
    let resource = match text(parent, &["group"]) {
        "" => text(parent, &["resource"]).to_owned(),
        group => format!("{}.{group}", text(parent, &["resource"])),
    };
    let mut shown = resource;
    for part in ["namespace", "name"] {
        if !text(parent, &[part]).is_empty() {
            shown = format!("{shown}/{}", text(parent, &[part]));
        }
    }
    vec![name(it).to_owned(), shown, age(it, clock)]
}
