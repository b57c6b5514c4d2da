//! What pages of the provisioning log and of the audit log cost, for a log and for one ten times as long.

mod audits;

use std::sync::Arc;
use std::time::{Duration, Instant};

use model::provisioning::{Action, Outcome};
use model::{SystemEntropy, Timestamp, Uuid};
use store::{ProvisioningPage, ProvisioningQuery, SharedStore};
use store_sqlite::SqliteStore;
use testkit::store_load::{self, Shape, commit_objects};
use testkit::store_suite::Fixture;
use tokio::runtime::Runtime;

use super::latency::Latencies;
use crate::graph::Failure;
use crate::table::Table;

/// Records of a page.
const PAGE: usize = 100;
/// How often each page is asked for.
const ASKED: usize = 200;
/// Records of a commit.
const COMMIT: u64 = 1_000;

/// Asks two logs the same questions.
pub(super) fn run(records: usize) -> Result<Table, Failure> {
    let runtime = Runtime::new()?;
    let (fewer, records) = (u64::try_from(records.div_ceil(10))?, u64::try_from(records)?);
    let small = runtime.block_on(Log::of(fewer))?;
    let large = runtime.block_on(Log::of(records))?;
    let (left, right) = (format!("{fewer} records, p50 ms"), format!("{records} records, p50 ms"));
    let mut table = Table::new(["pages of 100", &left, "p99 ms", &right, "p99 ms"]);
    for (name, query) in questions() {
        let mut one = runtime.block_on(small.ask(&query))?;
        let mut other = runtime.block_on(large.ask(&query))?;
        let figures = [one.permille(500), one.permille(990), other.permille(500), other.permille(990)];
        let [left, left_slow, right, right_slow] = figures;
        table.row([name.to_owned(), left, left_slow, right, right_slow]);
    }
    for (name, query) in audits::questions() {
        let mut one = runtime.block_on(audits::ask(&small, &query))?;
        let mut other = runtime.block_on(audits::ask(&large, &query))?;
        let figures = [one.permille(500), one.permille(990), other.permille(500), other.permille(990)];
        let [left, left_slow, right, right_slow] = figures;
        table.row([format!("audits: {name}"), left, left_slow, right, right_slow]);
    }
    let written = [small.audits_written, large.audits_written];
    let [fewer, more] = written.map(|time| format!("{:.1} s", time.as_secs_f64()));
    table.row(["audits: all written".to_owned(), fewer, String::new(), more, String::new()]);
    Ok(table)
}

/// What is asked, given the log and the number of the question.
type Question = Box<dyn Fn(&Log, u64) -> ProvisioningQuery>;

fn questions() -> Vec<(&'static str, Question)> {
    let all = || ProvisioningQuery { limit: PAGE, ..ProvisioningQuery::default() };
    vec![
        ("newest first", Box::new(move |_, _| all())),
        ("oldest first", Box::new(move |_, _| ProvisioningQuery { ascending: true, ..all() })),
        (
            "anywhere between",
            Box::new(move |log, number| ProvisioningQuery { after: Some(log.somewhere(number)), ..all() }),
        ),
        (
            "of one job",
            Box::new(move |log, number| ProvisioningQuery {
                job: Some(log.fixture.job.clone()),
                after: Some(log.somewhere(number)),
                ..all()
            }),
        ),
        (
            "that failed: none",
            Box::new(move |_, _| ProvisioningQuery { outcome: Some(Outcome::Failure), ..all() }),
        ),
        (
            "that deleted: none, 20,000 looked at",
            Box::new(move |_, _| ProvisioningQuery { action: Some(Action::Delete), ..all() }),
        ),
        (
            "about one object",
            Box::new(move |log, number| ProvisioningQuery {
                anchor: Some(store_load::source(number * 7_919 % log.records).as_str().into()),
                ..all()
            }),
        ),
    ]
}

/// A log of one job.
struct Log {
    fixture: Fixture,
    records: u64,
    first: Timestamp,
    last: Timestamp,
    /// How long it took to write the audit records, of which there are as many.
    audits_written: Duration,
    _folder: tempfile::TempDir,
}

impl Log {
    async fn of(records: u64) -> Result<Self, Failure> {
        let folder = tempfile::tempdir()?;
        let store: SharedStore = Arc::new(SqliteStore::open(&folder.path().join("entente.db"))?);
        let fixture = Fixture::new(store.clone()).await;
        commit_objects(&store, &fixture.job, &SystemEntropy, (records, COMMIT), Shape::Record).await?;
        let end = async |ascending| {
            let query = ProvisioningQuery { ascending, limit: 1, ..ProvisioningQuery::default() };
            let page = store.provisioning(fixture.tenant, query).await?;
            let entry = page.entries.into_iter().next().ok_or("the log is empty")?;
            Ok::<_, Failure>(entry.record.moment)
        };
        let (first, last) = (end(true).await?, end(false).await?);
        let audits_written = audits::write(&fixture, records).await?;
        Ok(Self { fixture, records, first, last, audits_written, _folder: folder })
    }

    /// The beginning of a page: any place that the numbers of questions lead to.
    fn somewhere(&self, number: u64) -> Uuid {
        let span = u64::try_from(self.last.as_millisecond() - self.first.as_millisecond()).unwrap_or(0);
        let place = u64::try_from(self.first.as_millisecond()).unwrap_or(0) + (number * 7_919) % span.max(1);
        Uuid::from_u128(u128::from(place) << 80)
    }

    async fn ask(&self, query: &Question) -> Result<Latencies, Failure> {
        let mut latencies = Latencies::default();
        for number in 0..ASKED {
            let query = query(self, u64::try_from(number)?);
            let begin = Instant::now();
            let _: ProvisioningPage = self.fixture.store.provisioning(self.fixture.tenant, query).await?;
            latencies.add(begin.elapsed());
        }
        Ok(latencies)
    }
}
