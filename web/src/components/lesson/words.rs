//! A lesson's words on the page, and lines to type.

use crate::effects;
use crate::session::Dispatch;
use gloo::utils::document;
use packetwalk_core::session::Event;
use packetwalk_core::view::{Block, Span};
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

/// Blocks, one below another.
pub(super) fn words(blocks: &[Block]) -> Html {
    let block = |(idx, it): (usize, &Block)| match it {
        Block::Paragraph(it) => html! { <p key={idx}>{ spans(it) }</p> },
        Block::Items(items) => html! {
            <ul key={idx} class="lesson__items">{ for items.iter().enumerate().map(|(idx, it)| html! { <li key={idx}>{ spans(it) }</li> }) }</ul>
        },
        Block::Fence(it) => {
            html! { <pre key={idx} class="lesson__fence"><code>{ it.clone() }</code></pre> }
        }
    };
    html! { <>{ for blocks.iter().enumerate().map(block) }</> }
}

/// Blocks where only phrases may stand, as in a button.
pub(super) fn phrase(blocks: &[Block]) -> Html {
    let block = |(idx, it): (usize, &Block)| match it {
        Block::Paragraph(it) => html! { <span key={idx}>{ spans(it) }</span> },
        Block::Items(items) => {
            html! { <span key={idx}>{ for items.iter().map(|it| spans(it)) }</span> }
        }
        Block::Fence(it) => html! { <code key={idx}>{ it.clone() }</code> },
    };
    html! { <>{ for blocks.iter().enumerate().map(block) }</> }
}

fn spans(spans: &[Span]) -> Html {
    let span = |(idx, it): (usize, &Span)| match it {
        Span::Plain(it) => html! { <span key={idx}>{ it.clone() }</span> },
        Span::Code(it) => html! { <code key={idx}>{ it.clone() }</code> },
    };
    html! { <>{ for spans.iter().enumerate().map(span) }</> }
}

/// A line, with buttons that type it here or copy it.
pub(super) fn line(line: &str, dispatch: &Dispatch) -> Html {
    let on_type = {
        let (dispatch, line) = (dispatch.clone(), line.to_owned());
        Callback::from(move |_: MouseEvent| type_it(&dispatch, &line))
    };
    let on_copy = {
        let line = line.to_owned();
        Callback::from(move |_: MouseEvent| {
            let line = line.clone();
            spawn_local(async move {
                effects::copy(&line).await;
            });
        })
    };
    html! {
        <div class="lesson__line">
            <pre class="lesson__command"><code>{ line.to_owned() }</code></pre>
            <div class="lesson__row">
                <button class="button lesson__small" type="button" onclick={on_type}>{"Type it here"}</button>
                <button class="button button--quiet lesson__small" type="button" onclick={on_copy}>{"Copy"}</button>
            </div>
        </div>
    }
}

/// Types a line into the terminal, which is opened for it.
fn type_it(dispatch: &Dispatch, line: &str) {
    dispatch.dispatch(Event::LineTyped(line.to_owned()));
    // Not by its id: on other people's pages something else may be called so.
    let drawer = document().query_selector(".page ~ .drawer > .terminal");
    if let Ok(Some(drawer)) = drawer {
        // It can be opened by hand as well.
        let _ = drawer.set_attribute("open", "");
    }
}
