//! ip and hostname.
//!
//! iproute2 6.1 `ip/ipaddress.c`, `ip/iproute.c`, `ip/ipneigh.c`. Interfaces and routes are those that packets take;
//! hardware addresses are made of the IPv4 address, as CNIs do.
//!
//! **Left out**: changing anything; link-local addresses; metrics; rules and other tables than main and local.

use super::site::Site;
use super::sockets::network_of;
use crate::ip::{Cidr, Family, IpAddr, cidr_family, family, parse_sloppy};
use crate::net::{Interface, Route, RouteKind, RouteTable};
use crate::shell::Process;
use crate::sim::{HostId, Network};
use std::rc::Rc;

/// What `ip` was told before and after its object.
struct Told {
    family: Option<Family>,
    is_brief: bool,
    is_json: bool,
    words: Vec<String>,
}

pub(super) async fn ip(process: Process, site: Rc<Site>) -> u8 {
    let mut told = Told {
        family: None,
        is_brief: false,
        is_json: false,
        words: Vec::new(),
    };
    for word in process.arguments() {
        match word.as_str() {
            "-4" => told.family = Some(Family::V4),
            "-6" => told.family = Some(Family::V6),
            "-br" | "-brief" => told.is_brief = true,
            "-j" | "-json" => told.is_json = true,
            "-o" | "-c" | "-d" | "-s" | "-n" | "-N" | "-color" | "-details" => {}
            it if it.starts_with('-') => {
                process.complain(&format!("Option \"{it}\" is unknown, try \"ip -help\".\n"));
                return 255;
            }
            it => told.words.push(it.to_owned()),
        }
    }
    if told.is_json {
        process.complain("ip: JSON is not modelled: ask without -j\n");
        return 1;
    }
    let Some(object) = told.words.first().cloned() else {
        process.complain("Usage: ip [ OPTIONS ] OBJECT { COMMAND | help }\n");
        return 255;
    };
    let host = network_of(process.place(), &site);
    let is_object = |name: &str| name.starts_with(object.as_str());
    let words: Vec<String> = told.words[1..].to_vec();
    if is_object("address") || object == "addr" {
        show_addresses(&process, &site, &host, &told, &words)
    } else if is_object("route") {
        show_routes(&process, &site, &host, &told, &words)
    } else if is_object("link") {
        show_links(&process, &site, &host, &told, &words)
    } else if is_object("neighbour") || is_object("neighbor") {
        show_neighbours(&process, &site, &host, &told)
    } else if is_object("rule") {
        process.print("0:\tfrom all lookup local\n32766:\tfrom all lookup main\n32767:\tfrom all lookup default\n");
        0
    } else {
        process.complain(&format!(
            "Object \"{object}\" is unknown, try \"ip help\".\n"
        ));
        1
    }
}

/// The device that was asked for: `show dev eth0`, `show eth0`, or `dev eth0`.
fn device(words: &[String]) -> Option<&str> {
    let words: Vec<&str> = words
        .iter()
        .map(String::as_str)
        .filter(|it| !matches!(*it, "show" | "list" | "ls" | "sh" | "s" | "l"))
        .collect();
    match words.as_slice() {
        ["dev", name, ..] => Some(name),
        [name, ..] if !matches!(*name, "up" | "scope" | "table" | "to") => Some(name),
        _ => None,
    }
}

fn refuses(process: &Process, words: &[String]) -> bool {
    let changes = [
        "add", "del", "delete", "set", "flush", "change", "replace", "a", "d",
    ];
    let is_change = words
        .first()
        .is_some_and(|it| changes.contains(&it.as_str()));
    if is_change {
        process.complain("RTNETLINK answers: Operation not permitted\n");
    }
    is_change
}

/// `eth0@if7` of a pod, `eth0`, `lo`: the interface's own line.
struct Link<'a> {
    number: usize,
    interface: &'a Interface,
    is_pod: bool,
}

impl Link<'_> {
    fn is_loopback(&self) -> bool {
        &*self.interface.name == "lo"
    }

    fn shown(&self) -> String {
        match self.is_pod && !self.is_loopback() {
            true => format!("{}@if{}", self.interface.name, self.number + 5),
            false => self.interface.name.to_string(),
        }
    }

    fn flags(&self) -> &'static str {
        if self.is_loopback() {
            "LOOPBACK,UP,LOWER_UP"
        } else {
            "BROADCAST,MULTICAST,UP,LOWER_UP"
        }
    }

    fn mac(&self) -> String {
        if self.is_loopback() {
            return "00:00:00:00:00:00".into();
        }
        mac_of(self.interface.addresses.first().map(|it| it.addr()))
    }

    fn head(&self) -> String {
        let (mtu, state) = if self.is_loopback() {
            (65_536, "UNKNOWN")
        } else {
            (1500, "UP")
        };
        let (kind, broadcast) = if self.is_loopback() {
            ("loopback", "00:00:00:00:00:00")
        } else {
            ("ether", "ff:ff:ff:ff:ff:ff")
        };
        let queues = if self.is_loopback() || self.is_pod || &*self.interface.name == "cni0" {
            "noqueue"
        } else {
            "mq"
        };
        let netns = if self.is_pod && !self.is_loopback() {
            " link-netnsid 0"
        } else {
            ""
        };
        format!(
            "{}: {}: <{}> mtu {mtu} qdisc {queues} state {state} group default qlen 1000\n    link/{kind} {} brd {broadcast}{netns}\n",
            self.number,
            self.shown(),
            self.flags(),
            self.mac()
        )
    }
}

/// `02:42:` and the four bytes of the address.
fn mac_of(address: Option<IpAddr>) -> String {
    let bytes = match address {
        Some(IpAddr::V4(it)) => it.octets(),
        Some(IpAddr::V6(it)) => {
            let octets = it.octets();
            [octets[12], octets[13], octets[14], octets[15]]
        }
        None => [0; 4],
    };
    format!(
        "02:42:{:02x}:{:02x}:{:02x}:{:02x}",
        bytes[0], bytes[1], bytes[2], bytes[3]
    )
}

fn with_links<T>(
    site: &Site,
    host: &HostId,
    look: impl FnOnce(&RouteTable, Vec<Link<'_>>) -> T,
) -> Option<T> {
    site.with_network(|network| {
        let routes = &network.host(host)?.routes;
        let is_pod = matches!(host, HostId::Pod(..));
        let links = routes
            .interfaces()
            .iter()
            .enumerate()
            .map(|(idx, interface)| Link {
                number: idx + 1,
                interface,
                is_pod,
            });
        Some(look(routes, links.collect()))
    })
}

fn show_addresses(
    process: &Process,
    site: &Site,
    host: &HostId,
    told: &Told,
    words: &[String],
) -> u8 {
    if refuses(process, words) {
        return 2;
    }
    let wanted = device(words);
    let shows = |it: &&Cidr| told.family.is_none_or(|of| cidr_family(**it) == of);
    let text = with_links(site, host, |_, links| {
        let mut text = String::new();
        for link in links
            .iter()
            .filter(|it| wanted.is_none_or(|name| name == &*it.interface.name))
        {
            let addresses: Vec<&Cidr> = link.interface.addresses.iter().filter(shows).collect();
            if told.family.is_some() && addresses.is_empty() {
                continue;
            }
            if told.is_brief {
                let state = if link.is_loopback() { "UNKNOWN" } else { "UP" };
                let all: String = addresses.iter().map(|it| format!("{it} ")).collect();
                text.push_str(&format!("{:<16} {state:<14} {all}\n", link.shown()));
                continue;
            }
            let head = link.head();
            match told.family {
                // Of one family alone the hardware address is not told.
                Some(_) => text.push_str(&format!("{}\n", head.lines().next().unwrap_or_default())),
                None => text.push_str(&head),
            }
            for address in addresses {
                text.push_str(&address_lines(link, *address));
            }
        }
        text
    });
    said(process, text, wanted)
}

fn address_lines(link: &Link<'_>, address: Cidr) -> String {
    let scope = if address.addr().is_loopback() {
        "host"
    } else {
        "global"
    };
    let lifetime = "       valid_lft forever preferred_lft forever\n";
    match address {
        Cidr::V4(it) => {
            let broadcast = if link.is_loopback() || it.prefix_len() > 30 {
                String::new()
            } else {
                format!(" brd {}", it.broadcast())
            };
            format!(
                "    inet {it}{broadcast} scope {scope} {}\n{lifetime}",
                link.interface.name
            )
        }
        Cidr::V6(it) => format!("    inet6 {it} scope {scope} \n{lifetime}"),
    }
}

/// Prints what there is, or says that there is no such device.
fn said(process: &Process, text: Option<String>, device: Option<&str>) -> u8 {
    match (text, device) {
        (Some(text), Some(name)) if text.is_empty() => {
            process.complain(&format!("Device \"{name}\" does not exist.\n"));
            1
        }
        (Some(text), _) => {
            process.print(&text);
            0
        }
        (None, _) => {
            process.complain("ip: this place has no network: its pod is not running\n");
            1
        }
    }
}

fn show_links(process: &Process, site: &Site, host: &HostId, told: &Told, words: &[String]) -> u8 {
    if refuses(process, words) {
        return 2;
    }
    let wanted = device(words);
    let text = with_links(site, host, |_, links| {
        let shown = links
            .iter()
            .filter(|it| wanted.is_none_or(|name| name == &*it.interface.name));
        let lines = shown.map(|link| match told.is_brief {
            true => {
                let state = if link.is_loopback() { "UNKNOWN" } else { "UP" };
                format!(
                    "{:<16} {state:<14} {} <{}> \n",
                    link.shown(),
                    link.mac(),
                    link.flags()
                )
            }
            false => link
                .head()
                .replacen(" group default", " mode DEFAULT group default", 1),
        });
        lines.collect::<String>()
    });
    said(process, text, wanted)
}

/// A route as `ip route` prints it.
fn route_line(routes: &RouteTable, route: &Route) -> String {
    let everything = route.destination.prefix_len() == 0;
    let is_host = route.destination.prefix_len() == route.destination.max_prefix_len();
    let destination = match (everything, is_host) {
        (true, _) => "default".to_owned(),
        (_, true) => route.destination.addr().to_string(),
        _ => route.destination.to_string(),
    };
    let connected = routes
        .interfaces()
        .iter()
        .filter(|it| it.name == route.interface)
        .flat_map(|it| &it.addresses);
    let own = connected.clone().find(|it| {
        it.trunc() == route.destination && it.prefix_len() == route.destination.prefix_len()
    });
    let via = route.via.map_or(String::new(), |it| format!("via {it} "));
    let suffix = match (own, route.via) {
        (Some(it), None) if it.addr().is_ipv4() => {
            format!("proto kernel scope link src {} ", it.addr())
        }
        (Some(_), None) => "proto kernel metric 256 pref medium".into(),
        (None, None) if route.destination.addr().is_ipv4() => "scope link ".into(),
        _ if route.destination.addr().is_ipv6() => "metric 1024 pref medium".into(),
        _ => String::new(),
    };
    format!("{destination} {via}dev {} {suffix}\n", route.interface)
}

fn show_routes(process: &Process, site: &Site, host: &HostId, told: &Told, words: &[String]) -> u8 {
    // The words of the command, then the columns of a route in the order of the real tool.
    if refuses(process, words) {
        return 2;
    }
    if words.first().is_some_and(|it| it == "get") {
        return route_get(process, site, host, words);
    }
    let of = told.family.unwrap_or(Family::V4);
    let table = words
        .iter()
        .skip_while(|it| *it != "table")
        .nth(1)
        .map(String::as_str);
    let by_device = words.iter().skip_while(|it| *it != "dev").nth(1);
    let text = with_links(site, host, |routes, _| {
        let mut chosen: Vec<&Route> = routes
            .routes()
            .iter()
            .filter(|it| {
                let is_local = it.kind == RouteKind::Local;
                cidr_family(it.destination) == of
                    && match table {
                        Some("local") => is_local,
                        Some("all") => true,
                        _ => !is_local,
                    }
                    && by_device.is_none_or(|name| *name == *it.interface)
            })
            .collect();
        // The default comes first, then the lowest addresses.
        chosen.sort_by_key(|it| {
            (
                it.destination.prefix_len() > 0,
                it.destination.addr(),
                it.destination.prefix_len(),
            )
        });
        let lines = chosen.into_iter().map(|it| match it.kind {
            RouteKind::Local => {
                let is_host = it.destination.prefix_len() == it.destination.max_prefix_len();
                let shown = if is_host {
                    it.destination.addr().to_string()
                } else {
                    it.destination.to_string()
                };
                let source = if it.destination.addr().is_loopback() && !is_host {
                    "127.0.0.1".into()
                } else {
                    it.destination.addr().to_string()
                };
                format!(
                    "local {shown} dev {} table local proto kernel scope host src {source} \n",
                    it.interface
                )
            }
            RouteKind::Unicast => route_line(routes, it),
        });
        lines.collect::<String>()
    });
    said(process, text, None)
}

/// `ip route get ADDRESS`
fn route_get(process: &Process, site: &Site, host: &HostId, words: &[String]) -> u8 {
    let Some(address) = words.iter().skip(1).find_map(|it| parse_sloppy(it)) else {
        process.complain("Error: any valid prefix is expected.\n");
        return 1;
    };
    let found = with_links(site, host, |routes, _| {
        let route = routes.lookup(address)?.clone();
        let source = routes
            .source_for(address)
            .map_or(String::new(), |it| format!("src {it} "));
        let via = route.via.map_or(String::new(), |it| format!("via {it} "));
        let local = if route.kind == RouteKind::Local {
            "local "
        } else {
            ""
        };
        let device = if route.kind == RouteKind::Local {
            "lo".into()
        } else {
            route.interface.clone()
        };
        Some(format!(
            "{local}{address} {via}dev {device} {source}uid 0 \n    cache {}\n",
            if local.is_empty() { "" } else { "<local> " }
        ))
    });
    match found.flatten() {
        Some(text) => {
            process.print(&text);
            0
        }
        None => {
            process.complain("RTNETLINK answers: Network is unreachable\n");
            2
        }
    }
}

fn show_neighbours(process: &Process, site: &Site, host: &HostId, told: &Told) -> u8 {
    let lines: Vec<String> = site.with_network(|network| neighbours(network, host, told.family));
    process.print(&lines.concat());
    0
}

/// Everybody on the links of a host, as far as a packet would find them.
fn neighbours(network: &Network, host: &HostId, of: Option<Family>) -> Vec<String> {
    let mut lines = Vec::new();
    for link in network.links() {
        let Some((_, own)) = link.members.iter().find(|it| it.0 == *host) else {
            continue;
        };
        for (id, interface) in link.members.iter().filter(|it| it.0 != *host) {
            let Some(other) = network.host(id) else {
                continue;
            };
            let interfaces = other
                .routes
                .interfaces()
                .iter()
                .filter(|it| it.name == *interface);
            for address in interfaces.flat_map(|it| &it.addresses).map(|it| it.addr()) {
                // A pod knows its gateway only.
                let is_known = !matches!(host, HostId::Pod(..)) || matches!(id, HostId::Node(_));
                if is_known && of.is_none_or(|it| family(address) == it) {
                    lines.push(format!(
                        "{address} dev {own} lladdr {} REACHABLE \n",
                        mac_of(Some(address))
                    ));
                }
            }
        }
    }
    lines.sort();
    lines
}

pub(super) async fn hostname(process: Process, site: Rc<Site>) -> u8 {
    let host = network_of(process.place(), &site);
    let own = site.with_network(|network| {
        let interfaces = network
            .host(&host)
            .map(|it| it.routes.interfaces().to_vec())
            .unwrap_or_default();
        let addresses = interfaces
            .iter()
            .flat_map(|it| &it.addresses)
            .map(|it| it.addr());
        addresses.filter(|it| !it.is_loopback()).collect::<Vec<_>>()
    });
    let name = process
        .env("HOSTNAME")
        .unwrap_or_else(|| process.place().host_name().to_owned());
    match process.arguments().first().map(String::as_str) {
        None | Some("-s") => process.print(&format!("{name}\n")),
        Some("-I") => {
            let all: String = own.iter().map(|it| format!("{it} ")).collect();
            process.print(&format!("{all}\n"));
        }
        Some("-i") => {
            let first = own.first().map_or(String::new(), ToString::to_string);
            process.print(&format!("{first}\n"));
        }
        Some("-f" | "--fqdn") => {
            let hosts = process
                .kernel()
                .read(process.place(), "/etc/hosts")
                .unwrap_or_default();
            let mut lines = hosts.lines().map(str::split_whitespace);
            let full = lines.find_map(|mut it| {
                it.nth(1)
                    .filter(|it| it.starts_with(&format!("{name}.")) || *it == name)
                    .map(str::to_owned)
            });
            process.print(&format!("{}\n", full.unwrap_or(name)));
        }
        Some(other) => {
            process.complain(&format!(
                "hostname: invalid option -- '{}'\n",
                other.trim_start_matches('-')
            ));
            return 1;
        }
    }
    0
}
