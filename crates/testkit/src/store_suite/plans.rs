//! Plans and their changes.

use model::Uuid;
use model::plan::{ChangeResult, Plan, PlanCounts, PlanScope, PlanState, PlannedChange, PlannedReferences};
use store::{SharedStore, StoreError};

use super::fixture::{Fixture, at, id, record};

fn plan(id: Uuid, state: PlanState) -> Plan {
    Plan {
        id,
        author: "client".into(),
        scope: PlanScope::Cycle,
        state,
        initial: true,
        schema: 3,
        created: at(1),
        computed: Some(at(2)),
        applied: None,
        counts: PlanCounts { creates: 2, ..PlanCounts::default() },
        over_limits: false,
        error: None,
        basis: "opaque".into(),
    }
}

fn change(number: u64) -> PlannedChange {
    PlannedChange {
        number,
        rule: "rule".into(),
        record: record(id(), at(1), "source", None),
        references: Some(PlannedReferences {
            attribute: "members".into(),
            multivalued: true,
            added: vec!["a".into(), "b".into()],
            removed: Vec::new(),
        }),
        result: None,
    }
}

/// Plans and changes come back as they were written, are written over, and stay within their job.
pub async fn plans_come_back_whole(store: SharedStore) {
    let fixture = Fixture::new(store.clone()).await;
    let other_job = fixture.another_job(fixture.owner).await;
    let one = plan(id(), PlanState::Computing);
    store.put_plan(&fixture.job, one.clone(), 5).await.expect("written");
    let ready = Plan { state: PlanState::Ready, ..one.clone() };
    store.put_plan(&fixture.job, ready.clone(), 5).await.expect("written over");
    assert_eq!(store.plan(&fixture.job, one.id).await.expect("read"), Some(ready));
    assert_eq!(store.plan(&other_job, one.id).await.expect("read"), None);

    let changes: Vec<PlannedChange> = (1..=5).map(change).collect();
    store.put_changes(&fixture.job, one.id, changes.clone()).await.expect("written");
    let page =
        async |after, limit| store.planned_changes(&fixture.job, one.id, after, limit).await.expect("read");
    assert_eq!(page(0, 2).await, changes[..2]);
    assert_eq!(page(2, 10).await, changes[2..]);
    let done = PlannedChange { result: Some(ChangeResult::Applied), ..changes[1].clone() };
    store.put_changes(&fixture.job, one.id, vec![done.clone()]).await.expect("written over");
    assert_eq!(page(1, 1).await, [done]);
    assert!(store.planned_changes(&other_job, one.id, 0, 9).await.expect("read").is_empty());
    let gone = store.put_changes(&other_job, one.id, vec![change(1)]).await;
    assert!(matches!(gone, Err(StoreError::NotFound { what: "plan", .. })), "{gone:?}");
}

/// Of a job's plans the newest stay; the others go with their changes, and all go with the job.
pub async fn old_plans_go(store: SharedStore) {
    let fixture = Fixture::new(store.clone()).await;
    let other_job = fixture.another_job(fixture.owner).await;
    let ids: Vec<Uuid> = (1..=4).map(|number| Uuid::from_u128(id().as_u128() >> 8 | number << 120)).collect();
    store.put_plan(&other_job, plan(ids[0], PlanState::Ready), 2).await.expect("written");
    for one in &ids {
        store.put_plan(&fixture.job, plan(*one, PlanState::Ready), 2).await.expect("written");
        store.put_changes(&fixture.job, *one, vec![change(1)]).await.expect("written");
    }
    let kept: Vec<Uuid> =
        store.plans(&fixture.job).await.expect("read").into_iter().map(|plan| plan.id).collect();
    assert_eq!(kept, [ids[3], ids[2]], "the newest come first");
    let changes = async |plan| store.planned_changes(&fixture.job, plan, 0, 9).await.expect("read").len();
    assert_eq!((changes(ids[1]).await, changes(ids[2]).await), (0, 1));
    assert_eq!(store.plans(&other_job).await.expect("read").len(), 1);
    store.delete_job(fixture.tenant, &fixture.job).await.expect("removed");
    assert!(store.plans(&fixture.job).await.is_err());
}
