//! `$select`, `$orderby` and `$expand`, as data.

use super::{QueryOptions, filter::Path};
use crate::error::GraphError;

/// How many items a list option may have.
const MAX_ITEMS: usize = 256;
/// How deep `$expand` may nest.
const MAX_EXPAND: usize = 3;

/// One key of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderBy {
    /// The property.
    pub path: Path,
    /// True for falling order.
    pub descending: bool,
}

/// A related resource that comes along.
#[derive(Clone, Debug, PartialEq)]
pub struct Expand {
    /// The navigation property, as the client spelled it.
    pub name: String,
    /// What is asked of the related resources.
    pub options: QueryOptions,
    /// `$levels`: how far to follow the property; `u32::MAX` for `max`. One where the client did not say.
    pub levels: u32,
}

/// The property names of a `$select`.
pub(super) fn select(value: &str) -> Result<Vec<String>, GraphError> {
    let names: Vec<String> = value.split(',').map(|name| name.trim().to_owned()).collect();
    check_count("$select", names.len())?;
    match names.iter().find(|name| !is_path(name) && *name != "*") {
        Some(name) => Err(GraphError::bad_request(format!(
            "'{name}' in the query option '$select' is no property name. Send names separated by commas."
        ))),
        None => Ok(names),
    }
}

/// The keys of an `$orderby`.
pub(super) fn order_by(value: &str) -> Result<Vec<OrderBy>, GraphError> {
    let items: Vec<&str> = value.split(',').collect();
    check_count("$orderby", items.len())?;
    items.into_iter().map(order_item).collect()
}

fn order_item(item: &str) -> Result<OrderBy, GraphError> {
    let mut words = item.split_whitespace();
    let path = words.next().filter(|path| is_path(path)).and_then(|path| Path::new(path.split('/')));
    let descending = match words.next() {
        None => Some(false),
        Some(word) if word.eq_ignore_ascii_case("asc") => Some(false),
        Some(word) if word.eq_ignore_ascii_case("desc") => Some(true),
        Some(_) => None,
    };
    match (path, descending, words.next()) {
        (Some(path), Some(descending), None) => Ok(OrderBy { path, descending }),
        _ => Err(GraphError::bad_request(format!(
            "'{}' in the query option '$orderby' is no order. Send a property name, then 'asc' or 'desc' or nothing.",
            item.trim()
        ))),
    }
}

/// The related resources of an `$expand`.
pub(super) fn expand(value: &str) -> Result<Vec<Expand>, GraphError> {
    expand_at(value, MAX_EXPAND)
}

fn expand_at(value: &str, depth: usize) -> Result<Vec<Expand>, GraphError> {
    let items = split_outside(value, ',')?;
    check_count("$expand", items.len())?;
    items.into_iter().map(|item| expand_item(item.trim(), depth)).collect()
}

fn expand_item(item: &str, depth: usize) -> Result<Expand, GraphError> {
    let (name, inner) = match item.split_once('(') {
        Some((name, rest)) => (name.trim(), rest.strip_suffix(')').ok_or_else(|| malformed(item))?),
        None => (item, ""),
    };
    if !is_path(name) && name != "*" {
        return Err(malformed(item));
    }
    if depth == 0 {
        return Err(GraphError::bad_request(format!(
            "The query option '$expand' nests deeper than {MAX_EXPAND} levels. Ask for '{name}' in a request of its own."
        )));
    }
    let mut expand = Expand { name: name.to_owned(), options: QueryOptions::default(), levels: 1 };
    for option in split_outside(inner, ';')?.into_iter().map(str::trim).filter(|option| !option.is_empty()) {
        let (key, value) = option.split_once('=').ok_or_else(|| malformed(item))?;
        let key = key.trim().trim_start_matches('$').to_ascii_lowercase();
        match key.as_str() {
            "levels" if value.trim().eq_ignore_ascii_case("max") => expand.levels = u32::MAX,
            "levels" => expand.levels = super::number("$levels", value)?.max(1),
            "expand" => expand.options.expand = expand_at(value, depth - 1)?,
            "filter" | "select" | "orderby" | "top" | "skip" | "count" | "search" => {
                expand.options.set(&key, value)?;
            }
            _ => return Err(super::unknown(&format!("${key}"))),
        }
    }
    Ok(expand)
}

/// Parts between separators that stand outside parentheses and quoted texts.
fn split_outside(text: &str, separator: char) -> Result<Vec<&str>, GraphError> {
    let (mut parts, mut begin, mut depth, mut quoted) = (Vec::new(), 0, 0_usize, false);
    for (at, character) in text.char_indices() {
        match character {
            '\'' => quoted = !quoted,
            _ if quoted => {}
            '(' => depth += 1,
            ')' => depth = depth.checked_sub(1).ok_or_else(|| malformed(text))?,
            _ if character == separator && depth == 0 => {
                parts.extend(text.get(begin..at));
                begin = at + character.len_utf8();
            }
            _ => {}
        }
    }
    if depth > 0 || quoted {
        return Err(malformed(text));
    }
    parts.extend(text.get(begin..));
    Ok(parts)
}

fn malformed(item: &str) -> GraphError {
    GraphError::bad_request(format!(
        "'{item}' in the query option '$expand' cannot be read. Send it like 'manager($select=id;$levels=1)'."
    ))
}

fn check_count(option: &str, count: usize) -> Result<(), GraphError> {
    if count > MAX_ITEMS {
        return Err(GraphError::bad_request(format!(
            "The query option '{option}' has more than {MAX_ITEMS} items. Send fewer."
        )));
    }
    Ok(())
}

/// A name such as `displayName`, `a/b` or `microsoft.graph.user/id`.
fn is_path(text: &str) -> bool {
    !text.is_empty()
        && text.split('/').all(|name| {
            name.starts_with(|first: char| first.is_alphabetic() || first == '_')
                && name.chars().all(|character| character.is_alphanumeric() || matches!(character, '_' | '.'))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_has_keys_and_directions() {
        let order = order_by("displayName desc, employeeOrgData/division ASC,id").unwrap();
        let keys: Vec<String> = order.iter().map(|key| format!("{} {}", key.path, key.descending)).collect();
        assert_eq!(keys, ["displayName true", "employeeOrgData/division false", "id false"]);
        assert!(order_by("displayName desc desc").is_err());
        assert!(order_by("").is_err());
    }

    #[test]
    fn an_expansion_has_options_of_its_own() {
        let expand = expand(
            "manager($levels=max;$select=id,displayName),members($filter=displayName eq 'a;b';$top=5)",
        )
        .unwrap();
        assert_eq!((expand[0].name.as_str(), expand[0].levels), ("manager", u32::MAX));
        assert_eq!(expand[0].options.select, ["id", "displayName"]);
        assert_eq!(expand[1].options.filter.as_ref().unwrap().to_string(), "displayName eq 'a;b'");
        assert_eq!((expand[1].options.top, expand[1].levels), (Some(5), 1));
    }

    #[test]
    fn expansions_nest_so_far() {
        assert!(expand("a($expand=b($expand=c))").is_ok());
        let error = expand("a($expand=b($expand=c($expand=d)))").unwrap_err();
        assert!(error.message().contains("deeper than 3"), "{error}");
        for bad in ["a(", "a)", "a($select)", "a($zz=1)", "", "a($filter=x eq 'y)"] {
            assert!(expand(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_selection_is_a_list_of_names() {
        assert_eq!(select("id, onPremisesExtensionAttributes/extensionAttribute1").unwrap().len(), 2);
        assert_eq!(select("*").unwrap(), ["*"]);
        assert!(select("id,,mail").is_err());
        assert!(select("i d").is_err());
    }
}
