//! Values that nobody else has: `SelectUniqueValue`.

use model::{Failure, FailureCode, Name, Value};

use super::Deciding;
use crate::facts::{Answer, Need, Step};
use crate::flow::{Inputs, candidates};
use crate::matching::{answer, fold};
use crate::program::AttributeFlow;

/// What the choice of values has come to.
pub(super) enum Unique {
    /// These target attributes get these values.
    Chosen(Vec<(Name, Value)>),
    /// This comes first.
    Step(Step),
}

/// What the choice of one value has come to.
enum Choice {
    Value(Value),
    Step(Step),
}

impl Deciding<'_, '_, '_, '_> {
    /// Chooses, for each attribute that must be unique, the first candidate that no account has and that nobody else is
    /// about to take.
    pub(super) fn unique_values(&mut self, inputs: &Inputs<'_>) -> Result<Unique, Failure> {
        let mapping = self.facts.mapping;
        let mut chosen = Vec::new();
        for flow in &mapping.flows {
            let Some(candidates) = candidates(flow, inputs, self.context)? else { continue };
            if candidates.is_empty() {
                continue;
            }
            match self.choose(flow, candidates)? {
                Choice::Value(value) => chosen.push((flow.attribute.clone(), value)),
                Choice::Step(step) => return Ok(Unique::Step(step)),
            }
        }
        Ok(Unique::Chosen(chosen))
    }

    fn choose(&mut self, flow: &AttributeFlow, candidates: Vec<Value>) -> Result<Choice, Failure> {
        let AttributeFlow { attribute, case_exact, .. } = flow;
        // What was drawn by lot comes out otherwise each time: what was asked for stands.
        let asked = self.answers.iter().filter_map(|(need, _)| match need {
            Need::Vacant { attribute: of, value, .. } if of == attribute => Some(value.clone()),
            _ => None,
        });
        let asked: Vec<Value> = asked.collect();
        let fresh = candidates.into_iter().skip(asked.len());
        let candidates: Vec<Value> = asked.into_iter().chain(fresh).collect();
        let mut contended = false;
        for value in &candidates {
            let vacant =
                Need::Vacant { attribute: attribute.clone(), value: value.clone(), case_exact: *case_exact };
            let claim = Need::Claim(vec![(attribute.clone(), fold(value, *case_exact))]);
            match (answer(self.answers, &vacant), answer(self.answers, &claim)) {
                (Some(Answer::Objects(found)), _) if !found.is_empty() => {}
                (Some(_), Some(Answer::Claimed(true))) => return Ok(Choice::Value(value.clone())),
                (Some(_), Some(_)) => contended = true,
                (vacancy, claimed) => {
                    let needs = [(vacant, vacancy.is_none()), (claim, claimed.is_none())];
                    let open = needs.into_iter().filter_map(|(need, open)| open.then_some(need));
                    return Ok(Choice::Step(Step::Need(open.collect())));
                }
            }
        }
        let words = exhausted(flow, &candidates);
        if contended {
            // Whoever is about to take one of them may fail to.
            return Ok(Choice::Step(self.defer(&words, FailureCode::Conflict)));
        }
        Err(Failure::new(FailureCode::Conflict, words).on(attribute.clone()))
    }
}

fn exhausted(flow: &AttributeFlow, candidates: &[Value]) -> String {
    let count = candidates.len();
    let values: Vec<String> = candidates.iter().take(5).map(ToString::to_string).collect();
    let which = if flow.redacted { String::new() } else { format!(": '{}'", values.join("', '")) };
    format!(
        "'{}' must be unique, but each of the {count} values that SelectUniqueValue has to choose from is taken{which}",
        flow.attribute
    )
}
