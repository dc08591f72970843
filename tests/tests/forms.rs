//! JSONPath, Go templates and columns of one's own against the real kubectl: the examples of its documentation, and mistakes.
//!
//! `tests/cases/kubectl-forms.json` holds objects as a server gives them; `kubectl-forms.txt` what kubectl 1.32.5 printed of them.

use packetwalk_core::api::Kind;
use packetwalk_core::console::{Console, NoEditor};
use packetwalk_core::shell::{Place, State, Stream};
use packetwalk_core::sim::Cluster;
use packetwalk_core::time::{Clock, Duration};
use packetwalk_tests::{recorded, text};
use serde_json::{Value, json};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

/// A cluster that holds these objects and in which nothing happens.
fn still() -> Cluster {
    let objects: Value =
        serde_json::from_str(&text("tests/cases/kubectl-forms.json")).expect("JSON");
    let mut cluster = Cluster::new(1, Clock::default());
    let clock = cluster.clock();
    for it in objects["items"].as_array().into_iter().flatten() {
        let kind = Kind::from_name(it["kind"].as_str().unwrap_or_default()).expect("a kind");
        let kept = cluster.store_mut().adopt(kind, it.clone(), &clock);
        kept.expect("of the right types");
    }
    cluster
}

#[test]
fn forms_print_what_the_real_kubectl_prints() {
    let cases = recorded("tests/cases/kubectl-forms.txt");
    assert!(cases.len() > 200);
    let ground = Rc::new(RefCell::new(Arc::new(still())));
    let files: BTreeMap<String, String> = BTreeMap::new();
    let console = Console::new(ground, Rc::new(files), Rc::new(NoEditor));
    let mut shell = console.shell(&Place::Workstation);
    let mut wrong = Vec::new();
    for (line, expected) in cases {
        shell.start(&line);
        shell.advance(console.now() + Duration::from_secs(1));
        let chunks = shell.take_output();
        let of = |stream| -> String {
            let chunks = chunks.iter().filter(|it| it.stream == stream);
            chunks.map(|it| it.text.as_str()).collect()
        };
        let mut got = of(Stream::Out);
        if !got.is_empty() && !got.ends_with('\n') {
            got.push_str("\\\n");
        }
        let errors = of(Stream::Err);
        got.extend(errors.lines().map(|it| format!("! {it}\n")));
        let (got, expected) = (without_revisions(&got), without_revisions(&expected));
        if got != expected {
            wrong.push(format!("$ {line}\n-- expected\n{expected}-- got\n{got}"));
        }
    }
    assert!(wrong.is_empty(), "{}\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn a_long_table_comes_in_parts_that_make_the_whole() {
    let mut cluster = still();
    let clock = cluster.clock();
    for idx in 0..1_700 {
        let name = format!("map-{idx}{}", "x".repeat(idx % 40));
        let document = json!({"metadata": {"name": name, "namespace": "many"}});
        let kept = cluster.store_mut().adopt(Kind::ConfigMap, document, &clock);
        kept.expect("of the right types");
    }
    let ground = Rc::new(RefCell::new(Arc::new(cluster)));
    let files: BTreeMap<String, String> = BTreeMap::new();
    let console = Console::new(ground, Rc::new(files), Rc::new(NoEditor));
    let mut shell = console.shell(&Place::Workstation);
    let whole = shell.run_line("kubectl get configmaps -A", "").stdout;
    assert_eq!(whole.lines().count(), 1_702);
    let column = whole.lines().next().and_then(|it| it.find("DATA"));
    let is_in_line = |it: &str| it.as_bytes().get(column.unwrap_or(0)) == Some(&b'0');
    assert!(
        whole.lines().skip(2).all(is_in_line),
        "as wide as the widest of all"
    );
    shell.start("kubectl get configmaps -A");
    let until = console.now() + Duration::from_secs(1);
    let (mut n_parts, mut text) = (0, String::new());
    while let State::Running(_) = shell.step(until) {
        n_parts += 1;
        text.extend(shell.take_output().into_iter().map(|it| it.text));
        assert!(n_parts < 100, "it ends");
    }
    text.extend(shell.take_output().into_iter().map(|it| it.text));
    assert!(n_parts >= 8, "{n_parts} parts");
    assert_eq!(text, whole);
    let piped = shell.run_line(
        "kubectl get configmaps -A --no-headers | head -3 | wc -l",
        "",
    );
    assert_eq!(piped.stdout.trim(), "3");
}

/// Revisions are given anew here.
fn without_revisions(text: &str) -> String {
    let mut parts = text.split("resourceVersion");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let digits = part
            .find(|it: char| it.is_ascii_digit())
            .unwrap_or(part.len());
        let rest = part[digits..].trim_start_matches(|it: char| it.is_ascii_digit());
        out.push_str(&format!("resourceVersion{}{rest}", &part[..digits]));
    }
    out
}

#[test]
fn a_line_of_a_million_bytes_is_refused_politely() {
    let ground = Rc::new(RefCell::new(Arc::new(still())));
    let files: BTreeMap<String, String> = BTreeMap::new();
    let console = Console::new(ground, Rc::new(files), Rc::new(NoEditor));
    let mut shell = console.shell(&Place::Workstation);
    for line in [
        format!("kubectl get pods {}", "x".repeat(1_000_000)),
        "kubectl get svc; ".repeat(60_000),
        "(".repeat(1_000_000),
        format!("kubectl get pods {}\n", "-l a=b,".repeat(150_000)),
    ] {
        let finished = shell.run_line(&line, "");
        assert_eq!(finished.code, 2);
        let told = format!(
            "a line of {} bytes is too long: at most 65536 are read",
            line.len()
        );
        assert!(finished.stderr.contains(&told), "{}", finished.stderr);
        assert!(shell.complete(&line).candidates.is_empty());
        assert!(shell.history().is_empty(), "nobody wants to see that again");
    }
    assert_eq!(shell.run_line("kubectl get svc -o name", "").code, 0);
}
