//! Objects of a directory: users, groups, and whatever else a connector brings.

use std::fmt;

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::{Name, Value};

/// The immutable identifier of an object on one side. Anchors compare as bytes and are unique within their directory,
/// across object types; a connector brings its native keys into that form.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Anchor(SmolStr);

impl Anchor {
    /// An anchor from its one textual form.
    pub fn new(text: impl Into<SmolStr>) -> Self {
        Self(text.into())
    }

    /// The textual form.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Anchor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<&str> for Anchor {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

/// The attributes of an object, sorted by name. Null values are not stored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Attributes(Vec<(Name, Value)>);

impl Attributes {
    /// No attributes.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The value of an attribute; null where it is absent.
    #[must_use]
    pub fn get(&self, name: &str) -> &Value {
        static NULL: Value = Value::Null;
        match self.position(name) {
            Ok(at) => self.0.get(at).map_or(&NULL, |(_, value)| value),
            Err(_) => &NULL,
        }
    }

    /// Sets an attribute; null removes it.
    pub fn set(&mut self, name: impl Into<Name>, value: Value) {
        let name = name.into();
        match (self.position(&name), value.is_null()) {
            (Ok(at), true) => {
                self.0.remove(at);
            }
            (Ok(at), false) => {
                if let Some(entry) = self.0.get_mut(at) {
                    entry.1 = value;
                }
            }
            (Err(_), true) => {}
            (Err(at), false) => self.0.insert(at, (name, value)),
        }
    }

    /// The attributes that are present, by rising name.
    #[must_use]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&Name, &Value)> {
        self.0.iter().map(|(name, value)| (name, value))
    }

    /// How many attributes are present.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True where no attribute is present.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn position(&self, name: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(present, _)| present.as_str().cmp(name))
    }
}

impl FromIterator<(Name, Value)> for Attributes {
    fn from_iter<I: IntoIterator<Item = (Name, Value)>>(entries: I) -> Self {
        let mut entries: Vec<_> = entries.into_iter().filter(|(_, value)| !value.is_null()).collect();
        entries.sort_by(|left, right| left.0.cmp(&right.0));
        entries.dedup_by(|later, earlier| {
            let same = later.0 == earlier.0;
            if same {
                std::mem::swap(&mut later.1, &mut earlier.1);
            }
            same
        });
        Self(entries)
    }
}

/// One object of a directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Object {
    /// The object type's name in the directory definition, such as `User`.
    pub kind: Name,
    /// Its identifier on this side.
    pub anchor: Anchor,
    /// Its attributes, without large reference attributes such as a group's members.
    pub attributes: Attributes,
}

impl Object {
    /// An object without attributes.
    pub fn new(kind: impl Into<Name>, anchor: impl Into<Anchor>) -> Self {
        Self { kind: kind.into(), anchor: anchor.into(), attributes: Attributes::new() }
    }

    /// The object with one attribute more.
    #[must_use]
    pub fn with(mut self, name: impl Into<Name>, value: impl Into<Value>) -> Self {
        self.attributes.set(name, value.into());
        self
    }

    /// The value of an attribute; null where it is absent.
    #[must_use]
    pub fn get(&self, name: &str) -> &Value {
        self.attributes.get(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_value_of_a_repeated_name_wins() {
        let attributes: Attributes = [("b", "1"), ("a", "2"), ("b", "3")]
            .into_iter()
            .map(|(name, value)| (Name::from(name), Value::from(value)))
            .collect();
        assert_eq!(attributes.get("b").as_text(), Some("3"));
        assert_eq!(attributes.len(), 2);
    }

    #[test]
    fn setting_null_removes() {
        let mut object = Object::new("User", "1").with("mail", "a@x");
        object.attributes.set("mail", Value::Null);
        assert!(object.attributes.is_empty());
    }
}
