//! What Entente keeps: repository traits, and the plain rows that pass through them.
//!
//! Every method is one transaction, and every write either happens whole or not at all. The traits know nothing of any
//! database; `store/sqlite` implements them, and a shared suite in `testkit` says what MUST hold of an implementation.
//! All rows belong to a tenant or to a job of one; nothing of one tenant can be read through another's id. Moments are
//! kept to the microsecond. Writes to a tenant or a job that is not there fail with `NotFound`, and so do reads of a
//! job that is not there; reads of a tenant that is not there find nothing.

mod correlations;
mod directory;
mod error;
mod jobs;
mod logs;
mod managed;
mod notices;
mod plans;
mod policies;
mod predicate;
mod tenants;
mod uploads;
pub mod vault;

use std::sync::Arc;

pub use correlations::{CorrelatedQuery, CorrelationStore};
pub use directory::{
    AppRoleAssignment, ChangeEntry, ChangeSubject, Comparison, DirectoryObject, DirectoryStore,
    DirectoryWrite, Entitlement, ListQuery, Nesting, ObjectKind, OrderedQuery, Predicate, Presence,
    RelationKind,
};
pub use error::{Result, StoreError};
pub use jobs::{JobStore, LeaseGrant, SchemaVersion};
pub use logs::{
    AuditPage, AuditQuery, AuditRecord, AuditWords, LogStore, ProvisioningEntry, ProvisioningPage,
    ProvisioningQuery,
};
pub use managed::{
    Claim, Closing, Commit, ConnectorDataStore, DueEdge, EdgeWrite, Escrow, FailingEdge, Forgotten, Hint,
    IncomingEdge, IndexedObject, ManagedCount, OutgoingEdge, Staged, StagedCount, Unread, Wait,
};
pub use model::link::{Entry, Exported, Intent, Link, LinkState, Origin, StagedKind};
pub use notices::{NoticeStore, PendingNotice};
pub use plans::PlanStore;
pub use policies::{Drift, DriftKind, Exclusion, PolicyStore};
pub use predicate::{ORDERED, fold, is_indexed, words};
pub use tenants::{SealedSecret, Tenant, TenantStore};
pub use uploads::{MAX_UPLOADED, Upload, UploadRange, UploadStore, Uploaded, merge_upload};

/// Everything that Entente keeps, behind one object.
pub trait Store:
    TenantStore
    + DirectoryStore
    + JobStore
    + ConnectorDataStore
    + PlanStore
    + CorrelationStore
    + PolicyStore
    + LogStore
    + NoticeStore
    + UploadStore
    + Send
    + Sync
{
}

impl<
    T: TenantStore
        + DirectoryStore
        + JobStore
        + ConnectorDataStore
        + PlanStore
        + CorrelationStore
        + PolicyStore
        + LogStore
        + NoticeStore
        + UploadStore
        + Send
        + Sync,
> Store for T
{
}

/// A store that is shared by the parts of the service.
pub type SharedStore = Arc<dyn Store>;
