//! Accounts that are never touched: scoping clauses on target attributes.

use model::schema::{FilterGroup, ObjectDefinition, Schema};
use model::{Failure, Name, Object, Value};

use crate::filter::{Groups, Operand, Scoped};
use crate::program::{Mapping, Program};

/// The groups of `NeverTouch` that apply to the target type of a mapping.
#[derive(Debug, Default)]
pub(crate) struct Protection {
    names: Vec<Name>,
    /// Each with its clauses in words.
    groups: Vec<(String, Groups)>,
}

/// A target object as the clauses see it.
struct Shown<'a>(&'a [Name], &'a Object);

impl Scoped for Shown<'_> {
    fn value(&self, position: usize) -> &Value {
        self.0.get(position).map_or(&Value::Null, |name| self.1.get(name))
    }
}

impl Protection {
    /// True where no account of the type is protected.
    pub(crate) fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// The clauses, in words, that an account satisfies; none where it may be touched.
    pub(crate) fn clause(&self, account: &Object) -> Result<Option<&str>, Failure> {
        for (words, group) in &self.groups {
            if group.refusal(&Shown(&self.names, account))?.is_none() {
                return Ok(Some(words));
            }
        }
        Ok(None)
    }
}

/// Refuses groups of `NeverTouch` that no schema can make sense of: a clause that names no attribute, an unknown operator,
/// a pattern or a value that cannot be read.
pub fn check_never_touch(groups: &[FilterGroup]) -> Result<(), String> {
    for group in groups {
        if attributes(group).any(str::is_empty) {
            let words = "a clause names no attribute of the target; name one in its sourceOperandName";
            return Err(words.to_owned());
        }
        compiled(group, &mut |_| Ok(Operand::Undeclared(0)))?;
    }
    Ok(())
}

impl Program {
    /// Lets mappings leave accounts alone that satisfy one of these groups. A group applies to the target types that
    /// have all attributes which it names; fails where none has, or where a clause cannot be read.
    pub fn protect(&mut self, schema: &Schema, groups: &[FilterGroup]) -> Result<(), String> {
        let mut applied = vec![false; groups.len()];
        for rule in &mut self.rules {
            let directory = schema
                .synchronization_rules
                .iter()
                .find(|one| one.id == rule.id.as_str())
                .and_then(|one| schema.directory(&one.target_directory_name));
            for mapping in &mut rule.mappings {
                let definition = directory.and_then(|directory| directory.object(&mapping.target_kind));
                let Some(definition) = definition else { continue };
                for (group, applied) in groups.iter().zip(&mut applied) {
                    *applied |= protect(mapping, definition, group)?;
                }
            }
        }
        match groups.iter().zip(applied).find(|(_, applied)| !applied) {
            Some((group, _)) => Err(format!(
                "'{}' names an attribute that no mapped object type of the target has",
                words(group)
            )),
            None => Ok(()),
        }
    }
}

impl Mapping {
    /// The clauses of `NeverTouch`, in words, that an account of the mapping's target type satisfies.
    pub fn protects(&self, account: &Object) -> Result<Option<&str>, Failure> {
        self.protection.clause(account)
    }

    /// True where some accounts of the mapping's target type may never be touched.
    #[must_use]
    pub fn has_protection(&self) -> bool {
        !self.protection.is_empty()
    }
}

/// True where the group applies to the mapping's target type.
fn protect(
    mapping: &mut Mapping,
    definition: &ObjectDefinition,
    group: &FilterGroup,
) -> Result<bool, String> {
    if attributes(group).any(|name| definition.attribute(name).is_none()) {
        return Ok(false);
    }
    let known = &mut mapping.protection.names;
    let compiled = compiled(group, &mut |name| {
        let kind = definition.attribute(name).map(|attribute| attribute.kind).unwrap_or_default();
        let position = known.iter().position(|one| one == name).unwrap_or_else(|| {
            known.push(name.into());
            known.len() - 1
        });
        Ok(Operand::Attribute(position, kind))
    })?;
    mapping.protection.groups.push((words(group), compiled));
    for name in attributes(group) {
        if !mapping.target_attributes.iter().any(|known| known == name) {
            mapping.target_attributes.push(name.into());
        }
    }
    Ok(true)
}

/// The attributes that a group's clauses name.
fn attributes(group: &FilterGroup) -> impl Iterator<Item = &str> {
    group.clauses.iter().map(|clause| clause.source_operand_name.as_deref().unwrap_or_default())
}

fn compiled(
    group: &FilterGroup,
    operand: &mut dyn FnMut(&str) -> Result<Operand, String>,
) -> Result<Groups, String> {
    let compiled = Groups::compile(Some(&vec![group.clone()]), false, operand)?;
    if compiled.member_groups().next().is_some() {
        return Err("IsMemberOf asks about objects of the source, not about accounts".to_owned());
    }
    Ok(compiled)
}

/// A group's clauses in words.
fn words(group: &FilterGroup) -> String {
    let clauses: Vec<String> = group
        .clauses
        .iter()
        .map(|clause| {
            let attribute = clause.source_operand_name.as_deref().unwrap_or_default();
            let operator = clause.operator_name.as_deref().unwrap_or_default();
            match clause.target_operand.as_ref().map(|operand| operand.values.as_slice()) {
                None | Some([]) => format!("{attribute} {operator}"),
                Some(values) => format!("{attribute} {operator} '{}'", values.join("', '")),
            }
        })
        .collect();
    clauses.join(" and ")
}
