//! PATCH operations as the provisioning service of Microsoft Entra sends them.

use model::Value;
use serde_json::{Value as Json, json};

use super::BuildError;
use super::patch::{Edit, EditKind};
use super::resource::part_json;
use super::rfc7644::{json_at, value_path};
use super::value::text;
use crate::json::Entries;
use crate::message::PatchOperation;
use crate::path::{AttributePath, Path};
use crate::schema::ResourceSchema;

#[cfg(test)]
mod tests;

/// How Entra speaks to an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// With the flag `aadOptscim062020`.
    Flagged,
    /// Without.
    Unflagged,
}

/// The operations of these edits. What has its own operation comes first, in the order of the edits; then, where the
/// address is flagged, the plain attributes together.
pub(super) fn operations(
    edits: &[Edit],
    schema: &ResourceSchema,
    dialect: Dialect,
) -> Result<Vec<PatchOperation>, BuildError> {
    let mut writer = Writer { schema, dialect, operations: Vec::new(), plain: Vec::new() };
    for edit in edits {
        writer.write(edit).map_err(|error| error.at(&edit.path))?;
    }
    Ok(writer.finish())
}

/// What an operation does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Op {
    Add,
    Replace,
    Remove,
}

struct Writer<'a> {
    schema: &'a ResourceSchema,
    dialect: Dialect,
    operations: Vec<PatchOperation>,
    /// Single values at paths without a filter, which share an operation.
    plain: Vec<(Op, String, Json)>,
}

impl Writer<'_> {
    fn write(&mut self, edit: &Edit) -> Result<(), BuildError> {
        let settled = self.schema.settle(edit.path.clone());
        let Some(attribute) = settled.attribute() else {
            let reason = "the path names a schema; an attribute of it must follow";
            return Err(BuildError::new(&edit.path, reason));
        };
        let set = if edit.exists { Op::Replace } else { Op::Add };
        match &edit.kind {
            EditKind::Set(value) if value.is_null() => {
                if edit.exists {
                    self.push(Op::Remove, &edit.path, None);
                }
            }
            EditKind::Add(value) | EditKind::Remove(value) if value.is_null() => {}
            EditKind::Set(value) => self.put(set, edit, attribute, value)?,
            EditKind::Add(value) => {
                let op = if edit.path.filter().is_some() { set } else { Op::Add };
                self.put(op, edit, attribute, value)?;
            }
            EditKind::Remove(_) if edit.path.filter().is_some() => self.push(Op::Remove, &edit.path, None),
            EditKind::Remove(value) => self.take(edit, attribute, value)?,
        }
        Ok(())
    }

    fn put(
        &mut self,
        op: Op,
        edit: &Edit,
        attribute: &AttributePath,
        value: &Value,
    ) -> Result<(), BuildError> {
        let known = self.schema.whole_attribute(attribute);
        if edit.path.filter().is_some() {
            let value = self.simple(part_json(value, attribute, known)?);
            self.push(op, &edit.path, Some(value));
            return Ok(());
        }
        let is_whole = attribute.sub_attribute.is_none();
        let several = known.map_or(matches!(value, Value::List(_)), |known| known.multi_valued);
        if several && is_whole {
            let value = self.elements(value, json_at(value, attribute, known)?);
            self.push(op, &edit.path, Some(value));
            return Ok(());
        }
        if is_whole
            && (is_reference(value) || known.is_some_and(crate::schema::Attribute::refers_to_resources))
        {
            // A single reference is the bare id, whatever the schema says.
            self.push(op, &edit.path, Some(text(value).into()));
            return Ok(());
        }
        let value = self.simple(json_at(value, attribute, known)?);
        match self.dialect {
            Dialect::Flagged => self.plain.push((op, edit.path.to_string(), value)),
            Dialect::Unflagged => self.push(op, &edit.path, Some(value)),
        }
        Ok(())
    }

    /// The elements of a multi-valued attribute. References come with an empty `$ref`; without the flag all others come
    /// as the `value` alone, app role assignments as their whole text.
    fn elements(&self, value: &Value, elements: Json) -> Json {
        if value.values().iter().all(is_reference) {
            return value.values().iter().map(|one| json!({"$ref": null, "value": text(one)})).collect();
        }
        match self.dialect {
            Dialect::Flagged => elements,
            Dialect::Unflagged => value.values().iter().map(|one| json!({"value": text(one)})).collect(),
        }
    }

    /// Takes values out of a multi-valued attribute.
    fn take(&mut self, edit: &Edit, attribute: &AttributePath, value: &Value) -> Result<(), BuildError> {
        let known = self.schema.whole_attribute(attribute);
        match self.dialect {
            Dialect::Flagged => {
                for one in value.values() {
                    let one = part_json(one, &attribute.whole(), known)?;
                    self.push(Op::Remove, &value_path(attribute, &one), None);
                }
            }
            Dialect::Unflagged => {
                let values = value.values().iter().map(|one| json!({"value": text(one)})).collect();
                self.push(Op::Remove, &edit.path, Some(values));
            }
        }
        Ok(())
    }

    /// A single value; without the flag always a text.
    fn simple(&self, value: Json) -> Json {
        match (self.dialect, &value) {
            (Dialect::Unflagged, Json::Bool(truth)) => text(&Value::Boolean(*truth)).into(),
            (Dialect::Unflagged, Json::Number(number)) => number.to_string().into(),
            _ => value,
        }
    }

    fn push(&mut self, op: Op, path: &Path, value: Option<Json>) {
        let operation = PatchOperation { op: self.name(op), path: Some(path.to_string()), value };
        self.operations.push(operation);
    }

    fn name(&self, op: Op) -> String {
        let (flagged, unflagged) = match op {
            Op::Add => ("add", "Add"),
            Op::Replace => ("replace", "Replace"),
            Op::Remove => ("remove", "Remove"),
        };
        if self.dialect == Dialect::Flagged { flagged.to_owned() } else { unflagged.to_owned() }
    }

    /// Several plain attributes share an operation without a path, whose value has their paths as its keys; one alone
    /// has its path.
    fn finish(mut self) -> Vec<PatchOperation> {
        for op in [Op::Replace, Op::Add] {
            let name = self.name(op);
            let mut together: Vec<(String, Json)> = Vec::new();
            for (_, path, value) in self.plain.iter().filter(|(kind, _, _)| *kind == op) {
                together.push((path.clone(), value.clone()));
            }
            match together.len() {
                0 => {}
                1 => self.operations.extend(together.into_iter().map(|(path, value)| PatchOperation {
                    op: name.clone(),
                    path: Some(path),
                    value: Some(value),
                })),
                _ => {
                    let value: Entries = together.into_iter().collect();
                    let value = Some(Json::Object(value));
                    self.operations.push(PatchOperation { op: name, path: None, value });
                }
            }
        }
        self.operations
    }
}

fn is_reference(value: &Value) -> bool {
    matches!(value, Value::Reference(_))
}
