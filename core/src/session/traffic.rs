//! Many requests at once: who gets how many.
//!
//! Each new connection goes one of the ways of the request, with that way's probability, drawn from the seed; a
//! connection that is kept alive goes the same way for all its requests, because the rules choose for connections and
//! never for requests. Where the Service has ClientIP affinity, so does each client.
//!
//! **Left out**: requests that meet one another: a queue, a full table, a rate limit.

use super::{Scene, Session, update::Effect};
use crate::chance::Chooser;
use crate::view::{MapView, Share, TrafficView, TrafficWay, request_line};
use serde::{Deserialize, Serialize};

/// The most requests at once.
pub const MAX_REQUESTS: u32 = 10_000;

/// The most clients.
pub const MAX_CLIENTS: u32 = 200;

/// The most requests that are drawn as packets.
const MAX_DRAWN: usize = 200;

/// Luck in so many parts.
const PARTS: u64 = 1 << 40;

/// What traffic is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traffic {
    /// How many requests.
    pub n_requests: u32,
    /// How many clients make them, in turn.
    pub n_clients: u32,
    /// Whether each client keeps its connection.
    pub keeps_alive: bool,
}

impl Session {
    pub(super) fn make_traffic(&mut self, traffic: Option<Traffic>) -> Vec<Effect> {
        self.traffic = traffic.map(|it| Traffic {
            n_requests: it.n_requests.clamp(1, MAX_REQUESTS),
            n_clients: it.n_clients.clamp(1, MAX_CLIENTS),
            ..it
        });
        self.n_traffics += 1;
        self.pause()
    }

    /// The traffic, as there is to see.
    pub(super) fn look_at_traffic(&self, map: &MapView) -> Option<TrafficView> {
        let traffic = self.traffic?;
        let outcomes = self.scene.outcomes.as_ref()?;
        let ways = &outcomes.ways.branches;
        let (sent, n_connections) = sent(&self.scene, traffic, self.n_traffics);
        let mut shares: Vec<Share> = Vec::new();
        for (idx, way) in ways.iter().enumerate() {
            let ending = &way.result.ending;
            let name = ending.object.as_ref().map(|it| it.name.clone());
            let name = name
                .or_else(|| ending.destination.clone())
                .unwrap_or_default();
            let n = sent.iter().filter(|it| **it == idx).count();
            let known = shares
                .iter_mut()
                .find(|it| it.name == name && it.verdict == ending.verdict);
            match known {
                Some(it) => {
                    it.n_requests += n;
                    it.probability += way.probability;
                    it.ways.push(idx);
                }
                None => shares.push(Share {
                    name,
                    verdict: ending.verdict,
                    n_requests: n,
                    probability: way.probability,
                    ways: vec![idx],
                }),
            }
        }
        let drawn = sent.len().min(MAX_DRAWN);
        Some(TrafficView {
            number: self.n_traffics,
            n_requests: sent.len(),
            n_connections,
            shares,
            ways: ways
                .iter()
                .map(|it| TrafficWay {
                    line: request_line(map, &it.result),
                    is_answered: it.result.ending.verdict == crate::sim::Verdict::Delivered,
                })
                .collect(),
            sent: sent[..drawn].to_vec(),
        })
    }
}

/// The way each request goes, and how many connections that took.
fn sent(scene: &Scene, traffic: Traffic, number: u64) -> (Vec<usize>, usize) {
    let ways = scene
        .outcomes
        .as_ref()
        .map(|it| it.ways.branches.as_slice());
    let ways = ways.unwrap_or_default();
    let mut luck = Chooser::seeded(scene.world.seed ^ number.rotate_left(32));
    let mut draw = || {
        let mut at = 0.0;
        let drawn = luck.draw(PARTS) as f64 / PARTS as f64;
        let mut found = ways.iter().position(|it| {
            at += it.probability;
            drawn < at
        });
        found.get_or_insert(ways.len().saturating_sub(1));
        found.unwrap_or_default()
    };
    let n_clients = traffic.n_clients as usize;
    let mut of_client: Vec<Option<usize>> = vec![None; n_clients];
    let sticks = traffic.keeps_alive || scene.is_affine();
    let mut sent = Vec::new();
    if ways.is_empty() {
        return (sent, 0);
    }
    for request in 0..traffic.n_requests as usize {
        let client = &mut of_client[request % n_clients];
        let way = match (*client, sticks) {
            (Some(way), true) => way,
            _ => draw(),
        };
        *client = Some(way);
        sent.push(way);
    }
    let n_connections = if traffic.keeps_alive {
        n_clients.min(sent.len())
    } else {
        sent.len()
    };
    (sent, n_connections)
}
