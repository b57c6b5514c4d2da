//! Values that nobody else has: `SelectUniqueValue`.

use model::{Failure, FailureCode, Name, Value};

use super::Deciding;
use crate::facts::{Answer, Need, Step};
use crate::flow::{Inputs, candidates};
use crate::matching::{answer, fold};
use crate::program::AttributeFlow;

/// An object stops reaching for values that others are about to take after so many: at the end of the cycle it is known
/// who took which.
const MOST_CONTENDED: usize = 32;

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
        let mut asked: Vec<Value> = asked.collect();
        // Answers come in any order.
        asked.sort_by_key(|value| candidates.iter().position(|one| one == value));
        let further = asked.len() / 2;
        let fresh = candidates.into_iter().skip(asked.len());
        let candidates: Vec<Value> = asked.into_iter().chain(fresh).collect();
        let mut contended = 0_usize;
        let vacancy_of = |value: &Value| Need::Vacant {
            attribute: attribute.clone(),
            value: value.clone(),
            case_exact: *case_exact,
        };
        for (position, value) in candidates.iter().enumerate() {
            if contended >= MOST_CONTENDED {
                break;
            }
            let vacant = vacancy_of(value);
            let claim = Need::Claim(vec![(attribute.clone(), fold(value, *case_exact))]);
            match (answer(self.answers, &vacant), answer(self.answers, &claim)) {
                (Some(Answer::Objects(found)), _) if !found.is_empty() => {}
                (Some(_), Some(Answer::Claimed(true))) => return Ok(Choice::Value(value.clone())),
                (Some(_), Some(_)) => contended += 1,
                (vacancy, claimed) => {
                    let needs = [(vacant, vacancy.is_none()), (claim, claimed.is_none())];
                    let open = needs.into_iter().filter_map(|(need, open)| open.then_some(need));
                    // The more were taken, the more are asked for at once.
                    let further = if vacancy.is_none() { further } else { 0 };
                    let further = candidates.iter().skip(position + 1).take(further).map(vacancy_of);
                    return Ok(Choice::Step(Step::Need(open.chain(further).collect())));
                }
            }
        }
        let words = exhausted(flow, &candidates);
        if contended > 0 {
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
