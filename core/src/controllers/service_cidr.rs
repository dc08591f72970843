//! ServiceCIDRs: the ranges of ClusterIPs as objects, and one IPAddress for each address that a Service has.
//!
//! `pkg/controller/servicecidrs`, `pkg/controlplane/controller/defaultservicecidr` and
//! `pkg/registry/core/service/ipallocator/controller/repairip.go` of Kubernetes 1.36. The objects exist from 1.33 on;
//! a server before that keeps ranges and addresses to itself.
//!
//! **Left out**: a real API server makes the IPAddress in the same request that makes the Service, here it is there an
//! instant later; the checks whether two API servers are started with the same range.

use super::{Controller, Look, Outcome, Purpose, Wake};
use crate::api::{Condition, Kind, Object, ObjectRef, ServiceCidr};
use crate::ip::{Cidr, IpAddr, cidr_family, family, parse_cidr_sloppy};
use crate::store::{Change, ChangeKind, Note, NoteKind, Objects, Part, Write};
use crate::time::Duration;
use serde_json::{Value, json};

/// The ServiceCIDR that stands for the API server's own setting.
const DEFAULT: &str = "kubernetes";
const FINALIZER: &str = "networking.k8s.io/service-cidr-finalizer";
const MANAGED_BY: &str = "ipallocator.k8s.io";

/// How long allocators are given to hear that a range is going.
const DELETION_GRACE: Duration = Duration::from_secs(10);

/// The first release in which the objects exist unless somebody asks for them.
const FIRST_MINOR: u16 = 33;

pub(super) const RANGES: Controller = Controller {
    name: "service-cidr-controller",
    delay: Duration::from_millis(20),
    watches: watch_ranges,
    reconcile: reconcile_range,
};

pub(super) const ADDRESSES: Controller = Controller {
    name: "ipallocator-repair-controller",
    delay: Duration::from_millis(0),
    watches: watch_addresses,
    reconcile: reconcile_address,
};

fn watch_ranges(change: &Change, objects: &Objects) -> Vec<ObjectRef> {
    let is_new = change.kind == ChangeKind::Added;
    match change.object.kind {
        // Every cluster has namespaces and nodes: with the first of them it has a default range.
        Kind::Namespace | Kind::Node if is_new && !objects.service_cidrs.contains_key(DEFAULT) => {
            vec![ObjectRef::new(Kind::ServiceCidr, "", DEFAULT)]
        }
        Kind::ServiceCidr => {
            let mut found = going(objects);
            found.push(change.object.clone());
            found
        }
        Kind::IpAddress if change.kind == ChangeKind::Deleted => going(objects),
        _ => Vec::new(),
    }
}

/// The ranges that wait to go.
fn going(objects: &Objects) -> Vec<ObjectRef> {
    let all = objects.service_cidrs.values();
    all.filter(|it| it.metadata.deletion_timestamp.is_some())
        .map(|it| ObjectRef::new(Kind::ServiceCidr, "", &it.metadata.name))
        .collect()
}

fn reconcile_range(look: &Look<'_>, about: &ObjectRef) -> Outcome {
    if look.objects.cluster.version().minor < FIRST_MINOR {
        return Outcome::nothing();
    }
    let Some(Object::ServiceCidr(range)) = look.objects.find(about) else {
        if about.name != DEFAULT {
            return Outcome::nothing();
        }
        let ranges = look.objects.cluster.service_ranges();
        let ranges: Vec<String> = ranges.iter().map(Cidr::to_string).collect();
        let document = json!({"metadata": {"name": DEFAULT}, "spec": {"cidrs": ranges}});
        return Outcome::writes(vec![Write::Document(Kind::ServiceCidr, document)]);
    };
    let mut writes = Vec::new();
    if let Some(asked) = &range.metadata.deletion_timestamp {
        if !may_go(look.objects, &range) {
            let why = "There are still IPAddresses referencing the ServiceCIDR, please remove them or create a new ServiceCIDR";
            writes.extend(condition(
                look,
                about,
                &range,
                ("False", "Terminating", why),
            ));
            return Outcome::writes(writes);
        }
        let asked = look.clock.instant_of(asked).unwrap_or(look.clock.now);
        if asked + DELETION_GRACE > look.clock.now {
            return Outcome {
                wake: Some(Wake {
                    at: asked + DELETION_GRACE,
                    purpose: Purpose::Progress,
                }),
                ..Outcome::default()
            };
        }
        let known = range.metadata.finalizers.iter();
        let left: Vec<&String> = known.filter(|it| *it != FINALIZER).collect();
        if left.len() < range.metadata.finalizers.len() {
            writes.push(finalizers(about, &left));
        }
        return Outcome::writes(writes);
    }
    let has_finalizer = range.metadata.finalizers.iter().any(|it| it == FINALIZER);
    if !has_finalizer {
        let finalizer = FINALIZER.to_owned();
        let known = range.metadata.finalizers.iter();
        let all: Vec<&String> = known.chain([&finalizer]).collect();
        writes.push(finalizers(about, &all));
    }
    let ready = ("True", "", "Kubernetes Service CIDR is ready");
    writes.extend(condition(look, about, &range, ready));
    Outcome::writes(writes)
}

fn finalizers(about: &ObjectRef, finalizers: &[&String]) -> Write {
    let list = if finalizers.is_empty() {
        Value::Null
    } else {
        json!(finalizers)
    };
    Write::Patch {
        object: about.clone(),
        part: Part::Main,
        patch: json!({"metadata": {"finalizers": list}}),
    }
}

/// The Ready condition, if it is another than before.
fn condition(
    look: &Look<'_>,
    about: &ObjectRef,
    range: &ServiceCidr,
    (status, reason, message): (&str, &str, &str),
) -> Option<Write> {
    let is_same = |it: &Condition| {
        it.kind == "Ready" && it.status == status && it.reason == reason && it.message == message
    };
    if range.status.conditions.iter().any(is_same) {
        return None;
    }
    let condition = json!({
        "type": "Ready",
        "status": status,
        "reason": reason,
        "message": message,
        "lastTransitionTime": look.clock.stamp(),
    });
    Some(Write::Patch {
        object: about.clone(),
        part: Part::Status,
        patch: json!({"status": {"conditions": [condition]}}),
    })
}

fn ranges(of: &ServiceCidr) -> impl Iterator<Item = Cidr> {
    let texts = of.spec.cidrs.iter();
    texts
        .filter_map(|it| parse_cidr_sloppy(it))
        .map(|it| it.trunc())
}

/// Whether a range can go without leaving an address in no range at all.
fn may_go(objects: &Objects, range: &ServiceCidr) -> bool {
    let name = &range.metadata.name;
    let others = || {
        let all = objects.service_cidrs.values();
        all.filter(|it| it.metadata.name != *name)
            .flat_map(|it| ranges(it))
    };
    let is_within = |inner: Cidr| {
        others().any(|outer| {
            cidr_family(outer) == cidr_family(inner)
                && outer.prefix_len() <= inner.prefix_len()
                && outer.contains(&inner.network())
        })
    };
    if ranges(range).all(is_within) {
        return true;
    }
    let managed = objects.ip_addresses.values().filter(|it| {
        let by = it.metadata.labels.get("ipaddress.kubernetes.io/managed-by");
        by.is_some_and(|it| it == MANAGED_BY)
    });
    let mut ips = managed.filter_map(|it| it.metadata.name.parse::<IpAddr>().ok());
    !ips.any(|ip| ranges(range).any(|it| it.contains(&ip)) && !others().any(|it| it.contains(&ip)))
}

fn watch_addresses(change: &Change, _: &Objects) -> Vec<ObjectRef> {
    if change.object.kind == Kind::IpAddress {
        return vec![change.object.clone()];
    }
    let ips = |it: Option<&Object>| match it {
        Some(Object::Service(service)) => service.cluster_ips(),
        _ => Vec::new(),
    };
    let (before, after) = (ips(change.before.as_ref()), ips(change.after.as_ref()));
    if before == after {
        return Vec::new();
    }
    let all = before.iter().chain(&after);
    let mut found: Vec<ObjectRef> = all
        .map(|it| ObjectRef::new(Kind::IpAddress, "", &it.to_string()))
        .collect();
    found.push(change.object.clone());
    found
}

/// What is wrong with the addresses of a Service that a cluster's state holds and no server would give out.
fn doubts(look: &Look<'_>, about: &ObjectRef) -> Vec<Write> {
    let Some(service) = look.objects.service(&about.namespace, &about.name) else {
        return Vec::new();
    };
    let all = look.objects.service_cidrs.values();
    let known: Vec<Cidr> = all.flat_map(|it| ranges(it)).collect();
    let mut notes = Vec::new();
    for ip in service.cluster_ips() {
        let owner = look.store.allocators().ip_owner(ip);
        let family = family(ip);
        let (reason, message) = match owner {
            Some((namespace, name)) if *namespace == about.namespace && *name == about.name => {
                continue;
            }
            Some(_) => (
                "ClusterIPAlreadyAllocated",
                format!(
                    "Cluster IP [{family}]:{ip} was assigned to multiple services; please recreate service"
                ),
            ),
            None if known.iter().any(|it| it.contains(&ip)) => continue,
            None => (
                "ClusterIPOutOfRange",
                format!(
                    "Cluster IP [{family}]: {ip} is not within any configured Service CIDR; please recreate service"
                ),
            ),
        };
        notes.push(Write::Record(Note {
            about: about.clone(),
            kind: NoteKind::Warning,
            reason: reason.to_owned(),
            message,
            component: ADDRESSES.name,
            host: None,
            field_path: None,
        }));
    }
    notes
}

fn reconcile_address(look: &Look<'_>, about: &ObjectRef) -> Outcome {
    if look.objects.cluster.version().minor < FIRST_MINOR {
        return Outcome::nothing();
    }
    if about.kind == Kind::Service {
        return Outcome::writes(doubts(look, about));
    }
    let Ok(ip) = about.name.parse::<IpAddr>() else {
        return Outcome::nothing();
    };
    let known = look.objects.ip_addresses.get(&about.name);
    let Some((namespace, name)) = look.store.allocators().ip_owner(ip) else {
        let is_ours = known.is_some_and(|it| {
            let by = it.metadata.labels.get("ipaddress.kubernetes.io/managed-by");
            by.is_some_and(|it| it == MANAGED_BY) && it.spec.parent_ref.resource == "services"
        });
        return Outcome::writes(if is_ours {
            vec![Write::Remove(about.clone())]
        } else {
            Vec::new()
        });
    };
    let parent = json!({"parentRef": {
        "resource": "services",
        "namespace": namespace,
        "name": name,
    }});
    let write = match known {
        None => Write::Document(
            Kind::IpAddress,
            json!({
                "metadata": {"name": about.name, "labels": {
                    "ipaddress.kubernetes.io/ip-family": family(ip).to_string(),
                    "ipaddress.kubernetes.io/managed-by": MANAGED_BY,
                }},
                "spec": parent,
            }),
        ),
        Some(_) => Write::Patch {
            object: about.clone(),
            part: Part::Main,
            patch: json!({"spec": parent}),
        },
    };
    Outcome::writes(vec![write])
}
