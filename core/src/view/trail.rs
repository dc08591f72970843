//! Lines on the map: wires, and what packets draw from station to station.
//!
//! Packets go along bridges and the nodes' network, round corners, never across a room's wall.

use super::drawing::{SHELF_APPROACH, onto_underlay};
use super::map::{Anchor, Layout, MapView, NodeRoom, PodRoom, Point, Wire};
use crate::sim::HostId;

impl MapView {
    /// The line a packet draws from station to station: along bridges and the nodes' network,
    /// round corners, never across a room's wall.
    #[must_use]
    pub fn trail(&self, stations: &[Anchor]) -> Vec<Point> {
        let mut points: Vec<Point> = Vec::new();
        let mut previous: Option<&Anchor> = None;
        for station in stations {
            let Some(at) = self.anchors.get(station).copied() else {
                continue;
            };
            match (previous, points.last().copied()) {
                (Some(before), Some(from)) => self.lead(before, from, station, at, &mut points),
                _ => points.push(at),
            }
            previous = Some(station);
        }
        points.dedup();
        points
    }

    fn lead(
        &self,
        before: &Anchor,
        from: Point,
        station: &Anchor,
        at: Point,
        points: &mut Vec<Point>,
    ) {
        match (before, station) {
            // Between two doors, along the nodes' network.
            (Anchor::Interface(a, _), Anchor::Interface(b, _))
                if is_on_underlay(a) && is_on_underlay(b) && a != b =>
            {
                self.along_network((a, from), (b, at), points);
            }
            // Between a node's stations and its bridge, beside the shelf.
            (Anchor::Hook(host, _) | Anchor::Routing(host), Anchor::Interface(_, name))
                if is_node(host) && name == "cni0" =>
            {
                let x = self.aisle(host, from).unwrap_or(from.x);
                points.push(Point { x, y: from.y });
                points.push(Point { x, y: at.y });
            }
            (Anchor::Interface(host, name), Anchor::Hook(..) | Anchor::Routing(_))
                if is_node(host) && name == "cni0" =>
            {
                let x = self.aisle(host, at).unwrap_or(at.x);
                points.push(Point { x, y: from.y });
                points.push(Point { x, y: at.y });
                points.push(at);
            }
            // Onto a bridge: straight up or down to it.
            (_, Anchor::Interface(host, name)) if is_node(host) && name == "cni0" => {
                points.push(Point { x: from.x, y: at.y });
            }
            // Off a bridge, or in from the door: along, then straight.
            (Anchor::Interface(host, name), _) if is_node(host) && name == "cni0" => {
                points.push(Point { x: at.x, y: from.y });
                points.push(at);
            }
            (Anchor::Interface(host, _), Anchor::Hook(..) | Anchor::Routing(_))
                if is_node(host) =>
            {
                self.turn_above_shelf(host, from, at, points);
                points.push(at);
            }
            (Anchor::Hook(host, _) | Anchor::Routing(host), Anchor::Interface(..))
                if is_node(host) =>
            {
                self.turn_above_shelf(host, from, at, points);
                points.push(at);
            }
            _ => points.push(at),
        }
    }

    /// From a door to another one, along the lines of the nodes' network.
    fn along_network(
        &self,
        (a, from): (&HostId, Point),
        (b, at): (&HostId, Point),
        points: &mut Vec<Point>,
    ) {
        let (leaves, meets) = (self.onto(a, from), self.onto(b, at));
        points.push(leaves);
        if let (Layout::Wide, Some([trunk, _])) = (self.layout, self.underlay.last())
            && leaves.y != meets.y
        {
            // From row to row by the line that joins them.
            points.push(Point {
                x: trunk.x,
                y: leaves.y,
            });
            points.push(Point {
                x: trunk.x,
                y: meets.y,
            });
        }
        points.push(meets);
        points.push(at);
    }

    /// Where the way from a host's door meets the nodes' network.
    fn onto(&self, host: &HostId, door: Point) -> Point {
        let room = self.nodes.iter().find(|it| it.name == host.short());
        match (room, self.underlay.first()) {
            (Some(room), _) if is_node(host) => room.onto,
            (_, Some([start, _])) => onto_underlay(door, *start, self.layout),
            _ => door,
        }
    }

    /// Where the way between a station and the bridge leads past the shelf: on the station's side.
    fn aisle(&self, host: &HostId, station: Point) -> Option<f64> {
        let room = self.nodes.iter().find(|it| it.name == host.short())?;
        let [left, right] = room.bridge;
        let is_left = station.x < room.shelf.centre().x;
        Some(if is_left { left.x } else { right.x })
    }

    fn turn_above_shelf(&self, host: &HostId, from: Point, at: Point, points: &mut Vec<Point>) {
        let room = self.nodes.iter().find(|it| it.name == host.short());
        if let Some(room) = room {
            let y = room.shelf.y - SHELF_APPROACH;
            points.push(Point { x: from.x, y });
            points.push(Point { x: at.x, y });
        }
    }
}

fn is_node(host: &HostId) -> bool {
    matches!(host, HostId::Node(_))
}

fn is_on_underlay(host: &HostId) -> bool {
    matches!(host, HostId::Node(_) | HostId::Router)
}

/// The wires: from nodes to their network, from pods to their bridge, from outside to the router.
pub(super) fn wires(
    nodes: &[NodeRoom],
    pods: &[PodRoom],
    outside: Option<(&PodRoom, Point)>,
    underlay: Point,
    layout: Layout,
) -> Vec<Wire> {
    let wire = |from: Point, to: Point, kind| Wire { from, to, kind };
    let mut wires = Vec::new();
    if let Some((outside, router)) = outside {
        wires.push(wire(outside.door, router, "eth1"));
        wires.push(wire(
            router,
            onto_underlay(router, underlay, layout),
            "eth0",
        ));
    }
    for node in nodes {
        wires.push(wire(node.door, node.onto, "eth0"));
        for pod in pods.iter().filter(|it| it.node == node.name) {
            let [bridge, _] = node.bridge;
            let onto = Point {
                x: pod.door.x,
                y: bridge.y,
            };
            wires.push(wire(pod.door, onto, "veth"));
        }
    }
    wires
}
