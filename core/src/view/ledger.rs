//! What can be looked up about a cluster beside the walk: lists of what there is, and the whole rules of a node, in each mode.
//!
//! Lists of objects have the columns of `kubectl get -o wide`, rules the form in which the node's own tools list them.
//!
//! **Left out**: what a terminal's own requests left in connection tables: `conntrack -L` on the node lists that.

use super::hop::{Hop, HopDetail};
use super::rules::RuleStatus;
use super::text;
use crate::api::Kind;
use crate::controllers::{balancers, hourly_cost};
use crate::ip::{Family, family};
use crate::kubectl::object::{self, items};
use crate::kubectl::printers::table;
use crate::lines::{Mark, script};
use crate::netfilter::Ruleset;
use crate::netfilter::dialect::Dialect;
use crate::policy;
use crate::proxy::{self, MODES, Mode};
use crate::sim::{Cluster, HostId, Walk, World};
use serde_json::Value;
use std::collections::BTreeMap;

/// Which list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leaf {
    /// Services, and what their load balancers cost.
    Services,
    /// Every endpoint of every slice.
    Endpoints,
    /// What connection tables hold at this hop.
    Connections,
    /// What was asked of DNS.
    Dns,
    /// The cluster's events.
    Events,
}

/// A list, to be shown as a table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeafView {
    /// What it lists.
    pub caption: String,
    /// The columns.
    pub columns: Vec<String>,
    /// The rows, a cell for each column.
    pub rows: Vec<Vec<String>>,
    /// What is to be said beside it.
    pub notes: Vec<String>,
}

/// The rules of a node in one mode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RulesetView {
    /// The mode.
    pub mode: &'static str,
    /// The command that lists them on a node.
    pub command: &'static str,
    /// Whether the cluster is in this mode.
    pub is_own: bool,
    /// Its lines.
    pub lines: Vec<RulesetLine>,
    /// What to know about the mode.
    pub note: Option<&'static str>,
}

/// A line of a ruleset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RulesetLine {
    /// The line.
    pub text: String,
    /// Whether the last change brought or took it.
    pub change: Option<LineChange>,
    /// What became of the rule at this hop, if it was asked there.
    pub met: Option<Met>,
}

/// What the last change did to a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineChange {
    /// It is new.
    New,
    /// It was there before, and is no more.
    Gone,
}

/// What became of a rule that was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Met {
    /// It matched.
    Matched,
    /// It did not, for this reason.
    Skipped(String),
}

impl Leaf {
    /// All of them, in the order of their tabs.
    pub const ALL: [Leaf; 5] = [
        Leaf::Services,
        Leaf::Endpoints,
        Leaf::Connections,
        Leaf::Dns,
        Leaf::Events,
    ];

    /// What its tab says.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Leaf::Services => "Services",
            Leaf::Endpoints => "Endpoints",
            Leaf::Connections => "Connections",
            Leaf::Dns => "DNS",
            Leaf::Events => "Events",
        }
    }
}

/// The modes kube-proxy can be in.
pub fn mode_names() -> impl Iterator<Item = &'static str> {
    MODES.iter().map(|it| it.name)
}

/// A list of a cluster, where the walk has come so far.
#[must_use]
pub fn leaf(
    which: Leaf,
    cluster: &Cluster,
    world: &World,
    walk: Option<&Walk>,
    hops: &[Hop],
) -> LeafView {
    match which {
        Leaf::Services => services(cluster, world),
        Leaf::Endpoints => endpoints(cluster),
        Leaf::Connections => connections(hops),
        Leaf::Dns => dns(walk),
        Leaf::Events => objects(cluster, Kind::Event, "kubectl get events -A"),
    }
}

/// All objects of a kind as kubectl lists them, with all columns.
fn objects(cluster: &Cluster, kind: Kind, caption: &str) -> LeafView {
    let listed = cluster.store().list_kept(kind, &Default::default());
    let table = table(kind, &listed.items, &cluster.clock());
    let columns = table.columns.iter().map(|it| it.name.to_owned());
    let rows = table.rows.into_iter().map(|it| {
        let mut row = vec![object::namespace(&it.object).to_owned()];
        row.extend(it.cells);
        row
    });
    LeafView {
        caption: caption.to_owned(),
        columns: ["Namespace".to_owned()]
            .into_iter()
            .chain(columns)
            .collect(),
        rows: rows.collect(),
        notes: Vec::new(),
    }
}

fn services(cluster: &Cluster, world: &World) -> LeafView {
    let mut leaf = objects(cluster, Kind::Service, "kubectl get services -A -o wide");
    let all = balancers(&world.objects);
    leaf.columns.push("Load balancer".to_owned());
    for row in &mut leaf.rows {
        let is_its = |it: &&crate::controllers::Balancer| {
            row.first() == Some(&it.service.0) && row.get(1) == Some(&it.service.1)
        };
        let product = all.iter().find(is_its).map(|it| it.product.name());
        row.push(product.unwrap_or("<none>").to_owned());
    }
    let cost = hourly_cost(&all);
    if !cost.lines.is_empty() {
        leaf.notes.push(format!(
            "What the load balancers cost at list prices, without traffic: {:.4} USD an hour, {:.2} a month of 730 hours.",
            cost.usd_an_hour(),
            cost.usd_a_month()
        ));
    }
    leaf
}

fn endpoints(cluster: &Cluster) -> LeafView {
    let listed = cluster
        .store()
        .list_kept(Kind::EndpointSlice, &Default::default());
    let mut rows = Vec::new();
    for slice in &listed.items {
        let ports: Vec<String> = items(&slice["ports"]).iter().map(port).collect();
        let label = "kubernetes.io/service-name";
        let service = object::text(slice, &["metadata", "labels", label]);
        for it in items(&slice["endpoints"]) {
            let condition = |name: &str, unset: bool| {
                let told = it["conditions"][name].as_bool();
                if told.unwrap_or(unset) { "yes" } else { "no" }.to_owned()
            };
            let addresses = items(&it["addresses"]).iter().filter_map(Value::as_str);
            rows.push(vec![
                object::namespace(slice).to_owned(),
                service.to_owned(),
                object::name(slice).to_owned(),
                addresses.collect::<Vec<_>>().join(","),
                ports.join(","),
                condition("ready", true),
                condition("serving", true),
                condition("terminating", false),
                object::text(it, &["nodeName"]).to_owned(),
                object::text(it, &["zone"]).to_owned(),
                object::text(it, &["targetRef", "name"]).to_owned(),
            ]);
        }
    }
    LeafView {
        caption: "Every endpoint of every EndpointSlice, as kube-proxy reads them".to_owned(),
        columns: words(
            "Namespace Service EndpointSlice Address Ports Ready Serving Terminating Node Zone Pod",
        ),
        rows,
        notes: Vec::new(),
    }
}

fn port(it: &Value) -> String {
    let number = it["port"]
        .as_u64()
        .map_or("*".to_owned(), |it| it.to_string());
    format!("{number}/{}", it["protocol"].as_str().unwrap_or("TCP"))
}

/// What each host remembers, as of the last hop: a connection that was seen again stands as it was seen last.
fn connections(hops: &[Hop]) -> LeafView {
    let mut rows: Vec<Vec<String>> = Vec::new();
    for hop in hops {
        let HopDetail::Rules {
            connection: Some(it),
            ..
        } = &hop.detail
        else {
            continue;
        };
        let state = it.state.as_ref().map(ToString::to_string);
        let status: Vec<String> = it.status.iter().map(ToString::to_string).collect();
        let row = vec![
            hop.host.clone(),
            it.original.clone(),
            it.reply.clone(),
            state.unwrap_or_default(),
            status.join(" "),
            format!("{} s", it.timeout_secs),
        ];
        match rows.iter_mut().find(|it| it[..2] == row[..2]) {
            Some(known) => *known = row,
            None => rows.push(row),
        }
    }
    LeafView {
        caption: "What conntrack holds on each host, where the walk has come so far".to_owned(),
        columns: words("Host Original Reply State Status Silence"),
        rows,
        notes: vec![
            "Silence is how long an entry stays without another packet. A walk begins with empty tables."
                .to_owned(),
        ],
    }
}

fn dns(walk: Option<&Walk>) -> LeafView {
    let lookup = walk.and_then(|it| it.lookup.as_ref());
    let mut notes = Vec::new();
    let mut rows = Vec::new();
    if let Some(lookup) = lookup {
        let conf = lookup.resolv_conf.to_string();
        notes.push(format!("resolv.conf: {}", conf.trim().replace('\n', " · ")));
        notes.extend(lookup.failure.clone());
        for packet in &lookup.packets {
            let by = packet.object.as_ref().map(ToString::to_string);
            let answer = packet.answer.as_ref().map(text::records);
            rows.push(vec![
                format!("{} ms", packet.sent.at.as_millis()),
                packet.sent.question.name.clone(),
                packet.sent.question.kind.to_string(),
                packet.sent.server.to_string(),
                by.unwrap_or_default(),
                answer.unwrap_or_else(|| "no answer".to_owned()),
            ]);
        }
    }
    LeafView {
        caption: "What the resolver sent to find the address, in order".to_owned(),
        columns: words("At Name Type Server Answered-by Answer"),
        rows,
        notes,
    }
}

/// The whole rules of a node in a mode, with what the last change did and what this hop asked.
#[must_use]
pub fn ruleset(
    mode: &str,
    node: &str,
    world: &World,
    before: Option<&World>,
    hop: Option<&Hop>,
) -> Option<RulesetView> {
    let mode = proxy::mode(mode)?;
    let now = listing(world, mode, node);
    let then = before.map(|it| listing(it, mode, node));
    let lines: Vec<&str> = now.lines().collect();
    let lines = match &then {
        Some(then) => changed(&then.lines().collect::<Vec<_>>(), &lines),
        None => lines.into_iter().map(|it| (Mark::Same, it)).collect(),
    };
    let is_own = mode.name == world.mode.name;
    let asked = hop.filter(|it| is_own && it.host == HostId::Node(node.into()).to_string());
    let mut place = Place::default();
    let lines = lines.into_iter().map(|(mark, line)| RulesetLine {
        change: match mark {
            Mark::Same => None,
            Mark::Gone => Some(LineChange::Gone),
            Mark::New => Some(LineChange::New),
        },
        met: match (mark, asked) {
            (Mark::Same | Mark::New, Some(hop)) => place.step(line).and_then(|it| met(hop, &it)),
            _ => None,
        },
        text: line.to_owned(),
    });
    Some(RulesetView {
        mode: mode.name,
        command: match (mode.name, mode.dialect) {
            ("ipvs", _) => "ipvsadm -Ln; ipset list; iptables-save",
            (_, Dialect::Nft) => "nft list ruleset",
            (_, Dialect::Iptables) => "iptables-save",
        },
        is_own,
        lines: lines.collect(),
        note: (mode.name == "ipvs").then_some(
            "ipvs mode is deprecated since Kubernetes 1.35; nftables mode takes its place.",
        ),
    })
}

/// The rules of a node as its own tools list them.
fn listing(world: &World, mode: &'static Mode, node: &str) -> String {
    let mut listed = Ruleset::default();
    let ips = world.objects.nodes.get(node).map(|it| it.internal_ips());
    let ips = ips.unwrap_or_default();
    for of in Family::ALL {
        if !ips.iter().any(|it| family(*it) == of) {
            continue;
        }
        let programme = world.programme_in(mode, node, of);
        let of_policies = || policy::sync(&world.objects, node, of).transaction;
        let policies = (mode.dialect == Dialect::Nft).then(of_policies);
        for transaction in programme.map(|it| it.transaction).iter().chain(&policies) {
            // Each is a whole of its own, which refuses nothing of itself.
            let _ = transaction.apply(&mut listed);
        }
    }
    mode.list(&listed)
}

/// What changed between two texts. What they begin and end with alike need not be compared at length.
fn changed<'t>(before: &[&'t str], now: &[&'t str]) -> Vec<(Mark, &'t str)> {
    let both = before.iter().zip(now);
    let n_first = both.take_while(|(a, b)| a == b).count();
    let both = before[n_first..]
        .iter()
        .rev()
        .zip(now[n_first..].iter().rev());
    let n_last = both.take_while(|(a, b)| a == b).count();
    let (before, now_end) = (&before[n_first..before.len() - n_last], now.len() - n_last);
    let same = |it: &&'t str| (Mark::Same, *it);
    let mut lines: Vec<_> = now[..n_first].iter().map(same).collect();
    lines.extend(script(before, &now[n_first..now_end]));
    lines.extend(now[now_end..].iter().map(same));
    lines
}

/// How far one has come in reading a listing.
#[derive(Default)]
struct Place {
    /// `ip kube-proxy`
    table: String,
    chain: String,
    /// How many rules each chain of iptables' has had; of nft's only the one being read counts.
    n_rules: BTreeMap<(String, String), usize>,
}

/// A rule by its place.
struct At {
    table: String,
    chain: String,
    rule: usize,
}

impl Place {
    /// Reads a line: which rule it is, if it is one. nft's listing has the rules of a chain below its name, iptables' names the
    /// chain with every rule, and tells one family after the other.
    fn step(&mut self, line: &str) -> Option<At> {
        let line = line.trim();
        let first = line.split(' ').next().unwrap_or_default();
        match first {
            "table" => self.table = line["table ".len()..].trim_end_matches(" {").to_owned(),
            "chain" => self.chain = line["chain ".len()..].trim_end_matches(" {").to_owned(),
            "set" | "map" | "}" => self.chain.clear(),
            "-A" => {
                let chain = line.split(' ').nth(1).unwrap_or_default().to_owned();
                return Some(self.rule(chain));
            }
            _ if first.starts_with('*') => {
                let of_v4 = format!("ip {}", &first[1..]);
                let is_second = self.table == of_v4 || self.n_rules.keys().any(|it| it.0 == of_v4);
                self.table = match is_second {
                    true => format!("ip6 {}", &first[1..]),
                    false => of_v4,
                };
            }
            "" | "type" | "comment" => {}
            _ if self.chain.is_empty() => {}
            _ => return Some(self.rule(self.chain.clone())),
        }
        None
    }

    fn rule(&mut self, chain: String) -> At {
        let key = (self.table.clone(), chain);
        let n = self.n_rules.entry(key.clone()).or_default();
        let rule = *n;
        *n += 1;
        let (table, chain) = key;
        At { table, chain, rule }
    }
}

/// What became of a rule at a hop.
fn met(hop: &Hop, at: &At) -> Option<Met> {
    let HopDetail::Rules { chains, .. } = &hop.detail else {
        return None;
    };
    let chains = chains.iter();
    let its = chains.filter(|it| it.name == at.chain && it.table == at.table);
    let found = its
        .filter_map(|it| it.rules.get(at.rule))
        .find(|it| it.status != RuleStatus::NotReached)?;
    Some(match found.status {
        RuleStatus::Matched => Met::Matched,
        _ => Met::Skipped(found.reason.clone().unwrap_or_default()),
    })
}

/// The names of columns; a hyphen stands for a blank.
fn words(text: &str) -> Vec<String> {
    text.split(' ').map(|it| it.replace('-', " ")).collect()
}
