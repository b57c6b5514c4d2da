//! Plans: computed without a write, applied as far as they still hold.

use connector::ErrorClass;
use engine::{ControlError, Subject};
use model::plan::{Plan, PlanScope, PlanState, PlannedChange};
use model::provisioning::Outcome;
use model::{Clock as _, SignedDuration};
use serde_json::json;
use store::{Commit, EdgeWrite};
use testkit::{Fault, Gate, MemorySource, MemoryTarget, Method, SeededEntropy};

use crate::rig::{Rig, group, managed_by, schema, user};

fn subject(anchor: &str) -> (Option<model::Name>, Subject) {
    (None, Subject { anchor: anchor.into(), kind: "user".into() })
}

impl Rig {
    /// A job in which a plan waits for review in the place of each cycle.
    pub(crate) async fn reviewed() -> Self {
        let mut rig = Self::new().await;
        rig.set_settings(&[("ApplyMode", "AfterReview")]).await;
        rig
    }

    pub(crate) async fn plan(&self) -> Plan {
        let plan = self.engine.plan(&self.job, "me", None).await.unwrap();
        assert_eq!(plan.state, PlanState::Computing);
        self.engine.settle_plans(&self.job).await;
        self.engine.plan_of(&self.job, plan.id).await.unwrap().unwrap()
    }

    pub(crate) async fn apply(&self, plan: &Plan) -> Plan {
        let applying = self.engine.apply_plan(&self.job, plan.id).await.unwrap();
        assert_eq!(applying.state, PlanState::Applying);
        self.engine.settle_plans(&self.job).await;
        let plan = self.engine.plan_of(&self.job, plan.id).await.unwrap().unwrap();
        assert_eq!(plan.state, PlanState::Applied, "{:?}", plan.error);
        plan
    }

    /// The plan that was made last.
    pub(crate) async fn newest(&self) -> Plan {
        self.store.plans(&self.job.id).await.unwrap().remove(0)
    }

    pub(crate) async fn changes(&self, plan: &Plan) -> Vec<PlannedChange> {
        self.store.planned_changes(&self.job.id, plan.id, 0, 10_000).await.unwrap()
    }

    /// What is planned, such as `create u1`, with what came of it.
    pub(crate) async fn planned(&self, plan: &Plan) -> Vec<String> {
        let line = |change: &PlannedChange| {
            let record = &change.record;
            let what = match &change.references {
                Some(of) => format!("{} +{} -{}", of.attribute, of.added.len(), of.removed.len()),
                None if record.outcome == Outcome::Failure => "failure".to_owned(),
                None => record.action.wire().to_owned(),
            };
            let result = change.result.map(|result| format!(" {}", result.wire())).unwrap_or_default();
            format!("{what} {}{result}", record.source.anchor.as_ref().unwrap())
        };
        self.changes(plan).await.iter().map(line).collect()
    }

    pub(crate) async fn runtime(&self) -> Option<String> {
        self.store.runtime(&self.job.id).await.unwrap()
    }
}

#[tokio::test]
async fn an_initial_plan_shows_everything_and_touches_nothing() {
    let rig = Rig::new().await;
    rig.source.upsert(managed_by(user(1), 2));
    rig.source.upsert(user(2));
    rig.source.upsert(group("staff"));
    rig.source.add_member("staff", "u1");
    rig.target.place("account", &[("userName", "user2".into()), ("name", "Somebody".into())]);
    rig.target.forget_calls();
    let plan = rig.plan().await;
    assert_eq!(
        (plan.state, plan.scope, plan.initial),
        (PlanState::Ready, PlanScope::Cycle, true),
        "{:?}",
        plan.error
    );
    let mut planned = rig.planned(&plan).await;
    planned.sort();
    assert_eq!(
        planned,
        ["create staff", "create u1", "manager +1 -0 u1", "members +1 -0 staff", "update u2"]
    );
    let counts = plan.counts;
    assert_eq!((counts.objects, counts.creates, counts.updates, counts.references_added), (3, 2, 1, 2));
    assert_eq!(rig.target.calls().writes(), 0);
    assert!(rig.log().await.is_empty() && rig.runtime().await.is_none());
    assert!(rig.store.links(&rig.job.id, None, 9).await.unwrap().is_empty());

    let applied = rig.apply(&plan).await;
    assert_eq!((applied.counts.applied, applied.counts.stale, applied.counts.failed), (5, 0, 0));
    let manager = rig.account_anchor("user2");
    assert_eq!(rig.account("user1").unwrap().get("manager").as_reference(), Some(&manager));
    let team = rig.target.object_by("team", "name", "staff").unwrap();
    assert_eq!(rig.target.references(&team.anchor, "members"), [rig.account_anchor("user1")]);
    assert_eq!(rig.story("u1").await[0], "create success");
    // The plan stood in the place of the cycle.
    rig.target.forget_calls();
    let yielded = rig.source.yielded();
    rig.good_cycle().await;
    assert_eq!(rig.target.calls().writes(), 0);
    assert_eq!(rig.source.yielded(), yielded, "nothing is read again");
}

#[tokio::test]
async fn a_plan_says_what_the_cycle_then_does() {
    let rig = Rig::new().await;
    for number in 1..=9 {
        rig.source.upsert(user(number));
    }
    rig.source.upsert(managed_by(user(4), 5));
    rig.good_cycle().await;
    rig.source.set("u1", "department", "Legal");
    rig.source.disable("u2");
    rig.source.delete("u3");
    rig.source.upsert(managed_by(user(4), 6));
    rig.source.upsert(user(10));
    let before = rig.runtime().await;
    let plan = rig.plan().await;
    let mut planned = rig.planned(&plan).await;
    planned.sort();
    let expected = ["create u10", "delete u3", "disable u2", "manager +1 -1 u4", "update u1"];
    assert_eq!(planned, expected);
    assert_eq!((plan.initial, plan.over_limits, plan.counts.skipped), (false, false, 1));
    assert_eq!(rig.runtime().await, before);
    let accounts = rig.accounts();
    let changes = rig.changes(&plan).await;
    rig.good_cycle().await;
    assert_ne!(rig.accounts(), accounts);
    let log = rig.log().await;
    for change in changes.iter().filter(|change| change.references.is_none()) {
        let record =
            log.iter().rev().find(|record| record.source.anchor == change.record.source.anchor).unwrap();
        assert_eq!((record.action, &record.modified), (change.record.action, &change.record.modified));
    }
}

#[tokio::test]
async fn what_changed_since_is_refused_object_by_object() {
    let rig = Rig::new().await;
    for number in 1..=4 {
        rig.source.upsert(user(number));
    }
    rig.good_cycle().await;
    for anchor in ["u1", "u2", "u3", "u4"] {
        rig.source.set(anchor, "department", "Legal");
    }
    let plan = rig.plan().await;
    rig.source.set("u2", "department", "Sales and more");
    let account = rig.account_anchor("user3");
    rig.target.alter(&account, "department", "by hand".into());
    rig.source.delete("u4");
    let applied = rig.apply(&plan).await;
    let expected = ["update u1 applied", "update u2 stale", "update u3 stale", "update u4 stale"];
    assert_eq!(rig.planned(&applied).await, expected);
    assert_eq!((applied.counts.applied, applied.counts.stale), (1, 3));
    assert_eq!(rig.account("user1").unwrap().get("department").as_text(), Some("Legal"));
    assert_eq!(rig.account("user3").unwrap().get("department").as_text(), Some("by hand"));
    assert_eq!(rig.story("u2").await.last().unwrap(), "update failure PlanStale");
    assert!(rig.account("user4").is_some());
    let failures: Vec<String> = rig
        .log()
        .await
        .into_iter()
        .filter_map(|record| record.failure)
        .map(|failure| failure.detail)
        .collect();
    assert!(failures[0].ends_with("than were planned: department"), "{failures:?}");
    assert!(failures[2].ends_with("by now it is: The account is to be deleted."), "{failures:?}");
    // They are not lost: the next cycle takes them up.
    rig.good_cycle().await;
    assert_eq!(rig.account("user2").unwrap().get("department").as_text(), Some("Sales and more"));
    assert_eq!(rig.account("user3").unwrap().get("department").as_text(), Some("Legal"));
    assert!(rig.account("user4").is_none());
    assert_eq!(rig.store.escrow_count(&rig.job.id).await.unwrap(), 0);
    let again = rig.engine.apply_plan(&rig.job, plan.id).await.unwrap_err();
    assert!(matches!(&again, ControlError::Unfit(words) if words.contains("applied")), "{again}");
}

#[tokio::test]
async fn the_watermark_moves_only_where_nothing_else_ran() {
    let rig = Rig::new().await;
    rig.source.upsert(user(1));
    rig.good_cycle().await;
    rig.source.upsert(user(2));
    let plan = rig.plan().await;
    rig.source.upsert(user(3));
    rig.good_cycle().await;
    let before = rig.runtime().await;
    let applied = rig.apply(&plan).await;
    assert_eq!(rig.planned(&applied).await, ["create u2 stale"]);
    assert_eq!(rig.runtime().await, before);
    assert_eq!(rig.accounts().len(), 3);
}

#[tokio::test]
async fn members_that_left_since_are_not_added() {
    let rig = Rig::new().await;
    rig.source.upsert(user(1));
    rig.source.upsert(user(2));
    rig.source.upsert(group("staff"));
    rig.good_cycle().await;
    rig.source.add_member("staff", "u1");
    rig.source.add_member("staff", "u2");
    let plan = rig.plan().await;
    rig.source.remove_member("staff", "u2");
    let applied = rig.apply(&plan).await;
    let members = || {
        let team = rig.target.object_by("team", "name", "staff").unwrap();
        rig.target.references(&team.anchor, "members")
    };
    assert_eq!(members(), [rig.account_anchor("user1")]);
    assert!(applied.counts.stale > 0, "{:?}", rig.planned(&applied).await);
    rig.good_cycle().await;
    assert_eq!(members(), [rig.account_anchor("user1")]);
}

#[tokio::test]
async fn failures_are_planned_and_those_of_applying_are_told() {
    let rig = Rig::new().await;
    rig.source.upsert(user(1));
    rig.source.upsert(user(2).with("login", ""));
    let plan = rig.plan().await;
    let sorted = async |plan: &Plan| {
        let mut planned = rig.planned(plan).await;
        planned.sort();
        planned
    };
    assert_eq!(sorted(&plan).await, ["create u1", "failure u2"]);
    assert_eq!((plan.counts.creates, plan.counts.failures), (1, 1));
    let refusal = connector::ErrorClass::Invalid { attribute: None };
    rig.target.faults().always(&[Method::Create], Fault::Refuse(refusal));
    let applied = rig.apply(&plan).await;
    assert_eq!(sorted(&applied).await, ["create u1 failed", "failure u2 applied"]);
    assert_eq!(rig.store.escrow_count(&rig.job.id).await.unwrap(), 2);
}

#[tokio::test]
async fn removals_over_the_limits_are_told_and_a_person_who_applies_agrees() {
    let rig = Rig::new().await;
    for number in 0..20 {
        rig.source.upsert(user(number));
    }
    rig.good_cycle().await;
    for number in 0..15 {
        rig.source.delete(&format!("u{number}"));
    }
    let plan = rig.plan().await;
    assert!(plan.over_limits && plan.counts.deletes == 15);
    rig.apply(&plan).await;
    assert_eq!(rig.accounts().len(), 5);
    assert_eq!(rig.status().await.quarantine, None);
}

#[tokio::test]
async fn given_objects_are_planned_at_once() {
    let rig = Rig::new().await;
    rig.source.upsert(user(1));
    rig.source.upsert(user(2));
    rig.good_cycle().await;
    rig.source.set("u1", "department", "Legal");
    let plan = rig.engine.plan(&rig.job, "me", Some(vec![subject("u1"), subject("u2")])).await.unwrap();
    assert_eq!((plan.state, plan.scope), (PlanState::Ready, PlanScope::Subjects));
    assert_eq!(rig.planned(&plan).await, ["update u1", "other u2"], "skips are told, too");
    let before = rig.runtime().await;
    let applied = rig.apply(&plan).await;
    assert_eq!(applied.counts.applied, 2);
    assert_eq!(rig.runtime().await, before);
    let unknown = rig.engine.plan(&rig.job, "me", Some(vec![subject("nobody")])).await.unwrap_err();
    assert!(matches!(unknown, ControlError::UnknownObject(anchor) if anchor == "nobody"));
}

#[tokio::test]
async fn values_that_are_drawn_or_hidden_take_no_part() {
    let rig = Rig::new().await;
    rig.change_schema(|schema| {
        let mappings =
            schema["synchronizationRules"][0]["objectMappings"][0]["attributeMappings"].as_array_mut();
        let mappings = mappings.unwrap();
        mappings[1]["source"]["expression"] = json!("RandomString(8, 0, 0, 0, 0, \"\")");
        mappings[2]["source"]["expression"] = json!("Redact([department])");
    })
    .await;
    rig.source.upsert(user(1));
    let plan = rig.plan().await;
    let text = serde_json::to_string(&rig.changes(&plan).await).unwrap();
    assert!(text.contains("[Redact]") && !text.contains("\"IT\""), "{text}");
    let applied = rig.apply(&plan).await;
    assert_eq!(rig.planned(&applied).await, ["create u1 applied"]);
    assert_eq!(rig.account("user1").unwrap().get("department").as_text(), Some("IT"));
}

#[tokio::test]
async fn a_plan_that_broke_off_has_failed() {
    let mut rig = Rig::new().await;
    rig.source.upsert(user(1));
    let gate = testkit::Gate::new();
    rig.target.faults().always(&[Method::Find], Fault::Hold(gate.clone()));
    let plan = rig.engine.plan(&rig.job, "me", None).await.unwrap();
    gate.arrival().await;
    let working = rig.engine.plan_of(&rig.job, plan.id).await.unwrap().unwrap();
    assert_eq!(working.state, PlanState::Computing);
    rig.restart_process().await;
    let lost = rig.engine.plan_of(&rig.job, plan.id).await.unwrap().unwrap();
    assert_eq!((lost.state, lost.error.unwrap().code), (PlanState::Failed, "Interrupted".to_owned()));
}

#[tokio::test]
async fn pausing_stops_applying_at_the_next_object() {
    let mut rig = Rig::new().await;
    rig.set_settings(&[("ConcurrentExports", "1")]).await;
    for number in 0..50 {
        rig.source.upsert(user(number));
    }
    let plan = rig.plan().await;
    rig.target.faults().always(&[Method::Create], Fault::Slow(std::time::Duration::from_millis(100)));
    rig.engine.apply_plan(&rig.job, plan.id).await.unwrap();
    while rig.accounts().is_empty() {
        tokio::task::yield_now().await;
    }
    rig.engine.pause_job(rig.job.clone()).await.unwrap();
    rig.engine.settle_plans(&rig.job).await;
    let stopped = rig.engine.plan_of(&rig.job, plan.id).await.unwrap().unwrap();
    assert_eq!(stopped.state, PlanState::Failed);
    assert!(rig.accounts().len() < 50, "{}", rig.accounts().len());
    let links = rig.store.links(&rig.job.id, None, 100).await.unwrap();
    assert_eq!(links.len(), rig.accounts().len(), "what was done is remembered");
}

#[tokio::test]
async fn of_two_who_apply_at_once_one_is_told_that_it_is_being_applied() {
    let rig = Rig::new().await;
    for number in 0..3 {
        rig.source.upsert(user(number));
    }
    let plan = rig.plan().await;
    let apply = || rig.engine.apply_plan(&rig.job, plan.id);
    let (one, other) = tokio::join!(apply(), apply());
    let refusals: Vec<ControlError> = [one, other].into_iter().filter_map(Result::err).collect();
    assert!(matches!(&*refusals, [ControlError::Unfit(words)] if words.contains("applying")), "{refusals:?}");
    rig.engine.settle_plans(&rig.job).await;
    let applied = rig.engine.plan_of(&rig.job, plan.id).await.unwrap().unwrap();
    assert_eq!((applied.state, applied.counts.applied, applied.counts.stale), (PlanState::Applied, 3, 0));
}

#[tokio::test]
async fn a_plan_whose_cursor_is_refused_halfway_is_of_the_full_read_alone() {
    let source = MemorySource::new().page_size(1);
    let rig = Rig::with(source, MemoryTarget::new().unique("account", "userName")).await;
    for number in 0..5 {
        rig.source.upsert(user(number));
    }
    rig.good_cycle().await;
    rig.source.set("u0", "department", "Legal");
    rig.source.set("u1", "department", "Legal");
    let gate = Gate::new();
    rig.source.faults().nth(&[Method::Changes], 2, Fault::Hold(gate.clone()));
    let begun = rig.engine.plan(&rig.job, "me", None).await.unwrap();
    gate.arrival().await;
    for number in 0..5 {
        rig.source.delete(&format!("u{number}"));
    }
    rig.source.forget_history();
    gate.open();
    rig.engine.settle_plans(&rig.job).await;
    let plan = rig.engine.plan_of(&rig.job, begun.id).await.unwrap().unwrap();
    let mut planned = rig.planned(&plan).await;
    planned.sort();
    assert_eq!(planned, ["delete u0", "delete u1", "delete u2", "delete u3", "delete u4"]);
    assert_eq!((plan.counts.updates, plan.counts.deletes, plan.counts.objects), (0, 5, 5));
    assert!(plan.over_limits, "a source that suddenly shows nobody is asked about");
}

#[tokio::test]
async fn members_are_planned_as_their_mapping_lets_them_flow() {
    let mut schema = schema();
    schema["synchronizationRules"][0]["objectMappings"][1]["attributeMappings"][1]["flowType"] =
        json!("ObjectAddOnly");
    let (source, target) = (MemorySource::new(), MemoryTarget::new().unique("account", "userName"));
    let rig = Rig::of(source, target, schema, SeededEntropy::new(1)).await;
    for number in 1..=3 {
        rig.source.upsert(user(number));
    }
    rig.source.upsert(group("staff"));
    rig.source.add_member("staff", "u1");
    let plan = rig.plan().await;
    assert!(rig.planned(&plan).await.contains(&"members +1 -0 staff".to_owned()));
    rig.apply(&plan).await;
    let members = || {
        let team = rig.target.object_by("team", "name", "staff").unwrap();
        rig.target.references(&team.anchor, "members")
    };
    assert_eq!(members(), [rig.account_anchor("user1")]);
    rig.source.add_member("staff", "u2");
    rig.source.remove_member("staff", "u1");
    let changes = rig.plan().await;
    assert_eq!(rig.planned(&changes).await, [""; 0], "members flow at creation alone");
    rig.restart(engine::ResetScope { watermark: true, ..engine::ResetScope::default() }).await;
    let everything = rig.plan().await;
    assert_eq!((everything.initial, rig.planned(&everything).await), (true, Vec::new()));
    rig.apply(&everything).await;
    rig.good_cycle().await;
    assert_eq!(members(), [rig.account_anchor("user1")]);
}

#[tokio::test]
async fn what_a_plan_did_by_settings_that_were_taken_back_is_decided_again() {
    let rig = Rig::new().await;
    rig.source.upsert(user(1));
    rig.source.upsert(user(2));
    let scoped = |left_out: Vec<String>| {
        move |schema: &mut serde_json::Value| {
            schema["synchronizationRules"][0]["objectMappings"][0]["scope"] = json!({"groups": [{"clauses": [
                {"sourceOperandName": "login", "operatorName": "NOT EQUALS", "targetOperand": {"values": left_out}}
            ]}]});
        }
    };
    rig.change_schema(scoped(vec!["nobody".into()])).await;
    rig.good_cycle().await;
    let login = rig.source.object("u1").unwrap().object.get("login").to_string();
    rig.change_schema(scoped(vec![login])).await;
    let plan = rig.engine.plan(&rig.job, "me", Some(vec![subject("u1")])).await.unwrap();
    rig.apply(&plan).await;
    assert_eq!((rig.accounts()["user1"], rig.accounts()["user2"]), (false, true));
    rig.change_schema(scoped(vec!["nobody".into()])).await;
    rig.good_cycle().await;
    assert!(rig.accounts()["user1"]);
}

#[tokio::test]
async fn a_plan_has_the_references_that_its_own_accounts_heal() {
    let target = MemoryTarget::new().unique("account", "userName");
    let rig = Rig::with(MemorySource::with_assignments(), target).await;
    for number in 1..=4 {
        rig.source.upsert(managed_by(user(number), 5));
    }
    rig.source.upsert(user(5));
    rig.source.disable("u5");
    rig.source.upsert(group("staff"));
    for member in ["u1", "u5"] {
        rig.source.add_member("staff", member);
    }
    for assigned in ["u1", "u2", "u3", "u4", "staff"] {
        rig.source.assign(assigned);
    }
    rig.good_cycle().await;
    // One has another manager by now, one is disabled, one goes.
    rig.source.upsert(managed_by(user(2), 1));
    rig.source.unassign("u3");
    rig.source.delete("u4");
    rig.source.enable("u5");
    let plan = rig.plan().await;
    let mut planned = rig.planned(&plan).await;
    planned.sort();
    let expected = [
        "create u5",
        "delete u4",
        "disable u3",
        "manager +1 -0 u1",
        "manager +1 -0 u3",
        "manager +1 -1 u2",
        "members +1 -0 staff",
    ];
    assert_eq!(planned, expected);
    assert_eq!(plan.counts.references_added, 4);
    let changes = rig.changes(&plan).await;
    let of = |anchor: &str| {
        let mut found = changes.iter().filter(|change| change.references.is_some());
        let change = found.find(|change| change.record.source.anchor == Some(anchor.into())).unwrap();
        (change.record.source.name.clone().unwrap(), change.record.target.name.clone().unwrap())
    };
    assert_eq!(of("u1"), ("Üser \"1\" \\".into(), "Üser \"1\" \\".into()));
    assert_eq!(of("staff"), ("staff".into(), "staff".into()));

    rig.target.forget_calls();
    let applied = rig.apply(&plan).await;
    assert_eq!((applied.counts.applied, applied.counts.stale, applied.counts.failed), (7, 0, 0));
    let manager = rig.account_anchor("user5");
    assert_eq!(rig.account("user1").unwrap().get("manager").as_reference(), Some(&manager));
    let team = rig.target.object_by("team", "name", "staff").unwrap();
    assert!(rig.target.references(&team.anchor, "members").contains(&manager));
    assert!(rig.planned(&rig.plan().await).await.is_empty(), "one review is enough");
}

#[tokio::test]
async fn what_is_removed_without_a_request_is_in_no_plan() {
    let rig = Rig::new().await;
    for number in 1..=3 {
        rig.source.upsert(managed_by(user(number), 2));
    }
    rig.good_cycle().await;
    // The one was exported in the other's place before the other was known to be gone.
    let unwant = EdgeWrite::Unwant {
        rule: "rule".into(),
        owner: "u1".into(),
        attribute: "manager".into(),
        referenced: "u2".into(),
    };
    let want = EdgeWrite::Want {
        rule: "rule".into(),
        owner: "u1".into(),
        attribute: "manager".into(),
        multivalued: false,
        referenced: "u3".into(),
        generation: 1,
    };
    let exported = EdgeWrite::Exported {
        rule: "rule".into(),
        owner: "u1".into(),
        attribute: "manager".into(),
        referenced: "u3".into(),
        target: Some(rig.account_anchor("user3")),
    };
    rig.write(Commit { edges: vec![unwant, want, exported], ..Commit::default() }).await;
    let due = async || rig.store.due_edges(&rig.job.id, rig.clock.now(), 9).await.unwrap().len();
    assert_eq!(due().await, 1);
    let plan = rig.plan().await;
    assert!(rig.planned(&plan).await.is_empty());
    rig.target.forget_calls();
    rig.apply(&plan).await;
    assert_eq!((due().await, rig.target.calls().writes()), (0, 0));
}

#[tokio::test]
async fn references_of_who_is_left_alone_are_in_no_plan() {
    let rig = Rig::new().await;
    rig.source.upsert(user(1));
    rig.source.upsert(managed_by(user(2), 1));
    rig.target
        .faults()
        .next(Method::UpdateReferences, Fault::Refuse(ErrorClass::Invalid { attribute: None }));
    rig.good_cycle().await;
    rig.clock.advance(SignedDuration::from_hours(24));
    assert_eq!(rig.planned(&rig.plan().await).await, ["manager +1 -0 u2"]);
    rig.engine.exclude(&rig.job, "u2".into(), "hold".into(), "me".into()).await.unwrap();
    assert!(rig.planned(&rig.plan().await).await.is_empty());
}

#[tokio::test]
async fn members_of_a_group_that_is_made_anew_are_planned_once() {
    let target = MemoryTarget::new().unique("account", "userName");
    let rig = Rig::with(MemorySource::with_assignments(), target).await;
    rig.source.upsert(user(1));
    rig.source.upsert(user(2));
    rig.source.disable("u2");
    rig.source.upsert(group("staff"));
    for member in ["u1", "u2"] {
        rig.source.add_member("staff", member);
    }
    for assigned in ["u1", "u2", "staff"] {
        rig.source.assign(assigned);
    }
    rig.good_cycle().await;
    rig.target.take_away(&rig.target.object_by("team", "name", "staff").unwrap().anchor);
    rig.source.set("staff", "displayName", "crew");
    rig.source.enable("u2");
    let plan = rig.plan().await;
    let mut planned = rig.planned(&plan).await;
    planned.sort();
    assert_eq!(planned, ["create staff", "create u2", "members +2 -0 staff"]);
    rig.apply(&plan).await;
    let team = rig.target.object_by("team", "name", "crew").unwrap();
    assert_eq!(rig.target.references(&team.anchor, "members").len(), 2);
}

#[tokio::test]
async fn an_object_that_the_source_shows_twice_is_planned_and_made_once() {
    let rig = Rig::with(MemorySource::new().page_size(1), MemoryTarget::new()).await;
    rig.source.upsert(user(1));
    rig.good_cycle().await;
    // The feed tells of the person where they came and where they changed.
    rig.source.upsert(user(2));
    rig.source.upsert(user(3));
    rig.source.set("u2", "department", "Legal");
    let plan = rig.plan().await;
    assert_eq!(plan.counts.creates, 2);
    rig.apply(&plan).await;
    assert_eq!(rig.target.len("account"), 3);
    let twice = vec![subject("u4"), subject("u4")];
    rig.source.upsert(user(4));
    let plan = rig.engine.plan(&rig.job, "me", Some(twice)).await.unwrap();
    assert_eq!(rig.planned(&plan).await, ["create u4"]);
    rig.apply(&plan).await;
    assert_eq!(rig.target.len("account"), 4);
}
