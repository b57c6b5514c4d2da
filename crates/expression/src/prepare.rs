//! What is made ready once, when an expression is compiled: patterns, formats and the like.

use crate::case::Culture;
use crate::date::{Interval, Pattern, Styles};
use crate::evaluate::Code;
use crate::functions::regex::Replacing;
use model::Value;

/// What a call has ready before it is evaluated.
#[derive(Debug)]
pub(crate) enum Prepared {
    /// Nothing to prepare.
    Nothing,
    /// A constant argument cannot work; the reason.
    Broken(String),
    /// The culture of `ToLower` and `ToUpper`.
    Culture(Culture),
    /// The interval of `DateAdd` and `DateDiff`.
    Interval(Interval),
    /// The formats of `FormatDateTime`.
    DateFormats(Box<DateFormats>),
    /// The mode and the pattern of `Replace`.
    Replacing(Box<Replacing>),
}

/// The formats of a call that are constant.
#[derive(Debug)]
pub(crate) struct DateFormats {
    pub(crate) styles: Option<Styles>,
    pub(crate) input: Option<Pattern>,
    pub(crate) output: Option<Pattern>,
}

impl Prepared {
    /// For functions that prepare nothing.
    #[expect(clippy::unnecessary_wraps, reason = "the shape that the function table asks for")]
    pub(crate) fn nothing(_: &Arguments<'_>) -> Result<Self, Unprepared> {
        Ok(Self::Nothing)
    }
}

/// A constant argument that cannot work.
#[derive(Debug)]
pub(crate) struct Unprepared {
    /// The argument, counted from 0; None blames the whole call.
    pub(crate) argument: Option<usize>,
    /// What is wrong with it.
    pub(crate) message: String,
}

/// The compiled arguments of a call.
pub(crate) struct Arguments<'p>(pub(crate) &'p [Option<Code>]);

/// What is known of an argument before an object is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Known {
    /// It is omitted.
    Omitted,
    /// It is this text.
    Text(String),
    /// It depends on the object, or has no text form.
    Later,
}

impl Arguments<'_> {
    /// What is known of an argument, counted from 0.
    pub(crate) fn text(&self, position: usize) -> Known {
        match self.0.get(position) {
            None | Some(None) => Known::Omitted,
            Some(Some(Code::Constant(value))) => match value.single() {
                Some(Value::Null) | None => Known::Later,
                Some(one) => Known::Text(one.to_string()),
            },
            Some(Some(_)) => Known::Later,
        }
    }

    /// Whether an argument is known to be an empty text.
    pub(crate) fn is_empty_text(&self, position: usize) -> bool {
        matches!(self.text(position), Known::Text(text) if text.is_empty())
    }
}
