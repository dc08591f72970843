//! Fields that do nothing, are deprecated, or do something else than they seem to: notes, unless somebody suffers.
//!
//! `service_warnings` of the API server 1.36 says the same of externalIPs and loadBalancerIP when they are written.
//!
//! **Left out**: annotations of clouds.

use super::examination::Examination;
use super::finding::{Finding, Severity};
use super::selector::first_request;
use super::service::{Case, short};
use super::{ports, words};
use crate::api::{Kind, ObjectRef};
use crate::proxy;
use serde_json::{Value, json};

/// Looks at a Service's fields.
pub(super) fn of_service(it: &mut Examination<'_>, case: &Case<'_>) {
    let spec = &case.service.spec;
    let name = short(&case.about);
    if !spec.external_ips.is_empty() {
        let sentence = [
            "externalIPs of ",
            &name,
            " (deprecated since Kubernetes 1.36) take these addresses over on every node, whoever has them; somebody else must route them there.",
        ];
        let finding = note(case, "external-ips", "spec.externalIPs", &sentence);
        let finding = finding.fact("externalIPs", words::list(&spec.external_ips));
        it.report(finding.mend("leave them out", without(case, "externalIPs")));
    }
    if let Some(ip) = spec.load_balancer_ip.as_deref().filter(|it| !it.is_empty()) {
        let sentence = [
            "loadBalancerIP of ",
            &name,
            " is deprecated, and some providers pass over it: use your provider's annotation.",
        ];
        let finding = note(case, "load-balancer-ip", "spec.loadBalancerIP", &sentence);
        let finding = finding.fact("loadBalancerIP", ip.to_owned());
        it.report(finding.mend("leave it out", without(case, "loadBalancerIP")));
    }
    let is_sticky = spec.session_affinity.as_deref() == Some("ClientIP");
    if is_sticky && case.service.is_headless() {
        let sentence = [
            "sessionAffinity is kube-proxy's, and no packet of headless ",
            &name,
            " meets kube-proxy: clients choose a pod by themselves.",
        ];
        let finding = note(case, "affinity-headless", "spec.sessionAffinity", &sentence);
        let patch = json!({"spec": {"sessionAffinity": "None"}});
        let finding = Finding {
            severity: Severity::Warning,
            ..finding
        };
        it.report(finding.mend("leave it out", words::merge(&case.about, &patch)));
    }
    publishes_unready(it, case);
    long_connections(it, case);
}

fn note(case: &Case<'_>, id: &'static str, path: &str, sentence: &[&str]) -> Finding {
    let about = case.about.clone();
    Finding::new(
        id,
        Severity::Note,
        about,
        path.to_owned(),
        sentence.concat(),
    )
}

/// The patch that takes a field of the spec away.
fn without(case: &Case<'_>, field: &str) -> String {
    let mut spec = serde_json::Map::new();
    spec.insert(field.to_owned(), Value::Null);
    words::merge(&case.about, &json!({"spec": spec}))
}

fn publishes_unready(it: &mut Examination<'_>, case: &Case<'_>) {
    let spec = &case.service.spec;
    if !spec.publish_not_ready_addresses || case.service.is_headless() {
        return;
    }
    let unready: Vec<String> = case
        .pods
        .iter()
        .filter(|it| !it.is_ready())
        .map(|it| it.metadata.name.clone())
        .collect();
    if unready.is_empty() {
        return;
    }
    let name = short(&case.about);
    let sentence = [
        name.as_str(),
        " publishes addresses that are not ready: requests go to pods that say they cannot serve.",
    ];
    let path = "spec.publishNotReadyAddresses";
    let finding = note(case, "publishes-unready", path, &sentence);
    let finding = Finding {
        severity: Severity::Warning,
        ..finding
    };
    let patch = json!({"spec": {"publishNotReadyAddresses": false}});
    let finding = finding
        .fact("pods", words::list(&unready))
        .mend("publish what is ready", words::merge(&case.about, &patch));
    let tried = first_request(it, case);
    it.report(finding.shown(tried));
}

/// HTTP/2 and gRPC keep one connection open, and a connection keeps its endpoint.
fn long_connections(it: &mut Examination<'_>, case: &Case<'_>) {
    if case.service.is_headless() || case.service.kind() == "ExternalName" {
        return;
    }
    let is_long = |it: &crate::api::ServicePort| {
        let app = it.app_protocol.as_deref().unwrap_or_default();
        let names = ["grpc", "h2c", "http2"];
        names
            .iter()
            .any(|known| it.name().starts_with(known) || app.ends_with(known))
    };
    let Some(idx) = case.service.spec.ports.iter().position(is_long) else {
        return;
    };
    let port = &case.service.spec.ports[idx];
    let sentence = [
        "Clients of ",
        &short(&case.about),
        " keep connections open, and a connection stays with its pod: new pods get none of the load until clients connect again.",
    ];
    let path = ports::path(idx, "name");
    let finding = note(case, "long-connections", &path, &sentence);
    let told = port
        .app_protocol
        .clone()
        .unwrap_or_else(|| port.name().to_owned());
    it.report(finding.fact("speaks", told));
}

/// Looks at kube-proxy's settings.
pub(super) fn settings(it: &mut Examination<'_>) {
    let version = it.objects.cluster.version();
    if it.world.mode.name != "ipvs" || !proxy::is_deprecated(it.world.mode, version) {
        return;
    }
    let about = ObjectRef::new(Kind::KubeProxyConfiguration, "", "");
    let sentence = "kube-proxy runs in ipvs mode, which is deprecated since Kubernetes 1.35: nftables mode does the same with rules alone.";
    let id = "ipvs-mode";
    let finding = Finding::new(id, Severity::Note, about, "mode".into(), sentence.into());
    it.report(finding.fact("mode", "ipvs".into()));
}
