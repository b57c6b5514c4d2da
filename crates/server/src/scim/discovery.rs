//! What the service says about itself (RFC 7644, section 4).

use scim::Error;
use scim::message::ListResponse;
use scim::meta::Meta;
use scim::schema::{ENTERPRISE_USER, RESOURCE_TYPE, SCHEMA, SERVICE_PROVIDER_CONFIG, Schema};
use scim::service::{
    AuthenticationScheme, BulkSupport, FilterSupport, Pagination, ResourceType, SchemaExtension,
    ServiceProviderConfig, Supported,
};
use serde_json::{Value as Json, json};

use super::bulk::MOST_OPERATIONS;
use super::call::Call;
use super::failure::{Failure, Result};
use super::kind::Kind;
use super::list;
use super::places::CURSOR_SECONDS;
use super::reply::Reply;

/// Answers a GET below one of the three addresses.
pub(super) fn answer(call: &Call, segments: &[&str]) -> Result<Reply> {
    if call.query.get("filter").is_some() {
        return Err(
            Error::new(403, None, "Descriptions of the service are not filtered: leave out filter.").into()
        );
    }
    match segments {
        ["ServiceProviderConfig"] => Ok(Reply::ok(&json!(config(call)))),
        ["ResourceTypes"] => Ok(all(&resource_types(call))),
        ["ResourceTypes", name] => one(resource_types(call), name, |kind| &kind.name),
        ["Schemas"] => Ok(all(&schemas(call))),
        ["Schemas", uri] => one(schemas(call), uri, |schema| &schema.id),
        _ => Err(Failure::not_found(&segments.join("/"))),
    }
}

fn all<T: serde::Serialize>(documents: &[T]) -> Reply {
    let documents: Vec<Json> = documents.iter().map(|document| json!(document)).collect();
    let total = documents.len() as u64;
    Reply::ok(&json!(ListResponse::page(documents, 1, total)))
}

fn one<T: serde::Serialize>(documents: Vec<T>, wanted: &str, name: impl Fn(&T) -> &String) -> Result<Reply> {
    let found = documents.into_iter().find(|document| name(document).eq_ignore_ascii_case(wanted));
    found.map(|document| Reply::ok(&json!(document))).ok_or_else(|| Failure::not_found(wanted))
}

fn meta(call: &Call, kind: &str, path: &str) -> Meta {
    let location = Some(format!("{}/{path}", call.base));
    Meta { resource_type: Some(kind.to_owned()), location, ..Meta::default() }
}

fn config(call: &Call) -> ServiceProviderConfig {
    let yes = Supported { supported: true };
    ServiceProviderConfig {
        schemas: vec![SERVICE_PROVIDER_CONFIG.to_owned()],
        documentation_uri: None,
        patch: yes,
        bulk: BulkSupport {
            supported: true,
            max_operations: MOST_OPERATIONS as u64,
            max_payload_size: call.service().limits.body as u64,
        },
        filter: FilterSupport { supported: true, max_results: list::MOST as u64 },
        change_password: Supported { supported: false },
        sort: yes,
        etag: yes,
        pagination: Some(Pagination {
            cursor: true,
            index: true,
            default_pagination_method: Some("index".to_owned()),
            default_page_size: Some(list::DEFAULT_COUNT as u64),
            max_page_size: Some(list::MOST as u64),
            cursor_timeout: Some(u64::from(CURSOR_SECONDS)),
        }),
        authentication_schemes: vec![AuthenticationScheme {
            kind: "oauthbearertoken".to_owned(),
            name: "Bearer token".to_owned(),
            description: "An access token of the tenant's token endpoint, or a tenant token, of a client with the permission Scim.ReadWrite.All"
                .to_owned(),
            spec_uri: Some("https://www.rfc-editor.org/rfc/rfc6750".to_owned()),
            documentation_uri: None,
            primary: Some(true),
        }],
        meta: Some(meta(call, "ServiceProviderConfig", "ServiceProviderConfig")),
    }
}

fn resource_types(call: &Call) -> Vec<ResourceType> {
    let describe = |kind: Kind| {
        let extensions = kind.schema().extensions().iter();
        ResourceType {
            schemas: vec![RESOURCE_TYPE.to_owned()],
            id: Some(kind.name().to_owned()),
            name: kind.name().to_owned(),
            description: kind.schema().base().description.clone(),
            endpoint: format!("/{}", kind.endpoint()),
            schema: kind.uri().to_owned(),
            schema_extensions: extensions
                .map(|extension| SchemaExtension { schema: extension.id.clone(), required: false })
                .collect(),
            meta: Some(meta(call, "ResourceType", &format!("ResourceTypes/{}", kind.name()))),
        }
    };
    Kind::ALL.into_iter().map(describe).collect()
}

fn schemas(call: &Call) -> Vec<Schema> {
    let base = Kind::ALL.into_iter().map(|kind| kind.schema().base());
    let enterprise = Kind::User.schema().extension(&ENTERPRISE_USER.into());
    let describe = |schema: &Schema| Schema {
        schemas: vec![SCHEMA.to_owned()],
        meta: Some(meta(call, "Schema", &format!("Schemas/{}", schema.id))),
        ..schema.clone()
    };
    base.chain(enterprise).map(describe).collect()
}
