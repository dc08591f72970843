//! The scriptable surface: what other tools rely on.

use serde_json::Value;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .map(Path::to_path_buf)
        .unwrap_or_default()
}

fn packetwalk(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_packetwalk"))
        .args(arguments)
        .current_dir(root())
        .output()
        .expect("packetwalk starts")
}

fn packetwalk_reading(arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_packetwalk"))
        .args(arguments)
        .current_dir(root())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("packetwalk starts");
    child
        .stdin
        .take()
        .expect("its input")
        .write_all(input.as_bytes())
        .expect("it reads");
    child.wait_with_output().expect("it ends")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

const TUTORIAL: &str = "static/manifests/clusterip.yaml";

#[test]
fn trace_all_prints_both_endpoints_with_equal_probability_and_full_steps() {
    let output = packetwalk(&[
        "trace",
        "-f",
        TUTORIAL,
        "--from",
        "pod/client",
        "--to",
        "http://api",
        "--all",
        "-o",
        "json",
    ]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let json: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let outcomes = json["outcomes"].as_array().expect("a list");
    let told: Vec<_> = outcomes
        .iter()
        .map(|it| {
            (
                it["probability"].as_f64(),
                it["verdict"].as_str(),
                it["destination"].as_str(),
                it["object"].as_str(),
                it["rewritten"].as_bool(),
                it["source_seen"].as_str(),
                it["masqueraded"].as_bool(),
            )
        })
        .collect();
    let way = |destination, object| {
        (
            Some(0.5),
            Some("delivered"),
            Some(destination),
            Some(object),
            Some(true),
            Some("10.244.1.9"),
            Some(false),
        )
    };
    assert_eq!(
        told,
        [
            way("10.244.1.5:8080", "pod/default/api-1"),
            way("10.244.2.3:8080", "pod/default/api-2")
        ]
    );
    for outcome in outcomes {
        assert!(outcome["by"].is_null() && outcome["reason"].is_null());
        let steps = outcome["steps"].as_array().expect("steps");
        assert!(steps.len() > 10);
        let hooks: Vec<_> = steps.iter().filter_map(|it| it["hook"].as_str()).collect();
        assert_eq!(hooks[..3], ["prerouting", "forward", "postrouting"]);
    }
    assert_eq!(json["dns"][0]["name"], "api.default.svc.cluster.local.");
    assert_eq!(json["dns"][0]["answer"][0]["data"], "10.96.0.10");
}

#[test]
fn a_refused_packet_is_a_sound_answer() {
    let output = packetwalk(&[
        "trace",
        "-f",
        TUTORIAL,
        "--from",
        "pod/client",
        "--to",
        "10.96.0.10:81",
    ]);
    assert_eq!(output.status.code(), Some(0));
    let told = text(&output.stdout);
    assert!(
        told.contains("refused: A rule refuses the packet"),
        "{told}"
    );
    assert!(
        told.contains("curl: (7) Failed to connect to 10.96.0.10 port 81"),
        "{told}"
    );
}

#[test]
fn explain_shows_what_matched_and_why_the_rest_did_not() {
    let output = packetwalk(&[
        "trace",
        "-f",
        TUTORIAL,
        "--from",
        "pod/client",
        "--to",
        "http://api",
        "--explain",
    ]);
    let told = text(&output.stdout);
    assert!(
        told.contains("✓ ip daddr . meta l4proto . th dport vmap @service-ips"),
        "{told}"
    );
    assert!(told.contains("— ip saddr is 10.244.1.9"), "{told}");
    assert!(told.contains("— ct state is established"), "{told}");
}

#[test]
fn mistakes_in_a_manifest_are_placed_and_exit_with_1() {
    let output = packetwalk_reading(
        &["trace", "-f", "-", "--from", "pod/client", "--to", "api"],
        "apiVersion: v1\nkind: Service\nmetadata:\n  name: api\nspec:\n  ports:\n  - port: eighty\n",
    );
    assert_eq!(output.status.code(), Some(1));
    let told = text(&output.stderr);
    assert!(
        told.contains("standard input:7:11: spec.ports[0].port:"),
        "{told}"
    );
}

#[test]
fn doubtful_manifests_are_warned_about_and_taken() {
    let output = packetwalk_reading(
        &["render", "-f", "-"],
        "apiVersion: v1\nkind: Service\nmetadata:\n  name: api\nspec:\n  selektor:\n    app: api\n  ports:\n  - port: 80\n",
    );
    assert_eq!(output.status.code(), Some(0));
    let told = text(&output.stderr);
    assert!(
        told.contains("standard input:6:3: warning: spec.selektor"),
        "{told}"
    );
    assert!(told.contains("selector"), "no hint: {told}");
}

#[test]
fn unknown_sources_say_who_is_there() {
    let output = packetwalk(&[
        "trace",
        "-f",
        TUTORIAL,
        "--from",
        "pod/nobody",
        "--to",
        "api",
    ]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("pod/default/client"));
}

#[test]
fn usage_errors_exit_with_2_and_missing_files_with_1() {
    assert_eq!(packetwalk(&["trace", "--bogus"]).status.code(), Some(2));
    assert_eq!(packetwalk(&["frobnicate"]).status.code(), Some(2));
    let missing = packetwalk(&["render", "-f", "no/such/file.yaml"]);
    assert_eq!(missing.status.code(), Some(1));
    assert!(text(&missing.stderr).contains("no/such/file.yaml"));
}

#[test]
fn every_subcommand_has_help_with_examples() {
    for command in ["render", "trace", "verify", "serve"] {
        let output = packetwalk(&[command, "--help"]);
        assert_eq!(output.status.code(), Some(0));
        assert!(text(&output.stdout).contains("Examples:"), "{command}");
    }
}

#[test]
fn rendered_rules_name_their_node_and_family() {
    let output = packetwalk(&["render", "-f", TUTORIAL, "--node", "node-2"]);
    let told = text(&output.stdout);
    assert!(
        told.starts_with("# kube-proxy on node-2, nftables mode, IPv4\n"),
        "{told}"
    );
    assert!(told.contains(
        "add element ip kube-proxy hairpin-connections { 10.244.2.3 . 10.244.2.3 . tcp . 8080 }"
    ));
    assert_eq!(
        packetwalk(&["render", "-f", TUTORIAL, "--node", "node-9"])
            .status
            .code(),
        Some(1)
    );
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_packetwalk"))
        .args([
            "trace",
            "-f",
            TUTORIAL,
            "--from",
            "pod/client",
            "--to",
            "api",
            "--all",
            "-o",
            "json",
        ])
        .current_dir(root())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("packetwalk starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    assert!(!text(&output.stderr).contains("panicked"));
}
