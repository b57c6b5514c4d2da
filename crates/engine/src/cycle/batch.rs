//! A batch of objects: decided in rounds, exported at the target's pace, settled one by one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use connector::{ConnectorError, ErrorClass};
use futures::StreamExt as _;
use model::change::AttributeChange;
use model::link::Intent;
use model::provisioning::{Import, Step as TraceStep};
use model::settings::TargetVerification;
use model::{Anchor, Failure, FailureCode, Name, Object, SignedDuration, Timestamp};
use store::{Commit, Escrow, Result, Wait};
use sync::{Action, Answer, Decision, Need, Outcome, Settled, Step, decide, settle};
use tokio::time::Instant;

use super::item::{Item, MOST_ROUNDS, Mode};
use super::needs::{Asked, Told};
use super::results::{Halt, Results};
use super::send::{Repeat, SendError, send};
use super::{Cycle, Warrant};
use crate::time::after;

/// A decision takes a handful of needs, and one for each value of which it needs one that nobody has; one that takes
/// more has lost its way.
const MOST_STEPS: usize = 64;

/// How long the target's own check, once passed, vouches for the target.
const CHECK_AGAIN: Duration = Duration::from_secs(1);

/// How long a write that was begun may be under way.
const UNDER_WAY: SignedDuration = SignedDuration::from_mins(10);

/// Exports whose outcomes are made durable together, while the next ones go out.
const PART: usize = 500;

struct Decided {
    item: usize,
    decision: Box<Decision>,
}

impl Cycle<'_> {
    /// Decides, exports and settles a batch. What could be done is in the results, also where the cycle must halt.
    pub(crate) async fn process(&self, items: Vec<Item<'_>>, mode: Mode) -> Result<Results> {
        self.process_into(items, mode, Results::default()).await
    }

    /// As [`process`](Self::process), in addition to results that there are. Where the mode allows it, all but the last
    /// of them is committed on the way.
    pub(crate) async fn process_into(
        &self,
        mut items: Vec<Item<'_>>,
        mode: Mode,
        mut results: Results,
    ) -> Result<Results> {
        let mut open = self.defer_what_others_have(&items, &mut results);
        while !open.is_empty() && results.halt.is_none() {
            let decided = self.decide_all(&mut items, &open, mode, &mut results).await?;
            let mut exports = self.settle_unsent(&items, decided, &mut results);
            self.note_creates(&mut items, &exports).await?;
            if mode.beside {
                self.note_changes(&mut items, &exports).await?;
            }
            open.clear();
            while !exports.is_empty() && results.halt.is_none() {
                let rest = exports.split_off(exports.len().min(PART));
                let part = std::mem::replace(&mut exports, rest);
                open.extend(self.export_all(&mut items, part, mode, &mut results).await?);
                if mode.commit_on_the_way && !exports.is_empty() && results.halt.is_none() {
                    self.read_references(&items, &mut results).await?;
                    let done = results.take_done();
                    self.commit_behind(done, None).await?;
                }
            }
        }
        self.read_references(&items, &mut results).await?;
        for item in &items {
            if !results.holds.iter().any(|hold| Arc::ptr_eq(hold, &item.hold)) {
                results.holds.push(item.hold.clone());
            }
        }
        Ok(results)
    }

    /// Puts those off that somebody else works on at this moment, and returns the positions of the others.
    fn defer_what_others_have(&self, items: &[Item<'_>], results: &mut Results) -> Vec<usize> {
        let mut open = Vec::with_capacity(items.len());
        for (position, item) in items.iter().enumerate() {
            if item.elsewhere {
                let words = "the object is being provisioned on demand at this moment";
                results.defer(self, item, Failure::new(FailureCode::Conflict, words));
            } else {
                open.push(position);
            }
        }
        open
    }

    /// Decides and does nothing: what would be sent for whom, by the items' positions.
    pub(crate) async fn decide_only(
        &self,
        items: &mut [Item<'_>],
        results: &mut Results,
    ) -> Result<Vec<(usize, Box<Decision>)>> {
        let (decided, aside) = self.consider(items, Mode::LOOK).await?;
        if let Some(halt) = aside.halt {
            results.halt(halt);
        }
        Ok(decided)
    }

    /// Decides and does nothing: what would be sent for whom, by the items' positions. The log and the escrows of the
    /// results tell of those that no decision could be made about.
    pub(crate) async fn consider(
        &self,
        items: &mut [Item<'_>],
        mode: Mode,
    ) -> Result<(Vec<(usize, Box<Decision>)>, Results)> {
        let open: Vec<usize> = (0..items.len()).collect();
        let mut results = Results::default();
        let mut decided = self.decide_all(items, &open, mode, &mut results).await?;
        // Of two that want the same the first has it, so whoever decides again has to keep the order.
        decided.sort_by_key(|one| one.item);
        Ok((decided.into_iter().map(|one| (one.item, one.decision)).collect(), results))
    }

    /// The attributes of a decision whose values are drawn anew each time, or tell the time.
    pub(crate) fn volatile(&self, item: &Item<'_>, decision: &Decision) -> BTreeSet<Name> {
        let later = after(self.services.clock.now(), SignedDuration::from_hours(25));
        let mut context = self.prepared.context(later, self.services);
        let again = decide(&item.facts(&self.prepared.policy, Mode::PLAN), &item.answers, &mut context);
        let (Step::Done(again), Some(first)) = (again, decision.changes()) else { return BTreeSet::new() };
        let second = again.changes().map_or(&[][..], |changes| &changes.changes);
        let differs = |change: &&AttributeChange| !second.contains(change);
        first.changes.iter().filter(differs).map(|change| change.attribute.clone()).collect()
    }

    /// Brings every open item to a decision; those whose needs fail are settled at once.
    async fn decide_all(
        &self,
        items: &mut [Item<'_>],
        open: &[usize],
        mode: Mode,
        results: &mut Results,
    ) -> Result<Vec<Decided>> {
        let mut decided = Vec::with_capacity(open.len());
        let mut undecided = open.to_vec();
        for _ in 0..MOST_STEPS {
            let mut asked = Vec::new();
            let mut context = self.prepared.context(self.services.clock.now(), self.services);
            for position in std::mem::take(&mut undecided) {
                let Some(item) = items.get(position) else { continue };
                match decide(&item.facts(&self.prepared.policy, mode), &item.answers, &mut context) {
                    Step::Done(decision) => {
                        let active = decision.inactive.is_none() && item.source.is_some();
                        let first = item.rounds == 0 && matches!(item.import, Import::Add | Import::Update);
                        results.counters.entitled_for_provisioning += u64::from(active && first);
                        decided.push(Decided { item: position, decision });
                    }
                    Step::Need(needs) => {
                        undecided.push(position);
                        asked.extend(needs.into_iter().map(|need| Asked { item: position, need }));
                    }
                }
            }
            if undecided.is_empty() {
                break;
            }
            let mut failed = BTreeMap::new();
            for (asked, told) in self.answer(items, asked).await? {
                match told {
                    Told::Answer(answer) => {
                        if let Some(item) = items.get_mut(asked.item) {
                            item.answers.push((asked.need, answer));
                        }
                    }
                    Told::Failed(error) => {
                        failed.insert(asked.item, error);
                    }
                    Told::Unasked => {}
                    Told::Stopped => results.halt(Halt::Stopped),
                }
            }
            if results.halt.is_some() {
                break;
            }
            undecided.retain(|position| !failed.contains_key(position));
            self.settle_unanswered(items, failed, results).await;
        }
        if results.halt.is_none() {
            for item in undecided.into_iter().filter_map(|position| items.get(position)) {
                let words = "no decision was reached: the target's answers kept raising new questions";
                results.escrow(self, item, None, Failure::new(FailureCode::InternalError, words));
            }
        }
        Ok(decided)
    }

    async fn settle_unanswered(
        &self,
        items: &[Item<'_>],
        failed: BTreeMap<usize, ConnectorError>,
        results: &mut Results,
    ) {
        for (position, error) in failed {
            let Some(item) = items.get(position) else { continue };
            match Settled::of_unanswered(&error.class, error.failure()) {
                Settled::Check(failure) => {
                    if self.target_is_unusable(&error, results).await {
                        continue;
                    }
                    results.escrow(self, item, None, failure);
                }
                Settled::Escrow(failure) => results.escrow(self, item, None, failure),
                _ => {}
            }
        }
    }

    /// Settles the decisions that send nothing and returns the others.
    fn settle_unsent(
        &self,
        items: &[Item<'_>],
        decided: Vec<Decided>,
        results: &mut Results,
    ) -> Vec<Decided> {
        let mut exports = Vec::new();
        let all = decided.len();
        for one in decided {
            let Some(item) = items.get(one.item) else { continue };
            match &one.decision.action {
                Action::Create(_) | Action::Update(..) | Action::Disable(..) | Action::Delete(_) => {
                    exports.push(one);
                }
                Action::Skip(_) => {
                    let settled = self.settle(item, &one.decision, &Outcome::Done(None), true);
                    if let Settled::Commit(link) = settled {
                        results.commit(self, one.item, item, &one.decision, link);
                    }
                }
                Action::Stage(kind, reason) => results.stage(self, item, *kind, *reason),
                Action::Defer(failure) => results.defer(self, item, failure.clone()),
                Action::Fail(failure) => {
                    let failure = failure.clone();
                    results.escrow(self, item, Some(&one.decision), failure);
                }
            }
        }
        self.live.advance(all - exports.len());
        exports
    }

    /// Makes durable that accounts are about to be made, before the first request goes out.
    async fn note_creates(&self, items: &mut [Item<'_>], exports: &[Decided]) -> Result<()> {
        let mut intents = Vec::new();
        for one in exports.iter().filter(|one| matches!(one.decision.action, Action::Create(_))) {
            if let Some(item) = items.get_mut(one.item).filter(|item| item.intent.is_none()) {
                intents.push(self.seal_intent(intent(item), item.mapping)?);
                item.noted = true;
            }
        }
        if intents.is_empty() {
            return Ok(());
        }
        match self.warrant {
            Warrant::Lease(fence) => {
                self.services.store.begin_creates(&self.prepared.job.id, fence, intents).await
            }
            Warrant::Claims(_) | Warrant::Nothing => {
                self.write(Commit { intents, ..Commit::default() }).await
            }
        }
    }

    /// Makes durable, where memory is trusted, that accounts are about to be changed: should the process die, the next
    /// decision looks at them.
    async fn note_changes(&self, items: &mut [Item<'_>], exports: &[Decided]) -> Result<()> {
        if self.prepared.policy.verification != TargetVerification::Trust {
            return Ok(());
        }
        let mut escrows = Vec::new();
        for one in exports.iter().filter(|one| !matches!(one.decision.action, Action::Create(_))) {
            if let Some(item) = items.get_mut(one.item).filter(|item| !item.waits()) {
                let note = in_doubt(item, self.services.clock.now());
                escrows.push(note.clone());
                item.escrow = Some(note);
            }
        }
        if escrows.is_empty() {
            return Ok(());
        }
        self.desk.note_write();
        self.write(Commit { escrows, ..Commit::default() }).await
    }

    /// Exports and settles; returns the items that must be decided again.
    async fn export_all(
        &self,
        items: &mut [Item<'_>],
        exports: Vec<Decided>,
        mode: Mode,
        results: &mut Results,
    ) -> Result<Vec<usize>> {
        let mut again = Vec::new();
        let mut repeated = Vec::new();
        // What is in flight is let finish when the cycle must halt, so that its outcome is known.
        let halted = AtomicBool::new(false);
        {
            let requests: Vec<_> = exports
                .iter()
                .filter_map(|one| Some((one, items.get(one.item)?)))
                .map(|(one, item)| {
                    let halted = &halted;
                    async move {
                        let outcome =
                            if halted.load(Ordering::Relaxed) || self.halting.load(Ordering::Relaxed) {
                                Err(SendError::Stopped)
                            } else {
                                self.export(item, &one.decision).await
                            };
                        (one, item, outcome)
                    }
                })
                .collect();
            let mut outcomes = futures::stream::iter(requests).buffer_unordered(self.prepared.pace.most());
            while let Some((one, item, outcome)) = outcomes.next().await {
                let outcome = match outcome {
                    Ok(outcome) => outcome,
                    Err(SendError::Stopped) => {
                        results.halt(Halt::Stopped);
                        continue;
                    }
                    Err(SendError::Target(error)) => Outcome::Failed(error.class.clone(), error.failure()),
                };
                let settled = self.settle(item, &one.decision, &outcome, mode.last_chance);
                if may_have_been_made(&one.decision, &outcome, &settled) {
                    results.intents.push(intent(item));
                }
                self.live.advance(usize::from(!matches!(settled, Settled::Redecide { .. })));
                match settled {
                    Settled::Commit(link) => {
                        results.commit(self, one.item, item, &one.decision, link);
                    }
                    Settled::Redecide { failure, lost, .. } if item.rounds + 1 >= MOST_ROUNDS => {
                        if lost {
                            self.check_or_escrow(item, &one.decision, &outcome, failure, results).await;
                        } else {
                            results.export_failed(self, item, &one.decision, failure);
                        }
                    }
                    Settled::Redecide { gone, lost, .. } => {
                        // One whose answer was lost counts as what comes of it.
                        results.counters.exports += u64::from(!lost);
                        again.push(one.item);
                        repeated.push((one.item, gone, lost, one.decision.trace.clone()));
                    }
                    Settled::Defer(failure) => {
                        results.counters.exports += 1;
                        results.defer(self, item, failure);
                    }
                    Settled::Escrow(failure) => results.export_failed(self, item, &one.decision, failure),
                    Settled::Check(failure) => {
                        self.check_or_escrow(item, &one.decision, &outcome, failure, results).await;
                    }
                }
                halted.store(results.halt.is_some(), Ordering::Relaxed);
            }
        }
        for (position, gone, lost, trace) in repeated {
            if let Some(item) = items.get_mut(position) {
                again_from(item, gone, lost, trace);
            }
        }
        Ok(again)
    }

    fn settle(&self, item: &Item<'_>, decision: &Decision, outcome: &Outcome, last_chance: bool) -> Settled {
        let prints = self.prepared.policy.fingerprints;
        settle(decision, &item.mapping.target_kind, prints, outcome, last_chance)
    }

    /// Sends what was decided.
    async fn export(&self, item: &Item<'_>, decision: &Decision) -> std::result::Result<Outcome, SendError> {
        let (target, pace) = (&self.prepared.target, &self.prepared.pace);
        let selection = self.prepared.target_selection(item.mapping);
        let kind = &item.mapping.target_kind;
        match &decision.action {
            Action::Create(changes) => {
                let request = || target.create(&selection, changes);
                let made = send(self.services, pace, self.stop, Repeat::IfRefused, request).await?;
                Ok(Outcome::Done(Some(made)))
            }
            Action::Update(anchor, changes) | Action::Disable(anchor, changes) => {
                let request = || target.update(&selection, anchor, changes);
                let shown: Option<Object> =
                    send(self.services, pace, self.stop, Repeat::Freely, request).await?;
                Ok(Outcome::Done(shown))
            }
            Action::Delete(anchor) => {
                let request = || target.delete(kind, anchor);
                send(self.services, pace, self.stop, Repeat::Freely, request).await?;
                Ok(Outcome::Done(None))
            }
            _ => Ok(Outcome::Done(None)),
        }
    }

    /// It may be the target that fails, or the object: the target's own check decides.
    async fn check_or_escrow(
        &self,
        item: &Item<'_>,
        decision: &Decision,
        outcome: &Outcome,
        failure: Failure,
        results: &mut Results,
    ) {
        let class = match outcome {
            Outcome::Failed(class, _) => class.clone(),
            Outcome::Done(_) => ErrorClass::Permanent,
        };
        let error = ConnectorError::new(class, failure.detail.clone()).code(failure.code);
        if !self.target_is_unusable(&error, results).await {
            results.export_failed(self, item, decision, failure);
        }
    }

    /// Asks the target's own check whether it is the target or the object that fails, once a second at most.
    pub(crate) async fn target_is_unusable(&self, error: &ConnectorError, results: &mut Results) -> bool {
        if let Some(Halt::Unusable(_)) = results.halt {
            return true;
        }
        let now = Instant::now();
        if results.checked.is_some_and(|moment| now.duration_since(moment) < CHECK_AGAIN) {
            return false;
        }
        results.checked = Some(now);
        match self.prepared.target.check().await {
            Ok(()) => false,
            Err(check) => {
                let worse =
                    if matches!(check.class, ErrorClass::Unauthorized) { check } else { error.clone() };
                results.halt(Halt::Unusable(worse.failure()));
                true
            }
        }
    }
}

fn intent(item: &Item<'_>) -> Intent {
    let matching = item
        .answers
        .iter()
        .filter_map(|(need, _)| match need {
            Need::Find { attribute, value, .. } => Some((attribute.clone(), value.clone())),
            _ => None,
        })
        .collect();
    Intent {
        rule: item.mapping.rule.clone(),
        kind: item.mapping.source_kind.clone(),
        source: item.anchor.clone(),
        target_kind: item.mapping.target_kind.clone(),
        matching,
    }
}

/// Stands for a write of which nobody may ever tell whether it arrived.
fn in_doubt(item: &Item<'_>, now: Timestamp) -> Escrow {
    let words =
        "it is not known whether a change arrived at the target; the account is read and compared again";
    Escrow {
        rule: item.mapping.rule.clone(),
        kind: item.mapping.source_kind.clone(),
        source: item.anchor.clone(),
        failure: Failure::new(FailureCode::InternalError, words),
        wait: Wait::Moment,
        unread: item.unread(),
        attempts: 0,
        first: now,
        next: after(now, UNDER_WAY),
    }
}

/// True where an account may have been made although nobody told under which anchor.
fn may_have_been_made(decision: &Decision, outcome: &Outcome, settled: &Settled) -> bool {
    matches!(decision.action, Action::Create(_))
        && match outcome {
            Outcome::Done(_) => *settled == Settled::Commit(None),
            Outcome::Failed(class, _) => matches!(class, ErrorClass::Retry { .. } | ErrorClass::Unavailable),
        }
}

/// Makes an item ready to be decided again: from what the target itself says now.
fn again_from(item: &mut Item<'_>, gone: Option<Anchor>, lost: bool, trace: Vec<TraceStep>) {
    if lost && item.intent.is_none() {
        // The account may have been made although the answer was lost: then it is this job's.
        item.intent = Some(intent(item));
    }
    item.rounds += 1;
    item.live = true;
    item.trace.extend(trace);
    item.answers.retain(|(need, _)| matches!(need, Need::Claim(_)));
    if let Some(anchor) = gone {
        item.answers.push((Need::Read(anchor), Answer::Object(None)));
    }
}
