//! Attribute flow: what each mapping computes, and which of it must be exported.

mod update;

use std::borrow::Cow;

use expression::{Cause, Context, EvaluationError, Flow, Lookup};
use model::change::{AttributeChange, ChangeKind, ChangeSet, SourceObject};
use model::fingerprint::{Fingerprint, Fingerprinter};
use model::link::Exported;
use model::provisioning::REDACTED;
use model::schema::Mutability;
use model::{Anchor, Failure, FailureCode, Name, Object, Value};

use crate::conceal::Hidden;
use crate::facts::Shown;
use crate::filter::Scoped;
use crate::program::{AttributeFlow, Mapping, Slot, Source};
use crate::typed;
use update::Update;

static TRUE: Value = Value::Boolean(true);
static FALSE: Value = Value::Boolean(false);

/// Not told: stands for what a target shows after an export whose answer held no values.
pub(crate) const UNTOLD: Fingerprint = Fingerprint(u64::MAX);

/// The values that filters and flows of a mapping read, by the position of their attributes in the mapping.
pub(crate) struct Inputs<'a> {
    names: &'a [Name],
    source: &'a SourceObject,
    soft_deleted: bool,
}

impl<'a> Inputs<'a> {
    pub(crate) fn of(mapping: &'a Mapping, source: &'a SourceObject, soft_deleted: bool) -> Self {
        Self { names: &mapping.source_attributes, source, soft_deleted }
    }
}

impl Lookup for Inputs<'_> {
    fn value(&self, position: usize) -> &Value {
        self.names.get(position).map_or(&Value::Null, |name| self.source.object.get(name))
    }
}

impl Scoped for Inputs<'_> {
    fn value(&self, position: usize) -> &Value {
        Lookup::value(self, position)
    }

    fn soft_deleted(&self) -> bool {
        let SourceObject { enabled, soft_deleted, entitled, .. } = self.source;
        *soft_deleted || !enabled || !entitled
    }

    fn is_member_of(&self, group: &Anchor) -> bool {
        self.source.member_of.contains(group)
    }
}

/// The inputs as one expression sees them.
struct Slots<'s, 'a> {
    inputs: &'s Inputs<'a>,
    slots: &'s [Slot],
}

impl Lookup for Slots<'_, '_> {
    fn value(&self, slot: usize) -> &Value {
        match self.slots.get(slot) {
            Some(Slot::Attribute(position)) => Lookup::value(self.inputs, *position),
            Some(Slot::SoftDeleted) if self.inputs.soft_deleted => &TRUE,
            Some(Slot::SoftDeleted) => &FALSE,
            None => &Value::Null,
        }
    }
}

/// What the changes of an object are computed for.
#[derive(Clone, Copy)]
pub(crate) enum Purpose<'a> {
    /// A new account, with the values that were chosen because nobody else has them.
    Create(&'a [(Name, Value)]),
    /// An account that is there: what it shows, where it was read, and what was last exported.
    Update(Option<&'a Object>, &'a [Exported]),
    /// As before, for the flows that read `IsSoftDeleted` alone.
    Disable(Option<&'a Object>, &'a [Exported]),
}

/// What is to be exported, and what is to be remembered of it.
#[derive(Default)]
pub(crate) struct Computed {
    pub(crate) changes: ChangeSet,
    pub(crate) shown: Vec<Shown>,
    pub(crate) hidden: Hidden,
}

/// Computes one flow, without defaults. None where nothing flows, not even a null.
pub(crate) fn evaluate(
    flow: &AttributeFlow,
    inputs: &Inputs<'_>,
    context: &mut Context<'_>,
) -> Result<Option<Value>, Failure> {
    let Some(Source { compiled, slots }) = &flow.source else {
        return Ok(Some(Value::Null));
    };
    match compiled.evaluate(&Slots { inputs, slots }, context) {
        Ok(Flow::Value(value)) => convert(flow, value).map(Some),
        Ok(Flow::Ignore) => Ok(None),
        Err(error) => Err(failed(flow, &error)),
    }
}

/// What `SelectUniqueValue` has to choose from, in order; none where the flow chooses nothing.
pub(crate) fn candidates(
    flow: &AttributeFlow,
    inputs: &Inputs<'_>,
    context: &mut Context<'_>,
) -> Result<Option<Vec<Value>>, Failure> {
    let Some(Source { compiled, slots }) =
        flow.source.as_ref().filter(|one| one.compiled.selects_unique_value())
    else {
        return Ok(None);
    };
    let candidates = compiled.unique_candidates(&Slots { inputs, slots }, context);
    let candidates = candidates.map_err(|error| failed(flow, &error))?;
    candidates.into_iter().map(|one| convert(flow, one)).collect::<Result<_, _>>().map(Some)
}

/// An expression that failed, without the values that it may not show.
fn failed(flow: &AttributeFlow, error: &EvaluationError) -> Failure {
    let words = match &error.cause {
        _ if !flow.redacted => error.to_string(),
        Cause::Raised(_) => format!("the mapping refuses the object: {REDACTED}"),
        Cause::Failed { function, .. } => {
            format!("{function} at character {}: {REDACTED}", error.offset.saturating_add(1))
        }
    };
    Failure::new(FailureCode::ExpressionFailed, words).on(&*flow.attribute)
}

/// Computes all flows of a mapping for a purpose.
pub(crate) fn compute(
    mapping: &Mapping,
    inputs: &Inputs<'_>,
    purpose: Purpose<'_>,
    fingerprints: Fingerprinter,
    context: &mut Context<'_>,
) -> Result<Computed, Failure> {
    match purpose {
        Purpose::Create(chosen) => {
            let mut computed = Computed::default();
            for flow in mapping.flows.iter().filter(|flow| flow.mutability != Mutability::ReadOnly) {
                let value = match chosen.iter().find(|(attribute, _)| *attribute == flow.attribute) {
                    Some((_, value)) => Some(value.clone()),
                    None => evaluate(flow, inputs, context)?,
                };
                create(flow, value, fingerprints, &mut computed)?;
            }
            Ok(computed)
        }
        Purpose::Update(target, exported) => {
            let update = Update { target, exported, disables: false, fingerprints };
            update.compute(mapping, inputs, context)
        }
        Purpose::Disable(target, exported) => {
            let update = Update { target, exported, disables: true, fingerprints };
            update.compute(mapping, inputs, context)
        }
    }
}

/// Adds a value to a new account; none where nothing flows, not even a default.
fn create(
    flow: &AttributeFlow,
    value: Option<Value>,
    fingerprints: Fingerprinter,
    computed: &mut Computed,
) -> Result<(), Failure> {
    let value = value.map(|value| if is_nothing(flow, &value) { flow.default.clone() } else { value });
    if flow.required && value.as_ref().is_none_or(Value::is_null_or_empty) {
        return Err(missing(flow));
    }
    let Some(value) = value else { return Ok(()) };
    if flow.redacted {
        computed.hidden.add(&value);
    }
    computed.shown.push(Shown {
        attribute: flow.attribute.clone(),
        kind: flow.kind,
        case_exact: flow.case_exact,
        computed: fingerprints.of(&value, flow.case_exact),
        shown: None,
        exported: !value.is_null(),
    });
    if !value.is_null() {
        computed.changes.changes.push(change(flow, ChangeKind::Set, Value::Null, value));
    }
    Ok(())
}

/// True for what flows as null: null, and the empty text where nulls flow.
fn is_nothing(flow: &AttributeFlow, value: &Value) -> bool {
    value.is_null() || (flow.null_flows && value.is_null_or_empty())
}

fn missing(flow: &AttributeFlow) -> Failure {
    let words = format!(
        "the target requires '{}', and neither the mapping nor its default gives a value",
        flow.attribute
    );
    Failure::new(FailureCode::MandatoryFieldsMissing, words).on(&*flow.attribute)
}

fn change(flow: &AttributeFlow, kind: ChangeKind, old: Value, new: Value) -> AttributeChange {
    AttributeChange { attribute: flow.attribute.clone(), kind, old, new, redacted: flow.redacted }
}

/// Brings a value into the type of the target attribute.
fn convert(flow: &AttributeFlow, value: Value) -> Result<Value, Failure> {
    match value {
        Value::Null => Ok(Value::Null),
        Value::List(values) if flow.multivalued => {
            let converted: Result<Vec<_>, _> =
                values.into_iter().map(|one| convert_single(flow, one)).collect();
            converted.map(Value::list)
        }
        Value::List(values) if values.len() > 1 => Err(Failure::new(
            FailureCode::SchemaPropertyCanOnlyAcceptValue,
            format!("'{}' takes one value, but the mapping gave {}", flow.attribute, values.len()),
        )
        .on(&*flow.attribute)),
        Value::List(values) => {
            values.into_iter().next().map_or(Ok(Value::Null), |one| convert_single(flow, one))
        }
        one => convert_single(flow, one),
    }
}

fn convert_single(flow: &AttributeFlow, value: Value) -> Result<Value, Failure> {
    match typed::single(flow.kind, &value) {
        Some(Cow::Borrowed(_)) => Ok(value),
        Some(Cow::Owned(converted)) => Ok(converted),
        None => {
            let given = if flow.redacted { REDACTED.to_owned() } else { value.to_string() };
            let words = format!(
                "'{}' takes a value of type {:?}, but the mapping gave '{given}'",
                flow.attribute, flow.kind
            );
            Err(Failure::new(FailureCode::SchemaPropertyCanOnlyAcceptValue, words).on(&*flow.attribute))
        }
    }
}
