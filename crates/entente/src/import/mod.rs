//! `entente import`: users, groups and memberships of files, sent over the Graph API as any client could.
//!
//! All rows are checked before the first is sent. What a row names is made, or brought to what the row says, so that an
//! import that was broken off is simply begun anew.

mod file;
mod load;
mod row;

use std::collections::HashSet;
use std::future::Future;
use std::hash::{BuildHasher as _, RandomState};
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::Instant;

use anyhow::{Result, bail};
use comfy_table::Table;
use comfy_table::presets::UTF8_FULL_CONDENSED;
use futures::{StreamExt as _, TryStreamExt as _, stream};

use self::file::{Mistake, Rows};
use self::load::{BOUND, Counts, Load, Named, Pair};
use self::row::Row;
use crate::client::{BATCH, Graph};
use crate::progress::Progress;

/// Batches in flight. The service writes what waits together, so more at once cost it less each.
const AT_ONCE: usize = 16;
/// Mistakes that are shown before nothing is sent.
const SHOWN: usize = 20;

/// What is imported.
pub(crate) struct Import {
    pub(crate) files: Vec<PathBuf>,
    /// Stands between the cells of tables.
    pub(crate) delimiter: u8,
}

/// How many rows there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rowcount {
    users: u64,
    groups: u64,
    managers: u64,
    memberships: u64,
}

impl Import {
    /// Checks all rows.
    ///
    /// # Errors
    /// Where a file cannot be read, or a row cannot be taken: the words name each, up to twenty, by file, line and column.
    pub(crate) fn check(&self) -> Result<Rowcount> {
        let (mut count, mut mistakes, mut wrong) = (Rowcount::default(), Vec::new(), 0_u64);
        let mut seen = Seen::default();
        for row in self.rows() {
            let checked = row?.and_then(|(place, row)| match seen.twice(&row) {
                Some(words) => Err(Mistake { place, words }),
                None => Ok(row),
            });
            match checked {
                Ok(Row::User { manager, .. }) => {
                    count.users += 1;
                    count.managers += u64::from(manager.is_some());
                }
                Ok(Row::Group { .. }) => count.groups += 1,
                Ok(Row::Membership { .. }) => count.memberships += 1,
                Err(mistake) => {
                    wrong += 1;
                    if mistakes.len() < SHOWN {
                        mistakes.push(mistake);
                    }
                }
            }
        }
        if wrong > 0 {
            let rows = if wrong == 1 { "one row" } else { &*format!("{wrong} rows") };
            bail!("{rows} cannot be taken, so nothing was sent\n{}", lines(&mistakes, wrong));
        }
        Ok(count)
    }

    /// Sends all rows, and prints what came of it.
    ///
    /// # Errors
    /// Where the service cannot be reached, or refused rows, which are told first.
    pub(crate) async fn load(&self, graph: &Graph, count: Rowcount) -> Result<()> {
        let begin = Instant::now();
        let load = Load::new(graph);
        let users = self.named(|row| match row {
            Row::User { principal, properties, .. } => Some((principal, properties)),
            _ => None,
        });
        each("Users", count.users, users, BATCH, |rows| load.users(rows)).await?;
        let groups = self.named(|row| match row {
            Row::Group { nickname, properties } => Some((nickname, properties)),
            _ => None,
        });
        each("Groups", count.groups, groups, BATCH, |rows| load.groups(rows)).await?;
        let managers = self.pairs(|row| match row {
            Row::User { principal, manager: Some(manager), .. } => Some((principal, manager)),
            _ => None,
        });
        each("Managers", count.managers, managers, BATCH, |rows| load.managers(rows)).await?;
        let memberships = self.pairs(|row| match row {
            Row::Membership { group, member } => Some((group, member)),
            _ => None,
        });
        each("Memberships", count.memberships, memberships, BATCH * BOUND, |rows| load.memberships(rows))
            .await?;
        report(&load, count, begin)
    }

    /// All rows of all files, in their order.
    fn rows(&self) -> impl Iterator<Item = Result<<Rows as Iterator>::Item>> {
        self.files.iter().flat_map(|path| {
            let (rows, failure) = match Rows::open(path, self.delimiter) {
                Ok(rows) => (Some(rows), None),
                Err(error) => (None, Some(Err(error))),
            };
            rows.into_iter().flatten().map(Ok).chain(failure)
        })
    }

    /// Rows that name an object. The rows were checked: one that is wrong by now was changed meanwhile, and ends the import.
    fn named(
        &self,
        take: impl Fn(Row) -> Option<(String, serde_json::Map<String, serde_json::Value>)>,
    ) -> impl Iterator<Item = Result<Named>> {
        self.rows().filter_map(move |row| match sound(row) {
            Ok((place, row)) => take(row).map(|(key, properties)| Ok((place, key, properties))),
            Err(error) => Some(Err(error)),
        })
    }

    /// Rows that name two objects.
    fn pairs(&self, take: impl Fn(Row) -> Option<(String, String)>) -> impl Iterator<Item = Result<Pair>> {
        self.rows().filter_map(move |row| match sound(row) {
            Ok((place, row)) => take(row).map(|(one, other)| Ok((place, one, other))),
            Err(error) => Some(Err(error)),
        })
    }
}

/// Which users and groups rows have named, by hashes of their names: the names of a million would take a hundred megabytes.
#[derive(Default)]
struct Seen {
    hasher: RandomState,
    hashes: HashSet<u64>,
}

impl Seen {
    /// What is wrong with a row of a user or group that another row names already. Parts of an import are sent at once: two
    /// rows would be written in either order, and two groups made of one.
    fn twice(&mut self, row: &Row) -> Option<String> {
        let (kind, name) = match row {
            Row::User { principal, .. } => ("user", principal),
            Row::Group { nickname, .. } => ("group", nickname),
            Row::Membership { .. } => return None,
        };
        let fresh = self.hashes.insert(self.hasher.hash_one((kind, name.to_lowercase())));
        (!fresh)
            .then(|| format!("another row names the {kind} '{name}' already: keep one row of each {kind}"))
    }
}

fn sound(row: Result<<Rows as Iterator>::Item>) -> Result<(file::Place, Row)> {
    row?.map_err(|mistake| anyhow::anyhow!("the file was changed while it was imported\n{mistake}"))
}

/// Sends rows in parts, several at once, and shows the progress.
async fn each<R, F>(
    what: &'static str,
    total: u64,
    rows: impl Iterator<Item = Result<R>>,
    size: usize,
    send: impl Fn(Vec<R>) -> F,
) -> Result<()>
where
    F: Future<Output = Result<()>>,
{
    if total == 0 {
        return Ok(());
    }
    let progress = Progress::begin(what, total);
    let mut rows = rows;
    let parts = std::iter::from_fn(move || {
        let part: Vec<Result<R>> = rows.by_ref().take(size).collect();
        (!part.is_empty()).then(|| part.into_iter().collect::<Result<Vec<R>>>())
    });
    let sent = stream::iter(parts).map(|part| async {
        let part = part?;
        let count = part.len();
        send(part).await?;
        Ok::<_, anyhow::Error>(count)
    });
    sent.buffer_unordered(AT_ONCE)
        .try_for_each(|count| {
            progress.advance(count);
            std::future::ready(Ok(()))
        })
        .await?;
    progress.end();
    Ok(())
}

/// Prints what came of the rows.
fn report(load: &Load<'_>, count: Rowcount, begin: Instant) -> Result<()> {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).set_header(["", "rows", "created", "in place", "failed"]);
    let mut failed = 0;
    let mut row = |what: &str, rows: u64, counts: &Counts| {
        let number = |count: &std::sync::atomic::AtomicU64| count.load(Ordering::Relaxed);
        failed += number(&counts.failed);
        let cells = [rows, number(&counts.created), number(&counts.present), number(&counts.failed)];
        table.add_row(std::iter::once(what.to_owned()).chain(cells.map(|cell| cell.to_string())));
    };
    row("users", count.users, &load.users);
    row("groups", count.groups, &load.groups);
    row("managers", count.managers, &load.managers);
    row("memberships", count.memberships, &load.memberships);
    println!("{table}");
    println!("{:.1} s", begin.elapsed().as_secs_f64());
    if failed > 0 {
        bail!("{failed} rows were refused\n{}", lines(&load.mistakes(), failed));
    }
    Ok(())
}

/// Mistakes as lines, and how many there are beside them.
fn lines(mistakes: &[Mistake], all: u64) -> String {
    let mut lines: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
    let more = all.saturating_sub(mistakes.len() as u64);
    if more > 0 {
        lines.push(format!("… and {more} more"));
    }
    lines.join("\n")
}

impl std::fmt::Display for Rowcount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { users, groups, managers, memberships } = self;
        write!(f, "{users} users, {groups} groups, {managers} managers, {memberships} memberships")
    }
}
