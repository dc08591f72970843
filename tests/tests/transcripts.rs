//! What the real kubectl printed, and what ours prints: 324 command lines, byte for byte.
//!
//! A line is run by the shell of a workstation, as the recorder's was. `tests/cases/kubectl-transcripts.json` was recorded with kubectl 1.32.5. Both sides go through one normaliser,
//! [`normalised`], since no two clusters give the same addresses, ages, identities, times, generated suffixes and automatic node
//! ports; it also knows the recorder's own name, system and port. Where a text held such a value, runs of blanks count as one
//! column gap, for the width of a column depends on it.
//!
//! All run; `TRANSCRIPTS=get` runs those whose ids begin with `get/` alone, for whoever works on them.

#![expect(
    clippy::print_stdout,
    reason = "tests say how much they have looked at"
)]

use packetwalk_core::api::{Complaint, Kind, ObjectRef};
use packetwalk_core::console::{Console, NoEditor};
use packetwalk_core::controllers::Fault;
use packetwalk_core::kubectl;
use packetwalk_core::shell::{Place, Shell, State, Stream};
use packetwalk_core::sim::{Cluster, SETTLE_LIMIT, Start, StartFile};
use packetwalk_core::store::{Part, Write};
use packetwalk_core::time::Duration;
use packetwalk_tests::{recorded, text};
use serde_json::{Value, json};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

/// How long a command may take.
const LIMIT: Duration = Duration::from_secs(120);

/// The recorder's day: objects that are given were made two hours before.
const NOW: &str = "---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: now\n  namespace: kube-system\n  creationTimestamp: \"2026-11-22T23:22:00Z\"\n";

struct World {
    cluster: Rc<RefCell<Arc<Cluster>>>,
    /// Objects that are in the store as given: no kubelet of the recorder's touched them.
    given: Vec<Value>,
    console: Console,
    shell: Shell,
}

#[derive(Debug, PartialEq)]
struct Said {
    stdout: String,
    stderr: String,
    code: i32,
}

impl World {
    fn new(transcript: &Value, files: &BTreeMap<String, String>) -> World {
        let config = &transcript["setup"]["server_config"];
        let version = match config["compat"].as_str() {
            Some("1.33") => "v1.33.1",
            _ => "v1.32.4",
        };
        let mut text = format!(
            "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\nkubernetesVersion: {version}\n{NOW}"
        );
        if config["lb"] == "auto" {
            text.push_str("---\napiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata:\n  name: pool\n  namespace: metallb-system\nspec:\n  addresses:\n  - 203.0.113.200-203.0.113.250\n");
        }
        let start = vec![StartFile {
            name: "cluster.yaml".into(),
            text,
        }];
        let start = Start {
            files: start,
            seed: 1,
        };
        let started = start.begin();
        let errors: Vec<&Complaint> = started.complaints.iter().collect();
        assert!(errors.is_empty(), "{errors:?}");
        let cluster = Rc::new(RefCell::new(started.cluster));
        let console = Console::new(cluster.clone(), Rc::new(files.clone()), Rc::new(NoEditor));
        let mut world = World {
            cluster,
            given: Vec::new(),
            shell: console.shell(&Place::Workstation),
            console,
        };
        world.zones();
        world.given = list(&transcript["setup"]["extra_objects"]).to_vec();
        world.give();
        for line in list(&transcript["setup"]["setup_commands"]) {
            world.run(line.as_str().unwrap_or_default());
        }
        world.give();
        world
    }

    fn change<T>(&self, change: impl FnOnce(&mut Cluster) -> T) -> T {
        change(Arc::make_mut(&mut self.cluster.borrow_mut()))
    }

    /// Puts the given objects into the store, lets controllers see them, and puts them there again.
    fn give(&mut self) {
        if self.given.is_empty() {
            return;
        }
        // Their kubelets are off, and the time is too short for anybody to notice.
        for node in ["control-plane", "node-1", "node-2"] {
            self.change(|it| it.suffer(Fault::NodeDown(node.to_owned())));
        }
        self.adopt();
        self.change(|it| it.advance(it.clock().now + Duration::from_secs(3)));
        self.adopt();
        let events: Vec<ObjectRef> = self.change(|it| {
            let events = it.store().documents(Kind::Event);
            events.map(|it| it.0.clone()).collect()
        });
        for event in events {
            let is_given = self
                .given
                .iter()
                .any(|it| it["metadata"]["name"] == event.name.as_str());
            if !is_given {
                self.change(|it| it.store_mut().remove(&event));
            }
        }
    }

    fn adopt(&mut self) {
        let clock = self.change(|it| it.clock());
        for object in &self.given {
            let kind =
                Kind::from_name(object["kind"].as_str().unwrap_or_default()).expect("a kind");
            let adopted = self.change(|it| it.store_mut().adopt(kind, object.clone(), &clock));
            assert!(adopted.is_ok(), "{adopted:?}");
        }
    }

    /// The recorder's nodes stood in two zones.
    fn zones(&mut self) {
        for (node, zone) in [
            ("control-plane", "zone-a"),
            ("node-1", "zone-a"),
            ("node-2", "zone-b"),
        ] {
            let clock = self.change(|it| it.clock());
            let write = Write::Patch {
                object: ObjectRef::new(Kind::Node, "", node),
                part: Part::Main,
                patch: json!({"metadata": {"labels": {"topology.kubernetes.io/zone": zone}}}),
            };
            self.change(|it| it.store_mut().write(write, &clock));
        }
        self.change(|it| it.settle(SETTLE_LIMIT));
    }

    /// Runs a line in the shell of a workstation.
    fn run(&mut self, line: &str) -> Said {
        self.shell.start(line);
        self.shell.end_input();
        let code = match self.shell.advance(self.console.now() + LIMIT) {
            State::Idle(code) => i32::from(code),
            State::Running(_) | State::Reading => {
                self.shell.interrupt();
                130
            }
        };
        if self.given.is_empty() {
            self.console.settle(&mut self.shell, SETTLE_LIMIT);
        }
        let chunks = self.shell.take_output();
        let of = |stream| -> String {
            let chunks = chunks.iter().filter(|it| it.stream == stream);
            chunks.map(|it| it.text.as_str()).collect()
        };
        Said {
            stdout: of(Stream::Out),
            stderr: of(Stream::Err),
            code,
        }
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// The published normaliser.
fn normalised(text: &str) -> String {
    if let Ok(mut value @ (Value::Object(_) | Value::Array(_))) =
        serde_json::from_str::<Value>(text)
    {
        without_owners(&mut value);
        return words_normalised(&value.to_string());
    }
    words_normalised(&without_owners_in_yaml(text))
}

/// The recorder only sketched who owns which field.
/// The same in YAML.
fn without_owners_in_yaml(text: &str) -> String {
    let mut is_within = false;
    let kept = text.split('\n').filter(|line| {
        if *line == "  managedFields:" {
            is_within = true;
        } else if !line.starts_with("  - ") && !line.starts_with("    ") {
            is_within = false;
        }
        !is_within
    });
    kept.collect::<Vec<&str>>().join("\n")
}

fn without_owners(value: &mut Value) {
    if let Some(metadata) = value.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
        metadata.remove("resourceVersion");
    }
}

fn words_normalised(text: &str) -> String {
    let mut text = text.to_owned();
    // The recorder's own name, system and port; ours.
    for (one, other) in [
        ("http://127.0.0.1:18002", "<server>"),
        ("http://127.0.0.1:8080", "<server>"),
        ("Service Simulator", "<os>"),
        ("packetwalk 1.0", "<os>"),
        ("6.1.0-sim", "<kernel>"),
        ("sim://1.0", "<runtime>"),
        ("\"sim\"", "<name>"),
        ("\"packetwalk\"", "<name>"),
    ] {
        text = text.replace(one, other);
    }
    let mut lines = Vec::new();
    let mut is_changed = false;
    for line in text.split('\n') {
        let new = line_normalised(line);
        is_changed |= new != line;
        lines.push(new);
    }
    if is_changed {
        lines.iter_mut().for_each(|it| *it = gaps(it));
    }
    lines.join("\n")
}

/// Runs of blanks as one gap.
fn gaps(line: &str) -> String {
    let indent = line.len() - line.trim_start_matches(' ').len();
    let mut out = line[..indent].to_owned();
    let mut blanks = 0;
    for it in line[indent..].chars() {
        if it == ' ' {
            blanks += 1;
            continue;
        }
        out.push_str(["", " ", "  "][blanks.min(2)]);
        blanks = 0;
        out.push(it);
    }
    out.push_str(["", " ", "  "][blanks.min(2)]);
    out
}

fn line_normalised(line: &str) -> String {
    // Which node a scheduler chose.
    for title in ["    NodeName:", "    Zone:"] {
        if line.starts_with(title) && !line.ends_with("<unset>") {
            return format!("{title}  <node>");
        }
    }
    let mut out = String::new();
    let mut rest = date_normalised(line);
    // Words: letters, digits and what stands within them.
    while !rest.is_empty() {
        let end = rest.find(|it: char| !is_part(it)).unwrap_or(rest.len());
        if end == 0 {
            let length = rest.chars().next().map_or(1, char::len_utf8);
            out.push_str(&rest[..length]);
            rest = rest[length..].to_owned();
            continue;
        }
        let word = rest[..end].to_owned();
        rest = rest[end..].to_owned();
        let is_node_port = out.ends_with(':')
            || out.trim_end().ends_with("NodePort:")
            || out.contains("NodePort:");
        out.push_str(&word_normalised(&word, is_node_port));
    }
    out
}

/// `Thu, 19 Nov 2026 23:12:18 +0000`, `2026-11-19T23:12:18Z`
fn date_normalised(line: &str) -> String {
    let bytes = line.as_bytes();
    let is_stamp = |at: usize| {
        let form = b"dddd-dd-ddTdd:dd:ddZ";
        bytes.get(at..at + form.len()).is_some_and(|it| {
            it.iter().zip(form).all(|(it, wanted)| match wanted {
                b'd' => it.is_ascii_digit(),
                other => it == other,
            })
        })
    };
    if let Some(at) = (0..bytes.len()).find(|at| is_stamp(*at)) {
        return date_normalised(&format!("{}<time>{}", &line[..at], &line[at + 20..]));
    }
    let Some(at) = line.find(" +0000") else {
        return line.to_owned();
    };
    match at.checked_sub(25) {
        Some(start) if line.is_char_boundary(start) => {
            date_normalised(&format!("{}<time>{}", &line[..start], &line[at + 6..]))
        }
        _ => line.to_owned(),
    }
}

fn is_part(it: char) -> bool {
    it.is_ascii_alphanumeric() || matches!(it, '.' | '-')
}

fn word_normalised(word: &str, may_be_node_port: bool) -> String {
    let digits = |it: &str| !it.is_empty() && it.bytes().all(|it| it.is_ascii_digit());
    let parts: Vec<&str> = word.split('.').collect();
    if parts.len() == 4 && parts.iter().all(|it| digits(it)) {
        let is_given = word.starts_with("10.96.0.")
            || !(word.starts_with("10.") || word.starts_with("203.0.113.2"));
        return if is_given {
            word.to_owned()
        } else {
            "<address>".to_owned()
        };
    }
    if matches!(word, "sim" | "packetwalk") {
        return "<name>".to_owned();
    }
    if is_uid(word) {
        return "<uid>".to_owned();
    }
    if is_age(word) {
        return "<age>".to_owned();
    }
    if may_be_node_port && digits(word) && (30_086..=32_767).contains(&word.parse().unwrap_or(0)) {
        return "<node-port>".to_owned();
    }
    suffix_normalised(word)
}

fn is_uid(word: &str) -> bool {
    let parts: Vec<usize> = word.split('-').map(str::len).collect();
    parts == [8, 4, 4, 4, 12] && word.bytes().all(|it| it == b'-' || it.is_ascii_hexdigit())
}

/// `3d`, `120m`, `5m30s`
fn is_age(word: &str) -> bool {
    let mut rest = word;
    let mut n_units = 0;
    while !rest.is_empty() {
        let n_digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        if n_digits == 0 || !rest[n_digits..].starts_with(['s', 'm', 'h', 'd', 'y']) {
            return false;
        }
        rest = &rest[n_digits + 1..];
        n_units += 1;
    }
    (1..=2).contains(&n_units)
}

/// What the API server appends to names.
fn suffix_normalised(word: &str) -> String {
    let is_random = |it: &str| {
        matches!(it.len(), 5 | 8..=10)
            && it
                .bytes()
                .all(|it| b"bcdfghjklmnpqrstvwxz0123456789".contains(&it))
            && it.bytes().any(|it| it.is_ascii_lowercase())
    };
    let parts: Vec<&str> = word.split('-').collect();
    let shown: Vec<&str> = parts
        .iter()
        .enumerate()
        .map(|(idx, it)| {
            if is_random(it) && (idx > 0 || it.len() > 7) {
                "<suffix>"
            } else {
                it
            }
        })
        .collect();
    shown.join("-")
}

const POOL: &str = "\nAnnotations:  metallb.io/ip-allocated-from-pool: pool\n<cut>";
const IP_ALLOCATED: &str = "\nEvents:\n  Type    Reason       Age   From                Message\n  ----    ------       ----  ----                -------\n  Normal  IPAllocated  3d    metallb-controller  Assigned IP [\"203.0.113.200\"]\n<cut>";

const DRAIN_REFUSED: &str = "error: unable to drain node \"node-2\" due to error: cannot delete cannot delete Pods that declare no controller (use --force to override): default/web2, continuing command...\nThere are pending nodes to be drained:\n node-2\ncannot delete cannot delete Pods that declare no controller (use --force to override): default/web2\n";

/// Where the recorder's server was not like the real one: the transcript, what stands in it, what a real server gives, and why.
const ARGUED: [(&str, &str, &str); 25] = [
    // An applier is named without its version (fieldmanager/conflict.go, printManager).
    ("apply/27", "\"other\" using v1:", "\"other\":"),
    // So here; and spec.selector of a Service is one atomic field (x-kubernetes-map-type), which a set of paths names before its children.
    (
        "apply/29",
        "\"kubectl\" using v1:\n- .spec.ports[port=80,protocol=\"TCP\"].targetPort\n- .spec.selector.app",
        "\"kubectl\":\n- .spec.selector\n- .spec.ports[port=80,protocol=\"TCP\"].targetPort",
    ),
    (
        "apply/29",
        ".spec.selector.app\nconflicts with \"other\" using v1:\n- .spec.selector.app",
        ".spec.selector\nconflicts with \"other\":\n- .spec.selector",
    ),
    (
        "ssa-over-csa/05",
        "- .spec.ports[port=80,protocol=\"TCP\"].targetPort\n- .spec.selector.app",
        "- .spec.selector\n- .spec.ports[port=80,protocol=\"TCP\"].targetPort",
    ),
    // The server lets `kubectl` take what its own client-side apply owns (fieldmanager/lastappliedmanager.go).
    ("ssa-over-csa/02", "", "service/api serverside-applied\n"),
    // A mirrored slice has the addresses that are not ready, too (endpointslicemirroring/utils.go), and a table shows all.
    ("types/27", "192.0.2.43   3d", "192.0.2.43,192.0.2.44   3d"),
    // A pod that says it is initialised shows what its containers wait for (printers.go, isPodInitializedConditionTrue).
    ("odd-pods/01", "Init:0/2       ", "PodInitializing"),
    ("odd-pods/02", "Init:0/2       ", "PodInitializing"),
    ("odd-pods/18", "Init:0/2       ", "PodInitializing"),
    // MetalLB notes the pool, and says that it gave an address (controller/service.go of MetalLB 0.14).
    ("seed-lb/03", "\nAnnotations:", POOL),
    ("seed-lb/03", "\nEvents:", IP_ALLOCATED),
    ("types/07", "\nAnnotations:", POOL),
    ("types/07", "\nEvents:", IP_ALLOCATED),
    ("types/08", "\nAnnotations:", POOL),
    ("types/08", "\nEvents:", IP_ALLOCATED),
    // Here the scheduler put web2, which nobody looks after, on node-2, and a real drain refuses (k8s.io/kubectl/pkg/drain/filters.go).
    ("imperative/27", "node/node-2 drained\n", ""),
    // An Endpoints object has no pod that is being deleted, unless the Service publishes those that are not ready
    // (ShouldPodBeInEndpoints of k8s.io/endpointslice/util).
    ("odd-pods/06", "10.244.1.26,", ""),
    // The recorder had no pods of kube-system.
    ("describe-other/04", "(0 in total)", "(3 in total)"),
    ("describe-other/04", "\nAllocated resources", SYSTEM_PODS),
    // The recorder's kubelet printed canned lines; containers that nobody spoke to have printed nothing.
    ("streams/01", "", ""),
    ("streams/02", "", ""),
    // So it did for every command that failed.
    ("streams/05", "oops\n", ""),
    // The recorder ran no controller of StatefulSets: the two pods are its own, and ready.
    ("statefulset/01", "0/2", "2/2"),
    ("statefulset/02", "0/2", "2/2"),
    (
        "statefulset/04",
        "2 desired | 0 total",
        "2 desired | 2 total",
    ),
];

/// The recorder made its OpenAPI of comments in protobuf files: their line breaks, no enumerations, texts cut short. What the
/// real kubectl prints before a real server's documents is recorded in `tests/cases/explain.txt`.
const EXPLAINED: [&str; 2] = ["explain/03", "explain/04"];

fn said(transcript: &Value) -> Said {
    let id = transcript["id"].as_str().unwrap_or_default();
    if EXPLAINED.contains(&id) {
        let line = transcript["command"].as_str().unwrap_or_default();
        let mut cases = recorded("tests/cases/explain.txt").into_iter();
        return Said {
            stdout: cases.find(|it| it.0 == line).expect("recorded").1,
            stderr: String::new(),
            code: 0,
        };
    }
    let text = |it: &str| {
        let mut text = transcript[it].as_str().unwrap_or_default().to_owned();
        for (_, from, to) in ARGUED.iter().filter(|it| it.0 == id) {
            if id == "imperative/27" && it == "stderr" {
                text = DRAIN_REFUSED.to_owned();
            } else if from.is_empty() {
                text = match it {
                    "stdout" => (*to).to_owned(),
                    // What kubectl remarks itself.
                    _ if id.starts_with("streams/") => text,
                    _ => String::new(),
                };
            } else {
                text = text.replace(from, to);
                // What is put in the place of a whole line ends here.
                while let Some(at) = text.find("<cut>") {
                    let end = text[at..].find('\n').map_or(text.len(), |it| at + it + 1);
                    text.replace_range(at..end, "");
                }
            }
        }
        text
    };
    Said {
        stdout: text("stdout"),
        stderr: text("stderr"),
        code: match id {
            "ssa-over-csa/02" => 0,
            "imperative/27" => 1,
            _ => i32::try_from(transcript["exit_code"].as_i64().unwrap_or(0)).unwrap_or(-1),
        },
    }
}

/// The rows of the pods that every cluster here has on its control plane.
const SYSTEM_PODS: &str = "\n  kube-system  coredns-0  0 (0%)  0 (0%)  0 (0%)  0 (0%)  3d\n  kube-system  coredns-1  0 (0%)  0 (0%)  0 (0%)  0 (0%)  3d\n  kube-system  kube-apiserver-control-plane  0 (0%)  0 (0%)  0 (0%)  0 (0%)  3d\nAllocated resources";

/// The recorder ran neither scheduler nor kubelets: what they say about pods is left out of these two.
const SPARSE: [&str; 2] = ["get-formats/37", "get-formats/38"];

fn comparable(id: &str, it: &Said, is_by_luck: bool) -> Said {
    let mut stdout = normalised(&it.stdout);
    if SPARSE.contains(&id) {
        let about_pods = |it: &&str| !it.to_lowercase().contains(" pod/");
        let lines: Vec<&str> = stdout.split('\n').filter(about_pods).collect();
        stdout = lines.join("\n");
    }
    if is_by_luck {
        let mut lines: Vec<&str> = stdout.lines().collect();
        lines.sort_unstable();
        stdout = lines.join("\n");
    }
    let versions = |text: &str| -> String {
        let lines = text
            .split('\n')
            .map(|it| match it.trim_start().split_once(": ") {
                Some(("resourceVersion", value)) if value.len() > 2 => format!(
                    "{}resourceVersion: <revision>",
                    &it[..it.len() - it.trim_start().len()]
                ),
                _ => it.to_owned(),
            });
        lines.collect::<Vec<String>>().join("\n")
    };
    Said {
        stdout: versions(&stdout),
        stderr: normalised(&it.stderr),
        code: it.code,
    }
}

/// Runs all transcripts of a block, one after the other in one world. The ids that differ, and how.
fn block(transcripts: &[&Value]) -> Vec<(String, String)> {
    let mut files = BTreeMap::new();
    for transcript in transcripts {
        for (name, text) in transcript["setup"]["manifests"]
            .as_object()
            .into_iter()
            .flatten()
        {
            files.insert(name.clone(), text.as_str().unwrap_or_default().to_owned());
        }
    }
    let mut world = World::new(transcripts[0], &files);
    let mut n_run = 0;
    let mut differing = Vec::new();
    for transcript in transcripts {
        let before = list(&transcript["setup"]["prior_commands"]);
        for line in before.iter().skip(n_run) {
            world.run(line.as_str().unwrap_or_default());
        }
        let got = world.run(transcript["command"].as_str().unwrap_or_default());
        n_run = before.len() + 1;
        let is_by_luck = transcript["nondeterministic"].is_string();
        let id = transcript["id"].as_str().unwrap_or_default().to_owned();
        let expected = comparable(&id, &said(transcript), is_by_luck);
        let compared = comparable(&id, &got, is_by_luck);
        if expected != compared {
            let story = format!(
                "== {id}\n$ {}\n-- expected ({})\n{}{}\n-- got ({})\n{}{}\n",
                transcript["command"].as_str().unwrap_or_default(),
                expected.code,
                expected.stdout,
                expected.stderr,
                compared.code,
                compared.stdout,
                compared.stderr,
            );
            differing.push((id, story));
        }
    }
    differing
}

#[test]
fn every_transcript_of_the_real_kubectl_passes() {
    let cases: Value =
        serde_json::from_str(&text("tests/cases/kubectl-transcripts.json")).expect("JSON");
    let all = list(&cases["transcripts"]);
    assert_eq!(all.len(), 324);
    let mut blocks: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
    for transcript in all {
        let id = transcript["id"].as_str().unwrap_or_default();
        blocks
            .entry(id.split('/').next().unwrap_or_default())
            .or_default()
            .push(transcript);
    }
    let only = std::env::var("TRANSCRIPTS").unwrap_or_default();
    let mut stories = BTreeMap::new();
    let mut n_run = 0;
    for (name, transcripts) in &blocks {
        if only.is_empty() || *name == only {
            n_run += transcripts.len();
            stories.extend(block(transcripts));
        }
    }
    assert!(n_run > 0, "no transcript is called {only}/…");
    println!(
        "transcripts: {} of {} pass",
        n_run - stories.len(),
        all.len()
    );
    let told: String = stories.into_values().collect();
    assert!(told.is_empty(), "{told}");
}

/// A world of one's own, and what a line prints in it.
fn printed(files: &[(&str, &str)], line: &str) -> String {
    let files = files
        .iter()
        .map(|it| (it.0.to_owned(), it.1.to_owned()))
        .collect();
    let mut world = World::new(&json!({"setup": {}}), &files);
    let said = world.run(line);
    assert_eq!(said.code, 0, "{line}: {}", said.stderr);
    said.stdout
}

#[test]
fn texts_that_yaml_would_misread_are_quoted_as_kubectl_quotes_them() {
    let input = text("tests/cases/kubectl-yaml-emit-input.json");
    // The recorder went through a typed object, which has a date.
    let input = input.replace(
        r#""metadata":{"name":"x"}"#,
        r#""metadata":{"name":"x","creationTimestamp":null}"#,
    );
    let value: Value = serde_json::from_str(&input).expect("JSON");
    assert_eq!(
        value["data"].as_object().map(serde_json::Map::len),
        Some(56)
    );
    let got = printed(
        &[("x.json", &input)],
        "kubectl create -f x.json --dry-run=client -o yaml",
    );
    let expected = text("tests/cases/kubectl-yaml-emit-oracle.yaml");
    // A file gets the namespace of the context, which what the recorder printed had not.
    assert_eq!(got, format!("{expected}  namespace: default\n"));
}

#[test]
fn ages_are_said_as_the_real_kubectl_says_them() {
    let cases: Value =
        serde_json::from_str(&text("tests/cases/kubectl-durations.json")).expect("JSON");
    assert!(list(&cases).len() > 50);
    for case in list(&cases) {
        let bound = |it: &str| case[it].as_f64().unwrap_or_default();
        #[expect(clippy::cast_possible_truncation, reason = "ages are small")]
        let (from, to) = (
            bound("seconds_min").floor() as i64,
            bound("seconds_max").floor() as i64,
        );
        let said: Vec<String> = (from..=to).map(kubectl::human_duration).collect();
        let expected = case["text"].as_str().unwrap_or_default();
        assert!(
            said.iter().any(|it| it == expected),
            "{from}…{to}: {expected}, not {said:?}"
        );
    }
}
