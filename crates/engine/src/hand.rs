//! What people do by hand: links set and broken, objects excluded, failures tried again, held writes allowed.
//!
//! Each of these waits until no cycle runs, writes under the job's lease, and has the objects decided anew in the next
//! cycle. Who did it and why is the caller's to record.

use std::sync::Arc;

use model::job::Job;
use model::link::{Entry, Link, LinkState, Origin, StagedKind};
use model::{Anchor, Failure, Name, SignedDuration};
use store::{Commit, EdgeWrite, Escrow, Exclusion, StoreError};

use crate::control::{ControlError, Result};
use crate::cycle::{Prepared, decided_anew, load_runtime};
use crate::engine::Engine;
use crate::time::after;

/// How long the lease is taken for.
const LEASE: SignedDuration = SignedDuration::from_mins(1);
/// Excluded objects of a job at most: they are in memory while it runs.
const MOST_EXCLUSIONS: usize = 10_000;

/// A link as a person wants it.
#[derive(Clone, Debug)]
pub struct LinkByHand {
    /// The rule's id; none for the first that reads objects of this kind.
    pub rule: Option<Name>,
    /// The source's object type; none where the rule, or the job, reads only one.
    pub kind: Option<Name>,
    /// The source object.
    pub source: Anchor,
    /// The account.
    pub target: Anchor,
}

impl Engine {
    /// Links a source object to an account, which must both be there. An account that another object has, or that
    /// `NeverTouch` protects, is refused, and so is any while the job's links are those of another target. The next cycle brings the account to the source's values.
    pub async fn set_link(self: &Arc<Self>, job: &Job, wanted: LinkByHand) -> Result<Entry> {
        let runner = self.runner(job);
        let prepared = runner.prepared(&self.services, job.clone()).await?;
        runner.take_over(&self.services, &prepared).await?;
        // It would be forgotten with the links of the target before.
        if let Some(words) = load_runtime(&self.services, &job.id).await?.belongs_elsewhere(&prepared) {
            return Err(ControlError::Unfit(words));
        }
        let entry = self.checked_link(job, &prepared, wanted).await?;
        let (rule, source) = (entry.rule.clone(), entry.source.clone());
        let known = self.services.store.entries(&job.id, std::slice::from_ref(&source)).await?;
        let before = known.into_iter().find(|one| one.rule == rule).and_then(|one| one.link);
        let before =
            before.filter(|before| entry.link.as_ref().is_some_and(|link| link.anchor != before.anchor));
        let mut edges = vec![EdgeWrite::Reset { rule: rule.clone(), owner: source.clone() }];
        edges.extend(before.map(|before| EdgeWrite::LetGo { rule, source, target: before.anchor }));
        let commit = Commit {
            entries: vec![entry.clone()],
            edges,
            escrows: vec![self.decide_anew(&entry, "the link was set by hand")],
            ..Commit::default()
        };
        self.write_by_hand(job, commit).await?;
        Ok(entry)
    }

    async fn checked_link(&self, job: &Job, prepared: &Prepared, wanted: LinkByHand) -> Result<Entry> {
        let LinkByHand { rule, kind, source, target } = wanted;
        let fits = |mapping: &&sync::Mapping| {
            rule.as_ref().is_none_or(|rule| mapping.rule == *rule)
                && kind.as_ref().is_none_or(|kind| mapping.source_kind == *kind)
        };
        let mappings = prepared.program.rules.iter().flat_map(|rule| &rule.mappings);
        let mapping = mappings.clone().find(fits).ok_or_else(|| {
            let known: Vec<String> =
                mappings.map(|one| format!("{} of rule {}", one.source_kind, one.rule)).collect();
            ControlError::Unfit(format!("no mapping of the job reads that; it reads {}", known.join(", ")))
        })?;
        let selection = prepared.selection(&mapping.source_kind);
        let object = match selection {
            Some(selection) => prepared.source.read(selection, &source).await?,
            None => None,
        };
        let object = object.ok_or_else(|| {
            ControlError::Unfit(format!("the source has no {} '{source}'", mapping.source_kind))
        })?;
        let account = prepared.target.read(&prepared.target_selection(mapping), &target).await?;
        let account = account.ok_or_else(|| {
            ControlError::Unfit(format!("the target has no {} '{target}'", mapping.target_kind))
        })?;
        if let Ok(Some(clause)) | Err(Failure { detail: clause, .. }) =
            mapping.protects(&account).map(|clause| clause.map(str::to_owned))
        {
            return Err(ControlError::Unfit(format!(
                "the account '{target}' is never touched, because of the setting NeverTouch: {clause}"
            )));
        }
        let owners = self.services.store.owners(&job.id, std::slice::from_ref(&target)).await?;
        if let Some(owner) = owners.iter().find(|one| one.source != source || one.rule != mapping.rule) {
            return Err(ControlError::Unfit(format!(
                "the account '{target}' is linked to '{}' already; break that link first",
                owner.source
            )));
        }
        let runtime = load_runtime(&self.services, &job.id).await?;
        Ok(Entry {
            rule: mapping.rule.clone(),
            kind: mapping.source_kind.clone(),
            source,
            mapping: mapping.key.clone(),
            display_name: object.display_name,
            link: Some(Link {
                kind: mapping.target_kind.clone(),
                anchor: target,
                state: LinkState::Active,
                origin: Origin::Matched,
                disabled: false,
                exported: Vec::new(),
            }),
            seen_generation: runtime.generation,
            last_skip: 0,
        })
    }

    /// Breaks a link; the account stays as it is. The object is matched anew when it is next decided about.
    pub async fn break_link(self: &Arc<Self>, job: &Job, rule: &str, source: &Anchor) -> Result<Entry> {
        let known = self.services.store.entries(&job.id, std::slice::from_ref(source)).await?;
        let entry = known.into_iter().find(|entry| entry.rule == rule && entry.link.is_some());
        let entry = entry.ok_or_else(|| StoreError::NotFound { what: "link", id: source.to_string() })?;
        let (rule, owner) = (entry.rule.clone(), entry.source.clone());
        let commit = Commit {
            entries: vec![Entry { link: None, last_skip: 0, ..entry.clone() }],
            edges: vec![EdgeWrite::Drop { rule, owner }],
            ..Commit::default()
        };
        self.write_by_hand(job, commit).await?;
        Ok(entry)
    }

    /// Takes an object out of the job: nothing is sent for it until the exclusion ends.
    pub async fn exclude(
        self: &Arc<Self>,
        job: &Job,
        source: Anchor,
        reason: String,
        author: String,
    ) -> Result<Exclusion> {
        let store = &self.services.store;
        if store.exclusions(&job.id, None, MOST_EXCLUSIONS).await?.len() >= MOST_EXCLUSIONS {
            return Err(ControlError::Unfit(format!(
                "the job has {MOST_EXCLUSIONS} excluded objects, which is the most; use a scoping filter"
            )));
        }
        let exclusion = Exclusion { source, reason, author, moment: self.services.clock.now() };
        let runner = self.runner(job);
        {
            let _guard = runner.interrupt().await;
            store.exclude(&job.id, exclusion.clone()).await?;
        }
        // A cycle that was interrupted goes on without the object.
        runner.order();
        Ok(exclusion)
    }

    /// Ends an exclusion; false where there is none. The object is decided about in the next cycle, and its references
    /// that waited are tried.
    pub async fn readmit(self: &Arc<Self>, job: &Job, source: &Anchor) -> Result<bool> {
        let runner = self.runner(job);
        {
            let _guard = runner.interrupt().await;
            let store = &self.services.store;
            let exclusions = store.exclusions(&job.id, None, MOST_EXCLUSIONS).await?;
            if !exclusions.iter().any(|one| one.source == *source) {
                return Ok(false);
            }
            // Where this ends in between, the object is excluded still, and whoever tries again does all of it.
            self.decide_anew_of(job, source).await?;
            store.readmit(&job.id, source).await?;
        }
        runner.order();
        Ok(true)
    }

    /// Has the next cycle decide about an object, and try what failed of its references.
    async fn decide_anew_of(&self, job: &Job, source: &Anchor) -> Result<()> {
        let store = &self.services.store;
        let known = store.entries(&job.id, std::slice::from_ref(source)).await?;
        let waiting = store.escrows_of(&job.id, std::slice::from_ref(source)).await?;
        let again = |entry: &Entry| {
            let anew = self.decide_anew(entry, "the exclusion ended");
            let unread = waiting.iter().find(|one| one.rule == entry.rule).map(|escrow| escrow.unread);
            Escrow { unread: unread.unwrap_or_default().max(anew.unread), ..anew }
        };
        let escrows = known.iter().map(again).collect();
        let try_again =
            |entry: &Entry| EdgeWrite::TryAgain { rule: entry.rule.clone(), owner: entry.source.clone() };
        let edges = known.iter().map(try_again).collect();
        let fence = self.fence(job).await?;
        store.commit(&job.id, Commit { fence, escrows, edges, ..Commit::default() }).await?;
        Ok(())
    }

    /// Lets failures be tried again in a cycle that begins now: those of these objects, by rule and source, or all of
    /// them. Tells how many.
    pub async fn retry_escrows(
        self: &Arc<Self>,
        job: &Job,
        sources: Option<Vec<(Name, Anchor)>>,
    ) -> Result<u64> {
        let now = self.services.clock.now();
        let due = self.services.store.retry_now(&job.id, sources, now).await?;
        self.runner(job).order();
        Ok(due)
    }

    /// Lets the writes of these kinds through, once, that are held because there are too many.
    pub async fn allow_held(self: &Arc<Self>, job: &Job, kinds: &[StagedKind]) -> Result<()> {
        let runner = self.runner(job);
        {
            let _guard = runner.interrupt().await;
            let fence = self.fence(job).await?;
            let mut runtime = load_runtime(&self.services, &job.id).await?;
            for kind in kinds {
                match kind {
                    StagedKind::Create => runtime.allow_creates = true,
                    StagedKind::Update => runtime.allow_updates = true,
                    StagedKind::Disable | StagedKind::Delete => runtime.force_deletes = true,
                }
            }
            let text =
                serde_json::to_string(&runtime).map_err(|error| StoreError::Corrupt(error.to_string()))?;
            let commit = Commit { fence, runtime: Some(text), ..Commit::default() };
            self.services.store.commit(&job.id, commit).await?;
        }
        runner.order();
        Ok(())
    }

    async fn write_by_hand(self: &Arc<Self>, job: &Job, commit: Commit) -> Result<()> {
        let runner = self.runner(job);
        {
            let _guard = runner.interrupt().await;
            let fence = self.fence(job).await?;
            self.services.store.commit(&job.id, Commit { fence, ..commit }).await?;
        }
        runner.order();
        Ok(())
    }

    /// The right to write of a job while no cycle runs.
    async fn fence(&self, job: &Job) -> Result<u64> {
        let services = &self.services;
        let now = services.clock.now();
        let lease = services.store.lease(&job.id, services.node, now, after(now, LEASE)).await?;
        let lease = lease.ok_or_else(|| {
            ControlError::Unfit("another process runs the job at this moment; try again in a minute".into())
        })?;
        Ok(lease.fence)
    }

    /// What makes the next cycle decide about an object on its present state.
    fn decide_anew(&self, entry: &Entry, why: &str) -> Escrow {
        let Entry { rule, kind, source, .. } = entry.clone();
        decided_anew(rule, kind, source, why, self.services.clock.now())
    }
}
