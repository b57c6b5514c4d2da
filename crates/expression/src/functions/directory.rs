//! The directory, the job and what flows.

use std::borrow::Cow;

use model::{Entropy, Value};

use super::logic::is_empty;
use crate::error::{Cause, EvaluationError};
use crate::evaluate::{Invocation, Item, Outcome};
use crate::registry::{Example, Family, Function, Kind, NullRule, Parameter, Returns};
use crate::run::Run;

/// What identifies the role of an app role assignment. An assignment is the role's value, or a JSON object with the
/// role's `id`, `value` and `displayName`.
fn role(assignment: &Value) -> Cow<'_, Value> {
    let Value::Text(text) = assignment else { return Cow::Borrowed(assignment) };
    if !text.starts_with('{') {
        return Cow::Borrowed(assignment);
    }
    let Ok(object) = serde_json::from_str::<serde_json::Value>(text) else {
        return Cow::Borrowed(assignment);
    };
    let named = ["value", "displayName", "id"]
        .into_iter()
        .filter_map(|key| object.get(key)?.as_str())
        .find(|name| !name.is_empty());
    named.map_or(Cow::Borrowed(assignment), |name| Cow::Owned(Value::text(name)))
}

fn role_item(role: Cow<'_, Value>) -> Item<'_> {
    match role {
        Cow::Borrowed(value) => Item::Borrowed(value),
        Cow::Owned(value) => Item::Owned(value),
    }
}

fn app_role_assignments<'a>(call: &'a Invocation, run: &mut Run<'a, '_>) -> Outcome<'a> {
    Ok(match run.argument(call, 0)? {
        Item::Borrowed(Value::List(several)) => {
            Item::Owned(Value::list(several.iter().map(|one| role(one).into_owned())))
        }
        Item::Borrowed(one) => role_item(role(one)),
        other => other,
    })
}

fn single_app_role_assignment<'a>(call: &'a Invocation, run: &mut Run<'a, '_>) -> Outcome<'a> {
    Ok(match run.argument(call, 0)? {
        Item::Borrowed(value) => value.values().first().map_or(Item::Null, |first| role_item(role(first))),
        other => other,
    })
}

fn pass<'a>(call: &'a Invocation, run: &mut Run<'a, '_>) -> Outcome<'a> {
    run.argument(call, 0)
}

fn default_domain<'a>(call: &'a Invocation, run: &mut Run<'a, '_>) -> Outcome<'a> {
    let Some(domain) = run.domains(call)?.default.clone() else { return Ok(Item::Null) };
    Ok(Item::Owned(Value::Text(domain)))
}

fn error<'a>(call: &'a Invocation, run: &mut Run<'a, '_>) -> Outcome<'a> {
    let message = run.text(call, 0)?;
    let message = message.map_or_else(String::new, |text| run.str(&text).to_owned());
    Err(EvaluationError { offset: call.offset as usize, cause: Cause::Raised(message) })
}

fn guid<'a>(call: &'a Invocation, run: &mut Run<'a, '_>) -> Outcome<'a> {
    let uuid = run.entropy(call)?.uuid();
    Ok(Item::Owned(Value::text(uuid.to_string())))
}

fn ignore_flow_if_null_or_empty<'a>(call: &'a Invocation, run: &mut Run<'a, '_>) -> Outcome<'a> {
    let item = run.argument(call, 0)?;
    Ok(if is_empty(run, &item) { Item::Ignored } else { item })
}

const DIGITS: &str = "0123456789";
const SPECIAL: &str = "~!@#$%^&*_-+=`|\\(){}[]:;\"'<>,.?/";
const CAPITAL: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const SMALL: &str = "abcdefghijklmnopqrstuvwxyz";

/// The longest random string.
const MAX_RANDOM: usize = 256;

fn random_string<'a>(call: &'a Invocation, run: &mut Run<'a, '_>) -> Outcome<'a> {
    let mut counts = [0; 5];
    for (position, count) in counts.iter_mut().enumerate() {
        let Some(number) = run.integer(call, position)? else { return Ok(Item::Null) };
        *count = usize::try_from(number).ok().filter(|count| *count <= MAX_RANDOM).ok_or_else(|| {
            call.error(format!("'{}' is {number}; take 0 to {MAX_RANDOM}", call.parameter(position)))
        })?;
    }
    let [length, minima @ ..] = counts;
    let least: usize = minima.iter().sum();
    if least > length {
        return Err(call.error(format!("{least} required characters do not fit into {length}")));
    }
    let avoided = run.text(call, 5)?;
    let avoided = avoided.as_ref().map_or("", |text| run.str(text));
    let allowed = [DIGITS, SPECIAL, CAPITAL, SMALL]
        .map(|class| class.chars().filter(|character| !avoided.contains(*character)).collect::<Vec<char>>());
    let entropy = run.entropy(call)?;
    let mut drawn = Vec::with_capacity(length);
    for (class, count) in allowed.iter().zip(minima) {
        draw(call, entropy, class, count, &mut drawn)?;
    }
    let any: Vec<char> = allowed.concat();
    draw(call, entropy, &any, length - least, &mut drawn)?;
    for last in (1..drawn.len()).rev() {
        drawn.swap(last, below(entropy, last + 1));
    }
    Ok(Item::Owned(Value::text(drawn.into_iter().collect::<String>())))
}

fn draw(
    call: &Invocation,
    entropy: &dyn Entropy,
    class: &[char],
    count: usize,
    drawn: &mut Vec<char>,
) -> Result<(), EvaluationError> {
    for _ in 0..count {
        let Some(character) = class.get(below(entropy, class.len())) else {
            return Err(call.error("no character is left that need not be avoided"));
        };
        drawn.push(*character);
    }
    Ok(())
}

/// A number below a bound (of at most a few hundred), each as likely as the others.
fn below(entropy: &dyn Entropy, bound: usize) -> usize {
    let bound = u64::try_from(bound).unwrap_or(u64::MAX).max(1);
    let fair = u64::MAX - u64::MAX % bound;
    // A draw is unfair once in 10^16 times; the bound on the tries only matters with an entropy that is stuck.
    let number = (0..100).map(|_| entropy.number()).find(|number| *number < fair).unwrap_or(0);
    usize::try_from(number % bound).unwrap_or(0)
}

fn select_unique_value<'a>(call: &'a Invocation, run: &mut Run<'a, '_>) -> Outcome<'a> {
    for code in call.arguments.iter().flatten() {
        let item = run.evaluate(code)?;
        if !is_empty(run, &item) {
            return Ok(item);
        }
    }
    Ok(Item::Null)
}

const ROLES: Parameter = Parameter::required("source", Kind::Any).multivalued();
const ANY: Parameter = Parameter::required("source", Kind::Any).flowing();

pub(crate) static FUNCTIONS: &[Function] = &[
    Function {
        name: "AppRoleAssignments",
        parameters: &[ROLES],
        returns: Returns::Several(Kind::Text),
        summary: "The values of all roles that the object is assigned to.",
        example: Example {
            expression: "AppRoleAssignments([appRoleAssignments])",
            attributes: &[("appRoleAssignments", &["Reader", "Writer"])],
            result: &["Reader", "Writer"],
        },
        evaluate: app_role_assignments,
        ..DIRECTORY
    },
    Function {
        name: "AppRoleAssignmentsComplex",
        parameters: &[ROLES.flowing()],
        returns: Returns::Argument,
        summary: "The role assignments whole, so that the target gets complex roles; roles at the target are only added \
                  to.",
        example: Example {
            expression: "AppRoleAssignmentsComplex([appRoleAssignments])",
            attributes: &[("appRoleAssignments", &[r#"{"id":"7","value":"Reader","displayName":"Reads"}"#])],
            result: &[r#"{"id":"7","value":"Reader","displayName":"Reads"}"#],
        },
        evaluate: pass,
        ..DIRECTORY
    },
    Function {
        name: "AssertiveAppRoleAssignmentsComplex",
        parameters: &[ROLES.flowing()],
        returns: Returns::Argument,
        summary: "The role assignments whole, so that the target gets complex roles; they replace the roles there.",
        example: Example {
            expression: "AssertiveAppRoleAssignmentsComplex([appRoleAssignments])",
            attributes: &[("appRoleAssignments", &[r#"{"id":"7","value":"Reader","displayName":"Reads"}"#])],
            result: &[r#"{"id":"7","value":"Reader","displayName":"Reads"}"#],
        },
        evaluate: pass,
        ..DIRECTORY
    },
    Function {
        name: "DefaultDomain",
        null: NullRule::Other("takes no argument; null where the directory has no default domain"),
        summary: "The source directory's default domain.",
        example: Example { expression: "DefaultDomain()", attributes: &[], result: &["contoso.com"] },
        evaluate: default_domain,
        ..DIRECTORY
    },
    Function {
        name: "Error",
        parameters: &[Parameter::required("message", Kind::Text)],
        null: NullRule::Other("fails without a message"),
        summary: "Fails the object with a message.",
        example: Example {
            expression: r#"Coalesce([mail], Error("there is no mail address"))"#,
            attributes: &[("mail", &["ada@contoso.com"])],
            result: &["ada@contoso.com"],
        },
        evaluate: error,
        ..DIRECTORY
    },
    Function {
        name: "Guid",
        null: NullRule::Other("takes no argument"),
        summary: "A new random identifier.",
        example: Example {
            expression: "Guid()",
            attributes: &[],
            result: &["00000000-0000-4000-8000-000000000000"],
        },
        evaluate: guid,
        ..DIRECTORY
    },
    Function {
        name: "IgnoreFlowIfNullOrEmpty",
        parameters: &[ANY],
        returns: Returns::Argument,
        null: NullRule::Other("nothing flows"),
        summary: "The source, or nothing at all: where it is null or empty, the target attribute is left alone.",
        example: Example {
            expression: "IgnoreFlowIfNullOrEmpty([department])",
            attributes: &[("department", &["Sales"])],
            result: &["Sales"],
        },
        evaluate: ignore_flow_if_null_or_empty,
        ..DIRECTORY
    },
    Function {
        name: "RandomString",
        parameters: &[
            Parameter::required("length", Kind::Integer),
            Parameter::required("minimumNumbers", Kind::Integer),
            Parameter::required("minimumSpecialCharacters", Kind::Integer),
            Parameter::required("minimumCapital", Kind::Integer),
            Parameter::required("minimumLowerCase", Kind::Integer),
            Parameter::optional("charactersToAvoid", Kind::Text),
        ],
        summary: "Random characters, at most 256, with at least so many digits, special characters, capitals and small \
                  letters.",
        example: Example {
            expression: r#"RandomString(6, 3, 0, 0, 3, "0")"#,
            attributes: &[],
            result: &["11aaa1"],
        },
        evaluate: random_string,
        ..DIRECTORY
    },
    Function {
        name: "Redact",
        parameters: &[ANY],
        returns: Returns::Argument,
        summary: "The source as it is, shown as [Redact] wherever values are shown.",
        example: Example {
            expression: "Redact([employeeId])",
            attributes: &[("employeeId", &["1815"])],
            result: &["1815"],
        },
        evaluate: pass,
        ..DIRECTORY
    },
    Function {
        name: "SelectUniqueValue",
        parameters: &[Parameter::required("uniqueValueRule", Kind::Any).flowing().repeating()],
        least_repeats: 2,
        top_level_only: true,
        returns: Returns::Argument,
        null: NullRule::Other("null and empty candidates are passed over"),
        summary: "The first candidate that no object at the target has. Only as the outermost function of a mapping that \
                  flows at creation and does not match.",
        example: Example {
            expression: r#"SelectUniqueValue([mailNickname], Append([mailNickname], "2"))"#,
            attributes: &[("mailNickname", &["ada"])],
            result: &["ada"],
        },
        evaluate: select_unique_value,
        ..DIRECTORY
    },
    Function {
        name: "SingleAppRoleAssignment",
        parameters: &[ROLES],
        summary: "The value of the role that the object is assigned to; of several, the first.",
        example: Example {
            expression: "SingleAppRoleAssignment([appRoleAssignments])",
            attributes: &[("appRoleAssignments", &["Reader"])],
            result: &["Reader"],
        },
        evaluate: single_app_role_assignment,
        ..DIRECTORY
    },
];

const DIRECTORY: Function = Function { family: Family::Directory, ..Function::DEFAULT };
