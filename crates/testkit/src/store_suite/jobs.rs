//! Jobs, schemas, templates, leases and executions.

use model::job::{Counters, Execution, ExecutionResult, Job, JobStatus, ScheduleState};
use model::settings::Setting;
use model::template::Template;
use model::{CycleId, JobId, ServicePrincipalId};
use store::{Closing, Commit, ProvisioningQuery, SharedStore, StoreError};

use super::fixture::{Fixture, at, id, linked, record, schema};

/// A job belongs to a tenant and a service principal; the scheduler sees the active ones.
pub async fn jobs_are_found_by_tenant_and_owner(store: SharedStore) {
    let fixture = Fixture::new(store.clone()).await;
    let other = Fixture::new(store.clone()).await;
    let job = store.job(fixture.tenant, &fixture.job).await.expect("read").expect("it is there");
    assert_eq!(job, fixture.job_row(fixture.job.clone(), fixture.owner));
    assert_eq!(store.job(other.tenant, &fixture.job).await.expect("read"), None);
    let second = fixture.another_job(fixture.owner).await;
    let _third = fixture.another_job(ServicePrincipalId(id())).await;
    let ids: Vec<JobId> = store
        .jobs_of(fixture.tenant, fixture.owner)
        .await
        .expect("read")
        .into_iter()
        .map(|job| job.id)
        .collect();
    assert_eq!(ids, [fixture.job.clone(), second]);
    assert!(store.jobs_of(other.tenant, fixture.owner).await.expect("read").is_empty());

    let is_active = async || store.active_jobs().await.expect("read").iter().any(|job| job.id == fixture.job);
    assert!(!is_active().await);
    let mut changed = Job { settings: vec![Setting { name: "a".into(), value: "ß".into() }], ..job.clone() };
    changed.schedule.state = ScheduleState::Active;
    store.update_job(changed.clone()).await.expect("written");
    assert!(is_active().await);
    assert_eq!(store.job(fixture.tenant, &fixture.job).await.expect("read"), Some(changed.clone()));
    let foreign = store.update_job(Job { tenant: other.tenant, ..changed }).await;
    assert!(matches!(foreign, Err(StoreError::NotFound { .. })), "{foreign:?}");
    let again = store.create_job(job, schema(1), [0; 16]).await;
    assert!(matches!(again, Err(StoreError::Duplicate { .. })), "{again:?}");

    assert_eq!(store.status(&fixture.job).await.expect("read"), JobStatus::default());
    let status = JobStatus { successive_failures: 3, last_began: Some(at(5)), ..JobStatus::default() };
    store.put_status(&fixture.job, status.clone()).await.expect("written");
    assert_eq!(store.status(&fixture.job).await.expect("read"), status);
    let missing = store.status(&JobId::from_text("nothing")).await;
    assert!(matches!(missing, Err(StoreError::NotFound { .. })), "{missing:?}");
}

/// Versions follow one another; each can be read.
pub async fn schemas_are_versioned(store: SharedStore) {
    let fixture = Fixture::new(store.clone()).await;
    assert_eq!(store.schema(&fixture.job).await.expect("read"), schema(1));
    store.put_schema(&fixture.job, schema(2)).await.expect("written");
    for wrong in [2, 4] {
        let refused = store.put_schema(&fixture.job, schema(wrong)).await;
        assert!(matches!(refused, Err(StoreError::VersionMismatch)), "{refused:?}");
    }
    assert_eq!(store.schema(&fixture.job).await.expect("read"), schema(2));
    assert_eq!(store.schema_version(&fixture.job, 1).await.expect("read"), Some(schema(1)));
    assert_eq!(store.schema_version(&fixture.job, 3).await.expect("read"), None);
    let listed = store.schema_versions(&fixture.job).await.expect("read");
    assert_eq!(listed.iter().map(|version| version.number).collect::<Vec<_>>(), [2, 1]);
    assert_eq!(listed[0].moment, schema(2).moment);
    assert_eq!(listed[0].schema, model::schema::Schema::default());
}

/// Templates are found under the service principal of their application, and nobody's change is lost.
pub async fn templates_belong_to_an_application(store: SharedStore) {
    let fixture = Fixture::new(store.clone()).await;
    let other = Fixture::new(store.clone()).await;
    let (tenant, owner) = (fixture.tenant, fixture.owner);
    let template = |name: &str, tag: &str| Template {
        id: name.into(),
        application_id: id(),
        description: None,
        discoverable: true,
        factory_tag: tag.to_owned(),
        default: false,
        metadata: Vec::new(),
        connectors: [("d".to_owned(), "c".into())].into(),
        schema: schema(1).schema,
    };
    let (a, b, changed) = (template("a", "x"), template("b", "x"), template("a", "y"));
    for one in [&b, &a] {
        store.put_template(tenant, owner, one.clone(), None).await.expect("written");
    }
    let late = store.put_template(tenant, owner, changed.clone(), None).await;
    assert!(matches!(late, Err(StoreError::VersionMismatch)), "{late:?}");
    store.put_template(tenant, owner, changed.clone(), Some(a.clone())).await.expect("written");
    let late = store.put_template(tenant, owner, b.clone(), Some(a)).await;
    assert!(matches!(late, Err(StoreError::VersionMismatch)), "{late:?}");
    assert_eq!(store.templates_of(tenant, owner).await.expect("read"), [changed, b]);
    assert!(store.templates_of(other.tenant, owner).await.expect("read").is_empty());
    assert!(store.templates_of(tenant, other.owner).await.expect("read").is_empty());
    store.delete_template(tenant, owner, "A").await.expect("removed, in any case of its id");
    let gone = store.delete_template(tenant, owner, "a").await;
    assert!(matches!(gone, Err(StoreError::NotFound { .. })), "{gone:?}");
    assert_eq!(store.templates_of(tenant, owner).await.expect("read").len(), 1);
}

/// One holder at a time; the fence rises with every grant to another.
pub async fn a_lease_is_held_by_one(store: SharedStore) {
    let fixture = Fixture::new(store.clone()).await;
    let (one, other) = (id(), id());
    let lease = |holder, now, until| store.lease(&fixture.job, holder, at(now), at(until));
    let first = lease(one, 0, 10).await.expect("asked").expect("granted");
    assert_eq!(first.until, at(10));
    assert_eq!(lease(other, 5, 15).await.expect("asked"), None);
    let renewed = lease(one, 9, 20).await.expect("asked").expect("renewed");
    assert_eq!((renewed.fence, renewed.until), (first.fence, at(20)));
    assert_eq!(lease(other, 19, 30).await.expect("asked"), None, "the renewal holds");
    let taken = lease(other, 20, 30).await.expect("asked").expect("it had ended");
    assert!(taken.fence > renewed.fence);
    assert_eq!(lease(one, 21, 40).await.expect("asked"), None);
    store.release_lease(&fixture.job, one).await.expect("nothing to give back");
    assert_eq!(lease(one, 21, 40).await.expect("asked"), None, "only the holder gives it back");
    store.release_lease(&fixture.job, other).await.expect("given back");
    let again = lease(one, 21, 40).await.expect("asked").expect("granted");
    assert!(again.fence > taken.fence);

    let contenders = (0..8).map(|_| lease(id(), 50, 60));
    let granted = futures::future::join_all(contenders).await;
    assert_eq!(granted.iter().filter(|grant| matches!(grant, Ok(Some(_)))).count(), 1);
}

/// The newest execution comes first.
pub async fn executions_come_newest_first(store: SharedStore) {
    let fixture = Fixture::new(store.clone()).await;
    let execution = |number: i64| Execution {
        cycle: CycleId(model::Uuid::from_u128(7)),
        result: ExecutionResult::EntryLevelErrors,
        began: at(number),
        ended: at(number + 1),
        counters: Counters { exported: 3, ..Counters::default() },
        error: None,
    };
    for number in 1..=4 {
        let status = JobStatus {
            successive_failures: u64::try_from(number).expect("positive"),
            ..JobStatus::default()
        };
        let closing = Closing { status, execution: Some(execution(number)) };
        fixture.commit(Commit { closing: Some(Box::new(closing)), ..Commit::default() }).await;
    }
    let newest = store.executions(&fixture.job, 3).await.expect("read");
    assert_eq!(newest, [execution(4), execution(3), execution(2)]);
    assert_eq!(store.status(&fixture.job).await.expect("read").successive_failures, 4);
}

/// A job goes with all that it remembers; what it logged stays.
pub async fn a_removed_job_leaves_its_log(store: SharedStore) {
    let fixture = Fixture::new(store.clone()).await;
    let other = Fixture::new(store.clone()).await;
    fixture
        .commit(Commit {
            entries: vec![linked("rule", "s", "t")],
            log: vec![record(id(), at(1), "s", Some("t"))],
            ..Commit::default()
        })
        .await;
    let foreign = store.delete_job(other.tenant, &fixture.job).await;
    assert!(matches!(foreign, Err(StoreError::NotFound { .. })), "{foreign:?}");
    store.delete_job(fixture.tenant, &fixture.job).await.expect("removed");
    assert_eq!(store.job(fixture.tenant, &fixture.job).await.expect("read"), None);
    let log = store
        .provisioning(fixture.tenant, ProvisioningQuery { limit: 10, ..ProvisioningQuery::default() })
        .await
        .expect("read")
        .entries;
    assert_eq!(log.len(), 1);
    assert_eq!(log[0].job, fixture.job);
    // A job of the same id begins without memories.
    let row = fixture.job_row(fixture.job.clone(), fixture.owner);
    store.create_job(row, schema(1), [9; 16]).await.expect("made anew");
    assert!(store.entries(&fixture.job, &["s".into()]).await.expect("read").is_empty());
    assert!(store.managed_counts(&fixture.job).await.expect("read").is_empty());
    assert_eq!(store.job_key(&fixture.job).await.expect("read"), [9; 16]);
}
