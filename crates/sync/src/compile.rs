//! From a schema to a program.

mod attribute;
mod meaning;
mod names;
mod slots;

use std::collections::HashSet;
use std::fmt;
use std::fmt::Write as _;

use model::fingerprint::Fingerprinter;
use model::schema::{
    DirectoryDefinition, FlowType, Mutability, ObjectDefinition, ObjectMapping, Schema, SynchronizationRule,
};
use model::{Name, Value};

use self::attribute::Flowing;
use self::names::{Known, list};
use self::slots::Slots;
use crate::filter::{Filters, Groups};
use crate::program::{AttributeFlow, Mapping, Program, ReferenceFlow, Rule};
use crate::protect::Protection;

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
    let mut ids = HashSet::new();
    let rules = rules
        .into_iter()
        .filter_map(|rule| {
            let mut compiler = RuleCompiler { schema, rule, errors: &mut errors, meaning: &mut meaning };
            if !ids.insert(rule.id.to_ascii_lowercase()) {
                // What is remembered of an object is remembered by rule.
                let words =
                    format!("another rule has the id '{}' too; give each rule one of its own", rule.id);
                compiler.error(None, None, None, words);
            }
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
        let mut slots = Slots::of(&from);
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
        self.note_meaning(mapping, &slots, &to);
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
            clearing: slots.clearing,
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

fn key_of(mapping: &ObjectMapping) -> String {
    match mapping.name.as_deref() {
        Some(name) if !name.is_empty() => name.to_owned(),
        _ => format!("{} to {}", mapping.source_object_name, mapping.target_object_name),
    }
}

/// The attributes that are read of an account: those of its values, and references that only an account without one
/// gets.
fn attributes_read(flows: &[AttributeFlow], references: &[ReferenceFlow]) -> Vec<Name> {
    let values = flows.iter().map(|flow| &flow.attribute);
    let references = references.iter().filter(|flow| flow.fills()).map(|flow| &flow.attribute);
    values.chain(references).cloned().collect()
}
