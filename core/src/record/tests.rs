//! Structs from documents and back.

use super::*;
use serde_json::json;

#[derive(Clone, Debug, Default, PartialEq)]
struct Thing {
    name: String,
    node_port: Option<i32>,
    cluster_ip: Option<String>,
    is_up: bool,
    is_told: Option<bool>,
    labels: BTreeMap<String, String>,
    parts: Vec<Part>,
    load_balancer: Part,
}

record!(Thing:
    name, node_port, cluster_ip = "clusterIP", is_up, is_told, labels, parts, load_balancer);

#[derive(Clone, Debug, Default, PartialEq)]
struct Part {
    bit: Option<u8>,
}

record!(Part: bit);

#[test]
fn a_document_is_read_and_written_as_it_was() {
    let document = json!({
        "name": "a", "nodePort": 30000, "clusterIP": "None", "isUp": true, "isTold": false,
        "labels": {"a": "", "b": "c"}, "parts": [{"bit": 14}, {}], "loadBalancer": {}
    });
    let thing: Thing = read(&document).expect("a thing");
    assert_eq!(thing.parts.len(), 2);
    assert_eq!(thing.is_told, Some(false));
    assert_eq!(thing.write(), document);
}

#[test]
fn a_null_leaves_a_field_as_it_was_and_is_the_zero_value_in_a_list() {
    let document =
        json!({"name": null, "nodePort": null, "labels": {"a": null}, "parts": [null], "x": 1});
    let thing: Thing = read(&document).expect("a thing");
    assert_eq!(thing.parts, [Part::default()]);
    assert_eq!(thing.labels["a"], "");
    let written = json!({"name": "", "labels": {"a": ""}, "parts": [{}], "loadBalancer": {}});
    assert_eq!(thing.write(), written);
}

#[test]
fn a_wrong_type_is_told_with_its_path() {
    for (document, expected) in [
        (
            json!({"nodePort": "x"}),
            "nodePort: expected an integer, found \"x\"",
        ),
        (
            json!({"nodePort": 1.5}),
            "nodePort: expected an integer, found 1.5",
        ),
        (
            json!({"nodePort": 4_294_967_296_u64}),
            "nodePort: 4294967296 is out of range: must be between -2147483648 and 2147483647",
        ),
        (
            json!({"parts": [{}, {"bit": 256}]}),
            "parts[1].bit: 256 is out of range: must be between 0 and 255",
        ),
        (json!({"parts": {}}), "parts: expected a list, found {}"),
        (
            json!({"parts": [[]]}),
            "parts[0]: expected an object, found []",
        ),
        (
            json!({"labels": {"a.b/c": 1}}),
            "labels[a.b/c]: expected a string, found 1",
        ),
        (
            json!({"isUp": "yes"}),
            "isUp: expected a boolean, found \"yes\"",
        ),
        (json!([]), ": expected an object, found []"),
    ] {
        let fault = read::<Thing>(&document).expect_err("a fault");
        assert_eq!(fault.to_string(), expected);
    }
}

#[test]
fn names_are_exact() {
    let document = json!({"node_port": 1, "NodePort": 1, "nodeport": 1, "clusterIp": "x", "nodePor": 1, "nodePortt": 1});
    assert_eq!(read::<Thing>(&document), Ok(Thing::default()));
    let mut reader = Reader::default();
    Thing::default().read(&document, &mut reader);
    assert_eq!(reader.into_faults().len(), 6);
}

#[test]
fn the_number_of_faults_is_limited() {
    let parts: Vec<Value> = (0..500).map(|n| json!({"bit": n.to_string()})).collect();
    let document = json!({ "parts": parts });
    let mut reader = Reader::default();
    Thing::default().read(&document, &mut reader);
    assert_eq!(reader.into_faults().len(), 20);
}
