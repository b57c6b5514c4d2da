//! A target that remembers what it was asked, and factories that hand out what a test made.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use connector::{
    ChangeSet, Configuration, ConfigurationError, Cursor, Factory, ReferenceChange, ReferencePage, Result,
    Selection, Source, Target, TargetCapabilities, TargetPage,
};
use model::schema::DirectoryDefinition;
use model::{Anchor, Name, Object, Value};

use crate::faults::Method;
use crate::held;

/// One call of a target, without its answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// What was asked for.
    pub method: Method,
    /// The object type, where one was named.
    pub kind: Option<Name>,
    /// The object, where one was named.
    pub anchor: Option<Anchor>,
    /// Of `Find`, the attribute and the value; of `Create` and `Update`, attributes and new values.
    pub values: Vec<(Name, Value)>,
    /// Of `UpdateReferences`, the change.
    pub references: Option<ReferenceChange>,
    /// True where the call succeeded.
    pub succeeded: bool,
}

/// A target that passes every call on to another and remembers it. Clones share the memory.
#[derive(Clone)]
pub struct RecordingTarget {
    inner: Arc<dyn Target>,
    calls: Arc<Mutex<Vec<Call>>>,
}

impl RecordingTarget {
    /// Records what passes to `inner`.
    #[must_use]
    pub fn new(inner: Arc<dyn Target>) -> Self {
        Self { inner, calls: Arc::default() }
    }

    /// The calls so far, oldest first, by the moment of their answer.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        held(&self.calls).clone()
    }

    /// The calls so far, which are then forgotten.
    #[must_use]
    pub fn take_calls(&self) -> Vec<Call> {
        std::mem::take(&mut held(&self.calls))
    }

    fn note<T>(&self, answer: Result<T>, call: Call) -> Result<T> {
        held(&self.calls).push(Call { succeeded: answer.is_ok(), ..call });
        answer
    }
}

fn call(method: Method, kind: Option<&Name>, anchor: Option<&Anchor>) -> Call {
    Call {
        method,
        kind: kind.cloned(),
        anchor: anchor.cloned(),
        values: Vec::new(),
        references: None,
        succeeded: false,
    }
}

fn values(changes: &ChangeSet) -> Vec<(Name, Value)> {
    changes.changes.iter().map(|change| (change.attribute.clone(), change.new.clone())).collect()
}

#[async_trait]
impl Target for RecordingTarget {
    fn capabilities(&self) -> &TargetCapabilities {
        self.inner.capabilities()
    }

    async fn check(&self) -> Result<()> {
        self.note(self.inner.check().await, call(Method::Check, None, None))
    }

    async fn discover(&self) -> Result<DirectoryDefinition> {
        self.note(self.inner.discover().await, call(Method::Discover, None, None))
    }

    async fn find(
        &self,
        selection: &Selection,
        attribute: &Name,
        value: &Value,
        case_exact: bool,
    ) -> Result<Vec<Object>> {
        let answer = self.inner.find(selection, attribute, value, case_exact).await;
        let values = vec![(attribute.clone(), value.clone())];
        self.note(answer, Call { values, ..call(Method::Find, Some(&selection.kind), None) })
    }

    async fn read(&self, selection: &Selection, anchor: &Anchor) -> Result<Option<Object>> {
        let answer = self.inner.read(selection, anchor).await;
        self.note(answer, call(Method::Read, Some(&selection.kind), Some(anchor)))
    }

    async fn create(&self, selection: &Selection, changes: &ChangeSet) -> Result<Object> {
        let answer = self.inner.create(selection, changes).await;
        let anchor = answer.as_ref().ok().map(|object| object.anchor.clone());
        let call = call(Method::Create, Some(&selection.kind), anchor.as_ref());
        self.note(answer, Call { values: values(changes), ..call })
    }

    async fn update(
        &self,
        selection: &Selection,
        anchor: &Anchor,
        changes: &ChangeSet,
    ) -> Result<Option<Object>> {
        let answer = self.inner.update(selection, anchor, changes).await;
        let call = call(Method::Update, Some(&selection.kind), Some(anchor));
        self.note(answer, Call { values: values(changes), ..call })
    }

    async fn update_references(&self, kind: &Name, anchor: &Anchor, change: &ReferenceChange) -> Result<()> {
        let answer = self.inner.update_references(kind, anchor, change).await;
        let call = call(Method::UpdateReferences, Some(kind), Some(anchor));
        self.note(answer, Call { references: Some(change.clone()), ..call })
    }

    async fn references(
        &self,
        kind: &Name,
        anchor: &Anchor,
        attribute: &Name,
        cursor: Option<&Cursor>,
    ) -> Result<Option<ReferencePage>> {
        let answer = self.inner.references(kind, anchor, attribute, cursor).await;
        self.note(answer, call(Method::Read, Some(kind), Some(anchor)))
    }

    async fn delete(&self, kind: &Name, anchor: &Anchor) -> Result<()> {
        let answer = self.inner.delete(kind, anchor).await;
        self.note(answer, call(Method::Delete, Some(kind), Some(anchor)))
    }

    async fn list(&self, selection: &Selection, cursor: Option<&Cursor>) -> Result<TargetPage> {
        let answer = self.inner.list(selection, cursor).await;
        self.note(answer, call(Method::List, Some(&selection.kind), None))
    }
}

/// A factory that hands out the source and the target that a test made, whatever the configuration.
#[derive(Clone)]
pub struct SharedFactory {
    name: &'static str,
    source: Option<Arc<dyn Source>>,
    target: Arc<Mutex<Option<Arc<dyn Target>>>>,
    identity: Arc<Mutex<String>>,
}

impl SharedFactory {
    /// A factory of connectors called `memory`.
    #[must_use]
    pub fn memory(source: Arc<dyn Source>, target: Arc<dyn Target>) -> Self {
        Self { source: Some(source), ..Self::of_target("memory", target) }
    }

    /// A factory of a source alone.
    #[must_use]
    pub fn of_source(name: &'static str, source: Arc<dyn Source>) -> Self {
        Self { source: Some(source), ..Self::named(name) }
    }

    /// A factory of a target alone.
    #[must_use]
    pub fn of_target(name: &'static str, target: Arc<dyn Target>) -> Self {
        Self { target: Arc::new(Mutex::new(Some(target))), ..Self::named(name) }
    }

    /// From now on the other side has another identity, as if its address had been changed.
    pub fn move_to(&self, identity: &str) {
        identity.clone_into(&mut held(&self.identity));
    }

    /// From now on the other side is another one, of another identity.
    pub fn replace_target(&self, identity: &str, target: Arc<dyn Target>) {
        *held(&self.target) = Some(target);
        self.move_to(identity);
    }

    fn named(name: &'static str) -> Self {
        Self { name, source: None, target: Arc::default(), identity: Arc::new(Mutex::new(name.to_owned())) }
    }

    fn lacking(&self, side: &str) -> ConfigurationError {
        ConfigurationError::missing(side, format!("the connector '{}' has no {side}", self.name))
    }
}

#[async_trait]
impl Factory for SharedFactory {
    fn name(&self) -> &'static str {
        self.name
    }

    fn validate_source(&self, _configuration: &Configuration) -> std::result::Result<(), ConfigurationError> {
        self.source.as_ref().map(|_| ()).ok_or_else(|| self.lacking("source"))
    }

    fn validate_target(&self, _configuration: &Configuration) -> std::result::Result<(), ConfigurationError> {
        held(&self.target).as_ref().map(|_| ()).ok_or_else(|| self.lacking("target"))
    }

    fn identity(&self, _configuration: &Configuration) -> String {
        held(&self.identity).clone()
    }

    async fn source(&self, _configuration: &Configuration) -> Result<Arc<dyn Source>> {
        self.source.clone().ok_or_else(|| unconfigured(&self.lacking("source")))
    }

    async fn target(&self, _configuration: &Configuration) -> Result<Arc<dyn Target>> {
        held(&self.target).clone().ok_or_else(|| unconfigured(&self.lacking("target")))
    }
}

fn unconfigured(error: &ConfigurationError) -> connector::ConnectorError {
    connector::ConnectorError::new(connector::ErrorClass::Permanent, error.to_string())
}
