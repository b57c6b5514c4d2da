//! What a job remembers, in the form that travels: links, failures that wait, excluded objects, drift, versions of the
//! schema. But for `objectConnection` these resources are Entente's own.

use model::Timestamp;
use serde::{Deserialize, Serialize};

/// The link between a source object and its account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SynchronizationLink {
    /// Identifies the link within the job.
    pub id: String,
    /// The rule's id.
    pub rule_id: String,
    /// The object mapping's name.
    pub mapping_name: String,
    /// The object at the source.
    pub source_anchor: String,
    /// The source's object type.
    pub source_object_type: String,
    /// The account.
    pub target_anchor: String,
    /// The target's object type.
    pub target_object_type: String,
    /// A name for people.
    pub display_name: Option<String>,
    /// `active`, or `released` where access ended and the account is kept disabled.
    pub state: &'static str,
    /// `created` where the job made the account, `matched` where it was there.
    pub origin: &'static str,
    /// True where the job disabled the account.
    pub is_disabled: bool,
}

/// Graph `objectConnection`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectConnection {
    /// What it was asked by: the object's id at the source, else at the target.
    pub object_id: String,
    /// The object at the source.
    pub source_anchor: String,
    /// The account.
    pub target_anchor: String,
    /// A name for people.
    pub display_name: Option<String>,
    /// The source's object type.
    pub object_type_name: String,
}

/// An object whose last export failed: it waits for a retry, or was given up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SynchronizationEscrow {
    /// Identifies it within the job.
    pub id: String,
    /// The rule's id.
    pub rule_id: String,
    /// The object at the source.
    pub source_anchor: String,
    /// The source's object type.
    pub source_object_type: String,
    /// The code, as the provisioning log spells it.
    pub error_code: &'static str,
    /// What was seen, in words.
    pub reason: String,
    /// The target attribute at fault, where one is known.
    pub attribute: Option<String>,
    /// What a person can do.
    pub recommended_action: &'static str,
    /// Tries so far.
    pub attempts: u32,
    /// When it first failed.
    pub first_failed_date_time: Timestamp,
    /// When it is tried next; null where it was given up.
    pub next_attempt_date_time: Option<Timestamp>,
    /// When it was given up, where it was.
    pub given_up_date_time: Option<Timestamp>,
}

/// A source object that a person took out of the job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SynchronizationExclusion {
    /// Identifies it within the job.
    pub id: String,
    /// The object.
    pub source_anchor: String,
    /// Why.
    pub reason: String,
    /// The client that said so.
    pub created_by: String,
    /// When.
    pub created_date_time: Timestamp,
}

/// A change that others made at the target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SynchronizationDrift {
    /// Identifies it within the job.
    pub id: String,
    /// The rule's id.
    pub rule_id: String,
    /// The object at the source.
    pub source_anchor: String,
    /// The source's object type.
    pub source_object_type: String,
    /// The object at the target.
    pub target_anchor: String,
    /// The target's object type.
    pub target_object_type: String,
    /// A name for people.
    pub display_name: Option<String>,
    /// `valueChanged`, `accountMissing`, `referenceAdded` or `referenceRemoved`.
    pub kind: &'static str,
    /// The target attribute; none where the account is missing.
    pub attribute: Option<String>,
    /// What the target should show; `[Redact]` where it may not be shown.
    pub expected: Option<String>,
    /// What it shows.
    pub found: Option<String>,
    /// When it was found first.
    pub since_date_time: Timestamp,
}

/// A version of a job's schema.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SchemaVersion {
    /// Its number.
    pub id: String,
    /// When it was written.
    pub created_date_time: Timestamp,
    /// The client that wrote it; none for the service itself.
    pub created_by: Option<String>,
}

/// POST `links`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LinkWrite {
    /// The rule's id; the first that fits where it is absent.
    #[serde(default)]
    pub rule_id: Option<String>,
    /// The source's object type; needed where the job reads several.
    #[serde(default)]
    pub source_object_type: Option<String>,
    /// The object at the source.
    pub source_anchor: String,
    /// The account.
    pub target_anchor: String,
    /// Why.
    pub reason: String,
}

/// POST `exclusions`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExclusionWrite {
    /// The object at the source.
    pub source_anchor: String,
    /// Why.
    pub reason: String,
}

/// POST `escrows/retry`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EscrowRetry {
    /// Which; all, and every reference that waits, where it is absent.
    #[serde(default)]
    pub ids: Option<Vec<String>>,
}

/// POST `allow`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Allow {
    /// Kinds of held writes.
    pub kinds: Vec<HeldKind>,
    /// Why.
    pub reason: String,
}

/// A kind of writes that limits hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum HeldKind {
    /// Accounts that would be made.
    Creates,
    /// Accounts that would be changed.
    Updates,
    /// Accounts that would be disabled.
    Disables,
    /// Accounts that would be deleted.
    Deletes,
}
