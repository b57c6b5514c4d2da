//! What the attribute flows of a mapping give for an object, one by one: for explanations.

use expression::Context;
use model::change::SourceObject;
use model::provisioning::REDACTED;
use model::{Failure, Name, Value};

use crate::flow::{Inputs, evaluate};
use crate::program::Mapping;

/// What one attribute flow gives for an object.
#[derive(Clone, Debug, PartialEq)]
pub struct Preview {
    /// The target attribute.
    pub attribute: Name,
    /// The value; none where nothing flows. `[Redact]` in the place of one that may not be shown.
    pub value: Result<Option<Value>, Failure>,
    /// True where accounts are matched by it.
    pub matching: bool,
    /// True where neither this value nor the target's may be shown.
    pub redacted: bool,
}

/// What each attribute flow of a mapping gives for an object, before defaults and before it is compared with the target.
/// `inactive` is what flows read as `IsSoftDeleted`.
#[must_use]
pub fn preview(
    mapping: &Mapping,
    source: &SourceObject,
    inactive: bool,
    context: &mut Context<'_>,
) -> Vec<Preview> {
    let inputs = Inputs::of(mapping, source, inactive);
    mapping
        .flows
        .iter()
        .map(|flow| {
            let hidden =
                |value: Value| if flow.redacted && !value.is_null() { REDACTED.into() } else { value };
            Preview {
                attribute: flow.attribute.clone(),
                value: evaluate(flow, &inputs, context).map(|value| value.map(hidden)),
                matching: mapping.matching().any(|one| one.attribute == flow.attribute),
                redacted: flow.redacted,
            }
        })
        .collect()
}
