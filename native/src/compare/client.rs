//! What the client sees: the verdict, who answered, which source the answerer saw, and what came back.
//!
//! **Left out**: what a program says beyond its name and whom it saw.

use super::{Comparison, icmp_kind, icmp_numbers};
use crate::kernel::probe::{IcmpError, Outcome, Refusal, Stage};
use crate::kernel::serve::read_line;
use packetwalk_core::api::ObjectRef;
use packetwalk_core::net::{Protocol, Transport};
use packetwalk_core::sim::{Leg, Verdict as Ending, Walk, Why};
use std::net::SocketAddr;

/// A connection was opened, and nobody said anything over it.
const ACCEPTED_AND_SILENT: &str = "accepted, and then silence";

/// What the client sees: the verdict, who answered, and the source the answerer saw.
pub(super) fn compare_client(walk: &Walk, outcome: &Outcome, comparison: &mut Comparison) {
    let place = format!("{}, the client", walk.from.short());
    let kernel = match outcome {
        Outcome::Connected { .. } => Ending::Delivered,
        Outcome::Refused { .. } => Ending::Refused,
        Outcome::TimedOut { .. } | Outcome::Blocked { .. } => Ending::Dropped,
        Outcome::Unreachable { .. } => Ending::Unreachable,
    };
    let simulated = match (walk.ending.verdict, &walk.ending.reason) {
        // A packet that leaves the world is answered by nobody: the client waits in vain.
        (Ending::Forwarded, _) => Ending::Dropped.name(),
        (Ending::Delivered, Some(Why::ProgramHangs)) => ACCEPTED_AND_SILENT,
        (other, _) => other.name(),
    };
    let is_tcp = walk.request.to.protocol == Protocol::Tcp;
    let kernel = match outcome {
        Outcome::TimedOut {
            stage: Stage::Answering,
            ..
        } if is_tcp => ACCEPTED_AND_SILENT,
        _ => kernel.name(),
    };
    comparison.check(&place, "the verdict", simulated.into(), kernel.into());
    compare_refusal(walk, outcome, &place, comparison);
    if let Outcome::Connected { reply, .. } = outcome
        && let Some((answerer, seen)) = read_line(reply)
    {
        let object = walk.ending.object.as_ref().map(ObjectRef::to_string);
        let nobody = || "nobody".to_owned();
        comparison.check(
            &place,
            "who answered",
            object.unwrap_or_else(nobody),
            answerer.to_owned(),
        );
        let source = walk.ending.source_seen.map(|it| it.to_string());
        let seen = seen.ip().to_string();
        comparison.check(
            &place,
            "the source the answerer saw",
            source.unwrap_or_else(nobody),
            seen,
        );
    }
}

/// How a refusal is told, and from where an answer comes.
fn compare_refusal(walk: &Walk, outcome: &Outcome, place: &str, comparison: &mut Comparison) {
    let error = |kind, code, from: String| format!("{} from {from}", icmp_kind(kind, code));
    let of_icmp = |it: &IcmpError| {
        let sender = it.sender.map_or("nobody".to_owned(), |it| it.to_string());
        error(it.kind, it.code, sender)
    };
    let kernel = match outcome {
        Outcome::Refused { by, .. } => match by {
            Refusal::Reset => "a reset".to_owned(),
            Refusal::Icmp(it) => of_icmp(it),
        },
        Outcome::Unreachable { icmp: Some(it), .. } => of_icmp(it),
        Outcome::Connected { peer, .. } if peer.port() != 0 => peer.to_string(),
        _ => return,
    };
    let Some(last) = walk.steps.last().filter(|it| it.leg == Leg::Reply) else {
        return;
    };
    let packet = &last.after;
    let simulated = match &packet.transport {
        Transport::Tcp { flags, .. } if flags.rst => "a reset".to_owned(),
        Transport::Icmp(it) => {
            let (kind, code) = icmp_numbers(it, packet.source.is_ipv4());
            error(kind, code, packet.source.to_string())
        }
        _ => {
            let port = packet.source_port().unwrap_or_default();
            SocketAddr::new(packet.source, port).to_string()
        }
    };
    comparison.check(place, "what comes back", simulated, kernel);
}
