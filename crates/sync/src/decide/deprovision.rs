//! What becomes of the account of an object whose access ended, or that is gone.

use model::change::SourceObject;
use model::link::{Link, LinkState, Origin, StagedKind};
use model::provisioning::{Action as LogAction, Inactive, SkipReason, Step as TraceStep};
use model::{Anchor, Failure, Name, Object, Value};

use super::Deciding;
use super::guard::Guard;
use crate::facts::{Action, Answer, LinkChange, LinkDraft, Need, References, Step};
use crate::flow::{Computed, Inputs, Purpose, compute};
use crate::matching::{self, Match, answer};

/// Accounts with the same matching value that are looked at for the one that was about to be made.
const MOST_HITS: usize = 10;

/// What became of an account that was about to be made when something broke.
pub(super) enum Intended {
    /// This must be answered first.
    Need(Need),
    /// It is there, and nobody else's.
    Account(Object),
    /// It is not there.
    Nothing,
}

impl Deciding<'_, '_, '_, '_> {
    /// The source no longer has the object.
    pub(super) fn gone(&mut self) -> Result<Step, Failure> {
        self.inactive = Some(Inactive::Gone);
        let (link, flows) = (self.link().cloned(), self.facts.mapping.flow_types);
        match (link, self.facts.intent) {
            (Some(link), _) if link.state == LinkState::Active && flows.delete => match self.guard(&link)? {
                Guard::Done(step) => Ok(step),
                Guard::Free => Ok(self.delete(link.anchor, Inactive::Gone)),
            },
            (None, Some(_)) if flows.delete => self.undo_intent(),
            _ => Ok(self.done(
                Action::Skip(SkipReason::Inactive(Inactive::Gone)),
                LinkChange::Remove,
                References::default(),
            )),
        }
    }

    /// An account was about to be made when something broke, and its source object is gone by now.
    fn undo_intent(&mut self) -> Result<Step, Failure> {
        match self.intended(&self.intent_keys()) {
            Intended::Need(need) => Ok(Step::Need(vec![need])),
            Intended::Account(account) => match self.guard_account(&account.anchor)? {
                Guard::Done(step) => Ok(step),
                Guard::Free => Ok(self.delete(account.anchor, Inactive::Gone)),
            },
            Intended::Nothing => {
                let nothing = Action::Skip(SkipReason::Inactive(Inactive::Gone));
                Ok(self.done(nothing, LinkChange::Remove, References::default()))
            }
        }
    }

    /// An inactive object without a link: an account that was about to be made when something broke may be there.
    pub(super) fn deprovision_intended(
        &mut self,
        source: &SourceObject,
        reason: Inactive,
    ) -> Result<Step, Failure> {
        match self.intended(&self.intent_keys()) {
            Intended::Need(need) => Ok(Step::Need(vec![need])),
            Intended::Nothing => Ok(self.skip(SkipReason::Inactive(reason))),
            Intended::Account(account) => self.deprovision(source, &self.made(account), reason),
        }
    }

    /// The matching values by which an account was about to be made when something broke.
    pub(super) fn intent_keys(&self) -> Vec<(Name, Value, bool)> {
        let Some(intent) = self.facts.intent else {
            return Vec::new();
        };
        let case_exact = |attribute: &Name| {
            let flow = self.facts.mapping.flows.iter().find(|flow| flow.attribute == *attribute);
            flow.is_some_and(|flow| flow.case_exact)
        };
        let matching = intent.matching.iter();
        matching.map(|(attribute, value)| (attribute.clone(), value.clone(), case_exact(attribute))).collect()
    }

    /// Looks for the account of an intent, which nobody else has. Others may have taken its matching value since.
    pub(super) fn intended(&mut self, keys: &[(Name, Value, bool)]) -> Intended {
        if keys.is_empty() {
            return Intended::Nothing;
        }
        if let Ok(Match::Need(mut needs)) =
            matching::find(self.facts.mapping, keys, self.answers, &mut self.trace)
        {
            return needs.pop().map_or(Intended::Nothing, Intended::Need);
        }
        let mut free = Vec::new();
        for object in matching::hits(keys, self.answers).iter().take(MOST_HITS) {
            let need = Need::Owner(object.anchor.clone());
            match answer(self.answers, &need) {
                None => return Intended::Need(need),
                Some(Answer::Owner(None)) => free.push(object),
                Some(_) => {}
            }
        }
        match free.as_slice() {
            [one] => Intended::Account((*one).clone()),
            _ => Intended::Nothing,
        }
    }

    pub(super) fn deprovision(
        &mut self,
        source: &SourceObject,
        link: &Link,
        reason: Inactive,
    ) -> Result<Step, Failure> {
        let mapping = self.facts.mapping;
        if self.facts.policy.skip_out_of_scope_deletions && reason.releases() {
            return Ok(self.kept(SkipReason::OutOfScopeDeletionsSkipped(reason), link));
        }
        match self.guard(link)? {
            Guard::Done(step) => return Ok(step),
            Guard::Free => {}
        }
        if mapping.disables && mapping.flow_types.update && self.facts.soft_delete {
            return self.disable(source, link, reason);
        }
        if !self.facts.soft_delete && mapping.flow_types.delete {
            let anchor = link.anchor.clone();
            return Ok(self.delete(anchor, reason));
        }
        Ok(self.kept(SkipReason::NoDeprovisioningConfigured(reason), link))
    }

    /// The account stays as it is. One that only an intent told of is linked: what becomes of the object later is to reach
    /// it.
    fn kept(&mut self, reason: SkipReason, link: &Link) -> Step {
        if self.link().is_some() {
            return self.skip(reason);
        }
        let draft = LinkDraft {
            anchor: Some(link.anchor.clone()),
            state: link.state,
            origin: link.origin,
            disabled: link.disabled,
            shown: Vec::new(),
        };
        self.redundant(reason, draft, References::default())
    }

    /// Nothing is to be done with the object for now, nor with an account that was about to be made when something broke.
    pub(super) fn leave(&mut self, reason: SkipReason) -> Step {
        if self.link().is_some() {
            return self.skip(reason);
        }
        match self.intended(&self.intent_keys()) {
            Intended::Need(need) => Step::Need(vec![need]),
            Intended::Nothing => self.skip(reason),
            Intended::Account(account) => self.kept(reason, &self.made(account)),
        }
    }

    /// The link of an account that was about to be made when something broke.
    fn made(&self, account: Object) -> Link {
        Link {
            kind: self.facts.mapping.target_kind.clone(),
            anchor: account.anchor,
            state: LinkState::Active,
            origin: Origin::Created,
            disabled: false,
            exported: Vec::new(),
        }
    }

    fn disable(&mut self, source: &SourceObject, link: &Link, reason: Inactive) -> Result<Step, Failure> {
        let state = if reason.releases() { LinkState::Released } else { LinkState::Active };
        if self.is_staged(StagedKind::Disable) && !link.disabled {
            return Ok(self.stage(StagedKind::Disable, Some(reason)));
        }
        let read = Need::Read(link.anchor.clone());
        let target = match answer(self.answers, &read) {
            None => return Ok(Step::Need(vec![read])),
            Some(Answer::Object(Some(target))) => target,
            Some(_) => {
                self.trace.push(TraceStep::TargetGone(link.anchor.clone()));
                let skip = Action::Skip(SkipReason::Inactive(reason));
                return Ok(self.done(skip, LinkChange::Remove, References::default()));
            }
        };
        let mapping = self.facts.mapping;
        let inputs = Inputs::of(mapping, source, true);
        let purpose = Purpose::Disable(Some(target), &link.exported);
        let Computed { changes, shown, hidden } =
            compute(mapping, &inputs, purpose, self.facts.policy.fingerprints, self.context)?;
        self.hidden.extend(hidden);
        let draft = LinkDraft {
            anchor: Some(link.anchor.clone()),
            state,
            origin: link.origin,
            disabled: true,
            shown,
        };
        if changes.is_empty() {
            return Ok(self.redundant(SkipReason::RedundantSoftDelete, draft, References::default()));
        }
        self.trace.push(TraceStep::Decide(LogAction::Disable));
        let action = Action::Disable(link.anchor.clone(), changes);
        Ok(self.done(action, LinkChange::Put(draft), References::default()))
    }

    pub(super) fn delete(&mut self, anchor: Anchor, reason: Inactive) -> Step {
        if self.is_staged(StagedKind::Delete) {
            return self.stage(StagedKind::Delete, Some(reason));
        }
        self.trace.push(TraceStep::Decide(LogAction::Delete));
        self.done(Action::Delete(anchor), LinkChange::Remove, References::default())
    }
}
