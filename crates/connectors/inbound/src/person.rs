//! What is known of a person as attributes of an object.

use connector::{ConnectorError, ErrorClass, Result, Selection, SourceObject};
use model::schema::AttributeType;
use model::{FailureCode, Name, Object, Value};
use scim::build::read_path;
use scim::schema::ENTERPRISE_USER;
use scim::{AttributePath, Path, ResourceSchema};
use serde_json::Value as Json;
use store::Uploaded;

use crate::definition::EXTERNAL_ID;

/// The selected attributes, their paths read once for many people.
pub(crate) struct Columns<'a> {
    kind: &'a Name,
    schema: ResourceSchema,
    attributes: Vec<Column<'a>>,
}

struct Column<'a> {
    name: &'a Name,
    path: Path,
    /// The type that is wanted, where neither schema nor JSON tells.
    kind: Option<AttributeType>,
    /// True where what the latest upload left out is null.
    clears: bool,
}

impl<'a> Columns<'a> {
    /// The selected attributes; an error where one of them is no SCIM path.
    pub(crate) fn of(selection: &'a Selection) -> Result<Self> {
        let column = |name: &'a Name| {
            let path: Path = name.parse().map_err(|error| {
                let detail = format!("the attribute '{name}' is no SCIM path: {error}");
                ConnectorError::new(ErrorClass::Permanent, detail).code(FailureCode::SchemaAttributeNotFound)
            })?;
            let kind = is_manager(&path).then_some(AttributeType::Reference);
            Ok(Column { name, path, kind, clears: selection.clearing.contains(name) })
        };
        Ok(Self {
            kind: &selection.kind,
            schema: ResourceSchema::user().open(),
            attributes: selection.attributes.iter().map(column).collect::<Result<_>>()?,
        })
    }

    /// A person with these attributes.
    pub(crate) fn shape(&self, person: Uploaded) -> SourceObject {
        let Uploaded { anchor, latest, known, .. } = person;
        let (latest, known) = (Json::Object(latest), Json::Object(known));
        let values = self.attributes.iter().map(|column| {
            let value = if column.name == EXTERNAL_ID {
                Value::text(anchor.as_str())
            } else {
                let resource = if column.clears { &latest } else { &known };
                read_path(resource, &column.path, column.kind, &self.schema)
            };
            (column.name.clone(), value)
        });
        let attributes = values.collect();
        let name = |name: &str| known.get(name).and_then(Json::as_str).map(Name::from);
        let display_name = name("displayName").or_else(|| name("userName"));
        let object = Object { kind: self.kind.clone(), anchor, attributes };
        SourceObject { display_name, ..SourceObject::active(object) }
    }
}

/// True for the enterprise extension's `manager`, and for its `value`: the `externalId` of another person.
fn is_manager(path: &Path) -> bool {
    let Path::Attribute(AttributePath { schema: Some(schema), attribute, sub_attribute }) = path else {
        return false;
    };
    schema.is(ENTERPRISE_USER)
        && attribute.is("manager")
        && sub_attribute.as_ref().is_none_or(|part| part.is("value"))
}
