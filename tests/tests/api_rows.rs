//! The API server, a row a request: what is asked, in text, and what is answered.
//!
//! A row of `tests/cases/api-rows.txt` is `verb object[:subresource] [option=value …]`, a body, and the answer: the HTTP
//! status with the reason and the message, or with fields of the document, each as `pointer=json`.

#![expect(
    clippy::print_stdout,
    reason = "tests say how much they have looked at"
)]

use packetwalk_core::api::{Kind, ObjectRef, Status};
use packetwalk_core::sim::Cluster;
use packetwalk_core::store::api::{
    Answer, DeletePropagation, ListOptions, Request, Selector, Step, Subresource, Verb,
    client_side_apply, last_applied,
};
use packetwalk_tests::cluster::{cluster, named, pass};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

const START: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: api}
spec:
  replicas: 2
  selector: {matchLabels: {app: api}}
  template:
    metadata: {labels: {app: api}}
    spec: {containers: [{name: c, image: 'example/api:1', ports: [{containerPort: 80}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: api, labels: {tier: web}}
spec: {selector: {app: api}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Namespace
metadata: {name: going, deletionTimestamp: '2026-01-01T00:00:00Z', finalizers: [example.com/wait]}
";

fn request(row: &str, body: &str) -> Request {
    let mut words = row.split_whitespace();
    let verb = words.next().unwrap_or_default();
    let (object, part) = {
        let word = words.next().unwrap_or_default();
        word.split_once(':').unwrap_or((word, ""))
    };
    let value = || serde_json::from_str(body).unwrap_or_else(|it| panic!("{body}: {it}"));
    let verb = match verb {
        "create" => Verb::Create(body.into()),
        "update" => Verb::Update(body.into()),
        "strategic" => Verb::StrategicPatch(value()),
        "merge" => Verb::MergePatch(value()),
        "json" => Verb::JsonPatch(value()),
        "apply" => Verb::Apply(value()),
        "delete" => Verb::Delete,
        "delete-all" => Verb::DeleteCollection {
            labels: body.into(),
            fields: String::new(),
        },
        other => panic!("{other:?} is no verb"),
    };
    let mut request = Request::new(verb, &named(object)).by("test");
    request.subresource = match part {
        "" => Subresource::Main,
        "status" => Subresource::Status,
        "scale" => Subresource::Scale,
        "eviction" => Subresource::Eviction,
        "binding" => Subresource::Binding,
        other => panic!("{other:?} is no subresource"),
    };
    for word in words {
        let (name, value) = word.split_once('=').unwrap_or((word, ""));
        let options = &mut request.options;
        match name {
            "as" => options.field_manager = value.into(),
            "validate" => options.field_validation = value.into(),
            "dry" => options.dry_run = true,
            "force" => options.force = true,
            "uid" => options.uid = Some(value.into()),
            "revision" => options.resource_version = Some(value.into()),
            "grace" => options.grace_period_seconds = value.parse().ok(),
            "cascade" => {
                options.propagation = Some(match value {
                    "background" => DeletePropagation::Background,
                    "foreground" => DeletePropagation::Foreground,
                    _ => DeletePropagation::Orphan,
                });
            }
            other => panic!("{other:?} is no option"),
        }
    }
    request
}

/// The answer as a row has it: with those fields that the row asks for.
fn told(outcome: Result<Answer, Status>, wanted: &str) -> String {
    match outcome {
        Err(status) => {
            let reason = status.reason.map(|it| it.name()).unwrap_or_default();
            format!("{} {reason}: {}", status.code, status.message)
        }
        Ok(answer) => {
            let body = answer.body();
            let mut line = format!("{} {:?}", answer.code(), answer.done);
            for field in wanted.split(' ').filter(|it| it.starts_with('/')) {
                let pointer = field.split('=').next().unwrap_or_default();
                let value = body.pointer(pointer).unwrap_or(&Value::Null);
                line.push_str(&format!(" {pointer}={value}"));
            }
            for it in answer.warnings {
                line.push_str(&format!(" ! {it}"));
            }
            line
        }
    }
}

/// Rows in their order, each on what the ones before have left.
fn check(rows: &[[&str; 3]]) {
    let mut it = cluster(START);
    for [row, body, wanted] in rows {
        let before = it.canonical();
        let asked = request(row, body);
        let known = it.store().document(&asked.object()).cloned();
        let mut got = told(it.request(&asked), wanted);
        // What nobody can know beforehand stands as a word in the rows.
        for (field, word) in [("uid", "UID"), ("resourceVersion", "REVISION")] {
            let value = known.as_ref().and_then(|it| it["metadata"][field].as_str());
            if let Some(value) = value.filter(|_| wanted.contains(word)) {
                got = got.replace(value, word);
            }
        }
        assert_eq!(&got, wanted, "{row} {body}");
        if row.contains(" dry") || got.starts_with('4') || got.starts_with('5') {
            assert_eq!(it.canonical(), before, "{row} {body} changes nothing");
        }
    }
}

#[test]
fn requests_are_answered_as_the_server_answers_them() {
    let text = packetwalk_tests::text("tests/cases/api-rows.txt");
    let mut n_rows = 0;
    for section in text.split("\n# ").skip(1) {
        let rows: Vec<[&str; 3]> = section.split("\n> ").skip(1).map(row).collect();
        assert!(!rows.is_empty(), "{section}");
        check(&rows);
        n_rows += rows.len();
    }
    println!("{n_rows} rows");
    assert!(n_rows >= 80, "{n_rows} rows");
}

/// What is asked, with which body, and the answer.
fn row(text: &str) -> [&str; 3] {
    let mut lines = text.lines();
    let asked = lines.next().unwrap_or_default();
    let second = lines.next().unwrap_or_default();
    let (body, answer) = match second.strip_prefix("= ") {
        Some(answer) => ("", answer),
        None => (
            second,
            lines
                .next()
                .and_then(|it| it.strip_prefix("= "))
                .unwrap_or_default(),
        ),
    };
    assert!(!answer.is_empty(), "no answer to {text}");
    [asked, body, answer]
}

#[test]
fn a_collection_goes_as_its_selector_says() {
    let mut it = cluster(START);
    for name in ["a", "b", "c"] {
        let label = if name == "b" { "db" } else { "web" };
        let body = json!({"metadata": {"name": name, "labels": {"tier": label}}, "spec": {"ports": [{"port": 80}]}});
        it.request(&request("create service/", &body.to_string()))
            .expect("made");
    }
    let gone = it
        .request(&request("delete-all service/", "tier in (web)"))
        .expect("gone");
    assert_eq!(gone.document["kind"], "ServiceList");
    assert_eq!(gone.document["items"].as_array().map(Vec::len), Some(3));
    let left = it.store().list(
        Kind::Service,
        &ListOptions {
            namespace: "default".into(),
            ..ListOptions::default()
        },
    );
    let names: Vec<&Value> = left
        .items
        .iter()
        .map(|it| &it["metadata"]["name"])
        .collect();
    assert_eq!(names, ["b", "kubernetes"]);
}

/// Manager, operation and subresource of each who owns something, and whether it owns a field.
fn owners(it: &Cluster, object: &str, field: &str) -> Vec<String> {
    let document = it.store().document(&named(object)).expect("there");
    let entries = document["metadata"]["managedFields"].as_array();
    let mut lines: Vec<String> = entries
        .into_iter()
        .flatten()
        .map(|it| {
            let text = |name: &str| it[name].as_str().unwrap_or("-").to_owned();
            let owns = it["fieldsV1"].pointer(field).is_some();
            format!(
                "{} {} {} {owns}",
                text("manager"),
                text("operation"),
                text("subresource")
            )
        })
        .collect();
    lines.sort();
    lines
}

#[test]
fn whoever_writes_a_field_owns_it_and_what_the_server_gives_nobody_owns() {
    let mut it = cluster("");
    let mut ask = |row: &str, body: &str| {
        it.request(&request(row, body)).expect("done");
    };
    ask(
        "create service/ as=kubectl-create",
        r#"{"metadata":{"name":"web"},"spec":{"ports":[{"port":80}]}}"#,
    );
    let deployment = r#"{"metadata":{"name":"web"},"spec":{"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"c","image":"x"}]}}}}"#;
    ask("create deployment/ as=kubectl-create", deployment);
    ask(
        "merge deployment/web:scale as=kubectl",
        r#"{"spec":{"replicas":2}}"#,
    );
    assert_eq!(
        owners(&it, "service/web", "/f:spec/f:clusterIP"),
        ["kubectl-create Update - false"]
    );
    assert_eq!(
        owners(&it, "service/web", "/f:spec/f:type"),
        ["kubectl-create Update - true"]
    );
    pass(&mut it, 20);
    assert_eq!(
        owners(&it, "deployment/web", "/f:spec/f:replicas"),
        [
            "kube-controller-manager Update - false",
            "kube-controller-manager Update status false",
            "kubectl Update scale true",
            "kubectl-create Update - false",
        ]
    );
}

#[test]
fn an_ingress_without_a_class_gets_the_default_one() {
    let mut it = cluster("");
    let class = r#"{"metadata":{"name":"nginx","annotations":{"ingressclass.kubernetes.io/is-default-class":"true"}},"spec":{"controller":"k8s.io/ingress-nginx"}}"#;
    it.request(&request("create ingressclass/", class))
        .expect("made");
    let body = r#"{"metadata":{"name":"web"},"spec":{"defaultBackend":{"service":{"name":"a","port":{"number":80}}}}}"#;
    let made = it.request(&request("create ingress/", body)).expect("made");
    assert_eq!(made.document["spec"]["ingressClassName"], "nginx");
    assert_eq!(made.document["status"], json!({"loadBalancer": {}}));
}

#[test]
fn objects_of_all_namespaces_are_listed_in_the_order_of_their_keys() {
    let mut it = cluster("");
    for namespace in ["a", "a-b"] {
        it.request(&request(
            "create namespace/",
            &json!({"metadata": {"name": namespace}}).to_string(),
        ))
        .expect("made");
        it.request(&request(
            &format!("create configmap/{namespace}/"),
            r#"{"metadata":{"name":"x"}}"#,
        ))
        .expect("made");
    }
    let listed = it.store().list(Kind::ConfigMap, &ListOptions::default());
    let namespaces: Vec<&str> = listed
        .items
        .iter()
        .filter_map(|it| it["metadata"]["namespace"].as_str())
        .filter(|it| it.starts_with('a'))
        .collect();
    assert_eq!(namespaces, ["a-b", "a"]);
}

#[test]
fn selectors_are_read_and_refused_in_the_servers_words() {
    let refused =
        |kind: Kind, labels: &str, fields: &str| match Selector::read(kind, labels, fields) {
            Ok(_) => "read".to_owned(),
            Err(status) => status.message,
        };
    for (labels, wanted) in [
        ("a in (b,c),!d, e notin (), f", "read"),
        ("a==b,c!=d,e=", "read"),
        ("x>1,y<2", "read"),
        (
            ",",
            "found ',', expected: !, identifier, or 'end of string'",
        ),
        ("a=b,", "found '', expected: identifier after ','"),
        (
            "a in b",
            "unable to parse requirement: found 'b' expected: '('",
        ),
        (
            "a in (b",
            "unable to parse requirement: found '', expected: ',' or ')'",
        ),
        (
            "a b",
            "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt",
        ),
        ("a=b c", "found 'c', expected: ',' or 'end of string'"),
        (
            "x>a",
            "unable to parse requirement: values[0]: Invalid value: \"a\": for 'Gt', 'Lt' operators, the value must be an integer",
        ),
    ] {
        assert_eq!(refused(Kind::Service, labels, ""), wanted, "{labels}");
    }
    assert!(
        refused(Kind::Service, "a_=b", "")
            .starts_with("unable to parse requirement: <nil>: Invalid value: \"a_\": ")
    );
    assert!(refused(Kind::Service, "a=b!", "").starts_with("found '!', expected"));
    for (kind, fields, wanted) in [
        (
            Kind::Service,
            "spec.type!=ClusterIP,metadata.name=a",
            "read",
        ),
        (
            Kind::Service,
            "spec.foo=1",
            "field label not supported: spec.foo",
        ),
        (
            Kind::Node,
            "metadata.namespace=a",
            "field label not supported: metadata.namespace",
        ),
        (
            Kind::ConfigMap,
            "spec.foo=1",
            "\"spec.foo\" is not a known field selector: only \"metadata.name\", \"metadata.namespace\"",
        ),
        (
            Kind::Pod,
            "a",
            "invalid selector: 'a'; can't understand 'a'",
        ),
    ] {
        assert_eq!(refused(kind, "", fields), wanted, "{fields}");
    }
}

#[test]
fn a_list_in_parts_is_the_list_as_it_was_when_it_began() {
    let mut it = cluster(START);
    for n in 0..5 {
        let body = json!({"metadata": {"name": format!("c{n}")}});
        it.request(&request("create configmap/", &body.to_string()))
            .expect("made");
    }
    let options = ListOptions {
        namespace: "default".into(),
        limit: 2,
        ..ListOptions::default()
    };
    let first = it.store().list(Kind::ConfigMap, &options);
    let document = first.document(Kind::ConfigMap, &options);
    assert_eq!(document["kind"], "ConfigMapList");
    assert_eq!(
        document["metadata"]["remainingItemCount"],
        first.n_remaining
    );
    let token = document["metadata"]["continue"]
        .as_str()
        .expect("more")
        .to_owned();
    // What happens meanwhile is not seen by the parts that follow.
    it.request(&request("delete configmap/c4", ""))
        .expect("gone");
    it.request(&request(
        "create configmap/",
        r#"{"metadata":{"name":"c9"}}"#,
    ))
    .expect("made");
    let rest = ListOptions {
        limit: 0,
        ..options
    };
    let second = it
        .store()
        .list_on(Kind::ConfigMap, &token, &rest)
        .expect("remembered");
    let names: Vec<&str> = first
        .items
        .iter()
        .chain(&second.items)
        .filter_map(|it| it["metadata"]["name"].as_str())
        .collect();
    let ours: Vec<&str> = names
        .into_iter()
        .filter(|it| it.starts_with('c') && it.len() == 2)
        .collect();
    assert_eq!(ours, ["c0", "c1", "c2", "c3", "c4"]);
    assert_eq!(second.revision, first.revision);
    let refused = it
        .store()
        .list_on(Kind::ConfigMap, "x", &rest)
        .expect_err("no token");
    assert!(
        refused.message.starts_with("invalid continue token"),
        "{refused}"
    );
}

#[test]
fn kubectl_writes_its_annotation_as_we_do() {
    let rows = packetwalk_tests::text("tests/cases/kubectl-last-applied.json");
    let rows: Vec<Value> = serde_json::from_str(&rows).expect("JSON");
    assert!(rows.len() > 50);
    for row in &rows {
        let body = &row["body"];
        let annotations = &body["metadata"]["annotations"];
        let text = annotations["kubectl.kubernetes.io/last-applied-configuration"].as_str();
        let mut manifest: Value = serde_json::from_str(text.expect("a text")).expect("JSON");
        if manifest["metadata"]["annotations"] == json!({}) {
            manifest["metadata"]
                .as_object_mut()
                .expect("fields")
                .remove("annotations");
        }
        assert_eq!(
            last_applied(&manifest),
            text.expect("a text"),
            "{}",
            row["id"]
        );
        let kind = Kind::from_name(body["kind"].as_str().expect("a kind"));
        let Some(kind) = kind else { continue };
        let plan = client_side_apply(kind, &manifest, None).expect("a plan");
        let Step::Create(Verb::Create(sent)) = plan.step else {
            panic!("nothing is there: {:?}", plan.step);
        };
        assert_eq!(
            &serde_json::from_str::<Value>(&sent).expect("JSON"),
            body,
            "{}",
            row["id"]
        );
    }
}

#[test]
fn an_apply_on_the_clients_side_creates_then_changes_then_does_nothing() {
    let mut it = cluster("");
    let manifest = |port: u16| json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "namespace": "default"}, "spec": {"ports": [{"port": port}]}});
    let object = named("service/web");
    let mut apply = |port: u16| -> String {
        let live = it.store().document(&object).cloned();
        let plan =
            client_side_apply(Kind::Service, &manifest(port), live.as_deref()).expect("a plan");
        let (word, verb) = match plan.step {
            Step::Create(verb) => ("created", verb),
            Step::Patch(verb) => ("configured", verb),
            Step::Nothing => return "unchanged".into(),
        };
        it.request(&Request::new(verb, &object).by("kubectl-client-side-apply"))
            .expect("done");
        word.into()
    };
    assert_eq!(
        [apply(80), apply(80), apply(81), apply(81)],
        ["created", "unchanged", "configured", "unchanged"]
    );
    let live = it.store().document(&object).expect("there");
    assert_eq!(live["spec"]["ports"].as_array().map(Vec::len), Some(1));
    let plan = client_side_apply(
        Kind::Service,
        &manifest(80),
        Some(&json!({"metadata": {"name": "web"}})),
    )
    .expect("a plan");
    assert!(plan.warning.expect("a warning").starts_with("resource services/web is missing the kubectl.kubernetes.io/last-applied-configuration annotation"));
}

/// A request of a few small kinds, from numbers.
fn any_request() -> impl Strategy<Value = Request> {
    let name = prop::sample::select(vec!["a", "b", "api"]);
    let verb = 0usize..10;
    let body = prop::sample::select(vec![
        r#"{"metadata":{"name":"a"},"spec":{"ports":[{"port":80}],"type":"NodePort"}}"#,
        r#"{"metadata":{"name":"b","finalizers":["example.com/x"]},"spec":{"ports":[{"port":80}]}}"#,
        r#"{"metadata":{"labels":{"x":"y"}}}"#,
        r#"{"metadata":{"finalizers":null}}"#,
        r#"{"spec":{"replicas":1}}"#,
        r#"{"spec":{"type":"ExternalName","externalName":"x.example"}}"#,
        r#"{"spec":null,"status":7}"#,
        r#"{"data":{"k":"v"}}"#,
        "{}",
        "[]",
        "7",
    ]);
    let kind = prop::sample::select(vec![
        "service",
        "configmap",
        "deployment",
        "pod",
        "endpoints",
        "namespace",
    ]);
    let part = prop::sample::select(vec!["", ":status", ":scale", ":eviction", ":binding"]);
    let dry = any::<bool>();
    (name, verb, body, kind, part, dry).prop_map(|(name, verb, body, kind, part, dry)| {
        let verbs = [
            "create",
            "update",
            "strategic",
            "merge",
            "json",
            "apply",
            "delete",
            "delete",
            "delete-all",
            "create",
        ];
        let dry = if dry { " dry" } else { "" };
        let body = if verbs[verb] == "delete-all" {
            "x=y"
        } else {
            body
        };
        request(&format!("{} {kind}/{name}{part}{dry}", verbs[verb]), body)
    })
}

/// Everything of a kind, by name.
fn all(it: &Cluster, kind: Kind) -> BTreeMap<ObjectRef, Value> {
    let items = it.store().list(kind, &ListOptions::default()).items;
    let text = |it: &Value, field: &str| {
        it["metadata"][field]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    items
        .iter()
        .map(|it| {
            let object = ObjectRef::new(kind, &text(it, "namespace"), &text(it, "name"));
            (object, Value::clone(it))
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn no_request_breaks_the_server_and_a_watch_says_what_a_list_says(requests in prop::collection::vec(any_request(), 1..30)) {
        let mut it = cluster(START);
        let start = it.store().revision();
        let kinds = [Kind::Service, Kind::ConfigMap, Kind::Pod, Kind::Deployment];
        let mut seen: Vec<BTreeMap<ObjectRef, Value>> = kinds.iter().map(|kind| all(&it, *kind)).collect();
        for request in &requests {
            let before = request.options.dry_run.then(|| it.canonical());
            let outcome = it.request(request);
            if let Some(before) = before {
                prop_assert_eq!(it.canonical(), before, "{:?}", outcome);
            }
        }
        pass(&mut it, 2);
        for (kind, seen) in kinds.iter().zip(&mut seen) {
            for event in it.store().watch(*kind, &ListOptions::default(), start).expect("remembered") {
                let text = |field: &str| event.document["metadata"][field].as_str().unwrap_or_default().to_owned();
                let object = ObjectRef::new(*kind, &text("namespace"), &text("name"));
                match event.kind {
                    "DELETED" => seen.remove(&object),
                    _ => seen.insert(object, Value::clone(&event.document)),
                };
            }
            prop_assert_eq!(&*seen, &all(&it, *kind));
        }
    }

    #[test]
    fn whatever_was_made_leaves_no_address_behind(requests in prop::collection::vec(any_request(), 1..30)) {
        let mut it = cluster("");
        let free = it.store().allocators().clone();
        for request in &requests {
            let _ = it.request(request);
        }
        let services: BTreeSet<ObjectRef> = it.store().documents(Kind::Service).map(|it| it.0.clone()).collect();
        for service in services.iter().filter(|it| it.namespace == "default" && it.name != "kubernetes") {
            let mut letting_go = Request::new(Verb::MergePatch(json!({"metadata": {"finalizers": null}})), service);
            letting_go.options.field_manager = "test".into();
            let _ = it.request(&Request::new(Verb::Delete, service));
            let _ = it.request(&letting_go);
        }
        prop_assert_eq!(it.store().allocators(), &free);
    }

    #[test]
    fn no_text_breaks_a_selector(labels in ".{0,40}", fields in ".{0,40}") {
        for kind in [Kind::Service, Kind::ConfigMap] {
            if let Ok(selector) = Selector::read(kind, &labels, &fields) {
                let selects = selector.selects(&json!({"metadata": {"labels": {"a": "b"}}}));
                prop_assert!(selects || !selector.is_empty());
            }
        }
    }
}
