//! Cluster DNS in rows: what is asked, and what is answered in the words of zone files.
//!
//! A script holds its own answers. The recorded answers of the real CoreDNS are in `dns.rs`; these
//! rows are about what was not recorded: the whole server with its Corefile.

use packetwalk_core::chance::Chooser;
use packetwalk_core::dns::{
    Cache, Frame, Question, Rcode, Record, RecordType, Server, Transport, refusal,
};
use packetwalk_core::store::Objects;
use packetwalk_core::time::{Duration, Instant};
use packetwalk_tests::{manifest, world};

/// A section as lines of a zone file, in order of the alphabet.
fn lines(records: &[Record]) -> Vec<String> {
    let mut lines: Vec<String> = records.iter().map(ToString::to_string).collect();
    lines.sort();
    lines
}

/// Asks every question of a script and gives the script back with what is answered: the code and
/// the bits, then the records, those of the other sections marked. A question reads
/// `? NAME TYPE`, perhaps with `at SECONDS` or `over tcp` behind it.
fn answers(server: &Server, objects: &Objects, script: &str) -> String {
    let mut cache = Cache::default();
    let mut chooser = Chooser::seeded(1);
    let mut out = String::new();
    for line in script.lines().filter(|it| it.starts_with('?')) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let kind = RecordType::parse(words[2]).expect("a type");
        let question = Question::new(words[1], kind);
        let mut now = Instant::START;
        let mut transport = Transport::Udp { edns: None };
        match &words[3..] {
            [] => {}
            ["at", secs] => now = now + Duration::from_secs(secs.parse().expect("seconds")),
            ["over", "tcp"] => transport = Transport::Tcp,
            other => panic!("{other:?}"),
        }
        let answer = server.answer(objects, &question, transport, now, &mut cache, &mut chooser);
        let flags: Vec<&str> = answer.flags().collect();
        out.push_str(&format!("{line}\n{} {}\n", answer.rcode, flags.join(" ")));
        for (mark, section) in [
            ("", &answer.answer),
            ("authority ", &answer.authority),
            ("additional ", &answer.additional),
        ] {
            for it in lines(section) {
                out.push_str(&format!("{mark}{it}\n"));
            }
        }
    }
    out
}

/// A script that holds its own answers; the world is the base world with this manifest upon it.
fn check(manifest: &str, script: &str) {
    let world = world(manifest);
    let server = Server::new(&world.objects);
    assert_eq!(server.complaints(), []);
    let script = script.trim_start();
    let told = answers(&server, &world.objects, script);
    assert_eq!(told, script, "what is answered:\n{told}");
}

const SHOP: &str = r#"
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec:
  type: LoadBalancer
  clusterIP: 10.96.1.1
  selector: {app: web}
  externalIPs: [198.51.100.1]
  ports:
  - {name: http, port: 80, targetPort: 8080}
status:
  loadBalancer:
    ingress: [{ip: 203.0.113.10}, {hostname: lb.example.com}]
---
apiVersion: v1
kind: Service
metadata: {name: db, namespace: shop}
spec:
  clusterIP: None
  selector: {app: db}
  ports: [{name: sql, port: 3306}]
---
apiVersion: v1
kind: Service
metadata: {name: pay, namespace: shop}
spec: {type: ExternalName, externalName: pay.example.com}
---
apiVersion: v1
kind: Pod
metadata: {name: db-0, namespace: shop, labels: {app: db}}
spec:
  nodeName: node-1
  hostname: db-0
  subdomain: db
  containers: [{name: c, image: i, ports: [{containerPort: 3306}]}]
status: {podIP: 10.244.1.7}
---
apiVersion: v1
kind: Pod
metadata: {name: web-1, namespace: shop, labels: {app: web}}
spec:
  nodeName: node-2
  containers: [{name: c, image: i, ports: [{containerPort: 8080}]}]
status: {podIP: 10.244.2.8}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: outside, namespace: kube-system}
data:
  zone: |
    $ORIGIN example.com.
    $TTL 300
    @ SOA ns admin 1 2h 15m 2w 60
    pay A 203.0.113.5
    lb  A 203.0.113.20
    www CNAME pay
"#;

/// The same world with a Corefile.
fn with_corefile(corefile: &str) -> String {
    let indented: Vec<String> = corefile.lines().map(|it| format!("    {it}")).collect();
    format!(
        "{SHOP}---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: coredns, namespace: \
         kube-system}}\ndata:\n  Corefile: |\n{}\n",
        indented.join("\n")
    )
}

#[test]
fn kubeadms_server_answers_inside_and_outside() {
    check(
        SHOP,
        "
? web.shop.svc.cluster.local A
NOERROR aa
web.shop.svc.cluster.local. 30 IN A 10.96.1.1
? _http._tcp.web.shop.svc.cluster.local SRV
NOERROR aa
_http._tcp.web.shop.svc.cluster.local. 30 IN SRV 0 100 80 web.shop.svc.cluster.local.
additional web.shop.svc.cluster.local. 30 IN A 10.96.1.1
? kubernetes.default.svc.cluster.local A over tcp
NOERROR aa
kubernetes.default.svc.cluster.local. 30 IN A 10.96.0.1
? 1.1.96.10.in-addr.arpa PTR
NOERROR aa
1.1.96.10.in-addr.arpa. 30 IN PTR web.shop.svc.cluster.local.
? db.shop.svc.cluster.local A
NOERROR aa
db.shop.svc.cluster.local. 30 IN A 10.244.1.7
? db-0.db.shop.svc.cluster.local A
NOERROR aa
db-0.db.shop.svc.cluster.local. 30 IN A 10.244.1.7
? _sql._tcp.db.shop.svc.cluster.local SRV
NOERROR aa
_sql._tcp.db.shop.svc.cluster.local. 30 IN SRV 0 100 3306 db-0.db.shop.svc.cluster.local.
additional db-0.db.shop.svc.cluster.local. 30 IN A 10.244.1.7
? 7.1.244.10.in-addr.arpa PTR
NOERROR aa
7.1.244.10.in-addr.arpa. 30 IN PTR db-0.db.shop.svc.cluster.local.
? pay.shop.svc.cluster.local A
NOERROR aa
pay.example.com. 30 IN A 203.0.113.5
pay.shop.svc.cluster.local. 30 IN CNAME pay.example.com.
? pay.shop.svc.cluster.local CNAME
NOERROR aa
pay.shop.svc.cluster.local. 30 IN CNAME pay.example.com.
? 10-244-2-8.shop.pod.cluster.local A
NOERROR aa
10-244-2-8.shop.pod.cluster.local. 30 IN A 10.244.2.8
? ghost.shop.svc.cluster.local A
NXDOMAIN aa
authority cluster.local. 30 IN SOA ns.dns.cluster.local. hostmaster.cluster.local. 1767225600 7200 1800 86400 30
? cluster.local NS
NOERROR aa
cluster.local. 30 IN NS kube-dns.kube-system.svc.cluster.local.
additional kube-dns.kube-system.svc.cluster.local. 30 IN A 10.96.0.10
? www.example.com A
NOERROR ra
pay.example.com. 30 IN A 203.0.113.5
www.example.com. 30 IN CNAME pay.example.com.
? www.example.com A at 10
NOERROR aa ra
pay.example.com. 20 IN A 203.0.113.5
www.example.com. 20 IN CNAME pay.example.com.
? no.example.com A
NXDOMAIN ra
authority example.com. 30 IN SOA ns.example.com. admin.example.com. 1 7200 900 1209600 60
? example.org A
NXDOMAIN ra
? 9.9.9.9.in-addr.arpa PTR
NXDOMAIN ra
? cluster.local AXFR
REFUSED 
",
    );
}

#[test]
fn verified_pods_exist_in_their_own_namespace_only() {
    check(
        &with_corefile(
            ". {\n  kubernetes cluster.local {\n    pods verified\n    endpoint_pod_names\n  }\n}",
        ),
        "
? 10-244-2-8.shop.pod.cluster.local A
NOERROR aa
10-244-2-8.shop.pod.cluster.local. 5 IN A 10.244.2.8
? 10-244-2-8.default.pod.cluster.local A
NXDOMAIN aa
authority cluster.local. 5 IN SOA ns.dns.cluster.local. hostmaster.cluster.local. 1767225600 7200 1800 86400 5
? 10-244-2-9.shop.pod.cluster.local A
NXDOMAIN aa
authority cluster.local. 5 IN SOA ns.dns.cluster.local. hostmaster.cluster.local. 1767225600 7200 1800 86400 5
? web-1.web.shop.svc.cluster.local A
NOERROR aa
web-1.web.shop.svc.cluster.local. 5 IN A 10.244.2.8
? www.example.com A
SERVFAIL 
",
    );
}

#[test]
fn external_names_stand_for_external_addresses() {
    check(
        &with_corefile(
            ". {\n  kubernetes cluster.local\n  k8s_external ext.test in-addr.arpa {\n    headless\n  \
             }\n  forward . 9.9.9.9\n}",
        ),
        "
? web.shop.ext.test A
NOERROR aa
lb.example.com. 300 IN A 203.0.113.20
web.shop.ext.test. 5 IN A 198.51.100.1
web.shop.ext.test. 5 IN A 203.0.113.10
web.shop.ext.test. 5 IN CNAME lb.example.com.
? _http._tcp.web.shop.ext.test SRV
NOERROR aa
_http._tcp.web.shop.ext.test. 5 IN SRV 0 33 80 lb.example.com.
_http._tcp.web.shop.ext.test. 5 IN SRV 0 33 80 web.shop.ext.test.
additional lb.example.com. 300 IN A 203.0.113.20
additional web.shop.ext.test. 5 IN A 198.51.100.1
additional web.shop.ext.test. 5 IN A 203.0.113.10
? db.shop.ext.test A
NOERROR aa
db.shop.ext.test. 5 IN A 10.244.1.7
? db-0.db.shop.ext.test A
NOERROR aa
db-0.db.shop.ext.test. 5 IN A 10.244.1.7
? shop.ext.test A
NOERROR aa
authority ext.test. 5 IN SOA ns1.dns.ext.test. hostmaster.dns.ext.test. 1767225600 7200 1800 86400 5
? none.ext.test A
NXDOMAIN aa
authority ext.test. 5 IN SOA ns1.dns.ext.test. hostmaster.dns.ext.test. 1767225600 7200 1800 86400 5
? ghost.shop.ext.test A
NXDOMAIN aa
authority ext.test. 5 IN SOA ns1.dns.ext.test. hostmaster.dns.ext.test. 1767225600 7200 1800 86400 5
? ext.test SOA
NOERROR aa
ext.test. 5 IN SOA ns1.dns.ext.test. hostmaster.dns.ext.test. 1767225600 7200 1800 86400 5
? ext.test NS
NOERROR aa
ext.test. 5 IN NS ns1.dns.ext.test.
additional ns1.dns.ext.test. 5 IN A 10.244.0.2
? ns1.dns.ext.test A
NOERROR aa
ns1.dns.ext.test. 5 IN A 10.244.0.2
? dns.ext.test A
NOERROR aa
authority ext.test. 5 IN SOA ns1.dns.ext.test. hostmaster.dns.ext.test. 1767225600 7200 1800 86400 5
? 10.113.0.203.in-addr.arpa PTR
NOERROR aa
10.113.0.203.in-addr.arpa. 5 IN PTR web.shop.ext.test.
? 11.113.0.203.in-addr.arpa PTR
NXDOMAIN aa
authority in-addr.arpa. 5 IN SOA ns1.dns.in-addr.arpa. hostmaster.dns.in-addr.arpa. 1767225600 7200 1800 86400 5
? web.shop.ext.test TXT
NOERROR aa
authority ext.test. 5 IN SOA ns1.dns.ext.test. hostmaster.dns.ext.test. 1767225600 7200 1800 86400 5
",
    );
}

#[test]
fn rewritten_names_are_given_back_as_they_were_asked_for() {
    check(
        &with_corefile(
            ". {\n  rewrite name shop.test web.shop.svc.cluster.local\n  rewrite name suffix \
             .old.test .shop.svc.cluster.local answer auto\n  rewrite stop type ANY A\n  kubernetes \
             cluster.local\n}",
        ),
        "
? shop.test A
NOERROR aa
shop.test. 5 IN A 10.96.1.1
? db.old.test A
NOERROR aa
db.old.test. 5 IN A 10.244.1.7
? _sql._tcp.db.old.test SRV
NOERROR aa
_sql._tcp.db.old.test. 5 IN SRV 0 100 3306 db-0.db.shop.svc.cluster.local.
additional db-0.db.shop.svc.cluster.local. 5 IN A 10.244.1.7
? web.shop.svc.cluster.local ANY
NOERROR aa
web.shop.svc.cluster.local. 5 IN A 10.96.1.1
",
    );
}

#[test]
fn hosts_of_the_corefile_come_before_the_cluster() {
    check(
        &with_corefile(
            ". {\n  kubernetes cluster.local\n  hosts {\n    192.0.2.7 a.test b.test\n    \
             2001:db8::7 a.test\n    ttl 60\n    fallthrough\n  }\n  forward . 9.9.9.9 {\n    except \
             example.com\n  }\n}",
        ),
        "
? A.test A
NOERROR aa
a.test. 60 IN A 192.0.2.7
? a.test AAAA
NOERROR aa
a.test. 60 IN AAAA 2001:db8::7
? b.test AAAA
NOERROR aa
? 7.2.0.192.in-addr.arpa PTR
NOERROR aa
7.2.0.192.in-addr.arpa. 60 IN PTR a.test.
7.2.0.192.in-addr.arpa. 60 IN PTR b.test.
? web.shop.svc.cluster.local A
NOERROR aa
web.shop.svc.cluster.local. 5 IN A 10.96.1.1
? c.test A
NXDOMAIN ra
? pay.example.com A
SERVFAIL 
",
    );
}

#[test]
fn the_block_with_the_longest_zone_answers() {
    check(
        &with_corefile(
            "cluster.local:53 {\n  kubernetes {\n    ttl 7\n  }\n}\nexample.com {\n  forward . \
             9.9.9.9\n  cache 3\n}",
        ),
        "
? web.shop.svc.cluster.local A
NOERROR aa
web.shop.svc.cluster.local. 7 IN A 10.96.1.1
? pay.shop.svc.cluster.local A
NOERROR aa
pay.example.com. 3 IN A 203.0.113.5
pay.shop.svc.cluster.local. 7 IN CNAME pay.example.com.
? pay.example.com A at 60
NOERROR ra
pay.example.com. 3 IN A 203.0.113.5
? pay.example.com A at 62
NOERROR aa ra
pay.example.com. 1 IN A 203.0.113.5
? example.org A
REFUSED 
? 1.1.96.10.in-addr.arpa PTR
REFUSED 
",
    );
}

#[test]
fn zonal_names_narrow_a_headless_service_to_a_topology_zone() {
    let slice = "
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  name: hdls-1
  labels: {kubernetes.io/service-name: hdls}
addressType: IPv4
endpoints:
- {addresses: [172.16.0.1], zone: us-west-2a}
- {addresses: [172.16.0.2], zone: us-west-2b}
- {addresses: [172.16.0.3], zone: us-west-2b}
ports: [{name: http, port: 80}]
---
apiVersion: v1
kind: Service
metadata: {name: hdls}
spec: {clusterIP: None}
---
";
    let corefile = ". {\n  kubernetes cluster.local {\n    zonal\n  }\n}";
    check(
        &format!("{slice}{}", with_corefile(corefile)),
        "
? us-west-2a.pin._zone.hdls.default.svc.cluster.local A
NOERROR aa
us-west-2a.pin._zone.hdls.default.svc.cluster.local. 5 IN A 172.16.0.1
? us-west-2b.pin._zone.hdls.default.svc.cluster.local SRV
NOERROR aa
us-west-2b.pin._zone.hdls.default.svc.cluster.local. 5 IN SRV 0 50 80 172-16-0-2.hdls.default.svc.cluster.local.
us-west-2b.pin._zone.hdls.default.svc.cluster.local. 5 IN SRV 0 50 80 172-16-0-3.hdls.default.svc.cluster.local.
additional 172-16-0-2.hdls.default.svc.cluster.local. 5 IN A 172.16.0.2
additional 172-16-0-3.hdls.default.svc.cluster.local. 5 IN A 172.16.0.3
? us-west-2c.pin._zone.hdls.default.svc.cluster.local A
NOERROR aa
authority cluster.local. 5 IN SOA ns.dns.cluster.local. hostmaster.cluster.local. 1767225600 7200 1800 86400 5
? us-west-2c.pin._zone.hdls.default.svc.cluster.local TXT
NOERROR aa
authority cluster.local. 5 IN SOA ns.dns.cluster.local. hostmaster.cluster.local. 1767225600 7200 1800 86400 5
? us-west-2c.prefer._zone.hdls.default.svc.cluster.local A
NOERROR aa
us-west-2c.prefer._zone.hdls.default.svc.cluster.local. 5 IN A 172.16.0.1
us-west-2c.prefer._zone.hdls.default.svc.cluster.local. 5 IN A 172.16.0.2
us-west-2c.prefer._zone.hdls.default.svc.cluster.local. 5 IN A 172.16.0.3
? us-west-2a.pin._zone.ghost.default.svc.cluster.local A
NXDOMAIN aa
authority cluster.local. 5 IN SOA ns.dns.cluster.local. hostmaster.cluster.local. 1767225600 7200 1800 86400 5
? us-west-2a.florp._zone.hdls.default.svc.cluster.local A
NXDOMAIN aa
authority cluster.local. 5 IN SOA ns.dns.cluster.local. hostmaster.cluster.local. 1767225600 7200 1800 86400 5
? us-west-2a.pin._zone.web.shop.svc.cluster.local A
NXDOMAIN aa
authority cluster.local. 5 IN SOA ns.dns.cluster.local. hostmaster.cluster.local. 1767225600 7200 1800 86400 5
",
    );
}

#[test]
fn a_server_that_has_not_seen_all_objects_fails_where_it_cannot_know() {
    let world = world(SHOP);
    let mut server = Server::new(&world.objects);
    for it in server.kubernetes_mut() {
        it.synced = false;
    }
    let script = "? web.shop.svc.cluster.local A\n? ghost.shop.svc.cluster.local A\n";
    let told = answers(&server, &world.objects, script);
    let codes: Vec<&str> = told.lines().filter(|it| it.ends_with(" aa")).collect();
    assert_eq!(codes, ["NOERROR aa", "SERVFAIL aa"]);
}

#[test]
fn what_the_corefile_says_in_vain_is_named_with_its_line() {
    let corefile = "\
.:53 {
  errors
  kubernetes cluster.local {
    pods maybe
    tll 30
    labels app=x
  }
  cash 30
  autopath @kubernetes
  cache 30 {
    disable sometimes
  }
  forward .
  rewrite name regex a b
  loadbalance weighted w.md
}
tls://.:853 {
  errors
}
";
    let manifest = manifest(&with_corefile(corefile));
    assert_eq!(manifest.complaints, []);
    let server = Server::from_texts(Some(corefile), "", "cluster.local");
    let said: Vec<String> = server
        .complaints()
        .iter()
        .map(|it| {
            it.to_string()
                .replace("ConfigMap kube-system/coredns, Corefile:", "")
        })
        .collect();
    assert_eq!(
        said,
        [
            "4:1: wrong value for pods: maybe,  must be one of: disabled, verified, insecure",
            "5:1: unknown property 'tll'",
            "6:1: warning: kubernetes: labels is not modelled: it is passed over",
            "8:1: Unknown directive 'cash'",
            "9:1: warning: plugin autopath is not modelled: answers are given as if it were not there",
            "11:1: cache: disable: wrong argument count or unknown",
            "13:1: forward: Wrong argument count or unexpected line ending",
            "14:1: warning: rewrite name regex a b: not modelled: there are name and type",
            "15:1: warning: loadbalance weighted is not modelled: records keep their order",
            "18:1: warning: tls://.:853: pods ask on port 53 over UDP and TCP: nobody asks here",
        ]
    );
}

#[test]
fn a_frame_no_stub_resolver_sends_is_refused_by_its_rule() {
    let usual = Frame::default();
    let rows = [
        (usual, None),
        (Frame { opcode: 4, ..usual }, None),
        (Frame { opcode: 5, ..usual }, Some(Rcode::NotImp)),
        (
            Frame {
                n_questions: 2,
                ..usual
            },
            Some(Rcode::FormErr),
        ),
        (
            Frame {
                n_questions: 0,
                ..usual
            },
            Some(Rcode::FormErr),
        ),
        (
            Frame {
                n_answers: 2,
                ..usual
            },
            Some(Rcode::FormErr),
        ),
        (
            Frame {
                edns_version: Some(0),
                n_additional: 1,
                ..usual
            },
            None,
        ),
        (
            Frame {
                edns_version: Some(1),
                n_additional: 1,
                ..usual
            },
            Some(Rcode::BadVers),
        ),
        (Frame { class: 3, ..usual }, Some(Rcode::Refused)),
    ];
    for (frame, expected) in rows {
        assert_eq!(refusal(&frame), expected, "{frame:?}");
    }
}

#[test]
fn loadbalance_gives_every_order_in_the_end() {
    let addresses: String = (1..=3)
        .map(|it| format!("- addresses: [10.244.9.{it}]\n"))
        .collect();
    let world = world(&format!(
        "apiVersion: v1\nkind: Service\nmetadata: {{name: hdls}}\nspec: {{clusterIP: None}}\n---\n\
         apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata:\n  name: hdls-1\n  \
         labels: {{kubernetes.io/service-name: hdls}}\naddressType: IPv4\nendpoints:\n{addresses}"
    ));
    let server = Server::new(&world.objects);
    let question = Question::new("hdls.default.svc.cluster.local", RecordType::A);
    let mut seen = std::collections::BTreeSet::new();
    let mut chooser = Chooser::seeded(3);
    for _ in 0..100 {
        let udp = Transport::Udp { edns: None };
        let cache = &mut Cache::default();
        let now = Instant::START;
        let answer = server.answer(&world.objects, &question, udp, now, cache, &mut chooser);
        seen.insert(answer.addresses().collect::<Vec<_>>());
    }
    assert_eq!(seen.len(), 6);
    // The order decides nothing that is explored.
    assert_eq!(chooser.made(), []);
}
