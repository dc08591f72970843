//! `printf` and `echo`: formats and escapes.
//!
//! POSIX.1-2017 `printf` and, for numbers and padding, C's; awk's `printf` is this one too. `echo` is dash 0.5.12's.
//!
//! **Left out**: `%a`, `%n`, `%*1$d`.

/// A conversion of a format: `%-5.2f`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Conversion {
    flags: String,
    width: Option<usize>,
    precision: Option<usize>,
    pub(super) kind: char,
}

/// The widest that anything is padded to.
const MAX_WIDTH: usize = 4096;

/// A format in pieces.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Piece {
    Text(String),
    Conversion(Conversion, usize),
}

/// What `echo` prints: dash reads backslashes, `-n` leaves the end of the line out.
pub(super) fn echo(args: &[String]) -> String {
    let mut args = args;
    let mut ends = true;
    let mut reads = true;
    while let Some(flags) = args.first().and_then(|it| it.strip_prefix('-'))
        && !flags.is_empty()
        && flags.bytes().all(|it| b"neE".contains(&it))
    {
        ends &= !flags.contains('n');
        reads = !flags.contains('E');
        args = &args[1..];
    }
    let text = args.join(" ");
    let (text, stops) = if reads {
        escapes(&text, Escapes::Echo)
    } else {
        (text, false)
    };
    if ends && !stops {
        format!("{text}\n")
    } else {
        text
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Escapes {
    /// `\0nnn`
    Echo,
    /// `\nnn`
    Format,
}

/// Reads backslashes; also says whether a `\c` ends everything.
pub(super) fn escapes(text: &str, form: Escapes) -> (String, bool) {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::new();
    let mut at = 0;
    while let Some(it) = chars.get(at) {
        at += 1;
        if *it != '\\' {
            out.push(*it);
            continue;
        }
        let Some(next) = chars.get(at) else {
            out.push('\\');
            break;
        };
        at += 1;
        match next {
            'a' => out.push('\x07'),
            'b' => out.push('\x08'),
            'c' => return (out, true),
            'e' => out.push('\x1b'),
            'f' => out.push('\x0c'),
            'n' => out.push('\n'),
            'r' => out.push('\r'),
            't' => out.push('\t'),
            'v' => out.push('\x0b'),
            '\\' => out.push('\\'),
            '"' if form == Escapes::Format => out.push('"'),
            '0'..='7' if form == Escapes::Format || *next == '0' => {
                let from = if form == Escapes::Echo { at } else { at - 1 };
                let digits = chars[from..]
                    .iter()
                    .take(3)
                    .take_while(|it| matches!(it, '0'..='7'));
                let digits: String = digits.collect();
                at = from + digits.len();
                let code = u32::from_str_radix(&digits, 8).unwrap_or(0) & 0xff;
                out.extend(char::from_u32(code));
            }
            'x' if form == Escapes::Format => {
                let digits: String = chars[at..]
                    .iter()
                    .take(2)
                    .take_while(|it| it.is_ascii_hexdigit())
                    .collect();
                at += digits.len();
                out.extend(
                    u32::from_str_radix(&digits, 16)
                        .ok()
                        .and_then(char::from_u32),
                );
            }
            other => {
                out.push('\\');
                out.push(*other);
            }
        }
    }
    (out, false)
}

/// Takes a format apart. Each conversion says how many `*` it has.
pub(super) fn pieces(format: &str) -> Vec<Piece> {
    // One pass over the characters, which remembers where it is in a conversion.
    let chars: Vec<char> = format.chars().collect();
    let mut pieces = Vec::new();
    let mut text = String::new();
    let mut at = 0;
    while let Some(it) = chars.get(at) {
        at += 1;
        if *it != '%' {
            text.push(*it);
            continue;
        }
        if chars.get(at) == Some(&'%') {
            text.push('%');
            at += 1;
            continue;
        }
        let mut conversion = Conversion::default();
        let mut n_stars = 0;
        let start = at;
        while let Some(it) = chars.get(at).filter(|it| "-+ 0#".contains(**it)) {
            conversion.flags.push(*it);
            at += 1;
        }
        let number = |at: &mut usize| {
            let digits: String = chars[*at..]
                .iter()
                .take_while(|it| it.is_ascii_digit())
                .collect();
            *at += digits.len();
            digits.parse::<usize>().ok().map(|it| it.min(MAX_WIDTH))
        };
        if chars.get(at) == Some(&'*') {
            at += 1;
            n_stars += 1;
        } else {
            conversion.width = number(&mut at);
        }
        if chars.get(at) == Some(&'.') {
            at += 1;
            if chars.get(at) == Some(&'*') {
                at += 1;
                n_stars += 1;
            } else {
                conversion.precision = Some(number(&mut at).unwrap_or(0));
            }
        }
        while chars.get(at).is_some_and(|it| "hlLqjzt".contains(*it)) {
            at += 1;
        }
        match chars.get(at) {
            Some(kind) => {
                conversion.kind = *kind;
                at += 1;
                if !text.is_empty() {
                    pieces.push(Piece::Text(std::mem::take(&mut text)));
                }
                pieces.push(Piece::Conversion(conversion, n_stars));
            }
            None => {
                text.push('%');
                text.extend(&chars[start..]);
            }
        }
    }
    if !text.is_empty() {
        pieces.push(Piece::Text(text));
    }
    pieces
}

/// What `printf` prints, and what it complains about.
pub(super) fn printf(args: &[String]) -> Result<(String, String), String> {
    // One pass over the pieces as often as there are arguments, which share what is left of these.
    let args = if args.first().is_some_and(|it| it == "--") {
        &args[1..]
    } else {
        args
    };
    let Some((format, mut rest)) = args.split_first() else {
        return Err("usage: printf format [arg ...]".into());
    };
    let (format, stops) = escapes_outside_percent(format);
    let pieces = pieces(&format);
    let n_conversions = pieces
        .iter()
        .filter(|it| matches!(it, Piece::Conversion(..)))
        .count();
    let (mut out, mut complaints) = (String::new(), String::new());
    loop {
        for piece in &pieces {
            let (conversion, n_stars) = match piece {
                Piece::Text(text) => {
                    out.push_str(text);
                    continue;
                }
                Piece::Conversion(conversion, n_stars) => (conversion, *n_stars),
            };
            let mut conversion = conversion.clone();
            for _ in 0..n_stars {
                let width = next(&mut rest).unwrap_or("0").parse::<i64>().unwrap_or(0);
                conversion.star(width);
            }
            let argument = next(&mut rest);
            match conversion.kind {
                's' => out.push_str(&conversion.text(argument.unwrap_or_default())),
                'b' => {
                    let (text, stops) = escapes(argument.unwrap_or_default(), Escapes::Echo);
                    out.push_str(&conversion.text(&text));
                    if stops {
                        return Ok((out, complaints));
                    }
                }
                'c' => out.push_str(
                    &conversion.text(
                        &argument
                            .unwrap_or_default()
                            .chars()
                            .take(1)
                            .collect::<String>(),
                    ),
                ),
                'd' | 'i' | 'u' | 'x' | 'X' | 'o' => {
                    let number = whole_number(argument.unwrap_or_default(), &mut complaints);
                    out.push_str(&conversion.integer(number));
                }
                'e' | 'E' | 'f' | 'F' | 'g' | 'G' => {
                    let text = argument.unwrap_or("0");
                    out.push_str(&conversion.float(text.trim().parse().unwrap_or(0.0)));
                }
                other => return Err(format!("%{other}: invalid directive")),
            }
            if out.len() > super::streams::MAX_OUTPUT {
                return Ok((out, complaints));
            }
        }
        if stops || rest.is_empty() || n_conversions == 0 {
            return Ok((out, complaints));
        }
    }
}

fn escapes_outside_percent(format: &str) -> (String, bool) {
    escapes(format, Escapes::Format)
}

fn next<'a>(rest: &mut &'a [String]) -> Option<&'a str> {
    let (first, others) = rest.split_first()?;
    *rest = others;
    Some(first)
}

/// A number of C: decimal, `0x…`, `0…`, or `'c`.
fn whole_number(text: &str, complaints: &mut String) -> i64 {
    let trimmed = text.trim();
    if let Some(it) = trimmed.strip_prefix(['\'', '"']) {
        return it.chars().next().map_or(0, |it| i64::from(u32::from(it)));
    }
    let (sign, digits) = match trimmed.strip_prefix('-') {
        Some(it) => (-1, it),
        None => (1, trimmed.strip_prefix('+').unwrap_or(trimmed)),
    };
    let read = match digits.strip_prefix("0x").or(digits.strip_prefix("0X")) {
        Some(it) => i64::from_str_radix(it, 16),
        None if digits.len() > 1 && digits.starts_with('0') => i64::from_str_radix(digits, 8),
        None => digits.parse(),
    };
    match read {
        Ok(it) => sign * it,
        Err(_) if trimmed.is_empty() => 0,
        Err(_) => {
            let valid: String = digits.chars().take_while(char::is_ascii_digit).collect();
            let why = if valid.is_empty() {
                "expected numeric value"
            } else {
                "not completely converted"
            };
            complaints.push_str(&format!("sh: printf: {text}: {why}\n"));
            sign * valid.parse::<i64>().unwrap_or(0)
        }
    }
}

impl Conversion {
    /// A `*`: the width, or, if that is known, the precision.
    pub(super) fn star(&mut self, number: i64) {
        let size = usize::try_from(number.unsigned_abs())
            .unwrap_or(MAX_WIDTH)
            .min(MAX_WIDTH);
        if self.width.is_none() {
            self.width = Some(size);
            if number < 0 {
                self.flags.push('-');
            }
        } else {
            self.precision = Some(size);
        }
    }

    fn pad(&self, text: &str, zeros: bool) -> String {
        let width = self.width.unwrap_or(0);
        let missing = width.saturating_sub(text.chars().count());
        if self.flags.contains('-') {
            return format!("{text}{}", " ".repeat(missing));
        }
        if zeros && self.flags.contains('0') {
            let n_signs = usize::from(text.starts_with(['-', '+', ' ']));
            return format!(
                "{}{}{}",
                &text[..n_signs],
                "0".repeat(missing),
                &text[n_signs..]
            );
        }
        format!("{}{text}", " ".repeat(missing))
    }

    pub(super) fn text(&self, text: &str) -> String {
        let cut: String = text
            .chars()
            .take(self.precision.unwrap_or(usize::MAX))
            .collect();
        self.pad(&cut, false)
    }

    pub(super) fn integer(&self, number: i64) -> String {
        let digits = match self.kind {
            'x' => format!("{number:x}"),
            'X' => format!("{number:X}"),
            'o' => format!("{number:o}"),
            'u' => (number as u64).to_string(),
            _ => number.unsigned_abs().to_string(),
        };
        let zeros = "0".repeat(self.precision.unwrap_or(0).saturating_sub(digits.len()));
        let is_signed = matches!(self.kind, 'd' | 'i');
        let sign = match number {
            it if it < 0 && is_signed => "-",
            _ if self.flags.contains('+') && is_signed => "+",
            _ if self.flags.contains(' ') && is_signed => " ",
            it if it != 0 && self.flags.contains('#') && self.kind == 'x' => "0x",
            _ => "",
        };
        self.pad(&format!("{sign}{zeros}{digits}"), self.precision.is_none())
    }

    pub(super) fn float(&self, number: f64) -> String {
        let precision = self.precision.unwrap_or(6).min(60);
        let text = match self.kind {
            'f' | 'F' => format!("{number:.precision$}"),
            'e' | 'E' => exponent(number, precision),
            _ => general(number, precision),
        };
        let text = if number >= 0.0 && self.flags.contains('+') {
            format!("+{text}")
        } else {
            text
        };
        let text = if self.kind.is_ascii_uppercase() {
            text.to_uppercase()
        } else {
            text
        };
        self.pad(&text, number.is_finite())
    }
}

fn exponent(number: f64, precision: usize) -> String {
    let text = format!("{number:.precision$e}");
    match text.split_once('e') {
        Some((digits, exponent)) => {
            let (sign, exponent) = match exponent.strip_prefix('-') {
                Some(it) => ('-', it),
                None => ('+', exponent),
            };
            format!("{digits}e{sign}{exponent:0>2}")
        }
        None => text,
    }
}

/// `%g`: the shorter of both forms, without zeros at the end.
pub(super) fn general(number: f64, precision: usize) -> String {
    if number == 0.0 {
        return "0".into();
    }
    if !number.is_finite() {
        let text = if number.is_nan() { "nan" } else { "inf" };
        return if number < 0.0 {
            format!("-{text}")
        } else {
            text.into()
        };
    }
    let precision = precision.max(1);
    let scientific = format!("{number:.*e}", precision - 1);
    let power: i32 = scientific
        .split_once('e')
        .and_then(|it| it.1.parse().ok())
        .unwrap_or(0);
    let limit = i32::try_from(precision).unwrap_or(i32::MAX);
    let strip = |text: &str| match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text.to_owned(),
    };
    if power < -4 || power >= limit {
        let text = exponent(number, precision - 1);
        let (digits, rest) = text.split_once('e').unwrap_or((&text, "+00"));
        return format!("{}e{rest}", strip(digits));
    }
    let n_digits = usize::try_from(limit - 1 - power).unwrap_or(0);
    strip(&format!("{number:.n_digits$}"))
}
