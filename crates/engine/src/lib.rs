//! The engine: cycles of jobs, their schedule, and the control of both.
//!
//! What is decided, `sync` decides; what is sent, connectors send; what is kept, the store keeps. The engine brings
//! the three together so that a crash anywhere costs a repetition, never a loss and never a double: an account is
//! noted durably before it is made, and the source's cursor moves only in the transaction that makes a page's outcomes
//! durable.

mod control;
mod cycle;
mod desk;
mod discovery;
mod engine;
mod explain;
mod hand;
mod health;
mod keeper;
mod live;
mod notice;
mod on_demand;
mod pace;
mod plan;
mod registry;
mod runner;
mod services;
mod stop;
mod templates;
mod time;
mod uploads;

pub use connector::Entitlement;
pub use control::{ControlError, JobChange, JobView, ResetScope, Side};
pub use cycle::{CycleEnd, PrepareError};
pub use engine::Engine;
pub use explain::{ExplainedValue, Explanation, RuleExplanation};
pub use hand::LinkByHand;
pub use keeper::VaultKeeper;
pub use live::Live;
pub use notice::{Notice, NoticeKind, Notifier, Notifiers, NotifyError};
pub use on_demand::{Demand, Provisioned, Subject};
pub use registry::{Registry, Templates};
pub use services::Services;
pub use time::{SystemTimer, Timer};
