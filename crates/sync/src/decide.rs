//! The decision about one object.

mod deprovision;
mod guard;
mod unique;

use expression::Context;
use model::change::{ChangeSet, SourceObject};
use model::link::{Entry, Link, LinkState, Origin, StagedKind};
use model::provisioning::{Action as LogAction, Import, Inactive, SkipReason, Step as TraceStep};
use model::settings::TargetVerification;
use model::{Anchor, Failure, FailureCode, Name, Object};

use crate::conceal::Hidden;
use crate::facts::{
    Action, Answer, Decision, Facts, LinkChange, LinkDraft, Need, References, Seen, Shown, Step,
};
use crate::flow::{Computed, Inputs, Purpose, compute};
use crate::matching::{self, Match, answer, fold};
use crate::program::{Mapping, ReferenceFlow};
use deprovision::Intended;
use guard::Guard;
use unique::Unique;

/// Decides what is to be done with one object, or says what must be known first.
///
/// The answers given so far must hold for as long as the decision takes; needs come in a fixed order, so that the same
/// facts and answers always give the same step.
#[must_use]
pub fn decide(facts: &Facts<'_>, answers: &[(Need, Answer)], context: &mut Context<'_>) -> Step {
    let mut deciding = Deciding {
        facts,
        answers,
        context,
        trace: vec![TraceStep::Import(facts.import)],
        inactive: None,
        hidden: Hidden::default(),
    };
    match deciding.run() {
        Ok(step) => step,
        Err(failure) => deciding.done(Action::Fail(failure), LinkChange::Keep, References::default()),
    }
}

/// Why an object that the source has shall have no active account, with the clause that refused it; none where it shall.
pub(crate) fn inactivity(
    facts: &Facts<'_>,
    source: &SourceObject,
    inputs: &Inputs<'_>,
) -> Result<(Option<Inactive>, Option<String>), Failure> {
    Ok(if source.soft_deleted {
        (Some(Inactive::SoftDeleted), None)
    } else if !source.enabled {
        (Some(Inactive::Disabled), None)
    } else if !source.entitled {
        (Some(Inactive::NotEntitled), None)
    } else if facts.disowned {
        (Some(Inactive::OutOfScope), Some("the mapping's category no longer accepts it".into()))
    } else if let Some(clause) = facts.mapping.filters.scope.refusal(inputs)? {
        (Some(Inactive::OutOfScope), Some(clause))
    } else {
        (None, None)
    })
}

struct Deciding<'f, 'a, 'c, 'e> {
    facts: &'f Facts<'a>,
    answers: &'f [(Need, Answer)],
    context: &'c mut Context<'e>,
    trace: Vec<TraceStep>,
    inactive: Option<Inactive>,
    hidden: Hidden,
}

impl<'a> Deciding<'_, 'a, '_, '_> {
    fn run(&mut self) -> Result<Step, Failure> {
        if let Some(reason) = self.facts.excluded {
            return Ok(self.excluded(reason));
        }
        let source = match self.facts.seen {
            Seen::Gone => return self.gone(),
            Seen::Present(source) => source,
        };
        let mapping = self.facts.mapping;
        let inputs = Inputs::of(mapping, source, false);
        if mapping.filters.input.refusal(&inputs)?.is_some() {
            return Ok(self.leave(SkipReason::Filtered));
        }
        let (inactive, clause) = inactivity(self.facts, source, &inputs)?;
        self.inactive = inactive;
        self.trace.push(TraceStep::Scoping { inactive, clause });
        let link = self.link();
        match (inactive, link) {
            (None, None) => self.match_or_create(source),
            (None, Some(link)) => self.follow(source, link),
            (Some(reason), None) => self.deprovision_intended(source, reason),
            (Some(reason), Some(link)) if link.state == LinkState::Released => {
                if !self.facts.expired || !mapping.flow_types.delete {
                    return Ok(self.skip(SkipReason::Inactive(reason)));
                }
                match self.guard(link)? {
                    Guard::Done(step) => Ok(step),
                    Guard::Free => Ok(self.delete(link.anchor.clone(), reason)),
                }
            }
            (Some(reason), Some(link)) => self.deprovision(source, link, reason),
        }
    }

    fn link(&self) -> Option<&'a Link> {
        self.facts.entry.and_then(|entry| entry.link.as_ref())
    }

    /// An active object without an account.
    fn match_or_create(&mut self, source: &SourceObject) -> Result<Step, Failure> {
        let mapping = self.facts.mapping;
        let inputs = Inputs::of(mapping, source, false);
        let keys = matching::keys(mapping, &inputs, self.context)?;
        // What it was about to be made by when something broke, as far as that is no longer so.
        let mut former = self.intent_keys();
        former.retain(|(attribute, value, _)| !keys.iter().any(|one| (&one.0, &one.1) == (attribute, value)));
        let claim = Need::Claim(
            keys.iter()
                .chain(&former)
                .map(|(attribute, value, case_exact)| (attribute.clone(), fold(value, *case_exact)))
                .collect(),
        );
        let found = matching::find(mapping, &keys, self.answers, &mut self.trace)?;
        match (answer(self.answers, &claim), &found) {
            (None, Match::Need(needs)) => {
                let mut needs = needs.clone();
                needs.push(claim);
                return Ok(Step::Need(needs));
            }
            (None, _) => return Ok(Step::Need(vec![claim])),
            (Some(Answer::Claimed(false)), _) => {
                return Ok(self.defer(
                    "another object of this page has the same matching value",
                    FailureCode::DuplicateSourceEntries,
                ));
            }
            _ => {}
        }
        let found = match found {
            Match::Nothing if !former.is_empty() => match self.intended(&former) {
                Intended::Need(need) => Match::Need(vec![need]),
                Intended::Account(target) => Match::Hit(target),
                Intended::Nothing => Match::Nothing,
            },
            found => found,
        };
        match found {
            Match::Need(needs) => Ok(Step::Need(needs)),
            Match::Hit(target) => self.take(source, &target),
            Match::Nothing if !mapping.flow_types.add => Ok(self.skip(SkipReason::AddDoesNotFlow)),
            Match::Nothing => self.create(source, &inputs),
        }
    }

    fn create(&mut self, source: &SourceObject, inputs: &Inputs<'_>) -> Result<Step, Failure> {
        let mapping = self.facts.mapping;
        let chosen = match self.unique_values(inputs)? {
            Unique::Chosen(values) => values,
            Unique::Step(step) => return Ok(step),
        };
        let purpose = Purpose::Create(&chosen);
        let Computed { changes, shown, hidden } =
            compute(mapping, inputs, purpose, self.facts.policy.fingerprints, self.context)?;
        self.hidden.extend(hidden);
        if let Some(step) = self.protected(&as_object(mapping, &changes))? {
            return Ok(step);
        }
        if self.is_staged(StagedKind::Create) {
            return Ok(self.stage(StagedKind::Create, None));
        }
        self.trace.push(TraceStep::Decide(LogAction::Create));
        let draft = LinkDraft {
            anchor: None,
            state: LinkState::Active,
            origin: Origin::Created,
            disabled: false,
            shown,
        };
        let references = References { reset: true, ..self.references(source, true, Account::New) };
        Ok(self.done(Action::Create(changes), LinkChange::Put(draft), references))
    }

    /// An account matched: it is taken unless it is another object's.
    fn take(&mut self, source: &SourceObject, target: &Object) -> Result<Step, Failure> {
        let need = Need::Owner(target.anchor.clone());
        let Some(owner) = answer(self.answers, &need) else {
            return Ok(Step::Need(vec![need]));
        };
        let other = match owner {
            Answer::Owner(Some(owner)) if !self.is_own(owner) => Some(owner),
            _ => None,
        };
        if let Some(owner) = other
            && owner.link.as_ref().is_some_and(|link| link.state == LinkState::Active)
        {
            let name = owner.display_name.as_deref().unwrap_or("another object");
            let words = format!(
                "the matching account {} is already the account of {name} ({})",
                target.anchor, owner.source
            );
            return Ok(self.defer(&words, FailureCode::DuplicateSourceEntries));
        }
        if other.is_some()
            && let Some(step) = self.claim_account(&target.anchor)
        {
            return Ok(step);
        }
        if let Some(step) = self.protected(target)? {
            return Ok(step);
        }
        let origin = if self.facts.intent.is_some() { Origin::Created } else { Origin::Matched };
        if !self.owns(origin) {
            return Ok(self.link_unowned(target.anchor.clone()));
        }
        self.update(source, target.anchor.clone(), Some(target), &[], origin, true)
    }

    /// A released account may be taken by another object that matches it: one of both has it, and not each a half.
    fn claim_account(&mut self, anchor: &Anchor) -> Option<Step> {
        let claim = Need::Claim(vec![(Name::default(), anchor.to_string())]);
        match answer(self.answers, &claim) {
            None => Some(Step::Need(vec![claim])),
            Some(Answer::Claimed(false)) => {
                let words = format!("another object of this page is about to have the account {anchor}");
                Some(self.defer(&words, FailureCode::DuplicateSourceEntries))
            }
            Some(_) => None,
        }
    }

    fn is_own(&self, entry: &Entry) -> bool {
        entry.source == *self.facts.anchor && entry.rule == self.facts.mapping.rule
    }

    /// An active object with an account.
    fn follow(&mut self, source: &SourceObject, link: &Link) -> Result<Step, Failure> {
        let released = link.state == LinkState::Released;
        if released {
            if let Some(step) = self.claim_account(&link.anchor) {
                return Ok(step);
            }
            let owner = Need::Owner(link.anchor.clone());
            match answer(self.answers, &owner) {
                None => return Ok(Step::Need(vec![owner])),
                // It was taken since the page was begun.
                Some(Answer::Owner(Some(owner))) if !self.is_own(owner) => {
                    return self.match_or_create(source);
                }
                Some(_) => {}
            }
        }
        let read = Need::Read(link.anchor.clone());
        match answer(self.answers, &read) {
            Some(Answer::Object(Some(target))) => {
                let target = target.clone();
                match self.guard(link)? {
                    Guard::Done(step) => return Ok(step),
                    Guard::Free => {}
                }
                self.update(source, link.anchor.clone(), Some(&target), &link.exported, link.origin, released)
            }
            Some(_) => {
                self.trace.push(TraceStep::TargetGone(link.anchor.clone()));
                self.match_or_create(source)
            }
            None if self.trusts_memory(link) => {
                match self.guard(link)? {
                    Guard::Done(step) => return Ok(step),
                    Guard::Free => {}
                }
                self.update(source, link.anchor.clone(), None, &link.exported, link.origin, false)
            }
            None => Ok(Step::Need(vec![read])),
        }
    }

    /// True where an account is taken to be as it was exported last, without a look at it.
    fn trusts_memory(&self, link: &Link) -> bool {
        self.facts.policy.verification == TargetVerification::Trust
            && !self.facts.unsettled
            // What differs from the last export is what a look for drift is about.
            && self.facts.import != Import::Drift
            && link.state == LinkState::Active
            && !link.disabled
    }

    fn update(
        &mut self,
        source: &SourceObject,
        anchor: Anchor,
        target: Option<&Object>,
        exported: &[model::link::Exported],
        origin: Origin,
        anew: bool,
    ) -> Result<Step, Failure> {
        let mapping = self.facts.mapping;
        let inputs = Inputs::of(mapping, source, false);
        let purpose = Purpose::Update(target, exported);
        let Computed { changes, shown, hidden } =
            compute(mapping, &inputs, purpose, self.facts.policy.fingerprints, self.context)?;
        self.hidden.extend(hidden);
        let draft = LinkDraft {
            anchor: Some(anchor.clone()),
            state: LinkState::Active,
            origin,
            disabled: false,
            shown,
        };
        // What this job made is new to it, though the answer that told so was lost.
        let made = anew && self.facts.intent.is_some();
        let account = if made { Account::New } else { target.map_or(Account::Unread, Account::Read) };
        let references = References { reset: made, ..self.references(source, anew, account) };
        if changes.is_empty() {
            return Ok(self.redundant(SkipReason::RedundantExport, draft, references));
        }
        if !mapping.flow_types.update {
            // The account is linked all the same, so that it is not matched again and again.
            return Ok(self.redundant(SkipReason::UpdateDoesNotFlow, draft, references));
        }
        if self.is_staged(StagedKind::Update) {
            return Ok(self.stage(StagedKind::Update, None));
        }
        self.trace.push(TraceStep::Decide(LogAction::Update));
        Ok(self.done(Action::Update(anchor, changes), LinkChange::Put(draft), references))
    }

    /// What an account is to refer to, which is new, was not read, or shows this.
    fn references(&self, source: &SourceObject, anew: bool, account: Account<'_>) -> References {
        let mapping = self.facts.mapping;
        let flows = |flow: &ReferenceFlow| match account {
            Account::New => true,
            Account::Unread | Account::Read(_) if !flow.fills() => flow.follows(),
            Account::Unread => false,
            Account::Read(account) => account.get(&flow.attribute).is_null(),
        };
        let wanted = mapping
            .references
            .iter()
            .filter(|flow| flow.inline && flows(flow))
            .map(|flow| {
                let values = source.object.get(&flow.source).values();
                let anchors = values.iter().filter_map(|value| value.as_reference().cloned()).collect();
                (flow.attribute.clone(), anchors)
            })
            .collect();
        References {
            wanted,
            enumerate: anew && mapping.references.iter().any(|flow| !flow.inline && flows(flow)),
            reset: false,
        }
    }

    /// True where a write of a kind waits for the end of the cycle, to be counted before any is sent.
    fn is_staged(&self, kind: StagedKind) -> bool {
        self.facts.stage_removals && self.facts.sends != Some(kind) && self.facts.policy.limits.stages(kind)
    }

    fn stage(&mut self, kind: StagedKind, reason: Option<Inactive>) -> Step {
        self.trace.push(TraceStep::Decide(match kind {
            StagedKind::Create => LogAction::Create,
            StagedKind::Update => LogAction::Update,
            StagedKind::Disable => LogAction::Disable,
            StagedKind::Delete => LogAction::Delete,
        }));
        self.done(Action::Stage(kind, reason), LinkChange::Keep, References::default())
    }

    fn defer(&mut self, why: &str, code: FailureCode) -> Step {
        let failure = Failure::new(code, why);
        if self.facts.last_chance {
            return self.done(Action::Fail(failure), LinkChange::Keep, References::default());
        }
        self.trace.push(TraceStep::Deferred(why.to_owned()));
        self.done(Action::Defer(failure), LinkChange::Keep, References::default())
    }

    /// Nothing is sent, but what is known of the account is remembered.
    fn redundant(&mut self, reason: SkipReason, draft: LinkDraft, references: References) -> Step {
        self.trace.push(TraceStep::Skip(reason));
        let unchanged = self.link().is_some_and(|link| is_same(link, &draft, self.facts));
        let link = if unchanged { LinkChange::Keep } else { LinkChange::Put(draft) };
        self.done(Action::Skip(reason), link, references)
    }

    fn skip(&mut self, reason: SkipReason) -> Step {
        self.trace.push(TraceStep::Skip(reason));
        self.done(Action::Skip(reason), LinkChange::Keep, References::default())
    }

    fn done(&mut self, action: Action, link: LinkChange, references: References) -> Step {
        let trace = std::mem::take(&mut self.trace);
        let hidden = std::mem::take(&mut self.hidden);
        Step::Done(Box::new(Decision { action, link, references, inactive: self.inactive, trace, hidden }))
    }
}

/// An account as it would be made.
fn as_object(mapping: &Mapping, changes: &ChangeSet) -> Object {
    let mut object = Object::new(mapping.target_kind.clone(), "");
    for change in changes.changes.iter().filter(|_| !mapping.protection.is_empty()) {
        object.attributes.set(change.attribute.clone(), change.new.clone());
    }
    object
}

/// An account, as far as it is known.
#[derive(Clone, Copy)]
enum Account<'a> {
    /// It is about to be made, or was made by this job and nothing was sent of its references yet.
    New,
    /// It is there, and trusted to be as it was.
    Unread,
    /// It is there and shows this.
    Read(&'a Object),
}

/// True where a link already says what a draft would make it say.
fn is_same(link: &Link, draft: &LinkDraft, facts: &Facts<'_>) -> bool {
    let prints = facts.policy.fingerprints;
    let same = |shown: &Shown| {
        let name = prints.name(&shown.attribute);
        let stored = link.exported.iter().find(|one| one.attribute == name);
        stored.is_some_and(|one| one.computed == shown.computed && Some(one.shown) == shown.shown)
    };
    draft.anchor.as_ref() == Some(&link.anchor)
        && draft.state == link.state
        && draft.disabled == link.disabled
        && draft.shown.len() == link.exported.len()
        && draft.shown.iter().all(same)
}

impl Decision {
    /// A decision that says only this: nothing becomes of link and references, and nothing led to it.
    #[must_use]
    pub fn bare(action: Action) -> Self {
        Self {
            action,
            link: LinkChange::Keep,
            references: References::default(),
            inactive: None,
            trace: Vec::new(),
            hidden: Hidden::default(),
        }
    }

    /// What would be sent, where something would.
    #[must_use]
    pub fn changes(&self) -> Option<&ChangeSet> {
        match &self.action {
            Action::Create(changes) | Action::Update(_, changes) | Action::Disable(_, changes) => {
                Some(changes)
            }
            _ => None,
        }
    }
}
