//! Reads a filter. Precedence, from loose to tight: `or`, `and`, `not`, comparisons.

use std::fmt;

use model::{Timestamp, Uuid};

use super::lexer::{Placed, Token, tokens};
use super::{Expr, Literal, Operator, Path, Quantifier, TextFunction};

/// The longest filter, in octets.
pub const MAX_LENGTH: usize = 16 * 1024;
/// How deep parentheses, `not` and lambdas may nest.
pub const MAX_DEPTH: usize = 24;
/// How many comparisons and values of `in` a filter may have.
pub const MAX_TERMS: usize = 512;
/// How many names a path may have.
const MAX_NAMES: usize = 8;

/// A filter that cannot be read, or not be applied to its resource type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterError {
    /// Where, in characters from the beginning, counted from 0.
    pub offset: usize,
    /// What is wrong and what would be right.
    pub message: String,
}

impl FilterError {
    /// An error at an octet of the text.
    pub(super) fn at(text: &str, octet: usize, message: String) -> Self {
        Self { offset: text.get(..octet).map_or(0, |before| before.chars().count()), message }
    }
}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at position {}: {}", self.offset, self.message)
    }
}

impl std::error::Error for FilterError {}

pub(super) fn parse(text: &str) -> Result<Expr, FilterError> {
    if text.len() > MAX_LENGTH {
        return Err(FilterError {
            offset: 0,
            message: format!("the filter is longer than {MAX_LENGTH} octets"),
        });
    }
    let mut parser = Parser { text, tokens: tokens(text)?, at: 0, depth: 0, terms: 0 };
    let expression = parser.disjunction()?;
    match parser.peek() {
        Token::End => Ok(expression),
        other => {
            let message = format!("expected 'and', 'or' or the end, found {}", other.describe());
            Err(parser.error(message))
        }
    }
}

struct Parser<'a> {
    text: &'a str,
    tokens: Vec<Placed<'a>>,
    at: usize,
    depth: usize,
    terms: usize,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> &Token<'a> {
        self.tokens.get(self.at).map_or(&Token::End, |(_, token, _)| token)
    }

    fn peek_second(&self) -> &Token<'a> {
        self.tokens.get(self.at + 1).map_or(&Token::End, |(_, token, _)| token)
    }

    fn next(&mut self) -> Token<'a> {
        let token = self.peek().clone();
        self.at += 1;
        token
    }

    /// An error at the token that is next.
    fn error(&self, message: String) -> FilterError {
        let octet = self.tokens.get(self.at).map_or(self.text.len(), |(begin, ..)| *begin);
        FilterError::at(self.text, octet, message)
    }

    fn expect(&mut self, token: &Token<'_>, place: &str) -> Result<(), FilterError> {
        if self.peek() == token {
            self.at += 1;
            return Ok(());
        }
        Err(self.error(format!("expected {} {place}, found {}", token.describe(), self.peek().describe())))
    }

    fn keyword(&mut self, word: &str) -> bool {
        let found = matches!(self.peek(), Token::Word(next) if next.eq_ignore_ascii_case(word));
        if found {
            self.at += 1;
        }
        found
    }

    fn deeper<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, FilterError>,
    ) -> Result<T, FilterError> {
        if self.depth == MAX_DEPTH {
            return Err(self.error(format!("the filter nests deeper than {MAX_DEPTH} levels")));
        }
        self.depth += 1;
        let result = read(self);
        self.depth -= 1;
        result
    }

    fn term(&mut self) -> Result<(), FilterError> {
        self.terms += 1;
        if self.terms > MAX_TERMS {
            return Err(self.error(format!("the filter has more than {MAX_TERMS} terms")));
        }
        Ok(())
    }

    fn disjunction(&mut self) -> Result<Expr, FilterError> {
        let mut members = vec![self.conjunction()?];
        while self.keyword("or") {
            members.push(self.conjunction()?);
        }
        Expr::or(members).ok_or_else(|| self.error("expected a condition".to_owned()))
    }

    fn conjunction(&mut self) -> Result<Expr, FilterError> {
        let mut members = vec![self.negation()?];
        while self.keyword("and") {
            members.push(self.negation()?);
        }
        Expr::and(members).ok_or_else(|| self.error("expected a condition".to_owned()))
    }

    fn negation(&mut self) -> Result<Expr, FilterError> {
        // `not` may also be the name of a property; then an operator follows.
        let operator_follows = matches!(
            self.peek_second(),
            Token::Word(word) if Operator::from_keyword(word).is_some() || word.eq_ignore_ascii_case("in")
        );
        if !operator_follows && self.keyword("not") {
            // One level, whether parentheses follow or not: so an expression never prints deeper than it was read.
            return self.deeper(|parser| {
                let inner =
                    if matches!(parser.peek(), Token::Open) { parser.group() } else { parser.negation() };
                Ok(Expr::Not(Box::new(inner?)))
            });
        }
        self.primary()
    }

    fn group(&mut self) -> Result<Expr, FilterError> {
        self.expect(&Token::Open, "to begin the group")?;
        let inner = self.disjunction()?;
        self.expect(&Token::Close, "to end the group")?;
        self.truth(inner)
    }

    fn primary(&mut self) -> Result<Expr, FilterError> {
        match self.peek() {
            Token::Open => self.deeper(Self::group),
            Token::Word(word) if matches!(self.peek_second(), Token::Open) && !is_literal(word) => {
                let call = self.call()?;
                self.truth(call)
            }
            Token::Word(word) if !is_literal(word) => self.condition(),
            Token::Word(_) | Token::Text(_) => self.mirrored(),
            other => {
                let message = format!("expected a property or a condition, found {}", other.describe());
                Err(self.error(message))
            }
        }
    }

    /// A condition may be followed by `eq true` and the like, which older clients write.
    fn truth(&mut self, condition: Expr) -> Result<Expr, FilterError> {
        let equal = match self.peek() {
            Token::Word(word) => match Operator::from_keyword(word) {
                Some(Operator::Equal) => true,
                Some(Operator::NotEqual) => false,
                _ => return Ok(condition),
            },
            _ => return Ok(condition),
        };
        self.at += 1;
        match self.literal()? {
            Literal::Boolean(truth) if truth == equal => Ok(condition),
            Literal::Boolean(_) => Ok(Expr::Not(Box::new(condition))),
            _ => {
                self.at -= 1;
                Err(self.error("a condition can only be compared with true or false".to_owned()))
            }
        }
    }

    fn call(&mut self) -> Result<Expr, FilterError> {
        let Token::Word(name) = *self.peek() else {
            return Err(self.error("expected a function".to_owned()));
        };
        let Some(function) = TextFunction::from_name(name) else {
            let advice = match name.to_ascii_lowercase().as_str() {
                "tolower" | "toupper" => "; comparisons disregard case without it",
                "substringof" => "; use contains(property,'text')",
                _ => "; use startswith, endswith or contains",
            };
            return Err(self.error(format!("the function '{name}' is not supported{advice}")));
        };
        self.at += 1;
        self.term()?;
        self.expect(&Token::Open, "after the function")?;
        let path = self.path()?;
        self.expect(&Token::Comma, "between property and text")?;
        let Token::Text(value) = self.next() else {
            self.at -= 1;
            return Err(self.error(format!("{} compares with a text between single quotes", function.name())));
        };
        self.expect(&Token::Close, "to end the function")?;
        Ok(Expr::Text { function, path, value })
    }

    /// A condition that begins with a property.
    fn condition(&mut self) -> Result<Expr, FilterError> {
        self.term()?;
        let path = self.path()?;
        if matches!(self.peek(), Token::Slash) {
            return self.lambda(path);
        }
        let Token::Word(word) = *self.peek() else { return Ok(Expr::True(path)) };
        if word.eq_ignore_ascii_case("in") {
            self.at += 1;
            return Ok(Expr::In { path, values: self.values()? });
        }
        match Operator::from_keyword(word) {
            Some(operator) => {
                self.at += 1;
                Ok(Expr::Compare { path, operator, value: self.literal()? })
            }
            None if word.eq_ignore_ascii_case("and") || word.eq_ignore_ascii_case("or") => {
                Ok(Expr::True(path))
            }
            None => {
                Err(self.error(format!("'{word}' is no operator; use eq, ne, gt, ge, lt, le, in, and, or")))
            }
        }
    }

    /// A comparison that has the literal at its left.
    fn mirrored(&mut self) -> Result<Expr, FilterError> {
        self.term()?;
        let value = self.literal()?;
        let Token::Word(word) = *self.peek() else {
            return Err(self.error("a literal alone is no condition; compare it with a property".to_owned()));
        };
        let Some(operator) = Operator::from_keyword(word) else {
            return Err(self.error(format!("'{word}' is no operator; use eq, ne, gt, ge, lt or le")));
        };
        self.at += 1;
        let path = self.path()?;
        Ok(Expr::Compare { path, operator: operator.mirrored(), value })
    }

    /// Names up to the end, or up to the slash before `any` and `all`.
    fn path(&mut self) -> Result<Path, FilterError> {
        let mut names = Vec::new();
        loop {
            match self.peek() {
                Token::Word(word) if is_name(word) || *word == "$count" => names.push(*word),
                other => {
                    let message = format!("expected the name of a property, found {}", other.describe());
                    return Err(self.error(message));
                }
            }
            self.at += 1;
            if names.len() > MAX_NAMES {
                return Err(self.error(format!("the path has more than {MAX_NAMES} names")));
            }
            if !matches!(self.peek(), Token::Slash) || self.lambda_follows() {
                break;
            }
            if names.last() == Some(&"$count") {
                return Err(self.error("nothing can follow $count".to_owned()));
            }
            self.at += 1;
        }
        Path::new(names).ok_or_else(|| self.error("expected the name of a property".to_owned()))
    }

    fn lambda_follows(&self) -> bool {
        let word = self.tokens.get(self.at + 1).map(|(_, token, _)| token);
        let open = self.tokens.get(self.at + 2).map(|(_, token, _)| token);
        matches!((word, open), (Some(Token::Word(word)), Some(Token::Open)) if quantifier(word).is_some())
    }

    fn lambda(&mut self, path: Path) -> Result<Expr, FilterError> {
        self.expect(&Token::Slash, "before the quantifier")?;
        let Token::Word(word) = self.next() else { return Err(self.error("expected any or all".to_owned())) };
        let Some(quantifier) = quantifier(word) else {
            return Err(self.error("expected any or all".to_owned()));
        };
        self.expect(&Token::Open, "after the quantifier")?;
        if quantifier == Quantifier::Any && matches!(self.peek(), Token::Close) {
            self.at += 1;
            return Ok(Expr::Lambda { path, quantifier, variable: "".into(), condition: None });
        }
        let variable = match *self.peek() {
            Token::Word(word) if is_name(word) && !is_literal(word) => word,
            ref other => {
                let message = format!("expected a variable such as x, found {}", other.describe());
                return Err(self.error(message));
            }
        };
        self.at += 1;
        self.expect(&Token::Colon, "after the variable")?;
        let condition = self.deeper(Self::disjunction)?;
        self.expect(&Token::Close, "to end the condition")?;
        Ok(Expr::Lambda { path, quantifier, variable: variable.into(), condition: Some(Box::new(condition)) })
    }

    fn values(&mut self) -> Result<Vec<Literal>, FilterError> {
        self.expect(&Token::Open, "after 'in'")?;
        let mut values = Vec::new();
        loop {
            self.term()?;
            values.push(self.literal()?);
            if matches!(self.peek(), Token::Comma) {
                self.at += 1;
            } else {
                self.expect(&Token::Close, "or ',' after a value")?;
                return Ok(values);
            }
        }
    }

    fn literal(&mut self) -> Result<Literal, FilterError> {
        let here = self.at;
        let literal = match self.next() {
            Token::Text(text) => Some(Literal::Text(text)),
            Token::Word(word) => match (self.tokens.get(here), self.tokens.get(self.at)) {
                // A type name right before a text, such as guid'…'.
                (Some((_, _, end)), Some((begin, Token::Text(text), _))) if end == begin => {
                    let literal = typed(word, text);
                    self.at += 1;
                    literal
                }
                _ => bare(word),
            },
            _ => None,
        };
        literal.ok_or_else(|| {
            self.at = here;
            self.error(format!(
                "expected a value, found {}; texts stand between single quotes",
                self.peek().describe()
            ))
        })
    }
}

fn quantifier(word: &str) -> Option<Quantifier> {
    if word.eq_ignore_ascii_case("any") {
        Some(Quantifier::Any)
    } else if word.eq_ignore_ascii_case("all") {
        Some(Quantifier::All)
    } else {
        None
    }
}

fn is_name(word: &str) -> bool {
    word.starts_with(|first: char| first.is_alphabetic() || first == '_')
        && word.chars().all(|character| character.is_alphanumeric() || matches!(character, '_' | '.'))
}

fn is_literal(word: &str) -> bool {
    bare(word).is_some()
}

/// A literal without quotes.
fn bare(word: &str) -> Option<Literal> {
    if word.eq_ignore_ascii_case("null") {
        return Some(Literal::Null);
    }
    if word.eq_ignore_ascii_case("true") || word.eq_ignore_ascii_case("false") {
        return Some(Literal::Boolean(word.eq_ignore_ascii_case("true")));
    }
    if word.len() == 36
        && word.contains('-')
        && let Ok(guid) = word.parse::<Uuid>()
    {
        return Some(Literal::Guid(guid));
    }
    if !word.starts_with(|first: char| first.is_ascii_digit() || first == '-') {
        return None;
    }
    if let Ok(number) = word.parse::<i64>() {
        return Some(Literal::Integer(number));
    }
    if let Ok(number) = word.parse::<f64>() {
        return number.is_finite().then_some(Literal::Decimal(number));
    }
    moment(word).map(Literal::DateTime)
}

/// A literal whose type is named before its text.
fn typed(kind: &str, text: &str) -> Option<Literal> {
    match kind.to_ascii_lowercase().as_str() {
        "guid" => text.parse().ok().map(Literal::Guid),
        "datetime" | "datetimeoffset" => moment(text).map(Literal::DateTime),
        // Durations and members of enumerations are texts in resources.
        _ if is_name(kind) => Some(Literal::Text(text.to_owned())),
        _ => None,
    }
}

/// A moment, or the midnight of a date.
fn moment(text: &str) -> Option<Timestamp> {
    match text.parse::<Timestamp>() {
        Ok(moment) => Some(moment),
        Err(_) if text.len() == "2026-01-31".len() => format!("{text}T00:00:00Z").parse().ok(),
        Err(_) => None,
    }
}
