//! Sorting of resources (RFC 7644 §3.4.2.3).

use std::cmp::Ordering;

use model::Timestamp;
use serde_json::Value as Json;

use crate::error::{Error, ScimType};
use crate::filter::evaluate::{fold, moment};
use crate::json;
use crate::path::AttributePath;
use crate::schema::{Attribute, DataType, ResourceSchema};

/// The direction of a sorted result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// Rising; resources without the attribute come last.
    #[default]
    Ascending,
    /// Falling; resources without the attribute come first.
    Descending,
}

impl Order {
    /// The order that a request's `sortOrder` names; ascending where it is absent.
    pub fn parse(text: Option<&str>) -> Result<Self, Error> {
        match text {
            None => Ok(Self::Ascending),
            Some(text) if text.eq_ignore_ascii_case("ascending") => Ok(Self::Ascending),
            Some(text) if text.eq_ignore_ascii_case("descending") => Ok(Self::Descending),
            Some(text) => {
                let text = crate::syntax::shorten(text, 40);
                let detail = format!("sortOrder is \"{text}\", but must be ascending or descending");
                Err(Error::bad_request(ScimType::InvalidValue, detail))
            }
        }
    }
}

/// Sorts by the value at a path: of a multi-valued attribute the primary value or else the first, of a complex one its
/// `value`. Resources with equal values stay in their order.
pub fn sort(resources: &mut [Json], by: &AttributePath, order: Order, schema: &ResourceSchema) {
    resources.sort_by_cached_key(|resource| match (key(resource, by, schema), order) {
        (key, Order::Ascending) => Directed::Rising(key.map_or(Place::Absent, Place::Present)),
        (key, Order::Descending) => Directed::Falling(key.map_or(Place::Absent, Place::Present)),
    });
}

#[derive(PartialEq, Eq)]
enum Directed {
    Rising(Place),
    Falling(Place),
}

impl Ord for Directed {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Rising(left), Self::Rising(right)) => left.cmp(right),
            (Self::Falling(left), Self::Falling(right)) => right.cmp(left),
            (Self::Rising(_), Self::Falling(_)) => Ordering::Less,
            (Self::Falling(_), Self::Rising(_)) => Ordering::Greater,
        }
    }
}

impl PartialOrd for Directed {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Present(Key),
    Absent,
}

/// Values of one type compare among themselves; types follow each other in this order.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Boolean(bool),
    Number(Numeric),
    Moment(Timestamp),
    Text(String),
}

struct Numeric(f64);

impl Ord for Numeric {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl PartialOrd for Numeric {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Numeric {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Numeric {}

fn key(resource: &Json, by: &AttributePath, schema: &ResourceSchema) -> Option<Key> {
    let whole = json::attribute(resource, by, schema)?;
    let known = schema.whole_attribute(by);
    let one = match whole {
        Json::Array(elements) => {
            let primary = elements
                .iter()
                .find(|element| json::part(element, &"primary".into()).and_then(json::truth) == Some(true));
            primary.or_else(|| elements.first())?
        }
        single => single,
    };
    match (&by.sub_attribute, one) {
        (Some(name), _) => single(json::part(one, name)?, known.and_then(|known| known.sub_attribute(name))),
        (None, Json::Object(_)) => {
            let name = "value".into();
            single(json::part(one, &name)?, known.and_then(|known| known.sub_attribute(&name)))
        }
        (None, simple) => single(simple, known),
    }
}

fn single(value: &Json, known: Option<&Attribute>) -> Option<Key> {
    match value {
        Json::Bool(truth) => Some(Key::Boolean(*truth)),
        Json::Number(number) => number.as_f64().map(|number| Key::Number(Numeric(number))),
        Json::String(text) => {
            let dated = known.is_some_and(|known| known.kind == DataType::DateTime);
            match moment(text).filter(|_| dated) {
                Some(moment) => Some(Key::Moment(moment)),
                None => Some(Key::Text(fold(text, known.is_some_and(|known| known.case_exact)).into_owned())),
            }
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn sorted(by: &str, order: Order) -> String {
        let mut resources = [
            json!({"id": "a", "userName": "bob", "emails": [{"value": "z@x"}, {"value": "b@x", "primary": true}], "active": true, "size": 10}),
            json!({"id": "b", "userName": "Ann", "emails": [{"value": "c@x"}], "meta": {"created": "2020-01-01T00:30:00+01:00"}, "size": 9.5}),
            json!({"id": "c", "userName": "Cid", "meta": {"created": "2020-01-01T00:00:00Z"}, "active": false}),
        ];
        sort(&mut resources, &by.parse().unwrap(), order, &ResourceSchema::user().open());
        resources.iter().filter_map(|resource| resource["id"].as_str()).collect()
    }

    #[test]
    fn resources_sort_by_type_and_direction() {
        for (by, ascending, descending) in [
            ("userName", "bac", "cab"),
            ("emails.value", "abc", "cba"),
            ("emails", "abc", "cba"),
            ("meta.created", "bca", "acb"),
            ("active", "cab", "bac"),
            ("size", "bac", "cab"),
            ("nothing", "abc", "abc"),
        ] {
            assert_eq!(sorted(by, Order::Ascending), ascending, "{by} ascending");
            assert_eq!(sorted(by, Order::Descending), descending, "{by} descending");
        }
    }

    #[test]
    fn orders_are_named() {
        assert_eq!(Order::parse(None), Ok(Order::Ascending));
        assert_eq!(Order::parse(Some("Descending")), Ok(Order::Descending));
        assert!(Order::parse(Some("up")).is_err());
    }
}
