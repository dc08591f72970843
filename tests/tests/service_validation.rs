//! What the API server refuses in a Service, and what it warns about: text in, text out.
//!
//! The rows are in `cases/service-validation.txt`; each is asked of every release it names, through
//! the functions that the store calls.

use packetwalk_core::api::{KubernetesVersion, Service, ServicePort, Status};
use packetwalk_core::chance::Chooser;
use packetwalk_core::store::service::{DryRun, Rules, create, delete, update, update_status};
use packetwalk_core::store::{Allocators, PortRange};
use packetwalk_tests::text;
use proptest::prelude::*;
use std::collections::BTreeSet;

const RELEASES: std::ops::RangeInclusive<u16> = 31..=37;

#[derive(Clone, Copy, PartialEq)]
enum Write {
    Create,
    Update,
    UpdateStatus,
}

struct Case {
    name: String,
    releases: Vec<u16>,
    ranges: String,
    write: Write,
    old_at: Option<u16>,
    old: String,
    new: String,
    says: String,
    warns: Option<String>,
}

fn cases() -> Vec<Case> {
    let file = text("tests/cases/service-validation.txt");
    file.split("\n== ").skip(1).map(case).collect()
}

fn case(text: &str) -> Case {
    let (name, rest) = text.split_once('\n').expect("a name");
    let mut it = Case {
        name: name.trim().to_owned(),
        releases: RELEASES.collect(),
        ranges: "10.96.0.0/12".into(),
        write: Write::Create,
        old_at: None,
        old: String::new(),
        new: String::new(),
        says: String::new(),
        warns: None,
    };
    let mut part = "";
    for line in rest.lines() {
        if let Some(title) = line.strip_prefix("--- ") {
            part = title.trim();
            if part.starts_with("old") {
                it.write = Write::Update;
            }
            if part == "old status" {
                it.write = Write::UpdateStatus;
            }
            if part == "warns" {
                it.warns = Some(String::new());
            }
            if let Some(release) = part.strip_prefix("old at 1.") {
                it.old_at = release.parse().ok();
            }
            continue;
        }
        let target = match part {
            "" => {
                if let Some(told) = line.strip_prefix("at: ") {
                    it.releases = releases(told);
                } else if let Some(told) = line.strip_prefix("ranges: ") {
                    it.ranges = told.to_owned();
                }
                continue;
            }
            "new" => &mut it.new,
            "says" => &mut it.says,
            "warns" => it.warns.get_or_insert_default(),
            _ => &mut it.old,
        };
        target.push_str(line);
        target.push('\n');
    }
    it
}

/// `1.31-1.33`, `1.36`
fn releases(told: &str) -> Vec<u16> {
    let minor = |it: &str| -> u16 {
        let text = it.trim().strip_prefix("1.").expect("a release");
        text.parse().expect("a number")
    };
    match told.split_once('-') {
        Some((first, last)) => (minor(first)..=minor(last)).collect(),
        None => vec![minor(told)],
    }
}

fn service(body: &str) -> Service {
    let metadata = if body.contains("metadata:") {
        ""
    } else {
        "metadata: {name: x, namespace: default}\n"
    };
    let stream = packetwalk_core::yaml::parse(&format!("{metadata}{body}"));
    let node = stream.documents.first().expect("a document");
    let decoded = packetwalk_core::yaml::decode::<Service>(node);
    assert!(
        decoded.problems.is_empty(),
        "{body}: {:?}",
        decoded.problems
    );
    decoded.value.expect("a Service")
}

fn rules(minor: u16, ranges: &str) -> Rules {
    Rules {
        version: KubernetesVersion { major: 1, minor },
        service_ranges: ranges
            .split(',')
            .map(|it| it.parse().expect("a range"))
            .collect(),
        node_ports: PortRange::default(),
    }
}

/// The causes, one a line; the message where there are none.
fn said(outcome: &Result<Vec<String>, Status>) -> String {
    let status = match outcome {
        Ok(_) => return "accepted\n".into(),
        Err(status) => status,
    };
    let details = status.details.as_ref();
    let causes: Vec<String> = details
        .into_iter()
        .flat_map(|it| &it.causes)
        .filter(|it| !it.field.is_empty())
        .map(|it| format!("{}: {}\n", it.field, it.message))
        .collect();
    if causes.is_empty() {
        return format!("{}\n", status.message);
    }
    causes.concat()
}

fn write(case: &Case, minor: u16) -> (Result<Vec<String>, Status>, Allocators, Allocators) {
    let rules_now = rules(minor, &case.ranges);
    let mut allocators = rules_now.allocators();
    let mut chooser = Chooser::seeded(1);
    let mut new = service(&case.new);
    if case.write == Write::Create {
        let before = allocators.clone();
        let no = DryRun::No;
        let outcome = create(&mut new, &rules_now, &mut allocators, &mut chooser, no);
        return (outcome, before, allocators);
    }
    let mut old = service(&case.old);
    let rules_then = rules(case.old_at.unwrap_or(minor), &case.ranges);
    let no = DryRun::No;
    create(&mut old, &rules_then, &mut allocators, &mut chooser, no)
        .unwrap_or_else(|it| panic!("{}: the old one is refused: {it}", case.name));
    let before = allocators.clone();
    let outcome = if case.write == Write::Update {
        update(
            &old,
            &mut new,
            &rules_now,
            &mut allocators,
            &mut chooser,
            no,
        )
    } else {
        update_status(&old, &mut new, &rules_now)
    };
    (outcome, before, allocators)
}

#[test]
fn every_row_says_what_the_api_server_says() {
    let cases = cases();
    let mut faults = Vec::new();
    let mut n_asked = 0;
    for case in &cases {
        for minor in &case.releases {
            let (outcome, before, after) = write(case, *minor);
            n_asked += 1;
            let said = said(&outcome);
            if said.trim() != case.says.trim() {
                faults.push(format!(
                    "{} at 1.{minor}\nexpected\n{}\nfound\n{said}",
                    case.name,
                    case.says.trim()
                ));
            }
            let warned = outcome.as_ref().map(|it| it.join("\n"));
            if let (Some(expected), Ok(warned)) = (&case.warns, warned)
                && warned.trim() != expected.trim()
            {
                faults.push(format!(
                    "{} at 1.{minor}\nexpected the warnings\n{}\nfound\n{warned}",
                    case.name,
                    expected.trim()
                ));
            }
            if outcome.is_err() && before != after {
                faults.push(format!("{} at 1.{minor}: something was taken", case.name));
            }
        }
    }
    assert!(n_asked > 1000, "asked only {n_asked} times");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn the_table_is_complete() {
    let cases = cases();
    let names: BTreeSet<&str> = cases.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names.len(), cases.len(), "two rows of one name");
    assert!(cases.len() >= 150, "only {} rows", cases.len());
    for case in &cases {
        assert!(
            !case.new.is_empty() && !case.says.is_empty(),
            "{}",
            case.name
        );
    }
    let releases: BTreeSet<u16> = cases.iter().flat_map(|it| it.releases.clone()).collect();
    assert_eq!(releases, RELEASES.collect());
    // A field of a Service that no row speaks of has been forgotten.
    let all: String = cases.iter().map(|it| it.says.as_str()).collect();
    for field in [
        "metadata.name",
        "metadata.generateName",
        "metadata.namespace",
        "metadata.labels",
        "metadata.annotations",
        "metadata.finalizers",
        "metadata.ownerReferences",
        "metadata.uid",
        "spec.type",
        "spec.selector",
        "spec.ports",
        "spec.clusterIPs",
        "spec.ipFamilies",
        "spec.ipFamilyPolicy",
        "spec.externalIPs",
        "spec.externalName",
        "spec.sessionAffinity",
        "spec.sessionAffinityConfig",
        "spec.externalTrafficPolicy",
        "spec.internalTrafficPolicy",
        "spec.healthCheckNodePort",
        "spec.loadBalancerClass",
        "spec.LoadBalancerSourceRanges",
        "spec.allocateLoadBalancerNodePorts",
        "spec.trafficDistribution",
        "status.loadBalancer.ingress",
    ] {
        assert!(all.contains(field), "no row about {field}");
    }
}

#[test]
fn annotations_have_a_limit_together() {
    for (minor, words) in [(31, "must have at most"), (32, "may not be more than")] {
        let mut it = service("spec: {ports: [{port: 80}]}");
        let value = "a".repeat(256 * 1024);
        it.metadata.annotations.insert("note".into(), value);
        let rules = rules(minor, "10.96.0.0/12");
        let mut allocators = rules.allocators();
        let mut chooser = Chooser::seeded(1);
        let outcome = create(&mut it, &rules, &mut allocators, &mut chooser, DryRun::No);
        assert_eq!(
            said(&outcome),
            format!("metadata.annotations: Too long: {words} 262144 bytes\n")
        );
    }
}

#[test]
fn a_status_of_an_invalid_service_is_worded_for_one_and_for_many() {
    let message = |body: &str| {
        let rules = rules(36, "10.96.0.0/12");
        let mut allocators = rules.allocators();
        let mut chooser = Chooser::seeded(1);
        let mut it = service(body);
        create(&mut it, &rules, &mut allocators, &mut chooser, DryRun::No)
            .expect_err("it is wrong")
            .message
    };
    assert_eq!(
        message("spec: {}"),
        "Service \"x\" is invalid: spec.ports: Required value"
    );
    assert_eq!(
        message("spec: {type: X}"),
        "Service \"x\" is invalid: [spec.ports: Required value, spec.type: Unsupported value: \"X\": supported values: \"ClusterIP\", \"ExternalName\", \"LoadBalancer\", \"NodePort\"]"
    );
}

#[test]
fn recorded_transcripts_say_the_same() {
    let file = text("tests/cases/service-validation-transcripts.json");
    let rows: serde_json::Value = serde_json::from_str(&file).expect("JSON");
    let rows = rows.as_array().expect("a list");
    assert_eq!(rows.len(), 22);
    for row in rows {
        let part = |name: &str| row[name].as_str().expect("a text");
        let stream = packetwalk_core::yaml::parse(part("manifest"));
        let decoded = packetwalk_core::yaml::decode::<Service>(&stream.documents[0]);
        let mut it = decoded.value.expect("a Service");
        it.metadata.namespace = "default".into();
        let rules = rules(32, "10.96.0.0/12");
        let mut allocators = rules.allocators();
        let mut chooser = Chooser::seeded(1);
        let outcome = create(&mut it, &rules, &mut allocators, &mut chooser, DryRun::No);
        let causes = said(&outcome);
        // As kubectl shows them: one behind the title, several below it.
        let shown = match causes.lines().count() {
            1 => causes,
            _ => causes.lines().map(|it| format!("\n* {it}")).collect(),
        };
        let expected = format!(
            "The Service {:?} is invalid: {}",
            it.metadata.name,
            shown.trim_end()
        );
        assert_eq!(expected, part("stderr").trim_end(), "{}", part("id"));
    }
}

/// Odd values for all fields: what none of the rows has thought of.
fn odd_service() -> impl Strategy<Value = Service> {
    let words = [
        "",
        "None",
        "x",
        "X y",
        "10.96.0.5",
        "010.96.0.5",
        "::",
        "fd00::5",
        "::ffff:10.96.0.5",
        "10.0.0.0/8",
        "ClusterIP",
        "NodePort",
        "LoadBalancer",
        "ExternalName",
        "Local",
        "Cluster",
        "ClientIP",
        "IPv4",
        "IPv6",
        "SingleStack",
        "PreferDualStack",
        "RequireDualStack",
        "a/b/c",
        "é\n",
        "a.b",
        "-",
        "PreferClose",
    ];
    let word = prop::sample::select(words.to_vec()).prop_map(str::to_owned);
    let text = prop::collection::vec(prop::option::of(word.clone()), 10);
    let lists = prop::collection::vec(prop::collection::vec(word, 0..4), 5);
    let numbers = prop::collection::vec(prop::option::of(-2..70_000i32), 8);
    (text, lists, numbers, any::<Option<bool>>()).prop_map(|(text, lists, numbers, allocate)| {
        let mut it = Service::default();
        it.metadata.name = text[0].clone().unwrap_or_else(|| "x".into());
        it.metadata.namespace = "default".into();
        let keys = lists[0].iter().cloned();
        it.metadata.labels = keys.clone().zip(keys.rev()).collect();
        let spec = &mut it.spec;
        spec.selector = it.metadata.labels.clone();
        spec.kind = text[1].clone();
        spec.cluster_ip = text[2].clone();
        spec.ip_family_policy = text[3].clone();
        spec.external_name = text[4].clone();
        spec.session_affinity = text[5].clone();
        spec.external_traffic_policy = text[6].clone();
        spec.internal_traffic_policy = text[7].clone();
        spec.load_balancer_class = text[8].clone();
        spec.traffic_distribution = text[9].clone();
        spec.cluster_ips = lists[1].clone();
        spec.ip_families = lists[2].clone();
        spec.external_ips = lists[3].clone();
        spec.load_balancer_source_ranges = lists[4].clone();
        spec.allocate_load_balancer_node_ports = allocate;
        spec.health_check_node_port = numbers[0];
        for pair in numbers[1..].chunks(2) {
            spec.ports.push(ServicePort {
                name: lists[0].first().cloned(),
                protocol: text[9].clone(),
                port: pair[0].unwrap_or(80),
                node_port: pair.get(1).copied().flatten(),
                ..ServicePort::default()
            });
        }
        it
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_service_makes_the_server_stumble(
        first in odd_service(),
        second in odd_service(),
        minor in RELEASES,
        is_dual in any::<bool>(),
    ) {
        let ranges = if is_dual { "10.96.0.0/28,fd00::/124" } else { "10.96.0.0/28" };
        let rules = rules(minor, ranges);
        let mut allocators = rules.allocators();
        let mut chooser = Chooser::seeded(1);
        let mut old = service("spec: {type: NodePort, ports: [{port: 80}]}");
        create(&mut old, &rules, &mut allocators, &mut chooser, DryRun::No).expect("a plain one");
        for odd in [first, second] {
            let _ = odd.validate();
            for dry_run in [DryRun::Yes, DryRun::No] {
                let before = allocators.clone();
                let mut it = odd.clone();
                let made = create(&mut it, &rules, &mut allocators, &mut chooser, dry_run);
                if made.is_ok() && dry_run == DryRun::No {
                    delete(&it, &mut allocators);
                }
                prop_assert_eq!(&allocators, &before);
                let mut it = odd.clone();
                it.metadata.name = old.metadata.name.clone();
                let dry = DryRun::Yes;
                let _ = update(&old, &mut it, &rules, &mut allocators, &mut chooser, dry);
                prop_assert_eq!(&allocators, &before);
            }
        }
    }
}
