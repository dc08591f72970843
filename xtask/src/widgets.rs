//! The widgets' files beside the page: their script and style sheet, the page for iframes, the gallery, examples, and a folder that
//! npm can publish.
//!
//! A widget is drawn by the page's own components, so its style sheet is the page's own too, rewritten for a shadow tree: what
//! asks for the window's width asks for the widget's, sizes do not depend on what the page around calls a `rem`, and every colour
//! can be set from outside.
//!
//! **Left out**: understanding style sheets. They are rewritten word by word, and a test says which words may stand in them.

use crate::places::root;
use anyhow::{Context, Result};
use std::fs;
use std::path::Path;

/// The page's sheets that a widget's parts need, then its own.
const SHEETS: [&str; 12] = [
    "tokens",
    "base",
    "outcomes",
    "stage",
    "controls",
    "inspector",
    "rules",
    "walk-list",
    "editor",
    "terminal",
    "lesson",
    "packet-walk",
];

/// What is copied as it is: where from, where to.
const COPIED: [(&str, &str); 11] = [
    ("static/scripts/packet-walk.js", "packet-walk.js"),
    ("static/widgets/embed.html", "embed.html"),
    ("static/widgets/embed.css", "embed.css"),
    ("static/widgets/embed.js", "embed.js"),
    ("static/widgets/frames.js", "frames.js"),
    ("static/widgets/gallery.html", "gallery.html"),
    ("static/widgets/gallery.css", "gallery.css"),
    ("static/widgets/gallery.js", "gallery.js"),
    ("static/widgets/tutorial.html", "tutorial.html"),
    ("static/widgets/tutorial.css", "tutorial.css"),
    ("static/widgets/tutorial.js", "tutorial.js"),
];

/// What a page that holds widgets is served with.
const PACKAGED: [&str; 5] = [
    "packet-walk.js",
    "packet-walk.css",
    "packetwalk-all.js",
    "packetwalk-all_bg.wasm",
    "lessons.json",
];

/// The folder of the package.
pub(crate) const PACKAGE: &str = "npm/packet-walk";

/// Whether a file of the page is there for other people's pages, and nothing that the page itself comes back to without a network.
pub(crate) fn is_for_others(name: &str) -> bool {
    let folders = ["npm/", "examples/", "manifests/"];
    folders.iter().any(|it| name.starts_with(it))
        || name == "packet-walk.css"
        || COPIED.iter().any(|(_, it)| *it == name)
}

/// Writes everything of the widgets into the finished page.
pub(crate) fn write(dist: &Path) -> Result<()> {
    for (from, to) in COPIED {
        copy(&root().join(from), &dist.join(to))?;
    }
    for folder in ["examples", "manifests"] {
        copy_folder(&root().join("static").join(folder), &dist.join(folder))?;
    }
    let sheets: Result<Vec<String>> = SHEETS.iter().map(|it| read_sheet(it)).collect();
    let path = dist.join("packet-walk.css");
    fs::write(&path, sheets?.concat())
        .with_context(|| format!("cannot write {}", path.display()))?;
    package(dist)
}

/// The folder that npm can publish.
fn package(dist: &Path) -> Result<()> {
    let folder = dist.join(PACKAGE);
    copy_folder(&root().join("static/widgets/npm"), &folder)?;
    let manifest = folder.join("package.json");
    let text = fs::read_to_string(&manifest)
        .with_context(|| format!("cannot read {}", manifest.display()))?;
    let text = text.replace("\"0.0.0\"", &format!("\"{}\"", env!("CARGO_PKG_VERSION")));
    fs::write(&manifest, text).with_context(|| format!("cannot write {}", manifest.display()))?;
    for name in PACKAGED {
        copy(&dist.join(name), &folder.join(name))?;
    }
    for license in ["LICENSE-APACHE", "LICENSE-MIT"] {
        copy(&root().join(license), &folder.join(license))?;
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    fs::copy(from, to)
        .map(|_| ())
        .with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))
}

fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    let entries = fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))?;
    for entry in entries {
        let path = entry
            .with_context(|| format!("cannot read {}", from.display()))?
            .path();
        let Some(name) = path.file_name() else {
            continue;
        };
        if path.is_dir() {
            copy_folder(&path, &to.join(name))?;
        } else {
            copy(&path, &to.join(name))?;
        }
    }
    Ok(())
}

fn read_sheet(name: &str) -> Result<String> {
    let path = root().join(format!("static/styles/{name}.css"));
    let text =
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let text = in_shadow(&without_comments(&text));
    Ok(if name == "tokens" {
        settable(&text)
    } else {
        text
    })
}

fn without_comments(text: &str) -> String {
    let mut parts = text.split("/*");
    let first = parts.next().unwrap_or_default().to_owned();
    let rest = parts.filter_map(|it| it.split_once("*/"));
    rest.fold(first, |text, (_, after)| text + after)
}

/// A sheet of the page for a shadow tree.
fn in_shadow(text: &str) -> String {
    let text = text
        .replace(
            ":root:not([data-theme=\"light\"])",
            ":host(:not([theme=\"light\"]))",
        )
        .replace(":root[data-theme=\"light\"]", ":host([theme=\"light\"])")
        .replace(":root[data-theme=\"dark\"]", ":host([theme=\"dark\"])")
        .replace(":root", ":host")
        .replace("\nhtml {", "\n.widget-root {")
        .replace("\nbody {", "\n.widget-root {")
        .replace("@media (min-width", "@container (min-width")
        .replace("@media (max-width", "@container (max-width")
        // A column of text is no phone.
        .replace("(max-width: 47.99em)", "(max-width: 34em)")
        .replace("(max-width: 48em)", "(max-width: 34em)");
    without_rem(&text)
}

/// Sizes in the widget's own unit instead of `rem`, which belongs to the page around.
fn without_rem(text: &str) -> String {
    let mut written = String::new();
    let mut parts = text.split("rem");
    let Some(mut part) = parts.next() else {
        return written;
    };
    for next in parts {
        let digits = part
            .rfind(|it: char| !(it.is_ascii_digit() || it == '.'))
            .map_or(0, |it| it + 1);
        let begin = if part[..digits].ends_with('-') && digits < part.len() {
            digits - 1
        } else {
            digits
        };
        let is_size = digits < part.len() && !next.starts_with(|it: char| it.is_alphanumeric());
        if is_size {
            written += &part[..begin];
            written += &format!("calc({} * var(--unit))", &part[begin..]);
        } else {
            written += part;
            written += "rem";
        }
        part = next;
    }
    written + part
}

/// Every token can be set from outside, by its name with `--packet-walk` before it.
fn settable(text: &str) -> String {
    let lines = text.lines().map(|line| {
        let token = line.trim_start().strip_prefix("--");
        let parts = token.and_then(|it| it.strip_suffix(';')?.split_once(": "));
        match parts {
            Some((name, value)) if !value.starts_with("var(") => {
                format!("  --{name}: var(--packet-walk-{name}, {value});\n")
            }
            _ => format!("{line}\n"),
        }
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_the_widgets_own_and_words_stay() {
        assert_eq!(
            without_rem("a{margin:-0.5rem 2rem;x:calc(1rem - var(--rem-y))}premise"),
            "a{margin:calc(-0.5 * var(--unit)) calc(2 * var(--unit));x:calc(calc(1 * var(--unit)) - var(--rem-y))}premise"
        );
    }

    #[test]
    fn tokens_can_be_set_from_outside_and_what_depends_on_them_follows() {
        assert_eq!(
            settable("  --ink: #fff;\n  --leg: var(--ink);"),
            "  --ink: var(--packet-walk-ink, #fff);\n  --leg: var(--ink);\n"
        );
    }

    #[test]
    fn nothing_in_a_widgets_sheet_is_about_the_page_around() {
        for name in SHEETS {
            let text = read_sheet(name).expect("a sheet");
            for word in [
                ":root",
                "\nhtml",
                "\nbody",
                "@media (min",
                "@media (max",
                "/*",
            ] {
                assert!(!text.contains(word), "{name}.css has {word}");
            }
            let sizes = text
                .split("rem")
                .filter(|it| it.ends_with(|c: char| c.is_ascii_digit()));
            assert_eq!(sizes.count(), 0, "{name}.css has sizes in rem");
        }
    }
}
