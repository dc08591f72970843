//! How a packet gets from one hop to the next: pure functions of elapsed time.
//!
//! A flight follows the hops' own trails. Backwards is the same flight with time reversed, so what
//! was seen going is seen coming. Where a header changes, its characters turn like those of a
//! split-flap board after the packet has arrived.
//!
//! **Left out**: links between parts that appear or vanish when the manifest is edited; there the
//! state simply changes.

use packetwalk_core::view::{Hop, Playback, Point};

/// The shortest and the longest that a movement takes.
const MOVE_MS: (f64, f64) = (180.0, 700.0);

/// How much longer each further hop of a long movement takes, as a part of the first.
const FURTHER_HOPS: f64 = 0.3;

/// A long movement takes no longer than this.
const LONGEST_MS: f64 = 1400.0;

/// How long a changed field takes to turn.
const TURN_MS: f64 = 360.0;

/// How much of a turn passes between its first character's start and its last one's.
const TURN_STAGGER: f64 = 0.55;

/// Where a packet is and how far its header has turned.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pose {
    /// The hop it is on the way to, or at.
    pub hop: usize,
    /// How far along that hop's trail, from 0 to 1.
    pub way: f64,
    /// How far the header has turned, from 0 (as it came) to 1 (as the hop leaves it).
    pub turn: f64,
}

impl Pose {
    /// At a hop.
    #[must_use]
    pub const fn resting(hop: usize) -> Pose {
        Pose {
            hop,
            way: 1.0,
            turn: 1.0,
        }
    }

    /// Whether nothing moves.
    #[must_use]
    pub fn is_resting(self) -> bool {
        self == Pose::resting(self.hop)
    }
}

/// A movement between two hops.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Flight {
    /// The earlier hop.
    low: usize,
    /// The later hop.
    high: usize,
    is_back: bool,
    move_ms: f64,
    turn_ms: f64,
}

impl Flight {
    /// The movement from a hop to the one a playback shows.
    #[must_use]
    pub fn plan(hops: &[Hop], from: usize, playback: Playback) -> Flight {
        let to = playback.position;
        let (low, high) = (from.min(to), from.max(to));
        let turns = hops.get(high).is_some_and(|it| !it.changes.is_empty());
        let moves = (low + 1..=high).any(|it| hops.get(it).is_some_and(|it| it.trail.len() > 1));
        Flight {
            low,
            high,
            is_back: to < from,
            move_ms: if moves {
                move_ms(f64::from(playback.move_ms), high - low)
            } else {
                0.0
            },
            turn_ms: if turns { TURN_MS } else { 0.0 },
        }
    }

    /// Where the packet is after so long; nothing when it has arrived.
    #[must_use]
    pub fn pose(&self, elapsed_ms: f64) -> Option<Pose> {
        let total = self.move_ms + self.turn_ms;
        if elapsed_ms >= total || self.high == self.low {
            return None;
        }
        let elapsed = elapsed_ms.max(0.0);
        Some(if self.is_back {
            self.ahead(total - elapsed)
        } else {
            self.ahead(elapsed)
        })
    }

    fn ahead(&self, elapsed: f64) -> Pose {
        if elapsed >= self.move_ms {
            let turn = if self.turn_ms > 0.0 {
                (elapsed - self.move_ms) / self.turn_ms
            } else {
                1.0
            };
            return Pose {
                hop: self.high,
                way: 1.0,
                turn: turn.clamp(0.0, 1.0),
            };
        }
        let n_hops = self.high - self.low;
        let share = ease(elapsed / self.move_ms);
        let (done, way) = split(share, n_hops);
        Pose {
            hop: self.low + 1 + done,
            way,
            turn: 0.0,
        }
    }
}

/// How many of so many equal parts are done, and how far the next one is.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "walks are short, and the share is between 0 and 1"
)]
fn split(share: f64, n_parts: usize) -> (usize, f64) {
    let at = share.clamp(0.0, 1.0) * n_parts as f64;
    let done = (at.floor() as usize).min(n_parts.saturating_sub(1));
    (done, at - done as f64)
}

#[expect(clippy::cast_precision_loss, reason = "walks are short")]
fn move_ms(asked: f64, n_hops: usize) -> f64 {
    let (shortest, longest) = MOVE_MS;
    let one = asked.clamp(shortest, longest);
    let further = n_hops.saturating_sub(1) as f64;
    (one * (1.0 + FURTHER_HOPS * further)).min(LONGEST_MS.max(one))
}

/// A clock that can be held.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Clock {
    /// What had passed when it was last started or held.
    passed: f64,
    /// When it was started, if it goes.
    since: Option<f64>,
}

impl Clock {
    /// A clock that goes from now on.
    #[must_use]
    pub const fn started(now: f64) -> Clock {
        Clock {
            passed: 0.0,
            since: Some(now),
        }
    }

    /// How long it has gone.
    #[must_use]
    pub fn elapsed(&self, now: f64) -> f64 {
        self.passed + self.since.map_or(0.0, |it| (now - it).max(0.0))
    }

    /// Whether it stands still.
    #[must_use]
    pub const fn is_held(&self) -> bool {
        self.since.is_none()
    }

    /// Stands still.
    pub fn hold(&mut self, now: f64) {
        *self = Clock {
            passed: self.elapsed(now),
            since: None,
        };
    }

    /// Goes on from where it stands.
    pub fn go_on(&mut self, now: f64) {
        *self = Clock {
            passed: self.elapsed(now),
            since: Some(now),
        };
    }
}

/// The one easing: slow, quick, slow.
#[must_use]
pub fn ease(share: f64) -> f64 {
    let t = share.clamp(0.0, 1.0);
    if t < 0.5 {
        4.0 * t * t * t
    } else {
        let back = 2.0 - 2.0 * t;
        1.0 - back * back * back / 2.0
    }
}

/// The first part of a line, as long as a share of it.
#[must_use]
pub fn part(points: &[Point], share: f64) -> Vec<Point> {
    let Some(first) = points.first() else {
        return Vec::new();
    };
    let mut left = length(points) * share.clamp(0.0, 1.0);
    let mut line = vec![*first];
    for pair in points.windows(2) {
        let step = distance(pair[0], pair[1]);
        if left >= step {
            line.push(pair[1]);
            left -= step;
            continue;
        }
        if left > 0.0 {
            line.push(between(pair[0], pair[1], left / step));
        }
        break;
    }
    line
}

/// The point at a share of a line's length.
#[must_use]
pub fn point_at(points: &[Point], share: f64) -> Point {
    part(points, share).last().copied().unwrap_or_default()
}

/// A line with its length, for many points on it.
#[derive(Clone, Debug, PartialEq)]
pub struct Path {
    /// The corners, and how far along each is.
    corners: Vec<(Point, f64)>,
}

impl Path {
    /// The path of a line.
    #[must_use]
    pub fn of(points: &[Point]) -> Path {
        let mut along = 0.0;
        let mut before: Option<Point> = None;
        let corners = points.iter().map(|it| {
            along += before.map_or(0.0, |before| distance(before, *it));
            before = Some(*it);
            (*it, along)
        });
        Path {
            corners: corners.collect(),
        }
    }

    /// The point at a share of its length.
    #[must_use]
    pub fn at(&self, share: f64) -> Point {
        let Some((end, length)) = self.corners.last().copied() else {
            return Point::default();
        };
        let along = length * share.clamp(0.0, 1.0);
        let next = self.corners.partition_point(|it| it.1 < along);
        let (to, there) = self.corners.get(next).copied().unwrap_or((end, length));
        let Some((from, here)) = next.checked_sub(1).map(|it| self.corners[it]) else {
            return to;
        };
        if there > here {
            between(from, to, (along - here) / (there - here))
        } else {
            to
        }
    }
}

fn length(points: &[Point]) -> f64 {
    points.windows(2).map(|it| distance(it[0], it[1])).sum()
}

fn distance(a: Point, b: Point) -> f64 {
    (a.x - b.x).hypot(a.y - b.y)
}

fn between(a: Point, b: Point, share: f64) -> Point {
    Point {
        x: a.x + (b.x - a.x) * share,
        y: a.y + (b.y - a.y) * share,
    }
}

/// A character of a split-flap board.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Flap {
    /// What it shows.
    pub shown: char,
    /// How upright it is: 1 is flat to the eye, 0 is edge on.
    pub height: f64,
    /// Whether it differs from what it was.
    pub is_changed: bool,
}

/// A text turning into another, character by character from the left.
#[must_use]
pub fn flaps(before: &str, after: &str, turn: f64) -> Vec<Flap> {
    let old: Vec<char> = before.chars().collect();
    let new: Vec<char> = after.chars().collect();
    let n_cells = old.len().max(new.len());
    let cell = |of: &[char], idx: usize| of.get(idx).copied().unwrap_or(' ');
    (0..n_cells)
        .map(|idx| {
            let (old, new) = (cell(&old, idx), cell(&new, idx));
            if old == new {
                return Flap {
                    shown: new,
                    height: 1.0,
                    is_changed: false,
                };
            }
            let own = own_turn(turn, idx, n_cells);
            Flap {
                shown: if own < 0.5 { old } else { new },
                height: (1.0 - 2.0 * own).abs(),
                is_changed: true,
            }
        })
        .collect()
}

/// How far one character has turned when the whole has turned so far.
#[expect(clippy::cast_precision_loss, reason = "addresses are short")]
fn own_turn(turn: f64, idx: usize, n_cells: usize) -> f64 {
    let delay = TURN_STAGGER * idx as f64 / n_cells.max(1) as f64;
    ((turn - delay) / (1.0 - TURN_STAGGER)).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(x: f64, y: f64) -> Point {
        Point { x, y }
    }

    const CORNER: [Point; 3] = [at(0.0, 0.0), at(10.0, 0.0), at(10.0, 30.0)];

    fn flight(low: usize, high: usize, is_back: bool, turn_ms: f64) -> Flight {
        Flight {
            low,
            high,
            is_back,
            move_ms: 400.0,
            turn_ms,
        }
    }

    #[test]
    fn a_point_goes_round_the_corner_at_one_pace() {
        assert_eq!(point_at(&CORNER, 0.0), at(0.0, 0.0));
        assert_eq!(point_at(&CORNER, 0.25), at(10.0, 0.0));
        assert_eq!(point_at(&CORNER, 0.5), at(10.0, 10.0));
        assert_eq!(point_at(&CORNER, 1.0), at(10.0, 30.0));
        assert_eq!(point_at(&[], 0.5), Point::default());
    }

    #[test]
    fn a_line_grows_from_its_beginning() {
        assert_eq!(part(&CORNER, 0.0), vec![at(0.0, 0.0)]);
        assert_eq!(
            part(&CORNER, 0.5),
            vec![at(0.0, 0.0), at(10.0, 0.0), at(10.0, 10.0)]
        );
        assert_eq!(part(&CORNER, 1.0), CORNER.to_vec());
    }

    #[test]
    fn a_path_is_the_line_it_is_of() {
        let path = Path::of(&CORNER);
        for it in 0..=20 {
            let share = f64::from(it) / 20.0;
            let (a, b) = (path.at(share), point_at(&CORNER, share));
            assert!(
                (a.x - b.x).abs() < 1e-9 && (a.y - b.y).abs() < 1e-9,
                "{share}"
            );
        }
        assert_eq!(Path::of(&[]).at(0.5), Point::default());
        assert_eq!(Path::of(&CORNER[..1]).at(0.5), CORNER[0]);
    }

    #[test]
    fn easing_begins_and_ends_still_and_never_goes_back() {
        assert_eq!(ease(0.0), 0.0);
        assert_eq!(ease(0.5), 0.5);
        assert_eq!(ease(1.0), 1.0);
        let steps: Vec<f64> = (0..=100).map(|it| ease(f64::from(it) / 100.0)).collect();
        assert!(steps.windows(2).all(|it| it[0] <= it[1]));
        assert!(steps[1] < 0.001 && steps[99] > 0.999);
    }

    #[test]
    fn a_flight_moves_then_turns_then_ends() {
        let it = flight(3, 4, false, 300.0);
        let begins = it.pose(0.0).expect("under way");
        assert_eq!((begins.hop, begins.way, begins.turn), (4, 0.0, 0.0));
        let half = it.pose(200.0).expect("under way");
        assert_eq!((half.hop, half.way), (4, 0.5));
        let turning = it.pose(550.0).expect("under way");
        assert_eq!((turning.way, turning.turn), (1.0, 0.5));
        assert_eq!(it.pose(700.0), None);
    }

    #[test]
    fn backwards_is_the_same_flight_with_time_reversed() {
        let (there, back) = (flight(3, 4, false, 300.0), flight(3, 4, true, 300.0));
        for ms in [1.0, 150.0, 350.0, 500.0, 699.0] {
            assert_eq!(there.pose(ms), back.pose(700.0 - ms), "after {ms} ms");
        }
        assert_eq!(back.pose(700.0), None);
    }

    #[test]
    fn a_long_flight_passes_every_hop_between() {
        let it = flight(2, 6, false, 0.0);
        let mut hops: Vec<usize> = (0..400)
            .filter_map(|ms| it.pose(f64::from(ms)).map(|it| it.hop))
            .collect();
        hops.dedup();
        assert_eq!(hops, [3, 4, 5, 6]);
    }

    #[test]
    fn a_movement_keeps_within_its_bounds_whatever_the_speed() {
        assert_eq!(move_ms(2800.0, 1), 700.0);
        assert_eq!(move_ms(10.0, 1), 180.0);
        assert_eq!(move_ms(700.0, 40), LONGEST_MS);
    }

    #[test]
    fn a_held_clock_stands_still_and_goes_on_from_there() {
        let mut clock = Clock::started(1000.0);
        assert_eq!(clock.elapsed(1100.0), 100.0);
        clock.hold(1100.0);
        assert_eq!(clock.elapsed(9000.0), 100.0);
        clock.go_on(9000.0);
        assert_eq!(clock.elapsed(9050.0), 150.0);
    }

    #[test]
    fn flaps_turn_only_what_differs_and_end_as_the_new_text() {
        let shown = |turn: f64| -> String {
            flaps("10.96.0.10:80", "10.244.1.5:8080", turn)
                .iter()
                .map(|it| it.shown)
                .collect()
        };
        assert_eq!(shown(0.0), "10.96.0.10:80  ");
        assert_eq!(shown(1.0), "10.244.1.5:8080");
        let half = flaps("10.96.0.10:80", "10.244.1.5:8080", 0.5);
        assert!(!half[0].is_changed && half[0].height == 1.0);
        assert!(half[3].is_changed);
        let end = flaps("ab", "xyz", 1.0);
        assert!(end.iter().all(|it| it.height == 1.0));
    }
}
