//! What answers contain.

use serde_json::{Map, Value as Json};

use super::Kind;
use super::property::{Property, Returned, is_extension};
use crate::error::{GraphError, nearest};
use crate::path::Version;

/// Which properties an answer has.
#[derive(Clone, Debug, PartialEq)]
pub struct Projection {
    kind: Kind,
    properties: Vec<&'static Property>,
    extensions: Extensions,
}

/// Which directory extensions an answer has.
#[derive(Clone, Debug, PartialEq)]
enum Extensions {
    /// Those that the object has a value for.
    Present,
    /// Those that `$select` names.
    Named(Vec<String>),
}

impl Projection {
    /// The projection of a `$select`; of nothing, the default properties. Related resources may be named, which has
    /// no effect: they come along by `$expand`.
    ///
    /// # Errors
    /// 400 for a name that the kind lacks.
    pub fn new(kind: Kind, version: Version, select: &[String]) -> Result<Self, GraphError> {
        if select.is_empty() {
            let properties =
                kind.properties().iter().filter(|property| property.by_default(version)).collect();
            return Ok(Self { kind, properties, extensions: Extensions::Named(Vec::new()) });
        }
        if select.iter().any(|name| name == "*") {
            let all =
                |property: &&Property| property.exists_in(version) && property.returned != Returned::Never;
            let properties = kind.properties().iter().filter(all).collect();
            return Ok(Self { kind, properties, extensions: Extensions::Present });
        }
        let (mut properties, mut extensions) = (Vec::new(), Vec::new());
        for name in select {
            let head = name.split('/').next().unwrap_or(name);
            match kind.property(head).filter(|property| property.exists_in(version)) {
                Some(property) if properties.contains(&property) => {}
                Some(property) => properties.push(property),
                None if is_extension(head) => extensions.push(head.to_owned()),
                None if kind.navigates(head) => {}
                None => return Err(unknown_in(head, kind, version, "$select")),
            }
        }
        Ok(Self { kind, properties, extensions: Extensions::Named(extensions) })
    }

    /// The resource of an object: its id and the chosen properties, those without a value as null or as an empty
    /// collection.
    #[must_use]
    pub fn apply(&self, id: &str, properties: &Map<String, Json>) -> Map<String, Json> {
        let mut resource = Map::new();
        for property in &self.properties {
            let value = match properties.get(property.name) {
                _ if property.name == "id" => Json::from(id),
                Some(value) if !value.is_null() => value.clone(),
                _ if property.many => Json::Array(Vec::new()),
                _ => Json::Null,
            };
            resource.insert(property.name.to_owned(), value);
        }
        match &self.extensions {
            Extensions::Present => resource.extend(
                properties
                    .iter()
                    .filter(|(name, _)| is_extension(name))
                    .map(|(name, value)| (name.clone(), value.clone())),
            ),
            Extensions::Named(names) => resource
                .extend(names.iter().filter_map(|name| Some((name.clone(), properties.get(name)?.clone())))),
        }
        resource
    }

    /// The resource with `@odata.type`, for collections of several kinds.
    #[must_use]
    pub fn apply_typed(&self, id: &str, properties: &Map<String, Json>) -> Map<String, Json> {
        let mut resource = Map::new();
        resource.insert("@odata.type".to_owned(), Json::from(self.kind.odata_type()));
        resource.extend(self.apply(id, properties));
        resource
    }
}

/// The fragment of `@odata.context`: `users`, `users(id,mail)`, and for a single entity with `/$entity`.
#[must_use]
pub fn fragment(collection: &str, select: &[String], entity: bool) -> String {
    let mut fragment = collection.to_owned();
    if !select.is_empty() {
        fragment.push('(');
        fragment.push_str(&select.join(","));
        fragment.push(')');
    }
    if entity {
        fragment.push_str("/$entity");
    }
    fragment
}

/// The answer to a query option that names a property which the kind lacks.
pub(super) fn unknown_in(name: &str, kind: Kind, version: Version, option: &str) -> GraphError {
    let advice = match nearest(name, kind.names(version)) {
        Some(known) => format!(" Did you mean '{known}'?"),
        None => String::new(),
    };
    GraphError::bad_request(format!(
        "Could not find a property named '{name}' on type '{}' in '{option}'.{advice}",
        kind.type_name()
    ))
}
