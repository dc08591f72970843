//! Drawing the map: where every room, door, wire and station is.
//!
//! **Left out**: labels of wires and how long a text is: a shell knows its letters.

use super::map::{
    Anchor, Balancer, Layout, MapView, NodeRoom, PodRoom, Point, Rect, ShelfLine, Station, VipGhost,
};
use super::seats::Seating;
use super::trail::wires;
use crate::ip::{IpAddr, parse_sloppy};
use crate::netfilter::Hook;
use crate::proxy::{ServedPort, select};
use crate::sim::{HostId, World};
use crate::sorted::insert_once;
use std::collections::BTreeMap;

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
const MAX_COLUMNS: usize = 3;
const FOLDED_HEIGHT: f64 = 84.0;
const BALANCER_WIDTH: f64 = 150.0;
const BALANCER_GAP: f64 = 18.0;
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
    /// Whether there are several rows of rooms.
    is_grid: bool,
    anchors: BTreeMap<Anchor, Point>,
}

/// A node that is to be drawn.
struct Planned {
    seat: usize,
    name: String,
    /// Its pods by seat.
    pods: Vec<(usize, HostId)>,
    n_columns: usize,
    is_folded: bool,
}

/// Draws the cluster. `client` is where the request comes from, `asked` the address it is for.
pub(super) fn draw(
    world: &World,
    client: &HostId,
    asked: Option<(IpAddr, Option<u16>)>,
    layout: Layout,
    seating: &mut Seating,
) -> MapView {
    let mut drawing = Drawing {
        world,
        client,
        asked,
        layout,
        is_grid: false,
        anchors: BTreeMap::new(),
    };
    let order = drawing.node_order();
    let seats: Vec<(usize, String)> = seating
        .settle_nodes(&order)
        .taken()
        .map(|(seat, name)| (seat, name.clone()))
        .collect();
    let n_across = seating.n_across(layout).max(1);
    if n_across > 1 {
        // Beside one another, whatever the page's shape.
        drawing.layout = Layout::Wide;
        drawing.is_grid = seats.last().is_some_and(|it| it.0 >= n_across);
    }
    let mut planned: Vec<Planned> = seats
        .into_iter()
        .map(|(seat, name)| drawing.plan(seat, name, seating))
        .collect();
    if drawing.is_grid {
        let widest = planned.iter().map(|it| it.n_columns).max();
        for it in &mut planned {
            it.n_columns = widest.unwrap_or(MIN_COLUMNS);
        }
    }
    drawing.draw(&planned, n_across)
}

impl Drawing<'_> {
    fn plan(&self, seat: usize, name: String, seating: &mut Seating) -> Planned {
        let ids = self.pods_of(&name);
        let names: Vec<String> = ids.iter().map(ToString::to_string).collect();
        let seats = seating.settle_pods(&name, &names);
        let pods = seats
            .taken()
            .filter_map(|(seat, it)| {
                let idx = names.iter().position(|name| name == it)?;
                Some((seat, ids[idx].clone()))
            })
            .collect();
        Planned {
            seat,
            n_columns: seats.len().clamp(MIN_COLUMNS, MAX_COLUMNS),
            is_folded: seating.is_folded(&name),
            pods,
            name,
        }
    }

    fn draw(&mut self, planned: &[Planned], n_across: usize) -> MapView {
        let has_outside = self.has_outside();
        let top = if has_outside { OUTSIDE_BAND } else { MARGIN };
        let (nodes, pods) = self.draw_nodes(planned, n_across, top, has_outside);
        let right = |it: &NodeRoom| it.rect.x + it.rect.width + MARGIN;
        let bottom = |it: &NodeRoom| it.rect.y + it.rect.height + MARGIN;
        let mut width = nodes.iter().map(right).fold(0.0, f64::max);
        let height = nodes.iter().map(bottom).fold(0.0, f64::max);
        let underlay = self.underlay(&nodes, (width, height), top, has_outside);
        let balancers = self.draw_balancers(&nodes, width);
        let outside = has_outside.then(|| self.draw_outside(width, !balancers.is_empty()));
        for it in &balancers {
            width = width.max(it.rect.x + it.rect.width + MARGIN);
        }
        let router = outside
            .as_ref()
            .zip(underlay.first())
            .map(|(it, line)| self.draw_router(it, line[0]));
        let wires = wires(
            &nodes,
            &pods,
            outside.as_ref().zip(router),
            underlay.first().map_or(Point::default(), |it| it[0]),
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
            balancers,
            underlay,
            anchors: std::mem::take(&mut self.anchors),
        }
    }

    /// Whether the client outside is drawn: it asks, or it could.
    fn has_outside(&self) -> bool {
        let mut services = self.world.objects.services.values();
        *self.client == HostId::Outside
            || services.any(|it| {
                matches!(it.kind(), "NodePort" | "LoadBalancer") || !it.spec.external_ips.is_empty()
            })
    }

    fn draw_nodes(
        &mut self,
        planned: &[Planned],
        n_across: usize,
        top: f64,
        has_outside: bool,
    ) -> (Vec<NodeRoom>, Vec<PodRoom>) {
        let (left, mut y) = match self.layout {
            Layout::Wide if self.is_grid => (MARGIN + UNDERLAY_ASIDE, top + UNDERLAY_TO_ROOMS),
            Layout::Wide => (MARGIN, top + UNDERLAY_TO_ROOMS),
            // Beneath the router there is room for a packet's card.
            Layout::Tall if has_outside => (MARGIN + UNDERLAY_ASIDE, top + UNDERLAY_TO_ROOMS),
            Layout::Tall => (MARGIN + UNDERLAY_ASIDE, top),
        };
        let (mut nodes, mut pods) = (Vec::new(), Vec::new());
        let n_seats = planned.last().map_or(0, |it| it.seat + 1);
        let between_rows = match self.layout {
            Layout::Wide => MARGIN + UNDERLAY_TO_ROOMS,
            Layout::Tall => MARGIN,
        };
        for first in (0..n_seats).step_by(n_across) {
            let mut x = left;
            let begun = nodes.len();
            for seat in first..(first + n_across).min(n_seats) {
                let Some(it) = planned.iter().find(|it| it.seat == seat) else {
                    x += room_width(MIN_COLUMNS) + MARGIN;
                    continue;
                };
                let (room, mut its_pods) = self.draw_node(it, x, y);
                x += room.rect.width + MARGIN;
                nodes.push(room);
                pods.append(&mut its_pods);
            }
            let row = &mut nodes[begun..];
            let height = row.iter().map(|it| it.rect.height).fold(0.0, f64::max);
            for node in row.iter_mut().filter(|it| !it.is_folded) {
                // Rooms beside one another end on the same line.
                node.rect.height = height;
            }
            y += height + between_rows;
        }
        (nodes, pods)
    }

    /// A line above each row, and one that joins them; or one line beside the rooms.
    fn underlay(
        &self,
        nodes: &[NodeRoom],
        (width, height): (f64, f64),
        top: f64,
        has_outside: bool,
    ) -> Vec<[Point; 2]> {
        let line = |a: (f64, f64), b: (f64, f64)| [a, b].map(|(x, y)| Point { x, y });
        if self.layout == Layout::Tall {
            let from = if has_outside {
                OUTSIDE_DOOR + ROUTER_BELOW
            } else {
                top
            };
            return vec![line((MARGIN, from), (MARGIN, height - MARGIN))];
        }
        let right = (width - MARGIN).max(MARGIN);
        let mut lines = vec![line((MARGIN, top), (right, top))];
        for node in nodes {
            if lines.last().is_some_and(|it| it[0].y < node.onto.y) {
                lines.push(line((MARGIN, node.onto.y), (right, node.onto.y)));
            }
        }
        if let [_, .., last] = lines.as_slice() {
            lines.push(line((MARGIN, top), (MARGIN, last[0].y)));
        }
        lines
    }

    /// Nodes with a pod of the user's come first, by name; then the others.
    fn node_order(&self) -> Vec<String> {
        let is_idle = |name: &String| {
            !self
                .pods_of(name)
                .iter()
                .any(|it| matches!(it, HostId::Pod(namespace, _) if namespace != "kube-system"))
        };
        let (idle, mut order): (Vec<String>, Vec<String>) =
            self.world.objects.nodes.keys().cloned().partition(is_idle);
        order.extend(idle);
        order
    }

    fn pods_of(&self, node: &str) -> Vec<HostId> {
        self.world
            .objects
            .pods_on(node)
            .iter()
            .map(|it| HostId::Pod(it.0.clone(), it.1.clone()))
            .filter(|it| self.world.network.host(it).is_some())
            .collect()
    }

    fn draw_node(&mut self, planned: &Planned, x: f64, y: f64) -> (NodeRoom, Vec<PodRoom>) {
        let name = &planned.name;
        let width = room_width(planned.n_columns);
        let (lines, n_ports) = self.shelf_lines(name);
        let mut room = self.empty_room(
            planned,
            Rect {
                x,
                y,
                width,
                height: FOLDED_HEIGHT,
            },
        );
        room.n_hidden_lines = n_ports;
        if planned.is_folded {
            self.fold(&mut room, planned);
            return (room, Vec::new());
        }
        let shelf = Rect {
            x: x + ROOM_PADDING,
            y: y + SHELF_TOP,
            width: width - 2.0 * ROOM_PADDING,
            height: STATION_BAND + SHELF_LINE * (lines.len() + 1) as f64 + SHELF_BOTTOM,
        };
        let bridge_y = shelf.y + shelf.height + SHELF_GAP;
        let pods_y = bridge_y + BRIDGE_TO_PODS;
        let n_seats = planned.pods.last().map_or(0, |it| it.0 + 1);
        let rows = n_seats.div_ceil(planned.n_columns).max(1) as f64;
        let below_pods = pods_y + rows * POD_HEIGHT + (rows - 1.0) * BRIDGE_TO_PODS;
        let has_client = planned.pods.iter().any(|it| it.1 == *self.client);
        let ghost_band = if has_client || self.is_grid {
            GHOST_GAP + GHOST_HEIGHT
        } else {
            0.0
        };
        room.rect.height = below_pods - y + ghost_band + ROOM_PADDING;
        self.furnish(&mut room, shelf, bridge_y, lines);
        let mut pods = Vec::new();
        for (seat, pod) in &planned.pods {
            let column = (seat % planned.n_columns) as f64;
            let row = (seat / planned.n_columns) as f64;
            let at = Point {
                x: shelf.x + column * (POD_WIDTH + POD_GAP),
                y: pods_y + row * (POD_HEIGHT + BRIDGE_TO_PODS),
            };
            pods.extend(self.draw_pod(pod, name, at));
        }
        (room, pods)
    }

    /// A room's door, its shelf of rules with the stations on it, and its bridge.
    fn furnish(&mut self, room: &mut NodeRoom, shelf: Rect, bridge_y: f64, lines: Vec<ShelfLine>) {
        if self.layout == Layout::Tall {
            room.door = Point {
                x: room.rect.x,
                y: shelf.y - SHELF_APPROACH,
            };
            room.onto = Point {
                x: MARGIN,
                y: room.door.y,
            };
        }
        let host = HostId::Node(room.name.clone());
        let interface = |it: &str| Anchor::Interface(host.clone(), it.into());
        self.anchors.insert(interface("eth0"), room.door);
        let middle = Point {
            x: shelf.centre().x,
            y: bridge_y,
        };
        self.anchors.insert(interface("cni0"), middle);
        room.stations = self.draw_stations(&host, shelf);
        room.ways = WAYS.map(|it| it.iter().map(|it| it.at(shelf)).collect());
        room.n_hidden_lines -= lines.len();
        room.shelf_foot = shelf_row(shelf, lines.len());
        room.lines = lines;
        for (idx, line) in room.lines.iter_mut().enumerate() {
            line.rect = shelf_row(shelf, idx);
        }
        room.shelf = shelf;
        room.bridge = [shelf.x - SHELF_AISLE, shelf.x + shelf.width + SHELF_AISLE]
            .map(|x| Point { x, y: bridge_y });
    }

    /// A room with nothing in it yet but its numbers.
    fn empty_room(&self, planned: &Planned, rect: Rect) -> NodeRoom {
        let name = &planned.name;
        let is_ready = |it: &HostId| match it {
            HostId::Pod(namespace, name) => {
                let pod = self.world.objects.pod(namespace, name);
                pod.is_some_and(|it| it.is_ready())
            }
            _ => false,
        };
        NodeRoom {
            name: name.clone(),
            address: self.node_text(name, |it| {
                it.internal_ips().iter().map(ToString::to_string).collect()
            }),
            pod_range: self.node_text(name, |it| {
                it.pod_ranges().iter().map(ToString::to_string).collect()
            }),
            rect,
            is_folded: planned.is_folded,
            door: rect.top(),
            onto: Point {
                x: rect.top().x,
                y: rect.y - UNDERLAY_TO_ROOMS,
            },
            shelf: Rect::default(),
            ways: [Vec::new(), Vec::new()],
            stations: Vec::new(),
            lines: Vec::new(),
            n_hidden_lines: 0,
            shelf_foot: Rect::default(),
            bridge: [Point::default(); 2],
            n_pods: planned.pods.len(),
            n_ready: planned.pods.iter().filter(|it| is_ready(&it.1)).count(),
        }
    }

    /// A folded room: whatever happens in it happens in its middle.
    fn fold(&mut self, room: &mut NodeRoom, planned: &Planned) {
        let middle = room.rect.centre();
        if self.layout == Layout::Tall {
            room.door = Point {
                x: room.rect.x,
                y: middle.y,
            };
            room.onto = Point {
                x: MARGIN,
                y: middle.y,
            };
        }
        room.shelf = Rect {
            x: middle.x,
            y: middle.y,
            ..Rect::default()
        };
        room.bridge = [middle; 2];
        let host = HostId::Node(planned.name.clone());
        let interface = |host: &HostId, name: &str| Anchor::Interface(host.clone(), name.into());
        self.anchors.insert(interface(&host, "eth0"), room.door);
        let mut inside = vec![
            interface(&host, "cni0"),
            Anchor::Routing(host.clone()),
            Anchor::RoutingAgain(host.clone()),
            Anchor::Host(host.clone()),
        ];
        for hook in [
            Hook::Prerouting,
            Hook::Input,
            Hook::Forward,
            Hook::Output,
            Hook::Postrouting,
        ] {
            inside.push(Anchor::Hook(host.clone(), hook));
        }
        for (_, pod) in &planned.pods {
            inside.push(interface(pod, "eth0"));
            inside.push(Anchor::Host(pod.clone()));
        }
        for it in inside {
            self.anchors.insert(it, middle);
        }
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

    /// The lines of a node's rules that are drawn, the one asked for first; and how many there are.
    fn shelf_lines(&self, node: &str) -> (Vec<ShelfLine>, usize) {
        let family = crate::ip::Family::V4;
        let snapshot = crate::sim::snapshot(&self.world.objects, node, family);
        let served = self.world.network.served(family);
        let (Some(snapshot), Some(served)) = (snapshot, served) else {
            return (Vec::new(), 0);
        };
        let is_asked = |it: &ServedPort| {
            let port = &it.port;
            self.asked
                .is_some_and(|(ip, number)| ip == port.cluster_ip && number == Some(port.port))
        };
        let (asked, others): (Vec<&ServedPort>, Vec<&ServedPort>) =
            served.ports().partition(|it| is_asked(it));
        let n_ports = asked.len() + others.len();
        let drawn = asked.into_iter().chain(others).take(MAX_LINES);
        let lines: Vec<ShelfLine> = drawn
            .map(|served| {
                let port = &served.port;
                let endpoints = served.endpoints(&snapshot.node);
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
                    is_asked: is_asked(served),
                    rect: Rect::default(),
                }
            })
            .collect();
        (lines, n_ports)
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

    /// The load balancers of the cloud, beside the client outside.
    fn draw_balancers(&self, nodes: &[NodeRoom], width: f64) -> Vec<Balancer> {
        let services = self.world.objects.services.values();
        let first_x = match nodes.first() {
            Some(_) => outside_x(width, true) + POD_WIDTH + BALANCER_GAP,
            None => MARGIN,
        };
        services
            .filter(|it| it.kind() == "LoadBalancer")
            .enumerate()
            .map(|(idx, it)| {
                let ingress = &it.status.load_balancer.ingress;
                let addresses: Vec<String> = ingress
                    .iter()
                    .filter_map(|it| it.ip.clone().or_else(|| it.hostname.clone()))
                    .collect();
                let is_asked = self.asked.is_some_and(|(ip, _)| {
                    let mut all = addresses.iter().filter_map(|it| parse_sloppy(it));
                    all.any(|it| it == ip)
                });
                Balancer {
                    addresses,
                    service: format!("{}/{}", it.metadata.namespace, it.metadata.name),
                    is_asked,
                    rect: Rect {
                        x: first_x + (BALANCER_WIDTH + BALANCER_GAP) * idx as f64,
                        y: MARGIN / 2.0,
                        width: BALANCER_WIDTH,
                        height: OUTSIDE_DOOR - MARGIN / 2.0,
                    },
                }
            })
            .collect()
    }

    fn draw_outside(&mut self, width: f64, has_balancers: bool) -> PodRoom {
        let rect = Rect {
            x: outside_x(width, has_balancers),
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
            is_client: *self.client == HostId::Outside,
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

/// How wide a room is for so many pods beside one another.
fn room_width(n_columns: usize) -> f64 {
    let columns = n_columns as f64;
    columns * POD_WIDTH + (columns - 1.0) * POD_GAP + 2.0 * ROOM_PADDING
}

/// Where the client outside begins: in the middle, alone or with a load balancer beside it.
fn outside_x(width: f64, has_balancers: bool) -> f64 {
    let beside = if has_balancers {
        BALANCER_GAP + BALANCER_WIDTH
    } else {
        0.0
    };
    ((width - POD_WIDTH - beside) / 2.0).max(MARGIN)
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
