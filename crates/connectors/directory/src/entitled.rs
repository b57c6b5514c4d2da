//! How an object came by its right to an account: for explanations, one object at a time.

use std::collections::{HashSet, VecDeque};

use connector::{Entitlement, Result};
use directory::RelationKind;
use model::Uuid;

use crate::attributes::{anchor, display_name};
use crate::source::{DirectorySource, trouble};

/// Groups that are looked at for one object.
const MOST_GROUPS: usize = 500;

impl DirectorySource {
    /// Every path by which an object is assigned, the nearest first.
    pub(crate) async fn paths(&self, id: Uuid) -> Result<Vec<Entitlement>> {
        if self.everybody {
            return Ok(vec![Entitlement::Everybody]);
        }
        let mut paths = Vec::new();
        if self.is_assigned(id).await? {
            paths.push(Entitlement::Assigned);
        }
        let (mut seen, mut waiting) = (HashSet::from([id]), VecDeque::from([(id, false)]));
        while let Some((member, nested)) = waiting.pop_front() {
            let groups = self.directory.relating(RelationKind::Member, member, None, MOST_GROUPS);
            for group in self.directory.by_id(&groups.await.map_err(trouble)?).await.map_err(trouble)? {
                if seen.len() > MOST_GROUPS || !seen.insert(group.id) {
                    continue;
                }
                if self.is_assigned(group.id).await? {
                    let name = display_name(&group);
                    paths.push(Entitlement::Group { anchor: anchor(group.id), name, nested });
                }
                if self.nested {
                    waiting.push_back((group.id, true));
                }
            }
        }
        Ok(paths)
    }

    async fn is_assigned(&self, principal: Uuid) -> Result<bool> {
        let assignments =
            self.directory.assignments_of(principal, None, MOST_GROUPS).await.map_err(trouble)?;
        Ok(assignments.iter().any(|assignment| assignment.resource == self.resource))
    }
}
