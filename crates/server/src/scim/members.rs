//! Members of groups: what requests say of them.
//!
//! A group may have very many members, so a PATCH never loads them: what its operations do to `members` is taken out of
//! the request as steps, and steps that name members by id touch these alone (see [`membership`](super::membership)).

use std::collections::HashSet;

use model::Uuid;
use scim::filter::{Literal, Operator};
use scim::message::PatchOperation;
use scim::{Error, Filter, Path, ScimType};
use serde_json::{Map, Value as Json};

use super::failure::Result;
use super::intake::{self, Named};
use super::kind::Kind;

/// The attribute.
pub(super) const MEMBERS: &str = "members";

/// One change of a group's members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// These become members, and these are none any more; no id is in both.
    Change { added: Vec<Uuid>, removed: Vec<Uuid> },
    /// The members that satisfy a condition, whose names are parts of `members`, are none any more.
    RemoveWhere(Filter),
    /// These are the members, and nobody else is.
    Replace(Vec<Uuid>),
}

/// What a PATCH request does to a group: steps on its members, and operations on its other attributes with their places
/// in the request.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Steps {
    pub(super) members: Vec<Step>,
    /// Values that are to be added, but cannot be ids.
    pub(super) strangers: Vec<String>,
    pub(super) others: Vec<(usize, PatchOperation)>,
}

impl Steps {
    /// Nothing but these are the members; no step where nothing is said of them.
    pub(super) fn replacing(members: Option<Named>) -> Self {
        let mut steps = Self::default();
        if let Some(Named { ids, strangers }) = members {
            steps.members.push(Step::Replace(ids));
            steps.strangers = strangers;
        }
        steps
    }

    /// Takes the operations of a request apart.
    pub(super) fn of(operations: Vec<PatchOperation>) -> Result<Self> {
        let mut steps = Self::default();
        for (place, operation) in operations.into_iter().enumerate() {
            steps.take(place, operation).map_err(|mut failure| {
                failure.error.detail = format!("operation {}: {}", place + 1, failure.error.detail);
                failure
            })?;
        }
        Ok(steps)
    }

    fn take(&mut self, place: usize, mut operation: PatchOperation) -> Result<()> {
        let op = Op::read(&operation.op);
        let path = operation.path.as_deref().map(str::trim).filter(|path| !path.is_empty());
        let (Some(op), Some(path)) = (op, path) else {
            // Without a path the value names the attributes.
            if let (Some(op), Some(Json::Object(attributes))) = (op, operation.value.as_mut()) {
                let values = take_members(attributes);
                if !attributes.is_empty() || values.is_empty() {
                    self.others.push((place, operation));
                }
                return values.iter().try_for_each(|value| self.whole(op, value));
            }
            self.others.push((place, operation));
            return Ok(());
        };
        let Ok(path) = path.parse::<Path>() else {
            self.others.push((place, operation));
            return Ok(());
        };
        let path = Kind::Group.schema().settle(path);
        let Some(attribute) = path.attribute().filter(|attribute| {
            let own = attribute.schema.as_ref().is_none_or(|uri| Kind::Group.schema().is_base(uri));
            own && attribute.attribute.is(MEMBERS)
        }) else {
            self.others.push((place, operation));
            return Ok(());
        };
        let value = operation.value.unwrap_or_default();
        if attribute.sub_attribute.is_some() {
            let detail = format!("{path} cannot be changed: remove the member and add another");
            return Err(Error::bad_request(ScimType::Mutability, detail).into());
        }
        match (op, path.filter()) {
            (Op::Remove, Some(filter)) => self.push(removal(filter)),
            (Op::Replace, Some(filter)) => {
                self.push(removal(filter));
                self.whole(Op::Add, &value)?;
            }
            (Op::Add, Some(_)) => self.whole(Op::Add, &value)?,
            (op, None) => self.whole(op, &value)?,
        }
        Ok(())
    }

    /// An operation on all of `members`.
    fn whole(&mut self, op: Op, value: &Json) -> Result<()> {
        let Named { ids, strangers } = intake::members(value)?;
        if !matches!(op, Op::Remove) {
            self.strangers.extend(strangers);
        }
        match op {
            Op::Add => self.push(Step::added(ids)),
            // Entra names the members to remove in the value; the RFC removes all.
            Op::Remove if !value.is_null() => self.push(Step::removed(ids)),
            Op::Remove => self.push(Step::Replace(Vec::new())),
            Op::Replace => self.push(Step::Replace(ids)),
        }
        Ok(())
    }

    /// Appends a step, joined with the one before where both name members by id.
    fn push(&mut self, step: Step) {
        let Some(Step::Change { added, removed }) = self.members.last_mut() else {
            self.members.push(step);
            return;
        };
        match step {
            Step::Change { added: more, removed: less } => {
                let (joined, left): (HashSet<Uuid>, HashSet<Uuid>) =
                    (more.iter().copied().collect(), less.iter().copied().collect());
                added.retain(|id| !left.contains(id) && !joined.contains(id));
                removed.retain(|id| !joined.contains(id) && !left.contains(id));
                added.extend(more);
                removed.extend(less);
            }
            other => self.members.push(other),
        }
    }
}

#[derive(Clone, Copy)]
enum Op {
    Add,
    Remove,
    Replace,
}

impl Op {
    fn read(text: &str) -> Option<Self> {
        let known = [("add", Self::Add), ("remove", Self::Remove), ("replace", Self::Replace)];
        known.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(text.trim())).map(|(_, op)| op)
    }
}

impl Step {
    fn added(added: Vec<Uuid>) -> Self {
        Self::Change { added, removed: Vec::new() }
    }

    fn removed(removed: Vec<Uuid>) -> Self {
        Self::Change { added: Vec::new(), removed }
    }
}

/// True for the name of the attribute, in any case and with the schema's URI or without.
pub(super) fn is_members(name: &str) -> bool {
    let own = name.rsplit_once(':').filter(|(uri, _)| uri.eq_ignore_ascii_case(Kind::Group.uri()));
    own.map_or(name, |(_, name)| name).eq_ignore_ascii_case(MEMBERS)
}

/// Takes `members` out of a value that names attributes, in any of its spellings.
fn take_members(attributes: &mut Map<String, Json>) -> Vec<Json> {
    let keys: Vec<String> = attributes.keys().filter(|key| is_members(key)).cloned().collect();
    keys.iter().filter_map(|key| attributes.remove(key)).collect()
}

/// The step that removes whom a filter selects. A value that is no id is nobody's.
fn removal(filter: &Filter) -> Step {
    match values(filter) {
        Some(values) => Step::removed(values.into_iter().filter_map(|value| value.parse().ok()).collect()),
        None => Step::RemoveWhere(filter.clone()),
    }
}

/// The values that a filter such as `value eq "a" or value eq "b"` names; none where it says anything else.
fn values(filter: &Filter) -> Option<Vec<&str>> {
    match filter {
        Filter::Compare(path, Operator::Eq, Literal::Text(text))
            if path.attribute.is("value") && path.sub_attribute.is_none() =>
        {
            Some(vec![text])
        }
        Filter::Or(any) => {
            let all: Option<Vec<_>> = any.iter().map(values).collect();
            all.map(|all| all.into_iter().flatten().collect())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const A: Uuid = Uuid::from_u128(0xa);
    const B: Uuid = Uuid::from_u128(0xb);

    fn steps(operations: Json) -> Steps {
        Steps::of(serde_json::from_value(operations).unwrap()).unwrap()
    }

    fn change(added: &[Uuid], removed: &[Uuid]) -> Step {
        Step::Change { added: added.to_vec(), removed: removed.to_vec() }
    }

    #[test]
    fn operations_on_members_are_taken_out_in_all_their_forms() {
        for (operations, expected) in [
            (json!([{"op": "add", "path": "members", "value": [{"value": A}]}]), vec![change(&[A], &[])]),
            (
                json!([{"op": "Add", "path": "members", "value": [{"$ref": null, "value": A}]}]),
                vec![change(&[A], &[])],
            ),
            (json!([{"op": "add", "value": {"members": [{"value": A}]}}]), vec![change(&[A], &[])]),
            (
                json!([{"op": "remove", "path": format!("members[value eq \"{A}\"]")}]),
                vec![change(&[], &[A])],
            ),
            (
                json!([{"op": "remove", "path": format!("members[value eq \"{A}\" or value eq \"{B}\"]")}]),
                vec![change(&[], &[A, B])],
            ),
            (json!([{"op": "Remove", "path": "members", "value": [{"value": A}]}]), vec![change(&[], &[A])]),
            (json!([{"op": "remove", "path": "members"}]), vec![Step::Replace(vec![])]),
            (json!([{"op": "remove", "path": "members", "value": []}]), vec![change(&[], &[])]),
            (
                json!([{"op": "replace", "path": "members", "value": [{"value": A}]}]),
                vec![Step::Replace(vec![A])],
            ),
            (json!([{"op": "replace", "value": {"members": []}}]), vec![Step::Replace(vec![])]),
            (json!([{"op": "remove", "path": "members[value eq \"nobody\"]"}]), vec![change(&[], &[])]),
            (
                json!([{"op": "remove", "path": "members[type eq \"Group\"]"}]),
                vec![Step::RemoveWhere("type eq \"Group\"".parse().unwrap())],
            ),
            (
                json!([
                    {"op": "add", "path": "urn:ietf:params:scim:schemas:core:2.0:Group:members", "value": [{"value": A}, {"value": B}]},
                    {"op": "remove", "path": format!("members[value eq \"{A}\"]")}
                ]),
                vec![change(&[B], &[A])],
            ),
        ] {
            let found = steps(operations.clone());
            assert_eq!(found.members, expected, "{operations}");
            assert!(found.others.is_empty(), "{operations}");
        }
    }

    #[test]
    fn other_operations_stay_with_their_places() {
        let found = steps(json!([
            {"op": "add", "path": "members", "value": [{"value": A}]},
            {"op": "replace", "value": {"displayName": "x", "members": [{"value": B}]}},
            {"op": "oops", "path": "members"},
            {"op": "add", "path": "members[", "value": 1}
        ]));
        assert_eq!(found.members, [change(&[A], &[]), Step::Replace(vec![B])]);
        let others: Vec<_> = found.others.iter().map(|(place, _)| *place).collect();
        assert_eq!(others, [1, 2, 3]);
        assert_eq!(found.others[0].1.value, Some(json!({"displayName": "x"})));
    }

    #[test]
    fn parts_of_members_cannot_change() {
        let operation =
            json!([{"op": "replace", "path": format!("members[value eq \"{A}\"].display"), "value": "x"}]);
        let error = Steps::of(serde_json::from_value(operation).unwrap()).unwrap_err().error;
        assert_eq!(error.scim_type, Some(ScimType::Mutability));
        assert!(error.detail.starts_with("operation 1: "), "{}", error.detail);
    }
}
