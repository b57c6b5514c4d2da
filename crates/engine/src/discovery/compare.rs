//! The objects of the source, each matched against the accounts that were listed.

use std::collections::{BTreeMap, HashMap, HashSet};

use connector::{Change, ChangeRequest, Cursor};
use model::correlation::{CorrelatedIdentity, CorrelatedParty, CorrelationStatus, NamedValue};
use model::job::ErrorText;
use model::provisioning::REDACTED;
use model::{Anchor, FailureCode, Name, Object};
use sync::{Answer, Correlated, Need, correlate};

use super::listing::text_of;
use super::{Discovery, End, Phase};
use crate::control::Result;
use crate::cycle::{Cycle, Item, Mode};

/// Changes of a page, unless the source prefers fewer.
const PAGE: usize = 500;
/// Questions about one object at most: one for each matching attribute, and one for its link.
const MOST_ROUNDS: usize = 50;

/// Accounts that objects of a page may belong to, by type and anchor.
type Accounts = HashMap<(Name, Anchor), CorrelatedIdentity>;
/// A question of the item at a position.
type Asked = (usize, Need);

impl Discovery<'_> {
    /// Reads the source from its beginning and gives every object its account. While one page is compared, the next is
    /// read, and what became of the one before is written.
    pub(super) async fn compare(&mut self, cycle: &Cycle<'_>) -> Phase {
        let prepared = self.prepared;
        let page_size = match prepared.source.capabilities().page_size {
            0 => PAGE,
            preferred => preferred.min(PAGE),
        };
        let ask = async |cursor: Option<Cursor>| {
            let request =
                ChangeRequest { selections: &prepared.selections, cursor: cursor.as_ref(), page_size };
            prepared.source.changes(request).await
        };
        let (store, job, run) = (&self.services.store, &prepared.job.id, self.report.run);
        let write = async |accounts: &Accounts| {
            if accounts.is_empty() {
                return Ok(());
            }
            store.put_correlated(job, run, accounts.values().cloned().collect()).await
        };
        let (mut answer, mut unwritten) = (ask(None).await, Accounts::new());
        loop {
            if self.stop.is_set() {
                return Ok(Err(End::Stopped));
            }
            let page = match answer {
                Ok(page) => page,
                Err(error) => return Ok(Err(End::Failed(error.failure()))),
            };
            self.report.total_objects = page.total.or(self.report.total_objects);
            let ahead = async { if page.more { Some(ask(Some(page.cursor)).await) } else { None } };
            let compared = self.page(cycle, page.changes, &unwritten);
            let (written, compared, ahead) = tokio::join!(write(&unwritten), compared, ahead);
            written?;
            unwritten = compared?;
            match ahead {
                Some(ahead) => answer = ahead,
                None => return Ok(Ok(write(&unwritten).await?)),
            }
        }
    }

    /// Gives the objects of a page their accounts; returns those that changed. Of accounts that are not written yet, the
    /// store tells what they were before.
    async fn page(
        &mut self,
        cycle: &Cycle<'_>,
        changes: Vec<Change>,
        unwritten: &Accounts,
    ) -> Result<Accounts> {
        let anchors: Vec<Anchor> = changes.iter().map(|change| change.anchor().clone()).collect();
        let memory = cycle.memory_of(&anchors).await?;
        let mut items = Vec::new();
        for change in changes {
            if let Change::Upsert(source) = change {
                self.report.objects += 1;
                drop(cycle.items_of(source, &memory, &mut items));
            }
        }
        drop(memory);
        if !self.linked {
            for item in &mut items {
                item.entry = None;
            }
        }
        let mut accounts = unwritten.clone();
        let found = self.correlated(cycle, &mut items, &mut accounts).await?;
        let mut changed = HashSet::new();
        for (position, correlated) in found {
            let Some(item) = items.get(position) else { continue };
            let kind = &item.mapping.target_kind;
            let (touched, failure) = match &correlated {
                Correlated::Account { account: Some((anchor, _)), .. } => (vec![anchor.clone()], None),
                Correlated::Ambiguous(anchors, failure) => (anchors.clone(), Some(failure)),
                _ => continue,
            };
            for anchor in touched {
                let key = (kind.clone(), anchor);
                let Some(account) = accounts.get_mut(&key) else { continue };
                let before = account.status;
                match (failure, &correlated) {
                    (Some(failure), _) => contest(account, failure.code, failure.detail.clone()),
                    (None, Correlated::Account { account: Some((_, by)), assigned }) => {
                        claim(account, self.party(item, by.as_ref()), by.is_none(), *assigned);
                    }
                    _ => continue,
                }
                account.moment = self.services.clock.now();
                *self.report.counts.of_mut(before) -= 1;
                *self.report.counts.of_mut(account.status) += 1;
                changed.insert(key);
            }
        }
        self.keep_now_and_then().await?;
        accounts.retain(|key, _| changed.contains(key));
        Ok(accounts)
    }

    /// Brings every object to what is known of its account, and gathers the accounts.
    async fn correlated(
        &self,
        cycle: &Cycle<'_>,
        items: &mut [Item<'_>],
        accounts: &mut Accounts,
    ) -> Result<Vec<(usize, Correlated)>> {
        let mut found = Vec::with_capacity(items.len());
        let mut open: Vec<usize> = (0..items.len()).collect();
        for _ in 0..MOST_ROUNDS {
            let mut asked: Vec<Asked> = Vec::new();
            {
                let mut context = self.prepared.context(self.services.clock.now(), self.services);
                for position in std::mem::take(&mut open) {
                    let Some(item) = items.get(position) else { continue };
                    let facts = item.facts(&self.prepared.policy, Mode::LOOK);
                    match correlate(&facts, &item.answers, &mut context) {
                        Correlated::Need(needs) => {
                            open.push(position);
                            asked.extend(needs.into_iter().map(|need| (position, need)));
                        }
                        known => found.push((position, known)),
                    }
                }
            }
            if asked.is_empty() {
                break;
            }
            self.answer(cycle, items, asked, accounts).await?;
        }
        Ok(found)
    }

    /// Answers questions from what was listed.
    async fn answer(
        &self,
        cycle: &Cycle<'_>,
        items: &mut [Item<'_>],
        asked: Vec<Asked>,
        accounts: &mut Accounts,
    ) -> Result<()> {
        let (store, job, run) = (&self.services.store, &self.prepared.job.id, self.report.run);
        let mut reads: BTreeMap<Name, Vec<(Asked, Anchor)>> = BTreeMap::new();
        let mut finds: BTreeMap<(Name, Name), Vec<(Asked, String)>> = BTreeMap::new();
        for (position, need) in asked {
            let Some(item) = items.get(position) else { continue };
            let kind = item.mapping.target_kind.clone();
            match &need {
                Need::Read(anchor) => {
                    let anchor = anchor.clone();
                    reads.entry(kind).or_default().push(((position, need), anchor));
                }
                Need::Find { attribute, value, case_exact } => {
                    let text = text_of(cycle, attribute, value, *case_exact);
                    let key = (kind, attribute.clone());
                    finds.entry(key).or_default().push(((position, need), text));
                }
                _ => {}
            }
        }
        let mut told: Vec<(Asked, Answer)> = Vec::new();
        for (kind, asked) in reads {
            let anchors: Vec<Anchor> = asked.iter().map(|(_, anchor)| anchor.clone()).collect();
            let rows = store.correlated_of(job, run, &kind, &anchors).await?;
            let there: HashSet<Anchor> = rows.iter().map(CorrelatedIdentity::account).collect();
            keep(accounts, rows);
            told.extend(asked.into_iter().map(|(one, anchor)| {
                let object = there.contains(&anchor).then(|| Object::new(kind.clone(), anchor));
                (one, Answer::Object(object))
            }));
        }
        for ((kind, attribute), asked) in finds {
            let values: Vec<String> = asked.iter().map(|(_, text)| text.clone()).collect();
            let mut objects: HashMap<String, Vec<Object>> = HashMap::new();
            let values: Vec<String> = values.into_iter().collect::<HashSet<_>>().into_iter().collect();
            for (text, row) in store.correlated_by(job, run, &kind, &attribute, &values).await? {
                objects.entry(text).or_default().push(Object::new(kind.clone(), row.account()));
                keep(accounts, [row]);
            }
            told.extend(
                asked.into_iter().map(|(one, text)| {
                    (one, Answer::Objects(objects.get(&text).cloned().unwrap_or_default()))
                }),
            );
        }
        for ((position, need), answer) in told {
            if let Some(item) = items.get_mut(position) {
                item.answers.push((need, answer));
            }
        }
        Ok(())
    }

    /// The source object with the attribute by which it matches, or would.
    fn party(&self, item: &Item<'_>, by: Option<&Name>) -> (CorrelatedParty, Option<NamedValue>) {
        let mut flows = item.mapping.matching();
        let flow = flows.find(|flow| by.is_none_or(|by| flow.attribute == *by));
        let shown = |redacted: bool, text: String| if redacted { REDACTED.to_owned() } else { text };
        let matching = flow.and_then(|flow| {
            let name = flow.source_attribute(item.mapping)?;
            let value = item.source.as_ref()?.object.get(name);
            Some(NamedValue { name: name.clone(), value: shown(flow.redacted, value.to_string()) })
        });
        let at_target = item.answers.iter().find_map(|(need, _)| match need {
            Need::Find { attribute, value, .. } if Some(attribute) == by => Some(NamedValue {
                name: attribute.clone(),
                value: shown(flow.is_some_and(|flow| flow.redacted), value.to_string()),
            }),
            _ => None,
        });
        let kind = &item.mapping.source_kind;
        let party = CorrelatedParty {
            kind: kind.clone(),
            anchor: NamedValue { name: self.anchors.of_source(kind), value: item.anchor.to_string() },
            matching,
            display_name: item.source.as_ref().and_then(|source| source.display_name.clone()),
        };
        (party, at_target)
    }
}

/// Keeps accounts that are not known yet.
fn keep(accounts: &mut Accounts, rows: impl IntoIterator<Item = CorrelatedIdentity>) {
    for row in rows {
        accounts.entry((row.target.kind.clone(), row.account())).or_insert(row);
    }
}

/// An object says that an account is its own. A link of the job outweighs what matches; two that match contest it.
fn claim(
    account: &mut CorrelatedIdentity,
    (party, at_target): (CorrelatedParty, Option<NamedValue>),
    linked: bool,
    assigned: bool,
) {
    let contested = account.linked == linked && account.status == CorrelationStatus::FailToCorrelate;
    if contested || (account.linked && !linked) {
        return;
    }
    let mut assigned = assigned;
    if account.linked == linked
        && let Some(other) = &account.source
    {
        if other.anchor != party.anchor {
            let words = format!(
                "the objects {} and {} of the source both match the account",
                other.anchor.value, party.anchor.value
            );
            return contest(account, FailureCode::DuplicateSourceEntries, words);
        }
        // Another rule says so of the same object.
        assigned |= account.status == CorrelationStatus::CorrelatedAssigned;
    }
    account.status = if assigned {
        CorrelationStatus::CorrelatedAssigned
    } else {
        CorrelationStatus::CorrelatedNotAssigned
    };
    if let Some(at_target) = at_target {
        account.target.matching = Some(at_target);
    }
    (account.source, account.linked, account.error) = (Some(party), linked, None);
}

/// Nobody can say whose account it is, unless the job itself knows.
fn contest(account: &mut CorrelatedIdentity, code: FailureCode, message: String) {
    if account.linked && code == FailureCode::DuplicateTargetEntries {
        return;
    }
    account.status = CorrelationStatus::FailToCorrelate;
    account.source = None;
    account.error = Some(ErrorText { code: code.wire().to_owned(), message });
}
