//! Trees to types: what is accepted, and every complaint in full.
//!
//! **Left out.** The words of syntax errors are tested beside them.

use super::types::*;
use super::*;
use crate::record::Record;

/// Every problem on a line: place, path, message, hint.
fn problems<T: Record + Default>(text: &str) -> String {
    let decoded = decode::<T>(&document(text));
    let lines = decoded.problems.iter().map(|it| {
        let hint = it.hint.as_deref().unwrap_or("none");
        format!("{} {}: {} ({hint})", it.position, it.path, it.message)
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[track_caller]
fn refused(text: &str, expected: &str) {
    assert_eq!(problems::<Service>(text), expected, "{text}");
}

#[track_caller]
fn accepted(text: &str) -> Service {
    let decoded = decode::<Service>(&document(text));
    assert_eq!(decoded.problems, []);
    decoded.value.expect("a value without problems")
}

#[test]
fn a_sound_object_is_decoded() {
    let service = accepted(
        "kind: Service\nmetadata: {name: web, labels: {a: b, c: }}\nspec:\n  type: NodePort\n  publishNotReadyAddresses: on\n  timeoutSeconds: 1e1\n  externalIPs: []\n  ports:\n  - {port: 80.0, targetPort: http}\n  - {port: 0x50, targetPort: 8080, name: ~}\n",
    );
    assert_eq!(service.kind, "Service");
    assert_eq!(service.metadata.labels["c"], "");
    assert_eq!(service.spec.kind, Some("NodePort".to_owned()));
    assert!(service.spec.publish_not_ready_addresses);
    assert_eq!(service.spec.timeout_seconds, Some(10));
    let ports = &service.spec.ports;
    assert_eq!((ports[0].port, ports[1].port), (80, 80));
    assert_eq!(
        ports[0].target_port,
        Some(IntOrString::String("http".to_owned()))
    );
    assert_eq!(ports[1].target_port, Some(IntOrString::Int(8080)));
}

#[test]
fn null_is_absent_in_a_struct_and_zero_in_a_list() {
    assert_eq!(
        accepted("kind: null\nmetadata:\nspec: {ports: ~, type: }\n"),
        Service::default()
    );
    let decoded = decode::<Vec<Metadata>>(&document("- name: a\n-\n"));
    assert_eq!(decoded.value.map(|it| it.len()), Some(2));
    assert_eq!(
        decode::<Vec<i32>>(&document("[1, ~]")).value,
        Some(vec![1, 0])
    );
    assert_eq!(
        decode::<Vec<String>>(&document("[a, ~]")).value,
        Some(vec!["a".to_owned(), String::new()])
    );
}

#[test]
fn a_quoted_number_is_no_integer() {
    refused(
        "spec:\n  ports:\n  - port: \"80\"\n",
        "3:11 spec.ports[0].port: expected an integer, found the string \"80\" (remove the quotes: 80)",
    );
    refused(
        "spec:\n  ports:\n  - port: eighty\n",
        "3:11 spec.ports[0].port: expected an integer, found the string \"eighty\" (none)",
    );
    refused(
        "spec: {ports: [{port: 1.5}]}",
        "1:23 spec.ports[0].port: expected an integer, found the number 1.5 (none)",
    );
}

#[test]
fn an_unquoted_word_is_no_text_and_the_hint_quotes_it() {
    refused(
        "metadata:\n  labels:\n    app.kubernetes.io/name: yes\n    tier: 080\n    v: 1.10\n    ok: true\n",
        "3:29 metadata.labels[app.kubernetes.io/name]: expected a string, found the boolean yes (without quotes yes means true; quote it: \"yes\")\n\
         4:11 metadata.labels[tier]: expected a string, found the number 080 (quote it: \"080\")\n\
         5:8 metadata.labels[v]: expected a string, found the number 1.10 (quote it: \"1.10\")\n\
         6:9 metadata.labels[ok]: expected a string, found the boolean true (quote it: \"true\")",
    );
}

#[test]
fn a_quoted_boolean_is_no_boolean() {
    refused(
        "spec: {publishNotReadyAddresses: \"true\"}",
        "1:34 spec.publishNotReadyAddresses: expected a boolean, found the string \"true\" (remove the quotes: true)",
    );
}

#[test]
fn integers_have_bounds() {
    refused(
        "spec: {timeoutSeconds: 9223372036854775808, ports: [{port: 4294967296}]}",
        "1:24 spec.timeoutSeconds: 9223372036854775808 is out of range: must be between -9223372036854775808 and 9223372036854775807 (none)\n\
         1:60 spec.ports[0].port: 4294967296 is out of range: must be between -2147483648 and 2147483647 (none)",
    );
}

#[test]
fn lists_and_objects_are_not_each_other() {
    refused(
        "spec:\n  ports:\n    port: 80\n",
        "3:5 spec.ports: expected a list, found an object (begin each item of the list with \"- \")",
    );
    refused(
        "spec:\n- ports: []\n",
        "2:3 spec: expected an object, found a list (remove the \"- \" before it: this is not a list)",
    );
    refused(
        "spec:\n  ports:\n  - port:80\n",
        "3:5 spec.ports[0]: expected an object, found the string \"port:80\" (put a space after the colon: port: 80)",
    );
    refused(
        "just words",
        "1:1 : expected an object, found the string \"just words\" (write the fields on the lines below, indented by two spaces)",
    );
}

#[test]
fn every_unknown_field_is_found_and_the_value_kept() {
    let text = "kind: Service\nmetadata:\n  labells: {}\nspec:\n  prots: []\n  Type: NodePort\n  ports:\n  - port: 80\n    replicas: 1\n    status: ~\n";
    refused(
        text,
        "3:3 metadata.labells: unknown field \"metadata.labells\" (did you mean \"labels\"?)\n\
         5:3 spec.prots: unknown field \"spec.prots\" (did you mean \"ports\"?)\n\
         6:3 spec.Type: unknown field \"spec.Type\" (did you mean \"type\"?)\n\
         9:5 spec.ports[0].replicas: unknown field \"spec.ports[0].replicas\" (fields here are: port, name, targetPort)\n\
         10:5 spec.ports[0].status: unknown field \"spec.ports[0].status\" (fields here are: port, name, targetPort)",
    );
    let decoded = decode::<Service>(&document(text));
    assert!(decoded.value.is_some());
    assert!(
        decoded
            .problems
            .iter()
            .all(|it| it.kind == FieldProblemKind::UnknownField)
    );
    assert_eq!(
        decoded.problems[0].span.end,
        Position {
            line: 3,
            column: 10
        }
    );
}

#[test]
fn a_value_of_neither_type_is_refused() {
    refused(
        "spec: {ports: [{port: 1, targetPort: yes}, {port: 1, targetPort: [1]}]}",
        "1:38 spec.ports[0].targetPort: expected an integer or a string, found the boolean yes (none)\n\
         1:66 spec.ports[1].targetPort: expected an integer or a string, found a list (none)",
    );
}

#[test]
fn several_faults_are_found_at_once() {
    let text =
        "kind: 3\nmetadata: {name: yes}\nspec:\n  ports:\n  - port: x\n    nmae: y\n  - port: z\n";
    let decoded = decode::<Service>(&document(text));
    let paths: Vec<&str> = decoded.problems.iter().map(|it| it.path.as_str()).collect();
    let expected = [
        "kind",
        "metadata.name",
        "spec.ports[0].port",
        "spec.ports[0].nmae",
        "spec.ports[1].port",
    ];
    assert_eq!(paths, expected);
    assert_eq!(decoded.value, None);
}

#[test]
fn the_number_of_faults_looked_for_is_limited() {
    let text = format!("spec:\n  ports:\n{}", "  - port: x\n".repeat(500));
    let found = decode::<Service>(&document(&text)).problems.len();
    assert!((2..100).contains(&found), "{found}");
    let text: String = (0..5000).map(|n| format!("field{n}: 1\n")).collect();
    let decoded = decode::<Service>(&document(&text));
    assert_eq!(decoded.problems.len(), 1001);
}

#[test]
fn a_path_leads_back_to_its_place() {
    let node = document("metadata:\n  labels:\n    a.b/c: 1\nspec:\n  ports:\n  - port: x\n");
    for problem in decode::<Service>(&node).problems {
        let found = node.locate(&problem.path).map(|it| it.span.start);
        assert_eq!(found, Some(problem.position));
        assert_eq!(node.path_at(problem.position), problem.path);
    }
}
