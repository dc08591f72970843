//! Load balancers: who gives a LoadBalancer Service its address, and when.
//!
//! A MetalLB pool answers at once (`metallb.io/v1beta1`, MetalLB 0.15); a cloud, told by the nodes' `providerID`, takes 30
//! to 90 seconds by seed (`k8s.io/cloud-provider/controllers/service`, 1.36, and the providers' public documentation of
//! annotations); without either the address stays pending for ever. A Service with a class that nobody here serves
//! is left alone.
//!
//! **Left out**: a second address for a dual-stack Service; addresses taken back because a pool or a wish changed; the
//! classes and events of AWS Load Balancer Controller; nodes that are excluded; regions of hostnames. Prices are of one
//! balancer by itself: Google's and Microsoft's further rules are cheaper than their first. Failures of a cloud, changes of its listeners and targets taking time, sharing of MetalLB addresses,
//! pools chosen by namespace; how a cloud's hostname resolves.

use super::{Controller, Look, Outcome, Purpose, Remembered, Wake};
use crate::api::{Kind, LoadBalancerIngress, Object, ObjectRef, Service};
use crate::ip::{Cidr, Family, IpAddr, family, nth, parse_cidr_sloppy, parse_sloppy};
use crate::store::{Change, Note, NoteKind, Objects, Part, Write};
use crate::time::{Duration, Instant};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const NAME: &str = "service-lb-controller";

/// What keeps a Service until its load balancer is gone.
const FINALIZER: &str = "service.kubernetes.io/load-balancer-cleanup";

/// How many addresses of a pool are looked at before it counts as full.
const MAX_ADDRESSES: u128 = 1 << 16;

const AWS_TYPE: &str = "service.beta.kubernetes.io/aws-load-balancer-type";
const AZURE_INTERNAL: &str = "service.beta.kubernetes.io/azure-load-balancer-internal";
const GCP_TYPE: &str = "networking.gke.io/load-balancer-type";

pub(super) const CONTROLLER: Controller = Controller {
    name: NAME,
    delay: Duration::from_millis(100),
    watches,
    reconcile,
};

/// Who provides load balancers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Provider {
    /// Nobody: a Service waits for ever.
    Nobody,
    /// MetalLB, with the pools of the cluster.
    MetalLb,
    /// Amazon.
    Aws,
    /// Google.
    Gcp,
    /// Microsoft.
    Azure,
}

/// A product and what it costs an hour before any traffic.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Price {
    /// The product.
    pub product: &'static str,
    /// US dollars an hour: the public list price of an American region as of 2025, without traffic.
    pub usd_an_hour: f64,
}

impl Provider {
    /// The provider of a cluster: a cloud by its nodes, or MetalLB by its pools.
    #[must_use]
    pub fn of(objects: &Objects) -> Provider {
        let ids = objects
            .nodes
            .values()
            .filter_map(|it| it.spec.provider_id.as_deref());
        let cloud = ids
            .filter_map(|it| match it.split("://").next()? {
                "aws" => Some(Provider::Aws),
                "gce" => Some(Provider::Gcp),
                "azure" => Some(Provider::Azure),
                _ => None,
            })
            .next();
        cloud.unwrap_or(if objects.ip_address_pools.is_empty() {
            Provider::Nobody
        } else {
            Provider::MetalLb
        })
    }

    /// What a load balancer of this Service costs.
    #[must_use]
    pub fn price(self, service: &Service) -> Price {
        let annotations = &service.metadata.annotations;
        let (product, usd_an_hour) = match self {
            Provider::Nobody => ("none", 0.0),
            Provider::MetalLb => ("MetalLB", 0.0),
            Provider::Aws if is_nlb(service) => ("AWS Network Load Balancer", 0.0225),
            Provider::Aws => ("AWS Classic Load Balancer", 0.025),
            Provider::Gcp if annotations.contains_key(GCP_TYPE) => {
                ("Google Cloud internal forwarding rule", 0.025)
            }
            Provider::Gcp => ("Google Cloud forwarding rule", 0.025),
            Provider::Azure => ("Azure Standard Load Balancer", 0.025),
        };
        Price {
            product,
            usd_an_hour,
        }
    }
}

fn is_nlb(service: &Service) -> bool {
    let told = service.metadata.annotations.get(AWS_TYPE);
    told.is_some_and(|it| matches!(it.as_str(), "nlb" | "nlb-ip" | "external"))
}

fn watches(change: &Change, objects: &Objects) -> Vec<ObjectRef> {
    match change.object.kind {
        Kind::Service => {
            let concerns = |it: &Object| match it {
                Object::Service(it) => it.kind() == "LoadBalancer" || has_finalizer(it),
                _ => false,
            };
            let mut found = Vec::new();
            if change.sides().any(concerns) {
                found.push(change.object.clone());
            }
            // An address that was given back is somebody else's who waits for one.
            if change.before.as_ref().is_some_and(is_balanced)
                && !change.after.as_ref().is_some_and(is_balanced)
            {
                found.extend(waiting(objects));
            }
            found
        }
        Kind::IpAddressPool | Kind::Node => waiting(objects),
        _ => Vec::new(),
    }
}

fn is_balanced(object: &Object) -> bool {
    matches!(object, Object::Service(it) if !it.status.load_balancer.ingress.is_empty())
}

/// The Services that wait for a load balancer.
fn waiting(objects: &Objects) -> Vec<ObjectRef> {
    let services = objects.services.values();
    services
        .filter(|it| it.kind() == "LoadBalancer" && it.status.load_balancer.ingress.is_empty())
        .map(|it| Object::from(it.clone()).reference())
        .collect()
}

fn has_finalizer(service: &Service) -> bool {
    service.metadata.finalizers.iter().any(|it| it == FINALIZER)
}

fn reconcile(look: &Look<'_>, about: &ObjectRef) -> Outcome {
    let Some(service) = look.objects.service(&about.namespace, &about.name) else {
        return Outcome::nothing();
    };
    let provider = Provider::of(look.objects);
    let wants = service.kind() == "LoadBalancer"
        && service.metadata.deletion_timestamp.is_none()
        && service
            .spec
            .load_balancer_class
            .as_deref()
            .is_none_or(|it| provider == Provider::MetalLb && it.starts_with("metallb"));
    let has = !service.status.load_balancer.ingress.is_empty();
    match (wants, has, provider) {
        (true, true, _) | (true, false, Provider::Nobody) => Outcome::nothing(),
        (true, false, Provider::MetalLb) => from_pool(look, about, service),
        (true, false, _) => provision(look, about, service, provider),
        (false, _, _) => release(look, about, service, provider),
    }
}

fn note(
    about: &ObjectRef,
    kind: NoteKind,
    reason: &str,
    message: String,
    component: &'static str,
) -> Write {
    Write::Record(Note {
        about: about.clone(),
        kind,
        reason: reason.to_owned(),
        message,
        component,
        host: None,
        field_path: None,
    })
}

fn status(about: &ObjectRef, ingress: &Value) -> Write {
    Write::Patch {
        object: about.clone(),
        part: Part::Status,
        patch: json!({"status": {"loadBalancer": {"ingress": ingress}}}),
    }
}

/// MetalLB: the address asked for, or the next free one of a pool that gives them by itself.
fn from_pool(look: &Look<'_>, about: &ObjectRef, service: &Service) -> Outcome {
    let taken: BTreeSet<IpAddr> = look
        .objects
        .services
        .values()
        .flat_map(|it| &it.status.load_balancer.ingress)
        .filter_map(|it| parse_sloppy(it.ip.as_deref()?))
        .collect();
    let annotation = |names: [&str; 2]| {
        let found = names
            .iter()
            .find_map(|it| service.metadata.annotations.get(*it));
        found.map(String::as_str)
    };
    let asked = annotation([
        "metallb.io/loadBalancerIPs",
        "metallb.universe.tf/loadBalancerIPs",
    ])
    .or(service.spec.load_balancer_ip.as_deref())
    .and_then(|it| parse_sloppy(it.split(',').next()?.trim()));
    let pool_told = annotation([
        "metallb.io/address-pool",
        "metallb.universe.tf/address-pool",
    ]);
    let pools = look
        .objects
        .ip_address_pools
        .values()
        .filter(|pool| match pool_told {
            Some(name) => pool.metadata.name == name,
            None => asked.is_some() || pool.spec.auto_assign != Some(false),
        });
    // One address, of the Service's first family.
    let wanted = match service.spec.ip_families.first().map(String::as_str) {
        Some("IPv6") => Family::V6,
        _ => Family::V4,
    };
    let found = pools
        .flat_map(|pool| addresses(&pool.spec.addresses, pool.spec.avoid_buggy_ips))
        .find(|it| {
            asked.is_none_or(|asked| asked == *it) && family(*it) == wanted && !taken.contains(it)
        });
    match found {
        Some(ip) => Outcome::writes(vec![
            status(about, &json!([{"ip": ip.to_string(), "ipMode": "VIP"}])),
            note(
                about,
                NoteKind::Normal,
                "IPAllocated",
                format!("Assigned IP [\"{ip}\"]"),
                "metallb-controller",
            ),
        ]),
        None => {
            let why = match asked {
                Some(ip) => format!("[\"{ip}\"] is not allowed in config"),
                None => "no available IPs".to_owned(),
            };
            let message = format!(
                "Failed to allocate IP for \"{}/{}\": {why}",
                about.namespace, about.name
            );
            Outcome::writes(vec![note(
                about,
                NoteKind::Warning,
                "AllocationFailed",
                message,
                "metallb-controller",
            )])
        }
    }
}

/// The addresses of a pool, in order: `192.0.2.0/28`, `192.0.2.10-192.0.2.20`.
fn addresses(ranges: &[String], avoids_buggy: bool) -> Vec<IpAddr> {
    let is_buggy = |it: &IpAddr| match it {
        IpAddr::V4(it) => matches!(it.octets()[3], 0 | 255),
        IpAddr::V6(_) => false,
    };
    let mut all = Vec::new();
    for range in ranges {
        let in_range: Vec<IpAddr> = match range.split_once('-') {
            Some((first, last)) => between(first.trim(), last.trim()),
            None => parse_cidr_sloppy(range).map(within).unwrap_or_default(),
        };
        all.extend(
            in_range
                .into_iter()
                .filter(|it| !(avoids_buggy && is_buggy(it))),
        );
    }
    all
}

fn within(range: Cidr) -> Vec<IpAddr> {
    (0..MAX_ADDRESSES).map_while(|it| nth(range, it)).collect()
}

fn between(first: &str, last: &str) -> Vec<IpAddr> {
    let (Some(first), Some(last)) = (parse_sloppy(first), parse_sloppy(last)) else {
        return Vec::new();
    };
    let whole = match first {
        IpAddr::V4(_) => Cidr::new(first, 0),
        IpAddr::V6(_) => Cidr::new(first, 0),
    };
    let Ok(whole) = whole else {
        return Vec::new();
    };
    let number = |it: IpAddr| match it {
        IpAddr::V4(it) => u128::from(u32::from(it)),
        IpAddr::V6(it) => u128::from(it),
    };
    (number(first)..=number(last))
        .take(usize::try_from(MAX_ADDRESSES).unwrap_or(usize::MAX))
        .map_while(|it| nth(whole, it))
        .collect()
}

/// A cloud: begins, and is done after a while.
fn provision(look: &Look<'_>, about: &ObjectRef, service: &Service, provider: Provider) -> Outcome {
    let due = match look.memory.of(NAME, about) {
        Some(Remembered::LoadBalancer { ready_at }) => *ready_at,
        _ => return begin(look, about, service),
    };
    if due > look.clock.now {
        return Outcome {
            wake: Some(Wake {
                at: due,
                purpose: Purpose::Progress,
            }),
            ..Outcome::default()
        };
    }
    let ingress = ingress(look, about, service, provider);
    Outcome {
        writes: vec![
            status(about, &json!([ingress_value(&ingress)])),
            note(
                about,
                NoteKind::Normal,
                "EnsuredLoadBalancer",
                "Ensured load balancer".into(),
                "service-controller",
            ),
        ],
        wake: None,
        remember: Some(Remembered::Nothing),
    }
}

fn begin(look: &Look<'_>, about: &ObjectRef, service: &Service) -> Outcome {
    let secs = 30 + look.luck(about, "load balancer").draw(61);
    let ready_at: Instant = look.clock.now + Duration::from_secs(secs);
    let mut finalizers = service.metadata.finalizers.clone();
    if !has_finalizer(service) {
        finalizers.push(FINALIZER.into());
    }
    Outcome {
        writes: vec![
            Write::Patch {
                object: about.clone(),
                part: Part::Main,
                patch: json!({"metadata": {"finalizers": finalizers}}),
            },
            note(
                about,
                NoteKind::Normal,
                "EnsuringLoadBalancer",
                "Ensuring load balancer".into(),
                "service-controller",
            ),
        ],
        wake: Some(Wake {
            at: ready_at,
            purpose: Purpose::Progress,
        }),
        remember: Some(Remembered::LoadBalancer { ready_at }),
    }
}

/// What a cloud answers: a hostname from Amazon, an address from the others, of the blocks for documentation (RFC 5737).
fn ingress(
    look: &Look<'_>,
    about: &ObjectRef,
    service: &Service,
    provider: Provider,
) -> LoadBalancerIngress {
    let mut luck = look.luck(about, "address");
    let internal = service
        .metadata
        .annotations
        .get(AZURE_INTERNAL)
        .is_some_and(|it| it == "true")
        || service
            .metadata
            .annotations
            .get(GCP_TYPE)
            .is_some_and(|it| it == "Internal");
    if provider == Provider::Aws {
        let id = format!("{:016x}{:016x}", luck.draw(u64::MAX), luck.draw(u64::MAX));
        let hostname = if is_nlb(service) {
            format!("a{}-{}.elb.us-east-1.amazonaws.com", &id[..31], &id[..16])
        } else {
            format!(
                "a{}-{}.us-east-1.elb.amazonaws.com",
                &id[..31],
                luck.draw(1_000_000_000) + 1_000_000_000
            )
        };
        return LoadBalancerIngress {
            hostname: Some(hostname),
            ..LoadBalancerIngress::default()
        };
    }
    let taken: BTreeSet<String> = look
        .objects
        .services
        .values()
        .flat_map(|it| &it.status.load_balancer.ingress)
        .filter_map(|it| it.ip.clone())
        .collect();
    let block = if internal { "172.18.255" } else { "198.51.100" };
    let start = luck.draw(253);
    let ip = (0..253)
        .map(|it| format!("{block}.{}", (start + it) % 253 + 1))
        .find(|it| !taken.contains(it));
    LoadBalancerIngress {
        ip: ip.or_else(|| Some(format!("{block}.254"))),
        ip_mode: Some("VIP".into()),
        ..LoadBalancerIngress::default()
    }
}

fn ingress_value(it: &LoadBalancerIngress) -> Value {
    let mut value = json!({});
    for (name, told) in [
        ("hostname", &it.hostname),
        ("ip", &it.ip),
        ("ipMode", &it.ip_mode),
    ] {
        if let Some(told) = told {
            value[name] = told.as_str().into();
        }
    }
    value
}

/// A Service that is no longer balanced: its address goes, and what kept it.
fn release(look: &Look<'_>, about: &ObjectRef, service: &Service, provider: Provider) -> Outcome {
    let remember = look.memory.of(NAME, about).map(|_| Remembered::Nothing);
    let is_going = service.metadata.deletion_timestamp.is_some();
    let has = !service.status.load_balancer.ingress.is_empty();
    let is_another_class = service.kind() == "LoadBalancer" && !is_going;
    if is_another_class || (!has && !has_finalizer(service)) {
        return Outcome {
            remember,
            ..Outcome::default()
        };
    }
    let mut writes = Vec::new();
    let is_cloud = matches!(provider, Provider::Aws | Provider::Gcp | Provider::Azure);
    if is_cloud && has_finalizer(service) {
        for (reason, message) in [
            ("DeletingLoadBalancer", "Deleting load balancer"),
            ("DeletedLoadBalancer", "Deleted load balancer"),
        ] {
            writes.push(note(
                about,
                NoteKind::Normal,
                reason,
                message.into(),
                "service-controller",
            ));
        }
    }
    if has && !is_going {
        writes.push(status(about, &Value::Null));
    }
    if has_finalizer(service) {
        let left: Vec<&String> = service
            .metadata
            .finalizers
            .iter()
            .filter(|it| *it != FINALIZER)
            .collect();
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
