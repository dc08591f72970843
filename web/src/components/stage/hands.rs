//! Hands on the map: a wheel, fingers, a mouse that drags; and the camera they move, which glides where a key or a
//! button sends it.
//!
//! The wheel scrolls the page as everywhere, unless the picture has the focus or Ctrl is held. One finger scrolls the
//! page while the whole map is in sight, and moves the map otherwise; two fingers always zoom.
//!
//! **Left out**: momentum: a map that is let go stands still.

use super::camera::{Camera, STEP, Scene, Size};
use crate::hand_over;
use crate::hooks::clock::now_ms;
use crate::hooks::media::{REDUCED_MOTION, use_media};
use crate::motion::ease;
use gloo::events::{EventListener, EventListenerOptions};
use gloo::render::{AnimationFrame, request_animation_frame};
use packetwalk_core::view::Point;
use std::cell::RefCell;
use std::rc::Rc;
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::Closure;
use web_sys::{Element, ResizeObserver};
use yew::prelude::*;

/// How long the camera is on its way.
const GLIDE_MS: f64 = 260.0;

/// How far a hand may shake and still press instead of drag, in pixels.
const SHAKE: f64 = 5.0;

/// How much a wheel's pixel zooms.
const WHEEL: f64 = 0.0022;

/// What is to become of the camera.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Move {
    /// Nearer.
    In,
    /// Farther.
    Out,
    /// All in sight.
    Whole,
    /// This place in sight.
    Show(Point),
    /// By a factor, about a place of the picture, at once.
    Zoom(f64, Size),
    /// By so many pixels, at once.
    Drag(Size),
}

/// The camera on its way.
struct Glide {
    from: Camera,
    to: Camera,
    since: Option<f64>,
    frame: Option<AnimationFrame>,
}

/// Fingers, or the mouse's button, on the map.
#[derive(Default)]
struct Hands {
    down: Vec<(i32, Size)>,
    /// Whether they have moved enough that this is no press.
    has_dragged: bool,
}

/// What hands and keys do to the map.
#[derive(Clone)]
pub(super) struct Sight {
    /// The camera now.
    pub(super) camera: Camera,
    /// What it stands before.
    pub(super) scene: Scene,
    /// Moves it.
    pub(super) go: Callback<Move>,
    hands: Rc<RefCell<Hands>>,
}

/// The camera before a map with a packet on it, listening to hands on an element.
#[hook]
pub(super) fn use_sight(svg: &NodeRef, map: Size, packet: Option<Point>) -> Sight {
    let screen = use_screen(svg);
    let scene = Scene { map, screen };
    let is_still = use_media(REDUCED_MOTION);
    let redraw = use_force_update();
    let glide = use_mut_ref(|| {
        let seen = hand_over::sight().and_then(|it| scene.seeing(&it));
        let first = seen.unwrap_or(scene.whole());
        Glide {
            from: first,
            to: first,
            since: None,
            frame: None,
        }
    });
    let current = {
        let mut glide = glide.borrow_mut();
        glide.to = scene.kept(glide.to);
        glide.now(scene)
    };
    let go = {
        let (glide, redraw) = (glide.clone(), redraw.clone());
        Callback::from(move |it: Move| {
            glide.borrow_mut().go(it, scene, is_still, packet);
            redraw.force_update();
        })
    };
    {
        let glide = glide.clone();
        use_effect(move || {
            let moves = glide.borrow().since.is_some();
            let frame = moves.then(|| request_animation_frame(move |_| redraw.force_update()));
            glide.borrow_mut().frame = frame;
        });
    }
    use_wheel(svg, &go);
    Sight {
        camera: current,
        scene,
        go,
        hands: use_mut_ref(Hands::default),
    }
}

impl Glide {
    fn now(&mut self, scene: Scene) -> Camera {
        let Some(since) = self.since else {
            return self.to;
        };
        let share = (now_ms() - since) / GLIDE_MS;
        if share >= 1.0 {
            self.since = None;
            return self.to;
        }
        scene.kept(self.from.towards(self.to, ease(share)))
    }

    fn go(&mut self, it: Move, scene: Scene, is_still: bool, packet: Option<Point>) {
        let now = self.now(scene);
        let middle = |camera: Camera| scene.view_box(camera).centre();
        let to = match it {
            // From afar it is the packet that one wants to see.
            Move::In => {
                let about = packet.filter(|_| !self.to.is_near());
                scene.zoomed(self.to, STEP, about.unwrap_or_else(|| middle(self.to)))
            }
            Move::Out => scene.zoomed(self.to, 1.0 / STEP, middle(self.to)),
            Move::Whole => scene.whole(),
            Move::Show(at) => scene.showing(self.to, at),
            Move::Zoom(factor, pixel) => scene.zoomed(now, factor, scene.place(now, pixel)),
            Move::Drag(by) => scene.moved(now, by),
        };
        let is_by_hand = matches!(it, Move::Zoom(..) | Move::Drag(_));
        if to == self.to && !is_by_hand {
            return;
        }
        *self = Glide {
            from: now,
            to,
            since: (!is_by_hand && !is_still).then(now_ms),
            frame: None,
        };
    }
}

impl Sight {
    /// A finger or button goes down.
    pub(super) fn on_down(&self) -> Callback<PointerEvent> {
        let hands = self.hands.clone();
        Callback::from(move |event: PointerEvent| {
            if event.button() != 0 {
                return;
            }
            let mut hands = hands.borrow_mut();
            if event.is_primary() {
                hands.down.clear();
                hands.has_dragged = false;
            }
            hands.down.push((event.pointer_id(), at(&event)));
        })
    }

    /// It moves.
    pub(super) fn on_move(&self, svg: &NodeRef) -> Callback<PointerEvent> {
        let (hands, go, svg) = (self.hands.clone(), self.go.clone(), svg.clone());
        let is_near = self.camera.is_near();
        Callback::from(move |event: PointerEvent| {
            let mut hands = hands.borrow_mut();
            let Some(svg) = svg.cast::<Element>() else {
                return;
            };
            if let Some(it) = hands.drag(event.pointer_id(), at(&event), is_near, &svg) {
                go.emit(it);
            }
        })
    }

    /// It goes up.
    pub(super) fn on_up(&self) -> Callback<PointerEvent> {
        let hands = self.hands.clone();
        Callback::from(move |event: PointerEvent| {
            let id = event.pointer_id();
            hands.borrow_mut().down.retain(|it| it.0 != id);
        })
    }

    /// Whether what ends now was a drag, so that it presses nothing.
    pub(super) fn has_dragged(&self) -> bool {
        self.hands.borrow().has_dragged
    }
}

impl Hands {
    fn drag(&mut self, id: i32, to: Size, is_near: bool, svg: &Element) -> Option<Move> {
        let idx = self.down.iter().position(|it| it.0 == id)?;
        let before = self.down[idx].1;
        let by = (to.0 - before.0, to.1 - before.1);
        if !self.has_dragged && by.0.hypot(by.1) < SHAKE {
            return None;
        }
        let other = self.down.iter().find(|it| it.0 != id).map(|it| it.1);
        self.down[idx].1 = to;
        match other {
            Some(other) => {
                self.has_dragged = true;
                let spread = |it: Size| (it.0 - other.0).hypot(it.1 - other.1).max(1.0);
                let rect = svg.get_bounding_client_rect();
                let middle = (
                    f64::midpoint(to.0, other.0) - rect.left(),
                    f64::midpoint(to.1, other.1) - rect.top(),
                );
                Some(Move::Zoom(spread(to) / spread(before), middle))
            }
            None if is_near => {
                if !self.has_dragged {
                    self.has_dragged = true;
                    // Without it a drag ends at the picture's edge, which is no harm.
                    let _ = svg.set_pointer_capture(id);
                }
                Some(Move::Drag(by))
            }
            None => None,
        }
    }
}

fn at(event: &PointerEvent) -> Size {
    (f64::from(event.client_x()), f64::from(event.client_y()))
}

/// How large the picture is on the screen, now and whenever that changes.
#[hook]
fn use_screen(svg: &NodeRef) -> Option<Size> {
    let screen = use_state_eq(|| None::<Size>);
    let set = screen.setter();
    use_effect_with(svg.clone(), move |svg| {
        let svg = svg.cast::<Element>();
        let watched = svg.clone();
        let measure = Closure::<dyn FnMut()>::new(move || {
            if let Some(rect) = svg.as_ref().map(Element::get_bounding_client_rect) {
                let is_there = rect.width() > 0.0 && rect.height() > 0.0;
                set.set(is_there.then(|| (rect.width(), rect.height())));
            }
        });
        let observer = ResizeObserver::new(measure.as_ref().unchecked_ref()).ok();
        if let (Some(observer), Some(svg)) = (&observer, &watched) {
            observer.observe(svg);
        }
        move || {
            if let Some(observer) = observer {
                observer.disconnect();
            }
            drop(measure);
        }
    });
    *screen
}

/// A wheel over the picture.
#[hook]
fn use_wheel(svg: &NodeRef, go: &Callback<Move>) {
    // The listener stays; what it calls is always the newest.
    let newest = use_mut_ref(|| go.clone());
    newest.replace(go.clone());
    use_effect_with(svg.clone(), move |svg| {
        let element = svg.cast::<Element>();
        let listener = element.map(|svg| {
            let options = EventListenerOptions::enable_prevent_default();
            let listened = svg.clone();
            EventListener::new_with_options(&listened, "wheel", options, move |event| {
                let Some(event) = event.dyn_ref::<WheelEvent>() else {
                    return;
                };
                let has_focus = svg.matches(":focus-within").unwrap_or(false);
                if !(has_focus || event.ctrl_key() || event.meta_key()) {
                    return;
                }
                event.prevent_default();
                let rect = svg.get_bounding_client_rect();
                let pixel = (
                    f64::from(event.client_x()) - rect.left(),
                    f64::from(event.client_y()) - rect.top(),
                );
                let lines = if event.delta_mode() == WheelEvent::DOM_DELTA_LINE {
                    16.0
                } else {
                    1.0
                };
                let factor = (-event.delta_y() * lines * WHEEL).exp();
                newest.borrow().emit(Move::Zoom(factor, pixel));
            })
        });
        move || drop(listener)
    });
}
