//! A Service over its life: types that change, families that come and go, what is filled in, what
//! is kept, given out and taken back.
//!
//! `pkg/registry/core/service/storage/storage_test.go` of Kubernetes asks the same questions.

use packetwalk_core::api::{KubernetesVersion, LoadBalancerIngress, Service, Status};
use packetwalk_core::chance::Chooser;
use packetwalk_core::store::service::{
    DryRun, Rules, adopt, complete, create, default_on_read, delete, update, update_status,
};
use packetwalk_core::store::{Allocators, PortRange};
use std::collections::BTreeSet;

const V4: &str = "10.96.0.0/12";
const DUAL: &str = "10.96.0.0/12,fd00:10:96::/112";

/// An API server and its memory of what Services hold.
struct Server {
    rules: Rules,
    allocators: Allocators,
    chooser: Chooser,
}

impl Server {
    fn new(ranges: &str) -> Self {
        Self::of(36, ranges)
    }

    fn of(minor: u16, ranges: &str) -> Self {
        let rules = Rules {
            version: KubernetesVersion { major: 1, minor },
            service_ranges: ranges
                .split(',')
                .map(|it| it.parse().expect("a range"))
                .collect(),
            node_ports: PortRange::default(),
        };
        Server {
            allocators: rules.allocators(),
            rules,
            chooser: Chooser::seeded(7),
        }
    }

    fn write(&mut self, body: &str, dry_run: DryRun) -> Result<Service, Status> {
        let mut it = service(body);
        let (rules, allocators) = (&self.rules, &mut self.allocators);
        create(&mut it, rules, allocators, &mut self.chooser, dry_run)?;
        Ok(it)
    }

    fn create(&mut self, body: &str) -> Service {
        self.write(body, DryRun::No)
            .unwrap_or_else(|it| panic!("{body}: {it}"))
    }

    fn change(&mut self, old: &Service, new: &Service) -> Result<Service, Status> {
        let mut it = new.clone();
        let (rules, allocators) = (&self.rules, &mut self.allocators);
        update(
            old,
            &mut it,
            rules,
            allocators,
            &mut self.chooser,
            DryRun::No,
        )?;
        Ok(it)
    }

    fn apply(&mut self, old: &Service, body: &str) -> Service {
        self.change(old, &service(body))
            .unwrap_or_else(|it| panic!("{body}: {it}"))
    }

    /// What is taken is exactly what these Services hold.
    fn holds_what(&self, services: &[&Service]) {
        let mut ips = BTreeSet::new();
        let mut ports = BTreeSet::new();
        for it in services {
            ips.extend(it.cluster_ips());
            ports.extend(it.node_ports().chain(it.spec.health_check_node_port));
        }
        let families = packetwalk_core::ip::Family::ALL.into_iter();
        let taken: BTreeSet<_> = families
            .filter_map(|it| self.allocators.ips(it))
            .flat_map(|it| it.taken().map(|it| it.0))
            .collect();
        assert_eq!(taken, ips);
        let taken: BTreeSet<_> = self.allocators.ports.taken().map(|it| it.0).collect();
        assert_eq!(taken, ports);
    }
}

fn service(body: &str) -> Service {
    let metadata = if body.contains("metadata:") {
        ""
    } else {
        "metadata: {name: x, namespace: default}\n"
    };
    let stream = packetwalk_core::yaml::parse(&format!("{metadata}{body}"));
    let decoded = packetwalk_core::yaml::decode::<Service>(&stream.documents[0]);
    assert!(
        decoded.problems.is_empty(),
        "{body}: {:?}",
        decoded.problems
    );
    decoded.value.expect("a Service")
}

fn json(it: &Service) -> serde_json::Value {
    serde_json::to_value(it).expect("a Service is always valid JSON")
}

const TYPES: [&str; 5] = [
    "ClusterIP",
    "NodePort",
    "LoadBalancer",
    "ExternalName",
    "headless",
];

fn manifest(kind: &str) -> &'static str {
    match kind {
        "ClusterIP" => "spec: {selector: {app: a}, ports: [{port: 80}]}",
        "NodePort" => "spec: {type: NodePort, selector: {app: a}, ports: [{port: 80}]}",
        "LoadBalancer" => {
            "spec: {type: LoadBalancer, externalTrafficPolicy: Local, loadBalancerClass: example.com/lb, selector: {app: a}, ports: [{port: 80}]}"
        }
        "ExternalName" => {
            "spec: {type: ExternalName, externalName: db.example.com, selector: {app: a}, ports: [{port: 80}]}"
        }
        _ => "spec: {clusterIP: None, selector: {app: a}, ports: [{port: 80}]}",
    }
}

/// The old Service with another type, as a patch of the type leaves it.
fn patched(old: &Service, kind: &str) -> Service {
    let mut new = old.clone();
    new.spec.kind = Some(
        if kind == "headless" {
            "ClusterIP"
        } else {
            kind
        }
        .into(),
    );
    match kind {
        "ExternalName" => new.spec.external_name = Some("db.example.com".into()),
        "headless" => {
            new.spec.cluster_ip = Some("None".into());
            new.spec.cluster_ips = vec!["None".into()];
        }
        "ClusterIP" if old.is_headless() => {
            new.spec.cluster_ip = None;
            new.spec.cluster_ips.clear();
        }
        _ => {}
    }
    new
}

fn fate<T: PartialEq>(before: Option<&T>, after: Option<&T>) -> &'static str {
    match (before, after) {
        (None, None) => "-",
        (None, Some(_)) => "new",
        (Some(_), None) => "gone",
        (Some(before), Some(after)) if before == after => "kept",
        (Some(_), Some(_)) => "changed",
    }
}

fn story(old: &Service, new: &Service) -> String {
    let (a, b) = (&old.spec, &new.spec);
    let or = |it: &Option<String>| it.clone().unwrap_or_else(|| "-".into());
    let allocate = b.allocate_load_balancer_node_ports;
    format!(
        "{} ip {}, node port {}, health check {}, external {}, internal {}, allocate {}, class {}, families {}, ingress {}",
        if new.is_headless() {
            "headless"
        } else {
            new.kind()
        },
        fate(a.cluster_ip.as_ref(), b.cluster_ip.as_ref()),
        fate(
            old.node_ports().next().as_ref(),
            new.node_ports().next().as_ref()
        ),
        fate(
            a.health_check_node_port.as_ref(),
            b.health_check_node_port.as_ref()
        ),
        or(&b.external_traffic_policy),
        or(&b.internal_traffic_policy),
        allocate.map_or("-".into(), |it| it.to_string()),
        fate(
            a.load_balancer_class.as_ref(),
            b.load_balancer_class.as_ref()
        ),
        if b.ip_families.is_empty() {
            "-".into()
        } else {
            b.ip_families.join("+")
        },
        new.status.load_balancer.ingress.len(),
    )
}

/// From, to, and what comes of it when only the type is patched.
fn changes() -> Vec<(String, String, String)> {
    let file = packetwalk_tests::text("tests/cases/service-type-changes.txt");
    let rows = file.lines().filter_map(|line| {
        let (change, story) = line.split_once(": ")?;
        let (from, to) = change.split_once(" -> ")?;
        Some((from.to_owned(), to.to_owned(), story.to_owned()))
    });
    rows.collect()
}

#[test]
fn every_type_changes_into_every_other_as_kubernetes_does_it() {
    let mut faults = Vec::new();
    for (from, to, expected) in changes() {
        let mut server = Server::new(V4);
        let mut old = server.create(manifest(&from));
        if from == "LoadBalancer" {
            let mut ready = old.clone();
            ready
                .status
                .load_balancer
                .ingress
                .push(LoadBalancerIngress {
                    ip: Some("203.0.113.5".into()),
                    ..LoadBalancerIngress::default()
                });
            update_status(&old, &mut ready, &server.rules).expect("a status");
            old = ready;
        }
        let before = server.allocators.clone();
        let found = match server.change(&old, &patched(&old, &to)) {
            Ok(new) => {
                server.holds_what(&[&new]);
                delete(&new, &mut server.allocators);
                assert!(server.allocators.is_empty(), "{from} → {to}");
                story(&old, &new)
            }
            Err(status) => {
                assert_eq!(server.allocators, before, "{from} → {to}");
                status.message
            }
        };
        if found != expected {
            faults.push(format!(
                "{from} → {to}\n  expected {expected}\n  found    {found}"
            ));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn the_table_of_changes_is_complete() {
    let changes = changes();
    assert_eq!(changes.len(), TYPES.len() * TYPES.len());
    let told: BTreeSet<_> = changes
        .iter()
        .map(|it| (it.0.as_str(), it.1.as_str()))
        .collect();
    for from in TYPES {
        for to in TYPES {
            assert!(told.contains(&(from, to)), "{from} → {to}");
        }
    }
}

#[test]
fn a_manifest_that_is_applied_again_keeps_what_was_given_out() {
    for kind in TYPES {
        let mut server = Server::new(DUAL);
        let old = server.create(manifest(kind));
        let new = server.apply(&old, manifest(kind));
        assert_eq!(json(&new), json(&old), "{kind}");
        server.holds_what(&[&new]);
    }
}

#[test]
fn a_manifest_of_another_type_gets_what_it_needs_and_leaves_the_rest() {
    for from in TYPES {
        for to in TYPES {
            let mut server = Server::new(V4);
            let old = server.create(manifest(from));
            let before = server.allocators.clone();
            match server.change(&old, &service(manifest(to))) {
                Ok(new) => server.holds_what(&[&new]),
                Err(_) => assert_eq!(server.allocators, before, "{from} → {to}"),
            }
        }
    }
}

#[test]
fn an_address_and_a_port_are_given_once() {
    let mut server = Server::new(V4);
    let first = "metadata: {name: a, namespace: default}\nspec: {type: NodePort, clusterIP: 10.96.0.5, ports: [{port: 80, nodePort: 30080}]}";
    let second =
        |what: &str| format!("metadata: {{name: b, namespace: default}}\nspec: {{{what}}}");
    let it = server.create(first);
    let refused = |server: &mut Server, what: &str| {
        let outcome = server.write(&second(what), DryRun::No);
        outcome.expect_err("it is taken").message
    };
    assert_eq!(
        refused(&mut server, "clusterIP: 10.96.0.5, ports: [{port: 80}]"),
        "Service \"b\" is invalid: spec.clusterIPs: Invalid value: [\"10.96.0.5\"]: failed to allocate IP 10.96.0.5: provided IP is already allocated"
    );
    assert_eq!(
        refused(
            &mut server,
            "type: NodePort, ports: [{port: 80, nodePort: 30080}]"
        ),
        "Service \"b\" is invalid: spec.ports[0].nodePort: Invalid value: 30080: provided port is already allocated"
    );
    server.holds_what(&[&it]);
    delete(&it, &mut server.allocators);
    assert!(server.allocators.is_empty());
    server.create(&second(
        "type: NodePort, clusterIP: 10.96.0.5, ports: [{port: 80, nodePort: 30080}]",
    ));
}

#[test]
fn two_protocols_on_one_port_share_a_node_port_only_at_first() {
    let mut server = Server::new(V4);
    let both = "ports: [{name: dns, port: 53, protocol: UDP}, {name: dns-tcp, port: 53}, {name: metrics, port: 9153}]}";
    let made = server.create(&format!("spec: {{type: NodePort, {both}"));
    let ports: Vec<i32> = made.node_ports().collect();
    assert_eq!(ports[0], ports[1]);
    assert_ne!(ports[0], ports[2]);
    delete(&made, &mut server.allocators);
    let plain = server.create(&format!("spec: {{{both}"));
    let changed = server.apply(&plain, &format!("spec: {{type: NodePort, {both}"));
    let ports: BTreeSet<i32> = changed.node_ports().collect();
    assert_eq!(ports.len(), 3);
}

#[test]
fn node_ports_are_carried_over_by_the_name_of_their_port() {
    let mut server = Server::new(V4);
    let old = server.create(
        "spec: {type: NodePort, ports: [{name: a, port: 80, nodePort: 30080}, {name: b, port: 81, nodePort: 30081}]}",
    );
    // Another number and another order: the names count.
    let new = server.apply(
        &old,
        "spec: {type: NodePort, ports: [{name: b, port: 8081}, {name: c, port: 82}, {name: a, port: 80}]}",
    );
    let ports: Vec<i32> = new.node_ports().collect();
    assert_eq!((ports[0], ports[2]), (30081, 30080));
    server.holds_what(&[&new]);
    // What another port asks for is not carried over.
    let last = server.apply(
        &new,
        "spec: {type: NodePort, ports: [{name: b, port: 81}, {name: a, port: 80, nodePort: 30081}]}",
    );
    let ports: Vec<i32> = last.node_ports().collect();
    assert_eq!(ports[1], 30081);
    assert_ne!(ports[0], 30081);
    server.holds_what(&[&last]);
}

#[test]
fn a_load_balancer_without_node_ports_keeps_those_it_asks_for() {
    let mut server = Server::new(V4);
    let without = server.create(
        "spec: {type: LoadBalancer, allocateLoadBalancerNodePorts: false, ports: [{name: a, port: 80}, {name: b, port: 81, nodePort: 30081}]}",
    );
    assert_eq!(without.node_ports().collect::<Vec<_>>(), [30081]);
    let with = server.apply(
        &without,
        "spec: {type: LoadBalancer, ports: [{name: a, port: 80}, {name: b, port: 81}]}",
    );
    let ports: Vec<i32> = with.node_ports().collect();
    assert_eq!((ports.len(), ports[1]), (2, 30081));
    server.holds_what(&[&with]);
}

#[test]
fn a_port_for_health_checks_comes_and_goes_with_local_traffic() {
    let mut server = Server::new(V4);
    let cluster = server.create("spec: {type: LoadBalancer, ports: [{port: 80}]}");
    assert_eq!(cluster.spec.health_check_node_port, None);
    let local_body =
        "spec: {type: LoadBalancer, externalTrafficPolicy: Local, ports: [{port: 80}]}";
    let local = server.apply(&cluster, local_body);
    assert!(local.spec.health_check_node_port.is_some());
    server.holds_what(&[&local]);
    let mut back = local.clone();
    back.spec.external_traffic_policy = Some("Cluster".into());
    let back = server.change(&local, &back).expect("back again");
    assert_eq!(back.spec.health_check_node_port, None);
    server.holds_what(&[&back]);
}

#[test]
fn families_follow_the_policy_and_the_cluster() {
    let file = packetwalk_tests::text("tests/cases/service-families.txt");
    let mut n_rows = 0;
    for line in file.lines() {
        let parts: Vec<&str> = line.split(" | ").collect();
        let [ranges, asked, expected] = parts[..] else {
            continue;
        };
        n_rows += 1;
        let mut server = Server::new(ranges);
        let it = server.create(&format!("spec: {{{asked}, ports: [{{port: 80}}]}}"));
        let found = format!(
            "{} {} {}",
            it.spec.ip_families.join("+"),
            it.spec.ip_family_policy.as_deref().unwrap_or_default(),
            it.cluster_ips().len()
        );
        assert_eq!(found, expected, "{line}");
        assert_eq!(it.spec.cluster_ip, it.spec.cluster_ips.first().cloned());
        for (family, ip) in it.spec.ip_families.iter().zip(it.cluster_ips()) {
            let of_ip = packetwalk_core::ip::family(ip).to_string();
            assert_eq!(*family, of_ip, "{line}");
        }
        server.holds_what(&[&it]);
    }
    assert_eq!(n_rows, 17);
}

#[test]
fn a_second_family_comes_and_goes_and_the_first_one_stays() {
    let mut server = Server::new(DUAL);
    let single = server.create("spec: {ports: [{port: 80}]}");
    let dual = server.apply(
        &single,
        "spec: {ipFamilyPolicy: RequireDualStack, ports: [{port: 80}]}",
    );
    assert_eq!(dual.spec.ip_families, ["IPv4", "IPv6"]);
    assert_eq!(dual.spec.cluster_ip, single.spec.cluster_ip);
    assert_eq!(dual.cluster_ips().len(), 2);
    server.holds_what(&[&dual]);
    let again = server.apply(
        &dual,
        "spec: {ipFamilyPolicy: SingleStack, ports: [{port: 80}]}",
    );
    assert_eq!(again.spec.cluster_ips, single.spec.cluster_ips);
    assert_eq!(again.spec.ip_families, ["IPv4"]);
    server.holds_what(&[&again]);
    // The second address may be asked for, and must be free.
    let named = server.apply(
        &again,
        &format!(
            "spec: {{ipFamilyPolicy: PreferDualStack, clusterIP: {0}, clusterIPs: [{0}, 'fd00:10:96::9'], ports: [{{port: 80}}]}}",
            again.spec.cluster_ips[0]
        ),
    );
    assert_eq!(named.spec.cluster_ips[1], "fd00:10:96::9");
    server.holds_what(&[&named]);
}

#[test]
fn a_service_that_prefers_two_families_is_not_moved_when_the_cluster_changes() {
    let mut single = Server::new(V4);
    let body = "spec: {ipFamilyPolicy: PreferDualStack, clusterIP: 10.96.0.5, ports: [{port: 80}]}";
    let old = single.create(body);
    let mut dual = Server::new(DUAL);
    assert!(adopt(&old, &mut dual.allocators).is_empty());
    let new = dual.change(&old, &old.clone()).expect("no change");
    assert_eq!(new.spec.ip_families, ["IPv4"]);
    dual.holds_what(&[&new]);
}

#[test]
fn a_dry_run_shows_the_address_of_the_range_and_takes_nothing() {
    let mut server = Server::new(DUAL);
    let body = "spec: {type: LoadBalancer, externalTrafficPolicy: Local, ipFamilyPolicy: RequireDualStack, ports: [{name: a, port: 80}, {name: b, port: 81}]}";
    let shown = server.write(body, DryRun::Yes).expect("it would be fine");
    assert_eq!(shown.spec.cluster_ips, ["10.96.0.0", "fd00:10:96::"]);
    assert_eq!(shown.node_ports().collect::<Vec<_>>(), [32769, 32770]);
    assert_eq!(shown.spec.health_check_node_port, Some(32771));
    assert!(server.allocators.is_empty());
}

#[test]
fn a_dry_run_sees_a_taken_port_but_not_a_taken_address() {
    let mut server = Server::new(V4);
    let body = |name: &str, port: i32| {
        format!(
            "metadata: {{name: {name}, namespace: default}}\nspec: {{type: NodePort, clusterIP: 10.96.0.5, ports: [{{port: 80, nodePort: {port}}}]}}"
        )
    };
    server.create(&body("a", 30080));
    server
        .write(&body("b", 30081), DryRun::Yes)
        .expect("nobody looks");
    let refused = server.write(&body("b", 30080), DryRun::Yes);
    assert!(
        refused
            .expect_err("it is taken")
            .message
            .contains("already allocated")
    );
    // Nor does a dry run look whether a port is in the range.
    server
        .write(&body("b", 8080), DryRun::Yes)
        .expect("nobody looks");
}

#[test]
fn a_status_is_changed_alone() {
    let mut server = Server::new(V4);
    let old = server.create("spec: {type: LoadBalancer, ports: [{port: 80}]}");
    let mut new = service(
        "spec: {type: LoadBalancer, ports: [{port: 443}]}\nstatus: {loadBalancer: {ingress: [{ip: 203.0.113.5}]}, conditions: [{type: Ready, status: 'True', reason: Ok, message: '', lastTransitionTime: '2026-01-01T00:00:00Z'}]}",
    );
    update_status(&old, &mut new, &server.rules).expect("a status");
    assert_eq!(new.spec, old.spec);
    assert_eq!(
        new.status.load_balancer.ingress[0].ip_mode.as_deref(),
        Some("VIP")
    );
    assert_eq!(new.status.conditions[0].kind, "Ready");
    // A change of the Service leaves the status alone, and a new Service has none.
    let changed = server.apply(&new, "spec: {type: LoadBalancer, ports: [{port: 80}]}");
    assert_eq!(changed.status, new.status);
    delete(&changed, &mut server.allocators);
    let fresh = server.create(
        "spec: {type: LoadBalancer, ports: [{port: 80}]}\nstatus: {loadBalancer: {ingress: [{ip: 203.0.113.5}]}}",
    );
    assert_eq!(
        json(&fresh)["status"],
        serde_json::json!({"loadBalancer": {}})
    );
}

#[test]
fn defaults_are_those_of_every_type() {
    let with_defaults = |body: &str| {
        let mut it = service(body);
        it.set_defaults();
        json(&it)["spec"].clone()
    };
    let port = serde_json::json!([{"port": 80, "protocol": "TCP", "targetPort": 80}]);
    for (body, expected) in [
        (
            "spec: {ports: [{port: 80}]}",
            serde_json::json!({"type": "ClusterIP", "sessionAffinity": "None", "internalTrafficPolicy": "Cluster"}),
        ),
        (
            "spec: {type: '', sessionAffinity: '', clusterIP: '', externalName: '', ports: [{port: 80, name: '', nodePort: 0}]}",
            serde_json::json!({"type": "ClusterIP", "sessionAffinity": "None", "internalTrafficPolicy": "Cluster"}),
        ),
        (
            "spec: {externalIPs: [203.0.113.5], ports: [{port: 80}]}",
            serde_json::json!({"type": "ClusterIP", "sessionAffinity": "None", "internalTrafficPolicy": "Cluster", "externalTrafficPolicy": "Cluster", "externalIPs": ["203.0.113.5"]}),
        ),
        (
            "spec: {type: NodePort, ports: [{port: 80}]}",
            serde_json::json!({"type": "NodePort", "sessionAffinity": "None", "internalTrafficPolicy": "Cluster", "externalTrafficPolicy": "Cluster"}),
        ),
        (
            "spec: {type: LoadBalancer, ports: [{port: 80}]}",
            serde_json::json!({"type": "LoadBalancer", "sessionAffinity": "None", "internalTrafficPolicy": "Cluster", "externalTrafficPolicy": "Cluster", "allocateLoadBalancerNodePorts": true}),
        ),
        (
            "spec: {type: ExternalName, externalName: a.b, ports: [{port: 80}]}",
            serde_json::json!({"type": "ExternalName", "sessionAffinity": "None", "externalName": "a.b"}),
        ),
        (
            "spec: {sessionAffinity: ClientIP, ports: [{port: 80}]}",
            serde_json::json!({"type": "ClusterIP", "sessionAffinity": "ClientIP", "internalTrafficPolicy": "Cluster", "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 10800}}}),
        ),
        (
            "spec: {sessionAffinity: None, sessionAffinityConfig: {clientIP: {timeoutSeconds: 5}}, ports: [{port: 80}]}",
            serde_json::json!({"type": "ClusterIP", "sessionAffinity": "None", "internalTrafficPolicy": "Cluster"}),
        ),
    ] {
        let mut expected = expected;
        expected["ports"] = port.clone();
        assert_eq!(with_defaults(body), expected, "{body}");
    }
}

#[test]
fn a_service_of_an_older_server_is_completed_when_it_is_read() {
    for (body, families, policy) in [
        (
            "spec: {type: ClusterIP, clusterIP: 10.96.0.5}",
            "IPv4",
            "SingleStack",
        ),
        (
            "spec: {type: ClusterIP, clusterIP: 10.96.0.5, clusterIPs: [10.96.0.5, 'fd00::5']}",
            "IPv4+IPv6",
            "RequireDualStack",
        ),
        (
            "spec: {type: ClusterIP, clusterIP: None, selector: {app: a}}",
            "IPv4",
            "SingleStack",
        ),
        (
            "spec: {type: ClusterIP, clusterIP: None}",
            "IPv4+IPv6",
            "RequireDualStack",
        ),
    ] {
        let mut it = service(body);
        default_on_read(&mut it, packetwalk_core::ip::Family::V4);
        assert_eq!(it.spec.ip_families.join("+"), families, "{body}");
        assert_eq!(it.spec.ip_family_policy.as_deref(), Some(policy), "{body}");
        assert_eq!(
            it.spec.cluster_ip,
            it.spec.cluster_ips.first().cloned(),
            "{body}"
        );
    }
    let mut name =
        service("spec: {type: ExternalName, externalName: a.b, internalTrafficPolicy: Cluster}");
    default_on_read(&mut name, packetwalk_core::ip::Family::V4);
    assert_eq!(name.spec.internal_traffic_policy, None);
}

#[test]
fn a_dump_is_taken_as_it_is_and_conflicts_are_named() {
    let mut server = Server::new(V4);
    let named = |name: &str, spec: &str| {
        service(&format!(
            "metadata: {{name: {name}, namespace: default}}\nspec: {{{spec}}}"
        ))
    };
    let one = named(
        "one",
        "type: NodePort, clusterIP: 10.96.0.5, ports: [{port: 53, nodePort: 30053}, {port: 53, protocol: UDP, nodePort: 30053}]",
    );
    let two = named(
        "two",
        "type: NodePort, clusterIP: 10.96.0.5, ports: [{port: 80, nodePort: 30053}, {port: 81, nodePort: 8080}]",
    );
    let far = named(
        "far",
        "clusterIP: 172.30.0.5, clusterIPs: [172.30.0.5, 'fd00::5'], ports: [{port: 80}]",
    );
    let said = |it: Vec<packetwalk_core::api::Complaint>| -> Vec<String> {
        it.iter().map(ToString::to_string).collect()
    };
    assert_eq!(
        said(adopt(&one, &mut server.allocators)),
        Vec::<String>::new()
    );
    assert_eq!(
        said(adopt(&one, &mut server.allocators)),
        Vec::<String>::new()
    );
    assert_eq!(
        said(adopt(&two, &mut server.allocators)),
        [
            "warning: spec.clusterIP: failed to allocate IP 10.96.0.5: provided IP is already allocated (it belongs to service/default/one)",
            "warning: spec.ports[0].nodePort: provided port is already allocated (it belongs to service/default/one)",
            "warning: spec.ports[1].nodePort: provided port is not in the valid range. The range of valid ports is 30000-32767",
        ]
    );
    assert_eq!(
        said(adopt(&far, &mut server.allocators)),
        [
            "warning: spec.clusterIPs[0]: failed to allocate IP 172.30.0.5: the provided network does not match the current range",
            "warning: spec.clusterIPs[1]: IPv6 is not configured on this cluster",
        ]
    );
    // The second claim goes without taking the first one along.
    delete(&two, &mut server.allocators);
    delete(&far, &mut server.allocators);
    assert_eq!(server.allocators.ports.used(), 1);
    delete(&one, &mut server.allocators);
    assert!(server.allocators.is_empty());
}

#[test]
fn what_a_manifest_leaves_open_is_completed() {
    let mut server = Server::new(DUAL);
    let mut it = service(
        "spec: {type: LoadBalancer, externalTrafficPolicy: Local, clusterIP: 10.96.0.5, ipFamilyPolicy: PreferDualStack, ports: [{name: a, port: 53}, {name: b, port: 53, protocol: UDP}, {name: c, port: 80, nodePort: 30080}]}",
    );
    assert!(adopt(&it, &mut server.allocators).is_empty());
    let (rules, allocators) = (&server.rules, &mut server.allocators);
    assert!(complete(&mut it, rules, allocators, &mut server.chooser).is_empty());
    assert_eq!(it.spec.cluster_ips.len(), 2);
    let ports: Vec<i32> = it.node_ports().collect();
    assert_eq!((ports[0], ports[2]), (ports[1], 30080));
    assert!(it.spec.health_check_node_port.is_some());
    server.holds_what(&[&it]);
    // Completing it once more changes nothing.
    let before = it.clone();
    let (rules, allocators) = (&server.rules, &mut server.allocators);
    assert!(complete(&mut it, rules, allocators, &mut server.chooser).is_empty());
    assert_eq!(it, before);
}

#[test]
fn every_field_of_a_service_is_kept() {
    let text = r#"{"metadata":{"name":"x","namespace":"default"},
        "spec":{"type":"LoadBalancer","selector":{"app":"a"},"clusterIP":"10.96.0.5","clusterIPs":["10.96.0.5"],
            "ipFamilies":["IPv4"],"ipFamilyPolicy":"SingleStack","externalIPs":["203.0.113.5"],"externalName":"a.b",
            "sessionAffinity":"ClientIP","sessionAffinityConfig":{"clientIP":{"timeoutSeconds":5}},
            "externalTrafficPolicy":"Local","internalTrafficPolicy":"Local","healthCheckNodePort":32000,
            "loadBalancerClass":"a.b/c","loadBalancerIP":"203.0.113.6","loadBalancerSourceRanges":["10.0.0.0/8"],
            "allocateLoadBalancerNodePorts":false,"publishNotReadyAddresses":true,"trafficDistribution":"PreferClose",
            "ports":[{"name":"a","protocol":"TCP","port":80,"targetPort":"http","nodePort":30080,"appProtocol":"http"}]},
        "status":{"loadBalancer":{"ingress":[{"ip":"203.0.113.7","hostname":"lb","ipMode":"VIP",
                "ports":[{"port":80,"protocol":"TCP","error":"Taken"}]}]},
            "conditions":[{"type":"Ready","status":"True","observedGeneration":2,
                "lastTransitionTime":"2026-01-01T00:00:00Z","reason":"Ok","message":"fine"}]}}"#;
    let it: Service = serde_json::from_str(text).expect("a Service");
    let told: serde_json::Value = serde_json::from_str(text).expect("JSON");
    let found = json(&it);
    assert_eq!(found["spec"], told["spec"]);
    assert_eq!(found["status"], told["status"]);
}
