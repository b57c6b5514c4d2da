//! Collections of the directory: `$filter`, `$search`, `$orderby`, `$top`, `$count`, page by page.

use std::cmp::Ordering;

use directory::{DirectoryObject, ListQuery, ObjectKind, Predicate, Presence, TenantDirectory};
use graph::GraphError;
use graph::collection::Page;
use graph::directory::{Projection, check_filter, check_order_by, fragment};
use graph::odata::filter::Expr;
use graph::odata::{OrderBy, Search, matches};
use model::Uuid;
use serde_json::{Map, Value as Json};

use super::call::Call;
use super::error::ApiError;
use super::expand::expand;
use super::filter::{Lowered, lower};
use super::objects::{resource, typed_resource, visible, wire_kind};
use super::paging::Position;
use super::reply::Reply;
use super::route::Answer;

/// How many objects are read from the store at once where some of them may not be wanted.
const SCAN_PAGE: usize = 500;
/// How many objects may be brought into an order that the store does not keep.
const MOST_SORTED: usize = 20_000;

/// What is wanted of a kind of object.
struct Selection<'a> {
    directory: TenantDirectory,
    kind: ObjectKind,
    presence: Presence,
    lowered: Lowered,
    filter: Option<&'a Expr>,
    search: Option<&'a Search>,
}

impl<'a> Selection<'a> {
    fn of(call: &'a Call, kind: ObjectKind, presence: Presence) -> Result<Self, GraphError> {
        let wire = wire_kind(kind);
        let filter = call.options.filter.as_ref();
        if let Some(filter) = filter {
            check_filter(wire, call.version, filter)?;
        }
        let everything = Lowered { predicate: None, exact: true };
        Ok(Self {
            directory: call.directory(),
            kind,
            presence,
            lowered: filter.map_or(everything, |filter| lower(wire, filter)),
            filter,
            search: call.options.search.as_ref(),
        })
    }

    /// True where the store alone decides.
    fn is_exact(&self) -> bool {
        self.lowered.exact && self.search.is_none()
    }

    fn query(&self, after: Option<Uuid>, limit: usize) -> ListQuery {
        let predicate: Option<Predicate> = self.lowered.predicate.clone();
        ListQuery { kind: self.kind, presence: self.presence, predicate, after, limit }
    }

    fn wants(&self, object: &DirectoryObject) -> bool {
        if self.is_exact() {
            return true;
        }
        let properties = visible(object);
        self.filter.is_none_or(|filter| matches(filter, &properties))
            && self.search.is_none_or(|search| search.matches(&properties))
    }

    /// Up to `limit` objects after an id.
    async fn find(&self, mut after: Option<Uuid>, limit: usize) -> Result<Vec<DirectoryObject>, ApiError> {
        let mut found = Vec::new();
        while found.len() < limit {
            let wanted = limit - found.len();
            let page_size = if self.is_exact() { wanted } else { wanted.max(SCAN_PAGE) };
            let page = self.directory.list(self.query(after, page_size)).await?;
            let is_last = page.len() < page_size;
            after = page.last().map(|object| object.id).or(after);
            found.extend(page.into_iter().filter(|object| self.wants(object)).take(wanted));
            if is_last {
                break;
            }
        }
        Ok(found)
    }

    /// How many there are in all.
    async fn count(&self) -> Result<u64, ApiError> {
        if self.is_exact() {
            return Ok(self
                .directory
                .count(self.kind, self.presence, self.lowered.predicate.clone())
                .await?);
        }
        let (mut count, mut after) = (0, None);
        loop {
            let page = self.directory.list(self.query(after, SCAN_PAGE)).await?;
            count += page.iter().filter(|object| self.wants(object)).count() as u64;
            match page.last() {
                Some(last) if page.len() == SCAN_PAGE => after = Some(last.id),
                _ => return Ok(count),
            }
        }
    }

    /// A page in an order that the client asked for, and whether more follow.
    async fn sorted(
        &self,
        order: &[OrderBy],
        offset: usize,
        limit: usize,
    ) -> Result<(Vec<DirectoryObject>, bool), ApiError> {
        let all = self.find(None, MOST_SORTED + 1).await?;
        if all.len() > MOST_SORTED {
            return Err(GraphError::bad_request(format!(
                "'$orderby' sorts at most {MOST_SORTED} objects. Narrow the collection with '$filter', or leave the order out."
            ))
            .into());
        }
        let mut keyed: Vec<_> = all.into_iter().map(|object| (visible(&object), object)).collect();
        keyed.sort_by(|(left, _), (right, _)| compare(order, left, right));
        let more = keyed.len() > offset.saturating_add(limit);
        Ok((keyed.into_iter().skip(offset).take(limit).map(|(_, object)| object).collect(), more))
    }
}

/// GET of a collection.
pub(crate) async fn list(call: &Call, kind: ObjectKind) -> Answer {
    page(call, kind, Presence::Live).await
}

/// GET of what is in the bin, of one kind.
pub(crate) async fn list_deleted(call: &Call, kind: ObjectKind) -> Answer {
    page(call, kind, Presence::Deleted).await
}

async fn page(call: &Call, kind: ObjectKind, presence: Presence) -> Answer {
    refuse_skip(call)?;
    let wire = wire_kind(kind);
    let options = &call.options;
    let projection = Projection::new(wire, call.version, &options.select)?;
    check_order_by(wire, call.version, &options.order_by)?;
    let selection = Selection::of(call, kind, presence)?;
    let (position, limit) = (call.position()?, call.page_size());
    let (objects, next) = if options.order_by.is_empty() {
        let mut objects = selection.find(position.after(), limit + 1).await?;
        let more = objects.len() > limit;
        objects.truncate(limit);
        let next = objects.last().filter(|_| more).map(|last| Position::After(last.id));
        (objects, next)
    } else {
        let offset = if let Position::Offset(offset) = position { offset } else { 0 };
        let (objects, more) = selection.sorted(&options.order_by, offset, limit).await?;
        (objects, more.then_some(Position::Offset(offset + limit)))
    };
    let count = if options.count { Some(selection.count().await?) } else { None };
    let mut resources = match presence {
        Presence::Live => objects.iter().map(|object| resource(&projection, object)).collect(),
        _ => objects
            .iter()
            .map(|object| typed_resource(object, call.version, &options.select))
            .collect::<Result<Vec<_>, _>>()?,
    };
    expand(call, &objects, &mut resources).await?;
    let page = Page {
        value: resources.into_iter().map(Json::Object).collect(),
        count,
        next_link: next.map(|position| call.next_link(position)),
        delta_link: None,
    };
    let collection = if presence == Presence::Live { wire.collection() } else { "directoryObjects" };
    Ok(call.page(&fragment(collection, &options.select, false), page))
}

/// GET of `$count`.
pub(crate) async fn count(call: &Call, kind: ObjectKind) -> Answer {
    Ok(Reply::count(Selection::of(call, kind, Presence::Live)?.count().await?))
}

/// Directory collections are paged by token alone, as in Graph.
pub(crate) fn refuse_skip(call: &Call) -> Result<(), GraphError> {
    match call.options.skip {
        None => Ok(()),
        Some(_) => Err(GraphError::bad_request(
            "'$skip' is not supported by directory collections. Follow '@odata.nextLink' instead.",
        )),
    }
}

/// The order of two objects by some keys. What has no value comes first.
fn compare(order: &[OrderBy], left: &Map<String, Json>, right: &Map<String, Json>) -> Ordering {
    order
        .iter()
        .map(|key| {
            let ordering = compare_values(value(left, key), value(right, key));
            if key.descending { ordering.reverse() } else { ordering }
        })
        .find(|ordering| ordering.is_ne())
        .unwrap_or(Ordering::Equal)
}

fn value<'a>(properties: &'a Map<String, Json>, key: &OrderBy) -> &'a Json {
    const NULL: &Json = &Json::Null;
    let mut names = key.path.names().iter();
    let head = names.next().and_then(|name| by_name(properties, name));
    names.fold(head.unwrap_or(NULL), |value, name| {
        value.as_object().and_then(|members| by_name(members, name)).unwrap_or(NULL)
    })
}

fn by_name<'a>(properties: &'a Map<String, Json>, name: &str) -> Option<&'a Json> {
    properties.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

fn compare_values(left: &Json, right: &Json) -> Ordering {
    match (left, right) {
        (Json::String(left), Json::String(right)) => left.to_lowercase().cmp(&right.to_lowercase()),
        (Json::Bool(left), Json::Bool(right)) => left.cmp(right),
        (Json::Number(left), Json::Number(right)) => {
            left.as_f64().partial_cmp(&right.as_f64()).unwrap_or(Ordering::Equal)
        }
        (left, right) => (!left.is_null()).cmp(&!right.is_null()),
    }
}

#[cfg(test)]
mod tests {
    use graph::odata::QueryOptions;
    use serde_json::json;

    use super::*;

    #[test]
    fn objects_are_ordered_by_each_key_in_turn() {
        let order = QueryOptions::parse("$orderby=DEPARTMENT desc,employeeOrgData/division,displayName")
            .unwrap()
            .order_by;
        let object = |value: Json| value.as_object().cloned().unwrap();
        let mut objects = [
            object(json!({"displayName": "c", "department": "A"})),
            object(json!({"displayName": "b", "department": "b", "employeeOrgData": {"division": "x"}})),
            object(json!({"displayName": "B", "department": "b"})),
            object(json!({"displayName": "a"})),
        ];
        objects.sort_by(|left, right| compare(&order, left, right));
        let names: Vec<_> = objects.iter().map(|object| object["displayName"].as_str().unwrap()).collect();
        assert_eq!(names, ["B", "b", "c", "a"]);
    }
}
