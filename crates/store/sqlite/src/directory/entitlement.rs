//! Who is assigned to an application, directly or through groups.
//!
//! The question is asked from the principals upwards: what it costs depends on how many groups they are in, not on how
//! many members the assigned groups have.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use model::Uuid;
use rusqlite::params;
use store::Entitlement;

use super::membership::Above;
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
    let mut asked =
        Asked { session, tenant, resource, roles: HashMap::new(), above: Above::new(session, tenant) };
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
    above: Above<'a, 'c>,
}

impl Asked<'_, '_> {
    /// The roles of a principal, sorted, each once.
    fn roles_of(&mut self, principal: Uuid, nested: bool) -> Done<Vec<Uuid>> {
        let mut roles = self.assigned(principal)?;
        for group in self.above.groups(principal, nested)? {
            roles.extend_from_slice(&self.assigned_group(group)?);
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

    fn assigned(&self, principal: Uuid) -> Done<Vec<Uuid>> {
        self.session.all(
            "SELECT app_role FROM assignment WHERE tenant = ?1 AND principal = ?2 AND resource = ?3",
            params![self.tenant, principal, self.resource],
            |row| Ok(row.get(0)?),
        )
    }
}
