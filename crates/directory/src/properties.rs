//! Changing a set of properties.

use serde_json::{Map, Value as Json};

/// Merges changes into properties: null removes a property, an object is merged into the object that is there, and
/// anything else, lists included, takes the place of what is there.
pub fn merge(properties: &mut Map<String, Json>, changes: Map<String, Json>) {
    for (name, change) in changes {
        match (change, properties.get_mut(&name)) {
            (Json::Null, _) => {
                properties.remove(&name);
            }
            (Json::Object(inner), Some(Json::Object(present))) => merge(present, inner),
            (Json::Object(inner), _) => {
                let mut fresh = Map::new();
                merge(&mut fresh, inner);
                properties.insert(name, Json::Object(fresh));
            }
            (value, _) => {
                properties.insert(name, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn map(value: &Json) -> Map<String, Json> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn nulls_remove_and_objects_merge() {
        let mut properties = map(&json!({"a": 1, "b": {"x": 1, "y": 2}, "c": [1], "d": "text"}));
        let changes = map(&json!({"a": null, "b": {"x": null, "z": 3}, "c": [2], "d": {"n": null, "m": 1}}));
        merge(&mut properties, changes);
        assert_eq!(Json::Object(properties), json!({"b": {"y": 2, "z": 3}, "c": [2], "d": {"m": 1}}));
    }
}
