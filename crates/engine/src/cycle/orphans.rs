//! After a reset: links that were forgotten are hints, which matching confirms or not.

use std::collections::{HashMap, HashSet};

use model::link::{Entry, Link, Origin};
use model::provisioning::{
    Action as LogAction, Identity, Outcome as LogOutcome, ProvisioningRecord, Step as TraceStep,
};
use model::{Anchor, Failure, FailureCode};
use store::{Commit, Hint, Result};

use super::Cycle;
use super::prepared::Key;

/// Hints that are gone through between two commits.
const PAGE: usize = 500;

impl Cycle<'_> {
    /// At the end of a cycle, when everything was matched that could be: lets go of hints that hold, reports accounts
    /// that nobody has any more, and leaves those accounts as they are. The hint of an object that waits in escrow waits
    /// with it.
    pub(crate) async fn report_orphans(&mut self) -> Result<()> {
        if !self.has().hints {
            return Ok(());
        }
        let (store, job) = (&self.services.store, &self.prepared.job.id);
        let mut after = None;
        loop {
            let page = store.hints(job, after.take(), PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some((last.rule.clone(), last.source.clone()));
            let commit = self.settle_hints(page).await?;
            self.write(commit).await?;
        }
    }

    async fn settle_hints(&self, page: Vec<Hint>) -> Result<Commit> {
        let (store, job) = (&self.services.store, &self.prepared.job.id);
        let sources: Vec<Anchor> = page.iter().map(|hint| hint.source.clone()).collect();
        let entries = store.entries(job, &sources).await?;
        let entries: HashMap<Key, Entry> =
            entries.into_iter().map(|entry| ((entry.rule.clone(), entry.source.clone()), entry)).collect();
        let waiting = store.escrows_of(job, &sources).await?;
        let waiting: HashSet<Key> = waiting.into_iter().map(|one| (one.rule, one.source)).collect();
        let targets: Vec<Anchor> = page.iter().map(|hint| hint.target.clone()).collect();
        let owners = store.owners(job, &targets).await?;
        let owned: HashSet<Anchor> =
            owners.into_iter().filter_map(|entry| entry.link.map(|link| link.anchor)).collect();
        let mut commit = Commit::default();
        for hint in page {
            let key = (hint.rule.clone(), hint.source.clone());
            let link = entries.get(&key).and_then(|entry| entry.link.as_ref());
            if let Some(link) = link.filter(|link| link.anchor == hint.target) {
                // Whose work the account is, a reset does not change.
                if hint.origin == Origin::Created && link.origin == Origin::Matched {
                    let link = Some(Link { origin: Origin::Created, ..link.clone() });
                    commit.entries.extend(entries.get(&key).map(|entry| Entry { link, ..entry.clone() }));
                }
            } else if link.is_none() && waiting.contains(&key) {
                continue;
            } else if !owned.contains(&hint.target) {
                commit.log.push(self.orphan_record(hint));
            }
            commit.unhinted.push(key);
        }
        Ok(commit)
    }

    fn orphan_record(&self, hint: Hint) -> ProvisioningRecord {
        let now = self.services.clock.now();
        let detail = format!(
            "the account {} was linked to this object before the links were reset, and matching did not find it again; \
             it is left as it is",
            hint.target
        );
        ProvisioningRecord {
            id: self.services.entropy.uuid_at(now),
            moment: now,
            duration_ms: 0,
            cycle: self.id,
            change: self.services.entropy.uuid(),
            action: LogAction::Other,
            outcome: LogOutcome::Warning,
            skip: None,
            failure: Some(Failure::new(FailureCode::OrphanAfterReset, detail)),
            source: Identity { anchor: Some(hint.source), kind: hint.kind, name: hint.display_name.clone() },
            target: Identity { anchor: Some(hint.target), kind: hint.target_kind, name: hint.display_name },
            steps: vec![TraceStep::Decide(LogAction::Other)],
            modified: Vec::new(),
        }
    }
}
