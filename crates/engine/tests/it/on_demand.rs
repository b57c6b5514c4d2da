//! On demand: one object now, by the same decisions, beside whatever else the job does.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use engine::{ControlError, CycleEnd, Demand, Provisioned, Subject};
use model::job::ScheduleState;
use model::link::{Entry, Link};
use model::provisioning::{Action, Outcome};
use model::{Anchor, Value};
use serde_json::{Value as Json, json};
use store::Commit;
use store_sqlite::{Access, SqliteStore, Steps, Work};
use testkit::{Fault, Gate, MemorySource, MemoryTarget, Method, SeededEntropy};

use crate::rig::{Rig, anchor, group, managed_by, schema, user};

fn subject(anchor: &str, kind: &str) -> Subject {
    Subject { anchor: anchor.into(), kind: kind.into() }
}

fn demand(anchor: &str) -> Demand {
    Demand { rule: "rule".into(), subject: subject(anchor, "user"), linked: Vec::new() }
}

impl Rig {
    async fn on_demand(&self, anchor: &str) -> Provisioned {
        self.engine.provision_on_demand(&self.job, demand(anchor)).await.unwrap()
    }

    async fn set_state(&mut self, state: ScheduleState) {
        self.job.schedule.state = state;
        self.store.update_job(self.job.clone()).await.unwrap();
    }
}

#[tokio::test]
async fn a_user_is_provisioned_whatever_the_job_does() {
    let mut rig = Rig::new().await;
    for (number, state) in
        [ScheduleState::Disabled, ScheduleState::Paused, ScheduleState::Active].into_iter().enumerate()
    {
        let number = u32::try_from(number).unwrap();
        rig.source.upsert(user(number));
        rig.set_state(state).await;
        let done = rig.on_demand(&format!("u{number}")).await;
        assert_eq!((done.record.action, done.record.outcome), (Action::Create, Outcome::Success));
        let steps: Vec<&str> = done.record.steps.iter().map(model::provisioning::Step::wire).collect();
        let expected = [
            "EntryImportAdd",
            "EntrySynchronizationScoping",
            "EntryImport",
            "EntrySynchronizationAdd",
            "EntryExportAdd",
        ];
        assert_eq!(steps, expected);
        assert!(done.record.modified.iter().any(|one| one.name == "userName"));
    }
    assert_eq!(rig.accounts().len(), 3);
    assert_eq!(rig.story("u1").await, ["create success"]);
    rig.target.forget_calls();
    rig.good_cycle().await;
    assert_eq!(rig.target.calls().writes(), 0, "the cycle finds the links");
    assert_eq!(rig.accounts().len(), 3);
}

#[tokio::test]
async fn what_there_is_to_say_is_said_each_time() {
    let rig = Rig::new().await;
    rig.source.upsert(user(1));
    rig.good_cycle().await;
    for _ in 0..2 {
        let done = rig.on_demand("u1").await;
        assert_eq!(done.record.outcome, Outcome::Skipped);
        assert_eq!(done.record.code(), Some("RedundantExport"));
    }
    rig.source.set("u1", "department", "Legal");
    assert_eq!(rig.on_demand("u1").await.record.action, Action::Update);
    rig.source.disable("u1");
    assert_eq!(rig.on_demand("u1").await.record.action, Action::Disable);
    assert!(!rig.accounts()["user1"]);
    rig.source.delete("u1");
    assert_eq!(rig.on_demand("u1").await.record.action, Action::Delete);
    assert!(rig.accounts().is_empty());
}

#[tokio::test]
async fn an_object_that_is_named_as_of_another_type_is_not_taken_for_gone() {
    let rig = Rig::new().await;
    rig.source.upsert(user(1));
    rig.source.upsert(group("staff"));
    rig.source.upsert(group("crew"));
    rig.source.add_member("staff", "crew");
    rig.good_cycle().await;
    for (anchor, kind) in [("u1", "group"), ("staff", "user")] {
        let wrong = Demand { subject: subject(anchor, kind), ..demand(anchor) };
        let refused = rig.engine.provision_on_demand(&rig.job, wrong).await;
        assert!(matches!(refused, Err(ControlError::UnknownObject(_))), "{refused:?}");
    }
    let linked = vec![subject("crew", "user")];
    let wanted = Demand { subject: subject("staff", "group"), linked, ..demand("staff") };
    rig.engine.provision_on_demand(&rig.job, wanted).await.unwrap();
    let subjects = vec![(None, subject("u1", "group"))];
    let planned = rig.engine.plan(&rig.job, "me", Some(subjects)).await;
    assert!(matches!(planned, Err(ControlError::UnknownObject(_))), "{planned:?}");
    assert_eq!((rig.accounts().len(), rig.target.len("team")), (1, 2));
}

#[tokio::test]
async fn what_was_provisioned_by_settings_that_were_taken_back_is_decided_again() {
    let rig = Rig::new().await;
    rig.source.upsert(user(1));
    rig.good_cycle().await;
    let scope = |department: &'static str| {
        move |schema: &mut Json| {
            schema["synchronizationRules"][0]["objectMappings"][0]["scope"] = json!({"groups": [{"clauses": [
                {"sourceOperandName": "department", "operatorName": "NOT EQUALS", "targetOperand": {"values": [department]}}
            ]}]});
        }
    };
    rig.change_schema(scope("Nowhere")).await;
    rig.good_cycle().await;
    let department = rig.source.object("u1").unwrap().object.get("department").to_string();
    rig.change_schema(scope(Box::leak(department.into_boxed_str()))).await;
    assert_eq!(rig.on_demand("u1").await.record.action, Action::Disable);
    rig.change_schema(scope("Nowhere")).await;
    rig.good_cycle().await;
    assert!(rig.accounts()["user1"]);
    rig.target.forget_calls();
    rig.good_cycle().await;
    assert_eq!(rig.target.calls().total(), 0, "once");
}

#[tokio::test]
async fn a_manager_goes_along_and_is_set() {
    let rig = Rig::new().await;
    rig.source.upsert(managed_by(user(1), 2));
    rig.source.upsert(user(2));
    let mut wanted = demand("u1");
    wanted.linked.push(subject("u2", "User"));
    let done = rig.engine.provision_on_demand(&rig.job, wanted).await.unwrap();
    assert_eq!(done.linked.len(), 1);
    let manager = rig.account_anchor("user2");
    assert_eq!(rig.account("user1").unwrap().get("manager"), &Value::Reference(manager));
    assert!(done.record.modified.iter().any(|one| one.name == "manager"));
}

#[tokio::test]
async fn a_group_comes_with_the_members_that_are_named_and_the_others_follow() {
    let rig = Rig::new().await;
    for number in 1..=9 {
        rig.source.upsert(user(number));
    }
    rig.source.upsert(group("staff"));
    for member in ["u1", "u2", "u3", "u4"] {
        rig.source.add_member("staff", member);
    }
    let linked = ["u2", "u3", "u9"].map(|anchor| subject(anchor, "User")).to_vec();
    let wanted = Demand { rule: "rule".into(), subject: subject("staff", "Group"), linked };
    let done = rig.engine.provision_on_demand(&rig.job, wanted).await.unwrap();
    assert_eq!(done.record.action, Action::Create);
    assert_eq!(done.linked.len(), 3, "u9 is provisioned, although it is no member");
    let team = rig.target.object_by("team", "name", "staff").unwrap();
    let members = || rig.target.references(&team.anchor, "members");
    let accounts = |names: &[&str]| {
        let mut anchors: Vec<Anchor> = names.iter().map(|name| rig.account_anchor(name)).collect();
        anchors.sort();
        anchors
    };
    assert_eq!(members(), accounts(&["user2", "user3"]));
    rig.good_cycle().await;
    assert_eq!(members(), accounts(&["user1", "user2", "user3", "user4"]));
    rig.good_cycle().await;
    assert_eq!(rig.store.next_due(&rig.job.id).await.unwrap(), None);
}

#[tokio::test]
async fn members_follow_also_where_a_group_is_new_between_two_incremental_cycles() {
    let rig = Rig::new().await;
    rig.source.upsert(user(1));
    rig.source.upsert(user(2));
    rig.good_cycle().await;
    rig.source.upsert(group("staff"));
    rig.source.add_member("staff", "u1");
    rig.source.add_member("staff", "u2");
    let linked = vec![subject("u1", "User")];
    let wanted = Demand { rule: "rule".into(), subject: subject("staff", "Group"), linked };
    rig.engine.provision_on_demand(&rig.job, wanted).await.unwrap();
    let team = rig.target.object_by("team", "name", "staff").unwrap();
    assert_eq!(rig.target.references(&team.anchor, "members").len(), 1);
    rig.good_cycle().await;
    assert_eq!(rig.target.references(&team.anchor, "members").len(), 2);
    assert_eq!(rig.status().await.quarantine, None);
    assert_eq!(rig.store.escrows(&rig.job.id, None, 9).await.unwrap(), []);
}

#[tokio::test]
async fn what_cannot_be_done_is_a_result_and_waits_like_in_a_cycle() {
    let rig = Rig::with(MemorySource::new(), MemoryTarget::new()).await;
    rig.source.upsert(user(1));
    for _ in 0..2 {
        rig.target.place("account", &[("userName", "user1".into())]);
    }
    let done = rig.on_demand("u1").await;
    assert_eq!((done.record.outcome, done.record.code()), (Outcome::Failure, Some("DuplicateTargetEntries")));
    assert_eq!(rig.store.escrow_count(&rig.job.id).await.unwrap(), 1);

    rig.source.upsert(user(2));
    rig.target.faults().unauthorized_from_now_on();
    let done = rig.on_demand("u2").await;
    assert_eq!(done.record.outcome, Outcome::Failure);
    assert!(done.record.failure.unwrap().detail.contains("scripted"));
    assert_eq!(rig.story("u2").await.len(), 1, "the log tells of it");
    assert_eq!(rig.status().await.quarantine, None, "one object says nothing about the job");
}

#[tokio::test]
async fn what_is_not_there_is_refused() {
    let rig = Rig::new().await;
    rig.source.upsert(user(1));
    let refused = async |demand| rig.engine.provision_on_demand(&rig.job, demand).await.unwrap_err();
    let error = refused(Demand { rule: "another".into(), ..demand("u1") }).await;
    assert!(
        matches!(&error, ControlError::Parameter(words) if words.contains("its rules are: rule")),
        "{error}"
    );
    let error = refused(Demand { subject: subject("u1", "Device"), ..demand("u1") }).await;
    assert!(matches!(&error, ControlError::Parameter(words) if words.contains("User, Group")), "{error}");
    let error = refused(demand("nobody")).await;
    assert!(matches!(&error, ControlError::UnknownObject(anchor) if anchor == "nobody"), "{error}");
    assert!(rig.log().await.is_empty());
}

#[tokio::test]
async fn an_object_that_a_cycle_works_on_is_waited_for() {
    let rig = Rig::new().await;
    rig.source.upsert(user(1));
    let gate = Gate::new();
    rig.target.faults().next(Method::Create, Fault::Hold(gate.clone()));
    let (engine, job) = (rig.engine.clone(), rig.job.clone());
    let cycle = tokio::spawn(async move { engine.run_to_end(&job).await });
    gate.arrival().await;
    rig.source.upsert(user(2));
    assert_eq!(rig.on_demand("u2").await.record.action, Action::Create, "another object is not held up");
    let (engine, job) = (rig.engine.clone(), rig.job.clone());
    let same = tokio::spawn(async move { engine.provision_on_demand(&job, demand("u1")).await });
    tokio::task::yield_now().await;
    assert!(!same.is_finished());
    gate.open();
    assert_eq!(cycle.await.unwrap().unwrap(), CycleEnd::Completed);
    assert_eq!(same.await.unwrap().unwrap().record.code(), Some("RedundantExport"));
    assert_eq!(rig.accounts().len(), 2);
}

#[tokio::test]
async fn a_cycle_puts_off_what_is_being_provisioned_on_demand() {
    let rig = Rig::new().await;
    for number in 1..=3 {
        rig.source.upsert(user(number));
    }
    let gate = Gate::new();
    rig.target.faults().next(Method::Create, Fault::Hold(gate.clone()));
    let (engine, job) = (rig.engine.clone(), rig.job.clone());
    let run = tokio::spawn(async move { engine.provision_on_demand(&job, demand("u2")).await });
    gate.arrival().await;
    let (engine, job) = (rig.engine.clone(), rig.job.clone());
    let cycle = tokio::spawn(async move { engine.run_to_end(&job).await });
    while rig.accounts().len() < 2 {
        tokio::task::yield_now().await;
    }
    assert!(!cycle.is_finished());
    gate.open();
    assert_eq!(run.await.unwrap().unwrap().record.action, Action::Create);
    assert_eq!(cycle.await.unwrap().unwrap(), CycleEnd::Completed);
    assert_eq!(rig.accounts().len(), 3);
    assert_eq!(rig.target.calls().of(Method::Create), 3);
    assert_eq!(rig.store.escrows(&rig.job.id, None, 9).await.unwrap(), []);
}

/// A reference that waits because it failed is tried when somebody asks for its object.
#[tokio::test]
async fn a_manager_who_could_not_be_set_is_tried_again_on_demand() {
    let rig = Rig::new().await;
    rig.source.upsert(managed_by(user(1), 2));
    rig.source.upsert(user(2));
    let refused = Fault::Refuse(connector::ErrorClass::Invalid { attribute: None });
    rig.target.faults().next(Method::UpdateReferences, refused);
    rig.good_cycle().await;
    assert_eq!(rig.store.failing_edges(&rig.job.id).await.unwrap(), 1);
    let done = rig.on_demand("u1").await;
    assert!(done.record.modified.iter().any(|one| one.name == "manager"));
    assert_eq!(rig.account("user1").unwrap().get("manager"), &Value::Reference(rig.account_anchor("user2")));
    assert_eq!(rig.store.next_due(&rig.job.id).await.unwrap(), None);
}

/// Counts what a store is asked.
#[derive(Default)]
struct Counting(AtomicUsize);

#[async_trait]
impl Steps for Counting {
    async fn take(&self, _: Access, work: Work<'_>) {
        self.0.fetch_add(1, Ordering::Relaxed);
        work();
    }
}

/// A job that manages so many accounts, and the counter of its store.
async fn managing(people: u32) -> (Rig, Arc<Counting>) {
    let counting = Arc::new(Counting::default());
    let store = Arc::new(SqliteStore::open_simulated(counting.clone()).unwrap());
    let (source, target) = (MemorySource::new(), MemoryTarget::new().unique("account", "userName"));
    let rig = Rig::on(store, source, target, schema(), SeededEntropy::new(1)).await;
    rig.source.upsert(user(0));
    rig.good_cycle().await;
    let known = rig.store.entries(&rig.job.id, &["u0".into()]).await.unwrap().remove(0);
    let mut entries = Vec::new();
    for number in 1..people {
        let user = user(number);
        let name = user.get("login").clone();
        rig.source.upsert(user);
        let account = rig.target.place("account", &[("userName", name), ("active", true.into())]);
        let link = known.link.clone().map(|link| Link { anchor: account, exported: Vec::new(), ..link });
        entries.push(Entry { source: Anchor::new(anchor(number)), link, ..known.clone() });
    }
    rig.store.commit(&rig.job.id, Commit { entries, fence: 1, ..Commit::default() }).await.unwrap();
    (rig, counting)
}

/// What a run costs does not grow with the directory, so that it takes little more than the target does.
#[tokio::test]
async fn ten_thousand_people_make_a_run_ask_no_more_than_ten_do() {
    let mut costs = Vec::new();
    for people in [10, 10_000] {
        let (rig, counting) = managing(people).await;
        let mut runs = Vec::new();
        for (anchor, edit) in
            [("u77777", "comes"), ("u5", "changes"), ("u5", "stays"), ("u6", "leaves"), ("u7", "goes")]
        {
            match edit {
                "comes" => rig.source.upsert(user(77_777)),
                "changes" => drop(rig.source.set(anchor, "department", "Legal")),
                "leaves" => drop(rig.source.disable(anchor)),
                "goes" => drop(rig.source.delete(anchor)),
                _ => {}
            }
            rig.target.forget_calls();
            let before = counting.0.load(Ordering::Relaxed);
            let done = rig.on_demand(anchor).await;
            let asked = counting.0.load(Ordering::Relaxed) - before;
            let expected = if edit == "stays" { Outcome::Skipped } else { Outcome::Success };
            assert_eq!(done.record.outcome, expected, "{edit}");
            runs.push((edit, rig.target.calls().total(), asked));
        }
        costs.push(runs);
    }
    assert_eq!(costs[0], costs[1], "requests of the target and of the store");
    let few = |(_, target, store): &(&str, u64, usize)| *target <= 2 && *store <= 30;
    assert!(costs[1].iter().all(few), "{costs:?}");
}
