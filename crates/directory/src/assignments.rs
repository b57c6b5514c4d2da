//! App role assignments: who has a right to an application.

use model::Uuid;
use serde_json::Value as Json;
use store::{AppRoleAssignment, DirectoryObject, DirectoryWrite, ObjectKind, Presence};

use crate::applications::app_roles;
use crate::error::{DirectoryError, Result, noun};
use crate::service::TenantDirectory;

impl TenantDirectory {
    /// Assigns a user, group or service principal to an application, by the application's service principal
    /// (`resource`). The nil role stands for default access. `Duplicate` where it is assigned already.
    pub async fn assign(&self, resource: Uuid, principal: Uuid, app_role: Uuid) -> Result<AppRoleAssignment> {
        let service = self.require(ObjectKind::ServicePrincipal, resource).await?;
        let found = self.objects(&[principal], Presence::Live).await?.into_iter().next();
        let found = found.filter(|object| object.kind != ObjectKind::Application).ok_or_else(|| {
            DirectoryError::NotFound { what: "user, group or service principal", id: principal.to_string() }
        })?;
        check_role(&service, found.kind, app_role)?;
        let assignment = self.assignment(resource, principal, app_role);
        self.write(vec![DirectoryWrite::Assign(assignment.clone())]).await?;
        Ok(assignment)
    }

    /// A new assignment, not yet written.
    pub(crate) fn assignment(&self, resource: Uuid, principal: Uuid, app_role: Uuid) -> AppRoleAssignment {
        let id = self.directory.entropy.uuid();
        AppRoleAssignment { id, resource, principal, app_role, created: self.directory.clock.now() }
    }

    /// Ends an assignment.
    pub async fn unassign(&self, id: Uuid) -> Result<()> {
        self.write(vec![DirectoryWrite::Unassign { id }]).await
    }

    /// Assignments of an application, by rising id.
    pub async fn assigned_to(
        &self,
        resource: Uuid,
        after: Option<Uuid>,
        limit: usize,
    ) -> Result<Vec<AppRoleAssignment>> {
        Ok(self.store().assignments_of_resource(self.tenant, resource, after, limit).await?)
    }

    /// Assignments of a principal, by rising id.
    pub async fn assignments_of(
        &self,
        principal: Uuid,
        after: Option<Uuid>,
        limit: usize,
    ) -> Result<Vec<AppRoleAssignment>> {
        Ok(self.store().assignments_of_principal(self.tenant, principal, after, limit).await?)
    }

    /// One assignment of an application.
    pub async fn assigned(&self, resource: Uuid, id: Uuid) -> Result<Option<AppRoleAssignment>> {
        let page = self.assigned_to(resource, before(id), 1).await?;
        Ok(page.into_iter().find(|assignment| assignment.id == id))
    }

    /// One assignment of a principal.
    pub async fn assignment_of(&self, principal: Uuid, id: Uuid) -> Result<Option<AppRoleAssignment>> {
        let page = self.assignments_of(principal, before(id), 1).await?;
        Ok(page.into_iter().find(|assignment| assignment.id == id))
    }
}

/// The id after which a page begins with this one.
fn before(id: Uuid) -> Option<Uuid> {
    id.as_u128().checked_sub(1).map(Uuid::from_u128)
}

/// Refuses a role that the application does not have, or does not give to this kind of principal.
fn check_role(service: &DirectoryObject, kind: ObjectKind, app_role: Uuid) -> Result<()> {
    if app_role.is_nil() {
        return Ok(());
    }
    let refuse = |reason: String| Err(DirectoryError::invalid("appRoleId", reason));
    let name = service.text("displayName").unwrap_or_default();
    let is_it = |role: &&Json| {
        role.get("id").and_then(Json::as_str).and_then(|id| Uuid::parse_str(id).ok()) == Some(app_role)
    };
    let Some(role) = app_roles(service).iter().find(is_it) else {
        return refuse(format!("is '{app_role}', but '{name}' has no such app role"));
    };
    if role.get("isEnabled") == Some(&Json::Bool(false)) {
        return refuse(format!("is '{app_role}', but that app role of '{name}' is disabled"));
    }
    let member = if kind == ObjectKind::ServicePrincipal { "Application" } else { "User" };
    let allowed = role.get("allowedMemberTypes").and_then(Json::as_array);
    if allowed.is_some_and(|types| types.iter().any(|one| one == member)) {
        return Ok(());
    }
    refuse(format!("is '{app_role}', but that app role of '{name}' is not for a {}", noun(kind)))
}
