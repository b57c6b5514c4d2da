//! Sends rows over the Graph API: users, then groups, then what refers to them.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use anyhow::Result;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Method;
use serde_json::{Map, Value as Json, json};

use super::file::{Mistake, Place};
use crate::client::{Answer, BATCH, Graph, Wanted};

/// Members that one request may bind.
pub(super) const BOUND: usize = 20;
/// Mistakes that are shown; all are counted.
const SHOWN: usize = 20;
/// What stands in addresses as it is.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'@');

/// What became of the rows of one kind.
#[derive(Default)]
pub(super) struct Counts {
    pub(super) created: AtomicU64,
    /// They were there, and are now as the rows say.
    pub(super) present: AtomicU64,
    pub(super) failed: AtomicU64,
}

/// Rows on their way to a service.
pub(super) struct Load<'a> {
    pub(super) graph: &'a Graph,
    pub(super) users: Counts,
    pub(super) groups: Counts,
    pub(super) managers: Counts,
    pub(super) memberships: Counts,
    /// Ids of groups by their nicknames in lower case.
    ids: Mutex<HashMap<String, String>>,
    mistakes: Mutex<Vec<Mistake>>,
}

/// A row that names an object, with the properties that it shall have.
pub(super) type Named = (Place, String, Map<String, Json>);
/// A row that names two objects.
pub(super) type Pair = (Place, String, String);

impl<'a> Load<'a> {
    pub(super) fn new(graph: &'a Graph) -> Self {
        Self {
            graph,
            users: Counts::default(),
            groups: Counts::default(),
            managers: Counts::default(),
            memberships: Counts::default(),
            ids: Mutex::default(),
            mistakes: Mutex::default(),
        }
    }

    /// The mistakes that are to be shown.
    pub(super) fn mistakes(&self) -> Vec<Mistake> {
        self.mistakes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn fail(&self, counts: &Counts, place: &Place, words: String) {
        counts.failed.fetch_add(1, Ordering::Relaxed);
        let mut mistakes = self.mistakes.lock().unwrap_or_else(PoisonError::into_inner);
        if mistakes.len() < SHOWN {
            mistakes.push(Mistake { place: place.clone(), words });
        }
    }

    /// Notes what came of writing an object.
    fn note(&self, counts: &Counts, place: &Place, answer: &Answer) {
        let count = match answer.status {
            201 => &counts.created,
            200..300 => &counts.present,
            _ => return self.fail(counts, place, answer.words()),
        };
        count.fetch_add(1, Ordering::Relaxed);
    }

    /// Users: made, or brought to what the row says where the principal name is taken.
    pub(super) async fn users(&self, rows: Vec<Named>) -> Result<()> {
        let post = |(_, _, properties): &Named| wanted(Method::POST, "/users".to_owned(), properties);
        let answers = self.graph.answers(rows.iter().map(post).collect()).await?;
        let mut taken = Vec::new();
        for (row, answer) in rows.into_iter().zip(answers) {
            if answer.is_conflict() { taken.push(row) } else { self.note(&self.users, &row.0, &answer) }
        }
        let patch = |(_, principal, properties): &Named| {
            wanted(Method::PATCH, format!("/users/{}", encoded(principal)), properties)
        };
        let answers = self.graph.answers(taken.iter().map(patch).collect()).await?;
        for (row, answer) in taken.iter().zip(answers) {
            self.note(&self.users, &row.0, &answer);
        }
        Ok(())
    }

    /// Groups: made, or brought to what the row says where one has the nickname.
    pub(super) async fn groups(&self, rows: Vec<Named>) -> Result<()> {
        let nicknames: Vec<String> = rows.iter().map(|(_, nickname, _)| nickname.clone()).collect();
        let found = self.find_groups(&nicknames).await?;
        let (mut sent, mut requests) = (Vec::new(), Vec::new());
        for ((place, nickname, properties), found) in rows.iter().zip(found) {
            match found {
                Ok(None) => requests.push(wanted(Method::POST, "/groups".to_owned(), properties)),
                Ok(Some(id)) => requests.push(wanted(Method::PATCH, format!("/groups/{id}"), properties)),
                Err(words) => {
                    self.fail(&self.groups, place, words);
                    continue;
                }
            }
            sent.push((place, nickname));
        }
        for ((place, nickname), answer) in sent.into_iter().zip(self.graph.answers(requests).await?) {
            if let Some(id) = answer.body.get("id").and_then(Json::as_str) {
                self.remember(nickname, id);
            }
            self.note(&self.groups, place, &answer);
        }
        Ok(())
    }

    /// Managers of users.
    pub(super) async fn managers(&self, rows: Vec<Pair>) -> Result<()> {
        let put = |(_, user, manager): &Pair| Wanted {
            method: Method::PUT,
            path: format!("/users/{}/manager/$ref", encoded(user)),
            body: json!({ "@odata.id": self.address(manager) }),
        };
        let answers = self.graph.answers(rows.iter().map(put).collect()).await?;
        for ((place, ..), answer) in rows.iter().zip(answers) {
            self.note(&self.managers, place, &answer);
        }
        Ok(())
    }

    /// Memberships, those of one group behind each other.
    pub(super) async fn memberships(&self, rows: Vec<Pair>) -> Result<()> {
        let parts: Vec<&[Pair]> =
            rows.chunk_by(|one, other| one.1 == other.1).flat_map(|run| run.chunks(BOUND)).collect();
        for parts in parts.chunks(BATCH) {
            let names: Vec<String> =
                parts.iter().filter_map(|part| part.first()).map(|row| row.1.clone()).collect();
            let (mut sent, mut requests) = (Vec::new(), Vec::new());
            for (part, found) in parts.iter().zip(self.find_groups(&names).await?) {
                let id = found.and_then(|id| id.ok_or_else(|| "no group has this nickname or id".to_owned()));
                match id {
                    Ok(id) => {
                        let members: Vec<String> = part.iter().map(|row| self.address(&row.2)).collect();
                        let body = json!({ "members@odata.bind": members });
                        requests.push(Wanted { method: Method::PATCH, path: format!("/groups/{id}"), body });
                        sent.push((*part, id));
                    }
                    Err(words) => {
                        part.iter().for_each(|row| self.fail(&self.memberships, &row.0, words.clone()));
                    }
                }
            }
            for ((part, group), answer) in sent.into_iter().zip(self.graph.answers(requests).await?) {
                if answer.status < 300 {
                    self.memberships.present.fetch_add(part.len() as u64, Ordering::Relaxed);
                } else {
                    self.one_by_one(&group, part).await?;
                }
            }
        }
        Ok(())
    }

    /// Memberships of which one was refused, which is to be known.
    async fn one_by_one(&self, group: &str, rows: &[Pair]) -> Result<()> {
        let post = |(_, _, member): &Pair| Wanted {
            method: Method::PATCH,
            path: format!("/groups/{group}"),
            body: json!({ "members@odata.bind": [self.address(member)] }),
        };
        let answers = self.graph.answers(rows.iter().map(post).collect()).await?;
        for ((place, ..), answer) in rows.iter().zip(answers) {
            self.note(&self.memberships, place, &answer);
        }
        Ok(())
    }

    /// Of each group, named by nickname or id, the id; none where there is no such group, words where it is not clear.
    async fn find_groups(&self, names: &[String]) -> Result<Vec<Result<Option<String>, String>>> {
        let known = |name: &String| {
            let ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
            ids.get(&name.to_lowercase()).cloned().or_else(|| is_id(name).then(|| name.clone()))
        };
        let found: Vec<Option<String>> = names.iter().map(known).collect();
        let unknown: Vec<&String> =
            names.iter().zip(&found).filter(|(_, found)| found.is_none()).map(|(name, _)| name).collect();
        let get = |name: &&String| {
            let filter = format!("mailNickname eq '{}'", name.replace('\'', "''"));
            let filter = utf8_percent_encode(&filter, ENCODED);
            let path = format!("/groups?$select=id&$top=2&$filter={filter}");
            Wanted { method: Method::GET, path, body: Json::Null }
        };
        let answers = self.graph.answers(unknown.iter().map(get).collect()).await?;
        let mut answers = unknown.iter().zip(answers).map(|(name, answer)| {
            if answer.status != 200 {
                return Err(answer.words());
            }
            let ids = answer.body.get("value").and_then(Json::as_array).map_or(&[][..], Vec::as_slice);
            match ids {
                [] => Ok(None),
                [one] => {
                    let id = one.get("id").and_then(Json::as_str).unwrap_or_default();
                    self.remember(name, id);
                    Ok(Some(id.to_owned()))
                }
                _ => Err(format!("several groups have the mailNickname '{name}': name the group by its id")),
            }
        });
        Ok(found
            .into_iter()
            .map(|found| match found {
                Some(id) => Ok(Some(id)),
                None => answers.next().unwrap_or(Ok(None)),
            })
            .collect())
    }

    fn remember(&self, nickname: &str, id: &str) {
        let mut ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        ids.insert(nickname.to_lowercase(), id.to_owned());
    }

    /// The address of an object by its id, or of a user by the principal name.
    fn address(&self, key: &str) -> String {
        let collection = if is_id(key) { "directoryObjects" } else { "users" };
        self.graph.url(&format!("/{collection}/{}", encoded(key)))
    }
}

fn wanted(method: Method, path: String, properties: &Map<String, Json>) -> Wanted {
    Wanted { method, path, body: Json::Object(properties.clone()) }
}

fn encoded(key: &str) -> String {
    utf8_percent_encode(key, ENCODED).to_string()
}

fn is_id(key: &str) -> bool {
    model::Uuid::try_parse(key).is_ok()
}
