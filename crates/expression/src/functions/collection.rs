//! Several values.

use model::Value;

use crate::evaluate::{Invocation, Item, Outcome, Text};
use crate::registry::{Example, Family, Function, Kind, NullRule, Parameter, Returns};
use crate::run::Run;

fn count<'a>(call: &'a Invocation, run: &mut Run<'a, '_>) -> Outcome<'a> {
    let count = run.argument(call, 0)?.count();
    Ok(Item::Owned(Value::Integer(i64::try_from(count).unwrap_or(i64::MAX))))
}

fn item<'a>(call: &'a Invocation, run: &mut Run<'a, '_>) -> Outcome<'a> {
    let source = run.argument(call, 0)?;
    let Some(index) = run.integer(call, 1)? else { return Ok(Item::Null) };
    let Some(index) = usize::try_from(index).ok().and_then(|index| index.checked_sub(1)) else {
        return Ok(Item::Null);
    };
    Ok(match source {
        Item::Borrowed(value) => value.values().get(index).map_or(Item::Null, Item::Borrowed),
        Item::Owned(value) => value.values().get(index).cloned().map_or(Item::Null, Item::Owned),
        one if index == 0 => one,
        _ => Item::Null,
    })
}

fn remove_duplicates<'a>(call: &'a Invocation, run: &mut Run<'a, '_>) -> Outcome<'a> {
    let source = run.argument(call, 0)?;
    if source.count() < 2 {
        return Ok(source);
    }
    let mut seen = std::collections::HashSet::new();
    let values = source.as_value().map_or(&[][..], Value::values);
    let unique: Vec<Value> = values.iter().filter(|value| seen.insert(*value)).cloned().collect();
    Ok(Item::Owned(Value::list(unique)))
}

fn split<'a>(call: &'a Invocation, run: &mut Run<'a, '_>) -> Outcome<'a> {
    let (Some(text), Some(delimiter)) = (run.text(call, 0)?, run.text(call, 1)?) else {
        return Ok(Item::Null);
    };
    let delimiter = run.str(&delimiter);
    let text: &str = match &text {
        Text::Borrowed(text) => text,
        built @ Text::Built(_) => run.str(built),
    };
    let parts: Vec<&str> =
        if delimiter.is_empty() { vec![text.trim()] } else { text.split(delimiter).map(str::trim).collect() };
    let begin = parts.iter().position(|part| !part.is_empty());
    let end = parts.iter().rposition(|part| !part.is_empty());
    let kept = match (begin, end) {
        (Some(begin), Some(end)) => parts.get(begin..=end).unwrap_or_default(),
        _ => &[],
    };
    let values = Value::list(kept.iter().map(|part| Value::text(*part)));
    Ok(if values.is_null() { Item::Null } else { Item::Owned(values) })
}

const SOURCE: Parameter = Parameter::required("source", Kind::Any).multivalued();

pub(crate) static FUNCTIONS: &[Function] = &[
    Function {
        name: "Count",
        parameters: &[SOURCE],
        returns: Returns::One(Kind::Integer),
        null: NullRule::Other("0"),
        summary: "How many values the source has.",
        example: Example {
            expression: "Count([proxyAddresses])",
            attributes: &[("proxyAddresses", &["a", "b", "c"])],
            result: &["3"],
        },
        evaluate: count,
        ..COLLECTION
    },
    Function {
        name: "Item",
        parameters: &[SOURCE, Parameter::required("index", Kind::Integer)],
        returns: Returns::One(Kind::Any),
        summary: "One of the source's values, counted from 1; null where there is none.",
        example: Example {
            expression: "Item([proxyAddresses], 1)",
            attributes: &[("proxyAddresses", &["a", "b"])],
            result: &["a"],
        },
        evaluate: item,
        ..COLLECTION
    },
    Function {
        name: "RemoveDuplicates",
        parameters: &[SOURCE.flowing()],
        returns: Returns::Argument,
        summary: "The source's values, each once, in the order of their first occurrence.",
        example: Example {
            expression: "RemoveDuplicates([proxyAddresses])",
            attributes: &[("proxyAddresses", &["a", "b", "a"])],
            result: &["a", "b"],
        },
        evaluate: remove_duplicates,
        ..COLLECTION
    },
    Function {
        name: "Split",
        parameters: &[
            Parameter::required("source", Kind::Text),
            Parameter::required("delimiter", Kind::Text),
        ],
        returns: Returns::Several(Kind::Text),
        summary: "The parts of the source between the delimiters, without white space around them and without empty \
                  parts at the ends.",
        example: Example {
            expression: r#"Split([extensionAttribute5], ",")"#,
            attributes: &[("extensionAttribute5", &["Read, Write"])],
            result: &["Read", "Write"],
        },
        evaluate: split,
        ..COLLECTION
    },
];

const COLLECTION: Function = Function { family: Family::Collection, ..Function::DEFAULT };
