//! Deployments, ReplicaSets, StatefulSets: counts, selectors, templates.
//!
//! `pkg/apis/apps/validation/validation.go` of Kubernetes 1.36.
//!
//! **Left out**: claims for volumes; a StatefulSet's pod spec, which the server does not check either.

use super::{Errors, pod, printed, text};
use crate::api::{FieldError, LabelSelector, label_value_faults, qualified_name_faults, quoted};
use serde_json::Value;

/// What is wrong with a Deployment.
pub(super) fn check_deployment(spec: &Value, errors: &mut Errors) {
    errors.natural(spec, "replicas", "spec");
    check_selector(spec, "empty selector is invalid for deployment", errors);
    check_template(spec, errors);
    check_strategy(&spec["strategy"], errors);
    errors.natural(spec, "minReadySeconds", "spec");
    errors.natural(spec, "revisionHistoryLimit", "spec");
    errors.natural(spec, "progressDeadlineSeconds", "spec");
    let ready_secs = spec["minReadySeconds"].as_i64().unwrap_or(0);
    if let Some(secs) = spec["progressDeadlineSeconds"]
        .as_i64()
        .filter(|it| *it <= ready_secs)
    {
        let field = "spec.progressDeadlineSeconds".to_owned();
        errors.invalid(field, secs, "must be greater than minReadySeconds");
    }
}

/// What is wrong with a ReplicaSet.
pub(super) fn check_replica_set(spec: &Value, errors: &mut Errors) {
    errors.natural(spec, "replicas", "spec");
    errors.natural(spec, "minReadySeconds", "spec");
    // The server says "deployment" here too.
    check_selector(spec, "empty selector is invalid for deployment", errors);
    check_template(spec, errors);
}

/// What is wrong with a StatefulSet.
pub(super) fn check_stateful_set(spec: &Value, errors: &mut Errors) {
    let policy = text(spec, "podManagementPolicy");
    if !["OrderedReady", "Parallel"].contains(&policy) {
        let why = "must be 'OrderedReady' or 'Parallel'";
        errors.invalid("spec.podManagementPolicy".to_owned(), quoted(policy), why);
    }
    let partition = &spec["updateStrategy"]["rollingUpdate"];
    errors.natural(partition, "partition", "spec.updateStrategy.rollingUpdate");
    errors.natural(spec, "replicas", "spec");
    errors.natural(spec, "minReadySeconds", "spec");
    errors.natural(&spec["ordinals"], "start", "spec.ordinals");
    check_selector(spec, "empty selector is invalid for statefulset", errors);
    check_template_labels(spec, errors);
    let restart = text(&spec["template"]["spec"], "restartPolicy");
    check_restart(restart, errors);
}

/// What may change of a StatefulSet that is there.
pub(super) fn check_stateful_set_update(new: &Value, old: &Value, errors: &mut Errors) {
    let mut free = vec![
        "replicas",
        "ordinals",
        "template",
        "updateStrategy",
        "persistentVolumeClaimRetentionPolicy",
        "minReadySeconds",
    ];
    let mut words = "'replicas', 'ordinals', 'template', 'updateStrategy', ".to_owned();
    if errors.version.minor >= 33 {
        free.push("revisionHistoryLimit");
        words.push_str("'revisionHistoryLimit', ");
    }
    let fixed = |it: &Value| {
        let mut spec = it["spec"].clone();
        if let Some(fields) = spec.as_object_mut() {
            fields.retain(|name, _| !free.contains(&name.as_str()));
        }
        spec
    };
    check_stateful_set(&new["spec"], errors);
    if fixed(new) != fixed(old) {
        let why = format!(
            "updates to statefulset spec for fields other than {words}'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"
        );
        errors.forbidden("spec".to_owned(), &why);
    }
}

/// A selector stays as it was made.
pub(super) fn check_selector_kept(new: &Value, old: &Value, errors: &mut Errors) {
    let selector = |it: &Value| printed::selector(&it["spec"]["selector"]);
    if selector(new) != selector(old) {
        let printed = printed::printed_selector(&selector(new), errors.version);
        errors.invalid("spec.selector".to_owned(), printed, "field is immutable");
    }
}

fn check_selector(spec: &Value, empty: &str, errors: &mut Errors) {
    if spec["selector"].is_null() {
        return errors.required("spec.selector".to_owned(), "");
    }
    let selector = printed::selector(&spec["selector"]);
    check_label_selector(&selector, "spec.selector", errors);
    if selector.is_empty() {
        let printed = printed::printed_selector(&selector, errors.version);
        errors.invalid("spec.selector".to_owned(), printed, empty);
    }
}

/// What is wrong with a label selector.
pub(super) fn check_label_selector(selector: &LabelSelector, path: &str, errors: &mut Errors) {
    let field = format!("{path}.matchLabels");
    errors.found.extend(crate::api::validate_labels(
        &selector.match_labels,
        &field,
        errors.version,
    ));
    for (n, it) in selector.match_expressions.iter().enumerate() {
        let path = format!("{path}.matchExpressions[{n}]");
        match it.operator.as_str() {
            "In" | "NotIn" if it.values.is_empty() => {
                let why = "must be specified when `operator` is 'In' or 'NotIn'";
                errors.required(format!("{path}.values"), why);
            }
            "Exists" | "DoesNotExist" if !it.values.is_empty() => {
                let why = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
                errors.forbidden(format!("{path}.values"), why);
            }
            "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
            other => errors.invalid(
                format!("{path}.operator"),
                quoted(other),
                "not a valid selector operator",
            ),
        }
        errors.text(
            &format!("{path}.key"),
            &it.key,
            qualified_name_faults(&it.key, errors.version),
        );
        for (at, value) in it.values.iter().enumerate() {
            errors.text(
                &format!("{path}.values[{at}]"),
                value,
                label_value_faults(value),
            );
        }
    }
}

fn check_template_labels(spec: &Value, errors: &mut Errors) {
    let labels = printed::texts(&spec["template"]["metadata"]["labels"]);
    let selector = printed::selector(&spec["selector"]);
    // To no selector at all nothing belongs; to an empty one everything.
    let is_met = !spec["selector"].is_null() && selector.selects(&labels);
    if !is_met {
        let printed = printed::labels(&labels, errors.version);
        let why = "`selector` does not match template `labels`";
        errors.invalid("spec.template.metadata.labels".to_owned(), printed, why);
    }
    errors.labels(
        &spec["template"]["metadata"]["labels"],
        "spec.template.labels",
    );
}

fn check_template(spec: &Value, errors: &mut Errors) {
    check_template_labels(spec, errors);
    let template = &spec["template"]["spec"];
    pod::check_spec(template, "spec.template.spec", errors);
    check_restart(text(template, "restartPolicy"), errors);
    if !template["activeDeadlineSeconds"].is_null() {
        let why = "activeDeadlineSeconds in ReplicaSet is not Supported";
        errors.forbidden("spec.template.spec.activeDeadlineSeconds".to_owned(), why);
    }
}

fn check_restart(policy: &str, errors: &mut Errors) {
    if policy != "Always" {
        let field = "spec.template.spec.restartPolicy";
        errors.push(FieldError::not_supported(field, policy, &["Always"]));
    }
}

fn check_strategy(strategy: &Value, errors: &mut Errors) {
    let rolling = &strategy["rollingUpdate"];
    match text(strategy, "type") {
        "Recreate" => {
            if !rolling.is_null() {
                let why = "may not be specified when strategy `type` is 'Recreate'";
                errors.forbidden("spec.strategy.rollingUpdate".to_owned(), why);
            }
        }
        "RollingUpdate" => {
            let path = "spec.strategy.rollingUpdate";
            for name in ["maxUnavailable", "maxSurge"] {
                check_share(&rolling[name], &format!("{path}.{name}"), errors);
            }
            let share = &rolling["maxUnavailable"];
            if is_nothing(share) && is_nothing(&rolling["maxSurge"]) {
                let why = "may not be 0 when `maxSurge` is 0";
                errors.invalid(format!("{path}.maxUnavailable"), printed_share(share), why);
            }
            if percent(share).is_some_and(|it| it > 100) {
                let why = "must not be greater than 100%";
                errors.invalid(format!("{path}.maxUnavailable"), printed_share(share), why);
            }
        }
        other => {
            let supported = ["Recreate", "RollingUpdate"];
            errors.push(FieldError::not_supported(
                "spec.strategy.type",
                other,
                &supported,
            ));
        }
    }
}

fn percent(share: &Value) -> Option<i64> {
    share.as_str()?.strip_suffix('%')?.parse().ok()
}

fn is_nothing(share: &Value) -> bool {
    percent(share).or_else(|| share.as_i64()) == Some(0)
}

fn printed_share(share: &Value) -> String {
    match share {
        Value::String(it) => quoted(it),
        other => other.to_string(),
    }
}

fn check_share(share: &Value, field: &str, errors: &mut Errors) {
    match share {
        Value::String(it) if percent(share).is_none() => {
            let why = "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')";
            errors.push(FieldError::invalid_text(field, it, why));
        }
        Value::Number(it) if it.as_i64().is_some_and(|it| it < 0) => {
            errors.invalid(field.to_owned(), it, "must be greater than or equal to 0");
        }
        _ => {}
    }
}
