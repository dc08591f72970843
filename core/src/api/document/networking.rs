//! Ingresses and their classes, NetworkPolicies, ServiceCIDRs.
//!
//! `pkg/apis/networking/validation/validation.go` of Kubernetes 1.36.
//!
//! **Left out**: backends that are resources, beyond that there is one; parameters of classes.

use super::{Errors, items, pod, printed, text, workload};
use crate::api::{
    FieldError, KubernetesVersion, Strictness, cidr_faults, dns_1035_label_faults,
    dns_1123_label_faults, parse_as_go, printed_list, prints_json,
};
use crate::ip::{family, parse_cidr_sloppy};
use serde_json::Value;

const CLASS: &str = "kubernetes.io/ingress.class";
const WILDCARD: &str = r"a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character (e.g. '*.example.com', regex used for validation is '\*\.[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";

/// What is wrong with an Ingress.
pub(super) fn check_ingress(document: &Value, errors: &mut Errors) {
    let spec = &document["spec"];
    let rules = items(spec, "rules");
    let default = &spec["defaultBackend"];
    if rules.is_empty() && default.is_null() {
        let printed = if prints_json(errors.version) {
            "null"
        } else {
            "[]networking.IngressRule(nil)"
        };
        let why = "either `defaultBackend` or `rules` must be specified";
        errors.invalid("spec".to_owned(), printed, why);
    }
    if !default.is_null() {
        check_backend(default, "spec.defaultBackend", errors);
    }
    for (n, rule) in rules.iter().enumerate() {
        check_rule(rule, &format!("spec.rules[{n}]"), errors);
    }
    for (n, tls) in items(spec, "tls").iter().enumerate() {
        for (at, host) in items(tls, "hosts").iter().enumerate() {
            let host = host.as_str().unwrap_or_default();
            check_host(host, &format!("spec.tls[{n}].hosts[{at}]"), errors);
        }
    }
    let class = text(spec, "ingressClassName");
    if !spec["ingressClassName"].is_null() {
        errors.subdomain("spec.ingressClassName", class);
    }
    let annotated = &document["metadata"]["annotations"][CLASS];
    if let (Some(told), false) = (annotated.as_str(), class.is_empty())
        && told != class
        && document["metadata"]["resourceVersion"].is_null()
    {
        let why = "must match `ingressClassName` when both are specified";
        errors.push(FieldError::invalid_text(
            format!("annotations.{CLASS}"),
            told,
            why,
        ));
    }
}

fn check_host(host: &str, field: &str, errors: &mut Errors) {
    if !host.contains('*') {
        return errors.subdomain(field, host);
    }
    let rest = host.strip_prefix("*.");
    let is_good = rest.is_some_and(|it| crate::api::dns_1123_subdomain_faults(it).is_empty());
    if !is_good {
        errors.push(FieldError::invalid_text(field, host, WILDCARD));
    }
}

fn check_rule(rule: &Value, path: &str, errors: &mut Errors) {
    let host = text(rule, "host");
    if !host.is_empty() {
        let field = format!("{path}.host");
        if parse_as_go(host).is_some() {
            let why = "must be a DNS name, not an IP address";
            errors.push(FieldError::invalid_text(&field, host, why));
        }
        check_host(host, &field, errors);
    }
    let http = &rule["http"];
    if http.is_null() {
        return;
    }
    let paths = items(http, "paths");
    if paths.is_empty() {
        errors.required(format!("{path}.http.paths"), "");
    }
    for (n, it) in paths.iter().enumerate() {
        check_path(it, &format!("{path}.http.paths[{n}]"), errors);
    }
}

fn check_path(it: &Value, path: &str, errors: &mut Errors) {
    if it["pathType"].is_null() {
        return errors.required(format!("{path}.pathType"), "pathType must be specified");
    }
    let told = text(it, "path");
    let field = format!("{path}.path");
    let wrong = |why: &str| FieldError::invalid_text(&field, told, why);
    let kind = text(it, "pathType");
    match kind {
        "Exact" | "Prefix" => {
            if !told.starts_with('/') {
                errors.push(wrong("must be an absolute path"));
            }
            for part in ["//", "/./", "/../", "%2f", "%2F"]
                .iter()
                .filter(|it| told.contains(**it))
            {
                errors.push(wrong(&format!("must not contain '{part}'")));
            }
            for end in ["/..", "/."].iter().filter(|it| told.ends_with(**it)) {
                errors.push(wrong(&format!("cannot end with '{end}'")));
            }
        }
        "ImplementationSpecific" => {
            if !told.is_empty() && !told.starts_with('/') {
                errors.push(wrong("must be an absolute path"));
            }
        }
        _ => {
            let supported = ["Exact", "ImplementationSpecific", "Prefix"];
            errors.push(FieldError::not_supported(
                format!("{path}.pathType"),
                kind,
                &supported,
            ));
        }
    }
    check_backend(&it["backend"], &format!("{path}.backend"), errors);
}

fn check_backend(backend: &Value, path: &str, errors: &mut Errors) {
    let service = &backend["service"];
    let path = path.to_owned();
    match (backend["resource"].is_null(), service.is_null()) {
        (false, false) => {
            return errors.invalid(
                path,
                "\"\"",
                "cannot set both resource and service backends",
            );
        }
        (false, true) => return,
        (true, true) => {
            return errors.invalid(path, "\"\"", "resource or service backend is required");
        }
        (true, false) => {}
    }
    let name = text(service, "name");
    if name.is_empty() {
        errors.required(format!("{path}.service.name"), "");
    } else {
        let faults = service_name_faults(name, errors.version);
        errors.text(&format!("{path}.service.name"), name, faults);
    }
    let port = &service["port"];
    let number = port["number"].as_i64().unwrap_or(0);
    let name = text(port, "name");
    match (name.is_empty(), number) {
        (true, 0) => errors.required(path, "port name or number is required"),
        (true, number) => errors.port_number(&format!("{path}.service.port.number"), number),
        (false, 0) => errors.port_name(&format!("{path}.service.port.name"), name),
        (false, _) => errors.invalid(path, "\"\"", "cannot set both port name & port number"),
    }
}

/// Names of Services may begin with a digit since 1.36.
fn service_name_faults(name: &str, version: KubernetesVersion) -> Vec<String> {
    if version.minor >= 36 {
        dns_1123_label_faults(name)
    } else {
        dns_1035_label_faults(name)
    }
}

/// What is wrong with a class of Ingresses.
pub(super) fn check_ingress_class(spec: &Value, errors: &mut Errors) {
    let controller = text(spec, "controller");
    let field = "spec.controller";
    if controller.is_empty() {
        return errors.required(field.to_owned(), "");
    }
    let Some((domain, path)) = controller.split_once('/') else {
        let why = "must be a domain-prefixed path (such as \"acme.io/foo\")";
        return errors.push(FieldError::invalid_text(field, controller, why));
    };
    if domain.is_empty() || path.is_empty() {
        let why = "must be a domain-prefixed path (such as \"acme.io/foo\")";
        return errors.push(FieldError::invalid_text(field, controller, why));
    }
    errors.subdomain(field, domain);
}

/// What is wrong with a NetworkPolicy.
pub(super) fn check_network_policy(spec: &Value, errors: &mut Errors) {
    check_selector(&spec["podSelector"], "spec.podSelector", errors);
    for (list, peers) in [("ingress", "from"), ("egress", "to")] {
        for (n, rule) in items(spec, list).iter().enumerate() {
            let path = format!("spec.{list}[{n}]");
            for (at, port) in items(rule, "ports").iter().enumerate() {
                check_policy_port(port, &format!("{path}.ports[{at}]"), errors);
            }
            for (at, peer) in items(rule, peers).iter().enumerate() {
                check_peer(peer, &format!("{path}.{peers}[{at}]"), errors);
            }
        }
    }
    let types = items(spec, "policyTypes");
    if types.len() > 2 {
        let list: Vec<String> = types
            .iter()
            .filter_map(Value::as_str)
            .map(Into::into)
            .collect();
        let printed =
            printed_list(&list, errors.version).replace("[]string", "[]networking.PolicyType");
        let why = "may not specify more than two policyTypes";
        return errors.invalid("spec.policyTypes".to_owned(), printed, why);
    }
    for (n, it) in types.iter().enumerate() {
        let it = it.as_str().unwrap_or_default();
        if !["Ingress", "Egress"].contains(&it) {
            let field = format!("spec.policyTypes[{n}]");
            errors.push(FieldError::not_supported(field, it, &["Ingress", "Egress"]));
        }
    }
}

fn check_selector(selector: &Value, path: &str, errors: &mut Errors) {
    workload::check_label_selector(&printed::selector(selector), path, errors);
}

fn check_policy_port(it: &Value, path: &str, errors: &mut Errors) {
    if !it["protocol"].is_null() {
        errors.protocol(
            &format!("{path}.protocol"),
            text(it, "protocol"),
            &["TCP", "UDP", "SCTP"],
        );
    }
    let (port, end) = (&it["port"], it["endPort"].as_i64());
    let field = format!("{path}.endPort");
    if !port.is_null() {
        pod::check_port(port, &format!("{path}.port"), errors);
    }
    match (port, end) {
        (_, None) => {}
        (Value::Null, Some(end)) => errors.invalid(
            field,
            end,
            "may not be specified when `port` is not specified",
        ),
        (Value::String(_), Some(end)) => {
            errors.invalid(
                field,
                end,
                "may not be specified when `port` is non-numeric",
            );
        }
        (port, Some(end)) => {
            if port.as_i64().is_some_and(|it| end < it) {
                errors.invalid(
                    field.clone(),
                    end,
                    "must be greater than or equal to `port`",
                );
            }
            errors.port_number(&field, end);
        }
    }
}

fn check_peer(peer: &Value, path: &str, errors: &mut Errors) {
    let mut n_peers = 0;
    for name in ["podSelector", "namespaceSelector"] {
        if !peer[name].is_null() {
            n_peers += 1;
            check_selector(&peer[name], &format!("{path}.{name}"), errors);
        }
    }
    let block = &peer["ipBlock"];
    if !block.is_null() {
        n_peers += 1;
        check_ip_block(block, &format!("{path}.ipBlock"), errors);
    }
    if n_peers == 0 {
        errors.required(path.to_owned(), "must specify a peer");
    } else if n_peers > 1 && !block.is_null() {
        errors.forbidden(
            path.to_owned(),
            "may not specify both ipBlock and another peer",
        );
    }
}

fn check_ip_block(block: &Value, path: &str, errors: &mut Errors) {
    let range = text(block, "cidr");
    if range.is_empty() {
        return errors.required(format!("{path}.cidr"), "");
    }
    let strictness = Strictness::of(errors.version, range, &[]);
    errors
        .found
        .extend(cidr_faults(&format!("{path}.cidr"), range, strictness));
    let Some(outer) = parse_cidr_sloppy(range) else {
        return;
    };
    for (n, except) in items(block, "except").iter().enumerate() {
        let except = except.as_str().unwrap_or_default();
        let field = format!("{path}.except[{n}]");
        let strictness = Strictness::of(errors.version, except, &[]);
        errors.found.extend(cidr_faults(&field, except, strictness));
        let Some(inner) = parse_cidr_sloppy(except) else {
            continue;
        };
        let is_within = outer.contains(&inner.network()) && outer.prefix_len() < inner.prefix_len();
        if !is_within {
            let why = "must be a strict subset of `cidr`";
            errors.push(FieldError::invalid_text(field, except, why));
        }
    }
}

/// What is wrong with a ServiceCIDR.
pub(super) fn check_service_cidr(spec: &Value, errors: &mut Errors) {
    let ranges: Vec<&str> = items(spec, "cidrs")
        .iter()
        .filter_map(Value::as_str)
        .collect();
    let field = "spec.cidrs";
    let list: Vec<String> = ranges.iter().map(|it| (*it).to_owned()).collect();
    let printed = if prints_json(errors.version) {
        format!("{{\"cidrs\":{}}}", printed_list(&list, errors.version))
    } else {
        format!(
            "networking.ServiceCIDRSpec{{CIDRs:{}}}",
            printed_list(&list, errors.version)
        )
    };
    if ranges.is_empty() {
        return errors.required(field.to_owned(), "at least one CIDR required");
    }
    if ranges.len() > 2 {
        return errors.invalid(field.to_owned(), printed, "may only hold up to 2 values");
    }
    if let [first, second] = ranges.as_slice() {
        let families =
            [first, second].map(|it| parse_cidr_sloppy(it).map(|it| family(it.network())));
        if families[0].is_none() || families[1].is_none() || families[0] == families[1] {
            let why = "may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/96";
            return errors.invalid(field.to_owned(), printed, why);
        }
    }
    for (n, range) in ranges.iter().enumerate() {
        errors.found.extend(cidr_faults(
            &format!("{field}[{n}]"),
            range,
            Strictness::Strict,
        ));
    }
}

/// Ranges stay, but a second family may be added.
pub(super) fn check_ranges_kept(new: &Value, old: &Value, errors: &mut Errors) {
    let (new, old) = (items(&new["spec"], "cidrs"), items(&old["spec"], "cidrs"));
    if old.len() == new.len() || (old.len() == 1 && new.len() == 2) {
        for (n, (new, old)) in new.iter().zip(old).enumerate() {
            errors.immutable(&format!("spec.cidrs[{n}]"), new, old);
        }
        return;
    }
    let list: Vec<String> = new
        .iter()
        .filter_map(Value::as_str)
        .map(Into::into)
        .collect();
    let printed = printed_list(&list, errors.version);
    errors.invalid("spec.cidrs".to_owned(), printed, "field is immutable");
}
