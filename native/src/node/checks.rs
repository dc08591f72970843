//! What stands in the way of Services on this machine: kernel settings, the table of connections, rules that are not there.
//! Everything that is found has its evidence, and nothing is changed.
//!
//! Whether the rules of a Service are there is not told by their text: a packet is walked through what is loaded, and
//! through what kube-proxy would have written, and the ends are compared. So it does not matter who wrote them, and how.
//!
//! **Left out**: what packets from elsewhere meet (this machine itself asks); addresses of load balancers; SCTP; Services
//! of which kube-proxy itself would not say where they lead.

use super::live::Live;
use super::{MAX_WAYS, first_packet, tables};
use crate::error::Error;
use crate::kernel::Place;
use crate::kernel::routing::{InterfaceKind, Routing};
use packetwalk_core::api::{Kind, ObjectRef, Service};
use packetwalk_core::doctor::{Fact, Finding, Remedy, Severity};
use packetwalk_core::ip::{Family, IpAddr, family, join_host_port};
use packetwalk_core::net::{Packet, Protocol};
use packetwalk_core::netfilter::Ruleset;
use packetwalk_core::sim::{Alone, Journey, Origin, World};
use packetwalk_core::view::live_ending;
use std::collections::BTreeSet;
use std::fs;

/// From this share of its room on the table of connections is nearly full.
const NEARLY_FULL_PERCENT: u64 = 80;
const FULL_PERCENT: u64 = 95;

/// Where kernel settings are read.
pub trait Kernel {
    /// What a file beneath `/proc` says; nothing if it is not there.
    fn says(&self, path: &str) -> Option<String>;
}

/// This machine's.
#[derive(Clone, Copy, Debug)]
pub struct Here;

impl Kernel for Here {
    fn says(&self, path: &str) -> Option<String> {
        fs::read_to_string(path).ok().map(|it| it.trim().to_owned())
    }
}

/// What is wrong with the machine itself.
#[must_use]
pub fn settings(node: &str, kernel: &impl Kernel, routing: &Routing) -> Vec<Finding> {
    let about = &ObjectRef::new(Kind::Node, "", node);
    let mut found = Vec::new();
    found.extend(forwarding(kernel, routing, about));
    found.extend(reverse_path(kernel, routing, about));
    found.extend(bridges(kernel, routing, about));
    found.extend(connections(kernel, about));
    found
}

fn finding(
    id: &'static str,
    severity: Severity,
    object: ObjectRef,
    sentence: String,
    evidence: Vec<(&'static str, String)>,
) -> Finding {
    Finding {
        id,
        severity,
        object,
        path: String::new(),
        place: None,
        sentence,
        evidence: evidence
            .into_iter()
            .map(|(what, value)| Fact { what, value })
            .collect(),
        remedies: Vec::new(),
        request: None,
        consequences: Vec::new(),
    }
}

fn mended(it: Finding, says: &str, command: String) -> Finding {
    with_remedy(it, says, command, true)
}

fn looked_at(it: Finding, says: &str, command: String) -> Finding {
    with_remedy(it, says, command, false)
}

fn with_remedy(mut it: Finding, says: &str, command: String, mends: bool) -> Finding {
    it.remedies.push(Remedy {
        says: says.to_owned(),
        command,
        mends,
    });
    it
}

/// Whether packets for pods are passed on.
fn forwarding(kernel: &impl Kernel, routing: &Routing, about: &ObjectRef) -> Vec<Finding> {
    let has = |of: Family| super::addresses(routing).iter().any(|it| family(*it) == of);
    let switches = [
        (Family::V4, "net.ipv4.ip_forward"),
        (Family::V6, "net.ipv6.conf.all.forwarding"),
    ];
    let off = switches
        .into_iter()
        .filter(|(of, key)| has(*of) && kernel.says(&path_of(key)).is_some_and(|it| it == "0"));
    off.map(|(of, key)| {
        let it = finding(
            "ip-forward-off",
            Severity::Error,
            about.clone(),
            format!("this machine does not pass {of} packets on: whatever comes in for a pod, or for a Service whose endpoint is elsewhere, is lost"),
            vec![("setting", format!("{key} = 0"))],
        );
        mended(it, "pass packets on", format!("sysctl -w {key}=1"))
    })
    .collect()
}

fn path_of(key: &str) -> String {
    format!("/proc/sys/{}", key.replace('.', "/"))
}

/// Strict reverse-path filtering where answers go another way than requests come.
fn reverse_path(kernel: &impl Kernel, routing: &Routing, about: &ObjectRef) -> Vec<Finding> {
    let mode = |name: &str| {
        let says = kernel.says(&format!("/proc/sys/net/ipv4/conf/{name}/rp_filter"));
        says.and_then(|it| it.parse::<u32>().ok()).unwrap_or(0)
    };
    let of_all = mode("all");
    let way_out = super::way_out(routing, Family::V4);
    let Some(way_out) = way_out.and_then(|it| it.interface.as_deref()) else {
        return Vec::new();
    };
    // The larger of both is in force (`IN_DEV_MAXCONF`).
    let strict = routing.interfaces.iter().filter(|it| {
        let has_address = it.addresses.iter().any(|it| it.address.is_ipv4());
        let is_uplink = it.kind == InterfaceKind::Other && it.bridge.is_none();
        it.is_up && has_address && is_uplink && it.name != "lo" && mode(&it.name).max(of_all) == 1
    });
    let others: Vec<&str> = strict
        .map(|it| it.name.as_str())
        .filter(|it| *it != way_out)
        .collect();
    others
        .into_iter()
        .map(|name| {
            let it = finding(
                "rp-filter-strict",
                Severity::Warning,
                about.clone(),
                format!("what comes in by {name} from addresses whose answers leave by {way_out} is dropped without a word"),
                vec![
                    ("net.ipv4.conf.all.rp_filter", of_all.to_string()),
                    ("of the interface", format!("net.ipv4.conf.{name}.rp_filter = {}", mode(name))),
                    ("way out", format!("default dev {way_out}")),
                ],
            );
            mended(
                it,
                "filter loosely: accept what any route leads back to",
                format!("sysctl -w net.ipv4.conf.{name}.rp_filter=2"),
            )
        })
        .collect()
}

/// Pods on a bridge whose packets to one another pass no rules.
fn bridges(kernel: &impl Kernel, routing: &Routing, about: &ObjectRef) -> Vec<Finding> {
    const KEY: &str = "net.bridge.bridge-nf-call-iptables";
    let said = kernel.says(&path_of(KEY));
    if said.as_deref() == Some("1") {
        return Vec::new();
    }
    let with_several = routing.interfaces.iter().filter(|bridge| {
        let ports = routing.interfaces.iter();
        let n_ports = ports
            .filter(|it| it.bridge.as_ref() == Some(&bridge.name))
            .count();
        bridge.kind == InterfaceKind::Bridge && !bridge.addresses.is_empty() && n_ports > 1
    });
    with_several
        .map(|bridge| {
            let value = match &said {
                Some(it) => format!("{KEY} = {it}"),
                None => format!("{KEY} is not there: the module br_netfilter is not loaded"),
            };
            let it = finding(
                "bridge-without-netfilter",
                Severity::Warning,
                about.clone(),
                format!("pods on the bridge {} that ask a Service and get a pod on the same bridge see an answer from an address they did not ask, unless each has a single address: the bridge hands the answer over without the rules", bridge.name),
                vec![("setting", value)],
            );
            let load = if said.is_none() { "modprobe br_netfilter && " } else { "" };
            mended(
                it,
                "have bridged packets pass the rules",
                format!("{load}sysctl -w {KEY}=1"),
            )
        })
        .collect()
}

/// Whether there is room for new connections.
fn connections(kernel: &impl Kernel, about: &ObjectRef) -> Option<Finding> {
    let number = |name: &str| -> Option<u64> {
        let path = format!("/proc/sys/net/netfilter/{name}");
        kernel.says(&path)?.parse().ok()
    };
    let (count, max) = (number("nf_conntrack_count")?, number("nf_conntrack_max")?);
    let percent = (count * 100).checked_div(max)?;
    let severity = match percent {
        FULL_PERCENT.. => Severity::Error,
        NEARLY_FULL_PERCENT.. => Severity::Warning,
        _ => return None,
    };
    let mut evidence = vec![
        ("nf_conntrack_count", count.to_string()),
        ("nf_conntrack_max", max.to_string()),
    ];
    let statistics = kernel.says("/proc/net/stat/nf_conntrack");
    evidence.extend(statistics.and_then(|it| dropped(&it)).map(|n| {
        (
            "dropped because it was full, since the start",
            n.to_string(),
        )
    }));
    let it = finding(
        "conntrack-table-full",
        severity,
        about.clone(),
        format!(
            "the table of connections is {percent} % full; when there is no room, the first packets of new connections are dropped"
        ),
        evidence,
    );
    let it = looked_at(
        it,
        "see who has so many",
        "conntrack -L | awk '{print $5}' | sort | uniq -c | sort -rn | head".to_owned(),
    );
    Some(mended(
        it,
        "make it twice as large",
        format!("sysctl -w net.netfilter.nf_conntrack_max={}", max * 2),
    ))
}

/// The column `drop` of the kernel's statistics, hexadecimal and a line for each processor.
fn dropped(statistics: &str) -> Option<u64> {
    let mut lines = statistics.lines();
    let column = lines
        .next()?
        .split_whitespace()
        .position(|it| it == "drop")?;
    let values = lines.filter_map(|it| it.split_whitespace().nth(column));
    Some(
        values
            .filter_map(|it| u64::from_str_radix(it, 16).ok())
            .sum(),
    )
}

/// How requests can end.
type Ends = BTreeSet<String>;

/// The Services of a world whose rules are not loaded, or lead elsewhere than they should.
///
/// # Errors
/// When generated rules contradict themselves.
pub fn services(world: &World, node: &str, live: &Live) -> Result<(Vec<Finding>, usize), Error> {
    let mut found = Vec::new();
    let mut n_asked = 0;
    for of in Family::ALL {
        let Some(snapshot) = tables::facts(world, node, &live.routing, of) else {
            continue;
        };
        let mut rules = Ruleset::default();
        (world.mode.sync)(&snapshot).transaction.apply(&mut rules)?;
        let wanted = Alone::new(node, live.host.routes().clone(), rules);
        for service in &snapshot.services {
            for (path, address, port, protocol) in asked(service, of, &snapshot.node.primary_ips) {
                let Some(source) = live.source_for(address) else {
                    continue;
                };
                n_asked += 1;
                let packet = first_packet(protocol, source, address, port);
                let ends = [&wanted, &live.host].map(|it| ends(it, &packet));
                found.extend(compared(service, path, (address, port, protocol), ends));
            }
        }
    }
    Ok((found, n_asked))
}

/// The addresses and ports of a Service that kube-proxy looks after, with the field each comes from.
fn asked(
    service: &Service,
    of: Family,
    node_ips: &[IpAddr],
) -> Vec<(String, IpAddr, u16, Protocol)> {
    let mut all = Vec::new();
    let node_ips = node_ips.iter().filter(|it| family(**it) == of);
    let node_ips: Vec<IpAddr> = node_ips.copied().collect();
    let cluster_ips = service.cluster_ips().into_iter();
    let cluster_ips: Vec<IpAddr> = cluster_ips.filter(|it| family(*it) == of).collect();
    for (idx, port) in service.spec.ports.iter().enumerate() {
        let Some(protocol @ (Protocol::Tcp | Protocol::Udp)) = Protocol::from_name(port.protocol())
        else {
            continue;
        };
        if let Ok(number) = u16::try_from(port.port) {
            let path = format!("spec.ports[{idx}].port");
            all.extend(
                cluster_ips
                    .iter()
                    .map(|it| (path.clone(), *it, number, protocol)),
            );
        }
        let node_port = port.node_port.and_then(|it| u16::try_from(it).ok());
        if let Some(number) = node_port.filter(|it| *it != 0) {
            let path = format!("spec.ports[{idx}].nodePort");
            all.extend(
                node_ips
                    .iter()
                    .map(|it| (path.clone(), *it, number, protocol)),
            );
        }
    }
    all
}

fn ends(host: &Alone, packet: &Packet) -> Ends {
    let ways = host.explore(packet, &Origin::Made, 1, MAX_WAYS);
    let end = |there: &Journey| match (live_ending(there).0, there.steps.last()) {
        ("forwarded" | "delivered", Some(last)) => last.after.destination_socket(),
        (verdict, _) => verdict.to_owned(),
    };
    let ways = ways.branches.iter();
    ways.map(|it| end(&it.result.there)).collect()
}

fn compared(
    service: &Service,
    path: String,
    (address, port, protocol): (IpAddr, u16, Protocol),
    [wanted, loaded]: [Ends; 2],
) -> Option<Finding> {
    if wanted == loaded {
        return None;
    }
    let at = join_host_port(address, port);
    let name = &service.metadata.name;
    let is_untouched = loaded.iter().all(|it| *it == at || it == "unreachable");
    let (id, sentence) = match is_untouched {
        true => (
            "rules-missing",
            format!(
                "no rule on this machine is about {at}, an address of {name}: what is sent there goes nowhere"
            ),
        ),
        false => (
            "rules-differ",
            format!(
                "the rules on this machine lead {at}, an address of {name}, elsewhere than its endpoints say"
            ),
        ),
    };
    let listed = |it: Ends| it.into_iter().collect::<Vec<_>>().join(", ");
    let metadata = &service.metadata;
    let object = ObjectRef::new(Kind::Service, &metadata.namespace, name);
    let mut it = finding(
        id,
        Severity::Error,
        object,
        sentence,
        vec![
            ("should lead to", listed(wanted)),
            ("leads to", listed(loaded)),
        ],
    );
    it.path = path;
    let over = match protocol {
        Protocol::Tcp => String::new(),
        other => format!(" --protocol {}", other.to_string().to_lowercase()),
    };
    Some(looked_at(
        it,
        "follow a packet through the rules that are there",
        format!("packetwalk explain --to {at}{over}"),
    ))
}

/// Who programs Services here, if nobody does.
///
/// # Errors
/// When this machine does not tell.
pub fn nobody_in_charge(node: &str, place: Place<'_>) -> Result<Option<Finding>, Error> {
    if !tables::in_charge(place)?.is_empty() || !tables::ours_here(place)?.is_empty() {
        return Ok(None);
    }
    let it = finding(
        "nobody-programs-services",
        Severity::Note,
        ObjectRef::new(Kind::Node, "", node),
        "neither kube-proxy nor packetwalk has loaded anything on this machine".to_owned(),
        vec![(
            "looked for",
            "the tables kube-proxy and packetwalk of nft, the chain KUBE-SERVICES of iptables"
                .to_owned(),
        )],
    );
    Ok(Some(looked_at(
        it,
        "see whether kube-proxy runs",
        "kubectl -n kube-system get pods -l k8s-app=kube-proxy -o wide".to_owned(),
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::routing::{FoundRoute, Interface};
    use crate::kernel::topology::RouteKind;
    use std::collections::BTreeMap;

    struct Told(BTreeMap<&'static str, &'static str>);

    impl Kernel for Told {
        fn says(&self, path: &str) -> Option<String> {
            self.0.get(path).map(|it| (*it).to_owned())
        }
    }

    fn machine() -> Routing {
        let interface = |name: &str, kind, bridge: Option<&str>, address: &str| Interface {
            name: name.to_owned(),
            kind,
            is_up: true,
            bridge: bridge.map(str::to_owned),
            addresses: address.parse().into_iter().collect(),
        };
        Routing {
            interfaces: vec![
                interface("eth0", InterfaceKind::Other, None, "192.0.2.2/24"),
                interface("eth1", InterfaceKind::Other, None, "198.51.100.2/24"),
                interface("cni0", InterfaceKind::Bridge, None, "10.244.1.1/24"),
                interface("veth1", InterfaceKind::Other, Some("cni0"), ""),
                interface("veth2", InterfaceKind::Other, Some("cni0"), ""),
            ],
            routes: vec![FoundRoute {
                to: "0.0.0.0/0".parse().expect("a range"),
                via: "192.0.2.1".parse().ok(),
                interface: Some("eth0".to_owned()),
                source: None,
                metric: 0,
                kind: RouteKind::Forward,
            }],
            ..Routing::default()
        }
    }

    fn found(told: &[(&'static str, &'static str)]) -> Vec<(&'static str, Severity)> {
        let well = [
            ("/proc/sys/net/ipv4/ip_forward", "1"),
            ("/proc/sys/net/ipv4/conf/all/rp_filter", "0"),
            ("/proc/sys/net/bridge/bridge-nf-call-iptables", "1"),
            ("/proc/sys/net/netfilter/nf_conntrack_count", "79"),
            ("/proc/sys/net/netfilter/nf_conntrack_max", "100"),
        ];
        let told = Told(well.into_iter().chain(told.iter().copied()).collect());
        let found = settings("n", &told, &machine());
        found.iter().map(|it| (it.id, it.severity)).collect()
    }

    #[test]
    fn a_machine_that_is_well_has_no_finding() {
        assert_eq!(found(&[]), []);
    }

    #[test]
    fn each_setting_that_hurts_is_found() {
        assert_eq!(
            found(&[("/proc/sys/net/ipv4/ip_forward", "0")]),
            [("ip-forward-off", Severity::Error)]
        );
        // Strict on the way out alone hurts nobody; on the other interface it does.
        assert_eq!(
            found(&[("/proc/sys/net/ipv4/conf/eth0/rp_filter", "1")]),
            []
        );
        assert_eq!(
            found(&[("/proc/sys/net/ipv4/conf/eth1/rp_filter", "1")]),
            [("rp-filter-strict", Severity::Warning)]
        );
        // The larger of both counts: loose on the interface loosens what is strict for all.
        let loosened = [
            ("/proc/sys/net/ipv4/conf/all/rp_filter", "1"),
            ("/proc/sys/net/ipv4/conf/eth1/rp_filter", "2"),
        ];
        assert_eq!(found(&loosened), []);
        assert_eq!(
            found(&[("/proc/sys/net/bridge/bridge-nf-call-iptables", "0")]),
            [("bridge-without-netfilter", Severity::Warning)]
        );
        assert_eq!(
            found(&[("/proc/sys/net/netfilter/nf_conntrack_count", "80")]),
            [("conntrack-table-full", Severity::Warning)]
        );
        assert_eq!(
            found(&[("/proc/sys/net/netfilter/nf_conntrack_count", "95")]),
            [("conntrack-table-full", Severity::Error)]
        );
    }

    #[test]
    fn drops_are_added_up_over_processors() {
        let statistics =
            "entries  clashres drop early_drop\n00000001  0 0000000a 0\n00000001  0 00000002 0\n";
        assert_eq!(dropped(statistics), Some(12));
        assert_eq!(dropped("entries\n1\n"), None);
    }
}
