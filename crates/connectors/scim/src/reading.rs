//! Finding, reading and listing objects.

use std::collections::HashSet;
use std::hash::{BuildHasher as _, RandomState};

use connector::{ConnectorError, Cursor, ErrorClass, Result, Selection, TargetPage};
use model::{Anchor, FailureCode, Name, Object, Value};
use reqwest::StatusCode;
use scim::build::{BuildError, read_path};
use scim::message::ListResponse;
use scim::{Path, ScimType};
use serde_json::Value as Json;

use crate::answer::{Answer, id_of};
use crate::discovery::Kind;
use crate::place::Place;
use crate::target::{ScimTarget, path_of};

/// Pages in a row of a list that may bring nothing new. What moves while it is listed may be told twice.
const MOST_REPEATED: usize = 100;
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
        let service = self.service().await?;
        let kind = service.kind(&selection.kind)?;
        let path = path_of(attribute)?;
        let shape = Shape::new(selection)?;
        let satisfies = |resource: &&Json| {
            let seen = read_path(resource, &path, None, &kind.schema);
            seen.values().iter().any(|seen| same(seen, value, case_exact))
        };
        if self.quirks.cannot_filter_by(attribute) {
            return self.find_in_list(kind, &shape, satisfies).await;
        }
        let filter = self
            .patch_profile
            .equality(&path, value, &kind.schema)
            .map_err(|error| cannot_be_written(attribute, &error))?;
        let mut query: Vec<_> = kind.has_members.then_some(WITHOUT_MEMBERS).into_iter().collect();
        query.push(("filter", filter.as_str()));
        let answer = self.client.get(self.client.url(&kind.endpoint, None, &query)?).await?;
        let answer = filtered(answer, attribute)?;
        let page: ListResponse = answer.json("a list of resources")?;
        let fitting: Vec<&Json> = page.resources.iter().filter(satisfies).collect();
        if fitting.is_empty()
            && let Some(reason) = hides_resources(&page, service.pages_by_cursor)
        {
            let expected = format!(
                "where resources with {attribute} equal to the value were expected: {reason}, so objects cannot be \
                 matched by {attribute}; match by another attribute, or set Target.NoFilterOn to it"
            );
            return Err(answer.incompatible(&expected));
        }
        fitting.into_iter().map(|resource| shape.object(resource, kind, &answer)).collect()
    }

    /// Reads the whole list for the resources that satisfy a condition.
    async fn find_in_list(
        &self,
        kind: &Kind,
        shape: &Shape<'_>,
        satisfies: impl Fn(&&Json) -> bool,
    ) -> Result<Vec<Object>> {
        let (mut found, mut cursor) = (Vec::new(), None);
        // Ids as hashes under a key of this process, and pages in a row without a new one.
        let (mut seen, hashes, mut repeated) = (HashSet::new(), RandomState::new(), 0);
        loop {
            let Listed { page, answer, next } = self.page(kind, cursor.as_ref()).await?;
            let before = seen.len();
            for resource in &page.resources {
                let again = id_of(resource).is_some_and(|id| !seen.insert(hashes.hash_one(id)));
                if !again && satisfies(&resource) {
                    found.push(shape.object(resource, kind, &answer)?);
                }
            }
            repeated = if seen.len() == before { repeated + 1 } else { 0 };
            match next {
                Some(_) if repeated >= MOST_REPEATED => {
                    let expected = format!(
                        "where the list of {} should end: {repeated} pages in a row had no resource that was not listed \
                         before; correct how the target pages",
                        kind.endpoint
                    );
                    return Err(answer.incompatible(&expected));
                }
                Some(next) => cursor = Some(next),
                None => return Ok(found),
            }
        }
    }

    pub(crate) async fn read_object(&self, selection: &Selection, anchor: &Anchor) -> Result<Option<Object>> {
        let kind = self.service().await?.kind(&selection.kind)?;
        match self.resource(kind, anchor, false).await {
            Ok((resource, answer)) => {
                let object = Shape::new(selection)?.object(&resource, kind, &answer)?;
                self.recent.put(kind, anchor, resource);
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

    pub(crate) async fn list_objects(
        &self,
        selection: &Selection,
        cursor: Option<&Cursor>,
    ) -> Result<TargetPage> {
        let kind = self.service().await?.kind(&selection.kind)?;
        let Listed { page, answer, next } = self.page(kind, cursor).await?;
        let shape = Shape::new(selection)?;
        let objects: Result<Vec<Object>> =
            page.resources.iter().map(|resource| shape.object(resource, kind, &answer)).collect();
        Ok(TargetPage { objects: objects?, next, total: page.total_results })
    }

    /// One page of a list, by index or by cursor.
    async fn page(&self, kind: &Kind, cursor: Option<&Cursor>) -> Result<Listed> {
        let service = self.service().await?;
        let place = Place::read(cursor, service.pages_by_cursor)?;
        let count = service.max_results.map_or(self.page_size, |most| most.min(self.page_size));
        let (size, start) = (count.to_string(), place.start());
        let mut query: Vec<_> = kind.has_members.then_some(WITHOUT_MEMBERS).into_iter().collect();
        query.push(("count", size.as_str()));
        query.push(match &place {
            Place::Index { .. } => ("startIndex", start.as_str()),
            Place::Cursor { text, .. } => ("cursor", text.as_str()),
        });
        let answer = self.client.get(self.client.url(&kind.endpoint, None, &query)?).await?;
        if place.is_beyond()
            && answer.status.is_client_error()
            && answer.status != StatusCode::UNAUTHORIZED
            && !answer.refused().is_transient()
        {
            // There was nothing more, and the service says so by an error.
            return Ok(Listed { page: ListResponse::page(Vec::new(), 1, 0), answer, next: None });
        }
        let answer = collection(answer)?;
        let mut page: ListResponse = answer.json("a list of resources")?;
        let next = place.after(&mut page, count, &answer)?;
        Ok(Listed { page, answer, next })
    }
}

/// A page as it came.
struct Listed {
    page: ListResponse,
    answer: Answer,
    next: Option<Cursor>,
}

/// Why a page that shows nobody who was asked for by a filter does not tell that there is nobody; none where it does. A
/// service that pages by cursor need not tell the total, but tells where there is more.
fn hides_resources(page: &ListResponse, by_cursor: bool) -> Option<&'static str> {
    let more = match page.total_results {
        Some(total) => total > page.resources.len() as u64,
        None => !by_cursor || page.next().is_some(),
    };
    if page.resources.is_empty() {
        let goes_on = page.total_results.is_none() && page.next().is_some();
        return goes_on.then_some("the list by a filter on it goes on after a page that shows nothing");
    }
    more.then_some("the target ignores filters on it")
}

/// The answer to a query with a filter.
fn filtered(answer: Answer, attribute: &Name) -> Result<Answer> {
    let is_refused = answer.status == StatusCode::NOT_IMPLEMENTED
        || (answer.status == StatusCode::BAD_REQUEST && answer.scim_type() == Some(&ScimType::InvalidFilter));
    if !is_refused {
        return collection(answer);
    }
    let advice = format!(
        "the target cannot filter by {attribute}: match by another attribute, or set Target.NoFilterOn to it, so that \
         the whole list is read"
    );
    Err(answer.refused_with(&advice))
}

/// An answer of an endpoint, which must exist.
fn collection(answer: Answer) -> Result<Answer> {
    if answer.status == StatusCode::NOT_FOUND {
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
