//! Truth and choice.

use model::Value;

use crate::evaluate::{Invocation, Item, Outcome};
use crate::registry::{Example, Family, Function, Kind, NullRule, Parameter, Returns};
use crate::run::Run;

fn and<'a>(call: &'a Invocation, run: &mut Run<'a, '_>) -> Outcome<'a> {
    for position in 0..call.arguments.len() {
        if !run.truth(call, position)? {
            return Ok(Item::boolean(false));
        }
    }
    Ok(Item::boolean(true))
}

fn or<'a>(call: &'a Invocation, run: &mut Run<'a, '_>) -> Outcome<'a> {
    for position in 0..call.arguments.len() {
        if run.truth(call, position)? {
            return Ok(Item::boolean(true));
        }
    }
    Ok(Item::boolean(false))
}

fn coalesce<'a>(call: &'a Invocation, run: &mut Run<'a, '_>) -> Outcome<'a> {
    for code in call.arguments.iter().flatten() {
        let item = run.evaluate(code)?;
        if !item.is_null() {
            return Ok(item);
        }
    }
    Ok(Item::Null)
}

fn iif<'a>(call: &'a Invocation, run: &mut Run<'a, '_>) -> Outcome<'a> {
    let branch = if run.truth(call, 0)? { 1 } else { 2 };
    run.argument(call, branch)
}

fn is_null<'a>(call: &'a Invocation, run: &mut Run<'a, '_>) -> Outcome<'a> {
    Ok(Item::boolean(run.argument(call, 0)?.is_null()))
}

/// Whether a value is null or an empty text.
pub(super) fn is_empty<'a>(run: &Run<'a, '_>, item: &Item<'a>) -> bool {
    match item {
        Item::Null | Item::Ignored => true,
        Item::Text(text) => run.str(text).is_empty(),
        other => other.as_value().is_none_or(|value| {
            value.is_null() || matches!(value.single(), Some(Value::Text(text)) if text.is_empty())
        }),
    }
}

fn is_null_or_empty<'a>(call: &'a Invocation, run: &mut Run<'a, '_>) -> Outcome<'a> {
    let item = run.argument(call, 0)?;
    Ok(Item::boolean(is_empty(run, &item)))
}

fn is_present<'a>(call: &'a Invocation, run: &mut Run<'a, '_>) -> Outcome<'a> {
    let item = run.argument(call, 0)?;
    Ok(Item::boolean(!is_empty(run, &item)))
}

fn is_string<'a>(call: &'a Invocation, run: &mut Run<'a, '_>) -> Outcome<'a> {
    let item = run.argument(call, 0)?;
    let is_text = |value: &Value| matches!(value, Value::Text(_));
    Ok(Item::boolean(match &item {
        Item::Text(_) => true,
        other => other.as_value().is_some_and(|value| value.values().iter().all(is_text)),
    }))
}

fn not<'a>(call: &'a Invocation, run: &mut Run<'a, '_>) -> Outcome<'a> {
    let Some(text) = run.text(call, 0)? else { return Ok(Item::Null) };
    let truth = run.str(&text).trim().eq_ignore_ascii_case("true");
    Ok(Item::boolean(!truth))
}

fn switch<'a>(call: &'a Invocation, run: &mut Run<'a, '_>) -> Outcome<'a> {
    let source = run.text(call, 0)?;
    let top = run.top();
    for position in (2..call.arguments.len()).step_by(2) {
        let key = run.text(call, position)?;
        let sought = source.as_ref().map_or("", |text| run.str(text));
        let is_match = sought == key.as_ref().map_or("", |text| run.str(text));
        run.cut(top);
        if is_match {
            return run.argument(call, position + 1);
        }
    }
    run.argument(call, 1)
}

const CONDITION: Parameter = Parameter::required("condition", Kind::Boolean);
const ANY: Parameter = Parameter::required("source", Kind::Any).multivalued();

pub(crate) static FUNCTIONS: &[Function] = &[
    Function {
        name: "And",
        parameters: &[CONDITION.repeating()],
        least_repeats: 2,
        null: NullRule::Other("a null or empty condition is false"),
        summary: "True where all conditions are true. Those behind the first false one are not evaluated.",
        example: Example {
            expression: r#"And([country] = "NL", IsPresent([city]))"#,
            attributes: &[("country", &["NL"]), ("city", &["Delft"])],
            result: &["True"],
        },
        evaluate: and,
        ..LOGIC
    },
    Function {
        name: "Coalesce",
        parameters: &[ANY.flowing().repeating()],
        returns: Returns::Argument,
        null: NullRule::Other("null sources are passed over; null where all are"),
        summary: "The first source that is not null. An empty text is not null.",
        example: Example {
            expression: "Coalesce([mail], [userPrincipalName])",
            attributes: &[("userPrincipalName", &["ada@contoso.com"])],
            result: &["ada@contoso.com"],
        },
        evaluate: coalesce,
        ..LOGIC
    },
    Function {
        name: "IIF",
        parameters: &[
            CONDITION,
            Parameter::required("valueIfTrue", Kind::Any).flowing(),
            Parameter::optional("valueIfFalse", Kind::Any).flowing(),
        ],
        prints_omitted: true,
        returns: Returns::Argument,
        null: NullRule::Other("a null or empty condition is false; a missing last value is null"),
        summary: "One of two values, as the condition is true or not. Only that one is evaluated.",
        example: Example {
            expression: r#"IIF([country] = "USA", [state], [department])"#,
            attributes: &[("country", &["NL"]), ("department", &["Sales"])],
            result: &["Sales"],
        },
        evaluate: iif,
        ..LOGIC
    },
    Function {
        name: "IsNothing",
        parameters: &[ANY],
        null: NullRule::Other("True"),
        summary: "The same as IsNull.",
        example: Example { expression: "IsNothing([mail])", attributes: &[], result: &["True"] },
        evaluate: is_null,
        ..LOGIC
    },
    Function {
        name: "IsNull",
        parameters: &[ANY],
        null: NullRule::Other("True"),
        summary: "True where the source is null: the attribute is absent.",
        example: Example { expression: "IsNull([mail])", attributes: &[("mail", &[""])], result: &["False"] },
        evaluate: is_null,
        ..LOGIC
    },
    Function {
        name: "IsNullOrEmpty",
        parameters: &[ANY],
        null: NullRule::Other("True"),
        summary: "True where the source is null or an empty text.",
        example: Example {
            expression: "IsNullOrEmpty([mail])",
            attributes: &[("mail", &[""])],
            result: &["True"],
        },
        evaluate: is_null_or_empty,
        ..LOGIC
    },
    Function {
        name: "IsPresent",
        parameters: &[ANY],
        null: NullRule::Other("False"),
        summary: "True where the source is neither null nor an empty text.",
        example: Example {
            expression: "IsPresent([mail])",
            attributes: &[("mail", &["ada@contoso.com"])],
            result: &["True"],
        },
        evaluate: is_present,
        ..LOGIC
    },
    Function {
        name: "IsString",
        parameters: &[ANY],
        null: NullRule::Other("False"),
        summary: "True where the source is text.",
        example: Example { expression: r#"IsString("a")"#, attributes: &[], result: &["True"] },
        evaluate: is_string,
        ..LOGIC
    },
    Function {
        name: "Not",
        parameters: &[Parameter::required("source", Kind::Boolean)],
        summary: "False where the source is True, else True.",
        example: Example {
            expression: "Not([IsSoftDeleted])",
            attributes: &[("IsSoftDeleted", &["False"])],
            result: &["True"],
        },
        evaluate: not,
        ..LOGIC
    },
    Function {
        name: "Or",
        parameters: &[CONDITION.repeating()],
        least_repeats: 2,
        null: NullRule::Other("a null or empty condition is false"),
        summary: "True where a condition is true. Those behind the first true one are not evaluated.",
        example: Example {
            expression: r#"Or([country] = "NL", [country] = "BE")"#,
            attributes: &[("country", &["BE"])],
            result: &["True"],
        },
        evaluate: or,
        ..LOGIC
    },
    Function {
        name: "Switch",
        parameters: &[
            Parameter::required("source", Kind::Text),
            Parameter::optional("defaultValue", Kind::Any).flowing(),
            Parameter::required("switchValue", Kind::Any).flowing().repeating(),
        ],
        in_pairs: true,
        returns: Returns::Argument,
        null: NullRule::Other("a null source matches the key \"\"; an omitted default is null"),
        summary: "The value behind the key that equals the source, or the default. Keys and values come in pairs; case \
                  matters.",
        example: Example {
            expression: r#"Switch([state], "Australia/Sydney", "QLD", "Australia/Brisbane", "SA", "Australia/Adelaide")"#,
            attributes: &[("state", &["QLD"])],
            result: &["Australia/Brisbane"],
        },
        evaluate: switch,
        ..LOGIC
    },
];

const LOGIC: Function =
    Function { family: Family::Logic, returns: Returns::One(Kind::Boolean), ..Function::DEFAULT };
