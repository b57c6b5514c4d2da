//! Reading reference edges: those that are due, and those of an object.

use std::collections::HashMap;

use model::{Anchor, Name, Timestamp};
use rusqlite::{Row, params};
use store::{DueEdge, FailingEdge, IncomingEdge, OutgoingEdge};

use super::edges::{NEVER, lowest_link, lowest_target};
use crate::encode::{anchor_hash, limit, micros, moment};
use crate::error::{Done, corrupt};
use crate::session::{Session, optional_text, text};

/// When an edge first failed that was tried so often.
fn first(attempts: u32, first: Option<i64>) -> Done<Option<Timestamp>> {
    first.filter(|_| attempts > 0).map(moment).transpose()
}

/// The beginning of a SELECT whose rows [`due_edge`] reads, of `edge`, its owner's entry `w` and object `o`, and the object
/// `r` that it refers to.
macro_rules! due_columns {
    () => {
        concat!(
            "SELECT edge.rule, w.kind, o.anchor, w.target_kind, w.target, edge.attribute, edge.wanted,
             edge.multivalued, edge.exported, edge.attempts, (SELECT e.target ",
            lowest_link!(),
            "), r.anchor, w.display_name,
             (SELECT x.display_name FROM entry x WHERE x.object = edge.referenced AND x.rule = edge.rule), edge.first,
             edge.former, edge.owner, w.mapping"
        )
    };
}

fn due_edge(session: &Session<'_>, job: i64, row: &Row<'_>) -> Done<DueEdge> {
    let (wanted, exported, former): (bool, _, _) =
        (row.get(6)?, optional_text(row, 8)?, optional_text(row, 15)?);
    let present = optional_text(row, 10)?.filter(|_| wanted);
    let unwanted = exported.clone().filter(|_| !wanted);
    let value = present.clone().or_else(|| unwanted.clone()).or_else(|| former.clone());
    let of =
        Of { job, rule: row.get(0)?, owner: row.get(16)?, attribute: row.get(5)?, multivalued: row.get(7)? };
    let mut removed = Vec::new();
    for target in unwanted.into_iter().chain(former) {
        if !is_meant(session, &of, &target)? {
            removed.push(Anchor::new(target));
        }
    }
    Ok(DueEdge {
        rule: session.name(of.rule)?,
        mapping: session.name(row.get(17)?)?,
        owner_kind: session.name(row.get(1)?)?,
        owner: Anchor::new(text(row, 2)?),
        target_kind: session.name(row.get(3)?)?,
        target: Anchor::new(text(row, 4)?),
        attribute: session.name(of.attribute)?,
        multivalued: of.multivalued,
        referenced: Anchor::new(text(row, 11)?),
        wanted: present.is_some(),
        value: value
            .map(Anchor::new)
            .ok_or_else(|| corrupt("an edge", "it is due, but has nothing to be sent"))?,
        removed,
        exported: exported.map(Anchor::new),
        attempts: row.get(9)?,
        owner_name: optional_text(row, 12)?,
        referenced_name: optional_text(row, 13)?,
        first: first(row.get(9)?, row.get(14)?)?,
    })
}

/// An attribute of an owner, by number.
struct Of {
    job: i64,
    rule: i64,
    owner: i64,
    attribute: i64,
    multivalued: bool,
}

/// True where a wanted edge of an attribute means this target anchor, or takes the place of whatever was there.
fn is_meant(session: &Session<'_>, of: &Of, target: &str) -> Done<bool> {
    let Of { job, rule, owner, attribute, multivalued } = *of;
    if !multivalued {
        let replaced = session.first(
            "SELECT 1 FROM edge WHERE owner = ?1 AND rule = ?2 AND attribute = ?3 AND wanted AND exported IS NOT NULL",
            [owner, rule, attribute],
            |_| Ok(()),
        )?;
        if replaced.is_some() {
            return Ok(true);
        }
    }
    let linked = session.all(
        "SELECT e.object FROM entry e CROSS JOIN edge d
             ON d.owner = ?4 AND d.rule = ?5 AND d.attribute = ?6 AND d.referenced = e.object AND d.wanted
         WHERE e.job = ?1 AND e.target_hash = ?2 AND e.target = ?3",
        params![job, anchor_hash(target), target, owner, rule, attribute],
        |row| Ok(row.get(0)?),
    )?;
    for object in linked {
        if lowest_target(session, object)?.as_deref() == Some(target) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Edges that are due, those of one attribute of an owner together, adds before removals.
pub(super) fn due(session: &Session<'_>, job: i64, now: Timestamp, most: usize) -> Done<Vec<DueEdge>> {
    let sql = concat!(
        due_columns!(),
        "
         FROM edge INDEXED BY edge_due
             CROSS JOIN entry w ON w.object = edge.owner AND w.rule = edge.rule
             CROSS JOIN object o ON o.id = edge.owner
             CROSS JOIN object r ON r.id = edge.referenced
         WHERE edge.job = ?1 AND edge.due IS NOT NULL AND edge.due <= ?2
         ORDER BY edge.due, edge.owner, edge.rule, edge.attribute, edge.wanted DESC LIMIT ?3"
    );
    let due = session.all(sql, params![job, micros(now), limit(most)], |row| due_edge(session, job, row))?;
    // Owners whose edges fall due at different moments stand at several places.
    Ok(grouped(due))
}

/// Edges of one owner together, by attribute, adds before removals.
fn grouped(due: Vec<DueEdge>) -> Vec<DueEdge> {
    let mut places = HashMap::new();
    for edge in &due {
        let next = places.len();
        places.entry((edge.rule.clone(), edge.owner.clone())).or_insert(next);
    }
    let mut placed: Vec<_> = due
        .into_iter()
        .map(|edge| {
            let place = places.get(&(edge.rule.clone(), edge.owner.clone())).copied().unwrap_or_default();
            (place, edge)
        })
        .collect();
    placed.sort_by(|(one_place, one), (other_place, other)| {
        (one_place, &one.attribute, !one.wanted).cmp(&(other_place, &other.attribute, !other.wanted))
    });
    placed.into_iter().map(|(_, edge)| edge).collect()
}

/// Of these references those that are due, in the same order.
pub(super) fn due_of(
    session: &Session<'_>,
    job: i64,
    now: Timestamp,
    references: &[(Name, Anchor, Anchor)],
) -> Done<Vec<DueEdge>> {
    let sql = concat!(
        due_columns!(),
        "
         FROM object o
             CROSS JOIN object r ON r.job = o.job AND r.anchor = ?5
             CROSS JOIN edge ON edge.owner = o.id AND edge.rule = ?4 AND edge.referenced = r.id
             CROSS JOIN entry w ON w.object = edge.owner AND w.rule = edge.rule
         WHERE o.job = ?1 AND o.anchor = ?3 AND edge.due IS NOT NULL AND edge.due <= ?2"
    );
    let mut due = Vec::new();
    for (rule, owner, referenced) in references {
        let Some(rule) = session.id(rule)? else { continue };
        let row = params![job, micros(now), owner.as_str(), rule, referenced.as_str()];
        due.extend(session.all(sql, row, |row| due_edge(session, job, row))?);
    }
    Ok(grouped(due))
}

/// The edges of an owner.
pub(super) fn of(session: &Session<'_>, job: i64, rule: &Name, owner: &Anchor) -> Done<Vec<OutgoingEdge>> {
    let Some(rule) = session.id(rule)? else { return Ok(Vec::new()) };
    session.all(
        "SELECT d.attribute, r.anchor, d.wanted, d.exported
         FROM object o CROSS JOIN edge d ON d.owner = o.id CROSS JOIN object r ON r.id = d.referenced
         WHERE o.job = ?1 AND o.anchor = ?2 AND d.rule = ?3",
        params![job, owner.as_str(), rule],
        |row| {
            Ok(OutgoingEdge {
                attribute: session.name(row.get(0)?)?,
                referenced: Anchor::new(text(row, 1)?),
                wanted: row.get(2)?,
                exported: optional_text(row, 3)?.map(Anchor::new),
            })
        },
    )
}

/// The wanted edges to these objects whose owners have links.
pub(super) fn to(session: &Session<'_>, job: i64, referenced: &[Anchor]) -> Done<Vec<IncomingEdge>> {
    let mut found = Vec::new();
    for referenced in referenced {
        found.extend(session.all(
            "SELECT d.rule, o.anchor, d.attribute, d.multivalued
             FROM object r CROSS JOIN edge d ON d.referenced = r.id CROSS JOIN object o ON o.id = d.owner
                 CROSS JOIN entry w ON w.object = d.owner AND w.rule = d.rule
             WHERE r.job = ?1 AND r.anchor = ?2 AND d.wanted AND w.target IS NOT NULL",
            params![job, referenced.as_str()],
            |row| {
                Ok(IncomingEdge {
                    rule: session.name(row.get(0)?)?,
                    owner: Anchor::new(text(row, 1)?),
                    attribute: session.name(row.get(2)?)?,
                    referenced: referenced.clone(),
                    multivalued: row.get(3)?,
                })
            },
        )?);
    }
    found.sort();
    Ok(found)
}

/// Edges of an owner whose export failed.
pub(super) fn failing(
    session: &Session<'_>,
    job: i64,
    rule: &Name,
    owner: &Anchor,
    most: usize,
) -> Done<Vec<FailingEdge>> {
    let Some(rule) = session.id(rule)? else { return Ok(Vec::new()) };
    session.all(
        "SELECT d.attribute, r.anchor, d.wanted, d.attempts, coalesce(d.first, 0), d.due
         FROM object o CROSS JOIN edge d ON d.owner = o.id CROSS JOIN object r ON r.id = d.referenced
         WHERE o.job = ?1 AND o.anchor = ?2 AND d.rule = ?3 AND d.due IS NOT NULL AND d.attempts > 0
         ORDER BY d.due, r.anchor LIMIT ?4",
        params![job, owner.as_str(), rule, limit(most)],
        |row| {
            Ok(FailingEdge {
                attribute: session.name(row.get(0)?)?,
                referenced: Anchor::new(text(row, 1)?),
                wanted: row.get(2)?,
                attempts: row.get(3)?,
                first: moment(row.get(4)?)?,
                next: Some(row.get(5)?).filter(|due| *due != NEVER).map(moment).transpose()?,
            })
        },
    )
}

/// The wanted edges of an attribute of these owners, as (owner, referenced).
pub(super) fn single(
    session: &Session<'_>,
    job: i64,
    rule: &Name,
    attribute: &Name,
    owners: &[Anchor],
) -> Done<Vec<(Anchor, Anchor)>> {
    let (Some(rule), Some(attribute)) = (session.id(rule)?, session.id(attribute)?) else {
        return Ok(Vec::new());
    };
    let mut found = Vec::with_capacity(owners.len());
    for owner in owners {
        found.extend(session.all(
            "SELECT r.anchor FROM object o CROSS JOIN edge d ON d.owner = o.id
                 CROSS JOIN object r ON r.id = d.referenced
             WHERE o.job = ?1 AND o.anchor = ?2 AND d.rule = ?3 AND d.attribute = ?4 AND d.wanted",
            params![job, owner.as_str(), rule, attribute],
            |row| Ok((owner.clone(), Anchor::new(text(row, 0)?))),
        )?);
    }
    Ok(found)
}
