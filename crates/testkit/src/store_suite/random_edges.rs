//! Reference edges after random commits, against their definition.

use std::collections::BTreeSet;

use model::{Anchor, Name};
use store::{Commit, EdgeWrite, SharedStore};

use super::edge_model::EdgeModel;
use super::fixture::{Fixture, at, entry, linked};
use crate::SeededEntropy;

/// Random commits: what is due is what the definition says, after each.
pub async fn edges_agree_with_the_definition(store: SharedStore) {
    for seed in 0..6 {
        let fixture = Fixture::new(store.clone()).await;
        let lots = SeededEntropy::new(seed);
        let mut model = EdgeModel::default();
        for step in 0..60 {
            let commit = random_commit(&lots, step);
            model.apply(&commit);
            fixture.commit(commit.clone()).await;
            for now in [0, 50, 1_000] {
                let due = fixture.due(at(now)).await.iter().map(|edge| format!("{edge:?}")).collect();
                let expected: BTreeSet<String> = model.due(at(now));
                assert_eq!(expected, due, "seed {seed}, step {step}, at {now}: {commit:?}");
            }
            assert_eq!(fixture.next_due().await, model.next_due(), "seed {seed}, step {step}: {commit:?}");
            for (rule, owner) in objects() {
                let edges = store.edges_of(&fixture.job, &rule, &owner).await.expect("read");
                let edges: BTreeSet<String> = edges.iter().map(|edge| format!("{edge:?}")).collect();
                assert_eq!(edges, model.of(&rule, &owner), "seed {seed}, step {step}: {commit:?}");
            }
            let counts = store.managed_counts(&fixture.job).await.expect("read");
            assert_eq!(counts.iter().map(|count| count.links).sum::<u64>(), model.links());
        }
    }
}

fn objects() -> impl Iterator<Item = (Name, Anchor)> {
    let rules = ["b rule", "a rule"];
    rules.into_iter().flat_map(|rule| {
        ["1", "2", "3", "4"].into_iter().map(move |source| (Name::from(rule), Anchor::new(source)))
    })
}

fn random_commit(lots: &SeededEntropy, generation: u64) -> Commit {
    let object = || objects().nth(usize::try_from(lots.below(8)).expect("small")).expect("there are eight");
    let mut commit = Commit { generation, ..Commit::default() };
    for _ in 0..lots.below(3) {
        let (rule, source) = object();
        commit.entries.push(match lots.below(4) {
            0 => entry(&rule, source.as_str()),
            _ => linked(&rule, source.as_str(), &format!("account {}", lots.below(6))),
        });
    }
    if lots.below(4) == 0 {
        commit.removed.push(object());
    }
    for _ in 0..lots.below(6) {
        let (rule, owner) = object();
        let referenced = object().1;
        let attribute: Name = if lots.below(2) == 0 { "manager".into() } else { "members".into() };
        let multivalued = attribute == "members";
        commit.edges.push(match lots.below(13) {
            0..=4 => EdgeWrite::Want { rule, owner, attribute, multivalued, referenced, generation },
            5 => EdgeWrite::Unwant { rule, owner, attribute, referenced },
            6..=8 => {
                let target = (lots.below(4) > 0).then(|| Anchor::new(format!("account {}", lots.below(6))));
                EdgeWrite::Exported { rule, owner, attribute, referenced, target }
            }
            9 => {
                let next = at(i64::try_from(lots.below(100)).expect("small"));
                let next = (lots.below(4) > 0).then_some(next);
                EdgeWrite::Retry { rule, owner, attribute, referenced, attempts: 3, first: at(1), next }
            }
            10 => EdgeWrite::Sweep { rule, owner, attribute, generation },
            11 => {
                let target = Anchor::new(format!("account {}", lots.below(6)));
                EdgeWrite::LetGo { rule, source: referenced, target }
            }
            _ if lots.below(3) == 0 => EdgeWrite::Drop { rule, owner },
            _ if lots.below(2) == 0 => EdgeWrite::TryAgain { rule, owner },
            _ => EdgeWrite::Reset { rule, owner },
        });
    }
    commit
}
