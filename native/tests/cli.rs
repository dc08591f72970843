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
    for command in ["render", "trace", "doctor", "verify", "serve"] {
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

#[test]
fn the_rules_of_network_policies_are_shown_where_walks_meet_them() {
    let render = |more: &[&str]| {
        let scenario = "tests/scenarios/network-policy.yaml";
        let mut arguments = vec!["render", "-f", scenario, "--node", "node-1"];
        arguments.extend(more);
        let output = packetwalk(&arguments);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        text(&output.stdout)
    };
    let table = "add table ip packetwalk-netpol";
    let alone = render(&["-o", "policies"]);
    assert!(alone.contains(table) && !alone.contains("kube-proxy"));
    let together = render(&[]);
    assert!(together.contains(table) && together.contains("add table ip kube-proxy"));
    assert!(render(&["-o", "list"]).contains("table ip packetwalk-netpol {"));
    // Another tool's rules cannot hold them: they are named, and found beside.
    let iptables = render(&["--mode", "iptables"]);
    assert!(!iptables.contains("packetwalk-netpol") && iptables.contains("-o policies"));
    for mode in ["iptables", "ipvs"] {
        assert_eq!(render(&["--mode", mode, "-o", "policies"]), alone);
    }
    let none = packetwalk(&["render", "-f", TUTORIAL, "-o", "policies"]);
    assert_eq!(
        text(&none.stdout),
        "# no NetworkPolicy chooses a pod of node-1\n"
    );
}

#[test]
fn every_rule_says_what_it_is_there_for_and_which_field_it_came_from() {
    for form in ["text", "markdown"] {
        let output = packetwalk(&[
            "trace",
            "-f",
            TUTORIAL,
            "--from",
            "pod/client",
            "--to",
            "http://api",
            "--explain",
            "-o",
            form,
        ]);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        let told = text(&output.stdout);
        let rules: Vec<&str> = told.lines().collect();
        let n_rules = rules
            .iter()
            .filter(|it| matches!(it.trim_start().chars().next(), Some('✓' | '·')))
            .count();
        let n_reasons = rules
            .iter()
            .filter(|it| it.trim_start().starts_with("# "))
            .count();
        assert!(
            n_rules > 20 && n_reasons >= n_rules,
            "{n_reasons} of {n_rules}"
        );
        assert!(told.contains("service/default/api spec.ports"), "{told}");
    }
}

#[test]
fn cost_compares_ten_load_balancers_with_one_ingress() {
    let node = "apiVersion: v1\nkind: Node\nmetadata: {name: n1, labels: {topology.kubernetes.io/zone: us-east-1a}}\n\
        spec: {providerID: 'aws:///us-east-1a/i-1'}\nstatus: {addresses: [{type: InternalIP, address: 172.18.0.3}]}\n\
        ---\napiVersion: v1\nkind: Namespace\nmetadata: {name: default}\n";
    let service = |name: &str| {
        format!(
            "---\napiVersion: v1\nkind: Service\nmetadata: {{name: {name}}}\nspec: {{type: LoadBalancer, ports: [{{port: 80}}]}}\n"
        )
    };
    let cost = |n: usize, arguments: &[&str]| {
        let services: String = (0..n).map(|it| service(&format!("api-{it}"))).collect();
        let arguments = [&["cost", "-f", "-"], arguments].concat();
        let output = packetwalk_reading(&arguments, &(node.to_owned() + &services));
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stdout)
    };
    let hourly = |n| -> f64 {
        let answer: Value = serde_json::from_str(&cost(n, &["-o", "json"])).expect("JSON");
        assert_eq!(answer["balancers"].as_array().map(Vec::len), Some(n));
        answer["usdAnHour"].as_f64().expect("a number")
    };
    assert!((hourly(1) - 0.03).abs() < 1e-9, "{}", hourly(1));
    assert!((hourly(10) - 0.3).abs() < 1e-9, "{}", hourly(10));
    let told = cost(10, &[]);
    for line in [
        "  10 x AWS Classic Load Balancer                   0.2500 USD an hour  (list price, us-east-1, 2025, without traffic)\n",
        "together                                           0.3000 USD an hour, 219.00 a month of 730 hours\n",
    ] {
        assert!(told.contains(line), "{told}");
    }
    assert!(cost(0, &[]).starts_with("together"));
}

#[test]
fn a_doctor_finds_nothing_wrong_and_exits_with_0_or_says_what_is_and_exits_with_1() {
    let well = packetwalk(&["doctor", "-f", "static/manifests/clusterip.yaml"]);
    assert_eq!(well.status.code(), Some(0), "{}", text(&well.stderr));
    assert_eq!(
        text(&well.stdout),
        "checked 3 Services, 5 ports, walked 5 requests: nothing is wrong\n"
    );
    let broken = packetwalk(&["doctor", "-f", "tests/scenarios/headless.yaml"]);
    assert_eq!(broken.status.code(), Some(1));
    let told = text(&broken.stdout);
    let first = "tests/scenarios/headless.yaml:6:66: warning: headless-port-mapping: service/default/db spec.ports[0].port\n";
    assert!(told.starts_with(first), "{told}");
    assert!(
        told.contains(
            "  see it: --from pod/default/client --to http://db: refused\n    curl: (7) "
        ),
        "{told}"
    );
    assert!(
        told.contains("\n  to mend: name the pods' own port\n    kubectl patch service db "),
        "{told}"
    );
    assert_eq!(
        packetwalk(&["doctor", "-f", "no-such.yaml"]).status.code(),
        Some(1)
    );
    assert_eq!(packetwalk(&["doctor"]).status.code(), Some(2));
}

#[test]
fn a_doctor_answers_in_json_and_looks_into_a_request() {
    let dump = std::fs::read_to_string(root().join("static/manifests/clusterip.yaml"));
    let dump = dump.expect("a manifest");
    let arguments = [
        "doctor",
        "-f",
        "-",
        "--from",
        "pod/client",
        "--to",
        "http://apy",
        "-o",
        "json",
    ];
    let output = packetwalk_reading(&arguments, &dump);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(told["well"], false);
    assert_eq!(told["findings"][0]["id"], "name-unknown");
    assert_eq!(told["findings"][0]["severity"], "error");
    assert_eq!(told["findings"][0]["request"]["verdict"], "no-such-host");
    let symptom = "curl: (6) Could not resolve host: apy";
    assert_eq!(told["findings"][0]["request"]["symptom"], symptom);
    let nearest = &told["findings"][0]["evidence"][1];
    assert_eq!(
        (nearest["what"].as_str(), nearest["value"].as_str()),
        (Some("nearest"), Some("api"))
    );
    assert_eq!(told["checked"]["services"], 3);
}

#[test]
fn lesson_check_tells_what_it_measured_and_where_a_lesson_is_wrong() {
    let typo = "static/lessons/05-the-typo";
    let output = packetwalk(&["lesson", "check", typo, "-o", "json"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let told: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(told["sound"], true);
    let answer = &told["lessons"][0]["answers"][1];
    assert_eq!(answer["option"], "none");
    assert_eq!(answer["value"], "0");

    let folder = std::env::temp_dir().join(format!("packetwalk-lesson-{}", std::process::id()));
    let copied = folder.join("typo");
    std::fs::create_dir_all(&copied).expect("a folder");
    let whole = std::fs::read_to_string(root().join(typo).join("lesson.yaml")).expect("a lesson");
    std::fs::write(
        copied.join("lesson.yaml"),
        whole.replace("kind: ", "kimd: "),
    )
    .expect("a file");
    let output = packetwalk(&["lesson", "check", &folder.to_string_lossy()]);
    std::fs::remove_dir_all(&folder).expect("the folder goes");
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    assert!(
        said.contains("typo/lesson.yaml:1:1: unknown field"),
        "{said}"
    );
    assert!(text(&output.stdout).starts_with("wrong  typo: "));
}

#[test]
fn lesson_check_of_no_lesson_says_so() {
    let output = packetwalk(&["lesson", "check", "docs"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("no lesson here"));
    assert_eq!(packetwalk(&["lesson", "check"]).status.code(), Some(2));
    let help = packetwalk(&["lesson", "check", "--help"]);
    assert!(text(&help.stdout).contains("packetwalk lesson check static/lessons"));
}

#[test]
fn an_exported_step_stands_by_itself_and_says_what_it_shows() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let request = ["-f", TUTORIAL, "--from", "pod/client", "--to", "http://api"];
    let export = |more: &[&str]| {
        let arguments = [&["export"], request.as_slice(), more].concat();
        packetwalk(&arguments)
    };
    let printed = export(&["--step", "4"]);
    assert!(printed.status.success(), "{}", text(&printed.stderr));
    let page = text(&printed.stdout);
    assert!(page.starts_with("<!doctype html>") && page.contains("<figcaption>Step 4 of "));
    assert_eq!(page.matches("<li aria-current").count(), 1);
    for elsewhere in ["<script", "src=", "href=", "@import", "url(http"] {
        assert!(!page.contains(elsewhere), "it has {elsewhere}");
    }
    let file = |name: &str| folder.join(name).to_string_lossy().into_owned();
    let (html, svg) = (file("walk.html"), file("step.svg"));
    assert!(export(&["--step", "4", "-o", &html]).status.success());
    assert_eq!(std::fs::read_to_string(&html).expect("a file"), page);
    assert!(export(&["-o", &svg]).status.success());
    let picture = std::fs::read_to_string(&svg).expect("a file");
    assert!(picture.starts_with("<svg") && picture.contains("<title"));
    let beyond = export(&["--step", "99"]);
    assert_eq!(beyond.status.code(), Some(1));
    assert!(text(&beyond.stderr).contains("this walk has steps 1 to"));
}

#[test]
fn an_exported_step_shows_the_rules_that_were_asked_in_the_mode_asked_for() {
    let modes = [("iptables", "KUBE-SVC-"), ("nftables", "service-")];
    for (mode, chain) in modes {
        let arguments = [
            "export",
            "-f",
            TUTORIAL,
            "--from",
            "pod/client",
            "--to",
            "http://10.96.0.10",
            "--mode",
            mode,
        ];
        let found = (1..9).any(|step| {
            let step = step.to_string();
            let output = packetwalk(&[arguments.as_slice(), &["--step", &step]].concat());
            let page = text(&output.stdout);
            let asked = page
                .split("<pre>")
                .nth(1)
                .and_then(|it| it.split("</pre>").next());
            asked.is_some_and(|it| it.contains(chain))
        });
        assert!(found, "{mode}: no step asks a chain {chain}");
    }
}
