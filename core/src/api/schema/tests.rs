//! What the table says, checked against itself and against fields everybody knows. The functions are long because the
//! tables are.

use super::*;

#[test]
fn every_type_that_a_field_names_is_in_the_table_and_reached_from_a_kind() {
    let mut reached = std::collections::BTreeSet::new();
    let mut open: Vec<TypeRef> = kinds()
        .map(|(version, kind)| of_kind(version, kind).expect("a type for every kind"))
        .chain(
            crate::api::Kind::ALL
                .iter()
                .filter_map(|it| of_settings(it.name())),
        )
        .collect();
    while let Some(it) = open.pop() {
        if !reached.insert(it.id()) {
            continue;
        }
        for member in it.members() {
            let id = match member {
                Member::Inline { name, .. } => *name,
                Member::Field(field) => {
                    let mut shape = &field.shape;
                    while let Some(inner) = shape.inner() {
                        shape = inner;
                    }
                    let Shape::Object(id) = shape else { continue };
                    id
                }
            };
            open.push(type_named(id).unwrap_or_else(|| panic!("{} names {id}", it.id())));
        }
    }
    let unreached: Vec<_> = types()
        .map(Type::id)
        .filter(|it| !reached.contains(it))
        .collect();
    assert!(unreached.is_empty(), "{unreached:?}");
    assert_eq!(reached.len(), types().count());
}

#[test]
fn every_kind_that_a_manifest_may_hold_has_a_type() {
    for kind in crate::api::Kind::ALL {
        let of = of_kind(kind.api_version(), kind.name()).or_else(|| of_settings(kind.name()));
        assert!(of.is_some(), "{}", kind.name());
    }
}

#[test]
fn no_struct_has_two_fields_of_one_name_and_no_key_is_missing() {
    for it in types() {
        for field in it.fields() {
            assert!(
                std::ptr::eq(it.field(field.name).expect("it is there"), field),
                "{}.{}",
                it.id(),
                field.name
            );
            let item = field.shape.inner().and_then(Shape::object);
            let keys: Vec<&str> = match &field.list {
                ListType::Map(keys) => keys.clone(),
                _ => Vec::new(),
            };
            for key in keys.into_iter().chain(field.merge_key) {
                let item =
                    item.unwrap_or_else(|| panic!("{}.{} has no items", it.id(), field.name));
                assert!(
                    item.field(key).is_some(),
                    "{}.{}: {key}",
                    it.id(),
                    field.name
                );
            }
        }
    }
}

#[test]
fn a_service_is_as_everybody_knows_it() {
    let service = of_kind("v1", "Service").expect("a Service");
    let names: Vec<_> = service.fields().iter().map(|it| it.name).collect();
    assert_eq!(names, ["kind", "apiVersion", "metadata", "spec", "status"]);
    let spec = service
        .field("spec")
        .and_then(|it| it.shape.object())
        .expect("a struct");
    assert_eq!(spec.name(), "ServiceSpec");
    let ports = spec.field("ports").expect("ports");
    assert_eq!(ports.shape.go_type(), "[]v1.ServicePort");
    assert_eq!(ports.merge_key, Some("port"));
    assert_eq!(ports.list, ListType::Map(vec!["port", "protocol"]));
    assert_eq!(ports.strategy, PatchStrategy::Merge);
    let port = ports
        .shape
        .inner()
        .and_then(Shape::object)
        .expect("a struct");
    let protocol = port.field("protocol").expect("protocol");
    assert_eq!(
        (protocol.shape.go_type().as_str(), protocol.default),
        ("v1.Protocol", Some("TCP"))
    );
    assert_eq!(
        (protocol.number, port.field("port").map(|it| it.number)),
        (2, Some(3))
    );
    assert!(spec.field("selector").is_some_and(|it| it.is_atomic_map));
    assert!(spec.field("prots").is_none());
    assert_eq!(nearest("prots", spec), Some("ports"));
    assert_eq!(
        spec.field("ipFamilies").map(|it| it.shape.go_type()),
        Some("[]v1.IPFamily".into())
    );
}

#[test]
fn kinds_of_one_name_are_told_apart_by_their_group() {
    let core = of_kind("v1", "Event").expect("an Event");
    let events = of_kind("events.k8s.io/v1", "Event").expect("an Event");
    assert_eq!((core.name(), events.name()), ("Event", "Event"));
    assert!(core.field("involvedObject").is_some() && events.field("regarding").is_some());
    assert!(of_kind("v2", "Service").is_none());
    let metadata = core
        .field("metadata")
        .and_then(|it| it.shape.object())
        .expect("metadata");
    assert_eq!(
        metadata.field("uid").map(|it| it.shape.go_type()),
        Some("types.UID".into())
    );
    let limits = type_named("ResourceRequirements")
        .and_then(|it| it.field("limits"))
        .expect("limits");
    assert_eq!(limits.shape.go_type(), "v1.ResourceList");
}

/// The faults of a document in the server's words, one a line.
fn faults(api_version: &str, kind: &str, document: &str) -> Vec<String> {
    let of = of_kind(api_version, kind).expect("a kind of the table");
    let value = serde_json::from_str(document).expect("JSON");
    check(&value, of).into_iter().map(|it| it.message).collect()
}

#[test]
fn a_service_with_mistakes_is_refused_in_the_servers_words() {
    for (document, expected) in [
        (r#"{"spec":{"prots":[]}}"#, r#"unknown field "spec.prots""#),
        (
            r#"{"spec":{"ports":[{"targetport":1}]}}"#,
            r#"unknown field "spec.ports[0].targetport""#,
        ),
        (
            r#"{"spec":{"ports":[{"port":"eighty"}]}}"#,
            "json: cannot unmarshal string into Go struct field ServicePort.spec.ports.port of type int32",
        ),
        (
            r#"{"spec":{"selector":"app=api"}}"#,
            "json: cannot unmarshal string into Go struct field ServiceSpec.spec.selector of type map[string]string",
        ),
        (
            r#"{"spec":{"selector":{"app":1}}}"#,
            "json: cannot unmarshal number into Go struct field ServiceSpec.spec.selector of type string",
        ),
        (
            r#"{"spec":{"type":5}}"#,
            "json: cannot unmarshal number into Go struct field ServiceSpec.spec.type of type v1.ServiceType",
        ),
        (
            r#"{"spec":{"ports":{"port":80}}}"#,
            "json: cannot unmarshal object into Go struct field ServiceSpec.spec.ports of type []v1.ServicePort",
        ),
        (
            r#"{"spec":{"ports":["80"]}}"#,
            "json: cannot unmarshal string into Go struct field ServiceSpec.spec.ports of type v1.ServicePort",
        ),
        (
            r#"{"spec":[]}"#,
            "json: cannot unmarshal array into Go struct field Service.spec of type v1.ServiceSpec",
        ),
        (
            r#"{"spec":{"ports":[{"port":80.5}]}}"#,
            "json: cannot unmarshal number 80.5 into Go struct field ServicePort.spec.ports.port of type int32",
        ),
        (
            r#"{"spec":{"ports":[{"port":99999999999}]}}"#,
            "json: cannot unmarshal number 99999999999 into Go struct field ServicePort.spec.ports.port of type int32",
        ),
        (
            r#"{"spec":{"ports":[{"targetPort":true}]}}"#,
            "json: cannot unmarshal bool into Go struct field ServicePort.spec.ports.targetPort of type int32",
        ),
        (
            r#"{"spec":{"publishNotReadyAddresses":"yes"}}"#,
            "json: cannot unmarshal string into Go struct field ServiceSpec.spec.publishNotReadyAddresses of type bool",
        ),
        (
            r#"{"metadata":{"creationTimestamp":"soon"}}"#,
            r#"parsing time "soon" as "2006-01-02T15:04:05Z07:00": cannot parse "soon" as "2006""#,
        ),
        (
            r#"{"metadata":{"creationTimestamp":5}}"#,
            "json: cannot unmarshal number into Go struct field ObjectMeta.metadata.creationTimestamp of type string",
        ),
        (
            r#"{"kind":1}"#,
            "couldn't get version/kind; json parse error: json: cannot unmarshal number into Go struct field .kind of type string",
        ),
        (
            "[]",
            "json: cannot unmarshal array into Go value of type v1.Service",
        ),
    ] {
        assert_eq!(faults("v1", "Service", document), [expected], "{document}");
    }
}

#[test]
fn null_is_absent_and_a_sound_service_has_no_fault() {
    for document in [
        r#"{"apiVersion":"v1","kind":"Service","metadata":null,"spec":{"ports":null,"selector":{"a":null},"clusterIP":null}}"#,
        r#"{"spec":{"ports":[null,{"port":80,"targetPort":"http"},{"port":81,"targetPort":8080}]}}"#,
        r#"{"metadata":{"creationTimestamp":"2026-11-19T23:12:03.5+01:00","managedFields":[{"fieldsV1":{"f:x":{}}}]}}"#,
        "null",
    ] {
        assert_eq!(
            faults("v1", "Service", document),
            Vec::<String>::new(),
            "{document}"
        );
    }
}

#[test]
fn inlined_structs_quantities_and_bytes_are_checked_too() {
    let pod = |spec: &str| faults("v1", "Pod", &format!(r#"{{"spec":{spec}}}"#));
    assert!(pod(r#"{"volumes":[{"name":"a","emptyDir":{"sizeLimit":"1Gi"}}]}"#).is_empty());
    assert!(
        pod(r#"{"containers":[{"resources":{"limits":{"cpu":2,"memory":"1.5e3"}}}]}"#).is_empty()
    );
    assert_eq!(
        pod(r#"{"containers":[{"resources":{"limits":{"cpu":"two"}}}]}"#),
        [
            "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
        ]
    );
    assert_eq!(
        pod(r#"{"containers":[{"resources":{"limits":{"cpu":"1Mm"}}}]}"#),
        ["unable to parse quantity's suffix"]
    );
    assert_eq!(
        pod(r#"{"volumes":[{"emptyDir":"x"}]}"#),
        [
            "json: cannot unmarshal string into Go struct field Volume.spec.volumes.emptyDir of type v1.EmptyDirVolumeSource"
        ]
    );
    assert_eq!(
        faults("v1", "Secret", r#"{"data":{"a":"YQ==","b":"%"}}"#),
        ["illegal base64 data at input byte 0"]
    );
}

#[test]
fn a_wrong_type_hides_unknown_fields_and_the_mode_decides_about_these() {
    let of = of_kind("v1", "Service").expect("a Service");
    let unknown = check(&serde_json::json!({"spec": {"a": 1, "b": 2}}), of);
    let all = vec![
        "unknown field \"spec.a\"".to_owned(),
        "unknown field \"spec.b\"".to_owned(),
    ];
    assert_eq!(
        verdict(&unknown, FieldValidation::Strict),
        Err("strict decoding error: unknown field \"spec.a\", unknown field \"spec.b\"".to_owned())
    );
    assert_eq!(verdict(&unknown, FieldValidation::Warn), Ok(all));
    assert_eq!(verdict(&unknown, FieldValidation::Ignore), Ok(Vec::new()));
    let wrong = check(&serde_json::json!({"spec": {"a": 1, "type": 2}}), of);
    for mode in [
        FieldValidation::Strict,
        FieldValidation::Warn,
        FieldValidation::Ignore,
    ] {
        assert!(verdict(&wrong, mode).is_err_and(|it| it.starts_with("json: cannot unmarshal")));
    }
    assert_eq!(
        refusal("v1", "Service", "strict decoding error: x"),
        "Service in version \"v1\" cannot be handled as a Service: strict decoding error: x"
    );
    let twice = [Fault::duplicate("spec.type")];
    assert_eq!(
        verdict(&twice, FieldValidation::Warn),
        Ok(vec!["duplicate field \"spec.type\"".into()])
    );
    assert_eq!(
        FieldValidation::named("Strict"),
        Some(FieldValidation::Strict)
    );
    assert_eq!(FieldValidation::named("strict"), None);
}

#[test]
fn a_mistake_in_a_text_is_found_at_its_place_with_a_hint() {
    let text = "kind: Service\nspec:\n  type: [x]\n  ports:\n  - prot: 80\n    port: eighty\n";
    let stream = crate::yaml::parse(text);
    let of = of_kind("v1", "Service").expect("a Service");
    let node = &stream.documents[0];
    let found: Vec<_> = check_node(node, &crate::yaml::to_json(node), of)
        .into_iter()
        .map(|it| {
            let hint = it.hint.unwrap_or_default();
            format!("{} {}: {} ({hint})", it.position, it.path, it.message)
        })
        .collect();
    assert_eq!(
        found,
        [
            "3:9 spec.type: expected a string, found a list ()",
            "5:5 spec.ports[0].prot: unknown field \"spec.ports[0].prot\" (did you mean \"port\"?)",
            "6:11 spec.ports[0].port: expected an integer, found the string \"eighty\" ()",
        ]
    );
}

#[test]
fn a_patched_document_that_is_no_service_is_refused_in_the_words_for_patches() {
    let of = of_kind("v1", "Service").expect("a Service");
    for (document, expected) in [
        (
            serde_json::json!({"spec": {"ports": [{"port": "eighty"}]}}),
            "unrecognized type: int32",
        ),
        (
            serde_json::json!({"spec": {"ports": [{"port": true}]}}),
            "unrecognized type: int32",
        ),
        (
            serde_json::json!({"spec": {"ports": [{"port": 1.5}]}}),
            "cannot convert float64 to int32",
        ),
        (
            serde_json::json!({"spec": {"ports": [{"targetPort": {}}]}}),
            "json: cannot unmarshal object into Go value of type int32",
        ),
        (
            serde_json::json!({"spec": {"ports": {"a": 1}}}),
            "cannot restore slice from map",
        ),
        (
            serde_json::json!({"spec": {"selector": "x"}}),
            "cannot restore map from string",
        ),
        (
            serde_json::json!({"spec": "x"}),
            "cannot restore struct from: string",
        ),
        (
            serde_json::json!({"spec": {"type": 1}}),
            "cannot convert int64 to v1.ServiceType",
        ),
        (
            serde_json::json!({"spec": {"clusterIP": true}}),
            "unrecognized type: string",
        ),
        // Fields are taken in the order of the struct: ports before type.
        (
            serde_json::json!({"spec": {"type": 1, "ports": 2, "clusterIP": 1}}),
            "cannot restore slice from int64",
        ),
    ] {
        assert_eq!(
            restore(&document, of),
            Err(expected.to_owned()),
            "{document}"
        );
    }
    assert_eq!(
        restore(
            &serde_json::json!({"a": 1, "spec": {"foo": 1, "ports": [{"port": 80.0, "x": 1}]}}),
            of
        ),
        Ok(vec![
            "unknown field \"spec.ports[0].x\"".to_owned(),
            "unknown field \"spec.foo\"".to_owned(),
            "unknown field \"a\"".to_owned(),
        ])
    );
    assert_eq!(
        go_print(
            &serde_json::json!({"spec": {"ports": [{"port": "eighty"}, {"$patch": "delete", "port": 80}], "x": null}})
        ),
        "map[spec:map[ports:[map[port:eighty] map[$patch:delete port:80]] x:<nil>]]"
    );
}

#[test]
fn a_document_becomes_what_go_would_print_of_it() {
    let of = of_kind("v1", "Service").expect("a Service");
    let document = serde_json::json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"name": "api", "labels": {}, "annotations": null, "generation": 0},
        "spec": {"ports": [{"port": 0, "name": "", "nodePort": 0, "targetPort": 0}, null], "selector": {"a": null}, "publishNotReadyAddresses": false, "allocateLoadBalancerNodePorts": false, "externalIPs": [], "foo": 1}
    });
    assert_eq!(
        encoded(&document, of),
        serde_json::json!({
            "apiVersion": "v1", "kind": "Service",
            "metadata": {"name": "api"},
            "spec": {"ports": [{"port": 0, "targetPort": 0}, {"port": 0, "targetPort": 0}], "selector": {"a": ""}, "allocateLoadBalancerNodePorts": false},
            "status": {"loadBalancer": {}}
        })
    );
    let deployment = of_kind("apps/v1", "Deployment").expect("a Deployment");
    assert_eq!(
        encoded(&serde_json::json!({}), deployment),
        serde_json::json!({"metadata": {}, "spec": {"selector": null, "strategy": {}, "template": {"metadata": {}, "spec": {"containers": null}}}, "status": {}})
    );
}
