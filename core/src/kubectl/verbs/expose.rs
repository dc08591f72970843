//! `kubectl expose`: a Service for what runs.
//!
//! `k8s.io/kubectl/pkg/cmd/expose/expose.go` and `pkg/polymorphichelpers` of 1.32.
//!
//! **Left out**: nothing.

use super::super::arguments::{self, Item};
use super::super::asking::Asking;
use super::super::command::{Command, Invocation};
use super::super::failure::{Failure, error};
use super::super::io::Ctx;
use super::super::object::{at, items, shown, text};
use super::super::printers::output::{DryRun, Printer};
use super::super::resource;
use super::super::target::{Outcome, Step};
use super::overrides::overridden;
use crate::api::Kind;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// `kubectl expose`
pub(super) const COMMAND: Command = Command {
    path: "expose",
    aliases: &[],
    help: include_str!("../help/expose.txt"),
    run,
};

fn run(ctx: &mut Ctx<'_>, invocation: &Invocation) -> Outcome {
    let mut printer = Printer::new(ctx, invocation)?;
    let asking = Asking::of(invocation, "kubectl-expose")?;
    let is_dry = DryRun::of(invocation)? == DryRun::Client;
    let picked = arguments::pick_items(ctx, invocation, invocation.args())?;
    let service = resource::of_model(Kind::Service)
        .ok_or_else(|| Failure::Error("no Services".to_owned()))?;
    let mut failures = Vec::new();
    for item in picked {
        let made = one(ctx, invocation, &item).and_then(|document| {
            let document = overridden(invocation, document)?;
            if is_dry {
                return Ok(document);
            }
            let answer = asking.create(ctx, service, &item.namespace, &document)?;
            Ok(answer.document)
        });
        match made {
            Ok(document) => printer.done(ctx, &document, "exposed")?,
            Err(failure) => failures.push(failure),
        }
    }
    Step::after(failures)
}

/// The Service for an object.
fn one(ctx: &mut Ctx<'_>, invocation: &Invocation, item: &Item) -> Result<Value, Failure> {
    // Field by field, in the order in which the real generator complains.
    let flags = &invocation.flags;
    let live = arguments::live(ctx, item)?;
    if !matches!(
        item.resource.kind,
        "Service" | "Pod" | "Deployment" | "ReplicaSet" | "ReplicationController"
    ) {
        return error(format!("cannot expose a {}", item.resource.kind));
    }
    let told_name = flags.text("name");
    let name: String = if told_name.is_empty() {
        &item.name
    } else {
        told_name
    }
    .chars()
    .take(63)
    .collect();
    let selector = match flags.text("selector") {
        "" => selector_of(item, &live)?,
        told => pairs(told)?,
    };
    let is_headless = flags.text("cluster-ip") == "None";
    let port_text = match flags.text("port") {
        "" => {
            let found = ports_of(item, &live);
            if found.is_empty() && !is_headless {
                return error("couldn't find port via --port flag or introspection");
            }
            found.join(",")
        }
        told => told.to_owned(),
    };
    let labels = match flags.text("labels") {
        "" => live["metadata"]["labels"].clone(),
        told => pairs(told)?,
    };
    let protocols = protocols_of(item, &live);
    let ports = service_ports(invocation, &port_text, &protocols)?;
    let mut spec = Map::new();
    if !ports.is_empty() {
        spec.insert("ports".to_owned(), ports.into());
    }
    spec.insert("selector".to_owned(), selector);
    for (flag, field) in [
        ("type", "type"),
        ("session-affinity", "sessionAffinity"),
        ("cluster-ip", "clusterIP"),
        ("load-balancer-ip", "loadBalancerIP"),
    ] {
        if !flags.text(flag).is_empty() {
            spec.insert(field.to_owned(), flags.text(flag).into());
        }
    }
    if !flags.text("external-ip").is_empty() {
        spec.insert("externalIPs".to_owned(), json!([flags.text("external-ip")]));
    }
    let mut metadata = json!({"creationTimestamp": null, "name": name});
    if labels.as_object().is_some_and(|it| !it.is_empty()) {
        metadata["labels"] = labels;
    }
    if flags.changed("namespace") {
        metadata["namespace"] = item.namespace.as_str().into();
    }
    Ok(json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata,
        "spec": spec,
        "status": {"loadBalancer": {}},
    }))
}

fn selector_of(item: &Item, live: &Value) -> Result<Value, Failure> {
    let wrong = |why: &str| {
        Failure::Error(format!(
            "couldn't retrieve selectors via --selector flag or introspection: {why}"
        ))
    };
    let selector = match item.resource.kind {
        "Pod" => at(live, &["metadata", "labels"]),
        "Service" => at(live, &["spec", "selector"]),
        _ => {
            let selector = at(live, &["spec", "selector"]);
            if !items(&selector["matchExpressions"]).is_empty() {
                return Err(wrong(
                    "couldn't convert expressions - \"matchExpressions\" to map-based selector format",
                ));
            }
            &selector["matchLabels"]
        }
    };
    if selector.as_object().is_none_or(Map::is_empty) {
        return Err(wrong(match item.resource.kind {
            "Pod" => "the pod has no labels and cannot be exposed",
            "Service" => "the service has no pod selector set",
            _ => "invalid object: no selector",
        }));
    }
    Ok(selector.clone())
}

/// `a=b,c=d`
fn pairs(told: &str) -> Result<Value, Failure> {
    let mut map = Map::new();
    for part in told.split(',') {
        let Some((key, value)) = part.split_once('=') else {
            return error(format!("unexpected label spec: {told}"));
        };
        map.insert(key.to_owned(), value.into());
    }
    Ok(Value::Object(map))
}

fn containers<'a>(item: &Item, live: &'a Value) -> &'a [Value] {
    match item.resource.kind {
        "Pod" => items(at(live, &["spec", "containers"])),
        _ => items(at(live, &["spec", "template", "spec", "containers"])),
    }
}

fn ports_of(item: &Item, live: &Value) -> Vec<String> {
    if item.resource.kind == "Service" {
        let ports = items(at(live, &["spec", "ports"]));
        return ports.iter().map(|it| shown(&it["port"])).collect();
    }
    let each = containers(item, live)
        .iter()
        .flat_map(|it| items(&it["ports"]));
    each.map(|it| shown(&it["containerPort"])).collect()
}

/// The protocols of ports, where the object tells.
fn protocols_of(item: &Item, live: &Value) -> BTreeMap<String, String> {
    let ports: Vec<(&Value, &str)> = match item.resource.kind {
        "Service" => items(at(live, &["spec", "ports"]))
            .iter()
            .map(|it| (it, "port"))
            .collect(),
        _ => containers(item, live)
            .iter()
            .flat_map(|it| items(&it["ports"]))
            .map(|it| (it, "containerPort"))
            .collect(),
    };
    ports
        .into_iter()
        .map(|(it, field)| (shown(&it[field]), text(it, &["protocol"]).to_owned()))
        .collect()
}

fn service_ports(
    invocation: &Invocation,
    told: &str,
    protocols: &BTreeMap<String, String>,
) -> Result<Vec<Value>, Failure> {
    let flags = &invocation.flags;
    let numbers: Vec<&str> = told.split(',').filter(|it| !it.is_empty()).collect();
    let target = flags.text("target-port");
    let mut ports = Vec::new();
    for (idx, number) in numbers.iter().enumerate() {
        let port: i64 = number.parse().map_err(|_| {
            Failure::Error(format!("strconv.Atoi: parsing {number:?}: invalid syntax"))
        })?;
        let target: Value = match target {
            "" => port.into(),
            told => told
                .parse::<i64>()
                .map_or_else(|_| told.into(), Value::from),
        };
        let told_protocol = flags.text("protocol");
        let found = protocols
            .get(*number)
            .map(String::as_str)
            .filter(|it| !it.is_empty());
        let protocol = if told_protocol.is_empty() {
            found.unwrap_or("TCP")
        } else {
            told_protocol
        };
        let mut entry = json!({"port": port, "protocol": protocol, "targetPort": target});
        if numbers.len() > 1 {
            entry["name"] = format!("port-{}", idx + 1).into();
        }
        ports.push(entry);
    }
    Ok(ports)
}
