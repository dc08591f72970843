//! Selectors: one that matches nothing, what comes nearest to it, and one that matches too much.
//!
//! **Left out**: pods of kinds that the model does not know (DaemonSets and Jobs are no objects here; their pods are).

use super::examination::{Examination, Ways};
use super::finding::{Finding, Severity};
use super::service::{Case, about, copy, short};
use super::words;
use crate::api::{IntOrString, Kind, Labels, Object, ObjectRef, Pod, label_value_faults, selects};
use crate::yaml::nearest_name;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// How many pods are compared with a selector that matches nothing.
const MAX_COMPARED: usize = 2_000;

/// The labels by which an application is told from others, the most telling first.
pub(super) const IDENTITY: [&str; 3] = ["app", "app.kubernetes.io/name", "k8s-app"];

/// How a selector would have to be changed to match a pod.
struct Near<'a> {
    cost: usize,
    pod: &'a Pod,
    /// The selector's label that misses, and the pod's that is near; none where the pod has nothing like it.
    changes: Vec<(&'a str, Option<(&'a str, &'a str)>)>,
}

/// Looks at the selector of a Service. Whether it finds nothing.
pub(super) fn examine(it: &mut Examination<'_>, case: &Case<'_>) -> bool {
    if !case.pods.is_empty() {
        several_apps(it, case);
        return false;
    }
    // Slices that a dump gives without any pods are taken as they are.
    if case.n_ready() > 0 {
        return false;
    }
    let finding = completed(it, case)
        .or_else(|| going(it, case))
        .or_else(|| scaled_to_zero(it, case))
        .or_else(|| elsewhere(it, case))
        .unwrap_or_else(|| nothing(it, case));
    let asked = words::labels(&case.service.spec.selector);
    if let Some(known) = it.same_selector(finding.id, &case.about.namespace, &asked) {
        known.follows(case.about.clone(), "It asks for the same labels.".into());
        if let (Some(known), Some(own)) = (known.remedies.first_mut(), finding.remedies.first())
            && known.command != own.command
        {
            known.command = [&known.command, " && ", &own.command].concat();
        }
        return true;
    }
    let finding = finding.shown(first_request(it, case));
    it.report(finding);
    true
}

/// A request to the first port of a Service.
pub(super) fn first_request(
    it: &mut Examination<'_>,
    case: &Case<'_>,
) -> Option<super::finding::Tried> {
    let selector = &case.service.spec.selector;
    let asker = it.askers(&case.about.namespace, selector, 1);
    let port = case.service.spec.ports.first()?;
    it.ask_port(asker.first()?, case.service, port, Ways::All)
}

fn new(id: &'static str, case: &Case<'_>, sentence: String) -> Finding {
    let path = "spec.selector".to_owned();
    let selector = words::labels(&case.service.spec.selector);
    Finding::new(id, Severity::Error, case.about.clone(), path, sentence).fact("selector", selector)
}

/// The pods have all run to their end.
fn completed(it: &Examination<'_>, case: &Case<'_>) -> Option<Finding> {
    let namespace = &case.about.namespace;
    let over = it
        .objects
        .pods_selected(namespace, &case.service.spec.selector);
    let names: Vec<String> = over.map(|it| it.metadata.name.clone()).collect();
    let first = names.first()?;
    let pod = ObjectRef::new(Kind::Pod, namespace, first);
    let sentence = [
        "The pods that ",
        &short(&case.about),
        " selects have run to their end, and nothing takes their place.",
    ]
    .concat();
    let finding = new("pods-completed", case, sentence).fact("pods", words::list(&names));
    Some(finding.look(
        "what they printed",
        words::kubectl("logs", &pod, "").replace("logs pod ", "logs "),
    ))
}

/// The manifest holds pods that were going, and are gone.
fn going(it: &Examination<'_>, case: &Case<'_>) -> Option<Finding> {
    let all = &it.manifest?.objects;
    let names: Vec<String> = all
        .iter()
        .filter_map(|it| match &it.object {
            Object::Pod(pod) => Some(pod),
            _ => None,
        })
        .filter(|it| it.metadata.namespace == case.about.namespace && it.is_terminating())
        .filter(|it| selects(&case.service.spec.selector, it.labels()))
        .map(|it| it.metadata.name.clone())
        .collect();
    if names.is_empty() {
        return None;
    }
    let sentence = [
        "Every pod that ",
        &short(&case.about),
        " selects was asked to go, and nothing takes their place.",
    ]
    .concat();
    Some(new("pods-terminating", case, sentence).fact("pods", words::list(&names)))
}

/// A workload would make pods, if it had replicas.
fn scaled_to_zero(it: &Examination<'_>, case: &Case<'_>) -> Option<Finding> {
    let namespace = &case.about.namespace;
    let wants = |labels: &Labels| selects(&case.service.spec.selector, labels);
    let deployments = it.objects.deployments.values().map(|it| {
        let spec = &it.spec;
        (
            Kind::Deployment,
            &it.metadata,
            spec.replicas,
            &spec.template,
        )
    });
    let sets = it.objects.stateful_sets.values().map(|it| {
        let spec = &it.spec;
        (
            Kind::StatefulSet,
            &it.metadata,
            spec.replicas,
            &spec.template,
        )
    });
    let mut idle = deployments
        .chain(sets)
        .filter(|(_, metadata, replicas, template)| {
            metadata.namespace == *namespace
                && *replicas == Some(0)
                && wants(&template.metadata.labels)
        });
    let (kind, metadata, _, _) = idle.next()?;
    let workload = ObjectRef::new(kind, namespace, &metadata.name);
    let sentence = [
        "The pods of ",
        &short(&case.about),
        " are those of ",
        kind.name(),
        " ",
        &metadata.name,
        ", which has 0 replicas.",
    ]
    .concat();
    let mut finding = new("scaled-to-zero", case, sentence).fact("replicas", "0".into());
    finding.object = workload.clone();
    finding.path = "spec.replicas".into();
    finding.follows(
        case.about.clone(),
        "It has no endpoints: requests are refused.".into(),
    );
    Some(finding.mend(
        "have it run a pod",
        words::kubectl("scale", &workload, "--replicas=1"),
    ))
}

/// Pods of another namespace have these labels.
fn elsewhere(it: &Examination<'_>, case: &Case<'_>) -> Option<Finding> {
    let namespace = &case.about.namespace;
    let selector = &case.service.spec.selector;
    let names = it.objects.namespaces.keys();
    let mut others = names.filter(|it| *it != namespace && *it != "kube-system");
    let other = others.find(|other| {
        let found = it.objects.pods_selected(other, selector);
        found.into_iter().any(|it| !it.is_over())
    })?;
    let pods = it.objects.pods_selected(other, selector);
    let pods: Vec<String> = pods.map(|it| it.metadata.name.clone()).collect();
    let sentence = [
        "A Service finds pods of its own namespace only: ",
        &short(&case.about),
        " is in ",
        namespace,
        ", and the pods it describes are in ",
        other,
        ".",
    ]
    .concat();
    let finding = new("pods-in-other-namespace", case, sentence)
        .fact("pods", words::list(&pods))
        .fact("their namespace", other.clone());
    let existing = it.objects.service(other, &case.about.name);
    if let Some(there) = existing {
        let alias = [
            &there.metadata.name,
            ".",
            other,
            ".svc.",
            it.objects.cluster.dns_domain(),
        ];
        let patch = json!({"spec": {
            "type": "ExternalName", "externalName": alias.concat(),
            "selector": null, "clusterIP": null, "clusterIPs": null, "ipFamilies": null, "ipFamilyPolicy": null,
            "internalTrafficPolicy": null,
        }});
        return Some(finding.mend(
            "let the name be an alias for the Service beside the pods",
            words::merge(&case.about, &patch),
        ));
    }
    let copy = words::create(&copy(case.service, other));
    let command = [&words::kubectl("delete", &case.about, ""), " && ", &copy].concat();
    Some(finding.mend("make the Service in the namespace of its pods", command))
}

/// No pod has these labels; some may come near.
fn nothing(it: &Examination<'_>, case: &Case<'_>) -> Finding {
    let namespace = &case.about.namespace;
    let selector = &case.service.spec.selector;
    let first = (namespace.clone(), String::new());
    let inside = it.objects.pods.range(first..);
    let inside = inside.take_while(|it| it.0.0 == *namespace).map(|it| it.1);
    let living = inside.filter(|it| !it.is_over()).take(MAX_COMPARED);
    let mut n_pods = 0;
    let mut best: Option<Near<'_>> = None;
    for pod in living {
        n_pods += 1;
        let near = near(selector, pod, &case.about.name);
        if let Some(near) = near.filter(|it| best.as_ref().is_none_or(|best| it.cost < best.cost)) {
            best = Some(near);
        }
    }
    let asked = words::labels(selector);
    let none = [
        "No pod in ",
        namespace,
        " has the labels ",
        &asked,
        " that ",
        &short(&case.about),
        " selects",
    ]
    .concat();
    let n_text = n_pods.to_string();
    let Some(near) = best else {
        return far(case, &none, n_pods);
    };
    let labels = words::labels(near.pod.labels());
    let (patch, differences) = changed(&near);
    let sentence = [
        &none,
        "; pod ",
        &near.pod.metadata.name,
        " comes nearest: it has ",
        &differences,
        ".",
    ]
    .concat();
    let mut finding = new("selector-matches-nothing", case, sentence)
        .fact("nearest label", differences)
        .fact("nearest pod", near.pod.metadata.name.clone())
        .fact("its labels", labels)
        .fact("pods in the namespace", n_text);
    if let Some((missed, _)) = near.changes.first() {
        finding.path = ["spec.selector.", missed].concat();
    }
    finding.mend(
        "select what the pods have",
        words::merge(&case.about, &patch),
    )
}

/// No pod comes near.
fn far(case: &Case<'_>, none: &str, n_pods: usize) -> Finding {
    let selector = &case.service.spec.selector;
    let sentence = match n_pods {
        0 => [none, ": there is no pod at all."].concat(),
        _ => [none, ", and none comes near."].concat(),
    };
    let finding = new("selector-matches-nothing", case, sentence);
    let finding = finding.fact("pods in the namespace", n_pods.to_string());
    let can_be = |it: &String| label_value_faults(it).is_empty();
    let Some(port) = only_port(case).filter(|_| selector.values().all(can_be)) else {
        return finding;
    };
    let about = ObjectRef::new(Kind::Pod, &case.about.namespace, &case.about.name);
    let run = words::kubectl("run", &about, "").replace("run pod ", "run ");
    let asked = words::word(&words::labels(selector));
    let rest = [" --image=nginx --labels=", &asked, " --port=", &port];
    let command = [&run, rest.concat().as_str()].concat();
    finding.mend("start a pod that has these labels", command)
}

/// The one TCP port that a pod behind a Service would have to listen on.
fn only_port(case: &Case<'_>) -> Option<String> {
    let [port] = case.service.spec.ports.as_slice() else {
        return None;
    };
    match &port.target_port {
        Some(IntOrString::Int(number)) if *number > 0 && port.protocol() == "TCP" => {
            Some(number.to_string())
        }
        _ => None,
    }
}

/// The patch of a selector that makes it match a pod, and the pod's labels that differ.
fn changed(near: &Near<'_>) -> (Value, String) {
    let mut selector = serde_json::Map::new();
    let mut differences = Vec::new();
    for (missed, found) in &near.changes {
        match found {
            Some((key, value)) => {
                if key != missed {
                    selector.insert((*missed).to_owned(), Value::Null);
                }
                selector.insert((*key).to_owned(), (*value).into());
                differences.push([*key, "=", *value].concat());
            }
            None => {
                selector.insert((*missed).to_owned(), Value::Null);
                differences.push(["no label ", *missed].concat());
            }
        }
    }
    (
        json!({"spec": {"selector": selector}}),
        words::list(&differences),
    )
}

/// How near a pod comes to a selector; none if it is about something else.
fn near<'a>(selector: &'a Labels, pod: &'a Pod, service: &str) -> Option<Near<'a>> {
    let labels = pod.labels();
    let mut near = Near {
        cost: 0,
        pod,
        changes: Vec::new(),
    };
    let mut n_met = 0;
    let mut n_slips = 0;
    for (key, value) in selector {
        let own = labels.get(key);
        if own == Some(value) {
            n_met += 1;
            continue;
        }
        let slip = slip(key, value, labels);
        let (cost, change) = match (slip, own) {
            (Some(it), _) => {
                n_slips += 1;
                (1, Some(it))
            }
            // Pods that are called as the Service is are meant.
            (None, Some(own)) if own == service => {
                n_slips += 1;
                (2, Some((key.as_str(), own.as_str())))
            }
            (None, Some(own)) => (4, Some((key.as_str(), own.as_str()))),
            (None, None) => (5, None),
        };
        near.cost += cost;
        near.changes.push((key.as_str(), change));
    }
    // Something of it must be right, or nearly so.
    (n_met + n_slips > 0 && n_met + n_slips >= near.changes.len() - n_slips).then_some(near)
}

/// The label of a pod that is this one but for a slip: a letter, or the same value under another key.
fn slip<'a>(key: &str, value: &str, labels: &'a Labels) -> Option<(&'a str, &'a str)> {
    if let Some((key, own)) = labels.get_key_value(key)
        && nearest_name(value, &[own.as_str()]).is_some()
    {
        return Some((key, own));
    }
    let keys: Vec<&str> = labels.keys().map(String::as_str).collect();
    if let Some(near) = nearest_name(key, &keys)
        && let Some((key, own)) = labels.get_key_value(near)
        && nearest_name(value, &[own.as_str()]).is_some()
    {
        return Some((key, own));
    }
    let same = labels.iter().find(|it| it.1 == value);
    same.map(|(key, own)| (key.as_str(), own.as_str()))
}

/// A selector that finds pods of several applications.
fn several_apps(it: &mut Examination<'_>, case: &Case<'_>) {
    let selector = &case.service.spec.selector;
    for key in IDENTITY {
        if selector.contains_key(key) {
            return;
        }
        let mut apps: BTreeMap<&str, Vec<&Pod>> = BTreeMap::new();
        for pod in &case.pods {
            let app = pod.labels().get(key).map_or("", String::as_str);
            apps.entry(app).or_default().push(pod);
        }
        if apps.len() < 2 || apps.contains_key("") {
            continue;
        }
        let meant = meant(case, &apps);
        let names: Vec<String> = apps
            .iter()
            .map(|(app, pods)| {
                [key, "=", app, " (", &words::count(pods.len(), "pod"), ")"].concat()
            })
            .collect();
        let sentence = [
            short(&case.about).as_str(),
            " selects pods of several applications (",
            &words::list(&names),
            "): each request goes to any of them.",
        ]
        .concat();
        let patch = json!({"spec": {"selector": {key: meant}}});
        let finding = Finding {
            severity: Severity::Warning,
            ..new("selector-matches-several-apps", case, sentence)
        };
        let finding = finding.fact("applications", words::list(&names));
        let finding = finding.mend("select one of them", words::merge(&case.about, &patch));
        let tried = first_request(it, case);
        it.report(finding.shown(tried));
        return;
    }
}

/// The application that was probably meant: the one of the Service's name, or else the largest.
fn meant<'a>(case: &Case<'_>, apps: &BTreeMap<&'a str, Vec<&Pod>>) -> &'a str {
    let names: Vec<&str> = apps.keys().copied().collect();
    if let Some(named) = nearest_name(&about(case.service).name, &names) {
        return named;
    }
    let mut best = names.first().copied().unwrap_or_default();
    for (app, pods) in apps {
        if pods.len() > apps.get(best).map_or(0, Vec::len) {
            best = app;
        }
    }
    best
}
