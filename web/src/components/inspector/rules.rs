//! The rules a hook asked, set like a page of a book: chain names as run-in heads, rules as lines,
//! what matched underlined, what failed marked with its reason, the English reading in the margin.

use packetwalk_core::view::{ChainView, Hook, RuleStatus, RuleView, WordRole, WordView};
use yew::prelude::*;

/// What stands above the page.
pub(super) struct Head {
    pub(super) hook: Hook,
    pub(super) n_asked: usize,
    pub(super) n_matched: usize,
    pub(super) mark: u32,
}

/// The page.
pub(super) fn page(head: &Head, chains: &[ChainView], nat_skipped: Option<&str>) -> Html {
    let asked = match head.n_asked {
        1 => "1 rule asked".to_owned(),
        n => format!("{n} rules asked"),
    };
    html! {
        <div class="rules">
            <h3 class="inspector__head">
                { format!("Rules at {}", head.hook) }
                <small class="rules__count">{ format!("{asked}, {} matched", head.n_matched) }</small>
            </h3>
            { for chains.iter().enumerate().map(|(idx, it)| chain(idx, it)) }
            <p class="rules__skipped" hidden={nat_skipped.is_none()}>{ nat_skipped.map(sentence).unwrap_or_default() }</p>
            <p class="rules__mark" hidden={head.mark == 0}>{"The packet carries mark "}<code>{ format!("0x{:08x}", head.mark) }</code>{"."}</p>
        </div>
    }
}

/// A clause as a sentence.
fn sentence(clause: &str) -> String {
    let mut letters = clause.chars();
    let first = letters.next().map(|it| it.to_uppercase().to_string());
    format!("{}{}.", first.unwrap_or_default(), letters.as_str())
}

fn chain(idx: usize, chain: &ChainView) -> Html {
    let (asked, rest): (Vec<&RuleView>, Vec<&RuleView>) = chain
        .rules
        .iter()
        .partition(|it| it.status != RuleStatus::NotReached);
    let how = match &chain.base {
        Some(base) => base.clone(),
        None => format!("entered {}", chain.entered),
    };
    html! {
        <div class="chain" key={idx} data-depth={chain.depth.min(4).to_string()}>
            <p class="chain__head">
                <span class="chain__word">{"chain "}</span><code class="chain__name">{ chain.name.clone() }</code>
                {" "}<span class="chain__how" translate="no">{ how }</span>
            </p>
            <ol class="chain__rules">
                { for asked.into_iter().enumerate().map(|(idx, it)| rule(idx, it)) }
            </ol>
            { not_reached(&rest) }
            <p class="chain__policy" translate="no" hidden={chain.policy.is_none()}>{ chain.policy.unwrap_or_default() }</p>
        </div>
    }
}

fn not_reached(rules: &[&RuleView]) -> Html {
    let count = match rules.len() {
        1 => "1 rule not reached".to_owned(),
        n => format!("{n} rules not reached"),
    };
    html! {
        <details class="chain__rest" hidden={rules.is_empty()}>
            <summary>{ count }</summary>
            <ol class="chain__rules">
                { for rules.iter().enumerate().map(|(idx, it)| rule(idx, it)) }
            </ol>
        </details>
    }
}

const fn status_name(status: RuleStatus) -> &'static str {
    match status {
        RuleStatus::Matched => "matched",
        RuleStatus::Skipped => "skipped",
        RuleStatus::NotReached => "not-reached",
        RuleStatus::Unknown => "unknown",
    }
}

const fn status_word(status: RuleStatus) -> &'static str {
    match status {
        RuleStatus::Matched => "matched: ",
        RuleStatus::Skipped => "did not match: ",
        RuleStatus::NotReached => "not reached: ",
        RuleStatus::Unknown => "not understood: ",
    }
}

fn rule(idx: usize, rule: &RuleView) -> Html {
    html! {
        <li class="rule" key={idx} data-status={status_name(rule.status)}>
            <div class="rule__line">
                <span class="hidden">{ status_word(rule.status) }</span>
                <code class="rule__words">{ for rule.words.chunk_by(|a, b| a.role == b.role).enumerate().map(|(idx, it)| run(idx, it)) }</code>
                { for rule.reason.iter().map(|it| html! { <span class="rule__reason" key="reason" translate="no">{ it.clone() }</span> }) }
                { for rule.effects.iter().map(|it| html! {
                    <span class="rule__effect" key={it.clone()} translate="no"><span aria-hidden="true">{"↳\u{a0}"}</span>{ it.clone() }</span>
                }) }
            </div>
            <p class="rule__reading" hidden={rule.sentence.is_none()}>{ rule.sentence.clone().unwrap_or_default() }</p>
        </li>
    }
}

/// Words beside one another that had the same fate.
fn run(idx: usize, words: &[WordView]) -> Html {
    let text: Vec<&str> = words.iter().map(|it| it.text.as_str()).collect();
    let text = text.join(" ");
    let space = if idx == 0 { "" } else { " " };
    let run = match words.first().map(|it| it.role) {
        Some(WordRole::Matched) => html! { <span class="word word--matched">{ text }</span> },
        Some(WordRole::Failed) => html! { <mark class="word word--failed">{ text }</mark> },
        _ => html! { <span class="word">{ text }</span> },
    };
    html! { <span key={idx}>{ space }{ run }</span> }
}
