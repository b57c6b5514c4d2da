//! What every tenant begins with.

use std::collections::HashSet;

use model::Uuid;
use serde_json::{Map, Value as Json, json};
use store::{DirectoryObject, DirectoryWrite, ObjectKind, Presence, StoreError, Tenant};

use crate::applications::default;
use crate::error::Result;
use crate::objects::NewObject;
use crate::permissions::{GRAPH_APP_ID, PERMISSIONS};
use crate::service::{Directory, TenantDirectory, equal};

/// The tag by which the first client of a tenant is found again.
pub const BOOTSTRAP_TAG: &str = "EntenteBootstrapClient";

/// Assignments read at once: more than there are permissions.
const PAGE: usize = 1_000;

/// What every tenant begins with.
#[derive(Clone, Debug, PartialEq)]
pub struct Bootstrapped {
    /// The built-in service principal "Microsoft Graph", whose app roles are the permissions.
    pub graph: DirectoryObject,
    /// The application of the first client. It holds every permission; its credential is the caller's to add.
    pub client: DirectoryObject,
    /// The first client's service principal.
    pub client_principal: DirectoryObject,
}

impl Directory {
    /// Makes sure that a tenant exists and has what every tenant begins with. What is there stays; permissions that a
    /// newer version brings are added to Microsoft Graph and granted to the first client. `client_id` is the first
    /// client's `appId`; where none is given, the client is the one made before, or a new one.
    pub async fn bootstrap_tenant(&self, tenant: Tenant, client_id: Option<Uuid>) -> Result<Bootstrapped> {
        let id = tenant.id;
        match self.store.create_tenant(tenant).await {
            Ok(()) | Err(StoreError::Duplicate { .. }) => {}
            Err(other) => return Err(other.into()),
        }
        let directory = self.of(id);
        let graph = directory.ensure_graph().await?;
        let client = directory.ensure_client(client_id).await?;
        let client_principal = directory.ensure_principal(&client).await?;
        directory.grant_all(&graph, &client_principal).await?;
        Ok(Bootstrapped { graph, client, client_principal })
    }
}

impl TenantDirectory {
    async fn ensure_graph(&self) -> Result<DirectoryObject> {
        let roles: Json = PERMISSIONS.iter().map(crate::Permission::app_role).collect();
        let kind = ObjectKind::ServicePrincipal;
        if let Some(found) = self.find_by(kind, "appId", GRAPH_APP_ID).await? {
            let change = |properties: &mut Map<String, Json>| {
                properties.insert("appRoles".to_owned(), roles.clone());
                Ok(())
            };
            return self.modify(kind, found.id, None, change).await;
        }
        let name = "Microsoft Graph";
        let properties = object(json!({
            "appId": GRAPH_APP_ID, "displayName": name, "appDisplayName": name, "appRoles": roles,
            "servicePrincipalNames": [GRAPH_APP_ID, "https://graph.microsoft.com"],
            "servicePrincipalType": "Application", "accountEnabled": true, "appRoleAssignmentRequired": false,
            "tags": [],
        }));
        let graph = self.prepare(NewObject { kind, id: None, properties })?;
        self.write(vec![DirectoryWrite::Create(graph.clone())]).await?;
        Ok(graph)
    }

    async fn ensure_client(&self, client_id: Option<Uuid>) -> Result<DirectoryObject> {
        let kind = ObjectKind::Application;
        let (property, text) = match client_id {
            Some(id) => ("appId", id.to_string()),
            None => ("tags", BOOTSTRAP_TAG.to_owned()),
        };
        if let Some(found) = self.list(equal(kind, Presence::Live, property, &text)).await?.into_iter().next()
        {
            return Ok(found);
        }
        let mut properties =
            object(json!({"displayName": "Entente bootstrap client", "tags": [BOOTSTRAP_TAG]}));
        if let Some(id) = client_id {
            default(&mut properties, "appId", id.to_string().into());
        }
        self.create_application(properties).await
    }

    async fn ensure_principal(&self, application: &DirectoryObject) -> Result<DirectoryObject> {
        let app_id = application.text("appId").unwrap_or_default();
        if let Some(found) = self.find_by(ObjectKind::ServicePrincipal, "appId", app_id).await? {
            return Ok(found);
        }
        let principal = self.prepare_principal(application, Map::new())?;
        self.write(vec![DirectoryWrite::Create(principal.clone())]).await?;
        Ok(principal)
    }

    async fn grant_all(&self, graph: &DirectoryObject, client: &DirectoryObject) -> Result<()> {
        let assigned = self.assignments_of(client.id, None, PAGE).await?;
        let held: HashSet<Uuid> = assigned
            .iter()
            .filter(|assignment| assignment.resource == graph.id)
            .map(|assignment| assignment.app_role)
            .collect();
        let missing = PERMISSIONS.iter().filter(|permission| !held.contains(&permission.id));
        let assign = |id| DirectoryWrite::Assign(self.assignment(graph.id, client.id, id));
        self.write(missing.map(|permission| assign(permission.id)).collect()).await
    }
}

fn object(value: Json) -> Map<String, Json> {
    match value {
        Json::Object(members) => members,
        _ => Map::new(),
    }
}
