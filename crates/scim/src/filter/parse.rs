//! Reads filters by recursive descent, within limits.

use serde_json::Number;

use super::{Filter, Literal, MAX_FILTER_DEPTH, MAX_FILTER_LENGTH, MAX_FILTER_TERMS, Operator};
use crate::path::AttributePath;
use crate::syntax::{Cursor, Parsed, SyntaxError, attribute_name, attribute_path, shorten};

/// Reads a whole text as a filter.
pub(super) fn filter(text: &str) -> Parsed<Filter> {
    if text.len() > MAX_FILTER_LENGTH {
        let message = format!("the filter has {} octets; at most {MAX_FILTER_LENGTH} are read", text.len());
        return Err(SyntaxError::new(MAX_FILTER_LENGTH, message));
    }
    let mut cursor = Cursor::new(text);
    let filter = Parser { cursor: &mut cursor, terms: 0, depth: 0, in_brackets: false }.any()?;
    if cursor.is_at_end() {
        Ok(filter)
    } else {
        Err(cursor.error(format!("expected \"and\", \"or\" or the end, found {}", cursor.here())))
    }
}

/// Reads the filter after an opening bracket and steps over the closing one.
pub(crate) fn values(cursor: &mut Cursor<'_>) -> Parsed<Filter> {
    let filter = Parser { cursor, terms: 0, depth: 0, in_brackets: true }.any()?;
    close_bracket(cursor)?;
    Ok(filter)
}

fn close_bracket(cursor: &mut Cursor<'_>) -> Parsed<()> {
    if cursor.take(']') {
        return Ok(());
    }
    Err(cursor.error(format!("expected \"and\", \"or\" or \"]\", found {}", cursor.here())))
}

struct Parser<'a, 'b> {
    cursor: &'b mut Cursor<'a>,
    terms: usize,
    depth: usize,
    in_brackets: bool,
}

impl Parser<'_, '_> {
    /// One or more conjunctions with `or` between. Leaves the cursor at the first thing that is no part of it.
    fn any(&mut self) -> Parsed<Filter> {
        let mut filters = vec![self.all()?];
        while self.take_keyword("or") {
            filters.push(self.all()?);
        }
        Ok(one_or(filters, Filter::Or))
    }

    fn all(&mut self) -> Parsed<Filter> {
        let mut filters = vec![self.term()?];
        while self.take_keyword("and") {
            filters.push(self.term()?);
        }
        Ok(one_or(filters, Filter::And))
    }

    fn take_keyword(&mut self, keyword: &str) -> bool {
        self.cursor.skip_spaces();
        let found = self.cursor.peek_word().eq_ignore_ascii_case(keyword);
        if found {
            self.cursor.take_word();
        }
        found
    }

    fn term(&mut self) -> Parsed<Filter> {
        self.cursor.skip_spaces();
        let offset = self.cursor.offset();
        if self.cursor.take('(') {
            return self.group(offset);
        }
        let word = self.cursor.take_word();
        if word.eq_ignore_ascii_case("not") {
            self.cursor.skip_spaces();
            let at = self.cursor.offset();
            if self.cursor.take('(') {
                return Ok(Filter::Not(Box::new(self.group(at)?)));
            }
            return Err(self.cursor.error("expected \"(\" after \"not\""));
        }
        let path = attribute_path(word, offset)?;
        if self.cursor.take('[') {
            return self.bracket(path, offset);
        }
        self.comparison(path)
    }

    /// What follows an opening parenthesis.
    fn group(&mut self, offset: usize) -> Parsed<Filter> {
        self.descend(offset)?;
        let filter = self.any()?;
        self.depth -= 1;
        if self.cursor.take(')') {
            return Ok(filter);
        }
        Err(self.cursor.error(format!("expected \"and\", \"or\" or \")\", found {}", self.cursor.here())))
    }

    /// What follows an opening bracket. Entra and others also write `emails[type eq "work"].value eq "x"`, which
    /// means `emails[type eq "work" and value eq "x"]`.
    fn bracket(&mut self, path: AttributePath, offset: usize) -> Parsed<Filter> {
        if self.in_brackets {
            return Err(SyntaxError::new(offset, "brackets inside brackets are not possible"));
        }
        if path.sub_attribute.is_some() {
            return Err(SyntaxError::new(offset, "brackets follow an attribute, not a sub-attribute"));
        }
        self.descend(offset)?;
        self.in_brackets = true;
        let mut inner = self.any()?;
        self.in_brackets = false;
        self.depth -= 1;
        close_bracket(self.cursor)?;
        if self.cursor.take('.') {
            let at = self.cursor.offset();
            let name = self.cursor.take_word();
            attribute_name(name, at)?;
            let comparison = self.comparison(AttributePath::new(name))?;
            inner = match inner {
                Filter::And(mut all) => {
                    all.push(comparison);
                    Filter::And(all)
                }
                other => Filter::And(vec![other, comparison]),
            };
        }
        Ok(Filter::Values(path, Box::new(inner)))
    }

    fn descend(&mut self, offset: usize) -> Parsed<()> {
        self.depth += 1;
        if self.depth <= MAX_FILTER_DEPTH {
            return Ok(());
        }
        let message = format!("parentheses stand more than {MAX_FILTER_DEPTH} deep");
        Err(SyntaxError::new(offset, message))
    }

    /// The operator, and the value where the operator takes one.
    fn comparison(&mut self, path: AttributePath) -> Parsed<Filter> {
        self.terms += 1;
        if self.terms > MAX_FILTER_TERMS {
            return Err(self.cursor.error(format!("more than {MAX_FILTER_TERMS} comparisons")));
        }
        self.cursor.skip_spaces();
        let offset = self.cursor.offset();
        let word = self.cursor.take_word();
        if word.eq_ignore_ascii_case("pr") {
            return Ok(Filter::Present(path));
        }
        let Some(operator) = Operator::named(word) else {
            let found =
                if word.is_empty() { self.cursor.here() } else { format!("\"{}\"", shorten(word, 20)) };
            return Err(SyntaxError::new(
                offset,
                format!("expected an operator (eq, ne, co, sw, ew, pr, gt, ge, lt, le), found {found}"),
            ));
        };
        let literal = self.literal(operator)?;
        Ok(Filter::Compare(path, operator, literal))
    }

    fn literal(&mut self, operator: Operator) -> Parsed<Literal> {
        self.cursor.skip_spaces();
        if self.cursor.rest().starts_with('"') {
            return Ok(Literal::Text(self.cursor.take_string()?));
        }
        let offset = self.cursor.offset();
        let word = self.cursor.take_word();
        let literal = match word {
            "" => {
                let message =
                    format!("expected a value after \"{}\", found {}", operator.as_str(), self.cursor.here());
                return Err(SyntaxError::new(offset, message));
            }
            _ if word.eq_ignore_ascii_case("true") => Literal::Boolean(true),
            _ if word.eq_ignore_ascii_case("false") => Literal::Boolean(false),
            _ if word.eq_ignore_ascii_case("null") => Literal::Null,
            _ => Literal::Number(number(word).ok_or_else(|| {
                let message =
                    format!("\"{}\" is no value; a text stands in double quotes", shorten(word, 40));
                SyntaxError::new(offset, message)
            })?),
        };
        Ok(literal)
    }
}

/// Reads a JSON number, exactly where it is whole.
fn number(word: &str) -> Option<Number> {
    if !word.starts_with(|c: char| c == '-' || c.is_ascii_digit()) {
        return None;
    }
    // The JSON grammar is checked by the JSON reader, the fraction is read with full precision here.
    serde_json::from_str::<Number>(word).ok()?;
    if let Ok(whole) = word.parse::<i64>() {
        return Some(whole.into());
    }
    if let Ok(whole) = word.parse::<u64>() {
        return Some(whole.into());
    }
    Number::from_f64(word.parse().ok()?)
}

fn one_or(mut filters: Vec<Filter>, several: fn(Vec<Filter>) -> Filter) -> Filter {
    match filters.pop() {
        Some(only) if filters.is_empty() => only,
        Some(last) => {
            filters.push(last);
            several(filters)
        }
        None => several(filters),
    }
}
