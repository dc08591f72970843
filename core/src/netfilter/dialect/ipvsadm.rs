//! The language of ipvsadm: what `ipvsadm -Ln` lists, and what `ipvsadm -Sn` saves and `ipvsadm -R` reads.
//!
//! ipvsadm 1.31, which sorts what it lists (`libipvs.c`).
//!
//! **Left out**: counters of traffic; where ipvsadm's comparison of addresses goes in circles, because it subtracts
//! them as 32-bit numbers, the order a sort would make of it.

use crate::ip::{IpAddr, join_host_port};
use crate::net::Protocol;
use crate::netfilter::ipvs::{Ipvs, RealServer, State, VirtualServer};
use crate::sorted::insert_by;
use std::cmp::Ordering;
use std::fmt::Write;

const TITLE: &str = "IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn
";

/// What `ipvsadm -Ln` lists, with the connections a node knows.
#[must_use]
pub fn list(ipvs: &Ipvs, state: &State) -> String {
    let mut text = TITLE.to_owned();
    for server in sorted(ipvs) {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{}", server_line(server));
        for real in sorted_real(server) {
            let (active, inactive) = state.n_connections(server, real);
            let to = real.to_string();
            let _ = writeln!(
                text,
                "  -> {to:<28} Masq    {:<6} {active:<10} {inactive:<10}",
                real.weight
            );
        }
    }
    text
}

/// What `ipvsadm -Sn` saves, and `ipvsadm -R` reads.
#[must_use]
pub fn save(ipvs: &Ipvs) -> String {
    let mut text = String::new();
    for server in sorted(ipvs) {
        let option = match server.at.protocol {
            Protocol::Udp => "-u",
            Protocol::Sctp => "--sctp-service",
            _ => "-t",
        };
        let at = join_host_port(server.at.address, server.at.port);
        let _ = write!(text, "-A {option} {at} -s {}", server.scheduler.name());
        if let Some(secs) = server.persistent_secs {
            let _ = write!(text, " -p {secs}");
        }
        text.push('\n');
        for real in sorted_real(server) {
            let _ = writeln!(text, "-a {option} {at} -r {real} -m -w {}", real.weight);
        }
    }
    text
}

/// The line of a virtual server in a listing: `TCP  10.96.0.10:80 rr persistent 10800`.
#[must_use]
pub fn server_line(server: &VirtualServer) -> String {
    let protocol = server.at.protocol.name().to_ascii_uppercase();
    let at = join_host_port(server.at.address, server.at.port);
    let scheduler = server.scheduler.name();
    match server.persistent_secs {
        Some(secs) => format!("{protocol}  {at} {scheduler} persistent {secs}"),
        None => format!("{protocol}  {at} {scheduler}"),
    }
}

fn sorted(ipvs: &Ipvs) -> Vec<&VirtualServer> {
    let mut servers = Vec::new();
    for server in ipvs.servers() {
        insert_by(&mut servers, server, |a: &&VirtualServer, b| {
            let (a, b) = (&a.at, &b.at);
            (a.address.is_ipv6().cmp(&b.address.is_ipv6()))
                .then(a.protocol.number().cmp(&b.protocol.number()))
                .then(compare_addresses(a.address, b.address))
                .then(a.port.cmp(&b.port))
        });
    }
    servers
}

fn sorted_real(server: &VirtualServer) -> Vec<&RealServer> {
    let mut real_servers = Vec::new();
    for real in &server.real_servers {
        insert_by(&mut real_servers, real, |a: &&RealServer, b| {
            compare_addresses(a.address, b.address).then(a.port.cmp(&b.port))
        });
    }
    real_servers
}

/// How ipvsadm compares two addresses: as numbers, by the sign of their difference in 32 bits.
fn compare_addresses(a: IpAddr, b: IpAddr) -> Ordering {
    let difference = |a: u32, b: u32| a.wrapping_sub(b).cast_signed().cmp(&0);
    match (a, b) {
        (IpAddr::V4(a), IpAddr::V4(b)) => difference(a.to_bits(), b.to_bits()),
        (IpAddr::V6(a), IpAddr::V6(b)) => {
            let word = |of: u128, at: u32| {
                u32::try_from((of >> (32 * at)) & u128::from(u32::MAX)).unwrap_or(0)
            };
            let (a, b) = (a.to_bits(), b.to_bits());
            let words = (0..4).rev().map(|at| difference(word(a, at), word(b, at)));
            words.fold(Ordering::Equal, Ordering::then)
        }
        (a, b) => a.is_ipv6().cmp(&b.is_ipv6()),
    }
}
