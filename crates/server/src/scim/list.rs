//! Lists: GET with a filter, and POST `/.search`.

use std::collections::HashMap;

use directory::{DirectoryObject, ListQuery, Presence};
use model::Uuid;
use scim::message::{SEARCH_REQUEST_SCHEMA, SearchRequest};
use scim::path::AttributePath;
use scim::selection::Selection;
use scim::sort::{self, Order};
use scim::{Error, Filter, ScimType};
use serde_json::Value as Json;
use tokio::sync::SemaphorePermit;

use super::call::Call;
use super::candidates::Candidates;
use super::failure::{Failure, Result};
use super::intake;
use super::kind::Kind;
use super::matching::Matcher;
use super::places::Place;
use super::reply::{Page, Reply, Resource};
use super::view::{View, attributes};

/// Resources in a page where the client does not say.
pub(super) const DEFAULT_COUNT: usize = 100;
/// Resources in a page at most.
pub(super) const MOST: usize = 1_000;
/// The last resource of a sorted list that can be asked for.
const MOST_SORTED: usize = 10_000;
/// Objects read from the store at once where each is held against a filter.
const SCAN: usize = 500;

/// A list that a request asks for.
struct Wanted {
    kinds: Vec<Kind>,
    filter: Option<Filter>,
    selection: Selection,
    sort: Option<(AttributePath, Order)>,
    begin: Begin,
    count: usize,
    /// Tells lists apart that hold other resources or in another order.
    list: u128,
}

/// Where the page begins.
enum Begin {
    /// With so many resources before it.
    Index(u64),
    /// At a cursor.
    Cursor(Place),
}

/// GET of the resources of some types.
pub(super) async fn list(call: &Call, kinds: &[Kind]) -> Result<Reply> {
    let names = |name: &str| {
        let names = call.query.get(name).unwrap_or_default().split(',').map(str::trim);
        names.filter(|name| !name.is_empty()).map(str::to_owned).collect()
    };
    let text = |name: &str| call.query.get(name).map(str::to_owned);
    let cursor = call.query.present("cursor");
    let by_cursor = cursor.is_some();
    let request = SearchRequest {
        schemas: Vec::new(),
        attributes: names("attributes"),
        excluded_attributes: names("excludedAttributes"),
        filter: text("filter"),
        sort_by: text("sortBy"),
        sort_order: text("sortOrder"),
        start_index: call.query.number("startIndex")?,
        count: call.query.number("count").map_err(|mut failure| {
            if by_cursor {
                failure.error.scim_type = Some(ScimType::InvalidCount);
            }
            failure
        })?,
        cursor: cursor.map(str::to_owned),
    };
    answer(call, kinds, request).await
}

/// POST `/.search`: the same, asked for in the body.
pub(super) async fn search(call: &Call, kinds: &[Kind]) -> Result<Reply> {
    let request: SearchRequest = call.read()?;
    intake::check_message(&request.schemas, SEARCH_REQUEST_SCHEMA)?;
    answer(call, kinds, request).await
}

async fn answer(call: &Call, kinds: &[Kind], request: SearchRequest) -> Result<Reply> {
    let wanted = Wanted::read(call, kinds, request)?;
    let page = match &wanted.sort {
        Some((by, order)) => sorted(call, &wanted, by, *order).await?,
        None => paged(call, &wanted).await?,
    };
    Ok(Reply::ok(&page.text()))
}

impl Wanted {
    fn read(call: &Call, kinds: &[Kind], request: SearchRequest) -> Result<Self> {
        let filter = request.filter.filter(|filter| !filter.trim().is_empty());
        let filter = filter.map(|text| {
            text.parse::<Filter>().map_err(|error| Failure::from(Error::invalid_filter(&text, &error)))
        });
        let filter = filter.transpose()?;
        let order = Order::parse(request.sort_order.as_deref())?;
        let sort = request.sort_by.filter(|path| !path.trim().is_empty()).map(|text| {
            let path: std::result::Result<AttributePath, _> = text.parse();
            let path = path.map_err(|error| Failure::from(Error::invalid_path(&text, &error)))?;
            Ok::<_, Failure>((path, order))
        });
        let sort = sort.transpose()?;
        let authority = &call.service().tokens;
        let list = authority.seal(&format!(
            "SCIM list {} {kinds:?} {:?} {:?}",
            call.caller.tenant,
            filter.as_ref().map(ToString::to_string),
            sort.as_ref().map(|(path, order)| (path.to_string(), *order)),
        ));
        let begin = match request.cursor {
            Some(cursor) => Begin::Cursor(Place::read(&cursor, list, authority, call.service().clock.now())?),
            None => Begin::Index(
                request
                    .start_index
                    .and_then(|start| u64::try_from(start.saturating_sub(1)).ok())
                    .unwrap_or(0),
            ),
        };
        let count =
            request.count.map_or(DEFAULT_COUNT, |count| usize::try_from(count.max(0)).unwrap_or(MOST));
        if count > MOST && matches!(begin, Begin::Cursor(_)) {
            let detail = format!("count is {count}, but a page has {MOST} resources at most (maxPageSize)");
            return Err(Error::bad_request(ScimType::InvalidCount, detail).into());
        }
        Ok(Self {
            kinds: kinds.to_vec(),
            filter,
            selection: Selection::new(&request.attributes, &request.excluded_attributes)?,
            sort,
            begin,
            count: count.min(MOST),
            list,
        })
    }

    /// The page of these resources, of which so many come before.
    fn page(
        &self,
        call: &Call,
        resources: Vec<Resource>,
        before: u64,
        total: u64,
        next: Option<Place>,
    ) -> Page {
        match self.begin {
            Begin::Index(_) => Page { resources, total, start_index: Some(before + 1), next_cursor: None },
            Begin::Cursor(_) => {
                let service = call.service();
                let next = next.map(|place| place.cursor(self.list, &service.tokens, service.clock.now()));
                Page { resources, total, start_index: None, next_cursor: next }
            }
        }
    }
}

/// A page of a list in the order of ids.
async fn paged(call: &Call, wanted: &Wanted) -> Result<Page> {
    let now = call.service().clock.now();
    let (before, place) = match wanted.begin {
        Begin::Index(0) => (0, Place::default()),
        Begin::Index(index) => (index, call.scim.places.find(wanted.list, index, now).unwrap_or_default()),
        Begin::Cursor(place) => (place.index, place),
    };
    let mut scan = Scan::new(call, wanted, place).await?;
    let total = match place.total {
        Some(total) => Some(total),
        None => scan.known_total().await?,
    };
    // A total that is not known yet is counted to the end of the list.
    let skipped = scan.take(usize::try_from(before - place.index).unwrap_or(usize::MAX), false).await?;
    let found = if skipped.complete { scan.take(wanted.count, true).await? } else { Taken::default() };
    let total = match total {
        Some(total) => total,
        None => scan.seen + scan.take(usize::MAX, false).await?.number,
    };
    let resources = show(call, &wanted.selection, &found.objects).await?;
    let shown = resources.len();
    let index = before + shown as u64;
    let last = shown.checked_sub(1).and_then(|last| found.objects.get(last));
    let next = last.filter(|_| index < total).map(|(kind, object)| Place {
        kind: wanted.kinds.iter().position(|one| one == kind).unwrap_or_default(),
        after: Some(object.id),
        index,
        total: Some(total),
    });
    if let Some(next) = next {
        call.scim.places.remember(wanted.list, next, now);
    }
    Ok(wanted.page(call, resources, before, total, next))
}

/// A page of a sorted list: the first resources in the order are kept while all are looked at.
async fn sorted(call: &Call, wanted: &Wanted, by: &AttributePath, order: Order) -> Result<Page> {
    let before = match wanted.begin {
        Begin::Index(index) => index,
        Begin::Cursor(place) => place.index,
    };
    let end = usize::try_from(before).unwrap_or(usize::MAX).saturating_add(wanted.count);
    if end > MOST_SORTED {
        let detail = format!(
            "sortBy orders the first {MOST_SORTED} resources of a list: leave it out, or narrow the list with a filter"
        );
        return Err(Error::bad_request(ScimType::TooMany, detail).into());
    }
    let schema = wanted.kinds.first().copied().unwrap_or(Kind::User).schema();
    let mut scan = Scan::new(call, wanted, Place::default()).await?;
    let mut objects: HashMap<Uuid, (Kind, DirectoryObject)> = HashMap::new();
    let mut resources: Vec<Json> = Vec::new();
    loop {
        let taken = scan.take(SCAN, true).await?;
        for (kind, object) in taken.objects {
            resources.push(Json::Object(attributes(call, kind, &object)));
            objects.insert(object.id, (kind, object));
        }
        if resources.len() >= 2 * end.max(SCAN) || !taken.complete {
            sort::sort(&mut resources, by, order, schema);
            for gone in resources.drain(end.min(resources.len())..) {
                id_of(&gone).and_then(|id| objects.remove(&id));
            }
        }
        if !taken.complete {
            break;
        }
    }
    let start = usize::try_from(before).unwrap_or(usize::MAX).min(resources.len());
    let found: Vec<_> = resources.drain(start..).filter_map(|one| objects.remove(&id_of(&one)?)).collect();
    let shown = show(call, &wanted.selection, &found).await?;
    let index = before + shown.len() as u64;
    let total = scan.seen;
    let next = (!shown.is_empty() && index < total).then_some(Place {
        index,
        total: Some(total),
        ..Place::default()
    });
    Ok(wanted.page(call, shown, before, total, next))
}

fn id_of(resource: &Json) -> Option<Uuid> {
    resource.get("id").and_then(Json::as_str).and_then(|id| id.parse().ok())
}

/// Shows objects in their order; fewer where groups have very many members.
async fn show(
    call: &Call,
    selection: &Selection,
    found: &[(Kind, DirectoryObject)],
) -> Result<Vec<Resource>> {
    let mut shown = Vec::with_capacity(found.len());
    for run in found.chunk_by(|(one, _), (other, _)| one == other) {
        let Some((kind, _)) = run.first() else { continue };
        let objects: Vec<DirectoryObject> = run.iter().map(|(_, object)| object.clone()).collect();
        let resources = View::new(*kind, selection.clone()).show(call, &objects).await?;
        let whole = resources.len() == objects.len();
        shown.extend(resources);
        if !whole {
            break;
        }
    }
    Ok(shown)
}

/// Reads the resources of a list one after another.
struct Scan<'a> {
    call: &'a Call,
    kinds: &'a [Kind],
    matchers: Vec<(Candidates, Option<Matcher>)>,
    /// Which kind is read, and after which object.
    kind: usize,
    after: Option<Uuid>,
    /// Read, but not yet taken; the next one last.
    waiting: Vec<(Kind, DirectoryObject)>,
    /// How many resources were taken, and came before the place where this began.
    seen: u64,
    /// Held by lists that look at all resources of a type.
    _room: Option<SemaphorePermit<'a>>,
}

/// What was taken.
#[derive(Default)]
struct Taken {
    /// The resources, where they were asked for.
    objects: Vec<(Kind, DirectoryObject)>,
    /// How many.
    number: u64,
    /// True where as many were there as were asked for.
    complete: bool,
}

impl<'a> Scan<'a> {
    async fn new(call: &'a Call, wanted: &'a Wanted, place: Place) -> Result<Self> {
        let mut matchers = Vec::with_capacity(wanted.kinds.len());
        for kind in &wanted.kinds {
            let Some(filter) = &wanted.filter else {
                matchers.push((Candidates::Store(None), None));
                continue;
            };
            let domain = call.scim.domain(call.caller.tenant).await?;
            let candidates = Candidates::of(*kind, Some(filter), &domain);
            matchers.push((candidates, Some(Matcher::new(*kind, filter.clone())?)));
        }
        let everywhere = |(candidates, matcher): &(Candidates, Option<Matcher>)| {
            matcher.is_some() && *candidates == Candidates::Store(None)
        };
        let room = if wanted.sort.is_some() || matchers.iter().any(everywhere) {
            call.scim.scans.acquire().await.ok()
        } else {
            None
        };
        Ok(Self {
            call,
            kinds: &wanted.kinds,
            matchers,
            _room: room,
            kind: place.kind,
            after: place.after,
            waiting: Vec::new(),
            seen: place.index,
        })
    }

    /// How many resources the list has, where the store counts them.
    async fn known_total(&self) -> Result<Option<u64>> {
        if self.matchers.iter().any(|(_, matcher)| matcher.is_some()) {
            return Ok(None);
        }
        let mut total = 0;
        for kind in self.kinds {
            total += self.call.directory().count(kind.object(), Presence::Live, None).await?;
        }
        Ok(Some(total))
    }

    /// Takes the next resources, keeping them or not.
    async fn take(&mut self, number: usize, keep: bool) -> Result<Taken> {
        let mut taken = Taken::default();
        while taken.number < number as u64 {
            if let Some(next) = self.waiting.pop() {
                taken.number += 1;
                self.seen += 1;
                if keep {
                    taken.objects.push(next);
                }
            } else if !self.fill(number - usize::try_from(taken.number).unwrap_or(number)).await? {
                return Ok(taken);
            }
        }
        taken.complete = true;
        Ok(taken)
    }

    /// Reads on; false at the end of the list.
    async fn fill(&mut self, number: usize) -> Result<bool> {
        while let (Some(kind), Some((candidates, matcher))) =
            (self.kinds.get(self.kind), self.matchers.get(self.kind))
        {
            let limit = if matcher.is_some() { SCAN } else { number.min(MOST) };
            let kind = *kind;
            let (objects, next) = self.read(kind, candidates, limit).await?;
            let objects = match matcher {
                Some(matcher) => matcher.matching(self.call, objects).await?,
                None => objects,
            };
            self.waiting = objects.into_iter().rev().map(|object| (kind, object)).collect();
            self.after = next;
            self.kind += usize::from(next.is_none());
            if !self.waiting.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Objects after the place, and the last one that was looked at; none of that where no more are left.
    async fn read(
        &self,
        kind: Kind,
        candidates: &Candidates,
        limit: usize,
    ) -> Result<(Vec<DirectoryObject>, Option<Uuid>)> {
        let directory = self.call.directory();
        let ids = match candidates {
            Candidates::Nothing => return Ok((Vec::new(), None)),
            Candidates::Store(predicate) => {
                let query = ListQuery {
                    kind: kind.object(),
                    presence: Presence::Live,
                    predicate: predicate.clone(),
                    after: self.after,
                    limit,
                };
                let objects = directory.list(query).await?;
                let last = objects.last().map(|object| object.id).filter(|_| objects.len() == limit);
                return Ok((objects, last));
            }
            Candidates::Referring(relation, to) => {
                directory.relating(*relation, *to, self.after, limit).await?
            }
            Candidates::Referred(relation, from) => {
                directory.related(*relation, *from, self.after, limit).await?
            }
        };
        let mut objects = directory.by_id(&ids).await?;
        objects.retain(|object| object.kind == kind.object());
        Ok((objects, ids.last().copied().filter(|_| ids.len() == limit)))
    }
}
