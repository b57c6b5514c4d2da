//! The connector data store of jobs.

mod claims;
mod commit;
mod edges;
mod entries;
mod index;
mod outgoing;
mod policies;
mod waiting;

use async_trait::async_trait;
use model::{Anchor, JobId, Name, Object, TenantId, Timestamp, Uuid};
use rusqlite::params;
use store::{
    Claim, Commit, ConnectorDataStore, DueEdge, Entry, Escrow, FailingEdge, Hint, IncomingEdge,
    IndexedObject, Intent, ManagedCount, OutgoingEdge, Staged, StagedCount,
};

use crate::SqliteStore;
use crate::error::Done;
use crate::session::Session;
use crate::{jobs, tenants};

pub(crate) use self::index::clear as clear_index;
pub(crate) use self::policies::clear as clear_policies;

/// Where a page by (rule, source) goes on.
pub(crate) type After = Option<(Name, Anchor)>;

/// Removes what a job remembers of objects: links and what hangs on them.
pub(crate) fn clear_links(session: &Session<'_>, job: i64) -> Done<()> {
    session.run("DELETE FROM edge WHERE owner IN (SELECT id FROM object WHERE job = ?1)", [job])?;
    session.run("DELETE FROM entry WHERE object IN (SELECT id FROM object WHERE job = ?1)", [job])?;
    for table in ["object", "managed", "staged", "intent", "claim", "released", "drift"] {
        session.run(&format!("DELETE FROM {table} WHERE job = ?1"), [job])?;
    }
    Ok(())
}

/// A page by rising (rule, source) over several rules: `page` gives the rows of one rule after a source.
pub(crate) fn by_rule<T>(
    session: &Session<'_>,
    rules: Vec<i64>,
    after: &After,
    limit: usize,
    mut page: impl FnMut(i64, &str, usize) -> Done<Vec<T>>,
) -> Done<Vec<T>> {
    let mut named = Vec::with_capacity(rules.len());
    for rule in rules {
        named.push((session.name(rule)?, rule));
    }
    named.sort();
    let mut rows = Vec::new();
    for (name, rule) in named {
        let source = match after {
            Some((passed, _)) if name < *passed => continue,
            Some((passed, source)) if name == *passed => source.as_str(),
            // Smaller than every anchor, for none is empty.
            _ => "",
        };
        if rows.len() >= limit {
            break;
        }
        rows.extend(page(rule, source, limit - rows.len())?);
    }
    Ok(rows)
}

impl SqliteStore {
    /// Reads something of a job that must be there.
    fn read_job<R: Send + 'static>(
        &self,
        job: &JobId,
        work: impl FnOnce(&Session<'_>, i64) -> Done<R> + Send + 'static,
    ) -> impl Future<Output = store::Result<R>> + Send {
        let job = job.clone();
        self.read(move |session| work(session, jobs::require(session, &job)?))
    }

    /// Writes something of a job that must be there.
    fn write_job<R: Send + 'static>(
        &self,
        job: &JobId,
        work: impl FnOnce(&Session<'_>, i64) -> Done<R> + Send + 'static,
    ) -> impl Future<Output = store::Result<R>> + Send {
        let job = job.clone();
        self.write_bulk(move |session| work(session, jobs::require(session, &job)?))
    }
}

#[async_trait]
impl ConnectorDataStore for SqliteStore {
    async fn commit(&self, job: &JobId, commit: Commit) -> store::Result<()> {
        let job = job.clone();
        let (commit, log) = commit::prepare(commit).map_err(store::StoreError::from)?;
        self.write_bulk(move |session| commit::apply(session, &job, commit, &log)).await
    }

    async fn runtime(&self, job: &JobId) -> store::Result<Option<String>> {
        self.read_job(job, |session, job| {
            let runtime = session
                .first("SELECT runtime FROM job_state WHERE job = ?1", [job], |row| Ok(row.get(0)?))?;
            Ok(runtime.flatten())
        })
        .await
    }

    async fn runtimes(&self, tenant: TenantId) -> store::Result<Vec<String>> {
        self.read(move |session| {
            let Some(tenant) = tenants::find(session, tenant)? else { return Ok(Vec::new()) };
            session.all(
                "SELECT runtime FROM job_state JOIN job ON job.id = job_state.job
                 WHERE job.tenant = ?1 AND runtime IS NOT NULL",
                [tenant],
                |row| Ok(row.get(0)?),
            )
        })
        .await
    }

    async fn entries(&self, job: &JobId, sources: &[Anchor]) -> store::Result<Vec<Entry>> {
        let sources = sources.to_vec();
        self.read_job(job, move |session, job| entries::of_sources(session, job, &sources)).await
    }

    async fn owners(&self, job: &JobId, targets: &[Anchor]) -> store::Result<Vec<Entry>> {
        let targets = targets.to_vec();
        self.read_job(job, move |session, job| entries::of_targets(session, job, &targets)).await
    }

    async fn links(&self, job: &JobId, after: After, limit: usize) -> store::Result<Vec<Entry>> {
        self.read_job(job, move |session, job| entries::links(session, job, None, &after, limit)).await
    }

    async fn unseen(
        &self,
        job: &JobId,
        generation: u64,
        after: After,
        limit: usize,
    ) -> store::Result<Vec<Entry>> {
        self.read_job(job, move |session, job| entries::links(session, job, Some(generation), &after, limit))
            .await
    }

    async fn managed_counts(&self, job: &JobId) -> store::Result<Vec<ManagedCount>> {
        self.read_job(job, entries::counts).await
    }

    async fn begin_creates(&self, job: &JobId, fence: u64, intents: Vec<Intent>) -> store::Result<()> {
        let job = job.clone();
        self.write_bulk(move |session| {
            let job = jobs::require_fence(session, &job, fence)?;
            waiting::write_intents(session, job, &intents)
        })
        .await
    }

    async fn open_intents(&self, job: &JobId) -> store::Result<Vec<Intent>> {
        self.read_job(job, waiting::intents).await
    }

    async fn due_edges(&self, job: &JobId, now: Timestamp, limit: usize) -> store::Result<Vec<DueEdge>> {
        self.read_job(job, move |session, job| outgoing::due(session, job, now, limit)).await
    }

    async fn due_edges_of(
        &self,
        job: &JobId,
        now: Timestamp,
        references: &[(Name, Anchor, Anchor)],
    ) -> store::Result<Vec<DueEdge>> {
        let references = references.to_vec();
        self.read_job(job, move |session, job| outgoing::due_of(session, job, now, &references)).await
    }

    async fn edges_of(&self, job: &JobId, rule: &str, owner: &Anchor) -> store::Result<Vec<OutgoingEdge>> {
        let (rule, owner) = (Name::from(rule), owner.clone());
        self.read_job(job, move |session, job| outgoing::of(session, job, &rule, &owner)).await
    }

    async fn edges_to(&self, job: &JobId, referenced: &[Anchor]) -> store::Result<Vec<IncomingEdge>> {
        let referenced = referenced.to_vec();
        self.read_job(job, move |session, job| outgoing::to(session, job, &referenced)).await
    }

    async fn failing_edges_of(
        &self,
        job: &JobId,
        rule: &str,
        owner: &Anchor,
        limit: usize,
    ) -> store::Result<Vec<FailingEdge>> {
        let (rule, owner) = (Name::from(rule), owner.clone());
        self.read_job(job, move |session, job| outgoing::failing(session, job, &rule, &owner, limit)).await
    }

    async fn single_edges(
        &self,
        job: &JobId,
        rule: &str,
        attribute: &str,
        owners: &[Anchor],
    ) -> store::Result<Vec<(Anchor, Anchor)>> {
        let (rule, attribute, owners) = (Name::from(rule), Name::from(attribute), owners.to_vec());
        self.read_job(job, move |session, job| outgoing::single(session, job, &rule, &attribute, &owners))
            .await
    }

    async fn due_escrows(&self, job: &JobId, now: Timestamp, limit: usize) -> store::Result<Vec<Escrow>> {
        self.read_job(job, move |session, job| waiting::due_escrows(session, job, now, limit)).await
    }

    async fn escrows_of(&self, job: &JobId, sources: &[Anchor]) -> store::Result<Vec<Escrow>> {
        let sources = sources.to_vec();
        self.read_job(job, move |session, job| waiting::escrows_of(session, job, &sources)).await
    }

    async fn escrows(&self, job: &JobId, after: After, limit: usize) -> store::Result<Vec<Escrow>> {
        self.read_job(job, move |session, job| waiting::escrows(session, job, &after, limit)).await
    }

    async fn escrow_count(&self, job: &JobId) -> store::Result<u64> {
        self.read_job(job, waiting::escrow_count).await
    }

    async fn failing_edges(&self, job: &JobId) -> store::Result<u64> {
        self.read_job(job, waiting::failing_edges).await
    }

    async fn next_due(&self, job: &JobId) -> store::Result<Option<Timestamp>> {
        self.read_job(job, waiting::next_due).await
    }

    async fn next_due_after(&self, job: &JobId, moment: Timestamp) -> store::Result<Option<Timestamp>> {
        self.read_job(job, move |session, job| waiting::next_due_after(session, job, moment)).await
    }

    async fn staged(&self, job: &JobId, after: After, limit: usize) -> store::Result<Vec<Staged>> {
        self.read_job(job, move |session, job| waiting::staged(session, job, &after, limit)).await
    }

    async fn staged_of(&self, job: &JobId, sources: &[Anchor]) -> store::Result<Vec<Staged>> {
        let sources = sources.to_vec();
        self.read_job(job, move |session, job| waiting::staged_of(session, job, &sources)).await
    }

    async fn staged_counts(&self, job: &JobId) -> store::Result<Vec<StagedCount>> {
        self.read_job(job, waiting::staged_counts).await
    }

    async fn hints(&self, job: &JobId, after: After, limit: usize) -> store::Result<Vec<Hint>> {
        self.read_job(job, move |session, job| waiting::hints(session, job, &after, limit)).await
    }

    async fn claim(
        &self,
        job: &JobId,
        holder: Uuid,
        claims: Vec<Claim>,
        now: Timestamp,
        until: Timestamp,
    ) -> store::Result<Vec<Claim>> {
        let job = job.clone();
        self.write(move |session| {
            let job = jobs::require(session, &job)?;
            claims::take(session, job, holder, claims, now, until)
        })
        .await
    }

    async fn claimed(&self, job: &JobId, sources: &[Anchor], now: Timestamp) -> store::Result<Vec<Anchor>> {
        let sources = sources.to_vec();
        self.read_job(job, move |session, job| claims::held(session, job, &sources, now)).await
    }

    async fn release_claims(&self, job: &JobId, holder: Uuid) -> store::Result<()> {
        let job = job.clone();
        self.write(move |session| {
            let Some(job) = jobs::find(session, &job)? else { return Ok(()) };
            session.run("DELETE FROM claim WHERE job = ?1 AND holder = ?2", params![job, holder])?;
            Ok(())
        })
        .await
    }

    async fn clear_index(&self, job: &JobId) -> store::Result<()> {
        self.write_job(job, clear_index).await
    }

    async fn put_index(&self, job: &JobId, objects: Vec<IndexedObject>) -> store::Result<()> {
        self.write_job(job, move |session, job| index::put(session, job, &objects)).await
    }

    async fn find_index(
        &self,
        job: &JobId,
        kind: &str,
        attribute: &str,
        values: &[String],
    ) -> store::Result<Vec<(String, Object)>> {
        let (kind, attribute, values) = (Name::from(kind), Name::from(attribute), values.to_vec());
        self.read_job(job, move |session, job| index::find(session, job, &kind, &attribute, values)).await
    }

    async fn read_index(&self, job: &JobId, kind: &str, anchors: &[Anchor]) -> store::Result<Vec<Object>> {
        let (kind, anchors) = (Name::from(kind), anchors.to_vec());
        self.read_job(job, move |session, job| index::read(session, job, &kind, &anchors)).await
    }

    async fn drop_index(&self, job: &JobId, kind: &str, anchors: &[Anchor]) -> store::Result<()> {
        let (kind, anchors) = (Name::from(kind), anchors.to_vec());
        self.write_job(job, move |session, job| index::remove(session, job, &kind, &anchors)).await
    }
}
