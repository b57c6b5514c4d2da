//! The synchronization schema: what a job may touch, whom it provisions and how each value is computed.
//!
//! These types have the shape of the Graph resources `synchronizationSchema`, `directoryDefinition`,
//! `synchronizationRule`, `objectMapping`, `attributeMapping` and `filter`, spelled as there. Properties that are not
//! known here are kept in `extra`, so that a schema exported from another service comes back equal.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value as Json};

use crate::Name;

/// Properties that a client sent and that mean nothing here.
pub type Extra = Map<String, Json>;

/// Graph `synchronizationSchema`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Schema {
    /// The job's id, or the template's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Changes with every write.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The directories that rules refer to by name.
    #[serde(default)]
    pub directories: Vec<DirectoryDefinition>,
    /// Applied by rising priority.
    #[serde(default)]
    pub synchronization_rules: Vec<SynchronizationRule>,
    /// What else the client sent.
    #[serde(flatten)]
    pub extra: Extra,
}

impl Schema {
    /// The directory of a name.
    #[must_use]
    pub fn directory(&self, name: &str) -> Option<&DirectoryDefinition> {
        self.directories.iter().find(|directory| directory.name.eq_ignore_ascii_case(name))
    }
}

/// Graph `directoryDefinition`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DirectoryDefinition {
    /// Identifier within the schema.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The name that rules use.
    #[serde(default)]
    pub name: String,
    /// Its object types.
    #[serde(default)]
    pub objects: Vec<ObjectDefinition>,
    /// What else the client sent, among it `discoverabilities`, `discoveryDateTime` and `version`.
    #[serde(flatten)]
    pub extra: Extra,
}

impl DirectoryDefinition {
    /// The object type of a name.
    #[must_use]
    pub fn object(&self, name: &str) -> Option<&ObjectDefinition> {
        self.objects.iter().find(|object| object.name == name)
    }
}

/// Graph `objectDefinition`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectDefinition {
    /// The object type's name, such as `User`.
    #[serde(default)]
    pub name: Name,
    /// Its attributes.
    #[serde(default)]
    pub attributes: Vec<AttributeDefinition>,
    /// Facts about the type, such as `IsSoftDeletionSupported`.
    #[serde(default)]
    pub metadata: Vec<Metadata>,
    /// What else the client sent.
    #[serde(flatten)]
    pub extra: Extra,
}

impl ObjectDefinition {
    /// The attribute of a name.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&AttributeDefinition> {
        self.attributes.iter().find(|attribute| attribute.name == name)
    }
}

/// Graph `attributeDefinition`.
#[expect(clippy::struct_excessive_bools, reason = "the Graph resource has them")]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AttributeDefinition {
    /// The attribute's name.
    #[serde(default)]
    pub name: Name,
    /// True for the directory's immutable identifier.
    #[serde(default)]
    pub anchor: bool,
    /// True where values that differ in case differ.
    #[serde(default)]
    pub case_exact: bool,
    /// Value given at creation where a mapping gives none.
    #[serde(default)]
    pub default_value: Option<String>,
    /// Whether a null flows out of (source) or into (target) this attribute; it does not where that is not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flow_null_values: Option<bool>,
    /// True where it holds several values.
    #[serde(default)]
    pub multivalued: bool,
    /// Who may write it.
    #[serde(default)]
    pub mutability: Mutability,
    /// True where an object cannot be created without it.
    #[serde(default)]
    pub required: bool,
    /// The object types that a reference can point to.
    #[serde(default)]
    pub referenced_objects: Vec<ReferencedObject>,
    /// The type of its values.
    #[serde(default, rename = "type")]
    pub kind: AttributeType,
    /// Facts about the attribute.
    #[serde(default)]
    pub metadata: Vec<Metadata>,
    /// What else the client sent.
    #[serde(flatten)]
    pub extra: Extra,
}

impl AttributeDefinition {
    /// True where a null flows out of (source) or into (target) this attribute.
    #[must_use]
    pub fn flows_null(&self) -> bool {
        self.flow_null_values == Some(true)
    }
}

/// Graph `referencedObject`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReferencedObject {
    /// The object type's name.
    #[serde(default)]
    pub referenced_object_name: Option<Name>,
    /// The property that holds the identifier; the anchor where null.
    #[serde(default)]
    pub referenced_property: Option<String>,
    /// What else the client sent.
    #[serde(flatten)]
    pub extra: Extra,
}

/// Graph `metadataEntry` and its kin: a key and a text, which may itself be JSON.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Metadata {
    /// What the value is about.
    #[serde(default)]
    pub key: String,
    /// The text.
    #[serde(default)]
    pub value: Option<String>,
    /// What else the client sent.
    #[serde(flatten)]
    pub extra: Extra,
}

/// Graph `attributeType`. The reference's examples spell it in lower case too, which is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum AttributeType {
    /// Text.
    #[default]
    #[serde(alias = "string")]
    String,
    /// A whole number.
    #[serde(alias = "integer")]
    Integer,
    /// Another object of the directory.
    #[serde(alias = "reference")]
    Reference,
    /// Octets.
    #[serde(alias = "binary")]
    Binary,
    /// True or false.
    #[serde(alias = "boolean")]
    Boolean,
    /// A moment.
    #[serde(alias = "dateTime")]
    DateTime,
}

/// Graph `mutability`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Mutability {
    /// Read and written.
    #[default]
    ReadWrite,
    /// Never exported.
    ReadOnly,
    /// Exported at creation only.
    Immutable,
    /// Never read back; compared by fingerprint.
    WriteOnly,
}

/// Graph `synchronizationRule`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SynchronizationRule {
    /// Identifier within the schema; need not be a GUID.
    #[serde(default)]
    pub id: String,
    /// A name for people.
    #[serde(default)]
    pub name: Option<String>,
    /// Lower goes first.
    #[serde(default)]
    pub priority: i64,
    /// True where clients may change it.
    #[serde(default)]
    pub editable: bool,
    /// The directory that is read.
    #[serde(default)]
    pub source_directory_name: String,
    /// The directory that is written.
    #[serde(default)]
    pub target_directory_name: String,
    /// The first enabled mapping that accepts an object owns it.
    #[serde(default)]
    pub object_mappings: Vec<ObjectMapping>,
    /// Facts about the rule.
    #[serde(default)]
    pub metadata: Vec<Metadata>,
    /// What else the client sent.
    #[serde(flatten)]
    pub extra: Extra,
}

/// Graph `objectMapping`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectMapping {
    /// A name for people; null in some real schemas.
    #[serde(default)]
    pub name: Option<String>,
    /// Disabled mappings own nothing.
    #[serde(default)]
    pub enabled: bool,
    /// The changes that may be exported.
    #[serde(default)]
    pub flow_types: FlowTypes,
    /// The object type that is read; empty in some real schemas.
    #[serde(default)]
    pub source_object_name: Name,
    /// The object type that is written.
    #[serde(default)]
    pub target_object_name: Name,
    /// Which objects the mapping is for.
    #[serde(default)]
    pub scope: Option<Filter>,
    /// How each value is computed.
    #[serde(default)]
    pub attribute_mappings: Vec<AttributeMapping>,
    /// Facts about the mapping.
    #[serde(default)]
    pub metadata: Vec<Metadata>,
    /// What else the client sent.
    #[serde(flatten)]
    pub extra: Extra,
}

/// Graph `objectFlowTypes`, a set sent as one comma-separated string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlowTypes {
    /// Objects may be created.
    pub add: bool,
    /// Objects may be changed and disabled.
    pub update: bool,
    /// Objects may be deleted.
    pub delete: bool,
}

impl Default for FlowTypes {
    fn default() -> Self {
        Self { add: true, update: true, delete: true }
    }
}

impl Serialize for FlowTypes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let names: Vec<&str> = [(self.add, "Add"), (self.update, "Update"), (self.delete, "Delete")]
            .into_iter()
            .filter_map(|(set, name)| set.then_some(name))
            .collect();
        serializer.serialize_str(&if names.is_empty() { "None".to_owned() } else { names.join(", ") })
    }
}

impl<'de> Deserialize<'de> for FlowTypes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Some(text) = Option::<String>::deserialize(deserializer)? else {
            return Ok(Self::default());
        };
        let mut flows = Self { add: false, update: false, delete: false };
        for name in text.split(',').map(str::trim) {
            match name {
                "Add" => flows.add = true,
                "Update" => flows.update = true,
                "Delete" => flows.delete = true,
                "None" | "" => {}
                other => {
                    return Err(serde::de::Error::custom(format!(
                        "'{other}' is no flow type; use Add, Update, Delete or None"
                    )));
                }
            }
        }
        Ok(flows)
    }
}

/// Graph `filter`: groups with AND inside and OR between.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Filter {
    /// Choose the mapping that owns an object.
    #[serde(default)]
    pub category_filter_groups: Option<Vec<FilterGroup>>,
    /// Objects that fail these are out of scope and deprovisioned.
    #[serde(default)]
    pub groups: Option<Vec<FilterGroup>>,
    /// Objects that fail these are ignored, never deprovisioned.
    #[serde(default)]
    pub input_filter_groups: Option<Vec<FilterGroup>>,
    /// What else the client sent.
    #[serde(flatten)]
    pub extra: Extra,
}

/// Graph `filterGroup`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FilterGroup {
    /// A name for people.
    #[serde(default)]
    pub name: Option<String>,
    /// All must hold.
    #[serde(default)]
    pub clauses: Vec<FilterClause>,
    /// What else the client sent.
    #[serde(flatten)]
    pub extra: Extra,
}

/// Graph `filterClause`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FilterClause {
    /// The attribute that is tested.
    #[serde(default)]
    pub source_operand_name: Option<String>,
    /// The operator's name, such as `EQUALS`.
    #[serde(default)]
    pub operator_name: Option<String>,
    /// What it is compared with; null for unary operators.
    #[serde(default)]
    pub target_operand: Option<FilterOperand>,
    /// What else the client sent.
    #[serde(flatten)]
    pub extra: Extra,
}

/// Graph `filterOperand`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FilterOperand {
    /// The values.
    #[serde(default)]
    pub values: Vec<String>,
    /// What else the client sent.
    #[serde(flatten)]
    pub extra: Extra,
}

/// Graph `attributeMapping`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AttributeMapping {
    /// Flows when the source gives null and the object is being created.
    #[serde(default)]
    pub default_value: Option<String>,
    /// Kept; references heal by themselves here.
    #[serde(default)]
    pub export_missing_references: bool,
    /// Whether an unchanged value takes part in an update.
    #[serde(default)]
    pub flow_behavior: FlowBehavior,
    /// When the value flows.
    #[serde(default)]
    pub flow_type: FlowType,
    /// Above zero: this attribute finds the object at the target; lower goes first.
    #[serde(default)]
    pub matching_priority: i64,
    /// How the value is computed; null where only the default flows.
    #[serde(default)]
    pub source: Option<MappingSource>,
    /// The target attribute.
    #[serde(default)]
    pub target_attribute_name: Name,
    /// What else the client sent.
    #[serde(flatten)]
    pub extra: Extra,
}

/// Graph `attributeFlowBehavior`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum FlowBehavior {
    /// Exported when it differs.
    #[default]
    FlowWhenChanged,
    /// Joins every update, never causes one.
    FlowAlways,
}

/// Graph `attributeFlowType`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum FlowType {
    /// At creation and with updates.
    #[default]
    Always,
    /// Only when the object is created.
    ObjectAddOnly,
    /// Only adds values to a multi-valued attribute.
    MultiValueAddOnly,
    /// Only adds values.
    ValueAddOnly,
    /// Only where the target has no value.
    AttributeAddOnly,
}

/// Graph `attributeMappingSource`: the tree of an expression and its text.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MappingSource {
    /// The text, which decides where text and tree differ.
    #[serde(default)]
    pub expression: Option<String>,
    /// The attribute's or function's name, or the constant.
    #[serde(default)]
    pub name: Option<String>,
    /// The arguments of a function, by parameter key; a key may repeat.
    #[serde(default)]
    pub parameters: Vec<MappingParameter>,
    /// What the node is.
    #[serde(default, rename = "type")]
    pub kind: SourceType,
    /// What else the client sent.
    #[serde(flatten)]
    pub extra: Extra,
}

/// Graph `stringKeyAttributeMappingSourceValuePair`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MappingParameter {
    /// The parameter's key, as the function table spells it.
    #[serde(default)]
    pub key: String,
    /// The argument.
    #[serde(default)]
    pub value: MappingSource,
    /// What else the client sent.
    #[serde(flatten)]
    pub extra: Extra,
}

/// Graph `attributeMappingSourceType`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum SourceType {
    /// `[name]`
    #[default]
    Attribute,
    /// A literal.
    Constant,
    /// `Name(…)`
    Function,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_properties_and_odd_spellings_survive() {
        let text = r#"{
          "directories": [{"name": "d", "objects": [{"name": "User", "attributes": [], "metadata": [], "supportedApis": ["x"]}], "readOnly": false}],
          "synchronizationRules": [{"id": "r", "name": "n", "priority": 1, "editable": true, "sourceDirectoryName": "d",
            "targetDirectoryName": "d", "metadata": [{"key": "k", "value": "\"Normal\""}], "groupFilter": null,
            "objectMappings": [{"name": null, "enabled": false, "flowTypes": "Add,Update", "sourceObjectName": "",
              "targetObjectName": "User", "scope": null, "attributeMappings": [], "metadata": []}]}],
          "version": "v1.2"}"#;
        let before: Json = serde_json::from_str(text).unwrap();
        let schema: Schema = serde_json::from_value(before.clone()).unwrap();
        let mapping = &schema.synchronization_rules[0].object_mappings[0];
        assert!(mapping.flow_types.add && !mapping.flow_types.delete);
        let mut after = serde_json::to_value(&schema).unwrap();
        after["synchronizationRules"][0]["objectMappings"][0]["flowTypes"] = "Add,Update".into();
        assert_eq!(before, after);
    }
}
