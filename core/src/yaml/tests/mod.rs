//! The module as a whole: texts to trees, trees to types.
//!
//! Where a row says what kubectl does, kubectl 1.32 was asked.
//!
//! **Left out.** The words of syntax errors are tested beside them.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

#[track_caller]
fn document(text: &str) -> Node {
    let mut stream = parse(text);
    assert_eq!(stream.errors, [], "{text}");
    assert_eq!(stream.documents.len(), 1, "{text}");
    stream.documents.remove(0)
}

/// Every document as JSON, with sorted keys, one a line; then errors and warnings.
fn json(text: &str) -> String {
    let stream = parse(text);
    let mut lines: Vec<String> = Vec::new();
    for node in &stream.documents {
        // Sorted here, so that a feature of serde_json elsewhere does not matter.
        lines.push(sorted(&to_json(node)));
    }
    lines.extend(stream.errors.iter().map(|it| format!("error {it}")));
    lines.extend(stream.warnings.iter().map(|it| format!("warning {it}")));
    lines.join("\n")
}

fn sorted(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::Object(map) => {
            let map: BTreeMap<_, _> = map.iter().collect();
            let fields: Vec<String> = map
                .iter()
                .map(|(k, v)| format!("{k}:{}", sorted(v)))
                .collect();
            format!("{{{}}}", fields.join(","))
        }
        serde_json::Value::Array(items) => {
            format!(
                "[{}]",
                items.iter().map(sorted).collect::<Vec<_>>().join(",")
            )
        }
        other => other.to_string(),
    }
}

#[track_caller]
fn check(text: &str, expected: &str) {
    assert_eq!(json(text), expected, "{text}");
}

mod decoding;
mod types;

mod documents {
    use super::*;

    #[test]
    fn several_documents_are_read_and_empty_ones_skipped() {
        check(
            "a: 1\n---\n# only a comment\n---\n---\nb: 2\n",
            "{a:1}\n{b:2}",
        );
        check(
            "--- \na: 1\n--- # hi\nb: 2\n...\n---\nc: 3",
            "{a:1}\n{b:2}\n{c:3}",
        );
        check("null\n---\na: 1", "{a:1}");
        check("", "");
        check("\n\n", "");
        check("# comment", "");
    }

    #[test]
    fn a_broken_document_does_not_take_its_neighbours_along() {
        check(
            "a: 1\n---\nb: [1\n---\nc: 3\n",
            "{a:1}\n{c:3}\nerror 3:4: unclosed [",
        );
        check(
            "a: 1\n---\nb: \"x\n---\nc: 3\n",
            "{a:1}\n{c:3}\nerror 3:4: unclosed quote",
        );
        check(
            "a: *x\n---\nb: 1\n",
            "{b:1}\nerror 1:4: unknown anchor 'x' referenced",
        );
        check(
            "  a: 1\nb: 2\n---\nc: 3\n",
            "{c:3}\nerror 2:1: this line is outside the document above it",
        );
    }

    #[test]
    fn byte_order_marks_and_all_line_ends_are_accepted() {
        check("\u{feff}a: 1\n---\nb: 2", "{a:1}\n{b:2}");
        check(
            "a:\r\n  b: é\r\n---\r\nc: |\r\n  x\r\n  y\r\n",
            "{a:{b:\"é\"}}\n{c:\"x\\ny\\n\"}",
        );
        let node = document("\u{feff}a: 1");
        assert_eq!(node.span.start, Position { line: 1, column: 1 });
        assert_eq!(node.span.start_offset, 3);
    }

    #[test]
    fn a_tab_between_words_is_no_mistake() {
        check("a:\tb\nc: 'x\ty'\n", "{a:\"b\",c:\"x\\ty\"}");
    }

    #[test]
    fn a_tab_that_the_scanner_would_let_pass_is_refused_as_kubectl_does() {
        let tab = "a tab is used for indentation";
        check("a:\n  \tb: 1\n", &format!("error 2:3: {tab}"));
        check(
            "a: 1\n\t\nb: 1\n---\nc: 1\n",
            &format!("{{c:1}}\nerror 2:1: {tab}"),
        );
        check("a: 1\n\t# x\n", &format!("error 2:1: {tab}"));
        check("a:\n  - \tb: 1\n", &format!("error 2:5: {tab}"));
        check("-\ta\n", &format!("error 1:2: {tab}"));
        check(
            "a: |\n  x\n  \ty\nc: \"x\n\ty\"\n",
            "{a:\"x\\n\\ty\\n\",c:\"x y\"}",
        );
        check("a: x\n  \t\nb: 1\t\n", "{a:\"x\",b:1}");
        check("a: 'x'\n  \t\nb: 1\n", &format!("error 2:3: {tab}"));
        check("\t{\"a\":\n\t1}\n\t\n", "{a:1}");
    }

    #[test]
    fn json_is_read() {
        check(
            r#"{"kind": "Service", "spec": {"ports": [{"port": 80}], "x": null}, "e": "\ud83d\ude00 \/ \" é \n",
	"tabbed": [1.0, -2, true, []]}"#,
            r#"{e:"😀 / \" é \n",kind:"Service",spec:{ports:[{port:80}],x:null},tabbed:[1,-2,true,[]]}"#,
        );
    }

    #[test]
    fn control_characters_are_refused() {
        check(
            "a: x\0y\n---\nb: 1",
            "{b:1}\nerror 1:5: control characters are not allowed",
        );
        check(
            "a: 1\n# \u{1}\nb: 2\n",
            "error 2:3: control characters are not allowed",
        );
    }

    #[test]
    fn block_texts_are_read() {
        check(
            "s: |\n  a\n  b\n\nt: >-\n  c\n  d\n",
            "{s:\"a\\nb\\n\",t:\"c d\"}",
        );
        check("s: |\n  a", "{s:\"a\\n\"}");
    }
}

mod values {
    use super::*;

    #[test]
    fn quoted_words_are_always_texts() {
        check(
            "[yes, 'yes', \"80\", 80, '', ~]",
            "[true,\"yes\",\"80\",80,\"\",null]",
        );
        check("a: |\n  80\n", "{a:\"80\\n\"}");
    }

    #[test]
    fn tags_are_obeyed() {
        check(
            "[!!str 80, !!int \"80\", !!float 3, !foo 80, ! 80, !!str , !!bool yes]",
            "[\"80\",80,3,\"80\",\"80\",\"\",true]",
        );
        check(
            "a: !!set {a, b}\nb: !local {c: d}\n",
            "{a:{a:null,b:null},b:{c:\"d\"}}",
        );
        check(
            "a: !!int x",
            "error 1:10: cannot decode !!str `x` as a !!int",
        );
        check(
            "a: !!binary aGVsbG8=",
            "error 1:13: !!binary is not supported",
        );
    }

    #[test]
    fn what_json_cannot_hold_is_refused() {
        check(
            "a: .inf",
            "error 1:4: .inf cannot be written in JSON, so Kubernetes cannot take it",
        );
    }

    #[test]
    fn keys_become_texts() {
        check(
            "1: a\nyes: b\n1.5: c\n0755: d\n",
            "{1:\"a\",1.5:\"c\",493:\"d\",true:\"b\"}",
        );
        check("~: 1", "error 1:1: a key must be a text, found null");
        check(
            "? [a]\n: 1",
            "error 1:3: a key must be a text, found a list",
        );
    }

    #[test]
    fn the_last_of_equal_keys_counts_and_a_warning_says_so() {
        let expected =
            "{a:2}\nwarning 3:1: key \"a\" is already set on line 1; the last one counts";
        check("a: 1\n# x\na: 2\n", expected);
        check(
            "1: a\n'1': b\n",
            "{1:\"b\"}\nwarning 2:1: key \"1\" is already set on line 1; the last one counts",
        );
    }

    #[test]
    fn a_forgotten_space_in_braces_is_warned_about() {
        check(
            "a: {b:1}",
            "{a:{b:1:null}}\nwarning 1:5: \"b:1\" is read as a key without a value",
        );
        check("a: {b: 1, c}", "{a:{b:1,c:null}}");
    }

    #[test]
    fn the_text_of_a_scalar_is_kept() {
        let node = document("[0755, yes, ~, 'x']");
        let sources: Vec<_> = node
            .as_sequence()
            .unwrap_or_default()
            .iter()
            .map(Node::source)
            .collect();
        assert_eq!(sources, [Some("0755"), Some("yes"), Some("~"), None]);
    }
}

mod anchors {
    use super::*;

    #[test]
    fn aliases_repeat_their_anchors() {
        check(
            "a: &x {p: 1}\nb: *x\nc: &y s\n*y : 2\n",
            "{a:{p:1},b:{p:1},c:\"s\",s:2}",
        );
        check("a: &x 1\nb: &x 2\nc: *x\n", "{a:1,b:2,c:2}");
    }

    #[test]
    fn an_anchor_ends_with_its_document() {
        check(
            "a: &x 1\n---\nb: *x\n",
            "{a:1}\nerror 3:4: unknown anchor 'x' referenced",
        );
    }

    #[test]
    fn an_anchor_cannot_hold_itself() {
        check("a: &x [*x]", "error 1:8: anchor 'x' value contains itself");
        check("&x {a: *x}", "error 1:8: anchor 'x' value contains itself");
    }

    #[test]
    fn merge_keys_work_as_kubectl_has_them() {
        check(
            "b: &b {p: 1, q: 2}\nc: {<<: *b, q: 8}",
            "{b:{p:1,q:2},c:{p:1,q:8}}",
        );
        check(
            "b: &b {p: 1}\nd: &d {p: 3, r: 4}\nc: {<<: [*b, *d]}",
            "{b:{p:1},c:{p:1,r:4},d:{p:3,r:4}}",
        );
        check("c: {<<: {p: 1}}", "{c:{p:1}}");
        check("b: &b {p: 1}\nc: {\"<<\": *b}", "{b:{p:1},c:{<<:{p:1}}}");
        check("c: <<", "{c:\"<<\"}");
        check(
            "c: {<<: 3}",
            "error 1:9: map merge requires map or sequence of maps as the value",
        );
    }

    #[test]
    fn a_key_before_the_merge_key_is_lost_and_a_warning_says_so() {
        check(
            "b: &b {p: 1}\nc: {p: 9, <<: *b}",
            "{b:{p:1},c:{p:1}}\nwarning 2:5: the merge key after it replaces \"p\"",
        );
    }

    #[test]
    fn an_alias_stands_where_it_is_written_and_its_inside_where_it_was_anchored() {
        let node = document("a: &x {p: 1}\nb: *x\n");
        let at = |path: &str| node.locate(path).map(|it| it.span.start.to_string());
        assert_eq!(at("b").as_deref(), Some("2:4"));
        assert_eq!(at("b.p").as_deref(), Some("1:11"));
    }

    #[test]
    fn a_bomb_is_refused_before_it_goes_off() {
        let mut text = String::from("a0: &a0 [x,x,x,x,x,x,x,x,x]\n");
        for level in 1..30 {
            let aliases = vec![format!("*a{}", level - 1); 9].join(",");
            text.push_str(&format!("a{level}: &a{level} [{aliases}]\n"));
        }
        let stream = parse(&text);
        assert!(stream.documents.is_empty());
        assert!(stream.errors[0].message.contains("excessive aliasing"));
        let text = format!("a: &a {}\nb: [{}]", "x".repeat(1 << 20), "*a,".repeat(1000));
        assert!(
            parse(&text).errors[0]
                .message
                .contains("excessive aliasing")
        );
    }

    #[test]
    fn nested_anchors_are_counted_too() {
        let text = format!(
            "{}{}{}",
            "&a [".repeat(90),
            "x,".repeat(20_000),
            "]".repeat(90)
        );
        assert!(
            parse(&text).errors[0]
                .message
                .contains("excessive aliasing")
        );
    }
}

mod limits {
    use super::*;

    #[track_caller]
    fn refused(text: &str, message: &str) {
        let stream = parse(text);
        assert!(stream.documents.is_empty());
        assert!(
            stream.errors[0].message.contains(message),
            "{:?}",
            stream.errors[0]
        );
    }

    #[test]
    fn nesting_is_limited() {
        let nested = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
        assert_eq!(parse(&nested(MAX_DEPTH)).documents.len(), 1);
        refused(&nested(MAX_DEPTH + 1), "more than 100 levels");
        refused(&"- ".repeat(10_000), "more than 100 levels");
        refused(&"[".repeat(100_000), "more than 100 levels");
        let through_aliases = "a: &a [[[[[[[[[[1]]]]]]]]]]\nb: ".to_owned()
            + &"[".repeat(95)
            + "*a"
            + &"]".repeat(95);
        refused(&through_aliases, "more than 100 levels");
    }

    #[test]
    fn a_document_after_a_refused_one_is_read() {
        let text = format!("{}\n---\na: 1\n", "[".repeat(1000));
        assert_eq!(parse(&text).documents.len(), 1);
    }

    #[test]
    fn size_is_limited() {
        refused(&" ".repeat(MAX_BYTES + 1), "larger than 8 MiB");
        refused(&"- a\n".repeat(MAX_NODES), "more than 500000 values");
    }

    #[test]
    fn lists_of_problems_are_limited() {
        let stream = parse(&"a: 1\n".repeat(1000));
        assert_eq!(stream.warnings.len(), MAX_PROBLEMS + 1);
        let stream = parse(&"--- ]\n".repeat(1000));
        assert_eq!(stream.errors.len(), MAX_PROBLEMS + 1);
        assert!(stream.errors[MAX_PROBLEMS].message.contains("not listed"));
    }
}

mod spans {
    use super::*;

    #[test]
    fn a_block_ends_with_its_last_value() {
        let text = "a:\n  b:\n  - 1\n  - 22\n\n# c\nd: |\n  x\n\ne: {f: 1} # g\n";
        let node = document(text);
        let slice = |path: &str| {
            let span = node.locate_nearest(path);
            &text[span.start_offset..span.end_offset]
        };
        assert_eq!(slice("a"), "a:\n  b:\n  - 1\n  - 22");
        assert_eq!(slice("a.b[1]"), "22");
        assert_eq!(slice("d"), "d: |\n  x");
        assert_eq!(slice("e"), "e: {f: 1}");
        assert_eq!(
            node.span.end,
            Position {
                line: 10,
                column: 10
            }
        );
    }

    #[test]
    fn an_absent_value_stands_after_its_colon() {
        let node = document("a:\n  b:\n\nc: 1\n");
        assert_eq!(
            node.locate("a.b").map(|it| it.span.start),
            Some(Position { line: 2, column: 5 })
        );
    }
}

/// Texts that look like YAML, so that the properties reach further than the scanner.
fn yamlish() -> impl Strategy<Value = String> {
    let pieces = [
        "a", "b: ", "- ", "\n", "\n  ", "\n    ", ": ", "{", "}", "[", "]", ", ", "\"", "'", "&x ",
        "*x", "<<: ", "!!str ", "!!int ", "80", "yes", "~", "|\n", ">\n", "# c", "---\n",
        "\n...\n", "\t", "\r\n", "\u{feff}", "é", "\\u00", "? ", "%", "@", "\0", "😀",
    ];
    prop::collection::vec(prop::sample::select(pieces.to_vec()), 0..60).prop_map(|it| it.concat())
}

/// What must hold for any text.
fn sound(text: &str) -> Result<(), TestCaseError> {
    let stream = parse(text);
    for problem in stream.errors.iter().chain(&stream.warnings) {
        prop_assert!(problem.position.line >= 1 && problem.position.column >= 1);
        prop_assert!(!problem.message.is_empty() && !problem.message.ends_with('.'));
    }
    for node in &stream.documents {
        prop_assert!(
            text.get(node.span.start_offset..node.span.end_offset)
                .is_some()
        );
        let _ = decode::<types::Service>(node);
        prop_assert!(!to_json(node).to_string().is_empty());
        for line in 1..6 {
            let path = node.path_at(Position { line, column: 3 });
            let _ = (node.locate(&path), node.locate_nearest(&path));
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_it_panic(text in any::<String>()) {
        sound(&text)?;
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        sound(&String::from_utf8_lossy(&bytes))?;
    }

    #[test]
    fn nothing_that_looks_like_yaml_makes_it_panic(text in yamlish()) {
        sound(&text)?;
    }

    #[test]
    fn any_json_is_read_as_it_is(text in "[ -~]{0,20}", number in any::<i64>(), flag in any::<bool>()) {
        let value = serde_json::json!({"text": text, "list": [number, flag, null], text.clone(): {"x": 1.5}});
        let node = document(&value.to_string());
        prop_assert_eq!(to_json(&node), value);
    }

    #[test]
    fn any_word_resolves_without_panic(word in "[-+0-9a-zA-Z_.:~<xob]{0,12}") {
        let value = resolve(&word);
        prop_assert!(!matches!(value, Value::Sequence(_) | Value::Mapping(_)));
    }
}
