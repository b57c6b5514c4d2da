//! The embedded directory.

mod entitlement;
mod membership;
mod query;
mod read;
mod trim;
mod write;

use async_trait::async_trait;
use model::{JobId, TenantId, Timestamp, Uuid};
use rusqlite::Row;
use store::{
    AppRoleAssignment, ChangeEntry, DirectoryObject, DirectoryStore, DirectoryWrite, Entitlement, ListQuery,
    Nesting, ObjectKind, OrderedQuery, Presence, RelationKind,
};

use crate::SqliteStore;
use crate::encode::{count, from_text, moment};
use crate::error::{Done, corrupt};
use crate::session::Session;
use crate::tenants;

/// The number of a kind in rows.
pub(crate) fn kind_number(kind: ObjectKind) -> i64 {
    match kind {
        ObjectKind::User => 0,
        ObjectKind::Group => 1,
        ObjectKind::Application => 2,
        ObjectKind::ServicePrincipal => 3,
    }
}

fn kind(number: i64) -> Done<ObjectKind> {
    match number {
        0 => Ok(ObjectKind::User),
        1 => Ok(ObjectKind::Group),
        2 => Ok(ObjectKind::Application),
        3 => Ok(ObjectKind::ServicePrincipal),
        other => Err(corrupt("an object", &format!("kind {other}"))),
    }
}

fn relation_number(kind: RelationKind) -> i64 {
    match kind {
        RelationKind::Member => 0,
        RelationKind::Manager => 1,
        RelationKind::Owner => 2,
    }
}

/// The columns that [`object`] reads.
const COLUMNS: &str =
    "SELECT number, kind, id, version, created, modified, deleted, properties FROM directory_object";

/// An object with the number of its row.
struct Numbered {
    number: i64,
    object: DirectoryObject,
}

fn numbered(row: &Row<'_>) -> Done<Numbered> {
    Ok(Numbered { number: row.get(0)?, object: object(row)? })
}

fn object(row: &Row<'_>) -> Done<DirectoryObject> {
    Ok(DirectoryObject {
        kind: kind(row.get(1)?)?,
        id: row.get(2)?,
        version: count(row.get(3)?),
        created: moment(row.get(4)?)?,
        modified: moment(row.get(5)?)?,
        deleted: row.get::<_, Option<i64>>(6)?.map(moment).transpose()?,
        properties: from_text("an object", row.get_ref(7)?.as_str()?)?,
    })
}

fn is_wanted(presence: Presence, object: &DirectoryObject) -> bool {
    match presence {
        Presence::Live => object.deleted.is_none(),
        Presence::Deleted => object.deleted.is_some(),
        Presence::Any => true,
    }
}

/// An object of any kind by its id. Ids are unique over the kinds, rows are found by kind and id.
fn find(session: &Session<'_>, tenant: i64, id: Uuid) -> Done<Option<Numbered>> {
    session.first(
        &format!("{COLUMNS} WHERE tenant = ?1 AND kind IN (0, 1, 2, 3) AND id = ?2"),
        rusqlite::params![tenant, id],
        numbered,
    )
}

impl SqliteStore {
    /// Reads something of a tenant; of one that is not there, nothing.
    fn read_tenant<R: Default + Send + 'static>(
        &self,
        tenant: TenantId,
        work: impl FnOnce(&Session<'_>, i64) -> Done<R> + Send + 'static,
    ) -> impl Future<Output = store::Result<R>> + Send {
        self.read(move |session| match tenants::find(session, tenant)? {
            Some(tenant) => work(session, tenant),
            None => Ok(R::default()),
        })
    }
}

#[async_trait]
impl DirectoryStore for SqliteStore {
    async fn write_directory(
        &self,
        tenant: TenantId,
        origin: Option<JobId>,
        now: Timestamp,
        writes: Vec<DirectoryWrite>,
    ) -> store::Result<()> {
        self.write(move |session| write::apply(session, tenant, origin.as_ref(), now, writes)).await
    }

    async fn objects(
        &self,
        tenant: TenantId,
        ids: &[Uuid],
        presence: Presence,
    ) -> store::Result<Vec<DirectoryObject>> {
        let ids = ids.to_vec();
        self.read_tenant(tenant, move |session, tenant| read::objects(session, tenant, ids, presence)).await
    }

    async fn list_objects(&self, tenant: TenantId, query: ListQuery) -> store::Result<Vec<DirectoryObject>> {
        self.read_tenant(tenant, move |session, tenant| query::list(session, tenant, &query)).await
    }

    async fn list_ordered(
        &self,
        tenant: TenantId,
        query: OrderedQuery,
    ) -> store::Result<Vec<DirectoryObject>> {
        self.read_tenant(tenant, move |session, tenant| query::ordered(session, tenant, &query)).await
    }

    async fn count_objects(&self, tenant: TenantId, query: ListQuery) -> store::Result<u64> {
        self.read_tenant(tenant, move |session, tenant| query::count(session, tenant, &query)).await
    }

    async fn related(
        &self,
        tenant: TenantId,
        kind: RelationKind,
        from: Uuid,
        after: Option<Uuid>,
        limit: usize,
    ) -> store::Result<Vec<Uuid>> {
        self.read_tenant(tenant, move |session, tenant| {
            read::related(session, tenant, kind, from, after, limit)
        })
        .await
    }

    async fn relating(
        &self,
        tenant: TenantId,
        kind: RelationKind,
        to: Uuid,
        after: Option<Uuid>,
        limit: usize,
    ) -> store::Result<Vec<Uuid>> {
        self.read_tenant(tenant, move |session, tenant| {
            read::relating(session, tenant, kind, to, after, limit)
        })
        .await
    }

    async fn managers(&self, tenant: TenantId, users: &[Uuid]) -> store::Result<Vec<(Uuid, Uuid)>> {
        let users = users.to_vec();
        self.read_tenant(tenant, move |session, tenant| read::managers(session, tenant, users)).await
    }

    async fn memberships(
        &self,
        tenant: TenantId,
        members: &[Uuid],
        groups: &[Uuid],
        nested: bool,
    ) -> store::Result<Vec<(Uuid, Uuid)>> {
        let (members, groups) = (members.to_vec(), groups.to_vec());
        self.read_tenant(tenant, move |session, tenant| {
            membership::of(session, tenant, members, &groups, nested)
        })
        .await
    }

    async fn nested_groups(&self, tenant: TenantId, of: Uuid, nesting: Nesting) -> store::Result<Vec<Uuid>> {
        self.read_tenant(tenant, move |session, tenant| membership::nested(session, tenant, of, nesting))
            .await
    }

    async fn assignments_of_resource(
        &self,
        tenant: TenantId,
        resource: Uuid,
        after: Option<Uuid>,
        limit: usize,
    ) -> store::Result<Vec<AppRoleAssignment>> {
        self.read_tenant(tenant, move |session, tenant| {
            read::assignments(session, tenant, read::Side::Resource, resource, after, limit)
        })
        .await
    }

    async fn assignments_of_principal(
        &self,
        tenant: TenantId,
        principal: Uuid,
        after: Option<Uuid>,
        limit: usize,
    ) -> store::Result<Vec<AppRoleAssignment>> {
        self.read_tenant(tenant, move |session, tenant| {
            read::assignments(session, tenant, read::Side::Principal, principal, after, limit)
        })
        .await
    }

    async fn entitlements(
        &self,
        tenant: TenantId,
        resource: Uuid,
        principals: &[Uuid],
        nested: bool,
    ) -> store::Result<Vec<Entitlement>> {
        let principals = principals.to_vec();
        self.read_tenant(tenant, move |session, tenant| {
            entitlement::of(session, tenant, resource, principals, nested)
        })
        .await
    }

    async fn changes_after(
        &self,
        tenant: TenantId,
        number: u64,
        limit: usize,
    ) -> store::Result<Vec<ChangeEntry>> {
        self.read_tenant(tenant, move |session, tenant| read::changes(session, tenant, number, limit)).await
    }

    async fn change_range(&self, tenant: TenantId) -> store::Result<(u64, u64)> {
        self.read_tenant(tenant, read::change_range).await
    }

    async fn mark_changes(&self, tenant: TenantId, now: Timestamp) -> store::Result<()> {
        self.write(move |session| trim::mark(session, tenants::require(session, tenant)?, now)).await
    }

    async fn trim_changes(&self, tenant: TenantId, passed: u64, before: Timestamp) -> store::Result<u64> {
        let mut removed = 0;
        loop {
            let step = self
                .write_bulk(move |session| {
                    trim::step(session, tenants::require(session, tenant)?, passed, before)
                })
                .await?;
            if step == 0 {
                return Ok(removed);
            }
            removed += step;
        }
    }
}
