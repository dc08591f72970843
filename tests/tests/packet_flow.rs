//! Packet flow: who asks whom, and where every way leads. Every row holds in every mode of kube-proxy,
//! unless it says in which.

use packetwalk_core::net::Protocol::{self, Icmp, Tcp, Udp};
use packetwalk_core::proxy::MODES;
use packetwalk_core::sim::World;
use packetwalk_tests::{manifest, text, ways, world};

const CLIENT: &str = "pod/client";

/// A row: from, to, protocol, and the ways it can go.
type Row = (
    &'static str,
    &'static str,
    Protocol,
    &'static [&'static str],
);

fn check(text: &str, rows: &[Row]) {
    for mode in &MODES {
        check_in(mode.name, text, rows);
    }
}

fn check_in(mode: &str, text: &str, rows: &[Row]) {
    let mode = packetwalk_core::proxy::mode(mode).expect("a mode");
    let world = World::from_manifest(&manifest(text), Some(mode), 1);
    for (from, to, protocol, expected) in rows {
        assert_eq!(
            ways(&world, from, to, *protocol),
            *expected,
            "{} mode: {from} → {to} over {protocol}",
            mode.name
        );
    }
}

fn tutorial() -> String {
    text("static/manifests/clusterip.yaml")
}

#[test]
fn a_cluster_ip_leads_to_one_of_its_endpoints_with_equal_chance() {
    check(
        &tutorial(),
        &[
            (
                CLIENT,
                "http://api",
                Tcp,
                &[
                    "0.500 delivered pod/default/api-1 10.244.1.5:8080 rewritten",
                    "0.500 delivered pod/default/api-2 10.244.2.3:8080 rewritten",
                ],
            ),
            (
                CLIENT,
                "10.96.0.10:80",
                Tcp,
                &[
                    "0.500 delivered pod/default/api-1 10.244.1.5:8080 rewritten",
                    "0.500 delivered pod/default/api-2 10.244.2.3:8080 rewritten",
                ],
            ),
        ],
    );
}

#[test]
fn every_form_of_a_name_resolves_from_where_it_should() {
    let delivered: &[&str] = &[
        "0.500 delivered pod/default/api-1 10.244.1.5:8080 rewritten",
        "0.500 delivered pod/default/api-2 10.244.2.3:8080 rewritten",
    ];
    check(
        &tutorial(),
        &[
            (CLIENT, "http://api.default", Tcp, delivered),
            (CLIENT, "http://api.default.svc", Tcp, delivered),
            (
                CLIENT,
                "http://api.default.svc.cluster.local",
                Tcp,
                delivered,
            ),
            (
                CLIENT,
                "http://api.default.svc.cluster.local.",
                Tcp,
                delivered,
            ),
            (CLIENT, "http://api.shop", Tcp, &["1.000 no-such-host"]),
            (CLIENT, "http://apii", Tcp, &["1.000 no-such-host"]),
            (
                "pod/kube-system/coredns-0",
                "http://api",
                Tcp,
                &["1.000 no-such-host"],
            ),
        ],
    );
}

#[test]
fn a_node_that_asks_a_cluster_ip_is_masqueraded() {
    check(
        &tutorial(),
        &[(
            "node/node-2",
            "10.96.0.10:80",
            Tcp,
            &[
                "0.500 delivered pod/default/api-1 10.244.1.5:8080 rewritten masqueraded",
                "0.500 delivered pod/default/api-2 10.244.2.3:8080 rewritten masqueraded",
            ],
        )],
    );
}

#[test]
fn a_pod_that_reaches_itself_through_its_service_is_masqueraded() {
    check(
        &tutorial(),
        &[(
            "pod/api-1",
            "http://api",
            Tcp,
            &[
                "0.500 delivered pod/default/api-1 10.244.1.5:8080 rewritten masqueraded",
                "0.500 delivered pod/default/api-2 10.244.2.3:8080 rewritten",
            ],
        )],
    );
}

#[test]
fn a_cluster_ip_refuses_what_its_service_does_not_have() {
    let refused: &[&str] = &["1.000 refused by rule 10.96.0.10:81"];
    check_in(
        "nftables",
        &tutorial(),
        &[
            (CLIENT, "10.96.0.10:81", Tcp, refused),
            (
                CLIENT,
                "10.96.0.10:80",
                Udp,
                &["1.000 refused by rule 10.96.0.10:80"],
            ),
            (
                CLIENT,
                "10.96.0.10",
                Icmp,
                &["1.000 refused by rule 10.96.0.10"],
            ),
            ("node/node-1", "10.96.0.10:81", Tcp, refused),
        ],
    );
}

#[test]
fn in_iptables_mode_a_cluster_ip_no_rule_knows_is_an_address_like_any_other() {
    check_in(
        "iptables",
        &tutorial(),
        &[
            (
                CLIENT,
                "10.96.0.10:81",
                Tcp,
                &["1.000 forwarded 10.96.0.10:81"],
            ),
            (
                CLIENT,
                "10.96.0.10:80",
                Udp,
                &["1.000 forwarded 10.96.0.10:80"],
            ),
            (CLIENT, "10.96.0.10", Icmp, &["1.000 forwarded 10.96.0.10"]),
            (
                "node/node-1",
                "10.96.0.10:81",
                Tcp,
                &["1.000 forwarded 10.96.0.10:81"],
            ),
            (
                CLIENT,
                "10.96.9.9:80",
                Tcp,
                &["1.000 forwarded 10.96.9.9:80"],
            ),
        ],
    );
}

#[test]
fn an_unallocated_cluster_ip_is_dropped() {
    check_in(
        "nftables",
        &tutorial(),
        &[
            (
                CLIENT,
                "10.96.9.9:80",
                Tcp,
                &["1.000 dropped by rule 10.96.9.9:80"],
            ),
            (
                "node/node-1",
                "10.96.9.9:80",
                Tcp,
                &["1.000 dropped by rule 10.96.9.9:80"],
            ),
        ],
    );
}

#[test]
fn a_selector_that_finds_nothing_refuses_at_once() {
    let broken = tutorial().replace("selector:\n    app: api", "selector:\n    app: apii");
    check(
        &broken,
        &[(
            CLIENT,
            "http://api",
            Tcp,
            &["1.000 refused by rule 10.96.0.10:80"],
        )],
    );
}

#[test]
fn a_wrong_target_port_is_refused_by_the_pod_itself() {
    let broken = tutorial().replace("targetPort: 8080", "targetPort: 9090");
    check(
        &broken,
        &[(
            CLIENT,
            "http://api",
            Tcp,
            &[
                "0.500 refused by pod pod/default/api-1 10.244.1.5:9090 rewritten",
                "0.500 refused by pod pod/default/api-2 10.244.2.3:9090 rewritten",
            ],
        )],
    );
}

#[test]
fn an_application_bound_to_localhost_refuses_on_the_pods_address() {
    let bound = tutorial().replace(
        "name: api-1\n  labels:",
        "name: api-1\n  annotations:\n    packetwalk.dev/listen: \"127.0.0.1:8080/tcp\"\n  labels:",
    );
    check(
        &bound,
        &[(
            CLIENT,
            "http://api",
            Tcp,
            &[
                "0.500 refused by pod pod/default/api-1 10.244.1.5:8080 rewritten",
                "0.500 delivered pod/default/api-2 10.244.2.3:8080 rewritten",
            ],
        )],
    );
}

#[test]
fn a_pod_that_is_not_ready_gets_nothing() {
    let unready = tutorial().replace(
        "podIP: 10.244.1.5",
        "podIP: 10.244.1.5\n  conditions:\n  - type: Ready\n    status: \"False\"",
    );
    check(
        &unready,
        &[(
            CLIENT,
            "http://api",
            Tcp,
            &["1.000 delivered pod/default/api-2 10.244.2.3:8080 rewritten"],
        )],
    );
}

#[test]
fn pods_reach_pods_without_any_rewriting() {
    check(
        &tutorial(),
        &[
            (
                CLIENT,
                "10.244.2.3:8080",
                Tcp,
                &["1.000 delivered pod/default/api-2 10.244.2.3:8080"],
            ),
            (
                CLIENT,
                "10.244.1.5:81",
                Tcp,
                &["1.000 refused by pod pod/default/api-1 10.244.1.5:81"],
            ),
            (
                CLIENT,
                "10.244.1.5",
                Icmp,
                &["1.000 delivered pod/default/api-1 10.244.1.5"],
            ),
            (
                CLIENT,
                "10.244.1.77:80",
                Tcp,
                &["1.000 unreachable by host 10.244.1.77:80"],
            ),
            (
                CLIENT,
                "198.51.100.1:80",
                Tcp,
                &["1.000 forwarded 198.51.100.1:80"],
            ),
        ],
    );
}

#[test]
fn a_node_port_answers_on_every_node_and_hides_the_client() {
    let node_port = tutorial()
        .replace("type: ClusterIP", "type: NodePort")
        .replace("targetPort: 8080", "targetPort: 8080\n    nodePort: 31080");
    let masqueraded: &[&str] = &[
        "0.500 delivered pod/default/api-1 10.244.1.5:8080 rewritten masqueraded",
        "0.500 delivered pod/default/api-2 10.244.2.3:8080 rewritten masqueraded",
    ];
    check(
        &node_port,
        &[
            ("external", "172.18.0.2:31080", Tcp, masqueraded),
            ("external", "172.18.0.3:31080", Tcp, masqueraded),
            (
                "external",
                "172.18.0.3:31081",
                Tcp,
                &["1.000 refused by host node/node-1 172.18.0.3:31081"],
            ),
        ],
    );
}

#[test]
fn slices_without_pods_are_used_as_they_are() {
    let slices = "
apiVersion: v1
kind: Service
metadata: {name: db}
spec: {clusterIP: 10.96.7.7, ports: [{port: 5432}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: db-1, labels: {kubernetes.io/service-name: db}}
addressType: IPv4
endpoints: [{addresses: [192.0.2.10]}]
ports: [{name: '', port: 5432, protocol: TCP}]
";
    check(
        slices,
        &[(
            "node/node-1",
            "10.96.7.7:5432",
            Tcp,
            &["1.000 forwarded 192.0.2.10:5432 rewritten masqueraded"],
        )],
    );
}

#[test]
fn only_pods_ask_cluster_dns() {
    let nameless: &[&str] = &["1.000 no-such-host"];
    check(
        &tutorial(),
        &[
            (
                "node/node-1",
                "http://api.default.svc.cluster.local",
                Tcp,
                nameless,
            ),
            (
                "external",
                "http://api.default.svc.cluster.local",
                Tcp,
                nameless,
            ),
            (
                "pod/kube-system/coredns-0",
                "http://api.default",
                Tcp,
                nameless,
            ),
            (
                CLIENT,
                "http://api.default.svccluster.local.",
                Tcp,
                nameless,
            ),
        ],
    );
}

#[test]
fn two_claims_on_one_address_are_warned_about_and_the_first_stands() {
    let twins = format!(
        "{}\n---\napiVersion: v1\nkind: Service\nmetadata: {{name: twin}}\nspec: {{clusterIP: 10.96.0.10, selector: {{app: api}}, ports: [{{port: 80}}, {{name: b, port: 80}}]}}\n",
        tutorial()
    );
    let world = world(&twins);
    let told: Vec<String> = world.complaints.iter().map(ToString::to_string).collect();
    assert!(
        told.iter().any(
            |it| it.contains("10.96.0.10 . tcp . 80 is claimed by service/default/api already")
        ),
        "{told:?}"
    );
    check(
        &twins,
        &[(
            CLIENT,
            "10.96.0.10:80",
            Tcp,
            &[
                "0.500 delivered pod/default/api-1 10.244.1.5:8080 rewritten",
                "0.500 delivered pod/default/api-2 10.244.2.3:8080 rewritten",
            ],
        )],
    );
}

#[test]
fn pods_outside_their_nodes_range_are_reached_by_routes_of_their_own() {
    let cloud = "
apiVersion: v1
kind: Node
metadata: {name: a}
status: {addresses: [{type: InternalIP, address: 10.0.0.1}]}
---
apiVersion: v1
kind: Node
metadata: {name: b}
status: {addresses: [{type: ExternalIP, address: 10.0.0.2}]}
---
apiVersion: v1
kind: Pod
metadata: {name: client}
spec: {nodeName: a, containers: [{name: c}]}
status: {podIP: 10.0.77.1}
---
apiVersion: v1
kind: Pod
metadata: {name: web}
spec: {nodeName: b, containers: [{name: c, ports: [{containerPort: 80}]}]}
status: {podIP: 10.0.78.1}
";
    check(
        cloud,
        &[(
            CLIENT,
            "10.0.78.1:80",
            Tcp,
            &["1.000 delivered pod/default/web 10.0.78.1:80"],
        )],
    );
}

#[test]
fn a_hand_made_slice_joins_those_of_the_controller() {
    let joined = format!(
        "{}\n---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {{name: api-mine, labels: {{kubernetes.io/service-name: api}}}}\n\
         addressType: IPv4\nendpoints: [{{addresses: [192.0.2.10]}}]\nports: [{{name: http, port: 9, protocol: TCP}}]\n",
        tutorial()
    );
    check(
        &joined,
        &[(
            CLIENT,
            "http://api",
            Tcp,
            &[
                "0.333 delivered pod/default/api-1 10.244.1.5:8080 rewritten",
                "0.333 delivered pod/default/api-2 10.244.2.3:8080 rewritten",
                "0.333 forwarded 192.0.2.10:9 rewritten",
            ],
        )],
    );
}
