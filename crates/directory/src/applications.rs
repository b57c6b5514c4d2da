//! Applications and service principals.

use serde_json::{Map, Value as Json, json};
use store::{DirectoryObject, DirectoryWrite, ObjectKind};

use crate::error::{DirectoryError, Result};
use crate::objects::NewObject;
use crate::service::TenantDirectory;

/// The application template of a custom, non-gallery application.
pub const CUSTOM_APPLICATION_TEMPLATE: &str = "8adf8e6e-67b2-4cf2-a259-e3dc5476c621";

/// What [`instantiate`](TenantDirectory::instantiate) made.
#[derive(Clone, Debug, PartialEq)]
pub struct Instantiated {
    /// The application.
    pub application: DirectoryObject,
    /// Its service principal.
    pub service_principal: DirectoryObject,
}

/// The app roles of an application or service principal, as Graph `appRole` resources.
#[must_use]
pub fn app_roles(object: &DirectoryObject) -> &[Json] {
    object.properties.get("appRoles").and_then(Json::as_array).map_or(&[], Vec::as_slice)
}

impl TenantDirectory {
    /// Makes an application. `appId` is chosen where the properties have none.
    pub async fn create_application(&self, properties: Map<String, Json>) -> Result<DirectoryObject> {
        let application = self.prepare_application(properties)?;
        self.write(vec![DirectoryWrite::Create(application.clone())]).await?;
        Ok(application)
    }

    /// Makes the service principal of a live application of this tenant, named by `appId`. Name and roles are the
    /// application's where the properties have none.
    pub async fn create_service_principal(&self, properties: Map<String, Json>) -> Result<DirectoryObject> {
        let Some(app_id) = properties.get("appId").and_then(Json::as_str) else {
            return Err(DirectoryError::invalid("appId", "is missing: name the application by its appId"));
        };
        let application = self.find_by(ObjectKind::Application, "appId", app_id).await?;
        let application = application.ok_or_else(|| {
            let reason = format!("is '{app_id}', but this tenant has no such application: create it first");
            DirectoryError::invalid("appId", reason)
        })?;
        let principal = self.prepare_principal(&application, properties)?;
        self.write(vec![DirectoryWrite::Create(principal.clone())]).await?;
        Ok(principal)
    }

    /// Makes an application of a template and its service principal, in one transaction, with the app roles `User` and
    /// `msiam_access` that such applications begin with.
    pub async fn instantiate(&self, template: &str, display_name: &str) -> Result<Instantiated> {
        let mut properties = Map::new();
        properties.insert("displayName".to_owned(), display_name.into());
        properties.insert("applicationTemplateId".to_owned(), template.into());
        properties.insert("appRoles".to_owned(), default_app_roles());
        let application = self.prepare_application(properties)?;
        let mut properties = Map::new();
        properties.insert("appRoleAssignmentRequired".to_owned(), true.into());
        let tags = [
            "WindowsAzureActiveDirectoryCustomSingleSignOnApplication",
            "WindowsAzureActiveDirectoryIntegratedApp",
        ];
        properties.insert("tags".to_owned(), json!(tags));
        let service_principal = self.prepare_principal(&application, properties)?;
        let created = [application.clone(), service_principal.clone()];
        self.write(created.into_iter().map(DirectoryWrite::Create).collect()).await?;
        Ok(Instantiated { application, service_principal })
    }

    /// An application as it will be written, with what Graph gives every application.
    pub(crate) fn prepare_application(&self, mut properties: Map<String, Json>) -> Result<DirectoryObject> {
        let app_id = Json::String(self.directory.entropy.uuid().to_string());
        default(&mut properties, "appId", app_id);
        default(&mut properties, "signInAudience", "AzureADMyOrg".into());
        for list in ["appRoles", "identifierUris", "passwordCredentials", "keyCredentials", "tags"] {
            default(&mut properties, list, Json::Array(Vec::new()));
        }
        self.prepare(NewObject { kind: ObjectKind::Application, id: None, properties })
    }

    /// The service principal of an application as it will be written, with what Graph gives every one.
    pub(crate) fn prepare_principal(
        &self,
        application: &DirectoryObject,
        mut properties: Map<String, Json>,
    ) -> Result<DirectoryObject> {
        for (name, of_application) in [
            ("appId", "appId"),
            ("displayName", "displayName"),
            ("appDisplayName", "displayName"),
            ("applicationTemplateId", "applicationTemplateId"),
            ("appRoles", "appRoles"),
        ] {
            let value = application.properties.get(of_application).cloned().unwrap_or_default();
            default(&mut properties, name, value);
        }
        let names = Json::Array(application.properties.get("appId").cloned().into_iter().collect());
        default(&mut properties, "servicePrincipalNames", names);
        default(&mut properties, "servicePrincipalType", "Application".into());
        default(&mut properties, "accountEnabled", true.into());
        default(&mut properties, "appRoleAssignmentRequired", false.into());
        default(&mut properties, "appOwnerOrganizationId", self.tenant.to_string().into());
        default(&mut properties, "tags", Json::Array(Vec::new()));
        self.prepare(NewObject { kind: ObjectKind::ServicePrincipal, id: None, properties })
    }
}

/// Sets a property that is absent or null.
pub(crate) fn default(properties: &mut Map<String, Json>, name: &str, value: Json) {
    let present = properties.entry(name).or_insert(Json::Null);
    if present.is_null() {
        *present = value;
    }
}

fn default_app_roles() -> Json {
    let role = |id: &str, name: &str| {
        json!({
            "allowedMemberTypes": ["User"], "description": name, "displayName": name, "id": id,
            "isEnabled": true, "origin": "Application", "value": null
        })
    };
    json!([
        role("18d14569-c3bd-439b-9a66-3a2aee01d14f", "User"),
        role("b9632174-c057-4f7e-951b-be3adc52bfe6", "msiam_access"),
    ])
}
