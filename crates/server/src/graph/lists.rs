//! Collections of the directory: `$filter`, `$search`, `$orderby`, `$top`, `$count`, page by page.

use std::cmp::Ordering;

use directory::{
    DirectoryObject, ListQuery, ORDERED, ObjectKind, OrderedQuery, Predicate, Presence, TenantDirectory,
};
use graph::GraphError;
use graph::collection::Page;
use graph::directory::{Projection, check_filter, check_order_by, check_search, fragment};
use graph::odata::filter::Expr;
use graph::odata::{OrderBy, matches};
use model::{Name, Uuid};
use serde_json::{Map, Value as Json};

use super::call::Call;
use super::error::ApiError;
use super::expand::expand;
use super::filter::{Lowered, lower, lower_search};
use super::objects::{resource, typed_resource, visible, wire_kind};
use super::paging::Position;
use super::reply::Reply;
use super::route::Answer;

/// How many objects are read from the store at once where some of them may not be wanted.
const SCAN_PAGE: usize = 500;
/// How many objects are looked at for one page where no index finds them: a page may have few or none of them, and a
/// link to the next.
const MOST_SCANNED: usize = 10_000;
/// How many objects may be brought into an order that the store does not keep.
const MOST_SORTED: usize = 20_000;

/// What is wanted of a kind of object.
struct Selection<'a> {
    directory: TenantDirectory,
    kind: ObjectKind,
    presence: Presence,
    lowered: Lowered,
    filter: Option<&'a Expr>,
}

/// A way through the objects of a kind.
enum Walk {
    /// By rising id, beyond one.
    ById(Option<Uuid>),
    /// In the order of a property, beyond an object that had a value.
    InOrder { property: &'static str, descending: bool, after: Option<(String, Uuid)> },
}

impl Walk {
    /// The way that an order asks for, from a position on; none where the store keeps no such order.
    fn of(order: &[OrderBy], presence: Presence, position: Position) -> Option<Self> {
        let [key] = order else {
            return order.is_empty().then(|| Self::ById(position.after()));
        };
        let property = ORDERED.into_iter().find(|known| key.path.is(known))?;
        let after = match position {
            Position::AfterValue(id, value) => Some((value, id)),
            _ => None,
        };
        let walk = Self::InOrder { property, descending: key.descending, after };
        (presence == Presence::Live).then_some(walk)
    }

    /// Goes on beyond an object.
    fn pass(&mut self, object: &DirectoryObject) {
        match self {
            Self::ById(after) => *after = Some(object.id),
            Self::InOrder { property, after, .. } => {
                *after = Some((object.text(property).unwrap_or_default().to_owned(), object.id));
            }
        }
    }

    fn position(self) -> Option<Position> {
        match self {
            Self::ById(after) => after.map(Position::After),
            Self::InOrder { after, .. } => after.map(|(value, id)| Position::AfterValue(id, value)),
        }
    }
}

impl<'a> Selection<'a> {
    fn of(call: &'a Call, kind: ObjectKind, presence: Presence) -> Result<Self, GraphError> {
        let wire = wire_kind(kind);
        let filter = call.options.filter.as_ref();
        let mut lowered = Lowered::EVERYTHING;
        if let Some(filter) = filter {
            check_filter(wire, call.version, filter)?;
            lowered = lower(wire, filter);
        }
        if let Some(search) = &call.options.search {
            check_search(wire, search)?;
            demand_eventual(call)?;
            lowered = lowered.and(lower_search(wire, search));
        }
        Ok(Self { directory: call.directory(), kind, presence, lowered, filter })
    }

    /// The condition that the store finds objects by: one that an index knows. What it would have to look for among all
    /// is looked for here, so much at a time.
    fn indexed(&self) -> Option<&Predicate> {
        self.lowered.predicate.as_ref().filter(|predicate| predicate.narrows())
    }

    /// True where the store alone decides.
    fn is_whole(&self) -> bool {
        self.lowered.exact && (self.lowered.predicate.is_none() || self.indexed().is_some())
    }

    fn wants(&self, object: &DirectoryObject) -> bool {
        if self.is_whole() {
            return true;
        }
        self.lowered.predicate.as_ref().is_none_or(|predicate| predicate.holds(object))
            && (self.lowered.exact || self.filter.is_none_or(|filter| matches(filter, &visible(object))))
    }

    async fn page(&self, walk: &Walk, limit: usize) -> Result<Vec<DirectoryObject>, ApiError> {
        let (kind, predicate) = (self.kind, self.indexed().cloned());
        Ok(match walk {
            Walk::ById(after) => {
                let (presence, after) = (self.presence, *after);
                self.directory.list(ListQuery { kind, presence, predicate, after, limit }).await?
            }
            Walk::InOrder { property, descending, after } => {
                let (property, after) = (Name::new_static(property), after.clone());
                let descending = *descending;
                let query = OrderedQuery { kind, predicate, property, descending, after, limit };
                self.directory.list_ordered(query).await?
            }
        })
    }

    /// Up to `limit` objects along a way, which goes on beyond them, and whether more may follow. Looks at about
    /// `most` objects at most.
    async fn find(
        &self,
        walk: &mut Walk,
        limit: usize,
        most: usize,
    ) -> Result<(Vec<DirectoryObject>, bool), ApiError> {
        let (mut found, mut looked_at) = (Vec::new(), 0);
        loop {
            let size = if self.is_whole() { limit + 1 - found.len() } else { SCAN_PAGE };
            let page = self.page(walk, size).await?;
            let is_last = page.len() < size;
            looked_at += page.len();
            for object in page {
                let wanted = self.wants(&object);
                if wanted && found.len() == limit {
                    return Ok((found, true));
                }
                walk.pass(&object);
                if wanted {
                    found.push(object);
                }
            }
            if is_last || looked_at >= most {
                return Ok((found, !is_last));
            }
        }
    }

    /// How many there are in all.
    async fn count(&self) -> Result<u64, ApiError> {
        if self.lowered.exact {
            return Ok(self
                .directory
                .count(self.kind, self.presence, self.lowered.predicate.clone())
                .await?);
        }
        let (mut count, mut walk) = (0, Walk::ById(None));
        loop {
            let (found, more) = self.find(&mut walk, SCAN_PAGE, SCAN_PAGE).await?;
            count += found.len() as u64;
            if !more {
                return Ok(count);
            }
        }
    }

    /// A page in an order that the store does not keep, and whether more follow.
    async fn sorted(
        &self,
        order: &[OrderBy],
        offset: usize,
        limit: usize,
    ) -> Result<(Vec<DirectoryObject>, bool), ApiError> {
        let (all, more) = self.find(&mut Walk::ById(None), MOST_SORTED, usize::MAX).await?;
        if more {
            return Err(GraphError::bad_request(format!(
                "'$orderby' sorts at most {MOST_SORTED} objects unless it is by displayName or userPrincipalName alone. Narrow the collection with '$filter', or leave the order out."
            ))
            .into());
        }
        let mut keyed: Vec<_> = all.into_iter().map(|object| (visible(&object), object)).collect();
        keyed.sort_by(|(left, _), (right, _)| compare(order, left, right));
        let more = keyed.len() > offset.saturating_add(limit);
        Ok((keyed.into_iter().skip(offset).take(limit).map(|(_, object)| object).collect(), more))
    }
}

/// Searches are answered from an index that may lag behind in Graph, which demands that clients say they know.
pub(crate) fn demand_eventual(call: &Call) -> Result<(), GraphError> {
    let level = call.headers.get("consistencylevel").and_then(|value| value.to_str().ok());
    if level.is_some_and(|level| level.trim().eq_ignore_ascii_case("eventual")) {
        return Ok(());
    }
    Err(GraphError::new(
        400,
        "Request_UnsupportedQuery",
        "Request with $search query parameter only works with a special request header: 'ConsistencyLevel: eventual'.",
    ))
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
    let offset = if let Position::Offset(offset) = position { offset } else { 0 };
    let (objects, next) = if let Some(mut walk) = Walk::of(&options.order_by, presence, position) {
        let (objects, more) = selection.find(&mut walk, limit, MOST_SCANNED).await?;
        (objects, if more { walk.position() } else { None })
    } else {
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
