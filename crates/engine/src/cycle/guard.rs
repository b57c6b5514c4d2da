//! What a cycle may not touch: objects that a person took out of the job, and references that nothing maps, or of accounts
//! that are not to be changed.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use model::link::{Entry, Origin};
use model::policies::Ownership;
use model::provisioning::SkipReason;
use model::{Anchor, JobId, Name, Timestamp};
use store::{DueEdge, EdgeWrite, Result};

use super::Cycle;
use super::results::{Halt, Results};
use super::send::{Repeat, SendError, send};
use crate::services::Services;

/// Rows that are read at once.
const PAGE: usize = 1000;

/// Why people took objects out of a job.
pub(super) async fn exclusions(services: &Services, job: &JobId) -> Result<HashMap<Anchor, Arc<str>>> {
    let (mut found, mut passed) = (HashMap::new(), None);
    loop {
        let page = services.store.exclusions(job, passed, PAGE).await?;
        let full = page.len() == PAGE;
        passed = page.last().map(|last| last.source.clone());
        found.extend(page.into_iter().map(|one| (one.source, one.reason.into())));
        if !full {
            return Ok(found);
        }
    }
}

/// What is to become of an owner's due references.
enum Permission {
    /// They may be sent.
    Granted,
    /// They are forgotten: the account is not the job's to change.
    Denied,
    /// They are left until the object is no longer left alone, which makes them due at once.
    Postponed,
}

impl Cycle<'_> {
    /// True where a person took the object out of the job.
    pub(crate) fn is_excluded(&self, source: &Anchor) -> bool {
        self.exclusions.contains_key(source)
    }

    /// Objects that people took out of the job.
    pub(crate) fn excluded(&self) -> Vec<Anchor> {
        self.exclusions.keys().cloned().collect()
    }

    /// True where changes of an entry's references are followed. Those of an object that the input filter passes by are
    /// compared whole when it no longer does.
    pub(crate) fn may_refer(&self, entry: &Entry) -> bool {
        entry.link.as_ref().is_some_and(|link| self.owns(link.origin)) && !is_passed_by(entry)
    }

    fn owns(&self, origin: Origin) -> bool {
        self.prepared.settings.policies.ownership == Ownership::All || origin == Origin::Created
    }

    /// Of due references, those that may be sent; what is to become of the others is in the results.
    pub(super) async fn permitted(&self, due: Vec<DueEdge>, results: &mut Results) -> Result<Vec<DueEdge>> {
        let now = self.services.clock.now();
        // What nothing maps waits until something does again: then everything is read, which makes it due.
        let (due, unmapped): (Vec<_>, Vec<_>) =
            due.into_iter().partition(|edge| self.flow_of(edge).is_some());
        results.commit.edges.extend(unmapped.into_iter().map(|edge| postponed(edge, now)));
        let policies = &self.prepared.settings.policies;
        if policies.ownership == Ownership::All
            && policies.never_touch.is_empty()
            && self.exclusions.is_empty()
            && !self
                .prepared
                .program
                .rules
                .iter()
                .flat_map(|rule| &rule.mappings)
                .any(sync::Mapping::passes_by)
        {
            return Ok(due);
        }
        let owners: BTreeSet<&Anchor> = due.iter().map(|edge| &edge.owner).collect();
        let owners: Vec<Anchor> = owners.into_iter().cloned().collect();
        let entries = self.services.store.entries(&self.prepared.job.id, &owners).await?;
        let mut permissions: HashMap<(Name, Anchor), Permission> = HashMap::new();
        for entry in entries {
            let permission = match self.permission(&entry).await {
                Ok(permission) => permission,
                Err(halt) => {
                    results.halt(halt);
                    return Ok(Vec::new());
                }
            };
            if matches!(permission, Permission::Denied) {
                let (rule, owner) = (entry.rule.clone(), entry.source.clone());
                results.commit.edges.push(EdgeWrite::Drop { rule, owner });
            }
            permissions.insert((entry.rule, entry.source), permission);
        }
        let mut granted = Vec::with_capacity(due.len());
        for edge in due {
            match permissions.get(&(edge.rule.clone(), edge.owner.clone())) {
                Some(Permission::Granted) => granted.push(edge),
                Some(Permission::Postponed) => results.commit.edges.push(postponed(edge, now)),
                Some(Permission::Denied) | None => {}
            }
        }
        Ok(granted)
    }

    async fn permission(&self, entry: &Entry) -> std::result::Result<Permission, Halt> {
        let Some(link) = &entry.link else { return Ok(Permission::Denied) };
        if self.is_excluded(&entry.source) || is_passed_by(entry) {
            return Ok(Permission::Postponed);
        }
        if !self.owns(link.origin) {
            return Ok(Permission::Denied);
        }
        let mapping = self.prepared.mapping(&entry.rule, &entry.mapping);
        let Some(mapping) = mapping.filter(|mapping| mapping.has_protection()) else {
            return Ok(Permission::Granted);
        };
        let selection = self.prepared.target_selection(mapping);
        let request = || self.prepared.target.read(&selection, &link.anchor);
        match send(self.services, &self.prepared.pace, self.stop, Repeat::Freely, request).await {
            // A pattern that gives up protects.
            Ok(Some(account)) if !matches!(mapping.protects(&account), Ok(None)) => Ok(Permission::Denied),
            // Whatever else the target says of the account, it will say of its references.
            Ok(_) | Err(SendError::Target(_)) => Ok(Permission::Granted),
            Err(SendError::Stopped) => Err(Halt::Stopped),
        }
    }
}

/// The edge is left until something makes it due again.
fn postponed(edge: DueEdge, now: Timestamp) -> EdgeWrite {
    EdgeWrite::Retry {
        attempts: edge.attempts,
        first: edge.first.unwrap_or(now),
        next: None,
        rule: edge.rule,
        owner: edge.owner,
        attribute: edge.attribute,
        referenced: edge.referenced,
    }
}

/// True where the input filter passed the object by when it was last decided about.
pub(super) fn is_passed_by(entry: &Entry) -> bool {
    entry.last_skip == SkipReason::Filtered.number()
}
