//! PATCH operations as RFC 7644 §3.5.2 has them.

use model::Value;
use serde_json::Value as Json;

use super::patch::{Edit, EditKind};
use super::resource::part_json;
use super::value::to_json;
use super::{BuildError, element, typed_filter};
use crate::filter::Filter;
use crate::json;
use crate::message::PatchOperation;
use crate::path::{AttributePath, Path};
use crate::schema::{Attribute, ResourceSchema};

/// The operations of these edits, in their order.
pub(super) fn operations(edits: &[Edit], schema: &ResourceSchema) -> Result<Vec<PatchOperation>, BuildError> {
    let mut writer = Writer { schema, operations: Vec::new(), fresh: Vec::new() };
    for edit in edits {
        writer.write(edit).map_err(|error| error.at(&edit.path))?;
    }
    Ok(writer.operations)
}

struct Writer<'a> {
    schema: &'a ResourceSchema,
    operations: Vec<PatchOperation>,
    /// Values that are being added: the filtered path without sub-attribute, and the place of its operation.
    fresh: Vec<(Path, usize)>,
}

impl Writer<'_> {
    fn write(&mut self, edit: &Edit) -> Result<(), BuildError> {
        let path = self.schema.settle(edit.path.clone());
        let Some(attribute) = path.attribute().cloned() else {
            return Err(BuildError::new(&path, "the path names a schema; an attribute of it must follow"));
        };
        let known = self.schema.whole_attribute(&attribute);
        match (&edit.kind, path.filter()) {
            (EditKind::Set(value), _) if value.is_null() => {
                self.remove(edit.exists, &path, &attribute, known);
            }
            (EditKind::Add(value) | EditKind::Remove(value), _) if value.is_null() => {}
            (EditKind::Set(value) | EditKind::Add(value), Some(filter)) => {
                self.write_element(edit.exists, &path, &attribute, filter, value)?;
            }
            (EditKind::Set(value), None) => {
                let op = if edit.exists { "replace" } else { "add" };
                self.push(op, &path, Some(json_at(value, &attribute, known)?));
            }
            (EditKind::Add(value), None) => self.push("add", &path, Some(json_at(value, &attribute, known)?)),
            (EditKind::Remove(_), Some(_)) => self.remove(edit.exists, &path, &attribute, known),
            (EditKind::Remove(value), None) => {
                for one in value.values() {
                    let one = part_json(one, &attribute.whole(), known)?;
                    self.push("remove", &value_path(&attribute, &one), None);
                }
            }
        }
        Ok(())
    }

    fn push(&mut self, op: &str, path: &Path, value: Option<Json>) {
        self.operations.push(PatchOperation { op: op.to_owned(), path: Some(path.to_string()), value });
    }

    /// Removing the `value` of a filtered value removes that value: what would be left means nothing.
    fn remove(&mut self, exists: bool, path: &Path, attribute: &AttributePath, known: Option<&Attribute>) {
        if !exists {
            return;
        }
        let path = match path.filter() {
            Some(filter) => {
                let whole = attribute.sub_attribute.as_ref().is_none_or(|name| name.is("value"));
                let attribute = if whole { attribute.whole() } else { attribute.clone() };
                Path::Values { attribute, filter: typed_filter(filter, known) }
            }
            None => path.clone(),
        };
        self.push("remove", &path, None);
    }

    fn write_element(
        &mut self,
        exists: bool,
        path: &Path,
        attribute: &AttributePath,
        filter: &Filter,
        value: &Value,
    ) -> Result<(), BuildError> {
        let known = self.schema.whole_attribute(attribute);
        let value = part_json(value, attribute, known)?;
        let part = attribute.sub_attribute.as_ref().map_or("value", |name| name.as_str()).to_owned();
        let filter = typed_filter(filter, known);
        if exists {
            let attribute = attribute.clone().with_sub_attribute(part.as_str());
            self.push("replace", &Path::Values { attribute, filter }, Some(value));
            return Ok(());
        }
        // Services answer noTarget to a filter that meets nothing, also where the operation is `add`. A whole value
        // added to the attribute is understood by all.
        let target = Path::Values { attribute: attribute.whole(), filter: filter.clone() };
        if let Some((_, at)) = self.fresh.iter().find(|(fresh, _)| *fresh == target) {
            if let Some(existing) = self.operations.get_mut(*at).and_then(fresh_entries) {
                json::set(existing, &part, value);
            }
            return Ok(());
        }
        let mut entries = element(path, &filter, known)?;
        json::set(&mut entries, &part, value);
        self.fresh.push((target, self.operations.len()));
        let value = Json::Array(vec![Json::Object(entries)]);
        self.push("add", &Path::Attribute(attribute.whole()), Some(value));
        Ok(())
    }
}

/// A value as the attribute, or the sub-attribute that the path ends in, holds it.
pub(super) fn json_at(
    value: &Value,
    attribute: &AttributePath,
    known: Option<&Attribute>,
) -> Result<Json, BuildError> {
    match &attribute.sub_attribute {
        Some(_) => part_json(value, attribute, known),
        None => to_json(value, attribute, known),
    }
}

/// The value that an operation adds.
fn fresh_entries(operation: &mut PatchOperation) -> Option<&mut json::Entries> {
    operation.value.as_mut()?.as_array_mut()?.first_mut()?.as_object_mut()
}

/// `attribute[value eq …]`.
pub(super) fn value_path(attribute: &AttributePath, value: &Json) -> Path {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let filter = Filter::equal(AttributePath::new("value"), text.as_str());
    Path::Values { attribute: attribute.whole(), filter }
}
