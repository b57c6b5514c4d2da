//! What a restart forgets, scope by scope, and what outlives it.

use connector::ErrorClass;
use engine::{CycleEnd, ResetScope};
use model::SignedDuration;
use model::job::QuarantineReason;
use model::link::Origin;
use testkit::{Fault, MemorySource, MemoryTarget, Method};

use crate::rig::{NOTHING, Rig, group, user};

/// What a job remembers, as far as restarts are about it.
#[derive(Clone, Debug, PartialEq)]
struct Memory {
    reads_everything: bool,
    links: usize,
    hints: usize,
    escrows: u64,
    failing_references: u64,
    staged: usize,
    quarantine: Option<QuarantineReason>,
    excluded: usize,
}

async fn memory(rig: &Rig) -> Memory {
    let (store, job) = (&rig.store, &rig.job.id);
    let runtime = rig.runtime().await.unwrap();
    Memory {
        reads_everything: runtime.contains("\"watermark\":null"),
        links: store.links(job, None, 100).await.unwrap().len(),
        hints: store.hints(job, None, 100).await.unwrap().len(),
        escrows: store.escrow_count(job).await.unwrap(),
        failing_references: store.failing_edges(job).await.unwrap(),
        staged: store.staged(job, None, 100).await.unwrap().len(),
        quarantine: rig.status().await.quarantine.map(|quarantine| quarantine.reason),
        excluded: store.exclusions(job, None, 100).await.unwrap().len(),
    }
}

/// Six people with accounts and a team; of two newcomers one cannot be made, one person cannot join the team, two are to be
/// disabled, which is held, and one is excluded.
async fn troubled() -> (Rig, Memory) {
    let mut rig =
        Rig::with(MemorySource::with_assignments(), MemoryTarget::new().unique("account", "userName")).await;
    rig.set_settings(&[("MaxDisables", "2"), ("EscrowRetryIntervals", "P20D")]).await;
    rig.source.upsert(group("staff"));
    rig.source.assign("staff");
    for number in 0..6 {
        rig.source.upsert(user(number));
        rig.source.assign(&format!("u{number}"));
    }
    rig.good_cycle().await;
    rig.engine.exclude(&rig.job, "u5".into(), "litigation hold".into(), "me".into()).await.unwrap();
    let refused = || Fault::Refuse(ErrorClass::Invalid { attribute: None });
    rig.target.faults().next(Method::UpdateReferences, refused());
    rig.source.add_member("staff", "u0");
    for number in 1..3 {
        rig.source.unassign(&format!("u{number}"));
    }
    rig.source.upsert(user(6).with("login", ""));
    rig.source.assign("u6");
    rig.good_cycle().await;
    let before = memory(&rig).await;
    let expected = Memory {
        reads_everything: false,
        links: 7,
        hints: 0,
        escrows: 1,
        failing_references: 1,
        staged: 2,
        quarantine: Some(QuarantineReason::TooManyDeletes),
        excluded: 1,
    };
    assert_eq!(before, expected);
    (rig, before)
}

#[tokio::test]
async fn each_scope_forgets_its_own_and_nothing_else() {
    type Forgets = fn(Memory) -> Memory;
    let scopes: [(ResetScope, Forgets); 6] = [
        (NOTHING, |before| before),
        (ResetScope { watermark: true, ..NOTHING }, |before| Memory { reads_everything: true, ..before }),
        (ResetScope { escrows: true, ..NOTHING }, |before| Memory {
            escrows: 0,
            failing_references: 0,
            ..before
        }),
        (ResetScope { quarantine: true, ..NOTHING }, |before| Memory { quarantine: None, ..before }),
        // What was to be removed, or referred to, was so by links.
        (ResetScope { links: true, ..NOTHING }, |before| Memory {
            reads_everything: true,
            links: 0,
            hints: 7,
            failing_references: 0,
            staged: 0,
            ..before
        }),
        (ResetScope { force_deletes: true, ..NOTHING }, |before| Memory { quarantine: None, ..before }),
    ];
    for (scope, forgets) in scopes {
        let (rig, before) = troubled().await;
        let status = rig.status().await;
        rig.restart(scope).await;
        assert_eq!(memory(&rig).await, forgets(before), "{scope:?}");
        if scope.links {
            let after = rig.status().await;
            assert_eq!(
                (after.quarantine, after.entries_by_type),
                (status.quarantine, status.entries_by_type)
            );
        }
    }
}

/// The connector data store alone: everybody is matched anew by a full read, in which what failed is tried anew, too. Nobody
/// is made twice or disabled, and an account of somebody excluded is none of the job's business.
#[tokio::test]
async fn a_cleared_connector_data_store_is_filled_by_matching_alone() {
    let (rig, _) = troubled().await;
    let accounts = rig.accounts();
    rig.restart(ResetScope { links: true, ..NOTHING }).await;
    rig.target.forget_calls();
    rig.good_cycle().await;
    let calls = rig.target.calls();
    assert_eq!((calls.of(Method::Create), calls.of(Method::Delete)), (0, 0));
    assert_eq!(rig.accounts(), accounts, "those who had been held back are nobody's: they stay");
    let links = rig.store.links(&rig.job.id, None, 100).await.unwrap();
    let mut linked: Vec<(&str, Origin)> =
        links.iter().map(|entry| (entry.source.as_str(), entry.link.as_ref().unwrap().origin)).collect();
    linked.sort_by_key(|(source, _)| *source);
    // The hint that matching confirmed knows whose account it is.
    let made = ["staff", "u0", "u3", "u4"].map(|source| (source, Origin::Created));
    assert_eq!(linked, made, "not the two without access, nor the one who is excluded");
    for source in ["u1", "u2", "u5"] {
        let story = rig.story(source).await;
        assert!(story.iter().any(|words| words.contains("OrphanAfterReset")), "{source}: {story:?}");
    }
    let after = memory(&rig).await;
    assert_eq!((after.hints, after.staged, after.failing_references, after.excluded), (0, 0, 0, 1));
    let escrows = rig.store.escrows(&rig.job.id, None, 9).await.unwrap();
    assert_eq!(
        (escrows.len(), escrows[0].attempts),
        (1, 1),
        "what failed was tried anew, as by every full read"
    );
    assert_eq!(after.quarantine, None, "nothing is held any more");
    let team = rig.target.objects("team")[0].anchor.clone();
    assert_eq!(rig.target.references(&team, "members"), [rig.account_anchor("user0")]);
    assert_eq!(rig.status().await.entries_by_type.values().sum::<u64>(), 4);
}

/// A quarantine outlives the reset of links, with its series; the first good cycle ends it.
#[tokio::test]
async fn a_quarantine_outlives_a_cleared_connector_data_store() {
    let rig = Rig::new().await;
    for number in 0..3 {
        rig.source.upsert(user(number));
    }
    rig.good_cycle().await;
    rig.target.faults().unauthorized_from_now_on();
    rig.source.upsert(user(3));
    assert!(matches!(rig.cycle().await, CycleEnd::Failed(_)));
    let before = rig.status().await.quarantine.unwrap();
    rig.restart(ResetScope { links: true, ..NOTHING }).await;
    assert_eq!(rig.status().await.quarantine.as_ref(), Some(&before));
    rig.clock.advance(SignedDuration::from_hours(6));
    assert!(matches!(rig.cycle().await, CycleEnd::Failed(_)));
    let again = rig.status().await.quarantine.unwrap();
    assert_eq!((again.series_count, again.series_began), (2, before.series_began));
    assert_eq!(rig.store.hints(&rig.job.id, None, 9).await.unwrap().len(), 3, "nothing was confirmed yet");
    rig.target.faults().heal();
    rig.good_cycle().await;
    assert_eq!((rig.status().await.quarantine, rig.accounts().len()), (None, 4));
}
