//! Records of the provisioning log as rows: a few columns that are searched, and one body with the rest.
//!
//! A body is the change's identifier (16 octets), then JSON, whose absent fields take their defaults. How bodies are
//! kept is [`crate::bodies`]'s.

use model::provisioning::{
    Action, Identity, ModifiedProperty, Outcome, ProvisioningRecord, SkipReason, Step,
};
use model::{Anchor, CycleId, Failure, Timestamp, Uuid};
use serde::{Deserialize, Serialize};

use crate::encode::{anchor_hash, from_text, micros};
use crate::error::{Done, corrupt};

const WHAT: &str = "a record of the provisioning log";

/// A record that is ready to be inserted; made before the writing thread gets it.
pub(crate) struct Prepared {
    pub(crate) id: Uuid,
    pub(crate) moment: i64,
    pub(crate) cycle: Uuid,
    pub(crate) action: i64,
    pub(crate) outcome: i64,
    /// Hashes of the object's anchors at the source and at the target, zero where there is none.
    pub(crate) hashes: [u32; 2],
}

/// The columns of a record that is read.
pub(crate) struct Columns<'a> {
    pub(crate) id: Uuid,
    pub(crate) moment: Timestamp,
    pub(crate) cycle: Uuid,
    pub(crate) action: i64,
    pub(crate) outcome: i64,
    pub(crate) body: &'a [u8],
}

#[derive(Serialize)]
struct Written<'a> {
    #[serde(rename = "ms")]
    duration_ms: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    skip: Option<SkipReason>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<&'a Failure>,
    source: &'a Identity,
    target: &'a Identity,
    steps: &'a [Step],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    modified: &'a [ModifiedProperty],
}

#[derive(Deserialize)]
struct Read {
    #[serde(rename = "ms")]
    duration_ms: u32,
    #[serde(default)]
    skip: Option<SkipReason>,
    #[serde(default)]
    failure: Option<Failure>,
    source: Identity,
    target: Identity,
    steps: Vec<Step>,
    #[serde(default)]
    modified: Vec<ModifiedProperty>,
}

/// The number of an action, in rows and in queries.
pub(crate) fn action_number(action: Action) -> i64 {
    match action {
        Action::Create => 0,
        Action::Update => 1,
        Action::Disable => 2,
        Action::Delete => 3,
        Action::StagedDelete => 4,
        Action::Other => 5,
    }
}

/// The number of an outcome, in rows and in queries.
pub(crate) fn outcome_number(outcome: Outcome) -> i64 {
    match outcome {
        Outcome::Success => 0,
        Outcome::Failure => 1,
        Outcome::Skipped => 2,
        Outcome::Warning => 3,
    }
}

/// A body's change and the rest.
fn open(body: &[u8]) -> Done<(Uuid, Read)> {
    let (change, rest) =
        body.split_first_chunk::<16>().ok_or_else(|| corrupt(WHAT, "its body is cut short"))?;
    let rest = std::str::from_utf8(rest).map_err(|error| corrupt(WHAT, &error))?;
    Ok((Uuid::from_bytes(*change), from_text(WHAT, rest)?))
}

/// Makes a record's columns ready.
pub(crate) fn prepare(record: &ProvisioningRecord) -> Prepared {
    Prepared {
        id: record.id,
        moment: micros(record.moment),
        cycle: record.cycle.0,
        action: action_number(record.action),
        outcome: outcome_number(record.outcome),
        hashes: [&record.source, &record.target]
            .map(|side| side.anchor.as_ref().map_or(0, |anchor| anchor_hash(anchor.as_str()))),
    }
}

/// Appends a record's body.
pub(crate) fn write_body(record: &ProvisioningRecord, body: &mut Vec<u8>) -> Done<()> {
    let rest = Written {
        duration_ms: record.duration_ms,
        skip: record.skip,
        failure: record.failure.as_ref(),
        source: &record.source,
        target: &record.target,
        steps: &record.steps,
        modified: &record.modified,
    };
    body.extend(record.change.as_bytes());
    serde_json::to_writer(body, &rest).map_err(|error| corrupt("a record to be written", &error))
}

/// The record of a row.
pub(crate) fn restore(columns: &Columns<'_>) -> Done<ProvisioningRecord> {
    let (change, rest) = open(columns.body)?;
    let actions = [
        Action::Create,
        Action::Update,
        Action::Disable,
        Action::Delete,
        Action::StagedDelete,
        Action::Other,
    ];
    let outcomes = [Outcome::Success, Outcome::Failure, Outcome::Skipped, Outcome::Warning];
    let action = actions.into_iter().find(|action| action_number(*action) == columns.action);
    let outcome = outcomes.into_iter().find(|outcome| outcome_number(*outcome) == columns.outcome);
    Ok(ProvisioningRecord {
        id: columns.id,
        moment: columns.moment,
        duration_ms: rest.duration_ms,
        cycle: CycleId(columns.cycle),
        change,
        action: action.ok_or_else(|| corrupt(WHAT, "its action is unknown"))?,
        outcome: outcome.ok_or_else(|| corrupt(WHAT, "its outcome is unknown"))?,
        skip: rest.skip,
        failure: rest.failure,
        source: rest.source,
        target: rest.target,
        steps: rest.steps,
        modified: rest.modified,
    })
}

/// Whether a record is about the object of an anchor.
pub(crate) fn is_about(record: &ProvisioningRecord, anchor: &str) -> bool {
    let is = |side: &Identity| side.anchor.as_ref().map(Anchor::as_str) == Some(anchor);
    is(&record.source) || is(&record.target)
}
