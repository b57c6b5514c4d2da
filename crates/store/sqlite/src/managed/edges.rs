//! Writing reference edges, and which of them are due.
//!
//! An edge's column `due` is kept right by whatever could change it: a write of the edge, and a change of the link of
//! its owner or of the object it refers to. Nothing ever scans for edges that have become due.

use std::collections::HashMap;

use model::{Anchor, Name};
use rusqlite::{Row, params};
use store::EdgeWrite;

use super::commit::{Page, generation};
use crate::encode::micros;
use crate::error::{Done, corrupt};
use crate::session::{Session, optional_text, text};

/// What is known of links while a page is written.
#[derive(Default)]
pub(super) struct Known {
    /// Target anchors of referenced objects: looked up while edges are written, which no link changes meanwhile.
    targets: HashMap<i64, Option<Name>>,
    /// Whether objects are linked by rules: looked up, or noted as their entries are written.
    pub(super) linked: HashMap<(i64, i64), bool>,
    /// Whether the last edge that was wanted was not there.
    edges_are_new: bool,
}

/// An edge by number.
#[derive(Clone, Copy)]
struct Key {
    owner: i64,
    rule: i64,
    attribute: i64,
    referenced: i64,
}

/// An edge's row.
#[derive(Clone, PartialEq)]
struct Edge {
    wanted: bool,
    multivalued: bool,
    generation: i64,
    exported: Option<Name>,
    attempts: u32,
    /// When it first failed; of no meaning before a try.
    first: Option<i64>,
    retry: Option<i64>,
    due: Option<i64>,
    unsure: bool,
    /// What was exported, or may have been, as it was the account of the object referred to: it is to be removed.
    former: Option<Name>,
}

/// The moment of what was given up. It lies after all that a clock can show.
pub(super) const NEVER: i64 = i64::MAX;

/// When an edge is due: zero for at once, none for never as things are.
fn due_when(edge: &Edge, owner_is_linked: bool, referenced: Option<&Name>) -> Option<i64> {
    let differs = if edge.wanted {
        referenced.is_some() && (edge.unsure || edge.exported.as_ref() != referenced)
    } else {
        edge.exported.is_some()
    };
    (owner_is_linked && (differs || edge.former.is_some())).then(|| edge.retry.unwrap_or(0))
}

/// The link of a referenced object over all rules, as the end of a SELECT: that of the lowest rule.
macro_rules! lowest_link {
    () => {
        "FROM entry e JOIN name n ON n.id = e.rule WHERE e.object = edge.referenced AND e.target IS NOT NULL
         ORDER BY n.text LIMIT 1"
    };
}
pub(super) use lowest_link;

/// Applies one write.
pub(super) fn write(page: &mut Page<'_, '_>, write: EdgeWrite) -> Done<()> {
    match write {
        EdgeWrite::Want { rule, owner, attribute, multivalued, referenced, generation: seen } => {
            let key = Key {
                owner: page.object(&owner)?.0,
                rule: page.session.intern(&rule)?,
                attribute: page.session.intern(&attribute)?,
                referenced: page.object(&referenced)?.0,
            };
            want(page, key, multivalued, generation(seen))
        }
        EdgeWrite::Unwant { rule, owner, attribute, referenced } => {
            // An edge that was due may have been sent by a process that died before it could say so.
            let maybe_sent = match page.find_object(&referenced)? {
                Some(referenced) => lowest_target(page.session, referenced)?,
                None => None,
            };
            change(page, (&rule, &owner, &attribute, &referenced), |edge| {
                if edge.wanted {
                    edge.wanted = false;
                    if edge.due.is_some() {
                        edge.exported = maybe_sent.or(edge.exported.take());
                    }
                    (edge.attempts, edge.retry) = (0, None);
                }
            })
        }
        EdgeWrite::Exported { rule, owner, attribute, referenced, target } => {
            change(page, (&rule, &owner, &attribute, &referenced), |edge| {
                edge.exported = target.map(|target| Name::from(target.as_str()));
                (edge.attempts, edge.retry, edge.unsure, edge.former) = (0, None, false, None);
            })
        }
        EdgeWrite::Retry { rule, owner, attribute, referenced, attempts, first, next } => {
            change(page, (&rule, &owner, &attribute, &referenced), |edge| {
                (edge.attempts, edge.first) = (attempts, Some(micros(first)));
                edge.retry = Some(next.map_or(NEVER, micros));
            })
        }
        EdgeWrite::TryAgain { rule, owner } => {
            let Some(rule) = page.session.id(&rule)? else { return Ok(()) };
            let Some(owner) = page.find_object(&owner)? else { return Ok(()) };
            try_again(page.session, owner, rule)
        }
        EdgeWrite::Sweep { rule, owner, attribute, generation: complete } => {
            let (Some(rule), Some(attribute)) = (page.session.id(&rule)?, page.session.id(&attribute)?)
            else {
                return Ok(());
            };
            let Some(owner) = page.find_object(&owner)? else { return Ok(()) };
            sweep(page, owner, rule, attribute, generation(complete))
        }
        EdgeWrite::Drop { rule, owner } => {
            let Some(rule) = page.session.id(&rule)? else { return Ok(()) };
            let Some(owner) = page.find_object(&owner)? else { return Ok(()) };
            drop_all(page, owner, rule)
        }
        EdgeWrite::Reset { rule, owner } => {
            let Some(rule) = page.session.id(&rule)? else { return Ok(()) };
            let Some(owner) = page.find_object(&owner)? else { return Ok(()) };
            reset(page, owner, rule)
        }
        EdgeWrite::LetGo { source, target, .. } => {
            let Some(source) = page.find_object(&source)? else { return Ok(()) };
            let_go(page.session, source, target.as_str())?;
            referenced_changed(page.session, source)
        }
    }
}

fn want(page: &mut Page<'_, '_>, key: Key, multivalued: bool, generation: i64) -> Done<()> {
    // New edges come in rows: where the last was new, this one is not looked for first.
    let before = if page.known.edges_are_new { None } else { load(page.session, key)? };
    if before.is_none() {
        let (exported, first, retry, due) = (None, None, None, None);
        let (wanted, attempts, unsure, former) = (true, 0, false, None);
        let mut edge =
            Edge { wanted, multivalued, generation, exported, attempts, first, retry, due, unsure, former };
        edge.due = due_now(page, key, &edge)?;
        page.known.edges_are_new = insert(page, key, &edge)?;
        if page.known.edges_are_new {
            return Ok(());
        }
    }
    let before = if before.is_none() { load(page.session, key)? } else { before };
    let before = before.ok_or_else(|| corrupt("an edge", "it is there and is not"))?;
    let mut edge = Edge { multivalued, generation, ..before.clone() };
    if !edge.wanted {
        (edge.wanted, edge.unsure) = (true, true);
        (edge.attempts, edge.retry) = (0, None);
    }
    update(page, key, &before, edge)
}

/// Changes an edge that is there. One that is not wanted and of which nothing is to be removed goes.
fn change(
    page: &mut Page<'_, '_>,
    (rule, owner, attribute, referenced): (&Name, &Anchor, &Name, &Anchor),
    change: impl FnOnce(&mut Edge),
) -> Done<()> {
    let (Some(rule), Some(attribute)) = (page.session.id(rule)?, page.session.id(attribute)?) else {
        return Ok(());
    };
    // One statement instead of three: this is what most writes of edges are.
    let found = page.session.first(
        "SELECT d.wanted, d.multivalued, d.generation, d.exported, d.attempts, d.retry, d.due, d.unsure, d.first,
             d.former, d.owner, d.referenced
         FROM object o CROSS JOIN object r CROSS JOIN edge d
             ON d.owner = o.id AND d.rule = ?3 AND d.attribute = ?4 AND d.referenced = r.id
         WHERE o.job = ?1 AND o.anchor = ?2 AND r.job = ?1 AND r.anchor = ?5",
        params![page.job, owner.as_str(), rule, attribute, referenced.as_str()],
        |row| Ok((edge(row)?, Key { owner: row.get(10)?, rule, attribute, referenced: row.get(11)? })),
    )?;
    let Some((before, key)) = found else { return Ok(()) };
    let mut edge = before.clone();
    change(&mut edge);
    if edge.wanted || edge.exported.is_some() || edge.former.is_some() {
        return update(page, key, &before, edge);
    }
    page.orphans.extend([key.owner, key.referenced]);
    page.session.run(
        "DELETE FROM edge WHERE owner = ?1 AND rule = ?2 AND attribute = ?3 AND referenced = ?4",
        [key.owner, key.rule, key.attribute, key.referenced],
    )?;
    Ok(())
}

fn load(session: &Session<'_>, key: Key) -> Done<Option<Edge>> {
    session.first(
        "SELECT wanted, multivalued, generation, exported, attempts, retry, due, unsure, first, former FROM edge
         WHERE owner = ?1 AND rule = ?2 AND attribute = ?3 AND referenced = ?4",
        [key.owner, key.rule, key.attribute, key.referenced],
        edge,
    )
}

/// The edge of a row's first ten columns.
fn edge(row: &Row<'_>) -> Done<Edge> {
    Ok(Edge {
        wanted: row.get(0)?,
        multivalued: row.get(1)?,
        generation: row.get(2)?,
        exported: optional_text(row, 3)?,
        attempts: row.get(4)?,
        retry: row.get(5)?,
        due: row.get(6)?,
        unsure: row.get(7)?,
        first: row.get(8)?,
        former: optional_text(row, 9)?,
    })
}

/// Makes an edge; false where it is there.
fn insert(page: &Page<'_, '_>, key: Key, edge: &Edge) -> Done<bool> {
    let made = page.session.run(
        "INSERT INTO edge (owner, rule, attribute, referenced, job, wanted, multivalued, generation, exported,
             attempts, retry, due, unsure, first)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)
         ON CONFLICT DO NOTHING",
        params![
            key.owner,
            key.rule,
            key.attribute,
            key.referenced,
            page.job,
            edge.wanted,
            edge.multivalued,
            edge.generation,
            edge.exported.as_deref(),
            edge.attempts,
            edge.retry,
            edge.due,
            edge.unsure,
            edge.first,
        ],
    )?;
    Ok(made == 1)
}

fn update(page: &mut Page<'_, '_>, key: Key, before: &Edge, mut edge: Edge) -> Done<()> {
    edge.due = due_now(page, key, &edge)?;
    if edge == *before {
        return Ok(());
    }
    page.session.run(
        "UPDATE edge SET wanted = ?5, multivalued = ?6, generation = ?7, exported = ?8, attempts = ?9, retry = ?10,
             due = ?11, unsure = ?12, first = ?13, former = ?14
         WHERE owner = ?1 AND rule = ?2 AND attribute = ?3 AND referenced = ?4",
        params![
            key.owner,
            key.rule,
            key.attribute,
            key.referenced,
            edge.wanted,
            edge.multivalued,
            edge.generation,
            edge.exported.as_deref(),
            edge.attempts,
            edge.retry,
            edge.due,
            edge.unsure,
            edge.first,
            edge.former.as_deref(),
        ],
    )?;
    Ok(())
}

fn due_now(page: &mut Page<'_, '_>, key: Key, edge: &Edge) -> Done<Option<i64>> {
    if !owner_is_linked(page, key.owner, key.rule)? {
        return Ok(None);
    }
    if let Some(target) = page.known.targets.get(&key.referenced) {
        return Ok(due_when(edge, true, target.as_ref()));
    }
    let target = lowest_target(page.session, key.referenced)?;
    let due = due_when(edge, true, target.as_ref());
    page.known.targets.insert(key.referenced, target);
    Ok(due)
}

fn owner_is_linked(page: &mut Page<'_, '_>, owner: i64, rule: i64) -> Done<bool> {
    if let Some(linked) = page.known.linked.get(&(owner, rule)) {
        return Ok(*linked);
    }
    let linked = page.session.first(
        "SELECT target IS NOT NULL FROM entry WHERE object = ?1 AND rule = ?2",
        [owner, rule],
        |row| Ok(row.get(0)?),
    )?;
    let linked = linked.unwrap_or(false);
    page.known.linked.insert((owner, rule), linked);
    Ok(linked)
}

/// The target anchor of a referenced object: that of the lowest rule that links it.
pub(super) fn lowest_target(session: &Session<'_>, object: i64) -> Done<Option<Name>> {
    let mut links = session.all(
        "SELECT rule, target FROM entry WHERE object = ?1 AND target IS NOT NULL",
        [object],
        |row| Ok((row.get::<_, i64>(0)?, text(row, 1)?)),
    )?;
    if links.len() > 1 {
        let mut named = Vec::with_capacity(links.len());
        for (rule, target) in links.drain(..) {
            named.push((session.name(rule)?, target));
        }
        named.sort();
        return Ok(named.into_iter().next().map(|(_, target)| target));
    }
    Ok(links.pop().map(|(_, target)| target))
}

/// The link of an object that edges refer to appeared, changed or vanished.
pub(super) fn referenced_changed(session: &Session<'_>, object: i64) -> Done<()> {
    let target = lowest_target(session, object)?;
    session.run(
        "UPDATE edge SET attempts = 0, retry = NULL, due = CASE
             WHEN (former IS NOT NULL OR ?2 IS NOT NULL AND (unsure OR exported IS NOT ?2)) AND EXISTS (
                 SELECT 1 FROM entry e WHERE e.object = edge.owner AND e.rule = edge.rule AND e.target IS NOT NULL)
             THEN 0 END
         WHERE referenced = ?1 AND wanted",
        params![object, target.as_deref()],
    )?;
    Ok(())
}

/// An object is no longer linked to an account that lives on: what refers to it, and was or may have been exported as
/// that, is to be removed there.
pub(super) fn let_go(session: &Session<'_>, object: i64, target: &str) -> Done<()> {
    session.run(
        "UPDATE edge SET former = ?2, exported = NULL
         WHERE referenced = ?1 AND wanted AND (exported = ?2 OR due IS NOT NULL)",
        params![object, target],
    )?;
    Ok(())
}

/// The owner of edges got its link or lost it.
pub(super) fn owner_changed(session: &Session<'_>, owner: i64, rule: i64, is_linked: bool) -> Done<()> {
    if !is_linked {
        session.run(
            "UPDATE edge SET due = NULL WHERE owner = ?1 AND rule = ?2 AND due IS NOT NULL",
            [owner, rule],
        )?;
        return Ok(());
    }
    session.run(
        concat!(
            "UPDATE edge SET attempts = 0, retry = NULL, due = CASE
                 WHEN former IS NOT NULL THEN 0
                 WHEN wanted THEN (SELECT CASE WHEN edge.unsure OR e.target IS NOT edge.exported THEN 0 END ",
            lowest_link!(),
            ") WHEN exported IS NOT NULL THEN 0 END WHERE owner = ?1 AND rule = ?2"
        ),
        [owner, rule],
    )?;
    Ok(())
}

fn try_again(session: &Session<'_>, owner: i64, rule: i64) -> Done<()> {
    session.run(
        "UPDATE edge SET attempts = 0, retry = NULL, due = CASE WHEN due IS NOT NULL THEN 0 END
         WHERE owner = ?1 AND rule = ?2 AND retry IS NOT NULL",
        [owner, rule],
    )?;
    Ok(())
}

fn sweep(page: &mut Page<'_, '_>, owner: i64, rule: i64, attribute: i64, complete: i64) -> Done<()> {
    let due = owner_is_linked(page, owner, rule)?.then_some(0);
    // Edges that were due may have been sent by a process that died before it could say so.
    page.session.run(
        concat!(
            "UPDATE edge SET exported = coalesce((SELECT e.target ",
            lowest_link!(),
            "), exported) WHERE owner = ?1 AND rule = ?2 AND attribute = ?3 AND generation < ?4 AND wanted AND due IS NOT NULL"
        ),
        [owner, rule, attribute, complete],
    )?;
    let gone = page.session.all(
        "DELETE FROM edge WHERE owner = ?1 AND rule = ?2 AND attribute = ?3 AND generation < ?4 AND wanted
         AND exported IS NULL AND former IS NULL RETURNING referenced",
        [owner, rule, attribute, complete],
        |row| Ok(row.get::<_, i64>(0)?),
    )?;
    page.session.run(
        "UPDATE edge SET wanted = 0, attempts = 0, retry = NULL, due = ?5
         WHERE owner = ?1 AND rule = ?2 AND attribute = ?3 AND generation < ?4 AND wanted",
        params![owner, rule, attribute, complete, due],
    )?;
    page.orphans.extend(gone);
    page.orphans.insert(owner);
    Ok(())
}

/// Removes all edges of an owner.
pub(super) fn drop_all(page: &mut Page<'_, '_>, owner: i64, rule: i64) -> Done<()> {
    let gone = page.session.all(
        "DELETE FROM edge WHERE owner = ?1 AND rule = ?2 RETURNING referenced",
        [owner, rule],
        |row| Ok(row.get::<_, i64>(0)?),
    )?;
    if !gone.is_empty() {
        page.orphans.extend(gone);
        page.orphans.insert(owner);
    }
    Ok(())
}

fn reset(page: &mut Page<'_, '_>, owner: i64, rule: i64) -> Done<()> {
    let gone = page.session.all(
        "DELETE FROM edge WHERE owner = ?1 AND rule = ?2 AND NOT wanted RETURNING referenced",
        [owner, rule],
        |row| Ok(row.get::<_, i64>(0)?),
    )?;
    page.orphans.extend(gone);
    page.orphans.insert(owner);
    let linked = owner_is_linked(page, owner, rule)?;
    page.session.run(
        "UPDATE edge SET exported = NULL, former = NULL, unsure = 0, attempts = 0, retry = NULL, due = CASE WHEN ?3 AND EXISTS (
             SELECT 1 FROM entry e WHERE e.object = edge.referenced AND e.target IS NOT NULL) THEN 0 END
         WHERE owner = ?1 AND rule = ?2",
        params![owner, rule, linked],
    )?;
    Ok(())
}
