//! A job whose target becomes another one, in which the same names stand for other accounts.

use std::sync::Arc;

use engine::{ControlError, CycleEnd, Demand, LinkByHand, ResetScope, Subject};
use model::plan::PlanState;
use store::AuditQuery;
use testkit::MemoryTarget;

use crate::rig::{NOTHING, Rig, TENANT, user};

/// Moves the job to another target, where a stranger has the account that is called `t1` in both.
async fn moved(rig: &Rig) -> MemoryTarget {
    let other = MemoryTarget::new().unique("account", "userName");
    let stranger = other.place("account", &[("userName", "stranger".into())]);
    assert_eq!(stranger.as_str(), "t1");
    back_to(rig, "elsewhere", &other).await;
    other
}

async fn back_to(rig: &Rig, identity: &str, target: &MemoryTarget) {
    rig.factory.replace_target(identity, Arc::new(target.clone()));
    rig.set_secrets(&[("BaseAddress", identity)]).await;
}

fn stranger_stays(other: &MemoryTarget) -> bool {
    let stranger = other.object(&"t1".into());
    stranger.is_some_and(|account| account.get("userName").to_string() == "stranger")
}

impl Rig {
    async fn demanded(&self, anchor: &str) -> Result<(), ControlError> {
        let subject = Subject { anchor: anchor.into(), kind: "User".into() };
        let demand = Demand { rule: "rule".into(), subject, linked: Vec::new() };
        self.engine.provision_on_demand(&self.job, demand).await.map(|_| ())
    }
}

fn is_refused(refusal: &ControlError) -> bool {
    matches!(refusal, ControlError::Unfit(words) if words.contains("elsewhere"))
}

#[tokio::test]
async fn a_plan_of_another_target_is_not_applied() {
    let rig = Rig::new().await;
    rig.source.upsert(user(1));
    rig.source.upsert(user(2));
    let first = rig.plan().await;
    let elsewhere = moved(&rig).await;
    let refusal = rig.engine.apply_plan(&rig.job, first.id).await.unwrap_err();
    assert!(is_refused(&refusal), "{refusal}");
    assert_eq!(elsewhere.calls().writes(), 0, "what a person looked at is of the target before");

    back_to(&rig, "memory", &rig.target).await;
    rig.apply(&first).await;
    rig.source.delete("u1");
    let second = rig.plan().await;
    assert_eq!(rig.planned(&second).await, ["delete u1"]);
    let elsewhere = moved(&rig).await;
    let refusal = rig.engine.apply_plan(&rig.job, second.id).await.unwrap_err();
    assert!(is_refused(&refusal), "{refusal}");
    let kept = rig.engine.plan_of(&rig.job, second.id).await.unwrap().unwrap();
    assert_eq!((elsewhere.calls().total(), kept.state), (0, PlanState::Ready));
    rig.good_cycle().await;
    assert!(stranger_stays(&elsewhere));
    assert_eq!(elsewhere.len("account"), 2, "everything is matched anew");
    // Back at the target that the plan is of, the links are the other's.
    back_to(&rig, "memory", &rig.target).await;
    rig.engine.apply_plan(&rig.job, second.id).await.unwrap();
    rig.engine.settle_plans(&rig.job).await;
    let refused = rig.engine.plan_of(&rig.job, second.id).await.unwrap().unwrap();
    assert_eq!((refused.state, rig.accounts().len()), (PlanState::Failed, 2));
}

#[tokio::test]
async fn on_demand_does_not_follow_links_of_another_target() {
    for by_cycle in [true, false] {
        let rig = Rig::new().await;
        rig.source.upsert(user(1));
        if by_cycle {
            rig.good_cycle().await;
        } else {
            rig.demanded("u1").await.unwrap();
        }
        assert_eq!(rig.account_anchor("user1").as_str(), "t1");
        let elsewhere = moved(&rig).await;
        rig.source.set("u1", "department", "Legal");
        let refusal = rig.demanded("u1").await.unwrap_err();
        assert!(is_refused(&refusal), "{refusal}");
        let refusal = rig.engine.explain(&rig.job, &"u1".into()).await.unwrap_err();
        assert!(is_refused(&refusal), "{refusal}");
        rig.source.delete("u1");
        assert!(rig.demanded("u1").await.is_err());
        assert_eq!(elsewhere.calls().total(), 0);
        rig.source.upsert(user(1));
        rig.good_cycle().await;
        rig.demanded("u1").await.unwrap();
        assert!(stranger_stays(&elsewhere));
        assert!(elsewhere.object_by("account", "userName", "user1").is_some());
    }
}

/// Whoever tries a user before the first cycle may have to correct the address.
#[tokio::test]
async fn on_demand_works_at_another_target_while_nothing_is_linked() {
    let rig = Rig::new().await;
    rig.source.upsert(user(1));
    rig.target.faults().unauthorized_from_now_on();
    rig.demanded("u1").await.unwrap();
    assert!(rig.accounts().is_empty());
    let elsewhere = moved(&rig).await;
    rig.demanded("u1").await.unwrap();
    let made = elsewhere.object_by("account", "userName", "user1");
    assert!(made.is_some() && stranger_stays(&elsewhere));
    // From here on the job's links are this target's.
    rig.target.faults().heal();
    let stranger = rig.target.place("account", &[("userName", "other".into())]);
    rig.target.place("account", &[("userName", "stranger".into())]);
    back_to(&rig, "memory", &rig.target).await;
    assert!(rig.demanded("u1").await.is_err());
    assert_eq!(rig.target.object(&stranger).unwrap().get("userName").to_string(), "other");
}

#[tokio::test]
async fn a_link_that_was_set_by_hand_is_followed_at_its_own_target_alone() {
    let rig = Rig::new().await;
    rig.source.upsert(user(1));
    let target = rig.target.place("account", &[("userName", "user1".into())]);
    let link = LinkByHand { rule: None, kind: Some("User".into()), source: "u1".into(), target };
    rig.engine.set_link(&rig.job, link).await.unwrap();
    let elsewhere = moved(&rig).await;
    rig.good_cycle().await;
    assert!(stranger_stays(&elsewhere));
    assert!(elsewhere.object_by("account", "userName", "user1").is_some());
}

/// It would be forgotten with those of the target before, and the account made twice that a person wanted to prevent.
#[tokio::test]
async fn no_link_is_set_by_hand_among_those_of_another_target() {
    let rig = Rig::new().await;
    rig.source.upsert(user(1));
    rig.good_cycle().await;
    let elsewhere = moved(&rig).await;
    let target = elsewhere.place("account", &[("userName", "hired".into())]);
    rig.source.upsert(user(2));
    let link = LinkByHand { rule: None, kind: Some("User".into()), source: "u2".into(), target };
    let refusal = rig.engine.set_link(&rig.job, link.clone()).await.unwrap_err();
    assert!(is_refused(&refusal), "{refusal}");
    // Once the job took the target over, it holds.
    rig.source.delete("u2");
    rig.good_cycle().await;
    rig.source.upsert(user(2));
    rig.engine.set_link(&rig.job, link).await.unwrap();
    rig.good_cycle().await;
    assert!(elsewhere.object_by("account", "userName", "user2").is_some());
    assert_eq!(elsewhere.len("account"), 3, "the stranger's, that of u1, and the one that was linked");
}

#[tokio::test]
async fn a_reviewed_job_whose_target_changed_plans_everything_anew() {
    let rig = Rig::reviewed().await;
    rig.source.upsert(user(1));
    rig.source.upsert(user(2));
    moved(&rig).await;
    rig.good_cycle().await;
    let newest = async || rig.store.plans(&rig.job.id).await.unwrap().remove(0);
    let first = newest().await;
    back_to(&rig, "memory", &rig.target).await;
    rig.good_cycle().await;
    assert_ne!(newest().await.id, first.id, "what waits is of another target, though nothing was linked yet");
    rig.apply(&newest().await).await;
    rig.source.delete("u2");
    rig.good_cycle().await;
    let before = newest().await;
    assert_eq!(rig.planned(&before).await, ["delete u2"]);

    let elsewhere = moved(&rig).await;
    let anew = async || {
        assert_eq!(rig.cycle().await, CycleEnd::Completed);
        let plan = newest().await;
        assert_eq!((plan.state, plan.initial), (PlanState::Ready, true), "{:?}", plan.error);
        assert_eq!(rig.planned(&plan).await, ["create u1"]);
        plan
    };
    let plan = anew().await;
    assert_ne!(plan.id, before.id);
    assert_eq!((rig.status().await.quarantine, elsewhere.calls().writes()), (None, 0));
    assert_eq!(rig.store.hints(&rig.job.id, None, 9).await.unwrap().len(), 2);
    let query = AuditQuery { limit: 100, ..AuditQuery::default() };
    let audited = rig.store.audits(TENANT, query).await.unwrap().records;
    assert!(audited.iter().any(|record| record.activity == "Reset synchronization links"));
    assert_eq!(anew().await.id, plan.id, "it waits for a person");
    rig.apply(&plan).await;
    assert!(stranger_stays(&elsewhere));
    assert_eq!((elsewhere.len("account"), rig.accounts().len()), (2, 2));
    rig.good_cycle().await;
    assert_eq!(newest().await.id, plan.id, "with nothing to do there is nothing to plan");
}

/// Links that were forgotten are not what a plan was computed by.
#[tokio::test]
async fn a_reviewed_job_whose_links_were_forgotten_plans_anew() {
    let rig = Rig::reviewed().await;
    rig.source.upsert(user(1));
    rig.good_cycle().await;
    let newest = async || rig.store.plans(&rig.job.id).await.unwrap().remove(0);
    rig.apply(&newest().await).await;
    rig.restart(ResetScope { watermark: true, ..NOTHING }).await;
    rig.source.upsert(user(2));
    rig.good_cycle().await;
    let before = newest().await;
    assert_eq!(rig.planned(&before).await, ["create u2"]);
    rig.restart(ResetScope { links: true, ..NOTHING }).await;
    rig.good_cycle().await;
    let plan = newest().await;
    assert_ne!(plan.id, before.id);
    assert_eq!(plan.counts.links, 1, "the account is matched anew");
}
