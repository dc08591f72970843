//! Translation as a rule sets it up: where to, by which hook.
//!
//! `nft_nat.c`, `nft_masq.c`, `nft_redir.c`, `xt_nat.c` and `xt_NETMAP.c` of Linux 6.18.
//!
//! **Left out**: maps of address ranges and of networks.

use super::value::Lack;
use super::{Pass, RuleEnd, SKIPPED, Site, Travelling};
use crate::ip::{Cidr, IpAddr};
use crate::netfilter::conntrack::{Manipulation, Translation};
use crate::netfilter::trace::KeptVerdict;
use crate::netfilter::{Datum, Expression, Hook, NatFlags, NatKind, NatTarget, Statement, Written};
use std::net::SocketAddr;

/// A range of addresses, and one of ports.
type Ranges = (Option<(IpAddr, IpAddr)>, Option<(u16, u16)>);

/// Whatever becomes of a translation, the chain ends here.
const ACCEPTED: RuleEnd = RuleEnd::Decided(KeptVerdict::ACCEPT);

impl<'a> Pass<'a> {
    pub(super) fn set_up_nat(
        &mut self,
        site: &Site<'a>,
        (kind, target, flags): (NatKind, Option<&'a NatTarget>, NatFlags),
        it: &mut Travelling,
    ) -> RuleEnd {
        let which = match (kind, site.hook) {
            (NatKind::Dnat | NatKind::Redirect, _) => Manipulation::Destination,
            (NatKind::Snat | NatKind::Masquerade, _) => Manipulation::Source,
            (NatKind::Netmap, Hook::Prerouting | Hook::Output) => Manipulation::Destination,
            (NatKind::Netmap, _) => Manipulation::Source,
        };
        let (addresses, ports) = match self.target(site, which, target, it) {
            Ok(ranges) => ranges,
            Err(Lack::Absent) => return SKIPPED,
            Err(Lack::Unknown) => {
                let target = target.cloned();
                let statement = Statement::Nat {
                    kind,
                    target,
                    flags,
                };
                return super::act::unknown(&statement);
            }
        };
        let here = |it: Option<IpAddr>| it.map(|it| (it, it));
        let addresses = match kind {
            NatKind::Masquerade => here(self.address_out(it)),
            NatKind::Redirect => here(self.address_in(it)),
            _ => addresses,
        };
        let Some(tracking) = it.tracking.as_mut() else {
            return ACCEPTED;
        };
        // Only the first packet of a connection can set its translation up.
        if self.conntrack.is_decided(tracking, which) {
            return ACCEPTED;
        }
        let translation = Translation {
            addresses,
            ports,
            flags,
        };
        self.conntrack
            .decide(tracking, which, Some(translation), self.chooser);
        let reply = self.conntrack.connection(tracking).reply;
        self.trace.write(match which {
            Manipulation::Destination => Written::Destination {
                to: SocketAddr::new(reply.source, reply.source_port),
            },
            Manipulation::Source => Written::Source {
                to: SocketAddr::new(reply.destination, reply.destination_port),
                masqueraded: kind == NatKind::Masquerade,
            },
        });
        ACCEPTED
    }

    fn target(
        &mut self,
        site: &Site<'a>,
        which: Manipulation,
        target: Option<&'a NatTarget>,
        it: &Travelling,
    ) -> Result<Ranges, Lack> {
        let expression = match target {
            None => return Ok((None, None)),
            Some(NatTarget::Fixed { addresses, ports }) => return Ok((*addresses, *ports)),
            Some(NatTarget::Network(network)) => {
                let address = match which {
                    Manipulation::Source => it.packet.source,
                    Manipulation::Destination => it.packet.destination,
                };
                let moved = moved_into(address, *network).ok_or(Lack::Absent)?;
                return Ok((Some((moved, moved)), None));
            }
            Some(NatTarget::Mapped(expression)) => expression,
        };
        let found = match expression {
            Expression::Map { key, map } => self.mapped(site, key, map, it)?,
            other => self.key(site, other, it)?,
        };
        match self.trace.parts(found) {
            [Datum::Address(address)] => Ok((Some((*address, *address)), None)),
            [Datum::Addresses(ends)] => Ok((Some(**ends), None)),
            [Datum::Port(port)] => Ok((None, Some((*port, *port)))),
            [Datum::Address(address), port] => {
                let port = super::value::number(port).and_then(|it| u16::try_from(it).ok());
                let port = port.ok_or(Lack::Unknown)?;
                Ok((Some((*address, *address)), Some((port, port))))
            }
            _ => Err(Lack::Unknown),
        }
    }

    fn address_out(&self, it: &Travelling) -> Option<IpAddr> {
        let oif = it.oif.as_ref()?;
        self.routes.address_on(oif, it.packet.destination)
    }

    /// Where redirect leads: to loopback for what this host sends, else to the interface it came in
    /// by (`nf_nat_redirect_ipv4`).
    fn address_in(&self, it: &Travelling) -> Option<IpAddr> {
        let iif = it.iif.as_deref().unwrap_or("lo");
        self.routes.address_on(iif, it.packet.destination)
    }
}

/// The address at the same place in another network.
fn moved_into(address: IpAddr, network: Cidr) -> Option<IpAddr> {
    match (address, network) {
        (IpAddr::V4(address), Cidr::V4(network)) => {
            let host = u32::from(address) & u32::from(network.hostmask());
            Some(IpAddr::V4((u32::from(network.network()) | host).into()))
        }
        (IpAddr::V6(address), Cidr::V6(network)) => {
            let host = u128::from(address) & u128::from(network.hostmask());
            Some(IpAddr::V6((u128::from(network.network()) | host).into()))
        }
        _ => None,
    }
}
