//! What of an account that is there must be changed.

use expression::Context;
use model::change::{AttributeChange, ChangeKind};
use model::fingerprint::{Fingerprint, Fingerprinter};
use model::link::Exported;
use model::schema::{FlowBehavior, FlowType, Mutability};
use model::{Failure, Object, Value};

use super::{Computed, Inputs, UNTOLD, change, evaluate, is_nothing, missing};
use crate::facts::Shown;
use crate::program::{AttributeFlow, Mapping};
use crate::typed;

/// What is known of an account before it is changed.
pub(super) struct Update<'a> {
    /// What it shows, where it was read.
    pub(super) target: Option<&'a Object>,
    /// What was last exported.
    pub(super) exported: &'a [Exported],
    /// True where only flows that read `IsSoftDeleted` go out.
    pub(super) disables: bool,
    pub(super) fingerprints: Fingerprinter,
}

/// What is known of one attribute of it.
struct Known<'a> {
    /// What it shows; none where it was not read, or cannot be.
    value: Option<&'a Value>,
    /// The fingerprint of that, in the attribute's type.
    print: Option<Fingerprint>,
    /// What was last exported.
    last: Option<Exported>,
}

impl Known<'_> {
    /// Whether the attribute has a value, as far as that can be told.
    fn is_present(&self) -> Option<bool> {
        match (self.value, self.last) {
            (Some(value), _) => Some(!value.is_null_or_empty()),
            // Not told means that something was exported; that was null where null was computed.
            (None, Some(last)) if last.shown == UNTOLD => Some(last.computed != Fingerprint::EMPTY),
            (None, Some(last)) => Some(last.shown != Fingerprint::EMPTY),
            (None, None) => None,
        }
    }

    /// True where a computed value is what was last exported and the target still shows what it made of it.
    fn is_as_exported(&self, computed: Fingerprint) -> bool {
        self.last.is_some_and(|last| {
            last.computed == computed && self.print.is_none_or(|print| print == last.shown)
        })
    }
}

/// An attribute that joins an update where something else causes one.
struct Companion {
    change: AttributeChange,
    joining: Shown,
    staying: Option<Shown>,
}

impl Update<'_> {
    pub(super) fn compute(
        &self,
        mapping: &Mapping,
        inputs: &Inputs<'_>,
        context: &mut Context<'_>,
    ) -> Result<Computed, Failure> {
        let mut computed = Computed::default();
        computed.shown.reserve(mapping.flows.len());
        let mut companions = Vec::new();
        for flow in &mapping.flows {
            let known = self.known(flow);
            let value = if self.may_flow(flow, &known) { evaluate(flow, inputs, context)? } else { None };
            if flow.redacted {
                known.value.into_iter().chain(&value).for_each(|one| computed.hidden.add(one));
            }
            match value {
                Some(value) => self.flow(flow, value, &known, &mut computed, &mut companions)?,
                None => computed.shown.extend(remembered(flow, None, &known)),
            }
        }
        let joins = !computed.changes.is_empty();
        for Companion { change, joining, staying } in companions {
            if joins {
                computed.changes.changes.push(change);
                computed.shown.push(joining);
            } else {
                computed.shown.extend(staying);
            }
        }
        Ok(computed)
    }

    fn known(&self, flow: &AttributeFlow) -> Known<'_> {
        let name = self.fingerprints.name(&flow.attribute);
        let readable = flow.mutability != Mutability::WriteOnly;
        let value = self.target.filter(|_| readable).map(|object| object.get(&flow.attribute));
        Known {
            value,
            print: value.map(|value| self.print(flow, value)),
            last: self.exported.iter().find(|one| one.attribute == name).copied(),
        }
    }

    fn print(&self, flow: &AttributeFlow, value: &Value) -> Fingerprint {
        self.fingerprints.of(&typed::comparable(flow.kind, value), flow.case_exact)
    }

    /// False where a flow has no part in the update, whatever its value.
    fn may_flow(&self, flow: &AttributeFlow, known: &Known<'_>) -> bool {
        let writable = matches!(flow.mutability, Mutability::ReadWrite | Mutability::WriteOnly);
        let adds = match flow.flow_type {
            FlowType::Always => true,
            FlowType::ObjectAddOnly => false,
            // To add to what holds one value is to fill it.
            FlowType::ValueAddOnly | FlowType::MultiValueAddOnly if flow.multivalued => true,
            FlowType::ValueAddOnly | FlowType::MultiValueAddOnly | FlowType::AttributeAddOnly => {
                known.is_present() == Some(false)
            }
        };
        writable && adds && (!self.disables || flow.reads_soft_deleted)
    }

    fn flow(
        &self,
        flow: &AttributeFlow,
        value: Value,
        known: &Known<'_>,
        computed: &mut Computed,
        companions: &mut Vec<Companion>,
    ) -> Result<(), Failure> {
        let value = match &flow.source {
            Some(_) if is_nothing(flow, &value) && flow.null_flows => Value::Null,
            Some(_) if !value.is_null() => value,
            // Without a source only an empty attribute takes the default; what the target has stays.
            None if known.is_present() == Some(false) && !flow.default.is_null() => flow.default.clone(),
            _ => {
                computed.shown.extend(remembered(flow, None, known));
                return Ok(());
            }
        };
        let print = self.fingerprints.of(&value, flow.case_exact);
        let adds = flow.multivalued
            && matches!(flow.flow_type, FlowType::ValueAddOnly | FlowType::MultiValueAddOnly);
        let (kind, new) = match known.value {
            Some(there) if adds => (ChangeKind::Add, self.not_in(flow, &value, there)),
            None if adds => (ChangeKind::Add, value),
            _ => (ChangeKind::Set, value),
        };
        let settled = (adds && new.is_null()) || known.print == Some(print) || known.is_as_exported(print);
        let joins_only = flow.behavior == FlowBehavior::FlowAlways && !flow.reads_soft_deleted;
        if settled && (flow.behavior != FlowBehavior::FlowAlways || new.is_null()) {
            computed.shown.extend(remembered(flow, Some(print), known));
            return Ok(());
        }
        if !settled && flow.required && new.is_null_or_empty() {
            return Err(missing(flow));
        }
        let change = change(flow, kind, known.value.cloned().unwrap_or_default(), new);
        if settled {
            let staying = remembered(flow, Some(print), known);
            companions.extend(staying.map(|stays| Companion {
                change,
                joining: stays.clone(),
                staying: Some(stays),
            }));
        } else if joins_only {
            let (joining, staying) = (exported(flow, print, known), remembered(flow, None, known));
            companions.push(Companion { change, joining, staying });
        } else {
            computed.shown.push(exported(flow, print, known));
            computed.changes.changes.push(change);
        }
        Ok(())
    }

    /// The values that are not there yet.
    fn not_in(&self, flow: &AttributeFlow, value: &Value, there: &Value) -> Value {
        let there: Vec<_> = there.values().iter().map(|one| self.print(flow, one)).collect();
        Value::list(value.values().iter().filter(|one| !there.contains(&self.print(flow, one))).cloned())
    }
}

fn exported(flow: &AttributeFlow, print: Fingerprint, known: &Known<'_>) -> Shown {
    let again = known.last.is_some_and(|last| last.computed == print && last.shown == UNTOLD);
    Shown {
        attribute: flow.attribute.clone(),
        kind: flow.kind,
        case_exact: flow.case_exact,
        computed: print,
        // The same value was sent before and the target shows another since: what it shows is its form of it.
        shown: known.print.filter(|_| again),
        exported: true,
    }
}

/// What is remembered of an attribute that is not exported this time; nothing where nothing is known.
fn remembered(flow: &AttributeFlow, computed: Option<Fingerprint>, known: &Known<'_>) -> Option<Shown> {
    let (computed, seen) = match (computed, known.last, known.print) {
        (Some(print), _, Some(there)) => (print, there),
        (Some(print), last, None) => (print, last.map_or(print, |last| last.shown)),
        (None, Some(last), _) => (last.computed, last.shown),
        (None, None, _) => return None,
    };
    Some(Shown {
        attribute: flow.attribute.clone(),
        kind: flow.kind,
        case_exact: flow.case_exact,
        computed,
        shown: Some(seen),
        exported: false,
    })
}
