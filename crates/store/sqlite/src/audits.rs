//! The audit log.

use model::{SignedDuration, TenantId, Uuid};
use rusqlite::types::Value as Sql;
use rusqlite::{Row, params, params_from_iter};
use store::{AuditPage, AuditQuery, AuditRecord, AuditWords};

use crate::encode::{anchor_hash, from_text, micros, moment, to_text};
use crate::error::Done;
use crate::logs::{LOOKED_AT, least_id, octets};
use crate::session::Session;
use crate::tenants;

/// Greater than every identifier.
const BEYOND: [u8; 17] = [0xff; 17];
/// Walks of an index that one statement merges; where there would be more, records are compared one by one.
const MOST_WALKS: usize = 64;
/// A record by its identifier.
const RECORD: &str = "SELECT id, moment, actor, activity, target, old, new, success FROM audit
    WHERE tenant = ?1 AND id = ?2";
/// The numbers that a column has, each found by one seek.
macro_rules! numbers_of {
    ($column:literal) => {
        concat!(
            "WITH RECURSIVE word (number) AS (SELECT min(",
            $column,
            ") FROM audit WHERE tenant = ?1
                 UNION ALL
                 SELECT (SELECT min(",
            $column,
            ") FROM audit WHERE tenant = ?1 AND ",
            $column,
            " > word.number)
                 FROM word WHERE word.number IS NOT NULL)
             SELECT number FROM word WHERE number IS NOT NULL"
        )
    };
}

/// A hash of a text that differs in case alone from others of the same hash, or by chance from others.
fn hash(text: &str) -> i64 {
    i64::from(anchor_hash(&store::fold(text)))
}

/// Appends a record.
pub(crate) fn append(session: &Session<'_>, tenant: TenantId, record: &AuditRecord) -> Done<()> {
    let tenant = tenants::require(session, tenant)?;
    let json = |value: Option<&serde_json::Value>| value.map(to_text).transpose();
    session.run(
        "INSERT INTO audit
             (tenant, id, moment, actor, activity, target, target_hash, name_hash, old, new, success)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        params![
            tenant,
            record.id,
            micros(record.moment),
            session.intern(&record.actor)?,
            session.intern(&record.activity)?,
            record.target,
            hash(&record.target),
            record.target_name().map(hash),
            json(record.old.as_ref())?,
            json(record.new.as_ref())?,
            record.success,
        ],
    )?;
    Ok(())
}

/// Who did something, and what was done.
pub(crate) fn words(session: &Session<'_>, tenant: TenantId) -> Done<AuditWords> {
    let Some(tenant) = tenants::find(session, tenant)? else { return Ok(AuditWords::default()) };
    let texts = |sql: &'static str| -> Done<Vec<String>> {
        let numbers: Vec<i64> = session.all(sql, [tenant], |row| Ok(row.get(0)?))?;
        numbers.into_iter().map(|number| Ok(session.name(number)?.to_string())).collect()
    };
    Ok(AuditWords { actors: texts(numbers_of!("actor"))?, activities: texts(numbers_of!("activity"))? })
}

/// The records of a page.
pub(crate) fn page(session: &Session<'_>, tenant: TenantId, query: &AuditQuery) -> Done<AuditPage> {
    let mut page = AuditPage::default();
    let Some(tenant) = tenants::find(session, tenant)? else { return Ok(page) };
    if query.limit == 0 {
        return Ok(page);
    }
    let statement = Statement::of(session, tenant, query)?;
    let is_empty = |words: &Option<Vec<i64>>| words.as_ref().is_some_and(Vec::is_empty);
    if is_empty(&statement.actors) || is_empty(&statement.activities) {
        return Ok(page);
    }
    let mut passed = 0;
    session.each(
        &statement.sql,
        params_from_iter(&statement.values),
        |row| {
            let id: Uuid = row.get(0)?;
            let wanted = is_one_of(row, 1, statement.actors.as_deref())?
                && is_one_of(row, 2, statement.activities.as_deref())?;
            Ok((id, if wanted { record(session, tenant, id, query)? } else { None }))
        },
        |(id, found)| {
            passed += usize::from(found.is_none());
            page.records.extend(found);
            let is_full = page.records.len() >= query.limit;
            if !is_full && passed >= LOOKED_AT {
                page.passed = Some(id);
            }
            !is_full && page.passed.is_none()
        },
    )?;
    Ok(page)
}

/// What leads to the records of a query in their order, and what is left to be compared.
struct Statement {
    sql: String,
    values: Vec<Sql>,
    actors: Option<Vec<i64>>,
    activities: Option<Vec<i64>>,
}

impl Statement {
    /// One index leads to the records: of the target, else of its name, of the actors, of the activities, of what
    /// failed, else of the tenant. Several actors or activities are as many walks, merged.
    fn of(session: &Session<'_>, tenant: i64, query: &AuditQuery) -> Done<Self> {
        let numbers = |words: Option<&Vec<String>>| -> Done<Option<Vec<i64>>> {
            let Some(words) = words else { return Ok(None) };
            let mut numbers = Vec::with_capacity(words.len());
            for word in words {
                numbers.extend(session.id(word)?);
            }
            Ok(Some(numbers))
        };
        let (least, beyond) = bounds(query);
        let mut statement = Self {
            sql: String::new(),
            values: vec![Sql::from(tenant), Sql::from(least), Sql::from(beyond)],
            actors: numbers(query.actors.as_ref())?,
            activities: numbers(query.activities.as_ref())?,
        };
        let few = |numbers: &Option<Vec<i64>>| {
            numbers.as_ref().is_some_and(|numbers| (1..=MOST_WALKS).contains(&numbers.len()))
        };
        if let Some(target) = &query.target {
            statement.walk("audit_target", "target_hash", &[hash(target)]);
        } else if let Some(name) = &query.target_name {
            statement.walk("audit_name", "name_hash", &[hash(name)]);
        } else if few(&statement.actors) {
            let actors = statement.actors.clone().unwrap_or_default();
            statement.walk("audit_actor", "actor", &actors);
        } else if few(&statement.activities) {
            let activities = statement.activities.clone().unwrap_or_default();
            statement.walk("audit_activity", "activity", &activities);
        } else if query.failed {
            statement.arm(" INDEXED BY audit_failure", " AND success = 0");
        } else {
            statement.arm("", "");
        }
        statement.sql.push_str(if query.ascending { " ORDER BY id" } else { " ORDER BY id DESC" });
        Ok(statement)
    }

    fn walk(&mut self, index: &str, column: &str, numbers: &[i64]) {
        for number in numbers {
            self.values.push(Sql::from(*number));
            self.arm(&format!(" INDEXED BY {index}"), &format!(" AND {column} = ?{}", self.values.len()));
        }
    }

    /// One more walk. Which index it takes is said, because SQLite does not know how many rows have a value.
    fn arm(&mut self, index: &str, condition: &str) {
        if !self.sql.is_empty() {
            self.sql.push_str(" UNION ALL ");
        }
        self.sql.push_str("SELECT id, actor, activity FROM audit");
        self.sql.push_str(index);
        self.sql.push_str(" WHERE tenant = ?1 AND id > ?2 AND id < ?3");
        self.sql.push_str(condition);
    }
}

/// The identifiers between which the records of a query are.
fn bounds(query: &AuditQuery) -> (Vec<u8>, Vec<u8>) {
    let mut least = query.from.map_or_else(Vec::new, |from| octets(least_id(from)));
    let next = query.to.and_then(|to| to.checked_add(SignedDuration::from_millis(1)).ok());
    let mut beyond = next.map_or_else(|| BEYOND.to_vec(), |next| octets(least_id(next)));
    let after = query.after.map(octets);
    if query.ascending {
        least = least.max(after.unwrap_or_default());
    } else {
        beyond = after.map_or(beyond.clone(), |after| beyond.min(after));
    }
    if let Some(id) = query.id {
        least = least.max(octets(Uuid::from_u128(id.as_u128().saturating_sub(1))));
        // Greater than the identifier, and not than the next one.
        beyond = beyond.min([id.as_bytes().as_slice(), &[0]].concat());
    }
    (least, beyond)
}

fn is_one_of(row: &Row<'_>, column: usize, wanted: Option<&[i64]>) -> Done<bool> {
    Ok(match wanted {
        Some(wanted) => wanted.contains(&row.get(column)?),
        None => true,
    })
}

/// A record, where it satisfies what a hash or no index says of it.
fn record(session: &Session<'_>, tenant: i64, id: Uuid, query: &AuditQuery) -> Done<Option<AuditRecord>> {
    let found = session.first(RECORD, params![tenant, id], |row| restore(session, row))?;
    let is = |text: Option<&str>, wanted: Option<&String>| {
        wanted.is_none_or(|wanted| text.is_some_and(|text| store::fold(text) == store::fold(wanted)))
    };
    Ok(found.filter(|record| {
        !(query.failed && record.success)
            && is(Some(&record.target), query.target.as_ref())
            && is(record.target_name(), query.target_name.as_ref())
    }))
}

fn restore(session: &Session<'_>, row: &Row<'_>) -> Done<AuditRecord> {
    let json = |column: usize| -> Done<Option<serde_json::Value>> {
        let text: Option<String> = row.get(column)?;
        text.map(|text| from_text("an audit record", &text)).transpose()
    };
    Ok(AuditRecord {
        id: row.get(0)?,
        moment: moment(row.get(1)?)?,
        actor: session.name(row.get(2)?)?.to_string(),
        activity: session.name(row.get(3)?)?.to_string(),
        target: row.get(4)?,
        old: json(5)?,
        new: json(6)?,
        success: row.get(7)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How SQLite goes about a statement.
    fn plan(session: &Session<'_>, statement: &Statement) -> Done<String> {
        let sql = format!("EXPLAIN QUERY PLAN {}", statement.sql);
        let steps =
            session.all(&sql, params_from_iter(&statement.values), |row| Ok(row.get::<_, String>(3)?))?;
        Ok(steps.join("; "))
    }

    fn queries() -> Vec<(AuditQuery, &'static str)> {
        let all = || AuditQuery { limit: 10, ..AuditQuery::default() };
        let words = |words: &[&str]| Some(words.iter().map(|word| (*word).to_owned()).collect());
        vec![
            (all(), "audit_1 (tenant=?"),
            (AuditQuery { failed: true, ..all() }, "audit_failure (tenant=?"),
            (AuditQuery { target: Some("t".into()), ..all() }, "audit_target (tenant=? AND target_hash=?"),
            (AuditQuery { target_name: Some("t".into()), ..all() }, "audit_name (tenant=? AND name_hash=?"),
            (
                AuditQuery { actors: words(&["a"]), ..all() },
                "COVERING INDEX audit_actor (tenant=? AND actor=?",
            ),
            (AuditQuery { actors: words(&["a", "b"]), ..all() }, "audit_actor (tenant=? AND actor=?"),
            (AuditQuery { activities: words(&["a"]), ..all() }, "audit_activity (tenant=? AND activity=?"),
            (
                AuditQuery { activities: words(&["b", "c", "a"]), ..all() },
                "audit_activity (tenant=? AND activity=?",
            ),
        ]
    }

    #[tokio::test]
    async fn a_page_of_the_log_is_one_seek_for_each_word() {
        let store = crate::SqliteStore::open_temporary().unwrap();
        let wrong: store::Result<Vec<String>> = store
            .write(|session| {
                for word in ["a", "b", "c"] {
                    session.intern(word)?;
                }
                let mut wrong = Vec::new();
                for (query, index) in queries() {
                    for ascending in [false, true] {
                        let query = AuditQuery { ascending, ..query.clone() };
                        let plan = plan(session, &Statement::of(session, 1, &query)?)?;
                        let sorts = plan.contains("SCAN") || plan.contains("TEMP B-TREE");
                        if sorts || !plan.contains(index) || !plan.contains(" AND id>? AND id<?)") {
                            wrong.push(plan);
                        }
                    }
                }
                Ok(wrong)
            })
            .await;
        assert_eq!(wrong.unwrap(), Vec::<String>::new());
    }
}
