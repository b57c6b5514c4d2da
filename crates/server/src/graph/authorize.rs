//! Whether a caller may do what a route does.

use directory::{DirectoryObject, ObjectKind, RelationKind};
use graph::GraphError;
use model::Uuid;

use super::call::Call;
use super::error::ApiError;
use super::route::Needs;
use crate::auth::Caller;

/// Lets a caller pass that has one of the permissions. Returns true where all that it has of them are for owned
/// applications alone.
pub(super) fn permit(caller: &Caller, needs: Needs) -> Result<bool, GraphError> {
    let sufficient = match needs {
        Needs::Token => return Ok(false),
        Needs::OneOf(sufficient) => sufficient,
    };
    let mut held = sufficient.iter().filter(|permission| caller.has(permission)).peekable();
    if held.peek().is_none() {
        return Err(GraphError::denied(sufficient));
    }
    Ok(held.all(|permission| permission.ends_with(".OwnedBy")))
}

/// Lets a caller pass that has one of the permissions, for handlers that learn late what they do. The permissions are not
/// to be of the kind that is for owned applications alone.
pub(super) fn demand(caller: &Caller, sufficient: &'static [&'static str]) -> Result<(), GraphError> {
    if permit(caller, Needs::OneOf(sufficient))? { Err(GraphError::denied(sufficient)) } else { Ok(()) }
}

impl Call {
    /// Refuses, where the caller may only touch what it owns, a path below an application or service principal that it
    /// does not own, whatever the route's handler does.
    pub(super) async fn check_path(&self, route: &str) -> Result<(), ApiError> {
        if !self.owned_only {
            return Ok(());
        }
        let mut parts = route.split('/');
        let kind = match parts.next() {
            Some("applications") => ObjectKind::Application,
            Some("servicePrincipals") => ObjectKind::ServicePrincipal,
            _ => return Ok(()),
        };
        match parts.next().and_then(|part| part.strip_prefix('{')?.strip_suffix('}')) {
            Some(key) => self.object(kind, key).await.map(drop),
            None => Ok(()),
        }
    }

    /// Refuses an application or service principal that the caller may only touch as its owner, and does not own. An
    /// application's service principal counts as owned where the application is.
    pub(crate) async fn check_ownership(&self, object: &DirectoryObject) -> Result<(), ApiError> {
        if !self.owned_only || self.owns(object.id).await? {
            return Ok(());
        }
        // The client may manage itself, and the application's owner its service principal.
        let app_id = object.text("appId").unwrap_or_default();
        if app_id.eq_ignore_ascii_case(&self.caller.client) {
            return Ok(());
        }
        let other = match object.kind {
            ObjectKind::ServicePrincipal => ObjectKind::Application,
            _ => ObjectKind::ServicePrincipal,
        };
        if let Some(companion) = self.directory().find_by(other, "appId", app_id).await?
            && self.owns(companion.id).await?
        {
            return Ok(());
        }
        Err(GraphError::new(
            403,
            graph::error::DENIED,
            "Insufficient privileges to complete the operation: this client may only manage applications that it owns. Make it an owner, or grant Application.ReadWrite.All.",
        )
        .into())
    }

    async fn owns(&self, object: Uuid) -> Result<bool, ApiError> {
        let Some(principal) = self.caller.principal else { return Ok(false) };
        // Asks for the page that would begin with the caller.
        let before = principal.as_u128().checked_sub(1).map(Uuid::from_u128);
        let owners = self.directory().related(RelationKind::Owner, object, before, 1).await?;
        Ok(owners.first() == Some(&principal))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use model::TenantId;

    use super::*;

    fn caller(roles: &[&str]) -> Caller {
        let roles = Arc::new(roles.iter().map(|role| (*role).to_owned()).collect());
        let (tenant, client) = (TenantId(Uuid::nil()), "c".to_owned());
        Caller { tenant, client, principal: Some(Uuid::nil()), outside: None, roles }
    }

    #[test]
    fn one_of_the_permissions_suffices() {
        const NEEDS: Needs = Needs::OneOf(&["Application.ReadWrite.OwnedBy", "Application.ReadWrite.All"]);
        assert_eq!(permit(&caller(&["Application.ReadWrite.OwnedBy"]), NEEDS), Ok(true));
        assert_eq!(permit(&caller(&["Application.ReadWrite.All"]), NEEDS), Ok(false));
        let both = caller(&["Application.ReadWrite.OwnedBy", "Application.ReadWrite.All"]);
        assert_eq!(permit(&both, NEEDS), Ok(false));
        let error = permit(&caller(&["User.Read.All"]), NEEDS).unwrap_err();
        assert_eq!((error.status(), error.code()), (403, "Authorization_RequestDenied"));
    }
}
