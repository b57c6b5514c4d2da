//! Which account is a source object's, whatever is to be done with it: matching as in decisions, of objects in scope
//! and of those that are not.

use expression::Context;
use model::provisioning::Inactive;
use model::{Anchor, Failure, FailureCode, Name};

use crate::decide::inactivity;
use crate::facts::{Answer, Facts, Need, Seen};
use crate::flow::Inputs;
use crate::matching::{self, Match, answer};

/// What is known of a source object and its account.
#[derive(Clone, Debug, PartialEq)]
pub enum Correlated {
    /// These must be answered first.
    Need(Vec<Need>),
    /// The account; none where it has none.
    Account {
        /// The account, and the target attribute by which it was matched; none where the job remembers it.
        account: Option<(Anchor, Option<Name>)>,
        /// True where the object shall have an active account.
        assigned: bool,
    },
    /// Several accounts match.
    Ambiguous(Vec<Anchor>, Failure),
}

/// Finds the account of a source object. Objects that the source no longer has, and those that cannot be decided
/// about, have none.
#[must_use]
pub fn correlate(facts: &Facts<'_>, answers: &[(Need, Answer)], context: &mut Context<'_>) -> Correlated {
    const NOBODY: Correlated = Correlated::Account { account: None, assigned: false };
    let Seen::Present(source) = facts.seen else { return NOBODY };
    let mapping = facts.mapping;
    let inputs = Inputs::of(mapping, source, false);
    // What the job passes over or cannot decide about is not in its scope.
    let passed_over = mapping.filters.input.refusal(&inputs).map_or(true, |clause| clause.is_some());
    let inactive = inactivity(facts, source, &inputs).map(|(inactive, _): (Option<Inactive>, _)| inactive);
    let assigned = !passed_over && facts.excluded.is_none() && matches!(inactive, Ok(None));
    if let Some(link) = facts.entry.and_then(|entry| entry.link.as_ref()) {
        let read = Need::Read(link.anchor.clone());
        match answer(answers, &read) {
            None => return Correlated::Need(vec![read]),
            Some(Answer::Object(Some(_))) => {
                return Correlated::Account { account: Some((link.anchor.clone(), None)), assigned };
            }
            Some(_) => {}
        }
    }
    let Ok(keys) = matching::keys(mapping, &inputs, context) else { return NOBODY };
    match matching::find(mapping, &keys, answers, &mut Vec::new()) {
        Ok(Match::Need(needs)) => Correlated::Need(needs),
        Ok(Match::Nothing) => Correlated::Account { account: None, assigned },
        Ok(Match::Hit(object)) => {
            let by = keys.iter().find(|(attribute, value, case_exact)| {
                let need = Need::Find {
                    attribute: attribute.clone(),
                    value: value.clone(),
                    case_exact: *case_exact,
                };
                matches!(answer(answers, &need), Some(Answer::Objects(found)) if found.len() == 1)
            });
            let by = by.map(|(attribute, ..)| attribute.clone());
            Correlated::Account { account: Some((object.anchor, by)), assigned }
        }
        Err(failure) => ambiguous(answers, failure),
    }
}

fn ambiguous(answers: &[(Need, Answer)], failure: Failure) -> Correlated {
    let several = answers.iter().find_map(|(_, answer)| match answer {
        Answer::Objects(found) if found.len() > 1 => Some(found),
        _ => None,
    });
    let accounts = several.into_iter().flatten().map(|object| object.anchor.clone()).collect();
    Correlated::Ambiguous(accounts, Failure { code: FailureCode::DuplicateTargetEntries, ..failure })
}
