//! ss, netstat, conntrack, and the switches of `/proc/sys/net`.
//!
//! iproute2 6.1 `misc/ss.c`, net-tools 2.10 `netstat`, conntrack-tools 1.4.7. Timeouts of connections are what is left
//! of the kernel's defaults at the virtual moment.
//!
//! **Left out**: sockets of clients (a connection is over when its tool has printed), sockets of Unix, processes' real
//! names: a socket belongs to its container. `ss -t` without `-l` therefore shows nothing.

use super::site::{Site, host_of};
use crate::api::{Kind, ObjectRef};
use crate::ip::{Family, IpAddr, family};
use crate::net::{Flow, Protocol};
use crate::netfilter::conntrack::{Connection, Progress};
use crate::netfilter::ct_status;
use crate::shell::{Place, Process};
use crate::sim::HostId;
use std::rc::Rc;

/// A socket that listens.
struct Socket {
    protocol: Protocol,
    address: Option<IpAddr>,
    port: u16,
    owner: ObjectRef,
}

fn sockets(process: &Process, site: &Site) -> Vec<Socket> {
    let world = site.world();
    let host = network_of(process.place(), site);
    let Some(host) = world.network.host(&host) else {
        return Vec::new();
    };
    let mut sockets: Vec<Socket> = Vec::new();
    for (listen, owner) in &host.listens {
        sockets.push(Socket {
            protocol: listen.protocol,
            address: listen.address,
            port: listen.port,
            owner: owner.clone(),
        });
    }
    sockets.sort_by_key(|it| (it.protocol != Protocol::Udp, it.port));
    sockets
}

/// The host whose network a place uses: for a pod with hostNetwork its node's.
pub(super) fn network_of(place: &Place, site: &Site) -> HostId {
    let host = host_of(place);
    let HostId::Pod(namespace, name) = &host else {
        return host;
    };
    let world = site.world();
    match world.objects.pod(namespace, name) {
        Some(pod) if pod.spec.host_network => {
            HostId::Node(pod.spec.node_name.clone().unwrap_or_default())
        }
        _ => host,
    }
}

/// The letters of all flags; none if one is not known.
fn letters(process: &Process, known: &str) -> Option<String> {
    let mut letters = String::new();
    for word in process.arguments() {
        match word.as_str() {
            "--tcp" => letters.push('t'),
            "--udp" => letters.push('u'),
            "--listening" => letters.push('l'),
            "--numeric" => letters.push('n'),
            "--processes" => letters.push('p'),
            it if it.starts_with('-') && !it.starts_with("--") => letters.push_str(&it[1..]),
            _ => {}
        }
    }
    match letters.chars().find(|it| !known.contains(*it)) {
        Some(letter) => {
            process.complain(&format!(
                "{}: invalid option -- '{letter}'\n",
                process.name()
            ));
            None
        }
        None => Some(letters),
    }
}

fn is_asked(flags: &str, protocol: Protocol) -> bool {
    let any = flags.contains(['t', 'u']);
    match protocol {
        Protocol::Tcp => !any || flags.contains('t'),
        Protocol::Udp => !any || flags.contains('u'),
        _ => false,
    }
}

pub(super) async fn ss(process: Process, site: Rc<Site>) -> u8 {
    let Some(flags) = letters(&process, "tulnpaeoimrs46Hw") else {
        return 255;
    };
    let shows_protocol = flags.contains('t') == flags.contains('u');
    let mut rows: Vec<[String; 7]> = Vec::new();
    let listening = flags.contains(['l', 'a']);
    for it in sockets(&process, &site)
        .iter()
        .filter(|it| listening && is_asked(&flags, it.protocol))
    {
        let (address, any) = match it.address {
            Some(ip) => (bracketed(ip), if ip.is_ipv4() { "0.0.0.0" } else { "[::]" }),
            None => ("0.0.0.0".into(), "0.0.0.0"),
        };
        let process = if flags.contains('p') {
            format!("users:((\"{}\",pid=1,fd=3))", short_name(&it.owner, &site))
        } else {
            String::new()
        };
        let is_tcp = it.protocol == Protocol::Tcp;
        rows.push([
            (if is_tcp { "tcp" } else { "udp" }).into(),
            (if is_tcp { "LISTEN" } else { "UNCONN" }).into(),
            "0".into(),
            (if is_tcp { "4096" } else { "0" }).into(),
            format!("{address}:{}", it.port),
            format!("{any}:*"),
            process,
        ]);
    }
    process.print(&ss_table(&rows, shows_protocol, flags.contains('H')));
    0
}

fn bracketed(ip: IpAddr) -> String {
    if ip.is_ipv6() {
        format!("[{ip}]")
    } else {
        ip.to_string()
    }
}

/// Columns as wide as their widest cell; addresses stand right, ports left of the colon that joins them.
fn ss_table(rows: &[[String; 7]], shows_protocol: bool, hides_head: bool) -> String {
    // Column by column: how wide each is depends on all before it.
    let split = |text: &str| -> (String, String) {
        text.rsplit_once(':')
            .map_or((text.to_owned(), String::new()), |it| {
                (it.0.to_owned(), format!(":{}", it.1))
            })
    };
    let head = [
        "Netid",
        "State",
        "Recv-Q",
        "Send-Q",
        "Local Address:Port",
        "Peer Address:Port",
        "Process",
    ];
    let all: Vec<Vec<String>> = std::iter::once(head.map(str::to_owned))
        .chain(rows.iter().cloned())
        .map(|it| {
            let (local, local_port) = split(&it[4]);
            let (peer, peer_port) = split(&it[5]);
            vec![
                it[0].clone(),
                it[1].clone(),
                it[2].clone(),
                it[3].clone(),
                local,
                local_port,
                peer,
                peer_port,
                it[6].clone(),
            ]
        })
        .collect();
    let width = |idx: usize| {
        all.iter()
            .map(|it| it[idx].chars().count())
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..9).map(width).collect();
    let mut text = String::new();
    for row in all.iter().skip(usize::from(hides_head)) {
        let mut line = String::new();
        if shows_protocol {
            line.push_str(&format!("{:<w$} ", row[0], w = widths[0]));
        }
        line.push_str(&format!(
            "{:<s$} {:<r$} {:<q$} ",
            row[1],
            row[2],
            row[3],
            s = widths[1],
            r = widths[2],
            q = widths[3]
        ));
        line.push_str(&format!(
            "{:>a$}{:<p$} ",
            row[4],
            row[5],
            a = widths[4],
            p = widths[5]
        ));
        line.push_str(&format!(
            "{:>a$}{:<p$}",
            row[6],
            row[7],
            a = widths[6],
            p = widths[7]
        ));
        line.push_str(&row[8]);
        text.push_str(&line);
        text.push('\n');
    }
    text
}

/// The name of what listens: a container's, or CoreDNS' image of outside names.
fn short_name(owner: &ObjectRef, site: &Site) -> String {
    let world = site.world();
    let pod = match owner.kind {
        Kind::Pod => world.objects.pod(&owner.namespace, &owner.name),
        _ => None,
    };
    let container = pod.and_then(|it| it.spec.containers.first().map(|it| it.name.clone()));
    container.unwrap_or_else(|| "named".to_owned())
}

pub(super) async fn netstat(process: Process, site: Rc<Site>) -> u8 {
    let Some(flags) = letters(&process, "tulnpaeW46") else {
        return 1;
    };
    let mut text = "Active Internet connections (only servers)\nProto Recv-Q Send-Q Local Address           Foreign Address         State      ".to_owned();
    text.push_str(if flags.contains('p') {
        " PID/Program name    \n"
    } else {
        " \n"
    });
    for it in sockets(&process, &site)
        .iter()
        .filter(|it| flags.contains(['l', 'a']) && is_asked(&flags, it.protocol))
    {
        let address = it.address.map_or("0.0.0.0".to_owned(), |it| it.to_string());
        let (protocol, state) = if it.protocol == Protocol::Tcp {
            ("tcp", "LISTEN")
        } else {
            ("udp", "")
        };
        let local = format!("{address}:{}", it.port);
        let name = if flags.contains('p') {
            format!(" 1/{:<18}", short_name(&it.owner, &site))
        } else {
            " ".into()
        };
        text.push_str(&format!(
            "{protocol:<5}      0      0 {local:<23} {:<23} {state:<11}{name}\n",
            "0.0.0.0:*"
        ));
    }
    process.print(&text);
    0
}

pub(super) async fn conntrack(process: Process, site: Rc<Site>) -> u8 {
    // The forms of the command line, then a connection's words in the order of the real tool.
    let words = process.arguments();
    let value = |names: [&str; 2]| {
        let mut words = words.iter().skip_while(|it| !names.contains(&it.as_str()));
        words.nth(1).cloned()
    };
    let has = |names: [&str; 2]| words.iter().any(|it| names.contains(&it.as_str()));
    let known = [
        "-L",
        "--dump",
        "-p",
        "--proto",
        "-s",
        "--src",
        "-d",
        "--dst",
        "--dport",
        "--sport",
        "-C",
        "--count",
        "-n",
        "-g",
        "--src-nat",
        "--dst-nat",
        "-f",
        "--family",
        "--orig-src",
        "--orig-dst",
        "--orig-port-dst",
        "-o",
    ];
    if let Some(flag) = words
        .iter()
        .find(|it| it.starts_with('-') && !known.contains(&it.as_str()))
    {
        process.complain(&format!(
            "conntrack v1.4.7 (conntrack-tools): Bad parameter: unknown option {flag}\nTry `conntrack -h' or 'conntrack --help' for more information.\n"
        ));
        return 2;
    }
    let now = process.now();
    let host = network_of(process.place(), &site);
    let (protocol, source) = (
        value(["-p", "--proto"]),
        value(["-s", "--src"]).or(value(["--orig-src", "--orig-src"])),
    );
    let destination = value(["-d", "--dst"]).or(value(["--orig-dst", "--orig-dst"]));
    let port = value(["--dport", "--orig-port-dst"]);
    let wants_v6 = value(["-f", "--family"]).as_deref() == Some("ipv6");
    let keeps = |it: &&Connection| {
        let flow = &it.original;
        it.expires > now
            && (family(flow.source) == Family::V6) == wants_v6
            && protocol
                .as_ref()
                .is_none_or(|it| *it == flow.protocol.to_string().to_lowercase())
            && source
                .as_ref()
                .is_none_or(|it| *it == flow.source.to_string())
            && destination
                .as_ref()
                .is_none_or(|it| *it == flow.destination.to_string())
            && port
                .as_ref()
                .is_none_or(|it| *it == flow.destination_port.to_string())
            && (!has(["-n", "--src-nat"]) || it.status & ct_status::SNAT != 0)
            && (!has(["-g", "--dst-nat"]) || it.status & ct_status::DNAT != 0)
    };
    let lines: Vec<String> = site.with_network(|network| {
        let connections = network
            .host(&host)
            .into_iter()
            .flat_map(|it| it.conntrack.connections());
        connections
            .filter(keeps)
            .map(|it| connection_line(it, (it.expires - now).as_secs()))
            .collect()
    });
    if has(["-C", "--count"]) {
        process.print(&format!("{}\n", lines.len()));
        return 0;
    }
    process.print(&lines.concat());
    process.complain(&format!(
        "conntrack v1.4.7 (conntrack-tools): {} flow entries have been shown.\n",
        lines.len()
    ));
    0
}

/// `tcp      6 119 TIME_WAIT src=… dst=… sport=… dport=… src=… … [ASSURED] mark=0 use=1`
fn connection_line(it: &Connection, left_secs: u64) -> String {
    let (name, number) = match it.original.protocol {
        Protocol::Icmp => ("icmp", 1),
        Protocol::Tcp => ("tcp", 6),
        Protocol::Udp => ("udp", 17),
        Protocol::Icmpv6 => ("icmpv6", 58),
        Protocol::Sctp => ("sctp", 132),
    };
    let state = it.state_name().map_or(String::new(), |it| format!("{it} "));
    let is_icmp = it.progress == Progress::Icmp;
    let flow = |flow: &Flow, is_reply: bool| -> String {
        let ends = format!("src={} dst={} ", flow.source, flow.destination);
        match is_icmp {
            true => format!(
                "{ends}type={} code=0 id={} ",
                if is_reply { 0 } else { 8 },
                flow.source_port
            ),
            false => format!(
                "{ends}sport={} dport={} ",
                flow.source_port, flow.destination_port
            ),
        }
    };
    let seen = it.status & ct_status::SEEN_REPLY != 0;
    let unreplied = if seen { "" } else { "[UNREPLIED] " };
    let assured = if it.status & ct_status::ASSURED != 0 {
        "[ASSURED] "
    } else {
        ""
    };
    format!(
        "{name:<8} {number} {left_secs} {state}{}{unreplied}{}{assured}mark={} use=1\n",
        flow(&it.original, false),
        flow(&it.reply, true),
        it.mark
    )
}

/// The switches that are known, with the values that connections of this model obey; whether nodes only.
const SWITCHES: [(&str, &str, bool); 16] = [
    ("net/ipv4/ip_forward", "1", false),
    ("net/ipv4/ip_local_port_range", "32768\t60999", false),
    ("net/ipv4/tcp_syn_retries", "6", false),
    ("net/ipv4/tcp_fin_timeout", "60", false),
    ("net/ipv4/conf/all/forwarding", "1", false),
    ("net/ipv4/conf/all/route_localnet", "0", true),
    ("net/ipv4/conf/all/rp_filter", "0", true),
    ("net/ipv6/conf/all/forwarding", "1", true),
    ("net/bridge/bridge-nf-call-iptables", "1", true),
    ("net/bridge/bridge-nf-call-ip6tables", "1", true),
    ("net/netfilter/nf_conntrack_max", "131072", true),
    ("net/netfilter/nf_conntrack_count", "", true),
    (
        "net/netfilter/nf_conntrack_tcp_timeout_established",
        "432000",
        true,
    ),
    (
        "net/netfilter/nf_conntrack_tcp_timeout_close_wait",
        "60",
        true,
    ),
    ("net/netfilter/nf_conntrack_udp_timeout", "30", true),
    ("net/netfilter/nf_conntrack_udp_timeout_stream", "120", true),
];

/// The paths of the switches of a place, below `/proc/sys`.
pub(super) fn switches(place: &Place) -> impl Iterator<Item = &'static str> {
    let is_node = matches!(place, Place::Node(_));
    SWITCHES
        .into_iter()
        .filter(move |it| is_node || !it.2)
        .map(|it| it.0)
}

/// The value of a switch.
pub(super) fn switch(site: &Site, place: &Place, path: &str) -> Option<String> {
    let is_node = matches!(place, Place::Node(_));
    let (path, value, _) = SWITCHES
        .into_iter()
        .find(|it| it.0 == path && (is_node || !it.2))?;
    Some(match path {
        "net/netfilter/nf_conntrack_count" => site.with_network(|network| {
            let host = network.host(&host_of(place));
            host.map_or(0, |it| it.conntrack.connections().count())
                .to_string()
        }),
        // kube-proxy lets loopback be routed only in iptables mode, for NodePorts on 127.0.0.1.
        "net/ipv4/conf/all/route_localnet" if site.world().mode.name == "iptables" => "1".into(),
        "net/ipv4/ip_forward" | "net/ipv4/conf/all/forwarding" if !is_node => "0".into(),
        _ => value.into(),
    })
}

pub(super) async fn sysctl(process: Process, site: Rc<Site>) -> u8 {
    let words: Vec<&String> = process
        .arguments()
        .iter()
        .filter(|it| !it.starts_with('-'))
        .collect();
    let has = |flag: &str| process.arguments().iter().any(|it| it == flag);
    let mut code = 0;
    if has("-a") {
        for path in switches(process.place()) {
            let value = switch(&site, process.place(), path).unwrap_or_default();
            process.print(&format!("{} = {value}\n", path.replace('/', ".")));
        }
    }
    for name in words {
        if name.contains('=') {
            process.complain(&format!(
                "sysctl: setting key \"{}\": Read-only file system\n",
                name.split('=').next().unwrap_or(name)
            ));
            code = 1;
            continue;
        }
        match switch(&site, process.place(), &name.replace('.', "/")) {
            Some(value) if has("-n") => process.print(&format!("{value}\n")),
            Some(value) => process.print(&format!("{} = {value}\n", name.replace('/', "."))),
            None => {
                process.complain(&format!(
                    "sysctl: cannot stat /proc/sys/{}: No such file or directory\n",
                    name.replace('.', "/")
                ));
                code = 1;
            }
        }
    }
    code
}
