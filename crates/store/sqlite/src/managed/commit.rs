//! Making a page's outcomes durable: the hot path of every cycle.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use model::{Anchor, JobId, Name};
use rusqlite::params;
use store::{Commit, Entry};

use super::entries::{RELEASED, link_bits};
use super::{claims, edges, policies, waiting};
use crate::encode::{anchor_hash, exported_to_blob};
use crate::error::{Done, corrupt, not_found};
use crate::jobs;
use crate::logs::{self, Log};
use crate::session::{Session, optional_text};

/// What can be done before the writing thread gets a commit: its records are brought into the form of rows.
pub(super) fn prepare(mut commit: Commit) -> Done<(Commit, Log)> {
    let records = std::mem::take(&mut commit.log);
    Ok((commit, Log::prepare(&records)?))
}

/// Writes a commit.
pub(super) fn apply(session: &Session<'_>, job: &JobId, commit: Commit, log: &Log) -> Done<()> {
    let number = match commit.claims {
        None => jobs::require_fence(session, job, commit.fence)?,
        Some(holder) => {
            let number = jobs::require(session, job)?;
            claims::require(session, number, holder, &commit)?;
            number
        }
    };
    if commit.forgotten.links {
        waiting::hint_links(session, number)?;
        super::clear_links(session, number)?;
    }
    if commit.forgotten.escrows {
        waiting::clear_escrows(session, number)?;
    }
    let mut page = Page::new(session, number);
    for entry in &commit.entries {
        page.write_entry(entry)?;
    }
    for (rule, source) in &commit.seen {
        page.mark_seen(rule, source, commit.generation)?;
    }
    for (rule, source) in &commit.removed {
        page.remove_entry(rule, source)?;
    }
    for write in commit.edges {
        edges::write(&mut page, write)?;
    }
    for (rule, source, moment) in &commit.released {
        policies::write_released(session, number, rule, source, *moment)?;
    }
    for escrow in &commit.escrows {
        waiting::write_escrow(session, number, escrow)?;
    }
    page.delete("escrow", &commit.settled)?;
    for staged in &commit.staged {
        waiting::write_staged(session, number, staged)?;
    }
    page.delete("staged", &commit.unstaged)?;
    page.delete("intent", &commit.resolved)?;
    page.delete("hint", &commit.unhinted)?;
    waiting::write_intents(session, number, &commit.intents)?;
    page.write_log(job, log)?;
    if let Some(runtime) = commit.runtime {
        session.run("UPDATE job_state SET runtime = ?2 WHERE job = ?1", params![number, runtime])?;
    }
    if let Some(closing) = commit.closing {
        jobs::write_status(session, number, &closing.status)?;
        if let Some(execution) = &closing.execution {
            jobs::append_execution(session, number, execution)?;
        }
    }
    page.settle()
}

/// How an entry's link was before.
struct Before {
    kind: i64,
    target: Option<Name>,
    target_kind: Option<i64>,
    bits: Option<i64>,
}

/// A row of an entry, its words as numbers.
struct Row<'e> {
    object: i64,
    rule: i64,
    kind: i64,
    target_kind: Option<i64>,
    bits: Option<i64>,
    exported: Option<&'e [u8]>,
    entry: &'e Entry,
}

/// Where the row of an entry comes to stand.
#[derive(Clone, Copy)]
enum Place {
    New,
    /// Where it is, with another target anchor than before.
    Moved,
    Kept,
}

/// A commit that is being written.
pub(super) struct Page<'a, 'c> {
    pub(super) session: &'a Session<'c>,
    pub(super) job: i64,
    /// The numbers of source objects that were met.
    objects: HashMap<Anchor, i64>,
    /// Whether the last source object that was looked for was not there.
    objects_are_new: bool,
    /// Changes of the numbers of links and of released ones, by rule, source type and target type.
    counts: BTreeMap<(i64, i64, i64), (i64, i64)>,
    /// Objects that something was taken from: they go where nothing speaks of them any more.
    pub(super) orphans: BTreeSet<i64>,
    /// What is known of links.
    pub(super) known: edges::Known,
}

impl<'a, 'c> Page<'a, 'c> {
    fn new(session: &'a Session<'c>, job: i64) -> Self {
        Self {
            session,
            job,
            objects: HashMap::new(),
            objects_are_new: false,
            counts: BTreeMap::new(),
            orphans: BTreeSet::new(),
            known: edges::Known::default(),
        }
    }

    /// The number of a source object; none where nothing speaks of it.
    pub(super) fn find_object(&mut self, anchor: &Anchor) -> Done<Option<i64>> {
        if let Some(id) = self.objects.get(anchor) {
            return Ok(Some(*id));
        }
        let found = self.session.first(
            "SELECT id FROM object WHERE job = ?1 AND anchor = ?2",
            params![self.job, anchor.as_str()],
            |row| Ok(row.get(0)?),
        )?;
        if let Some(id) = found {
            self.objects.insert(anchor.clone(), id);
        }
        Ok(found)
    }

    /// The number of a source object, made where it is new; and whether it was.
    pub(super) fn object(&mut self, anchor: &Anchor) -> Done<(i64, bool)> {
        if let Some(id) = self.objects.get(anchor) {
            return Ok((*id, false));
        }
        // New objects come in rows: where the last was new, this one is not looked for first.
        if !self.objects_are_new
            && let Some(id) = self.find_object(anchor)?
        {
            return Ok((id, false));
        }
        let made = self.session.run(
            "INSERT INTO object (job, anchor) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
            params![self.job, anchor.as_str()],
        )?;
        self.objects_are_new = made == 1;
        if !self.objects_are_new {
            let found = self.find_object(anchor)?;
            return found.map(|id| (id, false)).ok_or_else(|| corrupt("an object", "its number is missing"));
        }
        let id = self.session.inserted();
        self.objects.insert(anchor.clone(), id);
        Ok((id, true))
    }

    fn write_entry(&mut self, entry: &Entry) -> Done<()> {
        let session = self.session;
        let (object, fresh) = self.object(&entry.source)?;
        let rule = session.intern(&entry.rule)?;
        let kind = session.intern(&entry.kind)?;
        let before = if fresh { None } else { self.before(object, rule)? };
        let target = entry.link.as_ref().map(|link| link.anchor.as_str());
        let moved = before.as_ref().and_then(|before| before.target.as_deref()) != target;
        if moved && let Some(target) = target {
            self.take_away(object, target)?;
        }
        let link = match &entry.link {
            Some(link) => {
                Some((session.intern(&link.kind)?, link_bits(link), exported_to_blob(&link.exported)?))
            }
            None => None,
        };
        let (target_kind, bits, exported) = match &link {
            Some((kind, bits, exported)) => (Some(*kind), Some(*bits), exported.as_deref()),
            None => (None, None, None),
        };
        self.write_row(
            &Row { object, rule, kind, target_kind, bits, exported, entry },
            match &before {
                None => Place::New,
                Some(_) if moved => Place::Moved,
                Some(_) => Place::Kept,
            },
        )?;
        self.known.linked.insert((object, rule), target.is_some());
        let was_linked = before.as_ref().is_some_and(|before| before.target.is_some());
        if let Some(before) = before {
            self.count(rule, before.kind, before.target_kind, before.bits, -1);
        }
        self.count(rule, kind, target_kind, bits, 1);
        // Nothing refers to an object that was not known.
        if moved && !fresh {
            self.link_changed(object, rule, was_linked, target.is_some())?;
        }
        Ok(())
    }

    /// New, moved and kept rows have statements of their own: SQLite writes an index anew whenever a statement names one
    /// of its columns, and in the index of target anchors each row has its place on another page.
    fn write_row(&self, row: &Row<'_>, place: Place) -> Done<()> {
        let Row { object, rule, kind, target_kind, bits, exported, entry } = row;
        let (session, target) = (self.session, entry.link.as_ref().map(|link| link.anchor.as_str()));
        let (mapping, display_name) = (session.intern(&entry.mapping)?, entry.display_name.as_deref());
        let (seen, last_skip) = (generation(entry.seen_generation), entry.last_skip);
        let sql = match place {
            Place::Kept => {
                let sql = "UPDATE entry SET kind = ?3, mapping = ?4, display_name = ?5, seen = ?6, last_skip = ?7,
                     target_kind = ?8, link = ?9, exported = ?10 WHERE object = ?1 AND rule = ?2";
                session.run(
                    sql,
                    params![object, rule, kind, mapping, display_name, seen, last_skip, target_kind, bits, exported],
                )?;
                return Ok(());
            }
            Place::Moved => {
                "UPDATE entry SET kind = ?3, mapping = ?4, display_name = ?5, seen = ?6, last_skip = ?7, target_kind = ?8,
                     link = ?9, exported = ?10, job = ?11, target = ?12, target_hash = ?13 WHERE object = ?1 AND rule = ?2"
            }
            Place::New => {
                "INSERT INTO entry (object, rule, kind, mapping, display_name, seen, last_skip, target_kind, link,
                     exported, job, target, target_hash)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)"
            }
        };
        session.run(
            sql,
            params![
                object,
                rule,
                kind,
                mapping,
                display_name,
                seen,
                last_skip,
                target_kind,
                bits,
                exported,
                self.job,
                target,
                target.map(anchor_hash),
            ],
        )?;
        Ok(())
    }

    fn before(&self, object: i64, rule: i64) -> Done<Option<Before>> {
        self.session.first(
            "SELECT kind, target, target_kind, link FROM entry WHERE object = ?1 AND rule = ?2",
            [object, rule],
            |row| {
                Ok(Before {
                    kind: row.get(0)?,
                    target: optional_text(row, 1)?,
                    target_kind: row.get(2)?,
                    bits: row.get(3)?,
                })
            },
        )
    }

    /// The entries of other source objects that hold a target anchor lose their link.
    fn take_away(&mut self, object: i64, target: &str) -> Done<()> {
        let session = self.session;
        let losers = session.all(
            "SELECT object, rule, kind, target_kind, link FROM entry
             WHERE job = ?1 AND target_hash = ?2 AND target = ?3 AND object <> ?4",
            params![self.job, anchor_hash(target), target, object],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?)),
        )?;
        for (loser, rule, kind, target_kind, bits) in losers {
            session.run(
                "UPDATE entry SET target = NULL, target_hash = NULL, target_kind = NULL, link = NULL, exported = NULL
                 WHERE object = ?1 AND rule = ?2",
                [loser, rule],
            )?;
            self.known.linked.insert((loser, rule), false);
            self.count(rule, kind, target_kind, bits, -1);
            edges::let_go(session, loser, target)?;
            self.link_changed(loser, rule, true, false)?;
        }
        Ok(())
    }

    fn mark_seen(&mut self, rule: &Name, source: &Anchor, seen: u64) -> Done<()> {
        let Some(rule) = self.session.id(rule)? else { return Ok(()) };
        self.session.run(
            "UPDATE entry SET seen = ?4 WHERE rule = ?3
             AND object = (SELECT id FROM object WHERE job = ?1 AND anchor = ?2)",
            params![self.job, source.as_str(), rule, generation(seen)],
        )?;
        Ok(())
    }

    fn remove_entry(&mut self, rule: &Name, source: &Anchor) -> Done<()> {
        let session = self.session;
        let Some(rule) = session.id(rule)? else { return Ok(()) };
        for table in ["escrow", "staged", "released"] {
            self.delete_waiting(table, rule, source)?;
        }
        let Some(object) = self.find_object(source)? else { return Ok(()) };
        self.orphans.insert(object);
        edges::drop_all(self, object, rule)?;
        if let Some(before) = self.before(object, rule)? {
            session.run("DELETE FROM entry WHERE object = ?1 AND rule = ?2", [object, rule])?;
            self.known.linked.insert((object, rule), false);
            self.count(rule, before.kind, before.target_kind, before.bits, -1);
            if before.target.is_some() {
                self.link_changed(object, rule, true, false)?;
            }
        }
        Ok(())
    }

    /// Edges of and to an object are due or not by its link.
    fn link_changed(&self, object: i64, rule: i64, was_linked: bool, is_linked: bool) -> Done<()> {
        edges::referenced_changed(self.session, object)?;
        if was_linked != is_linked {
            edges::owner_changed(self.session, object, rule, is_linked)?;
        }
        Ok(())
    }

    fn count(&mut self, rule: i64, kind: i64, target_kind: Option<i64>, bits: Option<i64>, by: i64) {
        let (Some(target_kind), Some(bits)) = (target_kind, bits) else { return };
        let (links, released) = self.counts.entry((rule, kind, target_kind)).or_default();
        *links += by;
        if bits & RELEASED != 0 {
            *released += by;
        }
    }

    /// Removes rows of a table keyed by (job, rule, source).
    fn delete(&self, table: &str, rows: &[(Name, Anchor)]) -> Done<()> {
        for (rule, source) in rows {
            if let Some(rule) = self.session.id(rule)? {
                self.delete_waiting(table, rule, source)?;
            }
        }
        Ok(())
    }

    fn delete_waiting(&self, table: &str, rule: i64, source: &Anchor) -> Done<()> {
        let sql = match table {
            "escrow" => "DELETE FROM escrow WHERE job = ?1 AND rule = ?2 AND source = ?3",
            "staged" => "DELETE FROM staged WHERE job = ?1 AND rule = ?2 AND source = ?3",
            "released" => "DELETE FROM released WHERE job = ?1 AND rule = ?2 AND source = ?3",
            "hint" => "DELETE FROM hint WHERE job = ?1 AND rule = ?2 AND source = ?3",
            _ => "DELETE FROM intent WHERE job = ?1 AND rule = ?2 AND source = ?3",
        };
        self.session.run(sql, params![self.job, rule, source.as_str()])?;
        Ok(())
    }

    fn write_log(&self, job: &JobId, log: &Log) -> Done<()> {
        if log.is_empty() {
            return Ok(());
        }
        let tenant =
            self.session.first("SELECT tenant FROM job WHERE id = ?1", [self.job], |row| Ok(row.get(0)?))?;
        let tenant = tenant.ok_or_else(|| not_found("job", job))?;
        logs::append(self.session, tenant, self.job, log)
    }

    /// Writes what was gathered over the page.
    fn settle(self) -> Done<()> {
        let mut emptied = false;
        for ((rule, kind, target_kind), (links, released)) in self.counts {
            if links == 0 && released == 0 {
                continue;
            }
            emptied |= links < 0;
            self.session.run(
                "INSERT INTO managed (job, rule, kind, target_kind, links, released)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                 ON CONFLICT DO UPDATE SET links = links + excluded.links, released = released + excluded.released",
                [self.job, rule, kind, target_kind, links, released],
            )?;
        }
        if emptied {
            self.session.run("DELETE FROM managed WHERE job = ?1 AND links = 0", [self.job])?;
        }
        for object in self.orphans {
            self.session.run(
                "DELETE FROM object WHERE id = ?1
                 AND NOT EXISTS (SELECT 1 FROM entry WHERE object = ?1)
                 AND NOT EXISTS (SELECT 1 FROM edge WHERE owner = ?1)
                 AND NOT EXISTS (SELECT 1 FROM edge WHERE referenced = ?1)",
                [object],
            )?;
        }
        Ok(())
    }
}

/// A generation as a column holds it.
pub(super) fn generation(generation: u64) -> i64 {
    i64::try_from(generation).unwrap_or(i64::MAX)
}
