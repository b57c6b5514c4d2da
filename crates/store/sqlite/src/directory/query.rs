//! Lists of objects under a condition.
//!
//! A condition that an index can narrow down is answered from the index; any other is answered by looking at the
//! objects of the kind in the order of their ids. Either way each object is held against the whole condition, so that
//! the index may give too many.

use std::collections::{BTreeMap, BTreeSet};

use model::Uuid;
use rusqlite::params;
use serde_json::{Map, Value as Json};
use store::{Comparison, DirectoryObject, ListQuery, ObjectKind, OrderedQuery, Predicate, Presence};

use super::{COLUMNS, is_wanted, kind_number, object};
use crate::encode;
use crate::error::Done;
use crate::session::Session;

/// Properties that are looked up, with their numbers in rows.
const INDEXED: [(&str, i64); 11] = [
    (USER_PRINCIPAL_NAME, 0),
    ("mail", 1),
    ("mailNickname", 2),
    ("displayName", 3),
    (APP_ID, 4),
    ("externalId", 5),
    ("otherMails", 6),
    ("givenName", 7),
    ("surname", 8),
    ("employeeId", 9),
    ("department", 10),
];
/// Properties whose words are looked up, with the numbers of their words in rows.
const WORD_INDEXED: [(&str, i64); 2] = [("displayName", 20), ("description", 21)];
/// Objects that are brought together from an index for one page. Where more come into question, they are so many among
/// all that looking at all in order finds a page soon.
const MOST_CANDIDATES: usize = 20_000;

/// The property that is unique among users.
pub(super) const USER_PRINCIPAL_NAME: &str = "userPrincipalName";
/// The property that is unique among applications and among service principals.
pub(super) const APP_ID: &str = "appId";

/// The number of a property that is looked up; none for others.
pub(super) fn indexed(property: &str) -> Option<i64> {
    INDEXED.iter().find(|(name, _)| *name == property).map(|(_, number)| *number)
}

/// Characters of a folded value that the index holds.
const INDEXED_CHARACTERS: usize = 64;

/// The part of a folded value that the index holds.
pub(super) fn index_value(folded: &str) -> &str {
    match folded.char_indices().nth(INDEXED_CHARACTERS) {
        Some((end, _)) => folded.get(..end).unwrap_or(folded),
        None => folded,
    }
}

/// The rows of an object in the index: property and folded value.
pub(super) fn index_rows(properties: &Map<String, Json>) -> BTreeSet<(i64, String)> {
    let mut rows = BTreeSet::new();
    for (name, number) in INDEXED {
        let values = match properties.get(name) {
            Some(Json::Array(values)) => values.as_slice(),
            Some(value) => std::slice::from_ref(value),
            None => &[],
        };
        let texts = values.iter().filter_map(Json::as_str);
        rows.extend(texts.map(|text| (number, index_value(&store::fold(text)).to_owned())));
    }
    for (name, number) in WORD_INDEXED {
        let folded = properties.get(name).and_then(Json::as_str).map(store::fold).unwrap_or_default();
        rows.extend(store::words(&folded).map(|word| (number, index_value(word).to_owned())));
    }
    rows
}

/// A range of an index.
enum Lookup {
    /// Ids from one to another, both included.
    Ids(Uuid, Uuid),
    /// A property's folded value.
    Equal(i64, String),
    /// How a property's folded value begins.
    Begins(i64, String),
}

/// Ranges that hold every object that satisfies a condition; none where no index helps.
fn lookups(predicate: &Predicate) -> Option<Vec<Lookup>> {
    match predicate {
        Predicate::Compare(property, comparison, value) => lookup(property, *comparison, value),
        // The range with the fewest guesses: equality narrows more than a beginning does.
        Predicate::All(parts) => parts.iter().filter_map(lookups).min_by_key(|ranges| {
            ranges.iter().filter(|range| matches!(range, Lookup::Begins(..))).count() * 1_000 + ranges.len()
        }),
        Predicate::Any(parts) => {
            let mut all = Vec::new();
            for part in parts {
                all.extend(lookups(part)?);
            }
            Some(all)
        }
        Predicate::Not(_) => None,
    }
}

fn lookup(property: &str, comparison: Comparison, value: &Json) -> Option<Vec<Lookup>> {
    let text = value.as_str()?;
    if property == "id" {
        return match comparison {
            Comparison::Equal => Some(id_range(text).filter(|_| text.len() == 36).into_iter().collect()),
            Comparison::StartsWith => Some(id_range(text).into_iter().collect()),
            _ => None,
        };
    }
    let folded = store::fold(text);
    if comparison == Comparison::WordStartsWith {
        let (_, number) = WORD_INDEXED.iter().find(|(name, _)| *name == property)?;
        let begins = || Lookup::Begins(*number, index_value(&folded).to_owned());
        return (!folded.is_empty()).then(|| vec![begins()]);
    }
    let number = indexed(property)?;
    match comparison {
        Comparison::Equal => Some(vec![Lookup::Equal(number, index_value(&folded).to_owned())]),
        Comparison::StartsWith if !folded.is_empty() => {
            Some(vec![Lookup::Begins(number, index_value(&folded).to_owned())])
        }
        _ => None,
    }
}

/// The ids whose text begins so; none where no id's does.
fn id_range(beginning: &str) -> Option<Lookup> {
    let beginning = store::fold(beginning);
    let complete = |rest: &str| {
        let rest = rest.get(beginning.len()..)?;
        Uuid::parse_str(&format!("{beginning}{rest}")).ok()
    };
    let least = complete("00000000-0000-0000-0000-000000000000")?;
    let greatest = complete("ffffffff-ffff-ffff-ffff-ffffffffffff")?;
    Some(Lookup::Ids(least, greatest))
}

/// Ids and row numbers in these ranges, by rising id; none where there are more than `most` that have to be looked at.
fn candidates(
    session: &Session<'_>,
    tenant: i64,
    kind: ObjectKind,
    ranges: &[Lookup],
    most: usize,
) -> Done<Option<BTreeSet<(Uuid, i64)>>> {
    let mut found = BTreeSet::new();
    let kind = kind_number(kind);
    for range in ranges {
        let mut keep = |id: Uuid, number: i64| {
            found.insert((id, number));
            found.len() <= most
        };
        let by_property = |condition: &str| {
            format!(
                "SELECT o.id, o.number FROM directory_property p CROSS JOIN directory_object o ON o.number = p.object
                 WHERE p.tenant = ?1 AND p.kind = ?2 AND p.property = ?3 AND {condition}"
            )
        };
        let row = |row: &rusqlite::Row<'_>| -> Done<(Uuid, i64)> { Ok((row.get(0)?, row.get(1)?)) };
        match range {
            Lookup::Ids(least, greatest) => session.each(
                "SELECT id, number FROM directory_object WHERE tenant = ?1 AND kind = ?2 AND id BETWEEN ?3 AND ?4",
                params![tenant, kind, least, greatest],
                row,
                |(id, number)| keep(id, number),
            )?,
            Lookup::Equal(property, value) => session.each(
                &by_property("p.value = ?4"),
                params![tenant, kind, property, value],
                row,
                |(id, number)| keep(id, number),
            )?,
            Lookup::Begins(property, value) => session.each(
                &by_property("p.value >= ?4 AND p.value < ?5"),
                params![tenant, kind, property, value, format!("{value}\u{10FFFF}")],
                row,
                |(id, number)| keep(id, number),
            )?,
        }
        if found.len() > most {
            return Ok(None);
        }
    }
    Ok(Some(found))
}

/// Objects that satisfy a query, one after another by rising id, until `take` has enough.
fn each(
    session: &Session<'_>,
    tenant: i64,
    query: &ListQuery,
    most: usize,
    mut take: impl FnMut(DirectoryObject) -> bool,
) -> Done<()> {
    let holds = |object: &DirectoryObject| {
        is_wanted(query.presence, object)
            && query.predicate.as_ref().is_none_or(|predicate| predicate.holds(object))
    };
    if let Some(ranges) = query.predicate.as_ref().and_then(lookups)
        && let Some(candidates) = candidates(session, tenant, query.kind, &ranges, most)?
    {
        let beyond = |id: &Uuid| query.after.is_none_or(|after| *id > after);
        for (_, number) in candidates.into_iter().filter(|(id, _)| beyond(id)) {
            let found = session.first(&format!("{COLUMNS} WHERE number = ?1"), [number], object)?;
            if let Some(object) = found.filter(&holds)
                && !take(object)
            {
                break;
            }
        }
        return Ok(());
    }
    let deleted = match query.presence {
        Presence::Live => "AND deleted IS NULL",
        Presence::Deleted => "AND deleted IS NOT NULL",
        Presence::Any => "",
    };
    let after = query.after.map(|after| after.as_bytes().to_vec()).unwrap_or_default();
    session.each(
        &format!("{COLUMNS} WHERE tenant = ?1 AND kind = ?2 AND id > ?3 {deleted} ORDER BY id"),
        params![tenant, kind_number(query.kind), after],
        object,
        |object| !holds(&object) || take(object),
    )
}

/// A page of objects.
pub(super) fn list(session: &Session<'_>, tenant: i64, query: &ListQuery) -> Done<Vec<DirectoryObject>> {
    let mut found = Vec::new();
    if query.limit > 0 {
        each(session, tenant, query, MOST_CANDIDATES, |object| {
            found.push(object);
            found.len() < query.limit
        })?;
    }
    Ok(found)
}

/// How many objects satisfy a query, its page aside.
pub(super) fn count(session: &Session<'_>, tenant: i64, query: &ListQuery) -> Done<u64> {
    if query.predicate.is_none() {
        return count_all(session, tenant, query);
    }
    let query = ListQuery { after: None, ..query.clone() };
    let mut number = 0;
    each(session, tenant, &query, usize::MAX, |_| {
        number += 1;
        true
    })?;
    Ok(number)
}

/// A page of live objects in the order of a property: by the part of its folded value that the index holds, then by row.
pub(super) fn ordered(
    session: &Session<'_>,
    tenant: i64,
    query: &OrderedQuery,
) -> Done<Vec<DirectoryObject>> {
    let Some(property) =
        indexed(&query.property).filter(|_| store::ORDERED.contains(&query.property.as_str()))
    else {
        return Ok(Vec::new());
    };
    let after = match &query.after {
        Some((value, id)) => Some((
            index_value(&store::fold(value)).to_owned(),
            super::find(session, tenant, *id)?.map_or(0, |found| found.number),
        )),
        None => None,
    };
    let holds = |object: &DirectoryObject| {
        object.deleted.is_none() && query.predicate.as_ref().is_none_or(|predicate| predicate.holds(object))
    };
    if let Some(ranges) = query.predicate.as_ref().and_then(lookups)
        && let Some(candidates) = candidates(session, tenant, query.kind, &ranges, MOST_CANDIDATES)?
    {
        let mut sorted = BTreeMap::new();
        for (_, number) in candidates {
            let found = session.first(&format!("{COLUMNS} WHERE number = ?1"), [number], object)?;
            if let Some(object) = found.filter(&holds) {
                let value = store::fold(object.text(&query.property).unwrap_or_default());
                sorted.insert((index_value(&value).to_owned(), number), object);
            }
        }
        let beyond = |place: &(String, i64)| match &after {
            Some(after) if query.descending => place < after,
            Some(after) => place > after,
            None => true,
        };
        let wanted = sorted.into_iter().filter(|(place, _)| beyond(place)).map(|(_, object)| object);
        return Ok(if query.descending {
            wanted.rev().take(query.limit).collect()
        } else {
            wanted.take(query.limit).collect()
        });
    }
    let mut found = Vec::new();
    if query.limit == 0 {
        return Ok(found);
    }
    let (direction, beyond) = if query.descending { ("DESC", "<") } else { ("ASC", ">") };
    let condition =
        if after.is_some() { format!("AND (p.value, p.object) {beyond} (?4, ?5)") } else { String::new() };
    let sql = format!(
        "SELECT o.number, o.kind, o.id, o.version, o.created, o.modified, o.deleted, o.properties
         FROM directory_property p CROSS JOIN directory_object o ON o.number = p.object
         WHERE p.tenant = ?1 AND p.kind = ?2 AND p.property = ?3 {condition}
         ORDER BY p.value {direction}, p.object {direction}"
    );
    let mut take = |object: DirectoryObject| {
        if holds(&object) {
            found.push(object);
        }
        found.len() < query.limit
    };
    let kind = kind_number(query.kind);
    match after {
        Some((value, number)) => {
            session.each(&sql, params![tenant, kind, property, value, number], object, &mut take)?;
        }
        None => session.each(&sql, params![tenant, kind, property], object, &mut take)?,
    }
    Ok(found)
}

fn count_all(session: &Session<'_>, tenant: i64, query: &ListQuery) -> Done<u64> {
    let number = |condition: &str| -> Done<u64> {
        let number = session.first(
            &format!("SELECT count(*) FROM directory_object WHERE tenant = ?1 AND kind = ?2 {condition}"),
            [tenant, kind_number(query.kind)],
            |row| Ok(row.get(0)?),
        )?;
        Ok(number.map_or(0, encode::count))
    };
    // Both are counted in an index alone.
    let (all, deleted) = (number("")?, number("AND deleted IS NOT NULL")?);
    Ok(match query.presence {
        Presence::Live => all - deleted,
        Presence::Deleted => deleted,
        Presence::Any => all,
    })
}
