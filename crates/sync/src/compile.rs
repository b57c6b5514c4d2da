//! From a schema to a program.

mod names;

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::fmt::Write as _;

use expression::{Compiled, NodeKind, Placement};
use model::fingerprint::Fingerprinter;
use model::schema::{
    AttributeDefinition, AttributeMapping, AttributeType, DirectoryDefinition, FlowType, Mutability,
    ObjectDefinition, ObjectMapping, Schema, SynchronizationRule,
};
use model::{Name, Value};

use self::names::{Known, list};
use crate::filter::{Filters, Groups, Operand};
use crate::program::{AttributeFlow, Mapping, Program, ReferenceFlow, Rule, Slot, Source};
use crate::protect::Protection;
use crate::typed;

/// Errors of one schema that are told at once; behind that many nothing more is looked at.
const MOST_ERRORS: usize = 100;

/// The source attribute that is computed here.
const SOFT_DELETED: &str = "IsSoftDeleted";

/// Why a schema cannot run: where, and what would mend it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaError {
    /// The rule's name or id.
    pub rule: String,
    /// The mapping's name or types.
    pub mapping: Option<String>,
    /// The target attribute.
    pub attribute: Option<Name>,
    /// Where in its expression, in characters from zero.
    pub offset: Option<usize>,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for SchemaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rule '{}'", self.rule)?;
        if let Some(mapping) = &self.mapping {
            write!(f, ", mapping '{mapping}'")?;
        }
        if let Some(attribute) = &self.attribute {
            write!(f, ", attribute '{attribute}'")?;
        }
        write!(f, ": {}", self.message)
    }
}

impl std::error::Error for SchemaError {}

/// Compiles the enabled mappings of the rules that flow in the direction of the first rule. What is disabled or
/// flows the other way may be as odd as it likes.
pub fn compile(schema: &Schema) -> Result<Program, Vec<SchemaError>> {
    let mut rules: Vec<&SynchronizationRule> = schema
        .synchronization_rules
        .iter()
        .filter(|rule| rule.object_mappings.iter().any(|mapping| mapping.enabled))
        .collect();
    rules.sort_by_key(|rule| rule.priority);
    let direction = rules.first().map(|rule| (&rule.source_directory_name, &rule.target_directory_name));
    rules.retain(|rule| Some((&rule.source_directory_name, &rule.target_directory_name)) == direction);
    let mut errors = Vec::new();
    let mut meaning = String::new();
    let rules = rules
        .into_iter()
        .filter_map(|rule| {
            let mut compiler = RuleCompiler { schema, rule, errors: &mut errors, meaning: &mut meaning };
            compiler.rule()
        })
        .collect();
    if errors.is_empty() {
        let meaning = Fingerprinter::new([0; 16]).of(&Value::from(meaning), true).0;
        Ok(Program { rules, meaning })
    } else {
        Err(errors)
    }
}

struct RuleCompiler<'a> {
    schema: &'a Schema,
    rule: &'a SynchronizationRule,
    errors: &'a mut Vec<SchemaError>,
    meaning: &'a mut String,
}

impl<'a> RuleCompiler<'a> {
    fn rule(&mut self) -> Option<Rule> {
        let (schema, rule) = (self.schema, self.rule);
        let source = self.directory(schema, &rule.source_directory_name);
        let target = self.directory(schema, &rule.target_directory_name);
        let (source, target) = (source?, target?);
        let _ = write!(
            self.meaning,
            "{:?}",
            (&rule.id, &rule.source_directory_name, &rule.target_directory_name)
        );
        let mut mappings = Vec::new();
        for mapping in rule.object_mappings.iter().filter(|mapping| mapping.enabled) {
            if self.errors.len() < MOST_ERRORS {
                mappings.extend(self.mapping(mapping, source, target));
            }
        }
        Some(Rule { id: rule.id.as_str().into(), mappings })
    }

    fn directory(&mut self, schema: &'a Schema, name: &str) -> Option<&'a DirectoryDefinition> {
        let found = schema.directory(name);
        if found.is_none() {
            let known: Vec<&str> =
                schema.directories.iter().map(|directory| directory.name.as_str()).collect();
            self.error(
                None,
                None,
                None,
                format!("there is no directory '{name}'; the schema has {}", list(&known)),
            );
        }
        found
    }

    fn mapping(
        &mut self,
        mapping: &'a ObjectMapping,
        source: &'a DirectoryDefinition,
        target: &'a DirectoryDefinition,
    ) -> Option<Mapping> {
        let key = key_of(mapping);
        let before = self.errors.len();
        let from = self.object(&key, source, &mapping.source_object_name);
        let to = self.object(&key, target, &mapping.target_object_name);
        let (from, to) = (from?, to?);
        let (from, to) = (Known::of(from), Known::of(to));
        let mut slots = Slots { definition: &from, names: Vec::new(), positions: HashMap::new() };
        let filters = self.filters(&key, mapping, &mut slots);
        let (mut flows, mut references) = (Vec::new(), Vec::new());
        let (mut priorities, mut can_match) = (Vec::new(), false);
        let mut mapped = HashSet::new();
        for attribute in &mapping.attribute_mappings {
            if self.errors.len() >= MOST_ERRORS {
                return None;
            }
            let name = &attribute.target_attribute_name;
            can_match |= attribute.matching_priority > 0 && attribute.source.is_some();
            if !mapped.insert(name.as_str()) {
                self.error(
                    Some(&key),
                    Some(name),
                    None,
                    "the attribute is mapped twice; keep one mapping".into(),
                );
                continue;
            }
            match self.attribute(&key, attribute, &to, &mut slots) {
                Some(Flowing::Value(flow)) => {
                    if attribute.matching_priority > 0 {
                        priorities.push((attribute.matching_priority, flows.len()));
                    }
                    flows.push(flow);
                }
                Some(Flowing::Reference(flow)) => references.push(flow),
                None => {}
            }
        }
        if !can_match {
            let message = "no attribute has a matchingPriority above 0, so accounts cannot be found; set it to 1 on the \
                           attribute that identifies them";
            self.error(Some(&key), None, None, message.into());
        }
        if self.errors.len() > before {
            return None;
        }
        priorities.sort_unstable();
        self.note_meaning(mapping, &from, &to);
        let may_update = |flow: &&AttributeFlow| {
            flow.flow_type != FlowType::ObjectAddOnly
                && matches!(flow.mutability, Mutability::ReadWrite | Mutability::WriteOnly)
        };
        Some(Mapping {
            rule: self.rule.id.as_str().into(),
            key: key.as_str().into(),
            source_kind: mapping.source_object_name.clone(),
            target_kind: mapping.target_object_name.clone(),
            flow_types: mapping.flow_types,
            filters,
            matching: priorities.into_iter().map(|(_, position)| position).collect(),
            source_attributes: slots.names,
            target_attributes: attributes_read(&flows, &references),
            disables: flows.iter().filter(may_update).any(|flow| flow.reads_soft_deleted),
            flows,
            references,
            protection: Protection::default(),
        })
    }

    fn object(
        &mut self,
        key: &str,
        directory: &'a DirectoryDefinition,
        name: &str,
    ) -> Option<&'a ObjectDefinition> {
        let found = directory.object(name);
        if found.is_none() {
            let known: Vec<&str> = directory.objects.iter().map(|object| object.name.as_str()).collect();
            let message =
                format!("directory '{}' has no object '{name}'; it has {}", directory.name, list(&known));
            self.error(Some(key), None, None, message);
        }
        found
    }

    fn filters(&mut self, key: &str, mapping: &ObjectMapping, slots: &mut Slots<'_, '_>) -> Filters {
        let Some(scope) = &mapping.scope else {
            return Filters::default();
        };
        let mut compile = |groups, negative_on_null| {
            Groups::compile(groups, negative_on_null, &mut |name: &str| slots.operand(name)).unwrap_or_else(
                |message| {
                    self.error(Some(key), None, None, message);
                    Groups::default()
                },
            )
        };
        Filters {
            category: compile(scope.category_filter_groups.as_ref(), false),
            input: compile(scope.input_filter_groups.as_ref(), true),
            scope: compile(scope.groups.as_ref(), false),
        }
    }

    fn attribute(
        &mut self,
        key: &str,
        mapping: &AttributeMapping,
        target: &Known<'_>,
        slots: &mut Slots<'_, '_>,
    ) -> Option<Flowing> {
        let name = &mapping.target_attribute_name;
        let Some(definition) = target.attribute(name) else {
            let nearest = target.nearest(name);
            let message =
                format!("object '{}' of the target has no such attribute{nearest}", target.object.name);
            self.error(Some(key), Some(name), None, message);
            return None;
        };
        let mutability = mutability(definition);
        if definition.mutability == Mutability::ReadOnly && mapping.matching_priority == 0 {
            let message =
                "the target attribute is read-only; take it out, or use it for matching alone".into();
            self.error(Some(key), Some(name), None, message);
            return None;
        }
        if definition.kind == AttributeType::Reference {
            return self.reference(key, mapping, definition, slots).map(Flowing::Reference);
        }
        let source = match &mapping.source {
            None => None,
            Some(source) => Some(self.expression(key, mapping, source, definition, slots)?),
        };
        let null_gate = match &source {
            Some((compiled, _)) => compiled.attributes().iter().any(|name| slots.flows_null(name)),
            None => false,
        };
        let default = mapping.default_value.as_ref().or(definition.default_value.as_ref());
        if let Some(text) = default.filter(|text| !expression::reads_as(definition.kind, text)) {
            let message =
                format!("the default value '{text}' is no value of type {:?}; change it", definition.kind);
            self.error(Some(key), Some(name), None, message);
            return None;
        }
        let (redacted, reads_soft_deleted) = source
            .as_ref()
            .map_or((false, false), |(compiled, _)| (compiled.is_redacted(), compiled.reads(SOFT_DELETED)));
        Some(Flowing::Value(AttributeFlow {
            attribute: name.clone(),
            source: source.map(|(compiled, slots)| Source { compiled, slots }),
            default: default
                .filter(|text| !text.is_empty())
                .map_or(Value::Null, |text| typed(definition, text)),
            flow_type: flow_type(mapping, definition),
            behavior: mapping.flow_behavior,
            mutability,
            kind: definition.kind,
            multivalued: definition.multivalued,
            case_exact: definition.case_exact,
            required: definition.required,
            null_flows: null_gate && (definition.flow_null_values || extra_flows_null(mapping)),
            redacted: redacted || is_secret(definition),
            reads_soft_deleted,
        }))
    }

    fn expression(
        &mut self,
        key: &str,
        mapping: &AttributeMapping,
        source: &model::schema::MappingSource,
        target: &AttributeDefinition,
        slots: &mut Slots<'_, '_>,
    ) -> Option<(Compiled, Vec<Slot>)> {
        let name = &mapping.target_attribute_name;
        let tree = match expression::from_source(source) {
            Ok(tree) => tree,
            Err(error) => {
                self.error(Some(key), Some(name), Some(error.offset), error.to_string());
                return None;
            }
        };
        let placement = Placement { flow_type: mapping.flow_type, matching: mapping.matching_priority > 0 };
        let checked = expression::check(&tree, slots.definition, placement);
        let fits = |result| expression::check_fit(&tree, result, target).map_err(|error| vec![error]);
        if let Err(errors) = checked.and_then(fits) {
            for error in errors {
                self.error(Some(key), Some(name), Some(error.offset), error.to_string());
            }
            return None;
        }
        let compiled = expression::compile(&tree);
        let positions = compiled
            .attributes()
            .iter()
            .map(
                |name| {
                    if name == SOFT_DELETED { Slot::SoftDeleted } else { Slot::Attribute(slots.add(name)) }
                },
            )
            .collect();
        Some((compiled, positions))
    }

    fn reference(
        &mut self,
        key: &str,
        mapping: &AttributeMapping,
        definition: &AttributeDefinition,
        slots: &mut Slots<'_, '_>,
    ) -> Option<ReferenceFlow> {
        let name = &mapping.target_attribute_name;
        if mapping.matching_priority > 0 {
            let message = "a reference cannot find accounts; set its matchingPriority to 0".into();
            self.error(Some(key), Some(name), None, message);
            return None;
        }
        let tree = match mapping.source.as_ref().map(expression::from_source) {
            Some(Ok(tree)) => Some(tree),
            Some(Err(error)) => {
                self.error(Some(key), Some(name), Some(error.offset), error.to_string());
                return None;
            }
            None => None,
        };
        let attribute = tree.as_ref().and_then(|tree| match &tree.root().kind {
            NodeKind::Attribute(attribute) => Some(attribute),
            _ => None,
        });
        let found = attribute.and_then(|attribute| slots.definition.attribute(attribute));
        let Some(from) = found.filter(|from| from.kind == AttributeType::Reference) else {
            let written = tree.as_ref().map(ToString::to_string).unwrap_or_default();
            let message = format!(
                "a reference takes a reference attribute of the source, such as [manager], not '{written}'"
            );
            self.error(Some(key), Some(name), Some(0), message);
            return None;
        };
        let inline = !from.multivalued;
        slots.add(&from.name);
        Some(ReferenceFlow {
            source: from.name.clone(),
            attribute: name.clone(),
            multivalued: definition.multivalued,
            inline,
            flow_type: reference_flow_type(mapping.flow_type, definition, inline),
        })
    }

    /// Notes everything that decides about objects, so that a change of it can be told from a change of names.
    fn note_meaning(&mut self, mapping: &ObjectMapping, from: &Known<'_>, to: &Known<'_>) {
        let _ = write!(
            self.meaning,
            "{:?}",
            (&mapping.source_object_name, &mapping.target_object_name, mapping.flow_types, &mapping.scope)
        );
        for attribute in &mapping.attribute_mappings {
            let expression = attribute.source.as_ref().map(|source| &source.expression);
            let definition = to.attribute(&attribute.target_attribute_name);
            let _ = write!(
                self.meaning,
                "{:?}{:?}",
                (
                    &attribute.target_attribute_name,
                    expression,
                    &attribute.default_value,
                    attribute.flow_type,
                    attribute.flow_behavior,
                    attribute.matching_priority,
                    extra_flows_null(attribute),
                ),
                definition.map(|one| (
                    (one.kind, one.multivalued, one.case_exact, one.required, mutability(one)),
                    (&one.default_value, one.flow_null_values),
                )),
            );
        }
        let nulls = from.object.attributes.iter().filter(|one| one.flow_null_values).map(|one| &one.name);
        let _ = write!(self.meaning, "{}{:?}", from.object.name, nulls.collect::<Vec<_>>());
    }

    fn error(
        &mut self,
        mapping: Option<&str>,
        attribute: Option<&Name>,
        offset: Option<usize>,
        message: String,
    ) {
        self.errors.push(SchemaError {
            rule: self.rule.name.clone().unwrap_or_else(|| self.rule.id.clone()),
            mapping: mapping.map(str::to_owned),
            attribute: attribute.cloned(),
            offset,
            message,
        });
    }
}

enum Flowing {
    Value(AttributeFlow),
    Reference(ReferenceFlow),
}

/// The source attributes that a mapping reads, each once.
struct Slots<'k, 'a> {
    definition: &'k Known<'a>,
    names: Vec<Name>,
    positions: HashMap<Name, usize>,
}

impl Slots<'_, '_> {
    fn add(&mut self, name: &str) -> usize {
        if let Some(position) = self.positions.get(name) {
            return *position;
        }
        let position = self.names.len();
        self.names.push(name.into());
        self.positions.insert(name.into(), position);
        position
    }

    /// What a filter reads.
    fn operand(&mut self, name: &str) -> Result<Operand, String> {
        if name == SOFT_DELETED {
            return Ok(Operand::SoftDeleted);
        }
        if let Some(definition) = self.definition.attribute(name) {
            if definition.kind == AttributeType::Reference && definition.multivalued {
                return Err(format!(
                    "the filter reads '{name}', whose values are too many to travel with an object; use IsMemberOf to ask \
                     for a membership"
                ));
            }
            return Ok(Operand::Attribute(self.add(name), definition.kind));
        }
        if names::is_directory_extension(name) {
            return Ok(Operand::Attribute(self.add(name), AttributeType::String));
        }
        let nearest = self.definition.nearest(name);
        Err(format!(
            "the filter reads '{name}', which object '{}' of the source does not have{nearest}",
            self.definition.object.name
        ))
    }

    fn flows_null(&self, name: &str) -> bool {
        self.definition.attribute(name).is_some_and(|definition| definition.flow_null_values)
    }
}

fn key_of(mapping: &ObjectMapping) -> String {
    match mapping.name.as_deref() {
        Some(name) if !name.is_empty() => name.to_owned(),
        _ => format!("{} to {}", mapping.source_object_name, mapping.target_object_name),
    }
}

fn typed(definition: &AttributeDefinition, text: &str) -> Value {
    typed::comparable(definition.kind, &Value::from(text)).into_owned()
}

/// The attributes that are read of an account: those of its values, and references that only an account without one
/// gets.
fn attributes_read(flows: &[AttributeFlow], references: &[ReferenceFlow]) -> Vec<Name> {
    let values = flows.iter().map(|flow| &flow.attribute);
    let references = references.iter().filter(|flow| flow.fills()).map(|flow| &flow.attribute);
    values.chain(references).cloned().collect()
}

/// When values flow. `AppRoleAssignmentsComplex` only ever adds roles; the assertive one replaces them.
fn flow_type(mapping: &AttributeMapping, definition: &AttributeDefinition) -> FlowType {
    let is_adding = |source: &model::schema::MappingSource| {
        expression::from_source(source).is_ok_and(|tree| match &tree.root().kind {
            NodeKind::Call(call) => call.function.name == "AppRoleAssignmentsComplex",
            _ => false,
        })
    };
    match mapping.flow_type {
        FlowType::Always if definition.multivalued && mapping.source.as_ref().is_some_and(is_adding) => {
            FlowType::MultiValueAddOnly
        }
        other => other,
    }
}

/// When references flow: to add to what holds one reference is to fill it, and references that do not travel inside an
/// object are not asked for at the target, which had none when the account was made.
fn reference_flow_type(flow_type: FlowType, definition: &AttributeDefinition, inline: bool) -> FlowType {
    match flow_type {
        _ if definition.mutability == Mutability::Immutable => FlowType::ObjectAddOnly,
        FlowType::AttributeAddOnly if !inline => FlowType::ObjectAddOnly,
        FlowType::ValueAddOnly | FlowType::MultiValueAddOnly if !definition.multivalued => {
            FlowType::AttributeAddOnly
        }
        other => other,
    }
}

/// Who may write an attribute: what a target identifies its objects by, nobody.
fn mutability(definition: &AttributeDefinition) -> Mutability {
    if definition.anchor { Mutability::ReadOnly } else { definition.mutability }
}

fn extra_flows_null(mapping: &AttributeMapping) -> bool {
    mapping.extra.get("flowNullValues").is_some_and(|flag| flag == true)
}

fn is_secret(definition: &AttributeDefinition) -> bool {
    definition.mutability == Mutability::WriteOnly
        || definition.metadata.iter().any(|entry| {
            entry.key == "Secret"
                && entry.value.as_deref().is_some_and(|value| value.eq_ignore_ascii_case("true"))
        })
}
