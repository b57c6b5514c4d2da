//! The index of target objects that an initial cycle matches against.

use model::{Anchor, Attributes, Name, Object};
use rusqlite::params;
use store::IndexedObject;

use crate::encode::{from_text, to_text};
use crate::error::Done;
use crate::session::{Session, text};

/// Empties the index of a job.
pub(crate) fn clear(session: &Session<'_>, job: i64) -> Done<()> {
    session.run("DELETE FROM indexed_key WHERE job = ?1", [job])?;
    session.run("DELETE FROM indexed WHERE job = ?1", [job])?;
    Ok(())
}

/// Removes one object.
fn remove_one(session: &Session<'_>, job: i64, kind: i64, anchor: &Anchor) -> Done<()> {
    let found = session.first(
        "DELETE FROM indexed WHERE job = ?1 AND kind = ?2 AND anchor = ?3 RETURNING id, keys",
        params![job, kind, anchor.as_str()],
        |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?)),
    )?;
    let Some((id, keys)) = found else { return Ok(()) };
    for (attribute, value) in from_text::<Vec<(i64, String)>>("an indexed object", &keys)? {
        session.run(
            "DELETE FROM indexed_key WHERE job = ?1 AND kind = ?2 AND attribute = ?3 AND value = ?4 AND indexed = ?5",
            params![job, kind, attribute, value, id],
        )?;
    }
    Ok(())
}

/// Adds objects; later ones win.
pub(super) fn put(session: &Session<'_>, job: i64, objects: &[IndexedObject]) -> Done<()> {
    for IndexedObject { object, keys } in objects {
        let kind = session.intern(&object.kind)?;
        remove_one(session, job, kind, &object.anchor)?;
        let mut numbered = Vec::with_capacity(keys.len());
        for (attribute, value) in keys {
            numbered.push((session.intern(attribute)?, value.as_str()));
        }
        session.run(
            "INSERT INTO indexed (job, kind, anchor, attributes, keys) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![job, kind, object.anchor.as_str(), to_text(&object.attributes)?, to_text(&numbered)?],
        )?;
        let id = session.inserted();
        for (attribute, value) in numbered {
            session.run(
                "INSERT OR IGNORE INTO indexed_key (job, kind, attribute, value, indexed)
                 VALUES (?1, ?2, ?3, ?4, ?5)",
                params![job, kind, attribute, value, id],
            )?;
        }
    }
    Ok(())
}

/// Objects with one of these values of a matching attribute.
pub(super) fn find(
    session: &Session<'_>,
    job: i64,
    kind: &Name,
    attribute: &Name,
    values: Vec<String>,
) -> Done<Vec<(String, Object)>> {
    let (Some(number), Some(attribute)) = (session.id(kind)?, session.id(attribute)?) else {
        return Ok(Vec::new());
    };
    let mut found = Vec::new();
    for value in values {
        let objects = session.all(
            "SELECT i.anchor, i.attributes FROM indexed_key k CROSS JOIN indexed i ON i.id = k.indexed
             WHERE k.job = ?1 AND k.kind = ?2 AND k.attribute = ?3 AND k.value = ?4",
            params![job, number, attribute, value],
            |row| object(kind, &text(row, 0)?, row.get_ref(1)?.as_str()?),
        )?;
        found.extend(objects.into_iter().map(|object| (value.clone(), object)));
    }
    Ok(found)
}

/// Objects by anchor.
pub(super) fn read(session: &Session<'_>, job: i64, kind: &Name, anchors: &[Anchor]) -> Done<Vec<Object>> {
    let Some(number) = session.id(kind)? else { return Ok(Vec::new()) };
    let mut found = Vec::with_capacity(anchors.len());
    for anchor in anchors {
        found.extend(session.first(
            "SELECT attributes FROM indexed WHERE job = ?1 AND kind = ?2 AND anchor = ?3",
            params![job, number, anchor.as_str()],
            |row| object(kind, anchor.as_str(), row.get_ref(0)?.as_str()?),
        )?);
    }
    Ok(found)
}

/// Removes objects by anchor.
pub(super) fn remove(session: &Session<'_>, job: i64, kind: &Name, anchors: &[Anchor]) -> Done<()> {
    let Some(kind) = session.id(kind)? else { return Ok(()) };
    anchors.iter().try_for_each(|anchor| remove_one(session, job, kind, anchor))
}

fn object(kind: &Name, anchor: &str, attributes: &str) -> Done<Object> {
    let attributes: Attributes = from_text("an indexed object", attributes)?;
    Ok(Object { kind: kind.clone(), anchor: Anchor::new(anchor), attributes })
}
