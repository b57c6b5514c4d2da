//! New resources as the provisioning service of Microsoft Entra sends them.

use model::Value;
use serde_json::{Value as Json, json};

use super::resource::{Extensions, resource};
use super::roles::ROLE_TYPE;
use super::{BuildError, is_boolean};
use crate::json::{self, Entries};
use crate::path::Path;
use crate::schema::{ENTERPRISE_USER, GROUP, ResourceSchema, USER};

/// The schema that Entra adds to every new group.
const ENTRA_GROUP: &str = "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group";

/// The resource in Entra's form: `meta.resourceType` is there; a user has `roles`, if only an empty array, its work
/// address is primary, and its manager is the bare id; a group names a schema of Entra's own. `schemas` names no custom
/// extension, and the enterprise extension always where the mapping's object type is it.
pub fn entra_resource(
    schema: &ResourceSchema,
    resource_type: &str,
    is_enterprise: bool,
    values: &[(Path, Value)],
) -> Result<Json, BuildError> {
    let mut built = resource(schema, values, Extensions::Unannounced)?;
    let Some(entries) = built.as_object_mut() else { return Ok(built) };
    let base = &schema.base().id;
    if base.eq_ignore_ascii_case(USER) {
        if is_enterprise {
            announce(entries, ENTERPRISE_USER);
        }
        dress_user(entries, schema);
        name_type(entries, "User");
    } else if base.eq_ignore_ascii_case(GROUP) {
        announce(entries, ENTRA_GROUP);
        name_type(entries, "Group");
    } else {
        name_type(entries, resource_type);
    }
    Ok(built)
}

fn name_type(entries: &mut Entries, name: &str) {
    json::set(entries, "meta", json!({"resourceType": name}));
}

fn announce(entries: &mut Entries, uri: &str) {
    let mut schemas = json::take_elements(entries, "schemas");
    if !schemas.iter().any(|known| known.as_str().is_some_and(|known| known.eq_ignore_ascii_case(uri))) {
        schemas.push(uri.into());
    }
    json::set(entries, "schemas", schemas.into());
}

fn dress_user(entries: &mut Entries, schema: &ResourceSchema) {
    let mut roles = json::take_elements(entries, "roles");
    for role in roles.iter_mut().filter_map(Json::as_object_mut) {
        let primary = json::get(role, "primary").and_then(json::truth);
        if primary.is_some() && json::get(role, "type").is_none() {
            json::set(role, "type", ROLE_TYPE.into());
        }
    }
    json::set(entries, "roles", roles.into());
    let known = schema.base().attribute(&"emails".into());
    let mut emails = json::take_elements(entries, "emails");
    for email in emails.iter_mut().filter_map(Json::as_object_mut) {
        let is_work = json::get(email, "type").and_then(Json::as_str) == Some("work");
        if is_work && is_boolean(known, "primary") && json::get(email, "primary").is_none() {
            json::set(email, "primary", true.into());
        }
    }
    if !emails.is_empty() {
        json::set(entries, "emails", emails.into());
    }
    if json::key_of(entries, ENTERPRISE_USER).is_some() {
        let mut extension = json::take_entries(entries, ENTERPRISE_USER);
        let manager = json::get(&extension, "manager").and_then(|manager| manager.get("value")).cloned();
        if let Some(id) = manager {
            json::set(&mut extension, "manager", id);
        }
        json::set(entries, ENTERPRISE_USER, extension.into());
    }
}
