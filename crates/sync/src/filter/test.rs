//! What a clause asks of one value, its operands read once.

use std::cmp::Ordering;

use expression::BoundedRegex;
use model::schema::AttributeType;
use model::{Timestamp, Value};

use super::operator::Operator;
use crate::typed;

/// What a clause asks of one value that is not null.
#[derive(Debug)]
pub(super) enum Test {
    /// It is there.
    Present,
    /// It is this truth.
    Truth(bool),
    /// It is one of these.
    Equals(Vec<Operand>),
    /// It matches one of these patterns.
    Pattern(Vec<(String, BoundedRegex)>),
    /// It is greater than one of these, or equal where that is enough.
    Greater(Vec<Operand>, bool),
    /// One of these texts is in it.
    Includes(Vec<String>),
    /// It ends with one of these texts.
    EndsWith(Vec<String>),
    /// A number that has one of the bits of one of these numbers set; a text that is in one of these texts.
    Intersects(Vec<Operand>),
}

/// A value to compare with, in every form that it can be read in.
#[derive(Debug)]
pub(super) struct Operand {
    text: String,
    number: Option<f64>,
    integer: Option<i64>,
    moment: Option<Timestamp>,
    truth: Option<bool>,
}

impl Operand {
    fn of(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            number: number(text),
            integer: text.trim().parse().ok(),
            moment: expression::moment(text),
            truth: Value::from(text.trim()).as_boolean(),
        }
    }

    fn equals(&self, value: &Value) -> bool {
        match value {
            Value::Text(text) => *text == self.text,
            Value::Integer(number) => self.integer == Some(*number),
            Value::Boolean(truth) => self.truth == Some(*truth),
            Value::DateTime(moment) => self.moment == Some(*moment),
            Value::Reference(anchor) => anchor.as_str() == self.text,
            other => other.to_string() == self.text,
        }
    }

    /// How a value stands to the operand; none where the two cannot be compared. A text is compared as a number or a
    /// moment where the operand is one, else by its characters.
    fn order(&self, value: &Value) -> Option<Ordering> {
        match value {
            Value::Integer(number) => match self.integer {
                Some(integer) => Some(number.cmp(&integer)),
                #[expect(
                    clippy::cast_precision_loss,
                    reason = "the operand is no whole number, or a huge one"
                )]
                None => (*number as f64).partial_cmp(&self.number?),
            },
            Value::DateTime(moment) => Some(moment.cmp(&self.moment?)),
            Value::Text(text) => match (self.number, self.moment) {
                (Some(operand), _) => number(text)?.partial_cmp(&operand),
                (None, Some(operand)) => Some(expression::moment(text)?.cmp(&operand)),
                (None, None) => Some(text.as_str().cmp(&self.text)),
            },
            _ => None,
        }
    }

    fn intersects(&self, value: &Value) -> bool {
        match value {
            Value::Integer(number) => self.integer.is_some_and(|bits| number & bits != 0),
            other => with_text(other, |text| self.text.contains(text)),
        }
    }
}

impl Test {
    /// What an operator asks with these operands; what is wrong with them where nothing could ever satisfy it.
    pub(super) fn new(operator: Operator, kind: AttributeType, texts: &[String]) -> Result<Self, String> {
        let operands = || texts.iter().map(|text| Operand::of(text)).collect::<Vec<_>>();
        match operator {
            Operator::IsNull | Operator::IsNotNull | Operator::IsMemberOf => Ok(Self::Present),
            Operator::IsTrue => Ok(Self::Truth(true)),
            Operator::IsFalse => Ok(Self::Truth(false)),
            Operator::Equals | Operator::NotEquals | Operator::In => Ok(Self::Equals(operands())),
            Operator::RegexMatch | Operator::NotRegexMatch => patterns(texts).map(Self::Pattern),
            Operator::Includes => Ok(Self::Includes(texts.to_vec())),
            Operator::EndsWith => Ok(Self::EndsWith(texts.to_vec())),
            Operator::GreaterThan | Operator::GreaterThanOrEquals => {
                let (readable, wanted): (fn(&Operand) -> bool, _) = match kind {
                    AttributeType::Integer => (|one| one.number.is_some(), "a number"),
                    AttributeType::DateTime => (|one| one.moment.is_some(), "a date such as 2024-12-31"),
                    AttributeType::String => (|_| true, ""),
                    _ => return Err(format!("{kind:?} attributes have no order")),
                };
                let operands = each(operands(), readable, wanted)?;
                Ok(Self::Greater(operands, operator == Operator::GreaterThanOrEquals))
            }
            Operator::Intersects | Operator::NotIntersects => {
                let (readable, wanted): (fn(&Operand) -> bool, _) = match kind {
                    AttributeType::Integer => (|one| one.integer.is_some(), "a whole number"),
                    AttributeType::String => (|_| true, ""),
                    _ => return Err("only the bits of an integer and the text of a string are tested".into()),
                };
                Ok(Self::Intersects(each(operands(), readable, wanted)?))
            }
        }
    }

    /// True where a value satisfies it; the pattern that gave up on the value, with why, where one did.
    pub(super) fn holds(&self, kind: AttributeType, value: &Value) -> Result<bool, String> {
        let value = &*typed::comparable(kind, value);
        Ok(match self {
            Self::Present => true,
            Self::Truth(truth) => value.as_boolean() == Some(*truth),
            Self::Equals(operands) => operands.iter().any(|operand| operand.equals(value)),
            Self::Greater(operands, or_equal) => operands.iter().any(|operand| {
                operand.order(value).is_some_and(|order| order.is_gt() || (*or_equal && order.is_eq()))
            }),
            Self::Includes(texts) => {
                with_text(value, |value| texts.iter().any(|text| value.contains(text.as_str())))
            }
            Self::EndsWith(texts) => {
                with_text(value, |value| texts.iter().any(|text| value.ends_with(text.as_str())))
            }
            Self::Intersects(operands) => operands.iter().any(|operand| operand.intersects(value)),
            Self::Pattern(patterns) => {
                for (text, regex) in patterns {
                    let matched = with_text(value, |value| regex.is_match(value));
                    if matched.map_err(|error| format!("pattern '{text}' gave up: {error}"))? {
                        return Ok(true);
                    }
                }
                false
            }
        })
    }
}

fn patterns(texts: &[String]) -> Result<Vec<(String, BoundedRegex)>, String> {
    let compiled = texts.iter().map(|text| match BoundedRegex::new(text) {
        Ok(regex) => Ok((text.clone(), regex)),
        Err(error) => Err(format!("the pattern '{text}' cannot be used: {error}")),
    });
    compiled.collect()
}

/// The operands, each of which must be readable.
fn each(
    operands: Vec<Operand>,
    readable: fn(&Operand) -> bool,
    wanted: &str,
) -> Result<Vec<Operand>, String> {
    match operands.iter().find(|operand| !readable(operand)) {
        Some(wrong) => Err(format!("'{}' is not {wanted}", wrong.text)),
        None => Ok(operands),
    }
}

/// The number that a text is: digits, with a sign and a fraction where it has them.
fn number(text: &str) -> Option<f64> {
    let text = text.trim();
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let is_number = !digits.is_empty()
        && digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
        && digits.starts_with(|first: char| first.is_ascii_digit());
    if is_number { text.parse().ok() } else { None }
}

fn with_text<R>(value: &Value, test: impl FnOnce(&str) -> R) -> R {
    match value {
        Value::Text(text) => test(text),
        Value::Reference(anchor) => test(anchor.as_str()),
        other => test(&other.to_string()),
    }
}
