//! What an evaluation works with: the object's values, the context, compiled code and the values on the way.

use std::ops::Range;

use model::{Entropy, Name, Timestamp, Value};

use crate::compiler::Comparison;
use crate::error::EvaluationError;
use crate::prepare::Prepared;
use crate::registry::Function;
use crate::tree::Setting;

/// The values of the attributes that an expression reads, by slot: the position in
/// [`Compiled::attributes`](crate::Compiled::attributes).
pub trait Lookup {
    /// The value of a slot; null where the attribute is absent.
    fn value(&self, slot: usize) -> &Value;
}

static NULL: Value = Value::Null;

impl<L: Lookup + ?Sized> Lookup for &L {
    fn value(&self, slot: usize) -> &Value {
        (**self).value(slot)
    }
}

impl Lookup for [Value] {
    fn value(&self, slot: usize) -> &Value {
        self.get(slot).unwrap_or(&NULL)
    }
}

impl Lookup for [&Value] {
    fn value(&self, slot: usize) -> &Value {
        self.get(slot).copied().unwrap_or(&NULL)
    }
}

/// What an expression can see beside the object. Keep one per worker: it holds the buffers that evaluations reuse.
pub struct Context<'e> {
    pub(crate) now: Timestamp,
    pub(crate) entropy: &'e dyn Entropy,
    pub(crate) domains: Domains,
    pub(crate) scratch: String,
    pub(crate) spare: String,
}

/// The names of domains, from the directory and the job's settings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Domains {
    /// The source directory's default domain: `DefaultDomain()`.
    pub default: Option<Name>,
    /// `%DomainFQDN%`
    pub fqdn: Option<Name>,
    /// `%DomainNetBios%`
    pub net_bios: Option<Name>,
}

impl<'e> Context<'e> {
    /// A context at a moment, without domains.
    #[must_use]
    pub fn new(now: Timestamp, entropy: &'e dyn Entropy) -> Self {
        Self { now, entropy, domains: Domains::default(), scratch: String::new(), spare: String::new() }
    }

    /// The context with the names of domains.
    #[must_use]
    pub fn with_domains(mut self, domains: Domains) -> Self {
        self.domains = domains;
        self
    }

    /// Sets the moment that `Now()` gives.
    pub fn set_now(&mut self, now: Timestamp) {
        self.now = now;
    }
}

/// What comes out of an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Flow {
    /// This value flows; it may be null.
    Value(Value),
    /// Nothing flows, not even a null: `IgnoreFlowIfNullOrEmpty` saw nothing.
    Ignore,
}

impl Flow {
    /// The value, or null where nothing flows.
    #[must_use]
    pub fn into_value(self) -> Value {
        match self {
            Self::Value(value) => value,
            Self::Ignore => Value::Null,
        }
    }
}

/// A compiled part of an expression.
#[derive(Debug)]
pub(crate) enum Code {
    Constant(Value),
    Attribute(usize),
    Setting(Setting, u32),
    Compare(Box<Comparison>),
    Call(Box<Invocation>),
}

/// A compiled call.
#[derive(Debug)]
pub(crate) struct Invocation {
    pub(crate) function: &'static Function,
    pub(crate) arguments: Box<[Option<Code>]>,
    pub(crate) prepared: Prepared,
    pub(crate) offset: u32,
}

impl Invocation {
    pub(crate) fn error(&self, message: impl Into<String>) -> EvaluationError {
        EvaluationError::failed(self.offset, self.function.name, message)
    }

    pub(crate) fn argument(&self, position: usize) -> Option<&Code> {
        self.arguments.get(position)?.as_ref()
    }

    /// The parameter's name, for errors.
    pub(crate) fn parameter(&self, position: usize) -> &'static str {
        self.function.parameter(position).map_or("argument", |parameter| parameter.name)
    }
}

/// A value on the way.
#[derive(Debug)]
pub(crate) enum Item<'a> {
    Null,
    /// Null, and nothing may flow.
    Ignored,
    /// An attribute's value or a constant; neither null nor an empty list.
    Borrowed(&'a Value),
    Text(Text<'a>),
    Owned(Value),
}

impl Item<'_> {
    pub(crate) fn boolean(truth: bool) -> Self {
        Self::Owned(Value::Boolean(truth))
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(self, Self::Null | Self::Ignored)
    }

    /// The value, where it is not a text of this evaluation.
    pub(crate) fn as_value(&self) -> Option<&Value> {
        match self {
            Self::Borrowed(value) => Some(value),
            Self::Owned(value) => Some(value),
            _ => None,
        }
    }

    /// How many values there are.
    pub(crate) fn count(&self) -> usize {
        match self {
            Self::Null | Self::Ignored => 0,
            Self::Text(_) => 1,
            Self::Borrowed(value) => value.values().len(),
            Self::Owned(value) => value.values().len(),
        }
    }
}

/// A text: borrowed, or a stretch of the buffer.
#[derive(Clone, Debug)]
pub(crate) enum Text<'a> {
    Borrowed(&'a str),
    Built(Range<usize>),
}

pub(crate) type Outcome<'a> = Result<Item<'a>, EvaluationError>;
