//! Which attributes an answer has (RFC 7644 §3.9): the parameters `attributes` and `excludedAttributes`.

use serde_json::Value as Json;

use crate::error::{Error, ScimType};
use crate::json::{self, Entries};
use crate::name::CaselessName;
use crate::path::{AttributePath, Path};
use crate::schema::{Attribute, ResourceSchema, Returned};

/// How many attributes one request may name.
pub const MAX_SELECTED: usize = 256;

/// The attributes that a request asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    only: Option<Vec<Path>>,
    without: Vec<Path>,
}

impl Selection {
    /// The selection of names as a `/.search` body has them; empty lists mean that the request does not choose.
    pub fn new<T: AsRef<str>>(attributes: &[T], excluded: &[T]) -> Result<Self, Error> {
        if !attributes.is_empty() && !excluded.is_empty() {
            return Err(Error::bad_request(
                ScimType::InvalidValue,
                "attributes and excludedAttributes exclude each other; give one of them",
            ));
        }
        let only = (!attributes.is_empty()).then(|| paths(attributes)).transpose()?;
        Ok(Self { only, without: paths(excluded)? })
    }

    /// The selection of the parameters of a query, where names are separated by commas.
    pub fn parse(attributes: Option<&str>, excluded: Option<&str>) -> Result<Self, Error> {
        let split = |list: Option<&str>| -> Vec<String> {
            let names = list.unwrap_or("").split(',').map(str::trim).filter(|name| !name.is_empty());
            names.map(str::to_owned).collect()
        };
        Self::new(&split(attributes), &split(excluded))
    }

    /// Leaves in the resource what the request asks for: attributes that are always returned stay, those that never
    /// are go, and those that are returned on request stay only where they are named.
    pub fn apply(&self, resource: &mut Json, schema: &ResourceSchema) {
        let Json::Object(entries) = resource else { return };
        let keys: Vec<String> = entries.keys().cloned().collect();
        for key in keys {
            let name = CaselessName::new(key.as_str());
            let is_extension = key.contains(':') && entries.get(&key).is_some_and(Json::is_object);
            if is_extension {
                let mut inner = json::take_entries(entries, &key);
                let parts: Vec<String> = inner.keys().cloned().collect();
                for part in &parts {
                    self.narrow(&mut inner, part, Some(&name), schema);
                }
                if !inner.is_empty() {
                    entries.insert(key, Json::Object(inner));
                }
            } else {
                self.narrow(entries, &key, None, schema);
            }
        }
    }

    /// Narrows or removes one attribute.
    fn narrow(&self, entries: &mut Entries, key: &str, uri: Option<&CaselessName>, schema: &ResourceSchema) {
        let path = AttributePath { schema: uri.cloned(), ..AttributePath::new(key) };
        let known = schema.whole_attribute(&path);
        let returned = known.map_or(Returned::Default, |known| known.returned);
        let selects = |selector: &&Path| match selector {
            Path::Schema(selected) => uri.map_or_else(|| schema.is_base(selected), |uri| uri == selected),
            Path::Attribute(selected) => {
                let selected_uri = selected.schema.as_ref().filter(|selected| !schema.is_base(selected));
                selected.attribute == path.attribute && selected_uri == uri
            }
            Path::Values { .. } => false,
        };
        let named: Vec<&Path> = self.only.iter().flatten().filter(selects).collect();
        let kept = match returned {
            Returned::Always => true,
            Returned::Never => false,
            Returned::Request => !named.is_empty(),
            Returned::Default => self.only.is_none() || !named.is_empty(),
        };
        let without: Vec<&Path> = self.without.iter().filter(selects).collect();
        let excluded = without.iter().any(|path| part_of(path).is_none());
        if !kept || (excluded && returned != Returned::Always) {
            entries.remove(key);
            return;
        }
        let parts: Vec<&CaselessName> = named.iter().filter_map(|path| part_of(path)).collect();
        let all = returned == Returned::Always || parts.len() < named.len() || named.is_empty();
        let gone: Vec<&CaselessName> = without.into_iter().filter_map(part_of).collect();
        if let Some(value) = entries.get_mut(key) {
            let keep = |name: &str| keeps_part(name, known, (!all).then_some(&parts), &gone);
            retain_parts(value, &keep);
            let emptied =
                !all && (json::is_unassigned(value) || value.as_object().is_some_and(Entries::is_empty));
            if emptied {
                entries.remove(key);
            }
        }
    }
}

fn part_of(path: &Path) -> Option<&CaselessName> {
    path.attribute()?.sub_attribute.as_ref()
}

fn keeps_part(
    name: &str,
    known: Option<&Attribute>,
    only: Option<&Vec<&CaselessName>>,
    gone: &[&CaselessName],
) -> bool {
    let part = known.and_then(|known| known.sub_attribute(&name.into()));
    match part.map_or(Returned::Default, |part| part.returned) {
        Returned::Always => true,
        Returned::Never => false,
        returned => {
            let named = only.is_some_and(|only| only.iter().any(|one| one.is(name)));
            let excluded = gone.iter().any(|one| one.is(name));
            (named || (only.is_none() && returned == Returned::Default)) && !excluded
        }
    }
}

fn retain_parts(value: &mut Json, keep: &dyn Fn(&str) -> bool) {
    match value {
        Json::Object(entries) => entries.retain(|name, _| keep(name)),
        Json::Array(elements) => {
            for element in elements.iter_mut() {
                if let Json::Object(entries) = element {
                    entries.retain(|name, _| keep(name));
                }
            }
            elements.retain(|element| !element.as_object().is_some_and(Entries::is_empty));
        }
        _ => {}
    }
}

fn paths<T: AsRef<str>>(names: &[T]) -> Result<Vec<Path>, Error> {
    if names.len() > MAX_SELECTED {
        let detail = format!("{} attributes are named; at most {MAX_SELECTED} are taken", names.len());
        return Err(Error::bad_request(ScimType::InvalidValue, detail));
    }
    names
        .iter()
        .map(|name| {
            let name = name.as_ref();
            let path: Path = name.parse().map_err(|error| Error::invalid_path(name, &error))?;
            if path.filter().is_some() {
                let detail = format!("{name} has a filter; attributes are chosen by name alone");
                return Err(Error::bad_request(ScimType::InvalidPath, detail));
            }
            Ok(path)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{ENTERPRISE_USER, Schema};
    use serde_json::json;

    fn selected(attributes: &str, excluded: &str) -> Json {
        let mut resource = json!({
            "schemas": ["s"], "id": "1", "userName": "a", "password": "p", "title": "t",
            "name": {"givenName": "g", "familyName": "f"},
            "emails": [{"value": "v", "type": "work"}, {"type": "home"}],
            ENTERPRISE_USER: {"department": "d", "manager": {"value": "m", "displayName": "n"}},
        });
        let selection = Selection::parse(Some(attributes), Some(excluded)).unwrap();
        selection.apply(&mut resource, &ResourceSchema::user());
        assert_eq!(resource["schemas"], json!(["s"]));
        assert_eq!(resource["id"], json!("1"));
        if let Json::Object(entries) = &mut resource {
            entries.remove("schemas");
            entries.remove("id");
        }
        resource
    }

    #[test]
    fn what_is_named_stays() {
        for (attributes, expected) in [
            ("userName", json!({"userName": "a"})),
            ("USERNAME, password", json!({"userName": "a"})),
            ("name.givenName", json!({"name": {"givenName": "g"}})),
            ("name,name.givenName", json!({"name": {"givenName": "g", "familyName": "f"}})),
            ("emails.value", json!({"emails": [{"value": "v"}]})),
            ("name.middleName,shoe", json!({})),
            ("urn:ietf:params:scim:schemas:core:2.0:User:title", json!({"title": "t"})),
            (
                "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",
                json!({ENTERPRISE_USER: {"department": "d"}}),
            ),
            (
                "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value",
                json!({ENTERPRISE_USER: {"manager": {"value": "m"}}}),
            ),
            (
                ENTERPRISE_USER,
                json!({ENTERPRISE_USER: {"department": "d", "manager": {"value": "m", "displayName": "n"}}}),
            ),
            ("department", json!({})),
        ] {
            assert_eq!(selected(attributes, ""), expected, "{attributes}");
        }
    }

    #[test]
    fn what_is_excluded_goes() {
        let all = selected("", "");
        assert_eq!(all["title"], json!("t"));
        assert_eq!(all.get("password"), None);
        let some = selected(
            "",
            "title,name.givenName,emails,urn:ietf:params:scim:schemas:extension:enterprise:2.0:User,id,schemas",
        );
        assert_eq!(some, json!({"userName": "a", "name": {"familyName": "f"}}));
        let some = selected("", "emails.value");
        assert_eq!(some["emails"], json!([{"type": "work"}, {"type": "home"}]));
    }

    #[test]
    fn what_is_returned_on_request_is_asked_for() {
        let costly =
            Attribute { name: "costly".to_owned(), returned: Returned::Request, ..Attribute::default() };
        let base =
            Schema { id: "urn:example:2.0:Thing".to_owned(), attributes: vec![costly], ..Schema::default() };
        let schema = ResourceSchema::new(base, Vec::new());
        for (attributes, stays) in [(None, false), (Some("other"), false), (Some("costly"), true)] {
            let mut resource = json!({"id": "1", "costly": "c"});
            Selection::parse(attributes, None).unwrap().apply(&mut resource, &schema);
            assert_eq!(resource.get("costly").is_some(), stays, "{attributes:?}");
        }
    }

    #[test]
    fn what_cannot_be_a_choice_is_refused() {
        let of =
            |attributes, excluded| Selection::parse(attributes, excluded).unwrap_err().scim_type.unwrap();
        assert_eq!(of(Some("a"), Some("b")), ScimType::InvalidValue);
        assert_eq!(of(Some("a b"), None), ScimType::InvalidPath);
        assert_eq!(of(None, Some("a[b pr]")), ScimType::InvalidPath);
        let many = vec!["a"; MAX_SELECTED + 1].join(",");
        assert_eq!(of(Some(&many), None), ScimType::InvalidValue);
    }
}
