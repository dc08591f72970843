//! The tools of pods and nodes: what each prints, read by parsers of the real tools' formats.
//!
//! A row runs a line in a place of a small world. Its output is compared as a whole where it is short, and handed to a
//! parser of its format otherwise. Rules are read by the readers that also read the real tools' listings.
//!
//! **Left out**: comparing with the real tools, which are not on every machine; the formats were read off them.

#![expect(clippy::print_stdout, reason = "counts are shown with --nocapture")]

use packetwalk_core::netfilter::TableFamily;
use packetwalk_core::netfilter::dialect::{iptables, nft};
use packetwalk_core::shell::{Finished, Place, Shell, System};
use packetwalk_core::sim::{HostId, Start, StartFile, Timeline};
use packetwalk_core::tools::{Files, Forward, Site, Workplace};
use proptest::prelude::*;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::rc::Rc;

/// A world with a working Service, a sticky one, one without endpoints, one to a port nobody listens on, a headless one.
const WORLD: &str = include_str!("../cases/tools.yaml");

struct Lab {
    workplace: Rc<Workplace>,
}

impl Lab {
    fn new(mode: &str) -> Lab {
        let mode = format!(
            "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\nmode: {mode}\n"
        );
        let file = StartFile {
            name: "w.yaml".into(),
            text: format!("{WORLD}---\n{mode}"),
        };
        let timeline = Timeline::new(Start {
            files: vec![file],
            seed: 1,
        });
        let site = Rc::new(Site::new(Rc::new(RefCell::new(timeline))));
        let files: Rc<dyn Files> = Rc::new(BTreeMap::from([(
            "svc.yaml".to_owned(),
            "kind: Service\n".to_owned(),
        )]));
        Lab {
            workplace: Rc::new(Workplace::new(site, files)),
        }
    }

    fn run(&self, place: &str, line: &str) -> Finished {
        let system: Rc<dyn System> = self.workplace.clone();
        Shell::new(system, &at(place)).run_line(line, "")
    }

    fn out(&self, place: &str, line: &str) -> String {
        let it = self.run(place, line);
        assert_eq!(it.code, 0, "{line}: {}{}", it.stdout, it.stderr);
        it.stdout
    }
}

/// `client`, `node/node-1`, `workstation`
fn at(place: &str) -> Place {
    match place.split_once('/') {
        Some((_, name)) => Place::Node(name.into()),
        None if place == "workstation" => Place::Workstation,
        None => Place::Pod {
            namespace: "default".into(),
            name: place.into(),
            container: "c".into(),
        },
    }
}

/// Place, line, output, errors, exit code.
const ROWS: [(&str, &str, &str, &str, u8); 33] = [
    ("client", "curl -s 10.244.1.5:8080", "api-1\n", "", 0),
    (
        "client",
        "curl -s 10.244.2.3:8080/any/path",
        "hello from two\n",
        "",
        0,
    ),
    (
        "client",
        "curl -s -o /dev/null -w '%{http_code} %{remote_ip}:%{remote_port} %{size_download}\\n' http://10.244.1.5:8080",
        "200 10.244.1.5:8080 6\n",
        "",
        0,
    ),
    (
        "client",
        "curl empty",
        "",
        "curl: (7) Failed to connect to empty port 80 after 2 ms: Couldn't connect to server\n",
        7,
    ),
    (
        "client",
        "curl wrong",
        "",
        "curl: (7) Failed to connect to wrong port 80 after 2 ms: Couldn't connect to server\n",
        7,
    ),
    ("client", "curl -s wrong", "", "", 7),
    (
        "client",
        "curl -sS http://wrong",
        "",
        "curl: (7) Failed to connect to wrong port 80 after 2 ms: Couldn't connect to server\n",
        7,
    ),
    (
        "client",
        "curl -m 2 192.0.2.1",
        "",
        "curl: (28) Connection timed out after 2001 milliseconds\n",
        28,
    ),
    (
        "client",
        "curl --connect-timeout 3 192.0.2.1",
        "",
        "curl: (28) Connection timed out after 3001 milliseconds\n",
        28,
    ),
    (
        "client",
        "curl 192.0.2.1",
        "",
        "curl: (28) Failed to connect to 192.0.2.1 port 80 after 134000 ms: Couldn't connect to server\n",
        28,
    ),
    (
        "client",
        "curl nosuch",
        "",
        "curl: (6) Could not resolve host: nosuch\n",
        6,
    ),
    (
        "client",
        "curl -k https://10.244.1.5:8080",
        "",
        "curl: (35) OpenSSL/3.0.19: error:0A00010B:SSL routines::wrong version number\n",
        35,
    ),
    (
        "client",
        "curl --resolve x:8080:10.244.1.5 -s http://x:8080",
        "api-1\n",
        "",
        0,
    ),
    (
        "client",
        "curl",
        "",
        "curl: no URL specified!\ncurl: try 'curl --help' or 'curl --manual' for more information\n",
        2,
    ),
    ("client", "wget -qO- 10.244.1.5:8080", "api-1\n", "", 0),
    (
        "client",
        "wget -qO- wrong",
        "",
        "wget: can't connect to remote host (10.96.0.22): Connection refused\n",
        1,
    ),
    (
        "client",
        "wget -q -T 2 -O- 192.0.2.1",
        "",
        "wget: download timed out\n",
        1,
    ),
    (
        "client",
        "wget -O- nosuch",
        "",
        "wget: bad address 'nosuch'\n",
        1,
    ),
    (
        "client",
        "nslookup api",
        "Server:\t\t10.96.0.10\nAddress:\t10.96.0.10#53\n\nName:\tapi.default.svc.cluster.local\nAddress: 10.96.0.20\n\n",
        "",
        0,
    ),
    (
        "client",
        "nslookup nosuch",
        "Server:\t\t10.96.0.10\nAddress:\t10.96.0.10#53\n\n** server can't find nosuch: NXDOMAIN\n\n",
        "",
        1,
    ),
    (
        "client",
        "nslookup 10.96.0.20",
        "Server:\t\t10.96.0.10\nAddress:\t10.96.0.10#53\n\n20.0.96.10.in-addr.arpa\tname = api.default.svc.cluster.local.\n\n",
        "",
        0,
    ),
    (
        "box",
        "nslookup api.default.svc.cluster.local | head -5",
        "Server:\t\t10.96.0.10\nAddress:\t10.96.0.10:53\n\nName:\tapi.default.svc.cluster.local\nAddress: 10.96.0.20\n",
        "",
        0,
    ),
    (
        "client",
        "dig +short api.default.svc.cluster.local",
        "10.96.0.20\n",
        "",
        0,
    ),
    (
        "client",
        "dig +search +noall +answer api",
        "api.default.svc.cluster.local. 30 IN\tA\t10.96.0.20\n",
        "",
        0,
    ),
    (
        "client",
        "dig -x 10.96.0.20 +short; dig +short srv _http._tcp.api.default.svc.cluster.local",
        "api.default.svc.cluster.local.\n0 100 80 api.default.svc.cluster.local.\n",
        "",
        0,
    ),
    (
        "client",
        "host api; host nosuch",
        "api.default.svc.cluster.local has address 10.96.0.20\nHost nosuch not found: 3(NXDOMAIN)\n",
        "",
        1,
    ),
    (
        "client",
        "nc -zv api 80",
        "",
        "Connection to api (10.96.0.20) 80 port [tcp/http] succeeded!\n",
        0,
    ),
    (
        "client",
        "nc -zv wrong 80",
        "",
        "nc: connect to wrong (10.96.0.22) port 80 (tcp) failed: Connection refused\n",
        1,
    ),
    (
        "client",
        "nc -zv -w 2 192.0.2.1 80",
        "",
        "nc: connect to 192.0.2.1 port 80 (tcp) timed out: Operation now in progress\n",
        1,
    ),
    (
        "client",
        "echo $COLOUR $WHERE $HOSTNAME $API_SERVICE_HOST $API_PORT_80_TCP",
        "blue node-1 client 10.96.0.20 tcp://10.96.0.20:80\n",
        "",
        0,
    ),
    (
        "client",
        "cat /etc/resolv.conf; hostname -i",
        "search default.svc.cluster.local svc.cluster.local cluster.local\nnameserver 10.96.0.10\noptions ndots:5\n10.244.1.9\n",
        "",
        0,
    ),
    (
        "client",
        "ip route; ip -br addr",
        "default via 10.244.1.1 dev eth0 \n10.244.1.1 dev eth0 scope link \nlo               UNKNOWN        127.0.0.1/8 ::1/128 \neth0@if7         UP             10.244.1.9/32 \n",
        "",
        0,
    ),
    (
        "workstation",
        "cat svc.yaml; curl localhost:8080",
        "kind: Service\n",
        "curl: (7) Failed to connect to localhost port 8080 after 1 ms: Couldn't connect to server\n",
        7,
    ),
];

#[test]
fn each_tool_prints_what_the_real_one_would() {
    let lab = Lab::new("nftables");
    for (place, line, stdout, stderr, code) in ROWS {
        let it = lab.run(place, line);
        assert_eq!(
            (it.stdout.as_str(), it.stderr.as_str(), it.code),
            (stdout, stderr, code),
            "{place}: {line}"
        );
    }
    println!("{} rows", ROWS.len());
}

#[test]
fn waiting_spends_the_virtual_time_that_the_real_tools_wait() {
    let lab = Lab::new("nftables");
    for (line, ms) in [
        ("curl -m 2 192.0.2.1", 2001),
        ("curl 192.0.2.1", 134_000),
        ("curl 10.244.1.99", 3068),
        ("wget -T 5 -qO- 192.0.2.1", 5000),
        ("nc -z -w 3 192.0.2.1 80", 3000),
        ("dig @192.0.2.1 x +time=2 +tries=2", 4000),
        ("ping -c 3 10.244.2.3", 2000),
        ("ping -c 1 -W 4 192.0.2.1", 4000),
        ("curl -s 10.244.1.5:8080", 1),
    ] {
        let before = lab.workplace.clock().now;
        lab.run("client", line);
        let took = (lab.workplace.clock().now - before).as_millis();
        assert_eq!(took, ms, "{line}");
    }
}

#[test]
fn a_service_spreads_requests_and_session_affinity_keeps_them() {
    for mode in ["nftables", "iptables"] {
        let lab = Lab::new(mode);
        let spread = lab.out(
            "client",
            "for i in $(seq 20); do curl -s api; done | sort | uniq -c | awk '{print $2}'",
        );
        assert_eq!(spread, "api-1\nhello\n", "{mode}");
        let kept = lab.out(
            "client",
            "for i in $(seq 10); do curl -s sticky; done | sort -u | wc -l",
        );
        assert_eq!(kept, "1\n", "{mode}");
    }
}

#[test]
fn the_same_seed_gives_the_same_output_to_the_byte() {
    let line = "for i in 1 2 3 4 5; do curl -s api; done; dig api.default.svc.cluster.local; ping -c2 10.244.2.3; ss -tlnp";
    assert_eq!(
        Lab::new("nftables").run("client", line),
        Lab::new("nftables").run("client", line)
    );
}

/// Fields of a line that say `name=value`.
fn fields(line: &str) -> Vec<(&str, &str)> {
    line.split_whitespace()
        .filter_map(|it| it.split_once('='))
        .collect()
}

#[test]
fn conntrack_lists_connections_with_both_of_their_flows() {
    let lab = Lab::new("nftables");
    lab.run(
        "client",
        "curl -s 10.96.0.20; curl -s wrong; curl -m1 192.0.2.1; ping -c1 10.244.2.3",
    );
    let it = lab.run("node/node-1", "conntrack -L");
    let lines: Vec<&str> = it.stdout.lines().collect();
    let said = format!(
        "conntrack v1.4.7 (conntrack-tools): {} flow entries have been shown.\n",
        lines.len()
    );
    assert_eq!(it.stderr, said);
    let mut states = Vec::new();
    for line in &lines {
        let words: Vec<&str> = line.split_whitespace().collect();
        let number = match words[0] {
            "tcp" => "6",
            "udp" => "17",
            "icmp" => "1",
            other => panic!("{other}: {line}"),
        };
        assert_eq!(words[1], number, "{line}");
        words[2]
            .parse::<u32>()
            .unwrap_or_else(|_| panic!("seconds left: {line}"));
        if words[0] == "tcp" {
            states.push(words[3]);
        }
        let ends = fields(line);
        for name in ["src", "dst"] {
            let both: Vec<_> = ends.iter().filter(|it| it.0 == name).collect();
            assert_eq!(both.len(), 2, "{line}");
            assert!(
                both.iter().all(|it| it.1.parse::<IpAddr>().is_ok()),
                "{line}"
            );
        }
        assert_eq!(ends.last(), Some(&("use", "1")), "{line}");
    }
    states.sort_unstable();
    // The refused connection went with its reset.
    assert_eq!(states, ["SYN_SENT", "TIME_WAIT"], "{}", it.stdout);
    let translated = lines
        .iter()
        .find(|it| it.contains("dst=10.96.0.20 "))
        .expect("the connection to the Service");
    assert!(
        translated.contains("[ASSURED]") && translated.contains("sport=8080"),
        "{translated}"
    );
    let after = lab.run("node/node-1", "sleep 121; conntrack -L -p tcp");
    assert_eq!(after.stdout, "");
}

#[test]
fn tcpdump_sees_packets_before_and_after_their_translation() {
    let lab = Lab::new("nftables");
    let shell_line = "tcpdump -ni any -c 4 tcp and host 10.244.2.3 & sleep 1; echo up; wait";
    let system: Rc<dyn System> = lab.workplace.clone();
    let mut node = Shell::new(system, &Place::Node("node-1".into()));
    node.start(shell_line);
    let soon = lab.workplace.clock().now;
    node.advance(soon);
    lab.run("client", "curl -s 10.244.2.3:8080");
    node.advance(soon + packetwalk_core::time::Duration::from_secs(5));
    let text: String = node.take_output().into_iter().map(|it| it.text).collect();
    let packets: Vec<&str> = text.lines().filter(|it| it.contains(" > ")).collect();
    assert_eq!(packets.len(), 4, "{text}");
    for line in &packets {
        let words: Vec<&str> = line.split_whitespace().collect();
        assert_eq!(words[0].len(), "00:00:00.000000".len(), "{line}");
        assert!(
            matches!(words[1], "cni0" | "eth0") && matches!(words[2], "In" | "Out"),
            "{line}"
        );
        assert_eq!((words[3], words[5]), ("IP", ">"), "{line}");
        assert!(line.contains("Flags [") && line.contains(" win "), "{line}");
        line.rsplit(' ')
            .next()
            .and_then(|it| it.parse::<u32>().ok())
            .expect("a length");
    }
    assert!(
        packets[0].contains("Flags [S], seq 0") && packets[2].contains("Flags [S.]"),
        "{text}"
    );
    assert!(text.contains("4 packets captured"), "{text}");
    let dnat = lab.run(
        "node/node-1",
        "tcpdump -ni any -c 1 dst port 8080 & curl -s 10.96.0.20; wait",
    );
    assert!(dnat.stdout.contains(".8080: Flags [S]"), "{}", dnat.stdout);
    assert_eq!(lab.run("node/node-1", "tcpdump -i nosuch").code, 1);
}

#[test]
fn dig_prints_every_section_with_its_title_and_counts() {
    let lab = Lab::new("nftables");
    let text = lab.out("client", "dig db.default.svc.cluster.local");
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some(""));
    assert!(
        lines
            .next()
            .is_some_and(|it| it.starts_with("; <<>> DiG 9.18")
                && it.ends_with("<<>> db.default.svc.cluster.local"))
    );
    let flags = text
        .lines()
        .find(|it| it.starts_with(";; flags:"))
        .expect("flags");
    assert_eq!(
        flags,
        ";; flags: qr aa rd; QUERY: 1, ANSWER: 2, AUTHORITY: 0, ADDITIONAL: 1"
    );
    let answers = text
        .lines()
        .skip_while(|it| *it != ";; ANSWER SECTION:")
        .skip(1)
        .take_while(|it| !it.is_empty());
    for line in answers {
        let words: Vec<&str> = line.split_whitespace().collect();
        assert_eq!((words.len(), words[2], words[3]), (5, "IN", "A"), "{line}");
    }
    for part in [
        ";; Query time: ",
        ";; SERVER: 10.96.0.10#53(10.96.0.10) (UDP)",
        ";; WHEN: Thu Jan 01 ",
        ";; MSG SIZE  rcvd: ",
    ] {
        assert_eq!(text.matches(part).count(), 1, "{part}: {text}");
    }
    let silent = lab.run("client", "dig @192.0.2.1 x +time=1 +tries=1");
    assert!(
        silent.stdout.ends_with(
            ";; communications error to 192.0.2.1#53: timed out\n\n;; no servers could be reached\n"
        ),
        "{}",
        silent.stdout
    );
    assert_eq!(silent.code, 9);
}

#[test]
fn rules_are_listed_as_their_own_readers_read_them() {
    let lab = Lab::new("nftables");
    let listing = lab.out("node/node-1", "nft list ruleset");
    nft::parse_listing(&listing).expect("nft reads it");
    let table = lab.out("node/node-1", "nft list table ip kube-proxy");
    assert!(listing.contains(&table));
    for noun in [
        "chain ip kube-proxy services",
        "map ip kube-proxy service-ips",
        "set ip kube-proxy cluster-ips",
    ] {
        let part = lab.out("node/node-1", &format!("nft list {noun}"));
        let inner = part
            .lines()
            .skip(1)
            .take_while(|it| *it != "}")
            .collect::<Vec<_>>()
            .join("\n");
        assert!(
            listing.contains(&inner)
                && part.starts_with("table ip kube-proxy {\n")
                && part.ends_with("}\n}\n"),
            "{part}"
        );
    }
    assert_eq!(lab.out("node/node-1", "iptables-save"), "");
    assert_eq!(
        lab.run("node/node-1", "nft list chain ip kube-proxy x")
            .code,
        1
    );
    let lab = Lab::new("iptables");
    let saved = lab.out("node/node-1", "iptables-save");
    let bare: String = saved
        .lines()
        .filter(|it| !it.starts_with('#'))
        .map(|it| format!("{it}\n"))
        .collect();
    iptables::parse(&bare, TableFamily::Ip).expect("iptables-restore reads it");
    for table in ["nat", "filter", "mangle"] {
        let n_saved = lab.out(
            "node/node-1",
            &format!("iptables-save -t {table} | grep -c '^-A' || true"),
        );
        let n_listed = lab.out(
            "node/node-1",
            &format!(
                "iptables -t {table} -L -n | grep -v -e '^Chain' -e '^target' -e '^$' | wc -l"
            ),
        );
        assert_eq!(n_saved, n_listed, "{table}");
    }
    let verbose = lab.out(
        "node/node-1",
        "iptables -t nat -L KUBE-SERVICES -n -v | sed -n 2,3p",
    );
    assert!(verbose.starts_with(" pkts bytes target     prot opt in     out     source               destination         \n    0     0 KUBE-SVC-"), "{verbose}");
    assert!(
        lab.out("node/node-1", "ipvsadm -Ln")
            .starts_with("IP Virtual Server version 1.2.1 (size=4096)\n")
    );
}

#[test]
fn a_node_shows_its_links_routes_neighbours_and_switches() {
    let lab = Lab::new("nftables");
    let text = lab.out("node/node-1", "ip addr");
    let heads: Vec<&str> = text.lines().filter(|it| !it.starts_with(' ')).collect();
    assert_eq!(heads.len(), 3, "{text}");
    for (idx, line) in heads.iter().enumerate() {
        assert!(
            line.starts_with(&format!("{}: ", idx + 1)) && line.contains("> mtu "),
            "{line}"
        );
    }
    assert!(text.contains("    inet 172.18.0.3/16 brd 172.18.255.255 scope global eth0\n       valid_lft forever preferred_lft forever\n"));
    let routes = lab.out("node/node-1", "ip route");
    assert!(
        routes.starts_with("default via 172.18.0.1 dev eth0 \n"),
        "{routes}"
    );
    assert!(
        routes.contains("10.244.2.0/24 via 172.18.0.4 dev eth0 \n"),
        "{routes}"
    );
    assert!(
        routes.contains("10.244.1.0/24 dev cni0 proto kernel scope link src 10.244.1.1 \n"),
        "{routes}"
    );
    assert!(
        lab.out("node/node-1", "ip neigh")
            .contains("172.18.0.4 dev eth0 lladdr 02:42:ac:12:00:04 REACHABLE \n")
    );
    assert_eq!(
        lab.out("node/node-1", "cat /proc/sys/net/ipv4/ip_forward"),
        "1\n"
    );
    let sockets = lab.out("api-1", "ss -tlnp");
    let rows: Vec<Vec<&str>> = sockets
        .lines()
        .map(|it| it.split_whitespace().collect())
        .collect();
    assert_eq!(
        rows[1],
        [
            "LISTEN",
            "0",
            "4096",
            "0.0.0.0:8080",
            "0.0.0.0:*",
            "users:((\"c\",pid=1,fd=3))"
        ]
    );
}

#[test]
fn ping_counts_what_came_back() {
    let lab = Lab::new("nftables");
    let text = lab.out("client", "ping -c 2 10.244.2.3");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines[0],
        "PING 10.244.2.3 (10.244.2.3) 56(84) bytes of data."
    );
    assert!(
        lines[1].starts_with("64 bytes from 10.244.2.3: icmp_seq=1 ttl=62 time=0."),
        "{text}"
    );
    assert_eq!(
        lines[5],
        "2 packets transmitted, 2 received, 0% packet loss, time 1000ms"
    );
    assert!(
        lines[6].starts_with("rtt min/avg/max/mdev = 0.") && lines[6].ends_with(" ms"),
        "{text}"
    );
    let refused = lab.run("client", "ping -c 1 10.244.1.99");
    assert!(
        refused
            .stdout
            .contains("From 10.244.1.1 icmp_seq=1 Destination Host Unreachable\n"),
        "{}",
        refused.stdout
    );
    assert_eq!(refused.code, 1);
}

#[test]
fn a_forwarded_port_leads_straight_to_its_pod() {
    let lab = Lab::new("nftables");
    let pod = HostId::Pod("default".into(), "api-1".into());
    let site = lab.workplace.site();
    assert!(site.forward(8080, Forward { pod, port: 8080 }));
    assert_eq!(
        lab.out(
            "workstation",
            "curl -s localhost:8080; curl -s http://127.0.0.1:8080/"
        ),
        "api-1\napi-1\n"
    );
    assert_eq!((site.take_through(8080), site.take_through(8080)), (2, 0));
    site.end_forward(8080);
    assert_eq!(lab.run("workstation", "curl -s localhost:8080").code, 7);
    assert_eq!(
        lab.run("workstation", "curl -s 172.18.0.3:30080 | wc -l")
            .stdout,
        "1\n"
    );
}

#[test]
fn an_unknown_command_says_what_there_is() {
    let lab = Lab::new("nftables");
    let it = lab.run("client", "frobnicate");
    assert!(
        it.stderr
            .starts_with("sh: frobnicate: not found\nThere are: "),
        "{}",
        it.stderr
    );
    assert!(
        it.stderr.contains(" curl ") && it.stderr.contains(" dig ") && !it.stderr.contains(" nft ")
    );
    assert!(
        lab.run("node/node-1", "frobnicate")
            .stderr
            .contains(" nft ")
    );
    assert_eq!((it.stdout.as_str(), it.code), ("", 127));
}

const TOOLS: [&str; 18] = [
    "curl",
    "wget",
    "nslookup",
    "dig",
    "host",
    "nc",
    "ping -c1",
    "ss",
    "netstat",
    "ip",
    "hostname",
    "sysctl",
    "getent",
    "nft",
    "iptables-save",
    "iptables",
    "conntrack",
    "timeout 1 tcpdump",
];

const WORDS: [&str; 34] = [
    "-v",
    "-s",
    "-t",
    "nat",
    "-L",
    "-n",
    "api",
    "10.96.0.20",
    "80",
    "-x",
    "+short",
    "@10.96.0.10",
    "-m",
    "1",
    "-O",
    "-",
    "list",
    "ruleset",
    "chain",
    "ip",
    "route",
    "addr",
    "get",
    "-4",
    "-br",
    "http://[::1]:99999",
    "-w",
    "%{http_code",
    "é",
    "-i",
    "any",
    "port",
    "(",
    "not",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn tools_never_panic(tool in 0..TOOLS.len(), words in proptest::collection::vec(0..WORDS.len(), 0..6), odd in "\\PC{0,12}") {
        thread_local! {
            static LAB: Lab = Lab::new("iptables");
        }
        let quoted: Vec<String> = words.into_iter().map(|it| WORDS[it].to_owned()).chain([odd]).map(|it| format!("'{}'", it.replace('\'', ""))).collect();
        let line = format!("{} {}", TOOLS[tool], quoted.join(" "));
        LAB.with(|lab| {
            lab.run("client", &line);
            lab.run("node/node-1", &line);
        });
    }
}
