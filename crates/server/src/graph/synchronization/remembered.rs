//! Collections of what a job remembers: links, failures that wait, excluded objects and drift, page by page.
//!
//! Each is ordered by a key of the store's, which the token of the next page carries. A filter is compared member by
//! member, but for anchors of links, which are looked up.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use graph::GraphError;
use graph::collection::Page;
use graph::odata::filter::{Expr, Literal, Operator};
use graph::odata::matches;
use graph::synchronization::managed::{
    SynchronizationDrift, SynchronizationEscrow, SynchronizationExclusion, SynchronizationLink,
};
use model::job::Job;
use model::link::{Entry, LinkState, Origin};
use model::{Anchor, Name};
use serde_json::{Map, Value as Json};
use store::{Drift, DriftKind, Escrow, Exclusion, Wait};

use super::members::members;
use super::owner::Owner;
use crate::graph::call::Call;
use crate::graph::error::ApiError;
use crate::graph::filter::check_paths;
use crate::graph::route::Answer;

/// Rows that are read at once where a filter may leave some out.
const SCAN_PAGE: usize = 500;

const LINK: [&str; 11] = [
    "id",
    "ruleId",
    "mappingName",
    "sourceAnchor",
    "sourceObjectType",
    "targetAnchor",
    "targetObjectType",
    "displayName",
    "state",
    "origin",
    "isDisabled",
];
const ESCROW: [&str; 12] = [
    "id",
    "ruleId",
    "sourceAnchor",
    "sourceObjectType",
    "errorCode",
    "reason",
    "attribute",
    "recommendedAction",
    "attempts",
    "firstFailedDateTime",
    "nextAttemptDateTime",
    "givenUpDateTime",
];
const EXCLUSION: [&str; 5] = ["id", "sourceAnchor", "reason", "createdBy", "createdDateTime"];
const DRIFT: [&str; 12] = [
    "id",
    "ruleId",
    "sourceAnchor",
    "sourceObjectType",
    "targetAnchor",
    "targetObjectType",
    "displayName",
    "kind",
    "attribute",
    "expected",
    "found",
    "sinceDateTime",
];

/// A collection of what a job remembers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Remembered {
    Links,
    Escrows,
    Exclusions,
    Drift,
}

/// GET `links`.
pub(super) async fn links(call: Call) -> Answer {
    list(&call, Remembered::Links).await
}

/// GET `escrows`.
pub(super) async fn escrows(call: Call) -> Answer {
    list(&call, Remembered::Escrows).await
}

/// GET `exclusions`.
pub(super) async fn exclusions(call: Call) -> Answer {
    list(&call, Remembered::Exclusions).await
}

/// GET `drift`.
pub(super) async fn drift(call: Call) -> Answer {
    list(&call, Remembered::Drift).await
}

async fn list(call: &Call, what: Remembered) -> Answer {
    let owner = call.owner().await?;
    let job = owner.job().await?;
    refuse_order(call)?;
    if let Some(filter) = &call.options.filter {
        check_paths("collection", what.properties(), filter)?;
    }
    let limit = call.page_size();
    let (mut rows, more) = match looked_up(&owner, &job, what).await? {
        Some(rows) => (rows, false),
        None => scan(&owner, &job, what, limit).await?,
    };
    rows.truncate(limit);
    let next_link = match rows.last() {
        Some((key, _)) if more => Some(call.next_link_after(key)),
        _ => None,
    };
    let count = if call.options.count { Some(count(&owner, &job, what).await?) } else { None };
    let value = rows.into_iter().map(|(_, row)| Json::Object(row)).collect();
    let fragment = format!("{}/jobs('{}')/{}", owner.path, job.id, what.segment());
    Ok(call.page(&fragment, Page { value, count, next_link, delta_link: None }))
}

impl Remembered {
    fn segment(self) -> &'static str {
        match self {
            Self::Links => "links",
            Self::Escrows => "escrows",
            Self::Exclusions => "exclusions",
            Self::Drift => "drift",
        }
    }

    /// What a filter may name.
    fn properties(self) -> &'static [&'static str] {
        match self {
            Self::Links => &LINK,
            Self::Escrows => &ESCROW,
            Self::Exclusions => &EXCLUSION,
            Self::Drift => &DRIFT,
        }
    }
}

fn refuse_order(call: &Call) -> Result<(), GraphError> {
    let options = &call.options;
    if options.order_by.is_empty() && options.search.is_none() && options.skip.is_none() {
        return Ok(());
    }
    Err(GraphError::bad_request(
        "This collection has an order of its own: '$orderby', '$search' and '$skip' are not supported. Use '$filter', '$top' and '@odata.nextLink'.",
    ))
}

/// A row with its key.
type Row = (String, Map<String, Json>);
type Rows = Vec<Row>;

fn wanted(call: &Call, row: &Map<String, Json>) -> bool {
    call.options.filter.as_ref().is_none_or(|filter| matches(filter, row))
}

/// A page, and whether more follow.
async fn scan(
    owner: &Owner<'_>,
    job: &Job,
    what: Remembered,
    limit: usize,
) -> Result<(Rows, bool), ApiError> {
    let call = owner.call;
    let mut after = call.after_key()?;
    let mut found = Rows::new();
    let size = if call.options.filter.is_some() { SCAN_PAGE } else { limit + 1 };
    loop {
        let page = read(owner, job, what, after.take(), size).await?;
        let last = page.len() < size;
        after = page.last().map(|(key, _)| key.clone());
        found.extend(page.into_iter().filter(|(_, row)| wanted(call, row)));
        if found.len() > limit || last {
            let more = found.len() > limit;
            return Ok((found, more));
        }
    }
}

async fn count(owner: &Owner<'_>, job: &Job, what: Remembered) -> Result<u64, ApiError> {
    let (mut count, mut after) = (0, None);
    loop {
        let page = read(owner, job, what, after.take(), SCAN_PAGE).await?;
        count += page.iter().filter(|(_, row)| wanted(owner.call, row)).count() as u64;
        match page.last() {
            Some((key, _)) if page.len() == SCAN_PAGE => after = Some(key.clone()),
            _ => return Ok(count),
        }
    }
}

/// The rows of a filter that names an anchor of links; none where it does not.
async fn looked_up(owner: &Owner<'_>, job: &Job, what: Remembered) -> Result<Option<Rows>, ApiError> {
    let store = &owner.call.service().store;
    let Some(filter) = owner.call.options.filter.as_ref().filter(|_| what == Remembered::Links) else {
        return Ok(None);
    };
    for condition in filter.conjuncts() {
        let Expr::Compare { path, operator: Operator::Equal, value } = condition else { continue };
        let anchor = match value {
            Literal::Text(text) if !text.is_empty() => Anchor::new(text.clone()),
            Literal::Guid(guid) => Anchor::new(guid.to_string()),
            _ => continue,
        };
        let entries = if path.is("sourceAnchor") {
            store.entries(&job.id, &[anchor]).await?
        } else if path.is("targetAnchor") {
            store.owners(&job.id, &[anchor]).await?
        } else {
            continue;
        };
        let mut rows = Rows::new();
        for entry in &entries {
            rows.extend(link_row(entry)?.filter(|(_, row)| wanted(owner.call, row)));
        }
        return Ok(Some(rows));
    }
    Ok(None)
}

/// A page of the store's, with the key of each row.
async fn read(
    owner: &Owner<'_>,
    job: &Job,
    what: Remembered,
    after: Option<String>,
    limit: usize,
) -> Result<Rows, ApiError> {
    let store = &owner.call.service().store;
    let pair =
        || after.as_deref().map(|key| unpack(key).ok_or_else(|| GraphError::not_found(key))).transpose();
    let mut rows = Rows::new();
    match what {
        Remembered::Links => {
            for entry in store.links(&job.id, pair()?, limit).await? {
                rows.extend(link_row(&entry)?);
            }
        }
        Remembered::Escrows => {
            let mut passed = pair()?;
            loop {
                let page = store.escrows(&job.id, passed, limit).await?;
                let last = page.last().filter(|_| page.len() == limit);
                passed = last.map(|last| (last.rule.clone(), last.source.clone()));
                // What waits for a change did not fail.
                for escrow in page.into_iter().filter(|escrow| escrow.wait != Wait::Change) {
                    let key = pack(&escrow.rule, &escrow.source);
                    rows.push((key, members(&escrow_resource(escrow))?));
                }
                if passed.is_none() || rows.len() >= limit {
                    break;
                }
            }
        }
        Remembered::Exclusions => {
            let after = after.map(Anchor::new);
            for exclusion in store.exclusions(&job.id, after, limit).await? {
                let key = exclusion.source.to_string();
                rows.push((key, members(&exclusion_resource(exclusion))?));
            }
        }
        Remembered::Drift => {
            let after = after.and_then(|key| key.parse().ok()).unwrap_or(0);
            for (number, drift) in store.drift(&job.id, after, limit).await? {
                rows.push((number.to_string(), members(&drift_resource(number, drift))?));
            }
        }
    }
    Ok(rows)
}

/// The id of something that a rule remembers of a source object.
pub(super) fn pack(rule: &Name, source: &Anchor) -> String {
    URL_SAFE_NO_PAD.encode(format!("{rule}\0{source}"))
}

/// The rule and the source object of an id.
pub(super) fn unpack(id: &str) -> Option<(Name, Anchor)> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(id).ok()?).ok()?;
    let (rule, source) = text.split_once('\0')?;
    Some((rule.into(), Anchor::new(source)))
}

fn link_row(entry: &Entry) -> Result<Option<Row>, GraphError> {
    let Some(resource) = link_resource(entry) else { return Ok(None) };
    Ok(Some((resource.id.clone(), members(&resource)?)))
}

/// The link of an entry, where it has one.
pub(super) fn link_resource(entry: &Entry) -> Option<SynchronizationLink> {
    let link = entry.link.as_ref()?;
    Some(SynchronizationLink {
        id: pack(&entry.rule, &entry.source),
        rule_id: entry.rule.to_string(),
        mapping_name: entry.mapping.to_string(),
        source_anchor: entry.source.to_string(),
        source_object_type: entry.kind.to_string(),
        target_anchor: link.anchor.to_string(),
        target_object_type: link.kind.to_string(),
        display_name: entry.display_name.as_ref().map(ToString::to_string),
        state: match link.state {
            LinkState::Active => "active",
            LinkState::Released => "released",
        },
        origin: match link.origin {
            Origin::Created => "created",
            Origin::Matched => "matched",
        },
        is_disabled: link.disabled,
    })
}

fn escrow_resource(escrow: Escrow) -> SynchronizationEscrow {
    let given_up = escrow.wait == Wait::GivenUp;
    SynchronizationEscrow {
        id: pack(&escrow.rule, &escrow.source),
        rule_id: escrow.rule.to_string(),
        source_anchor: escrow.source.to_string(),
        source_object_type: escrow.kind.to_string(),
        error_code: escrow.failure.code.wire(),
        reason: escrow.failure.detail,
        attribute: escrow.failure.attribute.map(|name| name.to_string()),
        recommended_action: escrow.failure.code.advice(),
        attempts: escrow.attempts,
        first_failed_date_time: escrow.first,
        next_attempt_date_time: (!given_up).then_some(escrow.next),
        given_up_date_time: given_up.then_some(escrow.next),
    }
}

/// An exclusion as a resource; its id is the anchor in a form that a path can carry.
pub(super) fn exclusion_resource(exclusion: Exclusion) -> SynchronizationExclusion {
    SynchronizationExclusion {
        id: URL_SAFE_NO_PAD.encode(exclusion.source.as_str()),
        source_anchor: exclusion.source.to_string(),
        reason: exclusion.reason,
        created_by: exclusion.author,
        created_date_time: exclusion.moment,
    }
}

/// The source object of an exclusion's id.
pub(super) fn excluded(id: &str) -> Option<Anchor> {
    String::from_utf8(URL_SAFE_NO_PAD.decode(id).ok()?).ok().map(Anchor::new)
}

fn drift_resource(number: u64, drift: Drift) -> SynchronizationDrift {
    SynchronizationDrift {
        id: number.to_string(),
        rule_id: drift.rule.to_string(),
        source_anchor: drift.source.to_string(),
        source_object_type: drift.kind.to_string(),
        target_anchor: drift.target.to_string(),
        target_object_type: drift.target_kind.to_string(),
        display_name: drift.display_name.map(|name| name.to_string()),
        kind: match drift.what {
            DriftKind::Value => "valueChanged",
            DriftKind::Missing => "accountMissing",
            DriftKind::Added => "referenceAdded",
            DriftKind::Removed => "referenceRemoved",
        },
        attribute: Some(drift.attribute.to_string()).filter(|name| !name.is_empty()),
        expected: drift.expected,
        found: drift.found,
        since_date_time: drift.since,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_carry_any_anchor() {
        for (rule, source) in [("r1", "cn=Zoë/x,dc=e"), ("", "a"), ("it's", "b\0c")] {
            let (rule, source) = (Name::from(rule), Anchor::new(source));
            let id = pack(&rule, &source);
            assert!(id.bytes().all(|one| one.is_ascii_alphanumeric() || one == b'-' || one == b'_'), "{id}");
            assert_eq!(unpack(&id), Some((rule, source)));
        }
        assert_eq!(unpack("not an id"), None);
    }
}
