//! What ip_vs did, set like a chain among the rules: the virtual server, and the real servers it chose from.
//!
//! **Left out**: real servers beyond the first few and the chosen one.

use super::rules::{ChainView, Page, RuleStatus, RuleView, WordRole, WordView, source};
use super::text::owner_name;
use crate::ip::join_host_port;
use crate::netfilter::dialect::ipvsadm::server_line;
use crate::netfilter::ipvs::{Choice, Event, RealServer, VirtualAddress, VirtualServer};
use crate::netfilter::{Hook, Tag};
use crate::sim::{Leg, Step, StepKind, World};

/// How many real servers are shown beside the chosen one.
const MAX_SHOWN: usize = 8;

/// Whether the world's kube-proxy is in ipvs mode.
pub(super) fn is_on(world: &World) -> bool {
    world.mode.name == "ipvs"
}

/// What ip_vs did on a hook, as a chain of its own.
pub(super) fn chain(page: Page<'_>, hook: Option<Hook>, event: &Event) -> Option<ChainView> {
    let hook = hook?;
    let is_answer = matches!(event, Event::Answered { .. });
    let rules = match event {
        Event::NoServer { at } => vec![RuleView {
            status: RuleStatus::Skipped,
            reason: Some("no virtual server has this protocol, address and port".into()),
            ..line(page, &at.to_string(), None)
        }],
        Event::Scheduled { server, to, choice } => {
            let server = page.ruleset.ipvs.server(server)?;
            scheduled(page, server, to, &why(server, *choice))
        }
        Event::Known { server, to } => {
            let server = page.ruleset.ipvs.server(server)?;
            scheduled(page, server, to, "the connection has it already")
        }
        Event::NoRealServer { server } => {
            let server = page.ruleset.ipvs.server(server)?;
            let effect = "no real server takes connections: the sender is told port unreachable";
            vec![matched(page, server, effect.into())]
        }
        Event::FromLoopback { server } => {
            let server = page.ruleset.ipvs.server(server)?;
            let effect = "from loopback there is no way to another host: the packet ends here";
            vec![matched(page, server, effect.into())]
        }
        Event::Answered { server, from } => {
            let back = join_host_port(server.address, server.port);
            let effect = format!("an answer of {from}: the source becomes {back}");
            match page.ruleset.ipvs.server(server) {
                Some(server) => vec![matched(page, server, effect)],
                None => vec![answered_by_nobody(page, *server, effect)],
            }
        }
    };
    let priority = match (hook, is_answer) {
        (Hook::Input, true) => 98,
        (Hook::Input, false) => 99,
        (Hook::Output, true) => -99,
        (Hook::Output, false) => -98,
        _ => 100,
    };
    Some(ChainView {
        name: "ip_vs".into(),
        table: "virtual servers".into(),
        base: Some(format!("ip_vs, {hook}, priority {priority}")),
        entered: "by the hook",
        depth: 0,
        rules,
        policy: None,
    })
}

/// What a packet that ip_vs took is told about, in one sentence.
pub(super) fn redirected(step: &Step, world: &World) -> String {
    let host = step.host.short();
    let after = &step.after;
    let to = join_host_port(
        after.destination,
        after.destination_port().unwrap_or_default(),
    );
    format!(
        "{host}'s ip_vs chooses {} and rewrites the destination to {to}.",
        owner_name(world, after.destination)
    )
}

/// A hook that changed nothing, where ipvs mode makes it mean something else.
pub(super) fn passing(step: &Step, hook: Hook, world: &World) -> Option<String> {
    if !is_on(world) || step.leg == Leg::Reply {
        return None;
    }
    let host = step.host.short();
    let ipvs = &world.network.host(&step.host)?.ruleset.ipvs;
    let is_virtual = |address| ipvs.servers().iter().any(|it| it.at.address == address);
    let StepKind::Hook { connection, .. } = &step.kind else {
        return None;
    };
    let was_taken = connection
        .as_ref()
        .is_some_and(|it| it.original.destination != step.before.destination);
    match hook {
        Hook::Prerouting if is_virtual(step.before.destination) => Some(format!(
            "{host}'s rules only mark for masquerade: the choice is made by ip_vs, at input."
        )),
        Hook::Prerouting => Some(format!("{host} asks its rules about marks; none applies.")),
        Hook::Output if was_taken => Some(format!(
            "{host} takes what ip_vs sends on through its output rules."
        )),
        Hook::Forward => Some(format!("{host} lets the packet through.")),
        _ => None,
    }
}

fn why(server: &VirtualServer, choice: Choice) -> String {
    let n_servers = server.real_servers.len();
    match (choice, n_servers) {
        (Choice::Persistence, _) => format!(
            "the client was here before, less than {} s ago",
            server.persistent_secs.unwrap_or_default()
        ),
        (Choice::Scheduler, 1) => "the only real server".into(),
        (Choice::Scheduler, n) => format!(
            "{} chose it among {n}, {}",
            server.scheduler.name(),
            server.scheduler.principle()
        ),
    }
}

/// The virtual server and its real ones, with the chosen one marked.
fn scheduled(page: Page<'_>, server: &VirtualServer, to: &str, why: &str) -> Vec<RuleView> {
    let mut rules = vec![matched(page, server, format!("new destination {to}"))];
    let mut n_others = 0;
    for real in &server.real_servers {
        let is_it = real.to_string() == to;
        n_others += usize::from(!is_it);
        if !is_it && n_others > MAX_SHOWN {
            continue;
        }
        let text = real_line(real);
        let shown = line(page, &text, real.tag);
        rules.push(match is_it {
            true => RuleView {
                status: RuleStatus::Matched,
                effects: vec![why.to_owned()],
                ..as_role(shown, WordRole::Matched)
            },
            false => RuleView {
                status: RuleStatus::Skipped,
                reason: Some("not chosen this time".into()),
                ..shown
            },
        });
    }
    rules
}

fn real_line(real: &RealServer) -> String {
    format!("-> {real} Masq {}", real.weight)
}

fn matched(page: Page<'_>, server: &VirtualServer, effect: String) -> RuleView {
    RuleView {
        status: RuleStatus::Matched,
        effects: vec![effect],
        ..as_role(
            line(page, &server_line(server), server.tag),
            WordRole::Matched,
        )
    }
}

fn answered_by_nobody(page: Page<'_>, at: VirtualAddress, effect: String) -> RuleView {
    RuleView {
        status: RuleStatus::Matched,
        effects: vec![effect],
        ..line(page, &at.to_string(), None)
    }
}

fn as_role(mut rule: RuleView, role: WordRole) -> RuleView {
    for word in &mut rule.words {
        word.role = role;
    }
    rule
}

fn line(page: Page<'_>, text: &str, tag: Option<Tag>) -> RuleView {
    let origin = tag.and_then(|tag| page.told_by_proxy(tag));
    let words = text.split_whitespace().map(|it| WordView {
        text: it.to_owned(),
        role: WordRole::Plain,
    });
    RuleView {
        words: words.collect(),
        status: RuleStatus::NotReached,
        reason: None,
        effects: Vec::new(),
        source: origin.as_ref().and_then(|it| source(page.manifest, it)),
        sentence: origin.map(|it| it.sentence),
        element_sources: Vec::new(),
    }
}
