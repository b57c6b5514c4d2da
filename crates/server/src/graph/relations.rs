//! Members, owners, managers and direct reports, and the groups that an object is in: lists of objects of several
//! kinds, and the `$ref` operations that set and remove a reference.

use directory::{DirectoryError, DirectoryObject, ObjectKind, RelationKind};
use graph::GraphError;
use graph::collection::Page;
use graph::directory::{Kind, ObjectReference, fragment};
use graph::odata::matches;
use model::Uuid;
use serde_json::{Map, Value as Json, json};
use store::StoreError;

use super::call::Call;
use super::error::ApiError;
use super::lists::refuse_skip;
use super::objects::{check_mixed_select, typed_resource, visible, wire_kind};
use super::paging::Position;
use super::permissions::{
    READ_APPLICATION, READ_GROUPS, READ_MEMBERSHIPS, READ_USERS, WRITE_APPLICATION, WRITE_GROUPS, WRITE_USERS,
};
use super::reply::Reply;
use super::route::{Answer, Route};

/// How many references are read from the store at once.
const SCAN_PAGE: usize = 1000;

/// A relation as a path shows it.
#[derive(Clone, Copy)]
struct Shown {
    /// Whose relation.
    owner: ObjectKind,
    /// Which.
    relation: RelationKind,
    /// Whether the path's object refers, or is referred to.
    forward: bool,
}

const MEMBERS: Shown = Shown { owner: ObjectKind::Group, relation: RelationKind::Member, forward: true };
const DIRECT_REPORTS: Shown =
    Shown { owner: ObjectKind::User, relation: RelationKind::Manager, forward: false };

const fn member_of(owner: ObjectKind) -> Shown {
    Shown { owner, relation: RelationKind::Member, forward: false }
}

const fn owners(owner: ObjectKind) -> Shown {
    Shown { owner, relation: RelationKind::Owner, forward: true }
}

/// The routes of all relations. Collections can be narrowed to a kind by its name, as in `members/microsoft.graph.user`.
pub(crate) fn routes() -> Vec<Route> {
    let mut routes = vec![
        Route::get("users/{id}/manager", READ_USERS, manager),
        Route::get("users/{id}/manager/$ref", READ_USERS, manager_reference),
        Route::put("users/{id}/manager/$ref", WRITE_USERS, set_manager),
        Route::delete("users/{id}/manager/$ref", WRITE_USERS, remove_manager),
        Route::get("users/{id}/directReports", READ_USERS, |call| list(call, DIRECT_REPORTS, None)),
        Route::get("users/{id}/directReports/$count", READ_USERS, |call| count(call, DIRECT_REPORTS)),
        Route::get("users/{id}/memberOf", READ_MEMBERSHIPS, |call| {
            list(call, member_of(ObjectKind::User), None)
        }),
        Route::get("users/{id}/memberOf/$count", READ_MEMBERSHIPS, |call| {
            count(call, member_of(ObjectKind::User))
        }),
        Route::get("users/{id}/memberOf/group", READ_MEMBERSHIPS, |call| {
            list(call, member_of(ObjectKind::User), Some(ObjectKind::Group))
        }),
        Route::get("groups/{id}/memberOf", READ_GROUPS, |call| {
            list(call, member_of(ObjectKind::Group), None)
        }),
        Route::get("groups/{id}/memberOf/$count", READ_GROUPS, |call| {
            count(call, member_of(ObjectKind::Group))
        }),
        Route::get("servicePrincipals/{id}/memberOf", READ_APPLICATION, |call| {
            list(call, member_of(ObjectKind::ServicePrincipal), None)
        }),
        Route::get("groups/{id}/members", READ_GROUPS, |call| list(call, MEMBERS, None)),
        Route::get("groups/{id}/members/$count", READ_GROUPS, |call| count(call, MEMBERS)),
        Route::get("groups/{id}/members/$ref", READ_GROUPS, |call| list_references(call, MEMBERS)),
        Route::post("groups/{id}/members/$ref", WRITE_GROUPS, |call| add(call, MEMBERS)),
        Route::delete("groups/{id}/members/{member}/$ref", WRITE_GROUPS, |call| {
            remove(call, MEMBERS, "member")
        }),
    ];
    for (name, kind) in [
        ("groups/{id}/members/user", ObjectKind::User),
        ("groups/{id}/members/group", ObjectKind::Group),
        ("groups/{id}/members/servicePrincipal", ObjectKind::ServicePrincipal),
    ] {
        routes.push(Route::get(name, READ_GROUPS, move |call| list(call, MEMBERS, Some(kind))));
    }
    for (paths, kind, read, write) in [
        (
            ["groups/{id}/owners", "groups/{id}/owners/$ref", "groups/{id}/owners/{owner}/$ref"],
            ObjectKind::Group,
            READ_GROUPS,
            WRITE_GROUPS,
        ),
        (
            [
                "applications/{id}/owners",
                "applications/{id}/owners/$ref",
                "applications/{id}/owners/{owner}/$ref",
            ],
            ObjectKind::Application,
            READ_APPLICATION,
            WRITE_APPLICATION,
        ),
        (
            [
                "servicePrincipals/{id}/owners",
                "servicePrincipals/{id}/owners/$ref",
                "servicePrincipals/{id}/owners/{owner}/$ref",
            ],
            ObjectKind::ServicePrincipal,
            READ_APPLICATION,
            WRITE_APPLICATION,
        ),
    ] {
        let [collection, references, reference] = paths;
        routes.push(Route::get(collection, read, move |call| list(call, owners(kind), None)));
        routes.push(Route::get(references, read, move |call| list_references(call, owners(kind))));
        routes.push(Route::post(references, write, move |call| add(call, owners(kind))));
        routes.push(Route::delete(reference, write, move |call| remove(call, owners(kind), "owner")));
    }
    routes
}

/// The objects of a relation, in the order of their ids.
struct Related<'a> {
    call: &'a Call,
    shown: Shown,
    of: Uuid,
    only: Option<ObjectKind>,
}

impl Related<'_> {
    async fn ids(&self, after: Option<Uuid>, limit: usize) -> Result<Vec<Uuid>, ApiError> {
        let directory = self.call.directory();
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

    /// Up to `limit` objects after an id.
    async fn find(&self, mut after: Option<Uuid>, limit: usize) -> Result<Vec<DirectoryObject>, ApiError> {
        let mut found = Vec::new();
        while found.len() < limit {
            let page_size = if self.wants_all() { limit - found.len() } else { SCAN_PAGE };
            let ids = self.ids(after, page_size).await?;
            after = ids.last().copied().or(after);
            let objects = self.call.directory().by_id(&ids).await?;
            let room = limit - found.len();
            found.extend(objects.into_iter().filter(|object| self.wants(object)).take(room));
            if ids.len() < page_size {
                break;
            }
        }
        Ok(found)
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
    let of = call.object(shown.owner, "id").await?.id;
    let related = Related { call: &call, shown, of, only };
    let limit = call.page_size();
    let mut objects = related.find(call.position()?.after(), limit + 1).await?;
    let more = objects.len() > limit;
    objects.truncate(limit);
    let next = objects.last().filter(|_| more).map(|last| call.next_link(Position::After(last.id)));
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
async fn count(call: Call, shown: Shown) -> Answer {
    let of = call.object(shown.owner, "id").await?.id;
    Ok(Reply::count(Related { call: &call, shown, of, only: None }.count().await?))
}

/// GET of `$ref`: the addresses of the related objects.
async fn list_references(call: Call, shown: Shown) -> Answer {
    let of = call.object(shown.owner, "id").await?.id;
    let limit = call.page_size();
    let mut ids =
        Related { call: &call, shown, of, only: None }.ids(call.position()?.after(), limit + 1).await?;
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
    audit_owner(&call, shown, &of, "Add owner to", to).await?;
    Ok(Reply::no_content())
}

/// DELETE of `$ref`: one reference less.
async fn remove(call: Call, shown: Shown, key: &str) -> Answer {
    let of = call.object(shown.owner, "id").await?;
    let directory = call.directory();
    let to = call.identify(&directory, call.key(key)?.value()).await?;
    directory.unrelate(shown.relation, of.id, &[to]).await?;
    audit_owner(&call, shown, &of, "Remove owner from", to).await?;
    Ok(Reply::no_content())
}

/// Who owns an application decides who may configure it.
async fn audit_owner(
    call: &Call,
    shown: Shown,
    of: &DirectoryObject,
    activity: &str,
    owner: Uuid,
) -> Result<(), ApiError> {
    if shown.relation != RelationKind::Owner || of.kind == ObjectKind::Group {
        return Ok(());
    }
    let activity = format!("{activity} {}", super::objects::activity_noun(of.kind));
    call.audit(&activity, of.id.to_string(), None, Some(json!({ "owner": owner }))).await
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
        Ok(()) | Err(DirectoryError::Store(StoreError::RelationExists { .. })) => Ok(Reply::no_content()),
        Err(error) => Err(error.into()),
    }
}

/// DELETE of `manager/$ref`.
async fn remove_manager(call: Call) -> Answer {
    let user = call.object(ObjectKind::User, "id").await?;
    let directory = call.directory();
    if directory.manager(user.id).await?.is_none() {
        return Err(GraphError::not_found("manager").into());
    }
    directory.remove_manager(user.id).await?;
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
