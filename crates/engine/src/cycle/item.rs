//! One object on its way through a cycle.

use std::sync::Arc;

use model::change::SourceObject;
use model::link::{Entry, Intent, StagedKind};
use model::provisioning::{Import, Step as TraceStep};
use model::{Anchor, Timestamp};
use store::{Escrow, Staged, Unread, Wait};
use sync::{Answer, Facts, Mapping, Need, Policy, ReferenceFlow, Seen};

use super::prepared::Key;
use crate::desk::Hold;

/// Decisions that come to the same trouble are given up after this many rounds.
pub(crate) const MOST_ROUNDS: u8 = 4;

/// One object of one rule on its way through a cycle.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts")]
pub(crate) struct Item<'p> {
    pub(crate) mapping: &'p Mapping,
    pub(crate) anchor: Anchor,
    /// None where the source no longer has it.
    pub(crate) source: Option<Arc<SourceObject>>,
    pub(crate) import: Import,
    pub(crate) entry: Option<Entry>,
    /// True where the mapping's category no longer accepts the object that it remembers.
    pub(crate) disowned: bool,
    pub(crate) intent: Option<Intent>,
    /// True where a write may have reached its account although nobody told.
    pub(crate) unsettled: bool,
    /// True where this batch made an intent of it durable.
    pub(crate) noted: bool,
    pub(crate) escrow: Option<Escrow>,
    /// What is staged of it, where something is.
    pub(crate) staged: Option<Staged>,
    /// The one kind of limited write that may be sent for it now, where one may.
    pub(crate) sends: Option<StagedKind>,
    /// True where a person agreed to the write, so that it does not count towards the limits.
    pub(crate) agreed: bool,
    /// Why a person took it out of the job, where one did.
    pub(crate) excluded: Option<Arc<str>>,
    /// True where its disabled, released account has been kept for as long as it is to be.
    pub(crate) expired: bool,
    pub(crate) soft_delete: bool,
    /// Keeps the object in hand.
    pub(crate) hold: Arc<Hold>,
    /// The page that it came with: what pages before it do may matter to it.
    pub(crate) turn: u64,
    /// True where it is in somebody else's hand.
    pub(crate) elsewhere: bool,
    pub(crate) answers: Vec<(Need, Answer)>,
    /// True where only the target itself may answer, not the index of what it was.
    pub(crate) live: bool,
    /// How often it was decided again because of an outcome.
    pub(crate) rounds: u8,
    /// Steps of earlier rounds.
    pub(crate) trace: Vec<TraceStep>,
    pub(crate) began: Timestamp,
}

impl<'p> Item<'p> {
    pub(crate) fn key(&self) -> Key {
        (self.mapping.rule.clone(), self.anchor.clone())
    }

    /// What failed of it and is tried again, or is to be decided again. What was given up, and what only waits for a
    /// change, fails for the first time when it fails.
    pub(crate) fn failing(&self) -> Option<&Escrow> {
        self.escrow.as_ref().filter(|escrow| matches!(escrow.wait, Wait::Moment | Wait::CycleEnd))
    }

    /// True where others look after it: it waits, and was not given up.
    pub(crate) fn waits(&self) -> bool {
        self.escrow.as_ref().is_some_and(|escrow| escrow.wait != Wait::GivenUp)
    }

    /// What of its large reference attributes an earlier look at it left to be read.
    pub(crate) fn unread(&self) -> Unread {
        self.escrow.as_ref().map_or(Unread::Nothing, |escrow| escrow.unread)
    }

    /// The large reference attributes that are read whole, of an account that was `made` or is there.
    pub(crate) fn enumerated(&self, made: bool) -> impl Iterator<Item = &'p ReferenceFlow> + use<'p> {
        let made = made || self.unread() == Unread::SinceMade;
        self.mapping.references.iter().filter(move |flow| !flow.inline && (made || flow.follows()))
    }

    pub(crate) fn facts<'a>(&'a self, policy: &'a Policy, mode: Mode) -> Facts<'a>
    where
        'p: 'a,
    {
        Facts {
            mapping: self.mapping,
            anchor: &self.anchor,
            seen: self.source.as_deref().map_or(Seen::Gone, Seen::Present),
            import: self.import,
            entry: self.entry.as_ref(),
            disowned: self.disowned,
            intent: self.intent.as_ref(),
            unsettled: self.unsettled,
            policy,
            soft_delete: self.soft_delete,
            stage_removals: mode.stage_removals,
            sends: self.sends,
            excluded: self.excluded.as_deref(),
            expired: self.expired,
            last_chance: mode.last_chance,
        }
    }
}

/// How a batch of objects is decided.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts")]
pub(crate) struct Mode {
    /// Limited writes are staged for the end of the cycle.
    pub(crate) stage_removals: bool,
    /// Nothing can be put off any more.
    pub(crate) last_chance: bool,
    /// What is done may be committed before the rest of the batch is.
    pub(crate) commit_on_the_way: bool,
    /// No cycle that is under way tells that writes may have been sent.
    pub(crate) beside: bool,
}

impl Mode {
    /// For the pages of the source.
    pub(crate) const PAGE: Self =
        Self { stage_removals: true, last_chance: false, commit_on_the_way: true, beside: false };
    /// For looking only: what would be done at last.
    pub(crate) const LOOK: Self = Self::NOW;
    /// For a plan: what would be done, as far as it does not depend on what is done for others.
    pub(crate) const PLAN: Self = Self { last_chance: false, ..Self::NOW };
    /// For what waited for the end of the cycle.
    pub(crate) const END: Self = Self { last_chance: true, commit_on_the_way: false, ..Self::PAGE };
    /// For objects that somebody asked for: all is done now, or not at all.
    pub(crate) const NOW: Self =
        Self { stage_removals: false, last_chance: true, commit_on_the_way: false, beside: true };
}
