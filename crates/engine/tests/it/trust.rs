//! `TargetVerification` = `Trust`: what is remembered is trusted, except where a write may have arrived although nobody
//! told.

use engine::{Demand, ResetScope, Subject};
use model::failure::ErrorClass;
use model::{SignedDuration, Value};
use testkit::{Fault, Faults, Gate, MemorySource, MemoryTarget, Method};

use crate::rig::{NOTHING, Rig, user};

/// Twenty people with accounts, in a job that writes one after the other.
async fn trusting() -> (Rig, Faults) {
    let faults = Faults::none();
    let mut rig = Rig::with(MemorySource::new(), MemoryTarget::new().with_faults(faults.clone())).await;
    rig.set_settings(&[("TargetVerification", "Trust"), ("ConcurrentExports", "1")]).await;
    for number in 0..20 {
        rig.source.upsert(user(number));
    }
    rig.good_cycle().await;
    (rig, faults)
}

/// The process dies when the target has taken one of two writes, and no commit tells of either.
async fn dies_at_the_second_update(rig: &mut Rig, faults: &Faults) {
    let gate = Gate::new();
    faults.nth(&[Method::Update], 2, Fault::Hold(gate.clone()));
    tokio::select! {
        end = rig.cycle() => panic!("the cycle ended: {end:?}"),
        () = gate.arrival() => {}
    }
    faults.heal();
    rig.restart_process().await;
}

fn department(rig: &Rig, user_name: &str) -> Value {
    rig.account(user_name).unwrap().get("department").clone()
}

#[tokio::test]
async fn who_comes_back_after_a_crash_hid_that_the_account_was_disabled_is_enabled() {
    for scope in [None, Some(NOTHING), Some(ResetScope { watermark: true, ..NOTHING })] {
        let (mut rig, faults) = trusting().await;
        rig.source.disable("u1");
        rig.source.disable("u2");
        dies_at_the_second_update(&mut rig, &faults).await;
        assert_eq!((rig.accounts()["user1"], rig.accounts()["user2"]), (false, true));
        rig.source.enable("u1");
        rig.source.enable("u2");
        if let Some(scope) = scope {
            rig.restart(scope).await;
        }
        rig.good_cycle().await;
        assert!(rig.accounts().values().all(|active| *active), "{scope:?}: {:?}", rig.accounts());
    }
}

#[tokio::test]
async fn a_value_that_changes_back_after_a_crash_hid_that_it_was_sent_is_sent_again() {
    for scope in [None, Some(NOTHING), Some(ResetScope { watermark: true, ..NOTHING })] {
        let (mut rig, faults) = trusting().await;
        rig.source.set("u1", "department", "Legal");
        rig.source.set("u2", "department", "Legal");
        dies_at_the_second_update(&mut rig, &faults).await;
        assert_eq!((department(&rig, "user1"), department(&rig, "user2")), ("Legal".into(), "Sales".into()));
        rig.source.set("u1", "department", "IT");
        rig.source.set("u2", "department", "Sales");
        if let Some(scope) = scope {
            rig.restart(scope).await;
        }
        rig.good_cycle().await;
        assert_eq!(department(&rig, "user1"), "IT".into(), "{scope:?}");
        rig.target.forget_calls();
        rig.source.set("u1", "department", "Sales");
        rig.good_cycle().await;
        assert_eq!(rig.target.calls().of(Method::Read), 0, "{scope:?}: memory is trusted again");
    }
}

/// What runs beside cycles, and may change accounts.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Beside {
    OnDemand,
    Plan,
}

/// The process dies beside a cycle when the target has taken the first of two updates.
async fn dies_beside_a_cycle(rig: &mut Rig, faults: &Faults, what: Beside) {
    let gate = Gate::new();
    let plan = if what == Beside::Plan { Some(rig.plan().await) } else { None };
    faults.nth(&[Method::Update], 2, Fault::Hold(gate.clone()));
    let subject = |anchor: &str| Subject { anchor: anchor.into(), kind: "User".into() };
    let demand = Demand { rule: "rule".into(), subject: subject("u3"), linked: vec![subject("u2")] };
    if let Some(plan) = plan {
        rig.engine.apply_plan(&rig.job, plan.id).await.unwrap();
        gate.arrival().await;
    } else {
        tokio::select! {
            done = rig.engine.provision_on_demand(&rig.job, demand) => panic!("it ended: {done:?}"),
            () = gate.arrival() => {}
        }
    }
    faults.heal();
    rig.restart_process().await;
    rig.clock.advance(SignedDuration::from_mins(11));
}

#[tokio::test]
async fn who_comes_back_after_a_crash_beside_a_cycle_is_as_the_source_says() {
    for what in [Beside::OnDemand, Beside::Plan] {
        for scope in [
            None,
            Some(ResetScope { watermark: true, ..NOTHING }),
            Some(ResetScope { escrows: true, ..NOTHING }),
        ] {
            let (mut rig, faults) = trusting().await;
            rig.source.disable("u2");
            rig.source.disable("u3");
            dies_beside_a_cycle(&mut rig, &faults, what).await;
            assert_eq!((rig.accounts()["user2"], rig.accounts()["user3"]), (false, true), "{what:?}");
            rig.source.enable("u2");
            rig.source.enable("u3");
            if let Some(scope) = scope {
                rig.restart(scope).await;
            }
            rig.good_cycle().await;
            assert!(rig.accounts().values().all(|active| *active), "{what:?} {scope:?}");
            assert_eq!(rig.store.escrows(&rig.job.id, None, 9).await.unwrap(), []);
        }
    }
}

/// One that comes to its end leaves nothing to be looked at again.
#[tokio::test]
async fn memory_is_trusted_after_a_run_beside_a_cycle() {
    let (rig, _) = trusting().await;
    rig.source.disable("u2");
    let subject = Subject { anchor: "u2".into(), kind: "User".into() };
    let demand = Demand { rule: "rule".into(), subject, linked: Vec::new() };
    rig.engine.provision_on_demand(&rig.job, demand).await.unwrap();
    rig.source.set("u3", "department", "Legal");
    let plan = rig.plan().await;
    rig.apply(&plan).await;
    assert_eq!(rig.store.escrows(&rig.job.id, None, 9).await.unwrap(), []);
    rig.target.forget_calls();
    rig.source.set("u3", "department", "IT");
    rig.good_cycle().await;
    assert_eq!((rig.target.calls().of(Method::Read), department(&rig, "user3")), (0, "IT".into()));
}

/// The target takes it and answers that it failed.
#[tokio::test]
async fn who_comes_back_after_a_disable_that_seemed_to_fail_is_enabled() {
    for scope in
        [None, Some(ResetScope { watermark: true, ..NOTHING }), Some(ResetScope { escrows: true, ..NOTHING })]
    {
        let (rig, faults) = trusting().await;
        rig.source.disable("u1");
        faults.next(Method::Update, Fault::LoseAnswer(ErrorClass::Permanent));
        rig.good_cycle().await;
        assert!(!rig.accounts()["user1"]);
        rig.source.enable("u1");
        if let Some(scope) = scope {
            rig.restart(scope).await;
        }
        rig.good_cycle().await;
        assert!(rig.accounts()["user1"], "{scope:?}");
    }
}
