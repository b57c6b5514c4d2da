//! `$filter` and `$orderby` of the provisioning log, and what the audit log has in common with it: what the store can narrow, and what may be asked at all.

use graph::GraphError;
use graph::odata::OrderBy;
use graph::odata::filter::{Expr, Literal, Operator, Path};
use model::provisioning::{Action, Outcome};
use model::{CycleId, JobId, SignedDuration, Timestamp};
use store::ProvisioningQuery;

use crate::graph::filter::check_paths;

/// What a filter of the provisioning log may name.
const PROPERTIES: [&str; 27] = [
    "id",
    "activityDateTime",
    "tenantId",
    "jobId",
    "cycleId",
    "changeId",
    "provisioningAction",
    "durationInMilliseconds",
    "provisioningStatusInfo/status",
    "provisioningStatusInfo/errorInformation/errorCode",
    "provisioningStatusInfo/errorInformation/errorCategory",
    "statusInfo/status",
    "servicePrincipal/id",
    "servicePrincipal/displayName",
    "sourceIdentity/id",
    "sourceIdentity/displayName",
    "sourceIdentity/identityType",
    "targetIdentity/id",
    "targetIdentity/displayName",
    "targetIdentity/identityType",
    "sourceSystem/id",
    "sourceSystem/displayName",
    "targetSystem/id",
    "targetSystem/displayName",
    "initiatedBy/id",
    "initiatedBy/displayName",
    "initiatedBy/initiatorType",
];

/// The actions of the Graph enumeration.
const ACTIONS: [Action; 6] =
    [Action::Create, Action::Update, Action::Disable, Action::Delete, Action::StagedDelete, Action::Other];
/// The results of the Graph enumeration.
const OUTCOMES: [Outcome; 4] = [Outcome::Success, Outcome::Failure, Outcome::Skipped, Outcome::Warning];
/// The store's moments are this far apart at least.
const STEP: SignedDuration = SignedDuration::from_micros(1);

/// The store's query of a request; what it finds MUST still be compared with the filter. None where nothing can
/// satisfy the filter.
///
/// # Errors
/// 400 for a filter or an order that names what there is not.
pub(super) fn query(
    filter: Option<&Expr>,
    order: &[OrderBy],
) -> Result<Option<ProvisioningQuery>, GraphError> {
    let ascending = ascending("provisioning log", order)?;
    let mut query = ProvisioningQuery { ascending, ..ProvisioningQuery::default() };
    let Some(filter) = filter else { return Ok(Some(query)) };
    check_paths("provisioning log", &PROPERTIES, filter)?;
    for condition in filter.conjuncts() {
        if let Expr::Compare { path, operator, value } = condition
            && !narrow(&mut query, path, *operator, value)?
        {
            return Ok(None);
        }
    }
    Ok(Some(query))
}

pub(super) fn ascending(log: &str, order: &[OrderBy]) -> Result<bool, GraphError> {
    match order {
        [] => Ok(false),
        [key] if key.path.is("activityDateTime") => Ok(!key.descending),
        _ => Err(GraphError::bad_request(format!(
            "The {log} is ordered by time alone. Send '$orderby=activityDateTime' or '$orderby=activityDateTime desc'."
        ))),
    }
}

/// Narrows the store's query by a condition that must hold; false where nothing can satisfy it.
fn narrow(
    query: &mut ProvisioningQuery,
    path: &Path,
    operator: Operator,
    value: &Literal,
) -> Result<bool, GraphError> {
    if path.is("activityDateTime") {
        narrow_time(&mut query.from, &mut query.to, operator, value)?;
        return Ok(true);
    }
    if operator != Operator::Equal {
        return Ok(true);
    }
    let Some(text) = text(value) else { return Ok(true) };
    if path.is("jobId") {
        query.job = Some(JobId::from_text(text));
    } else if path.is("cycleId") {
        match text.parse() {
            Ok(cycle) => query.cycle = Some(CycleId(cycle)),
            Err(_) => return Ok(false),
        }
    } else if path.is("provisioningAction") {
        query.action = Some(one_of("provisioningAction", &text, &ACTIONS, Action::wire)?);
    } else if path.is("provisioningStatusInfo/status") || path.is("statusInfo/status") {
        query.outcome = Some(one_of("status", &text, &OUTCOMES, Outcome::wire)?);
    } else if (path.is("sourceIdentity/id") || path.is("targetIdentity/id")) && !text.is_empty() {
        query.anchor = Some(text.into());
    }
    Ok(true)
}

/// Narrows a span of time, from its beginning up to before its end, by a condition that must hold.
pub(super) fn narrow_time(
    from: &mut Option<Timestamp>,
    to: &mut Option<Timestamp>,
    operator: Operator,
    value: &Literal,
) -> Result<(), GraphError> {
    let moment = match value {
        Literal::DateTime(moment) => Some(*moment),
        Literal::Text(text) => text.parse::<Timestamp>().ok(),
        _ => None,
    };
    let moment = moment.ok_or_else(|| {
        GraphError::bad_request(format!(
            "Invalid filter clause in '$filter': 'activityDateTime' cannot be compared with {value}. Compare it with a moment without quotes, such as 2026-01-31T00:00:00Z."
        ))
    })?;
    let beyond = moment.saturating_add(STEP).unwrap_or(Timestamp::MAX);
    let (least, end) = match operator {
        Operator::Equal => (Some(moment), Some(beyond)),
        Operator::Greater | Operator::GreaterOrEqual => (Some(moment), None),
        Operator::Less => (None, Some(moment)),
        Operator::LessOrEqual => (None, Some(beyond)),
        Operator::NotEqual => (None, None),
    };
    *from = (*from).max(least);
    *to = match (*to, end) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    };
    Ok(())
}

pub(super) fn text(value: &Literal) -> Option<String> {
    match value {
        Literal::Text(text) => Some(text.clone()),
        Literal::Guid(guid) => Some(guid.to_string()),
        _ => None,
    }
}

/// The member of an enumeration that a text names, in any case.
fn one_of<T: Copy>(
    property: &str,
    text: &str,
    members: &[T],
    wire: impl Fn(T) -> &'static str,
) -> Result<T, GraphError> {
    let found = members.iter().find(|member| wire(**member).eq_ignore_ascii_case(text));
    found.copied().ok_or_else(|| {
        let known: Vec<&str> = members.iter().map(|member| wire(*member)).collect();
        GraphError::bad_request(format!(
            "'{text}' in '$filter' is no value of '{property}'. The values are: {}.",
            known.join(", ")
        ))
    })
}

#[cfg(test)]
mod tests {
    use graph::odata::QueryOptions;
    use model::Uuid;

    use super::*;

    fn read(raw: &str) -> Result<Option<ProvisioningQuery>, GraphError> {
        let options = QueryOptions::parse(raw).unwrap();
        query(options.filter.as_ref(), &options.order_by)
    }

    #[test]
    fn the_store_narrows_what_it_can() {
        let cycle = Uuid::from_u128(7);
        let raw = format!(
            "$filter=jobId eq 'scim.t.j' and StatusInfo/status eq 'FAILURE' and provisioningAction eq 'create' \
             and cycleId eq '{cycle}' and sourceIdentity/id eq 'u1' \
             and activityDateTime ge 2026-01-01T00:00:00Z and activityDateTime le 2026-01-02T00:00:00Z \
             and activityDateTime lt 2026-03-01T00:00:00Z&$orderby=activityDateTime"
        );
        let expected = ProvisioningQuery {
            job: Some(JobId::from_text("scim.t.j")),
            outcome: Some(Outcome::Failure),
            action: Some(Action::Create),
            cycle: Some(CycleId(cycle)),
            anchor: Some("u1".into()),
            from: Some("2026-01-01T00:00:00Z".parse().unwrap()),
            to: Some("2026-01-02T00:00:00.000001Z".parse().unwrap()),
            ascending: true,
            ..ProvisioningQuery::default()
        };
        assert_eq!(read(&raw).unwrap(), Some(expected));
    }

    #[test]
    fn what_it_cannot_is_left_to_the_comparison() {
        let open = ProvisioningQuery::default();
        for raw in [
            "",
            "$filter=jobId eq 'a' or jobId eq 'b'",
            "$filter=not (jobId eq 'a')",
            "$filter=startswith(sourceIdentity/displayName,'A')",
            "$filter=targetIdentity/id eq ''",
            "$filter=activityDateTime ne 2026-01-01T00:00:00Z&$orderby=activityDateTime desc",
        ] {
            assert_eq!(read(raw).unwrap().as_ref(), Some(&open), "{raw}");
        }
        assert_eq!(read("$filter=cycleId eq 'no guid'").unwrap(), None);
    }

    #[test]
    fn mistakes_are_named() {
        for (raw, words) in [
            ("$filter=job eq 'x'", "cannot be filtered by 'job'. It can be by: id, activityDateTime"),
            (
                "$filter=provisioningAction eq 'made'",
                "'made' in '$filter' is no value of 'provisioningAction'",
            ),
            ("$orderby=jobId", "ordered by time alone"),
            ("$filter=activityDateTime gt 'soon'", "'activityDateTime' cannot be compared with 'soon'"),
        ] {
            let error = read(raw).unwrap_err();
            assert!(error.status() == 400 && error.message().contains(words), "{error}");
        }
    }
}
