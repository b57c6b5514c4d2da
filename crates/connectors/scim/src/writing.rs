//! Creating, updating and deleting objects.

use connector::{AttributeChange, ChangeKind, ChangeSet, ConnectorError, ErrorClass, Result, Selection};
use model::{Anchor, Name, Object, Value};
use reqwest::Method;
use scim::build::{Edit, EditKind, PatchProfile, has_value, resource};
use scim::patch::Form;
use scim::{Path, ResourceSchema};
use serde_json::Value as Json;

use crate::answer::{Answer, id_of, id_of_location};
use crate::discovery::Kind;
use crate::reading::{Shape, cannot_be_written};
use crate::target::{ScimTarget, path_of};

impl ScimTarget {
    pub(crate) async fn create_object(&self, selection: &Selection, changes: &ChangeSet) -> Result<Object> {
        let kind = self.service().await?.kind(&selection.kind)?;
        let values: Result<Vec<(Path, Value)>> = changes
            .changes
            .iter()
            .map(|change| Ok((path_of(&change.attribute)?, change.new.clone())))
            .collect();
        let body = resource(&kind.schema, &values?).map_err(|error| {
            let attribute = Name::from(error.path.as_str());
            cannot_be_written(&attribute, &error)
        })?;
        let shape = Shape::new(selection)?;
        let url = self.client.url(&kind.endpoint, None, &[])?;
        let answer = self.client.send(Method::POST, url, Some(&body), None).await?;
        if answer.status == reqwest::StatusCode::NOT_FOUND {
            return Err(answer.incompatible("where a new resource was expected; correct BaseAddress"));
        }
        let answer = answer.granted()?;
        let created: Json = if answer.is_empty() { Json::Null } else { answer.json("the new resource")? };
        match id_of(&created).or_else(|| answer.location().and_then(id_of_location)) {
            Some(id) => Ok(shape.object_with(&created, kind, Anchor::new(id))),
            None => Err(answer.incompatible("where a new resource with an id was expected")),
        }
    }

    pub(crate) async fn update_object(
        &self,
        selection: &Selection,
        anchor: &Anchor,
        changes: &ChangeSet,
    ) -> Result<Option<Object>> {
        let service = self.service().await?;
        let kind = service.kind(&selection.kind)?;
        let shape = Shape::new(selection)?;
        let mut edits = edits(&changes.changes, &kind.schema)?;
        let recent = self.recent.take(anchor);
        if !service.patch {
            let (updated, answer) = self.replace(kind, anchor, edits).await?;
            return shape.object(&updated, kind, &answer).map(Some);
        }
        if edits.iter().any(|edit| edit.path.filter().is_some() && !edit.exists) {
            // Whether the target has such a value decides the form of the request.
            let present = match recent {
                Some(present) => present,
                None => self.resource(kind, anchor, false).await?.0,
            };
            for edit in &mut edits {
                edit.exists |= has_value(&present, &edit.path, &kind.schema);
            }
        }
        let answer = match self.patch(kind, anchor, &edits).await? {
            Some(answer) => answer.granted()?,
            None => return Ok(None),
        };
        if answer.is_empty() {
            return Ok(None);
        }
        // Only an answer with an id shows the resource; others say that something was done.
        let updated: Json = answer.json("the changed resource")?;
        Ok(id_of(&updated).map(|id| shape.object_with(&updated, kind, Anchor::new(id))))
    }

    /// Sends edits as a PATCH request; none where there is nothing to send.
    pub(crate) async fn patch(&self, kind: &Kind, anchor: &Anchor, edits: &[Edit]) -> Result<Option<Answer>> {
        let request = self.patch_profile.request(edits, &kind.schema).map_err(|error| {
            let attribute = Name::from(error.path.as_str());
            cannot_be_written(&attribute, &error)
        })?;
        let Some(request) = request else { return Ok(None) };
        let body = serde_json::to_value(request).map_err(|error| {
            ConnectorError::new(ErrorClass::Permanent, format!("the request cannot be written: {error}"))
        })?;
        let url = self.client.url(&kind.endpoint, Some(anchor.as_str()), &[])?;
        self.client.send(Method::PATCH, url, Some(&body), None).await.map(Some)
    }

    /// Changes a resource of a service without PATCH: reads all of it, merges the edits, and writes it back on the
    /// condition that nobody else changed it meanwhile, where the service has entity tags.
    pub(crate) async fn replace(
        &self,
        kind: &Kind,
        anchor: &Anchor,
        mut edits: Vec<Edit>,
    ) -> Result<(Json, Answer)> {
        let (mut present, answer) = self.resource(kind, anchor, true).await?;
        for edit in &mut edits {
            edit.exists = has_value(&present, &edit.path, &kind.schema);
        }
        let merged =
            |error: scim::Error| answer.incompatible(&format!("into which the changes do not fit: {error}"));
        let request = PatchProfile::Rfc7644.request(&edits, &kind.schema).map_err(|error| {
            let attribute = Name::from(error.path.as_str());
            cannot_be_written(&attribute, &error)
        })?;
        let changed = match request {
            Some(request) => {
                scim::patch::apply(&mut present, &request, &kind.schema, Form::Entra).map_err(merged)?
            }
            None => false,
        };
        if !changed {
            return Ok((present, answer));
        }
        let tag = answer
            .etag()
            .or_else(|| present.pointer("/meta/version").and_then(Json::as_str))
            .map(str::to_owned);
        if let Json::Object(entries) = &mut present {
            entries.remove("meta");
        }
        let url = self.client.url(&kind.endpoint, Some(anchor.as_str()), &[])?;
        let answer = self.client.send(Method::PUT, url, Some(&present), tag.as_deref()).await?.granted()?;
        let updated = if answer.is_empty() { present } else { answer.json("the changed resource")? };
        Ok((updated, answer))
    }

    pub(crate) async fn delete_object(&self, kind: &Name, anchor: &Anchor) -> Result<()> {
        let kind = self.service().await?.kind(kind)?;
        let url = self.client.url(&kind.endpoint, Some(anchor.as_str()), &[])?;
        self.client.send(Method::DELETE, url, None, None).await?.granted().map(drop)
    }
}

/// The changes of attributes as edits.
fn edits(changes: &[AttributeChange], schema: &ResourceSchema) -> Result<Vec<Edit>> {
    changes
        .iter()
        .map(|change| {
            let path = path_of(&change.attribute)?;
            let known = path.attribute().and_then(|attribute| schema.whole_attribute(attribute));
            // Adding to a multi-valued attribute would join the values, and what is not known to be there may be.
            let exists = !change.old.is_null()
                || (path.filter().is_none()
                    && (change.new.is_null() || known.is_some_and(|known| known.multi_valued)));
            let kind = match change.kind {
                ChangeKind::Set => EditKind::Set(change.new.clone()),
                ChangeKind::Add => EditKind::Add(change.new.clone()),
            };
            Ok(Edit { path, kind, exists })
        })
        .collect()
}
