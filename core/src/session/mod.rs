//! A session: what a person has done so far, and what there is to see now.
//!
//! `Event → Session → Effect, View`. A shell hands in what happened, carries out the effects and
//! shows the view; it decides nothing. Time enters as an event.
//!
//! **Left out**: undo of edits (the editor's own serves), saved sessions, links.

mod update;

pub use update::{Effect, Event, Timer};

use crate::api::{File, Manifest, read};
use crate::ip::parse_sloppy;
use crate::net::Protocol;
use crate::sim::{
    BaseNotice, DNS_ADDRESS, DNS_ADDRESS_ASIDE, Destination, HostId, Outcomes, Request, Source,
    Walk, World, outcomes,
};
use crate::sorted::insert_once;
use crate::view::{
    EditorView, Layout, LineMark, MapView, OutcomeView, Playback, RequestView, View, WalkView,
    ending, hops, map, outcome_list,
};
use std::rc::Rc;

/// The name of the text a person edits.
pub const EDITED_FILE: &str = "manifest.yaml";

/// The most ways of a request that are explored.
const MAX_WAYS: usize = 256;

/// How fast a session can go, in powers of two around a calm reader's pace.
pub const SPEEDS: [f64; 5] = [0.25, 0.5, 1.0, 2.0, 4.0];

/// What a person has done so far.
#[derive(Clone, Debug)]
pub struct Session {
    text: String,
    from: String,
    to: String,
    seed: u64,
    layout: Layout,
    /// The choices of the way shown, so that an edit keeps it where it can.
    picks: Vec<u32>,
    position: usize,
    is_playing: bool,
    speed: f64,
    timer: Timer,
    scene: Rc<Scene>,
    /// What was read of a text that has mistakes: the picture stays that of the text before.
    unread: Option<Manifest>,
    view: Rc<View>,
}

/// All that follows from the text and the request, computed once a change.
#[derive(Debug)]
struct Scene {
    manifest: Manifest,
    world: World,
    outcomes: Option<Outcomes>,
    error: Option<String>,
}

impl Session {
    /// A session about a manifest and a request.
    #[must_use]
    pub fn new(text: &str, from: &str, to: &str, seed: u64) -> Session {
        let scene = Rc::new(Scene::build(text, from, to, seed));
        let mut session = Session {
            text: text.to_owned(),
            from: from.to_owned(),
            to: to.to_owned(),
            seed,
            layout: Layout::default(),
            picks: Vec::new(),
            position: 0,
            is_playing: false,
            speed: 1.0,
            timer: Timer::default(),
            view: Rc::new(View::empty()),
            unread: None,
            scene,
        };
        session.view = Rc::new(session.look(None));
        session
    }

    /// What there is to see now.
    #[must_use]
    pub fn view(&self) -> Rc<View> {
        self.view.clone()
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
    fn look(&self, before: Option<&View>) -> View {
        let map = self.look_at_map();
        let walk = self.look_at_walk(&map);
        let editor = self.look_at_editor(&walk);
        let outcomes: Vec<OutcomeView> = self
            .scene
            .outcomes
            .as_ref()
            .map(|it| outcome_list(it, self.shown()))
            .unwrap_or_default();
        let request = self.look_at_request();
        let view = View {
            playback: self.playback(walk.hops.len()),
            map: Rc::new(map),
            walk: Rc::new(walk),
            outcomes: Rc::new(outcomes),
            editor: Rc::new(editor),
            request: Rc::new(request),
            notices: Rc::new(self.notices()),
            is_stale: self.unread.is_some(),
        };
        match before {
            Some(before) => view.sharing_with(before),
            None => view,
        }
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

    fn look_at_map(&self) -> MapView {
        let asked = self.walk().and_then(asked_address);
        let client = self.walk().map_or(HostId::Outside, |it| it.from.clone());
        let client = match Source::parse(&self.from) {
            Ok(Source::Host(id)) => id,
            _ => client,
        };
        map(&self.scene.world, &client, asked, self.layout)
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
            text: self.text.clone(),
            complaints: complaints.map(Into::into).collect(),
            lit: self.lit_lines(walk),
        }
    }

    fn lit_lines(&self, walk: &WalkView) -> Vec<LineMark> {
        if self.unread.is_some() {
            return Vec::new();
        }
        let position = self.position.min(walk.hops.len().saturating_sub(1));
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

/// The address a walk's first packet is for.
fn asked_address(walk: &Walk) -> Option<(crate::ip::IpAddr, Option<u16>)> {
    let first = walk
        .steps
        .first()
        .map(|it| (it.before.destination, it.before.destination_port()));
    first.or_else(|| parse_sloppy(&walk.request.to.name).map(|it| (it, walk.request.to.port)))
}

fn read_text(text: &str) -> Manifest {
    read(&[File {
        name: EDITED_FILE.into(),
        text: text.into(),
    }])
}

impl Scene {
    fn build(text: &str, from: &str, to: &str, seed: u64) -> Scene {
        Scene::of(read_text(text), from, to, seed)
    }

    fn of(manifest: Manifest, from: &str, to: &str, seed: u64) -> Scene {
        let world = World::from_manifest(&manifest, None, seed);
        let (outcomes, error) = match ask(&world, from, to) {
            Ok(outcomes) => (Some(outcomes), None),
            Err(error) => (None, Some(error)),
        };
        Scene {
            manifest,
            world,
            outcomes,
            error,
        }
    }
}

fn ask(world: &World, from: &str, to: &str) -> Result<Outcomes, String> {
    let request = Request::new(
        Source::parse(from).map_err(|it| it.to_string())?,
        Destination::parse(to, Protocol::Tcp).map_err(|it| it.to_string())?,
    );
    outcomes(world, &request, MAX_WAYS).map_err(|it| it.to_string())
}
