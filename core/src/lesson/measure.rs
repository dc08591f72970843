//! What can be measured in a world: answers and goals are made of it.
//!
//! Where a request can go several ways that differ, the values stand in order with `or` between them.
//!
//! **Left out**: the time that things take; numbers of packets.

use super::form::{Ask, Choice, Question};
use super::trial::{Trial, said};
use crate::api::ObjectRef;
use crate::chance::{Branch, Chooser};
use crate::kubectl::resource;
use crate::net::Protocol;
use crate::shell::Finished;
use crate::sim::{
    Destination, HostId, Leg, Request, Source, Step, StepKind, Verdict, Walk, World, outcomes,
};
use crate::sorted::insert_once;
use std::fmt;

/// The most ways of a request that are followed.
const MAX_WAYS: usize = 4096;

/// The most requests of one connection.
const MAX_REQUESTS: i32 = 1000;

/// Something that can be measured.
pub struct Measure {
    /// How lessons write it.
    pub name: &'static str,
    /// What it is.
    pub about: &'static str,
    /// What it is read from.
    pub kind: MeasureKind,
}

/// What a measure is read from.
#[derive(Clone, Copy)]
pub enum MeasureKind {
    /// Each way of a request.
    Walk(fn(&Walk) -> String),
    /// All ways of a request together.
    Ways(fn(&[Branch<Walk>]) -> String),
    /// Later requests on one connection that was opened before.
    Connection(fn(&[Walk]) -> String),
    /// An object.
    Object(fn(&World, &ObjectRef) -> String),
    /// What a line does.
    Line(fn(&Finished) -> String),
}

/// Everything that can be measured.
pub const MEASURES: &[Measure] = &[
    walk(
        "verdict",
        "delivered, forwarded, refused, dropped, unreachable or no-such-host",
        |it| it.ending.verdict.name().into(),
    ),
    walk("by", "who decided: rule, host, pod or nobody", by),
    walk("reason", "why it failed, or none", |it| {
        word(&it.ending.reason)
    }),
    walk(
        "symptom",
        "what the client's tool prints, or nothing",
        |it| {
            it.ending
                .symptom
                .clone()
                .unwrap_or_else(|| "nothing".into())
        },
    ),
    walk(
        "destination",
        "address and port after all rewriting",
        |it| or_none(it.ending.destination.clone()),
    ),
    walk("pods", "what has that address", object),
    walk("source-seen", "the source as the receiver sees it", |it| {
        or_none(it.ending.source_seen)
    }),
    walk(
        "port-sent",
        "the port in the packet as it sets out",
        port_sent,
    ),
    walk(
        "port-seen",
        "the port in the packet as it arrives",
        port_seen,
    ),
    walk("path", "the hosts on the way there", |it| {
        path(it, Leg::Request)
    }),
    walk("path-back", "the hosts on the way back", |it| {
        path(it, Leg::Reply)
    }),
    walk(
        "rewritten-on",
        "the host that rewrites the destination",
        |it| {
            changed(it, Leg::Request, |step| {
                step.before.destination != step.after.destination
            })
        },
    ),
    walk(
        "masqueraded-on",
        "the host that rewrites the source",
        |it| {
            changed(it, Leg::Request, |step| {
                step.before.source != step.after.source
            })
        },
    ),
    walk(
        "restored-on",
        "the host that rewrites the source of the reply",
        |it| {
            changed(it, Leg::Reply, |step| {
                step.before.source != step.after.source
            })
        },
    ),
    walk(
        "resolves",
        "the addresses that the name has, or none",
        resolves,
    ),
    walk("queries", "how many questions the name costs", |it| {
        it.lookup
            .as_ref()
            .map_or(0, |it| it.packets.len())
            .to_string()
    }),
    ways("spread", "how many pods may answer", spread),
    ways(
        "arrives",
        "how many of a hundred requests are answered",
        arrives,
    ),
    connection(
        "kept-pods",
        "who answers later requests of one connection",
        |it| joined(it.iter().map(object)),
    ),
    connection(
        "kept-spread",
        "how many pods answer later requests of one connection",
        kept_spread,
    ),
    connection(
        "kept-verdict",
        "what becomes of later requests of one connection",
        |it| joined(it.iter().map(|it| it.ending.verdict.name().into())),
    ),
    connection(
        "kept-destination",
        "where later packets of one connection go",
        |it| joined(it.iter().map(|it| or_none(it.ending.destination.clone()))),
    ),
    Measure {
        name: "exists",
        about: "yes or no",
        kind: MeasureKind::Object(|world, it| {
            let is_there = world.cluster.store().document(it).is_some();
            if is_there { "yes" } else { "no" }.into()
        }),
    },
    Measure {
        name: "endpoints",
        about: "how many ready endpoints a Service has",
        kind: MeasureKind::Object(endpoints),
    },
    Measure {
        name: "prints",
        about: "what a line prints",
        kind: MeasureKind::Line(said),
    },
    Measure {
        name: "exits",
        about: "what a line exits with",
        kind: MeasureKind::Line(|it| it.code.to_string()),
    },
];

const fn walk(name: &'static str, about: &'static str, read: fn(&Walk) -> String) -> Measure {
    Measure {
        name,
        about,
        kind: MeasureKind::Walk(read),
    }
}

const fn ways(
    name: &'static str,
    about: &'static str,
    read: fn(&[Branch<Walk>]) -> String,
) -> Measure {
    Measure {
        name,
        about,
        kind: MeasureKind::Ways(read),
    }
}

const fn connection(
    name: &'static str,
    about: &'static str,
    read: fn(&[Walk]) -> String,
) -> Measure {
    Measure {
        name,
        about,
        kind: MeasureKind::Connection(read),
    }
}

/// What was measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measured {
    /// As texts are compared.
    pub value: String,
}

/// Why something cannot be measured.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MeasureError {
    /// Nobody knows what it is.
    #[error("{0:?} is nothing that can be measured: there are {known}", known = known())]
    Unknown(String),
    /// The request, or the object, makes no sense.
    #[error("{0}")]
    Senseless(String),
}

fn known() -> String {
    let names: Vec<&str> = MEASURES.iter().map(|it| it.name).collect();
    names.join(", ")
}

/// Measures something in a world. Connections are opened in the world `before`, where one is told, and go on in this one.
///
/// # Errors
/// When it makes no sense.
pub fn measure(
    ask: &Ask,
    trial: &mut Trial,
    before: Option<&World>,
) -> Result<Measured, MeasureError> {
    let found = MEASURES.iter().find(|it| it.name == ask.of);
    let found = found.ok_or_else(|| MeasureError::Unknown(ask.of.clone()))?;
    let value = match found.kind {
        MeasureKind::Walk(read) => {
            let ways = follow(ask, &trial.world())?;
            joined(ways.iter().map(|it| read(&it.result)))
        }
        MeasureKind::Ways(read) => read(&follow(ask, &trial.world())?),
        MeasureKind::Connection(read) => {
            let world = trial.world();
            let walks = keep(ask, before.unwrap_or(&world), &world)?;
            read(&walks)
        }
        MeasureKind::Object(read) => read(&trial.world(), &named(&ask.object)?),
        MeasureKind::Line(_) if ask.line.is_empty() => {
            return Err(MeasureError::Senseless("it needs a line to type".into()));
        }
        MeasureKind::Line(read) => read(&trial.run(&ask.line)),
    };
    Ok(Measured { value })
}

impl Question {
    /// The option that says what the world says.
    #[must_use]
    pub fn answer(&self, measured: &Measured) -> Option<&Choice> {
        self.options.iter().find(|it| measured.says(&it.value))
    }
}

impl Measured {
    /// Whether that is what somebody says. Blanks at the ends do not matter.
    #[must_use]
    pub fn says(&self, value: &str) -> bool {
        self.value.trim() == value.trim()
    }
}

fn senseless(it: impl fmt::Display) -> MeasureError {
    MeasureError::Senseless(it.to_string())
}

/// The request that something is measured of.
///
/// # Errors
/// When it makes no sense.
pub(super) fn request(ask: &Ask) -> Result<Request, MeasureError> {
    let told = if ask.protocol.is_empty() {
        "tcp"
    } else {
        &ask.protocol
    };
    let protocol = Protocol::from_name(told)
        .ok_or_else(|| MeasureError::Senseless(format!("{told:?} is no protocol")))?;
    let mut request = Request::new(
        Source::parse(&ask.from).map_err(senseless)?,
        Destination::parse(&ask.to, protocol).map_err(senseless)?,
    );
    request.enter_at = Some(ask.node.clone())
        .filter(|it| !it.is_empty())
        .map(HostId::Node);
    Ok(request)
}

fn follow(ask: &Ask, world: &World) -> Result<Vec<Branch<Walk>>, MeasureError> {
    let ways = outcomes(world, &request(ask)?, MAX_WAYS).map_err(senseless)?;
    Ok(ways.ways.branches)
}

/// Opens a connection in one world, and sends requests on it in another.
fn keep(ask: &Ask, before: &World, world: &World) -> Result<Vec<Walk>, MeasureError> {
    let mut chooser = Chooser::seeded(world.seed);
    let mut opened_in = before.clone();
    let opened = opened_in.open(&request(ask)?, &mut chooser);
    let (_, connection) = opened.map_err(senseless)?;
    let connection =
        connection.ok_or_else(|| senseless("no connection can be opened that could be kept"))?;
    let mut world = opened_in.after(world.cluster.clone());
    let n_requests = ask.requests.clamp(1, MAX_REQUESTS);
    Ok((0..n_requests)
        .map(|_| world.send_on(&connection, &mut chooser))
        .collect())
}

/// `service/api`, `pod/shop/web`, `node/node-1`.
///
/// # Errors
/// When nothing can have that name.
pub(super) fn named(text: &str) -> Result<ObjectRef, MeasureError> {
    let parts: Vec<&str> = text.split('/').collect();
    let (word, namespace, name) = match parts.as_slice() {
        [word, name] => (*word, "default", *name),
        [word, namespace, name] => (*word, *namespace, *name),
        _ => {
            return Err(senseless(format!(
                "{text:?} is no object: write service/NAME or service/NAMESPACE/NAME"
            )));
        }
    };
    let found = resource::find(word);
    let kind = found.and_then(|it| it.model.map(|kind| (kind, it.namespaced)));
    let (kind, is_namespaced) =
        kind.ok_or_else(|| senseless(format!("{word:?} is no kind of object")))?;
    let namespace = if is_namespaced { namespace } else { "" };
    Ok(ObjectRef::new(kind, namespace, name))
}

fn joined(values: impl Iterator<Item = String>) -> String {
    let mut all = Vec::new();
    for it in values {
        insert_once(&mut all, it);
    }
    all.join(" or ")
}

fn or_none(it: Option<impl ToString>) -> String {
    it.map_or_else(|| "none".into(), |it| it.to_string())
}

/// The word of a plain enum, as it is written elsewhere.
fn word<T: serde::Serialize>(it: &Option<T>) -> String {
    let value = serde_json::to_value(it).unwrap_or_default();
    value.as_str().unwrap_or("none").to_owned()
}

fn by(walk: &Walk) -> String {
    match walk.ending.by {
        None => "nobody".into(),
        by => word(&by),
    }
}

fn object(walk: &Walk) -> String {
    or_none(walk.ending.object.as_ref())
}

fn request_steps(walk: &Walk) -> impl DoubleEndedIterator<Item = &Step> {
    walk.steps.iter().filter(|it| it.leg == Leg::Request)
}

fn port_sent(walk: &Walk) -> String {
    let first = request_steps(walk).next();
    or_none(first.and_then(|it| it.before.destination_port()))
}

fn port_seen(walk: &Walk) -> String {
    let last = request_steps(walk).next_back();
    or_none(last.and_then(|it| it.after.destination_port()))
}

fn path(walk: &Walk, leg: Leg) -> String {
    let mut hosts: Vec<String> = Vec::new();
    for step in walk.steps.iter().filter(|it| it.leg == leg) {
        let host = step.host.to_string();
        if hosts.last() != Some(&host) {
            hosts.push(host);
        }
    }
    hosts.join(" → ")
}

fn changed(walk: &Walk, leg: Leg, differs: fn(&Step) -> bool) -> String {
    let mut steps = walk.steps.iter().filter(|it| it.leg == leg);
    let found = steps.find(|it| {
        let is_decided = matches!(it.kind, StepKind::Hook { .. } | StepKind::Balanced { .. });
        is_decided && differs(it)
    });
    or_none(found.map(|it| &it.host))
}

fn resolves(walk: &Walk) -> String {
    let addresses = walk.lookup.iter().flat_map(|it| &it.resolution.addresses);
    let addresses: Vec<String> = addresses.map(ToString::to_string).collect();
    if addresses.is_empty() {
        return "none".into();
    }
    addresses.join(", ")
}

fn spread(ways: &[Branch<Walk>]) -> String {
    let mut pods = Vec::new();
    for way in ways.iter().filter(|it| is_answered(&it.result)) {
        insert_once(&mut pods, object(&way.result));
    }
    pods.len().to_string()
}

fn kept_spread(walks: &[Walk]) -> String {
    let mut pods = Vec::new();
    for it in walks.iter().filter(|it| is_answered(it)) {
        insert_once(&mut pods, object(it));
    }
    pods.len().to_string()
}

fn arrives(ways: &[Branch<Walk>]) -> String {
    let answered = ways.iter().filter(|it| is_answered(&it.result));
    // The sum of nothing would be minus zero.
    let probability = answered.fold(0.0, |sum, it| sum + it.probability);
    format!("{:.0}", probability * 100.0)
}

/// Whether an application in the world answers, and says that all is well.
fn is_answered(walk: &Walk) -> bool {
    walk.ending.verdict == Verdict::Delivered && walk.ending.exit_code.is_none()
}

fn endpoints(world: &World, service: &ObjectRef) -> String {
    let slices = world.objects.slices_of(&service.namespace, &service.name);
    let ready = slices
        .flat_map(|it| &it.endpoints)
        .filter(|it| it.conditions.ready != Some(false));
    ready.count().to_string()
}

impl fmt::Debug for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Measure")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
