//! Regular expressions, basic and extended, as grep, sed and awk read them.
//!
//! POSIX.1-2017 chapter 9, with what GNU adds and people use: `\w \W \s \S \b \< \>`, `\+ \? \|` in basic ones, and
//! Perl's `\d` of `grep -P`. A compiled expression is a list of instructions run with a stack of places to come
//! back to; the number of steps is bounded, so that no expression runs for ever.
//!
//! **Left out**: the leftmost-longest rule among alternatives (the first that matches is taken), equivalence
//! classes.

use super::pattern::{CharSet, bracket};

/// The most steps of one search.
const MAX_STEPS: usize = 2_000_000;

/// The most instructions of one expression.
const MAX_PROGRAM: usize = 20_000;

/// Which language an expression is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Syntax {
    /// `\(…\)`, `\{…\}`
    Basic,
    /// `(…)`, `{…}`, `+`, `?`, `|`
    Extended,
    /// No character means more than itself.
    Fixed,
}

/// Whether upper and lower case differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Case {
    /// They do.
    #[default]
    Sensitive,
    /// They do not.
    Ignored,
}

/// A compiled expression.
#[derive(Clone, Debug)]
pub(super) struct Regex {
    program: Vec<Op>,
    n_groups: usize,
    case: Case,
}

#[derive(Clone, Debug)]
enum Op {
    Char(char),
    Any,
    Set(CharSet),
    Start,
    End,
    WordEdge {
        negated: bool,
    },
    WordStart,
    WordEnd,
    Save(usize),
    /// Goes on at both, the first one first.
    Split(usize, usize),
    Jump(usize),
    Back(usize),
    /// Fails unless something was consumed since this slot was saved: no loop of nothing.
    Progress(usize),
    Match,
}

#[derive(Clone, Debug)]
enum Node {
    Op(Op),
    Group(Option<usize>, Box<Node>),
    Sequence(Vec<Node>),
    Either(Vec<Node>),
    Repeat(Box<Node>, usize, Option<usize>),
}

/// Where a match and its groups lie, in characters.
pub(super) type Groups = Vec<Option<(usize, usize)>>;

impl Regex {
    /// Compiles an expression.
    ///
    /// # Errors
    /// When it is none, in GNU grep's words.
    pub(super) fn new(text: &str, syntax: Syntax, case: Case) -> Result<Regex, String> {
        let mut reader = Reader {
            chars: text.chars().collect(),
            at: 0,
            syntax,
            n_groups: 0,
            depth: 0,
        };
        let node = match syntax {
            Syntax::Fixed => {
                Node::Sequence(text.chars().map(|it| Node::Op(Op::Char(it))).collect())
            }
            _ => reader.either()?,
        };
        if reader.at < reader.chars.len() && syntax != Syntax::Fixed {
            return Err("Unmatched ) or \\)".into());
        }
        let mut regex = Regex {
            program: Vec::new(),
            n_groups: reader.n_groups + 1,
            case,
        };
        let mut n_loops = 0;
        regex.program.push(Op::Save(0));
        regex.compile(&node, &mut n_loops)?;
        regex.program.push(Op::Save(1));
        regex.program.push(Op::Match);
        Ok(regex)
    }

    /// The number of groups, the whole included.
    #[must_use]
    pub(super) const fn n_groups(&self) -> usize {
        self.n_groups
    }

    /// Whether it matches anywhere.
    #[must_use]
    pub(super) fn is_match(&self, text: &[char]) -> bool {
        self.find(text, 0).is_some()
    }

    /// The first match from a place on.
    #[must_use]
    pub(super) fn find(&self, text: &[char], from: usize) -> Option<Groups> {
        let mut n_steps = 0;
        (from..=text.len()).find_map(|start| self.match_at(text, start, &mut n_steps))
    }

    fn compile(&mut self, node: &Node, n_loops: &mut usize) -> Result<(), String> {
        // A table: one arm for each part of a pattern.
        if self.program.len() > MAX_PROGRAM {
            return Err("Regular expression too big".into());
        }
        match node {
            Node::Op(op) => self.program.push(op.clone()),
            Node::Group(number, inner) => {
                if let Some(it) = number {
                    self.program.push(Op::Save(2 * it));
                }
                self.compile(inner, n_loops)?;
                if let Some(it) = number {
                    self.program.push(Op::Save(2 * it + 1));
                }
            }
            Node::Sequence(nodes) => {
                for it in nodes {
                    self.compile(it, n_loops)?;
                }
            }
            Node::Either(nodes) => {
                let mut ends = Vec::new();
                for (idx, it) in nodes.iter().enumerate() {
                    let is_last = idx + 1 == nodes.len();
                    let split = self.program.len();
                    if !is_last {
                        self.program.push(Op::Split(split + 1, 0));
                    }
                    self.compile(it, n_loops)?;
                    if !is_last {
                        ends.push(self.program.len());
                        self.program.push(Op::Jump(0));
                        self.program[split] = Op::Split(split + 1, self.program.len());
                    }
                }
                for it in ends {
                    self.program[it] = Op::Jump(self.program.len());
                }
            }
            Node::Repeat(inner, min, max) => {
                for _ in 0..*min {
                    self.compile(inner, n_loops)?;
                }
                match max {
                    Some(max) => {
                        let mut splits = Vec::new();
                        for _ in *min..*max {
                            splits.push(self.program.len());
                            self.program.push(Op::Split(0, 0));
                            self.compile(inner, n_loops)?;
                        }
                        for it in splits {
                            self.program[it] = Op::Split(it + 1, self.program.len());
                        }
                    }
                    None => {
                        let slot = 2 * self.n_groups + *n_loops;
                        *n_loops += 1;
                        let split = self.program.len();
                        self.program.push(Op::Split(0, 0));
                        self.program.push(Op::Save(slot));
                        self.compile(inner, n_loops)?;
                        self.program.push(Op::Progress(slot));
                        self.program.push(Op::Jump(split));
                        self.program[split] = Op::Split(split + 1, self.program.len());
                    }
                }
            }
        }
        Ok(())
    }

    fn same(&self, one: char, other: char) -> bool {
        one == other || (self.case == Case::Ignored && one.to_lowercase().eq(other.to_lowercase()))
    }

    fn match_at(&self, text: &[char], start: usize, n_steps: &mut usize) -> Option<Groups> {
        // A table: one arm for each instruction, which share the stack.
        let slots = self.program.iter().filter_map(|it| match it {
            Op::Save(slot) => Some(slot + 1),
            _ => None,
        });
        let n_slots = slots.max().unwrap_or(2).max(2 * self.n_groups);
        let mut saved: Vec<Option<usize>> = vec![None; n_slots];
        let mut stack: Vec<Undo> = Vec::new();
        let (mut pc, mut at) = (0, start);
        loop {
            *n_steps += 1;
            if *n_steps > MAX_STEPS {
                return None;
            }
            let next = match &self.program[pc] {
                Op::Match => {
                    let groups = saved[..2 * self.n_groups].chunks(2);
                    return Some(groups.map(|it| Some((it[0]?, it[1]?))).collect());
                }
                Op::Char(it) => text
                    .get(at)
                    .filter(|other| self.same(*it, **other))
                    .map(|_| at + 1),
                Op::Any => (at < text.len()).then_some(at + 1),
                Op::Set(set) => text.get(at).and_then(|it| {
                    let holds = match self.case {
                        Case::Sensitive => set.contains(*it),
                        Case::Ignored => set.contains_either_case(*it),
                    };
                    holds.then_some(at + 1)
                }),
                Op::Save(slot) => {
                    stack.push(Undo::Slot(*slot, saved[*slot]));
                    saved[*slot] = Some(at);
                    Some(at)
                }
                Op::Split(first, second) => {
                    stack.push(Undo::Place(*second, at));
                    pc = *first;
                    continue;
                }
                Op::Jump(to) => {
                    pc = *to;
                    continue;
                }
                Op::Progress(slot) => (saved[*slot] != Some(at)).then_some(at),
                Op::Back(group) => {
                    let quoted = saved[2 * group].zip(saved[2 * group + 1]);
                    quoted.and_then(|(from, to)| {
                        let there = text.get(at..at + (to - from))?;
                        let pairs = there.iter().zip(&text[from..to]);
                        let mut pairs = pairs;
                        pairs
                            .all(|(one, other)| self.same(*one, *other))
                            .then_some(at + (to - from))
                    })
                }
                position => holds(position, text, at).then_some(at),
            };
            match next {
                Some(it) => {
                    at = it;
                    pc += 1;
                }
                None => loop {
                    match stack.pop()? {
                        Undo::Slot(slot, was) => saved[slot] = was,
                        Undo::Place(to, from) => {
                            (pc, at) = (to, from);
                            break;
                        }
                    }
                },
            }
        }
    }
}

enum Undo {
    Slot(usize, Option<usize>),
    Place(usize, usize),
}

/// Whether an instruction that consumes nothing holds here.
fn holds(op: &Op, text: &[char], at: usize) -> bool {
    let is_word = |it: Option<&char>| it.is_some_and(|it| it.is_alphanumeric() || *it == '_');
    let before = at.checked_sub(1).and_then(|it| text.get(it));
    let (before, after) = (is_word(before), is_word(text.get(at)));
    match op {
        Op::Start => at == 0,
        Op::End => at == text.len(),
        Op::WordEdge { negated } => (before != after) != *negated,
        Op::WordStart => !before && after,
        Op::WordEnd => before && !after,
        _ => false,
    }
}

struct Reader {
    chars: Vec<char>,
    at: usize,
    syntax: Syntax,
    n_groups: usize,
    depth: usize,
}

impl Reader {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    /// Whether this operator stands here: with a backslash in a basic expression, without in an extended one.
    fn is_operator(&self, it: char) -> bool {
        match self.syntax {
            Syntax::Extended => self.peek() == Some(it),
            _ => self.peek() == Some('\\') && self.chars.get(self.at + 1) == Some(&it),
        }
    }

    fn takes(&mut self, it: char) -> bool {
        let is_here = self.is_operator(it);
        if is_here {
            self.at += if self.syntax == Syntax::Extended {
                1
            } else {
                2
            };
        }
        is_here
    }

    fn either(&mut self) -> Result<Node, String> {
        self.depth += 1;
        if self.depth > 50 {
            return Err("Regular expression too big".into());
        }
        let mut branches = vec![self.sequence()?];
        while self.takes('|') {
            branches.push(self.sequence()?);
        }
        self.depth -= 1;
        Ok(match branches.len() {
            1 => branches.remove(0),
            _ => Node::Either(branches),
        })
    }

    fn sequence(&mut self) -> Result<Node, String> {
        let mut nodes: Vec<Node> = Vec::new();
        while self.at < self.chars.len() {
            let closes = self.is_operator(')') && (self.depth > 1 || self.syntax == Syntax::Basic);
            if self.is_operator('|') || closes {
                break;
            }
            let node = self.atom(nodes.is_empty())?;
            nodes.push(self.repeated(node)?);
        }
        Ok(Node::Sequence(nodes))
    }

    fn repeated(&mut self, mut node: Node) -> Result<Node, String> {
        if matches!(node, Node::Op(Op::Start)) && self.syntax == Syntax::Basic {
            return Ok(node);
        }
        loop {
            let (min, max) = if self.peek() == Some('*') {
                self.at += 1;
                (0, None)
            } else if self.takes('+') {
                (1, None)
            } else if self.takes('?') {
                (0, Some(1))
            } else if self.is_operator('{') {
                match self.interval()? {
                    Some(it) => it,
                    None => return Ok(node),
                }
            } else {
                return Ok(node);
            };
            node = Node::Repeat(Box::new(node), min, max);
        }
    }

    /// `{2}`, `{2,}`, `{2,5}`; in an extended expression a brace may mean itself.
    fn interval(&mut self) -> Result<Option<(usize, Option<usize>)>, String> {
        let start = self.at;
        self.takes('{');
        let rest = &self.chars[self.at..];
        let length = rest
            .iter()
            .take_while(|it| it.is_ascii_digit() || **it == ',')
            .count();
        let text: String = rest[..length].iter().collect();
        self.at += length;
        if length == 0 || !self.takes('}') {
            if self.syntax == Syntax::Extended {
                self.at = start;
                return Ok(None);
            }
            return Err("Unmatched { or \\{".into());
        }
        let (min, max) = text.split_once(',').unwrap_or((&text, &text));
        let number = |it: &str| it.parse::<usize>().ok().filter(|it| *it <= 1000);
        let min = if min.is_empty() { Some(0) } else { number(min) };
        let max = if max.is_empty() {
            Some(None)
        } else {
            number(max).map(Some)
        };
        match (min, max) {
            (Some(min), Some(max)) if max.is_none_or(|it| it >= min) => Ok(Some((min, max))),
            _ => Err("Invalid content of \\{\\}".into()),
        }
    }

    fn atom(&mut self, is_first: bool) -> Result<Node, String> {
        if self.takes('(') {
            let is_silent =
                self.syntax == Syntax::Extended && self.chars[self.at..].starts_with(&['?', ':']);
            let number = (!is_silent).then(|| {
                self.n_groups += 1;
                self.n_groups
            });
            self.at += if is_silent { 2 } else { 0 };
            let inner = self.either()?;
            if !self.takes(')') {
                return Err("Unmatched ( or \\(".into());
            }
            return Ok(Node::Group(number, Box::new(inner)));
        }
        let Some(it) = self.peek() else {
            return Err("Invalid regular expression".into());
        };
        self.at += 1;
        let is_extended = self.syntax == Syntax::Extended;
        let op = match it {
            '.' => Op::Any,
            '[' => {
                let rest: Vec<(char, bool)> = self.chars[self.at - 1..]
                    .iter()
                    .map(|it| (*it, *it == '!'))
                    .collect();
                let Some((set, length)) = bracket(&rest) else {
                    return Err("Unmatched [, [^, [:, [., or [=".into());
                };
                self.at += length - 1;
                Op::Set(set)
            }
            '^' if is_extended || is_first => Op::Start,
            '$' if is_extended
                || self.at == self.chars.len()
                || self.is_operator(')')
                || self.is_operator('|') =>
            {
                Op::End
            }
            '\\' => self.escape()?,
            other => Op::Char(other),
        };
        Ok(Node::Op(op))
    }

    fn escape(&mut self) -> Result<Op, String> {
        let Some(it) = self.peek() else {
            return Err("Trailing backslash".into());
        };
        self.at += 1;
        let word = [('a', 'z'), ('A', 'Z'), ('0', '9'), ('_', '_')];
        let space = [(' ', ' '), ('\t', '\r')];
        Ok(match it {
            'w' => Op::Set(CharSet::of(false, &word)),
            'W' => Op::Set(CharSet::of(true, &word)),
            's' => Op::Set(CharSet::of(false, &space)),
            'S' => Op::Set(CharSet::of(true, &space)),
            'd' => Op::Set(CharSet::of(false, &[('0', '9')])),
            'b' => Op::WordEdge { negated: false },
            'B' => Op::WordEdge { negated: true },
            '<' => Op::WordStart,
            '>' => Op::WordEnd,
            'n' => Op::Char('\n'),
            't' => Op::Char('\t'),
            '1'..='9' => {
                let group = it.to_digit(10).map_or(0, |it| it as usize);
                if group > self.n_groups {
                    return Err("Invalid back reference".into());
                }
                Op::Back(group)
            }
            other => Op::Char(other),
        })
    }
}
