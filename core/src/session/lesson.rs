//! A lesson in a session: pages, guesses, hints, and whether the goals stand in the world as a person has made it.
//!
//! While a lesson is on, what was there before is set aside whole and comes back to the letter, with its past and its terminal,
//! when the lesson is left. The lesson has a session of its own, so everything can be done in it that can be done elsewhere.
//! Guesses come before steps; what the world says is measured, as [`lesson::answered`](answered) does. Goals are measured when a
//! shell asks for it ([`LessonEvent::Looked`]), in a copy of the world: [`LessonView::is_due`] says when that is worth it.
//!
//! **Left out**: walks of packets that are not TCP, or that come in at a node of one's choice, are told and not shown. Going back
//! to an earlier page does not take back what a step did. No command is forbidden; the verbs of a lesson are a recommendation.

use super::lesson_look::{Look, look};
use super::time::{Deed, Past};
use super::{EDITED_FILE, Effect, Event, History, Scene, Session};
use crate::chance::Chooser;
use crate::lesson::{
    Answered, Ask, Files, Heard, Lesson, LessonProgress, Standing, Trial, answered, duty, standing,
};
use crate::net::Protocol;
use crate::sim::{Destination, Source, Timeline};
use crate::view::{HeaderField, Hop, LegName, LessonView, PrintedLine};
use std::collections::BTreeMap;
use std::rc::Rc;

/// Where a lesson's luck comes from.
const SEED: u64 = 1;

/// Something that happened in a lesson, or to it.
#[derive(Clone, Debug, PartialEq)]
pub enum LessonEvent {
    /// A lesson is begun, in place of one that is on.
    Begun(Box<Beginning>),
    /// To this page.
    PageChosen(usize),
    /// To the next page.
    Forward,
    /// To the page before.
    Back,
    /// This option was chosen on the page that is shown.
    Answered(String),
    /// Another hint was taken.
    HintTaken,
    /// There is time to measure the goals.
    Looked,
    /// The lesson begins anew.
    Restarted,
    /// The lesson is put away, and its world stays.
    Opened,
    /// What was there before the lesson is there again.
    Left,
}

/// How a lesson is begun.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Beginning {
    /// Its name.
    pub name: String,
    /// Its files.
    pub files: Files,
    /// What is said to beliefs, by name.
    pub beliefs: BTreeMap<String, String>,
    /// The language that is wanted.
    pub language: String,
    /// Where the luck of a night on call comes from.
    pub seed: u64,
    /// How far somebody has come with it before.
    pub progress: LessonProgress,
    /// Where it was left, as [`Session::lesson_way`] says.
    pub resumed: Option<(usize, Vec<Event>)>,
}

/// A lesson that somebody is in.
#[derive(Clone, Debug)]
pub(super) struct Sitting {
    pub(super) lesson: Rc<Lesson>,
    begun: Rc<Beginning>,
    pub(super) pages: Rc<[Page]>,
    pub(super) at: usize,
    /// The pages one has been to.
    pub(super) farthest: usize,
    /// The options that were chosen, by question, in order.
    pub(super) chosen: BTreeMap<usize, Vec<String>>,
    /// What the world says, by question.
    pub(super) measured: BTreeMap<usize, Result<Answered, String>>,
    /// What steps printed; a step that was done has an entry.
    pub(super) printed: BTreeMap<usize, Vec<PrintedLine>>,
    pub(super) standing: Vec<Standing>,
    /// How many worlds there were, and which of them the goals were measured in.
    n_worlds: u64,
    n_measured: u64,
    world: Option<Rc<Scene>>,
    pub(super) heard: Option<Vec<Heard>>,
    pub(super) n_looks: usize,
    /// How many events had happened when the task began.
    n_events_before: usize,
    pub(super) progress: LessonProgress,
    pub(super) is_sandbox: bool,
    pub(super) told: String,
    /// What was there before.
    own: Box<Session>,
    view: Option<Rc<LessonView>>,
}

/// A page of a lesson.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Page {
    Story,
    /// A question, by its place in the list.
    Question(usize),
    /// A step, by its place in the list.
    Step(usize),
    Task,
    Debrief,
}

impl Sitting {
    fn new(lesson: Lesson, begun: Rc<Beginning>, own: Box<Session>) -> Sitting {
        Sitting {
            pages: pages(&lesson),
            progress: begun.progress.clone(),
            lesson: Rc::new(lesson),
            begun,
            at: 0,
            farthest: 0,
            chosen: BTreeMap::new(),
            measured: BTreeMap::new(),
            printed: BTreeMap::new(),
            standing: Vec::new(),
            n_worlds: 0,
            n_measured: 0,
            world: None,
            heard: None,
            n_looks: 0,
            n_events_before: 0,
            is_sandbox: false,
            told: String::new(),
            own,
            view: None,
        }
    }

    pub(super) fn page(&self) -> Page {
        self.pages.get(self.at).copied().unwrap_or(Page::Story)
    }

    pub(super) fn language(&self) -> &str {
        &self.begun.language
    }

    pub(super) fn seed(&self) -> Option<u64> {
        let is_drawn = !self.lesson.faults.is_empty();
        is_drawn.then_some(self.begun.seed)
    }

    pub(super) fn belief(&self, name: &str) -> Option<&str> {
        self.begun.beliefs.get(name).map(String::as_str)
    }

    /// How many questions were first answered as the world does.
    pub(super) fn n_right(&self) -> usize {
        let questions = self.lesson.form.questions.iter();
        let is_right = |id: &String, option: &String| {
            let mut found = questions.clone().filter(|it| it.id == *id);
            let options = found.next().map(|it| it.options.iter());
            let chosen = options.and_then(|mut it| it.find(|it| it.id == *option));
            // The check of lessons holds this against the world.
            chosen.is_some_and(|it| it.misconception.is_empty())
        };
        let answers = self.progress.first_answers.iter();
        answers.filter(|(id, it)| is_right(id, it)).count()
    }

    /// Whether a question waits for its answer on the page that is shown.
    pub(super) fn is_held(&self) -> bool {
        matches!(self.page(), Page::Question(n) if !self.chosen.contains_key(&n))
    }

    pub(super) fn is_due(&self) -> Option<u64> {
        let is_due = self.page() == Page::Task && self.n_measured != self.n_worlds;
        is_due.then_some(self.n_worlds)
    }

    /// Solved is what reaches all goals and was guessed often enough; it stays so.
    fn see_whether_solved(&mut self) -> bool {
        let form = &self.lesson.form;
        let is_reached =
            self.standing.len() == form.goals.len() && self.standing.iter().all(|it| it.is_reached);
        let is_passed = self.n_right() >= usize::try_from(form.passes).unwrap_or(0);
        let is_new = is_reached && is_passed && !self.progress.is_solved;
        self.progress.is_solved |= is_new;
        is_new
    }
}

/// The pages: questions stand before the step they are about.
fn pages(lesson: &Lesson) -> Rc<[Page]> {
    let form = &lesson.form;
    let about = |step: &str| {
        let numbered = form.questions.iter().enumerate();
        let found = numbered.filter(move |it| it.1.step == step);
        found.map(|it| Page::Question(it.0)).collect::<Vec<_>>()
    };
    let mut pages = vec![Page::Story];
    pages.extend(about(""));
    for (n, step) in form.steps.iter().enumerate() {
        pages.extend(about(&step.id));
        pages.push(Page::Step(n));
    }
    if !form.goals.is_empty() {
        pages.push(Page::Task);
    }
    pages.push(Page::Debrief);
    pages.into()
}

/// Who asks whom, where a map can show it.
pub(super) fn shown(ask: &Ask) -> Option<(String, String)> {
    let is_plain = ask.node.is_empty() && matches!(ask.protocol.as_str(), "" | "tcp");
    let is_sound =
        Source::parse(&ask.from).is_ok() && Destination::parse(&ask.to, Protocol::Tcp).is_ok();
    (is_plain && is_sound && !ask.from.is_empty() && !ask.to.is_empty())
        .then(|| (ask.from.clone(), ask.to.clone()))
}

/// The order in which options are shown: one that tells nothing, and is the same for everybody.
pub(super) fn shuffled(lesson: &str, question: &str, n: usize) -> Vec<usize> {
    let bytes = lesson.bytes().chain(question.bytes());
    let seed = bytes.fold(7_u64, |seed, it| {
        seed.wrapping_mul(31).wrapping_add(u64::from(it))
    });
    let mut chooser = Chooser::seeded(seed);
    let mut order: Vec<usize> = (0..n).collect();
    for last in (1..n).rev() {
        let bound = u64::try_from(last + 1).unwrap_or(1);
        let other = usize::try_from(chooser.draw(bound)).unwrap_or(0);
        order.swap(last, other.min(last));
    }
    order
}

impl Session {
    /// The lesson that is on, as there is to see.
    #[must_use]
    pub fn lesson(&self) -> Option<Rc<LessonView>> {
        self.lesson.as_ref()?.view.clone()
    }

    /// What is a person's own: what was set aside for a lesson, or else what is shown.
    #[must_use]
    pub fn own(&self) -> &Session {
        self.lesson.as_ref().map_or(self, |it| &it.own)
    }

    /// Where one stands in the lesson that is on: the page, and the way to its world. For [`Beginning::resumed`].
    #[must_use]
    pub fn lesson_way(&self) -> Option<(usize, Vec<Event>)> {
        Some((self.lesson.as_ref()?.at, self.way_here()))
    }

    pub(super) fn learn(&mut self, event: LessonEvent) -> Vec<Effect> {
        if let LessonEvent::Begun(begun) = event {
            return self.begin_lesson(&Rc::new(*begun));
        }
        let Some(sitting) = &mut self.lesson else {
            return Vec::new();
        };
        sitting.told.clear();
        match event {
            LessonEvent::Begun(_) => {}
            LessonEvent::PageChosen(at) => self.turn_to(at),
            LessonEvent::Forward => {
                let at = sitting.at + 1;
                self.turn_to(at);
            }
            LessonEvent::Back => {
                let at = sitting.at.saturating_sub(1);
                self.turn_to(at);
            }
            LessonEvent::Answered(option) => sitting.answer(&option),
            LessonEvent::HintTaken => sitting.take_hint(),
            LessonEvent::Looked => self.look_at_goals(),
            LessonEvent::Restarted => {
                let begun = Beginning {
                    resumed: None,
                    progress: sitting.progress.clone(),
                    ..Beginning::clone(&sitting.begun)
                };
                return self.begin_lesson(&Rc::new(begun));
            }
            LessonEvent::Opened => sitting.is_sandbox = true,
            LessonEvent::Left => return self.leave_lesson(),
        }
        Vec::new()
    }

    fn begin_lesson(&mut self, begun: &Rc<Beginning>) -> Vec<Effect> {
        let Some(lesson) = Lesson::parse(&begun.name, &begun.files).0 else {
            return Vec::new();
        };
        let text = lesson.files.get("start.yaml");
        let (from, to) = first_request(&lesson).unwrap_or_default();
        let mut fresh = Session::new(text.map_or("", String::as_str), &from, &to, SEED);
        fresh.take_the_shape_of(self);
        fresh.terminal.bring(readable(&lesson.files));
        let own = match self.lesson.take() {
            Some(sitting) => sitting.own,
            None => Box::new(self.clone()),
        };
        let mut sitting = Sitting::new(lesson, begun.clone(), own);
        sitting.world = Some(fresh.scene.clone());
        sitting.n_worlds = 1;
        fresh.lesson = Some(Box::new(sitting));
        *self = fresh;
        if let Some((at, events)) = &begun.resumed {
            self.resume(*at, events);
        }
        self.pause()
    }

    /// Goes back to where it was left. Steps up to there count as done: what they did is among the events.
    fn resume(&mut self, at: usize, events: &[Event]) {
        if let Some(sitting) = &mut self.lesson {
            let at = at.min(sitting.pages.len().saturating_sub(1));
            let pages = sitting.pages.clone();
            for page in &pages[..=at] {
                match page {
                    Page::Step(n) => _ = sitting.printed.insert(*n, Vec::new()),
                    Page::Question(n) => {
                        let id = sitting.lesson.form.questions.get(*n).map(|it| &it.id);
                        let first = id.and_then(|it| sitting.progress.first_answers.get(it));
                        if let Some(first) = first.cloned() {
                            sitting.choose(*n, &first);
                        }
                    }
                    _ => {}
                }
            }
            (sitting.at, sitting.farthest) = (at, at);
        }
        let is_on_call = self.seed_of_night().is_some();
        let has_begun = matches!(
            self.lesson.as_ref().map(|it| it.page()),
            Some(Page::Task | Page::Debrief)
        );
        if is_on_call && has_begun {
            self.begin_night();
        }
        for event in events {
            // A night has its own beginning.
            let is_night = is_on_call && has_begun && matches!(event, Event::Happened(..));
            if !is_night && !matches!(event, Event::Lesson(_)) {
                self.update(event.clone());
            }
        }
    }

    fn seed_of_night(&self) -> Option<u64> {
        self.lesson.as_ref()?.seed()
    }

    /// The page's shape, pace and layer stay what they are.
    fn take_the_shape_of(&mut self, other: &Session) {
        self.layout = other.layout;
        self.speed = other.speed;
        self.options.layer = other.options.layer;
        self.options.breaks = other.options.breaks;
        // A lesson's text is one more that was opened.
        self.n_files = other.n_files + 1;
        self.file = self.n_files;
        // An old timer that runs out later means nothing here.
        self.timer.0 = self.timer.0.max(other.timer.0);
    }

    fn leave_lesson(&mut self) -> Vec<Effect> {
        let Some(sitting) = self.lesson.take() else {
            return Vec::new();
        };
        let mut own = *sitting.own;
        own.layout = self.layout;
        own.n_files = own.n_files.max(self.n_files);
        own.timer.0 = own.timer.0.max(self.timer.0);
        *self = own;
        self.pause()
    }

    fn turn_to(&mut self, at: usize) {
        let Some(sitting) = &mut self.lesson else {
            return;
        };
        let may_go = at < sitting.pages.len()
            && (at <= sitting.farthest || (at == sitting.at + 1 && !sitting.is_held()));
        if !may_go {
            return;
        }
        sitting.is_sandbox = false;
        sitting.at = at;
        sitting.farthest = sitting.farthest.max(at);
        match sitting.page() {
            Page::Step(n) if !sitting.printed.contains_key(&n) => self.take_step(n),
            Page::Task if sitting.heard.is_none() && !sitting.lesson.faults.is_empty() => {
                self.begin_night();
            }
            Page::Task if sitting.farthest == at => {
                sitting.n_events_before = self.scene.timeline.position();
            }
            _ => {}
        }
    }

    /// A step is done: its lines are typed, and its walk is shown where it tells something.
    fn take_step(&mut self, n: usize) {
        let Some(sitting) = &self.lesson else { return };
        let lesson = sitting.lesson.clone();
        let Some(step) = lesson.form.steps.get(n) else {
            return;
        };
        let mut printed = Vec::new();
        for line in &step.lines {
            let said = self.type_to_rest(line);
            printed.push(PrintedLine {
                line: line.clone(),
                printed: Some(said),
            });
        }
        if let Some(sitting) = &mut self.lesson {
            sitting.printed.insert(n, printed);
        }
        let questions = lesson.form.questions.iter();
        let mut about = questions.filter(|it| it.step == step.id).map(|it| &it.ask);
        let ask = step.shows.as_ref().or_else(|| about.next());
        if let Some(ask) = ask
            && let Some((from, to)) = shown(ask)
        {
            if (&self.from, &self.to) != (&from, &to) {
                self.ask(from, to);
            }
            self.position = telling_hop(&ask.of, self).unwrap_or(0);
        }
    }

    /// Something breaks, by lot.
    fn begin_night(&mut self) {
        let Some(sitting) = &self.lesson else { return };
        let Some(seed) = sitting.seed() else { return };
        // A script that fails is for the check of lessons; here the night is a calm one.
        let Ok(night) = duty(&sitting.lesson, seed) else {
            return;
        };
        let mut timeline = night.trial.timeline();
        timeline.join(0);
        let n_events = timeline.position();
        let first = night.complaints.first();
        if let Some((from, to)) = first.map(|it| (it.from.clone(), it.to.clone())) {
            (self.from, self.to) = (from, to);
        }
        self.begin_past_with(timeline, "the night begins");
        if let Some(sitting) = &mut self.lesson {
            sitting.heard = Some(night.complaints);
            sitting.n_events_before = n_events;
        }
    }

    /// The world is this one, and nothing is remembered of how it came to be.
    fn begin_past_with(&mut self, timeline: Timeline, words: &str) {
        let manifest = self.scene.manifest.clone();
        let history = History {
            deeds: vec![words.to_owned(); timeline.position()],
            told: Vec::new(),
        };
        let asked = (self.from.as_str(), self.to.as_str());
        let scene = Scene::at(manifest, timeline, history, asked, Some(&self.scene));
        self.scene = Rc::new(scene);
        self.past = Past::new();
        self.position = 0;
        self.remember(Deed::Begun, words.to_owned());
    }

    fn look_at_goals(&mut self) {
        let Some(sitting) = &mut self.lesson else {
            return;
        };
        if sitting.is_due().is_none() {
            return;
        }
        let mut trial = Trial::of(self.scene.timeline.clone(), &sitting.lesson.files);
        sitting.standing = standing(&sitting.lesson.form.goals, &mut trial);
        sitting.n_measured = sitting.n_worlds;
        if sitting.see_whether_solved() {
            "Solved.".clone_into(&mut sitting.told);
        }
    }

    /// Makes the lesson's view anew, if there is something new to see.
    pub(super) fn look_at_lesson(&mut self) {
        let Some(mut sitting) = self.lesson.take() else {
            return;
        };
        let is_same_world = |it: &Rc<Scene>| Rc::ptr_eq(it, &self.scene);
        if !sitting.world.as_ref().is_some_and(is_same_world) {
            sitting.n_worlds += 1;
            sitting.world = Some(self.scene.clone());
        }
        if self.scene.timeline.position() == sitting.n_events_before {
            let entries = self.terminal.entries.iter();
            let looks = entries.filter(|it| it.code.is_some() && !it.output.is_empty());
            sitting.n_looks = sitting.n_looks.max(looks.count());
        }
        let last = self.terminal.entries.last().map(|it| it.line.clone());
        let view = look(&Look {
            sitting: &sitting,
            text: &self.text,
            last_line: last.as_deref().unwrap_or_default(),
        });
        if sitting.view.as_ref().is_none_or(|it| **it != view) {
            sitting.view = Some(Rc::new(view));
        }
        self.lesson = Some(sitting);
    }
}

impl Sitting {
    fn answer(&mut self, option: &str) {
        let Page::Question(n) = self.page() else {
            return;
        };
        self.choose(n, option);
        if self.see_whether_solved() {
            "Solved.".clone_into(&mut self.told);
        }
    }

    fn choose(&mut self, n: usize, option: &str) {
        let lesson = self.lesson.clone();
        let Some(question) = lesson.form.questions.get(n) else {
            return;
        };
        if !question.options.iter().any(|it| it.id == option) {
            return;
        }
        let chosen = self.chosen.entry(n).or_default();
        if !chosen.iter().any(|it| it == option) {
            chosen.push(option.to_owned());
        }
        let first = self.progress.first_answers.entry(question.id.clone());
        first.or_insert_with(|| option.to_owned());
        let measure = || answered(&lesson, question).map_err(|it| it.to_string());
        self.measured.entry(n).or_insert_with(measure);
    }

    fn take_hint(&mut self) {
        let n_hints = u8::try_from(self.lesson.form.hints.len()).unwrap_or(u8::MAX);
        if self.progress.n_hints < n_hints {
            self.progress.n_hints += 1;
        }
    }
}

/// What a lesson is about first: the request that the map shows when it begins.
fn first_request(lesson: &Lesson) -> Option<(String, String)> {
    let form = &lesson.form;
    let shown_first = form.steps.iter().filter_map(|it| it.shows.as_ref());
    let questions = form.questions.iter().map(|it| &it.ask);
    let mut asks = form.goals.iter().chain(questions).chain(shown_first);
    asks.find_map(shown)
}

/// What a person may read of a lesson's files: not what solves it.
fn readable(files: &Files) -> Files {
    let is_plain = |path: &str| !path.contains('/') && path != "lesson.yaml" && path != EDITED_FILE;
    let mut found = files.clone();
    found.retain(|path, _| is_plain(path) && !path.ends_with(".md"));
    found
}

/// The hop at which something measured is seen.
fn telling_hop(of: &str, session: &mut Session) -> Option<usize> {
    let drawn = session.draw();
    let hops = &drawn.walk.hops;
    let on = |leg: LegName| {
        let numbered = hops.iter().enumerate();
        numbered.filter(move |it| it.1.leg == leg)
    };
    let changes = |field: HeaderField| {
        move |it: &(usize, &Hop)| it.1.changes.iter().any(|it| it.field == field)
    };
    match of {
        "resolves" | "queries" => on(LegName::Dns).next_back().map(|it| it.0),
        "rewritten-on" => on(LegName::Request)
            .find(changes(HeaderField::Destination))
            .map(|it| it.0),
        "masqueraded-on" => on(LegName::Request)
            .find(changes(HeaderField::Source))
            .map(|it| it.0),
        "restored-on" => on(LegName::Reply)
            .find(changes(HeaderField::Source))
            .map(|it| it.0),
        "path-back" => on(LegName::Reply).next().map(|it| it.0),
        "verdict" | "by" | "reason" | "symptom" => hops.len().checked_sub(1),
        "destination" | "pods" | "source-seen" | "port-seen" => {
            on(LegName::Request).next_back().map(|it| it.0)
        }
        _ => None,
    }
}
