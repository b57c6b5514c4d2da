//! People that clients uploaded.

use model::{Anchor, JobId};
use serde_json::{Map, Value as Json, json};
use store::{MAX_UPLOADED, SharedStore, StoreError, Upload, UploadRange, Uploaded};

use super::{Fixture, at};

fn map(value: &Json) -> Map<String, Json> {
    value.as_object().expect("an object").clone()
}

fn upload(anchor: &str, resource: &Json) -> Upload {
    Upload { anchor: Anchor::new(anchor), resource: map(resource) }
}

fn anchors(people: &[Uploaded]) -> Vec<&str> {
    people.iter().map(|person| person.anchor.as_str()).collect()
}

async fn put(fixture: &Fixture, job: &JobId, second: i64, uploads: Vec<Upload>) -> UploadRange {
    fixture.store.put_uploads(job, at(second), uploads).await.expect("kept")
}

/// What was not sent again stays known, null removes, and the latest upload is kept as it came.
pub async fn uploads_are_merged_by_person(store: SharedStore) {
    let fixture = Fixture::new(store.clone()).await;
    let job = &fixture.job;
    let first = json!({"userName": "ada", "title": "Zażółć", "name": {"givenName": "Ada"}, "emails": [1, 2]});
    let range = put(&fixture, job, 1, vec![upload("1", &first), upload("2", &json!({"x": null}))]).await;
    let octets = |texts: &[&Json]| texts.iter().map(|text| text.to_string().len() as u64).sum();
    let nothing = json!({});
    let first_octets = octets(&[&first, &json!({"x": null}), &nothing]);
    assert_eq!(range, UploadRange { newest: 2, floor: 0, people: 2, octets: first_octets });
    let ada = Anchor::new("1");
    let read = async || store.uploaded(job, &ada).await.expect("read").expect("there");
    let whole =
        Uploaded { anchor: ada.clone(), number: 1, moment: at(1), latest: map(&first), known: map(&first) };
    assert_eq!(read().await, whole);
    let second = json!({"USERNAME": "lovelace", "title": null, "name": {"familyName": "L"}, "emails": [3]});
    let third = json!({"active": false});
    let range = put(&fixture, job, 2, vec![upload("1", &second), upload("1", &third)]).await;
    let known = json!({
        "userName": "lovelace", "name": {"givenName": "Ada", "familyName": "L"}, "emails": [3], "active": false,
    });
    let octets = octets(&[&third, &known, &json!({"x": null}), &nothing]);
    let expected = UploadRange { newest: 4, floor: 0, people: 2, octets };
    assert_eq!(range, expected, "both have a number, in their order");
    let merged =
        Uploaded { anchor: ada.clone(), number: 4, moment: at(2), latest: map(&third), known: map(&known) };
    assert_eq!(read().await, merged);
    let nothing = store.uploaded(job, &Anchor::new("2")).await.expect("read").expect("there");
    assert_eq!((nothing.latest, nothing.known), (map(&json!({"x": null})), Map::new()));
    assert_eq!(store.uploaded(job, &Anchor::new("3")).await.expect("read"), None);
}

/// All people come by anchor, new ones by number, and each once.
pub async fn uploads_are_paged_both_ways(store: SharedStore) {
    let fixture = Fixture::new(store.clone()).await;
    let job = &fixture.job;
    let person = |anchor: &str| upload(anchor, &json!({"externalId": anchor}));
    put(&fixture, job, 1, ["b", "a", "Ż", "B", "c"].map(person).to_vec()).await;
    put(&fixture, job, 2, vec![person("a")]).await;
    let all = async |after: Option<&str>, limit| {
        let after = after.map(Anchor::new);
        store.all_uploaded(job, after.as_ref(), limit).await.expect("read")
    };
    assert_eq!(anchors(&all(None, 3).await), ["B", "a", "b"], "anchors compare as octets");
    assert_eq!(anchors(&all(Some("b"), 3).await), ["c", "Ż"]);
    assert!(all(Some("Ż"), 3).await.is_empty());
    let after = async |number, limit| store.uploaded_after(job, number, limit).await.expect("read");
    assert_eq!(anchors(&after(0, 3).await), ["b", "Ż", "B"]);
    let rest = after(4, 9).await;
    assert_eq!(anchors(&rest), ["c", "a"]);
    assert_eq!(rest.iter().map(|person| person.number).collect::<Vec<_>>(), [5, 6]);
    assert!(after(6, 9).await.is_empty());
}

/// Where one upload cannot be kept, none of the request is.
pub async fn uploads_are_written_whole_or_not_at_all(store: SharedStore) {
    let fixture = Fixture::new(store.clone()).await;
    let job = &fixture.job;
    let large = |name: &str| upload("large", &json!({ name: "x".repeat(MAX_UPLOADED * 2 / 3) }));
    let before = put(&fixture, job, 1, vec![large("one")]).await;
    let together = vec![upload("small", &json!({"a": 1})), large("other")];
    let refused = store.put_uploads(job, at(2), together).await;
    assert!(matches!(refused, Err(StoreError::TooLarge { most: MAX_UPLOADED, .. })), "{refused:?}");
    assert_eq!(store.upload_range(job).await.expect("read"), before);
    assert_eq!(store.uploaded(job, &Anchor::new("small")).await.expect("read"), None);
    put(&fixture, job, 3, vec![large("one"), upload("large", &json!({"one": null})), large("other")]).await;
    let gone = store.put_uploads(&JobId::from_text("none"), at(4), Vec::new()).await;
    assert!(matches!(gone, Err(StoreError::NotFound { what: "job", .. })), "{gone:?}");
}

/// Numbers go on rising after all people were removed, so that no old cursor passes for a good one.
pub async fn cleared_uploads_move_the_floor(store: SharedStore) {
    let fixture = Fixture::new(store.clone()).await;
    let job = &fixture.job;
    assert_eq!(store.upload_range(job).await.expect("read"), UploadRange::default());
    put(&fixture, job, 1, vec![upload("1", &json!({})), upload("2", &json!({}))]).await;
    assert_eq!(store.clear_uploads(job).await.expect("cleared"), 2);
    let cleared = UploadRange { newest: 3, floor: 3, people: 0, octets: 0 };
    assert_eq!(store.upload_range(job).await.expect("read"), cleared);
    assert!(store.all_uploaded(job, None, 9).await.expect("read").is_empty());
    let range = put(&fixture, job, 2, vec![upload("1", &json!({"a": 1}))]).await;
    assert_eq!(range, UploadRange { newest: 4, floor: 3, people: 1, octets: 7 });
    assert_eq!(store.clear_uploads(job).await.expect("cleared"), 1);
}

/// Jobs do not see each other's uploads, which go with their job.
pub async fn uploads_go_with_their_job(store: SharedStore) {
    let fixture = Fixture::new(store.clone()).await;
    let other = fixture.another_job(fixture.owner).await;
    put(&fixture, &fixture.job, 1, vec![upload("1", &json!({"a": 1}))]).await;
    put(&fixture, &other, 1, vec![upload("1", &json!({"b": 1}))]).await;
    store.delete_job(fixture.tenant, &fixture.job).await.expect("removed");
    assert!(store.upload_range(&fixture.job).await.is_err());
    assert!(store.all_uploaded(&fixture.job, None, 9).await.is_err());
    let kept = store.all_uploaded(&other, None, 9).await.expect("read");
    assert_eq!(kept.iter().map(|person| &person.known).collect::<Vec<_>>(), [&map(&json!({"b": 1}))]);
}
