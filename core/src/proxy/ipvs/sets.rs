//! The IP sets: their names, types and comments.
//!
//! `ipsetInfo` of `pkg/proxy/ipvs/proxier.go` and the constants of `ipset.go`, Kubernetes 1.36.
//!
//! **Left out**: nothing that decides about a set.

use crate::ip::Family;
use crate::netfilter::Datum;
use crate::netfilter::ipset::{IpSet, IpSetKind, MAX_NAME};
use crate::netfilter::ipvs::VirtualAddress;

pub(super) const LOOP_BACK: &str = "KUBE-LOOP-BACK";
pub(super) const CLUSTER_IP: &str = "KUBE-CLUSTER-IP";
pub(super) const EXTERNAL_IP: &str = "KUBE-EXTERNAL-IP";
pub(super) const EXTERNAL_IP_LOCAL: &str = "KUBE-EXTERNAL-IP-LOCAL";
pub(super) const LOAD_BALANCER: &str = "KUBE-LOAD-BALANCER";
pub(super) const LOAD_BALANCER_LOCAL: &str = "KUBE-LOAD-BALANCER-LOCAL";
pub(super) const LOAD_BALANCER_FW: &str = "KUBE-LOAD-BALANCER-FW";
pub(super) const SOURCE_IP: &str = "KUBE-LOAD-BALANCER-SOURCE-IP";
pub(super) const SOURCE_CIDR: &str = "KUBE-LOAD-BALANCER-SOURCE-CIDR";
pub(super) const NODE_PORT_TCP: &str = "KUBE-NODE-PORT-TCP";
pub(super) const NODE_PORT_LOCAL_TCP: &str = "KUBE-NODE-PORT-LOCAL-TCP";
pub(super) const NODE_PORT_UDP: &str = "KUBE-NODE-PORT-UDP";
pub(super) const NODE_PORT_LOCAL_UDP: &str = "KUBE-NODE-PORT-LOCAL-UDP";
pub(super) const NODE_PORT_SCTP: &str = "KUBE-NODE-PORT-SCTP-HASH";
pub(super) const NODE_PORT_LOCAL_SCTP: &str = "KUBE-NODE-PORT-LOCAL-SCTP-HASH";
pub(super) const HEALTH_CHECK: &str = "KUBE-HEALTH-CHECK-NODE-PORT";
pub(super) const IPVS_IPS: &str = "KUBE-IPVS-IPS";

/// Name, type, comment.
type Info = (&'static str, IpSetKind, &'static str);

const SETS: [Info; 17] = {
    use IpSetKind::{BitmapPort, HashIp, HashIpPort, HashIpPortIp, HashIpPortNet};
    [
        (
            LOOP_BACK,
            HashIpPortIp,
            "Kubernetes endpoints dst ip:port, source ip for solving hairpin purpose",
        ),
        (
            CLUSTER_IP,
            HashIpPort,
            "Kubernetes service cluster ip + port for masquerade purpose",
        ),
        (
            EXTERNAL_IP,
            HashIpPort,
            "Kubernetes service external ip + port for masquerade and filter purpose",
        ),
        (
            EXTERNAL_IP_LOCAL,
            HashIpPort,
            "Kubernetes service external ip + port with externalTrafficPolicy=local",
        ),
        (LOAD_BALANCER, HashIpPort, "Kubernetes service lb portal"),
        (
            LOAD_BALANCER_FW,
            HashIpPort,
            "Kubernetes service load balancer ip + port for load balancer with sourceRange",
        ),
        (
            LOAD_BALANCER_LOCAL,
            HashIpPort,
            "Kubernetes service load balancer ip + port with externalTrafficPolicy=local",
        ),
        (
            SOURCE_IP,
            HashIpPortIp,
            "Kubernetes service load balancer ip + port + source IP for packet filter purpose",
        ),
        (
            SOURCE_CIDR,
            HashIpPortNet,
            "Kubernetes service load balancer ip + port + source cidr for packet filter purpose",
        ),
        (
            NODE_PORT_TCP,
            BitmapPort,
            "Kubernetes nodeport TCP port for masquerade purpose",
        ),
        (
            NODE_PORT_LOCAL_TCP,
            BitmapPort,
            "Kubernetes nodeport TCP port with externalTrafficPolicy=local",
        ),
        (
            NODE_PORT_UDP,
            BitmapPort,
            "Kubernetes nodeport UDP port for masquerade purpose",
        ),
        (
            NODE_PORT_LOCAL_UDP,
            BitmapPort,
            "Kubernetes nodeport UDP port with externalTrafficPolicy=local",
        ),
        (
            NODE_PORT_SCTP,
            HashIpPort,
            "Kubernetes nodeport SCTP port for masquerade purpose with type 'hash ip:port'",
        ),
        (
            NODE_PORT_LOCAL_SCTP,
            HashIpPort,
            "Kubernetes nodeport SCTP port with externalTrafficPolicy=local with type 'hash ip:port'",
        ),
        (
            HEALTH_CHECK,
            BitmapPort,
            "Kubernetes health check node port",
        ),
        (IPVS_IPS, HashIp, "Addresses on the ipvs interface"),
    ]
};

/// All sets of a family, empty.
pub(super) fn all(family: Family) -> impl Iterator<Item = IpSet> {
    SETS.into_iter()
        .map(move |(base, kind, _)| IpSet::new(&name(base, family), kind, family))
}

/// The comment of the rules that ask a set.
pub(super) fn comment(base: &str) -> &'static str {
    let mut sets = SETS.into_iter();
    sets.find(|it| it.0 == base).map_or("", |it| it.2)
}

/// The name of a set in a family: those of IPv6 say so, as far as a name's length allows.
pub(super) fn name(base: &str, family: Family) -> String {
    match family {
        Family::V4 => base.to_owned(),
        Family::V6 => {
            let mut name = base.replacen("KUBE-", "KUBE-6-", 1);
            name.truncate(name.floor_char_boundary(MAX_NAME));
            name
        }
    }
}

/// `10.96.0.10,tcp:80`
pub(super) fn address(at: VirtualAddress) -> Datum {
    Datum::tuple(parts(at))
}

/// `10.96.0.10,tcp:80,10.0.0.0/8`
pub(super) fn address_and(at: VirtualAddress, other: Datum) -> Datum {
    let mut all = parts(at);
    all.push(other);
    Datum::tuple(all)
}

fn parts(at: VirtualAddress) -> Vec<Datum> {
    vec![at.address.into(), at.protocol.into(), Datum::Port(at.port)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_ipv6_are_cut_where_ipset_has_no_more_room() {
        let of = |base| name(base, Family::V6);
        assert_eq!(of(LOOP_BACK), "KUBE-6-LOOP-BACK");
        assert_eq!(of(SOURCE_CIDR), "KUBE-6-LOAD-BALANCER-SOURCE-CID");
        assert_eq!(of(NODE_PORT_LOCAL_SCTP), "KUBE-6-NODE-PORT-LOCAL-SCTP-HAS");
    }

    #[test]
    fn every_set_has_its_own_name_in_both_families() {
        for family in Family::ALL {
            let mut names: Vec<String> = all(family).map(|it| it.name.to_string()).collect();
            assert!(names.iter().all(|it| it.len() <= MAX_NAME));
            names.sort();
            names.dedup();
            assert_eq!(names.len(), SETS.len());
        }
    }
}
