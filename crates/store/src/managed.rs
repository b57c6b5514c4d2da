//! The connector data store: a job's durable memory of the objects that it manages.

use async_trait::async_trait;
use model::job::{Execution, JobStatus};
use model::link::{Entry, Intent, Origin, StagedKind};
use model::provisioning::{Inactive, ProvisioningRecord};
use model::{Anchor, Failure, JobId, Name, Object, TenantId, Timestamp, Uuid};

use crate::Result;

/// An object whose last export failed, or that is to be decided again at the end of the cycle.
#[derive(Clone, Debug, PartialEq)]
pub struct Escrow {
    /// The rule's id.
    pub rule: Name,
    /// The source's object type.
    pub kind: Name,
    /// The source object.
    pub source: Anchor,
    /// Why it waits.
    pub failure: Failure,
    /// What it waits for.
    pub wait: Wait,
    /// What of its large reference attributes is to be read before it is done.
    pub unread: Unread,
    /// Tries so far.
    pub attempts: u32,
    /// When it first failed.
    pub first: Timestamp,
    /// When it is tried next, where it waits for a moment; when it was given up, where it was.
    pub next: Timestamp,
}

/// What an object waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// The moment of its next try: it failed.
    Moment,
    /// The end of the cycle.
    CycleEnd,
    /// Nothing that a cycle brings about: its account may not be touched now, or is disabled, and what is unread of the
    /// object is kept until the object is decided about again.
    Change,
    /// Nothing that a cycle brings about: it failed for so long that it was given up, until the object is decided about
    /// again or a person asks for it.
    GivenUp,
}

impl Wait {
    /// True for an object that failed, whether it is tried again or was given up.
    #[must_use]
    pub const fn is_failure(self) -> bool {
        matches!(self, Self::Moment | Self::GivenUp)
    }
}

/// What is still to be read of the large reference attributes of an object that waits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unread {
    /// Nothing: what changes is told by the source's feed.
    #[default]
    Nothing,
    /// All that flows to an account that is there.
    Present,
    /// All, also what flows only when an account is made: it was made, and these are to follow.
    SinceMade,
}

/// A write that waits for the end of the cycle, or for consent: a disable or delete, and a create or update where those
/// are limited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Staged {
    /// The rule's id.
    pub rule: Name,
    /// The source's object type.
    pub kind: Name,
    /// The source object.
    pub source: Anchor,
    /// What it would do.
    pub action: StagedKind,
    /// Why the object is not active; none for creates and updates.
    pub reason: Option<Inactive>,
    /// True where only the object's absence from a full read speaks for it.
    pub absent: bool,
    /// When it was staged.
    pub moment: Timestamp,
    /// True once it was held back for consent and logged as such.
    pub held: bool,
}

/// A claim on one object, so that a cycle and an on-demand run do not export it at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The rule's id.
    pub rule: Name,
    /// The source object.
    pub source: Anchor,
}

/// A write to the reference edges of an object. Edges are keyed by owner, attribute and referenced source anchor.
///
/// An edge is *due* when it is wanted, its owner and its referenced object have links, and what was exported is not
/// the referenced object's target anchor, or may have been taken away since, as [`Want`](Self::Want) tells; or when it
/// is not wanted, its owner has a link, and something was exported; or when its owner has a link and what was exported is
/// the account of another object by now, as [`LetGo`](Self::LetGo) tells. Of several such accounts the last is known.
/// A released link is one, too. Of several links of a referenced object that of the lowest rule counts. Implementations
/// MUST keep due-ness right through every write of edges and of links, in the same transaction.
///
/// A wait that [`Retry`](Self::Retry) began ends, and its attempts with it, when the reference is no longer wanted or
/// wanted again, when a link of the referenced object appears, changes or vanishes, when the owner gets a link, and by
/// [`TryAgain`](Self::TryAgain).
/// Writes to edges that are not there do nothing, but for [`Want`](Self::Want).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EdgeWrite {
    /// The reference is wanted. Where it was unwanted and its removal not yet known to be sent, it is exported anew: the
    /// removal may have gone out, or what counts as exported may never have.
    Want {
        /// The owner's rule.
        rule: Name,
        /// The owner.
        owner: Anchor,
        /// The target attribute.
        attribute: Name,
        /// True where the attribute holds several values.
        multivalued: bool,
        /// The object referred to.
        referenced: Anchor,
        /// The full read or enumeration that saw it.
        generation: u64,
    },
    /// The reference is not wanted. The edge goes when nothing was exported, else becomes due for removal. An edge that
    /// was due, waiting or not, counts as exported with the referenced object's present target anchor: a process may
    /// have sent it and died before it could say so.
    Unwant {
        /// The owner's rule.
        rule: Name,
        /// The owner.
        owner: Anchor,
        /// The target attribute.
        attribute: Name,
        /// The object referred to.
        referenced: Anchor,
    },
    /// Edges of the attribute that were last wanted before this generation are not wanted, each as by `Unwant`.
    Sweep {
        /// The owner's rule.
        rule: Name,
        /// The owner.
        owner: Anchor,
        /// The target attribute.
        attribute: Name,
        /// The enumeration that is complete.
        generation: u64,
    },
    /// The reference was exported as this target anchor.
    Exported {
        /// The owner's rule.
        rule: Name,
        /// The owner.
        owner: Anchor,
        /// The target attribute.
        attribute: Name,
        /// The object referred to.
        referenced: Anchor,
        /// What was sent; none where the removal was sent, which ends an edge that is not wanted. What else was to be
        /// removed, was.
        target: Option<Anchor>,
    },
    /// The export failed and is tried again then, or not at all.
    Retry {
        /// The owner's rule.
        rule: Name,
        /// The owner.
        owner: Anchor,
        /// The target attribute.
        attribute: Name,
        /// The object referred to.
        referenced: Anchor,
        /// Tries so far; zero where it was only put off.
        attempts: u32,
        /// When it first failed.
        first: Timestamp,
        /// When; none where it is given up.
        next: Option<Timestamp>,
    },
    /// All edges of the owner that wait, or were given up, are due at once.
    TryAgain {
        /// The owner's rule.
        rule: Name,
        /// The owner.
        owner: Anchor,
    },
    /// All edges of the owner go: its link did.
    Drop {
        /// The owner's rule.
        rule: Name,
        /// The owner.
        owner: Anchor,
    },
    /// All edges of the owner are as if nothing had been exported: its account was made anew.
    Reset {
        /// The owner's rule.
        rule: Name,
        /// The owner.
        owner: Anchor,
    },
    /// An object is no longer linked to this account, which lives on: wanted edges to the object that were exported as it,
    /// or are due, remove it. A link that another object takes has the same effect by itself.
    LetGo {
        /// The rule that had linked it.
        rule: Name,
        /// The object.
        source: Anchor,
        /// The account.
        target: Anchor,
    },
}

/// An edge that is to be exported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueEdge {
    /// The owner's rule.
    pub rule: Name,
    /// The mapping that the owner's entry names.
    pub mapping: Name,
    /// The owner's source type.
    pub owner_kind: Name,
    /// The owner at the source.
    pub owner: Anchor,
    /// The owner's type at the target.
    pub target_kind: Name,
    /// The owner at the target.
    pub target: Anchor,
    /// The target attribute.
    pub attribute: Name,
    /// True where the attribute holds several values.
    pub multivalued: bool,
    /// The object referred to, at the source.
    pub referenced: Anchor,
    /// True where the reference is to be added, false where something is to be removed and no more.
    pub wanted: bool,
    /// The object referred to, as it is to be sent: its present target anchor, or for a removal the exported one.
    pub value: Anchor,
    /// What is to be removed. Nothing that a wanted edge of the same owner and attribute means by now, and from an
    /// attribute of one value nothing where another reference was exported in its place.
    pub removed: Vec<Anchor>,
    /// What was exported before; none where nothing was.
    pub exported: Option<Anchor>,
    /// Tries so far.
    pub attempts: u32,
    /// When it first failed, where it was tried.
    pub first: Option<Timestamp>,
    /// The owner's display name, where one is remembered.
    pub owner_name: Option<Name>,
    /// The display name of the object referred to, where the owner's rule remembers one.
    pub referenced_name: Option<Name>,
}

/// An edge of an owner, whatever its state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutgoingEdge {
    /// The target attribute.
    pub attribute: Name,
    /// The object referred to, at the source.
    pub referenced: Anchor,
    /// True where the reference is wanted.
    pub wanted: bool,
    /// What was exported; none where nothing was.
    pub exported: Option<Anchor>,
}

/// A wanted edge, as an object has it that is referred to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct IncomingEdge {
    /// The owner's rule.
    pub rule: Name,
    /// The owner at the source.
    pub owner: Anchor,
    /// The target attribute.
    pub attribute: Name,
    /// The object referred to, at the source.
    pub referenced: Anchor,
    /// True where the attribute holds several values.
    pub multivalued: bool,
}

/// An edge whose export failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailingEdge {
    /// The target attribute.
    pub attribute: Name,
    /// The object referred to, at the source.
    pub referenced: Anchor,
    /// True where the reference is wanted, false where it is to be removed.
    pub wanted: bool,
    /// Tries so far.
    pub attempts: u32,
    /// When it first failed.
    pub first: Timestamp,
    /// When it is tried next; none where it was given up.
    pub next: Option<Timestamp>,
}

/// A target object in the index that an initial cycle matches against.
#[derive(Clone, Debug, PartialEq)]
pub struct IndexedObject {
    /// The object with the attributes that mappings write.
    pub object: Object,
    /// Matching attributes with the folded text of their value.
    pub keys: Vec<(Name, String)>,
}

/// A link that was forgotten by a reset: the account that an object had, until matching confirms it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hint {
    /// The rule's id.
    pub rule: Name,
    /// The source's object type.
    pub kind: Name,
    /// The source object.
    pub source: Anchor,
    /// A name for people.
    pub display_name: Option<Name>,
    /// The target's object type.
    pub target_kind: Name,
    /// The account.
    pub target: Anchor,
    /// How the link had come about.
    pub origin: Origin,
}

/// How many links a job has, by source type and target type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManagedCount {
    /// The source's object type.
    pub kind: Name,
    /// The target's object type.
    pub target_kind: Name,
    /// Links, released ones included.
    pub links: u64,
    /// Released ones.
    pub released: u64,
}

/// How many writes of a kind are staged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StagedCount {
    /// The source's object type.
    pub kind: Name,
    /// What they would do.
    pub action: StagedKind,
    /// Whether they were held back for consent.
    pub held: bool,
    /// How many.
    pub count: u64,
}

/// Everything that a page's outcomes make durable, with the cursor that passes it: one transaction.
#[derive(Clone, Debug, Default)]
pub struct Commit {
    /// The lease's fence; the commit fails with `Fenced` where it is not the newest.
    pub fence: u64,
    /// Where given, the commit stands under the claims of this holder in the place of the lease: it fails with `Fenced`
    /// where it writes of an object that the holder has no claim on, the runtime state, or how the job stands.
    pub claims: Option<Uuid>,
    /// What of the job is forgotten before all else that is written.
    pub forgotten: Forgotten,
    /// Durable notes that accounts are about to be made, as by [`ConnectorDataStore::begin_creates`].
    pub intents: Vec<Intent>,
    /// Entries that are written whole. A link whose target anchor is another than before makes incoming edges due; the
    /// entry of another source object that held this target anchor loses its link.
    pub entries: Vec<Entry>,
    /// Entries, by rule and source, that only were seen by this full read.
    pub seen: Vec<(Name, Anchor)>,
    /// The generation of that read.
    pub generation: u64,
    /// Entries, by rule and source, that go, and with them their edges, escrow and staged row.
    pub removed: Vec<(Name, Anchor)>,
    /// Edge writes, in order, after the entries.
    pub edges: Vec<EdgeWrite>,
    /// Entries, by rule and source, whose link was released at this moment.
    pub released: Vec<(Name, Anchor, Timestamp)>,
    /// Escrows that are written (by rule and source).
    pub escrows: Vec<Escrow>,
    /// Escrows, by rule and source, that are settled.
    pub settled: Vec<(Name, Anchor)>,
    /// Staged rows that are written (by rule and source).
    pub staged: Vec<Staged>,
    /// Staged rows, by rule and source, that are done or no longer so.
    pub unstaged: Vec<(Name, Anchor)>,
    /// Intents, by rule and source, that are resolved.
    pub resolved: Vec<(Name, Anchor)>,
    /// Hints, by rule and source, that were confirmed or reported.
    pub unhinted: Vec<(Name, Anchor)>,
    /// Records of the provisioning log.
    pub log: Vec<ProvisioningRecord>,
    /// The job's runtime state after the page, an opaque text of the engine's; none leaves it as it is.
    pub runtime: Option<String>,
    /// How the job stands after the cycle that ends here.
    pub closing: Option<Box<Closing>>,
}

/// What of a job is forgotten. Whatever makes up for it, as the runtime state of a job that reads everything again, is
/// written in the same commit: a crash between the two would lose what was forgotten.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Forgotten {
    /// The escrows; edges whose export failed become due at once (restart scope `Escrows`, and every initial cycle).
    /// Escrows with [`Unread::SinceMade`] stay, for the end of the cycle where they waited for a moment: nothing else
    /// tells what is to follow.
    pub escrows: bool,
    /// The links, which become hints, with the edges, intents, staged rows and claims (restart scope
    /// `ConnectorDataStore`). Hints of an earlier reset stay where no link came since.
    pub links: bool,
}

/// How a job stands after a cycle.
#[derive(Clone, Debug)]
pub struct Closing {
    /// Its status.
    pub status: JobStatus,
    /// What is appended to its executions.
    pub execution: Option<Execution>,
}

impl Commit {
    /// True where nothing would be written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.forgotten == Forgotten::default()
            && self.entries.is_empty()
            && self.seen.is_empty()
            && self.removed.is_empty()
            && self.edges.is_empty()
            && self.released.is_empty()
            && self.intents.is_empty()
            && self.escrows.is_empty()
            && self.settled.is_empty()
            && self.staged.is_empty()
            && self.unstaged.is_empty()
            && self.resolved.is_empty()
            && self.unhinted.is_empty()
            && self.log.is_empty()
            && self.runtime.is_none()
            && self.closing.is_none()
    }
}

/// The connector data store of jobs.
#[async_trait]
pub trait ConnectorDataStore: Send + Sync {
    /// Makes a commit durable.
    async fn commit(&self, job: &JobId, commit: Commit) -> Result<()>;

    /// The job's runtime state, as last committed.
    async fn runtime(&self, job: &JobId) -> Result<Option<String>>;

    /// The runtime states of all jobs of a tenant, whatever their schedule.
    async fn runtimes(&self, tenant: TenantId) -> Result<Vec<String>>;

    /// What rules remember of these source objects.
    async fn entries(&self, job: &JobId, sources: &[Anchor]) -> Result<Vec<Entry>>;

    /// Whose accounts these target anchors are: the entries whose link has one of them.
    async fn owners(&self, job: &JobId, targets: &[Anchor]) -> Result<Vec<Entry>>;

    /// A page of entries with a link, by rising (rule, source).
    async fn links(&self, job: &JobId, after: Option<(Name, Anchor)>, limit: usize) -> Result<Vec<Entry>>;

    /// A page of entries with a link that the full read of this generation did not see, by rising (rule, source).
    async fn unseen(
        &self,
        job: &JobId,
        generation: u64,
        after: Option<(Name, Anchor)>,
        limit: usize,
    ) -> Result<Vec<Entry>>;

    /// How many links the job has, by type.
    async fn managed_counts(&self, job: &JobId) -> Result<Vec<ManagedCount>>;

    /// Durable notes that these accounts are about to be made.
    async fn begin_creates(&self, job: &JobId, fence: u64, intents: Vec<Intent>) -> Result<()>;

    /// Intents that were never resolved: what a crash left behind.
    async fn open_intents(&self, job: &JobId) -> Result<Vec<Intent>>;

    /// Edges that are due by `now`, those of one owner together, by attribute, adds before removals.
    async fn due_edges(&self, job: &JobId, now: Timestamp, limit: usize) -> Result<Vec<DueEdge>>;

    /// Of these references, given by the owner's rule, the owner and the object referred to, the edges that are due by
    /// `now`, those of one owner together, by attribute, adds before removals.
    async fn due_edges_of(
        &self,
        job: &JobId,
        now: Timestamp,
        references: &[(Name, Anchor, Anchor)],
    ) -> Result<Vec<DueEdge>>;

    /// The edges of these owners.
    async fn edges_of(&self, job: &JobId, rule: &str, owner: &Anchor) -> Result<Vec<OutgoingEdge>>;

    /// The wanted edges to these objects whose owners have links, by rising (rule, owner, attribute, object referred to).
    async fn edges_to(&self, job: &JobId, referenced: &[Anchor]) -> Result<Vec<IncomingEdge>>;

    /// Edges of an owner whose export failed, those that are due first before the others, given up ones last.
    async fn failing_edges_of(
        &self,
        job: &JobId,
        rule: &str,
        owner: &Anchor,
        limit: usize,
    ) -> Result<Vec<FailingEdge>>;

    /// The wanted edges of a single-valued attribute of these owners, as (owner, referenced).
    async fn single_edges(
        &self,
        job: &JobId,
        rule: &str,
        attribute: &str,
        owners: &[Anchor],
    ) -> Result<Vec<(Anchor, Anchor)>>;

    /// Escrows that are due by `now`, and those that wait for the end of the cycle; those first that are due the longest.
    async fn due_escrows(&self, job: &JobId, now: Timestamp, limit: usize) -> Result<Vec<Escrow>>;

    /// The escrows of these objects.
    async fn escrows_of(&self, job: &JobId, sources: &[Anchor]) -> Result<Vec<Escrow>>;

    /// A page of escrows, by rising (rule, source).
    async fn escrows(&self, job: &JobId, after: Option<(Name, Anchor)>, limit: usize) -> Result<Vec<Escrow>>;

    /// How many escrows wait for a moment.
    async fn escrow_count(&self, job: &JobId) -> Result<u64>;

    /// How many edges wait because their export failed, those that were given up left out.
    async fn failing_edges(&self, job: &JobId) -> Result<u64>;

    /// When the next escrow or edge falls due; a moment long past for what is due at once.
    async fn next_due(&self, job: &JobId) -> Result<Option<Timestamp>>;

    /// When the first of those escrows and edges falls due that were not yet due at a moment.
    async fn next_due_after(&self, job: &JobId, moment: Timestamp) -> Result<Option<Timestamp>>;

    /// A page of staged rows, by rising (rule, source).
    async fn staged(&self, job: &JobId, after: Option<(Name, Anchor)>, limit: usize) -> Result<Vec<Staged>>;

    /// The staged rows of these objects.
    async fn staged_of(&self, job: &JobId, sources: &[Anchor]) -> Result<Vec<Staged>>;

    /// How many rows are staged, by source type, by what they would do, and by whether they were held back.
    async fn staged_counts(&self, job: &JobId) -> Result<Vec<StagedCount>>;

    /// A page of hints, by rising (rule, source).
    async fn hints(&self, job: &JobId, after: Option<(Name, Anchor)>, limit: usize) -> Result<Vec<Hint>>;

    /// Takes claims for `holder`; returns those that somebody else holds and that have not ended.
    async fn claim(
        &self,
        job: &JobId,
        holder: Uuid,
        claims: Vec<Claim>,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<Claim>>;

    /// Of these source objects, those that somebody has a claim on that has not ended.
    async fn claimed(&self, job: &JobId, sources: &[Anchor], now: Timestamp) -> Result<Vec<Anchor>>;

    /// Gives all claims of `holder` back.
    async fn release_claims(&self, job: &JobId, holder: Uuid) -> Result<()>;

    /// Empties the job's index of target objects.
    async fn clear_index(&self, job: &JobId) -> Result<()>;

    /// Adds target objects to the index (by type and anchor; later ones win).
    async fn put_index(&self, job: &JobId, objects: Vec<IndexedObject>) -> Result<()>;

    /// Indexed objects of a type with one of these folded values of a matching attribute, each with the value that it
    /// was found by.
    async fn find_index(
        &self,
        job: &JobId,
        kind: &str,
        attribute: &str,
        values: &[String],
    ) -> Result<Vec<(String, Object)>>;

    /// Indexed objects of a type by anchor.
    async fn read_index(&self, job: &JobId, kind: &str, anchors: &[Anchor]) -> Result<Vec<Object>>;

    /// Removes objects from the index: the target no longer has them, or they were changed.
    async fn drop_index(&self, job: &JobId, kind: &str, anchors: &[Anchor]) -> Result<()>;
}
