//! What of a schema decides about objects.

use std::fmt::Write as _;

use model::schema::{FilterGroup, ObjectMapping};

use super::attribute::{extra_flows_null, mutability};
use super::names::Known;
use super::slots::Slots;
use super::{RuleCompiler, key_of};

impl RuleCompiler<'_> {
    /// Notes everything that decides about objects, so that a change of it can be told from a change of names.
    pub(super) fn note_meaning(&mut self, mapping: &ObjectMapping, slots: &Slots<'_, '_>, to: &Known<'_>) {
        let _ = write!(
            self.meaning,
            "{:?}",
            // The name of a mapping is what a job remembers its objects by.
            (key_of(mapping), &mapping.source_object_name, &mapping.target_object_name, mapping.flow_types)
        );
        if let Some(scope) = &mapping.scope {
            for groups in [&scope.category_filter_groups, &scope.input_filter_groups, &scope.groups] {
                let clauses = groups.iter().flatten().map(|group: &FilterGroup| &group.clauses);
                let _ = write!(self.meaning, "{:?}", clauses.collect::<Vec<_>>());
            }
        }
        for attribute in &mapping.attribute_mappings {
            // As it is read: some tools write a tree alone, and spaces mean nothing.
            let source = attribute.source.as_ref();
            let expression = source.and_then(|source| expression::from_source(source).ok());
            let expression = expression.map(|tree| tree.to_string());
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
                    (&one.default_value, one.flows_null()),
                )),
            );
        }
        let read = slots.names.iter().map(|name| {
            let known = slots.definition.attribute(name);
            (name, known.map(|one| (one.kind, one.multivalued, one.flows_null())))
        });
        let _ = write!(self.meaning, "{:?}", read.collect::<Vec<_>>());
    }
}
