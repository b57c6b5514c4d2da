//! `appRoleAssignedTo` of applications, and `appRoleAssignments` of users, groups and service principals: the same
//! assignments seen from either side.

use std::collections::HashMap;

use directory::{AppRoleAssignment, DirectoryError, DirectoryObject, ObjectKind, Presence, TenantDirectory};
use graph::GraphError;
use graph::collection::Page;
use graph::directory::{Kind, Projection, check_filter, fragment, validate_create};
use graph::odata::matches;
use model::Uuid;
use serde_json::{Map, Value as Json, json};
use store::StoreError;

use super::call::Call;
use super::error::ApiError;
use super::lists::refuse_skip;
use super::paging::Position;
use super::permissions::{
    READ_ASSIGNMENTS, READ_GROUP_ASSIGNMENTS, READ_USER_ASSIGNMENTS, WRITE_ASSIGNMENTS,
};
use super::reply::Reply;
use super::route::{Answer, Route};

/// How many assignments are read from the store at once.
const SCAN_PAGE: usize = 500;

/// From which side assignments are seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    /// Who is assigned to an application.
    Resource,
    /// What an object of this kind is assigned to.
    Principal(ObjectKind),
}

impl Side {
    fn kind(self) -> ObjectKind {
        match self {
            Self::Resource => ObjectKind::ServicePrincipal,
            Self::Principal(kind) => kind,
        }
    }
}

pub(crate) fn routes() -> Vec<Route> {
    let mut routes = Vec::new();
    for (collection, counted, single, side, read) in [
        (
            "servicePrincipals/{id}/appRoleAssignedTo",
            "servicePrincipals/{id}/appRoleAssignedTo/$count",
            "servicePrincipals/{id}/appRoleAssignedTo/{assignment}",
            Side::Resource,
            READ_ASSIGNMENTS,
        ),
        (
            "servicePrincipals/{id}/appRoleAssignments",
            "servicePrincipals/{id}/appRoleAssignments/$count",
            "servicePrincipals/{id}/appRoleAssignments/{assignment}",
            Side::Principal(ObjectKind::ServicePrincipal),
            READ_ASSIGNMENTS,
        ),
        (
            "users/{id}/appRoleAssignments",
            "users/{id}/appRoleAssignments/$count",
            "users/{id}/appRoleAssignments/{assignment}",
            Side::Principal(ObjectKind::User),
            READ_USER_ASSIGNMENTS,
        ),
        (
            "groups/{id}/appRoleAssignments",
            "groups/{id}/appRoleAssignments/$count",
            "groups/{id}/appRoleAssignments/{assignment}",
            Side::Principal(ObjectKind::Group),
            READ_GROUP_ASSIGNMENTS,
        ),
    ] {
        routes.push(Route::get(collection, read, move |call| list(call, side)));
        routes.push(Route::get(counted, read, move |call| count(call, side)));
        routes.push(
            Route::post(collection, WRITE_ASSIGNMENTS, move |call| assign(call, side)).answering(&[201]),
        );
        routes.push(Route::get(single, read, move |call| get(call, side)));
        routes.push(Route::delete(single, WRITE_ASSIGNMENTS, move |call| unassign(call, side)));
    }
    routes
}

/// The assignments of one object.
struct Assignments<'a> {
    call: &'a Call,
    directory: TenantDirectory,
    side: Side,
    of: Uuid,
}

impl<'a> Assignments<'a> {
    async fn of(call: &'a Call, side: Side) -> Result<Self, ApiError> {
        let of = call.object(side.kind(), "id").await?.id;
        Ok(Self { call, directory: call.directory(), side, of })
    }

    async fn page(&self, after: Option<Uuid>, limit: usize) -> Result<Vec<AppRoleAssignment>, ApiError> {
        Ok(match self.side {
            Side::Resource => self.directory.assigned_to(self.of, after, limit).await?,
            Side::Principal(_) => self.directory.assignments_of(self.of, after, limit).await?,
        })
    }

    /// Up to `limit` assignments after an id that satisfy the filter, with their properties.
    async fn find(
        &self,
        mut after: Option<Uuid>,
        limit: usize,
    ) -> Result<Vec<(Uuid, Map<String, Json>)>, ApiError> {
        let filter = self.call.options.filter.as_ref();
        let mut found = Vec::new();
        while found.len() < limit {
            let page_size = if filter.is_some() { SCAN_PAGE } else { limit - found.len() };
            let page = self.page(after, page_size).await?;
            after = page.last().map(|assignment| assignment.id).or(after);
            let room = limit - found.len();
            let described = describe(&self.directory, &page).await?;
            let wanted = described
                .into_iter()
                .filter(|(_, properties)| filter.is_none_or(|filter| matches(filter, properties)));
            found.extend(wanted.take(room));
            if page.len() < page_size {
                break;
            }
        }
        Ok(found)
    }

    async fn count(&self) -> Result<u64, ApiError> {
        let (mut count, mut after) = (0, None);
        loop {
            let page = self.find(after, SCAN_PAGE).await?;
            count += page.len() as u64;
            match page.last() {
                Some((last, _)) if page.len() == SCAN_PAGE => after = Some(*last),
                _ => return Ok(count),
            }
        }
    }

    async fn require(&self, id: Uuid) -> Result<AppRoleAssignment, ApiError> {
        let found = match self.side {
            Side::Resource => self.directory.assigned(self.of, id).await?,
            Side::Principal(_) => self.directory.assignment_of(self.of, id).await?,
        };
        found.ok_or_else(|| GraphError::not_found(&id.to_string()).into())
    }
}

/// The properties of assignments, with the names of what they are between.
async fn describe(
    directory: &TenantDirectory,
    assignments: &[AppRoleAssignment],
) -> Result<Vec<(Uuid, Map<String, Json>)>, ApiError> {
    let mut ids: Vec<Uuid> = assignments.iter().flat_map(|one| [one.principal, one.resource]).collect();
    ids.sort_unstable();
    ids.dedup();
    let objects = directory.objects(&ids, Presence::Any).await?;
    let known: HashMap<Uuid, &DirectoryObject> = objects.iter().map(|object| (object.id, object)).collect();
    Ok(assignments.iter().map(|one| (one.id, properties(one, &known))).collect())
}

fn properties(assignment: &AppRoleAssignment, known: &HashMap<Uuid, &DirectoryObject>) -> Map<String, Json> {
    let name = |id| known.get(&id).and_then(|object| object.text("displayName"));
    let principal_type = known.get(&assignment.principal).map(|object| match object.kind {
        ObjectKind::User => "User",
        ObjectKind::Group => "Group",
        ObjectKind::ServicePrincipal | ObjectKind::Application => "ServicePrincipal",
    });
    let created = assignment.created.to_string();
    let properties = json!({
        "id": assignment.id.to_string(),
        "appRoleId": assignment.app_role.to_string(),
        "createdDateTime": created,
        "creationTimestamp": created,
        "principalDisplayName": name(assignment.principal),
        "principalId": assignment.principal.to_string(),
        "principalType": principal_type,
        "resourceDisplayName": name(assignment.resource),
        "resourceId": assignment.resource.to_string(),
    });
    match properties {
        Json::Object(members) => members,
        _ => Map::new(),
    }
}

/// GET of the collection.
async fn list(call: Call, side: Side) -> Answer {
    refuse_skip(&call)?;
    let projection = Projection::new(Kind::AppRoleAssignment, call.version, &call.options.select)?;
    if let Some(filter) = &call.options.filter {
        check_filter(Kind::AppRoleAssignment, call.version, filter)?;
    }
    let assignments = Assignments::of(&call, side).await?;
    let limit = call.page_size();
    let mut found = assignments.find(call.position()?.after(), limit + 1).await?;
    let more = found.len() > limit;
    found.truncate(limit);
    let next_link = found.last().filter(|_| more).map(|(id, _)| call.next_link(Position::After(*id)));
    let value = found.iter().map(|(id, one)| Json::Object(projection.apply(&id.to_string(), one))).collect();
    let count = if call.options.count { Some(assignments.count().await?) } else { None };
    let fragment = fragment("appRoleAssignments", &call.options.select, false);
    Ok(call.page(&fragment, Page { value, count, next_link, delta_link: None }))
}

/// GET of `$count`.
async fn count(call: Call, side: Side) -> Answer {
    Ok(Reply::count(Assignments::of(&call, side).await?.count().await?))
}

/// GET of one assignment.
async fn get(call: Call, side: Side) -> Answer {
    let assignments = Assignments::of(&call, side).await?;
    let assignment = assignments.require(call.id("assignment")?).await?;
    Ok(Reply::ok(body(&call, &assignments.directory, &assignment).await?))
}

async fn body(
    call: &Call,
    directory: &TenantDirectory,
    assignment: &AppRoleAssignment,
) -> Result<Json, ApiError> {
    let projection = Projection::new(Kind::AppRoleAssignment, call.version, &call.options.select)?;
    let described = describe(directory, std::slice::from_ref(assignment)).await?;
    let properties = described.into_iter().next().map(|(_, properties)| properties).unwrap_or_default();
    let fragment = fragment("appRoleAssignments", &call.options.select, true);
    Ok(call.entity(&fragment, projection.apply(&assignment.id.to_string(), &properties)))
}

/// POST of an assignment. The object of the path must be the one that the body names.
async fn assign(call: Call, side: Side) -> Answer {
    let sent = validate_create(Kind::AppRoleAssignment, call.version, call.object_body()?)?;
    let id = |name: &str| sent.get(name).and_then(Json::as_str).and_then(|text| text.parse::<Uuid>().ok());
    let (Some(principal), Some(resource)) = (id("principalId"), id("resourceId")) else {
        return Err(GraphError::missing_property("principalId").into());
    };
    let assignments = Assignments::of(&call, side).await?;
    let (name, named) = match side {
        Side::Resource => ("resourceId", resource),
        Side::Principal(_) => ("principalId", principal),
    };
    if named != assignments.of {
        let mend = format!("It must be the object of the path, '{}'.", assignments.of);
        return Err(GraphError::invalid_property(name, &mend).into());
    }
    let role = id("appRoleId").unwrap_or(Uuid::nil());
    let assigned = assignments.directory.assign(resource, principal, role).await;
    let assignment = assigned.map_err(|error| match error {
        DirectoryError::Store(StoreError::Duplicate { .. }) => {
            GraphError::bad_request("Permission being assigned already exists on the object").into()
        }
        other => ApiError::from(other),
    })?;
    let body = body(&call, &assignments.directory, &assignment).await?;
    call.audit("Add app role assignment", assignment.id.to_string(), None, Some(body.clone())).await?;
    Ok(Reply::created(body))
}

/// DELETE of an assignment.
async fn unassign(call: Call, side: Side) -> Answer {
    let assignments = Assignments::of(&call, side).await?;
    let assignment = assignments.require(call.id("assignment")?).await?;
    let old = body(&call, &assignments.directory, &assignment).await?;
    assignments.directory.unassign(assignment.id).await?;
    call.audit("Remove app role assignment", assignment.id.to_string(), Some(old), None).await?;
    Ok(Reply::no_content())
}
