//! Patches against what a real kubectl sent, and laws that hold for any document.
//!
//! `tests/cases/kubectl-patches.json` holds client-side applies by kubectl 1.32.5: ours must make the very same patches.
//!
//! **Left out**: answers of a real server; those recorded come from an imitated one and are compared only where the
//! patch itself speaks.

use packetwalk_core::api::schema::{
    FieldValidation, TypeRef, check, encoded, go_print, of_kind, restore, verdict,
};
use packetwalk_core::store::patch::apply::{OnConflict, Writer, apply, managed_fields, update};
use packetwalk_core::store::patch::{
    json_patch, merge_patch, merge_patch_between, strategic_merge_patch, three_way_merge_patch,
    three_way_strategic_patch, two_way_strategic_patch,
};
use packetwalk_tests::root;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

fn cases(name: &str) -> Vec<Value> {
    let path = root().join("tests/cases/kubectl-patches.json");
    let text = std::fs::read_to_string(path).expect("the cases are there");
    let mut all: Value = serde_json::from_str(&text).expect("the cases are JSON");
    let Value::Array(cases) = all[name].take() else {
        panic!("{name} is a list of cases");
    };
    cases
}

fn type_of(object: &Value) -> TypeRef {
    let text = |name: &str| object[name].as_str().unwrap_or_default();
    of_kind(text("apiVersion"), text("kind")).expect("a kind of the table")
}

/// A manifest with the annotation that client-side apply gives it.
fn annotated(object: &Value, config: &Value) -> Value {
    let mut config = config.clone();
    config["metadata"]["namespace"] = json!("default");
    let annotations = &mut config["metadata"]["annotations"];
    if annotations.is_null() {
        *annotations = json!({});
    }
    let text = format!("{config}\n");
    let mut object = object.clone();
    object["metadata"]["namespace"] = json!("default");
    if object["metadata"]["annotations"].is_null() {
        object["metadata"]["annotations"] = json!({});
    }
    object["metadata"]["annotations"][LAST_APPLIED] = Value::from(text);
    object
}

#[test]
fn a_client_side_apply_sends_what_kubectl_sends() {
    let cases = cases("apply");
    let mut wrong = Vec::new();
    for case in &cases {
        let live = annotated(&case["live"], &case["applied"]);
        let modified = annotated(&case["manifest"], &case["manifest"]);
        let made = three_way_strategic_patch(&case["applied"], &modified, &live, type_of(&live));
        if made.as_ref() != Ok(&case["body"]) {
            wrong.push(format!(
                "{}\n  ours     {made:?}\n  kubectl's {}",
                case["name"], case["body"]
            ));
        }
    }
    assert!(cases.len() >= 40);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_kubectl_sent_makes_the_live_object_say_what_the_manifest_says() {
    // Client-side apply cannot tell two ports of one number apart, and really loses one.
    const LOST: &str = "one of two protocols removed";
    for case in cases("apply") {
        let live = annotated(&case["live"], &case["applied"]);
        let result = strategic_merge_patch(&live, &case["body"], type_of(&live)).expect("it fits");
        let holds = says(&result, &case["manifest"]);
        assert_eq!(holds, case["name"] != LOST, "{}\n{result}", case["name"]);
    }
}

/// Whether a document says all that another one says; items of lists may have company.
fn says(document: &Value, wanted: &Value) -> bool {
    match (document, wanted) {
        (_, Value::Null) => document.is_null(),
        (Value::Object(document), Value::Object(wanted)) => wanted
            .iter()
            .all(|(key, wanted)| says(document.get(key).unwrap_or(&Value::Null), wanted)),
        (Value::Array(document), Value::Array(wanted)) => wanted
            .iter()
            .all(|wanted| document.iter().any(|it| says(it, wanted))),
        _ => document == wanted,
    }
}

#[test]
fn recorded_patches_have_the_recorded_effect() {
    let cases = cases("recorded");
    for case in &cases {
        let (live, body) = (&case["live"], &case["body"]);
        let of = type_of(live);
        let result = match case["type"].as_str() {
            Some("merge-patch") => merge_patch(live, body),
            Some("json-patch") => json_patch(live, body),
            _ => strategic_merge_patch(live, body, of),
        };
        let result = result.unwrap_or_else(|it| panic!("{}: {it}", case["id"]));
        if case["status"] != json!(200) {
            let reason = restore(&result, of).expect_err("the server refused it");
            let value = packetwalk_core::api::schema::quoted(&go_print(body));
            let message = format!(" \"\" is invalid: patch: Invalid value: {value}: {reason}");
            assert_eq!(case["answer"], json!(message));
            continue;
        }
        // An unknown field gets lost on the way into the Go type, as does what is empty.
        let result = encoded(&result, of);
        let answer = encoded(&case["answer"], of);
        if let Value::Array(operations) = body {
            for path in operations.iter().filter_map(|it| it["path"].as_str()) {
                assert_eq!(result.pointer(path), answer.pointer(path), "{}", case["id"]);
            }
            continue;
        }
        assert!(
            agree(&result, &answer, body, live),
            "{}\n{result}\n{answer}",
            case["id"]
        );
    }
    assert!(cases.len() >= 25);
}

/// Whether two documents agree wherever a patch sets something that the live object had otherwise.
fn agree(ours: &Value, theirs: &Value, patch: &Value, live: &Value) -> bool {
    match patch {
        Value::Object(map) => map
            .iter()
            .filter(|it| !it.0.starts_with('$'))
            .all(|(key, patch)| {
                let at = |it: &Value| it.get(key).cloned().unwrap_or_default();
                agree(&at(ours), &at(theirs), patch, &at(live))
            }),
        Value::Array(_) => says(theirs, ours) || ours == live,
        _ => ours == theirs,
    }
}

#[test]
fn patched_documents_with_unknown_fields_are_judged_by_the_mode() {
    let service = of_kind("v1", "Service").expect("a Service");
    let live = json!({"apiVersion": "v1", "kind": "Service", "spec": {"ports": [{"port": 80}]}});
    let result =
        strategic_merge_patch(&live, &json!({"spec": {"foo": 1}}), service).expect("it fits");
    assert_eq!(
        restore(&result, service),
        Ok(vec!["unknown field \"spec.foo\"".to_owned()])
    );
    let faults = check(&result, service);
    assert_eq!(
        verdict(&faults, FieldValidation::Warn),
        Ok(vec!["unknown field \"spec.foo\"".to_owned()])
    );
}

/// Any JSON, not too large.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-z$/~-]{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            proptest::collection::btree_map(key(), inner, 0..5)
                .prop_map(|it| Value::Object(it.into_iter().collect())),
        ]
    })
}

/// Keys that mean something, and some that do not.
fn key() -> impl Strategy<Value = String> {
    const KNOWN: [&str; 22] = [
        "metadata",
        "labels",
        "finalizers",
        "spec",
        "ports",
        "port",
        "protocol",
        "selector",
        "status",
        "name",
        "$patch",
        "$retainKeys",
        "$setElementOrder/ports",
        "$deleteFromPrimitiveList/finalizers",
        "managedFields",
        "fieldsV1",
        "f:spec",
        "template",
        "containers",
        "strategy",
        "volumes",
        "annotations",
    ];
    prop_oneof![
        6 => (0..KNOWN.len()).prop_map(|it| KNOWN.get(it).copied().unwrap_or("a").to_owned()),
        1 => "[a-z$]{1,4}",
    ]
}

/// An object without a null in any object.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let kept = map.into_iter().filter(|(_, it)| !it.is_null());
            Value::Object(kept.map(|(key, it)| (key, without_nulls(it))).collect())
        }
        other => other,
    }
}

fn object(value: Value) -> Value {
    match value {
        Value::Object(map) => Value::Object(map),
        other => Value::Object(Map::from_iter([("spec".to_owned(), other)])),
    }
}

/// A Service such as a person could write.
fn any_service() -> impl Strategy<Value = Value> {
    let names = proptest::sample::subsequence(vec!["a", "b", "c", "d"], 0..4);
    let labels = proptest::collection::btree_map("[a-c]", "[x-z]", 0..3);
    let ports = proptest::sample::subsequence(vec![80, 81, 82, 443], 0..4).prop_shuffle();
    (
        names.prop_shuffle(),
        labels,
        ports,
        proptest::collection::vec(0..4_u8, 4),
        any::<bool>(),
    )
        .prop_map(|(finalizers, labels, ports, kinds, is_headless)| {
            let ports: Vec<Value> = ports
                .iter()
                .zip(kinds)
                .map(|(port, kind)| match kind {
                    0 => json!({"port": port}),
                    1 => json!({"port": port, "protocol": "UDP"}),
                    2 => json!({"port": port, "name": format!("p{port}"), "targetPort": 8080}),
                    _ => json!({"port": port, "targetPort": "http"}),
                })
                .collect();
            let mut service = json!({
                "apiVersion": "v1", "kind": "Service",
                "metadata": {"name": "api", "labels": labels, "finalizers": finalizers},
                "spec": {"ports": ports, "selector": labels}
            });
            if is_headless {
                service["spec"]["clusterIP"] = json!("None");
            }
            service
        })
}

fn writer(manager: &str) -> Writer<'_> {
    Writer {
        manager,
        api_version: "v1",
        subresource: "",
        time: "2026-11-19T23:12:03Z",
    }
}

fn service() -> TypeRef {
    of_kind("v1", "Service").expect("a Service")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_merge_patch_between_two_documents_makes_one_of_the_other(a in any_json(), b in any_json()) {
        let (a, b) = (object(a), without_nulls(object(b)));
        let patch = merge_patch_between(&a, &b);
        prop_assert_eq!(merge_patch(&a, &patch), Ok(b.clone()));
        prop_assert_eq!(merge_patch_between(&b, &b), json!({}));
        prop_assert_eq!(three_way_merge_patch(&b, &b, &b), json!({}));
    }

    #[test]
    fn a_merge_patch_done_twice_is_done_once(a in any_json(), patch in any_json()) {
        let once = merge_patch(&a, &patch).expect("shallow");
        prop_assert_eq!(merge_patch(&once, &patch), Ok(once.clone()));
    }

    #[test]
    fn no_json_patch_brings_us_down(document in any_json(), ops in proptest::collection::vec(operation(), 0..6), other in any_json()) {
        let _ = json_patch(&document, &Value::from(ops));
        let _ = json_patch(&document, &other);
    }

    #[test]
    fn no_document_brings_us_down(a in any_json(), b in any_json(), c in any_json()) {
        for of in [service(), of_kind("apps/v1", "Deployment").expect("a Deployment")] {
            let _ = (check(&a, of), restore(&a, of), encoded(&a, of));
            let _ = strategic_merge_patch(&a, &b, of);
            let _ = (two_way_strategic_patch(&a, &b, of), three_way_strategic_patch(&a, &b, &c, of));
            let _ = update(Some(&a), &b, writer("m"), of);
            let _ = apply(Some(&a), &b, writer("m"), of, OnConflict::Force);
        }
    }

    #[test]
    fn a_strategic_patch_between_two_services_makes_one_of_the_other(a in any_service(), b in any_service()) {
        let patch = two_way_strategic_patch(&a, &b, service()).expect("a patch");
        prop_assert_eq!(strategic_merge_patch(&a, &patch, service()), Ok(b.clone()), "{}", patch);
        prop_assert_eq!(two_way_strategic_patch(&b, &b, service()), Ok(json!({})));
        prop_assert_eq!(three_way_strategic_patch(&b, &b, &b, service()), Ok(json!({})));
    }

    #[test]
    fn a_client_side_apply_makes_the_live_service_say_what_was_applied(first in any_service(), second in any_service(), live in any_service()) {
        let patch = three_way_strategic_patch(&first, &second, &live, service()).expect("a patch");
        let result = strategic_merge_patch(&live, &patch, service()).expect("it fits");
        prop_assert!(says(&result, &second), "{patch}\n{result}");
    }

    #[test]
    fn an_apply_says_what_was_applied_owns_it_and_is_done_once(live in any_service(), config in any_service()) {
        let live = update(None, &encoded(&live, service()), writer("creator"), service());
        let once = apply(Some(&live), &config, writer("applier"), service(), OnConflict::Force).expect("forced");
        prop_assert!(says(&once, &without_empty(config.clone())), "{once}");
        prop_assert!(managed_fields(&once).iter().any(|it| it.manager == "applier"));
        let twice = apply(Some(&once), &config, writer("applier"), service(), OnConflict::Fail);
        prop_assert_eq!(twice, Ok(once));
    }

    #[test]
    fn what_one_applier_set_goes_with_it(live in any_service(), config in any_service()) {
        let live = update(None, &encoded(&live, service()), writer("creator"), service());
        let with = apply(Some(&live), &config, writer("applier"), service(), OnConflict::Force).expect("forced");
        let bare = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "api"}});
        let without = apply(Some(&with), &bare, writer("applier"), service(), OnConflict::Fail).expect("nobody minds");
        let ports = |it: &Value| it["spec"]["ports"].as_array().cloned().unwrap_or_default();
        let owned_before = ports(&live);
        for port in ports(&without) {
            prop_assert!(owned_before.iter().any(|it| it["port"] == port["port"]), "{without}");
        }
    }
}

/// A document without its empty lists and objects, which a merge may leave out.
fn without_empty(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let kept = map.into_iter().map(|(key, it)| (key, without_empty(it)));
            let is_bare = |it: &Value| *it == json!([]) || *it == json!({});
            Value::Object(kept.filter(|(_, it)| !is_bare(it)).collect())
        }
        other => other,
    }
}

fn operation() -> impl Strategy<Value = Value> {
    let op = proptest::sample::select(vec![
        "add", "remove", "replace", "move", "copy", "test", "x",
    ]);
    let part = prop_oneof![
        Just("spec".to_owned()),
        Just("ports".to_owned()),
        Just("-".to_owned()),
        Just("~1~0~".to_owned()),
        (-3..9_i32).prop_map(|it| it.to_string()),
        Just("99999999999999999999".to_owned()),
        Just(String::new()),
    ];
    let path = proptest::collection::vec(part, 0..4).prop_map(|it| format!("/{}", it.join("/")));
    (op, path.clone(), path, any_json(), 0..8_u8).prop_map(|(op, path, from, value, kept)| {
        let mut operation = json!({"op": op, "path": path, "from": from, "value": value});
        if let (0, Value::Object(map)) = (kept, &mut operation) {
            map.remove("path");
            map.remove("value");
        }
        operation
    })
}
