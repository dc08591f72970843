//! The words of a lesson as blocks: paragraphs, lists, fences, and code between backticks.
//!
//! **Left out**: everything else of markdown, as in lessons.

/// A part of a text that stands by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Block {
    /// A paragraph.
    Paragraph(Vec<Span>),
    /// A list.
    Items(Vec<Vec<Span>>),
    /// What is shown as it is.
    Fence(String),
}

/// A part of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Span {
    /// Words.
    Plain(String),
    /// Code.
    Code(String),
}

/// A text as blocks.
#[must_use]
pub fn blocks(text: &str) -> Vec<Block> {
    let mut found = Vec::new();
    let mut open = Open::Nothing;
    for line in text.lines() {
        open = match (open, line.trim()) {
            (Open::Fence(text), it) if it.starts_with("```") => {
                found.push(Block::Fence(text));
                Open::Nothing
            }
            (Open::Fence(text), _) => Open::Fence(text + line + "\n"),
            (open, "") => {
                open.close(&mut found);
                Open::Nothing
            }
            (open, it) if it.starts_with("```") => {
                open.close(&mut found);
                Open::Fence(String::new())
            }
            (open, it) => match (it.strip_prefix("- "), open) {
                (Some(item), Open::Items(mut items)) => {
                    items.push(item.to_owned());
                    Open::Items(items)
                }
                (Some(item), open) => {
                    open.close(&mut found);
                    Open::Items(vec![item.to_owned()])
                }
                (None, open) => open.going_on(it),
            },
        };
    }
    open.close(&mut found);
    found
}

/// What has begun and may go on.
enum Open {
    Nothing,
    Paragraph(String),
    Items(Vec<String>),
    Fence(String),
}

impl Open {
    /// Another line of the same.
    fn going_on(self, line: &str) -> Open {
        match self {
            Open::Paragraph(text) => Open::Paragraph(text + " " + line),
            Open::Items(mut items) => {
                if let Some(last) = items.last_mut() {
                    last.push(' ');
                    last.push_str(line);
                }
                Open::Items(items)
            }
            Open::Nothing | Open::Fence(_) => Open::Paragraph(line.to_owned()),
        }
    }

    fn close(self, found: &mut Vec<Block>) {
        match self {
            Open::Nothing => {}
            Open::Paragraph(text) => found.push(Block::Paragraph(spans(&text))),
            Open::Items(items) => {
                let items = items.iter().map(|it| spans(it));
                found.push(Block::Items(items.collect()));
            }
            // One that nobody closed ends with the text.
            Open::Fence(text) => found.push(Block::Fence(text)),
        }
    }
}

/// A line as words and code. A backtick alone is a backtick.
fn spans(text: &str) -> Vec<Span> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((plain, code, after)) = rest.split_once('`').and_then(|(plain, it)| {
        let (code, after) = it.split_once('`')?;
        Some((plain, code, after))
    }) {
        if !plain.is_empty() {
            found.push(Span::Plain(plain.to_owned()));
        }
        found.push(Span::Code(code.to_owned()));
        rest = after;
    }
    if !rest.is_empty() {
        found.push(Span::Plain(rest.to_owned()));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> Span {
        Span::Plain(text.to_owned())
    }

    #[test]
    fn lines_of_a_paragraph_are_one_and_code_stands_apart() {
        let code = Span::Code("app=web".to_owned());
        assert_eq!(
            blocks("Two pods carry\nthe label `app=web`.\n\nBoth run."),
            [
                Block::Paragraph(vec![plain("Two pods carry the label "), code, plain(".")]),
                Block::Paragraph(vec![plain("Both run.")]),
            ]
        );
    }

    #[test]
    fn lists_and_fences_end_where_they_end() {
        let text = "Look:\n- one\n  more\n- two\n\n```\na  b\n\nc\n```\nend `here";
        assert_eq!(
            blocks(text),
            [
                Block::Paragraph(vec![plain("Look:")]),
                Block::Items(vec![vec![plain("one more")], vec![plain("two")]]),
                Block::Fence("a  b\n\nc\n".to_owned()),
                Block::Paragraph(vec![plain("end `here")]),
            ]
        );
        assert_eq!(blocks("```\nx"), [Block::Fence("x\n".to_owned())]);
        assert_eq!(blocks(""), []);
    }
}
