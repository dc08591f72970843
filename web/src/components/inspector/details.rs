//! What a hop has besides rules: routes, sockets, questions to DNS, the connection.

use packetwalk_core::view::{ConnectionView, ListenView, QueryView, RouteView};
use yew::prelude::*;

/// A host's routes, the one taken marked.
pub(super) fn routes(routes: &[RouteView]) -> Html {
    html! {
        <div class="table" hidden={routes.is_empty()}>
            <h3 class="inspector__head">{"Routes"}</h3>
            <ul class="table__rows">
                { for routes.iter().map(|it| marked(&it.text, it.is_taken, "taken")) }
            </ul>
        </div>
    }
}

/// A host's sockets, with the one that takes the packet marked.
pub(super) fn sockets(listens: &[ListenView]) -> Html {
    html! {
        <div class="table">
            <h3 class="inspector__head">{"Sockets here"}</h3>
            <ul class="table__rows">
                { for listens.iter().map(|it| marked(&it.text, it.answers, "takes it")) }
                { for listens.is_empty().then(|| html! { <li class="table__none" key="none">{"nothing listens here"}</li> }) }
            </ul>
        </div>
    }
}

fn marked(text: &str, is_marked: bool, word: &'static str) -> Html {
    html! {
        <li class="table__row" key={text.to_owned()} data-marked={is_marked.then_some("")}>
            <code>{ text.to_owned() }</code>
            <span class="table__word">{ if is_marked { word } else { "" } }</span>
        </li>
    }
}

/// A look-up: how the pod was told to ask, what it asked, what it heard.
pub(crate) fn dns(resolv_conf: &str, queries: &[QueryView]) -> Html {
    html! {
        <div class="dns">
            <h3 class="inspector__head">{"Questions and answers"}</h3>
            <dl class="dns__queries">
                { for queries.iter().map(|it| html! {
                    <div class="dns__query" key={it.question.clone()}>
                        <dt><code>{ it.question.clone() }</code></dt>
                        <dd><code>{ it.answer.clone() }</code></dd>
                    </div>
                }) }
            </dl>
            <h3 class="inspector__head">{"The pod’s /etc/resolv.conf"}</h3>
            <pre class="dns__conf">{ resolv_conf.to_owned() }</pre>
        </div>
    }
}

/// The connection as it stands after the hop.
pub(super) fn connection(connection: &ConnectionView) -> Html {
    let row = |name: &'static str, text: String| {
        html! { <div key={name}><dt>{ name }</dt><dd><code>{ text }</code></dd></div> }
    };
    html! {
        <div class="connection" key="connection">
            <h3 class="inspector__head">{"Connection tracking"}</h3>
            <p class="connection__sentence">{ connection.sentence.clone() }</p>
            <dl class="connection__rows">
                { row("original", connection.original.clone()) }
                { row("reply", connection.reply.clone()) }
                { for connection.state.map(|it| row("state", it.to_owned())) }
                { row("status", connection.status.join(", ")) }
                { row("forgotten after", format!("{} s of silence", connection.timeout_secs)) }
            </dl>
        </div>
    }
}
