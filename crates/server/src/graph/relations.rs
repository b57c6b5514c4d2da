//! Members, owners, managers and direct reports, and the groups that an object is in: lists of objects of several
//! kinds, and the `$ref` operations that set and remove a reference.

mod routes;

use std::collections::BTreeSet;

use directory::{DirectoryError, DirectoryObject, Nesting, ObjectKind, RelationKind};
use graph::GraphError;
use graph::collection::Page;
use graph::directory::{Kind, ObjectReference, check_filter, check_search, fragment};
use graph::odata::filter::Expr;
use graph::odata::matches;
use model::Uuid;
use serde_json::{Map, Value as Json, json};
use store::StoreError;

use super::call::Call;
use super::error::ApiError;
use super::filter::check_terms;
use super::lists::{demand_eventual, refuse_skip};
use super::objects::{audit_relation, check_mixed_select, typed_resource, visible, wire_kind};
use super::paging::Position;
use super::reply::Reply;
use super::route::Answer;

use routes::Shown;
pub(super) use routes::routes;

/// How many references are read from the store at once.
const SCAN_PAGE: usize = 1000;
/// How many objects are held against a filter for one page.
const MOST_SCANNED: usize = 10_000;

/// The objects of a relation, in the order of their ids.
struct Related<'a> {
    call: &'a Call,
    shown: Shown,
    of: Uuid,
    only: Option<ObjectKind>,
    /// The groups around the path's object, where groups within groups are followed.
    groups: Vec<Uuid>,
}

impl<'a> Related<'a> {
    async fn new(call: &'a Call, shown: Shown, only: Option<ObjectKind>) -> Result<Self, ApiError> {
        let of = call.object(shown.owner, "id").await?.id;
        let nesting = if shown.forward { Nesting::Inner } else { Nesting::Outer };
        let groups =
            if shown.nested { call.directory().nested_groups(of, nesting).await? } else { Vec::new() };
        if let Some(filter) = &call.options.filter {
            check_terms(filter)?;
            check_mixed_filter(call, only, filter)?;
        }
        if let Some(search) = &call.options.search {
            check_search(Kind::Group, search)?;
            demand_eventual(call)?;
        }
        Ok(Self { call, shown, of, only, groups })
    }

    async fn ids(&self, after: Option<Uuid>, limit: usize) -> Result<Vec<Uuid>, ApiError> {
        let directory = self.call.directory();
        if self.shown.nested && !self.shown.forward {
            let beyond = self.groups.iter().filter(|id| after.is_none_or(|after| **id > after));
            return Ok(beyond.take(limit).copied().collect());
        }
        if self.shown.nested {
            let mut ids = BTreeSet::new();
            for group in [self.of].iter().chain(&self.groups) {
                ids.extend(directory.related(self.shown.relation, *group, after, limit).await?);
            }
            return Ok(ids.into_iter().take(limit).collect());
        }
        Ok(if self.shown.forward {
            directory.related(self.shown.relation, self.of, after, limit).await?
        } else {
            directory.relating(self.shown.relation, self.of, after, limit).await?
        })
    }

    fn wants(&self, object: &DirectoryObject) -> bool {
        self.only.is_none_or(|kind| kind == object.kind)
            && self.call.options.filter.as_ref().is_none_or(|filter| matches(filter, &visible(object)))
            && self.call.options.search.as_ref().is_none_or(|search| search.matches(&visible(object)))
    }

    fn wants_all(&self) -> bool {
        self.only.is_none() && self.call.options.filter.is_none() && self.call.options.search.is_none()
    }

    /// Up to `limit` objects after an id, and the id to go on after where more may follow.
    async fn find(
        &self,
        mut after: Option<Uuid>,
        limit: usize,
    ) -> Result<(Vec<DirectoryObject>, Option<Uuid>), ApiError> {
        let (mut found, mut looked_at) = (Vec::new(), 0);
        loop {
            let size = if self.wants_all() { limit + 1 - found.len() } else { SCAN_PAGE };
            let ids = self.ids(after, size).await?;
            let is_last = ids.len() < size;
            looked_at += ids.len();
            for object in self.call.directory().by_id(&ids).await? {
                let wanted = self.wants(&object);
                if wanted && found.len() == limit {
                    return Ok((found, after));
                }
                after = Some(object.id);
                if wanted {
                    found.push(object);
                }
            }
            if is_last || looked_at >= MOST_SCANNED {
                return Ok((found, after.filter(|_| !is_last)));
            }
        }
    }

    async fn count(&self) -> Result<u64, ApiError> {
        let (mut count, mut after) = (0, None);
        loop {
            let ids = self.ids(after, SCAN_PAGE).await?;
            count += if self.wants_all() {
                ids.len() as u64
            } else {
                let objects = self.call.directory().by_id(&ids).await?;
                objects.iter().filter(|object| self.wants(object)).count() as u64
            };
            match ids.last() {
                Some(last) if ids.len() == SCAN_PAGE => after = Some(*last),
                _ => return Ok(count),
            }
        }
    }
}

/// GET of the related objects.
async fn list(call: Call, shown: Shown, only: Option<ObjectKind>) -> Answer {
    refuse_skip(&call)?;
    let select = &call.options.select;
    check_mixed_select(select)?;
    if !call.options.order_by.is_empty() {
        return Err(
            GraphError::bad_request("'$orderby' is not supported for relations. Leave it out.").into()
        );
    }
    let related = Related::new(&call, shown, only).await?;
    let (objects, next) = related.find(call.position()?.after(), call.page_size()).await?;
    let next = next.map(|last| call.next_link(Position::After(last)));
    let value = objects
        .iter()
        .map(|object| typed_resource(object, call.version, select).map(Json::Object))
        .collect::<Result<_, _>>()?;
    let count = if call.options.count { Some(related.count().await?) } else { None };
    let collection = only.map_or("directoryObjects", |kind| wire_kind(kind).collection());
    Ok(call
        .page(&fragment(collection, select, false), Page { value, count, next_link: next, delta_link: None }))
}

/// GET of `$count`.
async fn count(call: Call, shown: Shown, only: Option<ObjectKind>) -> Answer {
    Ok(Reply::count(Related::new(&call, shown, only).await?.count().await?))
}

/// GET of `$ref`: the addresses of the related objects.
async fn list_references(call: Call, shown: Shown) -> Answer {
    let limit = call.page_size();
    let related = Related::new(&call, shown, None).await?;
    let mut ids = related.ids(call.position()?.after(), limit + 1).await?;
    let more = ids.len() > limit;
    ids.truncate(limit);
    let next_link = ids.last().filter(|_| more).map(|last| call.next_link(Position::After(*last)));
    let value = ids.iter().map(|id| json!({"@odata.id": object_address(&call, *id)})).collect();
    Ok(call.page("Collection($ref)", Page { value, next_link, ..Page::default() }))
}

fn object_address(call: &Call, id: Uuid) -> String {
    call.address(&format!("directoryObjects/{id}"))
}

/// POST of `$ref`: one more reference.
async fn add(call: Call, shown: Shown) -> Answer {
    let address = ObjectReference::read(call.json()?)?;
    let of = call.object(shown.owner, "id").await?;
    let directory = call.directory();
    let to = call.identify(&directory, &address.object_key()?).await?;
    match directory.relate(shown.relation, of.id, &[to]).await {
        Ok(()) => {}
        Err(DirectoryError::Store(StoreError::RelationExists { .. })) => {
            return Err(GraphError::bad_request(format!(
                "One or more added object references already exist for the following modified properties: '{}'.",
                property(shown.relation)
            ))
            .into());
        }
        Err(error) => return Err(error.into()),
    }
    audit_relation(&call, shown.relation, &of, to, true).await?;
    Ok(Reply::no_content())
}

/// DELETE of `$ref`: one reference less.
async fn remove(call: Call, shown: Shown, key: &str) -> Answer {
    let key = call.key(key)?.value().to_owned();
    unrelate(&call, shown, &key).await
}

/// DELETE of a relation to the object whose address the parameter `@id` is.
async fn remove_by_address(call: Call, shown: Shown) -> Answer {
    let address = call.options.parameter("@id").ok_or_else(|| {
        let mend =
            "Name the object by its address, as in '$ref?@id=https://host/v1.0/directoryObjects/{id}'.";
        GraphError::bad_request(format!("The parameter '@id' is missing. {mend}"))
    })?;
    let key = ObjectReference::key(address)?;
    unrelate(&call, shown, &key).await
}

async fn unrelate(call: &Call, shown: Shown, key: &str) -> Answer {
    let of = call.object(shown.owner, "id").await?;
    let directory = call.directory();
    let to = call.identify(&directory, key).await?;
    directory.unrelate(shown.relation, of.id, &[to]).await?;
    audit_relation(call, shown.relation, &of, to, false).await?;
    Ok(Reply::no_content())
}

/// Refuses a filter that none of the kinds in a collection can be held against.
fn check_mixed_filter(call: &Call, only: Option<ObjectKind>, filter: &Expr) -> Result<(), GraphError> {
    const KINDS: [ObjectKind; 3] = [ObjectKind::User, ObjectKind::Group, ObjectKind::ServicePrincipal];
    let check = |kind: ObjectKind| check_filter(wire_kind(kind), call.version, filter);
    match only {
        Some(kind) => check(kind),
        None if KINDS.into_iter().any(|kind| check(kind).is_ok()) => Ok(()),
        None => check(ObjectKind::User),
    }
}

fn property(relation: RelationKind) -> &'static str {
    match relation {
        RelationKind::Member => "members",
        RelationKind::Manager => "manager",
        RelationKind::Owner => "owners",
    }
}

/// GET of a user's manager.
async fn manager(call: Call) -> Answer {
    let found = find_manager(&call).await?;
    let resource = typed_resource(&found, call.version, &call.options.select)?;
    let fragment = fragment("directoryObjects", &call.options.select, true);
    Ok(Reply::ok(call.entity(&fragment, resource)))
}

/// GET of the address of a user's manager.
async fn manager_reference(call: Call) -> Answer {
    let found = find_manager(&call).await?;
    let mut reference = Map::new();
    reference.insert("@odata.id".to_owned(), Json::from(object_address(&call, found.id)));
    Ok(Reply::ok(call.entity("$ref", reference)))
}

async fn find_manager(call: &Call) -> Result<DirectoryObject, ApiError> {
    check_mixed_select(&call.options.select)?;
    let user = call.object(ObjectKind::User, "id").await?;
    let found = call.directory().manager(user.id).await?;
    Ok(found.ok_or_else(|| GraphError::not_found("manager"))?)
}

/// PUT of `manager/$ref`.
async fn set_manager(call: Call) -> Answer {
    let address = ObjectReference::read(call.json()?)?;
    let user = call.object(ObjectKind::User, "id").await?;
    let directory = call.directory();
    let manager = call.identify(&directory, &address.object_key()?).await?;
    match directory.relate(RelationKind::Manager, user.id, &[manager]).await {
        Ok(()) => audit_relation(&call, RelationKind::Manager, &user, manager, true).await?,
        Err(DirectoryError::Store(StoreError::RelationExists { .. })) => {}
        Err(error) => return Err(error.into()),
    }
    Ok(Reply::no_content())
}

/// DELETE of `manager/$ref`.
async fn remove_manager(call: Call) -> Answer {
    let user = call.object(ObjectKind::User, "id").await?;
    let directory = call.directory();
    let manager = directory.manager(user.id).await?.ok_or_else(|| GraphError::not_found("manager"))?;
    directory.remove_manager(user.id).await?;
    audit_relation(&call, RelationKind::Manager, &user, manager.id, false).await?;
    Ok(Reply::no_content())
}

/// The kind of a wire type name, for filters by type.
pub(crate) fn kind_of_type(name: &str) -> Option<ObjectKind> {
    match Kind::from_type_name(name)? {
        Kind::User => Some(ObjectKind::User),
        Kind::Group => Some(ObjectKind::Group),
        Kind::Application => Some(ObjectKind::Application),
        Kind::ServicePrincipal => Some(ObjectKind::ServicePrincipal),
        Kind::AppRoleAssignment | Kind::Organization => None,
    }
}
