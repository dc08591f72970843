//! When the change happened that endpoints are written for, as an annotation tells whoever measures the delay.
//!
//! `staging/src/k8s.io/endpointslice/trigger_time_tracker.go` of Kubernetes 1.36: a Service seen for the first time was
//! triggered by its creation; later the earliest of the pods that have changed since counts, by the time of their last
//! turn to ready or from it. A change that no pod's readiness tells of, as a deletion, has no time.
//!
//! **Left out**: pods are not remembered one by one: of two that turn within one second the later one counts as seen.

use super::{Look, Remembered};
use crate::api::{Labels, ObjectRef, Pod, Service};

/// The annotation.
pub(super) const ANNOTATION: &str = "endpoints.kubernetes.io/last-change-trigger-time";

/// When the change happened, if anybody knows, and what to remember of the pods that were seen.
pub(super) fn trigger<'a>(
    look: &Look<'_>,
    controller: &'static str,
    about: &ObjectRef,
    service: &Service,
    pods: impl Iterator<Item = &'a Pod>,
) -> (Option<String>, Option<Remembered>) {
    let seen = match look.memory.of(controller, about) {
        Some(Remembered::Endpoints { seen_until }) => Some(seen_until.as_str()),
        _ => None,
    };
    let (mut earliest, mut newest): (Option<&str>, &str) = (None, seen.unwrap_or_default());
    let mut n_pods = 0;
    for pod in pods {
        n_pods += 1;
        let ready = pod.status.conditions.iter().find(|it| it.kind == "Ready");
        let Some(at) = ready.and_then(|it| it.last_transition_time.as_deref()) else {
            continue;
        };
        // Dates to the second in UTC are in order as texts are.
        newest = newest.max(at);
        if seen.is_some_and(|it| at > it) {
            earliest = Some(earliest.map_or(at, |it| it.min(at)));
        }
    }
    let at = match seen {
        Some(_) => earliest.map(str::to_owned),
        None => service.metadata.creation_timestamp.clone(),
    };
    let is_news = seen != Some(newest);
    let remember = (n_pods > 0 && is_news).then(|| Remembered::Endpoints {
        seen_until: newest.to_owned(),
    });
    (at, remember)
}

/// Says when the change happened, or that nobody knows.
pub(super) fn annotate(annotations: &mut Labels, at: Option<&String>) {
    match at {
        Some(at) => annotations.insert(ANNOTATION.to_owned(), at.clone()),
        None => annotations.remove(ANNOTATION),
    };
}
