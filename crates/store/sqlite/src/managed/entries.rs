//! Reading what rules remember of source objects.

use model::{Anchor, Name};
use rusqlite::{Row, params};
use store::{Entry, Link, LinkState, ManagedCount, Origin};

use super::{After, by_rule};
use crate::encode::{anchor_hash, count, exported_from_blob, limit};
use crate::error::Done;
use crate::session::{Session, optional_text, text};

/// The columns that [`entry`] reads, of `object o` and `entry e`.
const COLUMNS: &str = "o.anchor, e.rule, e.kind, e.mapping, e.display_name, e.seen, e.last_skip, \
                       e.target, e.target_kind, e.link, e.exported";

/// Unseen links that are sorted in memory.
const FEW: usize = 10_000;

/// Bits of the column `link`.
pub(super) const RELEASED: i64 = 1;
pub(super) const MATCHED: i64 = 2;
pub(super) const DISABLED: i64 = 4;

/// The column `link` of a link.
pub(super) fn link_bits(link: &Link) -> i64 {
    let bit = |set: bool, bit: i64| if set { bit } else { 0 };
    bit(link.state == LinkState::Released, RELEASED)
        | bit(link.origin == Origin::Matched, MATCHED)
        | bit(link.disabled, DISABLED)
}

/// How a link came about, by its bits.
pub(super) fn origin(bits: i64) -> Origin {
    if bits & MATCHED != 0 { Origin::Matched } else { Origin::Created }
}

fn link(session: &Session<'_>, row: &Row<'_>) -> Done<Option<Link>> {
    let Some(target) = optional_text(row, 7)? else { return Ok(None) };
    let bits: i64 = row.get(9)?;
    let has = |bit: i64| bits & bit != 0;
    Ok(Some(Link {
        kind: session.name(row.get(8)?)?,
        anchor: Anchor::new(target),
        state: if has(RELEASED) { LinkState::Released } else { LinkState::Active },
        origin: origin(bits),
        disabled: has(DISABLED),
        exported: exported_from_blob(row.get_ref(10)?.as_blob_or_null()?)?,
    }))
}

fn entry(session: &Session<'_>, row: &Row<'_>) -> Done<Entry> {
    Ok(Entry {
        rule: session.name(row.get(1)?)?,
        kind: session.name(row.get(2)?)?,
        source: Anchor::new(text(row, 0)?),
        mapping: session.name(row.get(3)?)?,
        display_name: optional_text(row, 4)?,
        link: link(session, row)?,
        seen_generation: count(row.get(5)?),
        last_skip: row.get(6)?,
    })
}

/// What rules remember of these source objects.
pub(super) fn of_sources(session: &Session<'_>, job: i64, sources: &[Anchor]) -> Done<Vec<Entry>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM object o CROSS JOIN entry e ON e.object = o.id WHERE o.job = ?1 AND o.anchor = ?2"
    );
    let mut found = Vec::with_capacity(sources.len());
    for source in sources {
        found.extend(session.all(&sql, params![job, source.as_str()], |row| entry(session, row))?);
    }
    Ok(found)
}

/// The entries whose link has one of these target anchors.
pub(super) fn of_targets(session: &Session<'_>, job: i64, targets: &[Anchor]) -> Done<Vec<Entry>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM entry e CROSS JOIN object o ON o.id = e.object WHERE e.job = ?1 AND e.target_hash = ?2
         AND e.target = ?3"
    );
    let mut found = Vec::new();
    for target in targets {
        found.extend(session.all(
            &sql,
            params![job, anchor_hash(target.as_str()), target.as_str()],
            |row| entry(session, row),
        )?);
    }
    Ok(found)
}

/// A page of entries with a link; with a generation, of those that were last seen before it.
pub(super) fn links(
    session: &Session<'_>,
    job: i64,
    unseen_since: Option<u64>,
    after: &After,
    most: usize,
) -> Done<Vec<Entry>> {
    let rules = session
        .all("SELECT DISTINCT rule FROM managed WHERE job = ?1", [job], |row| Ok(row.get::<_, i64>(0)?))?;
    let seen = unseen_since.map_or(i64::MAX, |generation| i64::try_from(generation).unwrap_or(i64::MAX));
    let sql = format!(
        "SELECT {COLUMNS} FROM object o CROSS JOIN entry e ON e.object = o.id AND e.rule = ?2
         WHERE o.job = ?1 AND o.anchor > ?3 AND e.target IS NOT NULL AND e.seen < ?4 ORDER BY o.anchor LIMIT ?5"
    );
    by_rule(session, rules, after, most, |rule, source, rest| {
        if unseen_since.is_some()
            && let Some(few) = few_unseen(session, job, rule, seen)?
        {
            let mut entries = Vec::new();
            for anchor in few.iter().filter(|anchor| anchor.as_str() > source).take(rest) {
                let anchor = Anchor::new(anchor.clone());
                let of_source = of_sources(session, job, &[anchor])?;
                let rule = session.name(rule)?;
                entries.extend(of_source.into_iter().filter(|entry| entry.rule == rule));
            }
            return Ok(entries);
        }
        session.all(&sql, params![job, rule, source, seen, limit(rest)], |row| entry(session, row))
    })
}

/// The source anchors, sorted, of links of a rule that were last seen before a generation; none where they are many.
/// Mostly there are next to none, and then going through the entries as they lie is much cheaper than by anchor.
fn few_unseen(session: &Session<'_>, job: i64, rule: i64, seen: i64) -> Done<Option<Vec<Name>>> {
    let objects = session.all(
        "SELECT object FROM entry NOT INDEXED WHERE job = ?1 AND rule = ?2 AND target IS NOT NULL AND seen < ?3 LIMIT ?4",
        params![job, rule, seen, limit(FEW + 1)],
        |row| Ok(row.get::<_, i64>(0)?),
    )?;
    if objects.len() > FEW {
        return Ok(None);
    }
    let mut anchors = Vec::with_capacity(objects.len());
    for object in objects {
        anchors
            .extend(session.first("SELECT anchor FROM object WHERE id = ?1", [object], |row| text(row, 0))?);
    }
    anchors.sort_unstable();
    Ok(Some(anchors))
}

/// How many links there are, by type.
pub(super) fn counts(session: &Session<'_>, job: i64) -> Done<Vec<ManagedCount>> {
    let mut counts = session.all(
        "SELECT kind, target_kind, sum(links), sum(released) FROM managed WHERE job = ?1
         GROUP BY kind, target_kind HAVING sum(links) > 0",
        [job],
        |row| {
            Ok(ManagedCount {
                kind: session.name(row.get(0)?)?,
                target_kind: session.name(row.get(1)?)?,
                links: count(row.get(2)?),
                released: count(row.get(3)?),
            })
        },
    )?;
    counts.sort_by(|left, right| {
        let key = |count: &ManagedCount| -> (Name, Name) { (count.kind.clone(), count.target_kind.clone()) };
        key(left).cmp(&key(right))
    });
    Ok(counts)
}
