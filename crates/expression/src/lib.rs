//! The language of attribute mappings: small functional expressions such as
//! `ToLower(Join(".", [givenName], [surname]))`.
//!
//! [`parse`] reads a text into a [`Tree`], [`check`] looks for what cannot work with a source object's attributes and
//! [`check_fit`] for what the target attribute cannot take,
//! [`compile`] makes a [`Compiled`] that is evaluated for one object after another. A tree prints as text again, and
//! [`to_source`] and [`from_source`] convert it from and to the form that the Graph API has for it. [`functions`] is
//! the table of functions that all of this follows; docs/expressions.md is made from it.
//!
//! Nothing here waits, reads a clock or touches a network: time and randomness come in the [`Context`]. Whatever the
//! text, the pattern or the values, nothing panics and everything ends soon.

mod bounded_regex;
mod case;
mod checker;
mod compare;
mod compiler;
mod convert;
mod date;
mod diacritics;
mod error;
mod evaluate;
mod functions;
mod lexer;
mod parser;
mod prepare;
mod printer;
mod registry;
mod run;
mod source;
mod tree;

pub use bounded_regex::{BoundedRegex, RegexError};
pub use checker::{
    AnyAttributes, AttributeInfo, Placement, ResultType, SourceAttributes, check, check_fit, reads_as,
};
pub use compiler::{Compiled, compile};
pub use date::moment;
pub use error::{Cause, CheckError, EvaluationError, Located, ParseError, render_caret};
pub use evaluate::{Context, Domains, Flow, Lookup};
pub use parser::parse;
pub use registry::{Example, Family, Function, Kind, NullRule, Parameter, Returns, function, functions};
pub use run::MAX_TEXT;
pub use source::{from_source, to_source};
pub use tree::{Call, Comparison, MAX_CHARACTERS, MAX_DEPTH, Node, NodeKind, Operator, Setting, Tree, Word};
