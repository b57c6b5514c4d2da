//! The provisioning log: one record for every object that a cycle decided about, with the steps that led there.
//!
//! Records hold codes and arguments. The words are made when a record is read, by [`Step::describe`] and its like, so
//! that the log, an explanation and a plan say the same thing in the same words.

use serde::{Deserialize, Serialize};

use crate::{Anchor, CycleId, Failure, Name, Timestamp, Uuid, Value};

/// Graph `provisioningAction`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Action {
    /// An account was made.
    Create,
    /// An account was changed.
    Update,
    /// An account was disabled.
    Disable,
    /// An account was removed.
    Delete,
    /// A disable or delete waits for a person's consent.
    StagedDelete,
    /// Nothing of the above.
    Other,
}

impl Action {
    /// The spelling of the Graph enumeration.
    #[must_use]
    pub fn wire(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Disable => "disable",
            Self::Delete => "delete",
            Self::StagedDelete => "stagedDelete",
            Self::Other => "other",
        }
    }
}

/// Graph `provisioningResult`: how a record ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// Done.
    Success,
    /// Not done; escrowed.
    Failure,
    /// Nothing to do, or nothing that may be done.
    Skipped,
    /// Done, with something that a person should look at.
    Warning,
}

impl Outcome {
    /// The spelling of the Graph enumeration.
    #[must_use]
    pub fn wire(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Skipped => "skipped",
            Self::Warning => "warning",
        }
    }
}

/// Why an object is not active: the first that holds, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Inactive {
    /// The source no longer has it.
    Gone,
    /// The source has it in its bin.
    SoftDeleted,
    /// Its account is disabled at the source.
    Disabled,
    /// It is not assigned to the application.
    NotEntitled,
    /// It fails `scope.groups`.
    OutOfScope,
}

impl Inactive {
    /// True where the link is released after disabling: access ended, the object did not.
    #[must_use]
    pub fn releases(self) -> bool {
        matches!(self, Self::NotEntitled | Self::OutOfScope)
    }

    fn words(self) -> &'static str {
        match self {
            Self::Gone => "the source no longer has the object",
            Self::SoftDeleted => "the object is deleted at the source and can still be restored",
            Self::Disabled => "the account is disabled at the source",
            Self::NotEntitled => "the object is not assigned to the application",
            Self::OutOfScope => "the object does not satisfy the scoping filter",
        }
    }
}

/// Why nothing was exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum SkipReason {
    /// The input filter of every mapping passes the object by.
    Filtered,
    /// Not active, and never provisioned or already released.
    Inactive(Inactive),
    /// Nothing differs.
    RedundantExport,
    /// Already disabled.
    RedundantSoftDelete,
    /// `SkipOutOfScopeDeletions` is set.
    OutOfScopeDeletionsSkipped(Inactive),
    /// No mapping disables, and deletes do not flow.
    NoDeprovisioningConfigured(Inactive),
    /// The mapping does not create.
    AddDoesNotFlow,
    /// The mapping does not update.
    UpdateDoesNotFlow,
    /// `Ownership` is `CreatedByJob`, and another made the account.
    NotOwned,
    /// The account satisfies `NeverTouch`.
    NeverTouch,
    /// A person excluded the object.
    Excluded,
}

impl SkipReason {
    /// The code as the provisioning log spells it.
    #[must_use]
    pub fn wire(self) -> &'static str {
        match self {
            Self::RedundantExport => "RedundantExport",
            Self::RedundantSoftDelete => "RedundantSoftDelete",
            Self::NoDeprovisioningConfigured(_) => "NoDeprovisioningConfigured",
            _ => "EntrySynchronizationSkipped",
        }
    }

    /// What a person can do about it, where it is not as it should be.
    #[must_use]
    pub fn advice(self) -> &'static str {
        match self {
            Self::RedundantExport | Self::RedundantSoftDelete => "Nothing: the account is as it should be.",
            Self::Filtered => "Nothing, or change the mapping's input filter.",
            Self::Inactive(reason) | Self::OutOfScopeDeletionsSkipped(reason) => match reason {
                Inactive::NotEntitled => {
                    "Nothing, or assign the object or one of its groups to the application."
                }
                Inactive::OutOfScope => "Nothing, or change the object or the scoping filter.",
                Inactive::Disabled => "Nothing, or enable the account at the source.",
                Inactive::SoftDeleted => "Nothing, or restore the object at the source.",
                Inactive::Gone => "Nothing: there is no object any more.",
            },
            Self::NoDeprovisioningConfigured(_) => {
                "Let the mapping's flow types include Delete, or map IsSoftDeleted, if such accounts are to go."
            }
            Self::AddDoesNotFlow => {
                "Let the mapping's flow types include Add, if the account is to be created."
            }
            Self::UpdateDoesNotFlow => {
                "Let the mapping's flow types include Update, if accounts are to be changed."
            }
            Self::NotOwned => "Nothing, or set Ownership to All.",
            Self::NeverTouch => "Nothing, or change NeverTouch.",
            Self::Excluded => "Nothing, or end the exclusion.",
        }
    }

    /// A small stable number, to remember an object's last outcome by.
    #[must_use]
    pub fn number(self) -> u8 {
        let of = |reason: Inactive| match reason {
            Inactive::Gone => 0,
            Inactive::SoftDeleted => 1,
            Inactive::Disabled => 2,
            Inactive::NotEntitled => 3,
            Inactive::OutOfScope => 4,
        };
        match self {
            Self::Filtered => 1,
            Self::RedundantExport => 2,
            Self::RedundantSoftDelete => 3,
            Self::AddDoesNotFlow => 4,
            Self::UpdateDoesNotFlow => 5,
            Self::NotOwned => 6,
            Self::NeverTouch => 7,
            Self::Excluded => 8,
            Self::Inactive(reason) => 10 + of(reason),
            Self::OutOfScopeDeletionsSkipped(reason) => 20 + of(reason),
            Self::NoDeprovisioningConfigured(reason) => 30 + of(reason),
        }
    }

    /// True where a number stands for an outcome that leaves what the object refers to alone: it is not active, or not
    /// to be touched.
    #[must_use]
    pub fn leaves_references(number: u8) -> bool {
        let alone =
            [Self::Filtered, Self::RedundantSoftDelete, Self::NotOwned, Self::NeverTouch, Self::Excluded];
        number >= Self::Inactive(Inactive::Gone).number() || alone.iter().any(|one| one.number() == number)
    }

    /// Why, in words.
    #[must_use]
    pub fn describe(self) -> String {
        match self {
            Self::Filtered => "The input filter passes the object by.".into(),
            Self::Inactive(reason) => format!("Not provisioned: {}.", reason.words()),
            Self::RedundantExport => "The target already shows every value.".into(),
            Self::RedundantSoftDelete => "The account is already disabled.".into(),
            Self::OutOfScopeDeletionsSkipped(reason) => {
                format!("Left as it is although {}: SkipOutOfScopeDeletions is set.", reason.words())
            }
            Self::NoDeprovisioningConfigured(reason) => format!(
                "Left as it is although {}: no mapping reads IsSoftDeleted and deletes do not flow.",
                reason.words()
            ),
            Self::AddDoesNotFlow => "No account was found, and the mapping does not create.".into(),
            Self::UpdateDoesNotFlow => "The account differs, and the mapping does not update.".into(),
            Self::NotOwned => {
                "Left as it is: this job did not create the account, and Ownership is CreatedByJob.".into()
            }
            Self::NeverTouch => "Left as it is: the account satisfies the setting NeverTouch.".into(),
            Self::Excluded => "Left as it is: the object was excluded by hand.".into(),
        }
    }
}

/// How an object came in from the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Import {
    /// Seen for the first time.
    Add,
    /// Read or changed.
    Update,
    /// Gone.
    Delete,
    /// Taken up again from escrow.
    Retry,
    /// Its account was found changed at the target.
    Drift,
}

/// One step on the way to a decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Step {
    /// The object was read from the source.
    Import(Import),
    /// It was decided whether the object is active.
    Scoping {
        /// Why not, where it is not.
        inactive: Option<Inactive>,
        /// The filter clause that decided, in words, where one did.
        clause: Option<String>,
    },
    /// The target was asked for the object.
    Match {
        /// The target attribute.
        attribute: Name,
        /// The value, or `[Redact]`.
        value: String,
        /// How many accounts satisfied it.
        hits: u32,
    },
    /// The linked account was read and is gone.
    TargetGone(Anchor),
    /// What was decided.
    Decide(Action),
    /// Nothing was to be done.
    Skip(SkipReason),
    /// The target was written.
    Export(Action),
    /// The target was written and refused.
    ExportFailed(Action, Failure),
    /// The object waits for the end of the cycle.
    Deferred(String),
    /// A disable or delete waits for a person's consent.
    Staged(Inactive),
    /// A create or update waits for a person's consent.
    Held(Action),
    /// The account satisfies this clause of `NeverTouch`, in words.
    Protected(String),
    /// A person excluded the object for this reason.
    Excluded(String),
}

impl Step {
    /// The step's name as the provisioning log spells it.
    #[must_use]
    pub fn wire(&self) -> &'static str {
        match self {
            Self::Import(Import::Add) => "EntryImportAdd",
            Self::Import(Import::Update) => "EntryImportUpdate",
            Self::Import(_) | Self::Match { .. } | Self::TargetGone(_) => "EntryImport",
            Self::Scoping { .. } => "EntrySynchronizationScoping",
            Self::Decide(Action::Create) => "EntrySynchronizationAdd",
            Self::Decide(_) => "EntrySynchronizationUpdate",
            Self::Skip(_)
            | Self::Deferred(_)
            | Self::Staged(_)
            | Self::Held(_)
            | Self::Protected(_)
            | Self::Excluded(_) => "EntrySynchronizationSkip",
            Self::Export(action) | Self::ExportFailed(action, _) => match action {
                Action::Create => "EntryExportAdd",
                Action::Delete => "EntryExportDelete",
                _ => "EntryExportUpdate",
            },
        }
    }

    /// How the step ended.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::Skip(_) | Self::Deferred(_) | Self::Protected(_) | Self::Excluded(_) => Outcome::Skipped,
            Self::ExportFailed(..) => Outcome::Failure,
            Self::TargetGone(_) | Self::Staged(_) | Self::Held(_) => Outcome::Warning,
            _ => Outcome::Success,
        }
    }

    /// What happened, in words.
    #[must_use]
    pub fn describe(&self) -> String {
        match self {
            Self::Import(Import::Add) => "Read from the source for the first time.".into(),
            Self::Import(Import::Update) => "Read from the source.".into(),
            Self::Import(Import::Delete) => "The source no longer has the object.".into(),
            Self::Import(Import::Retry) => "Taken up again after a failure.".into(),
            Self::Import(Import::Drift) => "Taken up again: the target was changed by somebody else.".into(),
            Self::Scoping { inactive: None, .. } => "The object is active and in scope.".into(),
            Self::Scoping { inactive: Some(reason), clause } => match clause {
                Some(clause) => format!("Not active: {} ({clause}).", reason.words()),
                None => format!("Not active: {}.", reason.words()),
            },
            Self::Match { attribute, value, hits } => match hits {
                0 => format!("No account at the target has {attribute} = '{value}'."),
                1 => format!("One account at the target has {attribute} = '{value}'."),
                several => format!("{several} accounts at the target have {attribute} = '{value}'."),
            },
            Self::TargetGone(anchor) => format!("The linked account {anchor} is gone from the target."),
            Self::Decide(action) => match action {
                Action::Create => "The account is to be created.".into(),
                Action::Update => "The account is to be updated.".into(),
                Action::Disable => "The account is to be disabled.".into(),
                Action::Delete => "The account is to be deleted.".into(),
                Action::StagedDelete | Action::Other => "Nothing is to be exported.".into(),
            },
            Self::Skip(reason) => reason.describe(),
            Self::Export(action) => match action {
                Action::Create => "Created at the target.".into(),
                Action::Update => "Updated at the target.".into(),
                Action::Disable => "Disabled at the target.".into(),
                Action::Delete => "Deleted at the target.".into(),
                Action::StagedDelete | Action::Other => "Exported.".into(),
            },
            Self::ExportFailed(_, failure) => failure.to_string(),
            Self::Deferred(why) => format!("Decided again at the end of the cycle: {why}"),
            Self::Staged(reason) => {
                format!("Not removed: {}, but too many accounts would be removed at once.", reason.words())
            }
            Self::Held(Action::Create) => {
                "Not created: more accounts would be created at once than MaxCreates allows.".into()
            }
            Self::Held(_) => {
                "Not updated: more accounts would be updated at once than MaxUpdates allows.".into()
            }
            Self::Protected(clause) => format!("The account is never touched: {clause}."),
            Self::Excluded(reason) => format!("The object was excluded by hand: {reason}"),
        }
    }
}

/// An object's identity on one side, as the log shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The anchor; none where the object does not exist there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anchor: Option<Anchor>,
    /// The object type.
    pub kind: Name,
    /// A name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Name>,
}

/// Graph `modifiedProperty`: a value that was exported.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModifiedProperty {
    /// The target attribute.
    pub name: Name,
    /// The value before; `[Redact]` where it must not be shown.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub old: Value,
    /// The value after.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub new: Value,
}

/// What stands in the place of a redacted value.
pub const REDACTED: &str = "[Redact]";

/// One record of the provisioning log (Graph `provisioningObjectSummary`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProvisioningRecord {
    /// Its identifier; sorts by moment.
    pub id: Uuid,
    /// When the decision was settled.
    pub moment: Timestamp,
    /// How long the object took, export included.
    pub duration_ms: u32,
    /// The cycle.
    pub cycle: CycleId,
    /// Identifies the change within the cycle.
    pub change: Uuid,
    /// What was done, or would have been.
    pub action: Action,
    /// How it ended.
    pub outcome: Outcome,
    /// Why it was skipped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skip: Option<SkipReason>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// The object at the source.
    pub source: Identity,
    /// The object at the target.
    pub target: Identity,
    /// How it came about.
    pub steps: Vec<Step>,
    /// What was exported.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub modified: Vec<ModifiedProperty>,
}

impl ProvisioningRecord {
    /// The record's code, as the log spells it; none where all went well.
    #[must_use]
    pub fn code(&self) -> Option<&'static str> {
        self.failure.as_ref().map(|failure| failure.code.wire()).or(self.skip.map(SkipReason::wire))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skip_reasons_have_distinct_numbers() {
        let inactive = [
            Inactive::Gone,
            Inactive::SoftDeleted,
            Inactive::Disabled,
            Inactive::NotEntitled,
            Inactive::OutOfScope,
        ];
        let mut reasons = vec![
            SkipReason::Filtered,
            SkipReason::RedundantExport,
            SkipReason::RedundantSoftDelete,
            SkipReason::AddDoesNotFlow,
            SkipReason::UpdateDoesNotFlow,
            SkipReason::NotOwned,
            SkipReason::NeverTouch,
            SkipReason::Excluded,
        ];
        for reason in inactive {
            reasons.push(SkipReason::Inactive(reason));
            reasons.push(SkipReason::OutOfScopeDeletionsSkipped(reason));
            reasons.push(SkipReason::NoDeprovisioningConfigured(reason));
        }
        let mut numbers: Vec<u8> = reasons.iter().map(|reason| reason.number()).collect();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), reasons.len());
    }
}
