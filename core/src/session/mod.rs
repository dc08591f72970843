//! A session: what a person has done so far, and what there is to see now.
//!
//! `Event → Session → Effect, View`. A shell hands in what happened, carries out the effects and
//! shows the view; it decides nothing. Time enters as an event.
//!
//! `time` remembers what was done and lets things happen to the cluster, `predict` asks, `traffic` sends many
//! requests, `terminal` is where one types, `lesson` leads through a world of its own and brings back what was there before. A [`FirstLook`] is what a page shows before the whole library has arrived: a few views that a session has made
//! before.
//!
//! **Left out**: what was undone, in links.

#[cfg(test)]
mod edit_tests;
mod first_look;
mod keep;
#[cfg(test)]
mod ledger_tests;
mod lesson;
mod lesson_look;
#[cfg(test)]
mod lesson_tests;
mod predict;
mod steps;
mod terminal;
#[cfg(test)]
mod terminal_tests;
#[cfg(test)]
mod tests;
mod time;
mod traffic;
mod update;

pub use first_look::{FirstLook, Reel, read_handed_over, written};
pub use keep::{Form, read_link};
pub use lesson::{Beginning, LessonEvent};
pub use time::MAX_MOMENTS;
pub use traffic::{MAX_CLIENTS, MAX_REQUESTS, Traffic};
pub use update::{Effect, Event, Timer};

use crate::api::{File, Manifest, read_again};
use crate::doctor::{self, examine};
use crate::ip::parse_sloppy;
use crate::net::Protocol;
use crate::sim::{
    BaseNotice, DNS_ADDRESS, DNS_ADDRESS_ASIDE, Destination, Happening, HostId, Outcomes, Request,
    Source, Start, StartFile, Timeline, Walk, World, begin_again, outcomes,
};
use crate::sorted::insert_once;
use crate::view::{
    Act, ClusterEvent, DoctorView, EditorView, Layout, Leaf, LeafView, LineMark, MapView, Options,
    OutcomeView, Playback, RequestView, RulesetView, Seating, TrafficView, View, WalkView, doctor,
    ending, hops, leaf, map_seated, outcome_list, ruleset,
};
use lesson::Sitting;
use predict::Asked;
use std::rc::Rc;
use terminal::Terminal;
use time::{Deed, Past};

/// The name of the text a person edits.
pub const EDITED_FILE: &str = "manifest.yaml";

/// The most ways of a request that are explored.
const MAX_WAYS: usize = 256;

/// How fast a session can go, in powers of two around a calm reader's pace.
pub const SPEEDS: [f64; 5] = [0.25, 0.5, 1.0, 2.0, 4.0];

/// What a person has done so far.
#[derive(Clone, Debug)]
pub struct Session {
    /// Which of the texts that were opened this is.
    file: u64,
    n_files: u64,
    text: String,
    from: String,
    to: String,
    seed: u64,
    layout: Layout,
    /// Who sits where on the map.
    seating: Seating,
    /// The choices of the way shown, so that an edit keeps it where it can.
    picks: Vec<u32>,
    position: usize,
    is_playing: bool,
    speed: f64,
    timer: Timer,
    scene: Rc<Scene>,
    /// What was read of a text that has mistakes: the picture stays that of the text before.
    unread: Option<Manifest>,
    drawn: Option<Drawn>,
    options: Options,
    past: Past,
    asked: Option<Asked>,
    traffic: Option<Traffic>,
    n_traffics: u64,
    terminal: Terminal,
    /// The lesson that is on, with what was there before.
    lesson: Option<Box<Sitting>>,
    view: Rc<View>,
}

/// What was drawn of a scene, and of what exactly: steps of a walk draw nothing anew.
#[derive(Clone, Debug)]
struct Drawn {
    scene: Rc<Scene>,
    shown: usize,
    layout: Layout,
    seating: Seating,
    map: Rc<MapView>,
    walk: Rc<WalkView>,
    n_traffics: u64,
    outcomes: Rc<Vec<OutcomeView>>,
    traffic: Rc<Option<TrafficView>>,
    request: Rc<RequestView>,
    notices: Rc<Vec<String>>,
}

/// All that follows from the text and the request, computed once a change.
#[derive(Debug)]
struct Scene {
    manifest: Manifest,
    timeline: Timeline,
    history: History,
    /// What may happen to it now, and the same in words.
    acts: Vec<(String, Happening)>,
    act_words: Rc<Vec<Act>>,
    world: World,
    outcomes: Option<Outcomes>,
    error: Option<String>,
}

/// What happened to a cluster since its start.
#[derive(Clone, Debug, Default)]
struct History {
    /// Each event of the timeline in words.
    deeds: Vec<String>,
    /// What that changed.
    told: Vec<ClusterEvent>,
}

impl Session {
    /// A session about a manifest and a request.
    #[must_use]
    pub fn new(text: &str, from: &str, to: &str, seed: u64) -> Session {
        let manifest = read_text(text, &Manifest::default());
        let scene = Rc::new(Scene::of(manifest, text, from, to, seed, None));
        let mut session = Session {
            file: 0,
            n_files: 0,
            text: text.to_owned(),
            from: from.to_owned(),
            to: to.to_owned(),
            seed,
            layout: Layout::default(),
            seating: Seating::default(),
            picks: Vec::new(),
            position: 0,
            is_playing: false,
            speed: 1.0,
            timer: Timer::default(),
            view: Rc::new(View::empty()),
            unread: None,
            drawn: None,
            options: Options::default(),
            past: Past::new(),
            asked: None,
            traffic: None,
            n_traffics: 0,
            terminal: Terminal::default(),
            lesson: None,
            scene,
        };
        session.remember(Deed::Begun, "the beginning".into());
        session.view = Rc::new(session.look(None));
        session
    }

    /// What there is to see now.
    #[must_use]
    pub fn view(&self) -> Rc<View> {
        self.view.clone()
    }

    /// What is wrong with the Services of the world that is shown. It takes a while in a large one, so it is no part of the
    /// view: a shell asks when somebody wants to know, and plays a finding's request with [`Event::Asked`].
    #[must_use]
    pub fn doctor(&self) -> DoctorView {
        let scene = &self.scene;
        let asked = doctor::Asked::default();
        doctor(&examine(&scene.world, Some(&scene.manifest), &asked))
    }

    /// A list of the cluster that is shown, where the walk has come so far. Asked for like the doctor.
    #[must_use]
    pub fn leaf(&self, which: Leaf) -> LeafView {
        let (scene, hops) = (&self.scene, &self.view.walk.hops);
        let so_far = &hops[..hops.len().min(self.position + 1)];
        let cluster = scene.timeline.cluster();
        leaf(which, cluster, &scene.world, self.walk(), so_far)
    }

    /// The mode of the cluster that is shown.
    #[must_use]
    pub fn mode(&self) -> &'static str {
        self.scene.world.mode.name
    }

    /// The whole rules of a node in a mode: what the last moment changed in them, and what this hop asked.
    #[must_use]
    pub fn ruleset(&self, mode: &str, node: &str) -> Option<RulesetView> {
        let before = self.scene_before();
        let before = before.as_ref().map(|it| &it.world);
        let hop = self.view.walk.hops.get(self.position);
        ruleset(mode, node, &self.scene.world, before, hop)
    }

    /// The world in time: its start and what happened since, as links hold it.
    #[must_use]
    pub fn timeline(&self) -> &Timeline {
        &self.scene.timeline
    }

    fn n_hops(&self) -> usize {
        self.view.walk.hops.len()
    }

    /// The way shown: the one whose choices were picked, or else the first.
    fn shown(&self) -> usize {
        self.scene
            .outcomes
            .as_ref()
            .and_then(|it| {
                it.ways
                    .branches
                    .iter()
                    .position(|it| it.picks == self.picks)
            })
            .unwrap_or(0)
    }

    fn walk(&self) -> Option<&Walk> {
        let ways = &self.scene.outcomes.as_ref()?.ways;
        ways.branches.get(self.shown()).map(|it| &it.result)
    }

    /// Makes the view. Parts that have not changed keep their pointers.
    fn look(&mut self, before: Option<&View>) -> View {
        let drawn = self.draw();
        let editor = self.look_at_editor(&drawn.walk);
        let question = self.look_at_question(&drawn.walk.hops);
        let view = View {
            playback: self.playback(drawn.walk.hops.len()),
            map: drawn.map,
            walk: drawn.walk,
            outcomes: drawn.outcomes,
            editor: Rc::new(editor),
            options: self.options,
            time: Rc::new(self.look_at_time()),
            question: Rc::new(question),
            traffic: drawn.traffic,
            terminal: Rc::new(self.look_at_terminal()),
            request: drawn.request,
            notices: drawn.notices,
            is_stale: self.unread.is_some(),
        };
        match before {
            Some(before) => view.sharing_with(before),
            None => view,
        }
    }

    /// The parts that do not depend on where in the walk one stands.
    fn draw(&mut self) -> Drawn {
        let shown = self.shown();
        let is_drawn = |it: &&Drawn| {
            Rc::ptr_eq(&it.scene, &self.scene)
                && it.shown == shown
                && it.layout == self.layout
                && it.seating == self.seating
                && it.n_traffics == self.n_traffics
        };
        if let Some(drawn) = self.drawn.as_ref().filter(is_drawn) {
            return drawn.clone();
        }
        let map = self.look_at_map();
        let walk = self.look_at_walk(&map);
        let traffic = self.look_at_traffic(&map);
        let outcomes = self.scene.outcomes.as_ref();
        let drawn = Drawn {
            scene: self.scene.clone(),
            shown,
            layout: self.layout,
            seating: self.seating.clone(),
            n_traffics: self.n_traffics,
            traffic: Rc::new(traffic),
            map: Rc::new(map),
            walk: Rc::new(walk),
            outcomes: Rc::new(outcomes.map_or_else(Vec::new, |it| outcome_list(it, shown))),
            request: Rc::new(self.look_at_request()),
            notices: Rc::new(self.notices()),
        };
        self.drawn = Some(drawn.clone());
        drawn
    }

    fn playback(&self, n_hops: usize) -> Playback {
        Playback {
            position: self.position.min(n_hops.saturating_sub(1)),
            n_hops,
            is_playing: self.is_playing,
            speed: self.speed,
            move_ms: update::move_ms(self.speed),
        }
    }

    fn look_at_map(&mut self) -> MapView {
        let asked = self.walk().and_then(asked_address);
        let client = self.walk().map_or(HostId::Outside, |it| it.from.clone());
        let client = match Source::parse(&self.from) {
            Ok(Source::Host(id)) => id,
            _ => client,
        };
        let scene = self.scene.clone();
        map_seated(&scene.world, &client, asked, self.layout, &mut self.seating)
    }

    fn look_at_walk(&self, map: &MapView) -> WalkView {
        let scene = &self.scene;
        match self.walk() {
            Some(walk) => WalkView {
                hops: hops(&scene.world, &scene.manifest, map, walk),
                ending: ending(&walk.ending),
            },
            None => WalkView::nothing(scene.error.clone().unwrap_or_default()),
        }
    }

    fn look_at_editor(&self, walk: &WalkView) -> EditorView {
        let manifest = self.unread.as_ref().unwrap_or(&self.scene.manifest);
        let complaints = manifest
            .complaints
            .iter()
            .chain(&self.scene.world.complaints);
        EditorView {
            file: self.file,
            text: self.text.clone(),
            complaints: complaints.map(Into::into).collect(),
            lit: self.lit_lines(walk),
        }
    }

    fn lit_lines(&self, walk: &WalkView) -> Vec<LineMark> {
        if self.unread.is_some() {
            return Vec::new();
        }
        lit_by(walk, self.position)
    }

    fn look_at_request(&self) -> RequestView {
        let world = &self.scene.world;
        let hosts = world.network.hosts().map(|it| &it.id);
        let sources = hosts
            .filter(|it| !matches!(it, HostId::Router))
            .filter(|it| !matches!(it, HostId::Pod(namespace, _) if namespace == "kube-system"));
        let services = world.objects.services.values();
        let destinations = services
            .filter(|it| it.metadata.namespace != "kube-system")
            .filter_map(|it| {
                let port = it.spec.ports.first()?;
                let name = &it.metadata.name;
                let name = match it.metadata.namespace.as_str() {
                    "default" => name.clone(),
                    namespace => format!("{name}.{namespace}"),
                };
                Some(match port.port {
                    80 => format!("http://{name}"),
                    443 => format!("https://{name}"),
                    other => format!("http://{name}:{other}"),
                })
            });
        // The name as the list of sources has it, so that a menu finds it there.
        let from = Source::parse(&self.from).map_or(self.from.clone(), |it| it.to_string());
        RequestView {
            cluster: format!(
                "{} mode, Kubernetes\u{a0}{}",
                world.mode.name,
                world.objects.cluster.version()
            ),
            from,
            to: self.to.clone(),
            sources: sources.map(ToString::to_string).collect(),
            destinations: destinations.collect(),
            error: self.scene.error.clone(),
        }
    }

    fn notices(&self) -> Vec<String> {
        self.scene
            .world
            .notices
            .iter()
            .map(|it| match it {
                BaseNotice::DnsMovedAside => format!(
                    "In a real cluster cluster DNS usually has {DNS_ADDRESS}. Here your Service claims it, so DNS answers at {DNS_ADDRESS_ASIDE}, and every resolv.conf says so."
                ),
            })
            .collect()
    }
}

/// The lines behind the hop that is shown.
fn lit_by(walk: &WalkView, position: usize) -> Vec<LineMark> {
    let position = position.min(walk.hops.len().saturating_sub(1));
    let sources = walk.hops.get(position).map(|it| it.sources.as_slice());
    let mut lit = Vec::new();
    for source in sources.unwrap_or_default() {
        if let Some(line) = source.line {
            let field = format!("{} · {}", source.object, source.path);
            insert_once(&mut lit, LineMark { line, field });
        }
    }
    lit
}

/// The address a walk's first packet is for.
fn asked_address(walk: &Walk) -> Option<(crate::ip::IpAddr, Option<u16>)> {
    let first = walk
        .steps
        .first()
        .map(|it| (it.before.destination, it.before.destination_port()));
    first.or_else(|| parse_sloppy(&walk.request.to.name).map(|it| (it, walk.request.to.port)))
}

/// Reads a text, of which much may be as it was before.
fn read_text(text: &str, before: &Manifest) -> Manifest {
    let file = File {
        name: EDITED_FILE.into(),
        text: text.into(),
    };
    read_again(&[file], before)
}

impl Scene {
    /// The scene of a text as it begins, where another may have begun before.
    fn of(
        manifest: Manifest,
        text: &str,
        from: &str,
        to: &str,
        seed: u64,
        before: Option<&Scene>,
    ) -> Scene {
        let start = Start {
            files: vec![StartFile {
                name: EDITED_FILE.into(),
                text: text.into(),
            }],
            seed,
        };
        let begun_before = before.map(|it| it.timeline.begun());
        let begun = begin_again(manifest.clone(), seed, begun_before);
        let timeline = Timeline::begun_as(start, begun);
        let history = History::default();
        Scene::at(manifest, timeline, history, (from, to), before)
    }

    /// The scene at a moment of a timeline.
    fn at(
        manifest: Manifest,
        timeline: Timeline,
        history: History,
        (from, to): (&str, &str),
        before: Option<&Scene>,
    ) -> Scene {
        let world = World::of_timeline_again(&timeline, before.map(|it| &it.world));
        let (outcomes, error) = match ask(&world, from, to) {
            Ok(outcomes) => (Some(outcomes), None),
            Err(error) => (None, Some(error)),
        };
        let acts = time::acts(&world, &timeline);
        let words = |it: &(String, Happening)| Act {
            words: it.0.clone(),
        };
        Scene {
            manifest,
            act_words: Rc::new(acts.iter().map(words).collect()),
            acts,
            timeline,
            history,
            world,
            outcomes,
            error,
        }
    }

    /// Whether the Service asked for keeps each client at one endpoint.
    fn is_affine(&self) -> bool {
        let ways = self.outcomes.iter().flat_map(|it| &it.ways.branches);
        let asked = ways.filter_map(|it| asked_address(&it.result)).next();
        let mut services = self.world.objects.services.values();
        asked.is_some_and(|(ip, _)| {
            services.any(|it| {
                it.cluster_ips().contains(&ip)
                    && it.spec.session_affinity.as_deref() == Some("ClientIP")
            })
        })
    }
}

fn ask(world: &World, from: &str, to: &str) -> Result<Outcomes, String> {
    let request = Request::new(
        Source::parse(from).map_err(|it| it.to_string())?,
        Destination::parse(to, Protocol::Tcp).map_err(|it| it.to_string())?,
    );
    outcomes(world, &request, MAX_WAYS).map_err(|it| it.to_string())
}
