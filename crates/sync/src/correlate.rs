//! Which account may be a source object's, whatever is to be done with it: what matching goes by in decisions, of objects
//! in scope and of those that are not.

use expression::Context;
use model::provisioning::Inactive;
use model::{Anchor, Name, Value};

use crate::decide::inactivity;
use crate::facts::{Facts, Seen};
use crate::flow::Inputs;
use crate::matching;

/// What a source object's account is known by, before the target is asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// The account that the job remembers. Where the target has it, it is the object's, whatever matches.
    pub link: Option<Anchor>,
    /// The matching attributes with the object's values, by rising priority, and whether upper and lower case differ. The
    /// first that the target has decides: one account is the object's, of several nobody knows which. None where the
    /// object gives no value or cannot be decided about.
    pub keys: Vec<(Name, Value, bool)>,
    /// True where the object shall have an active account.
    pub assigned: bool,
}

/// What the account of a source object is known by; none of an object that the source no longer has.
#[must_use]
pub fn candidate(facts: &Facts<'_>, context: &mut Context<'_>) -> Option<Candidate> {
    let Seen::Present(source) = facts.seen else { return None };
    let mapping = facts.mapping;
    let inputs = Inputs::of(mapping, source, false);
    // What the job passes over or cannot decide about is not in its scope.
    let passed_over = mapping.filters.input.refusal(&inputs).map_or(true, |clause| clause.is_some());
    let inactive = inactivity(facts, source, &inputs).map(|(inactive, _): (Option<Inactive>, _)| inactive);
    Some(Candidate {
        link: facts.entry.and_then(|entry| entry.link.as_ref()).map(|link| link.anchor.clone()),
        keys: matching::keys(mapping, &inputs, context).unwrap_or_default(),
        assigned: !passed_over && facts.excluded.is_none() && matches!(inactive, Ok(None)),
    })
}
