//! The schemas of one resource type together: what a path means there.

use std::sync::LazyLock;

use super::{Attribute, CORE_PREFIX, DataType, Mutability, Returned, Schema, Uniqueness};
use crate::name::CaselessName;
use crate::path::{AttributePath, Path};
use crate::schema::{enterprise_user_schema, group_schema, user_schema};
use crate::service::ResourceType;

/// The schemas of one resource type: its own and its extensions, and the attributes that every resource has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceSchema {
    base: Schema,
    extensions: Vec<Schema>,
    open: bool,
}

impl ResourceSchema {
    /// Exactly these schemas: other attributes do not exist.
    #[must_use]
    pub fn new(base: Schema, extensions: Vec<Schema>) -> Self {
        Self { base, extensions, open: false }
    }

    /// The schemas of a resource type, from a service's documents; those of the RFC where the service has them not.
    #[must_use]
    pub fn of(kind: &ResourceType, schemas: &[Schema]) -> Self {
        let document = |uri: &str| {
            let published = schemas.iter().find(|schema| schema.id.eq_ignore_ascii_case(uri));
            let core = [user_schema(), group_schema(), enterprise_user_schema()];
            published.or_else(|| core.into_iter().find(|schema| schema.id.eq_ignore_ascii_case(uri))).cloned()
        };
        let unpublished = || Schema { id: kind.schema.clone(), ..Schema::default() };
        let extensions =
            kind.schema_extensions.iter().filter_map(|extension| document(&extension.schema)).collect();
        Self::new(document(&kind.schema).unwrap_or_else(unpublished), extensions)
    }

    /// The same schemas for a resource that may have more attributes than they say, as a client must expect of a
    /// service that does not publish all it has.
    #[must_use]
    pub fn open(mut self) -> Self {
        self.open = true;
        self
    }

    /// Nothing is known but the attributes that every resource has.
    #[must_use]
    pub fn unknown() -> Self {
        Self::new(Schema::default(), Vec::new()).open()
    }

    /// Users with the enterprise extension.
    #[must_use]
    pub fn user() -> Self {
        Self::new(user_schema().clone(), vec![enterprise_user_schema().clone()])
    }

    /// Groups.
    #[must_use]
    pub fn group() -> Self {
        Self::new(group_schema().clone(), Vec::new())
    }

    /// The resource's own schema.
    #[must_use]
    pub fn base(&self) -> &Schema {
        &self.base
    }

    /// The extensions.
    #[must_use]
    pub fn extensions(&self) -> &[Schema] {
        &self.extensions
    }

    /// True where attributes that no schema names may exist.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.open
    }

    /// True where attributes under this URI stand at the top of the resource and not under the URI.
    #[must_use]
    pub fn is_base(&self, schema: &CaselessName) -> bool {
        if !self.base.id.is_empty() {
            return schema.is(&self.base.id);
        }
        let start = schema.as_str().get(..CORE_PREFIX.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(CORE_PREFIX))
    }

    /// The extension of a URI.
    #[must_use]
    pub fn extension(&self, schema: &CaselessName) -> Option<&Schema> {
        self.extensions.iter().find(|extension| schema.is(&extension.id))
    }

    /// What the schemas say of an attribute, or of the sub-attribute where the path has one.
    #[must_use]
    pub fn attribute(&self, path: &AttributePath) -> Option<&Attribute> {
        let whole = self.whole_attribute(path)?;
        match &path.sub_attribute {
            Some(sub_attribute) => whole.sub_attribute(sub_attribute),
            None => Some(whole),
        }
    }

    /// What the schemas say of the attribute, whatever the path's sub-attribute.
    #[must_use]
    pub fn whole_attribute(&self, path: &AttributePath) -> Option<&Attribute> {
        match &path.schema {
            Some(schema) if !self.is_base(schema) => self.extension(schema)?.attribute(&path.attribute),
            _ => self
                .base
                .attribute(&path.attribute)
                .or_else(|| COMMON.iter().find(|attribute| path.attribute.is(&attribute.name))),
        }
    }

    /// Corrects a path whose URI was taken for a schema but names an attribute of a known extension, or the reverse.
    #[must_use]
    pub fn settle(&self, path: Path) -> Path {
        match &path {
            Path::Schema(uri) if self.extension(uri).is_none() && !self.is_base(uri) => {
                let attribute: Option<AttributePath> = uri.as_str().parse().ok();
                match attribute {
                    Some(attribute) if self.whole_attribute(&attribute).is_some() => {
                        Path::Attribute(attribute)
                    }
                    _ => path,
                }
            }
            Path::Attribute(AttributePath { schema: Some(schema), attribute, sub_attribute: None }) => {
                let uri = CaselessName::new(format!("{schema}:{attribute}"));
                if self.extension(&uri).is_some() { Path::Schema(uri) } else { path }
            }
            _ => path,
        }
    }
}

/// The attributes of every resource (RFC 7643 §3.1), and `schemas`.
static COMMON: LazyLock<[Attribute; 4]> = LazyLock::new(|| {
    let read_only = |name: &str, kind| Attribute {
        name: name.to_owned(),
        kind,
        case_exact: true,
        mutability: Mutability::ReadOnly,
        ..Attribute::default()
    };
    [
        Attribute {
            returned: Returned::Always,
            uniqueness: Uniqueness::Server,
            ..read_only("id", DataType::String)
        },
        Attribute { mutability: Mutability::ReadWrite, ..read_only("externalId", DataType::String) },
        Attribute {
            sub_attributes: vec![
                read_only("resourceType", DataType::String),
                read_only("created", DataType::DateTime),
                read_only("lastModified", DataType::DateTime),
                read_only("location", DataType::Reference),
                read_only("version", DataType::String),
            ],
            ..read_only("meta", DataType::Complex)
        },
        Attribute {
            multi_valued: true,
            required: true,
            case_exact: false,
            mutability: Mutability::ReadWrite,
            returned: Returned::Always,
            ..read_only("schemas", DataType::Reference)
        },
    ]
});

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{ENTERPRISE_USER, USER};

    fn find<'a>(schema: &'a ResourceSchema, path: &str) -> Option<&'a Attribute> {
        schema.attribute(&path.parse().unwrap())
    }

    #[test]
    fn attributes_are_found_in_any_case_and_by_any_of_their_names() {
        let user = ResourceSchema::user();
        assert_eq!(find(&user, "USERNAME").unwrap().name, "userName");
        assert_eq!(find(&user, &format!("{USER}:emails.Value")).unwrap().name, "value");
        assert_eq!(
            find(&user, &format!("{}:Manager.displayname", ENTERPRISE_USER.to_uppercase())).unwrap().name,
            "displayName"
        );
        assert!(find(&user, "id").unwrap().case_exact);
        assert_eq!(find(&user, "meta.lastModified").unwrap().kind, DataType::DateTime);
        assert!(find(&user, "manager").is_none());
        assert!(find(&user, "urn:example:other:userName").is_none());
    }

    #[test]
    fn paths_are_settled_by_the_schemas_that_exist() {
        let odd = Schema {
            id: "urn:example:1.0".to_owned(),
            attributes: vec![Attribute { name: "shoe".to_owned(), ..Attribute::default() }],
            ..Schema::default()
        };
        let other = Schema { id: "urn:example:extension".to_owned(), ..Schema::default() };
        let schema = ResourceSchema::new(user_schema().clone(), vec![odd, other]);
        let path: Path = "urn:example:1.0:shoe".parse().unwrap();
        assert!(matches!(path, Path::Schema(_)));
        assert!(matches!(schema.settle(path), Path::Attribute(_)));
        let path: Path = "urn:example:extension".parse().unwrap();
        assert!(matches!(path, Path::Attribute(_)));
        assert!(matches!(schema.settle(path), Path::Schema(_)));
    }
}
