//! What part of the map is in sight: a place, how near it is, and how a hand, a wheel or a key moves it.
//!
//! Pure arithmetic; `view` listens to hands and keys. The map's own units stay as they are: only the picture's
//! `viewBox` changes.
//!
//! **Left out**: turning.

use packetwalk_core::view::{Point, Rect};

/// The nearest one can go: so many pixels a unit.
const NEAREST: f64 = 2.5;

/// One step of a button or key.
pub(super) const STEP: f64 = 1.5;

/// What share of the sight, from each edge, is too near the edge for what one should see.
const EDGE: f64 = 0.2;

/// At least so many pixels a unit, and every label of a room can be read.
const READABLE: f64 = 0.68;

/// Sizes of letters go in steps of this, so that zooming does not draw everything anew at every pixel.
const LETTERS: f64 = 1.15;

/// The most that letters and cards grow against the map.
const LARGEST: f64 = 14.0;

/// A size, in pixels or units.
pub(super) type Size = (f64, f64);

/// What is in sight.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Camera {
    /// The middle of it.
    centre: Point,
    /// How much nearer than the whole map: 1 is all of it.
    zoom: f64,
}

/// A camera before a map, on a screen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Scene {
    /// The map, in its units.
    pub(super) map: Size,
    /// The picture, in pixels; none before it is on the screen.
    pub(super) screen: Option<Size>,
}

impl Scene {
    /// How many pixels a unit has when the whole map is in sight.
    fn fit(self) -> f64 {
        let (width, height) = self.screen.unwrap_or(self.map);
        (width / self.map.0.max(1.0)).min(height / self.map.1.max(1.0))
    }

    /// How near one can go.
    pub(super) fn nearest(self) -> f64 {
        (NEAREST / self.fit().max(0.001)).max(1.0)
    }

    /// All of it.
    pub(super) fn whole(self) -> Camera {
        let centre = Point {
            x: self.map.0 / 2.0,
            y: self.map.1 / 2.0,
        };
        Camera { centre, zoom: 1.0 }
    }

    /// The camera that has this `viewBox` in sight.
    pub(super) fn seeing(self, view_box: &str) -> Option<Camera> {
        let numbers: Vec<f64> = view_box.split(' ').flat_map(str::parse).collect();
        let &[x, y, width, height] = numbers.as_slice() else {
            return None;
        };
        let centre = Point {
            x: x + width / 2.0,
            y: y + height / 2.0,
        };
        let zoom = self.map.0 / width;
        let is_sound = [centre.x, centre.y, zoom].iter().all(|it| it.is_finite());
        is_sound.then(|| self.kept(Camera { centre, zoom }))
    }

    /// The camera, kept on the map and within its bounds.
    pub(super) fn kept(self, camera: Camera) -> Camera {
        let zoom = camera.zoom.clamp(1.0, self.nearest());
        let (width, height) = (self.map.0 / zoom, self.map.1 / zoom);
        let within =
            |at: f64, half: f64, all: f64| at.clamp(half.min(all - half), half.max(all - half));
        Camera {
            centre: Point {
                x: within(camera.centre.x, width / 2.0, self.map.0),
                y: within(camera.centre.y, height / 2.0, self.map.1),
            },
            zoom,
        }
    }

    /// How many pixels a unit has.
    pub(super) fn scale(self, camera: Camera) -> f64 {
        self.fit() * camera.zoom
    }

    /// What is in sight, in units.
    pub(super) fn view_box(self, camera: Camera) -> Rect {
        let (width, height) = (self.map.0 / camera.zoom, self.map.1 / camera.zoom);
        Rect {
            x: camera.centre.x - width / 2.0,
            y: camera.centre.y - height / 2.0,
            width,
            height,
        }
    }

    /// The place on the map under a place of the picture, in pixels from its upper left corner.
    pub(super) fn place(self, camera: Camera, (x, y): Size) -> Point {
        let (width, height) = self.screen.unwrap_or(self.map);
        let scale = self.scale(camera);
        Point {
            x: camera.centre.x + (x - width / 2.0) / scale,
            y: camera.centre.y + (y - height / 2.0) / scale,
        }
    }

    /// Nearer or farther by a factor, with a place staying where it is.
    pub(super) fn zoomed(self, camera: Camera, factor: f64, about: Point) -> Camera {
        let zoom = (camera.zoom * factor).clamp(1.0, self.nearest());
        let share = camera.zoom / zoom;
        self.kept(Camera {
            centre: Point {
                x: about.x + (camera.centre.x - about.x) * share,
                y: about.y + (camera.centre.y - about.y) * share,
            },
            zoom,
        })
    }

    /// Moved by so many pixels of the screen.
    pub(super) fn moved(self, camera: Camera, (x, y): Size) -> Camera {
        let scale = self.scale(camera);
        self.kept(Camera {
            centre: Point {
                x: camera.centre.x - x / scale,
                y: camera.centre.y - y / scale,
            },
            ..camera
        })
    }

    /// Moved, if need be, so that a place is well in sight.
    pub(super) fn showing(self, camera: Camera, at: Point) -> Camera {
        let view = self.view_box(camera);
        let is_well_in = (EDGE..=1.0 - EDGE).contains(&((at.x - view.x) / view.width))
            && (EDGE..=1.0 - EDGE).contains(&((at.y - view.y) / view.height));
        if is_well_in || camera.zoom <= 1.0 {
            return camera;
        }
        self.kept(Camera {
            centre: at,
            ..camera
        })
    }

    /// How much is said of a room.
    pub(super) fn level(self, camera: Camera) -> Level {
        let scale = match self.screen {
            Some(_) => self.scale(camera),
            None => 1.0,
        };
        if scale >= READABLE {
            return Level::Near;
        }
        let mut step = 0;
        while step < 40 && LETTERS.powi(step) * scale < 1.0 {
            step += 1;
        }
        Level::Sketch { step }
    }
}

impl Camera {
    /// Whether less than all is in sight.
    pub(super) fn is_near(self) -> bool {
        self.zoom > 1.001
    }

    /// How far one camera is on its way to another.
    pub(super) fn towards(self, other: Camera, share: f64) -> Camera {
        let between = |a: f64, b: f64| a + (b - a) * share;
        Camera {
            centre: Point {
                x: between(self.centre.x, other.centre.x),
                y: between(self.centre.y, other.centre.y),
            },
            // Zooming at an even pace is multiplying.
            zoom: self.zoom * (other.zoom / self.zoom).powf(share),
        }
    }
}

/// How much is said of a room.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Level {
    /// All there is.
    Near,
    /// Names where they fit, or else counts.
    Sketch {
        /// How large letters are against the map.
        step: i32,
    },
}

impl Level {
    /// How many units a pixel has, about.
    pub(super) fn unit(self) -> f64 {
        match self {
            Level::Near => 1.0,
            Level::Sketch { step } => LETTERS.powi(step).min(LARGEST),
        }
    }

    /// Its name, as styles know it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Level::Near => "near",
            Level::Sketch { .. } => "sketch",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCENE: Scene = Scene {
        map: (2000.0, 1000.0),
        screen: Some((500.0, 250.0)),
    };

    #[test]
    fn the_place_one_zooms_at_stays_where_it_is() {
        let pointer = (100.0, 200.0);
        let before = SCENE.whole();
        let at = SCENE.place(before, pointer);
        let after = SCENE.zoomed(before, 3.0, at);
        let there = SCENE.place(after, pointer);
        assert!((at.x - there.x).abs() < 1e-6 && (at.y - there.y).abs() < 1e-6);
        let back = SCENE.zoomed(after, 1.0 / 3.0, at);
        assert_eq!(back, SCENE.whole());
    }

    #[test]
    fn the_map_cannot_be_lost_out_of_sight() {
        let near = SCENE.zoomed(SCENE.whole(), 4.0, Point { x: 0.0, y: 0.0 });
        let far_off = SCENE.moved(near, (-90_000.0, 90_000.0));
        let view = SCENE.view_box(far_off);
        assert_eq!((view.x + view.width, view.y), (2000.0, 0.0));
        assert_eq!(SCENE.moved(SCENE.whole(), (50.0, 50.0)), SCENE.whole());
        let nearest = SCENE.zoomed(near, 1e9, Point { x: 1.0, y: 1.0 });
        assert!((SCENE.scale(nearest) - NEAREST).abs() < 1e-9);
    }

    #[test]
    fn letters_keep_their_size_on_the_screen() {
        assert_eq!(SCENE.level(SCENE.whole()).name(), "sketch");
        let unit = SCENE.level(SCENE.whole()).unit() * SCENE.scale(SCENE.whole());
        assert!((1.0..1.2).contains(&unit), "{unit}");
        let near = SCENE.zoomed(SCENE.whole(), 4.0, Point::default());
        assert_eq!(SCENE.level(near), Level::Near);
    }

    #[test]
    fn what_one_looks_for_is_brought_into_sight() {
        let near = SCENE.zoomed(SCENE.whole(), 4.0, Point::default());
        let at = Point {
            x: 1500.0,
            y: 700.0,
        };
        let there = SCENE.showing(near, at);
        assert!(SCENE.view_box(there).contains(at));
        assert_eq!(SCENE.showing(there, at), there);
        assert_eq!(SCENE.showing(SCENE.whole(), at), SCENE.whole());
    }
}
