//! Labs that stay, through the command line: built, used, changed, traced, killed and taken down.
//!
//! Linux: needs the rights of root, `nft`, and for what is asked inside `curl`, `dig` and `ping`; without them each test says
//! so and passes. Every lab has a name of its own and is taken down when its test ends, also a failed one.
//!
//! **Left out**: twenty nodes with five hundred pods, and killing at two hundred moments, which take minutes.

mod ends;
mod harness;
mod watch;

use harness::{MORE, TestLab, may_run, text, thirty_pods, tutorial};
use serde_json::Value;
use std::process::Stdio;

#[test]
fn thirty_pods_on_three_nodes_answer_by_name_and_say_whom_they_saw() {
    if !may_run(&["curl", "dig", "ping"]) {
        return;
    }
    for mode in ["nftables", "iptables"] {
        let lab = TestLab::up(&thirty_pods(), mode);
        assert_eq!(lab.listed()["about"]["nodes"], 3);
        assert_eq!(lab.listed()["about"]["pods"], 32);
        assert_eq!(lab.listed()["about"]["mode"], mode);

        let answer = lab.inside(
            "pod/client",
            &[
                "curl",
                "-sS",
                "-m",
                "3",
                "-H",
                "X-Asked: yes",
                "-d",
                "a body",
                "http://web/path?x=1",
            ],
        );
        assert!(answer.starts_with("name=pod/default/pod-"), "{answer}");
        assert!(answer.contains(" seen=10.244.1.200:"), "{answer}");
        for part in [
            "\nPOST /path?x=1 HTTP/1.1\n",
            "\nhost: web\n",
            "\nx-asked: yes\n",
            "\n\na body",
        ] {
            assert!(answer.contains(part), "{part:?} in {answer}");
        }
        // From outside the node speaks for the client.
        let answer = lab.curl("outside", "http://172.18.0.4:30080");
        let seen = answer.split("seen=").nth(1).unwrap_or_default();
        let is_node = ["172.18.0.4:", "10.244.2.1:"]
            .iter()
            .any(|it| seen.starts_with(it));
        assert!(is_node, "{answer}");
        lab.inside("pod/client", &["ping", "-c", "1", "-W", "2", "10.244.2.1"]);
        // Nobody listens on another port of the Service: refused or in vain, never answered.
        let output = lab.tries_curl("pod/client", "http://web:81");
        assert!(
            matches!(output.status.code(), Some(7 | 28)),
            "{}",
            text(&output.stderr)
        );
        assert_eq!(lab.down().status.code(), Some(0));
        assert_eq!(lab.remains(), Vec::<String>::new());
    }
}

#[test]
fn cluster_dns_answers_over_udp_and_tcp_and_resolv_conf_is_each_pods_own() {
    if !may_run(&["dig"]) {
        return;
    }
    let lab = TestLab::up(&thirty_pods(), "nftables");
    for over in ["+notcp", "+tcp"] {
        assert_eq!(lab.dig("pod/client", &[over, "web"]), "10.96.0.20\n");
        assert_eq!(lab.dig("pod/client", &[over, "echo.shop"]), "10.96.0.30\n");
        assert_eq!(
            lab.dig("pod/client", &[over, "-x", "10.96.0.20"]),
            "web.default.svc.cluster.local.\n"
        );
        let srv = lab.dig(
            "pod/client",
            &[over, "SRV", "_echo._udp.echo.shop.svc.cluster.local"],
        );
        assert_eq!(srv, "0 100 7 echo.shop.svc.cluster.local.\n");
    }
    let all = lab.inside(
        "pod/client",
        &[
            "dig",
            "+time=2",
            "+tries=1",
            "nobody.default.svc.cluster.local",
        ],
    );
    assert!(all.contains("status: NXDOMAIN"), "{all}");
    assert!(all.contains("SERVER: 10.96.0.10#53"), "{all}");
    // A short name means something else in another namespace.
    let echo =
        |words: &[&str]| lab.says(&[&["exec", "-n", "shop", "pod/echo", "--"], words].concat());
    let dig = ["dig", "+time=2", "+tries=1", "+search", "+short"];
    assert_eq!(echo(&[&dig[..], &["echo"]].concat()), "10.96.0.30\n");
    let conf = echo(&["cat", "/etc/resolv.conf"]);
    assert!(
        conf.starts_with(
            "search shop.svc.cluster.local svc.cluster.local cluster.local\nnameserver 10.96.0.10\n"
        ),
        "{conf}"
    );
    assert!(echo(&["cat", "/etc/hosts"]).contains("\techo\n"));
    // This machine's own is what it was.
    let own = std::fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
    assert!(!own.contains("svc.cluster.local"), "{own}");
    // What is new is known at once.
    assert_eq!(lab.dig("pod/client", &["late"]), "");
    lab.apply(MORE);
    assert_eq!(
        lab.dig("pod/client", &["late.default.svc.cluster.local"]),
        "10.96.0.40\n"
    );
}

/// The rules of a node that are about the tutorial's Service, with their handles.
fn handles(lab: &TestLab) -> Vec<String> {
    let listing = lab.inside(
        "node/node-1",
        &["nft", "-a", "list", "table", "ip", "kube-proxy"],
    );
    let lines = listing.lines().map(str::trim);
    let own = lines.filter(|it| it.contains("10.244.1.5 . 8080") || it.contains("jump services"));
    own.map(str::to_owned).collect()
}

#[test]
fn applying_changes_what_is_different_and_leaves_all_other_rules_alone() {
    if !may_run(&["curl"]) {
        return;
    }
    let lab = TestLab::up(&tutorial(), "nftables");
    let before = handles(&lab);
    assert!(before.len() >= 2, "{before:?}");
    lab.inside("node/node-1", &["nft", "add", "table", "inet", "mine"]);
    let output = lab.tries_curl("pod/client", "http://late");
    assert_eq!(output.status.code(), Some(6), "{}", text(&output.stderr));
    lab.apply(MORE);
    assert!(
        lab.curl("pod/client", "http://late")
            .starts_with("name=pod/default/late ")
    );
    assert_eq!(handles(&lab), before);
    // A pod more is heard of by whoever asks.
    let third = tutorial()
        .replace("api-2", "api-3")
        .replace("10.244.2.3", "10.244.2.33");
    lab.apply(&third);
    let heard = (0..60).any(|_| lab.curl("pod/client", "http://api").contains("/api-3 "));
    assert!(heard, "nobody heard of api-3");
    let changed = lab.file("changed.yaml", MORE);
    lab.says(&["delete", "-f", &changed.to_string_lossy()]);
    let output = lab.tries_curl("pod/client", "http://10.96.0.40");
    assert!(!output.status.success());
    let output = lab.run(&["exec", "pod/late", "--", "true"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        text(&output.stderr).contains("there is no pod/late"),
        "{}",
        text(&output.stderr)
    );
    let tables = lab.inside("node/node-1", &["nft", "list", "tables"]);
    assert_eq!(tables, "table ip kube-proxy\ntable inet mine\n");
    assert!(
        lab.says(&["kubectl", "--", "get", "pods"])
            .contains("api-3")
    );
}

#[test]
fn connections_are_answered_while_rules_change_forty_times() {
    if !may_run(&["curl"]) {
        return;
    }
    let lab = TestLab::up(&tutorial(), "nftables");
    let asking = "n=0; while [ ! -e \"$0\" ]; do curl -sS -m 3 -o /dev/null http://10.96.0.10 || exit 1; n=$((n+1)); done; echo $n";
    let stop = lab.folder.join("stop");
    let client = lab
        .command(&["exec", "pod/client", "--", "sh", "-c", asking])
        .arg(&stop)
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let more = lab.file("more.yaml", MORE);
    for _ in 0..20 {
        lab.says(&["apply", "-f", &more.to_string_lossy()]);
        lab.says(&["delete", "-f", &more.to_string_lossy()]);
    }
    std::fs::write(&stop, "").expect("a file");
    let output = client.wait_with_output().expect("it ends");
    assert!(output.status.success(), "a connection failed");
    let n: u32 = text(&output.stdout).trim().parse().expect("a count");
    assert!(n > 40, "only {n} connections");
}

#[test]
fn a_service_the_kernel_refuses_is_set_aside_and_all_others_are_programmed() {
    if !may_run(&["curl"]) {
        return;
    }
    let lab = TestLab::up(&tutorial(), "nftables");
    // Somebody else took the place of its rule.
    let element = "{ 10.96.0.40 . tcp . 80 : drop }";
    let map = [
        "nft",
        "add",
        "element",
        "ip",
        "kube-proxy",
        "service-ips",
        element,
    ];
    lab.inside("node/node-1", &map);
    let both = format!(
        "{MORE}---\n{}",
        MORE.replace("late", "later").replace("0.40", "0.41")
    );
    let file = lab.file("both.yaml", &both);
    let output = lab.run(&["apply", "-f", &file.to_string_lossy()]);
    assert_eq!(output.status.code(), Some(1));
    let told = text(&output.stderr);
    assert!(
        told.starts_with("service/default/late is set aside, without rules on node-1, because"),
        "{told}"
    );
    assert!(!told.contains("later is set aside"), "{told}");
    assert_eq!(
        lab.listed()["about"]["set_aside"],
        serde_json::json!(["default/late"])
    );
    assert!(lab.curl("pod/client", "http://later").contains("/later "));
    // Another node has it.
    assert!(
        lab.curl("node/node-2", "http://10.96.0.40")
            .contains("/late ")
    );
    // It is tried again when it changes.
    let map = [
        "nft",
        "delete",
        "element",
        "ip",
        "kube-proxy",
        "service-ips",
        "{ 10.96.0.40 . tcp . 80 }",
    ];
    lab.inside("node/node-1", &map);
    lab.says(&[
        "kubectl",
        "--",
        "patch",
        "service",
        "late",
        "-p",
        r#"{"spec":{"ports":[{"port":80,"targetPort":9000,"name":"x"}]}}"#,
    ]);
    assert!(lab.curl("pod/client", "http://late").contains("/late "));
    assert_eq!(lab.listed()["about"]["set_aside"], serde_json::json!([]));
}

#[test]
fn two_labs_at_once_do_not_meet_and_a_taken_name_is_refused() {
    if !may_run(&["curl"]) {
        return;
    }
    let one = TestLab::up(&tutorial(), "nftables");
    let other = TestLab::up(&tutorial(), "iptables");
    other.says(&["kubectl", "--", "delete", "service", "api"]);
    assert!(
        one.curl("pod/client", "http://api")
            .starts_with("name=pod/default/api-")
    );
    let output = other.tries_curl("pod/client", "http://api");
    assert_eq!(output.status.code(), Some(6));
    let output = one
        .starting(&tutorial(), "nftables")
        .output()
        .expect("it starts");
    assert_eq!(output.status.code(), Some(1));
    let told = text(&output.stderr);
    assert!(
        told.contains(&format!(
            "there is a lab named {} already: choose another name",
            one.name
        )),
        "{told}"
    );
    assert_eq!(other.down().status.code(), Some(0));
    assert_eq!(other.remains(), Vec::<String>::new());
    assert!(
        one.curl("pod/client", "http://api")
            .starts_with("name=pod/default/api-")
    );
}

#[test]
fn a_real_packet_is_told_of_as_the_simulation_tells_of_it() {
    if !may_run(&[]) {
        return;
    }
    for mode in ["nftables", "iptables"] {
        let lab = TestLab::up(&thirty_pods(), mode);
        for (from, to, protocol) in [
            ("pod/client", "http://web", "tcp"),
            ("node/node-1", "10.96.0.20:80", "tcp"),
            ("external", "172.18.0.3:30080", "tcp"),
            ("pod/client", "echo.shop:7", "udp"),
            ("pod/client", "10.244.2.1", "icmp"),
            ("pod/client", "web:81", "tcp"),
        ] {
            let words = [
                "trace",
                "--from",
                from,
                "--to",
                to,
                "--protocol",
                protocol,
                "--compare",
            ];
            let told = lab.says(&words);
            assert!(told.contains(", 0 differences\n"), "{from} {to}: {told}");
            assert!(!told.contains('≠'), "{from} {to}: {told}");
            let json: Value =
                serde_json::from_str(&lab.says(&[&words[..], &["-o", "json"]].concat()))
                    .expect("JSON");
            assert_eq!(json["complete"], true);
            assert_eq!(json["comparison"]["disagreements"], serde_json::json!([]));
        }
        let told = lab.says(&["trace", "--from", "pod/client", "--to", "http://web"]);
        assert!(told.contains("connected: pod/default/pod-"), "{told}");
        assert!(told.contains("  1 → node-1, prerouting"), "{told}");
        // Tracing is off again.
        let tables = lab.inside("node/node-1", &["nft", "list", "tables"]);
        assert!(!tables.contains("packetwalk-trace"), "{tables}");
    }
}

#[test]
fn a_command_inside_has_its_own_exit_code_and_a_missing_one_is_127() {
    if !may_run(&[]) {
        return;
    }
    let lab = TestLab::up(&tutorial(), "nftables");
    let code = |words: &[&str]| {
        lab.run(&[&["exec", "pod/client", "--"], words].concat())
            .status
            .code()
    };
    assert_eq!(code(&["sh", "-c", "exit 42"]), Some(42));
    assert_eq!(code(&["no-such-command"]), Some(127));
    assert_eq!(code(&["/etc"]), Some(126));
    let names = lab.inside("pod/client", &["ls", "/sys/class/net"]);
    assert_eq!(names, "eth0\nlo\n");
    // A pod on its node's network is where its node is.
    let there = lab.says(&[
        "exec",
        "-n",
        "kube-system",
        "pod/kube-apiserver-control-plane",
        "--",
        "ls",
        "/sys/class/net",
    ]);
    assert!(there.contains("cni0"), "{there}");
    for wrong in [
        &["exec", "service/api", "--", "true"][..],
        &["exec", "10.0.0.1", "--", "true"],
    ] {
        assert_eq!(lab.run(wrong).status.code(), Some(1));
    }
}

#[test]
fn files_are_those_of_the_working_folder_and_a_node_more_is_wired_to_all_others() {
    if !may_run(&["curl"]) {
        return;
    }
    let lab = TestLab::up(&tutorial(), "nftables");
    lab.file(
        "node.yaml",
        "apiVersion: v1
kind: Node
metadata: {name: node-3}
spec: {podCIDR: 10.244.3.0/24, podCIDRs: [10.244.3.0/24]}
status: {addresses: [{type: InternalIP, address: 172.18.0.9}]}
---
apiVersion: v1
kind: Pod
metadata: {name: there, labels: {app: api}}
spec:
  nodeName: node-3
  containers: [{name: c, image: registry.example/web:1, ports: [{containerPort: 8080}]}]
",
    );
    let mut apply = lab.command(&["apply", "-f", "node.yaml"]);
    let output = apply.current_dir(&lab.folder).output();
    let output = output.expect("it starts");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let answer = lab.curl("node/node-3", "http://10.96.0.10");
    assert!(answer.starts_with("name=pod/default/"), "{answer}");
    let answer = lab.curl("pod/client", "http://10.244.3.2:8080");
    assert!(
        answer.starts_with("name=pod/default/there seen=10.244.1.9:"),
        "{answer}"
    );
    let trace = [
        "trace",
        "--from",
        "pod/there",
        "--to",
        "http://api",
        "--compare",
    ];
    assert!(lab.says(&trace).contains(", 0 differences\n"));
    lab.says(&["kubectl", "--", "delete", "pod", "there"]);
    lab.says(&["kubectl", "--", "delete", "node", "node-3"]);
    assert_eq!(lab.listed()["about"]["nodes"], 3);
    assert!(
        lab.curl("pod/client", "http://api")
            .starts_with("name=pod/default/api-")
    );
}
