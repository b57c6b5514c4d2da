//! A connection within a transaction, and the names that rows hold as numbers.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use model::Name;
use rusqlite::{CachedStatement, Connection, Params, Row, Statement};

use crate::error::{Done, corrupt};

/// Names that are known by number. They are few (rules, types, attributes, jobs) and never change.
#[derive(Debug, Default)]
pub(crate) struct Names(RwLock<Maps>);

#[derive(Debug, Default)]
struct Maps {
    ids: HashMap<Name, i64>,
    texts: HashMap<i64, Name>,
}

impl Names {
    fn id(&self, text: &str) -> Option<i64> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).ids.get(text).copied()
    }

    fn text(&self, id: i64) -> Option<Name> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).texts.get(&id).cloned()
    }

    fn learn(&self, known: impl IntoIterator<Item = (Name, i64)>) {
        let mut maps = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for (text, id) in known {
            maps.texts.insert(id, text.clone());
            maps.ids.insert(text, id);
        }
    }
}

/// The text of a statement.
#[derive(Clone, Copy)]
pub(crate) enum Sql<'s> {
    /// One that stands in the program: it is known by its address.
    Fixed(&'static str),
    /// One that was put together.
    Built(&'s str),
}

impl From<&'static str> for Sql<'static> {
    fn from(sql: &'static str) -> Self {
        Self::Fixed(sql)
    }
}

impl<'s> From<&'s String> for Sql<'s> {
    fn from(sql: &'s String) -> Self {
        Self::Built(sql)
    }
}

/// A connection within a transaction.
pub(crate) struct Session<'a> {
    connection: &'a Connection,
    /// Fixed statements that were used, by address: a page runs the same few thousands of times, and the connection's
    /// own cache hashes the whole text each time.
    statements: RefCell<HashMap<(usize, usize), CachedStatement<'a>>>,
    names: &'a Names,
    /// Names that this transaction made: nobody else knows them before it is committed.
    fresh: RefCell<Vec<(Name, i64)>>,
}

impl<'a> Session<'a> {
    pub(crate) fn new(connection: &'a Connection, names: &'a Names) -> Self {
        Self { connection, statements: RefCell::default(), names, fresh: RefCell::default() }
    }

    /// How many names the transaction has made; [`forget`](Self::forget) goes back to that.
    pub(crate) fn mark(&self) -> usize {
        self.fresh.borrow().len()
    }

    /// Forgets names whose rows were rolled back.
    pub(crate) fn forget(&self, mark: usize) {
        self.fresh.borrow_mut().truncate(mark);
    }

    /// The transaction is durable: its names are everybody's.
    pub(crate) fn publish(&self) {
        let fresh = self.fresh.take();
        if !fresh.is_empty() {
            self.names.learn(fresh);
        }
    }

    /// The number of a name; none where no row can hold it.
    pub(crate) fn id(&self, text: &str) -> Done<Option<i64>> {
        if let Some(id) = self.names.id(text) {
            return Ok(Some(id));
        }
        if let Some((_, id)) = self.fresh.borrow().iter().find(|(known, _)| known == text) {
            return Ok(Some(*id));
        }
        let found = self.first("SELECT id FROM name WHERE text = ?1", [text], |row| Ok(row.get(0)?))?;
        if let Some(id) = found {
            self.names.learn([(Name::from(text), id)]);
        }
        Ok(found)
    }

    /// The number of a name, made where it is new.
    pub(crate) fn intern(&self, text: &str) -> Done<i64> {
        if let Some(id) = self.id(text)? {
            return Ok(id);
        }
        self.run("INSERT INTO name (text) VALUES (?1)", [text])?;
        let id = self.connection.last_insert_rowid();
        self.fresh.borrow_mut().push((Name::from(text), id));
        Ok(id)
    }

    /// The name of a number.
    pub(crate) fn name(&self, id: i64) -> Done<Name> {
        if let Some(text) = self.names.text(id) {
            return Ok(text);
        }
        if let Some((text, _)) = self.fresh.borrow().iter().find(|(_, known)| *known == id) {
            return Ok(text.clone());
        }
        let text = self.first("SELECT text FROM name WHERE id = ?1", [id], |row| text(row, 0))?;
        let text = text.ok_or_else(|| corrupt("a row", &format!("name {id} is missing")))?;
        self.names.learn([(text.clone(), id)]);
        Ok(text)
    }

    /// Runs a statement; returns how many rows it changed.
    pub(crate) fn run<'s>(&self, sql: impl Into<Sql<'s>>, params: impl Params) -> Done<usize> {
        let sql = sql.into();
        let mut statement = self.take(sql)?;
        let changed = statement.execute(params);
        self.put_back(sql, statement);
        Ok(changed?)
    }

    /// The number that the last insertion gave its row.
    pub(crate) fn inserted(&self) -> i64 {
        self.connection.last_insert_rowid()
    }

    /// The first row.
    pub(crate) fn first<'s, T>(
        &self,
        sql: impl Into<Sql<'s>>,
        params: impl Params,
        map: impl FnOnce(&Row<'_>) -> Done<T>,
    ) -> Done<Option<T>> {
        let sql = sql.into();
        let mut statement = self.take(sql)?;
        let found = first_row(&mut statement, params, map);
        self.put_back(sql, statement);
        found
    }

    /// All rows.
    pub(crate) fn all<'s, T>(
        &self,
        sql: impl Into<Sql<'s>>,
        params: impl Params,
        map: impl FnMut(&Row<'_>) -> Done<T>,
    ) -> Done<Vec<T>> {
        let mut all = Vec::new();
        self.each(sql, params, map, |one| {
            all.push(one);
            true
        })?;
        Ok(all)
    }

    /// Rows one after another, until `take` has enough.
    pub(crate) fn each<'s, T>(
        &self,
        sql: impl Into<Sql<'s>>,
        params: impl Params,
        map: impl FnMut(&Row<'_>) -> Done<T>,
        take: impl FnMut(T) -> bool,
    ) -> Done<()> {
        let sql = sql.into();
        let mut statement = self.take(sql)?;
        let ended = rows(&mut statement, params, map, take);
        self.put_back(sql, statement);
        ended
    }

    /// A statement to be used. It is not among the others until it is put back, so that work on its rows can run the same
    /// again.
    fn take(&self, sql: Sql<'_>) -> Done<CachedStatement<'a>> {
        let text = match sql {
            Sql::Built(text) => text,
            Sql::Fixed(text) => {
                if let Some(known) = self.statements.borrow_mut().remove(&address(text)) {
                    return Ok(known);
                }
                text
            }
        };
        Ok(self.connection.prepare_cached(text)?)
    }

    /// Keeps a fixed statement for the rest of the transaction; others go back to the connection.
    fn put_back(&self, sql: Sql<'_>, statement: CachedStatement<'a>) {
        if let Sql::Fixed(text) = sql {
            self.statements.borrow_mut().insert(address(text), statement);
        }
    }
}

fn address(text: &'static str) -> (usize, usize) {
    (text.as_ptr().addr(), text.len())
}

fn first_row<T>(
    statement: &mut Statement<'_>,
    params: impl Params,
    map: impl FnOnce(&Row<'_>) -> Done<T>,
) -> Done<Option<T>> {
    statement.query(params)?.next()?.map(map).transpose()
}

fn rows<T>(
    statement: &mut Statement<'_>,
    params: impl Params,
    mut map: impl FnMut(&Row<'_>) -> Done<T>,
    mut take: impl FnMut(T) -> bool,
) -> Done<()> {
    let mut rows = statement.query(params)?;
    while let Some(row) = rows.next()? {
        if !take(map(row)?) {
            break;
        }
    }
    Ok(())
}

/// A column of text, without an allocation where it is short.
pub(crate) fn text(row: &Row<'_>, column: usize) -> Done<Name> {
    Ok(Name::from(row.get_ref(column)?.as_str()?))
}

/// A column of text or null.
pub(crate) fn optional_text(row: &Row<'_>, column: usize) -> Done<Option<Name>> {
    Ok(row.get_ref(column)?.as_str_or_null()?.map(Name::from))
}
