//! Random worlds: nodes, Services with every field in play, EndpointSlices with endpoints in every state, and
//! kube-proxy's settings; and random changes to them.
//!
//! A world is made of a seed and is the same each time. It is a manifest like any other, and a snapshot for those who
//! test rules alone.
//!
//! **Left out**: pods behind the endpoints; objects that no API server would take.

use packetwalk_core::api::{EndpointSlice, File, Object, Service, read};
use packetwalk_core::ip::{Cidr, Family, IpAddr};
use packetwalk_core::proxy::{Change, Form, NodeFacts, Settings, Snapshot};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A source of luck for tests: the same seed, the same luck.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// Luck of its own for every seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Dice(seed)
    }

    fn roll(&mut self) -> u64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut it = self.0;
        it = (it ^ (it >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        it = (it ^ (it >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        it ^ (it >> 31)
    }

    /// A number below `n`.
    pub fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.roll() % n.max(1) as u64).unwrap_or(0)
    }

    /// One of these.
    pub fn one_of<T: Clone>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())].clone()
    }

    /// Once in `n` times.
    pub fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    fn some_of(&mut self, choices: &[&str]) -> Vec<String> {
        let chosen = choices.iter().filter(|_| self.one_in(2));
        chosen.map(|it| (*it).to_owned()).collect()
    }
}

/// A random world.
#[derive(Clone, Debug)]
pub struct RandomWorld {
    dice: Dice,
    /// kubeadm's and kube-proxy's settings.
    settings: Vec<(Value, Object)>,
    services: BTreeMap<usize, (Value, Arc<Service>)>,
    /// By Service and number.
    slices: BTreeMap<(usize, usize), (Value, Arc<EndpointSlice>)>,
}

const NODES: [(&str, &str, &str, Option<&str>); 3] = [
    ("node-a", "172.18.0.2", "fd00:18::2", Some("zone-1")),
    ("node-b", "172.18.0.3", "fd00:18::3", Some("zone-2")),
    ("node-c", "172.18.0.4", "fd00:18::4", None),
];
const N_SERVICES: usize = 8;
const N_SLICES: usize = 3;
const CLUSTER_CIDR: &str = "10.244.0.0/16,fd00:244::/56";

impl RandomWorld {
    /// The world of a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let mut world = RandomWorld {
            dice: Dice::new(seed),
            settings: Vec::new(),
            services: BTreeMap::new(),
            slices: BTreeMap::new(),
        };
        world.settings = settings(&mut world.dice);
        for idx in 0..N_SERVICES {
            if !world.dice.one_in(4) {
                let service = service(&mut world.dice, idx);
                world.services.insert(idx, service);
            }
            for number in 0..N_SLICES {
                if !world.dice.one_in(3) {
                    let slice = slice(&mut world.dice, idx, number);
                    world.slices.insert((idx, number), slice);
                }
            }
        }
        world
    }

    /// The names of its nodes.
    #[must_use]
    pub fn nodes() -> [&'static str; NODES.len()] {
        NODES.map(|it| it.0)
    }

    /// The whole world as a manifest.
    #[must_use]
    pub fn manifest(&self) -> String {
        let nodes = NODES.map(|(name, v4, v6, zone)| {
            let labels = zone.map(|it| json!({"topology.kubernetes.io/zone": it}));
            json!({"apiVersion": "v1", "kind": "Node",
            "metadata": {"name": name, "labels": labels.unwrap_or_else(|| json!({}))},
            "status": {"addresses": [
                {"type": "InternalIP", "address": v4}, {"type": "InternalIP", "address": v6},
            ]}})
        });
        let settings = self.settings.iter().map(|it| &it.0);
        let documents = nodes.iter().chain(settings);
        let documents = documents
            .chain(self.services.values().map(|it| &it.0))
            .chain(self.slices.values().map(|it| &it.0));
        let texts: Vec<String> = documents.map(ToString::to_string).collect();
        texts.join("\n---\n")
    }

    /// What kube-proxy on a node knows; its rules have this form.
    #[must_use]
    pub fn snapshot(&self, node: usize, family: Family, form: Form) -> Snapshot {
        let (name, v4, v6, zone) = NODES[node % NODES.len()];
        let primary_ips: Vec<IpAddr> = [v4, v6].iter().filter_map(|it| it.parse().ok()).collect();
        let own = ["127.0.0.1", "::1", "10.244.7.1", "fd00:244:0:7::1"];
        let own = own.iter().filter_map(|it| it.parse().ok());
        let (mut cluster, mut kube_proxy) = (None, None);
        for (_, settings) in &self.settings {
            match settings {
                Object::ClusterConfiguration(it) => cluster = Some(it.clone()),
                Object::KubeProxyConfiguration(it) => kube_proxy = Some(it.clone()),
                _ => {}
            }
        }
        let pod_ranges: Vec<Cidr> = ["10.244.7.0/24", "fd00:244:0:7::/64"]
            .iter()
            .filter_map(|it| it.parse().ok())
            .collect();
        let cluster = cluster.unwrap_or_default();
        let mut settings = Settings::read(&cluster, kube_proxy.as_deref(), family, &pod_ranges);
        settings.form = form;
        let mut endpoint_slices: Vec<_> = self.slices.values().map(|it| it.1.clone()).collect();
        endpoint_slices.sort_by_key(|it| it.metadata.name.clone());
        Snapshot {
            family,
            node: NodeFacts {
                name: name.to_owned(),
                all_ips: primary_ips.iter().copied().chain(own).collect(),
                primary_ips,
                zone: zone.map(str::to_owned),
            },
            services: self.services.values().map(|it| it.1.clone()).collect(),
            endpoint_slices,
            settings,
        }
    }

    /// Changes one thing, or a few at once, and tells what a watch would.
    pub fn change(&mut self) -> Vec<Change> {
        let n_changes = 1 + self.dice.below(3);
        (0..n_changes).map(|_| self.change_one()).collect()
    }

    fn change_one(&mut self) -> Change {
        let (idx, number) = (self.dice.below(N_SERVICES), self.dice.below(N_SLICES));
        let name = |kind: &str| format!("{kind}{idx}");
        match self.dice.below(8) {
            0 => {
                self.services.remove(&idx);
                Change::ServiceGone {
                    namespace: NAMESPACE.to_owned(),
                    name: name("s"),
                }
            }
            1 => {
                self.slices.remove(&(idx, number));
                Change::SliceGone {
                    namespace: NAMESPACE.to_owned(),
                    name: format!("{}-{number}", name("s")),
                }
            }
            2..=4 => {
                let it = service(&mut self.dice, idx);
                let told = it.1.clone();
                self.services.insert(idx, it);
                Change::Service(told)
            }
            _ => {
                let it = slice(&mut self.dice, idx, number);
                let told = it.1.clone();
                self.slices.insert((idx, number), it);
                Change::Slice(told)
            }
        }
    }
}

const NAMESPACE: &str = "default";

fn object(document: &Value) -> Object {
    let file = File {
        name: "random.json".into(),
        text: document.to_string().into(),
    };
    let manifest = read(&[file]);
    let mut objects = manifest.objects.into_iter().map(|it| it.object);
    let read = objects.next();
    read.unwrap_or_else(|| panic!("{document}: {:?}", manifest.complaints))
}

fn service(dice: &mut Dice, idx: usize) -> (Value, Arc<Service>) {
    let document = service_document(dice, idx);
    match object(&document) {
        Object::Service(it) => (document, it),
        other => panic!("{:?}", other.reference()),
    }
}

fn slice(dice: &mut Dice, idx: usize, number: usize) -> (Value, Arc<EndpointSlice>) {
    let document = slice_document(dice, idx, number);
    match object(&document) {
        Object::EndpointSlice(it) => (document, it),
        other => panic!("{:?}", other.reference()),
    }
}

/// What kubeadm and kube-proxy are told.
fn settings(dice: &mut Dice) -> Vec<(Value, Object)> {
    let documents = settings_documents(dice).into_iter();
    documents.map(|it| (it.clone(), object(&it))).collect()
}

fn settings_documents(dice: &mut Dice) -> Vec<Value> {
    let detect = dice.one_of(&[
        "",
        "ClusterCIDR",
        "NodeCIDR",
        "BridgeInterface",
        "InterfaceNamePrefix",
    ]);
    let node_port_addresses = dice.one_of(&[
        json!([]),
        json!(["primary"]),
        json!(["0.0.0.0/0", "::/0"]),
        json!(["172.18.0.0/16", "fd00:18::/64"]),
        json!(["127.0.0.0/8", "10.244.0.0/16"]),
    ]);
    let own = json!({
        "masqueradeAll": dice.one_in(4),
        "masqueradeBit": dice.one_of(&[json!(14), json!(0), json!(31), json!(null)]),
    });
    let mut iptables = own.clone();
    iptables["localhostNodePorts"] = dice.one_of(&[json!(true), json!(false), json!(null)]);
    vec![
        json!({
            "apiVersion": "kubeadm.k8s.io/v1beta4", "kind": "ClusterConfiguration",
            "kubernetesVersion": format!("v1.{}.0", 34 + dice.below(4)),
            "networking": {"podSubnet": CLUSTER_CIDR, "serviceSubnet": "10.96.0.0/16,fd00:96::/108"},
        }),
        json!({
            "apiVersion": "kubeproxy.config.k8s.io/v1alpha1", "kind": "KubeProxyConfiguration",
            "mode": dice.one_of(&["nftables", "iptables"]),
            "clusterCIDR": dice.one_of(&["", CLUSTER_CIDR, "10.0.0.0/8"]),
            "detectLocalMode": detect,
            "detectLocal": {"bridgeInterface": "cni0", "interfaceNamePrefix": "veth"},
            "nodePortAddresses": node_port_addresses,
            "nftables": own,
            "iptables": iptables,
            "conntrack": {"tcpBeLiberal": dice.one_in(3)},
        }),
    ]
}

/// A Service of any type, with any of its fields.
fn service_document(dice: &mut Dice, idx: usize) -> Value {
    let kind = dice.one_of(&[
        "ClusterIP",
        "ClusterIP",
        "NodePort",
        "LoadBalancer",
        "LoadBalancer",
        "ExternalName",
    ]);
    let mut labels = json!({});
    if dice.one_in(12) {
        labels["service.kubernetes.io/service-proxy-name"] = json!("another");
    }
    let metadata = json!({"name": format!("s{idx}"), "namespace": NAMESPACE, "labels": labels});
    if kind == "ExternalName" {
        return json!({"apiVersion": "v1", "kind": "Service", "metadata": metadata,
            "spec": {"type": kind, "externalName": "example.com"}});
    }
    let (v4, v6) = (
        format!("10.96.1.{}", idx + 1),
        format!("fd00:96::{}", idx + 1),
    );
    let cluster_ips: Vec<String> = match dice.below(8) {
        0 => vec!["None".to_owned()],
        1..=3 => vec![v4, v6],
        4 => vec![v6, v4],
        5 => vec![v6],
        _ => vec![v4],
    };
    let mut spec = json!({
        "type": kind,
        "clusterIP": cluster_ips[0],
        "ports": ports(dice, idx, kind),
        "internalTrafficPolicy": dice.one_of(&["Cluster", "Local"]),
    });
    if cluster_ips[0] == "None" {
        spec["type"] = json!("ClusterIP");
    } else {
        let families = cluster_ips.iter().map(|it| match it.contains(':') {
            true => "IPv6",
            false => "IPv4",
        });
        spec["ipFamilies"] = families.collect();
        spec["ipFamilyPolicy"] = json!(match cluster_ips.len() {
            1 => "SingleStack",
            _ => "RequireDualStack",
        });
    }
    spec["clusterIPs"] = json!(cluster_ips);
    if dice.one_in(3) {
        spec["sessionAffinity"] = json!("ClientIP");
        let secs = dice.one_of(&[10_800, 60, 1, 86_400]);
        spec["sessionAffinityConfig"] = json!({"clientIP": {"timeoutSeconds": secs}});
    }
    if dice.one_in(3) {
        // Some addresses are claimed by several Services.
        let own = format!("192.0.2.{}", idx + 1);
        spec["externalIPs"] = json!(dice.some_of(&[&own, "192.0.2.200", "2001:db8:1::1"]));
    }
    let is_visible = spec["type"] != "ClusterIP" || !spec["externalIPs"].is_null();
    if is_visible && spec["externalIPs"] != json!([]) {
        spec["externalTrafficPolicy"] = json!(dice.one_of(&["Cluster", "Local"]));
    }
    let mut status = json!({});
    if spec["type"] == "LoadBalancer" {
        let ranges = [
            "203.0.113.0/25",
            "172.18.0.0/16",
            "2001:db8:9::/64",
            "fd00:18::/64",
        ];
        spec["loadBalancerSourceRanges"] = json!(dice.some_of(&ranges));
        if spec["externalTrafficPolicy"] == "Local" {
            spec["healthCheckNodePort"] = json!(31_000 + idx);
        }
        let own = format!("198.51.100.{}", idx + 1);
        let addresses = dice.some_of(&[&own, "198.51.100.200", "2001:db8:2::1"]);
        let ingress = addresses.into_iter().map(|ip| {
            let mode = dice.one_of(&["VIP", "VIP", "Proxy"]);
            json!({"ip": ip, "ipMode": mode})
        });
        status["loadBalancer"] = json!({"ingress": ingress.collect::<Vec<_>>()});
    }
    json!({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec, "status": status})
}

fn ports(dice: &mut Dice, idx: usize, kind: &str) -> Vec<Value> {
    let n_ports = 1 + dice.below(3);
    let ports = (0..n_ports).map(|number| {
        let protocol = dice.one_of(&["TCP", "TCP", "UDP", "SCTP"]);
        let mut port =
            json!({"port": 80 + number, "protocol": protocol, "targetPort": 8080 + number});
        if n_ports > 1 || dice.one_in(2) {
            port["name"] = json!(format!("p{number}"));
        }
        if kind != "ClusterIP" && !dice.one_in(6) {
            port["nodePort"] = json!(30_000 + idx * 10 + number);
        }
        port
    });
    ports.collect()
}

/// A slice of a Service, with endpoints in every state, some of them in two slices.
fn slice_document(dice: &mut Dice, idx: usize, number: usize) -> Value {
    let is_v6 = dice.one_in(3);
    let n_endpoints = dice.below(4);
    let endpoints: Vec<Value> = (0..n_endpoints)
        .map(|_| {
            let host = 2 + dice.below(6);
            let address = match is_v6 {
                true => format!("fd00:244:0:{}::{host}", dice.below(2) + 7),
                false => format!("10.244.{}.{host}", dice.below(2) + 7),
            };
            let mut endpoint = json!({"addresses": [address]});
            let mut conditions = json!({});
            for name in ["ready", "serving", "terminating"] {
                match dice.below(4) {
                    0 => conditions[name] = json!(true),
                    1 => conditions[name] = json!(false),
                    _ => {}
                }
            }
            endpoint["conditions"] = conditions;
            if !dice.one_in(4) {
                endpoint["nodeName"] = json!(dice.one_of(&NODES).0);
            }
            if dice.one_in(2) {
                let zones: Vec<Value> = dice
                    .some_of(&["zone-1", "zone-2"])
                    .into_iter()
                    .map(|it| json!({"name": it}))
                    .collect();
                let nodes: Vec<Value> = dice
                    .some_of(&["node-a", "node-b"])
                    .into_iter()
                    .map(|it| json!({"name": it}))
                    .collect();
                endpoint["hints"] = json!({"forZones": zones, "forNodes": nodes});
            }
            endpoint
        })
        .collect();
    let mut ports = Vec::new();
    for name in ["", "p0", "p1", "p2"] {
        for protocol in ["TCP", "UDP", "SCTP"] {
            if !dice.one_in(5) {
                let port = 8080 + dice.below(2);
                ports.push(json!({"name": name, "protocol": protocol, "port": port}));
            }
        }
    }
    json!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
        "metadata": {"name": format!("s{idx}-{number}"), "namespace": NAMESPACE,
            "labels": {"kubernetes.io/service-name": format!("s{idx}")}},
        "addressType": if is_v6 { "IPv6" } else { "IPv4" },
        "endpoints": endpoints, "ports": ports})
}
