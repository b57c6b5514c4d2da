//! Records of the provisioning log.

use model::change::ChangeSet;
use model::link::StagedKind;
use model::provisioning::{
    Action as LogAction, Identity, ModifiedProperty, Outcome as LogOutcome, ProvisioningRecord,
    Step as TraceStep,
};
use model::settings::LogSkips;
use model::{Anchor, Failure, Name, Timestamp};
use sync::{Action, Decision};

use super::Cycle;
use super::item::Item;

/// How an object's way ended, for the log.
pub(crate) enum Ending<'a> {
    /// The action was done, or there was none to do.
    Done(Option<&'a Anchor>),
    /// It failed.
    Failed(&'a Failure),
    /// A limited write waits for consent.
    Held,
    /// Nothing was tried: this is what would be done.
    Planned,
}

impl Cycle<'_> {
    /// The record of an object with which nothing was tried, for this reason.
    pub(crate) fn refused(
        &self,
        item: &Item<'_>,
        decision: Option<&Decision>,
        failure: &Failure,
    ) -> ProvisioningRecord {
        let nothing = Decision::bare(Action::Fail(failure.clone()));
        self.whole_record(item, decision.unwrap_or(&nothing), &Ending::Failed(failure))
    }

    /// The record of what would be done with an object.
    pub(crate) fn planned(&self, item: &Item<'_>, decision: &Decision) -> ProvisioningRecord {
        let ending = match &decision.action {
            Action::Fail(failure) => Ending::Failed(failure),
            _ => Ending::Planned,
        };
        self.whole_record(item, decision, &ending)
    }

    /// The record of an object; none where the log does not want it.
    pub(crate) fn record(
        &self,
        item: &Item<'_>,
        decision: &Decision,
        ending: &Ending<'_>,
    ) -> Option<ProvisioningRecord> {
        let skip = match &decision.action {
            Action::Skip(reason) => Some(*reason),
            _ => None,
        };
        if let (Some(reason), Ending::Done(_), false) = (skip, ending, self.is_asked_for()) {
            let last = item.entry.as_ref().map_or(0, |entry| entry.last_skip);
            match self.prepared.settings.log_skips {
                LogSkips::None => return None,
                LogSkips::Changed if last == reason.number() => return None,
                LogSkips::Changed | LogSkips::All => {}
            }
        }
        Some(self.whole_record(item, decision, ending))
    }

    fn whole_record(&self, item: &Item<'_>, decision: &Decision, ending: &Ending<'_>) -> ProvisioningRecord {
        let skip = match &decision.action {
            Action::Skip(reason) => Some(*reason),
            _ => None,
        };
        let action = log_action(decision, ending);
        let now = self.services.clock.now();
        let mut steps = item.trace.clone();
        steps.extend(decision.trace.iter().cloned());
        let (outcome, failure) = match ending {
            Ending::Failed(failure) => {
                let failure = (*failure).clone();
                steps.push(TraceStep::ExportFailed(action, failure.clone()));
                (LogOutcome::Failure, Some(failure))
            }
            Ending::Held => {
                steps.push(decision.inactive.map_or(TraceStep::Held(action), TraceStep::Staged));
                (LogOutcome::Warning, None)
            }
            Ending::Planned if matches!(decision.action, Action::Defer(_)) => (LogOutcome::Warning, None),
            Ending::Planned if skip.is_none() => (LogOutcome::Success, None),
            Ending::Done(_) | Ending::Planned if skip.is_some() => (LogOutcome::Skipped, None),
            Ending::Done(_) | Ending::Planned => {
                steps.push(TraceStep::Export(action));
                (LogOutcome::Success, None)
            }
        };
        let (source, target) = identities(item, decision, ending);
        ProvisioningRecord {
            id: self.services.entropy.uuid_at(now),
            moment: now,
            duration_ms: elapsed_ms(item.began, now),
            cycle: self.id,
            change: self.services.entropy.uuid(),
            action,
            outcome,
            skip,
            failure,
            source,
            target,
            steps,
            modified: decision.changes().map(modified).unwrap_or_default(),
        }
    }
}

fn identities(item: &Item<'_>, decision: &Decision, ending: &Ending<'_>) -> (Identity, Identity) {
    let link = item.entry.as_ref().and_then(|entry| entry.link.as_ref());
    let anchor = match (ending, &decision.action) {
        (Ending::Done(Some(anchor)), _) => Some((*anchor).clone()),
        (_, Action::Update(anchor, _) | Action::Disable(anchor, _) | Action::Delete(anchor)) => {
            Some(anchor.clone())
        }
        _ => link.map(|link| link.anchor.clone()),
    };
    let name = display_name(item);
    let source = Identity {
        anchor: Some(item.anchor.clone()),
        kind: item.mapping.source_kind.clone(),
        name: name.clone(),
    };
    (source, Identity { anchor, kind: item.mapping.target_kind.clone(), name })
}

/// A name for people, from the source or from memory.
pub(crate) fn display_name(item: &Item<'_>) -> Option<Name> {
    let shown = item.source.as_ref().and_then(|source| source.display_name.clone());
    shown.or_else(|| item.entry.as_ref().and_then(|entry| entry.display_name.clone()))
}

fn log_action(decision: &Decision, ending: &Ending<'_>) -> LogAction {
    match (&decision.action, ending) {
        (Action::Stage(StagedKind::Create, _), _) => LogAction::Create,
        (Action::Stage(StagedKind::Update, _), _) => LogAction::Update,
        (_, Ending::Held) => LogAction::StagedDelete,
        (Action::Create(_), _) => LogAction::Create,
        (Action::Update(..), _) => LogAction::Update,
        (Action::Disable(..), _) => LogAction::Disable,
        (Action::Delete(_), _) => LogAction::Delete,
        _ => LogAction::Other,
    }
}

fn modified(changes: &ChangeSet) -> Vec<ModifiedProperty> {
    changes
        .changes
        .iter()
        .map(|change| ModifiedProperty {
            name: change.attribute.clone(),
            old: change.shown(&change.old),
            new: change.shown(&change.new),
        })
        .collect()
}

fn elapsed_ms(began: Timestamp, now: Timestamp) -> u32 {
    u32::try_from(now.duration_since(began).as_millis()).unwrap_or(0)
}
