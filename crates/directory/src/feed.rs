//! What follows the directory: its change feed, and who is entitled to an application.

use model::Uuid;
use store::{ChangeEntry, Entitlement};

use crate::error::Result;
use crate::service::TenantDirectory;

impl TenantDirectory {
    /// Of these principals, those that are assigned to an application, directly or through live groups (`nested`:
    /// groups in groups too).
    pub async fn entitlements(
        &self,
        resource: Uuid,
        principals: &[Uuid],
        nested: bool,
    ) -> Result<Vec<Entitlement>> {
        if principals.is_empty() {
            return Ok(Vec::new());
        }
        Ok(self.store().entitlements(self.tenant, resource, principals, nested).await?)
    }

    /// Of these objects, those that are members of one of these live groups, as (member, group) (`nested`: members of
    /// groups in it too).
    pub async fn memberships(
        &self,
        members: &[Uuid],
        groups: &[Uuid],
        nested: bool,
    ) -> Result<Vec<(Uuid, Uuid)>> {
        if members.is_empty() || groups.is_empty() {
            return Ok(Vec::new());
        }
        Ok(self.store().memberships(self.tenant, members, groups, nested).await?)
    }

    /// Entries of the change feed after a number, oldest first.
    pub async fn changes_after(&self, number: u64, limit: usize) -> Result<Vec<ChangeEntry>> {
        Ok(self.store().changes_after(self.tenant, number, limit).await?)
    }

    /// The newest number of the change feed, and the oldest number from which it is still whole.
    pub async fn change_range(&self) -> Result<(u64, u64)> {
        Ok(self.store().change_range(self.tenant).await?)
    }
}
