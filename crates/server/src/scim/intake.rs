//! Resources that clients send: brought into the types of their attributes.

use model::Uuid;
use scim::message::{PatchOperation, PatchRequest};
use scim::patch::{self, Form};
use scim::{Error, Path, ResourceSchema, ScimType};
use serde_json::{Map, Value as Json};

use super::failure::{Failure, Result};
use super::kind::{ENTERPRISE, Kind};

/// What the service alone writes; RFC 7644, section 3.3 wants it ignored.
const READ_ONLY: [&str; 4] = ["id", "meta", "schemas", "groups"];

/// A resource of a POST or PUT: attributes of a type in the form of their type, without nulls and without what the
/// service alone writes. Required attributes are there.
pub(super) fn resource(kind: Kind, body: &Json) -> Result<Map<String, Json>> {
    let Json::Object(sent) = body else {
        return Err(Failure::invalid_syntax(format!(
            "The body must be a JSON object: a resource of the schema {}.",
            kind.uri()
        )));
    };
    check_schemas(kind, sent)?;
    let mut sent = sent.clone();
    sent.retain(|name, _| {
        let name = name
            .rsplit_once(':')
            .filter(|(uri, _)| uri.eq_ignore_ascii_case(kind.uri()))
            .map_or(name.as_str(), |(_, name)| name);
        !READ_ONLY.iter().any(|own| own.eq_ignore_ascii_case(name))
    });
    let schema = schema_of(kind, &sent);
    let mut resource = Json::Object(Map::new());
    let operation = PatchOperation { op: "add".to_owned(), path: None, value: Some(Json::Object(sent)) };
    edit(&mut resource, &operation, schema.as_ref().unwrap_or(kind.schema())).map_err(|mut error| {
        if let Some(detail) = error.detail.strip_prefix(ONLY) {
            error.detail = detail.to_owned();
        }
        error
    })?;
    let mut resource = match resource {
        Json::Object(resource) => resource,
        _ => Map::new(),
    };
    resource.remove("schemas");
    check_required(kind, &resource)?;
    Ok(resource)
}

/// How messages about the only operation of a request begin.
const ONLY: &str = "operation 1: ";

/// Applies one operation of a PATCH request, in the forms of RFC 7644 and of Microsoft Entra. True where the resource
/// changed.
pub(super) fn edit(
    resource: &mut Json,
    operation: &PatchOperation,
    schema: &ResourceSchema,
) -> std::result::Result<bool, Error> {
    if let Some(path) = &operation.path {
        check_path(resource, path, schema)?;
    }
    let request = PatchRequest::new(vec![operation.clone()]);
    // RFC 7644, section 3.5.2.3 wants an error where a filter selects nothing to replace; Entra, which writes Replace,
    // wants the element made.
    if operation.op == "replace" && operation.path.as_ref().is_some_and(|path| path.contains('[')) {
        let strict = patch::apply(&mut resource.clone(), &request, schema, Form::Strict);
        if let Err(error) = strict
            && error.scim_type == Some(ScimType::NoTarget)
        {
            return Err(error);
        }
    }
    patch::apply(resource, &request, schema, Form::Entra)
}

/// Refuses a path to an attribute that the service's own schemas lack (RFC 7644, section 3.5.2: `invalidPath`), unless the
/// resource has it. Values without a path, as whole resources, may bring such attributes, and extensions of which the
/// service knows nothing may have any.
fn check_path(resource: &Json, path: &str, schema: &ResourceSchema) -> std::result::Result<(), Error> {
    // What cannot be read is refused by who applies it.
    let Ok(path) = path.parse::<Path>() else { return Ok(()) };
    let path = schema.settle(path);
    let Some(attribute) = path.attribute() else { return Ok(()) };
    let own = match attribute.schema.as_ref().filter(|uri| !schema.is_base(uri)) {
        None => Some(resource),
        Some(uri) => match schema.extension(uri) {
            Some(extension) if !extension.attributes.is_empty() => Some(member(resource, &extension.id)),
            _ => None,
        },
    };
    let Some(place) = own.filter(|_| schema.attribute(attribute).is_none()) else { return Ok(()) };
    let held = member(place, attribute.attribute.as_str());
    if schema.whole_attribute(attribute).is_none() && !held.is_null() {
        return Ok(());
    }
    let detail = format!("operation 1: {attribute} is no attribute of this resource type");
    Err(Error::bad_request(ScimType::InvalidPath, detail))
}

/// A member of an object by its name in any case; null where there is none.
fn member<'a>(object: &'a Json, name: &str) -> &'a Json {
    let members = object.as_object().into_iter().flatten();
    let found = members.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    found.map_or(&Json::Null, |(_, value)| value)
}

/// Applies one operation of several, for messages that name its place among them, from 0.
pub(super) fn edit_at(
    place: usize,
    resource: &mut Json,
    operation: &PatchOperation,
    schema: &ResourceSchema,
) -> Result<bool> {
    edit(resource, operation, schema).map_err(|mut error| {
        if let Some(detail) = error.detail.strip_prefix(ONLY) {
            error.detail = format!("operation {}: {detail}", place + 1);
        }
        error.into()
    })
}

/// The schemas of a resource with extensions that no document tells of; none where there are no such extensions.
pub(super) fn schema_of(kind: Kind, attributes: &Map<String, Json>) -> Option<ResourceSchema> {
    let unknown: Vec<String> = attributes
        .iter()
        .filter(|(key, value)| key.contains(':') && value.is_object())
        .filter(|(key, _)| {
            let known = kind.schema();
            let name = key.as_str().into();
            known.extension(&name).is_none() && !known.is_base(&name)
        })
        .map(|(key, _)| key.clone())
        .collect();
    (!unknown.is_empty()).then(|| kind.schema_with(unknown))
}

/// Refuses a message that says it is of another schema.
pub(super) fn check_message(schemas: &[String], expected: &str) -> Result<()> {
    if schemas.is_empty() || schemas.iter().any(|uri| uri.eq_ignore_ascii_case(expected)) {
        return Ok(());
    }
    Err(Failure::invalid_syntax(format!("schemas must have {expected}")))
}

/// Refuses a resource of another type.
fn check_schemas(kind: Kind, sent: &Map<String, Json>) -> Result<()> {
    let schemas = sent.iter().find(|(name, _)| name.eq_ignore_ascii_case("schemas")).map(|(_, value)| value);
    let schemas = match schemas {
        None | Some(Json::Null) => return Ok(()),
        Some(Json::Array(schemas)) if schemas.is_empty() => return Ok(()),
        Some(Json::Array(schemas)) => schemas,
        Some(_) => return Err(Failure::invalid_syntax("schemas must be an array of URIs")),
    };
    let is_own = |uri: &Json| uri.as_str().is_some_and(|uri| uri.eq_ignore_ascii_case(kind.uri()));
    if schemas.iter().any(is_own) {
        return Ok(());
    }
    Err(Failure::invalid_syntax(format!(
        "schemas must have {}, because the address is that of {}",
        kind.uri(),
        kind.endpoint()
    )))
}

/// Refuses a resource without the one attribute that every resource of its type has.
pub(super) fn check_required(kind: Kind, resource: &Map<String, Json>) -> Result<()> {
    let name = match kind {
        Kind::User => "userName",
        Kind::Group => "displayName",
    };
    let text = resource.get(name).and_then(Json::as_str).unwrap_or_default();
    if text.trim().is_empty() {
        return Err(Failure::invalid_value(format!("{name} is missing: every {} needs one", kind.name())));
    }
    Ok(())
}

/// The id of the manager that a user resource names.
pub(super) fn manager(resource: &Map<String, Json>) -> Result<Option<Uuid>> {
    let manager = resource.get(ENTERPRISE).and_then(|extension| extension.get("manager"));
    let Some(manager) = manager.filter(|manager| !manager.is_null()) else { return Ok(None) };
    let value = manager.get("value").and_then(Json::as_str).unwrap_or_default();
    value.parse().map(Some).map_err(|_| no_such_manager(value))
}

/// A manager who is not there.
pub(super) fn no_such_manager(value: &str) -> Failure {
    Failure::invalid_value(format!(
        "manager.value is '{value}', but no user has this id: name the id of a user"
    ))
}

/// Whom the values of `members` name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Named {
    /// Ids, each once.
    pub(super) ids: Vec<Uuid>,
    /// Values that are no ids, and so nobody's.
    pub(super) strangers: Vec<String>,
}

/// Reads the values of `members`.
pub(super) fn members(value: &Json) -> Result<Named> {
    let one = std::slice::from_ref(value);
    let values = match value {
        Json::Null => &[],
        Json::Array(values) => values.as_slice(),
        _ => one,
    };
    let (mut ids, mut strangers) = (Vec::with_capacity(values.len()), Vec::new());
    for value in values {
        let named = match value {
            Json::String(id) => Some(id.as_str()),
            Json::Object(parts) => {
                let part = parts.iter().find(|(name, _)| name.eq_ignore_ascii_case("value"));
                part.and_then(|(_, value)| value.as_str())
            }
            _ => None,
        };
        let named = named.ok_or_else(|| {
            Failure::invalid_value("members has an element without a value: name the id of a user or group")
        })?;
        match named.parse() {
            Ok(id) => ids.push(id),
            Err(_) => strangers.push(named.to_owned()),
        }
    }
    let mut seen = std::collections::HashSet::with_capacity(ids.len());
    ids.retain(|id| seen.insert(*id));
    Ok(Named { ids, strangers })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn refused(kind: Kind, body: &Json) -> String {
        let error = resource(kind, body).unwrap_err().error;
        format!("{} {}", error.scim_type.map_or("none".to_owned(), |kind| kind.to_string()), error.detail)
    }

    #[test]
    fn what_is_sent_gets_the_types_of_its_attributes() {
        let body = json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", "urn:example:shoe"],
            "ID": "x", "meta": {"resourceType": "User"}, "groups": [{"value": "g"}],
            "USERNAME": "ada", "active": "True", "title": null, "emails": [{"value": "a@b", "primary": "true"}],
            "roles": [], "odd": {"x": [1]}, "urn:example:shoe": {"size": 42},
            ENTERPRISE: {"manager": {"value": "m", "displayName": "M"}}
        });
        let expected = json!({
            "userName": "ada", "active": true, "emails": [{"value": "a@b", "primary": true}], "odd": {"x": [1]},
            "urn:example:shoe": {"size": 42}, ENTERPRISE: {"manager": {"value": "m"}}
        });
        assert_eq!(Json::from(resource(Kind::User, &body).unwrap()), expected);
    }

    #[test]
    fn what_cannot_be_is_refused_by_name() {
        assert_eq!(refused(Kind::User, &json!([])).split_once(' ').unwrap().0, "invalidSyntax");
        assert!(refused(Kind::User, &json!({"displayName": "x"})).contains("userName is missing"));
        assert!(refused(Kind::User, &json!({"userName": " "})).contains("userName is missing"));
        assert!(refused(Kind::Group, &json!({})).contains("displayName is missing"));
        let wrong = refused(Kind::User, &json!({"userName": 7}));
        assert_eq!(wrong, "invalidValue userName is of type string, but a number came");
        let group = json!({"schemas": [Kind::Group.uri()], "userName": "x"});
        assert!(refused(Kind::User, &group).starts_with("invalidSyntax schemas must have"));
        let error = members(&json!([{"display": "x"}])).unwrap_err().error;
        assert_eq!(error.scim_type, Some(ScimType::InvalidValue));
    }

    #[test]
    fn members_are_named_in_many_ways() {
        let id = Uuid::from_u128(5);
        for value in [json!(id), json!([{"VALUE": id}]), json!([id, {"value": id}]), json!({"value": id})] {
            assert_eq!(members(&value).unwrap(), Named { ids: vec![id], strangers: Vec::new() });
        }
        assert_eq!(members(&Json::Null).unwrap(), Named::default());
        assert_eq!(members(&json!([{"value": "x"}])).unwrap().strangers, ["x"]);
    }
}
