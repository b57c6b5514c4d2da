//! `/auditLogs/provisioning`: what cycles decided about objects, worded as it is read.

use graph::GraphError;
use graph::collection::Page;
use graph::odata::matches;
use graph::synchronization::ProvisioningObjectSummary;
use model::Uuid;
use serde_json::{Map, Value as Json, json};
use store::{ProvisioningEntry, ProvisioningQuery};

use super::query::query;
use super::surroundings::Known;
use crate::graph::call::Call;
use crate::graph::error::ApiError;
use crate::graph::paging::Position;
use crate::graph::reply::Reply;
use crate::graph::route::Answer;

/// Records read from the store at once where not all of them may satisfy the filter.
const SCAN_PAGE: usize = 500;
/// Records compared with the filter for one page. A page may come back short, even empty, with the link to the next.
const MOST_SCANNED: usize = 20_000;
const CONTEXT: &str = "auditLogs/provisioning";

/// GET `/auditLogs/provisioning`.
pub(super) async fn list(call: Call) -> Answer {
    refuse_count(&call)?;
    let options = &call.options;
    let Some(query) = query(options.filter.as_ref(), &options.order_by)? else {
        return Ok(call.page(CONTEXT, Page::default()));
    };
    let (found, more) = scan(&call, query, call.position()?.after(), call.page_size()).await?;
    let page = Page {
        value: found.into_iter().map(Json::Object).collect(),
        next_link: more.map(|last| call.next_link(Position::After(last))),
        ..Page::default()
    };
    Ok(call.page(CONTEXT, page))
}

/// Logs are paged by token alone.
pub(super) fn refuse_count(call: &Call) -> Result<(), GraphError> {
    let unsupported = [
        (call.options.count, "$count"),
        (call.options.skip.is_some(), "$skip"),
        (call.options.search.is_some(), "$search"),
        (!call.options.expand.is_empty(), "$expand"),
    ];
    match unsupported.into_iter().find(|(asked, _)| *asked) {
        Some((_, option)) => Err(GraphError::bad_request(format!(
            "'{option}' is not supported by this log. Use '$filter' and '$top', and follow '@odata.nextLink'."
        ))),
        None => Ok(()),
    }
}

/// Up to `wanted` records that satisfy the filter, and the last one looked at where there may be more.
async fn scan(
    call: &Call,
    mut query: ProvisioningQuery,
    after: Option<Uuid>,
    wanted: usize,
) -> Result<(Vec<Map<String, Json>>, Option<Uuid>), ApiError> {
    let mut known = Known::new(call);
    let (mut found, mut last, mut scanned) = (Vec::new(), after, 0);
    query.after = after;
    loop {
        query.limit = (wanted + 1).min(SCAN_PAGE);
        let page = call.service().store.provisioning(call.caller.tenant, query.clone()).await?;
        let is_last = page.entries.len() < query.limit;
        for entry in page.entries {
            let id = entry.record.id;
            let summary = summary(&mut known, &entry).await?;
            if call.options.filter.as_ref().is_none_or(|filter| matches(filter, &with_old_names(&summary))) {
                if found.len() == wanted {
                    return Ok((found, last));
                }
                found.push(selected(call, summary)?);
            }
            last = Some(id);
            scanned += 1;
        }
        if is_last {
            return Ok((found, page.passed));
        }
        if scanned >= MOST_SCANNED {
            return Ok((found, last));
        }
        query.after = last;
    }
}

async fn summary(known: &mut Known<'_>, entry: &ProvisioningEntry) -> Result<Map<String, Json>, ApiError> {
    let around = known.of(&entry.job).await?;
    match json!(ProvisioningObjectSummary::of(&entry.job, &entry.record, around)) {
        Json::Object(members) => Ok(members),
        _ => Err(GraphError::internal().into()),
    }
}

/// The summary with the property that clients of earlier versions filter by.
fn with_old_names(summary: &Map<String, Json>) -> Map<String, Json> {
    let mut summary = summary.clone();
    let status = summary.get("provisioningStatusInfo").cloned().unwrap_or_default();
    summary.insert("statusInfo".to_owned(), status);
    summary
}

/// The properties that `$select` names.
pub(super) fn selected(
    call: &Call,
    mut resource: Map<String, Json>,
) -> Result<Map<String, Json>, GraphError> {
    let select = &call.options.select;
    if select.is_empty() || select.iter().any(|name| name == "*") {
        return Ok(resource);
    }
    let known = |name: &str| resource.keys().any(|known| known.eq_ignore_ascii_case(name));
    if let Some(unknown) = select.iter().find(|name| !known(name)) {
        return Err(GraphError::bad_request(format!(
            "Could not find a property named '{unknown}' in '$select'."
        )));
    }
    resource.retain(|name, _| select.iter().any(|wanted| wanted.eq_ignore_ascii_case(name)));
    Ok(resource)
}

/// GET `/auditLogs/provisioning/{id}`.
pub(super) async fn get(call: Call) -> Answer {
    let id = call.id("id")?;
    // Asks for the page that would begin with the record.
    let after = id.as_u128().checked_sub(1).map(Uuid::from_u128);
    let query = ProvisioningQuery { ascending: true, after, limit: 1, ..ProvisioningQuery::default() };
    let page = call.service().store.provisioning(call.caller.tenant, query).await?;
    let entry = page.entries.into_iter().find(|entry| entry.record.id == id);
    let entry = entry.ok_or_else(|| GraphError::not_found(&id.to_string()))?;
    let summary = summary(&mut Known::new(&call), &entry).await?;
    Ok(Reply::ok(call.entity(&format!("{CONTEXT}/$entity"), selected(&call, summary)?)))
}
