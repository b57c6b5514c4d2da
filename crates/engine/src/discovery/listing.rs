//! The accounts of the target, read page by page into the store.

use std::collections::BTreeMap;

use connector::{Cursor, Selection};
use model::correlation::{CorrelatedIdentity, CorrelatedParty, CorrelationStatus, NamedValue};
use model::provisioning::REDACTED;
use model::{Failure, FailureCode, Name, Object, Value};
use store::FoundBy;

use super::{Discovery, End, Phase};
use crate::control::Result;
use crate::cycle::{Cycle, Repeat, SendError, send};

/// The attribute that names an account for people.
const DISPLAY_NAME: &str = "displayName";
/// Pages in a row that may bring nothing new. What moves while it is listed may be told twice, but no list goes on so.
const MOST_REPEATED: usize = 100;

/// An attribute by which accounts of a type are found.
struct Key {
    attribute: Name,
    case_exact: bool,
}

impl Discovery<'_> {
    /// Reads the accounts of every type that is mapped.
    pub(super) async fn list(&mut self, cycle: &Cycle<'_>) -> Phase {
        let mut kinds: BTreeMap<Name, (Vec<Key>, bool)> = BTreeMap::new();
        for mapping in self.prepared.program.rules.iter().flat_map(|rule| &rule.mappings) {
            let (keys, named) = kinds.entry(mapping.target_kind.clone()).or_default();
            *named |= mapping.target_attributes.iter().any(|name| name == DISPLAY_NAME);
            for flow in mapping.matching() {
                let same = |key: &&Key| key.attribute == flow.attribute && key.case_exact == flow.case_exact;
                if keys.iter().find(same).is_none() {
                    keys.push(Key { attribute: flow.attribute.clone(), case_exact: flow.case_exact });
                }
            }
        }
        for (kind, (keys, named)) in kinds {
            let mut attributes: Vec<Name> = Vec::new();
            let wanted = keys.iter().map(|key| key.attribute.clone());
            for name in wanted.chain(named.then(|| DISPLAY_NAME.into())) {
                if !attributes.contains(&name) {
                    attributes.push(name);
                }
            }
            let selection = Selection { kind, attributes, ..Selection::default() };
            if let Err(end) = self.list_kind(cycle, &selection, &keys).await? {
                return Ok(Err(end));
            }
        }
        Ok(Ok(()))
    }

    /// Reads the accounts of a type. The next page is asked for while one is written.
    async fn list_kind(&mut self, cycle: &Cycle<'_>, selection: &Selection, keys: &[Key]) -> Phase {
        let (services, prepared, stop) = (self.services, self.prepared, self.stop);
        let ask = async |cursor: Option<Cursor>| {
            let request = || prepared.target.list(selection, cursor.as_ref());
            send(services, &prepared.pace, stop, Repeat::Freely, request).await
        };
        let (mut answer, mut repeated) = (ask(None).await, 0);
        loop {
            let page = match answer {
                Ok(page) => page,
                Err(SendError::Stopped) => return Ok(Err(End::Stopped)),
                Err(SendError::Target(error)) => return Ok(Err(End::Failed(error.failure()))),
            };
            let rows: Vec<FoundBy> =
                page.objects.iter().map(|object| self.row(cycle, object, keys)).collect();
            let Some(next) = page.next else {
                self.add(rows).await?;
                return Ok(Ok(()));
            };
            let (added, ahead) = tokio::join!(self.add(rows), ask(Some(next)));
            repeated = if added? == 0 { repeated + 1 } else { 0 };
            if repeated >= MOST_REPEATED {
                let words = format!(
                    "the target's list of {} does not end: {repeated} pages in a row had no account that was not listed \
                     before; correct how the target pages",
                    selection.kind
                );
                return Ok(Err(End::Failed(Failure::new(FailureCode::ServiceIncompatible, words))));
            }
            answer = ahead;
        }
    }

    /// Writes accounts, and tells how many were not there yet.
    async fn add(&mut self, rows: Vec<FoundBy>) -> Result<u64> {
        if rows.is_empty() {
            return Ok(0);
        }
        let (job, run) = (&self.prepared.job.id, self.report.run);
        let added = self.services.store.add_correlated(job, run, rows).await?;
        self.report.accounts += added;
        self.report.counts.uncorrelated += added;
        self.keep_now_and_then().await?;
        Ok(added)
    }

    /// An account that nobody matches yet.
    fn row(&self, cycle: &Cycle<'_>, object: &Object, keys: &[Key]) -> FoundBy {
        let redacted = cycle.redacted(&object.kind);
        let values =
            keys.iter().flat_map(|key| {
                object.get(&key.attribute).values().iter().filter(|value| !value.is_null_or_empty()).map(
                    |value| (key.attribute.clone(), text_of(cycle, &key.attribute, value, key.case_exact)),
                )
            });
        let matching = keys.iter().find_map(|key| {
            let value = object.get(&key.attribute);
            let value = value.values().first().filter(|value| !value.is_null_or_empty())?;
            let hidden = redacted.contains(&&key.attribute);
            let value = if hidden { REDACTED.to_owned() } else { value.to_string() };
            Some(NamedValue { name: key.attribute.clone(), value })
        });
        let named = Some(object.get(DISPLAY_NAME)).filter(|_| !redacted.contains(&&DISPLAY_NAME.into()));
        let target = CorrelatedParty {
            kind: object.kind.clone(),
            anchor: NamedValue {
                name: self.anchors.of_target(&object.kind),
                value: object.anchor.to_string(),
            },
            matching,
            display_name: named.and_then(Value::as_text).map(Name::from),
        };
        let moment = self.services.clock.now();
        let account = CorrelatedIdentity {
            id: self.services.entropy.uuid_at(moment),
            moment,
            status: CorrelationStatus::Uncorrelated,
            linked: false,
            source: None,
            target,
            error: None,
        };
        (account, values.collect())
    }
}

/// The text by which accounts with a value are found, as it compares. It tells nothing of one that may not be shown.
pub(super) fn text_of(cycle: &Cycle<'_>, attribute: &Name, value: &Value, case_exact: bool) -> String {
    let text = sync::fold(value, case_exact);
    let sign = if case_exact { '=' } else { '~' };
    if cycle.redacted_anywhere(attribute) {
        format!("{sign}{:016x}", cycle.prepared.policy.fingerprints.of(&text.into(), true).0)
    } else {
        format!("{sign}{text}")
    }
}
