//! Clouds: a balancer is asked for, comes after a while, follows its Service and the nodes, and goes.
//!
//! `k8s.io/cloud-provider/controllers/service` of Kubernetes 1.36 for finalizers, events and retries, and the providers'
//! own controllers for what they refuse. Amazon's `external` type is served as the AWS Load Balancer Controller 2.13
//! serves it, which is taken to be installed in every cluster on Amazon.
//!
//! **Left out**: a `Type` event when a Service becomes a balanced one (on its way back there is one); changes and
//! deletions that take time; a second address for the second family; quotas and outages of a cloud.

use super::super::{Look, Outcome, Purpose, Remembered, Wake};
use super::{
    AZURE_INTERNAL, Amazon, GCP_TYPES, NAME, Provider, annotation, balanced, is_behind_balancers,
    is_elsewhere, names, note, status,
};
use crate::api::{LoadBalancerIngress, ObjectRef, Service};
use crate::ip::Family;
use crate::sorted::gathered;
use crate::store::{NoteKind, Part, Write};
use crate::time::{Duration, Instant};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;

/// What keeps a Service until its balancer is gone.
const FINALIZER: &str = "service.kubernetes.io/load-balancer-cleanup";

/// The same of the AWS Load Balancer Controller.
const AWS_FINALIZER: &str = "service.k8s.aws/resources";

/// The controller's name in events.
const COMPONENT: &str = "service-controller";

/// The AWS Load Balancer Controller's.
const AWS_COMPONENT: &str = "service";

/// `minRetryDelay` and `maxRetryDelay`
const RETRY_SECS: (u64, u64) = (5, 300);

/// What a cloud's controller knows of a Service's balancer.
#[derive(Clone, Debug, PartialEq)]
pub struct CloudMemory {
    /// The Service as it last read it.
    service: Arc<Service>,
    /// The nodes behind the balancer.
    nodes: Vec<String>,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// The cloud builds it.
    Coming { ready_at: Instant },
    /// It is there.
    There,
    /// The cloud refused it so often, and is asked again then.
    Refused { n: u32, again_at: Instant },
}

pub(super) fn has_finalizer(service: &Service) -> bool {
    let mut finalizers = service.metadata.finalizers.iter();
    finalizers.any(|it| is_ours(it))
}

fn is_ours(finalizer: &str) -> bool {
    finalizer == FINALIZER || finalizer == AWS_FINALIZER
}

fn is_external(service: &Service, provider: Provider) -> bool {
    provider == Provider::Aws && Amazon::of(service) == Amazon::External
}

/// Sees to it that a Service has its balancer, and that it is as the Service says.
pub(super) fn ensure(
    look: &Look<'_>,
    about: &ObjectRef,
    service: &Arc<Service>,
    provider: Provider,
) -> Outcome {
    let has = !service.status.load_balancer.ingress.is_empty();
    let now = CloudMemory {
        service: service.clone(),
        nodes: nodes(look),
        stage: Stage::There,
    };
    let Some(Remembered::Cloud(known)) = look.memory.of(NAME, about) else {
        // One that a dump brings is there; any other is to be built.
        return if has {
            keep(now)
        } else {
            begin(look, about, now, provider)
        };
    };
    match known.stage {
        Stage::Coming { ready_at } if ready_at > look.clock.now => wait(ready_at),
        Stage::Coming { .. } => arrive(look, about, now, provider),
        Stage::Refused { again_at, .. }
            if again_at > look.clock.now && !needs_update(&known.service, service) =>
        {
            Outcome {
                wake: Some(Wake {
                    at: again_at,
                    purpose: Purpose::Routine,
                }),
                ..Outcome::default()
            }
        }
        Stage::Refused { .. } if has => {
            let mut outcome = arrive(look, about, now, provider);
            outcome.writes.insert(0, ensuring(about));
            outcome
        }
        Stage::Refused { .. } => begin(look, about, now, provider),
        Stage::There if needs_update(&known.service, service) => {
            let mut outcome = arrive(look, about, now, provider);
            let mut writes = told_changes(about, &known.service, service);
            if !is_external(service, provider) {
                writes.push(ensuring(about));
            }
            outcome.writes.splice(0..0, writes);
            outcome
        }
        Stage::There if known.nodes != now.nodes => Outcome {
            writes: if is_external(service, provider) {
                Vec::new()
            } else {
                vec![hosts_changed(about, &now.nodes)]
            },
            ..keep(now)
        },
        Stage::There => Outcome::nothing(),
    }
}

fn keep(it: CloudMemory) -> Outcome {
    Outcome {
        remember: Some(Remembered::Cloud(Box::new(it))),
        ..Outcome::default()
    }
}

fn wait(ready_at: Instant) -> Outcome {
    Outcome {
        wake: Some(Wake {
            at: ready_at,
            purpose: Purpose::Progress,
        }),
        ..Outcome::default()
    }
}

fn nodes(look: &Look<'_>) -> Vec<String> {
    let nodes = look.objects.nodes.values();
    nodes
        .filter(|it| is_behind_balancers(it))
        .map(|it| it.metadata.name.clone())
        .collect()
}

fn ensuring(about: &ObjectRef) -> Write {
    let message = "Ensuring load balancer";
    note(
        about,
        NoteKind::Normal,
        "EnsuringLoadBalancer",
        message,
        COMPONENT,
    )
}

fn no_nodes(about: &ObjectRef) -> Write {
    let message = "There are no available nodes for LoadBalancer";
    note(
        about,
        NoteKind::Warning,
        "UnAvailableLoadBalancer",
        message,
        COMPONENT,
    )
}

fn hosts_changed(about: &ObjectRef, nodes: &[String]) -> Write {
    if nodes.is_empty() {
        return no_nodes(about);
    }
    let message = "Updated load balancer with new hosts";
    note(
        about,
        NoteKind::Normal,
        "UpdatedLoadBalancer",
        message,
        COMPONENT,
    )
}

/// A cloud is asked for a balancer.
fn begin(look: &Look<'_>, about: &ObjectRef, now: CloudMemory, provider: Provider) -> Outcome {
    let service = &now.service;
    let external = is_external(service, provider);
    let mut writes = Vec::new();
    let mut finalizers = service.metadata.finalizers.clone();
    let mut hold = |it: &str| {
        if !finalizers.iter().any(|held| held == it) {
            finalizers.push(it.to_owned());
        }
    };
    // The cloud's own controller begins even with what it then leaves to another.
    if service.spec.load_balancer_class.is_none() {
        hold(FINALIZER);
        writes.push(ensuring(about));
    }
    if external {
        hold(AWS_FINALIZER);
    }
    if finalizers != service.metadata.finalizers {
        let patch = json!({"metadata": {"finalizers": finalizers}});
        let part = Part::Main;
        let object = about.clone();
        writes.insert(
            0,
            Write::Patch {
                object,
                part,
                patch,
            },
        );
    }
    if let Some(why) = refusal(service, provider) {
        let mut refused = refused(look, about, now, &why);
        refused.writes.splice(0..0, writes);
        return refused;
    }
    let secs = 30 + look.luck(about, "load balancer").draw(61);
    let ready_at = look.clock.now + Duration::from_secs(secs);
    let stage = Stage::Coming { ready_at };
    Outcome {
        writes,
        wake: wait(ready_at).wake,
        ..keep(CloudMemory { stage, ..now })
    }
}

/// A balancer is there, or is changed.
fn arrive(look: &Look<'_>, about: &ObjectRef, now: CloudMemory, provider: Provider) -> Outcome {
    let service = now.service.clone();
    if let Some(why) = refusal(&service, provider) {
        return refused(look, about, now, &why);
    }
    let mut writes = Vec::new();
    let current = &service.status.load_balancer.ingress;
    let wanted = if is_still_right(&service, provider) {
        current.clone()
    } else {
        vec![ingress(look, about, &service, provider)]
    };
    let (reason, message, component) = if is_external(&service, provider) {
        (
            "SuccessfullyReconciled",
            "Successfully reconciled",
            AWS_COMPONENT,
        )
    } else {
        if now.nodes.is_empty() {
            writes.push(no_nodes(about));
        }
        ("EnsuredLoadBalancer", "Ensured load balancer", COMPONENT)
    };
    writes.push(note(about, NoteKind::Normal, reason, message, component));
    if wanted != *current {
        writes.push(status(about, &wanted));
    }
    Outcome {
        writes,
        ..keep(CloudMemory {
            stage: Stage::There,
            ..now
        })
    }
}

/// Whether the address a Service has is the one its fields ask for.
fn is_still_right(service: &Service, provider: Provider) -> bool {
    let ingress = &service.status.load_balancer.ingress;
    let asked = service.spec.load_balancer_ip.as_deref();
    match (provider, asked.filter(|it| !it.is_empty())) {
        (Provider::Gcp | Provider::Azure, Some(asked)) => {
            ingress.iter().any(|it| it.ip.as_deref() == Some(asked))
        }
        _ => !ingress.is_empty(),
    }
}

fn refused(look: &Look<'_>, about: &ObjectRef, now: CloudMemory, why: &str) -> Outcome {
    let n = match look.memory.of(NAME, about) {
        Some(Remembered::Cloud(it)) => match it.stage {
            Stage::Refused { n, .. } if !needs_update(&it.service, &now.service) => n + 1,
            _ => 0,
        },
        _ => 0,
    };
    let (first, last) = RETRY_SECS;
    let secs = first.saturating_mul(1 << n.min(10)).min(last);
    let again_at = look.clock.now + Duration::from_secs(secs);
    let message = format!("Error syncing load balancer: failed to ensure load balancer: {why}");
    Outcome {
        writes: vec![note(
            about,
            NoteKind::Warning,
            "SyncLoadBalancerFailed",
            message,
            COMPONENT,
        )],
        wake: Some(Wake {
            at: again_at,
            purpose: Purpose::Routine,
        }),
        ..keep(CloudMemory {
            stage: Stage::Refused { n, again_at },
            ..now
        })
    }
}

/// What a cloud's controller will not build, in its words.
fn refusal(service: &Service, provider: Provider) -> Option<String> {
    if provider != Provider::Aws {
        return None;
    }
    let spec = &service.spec;
    let sort = Amazon::of(service);
    let has = |it: &Option<String>| it.as_deref().is_some_and(|it| !it.is_empty());
    if sort == Amazon::External {
        return None;
    }
    if sort == Amazon::Classic && spec.session_affinity.as_deref() == Some("ClientIP") {
        return Some("unsupported load balancer affinity: ClientIP".into());
    }
    if spec.ports.is_empty() {
        return Some("requested load balancer with no ports".into());
    }
    if sort == Amazon::Classic && spec.ports.iter().any(|it| it.protocol() != "TCP") {
        return Some("Only TCP LoadBalancer is supported for AWS ELB".into());
    }
    has(&spec.load_balancer_ip).then(|| "LoadBalancerIP cannot be specified for AWS ELB".into())
}

/// Whether a balancer must be looked at again (`needsUpdate`).
fn needs_update(old: &Service, new: &Service) -> bool {
    let seen = |it: &Service| {
        let spec = &it.spec;
        (
            it.metadata.uid.clone(),
            it.metadata.annotations.clone(),
            spec.load_balancer_source_ranges.clone(),
            spec.ports.clone(),
            (
                spec.session_affinity.clone(),
                spec.session_affinity_config.clone(),
            ),
            (spec.load_balancer_ip.clone(), spec.external_ips.clone()),
            spec.external_traffic_policy.clone(),
            spec.health_check_node_port,
        )
    };
    seen(old) != seen(new)
}

/// The event that says what changed, where there is one: the first of those that the controller looks for.
fn told_changes(about: &ObjectRef, old: &Service, new: &Service) -> Vec<Write> {
    let (was, is) = (&old.spec, &new.spec);
    let text = |it: &Option<String>| it.clone().unwrap_or_default();
    let list = |it: &[String]| format!("[{}]", it.join(" "));
    let number = |it: Option<i32>| it.unwrap_or_default().to_string();
    let is_quiet_change = was.ports != is.ports
        || was.session_affinity != is.session_affinity
        || was.session_affinity_config != is.session_affinity_config;
    let told: Option<(&str, String, String)> =
        if was.load_balancer_source_ranges != is.load_balancer_source_ranges {
            let (was, is) = (
                list(&was.load_balancer_source_ranges),
                list(&is.load_balancer_source_ranges),
            );
            Some(("LoadBalancerSourceRanges", was, is))
        } else if is_quiet_change {
            None
        } else if was.load_balancer_ip != is.load_balancer_ip {
            let (was, is) = (text(&was.load_balancer_ip), text(&is.load_balancer_ip));
            Some(("LoadbalancerIP", was, is))
        } else if was.external_ips != is.external_ips
            || old.metadata.annotations != new.metadata.annotations
        {
            None
        } else if was.external_traffic_policy != is.external_traffic_policy {
            let (was, is) = (
                text(&was.external_traffic_policy),
                text(&is.external_traffic_policy),
            );
            Some(("ExternalTrafficPolicy", was, is))
        } else {
            let (was, is) = (
                number(was.health_check_node_port),
                number(is.health_check_node_port),
            );
            (was != is).then_some(("HealthCheckNodePort", was, is))
        };
    let told = told.map(|(reason, was, is)| {
        let message = format!("{was} -> {is}");
        note(about, NoteKind::Normal, reason, message, COMPONENT)
    });
    told.into_iter().collect()
}

/// What a cloud answers: a name from Amazon, an address from the others.
fn ingress(
    look: &Look<'_>,
    about: &ObjectRef,
    service: &Service,
    provider: Provider,
) -> LoadBalancerIngress {
    if provider == Provider::Aws {
        return LoadBalancerIngress {
            hostname: Some(names::hostname(look, about, service)),
            ..LoadBalancerIngress::default()
        };
    }
    let asked = service.spec.load_balancer_ip.clone();
    let ip = asked.filter(|it| !it.is_empty());
    let of = super::super::target::families(service)[0];
    LoadBalancerIngress {
        ip: ip.or_else(|| Some(free_ip(look, about, is_internal(service, provider), of))),
        ip_mode: Some("VIP".into()),
        ..LoadBalancerIngress::default()
    }
}

/// Whether a Service asks Google or Microsoft for a balancer that only their own network sees.
pub(super) fn is_internal(service: &Service, provider: Provider) -> bool {
    match provider {
        Provider::Azure => annotation(service, &[AZURE_INTERNAL]) == Some("true"),
        Provider::Gcp => {
            annotation(service, &GCP_TYPES).is_some_and(|it| it.eq_ignore_ascii_case("internal"))
        }
        Provider::Aws | Provider::MetalLb | Provider::Nobody => false,
    }
}

/// A free address by seed, of the blocks for documentation (RFC 5737, RFC 3849), or beside the nodes for internal ones.
fn free_ip(look: &Look<'_>, about: &ObjectRef, is_internal: bool, of: Family) -> String {
    let told = balanced(look.objects).flat_map(|it| &it.status.load_balancer.ingress);
    let taken: BTreeSet<&str> = gathered(told.filter_map(|it| it.ip.as_deref()));
    let block = match (of, is_internal) {
        (Family::V4, true) => "172.18.255.",
        (Family::V4, false) => "198.51.100.",
        (Family::V6, true) => "fd00:172:18:ff::",
        (Family::V6, false) => "2001:db8:51::",
    };
    let start = look.luck(about, "address").draw(253);
    let mut all = (0..253).map(|it| format!("{block}{}", (start + it) % 253 + 1));
    all.find(|it| !taken.contains(it.as_str()))
        .unwrap_or_else(|| format!("{block}254"))
}

/// A Service that is no longer balanced: its address goes, and what kept it.
pub(super) fn release(look: &Look<'_>, about: &ObjectRef, service: &Service) -> Outcome {
    let known = match look.memory.of(NAME, about) {
        Some(Remembered::Cloud(it)) => Some(it),
        _ => None,
    };
    let remember = known.map(|_| Remembered::Nothing);
    let has = !service.status.load_balancer.ingress.is_empty();
    if is_elsewhere(service) || (!has && !has_finalizer(service)) {
        return Outcome {
            remember,
            ..Outcome::default()
        };
    }
    let is_going = service.metadata.deletion_timestamp.is_some();
    let mut writes = Vec::new();
    if !is_going && known.is_some_and(|it| it.service.kind() == "LoadBalancer") {
        let message = format!("LoadBalancer -> {}", service.kind());
        writes.push(note(about, NoteKind::Normal, "Type", message, COMPONENT));
    }
    let mut finalizers = service.metadata.finalizers.iter();
    let is_held = finalizers.any(|it| it == FINALIZER);
    let has_class = known.is_some_and(|it| it.service.spec.load_balancer_class.is_some());
    if is_held || (has && !has_class) {
        let exists = known.is_none_or(|it| it.stage == Stage::There)
            && Amazon::of(service) != Amazon::External;
        let deleting = exists.then_some(("DeletingLoadBalancer", "Deleting load balancer"));
        let deleted = ("DeletedLoadBalancer", "Deleted load balancer");
        for (reason, message) in deleting.into_iter().chain([deleted]) {
            writes.push(note(about, NoteKind::Normal, reason, message, COMPONENT));
        }
    }
    if has && !is_going {
        writes.push(status(about, &[]));
    }
    if has_finalizer(service) {
        let held = service.metadata.finalizers.iter();
        let left: Vec<&String> = held.filter(|it| !is_ours(it)).collect();
        let left = if left.is_empty() {
            Value::Null
        } else {
            json!(left)
        };
        writes.push(Write::Patch {
            object: about.clone(),
            part: Part::Main,
            patch: json!({"metadata": {"finalizers": left}}),
        });
    }
    Outcome {
        writes,
        wake: None,
        remember,
    }
}
