//! What a component stands on: the page, or a widget, of which a document may hold many. Ids are one of a kind on each, and keys
//! are heard there and nowhere else.
//!
//! **Left out**: a first look stands on the page only, and is spared the difference.

use gloo::utils::document;
use web_sys::{Element, Event, EventTarget};
use yew::prelude::*;

/// What a component stands on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ground {
    /// The root of the widget.
    #[cfg(feature = "everything")]
    widget: Option<Element>,
}

impl Ground {
    /// Within a widget, whose components are below this element.
    #[cfg(feature = "everything")]
    #[must_use]
    pub fn of_widget(root: Element) -> Ground {
        Ground { widget: Some(root) }
    }

    /// The element with this id.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<Element> {
        #[cfg(feature = "everything")]
        if self.widget.is_some() {
            return self.first(&format!("#{id}"));
        }
        document().get_element_by_id(id)
    }

    /// The first element that a selector finds.
    #[must_use]
    pub fn first(&self, selector: &str) -> Option<Element> {
        #[cfg(feature = "everything")]
        if let Some(widget) = &self.widget {
            return widget.query_selector(selector).ok().flatten();
        }
        document().query_selector(selector).ok().flatten()
    }

    /// Where keys are heard.
    #[must_use]
    pub fn ear(&self) -> EventTarget {
        #[cfg(feature = "everything")]
        if let Some(widget) = &self.widget {
            return widget.clone().into();
        }
        document().into()
    }

    /// Keeps a key that was used from what is around a widget, which may have a use of its own for it.
    pub fn keep(&self, event: &Event) {
        #[cfg(feature = "everything")]
        if self.widget.is_some() {
            event.stop_propagation();
        }
        let _ = event;
    }

    /// Whether what is shown may be scrolled to: on the page always, and in a widget while somebody is in it.
    #[must_use]
    pub fn may_scroll(&self) -> bool {
        #[cfg(feature = "everything")]
        if let Some(widget) = &self.widget {
            return widget.matches(":focus-within").unwrap_or(false);
        }
        true
    }

    /// The role of a part that is a landmark of the page. A widget's parts are none: a document may hold many, and its own landmarks are what
    /// readers go by.
    #[must_use]
    pub fn part_role(&self) -> Option<&'static str> {
        (!self.is_page()).then_some("group")
    }

    /// Whether this is the page.
    #[must_use]
    pub fn is_page(&self) -> bool {
        #[cfg(feature = "everything")]
        return self.widget.is_none();
        #[cfg(not(feature = "everything"))]
        true
    }
}

/// What the component stands on.
#[hook]
pub fn use_ground() -> Ground {
    #[cfg(feature = "everything")]
    return use_context::<Ground>().unwrap_or_default();
    #[cfg(not(feature = "everything"))]
    Ground::default()
}
