//! What MUST hold of every source.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use connector::{Change, ChangePage, ChangeRequest, Cursor, ErrorClass, Selection, Source, SourceObject};
use model::{Anchor, Name, Value};

use super::{ODD_TEXTS, selection};

/// A source, and what can be done on its other side. Everybody in it is entitled.
#[async_trait]
pub trait Subject: Send + Sync {
    /// The source.
    fn source(&self) -> &dyn Source;

    /// A type of it.
    fn kind(&self) -> Name;

    /// A text attribute of that type.
    fn text(&self) -> Name;

    /// Makes an object with a text, or gives the one that was made under the name another; its anchor.
    async fn put(&self, name: &str, text: &str) -> Anchor;

    /// Removes an object for good; false where the source has no such thing.
    async fn remove(&self, anchor: &Anchor) -> bool;

    /// Forgets what changed so far, so that cursors from before it are useless; false where nothing does.
    async fn forget(&self) -> bool;
}

/// Runs the whole suite.
pub async fn every_behaviour(subject: &dyn Subject) {
    a_full_read_yields_everything_once(subject).await;
    a_watermark_tells_what_came_since(subject).await;
    what_changes_during_a_full_read_is_not_lost(subject).await;
    an_object_is_read_as_the_feed_shows_it(subject).await;
    cursors_of_no_use_are_refused(subject).await;
}

/// Reads one page and checks what every page must hold.
async fn page(subject: &dyn Subject, cursor: Option<&Cursor>, page_size: usize) -> ChangePage {
    let selections = [all(subject)];
    let request = ChangeRequest { selections: &selections, cursor, page_size };
    let page = subject.source().changes(request).await.expect("a page is read");
    assert!(page.changes.len() <= page_size, "{} changes in a page of {page_size}", page.changes.len());
    let anchors: BTreeSet<&Anchor> = page.changes.iter().map(Change::anchor).collect();
    assert_eq!(anchors.len(), page.changes.len(), "an object is in a page once");
    page
}

fn all(subject: &dyn Subject) -> Selection {
    selection(&subject.kind(), &[&subject.text()])
}

/// Reads to the end: all changes in their order, and the watermark.
async fn follow(subject: &dyn Subject, cursor: Option<Cursor>, page_size: usize) -> (Vec<Change>, Cursor) {
    let (mut changes, mut cursor) = (Vec::new(), cursor);
    for _ in 0..10_000 {
        let page = page(subject, cursor.as_ref(), page_size).await;
        changes.extend(page.changes);
        if !page.more {
            return (changes, page.cursor);
        }
        cursor = Some(page.cursor);
    }
    panic!("the feed does not end");
}

/// The texts of objects that are there, by anchor, after these changes.
fn known(subject: &dyn Subject, changes: &[Change]) -> BTreeMap<Anchor, Value> {
    let mut known = BTreeMap::new();
    for change in changes {
        match change {
            Change::Upsert(object) if !object.soft_deleted => {
                assert!(object.entitled && object.enabled, "{object:?}");
                known.insert(change.anchor().clone(), object.object.get(&subject.text()).clone());
            }
            Change::Upsert(_) | Change::Delete { .. } => drop(known.remove(change.anchor())),
            Change::ReferenceDelta { .. } => {}
        }
    }
    known
}

async fn a_full_read_yields_everything_once(subject: &dyn Subject) {
    let mut expected = BTreeMap::new();
    for (number, text) in ODD_TEXTS.into_iter().enumerate() {
        expected.insert(subject.put(&format!("full{number}"), text).await, Value::from(text));
    }
    for size in [1, 5, ODD_TEXTS.len(), 1_000] {
        let (changes, watermark) = follow(subject, None, size).await;
        let anchors: BTreeSet<&Anchor> = changes.iter().map(Change::anchor).collect();
        assert_eq!(anchors.len(), changes.len(), "in pages of {size} everybody is yielded once");
        let seen = known(subject, &changes);
        for (anchor, text) in &expected {
            assert_eq!(seen.get(anchor), Some(text), "in pages of {size}");
        }
        // Nothing came since: nothing is told, and the place stays.
        let idle = page(subject, Some(&watermark), size).await;
        assert_eq!((idle.changes, idle.more, &idle.cursor), (Vec::new(), false, &watermark));
    }
    // A page that is read again yields the same.
    let first = page(subject, None, 3).await;
    let second = page(subject, Some(&first.cursor), 3).await;
    assert_eq!(page(subject, Some(&first.cursor), 3).await.changes, second.changes);
    if let Some(total) = first.total {
        let (changes, _) = follow(subject, None, 1_000).await;
        assert_eq!(usize::try_from(total).ok(), Some(changes.len()), "the total is how many there are");
    }
}

async fn a_watermark_tells_what_came_since(subject: &dyn Subject) {
    let stays = subject.put("stays", "as it is").await;
    let changes = subject.put("changes", "before").await;
    let goes = subject.put("goes", "away").await;
    let (_, watermark) = follow(subject, None, 7).await;
    let comes = subject.put("comes", "new").await;
    for text in ["meanwhile", "after"] {
        assert_eq!(subject.put("changes", text).await, changes, "an anchor stays when values change");
    }
    let removed = subject.remove(&goes).await;
    for size in [1, 2, 100] {
        let (told, _) = follow(subject, Some(watermark.clone()), size).await;
        let seen = known(subject, &told);
        assert_eq!(seen.get(&comes), Some(&"new".into()), "in pages of {size}");
        assert_eq!(seen.get(&changes), Some(&"after".into()), "in pages of {size}");
        let anchors: BTreeSet<&Anchor> = told.iter().map(Change::anchor).collect();
        assert!(!anchors.contains(&stays), "what did not change is not told");
        assert_eq!(anchors.contains(&goes), removed, "what is removed is told");
        assert_eq!(seen.get(&goes), None);
    }
}

async fn what_changes_during_a_full_read_is_not_lost(subject: &dyn Subject) {
    let first = subject.put("aaa", "first").await;
    let last = subject.put("zzz", "first").await;
    let begun = page(subject, None, 1).await;
    assert!(begun.more);
    let mut expected = BTreeMap::new();
    for name in ["aaa", "zzz", "000", "~~~"] {
        expected.insert(subject.put(name, "second").await, Value::from("second"));
    }
    assert!(expected.contains_key(&first) && expected.contains_key(&last));
    let (mut changes, watermark) = follow(subject, Some(begun.cursor), 3).await;
    changes.extend(follow(subject, Some(watermark), 3).await.0);
    let seen = known(subject, &changes);
    for (anchor, text) in &expected {
        assert_eq!(seen.get(anchor), Some(text), "it is told by the read or after it");
    }
}

async fn an_object_is_read_as_the_feed_shows_it(subject: &dyn Subject) {
    let anchor = subject.put("readable", "o'neil \"x\" \\ 🦀").await;
    let (changes, _) = follow(subject, None, 100).await;
    let shown = changes.iter().find_map(|change| match change {
        Change::Upsert(object) if object.object.anchor == anchor => Some(object),
        _ => None,
    });
    let read: Option<SourceObject> =
        subject.source().read(&all(subject), &anchor).await.expect("an object is read");
    assert_eq!(read.as_ref(), shown);
    assert!(read.is_some());
    for nobody in ["nobody", "", "' OR 1=1 --", "00000000-0000-0000-0000-000000000000"] {
        let read = subject.source().read(&all(subject), &nobody.into()).await;
        assert_eq!(read.expect("that nobody is there is no error"), None, "'{nobody}'");
    }
    if subject.remove(&anchor).await {
        let read = subject.source().read(&all(subject), &anchor).await.expect("an object is read");
        assert!(read.is_none_or(|read| read.soft_deleted));
    }
}

async fn cursors_of_no_use_are_refused(subject: &dyn Subject) {
    let (_, before) = follow(subject, None, 100).await;
    let mut useless: Vec<Cursor> = ["", "x", "{}", "[]", "18446744073709551615", "{\"number\":999999999}"]
        .map(|text| Cursor(text.to_owned()))
        .into();
    // A cursor is of no use where something after it was forgotten.
    subject.put("forgotten", "x").await;
    if subject.forget().await {
        useless.push(before);
    }
    let selections = [all(subject)];
    for cursor in useless {
        let request = ChangeRequest { selections: &selections, cursor: Some(&cursor), page_size: 10 };
        let error = subject.source().changes(request).await.expect_err("the cursor is of no use");
        assert_eq!(error.class, ErrorClass::CursorRefused, "{cursor:?}: {error}");
    }
    let (_, fresh) = follow(subject, None, 100).await;
    page(subject, Some(&fresh), 10).await;
}
