//! Signs of life: a kubelet renews its node's lease every ten seconds, and says again how its node is every five minutes.
//!
//! `staging/src/k8s.io/component-helpers/apimachinery/lease/controller.go` and `pkg/kubelet/kubelet_node_status.go` of
//! Kubernetes 1.36: a lease of 40 seconds is renewed at a quarter of that, a status that stays as it is is reported at
//! `nodeStatusReportFrequency`. Who looks after other things is not told of either (`Change::is_sign_of_life`).
//!
//! **Left out**: the little luck in both lengths of time. A status counts from the last report that changed it.

use super::Look;
use super::furnishings::PRESSURES;
use super::owner::owned_by;
use crate::api::{Kind, Node, Object, ObjectRef};
use crate::store::{Part, Write};
use crate::time::{Duration, Instant};
use serde_json::{Value, json};

pub(super) const LEASES: &str = "kube-node-lease";

/// How long a lease is good for, in seconds.
const LEASE_SECS: u64 = 40;

/// How often a kubelet renews its lease.
const RENEW_EVERY: Duration = Duration::from_secs(10);

/// How often it says how its node is though nothing has changed.
const REPORT_EVERY: Duration = Duration::from_secs(300);

/// What a kubelet that is well does for its node's lease, and when it does so again.
pub(super) fn lease(look: &Look<'_>, node: &Node) -> (Option<Write>, Option<Instant>) {
    let namespace = look.objects.namespaces.get(LEASES);
    let is_going = node.metadata.deletion_timestamp.is_some();
    let is_place = namespace.is_some_and(|it| it.metadata.deletion_timestamp.is_none());
    if is_going || !is_place {
        return (None, None);
    }
    let name = &node.metadata.name;
    let about = ObjectRef::new(Kind::Lease, LEASES, name);
    let now = look.clock.now;
    let next = now + RENEW_EVERY;
    let Some(Object::Lease(lease)) = look.objects.find(&about) else {
        let owners: Vec<_> = owned_by(&Object::from(node.clone())).into_iter().collect();
        let document = json!({
            "metadata": {"name": name, "namespace": LEASES, "ownerReferences": owners},
            "spec": {
                "holderIdentity": name,
                "leaseDurationSeconds": LEASE_SECS,
                "renewTime": look.clock.micro_stamp(),
            },
        });
        return (Some(Write::Document(Kind::Lease, document)), Some(next));
    };
    let told = lease.spec.renew_time.as_deref();
    let renewed = told.and_then(|it| look.clock.instant_of(it));
    // One that a dump's kubelet renewed later than this world is old is renewed now, as one that never was.
    let renewed = renewed.filter(|it| *it <= now);
    if let Some(renewed) = renewed
        && renewed + RENEW_EVERY > now
    {
        return (None, Some(renewed + RENEW_EVERY));
    }
    let patch = json!({"spec": {"renewTime": look.clock.micro_stamp()}});
    let renewal = Write::Patch {
        object: about,
        part: Part::Main,
        patch,
    };
    (Some(renewal), Some(next))
}

/// What a kubelet that is well says of its node again, and when it does so the next time. A node whose manifest does not
/// say when its kubelet spoke last stays as it is.
pub(super) fn report(
    look: &Look<'_>,
    about: &ObjectRef,
    document: &Value,
) -> (Option<Write>, Option<Instant>) {
    let Some(conditions) = document["status"]["conditions"].as_array() else {
        return (None, None);
    };
    let ready = conditions.iter().find(|it| it["type"] == "Ready");
    let told = ready.and_then(|it| it["lastHeartbeatTime"].as_str());
    let Some(last) = told.and_then(|it| look.clock.instant_of(it)) else {
        return (None, None);
    };
    let now = look.clock.now;
    if last + REPORT_EVERY > now {
        return (None, Some(last + REPORT_EVERY));
    }
    let stamp = look.clock.stamp();
    let mut conditions = conditions.clone();
    for it in &mut conditions {
        let is_kubelets = it["type"] == "Ready" || PRESSURES.iter().any(|row| it["type"] == row.0);
        if is_kubelets {
            it["lastHeartbeatTime"] = stamp.as_str().into();
        }
    }
    let report = Write::Patch {
        object: about.clone(),
        part: Part::Status,
        patch: json!({"status": {"conditions": conditions}}),
    };
    (Some(report), Some(now + REPORT_EVERY))
}
