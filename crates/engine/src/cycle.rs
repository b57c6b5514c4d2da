//! One cycle of a job: pages of the source decided, exported and committed, then what waited for the end.

mod ahead;
mod aside;
mod batch;
mod behind;
mod belonging;
mod drift;
mod finish;
mod guard;
mod index;
mod item;
mod limits;
mod listing;
mod needs;
mod orphans;
mod pages;
mod prepared;
mod record;
mod references;
mod removals;
mod results;
mod runtime;
mod sealed;
mod send;
mod waiting;

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use model::job::{Counters, Execution};
use model::link::{Intent, StagedKind};
use model::settings::TargetVerification;
use model::{Anchor, CycleId, Name, Timestamp, Uuid};
use store::{Commit, EdgeWrite, Forgotten, Result, StoreError};

pub(crate) use ahead::Ahead;
use behind::Behind;
pub(crate) use belonging::take_over;
pub(crate) use drift::has_own_work;
pub use finish::CycleEnd;
pub(crate) use finish::quarantine_for;
pub(crate) use item::{Item, MOST_ROUNDS, Mode};
pub(crate) use listing::Listing;
use prepared::Key;
pub use prepared::PrepareError;
pub(crate) use prepared::{Prepared, Sides};
pub(crate) use references::unwant;
pub(crate) use results::{Halt, Results};
pub(crate) use runtime::{Running, Runtime, Watermark};
use sealed::keyed;
pub(crate) use send::SendError;
pub(crate) use waiting::decided_anew;

use crate::desk::Desk;
use crate::live::Live;
use crate::services::Services;
use crate::stop::Stop;

/// What a run may write under.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Warrant {
    /// The job's lease, by its fence.
    Lease(u64),
    /// Claims on the objects that it works on, by their holder.
    Claims(Uuid),
    /// Nothing: it only looks.
    Nothing,
}

impl Warrant {
    /// True where something may be written under it.
    fn writes(self) -> bool {
        !matches!(self, Self::Nothing)
    }

    /// A commit that is made under it.
    fn over(self, commit: Commit) -> Result<Commit> {
        match self {
            Self::Lease(fence) => Ok(Commit { fence, ..commit }),
            Self::Claims(holder) => Ok(Commit { claims: Some(holder), ..commit }),
            Self::Nothing => Err(StoreError::Fenced),
        }
    }
}

/// A cycle under way.
pub(crate) struct Cycle<'a> {
    pub(crate) services: &'a Services,
    pub(crate) prepared: &'a Prepared,
    pub(crate) stop: &'a Stop,
    pub(crate) live: &'a Live,
    pub(crate) warrant: Warrant,
    /// What is in hand, here and with others that work for the same job.
    pub(crate) desk: &'a Arc<Desk>,
    /// Who this run is at the desk.
    pub(crate) party: u64,
    pub(crate) id: CycleId,
    /// True where everything is read.
    pub(crate) initial: bool,
    /// True of an interrupted cycle that is taken up.
    pub(crate) goes_on: bool,
    /// The full read that entries are seen by.
    pub(crate) generation: u64,
    /// True while links that the full read did not see are gone through.
    pub(crate) sweeping: bool,
    runtime: Mutex<Runtime>,
    has: Mutex<Has>,
    /// Target types that are in the index, with the number of their objects.
    pub(crate) indexed: HashMap<Name, u64>,
    /// Why people took objects out of the job.
    exclusions: HashMap<Anchor, Arc<str>>,
    /// Accounts that were about to be made when something broke.
    intents: Mutex<HashMap<Key, Intent>>,
    enumerations: AtomicU64,
    behind: Behind,
    /// True once a page halted: those beside it send nothing more.
    halting: AtomicBool,
}

/// Moves a cycle's position, in the transaction that makes its results durable.
pub(crate) type Advance = Box<dyn FnOnce(&mut Running) + Send>;

/// What the connector data store holds at all.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts")]
pub(crate) struct Has {
    pub(crate) entries: bool,
    pub(crate) escrows: bool,
    pub(crate) staged: bool,
    pub(crate) hints: bool,
}

impl<'a> Cycle<'a> {
    /// Takes up an interrupted cycle, or begins one.
    pub(crate) async fn begin(
        services: &'a Services,
        prepared: &'a Prepared,
        stop: &'a Stop,
        live: &'a Live,
        desk: &'a Arc<Desk>,
        warrant: Warrant,
    ) -> Result<Self> {
        let (store, job) = (&services.store, &prepared.job.id);
        let mut runtime = load_runtime(services, job).await?;
        runtime.note_interruption();
        let mut runtime = take_over(services, prepared, warrant, runtime).await?;
        let mut forgotten = Forgotten::default();
        let resumable = runtime.running.as_ref().is_some_and(|running| running.meaning == prepared.meaning);
        if !resumable {
            forgotten.escrows = start(services, prepared, &mut runtime).await?;
        }
        // Who trusts memory must know later that a cycle had begun: it may have sent what no commit tells of.
        let trusts = prepared.policy.verification == TargetVerification::Trust;
        if forgotten != Forgotten::default() || (trusts && !resumable) {
            let commit = Commit { forgotten, runtime: Some(finish::text_of(&runtime)?), ..Commit::default() };
            store.commit(job, warrant.over(commit)?).await?;
        }
        let running = runtime.running.clone().unwrap_or_else(|| running(services, prepared, &runtime));
        if resumable && running.initial && running.cursor.is_none() {
            // The full read begins anew, and with it the feed: what an earlier beginning saw may be gone since then.
            runtime.generation += 1;
        }
        let intents = store.open_intents(job).await?;
        let intents = keyed(services, job, intents)?;
        let managed = store.links(job, None, 1).await?;
        let has = Has {
            entries: !managed.is_empty()
                || runtime.generation > 1
                || running.cursor.is_some()
                || !running.initial,
            escrows: !store.escrows(job, None, 1).await?.is_empty(),
            staged: !store.staged(job, None, 1).await?.is_empty(),
            hints: !store.hints(job, None, 1).await?.is_empty(),
        };
        Ok(Self {
            services,
            prepared,
            stop,
            live,
            warrant,
            desk,
            party: desk.party(),
            id: running.cycle,
            initial: running.initial,
            goes_on: resumable,
            generation: runtime.generation,
            sweeping: false,
            enumerations: AtomicU64::new(runtime.enumerations),
            behind: Behind::default(),
            exclusions: guard::exclusions(services, job).await?,
            halting: false.into(),
            indexed: HashMap::new(),
            has: has.into(),
            intents: intents.into(),
            runtime: runtime.into(),
        })
    }

    /// Runs to the end, or until it is asked to stop or cannot go on.
    pub(crate) async fn run(&mut self) -> Result<CycleEnd> {
        let halt = self.run_phases().await?;
        self.behind.landed().await?;
        match halt {
            None => self.finish().await,
            Some(halt) => self.interrupt(halt).await,
        }
    }

    async fn run_phases(&mut self) -> Result<Option<Halt>> {
        let reading = self.runtime().running.as_ref().is_some_and(|running| !running.read);
        if reading {
            if let Some(halt) = self.list_target().await? {
                return Ok(Some(halt));
            }
            if let Some(halt) = self.read_pages().await? {
                return Ok(Some(halt));
            }
            self.behind.landed().await?;
        }
        if self.initial
            && let Some(halt) = self.stage_unseen().await?
        {
            return Ok(Some(halt));
        }
        if let Some(halt) = self.retry_waiting().await? {
            return Ok(Some(halt));
        }
        if let Some(halt) = self.resolve_intents().await? {
            return Ok(Some(halt));
        }
        if let Some(halt) = self.export_references().await? {
            return Ok(Some(halt));
        }
        self.behind.landed().await?;
        // Whose account was not found when references were sent is looked for.
        if let Some(halt) = self.retry_waiting().await? {
            return Ok(Some(halt));
        }
        self.stage_expired().await?;
        if let Some(halt) = self.send_staged().await? {
            return Ok(Some(halt));
        }
        if let Some(halt) = self.export_references().await? {
            return Ok(Some(halt));
        }
        self.behind.landed().await?;
        self.report_orphans().await?;
        self.scan_drift().await
    }

    /// Makes the results of a batch durable. With `advance` the cycle's position goes along; without, what could be
    /// done is kept and the page is read again.
    pub(crate) async fn commit_results(&self, results: Results, advance: Option<Advance>) -> Result<()> {
        self.commit_behind(results, advance).await?;
        self.behind.landed().await
    }

    /// As [`commit_results`](Self::commit_results), while the cycle goes on with what does not depend on it.
    pub(crate) async fn commit_behind(&self, results: Results, advance: Option<Advance>) -> Result<()> {
        let Results {
            commit,
            mut counters,
            exported,
            failed_again,
            intents,
            outdated,
            sent,
            holds,
            turn,
            ..
        } = results;
        counters.exports += exported;
        counters.exported += exported;
        self.intents().extend(intents.into_iter().map(|one| ((one.rule.clone(), one.source.clone()), one)));
        self.note_commit(&commit);
        let (runtime, changed) = self.advance(&counters, failed_again, sent, advance);
        let nothing = commit.is_empty() && !changed;
        if nothing && turn.is_none() {
            return Ok(());
        }
        let text = finish::text_of(&runtime)?;
        let commit = self.warranted(Commit { runtime: Some(text), ..commit })?;
        let (store, job) = (self.services.store.clone(), self.prepared.job.id.clone());
        let outdated = self.outdated_by_kind(outdated);
        let work = async move {
            if !nothing {
                store.commit(&job, commit).await?;
            }
            for (kind, anchors) in outdated {
                store.drop_index(&job, &kind, &anchors).await?;
            }
            drop(holds);
            Ok(())
        };
        self.behind.send(turn, work).await
    }

    /// Moves the runtime state by what a commit brings, and tells whether that changed it.
    fn advance(
        &self,
        counters: &Counters,
        failed_again: u64,
        sent: Vec<(Name, StagedKind)>,
        advance: Option<Advance>,
    ) -> (Runtime, bool) {
        let (now, began) = (self.services.clock.now(), self.began());
        let mut runtime = self.runtime();
        let before = runtime.clone();
        for (kind, action) in sent {
            runtime.note_sent(now, began, kind, action);
        }
        runtime.enumerations = self.enumerations.load(Ordering::Relaxed);
        if let Some(running) = &mut runtime.running {
            add(&mut running.counters, counters);
            running.failed_again += failed_again;
            if let Some(advance) = advance {
                advance(running);
            }
        }
        (runtime.clone(), *runtime != before)
    }

    /// Writes under this run's warrant.
    pub(crate) async fn write(&self, commit: Commit) -> Result<()> {
        let commit = self.warranted(commit)?;
        self.services.store.commit(&self.prepared.job.id, commit).await
    }

    fn warranted(&self, commit: Commit) -> Result<Commit> {
        self.warrant.over(Commit { generation: self.generation, ..commit })
    }

    /// The runtime state as of the last commit that was begun.
    pub(crate) fn runtime(&self) -> MutexGuard<'_, Runtime> {
        self.runtime.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn runtime_mut(&mut self) -> &mut Runtime {
        self.runtime.get_mut().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the connector data store holds at all, so that it is not asked in vain.
    pub(crate) fn has(&self) -> Has {
        *self.has.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note_commit(&self, commit: &Commit) {
        let mut has = self.has.lock().unwrap_or_else(PoisonError::into_inner);
        has.entries |= !commit.entries.is_empty();
        has.escrows |= !commit.escrows.is_empty();
        has.staged |= !commit.staged.is_empty();
    }

    fn note_staged(&self, staged: bool) {
        self.has.lock().unwrap_or_else(PoisonError::into_inner).staged = staged;
    }

    fn intents(&self) -> MutexGuard<'_, HashMap<Key, Intent>> {
        self.intents.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The number of the enumeration that is under way.
    pub(crate) fn enumeration(&self) -> u64 {
        self.enumerations.load(Ordering::Relaxed)
    }

    pub(crate) fn next_enumeration(&self) -> u64 {
        self.enumerations.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(crate) fn counters(&self) -> Counters {
        self.runtime().running.as_ref().map(|running| running.counters).unwrap_or_default()
    }

    pub(crate) fn began(&self) -> Timestamp {
        self.runtime().running.as_ref().map_or_else(|| self.services.clock.now(), |running| running.began)
    }

    /// The execution as it is now.
    pub(crate) fn execution(&self, result: model::job::ExecutionResult) -> Execution {
        Execution {
            cycle: self.id,
            result,
            began: self.began(),
            ended: self.services.clock.now(),
            counters: self.counters(),
            error: None,
        }
    }
}

/// The job's runtime state, as last committed.
pub(crate) async fn load_runtime(services: &Services, job: &model::JobId) -> Result<Runtime> {
    match services.store.runtime(job).await? {
        None => Ok(Runtime::default()),
        Some(text) => serde_json::from_str(&text)
            .map_err(|error| StoreError::Corrupt(format!("runtime state of job {job}: {error}"))),
    }
}

/// Decides what kind of cycle begins, and whether it forgets what failed before.
async fn start(services: &Services, prepared: &Prepared, runtime: &mut Runtime) -> Result<bool> {
    let job = &prepared.job.id;
    if runtime.watermark.as_ref().is_some_and(|watermark| watermark.meaning != prepared.meaning) {
        runtime.watermark = None;
    }
    let reads_all = runtime.watermark.is_none();
    if reads_all {
        services.store.clear_index(job).await?;
        runtime.generation += 1;
        runtime.unsettled |= !services.store.escrows(job, None, 1).await?.is_empty();
    }
    runtime.running = Some(running(services, prepared, runtime));
    Ok(reads_all)
}

fn running(services: &Services, prepared: &Prepared, runtime: &Runtime) -> Running {
    let now = services.clock.now();
    Running {
        cycle: CycleId(services.entropy.uuid_at(now)),
        initial: runtime.watermark.is_none(),
        began: now,
        schema: prepared.schema,
        meaning: prepared.meaning,
        cursor: runtime.watermark.as_ref().map(|watermark| watermark.cursor.clone()),
        read: false,
        indexed: false,
        yielded: 0,
        kinds: BTreeSet::new(),
        total: None,
        counters: Counters::default(),
        failed_again: 0,
    }
}

fn add(sum: &mut Counters, more: &Counters) {
    sum.entitled += more.entitled;
    sum.entitled_for_provisioning += more.entitled_for_provisioning;
    sum.escrowed += more.escrowed;
    sum.escrowed_raw += more.escrowed_raw;
    sum.exported += more.exported;
    sum.exports += more.exports;
    sum.imported += more.imported;
    sum.imported_deltas += more.imported_deltas;
    sum.imported_reference_deltas += more.imported_reference_deltas;
}

/// An edge write of a membership change.
pub(crate) fn edge_of_delta(
    cycle: &Cycle<'_>,
    owner: &model::link::Entry,
    flow: &sync::ReferenceFlow,
    referenced: &Anchor,
    wanted: bool,
) -> EdgeWrite {
    if wanted {
        cycle.want(&owner.rule, &owner.source, &flow.attribute, flow.multivalued, referenced)
    } else {
        references::unwant(&owner.rule, &owner.source, &flow.attribute, referenced)
    }
}
