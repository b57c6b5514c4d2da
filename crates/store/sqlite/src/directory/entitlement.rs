//! Who is assigned to an application, directly or through groups.
//!
//! The question is asked from the principals upwards: what it costs depends on how many groups they are in, not on how
//! many members the assigned groups have.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use model::Uuid;
use rusqlite::params;
use store::{Entitlement, RelationKind};

use super::relation_number;
use crate::error::Done;
use crate::session::Session;

/// Of these principals, those that are assigned.
pub(super) fn of(
    session: &Session<'_>,
    tenant: i64,
    resource: Uuid,
    principals: Vec<Uuid>,
    nested: bool,
) -> Done<Vec<Entitlement>> {
    let mut asked = Asked { session, tenant, resource, roles: HashMap::new(), groups: HashMap::new() };
    let mut entitled = Vec::new();
    let mut seen = HashSet::with_capacity(principals.len());
    for principal in principals {
        if seen.insert(principal) {
            let app_roles = asked.roles_of(principal, nested)?;
            if !app_roles.is_empty() {
                entitled.push(Entitlement { principal, app_roles });
            }
        }
    }
    Ok(entitled)
}

/// What was looked up: groups are asked about again and again.
struct Asked<'a, 'c> {
    session: &'a Session<'c>,
    tenant: i64,
    resource: Uuid,
    roles: HashMap<Uuid, Rc<[Uuid]>>,
    groups: HashMap<Uuid, Rc<[Uuid]>>,
}

impl Asked<'_, '_> {
    /// The roles of a principal, sorted, each once.
    fn roles_of(&mut self, principal: Uuid, nested: bool) -> Done<Vec<Uuid>> {
        let mut roles = self.assigned(principal)?;
        let mut waiting = self.member_of(principal)?;
        let mut met: HashSet<Uuid> = waiting.iter().copied().collect();
        while let Some(group) = waiting.pop() {
            roles.extend_from_slice(&self.assigned_group(group)?);
            if nested {
                for parent in self.groups_above(group)?.iter() {
                    if met.insert(*parent) {
                        waiting.push(*parent);
                    }
                }
            }
        }
        roles.sort_unstable();
        roles.dedup();
        Ok(roles)
    }

    fn assigned_group(&mut self, group: Uuid) -> Done<Rc<[Uuid]>> {
        if let Some(known) = self.roles.get(&group) {
            return Ok(Rc::clone(known));
        }
        let found: Rc<[Uuid]> = Rc::from(self.assigned(group)?);
        self.roles.insert(group, Rc::clone(&found));
        Ok(found)
    }

    fn groups_above(&mut self, group: Uuid) -> Done<Rc<[Uuid]>> {
        if let Some(known) = self.groups.get(&group) {
            return Ok(Rc::clone(known));
        }
        let found: Rc<[Uuid]> = Rc::from(self.member_of(group)?);
        self.groups.insert(group, Rc::clone(&found));
        Ok(found)
    }

    fn assigned(&self, principal: Uuid) -> Done<Vec<Uuid>> {
        self.session.all(
            "SELECT app_role FROM assignment WHERE tenant = ?1 AND principal = ?2 AND resource = ?3",
            params![self.tenant, principal, self.resource],
            |row| Ok(row.get(0)?),
        )
    }

    fn member_of(&self, member: Uuid) -> Done<Vec<Uuid>> {
        self.session.all(
            "SELECT referrer FROM relation WHERE tenant = ?1 AND referred = ?2 AND kind = ?3 AND hidden = 0",
            params![self.tenant, member, relation_number(RelationKind::Member)],
            |row| Ok(row.get(0)?),
        )
    }
}
