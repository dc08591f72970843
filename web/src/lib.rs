//! packetwalk in the browser: a thin shell around [`packetwalk_core::session::Session`].
//!
//! Events go in, a view comes out and is drawn; nothing about Kubernetes is decided here. In
//! reading order: `session` holds the one reducer, `effects` does what it asks for, `app` puts the
//! panels on the page, `motion` says how a packet gets from one hop to the next.
//!
//! **Left out**: routes and pages; there is one page so far.

pub mod app;
pub mod components;
pub mod effects;
pub mod hooks;
pub mod motion;
pub mod session;
pub mod storage;

/// Mounts the page where `index.html` has its placeholder.
pub fn start() {
    effects::report_panics();
    let document = gloo::utils::document();
    match document.get_element_by_id("app") {
        Some(root) => yew::Renderer::<app::App>::with_root(root).render(),
        None => yew::Renderer::<app::App>::new().render(),
    };
}
