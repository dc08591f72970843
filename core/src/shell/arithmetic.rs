//! Arithmetic of `$((…))`: whole numbers of 64 bits, as in C.
//!
//! POSIX.1-2017 "Shell Command Language" 2.6.4, with `**`, `++` and `--` of bash.
//!
//! **Left out**: numbers to other bases than 8, 10 and 16, and the comma.

use std::collections::BTreeMap;

/// The variables an expression may read and set.
pub(super) struct Variables<'a> {
    pub(super) read: &'a dyn Fn(&str) -> Option<String>,
    pub(super) set: BTreeMap<String, i64>,
}

const MAX_DEPTH: usize = 50;

/// The value of an expression.
pub(super) fn evaluate(text: &str, variables: &mut Variables<'_>) -> Result<i64, String> {
    let tokens = tokens(text)?;
    if tokens.is_empty() {
        return Ok(0);
    }
    let mut reader = Reader {
        tokens: &tokens,
        at: 0,
        variables,
        depth: 0,
        is_live: true,
    };
    let value = reader.ternary()?;
    if reader.at < tokens.len() {
        return Err(format!("arithmetic expression: expecting EOF: \"{text}\""));
    }
    Ok(value)
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Number(i64),
    Name(String),
    Sign(&'static str),
}

const SIGNS: [&str; 37] = [
    "<<=", ">>=", "**", "++", "--", "<<", ">>", "<=", ">=", "==", "!=", "&&", "||", "+=", "-=",
    "*=", "/=", "%=", "&=", "|=", "^=", "+", "-", "*", "/", "%", "(", ")", "<", ">", "!", "~", "&",
    "|", "^", "?", ":",
];

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        if first.is_ascii_digit() {
            let end = rest
                .find(|it: char| !it.is_ascii_alphanumeric())
                .unwrap_or(rest.len());
            let number = &rest[..end];
            let read = match number.strip_prefix("0x").or(number.strip_prefix("0X")) {
                Some(hex) => i64::from_str_radix(hex, 16).ok(),
                None if number.len() > 1 && number.starts_with('0') => {
                    i64::from_str_radix(number, 8).ok()
                }
                None => number.parse().ok(),
            };
            tokens.push(Token::Number(read.ok_or_else(|| {
                format!("arithmetic expression: expecting EOF: \"{text}\"")
            })?));
            rest = &rest[end..];
        } else if first.is_ascii_alphabetic() || first == '_' {
            let end = rest
                .find(|it: char| !(it.is_ascii_alphanumeric() || it == '_'))
                .unwrap_or(rest.len());
            tokens.push(Token::Name(rest[..end].to_owned()));
            rest = &rest[end..];
        } else if let Some(sign) = SIGNS.iter().find(|it| rest.starts_with(**it)) {
            tokens.push(Token::Sign(sign));
            rest = &rest[sign.len()..];
        } else if first == '=' {
            tokens.push(Token::Sign("="));
            rest = &rest[1..];
        } else {
            return Err(format!(
                "arithmetic expression: expecting primary: \"{text}\""
            ));
        }
        rest = rest.trim_start();
    }
    Ok(tokens)
}

struct Reader<'a, 'v> {
    tokens: &'a [Token],
    at: usize,
    variables: &'a mut Variables<'v>,
    depth: usize,
    /// Whether this part counts, or only has to be read over: the branch of `?:` or `&&` not taken.
    is_live: bool,
}

/// Operators of two sides, those that bind weakest first.
const LEVELS: [&[&str]; 10] = [
    &["||"],
    &["&&"],
    &["|"],
    &["^"],
    &["&"],
    &["==", "!="],
    &["<", "<=", ">", ">="],
    &["<<", ">>"],
    &["+", "-"],
    &["*", "/", "%"],
];

impl Reader<'_, '_> {
    fn takes(&mut self, sign: &str) -> bool {
        let is_here = matches!(self.tokens.get(self.at), Some(Token::Sign(it)) if *it == sign);
        self.at += usize::from(is_here);
        is_here
    }

    fn ternary(&mut self) -> Result<i64, String> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err("arithmetic expression: nested too deep".into());
        }
        if let Some(value) = self.assignment()? {
            self.depth -= 1;
            return Ok(value);
        }
        let condition = self.binary(0)?;
        let mut value = condition;
        if self.takes("?") {
            let was_live = self.is_live;
            self.is_live = was_live && condition != 0;
            let yes = self.ternary()?;
            if !self.takes(":") {
                return Err("arithmetic expression: expecting ':'".into());
            }
            self.is_live = was_live && condition == 0;
            let no = self.ternary()?;
            self.is_live = was_live;
            value = if condition != 0 { yes } else { no };
        }
        self.depth -= 1;
        Ok(value)
    }

    /// `NAME = …`, `NAME += …`
    fn assignment(&mut self) -> Result<Option<i64>, String> {
        let (Some(Token::Name(name)), Some(Token::Sign(sign))) =
            (self.tokens.get(self.at), self.tokens.get(self.at + 1))
        else {
            return Ok(None);
        };
        let operator = match *sign {
            "=" => "",
            "+=" | "-=" | "*=" | "/=" | "%=" | "&=" | "|=" | "^=" | "<<=" | ">>=" => {
                &sign[..sign.len() - 1]
            }
            _ => return Ok(None),
        };
        self.at += 2;
        let right = self.ternary()?;
        let value = match operator {
            "" => right,
            _ => self.apply(operator, self.variable(name)?, right)?,
        };
        self.assign(name, value);
        Ok(Some(value))
    }

    fn assign(&mut self, name: &str, value: i64) {
        if self.is_live {
            self.variables.set.insert(name.to_owned(), value);
        }
    }

    fn variable(&self, name: &str) -> Result<i64, String> {
        if let Some(it) = self.variables.set.get(name) {
            return Ok(*it);
        }
        let text = (self.variables.read)(name).unwrap_or_default();
        let text = text.trim();
        if text.is_empty() {
            return Ok(0);
        }
        match tokens(text)?.as_slice() {
            [Token::Number(it)] => Ok(*it),
            [Token::Sign("-"), Token::Number(it)] => Ok(it.wrapping_neg()),
            [Token::Sign("+"), Token::Number(it)] => Ok(*it),
            _ => Err(format!("Illegal number: {text}")),
        }
    }

    fn binary(&mut self, level: usize) -> Result<i64, String> {
        let Some(signs) = LEVELS.get(level) else {
            return self.power();
        };
        let mut left = self.binary(level + 1)?;
        while let Some(sign) = signs.iter().find(|it| self.takes(it)) {
            let was_live = self.is_live;
            match *sign {
                "||" => self.is_live = was_live && left == 0,
                "&&" => self.is_live = was_live && left != 0,
                _ => {}
            }
            let right = self.binary(level + 1)?;
            left = self.apply(sign, left, right)?;
            self.is_live = was_live;
        }
        Ok(left)
    }

    fn power(&mut self) -> Result<i64, String> {
        let base = self.unary()?;
        if !self.takes("**") {
            return Ok(base);
        }
        let exponent = self.power()?;
        match u32::try_from(exponent) {
            Ok(it) => Ok(base.wrapping_pow(it)),
            Err(_) => Err("arithmetic expression: exponent less than 0".into()),
        }
    }

    fn apply(&self, sign: &str, left: i64, right: i64) -> Result<i64, String> {
        let shift = (right & 63) as u32;
        Ok(match sign {
            "||" => i64::from(left != 0 || right != 0),
            "&&" => i64::from(left != 0 && right != 0),
            "|" => left | right,
            "^" => left ^ right,
            "&" => left & right,
            "==" => i64::from(left == right),
            "!=" => i64::from(left != right),
            "<" => i64::from(left < right),
            "<=" => i64::from(left <= right),
            ">" => i64::from(left > right),
            ">=" => i64::from(left >= right),
            "<<" => left.wrapping_shl(shift),
            ">>" => left.wrapping_shr(shift),
            "+" => left.wrapping_add(right),
            "-" => left.wrapping_sub(right),
            "*" => left.wrapping_mul(right),
            _ if right == 0 && !self.is_live => 0,
            _ if right == 0 => return Err("arithmetic expression: division by zero".into()),
            "/" => left.wrapping_div(right),
            _ => left.wrapping_rem(right),
        })
    }

    fn unary(&mut self) -> Result<i64, String> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err("arithmetic expression: nested too deep".into());
        }
        let value = if self.takes("-") {
            self.unary()?.wrapping_neg()
        } else if self.takes("+") {
            self.unary()?
        } else if self.takes("!") {
            i64::from(self.unary()? == 0)
        } else if self.takes("~") {
            !self.unary()?
        } else if self.takes("++") {
            self.step(1)?
        } else if self.takes("--") {
            self.step(-1)?
        } else {
            self.primary()?
        };
        self.depth -= 1;
        Ok(value)
    }

    /// `++x`
    fn step(&mut self, by: i64) -> Result<i64, String> {
        let Some(Token::Name(name)) = self.tokens.get(self.at) else {
            return Err("arithmetic expression: expecting primary".into());
        };
        self.at += 1;
        let value = self.variable(name)?.wrapping_add(by);
        self.assign(name, value);
        Ok(value)
    }

    fn primary(&mut self) -> Result<i64, String> {
        match self.tokens.get(self.at) {
            Some(Token::Number(it)) => {
                self.at += 1;
                Ok(*it)
            }
            Some(Token::Name(name)) => {
                self.at += 1;
                let value = self.variable(name)?;
                if self.takes("++") {
                    self.assign(name, value.wrapping_add(1));
                } else if self.takes("--") {
                    self.assign(name, value.wrapping_sub(1));
                }
                Ok(value)
            }
            Some(Token::Sign("(")) => {
                self.at += 1;
                let value = self.ternary()?;
                if !self.takes(")") {
                    return Err("arithmetic expression: expecting ')'".into());
                }
                Ok(value)
            }
            _ => Err("arithmetic expression: expecting primary".into()),
        }
    }
}
