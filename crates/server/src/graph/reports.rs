//! `/reports/correlations` (beta): whose the accounts of targets are. Reports are begun below a job
//! (`synchronization::discovery`).

use directory::ObjectKind;
use graph::GraphError;
use graph::collection::Page;
use graph::directory::Projection;
use graph::odata::filter::{Expr, Literal, Operator};
use graph::odata::matches;
use graph::synchronization::correlation::{CorrelatedIdentity, IdentityCorrelation};
use model::Uuid;
use model::correlation::{Correlation, CorrelationState, CorrelationStatus};
use serde_json::{Map, Value as Json};
use store::CorrelatedQuery;

use super::call::Call;
use super::error::ApiError;
use super::filter::check_paths;
use super::objects::{resource as object_resource, wire_kind};
use super::paging::Position;
use super::reply::Reply;
use super::route::{Answer, Route};
use super::synchronization::members::{self, members};

/// Read reports.
const READ: &[&str] = &["ProvisioningLog.Read.All", "AuditLog.Read.All"];
/// Reports read from the store at once.
const REPORTS: usize = 500;
/// The accounts of a page where the client does not say, and at most.
const ACCOUNTS: u32 = 1_000;
/// Accounts compared with the filter for one page. A page may come back short, even empty, with the link to the next.
const MOST_SCANNED: usize = 20_000;
/// What a filter of accounts may name.
const PROPERTIES: [&str; 17] = [
    "id",
    "status",
    "correlatedDateTime",
    "error",
    "error/code",
    "error/message",
    "sourceIdentity",
    "sourceIdentity/anchor/name",
    "sourceIdentity/anchor/value",
    "sourceIdentity/matchingProperty/name",
    "sourceIdentity/matchingProperty/value",
    "sourceIdentity/identityType",
    "targetIdentity/anchor/name",
    "targetIdentity/anchor/value",
    "targetIdentity/matchingProperty/name",
    "targetIdentity/matchingProperty/value",
    "targetIdentity/identityType",
];
/// The properties of a report.
const REPORT: [&str; 10] = [
    "id",
    "startDateTime",
    "endDateTime",
    "error",
    "status",
    "jobId",
    "servicePrincipalId",
    "createdBy",
    "progress",
    "counts",
];
const CONTEXT: &str = "reports/correlations";

pub(super) fn routes() -> Vec<Route> {
    [
        Route::get("reports/correlations", READ, list),
        Route::get("reports/correlations/$count", READ, count),
        Route::get("reports/correlations/{report}", READ, get),
        Route::get("reports/correlations/{report}/servicePrincipal", READ, service_principal),
        Route::get("reports/correlations/{report}/identities", READ, identities),
        Route::get("reports/correlations/{report}/identities/$count", READ, count_identities),
        Route::get("reports/correlations/{report}/identities/{identity}", READ, identity),
    ]
    .into_iter()
    .map(Route::in_beta)
    .collect()
}

/// GET `/reports/correlations`, the newest first.
async fn list(call: Call) -> Answer {
    let found = all(&call).await?;
    members::collection(&call, CONTEXT, &REPORT, found)
}

/// GET `/reports/correlations/$count`.
async fn count(call: Call) -> Answer {
    let found = all(&call).await?;
    members::count(&call, &REPORT, found)
}

/// GET `/reports/correlations/{id}`.
async fn get(call: Call) -> Answer {
    let report = report(&call).await?;
    let resource = resource(&call, &report).await?;
    members::entity(&call, &format!("{CONTEXT}/$entity"), resource)
}

/// GET `…/servicePrincipal`: that of the report's job.
async fn service_principal(call: Call) -> Answer {
    let report = report(&call).await?;
    let object = principal(&call, &report).await?;
    let object = object.ok_or_else(|| GraphError::not_found(&report.service_principal.0.to_string()))?;
    Ok(Reply::ok(call.entity("servicePrincipals/$entity", object)))
}

/// The reports of the tenant as resources.
async fn all(call: &Call) -> Result<Vec<Map<String, Json>>, ApiError> {
    let (mut found, mut before) = (Vec::new(), None);
    loop {
        let page = call.service().store.correlations(call.caller.tenant, before, REPORTS).await?;
        before = page.last().map(|last| last.id);
        for report in &page {
            found.push(resource(call, report).await?);
        }
        if page.len() < REPORTS {
            return Ok(found);
        }
    }
}

async fn resource(call: &Call, report: &Correlation) -> Result<Map<String, Json>, ApiError> {
    let mut resource = members(&IdentityCorrelation::of(report))?;
    if call.expands("servicePrincipal", &["servicePrincipal"])? {
        let object = principal(call, report).await?;
        resource.insert("servicePrincipal".to_owned(), object.map_or(Json::Null, Json::Object));
    }
    Ok(resource)
}

async fn principal(call: &Call, report: &Correlation) -> Result<Option<Map<String, Json>>, ApiError> {
    let id = report.service_principal.0;
    let found = call.directory().get(ObjectKind::ServicePrincipal, id).await?;
    let projection = Projection::new(wire_kind(ObjectKind::ServicePrincipal), call.version, &[])?;
    Ok(found.map(|object| object_resource(&projection, &object)))
}

/// The report that the path names.
async fn report(call: &Call) -> Result<Correlation, ApiError> {
    let id = call.id("report")?;
    let found = call.service().store.correlation(call.caller.tenant, id).await?;
    found.ok_or_else(|| GraphError::not_found(&id.to_string()).into())
}

/// GET `…/identities`. A report that is not complete has none.
async fn identities(call: Call) -> Answer {
    let report = report(&call).await?;
    let options = &call.options;
    for (asked, option) in [(options.search.is_some(), "$search"), (options.skip.is_some(), "$skip")] {
        if asked {
            let words = format!("'{option}' is not supported by this collection. Follow '@odata.nextLink'.");
            return Err(GraphError::bad_request(words).into());
        }
    }
    let status = narrowed(options.filter.as_ref())?;
    let descending = descending(&call)?;
    let count = if options.count { Some(counted(&report, options.filter.as_ref(), status)?) } else { None };
    let fragment = format!("{CONTEXT}('{}')/identities", report.id);
    let after = call.position()?.after();
    if report.state != CorrelationState::Complete {
        return Ok(call.page(&fragment, Page { count, ..Page::default() }));
    }
    let query = CorrelatedQuery { status, descending, after, limit: 0 };
    let (value, last) = scan(&call, &report, query).await?;
    let next_link = last.map(|last| call.next_link(Position::After(last)));
    Ok(call.page(&fragment, Page { value, count, next_link, delta_link: None }))
}

/// A page of accounts that satisfy the filter, and the last one looked at where there may be more.
async fn scan(
    call: &Call,
    report: &Correlation,
    mut query: CorrelatedQuery,
) -> Result<(Vec<Json>, Option<Uuid>), ApiError> {
    let wanted = usize::try_from(call.options.top.unwrap_or(ACCOUNTS).min(ACCOUNTS)).unwrap_or(0);
    let (mut found, mut scanned) = (Vec::new(), 0);
    query.limit = wanted + 1;
    loop {
        let page = call.service().store.correlated(&report.job, report.run, query.clone()).await?;
        let is_last = page.len() < query.limit;
        for account in page {
            let resource = members(&CorrelatedIdentity::of(&account))?;
            if call.options.filter.as_ref().is_none_or(|filter| matches(filter, &resource)) {
                if found.len() == wanted {
                    return Ok((found, query.after));
                }
                found.push(Json::Object(members::selected(call, resource)?));
            }
            query.after = Some(account.id);
            scanned += 1;
        }
        if is_last {
            return Ok((found, None));
        }
        if scanned >= MOST_SCANNED {
            return Ok((found, query.after));
        }
    }
}

/// GET `…/identities/$count`.
async fn count_identities(call: Call) -> Answer {
    let report = report(&call).await?;
    let filter = call.options.filter.as_ref();
    let status = narrowed(filter)?;
    Ok(Reply::count(counted(&report, filter, status)?))
}

/// GET `…/identities/{id}`.
async fn identity(call: Call) -> Answer {
    let report = report(&call).await?;
    let id = call.id("identity")?;
    let found = if report.state == CorrelationState::Complete {
        call.service().store.correlated_one(&report.job, report.run, id).await?
    } else {
        None
    };
    let account = found.ok_or_else(|| GraphError::not_found(&id.to_string()))?;
    let fragment = format!("{CONTEXT}('{}')/identities/$entity", report.id);
    members::entity(&call, &fragment, members(&CorrelatedIdentity::of(&account))?)
}

/// The status that a filter asks for, where it does.
fn narrowed(filter: Option<&Expr>) -> Result<Option<CorrelationStatus>, GraphError> {
    let Some(filter) = filter else { return Ok(None) };
    check_paths("report", &PROPERTIES, filter)?;
    for condition in filter.conjuncts() {
        if let Expr::Compare { path, operator: Operator::Equal, value: Literal::Text(text) } = condition
            && path.is("status")
        {
            let named = CorrelationStatus::ALL.into_iter().find(|one| one.wire().eq_ignore_ascii_case(text));
            return named.map(Some).ok_or_else(|| {
                let known: Vec<&str> =
                    CorrelationStatus::ALL.into_iter().map(CorrelationStatus::wire).collect();
                GraphError::bad_request(format!(
                    "'{text}' in '$filter' is no value of 'status'. The values are: {}.",
                    known.join(", ")
                ))
            });
        }
    }
    Ok(None)
}

/// How many accounts a report has, or how many of a status.
fn counted(
    report: &Correlation,
    filter: Option<&Expr>,
    status: Option<CorrelationStatus>,
) -> Result<u64, GraphError> {
    if report.state != CorrelationState::Complete {
        return Ok(0);
    }
    match (filter, status) {
        (None, _) => Ok(report.counts.total()),
        (Some(Expr::Compare { .. }), Some(status)) => Ok(report.counts.of(status)),
        _ => Err(GraphError::bad_request(
            "Accounts are counted by 'status' alone, such as '$filter=status eq 'uncorrelated''. Leave '$count' out, or filter by nothing else.",
        )),
    }
}

fn descending(call: &Call) -> Result<bool, GraphError> {
    match call.options.order_by.as_slice() {
        [] => Ok(false),
        [key] if key.path.is("correlatedDateTime") => Ok(key.descending),
        _ => Err(GraphError::bad_request(
            "Accounts are ordered by time alone. Send '$orderby=correlatedDateTime' or '$orderby=correlatedDateTime desc'.",
        )),
    }
}
