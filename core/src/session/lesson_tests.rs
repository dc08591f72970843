//! A person in a lesson: guessing, watching, mending, and having back what was there before.
//!
//! **Left out**: pictures; the end-to-end tests look at those.

use super::{Beginning, Event, LessonEvent, Session};
use crate::lesson::{Files, LessonProgress};
use crate::time::Duration;
use crate::view::{Chosen, Layout, LessonPage, LessonView, Next, View};
use proptest::prelude::*;
use std::rc::Rc;

const TEXT: &str = include_str!("../../../static/manifests/clusterip.yaml");

macro_rules! files {
    ($folder:literal: $($name:literal),* $(,)?) => {{
        let mut files = Files::new();
        $(files.insert(
            $name.to_owned(),
            include_str!(concat!("../../../static/lessons/", $folder, "/", $name)).to_owned(),
        );)*
        files
    }};
}

fn beginning(name: &str, files: Files) -> Beginning {
    Beginning {
        name: name.to_owned(),
        files,
        language: "en".to_owned(),
        seed: 3,
        ..Beginning::default()
    }
}

fn typo() -> Beginning {
    let mut begun = beginning(
        "05-the-typo",
        files!("05-the-typo": "lesson.yaml", "start.yaml", "text.en.md", "wrong/scale.sh"),
    );
    begun.beliefs.insert("M5".into(), "Refused is down.".into());
    begun
}

fn one_request() -> Beginning {
    let files = files!("03-one-request": "lesson.yaml", "start.yaml", "text.en.md");
    beginning("03-one-request", files)
}

fn on_call() -> Beginning {
    let files = files!("35-on-call": "lesson.yaml", "start.yaml", "text.en.md",
        "faults/selector.sh", "faults/target-port.sh", "faults/scaled.sh");
    beginning("35-on-call", files)
}

/// A session of one's own that has a past, with a lesson begun in it.
fn in_lesson(begun: Beginning) -> Session {
    let mut session = Session::new(TEXT, "pod/client", "http://api", 1);
    session.update(Event::Jump(3));
    learn(&mut session, LessonEvent::Begun(Box::new(begun)));
    session
}

fn learn(session: &mut Session, event: LessonEvent) {
    session.update(Event::Lesson(event));
}

fn seen(session: &Session) -> Rc<LessonView> {
    session.lesson().expect("a lesson")
}

fn answer(session: &mut Session, option: &str) {
    learn(session, LessonEvent::Answered(option.to_owned()));
}

fn forward(session: &mut Session) {
    learn(session, LessonEvent::Forward);
}

fn typed(session: &mut Session, line: &str) {
    session.update(Event::LineTyped(line.to_owned()));
    while session.view().terminal.rests.is_some() {
        session.update(Event::LineGoesOn);
    }
}

/// Goes to the task of the typo.
fn at_the_task() -> Session {
    let mut session = in_lesson(typo());
    for option in ["rule", "", "", "none", ""] {
        forward(&mut session);
        if !option.is_empty() {
            answer(&mut session, option);
        }
    }
    forward(&mut session);
    session
}

#[test]
fn a_guess_comes_before_what_is_watched_and_its_answer_is_measured() {
    let mut session = in_lesson(typo());
    assert!(session.view().editor.text.contains("app: webb"));
    assert_eq!(session.view().request.to, "http://web");
    forward(&mut session);
    let LessonPage::Question(question) = &seen(&session).page else {
        panic!("a question");
    };
    assert_eq!(question.measured, None);
    assert!(question.options.iter().all(|it| it.is_right.is_none()));
    forward(&mut session);
    assert_eq!((seen(&session).at, seen(&session).next), (1, Next::Answer));
    answer(&mut session, "app");
    answer(&mut session, "rule");
    let view = seen(&session);
    let LessonPage::Question(question) = &view.page else {
        panic!("a question");
    };
    assert_eq!(question.measured, Some(Ok("rule".to_owned())));
    let option = |id: &str| question.options.iter().find(|it| it.id == id).cloned();
    let (wrong, right) = (option("app").expect("it"), option("rule").expect("it"));
    assert_eq!((wrong.chosen, wrong.is_right), (Chosen::First, Some(false)));
    assert!(wrong.misconception.is_some() && !wrong.why.is_empty());
    assert_eq!((right.chosen, right.is_right), (Chosen::Later, Some(true)));
    assert_eq!(view.progress.first_answers["who"], "app");
    assert_eq!(view.pages[1].is_right, Some(false));
    forward(&mut session);
    let LessonPage::Step { lines, .. } = &seen(&session).page else {
        panic!("a step");
    };
    let printed = lines[0].printed.clone().unwrap_or_default();
    assert!(printed.contains("Running"), "{printed}");
    assert_eq!(session.view().terminal.entries.len(), 1);
}

#[test]
fn options_stand_in_an_order_that_tells_nothing_and_stays() {
    let ids = |session: &Session| match &seen(session).page {
        LessonPage::Question(it) => it.options.iter().map(|it| it.id.clone()).collect(),
        _ => Vec::new(),
    };
    let mut session = in_lesson(one_request());
    let mut n_first = 0;
    for (right, n_pages) in [("service", 1), ("here", 2), ("straight", 2)] {
        for _ in 0..n_pages {
            forward(&mut session);
        }
        let shown = ids(&session);
        n_first += usize::from(shown.first().is_some_and(|it| it == right));
        answer(&mut session, right);
        assert_eq!(ids(&session), shown);
    }
    assert!(n_first < 3, "the right one is always first");
}

#[test]
fn a_step_shows_the_hop_it_is_about() {
    let mut session = in_lesson(one_request());
    forward(&mut session);
    answer(&mut session, "service");
    forward(&mut session);
    let hop = |session: &Session| {
        let view = session.view();
        view.walk.hops[view.playback.position].sentence.clone()
    };
    assert!(hop(&session).contains("10.96.41.7"), "{}", hop(&session));
    forward(&mut session);
    answer(&mut session, "here");
    forward(&mut session);
    assert!(hop(&session).contains("10.244.2.3"), "{}", hop(&session));
}

#[test]
fn goals_are_measured_when_there_is_time_and_mending_solves_it() {
    let mut session = at_the_task();
    let first = seen(&session);
    assert!(first.is_due.is_some() && first.goals.iter().all(|it| it.is_reached.is_none()));
    learn(&mut session, LessonEvent::Looked);
    let view = seen(&session);
    assert_eq!(view.is_due, None);
    assert_eq!(
        (view.goals[0].is_reached, view.goals[0].now.as_str()),
        (Some(false), "0")
    );
    assert_eq!(view.told, "0 of 2 goals are reached.");
    assert_eq!(view.next, Next::Skip);
    // What people try gets its answer.
    typed(&mut session, "kubectl scale deployment web --replicas=5");
    let view = seen(&session);
    assert!(matches!(&view.page, LessonPage::Task(it) if it.answer.is_some()));
    assert!(view.is_due.is_some(), "the world is another one");
    // By hand, in the manifest this time.
    let text = session.view().editor.text.replace("app: webb", "app: web");
    session.update(Event::Edited(text));
    learn(&mut session, LessonEvent::Looked);
    let view = seen(&session);
    // Five pods answer now, and two were asked for.
    assert_eq!(view.goals[0].is_reached, Some(true));
    assert!(!view.is_solved);
    typed(&mut session, "kubectl scale deployment web --replicas=2");
    learn(&mut session, LessonEvent::Looked);
    let view = seen(&session);
    assert!(
        view.is_solved && view.progress.is_solved,
        "{:?}",
        view.goals
    );
    assert_eq!((view.told.as_str(), view.next), ("Solved.", Next::Free));
    // It stays solved.
    session.update(Event::Undo);
    learn(&mut session, LessonEvent::Looked);
    assert!(seen(&session).is_solved);
}

#[test]
fn hints_come_one_by_one_and_are_counted() {
    let mut session = at_the_task();
    assert_eq!(seen(&session).hints.len(), 0);
    for n in [1, 2, 3, 3] {
        learn(&mut session, LessonEvent::HintTaken);
        assert_eq!(seen(&session).hints.len(), n);
    }
    assert_eq!(seen(&session).progress.n_hints, 3);
}

#[test]
fn enough_right_guesses_solve_a_lesson_without_goals() {
    let mut session = in_lesson(one_request());
    for option in ["service", "there", "straight", "client", "here"] {
        forward(&mut session);
        answer(&mut session, option);
        forward(&mut session);
    }
    let view = seen(&session);
    assert_eq!((view.passes, view.is_solved), (Some((4, 4)), true));
    forward(&mut session);
    assert_eq!(seen(&session).next, Next::End);
}

#[test]
fn a_night_begins_with_the_task_and_the_seed_says_what_breaks() {
    let night = |seed| {
        let mut session = in_lesson(Beginning { seed, ..on_call() });
        for option in ["all", "two", ""] {
            forward(&mut session);
            answer(&mut session, option);
        }
        session
    };
    let mut session = night(3);
    let LessonPage::Task(task) = &seen(&session).page.clone() else {
        panic!("the task");
    };
    assert!(!task.heard.is_empty() && task.n_looks == Some(0));
    assert_eq!(
        session.view().time.moments.len(),
        1,
        "no way back before it"
    );
    typed(&mut session, "kubectl get services -A");
    typed(&mut session, "kubectl get endpointslices -A");
    typed(&mut session, "kubectl label namespace billing looked=at");
    typed(&mut session, "kubectl get pods");
    let LessonPage::Task(task) = &seen(&session).page.clone() else {
        panic!("the task");
    };
    assert_eq!(task.n_looks, Some(2), "looks before the first change");
    assert_eq!(seen(&night(3)).page, seen(&night(3)).page);
    let others = (4..12).map(|it| seen(&night(it)).page.clone());
    let first = seen(&night(3)).page.clone();
    assert!(
        others.into_iter().any(|it| it != first),
        "every night is the same"
    );
}

#[test]
fn a_lesson_goes_on_where_it_was_left() {
    let mut session = at_the_task();
    typed(&mut session, "kubectl scale deployment web --replicas=3");
    let (at, events) = session.lesson_way().expect("a way");
    let progress: LessonProgress = seen(&session).progress.clone();
    let again = in_lesson(Beginning {
        resumed: Some((at, events)),
        progress,
        ..typo()
    });
    assert_eq!(seen(&again).at, seen(&session).at);
    assert_eq!(shown(&again).0, shown(&session).0);
    let LessonPage::Task(_) = &seen(&again).page else {
        panic!("the task");
    };
    assert_eq!(seen(&again).pages, seen(&session).pages);
}

/// What one can see of a session of one's own.
fn shown(session: &Session) -> (String, String, Vec<String>, usize) {
    let View {
        editor,
        map,
        request,
        time,
        terminal,
        playback,
        ..
    } = &*session.view();
    (
        format!("{editor:?} {request:?} {map:?}"),
        format!("{terminal:?}"),
        time.moments.iter().map(|it| it.words.clone()).collect(),
        playback.position,
    )
}

fn deed() -> impl Strategy<Value = Event> {
    prop_oneof![
        Just(Event::Lesson(LessonEvent::Forward)),
        Just(Event::Lesson(LessonEvent::Back)),
        Just(Event::Lesson(LessonEvent::HintTaken)),
        Just(Event::Lesson(LessonEvent::Looked)),
        Just(Event::Lesson(LessonEvent::Restarted)),
        Just(Event::Lesson(LessonEvent::Opened)),
        prop_oneof![Just("rule"), Just("none"), Just("app")]
            .prop_map(|it| Event::Lesson(LessonEvent::Answered(it.into()))),
        (0..9_usize).prop_map(|it| Event::Lesson(LessonEvent::PageChosen(it))),
        prop_oneof![
            Just("kubectl delete service web"),
            Just("kubectl get pods -w"),
            Just("x")
        ]
        .prop_map(|it| Event::LineTyped(it.into())),
        Just(Event::Edited("kind: Pod".into())),
        Just(Event::Passed(Duration::from_secs(5))),
        Just(Event::Undo),
        Just(Event::Play),
        Just(Event::Forward),
        Just(Event::Asked {
            from: "pod/client".into(),
            to: "http://web".into()
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn leaving_a_lesson_restores_what_was_there(
        deeds in prop::collection::vec(deed(), 0..14),
        is_again in any::<bool>(),
    ) {
        let mut session = Session::new(TEXT, "pod/client", "http://api", 1);
        session.update(Event::Edited(TEXT.replace("targetPort: 8080", "targetPort: 9090")));
        typed(&mut session, "kubectl label pod api-1 mine=yes");
        session.update(Event::Undo);
        session.update(Event::Jump(2));
        let before = shown(&session);
        let way = session.way_here();
        learn(&mut session, LessonEvent::Begun(Box::new(typo())));
        for deed in deeds {
            session.update(deed);
            prop_assert_eq!(session.own().way_here(), way.clone());
        }
        if is_again {
            learn(&mut session, LessonEvent::Begun(Box::new(one_request())));
        }
        session.update(Event::Shaped(Layout::Wide));
        learn(&mut session, LessonEvent::Left);
        prop_assert!(session.lesson().is_none());
        prop_assert_eq!(shown(&session), before);
        prop_assert_eq!(session.way_here(), way);
        // The future that was undone is there too.
        session.update(Event::Redo);
        let moments = session.view().time.moments.len();
        prop_assert_eq!(moments, 3);
    }
}
