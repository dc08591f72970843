//! The control plane in time: ranges and addresses as objects, rollouts, revisions, what nodes and pods are given, and
//! what events say.

use packetwalk_core::api::Kind;
use packetwalk_core::controllers::Fault;
use packetwalk_core::dns::Wanted;
use packetwalk_core::sim::{Cluster, HostId, World};
use packetwalk_core::store::Propagation;
use packetwalk_core::store::api::{Request, Verb};
use packetwalk_core::time::Duration;
use packetwalk_tests::cluster::{cluster, delete, events, named, pass, patch, pods};
use packetwalk_tests::{manifest, text, world};
use serde_json::{Value, json};

fn get(cluster: &Cluster, object: &str) -> Value {
    let document = cluster.store().document(&named(object));
    document.map_or(Value::Null, |it| Value::clone(it))
}

fn create(cluster: &mut Cluster, kind: &str, document: &Value) -> Result<(), String> {
    let mut object = named(&format!("{kind}/"));
    object.name = String::new();
    let told = cluster.request(&Request::new(Verb::Create(document.to_string()), &object));
    cluster.settle(Duration::from_secs(120));
    told.map(|_| ()).map_err(|it| it.message)
}

fn old_release(minor: u16) -> String {
    format!(
        "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\nkubernetesVersion: v1.{minor}.0\n---\n"
    )
}

fn service(name: &str, more: &str) -> String {
    format!(
        "---\napiVersion: v1\nkind: Service\nmetadata: {{name: {name}}}\nspec: {{{more}ports: [{{port: 80}}]}}\n"
    )
}

/// Reasons of events, without their times.
fn reasons(cluster: &Cluster, about: &str) -> Vec<String> {
    let all = events(cluster, about);
    let reason = |it: &String| it.split_once(' ').map(|it| it.1.to_owned());
    all.iter().filter_map(reason).collect()
}

#[test]
fn the_default_range_and_every_address_are_objects_from_1_33_on() {
    let it = cluster(&service("api", "clusterIP: 10.96.7.7, "));
    let range = get(&it, "servicecidr/kubernetes");
    assert_eq!(range["spec"]["cidrs"], json!(["10.96.0.0/12"]));
    assert_eq!(
        range["metadata"]["finalizers"],
        json!(["networking.k8s.io/service-cidr-finalizer"])
    );
    let ready = &range["status"]["conditions"][0];
    assert_eq!(
        (&ready["type"], &ready["status"]),
        (&json!("Ready"), &json!("True"))
    );
    assert_eq!(ready["message"], "Kubernetes Service CIDR is ready");
    let address = get(&it, "ipaddress/10.96.7.7");
    assert_eq!(
        address["spec"]["parentRef"],
        json!({"resource": "services", "namespace": "default", "name": "api"})
    );
    assert_eq!(
        address["metadata"]["labels"],
        json!({
            "ipaddress.kubernetes.io/ip-family": "IPv4",
            "ipaddress.kubernetes.io/managed-by": "ipallocator.k8s.io",
        })
    );
    assert_eq!(it.store().objects().ip_addresses.len(), 3);

    let before = cluster(&(old_release(32) + &service("api", "")));
    assert_eq!(before.store().objects().service_cidrs.len(), 0);
    assert_eq!(before.store().objects().ip_addresses.len(), 0);
}

#[test]
fn an_address_goes_with_its_service_and_comes_back_if_somebody_deletes_it() {
    let mut it = cluster(&service("api", "clusterIP: 10.96.7.7, "));
    delete(&mut it, "ipaddress/10.96.7.7", Propagation::Background);
    pass(&mut it, 1);
    assert_ne!(get(&it, "ipaddress/10.96.7.7"), Value::Null);
    delete(&mut it, "service/api", Propagation::Background);
    pass(&mut it, 1);
    assert_eq!(get(&it, "ipaddress/10.96.7.7"), Value::Null);
}

#[test]
fn a_second_range_gives_out_addresses_and_does_not_go_while_one_is_taken() {
    let mut it = cluster("");
    let taken = json!({"metadata": {"name": "far"}, "spec": {"clusterIP": "10.200.0.7", "ports": [{"port": 80}]}});
    let refusal = create(&mut it, "service", &taken).expect_err("no range has it");
    assert!(
        refusal.ends_with("failed to allocate IP 10.200.0.7: the provided network does not match the current range"),
        "{refusal}"
    );
    let range = json!({"metadata": {"name": "more"}, "spec": {"cidrs": ["10.200.0.0/24"]}});
    create(&mut it, "servicecidr", &range).expect("made");
    create(&mut it, "service", &taken).expect("the new range has it");
    assert_ne!(get(&it, "ipaddress/10.200.0.7"), Value::Null);

    delete(&mut it, "servicecidr/more", Propagation::Background);
    pass(&mut it, 60);
    let going = get(&it, "servicecidr/more");
    assert_eq!(
        going["status"]["conditions"][0]["reason"], "Terminating",
        "{going}"
    );
    // One that is going gives out nothing more.
    let late = json!({"metadata": {"name": "late"}, "spec": {"clusterIP": "10.200.0.8", "ports": [{"port": 80}]}});
    create(&mut it, "service", &late).expect_err("the range is going");

    delete(&mut it, "service/far", Propagation::Background);
    pass(&mut it, 1);
    assert_eq!(get(&it, "ipaddress/10.200.0.7"), Value::Null);
    pass(&mut it, 11);
    assert_eq!(get(&it, "servicecidr/more"), Value::Null);
    // The default one comes back whenever it goes.
    delete(&mut it, "servicecidr/kubernetes", Propagation::Background);
    pass(&mut it, 60);
    assert_ne!(get(&it, "servicecidr/kubernetes"), Value::Null);
}

#[test]
fn addresses_come_from_another_range_when_the_clusters_own_is_full() {
    let own = "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\nnetworking: {serviceSubnet: 10.96.0.0/28}\n---\n";
    let mut it = cluster(
        &(own.to_owned()
            + "apiVersion: networking.k8s.io/v1\nkind: ServiceCIDR\nmetadata: {name: more}\nspec: {cidrs: [10.200.0.0/24]}\n"),
    );
    let mut n_far = 0;
    for idx in 0..20 {
        let name = format!("s{idx}");
        let document = json!({"metadata": {"name": name}, "spec": {"ports": [{"port": 80}]}});
        create(&mut it, "service", &document).expect("made");
        let ip = get(&it, &format!("service/{name}"))["spec"]["clusterIP"].clone();
        n_far += usize::from(ip.as_str().is_some_and(|it| it.starts_with("10.200.0.")));
    }
    assert_eq!(n_far, 8, "14 addresses, two of which the base world has");
    let objects = it.store().objects();
    assert_eq!(objects.ip_addresses.len(), objects.services.len());
}

#[test]
fn services_of_a_dump_with_addresses_nobody_would_give_out_are_told_so() {
    let text = service("far", "clusterIP: 192.0.2.7, ")
        + &service("one", "clusterIP: 10.96.7.7, ")
        + &service("two", "clusterIP: 10.96.7.7, ");
    let it = cluster(&text);
    assert_eq!(
        reasons(&it, "far"),
        [
            "ClusterIPOutOfRange: Cluster IP [IPv4]: 192.0.2.7 is not within any configured Service CIDR; please recreate service"
        ]
    );
    assert_eq!(
        reasons(&it, "two"),
        [
            "ClusterIPAlreadyAllocated: Cluster IP [IPv4]:10.96.7.7 was assigned to multiple services; please recreate service"
        ]
    );
}

#[test]
fn nodes_report_what_describe_shows_until_they_fall_silent() {
    let mut it = cluster("");
    let node = get(&it, "node/node-1");
    let status = &node["status"];
    assert_eq!(status["capacity"], status["allocatable"]);
    assert_eq!(status["capacity"]["pods"], "110");
    assert_eq!(status["nodeInfo"]["kubeletVersion"], "v1.36.0");
    let kinds: Vec<&Value> = status["conditions"]
        .as_array()
        .expect("conditions")
        .iter()
        .map(|it| &it["type"])
        .collect();
    assert_eq!(
        kinds,
        ["MemoryPressure", "DiskPressure", "PIDPressure", "Ready"]
    );
    assert_eq!(node["metadata"]["labels"]["kubernetes.io/os"], "linux");
    pass(&mut it, 25);
    it.suffer(Fault::NodeDown("node-1".into()));
    pass(&mut it, 60);
    let silent = get(&it, "node/node-1");
    for condition in silent["status"]["conditions"]
        .as_array()
        .expect("conditions")
    {
        assert_eq!(condition["reason"], "NodeStatusUnknown", "{condition}");
    }
    assert!(
        reasons(&it, "node-1")
            .contains(&"NodeNotReady: Node node-1 status is now: NodeNotReady".to_owned())
    );
    it.suffer(Fault::NodeUp("node-1".into()));
    pass(&mut it, 5);
    let again = get(&it, "node/node-1");
    assert_eq!(again["status"]["conditions"], {
        let mut wanted = again["status"]["conditions"].clone();
        for (idx, reason) in [
            "KubeletHasSufficientMemory",
            "KubeletHasNoDiskPressure",
            "KubeletHasSufficientPID",
            "KubeletReady",
        ]
        .iter()
        .enumerate()
        {
            wanted[idx]["reason"] = (*reason).into();
        }
        wanted
    });
}

#[test]
fn the_pods_of_a_silent_node_are_marked_and_then_evicted_with_their_events() {
    let deployment = DEPLOYMENT.replace("replicas: 10", "replicas: 2");
    let mut it = cluster(&deployment);
    it.suffer(Fault::NodeDown("node-1".into()));
    pass(&mut it, 400);
    let told = reasons(&it, "api-");
    assert!(
        told.iter()
            .any(|it| it == "NodeNotReady: Node is not ready"),
        "{told:#?}"
    );
    assert!(
        told.iter().any(|it| it.starts_with("TaintManagerEviction: Marking for deletion Pod default/api-")),
        "{told:#?}"
    );
}

#[test]
fn namespaces_have_an_account_and_a_certificate_and_pods_mount_their_token() {
    let mut it = cluster("");
    for namespace in ["default", "kube-system", "kube-public", "kube-node-lease"] {
        assert_ne!(
            get(&it, &format!("serviceaccount/{namespace}/default")),
            Value::Null
        );
        assert_ne!(
            get(&it, &format!("configmap/{namespace}/kube-root-ca.crt")),
            Value::Null
        );
    }
    let pod = json!({"metadata": {"name": "web"}, "spec": {"containers": [{"name": "web", "image": "nginx:1.27"}]}});
    create(&mut it, "pod", &pod).expect("made");
    let pod = get(&it, "pod/web");
    let volume = &pod["spec"]["volumes"][0];
    let name = volume["name"].as_str().expect("a name");
    assert!(
        name.starts_with("kube-api-access-") && name.len() == 21,
        "{name}"
    );
    assert_eq!(
        pod["spec"]["containers"][0]["volumeMounts"][0]["name"],
        name
    );
    assert_eq!(pod["spec"]["serviceAccountName"], "default");
    assert_eq!(pod["spec"]["tolerations"].as_array().map(Vec::len), Some(2));
    let status = &pod["status"];
    assert_eq!(status["qosClass"], "BestEffort");
    assert_eq!(status["podIPs"][0]["ip"], status["podIP"]);
    assert_eq!(status["hostIPs"][0]["ip"], status["hostIP"]);
    let container = &status["containerStatuses"][0];
    let id = container["containerID"].as_str().expect("an identity");
    assert!(id.starts_with("sim://") && id.len() == 70, "{id}");
    let image = container["imageID"].as_str().expect("an identity");
    assert!(
        image.starts_with("docker.io/library/nginx@sha256:"),
        "{image}"
    );
}

const DEPLOYMENT: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: api, annotations: {kubernetes.io/change-cause: first}}
spec:
  replicas: 10
  progressDeadlineSeconds: 60
  revisionHistoryLimit: 2
  strategy: {rollingUpdate: {maxSurge: 3, maxUnavailable: 2}}
  selector: {matchLabels: {app: api}}
  template:
    metadata: {labels: {app: api}}
    spec: {containers: [{name: api, image: 'example/api:1', ports: [{containerPort: 8080}]}]}
";

fn roll_to(cluster: &mut Cluster, image: &str, cause: &str) {
    patch(
        cluster,
        "deployment/api",
        json!({
            "metadata": {"annotations": {"kubernetes.io/change-cause": cause}},
            "spec": {"template": {"spec": {"containers": [{"name": "api", "image": image}]}}},
        }),
    );
    cluster.settle(Duration::from_secs(120));
}

/// ReplicaSets by revision: revision, size, change-cause.
fn sets(cluster: &Cluster) -> Vec<(String, i32, String)> {
    let sets = cluster.store().objects().replica_sets.values();
    let mut sets: Vec<_> = sets
        .map(|it| {
            let told = |name: &str| {
                it.metadata
                    .annotations
                    .get(name)
                    .cloned()
                    .unwrap_or_default()
            };
            (
                told("deployment.kubernetes.io/revision"),
                it.spec.replicas.unwrap_or(1),
                told("kubernetes.io/change-cause"),
            )
        })
        .collect();
    sets.sort();
    sets
}

fn progress(cluster: &Cluster) -> Value {
    let deployment = get(cluster, "deployment/api");
    let conditions = deployment["status"]["conditions"].as_array().cloned();
    let progress = conditions.unwrap_or_default();
    let found = progress.into_iter().find(|it| it["type"] == "Progressing");
    found.unwrap_or_default()
}

#[test]
fn a_rollout_that_gets_no_further_says_so_after_its_deadline() {
    let mut it = cluster(DEPLOYMENT);
    assert_eq!(progress(&it)["reason"], "NewReplicaSetAvailable");
    roll_to(&mut it, "registry.invalid/api:2", "a mistake");
    assert_eq!(
        progress(&it)["reason"],
        "ReplicaSetUpdated",
        "{}",
        progress(&it)
    );
    pass(&mut it, 70);
    let progress = progress(&it);
    assert_eq!(progress["status"], "False");
    assert_eq!(progress["reason"], "ProgressDeadlineExceeded");
    let message = progress["message"].as_str().expect("a message");
    assert!(
        message.starts_with("ReplicaSet \"api-")
            && message.ends_with("\" has timed out progressing."),
        "{message}"
    );
}

#[test]
fn a_deployment_scaled_in_the_middle_of_a_rollout_shares_the_difference_out() {
    let mut it = cluster(DEPLOYMENT);
    roll_to(&mut it, "registry.invalid/api:2", "a mistake");
    // 10 wanted, 3 more and 2 fewer: the documentation's own example.
    let sizes = |it: &Cluster| sets(it).iter().map(|it| it.1).collect::<Vec<_>>();
    assert_eq!(sizes(&it), [8, 5]);
    patch(&mut it, "deployment/api", json!({"spec": {"replicas": 15}}));
    it.settle(Duration::from_secs(120));
    assert_eq!(sizes(&it), [11, 7]);
}

#[test]
fn a_paused_deployment_scales_and_does_not_roll_until_it_is_resumed() {
    let mut it = cluster(DEPLOYMENT);
    patch(&mut it, "deployment/api", json!({"spec": {"paused": true}}));
    roll_to(&mut it, "example/api:2", "second");
    assert_eq!(progress(&it)["reason"], "DeploymentPaused");
    assert_eq!(sets(&it).len(), 1);
    patch(&mut it, "deployment/api", json!({"spec": {"replicas": 4}}));
    it.settle(Duration::from_secs(120));
    assert_eq!(sets(&it)[0].1, 4);
    patch(&mut it, "deployment/api", json!({"spec": {"paused": null}}));
    it.settle(Duration::from_secs(120));
    assert_eq!(progress(&it)["reason"], "NewReplicaSetAvailable");
    assert_eq!(sets(&it).len(), 2);
}

#[test]
fn history_keeps_causes_and_revisions_and_forgets_the_oldest() {
    let mut it = cluster(DEPLOYMENT);
    for (image, cause) in [
        ("example/api:2", "second"),
        ("example/api:3", "third"),
        ("example/api:4", "fourth"),
    ] {
        roll_to(&mut it, image, cause);
    }
    let kept: Vec<_> = sets(&it).into_iter().map(|it| (it.0, it.2)).collect();
    let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    assert_eq!(
        kept,
        [pair("2", "second"), pair("3", "third"), pair("4", "fourth")]
    );
    // Going back makes an old template the newest revision, which remembers what it was.
    roll_to(&mut it, "example/api:2", "back");
    let sets = it.store().objects().replica_sets.values();
    let newest = sets
        .max_by_key(|it| {
            it.metadata
                .annotations
                .get("deployment.kubernetes.io/revision")
                .cloned()
        })
        .expect("one");
    let annotations = &newest.metadata.annotations;
    assert_eq!(annotations["deployment.kubernetes.io/revision"], "5");
    assert_eq!(
        annotations["deployment.kubernetes.io/revision-history"],
        "2"
    );
    assert_eq!(annotations["kubernetes.io/change-cause"], "back");
    let deployment = get(&it, "deployment/api");
    assert_eq!(
        deployment["metadata"]["annotations"]["deployment.kubernetes.io/revision"],
        "5"
    );
}

const STATEFUL_SET: &str = "
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  replicas: 3
  serviceName: db
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec: {containers: [{name: db, image: 'example/db:1'}]}
";

/// Images of the pods of a StatefulSet, by ordinal.
fn images(cluster: &Cluster) -> Vec<String> {
    let pods = cluster.store().objects().pods.values();
    let of = pods.filter(|it| it.metadata.name.starts_with("db-"));
    of.map(|it| it.spec.containers[0].image.clone()).collect()
}

fn new_image(cluster: &mut Cluster, image: &str) {
    let containers = json!([{"name": "db", "image": image}]);
    let template = json!({"spec": {"template": {"spec": {"containers": containers}}}});
    patch(cluster, "statefulset/db", template);
    cluster.settle(Duration::from_secs(120));
}

#[test]
fn pods_below_the_partition_stay_what_they_were_also_when_they_are_made_anew() {
    let partitioned = STATEFUL_SET.replace(
        "  serviceName: db",
        "  serviceName: db\n  updateStrategy: {type: RollingUpdate, rollingUpdate: {partition: 2}}",
    );
    let mut it = cluster(&partitioned);
    new_image(&mut it, "example/db:2");
    assert_eq!(
        images(&it),
        ["example/db:1", "example/db:1", "example/db:2"]
    );
    delete(&mut it, "pod/db-0", Propagation::Background);
    it.settle(Duration::from_secs(120));
    assert_eq!(
        images(&it),
        ["example/db:1", "example/db:1", "example/db:2"]
    );
    let status = get(&it, "statefulset/db")["status"].clone();
    assert_eq!(
        (&status["currentReplicas"], &status["updatedReplicas"]),
        (&json!(2), &json!(1))
    );
    assert_ne!(status["currentRevision"], status["updateRevision"]);
    let revisions: Vec<i64> = it
        .store()
        .objects()
        .controller_revisions
        .values()
        .map(|it| it.revision)
        .collect();
    assert_eq!(revisions.len(), 2, "{revisions:?}");
    let named = status["currentRevision"].as_str().expect("a name");
    let revision = get(&it, &format!("controllerrevision/{named}"));
    assert_eq!(revision["data"]["spec"]["template"]["$patch"], "replace");
    assert_eq!(revision["metadata"]["ownerReferences"][0]["name"], "db");

    let all = json!({"spec": {"updateStrategy": {"rollingUpdate": {"partition": 0}}}});
    patch(&mut it, "statefulset/db", all);
    it.settle(Duration::from_secs(120));
    assert_eq!(images(&it), ["example/db:2"; 3]);
    let status = get(&it, "statefulset/db")["status"].clone();
    assert_eq!(status["currentRevision"], status["updateRevision"]);
}

#[test]
fn on_delete_replaces_a_pod_only_when_somebody_deletes_it() {
    let on_delete = STATEFUL_SET.replace(
        "  serviceName: db",
        "  serviceName: db\n  updateStrategy: {type: OnDelete}",
    );
    let mut it = cluster(&on_delete);
    new_image(&mut it, "example/db:2");
    assert_eq!(images(&it), ["example/db:1"; 3]);
    delete(&mut it, "pod/db-1", Propagation::Background);
    it.settle(Duration::from_secs(120));
    assert_eq!(
        images(&it),
        ["example/db:1", "example/db:2", "example/db:1"]
    );
}

#[test]
fn a_broken_pod_of_an_old_revision_does_not_stop_a_rollout() {
    let broken = STATEFUL_SET
        .replace("example/db:1", "registry.invalid/db:1")
        .replace(
            "  serviceName: db",
            "  serviceName: db\n  podManagementPolicy: Parallel",
        );
    let mut it = cluster(&broken);
    assert_eq!(images(&it).len(), 3, "Parallel waits for nobody");
    new_image(&mut it, "example/db:2");
    it.settle(Duration::from_secs(120));
    assert_eq!(images(&it), ["example/db:2"; 3]);
    assert!(
        pods(&it, "default")
            .iter()
            .all(|it| it.contains(" Running ready"))
    );
}

#[test]
fn pods_say_by_annotations_how_their_programs_end_and_begin() {
    let pod = |name: &str, annotations: &str, more: &str| {
        format!(
            "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, annotations: {{{annotations}}}}}\n\
             spec: {{containers: [{{name: web, image: 'example/web:1', ports: [{{containerPort: 80}}]{more}}}]}}\n"
        )
    };
    let probe = ", readinessProbe: {httpGet: {path: /, port: 80}, periodSeconds: 1}";
    let mut it = cluster(
        &(pod("crash", "packetwalk.dev/exits: 1 after 3s", "")
            + &pod("slow", "packetwalk.dev/starts: 20s", probe)
            + &pod("never", "packetwalk.dev/starts: never", probe)
            + &pod("job", "packetwalk.dev/exits: 0 after 2s", "")
                .replace("spec: {", "spec: {restartPolicy: Never, ")),
    );
    assert_eq!(
        pods(&it, "default"),
        [
            "crash CrashLoopBackOff unready node-1",
            "job Succeeded unready node-2",
            "never Running unready node-1",
            "slow Running unready node-2",
        ]
    );
    let status = get(&it, "pod/crash")["status"]["containerStatuses"][0].clone();
    assert_eq!(status["lastState"]["terminated"]["exitCode"], 1);
    assert!(status["restartCount"].as_i64() >= Some(1), "{status}");
    pass(&mut it, 30);
    let slow = pods(&it, "default")
        .into_iter()
        .find(|it| it.starts_with("slow"));
    assert_eq!(slow.as_deref(), Some("slow Running ready node-2"));
    let told = reasons(&it, "crash");
    assert!(told.iter().any(|it| it.starts_with("BackOff")), "{told:#?}");
}

#[test]
fn ten_different_messages_of_one_kind_are_combined() {
    let deployment = DEPLOYMENT.replace("replicas: 10", "replicas: 14");
    let it = cluster(&deployment);
    let created: Vec<String> = reasons(&it, "api-")
        .into_iter()
        .filter(|it| it.starts_with("SuccessfulCreate"))
        .collect();
    assert_eq!(created.len(), 10, "{created:#?}");
    let combined = "SuccessfulCreate (x5): (combined from similar events): Created pod: api-";
    assert!(
        created.iter().any(|it| it.starts_with(combined)),
        "{created:#?}"
    );
    for (_, event) in it.store().documents(Kind::Event) {
        assert_eq!(event["reportingComponent"], event["source"]["component"]);
    }
}

#[test]
fn slices_and_endpoints_say_when_the_change_happened_they_were_written_for() {
    // Times are to the second: a pod that is ready in the second in which it was made tells nothing new.
    let late = "ports: [{containerPort: 8080}], readinessProbe: {tcpSocket: {port: 8080}, initialDelaySeconds: 5}";
    let mut it = cluster(
        &(DEPLOYMENT
            .replace("replicas: 10", "replicas: 1")
            .replace("ports: [{containerPort: 8080}]", late)
            + &service("api", "selector: {app: api}, ")),
    );
    let at = |it: &Cluster| {
        let slice = it
            .store()
            .objects()
            .slices_of("default", "api")
            .next()
            .cloned();
        let annotations = slice.expect("a slice").metadata.annotations.clone();
        annotations
            .get("endpoints.kubernetes.io/last-change-trigger-time")
            .cloned()
    };
    let first = at(&it).expect("a time");
    patch(&mut it, "deployment/api", json!({"spec": {"replicas": 2}}));
    pass(&mut it, 20);
    let pods = it.store().objects().pods.values();
    let ready = pods
        .flat_map(|it| &it.status.conditions)
        .filter(|it| it.kind == "Ready");
    let newest = ready.filter_map(|it| it.last_transition_time.clone()).max();
    let second = at(&it);
    assert_eq!(second, newest);
    assert!(second > Some(first));
    let endpoints = get(&it, "endpoints/api");
    assert_eq!(
        endpoints["metadata"]["annotations"]["endpoints.kubernetes.io/last-change-trigger-time"]
            .as_str(),
        second.as_deref()
    );
}

#[test]
fn a_look_up_asks_both_families_along_the_search_list_of_the_pod_that_asks() {
    let world = world(
        &(text("static/manifests/clusterip.yaml")
            + "\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: host}\nspec: {hostNetwork: true, dnsPolicy: ClusterFirstWithHostNet, nodeName: node-1, containers: [{name: c, image: x}]}\n"),
    );
    let asked = |pod: &str, name: &str, wanted| {
        let lookup = world.look_up(&HostId::Pod("default".into(), pod.into()), name, wanted);
        let lookup = lookup.expect("it asks");
        let packets = lookup.packets.iter();
        let lines = packets.map(|it| {
            let rcode = it.answer.as_ref().map(|it| it.rcode.to_string());
            format!(
                "{} {} {}",
                it.sent.question.name,
                it.sent.question.kind,
                rcode.unwrap_or_default()
            )
        });
        lines.collect::<Vec<_>>()
    };
    let both = [
        "api.default.svc.cluster.local. A NOERROR",
        "api.default.svc.cluster.local. AAAA NOERROR",
    ];
    assert_eq!(asked("client", "api", Wanted::Both), both);
    // With the host's network it is still the pod's own resolv.conf that counts.
    assert_eq!(asked("host", "api", Wanted::Both), both);
    // Whoever is not named stands for any pod.
    assert_eq!(asked("", "api", Wanted::Both), both);
    assert_eq!(
        asked(
            "client",
            "nobody.shop",
            Wanted::Only(packetwalk_core::ip::Family::V4)
        ),
        [
            "nobody.shop.default.svc.cluster.local. A NXDOMAIN",
            "nobody.shop.svc.cluster.local. A NXDOMAIN",
            "nobody.shop.cluster.local. A NXDOMAIN",
            "nobody.shop. A NXDOMAIN",
        ]
    );
}

#[test]
fn what_is_wrong_in_a_corefile_is_said_at_the_line_of_the_manifest() {
    let text = "# a remark\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: coredns, namespace: kube-system}\ndata:\n  Corefile: |\n    .:53 {\n      errors\n      cash 30\n      kubernetes cluster.local\n    }\n";
    let world = World::from_manifest(&manifest(text), None, 1);
    let said: Vec<String> = world.complaints.iter().map(ToString::to_string).collect();
    assert!(
        said.iter()
            .any(|it| it.starts_with("test.yaml:9:1: data.Corefile: Unknown directive 'cash'")),
        "{said:#?}"
    );
    let inline = text.replace(
        "|\n    .:53 {\n      errors\n      cash 30\n      kubernetes cluster.local\n    }\n",
        "\".:53 {\\n  cash 30\\n}\\n\"\n",
    );
    let world = World::from_manifest(&manifest(&inline), None, 1);
    let said: Vec<String> = world.complaints.iter().map(ToString::to_string).collect();
    assert!(
        said.iter().any(|it| it.starts_with("test.yaml:6:")),
        "{said:#?}"
    );
}

#[test]
fn the_service_of_the_api_servers_comes_back_with_its_endpoints_and_its_address() {
    let mut it = cluster("");
    let parts = |it: &Cluster| {
        ["service", "endpoints", "endpointslice"].map(|kind| {
            let mut found = get(it, &format!("{kind}/kubernetes"));
            if let Some(metadata) = found["metadata"].as_object_mut() {
                for field in ["uid", "resourceVersion", "creationTimestamp", "generation"] {
                    metadata.remove(field);
                }
            }
            found
        })
    };
    let before = parts(&it);
    for kind in ["service", "endpoints", "endpointslice"] {
        delete(
            &mut it,
            &format!("{kind}/kubernetes"),
            Propagation::Background,
        );
    }
    pass(&mut it, 1);
    assert_eq!(get(&it, "service/kubernetes"), Value::Null);
    pass(&mut it, 10);
    assert_eq!(parts(&it), before);
    let held: Vec<String> = it
        .store()
        .documents(Kind::IpAddress)
        .map(|it| it.0.name.clone())
        .collect();
    assert_eq!(held, ["10.96.0.1", "10.96.0.10"]);
}
