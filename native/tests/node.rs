//! `apply`, `clean`, `explain` and `doctor --node`, through the command line, on nodes that are namespaces of the test's own.
//!
//! Linux: needs the rights of root, `nft`, and for iptables mode its tools; without them each test says so and passes.
//!
//! **Left out**: rules of the older interface of iptables, which not every kernel has.

use packetwalk::kernel::{
    Lab, LabId, Place, iptables, link, nft,
    probe::{Outcome, Probe, Protocol, send},
    require_root,
    serve::{Manner, Servers, Service, read_line},
    topology::{Cluster, ClusterNode, ClusterPod, OutsideHost},
};
use serde_json::Value;
use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

const TUTORIAL: &str = "static/manifests/clusterip.yaml";
const VIP: &str = "10.96.0.10:80";
/// Somebody else's rules, with a chain on the same hook.
const FOREIGN: &str = "add table ip mine { comment \"somebody's\" ; }
add chain ip mine pre { type nat hook prerouting priority -90 ; }
add rule ip mine pre ip daddr 192.0.2.77 tcp dport 8443 dnat to 10.244.1.9:9
";

fn may_run() -> bool {
    let able = require_root()
        .and_then(|()| nft::version())
        .and_then(|_| iptables::are_installed());
    match able {
        Ok(()) => true,
        Err(it) => {
            let name = std::thread::current().name().unwrap_or("?").to_owned();
            let _ = writeln!(io::stderr(), "\n*** SKIPPED {name}: {it} ***\n");
            false
        }
    }
}

fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().map(Path::to_path_buf).unwrap_or_default()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The tutorial's cluster, wired and without any rules.
struct Machine {
    lab: Lab,
    _servers: Vec<Servers>,
}

impl Machine {
    fn new() -> Machine {
        let node = |name: &str, n: u8| ClusterNode {
            name: name.to_owned(),
            addresses: vec![format!("172.18.0.{}", n + 2).parse().expect("an address")],
            pod_networks: vec![format!("10.244.{n}.0/24").parse().expect("a range")],
        };
        let pod = |name: &str, node: &str, address: &str| ClusterPod {
            name: name.to_owned(),
            node: node.to_owned(),
            addresses: vec![address.parse().expect("an address")],
        };
        let cluster = Cluster {
            gateways: vec!["172.18.0.1/16".parse().expect("a range")],
            nodes: vec![node("node-1", 1), node("node-2", 2)],
            pods: vec![
                pod("client", "node-1", "10.244.1.9"),
                pod("api-1", "node-1", "10.244.1.5"),
                pod("api-2", "node-2", "10.244.2.3"),
            ],
            outside: vec![OutsideHost {
                name: "outside".to_owned(),
                addresses: vec!["203.0.113.9".parse().expect("an address")],
            }],
        };
        let topology = cluster.topology().expect("it is sound");
        let mut lab = Lab::new(LabId::fresh());
        link::build(&mut lab, &topology).unwrap_or_else(|it| panic!("{it}"));
        let servers = ["api-1", "api-2"].map(|name| {
            let place = lab.host(name).expect("it is built");
            Servers::start(&[Service {
                place: place.into(),
                listen: "0.0.0.0:8080".parse().expect("an address"),
                protocol: Protocol::Tcp,
                name,
                manner: Manner::Answers,
            }])
            .unwrap_or_else(|it| panic!("{it}"))
        });
        Machine {
            lab,
            _servers: servers.into(),
        }
    }

    fn node(&self) -> Place<'_> {
        self.lab.host("node-1").expect("it is built").into()
    }

    /// Runs a program on the node.
    fn run(&self, command: &mut Command) -> Output {
        let command = command.current_dir(root()).stdin(Stdio::null());
        let ran = self.node().run(|| command.output());
        ran.expect("the namespace is there").expect("it starts")
    }

    fn packetwalk(&self, arguments: &[&str]) -> Output {
        self.run(Command::new(env!("CARGO_BIN_EXE_packetwalk")).args(arguments))
    }

    /// What a command that succeeds prints.
    fn says(&self, arguments: &[&str]) -> String {
        let output = self.packetwalk(arguments);
        let (said, complained) = (text(&output.stdout), text(&output.stderr));
        assert_eq!(
            output.status.code(),
            Some(0),
            "{arguments:?}: {said}{complained}"
        );
        said
    }

    fn json(&self, arguments: &[&str]) -> (Option<i32>, Value) {
        let output = self.packetwalk(arguments);
        let json = serde_json::from_slice(&output.stdout);
        let json = json.unwrap_or_else(|it| {
            panic!("{arguments:?}: {it}: {}", text(&output.stderr));
        });
        (output.status.code(), json)
    }

    /// All that is loaded, with handles.
    fn ruleset(&self) -> String {
        nft::list_ruleset(self.node()).expect("a listing")
    }

    /// What kube-proxy would have loaded.
    fn load_as_kube_proxy(&self, mode: &str) {
        let rules = self.says(&["render", "-f", TUTORIAL, "--node", "node-1", "--mode", mode]);
        match mode {
            "nftables" => nft::load(self.node(), &rules).expect("it loads"),
            _ => iptables::load(self.node(), iptables::Tools::V4, &rules).expect("it loads"),
        }
    }

    /// Who answers real connections from the client.
    fn answering(&self) -> BTreeSet<String> {
        let client = self.lab.host("client").expect("it is built");
        let probe = Probe::new(Protocol::Tcp, VIP.parse().expect("an address"));
        (0..40)
            .map(|_| match send(client, &probe).expect("it is sent") {
                Outcome::Connected { reply, .. } => {
                    let read = read_line(&reply).map(|it| it.0.to_owned());
                    read.unwrap_or(reply)
                }
                other => format!("{other:?}"),
            })
            .collect()
    }
}

fn both() -> BTreeSet<String> {
    BTreeSet::from(["api-1".to_owned(), "api-2".to_owned()])
}

#[test]
fn apply_programs_tables_of_its_own_and_clean_removes_exactly_these() {
    if !may_run() {
        return;
    }
    let machine = Machine::new();
    nft::load(machine.node(), FOREIGN).expect("it loads");
    let before = machine.ruleset();
    for arguments in [
        vec!["apply", "-f", TUTORIAL],
        vec!["apply", "-f", TUTORIAL, "--dry-run"],
    ] {
        let said = machine.says(&arguments);
        assert!(said.contains("\nadd table ip packetwalk {"), "{said}");
        assert!(
            said.contains("\n+ \tchain service-FKIP43JP-default/api/tcp/http {"),
            "{said}"
        );
        assert_eq!(machine.ruleset(), before, "a dry run changes nothing");
    }
    assert_eq!(
        machine.says(&["clean"]),
        "nothing to remove: no table of packetwalk is loaded\n"
    );
    machine.says(&["apply", "-f", TUTORIAL, "--confirm"]);
    assert_eq!(machine.answering(), both());
    let loaded = machine.ruleset();
    let said = machine.says(&["apply", "-f", TUTORIAL, "--confirm"]);
    assert!(said.starts_with("nothing to change: "), "{said}");
    assert_eq!(machine.ruleset(), loaded);

    // One endpoint less: what is not concerned keeps its handles.
    let folder = std::env::temp_dir().join(format!("packetwalk-node-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let manifest = std::fs::read_to_string(root().join(TUTORIAL)).expect("a manifest");
    let changed = manifest.replace("targetPort: 8080", "targetPort: 9090");
    assert_ne!(changed, manifest);
    let file = folder.join("changed.yaml");
    std::fs::write(&file, changed).expect("a file");
    machine.says(&["apply", "-f", &file.to_string_lossy(), "--confirm"]);
    std::fs::remove_dir_all(&folder).expect("it was made");
    let after = machine.ruleset();
    let lines = |text: &str| -> BTreeSet<String> { text.lines().map(str::to_owned).collect() };
    let (loaded, after) = (lines(&loaded), lines(&after));
    let fresh: Vec<&String> = after.difference(&loaded).collect();
    assert_eq!(fresh.len(), 2, "{fresh:?}");
    assert!(fresh.iter().all(|it| it.contains("9090")), "{fresh:?}");

    assert_eq!(
        machine.says(&["clean", "--dry-run"]),
        "would remove table ip packetwalk\n"
    );
    assert_eq!(machine.says(&["clean"]), "removed table ip packetwalk\n");
    assert_eq!(machine.ruleset(), before, "what is others' is as it was");
    machine.lab.close().expect("it is taken down");
}

#[test]
fn apply_refuses_where_kube_proxy_is_and_leaves_its_rules_alone() {
    if !may_run() {
        return;
    }
    for (mode, named) in [
        ("nftables", "the table ip kube-proxy"),
        ("iptables", "the chain KUBE-SERVICES"),
    ] {
        let machine = Machine::new();
        machine.load_as_kube_proxy(mode);
        let before = machine.ruleset();
        for arguments in [
            &["apply", "-f", TUTORIAL][..],
            &["apply", "-f", TUTORIAL, "--confirm"],
        ] {
            let output = machine.packetwalk(arguments);
            let complained = text(&output.stderr);
            assert_eq!(output.status.code(), Some(1), "{complained}");
            assert!(complained.contains(named), "{complained}");
            assert!(complained.contains("Stop kube-proxy here"), "{complained}");
        }
        assert!(machine.says(&["clean"]).starts_with("nothing to remove"));
        assert_eq!(machine.ruleset(), before);
        machine.lab.close().expect("it is taken down");
    }
}

#[test]
fn explain_reads_kube_proxys_rules_in_both_modes_as_the_kernel_obeys_them() {
    if !may_run() {
        return;
    }
    for (mode, reading) in [
        (
            "nftables",
            "are looked up in service-ips, which says where it goes on",
        ),
        (
            "iptables",
            "ask chain KUBE-SERVICES, kube-proxy's list of Service addresses",
        ),
    ] {
        let machine = Machine::new();
        machine.load_as_kube_proxy(mode);
        nft::load(machine.node(), FOREIGN).expect("it loads");
        // The kernel's own choices first, since they count in the rules of iptables.
        assert_eq!(machine.answering(), both(), "{mode}");
        let before = machine.ruleset();
        let ask = ["explain", "--to", VIP, "--from", "10.244.1.9"];
        let (code, json) = machine.json(&[&ask[..], &["-o", "json"]].concat());
        assert_eq!(code, Some(0));
        let ways = json["ways"].as_array().expect("a list");
        let told: Vec<_> = ways
            .iter()
            .map(|it| {
                (
                    it["probability"].as_f64(),
                    it["verdict"].as_str(),
                    it["destination"].as_str(),
                    it["port"].as_u64(),
                )
            })
            .collect();
        let way = |to| (Some(0.5), Some("forwarded"), Some(to), Some(8080));
        assert_eq!(told, [way("10.244.1.5"), way("10.244.2.3")], "{mode}");
        let said = machine.says(&ask);
        assert!(said.contains(reading), "{mode}: {said}");
        assert!(said.contains("coming in by cni0"), "{said}");
        assert!(said.contains("comes from 10.96.0.10:80 again"), "{said}");
        // A port that the Service does not have, and somebody else's rule.
        let (_, json) = machine.json(&["explain", "--to", "10.96.0.10:81", "-o", "json"]);
        assert_ne!(json["ways"][0]["destination"], "10.244.1.5", "{json}");
        let foreign = [
            "explain",
            "--to",
            "192.0.2.77:8443",
            "--from",
            "203.0.113.9",
        ];
        let (_, json) = machine.json(&[&foreign[..], &["-o", "json"]].concat());
        assert_eq!(json["ways"][0]["destination"], "10.244.1.9", "{json}");
        assert_eq!(machine.ruleset(), before, "nothing is changed");
        machine.lab.close().expect("it is taken down");
    }
}

#[test]
fn explain_says_what_is_wrong_with_a_request() {
    if !may_run() {
        return;
    }
    let machine = Machine::new();
    for (arguments, said) in [
        (
            &["explain", "--to", "api.default:80"][..],
            "names are not looked up here",
        ),
        (
            &["explain", "--to", VIP, "--from", "pod/client"],
            "this is no address",
        ),
        (
            &["explain", "--to", VIP, "--from", "::1"],
            "of different families",
        ),
        (
            &[
                "explain",
                "--to",
                VIP,
                "--from",
                "203.0.113.9",
                "--interface",
                "wlan7",
            ],
            "there is no interface wlan7",
        ),
    ] {
        let output = machine.packetwalk(arguments);
        let complained = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{complained}");
        assert!(complained.contains(said), "{complained}");
    }
    let output = machine.packetwalk(&["explain"]);
    assert_eq!(output.status.code(), Some(2));
    machine.lab.close().expect("it is taken down");
}

#[test]
fn without_the_rights_of_root_nothing_is_done_and_the_hint_is_said() {
    if !may_run() {
        return;
    }
    let machine = Machine::new();
    let binary = env!("CARGO_BIN_EXE_packetwalk");
    for arguments in [
        &["explain", "--to", VIP][..],
        &["apply", "-f", TUTORIAL, "--node", "node-1"],
        &["clean"],
    ] {
        let mut command = Command::new("setpriv");
        command.args(["--bounding-set=-all", "--inh-caps=-all", binary]);
        let output = machine.run(command.args(arguments));
        let complained = text(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "{arguments:?}: {complained}");
        assert!(complained.contains("run it as root"), "{complained}");
    }
    machine.lab.close().expect("it is taken down");
}

#[test]
fn doctor_finds_what_is_missing_on_the_node() {
    if !may_run() {
        return;
    }
    let ask = ["doctor", "--node", "-f", TUTORIAL, "-o", "json"];
    let errors = |json: &Value| -> Vec<String> {
        let findings = json["findings"].as_array().cloned().unwrap_or_default();
        let errors = findings.iter().filter(|it| it["severity"] == "error");
        errors
            .map(|it| format!("{} {}", it["id"], it["object"]).replace('"', ""))
            .collect()
    };
    for mode in ["nftables", "iptables"] {
        let machine = Machine::new();
        let (code, json) = machine.json(&ask);
        assert_eq!(code, Some(1));
        let found = errors(&json);
        let missing = "rules-missing service/default/api".to_owned();
        assert!(found.contains(&missing), "{found:?}");

        machine.load_as_kube_proxy(mode);
        let (_, json) = machine.json(&ask);
        assert_eq!(errors(&json), Vec::<String>::new(), "{mode}");

        let (load, id): (&str, &str) = match mode {
            "nftables" => (
                "delete element ip kube-proxy service-ips { 10.96.0.10 . tcp . 80 }",
                // The check of ClusterIPs refuses it now, so it does not go nowhere.
                "rules-differ service/default/api",
            ),
            _ => (
                "flush chain ip nat KUBE-SERVICES",
                "rules-missing service/default/api",
            ),
        };
        nft::load(machine.node(), load).expect("it loads");
        let (_, json) = machine.json(&ask);
        assert!(errors(&json).contains(&id.to_owned()), "{mode}: {json:#}");

        let off = "echo 0 > /proc/sys/net/ipv4/ip_forward";
        machine.run(Command::new("sh").args(["-c", off]));
        let (code, json) = machine.json(&["doctor", "--node", "-o", "json"]);
        assert_eq!(code, Some(1));
        let first = &json["findings"][0];
        assert_eq!(first["id"], "ip-forward-off");
        assert_eq!(first["evidence"][0]["value"], "net.ipv4.ip_forward = 0");
        machine.lab.close().expect("it is taken down");
    }
}
