use std::sync::Arc;

use model::{Clock, Entropy, JobId, TenantId, Timestamp, Uuid};
use store::{
    DirectoryObject, DirectoryWrite, ListQuery, ObjectKind, OrderedQuery, Predicate, Presence, SharedStore,
};
use tokio::sync::{Mutex, MutexGuard, broadcast};

use crate::error::{DirectoryError, Result};

/// Notices kept for a subscriber that is busy. One that falls behind is told that it lagged, and then must take
/// every tenant as changed.
const NOTICES: usize = 1024;
/// Places to wait for an object that others update; several objects share one.
const TURNS: usize = 64;

/// Something was written to a tenant's directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// The tenant.
    pub tenant: TenantId,
    /// The job that wrote, where one did.
    pub origin: Option<JobId>,
}

/// The embedded directory of all tenants. Clones are the same directory.
#[derive(Clone)]
pub struct Directory {
    pub(crate) store: SharedStore,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    changes: broadcast::Sender<Changed>,
    /// Whoever updates an object that others update at the same moment waits here for the others.
    turns: Arc<[Mutex<()>; TURNS]>,
}

impl Directory {
    /// The directory in a store.
    #[must_use]
    pub fn new(store: SharedStore, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        let turns = Arc::new(std::array::from_fn(|_| Mutex::default()));
        Self { store, clock, entropy, changes: broadcast::channel(NOTICES).0, turns }
    }

    /// The moment of a change, as precise as every store keeps it, so that what was just made reads the same later.
    pub(crate) fn now(&self) -> Timestamp {
        let now = self.clock.now();
        Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
    }

    /// The directory of one tenant.
    #[must_use]
    pub fn of(&self, tenant: TenantId) -> TenantDirectory {
        TenantDirectory { directory: self.clone(), tenant, origin: None }
    }

    /// A notice after each committed write of this process, from now on. A receiver that lags MUST take every tenant
    /// as changed.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Changed> {
        self.changes.subscribe()
    }
}

/// The directory of one tenant: everything is read and written through it.
#[derive(Clone)]
pub struct TenantDirectory {
    pub(crate) directory: Directory,
    pub(crate) tenant: TenantId,
    origin: Option<JobId>,
}

impl TenantDirectory {
    /// The same directory, whose writes are a job's: they do not start that job again.
    #[must_use]
    pub fn by_job(mut self, job: JobId) -> Self {
        self.origin = Some(job);
        self
    }

    /// The tenant.
    #[must_use]
    pub fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// Waits until nobody else who waits for this object updates it. For who computed an update on what others changed
    /// meanwhile, and must do so again; [`TenantDirectory::modify`] without a version waits by itself.
    pub async fn turn(&self, object: Uuid) -> Option<MutexGuard<'_, ()>> {
        let place = usize::from(object.as_bytes().last().copied().unwrap_or_default()) % TURNS;
        Some(self.directory.turns.get(place)?.lock().await)
    }

    pub(crate) fn store(&self) -> &SharedStore {
        &self.directory.store
    }

    /// Makes all writes in one transaction and tells the subscribers.
    pub(crate) async fn write(&self, writes: Vec<DirectoryWrite>) -> Result<()> {
        if writes.is_empty() {
            return Ok(());
        }
        let mut notice = Notice { of: self, due: true };
        let now = self.directory.now();
        let outcome = self.store().write_directory(self.tenant, self.origin.clone(), now, writes).await;
        notice.due = outcome.is_ok();
        Ok(outcome?)
    }

    /// A live object of a kind by its id.
    pub async fn get(&self, kind: ObjectKind, id: Uuid) -> Result<Option<DirectoryObject>> {
        self.get_among(Presence::Live, kind, id).await
    }

    /// An object of a kind by its id, the bin looked into or not.
    pub async fn get_among(
        &self,
        presence: Presence,
        kind: ObjectKind,
        id: Uuid,
    ) -> Result<Option<DirectoryObject>> {
        let found = self.store().objects(self.tenant, &[id], presence).await?;
        Ok(found.into_iter().find(|object| object.id == id && object.kind == kind))
    }

    /// A live object of a kind, which must exist.
    pub async fn require(&self, kind: ObjectKind, id: Uuid) -> Result<DirectoryObject> {
        self.get(kind, id).await?.ok_or_else(|| DirectoryError::absent(kind, id))
    }

    /// A live object by what a path names it: its id, or the `userPrincipalName` of a user.
    pub async fn find(&self, kind: ObjectKind, key: &str) -> Result<Option<DirectoryObject>> {
        match (Uuid::parse_str(key), kind) {
            (Ok(id), _) => self.get(kind, id).await,
            (Err(_), ObjectKind::User) => self.find_by(kind, "userPrincipalName", key).await,
            (Err(_), _) => Ok(None),
        }
    }

    /// The live object of a kind, the first by id, whose property equals a text, without regard to case.
    pub async fn find_by(
        &self,
        kind: ObjectKind,
        property: &str,
        text: &str,
    ) -> Result<Option<DirectoryObject>> {
        Ok(self.list(equal(kind, Presence::Live, property, text)).await?.into_iter().next())
    }

    /// The objects of these ids that exist, of any kind and in any order.
    pub async fn objects(&self, ids: &[Uuid], presence: Presence) -> Result<Vec<DirectoryObject>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        Ok(self.store().objects(self.tenant, ids, presence).await?)
    }

    /// A page of objects, by rising id.
    pub async fn list(&self, query: ListQuery) -> Result<Vec<DirectoryObject>> {
        Ok(self.store().list_objects(self.tenant, query).await?)
    }

    /// A page of live objects in the order of a property.
    pub async fn list_ordered(&self, query: OrderedQuery) -> Result<Vec<DirectoryObject>> {
        Ok(self.store().list_ordered(self.tenant, query).await?)
    }

    /// How many objects of a kind satisfy a condition.
    pub async fn count(
        &self,
        kind: ObjectKind,
        presence: Presence,
        predicate: Option<Predicate>,
    ) -> Result<u64> {
        let query = ListQuery { kind, presence, predicate, after: None, limit: 0 };
        Ok(self.store().count_objects(self.tenant, query).await?)
    }
}

/// A query for the first object with a text in a property.
pub(crate) fn equal(kind: ObjectKind, presence: Presence, property: &str, text: &str) -> ListQuery {
    let predicate = Predicate::Compare(property.into(), store::Comparison::Equal, text.into());
    ListQuery { kind, presence, predicate: Some(predicate), after: None, limit: 1 }
}

/// Tells the subscribers when it goes, unless the write failed. A caller that stops waiting does not stop the write,
/// so the notice must not depend on somebody waiting for the outcome.
struct Notice<'a> {
    of: &'a TenantDirectory,
    due: bool,
}

impl Drop for Notice<'_> {
    fn drop(&mut self) {
        if self.due {
            let changed = Changed { tenant: self.of.tenant, origin: self.of.origin.clone() };
            // Fails only where nobody listens.
            let _ = self.of.directory.changes.send(changed);
        }
    }
}
