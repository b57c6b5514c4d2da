//! Reading the source page by page.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use connector::{Change, ChangePage, Cursor, ErrorClass};
use model::change::SourceObject;
use model::job::Counters;
use model::link::{Entry, StagedKind};
use model::provisioning::Import;
use model::{Anchor, Name};
use store::{Commit, Escrow, Result};
use sync::Rule;

use super::ahead::Ahead;
use super::item::{Item, Mode};
use super::prepared::Key;
use super::results::{Halt, Results};
use super::{Cycle, edge_of_delta};
use crate::desk::Hold;

/// What is remembered of the objects of a page, which are in hand from before it was read.
pub(crate) struct Memory {
    hold: Arc<Hold>,
    /// Objects in somebody else's hand.
    elsewhere: HashSet<Anchor>,
    entries: HashMap<Anchor, Vec<Entry>>,
    escrows: HashMap<Key, Escrow>,
    staged: HashMap<Key, StagedKind>,
}

impl Memory {
    pub(crate) fn entry(&self, rule: &str, anchor: &Anchor) -> Option<&Entry> {
        self.entries.get(anchor)?.iter().find(|entry| entry.rule == rule)
    }
}

/// Pages after which references go out: seldom enough that pages follow one another without a pause.
const REFERENCES_AFTER: usize = 8;

impl<'a> Cycle<'a> {
    /// Reads, decides and exports until the source has no more.
    pub(crate) async fn read_pages(&mut self) -> Result<Option<Halt>> {
        let mut ahead = None;
        for pages in 1_usize.. {
            if self.stop.is_set() {
                return Ok(Some(Halt::Stopped));
            }
            let reading = match ahead.take() {
                Some(reading) => reading,
                None => Ahead::read(self.prepared, self.cursor()),
            };
            let page = match reading.page().await {
                Ok(page) => page,
                Err(error) if error.class == ErrorClass::CursorRefused && !self.initial => {
                    self.read_everything().await?;
                    continue;
                }
                Err(error) => return Ok(Some(Halt::Source(error.failure()))),
            };
            let more = page.more;
            ahead = more.then(|| Ahead::read(self.prepared, Some(page.cursor.clone())));
            if let Some(halt) = self.page(page).await? {
                return Ok(Some(halt));
            }
            if !more {
                return Ok(None);
            }
            if pages.is_multiple_of(REFERENCES_AFTER)
                && let Some(halt) = self.export_references().await?
            {
                return Ok(Some(halt));
            }
        }
        Ok(None)
    }

    fn cursor(&self) -> Option<Cursor> {
        self.runtime.running.as_ref().and_then(|running| running.cursor.clone()).map(Cursor)
    }

    /// The source no longer knows the cursor: this cycle becomes an initial one.
    async fn read_everything(&mut self) -> Result<()> {
        tracing::info!(job = %self.prepared.job.id, "the source no longer knows the watermark; reading everything");
        self.services.store.clear_escrows(&self.prepared.job.id).await?;
        self.runtime.watermark = None;
        self.runtime.generation += 1;
        self.generation = self.runtime.generation;
        self.desk.begin_generation(self.generation);
        self.initial = true;
        if let Some(running) = &mut self.runtime.running {
            running.initial = true;
            running.cursor = None;
        }
        Ok(())
    }

    async fn page(&mut self, page: ChangePage) -> Result<Option<Halt>> {
        let ChangePage { changes, cursor, more, total } = page;
        self.show_progress(changes.len(), total);
        let anchors: Vec<Anchor> = changes.iter().map(|change| change.anchor().clone()).collect();
        // What is remembered of these objects may be in the commit of the page before.
        if !self.initial || anchors.iter().any(|anchor| self.committing.contains(anchor)) {
            self.behind.landed().await?;
        }
        let memory = self.remember(&anchors).await?;
        let yielded = u64::try_from(changes.len()).unwrap_or(0);
        let mut counters = Counters { imported_deltas: yielded, ..Counters::default() };
        let (mut items, mut edges, mut passed_by) = (Vec::new(), Vec::new(), Vec::new());
        let (mut upserts, mut kinds) = (0, BTreeSet::new());
        for change in changes {
            match change {
                Change::Upsert(source) => {
                    upserts += 1;
                    if !kinds.contains(&source.object.kind) {
                        kinds.insert(source.object.kind.clone());
                    }
                    counters.imported += 1;
                    counters.entitled += u64::from(source.entitled);
                    passed_by.extend(self.items_of(source, &memory, &mut items));
                }
                Change::Delete { anchor, .. } => self.gone_items(&anchor, &memory, &mut items),
                Change::ReferenceDelta { anchor, attribute, added, removed, kind } => {
                    let count = added.len() + removed.len();
                    counters.imported_reference_deltas += u64::try_from(count).unwrap_or(0);
                    for entry in memory
                        .entries
                        .get(&anchor)
                        .into_iter()
                        .flatten()
                        .filter(|entry| self.may_refer(entry))
                    {
                        for flow in self.reference_flows(entry, &kind, &attribute) {
                            let came = added.iter().filter(|_| flow.follows());
                            edges.extend(came.map(|one| edge_of_delta(self, entry, flow, one, true)));
                            let went = removed.iter().filter(|_| flow.removes());
                            edges.extend(went.map(|one| edge_of_delta(self, entry, flow, one, false)));
                        }
                    }
                }
            }
        }
        // Enumerations come after the membership changes of the same page: they began after them.
        let known = Results { commit: Commit { edges, ..Commit::default() }, ..Results::default() };
        let mut results = self.process_into(items, Mode::PAGE, known).await?;
        // A page that is read again is counted then.
        if results.halt.is_none() {
            results.counters.imported += counters.imported;
            results.counters.imported_deltas += counters.imported_deltas;
            results.counters.imported_reference_deltas += counters.imported_reference_deltas;
            results.counters.entitled += counters.entitled;
        }
        if self.initial {
            results.commit.seen.append(&mut passed_by);
        }
        let halt = results.halt.take();
        let advance: super::Advance = Box::new(move |running| {
            running.cursor = Some(cursor.0);
            running.yielded += upserts;
            running.kinds.append(&mut kinds);
            running.total = total.or(running.total);
            running.read = !more;
        });
        let advance = halt.is_none().then_some(advance);
        self.committing = anchors.into_iter().collect();
        self.commit_behind(results, advance).await?;
        self.show_progress(0, total);
        Ok(halt)
    }

    /// Shows how much of the source's changes is done, and that a page of so many is under way.
    fn show_progress(&self, page: usize, total: Option<u64>) {
        let Some(running) = &self.runtime.running else { return };
        let page = u64::try_from(page).unwrap_or(0);
        self.live.begin_part("objects", running.counters.imported_deltas, page, total.or(running.total));
    }

    /// What is remembered of these objects. Those that somebody else works on are known to be put off.
    pub(crate) async fn remember(&self, anchors: &[Anchor]) -> Result<Memory> {
        let (hold, mut elsewhere) = self.desk.take_free(self.party, anchors);
        if !anchors.is_empty() {
            let now = self.services.clock.now();
            elsewhere.extend(self.services.store.claimed(&self.prepared.job.id, anchors, now).await?);
        }
        self.recall(anchors, hold, elsewhere).await
    }

    /// As [`remember`](Self::remember), waiting until nobody else works on the objects.
    pub(crate) async fn memory_of(&self, anchors: &[Anchor]) -> Result<Memory> {
        tokio::select! {
            hold = self.desk.take_all(self.party, anchors) => self.recall(anchors, hold, HashSet::new()).await,
            () = self.stop.requested() => self.remember(anchors).await,
        }
    }

    /// Reads what is remembered; asks only where there can be something.
    async fn recall(
        &self,
        anchors: &[Anchor],
        hold: Arc<Hold>,
        elsewhere: HashSet<Anchor>,
    ) -> Result<Memory> {
        let (store, job) = (&self.services.store, &self.prepared.job.id);
        let (entries, escrows, staged) = (HashMap::new(), HashMap::new(), HashMap::new());
        let mut memory = Memory { hold, elsewhere, entries, escrows, staged };
        if anchors.is_empty() {
            return Ok(memory);
        }
        if self.has.entries || self.desk.has_written() {
            for entry in store.entries(job, anchors).await? {
                memory.entries.entry(entry.source.clone()).or_default().push(entry);
            }
        }
        if self.has.escrows || self.desk.has_written() {
            let escrows = store.escrows_of(job, anchors).await?;
            memory.escrows =
                escrows.into_iter().map(|one| ((one.rule.clone(), one.source.clone()), one)).collect();
        }
        if self.has.staged {
            let staged = store.staged_of(job, anchors).await?;
            memory.staged = staged.into_iter().map(|row| ((row.rule, row.source), row.action)).collect();
        }
        Ok(memory)
    }

    /// An object as each rule sees it: by the first mapping whose category accepts it, or by the one that remembers an
    /// account of it and no longer owns it. Yields the rules that remember it and have nothing to decide about it.
    pub(crate) fn items_of(
        &self,
        source: SourceObject,
        memory: &Memory,
        items: &mut Vec<Item<'a>>,
    ) -> Vec<Key> {
        let rules: &'a [Rule] = &self.prepared.program.rules;
        let source = Arc::new(source);
        let mut passed_by = Vec::new();
        for rule in rules {
            let anchor = &source.object.anchor;
            let entry = memory.entry(&rule.id, anchor).cloned();
            let kind = &source.object.kind;
            let owner = rule.mappings.iter().find(|one| one.source_kind == *kind && one.owns(&source));
            let former = entry.as_ref().filter(|entry| entry.link.is_some()).and_then(|entry| {
                let same_account = |owner: &sync::Mapping| {
                    entry.link.as_ref().is_some_and(|link| link.kind == owner.target_kind)
                };
                let former = rule.mappings.iter().find(|mapping| mapping.key == entry.mapping)?;
                (former.source_kind == *kind && !owner.is_some_and(same_account)).then_some(former)
            });
            let Some(mapping) = former.or(owner) else {
                passed_by.extend(entry.map(|entry| (entry.rule, entry.source)));
                continue;
            };
            let import = if entry.is_some() { Import::Update } else { Import::Add };
            let item = self.item(mapping, anchor.clone(), Some(source.clone()), entry, import, memory);
            items.push(Item { disowned: former.is_some(), ..item });
        }
        passed_by
    }

    /// An object that is gone, as each rule that remembers it sees it.
    pub(crate) fn gone_items(&self, anchor: &Anchor, memory: &Memory, items: &mut Vec<Item<'a>>) {
        let rules: &'a [Rule] = &self.prepared.program.rules;
        for rule in rules {
            let entry = memory.entry(&rule.id, anchor).cloned();
            let key = (rule.id.clone(), anchor.clone());
            let mapping = if let Some(entry) = &entry {
                // Links of removed or disabled mappings stay untouched.
                rule.mappings.iter().find(|mapping| mapping.key == entry.mapping)
            } else {
                let intended = self.intents.get(&key).map(|intent| &intent.kind);
                let kind = intended.or_else(|| memory.escrows.get(&key).map(|escrow| &escrow.kind));
                kind.and_then(|kind| rule.mappings.iter().find(|mapping| mapping.source_kind == *kind))
            };
            if let Some(mapping) = mapping {
                items.push(self.item(mapping, anchor.clone(), None, entry, Import::Delete, memory));
            }
        }
    }

    pub(crate) fn item(
        &self,
        mapping: &'a sync::Mapping,
        anchor: Anchor,
        source: Option<Arc<SourceObject>>,
        entry: Option<Entry>,
        import: Import,
        memory: &Memory,
    ) -> Item<'a> {
        let key = (mapping.rule.clone(), anchor.clone());
        Item {
            intent: self.intents.get(&key).cloned(),
            noted: false,
            escrow: memory.escrows.get(&key).cloned(),
            staged: memory.staged.get(&key).copied(),
            sends: None,
            agreed: false,
            excluded: self.exclusions.get(&anchor).cloned(),
            expired: false,
            soft_delete: self.prepared.target.capabilities().of(&mapping.target_kind).soft_delete,
            hold: memory.hold.clone(),
            elsewhere: memory.elsewhere.contains(&anchor),
            mapping,
            anchor,
            source,
            import,
            entry,
            disowned: false,
            answers: Vec::new(),
            live: false,
            rounds: 0,
            trace: Vec::new(),
            began: self.services.clock.now(),
        }
    }

    /// The accounts whose references a membership change of the source is about, each with the flow of that attribute.
    pub(crate) fn owners_of<'m>(
        &self,
        memory: &'m Memory,
        owner: &Anchor,
        kind: &Name,
        attribute: &Name,
    ) -> Vec<(&'m Entry, &'a sync::ReferenceFlow)> {
        let entries = memory.entries.get(owner).into_iter().flatten().filter(|entry| self.may_refer(entry));
        let flows =
            |entry| self.reference_flows(entry, kind, attribute).into_iter().map(move |flow| (entry, flow));
        entries.flat_map(flows).collect()
    }

    fn reference_flows(&self, entry: &Entry, kind: &Name, attribute: &Name) -> Vec<&'a sync::ReferenceFlow> {
        let prepared: &'a super::Prepared = self.prepared;
        let mapping =
            prepared.mapping(&entry.rule, &entry.mapping).filter(|mapping| mapping.source_kind == *kind);
        mapping.map_or_else(Vec::new, |mapping| {
            mapping.references.iter().filter(|flow| flow.source == *attribute).collect()
        })
    }
}
