//! What a decision may not touch: accounts of others, accounts that are never touched, objects that were excluded.

use model::link::{Link, LinkState, Origin};
use model::policies::Ownership;
use model::provisioning::{SkipReason, Step as TraceStep};
use model::{Anchor, Failure, Object};

use super::Deciding;
use crate::facts::{Action, Answer, LinkChange, LinkDraft, Need, References, Seen, Step};
use crate::matching::answer;

/// Whether an account may be touched.
pub(super) enum Guard {
    /// This must be answered first, or the account is left alone.
    Done(Step),
    /// It may.
    Free,
}

impl Deciding<'_, '_, '_, '_> {
    /// A person took the object out of the job: nothing is sent for it, whatever becomes of it. The link of one that is
    /// gone stays, so that the account goes when the exclusion ends.
    pub(super) fn excluded(&mut self, reason: &str) -> Step {
        self.trace.push(TraceStep::Excluded(reason.to_owned()));
        self.leave(SkipReason::Excluded)
    }

    /// False where the account is another's and the job may only change its own.
    pub(super) fn owns(&self, origin: Origin) -> bool {
        self.facts.policy.ownership == Ownership::All || origin == Origin::Created
    }

    /// Whether a linked account may be touched; reads it where clauses must be looked at.
    pub(super) fn guard(&mut self, link: &Link) -> Result<Guard, Failure> {
        if !self.owns(link.origin) {
            return Ok(Guard::Done(self.not_owned()));
        }
        self.guard_account(&link.anchor)
    }

    /// As [`guard`](Self::guard), for an account that is the job's own.
    pub(super) fn guard_account(&mut self, anchor: &Anchor) -> Result<Guard, Failure> {
        if self.facts.mapping.protection.is_empty() {
            return Ok(Guard::Free);
        }
        let read = Need::Read(anchor.clone());
        match answer(self.answers, &read) {
            None => Ok(Guard::Done(Step::Need(vec![read]))),
            Some(Answer::Object(Some(account))) => {
                let account = account.clone();
                Ok(self.protected(&account)?.map_or(Guard::Free, Guard::Done))
            }
            Some(_) => Ok(Guard::Free),
        }
    }

    /// The decision to leave an account alone that is never touched; none where it may be. Its link, where there is
    /// one, goes: the account is nobody's here.
    pub(super) fn protected(&mut self, account: &Object) -> Result<Option<Step>, Failure> {
        let Some(clause) = self.facts.mapping.protection.clause(account)? else {
            return Ok(None);
        };
        self.trace.push(TraceStep::Protected(clause.to_owned()));
        let link = if self.link().is_some() { LinkChange::Remove } else { LinkChange::Keep };
        Ok(Some(self.left_alone(SkipReason::NeverTouch, link)))
    }

    /// An account that another made: it is left as it is. The link of an object that is gone goes.
    fn not_owned(&mut self) -> Step {
        let link = match self.facts.seen {
            Seen::Gone => LinkChange::Remove,
            Seen::Present(_) => LinkChange::Keep,
        };
        self.left_alone(SkipReason::NotOwned, link)
    }

    /// An account that another made matched: it is linked, so that groups can have it as a member, and left as it is.
    pub(super) fn link_unowned(&mut self, anchor: Anchor) -> Step {
        let draft = LinkDraft {
            anchor: Some(anchor),
            state: LinkState::Active,
            origin: Origin::Matched,
            disabled: false,
            shown: Vec::new(),
        };
        self.redundant(SkipReason::NotOwned, draft, References::default())
    }

    fn left_alone(&mut self, reason: SkipReason, link: LinkChange) -> Step {
        self.trace.push(TraceStep::Skip(reason));
        self.done(Action::Skip(reason), link, References::default())
    }
}
