//! App role assignments as values of the attribute `roles`.

use serde_json::{Value as Json, json};

use crate::path::AttributePath;

/// The type that Microsoft Entra gives to the roles that it provisions.
pub(super) const ROLE_TYPE: &str = "WindowsAzureActiveDirectoryRole";

/// True for the attribute `roles` as a whole, of any schema.
pub(super) fn holds(path: &AttributePath) -> bool {
    path.attribute.is("roles") && path.sub_attribute.is_none()
}

/// The role that an app role assignment gives: the text of a JSON object with `id`, `value` and `displayName`, as the
/// functions `AppRoleAssignmentsComplex` and `AssertiveAppRoleAssignmentsComplex` return it. None for any other text, a
/// role in SCIM's own form among them.
pub(super) fn role(text: &str) -> Option<Json> {
    if !text.trim_start().starts_with('{') {
        return None;
    }
    let assignment: Json = serde_json::from_str(text).ok()?;
    let entries = assignment.as_object()?;
    if !entries.keys().all(|key| ["id", "value", "displayName"].contains(&key.as_str())) {
        return None;
    }
    let named = |keys: &[&str]| {
        let mut found = keys.iter().filter_map(|key| assignment.get(key)?.as_str());
        found.find(|name| !name.is_empty()).map(str::to_owned)
    };
    // What has an id or a name is an assignment; `{"value": …}` alone is SCIM's own form already.
    named(&["id", "displayName"])?;
    let value = named(&["value", "displayName", "id"])?;
    let display = named(&["displayName", "value"]).unwrap_or_else(|| value.clone());
    Some(json!({"primary": false, "type": ROLE_TYPE, "display": display, "value": value}))
}
