//! What the table says, checked against itself and against fields everybody knows.

use super::*;

#[test]
fn every_type_that_a_field_names_is_in_the_table_and_reached_from_a_kind() {
    let mut reached = std::collections::BTreeSet::new();
    let mut open: Vec<TypeRef> = kinds()
        .map(|(version, kind)| of_kind(version, kind).expect("a type for every kind"))
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
