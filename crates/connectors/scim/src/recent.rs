//! What was read a moment ago. The engine reads an account and then changes it; the form of the change depends on what
//! the resource holds, which is not to be asked for a second time.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use model::Anchor;
use serde_json::Value as Json;

use crate::discovery::Kind;

/// Resources that are kept at most: more than the engine reads before it begins to write.
const MOST: usize = 2000;
/// After this long a resource may be another one.
const LIFE: Duration = Duration::from_secs(30);

/// Resources that were read a moment ago, by endpoint and id: a user and a group may have the same id.
#[derive(Debug, Default)]
pub(crate) struct Recent(Mutex<HashMap<(String, Anchor), (Instant, Json)>>);

impl Recent {
    /// Keeps a resource.
    pub(crate) fn put(&self, kind: &Kind, anchor: &Anchor, resource: Json) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MOST {
            kept.retain(|_, (read, _)| read.elapsed() < LIFE);
        }
        if kept.len() < MOST {
            kept.insert(key(kind, anchor), (Instant::now(), resource));
        }
    }

    /// Gives a resource out, once.
    pub(crate) fn take(&self, kind: &Kind, anchor: &Anchor) -> Option<Json> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&key(kind, anchor));
        kept.filter(|(read, _)| read.elapsed() < LIFE).map(|(_, resource)| resource)
    }
}

fn key(kind: &Kind, anchor: &Anchor) -> (String, Anchor) {
    (kind.endpoint.clone(), anchor.clone())
}
