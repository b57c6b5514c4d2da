//! Synchronization, with connectors in memory in the place of real directories.

mod directories;
mod discovery;
mod documented;
mod explain;
mod failures;
mod jobs;
mod language;
mod objects;
mod on_demand;
mod orders;
mod plans;
pub(crate) mod rig;
mod schema;
mod sdk_routes;
mod secrets;
mod source_principal;
mod templates;
mod uploads;
