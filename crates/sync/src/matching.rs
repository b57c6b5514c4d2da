//! Matching: which account of the target is a source object's.

use expression::Context;
use model::provisioning::{REDACTED, Step as TraceStep};
use model::{Failure, FailureCode, Name, Object, Value};

use crate::facts::{Answer, Need};
use crate::flow::{Inputs, evaluate};
use crate::program::Mapping;

/// Where matching has come to.
pub(crate) enum Match {
    /// These must be answered.
    Need(Vec<Need>),
    /// This account.
    Hit(Object),
    /// None.
    Nothing,
}

/// The folded text by which values of a matching attribute are the same.
#[must_use]
pub fn fold(value: &Value, case_exact: bool) -> String {
    let text = value.to_string();
    if case_exact { text } else { text.to_lowercase() }
}

/// Matching attributes with the values of one object, by rising priority; null ones are passed over.
pub(crate) fn keys(
    mapping: &Mapping,
    inputs: &Inputs<'_>,
    context: &mut Context<'_>,
) -> Result<Vec<(Name, Value, bool)>, Failure> {
    let mut keys = Vec::new();
    for flow in mapping.matching() {
        if let Some(value) = evaluate(flow, inputs, context)?
            && !value.is_null_or_empty()
        {
            keys.push((flow.attribute.clone(), value, flow.case_exact));
        }
    }
    if keys.is_empty() {
        let names: Vec<&str> = mapping.matching().map(|flow| flow.attribute.as_str()).collect();
        return Err(Failure::new(
            FailureCode::ImportSkipped,
            format!("the source gives no value for the matching attribute {}", names.join(", ")),
        ));
    }
    Ok(keys)
}

/// Looks for the account: matching attributes by rising priority, stopping at the first single hit.
pub(crate) fn find(
    mapping: &Mapping,
    keys: &[(Name, Value, bool)],
    answers: &[(Need, Answer)],
    trace: &mut Vec<TraceStep>,
) -> Result<Match, Failure> {
    for (attribute, value, case_exact) in keys {
        let need = Need::Find { attribute: attribute.clone(), value: value.clone(), case_exact: *case_exact };
        let Some(found) = answer(answers, &need) else {
            return Ok(Match::Need(vec![need]));
        };
        let Answer::Objects(objects) = found else {
            return Ok(Match::Nothing);
        };
        let redacted = mapping.flows.iter().any(|flow| flow.attribute == *attribute && flow.redacted);
        let shown = if redacted { REDACTED.to_owned() } else { value.to_string() };
        trace.push(TraceStep::Match {
            attribute: attribute.clone(),
            value: shown.clone(),
            hits: u32::try_from(objects.len()).unwrap_or(u32::MAX),
        });
        match objects.as_slice() {
            [] => {}
            [one] => return Ok(Match::Hit(one.clone())),
            several => {
                let anchors: Vec<&str> =
                    several.iter().take(5).map(|object| object.anchor.as_str()).collect();
                return Err(Failure::new(
                    FailureCode::DuplicateTargetEntries,
                    format!(
                        "{} accounts have {attribute} = '{shown}', among them {}",
                        several.len(),
                        anchors.join(", ")
                    ),
                )
                .on(attribute.clone()));
            }
        }
    }
    Ok(Match::Nothing)
}

/// The accounts that were found by the first key that found any.
pub(crate) fn hits<'a>(keys: &[(Name, Value, bool)], answers: &'a [(Need, Answer)]) -> &'a [Object] {
    let found = |(attribute, value, case_exact): &(Name, Value, bool)| {
        let need = Need::Find { attribute: attribute.clone(), value: value.clone(), case_exact: *case_exact };
        match answer(answers, &need) {
            Some(Answer::Objects(objects)) if !objects.is_empty() => Some(objects.as_slice()),
            _ => None,
        }
    };
    keys.iter().find_map(found).unwrap_or_default()
}

/// The answer to a need, where it is there.
pub(crate) fn answer<'a>(answers: &'a [(Need, Answer)], need: &Need) -> Option<&'a Answer> {
    answers.iter().find(|(asked, _)| asked == need).map(|(_, answer)| answer)
}
