//! Pages of the source: what goes on beside one another, and what waits.

use std::time::Duration;

use engine::CycleEnd;
use model::failure::ErrorClass;
use model::job::Counters;
use testkit::{Fault, Faults, Gate, MemorySource, MemoryTarget, Method};

use crate::rig::{Rig, group, managed_by, user};

async fn paged(page_size: usize, people: u32) -> (Rig, Faults) {
    let faults = Faults::none();
    let target = MemoryTarget::new().unique("account", "userName").with_faults(faults.clone());
    let source = MemorySource::new().page_size(page_size).with_faults(faults.clone());
    let rig = Rig::with(source, target).await;
    for number in 0..people {
        rig.source.upsert(user(number));
    }
    (rig, faults)
}

#[tokio::test]
async fn one_slow_answer_does_not_hold_up_the_next_page() {
    let (rig, faults) = paged(10, 30).await;
    let gate = Gate::new();
    faults.nth(&[Method::Create], 5, Fault::Hold(gate.clone()));
    let everything_else = async {
        gate.arrival().await;
        // All of the second page is made while the first still waits.
        while rig.target.len("account") < 19 {
            tokio::task::yield_now().await;
        }
        let links: u64 =
            rig.store.managed_counts(&rig.job.id).await.unwrap().iter().map(|one| one.links).sum();
        assert!(links <= 10, "{links} links, though a page still waits");
        gate.open();
    };
    let cycle = async { assert_eq!(rig.engine.run_to_end(&rig.job).await.unwrap(), CycleEnd::Completed) };
    tokio::join!(cycle, everything_else);
    assert_eq!(rig.accounts().len(), 30);
    assert_eq!(rig.target.calls().of(Method::Create), 30);
}

#[tokio::test(start_paused = true)]
async fn a_page_beside_one_that_breaks_off_is_read_again_and_made_once() {
    let (rig, faults) = paged(10, 40).await;
    // The target fails for good while two pages are under way.
    faults.nth(&[Method::Create], 14, Fault::Refuse(ErrorClass::Unauthorized));
    faults.nth(&[Method::Check], 1, Fault::Refuse(ErrorClass::Unauthorized));
    let end = rig.cycle().await;
    assert!(matches!(end, CycleEnd::Failed(_)), "{end:?}");
    let made = rig.accounts().len();
    assert!(made < 40, "{made}");
    faults.heal();
    rig.good_cycle().await;
    assert_eq!(rig.accounts().len(), 40);
    assert_eq!(rig.store.managed_counts(&rig.job.id).await.unwrap()[0].links, 40);
    let counters = rig.status().await.last_execution.unwrap().counters;
    assert_eq!((counters.imported, counters.exported), (40, 40), "each counts once, in however many tries");
}

#[tokio::test(start_paused = true)]
async fn a_source_that_falters_is_asked_again_within_the_cycle() {
    let (rig, faults) = paged(10, 30).await;
    faults.nth(&[Method::Changes], 2, Fault::Refuse(ErrorClass::Retry { after: None }));
    let after = Some(Duration::from_secs(30));
    faults.nth(&[Method::Changes], 3, Fault::Refuse(ErrorClass::Throttled { after }));
    rig.good_cycle().await;
    assert_eq!(rig.accounts().len(), 30);
    assert_eq!(rig.status().await.quarantine, None);

    faults.always(&[Method::Changes], Fault::Refuse(ErrorClass::Retry { after: None }));
    rig.source.upsert(user(30));
    let end = rig.cycle().await;
    assert!(matches!(end, CycleEnd::Failed(_)), "trouble that stays ends the cycle: {end:?}");
}

/// The feed begins with the full read: whoever goes between two beginnings of it is on no page, and in no later change.
#[tokio::test(start_paused = true)]
async fn whoever_goes_between_two_beginnings_of_a_full_read_is_gone() {
    let (rig, faults) = paged(50, 20).await;
    rig.good_cycle().await;
    rig.restart(engine::ResetScope { watermark: true, ..engine::ResetScope::default() }).await;
    rig.source.set("u3", "displayName", "Another");
    faults.always(&[Method::Update, Method::Check], Fault::Refuse(ErrorClass::Unauthorized));
    assert!(matches!(rig.cycle().await, CycleEnd::Failed(_)), "on the first page");
    rig.source.delete("u1");
    faults.heal();
    rig.good_cycle().await;
    rig.good_cycle().await;
    assert_eq!((rig.accounts().len(), rig.account("user1")), (19, None));
}

/// How a cycle is broken off while it sends.
#[derive(Clone, Copy, Debug)]
enum Break {
    Pause,
    Halt,
    Crash,
}

/// Changes something, breaks the cycle off at a request, and lets it go on to its end.
async fn broken(rig: &mut Rig, faults: &Faults, how: Break, (method, number): (Method, u64)) {
    let gate = Gate::new();
    if matches!(how, Break::Halt) {
        faults.nth(&[method], number, Fault::Refuse(ErrorClass::Unauthorized));
        faults.nth(&[Method::Check], 1, Fault::Refuse(ErrorClass::Unauthorized));
        let end = rig.cycle().await;
        assert!(matches!(end, CycleEnd::Failed(_)), "{end:?}");
    } else {
        faults.always(&[method], Fault::Hold(gate.clone()));
        let pause = async {
            for _ in 1..number {
                gate.let_one_through();
                gate.arrival().await;
            }
            if matches!(how, Break::Pause) {
                rig.engine.pause_job(rig.job.clone()).await.unwrap();
                gate.open();
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            end = rig.cycle() => assert_eq!(end, CycleEnd::Stopped),
            () = pause => {}
        }
        rig.store.update_job(rig.job.clone()).await.unwrap();
        rig.restart_process().await;
    }
    faults.heal();
    rig.good_cycle().await;
}

/// A full read of some pages, and a change of everybody that comes as one page of several parts.
async fn counters_of(how: Option<Break>) -> [Counters; 2] {
    let faults = Faults::none();
    let target = MemoryTarget::new().unique("account", "userName").with_faults(faults.clone());
    let source = MemorySource::new().page_size(300).with_faults(faults.clone());
    let mut rig = Rig::with(source, target).await;
    for number in 0..700 {
        let login = if number % 100 == 7 { String::new() } else { format!("user{number}") };
        let person = user(number).with("login", login);
        rig.source.upsert(if number % 50 == 1 { managed_by(person, number - 1) } else { person });
    }
    rig.source.upsert(group("staff"));
    for number in 0..30 {
        rig.source.add_member("staff", &format!("u{number}"));
    }
    let mut counters = Vec::new();
    for (method, number) in [(Method::Create, 270), (Method::Update, 200)] {
        if method == Method::Update {
            for number in 0..280 {
                rig.source.set(&format!("u{number}"), "department", "Legal");
            }
        }
        match how {
            None => rig.good_cycle().await,
            Some(how) => broken(&mut rig, &faults, how, (method, number)).await,
        }
        counters.push(rig.status().await.last_execution.unwrap().counters);
    }
    counters.try_into().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_cycle_that_was_broken_off_and_goes_on_counts_as_one_that_was_not() {
    let straight = counters_of(None).await;
    let [first, second] = straight;
    assert_eq!((first.imported, first.entitled_for_provisioning, first.escrowed), (701, 701, 7));
    assert_eq!((second.imported, second.entitled_for_provisioning, second.escrowed), (280, 280, 3));
    for how in [Break::Pause, Break::Halt] {
        assert_eq!(counters_of(Some(how)).await, straight, "{how:?}");
    }
    // What a crash left of updates, nobody can tell from what was so before.
    let [first, second] = counters_of(Some(Break::Crash)).await;
    assert_eq!(first, straight[0]);
    assert_eq!(
        Counters { exports: 0, exported: 0, ..second },
        Counters { exports: 0, exported: 0, ..straight[1] }
    );
    assert!(second.exports == second.exported && second.exports <= straight[1].exports, "{second:?}");
}
