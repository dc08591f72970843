//! The doctor: manifests and mutations of a healthy world in rows, what it says of each, and that what it proposes helps.
//!
//! `tests/cases/doctor.txt` holds the rows. `UPDATE_EXPECTED=1` writes what the doctor says anew; read the difference before
//! keeping it. The other tests say what must be true of it in any case.

use packetwalk_core::console::{Console, NoEditor};
use packetwalk_core::doctor::{Asked, Diagnosis, FINDINGS, Finding, MAX_NAMED, Severity, examine};
use packetwalk_core::net::Protocol;
use packetwalk_core::session::Session;
use packetwalk_core::shell::Place;
use packetwalk_core::sim::{
    Destination, Request, SETTLE_LIMIT, Source, Start, StartFile, Timeline, World, outcomes,
};
use packetwalk_tests::{manifest, root, text};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::rc::Rc;
use std::sync::LazyLock;

const CASES: &str = "tests/cases/doctor.txt";
const HEALTHY: &str = "tests/cases/doctor-healthy.yaml";

/// A row: a world, what is asked, what is expected.
struct Case {
    title: String,
    body: String,
    expected: String,
}

fn cases() -> (String, Vec<Case>) {
    let all = text(CASES);
    let (head, rest) = all.split_once("\n=== ").expect("a case");
    let cases = rest.split("\n=== ").map(|section| {
        let (title, rest) = section.split_once('\n').expect("a title");
        let (body, expected) = rest.split_once("\n>>>").expect("what is expected");
        Case {
            title: title.to_owned(),
            body: body.to_owned(),
            expected: expected.trim().to_owned(),
        }
    });
    (head.to_owned(), cases.collect())
}

impl Case {
    /// What stands behind `--from` or `--to` in the title.
    fn option(&self, name: &str) -> Option<&str> {
        let (_, options) = self.title.split_once(" | ")?;
        let mut words = options.split_whitespace();
        words.find(|it| *it == name)?;
        words.next()
    }

    fn asked(&self) -> Asked {
        let from = self.option("--from");
        let to = self.option("--to");
        Asked {
            from: from.map(|it| Source::parse(it).expect("a source")),
            to: to.map(|it| Destination::parse(it, Protocol::Tcp).expect("a destination")),
        }
    }

    fn is_mutation(&self) -> bool {
        self.body.starts_with("$ ")
    }

    /// The world, come to rest.
    fn timeline(&self) -> Rc<RefCell<Timeline>> {
        let body = if self.is_mutation() {
            text(HEALTHY)
        } else {
            self.body.clone()
        };
        let timeline = Timeline::new(Start {
            files: vec![StartFile {
                name: "case.yaml".into(),
                text: body,
            }],
            seed: 1,
        });
        let timeline = Rc::new(RefCell::new(timeline));
        if self.is_mutation() {
            for line in self.body.lines() {
                let line = line.strip_prefix("$ ").expect("a command");
                run(&timeline, line).unwrap_or_else(|it| panic!("{}: {line}: {it}", self.title));
            }
        }
        timeline
    }

    fn diagnosis(&self, timeline: &Rc<RefCell<Timeline>>) -> Diagnosis {
        let timeline = timeline.borrow();
        let world = World::of_cluster(timeline.cluster().clone(), None);
        examine(&world, Some(&timeline.begun().manifest), &self.asked())
    }
}

/// Runs a line on the workstation, and lets the world come to rest.
fn run(timeline: &Rc<RefCell<Timeline>>, line: &str) -> Result<(), String> {
    let files = Rc::new(BTreeMap::<String, String>::new());
    let console = Console::new(timeline.clone(), files, Rc::new(NoEditor));
    let mut shell = console.shell(&Place::Workstation);
    let done = shell.run_line(line, "");
    console.settle(&mut shell, SETTLE_LIMIT);
    if done.code == 0 {
        Ok(())
    } else {
        Err(done.stderr)
    }
}

/// What was found, in lines.
fn told(diagnosis: &Diagnosis) -> String {
    let mut text = String::new();
    for it in &diagnosis.findings {
        let _ = write!(
            text,
            "{} {} {} {}",
            it.severity.name(),
            it.id,
            it.object,
            it.path
        );
        if let Some(place) = &it.place {
            let _ = write!(text, " @{}:{}", place.position.line, place.position.column);
        }
        let _ = writeln!(text, "\n  {}", it.sentence);
        for follows in &it.consequences {
            let _ = writeln!(text, "  → {}: {}", follows.object, follows.sentence);
        }
        if let Some(tried) = &it.request {
            let odds = (tried.probability * 100.0).round();
            let odds = if odds < 100.0 {
                format!(" {odds} %")
            } else {
                String::new()
            };
            let verdict = tried.verdict.name();
            let _ = writeln!(text, "  > {} {}: {verdict}{odds}", tried.from, tried.to);
        }
        for remedy in &it.remedies {
            let sign = if remedy.mends { "$" } else { "?" };
            let _ = writeln!(text, "  {sign} {}", remedy.command);
        }
    }
    text.push_str(&diagnosis.sentence());
    text
}

/// Every case and what is found, computed once.
static FOUND: LazyLock<Vec<(Case, Diagnosis)>> = LazyLock::new(|| {
    let cases = cases().1.into_iter();
    cases
        .map(|case| {
            let found = case.diagnosis(&case.timeline());
            (case, found)
        })
        .collect()
});

#[test]
fn every_case_is_told_as_it_was() {
    let mut updated = cases().0;
    let mut faults = String::new();
    for (case, found) in &*FOUND {
        let now = told(found);
        let _ = write!(updated, "\n=== {}\n{}\n>>>\n{now}\n", case.title, case.body);
        if now != case.expected {
            let _ = writeln!(
                faults,
                "=== {}\n--- expected\n{}\n--- told\n{now}",
                case.title, case.expected
            );
        }
    }
    if std::env::var_os("UPDATE_EXPECTED").is_some() {
        std::fs::write(root().join(CASES), updated).expect("the cases");
        return;
    }
    assert!(faults.is_empty(), "{faults}");
}

/// Whether a finding is still there.
fn is_there(diagnosis: &Diagnosis, finding: &Finding) -> bool {
    diagnosis
        .findings
        .iter()
        .any(|it| it.id == finding.id && it.object == finding.object && it.path == finding.path)
}

#[test]
fn every_command_that_mends_makes_its_finding_go_away() {
    let mut faults = String::new();
    let mut n_commands = 0;
    for (case, found) in &*FOUND {
        for finding in &found.findings {
            for remedy in finding.remedies.iter().filter(|it| it.mends) {
                n_commands += 1;
                let timeline = case.timeline();
                if let Err(said) = run(&timeline, &remedy.command) {
                    let _ = writeln!(faults, "=== {}\n$ {}\n{said}", case.title, remedy.command);
                    continue;
                }
                let after = case.diagnosis(&timeline);
                if is_there(&after, finding) {
                    let _ = writeln!(
                        faults,
                        "=== {}\n$ {}\n{}",
                        case.title,
                        remedy.command,
                        told(&after)
                    );
                }
                // What mends one thing breaks no other.
                let worse = after
                    .findings
                    .iter()
                    .filter(|it| it.severity == Severity::Error);
                for it in worse.filter(|it| !is_there(found, it)) {
                    let _ = writeln!(
                        faults,
                        "=== {}\n$ {}\nnew: {} {}: {}",
                        case.title, remedy.command, it.id, it.object, it.sentence
                    );
                }
            }
        }
    }
    assert!(faults.is_empty(), "{faults}");
    assert!(n_commands > 80, "only {n_commands} commands");
}

#[test]
fn commands_that_only_show_more_run_as_well() {
    for (case, found) in &*FOUND {
        let all = found.findings.iter().flat_map(|it| &it.remedies);
        let looks: Vec<_> = all.filter(|it| !it.mends).collect();
        if looks.is_empty() {
            continue;
        }
        let timeline = case.timeline();
        for remedy in looks {
            let done = run(&timeline, &remedy.command);
            // A container that was never started again has no log of before.
            let is_fine = done.is_ok() || remedy.command.contains("--previous");
            assert!(is_fine, "{}: {}: {done:?}", case.title, remedy.command);
        }
    }
}

#[test]
fn a_broken_world_has_a_fault_and_a_healthy_one_has_none() {
    for (case, found) in &*FOUND {
        if case.title.starts_with("nothing is wrong") {
            assert!(found.findings.is_empty(), "{}: {}", case.title, told(found));
            assert!(
                found.sentence().ends_with(": nothing is wrong"),
                "{}",
                found.sentence()
            );
        } else if case.title.starts_with("broken: ") {
            assert_eq!(found.findings.len(), 1, "{}: {}", case.title, told(found));
        }
    }
}

#[test]
fn a_request_that_is_shown_ends_as_it_says() {
    for (case, found) in &*FOUND {
        let timeline = case.timeline();
        let world = World::of_cluster(timeline.borrow().cluster().clone(), None);
        for finding in &found.findings {
            let Some(tried) = &finding.request else {
                continue;
            };
            let protocol = Protocol::from_name(tried.protocol).expect("a protocol");
            let request = Request::new(
                Source::parse(&tried.from).expect("a source"),
                Destination::parse(&tried.to, protocol).expect("a destination"),
            );
            let ways = outcomes(&world, &request, 64).expect("it begins").ways;
            let seen = ways.branches.iter().any(|it| {
                let ending = &it.result.ending;
                ending.verdict == tried.verdict && ending.symptom == tried.symptom
            });
            assert!(seen, "{}: {} {}", case.title, tried.from, tried.to);
            let is_fault = finding.severity == Severity::Error;
            assert!(
                tried.fails() || !is_fault,
                "{}: {}",
                case.title,
                told(found)
            );
        }
    }
}

#[test]
fn every_finding_there_is_has_a_case() {
    let mut seen = BTreeSet::from(["stale-flow"]);
    for (_, found) in &*FOUND {
        seen.extend(found.findings.iter().map(|it| it.id));
    }
    let known: BTreeSet<&str> = FINDINGS.iter().map(|it| it.0).collect();
    let ordered: Vec<&str> = FINDINGS.iter().map(|it| it.0).collect();
    assert!(ordered.is_sorted(), "in order");
    let missing: Vec<_> = known.difference(&seen).collect();
    assert!(missing.is_empty(), "without a case: {missing:?}");
    let unknown: Vec<_> = seen.difference(&known).collect();
    assert!(unknown.is_empty(), "not in the list: {unknown:?}");
    assert!(FOUND.len() >= 60, "{} cases", FOUND.len());
}

/// The faults (not the notes) of every manifest of the repository that shows something.
const FAULTS: &[(&str, &[&str])] = &[
    ("static/manifests/clusterip.yaml", &[]),
    ("static/manifests/deployment.yaml", &[]),
    ("static/manifests/externalname.yaml", &[]),
    ("static/manifests/headless.yaml", &[]),
    ("static/manifests/ingress.yaml", &[]),
    ("static/manifests/loadbalancer-aws.yaml", &[]),
    ("static/manifests/loadbalancer-azure.yaml", &[]),
    ("static/manifests/loadbalancer-gcp.yaml", &[]),
    ("static/manifests/nodeport.yaml", &[]),
    ("static/manifests/selectorless.yaml", &[]),
    (
        "tests/scenarios/affinity.yaml",
        &["selector-matches-nothing none"],
    ),
    ("tests/scenarios/dead-node.yaml", &["node-not-ready node-2"]),
    ("tests/scenarios/dual-stack.yaml", &[]),
    ("tests/scenarios/external-ips.yaml", &[]),
    ("tests/scenarios/external-name.yaml", &[]),
    (
        "tests/scenarios/headless.yaml",
        &["headless-port-mapping db"],
    ),
    (
        "tests/scenarios/ingress.yaml",
        &[
            "selector-matches-nothing gone",
            "target-port-not-listening broken",
        ],
    ),
    ("tests/scenarios/inside.yaml", &[]),
    ("tests/scenarios/load-balancer-aws.yaml", &[]),
    ("tests/scenarios/load-balancer-proxy.yaml", &[]),
    ("tests/scenarios/load-balancer.yaml", &[]),
    (
        "tests/scenarios/network-policy.yaml",
        &["network-policy-service-port wrong"],
    ),
    (
        "tests/scenarios/nobody.yaml",
        &[
            "app-on-localhost to-itself",
            "pods-not-ready sick-1",
            "publishes-unready unready-too",
            "selector-matches-nothing nobody",
            "target-port-not-listening wrong-port",
        ],
    ),
    ("tests/scenarios/node-port.yaml", &[]),
    (
        "tests/scenarios/policies.yaml",
        &[
            "external-policy-local external-local",
            "internal-policy-local internal-local",
        ],
    ),
    (
        "tests/scenarios/udp.yaml",
        &["target-port-not-listening closed"],
    ),
    (
        "tests/scenarios/ways-in.yaml",
        &[
            "external-policy-local local",
            "internal-policy-local inside",
            "selector-matches-nothing nobody",
        ],
    ),
    (
        "tests/scenarios/worked.yaml",
        &["balancer-no-healthy-target svc2", "endpoints-not-made svc6"],
    ),
];

fn faults(found: &Diagnosis) -> Vec<String> {
    let wrong = found
        .findings
        .iter()
        .filter(|it| it.severity != Severity::Note);
    let mut faults: Vec<String> = wrong
        .map(|it| format!("{} {}", it.id, it.object.name))
        .collect();
    faults.sort();
    faults
}

#[test]
fn every_scenario_has_the_faults_it_shows_and_no_others() {
    let mut files: Vec<String> = Vec::new();
    for folder in ["static/manifests", "tests/scenarios"] {
        for entry in std::fs::read_dir(root().join(folder))
            .expect("a folder")
            .flatten()
        {
            let name = entry.file_name().into_string().expect("a name");
            if name.ends_with(".yaml") {
                files.push(format!("{folder}/{name}"));
            }
        }
    }
    files.sort();
    let told_of: Vec<&str> = FAULTS.iter().map(|it| it.0).collect();
    let unknown: Vec<_> = files
        .iter()
        .filter(|it| !told_of.contains(&it.as_str()))
        .collect();
    assert!(unknown.is_empty(), "say what is wrong with {unknown:?}");
    for (file, expected) in FAULTS {
        let manifest = manifest(&text(file));
        for seed in [1, 2, 3] {
            let world = World::from_manifest(&manifest, None, seed);
            let found = examine(&world, Some(&manifest), &Asked::default());
            assert_eq!(
                faults(&found),
                *expected,
                "{file}, seed {seed}:\n{}",
                told(&found)
            );
        }
        for mode in ["nftables", "iptables", "ipvs"] {
            // ip_vs takes packets past the hook of NetworkPolicies.
            if mode == "ipvs" && file.ends_with("network-policy.yaml") {
                continue;
            }
            let mode = packetwalk_core::proxy::mode(mode);
            let world = World::from_manifest(&manifest, mode, 1);
            let found = examine(&world, Some(&manifest), &Asked::default());
            assert_eq!(
                faults(&found),
                *expected,
                "{file}, {:?}:\n{}",
                mode.map(|it| it.name),
                told(&found)
            );
        }
    }
}

#[test]
fn the_same_world_is_told_of_in_the_same_words() {
    let manifest = manifest(&text("tests/scenarios/nobody.yaml"));
    let tell = || {
        let world = World::from_manifest(&manifest, None, 7);
        let found = examine(&world, Some(&manifest), &Asked::default());
        serde_json::to_string(&found).expect("text keys")
    };
    assert_eq!(tell(), tell());
}

#[test]
fn a_page_is_told_what_to_highlight_and_what_to_play() {
    let session = Session::new(
        &text("tests/scenarios/nobody.yaml"),
        "pod/client",
        "http://nobody",
        1,
    );
    let view = session.doctor();
    assert!(!view.is_well);
    assert!(
        view.summary.ends_with("5 things are wrong"),
        "{}",
        view.summary
    );
    let found = view.findings.iter().find(|it| it.id == "app-on-localhost");
    let found = found.expect("the program bound to 127.0.0.1");
    assert_eq!(found.object, "service/default/to-itself");
    assert_eq!(
        (found.line, found.path.as_str()),
        (17, "spec.ports[0].targetPort")
    );
    assert_eq!(
        found.highlight,
        ["service/default/to-itself", "pod/default/shy-1"]
    );
    let play = found.request.as_ref().expect("a request");
    assert_eq!(
        (play.from.as_str(), play.to.as_str()),
        ("pod/default/client", "http://to-itself")
    );
    assert_eq!((play.verdict, play.odds.as_str()), ("refused", "always"));
    let well = Session::new(
        &text("static/manifests/clusterip.yaml"),
        "pod/client",
        "http://api",
        1,
    )
    .doctor();
    assert!(well.is_well, "{}", well.summary);
}

#[test]
fn a_flow_that_outlives_its_endpoint_is_told_of() {
    let before = text("tests/scenarios/udp.yaml");
    let mut world = World::from_manifest(&manifest(&before), None, 1);
    let request = packetwalk_tests::request("pod/client", "10.96.3.1:53", Protocol::Udp);
    let mut chooser = packetwalk_core::chance::Chooser::seeded(1);
    let opened = world.open(&request, &mut chooser).expect("it begins");
    let served = opened.0.ending.object.clone().expect("a pod").name;
    // The same nodes with the same connections, and endpoints that moved without kube-proxy seeing it.
    let gone = before.replace(
        &format!("name: {served}, labels: {{app: names}}"),
        &format!("name: {served}, labels: {{app: was}}"),
    );
    let after = World::from_manifest(&manifest(&gone), None, 1);
    world.cluster = after.cluster;
    world.objects = after.objects;
    let found = examine(&world, None, &Asked::default());
    let stale = found
        .findings
        .iter()
        .find(|it| it.id == "stale-flow")
        .expect("a stale flow");
    assert_eq!(stale.object.name, "names");
    assert!(
        stale.sentence.contains("over UDP to 10.244."),
        "{}",
        stale.sentence
    );
}

/// So many Services with so many pods each.
fn large(n_services: usize, n_pods: usize) -> String {
    let mut text = String::new();
    for service in 0..n_services {
        let _ = writeln!(
            text,
            "apiVersion: v1\nkind: Service\nmetadata: {{name: s{service}}}\nspec: {{selector: {{app: a{service}}}, ports: [{{port: 80, targetPort: 8080}}]}}\n---"
        );
        for pod in 0..n_pods {
            let number = service * n_pods + pod;
            let node = 1 + number % 2;
            let (high, low) = (number / 2 / 250, number / 2 % 250 + 2);
            let _ = writeln!(
                text,
                "apiVersion: v1\nkind: Pod\nmetadata: {{name: p{service}-{pod}, labels: {{app: a{service}}}}}\nspec: {{nodeName: node-{node}, containers: [{{name: c, image: c, ports: [{{containerPort: 8080}}]}}]}}\nstatus: {{phase: Running, podIP: 10.{}.{high}.{low}, conditions: [{{type: Ready, status: \"True\"}}]}}\n---",
                node + 200
            );
        }
    }
    text
}

#[test]
fn every_port_of_many_is_asked_and_it_is_said_how() {
    let n = MAX_NAMED + 20;
    let manifest = manifest(&large(n, 1));
    let world = World::from_manifest(&manifest, None, 1);
    let found = examine(&world, Some(&manifest), &Asked::default());
    assert!(found.is_well(), "{}", told(&found));
    assert_eq!(found.checked.services, n + 2);
    assert_eq!(found.checked.requests, found.checked.ports);
    assert!(found.checked.by_address > 0);
    assert!(
        found.sentence().contains("by address"),
        "{}",
        found.sentence()
    );
}
