//! What an export's outcome means.

use model::failure::ErrorClass;
use model::fingerprint::{Fingerprint, Fingerprinter};
use model::link::{Exported, Link};
use model::{Anchor, Failure, FailureCode, Name, Object};

use crate::facts::{Action, Decision, LinkChange, LinkDraft};
use crate::flow::UNTOLD;
use crate::typed;

/// How an export went.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Done; what the target shows now, where its answer told.
    Done(Option<Object>),
    /// Refused, or not known to be done, after the retries that its class allows within a cycle.
    Failed(ErrorClass, Failure),
}

/// What is to become of the object.
#[derive(Clone, Debug, PartialEq)]
pub enum Settled {
    /// The decision holds: the link is now this, or gone.
    Commit(Option<Link>),
    /// The target is not as it was thought to be: decide again.
    Redecide {
        /// The linked account, where it is known by now not to exist.
        gone: Option<Anchor>,
        /// True where an account may have been made although the answer was lost.
        lost: bool,
        /// Why, for the case that deciding again comes to the same.
        failure: Failure,
    },
    /// Decide again at the end of the cycle.
    Defer(Failure),
    /// The object failed and is tried again later.
    Escrow(Failure),
    /// If the target's own check fails too, the cycle stops; else the object is escrowed.
    Check(Failure),
}

/// Says what an outcome means for the object that was decided about. `last_chance` as in the facts.
#[must_use]
pub fn settle(
    decision: &Decision,
    kind: &Name,
    fingerprints: Fingerprinter,
    outcome: &Outcome,
    last_chance: bool,
) -> Settled {
    match outcome {
        Outcome::Done(shown) => Settled::Commit(link_after(decision, kind, fingerprints, shown.as_ref())),
        Outcome::Failed(class, failure) => {
            failed(decision, class, decision.hidden.conceal(failure.clone()), last_chance)
        }
    }
}

/// Says what it means that the target could not be asked, or refused a write.
fn failed(decision: &Decision, class: &ErrorClass, failure: Failure, last_chance: bool) -> Settled {
    match (class, &decision.action) {
        (ErrorClass::NotFound, Action::Delete(_)) => Settled::Commit(None),
        (ErrorClass::NotFound, Action::Update(anchor, _) | Action::Disable(anchor, _)) => {
            Settled::Redecide { gone: Some(anchor.clone()), lost: false, failure }
        }
        // Somebody has the name: who it is, matching will say.
        (ErrorClass::Conflict, Action::Create(_)) => Settled::Redecide { gone: None, lost: false, failure },
        (ErrorClass::Conflict, _) if !last_chance => Settled::Defer(failure),
        // The answer was lost: the account may exist, so it is looked for before it is made again.
        (ErrorClass::Retry { .. }, Action::Create(_)) => {
            Settled::Redecide { gone: None, lost: true, failure }
        }
        (class, _) if is_about_the_target(class) => Settled::Check(failure),
        _ => Settled::Escrow(failure),
    }
}

/// True where the target may be at fault rather than the object, so that its own check decides. Passing trouble that
/// outlasted the retries is of this kind.
#[must_use]
pub fn is_about_the_target(class: &ErrorClass) -> bool {
    matches!(class, ErrorClass::Unauthorized | ErrorClass::Unavailable | ErrorClass::Retry { .. })
}

/// Says what it means that a need could not be answered.
impl Settled {
    /// A failure while the target was only read.
    #[must_use]
    pub fn of_unanswered(class: &ErrorClass, failure: Failure) -> Self {
        if is_about_the_target(class) { Self::Check(failure) } else { Self::Escrow(failure) }
    }
}

fn link_after(
    decision: &Decision,
    kind: &Name,
    prints: Fingerprinter,
    shown: Option<&Object>,
) -> Option<Link> {
    let LinkChange::Put(draft) = &decision.link else {
        return None;
    };
    // Some targets give an object another id when it is renamed.
    let anchor = shown.map(|object| object.anchor.clone()).or_else(|| draft.anchor.clone())?;
    Some(Link {
        kind: kind.clone(),
        anchor,
        state: draft.state,
        origin: draft.origin,
        disabled: draft.disabled,
        exported: exported_after(draft, prints, shown),
    })
}

fn exported_after(draft: &LinkDraft, prints: Fingerprinter, object: Option<&Object>) -> Vec<Exported> {
    draft
        .shown
        .iter()
        .map(|one| {
            let told = object.filter(|_| one.exported).map(|object| object.get(&one.attribute));
            let told = told.map(|value| typed::comparable(one.kind, value));
            let shown: Fingerprint = match (told, one.shown) {
                (Some(value), _) if !value.is_null() => prints.of(&value, one.case_exact),
                (_, Some(known)) => known,
                // A create answers with what it kept; what it does not show it may not return at all.
                _ if one.exported => UNTOLD,
                _ => one.computed,
            };
            Exported { attribute: prints.name(&one.attribute), computed: one.computed, shown }
        })
        .collect()
}

impl Settled {
    /// The failure of a create whose account did not get an anchor: the target broke the protocol.
    #[must_use]
    pub fn without_anchor() -> Self {
        Self::Escrow(Failure::new(
            FailureCode::ServiceIncompatible,
            "the target answered that the account was made, but not under which id",
        ))
    }
}
