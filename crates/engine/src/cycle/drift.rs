//! Drift: changes that others made at the target, found by going through the managed accounts, and shown or undone.
//!
//! A scan compares what accounts show with the fingerprints of what was exported, so that only accounts that differ cost
//! a look at their source object. What would be sent for those, decisions say, as for every other reason to look.

mod references;

use std::collections::{BTreeMap, HashMap};

use connector::{ConnectorError, Selection};
use futures::StreamExt as _;
use model::link::{Entry, Link};
use model::policies::{DriftPolicy, Policies};
use model::provisioning::{Import, REDACTED};
use model::settings::ApplyMode;
use model::{Anchor, Name, Object, Timestamp, Value};
use serde::{Deserialize, Serialize};
use store::{Drift, DriftKind, Result};
use sync::{Action, Decision, Mapping, drifted};

use super::item::{Item, Mode};
use super::prepared::Key;
use super::results::{Halt, Results};
use super::send::{Repeat, SendError, send};
use super::{Cycle, Prepared, Runtime};
use crate::services::Services;
use crate::time::after;

/// Links that are gone through between two commits.
const PAGE: usize = 200;
/// Where a job manages no more objects of a type than this, they are read one by one rather than listed.
const FEW: u64 = 200;

/// How far scans for drift are.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct DriftState {
    /// Counts scans.
    scan: u64,
    /// When the last one ended; before the first, when the job's first cycle did.
    last: Option<Timestamp>,
    /// True while one is under way.
    scanning: bool,
    /// The last link that it passed.
    passed: Option<Key>,
}

impl DriftState {
    /// True where a scan is due, or the first moment of one is to be found, or what scans found is to be forgotten.
    pub(crate) fn has_work(&self, prepared: &Prepared, now: Timestamp) -> bool {
        let ignored = prepared.settings.policies.drift == DriftPolicy::Ignore;
        self.is_due(prepared, now) || self.last.is_some() == ignored
    }

    pub(crate) fn is_due(&self, prepared: &Prepared, now: Timestamp) -> bool {
        self.next(&prepared.settings.policies).is_some_and(|moment| moment <= now)
    }

    /// When a scan is due next; the past where one is under way, none where none is wanted or the first cycle has not
    /// ended.
    pub(crate) fn next(&self, policies: &Policies) -> Option<Timestamp> {
        let last = self.last.filter(|_| policies.drift != DriftPolicy::Ignore)?;
        Some(if self.scanning { last } else { after(last, policies.drift_interval) })
    }
}

/// A managed account, as a page of a scan looks at it.
struct Managed<'e, 'p> {
    entry: &'e Entry,
    link: &'e Link,
    mapping: &'p Mapping,
}

/// True where a job has something to do that its source does not tell of.
pub(crate) async fn has_own_work(
    services: &Services,
    prepared: &Prepared,
    runtime: &Runtime,
) -> Result<bool> {
    let (store, job, now) = (&services.store, &prepared.job.id, services.clock.now());
    if runtime.drift.has_work(prepared, now) || !store.staged(job, None, 1).await?.is_empty() {
        return Ok(true);
    }
    // Of a run on demand whose process died.
    if !store.open_intents(job).await?.is_empty() {
        return Ok(true);
    }
    let Some(kept) = prepared.settings.policies.delete_after_disabled else { return Ok(false) };
    let before = now.checked_sub(kept).unwrap_or(Timestamp::MIN);
    let deletes =
        prepared.program.rules.iter().flat_map(|rule| &rule.mappings).any(|one| one.flow_types.delete);
    Ok(deletes && !store.released_before(job, before, None, 1).await?.is_empty())
}

impl<'a> Cycle<'a> {
    /// Goes through the managed accounts where a scan is due.
    pub(crate) async fn scan_drift(&mut self) -> Result<Option<Halt>> {
        let now = self.services.clock.now();
        let (store, job) = (self.services.store.clone(), self.prepared.job.id.clone());
        let (prepared, policy) = (self.prepared, self.prepared.settings.policies.drift);
        let drift = &mut self.runtime_mut().drift;
        if policy == DriftPolicy::Ignore {
            let scan = drift.scan + 1;
            if drift.last.take().is_some() {
                store.end_drift_scan(&job, scan).await?;
            }
            return Ok(None);
        }
        drift.last.get_or_insert(now);
        if !drift.is_due(prepared, now) {
            return Ok(None);
        }
        if !drift.scanning {
            drift.scan += 1;
            (drift.scanning, drift.passed) = (true, None);
        }
        let scan = drift.scan;
        if let Some(halt) = self.index_managed().await? {
            return Ok(Some(halt));
        }
        loop {
            let passed = self.runtime_mut().drift.passed.clone();
            let page = store.links(&job, passed, PAGE).await?;
            let Some(last) = page.last() else { break };
            let passed = (last.rule.clone(), last.source.clone());
            let (found, mut results) = self.scan_page(&page).await?;
            let halt = results.halt.take();
            self.commit_results(results, None).await?;
            if halt.is_some() {
                return Ok(halt);
            }
            store.put_drift(&job, scan, found).await?;
            self.runtime_mut().drift.passed = Some(passed);
            self.keep_runtime().await?;
        }
        store.end_drift_scan(&job, scan).await?;
        store.clear_index(&job).await?;
        self.indexed.clear();
        let ended = self.services.clock.now();
        self.runtime_mut().drift = DriftState { scan, last: Some(ended), ..DriftState::default() };
        self.keep_runtime().await?;
        if self.prepared.settings.apply_mode == ApplyMode::AfterReview {
            // What is due by now stands in the next plan.
            return Ok(None);
        }
        // What is repaired within the limits is repaired in this cycle.
        if let Some(halt) = self.send_staged().await? {
            return Ok(Some(halt));
        }
        self.export_references().await
    }

    /// True where what others changed is undone by the scan itself. A job that waits for review has it in its plans.
    fn repairs(&self) -> bool {
        let settings = &self.prepared.settings;
        settings.policies.drift == DriftPolicy::Repair && settings.apply_mode == ApplyMode::Automatic
    }

    pub(crate) async fn keep_runtime(&self) -> Result<()> {
        let runtime = self.runtime().clone();
        self.put_runtime(runtime).await
    }

    /// Lists the target types of which many objects are managed.
    async fn index_managed(&mut self) -> Result<Option<Halt>> {
        self.indexed.clear();
        let counts = self.services.store.managed_counts(&self.prepared.job.id).await?;
        let mut many: HashMap<Name, u64> = HashMap::new();
        for count in counts {
            *many.entry(count.target_kind).or_default() += count.links;
        }
        many.retain(|_, links| *links > FEW);
        self.index_target(&|mapping: &Mapping| {
            many.contains_key(&mapping.target_kind).then(|| scanned(mapping))
        })
        .await
    }

    async fn scan_page(&mut self, page: &[Entry]) -> Result<(Vec<Drift>, Results)> {
        let prepared: &'a Prepared = self.prepared;
        let managed: Vec<Managed<'_, 'a>> = page
            .iter()
            .filter(|entry| !self.is_excluded(&entry.source))
            .filter_map(|entry| {
                let mapping = prepared.mapping(&entry.rule, &entry.mapping)?;
                Some(Managed { entry, link: entry.link.as_ref()?, mapping })
            })
            .collect();
        let (mut found, mut results) = (Vec::new(), Results::default());
        let mut suspects: BTreeMap<Key, (&Managed<'_, 'a>, Vec<&Name>)> = BTreeMap::new();
        for (one, account) in self.accounts(&managed, &mut results).await? {
            let prints = self.prepared.policy.fingerprints;
            let names = account.as_ref().map(|account| drifted(one.mapping, one.link, account, prints));
            if names.as_ref().is_none_or(|names| !names.is_empty()) {
                let key = (one.entry.rule.clone(), one.entry.source.clone());
                suspects.insert(key, (one, names.unwrap_or_default()));
            }
            if let Some(account) = &account
                && results.halt.is_none()
            {
                self.scan_references(one, account, &mut found, &mut results).await?;
            }
        }
        if results.halt.is_none() && !suspects.is_empty() {
            results = self.look_closer(&suspects, &mut found, results).await?;
        }
        Ok((found, results))
    }

    /// Decides about accounts that differ, and undoes the difference or only tells of it.
    async fn look_closer(
        &mut self,
        suspects: &BTreeMap<Key, (&Managed<'_, 'a>, Vec<&Name>)>,
        found: &mut Vec<Drift>,
        mut results: Results,
    ) -> Result<Results> {
        let wanted: Vec<_> = suspects
            .values()
            .map(|(one, _)| (one.entry.rule.clone(), one.entry.kind.clone(), one.entry.source.clone()))
            .collect();
        let (items, halt) = self.read_again(&wanted).await?;
        if let Some(halt) = halt {
            results.halt(halt);
            return Ok(results);
        }
        // What the source no longer has, or has in escrow, other phases look after.
        let items = items.into_iter().filter(|item| item.source.is_some() && !item.waits());
        let mut items: Vec<Item<'a>> = items.map(|item| Item { import: Import::Drift, ..item }).collect();
        if self.repairs() {
            return self.process_into(items, Mode::END, results).await;
        }
        for (position, decision) in self.decide_only(&mut items, &mut results).await? {
            let Some(item) = items.get(position) else { continue };
            if let Some((one, names)) = suspects.get(&item.key()) {
                self.tell(one, names, &decision, found);
            }
        }
        Ok(results)
    }

    /// What a decision about a managed account says of its drift.
    fn tell(&self, one: &Managed<'_, 'a>, names: &[&Name], decision: &Decision, found: &mut Vec<Drift>) {
        let changes = match &decision.action {
            Action::Create(_) => None,
            Action::Update(anchor, _) if *anchor != one.link.anchor => None,
            Action::Update(_, changes) | Action::Disable(_, changes) => Some(changes),
            _ => return,
        };
        let Some(changes) = changes else {
            let expected = Some(one.link.anchor.to_string());
            found.push(Drift { expected, ..self.drift_of(one, DriftKind::Missing, &Name::default()) });
            return;
        };
        for change in changes.changes.iter().filter(|change| names.contains(&&change.attribute)) {
            let shown = |value: &Value| match (change.redacted, value.is_null()) {
                (_, true) => None,
                (true, false) => Some(REDACTED.to_owned()),
                (false, false) => Some(value.to_string()),
            };
            found.push(Drift {
                expected: shown(&change.new),
                found: shown(&change.old),
                ..self.drift_of(one, DriftKind::Value, &change.attribute)
            });
        }
    }

    fn drift_of(&self, one: &Managed<'_, '_>, what: DriftKind, attribute: &Name) -> Drift {
        Drift {
            rule: one.entry.rule.clone(),
            source: one.entry.source.clone(),
            kind: one.entry.kind.clone(),
            target: one.link.anchor.clone(),
            target_kind: one.link.kind.clone(),
            display_name: one.entry.display_name.clone(),
            what,
            attribute: attribute.clone(),
            expected: None,
            found: None,
            since: self.services.clock.now(),
        }
    }

    /// The accounts as the target shows them: from a listing where there is one. Those that it does not tell of are left
    /// out.
    async fn accounts<'m>(
        &self,
        managed: &'m [Managed<'m, 'a>],
        results: &mut Results,
    ) -> Result<Vec<(&'m Managed<'m, 'a>, Option<Object>)>> {
        let mut listed: HashMap<Anchor, Object> = HashMap::new();
        let mut kinds: Vec<&Name> = self.indexed.keys().collect();
        kinds.sort();
        for kind in kinds {
            let of_kind = managed.iter().filter(|one| one.link.kind == *kind);
            let anchors: Vec<Anchor> = of_kind.map(|one| one.link.anchor.clone()).collect();
            let objects = self.read_from_index(kind, &anchors).await?;
            listed.extend(objects.into_iter().map(|object| (object.anchor.clone(), object)));
        }
        let mut accounts = Vec::with_capacity(managed.len());
        let mut requests = Vec::new();
        for one in managed {
            match listed.remove(&one.link.anchor) {
                Some(account) => accounts.push((one, Some(account))),
                None => requests.push(self.read_account(one)),
            }
        }
        let most = self.prepared.pace.most();
        let answers: Vec<_> = futures::stream::iter(requests).buffer_unordered(most).collect().await;
        for (one, answer) in answers {
            match answer {
                Ok(account) => accounts.push((one, account)),
                Err(SendError::Stopped) => results.halt(Halt::Stopped),
                Err(SendError::Target(error)) => self.cannot_tell(one, &error, results).await,
            }
        }
        Ok(accounts)
    }

    async fn read_account<'m>(
        &self,
        one: &'m Managed<'m, 'a>,
    ) -> (&'m Managed<'m, 'a>, std::result::Result<Option<Object>, SendError>) {
        let selection = scanned(one.mapping);
        let request = || self.prepared.target.read(&selection, &one.link.anchor);
        (one, send(self.services, &self.prepared.pace, self.stop, Repeat::Freely, request).await)
    }

    /// The target does not tell of one account; where it tells of nothing at all, the scan stops.
    async fn cannot_tell(&self, one: &Managed<'_, '_>, error: &ConnectorError, results: &mut Results) {
        if sync::is_about_the_target(&error.class) && self.target_is_unusable(error, results).await {
            return;
        }
        tracing::info!(job = %self.prepared.job.id, account = %one.link.anchor, %error, "cannot look for drift");
    }
}

/// What is read of an account: values, and references that travel with it.
fn scanned(mapping: &Mapping) -> Selection {
    let references = mapping.references.iter().filter(|flow| !flow.multivalued);
    let mut attributes = mapping.target_attributes.clone();
    attributes.extend(references.map(|flow| flow.attribute.clone()));
    Selection { kind: mapping.target_kind.clone(), attributes, ..Selection::default() }
}
