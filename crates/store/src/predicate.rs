//! What conditions on directory objects mean, in one place for every database.

use std::cmp::Ordering;

use model::Timestamp;
use serde_json::Value as Json;

use crate::{Comparison, DirectoryObject, Predicate};

/// A text without regard to case, as the directory compares it. Folds character by character, so that the folded
/// beginning of a text is the beginning of its folded form.
#[must_use]
pub fn fold(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).collect()
}

/// Properties that an index finds by value or by how the value begins.
const INDEXED: [&str; 11] = [
    "userPrincipalName",
    "mail",
    "mailNickname",
    "displayName",
    "appId",
    "externalId",
    "otherMails",
    "givenName",
    "surname",
    "employeeId",
    "department",
];
/// Properties that an index finds by how one of their words begins.
const WORD_INDEXED: [&str; 2] = ["displayName", "description"];
/// Properties that every object of a kind with them has, and that objects can be listed in the order of.
pub const ORDERED: [&str; 2] = ["displayName", "userPrincipalName"];

/// True for a property, in any case of its name, by whose value or its beginning objects are looked up.
#[must_use]
pub fn is_indexed(property: &str) -> bool {
    INDEXED.iter().chain(&["id"]).any(|indexed| indexed.eq_ignore_ascii_case(property))
}

/// The words of a text that is folded: what stands between characters that are neither letters nor digits.
pub fn words(folded: &str) -> impl Iterator<Item = &str> {
    folded.split(|character: char| !character.is_alphanumeric()).filter(|word| !word.is_empty())
}

impl Predicate {
    /// True where an index narrows the objects down that can satisfy the condition.
    #[must_use]
    pub fn narrows(&self) -> bool {
        match self {
            Self::All(parts) => parts.iter().any(Self::narrows),
            Self::Any(parts) => parts.iter().all(Self::narrows),
            Self::Not(_) => false,
            Self::Compare(property, comparison, wanted) => {
                let indexed = is_indexed(property);
                let text = wanted.as_str();
                match comparison {
                    Comparison::Equal => indexed && text.is_some(),
                    Comparison::StartsWith => indexed && text.is_some_and(|text| !text.is_empty()),
                    Comparison::WordStartsWith => {
                        WORD_INDEXED.contains(&property.as_str()) && text.is_some_and(|text| !text.is_empty())
                    }
                    _ => false,
                }
            }
        }
    }

    /// Whether an object satisfies the condition.
    #[must_use]
    pub fn holds(&self, object: &DirectoryObject) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.holds(object)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(object)),
            Self::Not(part) => !part.holds(object),
            Self::Compare(property, comparison, wanted) => {
                let mut any = false;
                let mut holds = false;
                each_value(object, property, &mut |value| {
                    any = true;
                    holds = holds || compares(value, *comparison, wanted);
                });
                if wanted.is_null() { *comparison == Comparison::Equal && !any } else { holds }
            }
        }
    }
}

/// Visits the values of a property that are not null, those of lists one by one.
fn each_value(object: &DirectoryObject, property: &str, visit: &mut dyn FnMut(&Json)) {
    if property == "id" {
        visit(&Json::String(object.id.to_string()));
        return;
    }
    let mut path = property.split('/');
    if let Some(value) = path.next().and_then(|first| object.properties.get(first)) {
        descend(value, path, visit);
    }
}

fn descend(value: &Json, mut path: std::str::Split<'_, char>, visit: &mut dyn FnMut(&Json)) {
    match value {
        Json::Null => {}
        Json::Array(values) => {
            for value in values {
                descend(value, path.clone(), visit);
            }
        }
        value => match path.next() {
            Some(inner) => {
                if let Some(value) = value.get(inner) {
                    descend(value, path, visit);
                }
            }
            None => visit(value),
        },
    }
}

fn compares(value: &Json, comparison: Comparison, wanted: &Json) -> bool {
    let affix = |has: fn(&str, &str) -> bool| match (value, wanted) {
        (Json::String(value), Json::String(wanted)) => has(&fold(value), &fold(wanted)),
        _ => false,
    };
    match comparison {
        Comparison::StartsWith => affix(|value, wanted| value.starts_with(wanted)),
        Comparison::EndsWith => affix(|value, wanted| value.ends_with(wanted)),
        Comparison::WordStartsWith => {
            affix(|value, wanted| words(value).any(|word| word.starts_with(wanted)))
        }
        Comparison::Equal => match (value, wanted) {
            (Json::Bool(value), Json::Bool(wanted)) => value == wanted,
            _ => order(value, wanted) == Some(Ordering::Equal),
        },
        Comparison::Greater => order(value, wanted).is_some_and(Ordering::is_gt),
        Comparison::GreaterOrEqual => order(value, wanted).is_some_and(Ordering::is_ge),
        Comparison::Less => order(value, wanted).is_some_and(Ordering::is_lt),
        Comparison::LessOrEqual => order(value, wanted).is_some_and(Ordering::is_le),
    }
}

/// Which of two values is greater; none where they cannot be compared.
fn order(value: &Json, wanted: &Json) -> Option<Ordering> {
    match (value, wanted) {
        (Json::String(value), Json::String(wanted)) => {
            let moment = |text: &str| text.parse::<Timestamp>().ok();
            match moment(wanted).and_then(|wanted| moment(value).map(|value| value.cmp(&wanted))) {
                Some(order) => Some(order),
                None => Some(fold(value).cmp(&fold(wanted))),
            }
        }
        (Json::Number(value), Json::Number(wanted)) => match (value.as_i64(), wanted.as_i64()) {
            (Some(value), Some(wanted)) => Some(value.cmp(&wanted)),
            _ => value.as_f64()?.partial_cmp(&wanted.as_f64()?),
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use model::{Name, Uuid};
    use serde_json::json;

    use super::*;
    use crate::ObjectKind;

    fn object(properties: Json) -> DirectoryObject {
        let Json::Object(properties) = properties else { panic!("properties are an object") };
        DirectoryObject {
            id: Uuid::from_u128(0xabc),
            kind: ObjectKind::User,
            version: 1,
            created: Timestamp::UNIX_EPOCH,
            modified: Timestamp::UNIX_EPOCH,
            deleted: None,
            properties,
        }
    }

    fn holds(object: &DirectoryObject, property: &str, comparison: Comparison, wanted: Json) -> bool {
        Predicate::Compare(Name::from(property), comparison, wanted).holds(object)
    }

    #[test]
    fn texts_compare_without_regard_to_case() {
        let object = object(json!({ "displayName": "ÅSA Ek" }));
        assert!(holds(&object, "displayName", Comparison::Equal, json!("åsa ek")));
        assert!(holds(&object, "displayName", Comparison::StartsWith, json!("åS")));
        assert!(holds(&object, "displayName", Comparison::EndsWith, json!("EK")));
        assert!(!holds(&object, "displayName", Comparison::EndsWith, json!("ÅSA")));
        assert!(holds(&object, "displayName", Comparison::Greater, json!("Zoë")));
        assert!(holds(&object, "displayName", Comparison::WordStartsWith, json!("E")));
        assert!(!holds(&object, "displayName", Comparison::WordStartsWith, json!("k")));
        assert!(fold("ΟΔΟΣΑ").starts_with(&fold("ΟΔΟΣ")));
    }

    #[test]
    fn numbers_and_moments_compare_by_value() {
        let object = object(json!({ "n": 9, "f": 1.5, "t": "2024-01-01T10:00:00+01:00", "b": true }));
        assert!(holds(&object, "n", Comparison::Less, json!(10)));
        assert!(holds(&object, "f", Comparison::GreaterOrEqual, json!(1)));
        assert!(holds(&object, "t", Comparison::Equal, json!("2024-01-01T09:00:00.000Z")));
        assert!(holds(&object, "t", Comparison::Less, json!("2024-01-01T09:30:00Z")));
        assert!(holds(&object, "b", Comparison::Equal, json!(true)));
        assert!(!holds(&object, "b", Comparison::Equal, json!("true")));
        assert!(!holds(&object, "n", Comparison::Greater, json!("8")));
    }

    #[test]
    fn null_is_absence_and_one_element_is_enough() {
        let object = object(json!({
            "none": null, "empty": [], "mails": ["a@x", "B@x"],
            "phones": [{ "type": "work", "n": 1 }, { "type": "home" }]
        }));
        for absent in ["none", "empty", "other", "phones/zone", "none/inner"] {
            assert!(holds(&object, absent, Comparison::Equal, Json::Null), "{absent}");
            assert!(!holds(&object, absent, Comparison::Equal, json!("x")), "{absent}");
        }
        assert!(!holds(&object, "mails", Comparison::Equal, Json::Null));
        assert!(holds(&object, "mails", Comparison::Equal, json!("b@x")));
        assert!(holds(&object, "phones/type", Comparison::Equal, json!("home")));
        assert!(holds(&object, "id", Comparison::EndsWith, json!("ABC")));
        let not = Predicate::Not(Box::new(Predicate::Compare("other".into(), Comparison::Equal, json!("x"))));
        assert!(not.holds(&object));
    }
}
