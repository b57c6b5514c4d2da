//! The accounts of the target, read page by page into the store.

use std::collections::BTreeMap;

use connector::{Cursor, Selection};
use model::correlation::{CorrelatedIdentity, CorrelatedParty, CorrelationStatus, NamedValue};
use model::provisioning::REDACTED;
use model::{Name, Object, Value};
use store::FoundBy;

use super::{Discovery, End, Phase};
use crate::cycle::{Cycle, Repeat, SendError, send};

/// The attribute that names an account for people.
const DISPLAY_NAME: &str = "displayName";

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

    async fn list_kind(&mut self, cycle: &Cycle<'_>, selection: &Selection, keys: &[Key]) -> Phase {
        let prepared = self.prepared;
        let mut cursor: Option<Cursor> = None;
        loop {
            let request = || prepared.target.list(selection, cursor.as_ref());
            let page = match send(self.services, &prepared.pace, self.stop, Repeat::Freely, request).await {
                Ok(page) => page,
                Err(SendError::Stopped) => return Ok(Err(End::Stopped)),
                Err(SendError::Target(error)) => return Ok(Err(End::Failed(error.failure()))),
            };
            let rows: Vec<FoundBy> =
                page.objects.iter().map(|object| self.row(cycle, object, keys)).collect();
            if !rows.is_empty() {
                let (job, run) = (&prepared.job.id, self.report.run);
                let added = self.services.store.add_correlated(job, run, rows).await?;
                self.report.accounts += added;
                self.report.counts.uncorrelated += added;
                self.keep().await?;
            }
            cursor = page.next;
            if cursor.is_none() {
                return Ok(Ok(()));
            }
        }
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
        let account = CorrelatedIdentity {
            id: self.services.entropy.uuid(),
            moment: self.services.clock.now(),
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
