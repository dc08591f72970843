//! Services, their endpoints, Ingresses.
//!
//! **Left out**: nothing.

use super::super::object::{at, items, joined, name, namespace, or_none, shown, text};
use super::super::printers::network_rows;
use super::sheet::Sheet;
use crate::api::{Kind, ObjectRef};
use serde_json::Value;
use std::sync::Arc;

fn list(value: &Value) -> String {
    let all: Vec<String> = items(value).iter().map(shown).collect();
    all.join(",")
}

fn or_unset(text: &str) -> &str {
    if text.is_empty() { "<unset>" } else { text }
}

/// A list cut after three.
fn first_three(all: &[String]) -> String {
    let shown: Vec<&str> = all.iter().take(3).map(String::as_str).collect();
    let more = match all.len().saturating_sub(3) {
        0 => String::new(),
        n => format!(" + {n} more..."),
    };
    format!("{}{more}", shown.join(","))
}

pub(super) fn service(sheet: &mut Sheet<'_>, it: &Value) {
    // The lines of the sheet in their order: taken apart, nobody could read what it looks like.
    let spec = &it["spec"];
    sheet.head(it);
    sheet.field("Selector", &joined(&spec["selector"]));
    sheet.field("Type", text(spec, &["type"]));
    if let Some(policy) = spec["ipFamilyPolicy"].as_str() {
        sheet.field("IP Family Policy", policy);
    }
    sheet.field("IP Families", &or_none(&list(&spec["ipFamilies"])));
    sheet.field("IP", text(spec, &["clusterIP"]));
    sheet.field("IPs", &or_none(&list(&spec["clusterIPs"])));
    if !items(&spec["externalIPs"]).is_empty() {
        sheet.field("External IPs", &list(&spec["externalIPs"]));
    }
    if !text(spec, &["loadBalancerIP"]).is_empty() {
        sheet.field("Desired LoadBalancer IP", text(spec, &["loadBalancerIP"]));
    }
    if !text(spec, &["externalName"]).is_empty() {
        sheet.field("External Name", text(spec, &["externalName"]));
    }
    let ingress = items(at(it, &["status", "loadBalancer", "ingress"]));
    if !ingress.is_empty() {
        let all: Vec<String> = ingress.iter().map(ingress_point).collect();
        sheet.field("LoadBalancer Ingress", &all.join(", "));
    }
    let slices = slices_of(sheet, it);
    for port in items(&spec["ports"]) {
        let protocol = text(port, &["protocol"]);
        let port_name = text(port, &["name"]);
        let named = or_unset(port_name);
        sheet.field(
            "Port",
            &format!("{named}\t{}/{protocol}", shown(&port["port"])),
        );
        sheet.field(
            "TargetPort",
            &format!("{}/{protocol}", shown(&port["targetPort"])),
        );
        if port["nodePort"].as_i64().unwrap_or(0) != 0 {
            sheet.field(
                "NodePort",
                &format!("{named}\t{}/{protocol}", port["nodePort"]),
            );
        }
        sheet.field("Endpoints", &ready(&slices, port_name));
    }
    sheet.field("Session Affinity", text(spec, &["sessionAffinity"]));
    for (title, field) in [
        ("External Traffic Policy", "externalTrafficPolicy"),
        ("Internal Traffic Policy", "internalTrafficPolicy"),
    ] {
        if !text(spec, &[field]).is_empty() {
            sheet.field(title, text(spec, &[field]));
        }
    }
    if spec["healthCheckNodePort"].as_i64().unwrap_or(0) != 0 {
        sheet.field("HealthCheck NodePort", &shown(&spec["healthCheckNodePort"]));
    }
    if !items(&spec["loadBalancerSourceRanges"]).is_empty() {
        sheet.field(
            "LoadBalancer Source Ranges",
            &list(&spec["loadBalancerSourceRanges"]),
        );
    }
    sheet.events(it);
}

fn ingress_point(it: &Value) -> String {
    match (text(it, &["ip"]), text(it, &["ipMode"])) {
        ("", _) => text(it, &["hostname"]).to_owned(),
        (ip, "") => ip.to_owned(),
        (ip, mode) => format!("{ip} ({mode})"),
    }
}

fn slices_of(sheet: &Sheet<'_>, service: &Value) -> Vec<Arc<Value>> {
    let slices = sheet.store.documents(Kind::EndpointSlice);
    slices
        .map(|it| it.1.clone())
        .filter(|it| {
            namespace(it) == namespace(service)
                && text(it, &["metadata", "labels", "kubernetes.io/service-name"]) == name(service)
        })
        .collect()
}

/// The ready endpoints of a port, as slices have them.
fn ready(slices: &[Arc<Value>], port_name: &str) -> String {
    if slices.is_empty() {
        return "<none>".to_owned();
    }
    let mut all = Vec::new();
    for slice in slices {
        let addresses: Vec<&str> = items(&slice["endpoints"])
            .iter()
            .filter(|it| it["conditions"]["ready"] != false)
            .filter_map(|it| items(&it["addresses"]).first()?.as_str())
            .collect();
        let ports = items(&slice["ports"]);
        if ports.is_empty() {
            all.extend(addresses.iter().map(|it| (*it).to_owned()));
        }
        for port in ports.iter().filter(|it| text(it, &["name"]) == port_name) {
            let number = shown(&port["port"]);
            all.extend(addresses.iter().map(|it| network_rows::joined(it, &number)));
        }
    }
    first_three(&all)
}

pub(super) fn endpoints(sheet: &mut Sheet<'_>, it: &Value) {
    sheet.head(it);
    sheet.put("Subsets:\n");
    for subset in items(&it["subsets"]) {
        let ips = |field: &str| {
            let all: Vec<&str> = items(&subset[field])
                .iter()
                .map(|it| text(it, &["ip"]))
                .collect();
            or_none(&all.join(","))
        };
        sheet.field("  Addresses", &ips("addresses"));
        sheet.field("  NotReadyAddresses", &ips("notReadyAddresses"));
        let ports = items(&subset["ports"]);
        if !ports.is_empty() {
            sheet.put("  Ports:\n    Name\tPort\tProtocol\n    ----\t----\t--------\n");
        }
        for port in ports {
            sheet.put(&format!(
                "    {}\t{}\t{}\n",
                or_unset(text(port, &["name"])),
                shown(&port["port"]),
                text(port, &["protocol"])
            ));
        }
        sheet.put("\n");
    }
    sheet.events(it);
}

pub(super) fn endpoint_slice(sheet: &mut Sheet<'_>, it: &Value) {
    sheet.head(it);
    sheet.field("AddressType", text(it, &["addressType"]));
    let ports = items(&it["ports"]);
    if ports.is_empty() {
        sheet.put("Ports: <unset>\n");
    } else {
        sheet.put("Ports:\n  Name\tPort\tProtocol\n  ----\t----\t--------\n");
    }
    for port in ports {
        let number = shown(&port["port"]);
        sheet.put(&format!(
            "  {}\t{}\t{}\n",
            or_unset(text(port, &["name"])),
            or_unset(&number),
            text(port, &["protocol"])
        ));
    }
    let endpoints = items(&it["endpoints"]);
    if endpoints.is_empty() {
        sheet.put("Endpoints: <none>\n");
    } else {
        sheet.put("Endpoints:\n");
    }
    for endpoint in endpoints {
        let addresses: Vec<String> = items(&endpoint["addresses"]).iter().map(shown).collect();
        sheet.field("  - Addresses", &addresses.join(", "));
        sheet.put("    Conditions:\n");
        let ready = shown(&endpoint["conditions"]["ready"]);
        sheet.field("      Ready", or_unset(&ready));
        sheet.field("    Hostname", or_unset(text(endpoint, &["hostname"])));
        let target = &endpoint["targetRef"];
        if !target.is_null() {
            let shown = format!("{}/{}", text(target, &["kind"]), text(target, &["name"]));
            sheet.field("    TargetRef", &shown);
        }
        sheet.field("    NodeName", or_unset(text(endpoint, &["nodeName"])));
        sheet.field("    Zone", or_unset(text(endpoint, &["zone"])));
    }
    sheet.events(it);
}

pub(super) fn ingress(sheet: &mut Sheet<'_>, it: &Value) {
    let spec = &it["spec"];
    sheet.field("Name", name(it));
    sheet.labels("Labels", at(it, &["metadata", "labels"]));
    sheet.field("Namespace", namespace(it));
    let points = items(at(it, &["status", "loadBalancer", "ingress"]));
    let addresses: Vec<&str> = points
        .iter()
        .map(|it| match text(it, &["ip"]) {
            "" => text(it, &["hostname"]),
            ip => ip,
        })
        .collect();
    sheet.field("Address", &addresses.join(","));
    sheet.field("Ingress Class", &or_none(text(spec, &["ingressClassName"])));
    let default = &spec["defaultBackend"];
    if default.is_null() {
        sheet.field("Default backend", "<default>");
    } else {
        let shown = backend(sheet, it, default);
        sheet.field("Default backend", &shown);
    }
    let tls = items(&spec["tls"]);
    if !tls.is_empty() {
        sheet.put("TLS:\n");
    }
    for entry in tls {
        let hosts: Vec<String> = items(&entry["hosts"]).iter().map(shown).collect();
        match text(entry, &["secretName"]) {
            "" => sheet.put(&format!("  SNI routes {}\n", hosts.join(","))),
            secret => sheet.put(&format!("  {secret} terminates {}\n", hosts.join(","))),
        }
    }
    sheet.put("Rules:\n  Host\tPath\tBackends\n  ----\t----\t--------\n");
    let rules = items(&spec["rules"]);
    for rule in rules {
        let host = match text(rule, &["host"]) {
            "" => "*",
            host => host,
        };
        sheet.put(&format!("  {host}\t\n"));
        for path in items(at(rule, &["http", "paths"])) {
            let shown = backend(sheet, it, &path["backend"]);
            sheet.put(&format!("    \t{} \t{shown}\n", text(path, &["path"])));
        }
    }
    if rules.is_empty() {
        let shown = if default.is_null() {
            "<default>".to_owned()
        } else {
            backend(sheet, it, default)
        };
        sheet.put(&format!("  *\t*\t{shown}\n"));
    }
    sheet.annotations("Annotations", at(it, &["metadata", "annotations"]));
    sheet.events(it);
}

/// A backend, and the endpoints behind it.
fn backend(sheet: &Sheet<'_>, ingress: &Value, it: &Value) -> String {
    let service_name = text(it, &["service", "name"]);
    let port = at(it, &["service", "port"]);
    let port_shown = match port["number"].as_i64() {
        Some(number) => number.to_string(),
        None => text(port, &["name"]).to_owned(),
    };
    let reference = ObjectRef::new(Kind::Service, namespace(ingress), service_name);
    let behind = match sheet.store.document(&reference) {
        None => format!("<error: services {service_name:?} not found>"),
        Some(service) => {
            let found = items(at(service, &["spec", "ports"])).iter().find(|it| {
                it["port"] == port["number"]
                    || !text(port, &["name"]).is_empty() && it["name"] == port["name"]
            });
            ready(
                &slices_of(sheet, service),
                found.map_or("", |it| text(it, &["name"])),
            )
        }
    };
    format!("{service_name}:{port_shown} ({behind})")
}
