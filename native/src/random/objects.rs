//! Objects by lot: Services with every field in play, and what kubeadm and kube-proxy are told.
//!
//! They are documents as a manifest has them, and the same for the same luck.
//!
//! **Left out**: objects that no API server would take.

use super::Dice;
use serde_json::{Value, json};

/// The namespace of them all.
pub const NAMESPACE: &str = "default";

/// A machine that may be a node.
#[derive(Clone, Copy, Debug)]
pub struct Machine {
    /// Its name.
    pub name: &'static str,
    /// Its address.
    pub v4: &'static str,
    /// Its address of the other family.
    pub v6: &'static str,
    /// Its zone.
    pub zone: Option<&'static str>,
}

/// The machines.
pub const MACHINES: [Machine; 3] = [
    machine("node-a", "172.18.0.2", "fd00:18::2", Some("zone-1")),
    machine("node-b", "172.18.0.3", "fd00:18::3", Some("zone-2")),
    machine("node-c", "172.18.0.4", "fd00:18::4", None),
];

const fn machine(
    name: &'static str,
    v4: &'static str,
    v6: &'static str,
    zone: Option<&'static str>,
) -> Machine {
    Machine { name, v4, v6, zone }
}

/// What the whole cluster's pods have their addresses from.
pub const CLUSTER_CIDR: &str = "10.244.0.0/16,fd00:244::/56";

impl Machine {
    /// The node as a document.
    #[must_use]
    pub fn document(&self) -> Value {
        let Machine { name, v4, v6, zone } = self;
        let labels = zone.map(|it| json!({"topology.kubernetes.io/zone": it}));
        json!({"apiVersion": "v1", "kind": "Node",
        "metadata": {"name": name, "labels": labels.unwrap_or_else(|| json!({}))},
        "status": {"addresses": [
            {"type": "InternalIP", "address": v4}, {"type": "InternalIP", "address": v6},
        ]}})
    }
}

/// What kubeadm and kube-proxy are told.
#[must_use]
pub fn settings(dice: &mut Dice) -> Vec<Value> {
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

/// A Service of any type, with any of its fields. It has no selector: who stands behind it is for the world to say.
#[must_use]
pub fn service(dice: &mut Dice, idx: usize) -> Value {
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
    if dice.one_in(4) {
        spec["trafficDistribution"] = json!(dice.one_of(&["PreferSameZone", "PreferSameNode"]));
    }
    if dice.one_in(5) {
        spec["publishNotReadyAddresses"] = json!(true);
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
