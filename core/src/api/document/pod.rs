//! Pods: containers, ports, probes.
//!
//! `ValidatePodSpec` and its kin in `pkg/apis/core/validation/validation.go` of Kubernetes 1.36, in their order.
//!
//! **Left out**: volumes, resources, affinity, tolerations, security, environment; ephemeral containers.

use super::{Errors, items, printed, text};
use crate::api::{FieldError, Strictness, ip_faults, printed_list, quoted};
use crate::sorted::gathered;
use serde_json::Value;
use std::collections::BTreeSet;

const PROTOCOLS: [&str; 3] = ["SCTP", "TCP", "UDP"];

/// What is wrong with a pod's spec, in a pod or in a template.
pub(super) fn check_spec(spec: &Value, path: &str, errors: &mut Errors) {
    check_containers(spec, &format!("{path}.containers"), errors);
    check_init_containers(spec, &format!("{path}.initContainers"), errors);
    let restart = text(spec, "restartPolicy");
    errors.protocol(
        &format!("{path}.restartPolicy"),
        restart,
        &["Always", "OnFailure", "Never"],
    );
    check_dns(spec, path, errors);
    errors.labels(&spec["nodeSelector"], &format!("{path}.nodeSelector"));
    for (name, is_label) in [
        ("serviceAccountName", false),
        ("nodeName", false),
        ("hostname", true),
        ("subdomain", true),
    ] {
        let value = text(spec, name);
        let field = format!("{path}.{name}");
        match (value.is_empty(), is_label) {
            (true, _) => {}
            (false, true) => errors.label(&field, value),
            (false, false) => errors.subdomain(&field, value),
        }
    }
    check_host_aliases(spec, &format!("{path}.hostAliases"), errors);
}

fn check_containers(spec: &Value, path: &str, errors: &mut Errors) {
    let containers = items(spec, "containers");
    if containers.is_empty() {
        return errors.required(path.to_owned(), "");
    }
    let mut names = BTreeSet::new();
    for (n, container) in containers.iter().enumerate() {
        let path = format!("{path}[{n}]");
        check_container(container, &path, errors);
        check_name(container, &path, &mut names, errors);
        check_lifecycle(container, &path, errors);
        for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
            check_probe(&container[probe], &format!("{path}.{probe}"), probe, errors);
        }
    }
    check_host_ports(containers, path, errors);
}

fn check_init_containers(spec: &Value, path: &str, errors: &mut Errors) {
    let containers = items(spec, "containers").iter();
    let mut names: BTreeSet<&str> = gathered(containers.map(|it| text(it, "name")));
    for (n, container) in items(spec, "initContainers").iter().enumerate() {
        let path = format!("{path}[{n}]");
        check_container(container, &path, errors);
        check_name(container, &path, &mut names, errors);
        if text(container, "restartPolicy") == "Always" {
            continue;
        }
        for name in [
            "lifecycle",
            "livenessProbe",
            "readinessProbe",
            "startupProbe",
        ] {
            if !container[name].is_null() {
                let why = "may not be set for init containers without restartPolicy=Always";
                errors.forbidden(format!("{path}.{name}"), why);
            }
        }
    }
}

fn check_name<'a>(
    container: &'a Value,
    path: &str,
    names: &mut BTreeSet<&'a str>,
    errors: &mut Errors,
) {
    let name = text(container, "name");
    if !name.is_empty() && !names.insert(name) {
        errors.push(FieldError::duplicate(format!("{path}.name"), quoted(name)));
    }
}

fn check_container(container: &Value, path: &str, errors: &mut Errors) {
    let name = text(container, "name");
    if name.is_empty() {
        errors.required(format!("{path}.name"), "");
    } else {
        errors.label(&format!("{path}.name"), name);
    }
    let image = text(container, "image");
    if image.is_empty() {
        errors.required(format!("{path}.image"), "");
    } else if image.trim() != image {
        let why = "must not have leading or trailing whitespace";
        errors.push(FieldError::invalid_text(
            format!("{path}.image"),
            image,
            why,
        ));
    }
    check_ports(container, &format!("{path}.ports"), errors);
    let policy = text(container, "imagePullPolicy");
    errors.protocol(
        &format!("{path}.imagePullPolicy"),
        policy,
        &["Always", "IfNotPresent", "Never"],
    );
}

fn check_ports(container: &Value, path: &str, errors: &mut Errors) {
    let mut names = BTreeSet::new();
    for (n, port) in items(container, "ports").iter().enumerate() {
        let path = format!("{path}[{n}]");
        let name = text(port, "name");
        if !name.is_empty() {
            let known = errors.found.len();
            errors.port_name(&format!("{path}.name"), name);
            if errors.found.len() == known && !names.insert(name) {
                errors.push(FieldError::duplicate(format!("{path}.name"), quoted(name)));
            }
        }
        match port["containerPort"].as_i64().unwrap_or(0) {
            0 => errors.required(format!("{path}.containerPort"), ""),
            number => errors.port_number(&format!("{path}.containerPort"), number),
        }
        if let Some(number) = port["hostPort"].as_i64().filter(|it| *it != 0) {
            errors.port_number(&format!("{path}.hostPort"), number);
        }
        errors.protocol(
            &format!("{path}.protocol"),
            text(port, "protocol"),
            &PROTOCOLS,
        );
    }
}

/// No two containers of a pod may take the same port of their node.
fn check_host_ports(containers: &[Value], path: &str, errors: &mut Errors) {
    let mut taken = BTreeSet::new();
    for (n, container) in containers.iter().enumerate() {
        for (at, port) in items(container, "ports").iter().enumerate() {
            let Some(number) = port["hostPort"].as_i64().filter(|it| *it != 0) else {
                continue;
            };
            let (protocol, ip) = (text(port, "protocol"), text(port, "hostIP"));
            let key = format!("{protocol}/{ip}/{number}");
            if !taken.insert(key.clone()) {
                let field = format!("{path}[{n}].ports[{at}].hostPort");
                errors.push(FieldError::duplicate(field, quoted(&key)));
            }
        }
    }
}

fn check_lifecycle(container: &Value, path: &str, errors: &mut Errors) {
    for name in ["postStart", "preStop"] {
        let handler = &container["lifecycle"][name];
        if !handler.is_null() {
            let path = format!("{path}.lifecycle.{name}");
            check_handler(
                handler,
                &path,
                &["exec", "httpGet", "tcpSocket", "sleep"],
                errors,
            );
        }
    }
}

fn check_probe(probe: &Value, path: &str, name: &str, errors: &mut Errors) {
    if probe.is_null() {
        return;
    }
    check_handler(
        probe,
        path,
        &["exec", "httpGet", "tcpSocket", "grpc"],
        errors,
    );
    for number in [
        "initialDelaySeconds",
        "timeoutSeconds",
        "periodSeconds",
        "successThreshold",
        "failureThreshold",
    ] {
        errors.natural(probe, number, path);
    }
    let grace = probe["terminationGracePeriodSeconds"].as_i64();
    if name == "readinessProbe" {
        if let Some(secs) = grace {
            let field = format!("{path}.terminationGracePeriodSeconds");
            errors.invalid(field, secs, "must not be set for readinessProbes");
        }
        return;
    }
    if let Some(secs) = grace.filter(|it| *it <= 0) {
        let field = format!("{path}.terminationGracePeriodSeconds");
        errors.invalid(field, secs, "must be greater than 0");
    }
    let threshold = probe["successThreshold"].as_i64().unwrap_or(1);
    if threshold != 1 {
        errors.invalid(format!("{path}.successThreshold"), threshold, "must be 1");
    }
}

fn check_handler(handler: &Value, path: &str, types: &[&str], errors: &mut Errors) {
    let mut is_told = false;
    for name in types.iter().filter(|it| !handler[**it].is_null()) {
        let action = &handler[*name];
        let path = format!("{path}.{name}");
        if is_told {
            errors.forbidden(path, "may not specify more than 1 handler type");
            continue;
        }
        is_told = true;
        match *name {
            "exec" if items(action, "command").is_empty() => {
                errors.required(format!("{path}.command"), "");
            }
            "httpGet" => {
                if text(action, "path").is_empty() {
                    errors.required(format!("{path}.path"), "");
                }
                check_port(&action["port"], &format!("{path}.port"), errors);
                let scheme = text(action, "scheme");
                if !["HTTP", "HTTPS"].contains(&scheme) {
                    let field = format!("{path}.scheme");
                    errors.push(FieldError::not_supported(field, scheme, &["HTTP", "HTTPS"]));
                }
            }
            "tcpSocket" | "grpc" => check_port(&action["port"], &format!("{path}.port"), errors),
            _ => {}
        }
    }
    if !is_told {
        errors.required(path.to_owned(), "must specify a handler type");
    }
}

/// A port by number or name.
pub(super) fn check_port(port: &Value, field: &str, errors: &mut Errors) {
    match port {
        Value::String(name) => errors.port_name(field, name),
        number => errors.port_number(field, number.as_i64().unwrap_or(0)),
    }
}

fn check_dns(spec: &Value, path: &str, errors: &mut Errors) {
    let policy = text(spec, "dnsPolicy");
    let policies = ["ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"];
    errors.protocol(&format!("{path}.dnsPolicy"), policy, &policies);
    let config = &spec["dnsConfig"];
    let path = format!("{path}.dnsConfig");
    if config.is_null() {
        if policy == "None" {
            errors.required(path, "must provide `dnsConfig` when `dnsPolicy` is None");
        }
        return;
    }
    let servers = items(config, "nameservers");
    if policy == "None" && servers.is_empty() {
        let why = "must provide at least one DNS nameserver when `dnsPolicy` is None";
        errors.required(format!("{path}.nameservers"), why);
    }
    if servers.len() > 3 {
        let list: Vec<String> = servers
            .iter()
            .filter_map(Value::as_str)
            .map(Into::into)
            .collect();
        let printed = printed_list(&list, errors.version);
        errors.invalid(
            format!("{path}.nameservers"),
            printed,
            "must not have more than 3 nameservers",
        );
    }
    for (n, server) in servers.iter().enumerate() {
        let server = server.as_str().unwrap_or_default();
        let strictness = Strictness::of(errors.version, server, &[]);
        errors.found.extend(ip_faults(
            &format!("{path}.nameservers[{n}]"),
            server,
            strictness,
        ));
    }
    for (n, search) in items(config, "searches").iter().enumerate() {
        let search = search.as_str().unwrap_or_default();
        let trimmed = search.strip_suffix('.').unwrap_or(search);
        if search != "." {
            errors.subdomain(&format!("{path}.searches[{n}]"), trimmed);
        }
    }
    for (n, option) in items(config, "options").iter().enumerate() {
        if text(option, "name").is_empty() {
            errors.required(format!("{path}.options[{n}]"), "must not be empty");
        }
    }
}

fn check_host_aliases(spec: &Value, path: &str, errors: &mut Errors) {
    for (n, alias) in items(spec, "hostAliases").iter().enumerate() {
        let ip = text(alias, "ip");
        let strictness = Strictness::of(errors.version, ip, &[]);
        errors
            .found
            .extend(ip_faults(&format!("{path}[{n}].ip"), ip, strictness));
        for (at, name) in items(alias, "hostnames").iter().enumerate() {
            let name = name.as_str().unwrap_or_default();
            errors.subdomain(&format!("{path}[{n}].hostnames[{at}]"), name);
        }
    }
}

/// BestEffort, Burstable or Guaranteed, by what the containers ask for and may take.
#[must_use]
pub fn qos_class(spec: &Value) -> &'static str {
    let containers = items(spec, "containers")
        .iter()
        .chain(items(spec, "initContainers"));
    let (mut asks, mut is_bounded) = (false, true);
    for container in containers {
        let resources = &container["resources"];
        let limits = printed::texts(&resources["limits"]);
        let requests = printed::texts(&resources["requests"]);
        for name in ["cpu", "memory"] {
            let (limit, request) = (limits.get(name), requests.get(name));
            asks |= limit.is_some() || request.is_some();
            is_bounded &= limit.is_some() && request.is_none_or(|it| Some(it) == limit);
        }
    }
    match (asks, is_bounded) {
        (false, _) => "BestEffort",
        (true, true) => "Guaranteed",
        (true, false) => "Burstable",
    }
}
