//! Attribute flow: what each mapping computes, and which of it must be exported.

use expression::{Context, Flow, Lookup};
use model::change::{AttributeChange, ChangeKind, ChangeSet, SourceObject};
use model::fingerprint::{Fingerprint, Fingerprinter};
use model::link::Exported;
use model::schema::{AttributeType, FlowBehavior, FlowType, Mutability};
use model::{Anchor, Failure, FailureCode, Name, Object, Value};

use crate::facts::Shown;
use crate::filter::Scoped;
use crate::program::{AttributeFlow, Mapping, Slot, Source};

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
    /// A new account.
    Create,
    /// An account that is there: what it shows, where it was read, and what was last exported.
    Update(Option<&'a Object>, &'a [Exported]),
    /// As before, for the flows that read `IsSoftDeleted` alone.
    Disable(Option<&'a Object>, &'a [Exported]),
}

/// What is to be exported, and what is to be remembered of it.
pub(crate) struct Computed {
    pub(crate) changes: ChangeSet,
    pub(crate) shown: Vec<Shown>,
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
        Err(error) => {
            Err(Failure::new(FailureCode::ExpressionFailed, error.to_string()).on(&*flow.attribute))
        }
    }
}

/// Computes all flows of a mapping for a purpose.
pub(crate) fn compute(
    mapping: &Mapping,
    inputs: &Inputs<'_>,
    purpose: Purpose<'_>,
    fingerprints: Fingerprinter,
    context: &mut Context<'_>,
) -> Result<Computed, Failure> {
    let mut computed =
        Computed { changes: ChangeSet::default(), shown: Vec::with_capacity(mapping.flows.len()) };
    let mut companions = Vec::new();
    for flow in &mapping.flows {
        if matches!(purpose, Purpose::Disable(..)) && !flow.reads_soft_deleted {
            keep(flow, purpose, fingerprints, &mut computed.shown);
            continue;
        }
        let Some(value) = evaluate(flow, inputs, context)? else {
            keep(flow, purpose, fingerprints, &mut computed.shown);
            continue;
        };
        match purpose {
            Purpose::Create => create(flow, value, fingerprints, &mut computed)?,
            Purpose::Update(target, exported) | Purpose::Disable(target, exported) => {
                let known = Known::of(flow, target, exported, fingerprints);
                update(flow, value, &known, fingerprints, &mut computed, &mut companions);
            }
        }
    }
    if !computed.changes.is_empty() {
        computed.changes.changes.append(&mut companions);
    }
    Ok(computed)
}

/// What is known of a target attribute before an update.
struct Known<'a> {
    value: Option<&'a Value>,
    last: Option<Exported>,
}

impl<'a> Known<'a> {
    fn of(
        flow: &AttributeFlow,
        target: Option<&'a Object>,
        exported: &[Exported],
        fingerprints: Fingerprinter,
    ) -> Self {
        let name = fingerprints.name(&flow.attribute);
        let readable = flow.mutability != Mutability::WriteOnly;
        Self {
            value: target.filter(|_| readable).map(|object| object.get(&flow.attribute)),
            last: exported.iter().find(|one| one.attribute == name).copied(),
        }
    }
}

fn create(
    flow: &AttributeFlow,
    value: Value,
    fingerprints: Fingerprinter,
    computed: &mut Computed,
) -> Result<(), Failure> {
    if flow.mutability == Mutability::ReadOnly {
        return Ok(());
    }
    let value = if value.is_null() { flow.default.clone() } else { value };
    if value.is_null_or_empty() && flow.required {
        return Err(Failure::new(
            FailureCode::MandatoryFieldsMissing,
            format!(
                "the target requires '{}', and neither the mapping nor its default gives a value",
                flow.attribute
            ),
        )
        .on(&*flow.attribute));
    }
    computed.shown.push(Shown {
        attribute: flow.attribute.clone(),
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

fn update(
    flow: &AttributeFlow,
    value: Value,
    known: &Known<'_>,
    fingerprints: Fingerprinter,
    computed: &mut Computed,
    companions: &mut Vec<AttributeChange>,
) {
    let fixed = matches!(flow.mutability, Mutability::ReadOnly | Mutability::Immutable);
    let present = known.value.is_some_and(|value| !value.is_null());
    let blocked = match flow.flow_type {
        FlowType::ObjectAddOnly => true,
        FlowType::AttributeAddOnly => present || known.value.is_none(),
        _ => false,
    };
    let value = if flow.source.is_none() {
        // Without a source only an empty attribute takes the default; what the target has stays.
        if known.value.is_some() && !present { flow.default.clone() } else { Value::Null }
    } else {
        value
    };
    let null = value.is_null() || (flow.null_flows && value.is_null_or_empty());
    if fixed || blocked || (null && !(flow.null_flows && flow.source.is_some())) {
        remember(flow, None, known, fingerprints, &mut computed.shown);
        return;
    }
    let value = if null { Value::Null } else { value };
    let print = fingerprints.of(&value, flow.case_exact);
    let (kind, new) = match (flow.flow_type, known.value) {
        (FlowType::ValueAddOnly | FlowType::MultiValueAddOnly, Some(there)) => {
            (ChangeKind::Add, missing(&value, there, flow, fingerprints))
        }
        (FlowType::ValueAddOnly | FlowType::MultiValueAddOnly, None) => (ChangeKind::Add, value),
        _ => (ChangeKind::Set, value),
    };
    let settled = match known.value {
        Some(there) if kind == ChangeKind::Add => new.is_null() || there == &new,
        Some(there) => {
            let there = fingerprints.of(there, flow.case_exact);
            there == print || known.last.is_some_and(|last| last.computed == print && last.shown == there)
        }
        None => known.last.is_some_and(|last| last.computed == print),
    };
    let old = known.value.cloned().unwrap_or_default();
    if settled {
        remember(flow, Some(print), known, fingerprints, &mut computed.shown);
        if flow.behavior == FlowBehavior::FlowAlways && !new.is_null() {
            companions.push(change(flow, kind, old, new));
        }
        return;
    }
    let again = known.last.is_some_and(|last| last.computed == print && last.shown == UNTOLD);
    computed.shown.push(Shown {
        attribute: flow.attribute.clone(),
        case_exact: flow.case_exact,
        computed: print,
        // The same value was sent before and the target shows another since: what it shows is its form of it.
        shown: known.value.filter(|_| again).map(|there| fingerprints.of(there, flow.case_exact)),
        exported: true,
    });
    computed.changes.changes.push(change(flow, kind, old, new));
}

fn missing(value: &Value, there: &Value, flow: &AttributeFlow, fingerprints: Fingerprinter) -> Value {
    let print = |one: &Value| fingerprints.of(one, flow.case_exact);
    let present: Vec<_> = there.values().iter().map(print).collect();
    Value::list(value.values().iter().filter(|one| !present.contains(&print(one))).cloned())
}

/// Remembers an attribute that is not exported this time.
fn keep(flow: &AttributeFlow, purpose: Purpose<'_>, fingerprints: Fingerprinter, shown: &mut Vec<Shown>) {
    if let Purpose::Update(target, exported) | Purpose::Disable(target, exported) = purpose {
        remember(flow, None, &Known::of(flow, target, exported, fingerprints), fingerprints, shown);
    }
}

fn remember(
    flow: &AttributeFlow,
    computed: Option<Fingerprint>,
    known: &Known<'_>,
    fingerprints: Fingerprinter,
    shown: &mut Vec<Shown>,
) {
    let (computed, seen) = match (computed, known.last, known.value) {
        (Some(print), _, Some(there)) => (print, fingerprints.of(there, flow.case_exact)),
        (Some(print), last, None) => (print, last.map_or(print, |last| last.shown)),
        (None, Some(last), _) => (last.computed, last.shown),
        (None, None, _) => return,
    };
    shown.push(Shown {
        attribute: flow.attribute.clone(),
        case_exact: flow.case_exact,
        computed,
        shown: Some(seen),
        exported: false,
    });
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
    let converted = match (flow.kind, &value) {
        (AttributeType::Boolean, Value::Text(text)) if text.is_empty() => Some(Value::Null),
        (AttributeType::Integer | AttributeType::DateTime, Value::Text(text)) if text.is_empty() => {
            Some(Value::Null)
        }
        (AttributeType::Boolean, Value::Text(_)) => value.as_boolean().map(Value::Boolean),
        (AttributeType::Integer, Value::Text(text)) => text.trim().parse().ok().map(Value::Integer),
        (AttributeType::DateTime, Value::Text(text)) => text.trim().parse().ok().map(Value::DateTime),
        (AttributeType::String, Value::Text(_))
        | (AttributeType::Boolean, Value::Boolean(_))
        | (AttributeType::Integer, Value::Integer(_))
        | (AttributeType::DateTime, Value::DateTime(_))
        | (AttributeType::Binary | AttributeType::Reference, _) => return Ok(value),
        (AttributeType::String, other) => Some(Value::text(other.to_string())),
        _ => None,
    };
    converted.ok_or_else(|| {
        let given = if flow.redacted { model::provisioning::REDACTED.to_owned() } else { value.to_string() };
        Failure::new(
            FailureCode::SchemaPropertyCanOnlyAcceptValue,
            format!(
                "'{}' takes a value of type {:?}, but the mapping gave '{given}'",
                flow.attribute, flow.kind
            ),
        )
        .on(&*flow.attribute)
    })
}
