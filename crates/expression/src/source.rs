//! Trees in the form that the Graph API has for them: `attributeMappingSource`.
//!
//! The text there decides. The nested parts are read only where the text is missing; numbers are then told from texts
//! by the parameter that they are for, since both are constants with a quoted text.

use std::fmt::Write as _;

use model::schema::{Extra, MappingParameter, MappingSource, SourceType};

use crate::error::ParseError;
use crate::parser::{integer_literal, parse};
use crate::printer::quote;
use crate::registry::{self, Function, Kind, Parameter};
use crate::tree::{
    Call, Comparison, MAX_CHARACTERS, MAX_DEPTH, Node, NodeKind, Operator, Setting, Tree, Word,
};

/// The tree in the form of the Graph API; `expression` holds the text, printed anew.
#[must_use]
pub fn to_source(tree: &Tree) -> MappingSource {
    let mut source = node_source(tree.root());
    source.expression = Some(tree.to_string());
    source
}

/// The tree of an `attributeMappingSource`: its text where it has one, else its nested parts.
///
/// The offset of an error counts in the text, or, where there was none, in the text that the parts amount to.
pub fn from_source(source: &MappingSource) -> Result<Tree, ParseError> {
    if let Some(text) = written(source) {
        return parse(text);
    }
    let mut text = String::new();
    write_source(&mut text, source, None, 0)?;
    parse(&text)
}

fn written(source: &MappingSource) -> Option<&str> {
    source.expression.as_deref().filter(|text| !text.trim().is_empty())
}

fn source(
    kind: SourceType,
    name: &str,
    expression: String,
    parameters: Vec<MappingParameter>,
) -> MappingSource {
    MappingSource {
        expression: Some(expression),
        name: Some(name.to_owned()),
        parameters,
        kind,
        extra: Extra::default(),
    }
}

fn constant(name: &str) -> MappingSource {
    let mut quoted = String::new();
    // Writing to a String cannot fail.
    let _ = quote(&mut quoted, name);
    source(SourceType::Constant, name, quoted, Vec::new())
}

fn parameter(key: &str, value: MappingSource) -> MappingParameter {
    MappingParameter { key: key.to_owned(), value, extra: Extra::default() }
}

fn node_source(node: &Node) -> MappingSource {
    match &node.kind {
        NodeKind::Attribute(name) => source(SourceType::Attribute, name, node.to_string(), Vec::new()),
        NodeKind::Text(text) => constant(text),
        NodeKind::Number(literal) => constant(literal),
        NodeKind::Word(word) => constant(word.as_str()),
        NodeKind::Setting(_) => {
            let spelling = node.to_string();
            source(SourceType::Constant, &spelling, spelling.clone(), Vec::new())
        }
        NodeKind::Compare(comparison) => {
            let operands = vec![
                parameter(LEFT, node_source(&comparison.left)),
                parameter(RIGHT, node_source(&comparison.right)),
            ];
            source(SourceType::Function, comparison.operator.as_str(), node.to_string(), operands)
        }
        NodeKind::Call(call) => {
            let parameters =
                if call.function.name == CHOICE { choice_parameters(call) } else { call_parameters(call) };
            source(SourceType::Function, call.function.name, node.to_string(), parameters)
        }
    }
}

const LEFT: &str = "left";
const RIGHT: &str = "right";

fn call_parameters(call: &Call) -> Vec<MappingParameter> {
    let named = call.arguments.iter().enumerate().filter_map(|(position, argument)| {
        Some(parameter(call.function.parameter(position)?.name, node_source(argument.as_ref()?)))
    });
    named.collect()
}

/// The function whose comparison is spread over its parameters.
pub(crate) const CHOICE: &str = "IIF";

/// The keys of `IIF`: the left operand, the operator, the right operand, the value when true, the value when false.
const CHOICE_KEYS: [&str; 5] = ["one", "two", "three", "four", "five"];

/// The same as parameters; without a comparison the second and the third are omitted.
pub(crate) static CHOICE_PARAMETERS: [Parameter; 5] = [
    Parameter::required("one", Kind::Any),
    Parameter::optional("two", Kind::Text),
    Parameter::optional("three", Kind::Any),
    Parameter::required("four", Kind::Any).flowing(),
    Parameter::optional("five", Kind::Any).flowing(),
];

fn choice_parameters(call: &Call) -> Vec<MappingParameter> {
    let argument = |position: usize| call.arguments.get(position)?.as_ref();
    let mut values: [Option<MappingSource>; 5] = Default::default();
    match argument(0).map(|condition| &condition.kind) {
        Some(NodeKind::Compare(comparison)) => {
            let Comparison { left, operator, right } = &**comparison;
            values = [
                Some(node_source(left)),
                Some(constant(operator.as_str())),
                Some(node_source(right)),
                None,
                None,
            ];
        }
        _ => values[0] = argument(0).map(node_source),
    }
    values[3] = argument(1).map(node_source);
    values[4] = argument(2).map(node_source);
    CHOICE_KEYS.into_iter().zip(values).filter_map(|(key, value)| Some(parameter(key, value?))).collect()
}

/// Writes the text that the nested parts amount to.
fn write_source(
    text: &mut String,
    source: &MappingSource,
    place: Option<&Parameter>,
    depth: usize,
) -> Result<(), ParseError> {
    // A level is a comparison in a function, and the outermost comparison is in none.
    if depth > 2 * MAX_DEPTH + 1 || text.len() > 4 * MAX_CHARACTERS {
        return Err(error(text, format!("at most {MAX_DEPTH} functions inside one another"), ""));
    }
    let Some(name) = source.name.as_deref() else {
        return match written(source) {
            Some(own) => parse(own).map(|tree| append(text, tree)),
            None => Err(error(text, "a name or an expression".to_owned(), "")),
        };
    };
    match source.kind {
        SourceType::Attribute if is_attribute_name(name) => {
            append(text, format_args!("[{name}]"));
            Ok(())
        }
        SourceType::Attribute => Err(error(text, "an attribute name with paired brackets".to_owned(), name)),
        SourceType::Constant => {
            write_constant(text, source, name, place);
            Ok(())
        }
        SourceType::Function => match (registry::function(name), Operator::from_spelling(name)) {
            (Some(function), _) if name == CHOICE => write_choice(text, source, function, depth),
            (Some(function), _) => write_call(text, source, function, depth),
            (None, Some(operator)) => {
                write_comparison(text, [value(source, LEFT), value(source, RIGHT)], operator, depth)
            }
            (None, None) => Err(ParseError {
                nearest: Some(registry::nearest(name)),
                ..error(text, "the name of a function".to_owned(), name)
            }),
        },
    }
}

fn append(text: &mut String, what: impl std::fmt::Display) {
    // Writing to a String cannot fail.
    let _ = write!(text, "{what}");
}

fn error(text: &str, expected: String, found: &str) -> ParseError {
    let found = if found.is_empty() { String::new() } else { format!("'{found}'") };
    ParseError { offset: text.chars().count(), expected, found, nearest: None }
}

fn is_attribute_name(name: &str) -> bool {
    let mut depth = 0_i64;
    name.chars().all(|character| {
        depth += i64::from(character == '[') - i64::from(character == ']');
        depth >= 0
    }) && depth == 0
}

fn write_constant(text: &mut String, source: &MappingSource, name: &str, place: Option<&Parameter>) {
    let kind = place.map(|parameter| parameter.kind);
    let setting =
        name.strip_prefix('%').and_then(|rest| rest.strip_suffix('%')).and_then(Setting::from_spelling);
    let is_bare = match kind {
        Some(Kind::Integer) => integer_literal(name).is_some() && !name.starts_with('+'),
        Some(Kind::Compare) => Word::from_spelling(name).is_some(),
        _ => setting.is_some() && written(source).is_none_or(|own| own.trim() == name),
    };
    if is_bare {
        text.push_str(name);
    } else {
        // Writing to a String cannot fail.
        let _ = quote(text, name);
    }
}

fn value<'s>(source: &'s MappingSource, key: &str) -> Option<&'s MappingSource> {
    source.parameters.iter().find(|parameter| parameter.key == key).map(|parameter| &parameter.value)
}

fn write_comparison(
    text: &mut String,
    operands: [Option<&MappingSource>; 2],
    operator: Operator,
    depth: usize,
) -> Result<(), ParseError> {
    let [Some(left), Some(right)] = operands else {
        return Err(error(text, format!("two operands of '{operator}'"), ""));
    };
    write_source(text, left, None, depth + 1)?;
    append(text, format_args!(" {operator} "));
    write_source(text, right, None, depth + 1)
}

fn write_choice(
    text: &mut String,
    source: &MappingSource,
    function: &'static Function,
    depth: usize,
) -> Result<(), ParseError> {
    known_keys(text, source, &CHOICE_KEYS, function)?;
    let [one, two, three, four, five] = CHOICE_KEYS.map(|key| value(source, key));
    text.push_str("IIF(");
    match two {
        Some(operator) => {
            let spelling = operator.name.as_deref().unwrap_or_default();
            let Some(operator) = Operator::from_spelling(spelling) else {
                return Err(error(text, "a comparison".to_owned(), spelling));
            };
            write_comparison(text, [one, three], operator, depth)?;
        }
        None => {
            if let Some(condition) = one {
                write_source(text, condition, None, depth + 1)?;
            }
        }
    }
    for branch in [four, five] {
        text.push_str(", ");
        if let Some(branch) = branch {
            write_source(text, branch, None, depth + 1)?;
        }
    }
    text.push(')');
    Ok(())
}

fn write_call(
    text: &mut String,
    source: &MappingSource,
    function: &'static Function,
    depth: usize,
) -> Result<(), ParseError> {
    let keys: Vec<&str> = function.parameters.iter().map(|parameter| parameter.name).collect();
    known_keys(text, source, &keys, function)?;
    append(text, format_args!("{}(", function.name));
    let mut is_first = true;
    for parameter in function.parameters {
        let mut values = source
            .parameters
            .iter()
            .filter(|given| given.key == parameter.name)
            .map(|given| Some(&given.value))
            .collect::<Vec<_>>();
        if values.is_empty() && !parameter.repeats {
            values.push(None);
        }
        if values.len() > 1 && !parameter.repeats {
            return Err(error(text, format!("one '{}' of {}", parameter.name, function.name), "several"));
        }
        for value in values {
            if !is_first {
                text.push_str(", ");
            }
            is_first = false;
            if let Some(value) = value {
                write_source(text, value, Some(parameter), depth + 1)?;
            }
        }
    }
    text.push(')');
    Ok(())
}

fn known_keys(
    text: &str,
    source: &MappingSource,
    keys: &[&str],
    function: &'static Function,
) -> Result<(), ParseError> {
    match source.parameters.iter().find(|given| !keys.contains(&given.key.as_str())) {
        Some(unknown) => {
            Err(error(text, format!("a parameter of {} ({})", function.name, keys.join(", ")), &unknown.key))
        }
        None => Ok(()),
    }
}
