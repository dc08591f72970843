//! The API server: what it makes of requests, in its own words.

use packetwalk_core::api::{Kind, ObjectRef, Status};
use packetwalk_core::sim::Cluster;
use packetwalk_core::store::api::{
    Answer, DeletePropagation, Done, ListOptions, Request, Selector, Verb,
};
use packetwalk_tests::cluster::{cluster, endpoints, named, pass, pods};
use proptest::prelude::*;
use serde_json::{Value, json};

fn empty() -> Cluster {
    cluster("")
}

#[allow(
    clippy::needless_pass_by_value,
    reason = "rows read better without borrows"
)]
fn create(cluster: &mut Cluster, document: Value) -> Result<Answer, Status> {
    let kind = Kind::from_name(document["kind"].as_str().unwrap_or_default()).expect("a kind");
    let namespace = document["metadata"]["namespace"]
        .as_str()
        .unwrap_or("default");
    let namespace = if kind.is_namespaced() { namespace } else { "" };
    let object = ObjectRef::new(kind, namespace, "");
    let mut request =
        Request::new(Verb::Create(document.to_string()), &object).by("kubectl-create");
    request.options.field_validation = "Strict".into();
    cluster.request(&request)
}

#[allow(
    clippy::needless_pass_by_value,
    reason = "rows read better without borrows"
)]
fn service(name: &str, spec: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec})
}

fn plain(name: &str) -> Value {
    service(
        name,
        json!({"selector": {"app": name}, "ports": [{"port": 80}]}),
    )
}

fn ask(cluster: &mut Cluster, verb: Verb, object: &str) -> Result<Answer, Status> {
    cluster.request(&Request::new(verb, &named(object)).by("test"))
}

fn message<T: std::fmt::Debug>(outcome: Result<T, Status>) -> String {
    let status = outcome.expect_err("a refusal");
    let reason = status.reason.map(|it| it.name()).unwrap_or_default();
    format!("{} {reason}: {}", status.code, status.message)
}

#[test]
fn a_service_gets_what_it_leaves_open_and_its_maker_owns_what_was_said() {
    let mut it = empty();
    let made = create(&mut it, plain("api")).expect("made");
    assert_eq!(made.done, Done::Created);
    let spec = &made.document["spec"];
    let ip = spec["clusterIP"].as_str().expect("an address");
    assert!(
        ip.starts_with("10.") && spec["clusterIPs"][0] == ip,
        "{spec}"
    );
    assert_eq!(spec["ports"][0]["targetPort"], 80);
    assert_eq!(spec["type"], "ClusterIP");
    let owners = &made.document["metadata"]["managedFields"];
    assert_eq!(owners[0]["manager"], "kubectl-create", "{owners}");
    assert_eq!(owners[0]["operation"], "Update");
}

#[test]
fn refusals_are_worded_as_the_server_words_them() {
    let mut it = empty();
    create(&mut it, plain("api")).expect("made");
    let rows: [(Value, &str); 8] = [
        (
            plain("api"),
            "409 AlreadyExists: services \"api\" already exists",
        ),
        (
            service("web", json!({"prots": [{"port": 80}]})),
            "400 BadRequest: Service in version \"v1\" cannot be handled as a Service: strict decoding error: unknown field \"spec.prots\"",
        ),
        (
            service("web", json!({"ports": [{"port": "eighty"}]})),
            "400 BadRequest: Service in version \"v1\" cannot be handled as a Service: json: cannot unmarshal string into Go struct field ServicePort.spec.ports.port of type int32",
        ),
        (
            service(
                "web",
                json!({"ports": [{"port": 0}], "selector": {"a": "b"}}),
            ),
            "422 Invalid: Service \"web\" is invalid: [spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive, spec.ports[0].targetPort: Invalid value: 0: must be between 1 and 65535, inclusive]",
        ),
        (
            json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "namespace": "nope"}, "spec": {"ports": [{"port": 80}]}}),
            "404 NotFound: namespaces \"nope\" not found",
        ),
        (
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "Web"}}),
            "422 Invalid: ConfigMap \"Web\" is invalid: metadata.name: Invalid value: \"Web\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
        ),
        (
            service(
                "web",
                json!({"clusterIP": "10.96.0.1", "ports": [{"port": 80}]}),
            ),
            "422 Invalid: Service \"web\" is invalid: spec.clusterIPs: Invalid value: [\"10.96.0.1\"]: failed to allocate IP 10.96.0.1: provided IP is already allocated",
        ),
        (
            service(
                "web",
                json!({"type": "NodePort", "ports": [{"port": 80, "nodePort": 8080}]}),
            ),
            "422 Invalid: Service \"web\" is invalid: spec.ports[0].nodePort: Invalid value: 8080: provided port is not in the valid range. The range of valid ports is 30000-32767",
        ),
    ];
    for (document, wanted) in rows {
        let before = it.canonical();
        let told = message(create(&mut it, document.clone()));
        assert_eq!(told, wanted, "{document}");
        assert_eq!(
            it.canonical(),
            before,
            "a refusal changes nothing: {document}"
        );
    }
    let gone = ask(&mut it, Verb::Delete, "service/nobody");
    assert_eq!(message(gone), "404 NotFound: services \"nobody\" not found");
    let gone = ask(&mut it, Verb::Delete, "deployment/nobody");
    assert_eq!(
        message(gone),
        "404 NotFound: deployments.apps \"nobody\" not found"
    );
}

#[test]
fn a_duplicate_field_is_refused_strictly_and_warned_about_otherwise() {
    let mut it = empty();
    let body = r#"{"apiVersion":"v1","kind":"Service","metadata":{"name":"a"},"spec":{"ports":[{"port":80}],"type":"ClusterIP","type":"NodePort"}}"#;
    let object = ObjectRef::new(Kind::Service, "default", "");
    let mut request = Request::new(Verb::Create(body.into()), &object);
    request.options.field_validation = "Strict".into();
    assert_eq!(
        message(it.request(&request)),
        "400 BadRequest: Service in version \"v1\" cannot be handled as a Service: strict decoding error: duplicate field \"spec.type\""
    );
    request.options.field_validation = "Warn".into();
    let answer = it.request(&request).expect("made");
    assert_eq!(answer.warnings, ["duplicate field \"spec.type\""]);
    assert_eq!(answer.document["spec"]["type"], "NodePort");
}

#[test]
fn a_stale_version_is_refused_and_a_change_of_nothing_writes_nothing() {
    let mut it = empty();
    let made = create(&mut it, plain("api")).expect("made").document;
    let mut stale = made.clone();
    stale["metadata"]["labels"] = json!({"a": "b"});
    let fresh = ask(&mut it, Verb::Update(stale.to_string()), "service/api").expect("changed");
    assert_eq!(fresh.done, Done::Changed);
    let again = ask(&mut it, Verb::Update(stale.to_string()), "service/api");
    assert_eq!(
        message(again),
        "409 Conflict: Operation cannot be fulfilled on services \"api\": the object has been modified; please apply your changes to the latest version and try again"
    );
    let revision = it.store().revision();
    let same = ask(
        &mut it,
        Verb::MergePatch(json!({"metadata": {"labels": {"a": "b"}}})),
        "service/api",
    );
    assert_eq!(same.expect("taken").done, Done::Unchanged);
    assert_eq!(it.store().revision(), revision);
    // Without a version the last one wins.
    let mut blind = made;
    blind["metadata"]["resourceVersion"].take();
    let blind = ask(&mut it, Verb::Update(blind.to_string()), "service/api").expect("changed");
    assert!(blind.document["metadata"]["labels"].is_null());
}

#[test]
fn every_kind_of_patch_does_what_it_says() {
    let mut it = empty();
    create(
        &mut it,
        service(
            "api",
            json!({"ports": [{"name": "a", "port": 80}, {"name": "b", "port": 81}]}),
        ),
    )
    .expect("made");
    let strategic =
        json!({"spec": {"ports": [{"port": 81, "$patch": "delete"}, {"port": 82, "name": "c"}]}});
    let answer = ask(&mut it, Verb::StrategicPatch(strategic), "service/api").expect("changed");
    let ports = |it: &Value| -> Vec<i64> {
        let mut ports: Vec<i64> = it["spec"]["ports"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|it| it["port"].as_i64())
            .collect();
        ports.sort_unstable();
        ports
    };
    assert_eq!(ports(&answer.document), [80, 82]);
    let merge = json!({"spec": {"ports": [{"port": 90}]}});
    let answer = ask(&mut it, Verb::MergePatch(merge), "service/api").expect("changed");
    assert_eq!(ports(&answer.document), [90]);
    let list = json!([{"op": "replace", "path": "/spec/ports/0/port", "value": 91}]);
    let answer = ask(&mut it, Verb::JsonPatch(list), "service/api").expect("changed");
    assert_eq!(ports(&answer.document), [91]);
    let bad = ask(
        &mut it,
        Verb::JsonPatch(json!([{"op": "remove", "path": "/nowhere"}])),
        "service/api",
    );
    assert_eq!(
        message(bad),
        "422 Invalid: the server rejected our request due to an error in our request"
    );
}

#[test]
fn an_apply_owns_what_it_says_and_others_fields_are_a_conflict() {
    let mut it = empty();
    create(
        &mut it,
        service("api", json!({"ports": [{"port": 80, "targetPort": 8080}]})),
    )
    .expect("made");
    let config = |target: i64| {
        json!({
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": "api", "namespace": "default"},
            "spec": {"ports": [{"port": 80, "protocol": "TCP", "targetPort": target}]},
        })
    };
    let request = |target: i64, force: bool| {
        let mut request = Request::new(Verb::Apply(config(target)), &named("service/api")).by("me");
        request.options.force = force;
        request
    };
    assert_eq!(
        message(it.request(&request(9090, false))),
        "409 Conflict: Apply failed with 1 conflict: conflict with \"kubectl-create\" using v1: .spec.ports[port=80,protocol=\"TCP\"].targetPort"
    );
    let taken = it.request(&request(9090, true)).expect("forced");
    assert_eq!(taken.document["spec"]["ports"][0]["targetPort"], 9090);
    // A new object is made by an apply.
    let mut request = request(1, false);
    request.name = "web".into();
    if let Verb::Apply(config) = &mut request.verb {
        config["metadata"]["name"] = "web".into();
    }
    let made = it.request(&request).expect("made");
    assert_eq!(
        (made.done, made.document["spec"]["clusterIP"].is_string()),
        (Done::Created, true)
    );
}

#[test]
fn a_dry_run_tells_and_changes_nothing() {
    let mut it = empty();
    let before = (it.store().revision(), it.store().allocators().clone());
    let object = ObjectRef::new(Kind::Service, "default", "");
    let mut request = Request::new(Verb::Create(plain("api").to_string()), &object);
    request.options.dry_run = true;
    let answer = it.request(&request).expect("told");
    assert_eq!(
        answer.document["spec"]["clusterIP"], "10.96.0.0",
        "the base of the range, as the server shows"
    );
    assert_eq!(
        (it.store().revision(), it.store().allocators().clone()),
        before
    );
}

#[test]
fn a_new_deployment_runs_and_a_deleted_one_takes_its_pods_along() {
    let mut it = empty();
    let deployment = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "api"},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": {"app": "api"}},
            "template": {
                "metadata": {"labels": {"app": "api"}},
                "spec": {"containers": [{"name": "c", "image": "x", "ports": [{"containerPort": 80}]}]},
            },
        },
    });
    create(&mut it, deployment).expect("made");
    create(&mut it, plain("api")).expect("made");
    pass(&mut it, 20);
    assert_eq!(pods(&it, "default").len(), 2);
    assert_eq!(endpoints(&it, "api").len(), 2);
    let mut request = Request::new(Verb::Delete, &named("deployment/api"));
    request.options.propagation = Some(DeletePropagation::Background);
    assert_eq!(it.request(&request).expect("gone").done, Done::Deleted);
    pass(&mut it, 40);
    assert_eq!(pods(&it, "default"), Vec::<String>::new());
    assert_eq!(endpoints(&it, "api"), Vec::<String>::new());
}

#[test]
fn lists_take_selectors_limits_and_namespaces() {
    let mut it = empty();
    for (name, tier) in [("a", "web"), ("b", "db"), ("c", "web")] {
        let mut document = plain(name);
        document["metadata"]["labels"] = json!({"tier": tier});
        create(&mut it, document).expect("made");
    }
    let names = |it: &Cluster, labels: &str, fields: &str| -> Vec<String> {
        let selector = Selector::read(Kind::Service, labels, fields).expect("a selector");
        let options = ListOptions {
            namespace: "default".into(),
            selector,
            ..ListOptions::default()
        };
        let listed = it.store().list(Kind::Service, &options);
        listed
            .items
            .iter()
            .map(|it| {
                it["metadata"]["name"]
                    .as_str()
                    .unwrap_or_default()
                    .to_owned()
            })
            .collect()
    };
    for (labels, fields, wanted) in [
        ("tier=web", "", "a c"),
        ("tier==db", "", "b"),
        ("tier!=web", "", "b kubernetes"),
        ("tier in (web, db),tier notin (db)", "", "a c"),
        ("tier", "", "a b c"),
        ("!tier", "", "kubernetes"),
        ("", "metadata.name=b", "b"),
        ("", "spec.type=ClusterIP,metadata.name!=a", "b c kubernetes"),
    ] {
        assert_eq!(
            names(&it, labels, fields).join(" "),
            wanted,
            "{labels} {fields}"
        );
    }
    let refused = Selector::read(Kind::Service, "", "spec.foo=1");
    assert_eq!(
        message(refused),
        "400 BadRequest: field label not supported: spec.foo"
    );
    let mut options = ListOptions {
        limit: 2,
        ..ListOptions::default()
    };
    let (mut seen, mut pages) = (0, 0);
    loop {
        let page = it.store().list(Kind::Service, &options);
        seen += page.items.len();
        pages += 1;
        options.after = page.next;
        if options.after.is_none() {
            break;
        }
    }
    assert_eq!((seen, pages), (5, 3));
}

#[test]
fn a_watch_sees_what_leaves_its_selection_as_deleted() {
    let mut it = empty();
    let start = it.store().revision();
    let mut document = plain("a");
    document["metadata"]["labels"] = json!({"tier": "web"});
    create(&mut it, document).expect("made");
    ask(
        &mut it,
        Verb::MergePatch(json!({"spec": {"sessionAffinity": "ClientIP"}})),
        "service/a",
    )
    .expect("changed");
    ask(
        &mut it,
        Verb::MergePatch(json!({"metadata": {"labels": {"tier": "db"}}})),
        "service/a",
    )
    .expect("changed");
    ask(&mut it, Verb::Delete, "service/a").expect("gone");
    let options = ListOptions {
        selector: Selector::read(Kind::Service, "tier=web", "").expect("a selector"),
        ..ListOptions::default()
    };
    let events = it
        .store()
        .watch(Kind::Service, &options, start)
        .expect("remembered");
    let words: Vec<&str> = events.iter().map(|it| it.kind).collect();
    assert_eq!(words, ["ADDED", "MODIFIED", "DELETED"]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_asked_the_server_answers_and_an_emptied_cluster_holds_no_address(
        rows in prop::collection::vec(("[abc]", 0usize..7, 0u16..4), 1..25),
    ) {
        let mut it = empty();
        let held = it.store().allocators().clone();
        for (name, what, port) in rows {
            let types = ["ClusterIP", "NodePort", "LoadBalancer", "ExternalName"];
            let kind = types[usize::from(port) % types.len()];
            let object = format!("service/{name}");
            let _ = match what {
                0 | 1 => create(&mut it, service(&name, json!({"type": kind, "externalName": "x.example", "ports": [{"port": 80 + port}]}))).map(|_| ()),
                2 => ask(&mut it, Verb::MergePatch(json!({"spec": {"type": kind, "externalName": "x.example"}})), &object).map(|_| ()),
                3 => ask(&mut it, Verb::StrategicPatch(json!({"spec": {"ports": [{"port": port}]}})), &object).map(|_| ()),
                4 => ask(&mut it, Verb::MergePatch(json!({"spec": {"clusterIP": "None"}})), &object).map(|_| ()),
                5 => ask(&mut it, Verb::JsonPatch(json!([{"op": "remove", "path": "/spec/ports"}])), &object).map(|_| ()),
                _ => ask(&mut it, Verb::Delete, &object).map(|_| ()),
            };
            pass(&mut it, 1);
        }
        for name in ["a", "b", "c"] {
            let _ = ask(&mut it, Verb::Delete, &format!("service/{name}"));
        }
        pass(&mut it, 60);
        prop_assert_eq!(it.store().allocators().clone(), held);
        let left = it.store().objects().in_namespace("default");
        let left: Vec<String> = left.iter().filter(|it| it.kind != Kind::Event).map(ToString::to_string).collect();
        prop_assert_eq!(left, vec!["service/default/kubernetes", "endpoints/default/kubernetes", "endpointslice/default/kubernetes", "configmap/default/kube-root-ca.crt", "serviceaccount/default/default"]);
    }
}
