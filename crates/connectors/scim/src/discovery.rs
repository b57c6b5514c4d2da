//! What the service says about itself: its abilities, resource types and schemas.

use connector::{ConnectorError, ErrorClass, Result};
use model::schema::DirectoryDefinition;
use model::{FailureCode, Name};
use reqwest::Url;
use scim::message::ListResponse;
use scim::schema::{ENTERPRISE_USER, GROUP, Schema, USER, directory_definition, object_name};
use scim::service::{ResourceType, SchemaExtension, ServiceProviderConfig};
use scim::{CaselessName, ResourceSchema};
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use crate::answer::Answer;
use crate::client::Client;

/// The service as it describes itself, and as the RFCs say where it does not.
pub(crate) struct Service {
    /// True where resources can be changed in part.
    pub(crate) patch: bool,
    /// True where pages can be asked for by cursor (RFC 9865): what is written meanwhile moves none of them.
    pub(crate) pages_by_cursor: bool,
    /// Resources in one answer at most, where the service tells.
    pub(crate) max_results: Option<u64>,
    kinds: Vec<Kind>,
}

/// One object type at the service.
#[derive(Debug)]
pub(crate) struct Kind {
    /// The resource type, as the service describes it.
    pub(crate) resource_type: ResourceType,
    /// Below the base address, such as `/Users`.
    pub(crate) endpoint: String,
    /// Its schemas, open for what the service does not tell.
    pub(crate) schema: ResourceSchema,
    /// True where it has `members`, which are left out of answers.
    pub(crate) has_members: bool,
}

impl Service {
    /// Asks the service. What it refuses to tell is taken to be as the RFCs say; an error only where nothing can be
    /// learnt now, such as without a connection or while the service is down.
    pub(crate) async fn discover(client: &Client) -> Result<Self> {
        let config: Option<ServiceProviderConfig> =
            optional(client, "/ServiceProviderConfig", |answer| answer.json("the service's configuration"))
                .await?;
        let types = optional(client, "/ResourceTypes", |answer| documents(answer, "resource types")).await?;
        let schemas = optional(client, "/Schemas", |answer| documents(answer, "schemas")).await?;
        Ok(Self::new(client.base(), config, types.unwrap_or_default(), &schemas.unwrap_or_default()))
    }

    fn new(
        base: &Url,
        config: Option<ServiceProviderConfig>,
        types: Vec<ResourceType>,
        schemas: &[Schema],
    ) -> Self {
        let types = if types.is_empty() { usual_types() } else { types };
        let kinds = types
            .into_iter()
            .map(|kind| {
                let schema = ResourceSchema::of(&kind, schemas).open();
                let has_members = schema.base().attribute(&CaselessName::from("members")).is_some();
                Kind { endpoint: endpoint(base, &kind.endpoint), resource_type: kind, schema, has_members }
            })
            .collect();
        // A service without a configuration is most likely one that can do the usual.
        let config = config.unwrap_or_else(|| {
            let mut usual = ServiceProviderConfig::default();
            usual.patch.supported = true;
            usual
        });
        let paging = config.pagination.unwrap_or_default();
        let limits = [Some(config.filter.max_results), paging.max_page_size];
        Self {
            patch: config.patch.supported,
            pages_by_cursor: paging.cursor,
            max_results: limits.into_iter().flatten().filter(|most| *most > 0).min(),
            kinds,
        }
    }

    /// The object type of a name: a schema's URI, or the resource type's own name.
    pub(crate) fn kind(&self, name: &Name) -> Result<&Kind> {
        let wanted = if name.eq_ignore_ascii_case(ENTERPRISE_USER) { USER } else { name };
        let found = self.kinds.iter().find(|kind| {
            let names = [&kind.resource_type.schema, &kind.resource_type.name];
            let extends = kind
                .resource_type
                .schema_extensions
                .iter()
                .any(|one| one.schema.eq_ignore_ascii_case(wanted));
            names.iter().any(|one| one.eq_ignore_ascii_case(wanted)) || extends
        });
        found.ok_or_else(|| {
            let known: Vec<_> = self.kinds.iter().map(|kind| object_name(&kind.resource_type)).collect();
            let detail = format!("the target has no object type {name}; it has {}", known.join(", "));
            ConnectorError::new(ErrorClass::Permanent, detail).code(FailureCode::EntityTypeNotSupported)
        })
    }
}

/// The service's own description of its object types. Fails where the service has none to give.
pub(crate) async fn definition(client: &Client) -> Result<DirectoryDefinition> {
    let types: Vec<ResourceType> = documents(&required(client, "/ResourceTypes").await?, "resource types")?;
    let schemas: Vec<Schema> = documents(&required(client, "/Schemas").await?, "schemas")?;
    let name = client.base().host_str().unwrap_or("SCIM");
    Ok(directory_definition(name, &types, &schemas))
}

async fn required(client: &Client, endpoint: &str) -> Result<Answer> {
    client.get(client.url(endpoint, None, &[])?).await?.granted()
}

/// A document that the service may lack.
async fn optional<T>(
    client: &Client,
    endpoint: &str,
    read: impl FnOnce(&Answer) -> Result<T>,
) -> Result<Option<T>> {
    let answer = client.get(client.url(endpoint, None, &[])?).await;
    if let Ok(answer) = &answer
        && answer.is_outage()
    {
        return Err(answer.refused());
    }
    match answer.and_then(Answer::granted).and_then(|answer| read(&answer)) {
        Ok(document) => Ok(Some(document)),
        Err(error) if is_passing(&error) => Err(error),
        Err(_) => Ok(None),
    }
}

/// True where the same question may be answered later, or with other credentials. A service that fails on one of its
/// own descriptions (500) may well work otherwise.
fn is_passing(error: &ConnectorError) -> bool {
    match error.class {
        ErrorClass::Unauthorized | ErrorClass::Throttled { .. } => true,
        ErrorClass::Retry { .. } => error.code != FailureCode::InternalServerError,
        ErrorClass::Unavailable => error.code != FailureCode::ServiceIncompatible,
        _ => false,
    }
}

/// The documents of a list, or of a bare array as some services send it.
fn documents<T: DeserializeOwned>(answer: &Answer, what: &str) -> Result<Vec<T>> {
    let body: Json = answer.json(what)?;
    let elements = match body {
        Json::Array(elements) => elements,
        Json::Object(_) => answer.json::<ListResponse>(what)?.resources,
        _ => return Err(answer.incompatible(&format!("where {what} were expected"))),
    };
    // One odd document does not spoil the others.
    Ok(elements.into_iter().filter_map(|element| serde_json::from_value(element).ok()).collect())
}

/// An endpoint below the base address, also where the service writes the whole address.
fn endpoint(base: &Url, text: &str) -> String {
    let path = match Url::parse(text) {
        Ok(url) => url.path().to_owned(),
        Err(_) => text.to_owned(),
    };
    let below = path.strip_prefix(base.path().trim_end_matches('/')).filter(|_| base.path().len() > 1);
    format!("/{}", below.unwrap_or(&path).trim_matches('/'))
}

/// Users with the enterprise extension, and groups.
fn usual_types() -> Vec<ResourceType> {
    let kind = |name: &str, schema: &str| ResourceType {
        name: name.to_owned(),
        endpoint: format!("/{name}s"),
        schema: schema.to_owned(),
        ..ResourceType::default()
    };
    let enterprise = SchemaExtension { schema: ENTERPRISE_USER.to_owned(), required: false };
    vec![ResourceType { schema_extensions: vec![enterprise], ..kind("User", USER) }, kind("Group", GROUP)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base() -> Url {
        "https://h/scim/v2".parse().unwrap()
    }

    #[test]
    fn types_are_found_by_any_of_their_names() {
        let service = Service::new(&base(), None, Vec::new(), &[]);
        for (name, endpoint) in [
            (ENTERPRISE_USER, "/Users"),
            (USER, "/Users"),
            ("user", "/Users"),
            (GROUP, "/Groups"),
            ("Group", "/Groups"),
        ] {
            assert_eq!(service.kind(&name.into()).unwrap().endpoint, endpoint);
        }
        let error = service.kind(&"Device".into()).unwrap_err();
        assert_eq!(error.code, FailureCode::EntityTypeNotSupported);
        assert!(service.patch && service.kind(&"Group".into()).unwrap().has_members);
    }

    #[test]
    fn a_user_type_need_not_name_the_enterprise_extension() {
        let bare = ResourceType {
            name: "Person".to_owned(),
            endpoint: "https://h/scim/v2/People".to_owned(),
            schema: USER.to_owned(),
            ..ResourceType::default()
        };
        let service = Service::new(&base(), Some(ServiceProviderConfig::default()), vec![bare], &[]);
        assert_eq!(service.kind(&ENTERPRISE_USER.into()).unwrap().endpoint, "/People");
        assert!(!service.patch);
    }

    #[test]
    fn endpoints_are_below_the_base_address() {
        for (text, expected) in [
            ("/Users", "/Users"),
            ("Users", "/Users"),
            ("/scim/v2/Users", "/Users"),
            ("https://other/scim/v2/Users/", "/Users"),
        ] {
            assert_eq!(endpoint(&base(), text), expected);
        }
        assert_eq!(endpoint(&"https://h".parse().unwrap(), "/Users"), "/Users");
    }
}
