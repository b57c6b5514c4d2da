//! Values that may not be shown rest sealed: matching values of intents, and accounts in the index.

use std::collections::HashMap;

use model::link::Intent;
use model::{JobId, Name, Object, Value};
use store::Result;
use store::vault::Vault;
use sync::{Mapping, Program};

use super::Cycle;
use super::needs::index_key;
use super::prepared::Key;
use crate::services::Services;

/// What a sealed value begins with.
const MARK: &[u8] = b"sealed\0";

impl Cycle<'_> {
    /// The attributes of a target type whose values may not be shown.
    pub(crate) fn redacted(&self, kind: &Name) -> Vec<&Name> {
        redacted(&self.prepared.program, kind)
    }

    /// The text by which the index finds a value. It tells nothing of one that may not be shown.
    pub(crate) fn key_in_index(&self, attribute: &Name, value: &Value, redacted: &[&Name]) -> String {
        let key = index_key(value);
        if redacted.contains(&attribute) {
            format!("{:016x}", self.prepared.policy.fingerprints.of(&key.into(), true).0)
        } else {
            key
        }
    }

    /// An account as it rests in the index.
    pub(crate) fn seal(&self, mut object: Object, redacted: &[&Name]) -> Result<Object> {
        for name in redacted {
            let value = object.get(name);
            if !value.is_null() {
                let sealed = self.sealed(value)?;
                object.attributes.set((*name).clone(), sealed);
            }
        }
        Ok(object)
    }

    /// An account from the index as the target showed it.
    pub(crate) fn unseal(&self, mut object: Object, redacted: &[&Name]) -> Result<Object> {
        for name in redacted {
            let value = unsealed(&self.services.vault, &self.prepared.job.id, object.get(name).clone())?;
            object.attributes.set((*name).clone(), value);
        }
        Ok(object)
    }

    /// An intent as it rests.
    pub(crate) fn seal_intent(&self, mut intent: Intent, mapping: &Mapping) -> Result<Intent> {
        for (attribute, value) in &mut intent.matching {
            if mapping.flows.iter().any(|flow| flow.redacted && flow.attribute == *attribute) {
                *value = self.sealed(value)?;
            }
        }
        Ok(intent)
    }

    fn sealed(&self, value: &Value) -> Result<Value> {
        let clear = serde_json::to_vec(value).map_err(|error| corrupt(&error))?;
        let mut sealed = MARK.to_vec();
        sealed.extend(self.services.vault.seal(self.prepared.job.id.as_str(), &clear)?);
        Ok(Value::Binary(sealed.into()))
    }
}

/// Intents with their values in clear, by rule and source object.
pub(crate) fn keyed(services: &Services, job: &JobId, intents: Vec<Intent>) -> Result<HashMap<Key, Intent>> {
    let clear = |mut intent: Intent| {
        for (_, value) in &mut intent.matching {
            *value = unsealed(&services.vault, job, std::mem::take(value))?;
        }
        Ok(((intent.rule.clone(), intent.source.clone()), intent))
    };
    intents.into_iter().map(clear).collect()
}

/// A value in clear; one that was not sealed is so already.
fn unsealed(vault: &Vault, job: &JobId, value: Value) -> Result<Value> {
    let Value::Binary(octets) = &value else { return Ok(value) };
    let Some(sealed) = octets.strip_prefix(MARK) else { return Ok(value) };
    let clear = vault.unseal(job.as_str(), sealed)?;
    serde_json::from_slice(&clear).map_err(|error| corrupt(&error))
}

fn redacted<'p>(program: &'p Program, kind: &Name) -> Vec<&'p Name> {
    let mappings = program.rules.iter().flat_map(|rule| &rule.mappings);
    let flows = mappings.filter(|mapping| mapping.target_kind == *kind).flat_map(|mapping| &mapping.flows);
    flows.filter(|flow| flow.redacted).map(|flow| &flow.attribute).collect()
}

fn corrupt(error: &serde_json::Error) -> store::StoreError {
    store::StoreError::Corrupt(format!("a sealed value cannot be read: {error}"))
}
