//! The cluster as a picture: rooms, doors, wires, and a place for every station of a walk.
//!
//! Positions depend only on which nodes and pods there are, in the order of their names, so that
//! editing a field moves nothing. Units are abstract; a shell scales them. The outside is above,
//! the nodes' network below it, then a room for each node: its door (`eth0`), its rules, its
//! bridge (`cni0`), and a smaller room for each pod.
//!
//! **Left out**: pods that run on no node; zoom levels for clusters too large for one page.

use super::trail::wires;
use crate::ip::IpAddr;
use crate::netfilter::Hook;
use crate::proxy::{SlicesByService, endpoints_of, select, service_ports};
use crate::sim::{HostId, World};
use crate::sorted::insert_once;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;

/// A place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Point {
    /// To the right.
    pub x: f64,
    /// Downwards.
    pub y: f64,
}

/// A rectangle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// Nodes beside one another.
    #[default]
    Wide,
    /// Nodes below one another, for a narrow page.
    Tall,
}

/// The cluster as a picture.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
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
    /// The line that is the nodes' network.
    pub underlay: [Point; 2],
    /// Where every station is.
    #[serde(skip)]
    pub anchors: BTreeMap<Anchor, Point>,
}

/// A node's room.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NodeRoom {
    /// Its name.
    pub name: String,
    /// Its address.
    pub address: String,
    /// The range of its pods.
    pub pod_range: String,
    /// The room.
    pub rect: Rect,
    /// Its door to the nodes' network.
    pub door: Point,
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
    /// How many pods it has that are not drawn.
    pub n_hidden_pods: usize,
}

/// A station on a node's shelf: a hook, the routing decision between hooks, or the node's own processes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Station {
    /// Its name.
    pub name: String,
    /// Where.
    pub at: Point,
}

/// A virtual address as one line of a node's rules.
#[derive(Clone, Debug, PartialEq, Serialize)]
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
#[derive(Clone, Debug, PartialEq, Serialize)]
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
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Wire {
    /// From.
    pub from: Point,
    /// To.
    pub to: Point,
    /// What it is: `veth`, `eth0`.
    pub kind: &'static str,
}

/// A virtual address, drawn as what it is: nothing but a name for rules.
#[derive(Clone, Debug, PartialEq, Serialize)]
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

    /// Whether two rectangles share ground.
    #[must_use]
    pub fn overlaps(self, other: Rect) -> bool {
        self.x < other.x + other.width
            && other.x < self.x + self.width
            && self.y < other.y + other.height
            && other.y < self.y + self.height
    }
}

const MARGIN: f64 = 24.0;
const POD_WIDTH: f64 = 132.0;
const POD_HEIGHT: f64 = 88.0;
const POD_GAP: f64 = 14.0;
const ROOM_PADDING: f64 = 16.0;
/// Above a shelf and above a pod there is room for a packet's card, so that a packet at rest covers no label.
const SHELF_TOP: f64 = 84.0;
const SHELF_LINE: f64 = 20.0;
const SHELF_BOTTOM: f64 = 4.0;
const STATION_BAND: f64 = 88.0;
/// Where the two rows of stations are, below a shelf's upper edge.
const STATION_ROWS: [f64; 2] = [20.0, 62.0];
/// From a station up to where a way is chosen again: below the label of the station above.
const ABOVE_STATION: f64 = 14.0;
const SHELF_GAP: f64 = 28.0;
const BRIDGE_TO_PODS: f64 = 54.0;
const GHOST_HEIGHT: f64 = 52.0;
const OUTSIDE_BAND: f64 = 120.0;
/// Where the room of the client outside ends.
const OUTSIDE_DOOR: f64 = 72.0;
const ROUTER_BELOW: f64 = 24.0;
const UNDERLAY_TO_ROOMS: f64 = 34.0;
const UNDERLAY_ASIDE: f64 = 20.0;
const GHOST_GAP: f64 = 18.0;
const MIN_COLUMNS: usize = 2;
/// How far above a shelf packets from the door turn towards a station.
pub(super) const SHELF_APPROACH: f64 = 9.0;
const MAX_PODS_DRAWN: usize = 12;
const MAX_LINES: usize = 3;
/// How far beside a shelf packets go up from the bridge and down to it.
pub(super) const SHELF_AISLE: f64 = 8.0;

/// Where a station stands on a shelf.
#[derive(Clone, Copy)]
struct StationPlace {
    name: &'static str,
    column: f64,
    row: usize,
}

const PREROUTING: StationPlace = StationPlace::new("prerouting", 0.0, 0);
const ROUTING: StationPlace = StationPlace::new("routing", 1.0, 0);
const FORWARD: StationPlace = StationPlace::new("forward", 2.0, 0);
const POSTROUTING: StationPlace = StationPlace::new("postrouting", 3.0, 0);
const INPUT: StationPlace = StationPlace::new("input", 1.0, 1);
const PROCESSES: StationPlace = StationPlace::new("processes", 2.0, 1);
const OUTPUT: StationPlace = StationPlace::new("output", 3.0, 1);

/// As in every drawing of netfilter: what passes through goes along the upper row; what is for the
/// node itself turns down to its processes, and what they send comes up again.
const WAYS: [&[StationPlace]; 2] = [
    &[PREROUTING, ROUTING, FORWARD, POSTROUTING],
    &[ROUTING, INPUT, PROCESSES, OUTPUT, POSTROUTING],
];

impl StationPlace {
    const fn new(name: &'static str, column: f64, row: usize) -> StationPlace {
        StationPlace { name, column, row }
    }

    fn at(self, shelf: Rect) -> Point {
        Point {
            x: shelf.x + shelf.width * (self.column + 0.5) / 4.0,
            y: shelf.y + STATION_ROWS[self.row],
        }
    }
}

/// A row of a shelf below its stations.
fn shelf_row(shelf: Rect, idx: usize) -> Rect {
    Rect {
        x: shelf.x + 4.0,
        y: shelf.y + STATION_BAND + SHELF_LINE * idx as f64,
        width: shelf.width - 8.0,
        height: SHELF_LINE - 1.0,
    }
}

/// What a map is drawn from.
struct Drawing<'a> {
    world: &'a World,
    client: &'a HostId,
    asked: Option<(IpAddr, Option<u16>)>,
    layout: Layout,
    anchors: BTreeMap<Anchor, Point>,
}

/// Draws the cluster. `client` is where the request comes from, `asked` the address it is for.
#[must_use]
pub fn map(
    world: &World,
    client: &HostId,
    asked: Option<(IpAddr, Option<u16>)>,
    layout: Layout,
) -> MapView {
    let mut drawing = Drawing {
        world,
        client,
        asked,
        layout,
        anchors: BTreeMap::new(),
    };
    drawing.draw()
}

impl Drawing<'_> {
    fn draw(&mut self) -> MapView {
        let outside_takes_part = *self.client == HostId::Outside;
        let top = if outside_takes_part {
            OUTSIDE_BAND
        } else {
            MARGIN
        };
        let (mut x, mut y) = match self.layout {
            Layout::Wide => (MARGIN, top + UNDERLAY_TO_ROOMS),
            // Beneath the router there is room for a packet's card.
            Layout::Tall if outside_takes_part => {
                (MARGIN + UNDERLAY_ASIDE, top + UNDERLAY_TO_ROOMS)
            }
            Layout::Tall => (MARGIN + UNDERLAY_ASIDE, top),
        };
        let mut nodes = Vec::new();
        let mut pods = Vec::new();
        let (mut width, mut height): (f64, f64) = (0.0, 0.0);
        for name in self.node_order() {
            let (room, mut its_pods) = self.draw_node(&name, x, y);
            width = width.max(room.rect.x + room.rect.width + MARGIN);
            height = height.max(room.rect.y + room.rect.height + MARGIN);
            match self.layout {
                Layout::Wide => x += room.rect.width + MARGIN,
                Layout::Tall => y += room.rect.height + MARGIN,
            }
            nodes.push(room);
            pods.append(&mut its_pods);
        }
        self.even_out(&mut nodes);
        let underlay = match self.layout {
            Layout::Wide => [(MARGIN, top), ((width - MARGIN).max(MARGIN), top)],
            Layout::Tall if outside_takes_part => [
                (MARGIN, OUTSIDE_DOOR + ROUTER_BELOW),
                (MARGIN, height - MARGIN),
            ],
            Layout::Tall => [(MARGIN, top), (MARGIN, height - MARGIN)],
        }
        .map(|(x, y)| Point { x, y });
        let outside = outside_takes_part.then(|| self.draw_outside(width));
        let router = outside.as_ref().map(|it| self.draw_router(it, underlay[0]));
        let wires = wires(
            &nodes,
            &pods,
            outside.as_ref().zip(router),
            underlay[0],
            self.layout,
        );
        let ghosts = self.draw_ghosts(&pods, outside.as_ref());
        MapView {
            width,
            height,
            layout: self.layout,
            nodes,
            pods,
            wires,
            ghosts,
            outside,
            router,
            underlay,
            anchors: std::mem::take(&mut self.anchors),
        }
    }

    /// Nodes with a pod of the user's come first, by name; then the others.
    fn node_order(&self) -> Vec<String> {
        let is_idle = |name: &String| {
            !self
                .pods_of(name)
                .iter()
                .any(|it| matches!(it, HostId::Pod(namespace, _) if namespace != "kube-system"))
        };
        let names = || self.world.objects.nodes.keys().cloned();
        names()
            .filter(|it| !is_idle(it))
            .chain(names().filter(is_idle))
            .collect()
    }

    fn pods_of(&self, node: &str) -> Vec<HostId> {
        self.world
            .objects
            .pods
            .iter()
            .filter(|(_, it)| it.spec.node_name.as_deref() == Some(node))
            .map(|(key, _)| HostId::Pod(key.0.clone(), key.1.clone()))
            .filter(|it| self.world.network.host(it).is_some())
            .collect()
    }

    fn draw_node(&mut self, name: &str, x: f64, y: f64) -> (NodeRoom, Vec<PodRoom>) {
        let all = self.pods_of(name);
        let n_hidden_pods = all.len().saturating_sub(MAX_PODS_DRAWN);
        let drawn = &all[..all.len() - n_hidden_pods];
        let n_columns = drawn.len().clamp(MIN_COLUMNS, 3);
        let columns = n_columns as f64;
        let width = columns * POD_WIDTH + (columns - 1.0) * POD_GAP + 2.0 * ROOM_PADDING;
        let mut lines = self.shelf_lines(name);
        let n_hidden_lines = lines.len().saturating_sub(MAX_LINES);
        lines.truncate(MAX_LINES);
        let shelf = Rect {
            x: x + ROOM_PADDING,
            y: y + SHELF_TOP,
            width: width - 2.0 * ROOM_PADDING,
            height: STATION_BAND + SHELF_LINE * (lines.len() + 1) as f64 + SHELF_BOTTOM,
        };
        for (idx, line) in lines.iter_mut().enumerate() {
            line.rect = shelf_row(shelf, idx);
        }
        let n_lines = lines.len();
        let bridge_y = shelf.y + shelf.height + SHELF_GAP;
        let pods_y = bridge_y + BRIDGE_TO_PODS;
        let n_rows = drawn.len().div_ceil(n_columns).max(1);
        let rows = n_rows as f64;
        let below_pods = pods_y + rows * POD_HEIGHT + (rows - 1.0) * BRIDGE_TO_PODS;
        let has_client = drawn.contains(self.client);
        let ghost_band = if has_client {
            GHOST_GAP + GHOST_HEIGHT
        } else {
            0.0
        };
        let height = below_pods - y + ghost_band + ROOM_PADDING;
        let rect = Rect {
            x,
            y,
            width,
            height,
        };
        let host = HostId::Node(name.to_owned());
        let door = match self.layout {
            Layout::Wide => rect.top(),
            Layout::Tall => Point {
                x: rect.x,
                y: shelf.y - SHELF_APPROACH,
            },
        };
        self.anchors
            .insert(Anchor::Interface(host.clone(), "eth0".into()), door);
        self.anchors.insert(
            Anchor::Interface(host.clone(), "cni0".into()),
            Point {
                x: shelf.centre().x,
                y: bridge_y,
            },
        );
        let stations = self.draw_stations(&host, shelf);
        let mut pods = Vec::new();
        for (idx, pod) in drawn.iter().enumerate() {
            let column = (idx % n_columns) as f64;
            let row = (idx / n_columns) as f64;
            let at = Point {
                x: shelf.x + column * (POD_WIDTH + POD_GAP),
                y: pods_y + row * (POD_HEIGHT + BRIDGE_TO_PODS),
            };
            pods.extend(self.draw_pod(pod, name, at));
        }
        let room = NodeRoom {
            name: name.to_owned(),
            address: self.node_text(name, |it| {
                it.internal_ips().iter().map(ToString::to_string).collect()
            }),
            pod_range: self.node_text(name, |it| {
                it.pod_ranges().iter().map(ToString::to_string).collect()
            }),
            rect,
            door,
            shelf,
            ways: WAYS.map(|it| it.iter().map(|it| it.at(shelf)).collect()),
            stations,
            lines,
            n_hidden_lines,
            shelf_foot: shelf_row(shelf, n_lines),
            bridge: [
                Point {
                    x: shelf.x - SHELF_AISLE,
                    y: bridge_y,
                },
                Point {
                    x: shelf.x + shelf.width + SHELF_AISLE,
                    y: bridge_y,
                },
            ],
            n_hidden_pods,
        };
        (room, pods)
    }

    fn node_text(&self, name: &str, parts: impl Fn(&crate::api::Node) -> Vec<String>) -> String {
        let node = self.world.objects.nodes.get(name);
        node.map(|it| parts(it).join(", ")).unwrap_or_default()
    }

    fn draw_stations(&mut self, host: &HostId, shelf: Rect) -> Vec<Station> {
        let hook = |it| Anchor::Hook(host.clone(), it);
        let output = OUTPUT.at(shelf);
        self.anchors.insert(
            Anchor::RoutingAgain(host.clone()),
            Point {
                x: output.x,
                y: output.y - ABOVE_STATION,
            },
        );
        [
            (PREROUTING, hook(Hook::Prerouting)),
            (ROUTING, Anchor::Routing(host.clone())),
            (FORWARD, hook(Hook::Forward)),
            (POSTROUTING, hook(Hook::Postrouting)),
            (INPUT, hook(Hook::Input)),
            (PROCESSES, Anchor::Host(host.clone())),
            (OUTPUT, hook(Hook::Output)),
        ]
        .into_iter()
        .map(|(place, anchor)| {
            let at = place.at(shelf);
            self.anchors.insert(anchor, at);
            Station {
                name: place.name.to_owned(),
                at,
            }
        })
        .collect()
    }

    fn shelf_lines(&self, node: &str) -> Vec<ShelfLine> {
        let family = crate::ip::Family::V4;
        let Some(snapshot) = crate::sim::snapshot(&self.world.objects, node, family) else {
            return Vec::new();
        };
        let slices = SlicesByService::new(&snapshot.endpoint_slices, family);
        let lines: Vec<ShelfLine> = service_ports(&snapshot.services, family)
            .iter()
            .map(|port| {
                let endpoints = endpoints_of(port, &slices, &snapshot.node);
                let selected = select(port, &endpoints, &snapshot.node);
                ShelfLine {
                    address: format!("{} {}/{}", port.cluster_ip, port.protocol, port.port),
                    service: port.to_string(),
                    name: port.service.metadata.name.clone(),
                    n_endpoints: if port.internal_policy_is_local {
                        selected.local.len()
                    } else {
                        selected.cluster.len()
                    },
                    is_asked: self.asked.is_some_and(|(ip, number)| {
                        ip == port.cluster_ip && number == Some(port.port)
                    }),
                    rect: Rect::default(),
                }
            })
            .collect();
        let (mut asked, mut others): (Vec<_>, Vec<_>) =
            lines.into_iter().partition(|it| it.is_asked);
        asked.append(&mut others);
        asked
    }

    fn draw_pod(&mut self, id: &HostId, node: &str, at: Point) -> Option<PodRoom> {
        let HostId::Pod(namespace, name) = id else {
            return None;
        };
        let pod = self.world.objects.pod(namespace, name)?;
        let rect = Rect {
            x: at.x,
            y: at.y,
            width: POD_WIDTH,
            height: POD_HEIGHT,
        };
        let door = rect.top();
        self.anchors
            .insert(Anchor::Interface(id.clone(), "eth0".into()), door);
        self.anchors.insert(
            Anchor::Host(id.clone()),
            Point {
                x: door.x,
                y: door.y + 16.0,
            },
        );
        Some(PodRoom {
            id: id.to_string(),
            name: name.clone(),
            namespace: namespace.clone(),
            node: node.to_owned(),
            address: pod
                .ips()
                .first()
                .map(ToString::to_string)
                .unwrap_or_default(),
            listens: pod
                .listens()
                .iter()
                .map(|it| match it.address {
                    Some(ip) => {
                        format!("{}/{}", crate::ip::join_host_port(ip, it.port), it.protocol)
                    }
                    None => format!("{}/{}", it.port, it.protocol),
                })
                .collect(),
            is_ready: pod.is_ready(),
            is_client: id == self.client,
            serves: self.services_of(namespace, name),
            rect,
            door,
        })
    }

    fn services_of(&self, namespace: &str, pod: &str) -> Vec<String> {
        let found = self
            .world
            .objects
            .endpoint_slices
            .values()
            .filter(|it| it.metadata.namespace == namespace)
            .filter(|it| {
                it.endpoints.iter().any(|it| {
                    it.conditions.is_ready()
                        && it.target_ref.as_ref().and_then(|it| it.name.as_deref()) == Some(pod)
                })
            })
            .filter_map(|it| it.service_name().map(str::to_owned));
        let mut names = Vec::new();
        for name in found {
            insert_once(&mut names, name);
        }
        names
    }

    fn draw_outside(&mut self, width: f64) -> PodRoom {
        let rect = Rect {
            x: (width - POD_WIDTH) / 2.0,
            y: MARGIN / 2.0,
            width: POD_WIDTH,
            height: OUTSIDE_DOOR - MARGIN / 2.0,
        };
        let door = Point {
            x: rect.centre().x,
            y: rect.y + rect.height,
        };
        let inside = Point {
            x: door.x,
            y: door.y - 13.0,
        };
        self.anchors.insert(Anchor::Host(HostId::Outside), inside);
        self.anchors
            .insert(Anchor::Interface(HostId::Outside, "eth0".into()), door);
        PodRoom {
            id: HostId::Outside.to_string(),
            name: "client outside".into(),
            namespace: String::new(),
            node: String::new(),
            address: crate::sim::OUTSIDE_CLIENT.into(),
            listens: Vec::new(),
            is_ready: true,
            is_client: true,
            serves: Vec::new(),
            rect,
            door,
        }
    }

    /// The router, between the client outside and the nodes' network.
    fn draw_router(&mut self, outside: &PodRoom, underlay: Point) -> Point {
        let at = Point {
            x: outside.door.x,
            y: outside.door.y + ROUTER_BELOW,
        };
        let onto = onto_underlay(at, underlay, self.layout);
        let interface = |name: &str| Anchor::Interface(HostId::Router, name.into());
        self.anchors.insert(interface("eth0"), onto);
        self.anchors.insert(interface("eth1"), at);
        self.anchors.insert(interface("wan0"), at);
        self.anchors.insert(Anchor::Host(HostId::Router), at);
        self.anchors.insert(Anchor::Routing(HostId::Router), at);
        at
    }

    /// Rooms beside one another end on the same line.
    fn even_out(&self, nodes: &mut [NodeRoom]) {
        let Layout::Wide = self.layout else { return };
        let height = nodes.iter().map(|it| it.rect.height).fold(0.0, f64::max);
        for node in nodes {
            node.rect.height = height;
        }
    }

    /// The address asked for, if it is a Service's: a ghost beneath the one who asks.
    fn draw_ghosts(&self, pods: &[PodRoom], outside: Option<&PodRoom>) -> Vec<VipGhost> {
        let Some((address, Some(port))) = self.asked else {
            return Vec::new();
        };
        let service = self
            .world
            .objects
            .services
            .values()
            .find(|it| it.cluster_ips().contains(&address));
        let client = pods.iter().chain(outside).find(|it| it.is_client);
        let (Some(service), Some(client)) = (service, client) else {
            return Vec::new();
        };
        let from = client.rect;
        let lowest = pods
            .iter()
            .filter(|it| it.node == client.node)
            .map(|it| it.rect.y + it.rect.height)
            .fold(from.y + from.height, f64::max);
        vec![VipGhost {
            address: crate::ip::join_host_port(address, port),
            service: format!("{}/{}", service.metadata.namespace, service.metadata.name),
            rect: Rect {
                x: from.x,
                y: lowest + GHOST_GAP,
                width: from.width,
                height: GHOST_HEIGHT,
            },
            from: Point {
                x: from.centre().x,
                y: from.y + from.height,
            },
        }]
    }
}

/// The nearest point of the nodes' network.
pub(super) fn onto_underlay(from: Point, underlay: Point, layout: Layout) -> Point {
    match layout {
        Layout::Wide => Point {
            x: from.x,
            y: underlay.y,
        },
        Layout::Tall => Point {
            x: underlay.x,
            y: from.y,
        },
    }
}
