//! Creating, updating and deleting objects.

use connector::{AttributeChange, ChangeKind, ChangeSet, ConnectorError, ErrorClass, Result, Selection};
use model::{Anchor, FailureCode, Name, Object, Value};
use reqwest::Method;
use reqwest::StatusCode;
use scim::build::{BuildError, Edit, EditKind, PatchProfile, entra_resource, has_value, resource};
use scim::patch::Form;
use scim::schema::ENTERPRISE_USER;
use scim::{Path, ResourceSchema, ScimType};
use serde_json::Value as Json;

use crate::answer::{Answer, id_of, id_of_location};
use crate::discovery::Kind;
use crate::reading::{Shape, cannot_be_written};
use crate::target::{ScimTarget, path_of};
use crate::wire::Reading;

impl ScimTarget {
    pub(crate) async fn create_object(&self, selection: &Selection, changes: &ChangeSet) -> Result<Object> {
        let kind = self.service().await?.kind(&selection.kind)?;
        let values: Result<Vec<(Path, Value)>> = changes
            .changes
            .iter()
            .map(|change| Ok((path_of(&change.attribute)?, change.new.clone())))
            .collect();
        let body = self.new_resource(kind, &selection.kind, &values?).map_err(|error| unfit(&error))?;
        let shape = Shape::new(selection)?;
        let url = self.client.url(&kind.endpoint, None, &[])?;
        let answer = self.client.send(Method::POST, url, Some(&body), None, Reading::Whole).await?;
        if answer.status == StatusCode::NOT_FOUND {
            return Err(answer.incompatible("where a new resource was expected; correct BaseAddress"));
        }
        let answer = answer.granted()?;
        let created: Json = if answer.is_empty() { Json::Null } else { answer.json("the new resource")? };
        match id_of(&created).or_else(|| answer.location().and_then(id_of_location)) {
            Some(id) => Ok(shape.object_with(&created, kind, Anchor::new(id))),
            None => Err(answer.incompatible("where a new resource with an id was expected")),
        }
    }

    fn new_resource(
        &self,
        kind: &Kind,
        name: &Name,
        values: &[(Path, Value)],
    ) -> std::result::Result<Json, BuildError> {
        let mut body = if self.patch_profile.is_entra() {
            let is_enterprise = name.eq_ignore_ascii_case(ENTERPRISE_USER);
            entra_resource(&kind.schema, &kind.resource_type.name, is_enterprise, values)?
        } else {
            resource(&kind.schema, values, self.quirks.extensions)?
        };
        if let Some(members) = body.get_mut("members") {
            self.add_member_references(members);
        }
        Ok(body)
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
        let recent = self.recent.take(kind, anchor);
        if !service.patch {
            let (updated, answer) = self.replace(kind, anchor, &edits).await?;
            let updated = shape.object(&updated, kind, &answer)?;
            return self.same_object(anchor, updated, &answer).map(Some);
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
        let answer = match self.patch(kind, anchor, &edits, Reading::Done).await? {
            Some(answer) => self.granted_patch(answer, &edits)?,
            None => return Ok(None),
        };
        if answer.shows_nothing() {
            return Ok(None);
        }
        // Only an answer with an id shows the resource; others say that something was done.
        let updated: Json = answer.json("the changed resource")?;
        let Some(id) = id_of(&updated) else { return Ok(None) };
        let updated = shape.object_with(&updated, kind, Anchor::new(id));
        self.same_object(anchor, updated, &answer).map(Some)
    }

    /// An answer that shows another object than the one that was changed is believed only of services whose ids change.
    fn same_object(&self, anchor: &Anchor, shown: Object, answer: &Answer) -> Result<Object> {
        if shown.anchor == *anchor || self.quirks.ids_change {
            return Ok(shown);
        }
        let detail = format!(
            "{} answered with the id \"{}\" in place of \"{anchor}\"; if the target gives objects other ids, set \
             Target.IdsChange to true",
            answer.asked(),
            shown.anchor
        );
        Err(ConnectorError::new(ErrorClass::Permanent, detail).code(FailureCode::ServiceIncompatible))
    }

    /// Sends edits as a PATCH request; none where there is nothing to send.
    ///
    /// The answer may hold all members of a group, and is not asked for without them: there are services that change,
    /// and keep, what they have read under `excludedAttributes`.
    pub(crate) async fn patch(
        &self,
        kind: &Kind,
        anchor: &Anchor,
        edits: &[Edit],
        reading: Reading,
    ) -> Result<Option<Answer>> {
        let request = self.patch_profile.request(edits, &kind.schema).map_err(|error| unfit(&error))?;
        let Some(mut request) = request else { return Ok(None) };
        for operation in &mut request.operations {
            if let (Some("members"), Some(members)) = (operation.path.as_deref(), &mut operation.value) {
                self.add_member_references(members);
            }
        }
        let body = serde_json::to_value(request).map_err(|error| {
            ConnectorError::new(ErrorClass::Permanent, format!("the request cannot be written: {error}"))
        })?;
        let url = self.client.url(&kind.endpoint, Some(anchor.as_str()), &[])?;
        self.client.send(Method::PATCH, url, Some(&body), None, reading).await.map(Some)
    }

    /// The answer to a PATCH request, with advice where the service does not take its form.
    pub(crate) fn granted_patch(&self, answer: Answer, edits: &[Edit]) -> Result<Answer> {
        const PUT: &str = "set Target.Patch to false so that changes are sent as PUT";
        let filtered = edits.iter().find(|edit| edit.path.filter().is_some()).map(|edit| &edit.path);
        let is_path = matches!(
            answer.scim_type(),
            Some(ScimType::InvalidPath | ScimType::InvalidFilter | ScimType::NoTarget)
        );
        let advice = match (answer.status, filtered) {
            (StatusCode::NOT_IMPLEMENTED, Some(path)) => {
                format!("the target may not take paths with a filter, such as {path}: {PUT}")
            }
            (StatusCode::BAD_REQUEST, Some(path)) if is_path => format!(
                "the target may not take paths with a filter, such as {path}: try another ScimPatchProfile, or {PUT}"
            ),
            (StatusCode::NOT_IMPLEMENTED | StatusCode::METHOD_NOT_ALLOWED, None) => {
                format!("if the target cannot PATCH, {PUT}")
            }
            (StatusCode::BAD_REQUEST, _) if self.patch_profile == PatchProfile::AzureAdScimPatch2017 => {
                "the profile AzureAdScimPatch2017 sends every value as a text and names removed members in a value, \
                 which this target may not take: try aadOptscim062020 or rfc7644"
                    .to_owned()
            }
            _ => return answer.granted(),
        };
        Err(answer.refused_with(&advice))
    }

    /// Changes a resource of a service without PATCH: reads all of it, merges the edits, and writes it back on the
    /// condition that nobody else changed it meanwhile, where the service has entity tags. Where somebody did, it is
    /// read and written once more.
    pub(crate) async fn replace(
        &self,
        kind: &Kind,
        anchor: &Anchor,
        edits: &[Edit],
    ) -> Result<(Json, Answer)> {
        let written = self.replace_once(kind, anchor, edits).await?;
        if written.1.status != StatusCode::PRECONDITION_FAILED {
            return written.1.granted().map(|answer| (written.0, answer));
        }
        let (updated, answer) = self.replace_once(kind, anchor, edits).await?;
        answer.granted().map(|answer| (updated, answer))
    }

    async fn replace_once(&self, kind: &Kind, anchor: &Anchor, edits: &[Edit]) -> Result<(Json, Answer)> {
        let (mut present, answer) = self.resource(kind, anchor, true).await?;
        let mut edits = edits.to_vec();
        for edit in &mut edits {
            edit.exists = has_value(&present, &edit.path, &kind.schema);
        }
        let merged =
            |error: scim::Error| answer.incompatible(&format!("into which the changes do not fit: {error}"));
        let request = PatchProfile::Rfc7644.request(&edits, &kind.schema).map_err(|error| unfit(&error))?;
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
        if let Some(members) = present.get_mut("members") {
            self.add_member_references(members);
        }
        let url = self.client.url(&kind.endpoint, Some(anchor.as_str()), &[])?;
        let answer =
            self.client.send(Method::PUT, url, Some(&present), tag.as_deref(), Reading::Done).await?;
        if !answer.status.is_success() || answer.shows_nothing() {
            return Ok((present, answer));
        }
        // Only an answer with an id shows the resource, as for PATCH.
        let shown: Json = answer.json("the changed resource")?;
        Ok((if id_of(&shown).is_some() { shown } else { present }, answer))
    }

    pub(crate) async fn delete_object(&self, kind: &Name, anchor: &Anchor) -> Result<()> {
        let kind = self.service().await?.kind(kind)?;
        let url = self.client.url(&kind.endpoint, Some(anchor.as_str()), &[])?;
        self.client.send(Method::DELETE, url, None, None, Reading::Verdict).await?.granted().map(drop)
    }
}

/// A value that does not fit into a request.
fn unfit(error: &BuildError) -> ConnectorError {
    cannot_be_written(&Name::from(error.path.as_str()), error)
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
