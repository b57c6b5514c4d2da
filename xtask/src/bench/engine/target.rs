//! A target that keeps nothing.

use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use connector::{
    ChangeSet, Cursor, ReferenceChange, Result, Selection, Target, TargetCapabilities, TargetPage,
};
use model::schema::DirectoryDefinition;
use model::{Anchor, Attributes, Name, Object, Value};

/// A target that takes every write, answers as if it kept it, and keeps nothing. Good for one initial cycle.
#[derive(Default)]
pub(super) struct ForgetfulTarget {
    capabilities: TargetCapabilities,
    made: AtomicU64,
}

#[async_trait]
impl Target for ForgetfulTarget {
    fn capabilities(&self) -> &TargetCapabilities {
        &self.capabilities
    }

    async fn check(&self) -> Result<()> {
        Ok(())
    }

    async fn discover(&self) -> Result<DirectoryDefinition> {
        Ok(DirectoryDefinition::default())
    }

    async fn find(&self, _: &Selection, _: &Name, _: &Value, _: bool) -> Result<Vec<Object>> {
        Ok(Vec::new())
    }

    async fn read(&self, _: &Selection, _: &Anchor) -> Result<Option<Object>> {
        Ok(None)
    }

    async fn create(&self, selection: &Selection, changes: &ChangeSet) -> Result<Object> {
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        let values = changes.changes.iter().map(|change| (change.attribute.clone(), change.new.clone()));
        Ok(Object {
            kind: selection.kind.clone(),
            anchor: Anchor::new(format!("t{number}")),
            attributes: values.collect::<Attributes>(),
        })
    }

    async fn update(&self, _: &Selection, _: &Anchor, _: &ChangeSet) -> Result<Option<Object>> {
        Ok(None)
    }

    async fn update_references(&self, _: &Name, _: &Anchor, _: &ReferenceChange) -> Result<()> {
        Ok(())
    }

    async fn delete(&self, _: &Name, _: &Anchor) -> Result<()> {
        Ok(())
    }

    async fn list(&self, _: &Selection, _: Option<&Cursor>) -> Result<TargetPage> {
        Ok(TargetPage { objects: Vec::new(), next: None, total: None })
    }
}
