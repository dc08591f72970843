//! What a Service is refused for, whether it is new or not.
//!
//! `ValidateService` and `ValidateServiceClusterIPsRelatedFields` of
//! `pkg/apis/core/validation/validation.go` of Kubernetes 1.31–1.37, in the order of the source:
//! the order of the errors is what a user sees.
//!
//! **Left out**: feature gates that are not at their default.

use super::{IntOrString, Service, ServicePort, ServiceSpec, SessionAffinityConfig};
use crate::api::{
    FieldError, KubernetesVersion, NameRule, Scope, Strictness, cidr_faults, dns_1123_label_faults,
    dns_1123_subdomain_faults, ip_faults, parse_as_go, port_name_faults, port_number_fault,
    printed_list, prints_json, qualified_name_faults, quoted, special_ip_faults, validate_labels,
    validate_object_meta,
};
use crate::ip::{Family, family};

const TYPES: [&str; 4] = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
const PROTOCOLS: [&str; 3] = ["SCTP", "TCP", "UDP"];
const FAMILIES: [&str; 2] = ["IPv4", "IPv6"];
const FAMILY_POLICIES: [&str; 3] = ["PreferDualStack", "RequireDualStack", "SingleStack"];
const TRAFFIC_POLICIES: [&str; 2] = ["Cluster", "Local"];
const AFFINITIES: [&str; 2] = ["ClientIP", "None"];
const MAX_TIMEOUT_SECONDS: i32 = 86_400;
const ONLY_FOR_LOAD_BALANCERS: &str = "may only be used when `type` is 'LoadBalancer'";
const NOT_FOR_EXTERNAL_NAMES: &str = "may not be set for ExternalName services";

pub(super) const TOPOLOGY_HINTS: &str = "service.kubernetes.io/topology-aware-hints";
pub(super) const TOPOLOGY_MODE: &str = "service.kubernetes.io/topology-mode";
const SOURCE_RANGES: &str = "service.beta.kubernetes.io/load-balancer-source-ranges";

/// What a new Service is refused for.
#[must_use]
pub fn validate_service_create(service: &Service, version: KubernetesVersion) -> Vec<FieldError> {
    validate_service(service, None, version)
}

/// What a Service is refused for. Addresses that `old` held already are not looked at closely.
#[must_use]
pub fn validate_service(
    service: &Service,
    old: Option<&Service>,
    version: KubernetesVersion,
) -> Vec<FieldError> {
    // KEP-5311: from 1.36 on a name may start with a digit.
    let rule = if version.minor < 36 {
        NameRule::Dns1035Label
    } else {
        NameRule::Dns1123Label
    };
    let mut errors = validate_object_meta(&service.metadata, Scope::Namespaced, rule, version);
    errors.extend(validate_topology(service));
    let spec = &service.spec;
    consider_every_field(spec);
    if spec.ports.is_empty() && !is_headless(spec) && service.kind() != "ExternalName" {
        errors.push(FieldError::required("spec.ports", ""));
    }
    errors.extend(validate_type_dependent(service));
    for idx in 0..spec.ports.len() {
        errors.extend(validate_port(&spec.ports, idx, version));
    }
    errors.extend(validate_labels(&spec.selector, "spec.selector", version));
    errors.extend(validate_affinity(spec));
    errors.extend(validate_cluster_ips(service, old, version));
    errors.extend(validate_external_ips(spec, old, version));
    match spec.kind.as_deref() {
        None | Some("") => errors.push(FieldError::required("spec.type", "")),
        Some(kind) if !TYPES.contains(&kind) => {
            errors.push(FieldError::not_supported("spec.type", kind, &TYPES));
        }
        Some(_) => {}
    }
    errors.extend(validate_ports_together(service, version));
    errors.extend(validate_source_ranges(service, old, version));
    errors.extend(validate_load_balancer_fields(service));
    errors.extend(validate_load_balancer_class(service, version));
    errors.extend(validate_external_traffic(service));
    errors.extend(validate_internal_traffic(service));
    errors.extend(validate_traffic_distribution(spec, version));
    errors
}

/// What its addresses and families are refused for. The store asks this before it gives out any.
#[must_use]
pub fn validate_cluster_ips(
    service: &Service,
    old: Option<&Service>,
    version: KubernetesVersion,
) -> Vec<FieldError> {
    if service.kind() == "ExternalName" {
        return Vec::new();
    }
    let spec = &service.spec;
    let mut errors = validate_first_ip(spec, version);
    errors.extend(validate_families(spec));
    let faults = validate_each_ip(spec, old, version);
    let has_bad_ips = !faults.is_empty();
    errors.extend(faults);
    if spec.cluster_ips.len() > 2 {
        errors.push(refuse_ips(spec, version, "may only hold up to 2 values"));
    }
    // What follows would only repeat the trouble with a bad address in other words.
    if !has_bad_ips {
        errors.extend(validate_ip_families(spec, version));
    }
    errors
}

/// A list of families, as the server of this release prints it.
#[must_use]
pub fn printed_families(families: &[String], version: KubernetesVersion) -> String {
    let printed = printed_list(families, version);
    match printed.strip_prefix("[]string") {
        Some(rest) => format!("[]core.IPFamily{rest}"),
        None => printed,
    }
}

pub(super) fn is_headless(spec: &ServiceSpec) -> bool {
    spec.cluster_ips == ["None"]
}

fn refuse_ips(spec: &ServiceSpec, version: KubernetesVersion, why: &str) -> FieldError {
    let printed = printed_list(&spec.cluster_ips, version);
    FieldError::invalid("spec.clusterIPs", printed, why)
}

fn validate_first_ip(spec: &ServiceSpec, version: KubernetesVersion) -> Vec<FieldError> {
    let one = spec.cluster_ip.as_deref().unwrap_or_default();
    match (one, spec.cluster_ips.first()) {
        ("", Some(_)) => vec![refuse_ips(
            spec,
            version,
            "must be empty when `clusterIP` is not specified",
        )],
        ("", None) => Vec::new(),
        (_, None) => vec![FieldError::required("spec.clusterIPs", "")],
        (one, Some(first)) if one != first => {
            vec![refuse_ips(
                spec,
                version,
                "first value must match `clusterIP`",
            )]
        }
        _ => Vec::new(),
    }
}

fn validate_each_ip(
    spec: &ServiceSpec,
    old: Option<&Service>,
    version: KubernetesVersion,
) -> Vec<FieldError> {
    let held = old.map(|it| it.spec.cluster_ips.as_slice());
    let mut errors = Vec::new();
    for (idx, ip) in spec.cluster_ips.iter().enumerate() {
        if idx == 0 && ip == "None" {
            if spec.cluster_ips.len() > 1 {
                let why = "'None' must be the first and only value";
                errors.push(refuse_ips(spec, version, why));
            }
            continue;
        }
        let strictness = Strictness::of(version, ip, held.unwrap_or_default());
        errors.extend(ip_faults(
            &format!("spec.clusterIPs[{idx}]"),
            ip,
            strictness,
        ));
    }
    errors
}

/// Whether addresses are one of each family, and of the family that stands beside them.
fn validate_ip_families(spec: &ServiceSpec, version: KubernetesVersion) -> Vec<FieldError> {
    let ips = &spec.cluster_ips;
    let found: Vec<_> = ips
        .iter()
        .filter_map(|it| parse_as_go(it))
        .map(family)
        .collect();
    let has_both = Family::ALL.iter().all(|it| found.contains(it));
    let mut errors = Vec::new();
    if ips.len() > 1 && !has_both {
        let why = "may specify no more than one IP for each IP family";
        errors.push(refuse_ips(spec, version, why));
    }
    if is_headless(spec) {
        return errors;
    }
    for (idx, (told, ip)) in spec.ip_families.iter().zip(ips).enumerate() {
        let is_six = parse_as_go(ip).is_some_and(|it| it.is_ipv6());
        if told == "IPv4" && is_six || told == "IPv6" && !is_six {
            errors.push(FieldError::invalid_text(
                format!("spec.clusterIPs[{idx}]"),
                ip,
                format!("expected an {told} value as indicated by `ipFamilies[{idx}]`"),
            ));
        }
    }
    errors
}

fn validate_families(spec: &ServiceSpec) -> Vec<FieldError> {
    let mut errors = Vec::new();
    for (idx, name) in spec.ip_families.iter().enumerate() {
        let field = format!("spec.ipFamilies[{idx}]");
        if !FAMILIES.contains(&name.as_str()) {
            errors.push(FieldError::not_supported(field.as_str(), name, &FAMILIES));
        }
        if spec.ip_families[..idx].contains(name) {
            errors.push(FieldError::duplicate(field, quoted(name)));
        }
    }
    if let Some(policy) = &spec.ip_family_policy
        && !FAMILY_POLICIES.contains(&policy.as_str())
    {
        errors.push(FieldError::not_supported(
            "spec.ipFamilyPolicy",
            policy,
            &FAMILY_POLICIES,
        ));
    }
    errors
}

/// Does nothing: a field that is added stops the build here, where it must be considered.
fn consider_every_field(spec: &ServiceSpec) {
    let ServiceSpec {
        kind: _,
        selector: _,
        ports: _,
        cluster_ip: _,
        cluster_ips: _,
        ip_families: _,
        ip_family_policy: _,
        external_ips: _,
        external_name: _,
        session_affinity: _,
        session_affinity_config: _,
        external_traffic_policy: _,
        internal_traffic_policy: _,
        health_check_node_port: _,
        load_balancer_class: _,
        // Any text will do: it is for the load balancer to read.
        load_balancer_ip: _,
        load_balancer_source_ranges: _,
        allocate_load_balancer_node_ports: _,
        publish_not_ready_addresses: _,
        traffic_distribution: _,
    } = spec;
}

fn validate_topology(service: &Service) -> Option<FieldError> {
    let annotations = &service.metadata.annotations;
    let (hints, mode) = (
        annotations.get(TOPOLOGY_HINTS)?,
        annotations.get(TOPOLOGY_MODE)?,
    );
    (hints != mode).then(|| {
        FieldError::invalid_text(
            format!("metadata.annotations[{TOPOLOGY_MODE}]"),
            mode,
            format!("must match annotations[{TOPOLOGY_HINTS}] when both are specified"),
        )
    })
}

fn validate_type_dependent(service: &Service) -> Vec<FieldError> {
    let spec = &service.spec;
    let mut errors = Vec::new();
    match service.kind() {
        kind @ ("LoadBalancer" | "NodePort") if is_headless(spec) => {
            let why = format!("may not be set to 'None' for {kind} services");
            errors.push(FieldError::invalid_text("spec.clusterIPs[0]", "None", why));
        }
        "ExternalName" => {
            for (field, is_set) in [
                ("spec.clusterIPs", !spec.cluster_ips.is_empty()),
                ("spec.ipFamilies", !spec.ip_families.is_empty()),
                ("spec.ipFamilyPolicy", spec.ip_family_policy.is_some()),
            ] {
                if is_set {
                    errors.push(FieldError::forbidden(field, NOT_FOR_EXTERNAL_NAMES));
                }
            }
            // One dot at the end says that the name is complete.
            let told = spec.external_name.as_deref().unwrap_or_default();
            match told.strip_suffix('.').unwrap_or(told) {
                "" => errors.push(FieldError::required("spec.externalName", "")),
                name => {
                    for fault in dns_1123_subdomain_faults(name) {
                        errors.push(FieldError::invalid_text("spec.externalName", name, fault));
                    }
                }
            }
        }
        _ => {}
    }
    errors
}

/// One port; `idx` is its place among all of them.
fn validate_port(ports: &[ServicePort], idx: usize, version: KubernetesVersion) -> Vec<FieldError> {
    let port = &ports[idx];
    let field = format!("spec.ports[{idx}]");
    let mut errors = validate_port_name(ports, idx);
    if let Some(fault) = port_number_fault(port.port) {
        let field = format!("{field}.port");
        errors.push(FieldError::invalid(field, port.port, fault));
    }
    let protocol_field = format!("{field}.protocol");
    match port.protocol.as_deref() {
        None | Some("") => errors.push(FieldError::required(protocol_field, "")),
        Some(it) if !PROTOCOLS.contains(&it) => {
            errors.push(FieldError::not_supported(protocol_field, it, &PROTOCOLS));
        }
        Some(_) => {}
    }
    let target_field = format!("{field}.targetPort");
    match port.target_port.as_ref().unwrap_or(&IntOrString::Int(0)) {
        IntOrString::Int(number) => {
            if let Some(fault) = port_number_fault(*number) {
                errors.push(FieldError::invalid(target_field, number, fault));
            }
        }
        IntOrString::String(name) => {
            for fault in port_name_faults(name) {
                errors.push(FieldError::invalid_text(target_field.as_str(), name, fault));
            }
        }
    }
    if let Some(protocol) = &port.app_protocol {
        for fault in qualified_name_faults(protocol, version) {
            let field = format!("{field}.appProtocol");
            errors.push(FieldError::invalid_text(field, protocol, fault));
        }
    }
    errors
}

/// The name of a port, which several ports need and no two of them share.
fn validate_port_name(ports: &[ServicePort], idx: usize) -> Vec<FieldError> {
    let field = format!("spec.ports[{idx}].name");
    let name = ports[idx].name();
    if name.is_empty() {
        let is_needed = ports.len() > 1;
        return is_needed
            .then(|| FieldError::required(field, ""))
            .into_iter()
            .collect();
    }
    let mut errors = Vec::new();
    for fault in dns_1123_label_faults(name) {
        errors.push(FieldError::invalid_text(field.as_str(), name, fault));
    }
    if ports[..idx].iter().any(|it| it.name() == name) {
        errors.push(FieldError::duplicate(field, quoted(name)));
    }
    errors
}

fn validate_affinity(spec: &ServiceSpec) -> Vec<FieldError> {
    match spec.session_affinity.as_deref() {
        None | Some("") => vec![FieldError::required("spec.sessionAffinity", "")],
        Some("ClientIP") => validate_timeout(spec.session_affinity_config.as_ref()),
        Some("None") if spec.session_affinity_config.is_some() => vec![FieldError::forbidden(
            "spec.sessionAffinityConfig",
            "must not be set when session affinity is None",
        )],
        Some("None") => Vec::new(),
        Some(other) => vec![FieldError::not_supported(
            "spec.sessionAffinity",
            other,
            &AFFINITIES,
        )],
    }
}

fn validate_timeout(config: Option<&SessionAffinityConfig>) -> Vec<FieldError> {
    let missing = |field: &str| {
        vec![FieldError::required(
            field,
            "when session affinity type is ClientIP",
        )]
    };
    let Some(config) = config else {
        return missing("spec.sessionAffinityConfig");
    };
    let Some(client_ip) = &config.client_ip else {
        return missing("spec.sessionAffinityConfig.clientIP");
    };
    let field = "spec.sessionAffinityConfig.clientIP.timeoutSeconds";
    match client_ip.timeout_seconds {
        None => missing(field),
        Some(timeout) if (1..=MAX_TIMEOUT_SECONDS).contains(&timeout) => Vec::new(),
        Some(timeout) => vec![FieldError::invalid(
            field,
            timeout,
            format!("must be greater than 0 and less than {MAX_TIMEOUT_SECONDS}"),
        )],
    }
}

fn validate_external_ips(
    spec: &ServiceSpec,
    old: Option<&Service>,
    version: KubernetesVersion,
) -> Vec<FieldError> {
    let held = old.map(|it| it.spec.external_ips.as_slice());
    let mut errors = Vec::new();
    for (idx, ip) in spec.external_ips.iter().enumerate() {
        let field = format!("spec.externalIPs[{idx}]");
        let strictness = Strictness::of(version, ip, held.unwrap_or_default());
        let faults = ip_faults(&field, ip, strictness);
        if faults.is_empty() {
            errors.extend(special_ip_faults(&field, ip));
        } else {
            errors.extend(faults);
        }
    }
    errors
}

fn validate_ports_together(service: &Service, version: KubernetesVersion) -> Vec<FieldError> {
    let ports = &service.spec.ports;
    let mut errors = Vec::new();
    let node_port_field = |idx: usize| format!("spec.ports[{idx}].nodePort");
    if service.kind() == "ClusterIP" {
        for (idx, _) in ports
            .iter()
            .enumerate()
            .filter(|(_, it)| it.node_port().is_some())
        {
            errors.push(FieldError::forbidden(
                node_port_field(idx),
                "may not be used when `type` is 'ClusterIP'",
            ));
        }
    }
    for (idx, port) in ports.iter().enumerate() {
        let is_same = |it: &ServicePort| {
            it.node_port() == port.node_port() && it.protocol() == port.protocol()
        };
        if let Some(number) = port.node_port()
            && ports[..idx].iter().any(is_same)
        {
            errors.push(FieldError::duplicate(node_port_field(idx), number));
        }
    }
    for (idx, port) in ports.iter().enumerate() {
        let is_same = |it: &ServicePort| it.port == port.port && it.protocol() == port.protocol();
        if ports[..idx].iter().any(is_same) {
            let field = format!("spec.ports[{idx}]");
            errors.push(FieldError::duplicate(field, printed_port(port, version)));
        }
    }
    errors
}

/// The key of a port as Go prints it: only protocol and number are set.
fn printed_port(port: &ServicePort, version: KubernetesVersion) -> String {
    let (protocol, number) = (port.protocol(), port.port);
    if prints_json(version) {
        format!(
            "{{\"Name\":\"\",\"Protocol\":\"{protocol}\",\"AppProtocol\":null,\"Port\":{number},\"TargetPort\":0,\"NodePort\":0}}"
        )
    } else {
        format!(
            "core.ServicePort{{Name:\"\", Protocol:\"{protocol}\", AppProtocol:(*string)(nil), Port:{number}, TargetPort:intstr.IntOrString{{Type:0, IntVal:0, StrVal:\"\"}}, NodePort:0}}"
        )
    }
}

/// The field, or the annotation that came before it.
fn validate_source_ranges(
    service: &Service,
    old: Option<&Service>,
    version: KubernetesVersion,
) -> Vec<FieldError> {
    let ranges = &service.spec.load_balancer_source_ranges;
    let annotated = service.metadata.annotations.get(SOURCE_RANGES);
    // The capital letter is Kubernetes' own.
    let field = match (ranges.is_empty(), annotated) {
        (false, _) => "spec.LoadBalancerSourceRanges".to_owned(),
        (true, Some(_)) => format!("metadata.annotations[{SOURCE_RANGES}]"),
        (true, None) => return Vec::new(),
    };
    let mut errors = Vec::new();
    if service.kind() != "LoadBalancer" {
        errors.push(FieldError::forbidden(
            field.as_str(),
            ONLY_FOR_LOAD_BALANCERS,
        ));
    }
    let held = old.map(|it| it.spec.load_balancer_source_ranges.as_slice());
    for (idx, range) in ranges.iter().enumerate() {
        let range = range.trim();
        let strictness = Strictness::of(version, range, held.unwrap_or_default());
        errors.extend(cidr_faults(&format!("{field}[{idx}]"), range, strictness));
    }
    if ranges.is_empty()
        && let Some(text) = annotated.map(|it| it.trim()).filter(|it| !it.is_empty())
    {
        let before = old.and_then(|it| it.metadata.annotations.get(SOURCE_RANGES));
        let held: Vec<String> = before
            .into_iter()
            .flat_map(|it| it.split(',').map(|it| it.trim().to_owned()))
            .collect();
        for range in text.split(',').map(str::trim) {
            errors.extend(cidr_faults(
                &field,
                range,
                Strictness::of(version, range, &held),
            ));
        }
    }
    errors
}

fn validate_load_balancer_fields(service: &Service) -> Vec<FieldError> {
    let is_load_balancer = service.kind() == "LoadBalancer";
    match service.spec.allocate_load_balancer_node_ports {
        Some(_) if !is_load_balancer => vec![FieldError::forbidden(
            "spec.allocateLoadBalancerNodePorts",
            ONLY_FOR_LOAD_BALANCERS,
        )],
        None if is_load_balancer => {
            vec![FieldError::required("allocateLoadBalancerNodePorts", "")]
        }
        _ => Vec::new(),
    }
}

pub(super) fn validate_load_balancer_class(
    service: &Service,
    version: KubernetesVersion,
) -> Vec<FieldError> {
    let field = "spec.loadBalancerClass";
    match &service.spec.load_balancer_class {
        None => Vec::new(),
        Some(class) if service.kind() == "LoadBalancer" => qualified_name_faults(class, version)
            .into_iter()
            .map(|fault| FieldError::invalid_text(field, class, fault))
            .collect(),
        Some(_) => vec![FieldError::forbidden(field, ONLY_FOR_LOAD_BALANCERS)],
    }
}

fn validate_external_traffic(service: &Service) -> Vec<FieldError> {
    let spec = &service.spec;
    let mut errors = Vec::new();
    let field = "spec.externalTrafficPolicy";
    let policy = spec.external_traffic_policy.as_deref().unwrap_or_default();
    match (service.is_externally_accessible(), policy) {
        (false, "") => {}
        (false, policy) => errors.push(FieldError::invalid_text(
            field,
            policy,
            "may only be set for externally-accessible services",
        )),
        (true, "") => errors.push(FieldError::required(field, "")),
        (true, policy) if !TRAFFIC_POLICIES.contains(&policy) => {
            errors.push(FieldError::not_supported(field, policy, &TRAFFIC_POLICIES));
        }
        (true, _) => {}
    }
    let field = "spec.healthCheckNodePort";
    let port = spec.health_check_node_port.unwrap_or_default();
    match (service.needs_health_check(), port) {
        (false, 0) => {}
        (false, port) => errors.push(FieldError::invalid(
            field,
            port,
            "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'",
        )),
        (true, 0) => errors.push(FieldError::required(field, "")),
        (true, port) => {
            errors.extend(port_number_fault(port).map(|it| FieldError::invalid(field, port, it)));
        }
    }
    errors
}

fn validate_internal_traffic(service: &Service) -> Vec<FieldError> {
    let field = "spec.internalTrafficPolicy";
    match service.spec.internal_traffic_policy.as_deref() {
        None if matches!(service.kind(), "ClusterIP" | "NodePort" | "LoadBalancer") => {
            vec![FieldError::required(field, "")]
        }
        Some(policy) if !TRAFFIC_POLICIES.contains(&policy) => {
            vec![FieldError::not_supported(field, policy, &TRAFFIC_POLICIES)]
        }
        _ => Vec::new(),
    }
}

/// KEP-3015: two more values from 1.34 on.
fn validate_traffic_distribution(
    spec: &ServiceSpec,
    version: KubernetesVersion,
) -> Option<FieldError> {
    let supported: &[&str] = if version.minor < 34 {
        &["PreferClose"]
    } else {
        &["PreferClose", "PreferSameZone", "PreferSameNode"]
    };
    let told = spec.traffic_distribution.as_deref()?;
    (!supported.contains(&told))
        .then(|| FieldError::not_supported("spec.trafficDistribution", told, supported))
}
