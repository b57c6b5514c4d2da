//! What must hold of an object's properties, whoever writes them.

use model::Uuid;
use serde_json::{Map, Value as Json};
use store::ObjectKind;

use crate::error::{DirectoryError, Result, noun};

/// Characters of a name for people and of a nickname, as in Graph.
const DISPLAY_NAME: usize = 256;
const MAIL_NICKNAME: usize = 64;
/// Characters of a principal name: 64 before the `@`, 255 of a domain, and room for a guest's home name.
const PRINCIPAL_NAME: usize = 1024;
/// Characters of any text.
const TEXT: usize = 16 * 1024;
/// Octets of all properties together, as JSON.
const OBJECT: usize = 256 * 1024;
/// Elements of a list, and properties of an object.
const ELEMENTS: usize = 5_000;
/// Levels of nesting.
const DEPTH: usize = 8;

/// Refuses properties that no object of the kind may have.
pub(crate) fn validate(kind: ObjectKind, properties: &Map<String, Json>) -> Result<()> {
    sizes(properties)?;
    match kind {
        ObjectKind::User => user(properties),
        ObjectKind::Group => {
            text(kind, properties, "displayName", DISPLAY_NAME)?;
            text(kind, properties, "mailNickname", MAIL_NICKNAME)?;
            truth(kind, properties, "mailEnabled")?;
            truth(kind, properties, "securityEnabled")
        }
        ObjectKind::Application | ObjectKind::ServicePrincipal => {
            text(kind, properties, "displayName", DISPLAY_NAME)?;
            let app_id = text(kind, properties, "appId", 36)?;
            if Uuid::parse_str(app_id).is_err() {
                return Err(DirectoryError::invalid("appId", format!("is '{app_id}', but must be a GUID")));
            }
            app_roles(properties.get("appRoles").unwrap_or(&Json::Null))
        }
    }
}

fn user(properties: &Map<String, Json>) -> Result<()> {
    let kind = ObjectKind::User;
    text(kind, properties, "displayName", DISPLAY_NAME)?;
    principal_name(text(kind, properties, "userPrincipalName", PRINCIPAL_NAME)?)?;
    text(kind, properties, "mailNickname", MAIL_NICKNAME)?;
    truth(kind, properties, "accountEnabled")
}

fn text<'a>(
    kind: ObjectKind,
    properties: &'a Map<String, Json>,
    property: &'static str,
    longest: usize,
) -> Result<&'a str> {
    let noun = noun(kind);
    let refuse = |reason: String| Err(DirectoryError::invalid(property, reason));
    match properties.get(property) {
        None | Some(Json::Null) => refuse(format!("is missing: every {noun} needs one")),
        Some(Json::String(text)) if text.trim().is_empty() => {
            refuse(format!("is empty: every {noun} needs one"))
        }
        Some(Json::String(text)) if text.chars().count() > longest => {
            refuse(format!("is too long: at most {longest} characters"))
        }
        Some(Json::String(text)) => Ok(text),
        Some(_) => refuse("must be a text".to_owned()),
    }
}

fn truth(kind: ObjectKind, properties: &Map<String, Json>, property: &'static str) -> Result<()> {
    match properties.get(property) {
        Some(Json::Bool(_)) => Ok(()),
        None | Some(Json::Null) => Err(DirectoryError::invalid(
            property,
            format!("is missing: every {} says true or false", noun(kind)),
        )),
        Some(_) => Err(DirectoryError::invalid(property, "must be true or false")),
    }
}

/// The form of Graph's `userPrincipalName`, and `+`, which mail addresses in other systems have.
fn principal_name(name: &str) -> Result<()> {
    let refuse = |reason: &str| {
        let reason = format!("is '{name}', but {reason}");
        Err(DirectoryError::invalid("userPrincipalName", reason))
    };
    let Some((local, domain)) = name.split_once('@') else {
        return refuse("must have the form name@domain");
    };
    let allowed = |letter: char| letter.is_ascii_alphanumeric() || "'.-_!#^~+".contains(letter);
    if local.is_empty() || !local.chars().all(allowed) {
        return refuse("may have only letters A to Z, digits and ' . - _ ! # ^ ~ + before the @");
    }
    let label = |label: &str| {
        !label.is_empty() && label.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '-')
    };
    if domain.len() > 255 || !domain.split('.').all(label) {
        return refuse("must have a domain such as example.com after the @");
    }
    Ok(())
}

/// Roles as the Graph resource `appRole` has them: ids that differ, names, and values that differ.
fn app_roles(roles: &Json) -> Result<()> {
    let refuse = |reason: String| Err(DirectoryError::invalid("appRoles", reason));
    let roles = match roles {
        Json::Null => return Ok(()),
        Json::Array(roles) => roles,
        _ => return refuse("must be a list of app roles".to_owned()),
    };
    let mut ids = std::collections::HashSet::new();
    let mut values = std::collections::HashSet::new();
    for (position, role) in roles.iter().enumerate() {
        let member = |name: &str| role.get(name).and_then(Json::as_str).filter(|text| !text.is_empty());
        let id = member("id").and_then(|id| Uuid::parse_str(id).ok()).filter(|id| !id.is_nil());
        let Some(id) = id else {
            return refuse(format!("needs a GUID as the id of its element {position}, and not the nil one"));
        };
        if !ids.insert(id) {
            return refuse(format!("has the id {id} twice: every role needs its own"));
        }
        if member("displayName").is_none() {
            return refuse(format!("needs a displayName in the role {id}"));
        }
        if role.get("allowedMemberTypes").and_then(Json::as_array).is_none_or(Vec::is_empty) {
            return refuse(format!("needs allowedMemberTypes (User, Application or both) in the role {id}"));
        }
        if let Some(value) = member("value")
            && !values.insert(value)
        {
            return refuse(format!("has the value '{value}' twice: every role needs its own"));
        }
    }
    Ok(())
}

fn sizes(properties: &Map<String, Json>) -> Result<()> {
    let mut total = 0;
    for (name, value) in properties {
        total += name.len() + measure(name, value, 1)?;
        if total > OBJECT {
            return Err(DirectoryError::invalid(
                name.as_str(),
                format!("makes the object too large: all properties together have at most {OBJECT} octets"),
            ));
        }
    }
    Ok(())
}

/// About how many octets a value has as JSON.
fn measure(property: &str, value: &Json, depth: usize) -> Result<usize> {
    let refuse = |reason: String| Err(DirectoryError::invalid(property, reason));
    if depth > DEPTH {
        return refuse(format!("is nested too deeply: at most {DEPTH} levels"));
    }
    let many = match value {
        Json::Array(elements) => elements.len(),
        Json::Object(members) => members.len(),
        _ => 0,
    };
    if many > ELEMENTS {
        return refuse(format!("has too many elements: at most {ELEMENTS}"));
    }
    match value {
        Json::String(text) if text.len() > TEXT => refuse(format!("is too long: at most {TEXT} octets")),
        Json::String(text) => Ok(text.len() + 3),
        Json::Array(elements) => {
            elements.iter().try_fold(2, |sum, element| Ok(sum + measure(property, element, depth + 1)?))
        }
        Json::Object(members) => members.iter().try_fold(2, |sum, (name, member)| {
            Ok(sum + name.len() + 4 + measure(property, member, depth + 1)?)
        }),
        _ => Ok(8),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn user_with(property: &str, value: Json) -> Result<()> {
        let mut user = json!({
            "displayName": "Ada", "userPrincipalName": "ada@example.com", "mailNickname": "ada",
            "accountEnabled": true
        });
        user[property] = value;
        validate(ObjectKind::User, user.as_object().unwrap())
    }

    #[test]
    fn what_every_user_needs_is_named() {
        for (property, value) in [
            ("displayName", Json::Null),
            ("displayName", json!("  ")),
            ("displayName", json!("x".repeat(257))),
            ("userPrincipalName", Json::Null),
            ("userPrincipalName", json!("ada")),
            ("userPrincipalName", json!("@example.com")),
            ("userPrincipalName", json!("ada@")),
            ("userPrincipalName", json!("ada@b@example.com")),
            ("userPrincipalName", json!("ada lovelace@example.com")),
            ("userPrincipalName", json!("ada@exa mple.com")),
            ("mailNickname", json!("x".repeat(65))),
            ("accountEnabled", json!("true")),
            ("accountEnabled", Json::Null),
            ("department", json!("x".repeat(TEXT + 1))),
            ("otherMails", Json::Array(vec![json!("a@x"); ELEMENTS + 1])),
        ] {
            match user_with(property, value.clone()) {
                Err(DirectoryError::Invalid { property: named, .. }) => assert_eq!(named, property),
                other => panic!("{property} = {value}: {other:?}"),
            }
        }
    }

    #[test]
    fn principal_names_of_people_and_guests_pass() {
        for name in
            ["ada@example.com", "o'neil.b-c_d+e@ex-ample.co.uk", "bob_contoso.com#EXT#@fabrikam.example"]
        {
            user_with("userPrincipalName", json!(name)).unwrap();
        }
    }

    #[test]
    fn depth_is_limited() {
        let mut deep = json!(1);
        for _ in 0..20 {
            deep = json!([deep]);
        }
        assert!(user_with("odd", deep).unwrap_err().to_string().contains("odd is nested too deeply"));
    }

    #[test]
    fn app_roles_need_their_parts() {
        let id = "18d14569-c3bd-439b-9a66-3a2aee01d14f";
        let role =
            json!({"id": id, "displayName": "User", "allowedMemberTypes": ["User"], "isEnabled": true});
        assert!(app_roles(&json!([role])).is_ok());
        for (wrong, word) in [
            (json!("x"), "list"),
            (json!([{"id": "x"}]), "GUID"),
            (json!([role, role]), "twice"),
            (json!([{"id": id, "allowedMemberTypes": ["User"]}]), "displayName"),
            (json!([{"id": id, "displayName": "User"}]), "allowedMemberTypes"),
        ] {
            let words = app_roles(&wrong).unwrap_err().to_string();
            assert!(words.contains(word), "{words}");
        }
    }
}
