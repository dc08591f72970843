//! Many requests: how many to make, and a live bar for each receiver with what was to be expected.
//!
//! **Left out**: a rate; all requests are made one right after the other.

use crate::components::verdict;
use crate::session::{Part, use_session};
use packetwalk_core::session::{Event, Traffic as Made};
use packetwalk_core::sorted::sort_by_key;
use packetwalk_core::view::{Share, TrafficView};
use web_sys::{HtmlInputElement, HtmlSelectElement};
use yew::prelude::*;

/// The most bars; of more receivers those who got most have one.
const MAX_ROWS: usize = 12;

/// Many requests.
#[derive(PartialEq, Properties)]
pub(super) struct TrafficProps {
    /// What was sent, if anything was.
    pub(super) traffic: Part<Option<TrafficView>>,
    /// What share of it has arrived, in thousandths.
    pub(super) arrived: u32,
}

/// Many requests.
#[component]
pub(super) fn Traffic(props: &TrafficProps) -> Html {
    let dispatch = use_session();
    let (requests, clients, keeps) = (use_node_ref(), use_node_ref(), use_node_ref());
    let send = {
        let (requests, clients, keeps) = (requests.clone(), clients.clone(), keeps.clone());
        let dispatch = dispatch.clone();
        Callback::from(move |()| {
            let number = |it: &NodeRef| {
                let menu = it.cast::<HtmlSelectElement>();
                menu.and_then(|it| it.value().parse().ok()).unwrap_or(1)
            };
            let keeps_alive = keeps
                .cast::<HtmlInputElement>()
                .is_some_and(|it| it.checked());
            dispatch.dispatch(Event::TrafficMade(Some(Made {
                n_requests: number(&requests),
                n_clients: number(&clients),
                keeps_alive,
            })));
        })
    };
    let menu = |id: &'static str,
                label: &'static str,
                node: &NodeRef,
                all: &'static [&'static str],
                first: usize| {
        html! {
            <label class="traffic__label">
                <select class="field" {id} ref={node}>
                    { for all.iter().enumerate().map(|(idx, it)| html! { <option key={*it} value={*it} selected={idx == first}>{ *it }</option> }) }
                </select>
                {" "}{ label }
            </label>
        }
    };
    let traffic = props.traffic.as_ref();
    html! {
        <div class="traffic" id="traffic" role="group" aria-label="Many requests at once">
            <div class="traffic__form">
                { menu("n-requests", "requests", &requests, &["10", "100", "200", "1000", "10000"], 1) }
                { menu("n-clients", "clients", &clients, &["1", "5", "20", "200"], 1) }
                <label class="traffic__label"><input type="checkbox" id="keep-alive" ref={keeps} />{" keep connections alive"}</label>
                <button class="button" id="send-many" type="button" onclick={send.reform(|_: MouseEvent| ())}>
                    {"Send them"}
                </button>
            </div>
            { for traffic.map(|it| histogram(it, props.arrived)) }
        </div>
    }
}

fn histogram(traffic: &TrafficView, arrived: u32) -> Html {
    let arrived = f64::from(arrived) / 1000.0;
    let most = traffic.shares.iter().map(expected).fold(0.0, f64::max);
    let scale = (most * 1.35)
        .max(
            traffic
                .shares
                .iter()
                .map(|it| share(it, traffic))
                .fold(0.0, f64::max),
        )
        .max(0.001);
    html! {
        <>
            <p class="traffic__sum" id="traffic-sum" role="status">
                { format!("{} requests over {}.", traffic.n_requests, connections(traffic.n_connections)) }
                {" Rules choose once for each connection; the mark is what was to be expected."}
            </p>
            <table class="traffic__shares" id="traffic-shares">
                <caption class="hidden">{"Requests by receiver"}</caption>
                <thead class="hidden"><tr><th scope="col">{"receiver"}</th><th scope="col">{"share"}</th><th scope="col">{"requests"}</th><th scope="col">{"expected"}</th></tr></thead>
                <tbody>
                    { for most_first(&traffic.shares).into_iter().take(MAX_ROWS).map(|it| row(it, traffic, arrived, scale)) }
                </tbody>
            </table>
            { others(&traffic.shares) }
        </>
    }
}

/// The receivers, those who got most first; few of them keep the order they have.
fn most_first(shares: &[Share]) -> Vec<&Share> {
    let mut all: Vec<&Share> = shares.iter().collect();
    if all.len() > MAX_ROWS {
        sort_by_key(&mut all, |it| std::cmp::Reverse(it.n_requests));
    }
    all
}

/// The receivers for whom there is no bar.
fn others(shares: &[Share]) -> Html {
    let all = most_first(shares);
    let Some((most, least)) = all.get(MAX_ROWS).zip(all.last()) else {
        return Html::default();
    };
    let n = all.len() - MAX_ROWS;
    html! {
        <p class="traffic__sum">{ format!("And {n} more, with {} to {} requests each.", least.n_requests, most.n_requests) }</p>
    }
}

fn row(it: &Share, traffic: &TrafficView, arrived: f64, scale: f64) -> Html {
    let width = share(it, traffic) * arrived / scale * 100.0;
    let mark = expected(it) / scale * 100.0;
    let n = (f64::from(count(it.n_requests)) * arrived).round();
    html! {
        <tr key={format!("{} {}", it.name, it.verdict.name())} data-verdict={it.verdict.name()}>
            <th scope="row"><span aria-hidden="true">{ verdict::mark(it.verdict) }</span>{" "}{ verdict::word(it.verdict) }{" "}{ it.name.clone() }</th>
            <td class="traffic__cell">
                <svg class="traffic__bar" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">
                    <rect width={format!("{width:.1}")} height="10" />
                    <path d={format!("M{mark:.1} 0v10")} />
                </svg>
            </td>
            <td class="traffic__n">{ format!("{n:.0}") }</td>
            <td class="traffic__n">{ format!("{:.0} % expected", it.probability * 100.0) }</td>
        </tr>
    }
}

fn connections(n: usize) -> String {
    match n {
        1 => "1 connection".into(),
        n => format!("{n} connections"),
    }
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

fn share(it: &Share, traffic: &TrafficView) -> f64 {
    f64::from(count(it.n_requests)) / f64::from(count(traffic.n_requests.max(1)))
}

fn expected(it: &Share) -> f64 {
    it.probability
}
