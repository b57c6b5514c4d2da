//! What one row of a file says: a user, a group, or a membership.

use graph::GraphError;
use graph::directory::{Kind, PropertyType, is_extension, validate_create};
use graph::path::Version;
use serde_json::{Map, Value as Json};

/// Names that make a row one of memberships.
const GROUP: &str = "group";
const MEMBER: &str = "member";
/// What tells users and groups apart, and what they are found by when they exist already.
const PRINCIPAL: &str = "userPrincipalName";
const NICKNAME: &str = "mailNickname";
/// The column of users that names another user.
const MANAGER: &str = "manager";
/// What stands between the values of a cell for a property with several.
const SEPARATOR: char = ';';
/// Characters of `mailNickname`, as the directory limits it.
const NICKNAME_LENGTH: usize = 64;

/// One row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Row {
    /// A user, found by its principal name.
    User { principal: String, manager: Option<String>, properties: Map<String, Json> },
    /// A group, found by its mail nickname.
    Group { nickname: String, properties: Map<String, Json> },
    /// That somebody, named by principal name or id, is in a group, named by mail nickname or id.
    Membership { group: String, member: String },
}

/// What is wrong with a row, and which of its names it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wrong {
    pub(crate) name: Option<String>,
    pub(crate) words: String,
}

impl Wrong {
    fn about(name: &str, words: impl Into<String>) -> Self {
        Self { name: Some(name.to_owned()), words: words.into() }
    }
}

impl Row {
    /// Reads the properties of a row. They are checked as the service will check them, but for directory extensions,
    /// which it alone knows.
    pub(crate) fn read(mut properties: Map<String, Json>) -> Result<Self, Wrong> {
        properties.retain(|_, value| !value.is_null());
        let names: Vec<&str> = properties.keys().map(String::as_str).collect();
        match kind_of(&names)? {
            None => Self::membership(&properties),
            Some(Kind::User) => Self::user(properties),
            Some(_) => Self::group(properties),
        }
    }

    fn membership(properties: &Map<String, Json>) -> Result<Self, Wrong> {
        if let Some(name) = properties.keys().find(|name| *name != GROUP && *name != MEMBER) {
            return Err(Wrong::about(
                name,
                format!("'{name}' is nothing that a membership has: leave it out"),
            ));
        }
        Ok(Self::Membership { group: text(properties, GROUP)?, member: text(properties, MEMBER)? })
    }

    fn user(mut properties: Map<String, Json>) -> Result<Self, Wrong> {
        let principal = text(&properties, PRINCIPAL)?;
        let manager = match properties.remove(MANAGER) {
            None => None,
            Some(Json::String(manager)) => Some(manager),
            Some(_) => {
                return Err(Wrong::about(MANAGER, "'manager' must be the userPrincipalName or id of a user"));
            }
        };
        properties.entry("accountEnabled").or_insert(Json::Bool(true));
        properties.entry("displayName").or_insert_with(|| principal.as_str().into());
        properties.entry(NICKNAME).or_insert_with(|| nickname(&principal).into());
        let properties = checked(Kind::User, properties)?;
        Ok(Self::User { principal, manager, properties })
    }

    fn group(mut properties: Map<String, Json>) -> Result<Self, Wrong> {
        let nickname = text(&properties, NICKNAME)?;
        properties.entry("displayName").or_insert_with(|| nickname.as_str().into());
        properties.entry("mailEnabled").or_insert(Json::Bool(false));
        properties.entry("securityEnabled").or_insert(Json::Bool(true));
        let properties = checked(Kind::Group, properties)?;
        Ok(Self::Group { nickname, properties })
    }
}

/// What rows with these names are; none for memberships.
pub(crate) fn kind_of(names: &[&str]) -> Result<Option<Kind>, Wrong> {
    let has = |wanted: &str| names.contains(&wanted);
    if has(GROUP) && has(MEMBER) {
        return Ok(None);
    }
    if has(PRINCIPAL) {
        return Ok(Some(Kind::User));
    }
    if has(NICKNAME) {
        return Ok(Some(Kind::Group));
    }
    let words = "this is no user, no group and no membership: a user has userPrincipalName, a group mailNickname, a membership group and member";
    Err(Wrong { name: None, words: words.to_owned() })
}

/// Whether rows of a kind, or memberships, have such a column.
pub(crate) fn column(kind: Option<Kind>, name: &str) -> Result<(), Wrong> {
    let Some(kind) = kind else {
        let known = name == GROUP || name == MEMBER;
        let words = format!("'{name}' is nothing that a membership has: leave it out");
        return if known { Ok(()) } else { Err(Wrong::about(name, words)) };
    };
    if name.is_empty() {
        return Err(Wrong::about(name, "the column has no name: give it one, or leave it out"));
    }
    let property = name.split('/').next().unwrap_or(name);
    let mut known = kind.properties().iter().map(|property| property.name);
    if is_extension(name) || (kind == Kind::User && name == MANAGER) || known.any(|one| one == property) {
        return Ok(());
    }
    let names = kind.properties().iter().map(|property| property.name);
    let error = GraphError::unknown_property(name, kind.type_name(), names);
    Err(Wrong::about(name, error.message()))
}

/// The cell of a table as the value of a property of a kind, or of a membership; none for an empty cell.
pub(crate) fn cell(kind: Option<Kind>, name: &str, text: &str) -> Result<Option<Json>, Wrong> {
    if text.is_empty() {
        return Ok(None);
    }
    let property = kind.and_then(|kind| kind.properties().iter().find(|property| property.name == name));
    let Some(property) = property else { return Ok(Some(text.into())) };
    let one = |text: &str| match property.kind {
        PropertyType::Boolean => match text.to_ascii_lowercase().as_str() {
            "true" => Ok(Json::Bool(true)),
            "false" => Ok(Json::Bool(false)),
            _ => Err(Wrong::about(name, format!("'{name}' is '{text}', but must be true or false"))),
        },
        PropertyType::Integer => text
            .parse::<i64>()
            .map(Json::from)
            .map_err(|_| Wrong::about(name, format!("'{name}' is '{text}', but must be a whole number"))),
        _ => Ok(Json::from(text)),
    };
    if !property.many {
        return one(text).map(Some);
    }
    let parts = text.split(SEPARATOR).map(str::trim).filter(|part| !part.is_empty());
    Ok(Some(Json::Array(parts.map(one).collect::<Result<_, _>>()?)))
}

fn text(properties: &Map<String, Json>, name: &str) -> Result<String, Wrong> {
    match properties.get(name) {
        Some(Json::String(text)) if !text.trim().is_empty() => Ok(text.clone()),
        _ => Err(Wrong::about(name, format!("'{name}' is empty: every such row needs it"))),
    }
}

fn checked(kind: Kind, properties: Map<String, Json>) -> Result<Map<String, Json>, Wrong> {
    let (extensions, known): (Map<_, _>, Map<_, _>) =
        properties.into_iter().partition(|(name, _)| is_extension(name));
    let names: Vec<String> = known.keys().cloned().collect();
    let mut checked = validate_create(kind, Version::Beta, known).map_err(|error| {
        // Messages name the property in quotes.
        let name = names.into_iter().find(|name| error.message().contains(&format!("'{name}'")));
        Wrong { name, words: error.message().to_owned() }
    })?;
    checked.extend(extensions);
    Ok(checked)
}

/// The mail nickname of a user that has none: what stands before the @ of its principal name, as far as it may.
fn nickname(principal: &str) -> String {
    let local = principal.split('@').next().unwrap_or_default();
    let kept = local.chars().filter(|one| one.is_ascii_alphanumeric() || "._-".contains(*one));
    let kept: String = kept.take(NICKNAME_LENGTH).collect();
    if kept.is_empty() { "user".to_owned() } else { kept }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(json: Json) -> Result<Row, Wrong> {
        let Json::Object(properties) = json else { panic!("an object") };
        Row::read(properties)
    }

    #[test]
    fn rows_tell_themselves_apart() {
        let user =
            read(json!({"userPrincipalName": "ada@x.org", "manager": "bob@x.org", "city": null})).unwrap();
        let Row::User { principal, manager, properties } = user else { panic!("no user") };
        assert_eq!((principal.as_str(), manager.as_deref()), ("ada@x.org", Some("bob@x.org")));
        assert_eq!(
            (&properties["mailNickname"], &properties["accountEnabled"]),
            (&json!("ada"), &json!(true))
        );
        let group = read(json!({"mailNickname": "crew", "displayName": "Crew"})).unwrap();
        let Row::Group { nickname, properties } = group else { panic!("no group") };
        assert_eq!((nickname.as_str(), &properties["securityEnabled"]), ("crew", &json!(true)));
        let membership = read(json!({"group": "crew", "member": "ada@x.org"})).unwrap();
        assert_eq!(membership, Row::Membership { group: "crew".to_owned(), member: "ada@x.org".to_owned() });
    }

    #[test]
    fn mistakes_name_the_property() {
        for (row, name, word) in [
            (json!({"displayName": "x"}), None, "userPrincipalName"),
            (json!({"userPrincipalName": " "}), Some("userPrincipalName"), "empty"),
            (json!({"userPrincipalName": "a@x.org", "manager": 1}), Some("manager"), "userPrincipalName"),
            (json!({"userPrincipalName": "a@x.org", "citty": "Rome"}), Some("citty"), "city"),
            (json!({"userPrincipalName": "a@x.org", "city": 7}), Some("city"), "city"),
            (json!({"mailNickname": "x", "id": "y"}), Some("id"), "id"),
            (json!({"group": "x", "member": "y", "role": "z"}), Some("role"), "leave it out"),
            (json!({"group": "", "member": "y"}), Some("group"), "empty"),
        ] {
            let wrong = read(row.clone()).unwrap_err();
            assert_eq!(wrong.name.as_deref(), name, "{row}: {wrong:?}");
            assert!(wrong.words.contains(word), "{row}: {wrong:?}");
        }
    }

    #[test]
    fn cells_have_the_type_of_their_property() {
        let user = Some(Kind::User);
        for (name, text, expected) in [
            ("accountEnabled", "FALSE", Some(json!(false))),
            ("otherMails", "a@x.org; b@x.org;", Some(json!(["a@x.org", "b@x.org"]))),
            ("city", "Rome", Some(json!("Rome"))),
            ("city", "", None),
            ("manager", "b@x.org", Some(json!("b@x.org"))),
        ] {
            assert_eq!(cell(user, name, text).unwrap(), expected, "{name}");
        }
        assert!(cell(user, "accountEnabled", "yes").unwrap_err().words.contains("true or false"));
    }
}
