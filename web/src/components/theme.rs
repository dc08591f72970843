//! Light, dark, or as the system has it. `first.js` applies a kept choice before anything is drawn.

use crate::storage;
use gloo::utils::document;
use yew::prelude::*;

/// What was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Theme {
    System,
    Light,
    Dark,
}

impl Theme {
    fn kept() -> Theme {
        match storage::theme().as_deref() {
            Some("light") => Theme::Light,
            Some("dark") => Theme::Dark,
            _ => Theme::System,
        }
    }

    const fn next(self) -> Theme {
        match self {
            Theme::System => Theme::Light,
            Theme::Light => Theme::Dark,
            Theme::Dark => Theme::System,
        }
    }

    const fn name(self) -> Option<&'static str> {
        match self {
            Theme::System => None,
            Theme::Light => Some("light"),
            Theme::Dark => Some("dark"),
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Theme::System => "auto",
            Theme::Light => "light",
            Theme::Dark => "dark",
        }
    }

    const fn mark(self) -> &'static str {
        match self {
            Theme::System => "◐",
            Theme::Light => "○",
            Theme::Dark => "●",
        }
    }

    fn apply(self) {
        let Some(root) = document().document_element() else {
            return;
        };
        let _ = match self.name() {
            Some(name) => root.set_attribute("data-theme", name),
            None => root.remove_attribute("data-theme"),
        };
    }
}

/// One button that goes through the three.
#[component]
pub fn ThemeButton() -> Html {
    let theme = use_state_eq(Theme::kept);
    let on_next = {
        let theme = theme.clone();
        Callback::from(move |_: MouseEvent| {
            let next = theme.next();
            storage::keep_theme(next.name());
            next.apply();
            theme.set(next);
        })
    };
    let label = format!(
        "Colours: {}. Change to {}.",
        theme.word(),
        theme.next().word()
    );
    html! {
        <button class="button button--quiet theme" id="theme" type="button" aria-label={label} onclick={on_next}>
            <span class="theme__mark" aria-hidden="true">{ theme.mark() }</span>
            <span class="theme__word" aria-hidden="true">{ theme.word() }</span>
        </button>
    }
}
