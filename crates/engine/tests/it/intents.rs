//! Accounts that were about to be made: looked for before they are made again, and forgotten when it is known what
//! became of them.

use engine::{Demand, Subject};
use model::failure::ErrorClass;
use model::{SignedDuration, Value};
use store::Origin;
use testkit::{Fault, Faults, Gate, MemorySource, MemoryTarget, Method};

use crate::rig::{Rig, user};

async fn origin(rig: &Rig, source: &str) -> Option<Origin> {
    let entries = rig.store.entries(&rig.job.id, &[source.into()]).await.unwrap();
    entries.into_iter().find_map(|entry| entry.link).map(|link| link.origin)
}

#[tokio::test(start_paused = true)]
async fn what_a_lost_answer_left_is_the_jobs_own_though_the_cycle_reads_everything_again() {
    let faults = Faults::none();
    let source = MemorySource::new().page_size(1).with_faults(faults.clone());
    let rig = Rig::with(source, MemoryTarget::new().with_faults(faults.clone())).await;
    rig.source.upsert(user(0));
    rig.good_cycle().await;
    rig.source.upsert(user(1));
    rig.source.upsert(user(2));
    faults.next(Method::Create, Fault::LoseAnswer(ErrorClass::Unavailable));
    // The first call is the look whether there is anything at all, the second the first page.
    faults.nth(&[Method::Changes], 3, Fault::Refuse(ErrorClass::CursorRefused));
    rig.good_cycle().await;
    assert_eq!(rig.accounts().len(), 3);
    assert_eq!(origin(&rig, "u1").await, Some(Origin::Created));
    assert_eq!(rig.store.open_intents(&rig.job.id).await.unwrap(), []);
}

#[tokio::test]
async fn an_account_that_somebody_else_made_first_is_matched_and_leaves_no_intent() {
    let faults = Faults::none();
    let target = MemoryTarget::new().unique("account", "userName").with_faults(faults.clone());
    let rig = Rig::with(MemorySource::new(), target).await;
    rig.source.upsert(user(1));
    let gate = Gate::new();
    faults.next(Method::Create, Fault::Hold(gate.clone()));
    let cycle = tokio::spawn({
        let (engine, job) = (rig.engine.clone(), rig.job.clone());
        async move { engine.run_to_end(&job).await.unwrap() }
    });
    gate.arrival().await;
    rig.target.place("account", &[("userName", Value::from("user1"))]);
    gate.open();
    cycle.await.unwrap();
    assert_eq!(rig.accounts().len(), 1);
    assert_eq!(origin(&rig, "u1").await, Some(Origin::Matched));
    assert_eq!(rig.store.open_intents(&rig.job.id).await.unwrap(), []);
}

#[tokio::test(start_paused = true)]
async fn a_create_that_was_refused_leaves_no_claim_to_an_account_that_comes_later() {
    let faults = Faults::none();
    let rig = Rig::with(MemorySource::new(), MemoryTarget::new().with_faults(faults.clone())).await;
    rig.source.upsert(user(1));
    faults.next(Method::Create, Fault::Refuse(ErrorClass::Invalid { attribute: None }));
    rig.good_cycle().await;
    assert_eq!(rig.store.open_intents(&rig.job.id).await.unwrap(), []);
    rig.target.place("account", &[("userName", Value::from("user1"))]);
    rig.source.set("u1", "department", "Legal");
    rig.good_cycle().await;
    assert_eq!(origin(&rig, "u1").await, Some(Origin::Matched));
}

/// The answer is lost for good, and before anybody looks for the account its login has passed to somebody else.
#[tokio::test(start_paused = true)]
async fn an_account_whose_answer_was_lost_is_found_though_its_login_changed_since() {
    let faults = Faults::none();
    let source = MemorySource::new().with_faults(faults.clone());
    let mut rig = Rig::with(source, MemoryTarget::new().with_faults(faults.clone())).await;
    rig.source.upsert(user(0));
    rig.good_cycle().await;
    rig.source.upsert(user(1));
    rig.source.upsert(user(2));
    faults.every(&[Method::Create], 1, Fault::LoseAnswer(ErrorClass::Unavailable));
    faults.always(&[Method::Check], Fault::Refuse(ErrorClass::Unavailable));
    rig.cycle().await;
    let made = rig.accounts().len() - 1;
    faults.heal();
    rig.restart_process().await;
    rig.source.set("u1", "login", "married");
    rig.source.upsert(user(3).with("login", "user2"));
    rig.source.set("u2", "login", "parted");
    rig.good_cycle().await;
    assert!(made > 0);
    assert_eq!(rig.target.len("account"), 4, "{:?}", rig.accounts());
    assert_eq!(rig.store.open_intents(&rig.job.id).await.unwrap(), []);
}

/// The account whose creation a crash hid is found although another has its name by then.
#[tokio::test]
async fn what_a_crash_hid_is_found_though_names_were_swapped_since() {
    let faults = Faults::none();
    let mut rig = Rig::with(MemorySource::new(), MemoryTarget::new().with_faults(faults.clone())).await;
    rig.set_settings(&[("ConcurrentExports", "1")]).await;
    rig.source.upsert(user(0));
    rig.good_cycle().await;
    rig.source.upsert(user(1));
    rig.source.upsert(user(2));
    let gate = Gate::new();
    faults.nth(&[Method::Create], 2, Fault::Hold(gate.clone()));
    tokio::select! {
        end = rig.cycle() => panic!("the cycle ended: {end:?}"),
        () = gate.arrival() => {}
    }
    faults.heal();
    rig.restart_process().await;
    assert_eq!(rig.target.len("account"), 2);
    let (one, other) = (rig.account_anchor("user0"), rig.account_anchor("user1"));
    rig.source.set("u0", "login", "user1");
    rig.source.set("u1", "login", "user0");
    rig.good_cycle().await;
    assert_eq!((rig.account_anchor("user1"), rig.account_anchor("user0")), (one, other));
    assert_eq!(rig.target.len("account"), 3);
    assert_eq!(origin(&rig, "u1").await, Some(Origin::Created));
}

/// Nothing at the source tells of it: what a run on demand left when its process died is looked at all the same.
#[tokio::test]
async fn what_a_run_on_demand_left_is_looked_at_in_a_cycle_that_has_nothing_else() {
    let mut rig = Rig::new().await;
    rig.source.upsert(user(1));
    rig.good_cycle().await;
    rig.target.take_away(&rig.account_anchor("user1"));
    let gate = Gate::new();
    rig.target.faults().next(Method::Create, Fault::Hold(gate.clone()));
    let subject = Subject { anchor: "u1".into(), kind: "User".into() };
    let demand = Demand { rule: "rule".into(), subject, linked: Vec::new() };
    tokio::select! {
        end = rig.engine.provision_on_demand(&rig.job, demand) => panic!("the run ended: {end:?}"),
        () = gate.arrival() => {}
    }
    rig.target.faults().heal();
    rig.restart_process().await;
    rig.clock.advance(SignedDuration::from_hours(1));
    rig.good_cycle().await;
    assert_eq!(rig.store.open_intents(&rig.job.id).await.unwrap(), []);
    let links = rig.store.links(&rig.job.id, None, 9).await.unwrap();
    assert_eq!(links[0].link.as_ref().unwrap().anchor, rig.account_anchor("user1"));
}
