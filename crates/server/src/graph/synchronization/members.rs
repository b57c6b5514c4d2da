//! Collections that fit in memory: `$filter`, `$orderby`, `$skip`, `$top`, `$count` and `$select` on JSON resources.

use graph::GraphError;
use graph::collection::Page;
use graph::odata::filter::Path;
use graph::odata::matches;
use model::Name;
use serde::Serialize;
use serde_json::{Map, Value as Json};

use crate::graph::call::Call;
use crate::graph::paging::Position;
use crate::graph::reply::Reply;
use crate::graph::route::Answer;

/// A resource's JSON.
pub(in crate::graph) fn members(resource: &impl Serialize) -> Result<Map<String, Json>, GraphError> {
    match serde_json::to_value(resource) {
        Ok(Json::Object(members)) => Ok(members),
        other => {
            tracing::error!(?other, "a resource has no JSON object");
            Err(GraphError::internal())
        }
    }
}

/// The answer of a collection, all of whose members are given, with the properties that each of them has.
pub(in crate::graph) fn collection(
    call: &Call,
    fragment: &str,
    properties: &[&str],
    all: Vec<Map<String, Json>>,
) -> Answer {
    let options = &call.options;
    let offset = if let Position::Offset(offset) = call.position()? { offset } else { 0 };
    let offset = offset + options.skip.and_then(|skip| usize::try_from(skip).ok()).unwrap_or(0);
    let wanted = wanted(call, properties, all)?;
    let total = wanted.len();
    let limit = if options.top.is_some() { call.page_size() } else { total };
    let value: Result<Vec<Json>, GraphError> = wanted
        .into_iter()
        .skip(offset)
        .take(limit)
        .map(|one| Ok(Json::Object(selected(call, one)?)))
        .collect();
    let end = offset.saturating_add(limit);
    let next_link = (total > end).then(|| call.next_link(Position::Offset(end)));
    let count = options.count.then_some(total as u64);
    Ok(call.page(fragment, Page { value: value?, count, next_link, delta_link: None }))
}

/// The answer of a collection's `$count`.
pub(in crate::graph) fn count(call: &Call, properties: &[&str], all: Vec<Map<String, Json>>) -> Answer {
    Ok(Reply::count(wanted(call, properties, all)?.len() as u64))
}

/// The answer of a single resource.
pub(in crate::graph) fn entity(call: &Call, fragment: &str, resource: Map<String, Json>) -> Answer {
    Ok(Reply::ok(call.entity(fragment, selected(call, resource)?)))
}

/// The members that satisfy the filter, in the order asked for.
fn wanted(
    call: &Call,
    properties: &[&str],
    mut all: Vec<Map<String, Json>>,
) -> Result<Vec<Map<String, Json>>, GraphError> {
    let options = &call.options;
    check_named(call, properties, &all)?;
    if options.search.is_some() {
        return Err(GraphError::bad_request("'$search' is not supported by this collection. Use '$filter'."));
    }
    if let Some(key) = options.order_by.first() {
        let descending = key.descending;
        let text = |one: &Map<String, Json>| {
            let mut value = Some(one).and_then(|one| by_name(one, key.path.head()));
            for name in key.path.names().iter().skip(1) {
                value = value.and_then(|value| by_name(value.as_object()?, name));
            }
            value.map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_lowercase))
        };
        all.sort_by_cached_key(|one| text(one));
        if descending {
            all.reverse();
        }
    }
    if let Some(filter) = &options.filter {
        all.retain(|one| matches(filter, one));
    }
    Ok(all)
}

/// Refuses a filter or an order by a property that no member has. Of what clients sent, such as directories, members may
/// have more than others.
fn check_named(call: &Call, properties: &[&str], all: &[Map<String, Json>]) -> Result<(), GraphError> {
    let options = &call.options;
    let has = |path: &Path| {
        let shown: Vec<&Json> = all.iter().filter_map(|one| by_name(one, path.head())).collect();
        let below = path.names().get(1..).unwrap_or_default();
        shown.iter().any(|value| leads_somewhere(value, below))
            || shown.is_empty() && properties.iter().any(|known| known.eq_ignore_ascii_case(path.head()))
    };
    let mut named: Vec<(&str, &Path)> = options.order_by.iter().map(|key| ("$orderby", &key.path)).collect();
    if let Some(filter) = &options.filter {
        filter.visit_paths(&mut |path| named.push(("$filter", path)));
    }
    match named.into_iter().find(|(_, path)| !has(path)) {
        Some((option, path)) => Err(unknown(&path.to_string(), option, properties)),
        None => Ok(()),
    }
}

/// False where a value can have no such property. What null would have, nobody can tell.
fn leads_somewhere(value: &Json, names: &[Name]) -> bool {
    let Some((name, below)) = names.split_first() else { return true };
    match value {
        Json::Null => true,
        Json::Object(members) => by_name(members, name).is_some_and(|inner| leads_somewhere(inner, below)),
        Json::Array(_) => name == "$count" && below.is_empty(),
        _ => false,
    }
}

fn unknown(name: &str, option: &str, known: &[&str]) -> GraphError {
    GraphError::bad_request(format!(
        "Could not find a property named '{name}' in '{option}'. The properties are: {}.",
        known.join(", ")
    ))
}

/// The properties of a resource that `$select` names; all of them without it. What was expanded always stays.
pub(in crate::graph) fn selected(
    call: &Call,
    mut resource: Map<String, Json>,
) -> Result<Map<String, Json>, GraphError> {
    let select = &call.options.select;
    if select.is_empty() || select.iter().any(|name| name == "*") {
        return Ok(resource);
    }
    for name in select {
        let head = name.split('/').next().unwrap_or(name);
        if by_name(&resource, head).is_none() {
            let known: Vec<&str> = resource.keys().map(String::as_str).collect();
            return Err(unknown(name, "$select", &known));
        }
    }
    let chosen = |name: &str| {
        let mut names = select.iter().map(|name| name.split('/').next().unwrap_or(name));
        names.any(|wanted| wanted.eq_ignore_ascii_case(name))
            || call.options.expand.iter().any(|expand| expand.name.eq_ignore_ascii_case(name))
    };
    resource.retain(|name, _| chosen(name));
    Ok(resource)
}

fn by_name<'a>(resource: &'a Map<String, Json>, name: &str) -> Option<&'a Json> {
    resource.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

impl Call {
    /// True where `$expand` names this related resource; any that is not `known` is refused.
    pub(in crate::graph) fn expands(&self, name: &str, known: &[&str]) -> Result<bool, GraphError> {
        for expand in &self.options.expand {
            if expand.name != "*" && !known.iter().any(|known| known.eq_ignore_ascii_case(&expand.name)) {
                return Err(GraphError::bad_request(format!(
                    "'{}' in '$expand' is no related resource here. Use: {}.",
                    expand.name,
                    known.join(", ")
                )));
            }
        }
        let asked = self.options.expand.iter();
        Ok(asked
            .map(|expand| expand.name.as_str())
            .any(|asked| asked == "*" || asked.eq_ignore_ascii_case(name)))
    }
}
