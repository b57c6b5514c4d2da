//! The table of functions: the parser's arity, the checker's types, the keys of trees, the documentation and the
//! evaluation all come from here.

use model::schema::AttributeType;

use crate::evaluate::{Invocation, Item, Outcome};
use crate::functions::{collection, conversion, date, directory, logic, regex, text};
use crate::prepare::{Arguments, Prepared, Unprepared};
use crate::run::Run;
use crate::source;

/// A function of the language.
#[derive(Debug)]
pub struct Function {
    /// Its name; case matters.
    pub name: &'static str,
    /// What it is about.
    pub family: Family,
    /// What it takes, in order. Only the last may repeat.
    pub parameters: &'static [Parameter],
    /// What it gives.
    pub returns: Returns,
    /// What it gives where an argument is null.
    pub null: NullRule,
    /// What it does, in a sentence.
    pub summary: &'static str,
    /// An example, which a test runs.
    pub example: Example,
    /// How often the repeating parameter must be given at least.
    pub least_repeats: usize,
    /// Whether the repeating parameter comes in pairs: a key and its value.
    pub in_pairs: bool,
    /// Whether arguments omitted at the end still show their commas when the expression is printed.
    pub prints_omitted: bool,
    /// Whether it may only be the outermost function of a mapping.
    pub top_level_only: bool,
    pub(crate) prepare: fn(&Arguments<'_>) -> Result<Prepared, Unprepared>,
    pub(crate) evaluate: for<'a> fn(&'a Invocation, &mut Run<'a, '_>) -> Outcome<'a>,
}

impl Function {
    /// What most functions have in common.
    pub(crate) const DEFAULT: Self = Self {
        name: "",
        family: Family::Text,
        parameters: &[],
        returns: Returns::One(Kind::Text),
        null: NullRule::Null,
        summary: "",
        example: Example { expression: "", attributes: &[], result: &[] },
        least_repeats: 0,
        in_pairs: false,
        prints_omitted: false,
        top_level_only: false,
        prepare: Prepared::nothing,
        evaluate: nothing,
    };

    /// The parameter that repeats.
    #[must_use]
    pub fn repeating(&self) -> Option<&'static Parameter> {
        self.parameters.last().filter(|last| last.repeats)
    }

    /// The most arguments that it takes; None where there is no bound.
    #[must_use]
    pub fn most_arguments(&self) -> Option<usize> {
        if self.repeating().is_some() { None } else { Some(self.parameters.len()) }
    }

    /// The parameter of an argument, counted from 0.
    #[must_use]
    pub fn parameter(&self, position: usize) -> Option<&'static Parameter> {
        self.parameters.get(position).or(self.repeating())
    }

    /// The parameters by their keys in `attributeMappingSource`: the condition of `IIF` takes three of them.
    #[must_use]
    pub fn source_parameters(&self) -> &'static [Parameter] {
        if self.name == source::CHOICE { &source::CHOICE_PARAMETERS } else { self.parameters }
    }

    /// Whether the result may be this argument as it is, counted from 0.
    #[must_use]
    pub fn flows(&self, position: usize) -> bool {
        let fixed = self.parameters.len().saturating_sub(1);
        let is_key = self.in_pairs && position >= fixed && (position - fixed).is_multiple_of(2);
        !is_key && self.parameter(position).is_some_and(|parameter| parameter.flows)
    }

    /// The name with its parameters: `Join(separator, source, …)`.
    #[must_use]
    pub fn signature(&self) -> String {
        let mut names: Vec<&str> = self.parameters.iter().map(|parameter| parameter.name).collect();
        if self.repeating().is_some() {
            names.push("…");
        }
        format!("{}({})", self.name, names.join(", "))
    }
}

#[expect(clippy::unnecessary_wraps, reason = "the shape that the function table asks for")]
fn nothing<'a>(_: &'a Invocation, _: &mut Run<'a, '_>) -> Outcome<'a> {
    Ok(Item::Null)
}

/// A parameter of a function.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a column of the function table")]
pub struct Parameter {
    /// Its key in `attributeMappingSource`.
    pub name: &'static str,
    /// What it takes.
    pub kind: Kind,
    /// Whether it must be given.
    pub required: bool,
    /// Whether it may be given again and again.
    pub repeats: bool,
    /// Whether it takes several values at once.
    pub multivalued: bool,
    /// Whether the result may be this argument as it is.
    pub flows: bool,
}

impl Parameter {
    /// One that must be given and takes one value.
    pub(crate) const fn required(name: &'static str, kind: Kind) -> Self {
        Self { name, kind, required: true, repeats: false, multivalued: false, flows: false }
    }

    /// One that may be omitted.
    pub(crate) const fn optional(name: &'static str, kind: Kind) -> Self {
        Self { required: false, ..Self::required(name, kind) }
    }

    pub(crate) const fn repeating(self) -> Self {
        Self { repeats: true, ..self }
    }

    pub(crate) const fn multivalued(self) -> Self {
        Self { multivalued: true, ..self }
    }

    pub(crate) const fn flowing(self) -> Self {
        Self { flows: true, multivalued: true, ..self }
    }
}

/// The type of an argument or of a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Whatever there is.
    Any,
    /// Text; every other value has a text form.
    Text,
    /// A whole number, or a text that is one.
    Integer,
    /// True or false, or a text or number that means one.
    Boolean,
    /// A moment, or a text that is one.
    DateTime,
    /// One of the words `vbTextCompare` and `vbBinaryCompare`.
    Compare,
}

impl Kind {
    /// The type's name for people.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::Text => "text",
            Self::Integer => "integer",
            Self::Boolean => "boolean",
            Self::DateTime => "date-time",
            Self::Compare => "vbTextCompare or vbBinaryCompare",
        }
    }

    /// The nearest type of the Graph API, as `attributeMappingParameterSchema` has it.
    #[must_use]
    pub fn attribute_type(self) -> AttributeType {
        match self {
            Self::Any | Self::Text | Self::Compare => AttributeType::String,
            Self::Integer => AttributeType::Integer,
            Self::Boolean => AttributeType::Boolean,
            Self::DateTime => AttributeType::DateTime,
        }
    }
}

/// What a function gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Returns {
    /// One value of a type.
    One(Kind),
    /// Any number of values of a type.
    Several(Kind),
    /// One of the arguments that may flow.
    Argument,
}

/// What a function gives where an argument is null.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NullRule {
    /// Null, where any required argument is null.
    Null,
    /// Something else, in words.
    Other(&'static str),
}

impl NullRule {
    /// The rule in words.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Other(words) => words,
        }
    }
}

/// An expression, the attributes that it sees and the values that it gives.
///
/// The moment is 2021-07-02T15:33:38Z, every random octet is zero, and the default domain is `contoso.com`.
#[derive(Debug)]
pub struct Example {
    /// The expression.
    pub expression: &'static str,
    /// The source object's attributes.
    pub attributes: &'static [(&'static str, &'static [&'static str])],
    /// The values as text; none is null.
    pub result: &'static [&'static str],
}

/// What a function is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Text.
    Text,
    /// Truth and choice.
    Logic,
    /// Dates and times.
    Date,
    /// Search and replacement.
    Regex,
    /// From one type to another.
    Conversion,
    /// Several values.
    Collection,
    /// The directory, the job and the flow.
    Directory,
}

impl Family {
    /// All families, in the order of the documentation.
    pub const ALL: [Self; 7] = [
        Self::Text,
        Self::Logic,
        Self::Date,
        Self::Regex,
        Self::Conversion,
        Self::Collection,
        Self::Directory,
    ];

    /// The family's title.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "Text",
            Self::Logic => "Logic",
            Self::Date => "Dates",
            Self::Regex => "Replacement",
            Self::Conversion => "Conversion",
            Self::Collection => "Several values",
            Self::Directory => "Directory and flow",
        }
    }

    /// The functions of the family, by name.
    #[must_use]
    pub fn functions(self) -> &'static [Function] {
        match self {
            Self::Text => text::FUNCTIONS,
            Self::Logic => logic::FUNCTIONS,
            Self::Date => date::FUNCTIONS,
            Self::Regex => regex::FUNCTIONS,
            Self::Conversion => conversion::FUNCTIONS,
            Self::Collection => collection::FUNCTIONS,
            Self::Directory => directory::FUNCTIONS,
        }
    }
}

/// All functions, family by family.
pub fn functions() -> impl Iterator<Item = &'static Function> {
    Family::ALL.into_iter().flat_map(Family::functions)
}

/// The function of a name; case matters.
#[must_use]
pub fn function(name: &str) -> Option<&'static Function> {
    functions().find(|function| function.name == name)
}

/// The function whose name comes closest.
#[must_use]
pub(crate) fn nearest(name: &str) -> &'static str {
    let wanted = name.to_ascii_lowercase();
    functions()
        .min_by_key(|function| strsim::damerau_levenshtein(&function.name.to_ascii_lowercase(), &wanted))
        .map_or("", |function| function.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_order() {
        for family in Family::ALL {
            let names: Vec<_> = family.functions().iter().map(|function| function.name).collect();
            assert!(names.is_sorted_by(|a, b| a < b), "{names:?}");
            for function in family.functions() {
                assert_eq!(function.family, family, "{}", function.name);
                assert!(!function.summary.is_empty() && !function.example.expression.is_empty());
                let last = function.parameters.len().saturating_sub(1);
                assert!(
                    function.parameters.iter().take(last).all(|parameter| !parameter.repeats),
                    "{} repeats too early",
                    function.name
                );
            }
        }
    }

    #[test]
    fn the_nearest_name_is_found() {
        assert_eq!(nearest("Tolower"), "ToLower");
        assert_eq!(nearest("Jion"), "Join");
        assert_eq!(nearest("IsNullorEmpty"), "IsNullOrEmpty");
    }
}
