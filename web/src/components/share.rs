//! Keeping and giving away: a link to what is seen, files, and the walk in other forms. Files are opened here too, or dropped
//! anywhere on the page. Nothing leaves this browser but by these buttons.
//!
//! In a first look a button brings the whole page, which then does what was pressed. A picture of pixels is made by `pixels.js`, with the
//! service worker's help.
//!
//! **Left out**: pictures of anything but the map.

use crate::effects;
use crate::hand_over;
use crate::session::{Dispatch, use_session};
use gloo::events::{EventListener, EventListenerOptions};
use gloo::utils::document;
use packetwalk_core::session::Form;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::spawn_local;
use web_sys::{DragEvent, HtmlInputElement};
use yew::prelude::*;

/// What the panel asks for.
#[derive(PartialEq, Properties)]
pub struct ShareProps {
    /// What is seen, as a link.
    pub on_link: Callback<(), Option<String>>,
    /// The walk in a form.
    pub on_export: Callback<Form, Option<Vec<u8>>>,
    /// What is seen, as a picture.
    pub on_picture: Callback<(), Option<String>>,
}

const FORMS: [(&str, &str, Form); 3] = [
    ("save-markdown", "Markdown", Form::Markdown),
    ("save-mermaid", "Mermaid diagram", Form::Mermaid),
    ("save-capture", "Capture (pcapng)", Form::Capture),
];

/// Keeping and giving away.
#[component]
pub fn Share(props: &ShareProps) -> Html {
    let dispatch = use_session();
    let told = use_state_eq(String::new);
    let link = use_state_eq(String::new);
    use_drop(&dispatch);
    let on_copy = {
        let (on_link, told, link) = (props.on_link.clone(), told.clone(), link.clone());
        Callback::from(move |_: MouseEvent| match on_link.emit(()) {
            Some(found) => {
                let text = effects::address_of(&found);
                link.set(text.clone());
                let told = told.clone();
                spawn_local(async move {
                    told.set(if effects::copy(&text).await {
                        "The link is copied. It holds the manifest, the request, the way, the hop and where the panels stand.".to_owned()
                    } else {
                        "This browser lets no page copy: take the link from the field.".to_owned()
                    });
                });
            }
            None => hand_over::want("copy-link"),
        })
    };
    let on_save = {
        let on_link = props.on_link.clone();
        Callback::from(move |_: MouseEvent| match on_link.emit(()) {
            Some(link) => effects::save("walk.packetwalk", "text/plain", link.as_bytes()),
            None => hand_over::want("save-file"),
        })
    };
    let on_picture = {
        let on_picture = props.on_picture.clone();
        Callback::from(move |_: MouseEvent| match on_picture.emit(()) {
            Some(svg) => effects::save("step.svg", "image/svg+xml", svg.as_bytes()),
            None => hand_over::want("save-picture"),
        })
    };
    let on_pixels = {
        let on_picture = props.on_picture.clone();
        Callback::from(move |_: MouseEvent| match on_picture.emit(()) {
            Some(svg) => hand_over::tell("packetwalk:pixels", &svg.into()),
            None => hand_over::want("save-pixels"),
        })
    };
    use_pixels(&told);
    let on_open = {
        let (dispatch, told) = (dispatch.clone(), told.clone());
        Callback::from(move |event: Event| {
            let field = event.target_unchecked_into::<HtmlInputElement>();
            let files = field.files();
            let (dispatch, told) = (dispatch.clone(), told.clone());
            spawn_local(async move {
                told.set(effects::open_files(&dispatch, files).await);
                // So that the same file can be opened again.
                field.set_value("");
            });
        })
    };
    html! {
        <section class="share" id="share" aria-labelledby="share-head">
            <h2 class="panel__head" id="share-head">{"Keep and share"}</h2>
            <div class="share__buttons">
                <button class="button" id="copy-link" type="button" onclick={on_copy}>{"Copy a link"}</button>
                <button class="button" id="save-file" type="button" onclick={on_save}>{"Save as a file"}</button>
                <label class="button share__open">
                    <input class="share__file" id="open-file" type="file" multiple=true
                        accept=".yaml,.yml,.json,.packetwalk,text/plain" onchange={on_open} />
                    {"Open files…"}
                </label>
            </div>
            <div class="share__buttons" role="group" aria-labelledby="share-as">
                <span class="share__as" id="share-as">{"The walk as"}</span>
                { for FORMS.into_iter().map(|it| export(it, &props.on_export)) }
                <button class="button" id="save-picture" type="button" onclick={on_picture}>{"Picture (SVG)"}</button>
                <button class="button" id="save-pixels" type="button" onclick={on_pixels}>{"Picture (PNG)"}</button>
            </div>
            <input class="field share__link" id="link" type="text" readonly=true aria-label="The link"
                hidden={link.is_empty()} value={(*link).clone()} />
            <p class="share__told" id="share-told" role="status">{ (*told).clone() }</p>
            <p class="share__kept">{"Files can be dropped anywhere on the page: manifests, or what kubectl get -o yaml printed. Nothing leaves this browser."}</p>
        </section>
    }
}

fn export(
    (id, word, form): (&'static str, &'static str, Form),
    on_export: &Callback<Form, Option<Vec<u8>>>,
) -> Html {
    let on_export = on_export.clone();
    let on_press = Callback::from(move |_: MouseEvent| match on_export.emit(form) {
        Some(bytes) => effects::save(
            &format!("walk.{}", form.ending()),
            form.media_type(),
            &bytes,
        ),
        None => hand_over::want(id),
    });
    html! { <button class="button" key={id} {id} type="button" onclick={on_press}>{ word }</button> }
}

/// Says what became of a picture of pixels.
#[hook]
fn use_pixels(told: &UseStateHandle<String>) {
    let told = told.setter();
    use_effect_with((), move |()| {
        let listen = |name: &'static str, text: &'static str| {
            let told = told.clone();
            EventListener::new(&document(), name, move |_| told.set(text.to_owned()))
        };
        let listeners = [
            listen("packetwalk:pixels-saved", "The picture is saved."),
            listen(
                "packetwalk:pixels-failed",
                "This browser has not kept the page yet, which a picture of pixels needs: load the page again, or take the SVG.",
            ),
        ];
        move || drop(listeners)
    });
}

/// Opens what is dropped on the page.
#[hook]
fn use_drop(dispatch: &Dispatch) {
    let dispatch = dispatch.clone();
    use_effect_with((), move |()| {
        let options = EventListenerOptions::enable_prevent_default();
        let over = EventListener::new_with_options(&document(), "dragover", options, |event| {
            if files_of(event).is_some() {
                event.prevent_default();
            }
        });
        let drop_ = EventListener::new_with_options(&document(), "drop", options, move |event| {
            let Some(files) = files_of(event) else { return };
            event.prevent_default();
            let dispatch = dispatch.clone();
            spawn_local(async move {
                effects::open_files(&dispatch, files.files()).await;
            });
        });
        move || drop((over, drop_))
    });
}

fn files_of(event: &web_sys::Event) -> Option<web_sys::DataTransfer> {
    let transfer = event.dyn_ref::<DragEvent>()?.data_transfer()?;
    let types = transfer.types();
    types
        .iter()
        .any(|it| it.as_string().as_deref() == Some("Files"))
        .then_some(transfer)
}
