//! The packet: a small envelope, and its header in two lines on a card above it.
//!
//! Where the header changes, its characters turn like a split-flap board's; what it was stays
//! beneath, struck through.

use super::ink::{n, small};
use super::journey::Drawn;
use crate::components::leg;
use crate::motion::{Flap, Pose, flaps};
use packetwalk_core::view::{Change, HeaderField, Hop, HopDetail, MapView, PacketView, Point};
use yew::prelude::*;

/// How wide a character of the card is; each is placed by itself, whatever the face.
const ADVANCE: f64 = 7.3;
const PADDING: f64 = 9.0;
const ARROW: f64 = 18.0;
const LINE: f64 = 17.0;
const OLD_LINE: f64 = 14.0;
const STAMP_ADVANCE: f64 = 6.4;
/// From the packet's place to its card.
const GAP: f64 = 15.0;
const EDGE: f64 = 6.0;
/// A card that finds less room than this above its packet begins to go below it, and is there by the second.
const SIDES_CHANGE: (f64, f64) = (3.0, -3.0);

/// A line of the header, as it came and as it goes on.
#[derive(Debug, PartialEq)]
pub(super) struct Line {
    before: String,
    after: String,
}

/// The packet of a hop, at a place: as large on every map, its envelope open or closed.
pub(super) fn packet(hop: &Hop, pose: Pose, at: Point, map: &MapView, drawn: &Drawn) -> Html {
    let unit = drawn.unit;
    let lines = header(&hop.packet, &hop.changes);
    let stamp = stamp(hop);
    let inside = if drawn.is_open {
        inside(hop)
    } else {
        Vec::new()
    };
    let size = card_size(&lines, &stamp, pose, &inside);
    let place = card_place(at, (size.0 * unit, size.1 * unit), map, unit);
    // From the card's corner to the packet, in the card's own units.
    let (x, y) = ((at.x - place.x) / unit, (at.y - place.y) / unit);
    let tip = if y < 0.0 { 0.0 } else { size.1 };
    let nib = if y > size.1 {
        GAP - 7.0
    } else if y < 0.0 {
        7.0 - GAP
    } else {
        0.0
    };
    let (left, right) = (
        x.clamp(8.0, size.0 - 8.0) - 5.0,
        x.clamp(8.0, size.0 - 8.0) + 5.0,
    );
    let moved = |to: Point| format!("translate({} {}) scale({})", n(to.x), n(to.y), n(unit));
    html! {
        <g class="packet" data-leg={leg::name(hop.leg)} data-open={drawn.is_open.then_some("")} onclick={drawn.on_open.reform(|_: MouseEvent| ())}>
            <g transform={moved(place)}>
                <rect class="packet__card" width={n(size.0)} height={n(size.1)} rx="3" />
                <path class="packet__nib" d={format!("M{} {}L{} {}L{} {}", n(left), n(tip), n(x), n(tip + nib), n(right), n(tip))} />
                { stamp_text(&stamp, size.0) }
                { card_lines(&lines, pose) }
                { for inside.iter().enumerate().map(|(idx, it)| {
                    let y = size.1 - LINE * small(inside.len() - idx) + 9.0;
                    html! { <text class="packet__inside" key={idx} x={n(PADDING)} y={n(y)}>{ it.clone() }</text> }
                }) }
            </g>
            <g transform={moved(at)}>
                <rect class="packet__envelope" x="-10" y="-7" width="20" height="14" rx="1.5" />
                <path class="packet__flap" d={if drawn.is_open { "M-9.5 -6.5L0 -13L9.5 -6.5" } else { "M-9.5 -6.5L0 1.5L9.5 -6.5" }} />
            </g>
        </g>
    }
}

/// What else is on a packet, and what its node remembers of it.
fn inside(hop: &Hop) -> Vec<String> {
    let packet = &hop.packet;
    let kind = [packet.protocol.as_str(), packet.kind.as_str()].join(" ");
    let mut inside = vec![format!("{}, time to live {}", kind.trim_end(), packet.ttl)];
    if let HopDetail::Rules {
        mark, connection, ..
    } = &hop.detail
    {
        if *mark != 0 {
            inside.push(format!("mark 0x{mark:x}"));
        }
        if let Some(it) = connection {
            let state = it.state.map_or_else(String::new, |it| format!(" {it}"));
            inside.push(format!("connection{state}, {} s", it.timeout_secs));
        }
    }
    inside
}

/// What kind of packet it is; which way it goes; how it failed.
fn stamp(hop: &Hop) -> String {
    let kind = match hop.packet.kind.as_str() {
        "" => hop.packet.protocol.as_str(),
        kind => kind,
    };
    match hop.leg {
        packetwalk_core::view::LegName::Reply => format!("↩ {kind}"),
        _ => kind.to_owned(),
    }
}

fn stamp_text(stamp: &str, width: f64) -> Html {
    html! { <text class="packet__stamp" x={n(width - PADDING)} y={n(PADDING + 8.0)}>{ stamp.to_owned() }</text> }
}

/// Source and destination, as they came and as they go on.
pub(super) fn header(packet: &PacketView, changes: &[Change]) -> [Line; 2] {
    let was = |field: HeaderField| {
        changes
            .iter()
            .find(|it| it.field == field)
            .map(|it| it.before.clone())
    };
    let line = |address: &str, port: Option<u16>, address_field, port_field| {
        let old_address = was(address_field).unwrap_or_else(|| address.to_owned());
        let port = port.map(|it| it.to_string());
        let old_port = was(port_field).or_else(|| port.clone());
        Line {
            before: joined(&old_address, old_port.as_deref()),
            after: joined(address, port.as_deref()),
        }
    };
    [
        line(
            &packet.source,
            packet.source_port,
            HeaderField::Source,
            HeaderField::SourcePort,
        ),
        line(
            &packet.destination,
            packet.destination_port,
            HeaderField::Destination,
            HeaderField::DestinationPort,
        ),
    ]
}

/// Address and port as one writes them.
pub(crate) fn joined(address: &str, port: Option<&str>) -> String {
    match port {
        Some(port) if address.contains(':') => format!("[{address}]:{port}"),
        Some(port) => format!("{address}:{port}"),
        None => address.to_owned(),
    }
}

impl Line {
    pub(super) fn is_changed(&self) -> bool {
        self.before != self.after
    }

    /// Both values where they stay to be read: what was, struck through, and what is.
    pub(super) fn note(&self, x: f64, y: f64, leg: &'static str) -> Html {
        let width = small(self.before.chars().count()) * STAMP_ADVANCE;
        html! {
            <g key={format!("{x} {y}")} class="note" data-leg={leg}>
                <text class="note__was" x={places(&self.before, x)} y={n(y)}>{ self.before.clone() }</text>
                <line x1={n(x - 1.0)} y1={n(y - 3.5)} x2={n(x + width + 1.0)} y2={n(y - 3.5)} />
                <text class="note__is" x={places(&self.after, x)} y={n(y + 11.0)}>{ self.after.clone() }</text>
            </g>
        }
    }

    fn is_turned(&self, pose: Pose) -> bool {
        self.before != self.after && pose.turn > 0.0
    }

    fn n_cells(&self) -> f64 {
        let longest = self.before.chars().count().max(self.after.chars().count());
        f64::from(u16::try_from(longest).unwrap_or(u16::MAX))
    }
}

fn card_size(lines: &[Line; 2], stamp: &str, pose: Pose, inside: &[String]) -> (f64, f64) {
    let [source, destination] = lines;
    let stamp = f64::from(u16::try_from(stamp.chars().count()).unwrap_or(u16::MAX)) * STAMP_ADVANCE;
    let first = source.n_cells() * ADVANCE + 12.0 + stamp;
    let second = destination.n_cells() * ADVANCE + ARROW;
    let n_old = f64::from(u8::from(source.is_turned(pose)) + u8::from(destination.is_turned(pose)));
    let letters = |it: &String| small(it.chars().count()) * STAMP_ADVANCE;
    let widest = inside.iter().map(letters).fold(0.0, f64::max);
    (
        first.max(second).max(widest) + 2.0 * PADDING,
        2.0 * LINE + n_old * OLD_LINE + PADDING + small(inside.len()) * LINE,
    )
}

/// Above the packet, or below it at the map's upper edge; within the walls of the room it is in, if it is as small.
fn card_place(at: Point, (width, height): (f64, f64), map: &MapView, unit: f64) -> Point {
    let room = map
        .nodes
        .iter()
        .map(|it| it.rect)
        .find(|it| it.contains(at) && it.width >= width + 2.0 * EDGE);
    let (left, right) = room.map_or((0.0, map.width), |it| (it.x, it.x + it.width));
    let rightmost = (right - width - EDGE).max(left + EDGE);
    let (below, above) = (at.y + GAP * unit, at.y - GAP * unit - height);
    // Between the two a moving card changes sides without a jump.
    let (begins, ends) = SIDES_CHANGE;
    let share = ((above - ends * unit) / ((begins - ends) * unit)).clamp(0.0, 1.0);
    Point {
        x: (at.x - width / 2.0).clamp(left + EDGE, rightmost),
        y: below + (above - below) * share,
    }
}

fn card_lines(lines: &[Line; 2], pose: Pose) -> Html {
    let mut y = PADDING / 2.0 + 13.0;
    let mut drawn = Vec::new();
    for (idx, line) in lines.iter().enumerate() {
        let x = if idx == 0 { PADDING } else { PADDING + ARROW };
        if idx == 1 {
            drawn.push(html! {
                <path key="arrow" class="packet__arrow" transform={format!("translate({} {})", n(PADDING), n(y - 4.0))} d="M0 0h11M7 -4l4 4-4 4" />
            });
        }
        drawn.push(html! { <g key={idx}>{ cells(&flaps(&line.before, &line.after, pose.turn), x, y) }</g> });
        y += LINE;
        if line.is_turned(pose) {
            drawn.push(old(&line.before, x, y - 2.0));
            y += OLD_LINE;
        }
    }
    drawn.into_iter().collect()
}

fn cells(flaps: &[Flap], x: f64, y: f64) -> Html {
    flaps
        .iter()
        .enumerate()
        .map(|(idx, flap)| {
            let middle = x + ADVANCE * (f64::from(u16::try_from(idx).unwrap_or(u16::MAX)) + 0.5);
            let turned = format!("translate({} {}) scale(1 {})", n(middle), n(y - 4.5), n(flap.height));
            html! {
                <g key={idx} class="flap" data-changed={flap.is_changed.then_some("")} transform={turned}>
                    <rect x={n(-ADVANCE / 2.0)} y="-7.5" width={n(ADVANCE)} height="15" />
                    <text y="4.5">{ flap.shown }</text>
                </g>
            }
        })
        .collect()
}

fn old(text: &str, x: f64, y: f64) -> Html {
    let width = f64::from(u16::try_from(text.chars().count()).unwrap_or(u16::MAX)) * STAMP_ADVANCE;
    html! {
        <g key={format!("old {text}")} class="packet__old">
            <text x={places(text, x)} y={n(y)}>{ text.to_owned() }</text>
            <line x1={n(x - 1.0)} y1={n(y - 3.5)} x2={n(x + width + 1.0)} y2={n(y - 3.5)} />
        </g>
    }
}

/// A place for each character.
fn places(text: &str, x: f64) -> String {
    let all: Vec<String> = (0..text.chars().count())
        .map(|idx| n(x + STAMP_ADVANCE * f64::from(u16::try_from(idx).unwrap_or(u16::MAX))))
        .collect();
    all.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_version_six_is_bracketed() {
        assert_eq!(joined("10.0.0.1", Some("80")), "10.0.0.1:80");
        assert_eq!(joined("fd00::1", Some("80")), "[fd00::1]:80");
        assert_eq!(joined("fd00::1", None), "fd00::1");
    }

    #[test]
    fn a_card_stays_on_the_map() {
        let map = MapView {
            width: 400.0,
            height: 300.0,
            ..MapView::default()
        };
        let size = (160.0, 45.0);
        let place = |x, y| card_place(Point { x, y }, size, &map, 1.0);
        assert_eq!(place(10.0, 200.0).x, EDGE);
        assert_eq!(place(395.0, 200.0).x, 400.0 - 160.0 - EDGE);
        assert!(place(200.0, 30.0).y > 30.0);
        assert!(place(200.0, 200.0).y < 200.0 - 45.0);
    }
}
