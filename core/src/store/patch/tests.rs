//! Strategic merge patches and JSON patches, row by row. The functions are long because the tables are.

use super::*;
use crate::api::schema::{TypeRef, of_kind};
use serde_json::{Value, json};

fn service() -> TypeRef {
    of_kind("v1", "Service").expect("a Service")
}

fn deployment() -> TypeRef {
    of_kind("apps/v1", "Deployment").expect("a Deployment")
}

fn ports(ports: &Value) -> Value {
    json!({"spec": {"ports": ports}})
}

#[test]
fn lists_merge_by_key_in_the_order_of_the_patch() {
    for (document, patch, expected) in [
        (
            json!([{"port": 80, "targetPort": 8080}, {"port": 81}]),
            json!({"spec": {"ports": [{"port": 80, "name": "http"}]}}),
            json!([{"port": 80, "targetPort": 8080, "name": "http"}, {"port": 81}]),
        ),
        (
            json!([{"port": 80}, {"port": 81}]),
            json!({"spec": {"ports": [{"port": 82}]}}),
            json!([{"port": 82}, {"port": 80}, {"port": 81}]),
        ),
        (
            json!([{"port": 80}, {"port": 81}]),
            json!({"spec": {"ports": [{"$patch": "delete", "port": 80}]}}),
            json!([{"port": 81}]),
        ),
        (
            json!([{"port": 80}, {"port": 81}]),
            json!({"spec": {"ports": [{"$patch": "replace"}, {"port": 9}]}}),
            json!([{"port": 9}]),
        ),
        (
            json!([{"port": 80}, {"port": 81}, {"port": 82}]),
            json!({"spec": {"$setElementOrder/ports": [{"port": 82}, {"port": 80}]}}),
            json!([{"port": 81}, {"port": 82}, {"port": 80}]),
        ),
        (
            json!([{"port": 80}, {"port": 81}]),
            json!({"spec": {"$setElementOrder/ports": [{"port": 82}, {"port": 81}], "ports": [{"port": 82}, {"$patch": "delete", "port": 80}]}}),
            json!([{"port": 82}, {"port": 81}]),
        ),
    ] {
        assert_eq!(
            strategic_merge_patch(&ports(&document), &patch, service()),
            Ok(ports(&expected)),
            "{patch}"
        );
    }
}

#[test]
fn objects_and_plain_lists_follow_their_strategy() {
    for (document, patch, expected) in [
        (
            json!({"spec": {"selector": {"a": "1", "b": "2"}}}),
            json!({"spec": {"selector": {"b": null, "c": "3"}}}),
            json!({"spec": {"selector": {"a": "1", "c": "3"}}}),
        ),
        (
            json!({"spec": {"selector": {"a": "1"}}}),
            json!({"spec": {"selector": {"$patch": "replace", "c": "3"}}}),
            json!({"spec": {"selector": {"c": "3"}}}),
        ),
        (
            json!({"spec": {"selector": {"a": "1"}}}),
            json!({"spec": {"selector": {"$patch": "delete"}}}),
            json!({"spec": {"selector": {}}}),
        ),
        (
            json!({"spec": {"selector": {"a": "1"}}}),
            json!({"spec": {"selector": null}}),
            json!({"spec": {}}),
        ),
        (
            json!({"spec": {}}),
            json!({"spec": {"selector": {"a": null, "b": "1"}}}),
            json!({"spec": {"selector": {"b": "1"}}}),
        ),
        (
            json!({"spec": {"externalIPs": ["1.1.1.1"]}}),
            json!({"spec": {"externalIPs": ["2.2.2.2"]}}),
            json!({"spec": {"externalIPs": ["2.2.2.2"]}}),
        ),
        (
            json!({"metadata": {"finalizers": ["a", "b"]}}),
            json!({"metadata": {"finalizers": ["c", "a"]}}),
            json!({"metadata": {"finalizers": ["c", "a", "b"]}}),
        ),
        (
            json!({"metadata": {"finalizers": ["a", "b"]}}),
            json!({"metadata": {"$deleteFromPrimitiveList/finalizers": ["a"]}}),
            json!({"metadata": {"finalizers": ["b"]}}),
        ),
        (
            json!({"spec": {"type": "NodePort"}}),
            json!({"spec": {"type": "ClusterIP"}}),
            json!({"spec": {"type": "ClusterIP"}}),
        ),
    ] {
        assert_eq!(
            strategic_merge_patch(&document, &patch, service()),
            Ok(expected),
            "{patch}"
        );
    }
    let document =
        json!({"spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}}});
    let patch = json!({"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}});
    assert_eq!(
        strategic_merge_patch(&document, &patch, deployment()),
        Ok(json!({"spec": {"strategy": {"type": "Recreate"}}}))
    );
}

#[test]
fn a_malformed_strategic_patch_is_refused_in_the_servers_words() {
    let document = ports(&json!([{"port": 80}]));
    for (patch, expected) in [
        (json!({"spec": {"$patch": "merge", "a": 1}}), PatchError::Internal("unknown patch type: merge in map: map[$patch:merge a:1]".into())),
        (json!({"spec": {"ports": [{"name": "a"}]}}), PatchError::Internal("map: map[name:a] does not contain declared merge key: port".into())),
        (json!({"spec": {"ports": [{"$patch": "merge"}]}}), PatchError::Internal("merging lists cannot yet be specified in the patch".into())),
        (json!({"spec": {"ports": [[1]]}}), PatchError::Internal("list element types are not identical: [map[port:80] [1]]".into())),
        (json!({"spec": {"$retainKeys": 1}}), PatchError::BadRequest("invalid patch format of retainKeys".into())),
        (json!({"spec": {"$retainKeys": ["a"], "b": 1}}), PatchError::BadRequest("invalid patch format of retainKeys".into())),
        (json!({"spec": {"$setElementOrder/ports": [{"port": 1}], "ports": [{"port": 2}]}}), PatchError::Internal("The order in patch list:\n[map[port:2]]\n doesn't match $setElementOrder list:\n[map[port:1]]\n".into())),
        (json!([1]), PatchError::BadRequest("json: cannot unmarshal array into Go value of type map[string]interface {}".into())),
    ] {
        assert_eq!(strategic_merge_patch(&document, &patch, service()), Err(expected), "{patch}");
    }
}

#[test]
fn a_three_way_patch_removes_what_was_applied_and_leaves_what_the_server_added() {
    let applied = json!({"metadata": {"labels": {"a": "1", "b": "2"}}, "spec": {"ports": [{"port": 80, "name": "x"}, {"port": 81}], "type": "NodePort"}});
    let live = json!({"metadata": {"labels": {"a": "1", "b": "2", "server": "x"}, "uid": "u"}, "spec": {"ports": [{"port": 80, "name": "x", "protocol": "TCP", "nodePort": 30000}, {"port": 81, "protocol": "TCP"}], "type": "NodePort", "clusterIP": "10.96.0.9"}});
    let patch = |modified: &Value| three_way_strategic_patch(&applied, modified, &live, service());
    assert_eq!(patch(&applied), Ok(json!({})));
    let modified = json!({"metadata": {"labels": {"a": "1"}}, "spec": {"ports": [{"port": 80}, {"port": 82}]}});
    let expected = json!({
        "metadata": {"labels": {"b": null}},
        "spec": {
            "$setElementOrder/ports": [{"port": 80}, {"port": 82}],
            "ports": [{"name": null, "port": 80}, {"port": 82}, {"$patch": "delete", "port": 81}],
            "type": null
        }
    });
    let made = patch(&modified).expect("a patch");
    let result = strategic_merge_patch(&live, &made, service()).expect("it fits");
    assert_eq!(
        result,
        json!({"metadata": {"labels": {"a": "1", "server": "x"}, "uid": "u"}, "spec": {"ports": [{"port": 80, "protocol": "TCP", "nodePort": 30000}, {"port": 82}], "clusterIP": "10.96.0.9"}})
    );
    assert_eq!(made, expected);
}

#[test]
fn an_edit_sends_the_keys_that_stay_and_the_order() {
    let from = json!({"spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}, "template": {"spec": {"containers": [{"name": "api", "image": "a:1"}]}}}});
    let to = json!({"spec": {"strategy": {"type": "Recreate"}, "template": {"spec": {"containers": [{"name": "api", "image": "a:2"}]}}}});
    assert_eq!(
        two_way_strategic_patch(&from, &to, deployment()),
        Ok(json!({"spec": {
            "strategy": {"$retainKeys": ["type"], "type": "Recreate", "rollingUpdate": null},
            "template": {"spec": {"$setElementOrder/containers": [{"name": "api"}], "containers": [{"image": "a:2", "name": "api"}]}}
        }}))
    );
}

#[test]
fn json_patches_do_what_the_rfc_says() {
    let document = json!({"a": {"b": [1, 2, 3]}, "x/y": {"m~n": 1}});
    for (patch, expected) in [
        (
            json!([{"op": "add", "path": "/a/c", "value": 1}]),
            json!({"a": {"b": [1, 2, 3], "c": 1}, "x/y": {"m~n": 1}}),
        ),
        (
            json!([{"op": "add", "path": "/a/b/1", "value": 9}]),
            json!({"a": {"b": [1, 9, 2, 3]}, "x/y": {"m~n": 1}}),
        ),
        (
            json!([{"op": "add", "path": "/a/b/-", "value": 9}]),
            json!({"a": {"b": [1, 2, 3, 9]}, "x/y": {"m~n": 1}}),
        ),
        (
            json!([{"op": "remove", "path": "/a/b/0"}]),
            json!({"a": {"b": [2, 3]}, "x/y": {"m~n": 1}}),
        ),
        (
            json!([{"op": "replace", "path": "/x~1y/m~0n", "value": null}]),
            json!({"a": {"b": [1, 2, 3]}, "x/y": {"m~n": null}}),
        ),
        (
            json!([{"op": "move", "from": "/a/b", "path": "/b"}]),
            json!({"a": {}, "b": [1, 2, 3], "x/y": {"m~n": 1}}),
        ),
        (
            json!([{"op": "copy", "from": "/a/b/2", "path": "/a/b/0"}]),
            json!({"a": {"b": [3, 1, 2, 3]}, "x/y": {"m~n": 1}}),
        ),
        (
            json!([{"op": "test", "path": "/a/b", "value": [1, 2, 3]}]),
            document.clone(),
        ),
        (
            json!([{"op": "test", "path": "/a/none", "value": null}]),
            document.clone(),
        ),
        (json!([]), document.clone()),
    ] {
        assert_eq!(json_patch(&document, &patch), Ok(expected), "{patch}");
    }
}

#[test]
fn a_json_patch_that_does_not_fit_says_why_in_the_servers_words() {
    let document = json!({"spec": {"ports": [{"port": 80}]}});
    for (patch, expected) in [
        (
            json!({"op": "test", "path": "/spec/ports/0/port", "value": 81}),
            "testing value /spec/ports/0/port failed: test failed",
        ),
        (
            json!({"op": "test", "path": "/a/b", "value": 81}),
            "test operation does not apply: is missing path: /a/b: missing value",
        ),
        (
            json!({"op": "test", "path": "/spec/ports/5", "value": 81}),
            "error in test for path: '/spec/ports/5': Unable to access invalid index: 5: invalid index referenced",
        ),
        (
            json!({"op": "remove", "path": "/spec/none"}),
            "error in remove for path: '/spec/none': Unable to remove nonexistent key: none: missing value",
        ),
        (
            json!({"op": "remove", "path": "/none/x"}),
            "remove operation does not apply: doc is missing path: \"/none/x\": missing value",
        ),
        (
            json!({"op": "remove", "path": "/spec/ports/7"}),
            "error in remove for path: '/spec/ports/7': Unable to access invalid index: 7: invalid index referenced",
        ),
        (
            json!({"op": "add", "path": "/spec/ports/9", "value": 1}),
            "error in add for path: '/spec/ports/9': Unable to access invalid index: 9: invalid index referenced",
        ),
        (
            json!({"op": "add", "path": "/spec/ports/x", "value": 1}),
            "error in add for path: '/spec/ports/x': value was not a proper array index: 'x': strconv.Atoi: parsing \"x\": invalid syntax",
        ),
        (
            json!({"op": "add", "path": "/a/b/c", "value": 1}),
            "add operation does not apply: doc is missing path: \"/a/b/c\": missing value",
        ),
        (
            json!({"op": "add", "path": "", "value": 1}),
            "add operation does not apply: doc is missing path: \"\": missing value",
        ),
        (
            json!({"op": "replace", "path": "/spec/ports/3", "value": 1}),
            "replace operation does not apply: doc is missing key: /spec/ports/3: missing value",
        ),
        (
            json!({"op": "replace", "path": "/a/b", "value": 1}),
            "replace operation does not apply: doc is missing path: /a/b: missing value",
        ),
        (
            json!({"op": "move", "from": "/a/b", "path": "/c"}),
            "move operation does not apply: doc is missing from path: /a/b: missing value",
        ),
        (
            json!({"op": "copy", "from": "/spec", "path": "/a/b"}),
            "copy operation does not apply: doc is missing destination path: /a/b: missing value",
        ),
        (
            json!({"op": "frobnicate", "path": "/a"}),
            "Unexpected kind: frobnicate",
        ),
        (json!({"path": "/a"}), "Unexpected kind: unknown"),
    ] {
        assert_eq!(
            json_patch(&document, &json!([patch])),
            Err(PatchError::Unprocessable(expected.to_owned()))
        );
    }
    assert!(matches!(
        json_patch(&document, &json!({})),
        Err(PatchError::BadRequest(_))
    ));
    assert!(matches!(
        json_patch(&document, &json!([1])),
        Err(PatchError::BadRequest(_))
    ));
}

#[test]
fn what_is_too_deep_or_too_long_is_refused_at_once() {
    let mut deep = json!(1);
    for _ in 0..=MAX_DEPTH {
        deep = json!({ "spec": deep });
    }
    let long = json!({"spec": {"ports": vec![json!({"port": 1}); MAX_ITEMS + 1]}});
    for faulty in [deep, long] {
        let too_large = |it: Result<Value, PatchError>| matches!(it, Err(PatchError::TooLarge(_)));
        assert!(too_large(merge_patch(&json!({}), &faulty)));
        assert!(too_large(json_patch(&faulty, &json!([]))));
        assert!(too_large(strategic_merge_patch(
            &json!({}),
            &faulty,
            service()
        )));
        assert!(too_large(two_way_strategic_patch(
            &faulty,
            &json!({}),
            service()
        )));
    }
}
