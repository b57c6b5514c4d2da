//! A job whose target remembers what it was sent.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{Object, Value};
use serde_json::{Value as Json, json};
use testkit::{MemorySource, MemoryTarget, Method, RecordingTarget, SeededEntropy, SharedFactory};

use crate::rig::{Rig, schema};

/// What a write carried, by attribute.
pub(crate) type Sent = BTreeMap<String, Value>;

pub(crate) struct Recorded {
    pub(crate) rig: Rig,
    calls: RecordingTarget,
}

impl Recorded {
    pub(crate) async fn new(schema: Json) -> Self {
        Self::with(MemorySource::new(), MemoryTarget::new().unique("account", "userName"), schema).await
    }

    pub(crate) async fn with(source: MemorySource, target: MemoryTarget, schema: Json) -> Self {
        let mut rig = Rig::of(source, target, schema, SeededEntropy::new(1)).await;
        let calls = RecordingTarget::new(Arc::new(rig.target.clone()));
        rig.factory = SharedFactory::memory(Arc::new(rig.source.clone()), Arc::new(calls.clone()));
        rig.restart_process().await;
        Self { rig, calls }
    }

    /// Runs a cycle and returns the creates and updates that the target received in it, in order.
    pub(crate) async fn writes(&self) -> Vec<(Method, Sent)> {
        let _ = self.calls.take_calls();
        self.rig.good_cycle().await;
        let calls = self.calls.take_calls().into_iter();
        let writes = calls.filter(|call| matches!(call.method, Method::Create | Method::Update));
        writes
            .map(|call| {
                let sent = call.values.into_iter().map(|(name, value)| (name.to_string(), value));
                (call.method, sent.collect())
            })
            .collect()
    }

    /// As [`writes`](Self::writes), where there is exactly one, of this method.
    pub(crate) async fn only(&self, method: Method) -> Sent {
        let mut writes = self.writes().await;
        assert_eq!(writes.len(), 1, "{writes:?}");
        let (of, sent) = writes.remove(0);
        assert_eq!(of, method, "{sent:?}");
        sent
    }

    /// As [`only`](Self::only), for an update of these attributes alone.
    pub(crate) async fn updated(&self, expected: &[(&str, Value)]) {
        let sent = self.only(Method::Update).await;
        let expected: Sent =
            expected.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        assert_eq!(sent, expected);
    }

    /// Runs a cycle in which the target must not be written to.
    pub(crate) async fn nothing(&self) {
        assert_eq!(self.writes().await, []);
    }

    /// Questions that the target was asked in the last cycle are forgotten by [`writes`](Self::writes); this counts
    /// those of a cycle.
    pub(crate) async fn calls_of(&self, method: Method) -> usize {
        let _ = self.calls.take_calls();
        self.rig.good_cycle().await;
        self.calls.take_calls().iter().filter(|call| call.method == method).count()
    }

    /// What waits for another try.
    pub(crate) async fn failures(&self) -> Vec<model::Failure> {
        let escrows = self.rig.store.escrows(&self.rig.job.id, None, 100).await.unwrap();
        escrows.into_iter().map(|escrow| escrow.failure).collect()
    }

    /// Changes the only account behind the engine's back.
    pub(crate) fn alter(&self, attribute: &str, value: impl Into<Value>) {
        let account = self.account();
        assert!(self.rig.target.alter(&account.anchor, attribute, value.into()));
    }

    /// The only account.
    pub(crate) fn account(&self) -> Object {
        let mut accounts = self.rig.target.objects("account");
        assert_eq!(accounts.len(), 1, "{accounts:?}");
        accounts.remove(0)
    }
}

/// The usual schema with further attributes of users and accounts, and further mappings of users.
pub(crate) fn schema_with(source: &[Json], target: &[Json], mappings: &[Json]) -> Json {
    let mut schema = schema();
    let push = |list: &mut Json, more: &[Json]| list.as_array_mut().unwrap().extend(more.iter().cloned());
    push(&mut schema["directories"][0]["objects"][0]["attributes"], source);
    push(&mut schema["directories"][1]["objects"][0]["attributes"], target);
    push(&mut users(&mut schema)["attributeMappings"], mappings);
    schema
}

/// The object mapping of users.
pub(crate) fn users(schema: &mut Json) -> &mut Json {
    &mut schema["synchronizationRules"][0]["objectMappings"][0]
}

/// The attribute mapping of an attribute of accounts.
pub(crate) fn mapping_of<'s>(schema: &'s mut Json, target: &str) -> &'s mut Json {
    let mappings = users(schema)["attributeMappings"].as_array_mut().unwrap();
    mappings.iter_mut().find(|one| one["targetAttributeName"] == target).unwrap()
}

/// An attribute mapping with further properties.
pub(crate) fn mapping(target: &str, expression: &str, more: &Json) -> Json {
    let mut mapping = json!({
        "targetAttributeName": target,
        "source": {"expression": expression, "type": "Function", "name": "", "parameters": []}
    });
    for (key, value) in more.as_object().unwrap() {
        mapping[key] = value.clone();
    }
    mapping
}
