//! Reading the source page by page.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use connector::{Change, ChangePage, Cursor, ErrorClass};
use futures::StreamExt as _;
use futures::stream::FuturesOrdered;
use model::change::SourceObject;
use model::job::Counters;
use model::link::Entry;
use model::provisioning::Import;
use model::{Anchor, Name};
use store::{Commit, Escrow, Result, Staged};
use sync::Rule;

use super::ahead::Ahead;
use super::item::{Item, Mode};
use super::prepared::Key;
use super::results::{Halt, Results};
use super::{Cycle, edge_of_delta};
use crate::desk::Hold;

/// What is remembered of the objects of a page, which are in hand from before it was read.
pub(crate) struct Memory {
    /// The page that they come with, 0 where they come otherwise.
    turn: u64,
    hold: Arc<Hold>,
    /// Objects in somebody else's hand.
    elsewhere: HashSet<Anchor>,
    entries: HashMap<Anchor, Vec<Entry>>,
    escrows: HashMap<Key, Escrow>,
    staged: HashMap<Key, Staged>,
}

impl Memory {
    pub(crate) fn entry(&self, rule: &str, anchor: &Anchor) -> Option<&Entry> {
        self.entries.get(anchor)?.iter().find(|entry| entry.rule == rule)
    }
}

/// Pages after which references go out: seldom enough that pages follow one another without a pause.
const REFERENCES_AFTER: usize = 8;

/// Pages of a full read, or parts of one of an increment, that are worked on at once: while the last answers of one are
/// waited for, requests of the next go out.
const ABREAST: usize = 2;

/// Changes of an increment's page that are worked on as one part: what is remembered of one part is read, and what came
/// of another becomes durable, while one is decided.
const PART: usize = 250;

/// Why pages are no longer followed.
enum Rest {
    /// The source has no more.
    Over,
    /// It is time for references.
    References,
    /// The source no longer knows where the cycle is.
    Lost,
    Halt(Halt),
}

/// Changes that are decided together.
struct Part {
    changes: Vec<Change>,
    /// Of the last part of a page.
    end: Option<PageEnd>,
}

/// What a page comes to once all its parts are done with.
struct PageEnd {
    tally: Tally,
    advance: super::Advance,
}

/// What is counted unless the page is read again.
#[derive(Default)]
struct Tally {
    counters: Counters,
    /// Of the objects that failed, those that had failed before.
    failed_again: u64,
}

/// A part whose objects are done with.
struct Done {
    results: Results,
    end: Option<PageEnd>,
}

impl Done {
    /// What a page's parts count waits for the last of them.
    fn count(&mut self, page: &mut Tally) {
        super::add(&mut page.counters, &std::mem::take(&mut self.results.counters));
        page.failed_again += std::mem::take(&mut self.results.failed_again);
        if let Some(end) = &mut self.end {
            let page = std::mem::take(page);
            super::add(&mut end.tally.counters, &page.counters);
            end.tally.failed_again += page.failed_again;
        }
    }
}

impl<'a> Cycle<'a> {
    /// Reads, decides and exports until the source has no more.
    pub(crate) async fn read_pages(&mut self) -> Result<Option<Halt>> {
        let mut ahead = None;
        // From here on, what is linked beside this read may stand on a page that it has passed.
        self.desk.begin_generation(self.generation);
        loop {
            match self.follow_pages(&mut ahead).await? {
                Rest::Over => return Ok(None),
                Rest::Halt(halt) => return Ok(Some(halt)),
                Rest::Lost => self.read_everything().await?,
                Rest::References => {
                    if let Some(halt) = self.export_references().await? {
                        return Ok(Some(halt));
                    }
                }
            }
        }
    }

    /// Works on pages until there is something else to do, several abreast where that cannot matter to what is decided.
    /// They end in the order of the source, so that the cursor never passes what is not done.
    async fn follow_pages(&self, ahead: &mut Option<Ahead>) -> Result<Rest> {
        // Pages of an increment follow one another; their parts need not.
        let most = if self.initial { ABREAST } else { 1 };
        let mut parts = VecDeque::new();
        // All are polled whatever is waited for: none may hold what another needs.
        let (mut under_way, mut ending) = (FuturesOrdered::new(), FuturesOrdered::new());
        let (mut done, mut page_tally) = (VecDeque::<Done>::new(), Tally::default());
        let (mut begun, mut halt, mut trouble) = (0, None, None);
        self.begin_progress();
        let mut reading = Some(ahead.take().unwrap_or_else(|| self.read_ahead(self.cursor())));
        loop {
            if ending.is_empty()
                && let Some(mut part) = done.pop_front()
            {
                part.count(&mut page_tally);
                ending.push_back(self.end_part(part, halt.is_some()));
            }
            while !self.halting.load(Ordering::Relaxed)
                && under_way.len() + done.len() < ABREAST
                && let Some(part) = parts.pop_front()
            {
                under_way.push_back(self.part(part, self.behind.next_turn()));
            }
            let room = parts.is_empty()
                && under_way.len() + done.len() < most
                && begun < REFERENCES_AFTER
                && halt.is_none()
                && !self.stop.is_set();
            tokio::select! {
                biased;
                Some(ended) = ending.next() => halt = worse(halt, ended?),
                Some(part) = under_way.next() => done.push_back(part?),
                Some(page) = next_page(&mut reading), if room => match page {
                    Ok(page) => {
                        reading = page.more.then(|| self.read_ahead(Some(page.cursor.clone())));
                        begun += 1;
                        self.live.grow_part(page.changes.len(), page.total);
                        parts = self.parts(page);
                    }
                    Err(error) => {
                        reading = None;
                        trouble = Some(error);
                    }
                },
                else => break,
            }
        }
        self.begin_progress();
        Ok(match (halt, trouble) {
            (Some(halt), _) => Rest::Halt(halt),
            (None, Some(error)) if error.class == ErrorClass::CursorRefused && !self.initial => Rest::Lost,
            (None, Some(error)) => Rest::Halt(Halt::Source(error.failure())),
            (None, None) if reading.is_none() => Rest::Over,
            (None, None) if self.stop.is_set() => Rest::Halt(Halt::Stopped),
            (None, None) => {
                *ahead = reading;
                Rest::References
            }
        })
    }

    fn read_ahead(&self, cursor: Option<Cursor>) -> Ahead {
        Ahead::read(self.services, self.prepared, cursor)
    }

    fn cursor(&self) -> Option<Cursor> {
        self.runtime().running.as_ref().and_then(|running| running.cursor.clone()).map(Cursor)
    }

    /// The source no longer knows the cursor: this cycle becomes an initial one.
    async fn read_everything(&mut self) -> Result<()> {
        tracing::info!(job = %self.prepared.job.id, "the source no longer knows the watermark; reading everything");
        self.behind.landed().await?;
        let mut runtime = self.runtime().clone();
        runtime.watermark = None;
        runtime.generation += 1;
        runtime.unsettled |= self.has().escrows;
        if let Some(running) = &mut runtime.running {
            running.initial = true;
            running.cursor = None;
            // What the increment showed is no evidence of what the full read shows.
            (running.yielded, running.total) = (0, None);
            running.kinds.clear();
        }
        self.generation = runtime.generation;
        self.desk.begin_generation(self.generation);
        self.initial = true;
        self.forget_failures(runtime, Vec::new()).await
    }

    /// A page as parts; as one where whole pages are abreast.
    fn parts(&self, page: ChangePage) -> VecDeque<Part> {
        let end = page_end(&page);
        let mut changes = page.changes;
        let size = if self.initial { usize::MAX } else { PART };
        // Enumerations of references come after the membership changes of the same page: they began after them.
        changes.sort_by_key(|change| !matches!(change, Change::ReferenceDelta { .. }));
        let mut parts = VecDeque::new();
        while changes.len() > size {
            let rest = changes.split_off(size);
            parts.push_back(Part { changes: std::mem::replace(&mut changes, rest), end: None });
        }
        parts.push_back(Part { changes, end: Some(end) });
        parts
    }

    async fn part(&self, Part { changes, end }: Part, turn: u64) -> Result<Done> {
        let anchors: Vec<Anchor> = changes.iter().map(|change| change.anchor().clone()).collect();
        // What is remembered of these objects may be in the commit of a part before.
        if self.desk.has_any(&anchors) {
            self.behind.before(turn).await?;
        }
        let memory = Memory { turn, ..self.remember(&anchors).await? };
        let hand = memory.hold.clone();
        let (mut items, mut edges, mut passed_by) = (Vec::new(), Vec::new(), Vec::new());
        for change in changes {
            match change {
                Change::Upsert(source) => passed_by.extend(self.items_of(source, &memory, &mut items)),
                Change::Delete { anchor, .. } => self.gone_items(&anchor, &memory, &mut items),
                Change::ReferenceDelta { anchor, attribute, added, removed, kind } => {
                    for (entry, flow) in self.owners_of(&memory, &anchor, &kind, &attribute) {
                        let came = added.iter().filter(|_| flow.follows());
                        edges.extend(came.map(|one| edge_of_delta(self, entry, flow, one, true)));
                        let went = removed.iter().filter(|_| flow.removes());
                        edges.extend(went.map(|one| edge_of_delta(self, entry, flow, one, false)));
                    }
                }
            }
        }
        let known = Results { commit: Commit { edges, ..Commit::default() }, ..Results::default() };
        let mut results = self.process_into(items, Mode::PAGE, known).await?;
        // Whoever comes upon one of these objects waits for this part, also where only its edges are written.
        if !results.holds.iter().any(|hold| Arc::ptr_eq(hold, &hand)) {
            results.holds.push(hand);
        }
        if self.initial {
            results.commit.seen.append(&mut passed_by);
        }
        results.turn = Some(turn);
        self.halting.fetch_or(results.halt.is_some(), Ordering::Relaxed);
        Ok(Done { results, end })
    }

    /// Makes a part's results durable; with the last the position moves on unless the page, or one before it, is to be
    /// read again.
    async fn end_part(&self, Done { mut results, end }: Done, broken: bool) -> Result<Option<Halt>> {
        let halt = results.halt.take();
        let end = end.filter(|_| halt.is_none() && !broken);
        if let Some(end) = &end {
            super::add(&mut results.counters, &end.tally.counters);
            results.failed_again += end.tally.failed_again;
        }
        self.commit_behind(results, end.map(|end| end.advance)).await?;
        Ok(halt)
    }

    /// Shows how much of the source's changes is done.
    fn begin_progress(&self) {
        let position = |running: &super::Running| (running.counters.imported_deltas, running.total);
        if let Some((completed, total)) = self.runtime().running.as_ref().map(position) {
            self.live.begin_part("objects", completed, 0, total);
        }
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

    /// What is remembered of the accounts of these objects, whoever works on them: for those who only look.
    pub(crate) async fn links_of(&self, anchors: &[Anchor]) -> Result<Memory> {
        let (hold, elsewhere) = self.desk.take_free(self.party, &[]);
        let (entries, escrows, staged) = (HashMap::new(), HashMap::new(), HashMap::new());
        let mut memory = Memory { turn: 0, hold, elsewhere, entries, escrows, staged };
        if !anchors.is_empty() && (self.has().entries || self.desk.has_written()) {
            for entry in self.services.store.entries(&self.prepared.job.id, anchors).await? {
                memory.entries.entry(entry.source.clone()).or_default().push(entry);
            }
        }
        Ok(memory)
    }

    /// Reads what is remembered; asks only where there can be something.
    async fn recall(
        &self,
        anchors: &[Anchor],
        hold: Arc<Hold>,
        elsewhere: HashSet<Anchor>,
    ) -> Result<Memory> {
        let (store, job) = (&self.services.store, &self.prepared.job.id);
        let mut memory = Memory { hold, elsewhere, ..self.links_of(anchors).await? };
        if anchors.is_empty() {
            return Ok(memory);
        }
        if self.has().escrows || self.desk.has_written() {
            let escrows = store.escrows_of(job, anchors).await?;
            memory.escrows =
                escrows.into_iter().map(|one| ((one.rule.clone(), one.source.clone()), one)).collect();
        }
        if self.has().staged {
            let staged = store.staged_of(job, anchors).await?;
            memory.staged =
                staged.into_iter().map(|row| ((row.rule.clone(), row.source.clone()), row)).collect();
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
                let intended = self.intents().get(&key).map(|intent| intent.kind.clone());
                let kind = intended.or_else(|| memory.escrows.get(&key).map(|escrow| escrow.kind.clone()));
                kind.and_then(|kind| rule.mappings.iter().find(|mapping| mapping.source_kind == kind))
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
        let (escrow, staged) = (memory.escrows.get(&key).cloned(), memory.staged.get(&key).cloned());
        // What failed may have arrived, and a staged removal may have been sent when something broke.
        let in_doubt = escrow.is_some() || staged.as_ref().is_some_and(|row| row.action.removes());
        let unsettled = in_doubt || self.runtime().unsettled;
        Item {
            intent: self.intents().get(&key).cloned(),
            unsettled,
            noted: false,
            escrow,
            staged,
            sends: None,
            agreed: false,
            excluded: self.exclusions.get(&anchor).cloned(),
            expired: false,
            soft_delete: self.prepared.target.capabilities().of(&mapping.target_kind).soft_delete,
            turn: memory.turn,
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

/// What a page comes to.
fn page_end(page: &ChangePage) -> PageEnd {
    let count = |count: usize| u64::try_from(count).unwrap_or(0);
    let mut counters = Counters { imported_deltas: count(page.changes.len()), ..Counters::default() };
    let mut kinds = BTreeSet::new();
    for change in &page.changes {
        match change {
            Change::Upsert(source) => {
                if !kinds.contains(&source.object.kind) {
                    kinds.insert(source.object.kind.clone());
                }
                counters.imported += 1;
                counters.entitled += u64::from(source.entitled);
            }
            Change::Delete { .. } => {}
            Change::ReferenceDelta { added, removed, .. } => {
                counters.imported_reference_deltas += count(added.len() + removed.len());
            }
        }
    }
    let (cursor, more, total) = (page.cursor.0.clone(), page.more, page.total);
    let upserts = counters.imported;
    let advance: super::Advance = Box::new(move |running| {
        running.cursor = Some(cursor);
        running.yielded += upserts;
        running.kinds.append(&mut kinds);
        running.total = total.or(running.total);
        running.read = !more;
    });
    PageEnd { tally: Tally { counters, failed_again: 0 }, advance }
}

/// The next page, once it is read; at once none where there is none.
async fn next_page(reading: &mut Option<Ahead>) -> Option<connector::Result<ChangePage>> {
    match reading {
        Some(reading) => Some(reading.page().await),
        None => None,
    }
}

/// What a person is told of two: of what went wrong rather than that something stopped.
fn worse(one: Option<Halt>, other: Option<Halt>) -> Option<Halt> {
    match one {
        None | Some(Halt::Stopped) => other.or(one),
        Some(_) => one,
    }
}
