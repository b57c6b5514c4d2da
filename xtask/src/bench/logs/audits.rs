//! The audit log: as many records as the provisioning log has, of a hundred clients, twenty activities and many targets.

use std::time::{Duration, Instant};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use model::{Entropy as _, SignedDuration, SystemEntropy};
use serde_json::json;
use store::{AuditPage, AuditQuery, AuditRecord};
use testkit::store_load;
use testkit::store_suite::{Fixture, at};

use super::super::latency::Latencies;
use super::{ASKED, Log, PAGE};
use crate::graph::Failure;

/// Records that wait to be written at once.
const WRITERS: usize = 256;
const ACTORS: u64 = 100;
const ACTIVITIES: u64 = 20;

/// What is asked, given the log and the number of the question.
type Question = Box<dyn Fn(&Log, u64) -> AuditQuery>;

fn actor(number: u64) -> String {
    format!("00000000-0000-0000-0000-{:012}", number % ACTORS)
}

fn activity(number: u64) -> String {
    format!("Update thing {}", number % ACTIVITIES)
}

/// Every target has ten records.
fn target(number: u64, records: u64) -> String {
    store_load::source(number % records.div_ceil(10)).as_str().to_owned()
}

/// Writes the log; returns how long that took.
pub(super) async fn write(fixture: &Fixture, records: u64) -> Result<Duration, Failure> {
    let begin = Instant::now();
    stream::iter(0..records)
        .map(|number| {
            let moment = at(0) + SignedDuration::from_millis(i64::try_from(number).unwrap_or(0));
            let target = target(number, records);
            let record = AuditRecord {
                id: SystemEntropy.uuid_at(moment),
                moment,
                actor: actor(number),
                activity: activity(number / ACTORS),
                old: None,
                new: Some(json!({ "displayName": target.as_str(), "mailNickname": target.as_str() })),
                target,
                success: number != 5,
            };
            fixture.store.audit(fixture.tenant, record)
        })
        .buffer_unordered(WRITERS)
        .try_collect::<()>()
        .await?;
    Ok(begin.elapsed())
}

pub(super) fn questions() -> Vec<(&'static str, Question)> {
    let all = || AuditQuery { limit: PAGE, ..AuditQuery::default() };
    let actors = |number| Some(vec![actor(number)]);
    let activities = |number| Some(vec![activity(number)]);
    vec![
        ("newest first", Box::new(move |_, _| all())),
        ("oldest first", Box::new(move |_, _| AuditQuery { ascending: true, ..all() })),
        (
            "of one target",
            Box::new(move |log, number| AuditQuery {
                target: Some(target(number * 7_919, log.records)),
                ..all()
            }),
        ),
        (
            "of one target by name",
            Box::new(move |log, number| AuditQuery {
                target_name: Some(target(number * 7_919, log.records)),
                ..all()
            }),
        ),
        ("by one actor", Box::new(move |_, number| AuditQuery { actors: actors(number), ..all() })),
        (
            "by one actor, oldest first",
            Box::new(move |_, number| AuditQuery { actors: actors(number), ascending: true, ..all() }),
        ),
        (
            "of one activity",
            Box::new(move |_, number| AuditQuery { activities: activities(number), ..all() }),
        ),
        (
            "of ten activities",
            Box::new(move |_, _| AuditQuery { activities: Some((0..10).map(activity).collect()), ..all() }),
        ),
        (
            "of one actor and activity",
            Box::new(move |_, number| AuditQuery {
                actors: actors(number),
                activities: activities(number),
                ..all()
            }),
        ),
        ("that failed: one, the oldest", Box::new(move |_, _| AuditQuery { failed: true, ..all() })),
    ]
}

pub(super) async fn ask(log: &Log, query: &Question) -> Result<Latencies, Failure> {
    let mut latencies = Latencies::default();
    for number in 0..ASKED {
        let query = query(log, u64::try_from(number)?);
        let begin = Instant::now();
        let _: AuditPage = log.fixture.store.audits(log.fixture.tenant, query).await?;
        latencies.add(begin.elapsed());
    }
    Ok(latencies)
}
