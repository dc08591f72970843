//! How fast kubectl answers among many objects: completion, and a long table that comes in parts.
//!
//! The same lines are measured natively (`cargo xtask bench`) and in a browser (`web/tests/kubectl.rs`), with the clock of
//! each.
//!
//! **Left out**: statistics beyond the median.

use packetwalk_core::api::Kind;
use packetwalk_core::console::{Console, NoEditor};
use packetwalk_core::shell::{Place, Shell, State};
use packetwalk_core::sim::Cluster;
use packetwalk_core::time::{Clock, Duration};
use serde_json::json;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::hint::black_box;
use std::rc::Rc;
use std::sync::Arc;

const ROUNDS: usize = 9;

/// What a person waits for at most, in milliseconds.
pub const COMPLETION_MS: f64 = 10.0;
/// For the whole table of 5,000 pods.
pub const TABLE_MS: f64 = 50.0;
/// For a part of it, after which a page can draw.
pub const PART_MS: f64 = 10.0;

/// One line of the benchmark.
#[derive(Debug)]
pub struct Line {
    /// What was measured.
    pub what: &'static str,
    /// How long it took.
    pub ms: f64,
    /// How long it may take.
    pub limit_ms: f64,
}

/// Measures with a clock that says milliseconds.
#[must_use]
pub fn lines(now_ms: &dyn Fn() -> f64) -> Vec<Line> {
    let (_, few) = shell(1_000);
    let mut completions: Vec<f64> = Vec::new();
    for _ in 0..ROUNDS {
        let start = now_ms();
        black_box(few.complete("kubectl describe pods -n ns-7 pod-1"));
        completions.push(now_ms() - start);
    }
    let (console, mut many) = shell(5_000);
    let (mut totals, mut parts, mut n_lines) = (Vec::new(), Vec::new(), 0);
    for _ in 0..ROUNDS {
        let (mut total, mut longest): (f64, f64) = (0.0, 0.0);
        let until = console.now() + Duration::from_secs(60);
        n_lines = 0;
        many.start("kubectl get pods -A");
        loop {
            let start = now_ms();
            let state = many.step(until);
            let chunks = many.take_output();
            let took = now_ms() - start;
            n_lines += chunks
                .iter()
                .map(|it| it.text.lines().count())
                .sum::<usize>();
            total += took;
            longest = longest.max(took);
            if matches!(state, State::Idle(_)) {
                break;
            }
        }
        totals.push(total);
        parts.push(longest);
    }
    assert_eq!(n_lines, 5_001, "a line for each pod, and one of headers");
    let line = |what, times, limit_ms| Line {
        what,
        ms: median(times),
        limit_ms,
    };
    vec![
        line(
            "Tab after a pod's first letters, 1,000 pods",
            completions,
            COMPLETION_MS,
        ),
        line("kubectl get pods -A, 5,000 pods", totals, TABLE_MS),
        line("  the longest part of it", parts, PART_MS),
    ]
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or_default()
}

/// A shell before so many pods in ten namespaces.
fn shell(n_pods: usize) -> (Console, Shell) {
    let mut cluster = Cluster::new(1, Clock::default());
    let clock = cluster.clock();
    for idx in 0..n_pods {
        let document = json!({
            "metadata": {
                "name": format!("pod-{idx}"),
                "namespace": format!("ns-{}", idx % 10),
                "labels": {"app": format!("app-{}", idx / 10)},
                "creationTimestamp": "2026-01-01T00:00:00Z",
            },
            "spec": {
                "nodeName": format!("node-{}", idx % 20),
                "containers": [{"name": "c", "image": "x", "ports": [{"containerPort": 8080}]}],
            },
            "status": {
                "phase": "Running",
                "podIP": format!("10.{}.{}.{}", 128 + idx / 65_536, idx / 256 % 256, idx % 256),
                "conditions": [{"type": "Ready", "status": "True"}],
                "containerStatuses": [{"name": "c", "ready": true, "restartCount": 0, "image": "x", "imageID": "", "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}}}],
            },
        });
        let kept = cluster.store_mut().adopt(Kind::Pod, document, &clock);
        kept.expect("of the right types");
    }
    let files: BTreeMap<String, String> = BTreeMap::new();
    let ground = Rc::new(RefCell::new(Arc::new(cluster)));
    let console = Console::new(ground, Rc::new(files), Rc::new(NoEditor));
    let shell = console.shell(&Place::Workstation);
    (console, shell)
}
