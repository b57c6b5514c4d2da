//! Drift of references: what others added to what the job exported, and what they removed of it.

use std::collections::HashMap;

use connector::Cursor;
use model::link::LinkState;
use model::policies::DriftPolicy;
use model::{Anchor, Object, Value};
use store::{Commit, Drift, DriftKind, EdgeWrite, OutgoingEdge, Result};
use sync::ReferenceFlow;

use super::Managed;
use crate::cycle::Cycle;
use crate::cycle::results::{Halt, Results};
use crate::cycle::send::{Repeat, SendError, send};

/// Edges that are read at once.
const EDGE_PAGE: usize = 1000;
/// Differences of one attribute of one object that are told.
const MOST_TOLD: usize = 1000;
/// Edges that are committed at once.
const WRITE_PAGE: usize = 5000;

impl Cycle<'_> {
    /// Compares the references of one account with what was exported.
    pub(super) async fn scan_references(
        &self,
        one: &Managed<'_, '_>,
        account: &Object,
        found: &mut Vec<Drift>,
        results: &mut Results,
    ) -> Result<()> {
        let is_ours = self.may_refer(one.entry) && matches!(one.mapping.protects(account), Ok(None));
        if one.link.state != LinkState::Active || !is_ours {
            return Ok(());
        }
        // What flows at creation alone is the target's from then on.
        for flow in one.mapping.references.iter().filter(|flow| flow.follows()) {
            if flow.multivalued {
                self.scan_members(one, flow, found, results).await?;
            } else {
                self.scan_single(one, flow, account, found, results).await?;
            }
        }
        Ok(())
    }

    /// True where what others removed is to be sent again, by the scan or by the next plan.
    fn brings_back(&self) -> bool {
        self.prepared.settings.policies.drift == DriftPolicy::Repair
    }

    async fn scan_single(
        &self,
        one: &Managed<'_, '_>,
        flow: &ReferenceFlow,
        account: &Object,
        found: &mut Vec<Drift>,
        results: &mut Results,
    ) -> Result<()> {
        let edges = self.exported_edges(one, flow, None).await?;
        let Some(edge) = edges.into_iter().find(|edge| edge.wanted) else { return Ok(()) };
        let shown = account.get(&flow.attribute);
        let shown = shown.as_reference().map(Anchor::as_str).or_else(|| shown.as_text());
        let is_filled = flow.fills() && shown.is_some();
        if is_filled || shown == edge.exported.as_ref().map(Anchor::as_str) {
            return Ok(());
        }
        if !self.repairs() {
            found.push(Drift {
                expected: edge.exported.as_ref().map(ToString::to_string),
                found: shown.map(str::to_owned),
                ..self.drift_of(one, DriftKind::Value, &flow.attribute)
            });
        }
        if self.brings_back() {
            results.commit.edges.push(lost(one, flow, edge));
        }
        Ok(())
    }

    /// Goes through an attribute of many references: a number for each of what was exported is in memory, the references
    /// themselves never are.
    async fn scan_members(
        &self,
        one: &Managed<'_, '_>,
        flow: &ReferenceFlow,
        found: &mut Vec<Drift>,
        results: &mut Results,
    ) -> Result<()> {
        let mut seen: HashMap<u64, bool> = HashMap::new();
        let mut passed = None;
        loop {
            let edges = self.exported_edges(one, flow, passed.take()).await?;
            let Some(last) = edges.last() else { break };
            passed = Some(last.referenced.clone());
            let exported = edges.iter().filter_map(|edge| edge.exported.as_ref());
            seen.extend(exported.map(|anchor| (self.number(anchor), false)));
        }
        let mut cursor: Option<Cursor> = None;
        let mut told = 0;
        loop {
            let (target, pace) = (&self.prepared.target, &self.prepared.pace);
            let (kind, anchor) = (&one.link.kind, &one.link.anchor);
            let request = || target.references(kind, anchor, &flow.attribute, cursor.as_ref());
            let page = match send(self.services, pace, self.stop, Repeat::Freely, request).await {
                Ok(Some(page)) => page,
                Ok(None) => return Ok(()),
                Err(SendError::Stopped) => {
                    results.halt(Halt::Stopped);
                    return Ok(());
                }
                Err(SendError::Target(error)) => {
                    self.cannot_tell(one, &error, results).await;
                    return Ok(());
                }
            };
            let mut foreign = Vec::new();
            for anchor in page.references {
                match seen.get_mut(&self.number(&anchor)) {
                    Some(seen) => *seen = true,
                    None if flow.removes() => foreign.push(anchor),
                    None => {}
                }
            }
            if self.repairs() && !foreign.is_empty() {
                self.remove_foreign(one.entry, one.link, &flow.attribute, foreign, results).await?;
            } else {
                let rest = MOST_TOLD - told;
                told += foreign.len().min(rest);
                found.extend(foreign.into_iter().take(rest).map(|anchor| Drift {
                    found: Some(anchor.to_string()),
                    ..self.drift_of(one, DriftKind::Added, &flow.attribute)
                }));
            }
            cursor = page.next;
            if cursor.is_none() || results.halt.is_some() {
                break;
            }
        }
        if results.halt.is_none() && seen.values().any(|seen| !seen) {
            self.tell_lost(one, flow, &seen, found, results).await?;
        }
        Ok(())
    }

    /// What was exported and is no longer there.
    async fn tell_lost(
        &self,
        one: &Managed<'_, '_>,
        flow: &ReferenceFlow,
        seen: &HashMap<u64, bool>,
        found: &mut Vec<Drift>,
        results: &mut Results,
    ) -> Result<()> {
        let (mut passed, mut told) = (None, 0);
        loop {
            let edges = self.exported_edges(one, flow, passed.take()).await?;
            let Some(last) = edges.last() else { return Ok(()) };
            passed = Some(last.referenced.clone());
            for edge in edges.into_iter().filter(|edge| edge.wanted) {
                let Some(anchor) = edge.exported.clone() else { continue };
                if seen.get(&self.number(&anchor)) != Some(&false) {
                    continue;
                }
                if self.brings_back() {
                    results.commit.edges.push(lost(one, flow, edge));
                }
                if !self.repairs() && told < MOST_TOLD {
                    told += 1;
                    found.push(Drift {
                        expected: Some(anchor.to_string()),
                        ..self.drift_of(one, DriftKind::Removed, &flow.attribute)
                    });
                }
            }
            if results.commit.edges.len() >= WRITE_PAGE {
                let edges = std::mem::take(&mut results.commit.edges);
                self.write(Commit { edges, ..Commit::default() }).await?;
            }
        }
    }

    async fn exported_edges(
        &self,
        one: &Managed<'_, '_>,
        flow: &ReferenceFlow,
        after: Option<Anchor>,
    ) -> Result<Vec<OutgoingEdge>> {
        let owner = (one.entry.rule.as_str(), &one.entry.source);
        self.services
            .store
            .exported_edges(&self.prepared.job.id, owner, &flow.attribute, after, EDGE_PAGE)
            .await
    }

    /// A number that stands for a target anchor.
    fn number(&self, anchor: &Anchor) -> u64 {
        self.prepared.policy.fingerprints.of(&Value::from(anchor.as_str()), true).0
    }
}

/// What was exported is no longer there: it is due again.
fn lost(one: &Managed<'_, '_>, flow: &ReferenceFlow, edge: OutgoingEdge) -> EdgeWrite {
    EdgeWrite::Exported {
        rule: one.entry.rule.clone(),
        owner: one.entry.source.clone(),
        attribute: flow.attribute.clone(),
        referenced: edge.referenced,
        target: None,
    }
}
