//! The living tutorial: every statement of the tutorial it follows has its place there, and every figure is about a world that can be read.
//!
//! **Left out**: pressing its buttons; the end-to-end story of the tutorial runs every command in a browser.

use packetwalk_core::api::{File, read};
use packetwalk_core::sim::World;
use packetwalk_tests::{root, text};
use std::collections::BTreeSet;

fn page() -> String {
    text("static/widgets/tutorial.html")
}

/// The values of an attribute in the page.
fn values<'a>(page: &'a str, attribute: &str) -> Vec<&'a str> {
    let begin = format!(" {attribute}=\"");
    let behind = page.split(begin.as_str()).skip(1);
    behind.filter_map(|it| it.split('"').next()).collect()
}

#[test]
fn every_statement_has_its_place() {
    let page = page();
    let ids: BTreeSet<&str> = values(&page, "id").into_iter().collect();
    let list = text("tests/cases/tutorial-places.yaml");
    let mut n_statements = 0;
    for line in list.lines().filter(|it| it.starts_with("- {says: ")) {
        let here = line.split(", here: ").nth(1).expect("a place");
        let here = here.split([',', '}']).next().unwrap_or_default();
        assert!(ids.contains(here), "there is no {here} on the page: {line}");
        n_statements += 1;
    }
    assert_eq!(n_statements, list.matches("says: ").count());
    assert!(n_statements > 50, "the tutorial says more than that");
}

#[test]
fn what_the_page_points_at_is_there_once() {
    let page = page();
    let ids = values(&page, "id");
    let once: BTreeSet<&str> = ids.iter().copied().collect();
    assert_eq!(ids.len(), once.len(), "two places of one name");
    for id in values(&page, "data-in") {
        assert!(once.contains(id), "there is no figure {id}");
    }
    for address in values(&page, "href")
        .into_iter()
        .filter_map(|it| it.strip_prefix('#'))
    {
        assert!(once.contains(address), "there is no {address}");
    }
}

#[test]
fn every_figure_is_about_a_world_without_mistakes() {
    let page = page();
    let sources: BTreeSet<&str> = values(&page, "src")
        .into_iter()
        .filter(|it| it.starts_with("manifests/"))
        .collect();
    assert!(sources.len() > 5);
    for source in sources {
        let path = root().join("static").join(source);
        let text = std::fs::read_to_string(&path).expect("a manifest");
        let file = File {
            name: source.into(),
            text: text.as_str().into(),
        };
        let manifest = read(&[file]);
        let world = World::from_manifest(&manifest, None, 1);
        let told: Vec<String> = manifest
            .complaints
            .iter()
            .chain(&world.complaints)
            .map(ToString::to_string)
            .collect();
        assert_eq!(told, Vec::<String>::new(), "{source}");
    }
}
