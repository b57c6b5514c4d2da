//! Members, owners and managers.

use model::Uuid;
use store::{DirectoryObject, DirectoryWrite, Nesting, ObjectKind, Presence, RelationKind, StoreError};

use crate::error::{DirectoryError, Result, noun};
use crate::objects::Relation;
use crate::service::TenantDirectory;

/// Refuses a relation between objects that cannot stand in it; `kind_of` knows the live ones.
pub(crate) fn check(relation: Relation, kind_of: impl Fn(Uuid) -> Option<ObjectKind>) -> Result<()> {
    use ObjectKind::{Application, Group, ServicePrincipal, User};
    let Relation { kind, from, to } = relation;
    let (property, holders, referred): (_, &[ObjectKind], &[ObjectKind]) = match kind {
        RelationKind::Member => ("members", &[Group], &[User, Group, ServicePrincipal]),
        RelationKind::Manager => ("manager", &[User], &[User]),
        RelationKind::Owner => ("owners", &[Group, Application, ServicePrincipal], &[User, ServicePrincipal]),
    };
    if from == to {
        let reason = match kind {
            RelationKind::Member => "cannot hold the group itself: name another object",
            RelationKind::Manager => "cannot be the user: name another user, or remove the manager",
            RelationKind::Owner => "cannot hold the object itself: name another object",
        };
        return Err(DirectoryError::invalid(property, reason));
    }
    for (id, allowed) in [(from, holders), (to, referred)] {
        let Some(found) = kind_of(id) else {
            let what = allowed.first().filter(|_| allowed.len() == 1).map_or("object", |kind| noun(*kind));
            return Err(DirectoryError::NotFound { what, id: id.to_string() });
        };
        if !allowed.contains(&found) {
            let wanted: Vec<_> = allowed.iter().map(|kind| noun(*kind)).collect();
            let reason =
                format!("cannot be set: '{id}' is a {}, but must be a {}", noun(found), wanted.join(" or "));
            return Err(DirectoryError::invalid(property, reason));
        }
    }
    Ok(())
}

impl TenantDirectory {
    /// Adds references of one object, all or none; `RelationExists` where one is there. A manager replaces the one
    /// before.
    pub async fn relate(&self, kind: RelationKind, from: Uuid, to: &[Uuid]) -> Result<()> {
        let relations: Vec<_> = to.iter().map(|to| Relation { kind, from, to: *to }).collect();
        self.check_relations(&[], &relations).await?;
        let writes = to.iter().map(|to| DirectoryWrite::Relate { kind, from, to: *to });
        self.write(writes.collect()).await
    }

    /// Removes references of one object, all or none; `NotFound` where one is not there.
    pub async fn unrelate(&self, kind: RelationKind, from: Uuid, to: &[Uuid]) -> Result<()> {
        let writes = to.iter().map(|to| DirectoryWrite::Unrelate { kind, from, to: *to });
        self.write(writes.collect()).await
    }

    /// Adds and removes members of a group in one transaction.
    pub async fn change_members(&self, group: Uuid, added: &[Uuid], removed: &[Uuid]) -> Result<()> {
        let kind = RelationKind::Member;
        let relations: Vec<_> = added.iter().map(|to| Relation { kind, from: group, to: *to }).collect();
        self.require(ObjectKind::Group, group).await?;
        self.check_relations(&[], &relations).await?;
        let writes = removed.iter().map(|to| DirectoryWrite::Unrelate { kind, from: group, to: *to });
        let relates = added.iter().map(|to| DirectoryWrite::Relate { kind, from: group, to: *to });
        self.write(writes.chain(relates).collect()).await
    }

    /// Ids that a live object refers to, among the live, by rising id.
    pub async fn related(
        &self,
        kind: RelationKind,
        from: Uuid,
        after: Option<Uuid>,
        limit: usize,
    ) -> Result<Vec<Uuid>> {
        Ok(self.store().related(self.tenant, kind, from, after, limit).await?)
    }

    /// Ids of live objects that refer to a live object, by rising id.
    pub async fn relating(
        &self,
        kind: RelationKind,
        to: Uuid,
        after: Option<Uuid>,
        limit: usize,
    ) -> Result<Vec<Uuid>> {
        Ok(self.store().relating(self.tenant, kind, to, after, limit).await?)
    }

    /// Live groups around an object, to any depth, by rising id.
    pub async fn nested_groups(&self, of: Uuid, nesting: Nesting) -> Result<Vec<Uuid>> {
        Ok(self.store().nested_groups(self.tenant, of, nesting).await?)
    }

    /// Live objects of these ids, by rising id: what a page of relations stands for.
    pub async fn by_id(&self, ids: &[Uuid]) -> Result<Vec<DirectoryObject>> {
        let mut objects = self.objects(ids, Presence::Live).await?;
        objects.sort_by_key(|object| object.id);
        Ok(objects)
    }

    /// The live manager of a user.
    pub async fn manager(&self, user: Uuid) -> Result<Option<DirectoryObject>> {
        let managers = self.related(RelationKind::Manager, user, None, 1).await?;
        Ok(self.by_id(&managers).await?.into_iter().next())
    }

    /// Makes a user the manager of another, in the place of whoever is; nothing where that is so already.
    pub async fn set_manager(&self, user: Uuid, manager: Uuid) -> Result<()> {
        match self.relate(RelationKind::Manager, user, &[manager]).await {
            Err(DirectoryError::Store(StoreError::RelationExists { .. })) => Ok(()),
            other => other,
        }
    }

    /// Ends the report of a user to whoever is the manager; nothing where there is none.
    pub async fn remove_manager(&self, user: Uuid) -> Result<()> {
        let managers = self.related(RelationKind::Manager, user, None, 1).await?;
        self.unrelate(RelationKind::Manager, user, &managers).await
    }

    /// The managers of users, as (user, manager), among the live.
    pub async fn managers(&self, users: &[Uuid]) -> Result<Vec<(Uuid, Uuid)>> {
        if users.is_empty() {
            return Ok(Vec::new());
        }
        Ok(self.store().managers(self.tenant, users).await?)
    }
}
