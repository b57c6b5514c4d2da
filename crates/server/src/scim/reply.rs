//! What a handler answers.

use scim::message::LIST_RESPONSE_SCHEMA;
use serde_json::{Map, Value as Json};

/// An answer of a handler.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) status: u16,
    /// The body as JSON; none where the answer has no body.
    pub(super) body: Option<String>,
    /// The address of the resource.
    pub(super) location: Option<String>,
    /// The resource's version.
    pub(super) etag: Option<String>,
}

impl Reply {
    /// An answer with a body.
    pub(super) fn ok(body: &impl ToString) -> Self {
        Self { status: 200, body: Some(body.to_string()), ..Self::default() }
    }

    /// An answer without a body.
    pub(super) fn empty(status: u16) -> Self {
        Self { status, ..Self::default() }
    }

    /// An answer that shows a resource.
    pub(super) fn resource(status: u16, resource: &Resource) -> Self {
        Self {
            status,
            body: Some(resource.text()),
            location: Some(resource.location.clone()),
            etag: Some(resource.etag.clone()),
        }
    }
}

/// A resource as it is shown.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Resource {
    pub(super) attributes: Map<String, Json>,
    /// The array of a group's members, as JSON: as text, because there may be very many.
    pub(super) members: Option<String>,
    pub(super) location: String,
    pub(super) etag: String,
}

impl Resource {
    /// The resource as JSON.
    pub(super) fn text(&self) -> String {
        let mut text = Json::Object(self.attributes.clone()).to_string();
        if let Some(members) = &self.members
            && text.ends_with('}')
        {
            text.truncate(text.len() - 1);
            text.reserve(members.len() + 14);
            text.push_str(if self.attributes.is_empty() { "\"members\":" } else { ",\"members\":" });
            text.push_str(members);
            text.push('}');
        }
        text
    }
}

/// A page of resources.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Page {
    pub(super) resources: Vec<Resource>,
    pub(super) total: u64,
    /// The place of the first resource, in paging by index.
    pub(super) start_index: Option<u64>,
    /// Where the next page begins, in paging by cursor.
    pub(super) next_cursor: Option<String>,
}

impl Page {
    /// The page as a `ListResponse` (RFC 7644, section 3.4.2).
    pub(super) fn text(&self) -> String {
        let mut head = Map::new();
        head.insert("schemas".to_owned(), Json::Array(vec![LIST_RESPONSE_SCHEMA.into()]));
        head.insert("totalResults".to_owned(), self.total.into());
        head.insert("itemsPerPage".to_owned(), self.resources.len().into());
        if let Some(start) = self.start_index {
            head.insert("startIndex".to_owned(), start.into());
        }
        if let Some(next) = &self.next_cursor {
            head.insert("nextCursor".to_owned(), next.as_str().into());
        }
        let mut text = Json::Object(head).to_string();
        text.truncate(text.len().saturating_sub(1));
        text.push_str(",\"Resources\":[");
        for (place, resource) in self.resources.iter().enumerate() {
            if place > 0 {
                text.push(',');
            }
            text.push_str(&resource.text());
        }
        text.push_str("]}");
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use scim::message::ListResponse;
    use serde_json::json;

    #[test]
    fn members_stand_among_the_attributes() {
        let mut group = Resource { members: Some("[{\"value\":\"1\"}]".to_owned()), ..Resource::default() };
        assert_eq!(
            serde_json::from_str::<Json>(&group.text()).unwrap(),
            json!({"members": [{"value": "1"}]})
        );
        group.attributes.insert("id".to_owned(), "g".into());
        let both = json!({"id": "g", "members": [{"value": "1"}]});
        assert_eq!(serde_json::from_str::<Json>(&group.text()).unwrap(), both);
        let page = Page { resources: vec![group.clone(), group], total: 7, ..Page::default() };
        let read: ListResponse = serde_json::from_str(&page.text()).unwrap();
        assert_eq!(
            (read.total_results, read.items_per_page, read.resources),
            (Some(7), Some(2), vec![both.clone(), both])
        );
        let empty: ListResponse = serde_json::from_str(&Page::default().text()).unwrap();
        assert_eq!(empty.resources, Vec::<Json>::new());
    }
}
