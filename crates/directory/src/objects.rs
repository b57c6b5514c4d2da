//! Making, changing and removing objects.

use std::collections::HashSet;

use model::{SignedDuration, Uuid};
use serde_json::{Map, Value as Json};
use store::{DirectoryObject, DirectoryWrite, ListQuery, ObjectKind, Presence, RelationKind, StoreError};

use crate::error::{DirectoryError, Result};
use crate::permissions::GRAPH_APP_ID;
use crate::properties::merge;
use crate::service::{Directory, TenantDirectory, equal};
use crate::validate::validate;

/// How often an update is computed anew when somebody else wrote in between.
const ATTEMPTS: usize = 100;
/// Objects and relations that one import may bring.
const IMPORT: usize = 20_000;
/// Objects read at once to see what they are.
const CHECKED: usize = 1_000;
/// Objects purged in one transaction.
const PURGE_PAGE: usize = 200;

/// Every kind, those that others refer to last.
const KINDS: [ObjectKind; 4] =
    [ObjectKind::Group, ObjectKind::User, ObjectKind::Application, ObjectKind::ServicePrincipal];

/// An object that is to be made.
#[derive(Clone, Debug, PartialEq)]
pub struct NewObject {
    /// What it is.
    pub kind: ObjectKind,
    /// Its identifier, for an import that refers to it; none lets the directory choose.
    pub id: Option<Uuid>,
    /// Its properties, as Graph spells them.
    pub properties: Map<String, Json>,
}

/// A reference that is to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Relation {
    /// How.
    pub kind: RelationKind,
    /// Who refers.
    pub from: Uuid,
    /// Who is referred to.
    pub to: Uuid,
}

impl TenantDirectory {
    /// Makes one object. Applications and service principals have makers of their own, which fill in what is derived.
    pub async fn create(&self, kind: ObjectKind, properties: Map<String, Json>) -> Result<DirectoryObject> {
        let object = self.prepare(NewObject { kind, id: None, properties })?;
        self.write(vec![DirectoryWrite::Create(object.clone())]).await?;
        Ok(object)
    }

    /// Makes objects and references between them, or to objects that exist, in one transaction; at most 20,000 of both
    /// together. Returns the objects in the order given.
    pub async fn import(
        &self,
        objects: Vec<NewObject>,
        relations: Vec<Relation>,
    ) -> Result<Vec<DirectoryObject>> {
        if objects.len() + relations.len() > IMPORT {
            let reason = format!("has too many elements: an import takes at most {IMPORT} at once");
            return Err(DirectoryError::invalid("value", reason));
        }
        let objects: Vec<_> = objects.into_iter().map(|new| self.prepare(new)).collect::<Result<_>>()?;
        self.check_relations(&objects, &relations).await?;
        let creates = objects.iter().cloned().map(DirectoryWrite::Create);
        let relates = relations.into_iter().map(|Relation { kind, from, to }| DirectoryWrite::Relate {
            kind,
            from,
            to,
        });
        self.write(creates.chain(relates).collect()).await?;
        Ok(objects)
    }

    /// An object as it will be written, if it may be.
    pub(crate) fn prepare(&self, new: NewObject) -> Result<DirectoryObject> {
        let NewObject { kind, id, mut properties } = new;
        properties.retain(|_, value| !value.is_null());
        validate(kind, &properties)?;
        let now = self.directory.now();
        Ok(DirectoryObject {
            id: id.unwrap_or_else(|| self.directory.entropy.uuid()),
            kind,
            version: 1,
            created: now,
            modified: now,
            deleted: None,
            properties,
        })
    }

    /// Changes a live object's properties by a function of what they are, and returns it as it then is. Where
    /// `expected` is given and is not its version, fails with `VersionMismatch`; else the function is called again on
    /// what somebody else wrote in between; who must try again takes turns with others. A change that changes nothing is
    /// not written.
    pub async fn modify(
        &self,
        kind: ObjectKind,
        id: Uuid,
        expected: Option<u64>,
        change: impl Fn(&mut Map<String, Json>) -> Result<()>,
    ) -> Result<DirectoryObject> {
        let mut turn = None;
        for attempt in 0..ATTEMPTS {
            if attempt > 0 && expected.is_none() && turn.is_none() {
                turn = self.turn(id).await;
            }
            let object = self.require(kind, id).await?;
            if expected.is_some_and(|expected| expected != object.version) {
                break;
            }
            let mut properties = object.properties.clone();
            change(&mut properties)?;
            properties.retain(|_, value| !value.is_null());
            if properties == object.properties {
                return Ok(object);
            }
            validate(kind, &properties)?;
            if object.properties.get("appId") != properties.get("appId") && is_application(kind) {
                return Err(DirectoryError::invalid("appId", "cannot be changed"));
            }
            let writes = self.replacement(&object, properties).await?;
            match self.write(writes).await {
                Ok(()) => return self.require(kind, id).await,
                Err(DirectoryError::Store(StoreError::VersionMismatch)) => {}
                Err(other) => return Err(other),
            }
        }
        Err(StoreError::VersionMismatch.into())
    }

    /// New properties for an object, and where an application's roles change, for its service principal too.
    async fn replacement(
        &self,
        object: &DirectoryObject,
        properties: Map<String, Json>,
    ) -> Result<Vec<DirectoryWrite>> {
        let mut writes = Vec::with_capacity(2);
        let roles = properties.get("appRoles");
        if object.kind == ObjectKind::Application
            && roles != object.properties.get("appRoles")
            && let Some(principal) = self.companion(object, Presence::Live).await?
        {
            let mut companion = principal.properties;
            companion
                .insert("appRoles".to_owned(), roles.cloned().unwrap_or_else(|| Json::Array(Vec::new())));
            writes.push(DirectoryWrite::Replace {
                id: principal.id,
                expected: Some(principal.version),
                properties: companion,
            });
        }
        writes.push(DirectoryWrite::Replace { id: object.id, expected: Some(object.version), properties });
        Ok(writes)
    }

    /// Merges changes into a live object's properties (see [`merge`](crate::merge)) and returns it as it then is.
    /// `Protected` where the object is the service principal of Microsoft Graph, whose app roles are what permissions are.
    pub async fn patch(
        &self,
        kind: ObjectKind,
        id: Uuid,
        expected: Option<u64>,
        changes: Map<String, Json>,
    ) -> Result<DirectoryObject> {
        self.modify(kind, id, expected, |properties| {
            if is_graph(kind, properties.get("appId").and_then(Json::as_str)) {
                return Err(DirectoryError::Protected(
                    "the built-in service principal of Microsoft Graph cannot be changed: its app roles are the permissions",
                ));
            }
            merge(properties, changes.clone());
            Ok(())
        })
        .await
    }

    /// Moves a live object to the bin. With an application goes its service principal.
    pub async fn delete(&self, kind: ObjectKind, id: Uuid) -> Result<()> {
        let object = self.require(kind, id).await?;
        if is_graph(kind, object.text("appId")) {
            return Err(DirectoryError::Protected(
                "the built-in service principal of Microsoft Graph cannot be deleted: every client's permissions are its app roles",
            ));
        }
        let companion = self.companion(&object, Presence::Live).await?;
        let ids = companion.map(|principal| principal.id).into_iter().chain([id]);
        self.write(ids.map(|id| DirectoryWrite::SoftDelete { id }).collect()).await
    }

    /// An object in the bin, of any kind.
    pub async fn deleted(&self, id: Uuid) -> Result<Option<DirectoryObject>> {
        Ok(self.objects(&[id], Presence::Deleted).await?.into_iter().next())
    }

    /// Takes an object out of the bin and returns it. With an application comes the service principal that went to
    /// the bin with it. `Duplicate` where another object has its unique property by now.
    pub async fn restore(&self, id: Uuid) -> Result<DirectoryObject> {
        let object = self.require_deleted(id).await?;
        let companion = self.companion(&object, Presence::Deleted).await?;
        let companion = companion.filter(|principal| principal.deleted == object.deleted);
        let ids = [id].into_iter().chain(companion.map(|principal| principal.id));
        self.write(ids.map(|id| DirectoryWrite::Restore { id }).collect()).await?;
        self.require(object.kind, id).await
    }

    /// Removes an object in the bin for good. With an application goes the service principal in the bin.
    pub async fn purge(&self, id: Uuid) -> Result<()> {
        let object = self.require_deleted(id).await?;
        let companion = self.companion(&object, Presence::Deleted).await?;
        let ids = companion.map(|principal| principal.id).into_iter().chain([id]);
        self.write(ids.map(|id| DirectoryWrite::Purge { id }).collect()).await
    }

    async fn require_deleted(&self, id: Uuid) -> Result<DirectoryObject> {
        let absent = || DirectoryError::NotFound { what: "deleted item", id: id.to_string() };
        self.deleted(id).await?.ok_or_else(absent)
    }

    /// The service principal of an application; none of anything else.
    async fn companion(
        &self,
        object: &DirectoryObject,
        presence: Presence,
    ) -> Result<Option<DirectoryObject>> {
        match (object.kind, object.text("appId")) {
            (ObjectKind::Application, Some(app_id)) => {
                let query = equal(ObjectKind::ServicePrincipal, presence, "appId", app_id);
                Ok(self.list(query).await?.into_iter().next())
            }
            _ => Ok(None),
        }
    }

    /// Removes for good what is in the bin for `retention` or longer; returns how many objects.
    pub async fn purge_expired(&self, retention: SignedDuration) -> Result<u64> {
        let expiry = self.directory.clock.now().checked_sub(retention);
        let Ok(expiry) = expiry else { return Ok(0) };
        let mut purged = 0;
        for kind in KINDS {
            let mut after = None;
            loop {
                let presence = Presence::Deleted;
                let page = self.list(ListQuery { kind, presence, predicate: None, after, limit: PURGE_PAGE });
                let page = page.await?;
                let Some(last) = page.last() else { break };
                after = Some(last.id);
                let expired = page.iter().filter(|object| object.deleted.is_some_and(|at| at <= expiry));
                let writes: Vec<_> = expired.map(|object| DirectoryWrite::Purge { id: object.id }).collect();
                purged += writes.len() as u64;
                self.write(writes).await?;
            }
        }
        Ok(purged)
    }

    /// Refuses relations that no directory may have.
    pub(crate) async fn check_relations(
        &self,
        fresh: &[DirectoryObject],
        relations: &[Relation],
    ) -> Result<()> {
        let mut kinds: std::collections::HashMap<Uuid, ObjectKind> =
            fresh.iter().map(|object| (object.id, object.kind)).collect();
        let named: HashSet<Uuid> =
            relations.iter().flat_map(|relation| [relation.from, relation.to]).collect();
        let others: Vec<Uuid> = named.into_iter().filter(|id| !kinds.contains_key(id)).collect();
        for part in others.chunks(CHECKED) {
            kinds.extend(self.objects(part, Presence::Live).await?.iter().map(|one| (one.id, one.kind)));
        }
        relations
            .iter()
            .try_for_each(|relation| crate::relations::check(*relation, |id| kinds.get(&id).copied()))
    }
}

impl Directory {
    /// Removes for good what is in any tenant's bin for `retention` or longer; returns how many objects.
    pub async fn purge_expired(&self, retention: SignedDuration) -> Result<u64> {
        let mut purged = 0;
        for tenant in self.store.tenants().await? {
            purged += self.of(tenant.id).purge_expired(retention).await?;
        }
        Ok(purged)
    }
}

fn is_application(kind: ObjectKind) -> bool {
    matches!(kind, ObjectKind::Application | ObjectKind::ServicePrincipal)
}

/// True for the built-in service principal of Microsoft Graph.
fn is_graph(kind: ObjectKind, app_id: Option<&str>) -> bool {
    kind == ObjectKind::ServicePrincipal && app_id == Some(GRAPH_APP_ID)
}
