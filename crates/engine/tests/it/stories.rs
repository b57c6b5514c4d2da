//! Stories that happened to users of other systems and must not happen here, each told from beginning to end.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use connector::{ConnectorError, Cursor, ReferenceChange, Selection, Target, TargetCapabilities, TargetPage};
use engine::{CycleEnd, JobChange};
use model::change::ChangeSet;
use model::failure::ErrorClass;
use model::job::{ExecutionResult, QuarantineReason, ScheduleState};
use model::schema::DirectoryDefinition;
use model::{Anchor, Name, Object, SignedDuration, Value};
use serde_json::json;
use testkit::{Fault, Faults, Gate, MemorySource, MemoryTarget, Method};

use crate::rig::{Rig, group, managed_by, user};

/// An organization that has been provisioned: the people, and one group with some of them.
async fn organization(people: u32) -> (Rig, Faults) {
    let faults = Faults::none();
    let target = MemoryTarget::new().unique("account", "userName").with_faults(faults.clone());
    let rig = Rig::with(MemorySource::new(), target).await;
    for number in 0..people {
        rig.source.upsert(user(number));
    }
    rig.source.upsert(group("staff"));
    rig.source.add_member("staff", "u1");
    rig.source.add_member("staff", "u2");
    rig.good_cycle().await;
    (rig, faults)
}

fn active(rig: &Rig) -> usize {
    rig.accounts().values().filter(|active| **active).count()
}

fn members(rig: &Rig, team: &str) -> Vec<String> {
    let team = rig.target.object_by("team", "name", team).unwrap();
    let members = rig.target.references(&team.anchor, "members");
    let names = members.iter().map(|anchor| rig.target.object(anchor).unwrap().get("userName").to_string());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

/// Story 1.
#[tokio::test]
async fn a_mistyped_scoping_filter_disables_nobody_and_asks() {
    let (rig, _) = organization(40).await;
    rig.change_schema(|schema| {
        let clause = json!({"sourceOperandName": "department", "operatorName": "EQUALS",
            "targetOperand": {"values": ["Salse"]}});
        schema["synchronizationRules"][0]["objectMappings"][0]["scope"] =
            json!({"groups": [{"clauses": [clause]}]});
    })
    .await;
    rig.target.forget_calls();
    rig.good_cycle().await;
    assert_eq!((active(&rig), rig.accounts().len()), (40, 40));
    assert_eq!(rig.target.calls().writes(), 0);
    // The job says what would have happened, to whom, and what to do.
    let status = rig.status().await;
    let quarantine = status.quarantine.unwrap();
    assert_eq!(quarantine.reason, QuarantineReason::TooManyDeletes);
    let words = quarantine.error.unwrap().message;
    assert!(words.contains("ForceDeletes") && words.contains("scope"), "{words}");
    for number in 0..40 {
        assert_eq!(rig.story(&format!("u{number}")).await.last().unwrap(), "stagedDelete warning");
    }
    // The filter is put right, and it is as if nothing had been.
    rig.change_schema(|schema| {
        schema["synchronizationRules"][0]["objectMappings"][0]["scope"] = json!({"groups": []});
    })
    .await;
    rig.good_cycle().await;
    assert_eq!((active(&rig), rig.status().await.quarantine), (40, None));
}

/// Story 2.
#[tokio::test]
async fn a_source_that_shows_nothing_or_half_of_itself_deletes_nobody() {
    for shown in [0, 20] {
        let (rig, _) = organization(40).await;
        for number in shown..40 {
            rig.source.delete(&format!("u{number}"));
        }
        if shown == 0 {
            rig.source.delete("staff");
        }
        rig.source.forget_history();
        rig.target.forget_calls();
        rig.good_cycle().await;
        assert_eq!((active(&rig), rig.accounts().len()), (40, 40), "{shown} of 40 are shown");
        assert_eq!(rig.target.calls().writes(), 0, "{shown} of 40 are shown");
        assert_eq!(rig.status().await.quarantine.unwrap().reason, QuarantineReason::TooManyDeletes);
        // The permissions are given back: everybody is there again, and nothing has happened.
        for number in shown..40 {
            rig.source.upsert(user(number));
        }
        rig.source.upsert(group("staff"));
        for member in ["u1", "u2"] {
            rig.source.add_member("staff", member);
        }
        rig.good_cycle().await;
        assert_eq!((active(&rig), rig.accounts().len()), (40, 40));
        assert_eq!(rig.status().await.quarantine, None, "{shown} of 40 were shown");
        let calls = rig.target.calls();
        assert_eq!((calls.of(Method::Create), calls.of(Method::Delete)), (0, 0), "{shown} of 40 were shown");
        assert_eq!(members(&rig, "staff"), ["user1", "user2"], "{shown} of 40 were shown");
    }
}

/// Story 3.
#[tokio::test]
async fn who_comes_back_after_months_gets_the_same_account_with_its_groups() {
    let (rig, _) = organization(30).await;
    rig.source.upsert(managed_by(user(3), 1));
    rig.good_cycle().await;
    let before = rig.account_anchor("user1");
    rig.source.disable("u1");
    rig.good_cycle().await;
    assert!(!rig.accounts()["user1"]);
    for _ in 0..150 {
        rig.clock.advance(SignedDuration::from_hours(24));
        rig.good_cycle().await;
    }
    rig.source.enable("u1");
    rig.target.forget_calls();
    rig.good_cycle().await;
    assert_eq!((rig.target.calls().of(Method::Create), rig.target.calls().of(Method::Update)), (0, 1));
    assert!(rig.accounts()["user1"]);
    assert_eq!(rig.account_anchor("user1"), before);
    assert_eq!(rig.accounts().len(), 30);
    assert_eq!(members(&rig, "staff"), ["user1", "user2"]);
    assert_eq!(rig.account("user3").unwrap().get("manager").as_reference(), Some(&before));
}

/// Story 4.
#[tokio::test]
async fn one_bad_value_waits_in_words_and_everybody_else_is_done() {
    let rig = Rig::new().await;
    rig.change_schema(|schema| {
        let level = |kind: &str| json!({"name": "level", "type": kind});
        for (directory, kind) in [(0, "String"), (1, "Integer")] {
            let attributes = &mut schema["directories"][directory]["objects"][0]["attributes"];
            attributes.as_array_mut().unwrap().push(level(kind));
        }
        let mappings = &mut schema["synchronizationRules"][0]["objectMappings"][0]["attributeMappings"];
        mappings.as_array_mut().unwrap().push(json!({
            "targetAttributeName": "level", "matchingPriority": 0,
            "source": {"expression": "[level]", "type": "Attribute", "name": "level", "parameters": []}
        }));
    })
    .await;
    for number in 0..30 {
        rig.source.upsert(user(number).with("level", if number == 7 { "senior" } else { "3" }));
    }
    rig.good_cycle().await;
    assert_eq!(rig.accounts().len(), 29);
    assert_eq!(rig.target.calls().of(Method::Create), 29, "the target is not bothered with the bad value");
    assert!(rig.account("user7").is_none());
    let [escrow] = &rig.store.escrows(&rig.job.id, None, 10).await.unwrap()[..] else {
        panic!("one object waits");
    };
    assert_eq!((escrow.source.as_str(), escrow.failure.attribute.as_deref()), ("u7", Some("level")));
    assert!(escrow.failure.detail.contains("level") && escrow.failure.detail.contains("senior"));
    assert_eq!(rig.status().await.last_execution.unwrap().result, ExecutionResult::EntryLevelErrors);
    // The value is put right: the person is done in the next cycle, without waiting for the next try.
    rig.source.set("u7", "level", "4");
    rig.good_cycle().await;
    assert_eq!(rig.account("user7").unwrap().get("level"), &Value::Integer(4));
    assert_eq!(rig.store.escrow_count(&rig.job.id).await.unwrap(), 0);
}

/// Story 5. What an answer of status 200 with an error in its body means is the connectors' part; the suites with the
/// published SDKs tell that half of the story.
#[tokio::test(start_paused = true)]
async fn a_refusal_is_never_logged_as_success() {
    let refusals = [
        ErrorClass::NotFound,
        ErrorClass::Permanent,
        ErrorClass::Unavailable,
        ErrorClass::Invalid { attribute: None },
    ];
    for class in refusals {
        let (rig, faults) = organization(20).await;
        let writes = [Method::Create, Method::Update];
        faults.always(&writes, Fault::Refuse(class.clone()));
        rig.source.upsert(user(50));
        rig.source.set("u3", "displayName", "Another");
        rig.source.disable("u4");
        rig.cycle().await;
        let gone = class == ErrorClass::NotFound;
        for (object, good) in [("u50", 0), ("u3", 1), ("u4", 1)] {
            let story = rig.story(object).await;
            let successes = story.iter().filter(|line| line.contains("success")).count();
            assert_eq!(successes, good, "{class:?}: {object} has the story {story:?}");
            // Whose account is said not to exist needs no disabling.
            let expected = if gone && object == "u4" { "skipped" } else { "failure" };
            assert!(story.last().unwrap().contains(expected), "{class:?}: {object} has the story {story:?}");
        }
        assert!(rig.account("user50").is_none());
        // Nothing is taken for done that was not.
        faults.heal();
        rig.clock.advance(SignedDuration::from_hours(1));
        rig.good_cycle().await;
        assert_eq!(rig.account("user3").unwrap().get("name").as_text(), Some("Another"), "{class:?}");
        assert!(rig.accounts()["user50"], "{class:?}");
        assert!(gone || !rig.accounts()["user4"], "{class:?}");
    }
}

/// A target that answers every query with everybody, as if there had been no filter.
struct Deaf(MemoryTarget);

#[async_trait]
impl Target for Deaf {
    fn capabilities(&self) -> &TargetCapabilities {
        self.0.capabilities()
    }
    async fn check(&self) -> connector::Result<()> {
        self.0.check().await
    }
    async fn discover(&self) -> connector::Result<DirectoryDefinition> {
        self.0.discover().await
    }
    async fn find(
        &self,
        selection: &Selection,
        _: &Name,
        _: &Value,
        _: bool,
    ) -> connector::Result<Vec<Object>> {
        Ok(self.0.list(selection, None).await?.objects)
    }
    async fn read(&self, selection: &Selection, anchor: &Anchor) -> connector::Result<Option<Object>> {
        self.0.read(selection, anchor).await
    }
    async fn create(&self, selection: &Selection, changes: &ChangeSet) -> connector::Result<Object> {
        self.0.create(selection, changes).await
    }
    async fn update(
        &self,
        selection: &Selection,
        anchor: &Anchor,
        changes: &ChangeSet,
    ) -> connector::Result<Option<Object>> {
        self.0.update(selection, anchor, changes).await
    }
    async fn update_references(
        &self,
        kind: &Name,
        anchor: &Anchor,
        change: &ReferenceChange,
    ) -> connector::Result<()> {
        self.0.update_references(kind, anchor, change).await
    }
    async fn delete(&self, kind: &Name, anchor: &Anchor) -> connector::Result<()> {
        self.0.delete(kind, anchor).await
    }
    async fn list(&self, _: &Selection, _: Option<&Cursor>) -> connector::Result<TargetPage> {
        Err(ConnectorError::new(ErrorClass::Permanent, "lists are not served"))
    }
}

/// Story 6.
#[tokio::test]
async fn a_target_that_ignores_the_filter_matches_nobody_wrongly() {
    for there in [1, 3] {
        let (source, inner) = (MemorySource::new(), MemoryTarget::new());
        for number in 0..there {
            let name = Value::from(format!("user{number}"));
            inner.place("account", &[("userName", name.clone()), ("name", name)]);
        }
        let rig = Rig::to(source, inner.clone(), Arc::new(Deaf(inner))).await;
        for number in 0..5 {
            rig.source.upsert(user(number));
        }
        rig.good_cycle().await;
        let links = rig.store.links(&rig.job.id, None, 100).await.unwrap();
        assert_eq!(links.len(), 5, "{there} accounts were there");
        for entry in links {
            let account = rig.target.object(&entry.link.unwrap().anchor).unwrap();
            assert_eq!(account.get("userName").to_string(), entry.source.as_str().replace('u', "user"));
        }
        assert_eq!(rig.accounts().len(), 5);
    }
}

/// Story 7.
#[tokio::test(start_paused = true)]
async fn a_member_who_leaves_while_the_group_fails_is_removed_when_it_recovers() {
    let (rig, faults) = organization(10).await;
    assert_eq!(members(&rig, "staff"), ["user1", "user2"]);
    // The group itself cannot be exported, nor can its members.
    faults.always(
        &[Method::Update, Method::UpdateReferences],
        Fault::Refuse(ErrorClass::Invalid { attribute: Some("name".into()) }),
    );
    rig.source.set("staff", "displayName", "Everybody");
    rig.source.add_member("staff", "u3");
    rig.good_cycle().await;
    rig.source.remove_member("staff", "u1");
    rig.source.remove_member("staff", "u3");
    rig.good_cycle().await;
    assert_eq!(members(&rig, "staff"), ["user1", "user2"]);
    faults.heal();
    for _ in 0..2 {
        rig.clock.advance(SignedDuration::from_hours(8));
        rig.good_cycle().await;
    }
    assert_eq!(members(&rig, "Everybody"), ["user2"]);
}

/// Story 8.
#[tokio::test]
async fn an_account_that_was_deleted_by_hand_comes_back_with_memberships_and_reports() {
    let (rig, _) = organization(10).await;
    rig.source.upsert(managed_by(user(1), 5));
    rig.source.upsert(managed_by(user(6), 1));
    rig.good_cycle().await;
    let lost = rig.account_anchor("user1");
    rig.target.take_away(&lost);
    rig.source.set("u1", "department", "Legal");
    rig.target.forget_calls();
    rig.good_cycle().await;
    assert_eq!((rig.target.calls().of(Method::Create), rig.target.calls().of(Method::Delete)), (1, 0));
    let again = rig.account("user1").unwrap();
    assert_ne!(again.anchor, lost);
    assert_eq!(again.get("manager").as_reference(), Some(&rig.account_anchor("user5")));
    assert_eq!(rig.account("user6").unwrap().get("manager").as_reference(), Some(&again.anchor));
    assert_eq!(members(&rig, "staff"), ["user1", "user2"]);
    assert_eq!(rig.accounts().len(), 10);
}

/// Story 8, of a group of which nothing but the members changes.
#[tokio::test]
async fn a_group_that_was_deleted_by_hand_comes_back_when_somebody_joins() {
    let (rig, _) = organization(10).await;
    rig.source.upsert(group("all"));
    rig.source.add_member("all", "staff");
    rig.good_cycle().await;
    let lost = rig.target.object_by("team", "name", "staff").unwrap().anchor;
    rig.target.take_away(&lost);
    rig.source.add_member("staff", "u3");
    rig.target.forget_calls();
    rig.good_cycle().await;
    let calls = rig.target.calls();
    assert_eq!((calls.of(Method::Read), calls.of(Method::Create)), (0, 0), "a new group may be shown late");
    rig.clock.advance(SignedDuration::from_mins(11));
    rig.good_cycle().await;
    let again = rig.target.object_by("team", "name", "staff").unwrap().anchor;
    assert_ne!(again, lost);
    assert_eq!(members(&rig, "staff"), ["user1", "user2", "user3"]);
    let all = rig.target.object_by("team", "name", "all").unwrap().anchor;
    assert_eq!(rig.target.references(&all, "members"), [again]);
    assert_eq!(rig.target.len("team"), 2);
    rig.target.forget_calls();
    rig.good_cycle().await;
    assert_eq!(rig.target.calls().total(), 0);
}

/// Story 9.
#[tokio::test]
async fn a_login_passes_to_a_newcomer_in_one_cycle() {
    for newcomer_first in [true, false] {
        let (rig, _) = organization(10).await;
        let account = rig.account_anchor("user1");
        let newcomer = user(20).with("login", "user1").with("displayName", "Newcomer");
        if newcomer_first {
            rig.source.upsert(newcomer.clone());
        }
        rig.source.set("u1", "login", "married");
        rig.source.upsert(newcomer);
        rig.target.forget_calls();
        rig.good_cycle().await;
        let calls = rig.target.calls();
        assert_eq!((calls.of(Method::Delete), rig.target.len("account")), (0, 11));
        assert!(calls.of(Method::Create) <= 2, "at most one create is refused and tried again: {calls:?}");
        assert_eq!(rig.account_anchor("married"), account);
        assert_eq!(rig.account("user1").unwrap().get("name").as_text(), Some("Newcomer"));
        assert_eq!(rig.accounts().len(), 11);
        assert_eq!(rig.store.escrow_count(&rig.job.id).await.unwrap(), 0, "both are right in that cycle");
        assert_eq!(members(&rig, "staff"), ["married", "user2"]);
    }
}

/// Story 10.
#[tokio::test]
async fn two_jobs_at_one_target_touch_only_their_own() {
    let target = MemoryTarget::new().unique("account", "userName");
    let (mut one, mut other) = (
        Rig::with(MemorySource::new(), target.clone()).await,
        Rig::with(MemorySource::new(), target.clone()).await,
    );
    for rig in [&mut one, &mut other] {
        rig.set_settings(&[("Ownership", "CreatedByJob")]).await;
    }
    // Both know the people from 20 to 29; the first job is first with them.
    for number in 0..30 {
        one.source.upsert(user(number));
    }
    one.good_cycle().await;
    for number in 20..60 {
        other.source.upsert(user(number).with("displayName", "Of the other"));
    }
    other.source.upsert(managed_by(user(25), 40));
    other.good_cycle().await;
    let name = |number: u32| one.account(&format!("user{number}")).unwrap().get("name").to_string();
    assert_eq!(one.accounts().len(), 60);
    assert!((20..30).all(|number| name(number) != "Of the other"));
    assert!((30..60).all(|number| name(number) == "Of the other"));
    assert!(one.account("user25").unwrap().get("manager").is_null());
    // What becomes of them at the second source is no concern of the first job's accounts.
    other.source.disable("u20");
    other.source.delete("u21");
    other.source.set("u22", "displayName", "Renamed");
    other.source.disable("u30");
    other.source.forget_history();
    other.good_cycle().await;
    assert!(one.accounts()["user20"] && one.accounts()["user21"]);
    assert_ne!(name(22), "Renamed");
    assert!(!one.accounts()["user30"]);
    // Nor does the first job take accounts for its own that it did not make.
    one.source.upsert(user(50).with("displayName", "Taken"));
    one.good_cycle().await;
    one.source.disable("u50");
    one.source.disable("u2");
    one.good_cycle().await;
    assert_eq!(name(50), "Of the other");
    assert!(one.accounts()["user50"] && !one.accounts()["user2"]);
}

/// Story 11.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_schema_that_changes_during_a_cycle_holds_from_the_next_one_on() {
    let faults = Faults::none();
    let target = MemoryTarget::new().with_faults(faults.clone());
    let rig = Rig::with(MemorySource::new().page_size(10), target).await;
    for number in 0..60 {
        rig.source.upsert(user(number));
    }
    let gate = Gate::new();
    faults.nth(&[Method::Create], 25, Fault::Hold(gate.clone()));
    let running = tokio::spawn({
        let (engine, job) = (rig.engine.clone(), rig.job.clone());
        async move { engine.run_to_end(&job).await.unwrap() }
    });
    gate.arrival().await;
    rig.change_schema(|schema| {
        let mappings = &mut schema["synchronizationRules"][0]["objectMappings"][0]["attributeMappings"];
        mappings[1]["source"]["expression"] = json!("ToUpper([login])");
        mappings[2]["source"]["expression"] = json!("ToUpper([login])");
    })
    .await;
    gate.open();
    assert_eq!(running.await.unwrap(), CycleEnd::Completed);
    let new = |rig: &Rig| {
        let is_new = |object: &Object, attribute| object.get(attribute).to_string().starts_with("USER");
        let accounts = rig.target.objects("account");
        accounts.iter().map(|one| (is_new(one, "name"), is_new(one, "department"))).collect::<Vec<_>>()
    };
    assert_eq!(new(&rig), vec![(false, false); 60], "the running cycle ends as it began");
    rig.good_cycle().await;
    assert_eq!(new(&rig), vec![(true, true); 60]);
}

/// Story 12.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pause_amid_a_hundred_thousand_takes_effect_at_once_and_start_goes_on() {
    const PEOPLE: u32 = 100_000;
    let rig = Rig::with(MemorySource::new(), MemoryTarget::new().unique("account", "userName")).await;
    for number in 0..PEOPLE {
        rig.source.upsert(user(number));
    }
    let engine = rig.in_real_time().await;
    let job = || async { rig.store.job(crate::rig::TENANT, &rig.job.id).await.unwrap().unwrap() };
    let reached = |accounts: usize| {
        let target = rig.target.clone();
        async move {
            let began = Instant::now();
            while target.len("account") < accounts {
                assert!(began.elapsed() < Duration::from_mins(1), "{} accounts", target.len("account"));
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        }
    };
    let change = JobChange { interval: Some(SignedDuration::from_hours(1)), ..JobChange::default() };
    engine.change_job(&job().await, change).await.unwrap();
    engine.start_job(job().await).await.unwrap();
    let mut made = 0;
    for _ in 0..2 {
        reached(made + 1700).await;
        let began = Instant::now();
        engine.pause_job(job().await).await.unwrap();
        let took = began.elapsed();
        assert!(took < Duration::from_secs(1), "the pause took {took:?}");
        assert_eq!(job().await.schedule.state, ScheduleState::Paused);
        let paused = rig.target.len("account");
        assert!(paused > made && paused < PEOPLE as usize / 2, "{paused} accounts");
        assert_eq!(rig.store.managed_counts(&rig.job.id).await.unwrap()[0].links, paused as u64);
        // Nothing moves while it is paused, and what was read is not read again but for the pages it stood in: two under
        // way and one read ahead, at each of the two pauses.
        let yielded = rig.source.yielded();
        assert!(yielded <= paused as u64 + 6000, "{yielded} objects were read for {paused} accounts");
        engine.start_job(job().await).await.unwrap();
        made = paused;
    }
    reached(made + 1700).await;
    engine.pause_job(job().await).await.unwrap();
    let calls = rig.target.calls();
    assert_eq!(calls.of(Method::Create), rig.target.len("account") as u64, "nobody is made twice");
    engine.shutdown().await;
}
