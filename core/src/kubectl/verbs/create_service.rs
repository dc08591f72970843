//! `kubectl create service`: the four types from a few words.
//!
//! `k8s.io/kubectl/pkg/cmd/create/create_service.go` of 1.32.
//!
//! **Left out**: nothing.

use super::super::command::{Command, Invocation};
use super::super::failure::{Failure, error};
use super::super::io::Ctx;
use super::super::target::Outcome;
use super::create::{generate, only_name};
use crate::api::{port_name_faults, port_number_fault};
use serde_json::{Value, json};

/// `kubectl create service clusterip`
pub(super) const CLUSTER_IP: Command = Command::new(
    "create service clusterip",
    include_str!("../help/create_service_clusterip.txt"),
    |ctx, invocation| service(ctx, invocation, "ClusterIP"),
);

/// `kubectl create service nodeport`
pub(super) const NODE_PORT: Command = Command::new(
    "create service nodeport",
    include_str!("../help/create_service_nodeport.txt"),
    |ctx, invocation| service(ctx, invocation, "NodePort"),
);

/// `kubectl create service loadbalancer`
pub(super) const LOAD_BALANCER: Command = Command::new(
    "create service loadbalancer",
    include_str!("../help/create_service_loadbalancer.txt"),
    |ctx, invocation| service(ctx, invocation, "LoadBalancer"),
);

/// `kubectl create service externalname`
pub(super) const EXTERNAL_NAME: Command = Command::new(
    "create service externalname",
    include_str!("../help/create_service_externalname.txt"),
    |ctx, invocation| service(ctx, invocation, "ExternalName"),
);

fn service(ctx: &mut Ctx<'_>, invocation: &Invocation, of: &str) -> Outcome {
    let flags = &invocation.flags;
    if of == "ExternalName" && !flags.changed("external-name") {
        return error("required flag(s) \"external-name\" not set");
    }
    let name = only_name(invocation)?;
    let tcp = flags.list("tcp");
    let cluster_ip = flags.text("clusterip");
    let needs_ports = match of {
        "ExternalName" => false,
        "ClusterIP" => cluster_ip != "None",
        _ => true,
    };
    if tcp.is_empty() && needs_ports {
        return error("at least one tcp port specifier must be provided");
    }
    let mut ports = Vec::new();
    for told in &tcp {
        let (port, target) = read_ports(told)?;
        let mut entry = json!({
            "name": told.replace(':', "-"),
            "port": port,
            "protocol": "TCP",
            "targetPort": target,
        });
        if of == "NodePort" && flags.int("node-port") != 0 {
            entry["nodePort"] = flags.int("node-port").into();
        }
        ports.push(entry);
    }
    let labels = json!({"app": name});
    let mut document = json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"creationTimestamp": null, "labels": labels, "name": name},
        "spec": {"selector": labels, "type": of},
        "status": {"loadBalancer": {}},
    });
    if !ports.is_empty() {
        document["spec"]["ports"] = ports.into();
    }
    if of == "ExternalName" {
        document["spec"]["externalName"] = flags.text("external-name").into();
    }
    if !cluster_ip.is_empty() {
        document["spec"]["clusterIP"] = cluster_ip.into();
    }
    generate(ctx, invocation, document, &format!("{of} service"))
}

fn read_ports(told: &str) -> Result<(u16, Value), Failure> {
    let (port, target) = match told.split_once(':') {
        Some((port, target)) => (port, Some(target)),
        None => (told, None),
    };
    let port: u16 = port.parse().map_err(|_| {
        let is_number = !port.is_empty() && port.bytes().all(|it| it.is_ascii_digit());
        let why = if is_number {
            "value out of range"
        } else {
            "invalid syntax"
        };
        Failure::Error(format!("strconv.ParseUint: parsing {port:?}: {why}"))
    })?;
    let Some(target) = target else {
        return Ok((port, port.into()));
    };
    let Ok(number) = target.parse::<i64>() else {
        let faults = port_name_faults(target);
        if !faults.is_empty() {
            return error(faults.join(","));
        }
        return Ok((port, target.into()));
    };
    match port_number_fault(i32::try_from(number).unwrap_or(i32::MAX)) {
        Some(fault) => error(fault),
        None => Ok((port, number.into())),
    }
}
