//! Reference edges and their due-ness.

use model::{Anchor, Timestamp};
use store::{Commit, DueEdge, EdgeWrite, IncomingEdge, OutgoingEdge, SharedStore};

use super::fixture::{Fixture, at, entry, linked};

const RULE: &str = "rule";

/// A wanted edge of the rule `rule` in generation 1.
#[must_use]
pub fn want(owner: &str, attribute: &str, referenced: &str) -> EdgeWrite {
    EdgeWrite::Want {
        rule: RULE.into(),
        owner: owner.into(),
        attribute: attribute.into(),
        multivalued: attribute == "members",
        referenced: referenced.into(),
        generation: 1,
    }
}

fn unwant(owner: &str, attribute: &str, referenced: &str) -> EdgeWrite {
    EdgeWrite::Unwant {
        rule: RULE.into(),
        owner: owner.into(),
        attribute: attribute.into(),
        referenced: referenced.into(),
    }
}

fn exported(owner: &str, attribute: &str, referenced: &str, target: Option<&str>) -> EdgeWrite {
    EdgeWrite::Exported {
        rule: RULE.into(),
        owner: owner.into(),
        attribute: attribute.into(),
        referenced: referenced.into(),
        target: target.map(Anchor::new),
    }
}

fn retry(owner: &str, attribute: &str, referenced: &str, attempts: u32, next: Timestamp) -> EdgeWrite {
    EdgeWrite::Retry {
        rule: RULE.into(),
        owner: owner.into(),
        attribute: attribute.into(),
        referenced: referenced.into(),
        attempts,
        first: at(1),
        next: Some(next),
    }
}

fn due(owner: &str, attribute: &str, referenced: &str, value: &str) -> DueEdge {
    DueEdge {
        rule: RULE.into(),
        mapping: "mapping".into(),
        owner_kind: "User".into(),
        owner: owner.into(),
        target_kind: "urn:User".into(),
        target: Anchor::new(format!("{owner}'")),
        attribute: attribute.into(),
        multivalued: attribute == "members",
        referenced: referenced.into(),
        wanted: true,
        value: value.into(),
        removed: Vec::new(),
        exported: None,
        attempts: 0,
        first: None,
        owner_name: Some(format!("Person {owner}").into()),
        referenced_name: Some(format!("Person {referenced}").into()),
    }
}

impl Fixture {
    /// Links source objects of the rule `rule` with accounts of the same name and an apostrophe.
    async fn link(&self, sources: &[&str]) {
        self.commit_entries(
            sources.iter().map(|source| linked(RULE, source, &format!("{source}'"))).collect(),
        )
        .await;
    }

    async fn edges(&self, edges: Vec<EdgeWrite>) {
        self.commit(Commit { edges, ..Commit::default() }).await;
    }

    pub(super) async fn due(&self, now: Timestamp) -> Vec<DueEdge> {
        self.store.due_edges(&self.job, now, 1_000).await.expect("read")
    }

    pub(super) async fn next_due(&self) -> Option<Timestamp> {
        self.store.next_due(&self.job).await.expect("read")
    }

    async fn edges_of(&self, owner: &str) -> Vec<OutgoingEdge> {
        let mut edges = self.store.edges_of(&self.job, RULE, &owner.into()).await.expect("read");
        edges.sort_by_key(|edge| (edge.attribute.clone(), edge.referenced.clone()));
        edges
    }
}

/// Whichever comes last, the owner, the referenced object or the edge, makes it due.
pub async fn wanted_edges_are_due_once_both_ends_are_linked(store: SharedStore) {
    let orders: [[&str; 3]; 6] = [
        ["owner", "referenced", "edge"],
        ["owner", "edge", "referenced"],
        ["referenced", "owner", "edge"],
        ["referenced", "edge", "owner"],
        ["edge", "owner", "referenced"],
        ["edge", "referenced", "owner"],
    ];
    for order in orders {
        let fixture = Fixture::new(store.clone()).await;
        for (position, step) in order.into_iter().enumerate() {
            assert_eq!(fixture.due(at(0)).await, [], "{order:?} before step {position}");
            assert_eq!(fixture.next_due().await, None);
            match step {
                "edge" => fixture.edges(vec![want("owner", "manager", "referenced")]).await,
                object => fixture.link(&[object]).await,
            }
        }
        assert_eq!(
            fixture.due(at(0)).await,
            [due("owner", "manager", "referenced", "referenced'")],
            "{order:?}"
        );
        assert!(fixture.next_due().await.expect("it is due") <= at(0));
    }
    // An object can refer to itself; an entry without a link is none.
    let fixture = Fixture::new(store).await;
    fixture.commit_entries(vec![entry(RULE, "self")]).await;
    fixture.edges(vec![want("self", "manager", "self")]).await;
    assert_eq!(fixture.due(at(0)).await, []);
    fixture.link(&["self"]).await;
    assert_eq!(fixture.due(at(0)).await, [due("self", "manager", "self", "self'")]);
}

/// An edge that is no longer wanted goes, or is due for removal where something was exported.
pub async fn unwanted_edges_are_removed_or_due(store: SharedStore) {
    let fixture = Fixture::new(store).await;
    fixture.link(&["g", "a", "c"]).await;
    fixture
        .edges(vec![want("g", "members", "a"), want("g", "members", "b"), want("g", "members", "c")])
        .await;
    fixture.edges(vec![exported("g", "members", "a", Some("a'"))]).await;
    // What was due may have been sent by a process that died before it could say so.
    fixture.edges(vec![unwant("g", "members", "c")]).await;
    let maybe_sent: Vec<_> =
        fixture.due(at(0)).await.into_iter().map(|edge| (edge.wanted, edge.value)).collect();
    assert_eq!(maybe_sent, [(false, "c'".into())]);
    fixture.edges(vec![exported("g", "members", "c", None)]).await;
    fixture.edges(vec![unwant("g", "members", "a"), unwant("g", "members", "b")]).await;
    let removal = DueEdge {
        wanted: false,
        removed: vec!["a'".into()],
        exported: Some("a'".into()),
        ..due("g", "members", "a", "a'")
    };
    assert_eq!(fixture.due(at(0)).await, std::slice::from_ref(&removal));
    assert_eq!(fixture.edges_of("g").await.len(), 1, "the other could never be exported");
    // Wanted again before the removal is known to be sent: whether it was, nobody knows.
    fixture.edges(vec![want("g", "members", "a")]).await;
    let again = DueEdge { exported: Some("a'".into()), ..due("g", "members", "a", "a'") };
    assert_eq!(fixture.due(at(0)).await, [again]);
    fixture.edges(vec![exported("g", "members", "a", Some("a'"))]).await;
    assert_eq!(fixture.due(at(0)).await, []);
    // The removal is of what was exported, whatever the object is linked with by now.
    fixture.edges(vec![unwant("g", "members", "a")]).await;
    fixture.commit_entries(vec![linked(RULE, "a", "a''")]).await;
    assert_eq!(fixture.due(at(0)).await, [removal]);
    fixture.edges(vec![exported("g", "members", "a", None)]).await;
    assert_eq!(fixture.edges_of("g").await, []);
    assert_eq!(fixture.next_due().await, None);
}

/// Edges of another generation are swept, of this owner and attribute alone.
pub async fn sweeping_unwants_what_an_enumeration_did_not_see(store: SharedStore) {
    let fixture = Fixture::new(store).await;
    fixture.link(&["g", "h", "a", "b", "c"]).await;
    let wanted = ["a", "b", "c"].map(|member| want("g", "members", member));
    fixture
        .edges(wanted.into_iter().chain([want("g", "owners", "a"), want("h", "members", "a")]).collect())
        .await;
    let sent = ["a", "b"].map(|member| exported("g", "members", member, Some(&format!("{member}'"))));
    fixture.edges(sent.into()).await;
    let seen = EdgeWrite::Want {
        rule: RULE.into(),
        owner: "g".into(),
        attribute: "members".into(),
        multivalued: true,
        referenced: "b".into(),
        generation: 2,
    };
    let sweep =
        EdgeWrite::Sweep { rule: RULE.into(), owner: "g".into(), attribute: "members".into(), generation: 2 };
    fixture.edges(vec![seen, sweep]).await;
    let edges = fixture.edges_of("g").await;
    let shape: Vec<_> =
        edges.iter().map(|edge| (edge.attribute.as_str(), edge.referenced.as_str(), edge.wanted)).collect();
    let expected =
        [("members", "a", false), ("members", "b", true), ("members", "c", false), ("owners", "a", true)];
    assert_eq!(shape, expected, "c was due, so it may have been sent");
    assert_eq!(fixture.edges_of("h").await.len(), 1);
    let removals: Vec<_> = fixture.due(at(0)).await.into_iter().filter(|edge| !edge.wanted).collect();
    let removed: Vec<_> = removals.iter().map(|edge| edge.value.as_str()).collect();
    assert_eq!(removed, ["a'", "c'"]);
}

/// A failed edge is due again when its wait is over, or when there is something new to send.
pub async fn retries_wait(store: SharedStore) {
    let fixture = Fixture::new(store).await;
    fixture.link(&["o", "r"]).await;
    fixture.edges(vec![want("o", "manager", "r")]).await;
    fixture.edges(vec![retry("o", "manager", "r", 2, at(60))]).await;
    assert_eq!(fixture.due(at(59)).await, []);
    assert_eq!(fixture.next_due().await, Some(at(60)));
    let tried = DueEdge { attempts: 2, first: Some(at(1)), ..due("o", "manager", "r", "r'") };
    assert_eq!(fixture.due(at(60)).await, [tried]);
    fixture.edges(vec![want("o", "manager", "r")]).await;
    assert_eq!(fixture.next_due().await, Some(at(60)), "seeing it again does not end the wait");
    fixture.commit_entries(vec![linked(RULE, "r", "r''")]).await;
    assert_eq!(fixture.due(at(0)).await, [due("o", "manager", "r", "r''")], "a new account does");
    fixture.edges(vec![retry("o", "manager", "r", 1, at(60)), unwant("o", "manager", "r")]).await;
    let removals: Vec<_> =
        fixture.due(at(0)).await.into_iter().map(|edge| (edge.wanted, edge.value)).collect();
    assert_eq!(removals, [(false, "r''".into())], "the failed export may have taken effect");
}

/// An edge that is given up is never due and counts for nothing, until somebody lets its owner's be tried again; like any
/// other it ends when there is something new to send.
pub async fn edges_are_given_up(store: SharedStore) {
    let fixture = Fixture::new(store.clone()).await;
    fixture.link(&["o", "r", "s"]).await;
    let given_up = |referenced: &str| match retry("o", "members", referenced, 3, at(9)) {
        EdgeWrite::Retry { rule, owner, attribute, referenced, attempts, first, .. } => {
            EdgeWrite::Retry { rule, owner, attribute, referenced, attempts, first, next: None }
        }
        other => other,
    };
    fixture.edges(vec![want("o", "members", "r"), want("o", "members", "s"), given_up("r")]).await;
    fixture.edges(vec![retry("o", "members", "s", 1, at(60))]).await;
    assert_eq!(fixture.due(Timestamp::MAX).await.len(), 1);
    assert_eq!(store.failing_edges(&fixture.job).await.expect("read"), 1);
    let failing = async |limit| {
        let edges = store.failing_edges_of(&fixture.job, RULE, &"o".into(), limit).await.expect("read");
        edges
            .into_iter()
            .map(|edge| (edge.referenced, edge.attempts, edge.first, edge.next))
            .collect::<Vec<_>>()
    };
    let waits = ("s".into(), 1, at(1), Some(at(60)));
    assert_eq!(failing(9).await, [waits.clone(), ("r".into(), 3, at(1), None)]);
    assert_eq!(failing(1).await, [waits]);
    fixture.edges(vec![exported("o", "members", "s", Some("s'"))]).await;
    assert_eq!(fixture.next_due().await, None);
    assert_eq!(store.next_due_after(&fixture.job, at(0)).await.expect("read"), None);
    fixture.edges(vec![EdgeWrite::TryAgain { rule: RULE.into(), owner: "o".into() }]).await;
    assert_eq!(fixture.due(at(0)).await, [due("o", "members", "r", "r'")]);
    assert_eq!(failing(9).await, []);
    fixture.edges(vec![given_up("r")]).await;
    assert_eq!(
        store.retry_now(&fixture.job, None, at(5)).await.expect("written"),
        1,
        "a person may ask for it"
    );
    fixture.edges(vec![given_up("r")]).await;
    fixture.forget_escrows().await;
    assert_eq!(
        fixture.due(at(0)).await,
        [due("o", "members", "r", "r'")],
        "with the escrows it is forgotten"
    );
    // What was given up may have taken effect all the same.
    fixture.edges(vec![given_up("r"), unwant("o", "members", "r")]).await;
    assert_eq!(fixture.due(at(0)).await.len(), 1);
}

/// Edges that failed are counted until they were exported, or the escrows are cleared, which makes them due.
pub async fn failing_edges_are_counted(store: SharedStore) {
    let fixture = Fixture::new(store.clone()).await;
    fixture.link(&["o", "r", "s"]).await;
    fixture.edges(vec![want("o", "members", "r"), want("o", "members", "s")]).await;
    let failing = async || store.failing_edges(&fixture.job).await.expect("read");
    assert_eq!(failing().await, 0, "they are due and have not failed");
    fixture.edges(vec![retry("o", "members", "r", 1, at(60)), retry("o", "members", "s", 4, at(90))]).await;
    assert_eq!(failing().await, 2);
    fixture.edges(vec![exported("o", "members", "s", Some("s'"))]).await;
    assert_eq!(failing().await, 1);
    fixture.forget_escrows().await;
    assert_eq!(failing().await, 0);
    assert_eq!(fixture.due(at(0)).await, [due("o", "members", "r", "r'")], "with no tries behind it");
}

/// What was exported is not due again, and can be asked for.
pub async fn exported_edges_rest(store: SharedStore) {
    let fixture = Fixture::new(store.clone()).await;
    fixture.link(&["o", "r", "s"]).await;
    fixture.edges(vec![want("o", "manager", "r"), exported("o", "manager", "r", Some("r'"))]).await;
    assert_eq!(fixture.due(at(1_000_000)).await, []);
    assert_eq!(fixture.next_due().await, None);
    let edge = OutgoingEdge {
        attribute: "manager".into(),
        referenced: "r".into(),
        wanted: true,
        exported: Some("r'".into()),
    };
    assert_eq!(fixture.edges_of("o").await, [edge]);
    // The manager changes: one is wanted, one is to be taken back, adds before removals.
    fixture.edges(vec![unwant("o", "manager", "r"), want("o", "manager", "s")]).await;
    let due: Vec<_> = fixture.due(at(0)).await.into_iter().map(|edge| (edge.wanted, edge.value)).collect();
    assert_eq!(due, [(true, "s'".into()), (false, "r'".into())]);
    let owners = ["o".into(), "r".into(), "nobody".into()];
    let single = store.single_edges(&fixture.job, RULE, "manager", &owners).await.expect("read");
    assert_eq!(single, [(Anchor::new("o"), Anchor::new("s"))]);
    assert!(store.single_edges(&fixture.job, "no rule", "manager", &owners).await.expect("read").is_empty());
}

/// Links that change, vanish or pass to another object re-evaluate the edges to them.
pub async fn links_that_change_make_edges_due(store: SharedStore) {
    let fixture = Fixture::new(store).await;
    fixture.link(&["o", "r"]).await;
    fixture.edges(vec![want("o", "manager", "r"), exported("o", "manager", "r", Some("r'"))]).await;
    // Made anew.
    fixture.commit_entries(vec![linked(RULE, "r", "r2")]).await;
    let changed = DueEdge { exported: Some("r'".into()), ..due("o", "manager", "r", "r2") };
    assert_eq!(fixture.due(at(0)).await, std::slice::from_ref(&changed));
    // Gone.
    fixture.commit_entries(vec![entry(RULE, "r")]).await;
    assert_eq!(fixture.due(at(0)).await, []);
    fixture.commit_entries(vec![linked(RULE, "r", "r2")]).await;
    assert_eq!(fixture.due(at(0)).await, [changed]);
    // Back to what was exported: nothing is to be done.
    fixture.link(&["r"]).await;
    assert_eq!(fixture.due(at(0)).await, []);
    // Taken away by another object, which the edge does not mean: it is to go.
    fixture.commit_entries(vec![linked(RULE, "thief", "r'")]).await;
    let gone = DueEdge { wanted: false, removed: vec!["r'".into()], ..due("o", "manager", "r", "r'") };
    assert_eq!(fixture.due(at(0)).await, [gone]);
    fixture.edges(vec![exported("o", "manager", "r", None)]).await;
    assert_eq!(fixture.due(at(0)).await, []);
    fixture.commit_entries(vec![linked(RULE, "r", "r3")]).await;
    assert_eq!(fixture.due(at(0)).await.len(), 1);
    // Removed with its entry.
    let removed = vec![(RULE.into(), "r".into())];
    fixture.commit(Commit { removed, ..Commit::default() }).await;
    assert_eq!(fixture.due(at(0)).await, []);
    // An owner without a link sends nothing; with one again, it does.
    fixture.link(&["r"]).await;
    fixture.commit_entries(vec![linked(RULE, "r", "r4")]).await;
    assert_eq!(fixture.due(at(0)).await.len(), 1);
    fixture.commit_entries(vec![entry(RULE, "o")]).await;
    assert_eq!(fixture.due(at(0)).await, []);
    assert_eq!(fixture.next_due().await, None);
    fixture.link(&["o"]).await;
    assert_eq!(fixture.due(at(0)).await.len(), 1);
}

/// An account that passes to another object leaves what refers to the one that had it, but for what refers to both.
pub async fn accounts_that_pass_to_others_are_removed(store: SharedStore) {
    let fixture = Fixture::new(store).await;
    fixture.link(&["g", "h", "u1", "u2"]).await;
    let (was, is) = (["g", "h"].map(|group| (group, "u1")), ("h", "u2"));
    for (group, member) in was.into_iter().chain([is]) {
        let sent = exported(group, "members", member, Some(&format!("{member}'")));
        fixture.edges(vec![want(group, "members", member), sent]).await;
    }
    fixture.commit_entries(vec![linked(RULE, "u2", "u1'")]).await;
    let work = async || -> Vec<(String, String, Option<String>, Vec<String>)> {
        let texts = |anchors: Vec<Anchor>| anchors.iter().map(ToString::to_string).collect();
        let told = |edge: DueEdge| {
            let added = edge.wanted.then(|| edge.value.to_string());
            (edge.owner.to_string(), edge.referenced.to_string(), added, texts(edge.removed))
        };
        let mut work: Vec<_> = fixture.due(at(0)).await.into_iter().map(told).collect();
        work.sort();
        work
    };
    let row = |owner: &str, referenced: &str, added: Option<&str>, removed: &[&str]| {
        let removed = removed.iter().map(ToString::to_string).collect();
        (owner.to_owned(), referenced.to_owned(), added.map(str::to_owned), removed)
    };
    let left = row("g", "u1", None, &["u1'"]);
    let passed = [left.clone(), row("h", "u1", None, &[]), row("h", "u2", Some("u1'"), &[])];
    assert_eq!(work().await, passed, "h is u2's as well");
    // The one that has it leaves: then it goes, whoever had it before.
    fixture.edges(vec![exported("h", "members", "u2", Some("u1'")), unwant("h", "members", "u2")]).await;
    assert_eq!(work().await[1..], [row("h", "u1", None, &["u1'"]), row("h", "u2", None, &["u1'"])]);
    let sent = ["u1", "u2"].map(|member| exported("h", "members", member, None));
    fixture.edges(sent.into()).await;
    assert_eq!(work().await, std::slice::from_ref(&left));
    // Unwanted before the removal was sent, or with another account by then, which is added in its place.
    fixture.edges(vec![unwant("g", "members", "u1")]).await;
    assert_eq!(work().await, std::slice::from_ref(&left));
    fixture.edges(vec![want("g", "members", "u1")]).await;
    fixture.commit_entries(vec![linked(RULE, "u1", "u1''")]).await;
    assert_eq!(work().await[0], row("g", "u1", Some("u1''"), &["u1'"]));
    let sent = ["g", "h"].map(|group| exported(group, "members", "u1", Some("u1''")));
    fixture.edges(sent.into()).await;
    assert_eq!(work().await, []);

    // A link that moves although the account lives on; it comes back before that was sent.
    let let_go = EdgeWrite::LetGo { rule: RULE.into(), source: "u1".into(), target: "u1''".into() };
    let entries = vec![linked(RULE, "u1", "u3'")];
    fixture.commit(Commit { entries, edges: vec![let_go], ..Commit::default() }).await;
    let moved = ["g", "h"].map(|group| row(group, "u1", Some("u3'"), &["u1''"]));
    assert_eq!(work().await, moved);
    fixture.commit_entries(vec![linked(RULE, "u1", "u1''")]).await;
    assert_eq!(work().await, ["g", "h"].map(|group| row(group, "u1", Some("u1''"), &[])));
    fixture.edges(vec![EdgeWrite::Reset { rule: RULE.into(), owner: "g".into() }]).await;
    fixture.edges(vec![EdgeWrite::Drop { rule: RULE.into(), owner: "h".into() }]).await;
    assert_eq!(work().await, [row("g", "u1", Some("u1''"), &[])]);
}

/// From an attribute of one value nothing is removed once another reference was exported.
pub async fn a_value_that_was_replaced_is_not_removed(store: SharedStore) {
    let fixture = Fixture::new(store).await;
    fixture.link(&["o", "a", "b"]).await;
    fixture.edges(vec![want("o", "manager", "a"), exported("o", "manager", "a", Some("a'"))]).await;
    fixture.edges(vec![unwant("o", "manager", "a"), want("o", "manager", "b")]).await;
    let removed = async || fixture.due(at(0)).await.pop().map(|edge| (edge.wanted, edge.removed));
    assert_eq!(removed().await, Some((false, vec!["a'".into()])));
    fixture.edges(vec![exported("o", "manager", "b", Some("b'"))]).await;
    assert_eq!(removed().await, Some((false, vec![])));
    fixture.edges(vec![unwant("o", "manager", "b")]).await;
    assert_eq!(fixture.due(at(0)).await.len(), 2);
    assert_eq!(removed().await, Some((false, vec!["b'".into()])));
}

/// The edges of an owner go with it; edges to it stay.
pub async fn removed_owners_take_their_edges_along(store: SharedStore) {
    let fixture = Fixture::new(store).await;
    fixture.link(&["a", "b"]).await;
    fixture.edges(vec![want("a", "manager", "b"), want("b", "manager", "a")]).await;
    fixture.commit(Commit { removed: vec![(RULE.into(), "a".into())], ..Commit::default() }).await;
    assert_eq!(fixture.edges_of("a").await, []);
    assert_eq!(fixture.edges_of("b").await.len(), 1);
    assert_eq!(fixture.due(at(0)).await, []);
    fixture.link(&["a"]).await;
    assert_eq!(fixture.due(at(0)).await, [due("b", "manager", "a", "a'")]);
    fixture.edges(vec![EdgeWrite::Drop { rule: RULE.into(), owner: "b".into() }]).await;
    assert_eq!(fixture.edges_of("b").await, []);
}

/// Of edges to objects those are found that are wanted by owners with links, whether the objects have links or not.
pub async fn edges_are_found_by_what_they_refer_to(store: SharedStore) {
    let fixture = Fixture::new(store).await;
    fixture.link(&["g", "o", "a"]).await;
    let wanted = [("o", "manager", "a"), ("g", "members", "b"), ("g", "members", "a"), ("x", "manager", "a")];
    let mut edges = wanted.map(|(owner, attribute, referenced)| want(owner, attribute, referenced)).to_vec();
    edges.extend([
        want("o", "deputy", "a"),
        exported("o", "deputy", "a", Some("a'")),
        unwant("o", "deputy", "a"),
    ]);
    fixture.edges(edges).await;
    let edge = |owner: &str, attribute: &str, referenced: &str| IncomingEdge {
        rule: RULE.into(),
        owner: owner.into(),
        attribute: attribute.into(),
        referenced: referenced.into(),
        multivalued: attribute == "members",
    };
    let to = async |referenced: &[&str]| {
        let referenced: Vec<Anchor> = referenced.iter().map(|one| Anchor::new(*one)).collect();
        fixture.store.edges_to(&fixture.job, &referenced).await.expect("read")
    };
    let found = to(&["b", "a", "nobody"]).await;
    assert_eq!(found, [edge("g", "members", "a"), edge("g", "members", "b"), edge("o", "manager", "a")]);
    assert_eq!(to(&["g"]).await, []);
}

/// After a reset all that is wanted is to be exported, and nothing is to be removed.
pub async fn reset_edges_are_exported_anew(store: SharedStore) {
    let fixture = Fixture::new(store).await;
    fixture.link(&["g", "a", "b"]).await;
    fixture
        .edges(vec![want("g", "members", "a"), want("g", "members", "b"), want("g", "members", "c")])
        .await;
    let sent = ["a", "b"].map(|member| exported("g", "members", member, Some(&format!("{member}'"))));
    fixture.edges(sent.into()).await;
    fixture.edges(vec![unwant("g", "members", "b")]).await;
    fixture.edges(vec![EdgeWrite::Reset { rule: RULE.into(), owner: "g".into() }]).await;
    assert_eq!(fixture.due(at(0)).await, [due("g", "members", "a", "a'")]);
    let left: Vec<_> = fixture.edges_of("g").await.into_iter().map(|edge| edge.referenced).collect();
    assert_eq!(left, ["a".into(), "c".into()]);
}

/// Of several links of a referenced object, that of the rule that comes first by its id counts.
pub async fn the_lowest_rule_tells_the_target(store: SharedStore) {
    let fixture = Fixture::new(store).await;
    fixture.link(&["o"]).await;
    // The owner's rule knows nothing of it.
    let due = |value: &str| DueEdge { referenced_name: None, ..due("o", "manager", "r", value) };
    fixture.edges(vec![want("o", "manager", "r")]).await;
    fixture.commit_entries(vec![linked("z rule", "r", "z")]).await;
    assert_eq!(fixture.due(at(0)).await, [due("z")]);
    fixture.commit_entries(vec![linked("a rule", "r", "a")]).await;
    assert_eq!(fixture.due(at(0)).await, [due("a")]);
    fixture.edges(vec![exported("o", "manager", "r", Some("a"))]).await;
    fixture.commit_entries(vec![linked("m rule", "r", "m")]).await;
    assert_eq!(fixture.due(at(0)).await, []);
    fixture.commit(Commit { removed: vec![("a rule".into(), "r".into())], ..Commit::default() }).await;
    assert_eq!(fixture.due(at(0)).await, [DueEdge { exported: Some("a".into()), ..due("m") }]);
}

/// The edges of an owner stand together, by attribute, adds before removals, within the limit.
pub async fn due_edges_are_grouped(store: SharedStore) {
    let fixture = Fixture::new(store.clone()).await;
    fixture.link(&["g1", "g2", "a", "b", "c"]).await;
    let mut writes = Vec::new();
    for group in ["g1", "g2"] {
        for member in ["a", "b"] {
            writes.extend([
                want(group, "members", member),
                exported(group, "members", member, Some(&format!("{member}'"))),
                unwant(group, "members", member),
            ]);
        }
        writes.push(want(group, "members", "c"));
    }
    // One waited before: it is due at another moment than the rest of its owner's.
    writes.push(retry("g1", "members", "c", 1, at(5)));
    fixture.edges(writes).await;
    let edges = fixture.due(at(10)).await;
    assert_eq!(edges.len(), 6);
    for three in edges.chunks(3) {
        assert!(three.iter().all(|edge| edge.owner == three[0].owner), "{edges:?}");
        assert_eq!(three.iter().map(|edge| edge.wanted).collect::<Vec<_>>(), [true, false, false]);
    }
    assert_eq!(store.due_edges(&fixture.job, at(10), 2).await.expect("read").len(), 2);

    let fixture = Fixture::new(store).await;
    fixture.link(&["o", "a", "b"]).await;
    for attribute in ["assistant", "manager"] {
        let before = [want("o", attribute, "a"), exported("o", attribute, "a", Some("a'"))];
        fixture.edges(before.into()).await;
        fixture.edges(vec![unwant("o", attribute, "a"), want("o", attribute, "b")]).await;
    }
    let edges = fixture.due(at(0)).await;
    let stand: Vec<_> = edges.iter().map(|edge| (edge.attribute.as_str(), edge.wanted)).collect();
    assert_eq!(stand.iter().map(|(_, wanted)| *wanted).collect::<Vec<_>>(), [true, false, true, false]);
    assert!(stand[0].0 == stand[1].0 && stand[2].0 == stand[3].0, "{stand:?}");
}
