//! Sends many flows at once and holds each against the simulation.
//!
//! A connection has a source port of its own, by which what the kernel tells of it is found again. So connections that
//! cannot disturb one another are sent together, in rounds: of those to Services with
//! sessionAffinity only one a client, and only one that ends in an ICMP error, since errors carry no ports. Where the
//! simulation expects silence it is waited for together.
//!
//! A Service with sessionAffinity is asked a second time at once, and the simulation as well, with what its rules then remember.
//!
//! When an answer is missing, or events were lost, the machine may have been busy: that connection is made once more, alone and with
//! patience, and only what comes of that counts.
//!
//! **Left out**: what a connection does after its first answer.

use super::flows::{FlowPlan, Target};
use super::frequency::{Sample, expected};
use super::{FIRST_PORT, FlowReport, MAX_WAYS, MIN_TRIES, max_tries};
use crate::compare::{Comparison, Observed, compare, divided, way_drawn};
use crate::error::Error;
use crate::kernel::monitor::Recording;
use crate::kernel::probe::{Outcome, Probe};
use crate::kernel::serve::read_line;
use crate::lab::{WorldLab, probe_protocol, simulated_rules};
use packetwalk_core::chance::{Branch, Chooser, Exploration, explore};
use packetwalk_core::controllers::Delivery;
use packetwalk_core::ip::{IpAddr, parse_sloppy};
use packetwalk_core::net::Protocol;
use packetwalk_core::sim::{
    Destination, HostId, Outcomes, Request, Source, Verdict, Walk, Why, World, outcomes,
};
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

/// The most connections of one round.
const AT_ONCE: usize = 48;
/// How long an answer is waited for that should come.
const PATIENCE: Duration = Duration::from_millis(1000);
/// How long, when nothing should come.
const SILENCE: Duration = Duration::from_millis(300);
/// How long, when it did not come before.
const SECOND_PATIENCE: Duration = Duration::from_millis(3000);

/// How often a connection is made at most whose answer was missing.
const MOST_REPEATED: usize = 11;

/// How often lots are drawn to see how they fall.
const N_DRAWN: usize = 48;
/// How often, where each must be forgotten before the next.
const N_STICKY: usize = 8;
/// In how many flows of a world.
const N_SAMPLES: usize = 4;

/// How often a flow with several ways is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Thoroughness {
    /// Until the kernel has drawn every way.
    EveryWay,
    /// Once.
    OneWay,
}

/// A flow, and what it has come to.
pub(super) struct Flow {
    pub(super) plan: FlowPlan,
    pub(super) report: FlowReport,
    pub(super) comparison: Comparison,
    /// Not sent, because this kernel check cannot.
    pub(super) is_left_out: bool,
    drawn: BTreeSet<usize>,
    pub(super) n_ways: usize,
    next: Option<Connection>,
    is_done: bool,
}

/// A connection to make, and what the simulation says of it.
struct Connection {
    port: u16,
    request: Request,
    ways: Outcomes,
}

/// A connection that was made.
struct Made {
    flow: usize,
    connection: Connection,
    outcome: Outcome,
    heard: BTreeMap<HostId, Recording>,
}

/// Sends flows through a lab.
pub(super) struct Rounds<'a> {
    world: &'a World,
    lab: &'a mut WorldLab,
    thoroughness: Thoroughness,
    port: u16,
    /// The front doors of Services with sessionAffinity.
    sticky: BTreeSet<Target>,
    /// Addresses where a balancer speaks in its own name, for all clients alike.
    proxied: BTreeSet<IpAddr>,
    remembers: bool,
    pub(super) n_repeated: usize,
}

impl<'a> Rounds<'a> {
    pub(super) fn new(
        world: &'a World,
        lab: &'a mut WorldLab,
        thoroughness: Thoroughness,
    ) -> Rounds<'a> {
        let balances = world.network.balances().iter();
        let proxies = balances.filter(|it| it.delivery != Delivery::Unchanged);
        Rounds {
            sticky: sticky(world),
            proxied: proxies
                .flat_map(|it| it.addresses.iter().copied())
                .collect(),
            world,
            lab,
            thoroughness,
            port: FIRST_PORT,
            remembers: false,
            n_repeated: 0,
        }
    }

    /// Sends every flow as often as it takes.
    pub(super) fn run(&mut self, plans: Vec<FlowPlan>) -> Result<Vec<Flow>, Error> {
        let mut flows: Vec<Flow> = plans.into_iter().map(Flow::new).collect();
        loop {
            super::interrupt::check()?;
            self.prepare(&mut flows)?;
            let round = self.round(&flows);
            if round.is_empty() {
                return Ok(flows);
            }
            self.forget()?;
            let made = self.send(&mut flows, &round)?;
            let (mut asked_again, mut repeated) = (Vec::new(), Vec::new());
            for it in made {
                let (idx, comparison) = self.compared(&it);
                if is_doubtful(&it, &comparison) {
                    repeated.push(it.flow);
                    continue;
                }
                let flow = &mut flows[it.flow];
                let is_new = flow.report.n_connections == 0;
                self.take_in(flow, idx, comparison, &it);
                if is_new && self.memory(&flow.plan).is_some() {
                    asked_again.push((it, idx));
                }
            }
            self.ask_again(&mut flows, asked_again)?;
            for idx in repeated {
                self.repeat(&mut flows[idx])?;
            }
        }
    }

    /// Counts who answers the flows with several ways: one flow to each address and port.
    pub(super) fn samples(&mut self, flows: &[Flow]) -> Result<Vec<Sample>, Error> {
        let mut asked = BTreeSet::new();
        let mut samples = Vec::new();
        for flow in flows.iter().filter(|it| it.n_ways > 1) {
            let FlowPlan {
                address,
                port,
                protocol,
                ..
            } = flow.plan;
            if samples.len() < N_SAMPLES && asked.insert((address, port, protocol)) {
                super::interrupt::check()?;
                samples.extend(self.sample(&flow.plan)?);
            }
        }
        Ok(samples)
    }

    fn sample(&mut self, plan: &FlowPlan) -> Result<Option<Sample>, Error> {
        let connection = self.connection(plan)?;
        let expected = expected(&connection.ways);
        // Waiting in vain so often would take too long.
        if expected.len() < 2 || connection.is_silent() {
            return Ok(None);
        }
        let is_sticky = self.memory(plan).is_some();
        let (n_rounds, n_at_once) = match is_sticky {
            // Whoever is remembered is drawn again: each asks by itself.
            true => (N_STICKY, 1),
            false => (1, N_DRAWN),
        };
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for _ in 0..n_rounds {
            self.forget()?;
            let probes: Vec<(&FlowPlan, Probe)> = (0..n_at_once)
                .map(|_| (plan, probe(plan, self.request(plan).0, PATIENCE)))
                .collect();
            self.remembers |= is_sticky;
            for outcome in self.probe_all(&probes)? {
                *counts.entry(who(&outcome)).or_default() += 1;
            }
        }
        self.lab.hear()?;
        // Ways that end alike but for a host that refuses cannot be told apart by their client.
        let expected = together(expected);
        let known: usize = expected.iter().filter_map(|it| counts.get(&it.0)).sum();
        let n_connections = n_rounds * n_at_once;
        let mut ways: Vec<(String, f64, usize)> = expected
            .into_iter()
            .map(|(name, it)| {
                let count = counts.get(&name).copied().unwrap_or_default();
                (name, it, count)
            })
            .collect();
        if known < n_connections {
            ways.push(("somebody else".to_owned(), 0.0, n_connections - known));
        }
        let to = format!("{} {}", destination(plan), plan.protocol);
        Ok(Some(Sample {
            from: plan.from.to_string(),
            to,
            n_connections,
            ways,
            plan: Some(plan.clone()),
        }))
    }

    /// Works out the next connection of every flow that needs one.
    fn prepare(&mut self, flows: &mut [Flow]) -> Result<(), Error> {
        for flow in flows.iter_mut().filter(|it| !it.is_done) {
            if flow.next.is_some() {
                continue;
            }
            if probe_protocol(flow.plan.protocol).is_none() {
                (flow.is_left_out, flow.is_done) = (true, true);
                continue;
            }
            let connection = self.connection(&flow.plan)?;
            let mut branches = connection.ways.ways.branches.iter();
            // Linux asks for three seconds before it tells that nobody has an address.
            if branches.any(|it| it.result.ending.reason == Some(Why::NobodyThere)) {
                (flow.is_left_out, flow.is_done) = (true, true);
                continue;
            }
            flow.n_ways = connection.ways.ways.branches.len();
            flow.next = Some(connection);
        }
        Ok(())
    }

    fn connection(&mut self, plan: &FlowPlan) -> Result<Connection, Error> {
        let (port, request) = self.request(plan);
        let ways = outcomes(self.world, &request, MAX_WAYS)?;
        Ok(Connection {
            port,
            request,
            ways,
        })
    }

    fn request(&mut self, plan: &FlowPlan) -> (u16, Request) {
        self.port = self.port.checked_add(1).unwrap_or(FIRST_PORT);
        let from = Source::Host(plan.from.clone());
        let mut request = Request::new(from, destination(plan));
        request.source_port = Some(self.port);
        request.enter_at.clone_from(&plan.enter_at);
        (self.port, request)
    }

    /// The flows whose next connections can be made together: those that are answered first, and when there are no more
    /// of them, those that are not.
    fn round(&self, flows: &[Flow]) -> Vec<usize> {
        let is_answered = |it: &&usize| {
            let next = flows[**it].next.as_ref();
            !next.is_some_and(Connection::is_silent)
        };
        let waiting: Vec<usize> = (0..flows.len())
            .filter(|it| flows[*it].next.is_some())
            .collect();
        let answered: Vec<usize> = waiting.iter().filter(is_answered).copied().collect();
        let candidates = match answered.is_empty() {
            true => waiting,
            false => answered,
        };
        let mut memories = BTreeSet::new();
        let mut has_error = false;
        let mut round = Vec::new();
        for idx in candidates {
            let flow = &flows[idx];
            let errs = flow.next.as_ref().is_some_and(Connection::ends_in_icmp);
            if errs && has_error {
                continue;
            }
            if let Some(memory) = self.memory(&flow.plan)
                && !memories.insert(memory)
            {
                continue;
            }
            has_error |= errs;
            round.push(idx);
            if round.len() == AT_ONCE {
                break;
            }
        }
        round
    }

    /// Whom the rules may remember after a flow. An address may be several Services', so it is not asked which.
    fn memory(&self, plan: &FlowPlan) -> Option<HostId> {
        let is_sticky = self
            .sticky
            .contains(&(plan.address, plan.port, plan.protocol));
        is_sticky.then(|| match self.proxied.contains(&plan.address) {
            true => HostId::Router,
            false => plan.from.clone(),
        })
    }

    fn forget(&mut self) -> Result<(), Error> {
        if std::mem::take(&mut self.remembers) {
            self.lab.forget(self.world)?;
        }
        Ok(())
    }

    fn send(&mut self, flows: &mut [Flow], round: &[usize]) -> Result<Vec<Made>, Error> {
        let mut connections = Vec::new();
        for idx in round {
            let flow = &mut flows[*idx];
            let Some(connection) = flow.next.take() else {
                continue;
            };
            let patience = match connection.is_silent() {
                true => SILENCE,
                false => PATIENCE,
            };
            connections.push((*idx, connection, patience));
        }
        self.exchange(flows, connections)
    }

    /// Makes connections all at once, and finds out what the kernel told of each.
    fn exchange(
        &mut self,
        flows: &[Flow],
        connections: Vec<(usize, Connection, Duration)>,
    ) -> Result<Vec<Made>, Error> {
        self.lab.hear()?;
        let plans = connections.iter().map(|it| &flows[it.0].plan);
        self.remembers |= plans.clone().any(|it| self.memory(it).is_some());
        let probes: Vec<(&FlowPlan, Probe)> = plans
            .zip(&connections)
            .map(|(plan, it)| (plan, probe(plan, it.1.port, it.2)))
            .collect();
        let outcomes = self.probe_all(&probes)?;
        let heard = self.lab.hear()?;
        let ports: Vec<u16> = connections.iter().map(|it| it.1.port).collect();
        let heard = divided(heard, &ports);
        let all = connections.into_iter().zip(outcomes).zip(heard);
        let made = all.map(|(((flow, connection, _), outcome), heard)| Made {
            flow,
            connection,
            outcome,
            heard,
        });
        Ok(made.collect())
    }

    fn probe_all(&self, probes: &[(&FlowPlan, Probe)]) -> Result<Vec<Outcome>, Error> {
        if let [(plan, probe)] = probes {
            return Ok(vec![self.lab.send(&plan.from, probe)?]);
        }
        let lab = &*self.lab;
        thread::scope(|scope| {
            let running: Vec<_> = probes
                .iter()
                .map(|(plan, probe)| scope.spawn(|| lab.send(&plan.from, probe)))
                .collect();
            let ended = running.into_iter().map(|it| match it.join() {
                Ok(outcome) => outcome,
                Err(panic) => std::panic::resume_unwind(panic),
            });
            ended.collect()
        })
    }

    /// Makes a connection once more, alone and with patience; what comes of that counts. Where there are several ways, the lot
    /// may fall on another than the one that was not answered, so it is drawn more often.
    fn repeat(&mut self, flow: &mut Flow) -> Result<(), Error> {
        self.n_repeated += 1;
        let n_times = (2 * flow.n_ways - 1).min(MOST_REPEATED);
        for _ in 0..n_times {
            self.forget()?;
            let connection = self.connection(&flow.plan)?;
            let alone = vec![(0, connection, SECOND_PATIENCE)];
            for it in self.exchange(std::slice::from_ref(flow), alone)? {
                let (idx, comparison) = self.compared(&it);
                self.take_in(flow, idx, comparison, &it);
            }
            if !flow.comparison.disagreements.is_empty() {
                break;
            }
        }
        Ok(())
    }

    fn take_in(&self, flow: &mut Flow, idx: usize, comparison: Comparison, made: &Made) {
        flow.take_in(idx, comparison, &made.connection.ways);
        flow.finish(self.thoroughness);
    }

    /// The way drawn, and every difference.
    fn compared(&self, made: &Made) -> (usize, Comparison) {
        let observed = Observed {
            recordings: &made.heard,
            listing: &|host, table| self.lab.listing(host, table),
            ruleset: &|host| simulated_rules(self.world, host),
            dialect: self.world.mode.dialect,
            known: &BTreeMap::new(),
            outcome: &made.outcome,
        };
        let (idx, walk) = way_drawn(&made.connection.ways, &observed);
        let mut comparison = compare(walk, &observed);
        note_losses(&made.heard, &mut comparison);
        (idx, comparison)
    }

    /// Asks Services with sessionAffinity once more, while both sides remember the first time.
    fn ask_again(&mut self, flows: &mut [Flow], made: Vec<(Made, usize)>) -> Result<(), Error> {
        let mut asked = Vec::new();
        for (it, idx) in made {
            let branch = &it.connection.ways.ways.branches[idx];
            if branch.result.ending.verdict == Verdict::Delivered {
                let mut remembering = self.world.clone();
                let mut luck = Chooser::fixed(self.world.seed, branch.picks.clone());
                remembering.open(&it.connection.request, &mut luck)?;
                asked.push((it.flow, remembering));
            }
        }
        // Those whose answer is missing are asked a third time: both sides still remember.
        for patience in [PATIENCE, SECOND_PATIENCE] {
            let mut repeated = Vec::new();
            for (it, world) in self.ask_remembering(flows, asked, patience)? {
                let (_, mut comparison) = self.compared(&it);
                if patience == PATIENCE && is_doubtful(&it, &comparison) {
                    repeated.push((it.flow, world));
                    continue;
                }
                for found in &mut comparison.disagreements {
                    found.about.push_str(", asked a second time");
                }
                let flow = &mut flows[it.flow];
                flow.report.n_connections += 1;
                flow.comparison.add(comparison);
            }
            self.n_repeated += repeated.len();
            asked = repeated;
        }
        Ok(())
    }

    /// Makes a connection of each flow, in a lab and in worlds that remember others.
    fn ask_remembering(
        &mut self,
        flows: &[Flow],
        asked: Vec<(usize, World)>,
        patience: Duration,
    ) -> Result<Vec<(Made, World)>, Error> {
        let (mut connections, mut worlds) = (Vec::new(), Vec::new());
        for (flow, world) in asked {
            let (port, request) = self.request(&flows[flow].plan);
            let ways = ways_after(&world, &request)?;
            let connection = Connection {
                port,
                request,
                ways,
            };
            connections.push((flow, connection, patience));
            worlds.push(world);
        }
        if connections.is_empty() {
            return Ok(Vec::new());
        }
        let made = self.exchange(flows, connections)?;
        Ok(made.into_iter().zip(worlds).collect())
    }
}

/// Who answered, in the words of [`way_name`]; of refusals the client does not know whose they are.
fn who(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Connected { reply, .. } => match read_line(reply) {
            Some((name, _)) => name.to_owned(),
            None => "an echo".to_owned(),
        },
        Outcome::Refused { .. } => Verdict::Refused.name().to_owned(),
        Outcome::Unreachable { .. } => Verdict::Unreachable.name().to_owned(),
        Outcome::TimedOut { .. } | Outcome::Blocked { .. } => Verdict::Dropped.name().to_owned(),
    }
}

/// The same, with all refusals as one.
fn together(ways: Vec<(String, f64)>) -> Vec<(String, f64)> {
    let mut all: Vec<(String, f64)> = Vec::new();
    for (name, probability) in ways {
        let name = match name.split_once(" by ") {
            Some((verdict, _)) => verdict.to_owned(),
            None => name,
        };
        match all.iter_mut().find(|it| it.0 == name) {
            Some(it) => it.1 += probability,
            None => all.push((name, probability)),
        }
    }
    all
}

/// Whether the machine may have been too busy: no answer in time, or events lost.
fn is_doubtful(made: &Made, comparison: &Comparison) -> bool {
    let is_lost = made.heard.values().any(|it| !it.is_complete());
    let is_silent = matches!(made.outcome, Outcome::TimedOut { .. });
    !comparison.disagreements.is_empty() && (is_lost || is_silent)
}

/// Every way of a request in a world that remembers what was before.
fn ways_after(world: &World, request: &Request) -> Result<Outcomes, Error> {
    let mut failed = None;
    let ways = explore(world.seed, MAX_WAYS, |chooser| {
        let opened = world.clone().open(request, chooser);
        opened.map(|it| it.0).map_err(|it| failed = Some(it)).ok()
    });
    if let Some(error) = failed {
        return Err(error.into());
    }
    let branches = ways.branches.into_iter().filter_map(|it| {
        Some(Branch {
            probability: it.probability,
            picks: it.picks,
            result: it.result?,
        })
    });
    Ok(Outcomes {
        ways: Exploration {
            branches: branches.collect(),
            complete: ways.complete,
        },
    })
}

impl Flow {
    fn new(plan: FlowPlan) -> Flow {
        let report = FlowReport {
            from: plan.from.to_string(),
            to: format!("{} {}", destination(&plan), plan.protocol),
            n_connections: 0,
            ways: Vec::new(),
            n_steps: 0,
            n_disagreements: 0,
        };
        Flow {
            plan,
            report,
            comparison: Comparison::default(),
            is_left_out: false,
            drawn: BTreeSet::new(),
            n_ways: 1,
            next: None,
            is_done: false,
        }
    }

    fn take_in(&mut self, idx: usize, comparison: Comparison, ways: &Outcomes) {
        self.comparison.add(comparison);
        self.report.n_connections += 1;
        let name = way_name(&ways.ways.branches[idx].result);
        if self.drawn.insert(idx) {
            self.report.ways.push((name.clone(), 0));
        }
        if let Some(it) = self.report.ways.iter_mut().find(|it| it.0 == name) {
            it.1 += 1;
        }
    }

    /// Ends it, if it was sent often enough.
    fn finish(&mut self, thoroughness: Thoroughness) {
        if !self.comparison.disagreements.is_empty() {
            // More of the same would tell nothing new.
            self.is_done = true;
            return;
        }
        let (n_ways, n) = (self.n_ways, self.report.n_connections);
        let is_seen = self.drawn.len() >= n_ways && (n_ways == 1 || n >= MIN_TRIES);
        self.is_done = thoroughness == Thoroughness::OneWay || is_seen || n >= max_tries(n_ways);
        if self.is_done && thoroughness == Thoroughness::EveryWay {
            let about = format!("the ways drawn in {n} connections to {}", self.report.to);
            let drawn = self.drawn.len().to_string();
            let from = self.report.from.clone();
            self.comparison
                .check(&from, &about, n_ways.to_string(), drawn);
        }
    }
}

impl Connection {
    fn walks(&self) -> impl Iterator<Item = &Walk> {
        self.ways.ways.branches.iter().map(|it| &it.result)
    }

    /// Whether the client may wait in vain.
    fn is_silent(&self) -> bool {
        self.walks().any(|it| {
            let hangs = it.ending.reason == Some(Why::ProgramHangs);
            hangs || matches!(it.ending.verdict, Verdict::Dropped | Verdict::Forwarded)
        })
    }

    /// Whether an ICMP error may come back.
    fn ends_in_icmp(&self) -> bool {
        let mut steps = self.walks().flat_map(|it| &it.steps);
        steps.any(|it| it.before.quoted().is_some())
    }
}

fn destination(plan: &FlowPlan) -> Destination {
    Destination {
        name: plan.address.to_string(),
        port: plan.port,
        protocol: plan.protocol,
        url: None,
    }
}

pub(super) fn probe(plan: &FlowPlan, port: u16, patience: Duration) -> Probe {
    let protocol = probe_protocol(plan.protocol);
    let protocol = protocol.expect("what cannot be sent was left out before");
    let at = SocketAddr::new(plan.address, plan.port.unwrap_or_default());
    Probe {
        timeout: patience,
        ..Probe::new(protocol, at).from_port(port)
    }
}

/// The addresses, ports and protocols at which a Service with sessionAffinity can be asked.
fn sticky(world: &World) -> BTreeSet<Target> {
    let nodes = world.objects.nodes.values();
    let mut on_nodes: Vec<IpAddr> = nodes.flat_map(|it| it.internal_ips()).collect();
    on_nodes.push(IpAddr::from([127, 0, 0, 1]));
    let mut doors = BTreeSet::new();
    for (key, service) in &world.objects.services {
        if service.spec.session_affinity.as_deref() != Some("ClientIP") {
            continue;
        }
        let balances = world.network.balances().iter();
        let of_it =
            balances.filter(|it| (&it.service.namespace, &it.service.name) == (&key.0, &key.1));
        let external = service.spec.external_ips.iter();
        let ingress = service.status.load_balancer.ingress.iter();
        let mut addresses: Vec<IpAddr> = service.cluster_ips().into_iter().collect();
        addresses.extend(of_it.flat_map(|it| it.addresses.iter().copied()));
        addresses.extend(external.filter_map(|it| parse_sloppy(it)));
        addresses.extend(ingress.filter_map(|it| parse_sloppy(it.ip.as_deref()?)));
        for port in &service.spec.ports {
            let Some(protocol) = Protocol::from_name(port.protocol()) else {
                continue;
            };
            let number = u16::try_from(port.port).ok();
            let node_port = port.node_port.and_then(|it| u16::try_from(it).ok());
            let own = addresses.iter().map(|it| (*it, number, protocol));
            let through_nodes = on_nodes.iter().map(|it| (*it, node_port, protocol));
            doors.extend(own.chain(through_nodes));
        }
    }
    doors
}

pub(super) fn way_name(walk: &Walk) -> String {
    let verdict = walk.ending.verdict.name();
    match &walk.ending.object {
        Some(object) if verdict == "delivered" => object.to_string(),
        Some(object) => format!("{verdict} by {object}"),
        None => verdict.to_owned(),
    }
}

/// Events the kernel could not deliver are a difference like any other: nothing is lost silently.
fn note_losses(recordings: &BTreeMap<HostId, Recording>, comparison: &mut Comparison) {
    for (host, it) in recordings {
        let told = if it.is_complete() {
            "complete".to_owned()
        } else {
            format!(
                "{} overflows, {} unreadable",
                it.n_overflows, it.n_malformed
            )
        };
        comparison.check(
            &format!("{}, the kernel's events", host.short()),
            "their completeness",
            "complete".to_owned(),
            told,
        );
    }
}
