//! What a widget tells the script around it: how it is now, and what has just happened, as plain objects.
//!
//! **Left out**: the whole view. What is told is what a page can make use of; the rest is there to be seen.

use crate::session::{Part, State};
use js_sys::{Array, Function, Object, Reflect};
use packetwalk_core::view::{
    Chosen, ComplaintView, Layer, LessonPage, LessonView, OutcomeView, TerminalState, View,
};
use std::rc::Rc;
use wasm_bindgen::JsValue;
use yew::prelude::*;

/// Tells what is new whenever the widget is drawn anew.
#[hook]
pub(super) fn use_telling(state: &State, tell: &Function) {
    let before = use_mut_ref(|| None::<Seen>);
    let tell = tell.clone();
    let view = state.view();
    let lesson = state.lesson();
    let parts = (Part::from(&view), lesson.as_ref().map(Part::from));
    use_effect_with(parts, move |_| {
        let now = Seen { view, lesson };
        let was = before.replace(Some(now.clone()));
        let say = |name: &str, what: &JsValue| {
            // What a page's own listener throws is the page's to see.
            let _ = tell.call2(&JsValue::NULL, &name.into(), what);
        };
        let all = told(&now.view);
        put(&all, "lesson", &lesson_told(now.lesson.as_deref()));
        say("state", &all);
        match was {
            Some(was) => {
                news(&was.view, &now.view, &say);
                learned(was.lesson.as_deref(), now.lesson.as_deref(), &say);
            }
            None => {
                say("ready", &JsValue::NULL);
                complain(&now.view, &say);
            }
        }
    });
}

/// What was told of.
#[derive(Clone)]
struct Seen {
    view: Rc<View>,
    lesson: Option<Rc<LessonView>>,
}

/// What has happened in a lesson.
fn learned(was: Option<&LessonView>, now: Option<&LessonView>, say: &dyn Fn(&str, &JsValue)) {
    let (Some(was), Some(now)) = (was, now) else {
        return;
    };
    if let (LessonPage::Question(before), LessonPage::Question(after)) = (&was.page, &now.page)
        && before.id == after.id
    {
        let pairs = before.options.iter().zip(&after.options);
        let chosen = pairs.filter(|(before, after)| before.chosen != after.chosen);
        for (_, option) in chosen {
            say(
                "answer",
                &object(&[
                    ("question", after.id.as_str().into()),
                    ("option", option.id.as_str().into()),
                    ("isRight", option.is_right.map_or(JsValue::NULL, Into::into)),
                    ("isFirst", (option.chosen == Chosen::First).into()),
                ]),
            );
        }
    }
    if now.is_solved && !was.is_solved {
        say("solved", &lesson_told(Some(now)));
    }
}

fn lesson_told(lesson: Option<&LessonView>) -> JsValue {
    lesson.map_or(JsValue::NULL, |it| {
        object(&[
            ("name", it.name.as_str().into()),
            ("title", it.title.as_str().into()),
            ("page", counted(it.at)),
            ("pages", number(it.pages.len())),
            ("isSolved", it.is_solved.into()),
        ])
    })
}

/// What has happened between two views.
fn news(was: &View, now: &View, say: &dyn Fn(&str, &JsValue)) {
    let is_elsewhere = was.playback.position != now.playback.position;
    if is_elsewhere || !Rc::ptr_eq(&was.walk, &now.walk) {
        say("step", &step(now));
    }
    let is_other_world = !Rc::ptr_eq(&was.map, &now.map)
        || !Rc::ptr_eq(&was.walk, &now.walk)
        || was.editor.text != now.editor.text;
    if is_other_world {
        say("change", &told(now));
    }
    if let Some(answer) = answer(was, now) {
        say("answer", &answer);
    }
    let is_newly_wrong =
        was.editor.complaints != now.editor.complaints || was.request.error != now.request.error;
    if is_newly_wrong {
        complain(now, say);
    }
    if let Some(ran) = ran(was, now) {
        say("ran", &ran);
    }
}

/// Says what stops the widget from showing what it was asked for.
fn complain(now: &View, say: &dyn Fn(&str, &JsValue)) {
    for it in now.editor.complaints.iter().filter(|it| it.is_error) {
        say("error", &complaint(it));
    }
    if let Some(message) = &now.request.error {
        say("error", &object(&[("message", message.as_str().into())]));
    }
}

/// An answer that was just given.
fn answer(was: &View, now: &View) -> Option<JsValue> {
    let question = now.question.as_ref().as_ref()?;
    let given = question.answered?;
    let before = was.question.as_ref().as_ref().and_then(|it| it.answered);
    if before.is_some() {
        return None;
    }
    let it = question.answers.get(given)?;
    Some(object(&[
        ("prompt", question.prompt.as_str().into()),
        ("answer", counted(given)),
        ("words", it.words.as_str().into()),
        ("isRight", it.is_right.into()),
        ("why", it.why.as_str().into()),
    ]))
}

/// A line that has just ended.
fn ran(was: &View, now: &View) -> Option<JsValue> {
    let (before, after) = (&was.terminal, &now.terminal);
    let has_ended = after.state == TerminalState::Idle
        && (before.state != TerminalState::Idle || !Rc::ptr_eq(&before.entries, &after.entries));
    let last = after.entries.last().filter(|_| has_ended)?;
    let output: String = last.output.iter().map(|it| it.text.as_str()).collect();
    Some(object(&[
        ("line", last.line.as_str().into()),
        ("output", output.into()),
        ("code", last.code.map_or(JsValue::NULL, Into::into)),
    ]))
}

/// Where in the walk.
fn step(view: &View) -> JsValue {
    let hop = view.walk.hops.get(view.playback.position);
    let of_hop = |text: Option<&String>| text.map_or(JsValue::NULL, |it| it.as_str().into());
    object(&[
        ("step", counted(view.playback.position)),
        ("steps", number(view.walk.hops.len())),
        ("place", of_hop(hop.map(|it| &it.place))),
        ("title", of_hop(hop.map(|it| &it.title))),
        (
            "sentence",
            of_hop(
                hop.map(|it| &it.sentence)
                    .or(Some(&view.walk.ending.sentence)),
            ),
        ),
    ])
}

/// All that is told of a widget.
fn told(view: &View) -> JsValue {
    let all = step(view);
    let shown = view.outcomes.iter().find(|it| it.is_shown);
    let verdict = shown.map_or(JsValue::NULL, |it| it.ending.verdict.name().into());
    let layer = match view.options.layer {
        Layer::Story => "story",
        Layer::Machine => "machine",
    };
    for (name, value) in [
        ("from", view.request.from.as_str().into()),
        ("to", view.request.to.as_str().into()),
        ("cluster", view.request.cluster.as_str().into()),
        ("yaml", view.editor.text.as_str().into()),
        ("layer", layer.into()),
        ("isPlaying", view.playback.is_playing.into()),
        ("isStale", view.is_stale.into()),
        ("time", view.time.now.as_str().into()),
        ("verdict", verdict),
        ("outcomes", list(view.outcomes.iter().map(outcome))),
        (
            "complaints",
            list(view.editor.complaints.iter().map(complaint)),
        ),
    ] {
        put(&all, name, &value);
    }
    all
}

fn outcome(it: &OutcomeView) -> JsValue {
    let text = |it: &Option<String>| it.as_deref().map_or(JsValue::NULL, Into::into);
    object(&[
        ("probability", it.probability.into()),
        ("odds", it.odds.as_str().into()),
        ("verdict", it.ending.verdict.name().into()),
        ("destination", text(&it.ending.destination)),
        ("object", text(&it.ending.object)),
        ("isShown", it.is_shown.into()),
    ])
}

fn complaint(it: &ComplaintView) -> JsValue {
    object(&[
        ("line", it.line.into()),
        ("column", it.column.into()),
        ("isError", it.is_error.into()),
        ("message", it.message.as_str().into()),
        ("hint", it.hint.as_deref().map_or(JsValue::NULL, Into::into)),
    ])
}

fn counted(idx: usize) -> JsValue {
    number(idx + 1)
}

fn number(count: usize) -> JsValue {
    u32::try_from(count).unwrap_or(u32::MAX).into()
}

fn list(items: impl Iterator<Item = JsValue>) -> JsValue {
    items.collect::<Array>().into()
}

fn object(fields: &[(&str, JsValue)]) -> JsValue {
    let object = Object::new().into();
    for (name, value) in fields {
        put(&object, name, value);
    }
    object
}

fn put(object: &JsValue, name: &str, value: &JsValue) {
    // A plain object takes any property.
    let _ = Reflect::set(object, &name.into(), value);
}
