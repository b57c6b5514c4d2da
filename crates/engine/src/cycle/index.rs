//! The index of what the target held when an initial cycle began: one listing in the place of a query per object.

use std::collections::BTreeMap;

use connector::Selection;
use model::{Anchor, Name, Object};
use store::{IndexedObject, Result};
use sync::Mapping;

use super::Cycle;
use super::listing::Listing;
use super::prepared::target_selection;
use super::results::Halt;
use super::send::SendError;

impl Cycle<'_> {
    pub(crate) fn is_indexed(&self, kind: &Name) -> bool {
        self.indexed.contains_key(kind)
    }

    pub(crate) fn is_index_empty(&self, kind: &Name) -> bool {
        self.indexed.get(kind) == Some(&0)
    }

    /// In an initial cycle, lists the target types that can be listed.
    pub(crate) async fn list_target(&mut self) -> Result<Option<Halt>> {
        if !self.initial {
            return Ok(None);
        }
        self.index_target(&|mapping: &Mapping| Some(target_selection(mapping))).await
    }

    /// Lists what is wanted of the target types of mappings, where they can be listed.
    pub(crate) async fn index_target(
        &mut self,
        wanted: &(dyn Fn(&Mapping) -> Option<Selection> + Sync),
    ) -> Result<Option<Halt>> {
        // A listing that was interrupted, or that is of before an interruption, may no longer be so.
        self.services.store.clear_index(&self.prepared.job.id).await?;
        for (selection, keys) in self.listings(wanted) {
            if !self.prepared.target.capabilities().of(&selection.kind).list {
                continue;
            }
            match self.list(&selection, &keys).await? {
                Ok(count) => {
                    self.indexed.insert(selection.kind, count);
                }
                Err(SendError::Stopped) => return Ok(Some(Halt::Stopped)),
                // A target that cannot be listed after all is asked object by object.
                Err(SendError::Target(error)) => {
                    if sync::is_about_the_target(&error.class) && self.prepared.target.check().await.is_err()
                    {
                        return Ok(Some(Halt::Unusable(error.failure())));
                    }
                    tracing::info!(job = %self.prepared.job.id, kind = %selection.kind, %error, "cannot list the target");
                }
            }
        }
        Ok(None)
    }

    /// What is listed of each target type, and the attributes by which it is found.
    fn listings(
        &self,
        wanted: &(dyn Fn(&Mapping) -> Option<Selection> + Sync),
    ) -> Vec<(Selection, Vec<Name>)> {
        let mut listings: BTreeMap<Name, (Selection, Vec<Name>)> = BTreeMap::new();
        let mappings = self.prepared.program.rules.iter().flat_map(|rule| &rule.mappings);
        for mapping in mappings {
            let Some(selection) = wanted(mapping) else { continue };
            let listing = listings.entry(mapping.target_kind.clone()).or_insert_with(|| {
                (Selection { kind: mapping.target_kind.clone(), ..Selection::default() }, Vec::new())
            });
            merge(&mut listing.0.attributes, selection.attributes);
            merge(&mut listing.1, matching_attributes(mapping));
        }
        listings.into_values().collect()
    }

    async fn list(
        &self,
        selection: &Selection,
        keys: &[Name],
    ) -> Result<std::result::Result<u64, SendError>> {
        let redacted = self.redacted(&selection.kind);
        let mut listing = Listing::begin(self.services, self.prepared, self.stop, selection.clone());
        let mut count = 0;
        loop {
            let page = match listing.page().await {
                Ok(Some(page)) => page,
                Ok(None) => return Ok(Ok(count)),
                Err(error) => return Ok(Err(error)),
            };
            count += u64::try_from(page.new.len()).unwrap_or(0);
            self.live.begin_part("objects of the target", count, 0, None);
            let objects = page.new.into_iter().chain(page.again);
            let objects: Vec<_> =
                objects.map(|object| self.indexed_object(object, keys, &redacted)).collect::<Result<_>>()?;
            if !objects.is_empty() {
                self.services.store.put_index(&self.prepared.job.id, objects).await?;
            }
        }
    }

    fn indexed_object(&self, object: Object, keys: &[Name], redacted: &[&Name]) -> Result<IndexedObject> {
        let values =
            keys.iter().flat_map(|name| object.get(name).values().iter().map(move |value| (name, value)));
        let keys =
            values.map(|(name, value)| (name.clone(), self.key_in_index(name, value, redacted))).collect();
        Ok(IndexedObject { object: self.seal(object, redacted)?, keys })
    }

    /// Of accounts that were written, those that are in the index, which no longer says the truth about them.
    pub(crate) fn outdated_by_kind(&self, outdated: Vec<(Name, Anchor)>) -> BTreeMap<Name, Vec<Anchor>> {
        let mut by_kind: BTreeMap<Name, Vec<Anchor>> = BTreeMap::new();
        for (kind, anchor) in outdated.into_iter().filter(|(kind, _)| self.is_indexed(kind)) {
            by_kind.entry(kind).or_default().push(anchor);
        }
        by_kind
    }
}

fn matching_attributes(mapping: &Mapping) -> Vec<Name> {
    mapping.matching().map(|flow| flow.attribute.clone()).collect()
}

fn merge(into: &mut Vec<Name>, more: Vec<Name>) {
    for name in more {
        if !into.contains(&name) {
            into.push(name);
        }
    }
}
