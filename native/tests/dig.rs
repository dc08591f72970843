//! `packetwalk dig`: its layout, its JSON, its exit codes.

use serde_json::{Value, json};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn dig(arguments: &[&str], input: &str) -> Output {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut child = Command::new(env!("CARGO_BIN_EXE_packetwalk"))
        .arg("dig")
        .args(arguments)
        .current_dir(root)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("packetwalk starts");
    let mut pipe = child.stdin.take().expect("its input");
    // A command that is wrong does not read.
    let _ = pipe.write_all(input.as_bytes());
    drop(pipe);
    child.wait_with_output().expect("it ends")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn answered(arguments: &[&str], input: &str) -> String {
    let output = dig(arguments, input);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    text(&output.stdout)
}

const TUTORIAL: [&str; 2] = ["-f", "static/manifests/clusterip.yaml"];

#[test]
fn an_answer_has_the_layout_of_dig() {
    let name = "_http._tcp.api.default.svc.cluster.local";
    let expected = "\
;; Got answer:
;; ->>HEADER<<- opcode: QUERY, status: NOERROR, id: 0
;; flags: qr aa rd; QUERY: 1, ANSWER: 1, AUTHORITY: 0, ADDITIONAL: 2
;; WARNING: recursion requested but not available

;; OPT PSEUDOSECTION:
; EDNS: version: 0, flags:; udp: 1232
;; QUESTION SECTION:
;_http._tcp.api.default.svc.cluster.local. IN SRV

;; ANSWER SECTION:
_http._tcp.api.default.svc.cluster.local. 30 IN\tSRV 0 100 80 api.default.svc.cluster.local.

;; ADDITIONAL SECTION:
api.default.svc.cluster.local. 30 IN\tA\t10.96.0.10

;; SERVER: 10.96.0.53#53(10.96.0.53) (UDP)
;; MSG SIZE  rcvd: 203
";
    let told = answered(&[&TUTORIAL[..], &[name, "srv"]].concat(), "");
    assert_eq!(told, expected);
}

#[test]
fn json_holds_the_code_the_bits_and_the_sections() {
    let name = "api.default.svc.cluster.local";
    let told = answered(&[&TUTORIAL[..], &[name, "-o", "json"]].concat(), "");
    let told: Value = serde_json::from_str(&told).expect("JSON");
    let record = json!({
        "name": "api.default.svc.cluster.local.", "type": "A", "ttl": 30, "data": "10.96.0.10"
    });
    let expected = json!({
        "rcode": "NOERROR", "flags": ["aa"], "answer": [record], "authority": [], "additional": []
    });
    assert_eq!(told, expected);
}

#[test]
fn a_name_that_does_not_exist_is_a_sound_answer() {
    let told = answered(
        &[&TUTORIAL[..], &["ghost.default.svc.cluster.local"]].concat(),
        "",
    );
    assert!(told.contains("status: NXDOMAIN"), "{told}");
    assert!(
        told.contains("SOA\tns.dns.cluster.local. hostmaster.cluster.local."),
        "{told}"
    );
}

#[test]
fn an_address_is_asked_for_by_its_reverse_name() {
    let told = answered(&[&TUTORIAL[..], &["10.96.0.10"]].concat(), "");
    assert!(told.contains("10.0.96.10.in-addr.arpa."), "{told}");
    assert!(
        told.contains("PTR\tapi.default.svc.cluster.local."),
        "{told}"
    );
}

#[test]
fn an_answer_that_does_not_fit_is_asked_for_again_over_tcp() {
    let addresses: String = (1..=100)
        .map(|it| format!("- addresses: [10.245.0.{it}]\n"))
        .collect();
    let world = format!(
        "apiVersion: v1\nkind: Service\nmetadata: {{name: many}}\nspec: {{clusterIP: None}}\n---\n\
         apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata:\n  name: many-1\n  labels: \
         {{kubernetes.io/service-name: many}}\naddressType: IPv4\nports: []\nendpoints:\n{addresses}"
    );
    let told = answered(&["-f", "-", "many.default.svc.cluster.local"], &world);
    assert!(
        told.starts_with(";; Truncated, retrying in TCP mode.\n"),
        "{told}"
    );
    assert!(told.contains("ANSWER: 100,"), "{told}");
    assert!(told.contains("(TCP)\n;; MSG SIZE  rcvd: 4648\n"), "{told}");
}

#[test]
fn search_prints_every_query_of_the_pods_resolver() {
    let told = answered(
        &[
            &TUTORIAL[..],
            &["--from", "pod/client", "--search", "example.com"],
        ]
        .concat(),
        "",
    );
    let names: Vec<&str> = told.lines().filter(|it| it.contains(". A to ")).collect();
    assert_eq!(
        names,
        [
            "0 ms: example.com.default.svc.cluster.local. A to 10.96.0.53#53 (UDP)",
            "0 ms: example.com.svc.cluster.local. A to 10.96.0.53#53 (UDP)",
            "0 ms: example.com.cluster.local. A to 10.96.0.53#53 (UDP)",
            "0 ms: example.com. A to 10.96.0.53#53 (UDP)"
        ]
    );
    let told = answered(
        &[&TUTORIAL[..], &["--from", "pod/client", "--search", "api"]].concat(),
        "",
    );
    assert!(told.ends_with("\napi: 10.96.0.10\n"), "{told}");
}

#[test]
fn doubts_about_the_corefile_and_the_zone_are_remarked() {
    let world = "
apiVersion: v1
kind: ConfigMap
metadata: {name: coredns, namespace: kube-system}
data:
  Corefile: |
    . {
      kubernetes cluster.local
      whoami
      forward . 9.9.9.9
    }
---
apiVersion: v1
kind: ConfigMap
metadata: {name: outside, namespace: kube-system}
data:
  zone: |
    www.example.com. 60 IN A 192.0.2.80
    nonsense
";
    let output = dig(&["-f", "-", "www.example.com", "-o", "json"], world);
    assert_eq!(output.status.code(), Some(0));
    let told: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(told["flags"], json!(["ra"]));
    assert_eq!(told["answer"][0]["data"], "192.0.2.80");
    let said = text(&output.stderr);
    for part in [
        "standard input:9:1: warning: data.Corefile: plugin whoami is not modelled",
        "standard input:19:1: data.zone: the record has no type",
    ] {
        assert!(said.contains(part), "{said}");
    }
}

#[test]
fn wrong_input_and_wrong_usage_have_their_exit_codes() {
    let code = |arguments: &[&str]| dig(&[&TUTORIAL[..], arguments].concat(), "").status.code();
    assert_eq!(code(&["--from", "pod/ghost", "api"]), Some(1));
    assert_eq!(code(&["--from", "external", "api"]), Some(1));
    assert_eq!(code(&["api", "WHATEVER"]), Some(2));
}
