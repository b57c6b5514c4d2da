//! Applies PATCH requests to resources (RFC 7644 §3.5.2).

use serde_json::Value as Json;

use crate::error::{Error, ScimType};
use crate::json;
use crate::message::{PatchOperation, PatchRequest};
use crate::path::{AttributePath, Path};
use crate::schema::{Mutability, ResourceSchema};

mod editor;
mod elements;
#[cfg(test)]
mod tests;
mod typed;

use editor::Editor;

/// How many operations a PATCH request may have.
pub const MAX_PATCH_OPERATIONS: usize = 1000;

/// Which requests are understood.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// Those of RFC 7644 alone.
    Strict,
    /// Also what Microsoft Entra and its kin send: operations in any case, booleans and numbers as texts, paths as
    /// keys of a value without a path, removed values as a value, a bare id or a list of one for a complex attribute,
    /// and `replace` where nothing is there yet.
    #[default]
    Entra,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Op {
    Add,
    Remove,
    Replace,
}

/// Applies all operations of a request, or none: on an error the resource stays as it was.
///
/// Attributes that no schema knows are refused unless the schema is open. Elements that are already there are not
/// added again; at most one element of an attribute stays `primary`; an extension appears in `schemas` while the
/// resource uses it. Gives true where the resource changed.
pub fn apply(
    resource: &mut Json,
    request: &PatchRequest,
    schema: &ResourceSchema,
    form: Form,
) -> Result<bool, Error> {
    if request.operations.len() > MAX_PATCH_OPERATIONS {
        let detail = format!(
            "the request has {} operations; at most {MAX_PATCH_OPERATIONS} are taken",
            request.operations.len()
        );
        return Err(Error::new(413, None, detail));
    }
    let mut changed = resource.clone();
    for (position, operation) in request.operations.iter().enumerate() {
        apply_one(&mut changed, operation, schema, form).map_err(|mut error| {
            error.detail = format!("operation {}: {}", position + 1, error.detail);
            error
        })?;
    }
    let differs = changed != *resource;
    *resource = changed;
    Ok(differs)
}

fn apply_one(
    resource: &mut Json,
    operation: &PatchOperation,
    schema: &ResourceSchema,
    form: Form,
) -> Result<(), Error> {
    let op = read_op(&operation.op, form)?;
    let Some(entries) = resource.as_object_mut() else {
        return Err(Error::bad_request(ScimType::InvalidSyntax, "the resource is no JSON object"));
    };
    let mut editor = Editor { entries, schema, form };
    let path = operation.path.as_deref().filter(|path| form == Form::Strict || !path.trim().is_empty());
    match (op, path) {
        (Op::Remove, None) => Err(Error::bad_request(ScimType::NoTarget, "a remove operation needs a path")),
        (_, None) => apply_whole(&mut editor, op, needed(operation.value.as_ref(), "the resource")?),
        (_, Some(text)) => {
            let path: Path = text.parse().map_err(|error| Error::invalid_path(text, &error))?;
            apply_at(&mut editor, op, &schema.settle(path), operation.value.as_ref())
        }
    }
}

fn read_op(text: &str, form: Form) -> Result<Op, Error> {
    let op =
        [("add", Op::Add), ("remove", Op::Remove), ("replace", Op::Replace)].into_iter().find(|(name, _)| {
            match form {
                Form::Strict => *name == text,
                Form::Entra => name.eq_ignore_ascii_case(text.trim()),
            }
        });
    op.map(|(_, op)| op).ok_or_else(|| {
        let text = crate::syntax::shorten(text, 40);
        Error::bad_request(
            ScimType::InvalidSyntax,
            format!("\"{text}\" is no operation; use add, remove or replace"),
        )
    })
}

fn needed<'a>(value: Option<&'a Json>, place: &str) -> Result<&'a Json, Error> {
    value.ok_or_else(|| {
        Error::bad_request(ScimType::InvalidValue, format!("the operation on {place} has no value"))
    })
}

/// Applies an operation without a path: its value names the attributes.
fn apply_whole(editor: &mut Editor<'_>, op: Op, value: &Json) -> Result<(), Error> {
    let Json::Object(attributes) = value else {
        let detail = format!(
            "without a path the value must be an object of attributes, but it is {}",
            json::describe(value)
        );
        return Err(Error::bad_request(ScimType::InvalidValue, detail));
    };
    for (key, value) in attributes {
        let path: Path = key.parse().map_err(|error| Error::invalid_path(key, &error))?;
        let path = editor.schema.settle(path);
        let plain = match &path {
            Path::Schema(_) => true,
            Path::Attribute(attribute) => attribute.schema.is_none() && attribute.sub_attribute.is_none(),
            Path::Values { .. } => false,
        };
        // Some clients write back what they read, with what the service alone writes.
        if editor.form == Form::Entra && op != Op::Remove && is_read_only(editor.schema, &path) {
            continue;
        }
        if !plain && editor.form == Form::Strict {
            let detail = format!("\"{key}\" is no attribute name; give it as the operation's path");
            return Err(Error::bad_request(ScimType::InvalidPath, detail));
        }
        apply_at(editor, op, &path, Some(value))?;
    }
    Ok(())
}

fn is_read_only(schema: &ResourceSchema, path: &Path) -> bool {
    let attribute = path.attribute().and_then(|attribute| schema.whole_attribute(attribute));
    attribute.is_some_and(|attribute| attribute.mutability == Mutability::ReadOnly)
}

fn apply_at(editor: &mut Editor<'_>, op: Op, path: &Path, value: Option<&Json>) -> Result<(), Error> {
    let Path::Schema(uri) = path else {
        return editor.apply(op, path, value);
    };
    if editor.schema.is_base(uri) {
        return match op {
            Op::Remove => Err(Error::bad_request(ScimType::Mutability, format!("{uri} cannot be removed"))),
            Op::Add | Op::Replace => apply_whole(editor, op, needed(value, uri.as_str())?),
        };
    }
    if editor.schema.extension(uri).is_none() && !editor.schema.is_open() {
        let detail = format!("{uri} is no schema of this resource type");
        return Err(Error::bad_request(ScimType::InvalidPath, detail));
    }
    if op == Op::Remove {
        return editor.remove_extension(uri);
    }
    let Json::Object(attributes) = needed(value, uri.as_str())? else {
        let detail = format!("the value of {uri} must be an object of its attributes");
        return Err(Error::bad_request(ScimType::InvalidValue, detail));
    };
    for (key, value) in attributes {
        let mut attribute: AttributePath = key.parse().map_err(|error| Error::invalid_path(key, &error))?;
        attribute.schema = Some(uri.clone());
        if attribute.sub_attribute.is_some() && editor.form == Form::Strict {
            let detail = format!("\"{key}\" is no attribute name");
            return Err(Error::bad_request(ScimType::InvalidPath, detail));
        }
        editor.apply(op, &Path::Attribute(attribute), Some(value))?;
    }
    Ok(())
}
