//! Nodes.
//!
//! **Left out**: extended resources of containers.

use super::super::object::{at, items, name, namespace, shown, text};
use super::super::printers::rows::node_roles;
use super::sheet::Sheet;
use crate::api::{Kind, ObjectRef};
use serde_json::Value;
use std::sync::Arc;

pub(super) fn node(sheet: &mut Sheet<'_>, it: &Value) {
    // The lines of the sheet in their order: taken apart, nobody could read what it looks like.
    let (spec, status) = (&it["spec"], &it["status"]);
    sheet.field("Name", name(it));
    sheet.field("Roles", &node_roles(it));
    sheet.labels("Labels", at(it, &["metadata", "labels"]));
    sheet.annotations("Annotations", at(it, &["metadata", "annotations"]));
    sheet.field(
        "CreationTimestamp",
        &Sheet::date(text(it, &["metadata", "creationTimestamp"])),
    );
    sheet.lines("Taints", items(&spec["taints"]).iter().map(taint));
    sheet.field(
        "Unschedulable",
        if spec["unschedulable"] == true {
            "true"
        } else {
            "false"
        },
    );
    lease(sheet, name(it));
    let conditions = items(&status["conditions"]);
    if !conditions.is_empty() {
        sheet.put(
            "Conditions:\n  Type\tStatus\tLastHeartbeatTime\tLastTransitionTime\tReason\tMessage\n",
        );
        sheet.put("  ----\t------\t-----------------\t------------------\t------\t-------\n");
    }
    for it in conditions {
        sheet.put(&format!(
            "  {} \t{} \t{} \t{} \t{} \t{}\n",
            text(it, &["type"]),
            text(it, &["status"]),
            Sheet::date(text(it, &["lastHeartbeatTime"])),
            Sheet::date(text(it, &["lastTransitionTime"])),
            text(it, &["reason"]),
            text(it, &["message"]),
        ));
    }
    sheet.put("Addresses:\n");
    for it in items(&status["addresses"]) {
        sheet.field(
            &format!("  {}", text(it, &["type"])),
            text(it, &["address"]),
        );
    }
    for (title, field) in [("Capacity", "capacity"), ("Allocatable", "allocatable")] {
        let amounts = status[field].as_object();
        if amounts.is_some_and(|it| !it.is_empty()) {
            sheet.put(&format!("{title}:\n"));
        }
        for (name, amount) in amounts.into_iter().flatten() {
            sheet.field(&format!("  {name}"), &shown(amount));
        }
    }
    system(sheet, &status["nodeInfo"]);
    if !text(spec, &["podCIDR"]).is_empty() {
        sheet.field("PodCIDR", text(spec, &["podCIDR"]));
    }
    let ranges: Vec<String> = items(&spec["podCIDRs"]).iter().map(shown).collect();
    if !ranges.is_empty() {
        sheet.field("PodCIDRs", &ranges.join(","));
    }
    if !text(spec, &["providerID"]).is_empty() {
        sheet.field("ProviderID", text(spec, &["providerID"]));
    }
    pods(sheet, it);
    sheet.events(it);
}

fn taint(it: &Value) -> String {
    let (key, value, effect) = (
        text(it, &["key"]),
        text(it, &["value"]),
        text(it, &["effect"]),
    );
    match value {
        "" => format!("{key}:{effect}"),
        _ => format!("{key}={value}:{effect}"),
    }
}

fn lease(sheet: &mut Sheet<'_>, node: &str) {
    sheet.put("Lease:\n");
    let reference = ObjectRef::new(Kind::Lease, "kube-node-lease", node);
    let found = sheet.store.document(&reference).cloned();
    let spec = found.map(|it| it["spec"].clone()).unwrap_or_default();
    let or_unset = |field: &str| match text(&spec, &[field]) {
        "" => "<unset>".to_owned(),
        stamp if field.ends_with("Time") => Sheet::date(stamp),
        other => other.to_owned(),
    };
    sheet.field("  HolderIdentity", &or_unset("holderIdentity"));
    sheet.field("  AcquireTime", &or_unset("acquireTime"));
    sheet.field("  RenewTime", &or_unset("renewTime"));
}

fn system(sheet: &mut Sheet<'_>, info: &Value) {
    sheet.put("System Info:\n");
    for (title, field) in [
        ("Machine ID", "machineID"),
        ("System UUID", "systemUUID"),
        ("Boot ID", "bootID"),
        ("Kernel Version", "kernelVersion"),
        ("OS Image", "osImage"),
        ("Operating System", "operatingSystem"),
        ("Architecture", "architecture"),
        ("Container Runtime Version", "containerRuntimeVersion"),
        ("Kubelet Version", "kubeletVersion"),
        ("Kube-Proxy Version", "kubeProxyVersion"),
    ] {
        sheet.field(&format!("  {title}"), text(info, &[field]));
    }
}

/// Thousandths of a quantity: `100m` is 100, `4` is 4000, `1Gi` is 1024³ thousands.
fn thousandths(text: &str) -> i128 {
    let end = text
        .find(|it: char| !it.is_ascii_digit() && it != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    let whole: i128 = whole.parse().unwrap_or(0);
    let part: i128 = format!("{part:0<3}")
        .get(..3)
        .and_then(|it| it.parse().ok())
        .unwrap_or(0);
    let thousandths = whole * 1000 + part;
    let factor: i128 = match unit {
        "m" => return thousandths / 1000,
        "k" => 1_000,
        "M" => 1_000_000,
        "G" => 1_000_000_000,
        "Ki" => 1 << 10,
        "Mi" => 1 << 20,
        "Gi" => 1 << 30,
        "Ti" => 1 << 40,
        _ => 1,
    };
    thousandths * factor
}

/// A sum as kubectl prints it: cores in thousandths unless whole, bytes in the largest binary unit that divides them.
fn quantity(thousandths: i128, is_bytes: bool) -> String {
    if thousandths % 1000 != 0 {
        return format!("{thousandths}m");
    }
    let whole = thousandths / 1000;
    for (unit, size) in [("Gi", 1i128 << 30), ("Mi", 1 << 20), ("Ki", 1 << 10)] {
        if is_bytes && whole != 0 && whole % size == 0 {
            return format!("{}{unit}", whole / size);
        }
    }
    whole.to_string()
}

/// What the containers of a pod ask for, or may have, of a resource.
fn asked(pod: &Value, what: &str, resource: &str) -> i128 {
    let containers = items(at(pod, &["spec", "containers"]));
    let each = containers
        .iter()
        .map(|it| thousandths(&shown(&it["resources"][what][resource])));
    each.sum()
}

fn pods(sheet: &mut Sheet<'_>, node: &Value) {
    let all: Vec<Arc<Value>> = sheet
        .store
        .documents(Kind::Pod)
        .map(|it| it.1.clone())
        .filter(|it| {
            text(it, &["spec", "nodeName"]) == name(node)
                && !matches!(text(it, &["status", "phase"]), "Succeeded" | "Failed")
        })
        .collect();
    let allocatable =
        |resource: &str| thousandths(&shown(&node["status"]["allocatable"][resource]));
    let share = |amount: i128, resource: &str| match allocatable(resource) {
        0 => 0,
        whole => amount * 100 / whole,
    };
    let cell = |amount: i128, resource: &str| {
        format!(
            "{} ({}%)",
            quantity(amount, resource != "cpu"),
            share(amount, resource)
        )
    };
    sheet.put(&format!("Non-terminated Pods:\t({} in total)\n", all.len()));
    sheet.put(
        "  Namespace\tName\t\tCPU Requests\tCPU Limits\tMemory Requests\tMemory Limits\tAge\n",
    );
    sheet.put(
        "  ---------\t----\t\t------------\t----------\t---------------\t-------------\t---\n",
    );
    for pod in &all {
        let cells: Vec<String> = ["cpu", "memory"]
            .iter()
            .flat_map(|it| [("requests", *it), ("limits", *it)])
            .map(|(what, it)| cell(asked(pod, what, it), it))
            .collect();
        let age = sheet.since(at(pod, &["metadata", "creationTimestamp"]));
        sheet.put(&format!(
            "  {}\t{}\t\t{}\t{age}\n",
            namespace(pod),
            name(pod),
            cells.join("\t")
        ));
    }
    sheet.put(
        "Allocated resources:\n  (Total limits may be over 100 percent, i.e., overcommitted.)\n",
    );
    sheet.put("  Resource\tRequests\tLimits\n  --------\t--------\t------\n");
    for resource in ["cpu", "memory", "ephemeral-storage"] {
        let sum = |what: &str| all.iter().map(|it| asked(it, what, resource)).sum::<i128>();
        let line = format!(
            "  {resource}\t{}\t{}\n",
            cell(sum("requests"), resource),
            cell(sum("limits"), resource)
        );
        sheet.put(&line);
    }
}
