//! What came of a batch, on its way to one commit.

use std::sync::Arc;

use model::job::Counters;
use model::link::{Entry, Intent, Link, LinkState, StagedKind};
use model::provisioning::{Inactive, SkipReason};
use model::{Anchor, Failure, FailureCode, Name, Timestamp};
use store::{Commit, EdgeWrite, Escrow, Staged, Unread, Wait};
use sync::{Action, Decision, LinkChange, References, retry_at};

use super::Cycle;
use super::guard::is_passed_by;
use super::item::Item;
use super::record::{Ending, display_name};
use crate::desk::Hold;
use crate::time::after;

/// Failures older than this are no longer tried.
const ESCROW_LIFE: model::SignedDuration = model::SignedDuration::from_hours(28 * 24);

/// Why a cycle cannot go on.
#[derive(Clone, Debug)]
pub(crate) enum Halt {
    /// It was asked to stop.
    Stopped,
    /// The target refuses everything.
    Unusable(Failure),
    /// The source failed.
    Source(Failure),
}

/// What came of a batch.
#[derive(Debug, Default)]
pub(crate) struct Results {
    pub(crate) commit: Commit,
    /// Where objects came with a page, counted once the page is passed: until then it may be read again.
    pub(crate) counters: Counters,
    /// Exports that arrived, counted with what is remembered of them: where the page is read again, they are not sent
    /// again.
    pub(crate) exported: u64,
    /// Of the objects that failed, those that had failed before.
    pub(crate) failed_again: u64,
    pub(crate) halt: Option<Halt>,
    /// When the target's own check was last asked.
    pub(crate) checked: Option<tokio::time::Instant>,
    /// Keep what was worked on in hand until it is durable.
    pub(crate) holds: Vec<Arc<Hold>>,
    /// Accounts that may have been made although nobody told: they are looked for before they are made.
    pub(crate) intents: Vec<Intent>,
    /// Items, by position, whose references are to be compared with their edges.
    pub(crate) references: Vec<(usize, References)>,
    /// Accounts that are no longer as the index has them.
    pub(crate) outdated: Vec<(Name, Anchor)>,
    /// The page that ends with these results.
    pub(crate) turn: Option<u64>,
    /// Limited writes that were sent, by source type.
    pub(crate) sent: Vec<(Name, StagedKind)>,
}

impl Halt {
    /// What went wrong, where something did.
    pub(crate) fn into_failure(self) -> Option<Failure> {
        match self {
            Self::Stopped => None,
            Self::Unusable(failure) | Self::Source(failure) => Some(failure),
        }
    }
}

impl Results {
    pub(crate) fn halt(&mut self, halt: Halt) {
        self.halt.get_or_insert(halt);
    }

    /// Takes what is to be committed.
    pub(crate) fn take_done(&mut self) -> Self {
        let rest = Self {
            counters: std::mem::take(&mut self.counters),
            failed_again: std::mem::take(&mut self.failed_again),
            halt: self.halt.take(),
            checked: self.checked,
            ..Self::default()
        };
        std::mem::replace(self, rest)
    }

    /// The decision held: remembers what it makes of the link.
    pub(crate) fn commit(
        &mut self,
        cycle: &Cycle<'_>,
        position: usize,
        item: &Item<'_>,
        decision: &Decision,
        link: Option<Link>,
    ) {
        let before = item.entry.as_ref().and_then(|entry| entry.link.as_ref());
        let made = matches!(decision.action, Action::Create(_));
        if made && link.is_none() {
            if let sync::Settled::Escrow(failure) = sync::Settled::without_anchor() {
                self.export_failed(cycle, item, decision, failure);
            }
            return;
        }
        // An account that is found for an intent was made by an export that nobody told of.
        let found = item.intent.is_some() && before.is_none() && matches!(decision.link, LinkChange::Put(_));
        self.exported += u64::from(found || !matches!(decision.action, Action::Skip(_)));
        let anchor = link.as_ref().or(before).map(|link| link.anchor.clone());
        self.commit.log.extend(cycle.record(item, decision, &Ending::Done(anchor.as_ref())));
        self.settle_waiting(item, made);
        self.note_sent(cycle, item, decision);
        if !matches!(decision.action, Action::Skip(_) | Action::Create(_))
            && let Some(link) = before
        {
            self.outdated.push((link.kind.clone(), link.anchor.clone()));
        }
        let skip = match decision.action {
            Action::Skip(reason) => reason.number(),
            _ => 0,
        };
        let compared = match (&decision.link, link) {
            (LinkChange::Put(_), Some(link)) => {
                let active = link.state == LinkState::Active;
                if !active && before.is_none_or(|before| before.state == LinkState::Active) {
                    let (rule, source) = item.key();
                    self.commit.released.push((rule, source, cycle.services.clock.now()));
                }
                self.commit.entries.push(entry(cycle, item, Some(link), skip));
                self.wish(position, item, decision, active, cycle)
            }
            (LinkChange::Remove, _) if item.source.is_none() => {
                self.commit.removed.push(item.key());
                true
            }
            (LinkChange::Remove, _) => {
                let (rule, owner) = item.key();
                self.commit.edges.push(EdgeWrite::Drop { rule, owner });
                self.commit.entries.push(entry(cycle, item, None, skip));
                true
            }
            _ => self.keep(cycle, position, item, decision, skip),
        };
        if !compared {
            self.keep_unread(cycle, item);
        }
    }

    /// What is to follow a new account is not forgotten while the account is not to be touched: no change at the source
    /// tells of it.
    fn keep_unread(&mut self, cycle: &Cycle<'_>, item: &Item<'_>) {
        let Some(escrow) = item.escrow.as_ref().filter(|escrow| escrow.unread == Unread::SinceMade) else {
            return;
        };
        let key = item.key();
        self.commit.settled.retain(|settled| *settled != key);
        self.put_off(cycle, item, escrow.failure.clone(), Unread::SinceMade, Wait::Change);
    }

    /// The link stays as it is. Tells, as [`wish`](Self::wish) does, whether references are compared.
    fn keep(
        &mut self,
        cycle: &Cycle<'_>,
        position: usize,
        item: &Item<'_>,
        decision: &Decision,
        skip: u8,
    ) -> bool {
        let link = item.entry.as_ref().and_then(|entry| entry.link.clone());
        let active = link.as_ref().is_some_and(|link| link.state == LinkState::Active);
        let linked = link.is_some();
        match &item.entry {
            Some(known) if known.last_skip == skip && known.mapping == item.mapping.key => {
                if cycle.initial && known.seen_generation != cycle.generation {
                    self.commit.seen.push(item.key());
                }
            }
            None if item.source.is_none() => {}
            _ => self.commit.entries.push(entry(cycle, item, link, skip)),
        }
        self.wish(position, item, decision, active, cycle) || !linked
    }

    /// References of an active object are compared with its edges; large ones only where they must be read whole. False
    /// where they are left alone.
    fn wish(
        &mut self,
        position: usize,
        item: &Item<'_>,
        decision: &Decision,
        active: bool,
        cycle: &Cycle<'_>,
    ) -> bool {
        if !active || decision.inactive.is_some() || is_left_alone(decision) {
            return false;
        }
        if !item.mapping.references.is_empty() {
            let mut references = decision.references.clone();
            references.enumerate |= cycle.unread(item) != Unread::Nothing;
            let waits = |entry: &Entry| is_passed_by(entry) || entry.mapping != item.mapping.key;
            if item.entry.as_ref().is_some_and(waits) {
                let (rule, owner) = item.key();
                self.commit.edges.push(EdgeWrite::TryAgain { rule, owner });
            }
            self.references.push((position, references));
        }
        true
    }

    /// What waited for the object is done with.
    fn settle_waiting(&mut self, item: &Item<'_>, made: bool) {
        if item.escrow.is_some() {
            self.commit.settled.push(item.key());
        }
        if item.staged.is_some() {
            self.commit.unstaged.push(item.key());
        }
        if made || item.noted || item.intent.is_some() {
            self.commit.resolved.push(item.key());
        }
    }

    /// Limited writes are counted over a while.
    fn note_sent(&mut self, cycle: &Cycle<'_>, item: &Item<'_>, decision: &Decision) {
        let kind = match decision.action {
            Action::Create(_) => StagedKind::Create,
            Action::Update(..) => StagedKind::Update,
            Action::Disable(..) => StagedKind::Disable,
            Action::Delete(_) => StagedKind::Delete,
            _ => return,
        };
        if !item.agreed && cycle.prepared.policy.limits.stages(kind) {
            self.sent.push((item.mapping.source_kind.clone(), kind));
        }
    }

    /// What was sent for the object failed.
    pub(crate) fn export_failed(
        &mut self,
        cycle: &Cycle<'_>,
        item: &Item<'_>,
        decision: &Decision,
        failure: Failure,
    ) {
        self.counters.exports += 1;
        self.escrow(cycle, item, Some(decision), failure);
    }

    /// The object failed: it waits, and the others go on.
    pub(crate) fn escrow(
        &mut self,
        cycle: &Cycle<'_>,
        item: &Item<'_>,
        decision: Option<&Decision>,
        failure: Failure,
    ) {
        self.leave_intent(item);
        let nothing = Decision::bare(Action::Fail(failure.clone()));
        let decision = decision.unwrap_or(&nothing);
        self.commit.log.extend(cycle.record(item, decision, &Ending::Failed(&failure)));
        self.counters.escrowed += 1;
        self.counters.escrowed_raw += 1;
        if cycle.initial && item.entry.is_some() {
            self.commit.seen.push(item.key());
        }
        let now = cycle.services.clock.now();
        let known = item.failing();
        let first = known.map_or(now, |escrow| escrow.first);
        // What failed first on this page, before it was read again, counts as failing once.
        let before =
            |escrow: &Escrow| escrow.attempts > 0 && (item.turn == 0 || escrow.first < cycle.began());
        self.failed_again += u64::from(known.is_some_and(before));
        let attempts = known.map_or(0, |escrow| escrow.attempts) + 1;
        let (wait, next) = if retried(Some(first), now) {
            (Wait::Moment, retry_at(now, attempts, &cycle.prepared.settings.escrow_retry_intervals))
        } else {
            (Wait::GivenUp, now)
        };
        self.commit.escrows.push(Escrow {
            rule: item.mapping.rule.clone(),
            kind: item.mapping.source_kind.clone(),
            source: item.anchor.clone(),
            failure,
            wait,
            unread: cycle.unread(item),
            attempts,
            first,
            next,
        });
    }

    /// The object waits: an intent of this batch stays only where an account may have been made.
    fn leave_intent(&mut self, item: &Item<'_>) {
        if !item.noted {
            return;
        }
        if let Some(intent) = &item.intent {
            self.intents.push(intent.clone());
        } else if !self.intents.iter().any(|one| one.rule == item.mapping.rule && one.source == item.anchor) {
            self.commit.resolved.push(item.key());
        }
    }

    /// The object is decided again at the end of the cycle.
    pub(crate) fn defer(&mut self, cycle: &Cycle<'_>, item: &Item<'_>, failure: Failure) {
        self.leave_intent(item);
        self.put_off(cycle, item, failure, item.unread().max(Unread::Present), Wait::CycleEnd);
    }

    fn put_off(&mut self, cycle: &Cycle<'_>, item: &Item<'_>, failure: Failure, unread: Unread, wait: Wait) {
        let now = cycle.services.clock.now();
        if cycle.initial && item.entry.is_some() {
            self.commit.seen.push(item.key());
        }
        self.commit.escrows.push(Escrow {
            rule: item.mapping.rule.clone(),
            kind: item.mapping.source_kind.clone(),
            source: item.anchor.clone(),
            failure,
            wait,
            unread,
            attempts: item.failing().map_or(0, |escrow| escrow.attempts),
            first: item.failing().map_or(now, |escrow| escrow.first),
            next: now,
        });
    }

    /// The object is done, but what it refers to is read whole by the next cycle. `made` where its account is new.
    pub(crate) fn put_references_off(&mut self, cycle: &Cycle<'_>, item: &Item<'_>, made: bool) {
        let key = item.key();
        self.commit.settled.retain(|settled| *settled != key);
        let words = "not all that the object refers to was read yet; the next cycle does";
        let unread = if made { Unread::SinceMade } else { item.unread().max(Unread::Present) };
        self.put_off(cycle, item, Failure::new(FailureCode::MissingValues, words), unread, Wait::CycleEnd);
    }

    /// A limited write waits for the end of the cycle.
    pub(crate) fn stage(
        &mut self,
        cycle: &Cycle<'_>,
        item: &Item<'_>,
        action: StagedKind,
        reason: Option<Inactive>,
    ) {
        if cycle.initial && item.source.is_some() && item.entry.is_some() {
            self.commit.seen.push(item.key());
        }
        if item.escrow.is_some() {
            self.commit.settled.push(item.key());
            self.keep_unread(cycle, item);
        }
        if let Some(known) = item.staged.as_ref().filter(|known| known.action == action) {
            // It was shown again since, and what is known of it now is better than that it was not.
            if known.absent && !cycle.sweeping {
                self.commit.staged.push(Staged { reason, absent: false, ..known.clone() });
            }
            return;
        }
        self.commit.staged.push(Staged {
            rule: item.mapping.rule.clone(),
            kind: item.mapping.source_kind.clone(),
            source: item.anchor.clone(),
            action,
            reason,
            absent: cycle.sweeping,
            moment: cycle.services.clock.now(),
            held: false,
        });
    }
}

impl Cycle<'_> {
    /// What of an object's large reference attributes must be read, since no change of them was told or will be.
    pub(crate) fn unread(&self, item: &Item<'_>) -> Unread {
        // What was put off was not looked at whole; of what was gone, not active or left alone for a while nobody looked
        // what it referred to.
        let was_left = |entry: &Entry| {
            SkipReason::leaves_references(entry.last_skip)
                || entry.link.as_ref().is_some_and(|link| link.disabled)
        };
        let was_away =
            item.staged.is_some() || item.sends.is_some() || item.entry.as_ref().is_some_and(was_left);
        if item.mapping.references.iter().all(|flow| flow.inline) {
            return Unread::Nothing;
        }
        let least = if self.initial || was_away { Unread::Present } else { Unread::Nothing };
        item.unread().max(least)
    }
}

/// True where what failed first at this moment is tried again.
pub(super) fn retried(first: Option<Timestamp>, now: Timestamp) -> bool {
    first.is_none_or(|first| after(first, ESCROW_LIFE) > now)
}

/// True where the decision is that the account is not to be touched, whatever it refers to.
fn is_left_alone(decision: &Decision) -> bool {
    matches!(decision.action, Action::Skip(reason) if SkipReason::leaves_references(reason.number()))
}

fn entry(cycle: &Cycle<'_>, item: &Item<'_>, link: Option<Link>, last_skip: u8) -> Entry {
    Entry {
        rule: item.mapping.rule.clone(),
        kind: item.mapping.source_kind.clone(),
        source: item.anchor.clone(),
        mapping: item.mapping.key.clone(),
        display_name: display_name(item),
        link,
        seen_generation: cycle.generation,
        last_skip,
    }
}
