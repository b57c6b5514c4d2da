//! Answering what decisions must know, for a whole batch at once.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};

use connector::ConnectorError;
use futures::StreamExt as _;
use model::link::Entry;
use model::{Anchor, Name, Object, Value};
use store::Result;
use sync::{Answer, Mapping, Need};

use super::Cycle;
use super::item::Item;
use super::send::{Repeat, SendError, send};

/// A need of the item at a position.
pub(crate) struct Asked {
    pub(crate) item: usize,
    pub(crate) need: Need,
}

/// What came of a need.
pub(crate) enum Told {
    Answer(Answer),
    Failed(ConnectorError),
    /// It was not asked, since the target seems to refuse everything; it can be asked again.
    Unasked,
    Stopped,
}

impl Cycle<'_> {
    /// Answers needs in bulk. Every need gets exactly one answer.
    pub(crate) async fn answer(&self, items: &[Item<'_>], asked: Vec<Asked>) -> Result<Vec<(Asked, Told)>> {
        let mut told = Vec::with_capacity(asked.len());
        let (mut owners, mut indexed, mut live) = (Vec::new(), Vec::new(), Vec::new());
        for one in asked {
            let Some(item) = items.get(one.item) else { continue };
            match &one.need {
                Need::Claim(keys) => {
                    let granted = item.hold.claim(&item.mapping.target_kind, &item.anchor, keys);
                    told.push((one, Told::Answer(Answer::Claimed(granted))));
                }
                Need::Owner(_) => owners.push(one),
                Need::Find { .. }
                    if self.uses_index(item) && self.is_index_empty(&item.mapping.target_kind) =>
                {
                    told.push((one, Told::Answer(Answer::Objects(Vec::new()))));
                }
                Need::Find { .. } | Need::Read(_) if self.uses_index(item) => indexed.push(one),
                Need::Find { .. } | Need::Vacant { .. } | Need::Read(_) => live.push(one),
            }
        }
        self.answer_owners(items, owners, &mut told).await?;
        self.answer_from_index(items, indexed, &mut told, &mut live).await?;
        self.answer_live(items, live, &mut told).await;
        Ok(told)
    }

    fn uses_index(&self, item: &Item<'_>) -> bool {
        !item.live && self.is_indexed(&item.mapping.target_kind)
    }

    async fn answer_owners(
        &self,
        items: &[Item<'_>],
        asked: Vec<Asked>,
        told: &mut Vec<(Asked, Told)>,
    ) -> Result<()> {
        if asked.is_empty() {
            return Ok(());
        }
        let anchors: Vec<Anchor> = asked
            .iter()
            .filter_map(|one| match &one.need {
                Need::Owner(anchor) => Some(anchor.clone()),
                _ => None,
            })
            .collect();
        // An account may just have become somebody's.
        self.behind.before(turn_of(items)).await?;
        let owners = if self.has().entries || self.desk.has_written() {
            self.services.store.owners(&self.prepared.job.id, &anchors).await?
        } else {
            Vec::new()
        };
        let by_target: HashMap<&Anchor, &Entry> =
            owners.iter().filter_map(|entry| Some((&entry.link.as_ref()?.anchor, entry))).collect();
        for one in asked {
            let owner = match &one.need {
                Need::Owner(anchor) => by_target.get(anchor).map(|entry| Box::new((*entry).clone())),
                _ => None,
            };
            told.push((one, Told::Answer(Answer::Owner(owner))));
        }
        Ok(())
    }

    /// Answers from the index of what the target held when the cycle began. Accounts that it does not know may have
    /// been made since: reads of them go to the target.
    async fn answer_from_index(
        &self,
        items: &[Item<'_>],
        asked: Vec<Asked>,
        told: &mut Vec<(Asked, Told)>,
        live: &mut Vec<Asked>,
    ) -> Result<()> {
        if asked.is_empty() {
            return Ok(());
        }
        // Accounts that a commit under way takes out of the index must not be found.
        self.behind.before(turn_of(items)).await?;
        let mut finds: BTreeMap<(Name, Name), Vec<(Asked, String)>> = BTreeMap::new();
        let mut reads: BTreeMap<Name, Vec<(Asked, Anchor)>> = BTreeMap::new();
        for one in asked {
            let Some(item) = items.get(one.item) else { continue };
            let kind = item.mapping.target_kind.clone();
            match &one.need {
                Need::Find { attribute, value, .. } => {
                    let key = (kind, attribute.clone());
                    let redacted = self.redacted(&key.0);
                    let text = self.key_in_index(attribute, value, &redacted);
                    finds.entry(key).or_default().push((one, text));
                }
                Need::Read(anchor) => {
                    let anchor = anchor.clone();
                    reads.entry(kind).or_default().push((one, anchor));
                }
                _ => {}
            }
        }
        for ((kind, attribute), asked) in finds {
            let found = self.find_in_index(&kind, &attribute, &asked).await?;
            for (one, text) in asked {
                let objects = found.get(&text).cloned().unwrap_or_default();
                let objects = objects.into_iter().filter(|object| satisfies(object, &one.need)).collect();
                told.push((one, Told::Answer(Answer::Objects(objects))));
            }
        }
        for (kind, asked) in reads {
            let anchors: Vec<Anchor> = asked.iter().map(|(_, anchor)| anchor.clone()).collect();
            let objects = self.read_from_index(&kind, &anchors).await?;
            let mut objects: HashMap<Anchor, Object> =
                objects.into_iter().map(|object| (object.anchor.clone(), object)).collect();
            for (one, anchor) in asked {
                match objects.remove(&anchor) {
                    Some(object) => told.push((one, Told::Answer(Answer::Object(Some(object))))),
                    None => live.push(one),
                }
            }
        }
        Ok(())
    }

    async fn find_in_index(
        &self,
        kind: &Name,
        attribute: &Name,
        asked: &[(Asked, String)],
    ) -> Result<HashMap<String, Vec<Object>>> {
        let mut found: HashMap<String, Vec<Object>> = HashMap::new();
        let values: Vec<String> = asked.iter().map(|(_, text)| text.clone()).collect();
        let rows = self.services.store.find_index(&self.prepared.job.id, kind, attribute, &values).await?;
        let redacted = self.redacted(kind);
        for (text, object) in rows {
            found.entry(text).or_default().push(self.unseal(object, &redacted)?);
        }
        Ok(found)
    }

    /// Accounts as the index has them, in clear.
    pub(crate) async fn read_from_index(&self, kind: &Name, anchors: &[Anchor]) -> Result<Vec<Object>> {
        let objects = self.services.store.read_index(&self.prepared.job.id, kind, anchors).await?;
        let redacted = self.redacted(kind);
        objects.into_iter().map(|object| self.unseal(object, &redacted)).collect()
    }

    async fn answer_live(&self, items: &[Item<'_>], asked: Vec<Asked>, told: &mut Vec<(Asked, Told)>) {
        let refusing = AtomicBool::new(false);
        let requests: Vec<_> = asked
            .into_iter()
            .filter_map(|one| {
                let mapping = items.get(one.item)?.mapping;
                let refusing = &refusing;
                Some(async move {
                    if refusing.load(Ordering::Relaxed) {
                        (one, Told::Unasked)
                    } else {
                        self.ask(one, mapping).await
                    }
                })
            })
            .collect();
        let mut answers = futures::stream::iter(requests).buffer_unordered(self.prepared.pace.most());
        while let Some(answer) = answers.next().await {
            if let Told::Failed(error) = &answer.1
                && sync::is_about_the_target(&error.class)
            {
                refusing.store(true, Ordering::Relaxed);
            }
            told.push(answer);
        }
    }

    /// Asks the target itself.
    async fn ask(&self, asked: Asked, mapping: &Mapping) -> (Asked, Told) {
        let target = &self.prepared.target;
        let selection = self.prepared.target_selection(mapping);
        let answer = match &asked.need {
            Need::Find { attribute, value, case_exact } | Need::Vacant { attribute, value, case_exact } => {
                let request = || target.find(&selection, attribute, value, *case_exact);
                let pace = &self.prepared.pace;
                // A target that ignores the condition answers everybody.
                let fitting = |mut found: Vec<Object>| {
                    found.retain(|object| satisfies(object, &asked.need));
                    Answer::Objects(found)
                };
                send(self.services, pace, self.stop, Repeat::Freely, request).await.map(fitting)
            }
            Need::Read(anchor) => {
                let request = || target.read(&selection, anchor);
                let pace = &self.prepared.pace;
                send(self.services, pace, self.stop, Repeat::Freely, request).await.map(Answer::Object)
            }
            Need::Owner(_) | Need::Claim(_) => return (asked, Told::Answer(Answer::Object(None))),
        };
        match answer {
            Ok(answer) => (asked, Told::Answer(answer)),
            Err(SendError::Target(error)) => {
                let detail = mapping.conceal(&asked.need, &error.detail);
                (asked, Told::Failed(ConnectorError { detail, ..error }))
            }
            Err(SendError::Stopped) => (asked, Told::Stopped),
        }
    }
}

/// The page that these came with, 0 where they came otherwise.
fn turn_of(items: &[Item<'_>]) -> u64 {
    items.iter().map(|item| item.turn).max().unwrap_or(0)
}

/// The text by which the index finds a value; it folds case whatever the attribute says, and what it finds is tested
/// against the need.
pub(crate) fn index_key(value: &Value) -> String {
    value.to_string().to_lowercase()
}

fn satisfies(object: &Object, need: &Need) -> bool {
    match need {
        Need::Find { attribute, value, case_exact } => object.get(attribute).values().iter().any(|there| {
            let (there, wanted) = (there.to_string(), value.to_string());
            if *case_exact { there == wanted } else { there.to_lowercase() == wanted.to_lowercase() }
        }),
        _ => true,
    }
}
