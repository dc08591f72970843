//! Random worlds: nodes, Services with every field in play, EndpointSlices with endpoints in every state, and
//! kube-proxy's settings; and random changes to them.
//!
//! A world is made of a seed and is the same each time. It is a manifest like any other, and a snapshot for those who
//! test rules alone.
//!
//! **Left out**: pods behind the endpoints; objects that no API server would take.

pub use packetwalk::random::Dice;
use packetwalk::random::objects::{self, MACHINES, Machine, NAMESPACE};
use packetwalk_core::api::{EndpointSlice, File, Object, Service, read};
use packetwalk_core::ip::{Cidr, Family, IpAddr};
use packetwalk_core::proxy::{Change, Form, NodeFacts, Settings, Snapshot};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

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

const N_SERVICES: usize = 8;
const N_SLICES: usize = 3;

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
    pub fn nodes() -> [&'static str; MACHINES.len()] {
        MACHINES.map(|it| it.name)
    }

    /// The whole world as a manifest.
    #[must_use]
    pub fn manifest(&self) -> String {
        let nodes = MACHINES.map(|it| it.document());
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
        let Machine { name, v4, v6, zone } = MACHINES[node % MACHINES.len()];
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
    let document = objects::service(dice, idx);
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
    let documents = objects::settings(dice).into_iter();
    documents.map(|it| (it.clone(), object(&it))).collect()
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
                endpoint["nodeName"] = json!(dice.one_of(&MACHINES).name);
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
