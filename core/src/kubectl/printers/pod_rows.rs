//! Cells of pods: what state a pod is in, in one word.
//!
//! `printPod` in `pkg/printers/internalversion/printers.go` of Kubernetes 1.32.
//!
//! **Left out**: nothing.

use super::super::duration::human_duration;
use super::super::object::{at, items, name, or_none, text};
use super::rows::age;
use crate::time::{Clock, unix_secs};
use serde_json::Value;

/// How often containers began again, and when last.
#[derive(Default)]
struct Restarts {
    n: i64,
    last: Option<i64>,
}

impl Restarts {
    fn add(&mut self, status: &Value) {
        self.n += status["restartCount"].as_i64().unwrap_or(0);
        let at = text(status, &["lastState", "terminated", "finishedAt"]);
        self.last = self.last.max(unix_secs(at));
    }

    fn shown(&self, clock: &Clock) -> String {
        let since = |last| Some(unix_secs(&clock.stamp())? - last);
        match self.last.filter(|_| self.n > 0).and_then(since) {
            Some(since) => format!("{} ({} ago)", self.n, human_duration(since)),
            None => self.n.to_string(),
        }
    }
}

pub(super) fn pod(it: &Value, clock: &Clock) -> Vec<String> {
    let status = &it["status"];
    let mut total = items(at(it, &["spec", "containers"])).len();
    let mut word = match text(status, &["reason"]) {
        "" => text(status, &["phase"]),
        reason => reason,
    }
    .to_owned();
    let is_gated = items(&status["conditions"])
        .iter()
        .any(|it| it["type"] == "PodScheduled" && it["reason"] == "SchedulingGated");
    if is_gated {
        "SchedulingGated".clone_into(&mut word);
    }
    let (mut ready, mut restarts) = (0, Restarts::default());
    let mut restartable = Restarts::default();
    let initializing = init_word(it, &mut restarts, &mut restartable, &mut total, &mut ready);
    if let Some(initializing) = &initializing {
        word.clone_from(initializing);
    }
    if initializing.is_none() || is_initialized(status) {
        restarts = restartable;
        main_word(status, &mut word, &mut restarts, &mut ready);
    }
    if !at(it, &["metadata", "deletionTimestamp"]).is_null() {
        let phase = text(status, &["phase"]);
        if text(status, &["reason"]) == "NodeLost" {
            "Unknown".clone_into(&mut word);
        } else if phase != "Succeeded" && phase != "Failed" {
            "Terminating".clone_into(&mut word);
        }
    }
    let ip = items(&status["podIPs"])
        .first()
        .map_or_else(|| text(status, &["podIP"]), |it| text(it, &["ip"]));
    vec![
        name(it).to_owned(),
        format!("{ready}/{total}"),
        word,
        restarts.shown(clock),
        age(it, clock),
        or_none(ip),
        or_none(text(it, &["spec", "nodeName"])),
        or_none(text(status, &["nominatedNodeName"])),
        gates(it),
    ]
}

/// What initialising containers are at, if they are.
fn init_word(
    it: &Value,
    restarts: &mut Restarts,
    restartable: &mut Restarts,
    total: &mut usize,
    n_ready: &mut usize,
) -> Option<String> {
    let specs = items(at(it, &["spec", "initContainers"]));
    let is_restartable = |name: &str| {
        specs
            .iter()
            .any(|it| it["name"] == name && it["restartPolicy"] == "Always")
    };
    *total += specs
        .iter()
        .filter(|it| it["restartPolicy"] == "Always")
        .count();
    for (idx, status) in items(at(it, &["status", "initContainerStatuses"]))
        .iter()
        .enumerate()
    {
        restarts.add(status);
        let state = &status["state"];
        if is_restartable(text(status, &["name"])) {
            restartable.add(status);
            if status["started"] == true {
                *n_ready += usize::from(status["ready"] == true);
                continue;
            }
        }
        let terminated = &state["terminated"];
        if !terminated.is_null() {
            if terminated["exitCode"] == 0 {
                continue;
            }
            return Some(
                match (text(terminated, &["reason"]), terminated["signal"].as_i64()) {
                    ("", Some(signal)) if signal != 0 => format!("Init:Signal:{signal}"),
                    ("", _) => format!("Init:ExitCode:{}", terminated["exitCode"]),
                    (reason, _) => format!("Init:{reason}"),
                },
            );
        }
        let waiting = text(state, &["waiting", "reason"]);
        if !waiting.is_empty() && waiting != "PodInitializing" {
            return Some(format!("Init:{waiting}"));
        }
        return Some(format!("Init:{idx}/{}", specs.len()));
    }
    None
}

fn is_initialized(status: &Value) -> bool {
    items(&status["conditions"])
        .iter()
        .any(|it| it["type"] == "Initialized" && it["status"] == "True")
}

/// What the containers are at: the first one that is in trouble has the word.
fn main_word(status: &Value, word: &mut String, restarts: &mut Restarts, ready: &mut usize) {
    let mut has_running = false;
    for it in items(&status["containerStatuses"]).iter().rev() {
        restarts.add(it);
        let state = &it["state"];
        let terminated = &state["terminated"];
        let waiting = text(state, &["waiting", "reason"]);
        if !waiting.is_empty() {
            waiting.clone_into(word);
        } else if !terminated.is_null() {
            *word = match (text(terminated, &["reason"]), terminated["signal"].as_i64()) {
                ("", Some(signal)) if signal != 0 => format!("Signal:{signal}"),
                ("", _) => format!("ExitCode:{}", terminated["exitCode"]),
                (reason, _) => reason.to_owned(),
            };
        } else if it["ready"] == true && !state["running"].is_null() {
            has_running = true;
            *ready += 1;
        }
    }
    if word == "Completed" && has_running {
        let is_ready = items(&status["conditions"])
            .iter()
            .any(|it| it["type"] == "Ready" && it["status"] == "True");
        if is_ready { "Running" } else { "NotReady" }.clone_into(word);
    }
}

fn gates(it: &Value) -> String {
    let gates = items(at(it, &["spec", "readinessGates"]));
    if gates.is_empty() {
        return "<none>".to_owned();
    }
    let met = |gate: &Value| {
        items(at(it, &["status", "conditions"]))
            .iter()
            .any(|it| it["type"] == gate["conditionType"] && it["status"] == "True")
    };
    let n_met = gates.iter().filter(|it| met(it)).count();
    format!("{n_met}/{}", gates.len())
}
