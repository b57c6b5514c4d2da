use model::change::{ChangeSet, SourceObject};
use model::fingerprint::{Fingerprint, Fingerprinter};
use model::link::{Entry, Intent, LinkState, Origin, StagedKind};
use model::policies::Ownership;
use model::provisioning::{Import, Inactive, SkipReason, Step as TraceStep};
use model::schema::AttributeType;
use model::settings::TargetVerification;
use model::{Anchor, Failure, Name, Object, Value};

use crate::conceal::Hidden;
use crate::limits::Limits;
use crate::program::Mapping;

/// What the source shows of an object.
#[derive(Clone, Copy, Debug)]
pub enum Seen<'a> {
    /// It is there.
    Present(&'a SourceObject),
    /// It is gone for good.
    Gone,
}

/// What holds for every object of a job.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Secret `SkipOutOfScopeDeletions`: who loses access keeps the account.
    pub skip_out_of_scope_deletions: bool,
    /// Whether the target is read before it is updated.
    pub verification: TargetVerification,
    /// Makes the job's fingerprints.
    pub fingerprints: Fingerprinter,
    /// Which accounts may be changed.
    pub ownership: Ownership,
    /// Which writes are gathered before they are sent.
    pub limits: Limits,
}

/// Everything that is known of one object before the target is asked.
#[expect(clippy::struct_excessive_bools, reason = "independent facts")]
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The mapping that owns the object.
    pub mapping: &'a Mapping,
    /// The object at the source.
    pub anchor: &'a Anchor,
    /// What the source shows.
    pub seen: Seen<'a>,
    /// How it came in.
    pub import: Import,
    /// What the rule remembers.
    pub entry: Option<&'a Entry>,
    /// True where the mapping remembers the object and its category no longer accepts it: it is out of scope.
    pub disowned: bool,
    /// An account that was about to be made when something broke.
    pub intent: Option<&'a Intent>,
    /// True where the target may have taken a write although nobody told: what is remembered of the account may no longer
    /// be so.
    pub unsettled: bool,
    /// What holds for every object.
    pub policy: &'a Policy,
    /// True where the target can disable accounts of this type and enable them again.
    pub soft_delete: bool,
    /// True where limited writes are only staged; false where they are decided again to be sent.
    pub stage_removals: bool,
    /// The one kind of limited write that may be sent all the same, where one may.
    pub sends: Option<StagedKind>,
    /// Why a person took the object out of the job, where one did.
    pub excluded: Option<&'a str>,
    /// True where a disabled, released account has been kept for as long as it is to be.
    pub expired: bool,
    /// True where nothing can be put off any more: the end of the cycle has come.
    pub last_chance: bool,
}

/// Something that must be known of the target, or of the rest of the job.
#[derive(Clone, Debug, PartialEq)]
pub enum Need {
    /// The objects whose attribute equals a value. Answered by [`Answer::Objects`].
    Find {
        /// The target attribute.
        attribute: Name,
        /// The value.
        value: Value,
        /// How texts compare.
        case_exact: bool,
    },
    /// The accounts whose attribute equals a value, as the target itself says now, not as it was listed: none where the
    /// value is free. Answered by [`Answer::Objects`].
    Vacant {
        /// The target attribute.
        attribute: Name,
        /// The value.
        value: Value,
        /// How texts compare.
        case_exact: bool,
    },
    /// The linked account. Answered by [`Answer::Object`].
    Read(Anchor),
    /// Whose account it is. Answered by [`Answer::Owner`].
    Owner(Anchor),
    /// The sole right, within the page, to an account with these values. Answered by [`Answer::Claimed`].
    Claim(Vec<(Name, String)>),
}

/// What a [`Need`] brought.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// What was found.
    Objects(Vec<Object>),
    /// The account; none where it does not exist.
    Object(Option<Object>),
    /// What remembers the account as its own; none where nothing does.
    Owner(Option<Box<Entry>>),
    /// True where nobody else in the page has the claim.
    Claimed(bool),
}

/// The next step with an object.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// These must be answered first.
    Need(Vec<Need>),
    /// This is to be done.
    Done(Box<Decision>),
}

/// What is to be done with an object.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// What is to be sent.
    pub action: Action,
    /// What becomes of the link when it was sent, or at once where nothing is.
    pub link: LinkChange,
    /// What becomes of the object's references then.
    pub references: References,
    /// Why the object is not active, where it is not.
    pub inactive: Option<Inactive>,
    /// How the decision came about.
    pub trace: Vec<TraceStep>,
    /// What must not be shown of what the target answers.
    pub hidden: Hidden,
}

/// What is to be sent to the target.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Nothing.
    Skip(SkipReason),
    /// A new account.
    Create(ChangeSet),
    /// Changes of an account.
    Update(Anchor, ChangeSet),
    /// The changes that disable an account.
    Disable(Anchor, ChangeSet),
    /// An account's end.
    Delete(Anchor),
    /// Nothing yet: a write that is limited waits for the end of the cycle.
    Stage(StagedKind, Option<Inactive>),
    /// Nothing yet: the object is decided again at the end of the cycle, for this reason.
    Defer(Failure),
    /// Nothing: the object cannot be provisioned.
    Fail(Failure),
}

/// What becomes of a link.
#[derive(Clone, Debug, PartialEq)]
pub enum LinkChange {
    /// As it was.
    Keep,
    /// This.
    Put(LinkDraft),
    /// None; the entry goes when the object is gone, else stays for its last outcome.
    Remove,
}

/// A link before the outcome is known.
#[derive(Clone, Debug, PartialEq)]
pub struct LinkDraft {
    /// The account; none where it is about to be made.
    pub anchor: Option<Anchor>,
    /// Whether it is in use.
    pub state: LinkState,
    /// How it came about.
    pub origin: Origin,
    /// True where the account is disabled.
    pub disabled: bool,
    /// What is exported.
    pub shown: Vec<Shown>,
}

/// What is to be remembered of an attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// The target attribute.
    pub attribute: Name,
    /// The type that its values compare in.
    pub kind: AttributeType,
    /// How texts compare.
    pub case_exact: bool,
    /// What was computed.
    pub computed: Fingerprint,
    /// What the target shows, where it is known before the outcome.
    pub shown: Option<Fingerprint>,
    /// True where the attribute is part of the export, so that its outcome tells what the target shows.
    pub exported: bool,
}

/// What becomes of an object's references.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct References {
    /// Reference attributes that came with the object: the target attribute and the objects that it shall refer to.
    pub wanted: Vec<(Name, Vec<Anchor>)>,
    /// True where attributes with many references must be read whole: the account is new here.
    pub enumerate: bool,
    /// True where nothing of what was exported holds any more: the account was made anew.
    pub reset: bool,
}
