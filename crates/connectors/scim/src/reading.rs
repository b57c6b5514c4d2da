//! Finding, reading and listing objects.

use connector::{ConnectorError, Cursor, ErrorClass, Result, Selection, TargetPage};
use model::{Anchor, FailureCode, Name, Object, Value};
use scim::Path;
use scim::build::{BuildError, equality, read_path};
use scim::message::ListResponse;
use serde_json::Value as Json;

use crate::answer::{Answer, id_of};
use crate::discovery::Kind;
use crate::target::{ScimTarget, path_of};

/// Leaves out what may be large.
const WITHOUT_MEMBERS: (&str, &str) = ("excludedAttributes", "members");

impl ScimTarget {
    /// Asks by filter, and checks that what came back satisfies the filter: some services ignore it.
    pub(crate) async fn find_objects(
        &self,
        selection: &Selection,
        attribute: &Name,
        value: &Value,
        case_exact: bool,
    ) -> Result<Vec<Object>> {
        let kind = self.service().await?.kind(&selection.kind)?;
        let path = path_of(attribute)?;
        let filter =
            equality(&path, value, &kind.schema).map_err(|error| cannot_be_written(attribute, &error))?;
        let filter = filter.to_string();
        let mut query = vec![("filter", filter.as_str())];
        query.extend(kind.has_members.then_some(WITHOUT_MEMBERS));
        let answer = self.client.get(self.client.url(&kind.endpoint, None, &query)?).await?;
        let answer = collection(answer)?;
        let page: ListResponse = answer.json("a list of resources")?;
        let satisfies = |resource: &&Json| {
            let seen = read_path(resource, &path, None, &kind.schema);
            seen.values().iter().any(|seen| same(seen, value, case_exact))
        };
        let fitting: Vec<&Json> = page.resources.iter().filter(satisfies).collect();
        let more_than_shown = page.total_results > page.resources.len() as u64;
        if fitting.is_empty() && !page.resources.is_empty() && more_than_shown {
            let expected = format!(
                "where resources with {attribute} equal to the value were expected: the target ignores filters on it, \
                 so objects cannot be matched by it"
            );
            return Err(answer.incompatible(&expected));
        }
        let shape = Shape::new(selection)?;
        fitting.into_iter().map(|resource| shape.object(resource, kind, &answer)).collect()
    }

    pub(crate) async fn read_object(&self, selection: &Selection, anchor: &Anchor) -> Result<Option<Object>> {
        let kind = self.service().await?.kind(&selection.kind)?;
        match self.resource(kind, anchor, false).await {
            Ok((resource, answer)) => {
                let object = Shape::new(selection)?.object(&resource, kind, &answer)?;
                self.recent.put(anchor, resource);
                Ok(Some(object))
            }
            Err(error) if error.class == ErrorClass::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// One resource as the service shows it, with or without its members.
    pub(crate) async fn resource(&self, kind: &Kind, anchor: &Anchor, whole: bool) -> Result<(Json, Answer)> {
        let query: Vec<_> = (kind.has_members && !whole).then_some(WITHOUT_MEMBERS).into_iter().collect();
        let url = self.client.url(&kind.endpoint, Some(anchor.as_str()), &query)?;
        let answer = self.client.get(url).await?.granted()?;
        let resource: Json = answer.json("a resource")?;
        if !resource.is_object() {
            return Err(answer.incompatible("where a resource was expected"));
        }
        Ok((resource, answer))
    }

    /// One page, by index or by cursor. A page that begins with the resource with which the page before began comes
    /// from a service that ignores paging.
    pub(crate) async fn list_objects(
        &self,
        selection: &Selection,
        cursor: Option<&Cursor>,
    ) -> Result<TargetPage> {
        let service = self.service().await?;
        let kind = service.kind(&selection.kind)?;
        let place = Place::read(cursor, service.pages_by_cursor)?;
        let count = service.max_results.map_or(self.page_size, |most| most.min(self.page_size)).to_string();
        let start = place.start();
        let mut query = vec![("count", count.as_str())];
        query.push(match &place {
            Place::Index { .. } => ("startIndex", start.as_str()),
            Place::Cursor(text) => ("cursor", text.as_str()),
        });
        query.extend(kind.has_members.then_some(WITHOUT_MEMBERS));
        let answer = collection(self.client.get(self.client.url(&kind.endpoint, None, &query)?).await?)?;
        let page: ListResponse = answer.json("a list of resources")?;
        let next = place.after(&page, &answer)?;
        let shape = Shape::new(selection)?;
        let objects: Result<Vec<Object>> =
            page.resources.iter().map(|resource| shape.object(resource, kind, &answer)).collect();
        Ok(TargetPage { objects: objects?, next, total: Some(page.total_results) })
    }
}

/// An answer of an endpoint, which must exist.
fn collection(answer: Answer) -> Result<Answer> {
    if answer.status == reqwest::StatusCode::NOT_FOUND {
        return Err(answer.incompatible("where a list of resources was expected; correct BaseAddress"));
    }
    answer.granted()
}

/// A value that cannot be sent at an attribute's path.
pub(crate) fn cannot_be_written(attribute: &Name, error: &BuildError) -> ConnectorError {
    let class = ErrorClass::Invalid { attribute: Some(attribute.clone()) };
    ConnectorError::new(class, format!("the value of {attribute} cannot be sent: {}", error.reason))
        .code(FailureCode::SchemaPropertyCanOnlyAcceptValue)
}

/// True where two single values are equal as texts.
fn same(left: &Value, right: &Value, case_exact: bool) -> bool {
    let (left, right) = (left.to_string(), right.to_string());
    left == right || (!case_exact && left.to_lowercase() == right.to_lowercase())
}

/// The attributes that are read from every resource.
pub(crate) struct Shape<'a> {
    kind: &'a Name,
    paths: Vec<(&'a Name, Path)>,
}

impl<'a> Shape<'a> {
    pub(crate) fn new(selection: &'a Selection) -> Result<Self> {
        let paths: Result<Vec<_>> =
            selection.attributes.iter().map(|name| Ok((name, path_of(name)?))).collect();
        Ok(Self { kind: &selection.kind, paths: paths? })
    }

    /// A resource as an object; its anchor is its id.
    pub(crate) fn object(&self, resource: &Json, kind: &Kind, answer: &Answer) -> Result<Object> {
        let Some(id) = id_of(resource) else {
            return Err(answer.incompatible("where a resource with an id was expected"));
        };
        Ok(self.object_with(resource, kind, Anchor::new(id)))
    }

    /// The same for a resource whose id is known from elsewhere.
    pub(crate) fn object_with(&self, resource: &Json, kind: &Kind, anchor: Anchor) -> Object {
        let attributes = self
            .paths
            .iter()
            .map(|(name, path)| ((*name).clone(), read_path(resource, path, None, &kind.schema)));
        Object { kind: self.kind.clone(), anchor, attributes: attributes.collect() }
    }
}

/// A place in a list.
enum Place {
    /// The next resource's place, from 1, and the id with which the page before began.
    Index { start: u64, before: Option<String> },
    /// The service's own cursor.
    Cursor(String),
}

impl Place {
    fn read(cursor: Option<&Cursor>, by_cursor: bool) -> Result<Self> {
        let Some(Cursor(text)) = cursor else {
            return Ok(if by_cursor {
                Self::Cursor(String::new())
            } else {
                Self::Index { start: 1, before: None }
            });
        };
        let place = match text.split_once(':') {
            Some(("cursor", text)) => Some(Self::Cursor(text.to_owned())),
            Some(("index", rest)) => rest.split_once(':').and_then(|(start, before)| {
                Some(Self::Index { start: start.parse().ok()?, before: Some(before.to_owned()) })
            }),
            _ => None,
        };
        place.ok_or_else(|| {
            ConnectorError::new(
                ErrorClass::CursorRefused,
                format!("\"{text}\" is no place in a list of this target"),
            )
        })
    }

    fn start(&self) -> String {
        match self {
            Self::Index { start, .. } => start.to_string(),
            Self::Cursor(_) => String::new(),
        }
    }

    /// Where the next page begins; none after the last.
    fn after(&self, page: &ListResponse, answer: &Answer) -> Result<Option<Cursor>> {
        let Self::Index { start, before } = self else {
            return Ok(page.next_cursor.as_ref().map(|next| Cursor(format!("cursor:{next}"))));
        };
        let first = page.resources.first().and_then(id_of);
        let elsewhere = page.start_index.is_some_and(|shown| shown != *start) && !page.resources.is_empty();
        if before.is_some() && (elsewhere || first == *before) {
            let expected = format!("where a page from place {start} was expected: the target does not page");
            return Err(answer.incompatible(&expected));
        }
        let next = start + page.resources.len() as u64;
        Ok(match first {
            Some(first) if next <= page.total_results => Some(Cursor(format!("index:{next}:{first}"))),
            _ => None,
        })
    }
}
