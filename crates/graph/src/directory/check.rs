//! What `$filter` and `$orderby` may name.

use super::operand::{check_element, check_operand};
use super::property::{PropertyType, is_extension};
use super::{Kind, project};
use crate::error::GraphError;
use crate::odata::filter::{Expr, Path};
use crate::odata::{OrderBy, Search};
use crate::path::Version;

/// Refuses a filter that names a property which the kind lacks, compares a collection as if it were one value, or a
/// property with what it can never be.
///
/// # Errors
/// 400 naming the property and the mend.
pub fn check_filter(kind: Kind, version: Version, filter: &Expr) -> Result<(), GraphError> {
    match filter {
        Expr::And(members) | Expr::Or(members) => {
            members.iter().try_for_each(|member| check_filter(kind, version, member))
        }
        Expr::Not(member) => check_filter(kind, version, member),
        Expr::Lambda { path, variable, condition, .. } => {
            check_path(kind, version, path, "$filter")?;
            let property = kind.property(path.head()).filter(|_| path.names().len() == 1);
            if property.is_some_and(|property| !property.many) {
                return Err(GraphError::bad_request(format!(
                    "Invalid filter clause in '$filter': '{path}' is no collection. Compare it without any and all."
                )));
            }
            match (property, condition) {
                (Some(property), Some(condition)) => check_element(property.kind, variable, condition),
                _ => Ok(()),
            }
        }
        Expr::Compare { path, .. } | Expr::In { path, .. } | Expr::Text { path, .. } | Expr::True(path) => {
            let collection = check_path(kind, version, path, "$filter")?;
            let counted = path.names().last().is_some_and(|name| name == "$count");
            if collection && !counted {
                return Err(GraphError::bad_request(format!(
                    "Invalid filter clause in '$filter': '{path}' is a collection. Use {path}/any(x:x eq 'value')."
                )));
            }
            match kind.property(path.head()) {
                Some(property) => check_operand(property.kind, path, filter),
                None => Ok(()),
            }
        }
    }
}

/// Refuses an order by a property that the kind lacks or that has no order.
///
/// # Errors
/// 400 naming the property and the mend.
pub fn check_order_by(kind: Kind, version: Version, order: &[OrderBy]) -> Result<(), GraphError> {
    for key in order {
        if check_path(kind, version, &key.path, "$orderby")? {
            return Err(GraphError::bad_request(format!(
                "'{}' in '$orderby' is a collection and has no order. Order by a property with one value.",
                key.path
            )));
        }
    }
    Ok(())
}

/// Refuses a search in a property that is not searched: `$search` looks at the words of `displayName`, and of
/// `description` where the kind has it.
///
/// # Errors
/// 400 naming the property and the mend.
pub fn check_search(kind: Kind, search: &Search) -> Result<(), GraphError> {
    let searched = |name: &str| {
        ["displayName", "description"]
            .iter()
            .any(|known| known.eq_ignore_ascii_case(name) && kind.property(known).is_some())
    };
    match search.properties().find(|name| !searched(name)) {
        None => Ok(()),
        Some(name) => Err(GraphError::bad_request(format!(
            "'{name}' in '$search' is not a searchable property of '{}'. Search displayName, or use '$filter'.",
            kind.type_name()
        ))),
    }
}

/// Whether the path, of which the first names must exist, leads to a collection.
fn check_path(kind: Kind, version: Version, path: &Path, option: &str) -> Result<bool, GraphError> {
    let head = path.head();
    if let Some(property) = kind.property(head).filter(|property| property.exists_in(version)) {
        return match (property.kind, path.names().get(1)) {
            (PropertyType::Texts(members, _), Some(inner))
                if !members.iter().any(|member| inner.eq_ignore_ascii_case(member)) =>
            {
                Err(GraphError::unknown_property(inner, head, members.iter().copied()))
            }
            (_, inner) => Ok(property.many && inner.is_none_or(|inner| inner == "$count")),
        };
    }
    if is_extension(head) {
        return Ok(false);
    }
    if kind.navigates(head) {
        return Err(GraphError::bad_request(format!(
            "'{head}' in '{option}' is a relation, which cannot be searched here. Ask at its own path."
        )));
    }
    Err(project::unknown_in(head, kind, version, option))
}
