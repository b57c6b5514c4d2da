use async_trait::async_trait;
use model::{JobId, Name, TenantId, Timestamp, Uuid};
use serde_json::{Map, Value as Json};

use crate::Result;

/// What an object of the embedded directory is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ObjectKind {
    /// Graph `user`.
    User,
    /// Graph `group`.
    Group,
    /// Graph `application`.
    Application,
    /// Graph `servicePrincipal`.
    ServicePrincipal,
}

/// An object of the embedded directory.
#[derive(Clone, Debug, PartialEq)]
pub struct DirectoryObject {
    /// Its identifier, unique in the tenant.
    pub id: Uuid,
    /// What it is.
    pub kind: ObjectKind,
    /// Rises with every write; the entity tag.
    pub version: u64,
    /// When it was made.
    pub created: Timestamp,
    /// When it, or one of its references to others, last changed.
    pub modified: Timestamp,
    /// When it went to the bin; none where it is not there.
    pub deleted: Option<Timestamp>,
    /// Its properties as Graph spells them, without `id`. `appId` of applications and service principals, and
    /// `userPrincipalName` of users, are unique (case folded) among the objects of that kind in the tenant that are
    /// not in the bin.
    pub properties: Map<String, Json>,
}

impl DirectoryObject {
    /// A property that is text.
    #[must_use]
    pub fn text(&self, property: &str) -> Option<&str> {
        self.properties.get(property).and_then(Json::as_str)
    }
}

/// Whether the bin is looked into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// Only objects that are not in the bin.
    Live,
    /// Only objects in the bin.
    Deleted,
    /// Both.
    Any,
}

/// How one object refers to another. Relations of or to an object in the bin are kept, and hidden until it returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RelationKind {
    /// From a group to a user, group or service principal.
    Member,
    /// From a user to the user who is the manager; one at most.
    Manager,
    /// From a group, application or service principal to a user or service principal.
    Owner,
}

/// Graph `appRoleAssignment`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppRoleAssignment {
    /// Its identifier.
    pub id: Uuid,
    /// The service principal of the application that is assigned.
    pub resource: Uuid,
    /// The user, group or service principal that it is assigned to.
    pub principal: Uuid,
    /// The role; nil for default access.
    pub app_role: Uuid,
    /// When it was made.
    pub created: Timestamp,
}

/// One write to the embedded directory. Several are one transaction, and each appends to the tenant's change feed.
#[derive(Clone, Debug, PartialEq)]
pub enum DirectoryWrite {
    /// A new object; `Duplicate` where a unique property clashes.
    Create(DirectoryObject),
    /// New properties for an object; `VersionMismatch` where `expected` is given and is not its version.
    Replace {
        /// The object.
        id: Uuid,
        /// The version that the properties were computed from.
        expected: Option<u64>,
        /// All its properties.
        properties: Map<String, Json>,
    },
    /// To the bin. Memberships and reports that this hides are changes of the other side too.
    SoftDelete {
        /// The object.
        id: Uuid,
    },
    /// Out of the bin; `Duplicate` where a unique property clashes by now.
    Restore {
        /// The object.
        id: Uuid,
    },
    /// Gone for good, with its relations and assignments.
    Purge {
        /// The object.
        id: Uuid,
    },
    /// A reference; `RelationExists` where it is there. A manager replaces the one before.
    Relate {
        /// How.
        kind: RelationKind,
        /// Who refers.
        from: Uuid,
        /// Who is referred to.
        to: Uuid,
    },
    /// No reference any more; `NotFound` where there is none.
    Unrelate {
        /// How.
        kind: RelationKind,
        /// Who refers.
        from: Uuid,
        /// Who is referred to.
        to: Uuid,
    },
    /// An assignment; `Duplicate` where principal, resource and role are assigned already.
    Assign(AppRoleAssignment),
    /// No assignment any more.
    Unassign {
        /// The assignment.
        id: Uuid,
    },
}

/// What changed, in the change feed of a tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChangeSubject {
    /// An object was made, changed, binned or restored, or its manager changed.
    Object {
        /// What it is.
        kind: ObjectKind,
        /// The object.
        id: Uuid,
    },
    /// An object is gone for good.
    Purged {
        /// What it was.
        kind: ObjectKind,
        /// The object.
        id: Uuid,
    },
    /// A membership appeared, or is visible again.
    MemberAdded {
        /// The group.
        group: Uuid,
        /// The member.
        member: Uuid,
    },
    /// A membership ended, or is hidden.
    MemberRemoved {
        /// The group.
        group: Uuid,
        /// The member.
        member: Uuid,
    },
    /// An assignment was made or ended.
    Assignment {
        /// The service principal of the application.
        resource: Uuid,
        /// The principal.
        principal: Uuid,
    },
}

/// An entry of a tenant's change feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeEntry {
    /// Rises by at least one with every entry of the tenant, without regard to time.
    pub number: u64,
    /// What changed.
    pub subject: ChangeSubject,
    /// The job that wrote it, where one did.
    pub origin: Option<JobId>,
    /// The manager that the user has no more, where the entry is about that.
    pub former_manager: Option<Uuid>,
}

/// How a property is compared. Texts compare without regard to case, as Graph's directory does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// Equal; null equals an absent property.
    Equal,
    /// Text that begins so.
    StartsWith,
    /// Text that ends so.
    EndsWith,
    /// Text of which a word begins so; see [`words`](crate::words).
    WordStartsWith,
    /// Greater; date-times and numbers by value, texts by code point.
    Greater,
    /// Greater or equal.
    GreaterOrEqual,
    /// Less.
    Less,
    /// Less or equal.
    LessOrEqual,
}

/// A condition on objects. Implementations use an index where [`narrows`](Predicate::narrows) says so, and may scan for
/// others.
#[derive(Clone, Debug, PartialEq)]
pub enum Predicate {
    /// All hold.
    All(Vec<Predicate>),
    /// One holds.
    Any(Vec<Predicate>),
    /// Does not hold.
    Not(Box<Predicate>),
    /// A property compares so; of a list, one element does. Nested properties are spelled `outer/inner`.
    Compare(Name, Comparison, Json),
}

/// A page of objects of one kind, by rising id.
#[derive(Clone, Debug, PartialEq)]
pub struct ListQuery {
    /// What they are.
    pub kind: ObjectKind,
    /// Whether the bin is looked into.
    pub presence: Presence,
    /// The condition.
    pub predicate: Option<Predicate>,
    /// Only ids greater than this.
    pub after: Option<Uuid>,
    /// Objects at most.
    pub limit: usize,
}

/// A page of objects of one kind in the order of a property that each of them has: by its folded value, then in an order
/// that does not change.
#[derive(Clone, Debug, PartialEq)]
pub struct OrderedQuery {
    /// What they are.
    pub kind: ObjectKind,
    /// The condition on objects that are not in the bin.
    pub predicate: Option<Predicate>,
    /// The property, one of [`ORDERED`](crate::ORDERED).
    pub property: Name,
    /// From the greatest to the least.
    pub descending: bool,
    /// Only those beyond the object that had this value of the property.
    pub after: Option<(String, Uuid)>,
    /// Objects at most.
    pub limit: usize,
}

/// Which groups around an object are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nesting {
    /// The groups that it is in, and those that they are in.
    Outer,
    /// The groups in it, and those in them.
    Inner,
}

/// The right of a principal to an application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entitlement {
    /// The principal.
    pub principal: Uuid,
    /// The roles it has, directly or through a live group; nil for default access.
    pub app_roles: Vec<Uuid>,
}

/// The embedded directory: objects, relations, assignments and the change feed.
#[async_trait]
pub trait DirectoryStore: Send + Sync {
    /// Makes all writes in one transaction, or none. `origin` is the job that writes, if one does; `now` is when what
    /// they change was last modified.
    async fn write_directory(
        &self,
        tenant: TenantId,
        origin: Option<JobId>,
        now: Timestamp,
        writes: Vec<DirectoryWrite>,
    ) -> Result<()>;

    /// The objects of these ids that are there, in any order.
    async fn objects(
        &self,
        tenant: TenantId,
        ids: &[Uuid],
        presence: Presence,
    ) -> Result<Vec<DirectoryObject>>;

    /// A page of objects.
    async fn list_objects(&self, tenant: TenantId, query: ListQuery) -> Result<Vec<DirectoryObject>>;

    /// A page of objects in the order of a property; of one that is not [`ORDERED`](crate::ORDERED), nothing.
    async fn list_ordered(&self, tenant: TenantId, query: OrderedQuery) -> Result<Vec<DirectoryObject>>;

    /// How many objects satisfy a query, its page aside.
    async fn count_objects(&self, tenant: TenantId, query: ListQuery) -> Result<u64>;

    /// Ids that a live object refers to, among the live, by rising id, from the one after `after` on.
    async fn related(
        &self,
        tenant: TenantId,
        kind: RelationKind,
        from: Uuid,
        after: Option<Uuid>,
        limit: usize,
    ) -> Result<Vec<Uuid>>;

    /// Ids of live objects that refer to a live object, by rising id, from the one after `after` on.
    async fn relating(
        &self,
        tenant: TenantId,
        kind: RelationKind,
        to: Uuid,
        after: Option<Uuid>,
        limit: usize,
    ) -> Result<Vec<Uuid>>;

    /// The managers of these users, as (user, manager), among the live.
    async fn managers(&self, tenant: TenantId, users: &[Uuid]) -> Result<Vec<(Uuid, Uuid)>>;

    /// Of these objects, those that are live members of one of these live groups, as (member, group), each once; with
    /// `nested`, also members of groups in it, to any depth.
    async fn memberships(
        &self,
        tenant: TenantId,
        members: &[Uuid],
        groups: &[Uuid],
        nested: bool,
    ) -> Result<Vec<(Uuid, Uuid)>>;

    /// Live groups around an object, to any depth, by rising id. The object itself is among them only where it is in
    /// itself.
    async fn nested_groups(&self, tenant: TenantId, of: Uuid, nesting: Nesting) -> Result<Vec<Uuid>>;

    /// Assignments of an application, by rising id.
    async fn assignments_of_resource(
        &self,
        tenant: TenantId,
        resource: Uuid,
        after: Option<Uuid>,
        limit: usize,
    ) -> Result<Vec<AppRoleAssignment>>;

    /// Assignments of a principal, by rising id.
    async fn assignments_of_principal(
        &self,
        tenant: TenantId,
        principal: Uuid,
        after: Option<Uuid>,
        limit: usize,
    ) -> Result<Vec<AppRoleAssignment>>;

    /// Of these principals, those that are assigned to an application, directly or as members of a live assigned
    /// group; with `nested`, also as members of groups in it, to any depth.
    async fn entitlements(
        &self,
        tenant: TenantId,
        resource: Uuid,
        principals: &[Uuid],
        nested: bool,
    ) -> Result<Vec<Entitlement>>;

    /// Entries of the change feed after a number, oldest first.
    async fn changes_after(&self, tenant: TenantId, number: u64, limit: usize) -> Result<Vec<ChangeEntry>>;

    /// The newest number of the change feed, and the oldest number from which it is still whole.
    async fn change_range(&self, tenant: TenantId) -> Result<(u64, u64)>;

    /// Notes how far the change feed is at a moment, at most once a day: entries up to there are at least as old.
    async fn mark_changes(&self, tenant: TenantId, now: Timestamp) -> Result<()>;

    /// Removes entries of the change feed up to the number `passed`, of those that a mark shows to be of before a
    /// moment; returns how many. May be several transactions, so that it holds nobody up: after a crash a part is
    /// removed.
    async fn trim_changes(&self, tenant: TenantId, passed: u64, before: Timestamp) -> Result<u64>;
}
