//! Schemas: what attributes a resource has and how they behave (RFC 7643 §7).

use model::schema::AttributeType;
use serde::{Deserialize, Serialize};

use crate::meta::Meta;
use crate::name::CaselessName;

mod core;
mod definition;
mod resource;

pub use self::core::{
    CORE_PREFIX, ENTERPRISE_USER, GROUP, RESOURCE_TYPE, SCHEMA, SERVICE_PROVIDER_CONFIG, USER,
    enterprise_user_schema, group_schema, user_schema,
};
pub use definition::{directory_definition, object_name};
pub use resource::ResourceSchema;

/// A SCIM schema document. What a service leaves out has the default of RFC 7643 §7.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Schema {
    /// Always [`SCHEMA`]; empty where a service leaves it out.
    #[serde(default)]
    pub schemas: Vec<String>,
    /// The schema's URI.
    pub id: String,
    /// A name for people.
    #[serde(default)]
    pub name: Option<String>,
    /// What the schema is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Its attributes.
    #[serde(default)]
    pub attributes: Vec<Attribute>,
    /// About the document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meta: Option<Meta>,
}

impl Schema {
    /// The attribute of a name, in any case.
    #[must_use]
    pub fn attribute(&self, name: &CaselessName) -> Option<&Attribute> {
        self.attributes.iter().find(|attribute| name.is(&attribute.name))
    }
}

/// One attribute of a schema, or one part of a complex attribute.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Attribute {
    /// The attribute's name.
    pub name: String,
    /// The type of its values.
    #[serde(default, rename = "type")]
    pub kind: DataType,
    /// True where it holds an array.
    #[serde(default)]
    pub multi_valued: bool,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// True where a resource cannot be without it.
    #[serde(default)]
    pub required: bool,
    /// Suggested values, such as `work` and `home`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub canonical_values: Vec<String>,
    /// True where texts that differ in case differ.
    #[serde(default)]
    pub case_exact: bool,
    /// Who may change it, and when.
    #[serde(default)]
    pub mutability: Mutability,
    /// When it appears in answers.
    #[serde(default)]
    pub returned: Returned,
    /// Among which resources its values are unique.
    #[serde(default)]
    pub uniqueness: Uniqueness,
    /// The resource types, or `external` and `uri`, that a reference can point to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reference_types: Vec<String>,
    /// The parts of a complex attribute.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sub_attributes: Vec<Attribute>,
}

impl Attribute {
    /// The part of a name, in any case.
    #[must_use]
    pub fn sub_attribute(&self, name: &CaselessName) -> Option<&Attribute> {
        self.sub_attributes.iter().find(|attribute| name.is(&attribute.name))
    }

    /// True for attributes such as `members` and `manager`: their `value` is the id of the resource at `$ref`.
    #[must_use]
    pub fn refers_to_resources(&self) -> bool {
        self.sub_attribute(&"value".into()).is_some()
            && self
                .sub_attribute(&"$ref".into())
                .is_some_and(|reference| reference.kind == DataType::Reference)
    }
}

/// The type of an attribute's values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum DataType {
    /// Text.
    #[default]
    String,
    /// True or false.
    Boolean,
    /// A number with a fraction.
    Decimal,
    /// A whole number.
    Integer,
    /// An `xsd:dateTime` text.
    DateTime,
    /// A base64 text.
    Binary,
    /// A URI.
    Reference,
    /// An object of sub-attributes.
    Complex,
}

impl DataType {
    /// The type as schemas write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Boolean => "boolean",
            Self::Decimal => "decimal",
            Self::Integer => "integer",
            Self::DateTime => "dateTime",
            Self::Binary => "binary",
            Self::Reference => "reference",
            Self::Complex => "complex",
        }
    }

    /// The type that such values have in objects, which know neither fractions nor URIs nor complex values.
    #[must_use]
    pub fn attribute_type(self) -> AttributeType {
        match self {
            Self::Boolean => AttributeType::Boolean,
            Self::Integer => AttributeType::Integer,
            Self::DateTime => AttributeType::DateTime,
            Self::Binary => AttributeType::Binary,
            Self::String | Self::Decimal | Self::Reference | Self::Complex => AttributeType::String,
        }
    }
}

/// Who may change an attribute, and when.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Mutability {
    /// Only the service.
    ReadOnly,
    /// The client, at any time.
    #[default]
    ReadWrite,
    /// The client, once.
    Immutable,
    /// The client, who never reads it back.
    WriteOnly,
}

/// When an attribute appears in answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Returned {
    /// In every answer.
    Always,
    /// In none.
    Never,
    /// Unless the client chose other attributes.
    #[default]
    Default,
    /// Only where the client asked for it.
    Request,
}

/// Among which resources an attribute's values are unique.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Uniqueness {
    /// None.
    #[default]
    None,
    /// Those of the service.
    Server,
    /// All.
    Global,
}
