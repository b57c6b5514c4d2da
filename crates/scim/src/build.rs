//! The client's direction: from flat values at paths to resources and PATCH operations, and back.

use crate::filter::{Filter, Literal};
use crate::json::{self, Entries};
use crate::path::Path;
use crate::schema::{Attribute, DataType};

mod entra;
mod entra_resource;
mod patch;
mod read;
mod resource;
mod rfc7644;
mod roles;
mod search;
#[cfg(test)]
mod tests;
mod value;

pub use entra_resource::entra_resource;
pub use patch::{Edit, EditKind, PatchProfile};
pub use read::{has_value, read_path};
pub use resource::{Extensions, resource};
pub use search::equality;

/// A value that cannot be written at its path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {reason}")]
pub struct BuildError {
    /// The path.
    pub path: String,
    /// What is wrong and what would be right.
    pub reason: String,
}

impl BuildError {
    fn new(path: &impl ToString, reason: impl Into<String>) -> Self {
        Self { path: path.to_string(), reason: reason.into() }
    }

    /// The error at the path that the caller gave.
    fn at(self, path: &Path) -> Self {
        Self { path: path.to_string(), ..self }
    }
}

/// The value that a filter such as `type eq "work"` describes, with its equalities as sub-attributes.
fn element(path: &Path, filter: &Filter, attribute: Option<&Attribute>) -> Result<Entries, BuildError> {
    let Some(equalities) = filter.equalities() else {
        return Err(BuildError::new(
            path,
            "a value can be made from equalities joined by \"and\" alone, such as [type eq \"work\"]",
        ));
    };
    let mut entries = Entries::new();
    for (part, literal) in equalities {
        let name = part.attribute.as_str();
        let boolean = is_boolean(attribute, name);
        let value = match json::truth(&literal.to_json()) {
            Some(truth) if boolean => truth.into(),
            _ => literal.to_json(),
        };
        entries.insert(name.to_owned(), value);
    }
    Ok(entries)
}

/// True where a sub-attribute holds a boolean, as far as is known.
fn is_boolean(attribute: Option<&Attribute>, name: &str) -> bool {
    let known = attribute.and_then(|attribute| attribute.sub_attribute(&name.into()));
    known.map_or(name.eq_ignore_ascii_case("primary"), |known| known.kind == DataType::Boolean)
}

/// The filter with JSON booleans in the place of texts that spell them, which mappings often write for `primary`.
fn typed_filter(filter: &Filter, attribute: Option<&Attribute>) -> Filter {
    let all = |filters: &[Filter]| filters.iter().map(|one| typed_filter(one, attribute)).collect();
    match filter {
        Filter::Compare(path, operator, literal) if is_boolean(attribute, path.attribute.as_str()) => {
            let literal = json::truth(&literal.to_json()).map_or_else(|| literal.clone(), Literal::Boolean);
            Filter::Compare(path.clone(), *operator, literal)
        }
        Filter::And(filters) => Filter::And(all(filters)),
        Filter::Or(filters) => Filter::Or(all(filters)),
        Filter::Not(inner) => Filter::Not(Box::new(typed_filter(inner, attribute))),
        other => other.clone(),
    }
}
