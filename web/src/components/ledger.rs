//! What can be looked up beside the walk: the whole rules of a node in every mode, next to one another, and lists of what the
//! cluster has.
//!
//! It looks while it is open. After a change it looks again by itself, as long as that is quick; else it says that the cluster has
//! moved on.
//!
//! **Left out**: lines beyond the first two thousand that a search finds, which are counted.

use super::ledger_bar::ledger_bar;
use crate::effects::focus;
use crate::hooks::keys::use_figure_keys;
use crate::hooks::looking::use_looking;
use crate::session::Part;
use gloo::utils::document;
use packetwalk_core::view::{
    Leaf, LeafView, LineChange, MapView, Met, RulesetLine, RulesetView, WalkView, mode_names,
};
use web_sys::{HtmlInputElement, HtmlSelectElement, KeyboardEvent};
use yew::prelude::*;

/// Gives the rules of a node in a mode; in the cluster's own if none is named.
pub type OnRuleset = Callback<(Option<&'static str>, String), Option<RulesetView>>;

/// Whom it asks.
#[derive(PartialEq, Properties)]
pub struct LedgerProps {
    /// Gives a list.
    pub on_leaf: Callback<Leaf, LeafView>,
    /// Gives the rules of a node.
    pub on_ruleset: OnRuleset,
    /// The cluster, so that a change is noticed.
    pub map: Part<MapView>,
    /// The walk, as well.
    pub walk: Part<WalkView>,
    /// Where in it one stands.
    pub position: usize,
}

/// Looking again is done so long after a change.
const AFTER_MS: u32 = 150;

/// So many lines are shown at most.
const MAX_SHOWN: usize = 2_000;

/// What is looked at.
#[derive(Clone, Debug, Default, PartialEq)]
struct Chosen {
    is_open: bool,
    /// A list; none for the rules.
    leaf: Option<Leaf>,
    /// The node; the one of this hop, or the first, if none was chosen.
    node: Option<String>,
    /// The modes; the cluster's own if none was chosen.
    modes: Vec<&'static str>,
    search: String,
    /// Only lines that changed or were asked.
    is_marked_only: bool,
}

/// What was found.
#[derive(Clone, PartialEq)]
enum Page {
    Rules(Vec<RulesetView>),
    Leaf(LeafView),
}

/// The ledger.
#[component]
pub fn Ledger(props: &LedgerProps) -> Html {
    let chosen = use_state_eq(Chosen::default);
    let node = chosen.node.clone().or_else(|| node_of(props));
    use_figure_keys("l", Callback::from(|_| toggle()));
    let (found, look) = {
        let (on_leaf, on_ruleset) = (props.on_leaf.clone(), props.on_ruleset.clone());
        let (chosen, node) = ((*chosen).clone(), node.clone());
        let is_open = chosen.is_open;
        let look = move || match chosen.leaf {
            Some(leaf) => Page::Leaf(on_leaf.emit(leaf)),
            None => Page::Rules(rules(&on_ruleset, &chosen.modes, node.as_deref())),
        };
        let about = (props.map.clone(), props.walk.clone(), props.position);
        use_looking(look, about, AFTER_MS, is_open)
    };
    {
        // What somebody chose is looked at now.
        let look = look.clone();
        let wanted = (chosen.is_open, chosen.leaf, chosen.modes.clone());
        use_effect_with((wanted, chosen.node.clone()), move |((is_open, ..), _)| {
            if *is_open {
                look();
            }
        });
    }
    let on_toggle = {
        let chosen = chosen.clone();
        Callback::from(move |_: Event| {
            let is_open = document()
                .get_element_by_id("ledger")
                .is_some_and(|it| it.has_attribute("open"));
            let mut next = (*chosen).clone();
            next.is_open = is_open;
            chosen.set(next);
        })
    };
    let on_again = Callback::from(move |_: MouseEvent| look());
    let is_old = found.as_ref().is_some_and(|it| it.is_old);
    html! {
        <details class="ledger" id="ledger" ontoggle={on_toggle}>
            { ledger_bar(None) }
            { tabs(&chosen) }
            <div class="ledger__page" role="tabpanel" id="ledger-page" aria-labelledby={tab_id(chosen.leaf)} tabindex="0">
                { tools(&chosen, props, node.as_deref()) }
                <p class="ledger__old" role="status">
                    <span hidden={!is_old}>{"The cluster has moved on since. "}<button class="button" type="button" onclick={on_again}>{"Look again"}</button></span>
                </p>
                { found.as_ref().filter(|_| chosen.is_open).map(|it| page(&it.found, &chosen)).unwrap_or_default() }
            </div>
        </details>
    }
}

fn toggle() {
    if let Some(ledger) = document().get_element_by_id("ledger") {
        // It is there, so it can be opened.
        let _ = ledger.toggle_attribute("open");
        if ledger.has_attribute("open") {
            ledger.scroll_into_view();
        }
    }
}

/// The node of this hop, or the first there is.
fn node_of(props: &LedgerProps) -> Option<String> {
    let hop = props.walk.hops.get(props.position);
    let here = hop.and_then(|it| it.host.strip_prefix("node/"));
    let first = props.map.nodes.first().map(|it| it.name.as_str());
    here.or(first).map(str::to_owned)
}

/// The rules of a node in the modes that were chosen, or else in the cluster's own.
fn rules(on_ruleset: &OnRuleset, modes: &[&'static str], node: Option<&str>) -> Vec<RulesetView> {
    let chosen = mode_names().filter(|it| modes.contains(it)).map(Some);
    let own = modes.is_empty().then_some(None);
    let node = node.unwrap_or_default();
    let all = chosen.chain(own);
    all.filter_map(|it| on_ruleset.emit((it, node.to_owned())))
        .collect()
}

fn tab_id(leaf: Option<Leaf>) -> String {
    format!("ledger-{}", leaf.map_or("Rules", Leaf::name).to_lowercase())
}

/// The tabs: one of them takes the focus, and arrows go along.
fn tabs(chosen: &UseStateHandle<Chosen>) -> Html {
    let all: Vec<Option<Leaf>> = [None].into_iter().chain(Leaf::ALL.map(Some)).collect();
    let at = all.iter().position(|it| *it == chosen.leaf).unwrap_or(0);
    let choose = {
        let chosen = chosen.clone();
        move |leaf| {
            let mut next = (*chosen).clone();
            next.leaf = leaf;
            chosen.set(next);
        }
    };
    let on_key = {
        let (all, choose) = (all.clone(), choose.clone());
        Callback::from(move |event: KeyboardEvent| {
            let n = all.len();
            let to = match event.key().as_str() {
                "ArrowRight" => (at + 1) % n,
                "ArrowLeft" => (at + n - 1) % n,
                "Home" => 0,
                "End" => n - 1,
                _ => return,
            };
            event.prevent_default();
            choose(all[to]);
            focus(&tab_id(all[to]));
        })
    };
    html! {
        <div class="ledger__tabs" role="tablist" aria-label="What to look up" onkeydown={on_key}>
            { for all.iter().map(|leaf| {
                let (leaf, choose) = (*leaf, choose.clone());
                let is_chosen = leaf == chosen.leaf;
                html! {
                    <button
                        class="ledger__tab" type="button" role="tab" id={tab_id(leaf)} aria-controls="ledger-page"
                        aria-selected={is_chosen.to_string()} tabindex={if is_chosen { "0" } else { "-1" }}
                        onclick={Callback::from(move |_: MouseEvent| choose(leaf))}
                    >{ leaf.map_or("Rules", Leaf::name) }</button>
                }
            }) }
        </div>
    }
}

/// What narrows it down.
fn tools(chosen: &UseStateHandle<Chosen>, props: &LedgerProps, node: Option<&str>) -> Html {
    let change = |with: fn(&mut Chosen, String)| {
        let chosen = chosen.clone();
        move |value: String| {
            let mut next = (*chosen).clone();
            with(&mut next, value);
            chosen.set(next);
        }
    };
    let on_search = {
        let change = change(|it, search| it.search = search);
        Callback::from(move |event: InputEvent| {
            change(event.target_unchecked_into::<HtmlInputElement>().value());
        })
    };
    let on_node = {
        let change = change(|it, node| it.node = Some(node).filter(|it| !it.is_empty()));
        Callback::from(move |event: Event| {
            change(event.target_unchecked_into::<HtmlSelectElement>().value());
        })
    };
    let on_marked = {
        let change = change(|it, _| it.is_marked_only = !it.is_marked_only);
        Callback::from(move |_: Event| change(String::new()))
    };
    let mode = |name: &'static str| {
        let chosen = chosen.clone();
        let is_pressed = chosen.modes.contains(&name);
        let on_press = Callback::from(move |_: MouseEvent| {
            let mut next = (*chosen).clone();
            match is_pressed {
                true => next.modes.retain(|it| *it != name),
                false => next.modes.push(name),
            }
            chosen.set(next);
        });
        html! {
            <button class="button" type="button" id={format!("ledger-{name}")} aria-pressed={is_pressed.to_string()} onclick={on_press}>{ name }</button>
        }
    };
    let is_rules = chosen.leaf.is_none();
    let follows = chosen.node.is_none();
    html! {
        <div class="ledger__tools">
            <label class="ledger__tool">{"Search "}
                <input class="ledger__search" id="ledger-search" type="search" value={chosen.search.clone()} oninput={on_search} autocomplete="off" spellcheck="false" />
            </label>
            <label class="ledger__tool" hidden={!is_rules}>{"Node "}
                <select id="ledger-node" onchange={on_node}>
                    <option value="" selected={follows}>{ format!("of this hop: {}", node.unwrap_or("none")) }</option>
                    { for props.map.nodes.iter().map(|it| html! {
                        <option value={it.name.clone()} selected={chosen.node.as_ref() == Some(&it.name)}>{ it.name.clone() }</option>
                    }) }
                </select>
            </label>
            <div class="ledger__tool" role="group" aria-label="Modes, next to one another" hidden={!is_rules}>{ for mode_names().map(mode) }</div>
            <label class="ledger__tool" hidden={!is_rules}>
                <input type="checkbox" id="ledger-marked" checked={chosen.is_marked_only} onchange={on_marked} />{" only what changed or was asked"}
            </label>
        </div>
    }
}

fn page(page: &Page, chosen: &Chosen) -> Html {
    match page {
        Page::Rules(all) => html! {
            <div class="ledger__rulesets">{ for all.iter().map(|it| ruleset(it, chosen)) }</div>
        },
        Page::Leaf(leaf) => list(leaf, &chosen.search),
    }
}

/// Whether a text has all words of a search, in any order and case.
fn has_all(text: &str, search: &str) -> bool {
    let text = text.to_lowercase();
    let mut words = search.split_whitespace();
    words.all(|it| text.contains(&it.to_lowercase()))
}

fn ruleset(it: &RulesetView, chosen: &Chosen) -> Html {
    let count = |is: fn(&RulesetLine) -> bool| it.lines.iter().filter(|it| is(it)).count();
    let (n_new, n_gone, n_met) = (
        count(|it| it.change == Some(LineChange::New)),
        count(|it| it.change == Some(LineChange::Gone)),
        count(|it| it.met.is_some()),
    );
    let shown: Vec<_> = it
        .lines
        .iter()
        .filter(|it| !chosen.is_marked_only || it.change.is_some() || it.met.is_some())
        .filter(|it| has_all(&it.text, &chosen.search))
        .collect();
    let own = if it.is_own {
        ", this cluster’s mode"
    } else {
        ""
    };
    html! {
        <section class="ruleset" key={it.mode} aria-label={format!("{} mode", it.mode)}>
            <h3 class="ruleset__head">{ it.mode }<span class="ruleset__own">{ own }</span></h3>
            <p class="ruleset__about">
                <code>{ it.command }</code>
                { format!(": {} lines; the last change brought {n_new} and took {n_gone}; this hop asked {n_met}", it.lines.len() - n_gone) }
            </p>
            <p class="ruleset__about">{ it.note.unwrap_or_default() }</p>
            <ol class="ruleset__lines" tabindex="0" aria-label={format!("{} lines", it.mode)}>
                { for shown.iter().take(MAX_SHOWN).enumerate().map(|(idx, it)| line(idx, it)) }
            </ol>
            <p class="ruleset__about">{ beyond(shown.len(), it.lines.len(), chosen) }</p>
        </section>
    }
}

fn beyond(n_shown: usize, n: usize, chosen: &Chosen) -> String {
    match n_shown {
        0 if chosen.search.is_empty() => {
            "Nothing changed here, and this hop asked nothing.".to_owned()
        }
        0 => "No line has that.".to_owned(),
        _ if n_shown > MAX_SHOWN => format!("{} more lines: search for less.", n_shown - MAX_SHOWN),
        _ if n_shown < n => format!("{n_shown} of {n} lines."),
        _ => String::new(),
    }
}

fn line(idx: usize, it: &RulesetLine) -> Html {
    let (change, sign, said) = match it.change {
        Some(LineChange::New) => ("new", "+", "new: "),
        Some(LineChange::Gone) => ("gone", "−", "gone: "),
        None => ("same", "", ""),
    };
    let (met, reason) = match &it.met {
        Some(Met::Matched) => ("matched", "matched at this hop".to_owned()),
        Some(Met::Skipped(reason)) => ("skipped", format!("asked: {reason}")),
        None => ("", String::new()),
    };
    html! {
        <li class="ruleset__line" key={idx} data-change={change} data-met={met}>
            <span class="ruleset__sign" aria-hidden="true">{ sign }</span>
            <span class="hidden">{ said }</span>
            <code>{ it.text.clone() }</code>
            <span class="ruleset__met">{ reason }</span>
        </li>
    }
}

fn list(leaf: &LeafView, search: &str) -> Html {
    let rows: Vec<_> = leaf
        .rows
        .iter()
        .filter(|it| has_all(&it.join(" "), search))
        .collect();
    let none = match (leaf.rows.is_empty(), rows.is_empty()) {
        (true, _) => "There is none yet.",
        (_, true) => "No row has that.",
        _ => "",
    };
    html! {
        <>
            <div class="leaf" tabindex="0" role="region" aria-label={leaf.caption.clone()}>
                <table class="leaf__table">
                    <caption class="leaf__caption">{ leaf.caption.clone() }</caption>
                    <thead><tr>{ for leaf.columns.iter().map(|it| html! { <th scope="col">{ it.clone() }</th> }) }</tr></thead>
                    <tbody>
                        { for rows.iter().take(MAX_SHOWN).map(|row| html! {
                            <tr>{ for row.iter().map(|it| html! { <td>{ it.clone() }</td> }) }</tr>
                        }) }
                    </tbody>
                </table>
            </div>
            <p class="ruleset__about">{ none }</p>
            { for leaf.notes.iter().map(|it| html! { <p class="ruleset__about">{ it.clone() }</p> }) }
        </>
    }
}
