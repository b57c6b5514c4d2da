//! The decisions of Entente, without IO: who is in scope, which account is whose, what flows, what is removed.
//!
//! A [`Program`] is compiled once per schema version. [`decide`] then looks at what is known of one object and either
//! asks for what it must know of the target ([`Step::Need`]) or says what is to be done ([`Step::Done`]); [`settle`]
//! says what an export's outcome means. Both are pure: a cycle, an on-demand run, a plan and an explanation are these
//! functions with different executors, and none has rules of its own.

mod compile;
mod conceal;
mod correlate;
mod decide;
mod drift;
mod facts;
mod filter;
mod flow;
mod limits;
mod matching;
mod preview;
mod program;
mod protect;
mod schedule;
mod settle;
mod typed;

pub use compile::{SchemaError, compile};
pub use conceal::Hidden;
pub use correlate::{Candidate, candidate};
pub use decide::decide;
pub use drift::drifted;
pub use expression::{Context, Domains};
pub use facts::{
    Action, Answer, Decision, Facts, LinkChange, LinkDraft, Need, Policy, References, Seen, Shown, Step,
};
pub use filter::{FilterOperator, MultivaluedComparison, filter_operators};
pub use limits::{Held, Limits, Tally};
pub use matching::fold;
pub use preview::{Preview, preview};
pub use program::{AttributeFlow, Mapping, Program, ReferenceFlow, Rule};
pub use protect::check_never_touch;
pub use schedule::{EscrowTally, escrow_trouble, retry_at};
pub use settle::{Outcome, Settled, is_about_the_target, settle};
