//! packetwalk in the browser: a thin shell around [`packetwalk_core::session::Session`].
//!
//! Events go in, a view comes out and is drawn; nothing about Kubernetes is decided here. In
//! reading order: `session` holds the one reducer, `effects` does what it asks for, `app` puts the
//! panels on the page, `motion` says how a packet gets from one hop to the next.
//!
//! The page starts as a small module, without the feature `everything`, that shows a first look; `hand_over` gives it over to
//! the whole one, which also draws the widgets of other pages (`widget`).
//!
//! **Left out**: routes and pages; there is one page so far.

pub mod app;
pub mod components;
pub mod effects;
pub mod ground;
pub mod hand_over;
pub mod hooks;
pub mod motion;
pub mod session;
pub mod storage;
#[cfg(feature = "everything")]
mod widget;

/// Makes ready: the page mounts where `index.html` has its placeholder, when the document says so.
pub fn start() {
    #[cfg(feature = "everything")]
    widget::on_engine();
    effects::report_panics();
    hand_over::on_begin(|| {
        let document = gloo::utils::document();
        let app = match document.get_element_by_id("app") {
            Some(root) => yew::Renderer::<app::App>::with_root(root).render(),
            None => yew::Renderer::<app::App>::new().render(),
        };
        if cfg!(not(feature = "everything")) {
            hand_over::on_gone(|| app.destroy());
        }
    });
}
