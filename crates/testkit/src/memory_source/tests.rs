use connector::{Change, ErrorClass};

use super::*;

fn selections() -> Vec<Selection> {
    let of = |kind: &str, attributes: &[&str]| Selection {
        kind: kind.into(),
        attributes: attributes.iter().map(|name| Name::from(*name)).collect(),
        ..Selection::default()
    };
    vec![of("User", &["displayName", "manager"]), of("Group", &["displayName", "members"])]
}

fn user(anchor: &str) -> Object {
    Object::new("User", anchor).with("displayName", anchor.to_uppercase()).with("secret", "x")
}

/// Reads to the end from a cursor; what was yielded, in words, and the cursor after it.
async fn read(source: &MemorySource, from: Option<Cursor>, page_size: usize) -> (Vec<String>, Cursor) {
    let selections = selections();
    let mut cursor = from;
    let mut seen = Vec::new();
    loop {
        let request = ChangeRequest { selections: &selections, cursor: cursor.as_ref(), page_size };
        let page = source.changes(request).await.unwrap();
        seen.extend(page.changes.iter().map(told));
        if !page.more {
            return (seen, page.cursor);
        }
        cursor = Some(page.cursor);
    }
}

fn told(change: &Change) -> String {
    match change {
        Change::Upsert(shown) => {
            let flag = |set: bool, word: &'static str| if set { word } else { "" };
            format!(
                "{}{}{}{}",
                shown.object.anchor,
                flag(!shown.enabled, " disabled"),
                flag(shown.soft_deleted, " binned"),
                flag(!shown.entitled, " unentitled")
            )
        }
        Change::Delete { anchor, .. } => format!("{anchor} gone"),
        Change::ReferenceDelta { anchor, added, removed, .. } => {
            let list = |anchors: &[Anchor]| anchors.iter().map(Anchor::as_str).collect::<Vec<_>>().join(",");
            format!("{anchor} +[{}] -[{}]", list(added), list(removed))
        }
    }
}

fn small() -> MemorySource {
    let source = MemorySource::new();
    for anchor in ["c", "a", "b"] {
        source.upsert(user(anchor));
    }
    source.upsert(Object::new("Group", "aa").with("displayName", "G"));
    source.add_member("aa", "a");
    source.add_member("aa", "b");
    source
}

#[tokio::test]
async fn a_full_read_finishes_a_type_first_and_shows_what_was_selected() {
    let source = small();
    for page_size in 1..6 {
        let (seen, _) = read(&source, None, page_size).await;
        assert_eq!(seen, ["a", "b", "c", "aa"], "pages of {page_size}");
    }
    let selections = selections();
    let request = ChangeRequest { selections: &selections, cursor: None, page_size: 10 };
    let page = source.changes(request).await.unwrap();
    assert_eq!(page.total, Some(4));
    let Change::Upsert(shown) = &page.changes[0] else { panic!("an upsert comes first") };
    assert_eq!(shown.object.attributes.len(), 1);
    assert_eq!(shown.display_name.as_deref(), Some("A"));
}

#[tokio::test]
async fn changes_during_a_full_read_come_after_it() {
    let source = small();
    let selections = selections();
    let request = ChangeRequest { selections: &selections, cursor: None, page_size: 2 };
    let first = source.changes(request).await.unwrap();
    source.set("a", "displayName", "new");
    let (_, watermark) = read(&source, Some(first.cursor), 2).await;
    assert_eq!(read(&source, Some(watermark), 2).await.0, ["a"]);
}

#[tokio::test]
async fn an_incremental_read_yields_exactly_what_changed() {
    let source = small();
    let (_, watermark) = read(&source, None, 10).await;
    assert!(read(&source, Some(watermark.clone()), 10).await.0.is_empty());
    source.set("b", "displayName", "B2");
    source.set("b", "displayName", "B3");
    source.disable("c");
    source.add_member("aa", "c");
    source.remove_member("aa", "a");
    source.delete("a");
    for page_size in [10, 1] {
        let (mut seen, _) = read(&source, Some(watermark.clone()), page_size).await;
        seen.sort();
        seen.dedup();
        let expected: &[&str] = if page_size == 10 {
            &["a gone", "aa +[c] -[a]", "b", "c disabled"]
        } else {
            &["a gone", "aa +[] -[a]", "aa +[c] -[]", "b", "c disabled"]
        };
        assert_eq!(seen, expected, "pages of {page_size}");
    }
}

#[tokio::test]
async fn the_bin_hides_an_object_from_others_and_gives_it_back() {
    let source = small();
    source.upsert(user("d").with("manager", Value::Reference("a".into())));
    let (_, watermark) = read(&source, None, 10).await;
    source.soft_delete("a");
    let (seen, watermark) = read(&source, Some(watermark), 10).await;
    assert_eq!(seen, ["a binned", "d", "aa +[] -[a]"]);
    assert!(source.object("d").unwrap().object.get("manager").is_null());
    assert_eq!(source.members("aa"), ["b".into()]);
    source.restore("a");
    let (seen, _) = read(&source, Some(watermark), 10).await;
    assert_eq!(seen, ["a", "d", "aa +[a] -[]"]);
    assert_eq!(source.object("d").unwrap().object.get("manager").as_reference(), Some(&"a".into()));
}

#[tokio::test]
async fn assignments_entitle_members_of_groups_too() {
    let source = MemorySource::with_assignments();
    for anchor in ["a", "b", "c"] {
        source.upsert(user(anchor));
    }
    source.upsert(Object::new("Group", "g"));
    source.add_member("g", "a");
    let (seen, watermark) = read(&source, None, 10).await;
    assert_eq!(seen, ["a unentitled", "b unentitled", "c unentitled", "g unentitled"]);
    source.assign("g");
    source.assign("b");
    let (seen, watermark) = read(&source, Some(watermark), 10).await;
    assert_eq!(seen, ["g", "a", "b"]);
    source.add_member("g", "c");
    source.unassign("b");
    let (mut seen, watermark) = read(&source, Some(watermark), 10).await;
    seen.sort();
    assert_eq!(seen, ["b unentitled", "c", "g +[c] -[]"]);
    source.delete("g");
    let (mut seen, _) = read(&source, Some(watermark), 10).await;
    seen.sort();
    assert_eq!(seen, ["a unentitled", "c unentitled", "g gone"]);
}

#[tokio::test]
async fn references_come_in_pages() {
    let source = MemorySource::new().reference_page_size(2);
    source.upsert(Object::new("Group", "g"));
    for anchor in ["e", "d", "c", "b", "a"] {
        source.upsert(user(anchor));
        source.add_member("g", anchor);
    }
    let (kind, attribute) = ("Group".into(), "members".into());
    let mut cursor: Option<Cursor> = None;
    let mut pages = Vec::new();
    loop {
        let page = source.references(&kind, &"g".into(), &attribute, cursor.as_ref()).await.unwrap();
        pages.push(page.references.len());
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(pages, [2, 2, 1]);
}

#[tokio::test]
async fn a_forgotten_cursor_is_refused() {
    let source = small();
    let (_, watermark) = read(&source, None, 10).await;
    source.set("a", "displayName", "new");
    source.forget_history();
    let selections = selections();
    let request = ChangeRequest { selections: &selections, cursor: Some(&watermark), page_size: 10 };
    assert_eq!(source.changes(request).await.unwrap_err().class, ErrorClass::CursorRefused);
    let (_, watermark) = read(&source, None, 10).await;
    assert!(read(&source, Some(watermark), 10).await.0.is_empty());
}

#[tokio::test]
async fn reads_are_counted() {
    let source = small();
    let selection = &selections()[0];
    assert!(source.read(selection, &"a".into()).await.unwrap().is_some());
    assert!(source.read(selection, &"aa".into()).await.unwrap().is_none());
    assert_eq!((source.calls().of(Method::SourceRead), source.yielded()), (2, 1));
    source.forget_calls();
    assert_eq!((source.calls().total(), source.yielded()), (0, 0));
}

#[async_trait]
impl crate::connector_suite::sources::Subject for MemorySource {
    fn source(&self) -> &dyn Source {
        self
    }

    fn kind(&self) -> Name {
        "User".into()
    }

    fn text(&self) -> Name {
        "displayName".into()
    }

    async fn put(&self, name: &str, text: &str) -> Anchor {
        self.upsert(Object::new("User", name).with("displayName", text));
        Anchor::new(name)
    }

    async fn remove(&self, anchor: &Anchor) -> bool {
        self.delete(anchor.as_str())
    }

    async fn forget(&self) -> bool {
        self.forget_history();
        true
    }
}

#[tokio::test]
async fn the_suite_of_sources_holds() {
    crate::connector_suite::sources::every_behaviour(&MemorySource::new()).await;
}
