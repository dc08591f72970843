//! ClusterIPs and node ports: bands of ranges of all sizes, what is left when they fill up, and
//! what holds however Services come, change and go.

use packetwalk_core::api::{KubernetesVersion, Service, ServicePort, Status};
use packetwalk_core::chance::Chooser;
use packetwalk_core::ip::{Cidr, Family, IpAddr};
use packetwalk_core::store::service::{DryRun, Rules, create, delete, update};
use packetwalk_core::store::{Allocators, IpAllocator, Owner, PortAllocator, PortRange, allocate};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

fn version(minor: u16) -> KubernetesVersion {
    KubernetesVersion { major: 1, minor }
}

fn range(text: &str) -> Cidr {
    text.parse().expect("a range")
}

fn owner(name: impl std::fmt::Display) -> Owner {
    ("default".into(), format!("{name}"))
}

/// Range, release, all addresses, those kept for who asks, the first and the last dynamic one.
const BANDS: [(&str, u16, u128, u128, &str, &str); 17] = [
    (
        "10.96.0.0/12",
        36,
        1_048_574,
        256,
        "10.96.1.1",
        "10.111.255.254",
    ),
    (
        "10.96.0.0/16",
        36,
        65_534,
        256,
        "10.96.1.1",
        "10.96.255.254",
    ),
    ("10.96.0.0/20", 36, 4094, 256, "10.96.1.1", "10.96.15.254"),
    ("10.96.0.0/21", 36, 2046, 128, "10.96.0.129", "10.96.7.254"),
    ("10.96.0.0/22", 36, 1022, 64, "10.96.0.65", "10.96.3.254"),
    ("10.96.0.0/24", 36, 254, 16, "10.96.0.17", "10.96.0.254"),
    ("10.96.0.0/26", 36, 62, 16, "10.96.0.17", "10.96.0.62"),
    ("10.96.0.0/27", 36, 30, 16, "10.96.0.17", "10.96.0.30"),
    ("10.96.0.0/28", 36, 14, 0, "10.96.0.1", "10.96.0.14"),
    ("10.96.0.0/29", 36, 6, 0, "10.96.0.1", "10.96.0.6"),
    ("10.96.0.0/30", 36, 2, 0, "10.96.0.1", "10.96.0.2"),
    (
        "fd00::/108",
        36,
        1_048_575,
        256,
        "fd00::101",
        "fd00::f:ffff",
    ),
    ("fd00::/108", 32, 65_535, 256, "fd00::101", "fd00::ffff"),
    ("fd00::/112", 36, 65_535, 256, "fd00::101", "fd00::ffff"),
    ("fd00::/112", 32, 65_535, 256, "fd00::101", "fd00::ffff"),
    ("fd00::/120", 36, 255, 16, "fd00::11", "fd00::ff"),
    ("fd00::/124", 36, 15, 0, "fd00::1", "fd00::f"),
];

#[test]
fn bands_of_addresses_are_those_of_the_kep() {
    for (text, minor, size, n_static, first, last) in BANDS {
        let ips = IpAllocator::new(range(text), version(minor));
        assert_eq!(
            (ips.size(), ips.static_size()),
            (size, n_static),
            "{text} at 1.{minor}"
        );
        assert_eq!((ips.used(), ips.free()), (0, size), "{text}");
        let (first, last): (IpAddr, IpAddr) =
            (first.parse().expect("an IP"), last.parse().expect("an IP"));
        for seed in 0..200 {
            let mut ips = ips.clone();
            let mut chooser = Chooser::seeded(seed);
            let ip = ips
                .allocate_next(&mut chooser, &owner(1))
                .expect("there is one");
            assert!((first..=last).contains(&ip), "{text} at 1.{minor}: {ip}");
        }
        // Both ends of the band can be had, and what lies around the range cannot.
        let mut ips = ips.clone();
        ips.allocate(first, &owner(1)).expect("the first one");
        ips.allocate(last, &owner(1)).expect("the last one");
        let network = range(text).network();
        ips.allocate(network, &owner(1))
            .expect_err("the range's own");
    }
}

#[test]
fn ranges_without_addresses_are_full_from_the_start() {
    for text in ["10.96.0.0/31", "10.96.0.1/32", "fd00::1/128"] {
        let mut ips = IpAllocator::new(range(text), version(36));
        assert_eq!(ips.size(), 0, "{text}");
        let fault = ips.allocate_next(&mut Chooser::seeded(1), &owner(1));
        assert_eq!(fault.expect_err("none").to_string(), "range is full");
    }
}

#[test]
fn the_upper_band_goes_first_then_the_lower_one_then_none_is_left() {
    for text in [
        "10.96.0.0/24",
        "10.96.0.0/27",
        "10.96.0.0/28",
        "10.96.0.0/30",
        "fd00::/120",
    ] {
        let mut ips = IpAllocator::new(range(text), version(36));
        let mut chooser = Chooser::seeded(3);
        let mut given = Vec::new();
        while let Ok(ip) = ips.allocate_next(&mut chooser, &owner(given.len())) {
            given.push(ip);
        }
        assert_eq!(given.len() as u128, ips.size(), "{text}");
        assert_eq!(ips.free(), 0);
        let n_upper = given.len() - usize::try_from(ips.static_size()).expect("small");
        let (upper, lower) = given.split_at(n_upper);
        let least = upper.iter().min().expect("some");
        assert!(lower.iter().all(|it| it < least), "{text}");
        let distinct: BTreeSet<_> = given.iter().collect();
        assert_eq!(distinct.len(), given.len());
        for (idx, ip) in given.iter().enumerate() {
            ips.release(*ip, &owner(idx + 1));
            assert_eq!(
                ips.owner(*ip),
                Some(&owner(idx)),
                "another's is not given back"
            );
            ips.release(*ip, &owner(idx));
        }
        assert_eq!(ips, IpAllocator::new(range(text), version(36)));
    }
}

#[test]
fn the_last_free_address_is_found_wherever_the_draw_begins() {
    for hole in ["10.96.0.17", "10.96.0.100", "10.96.0.254"] {
        let hole: IpAddr = hole.parse().expect("an IP");
        let mut ips = IpAllocator::new(range("10.96.0.0/24"), version(36));
        let mut chooser = Chooser::seeded(1);
        for n in 0..ips.size() {
            ips.allocate_next(&mut chooser, &owner(n))
                .expect("there is one");
        }
        let holder = ips.owner(hole).expect("taken").clone();
        ips.release(hole, &holder);
        for seed in 0..50 {
            let mut ips = ips.clone();
            let ip = ips.allocate_next(&mut Chooser::seeded(seed), &owner("last"));
            assert_eq!(ip, Ok(hole));
        }
    }
}

#[test]
fn a_list_of_taken_addresses_serves_as_well_as_an_allocator() {
    for (text, ..) in BANDS.iter().filter(|it| it.1 == 36 && it.2 < 300) {
        let mut used = BTreeSet::new();
        let mut ips = IpAllocator::new(range(text), version(36));
        let (mut one, mut other) = (Chooser::seeded(9), Chooser::seeded(9));
        while let Some(ip) = allocate(range(text), &used, &mut one) {
            let same = ips.allocate_next(&mut other, &owner(1));
            assert_eq!(same, Ok(ip), "{text}");
            assert!(used.insert(ip), "{ip} twice");
        }
        assert_eq!(ips.free(), 0, "{text}");
    }
}

#[test]
fn an_address_that_cannot_be_had_is_worded_by_release() {
    let fault = |minor, ip: &str| {
        let mut ips = IpAllocator::new(range("10.96.0.0/24"), version(minor));
        let taken = "10.96.0.5".parse().expect("an IP");
        ips.allocate(taken, &owner(1)).expect("it is free");
        let ip = ip.parse().expect("an IP");
        ips.allocate(ip, &owner(2))
            .expect_err("it cannot be had")
            .to_string()
    };
    let outside = |ip| {
        format!(
            "the provided IP ({ip}) is not in the valid range. The range of valid IPs is 10.96.0.0/24"
        )
    };
    assert_eq!(fault(32, "10.96.0.5"), "provided IP is already allocated");
    assert_eq!(fault(36, "10.96.0.5"), "provided IP is already allocated");
    for ip in ["10.96.0.0", "10.96.0.255"] {
        assert_eq!(fault(32, ip), outside(ip));
        assert_eq!(fault(36, ip), outside(ip));
    }
    for ip in ["10.97.0.1", "fd00::1"] {
        assert_eq!(fault(32, ip), outside(ip));
        assert_eq!(
            fault(36, ip),
            "the provided network does not match the current range"
        );
    }
}

/// Range, all ports, those kept for who asks, the first and the last dynamic one.
const PORT_BANDS: [(&str, u128, u128, i32, i32); 8] = [
    ("30000-32767", 2768, 86, 30086, 32767),
    ("30000-30015", 16, 0, 30000, 30015),
    ("30000-30016", 17, 16, 30016, 30016),
    ("30000-30127", 128, 16, 30016, 30127),
    ("30000-30199", 200, 16, 30016, 30199),
    ("30000-31999", 2000, 62, 30062, 31999),
    ("1-65535", 65_535, 128, 129, 65_535),
    ("30080-30080", 1, 0, 30080, 30080),
];

#[test]
fn bands_of_ports_are_those_of_the_kep() {
    for (text, size, n_static, first, last) in PORT_BANDS {
        let range = PortRange::parse(text).expect("a range");
        let ports = PortAllocator::new(range);
        assert_eq!(
            (range.size(), ports.static_size()),
            (size, n_static),
            "{text}"
        );
        for seed in 0..200 {
            let mut ports = ports.clone();
            let port = ports.allocate_next(&mut Chooser::seeded(seed), &owner(1));
            assert!(
                (first..=last).contains(&port.expect("there is one")),
                "{text}"
            );
        }
        if size > 5000 {
            continue;
        }
        let mut ports = ports.clone();
        let mut chooser = Chooser::seeded(5);
        let mut given = Vec::new();
        while let Ok(port) = ports.allocate_next(&mut chooser, &owner(1)) {
            given.push(port);
        }
        assert_eq!(given.len() as u128, size, "{text}");
        let n_upper = usize::try_from(size - n_static).expect("small");
        assert!(given[..n_upper].iter().all(|it| *it >= first), "{text}");
        assert!(given[n_upper..].iter().all(|it| *it < first), "{text}");
        let full = ports.allocate_next(&mut chooser, &owner(1));
        assert_eq!(full.expect_err("none").to_string(), "range is full");
        let outside = ports.allocate(i32::from(range.last) + 1, &owner(1));
        assert_eq!(
            outside.expect_err("outside").to_string(),
            format!("provided port is not in the valid range. The range of valid ports is {text}")
        );
        for port in given {
            ports.release(port, &owner(1));
        }
        assert_eq!(ports, PortAllocator::new(range));
    }
}

fn rules(ranges: &[&str], ports: &str) -> Rules {
    Rules {
        version: version(36),
        service_ranges: ranges.iter().map(|it| range(it)).collect(),
        node_ports: PortRange::parse(ports).expect("a range"),
    }
}

fn plain(name: &str, kind: &str, n_ports: i32) -> Service {
    let mut it = Service::default();
    it.metadata.name = name.into();
    it.metadata.namespace = "default".into();
    it.spec.kind = Some(kind.into());
    it.spec.ports = (0..n_ports)
        .map(|n| ServicePort {
            name: Some(format!("p{n}")),
            port: 80 + n,
            ..ServicePort::default()
        })
        .collect();
    it
}

#[test]
fn a_full_range_is_an_internal_error_and_a_full_range_of_ports_takes_no_address() {
    let rules = rules(&["10.96.0.0/28"], "30000-30003");
    let mut allocators = rules.allocators();
    let mut chooser = Chooser::seeded(1);
    let mut made = |it: &mut Service| {
        let before = allocators.clone();
        let outcome = create(it, &rules, &mut allocators, &mut chooser, DryRun::No);
        if outcome.is_err() {
            assert_eq!(allocators, before);
        }
        outcome.err().map(|it: Status| (it.code, it.message))
    };
    assert_eq!(made(&mut plain("a", "NodePort", 3)), None);
    assert_eq!(
        made(&mut plain("b", "NodePort", 2)),
        Some((
            500,
            "Internal error occurred: failed to allocate a nodePort: range is full".into()
        ))
    );
    let mut local = plain("c", "LoadBalancer", 1);
    local.spec.external_traffic_policy = Some("Local".into());
    assert_eq!(
        made(&mut local),
        Some((
            500,
            "Internal error occurred: failed to allocate a HealthCheck NodePort 0: range is full"
                .into()
        ))
    );
    for n in 0..13 {
        assert_eq!(made(&mut plain(&format!("s{n}"), "ClusterIP", 1)), None);
    }
    assert_eq!(
        made(&mut plain("z", "ClusterIP", 1)),
        Some((
            500,
            "Internal error occurred: failed to allocate a serviceIP: range is full".into()
        ))
    );
}

#[test]
fn ten_thousand_services_hold_ten_thousand_addresses() {
    let rules = rules(&["10.96.0.0/18", "fd00::/108"], "1-65535");
    let mut allocators = rules.allocators();
    let mut chooser = Chooser::seeded(1);
    let mut services = Vec::new();
    for n in 0..12_000 {
        let mut it = plain(&format!("s{n}"), "NodePort", 2);
        it.spec.ip_family_policy = Some("RequireDualStack".into());
        create(&mut it, &rules, &mut allocators, &mut chooser, DryRun::No).expect("room");
        services.push(it);
    }
    let used = |it: &Allocators, family| it.ips(family).map(IpAllocator::used);
    assert_eq!(used(&allocators, Family::V4), Some(12_000));
    assert_eq!(used(&allocators, Family::V6), Some(12_000));
    assert_eq!(allocators.ports.used(), 24_000);
    for it in &services {
        delete(it, &mut allocators);
    }
    assert!(allocators.is_empty());
}

/// One thing somebody does: to which Service, with which type and which wishes.
#[derive(Clone, Debug)]
struct Step {
    name: u8,
    is_delete: bool,
    is_dry: bool,
    kind: &'static str,
    n_ports: i32,
    wishes: (bool, bool, bool, bool, bool),
    address: u8,
}

fn step() -> impl Strategy<Value = Step> {
    let kinds = vec![
        "ClusterIP",
        "NodePort",
        "LoadBalancer",
        "ExternalName",
        "headless",
    ];
    (
        0..6u8,
        prop::bool::weighted(0.2),
        prop::bool::weighted(0.1),
        prop::sample::select(kinds),
        0..4i32,
        any::<(bool, bool, bool, bool, bool)>(),
        0..20u8,
    )
        .prop_map(
            |(name, is_delete, is_dry, kind, n_ports, wishes, address)| Step {
                name,
                is_delete,
                is_dry,
                kind,
                n_ports,
                wishes,
                address,
            },
        )
}

fn wanted(step: &Step) -> Service {
    let is_headless = step.kind == "headless";
    let kind = if is_headless { "ClusterIP" } else { step.kind };
    let mut it = plain(&format!("s{}", step.name), kind, step.n_ports);
    let (is_local, is_dual, asks_ip, asks_port, has_udp) = step.wishes;
    let spec = &mut it.spec;
    if is_local && matches!(kind, "NodePort" | "LoadBalancer") {
        spec.external_traffic_policy = Some("Local".into());
    }
    if kind == "ExternalName" {
        spec.external_name = Some("db.example.com".into());
    } else if is_dual {
        spec.ip_family_policy = Some("PreferDualStack".into());
    } else {
        spec.ip_family_policy = Some("SingleStack".into());
    }
    if is_headless {
        spec.cluster_ip = Some("None".into());
    } else if asks_ip && step.address < 18 {
        spec.cluster_ip = Some(format!("10.96.0.{}", step.address));
    }
    if has_udp && let Some(first) = spec.ports.first().cloned() {
        spec.ports.push(ServicePort {
            name: Some("udp".into()),
            protocol: Some("UDP".into()),
            ..first
        });
    }
    if asks_port && let Some(first) = spec.ports.first_mut() {
        first.node_port = Some(30_000 + i32::from(step.address));
    }
    it
}

fn holdings(services: &BTreeMap<u8, Service>) -> (BTreeMap<IpAddr, Owner>, BTreeMap<i32, Owner>) {
    let mut ips = BTreeMap::new();
    let mut ports = BTreeMap::new();
    for it in services.values() {
        let me = owner(&it.metadata.name);
        // What is written into a Service of another type is nothing it holds.
        let held_ips = if it.needs_cluster_ip() {
            it.cluster_ips()
        } else {
            Vec::new()
        };
        for ip in held_ips {
            assert!(ips.insert(ip, me.clone()).is_none(), "{ip} twice");
        }
        let held_ports = it.node_ports().filter(|_| it.needs_node_ports());
        for port in held_ports.chain(it.spec.health_check_node_port) {
            let before = ports.insert(port, me.clone());
            assert!(before.is_none_or(|it| it == me), "{port} twice");
        }
    }
    (ips, ports)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_services_hold_what_is_taken_and_nothing_twice(
        steps in prop::collection::vec(step(), 1..60),
        seed in any::<u64>(),
        is_dual in any::<bool>(),
    ) {
        let ranges: &[&str] =
            if is_dual { &["10.96.0.0/28", "fd00::/125"] } else { &["10.96.0.0/28"] };
        let rules = rules(ranges, "30000-30009");
        let mut allocators = rules.allocators();
        let mut chooser = Chooser::seeded(seed);
        let mut live: BTreeMap<u8, Service> = BTreeMap::new();
        for step in &steps {
            let before = allocators.clone();
            if step.is_delete {
                if let Some(gone) = live.remove(&step.name) {
                    delete(&gone, &mut allocators);
                }
            } else {
                let dry_run = if step.is_dry { DryRun::Yes } else { DryRun::No };
                let mut it = wanted(step);
                let outcome = match live.get(&step.name) {
                    Some(old) => {
                        update(old, &mut it, &rules, &mut allocators, &mut chooser, dry_run)
                    }
                    None => create(&mut it, &rules, &mut allocators, &mut chooser, dry_run),
                };
                if outcome.is_err() || step.is_dry {
                    prop_assert_eq!(&allocators, &before, "{:?}", step);
                } else {
                    live.insert(step.name, it);
                }
            }
            let (ips, ports) = holdings(&live);
            let taken: BTreeMap<IpAddr, Owner> = Family::ALL
                .into_iter()
                .filter_map(|it| allocators.ips(it))
                .flat_map(|it| it.taken().map(|(ip, owner)| (ip, owner.clone())))
                .collect();
            prop_assert_eq!(taken, ips, "{:?}", step);
            let taken: BTreeMap<i32, Owner> =
                allocators.ports.taken().map(|(port, owner)| (port, owner.clone())).collect();
            prop_assert_eq!(taken, ports, "{:?}", step);
        }
        for it in live.values() {
            delete(it, &mut allocators);
        }
        prop_assert!(allocators.is_empty());
    }
}
