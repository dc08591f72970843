//! What load balancers do with a packet. The router stands for all of them: whatever is sent to a balancer's address
//! passes it, on its way in and on its way back.
//!
//! Which balancers there are, whom they send to and how comes from `controllers::balancers`. A balancer chooses a healthy
//! target by lot and keeps to it for a connection. One that passes packets on unchanged (Google's, Azure's, MetalLB's)
//! only decides which node gets them; one that sends to node ports or pods (Amazon's) rewrites the destination, and, if it
//! is a proxy or does not keep the client's address, the source as well, and undoes that on the way back.
//!
//! An address with `ipMode: Proxy` is that of a proxy, whoever gave it: it sends to node ports in its own name.
//!
//! **Left out**: a proxy's two connections are one here; its own address in the nodes' network is the router's; zones,
//! weights and draining; clouds that send to unhealthy targets when no other is left. That MetalLB in layer 2 answers
//! from one node at a time makes no difference to one connection.

use super::network::HostId;
use super::outcome::Why;
use super::travel::{End, RouteChosen, StepKind, Traveller};
use crate::api::{Kind, ObjectRef};
use crate::controllers::{
    Balancer, Delivery, Provider, Scheme, SourceAddress, Target, TargetObject, balancers,
};
use crate::ip::{Cidr, Family, IpAddr, family};
use crate::net::{Flow, Packet, Protocol, Route, RouteKind, Transport};
use crate::netfilter::Travelling;
use crate::store::Objects;
use std::collections::BTreeMap;

/// A load balancer as the network has it.
#[derive(Clone, Debug)]
pub struct Balance {
    /// Its Service.
    pub service: ObjectRef,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
    /// Its ports.
    pub listeners: Vec<(u16, Protocol)>,
    /// Whom it sends to: the healthy targets.
    pub targets: Vec<BalanceTarget>,
    /// How a packet arrives there.
    pub delivery: Delivery,
    /// Whether the targets see the client's address.
    pub keeps_source: bool,
    /// Whether only the nodes' own network reaches it.
    pub is_internal: bool,
    /// Whether packets to ports it does not listen on come through too: an address that a node simply answers for.
    pub is_open: bool,
}

/// A healthy target of a listener.
#[derive(Clone, Debug)]
pub struct BalanceTarget {
    /// The listener's port and protocol.
    pub listener: (u16, Protocol),
    /// Who it is.
    pub object: ObjectRef,
    /// Where packets are addressed to, if the balancer rewrites them.
    pub address: IpAddr,
    /// On which port.
    pub port: u16,
    /// The node that gets them.
    pub via: IpAddr,
}

/// What balancers remember of connections: by the flow of the client, and by that of the answers.
#[derive(Clone, Debug, Default)]
pub(super) struct Balanced {
    requests: BTreeMap<Flow, Remembered>,
    answers: BTreeMap<Flow, (Flow, ObjectRef)>,
}

#[derive(Clone, Debug)]
struct Remembered {
    service: ObjectRef,
    target: ObjectRef,
    /// The flow as the target gets it.
    after: Flow,
    via: IpAddr,
}

/// Every balancer of a cluster.
pub(super) fn balances(objects: &Objects) -> Vec<Balance> {
    let all = balancers(objects);
    all.iter().map(|it| balance(objects, it)).collect()
}

fn balance(objects: &Objects, it: &Balancer) -> Balance {
    let is_proxy = !it.is_vip && it.delivery == Delivery::Unchanged;
    let delivery = if is_proxy {
        Delivery::ToNodePort
    } else {
        it.delivery
    };
    let is_open = !is_proxy && matches!(it.provider, Provider::MetalLb | Provider::Nobody);
    let listeners = it.listeners.iter().filter_map(|it| {
        let port = u16::try_from(it.port).ok()?;
        Some((port, Protocol::from_name(&it.protocol)?))
    });
    let healthy = it.targets.iter().filter(|it| it.is_healthy);
    let targets = healthy.filter_map(|target| {
        let node_port = it
            .listeners
            .iter()
            .find(|it| (it.port, &it.protocol) == (target.listener.0, &target.listener.1))
            .and_then(|it| it.node_port);
        let port = if is_proxy { node_port? } else { target.port };
        balance_target(objects, target, u16::try_from(port).ok()?)
    });
    Balance {
        service: ObjectRef::new(Kind::Service, &it.service.0, &it.service.1),
        addresses: it.addresses.clone(),
        listeners: listeners.collect(),
        targets: targets.collect(),
        delivery,
        keeps_source: it.source == SourceAddress::Kept && !is_proxy,
        is_internal: it.scheme == Scheme::Internal
            && !matches!(it.provider, Provider::MetalLb | Provider::Nobody),
        is_open,
    }
}

fn balance_target(objects: &Objects, it: &Target, port: u16) -> Option<BalanceTarget> {
    let (object, via) = match &it.object {
        TargetObject::Node(name) => (ObjectRef::new(Kind::Node, "", name), it.address),
        TargetObject::Pod(key) => {
            let key = key.as_ref()?;
            let pod = objects.pods.get(key)?;
            let node = objects.nodes.get(pod.spec.node_name.as_deref()?)?;
            let mut ips = node.internal_ips().into_iter();
            let via = ips.find(|ip| family(*ip) == family(it.address))?;
            (ObjectRef::new(Kind::Pod, &key.0, &key.1), via)
        }
    };
    Some(BalanceTarget {
        listener: (
            u16::try_from(it.listener.0).ok()?,
            Protocol::from_name(&it.listener.1)?,
        ),
        object,
        address: it.address,
        port,
        via,
    })
}

impl Traveller<'_> {
    /// What a balancer does with a packet that comes to the router: nothing, or it decides where the packet goes.
    pub(super) fn balance(
        &mut self,
        host: &HostId,
        it: &mut Travelling,
    ) -> Result<Option<RouteChosen>, End> {
        if *host != HostId::Router || self.network.balances.is_empty() {
            return Ok(None);
        }
        if let Some(way_back) = self.restore(it) {
            return Ok(way_back);
        }
        let at = it.packet.destination;
        let mut all = self.network.balances.iter();
        let Some(balance) = all.find(|it| it.addresses.contains(&at)).cloned() else {
            return Ok(None);
        };
        let Some(flow) = Flow::from_packet(&it.packet) else {
            return Ok(None);
        };
        let known = self.network.balanced.requests.get(&flow).cloned();
        let chosen = match known {
            Some(known) => known,
            None => {
                let is_from_outside = it.iif.as_deref() != Some("eth0");
                match self.choose_target(&balance, flow, is_from_outside) {
                    Ok(chosen) => chosen,
                    Err(why) => return Err(self.swallow(host, &it.packet, why)),
                }
            }
        };
        let before = it.packet.clone();
        readdress(&mut it.packet, chosen.after);
        let kind = StepKind::Balanced {
            service: chosen.service.clone(),
            target: Some(chosen.target.clone()),
            n_targets: balance.targets_of(flow).len(),
        };
        self.note(host, &before, it.packet.clone(), kind);
        Ok(Some(onto_nodes(it.packet.destination, chosen.via)))
    }

    /// An answer gets back the addresses its client knows; then it goes where its client is: the network that balancers
    /// are part of knows the nodes behind which pods are.
    fn restore(&mut self, it: &mut Travelling) -> Option<Option<RouteChosen>> {
        let quoted = it.packet.quoted().and_then(Flow::from_packet);
        let quoted = quoted.map(Flow::reversed);
        let flow = quoted.or_else(|| Flow::from_packet(&it.packet))?;
        let (original, service) = self.network.balanced.answers.get(&flow).cloned()?;
        let before = it.packet.clone();
        if let Transport::Icmp(error) = &mut it.packet.transport
            && let Some(about) = error.about_mut()
        {
            readdress(about, original);
            it.packet.destination = original.source;
            // Whoever sends the error: where the destination was rewritten, the client knows no other.
            if flow.source != original.destination {
                it.packet.source = original.destination;
            }
        } else {
            readdress(&mut it.packet, original.reversed());
        }
        if it.packet != before {
            let kind = StepKind::Balanced {
                service,
                target: None,
                n_targets: 0,
            };
            self.note(&HostId::Router, &before, it.packet.clone(), kind);
        }
        let client = it.packet.destination;
        let owner = self.network.owner(client).map(|it| it.id.clone());
        let node = owner.and_then(|it| self.network.node_of(&it));
        let address = node.and_then(|it| self.network.host(&it)?.routes.address_on("eth0", client));
        Some(address.map(|it| onto_nodes(client, it)))
    }

    fn choose_target(
        &mut self,
        balance: &Balance,
        flow: Flow,
        is_from_outside: bool,
    ) -> Result<Remembered, Why> {
        if is_from_outside && balance.is_internal {
            return Err(Why::BalancerIsInternal);
        }
        let listener = (flow.destination_port, flow.protocol);
        if !balance.is_open && !balance.listeners.contains(&listener) {
            return Err(Why::BalancerSilent);
        }
        let targets = balance.targets_of(flow);
        let n = u32::try_from(targets.len()).unwrap_or(u32::MAX);
        if n == 0 {
            return Err(Why::NoHealthyTarget);
        }
        let target = targets[self.chooser.choose(n) as usize];
        let mut after = flow;
        if balance.delivery != Delivery::Unchanged {
            after.destination = target.address;
            after.destination_port = target.port;
        }
        if !balance.keeps_source {
            let router = self.network.host(&HostId::Router);
            let own = router.and_then(|it| it.routes.address_on("eth0", flow.destination));
            after.source = own.unwrap_or(after.source);
        }
        let remembered = Remembered {
            service: balance.service.clone(),
            target: target.object.clone(),
            after,
            via: target.via,
        };
        let table = &mut self.network.balanced;
        table.requests.insert(flow, remembered.clone());
        table
            .answers
            .insert(after.reversed(), (flow, balance.service.clone()));
        Ok(remembered)
    }
}

impl Balance {
    /// The targets of a flow's listener; of a balancer that lets every port through, those of the first.
    fn targets_of(&self, flow: Flow) -> Vec<&BalanceTarget> {
        let listener = (flow.destination_port, flow.protocol);
        let asked = if self.listeners.contains(&listener) {
            Some(listener)
        } else {
            self.listeners.first().copied().filter(|_| self.is_open)
        };
        let of = family(flow.destination);
        // Who does not rewrite a packet only needs a node.
        let is_able = |it: &&BalanceTarget| self.delivery == Delivery::Unchanged || it.is_of(of);
        let all = self.targets.iter().filter(is_able);
        all.filter(|it| Some(it.listener) == asked).collect()
    }
}

impl BalanceTarget {
    /// Whether packets of a family can be addressed to it.
    #[must_use]
    pub fn is_of(&self, of: Family) -> bool {
        family(self.address) == of
    }
}

/// The way over the nodes' network to one of them.
fn onto_nodes(destination: IpAddr, via: IpAddr) -> RouteChosen {
    RouteChosen {
        next_hop: Some(via),
        route: Route {
            destination: Cidr::from(destination),
            via: Some(via),
            interface: "eth0".into(),
            kind: RouteKind::Unicast,
        },
    }
}

/// Writes a flow's ends into a packet of it.
fn readdress(packet: &mut Packet, flow: Flow) {
    packet.source = flow.source;
    packet.destination = flow.destination;
    if let Some((source, destination)) = packet.ports_mut() {
        *source = flow.source_port;
        *destination = flow.destination_port;
    }
}
