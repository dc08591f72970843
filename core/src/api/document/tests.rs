//! Defaults and checks of documents, one row each.

use super::{set_defaults, validate, validate_update};
use crate::api::schema;
use crate::api::{Kind, KubernetesVersion};
use serde_json::{Value, json};

fn version(minor: u16) -> KubernetesVersion {
    KubernetesVersion { major: 1, minor }
}

fn told(kind: Kind, mut document: Value) -> String {
    set_defaults(kind, &mut document);
    let errors = validate(kind, &document, version(33));
    let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

fn changed(kind: Kind, new: Value, mut old: Value) -> String {
    let mut new = new;
    set_defaults(kind, &mut new);
    set_defaults(kind, &mut old);
    let errors = validate_update(kind, &new, &old, version(33));
    let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "rows read better without borrows"
)]
fn deployment(selector: Value, labels: Value, containers: Value) -> Value {
    json!({"spec": {"selector": selector, "template": {"metadata": {"labels": labels}, "spec": {"containers": containers}}}})
}

#[test]
fn every_default_names_a_field_of_its_type() {
    for (of, field, value) in super::defaults::table() {
        let known = schema::type_named(of).unwrap_or_else(|| panic!("no type {of}"));
        assert!(known.field(field).is_some(), "{of} has no field {field}");
        assert!(
            serde_json::from_str::<Value>(value).is_ok(),
            "{of}.{field}: {value}"
        );
    }
}

#[test]
fn a_deployment_gets_what_it_leaves_open() {
    let mut it = deployment(
        json!({}),
        json!({"app": "a"}),
        json!([{"name": "c", "image": "nginx:1", "ports": [{"containerPort": 80}], "readinessProbe": {"httpGet": {"port": 80}}}]),
    );
    set_defaults(Kind::Deployment, &mut it);
    let spec = &it["spec"];
    assert_eq!(spec["replicas"], 1);
    assert_eq!(
        spec["strategy"],
        json!({"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"}})
    );
    let pod = &spec["template"]["spec"];
    assert_eq!(
        (&pod["restartPolicy"], &pod["dnsPolicy"]),
        (&json!("Always"), &json!("ClusterFirst"))
    );
    let container = &pod["containers"][0];
    assert_eq!(container["imagePullPolicy"], "IfNotPresent");
    assert_eq!(container["ports"][0]["protocol"], "TCP");
    let probe = json!({"httpGet": {"port": 80, "path": "/", "scheme": "HTTP"}, "timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3});
    assert_eq!(container["readinessProbe"], probe);
}

#[test]
fn images_that_may_change_are_always_pulled() {
    for (image, wanted) in [
        ("nginx", "Always"),
        ("nginx:latest", "Always"),
        ("nginx:1.27", "IfNotPresent"),
        ("host:5000/nginx", "Always"),
        ("host:5000/nginx:1", "IfNotPresent"),
        ("nginx@sha256:00", "IfNotPresent"),
    ] {
        let mut pod = json!({"spec": {"containers": [{"name": "c", "image": image}]}});
        set_defaults(Kind::Pod, &mut pod);
        assert_eq!(
            pod["spec"]["containers"][0]["imagePullPolicy"], wanted,
            "{image}"
        );
    }
}

#[test]
fn mistakes_in_pods_and_templates_are_named() {
    let good = json!([{"name": "c", "image": "x"}]);
    let app = |name: &str| json!({"app": name});
    let selects = |name: &str| json!({"matchLabels": {"app": name}});
    let rows: [(Kind, Value, &str); 12] = [
        (
            Kind::Deployment,
            deployment(selects("a"), app("b"), good.clone()),
            "spec.template.metadata.labels: Invalid value: map[string]string{\"app\":\"b\"}: `selector` does not match template `labels`",
        ),
        (
            Kind::Deployment,
            deployment(Value::Null, app("b"), good.clone()),
            "spec.selector: Required value\nspec.template.metadata.labels: Invalid value: map[string]string{\"app\":\"b\"}: `selector` does not match template `labels`",
        ),
        (
            Kind::Deployment,
            deployment(json!({}), app("b"), good.clone()),
            "spec.selector: Invalid value: v1.LabelSelector{MatchLabels:map[string]string(nil), MatchExpressions:[]v1.LabelSelectorRequirement(nil)}: empty selector is invalid for deployment",
        ),
        (
            Kind::Deployment,
            deployment(selects("a"), app("a"), json!([])),
            "spec.template.spec.containers: Required value",
        ),
        (
            Kind::Pod,
            json!({"spec": {}}),
            "spec.containers: Required value",
        ),
        (
            Kind::Pod,
            json!({"spec": {"containers": [{"name": "c"}]}}),
            "spec.containers[0].image: Required value",
        ),
        (
            Kind::Pod,
            json!({"spec": {"containers": [{"name": "c", "image": "x"}, {"name": "c", "image": "x"}]}}),
            "spec.containers[1].name: Duplicate value: \"c\"",
        ),
        (
            Kind::Pod,
            json!({"spec": {"containers": [{"name": "c", "image": "x", "ports": [{"name": "p", "containerPort": 1}, {"name": "p", "containerPort": 2}]}]}}),
            "spec.containers[0].ports[1].name: Duplicate value: \"p\"",
        ),
        (
            Kind::Pod,
            json!({"spec": {"containers": [{"name": "c", "image": "x", "ports": [{"containerPort": 70000}]}]}}),
            "spec.containers[0].ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive",
        ),
        (
            Kind::Pod,
            json!({"spec": {"containers": [{"name": "c", "image": "x", "readinessProbe": {"httpGet": {"port": 0}}}]}}),
            "spec.containers[0].readinessProbe.httpGet.port: Invalid value: 0: must be between 1 and 65535, inclusive",
        ),
        (
            Kind::Pod,
            json!({"spec": {"containers": [{"name": "c", "image": "x", "livenessProbe": {}}]}}),
            "spec.containers[0].livenessProbe: Required value: must specify a handler type",
        ),
        (
            Kind::Pod,
            json!({"spec": {"restartPolicy": "Sometimes", "containers": good}}),
            "spec.restartPolicy: Unsupported value: \"Sometimes\": supported values: \"Always\", \"OnFailure\", \"Never\"",
        ),
    ];
    for (kind, document, wanted) in rows {
        assert_eq!(told(kind, document.clone()), wanted, "{document}");
    }
}

#[test]
fn mistakes_in_the_network_are_named() {
    let path = |it: Value| json!({"spec": {"rules": [{"http": {"paths": [it]}}]}});
    let backend = json!({"service": {"name": "a", "port": {"number": 80}}});
    let policy = |it: Value| json!({"spec": {"podSelector": {}, "ingress": [it]}});
    let rows: [(Kind, Value, &str); 14] = [
        (
            Kind::Ingress,
            json!({"spec": {}}),
            "spec: Invalid value: []networking.IngressRule(nil): either `defaultBackend` or `rules` must be specified",
        ),
        (
            Kind::Ingress,
            path(json!({"path": "/", "backend": backend})),
            "spec.rules[0].http.paths[0].pathType: Required value: pathType must be specified",
        ),
        (
            Kind::Ingress,
            path(json!({"path": "x", "pathType": "Prefix", "backend": backend})),
            "spec.rules[0].http.paths[0].path: Invalid value: \"x\": must be an absolute path",
        ),
        (
            Kind::Ingress,
            path(json!({"path": "/", "pathType": "Best", "backend": backend})),
            "spec.rules[0].http.paths[0].pathType: Unsupported value: \"Best\": supported values: \"Exact\", \"ImplementationSpecific\", \"Prefix\"",
        ),
        (
            Kind::Ingress,
            path(
                json!({"path": "/", "pathType": "Exact", "backend": {"service": {"name": "a", "port": {}}}}),
            ),
            "spec.rules[0].http.paths[0].backend: Required value: port name or number is required",
        ),
        (
            Kind::Ingress,
            path(json!({"path": "/", "pathType": "Exact", "backend": {}})),
            "spec.rules[0].http.paths[0].backend: Invalid value: \"\": resource or service backend is required",
        ),
        (
            Kind::NetworkPolicy,
            policy(json!({"ports": [{"port": 80, "endPort": 70}]})),
            "spec.ingress[0].ports[0].endPort: Invalid value: 70: must be greater than or equal to `port`",
        ),
        (
            Kind::NetworkPolicy,
            policy(json!({"from": [{}]})),
            "spec.ingress[0].from[0]: Required value: must specify a peer",
        ),
        (
            Kind::NetworkPolicy,
            policy(json!({"from": [{"podSelector": {}, "ipBlock": {"cidr": "10.0.0.0/8"}}]})),
            "spec.ingress[0].from[0]: Forbidden: may not specify both ipBlock and another peer",
        ),
        (
            Kind::NetworkPolicy,
            policy(
                json!({"from": [{"ipBlock": {"cidr": "10.0.0.0/8", "except": ["11.0.0.0/16"]}}]}),
            ),
            "spec.ingress[0].from[0].ipBlock.except[0]: Invalid value: \"11.0.0.0/16\": must be a strict subset of `cidr`",
        ),
        (
            Kind::Endpoints,
            json!({"subsets": [{"ports": [{"port": 80}]}]}),
            "subsets[0]: Required value: must specify `addresses` or `notReadyAddresses`",
        ),
        (
            Kind::EndpointSlice,
            json!({"addressType": "IPv4", "endpoints": [{"addresses": []}]}),
            "endpoints[0].addresses: Required value: must contain at least 1 address",
        ),
        (
            Kind::EndpointSlice,
            json!({"endpoints": []}),
            "addressType: Required value",
        ),
        (
            Kind::ServiceCidr,
            json!({"spec": {"cidrs": ["10.0.0.0/24", "10.0.1.0/24"]}}),
            "spec.cidrs: Invalid value: networking.ServiceCIDRSpec{CIDRs:[]string{\"10.0.0.0/24\", \"10.0.1.0/24\"}}: may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/96",
        ),
    ];
    for (kind, document, wanted) in rows {
        assert_eq!(told(kind, document.clone()), wanted, "{document}");
    }
}

#[test]
fn what_may_not_change_is_refused() {
    let with = |name: &str| {
        deployment(
            json!({"matchLabels": {"app": name}}),
            json!({"app": name}),
            json!([{"name": "c", "image": "x"}]),
        )
    };
    assert_eq!(
        changed(Kind::Deployment, with("b"), with("a")),
        "spec.selector: Invalid value: v1.LabelSelector{MatchLabels:map[string]string{\"app\":\"b\"}, MatchExpressions:[]v1.LabelSelectorRequirement(nil)}: field is immutable"
    );
    let pod = |image: &str, port: u16| json!({"spec": {"containers": [{"name": "c", "image": image, "imagePullPolicy": "Always", "ports": [{"containerPort": port}]}]}});
    assert_eq!(changed(Kind::Pod, pod("y", 80), pod("x", 80)), "");
    assert!(changed(Kind::Pod, pod("x", 81), pod("x", 80)).starts_with(
        "spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,"
    ));
    let slice = |it: &str| json!({"addressType": it});
    assert_eq!(
        changed(Kind::EndpointSlice, slice("IPv6"), slice("IPv4")),
        "addressType: Invalid value: \"IPv6\": field is immutable"
    );
    let set = |name: &str| {
        let mut it = with("a");
        it["spec"]["serviceName"] = name.into();
        it
    };
    assert_eq!(
        changed(Kind::StatefulSet, set("b"), set("a")),
        "spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"
    );
}

#[test]
fn a_key_of_a_config_map_is_a_file_name() {
    assert_eq!(
        told(Kind::ConfigMap, json!({"data": {"..a": "x"}})),
        "data[..a]: Invalid value: \"..a\": must not start with '..'"
    );
    assert!(
        told(Kind::ConfigMap, json!({"data": {"a b": "x"}}))
            .starts_with("data[a b]: Invalid value: \"a b\": a valid config key must consist of")
    );
}

#[test]
fn the_class_of_a_pod_follows_from_its_resources() {
    let pod = |it: Value| json!({"containers": [{"resources": it}]});
    for (resources, wanted) in [
        (json!({}), "BestEffort"),
        (json!({"requests": {"cpu": "1"}}), "Burstable"),
        (
            json!({"limits": {"cpu": "1", "memory": "1Gi"}}),
            "Guaranteed",
        ),
    ] {
        assert_eq!(super::qos_class(&pod(resources)), wanted);
    }
}
