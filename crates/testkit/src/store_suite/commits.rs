//! Commits of a cycle: entries, links, counts, fences.

use model::fingerprint::Fingerprint;
use model::link::{Entry, Exported, Link, LinkState, Origin};
use model::{Anchor, JobId, Name};
use store::{Commit, ManagedCount, ProvisioningQuery, SharedStore, StoreError};

use super::fixture::{Fixture, at, entry, id, link, linked, record};

/// The texts that anchors and names may be made of.
const TEXTS: [&str; 7] = [
    "plain",
    "Plain",
    "3f2504e0-4f89-11d3-9a0c-0305e82c3301",
    "3F2504E0-4F89-11D3-9A0C-0305E82C3301",
    "cn=Ünï,dc=Köln\\, NRW",
    "日本語 \u{1F980} e\u{301}",
    "a' OR 1=1 --\u{0}\n",
];

/// Everything of an entry, whatever its anchors are made of.
pub async fn entries_come_back_whole(store: SharedStore) {
    let fixture = Fixture::new(store.clone()).await;
    let mut entries = Vec::new();
    for (number, text) in TEXTS.iter().enumerate() {
        let exported = (0..u64::try_from(number).expect("small"))
            .map(|position| Exported {
                attribute: u32::MAX - u32::try_from(position).expect("small"),
                computed: Fingerprint(u64::MAX - position),
                shown: Fingerprint(u64::MAX - position % 2),
            })
            .collect();
        entries.push(Entry {
            display_name: (number % 2 == 0).then(|| Name::from(*text)),
            seen_generation: 5 + number as u64,
            last_skip: 30,
            mapping: Name::from(*text),
            link: Some(Link {
                kind: Name::from(format!("type {text}")),
                anchor: Anchor::new(format!("target {text}")),
                state: if number % 2 == 0 { LinkState::Active } else { LinkState::Released },
                origin: if number % 3 == 0 { Origin::Created } else { Origin::Matched },
                disabled: number % 4 > 1,
                exported,
            }),
            ..entry(text, text)
        });
    }
    entries.push(entry("rule", "remembered only"));
    fixture.commit_entries(entries.clone()).await;
    for expected in &entries {
        let read = store.entries(&fixture.job, std::slice::from_ref(&expected.source)).await.expect("read");
        assert_eq!(read, std::slice::from_ref(expected));
        if let Some(link) = &expected.link {
            let read = store.owners(&fixture.job, std::slice::from_ref(&link.anchor)).await.expect("read");
            assert_eq!(read, std::slice::from_ref(expected));
        }
    }
    let sources: Vec<Anchor> = entries.iter().map(|entry| entry.source.clone()).collect();
    assert_eq!(store.entries(&fixture.job, &sources).await.expect("read").len(), entries.len());
    assert!(store.entries(&fixture.job, &["".into(), "PLAIN".into()]).await.expect("read").is_empty());

    // Written again, each is as it was written last.
    for entry in &mut entries {
        entry.kind = "Person".into();
        entry.last_skip = 0;
        entry.display_name = Some("näme".into());
        if let Some(link) = &mut entry.link {
            link.exported.reverse();
            link.disabled = !link.disabled;
        }
    }
    fixture.commit_entries(entries.clone()).await;
    let mut read = store.entries(&fixture.job, &sources).await.expect("read");
    let key = |entry: &Entry| (entry.rule.clone(), entry.source.clone());
    read.sort_by_key(key);
    entries.sort_by_key(key);
    assert_eq!(read, entries);
}

/// Pages go by rising rule and source, each entry with a link once.
pub async fn links_are_paged_by_rule_and_source(store: SharedStore) {
    let fixture = Fixture::new(store.clone()).await;
    let mut expected = Vec::new();
    // The rule that comes last by name is made first.
    for rule in ["z-rule", "a-rule", "m-rule"] {
        let entries: Vec<Entry> = (0..25)
            .map(|number| {
                let source = format!("{:x}", (number * 7919) % 1000);
                if number % 5 == 0 {
                    entry(rule, &source)
                } else {
                    linked(rule, &source, &format!("{rule}/{source}"))
                }
            })
            .collect();
        expected.extend(entries.iter().filter(|entry| entry.link.is_some()).cloned());
        fixture.commit_entries(entries).await;
    }
    expected.sort_by_key(|entry| (entry.rule.clone(), entry.source.clone()));
    for limit in [1, 7, 60, 1_000] {
        let mut read: Vec<Entry> = Vec::new();
        loop {
            let after = read.last().map(|entry| (entry.rule.clone(), entry.source.clone()));
            let page = store.links(&fixture.job, after, limit).await.expect("read");
            assert!(page.len() <= limit);
            if page.is_empty() {
                break;
            }
            read.extend(page);
        }
        assert_eq!(read, expected, "pages of {limit}");
    }
}

/// A full read leaves behind what it did not see.
pub async fn what_a_full_read_did_not_see_is_found(store: SharedStore) {
    let fixture = Fixture::new(store.clone()).await;
    let entries: Vec<Entry> =
        (0..10).map(|number| linked("rule", &format!("s{number}"), &format!("t{number}"))).collect();
    fixture.commit_entries(entries.clone()).await;
    fixture.commit_entries(vec![entry("rule", "unlinked")]).await;
    let seen = entries.iter().take(4).map(|entry| (entry.rule.clone(), entry.source.clone()));
    fixture
        .commit(Commit {
            seen: seen.chain([("rule".into(), "nobody".into()), ("no rule".into(), "s9".into())]).collect(),
            entries: vec![Entry { seen_generation: 3, ..entries[4].clone() }],
            generation: 3,
            ..Commit::default()
        })
        .await;
    let unseen = |after, limit| store.unseen(&fixture.job, 3, after, limit);
    assert_eq!(unseen(None, 100).await.expect("read"), entries[5..]);
    let after = Some(("rule".into(), "s6".into()));
    assert_eq!(unseen(after, 2).await.expect("read"), entries[7..9]);
    assert!(store.unseen(&fixture.job, 0, None, 10).await.expect("read").is_empty());
}

/// Linking an account takes it from the source object that had it.
pub async fn an_account_belongs_to_one_source_object(store: SharedStore) {
    let fixture = Fixture::new(store.clone()).await;
    fixture.commit_entries(vec![linked("rule", "old", "account"), linked("rule", "third", "else")]).await;
    fixture.commit_entries(vec![linked("rule", "new", "account")]).await;
    let owners = store.owners(&fixture.job, &["account".into(), "nothing".into()]).await.expect("read");
    assert_eq!(owners, [linked("rule", "new", "account")]);
    let old = store.entries(&fixture.job, &["old".into()]).await.expect("read");
    assert_eq!(old, [entry("rule", "old")], "it is remembered, without a link");
    // The same source object may hold it under another rule too.
    fixture.commit_entries(vec![linked("rule 2", "new", "account")]).await;
    assert_eq!(store.owners(&fixture.job, &["account".into()]).await.expect("read").len(), 2);
    // Two accounts exchange their owners in one commit.
    fixture.commit_entries(vec![linked("rule", "third", "account"), linked("rule", "new", "else")]).await;
    let owners = store.owners(&fixture.job, &["account".into()]).await.expect("read");
    assert_eq!(owners, [linked("rule", "third", "account")]);
    let owners = store.owners(&fixture.job, &["else".into()]).await.expect("read");
    assert_eq!(owners, [linked("rule", "new", "else")]);
}

/// Links are counted by type through every kind of write.
pub async fn counts_follow_every_write(store: SharedStore) {
    let fixture = Fixture::new(store.clone()).await;
    let counts = async || -> Vec<(String, String, u64, u64)> {
        let counts = store.managed_counts(&fixture.job).await.expect("read");
        counts
            .into_iter()
            .map(|ManagedCount { kind, target_kind, links, released }| {
                (kind.to_string(), target_kind.to_string(), links, released)
            })
            .collect()
    };
    let user = |links, released| ("User".to_owned(), "urn:User".to_owned(), links, released);
    assert_eq!(counts().await, []);
    fixture
        .commit_entries(vec![
            linked("rule", "a", "1"),
            linked("rule", "b", "2"),
            linked("other rule", "c", "3"),
            entry("rule", "d"),
        ])
        .await;
    assert_eq!(counts().await, [user(3, 0)]);
    let released = Link { state: LinkState::Released, ..link("1") };
    fixture.commit_entries(vec![Entry { link: Some(released), ..entry("rule", "a") }]).await;
    assert_eq!(counts().await, [user(3, 1)]);
    // Taken away, taken away while released, unlinked, moved to another type.
    fixture.commit_entries(vec![linked("rule", "d", "2"), linked("rule", "e", "1")]).await;
    assert_eq!(counts().await, [user(3, 0)]);
    let group = Entry { kind: "Group".into(), ..linked("rule", "d", "2") };
    fixture.commit_entries(vec![entry("rule", "e"), group]).await;
    assert_eq!(counts().await, [("Group".into(), "urn:User".into(), 1, 0), user(1, 0)]);
    let removed = vec![("other rule".into(), "c".into()), ("rule".into(), "nobody".into())];
    fixture.commit(Commit { removed, ..Commit::default() }).await;
    assert_eq!(counts().await, [("Group".into(), "urn:User".into(), 1, 0)]);
}

/// A commit under an older lease is refused, and so are intents.
pub async fn a_stale_fence_writes_nothing(store: SharedStore) {
    let fixture = Fixture::new(store.clone()).await;
    let grant = store.lease(&fixture.job, id(), at(0), at(10)).await.expect("asked").expect("granted");
    let commit = |fence| Commit {
        fence,
        entries: vec![linked("rule", "s", "t")],
        log: vec![record(id(), at(1), "s", None)],
        runtime: Some("state".into()),
        ..Commit::default()
    };
    for wrong in [grant.fence - 1, grant.fence + 1] {
        let refused = store.commit(&fixture.job, commit(wrong)).await;
        assert!(matches!(refused, Err(StoreError::Fenced)), "{refused:?}");
        let refused = store.begin_creates(&fixture.job, wrong, Vec::new()).await;
        assert!(matches!(refused, Err(StoreError::Fenced)), "{refused:?}");
    }
    assert!(store.entries(&fixture.job, &["s".into()]).await.expect("read").is_empty());
    assert_eq!(store.runtime(&fixture.job).await.expect("read"), None);
    store.commit(&fixture.job, commit(grant.fence)).await.expect("the newest fence writes");
    assert_eq!(store.runtime(&fixture.job).await.expect("read"), Some("state".into()));
    store.commit(&fixture.job, Commit { fence: grant.fence, ..Commit::default() }).await.expect("written");
    assert_eq!(store.runtime(&fixture.job).await.expect("read"), Some("state".into()), "none leaves it");
    // Another holder: what the first one still writes is refused.
    let taken = store.lease(&fixture.job, id(), at(10), at(20)).await.expect("asked").expect("it had ended");
    let late = store.commit(&fixture.job, commit(grant.fence)).await;
    assert!(matches!(late, Err(StoreError::Fenced)), "{late:?}");
    store.commit(&fixture.job, Commit { fence: taken.fence, ..Commit::default() }).await.expect("written");
}

/// Two records of one id cannot be: nothing of such a commit is kept.
pub async fn a_commit_that_fails_leaves_nothing(store: SharedStore) {
    let fixture = Fixture::new(store.clone()).await;
    let twice = record(id(), at(1), "s", Some("t"));
    let failing = Commit {
        entries: vec![linked("a rule that nobody knew", "s", "t")],
        log: vec![twice.clone(), twice],
        runtime: Some("after".into()),
        ..Commit::default()
    };
    let good = |number: usize| Commit {
        entries: vec![linked("another new rule", &format!("good {number}"), &format!("account {number}"))],
        ..Commit::default()
    };
    // At once, so that a store that gathers commits has several in hand.
    let (first, failed, second) = tokio::join!(
        store.commit(&fixture.job, good(1)),
        store.commit(&fixture.job, failing),
        store.commit(&fixture.job, good(2)),
    );
    first.expect("it is not the one that fails");
    second.expect("it is not the one that fails");
    assert!(failed.is_err());
    assert!(store.entries(&fixture.job, &["s".into()]).await.expect("read").is_empty());
    assert_eq!(store.runtime(&fixture.job).await.expect("read"), None);
    let query = ProvisioningQuery { limit: 10, ..ProvisioningQuery::default() };
    assert!(store.provisioning(fixture.tenant, query).await.expect("read").entries.is_empty());
    assert_eq!(store.links(&fixture.job, None, 10).await.expect("read").len(), 2);
    fixture.commit_entries(vec![linked("a rule that nobody knew", "s", "t")]).await;
    let read = store.entries(&fixture.job, &["s".into()]).await.expect("read");
    assert_eq!(read, [linked("a rule that nobody knew", "s", "t")]);
    let missing = store.commit(&JobId::from_text("nothing"), good(3)).await;
    assert!(matches!(missing, Err(StoreError::NotFound { .. })), "{missing:?}");
}

/// The same anchors mean different objects in different jobs.
pub async fn jobs_do_not_see_each_other(store: SharedStore) {
    let fixture = Fixture::new(store.clone()).await;
    let other = fixture.another_job(fixture.owner).await;
    fixture.commit_entries(vec![linked("rule", "s", "t")]).await;
    assert!(store.entries(&other, &["s".into()]).await.expect("read").is_empty());
    assert!(store.owners(&other, &["t".into()]).await.expect("read").is_empty());
    let mine = Entry { display_name: Some("other".into()), ..linked("rule", "s", "t") };
    store.commit(&other, Commit { entries: vec![mine], ..Commit::default() }).await.expect("written");
    let read = store.owners(&fixture.job, &["t".into()]).await.expect("read");
    assert_eq!(read, [linked("rule", "s", "t")], "nothing was taken away");
    fixture.forget_links(&other).await;
    assert_eq!(store.links(&fixture.job, None, 10).await.expect("read").len(), 1);
}

/// Clearing takes what hangs on links, and leaves the runtime state.
pub async fn links_are_cleared(store: SharedStore) {
    let fixture = Fixture::new(store.clone()).await;
    fixture
        .commit(Commit {
            entries: vec![linked("rule", "s", "t"), linked("rule", "o", "u")],
            edges: vec![super::edges::want("s", "manager", "o")],
            runtime: Some("state".into()),
            ..Commit::default()
        })
        .await;
    fixture.forget_links(&fixture.job).await;
    assert!(store.links(&fixture.job, None, 10).await.expect("read").is_empty());
    assert!(store.due_edges(&fixture.job, at(0), 10).await.expect("read").is_empty());
    assert!(store.managed_counts(&fixture.job).await.expect("read").is_empty());
    assert_eq!(store.next_due(&fixture.job).await.expect("read"), None);
    assert_eq!(store.runtime(&fixture.job).await.expect("read"), Some("state".into()));
    fixture.commit_entries(vec![linked("rule", "s", "t")]).await;
    assert_eq!(store.links(&fixture.job, None, 10).await.expect("read").len(), 1);
}
