//! The page's shape: nodes beside one another, or below one another on a narrow page.

use super::media::use_media;
use crate::session::Dispatch;
use packetwalk_core::session::Event;
use packetwalk_core::view::Layout;
use yew::prelude::*;

/// As in `layout.css`.
const NARROW: &str = "(max-width: 47.99em)";

/// Tells the session the page's shape, now and whenever it changes.
#[hook]
pub fn use_shape(dispatch: &Dispatch) {
    let is_narrow = use_media(NARROW);
    let dispatch = dispatch.clone();
    use_effect_with(is_narrow, move |is_narrow| {
        let layout = if *is_narrow {
            Layout::Tall
        } else {
            Layout::Wide
        };
        dispatch.dispatch(Event::Shaped(layout));
    });
}
