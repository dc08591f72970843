//! The map as it stands, as a picture that stands by itself: an SVG file with its style sheets and its sentence inside.
//!
//! It is the page's own drawing, copied: zoomed and folded as one sees it, with the packet where it is. It keeps the theme that was
//! chosen, or follows that of whoever looks at it.
//!
//! **Left out**: fonts; a reader without the page's sees the next of the list.

use super::ink::n;
use gloo::utils::document;
use packetwalk_core::view::View;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Element, XmlSerializer};

const TOKENS: &str = include_str!("../../../../static/styles/tokens.css");
const STAGE: &str = include_str!("../../../../static/styles/stage.css");

const SVG: &str = "http://www.w3.org/2000/svg";

/// Around what is in sight, and below it for the sentence, as shares of its width.
const MARGIN: f64 = 0.012;
const BELOW: f64 = 0.045;

/// What is seen, as the text of an SVG file. `None` where there is no map.
#[must_use]
pub fn picture(view: &View) -> Option<String> {
    copied(view).ok().flatten()
}

fn copied(view: &View) -> Result<Option<String>, JsValue> {
    let (Some(stage), Some(map)) = (
        document().get_element_by_id("stage"),
        document().get_element_by_id("map"),
    ) else {
        return Ok(None);
    };
    let Some(sight) = sight(&map) else {
        return Ok(None);
    };
    let copy: Element = map.clone_node_with_deep(true)?.unchecked_into();
    stand_alone(&copy, &stage)?;
    let [x, y, width, height] = framed(sight);
    copy.set_attribute(
        "viewBox",
        &format!("{} {} {} {}", n(x), n(y), n(width), n(height)),
    )?;
    copy.set_attribute("width", &n(width))?;
    copy.set_attribute("height", &n(height))?;
    let position = view.playback.position;
    let hop = view.walk.hops.get(position);
    let sentence = hop.map_or(&view.walk.ending.sentence, |it| &it.sentence);
    let step = format!("{} / {}", position + 1, view.walk.hops.len().max(1));
    let size = sight[2] / 62.0;
    let style = format!(
        "{TOKENS}{STAGE}.figure__paper{{fill:var(--paper)}}.figure__say{{fill:var(--ink);font:{}px var(--serif)}}.figure__step{{fill:var(--ink-soft);font:{}px var(--sans)}}",
        n(size),
        n(size * 0.75)
    );
    let first = copy.first_child();
    let paper = [("x", x), ("y", y), ("width", width), ("height", height)];
    for child in [
        told("title", &format!("Step {step}: {sentence}"), &[])?,
        told("style", &style, &[])?,
        told("rect", "", &paper)?,
    ] {
        copy.insert_before(&child, first.as_ref())?;
    }
    if let Ok(Some(paper)) = copy.query_selector(":scope > rect") {
        paper.set_attribute("class", "figure__paper")?;
    }
    let line = y + height - size * 0.8;
    for (class, text, at) in [
        ("figure__step", step.as_str(), x + size),
        ("figure__say", sentence.as_str(), x + size * 4.5),
    ] {
        let child = told("text", text, &[("x", at), ("y", line)])?;
        child.set_attribute("class", class)?;
        copy.append_child(&child)?;
    }
    XmlSerializer::new()?.serialize_to_string(&copy).map(Some)
}

/// What part of the map is in sight: where it begins, and its size.
fn sight(map: &Element) -> Option<[f64; 4]> {
    let text = map.get_attribute("viewBox")?;
    let numbers: Vec<f64> = text
        .split_whitespace()
        .filter_map(|it| it.parse().ok())
        .collect();
    numbers.try_into().ok()
}

fn framed([x, y, width, height]: [f64; 4]) -> [f64; 4] {
    let margin = width * MARGIN;
    [
        x - margin,
        y - margin,
        width + 2.0 * margin,
        height + 2.0 * margin + width * BELOW,
    ]
}

/// Takes away what only a page needs, and takes on what the style sheets ask of the stage around it.
fn stand_alone(copy: &Element, stage: &Element) -> Result<(), JsValue> {
    for name in ["id", "tabindex", "aria-label", "preserveAspectRatio"] {
        copy.remove_attribute(name)?;
    }
    copy.set_attribute("role", "img")?;
    copy.set_attribute("class", "stage")?;
    for name in ["data-layout", "data-level", "data-layer", "data-near"] {
        if let Some(value) = stage.get_attribute(name) {
            copy.set_attribute(name, &value)?;
        }
    }
    let theme = document()
        .document_element()
        .and_then(|it| it.get_attribute("data-theme"));
    if let Some(theme) = theme.filter(|it| !it.is_empty()) {
        copy.set_attribute("data-theme", &theme)?;
    }
    Ok(())
}

/// An element with a text and numbers.
fn told(name: &str, text: &str, numbers: &[(&str, f64)]) -> Result<Element, JsValue> {
    let element = document().create_element_ns(Some(SVG), name)?;
    if !text.is_empty() {
        element.set_text_content(Some(text));
    }
    for (name, number) in numbers {
        element.set_attribute(name, &n(*number))?;
    }
    Ok(element)
}
