//! The cluster as a picture: rooms, doors, wires, and a place for every station of a walk.
//!
//! Units are abstract; a shell scales them, and says less of each room where rooms are small. The outside is above,
//! the nodes' network below it, then a room for each node: its door (`eth0`), its rules, its
//! bridge (`cni0`), and a smaller room for each pod. A few nodes stand in a line, many in rows. `drawing` draws it;
//! `seats` remembers who sits where.
//!
//! **Left out**: pods that run on no node.

use super::drawing::draw;
use super::kept;
use super::seats::Seating;
use crate::ip::IpAddr;
use crate::netfilter::Hook;
use crate::sim::{HostId, World};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// A place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// To the right.
    pub x: f64,
    /// Downwards.
    pub y: f64,
}

/// A rectangle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Rect {
    /// Its left edge.
    pub x: f64,
    /// Its upper edge.
    pub y: f64,
    /// Its width.
    pub width: f64,
    /// Its height.
    pub height: f64,
}

/// The shape of the page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// Nodes beside one another.
    #[default]
    Wide,
    /// Nodes below one another, for a narrow page.
    Tall,
}

/// The cluster as a picture.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MapView {
    /// The whole picture's width.
    pub width: f64,
    /// And height.
    pub height: f64,
    /// The shape it was laid out for.
    pub layout: Layout,
    /// The nodes.
    pub nodes: Vec<NodeRoom>,
    /// The pods.
    pub pods: Vec<PodRoom>,
    /// The wires.
    pub wires: Vec<Wire>,
    /// The virtual addresses, each near the one who asks for it.
    pub ghosts: Vec<VipGhost>,
    /// The client outside, if it takes part.
    pub outside: Option<PodRoom>,
    /// Where the router is between the nodes' network and the client outside, if it takes part.
    pub router: Option<Point>,
    /// The load balancers of the cloud, all of which are the router.
    pub balancers: Vec<Balancer>,
    /// The lines that are the nodes' network: one a row of rooms, and what joins them.
    pub underlay: Vec<[Point; 2]>,
    /// Where every station is.
    #[serde(skip)]
    pub anchors: BTreeMap<Anchor, Point>,
}

/// A node's room.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NodeRoom {
    /// Its name.
    pub name: String,
    /// Its address.
    pub address: String,
    /// The range of its pods.
    pub pod_range: String,
    /// The room.
    pub rect: Rect,
    /// Whether only its numbers are shown.
    pub is_folded: bool,
    /// Its door to the nodes' network.
    pub door: Point,
    /// Where the way from the door meets that network.
    pub onto: Point,
    /// The shelf of its rules.
    pub shelf: Rect,
    /// The stations on the shelf, in a packet's order.
    pub stations: Vec<Station>,
    /// The ways between stations: past the node's processes, and to them and from them.
    pub ways: [Vec<Point>; 2],
    /// The lines on the shelf: one a service port.
    pub lines: Vec<ShelfLine>,
    /// How many service ports it has that are not drawn.
    pub n_hidden_lines: usize,
    /// The last line of the shelf, where their number and what the columns mean find room.
    pub shelf_foot: Rect,
    /// Its bridge.
    pub bridge: [Point; 2],
    /// How many pods it has.
    pub n_pods: usize,
    /// How many of them are ready.
    pub n_ready: usize,
}

/// A station on a node's shelf: a hook, the routing decision between hooks, or the node's own processes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Station {
    /// Its name.
    pub name: String,
    /// Where.
    pub at: Point,
}

/// A virtual address as one line of a node's rules.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ShelfLine {
    /// Address, protocol and port: `10.96.0.10 tcp/80`.
    pub address: String,
    /// The Service: `default/api:http`.
    pub service: String,
    /// The Service's name alone: `api`.
    pub name: String,
    /// How many endpoints it leads to.
    pub n_endpoints: usize,
    /// Whether the request is for it.
    pub is_asked: bool,
    /// Where.
    pub rect: Rect,
}

/// A pod's room.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PodRoom {
    /// Its name among all hosts: `pod/default/api-1`.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// Its node.
    pub node: String,
    /// Its address.
    pub address: String,
    /// The ports it listens on: `8080/tcp`.
    pub listens: Vec<String>,
    /// Whether it is ready.
    pub is_ready: bool,
    /// Whether the shown request comes from it.
    pub is_client: bool,
    /// The Services it is a ready endpoint of.
    pub serves: Vec<String>,
    /// The room.
    pub rect: Rect,
    /// Its door to the bridge.
    pub door: Point,
}

/// A wire.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Wire {
    /// From.
    pub from: Point,
    /// To.
    pub to: Point,
    /// What it is: `veth`, `eth0`.
    #[serde(deserialize_with = "kept::word")]
    pub kind: kept::Word,
}

/// A virtual address, drawn as what it is: nothing but a name for rules.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VipGhost {
    /// Address and port: `10.96.0.10:80`.
    pub address: String,
    /// The Service: `default/api`.
    pub service: String,
    /// Where.
    pub rect: Rect,
    /// From whom the dotted line of intent comes.
    pub from: Point,
}

/// A load balancer of the cloud. What it does is done by the router.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Balancer {
    /// Its addresses: `203.0.113.10`; none while nobody has made it.
    pub addresses: Vec<String>,
    /// Its Service: `default/web`.
    pub service: String,
    /// Whether the request is for it.
    pub is_asked: bool,
    /// Where.
    pub rect: Rect,
}

/// A station a walk can be at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Anchor {
    /// In a host, where applications are.
    Host(HostId),
    /// At a host's interface.
    Interface(HostId, String),
    /// At a hook of a node.
    Hook(HostId, Hook),
    /// Where a node chooses a way.
    Routing(HostId),
    /// Where it chooses once more, for a packet of its own whose destination was rewritten.
    RoutingAgain(HostId),
}

impl fmt::Display for Anchor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Anchor::Host(host) => write!(f, "{host}"),
            Anchor::Interface(host, name) => write!(f, "{host}:{name}"),
            Anchor::Hook(host, hook) => write!(f, "{host}:{hook}"),
            Anchor::Routing(host) => write!(f, "{host}:routing"),
            Anchor::RoutingAgain(host) => write!(f, "{host}:routing again"),
        }
    }
}

impl Rect {
    /// Its middle.
    #[must_use]
    pub fn centre(self) -> Point {
        Point {
            x: self.x + self.width / 2.0,
            y: self.y + self.height / 2.0,
        }
    }

    /// The middle of its upper edge.
    #[must_use]
    pub fn top(self) -> Point {
        Point {
            x: self.x + self.width / 2.0,
            y: self.y,
        }
    }

    /// Whether a point lies in it.
    #[must_use]
    pub fn contains(self, at: Point) -> bool {
        (self.x..=self.x + self.width).contains(&at.x)
            && (self.y..=self.y + self.height).contains(&at.y)
    }

    /// Whether two rectangles share ground.
    #[must_use]
    pub fn overlaps(self, other: Rect) -> bool {
        self.x < other.x + other.width
            && other.x < self.x + self.width
            && self.y < other.y + other.height
            && other.y < self.y + self.height
    }
}

/// Draws the cluster as if for the first time. `client` is where the request comes from, `asked` the address it is for.
#[must_use]
pub fn map(
    world: &World,
    client: &HostId,
    asked: Option<(IpAddr, Option<u16>)>,
    layout: Layout,
) -> MapView {
    map_seated(world, client, asked, layout, &mut Seating::default())
}

/// Draws the cluster with everybody where they sat before.
#[must_use]
pub fn map_seated(
    world: &World,
    client: &HostId,
    asked: Option<(IpAddr, Option<u16>)>,
    layout: Layout,
    seating: &mut Seating,
) -> MapView {
    draw(world, client, asked, layout, seating)
}
