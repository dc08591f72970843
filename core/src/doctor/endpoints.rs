//! Endpoints made by hand: none, under another port's name, with addresses nobody can read, beside a selector; and addresses of
//! a family that no endpoint has.
//!
//! **Left out**: endpoints with names instead of addresses (`addressType: FQDN`), which kube-proxy passes over.

use super::examination::{Examination, Ways, bracketed, written};
use super::finding::{Finding, Severity, Tried};
use super::selector::{IDENTITY, first_request};
use super::service::{Case, short};
use super::{ports, words};
use crate::api::{EndpointSlice, Kind, ObjectRef};
use crate::ip::{IpAddr, Protocol, family, parse_sloppy};
use crate::sim::Source;
use crate::sorted::insert_once;
use crate::yaml::nearest_name;
use serde_json::{Value, json};

const MANAGED_BY: &str = "endpointslice.kubernetes.io/managed-by";
const CONTROLLER: &str = "endpointslice-controller.k8s.io";
const MIRROR: &str = "endpointslicemirroring-controller.k8s.io";

/// Looks at the endpoints of a Service without a selector. Whether there are none.
pub(super) fn by_hand(it: &mut Examination<'_>, case: &Case<'_>) -> bool {
    let is_read = |it: &IpAddr| !it.is_unspecified();
    let n_readable = case
        .endpoints()
        .filter_map(|it| parse_sloppy(it.addresses.first()?))
        .filter(is_read)
        .count();
    unreadable(it, case);
    if n_readable == 0 {
        if case.endpoints().next().is_none() {
            none(it, case);
        }
        return true;
    }
    port_names(it, case)
}

fn slice_ref(slice: &EndpointSlice) -> ObjectRef {
    let metadata = &slice.metadata;
    ObjectRef::new(Kind::EndpointSlice, &metadata.namespace, &metadata.name)
}

fn is_mirrored(slice: &EndpointSlice) -> bool {
    slice
        .metadata
        .labels
        .get(MANAGED_BY)
        .is_some_and(|it| it == MIRROR)
}

/// Nobody made endpoints: perhaps some are there under another name.
fn none(it: &mut Examination<'_>, case: &Case<'_>) {
    let namespace = &case.about.namespace;
    let name = &case.about.name;
    let sentence = [
        &short(&case.about),
        " has no selector, and nobody made endpoints for it: requests are refused.",
    ];
    let id = "endpoints-not-made";
    let path = "spec.selector".to_owned();
    let about = case.about.clone();
    let mut finding = Finding::new(id, Severity::Error, about, path, sentence.concat());
    if let Some(slice) = orphan(it, case) {
        let told = slice.service_name().unwrap_or("none").to_owned();
        let label = words::word(&[EndpointSlice::SERVICE_NAME, "=", name].concat());
        let rest = [&label, " --overwrite"].concat();
        finding = finding
            .fact("a slice without a Service", slice.metadata.name.clone())
            .fact("the Service it names", told)
            .mend(
                "have the slice name this Service",
                words::kubectl("label", &slice_ref(slice), &rest),
            );
    } else if let Some((near, subsets)) = orphaned_endpoints(it, namespace, name) {
        let document = json!({
            "apiVersion": "v1",
            "kind": "Endpoints",
            "metadata": {"name": name, "namespace": namespace},
            "subsets": subsets,
        });
        finding = finding.fact("Endpoints without a Service", near).mend(
            "make them again under the Service's name",
            words::create(&document),
        );
    } else if let Some((key, value)) = called_alike(it, case) {
        let mut selector = serde_json::Map::new();
        selector.insert(key.to_owned(), value.into());
        let patch = json!({"spec": {"selector": selector}});
        finding = finding
            .fact("pods called alike", [key, "=", value].concat())
            .mend("select those pods", words::merge(&case.about, &patch));
    } else {
        let command = "kubectl get endpointslices -A".to_owned();
        finding = finding.look("the endpoints there are", command);
    }
    let tried = first_request(it, case);
    it.report(finding.shown(tried));
}

/// A slice that names no Service there is, and that is called after this one or the only such.
fn orphan<'a>(it: &Examination<'a>, case: &Case<'_>) -> Option<&'a EndpointSlice> {
    let (namespace, name) = (&case.about.namespace, &case.about.name);
    let exists = |service: &str| it.objects.service(namespace, service).is_some();
    let slices = it.objects.endpoint_slices.values();
    let orphans = slices.filter(|it| {
        it.metadata.namespace == *namespace
            && !is_mirrored(it)
            && it.service_name().is_none_or(|it| !exists(it))
    });
    let orphans: Vec<&EndpointSlice> = orphans.map(|it| &**it).collect();
    let is_near = |it: &&&EndpointSlice| {
        let told = [it.service_name().unwrap_or_default(), &it.metadata.name];
        told.iter()
            .any(|it| nearest_name(name, &[*it]).is_some() || it.starts_with(name.as_str()))
    };
    let only = orphans.first().filter(|_| orphans.len() == 1);
    orphans.iter().find(is_near).or(only).copied()
}

/// The label of pods that are called as the Service is.
fn called_alike<'a>(it: &Examination<'a>, case: &Case<'_>) -> Option<(&'a str, &'a str)> {
    let first = (case.about.namespace.clone(), String::new());
    let inside = it.objects.pods.range(first..);
    let inside = inside.take_while(|it| it.0.0 == case.about.namespace);
    let mut labels = inside.flat_map(|it| it.1.labels());
    let found = labels.find(|it| IDENTITY.contains(&it.0.as_str()) && *it.1 == case.about.name);
    found.map(|(key, value)| (key.as_str(), value.as_str()))
}

/// Endpoints that belong to no Service and are nearly called after this one.
fn orphaned_endpoints(
    it: &Examination<'_>,
    namespace: &str,
    name: &str,
) -> Option<(String, Value)> {
    let all = it.objects.endpoints.values();
    let orphans = all.filter(|it| it.metadata.namespace == namespace);
    let names: Vec<&str> = orphans
        .map(|it| it.metadata.name.as_str())
        .filter(|name| it.objects.service(namespace, name).is_none())
        .collect();
    let near = nearest_name(name, &names).or(match names.as_slice() {
        [only] => Some(*only),
        _ => None,
    })?;
    let key = (namespace.to_owned(), near.to_owned());
    let subsets = it.objects.endpoints.get(&key)?.subsets.clone();
    Some((near.to_owned(), json!(subsets)))
}

/// Addresses that are none, or not of the family that their slice says.
fn unreadable(it: &mut Examination<'_>, case: &Case<'_>) {
    for slice in &case.slices {
        for (idx, endpoint) in slice.endpoints.iter().enumerate() {
            let Some(address) = endpoint.addresses.first() else {
                continue;
            };
            let read = parse_sloppy(address);
            let of = read.map(|it| family(it).to_string());
            if of.as_ref() == Some(&slice.address_type) || slice.address_type == "FQDN" {
                continue;
            }
            let what = match of {
                Some(of) => ["of family ", &of, ", in a slice of ", &slice.address_type].concat(),
                None => "no address".to_owned(),
            };
            let number = idx.to_string();
            let path = ["endpoints[", &number, "].addresses[0]"].concat();
            let about = slice_ref(slice);
            let sentence = [
                "The endpoint ",
                address,
                " of ",
                &short(&case.about),
                " is ",
                &what,
                ".",
            ];
            let pointer = ["/endpoints/", &number].concat();
            let patch = json!([{"op": "remove", "path": pointer}]);
            let id = "endpoint-address-unreadable";
            let finding = Finding::new(id, Severity::Error, about.clone(), path, sentence.concat());
            let mut finding = finding
                .fact("address", address.clone())
                .fact("addressType", slice.address_type.clone())
                .mend("take it out", words::json_patch(&about, &patch));
            finding.follows(case.about.clone(), "Requests never go there.".into());
            it.report(finding);
        }
    }
}

/// Endpoints under a port name that the Service does not have. Whether some port of the Service gets none for it.
fn port_names(it: &mut Examination<'_>, case: &Case<'_>) -> bool {
    let mut is_wrong = false;
    for (idx, port) in case.service.spec.ports.iter().enumerate() {
        let is_its = |it: &crate::api::EndpointPort| {
            it.name.as_deref().unwrap_or_default() == port.name()
                && it.protocol.as_deref().unwrap_or("TCP") == port.protocol()
        };
        if case.slices.iter().any(|it| it.ports.iter().any(is_its)) {
            continue;
        }
        let Some(slice) = case.slices.iter().find(|it| !it.endpoints.is_empty()) else {
            continue;
        };
        is_wrong = true;
        let mut names: Vec<String> = Vec::new();
        for it in case.slices.iter().flat_map(|it| &it.ports) {
            let name = it.name.as_deref().filter(|it| !it.is_empty());
            let protocol = it.protocol.as_deref().unwrap_or("TCP");
            insert_once(
                &mut names,
                [name.unwrap_or("no name"), "/", protocol].concat(),
            );
        }
        let own = if port.name().is_empty() {
            "no name"
        } else {
            port.name()
        };
        let sentence = [
            "The endpoints of ",
            &short(&case.about),
            " are for a port with ",
            &words::list(&names),
            ", and its port has ",
            own,
            "/",
            port.protocol(),
            ": it gets none of them.",
        ];
        let id = "endpoint-port-name";
        let about = case.about.clone();
        let path = ports::path(idx, "name");
        let finding = Finding::new(id, Severity::Error, about, path, sentence.concat())
            .fact("the Service's port", own.to_owned())
            .fact("the endpoints' ports", words::list(&names));
        let finding = renamed(it, case, slice, port, finding);
        let asker = it.askers(&case.about.namespace, &case.service.spec.selector, 1);
        let tried = asker
            .first()
            .and_then(|asker| it.ask_port(asker, case.service, port, Ways::All));
        it.report(finding.shown(tried));
    }
    is_wrong
}

/// With the command that gives the endpoints' port the Service's name.
fn renamed(
    it: &Examination<'_>,
    case: &Case<'_>,
    slice: &EndpointSlice,
    port: &crate::api::ServicePort,
    finding: Finding,
) -> Finding {
    let n_ports = if is_mirrored(slice) {
        case.service.spec.ports.len()
    } else {
        slice.ports.len()
    };
    if n_ports != 1 {
        return finding;
    }
    let mut changed = vec![json!({"op": "add", "path": "/ports/0/name", "value": port.name()})];
    let told = slice.ports.first().and_then(|it| it.protocol.as_deref());
    if told.unwrap_or("TCP") != port.protocol() {
        changed.push(json!({"op": "add", "path": "/ports/0/protocol", "value": port.protocol()}));
    }
    let says = "give the endpoints' port the Service's name";
    if !is_mirrored(slice) {
        return finding.mend(says, words::json_patch(&slice_ref(slice), &changed.into()));
    }
    let about = ObjectRef::new(Kind::Endpoints, &case.about.namespace, &case.about.name);
    let key = (about.namespace.clone(), about.name.clone());
    if !it.objects.endpoints.contains_key(&key) {
        return finding;
    }
    for operation in &mut changed {
        let path = operation["path"].as_str().unwrap_or_default();
        operation["path"] = ["/subsets/0", path].concat().into();
    }
    finding.mend(says, words::json_patch(&about, &changed.into()))
}

/// Endpoints that somebody made for a Service whose selector finds its own.
pub(super) fn beside_selector(it: &mut Examination<'_>, case: &Case<'_>) {
    let mut by_hand: Vec<(ObjectRef, Vec<String>)> = Vec::new();
    for slice in &case.slices {
        let manager = slice.metadata.labels.get(MANAGED_BY).map(String::as_str);
        // What names a pod was made for pods, whoever made it.
        let strange = slice.endpoints.iter().filter(|it| it.target_ref.is_none());
        let addresses: Vec<String> = strange
            .filter_map(|it| it.addresses.first().cloned())
            .collect();
        let is_a_controllers = matches!(manager, Some(CONTROLLER | MIRROR));
        if !is_a_controllers && !addresses.is_empty() && !case.pods.is_empty() {
            by_hand.push((slice_ref(slice), addresses));
        }
    }
    let key = (case.about.namespace.clone(), case.about.name.clone());
    if let Some(endpoints) = it.given_endpoints.get(&key) {
        let all = endpoints.subsets.iter().flat_map(|it| &it.addresses);
        let strange = all.filter(|it| it.target_ref.is_none());
        let known: Vec<IpAddr> = case.pods.iter().flat_map(|it| it.ips()).collect();
        let is_known = |ip: &str| parse_sloppy(ip).is_some_and(|ip| known.contains(&ip));
        let strange = strange.filter(|it| !is_known(&it.ip));
        let addresses: Vec<String> = strange.map(|it| it.ip.clone()).collect();
        if !addresses.is_empty() {
            by_hand.push((ObjectRef::new(Kind::Endpoints, &key.0, &key.1), addresses));
        }
    }
    for (about, addresses) in by_hand {
        beside(it, case, &about, &addresses);
    }
}

fn beside(it: &mut Examination<'_>, case: &Case<'_>, about: &ObjectRef, addresses: &[String]) {
    let is_lost = about.kind == Kind::Endpoints;
    let addresses = words::list(addresses);
    let (path, end) = if is_lost {
        ("subsets", " are written over.")
    } else {
        ("endpoints", " get requests like the pods.")
    };
    let sentence = [
        &short(&case.about),
        " has a selector, so a controller makes its endpoints: those made by hand (",
        &addresses,
        ")",
        end,
    ];
    let id = "endpoints-beside-selector";
    let path = path.to_owned();
    let finding = Finding::new(
        id,
        Severity::Warning,
        about.clone(),
        path,
        sentence.concat(),
    );
    let mut finding = finding
        .fact("addresses", addresses)
        .fact("selector", words::labels(&case.service.spec.selector));
    if !is_lost {
        let command = words::kubectl("delete", about, "");
        finding = finding.mend("leave it to the controller", command);
    }
    let says = "Its selector and these endpoints say two things.".to_owned();
    finding.follows(case.about.clone(), says);
    it.report(finding);
}

/// Addresses of a family that no endpoint has.
pub(super) fn families(it: &mut Examination<'_>, case: &Case<'_>) {
    let ips = case.service.cluster_ips();
    if ips.len() < 2 || case.n_ready() == 0 {
        return;
    }
    for ip in ips {
        let of = family(ip).to_string();
        let mut own = case.slices.iter().filter(|it| it.address_type == of);
        if !own.any(|it| !it.endpoints.is_empty()) {
            family_without(it, case, ip);
        }
    }
}

fn family_without(it: &mut Examination<'_>, case: &Case<'_>, ip: IpAddr) {
    let of = family(ip).to_string();
    let Some(port) = case.service.spec.ports.first() else {
        return;
    };
    let sentence = [
        &short(&case.about),
        " has the address ",
        &ip.to_string(),
        ", and none of its endpoints has one of ",
        &of,
        ": whoever asks there is refused.",
    ];
    let path = "spec.ipFamilies".to_owned();
    let id = "family-without-endpoints";
    let about = case.about.clone();
    let mut finding = Finding::new(id, Severity::Warning, about, path, sentence.concat())
        .fact(
            "families of the Service",
            words::list(&case.service.spec.ip_families),
        )
        .fact("address", ip.to_string());
    // The first family of a Service is its for ever.
    let first = case.service.cluster_ips().first().copied();
    if let Some(first) = first.filter(|it| *it != ip) {
        let kept = (first.to_string(), family(first).to_string());
        let patch = json!({"spec": {
            "ipFamilyPolicy": "SingleStack", "ipFamilies": [kept.1], "clusterIPs": [kept.0],
        }});
        let command = words::merge(&case.about, &patch);
        finding = finding.mend("leave that family to others", command);
    }
    let selector = &case.service.spec.selector;
    let asker = it
        .askers(&case.about.namespace, selector, 1)
        .into_iter()
        .next();
    let tried = asker.zip(Protocol::from_name(port.protocol()));
    let tried = tried.and_then(|(asker, protocol)| {
        let to = written(&bracketed(ip), port.port, port, protocol);
        it.ask(Source::Host(asker), &to, protocol, Ways::All)
    });
    it.report(finding.shown(tried.filter(Tried::fails)));
}
