//! Properties: what holds for every world, not only for those somebody thought of.

use packetwalk_core::ip::Family;
use packetwalk_core::net::Protocol;
use packetwalk_core::netfilter::dialect::{iptables, nft};
use packetwalk_core::netfilter::{Ruleset, TableFamily};
use packetwalk_core::proxy::{MODES, mode};
use packetwalk_core::session::{Event, Session};
use packetwalk_core::sim::{Verdict, World, outcomes};
use packetwalk_tests::{manifest, request, world};
use proptest::prelude::*;

/// A small cluster: pods with labels and ports, Services with selectors and ports.
fn cluster() -> impl Strategy<Value = String> {
    let pod = (
        0..3u8,
        any::<bool>(),
        prop::sample::select(vec![8080u16, 9090, 53]),
    );
    let service = (
        0..4u8,
        prop::sample::select(vec!["ClusterIP", "NodePort", "LoadBalancer"]),
        prop::sample::select(vec!["TCP", "UDP"]),
        prop::sample::select(vec![8080u16, 9090, 53]),
        any::<bool>(),
        any::<bool>(),
        any::<bool>(),
    );
    (
        prop::collection::vec(pod, 1..6),
        prop::collection::vec(service, 1..5),
        34..38u8,
    )
        .prop_map(|(pods, services, minor)| {
            let mut text = format!(
                "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\nkubernetesVersion: v1.{minor}.0\n"
            );
            for (idx, (label, is_ready, port)) in pods.iter().enumerate() {
                let status = if *is_ready { "True" } else { "False" };
                text.push_str(&format!(
                    "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: p{idx}, labels: {{app: a{label}}}}}\n\
                     spec: {{containers: [{{name: c, ports: [{{containerPort: {port}, protocol: TCP}}, {{containerPort: {port}, protocol: UDP}}]}}]}}\n\
                     status: {{conditions: [{{type: Ready, status: '{status}'}}]}}\n"
                ));
            }
            for (idx, (label, kind, protocol, target, sticky, external, internal)) in
                services.iter().enumerate()
            {
                let policy = |local: &bool| if *local { "Local" } else { "Cluster" };
                let affinity = if *sticky { "ClientIP" } else { "None" };
                let node_port = match *kind {
                    "ClusterIP" => String::new(),
                    _ => format!(", nodePort: {}", 30100 + idx),
                };
                let external = match *kind {
                    "ClusterIP" => String::new(),
                    _ => format!(", externalTrafficPolicy: {}", policy(external)),
                };
                text.push_str(&format!(
                    "---\napiVersion: v1\nkind: Service\nmetadata: {{name: s{idx}}}\n\
                     spec: {{type: {kind}, clusterIP: 10.96.5.{}, selector: {{app: a{label}}}, sessionAffinity: {affinity}, \
                     internalTrafficPolicy: {}{external}, ports: [{{port: 80, protocol: {protocol}, targetPort: {target}{node_port}}}]}}\n",
                    idx + 1,
                    policy(internal)
                ));
            }
            text
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn generated_rules_read_back_as_they_were_printed(text in cluster()) {
        let world = world(&text);
        for node in ["control-plane", "node-1", "node-2"] {
            let programme = world.programme(node, Family::V4).expect("a node");
            let printed = programme.transaction.to_string();
            prop_assert_eq!(nft::parse(&printed).expect("our own text"), programme.transaction.clone());
            let ruleset = programme.ruleset();
            let listed = nft::parse_listing(&nft::list(&ruleset)).expect("our own listing");
            prop_assert_eq!(nft::canonical_ruleset(&listed.ruleset), nft::canonical_ruleset(&ruleset));
        }
    }

    #[test]
    fn generated_iptables_rules_read_back_as_they_were_printed(text in cluster()) {
        let world = World::from_manifest(&manifest(&text), mode("iptables"), 1);
        for node in ["control-plane", "node-1", "node-2"] {
            let programme = world.programme(node, Family::V4).expect("a node");
            let printed = iptables::restore(&programme.transaction);
            let read = iptables::parse(&printed, TableFamily::Ip).expect("our own text");
            prop_assert_eq!(
                iptables::canonical_transaction(&read),
                iptables::canonical_transaction(&programme.transaction)
            );
            let saved = iptables::save(&programme.ruleset(), TableFamily::Ip);
            let mut listed = Ruleset::default();
            let read = iptables::parse(&saved, TableFamily::Ip).expect("our own listing");
            read.apply(&mut listed).expect("applies");
            prop_assert_eq!(iptables::save(&listed, TableFamily::Ip), saved);
        }
    }

    #[test]
    fn both_modes_deliver_to_the_same_endpoints_with_the_same_chance(text in cluster(), service in 0..4usize) {
        let worlds: Vec<World> = MODES
            .iter()
            .map(|mode| World::from_manifest(&manifest(&text), Some(mode), 1))
            .collect();
        for (from, to) in [
            ("pod/p0", format!("10.96.5.{}:80", service + 1)),
            ("node/node-2", format!("10.96.5.{}:80", service + 1)),
            ("external", format!("172.18.0.3:{}", 30100 + service)),
        ] {
            let told: Vec<Vec<(String, u64)>> = worlds
                .iter()
                .map(|world| {
                    let request = request(from, &to, Protocol::Tcp);
                    let ways = outcomes(world, &request, 512).expect("a walk").ways;
                    let mut delivered: Vec<(String, u64)> = ways
                        .branches
                        .iter()
                        .filter(|it| it.result.ending.verdict == Verdict::Delivered)
                        .map(|it| {
                            let ending = &it.result.ending;
                            let to = ending.destination.clone().unwrap_or_default();
                            // Parts in a million: probabilities have ten digits in iptables.
                            let parts = (it.probability * 1e6).round() as u64;
                            (format!("{to} {}", ending.masqueraded), parts)
                        })
                        .collect();
                    delivered.sort();
                    delivered
                })
                .collect();
            prop_assert_eq!(&told[0], &told[1], "{} → {}", from, to);
        }
    }

    #[test]
    fn every_way_ends_and_their_probabilities_make_one(text in cluster(), service in 0..5usize) {
        let world = world(&text);
        for (from, to) in [
            ("pod/p0", format!("10.96.5.{}:80", service + 1)),
            ("node/node-2", format!("10.96.5.{}:80", service + 1)),
            ("external", format!("172.18.0.3:{}", 30100 + service)),
        ] {
            for protocol in [Protocol::Tcp, Protocol::Udp] {
                let ways = outcomes(&world, &request(from, &to, protocol), 512).expect("a walk").ways;
                prop_assert!(ways.complete);
                let sum: f64 = ways.branches.iter().map(|it| it.probability).sum();
                prop_assert!((sum - 1.0).abs() < 1e-9, "{from} → {to}: {sum}");
            }
        }
    }

    #[test]
    fn what_is_delivered_through_a_service_reaches_one_of_its_ready_endpoints(text in cluster(), service in 0..4usize) {
        let world = world(&text);
        let to = format!("10.96.5.{}:80", service + 1);
        let ways = outcomes(&world, &request("pod/p0", &to, Protocol::Tcp), 512).expect("a walk").ways;
        for way in ways.branches {
            let ending = &way.result.ending;
            if ending.verdict != Verdict::Delivered {
                continue;
            }
            let name = format!("s{service}");
            let usable = world.objects.slices_of("default", &name).any(|slice| {
                slice.endpoints.iter().any(|it| {
                    it.conditions.is_ready()
                        && ending.destination.as_ref().is_some_and(|to| to.starts_with(&format!("{}:", it.addresses[0])))
                })
            });
            prop_assert!(usable, "{:?}", ending);
        }
    }

    #[test]
    fn a_session_takes_any_text_and_keeps_it(text in "\\PC{0,200}", tail in any::<String>()) {
        let text = format!("{text}\n{tail}");
        let mut session = Session::new("", "pod/client", "http://api", 1);
        session.update(Event::Edited(text.clone()));
        session.update(Event::Forward);
        session.update(Event::Jump(usize::MAX));
        session.update(Event::Asked { from: text.clone(), to: text.clone() });
        prop_assert_eq!(&session.view().editor.text, &text);
    }

    #[test]
    fn a_session_takes_any_edit_of_the_tutorial(at in 0..1200usize, n_cut in 0..40usize, put in "[a-z0-9:{}\\[\\]\"' \n&*-]{0,12}") {
        let tutorial = packetwalk_tests::text("static/manifests/clusterip.yaml");
        let at = at.min(tutorial.len());
        let end = (at + n_cut).min(tutorial.len());
        let edited = format!("{}{put}{}", &tutorial[..at], &tutorial[end..]);
        let mut session = Session::new(&tutorial, "pod/client", "http://api", 1);
        session.update(Event::Edited(edited.clone()));
        prop_assert_eq!(&session.view().editor.text, &edited);
        for _ in 0..3 {
            session.update(Event::Forward);
        }
    }
}
