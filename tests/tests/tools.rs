//! The tools of pods and nodes: what each prints, read by parsers of the real tools' formats.
//!
//! A row runs a line in a place of a small world. Its output is compared as a whole where it is short and the same in
//! every run, and handed to a parser of its format otherwise.
//!
//! **Left out**: comparing with the real tools, which are not on every machine; the formats were read off them.

use packetwalk_core::shell::{Finished, Place, Shell, System};
use packetwalk_core::sim::{Start, StartFile, Timeline};
use packetwalk_core::tools::{Files, Site, Workplace};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// A world with a working Service, one without endpoints, one to a port nobody listens on, and a headless one.
const WORLD: &str = include_str!("../scenarios/tools.yaml");

struct Lab {
    workplace: Rc<Workplace>,
}

impl Lab {
    fn new(text: &str, mode: &str) -> Lab {
        let mode = format!(
            "---\napiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\nmode: {mode}\n"
        );
        let start = Start {
            files: vec![StartFile {
                name: "w.yaml".into(),
                text: format!("{text}\n{mode}"),
            }],
            seed: 1,
        };
        let timeline = Rc::new(RefCell::new(Timeline::new(start)));
        let site = Rc::new(Site::new(timeline));
        let files: Rc<dyn Files> = Rc::new(BTreeMap::from([(
            "svc.yaml".to_owned(),
            "kind: Service\n".to_owned(),
        )]));
        Lab {
            workplace: Rc::new(Workplace::new(site, files)),
        }
    }

    fn shell(&self, place: &str) -> Shell {
        let system: Rc<dyn System> = self.workplace.clone();
        Shell::new(system, at(place))
    }

    fn run(&self, place: &str, line: &str) -> Finished {
        self.shell(place).run_line(line, "")
    }
}

fn at(place: &str) -> Place {
    match place.split_once('/') {
        Some(("node", name)) => Place::Node(name.into()),
        Some((_, name)) => Place::Pod {
            namespace: "default".into(),
            name: name.into(),
            container: "c".into(),
        },
        None => Place::Workstation,
    }
}

#[test]
fn look_at_everything() {
    let lab = Lab::new(WORLD, "nftables");
    let ipt = Lab::new(WORLD, "iptables");
    for (lab, place, line) in [
        (
            &lab,
            "pod/client",
            "curl -s api; curl -v http://api:80/x; curl -sI api; curl -s -o /dev/null -w '%{http_code} %{time_total} %{remote_ip}\\n' api",
        ),
        (
            &lab,
            "pod/client",
            "curl empty; curl wrong; curl -m 2 http://192.0.2.1; curl --connect-timeout 3 10.99.99.99; curl nosuch; curl https://api; time curl 10.244.1.99; curl api | cat",
        ),
        (
            &lab,
            "pod/client",
            "wget -qO- api; wget api; wget -qO- wrong; wget -T 2 -O- 192.0.2.1; wget nosuch; cat index.html",
        ),
        (
            &lab,
            "pod/client",
            "nslookup api; nslookup nosuch; nslookup 10.96.0.20; nslookup -type=srv _http._tcp.api.default.svc.cluster.local",
        ),
        (
            &lab,
            "pod/box",
            "nslookup api; nslookup api.default; nslookup db",
        ),
        (
            &lab,
            "pod/client",
            "dig api.default.svc.cluster.local; dig +short db.default.svc.cluster.local; dig +search api +noall +answer; dig -x 10.96.0.20 +short; dig @10.96.0.10 nosuch; dig @10.99.0.1 x +time=1 +tries=2",
        ),
        (
            &lab,
            "pod/client",
            "host api; host nosuch; host 10.96.0.20; host db; getent hosts api; getent ahosts db",
        ),
        (
            &lab,
            "pod/client",
            "nc -zv api 80; nc -zv wrong 80; nc -zv -w 2 192.0.2.1 80; nc -zvu 10.96.0.10 53; nc -zv nosuch 80; ping -c 2 10.244.2.3; ping -c1 -W1 10.96.0.20; ping -c1 10.244.1.99; ping nosuch",
        ),
        (
            &lab,
            "pod/api-1",
            "ss -tlnp; ss -tln; ss -tulnp; netstat -tlnp; ip addr; ip route; ip -br addr; ip -4 addr show eth0; ip neigh; ip link; ip route get 10.96.0.20; hostname; hostname -i; hostname -f; cat /etc/resolv.conf /etc/hosts; env; cat /proc/sys/net/ipv4/ip_forward; sysctl net.ipv4.ip_forward",
        ),
        (
            &lab,
            "node/node-1",
            "ip addr; ip route; ip route show table local; ip neigh; ss -tlnp; cat /etc/resolv.conf; hostname; sysctl -a; curl -s 10.96.0.20; curl -s 127.0.0.1:30080",
        ),
        (
            &lab,
            "node/node-1",
            "tcpdump -ni any port 8080 -c 20 & curl -s 10.96.0.20; wait; conntrack -L; conntrack -L -p tcp --dport 80; cat /proc/sys/net/netfilter/nf_conntrack_count",
        ),
        (
            &lab,
            "node/node-1",
            "nft list tables; nft list chain ip kube-proxy services; nft list map ip kube-proxy service-ips; nft list chain ip kube-proxy x; nft list ruleset | head -5; nft list ruleset | wc -l; iptables-save; iptables -t nat -L -n; ipvsadm -Ln",
        ),
        (
            &ipt,
            "node/node-1",
            "iptables-save -t nat | head -20; iptables -t nat -L KUBE-SERVICES -n -v; iptables -t nat -L -n | head -60; iptables -t nat -S KUBE-SERVICES; iptables -L -n; iptables -t nat -L PREROUTING -nv --line-numbers; nft list tables",
        ),
        (
            &lab,
            "workstation",
            "ls; cat svc.yaml; curl -m1 localhost:8080; curl -s 172.18.0.3:30080; frobnicate",
        ),
    ] {
        let out = lab.run(place, line);
        println!(
            "=== {place}: {line}\n{}\n--- stderr ({})\n{}",
            out.stdout, out.code, out.stderr
        );
    }
}
