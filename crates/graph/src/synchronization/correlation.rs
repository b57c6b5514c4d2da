//! Reports about the accounts of a target: Graph `identityCorrelation` and `correlatedIdentity` (beta), and beside their
//! properties some of ours: the job, how far the report is, and how many accounts have which status.

use model::correlation::{
    CorrelatedIdentity as ModelIdentity, CorrelatedParty, Correlation, CorrelationCounts, CorrelationState,
};
use model::job::ErrorText;
use model::{Name, Timestamp};
use serde::Serialize;

/// Graph `identityCorrelation`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct IdentityCorrelation {
    /// Its identifier.
    pub id: String,
    /// When it was begun.
    pub start_date_time: Timestamp,
    /// When it ended; null while accounts are being read and compared.
    pub end_date_time: Option<Timestamp>,
    /// Why it failed; null otherwise.
    pub error: Option<ErrorText>,
    /// `running`, `complete` or `failed`.
    pub status: CorrelationState,
    /// The job.
    pub job_id: String,
    /// The job's service principal.
    pub service_principal_id: String,
    /// Who asked for it.
    pub created_by: String,
    /// How far it is.
    pub progress: Progress,
    /// How many accounts have which status; none before the report is complete.
    pub counts: CorrelationCounts,
}

/// How far a report is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Progress {
    /// Accounts of the target that were read.
    pub accounts: u64,
    /// Source objects that were read.
    pub objects: u64,
    /// Source objects in all; null where the source does not tell.
    pub total_objects: Option<u64>,
}

impl IdentityCorrelation {
    /// The resource of a report.
    #[must_use]
    pub fn of(report: &Correlation) -> Self {
        Self {
            id: report.id.to_string(),
            start_date_time: report.began,
            end_date_time: report.ended,
            error: report.error.clone(),
            status: report.state,
            job_id: report.job.to_string(),
            service_principal_id: report.service_principal.0.to_string(),
            created_by: report.author.clone(),
            progress: Progress {
                accounts: report.accounts,
                objects: report.objects,
                total_objects: report.total_objects,
            },
            counts: report.counts,
        }
    }
}

/// Graph `correlatedIdentity`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CorrelatedIdentity {
    #[serde(rename = "@odata.type")]
    odata_type: &'static str,
    /// Its identifier.
    pub id: String,
    /// When its status was found.
    pub correlated_date_time: Timestamp,
    /// The source object; null where there is none, or where it is not known which.
    pub source_identity: Option<IdentityInfo>,
    /// The account.
    pub target_identity: IdentityInfo,
    /// Graph's word for what is known.
    pub status: &'static str,
    /// Why matching failed; null otherwise.
    pub error: Option<ErrorText>,
}

/// Graph `identityInfo`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct IdentityInfo {
    /// The identifier.
    pub anchor: AttributeInfo,
    /// The attribute by which the sides match.
    pub matching_property: Option<AttributeInfo>,
    /// The object type.
    pub identity_type: Name,
    /// What else is known.
    pub details: Details,
}

/// Graph `attributeInfo`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AttributeInfo {
    /// The attribute.
    pub name: Name,
    /// Its value.
    pub value: String,
}

/// Graph `detailsInfo`, an open type.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Details {
    /// A name for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<Name>,
}

impl CorrelatedIdentity {
    /// The resource of an account.
    #[must_use]
    pub fn of(account: &ModelIdentity) -> Self {
        Self {
            odata_type: "#microsoft.graph.correlatedIdentity",
            id: account.id.to_string(),
            correlated_date_time: account.moment,
            source_identity: account.source.as_ref().map(IdentityInfo::of),
            target_identity: IdentityInfo::of(&account.target),
            status: account.status.wire(),
            error: account.error.clone(),
        }
    }
}

impl IdentityInfo {
    fn of(party: &CorrelatedParty) -> Self {
        let info = |named: &model::correlation::NamedValue| AttributeInfo {
            name: named.name.clone(),
            value: named.value.clone(),
        };
        Self {
            anchor: info(&party.anchor),
            matching_property: party.matching.as_ref().map(info),
            identity_type: party.kind.clone(),
            details: Details { display_name: party.display_name.clone() },
        }
    }
}
