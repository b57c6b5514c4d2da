//! Whether a resource satisfies a filter.

use std::cmp::Ordering;

use model::{Name, Timestamp, Uuid};
use serde_json::{Map, Value as Json};

use super::{Expr, Literal, Operator, Path, Quantifier, TextFunction};

/// True where a resource satisfies a filter.
///
/// A property that is absent is null. Null equals only `null`, differs from everything else, and is neither before
/// nor after anything. Texts compare without regard to case; a text that spells a moment compares with moments.
#[must_use]
pub fn matches(expression: &Expr, resource: &Map<String, Json>) -> bool {
    Scope { resource, variables: Vec::new() }.holds(expression)
}

/// The value of a property: by its exact name, else by a name that differs in case.
pub(crate) fn lookup<'a>(resource: &'a Map<String, Json>, name: &str) -> Option<&'a Json> {
    resource.get(name).or_else(|| {
        resource.iter().find(|(present, _)| present.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    })
}

/// The resource, and the variables of the lambdas around, innermost last.
struct Scope<'a> {
    resource: &'a Map<String, Json>,
    variables: Vec<(&'a Name, &'a Json)>,
}

/// What a path leads to.
enum Found<'a> {
    Nothing,
    Value(&'a Json),
    Count(usize),
}

impl<'a> Scope<'a> {
    fn holds(&mut self, expression: &'a Expr) -> bool {
        match expression {
            Expr::And(members) => members.iter().all(|member| self.holds(member)),
            Expr::Or(members) => members.iter().any(|member| self.holds(member)),
            Expr::Not(member) => !self.holds(member),
            Expr::Compare { path, operator, value } => compare(&self.find(path), *operator, value),
            Expr::In { path, values } => {
                let found = self.find(path);
                values.iter().any(|value| equals(&found, value))
            }
            Expr::Text { function, path, value } => match self.find(path) {
                Found::Value(Json::String(text)) => has_part(*function, text, value),
                _ => false,
            },
            Expr::True(path) => matches!(self.find(path), Found::Value(Json::Bool(true))),
            Expr::Lambda { path, quantifier, variable, condition } => {
                self.quantified(path, *quantifier, variable, condition.as_deref())
            }
        }
    }

    fn quantified(
        &mut self,
        path: &Path,
        quantifier: Quantifier,
        variable: &'a Name,
        condition: Option<&'a Expr>,
    ) -> bool {
        let members: &'a [Json] = match self.find(path) {
            Found::Value(Json::Array(members)) => members,
            _ => &[],
        };
        let Some(condition) = condition else { return !members.is_empty() };
        let mut holds = |member: &'a Json| {
            self.variables.push((variable, member));
            let truth = self.holds(condition);
            self.variables.pop();
            truth
        };
        match quantifier {
            Quantifier::Any => members.iter().any(&mut holds),
            Quantifier::All => members.iter().all(&mut holds),
        }
    }

    fn find(&self, path: &Path) -> Found<'a> {
        let mut names = path.names().iter();
        let Some(head) = names.next() else { return Found::Nothing };
        let variable = self.variables.iter().rev().find(|(name, _)| *name == head);
        let mut value = match variable {
            Some((_, member)) => *member,
            None => match lookup(self.resource, head) {
                Some(value) => value,
                None if path.names().last().is_some_and(|last| last == "$count") => return Found::Count(0),
                None => return Found::Nothing,
            },
        };
        for name in names {
            value = match value {
                Json::Array(members) if name == "$count" => return Found::Count(members.len()),
                Json::Object(members) => match lookup(members, name) {
                    Some(value) => value,
                    None => return Found::Nothing,
                },
                _ => return Found::Nothing,
            };
        }
        Found::Value(value)
    }
}

fn compare(found: &Found<'_>, operator: Operator, value: &Literal) -> bool {
    match operator {
        Operator::Equal => equals(found, value),
        Operator::NotEqual => !equals(found, value),
        Operator::Greater => order(found, value).is_some_and(Ordering::is_gt),
        Operator::GreaterOrEqual => order(found, value).is_some_and(Ordering::is_ge),
        Operator::Less => order(found, value).is_some_and(Ordering::is_lt),
        Operator::LessOrEqual => order(found, value).is_some_and(Ordering::is_le),
    }
}

fn equals(found: &Found<'_>, value: &Literal) -> bool {
    match (found, value) {
        (Found::Nothing | Found::Value(Json::Null), Literal::Null) => true,
        (Found::Value(Json::Bool(left)), Literal::Boolean(right)) => left == right,
        (Found::Value(Json::String(left)), Literal::Text(right)) => same_text(left, right),
        (Found::Value(Json::String(left)), Literal::Guid(right)) => {
            left.parse::<Uuid>().is_ok_and(|left| left == *right)
        }
        _ => order(found, value).is_some_and(Ordering::is_eq),
    }
}

fn order(found: &Found<'_>, value: &Literal) -> Option<Ordering> {
    let found = match found {
        Found::Nothing => return None,
        Found::Count(count) => return order_number(count_to_float(*count), value),
        Found::Value(found) => *found,
    };
    match (found, value) {
        (Json::Number(left), Literal::Integer(right)) if left.is_i64() => Some(left.as_i64()?.cmp(right)),
        (Json::Number(left), _) => order_number(left.as_f64()?, value),
        (Json::String(left), Literal::DateTime(right)) => Some(left.parse::<Timestamp>().ok()?.cmp(right)),
        (Json::String(left), Literal::Text(right)) => {
            match (left.parse::<Timestamp>(), right.parse::<Timestamp>()) {
                (Ok(left), Ok(right)) => Some(left.cmp(&right)),
                _ => Some(folded(left).cmp(folded(right))),
            }
        }
        _ => None,
    }
}

fn order_number(left: f64, value: &Literal) -> Option<Ordering> {
    match value {
        Literal::Integer(right) => left.partial_cmp(&integer_to_float(*right)),
        Literal::Decimal(right) => left.partial_cmp(right),
        _ => None,
    }
}

#[expect(clippy::cast_precision_loss, reason = "a count of values in memory is far below 2^52")]
fn count_to_float(count: usize) -> f64 {
    count as f64
}

#[expect(clippy::cast_precision_loss, reason = "only met when the other side is no integer")]
fn integer_to_float(number: i64) -> f64 {
    number as f64
}

fn has_part(function: TextFunction, text: &str, part: &str) -> bool {
    let (text, part) = (text.to_lowercase(), part.to_lowercase());
    match function {
        TextFunction::StartsWith => text.starts_with(&part),
        TextFunction::EndsWith => text.ends_with(&part),
        TextFunction::Contains => text.contains(&part),
    }
}

/// True where two texts differ in case at most.
fn same_text(left: &str, right: &str) -> bool {
    left.eq_ignore_ascii_case(right) || folded(left).eq(folded(right))
}

fn folded(text: &str) -> impl Iterator<Item = char> {
    text.chars().flat_map(char::to_lowercase)
}
