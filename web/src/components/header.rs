//! The head of the page: its name, the request, what cluster this is, how large, and the colours.

use super::lecture::Lecture;
use super::lessons_button::LessonsButton;
use super::theme::ThemeButton;
use crate::session::{Part, use_session};
use packetwalk_core::session::Event;
use packetwalk_core::view::RequestView;
use web_sys::{HtmlInputElement, HtmlSelectElement};
use yew::prelude::*;

/// What the head shows.
#[derive(PartialEq, Properties)]
pub struct HeaderProps {
    /// The request.
    pub request: Part<RequestView>,
}

/// The head of the page.
#[component]
pub fn Header(props: &HeaderProps) -> Html {
    let dispatch = use_session();
    let (from, to) = (use_node_ref(), use_node_ref());
    let on_send = {
        let (from, to) = (from.clone(), to.clone());
        Callback::from(move |event: SubmitEvent| {
            event.prevent_default();
            let from = from.cast::<HtmlSelectElement>().map(|it| it.value());
            let to = to.cast::<HtmlInputElement>().map(|it| it.value());
            if let (Some(from), Some(to)) = (from, to) {
                dispatch.dispatch(Event::Asked {
                    from,
                    to: to.trim().to_owned(),
                });
            }
        })
    };
    let request = &props.request;
    html! {
        <header class="head">
            <a class="skip" href="#figure">{"Skip to the walk"}</a>
            <div class="head__row">
                <h1 class="head__name">{"packet"}<span class="head__walk">{"walk"}</span></h1>
                { form(request, from, to, on_send) }
                <p class="head__mode">{ request.cluster.clone() }</p>
                <LessonsButton />
                <Lecture />
                <ThemeButton />
            </div>
            <p class="head__error" id="request-error" role="status">
                { request.error.clone().unwrap_or_default() }
            </p>
        </header>
    }
}

fn form(request: &RequestView, from: NodeRef, to: NodeRef, on_send: Callback<SubmitEvent>) -> Html {
    // A source that has gone stays chosen, so that the form shows what is really asked.
    let is_listed = request.sources.contains(&request.from);
    let sources = request
        .sources
        .iter()
        .chain((!is_listed).then_some(&request.from));
    html! {
        <form class="request" id="request" onsubmit={on_send} aria-label="The request">
            <label class="request__label" for="from">{"from"}</label>
            <select class="field request__from" id="from" ref={from}>
                { for sources.map(|it| html! {
                    <option key={it.clone()} value={it.clone()} selected={*it == request.from}>{ it.clone() }</option>
                }) }
            </select>
            <label class="request__label" for="to">{"to"}</label>
            <input
                class="field request__to" id="to" ref={to} type="text" list="destinations"
                autocomplete="off" autocapitalize="none" spellcheck="false"
                aria-describedby="request-error"
                aria-invalid={request.error.is_some().then_some("true")}
                value={request.to.clone()}
            />
            <datalist id="destinations">
                { for request.destinations.iter().map(|it| html! {
                    <option key={it.clone()} value={it.clone()} />
                }) }
            </datalist>
            <button class="button button--main request__send" id="send" type="submit">{"Send"}</button>
        </form>
    }
}
