//! The first look: what a page shows before the library has arrived is what the library would show.

use packetwalk_core::session::{
    Effect, Event, FirstLook, Form, Reel, Session, read_handed_over, read_link,
};
use packetwalk_core::sim::encode_link;
use packetwalk_core::time::Duration;
use packetwalk_core::view::{Break, Layer, Layout, View};
use packetwalk_tests::text;
use proptest::prelude::*;

fn manifest() -> String {
    text("static/manifests/clusterip.yaml")
}

fn session() -> Session {
    Session::new(&manifest(), "pod/client", "http://api", 1)
}

/// As it is read from the file that the page is served with.
fn first_look() -> FirstLook {
    let reel = Reel::record(&manifest(), "pod/client", "http://api", 1);
    let read = Reel::read(&reel.written()).expect("what was written");
    FirstLook::new(read).expect("a reel with something on it")
}

fn step() -> impl Strategy<Value = Event> {
    prop_oneof![
        Just(Event::Play),
        Just(Event::Pause),
        Just(Event::Forward),
        Just(Event::Back),
        Just(Event::ToNextDecision),
        (0..20_usize).prop_map(Event::Jump),
        prop_oneof![Just(Layer::Story), Just(Layer::Machine)].prop_map(Event::LayerSet),
        prop::sample::select(&Break::ALL[..]).prop_map(Event::BreakSet),
        (0..3_usize).prop_map(Event::WayChosen),
        prop_oneof![Just(0.1), Just(0.5), Just(2.0), Just(f64::NAN)].prop_map(Event::SpeedSet),
        prop_oneof![Just(Layout::Wide), Just(Layout::Tall)].prop_map(Event::Shaped),
    ]
}

/// What can be seen, as a shell gets it.
fn seen(view: &View) -> String {
    serde_json::to_string(view).expect("JSON")
}

fn elapsed(effects: &[Effect]) -> Option<Event> {
    effects
        .iter()
        .map(|Effect::Wake { timer, .. }| Event::Elapsed(*timer))
        .next_back()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_first_look_shows_what_a_session_shows(steps in prop::collection::vec(step(), 1..16)) {
        let (mut look, mut session) = (first_look(), session());
        for event in steps {
            let effects = look.update(event.clone());
            prop_assert_eq!(&effects, &session.update(event));
            prop_assert_eq!(seen(&look.view()), seen(&session.view()));
            if let Some(event) = elapsed(&effects) {
                prop_assert_eq!(look.update(event.clone()), session.update(event));
                prop_assert_eq!(seen(&look.view()), seen(&session.view()));
            }
        }
        prop_assert!(!look.is_waiting());
    }

    #[test]
    fn what_is_handed_over_leads_a_session_to_the_same_place(steps in prop::collection::vec(step(), 0..16)) {
        let mut look = first_look();
        for event in steps {
            look.update(event);
        }
        let mut session = session();
        for event in read_handed_over(&look.handed_over()).expect("what was written") {
            session.update(event);
        }
        prop_assert_eq!(seen(&look.view()), seen(&session.view()));
    }
}

#[test]
fn what_must_be_computed_waits_and_is_handed_over_in_order() {
    let mut look = first_look();
    look.update(Event::Jump(4));
    let edited = manifest().replace("targetPort: 8080", "targetPort: 9090");
    look.update(Event::Edited("half of".to_owned()));
    look.update(Event::Edited(edited.clone()));
    assert!(look.is_waiting());
    assert_eq!(look.view().editor.text, edited);
    assert!(look.view().is_stale);
    look.update(Event::Asked {
        from: "pod/client".to_owned(),
        to: "http://api.default".to_owned(),
    });
    let mut session = session();
    for event in read_handed_over(&look.handed_over()).expect("what was written") {
        session.update(event);
    }
    let view = session.view();
    assert_eq!(view.editor.text, edited);
    assert_eq!(view.request.to, "http://api.default");
    assert_eq!(view.outcomes[0].ending.verdict.name(), "refused");
}

#[test]
fn an_empty_reel_is_no_first_look() {
    let empty = Reel::read(r#"{"frames":[]}"#).expect("a reel");
    assert!(FirstLook::new(empty).is_none());
    assert!(Reel::read("<!doctype html>").is_none());
}

#[test]
fn a_link_leads_to_the_same_place() {
    let mut shared = session();
    shared.update(Event::Edited(manifest().replace("port: 80 ", "port: 81 ")));
    shared.update(Event::Asked {
        from: "pod/client".to_owned(),
        to: "http://api:81".to_owned(),
    });
    shared.update(Event::WayChosen(1));
    shared.update(Event::Jump(5));
    let mut opened = session();
    for event in read_link(&shared.link()).expect("a link") {
        opened.update(event);
    }
    assert_eq!(seen(&opened.view()), seen(&shared.view()));
    assert_eq!(opened.view().playback.position, 5);
}

#[test]
fn a_link_leads_to_what_happened_to_the_cluster() {
    let mut shared = session();
    let acts = shared.view().time.acts.clone();
    let down = acts.iter().position(|it| it.words.ends_with("loses power"));
    for event in [
        Event::Acted(down.expect("a node")),
        Event::Passed(Duration::from_secs(60)),
        Event::LayerSet(Layer::Story),
        Event::BreakSet(Break::Rewrite),
        Event::BreakSet(Break::Node),
        Event::Jump(3),
    ] {
        shared.update(event);
    }
    let mut opened = session();
    for event in read_link(&shared.link()).expect("a link") {
        opened.update(event);
    }
    let (shared, opened) = (shared.view(), opened.view());
    assert!(shared.time.events.len() > 1, "{:?}", shared.time.events);
    assert_eq!(opened.time.events, shared.time.events);
    assert_eq!(opened.time.now, shared.time.now);
    assert_eq!(opened.options, shared.options);
    assert_eq!(opened.walk, shared.walk);
    assert_eq!(opened.playback, shared.playback);
}

#[test]
fn a_link_that_no_session_made_is_refused() {
    let made = |events: &[Event]| read_link(&encode_link(&events.to_vec()));
    let edited = Event::Edited(String::new());
    assert!(made(&[edited.clone(), edited.clone()]).is_err());
    assert!(made(&[Event::Play]).is_err());
    assert!(
        made(&[
            edited,
            Event::Jump(usize::MAX),
            Event::WayChosen(usize::MAX)
        ])
        .is_ok()
    );
    assert!(read_link("w1.AAAA").is_err());
}

#[test]
fn a_walk_is_exported_in_every_form() {
    for form in Form::ALL {
        let bytes = session().exported(form).expect("a walk");
        assert!(bytes.len() > 300, "{form:?}");
    }
    let mut session = session();
    session.update(Event::Asked {
        from: "pod/nobody".to_owned(),
        to: "http://api".to_owned(),
    });
    assert_eq!(session.exported(Form::Mermaid), None);
}
