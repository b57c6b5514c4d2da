use async_trait::async_trait;
use model::{Anchor, JobId, Timestamp};
use serde_json::{Map, Value as Json};

use crate::Result;

/// Octets that everything known of one uploaded person may have, as JSON.
pub const MAX_UPLOADED: usize = 256 * 1024;

/// A person as a client uploaded it.
#[derive(Clone, Debug, PartialEq)]
pub struct Upload {
    /// Who it is: the `externalId`.
    pub anchor: Anchor,
    /// A SCIM resource, with those of its attributes that were sent.
    pub resource: Map<String, Json>,
}

/// What is known of a person from all uploads.
#[derive(Clone, Debug, PartialEq)]
pub struct Uploaded {
    /// Who it is.
    pub anchor: Anchor,
    /// The upload's number in the job's feed.
    pub number: u64,
    /// When the latest upload came.
    pub moment: Timestamp,
    /// The latest upload, as it came.
    pub latest: Map<String, Json>,
    /// All uploads [merged](merge_upload) in their order: what was not sent again stays what it was.
    pub known: Map<String, Json>,
}

/// How far the uploads of a job reach.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UploadRange {
    /// The number of the newest upload; zero before the first.
    pub newest: u64,
    /// Cursors below this number are of no use: what they would go on from was removed.
    pub floor: u64,
    /// How many people there are.
    pub people: u64,
    /// How many octets are kept of them, as JSON.
    pub octets: u64,
}

/// People that clients uploaded to jobs. They go with their job.
#[async_trait]
pub trait UploadStore: Send + Sync {
    /// Keeps uploads, in their order and all or none. Each has the next number, and takes the place of the person's
    /// upload before. `TooLarge` where more than [`MAX_UPLOADED`] octets would be known of a person.
    async fn put_uploads(&self, job: &JobId, now: Timestamp, uploads: Vec<Upload>) -> Result<UploadRange>;

    /// How far the uploads reach.
    async fn upload_range(&self, job: &JobId) -> Result<UploadRange>;

    /// One person.
    async fn uploaded(&self, job: &JobId, anchor: &Anchor) -> Result<Option<Uploaded>>;

    /// A page of all people, by rising anchor.
    async fn all_uploaded(&self, job: &JobId, after: Option<&Anchor>, limit: usize) -> Result<Vec<Uploaded>>;

    /// People whose latest upload has a greater number, by rising number.
    async fn uploaded_after(&self, job: &JobId, number: u64, limit: usize) -> Result<Vec<Uploaded>>;

    /// Removes all people, and makes every cursor useless. Returns how many there were.
    async fn clear_uploads(&self, job: &JobId) -> Result<u64>;
}

/// Merges an upload into what is known of a person. Names compare without regard to case. Null removes what is known, an
/// object is merged into the object that is there, and anything else, lists included, takes the place of what is there.
pub fn merge_upload(known: &mut Map<String, Json>, upload: Map<String, Json>) {
    for (name, value) in upload {
        let present = known.keys().find(|present| present.eq_ignore_ascii_case(&name)).cloned();
        match (value, present.as_ref().and_then(|name| known.get_mut(name))) {
            (Json::Null, _) => {
                if let Some(present) = present {
                    known.remove(&present);
                }
            }
            (Json::Object(inner), Some(Json::Object(before))) => merge_upload(before, inner),
            (Json::Object(inner), before) => {
                let mut fresh = Map::new();
                merge_upload(&mut fresh, inner);
                match before {
                    Some(before) => *before = Json::Object(fresh),
                    None => drop(known.insert(name, Json::Object(fresh))),
                }
            }
            (value, Some(before)) => *before = value,
            (value, None) => drop(known.insert(name, value)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn map(value: &Json) -> Map<String, Json> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn what_is_not_sent_stays_and_null_removes() {
        let mut known = Map::new();
        for (upload, expected) in [
            (
                json!({"a": 1, "name": {"x": 1, "y": null}, "l": [1, 2]}),
                json!({"a": 1, "name": {"x": 1}, "l": [1, 2]}),
            ),
            (
                json!({"A": 2, "NAME": {"y": 2}, "l": [3]}),
                json!({"a": 2, "name": {"x": 1, "y": 2}, "l": [3]}),
            ),
            (json!({"name": {"X": null}, "l": null, "none": null}), json!({"a": 2, "name": {"y": 2}})),
            (json!({"name": "plain"}), json!({"a": 2, "name": "plain"})),
            (json!({"name": {"x": {"deep": null, "z": 0}}}), json!({"a": 2, "name": {"x": {"z": 0}}})),
        ] {
            merge_upload(&mut known, map(&upload));
            assert_eq!(Json::Object(known.clone()), expected);
        }
    }
}
