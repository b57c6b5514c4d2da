//! The source attributes that a mapping reads, as positions in a list.

use std::collections::HashMap;

use model::Name;
use model::schema::{AttributeDefinition, AttributeType};

use super::SOFT_DELETED;
use super::names::{self, Known};
use crate::filter::Operand;

/// The source attributes that a mapping reads, each once.
pub(super) struct Slots<'k, 'a> {
    pub(super) definition: &'k Known<'a>,
    pub(super) names: Vec<Name>,
    /// Those whose nulls flow: the gate of the attribute is open, and that of a mapping that reads it.
    pub(super) clearing: Vec<Name>,
    positions: HashMap<Name, usize>,
}

impl<'k, 'a> Slots<'k, 'a> {
    pub(super) fn of(definition: &'k Known<'a>) -> Self {
        Self { definition, names: Vec::new(), clearing: Vec::new(), positions: HashMap::new() }
    }

    pub(super) fn add(&mut self, name: &str) -> usize {
        if let Some(position) = self.positions.get(name) {
            return *position;
        }
        let position = self.names.len();
        self.names.push(name.into());
        self.positions.insert(name.into(), position);
        position
    }

    /// What a filter reads.
    pub(super) fn operand(&mut self, name: &str) -> Result<Operand, String> {
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
            return Ok(Operand::Undeclared(self.add(name)));
        }
        let nearest = self.definition.nearest(name);
        Err(format!(
            "the filter reads '{name}', which object '{}' of the source does not have{nearest}",
            self.definition.object.name
        ))
    }

    /// Nulls of the attribute reach the target.
    pub(super) fn clears(&mut self, name: &Name) {
        if !self.clearing.contains(name) {
            self.clearing.push(name.clone());
        }
    }

    pub(super) fn flows_null(&self, name: &str) -> bool {
        self.definition.attribute(name).is_some_and(AttributeDefinition::flows_null)
    }
}
