//! From an attribute mapping to a flow of values or references.

use expression::{Compiled, NodeKind, Placement};
use model::Value;
use model::schema::{
    AttributeDefinition, AttributeMapping, AttributeType, FlowType, MappingSource, Mutability,
};

use super::names::Known;
use super::slots::Slots;
use super::{RuleCompiler, SOFT_DELETED};
use crate::program::{AttributeFlow, ReferenceFlow, Slot, Source};
use crate::typed;

/// What an attribute mapping makes flow.
pub(super) enum Flowing {
    Value(AttributeFlow),
    Reference(ReferenceFlow),
}

impl RuleCompiler<'_> {
    pub(super) fn attribute(
        &mut self,
        key: &str,
        mapping: &AttributeMapping,
        target: &Known<'_>,
        slots: &mut Slots<'_, '_>,
    ) -> Option<Flowing> {
        let name = &mapping.target_attribute_name;
        if mapping.matching_priority < 0 {
            let message = format!(
                "matchingPriority {} is below 0; attributes that do not match have 0, the others 1 and up, the lowest going \
                 first",
                mapping.matching_priority
            );
            self.error(Some(key), Some(name), None, message);
            return None;
        }
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
        let null_flows = null_flows(mapping, definition, source.as_ref(), slots);
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
            null_flows,
            redacted: redacted || is_secret(definition),
            reads_soft_deleted,
        }))
    }

    fn expression(
        &mut self,
        key: &str,
        mapping: &AttributeMapping,
        source: &MappingSource,
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
        if placement.matching && compiled.attributes().is_empty() {
            let message = "the value is the same for everybody, so it finds nobody's account; match by an attribute of the \
                           source";
            self.error(Some(key), Some(name), Some(0), format!("character 1: {message}"));
            return None;
        }
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
}

/// Whether nulls flow: both gates are open, the source attribute's and the target's.
fn null_flows(
    mapping: &AttributeMapping,
    definition: &AttributeDefinition,
    source: Option<&(Compiled, Vec<Slot>)>,
    slots: &mut Slots<'_, '_>,
) -> bool {
    let Some((compiled, _)) = source.filter(|_| definition.flows_null() || extra_flows_null(mapping)) else {
        return false;
    };
    let mut any = false;
    for name in compiled.attributes() {
        if slots.flows_null(name) {
            slots.clears(name);
            any = true;
        }
    }
    any
}

fn typed(definition: &AttributeDefinition, text: &str) -> Value {
    typed::comparable(definition.kind, &Value::from(text)).into_owned()
}

/// When values flow. `AppRoleAssignmentsComplex` only ever adds roles; the assertive one replaces them.
fn flow_type(mapping: &AttributeMapping, definition: &AttributeDefinition) -> FlowType {
    let is_adding = |source: &MappingSource| {
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
pub(super) fn mutability(definition: &AttributeDefinition) -> Mutability {
    if definition.anchor { Mutability::ReadOnly } else { definition.mutability }
}

pub(super) fn extra_flows_null(mapping: &AttributeMapping) -> bool {
    mapping.extra.get("flowNullValues").is_some_and(|flag| flag == true)
}

fn is_secret(definition: &AttributeDefinition) -> bool {
    definition.mutability == Mutability::WriteOnly
        || definition.metadata.iter().any(|entry| {
            entry.key == "Secret"
                && entry.value.as_deref().is_some_and(|value| value.eq_ignore_ascii_case("true"))
        })
}
