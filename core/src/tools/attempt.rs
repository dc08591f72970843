//! An attempt to reach somebody: curl's, wget's and nc's connections.
//!
//! Linux's waiting times. A port of the workstation leads where `kubectl port-forward` does.
//!
//! **Left out**: addresses tried one after the other: the first one counts.

use super::site::{Site, host_of};
use crate::api::ObjectRef;
use crate::ip::{IpAddr, parse_sloppy};
use crate::net::Protocol;
use crate::shell::{Place, Process};
use crate::sim::{Destination, Request, Source, Verdict, Why};
use crate::time::Duration;

/// How long Linux tries to connect.
pub(super) const CONNECT_MS: u64 = 134_000;

/// How long Linux looks for a neighbour that is not there.
pub(super) const NEIGHBOUR_MS: u64 = 3068;

/// What an attempt to connect came to.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Attempt {
    pub(super) verdict: Verdict,
    /// The address that was tried.
    pub(super) address: Option<IpAddr>,
    /// Address and port of this side.
    pub(super) local: Option<(IpAddr, u16)>,
    /// Who answered.
    pub(super) object: Option<ObjectRef>,
    /// What there is to say about who answered: a program that hangs, or fails.
    pub(super) why: Option<Why>,
    /// Whose address who answered saw.
    pub(super) seen: Option<IpAddr>,
    /// How long the look-up of the name took.
    pub(super) lookup: Duration,
    /// How long it takes until the outcome is known, the look-up aside.
    pub(super) takes: Duration,
}

/// Tries to connect. Nothing is waited for yet.
pub(super) fn attempt(
    process: &Process,
    site: &Site,
    (name, port): (&str, u16),
    protocol: Protocol,
    address: Option<IpAddr>,
) -> Result<Attempt, String> {
    let loopback = name == "localhost" || parse_sloppy(name).is_some_and(|it| it.is_loopback());
    if *process.place() == Place::Workstation && loopback {
        return Ok(through_forward(site, name, port));
    }
    let request = Request::new(
        Source::Host(host_of(process.place())),
        Destination {
            name: address.map_or_else(|| name.to_owned(), |it| it.to_string()),
            port: Some(port),
            protocol,
            url: None,
        },
    );
    let walk = site.visit(&request).map_err(|it| it.to_string())?;
    let first = walk.steps.first().map(|it| &it.before);
    let ms = match walk.ending.verdict {
        Verdict::Delivered | Verdict::Refused => 1,
        Verdict::Unreachable if walk.steps.len() < 2 => 0,
        Verdict::Unreachable => NEIGHBOUR_MS,
        Verdict::Dropped | Verdict::Forwarded => CONNECT_MS,
        Verdict::NoSuchHost => 0,
    };
    let lookup = walk
        .lookup
        .as_ref()
        .map_or(Duration::default(), |it| it.elapsed);
    Ok(Attempt {
        verdict: walk.ending.verdict,
        address: walk.address,
        local: first.and_then(|it| Some((it.source, it.source_port()?))),
        object: walk.ending.object.clone(),
        why: walk.ending.reason.clone(),
        seen: walk.ending.source_seen,
        // Each question takes the one millisecond that the way there and back takes.
        lookup: lookup.plus(Duration::from_millis(u64::from(walk.lookup.is_some()))),
        takes: Duration::from_millis(ms),
    })
}

/// Two lengths one after the other.
pub(super) trait Plus {
    fn plus(self, other: Duration) -> Duration;
}

impl Plus for Duration {
    fn plus(self, other: Duration) -> Duration {
        Duration::from_millis(self.as_millis().saturating_add(other.as_millis()))
    }
}

/// A port of the workstation: nothing listens there but `kubectl port-forward`.
fn through_forward(site: &Site, name: &str, port: u16) -> Attempt {
    let localhost = IpAddr::from([127, 0, 0, 1]);
    let mut attempt = Attempt {
        verdict: Verdict::Refused,
        address: Some(parse_sloppy(name).unwrap_or(localhost)),
        local: Some((localhost, 50_000)),
        object: None,
        why: None,
        seen: Some(localhost),
        lookup: Duration::default(),
        takes: Duration::from_millis(1),
    };
    if let Some(forward) = site.forwarded(port) {
        site.count_through(port);
        // The kubelet connects inside the pod, to its loopback: no Service, no rule.
        let (listener, why) = site.with_network(|network| {
            let host = network.host(&forward.pod);
            let listener = host
                .and_then(|it| it.listener(localhost, forward.port, Protocol::Tcp))
                .cloned();
            let fault = listener
                .as_ref()
                .and_then(|it| network.fault_of(it, (forward.port, Protocol::Tcp)));
            (listener, fault.and_then(Why::of_fault))
        });
        attempt.verdict = if listener.is_some() {
            Verdict::Delivered
        } else {
            Verdict::Dropped
        };
        attempt.object = listener;
        attempt.why = why;
        attempt.takes = Duration::from_millis(2);
    }
    attempt
}
