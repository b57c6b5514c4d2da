//! Running compiled code.
//!
//! Texts on the way to the result are built in one buffer, used as a stack: a call finds its operands as stretches
//! of the buffer or as borrowed values, writes its own text on top, and on return that text is moved down to where the
//! call began. So an evaluation allocates for the value that it gives and nothing else.

use std::fmt::Write as _;

use model::{Entropy, Timestamp, Value};

use crate::compare;
use crate::convert;
use crate::error::EvaluationError;
use crate::evaluate::{Code, Context, Domains, Flow, Invocation, Item, Lookup, Outcome, Text};
use crate::prepare::Prepared;
use crate::tree::{Operator, Setting};

/// The most bytes of text that an evaluation may build up.
pub const MAX_TEXT: usize = 1 << 20;

/// One evaluation.
pub(crate) struct Run<'a, 'c> {
    lookup: &'a dyn Lookup,
    now: Timestamp,
    entropy: &'c dyn Entropy,
    domains: &'c Domains,
    scratch: &'c mut String,
    spare: &'c mut String,
    /// While constants are folded there is no object, no time and no randomness.
    folding: bool,
}

impl<'a, 'c> Run<'a, 'c> {
    pub(crate) fn new(lookup: &'a dyn Lookup, context: &'c mut Context<'_>, folding: bool) -> Self {
        let Context { now, entropy, domains, scratch, spare } = context;
        scratch.clear();
        Self { lookup, now: *now, entropy: *entropy, domains, scratch, spare, folding }
    }

    /// The value of a piece of code; a text that it built stands alone on top of the buffer.
    pub(crate) fn evaluate(&mut self, code: &'a Code) -> Outcome<'a> {
        let begin = self.scratch.len();
        let item = match code {
            Code::Constant(value) => return Ok(borrowed(value)),
            Code::Attribute(slot) => return Ok(borrowed(self.lookup.value(*slot))),
            Code::Setting(setting, offset) => self.setting(*setting, *offset)?,
            Code::Compare(comparison) => {
                let left = self.evaluate(&comparison.left)?;
                let right = self.evaluate(&comparison.right)?;
                let truth = compare::compare(self, &left, comparison.operator, &right, comparison.offset)?;
                Item::boolean(truth)
            }
            Code::Call(call) => {
                if let Prepared::Broken(reason) = &call.prepared {
                    return Err(call.error(reason.as_str()));
                }
                let item = (call.function.evaluate)(call, self)?;
                if self.scratch.len() > MAX_TEXT {
                    return Err(call.error(format!("the text grows beyond {MAX_TEXT} bytes")));
                }
                item
            }
        };
        Ok(self.settle(begin, item))
    }

    /// Moves a built text down to where the call began and drops everything else that the call left in the buffer.
    fn settle(&mut self, begin: usize, item: Item<'a>) -> Item<'a> {
        match item {
            Item::Text(Text::Built(range)) => {
                self.scratch.truncate(range.end);
                if range.start > begin {
                    self.scratch.drain(begin..range.start);
                }
                Item::Text(Text::Built(begin..self.scratch.len()))
            }
            other => {
                self.scratch.truncate(begin);
                other
            }
        }
    }

    /// The end of an evaluation: the value as it leaves.
    pub(crate) fn finish(&self, item: Item<'a>) -> Flow {
        match item {
            Item::Ignored => Flow::Ignore,
            other => Flow::Value(self.value(other)),
        }
    }

    /// A value that can be kept.
    pub(crate) fn value(&self, item: Item<'a>) -> Value {
        match item {
            Item::Null | Item::Ignored => Value::Null,
            Item::Borrowed(value) => value.clone(),
            Item::Owned(value) => value,
            Item::Text(text) => Value::text(self.str(&text)),
        }
    }

    fn setting(&mut self, setting: Setting, offset: u32) -> Outcome<'a> {
        let domains = self.domains;
        let value = match setting {
            Setting::DomainFqdn => &domains.fqdn,
            Setting::DomainNetBios => &domains.net_bios,
        };
        match value {
            Some(name) => Ok(self.built(name)),
            None => Err(EvaluationError::failed(
                offset,
                setting.as_str(),
                format!("the job has no setting {setting}; add it to synchronizationJobSettings"),
            )),
        }
    }
}

fn borrowed(value: &Value) -> Item<'_> {
    if value.is_null() { Item::Null } else { Item::Borrowed(value) }
}

/// What functions ask for.
impl<'a> Run<'a, '_> {
    /// The value of an argument, counted from 0; null where it is omitted.
    pub(crate) fn argument(&mut self, call: &'a Invocation, position: usize) -> Outcome<'a> {
        match call.argument(position) {
            Some(code) => self.evaluate(code),
            None => Ok(Item::Null),
        }
    }

    /// An argument as text; None where it is null. Several values are an error.
    pub(crate) fn text(
        &mut self,
        call: &'a Invocation,
        position: usize,
    ) -> Result<Option<Text<'a>>, EvaluationError> {
        let item = self.argument(call, position)?;
        self.single_text(call, position, item)
    }

    /// What an argument gave, as text; None where it is null. Several values are an error.
    pub(crate) fn single_text(
        &mut self,
        call: &Invocation,
        position: usize,
        item: Item<'a>,
    ) -> Result<Option<Text<'a>>, EvaluationError> {
        self.text_of(item).map_err(|count| too_many(call, position, count))
    }

    /// An argument as a whole number; None where it is null.
    pub(crate) fn integer(
        &mut self,
        call: &'a Invocation,
        position: usize,
    ) -> Result<Option<i64>, EvaluationError> {
        let item = self.argument(call, position)?;
        if let Some(Value::Integer(number)) = item.as_value() {
            return Ok(Some(*number));
        }
        let text = self.single_text(call, position, item)?;
        let Some(text) = text else { return Ok(None) };
        let text = self.str(&text);
        match convert::integer(text) {
            Some(number) => Ok(Some(number)),
            None => Err(call.error(format!(
                "'{}' takes a whole number, not \"{}\"",
                call.parameter(position),
                convert::excerpt(text)
            ))),
        }
    }

    /// An argument as truth, for conditions; null and an empty text are false.
    pub(crate) fn truth(&mut self, call: &'a Invocation, position: usize) -> Result<bool, EvaluationError> {
        let item = self.argument(call, position)?;
        let text = match item {
            Item::Owned(Value::Boolean(truth)) => return Ok(truth),
            item => self.single_text(call, position, item)?,
        };
        let Some(text) = text else { return Ok(false) };
        let text = self.str(&text);
        if text.is_empty() {
            return Ok(false);
        }
        convert::boolean(text).ok_or_else(|| {
            call.error(format!(
                "'{}' takes True, False or a number, not \"{}\"",
                call.parameter(position),
                convert::excerpt(text)
            ))
        })
    }

    /// The text form of a value; None for null; the count where there are several values.
    pub(crate) fn text_of(&mut self, item: Item<'a>) -> Result<Option<Text<'a>>, usize> {
        match item {
            Item::Null | Item::Ignored => Ok(None),
            Item::Text(text) => Ok(Some(text)),
            Item::Borrowed(value) => {
                let one = value.single().ok_or(value.values().len())?;
                Ok(Some(match one {
                    Value::Text(text) => Text::Borrowed(text),
                    Value::Reference(anchor) => Text::Borrowed(anchor.as_str()),
                    other => self.write(other),
                }))
            }
            Item::Owned(value) => {
                let one = value.single().ok_or(value.values().len())?;
                Ok(Some(self.write(one)))
            }
        }
    }

    /// Writes a value's text form on top of the buffer.
    pub(crate) fn write(&mut self, value: &Value) -> Text<'a> {
        let begin = self.scratch.len();
        match value {
            Value::Text(text) => self.scratch.push_str(text),
            Value::Boolean(true) => self.scratch.push_str("True"),
            Value::Boolean(false) => self.scratch.push_str("False"),
            other => {
                // Writing to a String cannot fail.
                let _ = write!(self.scratch, "{other}");
            }
        }
        Text::Built(begin..self.scratch.len())
    }

    /// What a text says.
    pub(crate) fn str<'s>(&'s self, text: &Text<'s>) -> &'s str {
        match text {
            Text::Borrowed(text) => text,
            Text::Built(range) => self.scratch.get(range.clone()).unwrap_or_default(),
        }
    }

    /// Where the next text would begin.
    pub(crate) fn top(&self) -> usize {
        self.scratch.len()
    }

    /// Drops what stands above a place.
    pub(crate) fn cut(&mut self, top: usize) {
        self.scratch.truncate(top);
    }

    /// Writes on top of the buffer.
    pub(crate) fn push(&mut self, text: &str) {
        self.scratch.push_str(text);
    }

    /// Writes a text again on top of the buffer.
    pub(crate) fn push_text(&mut self, text: &Text<'_>) {
        match text {
            Text::Borrowed(text) => self.scratch.push_str(text),
            Text::Built(range) => self.scratch.extend_from_within(range.clone()),
        }
    }

    /// Everything written since a place, as the result of a call.
    pub(crate) fn since(&self, begin: usize) -> Item<'a> {
        Item::Text(Text::Built(begin..self.scratch.len()))
    }

    /// A text as the result of a call.
    pub(crate) fn built(&mut self, text: &str) -> Item<'a> {
        let begin = self.top();
        self.push(text);
        self.since(begin)
    }

    /// The text that a rewriting makes of others: it reads them while it writes.
    pub(crate) fn rewrite<E>(
        &mut self,
        rewrite: impl FnOnce(&Self, &mut String) -> Result<(), E>,
    ) -> Result<Item<'a>, E> {
        let mut output = std::mem::take(self.spare);
        output.clear();
        let outcome = rewrite(self, &mut output);
        let begin = self.top();
        if outcome.is_ok() {
            self.scratch.push_str(&output);
        }
        *self.spare = output;
        outcome.map(|()| self.since(begin))
    }

    /// The present moment.
    pub(crate) fn now(&self, call: &Invocation) -> Result<Timestamp, EvaluationError> {
        if self.folding { Err(call.error("there is no time yet")) } else { Ok(self.now) }
    }

    /// Randomness.
    pub(crate) fn entropy(&self, call: &Invocation) -> Result<&dyn Entropy, EvaluationError> {
        if self.folding { Err(call.error("there is no randomness yet")) } else { Ok(self.entropy) }
    }

    /// The names of domains.
    pub(crate) fn domains(&self, call: &Invocation) -> Result<&Domains, EvaluationError> {
        if self.folding { Err(call.error("there is no job yet")) } else { Ok(self.domains) }
    }
}

/// The error for an argument that has several values where one is taken.
pub(crate) fn too_many(call: &Invocation, position: usize, count: usize) -> EvaluationError {
    call.error(format!(
        "'{}' takes one value, not {count}; choose one with Item or combine them with Join",
        call.parameter(position)
    ))
}

/// The error for an operand that has several values where one is taken.
pub(crate) fn too_many_operands(operator: Operator, offset: u32, count: usize) -> EvaluationError {
    EvaluationError::failed(
        offset,
        operator.as_str(),
        format!("compares one value, not {count}; choose one with Item or combine them with Join"),
    )
}
