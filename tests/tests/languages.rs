//! The files of languages: there is one for each language of the page, English names every text, and others keep to that.
//!
//! **Left out**: whether the page shows texts that the English file does not name; the end-to-end tests look for those.

use packetwalk_tests::{root, text};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

struct Language {
    language: String,
    texts: BTreeMap<String, String>,
}

fn read(code: &str) -> Language {
    let file = text(&format!("static/languages/{code}.json"));
    let file: Value = serde_json::from_str(&file).unwrap_or_else(|error| panic!("{code}: {error}"));
    let word = |it: &Value| {
        it.as_str()
            .unwrap_or_else(|| panic!("{code}: {it}"))
            .to_owned()
    };
    let texts = file["texts"].as_object().expect("texts");
    Language {
        language: word(&file["language"]),
        texts: texts.iter().map(|it| (it.0.clone(), word(it.1))).collect(),
    }
}

/// The languages between which the page lets choose: `en:English de:Deutsch`.
fn offered() -> BTreeMap<String, String> {
    let page = text("web/index.html");
    let attribute = page.split("data-languages=\"").nth(1);
    let list = attribute.and_then(|it| it.split('"').next());
    let pairs = list.expect("a list of languages").split(' ');
    pairs
        .map(|it| it.split_once(':').expect("a code and a name"))
        .map(|(code, name)| (code.to_owned(), name.to_owned()))
        .collect()
}

/// The names of a text's places.
fn places(text: &str) -> BTreeSet<&str> {
    let opened = text.split('{').skip(1);
    opened
        .filter_map(|it| Some(it.split_once('}')?.0))
        .collect()
}

#[test]
fn every_language_that_is_offered_has_a_file_and_calls_itself_so() {
    let offered = offered();
    let folder = std::fs::read_dir(root().join("static/languages")).expect("a folder");
    let files: BTreeSet<String> = folder
        .map(|it| {
            it.expect("a file")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    let wanted = offered.keys().map(|it| format!("{it}.json")).collect();
    assert_eq!(files, wanted);
    for (code, name) in &offered {
        assert_eq!(read(code).language, *name, "{code}");
    }
}

#[test]
fn english_says_what_it_says() {
    for (key, value) in read("en").texts {
        assert_eq!(key, value);
    }
}

#[test]
fn other_languages_say_what_english_says_with_the_same_places() {
    let english = read("en").texts;
    for code in offered().keys() {
        for (key, value) in read(code).texts {
            assert!(english.contains_key(&key), "{code}: English has no {key:?}");
            assert_eq!(places(&key), places(&value), "{code}: {key:?}");
            assert!(!value.trim().is_empty(), "{code}: {key:?}");
        }
    }
}
