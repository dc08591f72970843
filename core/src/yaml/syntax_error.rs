//! What a scanner's error means to the person who made the mistake: place, message, hint.
//!
//! Imitates no one's words: libyaml's "did not find expected key" names what the machine wanted. Here the
//! lines around the error are looked at for the usual slips: a tab, a forgotten space or colon, a quote or
//! bracket left open, a line that is indented too far or not far enough.
//!
//! **Left out.** One error a document: what follows it in the same document is not looked at. The guess is
//! made from the two lines in question and can be wrong; the place is the scanner's unless the slip was
//! found elsewhere.

use granit_parser::{ErrorKind, ScanError, StructureStyle};

use super::node::{Position, Span, shortened};
use super::parse::{Problem, position};
use super::refusal::{self, spaced};

/// A line of the text, without its end.
#[derive(Clone, Copy)]
struct Line<'t> {
    text: &'t str,
    offset: usize,
    number: u32,
}

impl<'t> Line<'t> {
    /// The line that an offset is on.
    fn at(text: &'t str, offset: usize, number: u32) -> Line<'t> {
        let mut offset = offset.min(text.len());
        while !text.is_char_boundary(offset) {
            offset -= 1;
        }
        let start = text[..offset]
            .rfind(['\n', '\r'])
            .map_or(0, |index| index + 1);
        let end = text[offset..]
            .find(['\n', '\r'])
            .map_or(text.len(), |index| offset + index);
        Line {
            text: text[start..end].trim_start_matches('\u{feff}'),
            offset: start,
            number,
        }
    }

    /// The nearest line above that holds more than a comment.
    fn above(self, text: &'t str) -> Option<Line<'t>> {
        let mut line = self;
        loop {
            let end = text[..line.offset].strip_suffix(['\n', '\r'])?;
            let end = if text[..line.offset].ends_with("\r\n") {
                &end[..end.len() - 1]
            } else {
                end
            };
            line = Line::at(text, end.len(), line.number.saturating_sub(1));
            let content = line.text.trim();
            if content == "---" {
                return None;
            }
            if !content.is_empty() && !content.starts_with('#') {
                return Some(line);
            }
        }
    }

    /// The line without indentation, dashes of list items and a comment.
    fn content(self) -> &'t str {
        let text = self.text.trim_start_matches([' ', '\t', '-']);
        text.split(" #").next().unwrap_or_default().trim_end()
    }

    /// Columns before the first character of content, dashes included.
    fn indentation(self) -> usize {
        self.text.len() - self.text.trim_start_matches([' ', '-']).len()
    }

    /// The place of a tab among the blanks and dashes that begin the line.
    fn tab(self) -> Option<Position> {
        let before = self.text.len() - self.text.trim_start_matches([' ', '-']).len();
        self.text[before..]
            .starts_with('\t')
            .then(|| self.position(before))
    }

    fn position(self, characters: usize) -> Position {
        let column = u32::try_from(characters)
            .unwrap_or(u32::MAX)
            .saturating_add(1);
        Position {
            line: self.number,
            column,
        }
    }

    fn start(self) -> Position {
        self.position(self.indentation())
    }

    /// Whether this is `key:value` or `key :value`, without the space that belongs after the colon.
    fn is_glued(self) -> bool {
        let content = self.content();
        match content.split_once(':') {
            Some((key, value)) => {
                let key = key.trim_end();
                !has_colon(content)
                    && !key.is_empty()
                    && !key.contains(' ')
                    && !value.starts_with('/')
            }
            None => false,
        }
    }
}

/// Whether a colon separates a key from a value.
fn has_colon(content: &str) -> bool {
    content.ends_with(':') || content.contains(": ") || content.contains(":\t")
}

/// Explains an error. `open` is the innermost open collection, and `ended` the last document, if there are any.
pub(super) fn explain(
    text: &str,
    error: &ScanError,
    open: Option<(Span, StructureStyle)>,
    ended: Option<Span>,
) -> Problem {
    let marker = error.marker();
    let place = position(marker);
    let offset = marker.byte_offset().unwrap_or_default();
    let line = Line::at(text, offset, place.line);
    let kind = error.kind();
    let rest = text.get(offset..).unwrap_or_default();
    if let Some(tab) = tab_near(text, line, kind) {
        return refusal::tab(tab);
    }
    if let Some(problem) =
        open.and_then(|(start, style)| left_open(text, kind, rest, place, (start, style)))
    {
        return problem;
    }
    match kind {
        ErrorKind::MappingValueNotAllowed => second_colon(text, line, place),
        ErrorKind::SimpleKeyExpected | ErrorKind::InvalidSimpleKey => missing_colon(text, line),
        ErrorKind::ExpectedBlockMappingKey | ErrorKind::InvalidIndentation => {
            bad_indentation(text, line)
        }
        ErrorKind::ExpectedBlockSequenceEntry => {
            Problem::new(place, "expected the next \"- \" of the list above")
                .hint("indent the line if it belongs to the item above; a list and keys cannot mix")
        }
        ErrorKind::BlockSequenceEntryNotAllowed => {
            Problem::new(place, "a list item cannot begin here").hint(
                "put \"- \" on a line of its own, below the key, and give that key no other value",
            )
        }
        ErrorKind::UnclosedQuotedScalar | ErrorKind::DocumentIndicatorInQuotedScalar => {
            let quote = rest.chars().next().filter(|it| *it == '\'').unwrap_or('"');
            Problem::new(place, "unclosed quote").hint(format!("add the closing {quote}"))
        }
        ErrorKind::InvalidTrailingSingleQuotedScalar => {
            Problem::new(place, "text after the closing quote")
                .hint("quote the whole value; within single quotes write '' for an apostrophe")
        }
        ErrorKind::InvalidTrailingDoubleQuotedScalar => {
            Problem::new(place, "text after the closing quote")
                .hint("quote the whole value; within double quotes write \\\" for a quote")
        }
        ErrorKind::UnknownQuotedScalarEscape => {
            Problem::new(place, "unknown escape in a text in double quotes")
                .hint("write \\\\ for a backslash, or use single quotes")
        }
        ErrorKind::UnexpectedCharacter { character } => {
            let word = rest.lines().next().unwrap_or_default();
            let word = word.split(" #").next().unwrap_or_default().trim_end();
            Problem::new(
                place,
                format!("a value cannot begin with {character} unless it is quoted"),
            )
            .hint(format!("put it in quotes: \"{}\"", shortened(word)))
        }
        ErrorKind::MissingAnchorOrAliasName => {
            let sign = rest.chars().next().unwrap_or('&');
            Problem::new(place, format!("{sign} is not followed by a name")).hint(format!(
                "put the value in quotes if it is a text: \"{sign}\""
            ))
        }
        ErrorKind::MisplacedFlowCollectionEnd => {
            let bracket = rest.chars().next().unwrap_or(']');
            Problem::new(place, format!("{bracket} closes nothing"))
                .hint("remove it, or add the bracket that opens it")
        }
        ErrorKind::MismatchedFlowCollectionEnd { open, close } => {
            let expected = if *open == '[' { ']' } else { '}' };
            Problem::new(place, format!("{open} is closed by {close}"))
                .hint(format!("write {expected} here"))
        }
        ErrorKind::ExpectedDocumentStart if ended.is_some() => {
            let columns = ended.map_or(1, |span| span.start.column).saturating_sub(1) as usize;
            let problem = Problem::new(place, "this line is outside the document above it");
            problem.hint(format!(
                "if it belongs there, put {}; two documents are separated by ---",
                spaces(columns)
            ))
        }
        ErrorKind::UnclosedFlowCollection { open } => unclosed(place, *open),
        ErrorKind::CommentInterceptedScalar => Problem::new(
            place,
            "the value of this line seems to go on after a comment",
        )
        .hint("line the next line up with the key it belongs to, or remove the comment"),
        ErrorKind::CommentNotSeparated => Problem::new(place, "a comment needs a blank before it")
            .hint("put a space before the #"),
        ErrorKind::InvalidBlockScalarHeader => {
            Problem::new(place, "a text after | or > begins on the next line")
                .hint("put the value in quotes, or move the text down and indent it")
        }
        kind if is_end(kind) && rest.starts_with(',') => {
            Problem::new(place, "a value cannot begin with , unless it is quoted")
                .hint("remove the comma, or put a value before it")
        }
        ErrorKind::RecursionLimitExceeded => refusal::too_deep(place),
        _ => Problem::new(place, lower_case(&error.info())),
    }
}

fn lower_case(message: &str) -> String {
    // What the scanner was at is less than what it found.
    let message = match message
        .strip_prefix("while ")
        .and_then(|it| it.split_once(", "))
    {
        Some((_, found)) => found,
        None => message,
    };
    let mut characters = message.trim_end_matches('.').chars();
    characters
        .next()
        .map(|first| first.to_lowercase().chain(characters).collect())
        .unwrap_or_default()
}

/// The tab to blame: on the line of the error, or on one shortly after it when the scanner speaks of tabs.
fn tab_near(text: &str, line: Line<'_>, kind: &ErrorKind) -> Option<Position> {
    let says_so = matches!(
        kind,
        ErrorKind::TabInBlockIndentation
            | ErrorKind::TabInIndentation
            | ErrorKind::TabNotAllowed
            | ErrorKind::TabInPlainScalar
            | ErrorKind::TabAtBlockScalarStart
    );
    if says_so {
        const LINES: u32 = 50;
        let lines = text[line.offset..]
            .split('\n')
            .zip(line.number..line.number + LINES);
        return lines
            .map(|(text, number)| Line {
                text,
                offset: 0,
                number,
            })
            .find_map(Line::tab);
    }
    let indented = matches!(
        kind,
        ErrorKind::ExpectedBlockMappingKey
            | ErrorKind::ExpectedBlockSequenceEntry
            | ErrorKind::MappingValueNotAllowed
            | ErrorKind::MappingKeyNotAllowed
            | ErrorKind::UnexpectedCharacter { character: '\t' }
            | ErrorKind::InvalidIndentation
    );
    let above = || line.above(text).and_then(Line::tab);
    if indented {
        line.tab().or_else(above)
    } else {
        None
    }
}

/// A bracket that was left open on an earlier line, or at the end of the text.
fn left_open(
    text: &str,
    kind: &ErrorKind,
    rest: &str,
    place: Position,
    (start, style): (Span, StructureStyle),
) -> Option<Problem> {
    let confused = matches!(
        kind,
        ErrorKind::InvalidColonPlacement
            | ErrorKind::ExpectedFlowMappingSeparator
            | ErrorKind::ExpectedFlowSequenceSeparator
            | ErrorKind::MappingValueNotAllowed
            | ErrorKind::BlockEntryInFlowCollection
            | ErrorKind::InvalidFlowScalarIndent
            | ErrorKind::ExpectedNodeContent
    );
    let later = place.line > start.start.line && (confused || is_end(kind));
    let last = is_end(kind) && rest.trim().is_empty();
    let known = matches!(kind, ErrorKind::UnclosedFlowCollection { .. });
    if style != StructureStyle::Flow || !(later || last || known) {
        return None;
    }
    let open = text.get(start.start_offset..)?.chars().next()?;
    Some(unclosed(start.start, open))
}

fn unclosed(place: Position, open: char) -> Problem {
    let close = if open == '{' { '}' } else { ']' };
    Problem::new(place, format!("unclosed {open}")).hint(format!(
        "add the closing {close}, or check the commas between the values"
    ))
}

/// Whether the scanner says that the text ended too early.
fn is_end(kind: &ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::UnexpectedEofFlowMapping
            | ErrorKind::UnexpectedEofFlowSequence
            | ErrorKind::UnexpectedEofImplicitFlowMapping
            | ErrorKind::UnexpectedEofBlockMapping
            | ErrorKind::UnexpectedEofBlockSequence
            | ErrorKind::UnexpectedEof
    )
}

/// A colon where the value of a key has already begun.
fn second_colon(text: &str, line: Line<'_>, place: Position) -> Problem {
    let before: String = line
        .text
        .chars()
        .take(place.column.saturating_sub(1) as usize)
        .collect();
    let before = before.trim_start_matches([' ', '-']);
    if let Some((key, _)) = before.split_once(": ") {
        let value = line
            .content()
            .split_once(": ")
            .map_or("", |(_, value)| value);
        return Problem::new(place, "a second \": \" on one line").hint(format!(
            "put the value in quotes: {key}: \"{}\"",
            shortened(value)
        ));
    }
    let Some(above) = line.above(text) else {
        return Problem::new(place, "a \":\" is not allowed here");
    };
    if above.is_glued() {
        return glued(above);
    }
    let content = above.content();
    if !has_colon(content) {
        return Problem::new(
            above.start(),
            format!("missing colon after \"{}\"", shortened(content)),
        )
        .hint(format!("write {}:", shortened(content)));
    }
    let message = format!(
        "this line is indented as if it went on with the value of line {}",
        above.number
    );
    let hint = if line.indentation() > above.indentation() {
        format!(
            "line it up with line {}: {}",
            above.number,
            spaces(above.indentation())
        )
    } else {
        format!(
            "give line {} a value on its own line, or quote it",
            above.number
        )
    };
    Problem::new(line.start(), message).hint(hint)
}

fn glued(line: Line<'_>) -> Problem {
    let message = format!(
        "missing space after the colon in \"{}\"",
        shortened(line.content())
    );
    Problem::new(line.start(), message).hint(spaced(line.content()))
}

fn spaces(n: usize) -> String {
    match n {
        0 => "no spaces before it".to_owned(),
        1 => "1 space before it".to_owned(),
        n => format!("{n} spaces before it"),
    }
}

/// A line that is no `key: value`.
fn missing_colon(text: &str, line: Line<'_>) -> Problem {
    if line.is_glued() {
        return glued(line);
    }
    let content = shortened(line.content());
    if let Some(item) = line
        .text
        .trim_start()
        .strip_prefix('-')
        .filter(|it| !it.starts_with(['-', ' ']))
    {
        return Problem::new(line.start(), "missing space after the dash")
            .hint(format!("put a space after the dash: - {}", shortened(item)));
    }
    let problem = Problem::new(line.start(), format!("missing colon after \"{content}\""));
    let block = line.above(text).is_some_and(|above| {
        above.content().ends_with(['|', '>', '-']) && has_colon(above.content())
    });
    if block {
        problem.hint("indent the lines of the text deeper than the key above it")
    } else {
        problem.hint("write a key, a colon, a space and a value; or indent the line if it goes on with the one above")
    }
}

/// A line whose indentation fits nothing above it, or a list item among keys.
fn bad_indentation(text: &str, line: Line<'_>) -> Problem {
    let is_item = line.text.trim_start().starts_with("- ");
    let above = line.above(text);
    if is_item {
        let dash = line.text.len() - line.text.trim_start().len();
        return Problem::new(line.position(dash), "a list item where a key is expected")
            .hint("line the dash up with the other items of its list, or put a key above it");
    }
    let problem = Problem::new(line.start(), "the indentation fits no line above");
    match above {
        Some(above) => problem.hint(format!(
            "if it belongs with line {}, put {}",
            above.number,
            spaces(above.indentation())
        )),
        None => problem,
    }
}

#[cfg(test)]
mod tests {
    use crate::yaml::parse;

    /// The first error: place, message and hint on one line.
    #[track_caller]
    fn check(text: &str, expected: &str) {
        let stream = parse(text);
        let problem = stream.errors.first().expect("an error");
        let hint = problem.hint.as_deref().unwrap_or("none");
        assert_eq!(format!("{problem} ({hint})"), expected, "{text}");
        assert_eq!(stream.errors.len(), 1);
    }

    const TAB: &str = "a tab is used for indentation (YAML is indented with spaces only: replace the tab by two spaces)";

    #[test]
    fn a_tab_in_the_indentation_is_named() {
        check("a:\n\tb: 1", &format!("2:1: {TAB}"));
        check("a:\n  b: 1\n\tc: 2", &format!("3:1: {TAB}"));
        check("a:\r\n\tb: 1\r\n", &format!("2:1: {TAB}"));
        check("a:\n- \tb: 1\n  c: 2", &format!("2:3: {TAB}"));
    }

    #[test]
    fn a_missing_space_after_the_colon_is_named() {
        let hint =
            "missing space after the colon in \"port:80\" (put a space after the colon: port: 80)";
        check("port:80\nname: x", &format!("1:1: {hint}"));
        check("name: x\nport:80\n", &format!("2:1: {hint}"));
        check(
            "ports:\n  - port:80\n    name: x\n",
            &format!("2:5: {hint}"),
        );
    }

    #[test]
    fn a_missing_colon_is_named() {
        check(
            "spec:\n  selector\n    app: web\n",
            "2:3: missing colon after \"selector\" (write selector:)",
        );
    }

    #[test]
    fn a_missing_space_after_the_dash_is_named() {
        check(
            "a:\n  - b\n  -c\n",
            "3:4: missing space after the dash (put a space after the dash: - c)",
        );
    }

    #[test]
    fn an_open_quote_is_shown_where_it_opens() {
        check("a: \"x\nb: 2\n", "1:4: unclosed quote (add the closing \")");
        check("a: 'x\nb: 2\n", "1:4: unclosed quote (add the closing ')");
    }

    #[test]
    fn an_open_bracket_is_shown_where_it_opens() {
        let hint = "(add the closing ], or check the commas between the values)";
        check("a: [1, 2\nb: 3\n", &format!("1:4: unclosed [ {hint}"));
        check("a: [1, 2", &format!("1:4: unclosed [ {hint}"));
        check("[a", &format!("1:1: unclosed [ {hint}"));
        check(
            "a: {x: 1\nb: 3\n",
            "1:4: unclosed { (add the closing }, or check the commas between the values)",
        );
        check("a: [1}", "1:4: [ is closed by } (write ] here)");
        check(
            "a: 1]]\nb: ]",
            "2:4: ] closes nothing (remove it, or add the bracket that opens it)",
        );
    }

    #[test]
    fn wrong_indentation_says_which_line_to_follow() {
        check(
            "metadata:\n  name: x\n   labels: y\n",
            "3:4: this line is indented as if it went on with the value of line 2 (line it up with line 2: 2 spaces before it)",
        );
        check(
            "metadata:\n  name: x\n labels: y\n",
            "3:2: the indentation fits no line above (if it belongs with line 2, put 2 spaces before it)",
        );
        check(
            "ports:\n- port: 80\n   name: x\n",
            "3:4: this line is indented as if it went on with the value of line 2 (line it up with line 2: 2 spaces before it)",
        );
        check(
            "  a: 1\nb: 2\n",
            "2:1: this line is outside the document above it (if it belongs there, put 2 spaces before it; two documents are separated by ---)",
        );
    }

    #[test]
    fn a_list_among_keys_is_named() {
        check(
            "key: value\n- item",
            "2:1: a list item where a key is expected (line the dash up with the other items of its list, or put a key above it)",
        );
        check(
            "- item\nkey: value",
            "2:1: expected the next \"- \" of the list above (indent the line if it belongs to the item above; a list and keys cannot mix)",
        );
    }

    #[test]
    fn a_value_that_needs_quotes_is_shown_with_them() {
        check(
            "command: echo: hi",
            "1:14: a second \": \" on one line (put the value in quotes: command: \"echo: hi\")",
        );
        check(
            "a: @x # y",
            "1:4: a value cannot begin with @ unless it is quoted (put it in quotes: \"@x\")",
        );
        check(
            "schedule: */5 * * * *",
            "1:11: unknown anchor '/5' referenced (a value that begins with * repeats an earlier &/5; put it in quotes if it is a text: \"*/5 * * * *\")",
        );
    }

    #[test]
    fn a_template_is_recognised() {
        check(
            "a: {{ .Values.x }}",
            "1:5: a key must be a text, found an object (this looks like a template: render it first, for example with \"helm template\")",
        );
    }

    #[test]
    fn other_messages_of_the_scanner_begin_with_what_was_found() {
        check(
            "a: \"x\\ud83d\"",
            "1:4: found high surrogate without following low surrogate (none)",
        );
    }
}
