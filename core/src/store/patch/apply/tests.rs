//! Ownership of fields, row by row.

use super::*;
use crate::api::schema::of_kind;
use serde_json::json;

fn service() -> TypeRef {
    of_kind("v1", "Service").expect("a Service")
}

fn writer(manager: &str) -> Writer<'_> {
    Writer {
        manager,
        api_version: "v1",
        subresource: "",
        time: "2026-11-19T23:12:03Z",
    }
}

fn config(port: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "api", "namespace": "default", "labels": {"app": "api"}}, "spec": {"ports": [port], "selector": {"app": "api"}}})
}

fn created(manager: &str) -> Value {
    let new = encoded(
        &json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "api", "namespace": "default", "labels": {"app": "api"}}, "spec": {"ports": [{"port": 80, "protocol": "TCP", "targetPort": 8080}, {"port": 443, "protocol": "TCP", "targetPort": 8443}], "selector": {"app": "api"}, "type": "ClusterIP", "sessionAffinity": "None"}}),
        service(),
    );
    update(None, &new, writer(manager), service())
}

fn owners(object: &Value) -> Vec<(String, Operation, String)> {
    managed_fields(object)
        .into_iter()
        .map(|it| (it.manager, it.operation, it.fields.to_text()))
        .collect()
}

#[test]
fn a_created_service_belongs_to_its_creator_as_kubernetes_prints_it() {
    let object = created("kubectl-create");
    assert_eq!(
        owners(&object),
        [(
            "kubectl-create".to_owned(),
            Operation::Update,
            r#"{"f:metadata":{"f:labels":{".":{},"f:app":{}}},"f:spec":{"f:ports":{".":{},"k:{\"port\":80,\"protocol\":\"TCP\"}":{".":{},"f:port":{},"f:protocol":{},"f:targetPort":{}},"k:{\"port\":443,\"protocol\":\"TCP\"}":{".":{},"f:port":{},"f:protocol":{},"f:targetPort":{}}},"f:selector":{},"f:sessionAffinity":{},"f:type":{}}}"#.to_owned()
        )]
    );
    let entry = object
        .pointer("/metadata/managedFields/0")
        .expect("an entry");
    assert_eq!(entry["time"], json!("2026-11-19T23:12:03Z"));
    assert_eq!(entry["fieldsType"], json!("FieldsV1"));
}

#[test]
fn an_update_takes_what_it_changes_and_only_that() {
    let live = created("kubectl-create");
    let mut new = live.clone();
    new["metadata"]["labels"]["tier"] = json!("web");
    new["spec"]["type"] = json!("NodePort");
    let object = update(Some(&live), &new, writer("kubectl-edit"), service());
    let owners = owners(&object);
    assert_eq!(owners.len(), 2);
    assert!(!owners[0].2.contains("f:type"), "{}", owners[0].2);
    assert_eq!(
        owners[1].2,
        r#"{"f:metadata":{"f:labels":{"f:tier":{}}},"f:spec":{"f:type":{}}}"#
    );
    let same = update(Some(&object), &object, writer("someone"), service());
    assert_eq!(same, object);
}

#[test]
fn another_value_is_a_conflict_and_force_takes_the_field() {
    let live = created("kubectl-create");
    let wanted = config(&json!({"port": 80, "targetPort": 9090}));
    let error = apply(
        Some(&live),
        &wanted,
        writer("third"),
        service(),
        OnConflict::Fail,
    )
    .expect_err("a conflict");
    assert_eq!(
        error.to_string(),
        "Apply failed with 1 conflict: conflict with \"kubectl-create\" using v1: .spec.ports[port=80,protocol=\"TCP\"].targetPort"
    );
    let object = apply(
        Some(&live),
        &wanted,
        writer("third"),
        service(),
        OnConflict::Force,
    )
    .expect("forced");
    assert_eq!(
        object.pointer("/spec/ports/0/targetPort"),
        Some(&json!(9090))
    );
    assert_eq!(object.pointer("/spec/ports/1/port"), Some(&json!(443)));
    let owners = owners(&object);
    assert_eq!(owners[0].1, Operation::Apply);
    assert_eq!(
        owners[0].2,
        r#"{"f:metadata":{"f:labels":{"f:app":{}}},"f:spec":{"f:ports":{"k:{\"port\":80,\"protocol\":\"TCP\"}":{".":{},"f:port":{},"f:targetPort":{}}},"f:selector":{}}}"#
    );
    // Now an applier owns it, and appliers are named without a version; a selector is one value.
    let mut other = config(&json!({"port": 80, "targetPort": 7070}));
    other["spec"]["selector"] = json!({"app": "other"});
    let error = apply(
        Some(&object),
        &other,
        writer("fourth"),
        service(),
        OnConflict::Fail,
    )
    .expect_err("a conflict");
    assert_eq!(
        error.to_string(),
        "Apply failed with 3 conflicts: conflicts with \"kubectl-create\" using v1:\n- .spec.selector\nconflicts with \"third\":\n- .spec.selector\n- .spec.ports[port=80,protocol=\"TCP\"].targetPort"
    );
    let ApplyError::Conflicts(conflicts) = error else {
        panic!("conflicts")
    };
    assert_eq!(
        conflicts[0].cause(),
        "conflict with \"kubectl-create\" using v1"
    );
}

#[test]
fn a_field_no_longer_applied_goes_unless_somebody_else_owns_it() {
    let mut first = config(&json!({"port": 80, "targetPort": 8080, "name": "http"}));
    first["metadata"]["annotations"] = json!({"a": "1"});
    let live = apply(None, &first, writer("one"), service(), OnConflict::Fail).expect("created");
    let shared = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "api", "labels": {"app": "api"}}});
    let live = apply(
        Some(&live),
        &shared,
        writer("two"),
        service(),
        OnConflict::Fail,
    )
    .expect("shared");
    let less = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "api", "namespace": "default"}, "spec": {"ports": [{"port": 80}], "selector": {"app": "api"}}});
    let object = apply(
        Some(&live),
        &less,
        writer("one"),
        service(),
        OnConflict::Fail,
    )
    .expect("applied");
    assert_eq!(
        object.pointer("/metadata/labels"),
        Some(&json!({"app": "api"}))
    );
    assert_eq!(object.pointer("/metadata/annotations"), None);
    assert_eq!(object.pointer("/spec/ports"), Some(&json!([{"port": 80}])));
    assert_eq!(object.pointer("/metadata/name"), Some(&json!("api")));
    let gone = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "api"}});
    let object = apply(
        Some(&object),
        &gone,
        writer("one"),
        service(),
        OnConflict::Fail,
    )
    .expect("applied");
    assert_eq!(object.pointer("/spec/ports"), None);
    assert_eq!(object.pointer("/spec/selector"), None);
}

#[test]
fn applying_twice_changes_nothing_and_keeps_the_time() {
    let wanted = config(&json!({"port": 80, "targetPort": 8080}));
    let once = apply(None, &wanted, writer("one"), service(), OnConflict::Fail).expect("created");
    let later = Writer {
        time: "2026-11-20T00:00:00Z",
        ..writer("one")
    };
    assert_eq!(
        apply(Some(&once), &wanted, later, service(), OnConflict::Fail),
        Ok(once)
    );
}

#[test]
fn kubectl_may_change_what_its_client_side_apply_had_set() {
    let mut live = created("kubectl-client-side-apply");
    let applied = config(&json!({"port": 80, "targetPort": 8080}));
    live["metadata"]["annotations"] = json!({LAST_APPLIED: format!("{applied}\n")});
    let wanted = config(&json!({"port": 80, "targetPort": 9090}));
    let object = apply(
        Some(&live),
        &wanted,
        writer("kubectl"),
        service(),
        OnConflict::Fail,
    )
    .expect("allowed");
    assert_eq!(
        object
            .pointer("/metadata/annotations")
            .and_then(|it| it.get(LAST_APPLIED)),
        Some(&json!(format!("{wanted}\n")))
    );
    let other = apply(
        Some(&live),
        &wanted,
        writer("argo"),
        service(),
        OnConflict::Fail,
    );
    assert!(matches!(other, Err(ApplyError::Conflicts(it)) if it.len() == 1));
    live["spec"]["ports"][0]["targetPort"] = json!(1);
    let changed = apply(
        Some(&live),
        &wanted,
        writer("kubectl"),
        service(),
        OnConflict::Fail,
    );
    assert!(changed.is_err(), "somebody changed it since");
}

#[test]
fn a_configuration_that_is_no_service_is_refused() {
    for (spec, expected) in [
        (
            json!({"prots": []}),
            "failed to create typed patch object (default/api; /v1, Kind=Service): .spec.prots: field not declared in schema",
        ),
        (
            json!({"ports": "x"}),
            "failed to create typed patch object (default/api; /v1, Kind=Service): .spec.ports: expected list, got &{x}",
        ),
        (
            json!({"ports": [{"port": 80}, {"port": 80, "protocol": "TCP"}]}),
            "failed to create typed patch object (default/api; /v1, Kind=Service): .spec.ports: duplicate entries for key [port=80,protocol=\"TCP\"]",
        ),
        (
            json!({"ports": [{"name": "a"}]}),
            "failed to create typed patch object (default/api; /v1, Kind=Service): .spec.ports: element 0: associative list with keys has an element that omits key field \"port\" (and doesn't have default value)",
        ),
    ] {
        let mut wanted = config(&json!({"port": 80}));
        wanted["spec"] = spec;
        let error =
            apply(None, &wanted, writer("a"), service(), OnConflict::Fail).expect_err("refused");
        assert_eq!(error.to_string(), expected);
    }
    let mut wanted = config(&json!({"port": 80}));
    wanted["metadata"]["managedFields"] = json!([]);
    assert_eq!(
        apply(None, &wanted, writer("a"), service(), OnConflict::Fail),
        Err(ApplyError::BadRequest(
            "metadata.managedFields must be nil".into()
        ))
    );
}

#[test]
fn sets_lists_and_statuses_are_owned_by_their_rules() {
    let with = |finalizers: Value| json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "api", "finalizers": finalizers}});
    let live = apply(
        None,
        &with(json!(["a", "b"])),
        writer("one"),
        service(),
        OnConflict::Fail,
    )
    .expect("applied");
    let live = apply(
        Some(&live),
        &with(json!(["c", "b"])),
        writer("two"),
        service(),
        OnConflict::Fail,
    )
    .expect("no conflict in a set");
    let live = apply(
        Some(&live),
        &with(json!(["a"])),
        writer("one"),
        service(),
        OnConflict::Fail,
    )
    .expect("applied");
    assert_eq!(
        live.pointer("/metadata/finalizers"),
        Some(&json!(["a", "c", "b"]))
    );
    assert_eq!(
        owners(&live)[0].2,
        r#"{"f:metadata":{"f:finalizers":{"v:\"a\"":{}}}}"#
    );
    let status = Writer {
        subresource: "status",
        ..writer("cloud")
    };
    let mut new = live.clone();
    new["status"] = json!({"loadBalancer": {"ingress": [{"ip": "1.2.3.4"}]}});
    new["spec"] = json!({"type": "NodePort"});
    let object = update(Some(&live), &new, status, service());
    let entry = managed_fields(&object)
        .into_iter()
        .find(|it| it.manager == "cloud")
        .expect("an entry");
    assert_eq!(
        entry.fields.to_text(),
        r#"{"f:status":{"f:loadBalancer":{"f:ingress":{}}}}"#
    );
    assert_eq!(entry.subresource, "status");
}

#[test]
fn at_most_ten_updaters_are_kept_apart() {
    let mut object = created("m0");
    for n in 1..15 {
        let mut new = object.clone();
        new["metadata"]["labels"][format!("l{n}")] = json!("x");
        let (manager, time) = (format!("m{n:02}"), format!("2026-11-20T00:00:{n:02}Z"));
        let writer = Writer {
            time: &time,
            ..writer(&manager)
        };
        object = update(Some(&object), &new, writer, service());
    }
    let managers: Vec<String> = managed_fields(&object)
        .into_iter()
        .map(|it| it.manager)
        .collect();
    assert_eq!(managers.len(), 10);
    assert_eq!(managers[0], "ancient-changes");
    let all = managed_fields(&object)
        .into_iter()
        .fold(FieldSet::default(), |all, it| all.union(&it.fields));
    assert!(all.to_text().contains("f:l14") && all.to_text().contains("f:l1\""));
}

#[test]
fn a_set_of_fields_reads_back_as_it_was_written() {
    let object = created("a");
    for entry in managed_fields(&object) {
        assert_eq!(FieldSet::from_value(&entry.fields.to_value()), entry.fields);
        let read: Value = serde_json::from_str(&entry.fields.to_text()).expect("JSON");
        assert_eq!(read, entry.fields.to_value());
    }
}
