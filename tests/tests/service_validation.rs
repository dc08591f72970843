//! What the API server refuses in a Service, and what it warns about: text in, text out.
//!
//! The rows are in `cases/service-validation.txt`; each is asked of every release it names, through
//! the functions that the store calls.

use packetwalk_core::api::{KubernetesVersion, Service, Status};
use packetwalk_core::chance::Chooser;
use packetwalk_core::store::service::{DryRun, Rules, create, update, update_status};
use packetwalk_core::store::{Allocators, PortRange};
use packetwalk_tests::text;
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
            if outcome.is_err() && before != after {
                faults.push(format!("{} at 1.{minor}: something was taken", case.name));
            }
        }
    }
    println!("{} rows, asked {n_asked} times", cases.len());
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
fn warnings_are_worded_as_the_api_server_words_them() {
    const HINTS: &str = "metadata: {name: x, namespace: default, annotations: {service.kubernetes.io/topology-aware-hints: auto}}\nspec: {ports: [{port: 80}]}";
    let rows: &[(&str, &str, &[&str])] = &[
        ("1.31-1.37", "spec: {ports: [{port: 80}]}", &[]),
        (
            "1.31-1.37",
            HINTS,
            &[
                "annotation service.kubernetes.io/topology-aware-hints is deprecated, please use service.kubernetes.io/topology-mode instead",
            ],
        ),
        (
            "1.31-1.35",
            "spec: {clusterIP: 010.096.000.005, ports: [{port: 80}]}",
            &[
                "spec.clusterIPs[0]: non-standard IP address \"010.096.000.005\" will be considered invalid in a future Kubernetes release: use \"10.96.0.5\"",
            ],
        ),
        (
            "1.31-1.37",
            "spec: {clusterIP: None, selector: {app: a}, sessionAffinity: ClientIP, loadBalancerIP: 192.0.2.1, externalIPs: [203.0.113.5]}",
            &[
                "spec.loadBalancerIP is ignored for headless services",
                "spec.externalIPs is ignored for headless services",
                "spec.SessionAffinity is ignored for headless services",
            ],
        ),
        (
            "1.31-1.35",
            "spec: {externalIPs: [203.0.113.007, '2001:DB8::1'], ports: [{port: 80}]}",
            &[
                "spec.externalIPs[0]: non-standard IP address \"203.0.113.007\" will be considered invalid in a future Kubernetes release: use \"203.0.113.7\"",
                "spec.externalIPs[1]: IPv6 address \"2001:DB8::1\" should be in RFC 5952 canonical format (\"2001:db8::1\")",
            ],
        ),
        (
            "1.36-1.37",
            "spec: {externalIPs: [203.0.113.7], ports: [{port: 80}]}",
            &["spec.externalIPs is deprecated and may no longer be implemented in some clusters"],
        ),
        (
            "1.31-1.37",
            "spec: {type: LoadBalancer, loadBalancerIP: '2001:DB8::1', ports: [{port: 80}]}",
            &[
                "spec.loadBalancerIP: IPv6 address \"2001:DB8::1\" should be in RFC 5952 canonical format (\"2001:db8::1\")",
            ],
        ),
        (
            "1.31-1.35",
            "spec: {type: LoadBalancer, loadBalancerSourceRanges: [10.1.2.3/8, 010.0.0.0/8, '2001:DB8::/32'], ports: [{port: 80}]}",
            &[
                "spec.loadBalancerSourceRanges[0]: CIDR value \"10.1.2.3/8\" is ambiguous in this context (should be \"10.0.0.0/8\" or \"10.1.2.3/32\"?)",
                "spec.loadBalancerSourceRanges[1]: non-standard CIDR value \"010.0.0.0/8\" will be considered invalid in a future Kubernetes release: use \"10.0.0.0/8\"",
                "spec.loadBalancerSourceRanges[2]: IPv6 CIDR value \"2001:DB8::/32\" should be in RFC 5952 canonical format (\"2001:db8::/32\")",
            ],
        ),
        (
            "1.31-1.37",
            "spec: {type: ExternalName, externalName: a.example.com, externalIPs: [203.0.113.5]}",
            &["spec.externalIPs is ignored when spec.type is \"ExternalName\""],
        ),
        (
            "1.31-1.37",
            "spec: {externalName: a.example.com, ports: [{port: 80}]}",
            &["spec.externalName is ignored when spec.type is not \"ExternalName\""],
        ),
        (
            "1.31-1.34",
            "spec: {trafficDistribution: PreferClose, ports: [{port: 80}]}",
            &[],
        ),
        (
            "1.35-1.37",
            "spec: {trafficDistribution: PreferClose, ports: [{port: 80}]}",
            &["spec.trafficDistribution: \"PreferClose\" is deprecated; use \"PreferSameZone\""],
        ),
    ];
    for (at, body, expected) in rows {
        for minor in releases(at) {
            let rules = rules(minor, "10.96.0.0/12");
            let mut allocators = rules.allocators();
            let mut chooser = Chooser::seeded(1);
            let mut it = service(body);
            let found = create(&mut it, &rules, &mut allocators, &mut chooser, DryRun::No)
                .unwrap_or_else(|it| panic!("{body}: {it}"));
            assert_eq!(found, *expected, "{body} at 1.{minor}");
        }
    }
}
