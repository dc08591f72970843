//! Deployments, ReplicaSets, StatefulSets.
//!
//! **Left out**: claims of volumes.

use super::super::object::{at, items, name, namespace, shown, text};
use super::super::printers::rows::selector;
use super::pod::template;
use super::sheet::Sheet;
use crate::api::{Kind, LabelSelector, Labels};
use serde::Deserialize;
use serde_json::Value;
use std::sync::Arc;

fn number(it: &Value, path: &[&str]) -> i64 {
    at(it, path).as_i64().unwrap_or(0)
}

pub(super) fn deployment(sheet: &mut Sheet<'_>, it: &Value) {
    // The lines of the sheet in their order: taken apart, nobody could read what it looks like.
    let (spec, status) = (&it["spec"], &it["status"]);
    sheet.field("Name", name(it));
    sheet.field("Namespace", namespace(it));
    sheet.field(
        "CreationTimestamp",
        &Sheet::date(text(it, &["metadata", "creationTimestamp"])),
    );
    sheet.labels("Labels", at(it, &["metadata", "labels"]));
    sheet.annotations("Annotations", at(it, &["metadata", "annotations"]));
    sheet.field("Selector", &selector(&spec["selector"]));
    let replicas = format!(
        "{} desired | {} updated | {} total | {} available | {} unavailable",
        number(spec, &["replicas"]),
        number(status, &["updatedReplicas"]),
        number(status, &["replicas"]),
        number(status, &["availableReplicas"]),
        number(status, &["unavailableReplicas"]),
    );
    sheet.field("Replicas", &replicas);
    sheet.field("StrategyType", text(spec, &["strategy", "type"]));
    sheet.field(
        "MinReadySeconds",
        &number(spec, &["minReadySeconds"]).to_string(),
    );
    let rolling = at(spec, &["strategy", "rollingUpdate"]);
    if !rolling.is_null() {
        let shown = format!(
            "{} max unavailable, {} max surge",
            shown(&rolling["maxUnavailable"]),
            shown(&rolling["maxSurge"])
        );
        sheet.field("RollingUpdateStrategy", &shown);
    }
    template(sheet, &spec["template"]);
    let conditions = items(&status["conditions"]);
    if !conditions.is_empty() {
        sheet.put("Conditions:\n  Type\tStatus\tReason\n  ----\t------\t------\n");
    }
    for it in conditions {
        sheet.put(&format!(
            "  {} \t{}\t{}\n",
            text(it, &["type"]),
            text(it, &["status"]),
            text(it, &["reason"])
        ));
    }
    let (old, new): (Vec<Arc<Value>>, Vec<Arc<Value>>) = owned(sheet, it, Kind::ReplicaSet)
        .into_iter()
        .partition(|set| !is_of(set, it));
    let shown = |sets: &[Arc<Value>]| -> String {
        let all: Vec<String> = sets
            .iter()
            .map(|it| {
                format!(
                    "{} ({}/{} replicas created)",
                    name(it),
                    number(it, &["status", "replicas"]),
                    number(it, &["spec", "replicas"])
                )
            })
            .collect();
        if all.is_empty() {
            "<none>".to_owned()
        } else {
            all.join(", ")
        }
    };
    sheet.field("OldReplicaSets", &shown(&old));
    sheet.field("NewReplicaSet", &shown(&new));
    sheet.events(it);
}

/// Objects of a kind that an object looks after.
pub(crate) fn owned(sheet: &Sheet<'_>, owner: &Value, kind: Kind) -> Vec<Arc<Value>> {
    let uid = &owner["metadata"]["uid"];
    let all = sheet.store.documents(kind);
    all.map(|it| it.1.clone())
        .filter(|it| {
            let owners = items(at(it, &["metadata", "ownerReferences"]));
            owners
                .iter()
                .any(|it| it["uid"] == *uid && it["controller"] == true)
        })
        .collect()
}

/// Whether a ReplicaSet is of the template that a Deployment has now.
fn is_of(set: &Value, deployment: &Value) -> bool {
    let mut template = set["spec"]["template"].clone();
    if let Some(labels) = template["metadata"]["labels"].as_object_mut() {
        labels.remove("pod-template-hash");
    }
    template == deployment["spec"]["template"]
}

/// How the pods of a selector fare.
fn pods_status(sheet: &Sheet<'_>, it: &Value) -> String {
    let wanted = LabelSelector::deserialize(at(it, &["spec", "selector"])).unwrap_or_default();
    let mut counts = [0; 4];
    for (_, pod) in sheet.store.documents(Kind::Pod) {
        let labels: Labels = super::super::object::texts(at(pod, &["metadata", "labels"]))
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect();
        let owners = items(at(pod, &["metadata", "ownerReferences"]));
        let is_mine = owners
            .iter()
            .any(|owner| owner["uid"] == it["metadata"]["uid"]);
        if namespace(pod) != namespace(it) || !is_mine || !wanted.selects(&labels) {
            continue;
        }
        match text(pod, &["status", "phase"]) {
            "Running" => counts[0] += 1,
            "Pending" => counts[1] += 1,
            "Succeeded" => counts[2] += 1,
            "Failed" => counts[3] += 1,
            _ => {}
        }
    }
    let [running, waiting, succeeded, failed] = counts;
    format!("{running} Running / {waiting} Waiting / {succeeded} Succeeded / {failed} Failed")
}

pub(super) fn replica_set(sheet: &mut Sheet<'_>, it: &Value) {
    sheet.field("Name", name(it));
    sheet.field("Namespace", namespace(it));
    sheet.field("Selector", &selector(&it["spec"]["selector"]));
    sheet.labels("Labels", at(it, &["metadata", "labels"]));
    sheet.annotations("Annotations", at(it, &["metadata", "annotations"]));
    sheet.controlled_by(it);
    let replicas = format!(
        "{} current / {} desired",
        number(it, &["status", "replicas"]),
        number(it, &["spec", "replicas"])
    );
    sheet.field("Replicas", &replicas);
    let pods = pods_status(sheet, it);
    sheet.field("Pods Status", &pods);
    template(sheet, &it["spec"]["template"]);
    sheet.events(it);
}

pub(super) fn stateful_set(sheet: &mut Sheet<'_>, it: &Value) {
    let spec = &it["spec"];
    sheet.field("Name", name(it));
    sheet.field("Namespace", namespace(it));
    sheet.field(
        "CreationTimestamp",
        &Sheet::date(text(it, &["metadata", "creationTimestamp"])),
    );
    sheet.field("Selector", &selector(&spec["selector"]));
    sheet.labels("Labels", at(it, &["metadata", "labels"]));
    sheet.annotations("Annotations", at(it, &["metadata", "annotations"]));
    let replicas = format!(
        "{} desired | {} total",
        number(spec, &["replicas"]),
        number(it, &["status", "replicas"])
    );
    sheet.field("Replicas", &replicas);
    sheet.field("Update Strategy", text(spec, &["updateStrategy", "type"]));
    let rolling = at(spec, &["updateStrategy", "rollingUpdate"]);
    if !rolling["partition"].is_null() {
        sheet.field("  Partition", &shown(&rolling["partition"]));
    }
    let pods = pods_status(sheet, it);
    sheet.field("Pods Status", &pods);
    template(sheet, &spec["template"]);
    sheet.field("Volume Claims", "<none>");
    sheet.events(it);
}
