//! Changes one attribute of a resource.

use serde_json::Value as Json;

use super::elements;
use super::typed::Typing;
use super::{Form, Op, needed};
use crate::error::{Error, ScimType};
use crate::filter::Filter;
use crate::json::{self, Entries};
use crate::name::CaselessName;
use crate::path::{AttributePath, Path};
use crate::schema::{Attribute, Mutability, ResourceSchema};

/// A resource that is being changed.
pub(super) struct Editor<'a> {
    pub(super) entries: &'a mut Entries,
    pub(super) schema: &'a ResourceSchema,
    pub(super) form: Form,
}

impl Editor<'_> {
    /// Applies an operation at a path that names an attribute.
    pub(super) fn apply(&mut self, op: Op, path: &Path, value: Option<&Json>) -> Result<(), Error> {
        let Some(attribute) = path.attribute() else { return Ok(()) };
        let known = self.schema.whole_attribute(attribute);
        let unknown = known.is_none()
            || (attribute.sub_attribute.is_some() && self.schema.attribute(attribute).is_none());
        if unknown && !self.schema.is_open() {
            let detail = format!("{attribute} is no attribute of this resource type");
            return Err(Error::bad_request(ScimType::InvalidPath, detail));
        }
        let typing = Typing { form: self.form, open: self.schema.is_open() };
        let change = Change { op, path, attribute, known, value, typing };
        match attribute.schema.as_ref().filter(|uri| !self.schema.is_base(uri)) {
            None => change.apply(self.entries),
            Some(uri) => {
                let uri = self.schema.extension(uri).map_or(uri.as_str(), |extension| &extension.id);
                let mut inner = json::take_entries(self.entries, uri);
                change.apply(&mut inner)?;
                let used = !inner.is_empty();
                if used {
                    json::set(self.entries, uri, Json::Object(inner));
                }
                self.announce(uri, used);
                Ok(())
            }
        }
    }

    /// Removes all attributes of an extension.
    pub(super) fn remove_extension(&mut self, uri: &CaselessName) -> Result<(), Error> {
        let fixed = self.schema.extension(uri).and_then(|extension| {
            extension.attributes.iter().find(|one| one.required || one.mutability == Mutability::ReadOnly)
        });
        if let Some(fixed) = fixed {
            let detail = format!("{uri}:{} cannot be removed", fixed.name);
            return Err(Error::bad_request(ScimType::Mutability, detail));
        }
        json::remove(self.entries, uri.as_str());
        self.announce(uri.as_str(), false);
        Ok(())
    }

    /// Keeps `schemas` true of an extension.
    fn announce(&mut self, uri: &str, used: bool) {
        let mut schemas = json::take_elements(self.entries, "schemas");
        let is_it = |one: &Json| one.as_str().is_some_and(|text| text.eq_ignore_ascii_case(uri));
        if !used {
            schemas.retain(|one| !is_it(one));
        } else if !schemas.iter().any(is_it) {
            schemas.push(uri.into());
        }
        if !schemas.is_empty() {
            json::set(self.entries, "schemas", Json::Array(schemas));
        }
    }
}

/// One operation on one attribute.
struct Change<'a> {
    op: Op,
    path: &'a Path,
    attribute: &'a AttributePath,
    known: Option<&'a Attribute>,
    value: Option<&'a Json>,
    typing: Typing,
}

impl Change<'_> {
    /// Applies it within the object that holds the attribute.
    fn apply(&self, entries: &mut Entries) -> Result<(), Error> {
        let name = self.known.map_or(self.attribute.attribute.as_str(), |known| &known.name);
        self.check_remove_value()?;
        match (self.path.filter(), &self.attribute.sub_attribute) {
            (Some(filter), _) => self.apply_to_values(entries, name, filter),
            (None, Some(_)) if self.is_multi_valued(entries, name) => self.apply_to_all_values(entries, name),
            (None, Some(part)) => {
                let mut inner = json::take_entries(entries, name);
                self.check_read_only(self.known)?;
                self.apply_to_part(&mut inner, part)?;
                if !inner.is_empty() {
                    json::set(entries, name, Json::Object(inner));
                }
                Ok(())
            }
            (None, None) => self.apply_to_whole(entries, name),
        }
    }

    fn is_multi_valued(&self, entries: &Entries, name: &str) -> bool {
        match self.known {
            Some(known) => known.multi_valued,
            None => json::get(entries, name).is_some_and(Json::is_array),
        }
    }

    /// In the strict form a remove operation has no value: who sends one means to remove less than the path says.
    fn check_remove_value(&self) -> Result<(), Error> {
        let given = self.value.is_some_and(|value| !json::is_unassigned(value));
        if self.op == Op::Remove && given && self.typing.form == Form::Strict {
            let detail = format!(
                "a remove operation takes no value; name the values in the path, as in {}[value eq \"…\"]",
                self.attribute.whole()
            );
            return Err(Error::bad_request(ScimType::InvalidValue, detail));
        }
        Ok(())
    }

    fn apply_to_whole(&self, entries: &mut Entries, name: &str) -> Result<(), Error> {
        let before = json::get(entries, name).cloned().unwrap_or(Json::Null);
        let after = match self.op {
            Op::Remove => self.without_values(&before)?,
            Op::Add | Op::Replace => {
                let value = needed(self.value, &self.path.to_string())?;
                let value = self.typing.whole(value, self.known, &self.path.to_string())?;
                match (self.op, value) {
                    (Op::Add, Json::Null) => before.clone(),
                    (_, value) => self.joined(&before, value)?,
                }
            }
        };
        self.write(entries, name, self.known, &before, after)
    }

    /// What is left of a value when the operation's own value is taken out of it: nothing where it has none.
    fn without_values(&self, before: &Json) -> Result<Json, Error> {
        let (Some(value), Json::Array(elements)) =
            (self.value.filter(|value| !json::is_unassigned(value)), before)
        else {
            return Ok(Json::Null);
        };
        let gone = match self.typing.whole(value, self.known, &self.path.to_string())? {
            Json::Array(gone) => gone,
            one => vec![one],
        };
        let mut left = elements.clone();
        elements::remove(&mut left, &gone, self.known);
        Ok(Json::Array(left))
    }

    /// The new value of the attribute, from the old one and the operation's.
    fn joined(&self, before: &Json, value: Json) -> Result<Json, Error> {
        Ok(match (before, value) {
            (_, Json::Null) => Json::Null,
            (Json::Array(old), Json::Array(new)) if self.op == Op::Add => {
                let mut joined = old.clone();
                let touched = elements::add(&mut joined, new, self.known);
                elements::settle_primary(&mut joined, &touched);
                Json::Array(joined)
            }
            (Json::Array(old), one) if self.op == Op::Add && self.known.is_none() => {
                let mut joined = old.clone();
                elements::add(&mut joined, vec![one], None);
                Json::Array(joined)
            }
            (Json::Array(old), Json::Array(new)) => Json::Array(elements::replace(old, new, self.known)),
            (_, Json::Array(new)) => {
                let mut fresh = Vec::new();
                elements::add(&mut fresh, new, self.known);
                Json::Array(fresh)
            }
            // Another resource: what was known of the old one does not hold for it.
            (Json::Object(old), Json::Object(new))
                if self.known.is_some_and(Attribute::refers_to_resources)
                    && json::get(&new, "value")
                        .is_some_and(|value| json::get(old, "value") != Some(value)) =>
            {
                Json::Object(new)
            }
            (Json::Object(old), Json::Object(new)) => {
                let mut joined = old.clone();
                for (part, value) in new {
                    let known = self.known.and_then(|known| known.sub_attribute(&part.as_str().into()));
                    let before = json::get(&joined, &part).cloned().unwrap_or(Json::Null);
                    self.write(&mut joined, &part, known, &before, value)?;
                }
                Json::Object(joined)
            }
            (_, value) => value,
        })
    }

    /// Applies the operation to one part of a complex value.
    fn apply_to_part(&self, entries: &mut Entries, part: &CaselessName) -> Result<(), Error> {
        let known = self.known.and_then(|known| known.sub_attribute(part));
        let name = known.map_or(part.as_str(), |known| &known.name);
        let before = json::get(entries, name).cloned().unwrap_or(Json::Null);
        let after = match self.op {
            Op::Remove => Json::Null,
            Op::Add | Op::Replace => {
                let value = needed(self.value, &self.path.to_string())?;
                let value = self.typing.whole(value, known, &self.path.to_string())?;
                match (self.op, &before, value) {
                    (Op::Add, _, Json::Null) => before.clone(),
                    (Op::Add, Json::Array(old), Json::Array(new)) => {
                        let mut joined = old.clone();
                        elements::add(&mut joined, new, known);
                        Json::Array(joined)
                    }
                    (_, _, value) => value,
                }
            }
        };
        self.write(entries, name, known, &before, after)
    }

    /// Applies the operation to a part of every value of a multi-valued attribute.
    fn apply_to_all_values(&self, entries: &mut Entries, name: &str) -> Result<(), Error> {
        self.check_read_only(self.known)?;
        let mut elements = json::take_elements(entries, name);
        if elements.is_empty() && self.op != Op::Remove {
            return Err(self.no_target());
        }
        let all: Vec<usize> = (0..elements.len()).collect();
        self.change_elements(&mut elements, &all)?;
        self.put_back(entries, name, elements)
    }

    /// Applies the operation to the values that a filter selects.
    fn apply_to_values(&self, entries: &mut Entries, name: &str, filter: &Filter) -> Result<(), Error> {
        self.check_read_only(self.known)?;
        if self.known.is_some_and(|known| !known.multi_valued) {
            let detail =
                format!("{} holds one value; a filter selects among several", self.attribute.whole());
            return Err(Error::bad_request(ScimType::InvalidPath, detail));
        }
        let mut elements = json::take_elements(entries, name);
        let matching: Vec<usize> = elements
            .iter()
            .enumerate()
            .filter(|(_, element)| filter.matches_value(element, self.known))
            .map(|(place, _)| place)
            .collect();
        if !matching.is_empty() || self.op == Op::Remove {
            self.change_elements(&mut elements, &matching)?;
        } else if !json::is_unassigned(needed(self.value, &self.path.to_string())?) {
            elements.push(self.fresh_element(filter)?);
            let last = elements.len() - 1;
            // The value joins what the filter says, so that the path meets the new element from now on.
            Change { op: Op::Add, ..*self }.change_elements(&mut elements, &[last])?;
        }
        self.put_back(entries, name, elements)
    }

    /// The element that a filter describes which meets none.
    fn fresh_element(&self, filter: &Filter) -> Result<Json, Error> {
        let allowed = self.op == Op::Add || self.typing.form == Form::Entra;
        let equalities = filter.equalities().filter(|_| allowed).ok_or_else(|| self.no_target())?;
        let mut element = Entries::new();
        for (path, literal) in equalities {
            let known = self.known.and_then(|known| known.sub_attribute(&path.attribute));
            if known.is_none() && !self.typing.open {
                let detail =
                    format!("{}.{path} is no attribute of this resource type", self.attribute.whole());
                return Err(Error::bad_request(ScimType::InvalidPath, detail));
            }
            let lenient = Typing { form: Form::Entra, ..self.typing };
            let value = lenient.whole(&literal.to_json(), known, &self.path.to_string())?;
            element.insert(known.map_or(path.attribute.as_str(), |known| &known.name).to_owned(), value);
        }
        Ok(Json::Object(element))
    }

    /// Changes the elements at these places, and settles which one is primary.
    fn change_elements(&self, elements: &mut Vec<Json>, places: &[usize]) -> Result<(), Error> {
        let Some(part) = &self.attribute.sub_attribute else {
            if self.op == Op::Remove {
                let mut place = 0;
                elements.retain(|_| {
                    place += 1;
                    places.binary_search(&(place - 1)).is_err()
                });
                return Ok(());
            }
            let value = needed(self.value, &self.path.to_string())?;
            for place in places {
                if let Some(element) = elements.get_mut(*place) {
                    *element = self.changed_element(element, value)?;
                }
            }
            elements::settle_primary(elements, places);
            return Ok(());
        };
        for place in places {
            match elements.get_mut(*place) {
                Some(Json::Object(inner)) => self.apply_to_part(inner, part)?,
                Some(_) => return Err(self.no_target()),
                None => {}
            }
        }
        elements::settle_primary(elements, places);
        Ok(())
    }

    /// An element after `replace`, which leaves only the new value, or `add`, which completes the old one.
    fn changed_element(&self, element: &Json, value: &Json) -> Result<Json, Error> {
        let place = self.path.to_string();
        let value = match (self.known, value) {
            (Some(known), Json::Array(values)) if self.typing.form == Form::Entra && values.len() == 1 => {
                self.typing.single(values.first().unwrap_or(value), known, &place)?
            }
            (Some(known), value) => self.typing.single(value, known, &place)?,
            (None, value) => value.clone(),
        };
        Ok(match (self.op, element, value) {
            (Op::Add, Json::Object(old), Json::Object(new)) => {
                let mut joined = old.clone();
                for (part, value) in new {
                    json::set(&mut joined, &part, value);
                }
                Json::Object(joined)
            }
            (Op::Add, _, Json::Null) => element.clone(),
            (Op::Replace, before, value) => {
                let replaced = elements::replace(std::slice::from_ref(before), vec![value], self.known);
                replaced.into_iter().next().unwrap_or(Json::Null)
            }
            (_, _, value) => value,
        })
    }

    fn put_back(&self, entries: &mut Entries, name: &str, mut elements: Vec<Json>) -> Result<(), Error> {
        elements.retain(|element| match element {
            Json::Null => false,
            Json::Object(inner) => !inner.is_empty(),
            _ => true,
        });
        if !elements.is_empty() {
            json::set(entries, name, Json::Array(elements));
        } else if self.known.is_some_and(|known| known.required) {
            return Err(self.required());
        }
        Ok(())
    }

    /// Writes a value after checking that the attribute may become that.
    fn write(
        &self,
        entries: &mut Entries,
        name: &str,
        known: Option<&Attribute>,
        before: &Json,
        after: Json,
    ) -> Result<(), Error> {
        let unassigned = json::is_unassigned(&after);
        if *before == after || (unassigned && json::is_unassigned(before)) {
            return Ok(());
        }
        self.check_read_only(known)?;
        if let Some(known) = known {
            if known.mutability == Mutability::Immutable && !json::is_unassigned(before) {
                let detail = format!("{} cannot change once it has a value", self.path);
                return Err(Error::bad_request(ScimType::Mutability, detail));
            }
            if known.required && unassigned {
                return Err(self.required());
            }
        }
        if unassigned {
            json::remove(entries, name);
        } else {
            json::set(entries, name, after);
        }
        Ok(())
    }

    fn check_read_only(&self, known: Option<&Attribute>) -> Result<(), Error> {
        if known.is_some_and(|known| known.mutability == Mutability::ReadOnly) {
            let detail = format!("{} is read-only", self.path);
            return Err(Error::bad_request(ScimType::Mutability, detail));
        }
        Ok(())
    }

    fn required(&self) -> Error {
        Error::bad_request(ScimType::Mutability, format!("{} is required and cannot be removed", self.path))
    }

    fn no_target(&self) -> Error {
        Error::bad_request(ScimType::NoTarget, format!("no value is at {}", self.path))
    }
}
