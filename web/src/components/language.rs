//! The language of the page. `words.js` puts it over what the page writes; which there are, `index.html` says: `en:English de:Deutsch`.
//!
//! **Left out**: what `first.js` says when the page cannot start, which is English.

use crate::hand_over;
use crate::storage;
use gloo::events::EventListener;
use gloo::utils::document;
use web_sys::HtmlSelectElement;
use yew::prelude::*;

/// The choice of a language.
#[component]
pub fn Language() -> Html {
    let spoken = use_state_eq(|| of_the_document("lang"));
    let is_missing = use_state_eq(|| false);
    {
        let is_missing = is_missing.setter();
        use_effect_with((), move |()| {
            let listener =
                EventListener::new(&document(), "packetwalk:language-missing", move |_| {
                    is_missing.set(true);
                });
            move || drop(listener)
        });
    }
    let on_choose = {
        let (spoken, is_missing) = (spoken.clone(), is_missing.clone());
        Callback::from(move |event: Event| {
            let chosen = event.target_unchecked_into::<HtmlSelectElement>().value();
            storage::keep_language(&chosen);
            hand_over::tell("packetwalk:language", &chosen.as_str().into());
            is_missing.set(false);
            spoken.set(chosen);
        })
    };
    let languages = of_the_document("data-languages");
    let options = languages.split(' ').filter_map(|it| it.split_once(':'));
    html! {
        <p class="foot__language">
            <label for="language">{"Language"}</label>
            <select class="field" id="language" translate="no" onchange={on_choose}>
                { for options.map(|(code, name)| html! {
                    <option key={code.to_owned()} value={code.to_owned()} selected={code == *spoken} lang={code.to_owned()}>{ name.to_owned() }</option>
                }) }
            </select>
            <span role="status">{ if *is_missing { "The words could not be fetched: they stay as they are." } else { "" } }</span>
        </p>
    }
}

fn of_the_document(attribute: &str) -> String {
    let root = document().document_element();
    root.and_then(|it| it.get_attribute(attribute))
        .unwrap_or_default()
}
