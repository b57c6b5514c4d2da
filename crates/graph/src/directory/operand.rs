//! Whether a property can be what a filter compares it with.

use model::{Name, Timestamp};

use super::property::PropertyType;
use crate::error::GraphError;
use crate::odata::filter::{Expr, Literal, Path};

/// Refuses a comparison of a property, or of a property of it, with what it can never be: it would find nothing, and
/// nobody would know why.
///
/// # Errors
/// 400 naming the property and what it can be compared with.
pub(super) fn check_operand(
    property: PropertyType,
    path: &Path,
    comparison: &Expr,
) -> Result<(), GraphError> {
    let Some(kind) = leaf(property, path) else { return Ok(()) };
    match comparison {
        Expr::Compare { value, .. } => check_literal(kind, path, value),
        Expr::In { values, .. } => values.iter().try_for_each(|value| check_literal(kind, path, value)),
        Expr::Text { function, .. } if !is_text(kind) => Err(GraphError::bad_request(format!(
            "Invalid filter clause in '$filter': '{path}' is no text, so that '{}' cannot look into it. {}",
            function.name(),
            mend(kind)
        ))),
        Expr::True(_) if kind != PropertyType::Boolean => Err(GraphError::bad_request(format!(
            "Invalid filter clause in '$filter': '{path}' by itself is no condition. {}",
            mend(kind)
        ))),
        _ => Ok(()),
    }
}

/// The same for the elements of a collection, which the condition of a lambda calls by the name of its variable.
pub(super) fn check_element(
    element: PropertyType,
    variable: &Name,
    condition: &Expr,
) -> Result<(), GraphError> {
    match condition {
        Expr::And(members) | Expr::Or(members) => {
            members.iter().try_for_each(|member| check_element(element, variable, member))
        }
        Expr::Not(member) => check_element(element, variable, member),
        Expr::Compare { path, .. } | Expr::In { path, .. } | Expr::Text { path, .. } | Expr::True(path)
            if path.head() == variable.as_str() =>
        {
            check_operand(element, path, condition)
        }
        _ => Ok(()),
    }
}

/// The type of what a path leads to; none where it is not known.
fn leaf(property: PropertyType, path: &Path) -> Option<PropertyType> {
    match (path.names(), property) {
        ([.., last], _) if last == "$count" => Some(PropertyType::Integer),
        ([_], _) => Some(property),
        ([_, _], PropertyType::Texts(_, longest)) => Some(PropertyType::Text(longest)),
        (_, PropertyType::Object) => None,
        _ => Some(PropertyType::Object),
    }
}

fn is_text(kind: PropertyType) -> bool {
    matches!(
        kind,
        PropertyType::Text(_) | PropertyType::Choice(_) | PropertyType::Guid | PropertyType::Binary
    )
}

fn check_literal(kind: PropertyType, path: &Path, literal: &Literal) -> Result<(), GraphError> {
    let fits = match (kind, literal) {
        (_, Literal::Null)
        | (PropertyType::Boolean, Literal::Boolean(_))
        | (PropertyType::Integer, Literal::Integer(_) | Literal::Decimal(_))
        | (PropertyType::DateTime, Literal::DateTime(_)) => true,
        (PropertyType::DateTime, Literal::Text(text)) => text.parse::<Timestamp>().is_ok(),
        (kind, Literal::Text(_) | Literal::Guid(_)) => is_text(kind),
        _ => false,
    };
    if fits {
        return Ok(());
    }
    Err(GraphError::bad_request(format!(
        "Invalid filter clause in '$filter': '{path}' cannot be compared with {literal}. {}",
        mend(kind)
    )))
}

/// What a comparison needs.
fn mend(kind: PropertyType) -> &'static str {
    match kind {
        PropertyType::Boolean => "Compare it with true or false, without quotes.",
        PropertyType::Integer => "Compare it with a number, without quotes.",
        PropertyType::DateTime => "Compare it with a moment without quotes, such as 2026-01-31T00:00:00Z.",
        PropertyType::Texts(..) | PropertyType::Object => {
            "It is an object: compare one of its properties, as in a/b, or compare it with null."
        }
        PropertyType::Text(_) | PropertyType::Choice(_) | PropertyType::Guid | PropertyType::Binary => {
            "Compare it with a text between single quotes."
        }
    }
}
