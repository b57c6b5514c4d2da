//! Builds the resource that a POST or PUT request carries.

use model::Value;
use serde_json::{Value as Json, json};

use super::value::{text, to_json};
use super::{BuildError, element};
use crate::filter::Filter;
use crate::json::{self, Entries};
use crate::path::{AttributePath, Path};
use crate::schema::{Attribute, ResourceSchema};

/// Whether `schemas` names the extensions that a resource uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Extensions {
    /// As RFC 7643 §3 demands.
    #[default]
    Announced,
    /// For services that know only their own schema there.
    Unannounced,
}

/// A resource that has these values at these paths; nulls are left out.
///
/// `schemas` names the resource's own schema and, where that is wanted, every extension that is used. A filtered path
/// makes one value with the filter's equalities, which further paths with the same filter complete. Values are written
/// as the schema's types, where it knows the attribute.
pub fn resource(
    schema: &ResourceSchema,
    values: &[(Path, Value)],
    extensions: Extensions,
) -> Result<Json, BuildError> {
    let mut top = Entries::new();
    let mut schemas = Vec::new();
    if !schema.base().id.is_empty() {
        schemas.push(schema.base().id.clone());
    }
    for (path, value) in values.iter().filter(|(_, value)| !value.is_null()) {
        let path = schema.settle(path.clone());
        let Some(attribute) = path.attribute() else {
            return Err(BuildError::new(&path, "the path names a schema; an attribute of it must follow"));
        };
        let place = Place { path: &path, attribute, known: schema.whole_attribute(attribute) };
        match attribute.schema.as_ref().filter(|uri| !schema.is_base(uri)) {
            Some(uri) => {
                let uri = schema.extension(uri).map_or(uri.as_str(), |extension| &extension.id);
                let mut inner = json::take_entries(&mut top, uri);
                place.write(&mut inner, value).map_err(|error| error.at(&path))?;
                json::set(&mut top, uri, Json::Object(inner));
                if extensions == Extensions::Announced {
                    announce(&mut schemas, uri);
                }
            }
            None if attribute.attribute.is("schemas") => {
                value.values().iter().for_each(|uri| announce(&mut schemas, &text(uri)));
            }
            None => place.write(&mut top, value).map_err(|error| error.at(&path))?,
        }
    }
    if !schemas.is_empty() {
        top.insert("schemas".to_owned(), schemas.into());
    }
    Ok(Json::Object(top))
}

fn announce(schemas: &mut Vec<String>, uri: &str) {
    if !schemas.iter().any(|known| known.eq_ignore_ascii_case(uri)) {
        schemas.push(uri.to_owned());
    }
}

/// Where one value goes within the resource or one of its extensions.
struct Place<'a> {
    path: &'a Path,
    attribute: &'a AttributePath,
    known: Option<&'a Attribute>,
}

impl Place<'_> {
    fn write(&self, entries: &mut Entries, value: &Value) -> Result<(), BuildError> {
        let name = self.known.map_or(self.attribute.attribute.as_str(), |known| &known.name);
        match (self.path.filter(), &self.attribute.sub_attribute) {
            (Some(filter), _) => self.write_element(entries, name, filter, value),
            // A part of a multi-valued attribute without a filter makes one value each.
            (None, Some(part)) if self.known.is_some_and(|known| known.multi_valued) => {
                let mut elements = json::take_elements(entries, name);
                for one in value.values() {
                    elements.push(json!({ part.as_str(): part_json(one, self.attribute, self.known)? }));
                }
                json::set(entries, name, Json::Array(elements));
                Ok(())
            }
            (None, Some(part)) => {
                let mut inner = json::take_entries(entries, name);
                json::set(&mut inner, part.as_str(), part_json(value, self.attribute, self.known)?);
                json::set(entries, name, Json::Object(inner));
                Ok(())
            }
            (None, None) => {
                json::set(entries, name, to_json(value, self.attribute, self.known)?);
                Ok(())
            }
        }
    }

    fn write_element(
        &self,
        entries: &mut Entries,
        name: &str,
        filter: &Filter,
        value: &Value,
    ) -> Result<(), BuildError> {
        let part = self.attribute.sub_attribute.as_ref().map_or("value", |name| name.as_str());
        let value = part_json(value, self.attribute, self.known)?;
        let mut fresh = element(self.path, filter, self.known)?;
        let mut elements = json::take_elements(entries, name);
        let existing = elements
            .iter_mut()
            .filter(|one| filter.matches_value(one, self.known))
            .find_map(Json::as_object_mut);
        if let Some(existing) = existing {
            json::set(existing, part, value);
        } else {
            json::set(&mut fresh, part, value);
            elements.push(Json::Object(fresh));
        }
        json::set(entries, name, Json::Array(elements));
        Ok(())
    }
}

/// A value as the sub-attribute that the path ends in holds it; `value` where the path has none.
pub(super) fn part_json(
    value: &Value,
    attribute: &AttributePath,
    known: Option<&Attribute>,
) -> Result<Json, BuildError> {
    let path = match &attribute.sub_attribute {
        Some(_) => attribute.clone(),
        None => attribute.clone().with_sub_attribute("value"),
    };
    let part = path.sub_attribute.as_ref().and_then(|name| known?.sub_attribute(name));
    to_json(value, &path, part)
}
