//! The accounts of the target, written down as they are listed.

use std::collections::BTreeMap;

use connector::Selection;
use model::correlation::{CorrelatedParty, NamedValue};
use model::provisioning::REDACTED;
use model::{Name, Object, Value};

use super::join::Accounts;
use super::{Discovery, End};
use crate::cycle::{Cycle, Listing};

/// The attribute that names an account for people.
const DISPLAY_NAME: &str = "displayName";
/// Accounts that are written at once.
const WRITTEN: usize = 1_000;

/// What is listed of a type.
#[derive(Default)]
struct Wanted {
    keys: Vec<Key>,
    /// True where accounts have names for people.
    named: bool,
}

/// An attribute by which accounts of a type are found.
struct Key {
    attribute: Name,
    case_exact: bool,
}

impl Wanted {
    fn attributes(&self) -> Vec<Name> {
        let mut attributes: Vec<Name> = Vec::new();
        let keys = self.keys.iter().map(|key| key.attribute.clone());
        for name in keys.chain(self.named.then(|| DISPLAY_NAME.into())) {
            if !attributes.contains(&name) {
                attributes.push(name);
            }
        }
        attributes
    }
}

impl Discovery<'_> {
    /// Lists the accounts of every type that is mapped.
    pub(super) async fn list(&self, cycle: &Cycle<'_>) -> Result<Accounts, End> {
        let mut accounts = Accounts::default();
        for (kind, wanted) in self.wanted() {
            let selection = Selection { kind, attributes: wanted.attributes(), ..Selection::default() };
            self.list_kind(cycle, selection, &wanted.keys, &mut accounts).await?;
        }
        self.show().await?;
        Ok(accounts)
    }

    fn wanted(&self) -> BTreeMap<Name, Wanted> {
        let mut kinds: BTreeMap<Name, Wanted> = BTreeMap::new();
        for mapping in self.prepared.program.rules.iter().flat_map(|rule| &rule.mappings) {
            let Wanted { keys, named } = kinds.entry(mapping.target_kind.clone()).or_default();
            *named |= mapping.target_attributes.iter().any(|name| name == DISPLAY_NAME);
            for flow in mapping.matching() {
                let same = |key: &Key| key.attribute == flow.attribute && key.case_exact == flow.case_exact;
                if !keys.iter().any(same) {
                    keys.push(Key { attribute: flow.attribute.clone(), case_exact: flow.case_exact });
                }
            }
        }
        kinds
    }

    async fn list_kind(
        &self,
        cycle: &Cycle<'_>,
        selection: Selection,
        keys: &[Key],
        accounts: &mut Accounts,
    ) -> Result<(), End> {
        let redacted = cycle.redacted(&selection.kind);
        let mut listing = Listing::begin(self.services, self.prepared, self.stop, selection);
        let mut rows = Vec::with_capacity(WRITTEN);
        while let Some(page) = listing.page().await? {
            for object in page.new {
                let number = accounts.add(self.found_by(&object, keys));
                rows.push((number, self.account(&object, keys, &redacted)));
            }
            if rows.len() >= WRITTEN {
                self.write(std::mem::replace(&mut rows, Vec::with_capacity(WRITTEN))).await?;
            }
        }
        self.write(rows).await
    }

    async fn write(&self, rows: Vec<(u32, CorrelatedParty)>) -> Result<(), End> {
        let count = rows.len();
        self.services.store.add_accounts(&self.prepared.job.id, self.run, rows).await?;
        self.note(|report| report.accounts += u64::try_from(count).unwrap_or(0)).await
    }

    /// What an account is found by.
    fn found_by(&self, object: &Object, keys: &[Key]) -> impl Iterator<Item = u64> {
        let values = keys.iter().flat_map(|key| {
            let values = object.get(&key.attribute).values().iter().filter(|value| !value.is_null_or_empty());
            values.map(|value| self.hashes.of_value(&object.kind, &key.attribute, value, key.case_exact))
        });
        std::iter::once(self.hashes.of_anchor(&object.kind, object.anchor.as_str())).chain(values)
    }

    fn account(&self, object: &Object, keys: &[Key], redacted: &[&Name]) -> CorrelatedParty {
        let matching = keys.iter().find_map(|key| {
            let value = object.get(&key.attribute);
            let value = value.values().first().filter(|value| !value.is_null_or_empty())?;
            let hidden = redacted.contains(&&key.attribute);
            let value = if hidden { REDACTED.to_owned() } else { value.to_string() };
            Some(NamedValue { name: key.attribute.clone(), value })
        });
        let named =
            Some(object.get(DISPLAY_NAME)).filter(|_| !redacted.iter().any(|name| **name == DISPLAY_NAME));
        CorrelatedParty {
            kind: object.kind.clone(),
            anchor: NamedValue {
                name: self.anchors.of_target(&object.kind),
                value: object.anchor.to_string(),
            },
            matching,
            display_name: named.and_then(Value::as_text).map(Name::from),
        }
    }
}
